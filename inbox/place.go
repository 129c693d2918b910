package inbox

import (
	"cmp"
	"math"
	"slices"
	"time"

	"throughline/identity"
	"throughline/message"
	"throughline/store"
	"throughline/timeline"
)

// maxCandidates bounds how many messages of one reference are looked at; a
// Message-ID that thousands of mails claim is no reference.
const maxCandidates = 50

// place finds the conversation a message belongs to, or opens one for whose.
//
// A message joins a conversation that it refers to, or whose messages refer to
// it (they came first), or that shares a missing parent with it — but only if its
// sender wrote there or was addressed there: knowing a name is not enough. When
// a message turns out to be the missing link between conversations, they become
// one. Subjects are never looked at.
func (h *Hub) place(tx *store.Tx, m *message.Message, whose *identity.Handle) (c *Conversation, isNew bool, err error) {
	linked, err := h.linked(tx, m)
	if err != nil {
		return nil, false, err
	}
	if len(linked) == 0 {
		return h.open(tx, m, whose), true, nil
	}
	c = linked[0]
	for _, other := range linked[1:] {
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
func (h *Hub) open(tx *store.Tx, m *message.Message, whose *identity.Handle) *Conversation {
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
	return c
}

// linked returns the conversations that m belongs to, the nearest first.
func (h *Hub) linked(tx *store.Tx, m *message.Message) (found []*Conversation, err error) {
	join := func(r *Record) error {
		c, err := h.Conversation(tx, r.Conversation)
		if err != nil {
			return err
		}
		if !slices.ContainsFunc(found, func(f *Conversation) bool { return f.ID == c.ID }) {
			found = append(found, c)
		}
		return nil
	}
	// What it answers, and what answers the same missing message.
	for _, ref := range indexedRefs(m.Refs) {
		rs, err := h.named(tx, ref)
		if err != nil {
			return nil, err
		}
		for _, r := range rs {
			c, err := h.Conversation(tx, r.Conversation)
			if err != nil {
				return nil, err
			}
			if h.belongs(c, m) {
				if err := join(r); err != nil {
					return nil, err
				}
			}
		}
	}
	// What answered it and came first: those who wrote the answers must have been
	// addressed by it, or it must come from somebody of that conversation.
	if m.Ref != "" {
		rs, err := h.named(tx, m.Ref)
		if err != nil {
			return nil, err
		}
		for _, r := range rs {
			if r.Ref == m.Ref {
				continue // another mail that claims the same name
			}
			c, err := h.Conversation(tx, r.Conversation)
			if err != nil {
				return nil, err
			}
			_, ours := h.Own(r.From.Handle) // we are addressed by everybody
			if h.belongs(c, m) || !ours && addressed(m, r.From.Handle) {
				if err := join(r); err != nil {
					return nil, err
				}
			}
		}
	}
	// A delivery report names the message it is about by a token that only its
	// recipients' servers saw.
	for _, rep := range m.Reports {
		if _, _, ok := message.ParseOwnRef(rep.Ref); !ok {
			continue
		}
		rs, err := h.named(tx, rep.Ref)
		if err != nil {
			return nil, err
		}
		for _, r := range rs {
			if r.Ref == rep.Ref {
				if err := join(r); err != nil {
					return nil, err
				}
			}
		}
	}
	return found, nil
}

// named returns the messages that have ref as their name or refer to it, those
// of that name first.
func (h *Hub) named(tx *store.Tx, ref string) (rs []*Record, err error) {
	for e := range h.messages.Scan(tx, store.Range{Index: "thread", Prefix: refKey(ref)}) {
		if len(rs) == maxCandidates {
			break
		}
		r, err := h.Message(tx, e.ID)
		if err != nil {
			return nil, err
		}
		// The index holds hashes; the record decides.
		if r.Ref == ref || slices.Contains(r.Refs, ref) {
			rs = append(rs, r)
		}
	}
	slices.SortStableFunc(rs, func(a, b *Record) int {
		rank := func(r *Record) int {
			if r.Ref == ref {
				return 0
			}
			return 1
		}
		return cmp.Compare(rank(a), rank(b))
	})
	return rs, nil
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

// absorb makes everything of from part of into; from remains as a pointer. actor
// is "" when the hub found out by itself.
func (h *Hub) absorb(tx *store.Tx, from, into *Conversation, actor string) error {
	for {
		// In pages: re-filing changes the index that is walked.
		page, err := h.Timeline.Conversation(tx, from.ID, timeline.Span{Limit: 200})
		if err != nil {
			return err
		}
		if len(page.Events) == 0 {
			break
		}
		for _, e := range page.Events {
			if err := h.refile(tx, &e, into.ID); err != nil {
				return err
			}
		}
	}
	into.admit(from.Participants...)
	for _, a := range from.Accounts {
		into.addAccount(a)
	}
	for _, t := range from.Tags {
		if !slices.Contains(into.Tags, t) {
			into.Tags = append(into.Tags, t)
		}
	}
	if into.Assignee == 0 {
		into.Assignee = from.Assignee
	}
	if from.Status == Open {
		into.Status, into.SnoozedUntil = Open, from.SnoozedUntil
	}
	into.Unread += from.Unread
	if into.Subject == "" {
		into.Subject = from.Subject
	}
	if err := h.recount(tx, into); err != nil {
		return err
	}
	from.MergedInto = into.ID
	if err := h.conversations.Put(tx, from.ID, from); err != nil {
		return err
	}
	if err := h.conversations.Put(tx, into.ID, into); err != nil {
		return err
	}
	_, err := h.Timeline.Append(tx, timeline.Event{
		Kind: timeline.ConversationMerged, Actor: actor, Conversation: into.ID,
		Data: eventData("from", from.ID, "into", into.ID), Subjects: []uint64{into.Handle},
	})
	return err
}

// refile puts an event and what it tells of on another conversation.
func (h *Hub) refile(tx *store.Tx, e *timeline.Event, to uint64) error {
	if e.Message != 0 {
		r, err := h.Message(tx, e.Message)
		if err != nil {
			return err
		}
		r.Conversation = to
		if err := h.messages.Put(tx, r.ID, r); err != nil {
			return err
		}
	}
	if e.Note != 0 {
		n, err := h.Note(tx, e.Note)
		if err != nil {
			return err
		}
		n.Conversation = to
		if err := h.notes.Put(tx, n.ID, n); err != nil {
			return err
		}
	}
	return h.Timeline.Refile(tx, e.Seq, to)
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
				d.waiting, d.unread = time.Time{}, 0
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

// recount sets the derived fields of c anew, after something was moved.
func (h *Hub) recount(tx *store.Tx, c *Conversation) error {
	d, err := h.derive(tx, c.ID)
	if err != nil {
		return err
	}
	c.Messages, c.Undelivered, c.Unread = d.messages, d.undelivered, min(c.Unread, d.unread)
	c.Waiting = d.waiting
	if c.Status == Resolved {
		c.Waiting = time.Time{}
	}
	if d.newest == nil {
		return nil
	}
	c.Last, c.LastSeq = d.newest.Time, d.newest.Seq
	if d.newest.Note != 0 {
		n, err := h.Note(tx, d.newest.Note)
		if err != nil {
			return err
		}
		c.Preview, c.Direction = preview(n.Text), "note"
		return nil
	}
	r, err := h.Message(tx, d.newest.Message)
	if err != nil {
		return err
	}
	c.Preview, c.Direction = preview(readable(r)), string(r.Direction)
	return nil
}
