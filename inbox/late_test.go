package inbox

import (
	"fmt"
	"testing"
	"time"

	"throughline/connectors"
	"throughline/message"
)

// numbered is an account whose provider gives every attempt a name of its own.
func (w *world) numbered(send func(n int) (connectors.Receipt, error)) *texter {
	n := 0
	return w.texter("mobile", "+447700900001", func(c *texter) {
		c.send = func(message.Message) (connectors.Receipt, error) {
			n++
			return send(n)
		}
	})
}

func numberedRef(n int) string { return fmt.Sprintf("mobile/S%d", n) }

// TestFailureOfAnEarlierAttempt: a provider that repeats the news of an attempt that
// failed says nothing of what an agent sent again since, under whatever name.
func TestFailureOfAnEarlierAttempt(t *testing.T) {
	for _, own := range []bool{true, false} {
		t.Run(fmt.Sprint(own), func(t *testing.T) {
			w := newWorld(t)
			c := w.numbered(func(n int) (connectors.Receipt, error) { return connectors.Receipt{Ref: numberedRef(n)}, nil })
			id := w.texted(c, c.message(annsNumber, "hello"))
			r := w.reply(textReply(id, "mobile", "hi"))
			w.delivery(r.ID, is(message.Sent))
			failed := func(n int) message.Report {
				rep := message.Report{Ref: numberedRef(n), Status: message.Failed, Code: "30008"}
				if own {
					rep.Wire, rep.Ref = rep.Ref, r.Ref
				}
				return rep
			}
			w.take(c, connectors.Batch{Reports: []message.Report{failed(1)}})
			w.delivery(r.ID, is(message.Failed))
			if err := w.Retry(t.Context(), 1, r.ID); err != nil {
				t.Fatal(err)
			}
			w.delivery(r.ID, func(d *Delivery) bool { return d.Ref == numberedRef(2) })
			w.take(c, connectors.Batch{Reports: []message.Report{failed(1)}})
			if d := w.delivery(r.ID, func(*Delivery) bool { return true }); d.Status != message.Sent {
				t.Errorf("after the repeated news: %+v", d)
			}
			w.take(c, connectors.Batch{Reports: []message.Report{failed(2)}})
			w.delivery(r.ID, is(message.Failed))
		})
	}
}

// TestFailureWhileItIsSentAgain: the repeated news comes while the next attempt is
// under way; so may that of this very attempt.
func TestFailureWhileItIsSentAgain(t *testing.T) {
	for _, second := range []bool{false, true} {
		t.Run(fmt.Sprint(second), func(t *testing.T) {
			w := newWorld(t)
			dialled, answer := make(chan struct{}), make(chan struct{})
			c := w.numbered(func(n int) (connectors.Receipt, error) {
				if n == 2 {
					close(dialled)
					<-answer
				}
				return connectors.Receipt{Ref: numberedRef(n)}, nil
			})
			id := w.texted(c, c.message(annsNumber, "hello"))
			r := w.reply(textReply(id, "mobile", "hi"))
			w.delivery(r.ID, is(message.Sent))
			failed := message.Report{Ref: r.Ref, Wire: numberedRef(1), Status: message.Failed}
			w.take(c, connectors.Batch{Reports: []message.Report{failed}})
			w.delivery(r.ID, is(message.Failed))
			if err := w.Retry(t.Context(), 1, r.ID); err != nil {
				t.Fatal(err)
			}
			<-dialled
			want := message.Sent
			if second {
				failed.Wire, want = numberedRef(2), message.Failed
			}
			w.take(c, connectors.Batch{Reports: []message.Report{failed}})
			close(answer)
			if d := w.delivery(r.ID, func(d *Delivery) bool { return d.Ref == numberedRef(2) && d.Status != message.Sending }); d.Status != want {
				t.Errorf("delivery %+v", d)
			}
		})
	}
}

// TestEarlierAttemptIsNotFound: asked for an attempt of unclear outcome, the provider
// lists the one before, of the same words, which had failed.
func TestEarlierAttemptIsNotFound(t *testing.T) {
	w := newWorld(t)
	found := make(chan bool, 10)
	c := w.numbered(func(n int) (connectors.Receipt, error) {
		if n == 2 {
			return connectors.Receipt{}, errUnclear
		}
		return connectors.Receipt{Ref: numberedRef(n)}, nil
	})
	c.mu.Lock()
	c.find = func(_ message.Message, taken func(string) bool) (connectors.Receipt, error) {
		found <- taken(numberedRef(1))
		return connectors.Receipt{Ref: numberedRef(1)}, nil
	}
	c.mu.Unlock()
	id := w.texted(c, c.message(annsNumber, "hello"))
	r := w.reply(textReply(id, "mobile", "hi"))
	w.delivery(r.ID, is(message.Sent))
	w.take(c, connectors.Batch{Reports: []message.Report{{Ref: r.Ref, Wire: numberedRef(1), Status: message.Failed}}})
	w.delivery(r.ID, is(message.Failed))
	if err := w.Retry(t.Context(), 1, r.ID); err != nil {
		t.Fatal(err)
	}
	w.delivery(r.ID, checking(0))
	w.due(r.ID)
	if !<-found {
		t.Error("the connector is not told that this name is taken")
	}
	if d := w.delivery(r.ID, checking(1)); d.Status != message.Sending {
		t.Errorf("taken for the attempt before: %+v", d)
	}
}

// TestEarlyNewsOfACopy: news over one account of what came over another, before that
// one's own copy.
func TestEarlyNewsOfACopy(t *testing.T) {
	w := newWorld(t)
	c, other := w.texter("mobile", "+447700900001", nil), w.texter("other", "+447700900002", nil)
	m := c.message(annsNumber, "one")
	w.texted(c, m)
	w.take(other, connectors.Batch{Changes: []message.Change{{Of: m.Key, Time: time.Now(), Edit: &message.Message{Text: "two"}}}})
	m.Source = "copy"
	w.take(other, connectors.Batch{Messages: []message.Message{m}})
	if r := w.byKey(m.Key); r.Text != "two" {
		t.Errorf("text %q", r.Text)
	}
}

// TestSameWordsOverAnotherAccount: they are another message.
func TestSameWordsOverAnotherAccount(t *testing.T) {
	w := newWorld(t)
	c := w.texter("mobile", "+447700900001", nil)
	w.texter("other", "+447700900002", nil)
	id := w.texted(c, c.message(annsNumber, "hello"))
	seen := w.conversation(id).LastSeq
	for _, account := range []string{"mobile", "mobile", "other"} {
		o := textReply(id, account, "hi")
		o.SeenSeq = seen
		w.reply(o)
	}
	// Each account has a lane of its own: either may be first.
	if a, b := <-w.sent, <-w.sent; min(a.Account, b.Account) != "mobile" || max(a.Account, b.Account) != "other" || len(w.sent) != 0 {
		t.Errorf("sent over %s and %s, and %d more", a.Account, b.Account, len(w.sent))
	}
}
