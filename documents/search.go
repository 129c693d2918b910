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

// What one search looks at, at most: of words that very many documents have, only
// the first are found.
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
	var ids map[uint64]bool
	for i := range s.words {
		have, err := s.with(&s.words[i])
		if err != nil {
			return nil, err
		}
		if ids != nil {
			maps.DeleteFunc(have, func(id uint64, _ bool) bool { return !ids[id] })
		}
		if ids = have; len(ids) == 0 {
			return nil, nil
		}
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

// with returns the documents that have a word.
func (s *search) with(w *word) (map[uint64]bool, error) {
	ids, err := s.onCards(w)
	if err != nil {
		return nil, err
	}
	pieces := entries(s.l.texts, s.tx, w)
	for _, piece := range slices.Sorted(maps.Keys(pieces)) {
		file := fileOf(piece)
		docs, err := s.having(file)
		if err != nil {
			return nil, err
		}
		if len(docs) == 0 {
			continue
		}
		if w.run && len([]rune(w.fold)) > gram {
			if s.reads++; s.reads > searchRead {
				break
			}
			t, err := s.l.texts.Get(s.tx, piece)
			if err != nil {
				return nil, err
			}
			if !(query{*w}).all(t.Text) {
				continue
			}
		}
		for _, d := range docs {
			ids[d] = true
			if s.pieces[d] == nil {
				s.pieces[d] = map[uint64]bool{}
			}
			s.pieces[d][piece] = true
		}
	}
	return ids, nil
}

// entries returns the records of a table that have all keys of a word.
func entries[V any](t *store.Table[V], tx *store.Tx, w *word) map[uint64]bool {
	var all map[uint64]bool
	for _, key := range w.keys() {
		have := map[uint64]bool{}
		n := 0
		for e := range t.Scan(tx, store.Range{Index: "words", Prefix: key}) {
			if all == nil || all[e.ID] {
				have[e.ID] = true
			}
			if n++; n == searchScan {
				break
			}
		}
		if all = have; len(all) == 0 {
			return all
		}
	}
	return all
}

// onCards returns the documents that have a word on their card.
func (s *search) onCards(w *word) (map[uint64]bool, error) {
	ids := entries(s.l.documents, s.tx, w)
	if !w.run || len([]rune(w.fold)) <= gram {
		return ids, nil
	}
	for id := range ids {
		d, err := s.l.Get(s.tx, id)
		if err != nil {
			return nil, err
		}
		if !slices.ContainsFunc(d.cardTexts(), (query{*w}).all) {
			delete(ids, id)
		}
	}
	return ids, nil
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
