// Package documents keeps a library of files for every customer and company:
// contracts, offers, invoices, with their versions, expiry dates, links for
// outsiders, and who opened what.
//
// On disk it keeps, through package store, the tables "documents" (the card with
// its versions), "document_files" (once for each content: what the virus scanner
// said and how far its text is read), "document_texts" (that text in pieces, with
// the words it is found by), "document_links" (links for outsiders: a digest of the
// token, never the token) and "document_openings" (who opened what), and the types
// and rules as one value. The content lies in package blob, once however many
// documents have it. Every change and the event that tells of it are one
// transaction.
//
// A document belongs to a company, or to the record it was put at, so a merge shows
// the documents of both sides and undoing it gives each back. Texts and their words are derived:
// Reread makes them anew from the files.
//
// The package never looks into a file inside of a transaction, never opens one that
// a scanner found infected, never deletes a blob (the sweep of unused ones does),
// and never decides who may ask: package api does.
package documents

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"throughline/blob"
	"throughline/documents/extract"
	"throughline/identity"
	"throughline/store"
	"throughline/timeline"
)

// Limits of what is kept.
const (
	MaxTitle    = 200  // characters of a title
	MaxNote     = 5000 // bytes of a note
	MaxTags     = 20   // of a document
	MaxTag      = 50   // characters of one
	MaxVersions = 200  // of a document
	MaxRemind   = 365  // days between a reminder and the expiry

	// DefaultMaxBytes is the largest file unless set otherwise.
	DefaultMaxBytes = 100 << 20
	// DefaultRemind is how many days before its expiry a document is reminded of.
	DefaultRemind = 30
)

// ErrNotFound is wrapped by errors about IDs that lead nowhere.
var ErrNotFound = store.ErrNotFound

// InvalidError blames one field of a request.
type InvalidError struct{ Field, Text string }

func (e *InvalidError) Error() string { return e.Field + ": " + e.Text }

// ConflictError tells that something cannot be done as things stand now.
type ConflictError struct{ Text string }

func (e *ConflictError) Error() string { return e.Text }

// Document is the card of a file with all of its versions.
type Document struct {
	ID      uint64   `json:"-"`
	Owner   uint64   `json:"owner"`             // the record it was put at, merged since or not; 0 for a company's
	Company uint64   `json:"company,omitempty"` // whose it is, if no customer's
	Title   string   `json:"title"`
	Type    string   `json:"type,omitempty"` // key of a Type, "" none
	Tags    []string `json:"tags,omitempty"`
	Note    string   `json:"note,omitempty"`

	// Expires is the last day on which it holds, at midnight UTC; Remind is how many
	// days before a reminder comes, and Reminded when it came.
	Expires  time.Time `json:"expires,omitzero"`
	Remind   int       `json:"remind,omitempty"`
	Reminded time.Time `json:"reminded,omitzero"`

	// Versions are oldest first; the last one is current. Numbers begin at 1 and are
	// never given twice.
	Versions []Version `json:"versions"`

	Created   time.Time `json:"created"`
	CreatedBy uint64    `json:"created_by,omitempty"` // agent
	Changed   time.Time `json:"changed"`
	ChangedBy uint64    `json:"changed_by,omitempty"`
	Deleted   time.Time `json:"deleted,omitzero"` // in the bin since
	DeletedBy uint64    `json:"deleted_by,omitempty"`
}

// Version is one state of a document's file.
type Version struct {
	Number      int       `json:"n"`
	Name        string    `json:"name"` // of the file
	ContentType string    `json:"type"`
	Size        int64     `json:"size"`
	Blob        string    `json:"blob"`
	Time        time.Time `json:"t"`
	By          uint64    `json:"by,omitempty"`      // agent
	Message     uint64    `json:"message,omitempty"` // whose attachment it was
	Restored    int       `json:"restored,omitempty"`
	Note        string    `json:"note,omitempty"`
}

// Current is the newest version.
func (d *Document) Current() *Version { return &d.Versions[len(d.Versions)-1] }

// Version returns a version by its number, the current one for 0.
func (d *Document) Version(n int) (*Version, error) {
	if n == 0 {
		return d.Current(), nil
	}
	for i := range d.Versions {
		if d.Versions[i].Number == n {
			return &d.Versions[i], nil
		}
	}
	return nil, fmt.Errorf("document %d has no version %d: %w", d.ID, n, ErrNotFound)
}

