package inbox

import (
	"testing"

	"throughline/message"
	"throughline/store"
)

// TestEraseAheadOfTheFollower: who wrote for the first time into a conversation of
// somebody who is erased at once can be matched all the same, though the event does not
// tell of it any more when the log is followed up to there.
func TestEraseAheadOfTheFollower(t *testing.T) {
	w := newWorld(t)
	first := mail("ann@example.org", "q", "question")
	first.Cc = []message.Person{{Handle: "mailto:bob@example.net"}}
	id := w.accept(first)[0]
	w.caught()
	w.stop()
	bob := mail("bob@example.net", "a", "me too", "q")
	bob.From.Name = "Bob Stone"
	if got := w.accept(bob)[0]; got != id {
		t.Fatalf("his answer is in %d, not in %d", got, id)
	}
	ann := w.ownerOf(ann[0].Handle)
	if _, err := w.Erase(t.Context(), 1, ann, func(*store.Tx, uint64) bool { return false }); err != nil {
		t.Fatal(err)
	}
	w.start()
	w.caught()
	w.view(func(tx *store.Tx) error {
		h, ok := w.Identity.Find(tx, message.NewHandle("mailto", "bob@example.net"))
		if !ok {
			t.Fatal("who wrote is not known")
		}
		if p := w.Identity.Person(tx, h.Customer); p == nil || len(p.Record.Names) != 1 {
			t.Errorf("known of him for matching: %+v", p)
		}
		return nil
	})
}
