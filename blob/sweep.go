package blob

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"time"
)

// All yields every blob in the order of names. Blobs put or deleted meanwhile
// may or may not be among them. After an error of the disk it goes on with the
// next folder; files that are no blobs are passed over (Verify counts them).
func (s *Store) All() iter.Seq2[Ref, error] {
	return func(yield func(Ref, error) bool) {
		for e, err := range s.walk() {
			if err == nil && !e.blob {
				continue
			}
			if !yield(e.ref, err) {
				return
			}
		}
	}
}

// entry is a file found under the folder; blob is false for a stranger.
type entry struct {
	ref  Ref
	path string // relative to the folder
	blob bool
}

// walk yields every file two folders down, and strangers wherever they lie.
func (s *Store) walk() iter.Seq2[entry, error] {
	return func(yield func(entry, error) bool) {
		// One folder's names at a time are in memory, never all.
		list := func(rel string, each func(rel string, d fs.DirEntry) bool) bool {
			ds, err := os.ReadDir(filepath.Join(s.dir, rel))
			if err != nil && !errors.Is(err, fs.ErrNotExist) && !yield(entry{path: rel}, fmt.Errorf("blob: %w", err)) {
				return false
			}
			for _, d := range ds {
				if !each(filepath.Join(rel, d.Name()), d) {
					return false
				}
			}
			return true
		}
		file := func(rel string, d fs.DirEntry) bool {
			fi, err := d.Info()
			if errors.Is(err, fs.ErrNotExist) {
				return true // deleted since it was listed
			}
			if err != nil {
				return yield(entry{path: rel}, fmt.Errorf("blob: %w", err))
			}
			e := entry{ref: Ref{SHA256: d.Name(), Size: fi.Size()}, path: rel}
			e.blob = fi.Mode().IsRegular() && validName(d.Name()) &&
				rel == filepath.Join(d.Name()[:2], d.Name()[2:4], d.Name())
			return yield(e, nil)
		}
		down := func(next func(string, fs.DirEntry) bool) func(string, fs.DirEntry) bool {
			return func(rel string, d fs.DirEntry) bool {
				switch {
				case rel == tmpDir:
					return true
				case d.IsDir():
					return list(rel, next)
				}
				return file(rel, d)
			}
		}
		list("", down(down(file)))
	}
}

// Swept is what a Sweep did.
type Swept struct {
	Kept    int   // blobs still named or too young
	Removed int   // blobs removed
	Bytes   int64 // what they took
}

// Sweep removes the blobs for which keep is false and that are older than
// olderThan. The age protects blobs whose transaction is still to come, so it
// must be longer than any upload or ingest may take from Put to commit. keep is
// asked without any lock held. Sweep stops at the first error.
func (s *Store) Sweep(ctx context.Context, keep func(sha string) bool, olderThan time.Duration) (Swept, error) {
	var sum Swept
	limit := time.Now().Add(-olderThan)
	for ref, err := range s.All() {
		if err == nil {
			err = ctx.Err()
		}
		if err != nil {
			return sum, err
		}
		if keep(ref.SHA256) {
			sum.Kept++
			continue
		}
		removed, err := s.removeOlder(ref.SHA256, limit)
		if err != nil {
			return sum, err
		}
		if removed {
			sum.Removed++
			sum.Bytes += ref.Size
		} else {
			sum.Kept++
		}
	}
	return sum, nil
}

// removeOlder looks at the age under the lock that Put renews it under.
func (s *Store) removeOlder(sha string, limit time.Time) (bool, error) {
	sh, _ := s.shard(sha)
	sh.mu.Lock()
	defer sh.mu.Unlock()
	fi, err := os.Stat(s.path(sha))
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("blob: %w", err)
	}
	if !fi.ModTime().Before(limit) {
		return false, nil
	}
	return true, s.remove(sha)
}

// Damage is a file that is not what its name says.
type Damage struct {
	Path   string // relative to the folder
	Reason string
}

// Report is the result of a Verify.
type Report struct {
	Blobs   int   // blobs read, the damaged ones too
	Bytes   int64 // their sizes together
	Damaged []Damage
}

// Verify reads every blob and compares its content with its name. Damage is in
// the report; the error is only ctx's.
func (s *Store) Verify(ctx context.Context) (Report, error) {
	var r Report
	for e, err := range s.walk() {
		if err := ctx.Err(); err != nil {
			return r, err
		}
		switch {
		case err != nil:
			r.Damaged = append(r.Damaged, Damage{e.path, err.Error()})
			continue
		case !e.blob:
			r.Damaged = append(r.Damaged, Damage{e.path, "not a blob: move it away"})
			continue
		}
		reason, err := s.verify(ctx, e.ref.SHA256)
		if err != nil {
			return r, err
		}
		r.Blobs++
		r.Bytes += e.ref.Size
		if reason != "" {
			r.Damaged = append(r.Damaged, Damage{e.path, reason})
		}
	}
	return r, ctx.Err()
}

// verify returns why the content of one blob is wrong, "" if it is right.
func (s *Store) verify(ctx context.Context, sha string) (string, error) {
	f, _, err := s.Open(sha)
	if errors.Is(err, ErrNotFound) {
		return "", nil // deleted since it was listed
	}
	if err != nil {
		return err.Error(), nil
	}
	defer f.Close()
	h := sha256.New()
	if _, err := s.copy(ctx, h, f); ctx.Err() != nil {
		return "", ctx.Err()
	} else if err != nil {
		return err.Error(), nil
	}
	if got := hexSum(h); got != sha {
		return "the content has changed: its SHA-256 is " + got, nil
	}
	return "", nil
}
