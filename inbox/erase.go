package inbox

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"time"

	"throughline/blob"
	"throughline/identity"
	"throughline/message"
	"throughline/store"
	"throughline/timeline"
)

// Erasing a customer: what was said and who it was goes, that something was said
// stays. Events keep their sequence numbers, messages their time, channel and
// direction, so that every count is as before.

// erasePage bounds one transaction of an erasure.
const erasePage = 100

// Erased is what an erasure has taken away.
type Erased struct {
	Customers []uint64 `json:"customers"` // the records
	Messages  int      `json:"messages"`
	Blobs     []string `json:"-"` // files that its messages named; others may too
}

// Erase takes a customer and all that was written with him out of the database. It
// works in short transactions and ends with the one after which nothing leads to
// him; broken off before, it is simply asked again. What comes from his addresses
// later is a new customer's.
func (h *Hub) Erase(ctx context.Context, agent, customer uint64) (*Erased, error) {
	out := new(Erased)
	blobs := map[string]bool{}
	for {
		var done bool
		if err := h.Store.Update(ctx, func(tx *store.Tx) error {
			done = false
			e, err := h.eraser(tx, customer)
			if err != nil {
				return err
			}
			ids, err := e.left(erasePage)
			if err != nil {
				return err
			}
			for _, id := range ids {
				if err := e.message(id, blobs); err != nil {
					return err
				}
			}
			if len(ids) == erasePage {
				out.Messages += len(ids)
				return nil
			}
			done = true
			out.Messages += len(ids)
			out.Customers = e.records
			return e.finish(agent)
		}); err != nil {
			return nil, err
		}
		if done {
			break
		}
	}
	for sha := range blobs {
		out.Blobs = append(out.Blobs, sha)
	}
	return out, nil
}

// eraser is one transaction of an erasure.
type eraser struct {
	*Hub
	tx       *store.Tx
	root     *identity.Customer
	records  []uint64
	handles  []*identity.Handle
	subjects []uint64
	own      []uint64 // conversations of his handles
}

func (h *Hub) eraser(tx *store.Tx, customer uint64) (*eraser, error) {
	e := &eraser{Hub: h, tx: tx}
	var err error
	if e.root, err = h.Identity.Root(tx, customer); err != nil {
		return nil, err
	}
	if !e.root.Erased.IsZero() {
		return nil, ErrNotFound
	}
	members, err := h.Identity.Members(tx, e.root.ID)
	if err != nil {
		return nil, err
	}
	for _, m := range members {
		e.records = append(e.records, m.ID)
	}
	if e.handles, err = h.Identity.Handles(tx, e.root.ID); err != nil {
		return nil, err
	}
	if e.subjects, err = h.Identity.Subjects(tx, e.root.ID); err != nil {
		return nil, err
	}
	for _, hd := range e.handles {
		for entry := range h.conversations.Scan(tx, store.Range{Index: "handle", Prefix: store.K().Uint(hd.ID)}) {
			e.own = append(e.own, entry.ID)
		}
	}
	return e, nil
}

// is tells whether a handle is one of his.
func (e *eraser) is(h message.Handle) bool {
	return slices.ContainsFunc(e.handles, func(o *identity.Handle) bool { return o.Handle == h })
}

func (e *eraser) isID(id uint64) bool {
	return slices.ContainsFunc(e.handles, func(o *identity.Handle) bool { return o.ID == id })
}

// events calls fn for every event on his timeline and in his conversations.
func (e *eraser) events(fn func(ev *timeline.Event) error) error {
	walk := func(page func(s timeline.Span) (timeline.Page, error)) error {
		s := timeline.Span{Limit: 200}
		for {
			p, err := page(s)
			if err != nil {
				return err
			}
			for i := range p.Events {
				if err := fn(&p.Events[i]); err != nil {
					return err
				}
			}
			if p.Before == 0 {
				return nil
			}
			s.Before = p.Before
		}
	}
	if err := walk(func(s timeline.Span) (timeline.Page, error) { return e.Timeline.Subjects(e.tx, e.subjects, s) }); err != nil {
		return err
	}
	for _, id := range e.own {
		if err := walk(func(s timeline.Span) (timeline.Page, error) { return e.Timeline.Conversation(e.tx, id, s) }); err != nil {
			return err
		}
	}
	return nil
}

var errEnough = errors.New("enough")

// left returns messages that still say something, at most limit.
func (e *eraser) left(limit int) (ids []uint64, err error) {
	seen := map[uint64]bool{}
	err = e.events(func(ev *timeline.Event) error {
		if ev.Message == 0 || seen[ev.Message] {
			return nil
		}
		seen[ev.Message] = true
		r, err := e.Message(e.tx, ev.Message)
		if errors.Is(err, ErrNotFound) {
			return nil
		}
		if err != nil || !e.concerns(r) {
			return err
		}
		if ids = append(ids, r.ID); len(ids) == limit {
			return errEnough
		}
		return nil
	})
	if errors.Is(err, errEnough) {
		err = nil
	}
	return ids, err
}

// concerns tells whether a message is his and has not been erased yet, or names
// him.
func (e *eraser) concerns(r *Record) bool {
	return !r.Erased && e.his(r) || e.named(r)
}

// his are the messages that he wrote, and all of his conversations.
func (e *eraser) his(r *Record) bool {
	if r.Refiled != nil { // said to be from somebody else than the owner of its address
		return slices.Contains(e.records, r.Refiled.Customer)
	}
	return e.isID(r.Sender) || slices.Contains(e.own, r.Conversation)
}

