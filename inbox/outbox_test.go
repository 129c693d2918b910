package inbox

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"throughline/accounts"
	"throughline/connectors"
	"throughline/message"
	"throughline/store"
)

// TestAccountTakenAway: what waits for an account that is removed or switched off
// becomes trouble that people see, and goes out over another account.
func TestAccountTakenAway(t *testing.T) {
	for name, away := range map[string]func(w *world) error{
		"removed": func(w *world) error { return w.Accounts.Delete(t.Context(), "sales") },
		"switched off": func(w *world) error {
			_, err := w.Accounts.Update(t.Context(), "sales", accounts.Change{Disabled: ptr(true)})
			return err
		},
		"removed while nothing ran": func(w *world) error {
			w.stop()
			err := w.Accounts.Delete(t.Context(), "sales")
			w.start()
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorldAt(t, t.TempDir(), time.Hour)
			w.account("sales")
			id := w.accept(mail("ann@example.org", "q", "question"))[0]
			o := reply(id, "answer")
			o.Account, o.Then = "sales", "resolve"
			r := w.reply(o)
			if err := away(w); err != nil {
				t.Fatal(err)
			}
			d := w.delivery(r.ID, is(message.Failed))
			if d.Reason == "" || !d.CanRetry() {
				t.Errorf("delivery %+v", d)
			}
			if c := w.conversation(id); c.Undelivered != 1 || c.Status != Open {
				t.Errorf("nobody sees it: %d undelivered, %s", c.Undelivered, c.Status)
			}
			if err := w.Retry(t.Context(), 1, r.ID); err != nil {
				t.Fatal(err)
			}
			d = w.delivery(r.ID, is(message.Sent))
			m := <-w.sent
			if d.Account != "support" || m.Account != "support" || m.From.Handle != "mailto:support@example.com" || m.Token != r.Token {
				t.Errorf("went out over %s as %+v", d.Account, m.From)
			}
		})
	}
}

// TestRetryNowhere: without any account to send over, a retry says so.
func TestRetryNowhere(t *testing.T) {
	w := newWorld(t)
	w.ch.send = func(context.Context, message.Message) (connectors.Receipt, error) {
		return connectors.Receipt{}, &connectors.SendError{Class: connectors.Reject, Reason: "no"}
	}
	id := w.accept(mail("ann@example.org", "q", "question"))[0]
	r := w.reply(reply(id, "answer"))
	w.delivery(r.ID, is(message.Failed))
	w.stop()
	// Its settings make no connector any more.
	w.running["support"] = &runner{hub: w.Hub, account: "support"}
	var conflict *ConflictError
	if err := w.Retry(t.Context(), 1, r.ID); !errors.As(err, &conflict) {
		t.Errorf("got %v", err)
	}
	delete(w.running, "support")
	// While it is only not started yet, the message waits for it.
	if err := w.Retry(t.Context(), 1, r.ID); err != nil {
		t.Error(err)
	}
	if d := w.delivery(r.ID, is(message.Queued)); d.Account != "support" {
		t.Errorf("delivery %+v", d)
	}
}

// TestReportOvertakes: news that comes while an attempt is under way is not undone
// by what the attempt itself says.
func TestReportOvertakes(t *testing.T) {
	for name, tt := range map[string]struct {
		report message.Report
		answer error
		status message.Status
	}{
		"delivered, then the line broke": {message.Report{Status: message.Delivered}, errors.New("broken pipe"), message.Delivered},
		"delivered, then unsure":         {message.Report{Status: message.Delivered}, &connectors.SendError{Class: connectors.Unsure, Reason: "no answer"}, message.Delivered},
		"bounced, then accepted":         {message.Report{Status: message.Failed, Reason: "no such user"}, nil, message.Failed},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.ch.send = func(_ context.Context, m message.Message) (connectors.Receipt, error) {
				rep := tt.report
				rep.Ref = message.OwnRef(m.ID, m.Token)
				if err := w.sink.Accept(context.Background(), connectors.Batch{Reports: []message.Report{rep}}); err != nil {
					t.Error(err)
				}
				return connectors.Receipt{Detail: "250 ok"}, tt.answer
			}
			id := w.accept(mail("ann@example.org", "q", "question"))[0]
			r := w.reply(reply(id, "answer"))
			d := w.delivery(r.ID, func(d *Delivery) bool { return len(d.Attempts) == 1 && d.Attempts[0].Result != "" })
			if d.Status != tt.status || d.Reason != tt.report.Reason || d.waiting() {
				t.Errorf("delivery %+v", d)
			}
		})
	}
}

