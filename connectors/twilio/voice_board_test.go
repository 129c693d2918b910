package twilio

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"throughline/connectors/connectortest"
	"throughline/connectors/twilio/twiliotest"
	"throughline/message"
)

// board is a desk of agents over what the hub of these tests was given: who picks up
// first has the call. It outlives the lines that it is lent to.
type board struct {
	hub   *connectortest.Record
	mu    sync.Mutex
	ready bool
	legs  map[string]map[string]message.CallLeg // what the hub wrote down itself, by call
	holds map[string][]message.CallSpan
	own   map[string]message.Message // calls of ours
	left  map[string]time.Time       // when waiting was given up
	now   func() time.Time
	then  func() // what happens once after the next answer to the line
}

// answered lets happen what is to happen between an answer of the desk and what the
// line does then.
func (b *board) answered() {
	b.mu.Lock()
	then := b.then
	b.then = nil
	b.mu.Unlock()
	if then != nil {
		then()
	}
}

func (b *board) Staffed() (bool, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.ready, nil
}

func (b *board) Knows(name string) (bool, error) { return strings.HasSuffix(name, "@example.com"), nil }

// Call puts together what is known of a call.
func (b *board) Call(_ context.Context, of string) (message.Message, error) {
	defer b.answered()
	return b.known(of)
}

func (b *board) known(of string) (message.Message, error) {
	b.mu.Lock()
	m, ok := b.own[of]
	b.mu.Unlock()
	for _, o := range b.hub.Messages() {
		if o.Key == of {
			m, ok = o, true
		}
	}
	if !ok {
		return m, errors.New("no such call")
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	c := message.Call{Holds: b.holds[of], Left: b.left[of]}
	for _, l := range b.legs[of] {
		c = c.Merge(message.Call{Legs: []message.CallLeg{l}})
	}
	c = c.Merge(*m.Call)
	for _, ch := range b.hub.Changes() {
		if ch.Of == of && ch.Call != nil {
			c = c.Merge(*ch.Call)
		}
	}
	m.Call = &c
	return m, nil
}

func (b *board) Take(ctx context.Context, of, leg string) (message.Message, bool, error) {
	m, err := b.Call(ctx, of)
	if err != nil {
		return m, false, err
	}
	l := m.Call.Leg(leg)
	switch {
	case l == nil || !l.Ended.IsZero() || m.Call.Over() || l.Answered.IsZero() && !m.Call.Left.IsZero() || l.Answered.IsZero() && m.Call.Speaker() != nil && l.Role != message.ConsultLeg:
		return m, false, nil
	case !l.Answered.IsZero():
		return m, true, nil
	}
	now := time.Now().UTC()
	l.Answered = now
	if l.Role == message.AgentLeg && m.Direction != message.Out {
		l.Spoke = now
	}
	b.mu.Lock()
	b.legs[of][leg] = *l
	if m.Direction == message.Out {
		b.legs[of][customerLeg] = message.CallLeg{ID: customerLeg, Role: message.CustomerLeg, Began: now}
	}
	b.mu.Unlock()
	b.hub.Look() // the state of the call is another
	m, err = b.Call(ctx, of)
	return m, true, err
}

func (b *board) Leave(_ context.Context, of string) (bool, error) {
	m, err := b.known(of)
	if err != nil || m.Call.Over() || m.Call.Left.IsZero() && m.Call.State != message.CallWaiting && m.Call.State != message.CallRinging {
		return false, err
	}
	b.mu.Lock()
	if b.left[of].IsZero() {
		b.left[of] = b.now()
	}
	b.mu.Unlock()
	b.answered()
	return true, nil
}

// leg writes a leg down.
func (b *board) leg(of string, l message.CallLeg) message.CallLeg {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.legs[of] == nil {
		b.legs[of] = map[string]message.CallLeg{}
	}
	l.Began = time.Now().UTC()
	b.legs[of][l.ID] = l
	return l
}

// phoneRig is a line with agents.
type phoneRig struct {
	*lineRig
	board *board
}

func newPhoneRig(t *testing.T, set map[string]any) *phoneRig {
	t.Helper()
	all := map[string]any{"api_key": apiKey, "api_secret": apiSecret, "queue_prompt": "Hold on", "busy_prompt": "Nobody is free", "screen_prompt": "Press a key"}
	for k, v := range set {
		all[k] = v
	}
	r := &phoneRig{lineRig: newLineRig(t, all)}
	r.board = &board{hub: r.hub, ready: true, legs: map[string]map[string]message.CallLeg{}, holds: map[string][]message.CallSpan{}, own: map[string]message.Message{},
		left: map[string]time.Time{}, now: r.now}
	r.host.Desk = r.board
	r.restart(t)
	return r
}

// waiting lets a caller come as far as the queue, where all is heard and a pause follows.
func (r *phoneRig) waiting(t *testing.T) (*twiliotest.Call, string) {
	t.Helper()
	c := r.call(t)
	if _, err := c.WaitState(short(t), func(s twiliotest.State) bool {
		return s.Conference != "" && slices.Contains(s.Heard, "Hold on") && s.Verb == "Pause"
	}); err != nil {
		t.Fatal(err)
	}
	return c, keyPrefix + c.SID()
}

// meet waits until so many are in the conference and it runs.
func (r *phoneRig) meet(t *testing.T, n int) twiliotest.ConferenceState {
	t.Helper()
	must(t, r.Wait(short(t), func() bool {
		list := r.Conferences()
		return len(list) == 1 && list[0].Status == "in-progress" && len(list[0].Participants) == n
	}))
	return r.Conferences()[0]
}

func (r *phoneRig) known(t *testing.T, of string) message.Message {
	t.Helper()
	m, err := r.board.Call(t.Context(), of)
	must(t, err)
	return m
}

// rings lets a leg ring, and returns what rings there.
func (r *phoneRig) rings(t *testing.T, of string, l message.CallLeg) (*twiliotest.Call, message.CallLeg) {
	t.Helper()
	l = r.board.leg(of, l)
	ref, err := r.l.Ring(t.Context(), r.known(t, of), l)
	must(t, err)
	l.Ref = ref
	r.board.leg(of, l)
	c, err := r.NextRinging(short(t), r.l.target(l))
	must(t, err)
	return c, l
}

func (r *phoneRig) state(t *testing.T, of string, want message.CallState) message.Call {
	t.Helper()
	r.hub.Wait(t, "the call "+string(want), func() bool { return r.known(t, of).Call.State == want })
	return *r.known(t, of).Call
}

func (r *phoneRig) clean(t *testing.T) {
	t.Helper()
	if a := r.Alerts(); len(a) > 0 {
		t.Errorf("Twilio complains: %+v", a)
	}
	if n := r.Notes(); len(n) > 0 {
		t.Errorf("Twilio wonders: %q", n)
	}
}

func (b *board) Calls(context.Context) (list []message.Message, err error) {
	names := map[string]bool{}
	b.mu.Lock()
	for of := range b.own {
		names[of] = true
	}
	b.mu.Unlock()
	for _, m := range b.hub.Messages() {
		names[m.Key] = true
	}
	for of := range names {
		if m, err := b.Call(context.Background(), of); err == nil && m.Call.State != message.CallEnded && (m.Call.State != "" || !m.Call.Left.IsZero()) {
			list = append(list, m)
		}
	}
	return list, nil
}
