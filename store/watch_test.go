package store

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
)

// TestTableWatch: who watches a table hears of what is written to it, and of nothing
// else.
func TestTableWatch(t *testing.T) {
	s, tab := newStore(t, Options{})
	other := NewTable(s, "other", TableOptions[item]{})
	wake, stop := tab.Watch()
	defer stop()
	for _, tt := range []struct {
		what string
		fn   func(tx *Tx) error
		want int
	}{
		{"an insert", func(tx *Tx) error { return tab.Insert(tx, 1, &item{Name: "a"}) }, 1},
		{"another table", func(tx *Tx) error { return other.Insert(tx, 1, &item{Name: "a"}) }, 0},
		{"a value", func(tx *Tx) error { return tx.PutValue("x", "k", []byte("v")) }, 0},
		{"a change", func(tx *Tx) error { return tab.Put(tx, 1, &item{Name: "b"}) }, 1},
		{"the same again", func(tx *Tx) error { return tab.Put(tx, 1, &item{Name: "b"}) }, 0},
		{"both", func(tx *Tx) error {
			return errors.Join(other.Delete(tx, 1), tab.Delete(tx, 1))
		}, 1},
	} {
		if err := s.Update(context.Background(), tt.fn); err != nil {
			t.Fatal(tt.what, err)
		}
		if n := len(wake); n != tt.want {
			t.Errorf("%s: %d signals, want %d", tt.what, n, tt.want)
		}
		for len(wake) > 0 {
			<-wake
		}
	}
}

func TestWatch(t *testing.T) {
	s, tab := newStore(t, Options{})
	wake, stop := s.Watch()
	signals := func() (n int) {
		for {
			select {
			case <-wake:
				n++
			default:
				return n
			}
		}
	}
	must := func(fn func(tx *Tx) error) {
		t.Helper()
		if err := s.Update(context.Background(), fn); err != nil {
			t.Fatal(err)
		}
	}
	if signals() != 0 {
		t.Error("a signal before any commit")
	}
	for range 2 { // the second time after draining
		must(func(tx *Tx) error { return insert(tx, tab, fmt.Sprint("a", tx.g.seq)) })
		must(func(tx *Tx) error { return insert(tx, tab, fmt.Sprint("b", tx.g.seq)) })
		if n := signals(); n != 1 {
			t.Errorf("%d signals after two commits", n)
		}
	}
	ran := false
	must(func(tx *Tx) error { tx.OnCommit(func() { ran = true }); return nil })
	if !ran {
		t.Error("the hook of an update that wrote nothing did not run")
	}
	_ = s.Update(context.Background(), func(tx *Tx) error {
		return errors.Join(insert(tx, tab, "c"), errors.New("undone"))
	})
	if signals() != 0 {
		t.Error("a signal without a commit")
	}
	// The commit is visible when the signal comes, even from inside the group.
	must(func(tx *Tx) error {
		tx.OnCommit(func() {
			if signals() != 0 {
				t.Error("woken before the hooks ran")
			}
			if all := names(t, s, tab); !slices.Contains(all, "d") {
				t.Error("a hook ran before the commit")
			}
		})
		return insert(tx, tab, "d")
	})
	stop()
	stop()
	signals()
	must(func(tx *Tx) error { return insert(tx, tab, "e") })
	if signals() != 0 {
		t.Error("a signal after stop")
	}
}

// A reader that reads and then waits sees the last commit, however its reads
// and the commits fall: there is no further commit to heal a lost wake-up.
func TestNoLostWakeUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, tab := newStore(t, Options{NoSync: true})
		const n = 200
		var wg sync.WaitGroup
		for range 4 {
			wake, stop := s.Watch()
			wg.Go(func() {
				defer stop()
				for {
					seen := 0
					_ = s.View(func(tx *Tx) error { seen = tab.Len(tx); return nil })
					if seen == n {
						return
					}
					<-wake // synctest reports a deadlock if the wake-up is lost
				}
			})
		}
		for i := range n {
			if err := s.Update(context.Background(), func(tx *Tx) error { return insert(tx, tab, fmt.Sprint(i)) }); err != nil {
				t.Error(err)
			}
		}
		wg.Wait()
	})
}
