package documents

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"throughline/store"
)

// maxWord bounds an index key in bytes; longer words are found by their beginning.
const maxWord = 32

// gram is how many letters of a script without spaces make one entry of the index.
const gram = 3

// foldRune brings a character to the form in which it is searched: compatibility
// forms and marks gone, lower case, Persian letters written with Arabic code points
// and foreign digits unified. Thai vowels and tones are letters of their own.
func foldRune(b []rune, r rune) []rune {
	if r < 0x80 {
		if 'A' <= r && r <= 'Z' {
			r += 'a' - 'A'
		}
		return append(b, r)
	}
	for _, r := range norm.NFKD.String(string(r)) {
		switch {
		case r == 'ي' || r == 'ى':
			r = 'ی'
		case r == 'ك':
			r = 'ک'
		case r == '\u200c' || r == '\u200d' || r == '\u00ad' || r == 'ـ' || unicode.Is(unicode.Mn, r) && r < 0x0e00:
			continue
		case r >= '٠' && r <= '٩':
			r -= '٠' - '0'
		case r >= '۰' && r <= '۹':
			r -= '۰' - '0'
		case r >= '๐' && r <= '๙':
			r -= '๐' - '0'
		}
		b = append(b, unicode.ToLower(r))
	}
	return b
}

// inWord tells whether a character belongs to a word. Marks and joiners within a
// word do not end it.
func inWord(r rune) bool {
	return unicode.IsLetter(r) || unicode.IsDigit(r) || unicode.Is(unicode.M, r) || r == '\u200c' || r == '\u200d' || r == '\u00ad'
}

// spaceless tells the scripts that write words without spaces between them.
func spaceless(r rune) bool {
	return unicode.In(r, unicode.Thai, unicode.Lao, unicode.Khmer, unicode.Myanmar, unicode.Han, unicode.Hiragana, unicode.Katakana) && (unicode.IsLetter(r) || unicode.Is(unicode.M, r))
}

// word is a stretch of a text: where it stands, in bytes, and its folded form.
type word struct {
	from, to int
	fold     string
	run      bool // of a script without spaces
}

// split calls yield for the words of a text in order.
func split(text string, yield func(word) bool) {
	start, run := -1, false
	var folded []rune
	flush := func(end int) bool {
		ok := true
		if start >= 0 && len(folded) > 0 {
			ok = yield(word{start, end, string(folded), run})
		}
		start, folded = -1, folded[:0]
		return ok
	}
	for i, r := range text {
		if !inWord(r) {
			if !flush(i) {
				return
			}
			continue
		}
		if s := spaceless(r); start >= 0 && s != run && (unicode.IsLetter(r) || unicode.IsDigit(r)) {
			if !flush(i) {
				return
			}
			run = s
		} else if start < 0 {
			run = s
		}
		if start < 0 {
			start = i
		}
		folded = foldRune(folded, r)
	}
	flush(len(text))
}

// terms are the entries of the index for one word: itself, or for a run without
// spaces every three letters in a row, and what is left at its end.
func (w *word) terms(yield func(string)) {
	if !w.run {
		yield(cutWord(w.fold))
		return
	}
	letters := []rune(w.fold)
	for i := range letters {
		yield(string(letters[i:min(i+gram, len(letters))]))
	}
}

func cutWord(s string) string {
	if len(s) <= maxWord {
		return s
	}
	n := maxWord
	for !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}

// wordKeys are the index keys of texts.
func wordKeys(texts ...string) []store.Key {
	seen := map[string]bool{}
	var keys []store.Key
	for _, t := range texts {
		split(t, func(w word) bool {
			w.terms(func(term string) {
				if !seen[term] {
					seen[term] = true
					keys = append(keys, store.K().Str(term))
				}
			})
			return true
		})
	}
	return keys
}

// cardTexts are the texts of a document's card that it is found by.
func (d *Document) cardTexts() []string {
	texts := append([]string{d.Title, d.Note}, d.Tags...)
	if len(d.Versions) > 0 {
		texts = append(texts, d.Current().Name)
	}
	return texts
}

