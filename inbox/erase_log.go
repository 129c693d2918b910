package inbox

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"slices"
	"strings"

	"throughline/identity"
	"throughline/message"
	"throughline/store"
	"throughline/timeline"
)

// What an erasure has to look for: messages that stand on no timeline, old events,
// news that waits for its item, and items nobody could read.

// undoneIndex finds the messages of a conversation that were taken back and still
// say something.
const undoneIndex = "undone"

func (r *Record) undoneKeys() []store.Key {
	if !r.Cancelled || r.Erased {
		return nil
	}
	return []store.Key{store.K().Uint(r.Conversation)}
}

const (
	erasureBucket = "erasure"
	redactedKey   = "deliveries" // how far the log has been gone through
	redactPage    = 500
)

// redactDeliveries takes the words of servers out of events of deliveries: they were
// written there once, and may name somebody. It goes on where it was the last time.
func (h *Hub) redactDeliveries(ctx context.Context) error {
	var at uint64
	for {
		var wordy []uint64
		var n int
		if err := h.Store.View(func(tx *store.Tx) error {
			if v := tx.GetValue(erasureBucket, redactedKey); at == 0 && len(v) == 8 {
				at = binary.BigEndian.Uint64(v)
			}
			events, err := h.Timeline.After(tx, at, redactPage)
			n = len(events)
			for i := range events {
				at = events[i].Seq
				if events[i].Kind == timeline.MessageDelivery && bytes.Count(events[i].Data, []byte{':'}) > 1 {
					wordy = append(wordy, at)
				}
			}
			return err
		}); err != nil {
			return err
		}
		if len(wordy) == 0 && n == redactPage {
			continue
		}
		if err := h.Store.Update(ctx, func(tx *store.Tx) error {
			for _, seq := range wordy {
				if err := h.Timeline.Strip(tx, seq); err != nil {
					return err
				}
			}
			return tx.PutValue(erasureBucket, redactedKey, binary.BigEndian.AppendUint64(nil, at))
		}); err != nil || n < redactPage {
			return err
		}
	}
}

// isNews tells whether something is what he did to an item that has not come yet. Whose
// other news is nobody knows: it goes when it has waited long enough, see forgetEarly.
func (e *eraser) isNews(tx *store.Tx, n *early) bool {
	c := n.Change
	return tx.Now().Sub(n.Time) >= earlyAge || c != nil && (c.Reaction != nil && e.is(c.Reaction.By.Handle) || c.Edit != nil && (e.is(c.Edit.From.Handle) || e.speaks(c.Edit)))
}

// news takes away what he did to an item that has not come yet.
func (e *eraser) news(id uint64) error {
	n, err := e.early.Get(e.tx, id)
	if errors.Is(err, ErrNotFound) { // it has come
		return nil
	}
	if err != nil || !e.isNews(e.tx, n) {
		return err
	}
	if c := n.Change; c != nil && c.Edit != nil {
		markParts(e.blobs, c.Edit.Parts)
	}
	return e.early.Delete(e.tx, id)
}

// speaks tells whether the words of an item name one of his addresses.
func (e *eraser) speaks(m *message.Message) bool { return e.speaksIn(m.Text + "\n" + m.HTML) }

// names tells whether a text in small letters has an address in it.
func names(said []byte, h message.Handle) bool {
	a := strings.ToLower(h.Address())
	return len(a) > 4 && bytes.Contains(said, []byte(a))
}

// forgetEarly removes news that has waited too long for its item.
func (h *Hub) forgetEarly(ctx context.Context) error {
	var gone []uint64
	if err := pages(ctx, h.Store, h.early, func(tx *store.Tx, id uint64, e *early) error {
		if tx.Now().Sub(e.Time) >= earlyAge {
			gone = append(gone, id)
		}
		return nil
	}); err != nil {
		return err
	}
	for page := range slices.Chunk(gone, erasePage) {
		if err := h.Store.Update(ctx, func(tx *store.Tx) error {
			for _, id := range page {
				if err := h.early.Delete(tx, id); err != nil && !errors.Is(err, ErrNotFound) {
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

// heldSearch is how much of an item that nobody could read is looked through.
const heldSearch = 32 << 20

// dropHeldOf gives up the items nobody could read in which one of his addresses
// stands: once read they would bring him back. It returns their files.
func (h *Hub) dropHeldOf(ctx context.Context, customer uint64) (files []string, err error) {
	var handles []*identity.Handle
	var items []*HeldItem
	if err := h.Store.View(func(tx *store.Tx) error {
		root, err := h.Identity.Root(tx, customer)
		if err == nil {
			handles, err = h.Identity.Handles(tx, root.ID)
		}
		return err
	}); err != nil {
		return nil, err
	}
	if err := pages(ctx, h.Store, h.held, func(_ *store.Tx, id uint64, it *HeldItem) error {
		it.ID = id
		items = append(items, it)
		return nil
	}); err != nil {
		return nil, err
	}
	for _, it := range items {
		said, err := h.heldWords(it)
		if err != nil {
			return nil, err
		}
		if !slices.ContainsFunc(handles, func(hd *identity.Handle) bool { return names(said, hd.Handle) }) {
			continue
		}
		if err := h.DropHeld(ctx, it.ID); err != nil && !errors.Is(err, ErrNotFound) {
			return nil, err
		}
		if it.RawBlob != "" {
			files = append(files, it.RawBlob)
		}
	}
	return files, nil
}

// heldWords are what an item holds, in small letters.
func (h *Hub) heldWords(it *HeldItem) ([]byte, error) {
	var said []byte
	if it.RawBlob != "" {
		f, _, err := h.Blobs.Open(it.RawBlob)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		if said, err = io.ReadAll(io.LimitReader(f, heldSearch)); err != nil {
			return nil, err
		}
	}
	if c := it.Change; c != nil && c.Edit != nil {
		said = append(said, c.Edit.Text+"\n"+c.Edit.HTML...)
	}
	return bytes.ToLower(said), nil
}
