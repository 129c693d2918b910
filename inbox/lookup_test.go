package inbox

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"throughline/connectors"
	"throughline/message"
	"throughline/store"
)

// unclear is an account whose sends end without an answer, and the questions that
// the hub asks about them.
type unclear struct {
	*texter
	sends int
	asked chan string // what is asked for: its text
	reply chan connectors.Receipt
}

var errUnclear = &connectors.SendError{Class: connectors.Unsure, Reason: "the connection broke", Code: "timeout"}

func (w *world) unclear() *unclear {
	u := &unclear{asked: make(chan string, 10), reply: make(chan connectors.Receipt, 10)}
	u.texter = w.texter("mobile", "+447700900001", func(c *texter) {
		c.send = func(message.Message) (connectors.Receipt, error) {
			u.sends++
			return connectors.Receipt{}, errUnclear
		}
		c.find = func(m message.Message, _ func(string) bool) (connectors.Receipt, error) {
			u.asked <- m.Text
			r := <-u.reply
			if r.Ref == "" {
				return r, connectors.ErrNotFound
			}
			return r, nil
		}
	})
	return u
}

func checking(tries int) func(*Delivery) bool {
	return func(d *Delivery) bool { return d.Checking != nil && d.Checking.Tries == tries }
}

// ask lets the hub ask once, now.
func (u *unclear) ask(w *world, id uint64, answer string) {
	w.t.Helper()
	u.reply <- connectors.Receipt{Ref: answer, Detail: "queued"}
	w.due(id)
	<-u.asked
}

func TestUnclearAndFound(t *testing.T) {
	w := newWorld(t)
	u := w.unclear()
	id := w.texted(u.texter, u.message(annsNumber, "hello"))
	r := w.reply(textReply(id, "mobile", "hi"))
	d := w.delivery(r.ID, checking(0))
	if d.Status != message.Sending || d.Due.IsZero() || d.Reason != errUnclear.Reason || d.CanRetry() || d.troubled() {
		t.Errorf("while the provider is asked: %+v", d)
	}
	u.ask(w, r.ID, "")
	if next := w.delivery(r.ID, checking(1)); !next.Due.After(time.Now()) {
		t.Errorf("asked again at %v", next.Due)
	}
	u.ask(w, r.ID, "mobile/S7")
	d = w.delivery(r.ID, is(message.Sent))
	if d.Ref != "mobile/S7" || d.Checking != nil || d.Reason != "" || len(d.Attempts) != 1 || d.Attempts[0].Result != "sent" || u.sends != 1 {
		t.Errorf("delivery %+v after %d sends", d, u.sends)
	}
}

func TestUnclearToTheEnd(t *testing.T) {
	w := newWorld(t)
	u := w.unclear()
	id := w.texted(u.texter, u.message(annsNumber, "hello"))
	r := w.reply(textReply(id, "mobile", "hi"))
	for n := range lookAfter {
		w.delivery(r.ID, checking(n))
		u.ask(w, r.ID, "")
	}
	d := w.delivery(r.ID, is(message.Unsure))
	if !d.CanRetry() || !strings.Contains(d.Reason, "does not list it") || d.Attempts[0].Result != "unsure" || !d.Due.IsZero() || u.sends != 1 {
		t.Errorf("delivery %+v after %d sends", d, u.sends)
	}
	if c := w.conversation(id); c.Undelivered != 1 {
		t.Error("nobody is told")
	}
	// An agent decides; and what the other agent sent since is not mistaken for it.
	u.mu.Lock()
	u.send = func(message.Message) (connectors.Receipt, error) { return connectors.Receipt{Ref: "mobile/S8"}, nil }
	u.mu.Unlock()
	if err := w.Retry(t.Context(), 1, r.ID); err != nil {
		t.Fatal(err)
	}
	if d := w.delivery(r.ID, is(message.Sent)); len(d.Attempts) != 2 {
		t.Errorf("delivery %+v", d)
	}
}

// TestTaken: what the provider lists under the name of another message of ours is
// not this one.
func TestTaken(t *testing.T) {
	w := newWorld(t)
	first := true
	asked := make(chan string, 10)
	c := w.texter("mobile", "+447700900001", func(c *texter) {
		c.send = func(message.Message) (connectors.Receipt, error) {
			if first {
				first = false
				return connectors.Receipt{Ref: "mobile/S1"}, nil
			}
			return connectors.Receipt{}, errUnclear
		}
		c.find = func(m message.Message, taken func(string) bool) (connectors.Receipt, error) {
			asked <- fmt.Sprintf("%v %v %v", taken("mobile/S1"), taken("mobile/S2"), taken(""))
			return connectors.Receipt{Ref: "mobile/S1"}, nil // a careless connector
		}
	})
	id := w.texted(c, c.message(annsNumber, "hello"))
	w.delivery(w.reply(textReply(id, "mobile", "hi")).ID, is(message.Sent))
	r := w.reply(textReply(id, "mobile", "hi, hi"))
	w.delivery(r.ID, checking(0))
	w.due(r.ID)
	if got := <-asked; got != "true false false" {
		t.Errorf("taken: %s", got)
	}
	w.delivery(r.ID, checking(1))
}

