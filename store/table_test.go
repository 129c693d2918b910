package store_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"throughline/store"
	"throughline/store/storetest"
)

// person is the record of most tests: a unique index that may be empty, a
// counted one, and one with several keys.
type person struct {
	Email string    `json:"email,omitempty"`
	Team  string    `json:"team"`
	Tags  []string  `json:"tags,omitempty"`
	Note  string    `json:"note,omitempty"`
	Since time.Time `json:"since,omitzero"`
}

func people(s *store.Store) *store.Table[person] {
	return store.NewTable(s, "people", store.TableOptions[person]{
		Compress: true,
		Indexes:  personIndexes(),
	})
}

func personIndexes() []store.Index[person] {
	return []store.Index[person]{
		{Name: "email", Unique: true, Keys: func(p *person) []store.Key {
			if p.Email == "" {
				return nil
			}
			return []store.Key{store.K().Str(p.Email)}
		}},
		{Name: "team", Count: true, Keys: func(p *person) []store.Key {
			return []store.Key{store.K().Str(p.Team).TimeDesc(p.Since)}
		}},
		{Name: "tag", Count: true, Keys: func(p *person) []store.Key {
			var ks []store.Key
			for _, tag := range p.Tags {
				ks = append(ks, store.K().Str(tag))
			}
			return ks
		}},
	}
}

func update(t testing.TB, s *store.Store, fn func(tx *store.Tx) error) {
	t.Helper()
	if err := s.Update(context.Background(), fn); err != nil {
		t.Fatal(err)
	}
}

func view(t testing.TB, s *store.Store, fn func(tx *store.Tx) error) {
	t.Helper()
	if err := s.View(fn); err != nil {
		t.Fatal(err)
	}
}

func ids(seq func(func(store.Entry) bool)) []uint64 {
	var all []uint64
	for e := range seq {
		all = append(all, e.ID)
	}
	return all
}

func TestTable(t *testing.T) {
	s := storetest.Open(t)
	tab := people(s)
	day := func(n int) time.Time { return time.Date(2026, 1, n, 0, 0, 0, 0, time.UTC) }
	update(t, s, func(tx *store.Tx) error {
		for i := 1; i <= 5; i++ {
			p := person{
				Email: fmt.Sprintf("p%d@example.org", i), Team: []string{"red", "blue"}[i%2],
				Tags: []string{"all", "all", fmt.Sprint("n", i)}, Since: day(i), Note: strings.Repeat("long note ", i*20),
			}
			if err := tab.Insert(tx, tx.NextID(), &p); err != nil {
				return err
			}
		}
		return nil
	})
	view(t, s, func(tx *store.Tx) error {
		p, err := tab.Get(tx, 3)
		if err != nil {
			return err
		}
		if p.Email != "p3@example.org" || !p.Since.Equal(day(3)) || len(p.Note) != 600 {
			t.Errorf("record 3 = %+v", p)
		}
		if _, err := tab.Get(tx, 99); !errors.Is(err, store.ErrNotFound) || !strings.Contains(err.Error(), "people 99") {
			t.Errorf("missing record: %v", err)
		}
		if id, ok := tab.Lookup(tx, "email", store.K().Str("p4@example.org")); id != 4 || !ok {
			t.Errorf("lookup = %d, %v", id, ok)
		}
		if id, ok := tab.Lookup(tx, "email", store.K().Str("p4@example.or")); ok {
			t.Errorf("lookup of an absent key found %d", id)
		}
		for _, c := range []struct {
			name string
			r    store.Range
			want []uint64
		}{
			{"all", store.Range{}, []uint64{1, 2, 3, 4, 5}},
			{"reverse", store.Range{Reverse: true}, []uint64{5, 4, 3, 2, 1}},
			{"from id", store.Range{After: store.K().Uint(3)}, []uint64{4, 5}},
			{"before id", store.Range{After: store.K().Uint(3), Reverse: true}, []uint64{2, 1}},
			{"newest of a team", store.Range{Index: "team", Prefix: store.K().Str("blue")}, []uint64{5, 3, 1}},
			{"oldest of a team", store.Range{Index: "team", Prefix: store.K().Str("blue"), Reverse: true}, []uint64{1, 3, 5}},
			{"no such team", store.Range{Index: "team", Prefix: store.K().Str("blu")}, nil},
			{"no such team, reverse", store.Range{Index: "team", Prefix: store.K().Str("zzz"), Reverse: true}, nil},
			{"tag twice in a record", store.Range{Index: "tag", Prefix: store.K().Str("all")}, []uint64{1, 2, 3, 4, 5}},
			{"unique", store.Range{Index: "email"}, []uint64{1, 2, 3, 4, 5}},
			{"after before the prefix", store.Range{Index: "team", Prefix: store.K().Str("red"), After: store.K().Str("a")}, []uint64{4, 2}},
			{"after behind the prefix", store.Range{Index: "team", Prefix: store.K().Str("blue"), After: store.K().Str("z")}, nil},
			{"reverse from behind the prefix", store.Range{Index: "team", Prefix: store.K().Str("blue"), After: store.K().Str("z"), Reverse: true}, []uint64{1, 3, 5}},
		} {
			if got := ids(tab.Scan(tx, c.r)); !slices.Equal(got, c.want) {
				t.Errorf("%s: %v, want %v", c.name, got, c.want)
			}
		}
		if n := tab.Count(tx, "team", store.K().Str("blue")); n != 3 {
			t.Errorf("team count = %d", n)
		}
		if n := tab.Count(tx, "tag", store.K().Str("all")); n != 5 {
			t.Errorf("tag count = %d", n)
		}
		if n := tab.Len(tx); n != 5 {
			t.Errorf("len = %d", n)
		}
		n := 0
		for p, err := range tab.All(tx, store.Range{Index: "team", Reverse: true}) {
			if err != nil || p.Team == "" {
				t.Errorf("all: %v, %v", p, err)
			}
			if n++; n == 2 {
				break
			}
		}
		return nil
	})
}

