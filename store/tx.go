package store

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"iter"
	"time"

	"go.etcd.io/bbolt"
)

// Names on disk.
const (
	metaBucket     = "meta"
	countersBucket = "counters"
	tablePrefix    = "t/"
	indexPrefix    = "i/"
	valuePrefix    = "v/"

	keySchema   = "schema"
	keySequence = "sequence"
	keyStale    = "stale/" // + table: its indexes and counters must be rebuilt
)

// maxName is the longest name of a table, index or value bucket, in bytes.
const maxName = 64

// group is one bbolt transaction, which several updates may share.
type group struct {
	s       *Store
	btx     *bbolt.Tx
	buckets map[string]*bbolt.Bucket
	cursors map[string]*bbolt.Cursor // of a read transaction, for get

	writes   int // calls of write and drop
	bytes    int // size of what was written
	seq      uint64
	savedSeq uint64
	deltas   map[string]int64 // changes of counters, written once at the end
	changed  map[string]bool  // buckets that were written to, for those who watch one
}

// Tx is a transaction: the argument of Update's and View's functions. It is
// used by one goroutine, and not after the function has returned.
type Tx struct {
	s     *Store
	g     *group // nil when the function has returned
	now   time.Time
	hooks []func()
}

func newTx(s *Store, g *group) *Tx { return &Tx{s: s, g: g} }

func (tx *Tx) end() { tx.g = nil }

// Now returns the time of the transaction in UTC, the same at every call.
func (tx *Tx) Now() time.Time {
	if tx.now.IsZero() {
		// Without the monotonic reading, so that it equals what JSON gives back.
		tx.now = tx.s.now().UTC().Round(0)
	}
	return tx.now
}

// NextID returns the next number of the one sequence that all tables share; the
// first is 1. Commit order is the order of the numbers; a number whose
// transaction failed is given out again.
func (tx *Tx) NextID() uint64 {
	if !tx.Writable() {
		panic("store: NextID in a read transaction")
	}
	tx.g.seq++
	return tx.g.seq
}

// OnCommit has fn run once the transaction is durable (also if it wrote
// nothing), in order with others, on the writer goroutine and before Update
// returns. fn must be quick and must not call Update; a panic in it ends the
// program. A read transaction has no commit, so there it panics.
func (tx *Tx) OnCommit(fn func()) {
	if !tx.Writable() {
		panic("store: OnCommit in a read transaction")
	}
	tx.hooks = append(tx.hooks, fn)
}

// Writable tells Update's transactions from View's.
func (tx *Tx) Writable() bool { return tx.g.btx.Writable() }

// write is the one place through which every change of the file goes (val nil
// deletes), so that a commit's write-set can later be handed to a replicator
// before the local commit. Indexes that are dropped as a whole (drop) are
// derived data, which each machine rebuilds for itself. The database keeps val
// until the commit: it must not be changed afterwards.
func (tx *Tx) write(bucket string, fill float64, key, val []byte) error {
	return tx.g.write(bucket, fill, key, val)
}

func (g *group) write(bucket string, fill float64, key, val []byte) error {
	if !g.btx.Writable() {
		return ErrReadOnly
	}
	if g.bucket(bucket) == nil {
		if val == nil {
			return nil
		}
		if err := g.createBucket(bucket); err != nil {
			return err
		}
	}
	b := g.buckets[bucket]
	if fill != 0 {
		b.FillPercent = fill
	}
	g.writes++
	g.bytes += len(key) + len(val)
	g.change(bucket)
	var err error
	if val == nil {
		err = b.Delete(key)
	} else {
		err = b.Put(key, val)
	}
	if err != nil {
		return fmt.Errorf("store: bucket %s: %w", bucket, err)
	}
	return nil
}

// change remembers that a bucket was written to.
func (g *group) change(bucket string) {
	if g.changed == nil {
		g.changed = map[string]bool{}
	}
	g.changed[bucket] = true
}

// drop deletes a whole bucket, if it is there.
func (g *group) drop(bucket string) error {
	if g.bucket(bucket) == nil {
		return nil
	}
	g.writes++
	g.change(bucket)
	delete(g.buckets, bucket)
	return g.btx.DeleteBucket([]byte(bucket))
}

// bucket returns an open bucket, nil if there is none.
func (g *group) bucket(name string) *bbolt.Bucket {
	if b := g.buckets[name]; b != nil {
		return b
	}
	b := g.btx.Bucket([]byte(name))
	if b != nil {
		g.keep(name, b)
	}
	return b
}

// createBucket makes a bucket, if it is not there.
func (g *group) createBucket(name string) error {
	b, err := g.btx.CreateBucketIfNotExists([]byte(name))
	if err != nil {
		return fmt.Errorf("store: bucket %s: %w", name, err)
	}
	g.writes++
	g.keep(name, b)
	return nil
}

func (g *group) keep(name string, b *bbolt.Bucket) {
	if g.buckets == nil {
		g.buckets = map[string]*bbolt.Bucket{}
	}
	g.buckets[name] = b
}

// get returns database memory, valid until the next write; nil if absent.
func (g *group) get(bucket string, key []byte) []byte {
	b := g.bucket(bucket)
	if b == nil {
		return nil
	}
	if g.btx.Writable() {
		return b.Get(key)
	}
	// Get would make a cursor each time; one that is kept needs no new memory.
	c := g.cursors[bucket]
	if c == nil {
		if g.cursors == nil {
			g.cursors = map[string]*bbolt.Cursor{}
		}
		c = b.Cursor()
		g.cursors[bucket] = c
	}
	if k, v := c.Seek(key); bytes.Equal(k, key) {
		return v
	}
	return nil
}

