package main

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/klauspost/compress/zstd"
	"go.etcd.io/bbolt"
)

// scan looks for the words in every table, index and value, compressed ones unpacked,
// and in every file, and returns where they were planted and in which table they
// still are.
func (w *leaving) scan() (found []string) {
	w.Helper()
	copied := filepath.Join(w.TempDir(), "copy.db") // a backup holds what is there and no free pages, as compact leaves it
	f, err := os.Create(copied)
	w.ok(err)
	_, err = w.store.Backup(w.Context(), f)
	w.ok(err)
	w.ok(f.Close())
	db, err := bbolt.Open(copied, 0o600, &bbolt.Options{ReadOnly: true})
	w.ok(err)
	defer db.Close()
	unpack, err := zstd.NewReader(nil)
	w.ok(err)
	defer unpack.Close()
	hits := map[string][]string{}
	look := func(place string, data []byte) {
		data = bytes.ToLower(data)
		for word, where := range w.words {
			if bytes.Contains(data, []byte(word)) && !slices.Contains(hits[where], place) {
				hits[where] = append(hits[where], place)
			}
		}
	}
	w.ok(db.View(func(tx *bbolt.Tx) error {
		return tx.ForEach(func(name []byte, b *bbolt.Bucket) error {
			return b.ForEach(func(k, v []byte) error {
				look(string(name), k)
				look(string(name), v)
				for skip := range min(len(v), 3) {
					if plain, err := unpack.DecodeAll(v[skip:], nil); err == nil {
						look(string(name), plain)
					}
				}
				return nil
			})
		})
	}))
	w.ok(filepath.WalkDir(w.dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || filepath.Base(path) == dbFile {
			return err
		}
		data, err := os.ReadFile(path)
		look("the file "+filepath.Base(path)[:min(8, len(filepath.Base(path)))], data)
		if plain, err := unpack.DecodeAll(data, nil); err == nil {
			look("a packed file", plain)
		}
		return err
	}))
	for where, places := range hits {
		slices.Sort(places)
		for _, p := range places {
			found = append(found, where+" in "+p)
		}
	}
	slices.Sort(found)
	return found
}

// age makes all files look older: those that were just written may be on their way
// into a message.
func (w *leaving) age(by time.Duration) {
	old := time.Now().Add(-by)
	w.ok(filepath.WalkDir(filepath.Join(w.dir, blobDir), func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		return os.Chtimes(path, old, old)
	}))
}
