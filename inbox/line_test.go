package inbox

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"throughline/accounts"
	"throughline/connectors"
	"throughline/connectors/connectortest"
	"throughline/message"
	"throughline/store"
)

// line is a line for calls whose provider is the test: what the hub asks for is done
// at once, unless it is told to fail.
type line struct {
	connectortest.Idle
	host connectors.Host
	in   *sink

	mu   sync.Mutex
	fail map[string]error // by act, "ring" or "drop"
	send func(m message.Message) (connectors.Receipt, error)
	back time.Duration // by when a missed call is to be called back
	slow chan struct{} // nil, or what ringing and steering are answered after
	rung chan message.CallLeg
	done chan string // the acts, and "drop" with the agent
}

func (l *line) failing(what string) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.fail[what]
}

func (l *line) fails(what string, err error) { l.mu.Lock(); l.fail[what] = err; l.mu.Unlock() }

func (l *line) Device(agent uint64) (connectors.Device, error) {
	if err := l.failing("device"); err != nil {
		return connectors.Device{}, err
	}
	return connectors.Device{Kind: "test", Token: "token"}, nil
}

func (l *line) Sources() []string { return []string{"https://phone.example.com"} }

func (l *line) Ring(_ context.Context, _ message.Message, leg message.CallLeg) (string, error) {
	l.rung <- leg
	l.waits()
	return "ref-" + leg.ID, l.failing("ring")
}

func (l *line) Drop(_ context.Context, _ message.Message, leg message.CallLeg) error {
	if leg.Ref == "" {
		return nil // the provider knows no such leg
	}
	l.done <- "drop " + leg.ID
	return l.failing("drop")
}

func (l *line) Steer(_ context.Context, _ message.Message, do connectors.Act, _ message.CallLeg) error {
	l.done <- string(do)
	l.waits()
	return l.failing(string(do))
}

func (l *line) waits() {
	l.mu.Lock()
	slow := l.slow
	l.mu.Unlock()
	if slow != nil {
		<-slow
	}
}

func (l *line) Send(_ context.Context, m message.Message) (connectors.Receipt, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.send(m)
}

const ourLine = "+12025550122"

// lines is the channel of calls.
func (w *world) lines() connectors.Kind {
	w.line = &line{fail: map[string]error{}, rung: make(chan message.CallLeg, 100), done: make(chan string, 100),
		Idle: connectortest.NewIdle(connectors.Info{Account: "line", Channel: "voice", Own: message.Person{Handle: "tel:" + ourLine},
			Writing: connectors.Writing{None: true, Chat: true}}),
		send: func(message.Message) (connectors.Receipt, error) { return connectors.Receipt{Ref: "ref-out"}, nil }}
	return connectors.Kind{Channel: "voice", Scheme: "tel", New: func(_ connectors.Account, h connectors.Host) (connectors.Connector, error) {
		w.line.host = h
		return w.line, nil
	}}
}

// open starts the line of a world.
func (w *world) openLine() *line {
	w.t.Helper()
	if _, err := w.Accounts.Create(w.t.Context(), accounts.NewAccount{ID: "line", Channel: "voice"}); err != nil {
		w.t.Fatal(err)
	}
	w.line.in = (<-w.line.Sinks).(*sink)
	return w.line
}

// ready makes agents ready.
func (w *world) ready(agents ...uint64) {
	w.t.Helper()
	for _, a := range agents {
		if err := w.SetReady(w.t.Context(), a, true, ""); err != nil {
			w.t.Fatal(err)
		}
	}
}

// rings lets a customer ring who waits for an agent, and returns the call's key. The
// first digit of its name is the last of his number.
func (w *world) rings(n string) string {
	w.t.Helper()
	m := message.Message{Channel: "voice", Account: "line", Key: "call-" + n, Source: "call-" + n, From: message.Person{Handle: "tel:+1202555014" + message.Handle(n[:1])},
		To: []message.Person{{Handle: "tel:" + ourLine}}, Kind: message.Human, Chat: true, Time: time.Now(), Call: &message.Call{}}
	w.tells("call-"+n, message.Call{Queued: time.Now().UTC()}, m)
	return m.Key
}

func (w *world) tells(of string, c message.Call, ms ...message.Message) {
	w.t.Helper()
	if err := w.line.in.Accept(w.t.Context(), connectors.Batch{Messages: ms, Changes: []message.Change{{Of: of, Time: time.Now(), Call: &c}}}); err != nil {
		w.t.Fatal(err)
	}
}

// legEnds tells that a leg has ended.
func (w *world) legEnds(of, leg, result string) {
	w.t.Helper()
	w.tells(of, message.Call{Legs: []message.CallLeg{{ID: leg, Ended: time.Now().UTC(), Result: result}}})
}

// rung waits until it rings at so many agents.
func (w *world) rung(n int) (legs map[uint64]message.CallLeg) {
	w.t.Helper()
	legs = map[uint64]message.CallLeg{}
	for range n {
		select {
		case l := <-w.line.rung:
			legs[l.Agent] = l
		case <-time.After(20 * time.Second):
			w.t.Fatalf("it rings at %v only", legs)
		}
	}
	return legs
}

// done waits until the provider was asked for all of this, in any order, and nothing
// else before.
func (w *world) done(what ...string) {
	w.t.Helper()
	for len(what) > 0 {
		select {
		case got := <-w.line.done:
			i := slices.Index(what, got)
			if i < 0 {
				w.t.Fatalf("asked for %q, want %q", got, what)
			}
			what = slices.Delete(what, i, i+1)
		case <-time.After(20 * time.Second):
			w.t.Fatalf("%q was not asked for", what)
		}
	}
}

// callIs waits until a call is as wanted.
func (w *world) callIs(of, what string, ok func(c *message.Call) bool) (r *Record) {
	w.t.Helper()
	wake, stop := w.Store.Watch()
	defer stop()
	deadline := time.After(20 * time.Second)
	for {
		w.view(func(tx *store.Tx) (err error) { r, err = w.callOf(tx, "line", of); return err })
		if ok(r.Call) {
			return r
		}
		select {
		case <-wake:
		case <-deadline:
			w.t.Fatalf("the call is not %s: %+v", what, *r.Call)
		}
	}
}

func in(state message.CallState) func(*message.Call) bool {
	return func(c *message.Call) bool { return c.State == state }
}

// takes picks a leg up.
func (w *world) takes(of string, leg message.CallLeg) bool {
	w.t.Helper()
	_, taken, err := w.line.host.Desk.Take(w.t.Context(), of, leg.ID)
	if err != nil {
		w.t.Fatal(err)
	}
	return taken
}

// taken is a call that agent 7 speaks on.
func (w *world) taken() (of string, id uint64) {
	w.t.Helper()
	w.openLine()
	w.ready(7)
	of = w.rings("1")
	if !w.takes(of, w.rung(1)[7]) {
		w.t.Fatal("not taken")
	}
	return of, w.callIs(of, "talking", func(c *message.Call) bool { return c.State == message.CallTalking && c.Legs[0].Ref != "" }).ID
}

func conflict(err error) bool { var c *ConflictError; return errors.As(err, &c) }
func invalid(err error) bool  { var i *InvalidError; return errors.As(err, &i) }
