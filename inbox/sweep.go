package inbox

import (
	"context"
	"encoding/json"
	"time"

	"throughline/blob"
	"throughline/message"
	"throughline/store"
)

// Sweep removes blobs that no message, held item or draft names, nor any of others,
// and that are older than age: uploads that were never sent, items that were given
// up. Each of others calls use for the blobs that another package keeps; whoever
// copies a name from one keeper to another calls blob.Store.Touch first.
func (h *Hub) Sweep(ctx context.Context, age time.Duration, others ...func(ctx context.Context, use func(sha string)) error) (blob.Swept, error) {
	if err := h.forgetEarly(ctx); err != nil {
		return blob.Swept{}, err
	}
	used, err := h.usedBlobs(ctx, others)
	if err != nil {
		return blob.Swept{}, err
	}
	return h.Blobs.Sweep(ctx, func(sha string) bool { _, ok := used[sha]; return ok }, age)
}

// usedBlobs are all that anything names.
func (h *Hub) usedBlobs(ctx context.Context, others []func(ctx context.Context, use func(sha string)) error) (map[string]struct{}, error) {
	used := make(map[string]struct{})
	for _, keeper := range append(others, h.keepPictures) {
		if err := keeper(ctx, func(sha string) { used[sha] = struct{}{} }); err != nil {
			return nil, err
		}
	}
	// What a draft or a held item names may become a message's meanwhile, never
	// the other way round: the messages come last.
	if err := h.Store.View(func(tx *store.Tx) error {
		for _, v := range tx.Values(draftBucket) {
			var d Draft
			if err := json.Unmarshal(v, &d); err != nil {
				return err
			}
			for _, p := range d.Attachments {
				used[p.Blob] = struct{}{}
			}
		}
		return nil
	}); err != nil {
		return nil, err
	}
	if err := pages(ctx, h.Store, h.held, func(_ *store.Tx, _ uint64, it *HeldItem) error {
		used[it.RawBlob] = struct{}{}
		mark(used, it.Change)
		return nil
	}); err != nil {
		return nil, err
	}
	if err := pages(ctx, h.Store, h.early, func(_ *store.Tx, _ uint64, e *early) error {
		mark(used, e.Change)
		return nil
	}); err != nil {
		return nil, err
	}
	if err := pages(ctx, h.Store, h.messages, func(_ *store.Tx, _ uint64, r *Record) error {
		for _, p := range r.Parts {
			used[p.Blob] = struct{}{}
		}
		for _, v := range r.Former {
			for _, p := range v.Parts {
				used[p.Blob] = struct{}{}
			}
		}
		used[r.RawBlob] = struct{}{}
		return nil
	}); err != nil {
		return nil, err
	}
	return used, nil
}

// mark adds the files of an edit that waits.
func mark(used map[string]struct{}, c *message.Change) {
	if c == nil || c.Edit == nil {
		return
	}
	for _, p := range c.Edit.Parts {
		used[p.Blob] = struct{}{}
	}
}

// dropAge is how old a file has to be: what is just being taken in is not named yet.
// What is younger goes with the next Sweep.
const dropAge = 10 * time.Minute

// DropBlobs removes those of shas that nothing names any more, others included: see
// Sweep.
func (h *Hub) DropBlobs(ctx context.Context, shas []string, others ...func(ctx context.Context, use func(sha string)) error) (blob.Swept, error) {
	if len(shas) == 0 {
		return blob.Swept{}, nil
	}
	began := time.Now()
	drop := make(map[string]bool, len(shas))
	for _, sha := range shas {
		drop[sha] = true
	}
	used, err := h.usedBlobs(ctx, others)
	if err != nil {
		return blob.Swept{}, err
	}
	return h.Blobs.Sweep(ctx, func(sha string) bool {
		_, keep := used[sha]
		return keep || !drop[sha]
	}, time.Since(began)+dropAge)
}
