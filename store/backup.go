package store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"go.etcd.io/bbolt"
)

// compactBatch is the size of Compact's transactions in bytes.
const compactBatch = 16 << 20

// Backup writes a consistent copy of the whole file, as of one commit, to w and
// returns its size. Updates go on meanwhile, but the file cannot reuse space
// until it is done, so w should be fast. The copy is a store file that Open
// takes; after an error it is not.
func (s *Store) Backup(ctx context.Context, w io.Writer) (int64, error) {
	var n int64
	cw := &ctxWriter{ctx: ctx, w: w}
	err := s.View(func(tx *Tx) error {
		var err error
		n, err = tx.g.btx.WriteTo(cw)
		return err
	})
	if cw.err != nil {
		err = cw.err // bbolt keeps only its text
	}
	if err != nil {
		return n, fmt.Errorf("store: backup: %w", err)
	}
	return n, nil
}

// ctxWriter ends a copy with its context and remembers why it failed.
type ctxWriter struct {
	ctx context.Context
	w   io.Writer
	err error
}

func (c *ctxWriter) Write(p []byte) (n int, err error) {
	if err = c.ctx.Err(); err == nil {
		n, err = c.w.Write(p)
	}
	if err != nil {
		c.err = err
	}
	return n, err
}

// Compact copies the store file src, which no process has open for writing, to
// the new file dst without its unused space. dst must not exist; it is there,
// and on disk, only if the copy succeeded.
func Compact(src, dst string) error {
	if _, err := os.Stat(src); err != nil {
		return fmt.Errorf("store: compact: %w", err)
	}
	if _, err := os.Lstat(dst); !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("store: compact: %s exists already: move it away first", dst)
	}
	from, err := openBolt(src, bbolt.Options{ReadOnly: true})
	if err != nil {
		return err
	}
	defer from.Close()
	part := dst + ".part"
	if err := os.Remove(part); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("store: compact: %w", err)
	}
	if err := compactTo(from, part); err != nil {
		return fmt.Errorf("store: compact: %w", errors.Join(err, os.Remove(part)))
	}
	if err := os.Rename(part, dst); err != nil {
		return fmt.Errorf("store: compact: %w", err)
	}
	return syncDir(filepath.Dir(dst))
}

// compactTo writes the copy. It syncs once, at the end.
func compactTo(from *bbolt.DB, path string) error {
	to, err := openBolt(path, bbolt.Options{NoSync: true, NoGrowSync: true})
	if err != nil {
		return err
	}
	var size int64
	err = bbolt.Compact(to, from, compactBatch)
	if err == nil {
		err = to.View(func(btx *bbolt.Tx) error { size = btx.Size(); return nil })
	}
	if err = errors.Join(err, to.Close()); err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	// Pages at the end that were never written count as part of the file.
	return errors.Join(f.Truncate(size), f.Sync(), f.Close())
}
