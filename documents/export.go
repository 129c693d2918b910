package documents

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"throughline/store"
)

// exported is a document as an export of its owner writes it.
type exported struct {
	ID       uint64    `json:"id"`
	Document *Document `json:"document"`
	Files    []string  `json:"files"` // of the versions, in the archive
	Links    []Link    `json:"links,omitempty"`
	Openings []Opening `json:"openings,omitempty"`
}

// Export writes all documents of these owners, those in the bin too: documents.json
// with what is known of them, and the file of every version. It refuses to leave out
// what the role of As does not see, and writes down that the agent opened the rest.
func (l *Library) Export(ctx context.Context, agent uint64, owners []uint64, create func(name string) (io.Writer, error)) error {
	var list []*exported
	for _, deleted := range []bool{false, true} {
		var after store.Key
		for {
			if err := l.store.View(func(tx *store.Tx) error {
				page, next, err := l.List(tx, Filter{Owners: owners, Deleted: deleted, Role: RoleAdmin}, after, 100)
				if err != nil {
					return err
				}
				after = next
				for _, d := range page {
					if l.may(tx, d) != nil { // added just now
						return ErrOthers
					}
					e := &exported{ID: d.ID, Document: d}
					for _, v := range d.Versions {
						e.Files = append(e.Files, fmt.Sprintf("documents/%d-%d-%s", d.ID, v.Number, plainName(v.Name)))
					}
					if e.Links, err = l.Links(tx, d.ID); err != nil {
						return err
					}
					for i := range e.Links { // what opens a link stays here
						e.Links[i].Digest, e.Links[i].Password = "", ""
					}
					if e.Openings, _, err = l.Openings(tx, d.ID, nil, exportedOpenings); err != nil {
						return err
					}
					list = append(list, e)
				}
				return nil
			}); err != nil {
				return err
			}
			if after == nil {
				break
			}
		}
	}
	if err := l.openAll(ctx, agent, owners); err != nil {
		return err
	}
	w, err := create("documents.json")
	if err != nil {
		return err
	}
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	if err := enc.Encode(list); err != nil {
		return err
	}
	for _, e := range list {
		for i, v := range e.Document.Versions {
			if err := ctx.Err(); err != nil {
				return err
			}
			if err := l.exportFile(e.Files[i], v.Blob, create); err != nil {
				return err
			}
		}
	}
	return nil
}

// ErrOthers refuses to do something with all documents of somebody for whom not all are
// there.
var ErrOthers = fmt.Errorf("there are documents with which you may not do this: %w", ErrRole)

// MayAll refuses, with ErrOthers, what the role of As may not do with one of the documents
// of these owners, those in the bin included.
func (l *Library) MayAll(tx *store.Tx, owners []uint64) error {
	return l.eachOf(tx, owners, func(*Document) error { return nil })
}

// eachOf calls fn with all documents of these owners, if the role of As may act on all.
func (l *Library) eachOf(tx *store.Tx, owners []uint64, fn func(d *Document) error) error {
	for _, owner := range owners {
		for e := range l.documents.Scan(tx, store.Range{Index: "owner", Prefix: store.K().Uint(owner)}) {
			d, err := l.Get(tx, e.ID)
			if err != nil {
				return err
			}
			if err := l.may(tx, d); errors.Is(err, ErrRole) || errors.Is(err, ErrNotFound) {
				return ErrOthers
			} else if err != nil {
				return err
			}
			if err := fn(d); err != nil {
				return err
			}
		}
	}
	return nil
}

// openAll writes down that an agent opens every document of these owners.
func (l *Library) openAll(ctx context.Context, agent uint64, owners []uint64) error {
	return l.store.Update(ctx, func(tx *store.Tx) error {
		return l.eachOf(tx, owners, func(d *Document) error {
			return l.opened(tx, Opening{Document: d.ID, Version: d.Current().Number, How: ByExport, Agent: agent})
		})
	})
}

// exportedOpenings bounds the openings that are listed of one document, newest first.
const exportedOpenings = 10_000

func (l *Library) exportFile(name, sha string, create func(name string) (io.Writer, error)) error {
	src, _, err := l.blobs.Open(sha)
	if err != nil {
		return err
	}
	defer src.Close()
	w, err := create(name)
	if err != nil {
		return err
	}
	_, err = io.Copy(w, src)
	return err
}

// plainName leaves of a file's name what every system takes.
func plainName(s string) string {
	s = strings.Map(func(r rune) rune {
		if r < ' ' || strings.ContainsRune(`/\\:*?"<>|`, r) {
			return '_'
		}
		return r
	}, s)
	if s = strings.Trim(s, ". "); s == "" {
		return "file"
	}
	return s
}
