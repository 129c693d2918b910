package inbox

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
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
	slow chan struct{} // nil, or what a leg's ringing is answered after
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
	if l.slow != nil {
		<-l.slow
	}
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
	return l.failing(string(do))
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

// A call rings at everybody who is ready and free; the first one has it.
func TestDesk(t *testing.T) {
	w := newWorld(t)
	w.openLine()
	w.ready(7, 8)
	of := w.rings("1")
	legs := w.rung(2)
	r := w.callIs(of, "ringing", func(c *message.Call) bool { return len(c.Ringing) == 2 && c.Legs[0].Ref != "" && c.Legs[1].Ref != "" })
	if r.Call.State != message.CallRinging || w.conversation(r.Conversation).Unread != 1 {
		t.Errorf("%+v", r.Call)
	}
	// Another one waits: both are being rung already.
	other := w.rings("2")
	w.callIs(other, "waiting", in(message.CallWaiting))
	var wins []uint64
	var mu sync.Mutex
	var all sync.WaitGroup
	for agent, l := range legs {
		all.Go(func() {
			if w.takes(of, l) {
				mu.Lock()
				wins = append(wins, agent)
				mu.Unlock()
			}
		})
	}
	all.Wait()
	if len(wins) != 1 {
		t.Fatalf("%v have the call", wins)
	}
	won, lost := wins[0], 15-wins[0]
	w.done("drop " + legs[lost].ID)
	r = w.callIs(of, "talking", func(c *message.Call) bool {
		return c.State == message.CallTalking && !c.Leg(legs[lost].ID).Ended.IsZero()
	})
	if c := w.conversation(r.Conversation); r.Call.Agent != won || c.Assignee != won || c.Unread != 0 || !c.Waiting.IsZero() {
		t.Errorf("%+v, %+v", r.Call, c)
	}
	if !w.takes(of, legs[won]) || w.takes(of, legs[lost]) {
		t.Error("asked again, the answer is another one")
	}
	// Who is free again is rung for the one who still waits.
	if l := w.rung(1)[lost]; l.ID == "" {
		t.Error("the free agent is not rung for the next call")
	}
	w.legEnds(of, legs[won].ID, "")
	w.callIs(of, "over", func(c *message.Call) bool { return c.State == message.CallEnded && c.Outcome == message.CallAnswered })
	w.rung(1) // now both are rung for the other one
}

// Who becomes ready while somebody waits is rung, once for each call.
func TestDeskLater(t *testing.T) {
	w := newWorld(t)
	w.openLine()
	of := w.rings("1")
	w.callIs(of, "waiting", in(message.CallWaiting))
	if staffed, err := w.line.host.Desk.Staffed(); staffed || err != nil {
		t.Errorf("%v %v", staffed, err)
	}
	w.ready(7)
	l := w.rung(1)[7]
	w.legEnds(of, l.ID, message.LegNoAnswer)
	w.callIs(of, "waiting again", in(message.CallWaiting))
	w.line.fails("ring", errors.New("no line"))
	w.ready(8)
	failed := w.rung(1)[8]
	w.callIs(of, "waiting after a failure", func(c *message.Call) bool { l := c.Leg(failed.ID); return l != nil && l.Result == message.LegFailed })
	if w.takes(of, failed) {
		t.Error("a leg that has ended takes the call")
	}
	w.tells(of, message.Call{Outcome: message.CallMissed, Ended: time.Now().UTC()})
	r := w.callIs(of, "missed", in(message.CallEnded))
	if c := w.conversation(r.Conversation); r.Call.Outcome != message.CallMissed || c.Unread != 1 || c.Waiting.IsZero() {
		t.Errorf("%+v %+v", r.Call, c)
	}
	select {
	case l := <-w.line.rung:
		t.Errorf("rung again: %+v", l)
	default:
	}
}

