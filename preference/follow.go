package preference

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"time"

	"throughline/identity"
	"throughline/store"
	"throughline/timeline"
)

// What is derived follows the log: a cursor says up to which event it is counted, in
// the same transaction as the counts. So a crash loses and doubles nothing.

const (
	followBucket = "preference.follow"
	cursorKey    = "cursor"
	shapeKey     = "shape"

	// shape names how things are counted; another one makes everything anew.
	shape = "5"

	followBatch = 200
	// followPace is how long news gather before they are counted: each transaction
	// costs a sync of the disk.
	followPace = 150 * time.Millisecond
)

// Counted is the newest event that is in the counts.
func (p *Preferences) Counted(tx *store.Tx) uint64 { return p.cursor(tx) }

func (p *Preferences) cursor(tx *store.Tx) uint64 {
	b := tx.GetValue(followBucket, cursorKey)
	if len(b) != 8 {
		return 0
	}
	return binary.BigEndian.Uint64(b)
}

// Follow counts what happens until ctx ends.
func (p *Preferences) Follow(ctx context.Context) error {
	wake, stop := p.timeline.Watch()
	defer stop()
	if err := p.reshape(ctx); err != nil {
		return err
	}
	pause := time.NewTimer(0)
	defer pause.Stop()
	for {
		select {
		case <-pause.C:
		case <-ctx.Done():
			return ctx.Err()
		}
		if err := p.CatchUp(ctx); err != nil {
			return err
		}
		select {
		case <-wake:
		case <-ctx.Done():
			return ctx.Err()
		}
		pause.Reset(followPace)
	}
}

// shape is how things are counted here, and for which zone.
func (p *Preferences) shape() string { return shape + " " + p.zone.String() }

// reshape begins anew where things were counted in another way, or for another zone.
func (p *Preferences) reshape(ctx context.Context) error {
	want := p.shape()
	var is string
	if err := p.store.View(func(tx *store.Tx) error {
		is = string(tx.GetValue(followBucket, shapeKey))
		return nil
	}); err != nil || is == want {
		return err
	}
	if is != "" {
		return p.Reset(ctx)
	}
	return p.store.Update(ctx, func(tx *store.Tx) error { return tx.PutValue(followBucket, shapeKey, []byte(want)) })
}

// CatchUp counts all there is to count.
func (p *Preferences) CatchUp(ctx context.Context) error {
	for more := true; more; {
		behind := false
		if err := p.store.View(func(tx *store.Tx) error {
			behind = p.timeline.Last(tx) > p.cursor(tx)
			return nil
		}); err != nil || !behind {
			return err
		}
		if err := p.store.Update(ctx, func(tx *store.Tx) (err error) {
			more, err = p.countSome(tx)
			return err
		}); err != nil {
			return err
		}
	}
	return ctx.Err()
}

// countSome counts the next followBatch events; more tells that there may be further
// ones.
func (p *Preferences) countSome(tx *store.Tx) (more bool, err error) {
	events, err := p.timeline.After(tx, p.cursor(tx), followBatch)
	if err != nil || len(events) == 0 {
		return false, err
	}
	b := p.batch(tx)
	for i := range events {
		if err := b.apply(&events[i]); err != nil {
			return false, err
		}
	}
	if err := b.flush(); err != nil {
		return false, err
	}
	return len(events) == followBatch, tx.PutValue(followBucket, cursorKey, binary.BigEndian.AppendUint64(nil, events[len(events)-1].Seq))
}

