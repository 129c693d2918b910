package inbox

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"throughline/connectors"
	"throughline/identity"
	"throughline/message"
	"throughline/store"
	"throughline/timeline"
)

// What agents do with calls.

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
	if out, err := h.optedOut(tx, run.info.Channel, "", []message.Handle{o.To}); err != nil {
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
	}, Agent: o.Agent}
	r.Ref = message.OwnRef(r.ID, r.Token)
	c, err := h.callIn(tx, o, r, whose)
	if err != nil {
		return 0, err
	}
	c.Channel, r.Conversation = run.info.Channel, c.ID
	if r.Seq, err = h.Timeline.Append(tx, timeline.Event{
		Kind: timeline.MessageQueued, Actor: agentActor(o.Agent), Conversation: c.ID, Message: r.ID, Subjects: []uint64{c.Handle},
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
	case len(c.Legs) == 0 || c.Over():
		return nil
	case d.Status == message.Failed:
		c.Outcome, c.Ended = message.CallFailed, tx.Now().UTC()
	case d.Ref != "" && c.Legs[0].Ref == "":
		c.Legs[0].Ref = d.Ref
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
	return h.open(tx, &r.Message, whose), nil
}

// onPhone is a call with the line it goes over.
func (h *Hub) onPhone(id uint64) (t *tends, err error) {
	var account string
	if err := h.Store.View(func(tx *store.Tx) error {
		r, err := h.Message(tx, id)
		if err != nil {
			return err
		}
		if r.Call == nil {
			return &ConflictError{"this message is not a call"}
		}
		account = r.Account
		return nil
	}); err != nil {
		return nil, err
	}
	run, p, err := h.phone(account)
	if err != nil {
		return nil, &ConflictError{"the line of this call does not run: switch its account on"}
	}
	return &tends{hub: h, run: run, phone: p}, nil
}

// callDo changes a call in one transaction, by what fn makes of it.
func (h *Hub) callDo(ctx context.Context, agent, id uint64, fn func(tx *store.Tx, c *message.Call) error) (m message.Message, err error) {
	err = h.Store.Update(ctx, func(tx *store.Tx) error {
		r, err := h.Message(tx, id)
		if err != nil {
			return err
		}
		if r.Call == nil {
			return &ConflictError{"this message is not a call"}
		}
		c := r.Call.Settled()
		if err := fn(tx, &c); err != nil {
			return err
		}
		if err := h.saveCall(tx, r, c, agent); err != nil {
			return err
		}
		m = r.Message
		return nil
	})
	return m, err
}

// spoken is the leg with which an agent speaks on a call, or why he may not steer it.
func spoken(c *message.Call, agent uint64) (*message.CallLeg, error) {
	l := c.Speaker()
	switch {
	case c.Over():
		return nil, &ConflictError{"this call is over"}
	case l == nil:
		return nil, &ConflictError{"nobody speaks with the customer now: take the call first"}
	case l.Agent != agent:
		return nil, &ConflictError{"another agent speaks on this call: only they can do this"}
	}
	return l, nil
}

// steer writes a wish down, asks the provider for it, and takes it back if that
// fails.
func (h *Hub) steer(ctx context.Context, agent, id uint64, do connectors.Act, wish func(tx *store.Tx, c *message.Call) (leg string, err error), back func(c *message.Call)) error {
	t, err := h.onPhone(id)
	if err != nil {
		return err
	}
	var leg string
	m, err := h.callDo(ctx, agent, id, func(tx *store.Tx, c *message.Call) (err error) {
		leg, err = wish(tx, c)
		return err
	})
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), phoneTimeout)
	defer cancel()
	_, err = t.ask(func() (string, error) { return "", t.phone.Steer(ctx, m, do, *m.Call.Leg(leg)) })
	if err == nil {
		return nil
	}
	h.log.Warn("a call could not be steered", "account", m.Account, "message", id, "act", string(do), "error", err)
	if _, undo := h.callDo(context.WithoutCancel(ctx), agent, id, func(_ *store.Tx, c *message.Call) error { back(c); return nil }); undo != nil {
		return undo
	}
	return &ConflictError{err.Error()}
}

