package inbox

import (
	"context"
	"errors"
	"time"

	"throughline/store"
)

// wakeSnoozed brings snoozed conversations back when their time comes.
func (h *Hub) wakeSnoozed(ctx context.Context) {
	wake, stop := h.conversations.Watch()
	defer stop()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for ctx.Err() == nil {
		wait, err := h.wakeDue(ctx)
		if err != nil && !errors.Is(err, context.Canceled) {
			h.log.Error("wake snoozed conversations", "error", err)
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

// wakeDue opens what is due and tells how long nothing else is.
func (h *Hub) wakeDue(ctx context.Context) (wait time.Duration, err error) {
	const longest = time.Hour
	var due []uint64
	err = h.Store.View(func(tx *store.Tx) error {
		wait = longest
		for e := range h.conversations.Scan(tx, store.Range{Index: "snoozed"}) {
			c, err := h.Conversation(tx, e.ID)
			if err != nil {
				return err
			}
			if left := time.Until(c.SnoozedUntil); left > 0 {
				wait = min(left, longest)
				break
			}
			if due = append(due, c.ID); len(due) == maxBatch {
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
			c, err := h.Conversation(tx, id)
			if err != nil {
				return err
			}
			if c.Status != Snoozed || c.SnoozedUntil.After(tx.Now()) {
				continue // an agent was quicker
			}
			if err := h.change(tx, c, 0, Change{Status: ptr(Open)}); err != nil {
				return err
			}
			if err := h.conversations.Put(tx, c.ID, c); err != nil {
				return err
			}
		}
		return nil
	})
}