// apply brings what an event may have changed up to date with how things are now:
// they may be further than the event, and the events in between change nothing more.
func (b *batch) apply(e *timeline.Event) error {
	switch e.Kind {
	case timeline.MessageReceived, timeline.MessageQueued, timeline.MessageDelivery, timeline.MessageCancelled, timeline.MessageMoved, timeline.MessageCall:
		if e.Message == 0 {
			return nil
		}
		return b.message(e.Message)
	case timeline.ConversationMerged:
		var d struct {
			From uint64 `json:"from"`
		}
		if err := json.Unmarshal(e.Data, &d); err != nil {
			return nil // nothing of ours
		}
		if err := b.merged(d.From); err != nil {
			return err
		}
		return b.conversation(e.Conversation)
	case timeline.MessageRefiled:
		// What we answered in its conversation may be to somebody else now.
		if err := b.message(e.Message); err != nil {
			return err
		}
		for _, id := range b.ids("conversation", store.K().Uint(e.Conversation)) {
			if err := b.message(id); err != nil {
				return err
			}
		}
		return nil
	case timeline.ConversationStatus, timeline.ConversationAssigned, timeline.ConversationTags:
		return b.conversation(e.Conversation)
	case timeline.ConversationPurpose:
		return b.conversation(e.Conversation)
	case timeline.MessageEdited, timeline.MessageDeleted:
		c, err := b.get(e.Message)
		if err != nil || c == nil {
			return err
		}
		return b.learn(c.Conversation, true)
	case timeline.CustomerChanged:
		// Of the card only the language counts here, and there may be many contacts.
		var changed map[string]json.RawMessage
		if json.Unmarshal(e.Data, &changed) != nil || changed[identity.FieldLanguage] == nil {
			return nil
		}
		return b.people(append([]uint64{e.Customer}, e.Subjects...))
	case timeline.CustomerMerged, timeline.CustomerUnmerged, timeline.HandleLinked, timeline.HandleUnlinked:
		return b.people(append([]uint64{e.Customer}, e.Subjects...))
	}
	return nil
}

// Reset throws away all that is derived; Follow or CatchUp makes it anew. It is not
// called while one of them runs. Broken off, the next Follow begins with it.
func (p *Preferences) Reset(ctx context.Context) error {
	if err := p.store.Update(ctx, func(tx *store.Tx) error {
		if err := tx.PutValue(followBucket, shapeKey, []byte("resetting")); err != nil {
			return err
		}
		return tx.PutValue(followBucket, cursorKey, nil)
	}); err != nil {
		return err
	}
	if err := clearTable(ctx, p.store, p.contacts, func(c *Contact) bool { return c.Erased }); err != nil {
		return err
	}
	if err := clearTable(ctx, p.store, p.lessons, func(*lesson) bool { return false }); err != nil {
		return err
	}
	for _, bucket := range []string{boardBucket, wordBucket} {
		if err := p.clearValues(ctx, bucket); err != nil {
			return err
		}
	}
	if err := p.recount(ctx); err != nil {
		return err
	}
	return p.store.Update(ctx, func(tx *store.Tx) error {
		return tx.PutValue(followBucket, shapeKey, []byte(p.shape()))
	})
}

// recount counts the contacts that are there.
func (p *Preferences) recount(ctx context.Context) error {
	for r := (store.Range{}); ; {
		n := 0
		if err := p.store.Update(ctx, func(tx *store.Tx) error {
			b := p.batch(tx)
			next := r.After
			n = 0
			for e := range p.contacts.Scan(tx, r) {
				c, err := b.get(e.ID)
				if err != nil {
					return err
				}
				b.count(c, 1)
				next = store.K().Uint(e.ID)
				if n++; n == clearBatch {
					break
				}
			}
			if err := b.flush(); err != nil {
				return err
			}
			tx.OnCommit(func() { r.After = next })
			return nil
		}); err != nil || n < clearBatch {
			return err
		}
	}
}

// clearBatch bounds one transaction of Reset.
const clearBatch = 2000

// clearTable deletes all records but those to keep.
func clearTable[V any](ctx context.Context, s *store.Store, t *store.Table[V], keep func(*V) bool) error {
	r := store.Range{}
	for more := true; more; {
		if err := s.Update(ctx, func(tx *store.Tx) error {
			var ids []uint64
			n, next := 0, r.After
			for e := range t.Scan(tx, r) {
				v, err := t.Get(tx, e.ID)
				if err != nil {
					return err
				}
				if !keep(v) {
					ids = append(ids, e.ID)
				}
				next = store.K().Uint(e.ID)
				if n++; n == clearBatch {
					break
				}
			}
			more = n == clearBatch
			tx.OnCommit(func() { r.After = next })
			for _, id := range ids {
				if err := t.Delete(tx, id); err != nil {
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

func (p *Preferences) clearValues(ctx context.Context, bucket string) error {
	for more := true; more; {
		if err := p.store.Update(ctx, func(tx *store.Tx) error {
			var keys []string
			for k := range tx.Values(bucket) {
				if keys = append(keys, k); len(keys) == clearBatch {
					break
				}
			}
			more = len(keys) == clearBatch
			for _, k := range keys {
				if err := tx.PutValue(bucket, k, nil); err != nil {
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