func TestScanPages(t *testing.T) {
	s := storetest.Open(t)
	tab := people(s)
	update(t, s, func(tx *store.Tx) error {
		for range 1000 {
			if err := tab.Insert(tx, tx.NextID(), &person{Team: "red"}); err != nil {
				return err
			}
		}
		return nil
	})
	for _, r := range []store.Range{{}, {Reverse: true}, {Index: "team", Prefix: store.K().Str("red")}, {Index: "team", Reverse: true}} {
		seen := map[uint64]bool{}
		for more := true; more; {
			more = false
			view(t, s, func(tx *store.Tx) error {
				n := 0
				for e := range tab.Scan(tx, r) {
					if seen[e.ID] {
						t.Fatalf("%+v: id %d twice", r, e.ID)
					}
					_ = append(r.After, "over this position"...)
					seen[e.ID], r.After = true, e.Pos
					if n++; n == 37 {
						more = true
						break
					}
				}
				return nil
			})
		}
		if len(seen) != 1000 {
			t.Errorf("%+v: %d records", r, len(seen))
		}
	}
}

// A loop may delete and change what it goes through.
func TestScanWhileWriting(t *testing.T) {
	s := storetest.Open(t)
	tab := people(s)
	update(t, s, func(tx *store.Tx) error {
		for range 500 {
			if err := tab.Insert(tx, tx.NextID(), &person{Team: "red"}); err != nil {
				return err
			}
		}
		n := 0
		for e := range tab.Scan(tx, store.Range{Index: "team", Prefix: store.K().Str("red"), Reverse: true}) {
			n++
			var err error
			if e.ID%2 == 0 {
				err = tab.Delete(tx, e.ID)
			} else {
				err = tab.Put(tx, e.ID, &person{Team: "blue"})
			}
			if err != nil {
				return err
			}
		}
		if n != 500 || tab.Len(tx) != 250 || tab.Count(tx, "team", store.K().Str("red")) != 0 {
			t.Errorf("visited %d, left %d", n, tab.Len(tx))
		}
		return nil
	})
}

func TestDuplicate(t *testing.T) {
	s := storetest.Open(t)
	tab := people(s)
	update(t, s, func(tx *store.Tx) error {
		return errors.Join(
			tab.Insert(tx, tx.NextID(), &person{Email: "ann@example.org", Team: "red"}),
			tab.Insert(tx, tx.NextID(), &person{Email: "bob@example.org", Team: "red"}))
	})
	update(t, s, func(tx *store.Tx) error {
		err := tab.Put(tx, 2, &person{Email: "ann@example.org", Team: "blue", Tags: []string{"x"}})
		var dup *store.DuplicateError
		if !errors.As(err, &dup) || *dup != (store.DuplicateError{Table: "people", Index: "email", ID: 1}) {
			t.Errorf("put: %v", err)
		}
		p, err := tab.Get(tx, 2)
		if err != nil || p.Team != "red" {
			t.Errorf("the failed put changed the record: %+v, %v", p, err)
		}
		// The key is free again when its owner gives it up in the same transaction.
		return errors.Join(
			tab.Put(tx, 1, &person{Email: "ann@example.com", Team: "red"}),
			tab.Put(tx, 2, &person{Email: "ann@example.org", Team: "red"}))
	})
}

