package inbox

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"time"

	"throughline/identity"
	"throughline/message"
	"throughline/store"
)

// conversation empties one of his, or takes him out of another's.
func (e *eraser) conversation(id uint64, his bool, blobs map[string]bool) error {
	c, err := e.stored(id)
	if err != nil || c == nil {
		return err
	}
	c.Participants = slices.DeleteFunc(slices.Clone(c.Participants), func(p message.Person) bool { return his || e.is(p.Handle) })
	if his {
		for _, a := range c.Drafters {
			if d, err := e.Hub.Draft(e.tx, a, id); err == nil && d != nil {
				markParts(blobs, d.Attachments)
			}
			if err := e.tx.PutValue(draftBucket, draftKey(a, id), nil); err != nil {
				return err
			}
		}
		c.Subject, c.Preview, c.Call, c.Tags = "", "", nil, e.othersTags(c)
		c.Draft, c.Drafters, c.Unread, c.Undelivered, c.Waiting = 0, nil, 0, 0, time.Time{}
		c.Status, c.SnoozedUntil = Resolved, time.Time{}
	}
	return e.Hub.conversations.Put(e.tx, id, c)
}

// othersTags are those of c's tags that others' conversations have too: the rest may
// name him.
func (e *eraser) othersTags(c *Conversation) []string {
	return slices.DeleteFunc(slices.Clone(c.Tags), func(tag string) bool {
		for en := range e.Hub.conversations.Scan(e.tx, store.Range{Index: "tag", Prefix: store.K().Str(tag)}) {
			if !slices.Contains(e.own, en.ID) {
				return false
			}
		}
		return true
	})
}

// stored reads the record itself, merged or not; nil if there is none.
func (e *eraser) stored(id uint64) (*Conversation, error) {
	c, err := e.Hub.conversations.Get(e.tx, id)
	if errors.Is(err, ErrNotFound) {
		return nil, nil
	}
	if err == nil {
		c.ID = id
	}
	return c, err
}

// traces takes away what a handle left behind: that it could not be reached, with the
// server's words, and that it was answered automatically.
func (e *eraser) traces(hd *identity.Handle) error {
	var gone []uint64
	for s := range e.suspensions.Scan(e.tx, store.Range{Index: "who", Prefix: store.K().Uint(hd.ID)}) {
		gone = append(gone, s.ID)
	}
	for _, id := range gone {
		if err := e.suspensions.Delete(e.tx, id); err != nil {
			return err
		}
	}
	var answered []string
	for key := range e.tx.Values(automaticBucket) {
		if strings.HasSuffix(key, "\x00"+string(hd.Handle)) {
			answered = append(answered, key)
		}
	}
	for _, key := range answered {
		if err := e.tx.PutValue(automaticBucket, key, nil); err != nil {
			return err
		}
	}
	return nil
}

// loose takes away what stands by itself: consents, tasks and drafts of messages
// that were to begin a conversation.
func (e *eraser) loose(conversations map[uint64]bool, blobs map[string]bool) error {
	for _, hd := range e.handles {
		list, err := e.Consents(e.tx, hd.ID)
		if err != nil {
			return err
		}
		if err := e.keepOptOuts(hd, list); err != nil {
			return err
		}
		for _, c := range list {
			if err := e.consents.Delete(e.tx, c.ID); err != nil {
				return err
			}
		}
		if err := e.traces(hd); err != nil {
			return err
		}
	}
	if err := e.news(blobs); err != nil {
		return err
	}
	var tasks []uint64
	for _, id := range e.records {
		for t := range e.tasks.Scan(e.tx, store.Range{Index: "customer", Prefix: store.K().Uint(id)}) {
			tasks = append(tasks, t.ID)
		}
	}
	for id, his := range conversations {
		if !his {
			continue
		}
		for t := range e.tasks.Scan(e.tx, store.Range{Index: "conversation", Prefix: store.K().Uint(id)}) {
			if !slices.Contains(tasks, t.ID) {
				tasks = append(tasks, t.ID)
			}
		}
	}
	for _, id := range tasks {
		if err := e.tasks.Delete(e.tx, id); err != nil {
			return err
		}
	}
	var drafts []string
	for key, v := range e.tx.Values(draftBucket) {
		var d Draft
		if err := json.Unmarshal(v, &d); err != nil {
			return err
		}
		for _, p := range slices.Concat(d.To, d.Cc, d.Bcc) {
			if c, err := identity.Canonical(p.Handle); err == nil && e.is(c) && len(key) == 16 && key[8:] == "\x00\x00\x00\x00\x00\x00\x00\x00" {
				drafts = append(drafts, key)
				markParts(blobs, d.Attachments)
				break
			}
		}
	}
	for _, key := range drafts {
		if err := e.tx.PutValue(draftBucket, key, nil); err != nil {
			return err
		}
	}
	return nil
}
