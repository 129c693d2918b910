package inbox

import (
	"context"

	"throughline/store"
)

// checkPeople compares what is kept for matching with what the customers' records and
// handles say, if the log has been followed to its end.
func (h *Hub) checkPeople(ctx context.Context, bad func(string, ...any)) error {
	behind := false
	if err := h.Store.View(func(tx *store.Tx) error {
		at := h.upTo(tx)
		if l := h.LastLook(tx); at == 0 || l != nil && l.Finished.IsZero() {
			behind = true
			return nil
		}
		events, err := h.Timeline.After(tx, at, 2*matchedEvery)
		if err != nil {
			return err
		}
		ids, err := h.aboutPeople(tx, events)
		behind = len(ids) > 0 || len(events) == 2*matchedEvery
		return err
	}); err != nil || behind {
		return err
	}
	for after, more := uint64(0), true; more; {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := h.Store.View(func(tx *store.Tx) error {
			ids := h.Identity.Records(tx, after, checkPage)
			more = len(ids) == checkPage
			for _, id := range ids {
				after = id
				if stale, err := h.Identity.Stale(tx, id); err != nil {
					return err
				} else if stale {
					bad("customer %d: what is kept for matching is out of date", id)
				}
			}
			return nil
		}); err != nil {
			return err
		}
	}
	return nil
}
