package match

import "strings"

// spellings are the ways in which a Persian or Thai letter is written in Latin, the
// longest first; "" stands for a letter that is not written at all. Latin vowels
// between consonants are free, since neither script writes all of them.
var spellings = map[rune][]string{
	'ا': {"aa", "a", "o", "e", "i", "u", ""}, 'ب': {"b"}, 'پ': {"p"}, 'ت': {"t"}, 'ث': {"s", "th"}, 'ج': {"dj", "j"},
	'چ': {"tch", "ch"}, 'ح': {"h"}, 'خ': {"kh", "x"}, 'د': {"d"}, 'ذ': {"z", "dh"}, 'ر': {"r"}, 'ز': {"z"}, 'ژ': {"zh", "j"},
	'س': {"s"}, 'ش': {"sh", "ch"}, 'ص': {"s"}, 'ض': {"z"}, 'ط': {"t"}, 'ظ': {"z"}, 'ع': {"a", "e", "o", "i", ""}, 'غ': {"gh", "q", "g"},
	'ف': {"ph", "f"}, 'ق': {"gh", "q", "g", "k"}, 'ک': {"k", "c"}, 'گ': {"g"}, 'ل': {"l"}, 'م': {"m"}, 'ن': {"n"},
	'و': {"ou", "oo", "ow", "v", "w", "o", "u"}, 'ه': {"eh", "ah", "h", "e", "a", ""}, 'ی': {"ee", "ei", "ey", "i", "y", "e"}, 'ء': {""},

	'ก': {"k", "g"}, 'ข': {"kh", "k"}, 'ฃ': {"kh", "k"}, 'ค': {"kh", "k"}, 'ฅ': {"kh", "k"}, 'ฆ': {"kh", "k"}, 'ง': {"ng"},
	'จ': {"ch", "j", "t"}, 'ฉ': {"ch"}, 'ช': {"ch", "t"}, 'ซ': {"s"}, 'ฌ': {"ch"}, 'ญ': {"y", "n"}, 'ฎ': {"d", "t"}, 'ฏ': {"t"},
	'ฐ': {"th", "t"}, 'ฑ': {"th", "t"}, 'ฒ': {"th", "t"}, 'ณ': {"n"}, 'ด': {"d", "t"}, 'ต': {"dt", "t"}, 'ถ': {"th", "t"},
	'ท': {"th", "t"}, 'ธ': {"th", "t", ""}, 'น': {"n"}, 'บ': {"b", "p"}, 'ป': {"bp", "p"}, 'ผ': {"ph", "p"}, 'ฝ': {"f"}, 'พ': {"ph", "p"},
	'ฟ': {"f"}, 'ภ': {"ph", "p"}, 'ม': {"m"}, 'ย': {"y", "i", ""}, 'ร': {"rn", "r", "n", "l", ""}, 'ล': {"l", "n"}, 'ว': {"w", "v", "o", "u", ""},
	'ศ': {"s", "t"}, 'ษ': {"s", "t"}, 'ส': {"s", "t"}, 'ห': {"h", ""}, 'ฬ': {"l", "n"}, 'อ': {"o", "a", ""}, 'ฮ': {"h"},
	'ฤ': {"ri", "rue", "ru", "roe"}, 'ํ': {"m"},
}

// silencer is the Thai sign over a letter that is not spoken.
const silencer = '์'

// foreign tells whether a word is in a script whose letters have spellings.
func foreign(word string) bool {
	for _, r := range word {
		return isThai(r) || isArabic(r)
	}
	return false
}

// spelledAs tells whether latin is a way to write the Persian or Thai word.
func spelledAs(word, latin string) bool {
	if foreign(latin) || !foreign(word) || latin == "" || len(latin) > maxCompared || latin[0] >= 0x80 {
		return false
	}
	letters := spoken(word)
	// at holds the places of latin that the letters so far may lead to.
	at := map[int]bool{0: true}
	for _, r := range letters {
		ways, ok := spellings[r]
		if !ok {
			if isThai(r) {
				continue // a vowel or a tone: Latin vowels are free
			}
			return false
		}
		next := map[int]bool{}
		for n := range at {
			for {
				for _, s := range ways {
					if !strings.HasPrefix(latin[n:], s) {
						continue
					}
					end := n + len(s)
					next[end] = true
					// A doubled letter is one: Mohammad, Natthawut.
					if s != "" && end < len(latin) && latin[end] == s[len(s)-1] {
						next[end+1] = true
						if end+2 <= len(latin) && strings.HasPrefix(latin[end:], s) {
							next[end+len(s)] = true
						}
					}
				}
				if n == len(latin) || !isVowel(latin[n]) {
					break
				}
				n++
			}
		}
		at = next
		if len(at) == 0 {
			return false
		}
	}
	for n := range at {
		if strings.Trim(latin[n:], "aeiouyh") == "" {
			return true
		}
	}
	return false
}

// spoken are the letters of a word without those that a sign makes silent.
func spoken(word string) []rune {
	var out []rune
	for _, r := range word {
		if r != silencer {
			out = append(out, r)
			continue
		}
		for len(out) > 0 {
			last := out[len(out)-1]
			out = out[:len(out)-1]
			if last >= 'ก' && last <= 'ฮ' {
				break
			}
		}
	}
	return out
}

func isVowel(c byte) bool { return strings.IndexByte("aeiou", c) >= 0 }

// sounds is a coarse form of a name that its spellings in Latin, Persian and Thai
// share: which kinds of consonant follow each other.
func sounds(word string) string {
	var b []byte
	add := func(c byte) {
		if len(b) == 0 || b[len(b)-1] != c {
			b = append(b, c)
		}
	}
	for i, r := range spoken(word) {
		switch {
		case strings.ContainsRune("bpfبپفบปผฝพฟภ", r):
			add('P')
		case strings.ContainsRune("mمมํ", r):
			add('M')
		case strings.ContainsRune("nrlنرلงญณนรลฬฤ", r):
			add('N')
		case strings.ContainsRune("kgqxcکگقغخกขคฆฅฃ", r):
			// "ch" and "ng" are no k.
			if r == 'c' && strings.HasPrefix(word[min(i+1, len(word)):], "h") && word[0] < 0x80 {
				add('T')
			} else if r != 'g' || i == 0 || word[0] >= 0x80 || word[i-1] != 'n' {
				add('K')
			}
		case strings.ContainsRune("tdszjتطدذزژضظصسثشجچจฉชซฌฎฏฐฑฒดตถทธศษส", r):
			add('T')
		}
	}
	return string(b)
}

// skeleton is the first letter of a Latin word and its further consonants, sounds
// that are often confused made one. Of other scripts it is the word.
func skeleton(word string) string {
	if word == "" || word[0] >= 0x80 {
		return word
	}
	b := make([]byte, 0, len(word))
	for i := 0; i < len(word); i++ {
		c := word[i]
		switch c {
		case 'e', 'i', 'o', 'u', 'a', 'y', 'h', 'w':
			if i > 0 {
				continue
			}
			if c == 'y' {
				c = 'i'
			}
		case 'p':
			if i+1 < len(word) && word[i+1] == 'h' {
				c = 'f'
			}
		case 'c', 'q':
			c = 'k'
		case 'z':
			c = 's'
		case 'v':
			c = 'f'
		case 'd':
			c = 't'
		}
		if len(b) == 0 || b[len(b)-1] != c {
			b = append(b, c)
		}
	}
	return string(b)
}
