package inbox

import (
	"cmp"
	"slices"

	"throughline/identity"
	"throughline/message"
	"throughline/store"
)

// Of the messages that bear or mention one reference the first maxCandidates are
// looked at, and the first fewCandidates where a nearer reference has led
// somewhere already and only a missing link is looked for. A Message-ID that
// thousands of mails claim is no reference.
const (
	maxCandidates = 50
	fewCandidates = 8
)

// place finds the conversation a message belongs to, or opens one for whose.
//
// A message joins a conversation that it refers to, or whose messages refer to
// it (they came first), or that shares a missing parent with it — but only if its
// sender wrote there or was addressed there, or the provider vouches that he takes
// part (Member): knowing a name is not enough. A message of a chat that refers to
// nothing goes on where the two sides last spoke. When a message turns out to be the missing link between conversations, they become one,
// unless an agent has taken them apart: then the nearest is joined. Subjects are
// never looked at.
func (h *Hub) place(tx *store.Tx, m *message.Message, whose *identity.Handle) (c *Conversation, isNew bool, err error) {
	linked, err := h.linked(tx, m, whose.ID)
	if err != nil {
		return nil, false, err
	}
	if len(linked) == 0 && m.Chat {
		if c, err = h.chatting(tx, m, whose); err != nil || c != nil {
			return c, false, err
		}
	}
	if len(linked) == 0 {
		c, err := h.open(tx, m, whose)
		return c, true, err
	}
	c = linked[0]
	for _, other := range linked[1:] {
		if c.Split || other.Split {
			continue
		}
		// The older one stays, so that its number stays good.
		if other.ID < c.ID {
			c, other = other, c
		}
		if err := h.absorb(tx, other, c, ""); err != nil {
			return nil, false, err
		}
	}
	return c, false, nil
}

// open makes a conversation; the caller stores it.
func (h *Hub) open(tx *store.Tx, m *message.Message, whose *identity.Handle) (*Conversation, error) {
	c := &Conversation{
		ID: tx.NextID(), Handle: whose.ID, Account: m.Account, Channel: m.Channel,
		Subject: m.Subject, Status: Open, Priority: "normal", Created: when(tx, m),
	}
	switch {
	case m.Kind != message.Human:
		c.Kind = string(m.Kind)
	case m.List != "" || m.Bulk:
		c.Kind = "list"
	}
	return c, h.assign(tx, c, 0)
}

// linked returns the conversations that m belongs to, the nearest first. whose is
// the handle whose matter m is.
func (h *Hub) linked(tx *store.Tx, m *message.Message, whose uint64) (found []*Conversation, err error) {
	join := func(cs ...*Conversation) {
		for _, c := range cs {
			if !slices.ContainsFunc(found, func(f *Conversation) bool { return f.ID == c.ID }) {
				found = append(found, c)
			}
		}
	}
	// What it answers, and what answers the same missing message.
	for _, ref := range indexedRefs(m.Refs) {
		limit := maxCandidates
		if len(found) > 0 {
			limit = fewCandidates
		}
		named, about, err := h.named(tx, ref, limit)
		if err != nil {
			return nil, err
		}
		cs, err := h.joinable(tx, m, named)
		if err != nil {
			return nil, err
		}
		switch {
		case len(cs) == 1:
			join(cs...)
		case len(cs) > 1:
			// Several mails of one name, by a careless program or on purpose: the
			// name links nothing. Where nothing else does, it means the sender's
			// own matter, the newest of those.
			if len(found) == 0 {
				join(slices.MaxFunc(cs, func(a, b *Conversation) int {
					own := func(c *Conversation) int {
						if c.Handle == whose {
							return 1
						}
						return 0
					}
					return cmp.Or(cmp.Compare(own(a), own(b)), cmp.Compare(a.ID, b.ID))
				}))
			}
		default:
			// Only while the message itself is missing do those that mention it
			// count: else anybody who mentions it could glue himself to it.
			if cs, err = h.joinable(tx, m, about); err != nil {
				return nil, err
			}
			join(cs...)
		}
	}
	// What answered it and came first: those who wrote the answers must have been
	// addressed by it, or it must come from somebody of that conversation.
	if m.Ref != "" {
		_, about, err := h.named(tx, m.Ref, maxCandidates)
		if err != nil {
			return nil, err
		}
		for _, r := range about {
			if r.Ref == m.Ref && r.From.Handle != m.From.Handle {
				continue // somebody else's mail that only claims the name
			}
			c, err := h.Conversation(tx, r.Conversation)
			if err != nil {
				return nil, err
			}
			_, ours := h.Own(r.From.Handle) // we are addressed by everybody
			if h.belongs(c, m) || !ours && addressed(m, r.From.Handle) || r.Member && r.onAccount(m.Account) {
				join(c)
			}
		}
	}
	// A delivery report names the message it is about by a token that only its
	// recipients' servers saw.
	for _, rep := range m.Reports {
		if _, _, ok := message.ParseOwnRef(rep.Ref); !ok {
			continue
		}
		named, _, err := h.named(tx, rep.Ref, maxCandidates)
		if err != nil {
			return nil, err
		}
		for _, r := range named {
			c, err := h.Conversation(tx, r.Conversation)
			if err != nil {
				return nil, err
			}
			join(c)
		}
	}
	return found, nil
}

