package email

import "bytes"

// notWestern tells that a text in some 8-bit charset cannot be in a Western
// one: more than half of its letters are beyond ASCII.
func notWestern(b []byte) bool {
	ascii, high := 0, 0
	for _, c := range b[:min(len(b), 16<<10)] {
		switch {
		case c >= 0x80:
			high++
		case c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z':
			ascii++
		}
	}
	return high >= 4 && high > ascii
}

// looksArabic recognises Arabic and Persian in windows-1256, which the detector
// takes for anything else. Alef, lam, ya, noon, mim and waw make up a third of
// any such text; the Latin letters that this charset keeps between the Arabic
// ones are rare in it, and just those are common where the same bytes are
// Greek, Hebrew or Cyrillic.
func looksArabic(b []byte) bool {
	const common, latin = "\xc7\xe1\xed\xe4\xe3\xe6", "\xe0\xe2\xe7\xe8\xe9\xea\xeb\xee\xef\xf0\xf1\xf2\xf3\xf4\xf5\xf6\xf7\xf8\xf9\xfa\xfb\xfc"
	high, often, never := 0, 0, 0
	for _, c := range b[:min(len(b), 16<<10)] {
		if c < 0x80 {
			continue
		}
		high++
		if bytes.IndexByte([]byte(common), c) >= 0 {
			often++
		} else if bytes.IndexByte([]byte(latin), c) >= 0 {
			never++
		}
	}
	return high >= 8 && often*10 >= high*3 && never*20 <= high
}
