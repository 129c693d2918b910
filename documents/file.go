package documents

import (
	"context"
	"errors"
	"fmt"
	"time"

	"throughline/store"
	"throughline/timeline"
)

// File is what is known of one content, whichever documents have it.
type File struct {
	ID          uint64  `json:"-"`
	Blob        string  `json:"blob"`
	Name        string  `json:"name"` // as it was called first: tells what it is
	ContentType string  `json:"type"`
	Size        int64   `json:"size"`
	Text        Reading `json:"text"` // without a state: of a message only, and not read
	Scan        Scan    `json:"scan"`
	// Message is one that has it, told of when the scanner has said something.
	Message uint64 `json:"message,omitempty"`
	// Brought are agents who uploaded this content for an answer when it was a document's
	// already: they have it by themselves.
	Brought []uint64 `json:"brought,omitempty"`
	// Next is when there is something to do about it, zero for never.
	Next time.Time `json:"next,omitzero"`
}

func newFiles(s *store.Store) *store.Table[File] {
	return store.NewTable(s, "document_files", store.TableOptions[File]{
		Indexes: []store.Index[File]{
			{Name: "blob", Unique: true, Keys: func(f *File) []store.Key { return []store.Key{store.K().Str(f.Blob)} }},
			{Name: "next", Keys: func(f *File) []store.Key {
				if f.Next.IsZero() {
					return nil
				}
				return []store.Key{store.K().Time(f.Next)}
			}},
		},
	})
}

// plan says when to look at the file again.
func (f *File) plan(now time.Time, scanning bool) {
	f.Next = time.Time{}
	switch {
	case scanning && f.Scan.unsettled():
		f.Next = now.Add(f.Scan.pause())
	case f.Text.State == TextWaiting && f.Scan.State != ScanInfected:
		f.Next = now
	}
}

// file returns what is known of a content, nil if no document has it.
func (l *Library) file(tx *store.Tx, sha string) (*File, error) {
	id, ok := l.files.Lookup(tx, "blob", store.K().Str(sha))
	if !ok {
		return nil, nil
	}
	f, err := l.files.Get(tx, id)
	if err != nil {
		return nil, err
	}
	f.ID = id
	return f, nil
}

// File returns what is known of the content of a version.
func (l *Library) File(tx *store.Tx, v *Version) (*File, error) {
	f, err := l.file(tx, v.Blob)
	if err == nil && f == nil {
		err = fmt.Errorf("file %s: %w", v.Blob, ErrNotFound)
	}
	return f, err
}

// see makes the file of a new version known, and has it looked at.
func (l *Library) see(tx *store.Tx, v *Version) error {
	f, err := l.file(tx, v.Blob)
	if err != nil || f != nil && f.Text.State != "" {
		return err
	}
	if f == nil {
		f = l.newFile(tx, v.Blob, v.Size)
	}
	f.Name, f.ContentType, f.Text.State = v.Name, v.ContentType, TextWaiting
	f.plan(tx.Now(), l.scanner != nil)
	return l.files.Put(tx, f.ID, f)
}

// newFile is a content that was not known before.
func (l *Library) newFile(tx *store.Tx, sha string, size int64) *File {
	f := &File{ID: tx.NextID(), Blob: sha, Size: size}
	if l.scanner != nil {
		f.Scan.State = ScanWaiting
	}
	return f
}

// forget drops what is known of a content that no document has any more, but for what
// the scanner said: a message may have it still.
func (l *Library) forget(tx *store.Tx, sha string) error {
	if l.has(tx, sha) {
		return nil
	}
	f, err := l.file(tx, sha)
	if f == nil || err != nil {
		return err
	}
	if err := l.dropTexts(tx, f); err != nil {
		return err
	}
	if f.Scan.State == ScanNone {
		return l.files.Delete(tx, f.ID)
	}
	f.Name, f.ContentType, f.Text, f.Brought = "", "", Reading{}, nil
	f.plan(tx.Now(), l.scanner != nil)
	return l.files.Put(tx, f.ID, f)
}

// changeFile changes what is known of a file, unless it has been forgotten, and
// with tell says so to the screens.
func (l *Library) changeFile(ctx context.Context, id uint64, tell bool, fn func(tx *store.Tx, f *File) error) error {
	err := l.store.Update(ctx, func(tx *store.Tx) error {
		f, err := l.files.Get(tx, id)
		if err != nil {
			return err
		}
		f.ID = id
		if err := fn(tx, f); err != nil {
			return err
		}
		if err := l.files.Put(tx, id, f); err != nil || !tell {
			return err
		}
		for e := range l.documents.Scan(tx, store.Range{Index: "blob", Prefix: store.K().Str(f.Blob)}) {
			d, err := l.Get(tx, e.ID)
			if err != nil {
				return err
			}
			if err := l.tell(tx, timeline.DocumentChanged, 0, d, true, 0); err != nil {
				return err
			}
		}
		if f.Message != 0 && l.scanned != nil {
			return l.scanned(tx, f.Message)
		}
		return nil
	})
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	return err
}

// eachFile changes all files for which fn returns true, in short transactions, and
// returns how many that are.
func (l *Library) eachFile(ctx context.Context, fn func(tx *store.Tx, f *File) bool) (changed int, err error) {
	var after store.Key
	for {
		n, some := 0, 0
		last := after
		err := l.store.Update(ctx, func(tx *store.Tx) error {
			n, some, last = 0, 0, after
			for e := range l.files.Scan(tx, store.Range{After: after}) {
				if n == page {
					break
				}
				n, last = n+1, e.Pos
				f, err := l.files.Get(tx, e.ID)
				if err != nil {
					return err
				}
				f.ID = e.ID
				if !fn(tx, f) {
					continue
				}
				some++
				f.plan(tx.Now(), l.scanner != nil)
				if err := l.files.Put(tx, e.ID, f); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return changed, err
		}
		after, changed = last, changed+some
		if n < page {
			return changed, nil
		}
	}
}
