package message

import (
	"bytes"
	"cmp"
	"encoding/json"
	"slices"
	"time"
)

// Outcome is what became of a call.
type Outcome string

// The outcomes of a call; "" while it goes on.
const (
	CallCancelled Outcome = "cancelled" // our side gave it up before it was connected
	CallFailed    Outcome = "failed"    // it could not be connected
	CallBusy      Outcome = "busy"      // it was refused as busy
	CallMissed    Outcome = "missed"    // nobody was spoken to
	CallVoicemail Outcome = "voicemail" // the caller left a message
	CallAnswered  Outcome = "answered"  // an agent and the customer spoke
)

var outcomeRank = map[Outcome]int{"": 0, CallCancelled: 1, CallFailed: 2, CallBusy: 3, CallMissed: 4, CallVoicemail: 5, CallAnswered: 6}

// CallState is what goes on in a call, as far as agents take part in it.
type CallState string

// The states of a call; "" while a caller is with the greeting, the menu or the
// machine, and before a call of ours rings anywhere.
const (
	CallWaiting  CallState = "waiting"  // the customer waits for somebody
	CallRinging  CallState = "ringing"  // it rings at agents
	CallDialling CallState = "dialling" // an agent waits for the customer to pick up
	CallTalking  CallState = "talking"
	CallHeld     CallState = "held" // the customer hears music
	CallEnded    CallState = "ended"
)

// Role is what a leg is for.
type Role string

// The roles of a leg.
const (
	AgentLeg    Role = "agent"    // it speaks with the customer
	ConsultLeg  Role = "consult"  // it is asked by an agent, who may hand the customer over
	CustomerLeg Role = "customer" // the customer of a call of ours
)

// How a leg ended that nobody picked up.
const (
	LegNoAnswer = "no-answer"
	LegBusy     = "busy"
	LegFailed   = "failed"
	LegDropped  = "dropped" // we gave it up
)

// CallLeg is one phone or browser that rang for a call. What is known of it only
// grows.
type CallLeg struct {
	ID       string    `json:"id"`               // ours, given before it rings
	Ref      string    `json:"ref,omitempty"`    // the provider's
	Agent    uint64    `json:"agent,omitempty"`  // whose it is
	Number   string    `json:"number,omitempty"` // E.164, if it is a phone
	Role     Role      `json:"role"`
	Began    time.Time `json:"began"`
	Answered time.Time `json:"answered,omitzero"` // picked up
	Spoke    time.Time `json:"spoke,omitzero"`    // from when on the customer was there
	Ended    time.Time `json:"ended,omitzero"`
	Result   string    `json:"result,omitempty"` // why nobody picked it up
}

// Rings tells whether nobody has picked the leg up yet.
func (l *CallLeg) Rings() bool { return l.Answered.IsZero() && l.Ended.IsZero() }

// Speaks tells whether the leg and the customer hear each other.
func (l *CallLeg) Speaks() bool { return !l.Spoke.IsZero() && l.Ended.IsZero() }

// CallSpan is a stretch of time, open while To is zero.
type CallSpan struct {
	From time.Time `json:"from"`
	To   time.Time `json:"to,omitzero"`
}

// The results of a transfer; "" while it is under way.
const (
	TransferDone       = "done"
	TransferCancelled  = "cancelled"
	TransferUnanswered = "unanswered"
)

// CallTransfer is one handing over of a call to an agent or a number.
type CallTransfer struct {
	Time   time.Time `json:"time"`
	By     uint64    `json:"by"` // the agent who began it
	Agent  uint64    `json:"agent,omitempty"`
	Number string    `json:"number,omitempty"` // E.164
	Warm   bool      `json:"warm,omitempty"`   // they speak first
	Leg    string    `json:"leg,omitempty"`    // CallLeg.ID, once it rings
	Done   time.Time `json:"done,omitzero"`
	Result string    `json:"result,omitempty"`
}

// CallWrapUp is what an agent notes of a call afterwards.
type CallWrapUp struct {
	Agent  uint64    `json:"agent"`
	Time   time.Time `json:"time"`
	Reason string    `json:"reason,omitempty"`
	Note   string    `json:"note,omitempty"`
}

