package documents

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"throughline/blob"
	"throughline/store"
	"throughline/timeline"
)

// Upload is a file that is durable and waits to become a version.
type Upload struct {
	Name        string
	ContentType string
	Ref         blob.Ref
	Message     uint64 // whose attachment it is, 0 for an upload
	Note        string
}

// TooLargeError tells how large a file may be.
type TooLargeError struct{ Limit int64 }

func (e *TooLargeError) Error() string {
	return fmt.Sprintf("this file is larger than %d MiB: split it, or ask whoever runs the hub to raise the limit", e.Limit>>20)
}

// limited fails with *TooLargeError once more than n bytes were read.
type limited struct {
	r     io.Reader
	n     int64
	limit int64
}

func (l *limited) Read(p []byte) (int, error) {
	n, err := l.r.Read(p)
	if l.n -= int64(n); l.n < 0 {
		return 0, &TooLargeError{l.limit}
	}
	return n, err
}

// Put keeps the content of an upload as it comes, never all of it in memory. It is
// swept away again if no version comes to name it.
func (l *Library) Put(ctx context.Context, r io.Reader) (blob.Ref, error) {
	ref, err := l.blobs.Put(ctx, &limited{r, l.maxBytes, l.maxBytes})
	if err == nil && ref.Size == 0 {
		err = &InvalidError{"body", "this file is empty: choose another one"}
	}
	return ref, err
}

// Draft is a document to be made. An empty title is made of the file's name.
type Draft struct {
	Owner   uint64 // a customer's record, or
	Company uint64
	Title   string
	Type    string
	Tags    []string
	Note    string
	Expires time.Time
	Remind  *int // days before Expires; nil means DefaultRemind
	File    Upload
}

// Add makes a document with its first version.
func (l *Library) Add(ctx context.Context, agent uint64, n Draft) (id uint64, err error) {
	title := strings.TrimSpace(n.Title)
	if title == "" {
		title = cutRunes(strings.TrimSpace(strings.TrimSuffix(n.File.Name, path.Ext(n.File.Name))), MaxTitle)
	}
	remind := DefaultRemind
	if n.Remind != nil {
		remind = *n.Remind
	}
	d := new(Document)
	c := Change{Title: &title, Type: &n.Type, Tags: &n.Tags, Note: &n.Note, Expires: &n.Expires, Remind: &remind}
	err = l.store.Update(ctx, func(tx *store.Tx) error {
		*d = Document{ID: tx.NextID(), Owner: n.Owner, Company: n.Company, Created: tx.Now(), CreatedBy: agent, Changed: tx.Now(), ChangedBy: agent}
		if err := l.may(tx, nil); err != nil {
			return err
		}
		if err := l.checkPlace(tx, d.Place()); err != nil {
			return err
		}
		if _, err := l.apply(tx, d, c); err != nil {
			return err
		}
		if err := l.version(tx, agent, d, n.File); err != nil {
			return err
		}
		if err := l.documents.Insert(tx, d.ID, d); err != nil {
			return err
		}
		return l.tell(tx, timeline.DocumentAdded, agent, d, false, 0)
	})
	return d.ID, err
}

// version appends a version to d and has its file looked at.
func (l *Library) version(tx *store.Tx, agent uint64, d *Document, f Upload) error {
	if len(d.Versions) >= MaxVersions {
		return &ConflictError{fmt.Sprintf("a document has at most %d versions: add a new document", MaxVersions)}
	}
	// Before the commit that names it: a sweep must not take what it found unused.
	if err := l.blobs.Touch(f.Ref.SHA256); err != nil {
		if errors.Is(err, blob.ErrNotFound) {
			return &ConflictError{"the file is not there any more: upload it again"}
		}
		return err
	}
	v := Version{Number: 1, Name: f.Name, ContentType: f.ContentType, Size: f.Ref.Size, Blob: f.Ref.SHA256, Time: tx.Now(), By: agent, Message: f.Message, Note: strings.TrimSpace(f.Note)}
	if len(v.Note) > MaxNote {
		return &InvalidError{"note", fmt.Sprintf("a note has at most %d bytes", MaxNote)}
	}
	if len(d.Versions) > 0 {
		v.Number = d.Current().Number + 1
	}
	d.Versions = append(d.Versions, v)
	d.Changed, d.ChangedBy = tx.Now(), agent
	return l.see(tx, &v)
}