// TakeCall lets a call that waits ring at an agent.
func (h *Hub) TakeCall(ctx context.Context, agent, id uint64) error {
	t, err := h.onPhone(id)
	if err != nil {
		return err
	}
	var leg message.CallLeg
	m, err := h.callDo(ctx, agent, id, func(tx *store.Tx, c *message.Call) error {
		leg = message.CallLeg{}
		calls, err := h.calling(tx, "")
		if err != nil {
			return err
		}
		for _, l := range c.Legs {
			if l.Agent == agent && l.Ended.IsZero() && !c.Over() {
				return nil // it rings there, or is taken
			}
		}
		switch {
		case c.State != message.CallWaiting && c.State != message.CallRinging || c.Queued.IsZero() && c.Customer() == nil:
			return &ConflictError{"this call does not wait for anybody now"}
		case busy(calls)[agent]:
			return &ConflictError{"you are on the phone already: end that call first"}
		}
		if leg, err = h.newLeg(tx, agent, "", message.AgentLeg); err != nil {
			return err
		}
		c.Legs = append(c.Legs, leg)
		return nil
	})
	if err != nil || leg.ID == "" {
		return err
	}
	return t.ringNow(ctx, job{m, leg})
}

// ringNow lets a leg ring while an agent waits for it.
func (t *tends) ringNow(ctx context.Context, j job) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), phoneTimeout)
	defer cancel()
	ref, err := t.ask(func() (string, error) { return t.phone.Ring(ctx, j.m, j.leg) })
	t.learn(ctx, j, func(l *message.CallLeg, now time.Time) {
		l.Ref = ref
		if err != nil && l.Ended.IsZero() {
			l.Ended, l.Result = now, message.LegFailed
		}
	})
	if err != nil {
		return &ConflictError{err.Error()}
	}
	return nil
}

// HoldCall puts the customer on hold, or takes him off it.
func (h *Hub) HoldCall(ctx context.Context, agent, id uint64, on bool) error {
	if !on {
		var was message.CallSpan
		return h.steer(ctx, agent, id, connectors.Resume, func(tx *store.Tx, c *message.Call) (string, error) {
			l, err := spoken(c, agent)
			if err != nil {
				return "", err
			}
			if !c.Held() {
				return "", &ConflictError{"the customer is not on hold"}
			}
			was = c.Holds[len(c.Holds)-1]
			c.Holds[len(c.Holds)-1].To = tx.Now().UTC()
			return l.ID, nil
		}, func(c *message.Call) {
			if n := len(c.Holds); n > 0 && c.Holds[n-1].From.Equal(was.From) && !c.Over() {
				c.Holds[n-1].To = time.Time{}
			}
		})
	}
	return h.steer(ctx, agent, id, connectors.Hold, func(tx *store.Tx, c *message.Call) (string, error) {
		l, err := spoken(c, agent)
		if err != nil {
			return "", err
		}
		if c.Held() {
			return "", &ConflictError{"the customer is on hold already"}
		}
		return l.ID, openHold(tx, c)
	}, unhold)
}

// maxHolds bounds the spells of hold and the transfers of one call.
const maxHolds = 100

func openHold(tx *store.Tx, c *message.Call) error {
	if len(c.Holds) >= maxHolds {
		return &ConflictError{"this call was on hold too often"}
	}
	c.Holds = append(c.Holds, message.CallSpan{From: tx.Now().UTC()})
	return nil
}

// unhold takes back a hold that did not come about.
func unhold(c *message.Call) {
	if c.Held() {
		c.Holds = c.Holds[:len(c.Holds)-1]
	}
}

// Transfer is to whom a call is to go: an agent, or a number.
type Transfer struct {
	Agent  uint64
	Number string
	Warm   bool // speak first, while the customer is on hold
}

