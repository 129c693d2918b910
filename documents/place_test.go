package documents_test

import (
	"testing"
	"time"

	"throughline/documents"
	"throughline/identity"
	"throughline/store"
	"throughline/timeline"
)

func (w *world) company(name string) (id uint64) {
	w.t.Helper()
	w.ok(w.store.Update(w.t.Context(), func(tx *store.Tx) error {
		c, err := w.identity.PutCompany(tx, "agent:7", identity.Company{Name: name}, 0)
		if err == nil {
			id = c.ID
		}
		return err
	}))
	return id
}

func TestOfACompany(t *testing.T) {
	w := newWorld(t)
	firm, other := w.company("Whitby Books"), w.company("Other")
	w.add(w.ann, "of-ann.txt", "a")
	w.now = w.now.Add(time.Second)
	id, err := w.lib.Add(t.Context(), me, documents.Draft{Company: firm, File: w.file("frame.txt", "text/plain", []byte("the frame contract"))})
	w.ok(err)
	for _, x := range []struct {
		f    documents.Filter
		want string
	}{
		{documents.Filter{Company: firm}, "frame"},
		{documents.Filter{Company: other}, ""},
		{documents.Filter{Owners: []uint64{w.ann}}, "of-ann"},
		{documents.Filter{Company: firm, Owners: []uint64{w.ann, w.bob}}, "frame of-ann"},
		{documents.Filter{}, "frame of-ann"},
	} {
		if got := w.titles(x.f); got != x.want {
			t.Errorf("%+v: %q, want %q", x.f, got, x.want)
		}
	}
	for field, d := range map[string]documents.Draft{"owner": {}, "company": {Company: 999}} {
		d.File = w.file("x.txt", "text/plain", []byte("x"))
		if _, err := w.lib.Add(t.Context(), me, d); !isInvalid(err, field) {
			t.Errorf("%s: %v", field, err)
		}
	}
	both := documents.Draft{Company: firm, Owner: w.ann, File: w.file("x.txt", "text/plain", []byte("x"))}
	if _, err := w.lib.Add(t.Context(), me, both); !isInvalid(err, "company") {
		t.Errorf("of both: %v", err)
	}

	// To Ann, to Bob, and to the other company: each place knows.
	for _, to := range []documents.Place{{Customer: w.ann}, {Customer: w.bob}, {Company: other}} {
		w.ok(w.lib.Move(t.Context(), me, id, to))
		w.ok(w.lib.Move(t.Context(), me, id, to)) // nothing more
		if got := w.get(id).Place(); got != to {
			t.Errorf("it is at %+v", got)
		}
	}
	if err := w.lib.Move(t.Context(), me, id, documents.Place{Company: 999}); !isInvalid(err, "company") {
		t.Errorf("to nobody: %v", err)
	}
	w.ok(w.store.View(func(tx *store.Tx) error {
		if n, m := w.lib.OfCompany(tx, firm), w.lib.OfCompany(tx, other); n != 0 || m != 1 {
			t.Errorf("%d and %d documents", n, m)
		}
		moves := map[uint64]int{}
		events, err := w.timeline.After(tx, 0, 100)
		for _, e := range events {
			if e.Kind != timeline.DocumentMoved {
				continue
			}
			for _, s := range e.Subjects {
				moves[s]++
			}
		}
		if moves[w.ann] != 2 || moves[w.bob] != 2 || len(moves) != 2 {
			t.Errorf("the timelines tell of %v", moves)
		}
		return err
	}))
	w.ok(w.lib.Delete(t.Context(), me, id))
	if err := w.lib.Move(t.Context(), me, id, documents.Place{Customer: w.ann}); !isConflict(err) {
		t.Errorf("out of the bin: %v", err)
	}
	if got := w.titles(documents.Filter{Company: other, Deleted: true}); got != "frame" {
		t.Errorf("the bin has %q", got)
	}
}
