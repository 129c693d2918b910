package twiliotest

import "unicode/utf16"

// The GSM 03.38 default alphabet and its extension table; a character of the latter takes two places.
const (
	gsmBasic = "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞ ÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§" +
		"¿abcdefghijklmnopqrstuvwxyzäöñüà"
	gsmExtended = "\f^{}\\[~]|€"
)

// segments is the number of SMS parts a text needs: 160 septets, or 153 when there are several; 70 and 67 UTF-16 units
// as soon as one character is outside the GSM alphabet. A character is never split over two parts.
func segments(text string) int {
	var sizes []int
	single, multi := 160, 153
	for _, r := range text {
		switch {
		case containsRune(gsmBasic, r):
			sizes = append(sizes, 1)
		case containsRune(gsmExtended, r):
			sizes = append(sizes, 2)
		default:
			single, multi = 70, 67
		}
	}
	if single == 70 {
		sizes = sizes[:0]
		for _, r := range text {
			sizes = append(sizes, max(utf16.RuneLen(r), 1))
		}
	}
	total := 0
	for _, n := range sizes {
		total += n
	}
	if total <= single {
		return 1
	}
	count, used := 1, 0
	for _, n := range sizes {
		if used+n > multi {
			count, used = count+1, 0
		}
		used += n
	}
	return count
}

func containsRune(set string, r rune) bool {
	for _, c := range set {
		if c == r {
			return true
		}
	}
	return false
}
