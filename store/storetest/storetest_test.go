package storetest_test

import (
	"context"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"throughline/store"
	"throughline/store/storetest"
)

// recorder is a test that only notes its errors.
type recorder struct {
	testing.TB
	cleanups []func()
	errors   []string
}

func (r *recorder) Cleanup(fn func()) { r.cleanups = append(r.cleanups, fn) }
func (r *recorder) Errorf(format string, args ...any) {
	r.errors = append(r.errors, fmt.Sprintf(format, args...))
}
func (r *recorder) end() {
	for _, fn := range r.cleanups {
		fn()
	}
}

type note struct {
	Text string `json:"text"`
}

// notes declares a table whose index breaks the rule that keys depend on the
// record only, if broken is set.
func notes(s *store.Store, broken bool) *store.Table[note] {
	return store.NewTable(s, "notes", store.TableOptions[note]{Indexes: []store.Index[note]{{
		Name: "text",
		Keys: func(v *note) []store.Key {
			k := store.K().Str(v.Text)
			if broken {
				k = k.Time(time.Now())
			}
			return []store.Key{k}
		},
	}}})
}

func TestOpenChecksAtTheEnd(t *testing.T) {
	for _, broken := range []bool{false, true} {
		r := &recorder{TB: t}
		s := storetest.OpenPath(r, filepath.Join(t.TempDir(), "store.db"))
		tab := notes(s, broken)
		err := s.Update(context.Background(), func(tx *store.Tx) error {
			return tab.Insert(tx, tx.NextID(), &note{Text: "hello"})
		})
		if err != nil {
			t.Fatal(err)
		}
		r.end()
		if found := len(r.errors) > 0; found != broken {
			t.Errorf("broken %v: %q", broken, r.errors)
		}
		if err := s.View(func(*store.Tx) error { return nil }); err != store.ErrClosed {
			t.Errorf("not closed: %v", err)
		}
	}
}

func TestClosedByTheTest(t *testing.T) {
	path := filepath.Join(t.TempDir(), "store.db")
	for range 2 {
		if err := storetest.OpenPath(t, path).Close(); err != nil {
			t.Error(err)
		}
	}
}
