package store

import (
	"bytes"
	"sync/atomic"
)

// Limits of a memo: it is for the many small records that lists are made of.
const (
	memoBits   = 10
	memoSlots  = 1 << memoBits
	memoRecord = 2 << 10 // bytes as stored; larger records are decoded each time
)

// memo remembers what some records of a table decode to. It is no cache of the
// file: every use reads the stored bytes and compares them with those that were
// decoded, so that nothing can be out of date, whoever wrote the file.
type memo[V any] struct {
	slots [memoSlots]atomic.Pointer[decoded[V]]
	seen  [memoSlots]atomic.Uint64 // ids that came once: only the second time is worth remembering
}

type decoded[V any] struct {
	stored []byte
	v      V
}

// slot is the place of a record, which it shares with others.
func slot(id uint64) uint64 {
	// Ids of one table often lie a power of two apart: Fibonacci hashing.
	return id * 0x9E3779B97F4A7C15 >> (64 - memoBits)
}

// Peek is Get for readers of small records that are read often, at a fraction of
// its cost. In a View, what slices, maps and pointers in the record lead to may be
// shared with other readers and must not be changed; in an Update all of it is the
// caller's own.
func (t *Table[V]) Peek(tx *Tx, id uint64) (*V, error) {
	if tx.Writable() {
		return t.Get(tx, id)
	}
	stored, err := t.stored(tx, id)
	if err != nil {
		return nil, err
	}
	at := slot(id)
	if d := t.memo.slots[at].Load(); d != nil && bytes.Equal(d.stored, stored) {
		v := d.v
		return &v, nil
	}
	v, err := t.open(id, stored)
	if err == nil && len(stored) <= memoRecord && t.memo.seen[at].Swap(id) == id {
		t.memo.slots[at].Store(&decoded[V]{bytes.Clone(stored), *v})
	}
	return v, err
}
