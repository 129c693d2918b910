package preference

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// fold brings a text to the form in which words are compared: compatibility forms
// and marks gone (but those of Thai and its neighbours, which are letters), lower
// case, Persian letters written with Arabic code points unified, digits as 0, all
// that is no letter as space.
func fold(s string) string {
	var b strings.Builder
	b.Grow(len(s))
	for _, r := range norm.NFKD.String(s) {
		switch {
		case r == 'ي' || r == 'ى':
			r = 'ی'
		case r == 'ك':
			r = 'ک'
		case r == '\u200c' || r == '\u0640' || unicode.Is(unicode.Mn, r) && !spaceless(r):
			continue
		case unicode.IsDigit(r):
			r = '0'
		case unicode.IsLetter(r) || unicode.Is(unicode.M, r):
			r = unicode.ToLower(r)
		default:
			r = ' '
		}
		b.WriteRune(r)
	}
	return b.String()
}

// spaceless tells of letters of scripts that put no spaces between words.
func spaceless(r rune) bool {
	return unicode.In(r, unicode.Thai, unicode.Lao, unicode.Khmer, unicode.Myanmar, unicode.Han, unicode.Hiragana, unicode.Katakana)
}

// Limits of what a conversation is judged by.
const (
	maxFeatures    = 300
	minWord        = 3 // letters; shorter ones say little
	maxFeatureSize = 24
)

// features are the distinct words of a text, in order; of scripts without spaces,
// and of Persian words, which take many endings, also every three letters in a row.
func features(text string) []string {
	seen := map[string]bool{}
	var out []string
	add := func(w string) {
		if len(out) < maxFeatures && !seen[w] {
			seen[w] = true
			out = append(out, w)
		}
	}
	for _, w := range strings.Fields(fold(text)) {
		letters := []rune(w)
		if strings.Trim(w, "0") == "" {
			continue
		}
		dense := spaceless(letters[0])
		if !dense && len(letters) >= minWord {
			add(string(letters[:min(len(letters), maxFeatureSize)]))
		}
		if dense || unicode.Is(unicode.Arabic, letters[0]) {
			for i := 0; i+3 <= len(letters) && i < 200; i++ {
				if !dense && len(letters) == 3 {
					break
				}
				add("~" + string(letters[i:i+3]))
			}
		}
	}
	return out
}

// readable tells whether a feature says something to a person: a word does, three
// letters in a row ("~abc") only where a script puts no spaces between words, there
// is nothing else, and they do not begin in the middle of a syllable.
func readable(feature string) bool {
	letters, piece := strings.CutPrefix(feature, "~")
	if !piece {
		return true
	}
	first, _ := utf8.DecodeRuneInString(letters)
	return spaceless(first) && !unicode.Is(unicode.M, first) && !strings.ContainsRune("ะาำๅ", first)
}
