package documents

import (
	"context"

	"throughline/store"
)

// Erase removes all documents of these owners for good, those in the bin too, and
// returns the files that they named; others may name them too. It removes none unless the
// role of As may delete all.
func (l *Library) Erase(ctx context.Context, agent uint64, owners []uint64) (files []string, err error) {
	if err := l.store.View(func(tx *store.Tx) error { return l.MayAll(tx, owners) }); err != nil {
		return nil, err
	}
	for _, deleted := range []bool{false, true} {
		for {
			var page []*Document
			if err := l.store.View(func(tx *store.Tx) (err error) {
				page, _, err = l.List(tx, Filter{Owners: owners, Deleted: deleted, Role: RoleAdmin}, nil, 100)
				return err
			}); err != nil {
				return files, err
			}
			for _, d := range page {
				if !deleted {
					if err := l.Delete(ctx, agent, d.ID); err != nil {
						return files, err
					}
					continue
				}
				if err := l.Purge(ctx, agent, d.ID); err != nil {
					return files, err
				}
				for i := range d.Versions {
					files = append(files, d.Versions[i].Blob)
				}
			}
			if len(page) == 0 {
				break
			}
		}
	}
	return files, nil
}
