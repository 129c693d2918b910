package inbox

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"time"

	"throughline/identity"
	"throughline/message"
	"throughline/store"
	"throughline/timeline"
)

// CallOut is a call that an agent wants to make.
type CallOut struct {
	Agent        uint64
	Account      string
	To           message.Handle
	Conversation uint64 // 0 takes the one in which the two last spoke, or opens one
	Key          string // see Outgoing.Key
	Anyway       bool   // though the customer does not want to be called
}

// Dial makes a call: it rings at the agent first and then at the customer. It is a
// message of the outbox, of which at most one attempt is made.
func (h *Hub) Dial(ctx context.Context, o CallOut) (seq uint64, err error) {
	r, _, err := h.phone(o.Account)
	if err != nil {
		return 0, err
	}
	if len(o.Key) > MaxKey {
		return 0, &InvalidError{"key", fmt.Sprintf("an idempotency key has at most %d bytes", MaxKey)}
	}
	if o.To, err = identity.Canonical(o.To); err != nil {
		return 0, &InvalidError{"to", err.Error()}
	}
	if !identity.Reachable(o.To) || o.To.Scheme() != h.kinds[r.info.Channel].Scheme {
		return 0, &InvalidError{"to", fmt.Sprintf("%s cannot be called: give a phone number in international form", o.To.Address())}
	}
	if _, ours := h.Own(o.To); ours {
		return 0, &InvalidError{"to", "this is a number of ours: call a customer"}
	}
	digest := o.digest()
	err = h.Store.Update(ctx, func(tx *store.Tx) error {
		if seq, err = h.sentBefore(tx, o.Agent, o.Key, digest); err != nil || seq != 0 {
			return err
		}
		if seq, err = h.dial(tx, r, &o); err != nil {
			return err
		}
		return h.rememberSent(tx, o.Agent, o.Key, digest, seq)
	})
	return seq, err
}

func (o CallOut) digest() [sha256.Size]byte {
	o.Key = ""
	b, err := json.Marshal(o)
	if err != nil {
		panic(fmt.Errorf("inbox: call does not marshal: %w", err)) // strings and numbers: a programmer's error
	}
	return sha256.Sum256(b)
}

func (h *Hub) dial(tx *store.Tx, run *runner, o *CallOut) (seq uint64, err error) {
	if out, err := h.optedOut(tx, run.info.Channel, h.purposeOf(tx, o.Conversation), []message.Handle{o.To}); err != nil {
		return 0, err
	} else if out != nil {
		return 0, &ConflictError{out.String()}
	}
	if !o.Anyway {
		if err := h.unwanted(tx, run.info.Channel, o.To, o.Conversation); err != nil {
			return 0, err
		}
	}
	calls, err := h.calling(tx, "")
	if err != nil {
		return 0, err
	}
	if busy(calls)[o.Agent] {
		return 0, &ConflictError{"you are on the phone already: end that call first"}
	}
	whose, _, err := h.Identity.Resolve(tx, message.Person{Handle: o.To}, false)
	if err != nil {
		return 0, err
	}
	leg, err := h.newLeg(tx, o.Agent, "", message.AgentLeg)
	if err != nil {
		return 0, err
	}
	call := message.Call{Legs: []message.CallLeg{leg}}.Settled()
	r := &Record{Message: message.Message{
		ID: tx.NextID(), Token: newToken(), Channel: run.info.Channel, Account: run.account, Direction: message.Out,
		From: run.info.Own, To: []message.Person{{Handle: o.To, Name: whose.Name}}, Time: tx.Now().UTC().Truncate(time.Second),
		Kind: message.Human, Chat: true, Call: &call,
	}, Agent: o.Agent, Whom: &whose.ID}
	r.Ref = message.OwnRef(r.ID, r.Token)
	c, err := h.callIn(tx, o, r, whose)
	if err != nil {
		return 0, err
	}
	c.Channel, r.Conversation = run.info.Channel, c.ID
	if r.Seq, err = h.Timeline.Append(tx, timeline.Event{
		Kind: timeline.MessageQueued, Actor: agentActor(o.Agent), Conversation: c.ID, Message: r.ID, Subjects: []uint64{c.subject()},
	}); err != nil {
		return 0, err
	}
	if err := h.messages.Insert(tx, r.ID, r); err != nil {
		return 0, err
	}
	if err := h.deliveries.Insert(tx, r.ID, &Delivery{Account: run.account, Status: message.Queued, Due: tx.Now(), Created: tx.Now()}); err != nil {
		return 0, err
	}
	c.Messages++
	c.Last, c.LastSeq = tx.Now(), r.Seq
	c.shows(r)
	c.addAccount(run.account)
	c.admit(r.To...)
	c.Withdrawn = false
	change := Change{}
	if c.Status != Open {
		change.Status = ptr(Open)
	}
	if c.Assignee == 0 {
		change.Assignee = &o.Agent
	}
	if err := h.change(tx, c, o.Agent, change); err != nil {
		return 0, err
	}
	return r.Seq, h.conversations.Put(tx, c.ID, c)
}

// dialled notes what came of the attempt to make a call: how the provider calls its
// first leg, or that there is none.
func (h *Hub) dialled(tx *store.Tx, r *Record, d *Delivery) error {
	c := r.Call.Settled()
	switch {
	case len(c.Legs) == 0:
		return nil
	case d.Ref != "" && c.Legs[0].Ref == "":
		c.Legs[0].Ref = d.Ref // if it was given up meanwhile, it can be dropped now
	case d.Status == message.Failed && !c.Over():
		c.Outcome, c.Ended = message.CallFailed, tx.Now().UTC()
	default:
		return nil
	}
	return h.saveCall(tx, r, c, 0)
}

// callIn is the conversation that a call belongs to.
func (h *Hub) callIn(tx *store.Tx, o *CallOut, r *Record, whose *identity.Handle) (*Conversation, error) {
	if o.Conversation != 0 {
		return h.Conversation(tx, o.Conversation)
	}
	c, err := h.chatting(tx, &r.Message, whose)
	if err != nil || c != nil {
		return c, err
	}
	return h.open(tx, &r.Message, whose)
}
