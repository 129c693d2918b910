package inbox

import (
	"strings"
	"testing"
	"time"

	"throughline/connectors"
	"throughline/message"
	"throughline/store"
)

// TestEveryWayOutAsksForConsent: whatever an agent writes, and whenever it is to go
// out, a no that comes before holds it back, and nothing more can be written.
func TestEveryWayOutAsksForConsent(t *testing.T) {
	const carrier = "mailto:carrier@example.net"
	texts := func(change func(w *world, o *Outgoing)) func(w *world) (Outgoing, message.Handle, string) {
		return func(w *world) (Outgoing, message.Handle, string) {
			c := w.texter("mobile", "+447700900001", func(c *texter) {
				c.templates = []message.Template{{ID: "HX1", Name: "greeting", Text: "Hello {{1}}", Gaps: []string{"1"}}}
			})
			o := textReply(w.texted(c, c.message(annsNumber, "hello")), "mobile", "hi")
			change(w, &o)
			return o, annsPhone[0].Handle, "text"
		}
	}
	mails := func(to message.Handle, change func(o *Outgoing)) func(w *world) (Outgoing, message.Handle, string) {
		return func(w *world) (Outgoing, message.Handle, string) {
			o := reply(w.accept(mail("ann@example.org", "q", "question"))[0], "answer")
			change(&o)
			return o, to, "test"
		}
	}
	for name, begin := range map[string]func(w *world) (Outgoing, message.Handle, string){
		"a text":         texts(func(*world, *Outgoing) {}),
		"a text later":   texts(func(_ *world, o *Outgoing) { o.SendAt = time.Now().Add(2 * time.Hour) }),
		"the first text": texts(func(_ *world, o *Outgoing) { o.Conversation, o.Mode = 0, ModeNew }),
		"a template": texts(func(_ *world, o *Outgoing) {
			o.HTML, o.Template = "", &message.TemplateUse{ID: "HX1", Values: map[string]string{"1": "Ann"}}
		}),
		"over another":    texts(func(w *world, o *Outgoing) { o.Conversation = w.accept(mail("ann@example.org", "q", "question"))[0] }),
		"a letter":        mails(ann[0].Handle, func(*Outgoing) {}),
		"a letter later":  mails(ann[0].Handle, func(o *Outgoing) { o.SendAt = time.Now().Add(2 * time.Hour) }),
		"the first":       mails(ann[0].Handle, func(o *Outgoing) { o.Conversation, o.Mode, o.Account, o.Subject = 0, ModeNew, "support", "news" }),
		"a forward":       mails(carrier, func(o *Outgoing) { o.Mode, o.To = ModeForward, []message.Person{{Handle: carrier}} }),
		"a copy to alone": mails(carrier, func(o *Outgoing) { o.To, o.Bcc = nil, []message.Person{{Handle: carrier}} }),
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorldAt(t, t.TempDir(), time.Hour)
			o, to, channel := begin(w)
			r := w.reply(o)
			if err := w.SetConsent(t.Context(), 1, to, channel, "", message.OptOut, "told me"); err != nil {
				t.Fatal(err)
			}
			w.due(r.ID)
			d := w.delivery(r.ID, is(message.Failed))
			if d.Code != codeOptOut || len(d.Attempts) != 0 || len(w.sent) != 0 {
				t.Errorf("it went out: %+v, %d sent", d, len(w.sent))
			}
			if _, err := w.Reply(t.Context(), o); !conflict(err) || !strings.Contains(err.Error(), "told me") {
				t.Errorf("written again: %v", err)
			}
		})
	}
}

