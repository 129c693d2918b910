package store_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"throughline/store"
	"throughline/store/storetest"
)

// TestPeek: what Peek returns is what the transaction sees, not what was seen
// before by another, and what is done to it concerns nobody else.
func TestPeek(t *testing.T) {
	s := storetest.Open(t)
	tab := people(s)
	put := func(id uint64, p person) {
		t.Helper()
		update(t, s, func(tx *store.Tx) error { return tab.Put(tx, id, &p) })
	}
	// A record is remembered from the second time on and found the third time.
	note := func(tx *store.Tx, id uint64) string {
		t.Helper()
		var notes [3]string
		for i := range notes {
			p, err := tab.Peek(tx, id)
			if err != nil {
				t.Fatal(err)
			}
			notes[i] = p.Note
		}
		if notes[0] != notes[1] || notes[1] != notes[2] {
			t.Errorf("one transaction reads %.20q", notes)
		}
		return notes[0]
	}
	long := strings.Repeat("long ", 2000)
	put(1, person{Note: "first", Tags: []string{"a", "b"}})
	view(t, s, func(old *store.Tx) error {
		if got := note(old, 1); got != "first" {
			t.Errorf("note %q", got)
		}
		for _, now := range []string{"second", long, "third"} {
			done := make(chan struct{})
			go func() { // an Update inside a View of one goroutine would wait for itself
				defer close(done)
				put(1, person{Note: now, Tags: []string{"a", "b"}})
				view(t, s, func(tx *store.Tx) error {
					if got := note(tx, 1); got != now {
						t.Errorf("note %.20q after a change to %.20q", got, now)
					}
					return nil
				})
			}()
			<-done
			if got := note(old, 1); got != "first" {
				t.Errorf("note %.20q in a view from before the change", got)
			}
		}
		return nil
	})

	view(t, s, func(tx *store.Tx) error {
		note(tx, 1) // remembered
		p, err := tab.Peek(tx, 1)
		if err != nil {
			return err
		}
		p.Note = "changed in memory"
		if got := note(tx, 1); got != "third" {
			t.Errorf("one reader's change is seen by the next: %q", got)
		}
		if _, err := tab.Peek(tx, 99); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("missing record: %v", err)
		}
		return nil
	})

	// In an Update slices are its own too, and a change that is not committed
	// leaves nothing behind.
	failed := errors.New("not this time")
	err := s.Update(t.Context(), func(tx *store.Tx) error {
		p, err := tab.Peek(tx, 1)
		if err != nil {
			return err
		}
		p.Tags[0], p.Note = "changed", "never committed"
		if err := tab.Put(tx, 1, p); err != nil {
			return err
		}
		if got := note(tx, 1); got != "never committed" {
			t.Errorf("note %q in the update that wrote another", got)
		}
		return failed
	})
	if !errors.Is(err, failed) {
		t.Fatal(err)
	}
	update(t, s, func(tx *store.Tx) error {
		for range 2 {
			p, err := tab.Peek(tx, 1)
			if err != nil {
				return err
			}
			if p.Note != "third" || !slices.Equal(p.Tags, []string{"a", "b"}) {
				t.Errorf("record %+v", p)
			}
			p.Tags[0] = "changed"
		}
		return nil
	})
	update(t, s, func(tx *store.Tx) error { return tab.Delete(tx, 1) })
	view(t, s, func(tx *store.Tx) error {
		if _, err := tab.Peek(tx, 1); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("deleted record: %v", err)
		}
		return nil
	})
}

// TestPeekMany: with more records than are remembered, each is still itself, for
// readers beside each other and beside a writer.
func TestPeekMany(t *testing.T) {
	s := storetest.Open(t)
	tab := people(s)
	const n = 5000
	update(t, s, func(tx *store.Tx) error {
		for id := uint64(1); id <= n; id++ {
			if err := tab.Insert(tx, id, &person{Note: fmt.Sprint(id), Team: "0"}); err != nil {
				return err
			}
		}
		return nil
	})
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			err := s.View(func(tx *store.Tx) error {
				for i := range uint64(3 * n) {
					id := i/3 + 1
					p, err := tab.Peek(tx, id)
					if err != nil {
						return err
					}
					if want, err := tab.Get(tx, id); err != nil || p.Note != fmt.Sprint(id) || p.Team != want.Team {
						t.Errorf("record %d is %+v, not %+v (%v)", id, p, want, err)
					}
				}
				return nil
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
	for round := range 20 {
		update(t, s, func(tx *store.Tx) error {
			for id := uint64(1); id <= n; id += 50 {
				if err := tab.Put(tx, id, &person{Note: fmt.Sprint(id), Team: fmt.Sprint(round)}); err != nil {
					return err
				}
			}
			return nil
		})
	}
	wg.Wait()
}
