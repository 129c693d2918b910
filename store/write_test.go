package store

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"

	"go.etcd.io/bbolt"
)

// together submits updates so that they wait in this order while the writer is
// held up, lets it go, and returns their answers.
func together(t *testing.T, s *Store, fns ...func(tx *Tx) error) []error {
	t.Helper()
	release := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() { _ = s.Update(context.Background(), func(*Tx) error { <-release; return nil }) })
	synctest.Wait()
	errs := make([]error, len(fns))
	for i, fn := range fns {
		wg.Go(func() {
			// Stays set when the update ends this goroutine.
			errs[i] = errors.New("never answered")
			errs[i] = s.Update(context.Background(), fn)
		})
		synctest.Wait()
	}
	close(release)
	wg.Wait()
	return errs
}

func TestGroupSharesOneCommit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, tab := newStore(t, Options{})
		before := s.Stats()
		var fns []func(tx *Tx) error
		for i := range 100 {
			fns = append(fns, func(tx *Tx) error { return insert(tx, tab, fmt.Sprint("n", i)) })
		}
		for i, err := range together(t, s, fns...) {
			if err != nil {
				t.Errorf("update %d: %v", i, err)
			}
		}
		st := s.Stats()
		if n := st.Commits - before.Commits; n != 1 {
			t.Errorf("%d commits for 100 waiting updates", n)
		}
		if st.MaxGroup != 100 || st.Groups[7] != 1 || st.Updates != 101 || st.UpdateErrors != 0 {
			t.Errorf("stats: %+v", st)
		}
		if all := names(t, s, tab); len(all) != 100 || all[0] != "n0" || all[99] != "n99" {
			t.Errorf("records: %v", all)
		}
	})
}

// In a group each failing update leaves nothing, each other exactly its own.
func TestFailuresInGroup(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, tab := newStore(t, Options{})
		errOwn := errors.New("own error")
		var hooks []string
		ok := func(name string) func(tx *Tx) error {
			return func(tx *Tx) error {
				tx.OnCommit(func() { hooks = append(hooks, name) })
				return insert(tx, tab, name)
			}
		}
		after := func(name string, fail func() error) func(tx *Tx) error {
			return func(tx *Tx) error {
				if err := ok(name)(tx); err != nil {
					return err
				}
				return fail()
			}
		}
		errs := together(t, s,
			after("x0", func() error { return errOwn }),
			ok("a"),
			after("x1", func() error { return errOwn }),
			func(tx *Tx) error { tx.NextID(); return errOwn }, // without a write
			ok("b"),
			after("x2", func() error { panic("oops") }),
			after("x3", func() error { runtime.Goexit(); return nil }),
			ok("a"), // a duplicate of the second
			ok("c"),
			func(tx *Tx) error { panic(errOwn) }, // without a write
			func(tx *Tx) error { runtime.Goexit(); return nil },
			ok("d"),
		)
		for i, err := range errs {
			var p *PanicError
			var dup *DuplicateError
			switch good := false; i {
			case 0, 2, 3:
				good = err == errOwn
				fallthrough
			case 5:
				good = good || errors.As(err, &p) && p.Value == "oops" && strings.Contains(string(p.Stack), "TestFailuresInGroup") &&
					strings.Contains(p.LogValue().String(), "write_test.go")
				fallthrough
			case 9:
				good = good || errors.Is(err, errOwn) && errors.As(err, &p)
				fallthrough
			case 6, 10:
				good = good || err == errGoexit
				fallthrough
			case 7:
				good = good || errors.As(err, &dup) && dup.ID == 1
				if !good {
					t.Errorf("update %d: %v", i, err)
				}
			default:
				if err != nil {
					t.Errorf("update %d: %v", i, err)
				}
			}
		}
		if all := names(t, s, tab); !slices.Equal(all, []string{"a", "b", "c", "d"}) {
			t.Errorf("records: %v", all)
		}
		if !slices.Equal(hooks, []string{"a", "b", "c", "d"}) {
			t.Errorf("hooks: %v", hooks)
		}
		err := s.View(func(tx *Tx) error {
			if n := tab.Count(tx, "size", K().Str("1")); n != 4 || tab.Len(tx) != 4 {
				t.Errorf("counters: %d, %d", n, tab.Len(tx))
			}
			if _, err := tab.Get(tx, 4); err != nil {
				t.Errorf("ids have gaps: %v", err)
			}
			return nil
		})
		if err != nil {
			t.Error(err)
		}
	})
}

