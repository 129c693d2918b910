package inbox

import (
	"context"
	"errors"
	"fmt"
	"time"

	"throughline/accounts"
	"throughline/connectors"
	"throughline/message"
	"throughline/store"
)

// HeldItem is an item that was delivered and could not be taken in.
type HeldItem struct {
	ID      uint64    `json:"-"`
	Account string    `json:"account"`
	Source  string    `json:"source"`
	Key     string    `json:"key,omitempty"`
	Reason  string    `json:"reason"`
	Time    time.Time `json:"time"`
	Size    int64     `json:"size"`
	RawBlob string    `json:"raw_blob,omitempty"` // "" if the provider could not hand it over
	Tries   int       `json:"tries"`
	// Change is set on news about an item: its files are in blobs.
	Change *message.Change `json:"change,omitempty"`
}

func (h *Hub) prepareHeld(ctx context.Context, account string, item message.Held) (*HeldItem, error) {
	it := &HeldItem{Account: account, Source: item.Source, Key: item.Key, Reason: item.Reason}
	if item.Source == "" {
		return nil, errors.New("inbox: a held item needs a source")
	}
	if item.Raw != nil {
		ref, err := h.putBlob(ctx, item.Raw)
		if err != nil {
			return nil, fmt.Errorf("store held item: %w", err)
		}
		it.RawBlob, it.Size = ref.SHA256, ref.Size
	}
	return it, nil
}

// hold stores an item with its reason; one that is held already gets the new
// reason. An item that was taken in before stays so.
func (h *Hub) hold(tx *store.Tx, it *HeldItem) error {
	if was, id, ok := h.outcome(tx, it.Account, it.Source); ok {
		if was != HeldBack {
			return nil
		}
		old, err := h.held.Get(tx, id)
		if err == nil {
			old.Reason, old.Tries = it.Reason, old.Tries+1
			if it.RawBlob != "" {
				old.RawBlob, old.Size = it.RawBlob, it.Size
			}
			if it.Change != nil {
				old.Change = it.Change
			}
			return h.held.Put(tx, id, old)
		}
		if !errors.Is(err, ErrNotFound) {
			return err
		}
	}
	it.ID, it.Time, it.Tries = tx.NextID(), tx.Now(), 1
	if err := h.held.Insert(tx, it.ID, it); err != nil {
		return err
	}
	return h.enter(tx, it.Account, it.Source, HeldBack, it.ID)
}

// unhold drops the held item of a source that has been taken in after all.
func (h *Hub) unhold(tx *store.Tx, account, source string) error {
	id, ok := h.held.Lookup(tx, "source", store.K().Str(account).Str(source))
	if !ok {
		return nil
	}
	return h.held.Delete(tx, id)
}

// HeldItems lists held items, of one account or of all ("").
func (h *Hub) HeldItems(tx *store.Tx, account string, after store.Key, limit int) (items []*HeldItem, next store.Key, err error) {
	r := store.Range{Index: "account", After: after}
	if account != "" {
		r.Prefix = store.K().Str(account)
	}
	for e := range h.held.Scan(tx, r) {
		if len(items) == limit {
			return items, next, nil
		}
		it, err := h.held.Get(tx, e.ID)
		if err != nil {
			return nil, nil, err
		}
		it.ID = e.ID
		items, next = append(items, it), e.Pos
	}
	return items, nil, nil
}

// HeldRaw returns a held item as it was delivered; ErrNotFound if the provider
// could not hand it over.
func (h *Hub) HeldRaw(tx *store.Tx, id uint64) (message.Content, error) {
	it, err := h.held.Get(tx, id)
	if err != nil {
		return nil, err
	}
	if it.RawBlob == "" {
		return nil, fmt.Errorf("raw item: %w", ErrNotFound)
	}
	return h.blobContent(it.RawBlob), nil
}

// Outcome is what a new try came to.
type Outcome struct {
	Outcome      string // Stored, Duplicate or HeldBack
	Reason       string
	Conversation uint64
}

