package documents

import (
	"context"
	"time"

	"throughline/store"
)

// How an opening was made.
const (
	ByPreview  = "preview"  // looked at on the screen
	ByDownload = "download" // saved by an agent
	ByMessage  = "message"  // attached to a message
	ByExport   = "export"   // saved with everything else about its owner
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
			{Name: "visit", Keys: func(o *Opening) []store.Key {
				if o.How != ByLink {
					return nil
				}
				return []store.Key{store.K().Uint(o.Link).Str(Network(o.Address))}
			}},
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
// it. The caller reads the blob afterwards. What Safe refuses is not opened.
func (l *Library) Open(ctx context.Context, agent, id uint64, number int, how string) (v Version, err error) {
	err = l.store.Update(ctx, func(tx *store.Tx) error {
		d, err := l.Get(tx, id)
		if err != nil {
			return err
		}
		if err := l.may(tx, d); err != nil {
			return err
		}
		found, err := d.Version(number)
		if err != nil {
			return err
		}
		v = *found
		if err := l.Safe(tx, v.Blob); err != nil {
			return err
		}
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
