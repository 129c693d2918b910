package documents

import (
	"context"
	"errors"
	"fmt"
	"time"

	"throughline/store"
)

// File is what is known of one content, whichever documents have it.
type File struct {
	ID          uint64 `json:"-"`
	Blob        string `json:"blob"`
	Name        string `json:"name"` // as it was called first: tells what it is
	ContentType string `json:"type"`
	Size        int64  `json:"size"`
}

func newFiles(s *store.Store) *store.Table[File] {
	return store.NewTable(s, "document_files", store.TableOptions[File]{
		Indexes: []store.Index[File]{
			{Name: "blob", Unique: true, Keys: func(f *File) []store.Key { return []store.Key{store.K().Str(f.Blob)} }},
		},
	})
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

// see makes the file of a new version known.
func (l *Library) see(tx *store.Tx, v *Version) error {
	f, err := l.file(tx, v.Blob)
	if f != nil || err != nil {
		return err
	}
	f = &File{ID: tx.NextID(), Blob: v.Blob, Name: v.Name, ContentType: v.ContentType, Size: v.Size}
	return l.files.Insert(tx, f.ID, f)
}

// forget drops what is known of a content that no document has any more.
func (l *Library) forget(tx *store.Tx, sha string) error {
	for range l.documents.Scan(tx, store.Range{Index: "blob", Prefix: store.K().Str(sha)}) {
		return nil
	}
	f, err := l.file(tx, sha)
	if f == nil || err != nil {
		return err
	}
	return l.files.Delete(tx, f.ID)
}

// page is how many records one read transaction of a long walk looks at.
const page = 500

// walk calls fn for every document, in short transactions.
func (l *Library) walk(ctx context.Context, fn func(tx *store.Tx, d *Document) error) error {
	var after store.Key
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		n := 0
		err := l.store.View(func(tx *store.Tx) error {
			for e := range l.documents.Scan(tx, store.Range{After: after}) {
				if n == page {
					break
				}
				n, after = n+1, e.Pos
				d, err := l.Get(tx, e.ID)
				if err != nil {
					return err
				}
				if err := fn(tx, d); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil || n < page {
			return err
		}
	}
}

// Blobs calls use for every content that a document names, those in the bin too:
// the sweep of unused blobs keeps them.
func (l *Library) Blobs(ctx context.Context, use func(sha string)) error {
	return l.walk(ctx, func(_ *store.Tx, d *Document) error {
		for i := range d.Versions {
			use(d.Versions[i].Blob)
		}
		return nil
	})
}

// Check follows every pointer and returns what is wrong, in words.
func (l *Library) Check(ctx context.Context) (problems []string, err error) {
	bad := func(format string, args ...any) { problems = append(problems, fmt.Sprintf(format, args...)) }
	err = l.walk(ctx, func(tx *store.Tx, d *Document) error {
		if len(d.Versions) == 0 {
			bad("document %d has no version", d.ID)
		}
		if err := l.owner(tx, d.Owner); err != nil {
			if _, invalid := errors.AsType[*InvalidError](err); !invalid {
				return err
			}
			bad("document %d belongs to nobody: there is no record %d", d.ID, d.Owner)
		}
		for i, v := range d.Versions {
			if i > 0 && v.Number <= d.Versions[i-1].Number {
				bad("document %d: version %d does not follow %d", d.ID, v.Number, d.Versions[i-1].Number)
			}
			if ref, err := l.blobs.Stat(v.Blob); err != nil {
				bad("document %d: the file of version %d (%s) is not in the blob store", d.ID, v.Number, v.Blob)
			} else if ref.Size != v.Size {
				bad("document %d: the file of version %d has %d bytes instead of %d", d.ID, v.Number, ref.Size, v.Size)
			}
			if f, err := l.file(tx, v.Blob); err != nil {
				return err
			} else if f == nil {
				bad("document %d: nothing is known of the file of version %d", d.ID, v.Number)
			}
		}
		return nil
	})
	return problems, err
}

// How an opening was made.
const (
	ByPreview  = "preview"  // looked at on the screen
	ByDownload = "download" // saved by an agent
	ByMessage  = "message"  // attached to a message
	ByLink     = "link"     // an outsider looked at the page of a link
	ByLinkFile = "linkfile" // an outsider saved the file from a link
)

// Opening is one time that somebody opened a document.
type Opening struct {
	ID       uint64    `json:"-"`
	Document uint64    `json:"d"`
	Version  int       `json:"v"`
	Time     time.Time `json:"t"`
	How      string    `json:"how"`
	Agent    uint64    `json:"agent,omitempty"`
	Link     uint64    `json:"link,omitempty"`
	Address  string    `json:"address,omitempty"` // IP of an outsider
}

func newOpenings(s *store.Store) *store.Table[Opening] {
	return store.NewTable(s, "document_openings", store.TableOptions[Opening]{
		Append: true,
		Indexes: []store.Index[Opening]{
			{Name: "document", Keys: func(o *Opening) []store.Key { return []store.Key{store.K().Uint(o.Document)} }},
		},
	})
}

// sameOpening is within how long the same opening is written down once: a viewer
// asks for a file in several parts.
const sameOpening = time.Minute

// opened writes an opening down, at the transaction's time.
func (l *Library) opened(tx *store.Tx, o Opening) error {
	o.Time = tx.Now()
	for e := range l.openings.Scan(tx, store.Range{Index: "document", Prefix: store.K().Uint(o.Document), Reverse: true}) {
		last, err := l.openings.Get(tx, e.ID)
		if err != nil {
			return err
		}
		if o.How == ByPreview && last.How == o.How && last.Agent == o.Agent && last.Version == o.Version && o.Time.Sub(last.Time) < sameOpening {
			return nil
		}
		break
	}
	return l.openings.Insert(tx, tx.NextID(), &o)
}

// Open writes down that an agent opens a version (0 the current one), and returns
// it. The caller reads the blob afterwards.
func (l *Library) Open(ctx context.Context, agent, id uint64, number int, how string) (v Version, err error) {
	err = l.store.Update(ctx, func(tx *store.Tx) error {
		d, err := l.Get(tx, id)
		if err != nil {
			return err
		}
		found, err := d.Version(number)
		if err != nil {
			return err
		}
		v = *found
		return l.opened(tx, Opening{Document: id, Version: v.Number, How: how, Agent: agent})
	})
	return v, err
}

// Openings returns who opened a document, newest first; next continues the list,
// nil at its end.
func (l *Library) Openings(tx *store.Tx, id uint64, after store.Key, limit int) (list []Opening, next store.Key, err error) {
	for e := range l.openings.Scan(tx, store.Range{Index: "document", Prefix: store.K().Uint(id), After: after, Reverse: true}) {
		if len(list) == limit {
			return list, next, nil
		}
		o, err := l.openings.Get(tx, e.ID)
		if err != nil {
			return nil, nil, err
		}
		o.ID, next = e.ID, e.Pos
		list = append(list, *o)
	}
	return list, nil, nil
}

func (l *Library) dropOpenings(tx *store.Tx, document uint64) error {
	for e := range l.openings.Scan(tx, store.Range{Index: "document", Prefix: store.K().Uint(document)}) {
		if err := l.openings.Delete(tx, e.ID); err != nil {
			return err
		}
	}
	return nil
}
