package identity

import (
	"fmt"
	"slices"
	"testing"

	"throughline/message"
	"throughline/store"
	"throughline/store/storetest"
)

// TestCandidatesOfCommonName: people of one name do not keep each other from being
// compared with who shares something rare with one of them, however many and however
// much older they are.
func TestCandidatesOfCommonName(t *testing.T) {
	s := storetest.Open(t)
	i := New(s)
	add := func(tx *store.Tx, name, company string, handle message.Handle, hints ...message.Handle) uint64 {
		h, _, err := i.Resolve(tx, message.Person{Name: name, Handle: handle, Hints: hints}, false)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := i.Change(tx, h.Customer, func(c *Customer) { c.Company = company }); err != nil {
			t.Fatal(err)
		}
		if _, err := i.Refresh(tx, h.Customer); err != nil {
			t.Fatal(err)
		}
		return h.Customer
	}
	var first, second, stranger, colleague uint64
	var named []uint64
	update(t, s, func(tx *store.Tx) error {
		for n := range 3 * maxCandidates / 2 {
			named = append(named, add(tx, "Maria Garcia", "", message.Handle(fmt.Sprintf("slack:T1/U%d", n))))
		}
		for n := range 2 * maxAlone { // of one family and firm
			add(tx, fmt.Sprintf("Marta%c Garcia", 'a'+n%26), "Bluebird", message.Handle(fmt.Sprintf("slack:T1/V%d", n)))
		}
		first = add(tx, "Maria Garcia", "", "mailto:one.garcia@example.org", "tel:+12025550141")
		second = add(tx, "Maria Garcia", "", "mailto:mg77@example.net", "tel:+12025550141")
		stranger = add(tx, "Tom Moss", "", "tel:+12025550141")
		colleague = add(tx, "Maria Garcia", "Bluebird", "slack:T1/W1")
		return nil
	})
	view(t, s, func(tx *store.Tx) error {
		for _, pair := range [][2]uint64{{first, second}, {second, first}, {first, stranger}, {stranger, first}, {stranger, second}} {
			if !slices.Contains(i.Judging(tx).Candidates(pair[0], nil), pair[1]) {
				t.Errorf("%d is not compared with %d, who has the same number", pair[0], pair[1])
			}
		}
		// A name that many have is one thing in common, in whatever ways it is written.
		for _, id := range []uint64{first, named[0]} {
			if slices.Contains(i.Judging(tx).Candidates(id, nil), named[1]) {
				t.Errorf("%d is compared with %d for a name that many have", id, named[1])
			}
		}
		if n := len(i.Judging(tx).Candidates(colleague, nil)); n == 0 {
			t.Error("family and firm together are nothing in common")
		}
		return nil
	})
}
