package inbox

import (
	"context"
	"time"

	"throughline/connectors"
	"throughline/message"
	"throughline/store"
)

// Transfer is to whom a call is to go: an agent, or a number.
type Transfer struct {
	Agent  uint64
	Number string
	Warm   bool // speak first, while the customer is on hold
}

// TransferCall hands a call over. Cold, the agent leaves at once and the customer
// waits for the other one; warm, they speak first, and CompleteTransfer hands over.
func (h *Hub) TransferCall(ctx context.Context, agent, id uint64, to Transfer) error {
	if to.Agent != 0 && to.Agent == agent {
		return &InvalidError{"agent", "this is yourself: choose somebody else"}
	}
	return h.transfer(ctx, agent, id, to, own)
}

func (h *Hub) transfer(ctx context.Context, agent, id uint64, to Transfer, may may) error {
	if (to.Agent == 0) == (to.Number == "") {
		return &InvalidError{"agent", "give the agent or the number that the call is to go to"}
	}
	if to.Number != "" {
		var err error
		if to.Number, err = phoneNumber("number", to.Number); err != nil {
			return err
		}
	}
	again := false
	begin := func(tx *store.Tx, c *message.Call) (*message.CallLeg, error) {
		l, err := spoken(tx, c, agent, may)
		p := c.Pending()
		// Of unclear outcome: it is asked for once more, perhaps to somebody else.
		again = p != nil && !p.Warm && !to.Warm && p.Leg == ""
		switch {
		case err != nil:
			return nil, err
		case to.Agent != 0 && to.Agent == l.Agent:
			return nil, &InvalidError{"agent", "this agent speaks with the customer already: choose somebody else"}
		case p != nil && !again:
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
		if again {
			p.Agent, p.Number = to.Agent, to.Number
			return l, nil
		}
		c.Transfers = append(c.Transfers, message.CallTransfer{Time: tx.Now().UTC(), By: agent, Agent: to.Agent, Number: to.Number, Warm: to.Warm})
		return l, nil
	}
	giveUp := func(c *message.Call) {
		if t := c.Pending(); t != nil && !again { // a refusal now says nothing of the first time
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
		if _, err := spoken(tx, c, agent, own); err != nil {
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
// is being asked, or of which it is unclear whether the provider did it while the
// agent still speaks; or a call of one's own before the customer picked up.
func (h *Hub) CancelCall(ctx context.Context, agent, id uint64) error {
	t, err := h.onPhone(id)
	if err != nil {
		return err
	}
	var drop message.CallLeg
	resume := false
	m, err := h.callDo(ctx, agent, id, func(tx *store.Tx, c *message.Call) error {
		drop, resume = message.CallLeg{}, false
		if c.State == message.CallRinging || c.State == message.CallDialling {
			if len(c.Legs) > 0 && c.Queued.IsZero() && c.Legs[0].Agent == agent && len(c.Transfers) == 0 {
				drop = c.Legs[0]
				return nil
			}
		}
		if _, err := spoken(tx, c, agent, own); err != nil {
			return err
		}
		p := c.Pending()
		if p != nil && !p.Warm { // nothing shows yet that the customer was passed on
			p.Result = message.TransferCancelled
			return nil
		}
		if p == nil {
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
				giveUp(l, now)
			}
		})
	}
	if !resume {
		return nil
	}
	return h.HoldCall(ctx, agent, id, false)
}
