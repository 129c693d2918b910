// Package store keeps all state of Throughline in one bbolt file: typed tables
// with secondary indexes (Table), small named values, one sequence of ids, and
// transactions that many goroutines commit in groups through one writer.
//
// On disk, in top-level buckets of the file:
//
//	meta              schema version, last id, tables whose indexes are to be rebuilt
//	t/TABLE           id (8 bytes, big-endian) → record, JSON, zstd-compressed if asked for
//	i/TABLE/INDEX     key + id → nothing, or for a unique index key → id
//	counters          number of records and of index entries per group
//	v/BUCKET          named values
//
// Indexes and counters are derived from the records: Check recomputes them,
// Rebuild makes them anew. Records only ever gain fields; unknown fields are
// ignored.
//
// The package never keeps the truth in memory (what it remembers of decoded
// records is compared with the file at each use), never hands out memory of the
// database (results are copies), never knows what its tables mean, and never
// talks to the network. Nothing outside it writes to the file.
package store

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"time"

	"go.etcd.io/bbolt"
	boltErrors "go.etcd.io/bbolt/errors"
)

// Errors that callers may test for with errors.Is.
var (
	ErrNotFound = errors.New("not found")
	ErrClosed   = errors.New("store: closed")
	ErrReadOnly = errors.New("store: write in a read-only transaction or store")
)

const (
	// lockTimeout is how long Open waits for another process to let go of the
	// file, which covers a predecessor that is just shutting down.
	lockTimeout = time.Second
	// mmapSize is address space, not memory: with so much reserved the map never
	// has to be moved, which would wait for every reader.
	mmapSize = 64 << 30
	// allocSize is the step in which the file grows; each step costs one fsync.
	allocSize = 4 << 20
	fileMode  = 0o600
)

// Options for Open. The zero value is right for a file without schema steps.
type Options struct {
	// Now is the clock of the transactions; nil means time.Now.
	Now func() time.Time
	// Steps are the schema steps this program knows, in order of Version,
	// beginning with 1.
	Steps []Step
	// ReadOnly opens an existing file for reading, beside other readers but not
	// beside a writer.
	ReadOnly bool
	// NoSync leaves out every fsync: a crash of the machine can destroy the
	// whole file. For demo data and tests only.
	NoSync bool
}

// Store is one open file. All methods are safe for concurrent use.
type Store struct {
	db       *bbolt.DB
	now      func() time.Time
	readOnly bool
	codec    codec
	counts   counts

	queue   chan *call
	closing chan struct{} // closed by Close: take no more updates
	stopped chan struct{} // closed by the writer when it has ended
	close   sync.Once
	// commit is (*bbolt.Tx).Commit, except in tests that let it fail.
	commit func(*bbolt.Tx) error

	mu       sync.Mutex
	tables   map[string]table
	watchers map[chan struct{}]string // the bucket they watch, "" for all
	broken   error                    // set for good when writes, or all work, must be refused
	noReads  bool                     // broken concerns reads too
}

// Open opens the file at path, creates it if it is missing, and brings it to
// the newest schema. It fails when another process has the file open, when the
// file was written by a newer program, and when it is not a store.
func Open(path string, o Options) (*Store, error) {
	if err := checkSteps(o.Steps); err != nil {
		return nil, err
	}
	if !o.ReadOnly {
		if err := create(path); err != nil {
			return nil, fmt.Errorf("store: create %s: %w", path, err)
		}
	}
	db, err := openBolt(path, bbolt.Options{ReadOnly: o.ReadOnly, NoSync: o.NoSync})
	if err != nil {
		return nil, err
	}
	s := &Store{
		db:       db,
		now:      o.Now,
		readOnly: o.ReadOnly,
		queue:    make(chan *call, maxGroup),
		closing:  make(chan struct{}),
		stopped:  make(chan struct{}),
		commit:   (*bbolt.Tx).Commit,
		tables:   map[string]table{},
		watchers: map[chan struct{}]string{},
	}
	if s.now == nil {
		s.now = time.Now
	}
	if err := s.migrate(path, o.Steps); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	if o.ReadOnly {
		close(s.stopped)
	} else {
		w := &writer{s: s, limit: maxGroup}
		go w.loop()
	}
	return s, nil
}

// openBolt opens the file with our settings and puts bbolt's errors into words.
func openBolt(path string, o bbolt.Options) (*bbolt.DB, error) {
	o.Timeout = lockTimeout
	o.FreelistType = bbolt.FreelistMapType
	if !o.ReadOnly && runtime.GOOS == "linux" && ^uint(0)>>32 != 0 {
		size := uint64(mmapSize)
		o.InitialMmapSize = int(size)
	}
	db, err := openWhole(path, o)
	if errors.Is(err, syscall.ENOMEM) {
		// An address space limit (ulimit -v): the map then grows as it must.
		o.InitialMmapSize = 0
		db, err = openWhole(path, o)
	}
	switch {
	case err == nil:
		db.AllocSize = allocSize
		return db, nil
	case errors.Is(err, boltErrors.ErrTimeout):
		return nil, fmt.Errorf("store: another throughline process is using %s: stop it first", path)
	case errors.Is(err, errCut), errors.Is(err, boltErrors.ErrInvalid), errors.Is(err, boltErrors.ErrChecksum), errors.Is(err, boltErrors.ErrVersionMismatch):
		return nil, fmt.Errorf("store: %s is damaged or not a throughline store (%w): restore a backup", path, err)
	}
	return nil, fmt.Errorf("store: open %s: %w", path, err)
}

// errCut tells that a file ends before its last page, as after a copy onto a
// full disk. Reading such a page would end the program with a memory fault.
var errCut = errors.New("it ends before its last page")

