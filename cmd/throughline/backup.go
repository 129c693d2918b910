package main

import (
	"archive/tar"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"time"

	"throughline/store"
)

// A backup is a tar file: the database as of one instant, the blobs it names, and
// at the end a file with their number, so that one that was cut between two files
// is not taken for whole. The secret key is not in it: whoever finds a backup
// cannot log in to the mailboxes. Keep a copy of DATA/secret.key elsewhere.
const endFile = "backup-complete"

func backup(ctx context.Context, c *command, args []string) error {
	fs := c.flags()
	data := dataFlag(fs)
	if err := c.parse(fs, args); err != nil {
		return err
	}
	name, err := oneArg("the file to write, or - for standard output", fs.Args())
	if err != nil {
		return err
	}
	if name == "-" {
		return runAdmin(ctx, *data, "backup", nil, "", os.Stdout)
	}
	// Written beside its place and renamed: a broken-off backup never looks
	// like a whole one.
	f, err := os.CreateTemp(filepath.Dir(name), ".backup-*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	if err := errors.Join(runAdmin(ctx, *data, "backup", nil, "", f), f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := os.Rename(f.Name(), name); err != nil {
		return err
	}
	if err := syncDir(filepath.Dir(name)); err != nil {
		return err
	}
	info, err := os.Stat(name)
	if err != nil {
		return err
	}
	fmt.Fprintf(os.Stderr, "%s: %d bytes. The secret key is not in it: keep a copy of %s elsewhere.\n",
		name, info.Size(), filepath.Join(*data, "secret.key"))
	return nil
}

// writeBackup writes the tar file to out.
func writeBackup(ctx context.Context, f *folder, _ []string, _ string, out io.Writer) error {
	f.backups.RLock()
	defer f.backups.RUnlock()
	// The database goes through a file: tar wants its size first, and a slow
	// reader must not hold a read transaction open.
	tmp, err := os.CreateTemp(filepath.Join(f.dir, tempDir), "backup-*")
	if err != nil {
		return err
	}
	defer os.Remove(tmp.Name())
	defer tmp.Close()
	n, err := f.store.Backup(ctx, tmp)
	if err != nil {
		return err
	}
	if _, err := tmp.Seek(0, io.SeekStart); err != nil {
		return err
	}
	tw := tar.NewWriter(out)
	now := time.Now()
	if err := tw.WriteHeader(&tar.Header{Name: dbFile, Mode: 0o600, Size: n, ModTime: now}); err != nil {
		return err
	}
	if _, err := io.Copy(tw, tmp); err != nil {
		return err
	}
	// Blobs never change, and those that the database names were there before
	// its copy was made.
	files := 1
	root := filepath.Join(f.dir, blobDir)
	err = filepath.WalkDir(root, func(p string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !d.Type().IsRegular() || len(d.Name()) != 64 {
			return err
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		rel, err := filepath.Rel(root, p)
		if err != nil {
			return err
		}
		added, err := addFile(tw, p, path.Join(blobDir, filepath.ToSlash(rel)))
		if added {
			files++
		}
		return err
	})
	if err != nil {
		return err
	}
	end := fmt.Appendln(nil, files)
	if err := tw.WriteHeader(&tar.Header{Name: endFile, Mode: 0o600, Size: int64(len(end)), ModTime: now}); err != nil {
		return err
	}
	if _, err := tw.Write(end); err != nil {
		return err
	}
	return tw.Close()
}

// addFile writes one file; added is false if it is gone.
func addFile(tw *tar.Writer, file, name string) (added bool, err error) {
	r, err := os.Open(file)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil // deleted since it was listed: nothing named it
	}
	if err != nil {
		return false, err
	}
	defer r.Close()
	info, err := r.Stat()
	if err != nil {
		return false, err
	}
	if err := tw.WriteHeader(&tar.Header{Name: name, Mode: 0o600, Size: info.Size(), ModTime: info.ModTime()}); err != nil {
		return false, err
	}
	_, err = io.Copy(tw, r)
	return true, err
}

