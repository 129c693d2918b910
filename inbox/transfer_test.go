package inbox

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"throughline/connectors"
	"throughline/message"
)

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

// The provider passes the customer on, and its answer does not come: the transfer
// stays, and the end of the agent's leg is not that of the call.
func TestColdTransferUnclear(t *testing.T) {
	unclear := &connectors.SendError{Class: connectors.Unsure, Reason: "no answer in time"}
	t.Run("done", func(t *testing.T) {
		w := newWorld(t)
		of, id := w.taken()
		w.line.fails("pass", unclear)
		if err := w.TransferCall(t.Context(), 7, id, Transfer{Agent: 8}); !conflict(err) || !strings.Contains(err.Error(), "no answer in time") {
			t.Errorf("%v", err)
		}
		w.done("pass")
		w.legEnds(of, w.callIs(of, "talking", in(message.CallTalking)).Call.Legs[0].ID, "")
		if !w.takes(of, w.rung(1)[8]) {
			t.Fatal("not taken")
		}
		if r := w.callIs(of, "with 8", in(message.CallTalking)); r.Call.Agent != 8 || r.Call.Transfers[0].Result != message.TransferDone {
			t.Errorf("%+v", r.Call)
		}
	})
	t.Run("not done, and tried again to another number", func(t *testing.T) {
		w := newWorld(t)
		of, id := w.taken()
		w.line.fails("pass", unclear)
		if err := w.TransferCall(t.Context(), 7, id, Transfer{Agent: 8}); !conflict(err) {
			t.Errorf("%v", err)
		}
		w.done("pass")
		w.line.fails("pass", errors.New("Twilio says no"))
		if err := w.TransferCall(t.Context(), 7, id, Transfer{Agent: 8}); !conflict(err) {
			t.Errorf("%v", err)
		}
		w.done("pass")
		w.line.fails("pass", nil)
		if err := w.TransferCall(t.Context(), 7, id, Transfer{Number: "+1 202 555 0177"}); err != nil {
			t.Fatal(err)
		}
		w.done("pass")
		w.legEnds(of, w.callIs(of, "talking", in(message.CallTalking)).Call.Legs[0].ID, "")
		l := w.rung(1)[0]
		if r := w.callIs(of, "ringing", in(message.CallRinging)); l.Number != "+12025550177" || len(r.Call.Transfers) != 1 {
			t.Errorf("%+v rings: %+v", l, r.Call)
		}
	})
}

// The provider hands the customer over, and its answer does not come.
func TestHandOverUnclear(t *testing.T) {
	w := newWorld(t)
	of, id := w.taken()
	if err := w.TransferCall(t.Context(), 7, id, Transfer{Agent: 8, Warm: true}); err != nil {
		t.Fatal(err)
	}
	w.done("hold")
	if !w.takes(of, w.rung(1)[8]) {
		t.Fatal("not taken")
	}
	w.line.fails("hand_over", &connectors.SendError{Class: connectors.Unsure, Reason: "no answer in time"})
	if err := w.CompleteTransfer(t.Context(), 7, id); !conflict(err) {
		t.Errorf("%v", err)
	}
	w.done("hand_over")
	r := w.callIs(of, "with 8", func(c *message.Call) bool { return c.State == message.CallTalking && c.Agent == 8 })
	w.legEnds(of, r.Call.Legs[0].ID, "")
	w.callIs(of, "still with 8", in(message.CallTalking))
}