func TestRefused(t *testing.T) {
	s := storetest.Open(t)
	tab := people(s)
	update(t, s, func(tx *store.Tx) error {
		long := strings.Repeat("x", store.MaxKey)
		for name, err := range map[string]error{
			"id 0":               tab.Put(tx, 0, &person{}),
			"key too long":       tab.Put(tx, 1, &person{Email: long, Team: "red"}),
			"counted too long":   tab.Put(tx, 1, &person{Team: long}),
			"no value key":       tx.PutValue("b", "", nil),
			"bucket with slash":  tx.PutValue("a/b", "k", []byte("v")),
			"nameless bucket":    tx.PutValue("", "k", []byte("v")),
			"delete the missing": tab.Delete(tx, 7),
		} {
			if err == nil {
				t.Errorf("%s: no error", name)
			}
		}
		if tab.Len(tx) != 0 {
			t.Error("a refused Put was written")
		}
		// The longest allowed key works, as a counter too.
		return tab.Put(tx, 1, &person{Email: long[:store.MaxKey-1], Team: long[:store.MaxKey-9]})
	})
	view(t, s, func(tx *store.Tx) error {
		if err := tab.Put(tx, 2, &person{}); !errors.Is(err, store.ErrReadOnly) {
			t.Errorf("put in a view: %v", err)
		}
		if err := tab.Delete(tx, 1); !errors.Is(err, store.ErrReadOnly) {
			t.Errorf("delete in a view: %v", err)
		}
		if err := tx.PutValue("b", "k", []byte("v")); !errors.Is(err, store.ErrReadOnly) {
			t.Errorf("value in a view: %v", err)
		}
		return nil
	})
	for name, fn := range map[string]func(){
		"table twice": func() { people(s) },
		"bad name":    func() { store.NewTable(s, "a/b", store.TableOptions[person]{}) },
		"no keys": func() {
			store.NewTable(s, "p2", store.TableOptions[person]{Indexes: []store.Index[person]{{Name: "x"}}})
		},
		"index twice": func() {
			store.NewTable(s, "p3", store.TableOptions[person]{Indexes: append(personIndexes(), personIndexes()...)})
		},
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: no panic", name)
				}
			}()
			fn()
		}()
	}
}

func TestBytesRecords(t *testing.T) {
	s := storetest.Open(t)
	raw := store.NewTable(s, "raw", store.TableOptions[store.Bytes]{Compress: true, Append: true})
	want := []store.Bytes{{}, {0}, {1, 2}, store.Bytes("{}"), store.Bytes(strings.Repeat("Received: by mail.example.org\r\n", 100))}
	update(t, s, func(tx *store.Tx) error {
		for i, b := range want {
			if err := raw.Insert(tx, uint64(i+1), &b); err != nil {
				return err
			}
		}
		return nil
	})
	view(t, s, func(tx *store.Tx) error {
		for i, b := range want {
			got, err := raw.Get(tx, uint64(i+1))
			if err != nil || string(*got) != string(b) {
				t.Errorf("record %d: %q, %v", i+1, *got, err)
			}
		}
		return nil
	})
}

func TestValues(t *testing.T) {
	s := storetest.Open(t)
	update(t, s, func(tx *store.Tx) error {
		val := []byte("first")
		err := tx.PutValue("cursor", "b", val)
		val[0] = 'X' // the store keeps its own copy
		return errors.Join(err, tx.PutValue("cursor", "a", []byte{}), tx.PutValue("cursor", "c", []byte("c")),
			tx.PutValue("cursor", "c", nil), tx.PutValue("other", "z", []byte("z")), tx.PutValue("none", "z", nil))
	})
	view(t, s, func(tx *store.Tx) error {
		got := ""
		for k, v := range tx.Values("cursor") {
			got += fmt.Sprintf("%s=%s;", k, v)
		}
		if got != "a=;b=first;" {
			t.Errorf("values: %s", got)
		}
		if v := tx.GetValue("cursor", "a"); v == nil || len(v) != 0 {
			t.Errorf("empty value: %v", v)
		}
		if v := tx.GetValue("cursor", "c"); v != nil {
			t.Errorf("deleted value: %q", v)
		}
		if v := tx.GetValue("nowhere", "c"); v != nil {
			t.Errorf("absent value: %q", v)
		}
		return nil
	})
}

// TestScanBackOverDeleted scans backwards over a stretch deleted in the same
// transaction: the pages it leaves empty must not look like the beginning.
func TestScanBackOverDeleted(t *testing.T) {
	s := storetest.Open(t)
	type row struct{ Text string }
	tab := store.NewTable(s, "rows", store.TableOptions[row]{})
	const n, kept = 2000, 7
	update := func(fn func(tx *store.Tx) error) {
		t.Helper()
		if err := s.Update(t.Context(), fn); err != nil {
			t.Fatal(err)
		}
	}
	update(func(tx *store.Tx) error {
		for id := range uint64(n) {
			if err := tab.Insert(tx, id+1, &row{Text: strings.Repeat("x", 200)}); err != nil {
				return err
			}
		}
		return nil
	})
	update(func(tx *store.Tx) error {
		for id := uint64(kept + 1); id <= n-3; id++ {
			if err := tab.Delete(tx, id); err != nil {
				return err
			}
		}
		var got []uint64
		for e := range tab.Scan(tx, store.Range{Reverse: true}) {
			got = append(got, e.ID)
		}
		want := []uint64{n, n - 1, n - 2, 7, 6, 5, 4, 3, 2, 1}
		if !slices.Equal(got, want) {
			t.Errorf("backwards: %v, want %v", got, want)
		}
		got = nil
		for e := range tab.Scan(tx, store.Range{Reverse: true, After: store.K().Uint(n - 2)}) {
			got = append(got, e.ID)
		}
		if !slices.Equal(got, want[3:]) {
			t.Errorf("backwards from a position: %v, want %v", got, want[3:])
		}
		return nil
	})
}