func restore(ctx context.Context, c *command, args []string) error {
	fs := c.flags()
	data := dataFlag(fs)
	if err := c.parse(fs, args); err != nil {
		return err
	}
	name, err := oneArg("the backup to restore, or - for standard input", fs.Args())
	if err != nil {
		return err
	}
	in := io.Reader(os.Stdin)
	if name != "-" {
		f, err := os.Open(name)
		if err != nil {
			return err
		}
		defer f.Close()
		in = f
	}
	if _, err := os.Stat(filepath.Join(*data, dbFile)); err == nil {
		return fmt.Errorf("%s already holds a hub; restore into another folder with -data, then move it", *data)
	}
	if left, err := os.ReadDir(filepath.Join(*data, blobDir)); err == nil && len(left) > 0 {
		return fmt.Errorf("%s holds the files of an earlier hub or of a restore that was cut off; remove %s or restore into another folder with -data",
			*data, filepath.Join(*data, blobDir))
	}
	if err := extract(ctx, in, *data); err != nil {
		return fmt.Errorf("restore: %w; nothing was restored to %s", err, *data)
	}
	if _, err := os.Stat(filepath.Join(*data, "secret.key")); err != nil {
		fmt.Fprintf(os.Stderr, "Now put your copy of secret.key into %s, readable by its owner only. Without it the passwords of accounts added in the browser have to be typed in again.\n", *data)
	}
	fmt.Fprintf(os.Stderr, "restored to %s; throughline check -data %s looks it over\n", *data, *data)
	return nil
}

// extract unpacks a backup into dir. Only names that writeBackup writes are taken,
// and only content that is what its name says. The database gets its name last, so
// that a folder with half a backup is never a hub; after an error nothing is left.
func extract(ctx context.Context, in io.Reader, dir string) (err error) {
	db := filepath.Join(dir, dbFile)
	part := db + ".restoring"
	if err := os.Remove(part); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.RemoveAll(part), os.RemoveAll(filepath.Join(dir, blobDir)))
		}
	}()
	tr := tar.NewReader(in)
	files, whole, found := 0, false, false
	for {
		h, err := tr.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return fmt.Errorf("this is not a whole backup: %w", err)
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		sha, isBlob := blobName(h.Name)
		switch {
		case h.Typeflag != tar.TypeReg || whole:
			return fmt.Errorf("this is not a backup of throughline: it holds %q", h.Name)
		case h.Name == endFile:
			var want int
			if _, err := fmt.Fscanln(tr, &want); err != nil || want != files {
				return fmt.Errorf("this is not a whole backup: it holds %d of %d files", files, want)
			}
			whole = true
			continue
		case h.Name == dbFile && !found:
			found = true
			err = writeFile(part, tr)
		case isBlob:
			err = writeBlob(filepath.Join(dir, filepath.FromSlash(h.Name)), sha, tr)
		default:
			return fmt.Errorf("this is not a backup of throughline: it holds %q", h.Name)
		}
		if err != nil {
			return err
		}
		files++
	}
	if !found {
		return errors.New("this is not a backup of throughline: there is no database in it")
	}
	if !whole {
		return errors.New("this is not a whole backup: its end is missing")
	}
	if err := syncDirs(filepath.Join(dir, blobDir)); err != nil {
		return err
	}
	if err := os.Rename(part, db); err != nil {
		return err
	}
	return syncDir(dir)
}

// blobName takes the name of a blob out of its path in a backup.
func blobName(name string) (sha string, ok bool) {
	sha = path.Base(name)
	if b, err := hex.DecodeString(sha); err != nil || len(b) != sha256.Size || strings.ToLower(sha) != sha {
		return "", false
	}
	return sha, name == path.Join(blobDir, sha[:2], sha[2:4], sha)
}

// writeBlob writes a blob and sees that it is the one its name says.
func writeBlob(name, sha string, r io.Reader) error {
	h := sha256.New()
	if err := writeFile(name, io.TeeReader(r, h)); err != nil {
		return err
	}
	if got := hex.EncodeToString(h.Sum(nil)); got != sha {
		return fmt.Errorf("the backup is damaged: the file %s has changed", sha)
	}
	return nil
}

func writeFile(name string, r io.Reader) error {
	if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
		return err
	}
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(f, r)
	return errors.Join(err, f.Sync(), f.Close())
}

// syncDirs makes the names of all files below root durable.
func syncDirs(root string) error {
	err := filepath.WalkDir(root, func(p string, d fs.DirEntry, err error) error {
		if err != nil || !d.IsDir() {
			return err
		}
		return syncDir(p)
	})
	if errors.Is(err, fs.ErrNotExist) {
		return nil // a hub without blobs
	}
	return err
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// compact rewrites the database file without its free pages.
func compact(_ context.Context, c *command, args []string) error {
	fs := c.flags()
	data := dataFlag(fs)
	if err := c.parse(fs, args); err != nil {
		return err
	}
	if fs.NArg() > 0 {
		return &usageError{fmt.Sprintf("there is no argument %q", fs.Arg(0))}
	}
	db := filepath.Join(*data, dbFile)
	if _, err := os.Stat(db); err != nil {
		return fmt.Errorf("%s is not a data folder of throughline: %w", *data, err)
	}
	before, after, err := store.Compact(db)
	if err != nil {
		return err
	}
	fmt.Fprintf(os.Stderr, "%s: %d → %d bytes\n", db, before, after)
	return nil
}
