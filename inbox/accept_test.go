package inbox

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"throughline/connectors"
	"throughline/message"
	"throughline/store"
)

// TestOddTimes: a date that no calendar has stops nothing.
func TestOddTimes(t *testing.T) {
	w := newWorld(t)
	for i, at := range []time.Time{
		time.Date(12024, 1, 1, 0, 0, 0, 0, time.UTC),
		time.Date(-5, 1, 1, 0, 0, 0, 0, time.UTC),
		time.Date(2024, 1, 1, 0, 0, 0, 0, time.FixedZone("", 24*3600)),
		time.Date(9999, 12, 31, 23, 0, 0, 0, time.FixedZone("", -5*3600)),
		{},
	} {
		m := mail("ann@example.org", fmt.Sprintf("odd%d", i), "text")
		m.Time, m.Received = at, at
		m.Reports = []message.Report{{Ref: "own:1.aaaaaaaaaaaaaaaa", Status: message.Delivered, Time: at}}
		w.accept(m)
	}
	var items []*HeldItem
	w.view(func(tx *store.Tx) (err error) { items, _, err = w.HeldItems(tx, "", nil, 10); return err })
	if len(items) > 0 {
		t.Errorf("held: %s", items[0].Reason)
	}
}

// TestPoisonIsHeld: an item that cannot be stored is held, and its batch goes on.
func TestPoisonIsHeld(t *testing.T) {
	w := newWorld(t)
	before, poison, after := mail("ann@example.org", "p1", "before"), mail("ann@example.org", "p2", "poison"), mail("ann@example.org", "p3", "after")
	poison.Key = strings.Repeat("k", 40<<10) // longer than a key of the store
	if err := w.sink.Accept(t.Context(), connectors.Batch{Messages: []message.Message{before, poison, after}, Cursor: []byte("7")}); err != nil {
		t.Fatalf("one item stops the account for ever: %v", err)
	}
	if cur, _ := w.sink.Cursor(t.Context()); string(cur) != "7" {
		t.Errorf("cursor %q", cur)
	}
	w.where(before)
	w.where(after)
	w.view(func(tx *store.Tx) error {
		items, _, err := w.HeldItems(tx, "support", nil, 10)
		if err != nil {
			return err
		}
		if len(items) != 1 || items[0].Source != poison.Source || items[0].Reason == "" {
			t.Fatalf("held %+v", items)
		}
		raw, err := w.HeldRaw(tx, items[0].ID)
		if err != nil {
			return err
		}
		if b, err := readAll(raw); err != nil || string(b) != "raw poison" {
			t.Errorf("raw %q, %v", b, err)
		}
		return nil
	})
}

// TestRetryHeldKeepsItsSource: whatever the reader names it, the item that was
// held is the one that is taken in.
func TestRetryHeldKeepsItsSource(t *testing.T) {
	w := newWorld(t)
	held := message.Held{Source: "INBOX;1;5", Reason: "cannot be read", Raw: message.Bytes("raw bytes")}
	if err := w.sink.Accept(t.Context(), connectors.Batch{Held: []message.Held{held}}); err != nil {
		t.Fatal(err)
	}
	var items []*HeldItem
	w.view(func(tx *store.Tx) (err error) { items, _, err = w.HeldItems(tx, "", nil, 10); return err })
	w.ch.read = func(message.Content, string) (message.Message, error) { panic("poison") }
	if out, err := w.RetryHeld(t.Context(), items[0].ID); err != nil || out.Outcome != HeldBack || out.Reason == "" {
		t.Errorf("a reader that fails: %+v, %v", out, err)
	}
	w.ch.read = func(message.Content, string) (message.Message, error) {
		m := mail("ann@example.org", "late", "understood")
		m.Source = ""
		return m, nil
	}
	if out, err := w.RetryHeld(t.Context(), items[0].ID); err != nil || out.Outcome != Stored {
		t.Errorf("retry: %+v, %v", out, err)
	}
}

// TestDroppedHeld: an item that was given up and is offered again shows again; one
// that is understood by then is taken in.
func TestDroppedHeld(t *testing.T) {
	w := newWorld(t)
	held := message.Held{Source: "INBOX;1;6", Reason: "cannot be read"}
	offer := func() (items []*HeldItem) {
		t.Helper()
		if err := w.sink.Accept(t.Context(), connectors.Batch{Held: []message.Held{held}}); err != nil {
			t.Fatal(err)
		}
		w.view(func(tx *store.Tx) (err error) { items, _, err = w.HeldItems(tx, "", nil, 10); return err })
		return items
	}
	items := offer()
	if err := w.DropHeld(t.Context(), items[0].ID); err != nil {
		t.Fatal(err)
	}
	if items = offer(); len(items) != 1 {
		t.Fatalf("offered again: %+v", items)
	}
	if err := w.DropHeld(t.Context(), items[0].ID); err != nil {
		t.Fatal(err)
	}
	m := mail("ann@example.org", "h", "understood")
	m.Source = held.Source
	if id := w.accept(m)[0]; id == 0 {
		t.Error("not taken in")
	}
}

// TestOwnMailMakesNoCustomer: a colleague's own program is nobody's customer.
func TestOwnMailMakesNoCustomer(t *testing.T) {
	w := newWorld(t)
	m := mail("support@example.com", "out", "I write first")
	m.To = []message.Person{{Handle: "mailto:ann@example.org"}}
	w.accept(m)
	w.view(func(tx *store.Tx) error {
		if h, ok := w.Identity.Find(tx, "mailto:support@example.com"); ok {
			t.Errorf("our own address is customer %d", h.Customer)
		}
		return nil
	})
}

// TestReoffer: however the items of a provider are cut into batches and offered
// again, each ends in the ledger once and is stored once.
func TestReoffer(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		w := newWorld(t)
		defer w.close()
		people := []string{"ann@example.org", "bob@example.org", "support@example.com"}
		n := rapid.IntRange(1, 12).Draw(rt, "items")
		var items []message.Message
		keys := map[string]bool{}
		for i := range n {
			var refs []string
			if i > 0 && rapid.Bool().Draw(rt, "refers") {
				refs = []string{items[rapid.IntRange(0, i-1).Draw(rt, "to")].Ref}
			}
			m := mail(rapid.SampledFrom(people).Draw(rt, "from"), fmt.Sprintf("n%d", i), fmt.Sprintf("text %d", i), refs...)
			if i > 0 && rapid.IntRange(0, 4).Draw(rt, "copy") == 0 {
				source := m.Source
				m = items[rapid.IntRange(0, i-1).Draw(rt, "of")]
				m.Source = source
			}
			keys[m.Key] = true
			items = append(items, m)
		}
		for round := range 3 {
			rest := slices.Clone(items)
			if round > 0 {
				rest = rapid.Permutation(items).Draw(rt, "order")
			}
			for len(rest) > 0 {
				k := rapid.IntRange(1, len(rest)).Draw(rt, "batch")
				if err := w.sink.Accept(context.Background(), connectors.Batch{Messages: rest[:k]}); err != nil {
					rt.Fatal(err)
				}
				rest = rest[k:]
			}
		}
		w.view(func(tx *store.Tx) error {
			if got := w.messages.Len(tx); got != len(keys) {
				rt.Errorf("%d messages stored, want %d", got, len(keys))
			}
			if h := w.Health(tx, "support"); h.Stored != len(keys) || h.Stored+h.Duplicate != len(items) {
				rt.Errorf("counted %d stored and %d duplicate of %d items with %d keys", h.Stored, h.Duplicate, len(items), len(keys))
			}
			return nil
		})
	})
}
