package inbox

import (
	"cmp"
	"context"
	"time"

	"throughline/connectors"
	"throughline/message"
	"throughline/store"
)

// What agents do with calls.

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

// may tells whether an agent may steer a call that another leg speaks on, in the
// transaction that writes the wish down.
type may func(tx *store.Tx, c *message.Call, agent uint64, speaker *message.CallLeg) error

// own lets agents steer the calls on which they speak.
func own(_ *store.Tx, _ *message.Call, agent uint64, speaker *message.CallLeg) error {
	if speaker.Agent != agent {
		return &ConflictError{"another agent speaks on this call: only they can do this"}
	}
	return nil
}

// spoken is the leg that speaks on a call, or why an agent may not steer it.
func spoken(tx *store.Tx, c *message.Call, agent uint64, may may) (*message.CallLeg, error) {
	l := c.Speaker()
	switch {
	case c.Over():
		return nil, &ConflictError{"this call is over"}
	case l == nil:
		return nil, &ConflictError{"nobody speaks with the customer now: take the call first"}
	}
	return l, may(tx, c, agent, l)
}

// steer writes a wish down, asks the provider for it, and takes it back if that
// fails. One by which the agent leaves stands if it may have come about: taken back,
// the agent's leaving would be the end of the call.
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
	if (do == connectors.Pass || do == connectors.HandOver) && connectors.ClassOf(err) == connectors.Unsure {
		return &ConflictError{err.Error() + "; it may have been done all the same, and else is tried again soon"}
	}
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
		l.Ref = cmp.Or(ref, l.Ref)
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
			l, err := spoken(tx, c, agent, own)
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
		l, err := spoken(tx, c, agent, own)
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

// HangUpCall ends a call for everybody.
func (h *Hub) HangUpCall(ctx context.Context, agent, id uint64) error {
	return h.hangUp(ctx, agent, id, own)
}

func (h *Hub) hangUp(ctx context.Context, agent, id uint64, may may) error {
	return h.steer(ctx, agent, id, connectors.HangUp, func(tx *store.Tx, c *message.Call) (string, error) {
		if c.State == message.CallDialling && len(c.Legs) > 0 {
			if err := may(tx, c, agent, &c.Legs[0]); err == nil {
				return c.Legs[0].ID, nil
			}
		}
		l, err := spoken(tx, c, agent, may)
		if err != nil {
			return "", err
		}
		return l.ID, nil
	}, func(*message.Call) {})
}
