package store

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// childEnv holds the path of a store. Set, it makes a test act as the child of
// itself: a process of its own that can be killed or starved of disk.
const childEnv = "STORE_TEST_CHILD"

// child prepares a process that runs only the named test, as a child.
func child(test, path string) *exec.Cmd {
	cmd := exec.Command(os.Args[0], "-test.run=^"+test+"$", "-test.v")
	cmd.Env = append(os.Environ(), childEnv+"="+path)
	cmd.Stderr = os.Stderr
	return cmd
}

// item is the record of the white-box tests.
type item struct {
	Name string `json:"name"`
	Size int    `json:"size,omitempty"`
	Pad  string `json:"pad,omitempty"`
}

func items(s *Store) *Table[item] {
	return NewTable(s, "items", TableOptions[item]{Append: true, Indexes: []Index[item]{
		{Name: "name", Unique: true, Keys: func(v *item) []Key { return []Key{K().Str(v.Name)} }},
		{Name: "size", Count: true, Keys: func(v *item) []Key { return []Key{K().Str(fmt.Sprint(v.Size)).Uint(uint64(len(v.Pad)))} }},
	}})
}

func insert(tx *Tx, tab *Table[item], name string) error {
	return tab.Insert(tx, tx.NextID(), &item{Name: name, Size: len(name)})
}

func newStore(t testing.TB, o Options) (*Store, *Table[item]) {
	t.Helper()
	return reopen(t, filepath.Join(t.TempDir(), "store.db"), o)
}

// reopen opens a store whose Check must find nothing at the end of the test,
// unless the test has closed it.
func reopen(t testing.TB, path string, o Options) (*Store, *Table[item]) {
	t.Helper()
	s, err := Open(path, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if s.refuse(false) == nil {
			for _, p := range problems(t, s) {
				t.Error(p)
			}
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s, items(s)
}

// problems runs Check; a closed store, or one that refuses writes, has none.
func problems(t testing.TB, s *Store) []string {
	t.Helper()
	select {
	case <-s.closing:
		return nil
	default:
	}
	found, err := s.Check(context.Background())
	if err != nil {
		t.Error(err)
	}
	return found
}

func names(t testing.TB, s *Store, tab *Table[item]) (all []string) {
	t.Helper()
	err := s.View(func(tx *Tx) error {
		for v, err := range tab.All(tx, Range{}) {
			if err != nil {
				return err
			}
			all = append(all, v.Name)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}
