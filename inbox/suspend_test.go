package inbox

import (
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"throughline/connectors"
	"throughline/message"
	"throughline/store"
)

func (w *world) suspended(handle message.Handle, channel string) (s *Suspension) {
	w.t.Helper()
	w.view(func(tx *store.Tx) (err error) {
		if hd, ok := w.Identity.Find(tx, handle); ok {
			s, err = w.Hub.Suspension(tx, hd.ID, channel)
		}
		return err
	})
	if s != nil && s.Since.IsZero() {
		return nil
	}
	return s
}

// TestBouncesSuspend: a lasting failure at once, passing ones after some in a row.
func TestBouncesSuspend(t *testing.T) {
	for name, tt := range map[string]struct {
		report message.Report
		after  int // so many failures suspend; 0 is never
	}{
		"no such number":          {message.Report{Status: message.Failed, Code: "30005", Reason: "no longer in use", Permanent: true, Gone: true}, 1},
		"no such mailbox":         {message.Report{Status: message.Failed, Code: "5.1.1", Reason: "user unknown", Permanent: true}, 1},
		"switched off":            {message.Report{Status: message.Failed, Code: "30003", Reason: "cannot be reached"}, softLimit},
		"lasting, but not for it": {message.Report{Status: message.Failed, Code: "21617", Reason: "too long", Permanent: true}, softLimit},
		"opted out":               {message.Report{Status: message.Failed, Code: "21610", OptOut: true, Permanent: true}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			c := w.texter("mobile", "+447700900001", nil)
			id := w.texted(c, c.message(annsNumber, "hello"))
			for n := 1; n <= softLimit; n++ {
				if tt.after == 0 && n > 1 {
					break
				}
				r := w.reply(textReply(id, "mobile", "answer"+strings.Repeat("!", n)))
				<-w.sent
				w.delivery(r.ID, func(d *Delivery) bool { return d.Status == message.Sent })
				rep := tt.report
				rep.Ref, rep.Time = message.OwnRef(r.ID, r.Token), time.Now()
				w.take(c, connectors.Batch{Reports: []message.Report{rep, rep}}) // told twice, counted once
				if is := w.suspended(annsPhone[0].Handle, "text") != nil; is != (tt.after != 0 && n >= tt.after) {
					t.Fatalf("after %d failures suspended: %v", n, is)
				}
				if tt.after == n {
					break
				}
			}
			if tt.after == 0 {
				return
			}
			_, err := w.Reply(t.Context(), textReply(id, "mobile", "again"))
			var conflict *ConflictError
			if !errors.As(err, &conflict) || !strings.Contains(conflict.Text, "suspended") {
				t.Fatalf("written to a suspended handle: %v", err)
			}
			if err := w.Lift(t.Context(), 1, annsPhone[0].Handle); err != nil {
				t.Fatal(err)
			}
			if err := w.Lift(t.Context(), 1, annsPhone[0].Handle); !errors.As(err, &conflict) {
				t.Errorf("lifted twice: %v", err)
			}
			w.reply(textReply(id, "mobile", "again"))
			<-w.sent
		})
	}
}

// A report is believed of those its message went to: who got one mail of ours can
// write a bounce that names anybody.
func TestForgedBounce(t *testing.T) {
	const ann, bob message.Handle = "mailto:ann@example.org", "mailto:bob@example.org"
	w := newWorld(t)
	w.accept(mail(bob.Address(), "b", "hello"))
	o := reply(w.accept(mail(ann.Address(), "q", "question"))[0], "answer")
	o.Cc = []message.Person{{Handle: "mailto:cid@example.org"}}
	r := w.reply(o)
	w.delivery(r.ID, func(d *Delivery) bool { return d.Status == message.Sent })
	rep := message.Report{Ref: message.OwnRef(r.ID, r.Token), Handle: bob, Status: message.Failed, Code: "5.1.1", Permanent: true, Time: time.Now()}
	if err := w.sink.Accept(t.Context(), connectors.Batch{Reports: []message.Report{rep}}); err != nil {
		t.Fatal(err)
	}
	if s := w.suspended(bob, "test"); s != nil {
		t.Errorf("suspended by a bounce of a mail that did not go there: %+v", s)
	}
	rep.Handle = "mailto:Ann@example.org"
	if err := w.sink.Accept(t.Context(), connectors.Batch{Reports: []message.Report{rep}}); err != nil {
		t.Fatal(err)
	}
	if w.suspended(ann, "test") == nil {
		t.Error("a bounce of the address itself suspends nothing")
	}
}

