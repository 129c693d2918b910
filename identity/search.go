package identity

import (
	"bytes"
	"maps"
	"slices"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"

	"throughline/message"
	"throughline/store"
)

// maxWord bounds an index key; longer words are found by their beginning.
const maxWord = 32

// fold brings a text to the form in which it is searched: compatibility forms
// and marks gone, lower case, Persian letters written with Arabic code points
// and foreign digits unified.
func fold(s string) string {
	var b strings.Builder
	for _, r := range norm.NFKD.String(s) {
		switch {
		case r == 'ي' || r == 'ى':
			r = 'ی'
		case r == 'ك':
			r = 'ک'
		case r == '\u200c' || unicode.Is(unicode.Mn, r) && r < 0x0e00: // Thai vowels and tones are letters of their own
			continue
		default:
			if d := digitValue(r); d >= 0 {
				r = rune('0' + d)
			}
		}
		b.WriteRune(unicode.ToLower(r))
	}
	return b.String()
}

// words are the folded words of a name.
func words(s string) []string {
	return strings.FieldsFunc(fold(s), func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsDigit(r) && !unicode.Is(unicode.Mn, r)
	})
}

// addressWords are the forms by which an address is looked for: as a whole, its
// domain, its parts, and for a number also without the country's plus.
func addressWords(h message.Handle) []string {
	a := fold(h.Address())
	switch h.Scheme() {
	case Mailto:
		local, domain, _ := strings.Cut(a, "@")
		return append(words(local), a, domain)
	case Tel, Short:
		digits := asciiDigits(a)
		ws := []string{digits}
		// People remember the end of a number, without its country code.
		for n := 4; n < len(digits) && n <= 10; n++ {
			ws = append(ws, digits[len(digits)-n:])
		}
		return ws
	}
	return []string{a}
}

func customerWords(c *Customer) []store.Key {
	return wordKeys(append(words(c.Name), words(c.Company)...))
}

func handleWords(h *Handle) []store.Key {
	return wordKeys(append(addressWords(h.Handle), words(h.Name)...))
}

func wordKeys(ws []string) []store.Key {
	seen := make(map[string]bool, len(ws))
	var keys []store.Key
	for _, w := range ws {
		if len(w) > maxWord {
			w = strings.ToValidUTF8(w[:maxWord], "")
		}
		if w != "" && !seen[w] {
			seen[w] = true
			keys = append(keys, store.K().Str(w))
		}
	}
	return keys
}

// searchScan bounds what one search looks at: of a word that more records have,
// and no rarer one beside it, only the first are found.
const searchScan = 2000

// Search finds customers by the beginning of a word of their name or company, of
// an address, or by the last digits of a number. Every word of q must match.
// Without words it lists all customers. Newest come first; next continues the list,
// nil at its end.
func (i *Identity) Search(tx *store.Tx, q string, after store.Key, limit int) (found []*Customer, next store.Key, err error) {
	var parts []string
	for _, f := range strings.Fields(fold(q)) {
		if strings.ContainsAny(f, "@.") { // an address or a domain
			parts = append(parts, f)
		} else {
			parts = append(parts, words(f)...)
		}
	}
	if digits := asciiDigits(q); len(digits) >= 4 && len(digits) >= len(strings.Join(parts, ""))-1 {
		parts = []string{digits}
	}
	if len(parts) == 0 {
		return i.newest(tx, after, limit)
	}
	matches, err := i.withWords(tx, parts)
	if err != nil {
		return nil, nil, err
	}
	// Newest first, so that a position is good even when its customer has been
	// merged away.
	for _, id := range slices.Backward(slices.Sorted(maps.Keys(matches))) {
		if after != nil && bytes.Compare(store.K().Uint(id), after) >= 0 {
			continue
		}
		if len(found) == limit {
			return found, store.K().Uint(found[limit-1].ID), nil
		}
		c, err := i.Customer(tx, id)
		if err != nil {
			return nil, nil, err
		}
		found = append(found, c)
	}
	return found, nil, nil
}

// withWords returns the customers that have all of the words. The rarest says who
// comes into question; a word that too many have is looked for only on those.
func (i *Identity) withWords(tx *store.Tx, parts []string) (map[uint64]bool, error) {
	type list struct {
		word string
		ids  []uint64
		all  bool
	}
	lists := make([]list, len(parts))
	for n, w := range parts {
		if len(w) > maxWord {
			w = strings.ToValidUTF8(w[:maxWord], "")
		}
		lists[n].word = w
		lists[n].ids, lists[n].all = i.withWord(tx, w)
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
	var matches map[uint64]bool
	for n, l := range lists {
		roots := make(map[uint64]bool)
		if n > 0 && !l.all {
			for id := range matches {
				has, err := i.hasWord(tx, id, l.word)
				if err != nil {
					return nil, err
				}
				if has {
					roots[id] = true
				}
			}
		} else {
			for _, id := range l.ids {
				root, err := i.Root(tx, id)
				if err != nil {
					return nil, err
				}
				if n == 0 || matches[root.ID] {
					roots[root.ID] = true
				}
			}
		}
		matches = roots
	}
	return matches, nil
}

// hasWord tells whether a customer has a word beginning with w: any member
// record, or any handle.
func (i *Identity) hasWord(tx *store.Tx, root uint64, w string) (bool, error) {
	begins := func(k store.Key) bool { return bytes.HasPrefix(k, store.Key(w)) }
	members, err := i.Members(tx, root)
	if err != nil {
		return false, err
	}
	for _, c := range members {
		if slices.ContainsFunc(customerWords(c), begins) {
			return true, nil
		}
	}
	handles, err := i.Handles(tx, root)
	if err != nil {
		return false, err
	}
	return slices.ContainsFunc(handles, func(h *Handle) bool { return slices.ContainsFunc(handleWords(h), begins) }), nil
}

// withWord returns the records that have a word beginning with w, themselves or
// on a handle; all is false if there may be more.
func (i *Identity) withWord(tx *store.Tx, w string) (ids []uint64, all bool) {
	prefix := store.Key(w)
	all = true
	for e := range i.customers.Scan(tx, store.Range{Index: "words", Prefix: prefix}) {
		if ids = append(ids, e.ID); len(ids) == searchScan {
			all = false
			break
		}
	}
	n := 0
	for e := range i.handles.Scan(tx, store.Range{Index: "words", Prefix: prefix}) {
		h, err := i.Handle(tx, e.ID)
		if err != nil {
			break
		}
		ids = append(ids, h.Customer)
		if n++; n == searchScan {
			all = false
			break
		}
	}
	return ids, all
}

func (i *Identity) newest(tx *store.Tx, after store.Key, limit int) (found []*Customer, next store.Key, err error) {
	for e := range i.customers.Scan(tx, store.Range{Reverse: true, After: after}) {
		c, err := i.Customer(tx, e.ID)
		if err != nil {
			return nil, nil, err
		}
		if c.MergedInto != 0 || !c.Erased.IsZero() {
			continue
		}
		if len(found) == limit {
			return found, next, nil
		}
		found, next = append(found, c), e.Pos
	}
	return found, nil, nil
}
