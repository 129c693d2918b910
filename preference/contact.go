package preference

import (
	"cmp"
	"errors"
	"slices"
	"time"

	"throughline/store"
)

// Contact is one message between a person and us as it counts; its ID is that of the
// message. It is derived: from the message, its conversation, the person's language,
// and the messages before and after it in the conversation.
//
// A turn is a run of messages of one side. The last message of a turn speaks for it:
// whether the other side answered, and after how long.
type Contact struct {
	ID           uint64    `json:"-"`
	Conversation uint64    `json:"c"`
	Time         time.Time `json:"t"`
	Out          bool      `json:"o,omitempty"`
	Channel      string    `json:"h"`
	Handle       uint64    `json:"a,omitempty"`
	Agent        uint64    `json:"g,omitempty"` // who wrote it; of an incoming one who has the conversation
	Failed       bool      `json:"f,omitempty"`
	Settled      bool      `json:"s,omitempty"`
	Advised      string    `json:"d,omitempty"`
	By           string    `json:"y,omitempty"`
	Purpose      string    `json:"p,omitempty"`
	Tags         []string  `json:"x,omitempty"`
	Language     string    `json:"l,omitempty"`

	// From the messages around it.
	Turn     time.Time `json:"u"`           // when its turn began
	Lead     bool      `json:"e,omitempty"` // the other side has not spoken before
	First    bool      `json:"1,omitempty"` // of the conversation
	Over     string    `json:"v,omitempty"` // the channel of the message before, if it was another
	Waits    bool      `json:"w,omitempty"` // its turn counts as one that wants an answer
	Answer   uint64    `json:"n,omitempty"` // the message that answered its turn
	After    int64     `json:"i,omitempty"` // seconds until then
	Resolved int64     `json:"r,omitempty"` // of a First: seconds until the conversation was resolved, plus 1
}

// answerWithin is how late an answer may come to count as one.
const answerWithin = 14 * 24 * time.Hour

func (c *Contact) equal(o *Contact) bool {
	a, b := *c, *o
	a.Tags, b.Tags = nil, nil
	a.ID, b.ID = 0, 0
	ta, tb, ua, ub := a.Time, b.Time, a.Turn, b.Turn
	a.Time, b.Time, a.Turn, b.Turn = time.Time{}, time.Time{}, time.Time{}, time.Time{}
	return ta.Equal(tb) && ua.Equal(ub) && slices.Equal(c.Tags, o.Tags) &&
		a.Conversation == b.Conversation && a.Out == b.Out && a.Channel == b.Channel && a.Handle == b.Handle && a.Agent == b.Agent &&
		a.Failed == b.Failed && a.Settled == b.Settled && a.Advised == b.Advised && a.By == b.By && a.Purpose == b.Purpose &&
		a.Language == b.Language && a.Lead == b.Lead && a.First == b.First && a.Over == b.Over && a.Waits == b.Waits &&
		a.Answer == b.Answer && a.After == b.After && a.Resolved == b.Resolved
}

// derive fills in what follows from the conversation and the messages around c, each
// nil if there is none.
func (c *Contact) derive(before, next *Contact, m *Matter) {
	c.Purpose, c.Tags = m.Purpose, m.Tags
	if !c.Out {
		c.Agent = m.Assignee
	}
	c.Turn, c.Lead, c.First, c.Over = c.Time, before == nil, before == nil, ""
	if before != nil {
		if before.Out == c.Out {
			c.Turn, c.Lead = before.Turn, before.Lead
		}
		if before.Channel != c.Channel {
			c.Over = before.Channel
		}
	}
	c.Resolved = 0
	if c.First && !m.Resolved.IsZero() && !m.Resolved.Before(c.Time) {
		c.Resolved = int64(m.Resolved.Sub(c.Time)/time.Second) + 1
	}
	c.Waits, c.Answer, c.After = false, 0, 0
	if next != nil && next.Out == c.Out || c.Settled {
		return // not the last of its turn, or nothing to answer
	}
	if next != nil {
		since := c.Time
		if !c.Out {
			since = c.Turn // a person waits from his first word on
		}
		if after := next.Time.Sub(since); after <= answerWithin {
			c.Answer, c.After = next.ID, max(0, int64(after/time.Second))
		}
		c.Waits = true
		return
	}
	// Nobody answered. What was resolved so needed nothing more, unless it is we
	// who began and nobody ever said a word.
	c.Waits = m.Resolved.IsZero() || c.Out && c.Lead || c.Failed
}

