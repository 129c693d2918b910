package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"go.etcd.io/bbolt"
)

// damage changes the file behind the store's back.
func damage(t *testing.T, s *Store, fn func(btx *bbolt.Tx) error) {
	t.Helper()
	err := s.exclusive(context.Background(), func() error { return s.db.Update(fn) })
	if err != nil {
		t.Fatal(err)
	}
}

func filled(t *testing.T, path string) (*Store, *Table[item]) {
	t.Helper()
	s, err := Open(path, Options{NoSync: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	tab := items(s)
	err = s.Update(context.Background(), func(tx *Tx) error {
		for i := 1; i <= 20; i++ {
			if err := tab.Insert(tx, tx.NextID(), &item{Name: fmt.Sprintf("n%02d", i), Size: i % 2}); err != nil {
				return err
			}
		}
		return tx.PutValue("v", "k", []byte("v"))
	})
	if err != nil {
		t.Fatal(err)
	}
	return s, tab
}

// rows returns all keys and values of a bucket.
func rows(btx *bbolt.Tx, bucket string) (all []string) {
	if b := btx.Bucket([]byte(bucket)); b != nil {
		_ = b.ForEach(func(k, v []byte) error {
			all = append(all, fmt.Sprintf("%q=%q", k, v))
			return nil
		})
	}
	return all
}

// Every kind of damage is told, in words; Rebuild heals what is derived.
func TestCheckFindsDamage(t *testing.T) {
	const records, byName, bySize = "t/items", "i/items/name", "i/items/size"
	for _, c := range []struct {
		name   string
		damage func(btx *bbolt.Tx) error
		want   []string // each must be part of some problem
		n      int      // number of problems
		heals  bool
	}{
		{"nothing", func(btx *bbolt.Tx) error { return nil }, nil, 0, true},
		{"entry missing", func(btx *bbolt.Tx) error {
			return btx.Bucket([]byte(bySize)).Delete(K().Str("1").Uint(0).Uint(3))
		}, []string{`index size lacks key "1\x00`, "of record 3", "counter of index size"}, 2, true},
		{"entry extra", func(btx *bbolt.Tx) error {
			return btx.Bucket([]byte(bySize)).Put(K().Str("0").Uint(0).Uint(3), []byte{})
		}, []string{`for record 3, which has no such key`, "counter of index size"}, 2, true},
		{"entry of no record", func(btx *bbolt.Tx) error {
			return btx.Bucket([]byte(byName)).Put(K().Str("ghost"), idKey(99))
		}, []string{`key "ghost\x00" for record 99, which has no such key`}, 1, true},
		{"entry malformed", func(btx *bbolt.Tx) error {
			return btx.Bucket([]byte(byName)).Put(K().Str("n01"), []byte("x"))
		}, []string{"malformed"}, 2, true},
		{"unique entry leads elsewhere", func(btx *bbolt.Tx) error {
			return btx.Bucket([]byte(byName)).Put(K().Str("n01"), idKey(2))
		}, []string{`leads from key "n01\x00" of record 1 to record 2`}, 2, true},
		{"unique key twice", func(btx *bbolt.Tx) error {
			return btx.Bucket([]byte(records)).Put(idKey(2), []byte(`{"name":"n01"}`))
		}, []string{"records 1 and 2 have the same key", `key "n02\x00" for record 2, which has no such key`}, 2, false},
		{"counter wrong", func(btx *bbolt.Tx) error {
			return btx.Bucket([]byte(countersBucket)).Put([]byte("items\x00size\x000\x00"), idKey(11))
		}, []string{`counter of index size "0\x00" is 11, there are 10`}, 1, true},
		{"counter missing", func(btx *bbolt.Tx) error {
			return btx.Bucket([]byte(countersBucket)).Delete([]byte("items\x00size\x000\x00"))
		}, []string{`is 0, there are 10`}, 1, true},
		{"counter extra", func(btx *bbolt.Tx) error {
			return btx.Bucket([]byte(countersBucket)).Put([]byte("items\x00size\x005\x00"), idKey(1))
		}, []string{`counts 1 entries of "5\x00", there are none`}, 1, true},
		{"counter of an uncounted index", func(btx *bbolt.Tx) error {
			return btx.Bucket([]byte(countersBucket)).Put([]byte("items\x00name\x005\x00"), idKey(1))
		}, []string{"belongs to no counted index of table items"}, 1, true},
		{"counter of no table", func(btx *bbolt.Tx) error {
			return btx.Bucket([]byte(countersBucket)).Put([]byte("old\x00\x00"), idKey(1))
		}, []string{`belongs to no known table`}, 1, false},
		{"number of records", func(btx *bbolt.Tx) error {
			return btx.Bucket([]byte(countersBucket)).Put([]byte("items\x00\x00"), idKey(19))
		}, []string{"counter of records is 19, there are 20"}, 1, true},
		{"record gone", func(btx *bbolt.Tx) error {
			return btx.Bucket([]byte(records)).Delete(idKey(7))
		}, []string{"for record 7, which has no such key", "counter of records"}, 3, true},
		{"record unreadable", func(btx *bbolt.Tx) error {
			return btx.Bucket([]byte(records)).Put(idKey(7), []byte("\x01rubbish"))
		}, []string{"items 7 cannot be read"}, 3, false},
		{"record empty", func(btx *bbolt.Tx) error {
			return btx.Bucket([]byte(records)).Put(idKey(7), []byte{})
		}, []string{"items 7 cannot be read"}, 3, false},
		{"record key", func(btx *bbolt.Tx) error {
			return btx.Bucket([]byte(records)).Put([]byte("seven"), []byte("{}"))
		}, []string{"is no id"}, 1, false},
		{"bucket of no table", func(btx *bbolt.Tx) error {
			_, err := btx.CreateBucket([]byte("t/old"))
			return err
		}, []string{"bucket t/old belongs to no known table"}, 1, false},
		{"rebuild unfinished", func(btx *bbolt.Tx) error {
			return btx.Bucket([]byte(metaBucket)).Put([]byte("stale/items"), []byte{1})
		}, []string{"items waits for its indexes to be rebuilt"}, 1, true},
		{"all indexes gone", func(btx *bbolt.Tx) error {
			return errors.Join(btx.DeleteBucket([]byte(byName)), btx.DeleteBucket([]byte(bySize)), btx.DeleteBucket([]byte(countersBucket)))
		}, []string{"index name lacks", "index size lacks", "counter of records is 0"}, 41, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, _ := filled(t, filepath.Join(t.TempDir(), "store.db"))
			damage(t, s, c.damage)
			found := problems(t, s)
			if len(found) != c.n {
				t.Errorf("%d problems, want %d: %q", len(found), c.n, found)
			}
			for _, w := range c.want {
				if !slices.ContainsFunc(found, func(p string) bool { return strings.Contains(p, w) }) {
					t.Errorf("nothing says %q: %q", w, found)
				}
			}
			err := s.Rebuild(context.Background())
			if after := problems(t, s); c.heals && (err != nil || len(after) > 0) {
				t.Errorf("after Rebuild: %v, %q", err, after)
			} else if !c.heals && len(after) == 0 {
				t.Error("the problem is gone after Rebuild, which cannot heal it")
			}
		})
	}
}

// Damage to the pages themselves is found as well.
func TestCheckFindsDamagedPages(t *testing.T) {
	path := filepath.Join(t.TempDir(), "store.db")
	s, tab := filled(t, path)
	err := s.Update(context.Background(), func(tx *Tx) error {
		for i := range 200 { // too many for a bucket inside its parent's page
			if err := insert(tx, tab, fmt.Sprint("more", i)); err != nil {
				return err
			}
		}
		return nil
	})
	if err := errors.Join(err, s.Close()); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	// Swap two keys of a leaf: their order is then wrong.
	a, b := bytes.LastIndex(data, []byte("n03\x00")), bytes.LastIndex(data, []byte("n05\x00"))
	if a < 0 || b < 0 {
		t.Fatal("keys not found")
	}
	data[a+2], data[b+2] = data[b+2], data[a+2]
	if err := os.WriteFile(path, data, fileMode); err != nil {
		t.Fatal(err)
	}
	s, err = Open(path, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	items(s)
	if found := problems(t, s); len(found) == 0 || !strings.HasPrefix(found[0], "file: ") {
		t.Errorf("problems: %q", found)
	}
}

func TestCheckEndsWithItsContext(t *testing.T) {
	s, _ := newStore(t, Options{})
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := s.Check(ctx); err != context.Canceled {
		t.Errorf("check: %v", err)
	}
	if err := s.Rebuild(ctx); err != context.Canceled {
		t.Errorf("rebuild: %v", err)
	}
}

// What Rebuild makes is byte for byte what was kept incrementally.
func TestRebuildEqualsIncremental(t *testing.T) {
	s, tab := newStore(t, Options{NoSync: true})
	ctx := context.Background()
	for i := range uint64(300) {
		err := s.Update(ctx, func(tx *Tx) error {
			for j := range uint64(60) {
				id := 1 + (i*j*31+i)%15_000
				v := &item{Name: fmt.Sprint(id, "-", i), Size: int(j % 9), Pad: strings.Repeat("p", int(i%3))}
				if err := tab.Put(tx, id, v); err != nil {
					return err
				}
				if j%4 == 0 {
					if err := tab.Delete(tx, id); err != nil {
						return err
					}
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	derived := func() (all []string) {
		err := s.db.View(func(btx *bbolt.Tx) error {
			for _, b := range []string{countersBucket, "i/items/name", "i/items/size"} {
				all = append(all, rows(btx, b)...)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		return all
	}
	before := derived()
	if len(before) < 2*rebuildBatch {
		t.Fatalf("%d entries: not enough for several batches", len(before))
	}
	if err := s.Rebuild(ctx); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(before, derived()) {
		t.Error("Rebuild and the incremental upkeep differ")
	}
}

// A table that was declared with other indexes, or whose rebuild was
// interrupted, is put right when it is declared.
func TestIndexesFitTheDeclaration(t *testing.T) {
	path := filepath.Join(t.TempDir(), "store.db")
	s, _ := filled(t, path)
	damage(t, s, func(btx *bbolt.Tx) error {
		return errors.Join(btx.Bucket([]byte(metaBucket)).Put([]byte("stale/items"), []byte{1}),
			btx.Bucket([]byte("i/items/size")).Delete(K().Str("1").Uint(0).Uint(3)))
	})
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s, _ = reopen(t, path, Options{})
	if found := problems(t, s); len(found) > 0 {
		t.Errorf("interrupted rebuild: %q", found)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}

	s, err := Open(path, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	tab := NewTable(s, "items", TableOptions[item]{Indexes: []Index[item]{
		{Name: "name", Unique: true, Keys: func(v *item) []Key { return []Key{K().Str(v.Name)} }},
		{Name: "back", Keys: func(v *item) []Key { return []Key{K().Str(v.Name[1:])} }},
	}})
	if found := problems(t, s); len(found) > 0 {
		t.Errorf("another index: %q", found)
	}
	err = s.View(func(tx *Tx) error {
		n := 0
		for range tab.Scan(tx, Range{Index: "back"}) {
			n++
		}
		if n != 20 || tx.g.bucket("i/items/size") != nil {
			t.Errorf("%d entries in the new index; old index there: %v", n, tx.g.bucket("i/items/size") != nil)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
	// Nothing to fit costs no commit, not even with an index that has no entries.
	none := []Index[item]{{Name: "none", Keys: func(*item) []Key { return nil }}}
	other := NewTable(s, "other", TableOptions[item]{Indexes: none})
	if err := s.Update(context.Background(), func(tx *Tx) error { return insert(tx, other, "x") }); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s, err = Open(path, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	NewTable(s, "other", TableOptions[item]{Indexes: none})
	if n := s.Stats().Commits; n != 0 {
		t.Errorf("%d commits to open", n)
	}
}

// An index that cannot be built leaves a store that says so instead of one with
// wrong answers.
func TestUnbuiltIndexStopsTheStore(t *testing.T) {
	path := filepath.Join(t.TempDir(), "store.db")
	s, _ := filled(t, path)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s, err := Open(path, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	s.commit = func(*bbolt.Tx) error { return io.ErrShortWrite }
	NewTable(s, "items", TableOptions[item]{Indexes: []Index[item]{{Name: "new", Keys: func(v *item) []Key { return nil }}}})
	for name, err := range map[string]error{
		"view":   s.View(func(*Tx) error { return nil }),
		"update": s.Update(context.Background(), func(*Tx) error { return nil }),
	} {
		if !errors.Is(err, io.ErrShortWrite) || !strings.Contains(err.Error(), "table items") {
			t.Errorf("%s: %v", name, err)
		}
	}
}