// TestAcknowledgementIsTriedAgain: what a machine wrote asks at each attempt, too.
func TestAcknowledgementIsTriedAgain(t *testing.T) {
	w := newWorld(t)
	c := w.texter("mobile", "+447700900001", func(c *texter) {
		c.About.Acknowledge = "We got it."
		c.send = func(message.Message) (connectors.Receipt, error) {
			return connectors.Receipt{}, &connectors.SendError{Class: connectors.Retry, After: time.Hour, Reason: "not now"}
		}
	})
	w.texted(c, c.message(annsNumber, "hello"))
	var own uint64
	w.view(func(tx *store.Tx) error {
		for e := range w.deliveries.Scan(tx, store.Range{}) {
			own = e.ID
		}
		return nil
	})
	w.delivery(own, func(d *Delivery) bool { return len(d.Attempts) == 1 && d.Attempts[0].Result != "" })
	if err := w.SetConsent(t.Context(), 1, annsPhone[0].Handle, "text", "", message.OptOut, "told me"); err != nil {
		t.Fatal(err)
	}
	w.due(own)
	if d := w.delivery(own, is(message.Failed)); d.Code != codeOptOut || len(d.Attempts) != 1 {
		t.Errorf("it was tried again: %+v", d)
	}
}

// TestCallAsksForConsent: a no to calls about one purpose keeps from calling about it,
// not from calling about another.
func TestCallAsksForConsent(t *testing.T) {
	w := newWorld(t)
	w.openLine()
	id := w.accept(mail("ann@example.org", "q", "question"))[0]
	const number = "tel:+12025550143"
	if err := w.SetConsent(t.Context(), 7, number, "voice", "offer", message.OptOut, "told us so"); err != nil {
		t.Fatal(err)
	}
	about := func(purpose string) error {
		if err := w.Change(t.Context(), 7, []uint64{id}, Change{Purpose: &purpose}); err != nil {
			t.Fatal(err)
		}
		_, err := w.Dial(t.Context(), CallOut{Agent: 7, Account: "line", To: number, Conversation: id, Key: purpose})
		return err
	}
	if err := about("offer"); !conflict(err) || !strings.Contains(err.Error(), "told us so") {
		t.Errorf("called about what they do not want calls about: %v", err)
	}
	if err := about("support"); err != nil {
		t.Errorf("called about something else: %v", err)
	}
}

// TestConsentStaysWithTheAddress: a no is that of an address, whoever it is linked
// to: merging and parting its customer, or several people using it, change nothing.
func TestConsentStaysWithTheAddress(t *testing.T) {
	w := newWorldAt(t, t.TempDir(), time.Hour)
	ctx := t.Context()
	c := w.texter("mobile", "+447700900001", nil)
	id := w.texted(c, c.message(annsNumber, "hello"))
	letter := w.accept(mail("ann@example.org", "q", "question"))[0]
	stop := c.message(annsNumber, "STOP")
	stop.Consent = message.OptOut
	w.texted(c, stop)
	phone, letters := w.ownerOf(annsPhone[0].Handle), w.ownerOf(ann[0].Handle)
	is := func(when string) {
		t.Helper()
		if _, err := w.Reply(ctx, textReply(id, "mobile", "hi")); !conflict(err) {
			t.Errorf("%s: a text to who said STOP: %v", when, err)
		}
		if _, err := w.Reply(ctx, reply(letter, "hi")); err != nil {
			t.Errorf("%s: a letter to another address: %v", when, err)
		}
		w.view(func(tx *store.Tx) error {
			a, err := w.AdviseCustomer(tx, w.ownerOf(annsPhone[0].Handle), "")
			if err != nil {
				return err
			}
			for _, v := range a.Ways {
				if (v.Channel == "text") != (v.Blocked != "") {
					t.Errorf("%s: %s is blocked: %q", when, v.Channel, v.Blocked)
				}
			}
			return nil
		})
	}
	is("apart")
	if err := w.Merge(ctx, 1, letters, phone, nil, false, "the same"); err != nil {
		t.Fatal(err)
	}
	is("merged")
	if err := w.SetShared(ctx, 1, annsPhone[0].Handle, true); err != nil {
		t.Fatal(err)
	}
	is("shared")
	if _, err := w.Unmerge(ctx, 1, phone, "not the same"); err != nil {
		t.Fatal(err)
	}
	is("parted again")
}
