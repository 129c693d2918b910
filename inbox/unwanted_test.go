package inbox

import (
	"errors"
	"testing"

	"throughline/message"
	"throughline/preference"
)

// Who asked never to be called is called only on purpose; what was said of another
// channel or purpose, or is taken back, keeps nobody from calling.
func TestUnwantedCall(t *testing.T) {
	w := newWorld(t)
	w.openLine()
	ctx := t.Context()
	const ann = message.Handle("tel:+12025550143")
	customer, err := w.CreateCustomer(ctx, 1, "Ann Lee", []message.Handle{ann})
	if err != nil {
		t.Fatal(err)
	}
	say := func(s preference.Statement) uint64 {
		t.Helper()
		s.Customer, s.Wish, s.By = customer, preference.Never, "agent:1"
		if s.Source = preference.Stated; s.Proof.Heard == 0 {
			s.Proof.Form = formChoices
		}
		id, err := w.Preference.State(ctx, s)
		if err != nil {
			t.Fatal(err)
		}
		return id
	}
	refused := func(o CallOut) bool {
		t.Helper()
		_, err := w.Dial(ctx, o)
		var no *UnwantedError
		if errors.As(err, &no) {
			return true
		}
		if err != nil && !conflict(err) { // on the phone already
			t.Fatal(err)
		}
		return false
	}
	o := CallOut{Agent: 7, Account: "line", To: ann}
	say(preference.Statement{Channel: "email"})
	say(preference.Statement{Channel: "voice", Purpose: "invoice"})
	never := say(preference.Statement{Channel: "voice"})
	if !refused(o) {
		t.Error("who never wants to be called was called")
	}
	if refused(CallOut{Agent: 7, Account: "line", To: "tel:+12025550144"}) {
		t.Error("somebody else was not")
	}
	o.Anyway = true
	if refused(o) {
		t.Error("on purpose it was refused too")
	}
	o.Anyway = false
	if err := w.Preference.TakeBack(ctx, "agent:1", customer, never); err != nil {
		t.Fatal(err)
	}
	if refused(o) {
		t.Error("what was taken back still counts, or what was said of invoices")
	}
}
