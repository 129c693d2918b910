package documents

import (
	"context"
	"errors"
	"fmt"

	"throughline/store"
)

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
		if err := l.checkPlace(tx, d.Place()); err != nil {
			if _, invalid := errors.AsType[*InvalidError](err); !invalid {
				return err
			}
			bad("document %d belongs to nobody: there is no record %d and no company %d", d.ID, d.Owner, d.Company)
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
