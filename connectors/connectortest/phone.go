package connectortest

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"throughline/connectors"
	"throughline/message"
)

// Line is a channel of calls with a provider to try its Phone on. The suite makes a new
// one for each of its tests.
type Line struct {
	// New makes the connector anew, as after a restart of the program, and has the
	// provider ask it, and nobody else, from now on. What it learns goes into in.
	New func(desk connectors.Desk, in connectors.Sink) connectors.Connector
	// Call lets a customer call the line.
	Call func() (Party, error)
	// Rings waits for what rings for a leg, and Customer for what rings at Number,
	// whom calls of ours are to.
	Rings    func(ctx context.Context, c connectors.Connector, leg message.CallLeg) (Party, error)
	Customer func(ctx context.Context) (Party, error)
	Number   message.Handle
	// Secrets must not appear in any token.
	Secrets []string
}

// Party is a phone or a browser at the provider.
type Party interface {
	Answer() error
	HangUp()
	// Talks waits until it is connected with the other side, Ended until it is
	// connected with nobody any more.
	Talks(ctx context.Context) error
	Ended(ctx context.Context) error
}

// RunPhone runs the part of the suite for calls that agents take.
func RunPhone(t *testing.T, setup func(t *testing.T) Line) {
	for _, tt := range []struct {
		name string
		test func(*testing.T, *call)
	}{
		{"a call that is taken, restarted at each step", callTaken},
		{"the first to pick up has it", callOfFirst},
		{"a leg that is dropped", callDropped},
		{"the caller leaves", callerLeaves},
		{"a call of ours, restarted at each step", callOut},
		{"a call of ours that nobody picks up", callOutMissed},
		{"browsers are signed in", signedIn},
	} {
		t.Run(tt.name, func(t *testing.T) {
			ignore := goleak.IgnoreCurrent()
			t.Cleanup(func() { goleak.VerifyNone(t, ignore) })
			c := &call{t: t, line: setup(t), board: newBoard()}
			c.restart()
			tt.test(t, c)
		})
	}
}

// call is one call under test.
type call struct {
	t     *testing.T
	line  Line
	board *board
	conn  connectors.Connector
	phone connectors.Phone
	of    string
}

// restart goes on with another connector, as a new process does.
func (c *call) restart() {
	c.t.Helper()
	c.conn = c.line.New(c.board, c.board)
	phone, ok := c.conn.(connectors.Phone)
	if !ok {
		c.t.Fatal("the connector is no Phone")
	}
	c.phone = phone
}

func (c *call) ctx() context.Context {
	ctx, cancel := context.WithTimeout(c.t.Context(), Patience)
	c.t.Cleanup(cancel)
	return ctx
}

func (c *call) must(err error) {
	c.t.Helper()
	if err != nil {
		c.t.Fatal(err)
	}
}

// comesIn lets a customer call until he waits for an agent.
func (c *call) comesIn() Party {
	c.t.Helper()
	customer, err := c.line.Call()
	c.must(err)
	c.of = c.board.wait(c.t, "a caller who waits", func(of string, call *message.Call) bool { return call.State == message.CallWaiting })
	return customer
}

// is waits until the call is as wanted.
func (c *call) is(what string, ok func(*message.Call) bool) *message.Call {
	c.t.Helper()
	c.board.wait(c.t, what, func(of string, call *message.Call) bool { return of == c.of && ok(call) })
	m, err := c.board.Call(c.t.Context(), c.of)
	c.must(err)
	return m.Call
}

func state(s message.CallState) func(*message.Call) bool {
	return func(c *message.Call) bool { return c.State == s }
}

// now is the call as it is known.
func (c *call) now() message.Message {
	c.t.Helper()
	m, err := c.board.Call(c.t.Context(), c.of)
	c.must(err)
	return m
}

