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
	Drop     bool      `json:"drop,omitempty"`   // we gave it up before the provider's name for it was known: it may ring on
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

	// Asked names whom the caller's choice leads to, teams or agents' addresses, and
	// Alone is until when it rings at nobody else.
	Asked []string  `json:"asked,omitempty"`
	Alone time.Time `json:"alone,omitzero"`

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
	if slices.Compare(other.Asked, c.Asked) > 0 {
		c.Asked = other.Asked
	}
	c.Alone = first(c.Alone, other.Alone)
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