func (g *group) readUint(bucket, key string) uint64 {
	v := g.get(bucket, []byte(key))
	if len(v) != 8 {
		return 0
	}
	return binary.BigEndian.Uint64(v)
}

// add changes a counter of the transaction.
func (g *group) add(counter string, n int64) {
	if g.deltas == nil {
		g.deltas = map[string]int64{}
	}
	g.deltas[counter] += n
}

// dirty tells whether there is anything to commit.
func (g *group) dirty() bool { return g.writes > 0 || g.seq != g.savedSeq }

// flush writes the sequence and the counters.
func (g *group) flush() error {
	if g.seq != g.savedSeq {
		if err := g.write(metaBucket, 0, []byte(keySequence), idKey(g.seq)); err != nil {
			return err
		}
		g.savedSeq = g.seq
	}
	for name, n := range g.deltas {
		if n == 0 {
			continue
		}
		var val []byte // a counter of 0 has no entry
		if sum := int64(g.readUint(countersBucket, name)) + n; sum != 0 {
			val = idKey(uint64(sum))
		}
		if err := g.write(countersBucket, 0, []byte(name), val); err != nil {
			return err
		}
	}
	g.deltas = nil
	return nil
}

// rollback ends the transaction without a trace; a second call does nothing.
func (g *group) rollback() { _ = g.btx.Rollback() }

// walk calls yield for the keys of a bucket that begin with prefix, in order or
// in reverse, beginning behind after. The slices are database memory, valid
// until the next write. The transaction may be written to in between.
func (tx *Tx) walk(bucket string, prefix, after []byte, reverse bool, yield func(k, v []byte) bool) {
	g := tx.g
	var last []byte
	for {
		b := g.bucket(bucket)
		if b == nil {
			return
		}
		c := b.Cursor()
		writes := g.writes
		k, v := seek(c, prefix, after, reverse)
		for k != nil && bytes.HasPrefix(k, prefix) {
			if g.btx.Writable() {
				last = append(last[:0], k...)
			}
			if !yield(k, v) {
				return
			}
			if tx.g == nil {
				panic("store: iterator used after its transaction")
			}
			if g.writes != writes {
				break // the cursor is no longer valid: begin again behind last
			}
			if reverse {
				k, v = back(c, last)
			} else {
				k, v = c.Next()
			}
		}
		if g.writes == writes {
			return
		}
		after = last
	}
}

// seek puts a cursor on the first key of a walk.
func seek(c *bbolt.Cursor, prefix, after []byte, reverse bool) (k, v []byte) {
	if !reverse {
		if after == nil || bytes.Compare(after, prefix) < 0 {
			return c.Seek(prefix)
		}
		if k, v = c.Seek(after); k != nil && bytes.Equal(k, after) {
			return c.Next()
		}
		return k, v
	}
	end := prefixEnd(prefix)
	if after != nil && (end == nil || bytes.Compare(after, end) < 0) {
		end = after
	}
	if end == nil {
		return last(c)
	}
	if k, _ := c.Seek(end); k == nil {
		return last(c)
	}
	return back(c, end)
}

// last moves a cursor to the last entry. In a bucket of several pages that this
// transaction has emptied altogether, bbolt's Last never returns.
func last(c *bbolt.Cursor) (k, v []byte) {
	if c.Bucket().Writable() {
		if k, _ := c.First(); k == nil {
			return nil, nil
		}
	}
	return c.Last()
}

// back moves a cursor to the entry before bound. Deletes leave empty pages until
// the commit, and Prev stops at them as if it had reached the beginning (Next
// does not): whether it has is told by the bucket's first key.
func back(c *bbolt.Cursor, bound []byte) (k, v []byte) {
	if k, v = c.Prev(); k != nil || !c.Bucket().Writable() {
		return k, v
	}
	first, _ := c.Bucket().Cursor().First()
	if first == nil || bytes.Compare(first, bound) >= 0 {
		return nil, nil
	}
	for k == nil {
		k, v = c.Prev()
	}
	return k, v
}

// GetValue returns a copy of a named value, nil if there is none.
func (tx *Tx) GetValue(bucket, key string) []byte {
	return bytes.Clone(tx.g.get(valuePrefix+bucket, []byte(key)))
}

// PutValue sets a named value; nil deletes it. Named values are for small
// things that need no table: cursors, settings.
func (tx *Tx) PutValue(bucket, key string, val []byte) error {
	if err := checkName("value bucket", bucket); err != nil {
		return err
	}
	if key == "" || len(key) > bbolt.MaxKeySize {
		return fmt.Errorf("store: value key of %d bytes in %s: use 1 to %d", len(key), bucket, bbolt.MaxKeySize)
	}
	return tx.write(valuePrefix+bucket, 0, []byte(key), bytes.Clone(val))
}

// Values goes through the named values of a bucket in order of their keys, as
// copies.
func (tx *Tx) Values(bucket string) iter.Seq2[string, []byte] {
	return func(yield func(string, []byte) bool) {
		tx.walk(valuePrefix+bucket, nil, nil, false, func(k, v []byte) bool {
			return yield(string(k), bytes.Clone(v))
		})
	}
}
