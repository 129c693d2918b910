package documents_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"time"
	_ "time/tzdata" // no machine is without

	"throughline/blob"
	"throughline/documents"
	"throughline/identity"
	"throughline/store"
)

func TestVersions(t *testing.T) {
	w := newWorld(t)
	id := w.add(w.ann, "Lease 2026.txt", "first")
	w.ok(w.lib.AddVersion(t.Context(), me, id, w.file("lease-2.txt", "text/plain", []byte("second"))))
	w.ok(w.lib.Restore(t.Context(), me, id, 1))
	d := w.get(id)
	if d.Title != "Lease 2026" || len(d.Versions) != 3 || d.Current().Number != 3 || d.Current().Restored != 1 || d.Current().Blob != d.Versions[0].Blob {
		t.Errorf("%+v", d)
	}
	// Every version can be read still.
	for i, want := range []string{"first", "second", "first"} {
		v, err := w.lib.Open(t.Context(), me, id, i+1, documents.ByDownload)
		w.ok(err)
		f, _, err := w.blobs.Open(v.Blob)
		w.ok(err)
		got, _ := io.ReadAll(f)
		f.Close()
		if string(got) != want {
			t.Errorf("version %d holds %q", i+1, got)
		}
	}
	if _, err := w.lib.Open(t.Context(), me, id, 9, documents.ByDownload); !errors.Is(err, documents.ErrNotFound) {
		t.Errorf("a version that never was: %v", err)
	}
	if err := w.lib.Restore(t.Context(), me, id, 3); !isConflict(err) {
		t.Errorf("restore the current one: %v", err)
	}
	if got := w.events(); got != "added version version" {
		t.Errorf("events: %s", got)
	}
}

func isConflict(err error) bool {
	_, ok := errors.AsType[*documents.ConflictError](err)
	return ok
}

func isInvalid(err error, field string) bool {
	e, ok := errors.AsType[*documents.InvalidError](err)
	return ok && e.Field == field
}

func TestCardIsChecked(t *testing.T) {
	w := newWorld(t)
	id := w.add(w.ann, "a.txt", "a")
	text := func(s string) *string { return &s }
	number := func(n int) *int { return &n }
	for _, c := range []struct {
		field  string
		change documents.Change
	}{
		{"title", documents.Change{Title: text("  ")}},
		{"title", documents.Change{Title: text(strings.Repeat("é", documents.MaxTitle+1))}},
		{"type", documents.Change{Type: text("nonsense")}},
		{"note", documents.Change{Note: text(strings.Repeat("x", documents.MaxNote+1))}},
		{"tags", documents.Change{Tags: &[]string{strings.Repeat("x", documents.MaxTag+1)}}},
		{"tags", documents.Change{Tags: func() *[]string {
			var l []string
			for i := range documents.MaxTags + 1 {
				l = append(l, strings.Repeat("x", i+1))
			}
			return &l
		}()}},
		{"remind", documents.Change{Remind: number(-1)}},
		{"remind", documents.Change{Remind: number(documents.MaxRemind + 1)}},
		{"expires", documents.Change{Expires: &[]time.Time{time.Date(9000, 1, 1, 0, 0, 0, 0, time.UTC)}[0]}},
	} {
		if err := w.lib.Change(t.Context(), me, id, c.change); !isInvalid(err, c.field) {
			t.Errorf("%s: %v", c.field, err)
		}
	}
	day := time.Date(2027, 1, 31, 15, 0, 0, 0, time.UTC)
	w.ok(w.lib.Change(t.Context(), me, id, documents.Change{Title: text(" Rent "), Type: text("contract"), Tags: &[]string{"home", " home", ""}, Expires: &day}))
	d := w.get(id)
	if d.Title != "Rent" || d.Type != "contract" || !slices.Equal(d.Tags, []string{"home"}) || d.Expires.Hour() != 0 || d.Remind != documents.DefaultRemind {
		t.Errorf("%+v", d)
	}
	if w.lib.Expired(d, time.Date(2027, 1, 31, 23, 0, 0, 0, time.UTC)) || !w.lib.Expired(d, time.Date(2027, 2, 1, 0, 0, 0, 0, time.UTC)) {
		t.Error("a document holds until the end of its last day")
	}
	before := w.events()
	w.ok(w.lib.Change(t.Context(), me, id, documents.Change{Title: text("Rent")}))
	if w.events() != before {
		t.Error("a change that changes nothing was told")
	}
	if _, err := w.lib.Add(t.Context(), me, documents.Draft{Owner: 999, File: w.file("x.txt", "text/plain", []byte("x"))}); !isInvalid(err, "owner") {
		t.Errorf("for nobody: %v", err)
	}
}

