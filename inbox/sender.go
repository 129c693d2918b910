package inbox

import (
	"context"
	"errors"
	"slices"
	"time"

	"throughline/message"
	"throughline/store"
	"throughline/timeline"
)

// Refiled says that one message is from somebody else than the owner of its address:
// a daughter who writes from the family's number. It stands on that customer's
// timeline then, and on nobody else's, in a conversation that is his; the address
// stays where it is. What answers it, or our answer to it, follows.
type Refiled struct {
	Customer uint64    `json:"customer"` // a record: merges take it along
	By       string    `json:"by"`       // "agent:ID", or byThread
	Time     time.Time `json:"time"`
	// Subjects are those on which it stood before, and From the conversation; 0 if it
	// came here by itself.
	Subjects []uint64 `json:"subjects"`
	From     uint64   `json:"from,omitempty"`
}

// byThread is the By of a message that goes on with a re-filed one.
const byThread = "thread"

// Refile says whose an incoming message is; customer 0, or himself, gives it back to the
// owner of its address, and to the conversation it was in. A conversation is of one customer:
// a message that is somebody else's moves into one of his, where what else was taken
// out of the same conversation lies too. One that is alone takes its conversation
// along.
func (h *Hub) Refile(ctx context.Context, agent, id, customer uint64) error {
	return h.Store.Update(ctx, func(tx *store.Tx) error {
		r, err := h.Message(tx, id)
		if err != nil {
			return err
		}
		if r.Direction != message.In {
			return &ConflictError{"only what came in can be from somebody else"}
		}
		e, err := h.Timeline.Get(tx, r.Seq)
		if err != nil {
			return err
		}
		c, err := h.Conversation(tx, r.Conversation)
		if err != nil {
			return err
		}
		if hd, err := h.Identity.Handle(tx, r.Sender); err != nil {
			return err
		} else if own, err := h.sameCustomer(tx, customer, hd.Customer); err != nil {
			return err
		} else if own {
			customer = 0
		}
		before, former := Refiled{Subjects: e.Subjects, From: c.ID}, e.Subjects
		if r.Refiled != nil {
			before = *r.Refiled
		}
		subjects := before.Subjects
		r.Refiled = nil
		if customer != 0 {
			root, err := h.Identity.Living(tx, customer)
			if err != nil {
				return err
			}
			to := root.ID
			customer = root.ID
			if owner, err := h.ownerRoot(tx, c); err != nil {
				return err
			} else if c.Whose != 0 && owner == root.ID {
				to = c.Whose // the record whose the conversation is: a merge of the two may be undone
			}
			r.Refiled = &Refiled{Customer: to, By: agentActor(agent), Time: tx.Now(), Subjects: before.Subjects, From: before.From}
			subjects = []uint64{to}
		}
		if slices.Equal(subjects, former) {
			return nil
		}
		if err := h.Timeline.Resubject(tx, r.Seq, subjects); err != nil {
			return err
		}
		if err := h.messages.Put(tx, r.ID, r); err != nil {
			return err
		}
		if customer != 0 {
			err = h.fileUnder(tx, agent, r, c, customer)
		} else {
			err = h.fileBack(tx, agent, r, c, before.From)
		}
		if err != nil {
			return err
		}
		if r, err = h.Message(tx, id); err != nil {
			return err
		}
		_, err = h.Timeline.Append(tx, timeline.Event{Kind: timeline.MessageRefiled, Actor: agentActor(agent), Conversation: r.Conversation, Message: id,
			Customer: customer, Data: eventData("to", customer, "from", c.ID), Quiet: true, Subjects: append(slices.Clone(former), subjects...)})
		return err
	})
}

