package documents_test

import (
	"bytes"
	"cmp"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"throughline/blob"
	"throughline/documents"
	"throughline/identity"
	"throughline/store"
	"throughline/store/storetest"
	"throughline/timeline"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const me = 7 // an agent

// world is a library with two customers.
type world struct {
	t        *testing.T
	store    *store.Store
	blobs    *blob.Store
	identity *identity.Identity
	timeline *timeline.Timeline
	lib      *documents.Library
	ann, bob uint64
	now      time.Time
}

func newWorld(t *testing.T, change ...func(*documents.Options)) *world {
	t.Helper()
	dir := t.TempDir()
	w := &world{t: t, now: time.Date(2026, 3, 2, 10, 0, 0, 0, time.UTC)}
	w.store = storetest.OpenOptions(t, filepath.Join(dir, "hub.db"), store.Options{Now: func() time.Time { return w.now }})
	var err error
	w.blobs, err = blob.Open(filepath.Join(dir, "blobs"))
	w.ok(err)
	w.identity, w.timeline = identity.New(w.store), timeline.New(w.store)
	o := documents.Options{Store: w.store, Blobs: w.blobs, Identity: w.identity, Timeline: w.timeline}
	for _, c := range change {
		c(&o)
	}
	w.lib, err = documents.New(o)
	w.ok(err)
	w.ok(w.store.Update(t.Context(), func(tx *store.Tx) error {
		a, err := w.identity.Create(tx, "Ann")
		if err != nil {
			return err
		}
		b, err := w.identity.Create(tx, "Bob")
		w.ann, w.bob = a.ID, b.ID
		return err
	}))
	t.Cleanup(func() {
		problems, err := w.lib.Check(t.Context())
		if err != nil && !strings.Contains(err.Error(), "context canceled") {
			t.Errorf("check: %v", err)
		}
		for _, p := range problems {
			t.Errorf("check: %s", p)
		}
	})
	return w
}

func (w *world) ok(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

// file keeps content and returns it as an upload.
func (w *world) file(name, contentType string, content []byte) documents.Upload {
	w.t.Helper()
	ref, err := w.lib.Put(w.t.Context(), bytes.NewReader(content))
	w.ok(err)
	return documents.Upload{Name: name, ContentType: contentType, Ref: ref}
}

// add makes a document with one version.
func (w *world) add(owner uint64, name, content string) uint64 {
	w.t.Helper()
	id, err := w.lib.Add(w.t.Context(), me, documents.Draft{Owner: owner, File: w.file(name, "text/plain", []byte(content))})
	w.ok(err)
	return id
}

func (w *world) get(id uint64) *documents.Document {
	w.t.Helper()
	var d *documents.Document
	w.ok(w.store.View(func(tx *store.Tx) (err error) {
		d, err = w.lib.Get(tx, id)
		return err
	}))
	return d
}

// titles lists the documents that pass f.
func (w *world) titles(f documents.Filter) string {
	w.t.Helper()
	f.Role = cmp.Or(f.Role, documents.RoleAgent)
	var names []string
	w.ok(w.store.View(func(tx *store.Tx) error {
		var after store.Key
		for {
			list, next, err := w.lib.List(tx, f, after, 2)
			if err != nil {
				return err
			}
			for _, d := range list {
				names = append(names, d.Title)
			}
			if next == nil {
				return nil
			}
			after = next
		}
	}))
	return strings.Join(names, " ")
}

// find returns the titles that a search finds.
func (w *world) find(q string) string {
	w.t.Helper()
	var names []string
	w.ok(w.store.View(func(tx *store.Tx) error {
		found, err := w.lib.Search(tx, q, documents.Filter{Role: documents.RoleAdmin}, 20)
		for _, f := range found {
			names = append(names, f.Document.Title)
		}
		return err
	}))
	return strings.Join(names, " ")
}

// events returns the kinds of all events about documents, quiet ones with a dot.
func (w *world) events() string {
	w.t.Helper()
	var kinds []string
	w.ok(w.store.View(func(tx *store.Tx) error {
		all, err := w.timeline.After(tx, 0, 1000)
		for _, e := range all {
			kind := strings.TrimPrefix(e.Kind, "document.")
			if e.Quiet {
				kind += "."
			}
			kinds = append(kinds, kind)
		}
		return err
	}))
	return strings.Join(kinds, " ")
}
