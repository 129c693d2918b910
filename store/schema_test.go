package store

import (
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.etcd.io/bbolt"
)

// The frozen file was written by
//
//	go test ./store -run TestFrozenFile -freeze
//
// and stays as it is: it shows that files of the first schema can still be
// read. Write a new one, under a new name, only for a new schema.
var freeze = flag.Bool("freeze", false, "write store/testdata/schema1.db.gz anew")

const frozenFile = "testdata/schema1.db.gz"

// A step from the first schema of items, which had "title", to "name".
func testSteps() []Step {
	return []Step{
		{1, "first", func(tx *Tx) error { return nil }},
		{2, "title becomes name", func(tx *Tx) error {
			return tx.Rewrite("items", func(id uint64, data []byte) ([]byte, error) {
				var m map[string]any
				if err := json.Unmarshal(data, &m); err != nil {
					return nil, err
				}
				if m["title"] == "to be dropped" {
					return nil, nil
				}
				m["name"] = m["title"]
				delete(m, "title")
				return json.Marshal(m)
			})
		}},
		{3, "mark", func(tx *Tx) error { return tx.PutValue("settings", "upgraded", []byte("yes")) }},
	}
}

type oldItem struct {
	Title string `json:"title"`
	Size  int    `json:"size"`
	Extra string `json:"extra"` // a field that is unknown by now
}

func writeFrozen(t *testing.T) {
	path := filepath.Join(t.TempDir(), "store.db")
	s, err := Open(path, Options{Steps: testSteps()[:1]})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	tab := NewTable(s, "items", TableOptions[oldItem]{Compress: true, Indexes: []Index[oldItem]{
		{Name: "title", Keys: func(v *oldItem) []Key { return []Key{K().Str(v.Title)} }},
		{Name: "size", Count: true, Keys: func(v *oldItem) []Key { return []Key{K().Str(fmt.Sprint(v.Size)).Uint(0)} }},
	}})
	err = s.Update(context.Background(), func(tx *Tx) error {
		for i := range 50 {
			v := &oldItem{Title: fmt.Sprint("title ", i), Size: i % 4, Extra: strings.Repeat("extra ", i)}
			if i == 13 {
				v.Title = "to be dropped"
			}
			if err := tab.Insert(tx, tx.NextID(), v); err != nil {
				return err
			}
		}
		return tx.PutValue("cursor", "mailbox", []byte("17"))
	})
	if err != nil {
		t.Fatal(err)
	}
	f, err := os.Create(frozenFile)
	if err != nil {
		t.Fatal(err)
	}
	zw, err := gzip.NewWriterLevel(f, gzip.BestCompression)
	if err != nil {
		t.Fatal(err)
	}
	_, err = s.Backup(context.Background(), zw)
	if err := errors.Join(err, zw.Close(), f.Close()); err != nil {
		t.Fatal(err)
	}
}

