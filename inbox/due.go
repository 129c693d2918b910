package inbox

import (
	"context"
	"errors"
	"time"

	"throughline/store"
)

// alarm is a table whose records wait for a time of theirs.
type alarm[V any] struct {
	what  string // for the log
	table *store.Table[V]
	index string // of those that wait, the next one first
	at    func(*V) time.Time
	// ring does what is due for one record, in a transaction. It looks again whether
	// that is so: an agent may have been quicker.
	ring func(tx *store.Tx, id uint64) error
}

// follow rings when times come, until ctx ends. What came while no process ran rings
// at once.
func (a alarm[V]) follow(ctx context.Context, h *Hub) {
	wake, stop := a.table.Watch()
	defer stop()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for ctx.Err() == nil {
		wait, err := a.ringDue(ctx, h)
		if err != nil && !errors.Is(err, context.Canceled) {
			h.log.Error(a.what, "error", err)
			wait = 30 * time.Second
		}
		timer.Reset(wait)
		select {
		case <-wake:
		case <-timer.C:
		case <-ctx.Done():
		}
	}
}

// ringDue rings for what is due and tells how long nothing else is.
func (a alarm[V]) ringDue(ctx context.Context, h *Hub) (wait time.Duration, err error) {
	const longest = time.Hour
	var due []uint64
	err = h.Store.View(func(tx *store.Tx) error {
		wait = longest
		for e := range a.table.Scan(tx, store.Range{Index: a.index}) {
			v, err := a.table.Peek(tx, e.ID)
			if err != nil {
				return err
			}
			if left := time.Until(a.at(v)); left > 0 {
				wait = min(left, longest)
				break
			}
			if due = append(due, e.ID); len(due) == maxBatch {
				wait = 0
				break
			}
		}
		return nil
	})
	if err != nil || len(due) == 0 {
		return wait, err
	}
	return wait, h.Store.Update(ctx, func(tx *store.Tx) error {
		for _, id := range due {
			if err := a.ring(tx, id); err != nil && !errors.Is(err, ErrNotFound) {
				return err
			}
		}
		return nil
	})
}
