package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"go.etcd.io/bbolt"
)

// A backup made while others write is a sound store of some commit.
func TestBackupWhileWriting(t *testing.T) {
	s, tab := newStore(t, Options{NoSync: true})
	ctx, cancel := context.WithCancel(context.Background())
	enough := make(chan struct{})
	writer := make(chan error)
	go func() {
		for i := 0; ; i++ {
			// Two records at a time: a half commit would show.
			err := s.Update(ctx, func(tx *Tx) error {
				return errors.Join(insert(tx, tab, fmt.Sprint("a", i)), insert(tx, tab, fmt.Sprint("b", i)))
			})
			if i == 300 {
				close(enough)
			}
			if err != nil {
				writer <- err
				return
			}
		}
	}()
	<-enough
	for i := range 5 {
		path := filepath.Join(t.TempDir(), fmt.Sprint(i, ".db"))
		f, err := os.Create(path)
		if err != nil {
			t.Fatal(err)
		}
		n, err := s.Backup(context.Background(), f)
		if err := errors.Join(err, f.Close()); err != nil {
			t.Fatal(err)
		}
		if fi, err := os.Stat(path); err != nil || fi.Size() != n {
			t.Errorf("%d bytes reported: %v, %v", n, fi.Size(), err)
		}
		copied, tab := reopen(t, path, Options{ReadOnly: true})
		if all := names(t, copied, tab); len(all) < 600 || len(all)%2 != 0 {
			t.Errorf("%d records", len(all))
		}
	}
	cancel()
	if err := <-writer; err != context.Canceled {
		t.Error(err)
	}
	if _, err := s.Backup(ctx, &bytes.Buffer{}); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled backup: %v", err)
	}
}

func TestCompact(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "store.db")
	s, tab := reopen(t, path, Options{NoSync: true})
	err := s.Update(context.Background(), func(tx *Tx) error {
		for i := range 3000 {
			v := &item{Name: fmt.Sprint(i), Pad: strings.Repeat("x", 1000)}
			if err := tab.Insert(tx, tx.NextID(), v); err != nil {
				return err
			}
		}
		return nil
	})
	if err == nil {
		err = s.Update(context.Background(), func(tx *Tx) error {
			for e := range tab.Scan(tx, Range{}) {
				if e.ID%10 != 0 {
					if err := tab.Delete(tx, e.ID); err != nil {
						return err
					}
				}
			}
			return nil
		})
	}
	if err != nil {
		t.Fatal(err)
	}
	before := names(t, s, tab)
	if _, _, err := Compact(path); err == nil || !strings.Contains(err.Error(), "another throughline process") {
		t.Errorf("compact of an open store: %v", err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	big, _ := os.Stat(path)
	if err := os.WriteFile(path+".compact", []byte("of one that was killed"), 0o600); err != nil {
		t.Fatal(err)
	}
	was, is, err := Compact(path)
	if err != nil {
		t.Fatal(err)
	}
	fi, err := os.Stat(path)
	if err != nil || fi.Size() > big.Size()/4 || fi.Mode().Perm() != fileMode || was != big.Size() || is != fi.Size() {
		t.Errorf("compacted from %d to %d bytes, mode %v, %v; told %d and %d", big.Size(), fi.Size(), fi.Mode(), err, was, is)
	}
	s, tab = reopen(t, path, Options{NoSync: true})
	if all := names(t, s, tab); !slices.Equal(all, before) {
		t.Errorf("%d records, %d before", len(all), len(before))
	}
	var id uint64
	if err := s.Update(context.Background(), func(tx *Tx) error { id = tx.NextID(); return nil }); err != nil || id != 3001 {
		t.Errorf("next id %d, %v", id, err)
	}
	for name, path := range map[string]string{
		"of no file":   filepath.Join(dir, "none.db"),
		"of something": writeFile(t, "no store, but long enough to be one\n"),
	} {
		if _, _, err := Compact(path); err == nil {
			t.Errorf("compact %s: no error", name)
		}
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 1 {
		t.Errorf("files left: %v, %v", left, err)
	}
}

// Programs that start while the file is compacted write to the new file or are
// turned away: nothing that was committed is in the file that goes away.
func TestCompactBesideStarts(t *testing.T) {
	path := filepath.Join(t.TempDir(), "store.db")
	s, _ := reopen(t, path, Options{NoSync: true})
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	stop, done := make(chan struct{}), make(chan []string, 1)
	go func() {
		var written []string
		defer func() { done <- written }()
		for i := 0; ; i++ {
			select {
			case <-stop:
				return
			default:
			}
			s, err := Open(path, Options{NoSync: true})
			if err != nil {
				if !strings.Contains(err.Error(), "another throughline process") {
					t.Error(err)
					return
				}
				continue
			}
			name := fmt.Sprintf("start-%05d", i)
			err = s.Update(context.Background(), func(tx *Tx) error { return insert(tx, items(s), name) })
			if err = errors.Join(err, s.Close()); err != nil {
				t.Error(err)
				return
			}
			written = append(written, name)
		}
	}()
	for range 20 {
		if _, _, err := Compact(path); err != nil && !strings.Contains(err.Error(), "another throughline process") {
			t.Error(err)
		}
	}
	close(stop)
	written := <-done
	s, tab := reopen(t, path, Options{NoSync: true})
	if all := names(t, s, tab); !slices.Equal(all, written) {
		t.Errorf("%d records, %d were written", len(all), len(written))
	}
}

// A program that waits for the lock of a file which then loses its name to
// another one opens that one.
func TestOpenWaitsForTheNamedFile(t *testing.T) {
	dir := t.TempDir()
	path, other := filepath.Join(dir, "store.db"), filepath.Join(dir, "other.db")
	for _, p := range []string{path, other} {
		s, tab := reopen(t, p, Options{NoSync: true})
		err := s.Update(t.Context(), func(tx *Tx) error { return insert(tx, tab, filepath.Base(p)) })
		if err = errors.Join(err, s.Close()); err != nil {
			t.Fatal(err)
		}
	}
	opened := 0
	db, err := openNamed(path, bbolt.Options{OpenFile: func(name string, flag int, mode os.FileMode) (*os.File, error) {
		f, err := os.OpenFile(name, flag, mode)
		if opened++; opened == 1 { // it is open and not locked yet
			err = errors.Join(err, os.Rename(other, path))
		}
		return f, err
	}})
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	s, tab := reopen(t, path, Options{NoSync: true})
	if got := names(t, s, tab); opened != 2 || !slices.Equal(got, []string{"other.db"}) {
		t.Errorf("opened %d times, the file of %q", opened, got)
	}
}

func writeFile(t *testing.T, line string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, []byte(strings.Repeat(line, 1000)), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}
