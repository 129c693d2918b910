package inbox

import (
	"context"
	"encoding/binary"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"throughline/message"
	"throughline/store"
	"throughline/timeline"
)

// checkPage is how many records one read transaction of a check looks at.
const checkPage = 500

// Check recomputes what is derived and follows every pointer. It returns the
// problems in words, and nothing for a sound data folder. It may run beside a
// working hub, but only a stopped one stands still for it.
func (h *Hub) Check(ctx context.Context) (problems []string, err error) {
	if problems, err = h.Store.Check(ctx); err != nil {
		return problems, err
	}
	bad := func(format string, args ...any) { problems = append(problems, fmt.Sprintf(format, args...)) }
	if err := pages(ctx, h.Store, h.conversations, func(tx *store.Tx, id uint64, c *Conversation) error {
		return h.checkConversation(tx, id, c, bad)
	}); err != nil {
		return problems, err
	}
	if err := pages(ctx, h.Store, h.messages, func(tx *store.Tx, id uint64, r *Record) error {
		h.checkMessage(tx, id, r, bad)
		return nil
	}); err != nil {
		return problems, err
	}
	if err := pages(ctx, h.Store, h.deliveries, func(tx *store.Tx, id uint64, d *Delivery) error {
		if _, err := h.Message(tx, id); err != nil {
			bad("delivery %d has no message", id)
		}
		if d.waiting() && d.Due.IsZero() {
			bad("delivery %d waits and is never due", id)
		}
		return nil
	}); err != nil {
		return problems, err
	}
	if err := h.checkTalk(ctx, bad); err != nil {
		return problems, err
	}
	if err := h.Store.View(func(tx *store.Tx) error { return h.Identity.Check(tx, bad) }); err != nil {
		return problems, err
	}
	if err := pages(ctx, h.Store, h.held, func(_ *store.Tx, id uint64, it *HeldItem) error {
		if it.RawBlob == "" {
			return nil
		}
		if _, err := h.Blobs.Stat(it.RawBlob); err != nil {
			bad("held item %d: raw item %s is not in the blob store", id, it.RawBlob)
		}
		return nil
	}); err != nil {
		return problems, err
	}
	if err := h.checkPeople(ctx, bad); err != nil {
		return problems, err
	}
	if err := h.checkDrafts(ctx, bad); err != nil {
		return problems, err
	}
	return problems, h.checkLedger(ctx, bad)
}

// checkDrafts looks for drafts that no conversation tells of.
func (h *Hub) checkDrafts(ctx context.Context, bad func(string, ...any)) error {
	return valuePages(ctx, h.Store, draftBucket, func(tx *store.Tx, key string, _ []byte) {
		if len(key) != 16 {
			bad("a draft has the malformed key %x", key)
			return
		}
		agent, id := binary.BigEndian.Uint64([]byte(key[:8])), binary.BigEndian.Uint64([]byte(key[8:]))
		if id == 0 {
			return // of a new conversation
		}
		if c, err := h.conversations.Get(tx, id); err != nil || c.MergedInto != 0 || !slices.Contains(c.Drafters, agent) {
			bad("conversation %d does not tell of the draft of agent %d", id, agent)
		}
	}, nil)
}

// valuePages goes through named values in short read transactions. The last of
// them ends with a call of done, if there is one.
func valuePages(ctx context.Context, s *store.Store, bucket string, fn func(tx *store.Tx, key string, v []byte), done func(tx *store.Tx)) error {
	after := ""
	for more := true; more; {
		if err := ctx.Err(); err != nil {
			return err
		}
		more = false
		if err := s.View(func(tx *store.Tx) error {
			n := 0
			for key, v := range tx.ValuesAfter(bucket, after) {
				if n == checkPage {
					more = true
					return nil
				}
				n++
				fn(tx, key, v)
				after = key
			}
			if done != nil {
				done(tx)
			}
			return nil
		}); err != nil {
			return err
		}
	}
	return nil
}

// pages walks a table in short read transactions.
func pages[V any](ctx context.Context, s *store.Store, t *store.Table[V], fn func(tx *store.Tx, id uint64, v *V) error) error {
	var after store.Key
	for more := true; more; {
		if err := ctx.Err(); err != nil {
			return err
		}
		more = false
		if err := s.View(func(tx *store.Tx) error {
			n := 0
			for e := range t.Scan(tx, store.Range{After: after}) {
				if n == checkPage {
					more = true
					return nil
				}
				n++
				v, err := t.Get(tx, e.ID)
				if err != nil {
					return err
				}
				if err := fn(tx, e.ID, v); err != nil {
					return err
				}
				after = e.Pos
			}
			return nil
		}); err != nil {
			return err
		}
	}
	return nil
}

func (h *Hub) checkConversation(tx *store.Tx, id uint64, c *Conversation, bad func(string, ...any)) error {
	d, err := h.derive(tx, id)
	if err != nil {
		bad("conversation %d: %v", id, err)
		return nil
	}
	if c.MergedInto != 0 {
		if d.newest != nil {
			bad("conversation %d is merged into %d and still has entries", id, c.MergedInto)
		}
		if _, err := h.Conversation(tx, id); err != nil {
			bad("conversation %d: %v", id, err)
		}
		return nil
	}
	if d.messages == 0 {
		// Only an agent who took the first message back leaves one empty.
		if c.Messages != 0 || !c.Withdrawn {
			bad("conversation %d is empty", id)
		}
		return nil
	}
	if c.Messages != d.messages {
		bad("conversation %d counts %d messages and has %d", id, c.Messages, d.messages)
	}
	if c.Undelivered != d.undelivered {
		bad("conversation %d counts %d undelivered messages and has %d", id, c.Undelivered, d.undelivered)
	}
	if c.Unread > d.unread {
		bad("conversation %d counts %d unread messages and can have %d", id, c.Unread, d.unread)
	}
	for _, agent := range c.Drafters {
		if tx.GetValue(draftBucket, draftKey(agent, id)) == nil {
			bad("conversation %d tells of a draft of agent %d, who has none", id, agent)
		}
	}
	if _, err := h.Owner(tx, c); err != nil {
		bad("conversation %d is nobody's: %v", id, err)
	}
	if _, err := h.Identity.Handle(tx, c.Handle); err != nil {
		bad("conversation %d belongs to handle %d, which does not exist", id, c.Handle)
	}
	return nil
}

