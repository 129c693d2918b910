package twiliotest

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"
)

// patience is how long, in real time, Press and Speak wait for the call to reach a place where they are heard.
const patience = 20 * time.Second

// Call is one leg: the line between the double and one phone or browser. The test is the person at its far end.
type Call struct {
	s *Server

	// Fixed once made.
	sid, from, to, direction string
	parent                   *Call
	created                  time.Time
	callback                 string
	callbackMethod           string
	callbackEvents           []string
	fallback                 string
	params                   url.Values // custom parameters of a browser's call
	detect                   bool       // answering machine detection is on

	answered chan struct{} // closed by Answer
	gone     chan struct{} // closed when the leg is over for whatever reason
	in       chan input    // what the far end says and presses
	intr     chan struct{} // something is in pending
	goneOnce sync.Once

	// Of the leg's goroutine only.
	verbAt time.Duration // when the verb under way began
	verbs  string        // what a nested document may do; "" outside

	// Guarded by Server.mu.
	status     string
	endStatus  string // what it becomes when gone
	answeredBy string
	start      time.Time
	startAt    time.Duration
	length     time.Duration
	deleted    bool
	pending    []*interrupt
	verb       string
	heard      []string
	queueName  string
	confName   string
	peer       *Call
	children   []*Call
	sequence   int
	live       []*Recording
	documents  int
	muted      bool // by the browser at the far end
}

// input is what the far end does: digits, or speech of a length, with its words when a Gather is to understand them.
type input struct {
	digits string
	speech time.Duration
	words  string
	taken  chan struct{} // closed when it has been heard to its end
}

// interrupt takes a leg out of what it is doing.
type interrupt struct {
	kind   string // redirect, dequeue, kick
	to     source
	bridge *bridge
}

func (i *interrupt) Error() string { return "interrupted: " + i.kind }

var (
	errGone  = errors.New("the leg is over")
	errEnd   = errors.New("the document ended the call")
	errLeave = errors.New("left the queue")
)

// State is what a leg is doing.
type State struct {
	Status     string   // queued, ringing, in-progress, completed, busy, failed, no-answer, canceled
	Verb       string   // TwiML verb under way: Say, Gather, Dial, …; "" outside documents
	Heard      []string // text of each Say, URL of each Play, and words of those it talks to so far
	Queue      string   // friendly name of the queue it waits in
	Conference string   // friendly name of the conference it takes part in
	TalkingTo  string   // SID of the leg it is bridged with
	Recording  bool
	AnsweredBy string
}

// SID, From, To and Direction describe the leg as the API does; Direction is inbound, outbound-api or outbound-dial.
func (c *Call) SID() string       { return c.sid }
func (c *Call) From() string      { return c.from }
func (c *Call) To() string        { return c.to }
func (c *Call) Direction() string { return c.direction }

// Params returns the custom parameters that a Client noun gave to a browser.
func (c *Call) Params() url.Values { return c.params }

// State returns what the leg is doing now.
func (c *Call) State() State {
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	st := State{Status: c.status, Verb: c.verb, Heard: slices.Clone(c.heard), Queue: c.queueName, Conference: c.confName,
		Recording: len(c.live) > 0, AnsweredBy: c.answeredBy}
	if c.peer != nil {
		st.TalkingTo = c.peer.sid
	}
	return st
}

// WaitState waits until the leg is in a state for which match is true.
func (c *Call) WaitState(ctx context.Context, match func(State) bool) (State, error) {
	var st State
	err := c.s.Wait(ctx, func() bool { st = c.State(); return match(st) })
	if err != nil {
		err = fmt.Errorf("twiliotest: call %s to %s is still %+v: %w", c.sid, c.to, st, err)
	}
	return st, err
}

// WaitVerb waits until the leg runs a verb, e.g. "Gather".
func (c *Call) WaitVerb(ctx context.Context, verb string) error {
	_, err := c.WaitState(ctx, func(st State) bool { return st.Verb == verb })
	return err
}

// WaitEnd waits until the leg is over and returns its last status.
func (c *Call) WaitEnd(ctx context.Context) (string, error) {
	st, err := c.WaitState(ctx, func(st State) bool { return over(st.Status) })
	return st.Status, err
}

// Legs returns the legs that documents of this one dialled, in the order of dialling.
func (c *Call) Legs() []*Call {
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	return slices.Clone(c.children)
}

// Duration returns how long the leg has been, or was, connected, on the clock of lengths.
func (c *Call) Duration() time.Duration {
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	if c.status == "in-progress" {
		return c.s.clk.now() - c.startAt
	}
	return c.length
}

// over reports whether a call in this status has ended.
func over(status string) bool {
	switch status {
	case "completed", "busy", "failed", "no-answer", "canceled":
		return true
	}
	return false
}

// Answer picks a ringing leg up.
func (c *Call) Answer() error { return c.AnswerAs("human") }

// AnswerAs picks a ringing leg up; by is what answering machine detection makes of it: human, machine_start, fax.
func (c *Call) AnswerAs(by string) error {
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	if c.status != "ringing" || c.direction == "inbound" {
		return fmt.Errorf("twiliotest: call %s is %s (%s): only a ringing outgoing leg can be answered", c.sid, c.status, c.direction)
	}
	select {
	case <-c.answered:
		return fmt.Errorf("twiliotest: call %s is already answered", c.sid)
	case <-c.gone:
		return fmt.Errorf("twiliotest: call %s is over", c.sid)
	default:
	}
	c.answeredBy = by
	close(c.answered)
	return nil
}

// Decline refuses a ringing leg: the caller finds it busy.
func (c *Call) Decline() { c.end("busy") }

