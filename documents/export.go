package documents

import (
	"context"
	"encoding/json"
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
// with what is known of them, and the file of every version.
func (l *Library) Export(ctx context.Context, owners []uint64, create func(name string) (io.Writer, error)) error {
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
