package message

import (
	"cmp"
	"slices"
	"time"
)

// Settled returns c with what is derived made anew.
func (c Call) Settled() Call {
	c.Legs, c.Holds, c.Transfers = slices.Clone(c.Legs), slices.Clone(c.Holds), slices.Clone(c.Transfers)
	customer := c.Customer()
	if customer != nil && customer.Answered.IsZero() {
		c.refused(customer)
		customer = nil
	}
	c.goes(customer)
	c.closeAll()
	spoke := c.measure()
	c.transferred()
	if n := len(c.Transfers); c.Outcome != "" && spoke {
		// Handed over to nobody, the customer was left alone after all.
		alone := !c.Left.IsZero() || n > 0 && !c.Transfers[n-1].Warm && c.Transfers[n-1].Result == TransferUnanswered && !c.spokeAfter(c.Transfers[n-1].Time)
		switch {
		case !alone:
			c.Outcome = CallAnswered
		case c.Outcome == CallAnswered && c.Spoken > 0:
			c.Outcome = CallVoicemail
		case c.Outcome == CallAnswered:
			c.Outcome = CallMissed
		}
	}
	c.present(customer)
	return c
}

// goes lets the agent of a call of ours speak from when the customer picked up, and
// ends a call that nobody takes part in any more.
func (c *Call) goes(customer *CallLeg) {
	var live, ours bool
	var last time.Time // somebody who spoke with the customer left
	for i := range c.Legs {
		l := &c.Legs[i]
		if l.Role == CustomerLeg {
			continue
		}
		if l.Role == AgentLeg && c.Queued.IsZero() && customer != nil && l.Spoke.IsZero() && !l.Answered.IsZero() {
			l.Spoke = customer.Answered
		}
		ours, live = true, live || l.Ended.IsZero()
		if !l.Spoke.IsZero() && l.Ended.After(last) {
			last = l.Ended
		}
	}
	switch {
	case customer != nil && !customer.Ended.IsZero():
		c.Ended = first(c.Ended, customer.Ended)
	case c.Speaker() == nil && !last.IsZero() && c.Left.IsZero() && !c.passed():
		// Who speaks with the customer takes the call along when leaving.
		c.Ended = first(c.Ended, last)
	case ours && !live && c.Queued.IsZero() && c.Customer() == nil:
		c.Outcome = cmp.Or(c.Outcome, CallCancelled)
	}
	if !c.Ended.IsZero() && c.Outcome == "" && (customer != nil || !last.IsZero()) {
		c.Outcome = CallAnswered
	}
}

// refused makes an outcome of a customer's leg that ended without having been
// picked up.
func (c *Call) refused(l *CallLeg) {
	if l.Ended.IsZero() {
		return
	}
	o := CallMissed
	switch l.Result {
	case LegBusy:
		o = CallBusy
	case LegFailed:
		o = CallFailed
	case LegDropped:
		o = CallCancelled
	}
	if outcomeRank[o] > outcomeRank[c.Outcome] {
		c.Outcome = o
	}
	c.Ended = first(c.Ended, l.Ended)
}

// passed tells whether the customer was passed on to wait for somebody else since
// somebody spoke with him last.
func (c *Call) passed() bool {
	n := len(c.Transfers)
	return n > 0 && !c.Transfers[n-1].Warm && c.Transfers[n-1].Result != TransferCancelled && !c.spokeAfter(c.Transfers[n-1].Time)
}

func (c *Call) spokeAfter(t time.Time) bool {
	return slices.ContainsFunc(c.Legs, func(l CallLeg) bool { return l.Role != CustomerLeg && l.Spoke.After(t) })
}

// transferred brings the transfer under way to its end if there is nothing left of it.
func (c *Call) transferred() {
	t := c.Pending()
	if t == nil {
		return
	}
	l := c.Leg(t.Leg)
	switch {
	case l != nil && !l.Spoke.IsZero():
		t.Result, t.Done = TransferDone, l.Spoke
	case c.Over(), !c.Left.IsZero(), l != nil && !l.Ended.IsZero() && l.Answered.IsZero():
		t.Result = TransferUnanswered
	case l != nil && !l.Ended.IsZero():
		t.Result = TransferCancelled
	}
}