// A caller for whom nobody is left to be asked keeps those behind him from nobody.
func TestDeskBehind(t *testing.T) {
	w := newWorld(t)
	w.openLine()
	w.ready(7)
	w.ready(8)
	first := w.rings("1")
	legs := w.rung(2)
	second := w.rings("2")
	w.callIs(second, "waiting", in(message.CallWaiting))
	w.legEnds(first, legs[8].ID, message.LegNoAnswer)
	l, ok := w.rung(1)[8]
	if !ok || !w.takes(second, l) {
		t.Errorf("the second call does not ring where one is free: %+v", l)
	}
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

func TestHold(t *testing.T) {
	w := newWorld(t)
	of, id := w.taken()
	ctx := t.Context()
	if err := w.HoldCall(ctx, 8, id, true); !conflict(err) {
		t.Errorf("somebody else: %v", err)
	}
	if err := w.HoldCall(ctx, 7, id, false); !conflict(err) {
		t.Errorf("not held: %v", err)
	}
	if err := w.HoldCall(ctx, 7, id, true); err != nil {
		t.Fatal(err)
	}
	w.done("hold")
	w.callIs(of, "held", in(message.CallHeld))
	w.line.fails("resume", errors.New("the provider says no"))
	if err := w.HoldCall(ctx, 7, id, false); !conflict(err) || !strings.Contains(err.Error(), "says no") {
		t.Errorf("%v", err)
	}
	w.done("resume")
	w.callIs(of, "still held", in(message.CallHeld))
	w.line.fails("resume", nil)
	if err := w.HoldCall(ctx, 7, id, false); err != nil {
		t.Fatal(err)
	}
	w.done("resume")
	w.line.fails("hold", errors.New("the provider says no"))
	if err := w.HoldCall(ctx, 7, id, true); !conflict(err) {
		t.Errorf("%v", err)
	}
	w.done("hold")
	if c := w.callIs(of, "talking", in(message.CallTalking)).Call; len(c.Holds) != 1 {
		t.Errorf("%+v", c.Holds)
	}
}

// Cold, to an agent who does not pick up: it rings at the others, and when nobody
// takes it the matter comes back.
func TestColdTransfer(t *testing.T) {
	w := newWorld(t)
	of, id := w.taken()
	for _, to := range []Transfer{{}, {Agent: 8, Number: "+12025550177"}, {Agent: 7}, {Number: "12"}} {
		if err := w.TransferCall(t.Context(), 7, id, to); !invalid(err) {
			t.Errorf("%+v: %v", to, err)
		}
	}
	w.line.fails("pass", errors.New("the provider says no"))
	if err := w.TransferCall(t.Context(), 7, id, Transfer{Agent: 8}); !conflict(err) {
		t.Errorf("%v", err)
	}
	w.done("pass")
	w.callIs(of, "talking", func(c *message.Call) bool { return c.State == message.CallTalking && c.Pending() == nil })
	w.line.fails("pass", nil)
	if err := w.TransferCall(t.Context(), 7, id, Transfer{Agent: 8}); err != nil {
		t.Fatal(err)
	}
	w.done("pass")
	w.legEnds(of, w.callIs(of, "passed", func(*message.Call) bool { return true }).Call.Legs[0].ID, "")
	l := w.rung(1)[8]
	if l.ID == "" {
		t.Fatal("it does not ring at 8")
	}
	w.callIs(of, "ringing at 8", func(c *message.Call) bool { return slices.Equal(c.Ringing, []uint64{8}) })
	w.legEnds(of, l.ID, message.LegBusy)
	back := w.rung(1)[7] // who is ready: the one who passed it on
	if back.ID == "" {
		t.Fatal("it rings at nobody")
	}
	w.tells(of, message.Call{Left: time.Now().UTC()})
	w.done("drop " + back.ID)
	w.tells(of, message.Call{Outcome: message.CallMissed, Ended: time.Now().UTC()})
	r := w.callIs(of, "missed", in(message.CallEnded))
	if c := w.conversation(r.Conversation); r.Call.Outcome != message.CallMissed || r.Call.Agent != 7 || r.Call.Transfers[1].Result != message.TransferUnanswered || c.Waiting.IsZero() {
		t.Errorf("%+v %+v", r.Call, c)
	}
}

// Cold, to a number that takes it.
func TestColdTransferTaken(t *testing.T) {
	w := newWorld(t)
	of, id := w.taken()
	if err := w.TransferCall(t.Context(), 7, id, Transfer{Number: "+1 202 555 0177"}); err != nil {
		t.Fatal(err)
	}
	w.done("pass")
	w.legEnds(of, w.callIs(of, "passed", func(*message.Call) bool { return true }).Call.Legs[0].ID, "")
	l := w.rung(1)[0]
	if l.Number != "+12025550177" || !w.takes(of, l) {
		t.Fatalf("%+v", l)
	}
	r := w.callIs(of, "talking", in(message.CallTalking))
	if r.Call.Agent != 0 || r.Call.Transfers[0].Result != message.TransferDone {
		t.Errorf("%+v", r.Call)
	}
	w.legEnds(of, l.ID, "")
	if r = w.callIs(of, "over", in(message.CallEnded)); r.Call.Outcome != message.CallAnswered {
		t.Errorf("%+v", r.Call)
	}
}

func TestWarmTransfer(t *testing.T) {
	w := newWorld(t)
	of, id := w.taken()
	ctx := t.Context()
	if err := w.CompleteTransfer(ctx, 7, id); !conflict(err) {
		t.Errorf("%v", err)
	}
	ask := func() message.CallLeg {
		t.Helper()
		if err := w.TransferCall(ctx, 7, id, Transfer{Agent: 8, Warm: true}); err != nil {
			t.Fatal(err)
		}
		w.done("hold")
		return w.rung(1)[8]
	}
	// Taken back while it rings.
	l := ask()
	if err := w.CompleteTransfer(ctx, 7, id); !conflict(err) {
		t.Errorf("nobody has picked up: %v", err)
	}
	if err := w.CancelCall(ctx, 7, id); err != nil {
		t.Fatal(err)
	}
	w.done("drop "+l.ID, "resume")
	w.callIs(of, "talking", in(message.CallTalking))
	// Nobody picks up.
	l = ask()
	w.legEnds(of, l.ID, message.LegNoAnswer)
	w.callIs(of, "held", func(c *message.Call) bool { return c.State == message.CallHeld && c.Pending() == nil })
	if err := w.CancelCall(ctx, 7, id); err != nil {
		t.Fatal(err)
	}
	w.done("resume")
	// Handed over, at the second try.
	l = ask()
	if !w.takes(of, l) {
		t.Fatal("not taken")
	}
	w.line.fails("hand_over", errors.New("the provider says no"))
	if err := w.CompleteTransfer(ctx, 7, id); !conflict(err) {
		t.Errorf("%v", err)
	}
	w.done("hand_over")
	w.callIs(of, "held", func(c *message.Call) bool { return c.State == message.CallHeld && c.Agent == 7 && c.Pending() != nil })
	w.line.fails("hand_over", nil)
	if err := w.CompleteTransfer(ctx, 7, id); err != nil {
		t.Fatal(err)
	}
	w.done("hand_over")
	r := w.callIs(of, "with 8", func(c *message.Call) bool { return c.State == message.CallTalking && c.Agent == 8 })
	w.legEnds(of, r.Call.Legs[0].ID, "")
	w.callIs(of, "still with 8", in(message.CallTalking))
	if err := w.HangUpCall(ctx, 7, id); !conflict(err) {
		t.Errorf("who has left: %v", err)
	}
	if err := w.HangUpCall(ctx, 8, id); err != nil {
		t.Fatal(err)
	}
	w.done("hang_up")
	w.legEnds(of, l.ID, "")
	r = w.callIs(of, "over", in(message.CallEnded))
	var results []string
	for _, tr := range r.Call.Transfers {
		results = append(results, tr.Result)
	}
	if !slices.Equal(results, []string{message.TransferCancelled, message.TransferUnanswered, message.TransferDone}) || len(r.Call.Holds) != 3 {
		t.Errorf("%+v", r.Call)
	}
	if err := w.WrapUpCall(ctx, 8, id, " Order ", "in blue"); err != nil {
		t.Fatal(err)
	}
	if u := w.callIs(of, "noted", func(c *message.Call) bool { return c.WrapUp != nil }).Call.WrapUp; u.Reason != "Order" || u.Agent != 8 {
		t.Errorf("%+v", u)
	}
	if err := w.WrapUpCall(ctx, 8, id, strings.Repeat("x", maxReason+1), ""); !invalid(err) {
		t.Errorf("%v", err)
	}
	if err := w.WrapUpCall(ctx, 8, id, "", strings.Repeat("x", maxCallNote+1)); !invalid(err) {
		t.Errorf("%v", err)
	}
}

// A call of ours is made once, to somebody who may be called.
func TestDial(t *testing.T) {
	w := newWorld(t)
	w.openLine()
	ctx := t.Context()
	o := CallOut{Agent: 7, Account: "line", To: "tel:+12025550143", Key: "k"}
	for name, bad := range map[string]CallOut{
		"account": {Agent: 7, Account: "support", To: o.To}, "no account": {Agent: 7, Account: "x", To: o.To},
		"mail": {Agent: 7, Account: "line", To: "mailto:ann@example.org"}, "us": {Agent: 7, Account: "line", To: "tel:" + ourLine},
		"key": {Agent: 7, Account: "line", To: o.To, Key: strings.Repeat("k", MaxKey+1)},
	} {
		if _, err := w.Dial(ctx, bad); !invalid(err) {
			t.Errorf("%s: %v", name, err)
		}
	}
	seq, err := w.Dial(ctx, o)
	if err != nil {
		t.Fatal(err)
	}
	if again, err := w.Dial(ctx, o); err != nil || again != seq {
		t.Errorf("again: %d %v", again, err)
	}
	if _, err := w.Dial(ctx, CallOut{Agent: 7, Account: "line", To: o.To}); !conflict(err) {
		t.Errorf("while on the phone: %v", err)
	}
	r := w.messageOf(seq)
	of := message.OwnRef(r.ID, r.Token)
	w.delivery(r.ID, func(d *Delivery) bool { return d.Status == message.Sent })
	leg := w.messageOf(seq).Call.Legs[0]
	if leg.Ref != "ref-out" {
		t.Errorf("%+v", leg)
	}
	for range 2 { // asked again, it still has it
		if !w.takes(of, leg) {
			t.Fatal("the agent's leg does not have the call")
		}
	}
	c := w.callIs(of, "dialling", in(message.CallDialling)).Call
	if c.Customer() == nil || c.Customer().Number != "+12025550143" || c.Agent != 7 {
		t.Errorf("%+v", c)
	}
	w.tells(of, message.Call{Legs: []message.CallLeg{{ID: customerLeg, Role: message.CustomerLeg, Ended: time.Now().UTC(), Result: message.LegBusy}}})
	r = w.callIs(of, "over", in(message.CallEnded))
	if r.Call.Outcome != message.CallBusy || w.conversation(r.Conversation).Assignee != 7 {
		t.Errorf("%+v", r.Call)
	}
	// The next one goes on in the same conversation, and is refused by the provider.
	w.line.mu.Lock()
	w.line.send = func(message.Message) (connectors.Receipt, error) {
		return connectors.Receipt{}, &connectors.SendError{Class: connectors.Reject, Reason: "no such number"}
	}
	w.line.mu.Unlock()
	if seq, err = w.Dial(ctx, CallOut{Agent: 7, Account: "line", To: o.To}); err != nil {
		t.Fatal(err)
	}
	second := w.messageOf(seq)
	of = message.OwnRef(second.ID, second.Token)
	if got := w.callIs(of, "failed", in(message.CallEnded)); got.Call.Outcome != message.CallFailed || second.Conversation != r.Conversation {
		t.Errorf("%+v", got.Call)
	}
	w.view(func(tx *store.Tx) error {
		_, ok := w.Identity.Find(tx, o.To)
		if !ok {
			t.Error("the customer has no handle")
		}
		return nil
	})
	if err := w.SetConsent(ctx, 7, o.To, "voice", "", message.OptOut, "told us so"); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Dial(ctx, CallOut{Agent: 7, Account: "line", To: o.To}); !conflict(err) || !strings.Contains(err.Error(), "told us so") {
		t.Errorf("opted out: %v", err)
	}
}

// An agent takes back a call before the customer has picked up.
func TestCancelDial(t *testing.T) {
	w := newWorld(t)
	w.openLine()
	seq, err := w.Dial(t.Context(), CallOut{Agent: 7, Account: "line", To: "tel:+12025550143"})
	if err != nil {
		t.Fatal(err)
	}
	r := w.messageOf(seq)
	w.delivery(r.ID, func(d *Delivery) bool { return d.Status == message.Sent })
	if err := w.CancelCall(t.Context(), 8, r.ID); !conflict(err) {
		t.Errorf("somebody else: %v", err)
	}
	if err := w.CancelCall(t.Context(), 7, r.ID); err != nil {
		t.Fatal(err)
	}
	w.done("drop " + r.Call.Legs[0].ID)
	of := message.OwnRef(r.ID, r.Token)
	if c := w.callIs(of, "over", in(message.CallEnded)).Call; c.Outcome != message.CallCancelled {
		t.Errorf("%+v", c)
	}
	if w.takes(of, r.Call.Legs[0]) {
		t.Error("picked up after all, the customer is called")
	}
}

// Another process goes on with the calls of this one.
func TestDeskOverRestart(t *testing.T) {
	dir := t.TempDir()
	w := newWorldAt(t, dir, 0)
	w.openLine()
	w.ready(7)
	of := w.rings("1")
	l := w.rung(1)[7]
	w.callIs(of, "ringing", func(c *message.Call) bool { return c.Legs[0].Ref != "" })
	w.close()
	w = newWorldAt(t, dir, 0)
	w.line.in = (<-w.line.Sinks).(*sink)
	w.callIs(of, "ringing", in(message.CallRinging))
	w.ready(8)
	w.rung(1)
	if !w.takes(of, l) {
		t.Error("the leg that rang before does not have the call")
	}
}

func TestReadiness(t *testing.T) {
	w := newWorld(t)
	if err := w.SetReady(t.Context(), 7, true, "020 7946"); !invalid(err) {
		t.Errorf("%v", err)
	}
	for _, a := range []uint64{9, 7} {
		if err := w.SetReady(t.Context(), a, true, "+44 7700 900123"); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.NotReady(t.Context(), 7); err != nil {
		t.Fatal(err)
	}
	w.view(func(tx *store.Tx) error {
		ready, err := w.ReadyAgents(tx)
		r, err2 := w.Readiness(tx, 7)
		if !slices.Equal(ready, []uint64{9}) || r.Ready || r.Number != "+447700900123" {
			t.Errorf("%v %+v", ready, r)
		}
		return errors.Join(err, err2)
	})
}
