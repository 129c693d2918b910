// Package storetest opens stores for the tests of other packages and makes
// every such test a check of the store's invariants: when the test ends, each
// index and counter is recomputed and compared.
//
// The files live in the test's own temporary directory. They are written
// without fsync, so these stores never show what survives a crash of the
// machine.
package storetest

import (
	"context"
	"errors"
	"path/filepath"
	"testing"

	"throughline/store"
)

// Open opens a new store. When the test ends, its Check must find nothing; then
// it is closed.
func Open(t testing.TB) *store.Store {
	t.Helper()
	return OpenPath(t, filepath.Join(t.TempDir(), "store.db"))
}

// OpenPath is Open for the file at path, new or old. A test that closes the
// store itself, to open the file again, is checked by its last opening.
func OpenPath(t testing.TB, path string) *store.Store {
	t.Helper()
	return OpenOptions(t, path, store.Options{})
}

// OpenOptions is OpenPath with options; NoSync is set in any case.
func OpenOptions(t testing.TB, path string, o store.Options) *store.Store {
	t.Helper()
	o.NoSync = true
	s, err := store.Open(path, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		problems, err := s.Check(context.Background())
		if err != nil && !errors.Is(err, store.ErrClosed) {
			t.Errorf("store check: %v", err)
		}
		for _, p := range problems {
			t.Errorf("store check: %s", p)
		}
		if err := s.Close(); err != nil {
			t.Errorf("store close: %v", err)
		}
	})
	return s
}
