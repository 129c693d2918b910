package people

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"throughline/inbox"
	"throughline/store"
)

// Asker is the agent who has somebody exported or erased; without a role keepers ask for
// none.
type Asker struct {
	Agent uint64
	Role  string
}

// Keeper is what another package keeps about customers beside the hub: documents,
// preferences.
type Keeper struct {
	// Erase removes what is kept about these customer records, and returns the files
	// that it named: those that nobody else needs go too.
	Erase func(ctx context.Context, by Asker, records []uint64) (files []string, err error)
	// Export writes what is kept about these customer records as files of an archive:
	// create begins the next one.
	Export func(ctx context.Context, by Asker, records []uint64, create func(name string) (io.Writer, error)) error
	// Company counts what is kept of a company.
	Company func(tx *store.Tx, company uint64) int
	// Blobs names the files that are still needed.
	Blobs func(ctx context.Context, use func(sha string)) error
}

// Erase takes a customer and everything said with him out of the database; counts
// and sequence numbers stay as they were. What comes from his addresses later is a
// new customer's. Files of imports go too, since he may stand in them; while one is
// not over nobody is erased. Broken off, it is asked again.
func (p *People) Erase(ctx context.Context, by Asker, customer uint64) (*inbox.Erased, error) {
	var records []uint64
	if err := p.store.View(func(tx *store.Tx) error {
		root, err := p.hub.Identity.Root(tx, customer)
		if err != nil {
			return err
		}
		if !root.Erased.IsZero() {
			return store.ErrNotFound
		}
		members, err := p.hub.Identity.Members(tx, root.ID)
		for _, m := range members {
			records = append(records, m.ID)
		}
		return err
	}); err != nil {
		return nil, err
	}
	// First what may refuse: counts that are being made, an import that is not over.
	if err := p.hub.SettleCounts(ctx); err != nil {
		return nil, err
	}
	if err := p.forgetFiles(ctx, records); err != nil {
		return nil, err
	}
	var files []string
	for _, k := range p.keepers {
		if k.Erase == nil {
			continue
		}
		more, err := k.Erase(ctx, by, records)
		if err != nil {
			return nil, err
		}
		files = append(files, more...)
	}
	out, err := p.hub.Erase(ctx, by.Agent, customer, p.keepsOf)
	if err != nil {
		return nil, err
	}
	return out, p.drop(ctx, append(files, out.Blobs...))
}

// forgetFiles drops what imports have kept: the names under which rows are known
// again, the notes of rows and the files.
func (p *People) forgetFiles(ctx context.Context, records []uint64) error {
	var over []uint64
	if err := p.store.Update(ctx, func(tx *store.Tx) error {
		over = nil
		var waiting []string
		for _, id := range records {
			for e := range p.keys.Scan(tx, store.Range{Index: "customer", Prefix: store.K().Uint(id)}) {
				if err := p.keys.Delete(tx, e.ID); err != nil {
					return err
				}
			}
		}
		for e := range p.imports.Scan(tx, store.Range{}) {
			i, err := p.imports.Get(tx, e.ID)
			if err != nil {
				return err
			}
			if i.working() {
				return &ConflictError{"an import is running: wait until it is over, then erase"}
			}
			if i.State != Done && i.Blob != "" {
				waiting = append(waiting, i.Name)
			}
			over = append(over, e.ID)
		}
		if len(waiting) > 0 {
			return &ConflictError{fmt.Sprintf("an import is not over, and its file may name this person: finish or remove %s, then erase", strings.Join(waiting, ", "))}
		}
		return nil
	}); err != nil {
		return err
	}
	var files []string
	for _, id := range over {
		if err := p.dropRows(ctx, id); err != nil {
			return err
		}
		if err := p.update(ctx, id, func(_ *store.Tx, i *Import) error {
			for _, sha := range []string{i.Blob, i.Past} {
				if sha != "" && !slices.Contains(files, sha) {
					files = append(files, sha)
				}
			}
			i.Blob, i.Past, i.Header, i.Mapping = "", "", nil, nil // of a table without a header it is the first person's row
			return nil
		}); err != nil && !errors.Is(err, store.ErrNotFound) {
			return err
		}
	}
	return p.drop(ctx, files)
}

// drop removes files that nobody needs any more.
func (p *People) drop(ctx context.Context, files []string) error {
	others := []func(context.Context, func(string)) error{p.Blobs}
	for _, k := range p.keepers {
		if k.Blobs != nil {
			others = append(others, k.Blobs)
		}
	}
	_, err := p.hub.DropBlobs(ctx, files, others...)
	return err
}

// keepsOf tells whether a keeper has something of a company.
func (p *People) keepsOf(tx *store.Tx, company uint64) bool {
	return slices.ContainsFunc(p.keepers, func(k Keeper) bool { return k.Company != nil && k.Company(tx, company) > 0 })
}
