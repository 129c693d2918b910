package inbox

import (
	"testing"
	"time"

	"throughline/connectors"
	"throughline/message"
)

// answeredOver is an account of texts, and an answer over it that the provider has taken.
func (w *world) answeredOver(c *texter) (conversation uint64, ref string) {
	w.t.Helper()
	id := w.texted(c, c.message(annsNumber, "hello"))
	r := w.reply(textReply(id, "mobile", "hi"))
	return id, w.delivery(r.ID, is(message.Sent)).Ref
}

// TestRefusalRepeated: what a provider told before somebody said START says nothing of
// him afterwards, whether it is told again or was found late.
func TestRefusalRepeated(t *testing.T) {
	for _, late := range []bool{false, true} {
		w := newWorld(t)
		c := w.texter("mobile", "+447700900001", nil)
		id, ref := w.answeredOver(c)
		rep := message.Report{Ref: ref, Status: message.Failed, Code: "21610", Reason: "unsubscribed recipient", OptOut: true, Time: time.Now().Add(-time.Hour)}
		if !late {
			w.take(c, connectors.Batch{Reports: []message.Report{rep}})
			if got := w.consentOf(annsPhone[0].Handle, "text"); got == nil || got.State != message.OptOut || !got.Since.Equal(rep.Time) {
				t.Fatalf("refused at %s: %+v", rep.Time, got)
			}
		}
		start := c.message(annsNumber, "START")
		start.Consent, start.Received = message.OptIn, time.Now().Add(-30*time.Minute)
		w.texted(c, start)
		rep.Time = rep.Time.Add(time.Second) // it need not be told with the same time
		if !late {
			rep.Time = time.Now()
		}
		w.take(c, connectors.Batch{Reports: []message.Report{rep}})
		if got := w.consentOf(annsPhone[0].Handle, "text"); got.State != message.OptIn {
			t.Errorf("late %v: after START and the report: %+v", late, got)
		}
		w.reply(textReply(id, "mobile", "welcome back"))
	}
}

// TestFailureRepeated: the same of an address that did not work, once the person has
// written from it or an agent has lifted the suspension.
func TestFailureRepeated(t *testing.T) {
	for name, tt := range map[string]struct {
		late bool
		back func(w *world, c *texter)
	}{
		"written":       {false, func(w *world, c *texter) { w.texted(c, c.message(annsNumber, "here I am")) }},
		"written since": {true, func(w *world, c *texter) { w.texted(c, c.message(annsNumber, "here I am")) }},
		"lifted": {false, func(w *world, _ *texter) {
			if err := w.Lift(w.t.Context(), 1, annsPhone[0].Handle); err != nil {
				w.t.Fatal(err)
			}
		}},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			c := w.texter("mobile", "+447700900001", nil)
			id, ref := w.answeredOver(c)
			rep := message.Report{Ref: ref, Status: message.Failed, Code: "30005", Gone: true, Permanent: true, Time: time.Now()}
			if !tt.late {
				w.take(c, connectors.Batch{Reports: []message.Report{rep}})
				if w.suspended(annsPhone[0].Handle, "text") == nil {
					t.Fatal("not suspended")
				}
			}
			tt.back(w, c)
			second := w.reply(textReply(id, "mobile", "fine")) // of which nothing is known yet
			w.delivery(second.ID, is(message.Sent))
			w.take(c, connectors.Batch{Reports: []message.Report{rep}})
			if s := w.suspended(annsPhone[0].Handle, "text"); s != nil {
				t.Errorf("suspended again: %+v", s)
			}
		})
	}
}

// TestGoodNewsRepeated: that an older message had arrived does not lift what the
// failure of a newer one says.
func TestGoodNewsRepeated(t *testing.T) {
	w := newWorld(t)
	c := w.texter("mobile", "+447700900001", nil)
	id, first := w.answeredOver(c)
	arrived := message.Report{Ref: first, Status: message.Delivered, Time: time.Now()}
	w.take(c, connectors.Batch{Reports: []message.Report{arrived}})
	r := w.reply(textReply(id, "mobile", "and this"))
	d := w.delivery(r.ID, is(message.Sent))
	w.take(c, connectors.Batch{Reports: []message.Report{{Ref: d.Ref, Status: message.Failed, Code: "30005", Gone: true, Time: time.Now()}}})
	w.take(c, connectors.Batch{Reports: []message.Report{arrived}})
	if w.suspended(annsPhone[0].Handle, "text") == nil {
		t.Error("lifted by old news")
	}
}

// TestSeveralRecipients: of a mail to several each one's report counts, once.
func TestSeveralRecipients(t *testing.T) {
	const bob message.Handle = "mailto:bob@example.org"
	w := newWorld(t)
	w.accept(mail(bob.Address(), "b", "hello"))
	o := reply(w.accept(mail("ann@example.org", "q", "question"))[0], "answer")
	o.Cc = []message.Person{{Handle: bob}}
	send := func() (ref string) {
		t.Helper()
		o.SeenSeq = 1 << 40
		r := w.reply(o)
		w.delivery(r.ID, is(message.Sent))
		return r.Ref
	}
	report := func(rep message.Report) {
		t.Helper()
		rep.Time = time.Now()
		if err := w.sink.Accept(t.Context(), connectors.Batch{Reports: []message.Report{rep}}); err != nil {
			t.Fatal(err)
		}
	}
	first := send()
	gone := message.Report{Ref: first, Handle: bob, Status: message.Failed, Code: "5.1.1", Permanent: true}
	report(message.Report{Ref: first, Handle: "mailto:ann@example.org", Status: message.Delivered})
	report(gone)
	if w.suspended(bob, "test") == nil {
		t.Fatal("the second one's failure suspends nothing")
	}
	if err := w.Lift(t.Context(), 1, bob); err != nil {
		t.Fatal(err)
	}
	report(gone)
	if w.suspended(bob, "test") != nil {
		t.Error("suspended again by the same report")
	}
}
