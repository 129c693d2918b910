package documents

import (
	"errors"
	"maps"
	"slices"

	"throughline/store"
)

// Found is a document that a search found.
type Found struct {
	Document *Document
	// Snippet is the part of its text that matched, "" if its card did. Marks are the
	// words in it.
	Snippet string
	Marks   []Mark
}

// What one search looks at, at most: of a word that more have, and no rarer one beside
// it, only those are found.
const (
	searchScan  = 5000 // entries of the index for one word
	searchRead  = 400  // pieces of text that are read to make sure
	searchFound = 500  // documents that are compared
)

// search is one search on its way.
type search struct {
	l     *Library
	tx    *store.Tx
	words query
	files map[uint64][]uint64 // documents whose current version is a file
	reads int
	// pieces of text in which words were found, by document
	pieces map[uint64]map[uint64]bool
}

// Search finds documents that have all the words of q, in their card or in the text
// of their current version: those whose title has them first, then by time.
func (l *Library) Search(tx *store.Tx, q string, f Filter, limit int) ([]Found, error) {
	rules, err := l.Rules(tx)
	if err != nil {
		return nil, err
	}
	s := &search{l: l, tx: tx, words: parseQuery(q), files: map[uint64][]uint64{}, pieces: map[uint64]map[uint64]bool{}}
	ids, err := s.all(f, rules)
	if err != nil {
		return nil, err
	}
	var found []Found
	newest := slices.Sorted(maps.Keys(ids))
	for _, id := range slices.Backward(newest) {
		d, err := l.Get(tx, id)
		if err != nil {
			return nil, err
		}
		if f.passes(d, rules) {
			found = append(found, Found{Document: d})
		}
		if len(found) == searchFound {
			break
		}
	}
	slices.SortStableFunc(found, func(a, b Found) int {
		if ta, tb := s.words.all(a.Document.Title), s.words.all(b.Document.Title); ta != tb {
			if ta {
				return -1
			}
			return 1
		}
		return b.Document.Changed.Compare(a.Document.Changed)
	})
	found = found[:min(len(found), limit)]
	for i := range found {
		if err := s.quote(&found[i]); err != nil {
			return nil, err
		}
	}
	return found, nil
}

// all returns the documents that have all of the words. Those of a customer or a company,
// or of the rarest word, come into question; a word that too many have is looked for only
// on those.
func (s *search) all(f Filter, rules *Rules) (ids map[uint64]bool, err error) {
	type list struct {
		word *word
		ids  map[uint64]bool
		all  bool
	}
	lists := make([]list, len(s.words))
	for n := range s.words {
		lists[n].word = &s.words[n]
		if lists[n].ids, lists[n].all, err = s.with(lists[n].word); err != nil {
			return nil, err
		}
	}
	slices.SortStableFunc(lists, func(a, b list) int {
		if a.all != b.all {
			if a.all {
				return -1
			}
			return 1
		}
		return len(a.ids) - len(b.ids)
	})
	if f.placed() && len(lists) > 0 {
		docs, _, err := s.l.ofOwners(s.tx, f, rules, nil, scanLimit)
		if err != nil {
			return nil, err
		}
		ids = make(map[uint64]bool, len(docs))
		for _, d := range docs {
			ids[d.ID] = true
		}
	}
	for _, l := range lists {
		if ids == nil {
			ids = l.ids
			continue
		}
		for id := range ids {
			has := l.ids[id]
			if !has && !l.all {
				if has, err = s.has(id, l.word); err != nil {
					return nil, err
				}
			}
			if !has {
				delete(ids, id)
			}
		}
	}
	return ids, nil
}

// has tells whether a document has a word.
func (s *search) has(id uint64, w *word) (bool, error) {
	d, err := s.l.Get(s.tx, id)
	if err != nil {
		return false, err
	}
	if slices.ContainsFunc(d.cardTexts(), (query{*w}).all) {
		return true, nil
	}
	f, err := s.l.file(s.tx, d.Current().Blob)
	if f == nil || err != nil {
		return false, err
	}
	for n := range f.Text.Pieces {
		if s.reads++; s.reads > searchRead {
			return false, nil
		}
		t, err := s.l.texts.Get(s.tx, pieceID(f.ID, n))
		if errors.Is(err, store.ErrNotFound) { // being read anew
			continue
		}
		if err != nil {
			return false, err
		}
		if (query{*w}).all(t.Text) {
			s.note(id, pieceID(f.ID, n))
			return true, nil
		}
	}
	return false, nil
}

// note keeps a piece of text in which a word of a document was found.
func (s *search) note(document, piece uint64) {
	if s.pieces[document] == nil {
		s.pieces[document] = map[uint64]bool{}
	}
	s.pieces[document][piece] = true
}

