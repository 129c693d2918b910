package store

import (
	"bytes"
	"encoding/binary"
	"math"
	"time"
)

// Key is the key of an index entry, or a prefix of one. It is built from
// components and sorts bytewise as the components sort one after the other:
//
//	store.K().Str("open").TimeDesc(c.Updated) // open conversations, newest first
//
// Each method returns a new Key and leaves its receiver alone, so a common
// prefix can be shared. All keys of one index have the same kinds of components
// in the same order, otherwise their order means nothing.
type Key []byte

// The bytes of a string component. The terminator sorts below everything that
// can stand inside a component, so "a" comes before "ab" whatever follows it.
const (
	keyEnd    = 0x00
	keyEscape = 0x01 // NUL is written 01 01, and 01 itself 01 02
)

// K returns the empty key, which is the prefix of every key.
func K() Key { return nil }

// grow returns a copy of k with room for n more bytes.
func (k Key) grow(n int) Key {
	return append(make(Key, 0, len(k)+n), k...)
}

// Str appends the string s and a terminating 0x00. NUL bytes in s are escaped;
// the order is the bytewise order of the strings.
func (k Key) Str(s string) Key {
	k = k.grow(len(s) + 1)
	for i := range len(s) {
		if c := s[i]; c <= keyEscape {
			k = append(k, keyEscape, c+1)
		} else {
			k = append(k, c)
		}
	}
	return append(k, keyEnd)
}

// Uint appends n as 8 bytes, smallest first.
func (k Key) Uint(n uint64) Key { return binary.BigEndian.AppendUint64(k.grow(8), n) }

// UintDesc appends n as 8 bytes, largest first.
func (k Key) UintDesc(n uint64) Key { return k.Uint(^n) }

// Time appends t with nanosecond precision as 8 bytes, oldest first. Times
// outside the years 1678 to 2262, the zero time among them, count as the
// nearest end of that range.
func (k Key) Time(t time.Time) Key { return k.Uint(timeBits(t)) }

// TimeDesc appends t as Time does, newest first.
func (k Key) TimeDesc(t time.Time) Key { return k.Uint(^timeBits(t)) }

// timeBits maps times to numbers of the same order: UnixNano with its sign bit
// turned.
func timeBits(t time.Time) uint64 {
	n := t.UnixNano()
	switch {
	case t.Before(time.Unix(0, math.MinInt64)):
		n = math.MinInt64
	case t.After(time.Unix(0, math.MaxInt64)):
		n = math.MaxInt64
	}
	return uint64(n) ^ 1<<63
}

// first returns the first component of a key that begins with a string,
// including its terminator.
func (k Key) first() Key {
	if i := bytes.IndexByte(k, keyEnd); i >= 0 {
		return k[:i+1]
	}
	return k
}

// idKey is the key of a record in its table, and the end of a non-unique index
// entry.
func idKey(id uint64) []byte { return binary.BigEndian.AppendUint64(nil, id) }

// prefixEnd returns the smallest key above all keys that begin with p, nil if
// there is none.
func prefixEnd(p []byte) []byte {
	for i := len(p) - 1; i >= 0; i-- {
		if p[i] != 0xff {
			end := bytes.Clone(p[:i+1])
			end[i]++
			return end
		}
	}
	return nil
}
