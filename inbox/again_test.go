package inbox

import (
	"context"
	"slices"
	"testing"
	"time"

	"throughline/connectors"
	"throughline/message"
	"throughline/store"
)

// TestAgain: recipients refused for the moment are tried again alone, and what comes
// of it is not held against the others.
func TestAgain(t *testing.T) {
	const ann, bob, eve = "mailto:ann@example.org", "mailto:bob@example.org", "mailto:eve@example.org"
	later := func(h message.Handle) message.Report {
		return message.Report{Handle: h, Status: message.Failed, Code: "450 4.2.1", Reason: "come back later"}
	}
	never := func(h message.Handle) message.Report {
		return message.Report{Handle: h, Status: message.Failed, Code: "550 5.1.1", Reason: "no such user", Permanent: true}
	}
	type step struct {
		refused []message.Report
		err     error
		report  *message.Report  // that comes before the next attempt
		old     bool             // the next attempt is days later
		again   []message.Handle // afterwards
	}
	for name, tt := range map[string]struct {
		steps    []step
		only     [][]message.Handle // of the attempts
		status   message.Status
		rejected []message.Handle
	}{
		"taken the second time": {[]step{{refused: []message.Report{later(bob), later(eve)}, again: []message.Handle{bob, eve}}, {}},
			[][]message.Handle{nil, {bob, eve}}, message.Sent, nil},
		"one of them for good": {[]step{{refused: []message.Report{never(bob), later(eve)}, again: []message.Handle{eve}}, {}},
			[][]message.Handle{nil, {eve}}, message.Sent, []message.Handle{bob}},
		"put off, then refused for good": {[]step{{refused: []message.Report{later("mailto:Bob@Example.org")}, again: []message.Handle{bob}},
			{err: &connectors.SendError{Class: connectors.Retry, Reason: "busy"}, again: []message.Handle{bob}},
			{err: &connectors.SendError{Class: connectors.Reject, Reason: "no such user"}}},
			[][]message.Handle{nil, {bob}, {bob}}, message.Sent, []message.Handle{bob}},
		"for days": {[]step{{refused: []message.Report{later(bob)}, again: []message.Handle{bob}, old: true},
			{err: &connectors.SendError{Class: connectors.Retry, Reason: "busy"}}},
			[][]message.Handle{nil, {bob}}, message.Sent, []message.Handle{bob}},
		"a bounce in between": {[]step{{refused: []message.Report{later(bob)},
			report: &message.Report{Handle: bob, Status: message.Failed, Reason: "gone"}}},
			[][]message.Handle{nil}, message.Sent, []message.Handle{bob}},
		"good news in between": {[]step{{refused: []message.Report{later(bob)},
			report: &message.Report{Handle: ann, Status: message.Delivered}, again: []message.Handle{bob}}, {}},
			[][]message.Handle{nil, {bob}}, message.Sent, nil},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			var only [][]message.Handle
			next := 0
			w.ch.send = func(_ context.Context, m message.Message) (connectors.Receipt, error) {
				s := tt.steps[next]
				next++
				only = append(only, m.Only)
				if len(m.To) != 1 || len(m.Cc) != 2 {
					t.Errorf("to %v, cc %v", m.To, m.Cc)
				}
				return connectors.Receipt{Ref: "wire", Rejected: s.refused}, s.err
			}
			o := reply(w.accept(mail("ann@example.org", "q", "question"))[0], "answer")
			o.Cc = []message.Person{{Handle: bob}, {Handle: eve}}
			r := w.reply(o)
			var d *Delivery
			for i, s := range tt.steps {
				d = w.delivery(r.ID, func(d *Delivery) bool { return len(d.Attempts) == i+1 && d.Attempts[i].Result != "" })
				if s.report != nil {
					s.report.Ref = message.OwnRef(r.ID, r.Token)
					if err := w.sink.Accept(t.Context(), connectors.Batch{Reports: []message.Report{*s.report}}); err != nil {
						t.Fatal(err)
					}
					w.view(func(tx *store.Tx) (err error) { d, err = w.Delivery(tx, r.ID); return err })
				}
				if !slices.Equal(d.Again, s.again) || (len(s.again) > 0) != (d.Status == message.Queued) {
					t.Fatalf("after attempt %d: %+v", i+1, d)
				}
				if d.Status != message.Queued {
					break
				}
				if err := w.Store.Update(t.Context(), func(tx *store.Tx) error {
					if d.Due = tx.Now(); s.old {
						d.Created = d.Created.Add(-giveUpAfter - time.Hour)
					}
					return w.deliveries.Put(tx, r.ID, d)
				}); err != nil {
					t.Fatal(err)
				}
			}
			var rejected []message.Handle
			for _, rep := range d.Rejected {
				rejected = append(rejected, rep.Handle)
			}
			if d.Status != tt.status || d.waiting() || !slices.Equal(rejected, tt.rejected) {
				t.Errorf("delivery %+v", d)
			}
			if !slices.EqualFunc(only, tt.only, slices.Equal) {
				t.Errorf("sent to %v, want %v", only, tt.only)
			}
		})
	}
}