// TestRejectedRecipients: who is counted as not reached.
func TestRejectedRecipients(t *testing.T) {
	w := newWorld(t)
	id := w.accept(mail("ann@example.org", "q", "question"))[0]
	send := func(cc ...message.Handle) *Record {
		o := reply(id, "answer")
		for _, h := range cc {
			o.Cc = append(o.Cc, message.Person{Handle: h})
		}
		r := w.reply(o)
		w.delivery(r.ID, is(message.Sent))
		return r
	}
	bounce := func(r *Record, to ...message.Handle) (d *Delivery) {
		t.Helper()
		for _, h := range to {
			rep := message.Report{Ref: r.Ref, Status: message.Failed, Handle: h, Reason: "no such user"}
			if err := w.sink.Accept(t.Context(), connectors.Batch{Reports: []message.Report{rep}}); err != nil {
				t.Fatal(err)
			}
		}
		w.view(func(tx *store.Tx) (err error) { d, err = w.Delivery(tx, r.ID); return err })
		return d
	}
	// Written in another way it is the same recipient.
	if d := bounce(send("mailto:bob@example.org"), "mailto:Bob@Example.org", "mailto:bob@example.org"); len(d.Rejected) != 1 || d.Status != message.Sent {
		t.Errorf("one of two: %+v", d)
	}
	// Addresses that a recipient forwards to are not recipients of ours.
	if d := bounce(send("mailto:bob@example.org"), "mailto:x@example.net", "mailto:y@example.net"); d.Status != message.Sent || len(d.Rejected) != 2 {
		t.Errorf("two strangers: %+v", d)
	}
	// A recipient named twice is one.
	if d := bounce(send("mailto:ann@example.org"), "mailto:ann@example.org"); d.Status != message.Failed {
		t.Errorf("the only one, named twice: %+v", d)
	}
}

// TestFailingMessageBlocksNobody: one that is put off again and again does not
// keep the others of its lane waiting.
func TestFailingMessageBlocksNobody(t *testing.T) {
	w := newWorld(t)
	w.ch.send = func(_ context.Context, m message.Message) (connectors.Receipt, error) {
		if strings.Contains(m.Text, "poison") {
			return connectors.Receipt{}, &connectors.SendError{Class: connectors.Retry, Reason: "later"}
		}
		w.sent <- m
		return connectors.Receipt{}, nil
	}
	id := w.accept(mail("ann@example.org", "q", "question"))[0]
	bad := w.reply(reply(id, "poison"))
	good := w.reply(reply(id, "fine"))
	w.delivery(good.ID, is(message.Sent))
	if d := w.delivery(bad.ID, func(d *Delivery) bool { return len(d.Attempts) > 0 && d.Status == message.Queued }); d.Reason != "later" {
		t.Errorf("delivery %+v", d)
	}
}

// TestLongWish: a provider cannot put a message off for ever.
func TestLongWish(t *testing.T) {
	w := newWorld(t)
	w.ch.send = func(context.Context, message.Message) (connectors.Receipt, error) {
		return connectors.Receipt{}, &connectors.SendError{Class: connectors.Retry, Reason: "later", After: 1000 * time.Hour}
	}
	id := w.accept(mail("ann@example.org", "q", "question"))[0]
	r := w.reply(reply(id, "answer"))
	d := w.delivery(r.ID, func(d *Delivery) bool { return len(d.Attempts) == 1 && d.Attempts[0].Result != "" })
	if wait := time.Until(d.Due); wait > connectors.LongestWish {
		t.Errorf("tried again in %v", wait)
	}
}

// TestOwnAddressStays: an address that mail has gone out from is ours for good,
// also when its account is gone.
func TestOwnAddressStays(t *testing.T) {
	w := newWorld(t)
	w.account("sales")
	w.account("typo")
	id := w.accept(mail("ann@example.org", "q", "question"))[0]
	o := reply(id, "answer")
	o.Account = "sales"
	r := w.reply(o)
	w.delivery(r.ID, is(message.Sent))
	w.stop()
	for _, a := range []string{"sales", "typo"} {
		if err := w.Accounts.Delete(t.Context(), a); err != nil {
			t.Fatal(err)
		}
	}
	w.start()
	if _, ok := w.Own("mailto:sales@example.com"); !ok {
		t.Error("an address we wrote from is a stranger's")
	}
	if _, ok := w.Own("mailto:typo@example.com"); ok {
		t.Error("an address that was only configured stays ours")
	}
	old := mail("sales@example.com", "old", "an old answer of ours", "q")
	old.To = []message.Person{{Handle: "mailto:ann@example.org"}}
	if got := w.accept(old)[0]; got != id || w.conversation(id).Direction != string(message.Out) {
		t.Errorf("an old copy of our mail went to %d as a customer's", got)
	}
}

// TestKickWhileStarting: an account can be kicked from the moment it is listed.
func TestKickWhileStarting(t *testing.T) {
	w := newWorld(t)
	for range 20 {
		w.stop()
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() { defer close(done); _ = w.Run(ctx) }()
		for w.runner("support") == nil {
			if ctx.Err() != nil {
				t.Fatal("it never ran")
			}
		}
		if err := w.Kick(t.Context(), "support"); err != nil {
			t.Fatal(err)
		}
		cancel()
		<-done
	}
}