// What counts is the last run of an update: an earlier one leaves no hook.
func TestRerunForgetsTheFirstRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, tab := newStore(t, Options{})
		runs, hooks := 0, 0
		errs := together(t, s, func(tx *Tx) error {
			if runs++; runs > 1 {
				return errors.New("second run")
			}
			tx.OnCommit(func() { hooks++ })
			return insert(tx, tab, "a")
		}, func(tx *Tx) error {
			return errors.Join(insert(tx, tab, "b"), errors.New("fail"))
		})
		if errs[0] == nil || errs[1] == nil || runs != 2 || hooks != 0 {
			t.Errorf("%v, %d runs, %d hooks", errs, runs, hooks)
		}
	})
}

// A failing update makes its neighbours run a bounded number of times.
func TestRerunsAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, tab := newStore(t, Options{NoSync: true})
		const n = 300
		runs := make([]int, n)
		var fns []func(tx *Tx) error
		for i := range n {
			fns = append(fns, func(tx *Tx) error {
				runs[i]++
				err := insert(tx, tab, fmt.Sprint(i))
				if err == nil && i%3 == 0 {
					err = errors.New("fail")
				}
				return err
			})
		}
		together(t, s, fns...)
		if most := slices.Max(runs); most > 3 {
			t.Errorf("an update ran %d times", most)
		}
		if all := names(t, s, tab); len(all) != n*2/3 {
			t.Errorf("%d records", len(all))
		}
	})
}

// Nobody is told of a change that then was not committed, not even by "this is
// a duplicate", upon which a caller would throw its item away.
func TestCommitErrorFailsTheGroup(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, tab := newStore(t, Options{})
		s.commit = func(btx *bbolt.Tx) error { return syscall.ENOSPC }
		hook := 0
		ins := func(tx *Tx) error {
			tx.OnCommit(func() { hook++ })
			return insert(tx, tab, "a")
		}
		for i, err := range together(t, s, ins, ins, // the second is refused before it writes
			func(tx *Tx) error { // the third after
				if err := tx.PutValue("v", "k", []byte("1")); err != nil {
					return err
				}
				return ins(tx)
			},
			func(tx *Tx) error { // the fourth only looks
				if tab.Len(tx) != 0 {
					return errors.New("saw an uncommitted record")
				}
				return nil
			}) {
			if !errors.Is(err, syscall.ENOSPC) && i < 3 {
				t.Errorf("update %d: %v", i, err)
			}
			if i == 3 && err != nil && !errors.Is(err, syscall.ENOSPC) {
				t.Errorf("update %d: %v", i, err)
			}
		}
		if hook != 0 {
			t.Error("a hook ran without a commit")
		}
		s.commit = (*bbolt.Tx).Commit
		if err := s.Update(context.Background(), ins); err != nil {
			t.Errorf("with space again: %v", err)
		}
		if all := names(t, s, tab); !slices.Equal(all, []string{"a"}) {
			t.Errorf("records: %v", all)
		}
		if st := s.Stats(); st.CommitErrors == 0 {
			t.Errorf("stats: %+v", st)
		}
	})
}