// present makes what people see of the moment.
func (c *Call) present(customer *CallLeg) {
	c.Ringing, c.Agent = nil, 0
	var ring, answered time.Time // since when
	for i := range c.Legs {
		l := &c.Legs[i]
		if l.Role == CustomerLeg {
			continue
		}
		if !l.Spoke.IsZero() || c.Queued.IsZero() && l.Role == AgentLeg && c.Agent == 0 {
			c.Agent = l.Agent
		}
		switch {
		case c.Over():
		case l.Rings():
			if l.Agent != 0 {
				c.Ringing = append(c.Ringing, l.Agent)
			}
			if l.Role == AgentLeg {
				ring = first(ring, l.Began)
			}
		case l.Ended.IsZero():
			answered = first(answered, l.Answered)
		}
	}
	speaker := c.Speaker()
	c.State, c.Since = "", time.Time{}
	switch {
	case c.Over():
		c.State, c.Since = CallEnded, c.Ended
	case speaker != nil && c.Held():
		c.State, c.Since, c.Agent = CallHeld, c.Holds[len(c.Holds)-1].From, speaker.Agent
	case speaker != nil:
		c.State, c.Since, c.Agent = CallTalking, speaker.Spoke, speaker.Agent
		if n := len(c.Holds); n > 0 && c.Holds[n-1].To.After(c.Since) {
			c.Since = c.Holds[n-1].To
		}
	case !c.Left.IsZero():
	case !ring.IsZero():
		c.State, c.Since = CallRinging, ring
	case !c.Queued.IsZero() || customer != nil:
		c.State, c.Since = CallWaiting, c.lastMoment()
	case !answered.IsZero():
		c.State, c.Since = CallDialling, answered
	}
}

// closeAll ends what the end of the call ends. What still rings does so until it
// is told.
func (c *Call) closeAll() {
	if c.Ended.IsZero() {
		return
	}
	for i := range c.Legs {
		if l := &c.Legs[i]; !l.Answered.IsZero() && (l.Ended.IsZero() || l.Ended.After(c.Ended)) {
			l.Ended = c.Ended
		}
	}
	if n := len(c.Holds); n > 0 && c.Holds[n-1].To.IsZero() {
		c.Holds[n-1].To = c.Ended
	}
}

// measure makes the lengths and tells whether anybody spoke with the customer.
func (c *Call) measure() (spoke bool) {
	var talk, hold time.Duration
	var begin time.Time // somebody was there for the customer
	for i := range c.Legs {
		l := &c.Legs[i]
		if l.Role == CustomerLeg || l.Spoke.IsZero() {
			continue
		}
		spoke, begin = true, first(begin, l.Spoke)
		if !l.Ended.IsZero() {
			talk += max(0, l.Ended.Sub(l.Spoke))
		}
	}
	for _, h := range c.Holds {
		if !h.To.IsZero() {
			hold += max(0, h.To.Sub(h.From))
		}
	}
	if spoke {
		c.Talk, c.Hold = whole(max(0, talk-hold)), whole(hold)
	}
	from, to := c.Queued, first(begin, first(c.Left, c.Ended))
	if leg := c.Customer(); leg != nil {
		from, to = leg.Began, first(leg.Answered, first(leg.Ended, c.Ended))
	}
	if !from.IsZero() && !to.IsZero() {
		c.Wait = whole(max(0, to.Sub(from)))
	}
	return spoke
}

func whole(d time.Duration) int { return int(d.Round(time.Second) / time.Second) }

// lastMoment is since when a customer waits: from the end of the last leg that
// spoke with him, or from the beginning.
func (c *Call) lastMoment() (t time.Time) {
	t = c.Queued
	for i := range c.Legs {
		if l := &c.Legs[i]; !l.Spoke.IsZero() && l.Role != CustomerLeg && l.Ended.After(t) {
			t = l.Ended
		}
	}
	return t
}