// Unreachable ends a ringing leg as a number that cannot be reached.
func (c *Call) Unreachable() { c.end("failed") }

// HangUp ends the leg from its far end.
func (c *Call) HangUp() {
	c.s.mu.Lock()
	status := "completed"
	if c.status != "in-progress" {
		status = "no-answer"
		if c.direction != "inbound" {
			status = "busy"
		}
	}
	c.s.mu.Unlock()
	c.end(status)
}

// end closes the leg; its goroutine does the rest.
func (c *Call) end(status string) {
	c.goneOnce.Do(func() {
		c.s.mu.Lock()
		c.endStatus = status
		c.s.mu.Unlock()
		close(c.gone)
	})
}

// Press presses digits (0-9, *, #) at the far end. It returns when the call has taken them, or an error when the call
// does not reach a place where it listens. Digits pressed while nobody gathers are lost at Twilio; here Press waits.
func (c *Call) Press(digits string) error {
	return c.give(input{digits: digits})
}

// Speak makes the far end speak for d, on the clock of lengths, and returns when that has passed; a frozen clock is moved
// by d. The words, if any, are what a Gather understands, what a transcription gets, and what those hear who are
// connected.
func (c *Call) Speak(d time.Duration, words ...string) error {
	return c.give(input{speech: d, words: strings.Join(words, " ")})
}

func (c *Call) give(i input) error {
	i.taken = make(chan struct{})
	t := time.NewTimer(patience)
	defer t.Stop()
	over := fmt.Errorf("twiliotest: call %s is over", c.sid)
	select {
	case c.in <- i:
	case <-c.gone:
		return over
	case <-t.C:
		return fmt.Errorf("twiliotest: call %s does not listen: %+v", c.sid, c.State())
	}
	select {
	case <-i.taken:
		return nil
	case <-c.gone:
	case <-c.s.ctx.Done():
	}
	select {
	case <-i.taken: // heard, and then the call was over at once
		return nil
	default:
		return over
	}
}

// Calls returns all legs, oldest first.
func (s *Server) Calls() []*Call {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.calls)
}

// OnRing sets what happens when a leg rings at an address ("+1555…", "client:ann", or "*" for every other one); f runs
// in a goroutine of its own and may call Answer, Decline and so on. A nil f lets it ring.
func (s *Server) OnRing(address string, f func(*Call)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.onRing[address] = f
}

// NextRinging waits for a leg that rings at an address ("*": anywhere) and returns it.
func (s *Server) NextRinging(ctx context.Context, address string) (*Call, error) {
	var found *Call
	err := s.Wait(ctx, func() bool {
		s.mu.Lock()
		defer s.mu.Unlock()
		i := slices.IndexFunc(s.calls, func(c *Call) bool { return c.ringsLocked() && (address == "*" || c.to == address) })
		if i >= 0 {
			found = s.calls[i]
		}
		return i >= 0
	})
	if err != nil {
		return nil, fmt.Errorf("twiliotest: nothing rings at %s: %w", address, err)
	}
	return found, nil
}

// ringsLocked reports whether the leg rings and nobody has answered or ended it yet; the caller holds mu.
func (c *Call) ringsLocked() bool {
	if c.status != "ringing" || c.direction == "inbound" || c.endStatus != "" {
		return false
	}
	select {
	case <-c.answered:
		return false
	default:
		return true
	}
}

// Call lets a phone ring one of the account's numbers. It returns as soon as the call exists; its documents run in the
// background. The error is for a number that the account does not have or that has no voice.
func (s *Server) Call(from, to string) (*Call, error) {
	s.mu.Lock()
	n, ok := s.numberLocked(to)
	s.mu.Unlock()
	if !ok || !n.Voice {
		return nil, fmt.Errorf("twiliotest: %q is not a voice number of the account", to)
	}
	c := s.newCall(from, to, "inbound", nil)
	c.callback, c.fallback = n.StatusCallback, n.VoiceFallbackURL
	c.callbackEvents = []string{"completed"}
	return c, s.begin(c, "ringing", func() error {
		return c.runSource(source{url: n.VoiceURL, method: n.VoiceMethod})
	})
}

// Connect lets a browser call: what Device.connect of the Voice SDK does with an access token for this identity and
// application. The parameters go to the application's voice URL as they are; "To" among them is the leg's To.
func (s *Server) Connect(identity, applicationSID string, params url.Values) (*Call, error) {
	a, ok := s.application(applicationSID)
	if !ok {
		return nil, fmt.Errorf("twiliotest: no application %s", applicationSID)
	}
	c := s.newCall("client:"+identity, params.Get("To"), "inbound", nil)
	c.params, c.callback, c.callbackEvents = params, a.StatusCallback, []string{"completed"}
	return c, s.begin(c, "ringing", func() error { return c.runSource(source{url: a.VoiceURL}) })
}

// newCall makes a leg without starting it.
func (s *Server) newCall(from, to, direction string, parent *Call) *Call {
	return &Call{s: s, sid: newSID("CA"), from: from, to: to, direction: direction, parent: parent, status: "queued",
		created: s.opt.Now(), answered: make(chan struct{}), gone: make(chan struct{}), in: make(chan input),
		intr: make(chan struct{}, 1)}
}

// begin files a leg and runs it.
func (s *Server) begin(c *Call, status string, run func() error) error {
	s.update(func() {
		c.status = status
		s.calls = append(s.calls, c)
		s.callByID[c.sid] = c
		if c.parent != nil {
			c.parent.children = append(c.parent.children, c)
		}
	})
	s.mu.Lock()
	closed := s.closed
	s.mu.Unlock()
	if closed {
		return errors.New("twiliotest: the server is closed")
	}
	s.spawn(func() {
		c.finish(run())
	})
	return nil
}
