package documents

import (
	"context"
	"slices"

	"throughline/store"
)

// OpenContent lets an agent have a content by its hash, which no message names, and
// tells whether it is a document's. Then it asks of the role of As what Open asks, of any
// of the documents that have it, and writes the opening down at the one that changed
// last; how "" writes nothing. Who uploaded the same content himself is not asked.
func (l *Library) OpenContent(ctx context.Context, agent uint64, sha, how string) (document bool, err error) {
	if err := l.store.View(func(tx *store.Tx) error {
		document = l.has(tx, sha)
		return nil
	}); err != nil || !document {
		return false, err
	}
	open := func(tx *store.Tx) error {
		f, err := l.file(tx, sha)
		if err != nil || f != nil && slices.Contains(f.Brought, agent) {
			return err
		}
		seen, refused := (*Document)(nil), ErrNotFound
		for e := range l.documents.Scan(tx, store.Range{Index: "blob", Prefix: store.K().Str(sha)}) {
			d, err := l.Get(tx, e.ID)
			if err != nil {
				return err
			}
			if err := l.may(tx, d); err != nil {
				refused = err
			} else if seen == nil || d.Changed.After(seen.Changed) {
				seen = d
			}
		}
		if seen == nil {
			return refused
		}
		if how == "" {
			return nil
		}
		at := slices.IndexFunc(seen.Versions, func(v Version) bool { return v.Blob == sha })
		return l.opened(tx, Opening{Document: seen.ID, Version: seen.Versions[at].Number, How: how, Agent: agent})
	}
	if how == "" {
		return true, l.store.View(open)
	}
	return true, l.store.Update(ctx, open)
}

// has tells whether a version of a document is a content.
func (l *Library) has(tx *store.Tx, sha string) bool {
	for range l.documents.Scan(tx, store.Range{Index: "blob", Prefix: store.K().Str(sha)}) {
		return true
	}
	return false
}

// brought remembers who uploaded a content that is a document's.
func (l *Library) brought(ctx context.Context, agent uint64, sha string) error {
	known := true
	if err := l.store.View(func(tx *store.Tx) error {
		known = !l.has(tx, sha)
		return nil
	}); err != nil || known {
		return err
	}
	return l.store.Update(ctx, func(tx *store.Tx) error {
		f, err := l.file(tx, sha)
		if f == nil || err != nil || slices.Contains(f.Brought, agent) {
			return err
		}
		f.Brought = append(slices.Clone(f.Brought), agent)
		return l.files.Put(tx, f.ID, f)
	})
}