// batch collects the changes of one transaction: counters are written once at its
// end, and what is read again and again is read once.
type batch struct {
	p       *Preferences
	tx      *store.Tx
	deltas  map[string]day
	matters map[uint64]*Matter
	spoken  map[uint64]string // language by handle
}

func (p *Preferences) batch(tx *store.Tx) *batch {
	return &batch{p: p, tx: tx, deltas: map[string]day{}, matters: map[uint64]*Matter{}, spoken: map[uint64]string{}}
}

func (b *batch) matter(id uint64) (*Matter, error) {
	if m := b.matters[id]; m != nil {
		return m, nil
	}
	m, err := b.p.source.Matter(b.tx, id)
	if errors.Is(err, store.ErrNotFound) {
		m, err = Matter{ID: id}, nil
	}
	if err != nil {
		return nil, err
	}
	b.matters[id] = &m
	return &m, nil
}

func (b *batch) language(handle uint64) (string, error) {
	if l, ok := b.spoken[handle]; ok || handle == 0 {
		return l, nil
	}
	h, err := b.p.identity.Handle(b.tx, handle)
	if errors.Is(err, store.ErrNotFound) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	root, err := b.p.identity.Root(b.tx, h.Customer)
	if err != nil {
		return "", err
	}
	b.spoken[handle] = root.Language
	return root.Language, nil
}

// get returns a contact, nil if there is none.
func (b *batch) get(id uint64) (*Contact, error) {
	c, err := b.p.contacts.Get(b.tx, id)
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil
	}
	if err == nil {
		c.ID = id
	}
	return c, err
}

// put stores c and counts the difference to what was there; nil removes.
func (b *batch) put(old, c *Contact) error {
	switch {
	case old == nil && c == nil:
		return nil
	case c == nil:
		b.count(old, -1)
		return b.p.contacts.Delete(b.tx, old.ID)
	case old == nil:
		b.count(c, 1)
		return b.p.contacts.Insert(b.tx, c.ID, c)
	case old.equal(c):
		return nil
	}
	b.count(old, -1)
	b.count(c, 1)
	return b.p.contacts.Put(b.tx, c.ID, c)
}

// beside is the contact before or after a place in a conversation, nil if there is
// none.
func (b *batch) beside(c *Contact, after bool) (*Contact, error) {
	r := store.Range{Index: "conversation", Prefix: store.K().Uint(c.Conversation), After: store.K().Uint(c.Conversation).Time(c.Time).Uint(c.ID), Reverse: !after}
	for e := range b.p.contacts.Scan(b.tx, r) {
		return b.get(e.ID)
	}
	return nil, nil
}

// message brings the contact of a message, and those around it, up to date.
func (b *batch) message(id uint64) error {
	old, err := b.get(id)
	if err != nil {
		return err
	}
	f, ok, err := b.p.source.Contact(b.tx, id)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return err
	}
	if err != nil || !ok {
		if old == nil {
			return nil
		}
		return b.remove(old)
	}
	m, err := b.matter(f.Conversation)
	if err != nil {
		return err
	}
	c := &Contact{ID: id, Conversation: m.ID, Time: f.Time.UTC(), Out: f.Out, Channel: f.Channel, Handle: f.Handle, Agent: f.Agent,
		Failed: f.Failed, Settled: f.Settled, Advised: f.Advised, By: f.By}
	if c.Language, err = b.language(f.Handle); err != nil {
		return err
	}
	if old != nil && (old.Conversation != c.Conversation || !old.Time.Equal(c.Time)) {
		if err := b.remove(old); err != nil {
			return err
		}
		old = nil
	}
	if old == nil {
		// It has to be there for its neighbours; what it counts follows.
		if err := b.put(nil, c); err != nil {
			return err
		}
		was := *c
		old = &was
	}
	before, err := b.beside(c, false)
	if err != nil {
		return err
	}
	next, err := b.beside(c, true)
	if err != nil {
		return err
	}
	c.derive(before, next, m)
	if err := b.put(old, c); err != nil {
		return err
	}
	if before != nil {
		if err := b.again(before); err != nil {
			return err
		}
	}
	if next != nil {
		if err := b.onward(next); err != nil {
			return err
		}
	}
	return b.edges(c.Conversation)
}