func cardWords(d *Document) []store.Key { return wordKeys(d.cardTexts()...) }

// query is what somebody looks for: words of which every one has to be there, each
// as the beginning of a word, or anywhere within a script without spaces.
type query []word

func parseQuery(q string) query {
	var words query
	split(q, func(w word) bool {
		if !w.run {
			w.fold = cutWord(w.fold)
		}
		words = append(words, w)
		return len(words) < maxQueryWords
	})
	return words
}

// maxQueryWords bounds one search.
const maxQueryWords = 12

// keys are the index prefixes that all have to be there for a word.
func (w *word) keys() []store.Key {
	if !w.run {
		return []store.Key{store.Key(w.fold)}
	}
	letters := []rune(w.fold)
	if len(letters) <= gram {
		return []store.Key{store.Key(w.fold)}
	}
	var keys []store.Key
	for i := 0; i+gram <= len(letters); i++ {
		keys = append(keys, store.Key(string(letters[i:i+gram])))
	}
	return keys
}

// matches tells whether w, looked for, is in x.
func (w *word) matches(x *word) bool {
	if w.run {
		return x.run && strings.Contains(x.fold, w.fold)
	}
	return !x.run && strings.HasPrefix(x.fold, w.fold)
}

// Mark is a stretch of a snippet that was looked for, in bytes.
type Mark struct{ From, To int }

// snippetBytes is how much text a snippet has around what was found.
const snippetBytes = 240

// snippet cuts the part out of text in which most of the words stand together, and
// marks them; "" if none does.
func (q query) snippet(text string) (string, []Mark) {
	type hit struct {
		Mark
		which int
	}
	var hits []hit
	split(text, func(x word) bool {
		for i := range q {
			if !q[i].matches(&x) {
				continue
			}
			from, to := x.from, x.to
			if q[i].run {
				from, to = within(text[x.from:x.to], q[i].fold)
				from, to = from+x.from, to+x.from
			}
			hits = append(hits, hit{Mark{from, to}, i})
			break
		}
		return len(hits) < 500
	})
	if len(hits) == 0 {
		return "", nil
	}
	best, most := 0, 0
	for i := range hits {
		seen := map[int]bool{}
		for _, h := range hits[i:] {
			if h.To > hits[i].From+snippetBytes {
				break
			}
			seen[h.which] = true
		}
		if len(seen) > most {
			best, most = i, len(seen)
		}
	}
	from := wordStart(text, max(0, hits[best].From-snippetBytes/3))
	to := wordStart(text, min(len(text), max(hits[best].From+snippetBytes, hits[best].To)))
	out := strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' ' // one byte for one: the marks stay right
		}
		return r
	}, text[from:to])
	if len(out) != to-from { // a control character of two bytes
		out = text[from:to]
	}
	var marks []Mark
	for _, h := range hits {
		if h.From >= from && h.To <= to {
			marks = append(marks, Mark{h.From - from, h.To - from})
		}
	}
	return out, marks
}

// within finds a folded text in the text of a run, in bytes of the original.
func within(text, folded string) (from, to int) {
	want := []rune(folded)
	var have []rune
	var at []int
	for i, r := range text {
		n := len(have)
		have = foldRune(have, r)
		for range have[n:] {
			at = append(at, i)
		}
	}
	at = append(at, len(text))
	for i := 0; i+len(want) <= len(have); i++ {
		if string(have[i:i+len(want)]) == folded {
			return at[i], at[i+len(want)]
		}
	}
	return 0, len(text)
}

// wordStart moves a position back to a space nearby, or at least to a character.
func wordStart(text string, i int) int {
	if i >= len(text) {
		return len(text)
	}
	for j := i; j > max(0, i-24); j-- {
		if text[j] == ' ' || text[j] == '\n' {
			return j + 1
		}
	}
	for i > 0 && !utf8.RuneStart(text[i]) {
		i--
	}
	return i
}
