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
	path, small := filepath.Join(dir, "store.db"), filepath.Join(dir, "small.db")
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
	if err := Compact(path, small); err == nil || !strings.Contains(err.Error(), "another throughline process") {
		t.Errorf("compact of an open store: %v", err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := Compact(path, small); err != nil {
		t.Fatal(err)
	}
	big, _ := os.Stat(path)
	fi, err := os.Stat(small)
	if err != nil || fi.Size() > big.Size()/4 || fi.Mode().Perm() != fileMode {
		t.Errorf("compacted from %d to %d bytes, mode %v, %v", big.Size(), fi.Size(), fi.Mode(), err)
	}
	s, tab = reopen(t, small, Options{NoSync: true})
	if all := names(t, s, tab); !slices.Equal(all, before) {
		t.Errorf("%d records, %d before", len(all), len(before))
	}
	var id uint64
	if err := s.Update(context.Background(), func(tx *Tx) error { id = tx.NextID(); return nil }); err != nil || id != 3001 {
		t.Errorf("next id %d, %v", id, err)
	}
	for name, err := range map[string]error{
		"onto a file":  Compact(path, small),
		"of no file":   Compact(filepath.Join(dir, "none.db"), filepath.Join(dir, "x.db")),
		"of something": Compact(writeFile(t, "no store, but long enough to be one\n"), filepath.Join(dir, "y.db")),
	} {
		if err == nil {
			t.Errorf("compact %s: no error", name)
		}
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 2 {
		t.Errorf("files left: %v, %v", left, err)
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
