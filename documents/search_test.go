package documents_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"throughline/documents"
	"throughline/store"
)

// TestSearchCommonWords: a word that more have than one search looks at hides nothing
// beside a rarer one, or of a customer who has few, neither on cards nor in texts.
func TestSearchCommonWords(t *testing.T) {
	w := newWorld(t)
	up := func(name, text string) documents.Upload { return w.file(name, "text/plain", []byte(text)) }
	add := func(owner uint64, d documents.Draft) uint64 {
		d.Owner = owner
		id, err := w.lib.Add(t.Context(), me, d)
		w.ok(err)
		return id
	}
	// 6,000 words that begin alike, on cards; they stand before some in the index and
	// behind others.
	for n := range 16 {
		var note strings.Builder
		for i := range 375 {
			fmt.Fprintf(&note, "invoice%05d ", n*375+i)
		}
		add(w.bob, documents.Draft{Title: fmt.Sprintf("Book %d", n), Note: note.String(), File: up("a.txt", "nothing")})
	}
	add(w.ann, documents.Draft{Title: "Invoice Abel", File: up("b.txt", "nothing")})
	add(w.ann, documents.Draft{Title: "Invoices Zebulon", File: up("c.txt", "nothing")})

	// And in texts.
	var many strings.Builder
	for i := range 6000 {
		fmt.Fprintf(&many, "receipt%05d ", i)
	}
	defer w.run()()
	w.read(add(w.bob, documents.Draft{Title: "All", File: up("many.txt", many.String())}))
	w.read(add(w.ann, documents.Draft{Title: "Mine", File: up("d.txt", "A receipt for Abel")}))
	w.read(add(w.ann, documents.Draft{Title: "Yours", File: up("e.txt", "Receipts for Zebulon")}))

	for q, want := range map[string]string{
		"zebulon": "Invoices Zebulon Yours", "abel": "Invoice Abel Mine",
		"invoice zebulon": "Invoices Zebulon", "zebulon invoice": "Invoices Zebulon", "invoice abel": "Invoice Abel",
		"receipt zebulon": "Yours", "receipt abel": "Mine", "abel receipt": "Mine",
		"invoice receipt": "",
	} {
		if got := strings.Join(sorted(w.find(q)), " "); got != strings.Join(sorted(want), " ") {
			t.Errorf("%q finds %q, not %q", q, got, want)
		}
	}
	w.ok(w.store.View(func(tx *store.Tx) error {
		for q, want := range map[string]int{"invoice": 2, "receipt": 2, "invoice zebulon": 1, "book": 0} {
			found, err := w.lib.Search(tx, q, documents.Filter{Owners: []uint64{w.ann}, Role: documents.RoleAdmin}, 20)
			if err != nil || len(found) != want {
				t.Errorf("Ann has %d of %q (%v), not %d", len(found), q, err, want)
			}
		}
		return nil
	}))
}

// sorted are the words of a text in order.
func sorted(s string) []string { return slices.Sorted(slices.Values(strings.Fields(s))) }
