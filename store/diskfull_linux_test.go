package store

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// On a full disk updates fail with the reason and change nothing, reads go on,
// and when there is space again so do updates.
func TestDiskFull(t *testing.T) {
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=6m"); err != nil {
		t.Skipf("mounting a small file system needs root: %v (TestFileLimit covers most of it)", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, 0); err != nil {
			t.Error(err)
		}
	})
	ballast := filepath.Join(dir, "ballast")
	if err := os.WriteFile(ballast, make([]byte, 3<<20), 0o600); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "store.db")
	s, tab := reopen(t, path, Options{})
	fillUp(t, s, tab, syscall.ENOSPC, func() {
		if err := os.Remove(ballast); err != nil {
			t.Error(err)
		}
	})
}

// The same with a limit on the size of the file, in a process of its own.
func TestFileLimit(t *testing.T) {
	if path := os.Getenv(childEnv); path != "" {
		signal.Ignore(syscall.SIGXFSZ) // sent besides the error
		var limit syscall.Rlimit
		if err := syscall.Getrlimit(syscall.RLIMIT_FSIZE, &limit); err != nil {
			t.Fatal(err)
		}
		most := limit
		limit.Cur = 6 << 20
		if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &limit); err != nil {
			t.Skipf("no limit can be set: %v", err)
		}
		s, tab := reopen(t, path, Options{})
		fillUp(t, s, tab, syscall.EFBIG, func() {
			if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &most); err != nil {
				t.Error(err)
			}
		})
		return
	}
	path := filepath.Join(t.TempDir(), "store.db")
	if out, err := child("TestFileLimit", path).Output(); err != nil {
		t.Fatalf("%v:\n%s", err, out)
	}
	s, tab := reopen(t, path, Options{})
	if all := names(t, s, tab); len(all) < 100 {
		t.Errorf("%d records", len(all))
	}
}

// fillUp writes until there is no space, makes space, and goes on.
func fillUp(t *testing.T, s *Store, tab *Table[item], reason error, makeSpace func()) {
	t.Helper()
	ctx := context.Background()
	pad := strings.Repeat("x", 16<<10)
	n := 0
	put := func() error {
		return s.Update(ctx, func(tx *Tx) error {
			return tab.Insert(tx, tx.NextID(), &item{Name: fmt.Sprint("n", n), Size: n % 3, Pad: pad})
		})
	}
	var err error
	for ; err == nil && n < 10_000; n++ {
		err = put()
	}
	n-- // the last one failed
	// bbolt keeps only the text of an error of its own ftruncate.
	if !errors.Is(err, reason) && !strings.Contains(fmt.Sprint(err), reason.Error()) {
		t.Fatalf("after %d records: %v", n, err)
	}
	for range 20 {
		if err := put(); err == nil {
			break // freed pages may hold one more
		}
	}
	check := func() {
		t.Helper()
		for _, p := range problems(t, s) {
			t.Error(p)
		}
	}
	check()
	before := len(names(t, s, tab))
	if before < n {
		t.Errorf("%d records can be read of %d", before, n)
	}
	makeSpace()
	n = 10_000
	for range 20 {
		if err := put(); err != nil {
			t.Fatalf("with space again: %v", err)
		}
		n++
	}
	if after := len(names(t, s, tab)); after != before+20 {
		t.Errorf("%d records, then %d", before, after)
	}
	check()
}
