package preference

import (
	"errors"
	"maps"
	"slices"

	"throughline/identity"
	"throughline/store"
)

// batch collects the changes of one transaction: counters are written once at its
// end, and what is read again and again is read once.
type batch struct {
	p       *Preferences
	tx      *store.Tx
	deltas  map[string]day
	matters map[uint64]*Matter
	spoken  map[uint64]string // language by handle or customer record
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

// language is that of the person of c.
func (b *batch) language(c *Contact) (string, error) {
	subject := c.Subject()
	if l, ok := b.spoken[subject]; ok || subject == 0 {
		return l, nil
	}
	customer := c.Whose
	if customer == 0 {
		h, err := b.p.identity.Handle(b.tx, c.Handle)
		if errors.Is(err, store.ErrNotFound) {
			return "", nil
		}
		if err != nil {
			return "", err
		}
		customer = h.Customer
	}
	root, err := b.p.identity.Root(b.tx, customer)
	if errors.Is(err, store.ErrNotFound) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	l, err := b.p.identity.ShownField(b.tx, root.ID, identity.FieldLanguage)
	b.spoken[subject] = l
	return l, err
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
	if old != nil && old.Erased {
		return b.learn(old.Conversation, false)
	}
	if err != nil && old == nil {
		return nil
	}
	if err != nil || !ok && old != nil {
		return b.remove(old)
	}
	m, err := b.matter(f.Conversation)
	if err != nil {
		return err
	}
	if !ok {
		// No contact, but it may have brought the conversation back, as HELP does.
		return b.edges(m.ID)
	}
	c := &Contact{ID: id, Conversation: m.ID, Time: f.Time.UTC(), Out: f.Out, Channel: f.Channel, Handle: f.Handle, Whose: f.Whose, Agent: f.Agent,
		Failed: f.Failed, Settled: f.Settled, Advised: f.Advised, By: f.By}
	if c.Language, err = b.language(c); err != nil {
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
	return b.around(c.Conversation, before, next)
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
	return b.around(c.Conversation, before, next)
}

// around brings a contact's neighbours and its conversation up to date, once it is kept
// or gone.
func (b *batch) around(conversation uint64, before, next *Contact) error {
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
	return b.edges(conversation)
}

// again derives a contact anew from what is around it.
func (b *batch) again(old *Contact) error {
	_, err := b.rederive(old)
	return err
}

func (b *batch) rederive(old *Contact) (turned bool, err error) {
	if old.Erased {
		return false, nil
	}
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
	if c.Language, err = b.language(&c); err != nil {
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

// people derives the contacts of handles and customers anew.
func (b *batch) people(subjects []uint64) error {
	whose := map[uint64]bool{}
	for _, id := range subjects {
		if _, err := b.p.identity.Handle(b.tx, id); err == nil {
			whose[id] = true
			continue
		}
		root, err := b.p.identity.Root(b.tx, id)
		if errors.Is(err, store.ErrNotFound) {
			continue
		}
		if err != nil {
			return err
		}
		all, err := b.p.identity.Subjects(b.tx, root.ID)
		if err != nil {
			return err
		}
		for _, id := range all {
			whose[id] = true
		}
	}
	for _, subject := range slices.Sorted(maps.Keys(whose)) {
		for _, id := range b.ids("handle", store.K().Uint(subject)) {
			old, err := b.get(id)
			if err != nil {
				return err
			}
			if old.Erased {
				continue
			}
			c := *old
			if c.Language, err = b.language(&c); err != nil {
				return err
			}
			if err := b.put(old, &c); err != nil {
				return err
			}
		}
	}
	return nil
}
