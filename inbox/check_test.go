package inbox

import (
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"testing"

	"throughline/connectors"
	"throughline/message"
	"throughline/store"
)

func (w *world) check() []string {
	w.t.Helper()
	problems, err := w.Check(w.t.Context())
	if err != nil {
		w.t.Fatal(err)
	}
	return problems
}

// update writes behind the hub's back.
func (w *world) update(fn func(tx *store.Tx) error) {
	w.t.Helper()
	if err := w.Store.Update(w.t.Context(), fn); err != nil {
		w.t.Fatal(err)
	}
}

// A ledger of several pages is counted exactly, and each page's faults are found.
func TestCheckFindsWhatTheLedgerHides(t *testing.T) {
	w := newWorld(t)
	m := mail("ann@example.org", "m1", "hello")
	w.accept(m)
	var id uint64
	w.view(func(tx *store.Tx) error {
		_, id, _ = w.outcome(tx, "support", m.Source)
		return nil
	})
	const more = 2*checkPage + 7
	w.update(func(tx *store.Tx) error {
		for i := range more {
			if err := w.enter(tx, "support", fmt.Sprintf("Archive;1;%05d", i), Duplicate, id); err != nil {
				return err
			}
		}
		return w.count(tx, "support", tally{Duplicate: more})
	})
	if p := w.check(); len(p) > 0 {
		t.Fatalf("a sound ledger: %q", p)
	}
	for _, tc := range []struct {
		name   string
		damage func(tx *store.Tx) error
		want   string
		repair func(tx *store.Tx) error
	}{
		{"an item that was not counted", func(tx *store.Tx) error { return w.enter(tx, "support", "Archive;1;99999", Duplicate, id) },
			fmt.Sprintf("counts 1 stored and %d duplicate items, the ledger 1 and %d", more, more+1),
			func(tx *store.Tx) error { return w.count(tx, "support", tally{Duplicate: 1}) }},
		{"a count without items", func(tx *store.Tx) error { return w.count(tx, "gone", tally{Stored: 2}) },
			"account gone counts 2 stored and 0 duplicate items, the ledger 0 and 0",
			func(tx *store.Tx) error { return tx.PutValue(tallyBucket, "gone", nil) }},
		{"items without a count", func(tx *store.Tx) error { return w.enter(tx, "silent", "x", Duplicate, id) },
			"account silent counts 0 stored and 0 duplicate items, the ledger 0 and 1",
			func(tx *store.Tx) error { return tx.PutValue(ledgerBucket, ledgerKey("silent", "x"), nil) }},
		{"one message of two items", func(tx *store.Tx) error {
			return errors.Join(w.enter(tx, "support", "Zoo;1;1", Stored, id), w.count(tx, "support", tally{Stored: 1}))
		}, fmt.Sprintf("message %d is stored for several items", id),
			func(tx *store.Tx) error {
				return errors.Join(w.enter(tx, "support", "Zoo;1;1", Duplicate, id), w.count(tx, "support", tally{Stored: -1, Duplicate: 1}))
			}},
		{"a message that is not there", func(tx *store.Tx) error {
			return errors.Join(w.enter(tx, "support", "Zoo;1;2", Duplicate, 999999), w.count(tx, "support", tally{Duplicate: 1}))
		}, "is duplicate as message 999999, which does not exist",
			func(tx *store.Tx) error { return w.enter(tx, "support", "Zoo;1;2", Duplicate, id) }},
		{"a draft that nobody has", func(tx *store.Tx) error {
			return tx.PutValue(draftBucket, string(binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64(nil, 7), 12345)), []byte("{}"))
		}, "conversation 12345 does not tell of the draft of agent 7",
			func(tx *store.Tx) error { return tx.PutValue(draftBucket, draftKey(7, 12345), nil) }},
	} {
		w.update(tc.damage)
		if p := w.check(); len(p) != 1 || !strings.Contains(p[0], tc.want) {
			t.Errorf("%s: %q, want %q", tc.name, p, tc.want)
		}
		w.update(tc.repair)
		if p := w.check(); len(p) > 0 {
			t.Fatalf("%s, repaired: %q", tc.name, p)
		}
	}
}

// A check beside a hub that takes in finds nothing wrong with it.
func TestCheckBesideAWorkingHub(t *testing.T) {
	w := newWorld(t)
	var batch []message.Message
	for i := range checkPage + 50 {
		batch = append(batch, mail(fmt.Sprintf("c%d@example.org", i%40), fmt.Sprint("first-", i), "hello"))
	}
	w.accept(batch...)
	stop, done := make(chan struct{}), make(chan error, 1)
	go func() {
		for i := 0; ; i++ {
			select {
			case <-stop:
				done <- nil
				return
			default:
			}
			m := mail(fmt.Sprintf("c%d@example.org", i%40), fmt.Sprint("later-", i), "hello")
			again := m
			again.Source = "Archive;1;" + fmt.Sprint(i) // sorts before what the check has seen
			if err := w.sink.Accept(t.Context(), connectors.Batch{Messages: []message.Message{m, again}}); err != nil {
				done <- err
				return
			}
		}
	}()
	for range 4 {
		if p := w.check(); len(p) > 0 {
			t.Errorf("%q", p)
		}
	}
	close(stop)
	if err := <-done; err != nil {
		t.Error(err)
	}
}
