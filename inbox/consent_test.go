package inbox

import (
	"errors"
	"strings"
	"testing"
	"time"

	"throughline/connectors"
	"throughline/message"
	"throughline/store"
	"throughline/timeline"
)

func (w *world) consentOf(handle message.Handle, channel string) (c *Consent) {
	w.t.Helper()
	w.view(func(tx *store.Tx) (err error) {
		hd, ok := w.Identity.Find(tx, handle)
		if ok {
			c, err = w.Hub.consent(tx, hd.ID, channel, "")
		}
		return err
	})
	return c
}

// TestStop: STOP forbids, START allows again, whatever the order in which they come.
func TestStop(t *testing.T) {
	w := newWorld(t)
	acknowledging := func(c *texter) { c.About.Acknowledge = "We got it." }
	c := w.texter("mobile", "+447700900001", acknowledging)
	word := func(m int, text string, consent message.Consent) message.Message {
		msg := c.message(annsNumber, text)
		msg.Consent = consent
		msg.Received = time.Now().Add(time.Duration(m-60) * time.Minute)
		return msg
	}
	id := w.texted(c, word(10, "STOP", message.OptOut))
	if n := w.conversation(id).Messages; n != 1 {
		t.Errorf("%d messages: STOP was acknowledged", n)
	}
	if !w.conversation(id).Waiting.IsZero() {
		t.Error("STOP waits for an answer")
	}
	_, err := w.Reply(t.Context(), textReply(id, "mobile", "but why?"))
	var conflict *ConflictError
	if !errors.As(err, &conflict) || !strings.Contains(conflict.Text, "since") || !strings.Contains(conflict.Text, "STOP") {
		t.Fatalf("written to somebody who said stop: %v", err)
	}
	// Another channel is another matter.
	mailed := reply(w.accept(mail("ann@example.org", "q", "question"))[0], "answer")
	w.reply(mailed)
	<-w.sent
	w.texted(c, word(30, "STOP", message.OptOut))
	w.texted(c, word(20, "START", message.OptIn)) // late
	if got := w.consentOf(annsPhone[0].Handle, "text"); got.State != message.OptOut || got.By != byCustomer || got.Message == 0 {
		t.Errorf("consent %+v", got)
	}
	w.texted(c, word(40, "START", message.OptIn))
	w.reply(textReply(id, "mobile", "welcome back"))
	if m := <-w.sent; m.Text != "welcome back" {
		t.Errorf("sent %+v", m)
	}
	var told int
	for _, k := range w.events(id) {
		if k == timeline.ConsentChanged {
			told++
		}
	}
	if told != 2 {
		t.Errorf("%d events of consent, want 2: %q", told, w.events(id))
	}
}

// TestStopInTheUndoWindow: what waits to go out does not.
func TestStopInTheUndoWindow(t *testing.T) {
	w := newWorldAt(t, t.TempDir(), time.Hour)
	c := w.texter("mobile", "+447700900001", nil)
	id := w.texted(c, c.message(annsNumber, "hello"))
	r := w.reply(textReply(id, "mobile", "hi"))
	stop := c.message(annsNumber, "stop")
	stop.Consent = message.OptOut
	w.texted(c, stop)
	w.due(r.ID)
	d := w.delivery(r.ID, is(message.Failed))
	if d.Code != codeOptOut || len(d.Attempts) != 0 || !strings.Contains(d.Reason, "since") || len(w.sent) != 0 {
		t.Errorf("delivery %+v, %d sent", d, len(w.sent))
	}
	if err := w.Retry(t.Context(), 1, r.ID); err == nil {
		t.Error("it can be sent again")
	}
}

// due makes a message go out now.
func (w *world) due(id uint64) {
	w.t.Helper()
	if err := w.Store.Update(w.t.Context(), func(tx *store.Tx) error {
		d, err := w.Delivery(tx, id)
		if err != nil {
			return err
		}
		d.Due = tx.Now()
		return w.deliveries.Put(tx, id, d)
	}); err != nil {
		w.t.Fatal(err)
	}
}