func (h *Hub) checkMessage(tx *store.Tx, id uint64, r *Record, bad func(string, ...any)) {
	c, err := h.conversations.Get(tx, r.Conversation)
	// A message that was taken back stands on no page and stays where it was.
	if err != nil || c.MergedInto != 0 && !r.Cancelled {
		bad("message %d is in conversation %d, which does not exist", id, r.Conversation)
	}
	switch e, err := h.Timeline.Get(tx, r.Seq); {
	case err != nil:
		bad("message %d has no event %d", id, r.Seq)
	case e.Message != id || e.Conversation != r.Conversation:
		bad("message %d and its event %d tell different stories", id, r.Seq)
	case e.Quiet != r.Cancelled:
		bad("message %d: event %d is hidden: %v", id, r.Seq, e.Quiet)
	}
	parts := slices.Clone(r.Parts)
	for _, v := range r.Former {
		parts = append(parts, v.Parts...)
	}
	for _, p := range parts {
		if p.Blob == "" {
			continue
		}
		if _, err := h.Blobs.Stat(p.Blob); err != nil {
			bad("message %d: attachment %s is not in the blob store", id, p.Blob)
		}
	}
	if r.RawBlob != "" {
		if _, err := h.Blobs.Stat(r.RawBlob); err != nil {
			bad("message %d: raw item %s is not in the blob store", id, r.RawBlob)
		}
	}
	if r.Direction == message.Out && r.Token != "" {
		if _, err := h.Delivery(tx, id); err != nil {
			bad("message %d was written here and has no delivery", id)
		}
	}
}

// checkLedger compares the ledger with what it points to, and the tallies with
// the ledger. A hub may go on taking in meanwhile: entries are taken out
// only when an account is made anew (Hub.begin), so the count over all pages lies between the tallies before and after. Of a hub
// that stands still these are the same.
func (h *Hub) checkLedger(ctx context.Context, bad func(string, ...any)) error {
	before, counted := make(map[string]tally), make(map[string]*tally)
	if err := h.Store.View(func(tx *store.Tx) error {
		for account := range tx.Values(tallyBucket) {
			before[account] = h.tally(tx, account)
		}
		return nil
	}); err != nil {
		return err
	}
	stored := make(map[uint64]struct{})
	return valuePages(ctx, h.Store, ledgerBucket, func(tx *store.Tx, key string, _ []byte) {
		account, source, ok := strings.Cut(key, "\x00")
		if !ok {
			bad("the ledger has an entry without an account: %q", key)
			return
		}
		what, id, _ := h.outcome(tx, account, source)
		t := counted[account]
		if t == nil {
			t = new(tally)
			counted[account] = t
		}
		t.add(what)
		if what != Stored && what != Duplicate {
			return
		}
		if what == Stored {
			if _, twice := stored[id]; twice {
				bad("ledger: message %d is stored for several items, %s of %s among them", id, source, account)
			}
			stored[id] = struct{}{}
		}
		if _, err := h.messages.Get(tx, id); err != nil {
			bad("ledger: %s of %s is %s as message %d, which does not exist", source, account, what, id)
		}
	}, func(tx *store.Tx) {
		for account := range tx.Values(tallyBucket) {
			if counted[account] == nil {
				counted[account] = new(tally)
			}
		}
		for account, n := range counted {
			was, is := before[account], h.tally(tx, account)
			if n.Stored < was.Stored || n.Stored > is.Stored || n.Duplicate < was.Duplicate || n.Duplicate > is.Duplicate {
				bad("account %s counts %d stored and %d duplicate items, the ledger %d and %d",
					account, is.Stored, is.Duplicate, n.Stored, n.Duplicate)
			}
		}
	})
}

// derived are the fields of a conversation that its entries decide.
type derived struct {
	messages, undelivered, unread int
	newest                        *timeline.Event // message or note
	waiting                       time.Time
}

// derive reads all entries of a conversation.
func (h *Hub) derive(tx *store.Tx, id uint64) (d derived, err error) {
	page, err := h.Timeline.Conversation(tx, id, timeline.Span{Limit: math.MaxInt})
	if err != nil {
		return d, err
	}
	for i := range page.Events {
		e := &page.Events[i]
		switch e.Kind {
		case timeline.MessageReceived, timeline.MessageQueued:
			r, err := h.Message(tx, e.Message)
			if err != nil {
				return d, err
			}
			d.messages++
			if r.Automatic {
				if dl, err := h.Delivery(tx, r.ID); err == nil && dl.troubled() {
					d.undelivered++
				}
				continue // the customer still waits, and it is no news
			}
			d.newest = e
			if r.Direction == message.Out {
				if answers(r) {
					d.waiting, d.unread = time.Time{}, 0
				}
				if dl, err := h.Delivery(tx, r.ID); err == nil && dl.troubled() {
					d.undelivered++
				}
				continue
			}
			d.unread++
			if d.waiting.IsZero() && asksForAnswer(r) {
				d.waiting = e.Time
			}
		case timeline.NoteAdded:
			d.newest = e
		}
	}
	return d, nil
}