func thaw(t *testing.T) string {
	t.Helper()
	f, err := os.Open(frozenFile)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	zr, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	data, err := io.ReadAll(zr)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "old.db")
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestFrozenFile(t *testing.T) {
	if *freeze {
		writeFrozen(t)
	}
	path := thaw(t)
	if _, err := Open(path, Options{ReadOnly: true, Steps: testSteps()}); err == nil || !strings.Contains(err.Error(), "needs an upgrade") {
		t.Errorf("read-only: %v", err)
	}
	for range 2 { // the second time there is nothing to do
		s, tab := reopen(t, path, Options{Steps: testSteps()})
		err := s.View(func(tx *Tx) error {
			if n := tab.Len(tx); n != 49 {
				t.Errorf("%d records", n)
			}
			id, ok := tab.Lookup(tx, "name", K().Str("title 49"))
			v, err := tab.Get(tx, id)
			if err != nil || !ok || id != 50 || v.Size != 1 {
				t.Errorf("lookup: %d %v, %+v, %v", id, ok, v, err)
			}
			if n := tab.Count(tx, "size", K().Str("1")); n != 12 {
				t.Errorf("count: %d", n)
			}
			if string(tx.GetValue("cursor", "mailbox")) != "17" || string(tx.GetValue("settings", "upgraded")) != "yes" {
				t.Error("values are missing")
			}
			return nil
		})
		if err != nil {
			t.Error(err)
		}
		for _, p := range problems(t, s) {
			t.Error(p)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
	for n := range 3 {
		_, err := Open(path, Options{Steps: testSteps()[:n]})
		if err == nil || !strings.Contains(err.Error(), "newer throughline (schema 3, this one knows "+fmt.Sprint(n)) {
			t.Errorf("a program with %d steps: %v", n, err)
		}
	}
}

// A step that fails leaves its file at the version before it.
func TestFailingStep(t *testing.T) {
	path := thaw(t)
	steps := testSteps()
	for _, fail := range []func() error{func() error { return io.ErrNoProgress }, func() error { panic(io.ErrNoProgress) }} {
		broken := testSteps()
		broken[2].Run = func(tx *Tx) error {
			return errors.Join(steps[2].Run(tx), fail())
		}
		if _, err := Open(path, Options{Steps: broken}); !errors.Is(err, io.ErrNoProgress) || !strings.Contains(err.Error(), "step 3 (mark)") {
			t.Errorf("open: %v", err)
		}
		s, err := Open(path, Options{Steps: steps[:2]})
		if err != nil {
			t.Fatal(err)
		}
		err = s.View(func(tx *Tx) error {
			if v := tx.GetValue("settings", "upgraded"); v != nil {
				t.Errorf("value of the failed step: %q", v)
			}
			return nil
		})
		if err := errors.Join(err, s.Close()); err != nil {
			t.Error(err)
		}
	}
}

func TestOpenRefuses(t *testing.T) {
	foreign := filepath.Join(t.TempDir(), "foreign.db")
	db, err := bbolt.Open(foreign, 0o600, nil)
	if err != nil {
		t.Fatal(err)
	}
	err = db.Update(func(tx *bbolt.Tx) error { _, err := tx.CreateBucket([]byte("x")); return err })
	if err := errors.Join(err, db.Close()); err != nil {
		t.Fatal(err)
	}
	s, _ := newStore(t, Options{})
	nop := func(*Tx) error { return nil }
	for _, c := range []struct {
		name, path string
		o          Options
		want       string
	}{
		{"in use", s.db.Path(), Options{}, "another throughline process is using"},
		{"in use, to read", s.db.Path(), Options{ReadOnly: true}, "another throughline process is using"},
		{"foreign", foreign, Options{}, "bbolt file of another program"},
		{"text", writeFile(t, "some text\n"), Options{}, "damaged or not a throughline store"},
		{"no directory", filepath.Join(t.TempDir(), "no", "store.db"), Options{}, "no such file"},
		{"missing, to read", filepath.Join(t.TempDir(), "store.db"), Options{ReadOnly: true}, "no such file"},
		{"step out of order", filepath.Join(t.TempDir(), "store.db"), Options{Steps: []Step{{2, "two", nop}}}, "schema step 2 (two) stands at place 1"},
		{"step without Run", filepath.Join(t.TempDir(), "store.db"), Options{Steps: []Step{{1, "one", nil}}}, "schema step 1"},
	} {
		s, err := Open(c.path, c.o)
		if err == nil {
			_ = s.Close()
		}
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

func TestOpenCreates(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "store.db")
	at := time.Date(2026, 3, 1, 12, 0, 0, 7, time.FixedZone("x", 3600))
	s, _ := reopen(t, path, Options{Now: func() time.Time { return at }})
	files, err := os.ReadDir(dir)
	if err != nil || len(files) != 1 {
		t.Errorf("files: %v, %v", files, err)
	}
	if fi, err := os.Stat(path); err != nil || fi.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", fi.Mode(), err)
	}
	err = s.Update(context.Background(), func(tx *Tx) error {
		if now := tx.Now(); !now.Equal(at) || now.Location() != time.UTC {
			t.Errorf("now = %v", now)
		}
		if id := tx.NextID(); id != 1 {
			t.Errorf("first id %d", id)
		}
		return nil
	})
	if err := errors.Join(err, s.Close()); err != nil {
		t.Error(err)
	}
	// Reading needs no lock of its own, and writes nothing.
	s, tab := reopen(t, path, Options{ReadOnly: true})
	other, _ := reopen(t, path, Options{ReadOnly: true})
	if err := s.Update(context.Background(), func(tx *Tx) error { return nil }); err != ErrReadOnly {
		t.Errorf("update: %v", err)
	}
	if all := names(t, s, tab); len(all) != 0 {
		t.Errorf("records: %v", all)
	}
	if err := errors.Join(s.Close(), other.Close()); err != nil {
		t.Error(err)
	}
	s, _ = reopen(t, path, Options{})
	err = s.Update(context.Background(), func(tx *Tx) error {
		if id := tx.NextID(); id != 2 {
			t.Errorf("second id %d: an id was given twice", id)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

// A file that a copy left cut short is refused at every length; reading on
// would end the program.
func TestOpenRefusesCutFiles(t *testing.T) {
	data, err := os.ReadFile(thaw(t))
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "cut.db")
	for n := 1; n < len(data); n += 1021 {
		if err := os.WriteFile(path, data[:n], 0o600); err != nil {
			t.Fatal(err)
		}
		s, err := Open(path, Options{Steps: testSteps()})
		if err == nil {
			_ = s.Close()
			t.Errorf("%d of %d bytes were opened", n, len(data))
		} else if n > 2*4096 && !errors.Is(err, errCut) {
			t.Errorf("%d of %d bytes: %v", n, len(data), err)
		}
	}
}