// TestAgainAndConsent: among those tried again alone somebody wants nothing more: the
// others have the message. What others say of themselves does not keep it from him.
func TestAgainAndConsent(t *testing.T) {
	const ann, bob message.Handle = "mailto:ann@example.org", "mailto:bob@example.org"
	for who, want := range map[message.Handle]int{ann: 2, bob: 1} {
		t.Run(who.Address(), func(t *testing.T) {
			w := newWorld(t)
			n := 0
			w.ch.send = func(context.Context, message.Message) (connectors.Receipt, error) {
				if n++; n == 1 {
					return connectors.Receipt{Rejected: []message.Report{{Handle: bob, Status: message.Failed, Code: "450"}}}, nil
				}
				return connectors.Receipt{}, nil
			}
			w.accept(mail(bob.Address(), "b", "hello"))
			o := reply(w.accept(mail(ann.Address(), "q", "question"))[0], "answer")
			o.Cc = []message.Person{{Handle: bob}}
			r := w.reply(o)
			w.delivery(r.ID, func(d *Delivery) bool { return len(d.Again) == 1 })
			if err := w.SetConsent(t.Context(), 1, who, "test", "", message.OptOut, "told me"); err != nil {
				t.Fatal(err)
			}
			w.due(r.ID)
			d := w.delivery(r.ID, func(d *Delivery) bool { return len(d.Again) == 0 })
			if d.Status != message.Sent || len(d.Attempts) != want || len(d.Rejected) != 2-want || d.waiting() {
				t.Errorf("delivery %+v", d)
			}
		})
	}
}

// Everybody of the rest said stop: the message goes to nobody again, not to all.
func TestAgainAndConsentOfAll(t *testing.T) {
	const ann, bob, cid message.Handle = "mailto:ann@example.org", "mailto:bob@example.org", "mailto:cid@example.org"
	w := newWorld(t)
	n := 0
	w.ch.send = func(context.Context, message.Message) (connectors.Receipt, error) {
		n++
		return connectors.Receipt{Rejected: []message.Report{{Handle: bob, Status: message.Failed, Code: "450"}, {Handle: cid, Status: message.Failed, Code: "450"}}}, nil
	}
	w.accept(mail(bob.Address(), "b", "hello"))
	w.accept(mail(cid.Address(), "c", "hello"))
	o := reply(w.accept(mail(ann.Address(), "q", "question"))[0], "answer")
	o.Cc = []message.Person{{Handle: bob}, {Handle: cid}}
	r := w.reply(o)
	w.delivery(r.ID, func(d *Delivery) bool { return len(d.Again) == 2 })
	for _, who := range []message.Handle{bob, cid} {
		if err := w.SetConsent(t.Context(), 1, who, "test", "", message.OptOut, "told me"); err != nil {
			t.Fatal(err)
		}
	}
	w.due(r.ID)
	d := w.delivery(r.ID, func(d *Delivery) bool { return len(d.Again) == 0 })
	if n != 1 || d.Status != message.Sent || len(d.Rejected) != 2 || d.waiting() {
		t.Errorf("sent %d times, delivery %+v", n, d)
	}
}
