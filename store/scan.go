package store

import (
	"bytes"
	"iter"
)

// posRoom is the size in which Scan allocates room for positions.
const posRoom = 512

// Range says what Scan and All go through.
type Range struct {
	// Index by whose keys records come in order; "" is the order of the ids.
	Index string
	// Prefix leaves only entries whose key begins with it.
	Prefix Key
	// After begins behind this position: the Pos of an earlier Entry, also one
	// that is gone by now. nil begins at the start. Any Key does, so
	// K().Uint(n) begins behind id n of the primary order.
	After Key
	// Reverse goes from the last entry to the first.
	Reverse bool
}

// Entry is one step of a Scan. Of an index with several keys for a record it
// shows each.
type Entry struct {
	ID  uint64
	Pos Key // the whole stored key; for Range.After
}

// Scan goes through the entries of a range without reading their records. The
// loop may change the table in an Update: it goes on behind the last entry.
func (t *Table[V]) Scan(tx *Tx, r Range) iter.Seq[Entry] {
	bucket := t.bucket
	var x *index[V]
	if r.Index == "" {
		x = &index[V]{} // the keys of the table end in the id, like those of an index
	} else {
		x = t.index(r.Index)
		bucket = x.bucket
	}
	return func(yield func(Entry) bool) {
		var room []byte // positions are cut from it, several for one allocation
		tx.walk(bucket, r.Prefix, r.After, r.Reverse, func(k, v []byte) bool {
			if r.Index == "" {
				v = nil
			}
			id, ok := x.id(k, v)
			if !ok {
				return true // malformed: Check tells
			}
			if cap(room)-len(room) < len(k) {
				room = make([]byte, 0, max(posRoom, len(k)))
			}
			room = append(room, k...)
			pos := room[len(room)-len(k) : len(room) : len(room)]
			return yield(Entry{ID: id, Pos: pos})
		})
	}
}

// All goes through the records of a range. A record that cannot be read comes
// as an error, after which the loop may go on. Use Scan and Get where the id or
// the position is needed too.
func (t *Table[V]) All(tx *Tx, r Range) iter.Seq2[*V, error] {
	return func(yield func(*V, error) bool) {
		for e := range t.Scan(tx, r) {
			if !yield(t.Get(tx, e.ID)) {
				return
			}
		}
	}
}

// ValuesAfter is Values from behind a key, which may be gone by now, so that
// long work can go through a bucket in short transactions. "" is the start.
func (tx *Tx) ValuesAfter(bucket, after string) iter.Seq2[string, []byte] {
	var from []byte
	if after != "" {
		from = []byte(after)
	}
	return func(yield func(string, []byte) bool) {
		tx.walk(valuePrefix+bucket, nil, from, false, func(k, v []byte) bool {
			return yield(string(k), bytes.Clone(v))
		})
	}
}