// rings writes a leg down, and has it ring.
func (c *call) rings(id string, agent uint64) (Party, message.CallLeg) {
	c.t.Helper()
	leg := message.CallLeg{ID: id, Agent: agent, Role: message.AgentLeg, Began: time.Now().UTC()}
	c.board.writes(c.of, message.Call{Legs: []message.CallLeg{leg}})
	ref, err := c.phone.Ring(c.ctx(), c.now(), leg)
	c.must(err)
	if ref == "" {
		c.t.Fatal("Ring gives the leg no name")
	}
	leg.Ref = ref
	c.board.writes(c.of, message.Call{Legs: []message.CallLeg{leg}})
	p, err := c.line.Rings(c.ctx(), c.conn, leg)
	c.must(err)
	return p, leg
}

// settles checks that what was told comes to the same in any order and repeated.
func (c *call) settles() {
	c.t.Helper()
	c.board.mu.Lock()
	want, own, facts := *c.board.calls[c.of].Call, c.board.own[c.of], c.board.facts[c.of]
	c.board.mu.Unlock()
	for range 50 {
		var got message.Call
		for _, f := range own { // the hub writes before it asks
			got = got.Merge(f)
		}
		for _, i := range append(rand.Perm(len(facts)), rand.Perm(len(facts))...) {
			got = got.Merge(facts[i])
		}
		if !got.Equal(want) {
			c.t.Fatalf("told in another order the call is\n%+v, not\n%+v", got, want)
		}
	}
}

func callTaken(t *testing.T, c *call) {
	customer := c.comesIn()
	c.restart()
	agent, leg := c.rings("leg-a", 7)
	c.is("ringing", state(message.CallRinging))
	c.restart()
	c.must(agent.Answer())
	c.is("taken", state(message.CallTalking))
	c.must(agent.Talks(c.ctx()))
	c.must(customer.Talks(c.ctx()))
	for _, do := range []connectors.Act{connectors.Hold, connectors.Hold, connectors.Resume, connectors.Resume} {
		c.restart()
		if err := c.phone.Steer(c.ctx(), c.now(), do, leg); err != nil {
			t.Errorf("%s: %v", do, err)
		}
	}
	c.restart()
	c.must(c.phone.Steer(c.ctx(), c.now(), connectors.HangUp, leg))
	c.must(customer.Ended(c.ctx()))
	c.must(agent.Ended(c.ctx()))
	if got := c.is("over", state(message.CallEnded)); got.Outcome != message.CallAnswered || got.Agent != 7 {
		t.Errorf("%+v", got)
	}
	c.settles()
}

func callOfFirst(t *testing.T, c *call) {
	customer := c.comesIn()
	a, _ := c.rings("leg-a", 7)
	b, _ := c.rings("leg-b", 8)
	c.must(b.Answer())
	c.is("taken", state(message.CallTalking))
	c.restart()
	c.must(a.Answer())
	c.must(a.Ended(c.ctx()))
	if got := c.now().Call; got.Agent != 8 || got.Speaker() == nil || got.Speaker().ID != "leg-b" {
		t.Errorf("%+v", got)
	}
	customer.HangUp()
	c.must(b.Ended(c.ctx()))
	if got := c.is("over", state(message.CallEnded)); got.Outcome != message.CallAnswered || got.Agent != 8 {
		t.Errorf("%+v", got)
	}
	c.settles()
}

func callDropped(t *testing.T, c *call) {
	customer := c.comesIn()
	a, leg := c.rings("leg-a", 7)
	c.restart()
	for range 2 { // the second time it is over
		c.must(c.phone.Drop(c.ctx(), c.now(), leg))
	}
	c.must(a.Ended(c.ctx()))
	nameless := leg
	nameless.Ref = ""
	c.must(c.phone.Drop(c.ctx(), c.now(), nameless))
	c.is("waiting again", func(m *message.Call) bool { return m.State == message.CallWaiting && !m.Leg(leg.ID).Ended.IsZero() })
	customer.HangUp()
	if got := c.is("over", state(message.CallEnded)); got.Outcome != message.CallMissed {
		t.Errorf("%+v", got)
	}
	c.settles()
}

