package store_test

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"throughline/store"
)

// modelMachine drives a table and a plain map with the same operations.
type modelMachine struct {
	path  string
	s     *store.Store
	tab   *store.Table[person]
	model map[uint64]person
}

func (m *modelMachine) open(r *rapid.T) {
	s, err := store.Open(m.path, store.Options{NoSync: true})
	if err != nil {
		r.Fatal(err)
	}
	m.s, m.tab = s, people(s)
}

func (m *modelMachine) close(r *rapid.T) {
	found, err := m.s.Check(context.Background())
	if err != nil || len(found) > 0 {
		r.Errorf("check: %v, %v", found, err)
	}
	if err := m.s.Close(); err != nil {
		r.Error(err)
	}
}

func drawPerson(r *rapid.T) person {
	return person{
		Email: rapid.SampledFrom([]string{"", "", "a@example.org", "b@example.org", "c@example.org", "d\x00@example.org"}).Draw(r, "email"),
		Team:  rapid.SampledFrom([]string{"", "red", "blue", "re", "red\x00"}).Draw(r, "team"),
		Tags:  rapid.SliceOfN(rapid.SampledFrom([]string{"x", "y", "x\x01"}), 0, 3).Draw(r, "tags"),
		Note:  strings.Repeat("note ", rapid.SampledFrom([]int{0, 0, 3, 200}).Draw(r, "note")),
		Since: time.Unix(int64(rapid.IntRange(-2, 2).Draw(r, "since")), 0).UTC(),
	}
}

// owner is the record that has an email in the model, 0 if none.
func owner(model map[uint64]person, email string) uint64 {
	for id, p := range model {
		if email != "" && p.Email == email {
			return id
		}
	}
	return 0
}

// step does one operation on both and compares the outcome.
func (m *modelMachine) step(r *rapid.T, tx *store.Tx, model map[uint64]person) {
	id := rapid.Uint64Range(1, 12).Draw(r, "id")
	if rapid.IntRange(0, 3).Draw(r, "op") == 0 {
		err := m.tab.Delete(tx, id)
		if _, there := model[id]; there != (err == nil) || (err != nil && !errors.Is(err, store.ErrNotFound)) {
			r.Fatalf("delete %d: %v", id, err)
		}
		delete(model, id)
		return
	}
	p := drawPerson(r)
	put := m.tab.Put
	if _, there := model[id]; !there && rapid.Bool().Draw(r, "insert") {
		put = m.tab.Insert
	}
	err := put(tx, id, &p)
	if has := owner(model, p.Email); has != 0 && has != id {
		var dup *store.DuplicateError
		if !errors.As(err, &dup) || dup.ID != has {
			r.Fatalf("put %d with the email of %d: %v", id, has, err)
		}
		return
	}
	if err != nil {
		r.Fatalf("put %d: %v", id, err)
	}
	model[id] = p
}

// update does some operations in one transaction, which may end in an error.
func (m *modelMachine) update(r *rapid.T) {
	fail := errors.New("fail")
	next := maps.Clone(m.model)
	err := m.s.Update(context.Background(), func(tx *store.Tx) error {
		for range rapid.IntRange(1, 6).Draw(r, "steps") {
			m.step(r, tx, next)
		}
		m.compare(r, tx, next) // it sees its own writes
		if rapid.IntRange(0, 4).Draw(r, "fail") == 0 {
			return fail
		}
		return nil
	})
	var p *store.PanicError
	if errors.As(err, &p) {
		panic(p.Value) // rapid ends a run so
	}
	switch err {
	case nil:
		m.model = next
	case fail:
	default:
		r.Fatal(err)
	}
}

