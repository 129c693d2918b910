// Package blob keeps large content as files named after their SHA-256: the
// attachments, recordings and big raw messages that records in the store point
// to.
//
// On disk a blob is DIR/ab/cd/abcd…, sixty-four hexadecimal digits under two
// levels of folders, and DIR/tmp holds what is still being written. A blob that
// Put has returned survives a power cut: file and folders are synced first, so
// the transaction that names it may be committed afterwards. A crash in between
// leaves a blob that nothing names, which Sweep removes later.
//
// It never changes a blob in place, never shows half of one, never looks into
// the content, and knows nothing of who uses it. One process owns a folder at a
// time; the lock on the store's file beside it sees to that.
package blob

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// tmpDir cannot be mistaken for a fan-out folder: those are two hex digits.
const tmpDir = "tmp"

// copyBuffer is how much of a blob is in memory while it is written or checked.
const copyBuffer = 64 << 10

var (
	// ErrNotFound: there is no blob of that name.
	ErrNotFound = errors.New("blob: no such blob")
	// ErrBadName: the name is not a SHA-256 in 64 lower-case hexadecimal digits.
	ErrBadName = errors.New("blob: bad name, want the SHA-256 in 64 lower-case hexadecimal digits")
)

// Ref names a blob: what a record keeps of it.
type Ref struct {
	SHA256 string `json:"sha256"` // 64 lower-case hexadecimal digits
	Size   int64  `json:"size"`   // bytes
}

// Store is a folder of blobs. Its methods may be called from many goroutines.
type Store struct {
	dir     string
	shards  [256]shard // by the first byte of the hash
	buffers sync.Pool
}

// shard serialises, for one byte of names, the steps "is it there?" and "put it
// there" against "take it away".
type shard struct {
	mu sync.Mutex
	// durable has a bit for each second-level folder of which this process
	// knows that the folder and all that is in it were synced. A folder found
	// on disk proves nothing: its maker may have been killed before the sync.
	durable [4]uint64
}

// Open opens the folder, makes it when it is missing, and removes what a crash
// left half written.
func Open(dir string) (*Store, error) {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("blob: %w", err)
	}
	tmp := filepath.Join(abs, tmpDir)
	if err := os.MkdirAll(tmp, 0o700); err != nil {
		return nil, fmt.Errorf("blob: make the folder: %w", err)
	}
	left, err := os.ReadDir(tmp)
	if err != nil {
		return nil, fmt.Errorf("blob: %w", err)
	}
	for _, e := range left {
		if err := os.RemoveAll(filepath.Join(tmp, e.Name())); err != nil {
			return nil, fmt.Errorf("blob: remove an unfinished file: %w", err)
		}
	}
	for _, d := range []string{abs, filepath.Dir(abs)} {
		if err := syncDir(d); err != nil {
			return nil, err
		}
	}
	s := &Store{dir: abs}
	s.buffers.New = func() any { b := make([]byte, copyBuffer); return &b }
	return s, nil
}

// Put stores all that r yields and returns its name once it is durable. Content
// that is there already is not written again, but counts as new for Sweep. When
// r, the disk or ctx fails nothing is left behind. How much r may yield is for
// the caller to limit.
func (s *Store) Put(ctx context.Context, r io.Reader) (Ref, error) {
	f, err := os.CreateTemp(filepath.Join(s.dir, tmpDir), "put-*")
	if err != nil {
		return Ref{}, fmt.Errorf("blob: %w", err)
	}
	defer os.Remove(f.Name()) // fails after the rename, which is the point
	defer f.Close()

	h := sha256.New()
	n, err := s.copy(ctx, io.MultiWriter(f, h), r)
	if err != nil {
		return Ref{}, fmt.Errorf("blob: write: %w", err)
	}
	ref := Ref{SHA256: hexSum(h), Size: n}
	if err := s.place(f, ref); err != nil {
		return Ref{}, err
	}
	return ref, nil
}

// place moves a complete temporary file to its name, or finds the content there.
func (s *Store) place(f *os.File, ref Ref) error {
	there, err := s.renew(ref)
	if there || err != nil {
		return err
	}
	// The slow sync happens outside the lock.
	if err := f.Sync(); err != nil {
		return fmt.Errorf("blob: sync: %w", err)
	}
	sh, bit := s.shard(ref.SHA256)
	sh.mu.Lock()
	defer sh.mu.Unlock()
	if err := s.prepare(sh, bit, ref.SHA256); err != nil {
		return err
	}
	path := s.path(ref.SHA256)
	if err := os.Rename(f.Name(), path); err != nil {
		return fmt.Errorf("blob: %w", err)
	}
	if err := syncDir(filepath.Dir(path)); err != nil {
		sh.durable[bit/64] &^= 1 << (bit % 64)
		os.Remove(path)
		return err
	}
	return nil
}

