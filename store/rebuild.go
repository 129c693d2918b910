package store

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
)

const (
	// rebuildBatch is the number of records indexed in one transaction.
	rebuildBatch = 5000
	// maxProblems limits the problems that Check and Rebuild list.
	maxProblems = 1000
)

// Rebuild drops the indexes and counters of all declared tables and makes them
// anew from the records. Updates wait until it has finished, and Views see
// incomplete indexes meanwhile: it is the work of a repair command. If it is
// interrupted, the next NewTable of an unfinished table starts it over.
//
// Records that cannot be read, and keys of unique indexes that two records
// claim (the lower id gets it), are left out and listed in the error.
func (s *Store) Rebuild(ctx context.Context) error {
	var problems []string
	err := s.exclusive(ctx, func() error {
		tables := s.registered()
		for _, name := range slices.Sorted(maps.Keys(tables)) {
			found, err := s.rebuild(ctx, tables[name])
			if err != nil {
				return fmt.Errorf("store: rebuild %s: %w", name, err)
			}
			problems = append(problems, found...)
		}
		return nil
	})
	if err != nil || len(problems) == 0 {
		return err
	}
	return errors.New("store: rebuilt except for: " + strings.Join(limitProblems(problems), "; "))
}

// fit rebuilds the indexes of a table that are missing or marked stale, and
// drops those that are no longer declared. What the rebuild finds wrong with
// the records is Check's to tell.
func (s *Store) fit(t table) error {
	if s.readOnly {
		return nil
	}
	var build bool
	var old []string
	err := s.View(func(tx *Tx) error {
		build = tx.g.get(metaBucket, []byte(keyStale+t.tableName())) != nil
		declared := t.buckets()
		if tx.g.bucket(declared[0]) != nil {
			for _, b := range declared[1:] {
				build = build || tx.g.bucket(b) == nil
			}
		}
		for _, b := range tx.g.indexBuckets(t.tableName()) {
			if !slices.Contains(declared, b) {
				old = append(old, b)
			}
		}
		return nil
	})
	if err != nil || (!build && len(old) == 0) {
		return err
	}
	return s.exclusive(context.Background(), func() error {
		_, err := s.rebuild(context.Background(), t)
		return err
	})
}

// rebuild makes the indexes and counters of one table anew, in batches, on the
// writer goroutine. A mark in the file makes a crash in the middle harmless.
func (s *Store) rebuild(ctx context.Context, t table) ([]string, error) {
	mark := []byte(keyStale + t.tableName())
	err := s.direct(func(tx *Tx) error {
		for _, b := range tx.g.indexBuckets(t.tableName()) {
			if err := tx.g.drop(b); err != nil {
				return err
			}
		}
		var err error
		prefix := []byte(t.tableName() + "\x00")
		tx.walk(countersBucket, prefix, nil, false, func(k, _ []byte) bool {
			err = tx.write(countersBucket, 0, bytes.Clone(k), nil)
			return err == nil
		})
		if err != nil {
			return err
		}
		return tx.write(metaBucket, 0, mark, []byte{1})
	})
	if err != nil {
		return nil, err
	}
	var problems []string
	var last uint64
	for done := false; !done; {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		err := s.direct(func(tx *Tx) error {
			var found []string
			var err error
			last, done, found, err = t.reindex(tx, last, rebuildBatch)
			problems = append(problems, found...)
			if err == nil && done {
				err = tx.write(metaBucket, 0, mark, nil)
			}
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	return problems, nil
}

// reindex writes the index entries and counts of the records behind after, at
// most max of them.
func (t *Table[V]) reindex(tx *Tx, after uint64, max int) (last uint64, done bool, problems []string, err error) {
	if tx.g.bucket(t.bucket) == nil {
		return 0, true, nil, nil
	}
	for _, b := range t.buckets() {
		if err := tx.g.createBucket(b); err != nil {
			return 0, false, nil, err
		}
	}
	n := 0
	done = true
	tx.walk(t.bucket, nil, idKey(after), false, func(k, stored []byte) bool {
		if n == max || tx.g.bytes > maxGroupBytes {
			done = false
			return false
		}
		n++
		if len(k) != 8 {
			problems = append(problems, fmt.Sprintf("table %s: key %x is no id", t.name, k))
			return true
		}
		last = binary.BigEndian.Uint64(k)
		tx.g.add(counterName(t.name, ""), 1)
		v, _, derr := t.decode(last, stored)
		if derr != nil {
			problems = append(problems, derr.Error())
			return true
		}
		for _, x := range t.indexes {
			for _, key := range x.keys(v) {
				if other, ok := t.lookup(tx, x, key); x.Unique && ok {
					problems = append(problems, fmt.Sprintf("table %s: records %d and %d have the same key in unique index %s", t.name, other, last, x.Name))
					continue
				}
				if err = t.apply(tx, last, []change[V]{{x, key, true}}); err != nil {
					return false
				}
			}
		}
		return true
	})
	return last, done, problems, err
}

// limitProblems cuts a long list.
func limitProblems(all []string) []string {
	if len(all) <= maxProblems {
		return all
	}
	return append(all[:maxProblems:maxProblems], fmt.Sprintf("and %d more", len(all)-maxProblems))
}