func TestLimitsOfAnUpload(t *testing.T) {
	w := newWorld(t, func(o *documents.Options) { o.MaxBytes = 10 })
	if _, err := w.lib.Put(t.Context(), strings.NewReader("0123456789")); err != nil {
		t.Errorf("exactly the limit: %v", err)
	}
	var large *documents.TooLargeError
	if _, err := w.lib.Put(t.Context(), strings.NewReader("0123456789a")); !errors.As(err, &large) || large.Limit != 10 {
		t.Errorf("one more: %v", err)
	}
	if _, err := w.lib.Put(t.Context(), strings.NewReader("")); !isInvalid(err, "body") {
		t.Errorf("nothing: %v", err)
	}
	// What never became durable cannot be named.
	f := documents.Upload{Name: "x", Ref: blob.Ref{SHA256: strings.Repeat("0", 64), Size: 1}}
	if _, err := w.lib.Add(t.Context(), me, documents.Draft{Owner: w.ann, File: f}); !isConflict(err) {
		t.Errorf("a file that is not there: %v", err)
	}
}

// A merge shows the documents of both sides; undoing it gives each back.
func TestMergeAndUnmerge(t *testing.T) {
	w := newWorld(t)
	w.add(w.ann, "of-ann.txt", "a")
	w.now = w.now.Add(time.Second)
	w.add(w.bob, "of-bob.txt", "b")
	owners := func(root uint64) (ids []uint64) {
		w.ok(w.store.View(func(tx *store.Tx) error {
			members, err := w.identity.Members(tx, root)
			for _, m := range members {
				ids = append(ids, m.ID)
			}
			return err
		}))
		return ids
	}
	w.ok(w.store.Update(t.Context(), func(tx *store.Tx) error {
		_, _, err := w.identity.Merge(tx, w.ann, w.bob, nil, identity.Decision{By: "agent:7"})
		return err
	}))
	w.now = w.now.Add(time.Second)
	w.add(w.ann, "since.txt", "c")
	if got := w.titles(documents.Filter{Owners: owners(w.ann)}); got != "since of-bob of-ann" {
		t.Errorf("merged: %s", got)
	}
	w.ok(w.store.Update(t.Context(), func(tx *store.Tx) error {
		_, _, err := w.identity.Unmerge(tx, w.bob)
		return err
	}))
	if got := w.titles(documents.Filter{Owners: owners(w.ann)}); got != "since of-ann" {
		t.Errorf("Ann: %s", got)
	}
	if got := w.titles(documents.Filter{Owners: owners(w.bob)}); got != "of-bob" {
		t.Errorf("Bob: %s", got)
	}
}

