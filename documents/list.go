package documents

import (
	"bytes"
	"slices"
	"time"

	"throughline/store"
)

// Filter says which documents are wanted.
type Filter struct {
	Owners  []uint64 // records
	Company uint64   // what is its own, beside that of Owners; neither means all
	Type    string
	Tag     string
	Expires time.Time // only those that expire by then
	Deleted bool      // those in the bin instead
	// Role is of whoever asks; what the rules hide from it is not there.
	Role string
}

// expiring orders a list by its dates.
func (f *Filter) expiring() bool { return !f.Expires.IsZero() }

// scanLimit bounds what one page of a list looks at: it may then be short and have
// more behind it.
const scanLimit = 5000

// passes tells whether d is wanted.
func (f *Filter) passes(d *Document, rules *Rules) bool {
	return d.Deleted.IsZero() != f.Deleted &&
		f.at(d) &&
		(f.Type == "" || d.Type == f.Type) &&
		(f.Tag == "" || slices.Contains(d.Tags, f.Tag)) &&
		(!f.expiring() || !d.Expires.IsZero() && !d.Expires.After(f.Expires)) &&
		rules.Sees(f.Role, d.Type)
}

// List returns documents: last changed first, by date when those that expire are
// asked for, last deleted first in the bin. next continues the list, nil at its
// end.
func (l *Library) List(tx *store.Tx, f Filter, after store.Key, limit int) (list []*Document, next store.Key, err error) {
	rules, err := l.Rules(tx)
	if err != nil {
		return nil, nil, err
	}
	if f.placed() {
		return l.ofOwners(tx, f, rules, after, limit)
	}
	r := store.Range{Index: "changed", After: after}
	switch {
	case f.Deleted:
		r.Index = "deleted"
	case f.expiring():
		r.Index = "expires"
	case f.Tag != "":
		r.Index, r.Prefix = "tag", store.K().Str(f.Tag)
	case f.Type != "":
		r.Index, r.Prefix = "type", store.K().Str(f.Type)
	}
	seen := 0
	for e := range l.documents.Scan(tx, r) {
		if len(list) == limit || seen == scanLimit {
			return list, next, nil
		}
		seen++
		d, err := l.Get(tx, e.ID)
		if err != nil {
			return nil, nil, err
		}
		if f.expiring() && d.Expires.After(f.Expires) && r.Index == "expires" {
			break
		}
		next = e.Pos
		if f.passes(d, rules) {
			list = append(list, d)
		}
	}
	return list, nil, nil
}

// sortKey is the place of a document in a list.
func (f *Filter) sortKey(d *Document) store.Key {
	switch {
	case f.Deleted:
		return store.K().TimeDesc(d.Deleted).Uint(d.ID)
	case f.expiring():
		return store.K().Time(d.Expires).Uint(d.ID)
	}
	return store.K().TimeDesc(d.Changed).Uint(d.ID)
}

// ofOwners lists the documents of a customer or a company: few enough to be sorted each time.
func (l *Library) ofOwners(tx *store.Tx, f Filter, rules *Rules, after store.Key, limit int) (list []*Document, next store.Key, err error) {
	ranges := make([]store.Range, 0, len(f.Owners)+1)
	for _, owner := range f.Owners {
		ranges = append(ranges, store.Range{Index: "owner", Prefix: store.K().Uint(owner), Reverse: true})
	}
	if f.Company != 0 {
		ranges = append(ranges, store.Range{Index: "company", Prefix: store.K().Uint(f.Company), Reverse: true})
	}
	for _, r := range ranges {
		for e := range l.documents.Scan(tx, r) {
			if len(list) == scanLimit {
				break
			}
			d, err := l.Get(tx, e.ID)
			if err != nil {
				return nil, nil, err
			}
			if f.passes(d, rules) && (after == nil || bytes.Compare(f.sortKey(d), after) > 0) {
				list = append(list, d)
			}
		}
	}
	slices.SortFunc(list, func(a, b *Document) int { return bytes.Compare(f.sortKey(a), f.sortKey(b)) })
	if len(list) > limit {
		list = list[:limit]
		next = f.sortKey(list[limit-1])
	}
	return list, next, nil
}
