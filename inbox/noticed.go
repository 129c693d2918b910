package inbox

import (
	"context"
	"fmt"
	"strconv"

	"throughline/store"
)

// notice brings what is known of customers up to date and writes down, in the same
// transactions, of whom something changed. The last of them keeps the place in the log,
// so that nothing is noticed and forgotten.
func (h *Hub) notice(ctx context.Context, ids []uint64, at uint64) error {
	for more := true; more; {
		part := ids[:min(len(ids), matchBatch)]
		ids = ids[len(part):]
		more = len(ids) > 0
		if err := h.Store.Update(ctx, func(tx *store.Tx) error {
			changed, err := h.refreshPeople(tx, part)
			if err != nil {
				return err
			}
			for _, id := range changed {
				if err := tx.PutValue(noticedBucket, noticedKey(id), []byte{1}); err != nil {
					return err
				}
			}
			if more {
				return nil
			}
			return tx.PutValue(matchBucket, matchedKey, []byte(strconv.FormatUint(at, 10)))
		}); err != nil {
			return err
		}
	}
	return nil
}

// noticeNow is notice for a customer of whom no event tells.
func (h *Hub) noticeNow(tx *store.Tx, customer uint64) error {
	root, err := h.Identity.Root(tx, customer)
	if err != nil {
		return err
	}
	changed, err := h.refreshPeople(tx, []uint64{root.ID})
	if err != nil || len(changed) == 0 {
		return err
	}
	return tx.PutValue(noticedBucket, noticedKey(root.ID), []byte{1})
}

// noticedBucket has those who are still to be compared.
const noticedBucket = "noticed"

func noticedKey(id uint64) string { return fmt.Sprintf("%016x", id) }

// noticed are some of them.
func (h *Hub) noticed(tx *store.Tx) (ids []uint64) {
	for key := range tx.Values(noticedBucket) {
		if id, err := strconv.ParseUint(key, 16, 64); err == nil {
			ids = append(ids, id)
		}
		if len(ids) == matchBatch {
			break
		}
	}
	return ids
}

// compareNoticed compares them all. Each is crossed off in the transaction that keeps
// what was found.
func (h *Hub) compareNoticed(ctx context.Context) error {
	for {
		var ids []uint64
		if err := h.Store.View(func(tx *store.Tx) error { ids = h.noticed(tx); return nil }); err != nil || len(ids) == 0 {
			return err
		}
		if _, err := h.compare(ctx, ids, func(tx *store.Tx) error {
			for _, id := range ids {
				if err := tx.PutValue(noticedBucket, noticedKey(id), nil); err != nil {
					return err
				}
			}
			return nil
		}); err != nil {
			return err
		}
	}
}

func (h *Hub) refreshPeople(tx *store.Tx, ids []uint64) (changed []uint64, err error) {
	for _, id := range ids {
		news, err := h.Identity.Refresh(tx, id)
		if err != nil {
			return nil, err
		}
		if h.Identity.Person(tx, id) == nil {
			// It was merged into another: what was open about it no longer holds.
			if n, err := h.Identity.Forget(tx, id, nil); err != nil {
				return nil, err
			} else if n > 0 {
				news = true
			}
		}
		if news {
			changed = append(changed, id)
		}
	}
	return changed, nil
}
