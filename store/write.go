package store

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync/atomic"
	"time"
)

const (
	// maxGroup is the number of updates that share one commit at most.
	maxGroup = 512
	// maxGroupBytes closes a group early, so that a flood of large records
	// cannot fill the memory with dirty pages.
	maxGroupBytes = 8 << 20
)

// errGoexit answers an update whose function ended its goroutine, as
// testing.T.FailNow does.
var errGoexit = errors.New("store: the update called runtime.Goexit (a test's FailNow?) instead of returning")

// PanicError is what Update returns when its function panicked.
type PanicError struct {
	Value any
	Stack []byte
}

func (e *PanicError) Error() string { return fmt.Sprintf("store: update panicked: %v", e.Value) }

// Unwrap gives the panic value if it was an error.
func (e *PanicError) Unwrap() error {
	err, _ := e.Value.(error)
	return err
}

// LogValue adds the stack to the log, where Error leaves it out.
func (e *PanicError) LogValue() slog.Value {
	return slog.GroupValue(slog.String("msg", e.Error()), slog.String("stack", string(e.Stack)))
}

// call is one Update on its way through the writer.
type call struct {
	fn     func(tx *Tx) error
	alone  func() error // instead of fn: work that no update may run beside
	state  atomic.Int32
	answer chan error // size 1: the writer never waits for a caller

	err   error // what fn returned, when it had written nothing
	hooks []func()
}

// The states of a call.
const (
	callQueued int32 = iota
	callClaimed
	callCancelled
)

// claim takes a call for running; false means that its caller has left.
func (c *call) claim() bool {
	return c.state.CompareAndSwap(callQueued, callClaimed) || c.state.Load() == callClaimed
}

// Update runs fn in a write transaction and returns when its changes are
// durable. Updates of many goroutines that wait at the same time share one
// commit; each sees the changes of those before it. A nil result means on disk.
//
// An error from fn undoes everything fn wrote and is returned; a panic in fn is
// returned as *PanicError. Because the neighbours in its group are then run
// again, fn may run several times: it has no side effects outside tx except
// through tx.OnCommit, and it assigns rather than appends to variables outside.
// fn must be quick (no network), and no goroutine may call Update from inside
// Update or View: it would wait for itself for ever.
//
// If the commit fails (disk full), everyone in the group gets the error, nothing
// was changed, and later updates are tried anew. Only when the very last fsync
// fails is it unknown what a restart will find; from then on every Update fails,
// while reads go on. When ctx ends while the call is
// still waiting, fn is not run and ctx's error returned; once fn has begun, its
// real result is.
func (s *Store) Update(ctx context.Context, fn func(tx *Tx) error) error {
	return s.submit(ctx, &call{fn: s.inPast(ctx, fn), answer: make(chan error, 1)})
}

// exclusive runs fn on the writer goroutine, between two groups.
func (s *Store) exclusive(ctx context.Context, fn func() error) error {
	return s.submit(ctx, &call{alone: fn, answer: make(chan error, 1)})
}

