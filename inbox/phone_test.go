package inbox

import (
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"throughline/message"
	"throughline/store"
)

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

// The leg that rang an agent for one call is not that of another call, also when the
// first one is over, and for another process.
func TestLegOfAnotherCall(t *testing.T) {
	dir := t.TempDir()
	w := newWorldAt(t, dir, 0)
	w.openLine()
	w.ready(7)
	of := w.rings("1")
	w.rung(1)
	r := w.callIs(of, "ringing", func(c *message.Call) bool { return c.Legs[0].Ref != "" })
	ref := r.Call.Legs[0].Ref
	for _, tt := range []struct {
		what, account, ref string
		id                 uint64
		want               bool
	}{
		{"another call", "line", ref, r.ID + 1, true}, {"this call", "line", ref, r.ID, false},
		{"another account", "line-2", ref, r.ID + 1, false}, {"no leg", "line", "ref-none", r.ID + 1, false},
	} {
		if got := w.bornByOther(tt.account, tt.ref, tt.id); got != tt.want {
			t.Errorf("%s: %v", tt.what, got)
		}
	}
	w.tells(of, message.Call{Outcome: message.CallMissed, Ended: time.Now().UTC()})
	w.callIs(of, "over", in(message.CallEnded))
	w.close()
	w = newWorldAt(t, dir, 0)
	if !w.bornByOther("line", ref, r.ID+1) {
		t.Error("forgotten when the call was over")
	}
}

// Waiting ends, or somebody has the call: never both.
func TestLeave(t *testing.T) {
	dir := t.TempDir()
	w := newWorldAt(t, dir, 0)
	w.openLine()
	leave := func(of string) bool {
		t.Helper()
		left, err := w.line.host.Desk.Leave(t.Context(), of)
		if err != nil {
			t.Fatal(err)
		}
		return left
	}
	w.ready(7, 8)
	of := w.rings("1")
	legs := w.rung(2)
	var left, taken bool
	var all sync.WaitGroup
	all.Go(func() { left = leave(of) })
	all.Go(func() { taken = w.takes(of, legs[7]) })
	all.Wait()
	if left == taken {
		t.Fatalf("left: %v, taken: %v", left, taken)
	}
	w.tells(of, message.Call{Outcome: message.CallMissed, Ended: time.Now().UTC()})
	w.callIs(of, "over", in(message.CallEnded))
	if leave(of) {
		t.Error("waiting ends after the call")
	}
	of = w.rings("2")
	w.rung(2)
	w.callIs(of, "ringing", func(c *message.Call) bool { return c.Legs[0].Ref != "" && c.Legs[1].Ref != "" })
	if !leave(of) {
		t.Error("waiting does not end")
	}
	w.close()
	w = newWorldAt(t, dir, 0)
	w.line.in = (<-w.line.Sinks).(*sink)
	r := w.callIs(of, "left", func(c *message.Call) bool { return !c.Left.IsZero() })
	if !leave(of) || w.takes(of, r.Call.Legs[0]) || w.takes(of, r.Call.Legs[1]) {
		t.Errorf("%+v", r.Call)
	}
	of = w.rings("3")
	if !w.takes(of, w.rung(2)[7]) || leave(of) {
		t.Error("waiting ends though somebody has the call")
	}
}
