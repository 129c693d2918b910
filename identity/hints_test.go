package identity

import (
	"fmt"
	"slices"
	"testing"

	"throughline/message"
	"throughline/store"
	"throughline/store/storetest"
)

// TestHints: what a directory says is kept with the handle and links nothing.
func TestHints(t *testing.T) {
	s := storetest.Open(t)
	i := New(s)
	update(t, s, func(tx *store.Tx) error {
		mail, _, err := i.Resolve(tx, message.Person{Handle: "mailto:ann@example.org"}, false)
		if err != nil {
			return err
		}
		p := message.Person{Name: "Ann", Handle: "slack:T1/U2", Hints: []message.Handle{"mailto:Ann@Example.org", "mailto:nobody", "slack:T1/U2", "mailto:ann@example.org"}}
		for range 2 {
			h, _, err := i.Resolve(tx, p, false)
			if err != nil {
				return err
			}
			if len(h.Hints) != 1 || h.Hints[0].Handle != mail.Handle || h.Customer == mail.Customer {
				t.Errorf("handle %+v, that of the mail %+v", h, mail)
			}
		}
		p.Hints = nil
		for n := range 2 * maxHints {
			p.Hints = append(p.Hints, message.Handle(fmt.Sprintf("mailto:a%d@example.org", n)))
		}
		h, _, err := i.Resolve(tx, p, false)
		if err != nil {
			return err
		}
		if len(h.Hints) != maxHints || !slices.ContainsFunc(h.Hints, func(o Hint) bool { return o.Handle == p.Hints[2*maxHints-1] }) {
			t.Errorf("hints %+v", h.Hints)
		}
		return nil
	})
}

// TestHintsOfErased: who is erased stands in nobody's hints any more, and those whose
// hints they were are told.
func TestHintsOfErased(t *testing.T) {
	s := storetest.Open(t)
	i := New(s)
	update(t, s, func(tx *store.Tx) error {
		ann, _, err := i.Resolve(tx, message.Person{Handle: "mailto:ann@example.org"}, false)
		if err != nil {
			return err
		}
		bob, _, err := i.Resolve(tx, message.Person{Handle: "slack:T1/U2", Hints: []message.Handle{"mailto:ann@example.org", "mailto:bob@example.org"}}, false)
		if err != nil {
			return err
		}
		if _, _, err := i.Resolve(tx, message.Person{Handle: "slack:T1/U3", Hints: []message.Handle{"mailto:ann@example.org.uk"}}, false); err != nil {
			return err
		}
		touched, err := i.Erase(tx, []uint64{ann.Customer}, []*Handle{ann}, func(*store.Tx, uint64) bool { return false })
		if err != nil {
			return err
		}
		if !slices.Equal(touched, []uint64{bob.Customer}) {
			t.Errorf("touched %v, not %d", touched, bob.Customer)
		}
		bob, err = i.Handle(tx, bob.ID)
		if err == nil && (len(bob.Hints) != 1 || bob.Hints[0].Handle != "mailto:bob@example.org") {
			t.Errorf("hints %+v", bob.Hints)
		}
		return err
	})
}

func TestReachable(t *testing.T) {
	for h, want := range map[message.Handle]bool{"tel:+447700900123": true, "alpha:MyBank": false, "unknown:support": false, "": false} {
		if got := Reachable(h); got != want {
			t.Errorf("Reachable(%q) = %v", h, got)
		}
	}
}
