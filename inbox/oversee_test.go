package inbox

import (
	"errors"
	"slices"
	"testing"

	"throughline/message"
	"throughline/store"
)

// Whoever watches over the telephones ends and passes on what others speak on, at once
// or not at all, and it is written down with it.
func TestOversee(t *testing.T) {
	w := newWorld(t)
	of, id := w.taken()
	ctx := t.Context()
	var traced []uint64
	trace := func(_ *store.Tx, c *message.Call, speaker uint64) error {
		if c.State != message.CallTalking {
			t.Errorf("%+v", c)
		}
		traced = append(traced, speaker)
		return nil
	}
	if err := w.HangUpCall(ctx, 9, id); !conflict(err) {
		t.Errorf("an agent ended the call of another: %v", err)
	}
	if err := w.TransferCall(ctx, 9, id, Transfer{Agent: 8}); !conflict(err) {
		t.Errorf("an agent passed on the call of another: %v", err)
	}
	if err := w.PassCall(ctx, 9, id, Transfer{Agent: 7}, trace); !invalid(err) {
		t.Errorf("to the one who speaks: %v", err)
	}
	stop := errors.New("it cannot be written down")
	if err := w.PassCall(ctx, 9, id, Transfer{Agent: 8}, func(*store.Tx, *message.Call, uint64) error { return stop }); !errors.Is(err, stop) {
		t.Errorf("%v", err)
	}
	traced = nil
	if err := w.PassCall(ctx, 9, id, Transfer{Agent: 8, Warm: true}, trace); err != nil {
		t.Fatal(err)
	}
	w.done("pass")
	r := w.callIs(of, "passed", func(c *message.Call) bool { return c.Pending() != nil })
	if tr := r.Call.Pending(); tr.By != 9 || tr.Agent != 8 || tr.Warm {
		t.Errorf("%+v", tr)
	}
	w.legEnds(of, r.Call.Legs[0].ID, "")
	l := w.rung(1)[8]
	if !w.takes(of, l) {
		t.Fatal("8 does not get it")
	}
	w.callIs(of, "talking", in(message.CallTalking))
	if err := w.EndCall(ctx, 9, id, trace); err != nil {
		t.Fatal(err)
	}
	w.done("hang_up")
	if !slices.Equal(traced, []uint64{7, 8}) {
		t.Errorf("written down: %v", traced)
	}
	// One's own needs nothing written down.
	if err := w.EndCall(ctx, 8, id, func(*store.Tx, *message.Call, uint64) error { return stop }); err != nil {
		t.Errorf("%v", err)
	}
}
