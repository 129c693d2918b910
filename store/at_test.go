package store

import (
	"errors"
	"path/filepath"
	"testing"
	"time"
)

// Updates at a time of the past see it, also when a neighbour fails and they run
// again; those beside them, reads and times to come see the clock.
func TestAt(t *testing.T) {
	clock := time.Date(2031, 5, 6, 12, 0, 0, 0, time.UTC)
	s, err := Open(filepath.Join(t.TempDir(), "hub.db"), Options{Now: func() time.Time { return clock }})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	now := func(at time.Time) (is time.Time) {
		ctx := t.Context()
		if !at.IsZero() {
			ctx = At(ctx, at)
		}
		if err := s.Update(ctx, func(tx *Tx) error { is = tx.Now(); return nil }); err != nil {
			t.Fatal(err)
		}
		return is
	}
	past := time.Date(2031, 2, 1, 8, 30, 0, 5, time.FixedZone("", 3600))
	for at, want := range map[time.Time]time.Time{{}: clock, past: past.UTC(), clock.Add(time.Hour): clock} {
		if is := now(at); is != want {
			t.Errorf("at %s it is %s, want %s", at, is, want)
		}
	}
	broken := errors.New("broken")
	if err := s.Update(At(t.Context(), past), func(tx *Tx) error {
		if !tx.Now().Equal(past) {
			t.Errorf("it is %s", tx.Now())
		}
		return errors.Join(tx.PutValue("b", "k", []byte("v")), broken)
	}); !errors.Is(err, broken) {
		t.Error(err)
	}
	if err := s.View(func(tx *Tx) error {
		if tx.Now() != clock {
			t.Errorf("a read sees %s", tx.Now())
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
}