// RetryHeld tries to take a held item in again: from its raw form, or, without
// one, from the provider.
func (h *Hub) RetryHeld(ctx context.Context, id uint64) (out Outcome, err error) {
	var it *HeldItem
	if err := h.Store.View(func(tx *store.Tx) error {
		it, err = h.held.Get(tx, id)
		return err
	}); err != nil {
		return out, err
	}
	if it.Change != nil {
		return h.retryChange(ctx, id, it)
	}
	conn, err := h.connector(it.Account)
	if errors.Is(err, accounts.ErrNotFound) {
		return out, &ConflictError{fmt.Sprintf("the account %q of this item is gone: add it again under the same id, then try again", it.Account)}
	}
	if err != nil {
		return out, err
	}
	in := &sink{hub: h, account: it.Account}
	reader, reads := conn.(connectors.Reader)
	auditor, fetches := conn.(connectors.Auditor)
	switch {
	case it.RawBlob != "" && reads:
		raw := h.blobContent(it.RawBlob)
		m, readErr := readAgain(reader, raw, it.Source)
		if errors.Is(readErr, connectors.ErrPartial) {
			whole, err := h.retryWhole(ctx, auditor, in, it)
			if err != nil || whole {
				return h.outcomeOf(it, err)
			}
			readErr = nil
		}
		it.dates(&m)
		b := connectors.Batch{Messages: []message.Message{m}}
		if readErr != nil {
			b = connectors.Batch{Held: []message.Held{{Source: it.Source, Key: it.Key, Reason: readErr.Error(), Raw: raw}}}
		} else if b.Messages[0].Raw == nil {
			b.Messages[0].Raw = raw
		}
		err = in.Accept(ctx, b)
	case fetches:
		err = refetch(ctx, auditor, in, []string{it.Source})
	default:
		return out, &ConflictError{"this channel cannot fetch an item again"}
	}
	return h.outcomeOf(it, err)
}

// retryWhole fetches an item again of which the raw form is not all, and tells
// whether that took it in: the provider may not have it any more.
func (h *Hub) retryWhole(ctx context.Context, from connectors.Auditor, in *sink, it *HeldItem) (bool, error) {
	if from == nil {
		return false, nil
	}
	if err := refetch(ctx, from, in, []string{it.Source}); err != nil {
		return false, err
	}
	out, err := h.outcomeOf(it, nil)
	return out.Outcome != HeldBack, err
}

// dates keeps the times of an item that was held from being later than that: some
// raw items carry none of their own.
func (it *HeldItem) dates(m *message.Message) {
	if m.Received.After(it.Time) {
		m.Received = it.Time
	}
	if m.Time.After(it.Time) {
		m.Time = it.Time
	}
}

// retryChange applies held news of an item again.
func (h *Hub) retryChange(ctx context.Context, id uint64, it *HeldItem) (out Outcome, err error) {
	err = h.Store.Update(ctx, func(tx *store.Tx) error {
		out = Outcome{Outcome: Stored}
		if err := h.takeChange(tx, it.Account, *it.Change); err != nil {
			return err
		}
		r, err := h.item(tx, it.Account, it.Change.Of)
		if err != nil {
			return err
		}
		if r != nil { // else it waits for its item
			out.Conversation = r.Conversation
		}
		// The ledger counts items, and this was none.
		return errors.Join(h.held.Delete(tx, id), tx.PutValue(ledgerBucket, ledgerKey(it.Account, it.Source), nil))
	})
	if err == nil || ctx.Err() != nil {
		return out, err
	}
	again := heldChange(it.Change, err)
	return Outcome{Outcome: HeldBack, Reason: again.Reason}, h.Store.Update(ctx, func(tx *store.Tx) error {
		return h.hold(tx, &HeldItem{Account: it.Account, Source: it.Source, Reason: again.Reason})
	})
}

// outcomeOf is what became of a held item after a try that ended with tried.
func (h *Hub) outcomeOf(it *HeldItem, tried error) (out Outcome, err error) {
	if tried != nil {
		return out, tried
	}
	err = h.Store.View(func(tx *store.Tx) error {
		what, ref, ok := h.outcome(tx, it.Account, it.Source)
		if !ok {
			return fmt.Errorf("held item: %w", ErrNotFound)
		}
		out.Outcome = what
		if what == HeldBack {
			if now, err := h.held.Get(tx, ref); err == nil {
				out.Reason = now.Reason
			}
			return nil
		}
		r, err := h.Message(tx, ref)
		if err == nil {
			out.Conversation = r.Conversation
		}
		return err
	})
	return out, err
}

// readAgain lets the connector read an item; its failure is the item's. The source
// stays what it was, or two items would become of one.
func readAgain(r connectors.Reader, raw message.Content, source string) (m message.Message, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("the connector failed while reading it: %v", p)
		}
	}()
	m, err = r.Read(raw, source)
	m.Source = source
	return m, err
}

// DropHeld gives a held item up. Its blob stays until the next sweep, its source
// stays in the ledger as held.
func (h *Hub) DropHeld(ctx context.Context, id uint64) error {
	return h.Store.Update(ctx, func(tx *store.Tx) error { return h.held.Delete(tx, id) })
}
