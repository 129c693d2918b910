package documents

import (
	"bytes"
	"cmp"
	"slices"
	"time"

	"throughline/store"
)

// Filter says which documents are wanted.
type Filter struct {
	Owners  []uint64 // records; none means all
	Type    string
	Tag     string
	Expires time.Time // only those that expire by then
	Deleted bool      // those in the bin instead
	// Managers sees restricted types too.
	Managers bool
}

// expiring orders a list by its dates.
func (f *Filter) expiring() bool { return !f.Expires.IsZero() }

// scanLimit bounds what one page of a list looks at: it may then be short and have
// more behind it.
const scanLimit = 5000

// passes tells whether d is wanted.
func (f *Filter) passes(d *Document, rules *Rules) bool {
	return d.Deleted.IsZero() != f.Deleted &&
		(len(f.Owners) == 0 || slices.Contains(f.Owners, d.Owner)) &&
		(f.Type == "" || d.Type == f.Type) &&
		(f.Tag == "" || slices.Contains(d.Tags, f.Tag)) &&
		(!f.expiring() || !d.Expires.IsZero() && !d.Expires.After(f.Expires)) &&
		(f.Managers || !rules.Restricted(d.Type))
}

// List returns documents: last changed first, by date when those that expire are
// asked for, last deleted first in the bin. next continues the list, nil at its
// end.
func (l *Library) List(tx *store.Tx, f Filter, after store.Key, limit int) (list []*Document, next store.Key, err error) {
	rules, err := l.Rules(tx)
	if err != nil {
		return nil, nil, err
	}
	if len(f.Owners) > 0 {
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

// ofOwners lists the documents of a customer: few enough to be sorted each time.
func (l *Library) ofOwners(tx *store.Tx, f Filter, rules *Rules, after store.Key, limit int) (list []*Document, next store.Key, err error) {
	for _, owner := range f.Owners {
		for e := range l.documents.Scan(tx, store.Range{Index: "owner", Prefix: store.K().Uint(owner), Reverse: true}) {
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

// Found is a document that a search found.
type Found struct {
	Document *Document
	// Snippet is the part of its text that matched, "" if its card did. Marks are the
	// words in it.
	Snippet string
	Marks   []Mark
}

// searchScan bounds what a search looks at for each word, and searchFound what it
// compares in the end: of words that very many documents have, only the first are
// found.
const (
	searchScan  = 5000
	searchFound = 500
)

// Search finds documents that have all the words of q, in their card or in the text
// of their current version: those whose title has them first, then by time.
func (l *Library) Search(tx *store.Tx, q string, f Filter, limit int) ([]Found, error) {
	rules, err := l.Rules(tx)
	if err != nil {
		return nil, err
	}
	words := parseQuery(q)
	if len(words) == 0 {
		return nil, nil
	}
	var ids map[uint64]bool
	for i := range words {
		for _, key := range words[i].keys() {
			have, err := l.withKey(tx, key)
			if err != nil {
				return nil, err
			}
			for id := range have {
				if ids != nil && !ids[id] {
					delete(have, id)
				}
			}
			if ids = have; len(ids) == 0 {
				return nil, nil
			}
		}
	}
	var found []Found
	for _, id := range slices.SortedFunc(mapKeys(ids), func(a, b uint64) int { return cmp.Compare(b, a) }) {
		d, err := l.Get(tx, id)
		if err != nil {
			return nil, err
		}
		if !f.passes(d, rules) {
			continue
		}
		hit, err := l.confirm(tx, words, d)
		if err != nil {
			return nil, err
		}
		if hit != nil {
			found = append(found, *hit)
		}
		if len(found) == searchFound {
			break
		}
	}
	slices.SortStableFunc(found, func(a, b Found) int {
		if ta, tb := words.all(a.Document.Title), words.all(b.Document.Title); ta != tb {
			if ta {
				return -1
			}
			return 1
		}
		return b.Document.Changed.Compare(a.Document.Changed)
	})
	return found[:min(len(found), limit)], nil
}

func mapKeys(m map[uint64]bool) func(yield func(uint64) bool) {
	return func(yield func(uint64) bool) {
		for k := range m {
			if !yield(k) {
				return
			}
		}
	}
}

// withKey returns the documents that have a word with this beginning.
func (l *Library) withKey(tx *store.Tx, prefix store.Key) (map[uint64]bool, error) {
	ids := map[uint64]bool{}
	n := 0
	for e := range l.documents.Scan(tx, store.Range{Index: "words", Prefix: prefix}) {
		ids[e.ID] = true
		if n++; n == searchScan {
			break
		}
	}
	return ids, nil
}

// mark sets which of the words are in text.
func (q query) mark(text string, has []bool) {
	split(text, func(x word) bool {
		for i := range q {
			has[i] = has[i] || q[i].matches(&x)
		}
		return !all(has)
	})
}

// all tells whether all of the words are in text.
func (q query) all(text string) bool {
	has := make([]bool, len(q))
	q.mark(text, has)
	return all(has)
}

func all(has []bool) bool { return !slices.Contains(has, false) }

// confirm looks whether d really has the words, where the index knows only parts of
// them, and cuts the snippet. nil means that it does not.
func (l *Library) confirm(tx *store.Tx, words query, d *Document) (*Found, error) {
	has := make([]bool, len(words))
	for _, t := range d.cardTexts() {
		words.mark(t, has)
	}
	if !all(has) {
		return nil, nil
	}
	return &Found{Document: d}, nil
}
