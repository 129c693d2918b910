package store

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"

	"go.etcd.io/bbolt"
)

// Step is one change of the schema that JSON's tolerance cannot make. It brings
// a file from Version-1 to Version. A new file runs all steps too, on nothing.
type Step struct {
	Version int
	Name    string // for the error text
	// Run makes the change in one transaction with the new version number. It
	// works on named values and on Rewrite: there are no tables yet.
	Run func(tx *Tx) error
}

func checkSteps(steps []Step) error {
	for i, st := range steps {
		if st.Version != i+1 || st.Run == nil {
			return fmt.Errorf("store: schema step %d (%s) stands at place %d or does nothing", st.Version, st.Name, i+1)
		}
	}
	return nil
}

// migrate refuses files that are not ours or too new, and runs missing steps.
func (s *Store) migrate(path string, steps []Step) error {
	version, fresh := 0, false
	err := s.db.View(func(btx *bbolt.Tx) error {
		g := &group{s: s, btx: btx}
		version = int(g.readUint(metaBucket, keySchema))
		k, _ := btx.Cursor().First()
		fresh = k == nil
		if !fresh && g.bucket(metaBucket) == nil {
			return fmt.Errorf("store: %s is a bbolt file of another program", path)
		}
		return nil
	})
	switch {
	case err != nil:
		return err
	case version > len(steps):
		return fmt.Errorf("store: %s was written by a newer throughline (schema %d, this one knows %d): run the newer program, or restore a backup made before the upgrade", path, version, len(steps))
	case s.readOnly && version < len(steps):
		return fmt.Errorf("store: %s has schema %d and needs an upgrade to %d: open it once for writing", path, version, len(steps))
	case s.readOnly:
		return nil
	}
	if fresh {
		err := s.direct(func(tx *Tx) error { return tx.g.createBucket(metaBucket) })
		if err != nil {
			return err
		}
	}
	for _, st := range steps[version:] {
		err := s.direct(func(tx *Tx) error {
			if err := run(st.Run, tx); err != nil {
				return err
			}
			return tx.write(metaBucket, 0, []byte(keySchema), idKey(uint64(st.Version)))
		})
		if err != nil {
			return fmt.Errorf("store: %s: schema step %d (%s): %w", path, st.Version, st.Name, err)
		}
	}
	return nil
}

// Rewrite passes every record of a table, in its marshalled form (JSON), to fn
// and stores what fn returns; nil deletes the record. The table's indexes and
// counters are rebuilt when it is next declared. It is meant for schema steps:
// with the table declared already, its indexes would be wrong until then.
func (tx *Tx) Rewrite(tableName string, fn func(id uint64, data []byte) ([]byte, error)) error {
	if err := checkName("table", tableName); err != nil {
		return err
	}
	bucket := tablePrefix + tableName
	var err error
	tx.walk(bucket, nil, nil, false, func(k, stored []byte) bool {
		err = tx.rewrite(bucket, bytes.Clone(k), bytes.Clone(stored), fn)
		return err == nil
	})
	if err != nil {
		return fmt.Errorf("store: rewrite %s: %w", tableName, err)
	}
	return tx.write(metaBucket, 0, []byte(keyStale+tableName), []byte{1})
}

func (tx *Tx) rewrite(bucket string, k, stored []byte, fn func(uint64, []byte) ([]byte, error)) error {
	if len(k) != 8 {
		return fmt.Errorf("key %x is no id", k)
	}
	id := binary.BigEndian.Uint64(k)
	data, err := tx.s.codec.unpack(stored)
	if err != nil {
		return fmt.Errorf("record %d: %w", id, err)
	}
	now, err := fn(id, bytes.Clone(data))
	if err != nil {
		return fmt.Errorf("record %d: %w", id, err)
	}
	if bytes.Equal(now, data) && now != nil {
		return nil
	}
	if now != nil {
		now = tx.s.codec.pack(now, stored[0] == storedPlain, stored[0] == storedZstd)
	}
	return tx.write(bucket, 0, k, now)
}

// table is what the store knows of a Table[V] without its type.
type table interface {
	tableName() string
	buckets() []string // of the records first, then of the indexes
	reindex(tx *Tx, after uint64, max int) (last uint64, done bool, problems []string, err error)
	check(c *checker) error
}

func (t *Table[V]) tableName() string { return t.name }

func (t *Table[V]) buckets() []string {
	all := []string{t.bucket}
	for _, x := range t.indexes {
		all = append(all, x.bucket)
	}
	return all
}

// register adds a table and makes its indexes fit its declaration.
func (s *Store) register(t table) {
	s.mu.Lock()
	if _, taken := s.tables[t.tableName()]; taken {
		s.mu.Unlock()
		panic(fmt.Sprintf("store: table %s is declared twice", t.tableName()))
	}
	s.tables[t.tableName()] = t
	s.mu.Unlock()
	if err := s.fit(t); err != nil && !errors.Is(err, ErrClosed) {
		s.breakDown(fmt.Errorf("store: indexes of table %s could not be built: %w", t.tableName(), err), true)
	}
}

// registered returns the tables by name order.
func (s *Store) registered() map[string]table {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := make(map[string]table, len(s.tables))
	for n, t := range s.tables {
		all[n] = t
	}
	return all
}

// indexBuckets returns the buckets of a table's indexes that the file has.
func (g *group) indexBuckets(table string) []string {
	var all []string
	prefix := []byte(indexPrefix + table + "/")
	c := g.btx.Cursor()
	for k, _ := c.Seek(prefix); bytes.HasPrefix(k, prefix); k, _ = c.Next() {
		all = append(all, string(k))
	}
	return all
}

// isValues tells whether a top-level bucket holds named values.
func isValues(bucket string) bool { return strings.HasPrefix(bucket, valuePrefix) }
