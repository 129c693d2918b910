package inbox

import (
	"context"
	"time"

	"throughline/connectors"
	"throughline/message"
	"throughline/store"
	"throughline/timeline"
)

// The desk of a line: it lets calls that wait ring at agents who are ready, gives
// them to who picks up first, and stops the ringing at the others. Which legs ring
// is on disk before they do.

const (
	// longestRing is how long a leg is believed to ring if nothing tells of its end.
	longestRing = 3 * time.Minute
	// maxRinging is at how many agents a call rings at a time.
	maxRinging = 20
	// phoneTimeout bounds one request to the provider.
	phoneTimeout = 30 * time.Second
)

// desk is what one line is lent.
type desk struct {
	hub     *Hub
	account string
}

var _ connectors.Desk = (*desk)(nil)

// Staffed tells whether any agent is ready.
func (d *desk) Staffed() (staffed bool, err error) {
	err = d.hub.Store.View(func(tx *store.Tx) error {
		agents, err := d.hub.ReadyAgents(tx)
		staffed = len(agents) > 0
		return err
	})
	return staffed, err
}

// Call reads a call.
func (d *desk) Call(_ context.Context, of string) (m message.Message, err error) {
	err = d.hub.Store.View(func(tx *store.Tx) error {
		r, err := d.hub.callOf(tx, d.account, of)
		if err == nil {
			m = r.Message
		}
		return err
	})
	return m, err
}

// Calls reads the calls of the line that go on.
func (d *desk) Calls(context.Context) (list []message.Message, err error) {
	err = d.hub.Store.View(func(tx *store.Tx) error {
		calls, err := d.hub.calling(tx, d.account)
		for _, r := range calls {
			list = append(list, r.Message)
		}
		return err
	})
	return list, err
}

func (h *Hub) callOf(tx *store.Tx, account, of string) (*Record, error) {
	r, err := h.item(tx, account, of)
	if err != nil {
		return nil, err
	}
	if r == nil || r.Call == nil {
		return nil, ErrNotFound
	}
	return r, nil
}

// Take gives a call to a leg that was picked up.
func (d *desk) Take(ctx context.Context, of, leg string) (m message.Message, taken bool, err error) {
	h := d.hub
	err = h.Store.Update(ctx, func(tx *store.Tx) error {
		r, err := h.callOf(tx, d.account, of)
		if err != nil {
			return err
		}
		m, taken = r.Message, false
		c := r.Call.Settled()
		if r.Direction == message.Out && len(r.To) == 0 {
			return nil // whom it was to is erased
		}
		taken = take(&c, leg, tx.Now().UTC())
		if taken {
			if r.Direction == message.Out && c.Queued.IsZero() && c.Customer() == nil {
				// From here on the provider calls the customer, and nobody else may.
				c.Legs = append(c.Legs, message.CallLeg{ID: customerLeg, Role: message.CustomerLeg, Number: r.To[0].Handle.Address(), Began: tx.Now().UTC()})
			}
			if err := h.saveCall(tx, r, c, c.Leg(leg).Agent); err != nil {
				return err
			}
		}
		m = r.Message
		return nil
	})
	return m, taken, err
}

// Leave ends the waiting for a call, unless a leg has it.
func (d *desk) Leave(ctx context.Context, of string) (left bool, err error) {
	h := d.hub
	err = h.Store.Update(ctx, func(tx *store.Tx) error {
		r, err := h.callOf(tx, d.account, of)
		if err != nil {
			return err
		}
		c := r.Call.Settled()
		if left = !c.Left.IsZero() && !c.Over(); left {
			return nil
		}
		if left = c.State == message.CallWaiting || c.State == message.CallRinging; !left {
			return nil
		}
		c.Left = tx.Now().UTC()
		return h.saveCall(tx, r, c, 0)
	})
	return left, err
}

// customerLeg names the customer's leg of a call of ours.
const customerLeg = "customer"

// take marks a leg as picked up if it may have the call.
func take(c *message.Call, id string, now time.Time) bool {
	l := c.Leg(id)
	switch {
	case l == nil || !l.Ended.IsZero() || c.Over():
		return false
	case !l.Answered.IsZero():
		return true
	case l.Role == message.ConsultLeg:
		if t := c.Pending(); t == nil || t.Leg != id {
			return false
		}
		l.Answered = now
		return true
	case c.Speaker() != nil, !c.Left.IsZero():
		return false
	}
	if c.Queued.IsZero() && len(c.Transfers) == 0 { // a call of ours, which only its first leg makes
		if c.Customer() != nil || c.Legs[0].ID != id {
			return false
		}
		l.Answered = now
		return true
	}
	l.Answered, l.Spoke = now, now
	return true
}

// saveCall stores what is known of a call anew and tells of it. agent is who did
// it, 0 for nobody.
func (h *Hub) saveCall(tx *store.Tx, r *Record, c message.Call, agent uint64) error {
	was := *r.Call
	c = c.Settled()
	if c.Equal(was) {
		return nil
	}
	r.Call = &c
	if err := h.messages.Put(tx, r.ID, r); err != nil {
		return err
	}
	if _, err := h.Timeline.Append(tx, timeline.Event{Kind: timeline.MessageCall, Actor: actorOrHub(agent), Conversation: r.Conversation, Message: r.ID, Quiet: true}); err != nil {
		return err
	}
	return h.callMoved(tx, r, &was)
}
