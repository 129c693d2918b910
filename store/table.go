package store

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	"go.etcd.io/bbolt"
)

// MaxKey is the largest index key in bytes. Text of any length from outside
// should be cut or hashed well before.
const MaxKey = bbolt.MaxKeySize - 512

// appendFill packs pages of buckets whose keys only grow; bbolt's default of
// one half leaves room for keys in between.
const appendFill = 0.95

// Table is a set of records of one type under 8-byte ids, with indexes. Only
// the package that declares a table touches it.
type Table[V any] struct {
	s        *Store
	name     string
	bucket   string
	fill     float64
	compress bool
	isBytes  bool
	indexes  []*index[V]
	memo     memo[V]
}

// TableOptions describe a table.
type TableOptions[V any] struct {
	// Compress stores records of 256 bytes and more as zstd, where that helps.
	// It can be changed at any time: each record says how it is stored.
	Compress bool
	// Append tells that ids only grow, so that pages can be packed full.
	Append bool
	// Indexes of the table. A new one is built when the table is opened, one
	// that is gone is dropped then.
	Indexes []Index[V]
}

// Index describes a secondary index.
type Index[V any] struct {
	// Name of the index within its table. Give a new name to an index whose Keys
	// change their meaning, and it is built anew.
	Name string
	// Keys returns the keys of a record, none to leave it out. It is pure: it
	// depends on nothing but the stored fields of v and does not change them.
	Keys func(v *V) []Key
	// Unique allows each key once in the table.
	Unique bool
	// Count maintains the number of entries for each first component of the keys,
	// which must be a Str, for Table.Count.
	Count bool
}

type index[V any] struct {
	Index[V]
	bucket  string
	counter string // prefix of its counters
}

// DuplicateError tells that a unique key already belongs to another record.
type DuplicateError struct {
	Table, Index string
	ID           uint64 // the record that has the key
}

func (e *DuplicateError) Error() string {
	return fmt.Sprintf("%s %d already has this key in index %s", e.Table, e.ID, e.Index)
}

// NewTable declares a table of the store. It builds indexes that the file does
// not have yet. It panics when the declaration is wrong or the name is taken,
// which is a mistake in the program; an error while building indexes (disk
// full) is returned by every later View and Update of the store. It is not
// called from inside a View or an Update.
func NewTable[V any](s *Store, name string, o TableOptions[V]) *Table[V] {
	t := &Table[V]{s: s, name: name, bucket: tablePrefix + name, compress: o.Compress}
	_, t.isBytes = any(new(V)).(*Bytes)
	if o.Append {
		t.fill = appendFill
	}
	err := checkName("table", name)
	for _, x := range o.Indexes {
		err = errors.Join(err, checkName("index", x.Name))
		if x.Keys == nil || slices.ContainsFunc(t.indexes, func(y *index[V]) bool { return y.Name == x.Name }) {
			err = errors.Join(err, fmt.Errorf("store: table %s: index %s has no Keys or is declared twice", name, x.Name))
		}
		t.indexes = append(t.indexes, &index[V]{
			Index:   x,
			bucket:  indexPrefix + name + "/" + x.Name,
			counter: counterName(name, x.Name),
		})
	}
	if err != nil {
		panic(err)
	}
	s.register(t)
	return t
}

// counterName is the key of a counter, to which the group is appended: the
// table's number of records has neither index nor group.
func counterName(table, index string) string { return table + "\x00" + index + "\x00" }

// Get returns a copy of the record, or an error that wraps ErrNotFound.
func (t *Table[V]) Get(tx *Tx, id uint64) (*V, error) {
	stored, err := t.stored(tx, id)
	if err != nil {
		return nil, err
	}
	return t.open(id, stored)
}

// open decodes a record; nothing of stored stays in it.
func (t *Table[V]) open(id uint64, stored []byte) (*V, error) {
	data, done, err := t.s.codec.borrow(stored)
	defer done()
	return t.parse(id, data, err)
}

// stored returns a record as it is stored, in database memory.
func (t *Table[V]) stored(tx *Tx, id uint64) ([]byte, error) {
	var key [8]byte
	binary.BigEndian.PutUint64(key[:], id)
	if stored := tx.g.get(t.bucket, key[:]); stored != nil {
		return stored, nil
	}
	return nil, fmt.Errorf("%s %d: %w", t.name, id, ErrNotFound)
}