// AddVersion makes f the current version; the earlier ones stay.
func (l *Library) AddVersion(ctx context.Context, agent, id uint64, f Upload) error {
	return l.update(ctx, id, func(tx *store.Tx, d *Document) error {
		if err := d.there(); err != nil {
			return err
		}
		if err := l.version(tx, agent, d, f); err != nil {
			return err
		}
		return l.tell(tx, timeline.DocumentVersion, agent, d, false, d.Current().Number)
	})
}

// Restore makes the content of an earlier version current again, as a new version.
func (l *Library) Restore(ctx context.Context, agent, id uint64, number int) error {
	return l.update(ctx, id, func(tx *store.Tx, d *Document) error {
		if err := d.there(); err != nil {
			return err
		}
		old, err := d.Version(number)
		if err != nil {
			return err
		}
		if old.Number == d.Current().Number {
			return &ConflictError{"this version is the current one"}
		}
		if err := l.version(tx, agent, d, Upload{Name: old.Name, ContentType: old.ContentType, Ref: blob.Ref{SHA256: old.Blob, Size: old.Size}, Message: old.Message}); err != nil {
			return err
		}
		d.Current().Restored = number
		return l.tell(tx, timeline.DocumentVersion, agent, d, false, d.Current().Number)
	})
}

func (d *Document) there() error {
	if !d.Deleted.IsZero() {
		return &ConflictError{"this document is in the bin: take it out first"}
	}
	return nil
}

// Change is what changes of a document's card; nil fields stay. A zero Expires
// takes the date away.
type Change struct {
	Title   *string
	Type    *string
	Tags    *[]string
	Note    *string
	Expires *time.Time
	Remind  *int
}

// apply puts c into d and reports whether that changed anything.
func (l *Library) apply(tx *store.Tx, d *Document, c Change) (changed bool, err error) {
	set := func(field *string, value string) {
		changed = changed || *field != value
		*field = value
	}
	if c.Title != nil {
		title := strings.TrimSpace(*c.Title)
		if title == "" || utf8.RuneCountInString(title) > MaxTitle {
			return false, &InvalidError{"title", fmt.Sprintf("give the document a title of at most %d characters", MaxTitle)}
		}
		set(&d.Title, title)
	}
	if c.Type != nil {
		if err := l.mayGive(tx, *c.Type); err != nil {
			return false, err
		}
		if *c.Type != "" && *c.Type != d.Type {
			rules, err := l.Rules(tx)
			if err != nil {
				return false, err
			}
			if rules.Type(*c.Type) == nil {
				return false, &InvalidError{"type", "there is no such type: reload the list of types"}
			}
		}
		set(&d.Type, *c.Type)
	}
	if c.Note != nil {
		note := strings.TrimSpace(*c.Note)
		if len(note) > MaxNote {
			return false, &InvalidError{"note", fmt.Sprintf("a note has at most %d bytes: put the rest into a file", MaxNote)}
		}
		set(&d.Note, note)
	}
	if c.Tags != nil {
		tags, err := cleanTags(*c.Tags)
		if err != nil {
			return false, err
		}
		changed = changed || !slices.Equal(tags, d.Tags)
		d.Tags = tags
	}
	if c.Remind != nil {
		if *c.Remind < 0 || *c.Remind > MaxRemind {
			return false, &InvalidError{"remind", fmt.Sprintf("a reminder comes 0 to %d days before", MaxRemind)}
		}
		if d.Remind != *c.Remind {
			d.Remind, d.Reminded, changed = *c.Remind, time.Time{}, true
		}
	}
	if c.Expires != nil {
		day := c.Expires.UTC().Truncate(24 * time.Hour)
		if c.Expires.IsZero() {
			day = time.Time{}
		} else if y := day.Year(); y < 1900 || y > 2200 {
			return false, &InvalidError{"expires", "give a date between 1900 and 2200"}
		}
		if !day.Equal(d.Expires) {
			d.Expires, d.Reminded, changed = day, time.Time{}, true
		}
	}
	return changed, nil
}