// TestProviderRefuses: the provider's word is a consent too, in its answer or in a
// later report.
func TestProviderRefuses(t *testing.T) {
	for _, late := range []bool{false, true} {
		w := newWorld(t)
		c := w.texter("mobile", "+447700900001", func(c *texter) {
			sent := c.send
			c.send = func(m message.Message) (connectors.Receipt, error) {
				if late {
					return sent(m)
				}
				return connectors.Receipt{}, &connectors.SendError{Class: connectors.OptOut, Code: "21610", Reason: "unsubscribed recipient"}
			}
		})
		id := w.texted(c, c.message(annsNumber, "hello"))
		r := w.reply(textReply(id, "mobile", "hi"))
		if late {
			d := w.delivery(r.ID, is(message.Sent))
			w.take(c, connectors.Batch{Reports: []message.Report{{Ref: d.Ref, Status: message.Failed, Code: "21610", Reason: "unsubscribed recipient", OptOut: true}}})
		}
		w.delivery(r.ID, is(message.Failed))
		if got := w.consentOf(annsPhone[0].Handle, "text"); got == nil || got.State != message.OptOut || got.By != byProvider || got.Code != "21610" || got.Message != r.ID {
			t.Errorf("consent %+v", got)
		}
		if _, err := w.Reply(t.Context(), textReply(id, "mobile", "again")); err == nil {
			t.Error("written to again")
		}
	}
}

// TestConsentByHand: an agent notes what somebody told on another way.
func TestConsentByHand(t *testing.T) {
	w := newWorld(t)
	c := w.texter("mobile", "+447700900001", nil)
	id := w.texted(c, c.message(annsNumber, "hello"))
	h := annsPhone[0].Handle
	for _, tt := range []struct {
		channel string
		state   message.Consent
		reason  string
	}{{"pigeon", message.OptOut, "said so"}, {"text", "maybe", "said so"}, {"text", message.OptOut, " "}, {"text", message.OptOut, strings.Repeat("x", maxConsentReason+1)}} {
		var invalid *InvalidError
		if err := w.SetConsent(t.Context(), 7, h, tt.channel, "", tt.state, tt.reason); !errors.As(err, &invalid) {
			t.Errorf("%+v: %v", tt, err)
		}
	}
	if err := w.SetConsent(t.Context(), 7, h, "text", "", message.OptOut, "said so on the phone"); err != nil {
		t.Fatal(err)
	}
	if got := w.consentOf(h, "text"); got.By != "agent:7" || got.Reason != "said so on the phone" {
		t.Errorf("consent %+v", got)
	}
	if _, err := w.Reply(t.Context(), textReply(id, "mobile", "hi")); err == nil || !strings.Contains(err.Error(), "said so on the phone") {
		t.Errorf("written to: %v", err)
	}
	if err := w.SetConsent(t.Context(), 7, h, "text", "", message.OptIn, "wrote a letter"); err != nil {
		t.Fatal(err)
	}
	w.reply(textReply(id, "mobile", "hi"))
}

// TestAcknowledgeObeysConsent: a machine does not write to who wants nothing.
func TestAcknowledgeObeysConsent(t *testing.T) {
	w := newWorld(t)
	w.pause = 0
	c := w.texter("mobile", "+447700900001", func(c *texter) { c.About.Acknowledge = "We got it." })
	id := w.texted(c, c.message(annsNumber, "hello"))
	if m := <-w.sent; m.Text != "We got it." || m.Subject != "" || !m.Automatic {
		t.Errorf("acknowledged with %+v", m)
	}
	if err := w.SetConsent(t.Context(), 1, annsPhone[0].Handle, "text", "", message.OptOut, "told me"); err != nil {
		t.Fatal(err)
	}
	w.status(id, Resolved)
	if again := w.texted(c, c.message(annsNumber, "hello again")); again == id || w.conversation(again).Messages != 1 {
		t.Errorf("conversation %+v", w.conversation(again))
	}
}

// TestStopAndStartAtOnce: providers tell whole seconds. Of a no and a yes at the same
// time the no holds, whichever comes first.
func TestStopAndStartAtOnce(t *testing.T) {
	at := time.Now().Add(-time.Hour).Truncate(time.Second)
	for name, tt := range map[string]struct {
		words []message.Consent
		times []time.Duration
		want  message.Consent
	}{
		"stop last":             {[]message.Consent{message.OptIn, message.OptOut}, []time.Duration{0, 0}, message.OptOut},
		"start last":            {[]message.Consent{message.OptOut, message.OptIn}, []time.Duration{0, 0}, message.OptOut},
		"stop by another clock": {[]message.Consent{message.OptIn, message.OptOut}, []time.Duration{700 * time.Millisecond, 0}, message.OptOut},
		"start later":           {[]message.Consent{message.OptOut, message.OptIn}, []time.Duration{0, time.Second}, message.OptIn},
		"stop long before":      {[]message.Consent{message.OptIn, message.OptOut}, []time.Duration{time.Minute, 0}, message.OptIn},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			c := w.texter("mobile", "+447700900001", nil)
			for i, word := range tt.words {
				m := c.message(annsNumber, "a word")
				m.Consent, m.Received = word, at.Add(tt.times[i])
				w.texted(c, m)
			}
			if got := w.consentOf(annsPhone[0].Handle, "text"); got.State != tt.want {
				t.Errorf("consent %+v", got)
			}
		})
	}
}
