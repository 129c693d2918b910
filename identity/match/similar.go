package match

import (
	"slices"
	"unicode/utf8"
)

// similarity is that of Jaro and Winkler (Winkler, "String Comparator Metrics",
// 1990), 0 to 1; two empty texts have nothing in common.
func similarity(a, b string) float64 {
	if a == b {
		if a == "" {
			return 0
		}
		return 1
	}
	var ra, rb [maxCompared]rune
	x, y := runes(a, ra[:]), runes(b, rb[:])
	if len(x) == 0 || len(y) == 0 {
		return 0
	}
	if len(x) > len(y) {
		x, y = y, x
	}
	reach := max(len(y)/2-1, 0)
	var inX, inY [maxCompared]bool
	common := 0
	for i, r := range x {
		for j := max(0, i-reach); j < min(len(y), i+reach+1); j++ {
			if !inY[j] && y[j] == r {
				inX[i], inY[j] = true, true
				common++
				break
			}
		}
	}
	if common == 0 {
		return 0
	}
	moved, j := 0, 0
	for i := range x {
		if !inX[i] {
			continue
		}
		for !inY[j] {
			j++
		}
		if x[i] != y[j] {
			moved++
		}
		j++
	}
	c := float64(common)
	jaro := (c/float64(len(x)) + c/float64(len(y)) + (c-float64(moved/2))/c) / 3
	same := 0
	for same < min(4, len(x)) && x[same] == y[same] {
		same++
	}
	return jaro + float64(same)*0.1*(1-jaro)
}

// maxCompared is how many characters of a value are compared at most.
const maxCompared = 48

// runes puts the first characters of s into room.
func runes(s string, room []rune) []rune {
	n := 0
	for _, r := range s {
		if n == len(room) {
			break
		}
		room[n] = r
		n++
	}
	return room[:n]
}

// oneEdit tells whether a and b differ by one character more, less, other or
// swapped with its neighbour.
func oneEdit(a, b string) bool {
	if a == b {
		return false
	}
	var ra, rb [maxCompared]rune
	x, y := runes(a, ra[:]), runes(b, rb[:])
	if utf8.RuneCountInString(a) > maxCompared || utf8.RuneCountInString(b) > maxCompared {
		return false
	}
	if len(x) > len(y) {
		x, y = y, x
	}
	if len(y)-len(x) > 1 {
		return false
	}
	i := 0
	for i < len(x) && x[i] == y[i] {
		i++
	}
	j := 0
	for j < len(x)-i && x[len(x)-1-j] == y[len(y)-1-j] {
		j++
	}
	if len(x) != len(y) {
		return i+j >= len(x)
	}
	switch len(x) - i - j {
	case 1:
		return true
	case 2:
		return x[i] == y[i+1] && x[i+1] == y[i]
	}
	return false
}

// anagram tells that a and b are made of the same characters: typed too fast.
func anagram(a, b string) bool {
	if len(a) != len(b) {
		return false
	}
	var ra, rb [maxCompared]rune
	x, y := runes(a, ra[:]), runes(b, rb[:])
	slices.Sort(x)
	slices.Sort(y)
	return slices.Equal(x, y)
}
