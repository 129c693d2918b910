package store_test

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"go.etcd.io/bbolt"

	"throughline/store"
)

// The benchmarks compare the store with the least that bbolt alone could do:
// the same JSON record of about 1 KB put under its id, and its three index
// entries, one transaction each or (raw, 64) through bbolt's own Batch.

const benchRecords = 50_000

func benchPerson(i uint64) *person {
	return &person{
		Email: fmt.Sprintf("person%d@example.org", i),
		Team:  []string{"red", "green", "blue"}[i%3],
		Tags:  []string{"customer"},
		Note:  strings.Repeat("Some words of a note. ", 40),
		Since: time.Unix(1_700_000_000+int64(i), 0).UTC(),
	}
}

func benchStore(b *testing.B, n uint64) (*store.Store, *store.Table[person]) {
	s, err := store.Open(filepath.Join(b.TempDir(), "store.db"), store.Options{})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = s.Close() })
	tab := store.NewTable(s, "people", store.TableOptions[person]{Append: true, Indexes: personIndexes()})
	for done := uint64(0); done < n; {
		update(b, s, func(tx *store.Tx) error {
			for range min(2000, n-done) {
				id := tx.NextID()
				if err := tab.Insert(tx, id, benchPerson(id)); err != nil {
					return err
				}
			}
			return nil
		})
		done += min(2000, n-done)
	}
	return s, tab
}

var benchBuckets = []string{"people", "email", "team", "tag"}