// Expired tells whether the last day on which a document holds has passed.
func (l *Library) Expired(d *Document, now time.Time) bool {
	return !d.Expires.IsZero() && !now.Before(l.begins(d.Expires.AddDate(0, 0, 1)))
}

// Day is the day at a moment, in the library's zone; days are kept as their midnight in
// UTC.
func (l *Library) Day(t time.Time) time.Time {
	y, m, d := t.In(l.zone).Date()
	return time.Date(y, m, d, 0, 0, 0, 0, time.UTC)
}

// begins is when a day begins in the library's zone.
func (l *Library) begins(day time.Time) time.Time {
	return time.Date(day.Year(), day.Month(), day.Day(), 0, 0, 0, 0, l.zone)
}

// remindAt is the day on which the reminder is due, zero if none is to come.
func (d *Document) remindAt() time.Time {
	if d.Expires.IsZero() || !d.Reminded.IsZero() || !d.Deleted.IsZero() {
		return time.Time{}
	}
	return d.Expires.AddDate(0, 0, -d.Remind)
}

// Options are what a library is made of. Store, Blobs, Identity and Timeline are
// needed.
type Options struct {
	Store    *store.Store
	Blobs    *blob.Store
	Identity *identity.Identity
	Timeline *timeline.Timeline

	MaxBytes int64          // of one file; 0 means DefaultMaxBytes
	KeepLog  time.Duration  // how long openings are remembered; 0 for ever
	Zone     *time.Location // in which days begin and end; nil means UTC
	// Extract takes the text out of files; nil means extract.FromFile, in this process.
	Extract extract.Func
	// Scanner looks for viruses; nil means that nobody does.
	Scanner Scanner
	// OpenUnscanned lets files be opened, after a warning, of which the scanner cannot be
	// asked now; otherwise they stay shut until it can.
	OpenUnscanned bool
	// Scanned is called in the transaction in which something becomes known of a file of
	// a message; nil does nothing.
	Scanned func(tx *store.Tx, message uint64) error
	// Remind is called in the transaction in which a document is reminded of, beside the
	// line on the timeline; nil does nothing more.
	Remind func(tx *store.Tx, d *Document) error
	Log    *slog.Logger
}

// Library is the documents of one data folder.
type Library struct {
	store    *store.Store
	blobs    *blob.Store
	identity *identity.Identity
	timeline *timeline.Timeline
	maxBytes int64
	keepLog  time.Duration
	zone     *time.Location
	log      *slog.Logger
	role     string // of whoever acts, and the act: see As
	act      string

	extractor extract.Func
	scanner   Scanner
	lenient   bool // Options.OpenUnscanned
	scanned   func(tx *store.Tx, message uint64) error
	reminder  func(tx *store.Tx, d *Document) error

	documents *store.Table[Document]
	files     *store.Table[File]
	texts     *store.Table[Piece]
	openings  *store.Table[Opening]
	links     *store.Table[Link]
}

