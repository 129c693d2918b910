package twilio

import (
	"slices"
	"strings"
	"unicode"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"

	"throughline/message"
)

// maxWordRunes bounds what is looked at as an opt-out word; no word is longer.
const maxWordRunes = 60

// letters are written in more than one way by the keyboards of one script.
var letters = strings.NewReplacer(
	"ي", "ی", "ى", "ی", "ك", "ک", "ة", "ه", "أ", "ا", "إ", "ا", "آ", "ا", "ٱ", "ا", "ؤ", "و", "ئ", "ی", "ـ", "",
	"\u200b", "", "\u200c", "", "\u200d", "", "\u200e", "", "\u200f", "", "\ufeff", "",
)

// fold brings a word to the form in which words are compared: without case,
// marks of vowels, invisible characters, and the punctuation around it.
func fold(s string) string {
	s = letters.Replace(norm.NFKC.String(s))
	s = strings.Map(func(r rune) rune {
		// Vowel marks of Arabic script; those of Thai are letters in their own right.
		if unicode.Is(unicode.Mn, r) && unicode.Is(unicode.Arabic, r) || r >= '\u064b' && r <= '\u0652' {
			return -1
		}
		return r
	}, s)
	s = cases.Fold().String(s)
	s = strings.TrimFunc(s, func(r rune) bool { return unicode.IsSpace(r) || unicode.IsPunct(r) || unicode.IsControl(r) })
	return strings.Join(strings.Fields(s), " ")
}

// consent reads what a message says about further ones. optOutType is the
// provider's own verdict, "" if it gave none; after one it has answered, too.
func (s *settings) consent(optOutType, text string) message.Consent {
	switch strings.ToUpper(optOutType) {
	case "STOP":
		return message.OptOut
	case "START":
		return message.OptIn
	case "HELP":
		return message.Help
	}
	if len(text) > maxWordRunes*4 {
		return ""
	}
	switch word := fold(text); {
	case word == "":
		return ""
	case slices.Contains(s.stop, word):
		return message.OptOut
	case slices.Contains(s.start, word):
		return message.OptIn
	case slices.Contains(s.help, word):
		return message.Help
	}
	return ""
}
