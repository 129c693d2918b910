package inbox

import (
	"fmt"
	"time"

	"throughline/message"
	"throughline/store"
)

// early is news that came before what it is about.
type early struct {
	Account string          `json:"account"`
	Of      string          `json:"of"`
	Time    time.Time       `json:"time"`
	Change  *message.Change `json:"change,omitempty"`
	Report  *message.Report `json:"report,omitempty"`
}

// What waits for its item is given up after a time, or when there is too much of
// it: providers also tell of items that never come here.
const (
	earlyAge = 7 * 24 * time.Hour
	maxEarly = 5000 // of one account
)

func newEarly(s *store.Store) *store.Table[early] {
	return store.NewTable(s, "early", store.TableOptions[early]{
		Compress: true,
		Indexes: []store.Index[early]{
			{Name: "of", Keys: func(e *early) []store.Key { return []store.Key{earlyKey(e.Account, e.Of)} }},
			{Name: "account", Count: true, Keys: func(e *early) []store.Key {
				return []store.Key{store.K().Str(e.Account).Time(e.Time)}
			}},
		},
	})
}

func earlyKey(account, of string) store.Key {
	return append(store.K().Str(account), refKey(of)...)
}

// keepEarly keeps e until its item comes, and gives up what has waited too long.
func (h *Hub) keepEarly(tx *store.Tx, e *early) error {
	if e.Of == "" {
		return nil
	}
	e.Time = tx.Now()
	group := store.K().Str(e.Account)
	over := h.early.Count(tx, "account", group) + 1 - maxEarly
	var gone []uint64
	for en := range h.early.Scan(tx, store.Range{Index: "account", Prefix: group}) {
		old, err := h.early.Get(tx, en.ID)
		if err != nil {
			return err
		}
		if len(gone) >= over && tx.Now().Sub(old.Time) < earlyAge || len(gone) == maxBatch {
			break
		}
		gone = append(gone, en.ID)
	}
	for _, id := range gone {
		if err := h.early.Delete(tx, id); err != nil {
			return err
		}
	}
	return h.early.Insert(tx, tx.NextID(), e)
}

// settleEarly applies what came before the item that an account calls name, in the
// order in which it came.
func (h *Hub) settleEarly(tx *store.Tx, account, name string) error {
	if name == "" {
		return nil
	}
	var ids []uint64
	for e := range h.early.Scan(tx, store.Range{Index: "of", Prefix: earlyKey(account, name)}) {
		ids = append(ids, e.ID)
	}
	for _, id := range ids {
		e, err := h.early.Get(tx, id)
		if err != nil {
			return err
		}
		if e.Of != name {
			continue // the index holds hashes
		}
		if err := h.early.Delete(tx, id); err != nil {
			return err
		}
		switch {
		case e.Change != nil:
			err = h.takeChange(tx, account, *e.Change)
		case e.Report != nil:
			err = h.report(tx, account, *e.Report)
		}
		if err != nil {
			return fmt.Errorf("early news of %s: %w", name, err)
		}
	}
	return nil
}
