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

// conversation empties one of his, with its tasks and what was learned from its words,
// or takes him out of another's.
func (e *eraser) conversation(id uint64) error {
	c, err := e.stored(id)
	if err != nil || c == nil {
		return err
	}
	his := e.ownsThis(c)
	c.Participants = slices.DeleteFunc(slices.Clone(c.Participants), func(p message.Person) bool { return his || e.is(p.Handle) })
	if his {
		for _, a := range c.Drafters {
			if d, err := e.Hub.Draft(e.tx, a, id); err == nil && d != nil {
				markParts(e.blobs, d.Attachments)
			}
			if err := e.tx.PutValue(draftBucket, draftKey(a, id), nil); err != nil {
				return err
			}
		}
		if c.Tags, err = e.othersTags(c); err != nil {
			return err
		}
		c.Subject, c.Preview, c.Call = "", "", nil
		c.Draft, c.Drafters, c.Unread, c.Undelivered, c.Waiting = 0, nil, 0, 0, time.Time{}
		c.Status, c.SnoozedUntil = Resolved, time.Time{}
		if err := e.Preference.UnlearnTx(e.tx, id); err != nil {
			return err
		}
		if err := e.dropTasks("conversation", id); err != nil {
			return err
		}
	}
	return e.Hub.conversations.Put(e.tx, id, c)
}

// othersTags are those of c's tags that others' conversations have too: the rest may
// name him.
func (e *eraser) othersTags(c *Conversation) (kept []string, err error) {
	for _, tag := range c.Tags {
		others, known := e.found.tags[tag]
		if !known { // it came while he was erased
			if others, err = e.others(e.tx, tag); err != nil {
				return nil, err
			}
		}
		if others {
			kept = append(kept, tag)
		}
	}
	return kept, nil
}

// others tells whether a conversation that is not his has a tag.
func (e *eraser) others(tx *store.Tx, tag string) (bool, error) {
	for en := range e.Hub.conversations.Scan(tx, store.Range{Index: "tag", Prefix: store.K().Str(tag)}) {
		if his, err := e.owns(en.ID); err != nil || !his {
			return err == nil, err
		}
	}
	return false, nil
}

// dropTasks removes the tasks of a conversation or a customer record.
func (e *eraser) dropTasks(index string, of uint64) error {
	for t := range e.tasks.Scan(e.tx, store.Range{Index: index, Prefix: store.K().Uint(of)}) {
		if err := e.tasks.Delete(e.tx, t.ID); err != nil {
			return err
		}
	}
	return nil
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

// traces takes away that a handle could not be reached, with the server's words.
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
	return nil
}

// answeredBy tells whether a key of automatic answers is of one of his addresses.
func (e *eraser) answeredBy(key string) bool {
	return slices.ContainsFunc(e.handles, func(hd *identity.Handle) bool { return strings.HasSuffix(key, "\x00"+string(hd.Handle)) })
}

// forgetAnswered removes that he was answered automatically: what was found, and what
// may have come since.
func (e *eraser) forgetAnswered() error {
	keys := slices.Clone(e.found.answered)
	list, err := e.Accounts.ListTx(e.tx)
	if err != nil {
		return err
	}
	for _, hd := range e.handles {
		keys = append(keys, answeredKey(hd.Handle))
		for _, a := range list {
			keys = append(keys, helpedKey(a.ID, hd.Handle))
		}
	}
	for _, key := range keys {
		if err := e.tx.PutValue(automaticBucket, key, nil); err != nil {
			return err
		}
	}
	return nil
}

// loose takes away what stands by itself: consents, tasks, late news, automatic answers
// and drafts of messages that were to begin a conversation.
func (e *eraser) loose() error {
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
	for en := range e.early.Scan(e.tx, store.Range{After: store.K().Uint(e.found.lastNews)}) {
		if err := e.news(en.ID); err != nil {
			return err
		}
	}
	for _, id := range e.records {
		if err := e.dropTasks("customer", id); err != nil {
			return err
		}
	}
	if err := e.forgetAnswered(); err != nil {
		return err
	}
	return e.drafted()
}

// drafted removes the drafts of messages to him that were to begin a conversation, and
// him from all others.
func (e *eraser) drafted() error {
	drafts := map[string][]byte{}
	is := func(p message.Person) bool {
		c, err := identity.Canonical(p.Handle)
		return err == nil && e.is(c)
	}
	for key, v := range e.tx.Values(draftBucket) {
		var d Draft
		if err := json.Unmarshal(v, &d); err != nil {
			return err
		}
		switch {
		case !slices.ContainsFunc(slices.Concat(d.To, d.Cc, d.Bcc), is):
		case len(key) == 16 && key[8:] == "\x00\x00\x00\x00\x00\x00\x00\x00":
			drafts[key] = nil
			markParts(e.blobs, d.Attachments)
		default:
			d.To, d.Cc, d.Bcc = slices.DeleteFunc(d.To, is), slices.DeleteFunc(d.Cc, is), slices.DeleteFunc(d.Bcc, is)
			left, err := json.Marshal(d)
			if err != nil {
				return err
			}
			drafts[key] = left
		}
	}
	for key, v := range drafts {
		if err := e.tx.PutValue(draftBucket, key, v); err != nil {
			return err
		}
	}
	return nil
}
