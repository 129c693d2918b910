package inbox

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"throughline/message"
)

// killed is the world of a process that begins with what is on disk now, as after a
// kill of this one, whose requests under way are answered afterwards.
func (w *world) killed() *world {
	w.t.Helper()
	dir := w.t.TempDir()
	f, err := os.Create(filepath.Join(dir, "hub.db"))
	if err == nil {
		_, err = w.Store.Backup(w.t.Context(), f)
	}
	if err == nil {
		err = f.Close()
	}
	if err != nil {
		w.t.Fatal(err)
	}
	close(w.line.slow)
	w.close()
	next := newWorldAt(w.t, dir, 0)
	next.line.in = (<-next.line.Sinks).(*sink)
	return next
}

// slowly lets the provider answer only when this process is gone.
func (w *world) slowly() { w.line.mu.Lock(); w.line.slow = make(chan struct{}); w.line.mu.Unlock() }

// A kill between writing a leg down and asking for it: the next process lets another
// one ring for the same agent, and the one of which nobody knows has nothing.
func TestKilledBeforeRinging(t *testing.T) {
	w := newWorld(t)
	w.openLine()
	w.slowly()
	w.ready(7)
	of := w.rings("1")
	lost := w.rung(1)[7]
	w = w.killed()
	l := w.rung(1)[7]
	if l.ID == "" || l.ID == lost.ID {
		t.Fatalf("%+v rings", l)
	}
	w.callIs(of, "ringing", func(c *message.Call) bool {
		return c.State == message.CallRinging && len(c.Ringing) == 1 && c.Leg(l.ID).Ref != "" && c.Leg(lost.ID).Drop
	})
	// It rings after all, and is picked up.
	w.tells(of, message.Call{Legs: []message.CallLeg{{ID: lost.ID, Ref: "ref-lost"}}})
	w.done("drop " + lost.ID)
	if w.takes(of, lost) || !w.takes(of, l) {
		t.Error("the lost leg has the call, or the other one has it not")
	}
	select {
	case l := <-w.line.rung:
		t.Errorf("it rings at %+v too", l)
	default:
	}
}

// A kill between writing down that a colleague is asked and asking for it.
func TestKilledBeforeAsking(t *testing.T) {
	w := newWorld(t)
	of, id := w.taken()
	w.slowly()
	go func() { _ = w.TransferCall(t.Context(), 7, id, Transfer{Agent: 8, Warm: true}) }()
	w.done("hold")
	w = w.killed()
	w.done("hold")
	l := w.rung(1)[8]
	if l.Role != message.ConsultLeg || !w.takes(of, l) {
		t.Fatalf("%+v", l)
	}
	if err := w.CompleteTransfer(t.Context(), 7, id); err != nil {
		t.Fatal(err)
	}
	w.done("hand_over")
	w.callIs(of, "with 8", func(c *message.Call) bool { return c.State == message.CallTalking && c.Agent == 8 })
}

// A kill between writing down that the customer is left to a colleague and asking for it.
func TestKilledBeforeHandingOver(t *testing.T) {
	w := newWorld(t)
	of, id := w.taken()
	if err := w.TransferCall(t.Context(), 7, id, Transfer{Agent: 8, Warm: true}); err != nil {
		t.Fatal(err)
	}
	w.done("hold")
	if !w.takes(of, w.rung(1)[8]) {
		t.Fatal("not taken")
	}
	w.slowly()
	go func() { _ = w.CompleteTransfer(t.Context(), 7, id) }()
	w.done("hand_over")
	w = w.killed()
	w.done("hand_over")
}

// A kill between writing a cold transfer down and asking for it: it is asked for by
// the next process, or taken back.
func TestKilledBeforePassing(t *testing.T) {
	w := newWorld(t)
	of, id := w.taken()
	w.slowly()
	go func() { _ = w.TransferCall(t.Context(), 7, id, Transfer{Agent: 8}) }()
	w.done("pass")
	w = w.killed()
	w.done("pass")
	w.legEnds(of, w.callIs(of, "passed", in(message.CallTalking)).Call.Legs[0].ID, "")
	if l := w.rung(1)[8]; !w.takes(of, l) {
		t.Fatalf("%+v", l)
	}
	w.callIs(of, "with 8", func(c *message.Call) bool { return c.State == message.CallTalking && c.Agent == 8 })
}

// Instead of being passed on after all, the customer stays with the agent who hears
// him still.
func TestKilledThenCancelled(t *testing.T) {
	w := newWorld(t)
	of, id := w.taken()
	w.slowly()
	go func() { _ = w.TransferCall(t.Context(), 7, id, Transfer{Agent: 8}) }()
	w.done("pass")
	w = w.killed()
	w.done("pass")
	if err := w.CancelCall(t.Context(), 7, id); err != nil {
		t.Fatal(err)
	}
	w.legEnds(of, w.callIs(of, "talking", in(message.CallTalking)).Call.Legs[0].ID, "")
	r := w.callIs(of, "over", in(message.CallEnded))
	if r.Call.Outcome != message.CallAnswered || r.Call.Transfers[0].Result != message.TransferCancelled {
		t.Errorf("%+v", r.Call)
	}
}

// A kill between giving up waiting and leading the caller on: the next process is told
// of the call until it is over, and no leg gets it.
func TestKilledBeforeLeadingOn(t *testing.T) {
	w := newWorld(t)
	w.openLine()
	w.slowly()
	of := w.rings("1")
	if left, err := w.line.host.Desk.Leave(t.Context(), of); !left || err != nil {
		t.Fatal(left, err)
	}
	w = w.killed()
	going := func() []message.Message {
		list, err := w.line.host.Desk.Calls(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return list
	}
	if list := going(); len(list) != 1 || list[0].Key != of || list[0].Call.Left.IsZero() {
		t.Errorf("%+v", list)
	}
	w.tells(of, message.Call{Outcome: message.CallVoicemail, Spoken: 4, Ended: time.Now().UTC()})
	if list := going(); len(list) != 0 {
		t.Errorf("%+v", list)
	}
}

// What was asked for by this process is not asked for again, while the answer may come.
func TestNothingKilled(t *testing.T) {
	now := time.Now()
	w := &tends{hub: &Hub{began: now}, asked: map[string]time.Time{}}
	for _, tt := range []struct {
		name  string
		since time.Time
		want  time.Duration
	}{{"before", now.Add(-time.Minute), 0}, {"just now", now.Add(time.Second), nameTime + time.Second}} {
		if got := w.due("a", tt.since, now); got != tt.want {
			t.Errorf("%s: in %v, want %v", tt.name, got, tt.want)
		}
	}
	w.asked["a"] = now
	if got := w.due("a", now.Add(-time.Minute), now); got != nameTime {
		t.Errorf("asked already: in %v", got)
	}
}
