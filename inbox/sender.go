package inbox

import (
	"context"
	"slices"
	"time"

	"throughline/message"
	"throughline/store"
	"throughline/timeline"
)

// Refiled says that one message is from somebody else than the owner of its address:
// a daughter who writes from the family's number. It stands on that customer's
// timeline then, and on nobody else's; the address stays where it is.
type Refiled struct {
	Customer uint64    `json:"customer"` // a record: merges take it along
	By       string    `json:"by"`
	Time     time.Time `json:"time"`
	// Subjects are those on which it stood before.
	Subjects []uint64 `json:"subjects"`
}

// Refile says whose an incoming message is; customer 0 gives it back to the owner of
// its address.
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
		before := e.Subjects
		if r.Refiled != nil {
			before = r.Refiled.Subjects
		}
		subjects, former := before, e.Subjects
		r.Refiled = nil
		if customer != 0 {
			root, err := h.Identity.Living(tx, customer)
			if err != nil {
				return err
			}
			r.Refiled = &Refiled{Customer: root.ID, By: agentActor(agent), Time: tx.Now(), Subjects: before}
			subjects = []uint64{root.ID}
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
		_, err = h.Timeline.Append(tx, timeline.Event{Kind: timeline.MessageRefiled, Actor: agentActor(agent), Conversation: r.Conversation, Message: id,
			Customer: customer, Data: eventData("to", customer), Quiet: true, Subjects: append(slices.Clone(former), subjects...)})
		return err
	})
}