// New declares the library's tables in o.Store.
func New(o Options) (*Library, error) {
	if o.Store == nil || o.Blobs == nil || o.Identity == nil || o.Timeline == nil {
		return nil, errors.New("documents: a library needs a store, blobs, identity and timeline")
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.MaxBytes == 0 {
		o.MaxBytes = DefaultMaxBytes
	}
	if o.Extract == nil {
		o.Extract = extract.FromFile
	}
	if o.Zone == nil {
		o.Zone = time.UTC
	}
	return &Library{
		store: o.Store, blobs: o.Blobs, identity: o.Identity, timeline: o.Timeline,
		maxBytes: o.MaxBytes, keepLog: o.KeepLog, zone: o.Zone, log: o.Log,
		extractor: o.Extract, scanner: o.Scanner, lenient: o.OpenUnscanned, scanned: o.Scanned, reminder: o.Remind,
		documents: newDocuments(o.Store),
		files:     newFiles(o.Store),
		texts:     newTexts(o.Store),
		openings:  newOpenings(o.Store),
		links:     newLinks(o.Store),
	}, nil
}

func newDocuments(s *store.Store) *store.Table[Document] {
	there := func(keys func(d *Document) []store.Key) func(d *Document) []store.Key {
		return func(d *Document) []store.Key {
			if !d.Deleted.IsZero() {
				return nil
			}
			return keys(d)
		}
	}
	return store.NewTable(s, "documents", store.TableOptions[Document]{
		Indexes: []store.Index[Document]{
			{Name: "owner", Keys: idKey(func(d *Document) uint64 { return d.Owner })},
			{Name: "company", Keys: idKey(func(d *Document) uint64 { return d.Company })},
			{Name: "changed", Keys: there(func(d *Document) []store.Key { return []store.Key{store.K().TimeDesc(d.Changed)} })},
			{Name: "deleted", Keys: func(d *Document) []store.Key {
				if d.Deleted.IsZero() {
					return nil
				}
				return []store.Key{store.K().TimeDesc(d.Deleted)}
			}},
			{Name: "expires", Keys: there(func(d *Document) []store.Key {
				if d.Expires.IsZero() {
					return nil
				}
				return []store.Key{store.K().Time(d.Expires)}
			})},
			{Name: "remind", Keys: func(d *Document) []store.Key {
				if at := d.remindAt(); !at.IsZero() {
					return []store.Key{store.K().Time(at)}
				}
				return nil
			}},
			{Name: "type", Count: true, Keys: there(func(d *Document) []store.Key {
				return []store.Key{store.K().Str(d.Type).TimeDesc(d.Changed)}
			})},
			{Name: "tag", Count: true, Keys: there(func(d *Document) []store.Key {
				keys := make([]store.Key, len(d.Tags))
				for i, t := range d.Tags {
					keys[i] = store.K().Str(t).TimeDesc(d.Changed)
				}
				return keys
			})},
			{Name: "blob", Keys: func(d *Document) []store.Key {
				keys := make([]store.Key, len(d.Versions))
				for i := range d.Versions {
					keys[i] = store.K().Str(d.Versions[i].Blob)
				}
				return keys
			}},
			{Name: "words", Keys: there(cardWords)},
		},
	})
}

// idKey indexes what has an ID.
func idKey(id func(d *Document) uint64) func(d *Document) []store.Key {
	return func(d *Document) []store.Key {
		if id(d) == 0 {
			return nil
		}
		return []store.Key{store.K().Uint(id(d))}
	}
}

// Get returns a document, deleted ones too; ErrNotFound if there is none.
func (l *Library) Get(tx *store.Tx, id uint64) (*Document, error) {
	d, err := l.documents.Get(tx, id)
	if err != nil {
		return nil, err
	}
	d.ID = id
	return d, nil
}

// tell writes an event about a document onto the timeline of its owner, and of those
// it leaves. Which one it is, never what it is called: events are for ever. A quiet
// one is for screens only, as are all of a company's, which has no timeline.
func (l *Library) tell(tx *store.Tx, kind string, agent uint64, d *Document, quiet bool, version int, left ...uint64) error {
	e := timeline.Event{Kind: kind, Customer: d.Owner, Quiet: quiet}
	for _, id := range append(left, d.Owner) {
		if id != 0 && !slices.Contains(e.Subjects, id) {
			e.Subjects = append(e.Subjects, id)
		}
	}
	e.Quiet = quiet || len(e.Subjects) == 0
	if e.Customer == 0 && len(e.Subjects) > 0 {
		e.Customer = e.Subjects[0] // where it was
	}
	if agent != 0 {
		e.Actor = fmt.Sprintf("agent:%d", agent)
	}
	e.Data = fmt.Appendf(nil, `{"document":%d`, d.ID)
	if d.Company != 0 {
		e.Data = fmt.Appendf(e.Data, `,"company":%d`, d.Company)
	}
	if version != 0 {
		e.Data = fmt.Appendf(e.Data, `,"version":%d`, version)
	}
	e.Data = append(e.Data, '}')
	_, err := l.timeline.Append(tx, e)
	return err
}

// update runs fn on one document and stores what it made of it.
func (l *Library) update(ctx context.Context, id uint64, fn func(tx *store.Tx, d *Document) error) error {
	return l.store.Update(ctx, func(tx *store.Tx) error {
		d, err := l.Get(tx, id)
		if err != nil {
			return err
		}
		if err := l.may(tx, d); err != nil {
			return err
		}
		if err := fn(tx, d); err != nil {
			return err
		}
		return l.documents.Put(tx, id, d)
	})
}
