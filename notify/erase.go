package notify

import (
	"context"
	"errors"
	"slices"
	"time"

	"throughline/connectors"
	"throughline/inbox"
	"throughline/store"
)

// Erase takes what notices said of these customer records out of the places where
// they were posted: each then says only that its customer was erased. What was
// posted longer ago than notices are remembered is out of reach.
func (n *Notify) Erase(ctx context.Context, records []uint64) error {
	var list []uint64
	for after, more := uint64(0), true; more; {
		if err := ctx.Err(); err != nil {
			return err
		}
		more = false
		if err := n.hub.Store.View(func(tx *store.Tx) error {
			looked := 0
			for e := range n.notices.Scan(tx, store.Range{After: store.K().Uint(after)}) {
				if more = looked == erasePage; more {
					return nil
				}
				looked, after = looked+1, e.ID
				t, err := n.notices.Get(tx, e.ID)
				if err != nil {
					return err
				}
				if is, err := n.about(tx, t, records); err != nil {
					return err
				} else if is {
					list = append(list, e.ID)
				}
			}
			return nil
		}); err != nil {
			return err
		}
	}
	for page := range slices.Chunk(list, erasePage) {
		if err := n.hub.Store.Update(ctx, func(tx *store.Tx) error {
			for _, id := range page {
				if err := n.eraseNotice(tx, id); err != nil {
					return err
				}
			}
			return nil
		}); err != nil {
			return err
		}
	}
	return nil
}

// erasePage bounds one transaction of an erasure, in notices.
const erasePage = 200

func (n *Notify) eraseNotice(tx *store.Tx, id uint64) error {
	t, err := n.notices.Get(tx, id)
	if errors.Is(err, store.ErrNotFound) { // forgotten meanwhile
		return nil
	}
	if err != nil {
		return err
	}
	t.Erased, t.Error = true, ""
	if t.Ref != "" || !t.Tried.IsZero() { // it stands there, or may
		t.Due, t.Closed = tx.Now(), time.Time{}
	} else {
		t.Due, t.Closed = time.Time{}, tx.Now()
	}
	return n.notices.Put(tx, id, t)
}

// about tells whether a notice is about the conversation of one of these records.
func (n *Notify) about(tx *store.Tx, t *Notice, records []uint64) (bool, error) {
	c, err := n.hub.Conversation(tx, t.Conversation)
	if errors.Is(err, inbox.ErrNotFound) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	h, err := n.hub.Identity.Handle(tx, c.Handle)
	if err != nil {
		return false, err
	}
	return slices.Contains(records, h.Customer), nil
}

// erased is what is left of a notice whose customer was erased.
func (n *Notify) erased(tx *store.Tx, t *Notice) connectors.Notice {
	var r Rule
	if known, err := n.rules.Get(tx, t.Rule); err == nil {
		r = *known
	}
	return connectors.Notice{Key: t.key(), Title: r.words().erased}
}
