package inbox

import (
	"context"
	"errors"
	"fmt"
	"time"

	"throughline/connectors"
	"throughline/message"
	"throughline/store"
)

// What is left to do of messages that are out. It stands on disk with the delivery
// and is done beside the lane, so that it delays no message and no crash loses it.

const finishTimeout = 2 * time.Minute

// finishAfter are the waits before each try; the last one repeats. The first leaves
// the connector time to be done by itself.
var finishAfter = []time.Duration{15 * time.Second, time.Minute, 5 * time.Minute, 30 * time.Minute, 2 * time.Hour}

// finishing does what is owed on an account until ctx ends.
func (h *Hub) finishing(ctx context.Context, r *runner, f connectors.Finisher) {
	wake, stop := h.deliveries.Watch()
	defer stop()
	tries := map[uint64]int{} // of this run; after a restart it is tried soon again
	timer := time.NewTimer(0)
	defer timer.Stop()
	for ctx.Err() == nil {
		m, due, err := h.nextOwed(r.account)
		wait := time.Hour
		switch {
		case err != nil:
			h.log.Error("what is left of sent messages", "account", r.account, "error", err)
			wait = time.Minute
		case m.ID != 0 && !due.After(time.Now()):
			wait = 0
			tries[m.ID]++
			owed, err := h.finish(ctx, r, f, m, tries[m.ID])
			if err == nil && !owed {
				delete(tries, m.ID)
			}
			if err != nil && ctx.Err() == nil {
				h.log.Error("what is left of a sent message", "account", r.account, "message", m.ID, "error", err)
				wait = time.Minute
			}
		case m.ID != 0:
			wait = time.Until(due)
		}
		timer.Reset(wait)
		select {
		case <-wake:
		case <-timer.C:
		case <-ctx.Done():
		}
	}
}

// nextOwed is the message of which something is due first, with ID 0 if there is none.
func (h *Hub) nextOwed(account string) (m message.Message, due time.Time, err error) {
	err = h.Store.View(func(tx *store.Tx) error {
		for e := range h.deliveries.Scan(tx, store.Range{Index: "owed", Prefix: store.K().Str(account)}) {
			d, err := h.Delivery(tx, e.ID)
			if err != nil {
				return err
			}
			rec, err := h.Message(tx, e.ID)
			if err != nil {
				return err
			}
			due, m = d.Owed, h.sendable(rec)
			if err := h.unsubscribable(tx, &m, rec, d.Listed); err != nil {
				return err
			}
			m.Thread, err = h.wireNames(tx, m.Thread)
			return err
		}
		return nil
	})
	return m, due, err
}

// finish makes the nth try and tells whether there is to be another one.
func (h *Hub) finish(ctx context.Context, r *runner, f connectors.Finisher, m message.Message, n int) (owed bool, err error) {
	tryCtx, cancel := context.WithTimeout(ctx, finishTimeout)
	defer cancel()
	done := tryFinish(tryCtx, f, m)
	if ctx.Err() != nil {
		return true, ctx.Err() // the next start tries again
	}
	err = h.Store.Update(ctx, func(tx *store.Tx) error {
		d, err := h.Delivery(tx, m.ID)
		if err != nil {
			return err
		}
		switch {
		case done == nil:
			d.Owed = time.Time{}
		case connectors.ClassOf(done) == connectors.Reject, tx.Now().Sub(d.Created) > giveUpAfter:
			h.log.Warn("what is left of a sent message is given up", "account", r.account, "message", m.ID, "reason", done)
			d.Owed = time.Time{}
		default:
			d.Owed = tx.Now().Add(finishAfter[min(n, len(finishAfter)-1)])
		}
		owed = !d.Owed.IsZero()
		return h.deliveries.Put(tx, m.ID, d)
	})
	return owed, err
}

// tryFinish lets the connector do it; a panic in it is a failed try.
func tryFinish(ctx context.Context, f connectors.Finisher, m message.Message) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = errors.New("the connector failed: " + fmt.Sprint(p))
		}
	}()
	return f.Finish(ctx, m)
}