// When the last fsync failed the state on disk is unknown: no more writes.
func TestFailedFsyncStopsWrites(t *testing.T) {
	path := filepath.Join(t.TempDir(), "store.db")
	s, tab := reopen(t, path, Options{})
	s.commit = func(btx *bbolt.Tx) error { return errors.Join(btx.Commit(), syscall.EIO) }
	ins := func(tx *Tx) error { return insert(tx, tab, "a") }
	if err := s.Update(context.Background(), ins); !errors.Is(err, syscall.EIO) {
		t.Errorf("update: %v", err)
	}
	s.commit = (*bbolt.Tx).Commit
	if err := s.Update(context.Background(), ins); err == nil || !strings.Contains(err.Error(), "writing is stopped") {
		t.Errorf("next update: %v", err)
	}
	if all := names(t, s, tab); len(all) != 1 {
		t.Errorf("reads: %v", all)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	s, tab = reopen(t, path, Options{})
	if err := s.Update(context.Background(), func(tx *Tx) error { return insert(tx, tab, "b") }); err != nil {
		t.Errorf("after a restart: %v", err)
	}
}

func TestCancelled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, tab := newStore(t, Options{})
		ctx, cancel := context.WithCancel(context.Background())
		started, release := make(chan struct{}), make(chan struct{})
		var wg sync.WaitGroup
		var running, waiting error
		wg.Go(func() {
			running = s.Update(ctx, func(tx *Tx) error {
				close(started)
				<-release
				return insert(tx, tab, "running")
			})
		})
		<-started
		wg.Go(func() {
			waiting = s.Update(ctx, func(tx *Tx) error { return insert(tx, tab, "waiting") })
		})
		synctest.Wait()
		cancel()
		synctest.Wait()
		if waiting != context.Canceled {
			t.Errorf("waiting update: %v", waiting)
		}
		close(release)
		wg.Wait()
		if running != nil {
			t.Errorf("running update: %v", running)
		}
		if err := s.Update(ctx, func(tx *Tx) error { return insert(tx, tab, "late") }); err != context.Canceled {
			t.Errorf("late update: %v", err)
		}
		if all := names(t, s, tab); !slices.Equal(all, []string{"running"}) {
			t.Errorf("records: %v", all)
		}
	})
}

func TestGroupIsLimitedInBytes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, tab := newStore(t, Options{NoSync: true})
		pad := strings.Repeat("x", maxGroupBytes/4)
		var fns []func(tx *Tx) error
		for i := range 12 {
			fns = append(fns, func(tx *Tx) error {
				return tab.Insert(tx, tx.NextID(), &item{Name: fmt.Sprint(i), Pad: pad})
			})
		}
		if err := errors.Join(together(t, s, fns...)...); err != nil {
			t.Error(err)
		}
		if st := s.Stats(); st.MaxGroup != 4 || st.Commits < 3 {
			t.Errorf("stats: %+v", st)
		}
	})
}

// Updates from many goroutines while the store closes are each either done or
// refused.
func TestClose(t *testing.T) {
	path := filepath.Join(t.TempDir(), "store.db")
	s, tab := reopen(t, path, Options{NoSync: true})
	var mu sync.Mutex
	var done []string
	var wg sync.WaitGroup
	first := make(chan struct{}, 100)
	for i := range 8 {
		wg.Go(func() {
			for j := 0; ; j++ {
				name := fmt.Sprint(i, "-", j)
				err := s.Update(context.Background(), func(tx *Tx) error { return insert(tx, tab, name) })
				if err == ErrClosed {
					return
				}
				if err != nil {
					t.Errorf("update: %v", err)
					return
				}
				mu.Lock()
				done = append(done, name)
				mu.Unlock()
				select {
				case first <- struct{}{}:
				default:
				}
			}
		})
	}
	<-first
	if err := errors.Join(s.Close(), s.Close()); err != nil {
		t.Error(err)
	}
	wg.Wait()
	if err := s.View(func(*Tx) error { return nil }); err != ErrClosed {
		t.Errorf("view: %v", err)
	}
	s, tab = reopen(t, path, Options{})
	all := names(t, s, tab)
	slices.Sort(all)
	slices.Sort(done)
	if !slices.Equal(all, done) {
		t.Errorf("%d records, %d acknowledged", len(all), len(done))
	}
}

func TestTxAfterItsEnd(t *testing.T) {
	s, tab := newStore(t, Options{})
	var kept *Tx
	err := s.View(func(tx *Tx) error { kept = tx; return nil })
	defer func() {
		if recover() == nil || err != nil {
			t.Error("a transaction could be used after its end")
		}
	}()
	_, _ = tab.Get(kept, 1)
}