// openWhole calls bbolt.Open for a file that is all there. It looks from a
// read-only opening first, which reads nothing but the header.
func openWhole(path string, o bbolt.Options) (*bbolt.DB, error) {
	fi, err := os.Stat(path)
	if err == nil && fi.Size() > 0 {
		look := o
		look.ReadOnly, look.InitialMmapSize = true, 0
		db, err := openNamed(path, look)
		if err != nil {
			return nil, err
		}
		err = db.View(func(btx *bbolt.Tx) error {
			fi, err := os.Stat(path) // now that nobody else writes or replaces it
			if err == nil && fi.Size() < btx.Size() {
				err = errCut
			}
			return err
		})
		if err := errors.Join(err, db.Close()); err != nil {
			return nil, err
		}
	}
	return openNamed(path, o)
}

// openNamed is bbolt.Open for the file that has the name once the lock is held:
// while it waits, Compact may give the name to another one, and what would be
// written to the old one would be lost.
func openNamed(path string, o bbolt.Options) (*bbolt.DB, error) {
	open := o.OpenFile
	if open == nil {
		open = os.OpenFile
	}
	for {
		var f *os.File
		o.OpenFile = func(name string, flag int, mode os.FileMode) (_ *os.File, err error) {
			f, err = open(name, flag, mode)
			return f, err
		}
		db, err := bbolt.Open(path, fileMode, &o)
		if err != nil {
			return nil, err
		}
		held, err := f.Stat()
		if err == nil {
			var named fs.FileInfo
			if named, err = os.Stat(path); err == nil && os.SameFile(held, named) {
				return db, nil
			}
		}
		if err = errors.Join(err, db.Close()); err != nil {
			return nil, err
		}
	}
}

// create makes an empty file under another name and links it into place, so
// that a crash never leaves half a header behind, and a second process that
// starts at the same moment never replaces the file of the first.
func create(path string) error {
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	dir := filepath.Dir(path)
	f, err := os.CreateTemp(dir, filepath.Base(path)+".new-*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	if err := f.Close(); err != nil {
		return err
	}
	db, err := bbolt.Open(f.Name(), fileMode, &bbolt.Options{FreelistType: bbolt.FreelistMapType})
	if err != nil {
		return err
	}
	if err := db.Close(); err != nil {
		return err
	}
	if err := os.Link(f.Name(), path); err != nil && !errors.Is(err, fs.ErrExist) {
		// A file system without hard links.
		if err := os.Rename(f.Name(), path); err != nil {
			return err
		}
	}
	return syncDir(dir)
}

// syncDir makes a new name in a directory durable, where the system can.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	err = d.Sync()
	if runtime.GOOS == "windows" {
		err = nil // directories cannot be synced there
	}
	return errors.Join(err, d.Close())
}

// Close runs the updates that are already waiting, waits for open Views and
// closes the file. Later calls do nothing. It must not be called from inside an
// Update or a View.
func (s *Store) Close() error {
	var err error
	s.close.Do(func() {
		close(s.closing)
		<-s.stopped
		err = s.db.Close()
		s.codec.close()
	})
	return err
}

// View runs fn in a read transaction: a consistent picture of the last commit.
// It is safe beside Updates, but the file cannot reuse space while it lasts, so
// it must be short; long work pages through with Range.After. The Tx is not
// used after fn has returned, nor by two goroutines at once.
func (s *Store) View(fn func(tx *Tx) error) error {
	if err := s.refuse(false); err != nil {
		return err
	}
	err := s.db.View(func(btx *bbolt.Tx) error {
		tx := newTx(s, &group{s: s, btx: btx})
		defer tx.end()
		return fn(tx)
	})
	if errors.Is(err, boltErrors.ErrDatabaseNotOpen) {
		return ErrClosed
	}
	return err
}

// refuse returns the reason why nothing may be written (or read) any more.
func (s *Store) refuse(write bool) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if write || s.noReads {
		return s.broken
	}
	return nil
}

// breakDown refuses all further writes, and reads too if noReads is set.
func (s *Store) breakDown(err error, noReads bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.broken == nil {
		s.broken, s.noReads = err, noReads
	}
}

// Watch returns a channel that receives after every commit that wrote
// something. It holds one signal, which means "look again" and carries no data;
// signals that find it full are the same signal. stop ends the watch; the
// channel is never closed.
func (s *Store) Watch() (wake <-chan struct{}, stop func()) { return s.watch("") }

// Watch is Store.Watch for who looks at nothing but this table: it receives only
// after commits that wrote to it.
func (t *Table[V]) Watch() (wake <-chan struct{}, stop func()) { return t.s.watch(t.bucket) }

func (s *Store) watch(bucket string) (wake <-chan struct{}, stop func()) {
	ch := make(chan struct{}, 1)
	s.mu.Lock()
	s.watchers[ch] = bucket
	s.mu.Unlock()
	return ch, func() {
		s.mu.Lock()
		delete(s.watchers, ch)
		s.mu.Unlock()
	}
}

// wake signals everybody who watches one of the changed buckets, and never waits
// for anybody.
func (s *Store) wake(changed map[string]bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for ch, bucket := range s.watchers {
		if bucket != "" && !changed[bucket] {
			continue
		}
		select {
		case ch <- struct{}{}:
		default: // it has yet to look, and will see this commit too
		}
	}
}

// checkName rejects names of tables, indexes and value buckets that would be
// ambiguous in a bucket name or a counter key.
func checkName(what, name string) error {
	if name == "" || len(name) > maxName || strings.ContainsAny(name, "/\x00") {
		return fmt.Errorf("store: %s name %q: use 1 to %d bytes without / and NUL", what, name, maxName)
	}
	return nil
}