// read returns a record and its marshalled bytes, which may be database memory.
func (t *Table[V]) read(tx *Tx, id uint64) (*V, []byte, error) {
	stored, err := t.stored(tx, id)
	if err != nil {
		return nil, nil, err
	}
	return t.decode(id, stored)
}

func (t *Table[V]) decode(id uint64, stored []byte) (*V, []byte, error) {
	data, err := t.s.codec.unpack(stored)
	v, err := t.parse(id, data, err)
	return v, data, err
}

// parse reads a record's marshalled bytes, unless unpacking them failed.
func (t *Table[V]) parse(id uint64, data []byte, err error) (*V, error) {
	v := new(V)
	if err == nil {
		err = unmarshal(data, v)
	}
	if err != nil {
		return nil, fmt.Errorf("store: %s %d cannot be read, run a check: %w", t.name, id, err)
	}
	return v, nil
}

// Put inserts or replaces a record. Ids begin at 1. It returns *DuplicateError
// when a unique key belongs to another record. After an error nothing of this
// Put has been written.
func (t *Table[V]) Put(tx *Tx, id uint64, v *V) error {
	old, data, err := t.read(tx, id)
	if errors.Is(err, ErrNotFound) {
		return t.put(tx, id, v, nil, nil)
	}
	if err != nil {
		return err
	}
	return t.put(tx, id, v, old, data)
}

// Insert is Put for an id that the caller knows to be new, such as one from
// NextID; it does not look for an old record.
func (t *Table[V]) Insert(tx *Tx, id uint64, v *V) error {
	return t.put(tx, id, v, nil, nil)
}

func (t *Table[V]) put(tx *Tx, id uint64, v, old *V, oldData []byte) error {
	if !tx.Writable() {
		return ErrReadOnly
	}
	if id == 0 {
		return fmt.Errorf("store: %s: a record needs an id, 0 is none", t.name)
	}
	data, err := marshal(v)
	if err != nil {
		return fmt.Errorf("store: %s %d: %w", t.name, id, err)
	}
	if len(data) > maxRecord {
		return fmt.Errorf("store: %s %d: record of %d bytes, the limit is %d: keep large content in a blob", t.name, id, len(data), maxRecord)
	}
	if old != nil && bytes.Equal(data, oldData) {
		return nil // its keys, a pure function of it, are equal too
	}
	changes, err := t.diff(tx, id, old, v)
	if err != nil {
		return err
	}
	if err := t.create(tx); err != nil {
		return err
	}
	if err := tx.write(t.bucket, t.fill, idKey(id), t.s.codec.pack(data, t.isBytes, t.compress)); err != nil {
		return err
	}
	if old == nil {
		tx.g.add(counterName(t.name, ""), 1)
	}
	return t.apply(tx, id, changes)
}

// Delete removes a record. The error wraps ErrNotFound if there is none.
func (t *Table[V]) Delete(tx *Tx, id uint64) error {
	if !tx.Writable() {
		return ErrReadOnly
	}
	old, _, err := t.read(tx, id)
	if err != nil {
		return err
	}
	changes, err := t.diff(tx, id, old, nil)
	if err != nil {
		return err
	}
	if err := tx.write(t.bucket, t.fill, idKey(id), nil); err != nil {
		return err
	}
	tx.g.add(counterName(t.name, ""), -1)
	return t.apply(tx, id, changes)
}

// change is one index entry to add or to remove.
type change[V any] struct {
	x   *index[V]
	key Key
	add bool
}

// diff returns what the indexes must change when old becomes v (each may be
// nil), removals first. It writes nothing and finds every reason to refuse.
func (t *Table[V]) diff(tx *Tx, id uint64, old, v *V) ([]change[V], error) {
	var gone, come []change[V]
	for _, x := range t.indexes {
		was, is := x.keys(old), x.keys(v)
		for _, k := range was {
			if !containsKey(is, k) {
				gone = append(gone, change[V]{x, k, false})
			}
		}
		for _, k := range is {
			if len(k) > MaxKey || (x.Unique && len(k) == 0) {
				return nil, fmt.Errorf("store: %s %d: key of %d bytes in index %s: use 1 to %d", t.name, id, len(k), x.Name, MaxKey)
			}
			if containsKey(was, k) {
				continue
			}
			if x.Unique {
				if other, ok := t.lookup(tx, x, k); ok && other != id {
					return nil, &DuplicateError{Table: t.name, Index: x.Name, ID: other}
				}
			}
			come = append(come, change[V]{x, k, true})
		}
	}
	return append(gone, come...), nil
}