func benchBolt(b *testing.B, n uint64) *bbolt.DB {
	db, err := bbolt.Open(filepath.Join(b.TempDir(), "raw.db"), 0o600, &bbolt.Options{FreelistType: bbolt.FreelistMapType, InitialMmapSize: 16 << 30})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = db.Close() })
	err = db.Update(func(tx *bbolt.Tx) error {
		for _, name := range benchBuckets {
			if _, err := tx.CreateBucket([]byte(name)); err != nil {
				return err
			}
		}
		for i := range n {
			if err := rawPut(tx, i+1); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		b.Fatal(err)
	}
	return db
}

func rawPut(tx *bbolt.Tx, id uint64) error {
	p := benchPerson(id)
	data, err := json.Marshal(p)
	if err != nil {
		return err
	}
	key := binary.BigEndian.AppendUint64(nil, id)
	people := tx.Bucket([]byte("people"))
	people.FillPercent = 0.95
	return errors.Join(
		people.Put(key, data),
		tx.Bucket([]byte("email")).Put([]byte(p.Email), key),
		tx.Bucket([]byte("team")).Put(append(store.K().Str(p.Team).TimeDesc(p.Since), key...), nil),
		tx.Bucket([]byte("tag")).Put(append(store.K().Str(p.Tags[0]), key...), nil))
}

func BenchmarkUpdate(b *testing.B) {
	insert := func(b *testing.B, s *store.Store, tab *store.Table[person]) {
		err := s.Update(context.Background(), func(tx *store.Tx) error {
			id := tx.NextID()
			return tab.Insert(tx, id, benchPerson(id))
		})
		if err != nil {
			b.Error(err)
		}
	}
	b.Run("lone/store", func(b *testing.B) {
		s, tab := benchStore(b, 1000)
		for b.Loop() {
			insert(b, s, tab)
		}
	})
	b.Run("lone/bbolt", func(b *testing.B) {
		db := benchBolt(b, 1000)
		id := uint64(1000)
		for b.Loop() {
			id++
			if err := db.Update(func(tx *bbolt.Tx) error { return rawPut(tx, id) }); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("64/store", func(b *testing.B) {
		s, tab := benchStore(b, 1000)
		parallel64(b, func() { insert(b, s, tab) })
		st := s.Stats()
		b.ReportMetric(float64(st.Updates)/float64(st.Commits), "updates/commit")
	})
	b.Run("64/bbolt", func(b *testing.B) {
		db := benchBolt(b, 1000)
		db.MaxBatchDelay = time.Millisecond
		var id atomic.Uint64
		id.Store(1000)
		parallel64(b, func() {
			i := id.Add(1)
			if err := db.Batch(func(tx *bbolt.Tx) error { return rawPut(tx, i) }); err != nil {
				b.Error(err)
			}
		})
	})
}

// parallel64 runs fn b.N times from 64 goroutines.
func parallel64(b *testing.B, fn func()) {
	b.SetParallelism(max(1, 64/runtime.GOMAXPROCS(0)))
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			fn()
		}
	})
}

func BenchmarkGet(b *testing.B) {
	b.Run("store", func(b *testing.B) {
		s, tab := benchStore(b, benchRecords)
		for b.Loop() {
			view(b, s, func(tx *store.Tx) error {
				_, err := tab.Get(tx, 1+rand.Uint64N(benchRecords))
				return err
			})
		}
	})
	b.Run("bbolt", func(b *testing.B) {
		db := benchBolt(b, benchRecords)
		for b.Loop() {
			err := db.View(func(tx *bbolt.Tx) error {
				key := binary.BigEndian.AppendUint64(nil, 1+rand.Uint64N(benchRecords))
				return json.Unmarshal(tx.Bucket([]byte("people")).Get(key), new(person))
			})
			if err != nil {
				b.Fatal(err)
			}
		}
	})
}

// BenchmarkPeek reads the same 25 records over and over, and records that are
// remembered no more when their turn comes again.
func BenchmarkPeek(b *testing.B) {
	s, tab := benchStore(b, benchRecords)
	read := func(b *testing.B, n uint64, get func(*store.Tx, uint64) (*person, error)) {
		b.ReportAllocs()
		view(b, s, func(tx *store.Tx) error {
			for i := uint64(0); b.Loop(); i++ {
				if _, err := get(tx, i%n+1); err != nil {
					return err
				}
			}
			return nil
		})
	}
	b.Run("get", func(b *testing.B) { read(b, 25, tab.Get) })
	b.Run("known", func(b *testing.B) { read(b, 25, tab.Peek) })
	b.Run("new", func(b *testing.B) { read(b, benchRecords, tab.Peek) })
	b.Run("get new", func(b *testing.B) { read(b, benchRecords, tab.Get) })
}

// BenchmarkScan25 reads the ids of the 25 newest of a team.
func BenchmarkScan25(b *testing.B) {
	prefix := store.K().Str("green")
	b.Run("store", func(b *testing.B) {
		s, tab := benchStore(b, benchRecords)
		for b.Loop() {
			view(b, s, func(tx *store.Tx) error {
				n := 0
				for range tab.Scan(tx, store.Range{Index: "team", Prefix: prefix}) {
					if n++; n == 25 {
						break
					}
				}
				return nil
			})
		}
	})
	b.Run("bbolt", func(b *testing.B) {
		db := benchBolt(b, benchRecords)
		for b.Loop() {
			err := db.View(func(tx *bbolt.Tx) error {
				c := tx.Bucket([]byte("team")).Cursor()
				n := 0
				for k, _ := c.Seek(prefix); k != nil && n < 25; k, _ = c.Next() {
					n++
				}
				return nil
			})
			if err != nil {
				b.Fatal(err)
			}
		}
	})
}

// BenchmarkMail inserts, 100 a transaction, what a mail of 2.5 KB takes as a
// compressed raw record, and reports its share of the file.
func BenchmarkMail(b *testing.B) {
	s, err := store.Open(filepath.Join(b.TempDir(), "store.db"), store.Options{})
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	raw := store.NewTable(s, "raw", store.TableOptions[store.Bytes]{Compress: true, Append: true})
	words := strings.Fields("we would like to know when the order number leaves your house and whether the invoice can be sent by mail thank you kind regards")
	mails := make([]store.Bytes, 100)
	for i := range mails {
		var m strings.Builder
		fmt.Fprintf(&m, "From: person%d@example.org\r\nTo: help@example.com\r\nSubject: order %d\r\nMessage-ID: <%x@example.org>\r\n\r\n", i, rand.Uint32(), rand.Uint64())
		for m.Len() < 2500 {
			m.WriteString(words[rand.IntN(len(words))] + " ")
		}
		mails[i] = store.Bytes(m.String())
	}
	b.ResetTimer()
	n := 0
	for b.Loop() {
		update(b, s, func(tx *store.Tx) error {
			for i := range mails {
				if err := raw.Insert(tx, tx.NextID(), &mails[i]); err != nil {
					return err
				}
			}
			return nil
		})
		n += len(mails)
	}
	b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(n), "µs/mail")
	b.ReportMetric(float64(s.Stats().UsedSize)/float64(n), "bytes/mail")
}
