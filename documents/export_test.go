package documents_test

import (
	"bytes"
	"encoding/json"
	"io"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"throughline/documents"
)

// TestExport: all of somebody's documents go out, those in the bin too, with every
// version, their links and who opened them, and nothing that opens a link.
func TestExport(t *testing.T) {
	w := newWorld(t)
	contract := w.add(w.ann, "contract.txt", "first words")
	w.ok(w.lib.AddVersion(t.Context(), me, contract, w.file(`a/b: "second"?.txt`, "text/plain", []byte("second words"))))
	bin := w.add(w.ann, "offer.txt", "an offer")
	w.ok(w.lib.Delete(t.Context(), me, bin))
	w.add(w.bob, "bob.txt", "of Bob")
	_, token, err := w.lib.Share(t.Context(), me, contract, documents.NewLink{Expires: w.now.Add(24 * time.Hour), Password: "the hash", Note: "for her lawyer"})
	w.ok(err)
	_, err = w.lib.Open(t.Context(), me, contract, 1, documents.ByDownload)
	w.ok(err)
	for range 120 { // more than a page
		w.add(w.ann, "more.txt", "more")
	}

	files := map[string]*bytes.Buffer{}
	w.ok(w.lib.Export(t.Context(), me, []uint64{w.ann}, func(name string) (io.Writer, error) {
		if files[name] != nil {
			t.Errorf("%s is written twice", name)
		}
		files[name] = new(bytes.Buffer)
		return files[name], nil
	}))
	var list []struct {
		ID       uint64
		Document documents.Document
		Files    []string
		Links    []documents.Link
		Openings []documents.Opening
	}
	told := files["documents.json"].String()
	w.ok(json.Unmarshal([]byte(told), &list))
	if len(list) != 122 || len(files) != 1+123 {
		t.Errorf("%d documents in %d files", len(list), len(files))
	}
	i := slices.IndexFunc(list, func(e struct {
		ID       uint64
		Document documents.Document
		Files    []string
		Links    []documents.Link
		Openings []documents.Opening
	}) bool {
		return e.ID == contract
	})
	if i < 0 {
		t.Fatalf("the contract is missing: %v", slices.Collect(maps.Keys(files)))
	}
	c := list[i]
	if len(c.Document.Versions) != 2 || len(c.Files) != 2 || files[c.Files[0]].String() != "first words" || files[c.Files[1]].String() != "second words" {
		t.Errorf("the contract is %+v", c)
	}
	if strings.ContainsAny(strings.TrimPrefix(c.Files[1], "documents/"), `/\:"?`) {
		t.Errorf("not every system takes the name %s", c.Files[1])
	}
	if len(c.Links) != 1 || c.Links[0].Note != "for her lawyer" || len(c.Openings) != 1 || c.Openings[0].Agent != me {
		t.Errorf("links %+v, openings %+v", c.Links, c.Openings)
	}
	if strings.Contains(told, token) || strings.Contains(told, "the hash") || strings.Contains(told, `"digest": "`+"") && !strings.Contains(told, `"digest": ""`) {
		t.Errorf("what opens a link goes out: %s", told)
	}
	for name, b := range files {
		if strings.Contains(b.String(), "of Bob") || strings.Contains(name, "bob") {
			t.Errorf("%s is Bob's", name)
		}
	}
}