// apply writes the changes of one record's index entries.
func (t *Table[V]) apply(tx *Tx, id uint64, changes []change[V]) error {
	for _, c := range changes {
		k, val := c.x.entry(c.key, id)
		n := int64(1)
		if !c.add {
			val, n = nil, -1
		}
		if err := tx.write(c.x.bucket, 0, k, val); err != nil {
			return err
		}
		if c.x.Count {
			tx.g.add(c.x.counter+string(c.key.first()), n)
		}
	}
	return nil
}

// create makes the buckets of the table with its first record, so that a
// missing bucket means an index that has to be built.
func (t *Table[V]) create(tx *Tx) error {
	if tx.g.bucket(t.bucket) != nil {
		return nil
	}
	for _, b := range t.buckets() {
		if err := tx.g.createBucket(b); err != nil {
			return err
		}
	}
	return nil
}

// keys returns the distinct keys of a record in order, none for nil.
func (x *index[V]) keys(v *V) []Key {
	if v == nil {
		return nil
	}
	ks := x.Keys(v)
	if len(ks) > 1 {
		ks = slices.Clone(ks)
		slices.SortFunc(ks, func(a, b Key) int { return bytes.Compare(a, b) })
		ks = slices.CompactFunc(ks, func(a, b Key) bool { return bytes.Equal(a, b) })
	}
	return ks
}

func containsKey(ks []Key, k Key) bool {
	return slices.ContainsFunc(ks, func(o Key) bool { return bytes.Equal(o, k) })
}

// entry returns the stored form of an index entry.
func (x *index[V]) entry(k Key, id uint64) (key, val []byte) {
	if x.Unique {
		return k, idKey(id)
	}
	return k.Uint(id), []byte{}
}

// id reads the id out of a stored entry; ok is false if it is malformed.
func (x *index[V]) id(k, v []byte) (id uint64, ok bool) {
	b := v
	if !x.Unique {
		if len(k) < 8 || len(v) != 0 {
			return 0, false
		}
		b = k[len(k)-8:]
	}
	if len(b) != 8 {
		return 0, false
	}
	return binary.BigEndian.Uint64(b), true
}

// index returns an index by name and panics if the table has none such.
func (t *Table[V]) index(name string) *index[V] {
	for _, x := range t.indexes {
		if x.Name == name {
			return x
		}
	}
	panic(fmt.Sprintf("store: table %s has no index %q", t.name, name))
}

// Lookup returns the record that has a key in a unique index.
func (t *Table[V]) Lookup(tx *Tx, index string, key Key) (id uint64, ok bool) {
	x := t.index(index)
	if !x.Unique {
		panic(fmt.Sprintf("store: index %s of table %s is not unique: use Scan", index, t.name))
	}
	return t.lookup(tx, x, key)
}

func (t *Table[V]) lookup(tx *Tx, x *index[V], key Key) (uint64, bool) {
	v := tx.g.get(x.bucket, key)
	if v == nil {
		return 0, false
	}
	return x.id(key, v)
}

// Count returns the number of entries of an index with Count whose keys begin
// with group, a single Str: K().Str("open"). It takes the same time for any
// number.
func (t *Table[V]) Count(tx *Tx, index string, group Key) int {
	x := t.index(index)
	if !x.Count {
		panic(fmt.Sprintf("store: index %s of table %s keeps no counts", index, t.name))
	}
	return tx.g.count(x.counter + string(group))
}

// Len returns the number of records, in the same time for any number.
func (t *Table[V]) Len(tx *Tx) int { return tx.g.count(counterName(t.name, "")) }

// count reads a counter with the transaction's own changes.
func (g *group) count(name string) int {
	return int(int64(g.readUint(countersBucket, name)) + g.deltas[name])
}
