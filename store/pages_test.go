package store

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// A table of many pages that is emptied in a transaction is empty in it.
func TestWalkOverEmptiedPages(t *testing.T) {
	s, tab := newStore(t, Options{NoSync: true})
	pad := strings.Repeat("x", 300)
	err := s.Update(context.Background(), func(tx *Tx) error {
		for id := range uint64(500) {
			if err := tab.Insert(tx, id+1, &item{Name: fmt.Sprint(id), Pad: pad}); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	err = s.Update(context.Background(), func(tx *Tx) error {
		for e := range tab.Scan(tx, Range{}) {
			if err := tab.Delete(tx, e.ID); err != nil {
				return err
			}
		}
		for _, r := range []Range{{}, {Reverse: true}, {Reverse: true, After: K().Uint(300)}, {Reverse: true, Index: "name"},
			{Reverse: true, Index: "name", Prefix: K().Str("9")}, {Reverse: true, Index: "name", Prefix: K().Str("250")}} {
			for e := range tab.Scan(tx, r) {
				t.Errorf("%+v: record %d", r, e.ID)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// Whole stretches of records, many pages long, come and go in one transaction:
// every walk in it still finds exactly what is there. (TestAgainstModel looks
// at few records more closely.)
func TestWalkOverManyPages(t *testing.T) {
	s, tab := newStore(t, Options{NoSync: true})
	const most = 600
	pad := strings.Repeat("x", 300)
	there := map[uint64]bool{}
	rapid.Check(t, func(r *rapid.T) {
		next := maps.Clone(there)
		err := s.Update(context.Background(), func(tx *Tx) error {
			for range rapid.IntRange(1, 4).Draw(r, "stretches") {
				from := rapid.Uint64Range(1, most).Draw(r, "from")
				to := min(most, from+rapid.Uint64Range(0, most).Draw(r, "length"))
				del := rapid.Bool().Draw(r, "delete")
				for id := from; id <= to; id++ {
					var err error
					switch {
					case del && next[id]:
						err = tab.Delete(tx, id)
						delete(next, id)
					case !del && !next[id]:
						err = tab.Insert(tx, id, &item{Name: fmt.Sprintf("%0200d", id), Pad: pad})
						next[id] = true
					}
					if err != nil {
						return err
					}
				}
			}
			after := rapid.Uint64Range(0, most+1).Draw(r, "after")
			for _, x := range []struct {
				index string
				after Key
			}{{"", K().Uint(after)}, {"name", K().Str(fmt.Sprintf("%0200d", after))}, {"", nil}, {"name", nil}} {
				for _, reverse := range []bool{false, true} {
					var want, got []uint64
					for _, id := range slices.Sorted(maps.Keys(next)) {
						if x.after == nil || (reverse && id < after) || (!reverse && id > after) {
							want = append(want, id)
						}
					}
					if reverse {
						slices.Reverse(want)
					}
					for e := range tab.Scan(tx, Range{Index: x.index, After: x.after, Reverse: reverse}) {
						got = append(got, e.ID)
					}
					if !slices.Equal(got, want) {
						r.Fatalf("index %q after %d, reverse %v: %d entries, want %d", x.index, after, reverse, len(got), len(want))
					}
				}
			}
			return nil
		})
		var p *PanicError
		if errors.As(err, &p) {
			panic(p.Value) // rapid ends a run so
		}
		if err != nil {
			r.Fatal(err)
		}
		there = next
	})
}

// A bucket of values is gone through page by page, also when the last key of a
// page is deleted in between.
func TestValuesAfter(t *testing.T) {
	s, _ := newStore(t, Options{NoSync: true})
	var want []string
	if err := s.Update(t.Context(), func(tx *Tx) error {
		for _, k := range []string{"a", "a\x00", "b", "c\xff", "d"} {
			want = append(want, k)
			if err := tx.PutValue("box", k, []byte(k)); err != nil {
				return err
			}
		}
		return tx.PutValue("boy", "z", []byte("z"))
	}); err != nil {
		t.Fatal(err)
	}
	var got []string
	for after, more := "", true; more; {
		more = false
		if err := s.Update(t.Context(), func(tx *Tx) error {
			for k, v := range tx.ValuesAfter("box", after) {
				if more {
					return tx.PutValue("box", after, nil)
				}
				if string(v) != k {
					t.Errorf("%q holds %q", k, v)
				}
				got, after, more = append(got, k), k, true
			}
			return nil
		}); err != nil {
			t.Fatal(err)
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}
