package match

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// letters that Unicode does not take apart, and the other alphabets that can be
// written in Latin letter by letter.
var letters = map[rune]string{
	'ß': "ss", 'ø': "o", 'æ': "ae", 'œ': "oe", 'ł': "l", 'đ': "d", 'ð': "d", 'þ': "th", 'ı': "i",

	'а': "a", 'б': "b", 'в': "v", 'г': "g", 'д': "d", 'е': "e", 'ж': "zh", 'з': "z", 'и': "i", 'к': "k", 'л': "l",
	'м': "m", 'н': "n", 'о': "o", 'п': "p", 'р': "r", 'с': "s", 'т': "t", 'у': "u", 'ф': "f", 'х': "kh", 'ц': "ts", 'ч': "ch",
	'ш': "sh", 'щ': "shch", 'ъ': "", 'ы': "y", 'ь': "", 'э': "e", 'ю': "yu", 'я': "ya", 'є': "ye", 'і': "i", 'ґ': "g",

	'α': "a", 'β': "v", 'γ': "g", 'δ': "d", 'ε': "e", 'ζ': "z", 'η': "i", 'θ': "th", 'ι': "i", 'κ': "k", 'λ': "l", 'μ': "m",
	'ν': "n", 'ξ': "x", 'ο': "o", 'π': "p", 'ρ': "r", 'σ': "s", 'ς': "s", 'τ': "t", 'υ': "y", 'φ': "f", 'χ': "ch", 'ψ': "ps", 'ω': "o",

	// Persian, where Arabic keyboards put other code points.
	'ي': "ی", 'ى': "ی", 'ك': "ک", 'ة': "ه", 'ە': "ه",
}

// Fold brings a text to the form in which it is compared: compatibility forms and
// marks gone, lower case, Arabic forms of Persian letters and foreign digits
// unified, Cyrillic and Greek in Latin letters.
func Fold(s string) string {
	if isLower(s) {
		return s
	}
	var b strings.Builder
	b.Grow(len(s))
	for _, r := range norm.NFKD.String(s) {
		if r < utf8.RuneSelf {
			b.WriteRune(unicode.ToLower(r))
			continue
		}
		// Thai vowels and tones are letters of their own; the others are marks.
		if r == '\u200c' || r == '\u200d' || r == 'ـ' || unicode.Is(unicode.Mn, r) && !isThai(r) {
			continue
		}
		if d := digit(r); d >= 0 {
			b.WriteByte(byte('0' + d))
			continue
		}
		r = unicode.ToLower(r)
		if s, ok := letters[r]; ok {
			b.WriteString(s)
		} else {
			b.WriteRune(r)
		}
	}
	return b.String()
}

// isLower tells that s is folded already: ASCII without capitals.
func isLower(s string) bool {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf || s[i] >= 'A' && s[i] <= 'Z' {
			return false
		}
	}
	return true
}

func isThai(r rune) bool   { return r >= 0x0e00 && r < 0x0e80 }
func isArabic(r rune) bool { return r >= 0x0600 && r < 0x0700 }

// digit is the value of a decimal digit of the scripts we meet, -1 for anything
// else.
func digit(r rune) int {
	for _, zero := range [...]rune{'0', '٠', '۰', '๐', '०'} {
		if r >= zero && r <= zero+9 {
			return int(r - zero)
		}
	}
	return -1
}

// words are the runs of letters and digits of a folded text.
func words(folded string) []string {
	return strings.FieldsFunc(folded, func(r rune) bool {
		if r < utf8.RuneSelf {
			return (r < 'a' || r > 'z') && (r < '0' || r > '9')
		}
		return !unicode.IsLetter(r) && !unicode.IsDigit(r) && !unicode.Is(unicode.Mn, r)
	})
}

func onlyDigits(s string) string {
	var b strings.Builder
	for _, r := range s {
		if d := digit(r); d >= 0 {
			b.WriteByte(byte('0' + d))
		}
	}
	return b.String()
}

// start is the first n characters of s.
func start(s string, n int) string {
	for i := range s {
		if n == 0 {
			return s[:i]
		}
		n--
	}
	return s
}