func callerLeaves(t *testing.T, c *call) {
	customer := c.comesIn()
	a, _ := c.rings("leg-a", 7)
	c.restart()
	customer.HangUp()
	if got := c.is("over", state(message.CallEnded)); got.Outcome != message.CallMissed {
		t.Errorf("%+v", got)
	}
	c.must(a.Answer()) // nobody is there any more
	c.must(a.Ended(c.ctx()))
	if got := c.now().Call; got.Outcome != message.CallMissed {
		t.Errorf("picked up too late: %+v", got)
	}
	c.settles()
}

// out makes a call of ours of which the agent's leg rings.
func (c *call) out() Party {
	c.t.Helper()
	m := message.Message{ID: 77, Token: "abcdefghijklmnop", Channel: c.conn.Info().Channel, Account: c.conn.Info().Account, Direction: message.Out,
		From: c.conn.Info().Own, To: []message.Person{{Handle: c.line.Number}}, Time: time.Now().UTC()}
	c.of = message.OwnRef(m.ID, m.Token)
	leg := message.CallLeg{ID: "leg-a", Agent: 7, Role: message.AgentLeg, Began: time.Now().UTC()}
	c.board.dials(c.of, m, leg)
	r, err := c.conn.Send(c.ctx(), c.now())
	c.must(err)
	leg.Ref = r.Ref
	c.board.writes(c.of, message.Call{Legs: []message.CallLeg{leg}})
	p, err := c.line.Rings(c.ctx(), c.conn, leg)
	c.must(err)
	return p
}

func callOut(t *testing.T, c *call) {
	agent := c.out()
	c.restart()
	c.must(agent.Answer())
	customer, err := c.line.Customer(c.ctx())
	c.must(err)
	c.is("the customer rings", state(message.CallDialling))
	c.restart()
	c.must(customer.Answer())
	c.is("they talk", state(message.CallTalking))
	c.must(agent.Talks(c.ctx()))
	c.restart()
	agent.HangUp()
	c.must(customer.Ended(c.ctx()))
	if got := c.is("over", state(message.CallEnded)); got.Outcome != message.CallAnswered || got.Agent != 7 {
		t.Errorf("%+v", got)
	}
	if _, err := c.conn.Send(c.ctx(), c.now()); connectors.ClassOf(err) != connectors.Reject {
		t.Errorf("sent again: %v", err)
	}
	c.settles()
}

func callOutMissed(t *testing.T, c *call) {
	agent := c.out()
	c.must(agent.Answer())
	customer, err := c.line.Customer(c.ctx())
	c.must(err)
	c.restart()
	c.must(c.phone.Steer(c.ctx(), c.now(), connectors.HangUp, *c.now().Call.Leg("leg-a")))
	c.must(agent.Ended(c.ctx()))
	c.must(customer.Ended(c.ctx()))
	if got := c.is("over", func(m *message.Call) bool { return m.Over() }); got.Outcome == message.CallAnswered {
		t.Errorf("%+v", got)
	}
	c.settles()
}

func signedIn(t *testing.T, c *call) {
	a, err := c.phone.Device(7)
	if errors.Is(err, connectors.ErrNoDevice) {
		return
	}
	c.must(err)
	b, err := c.phone.Device(8)
	c.must(err)
	if a.Kind == "" || a.Token == "" || a.Identity == "" || !a.Expires.After(time.Now()) || a.Identity == b.Identity || a.Token == b.Token {
		t.Error("a device has no token of its own, or one that is over")
	}
	if len(c.phone.Sources()) == 0 {
		t.Error("the page may talk to nobody")
	}
	for _, s := range c.line.Secrets {
		if strings.Contains(fmt.Sprintf("%+v", a), s) {
			t.Error("a secret is in a device")
		}
	}
	if at := time.Now(); !c.phone.CallBack(at).Equal(c.phone.CallBack(at)) {
		t.Error("CallBack is not the same for the same time")
	}
}