func TestLists(t *testing.T) {
	w := newWorld(t)
	for i, name := range []string{"one", "two", "three", "four", "five"} {
		w.now = w.now.Add(time.Minute)
		id := w.add([]uint64{w.ann, w.bob}[i%2], name+".txt", name)
		typ := []string{"contract", "offer", "identity"}[i%3]
		day := w.now.AddDate(0, 0, 50-10*i)
		c := documents.Change{Type: &typ, Tags: &[]string{"n" + name[:1]}}
		if i != 2 {
			c.Expires = &day
		}
		w.ok(w.lib.Change(t.Context(), me, id, c))
	}
	for _, c := range []struct {
		name string
		f    documents.Filter
		want string
	}{
		{"everything", documents.Filter{Role: documents.RoleAdmin}, "five four three two one"},
		{"without the restricted type", documents.Filter{}, "five four two one"},
		{"of Ann", documents.Filter{Owners: []uint64{w.ann}, Role: documents.RoleAdmin}, "five three one"},
		{"a type", documents.Filter{Type: "contract"}, "four one"},
		{"a restricted type, by an agent", documents.Filter{Type: "identity"}, ""},
		{"a tag", documents.Filter{Tag: "nf"}, "five four"},
		{"by date", documents.Filter{Expires: w.now.AddDate(0, 0, 25), Role: documents.RoleAdmin}, "five four"},
		{"by date, of Bob", documents.Filter{Owners: []uint64{w.bob}, Expires: w.now.AddDate(0, 0, 99)}, "four two"},
		{"type and tag", documents.Filter{Type: "offer", Tag: "nf"}, "five"},
		{"the bin", documents.Filter{Deleted: true}, ""},
	} {
		if got := w.titles(c.f); got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
}

func TestBin(t *testing.T) {
	w := newWorld(t)
	id := w.add(w.ann, "paper.txt", "text")
	if err := w.lib.Purge(t.Context(), me, id); !isConflict(err) {
		t.Errorf("purge what is not in the bin: %v", err)
	}
	w.ok(w.lib.Delete(t.Context(), me, id))
	if got := w.titles(documents.Filter{}) + w.find("paper"); got != "" {
		t.Errorf("deleted, and still there: %s", got)
	}
	if got := w.titles(documents.Filter{Deleted: true}); got != "paper" {
		t.Errorf("in the bin: %q", got)
	}
	if err := w.lib.AddVersion(t.Context(), me, id, w.file("n.txt", "text/plain", []byte("n"))); !isConflict(err) {
		t.Errorf("a version of what is in the bin: %v", err)
	}
	w.ok(w.lib.Undelete(t.Context(), me, id))
	if got := w.titles(documents.Filter{}); got != "paper" || w.find("paper") != "paper" {
		t.Errorf("taken out again: %q", got)
	}
	w.ok(w.lib.Delete(t.Context(), me, id))
	w.ok(w.lib.Purge(t.Context(), me, id))
	if got := w.titles(documents.Filter{Deleted: true}); got != "" {
		t.Errorf("purged: %q", got)
	}
}

// sweep removes what the library does not name, as the hub's sweep does.
func (w *world) sweep(used ...string) blob.Swept {
	w.t.Helper()
	names := map[string]bool{}
	for _, u := range used {
		names[u] = true
	}
	w.ok(w.lib.Blobs(w.t.Context(), func(sha string) { names[sha] = true }))
	swept, err := w.blobs.Sweep(w.t.Context(), func(sha string) bool { return names[sha] }, -time.Hour)
	w.ok(err)
	return swept
}

// The same file is stored once, and stays until its last user has gone.
func TestPurgeKeepsOtherUsersOfTheFile(t *testing.T) {
	w := newWorld(t)
	content := "the same in both"
	first, second := w.add(w.ann, "a.txt", content), w.add(w.bob, "b.txt", content)
	sha := w.get(first).Current().Blob
	if w.get(second).Current().Blob != sha {
		t.Fatal("stored twice")
	}
	purge := func(id uint64) {
		w.ok(w.lib.Delete(t.Context(), me, id))
		if s := w.sweep(); s.Removed != 0 {
			t.Fatalf("swept while in the bin: %+v", s)
		}
		w.ok(w.lib.Purge(t.Context(), me, id))
	}
	purge(first)
	if s := w.sweep(); s.Removed != 0 {
		t.Errorf("swept while the other document has it: %+v", s)
	}
	purge(second)
	if s := w.sweep(sha); s.Removed != 0 {
		t.Errorf("swept while a message has it: %+v", s)
	}
	if s := w.sweep(); s.Removed != 1 {
		t.Errorf("nothing has it any more: %+v", s)
	}
}

// A sweep that began before a document was made does not take its old file.
func TestAddingRenewsTheFile(t *testing.T) {
	w := newWorld(t)
	f := w.file("a.txt", "text/plain", []byte("old"))
	swept, err := w.blobs.Sweep(t.Context(), func(string) bool {
		_, err := w.lib.Add(context.Background(), me, documents.Draft{Owner: w.ann, File: f}) // between the look and the removal
		w.ok(err)
		return false
	}, time.Hour)
	w.ok(err)
	if swept.Removed != 0 {
		t.Error("the file of a new document was swept")
	}
}

func TestRules(t *testing.T) {
	w := newWorld(t)
	id := w.add(w.ann, "pass.txt", "p")
	typ := "identity"
	w.ok(w.lib.Change(t.Context(), me, id, documents.Change{Type: &typ}))
	roles := map[string]string{"see": "agent", "add": "manager", "delete": "admin", "share": "manager"}
	for _, c := range []struct {
		name string
		r    documents.Rules
	}{
		{"a bad key", documents.Rules{Types: []documents.Type{{Key: "No Good"}}, Roles: roles}},
		{"twice", documents.Rules{Types: []documents.Type{{Key: "a"}, {Key: "a"}}, Roles: roles}},
		{"a long name", documents.Rules{Types: []documents.Type{{Key: "a", Name: strings.Repeat("x", 61)}}, Roles: roles}},
		{"a bad role", documents.Rules{Roles: map[string]string{"see": "anybody"}}},
		{"a bad act", documents.Rules{Roles: map[string]string{"burn": "agent"}}},
	} {
		if _, ok := errors.AsType[*documents.InvalidError](w.lib.SetRules(t.Context(), c.r)); !ok {
			t.Errorf("%s was taken", c.name)
		}
	}
	if err := w.lib.SetRules(t.Context(), documents.Rules{Types: []documents.Type{{Key: "contract"}}, Roles: roles}); !isConflict(err) {
		t.Errorf("a type in use was taken away: %v", err)
	}
	want := documents.Rules{Types: []documents.Type{{Key: "identity", Managers: true}, {Key: "lease", Name: "Mietvertrag", Remind: 90}}, Roles: roles}
	w.ok(w.lib.SetRules(t.Context(), want))
	w.ok(w.store.View(func(tx *store.Tx) error {
		r, err := w.lib.Rules(tx)
		if err == nil && (!slices.Equal(r.Types, want.Types) || r.Roles["delete"] != "admin" || !r.Restricted("identity") || r.Restricted("lease") || r.Restricted("") || !r.Restricted("gone")) {
			t.Errorf("%+v", r)
		}
		return err
	}))
}

func TestOpeningsAreWrittenDown(t *testing.T) {
	w := newWorld(t)
	id := w.add(w.ann, "a.txt", "a")
	for range 3 { // a viewer asks for parts
		_, err := w.lib.Open(t.Context(), me, id, 0, documents.ByPreview)
		w.ok(err)
	}
	_, err := w.lib.Open(t.Context(), me+1, id, 0, documents.ByPreview)
	w.ok(err)
	w.now = w.now.Add(time.Hour)
	_, err = w.lib.Open(t.Context(), me+1, id, 1, documents.ByPreview)
	w.ok(err)
	_, err = w.lib.Open(t.Context(), me, id, 1, documents.ByMessage)
	w.ok(err)
	w.ok(w.store.View(func(tx *store.Tx) error {
		list, next, err := w.lib.Openings(tx, id, nil, 3)
		if err != nil {
			return err
		}
		rest, end, err := w.lib.Openings(tx, id, next, 3)
		if len(list) != 3 || len(rest) != 1 || end != nil || list[0].How != documents.ByMessage || rest[0].Agent != me {
			t.Errorf("%+v then %+v", list, rest)
		}
		return err
	}))
	w.ok(w.lib.Delete(t.Context(), me, id))
	w.ok(w.lib.Purge(t.Context(), me, id))
	w.ok(w.store.View(func(tx *store.Tx) error {
		list, _, err := w.lib.Openings(tx, id, nil, 10)
		if len(list) != 0 {
			t.Errorf("left after a purge: %+v", list)
		}
		return err
	}))
}

func TestSearchByCard(t *testing.T) {
	w := newWorld(t)
	for _, title := range []string{"Lease_Baker_Street", "قرارداد-كاری-۱۴۰۵", "สัญญาเช่าบ้าน", "Café Über Straße", "Lease_Oak_Road"} {
		w.now = w.now.Add(time.Minute)
		w.add(w.ann, title+".txt", title)
	}
	for q, want := range map[string]string{
		"lease":        "Lease_Oak_Road Lease_Baker_Street",
		"LEA bak":      "Lease_Baker_Street",
		"street lease": "Lease_Baker_Street",
		"ease":         "",
		"کاري 1405":    "قرارداد-كاری-۱۴۰۵", // other code points for the same letters and digits
		"เช่า":         "สัญญาเช่าบ้าน",     // in the middle of a run without spaces
		"เช่าสัญญา":    "",
		"เช":           "สัญญาเช่าบ้าน",
		"cafe uber":    "Café Über Straße",
		"":             "",
		"-- !":         "",
	} {
		if got := w.find(q); got != want {
			t.Errorf("%q finds %q, want %q", q, got, want)
		}
	}
}

func TestUploadThatBreaksOffLeavesNothing(t *testing.T) {
	w := newWorld(t)
	broken := io.MultiReader(bytes.NewReader(make([]byte, 1<<20)), errReader{})
	if _, err := w.lib.Put(t.Context(), broken); err == nil {
		t.Fatal("taken")
	}
	for range w.blobs.All() {
		t.Error("a blob was left")
	}
}

type errReader struct{}

func (errReader) Read([]byte) (int, error) { return 0, errors.New("gone") }

// TestDays: a document holds until midnight where the hub's people are, and its reminder
// comes when the day begins there.
func TestDays(t *testing.T) {
	for name, want := range map[string]string{"": "2026-03-02T00:00:00Z", "America/Los_Angeles": "2026-03-02T08:00:00Z", "Asia/Bangkok": "2026-03-01T17:00:00Z"} {
		w := newWorld(t, func(o *documents.Options) {
			if name == "" {
				return
			}
			var err error
			if o.Zone, err = time.LoadLocation(name); err != nil {
				t.Fatal(err)
			}
		})
		end, err := time.Parse(time.RFC3339, want)
		w.ok(err)
		d := &documents.Document{Expires: time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)}
		if w.lib.Expired(d, end.Add(-time.Second)) || !w.lib.Expired(d, end) {
			t.Errorf("%s: expires not at %s", name, want)
		}
		if before, after := w.lib.Day(end.Add(-time.Second)), w.lib.Day(end); !before.Equal(d.Expires) || !after.Equal(d.Expires.AddDate(0, 0, 1)) {
			t.Errorf("%s: the days around %s are %s and %s", name, want, before, after)
		}
		if w.lib.Expired(&documents.Document{}, end) {
			t.Error("what has no end expired")
		}
	}
}