// TransferCall hands a call over. Cold, the agent leaves at once and the customer
// waits for the other one; warm, they speak first, and CompleteTransfer hands over.
func (h *Hub) TransferCall(ctx context.Context, agent, id uint64, to Transfer) error {
	if (to.Agent == 0) == (to.Number == "") {
		return &InvalidError{"agent", "give the agent or the number that the call is to go to"}
	}
	if to.Agent == agent {
		return &InvalidError{"agent", "this is yourself: choose somebody else"}
	}
	if to.Number != "" {
		var err error
		if to.Number, err = phoneNumber("number", to.Number); err != nil {
			return err
		}
	}
	begin := func(tx *store.Tx, c *message.Call) (*message.CallLeg, error) {
		l, err := spoken(c, agent)
		switch {
		case err != nil:
			return nil, err
		case c.Pending() != nil:
			return nil, &ConflictError{"this call is being transferred already: complete or cancel that first"}
		case len(c.Transfers) >= maxHolds:
			return nil, &ConflictError{"this call was transferred too often"}
		}
		calls, err := h.calling(tx, "")
		if err != nil {
			return nil, err
		}
		if to.Agent != 0 && busy(calls)[to.Agent] {
			return nil, &ConflictError{"that agent is on the phone"}
		}
		c.Transfers = append(c.Transfers, message.CallTransfer{Time: tx.Now().UTC(), By: agent, Agent: to.Agent, Number: to.Number, Warm: to.Warm})
		return l, nil
	}
	giveUp := func(c *message.Call) {
		if t := c.Pending(); t != nil {
			t.Result = message.TransferCancelled
		}
	}
	if !to.Warm {
		return h.steer(ctx, agent, id, connectors.Pass, func(tx *store.Tx, c *message.Call) (string, error) {
			l, err := begin(tx, c)
			if err != nil {
				return "", err
			}
			if c.Held() { // the one who takes it finds the customer there
				c.Holds[len(c.Holds)-1].To = tx.Now().UTC()
			}
			return l.ID, nil
		}, giveUp)
	}
	var asked message.CallLeg
	held := false
	err := h.steer(ctx, agent, id, connectors.Hold, func(tx *store.Tx, c *message.Call) (string, error) {
		l, err := begin(tx, c)
		if err != nil {
			return "", err
		}
		speaker := l.ID
		if held = c.Held(); !held {
			if err := openHold(tx, c); err != nil {
				return "", err
			}
		}
		if asked, err = h.newLeg(tx, to.Agent, to.Number, message.ConsultLeg); err != nil {
			return "", err
		}
		c.Pending().Leg = asked.ID
		c.Legs = append(c.Legs, asked)
		return speaker, nil
	}, func(c *message.Call) {
		giveUp(c)
		if l := c.Leg(asked.ID); l != nil {
			l.Ended, l.Result = l.Began, message.LegDropped
		}
		if !held {
			unhold(c)
		}
	})
	if err != nil {
		return err
	}
	t, err := h.onPhone(id)
	if err != nil {
		return err
	}
	m, err := h.callDo(ctx, agent, id, func(*store.Tx, *message.Call) error { return nil })
	if err != nil {
		return err
	}
	return t.ringNow(ctx, job{m, asked})
}

// CompleteTransfer hands the customer over to whom the agent asked, and leaves.
func (h *Hub) CompleteTransfer(ctx context.Context, agent, id uint64) error {
	var hold message.CallSpan
	var to string
	return h.steer(ctx, agent, id, connectors.HandOver, func(tx *store.Tx, c *message.Call) (string, error) {
		if _, err := spoken(c, agent); err != nil {
			return "", err
		}
		t := c.Pending()
		if t == nil || !t.Warm {
			return "", &ConflictError{"no transfer is under way on this call"}
		}
		l := c.Leg(t.Leg)
		if l == nil || l.Answered.IsZero() || !l.Ended.IsZero() {
			return "", &ConflictError{"nobody has picked up there yet: wait, or cancel the transfer"}
		}
		now := tx.Now().UTC()
		to, l.Spoke = l.ID, now
		if c.Held() {
			hold = c.Holds[len(c.Holds)-1]
			c.Holds[len(c.Holds)-1].To = now
		}
		return to, nil
	}, func(c *message.Call) {
		if c.Over() {
			return
		}
		if l := c.Leg(to); l != nil {
			l.Spoke = time.Time{}
		}
		if n := len(c.Transfers); n > 0 {
			c.Transfers[n-1].Result, c.Transfers[n-1].Done = "", time.Time{}
		}
		if n := len(c.Holds); n > 0 && c.Holds[n-1].From.Equal(hold.From) {
			c.Holds[n-1].To = time.Time{}
		}
	})
}

