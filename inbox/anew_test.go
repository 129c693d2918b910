package inbox

import (
	"testing"

	"throughline/accounts"
	"throughline/connectors"
	"throughline/message"
)

// TestAccountMadeAnew: an account under the ID of one that was deleted starts from
// nothing: in another mailbox the same place holds another item.
func TestAccountMadeAnew(t *testing.T) {
	w := newWorld(t)
	ch := w.account("sales")
	old := mail("ann@example.org", "old", "question")
	held := message.Held{Source: "INBOX;9;9", Reason: "cannot be read"}
	in := <-ch.Sinks
	if err := in.Accept(t.Context(), connectors.Batch{Messages: []message.Message{old}, Held: []message.Held{held}, Cursor: []byte("7")}); err != nil {
		t.Fatal(err)
	}
	// Changed settings make no other account of it.
	name := "Sales"
	if _, err := w.Accounts.Update(t.Context(), "sales", accounts.Change{Name: &name}); err != nil {
		t.Fatal(err)
	}
	if cur, err := (<-ch.Sinks).Cursor(t.Context()); err != nil || string(cur) != "7" {
		t.Errorf("after a change of settings the cursor is %q, %v", cur, err)
	}
	if err := w.Accounts.Delete(t.Context(), "sales"); err != nil {
		t.Fatal(err)
	}
	ch = w.account("sales")
	in = <-ch.Sinks
	if cur, err := in.Cursor(t.Context()); err != nil || cur != nil {
		t.Errorf("the cursor of another account: %q, %v", cur, err)
	}
	other := mail("ben@example.org", "new", "another matter")
	other.Source = old.Source
	again := old
	again.Source = "INBOX;2;1"
	if err := in.Accept(t.Context(), connectors.Batch{Messages: []message.Message{other, again}}); err != nil {
		t.Fatal(err)
	}
	if r := w.byKey(other.Key); r.Text != "another matter" {
		t.Errorf("%+v", r)
	}
	if r := w.byKey(old.Key); r.Text != "question" {
		t.Errorf("%+v", r)
	}
	if len(w.heldItems()) != 1 {
		t.Error("what was held is gone")
	}
}
