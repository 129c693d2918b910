package inbox

import (
	"strings"
	"testing"
	"time"

	"throughline/connectors"
	"throughline/message"
	"throughline/store"
)

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
