package inbox

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"throughline/connectors"
	"throughline/message"
	"throughline/store"
)

// sink is what one account's connector puts its items into.
type sink struct {
	hub     *Hub
	account string
	run     *runner // nil for a re-import, which reports no state
}

const cursorBucket = "cursors"

func (s *sink) Cursor(context.Context) (cursor []byte, err error) {
	err = s.hub.Store.View(func(tx *store.Tx) error {
		cursor = tx.GetValue(cursorBucket, s.account)
		return nil
	})
	return cursor, err
}

func (s *sink) State(st connectors.State) {
	if s.run != nil {
		s.run.setState(st)
	}
}

// Accept is the only way in. Content that is large goes to the blob store first
// and is durable before the transaction names it; then one transaction does
// ledger → duplicate check → identity → conversation → message → event → cursor.
func (s *sink) Accept(ctx context.Context, b connectors.Batch) error {
	h := s.hub
	arrivals := make([]*arrival, len(b.Messages))
	for i := range b.Messages {
		a, err := h.prepare(ctx, s.account, b.Messages[i])
		if err != nil {
			return err
		}
		arrivals[i] = a
	}
	changes := make([]message.Change, len(b.Changes))
	for i := range b.Changes {
		c, err := h.prepareChange(ctx, s.account, b.Changes[i])
		if err != nil {
			return err
		}
		changes[i] = c
	}
	heldItems := make([]*HeldItem, len(b.Held))
	for i, item := range b.Held {
		it, err := h.prepareHeld(ctx, s.account, item)
		if err != nil {
			return err
		}
		heldItems[i] = it
	}
	for {
		at, news := -1, -1 // the message or the change in hand
		err := h.Store.Update(ctx, func(tx *store.Tx) error {
			var n tally
			for i, a := range arrivals {
				at = i
				outcome, err := h.ingest(tx, a)
				if err != nil {
					return fmt.Errorf("take in %s: %w", a.m.Source, err)
				}
				n.add(outcome)
			}
			at, news = -1, -1
			for _, it := range heldItems {
				if err := h.hold(tx, it); err != nil {
					return err
				}
			}
			for i, c := range changes {
				news = i
				if err := h.takeChange(tx, s.account, c); err != nil {
					return fmt.Errorf("news of %s: %w", c.Of, err)
				}
			}
			news = -1
			for _, r := range b.Reports {
				if err := h.report(tx, s.account, r); err != nil {
					return err
				}
			}
			for _, p := range b.People {
				if err := h.heard(tx, s.account, p); err != nil {
					return err
				}
			}
			if err := h.count(tx, s.account, n); err != nil {
				return err
			}
			if b.Cursor == nil {
				return nil
			}
			return tx.PutValue(cursorBucket, s.account, b.Cursor)
		})
		if err != nil && news >= 0 {
			it, heldErr := h.prepareHeld(ctx, s.account, heldChange(&changes[news], err))
			if heldErr != nil {
				return errors.Join(err, heldErr)
			}
			kept := changes[news]
			it.Change = &kept
			h.log.Error("a change is held", "account", s.account, "of", changes[news].Of, "error", err)
			heldItems = append(heldItems, it)
			changes = slices.Delete(changes, news, news+1)
			continue
		}
		if err == nil || at < 0 || arrivals[at].m.Source == "" {
			return err
		}
		// This one message cannot be stored. Refused, it would come again for
		// ever and keep all others from coming in.
		h.log.Error("an item is held", "account", s.account, "source", arrivals[at].m.Source, "error", err)
		it, heldErr := h.prepareHeld(ctx, s.account, arrivals[at].held(err))
		if heldErr != nil {
			return errors.Join(err, heldErr)
		}
		heldItems = append(heldItems, it)
		arrivals = slices.Delete(arrivals, at, at+1)
	}
}