func (e *eraser) named(r *Record) bool {
	has := func(list []message.Person) bool {
		return slices.ContainsFunc(list, func(p message.Person) bool { return e.is(p.Handle) })
	}
	return e.is(r.From.Handle) || has(r.ReplyTo) || has(r.To) || has(r.Cc) || has(r.Bcc)
}

// message empties one message, or takes only his name and address out of one that
// is another customer's.
func (e *eraser) message(id uint64, blobs map[string]bool) error {
	r, err := e.Message(e.tx, id)
	if err != nil {
		return err
	}
	if !e.his(r) {
		without := func(list []message.Person) []message.Person {
			return slices.DeleteFunc(slices.Clone(list), func(p message.Person) bool { return e.is(p.Handle) })
		}
		r.ReplyTo, r.To, r.Cc, r.Bcc = without(r.ReplyTo), without(r.To), without(r.Cc), without(r.Bcc)
		if e.is(r.From.Handle) {
			r.From = message.Person{}
		}
		return e.messages.Put(e.tx, id, r)
	}
	for _, p := range r.Parts {
		if p.Blob != "" {
			blobs[p.Blob] = true
		}
	}
	if r.RawBlob != "" {
		blobs[r.RawBlob] = true
	}
	kept := message.Message{ID: r.ID, Token: r.Token, Channel: r.Channel, Account: r.Account, Direction: r.Direction, Key: r.Key, Source: r.Source,
		Time: r.Time, Received: r.Received, Kind: r.Kind, Bulk: r.Bulk, Automatic: r.Automatic, Vouch: r.Vouch, Chat: r.Chat, Edited: r.Edited, Deleted: r.Deleted}
	if r.Call != nil {
		call := r.Call.Settled() // with slices of its own
		call.Choice, call.WrapUp = "", nil
		for i := range call.Legs {
			if call.Legs[i].Role == message.CustomerLeg {
				call.Legs[i].Number = ""
			}
			if call.Over() {
				call.Legs[i].Ref = ""
			}
		}
		for i := range call.Transfers {
			call.Transfers[i].Number = ""
		}
		kept.Call = &call
	}
	r.Message, r.RawBlob, r.Erased = kept, "", true
	if err := e.messages.Put(e.tx, id, r); err != nil {
		return err
	}
	if err := e.tx.PutValue(rawBucket, rawKey(id), nil); err != nil {
		return err
	}
	d, err := e.deliveries.Get(e.tx, id)
	if errors.Is(err, ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	was := d.troubled()
	if d.waiting() { // it must not go out any more
		d.Status, d.Due, d.Checking = message.Cancelled, time.Time{}, nil
	}
	d.Reason, d.Rejected, d.Again, d.Ref, d.Past, d.Draft, d.Dismissed = "", nil, nil, "", nil, nil, true
	d.Owed = time.Time{} // there is nothing left to copy into the sent folder
	for i := range d.Attempts {
		d.Attempts[i].Detail = ""
	}
	return e.saveDelivery(e.tx, id, d, was, false)
}

// finish takes away what leads to him.
func (e *eraser) finish(agent uint64) error {
	conversations := map[uint64]bool{}
	for _, id := range e.own {
		conversations[id] = true
	}
	var notes []uint64
	if err := e.events(func(ev *timeline.Event) error {
		if ev.Conversation != 0 {
			if _, ok := conversations[ev.Conversation]; !ok {
				conversations[ev.Conversation] = false
			}
		}
		if ev.Note != 0 && conversations[ev.Conversation] {
			notes = append(notes, ev.Note)
		}
		return e.Timeline.Strip(e.tx, ev.Seq)
	}); err != nil {
		return err
	}
	for _, id := range notes {
		if err := e.notes.Delete(e.tx, id); err != nil && !errors.Is(err, ErrNotFound) {
			return err
		}
	}
	for id, his := range conversations {
		if err := e.conversation(id, his); err != nil {
			return err
		}
	}
	if err := e.loose(conversations); err != nil {
		return err
	}
	if err := e.Preference.EraseTx(e.tx, e.records, e.own); err != nil {
		return err
	}
	if err := e.Identity.Erase(e.tx, e.records, e.handles); err != nil {
		return err
	}
	_, err := e.Timeline.Append(e.tx, timeline.Event{Kind: timeline.CustomerErased, Actor: actorOrHub(agent), Customer: e.root.ID, Quiet: true})
	return err
}

// conversation empties one of his, or takes him out of another's.
func (e *eraser) conversation(id uint64, his bool) error {
	c, err := e.stored(id)
	if err != nil || c == nil {
		return err
	}
	c.Participants = slices.DeleteFunc(slices.Clone(c.Participants), func(p message.Person) bool { return his || e.is(p.Handle) })
	if his {
		for _, a := range c.Drafters {
			if err := e.tx.PutValue(draftBucket, draftKey(a, id), nil); err != nil {
				return err
			}
		}
		c.Subject, c.Preview, c.Call, c.Tags = "", "", nil, nil
		c.Draft, c.Drafters, c.Unread, c.Undelivered, c.Waiting = 0, nil, 0, 0, time.Time{}
		c.Status, c.SnoozedUntil = Resolved, time.Time{}
	}
	return e.Hub.conversations.Put(e.tx, id, c)
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
func (e *eraser) loose(conversations map[uint64]bool) error {
	for _, hd := range e.handles {
		list, err := e.Consents(e.tx, hd.ID)
		if err != nil {
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
	used, err := h.usedBlobs(ctx, others)
	if err != nil {
		return blob.Swept{}, err
	}
	return h.Blobs.Sweep(ctx, func(sha string) bool {
		_, keep := used[sha]
		return keep || !slices.Contains(shas, sha)
	}, time.Since(began)+dropAge)
}