// compare reads everything in every way.
func (m *modelMachine) compare(r *rapid.T, tx *store.Tx, model map[uint64]person) {
	type line struct {
		key store.Key
		id  uint64
	}
	want := map[string][]line{}
	counts := map[string]int{}
	for id, p := range model {
		got, err := m.tab.Get(tx, id)
		if err != nil || !reflect.DeepEqual(normal(*got), normal(p)) {
			r.Fatalf("get %d: %+v, %v, want %+v", id, got, err, p)
		}
		want[""] = append(want[""], line{nil, id})
		for _, x := range personIndexes() {
			keys := x.Keys(&p)
			slices.SortFunc(keys, func(a, b store.Key) int { return bytes.Compare(a, b) })
			for _, k := range slices.CompactFunc(keys, func(a, b store.Key) bool { return bytes.Equal(a, b) }) {
				want[x.Name] = append(want[x.Name], line{k, id})
				counts[x.Name+string(k[:bytes.IndexByte(k, 0)+1])]++
			}
		}
	}
	for _, index := range []string{"", "email", "team", "tag"} {
		lines := want[index]
		slices.SortFunc(lines, func(a, b line) int { return cmp.Or(bytes.Compare(a.key, b.key), cmp.Compare(a.id, b.id)) })
		var prefix store.Key
		if index != "" {
			prefix = rapid.SampledFrom([]store.Key{nil, store.K().Str("red"), store.K().Str("x"), store.K().Str("")}).Draw(r, "prefix")
		}
		var fwd []uint64
		for _, l := range lines {
			if bytes.HasPrefix(l.key, prefix) {
				fwd = append(fwd, l.id)
			}
		}
		back := slices.Clone(fwd)
		slices.Reverse(back)
		for _, reverse := range []bool{false, true} {
			expect := fwd
			if reverse {
				expect = back
			}
			// In pages of any size.
			page := rapid.IntRange(1, 5).Draw(r, "page")
			var got []uint64
			rng := store.Range{Index: index, Prefix: prefix, Reverse: reverse}
			for more := true; more; {
				n := 0
				more = false
				for e := range m.tab.Scan(tx, rng) {
					got, rng.After = append(got, e.ID), e.Pos
					if n++; n == page {
						more = true
						break
					}
				}
			}
			if !slices.Equal(got, expect) {
				r.Fatalf("scan %+v: %v, want %v", rng, got, expect)
			}
		}
	}
	if n := m.tab.Len(tx); n != len(model) {
		r.Fatalf("len %d, want %d", n, len(model))
	}
	for _, group := range []string{"", "red", "blue", "re", "red\x00", "x", "y", "x\x01", "none"} {
		for _, index := range []string{"team", "tag"} {
			g := store.K().Str(group)
			if n := m.tab.Count(tx, index, g); n != counts[index+string(g)] {
				r.Fatalf("count %s %q: %d, want %d", index, group, n, counts[index+string(g)])
			}
		}
	}
	for _, email := range []string{"a@example.org", "d\x00@example.org", "none"} {
		id, ok := m.tab.Lookup(tx, "email", store.K().Str(email))
		if id != owner(model, email) || ok != (id != 0) {
			r.Fatalf("lookup %q: %d, %v", email, id, ok)
		}
	}
}

// normal makes an absent list and an empty one the same.
func normal(p person) person {
	if len(p.Tags) == 0 {
		p.Tags = nil
	}
	return p
}

func TestAgainstModel(t *testing.T) {
	dir := t.TempDir()
	n := 0
	rapid.Check(t, func(r *rapid.T) {
		n++
		m := &modelMachine{path: filepath.Join(dir, fmt.Sprint(n, ".db")), model: map[uint64]person{}}
		m.open(r)
		defer func() { m.close(r) }()
		r.Repeat(map[string]func(*rapid.T){
			"update":       m.update,
			"update again": m.update,
			"reopen": func(r *rapid.T) {
				m.close(r)
				m.open(r)
			},
			"rebuild": func(r *rapid.T) {
				if err := m.s.Rebuild(context.Background()); err != nil {
					r.Fatal(err)
				}
			},
			"": func(r *rapid.T) {
				if err := m.s.View(func(tx *store.Tx) error { m.compare(r, tx, m.model); return nil }); err != nil {
					r.Fatal(err)
				}
			},
		})
	})
}
