package store

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"maps"
	"slices"
	"strings"

	"go.etcd.io/bbolt"
)

// Check examines the whole file and returns what is wrong, in words; nothing
// for a sound file. It checks the pages (while Updates wait), and then, a table
// at a time in one View, whether every index entry and every counter is what
// the records say, no unique key is taken twice, and no bucket belongs to a
// table that is not declared. On a large busy store it should run at a quiet
// hour or on a backup.
func (s *Store) Check(ctx context.Context) ([]string, error) {
	c := &checker{ctx: ctx}
	pages := func() error {
		return s.db.View(func(btx *bbolt.Tx) error {
			for err := range btx.Check() {
				c.add("file: %v", err)
			}
			return nil
		})
	}
	var err error
	if s.readOnly {
		err = pages()
	} else {
		// bbolt's check reads the free list, which the writer changes.
		err = s.exclusive(ctx, pages)
	}
	if err != nil {
		return nil, err
	}
	if len(c.problems) > 0 {
		// Walking damaged pages may crash, and would only repeat the matter.
		return limitProblems(c.problems), nil
	}
	tables := s.registered()
	if err := s.View(func(tx *Tx) error { return c.buckets(tx, tables) }); err != nil {
		return nil, err
	}
	for _, name := range slices.Sorted(maps.Keys(tables)) {
		err := s.View(func(tx *Tx) error {
			c.tx = tx
			return tables[name].check(c)
		})
		if err != nil {
			return nil, err
		}
	}
	return limitProblems(c.problems), nil
}

// checker collects the problems of one Check.
type checker struct {
	ctx      context.Context
	tx       *Tx
	problems []string
	steps    int
}

func (c *checker) add(format string, args ...any) {
	c.problems = append(c.problems, fmt.Sprintf(format, args...))
}

// pause lets a long check be ended; it is called for each record and entry.
func (c *checker) pause() error {
	if c.steps++; c.steps%1024 == 0 {
		return c.ctx.Err()
	}
	return nil
}

// buckets reports top-level buckets and counters that belong to no table, and
// tables whose rebuild was interrupted.
func (c *checker) buckets(tx *Tx, tables map[string]table) error {
	known := map[string]bool{metaBucket: true, countersBucket: true}
	for _, t := range tables {
		for _, b := range t.buckets() {
			known[b] = true
		}
	}
	err := tx.g.btx.ForEach(func(name []byte, _ *bbolt.Bucket) error {
		if b := string(name); !known[b] && !isValues(b) {
			c.add("bucket %s belongs to no known table or index", b)
		}
		return nil
	})
	tx.walk(countersBucket, nil, nil, false, func(k, _ []byte) bool {
		name, _, _ := bytes.Cut(k, []byte{0})
		if tables[string(name)] == nil {
			c.add("counter %q belongs to no known table", k)
		}
		return true
	})
	tx.walk(metaBucket, []byte(keyStale), nil, false, func(k, _ []byte) bool {
		c.add("table %s waits for its indexes to be rebuilt", k[len(keyStale):])
		return true
	})
	return err
}

// check compares the indexes and counters of a table with its records.
func (t *Table[V]) check(c *checker) error {
	tx := c.tx
	var err error
	records := 0
	matched := make([]int, len(t.indexes)) // entries that are there and right
	tx.walk(t.bucket, nil, nil, false, func(k, stored []byte) bool {
		if err = c.pause(); err != nil {
			return false
		}
		if len(k) != 8 {
			c.add("table %s: key %x is no id", t.name, k)
			return true
		}
		records++
		id := binary.BigEndian.Uint64(k)
		v, _, derr := t.decode(id, stored)
		if derr != nil {
			c.add("%v", derr)
			return true
		}
		for i, x := range t.indexes {
			matched[i] += t.checkRecord(c, x, id, v)
		}
		return true
	})
	if err != nil {
		return err
	}
	declared := map[string]bool{"": true}
	c.counter(t.name, counterName(t.name, ""), "records", records)
	for i, x := range t.indexes {
		if err := t.checkIndex(c, x, matched[i]); err != nil {
			return err
		}
		declared[x.Name] = x.Count
	}
	prefix := []byte(t.name + "\x00")
	tx.walk(countersBucket, prefix, nil, false, func(k, _ []byte) bool {
		if index, _, _ := strings.Cut(string(k[len(prefix):]), "\x00"); !declared[index] {
			c.add("counter %q belongs to no counted index of table %s", k, t.name)
		}
		return true
	})
	return nil
}