// fileUnder puts a message of conversation c into one of a customer's.
func (h *Hub) fileUnder(tx *store.Tx, agent uint64, r *Record, c *Conversation, customer uint64) error {
	owner, err := h.ownerRoot(tx, c)
	if err != nil || owner == customer {
		return err
	}
	if c.Messages == 1 {
		return h.giveTo(tx, c, customer)
	}
	target, err := h.takenFrom(tx, c, customer)
	if err != nil {
		return err
	}
	if target == nil {
		hd, err := h.Identity.Handle(tx, r.Sender)
		if err != nil {
			return err
		}
		if target, err = h.open(tx, &r.Message, hd); err != nil {
			return err
		}
		target.Whose, target.Tags, target.Priority = customer, c.Tags, c.Priority
		if err := h.takePurpose(tx, c, target, agentActor(agent)); err != nil {
			return err
		}
	}
	_, err = h.moveTo(tx, agent, r, c, target)
	return err
}

// takenFrom is the customer's open conversation into which messages of c went before,
// nil if there is none.
func (h *Hub) takenFrom(tx *store.Tx, c *Conversation, customer uint64) (*Conversation, error) {
	list, _, err := h.List(tx, ListQuery{Subjects: []uint64{customer}, Limit: 50})
	if err != nil {
		return nil, err
	}
	for _, t := range list {
		if t.ID != c.ID && t.Whose != 0 && t.Handle == c.Handle && t.Account == c.Account && t.Status != Resolved {
			return t, nil
		}
	}
	return nil, nil
}

// fileBack puts a message of conversation c back where it was; into a conversation of
// its own if that is not known.
func (h *Hub) fileBack(tx *store.Tx, agent uint64, r *Record, c *Conversation, from uint64) error {
	var target *Conversation
	if from != 0 {
		t, err := h.Conversation(tx, from)
		if err != nil && !errors.Is(err, ErrNotFound) {
			return err
		}
		if err == nil && t.Whose == 0 { // else it became somebody else's meanwhile
			target = t
		}
	}
	switch {
	case c.Whose == 0 && (target == nil || target.ID == c.ID):
		return nil
	case c.Messages == 1 && (target == nil || target.ID == c.ID):
		return h.giveTo(tx, c, 0)
	case target == nil || target.ID == c.ID:
		hd, err := h.Identity.Handle(tx, r.Sender)
		if err != nil {
			return err
		}
		if target, err = h.open(tx, &r.Message, hd); err != nil {
			return err
		}
		if err := h.takePurpose(tx, c, target, agentActor(agent)); err != nil {
			return err
		}
	}
	_, err := h.moveTo(tx, agent, r, c, target)
	return err
}

// giveTo makes a conversation the matter of a customer, 0 for the owner of its
// address, with all that was done about it and is still to be done.
func (h *Hub) giveTo(tx *store.Tx, c *Conversation, customer uint64) error {
	former, err := h.ownerRoot(tx, c)
	if err != nil {
		return err
	}
	old := c.subject()
	c.Whose, c.Split = customer, true
	if err := h.giveTasks(tx, c, former); err != nil {
		return err
	}
	span := timeline.Span{Limit: 200}
	for {
		page, err := h.Timeline.Conversation(tx, c.ID, span)
		if err != nil {
			return err
		}
		for _, e := range page.Events {
			at := slices.Index(e.Subjects, old)
			if at < 0 || e.Kind == timeline.MessageReceived {
				continue
			}
			subjects := slices.Clone(e.Subjects)
			subjects[at] = c.subject()
			if err := h.Timeline.Resubject(tx, e.Seq, subjects); err != nil {
				return err
			}
		}
		if span.Before = page.Before; page.Before == 0 {
			return h.conversations.Put(tx, c.ID, c)
		}
	}
}

// sameCustomer tells that two records are of one customer; 0 is nobody.
func (h *Hub) sameCustomer(tx *store.Tx, one, other uint64) (bool, error) {
	if one == 0 || other == 0 {
		return false, nil
	}
	root, err := h.Identity.Root(tx, one)
	if err != nil {
		return false, err
	}
	return h.isRoot(tx, other, root.ID)
}

// ownerRoot is the customer whose matter a conversation is, as he stands now.
func (h *Hub) ownerRoot(tx *store.Tx, c *Conversation) (uint64, error) {
	id, err := h.Owner(tx, c)
	if err != nil {
		return 0, err
	}
	root, err := h.Identity.Root(tx, id)
	if err != nil {
		return 0, err
	}
	return root.ID, nil
}