// renew reports whether the content is there, durable and of the right length,
// and makes it young again: somebody is about to name it, so a Sweep that has
// already found it unused must not take it. A file of another length was
// damaged from outside and is to be replaced.
func (s *Store) renew(ref Ref) (bool, error) {
	sh, bit := s.shard(ref.SHA256)
	sh.mu.Lock()
	defer sh.mu.Unlock()
	path := s.path(ref.SHA256)
	fi, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) || err == nil && fi.Size() != ref.Size {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("blob: %w", err)
	}
	if err := s.prepare(sh, bit, ref.SHA256); err != nil {
		return false, err
	}
	now := time.Now()
	if err := os.Chtimes(path, now, now); err != nil {
		return false, fmt.Errorf("blob: %w", err)
	}
	return true, nil
}

// Touch makes a blob that is there count as new for Sweep: somebody who has only its
// name is about to write a record that names it. The error is ErrBadName,
// ErrNotFound or one of the disk.
func (s *Store) Touch(sha string) error {
	ref, err := s.Stat(sha)
	if err != nil {
		return err
	}
	there, err := s.renew(ref)
	if err == nil && !there {
		err = ErrNotFound // swept since
	}
	return err
}

// prepare makes the two folders of a name and syncs the way down to them, once
// per process and folder. The shard is locked.
func (s *Store) prepare(sh *shard, bit uint, sha string) error {
	if sh.durable[bit/64]&(1<<(bit%64)) != 0 {
		return nil
	}
	first := filepath.Join(s.dir, sha[:2])
	second := filepath.Join(first, sha[2:4])
	if err := os.MkdirAll(second, 0o700); err != nil {
		return fmt.Errorf("blob: %w", err)
	}
	for _, d := range []string{second, first, s.dir} {
		if err := syncDir(d); err != nil {
			return err
		}
	}
	sh.durable[bit/64] |= 1 << (bit % 64)
	return nil
}

// Open opens a blob for reading and tells its size in bytes. The error is
// ErrBadName, ErrNotFound or one of the disk.
func (s *Store) Open(sha string) (io.ReadSeekCloser, int64, error) {
	if !validName(sha) {
		return nil, 0, ErrBadName
	}
	f, err := os.Open(s.path(sha))
	if err != nil {
		return nil, 0, notFound(err)
	}
	fi, err := f.Stat()
	if err != nil {
		f.Close()
		return nil, 0, fmt.Errorf("blob: %w", err)
	}
	return f, fi.Size(), nil
}

// Stat tells a blob's size without opening it. Errors are those of Open.
func (s *Store) Stat(sha string) (Ref, error) {
	if !validName(sha) {
		return Ref{}, ErrBadName
	}
	fi, err := os.Stat(s.path(sha))
	if err != nil {
		return Ref{}, notFound(err)
	}
	return Ref{SHA256: sha, Size: fi.Size()}, nil
}

// Delete removes a blob for good: when it returns, a power cut does not bring it
// back. A blob that is not there is no error. Readers that have it open keep it.
func (s *Store) Delete(sha string) error {
	if !validName(sha) {
		return ErrBadName
	}
	sh, _ := s.shard(sha)
	sh.mu.Lock()
	defer sh.mu.Unlock()
	return s.remove(sha)
}

// remove deletes and syncs. The shard is locked.
func (s *Store) remove(sha string) error {
	path := s.path(sha)
	if err := os.Remove(path); errors.Is(err, fs.ErrNotExist) {
		return nil
	} else if err != nil {
		return fmt.Errorf("blob: %w", err)
	}
	return syncDir(filepath.Dir(path))
}

// copy is io.Copy that stops with the context and takes its buffer from the pool.
func (s *Store) copy(ctx context.Context, w io.Writer, r io.Reader) (int64, error) {
	buf := s.buffers.Get().(*[]byte)
	defer s.buffers.Put(buf)
	var n int64
	for {
		if err := ctx.Err(); err != nil {
			return n, err
		}
		m, err := r.Read(*buf)
		if m > 0 {
			if _, err := w.Write((*buf)[:m]); err != nil {
				return n, err
			}
			n += int64(m)
		}
		if err == io.EOF {
			return n, nil
		}
		if err != nil {
			return n, err
		}
	}
}

// shard finds the lock of a valid name and the bit of its second-level folder.
func (s *Store) shard(sha string) (*shard, uint) {
	var b [2]byte
	hex.Decode(b[:], []byte(sha[:4])) // validName or hexSum made sure
	return &s.shards[b[0]], uint(b[1])
}

// path is where a valid name lives.
func (s *Store) path(sha string) string { return filepath.Join(s.dir, sha[:2], sha[2:4], sha) }

// validName keeps everything but our own names away from the file system.
func validName(sha string) bool {
	if len(sha) != 2*sha256.Size {
		return false
	}
	for i := range len(sha) {
		if c := sha[i]; (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return true
}

func hexSum(h hash.Hash) string { return hex.EncodeToString(h.Sum(nil)) }

func notFound(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return ErrNotFound
	}
	return fmt.Errorf("blob: %w", err)
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return fmt.Errorf("blob: %w", err)
	}
	defer d.Close()
	if err := d.Sync(); err != nil {
		return fmt.Errorf("blob: sync the folder: %w", err)
	}
	return nil
}
