package store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"sync"

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

// Compact rewrites the store file at path, which no process has open, without
// its unused space, and returns its size before and after. It needs room for the
// copy beside the file, with the name path + ".compact"; one that an earlier
// Compact left when it was killed is replaced. After an error the file is as it
// was. The file is locked until the copy has its name, so that no program that
// starts meanwhile writes to the one that goes away.
func Compact(path string) (before, after int64, err error) {
	fail := func(err error) (int64, int64, error) { return 0, 0, fmt.Errorf("store: compact: %w", err) }
	old, err := os.Stat(path)
	if err != nil {
		return fail(err)
	}
	from, err := openBolt(path, bbolt.Options{})
	if err != nil {
		return 0, 0, err
	}
	closeFrom := sync.OnceValue(from.Close)
	defer func() { err = errors.Join(err, closeFrom()) }()
	part := path + ".compact"
	if err := os.Remove(part); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fail(err)
	}
	if err := compactTo(from, part); err != nil {
		return fail(errors.Join(err, os.Remove(part)))
	}
	if runtime.GOOS == "windows" {
		// An open file cannot be replaced there.
		if err := closeFrom(); err != nil {
			return fail(errors.Join(err, os.Remove(part)))
		}
	}
	if err := os.Rename(part, path); err != nil {
		return fail(errors.Join(err, os.Remove(part)))
	}
	if err := syncDir(filepath.Dir(path)); err != nil {
		return fail(err)
	}
	now, err := os.Stat(path)
	if err != nil {
		return fail(err)
	}
	return old.Size(), now.Size(), nil
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