// TestReportSettlesIt: a report ends the questions, by our name or by the
// provider's.
func TestReportSettlesIt(t *testing.T) {
	w := newWorld(t)
	u := w.unclear()
	id := w.texted(u.texter, u.message(annsNumber, "hello"))
	r := w.reply(textReply(id, "mobile", "hi"))
	w.delivery(r.ID, checking(0))
	w.take(u.texter, connectors.Batch{Reports: []message.Report{{Ref: r.Ref, Status: message.Delivered}}})
	if d := w.delivery(r.ID, is(message.Delivered)); d.Checking != nil || !d.Due.IsZero() {
		t.Errorf("delivery %+v", d)
	}
	// Under a name that is not known yet the report waits until it is.
	r = w.reply(textReply(id, "mobile", "and"))
	w.delivery(r.ID, checking(0))
	w.take(u.texter, connectors.Batch{Reports: []message.Report{{Ref: "mobile/S9", Status: message.Delivered}, {Ref: "mobile/S9", Status: message.Sent}}})
	w.delivery(r.ID, checking(0))
	u.ask(w, r.ID, "mobile/S9")
	w.delivery(r.ID, is(message.Delivered))
}

// TestReportNamesIt: of an attempt whose answer was lost a report by our name also
// tells the provider's, by which alone later and earlier news may come.
func TestReportNamesIt(t *testing.T) {
	w := newWorld(t)
	u := w.unclear()
	id := w.texted(u.texter, u.message(annsNumber, "hello"))
	for n, reports := range [][]message.Report{
		{{Status: message.Sent, Wire: "mobile/S1"}, {Ref: "mobile/S1", Status: message.Delivered}},
		{{Ref: "mobile/S2", Status: message.Delivered}, {Status: message.Sent, Wire: "mobile/S2"}},
		{{Status: message.Delivered}, {Status: message.Sent, Wire: "mobile/S3"}, {Ref: "mobile/S3", Status: message.Delivered}},
	} {
		r := w.reply(textReply(id, "mobile", fmt.Sprintf("hi %d", n)))
		w.delivery(r.ID, checking(0))
		for _, rep := range reports {
			if rep.Ref == "" {
				rep.Ref = r.Ref
			}
			w.take(u.texter, connectors.Batch{Reports: []message.Report{rep}})
		}
		if d := w.delivery(r.ID, is(message.Delivered)); d.Checking != nil || d.Ref != fmt.Sprintf("mobile/S%d", n+1) {
			t.Errorf("%d: delivery %+v", n, d)
		}
	}
}

// TestReportOvertakesTheAnswer: the provider's report comes before its answer to
// the request.
func TestReportOvertakesTheAnswer(t *testing.T) {
	w := newWorld(t)
	c := w.texter("mobile", "+447700900001", func(c *texter) {
		c.send = func(message.Message) (connectors.Receipt, error) {
			w.take(c, connectors.Batch{Reports: []message.Report{
				{Ref: "mobile/S1", Status: message.Delivered}, {Ref: "mobile/S1", Status: message.Delivered}, {Ref: "mobile/S1", Status: message.Sent}}})
			return connectors.Receipt{Ref: "mobile/S1"}, nil
		}
	})
	id := w.texted(c, c.message(annsNumber, "hello"))
	r := w.reply(textReply(id, "mobile", "hi"))
	w.delivery(r.ID, is(message.Delivered))
	w.take(c, connectors.Batch{Reports: []message.Report{{Ref: "mobile/S1", Status: message.Sent}, {Ref: "mobile/S1", Status: message.Failed, Code: "30003", Reason: "unreachable"}}})
	if d := w.delivery(r.ID, is(message.Failed)); d.Code != "30003" {
		t.Errorf("delivery %+v", d)
	}
}

// TestCrashInMidAttempt: after a crash the provider is asked before anybody is.
func TestCrashInMidAttempt(t *testing.T) {
	w := newWorldAt(t, t.TempDir(), time.Hour)
	u := w.unclear()
	id := w.texted(u.texter, u.message(annsNumber, "hello"))
	r := w.reply(textReply(id, "mobile", "hi"))
	w.stop()
	if err := w.Store.Update(t.Context(), func(tx *store.Tx) error {
		d, err := w.Delivery(tx, r.ID)
		if err != nil {
			return err
		}
		d.Status, d.Due = message.Sending, tx.Now().Add(attemptLease)
		d.Attempts = []Attempt{{Time: tx.Now()}}
		return w.deliveries.Put(tx, r.ID, d)
	}); err != nil {
		t.Fatal(err)
	}
	w.start()
	w.delivery(r.ID, checking(0))
	w.stop() // again: the questions go on where they were
	w.start()
	u.ask(w, r.ID, "mobile/S1")
	if d := w.delivery(r.ID, is(message.Sent)); u.sends != 0 || d.Ref != "mobile/S1" {
		t.Errorf("delivery %+v after %d sends", d, u.sends)
	}
}