// Call is what is known of a call. Connectors tell facts in any order and
// repeatedly; Holds, Transfers and WrapUp are the hub's. What stands under
// "derived" follows from the rest, see Merge.
type Call struct {
	Outcome Outcome `json:"outcome,omitempty"`
	Spoken  int     `json:"spoken,omitempty"` // how long the message left is, in seconds
	Choice  string  `json:"choice,omitempty"` // what the caller chose from the menu, in its words
	Closed  bool    `json:"closed,omitempty"` // it came outside business hours

	Queued time.Time `json:"queued,omitzero"` // since when the caller waits, or waited, for an agent
	Left   time.Time `json:"left,omitzero"`   // when waiting was given up and the machine took over
	Ended  time.Time `json:"ended,omitzero"`
	Legs   []CallLeg `json:"legs,omitempty"` // as they began to ring

	Holds     []CallSpan     `json:"holds,omitempty"`
	Transfers []CallTransfer `json:"transfers,omitempty"`
	WrapUp    *CallWrapUp    `json:"wrapup,omitempty"`

	// Derived. Talk is how long an agent and the customer spoke; if none did,
	// how long the line was open. All lengths are in seconds.
	Talk    int       `json:"talk,omitempty"`
	Wait    int       `json:"wait,omitempty"` // until somebody picked up, or it was given up
	Hold    int       `json:"hold,omitempty"`
	State   CallState `json:"state,omitempty"`
	Since   time.Time `json:"since,omitzero"`    // of the state
	Ringing []uint64  `json:"ringing,omitempty"` // agents at whom it rings now
	Agent   uint64    `json:"agent,omitempty"`   // who speaks, or spoke last
}

// maxLegs bounds what is kept of a call that rings for ever.
const maxLegs = 200

// Merge adds what other knows. News of a call come in any order and repeatedly:
// whatever the order, the same comes of them. That somebody picked up (Answered,
// Spoke) the hub writes down itself before anything can follow from it.
func (c Call) Merge(other Call) Call {
	if outcomeRank[other.Outcome] > outcomeRank[c.Outcome] {
		c.Outcome = other.Outcome
	}
	c.Talk, c.Spoken = max(c.Talk, other.Talk), max(c.Spoken, other.Spoken)
	c.Choice = max(c.Choice, other.Choice)
	c.Closed = c.Closed || other.Closed
	c.Queued, c.Left, c.Ended = first(c.Queued, other.Queued), first(c.Left, other.Left), first(c.Ended, other.Ended)
	c.Legs = slices.Clone(c.Legs)
	for _, l := range other.Legs {
		if mine := c.Leg(l.ID); mine != nil {
			mine.merge(&l)
		} else if len(c.Legs) < maxLegs {
			c.Legs = append(c.Legs, l)
		}
	}
	slices.SortFunc(c.Legs, func(a, b CallLeg) int { return cmp.Or(a.Began.Compare(b.Began), cmp.Compare(a.ID, b.ID)) })
	return c.Settled()
}

func (l *CallLeg) merge(o *CallLeg) {
	l.Ref, l.Number, l.Agent = cmp.Or(l.Ref, o.Ref), cmp.Or(l.Number, o.Number), max(l.Agent, o.Agent)
	l.Role = cmp.Or(l.Role, o.Role)
	l.Began, l.Answered, l.Spoke, l.Ended = first(l.Began, o.Began), first(l.Answered, o.Answered), first(l.Spoke, o.Spoke), first(l.Ended, o.Ended)
	l.Result = max(l.Result, o.Result)
}

// first is the earlier of two times, of which a zero one says nothing.
func first(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

// Leg finds a leg by its ID, nil if there is none.
func (c *Call) Leg(id string) *CallLeg {
	for i := range c.Legs {
		if c.Legs[i].ID == id {
			return &c.Legs[i]
		}
	}
	return nil
}

// Speaker is the leg that speaks with the customer, nil if none does; while one
// hands over to another, that one.
func (c *Call) Speaker() (s *CallLeg) {
	for i := range c.Legs {
		if l := &c.Legs[i]; l.Role != CustomerLeg && l.Speaks() && (s == nil || l.Spoke.After(s.Spoke)) {
			s = l
		}
	}
	return s
}

// Customer is the customer's leg of a call of ours, nil for one that came in.
func (c *Call) Customer() *CallLeg {
	for i := range c.Legs {
		if c.Legs[i].Role == CustomerLeg {
			return &c.Legs[i]
		}
	}
	return nil
}

// Over tells whether the call has ended.
func (c *Call) Over() bool { return c.Outcome != "" || !c.Ended.IsZero() }

// Held tells whether the customer is on hold.
func (c *Call) Held() bool {
	return len(c.Holds) > 0 && c.Holds[len(c.Holds)-1].To.IsZero()
}

// Pending is the transfer under way, nil if there is none.
func (c *Call) Pending() *CallTransfer {
	if n := len(c.Transfers); n > 0 && c.Transfers[n-1].Result == "" {
		return &c.Transfers[n-1]
	}
	return nil
}

// Equal tells whether both say the same.
func (c Call) Equal(other Call) bool {
	a, errA := json.Marshal(c)
	b, errB := json.Marshal(other)
	return errA == nil && errB == nil && bytes.Equal(a, b)
}

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