// joinable returns the distinct conversations of rs that the sender of m belongs
// to.
func (h *Hub) joinable(tx *store.Tx, m *message.Message, rs []*Record) (cs []*Conversation, err error) {
	for _, r := range rs {
		if slices.ContainsFunc(cs, func(c *Conversation) bool { return c.ID == r.Conversation }) {
			continue
		}
		c, err := h.Conversation(tx, r.Conversation)
		if err != nil {
			return nil, err
		}
		if h.belongs(c, m) || m.Member && r.onAccount(m.Account) {
			cs = append(cs, c)
		}
	}
	return cs, nil
}

// named returns the messages that have ref as their name, and those about it,
// which refer to it; limit bounds how many are looked at.
func (h *Hub) named(tx *store.Tx, ref string, limit int) (named, about []*Record, err error) {
	for e := range h.messages.Scan(tx, store.Range{Index: "thread", Prefix: refKey(ref)}) {
		if limit--; limit < 0 {
			break
		}
		r, err := h.Message(tx, e.ID)
		if err != nil {
			return nil, nil, err
		}
		// The index holds hashes; the record decides.
		if r.Ref == ref {
			named = append(named, r)
		}
		// A careless program answers a mail under that mail's own name: then it
		// is both.
		if slices.Contains(r.Refs, ref) {
			about = append(about, r)
		}
	}
	// Ours bear the name that the provider gave them.
	for e := range h.deliveries.Scan(tx, store.Range{Index: "ref", Prefix: refKey(ref)}) {
		if limit--; limit < 0 {
			break
		}
		d, err := h.Delivery(tx, e.ID)
		if err != nil {
			return nil, nil, err
		}
		if !d.bears(ref) {
			continue
		}
		r, err := h.Message(tx, e.ID)
		if err != nil {
			return nil, nil, err
		}
		if r.Ref != ref {
			named = append(named, r)
		}
	}
	return named, about, nil
}

// belongs tells whether the sender of m is known in the conversation. Our own
// people are everywhere; a sender that mail authentication refutes is not who he
// says he is.
func (h *Hub) belongs(c *Conversation, m *message.Message) bool {
	if _, ours := h.Own(m.From.Handle); ours {
		return m.Vouch != message.VouchFailed
	}
	if c.has(m.From.Handle) {
		return true
	}
	return slices.ContainsFunc(m.ReplyTo, func(p message.Person) bool { return c.has(p.Handle) })
}

func addressed(m *message.Message, who message.Handle) bool {
	is := func(p message.Person) bool { return p.Handle == who }
	return is(m.From) || slices.ContainsFunc(m.To, is) || slices.ContainsFunc(m.Cc, is) || slices.ContainsFunc(m.ReplyTo, is)
}