// checkRecord looks up every entry a record must have in an index and returns
// how many are right.
func (t *Table[V]) checkRecord(c *checker, x *index[V], id uint64, v *V) int {
	right := 0
	for _, key := range x.keys(v) {
		k, _ := x.entry(key, id)
		val := c.tx.g.get(x.bucket, k)
		got, ok := x.id(k, val)
		switch {
		case val == nil:
			c.add("table %s: index %s lacks key %s of record %d", t.name, x.Name, show(key), id)
		case !ok:
			c.add("table %s: index %s has a malformed entry at %s", t.name, x.Name, show(k))
		case got == id:
			right++
		case t.hasKey(c.tx, x, got, key):
			c.add("table %s: records %d and %d have the same key %s in unique index %s", t.name, got, id, show(key), x.Name)
		default:
			c.add("table %s: index %s leads from key %s of record %d to record %d", t.name, x.Name, show(key), id, got)
		}
	}
	return right
}

// hasKey tells whether a record exists and has this key.
func (t *Table[V]) hasKey(tx *Tx, x *index[V], id uint64, key Key) bool {
	v, err := t.Get(tx, id)
	return err == nil && containsKey(x.keys(v), key)
}

// checkIndex counts the entries of an index and compares its counters with
// them. Only if there are more entries than the matched ones does it look for
// those that should not be.
func (t *Table[V]) checkIndex(c *checker, x *index[V], matched int) error {
	var err error
	entries, inGroup := 0, 0
	var group Key
	endGroup := func() {
		if x.Count && inGroup > 0 {
			c.counter(t.name, x.counter+string(group), "index "+x.Name+" "+show(group), inGroup)
		}
		inGroup = 0
	}
	c.tx.walk(x.bucket, nil, nil, false, func(k, _ []byte) bool {
		if err = c.pause(); err != nil {
			return false
		}
		entries++
		if key := x.key(k); inGroup == 0 || !bytes.Equal(key.first(), group) {
			endGroup()
			group = bytes.Clone(key.first())
		}
		inGroup++
		return true
	})
	if err != nil {
		return err
	}
	endGroup()
	if x.Count {
		t.checkCounters(c, x)
	}
	if entries == matched {
		return nil
	}
	c.tx.walk(x.bucket, nil, nil, false, func(k, v []byte) bool {
		if err = c.pause(); err != nil {
			return false
		}
		if id, ok := x.id(k, v); !ok {
			c.add("table %s: index %s has a malformed entry at %s", t.name, x.Name, show(k))
		} else if key := x.key(k); !t.hasKey(c.tx, x, id, key) {
			c.add("table %s: index %s has key %s for record %d, which has no such key", t.name, x.Name, show(key), id)
		}
		return true
	})
	return err
}

// checkCounters reports counters of groups that have no entry at all.
func (t *Table[V]) checkCounters(c *checker, x *index[V]) {
	c.tx.walk(countersBucket, []byte(x.counter), nil, false, func(k, _ []byte) bool {
		group := Key(k[len(x.counter):])
		found := false
		c.tx.walk(x.bucket, group, nil, false, func(e, _ []byte) bool {
			found = bytes.Equal(x.key(e).first(), group)
			return false
		})
		if !found {
			c.add("table %s: index %s counts %d entries of %s, there are none", t.name, x.Name, c.tx.g.count(string(k)), show(group))
		}
		return true
	})
}

// counter compares one counter with what was counted.
func (c *checker) counter(table, name, what string, want int) {
	if got := c.tx.g.count(name); got != want {
		c.add("table %s: counter of %s is %d, there are %d", table, what, got, want)
	}
}

// key returns the key part of a stored entry.
func (x *index[V]) key(k []byte) Key {
	if x.Unique || len(k) < 8 {
		return k
	}
	return k[:len(k)-8]
}

// show prints a key for people, cut to a readable length.
func show(k Key) string {
	const limit = 80
	if len(k) > limit {
		return fmt.Sprintf("%q…", []byte(k[:limit]))
	}
	return fmt.Sprintf("%q", []byte(k))
}