func (s *Store) submit(ctx context.Context, c *call) error {
	if s.readOnly {
		return ErrReadOnly
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	select {
	case <-s.closing:
		return ErrClosed
	default:
	}
	select {
	case s.queue <- c:
	case <-ctx.Done():
		return ctx.Err()
	case <-s.closing:
		return ErrClosed
	}
	select {
	case err := <-c.answer:
		return err
	case <-ctx.Done():
		if c.state.CompareAndSwap(callQueued, callCancelled) {
			return ctx.Err()
		}
	case <-s.stopped:
	}
	select {
	case err := <-c.answer:
		return err
	case <-s.stopped:
	}
	// The writer has ended: either it answered just before, or the call came too
	// late to be taken.
	select {
	case err := <-c.answer:
		return err
	default:
		return ErrClosed
	}
}

// writer is the state of the one goroutine that writes.
type writer struct {
	s     *Store
	todo  []*call // taken from the queue and not yet answered, in order
	limit int     // how many of todo the next group may take
}

// loop runs groups until the store closes. It survives a Goexit in an update by
// going on in a new goroutine.
func (w *writer) loop() {
	done := false
	defer func() {
		if done {
			close(w.s.stopped)
		} else {
			go w.loop()
		}
	}()
	for w.take() {
		w.group()
	}
	done = true
}

// take waits for work and then takes all that is there. False means that the
// store closes and nothing waits any more.
func (w *writer) take() bool {
	if len(w.todo) == 0 {
		select {
		case c := <-w.s.queue:
			w.todo = append(w.todo, c)
		case <-w.s.closing:
		}
	}
	for len(w.todo) < maxGroup {
		select {
		case c := <-w.s.queue:
			w.todo = append(w.todo, c)
			continue
		default:
		}
		break
	}
	return len(w.todo) > 0
}

// group runs calls from the front of todo in one transaction, commits it and
// answers them.
//
// When a call fails after it has written, the transaction is rolled back and
// the calls before it are run again and committed without it; then it runs once
// more as the first of the next group, and only an error from there is its
// answer. So no answer, not even "duplicate of 5", ever rests on a change that
// was not committed.
func (w *writer) group() {
	if w.todo[0].alone != nil {
		w.alone()
		return
	}
	limit := min(w.limit, len(w.todo))
	w.limit = maxGroup
	g, err := w.s.begin()
	if err != nil {
		w.answer(limit, err)
		return
	}
	n := 0 // the call that runs, in the end the number of calls that ran
	failed := errGoexit
	defer func() {
		if failed != nil {
			g.rollback()
			w.retryWithout(n, failed)
		}
	}()
	for ; n < limit && w.todo[n].alone == nil && g.bytes < maxGroupBytes; n++ {
		c := w.todo[n]
		c.err, c.hooks = nil, nil
		if !c.claim() {
			continue
		}
		tx := newTx(w.s, g)
		writes, seq := g.writes, g.seq
		err := run(c.fn, tx)
		tx.end()
		if err != nil && g.writes != writes {
			failed = err
			return
		}
		if err != nil {
			g.seq = seq
			c.err = err
			continue
		}
		c.hooks = tx.hooks
	}
	failed = nil
	w.finish(g, n)
}

// finish commits g and answers the first n calls.
func (w *writer) finish(g *group, n int) {
	s := w.s
	s.counts.group(n)
	wrote := g.dirty()
	if !wrote {
		g.rollback()
	} else if err := g.commit(); err != nil {
		// After a failed fsync of the very last page the changes may be there
		// all the same; looking again costs nothing.
		s.wake(g.changed)
		w.answer(n, err)
		return
	}
	for _, c := range w.todo[:n] {
		for _, hook := range c.hooks {
			hook()
		}
	}
	if wrote {
		s.wake(g.changed)
	}
	w.answer(n, nil)
}

// answer tells the first n calls that their group ended with err; where it went
// well each gets what its own function returned.
func (w *writer) answer(n int, err error) {
	for i, c := range w.todo[:n] {
		e := err
		if e == nil {
			e = c.err
		}
		w.s.counts.answered(e)
		c.answer <- e
		w.todo[i] = nil
	}
	w.todo = append(w.todo[:0], w.todo[n:]...)
}

// retryWithout arranges the next group after call n has failed and been rolled
// back: those before it without it, or, if it was the first, those behind it.
func (w *writer) retryWithout(n int, err error) {
	w.s.counts.rollbacks.Add(1)
	if n > 0 {
		w.limit = n
		return
	}
	w.todo[0].err = nil
	w.answer(1, err)
}

// alone runs an exclusive call.
func (w *writer) alone() {
	err := errGoexit
	defer func() { w.answer(1, err) }()
	c := w.todo[0]
	if !c.claim() {
		err = nil
		return
	}
	err = run(func(*Tx) error { return c.alone() }, nil)
}

// run calls fn and turns a panic into an error.
func run(fn func(tx *Tx) error, tx *Tx) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = &PanicError{Value: v, Stack: debug.Stack()}
		}
	}()
	return fn(tx)
}

// begin starts a write transaction.
func (s *Store) begin() (*group, error) {
	if err := s.refuse(true); err != nil {
		return nil, err
	}
	btx, err := s.db.Begin(true)
	if err != nil {
		return nil, fmt.Errorf("store: begin: %w", err)
	}
	g := &group{s: s, btx: btx}
	g.seq = g.readUint(metaBucket, keySequence)
	g.savedSeq = g.seq
	return g, nil
}

// direct runs fn in a transaction of its own. Only the writer goroutine, and
// Open before there is one, may call it.
func (s *Store) direct(fn func(tx *Tx) error) error {
	g, err := s.begin()
	if err != nil {
		return err
	}
	defer g.rollback() // does nothing after a commit
	tx := newTx(s, g)
	defer tx.end()
	if err := fn(tx); err != nil {
		return err
	}
	return g.commit()
}

// commit writes what was put off to the end and makes the group durable.
func (g *group) commit() error {
	if err := g.flush(); err != nil {
		g.rollback()
		return err
	}
	id := g.btx.ID()
	start := time.Now()
	err := g.s.commit(g.btx)
	g.s.counts.committed(time.Since(start), err)
	if err == nil {
		return nil
	}
	g.rollback() // bbolt has done it already, except where its Commit never ran
	err = fmt.Errorf("store: commit: %w", err)
	if g.s.txID() >= id {
		// The new state is in place, but its last fsync failed. The next commit
		// may overwrite pages of the state before it, which is perhaps the one on
		// disk; and the kernel reports a failed write-back only once, so a later
		// fsync that succeeds would prove nothing.
		g.s.breakDown(fmt.Errorf("store: writing is stopped since an fsync failed; check the disk, restart and run a check: %w", err), false)
	}
	return err
}

// txID returns the number of the newest transaction that readers see.
func (s *Store) txID() int {
	btx, err := s.db.Begin(false)
	if err != nil {
		return 0
	}
	defer btx.Rollback()
	return btx.ID()
}