// TestWritingLiftsSuspension: whoever writes from an address has it.
func TestWritingLiftsSuspension(t *testing.T) {
	w := newWorld(t)
	c := w.texter("mobile", "+447700900001", nil)
	id := w.texted(c, c.message(annsNumber, "hello"))
	r := w.reply(textReply(id, "mobile", "answer"))
	<-w.sent
	w.delivery(r.ID, func(d *Delivery) bool { return d.Status == message.Sent })
	w.take(c, connectors.Batch{Reports: []message.Report{{Ref: message.OwnRef(r.ID, r.Token), Status: message.Failed, Code: "30005", Gone: true, Time: time.Now()}}})
	if w.suspended(annsPhone[0].Handle, "text") == nil {
		t.Fatal("not suspended")
	}
	w.texted(c, c.message(annsNumber, "here I am"))
	if w.suspended(annsPhone[0].Handle, "text") != nil {
		t.Error("suspended still")
	}
}

// TestConsentByPurpose: a no to one purpose leaves the others, a no to all forbids
// all but what was welcomed after it.
func TestConsentByPurpose(t *testing.T) {
	w := newWorld(t)
	c := w.texter("mobile", "+447700900001", nil)
	id := w.texted(c, c.message(annsNumber, "hello"))
	h := annsPhone[0].Handle
	say := func(purpose string, state message.Consent) {
		t.Helper()
		if err := w.SetConsent(t.Context(), 1, h, "text", purpose, state, "told me"); err != nil {
			t.Fatal(err)
		}
	}
	about := func(purpose string) {
		t.Helper()
		if err := w.Change(t.Context(), 1, []uint64{id}, Change{Purpose: &purpose}); err != nil {
			t.Fatal(err)
		}
	}
	refused := func(want bool) {
		t.Helper()
		w.view(func(tx *store.Tx) error {
			out, err := w.optedOut(tx, "text", w.purposeOf(tx, id), []message.Handle{h})
			if (out != nil) != want {
				t.Errorf("refused: %v", out)
			}
			return err
		})
	}
	say("offer", message.OptOut)
	refused(false)
	about("offer")
	refused(true)
	about("support")
	refused(false)
	say("", message.OptOut)
	refused(true)
	say("support", message.OptIn)
	refused(false)
	about("offer")
	refused(true)
	var invalid *InvalidError
	if err := w.SetConsent(t.Context(), 1, h, "text", "nothing", message.OptOut, "told me"); !errors.As(err, &invalid) {
		t.Errorf("an unknown purpose: %v", err)
	}
}

// TestStopWhileAnAnswerWaits: a STOP that comes while an answer waits to go out, here
// behind another one, keeps it from going.
func TestStopWhileAnAnswerWaits(t *testing.T) {
	w := newWorld(t)
	begun, free := make(chan struct{}), make(chan struct{})
	release := sync.OnceFunc(func() { close(free) })
	defer release()
	c := w.texter("mobile", "+447700900001", func(c *texter) {
		send := c.send
		c.send = func(m message.Message) (connectors.Receipt, error) {
			close(begun)
			<-free
			return send(m)
		}
	})
	ben := textReply(w.texted(c, c.message("+447700900124", "hi")), "mobile", "one moment")
	ben.To = []message.Person{{Handle: "tel:+447700900124"}}
	w.reply(ben)
	<-begun
	id := w.texted(c, c.message(annsNumber, "hello"))
	r := w.reply(textReply(id, "mobile", "one more thing"))
	stop := c.message(annsNumber, "STOP")
	stop.Consent = message.OptOut
	w.texted(c, stop)
	release()
	d := w.delivery(r.ID, func(d *Delivery) bool { return d.Status == message.Failed })
	if d.Code != codeOptOut || len(w.sent) != 1 || len(d.Attempts) != 0 {
		t.Errorf("delivery %+v, %d sent", d, len(w.sent))
	}
}
