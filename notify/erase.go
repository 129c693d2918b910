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
// posted longer ago than notices are remembered is out of reach. Notices have no
// files.
func (n *Notify) Erase(ctx context.Context, _ uint64, records []uint64) (files []string, err error) {
	return nil, n.hub.Store.Update(ctx, func(tx *store.Tx) error {
		var list []uint64
		for e := range n.notices.Scan(tx, store.Range{}) {
			t, err := n.notices.Get(tx, e.ID)
			if err != nil {
				return err
			}
			is, err := n.about(tx, t, records)
			if err != nil {
				return err
			}
			if is {
				list = append(list, e.ID)
			}
		}
		for _, id := range list {
			t, err := n.notices.Get(tx, id)
			if err != nil {
				return err
			}
			t.Erased, t.Error = true, ""
			if t.Ref != "" || !t.Tried.IsZero() { // it stands there, or may
				t.Due, t.Closed = tx.Now(), time.Time{}
			} else {
				t.Due, t.Closed = time.Time{}, tx.Now()
			}
			if err := n.notices.Put(tx, id, t); err != nil {
				return err
			}
		}
		return nil
	})
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