// with returns the documents that have a word; all is false if there may be more.
func (s *search) with(w *word) (ids map[uint64]bool, all bool, err error) {
	ids, all, err = s.onCards(w)
	if err != nil {
		return nil, false, err
	}
	pieces, every := entries(s.l.texts, s.tx, w)
	all = all && every
	for _, piece := range slices.Sorted(maps.Keys(pieces)) {
		file := fileOf(piece)
		docs, err := s.having(file)
		if err != nil {
			return nil, false, err
		}
		if len(docs) == 0 {
			continue
		}
		if w.run && len([]rune(w.fold)) > gram {
			if s.reads++; s.reads > searchRead {
				return ids, false, nil
			}
			t, err := s.l.texts.Get(s.tx, piece)
			if err != nil {
				return nil, false, err
			}
			if !(query{*w}).all(t.Text) {
				continue
			}
		}
		for _, d := range docs {
			ids[d] = true
			s.note(d, piece)
		}
	}
	return ids, all, nil
}

// entries returns the records of a table that may have a word: those that have its keys,
// but for a key that too many have, unless there is no other. all is false if there may be
// more.
func entries[V any](t *store.Table[V], tx *store.Tx, w *word) (ids map[uint64]bool, all bool) {
	var some map[uint64]bool
	for _, key := range w.keys() {
		have, n := map[uint64]bool{}, 0
		for e := range t.Scan(tx, store.Range{Index: "words", Prefix: key, Reverse: true}) {
			if n++; n > searchScan {
				break
			}
			have[e.ID] = true
		}
		if n > searchScan {
			if some == nil {
				some = have
			}
			continue
		}
		if all {
			maps.DeleteFunc(have, func(id uint64, _ bool) bool { return !ids[id] })
		}
		if ids, all = have, true; len(ids) == 0 {
			return ids, true
		}
	}
	if !all {
		return some, false
	}
	return ids, true
}

// onCards returns the documents that have a word on their card.
func (s *search) onCards(w *word) (ids map[uint64]bool, all bool, err error) {
	ids, all = entries(s.l.documents, s.tx, w)
	if !w.run || len([]rune(w.fold)) <= gram {
		return ids, all, nil
	}
	for id := range ids {
		d, err := s.l.Get(s.tx, id)
		if err != nil {
			return nil, false, err
		}
		if !slices.ContainsFunc(d.cardTexts(), (query{*w}).all) {
			delete(ids, id)
		}
	}
	return ids, all, nil
}

// having returns the documents whose current version is a file.
func (s *search) having(file uint64) ([]uint64, error) {
	if docs, known := s.files[file]; known {
		return docs, nil
	}
	var docs []uint64
	f, err := s.l.files.Get(s.tx, file)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return nil, err
	}
	if f != nil {
		if docs, err = s.l.current(s.tx, f.Blob); err != nil {
			return nil, err
		}
	}
	s.files[file] = docs
	return docs, nil
}

// current returns the documents whose current version has a content.
func (l *Library) current(tx *store.Tx, sha string) (ids []uint64, err error) {
	for e := range l.documents.Scan(tx, store.Range{Index: "blob", Prefix: store.K().Str(sha)}) {
		d, err := l.Get(tx, e.ID)
		if err != nil {
			return nil, err
		}
		if d.Current().Blob == sha {
			ids = append(ids, e.ID)
		}
	}
	return ids, nil
}

// quote cuts the snippet of a document out of its text, unless the card has it all.
func (s *search) quote(f *Found) error {
	has := make([]bool, len(s.words))
	for _, t := range f.Document.cardTexts() {
		s.words.mark(t, has)
	}
	if !slices.Contains(has, false) {
		return nil
	}
	best := 0
	for n, piece := range slices.Sorted(maps.Keys(s.pieces[f.Document.ID])) {
		if n == 4 {
			break
		}
		t, err := s.l.texts.Get(s.tx, piece)
		if err != nil {
			return err
		}
		has := make([]bool, len(s.words))
		s.words.mark(t.Text, has)
		count := 0
		for _, h := range has {
			if h {
				count++
			}
		}
		if count > best {
			best = count
			f.Snippet, f.Marks = s.words.snippet(t.Text)
		}
	}
	return nil
}

// mark sets which of the words are in text.
func (q query) mark(text string, has []bool) {
	split(text, func(x word) bool {
		for i := range q {
			has[i] = has[i] || q[i].matches(&x)
		}
		return slices.Contains(has, false)
	})
}

// all tells whether all of the words are in text.
func (q query) all(text string) bool {
	has := make([]bool, len(q))
	q.mark(text, has)
	return !slices.Contains(has, false)
}
