package main

import (
	"archive/tar"
	"context"
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

// A backup is a tar file: the database as of one instant and the blobs it
// names. The secret key is not in it: whoever finds a backup cannot log in to
// the mailboxes. Keep a copy of DATA/secret.key elsewhere.

func backup(ctx context.Context, c *command, args []string) error {
	fs := c.flags()
	data := dataFlag(fs)
	if err := fs.Parse(args); err != nil {
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
		return addFile(tw, p, path.Join(blobDir, filepath.ToSlash(rel)))
	})
	return errors.Join(err, tw.Close())
}

func addFile(tw *tar.Writer, file, name string) error {
	r, err := os.Open(file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil // swept meanwhile: nothing named it
	}
	if err != nil {
		return err
	}
	defer r.Close()
	info, err := r.Stat()
	if err != nil {
		return err
	}
	if err := tw.WriteHeader(&tar.Header{Name: name, Mode: 0o600, Size: info.Size(), ModTime: info.ModTime()}); err != nil {
		return err
	}
	_, err = io.Copy(tw, r)
	return err
}

func restore(ctx context.Context, c *command, args []string) error {
	fs := c.flags()
	data := dataFlag(fs)
	if err := fs.Parse(args); err != nil {
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
	if err := extract(ctx, in, *data); err != nil {
		return fmt.Errorf("restore: %w (%s is incomplete: remove it before trying again)", err, *data)
	}
	if _, err := os.Stat(filepath.Join(*data, "secret.key")); err != nil {
		fmt.Fprintf(os.Stderr, "Now put your copy of secret.key into %s, readable by its owner only. Without it the passwords of accounts added in the browser have to be typed in again.\n", *data)
	}
	fmt.Fprintf(os.Stderr, "restored to %s; throughline check -data %s looks it over\n", *data, *data)
	return nil
}

// extract unpacks a backup. Only names that writeBackup writes are taken.
func extract(ctx context.Context, in io.Reader, dir string) error {
	tr := tar.NewReader(in)
	found := false
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
		if h.Name != dbFile && !strings.HasPrefix(h.Name, blobDir+"/") || !filepath.IsLocal(h.Name) || h.Typeflag != tar.TypeReg {
			return fmt.Errorf("this is not a backup of throughline: it holds %q", h.Name)
		}
		found = found || h.Name == dbFile
		if err := writeFile(filepath.Join(dir, filepath.FromSlash(h.Name)), tr); err != nil {
			return err
		}
	}
	if !found {
		return errors.New("this is not a backup of throughline: there is no database in it")
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

// compact rewrites the database file without its free pages.
func compact(_ context.Context, c *command, args []string) error {
	fs := c.flags()
	data := dataFlag(fs)
	if err := fs.Parse(args); err != nil {
		return err
	}
	db := filepath.Join(*data, dbFile)
	before, err := os.Stat(db)
	if err != nil {
		return fmt.Errorf("%s is not a data folder of throughline: %w", *data, err)
	}
	tmp := db + ".compact"
	if err := os.Remove(tmp); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	if err := store.Compact(db, tmp); err != nil {
		return errors.Join(err, os.Remove(tmp))
	}
	if err := os.Rename(tmp, db); err != nil {
		return err
	}
	after, err := os.Stat(db)
	if err != nil {
		return err
	}
	fmt.Fprintf(os.Stderr, "%s: %d → %d bytes\n", db, before.Size(), after.Size())
	return nil
}
