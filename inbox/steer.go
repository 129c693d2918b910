package inbox

import (
	"context"
	"errors"
	"slices"
	"time"

	"throughline/accounts"
	"throughline/message"
	"throughline/store"
	"throughline/timeline"
)

// What agents do with a delivery: undo it while it waits, try it again, let it be.

// Undo takes a message back before its first attempt and returns it as a draft.
func (h *Hub) Undo(ctx context.Context, agent, id uint64) (draft *Draft, err error) {
	err = h.Store.Update(ctx, func(tx *store.Tx) error {
		draft = nil
		d, err := h.Delivery(tx, id)
		if err != nil {
			return err
		}
		if !d.CanUndo(tx.Now()) {
			return &ConflictError{"it is too late to take this message back: it is on its way"}
		}
		r, err := h.Message(tx, id)
		if err != nil {
			return err
		}
		draft = d.Draft
		d.Status, d.Due, d.Draft = message.Cancelled, time.Time{}, nil
		if err := h.deliveries.Put(tx, id, d); err != nil {
			return err
		}
		r.Cancelled = true
		if err := h.messages.Put(tx, id, r); err != nil {
			return err
		}
		if err := h.Timeline.Hide(tx, r.Seq); err != nil {
			return err
		}
		c, err := h.Conversation(tx, r.Conversation)
		if err != nil {
			return err
		}
		// What was to be done after sending is undone too: the agent is at it again.
		c.Answered = time.Time{}
		if err := h.change(tx, c, agent, Change{Status: ptr(Open)}); err != nil {
			return err
		}
		c.Messages--
		if err := h.refresh(tx, c, r.Seq); err != nil {
			return err
		}
		c.Withdrawn = c.Messages == 0
		if err := h.conversations.Put(tx, c.ID, c); err != nil {
			return err
		}
		if draft != nil {
			at := c
			if c.Withdrawn {
				// The first message of a conversation that never began (it is on
				// no list): the draft of a new one.
				at = &Conversation{}
			}
			since, err := h.Draft(tx, agent, at.ID)
			if err == nil {
				draft = joinDrafts(draft, since)
			} else if !errors.Is(err, ErrNotFound) {
				return err
			}
			if err := h.putDraft(tx, agent, at, draft); err != nil {
				return err
			}
		}
		_, err = h.Timeline.Append(tx, timeline.Event{
			Kind: timeline.MessageCancelled, Actor: agentActor(agent), Conversation: c.ID, Message: id, Quiet: true,
		})
		return err
	})
	return draft, err
}

// Retry sends a failed message again, or one of which nobody knows whether it
// went out. If its account cannot send any more it goes over another one of the
// same channel, first one of its conversation.
func (h *Hub) Retry(ctx context.Context, agent, id uint64) error {
	var account string
	if err := h.Store.View(func(tx *store.Tx) error {
		d, err := h.Delivery(tx, id)
		if err == nil {
			account = d.Account
		}
		return err
	}); err != nil {
		return err
	}
	lost, err := h.lost(account)
	if err != nil {
		return err
	}
	return h.Store.Update(ctx, func(tx *store.Tx) error {
		d, err := h.Delivery(tx, id)
		if err != nil {
			return err
		}
		if !d.CanRetry() {
			return &ConflictError{"this message is " + string(d.Status) + "; only one that failed can be sent again"}
		}
		r, err := h.Message(tx, id)
		if err != nil {
			return err
		}
		// To send again is to say that the address is worth another try.
		for _, to := range recipients(r) {
			if hd, ok := h.Identity.Find(tx, to); ok {
				if err := h.lift(tx, hd, r.Channel, agentActor(agent)); err != nil {
					return err
				}
			}
		}
		to := recipients(r)
		if len(r.To) > 0 { // who gets a copy only is left out
			to = to[:len(r.To):len(r.To)]
		}
		if out, err := h.optedOutOf(tx, r, to); err != nil {
			return err
		} else if out != nil {
			return &ConflictError{out.String()}
		}
		if lost && d.Account == account {
			if err := h.reroute(tx, id, d); err != nil {
				return err
			}
		}
		was := d.troubled()
		d.Status, d.Reason, d.Code, d.Dismissed = message.Queued, "", "", false
		d.Rejected, d.Due, d.Created = nil, tx.Now(), tx.Now()
		return h.saveDelivery(tx, id, d, was, true)
	})
}

// lost tells that an account will not send until somebody does something about it:
// it is removed, switched off, or its settings make no connector. One that is
// just being started is not lost.
func (h *Hub) lost(account string) (bool, error) {
	if r := h.runner(account); r != nil {
		return r.conn == nil, nil
	}
	a, err := h.Accounts.Show(account)
	if errors.Is(err, accounts.ErrNotFound) {
		return true, nil
	}
	return a.Disabled, err
}

// reroute gives a message to another account; the caller stores d.
func (h *Hub) reroute(tx *store.Tx, id uint64, d *Delivery) error {
	r, err := h.Message(tx, id)
	if err != nil {
		return err
	}
	c, err := h.Conversation(tx, r.Conversation)
	if err != nil {
		return err
	}
	for _, a := range slices.Concat(c.Accounts, []string{c.Account}, h.sending()) {
		info, ok := h.accountInfo(a)
		if !ok || info.Channel != r.Channel {
			continue
		}
		d.Account, r.Account, r.From = a, a, info.Own
		c.addAccount(a)
		return errors.Join(h.messages.Put(tx, id, r), h.conversations.Put(tx, c.ID, c))
	}
	return &ConflictError{"the account of this message cannot send, and there is no other one: add an account or switch one on, then try again"}
}

// Dismiss leaves a failure at that: it is not shown as trouble any more.
func (h *Hub) Dismiss(ctx context.Context, agent, id uint64) error {
	return h.Store.Update(ctx, func(tx *store.Tx) error {
		d, err := h.Delivery(tx, id)
		if err != nil {
			return err
		}
		if !d.troubled() {
			return &ConflictError{"nothing is wrong with this message"}
		}
		d.Dismissed = true
		return h.saveDelivery(tx, id, d, true, true)
	})
}