// remove takes a contact out of its conversation.
func (b *batch) remove(c *Contact) error {
	before, err := b.beside(c, false)
	if err != nil {
		return err
	}
	next, err := b.beside(c, true)
	if err != nil {
		return err
	}
	if err := b.put(c, nil); err != nil {
		return err
	}
	if before != nil {
		if err := b.again(before); err != nil {
			return err
		}
	}
	if next != nil {
		if err := b.onward(next); err != nil {
			return err
		}
	}
	return b.edges(c.Conversation)
}

// again derives a contact anew from what is around it.
func (b *batch) again(old *Contact) error {
	_, err := b.rederive(old)
	return err
}

func (b *batch) rederive(old *Contact) (turned bool, err error) {
	m, err := b.matter(old.Conversation)
	if err != nil {
		return false, err
	}
	c := *old
	before, err := b.beside(old, false)
	if err != nil {
		return false, err
	}
	next, err := b.beside(old, true)
	if err != nil {
		return false, err
	}
	if c.Language, err = b.language(c.Handle); err != nil {
		return false, err
	}
	c.derive(before, next, m)
	return !c.Turn.Equal(old.Turn) || c.Lead != old.Lead, b.put(old, &c)
}

// onward derives a contact anew, and those after it as far as its turn goes.
func (b *batch) onward(c *Contact) error {
	for c != nil {
		next, err := b.beside(c, true)
		if err != nil {
			return err
		}
		turned, err := b.rederive(c)
		if err != nil || !turned || next == nil || next.Out != c.Out {
			return err
		}
		c = next
	}
	return nil
}

// edges derives the first and the last contact of a conversation anew: they depend
// on whether it is resolved, and the first may teach other words.
func (b *batch) edges(conversation uint64) error {
	for _, reverse := range []bool{false, true} {
		for e := range b.p.contacts.Scan(b.tx, store.Range{Index: "conversation", Prefix: store.K().Uint(conversation), Reverse: reverse}) {
			c, err := b.get(e.ID)
			if err == nil {
				err = b.again(c)
			}
			if err != nil {
				return err
			}
			break
		}
	}
	return b.learn(conversation, false)
}

// ids of the contacts in an index under a prefix.
func (b *batch) ids(index string, prefix store.Key) (ids []uint64) {
	for e := range b.p.contacts.Scan(b.tx, store.Range{Index: index, Prefix: prefix}) {
		ids = append(ids, e.ID)
	}
	return ids
}

// conversation derives all contacts of a conversation anew.
func (b *batch) conversation(id uint64) error {
	for _, c := range b.ids("conversation", store.K().Uint(id)) {
		old, err := b.get(c)
		if err != nil {
			return err
		}
		if err := b.again(old); err != nil {
			return err
		}
	}
	return b.learn(id, false)
}

// merged files the contacts of a conversation in the one it is part of now.
func (b *batch) merged(from uint64) error {
	for _, c := range b.ids("conversation", store.K().Uint(from)) {
		if err := b.message(c); err != nil {
			return err
		}
	}
	return b.learn(from, false)
}

// people derives the contacts of handles anew, of which some may be customers.
func (b *batch) people(subjects []uint64) error {
	handles := map[uint64]bool{}
	for _, id := range subjects {
		if _, err := b.p.identity.Handle(b.tx, id); err == nil {
			handles[id] = true
			continue
		}
		root, err := b.p.identity.Root(b.tx, id)
		if errors.Is(err, store.ErrNotFound) {
			continue
		}
		if err != nil {
			return err
		}
		list, err := b.p.identity.Handles(b.tx, root.ID)
		if err != nil {
			return err
		}
		for _, h := range list {
			handles[h.ID] = true
		}
	}
	sorted := make([]uint64, 0, len(handles))
	for id := range handles {
		sorted = append(sorted, id)
	}
	slices.SortFunc(sorted, cmp.Compare)
	for _, h := range sorted {
		for _, id := range b.ids("handle", store.K().Uint(h)) {
			old, err := b.get(id)
			if err != nil {
				return err
			}
			c := *old
			if c.Language, err = b.language(h); err != nil {
				return err
			}
			if err := b.put(old, &c); err != nil {
				return err
			}
		}
	}
	return nil
}
