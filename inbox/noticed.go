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
				if err := h.putNoticed(tx, id); err != nil {
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
	return h.putNoticed(tx, root.ID)
}

// noticedBucket has those who are still to be compared, each with a number that is new
// whenever he is noticed.
const noticedBucket = "noticed"

func noticedKey(id uint64) string { return fmt.Sprintf("%016x", id) }

func (h *Hub) putNoticed(tx *store.Tx, id uint64) error {
	return tx.PutValue(noticedBucket, noticedKey(id), []byte(strconv.FormatUint(tx.NextID(), 10)))
}

// noticed are some of them, with their numbers.
func (h *Hub) noticed(tx *store.Tx) (ids []uint64, numbers []string) {
	for key, number := range tx.Values(noticedBucket) {
		if id, err := strconv.ParseUint(key, 16, 64); err == nil {
			ids, numbers = append(ids, id), append(numbers, string(number))
		}
		if len(ids) == matchBatch {
			break
		}
	}
	return ids, numbers
}

// crossOff forgets that customers were noticed, except who was noticed again since.
func (h *Hub) crossOff(tx *store.Tx, ids []uint64, numbers []string) error {
	for n, id := range ids {
		if string(tx.GetValue(noticedBucket, noticedKey(id))) != numbers[n] {
			continue
		}
		if err := tx.PutValue(noticedBucket, noticedKey(id), nil); err != nil {
			return err
		}
	}
	return nil
}

// compareNoticed compares them all. Each is crossed off in the transaction that keeps
// what was found.
func (h *Hub) compareNoticed(ctx context.Context) error {
	for {
		var ids []uint64
		var numbers []string
		if err := h.Store.View(func(tx *store.Tx) error { ids, numbers = h.noticed(tx); return nil }); err != nil || len(ids) == 0 {
			return err
		}
		if _, err := h.compare(ctx, ids, noticedLater, func(tx *store.Tx) error { return h.crossOff(tx, ids, numbers) }); err != nil {
			return err
		}
	}
}

// noticedLater is the comesLater of those who are noticed: their turn comes in the
// order of their numbers.
func noticedLater(tx *store.Tx, id, other uint64) bool {
	return other > id && tx.GetValue(noticedBucket, noticedKey(other)) != nil
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