// TestPanicWhileLooking is one failed look.
func TestPanicWhileLooking(t *testing.T) {
	w := newWorld(t)
	u := w.unclear()
	u.mu.Lock()
	u.find = func(message.Message, func(string) bool) (connectors.Receipt, error) { panic(errors.New("boom")) }
	u.mu.Unlock()
	id := w.texted(u.texter, u.message(annsNumber, "hello"))
	r := w.reply(textReply(id, "mobile", "hi"))
	for n := range lookAfter {
		w.delivery(r.ID, checking(n))
		w.due(r.ID)
	}
	if d := w.delivery(r.ID, is(message.Unsure)); !strings.Contains(d.Reason, "could not be asked") {
		t.Errorf("delivery %+v", d)
	}
}

// TestAccountGoesWhileItIsAsked: nobody asks any more, so an agent has to decide.
func TestAccountGoesWhileItIsAsked(t *testing.T) {
	w := newWorld(t)
	u := w.unclear()
	id := w.texted(u.texter, u.message(annsNumber, "hello"))
	r := w.reply(textReply(id, "mobile", "hi"))
	w.delivery(r.ID, checking(0))
	if err := w.Accounts.Delete(t.Context(), "mobile"); err != nil {
		t.Fatal(err)
	}
	if d := w.delivery(r.ID, is(message.Unsure)); d.Checking != nil || !d.CanRetry() {
		t.Errorf("delivery %+v", d)
	}
}

// TestNothingIsSentTwice: whatever becomes of an attempt, and however often the
// program stops meanwhile, the provider gets a text once at most.
func TestNothingIsSentTwice(t *testing.T) {
	w := newWorld(t)
	var mu sync.Mutex
	taken := make(map[string]int)
	tries := make(map[string]int)
	c := w.texter("mobile", "+447700900001", func(c *texter) {
		c.send = func(m message.Message) (connectors.Receipt, error) {
			mu.Lock()
			defer mu.Unlock()
			tries[m.Text]++
			take := func() connectors.Receipt {
				taken[m.Text]++
				return connectors.Receipt{Ref: "mobile/" + m.Token}
			}
			switch n := m.Text[len(m.Text)-1] - '0'; {
			case n%4 == 1: // it went out and the answer is lost
				take()
				return connectors.Receipt{}, errUnclear
			case n%4 == 2: // it did not, and nobody knows
				return connectors.Receipt{}, errUnclear
			case n%4 == 3 && tries[m.Text] == 1:
				return connectors.Receipt{}, &connectors.SendError{Class: connectors.Retry, Reason: "busy", Code: "429"}
			}
			return take(), nil
		}
		c.find = func(m message.Message, used func(string) bool) (connectors.Receipt, error) {
			mu.Lock()
			defer mu.Unlock()
			if ref := "mobile/" + m.Token; taken[m.Text] > 0 && !used(ref) {
				return connectors.Receipt{Ref: ref}, nil
			}
			return connectors.Receipt{}, connectors.ErrNotFound
		}
	})
	id := w.texted(c, c.message(annsNumber, "hello"))
	const messages = 10
	ids := make(map[uint64]string)
	for n := range messages {
		r := w.reply(textReply(id, "mobile", fmt.Sprint("text ", n)))
		ids[r.ID] = r.Text
	}
	for round := 0; ; round++ {
		if round%5 == 4 {
			w.stop()
			w.start()
		}
		open := 0
		for mid := range ids {
			var waits bool
			w.view(func(tx *store.Tx) error {
				d, err := w.Delivery(tx, mid)
				waits = err == nil && d.waiting()
				return err
			})
			if waits {
				open++
				wake, stop := w.Store.Watch()
				w.due(mid)
				<-wake
				stop()
			}
		}
		if open == 0 {
			break
		}
	}
	for mid, text := range ids {
		n := (text[len(text)-1] - '0') % 4
		want, sent := message.Sent, 1
		if n == 2 {
			want, sent = message.Unsure, 0
		}
		d := w.delivery(mid, func(d *Delivery) bool { return !d.waiting() })
		mu.Lock()
		if d.Status != want || taken[text] != sent || d.Checking != nil {
			t.Errorf("%s: %s, taken %d times: %+v", text, d.Status, taken[text], d)
		}
		mu.Unlock()
	}
}