// CancelCall takes back what has not come about yet: a transfer for which somebody
// is being asked, or a call of one's own before the customer picked up.
func (h *Hub) CancelCall(ctx context.Context, agent, id uint64) error {
	t, err := h.onPhone(id)
	if err != nil {
		return err
	}
	var drop message.CallLeg
	resume := false
	m, err := h.callDo(ctx, agent, id, func(_ *store.Tx, c *message.Call) error {
		drop, resume = message.CallLeg{}, false
		if c.State == message.CallRinging || c.State == message.CallDialling {
			if len(c.Legs) > 0 && c.Queued.IsZero() && c.Legs[0].Agent == agent && len(c.Transfers) == 0 {
				drop = c.Legs[0]
				return nil
			}
		}
		if _, err := spoken(c, agent); err != nil {
			return err
		}
		p := c.Pending()
		if p == nil || !p.Warm {
			if n := len(c.Transfers); n > 0 && c.Transfers[n-1].Warm && c.Held() {
				resume = true // it ended by itself; the customer is still on hold
				return nil
			}
			return &ConflictError{"there is nothing to cancel on this call"}
		}
		p.Result, resume = message.TransferCancelled, true
		if l := c.Leg(p.Leg); l != nil && l.Ended.IsZero() && !l.Answered.IsZero() {
			drop = *l // while it rings, the desk does it
		}
		return nil
	})
	if err != nil {
		return err
	}
	if drop.ID != "" {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), phoneTimeout)
		_, err := t.ask(func() (string, error) { return "", t.phone.Drop(ctx, m, drop) })
		cancel()
		if err != nil {
			return &ConflictError{err.Error()}
		}
		t.learn(ctx, job{m, drop}, func(l *message.CallLeg, now time.Time) {
			if l.Ended.IsZero() {
				l.Ended = now
				if l.Answered.IsZero() {
					l.Result = message.LegDropped
				}
			}
		})
	}
	if !resume {
		return nil
	}
	return h.HoldCall(ctx, agent, id, false)
}

// HangUpCall ends a call for everybody.
func (h *Hub) HangUpCall(ctx context.Context, agent, id uint64) error {
	return h.steer(ctx, agent, id, connectors.HangUp, func(_ *store.Tx, c *message.Call) (string, error) {
		if c.State == message.CallDialling && len(c.Legs) > 0 && c.Legs[0].Agent == agent {
			return c.Legs[0].ID, nil
		}
		l, err := spoken(c, agent)
		if err != nil {
			return "", err
		}
		return l.ID, nil
	}, func(*message.Call) {})
}

// Limits of what is noted of a call, in characters.
const (
	maxReason   = 100
	maxCallNote = 4000
)

// WrapUpCall notes what a call was about.
func (h *Hub) WrapUpCall(ctx context.Context, agent, id uint64, reason, note string) error {
	reason, note = strings.Join(strings.Fields(reason), " "), strings.TrimSpace(note)
	if utf8.RuneCountInString(reason) > maxReason {
		return &InvalidError{"reason", fmt.Sprintf("a reason has at most %d characters", maxReason)}
	}
	if utf8.RuneCountInString(note) > maxCallNote {
		return &InvalidError{"note", fmt.Sprintf("a note has at most %d characters", maxCallNote)}
	}
	_, err := h.callDo(ctx, agent, id, func(tx *store.Tx, c *message.Call) error {
		c.WrapUp = &message.CallWrapUp{Agent: agent, Time: tx.Now().UTC(), Reason: reason, Note: note}
		return nil
	})
	return err
}