func cleanTags(in []string) ([]string, error) {
	var tags []string
	for _, t := range in {
		t = strings.TrimSpace(t)
		if utf8.RuneCountInString(t) > MaxTag {
			return nil, &InvalidError{"tags", fmt.Sprintf("a tag has at most %d characters", MaxTag)}
		}
		if t != "" && !slices.Contains(tags, t) {
			tags = append(tags, t)
		}
	}
	if len(tags) > MaxTags {
		return nil, &InvalidError{"tags", fmt.Sprintf("a document has at most %d tags", MaxTags)}
	}
	return tags, nil
}

// Change changes a document's card.
func (l *Library) Change(ctx context.Context, agent, id uint64, c Change) error {
	return l.update(ctx, id, func(tx *store.Tx, d *Document) error {
		if err := d.there(); err != nil {
			return err
		}
		changed, err := l.apply(tx, d, c)
		if err != nil || !changed {
			return err
		}
		d.Changed, d.ChangedBy = tx.Now(), agent
		return l.tell(tx, timeline.DocumentChanged, agent, d, true, 0)
	})
}

// Delete puts a document into the bin, from which Undelete takes it out again.
// Links to it lead nowhere meanwhile.
func (l *Library) Delete(ctx context.Context, agent, id uint64) error {
	return l.update(ctx, id, func(tx *store.Tx, d *Document) error {
		if !d.Deleted.IsZero() {
			return nil
		}
		d.Deleted, d.DeletedBy = tx.Now(), agent
		return l.tell(tx, timeline.DocumentDeleted, agent, d, false, 0)
	})
}

// Undelete takes a document out of the bin.
func (l *Library) Undelete(ctx context.Context, agent, id uint64) error {
	return l.update(ctx, id, func(tx *store.Tx, d *Document) error {
		if d.Deleted.IsZero() {
			return nil
		}
		d.Deleted, d.DeletedBy = time.Time{}, 0
		return l.tell(tx, timeline.DocumentRestored, agent, d, false, 0)
	})
}

// Purge forgets a document that is in the bin, for good: its card, its links, who
// opened it, and the text of files that no other document has. The content stays
// as long as anything else names it (a message, another document); after that the
// sweep takes it.
func (l *Library) Purge(ctx context.Context, agent, id uint64) error {
	return l.store.Update(ctx, func(tx *store.Tx) error {
		d, err := l.Get(tx, id)
		if err != nil {
			return err
		}
		if err := l.may(tx, d); err != nil {
			return err
		}
		if d.Deleted.IsZero() {
			return &ConflictError{"only what is in the bin can be deleted for good: delete it first"}
		}
		if err := l.documents.Delete(tx, id); err != nil {
			return err
		}
		for i := range d.Versions {
			if err := l.forget(tx, d.Versions[i].Blob); err != nil {
				return err
			}
		}
		if err := l.dropLinks(tx, id); err != nil {
			return err
		}
		if err := l.dropOpenings(tx, id); err != nil {
			return err
		}
		return l.tell(tx, timeline.DocumentPurged, agent, d, true, 0)
	})
}

// cutRunes shortens s to at most n characters.
func cutRunes(s string, n int) string {
	for i := range s {
		if n--; n < 0 {
			return s[:i]
		}
	}
	return s
}

// MaxBytes is how large a file may be.
func (l *Library) MaxBytes() int64 { return l.maxBytes }
