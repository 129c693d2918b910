package extract

import (
	"slices"
	"strings"
	"unicode/utf16"

	"golang.org/x/text/unicode/bidi"
	"golang.org/x/text/unicode/norm"
)

// Where glyphs stand apart, as parts of their size: a gap is a space, and another
// height another line.
const (
	spaceGap = 0.15
	lineStep = 0.4
)

// write puts the glyphs of a page into lines and writes these.
func (p *pages) write() error {
	for i := 0; i < len(p.atoms); {
		first := p.atoms[i]
		j := i + 1
		for j < len(p.atoms) {
			a := p.atoms[j]
			if d := a.y - first.y; max(d, -d) > lineStep*max(a.size, first.size) {
				break
			}
			j++
		}
		if err := p.w.text(lineText(p.atoms[i:j])); err != nil {
			return err
		}
		p.w.line()
		i = j
	}
	return nil
}

// lineText is the text of one line in the order in which it is read.
func lineText(line []atom) string {
	slices.SortStableFunc(line, func(a, b atom) int {
		switch {
		case a.x < b.x:
			return -1
		case a.x > b.x:
			return 1
		}
		return 0
	})
	glyphs := make([]glyph, 0, len(line)+8)
	for i, a := range line {
		if i > 0 && a.x-line[i-1].end > spaceGap*max(a.size, line[i-1].size) {
			glyphs = append(glyphs, glyph{" ", neutral})
		}
		if a.text != "" {
			glyphs = append(glyphs, glyph{plainLetters(a.text), direction(a.text)})
		}
	}
	var b strings.Builder
	for _, g := range logical(glyphs) {
		b.WriteString(g.text)
	}
	return b.String()
}

// plainLetters turns ligatures and the forms that Arabic letters take within a word
// into the letters.
func plainLetters(s string) string {
	for _, r := range s {
		if r >= 0xfb00 && r <= 0xfdff || r >= 0xfe70 && r <= 0xfefc {
			return norm.NFKC.String(s)
		}
	}
	return s
}

// The directions in which a glyph can run.
const (
	neutral = iota
	left    // to the right: Latin, Thai
	right   // to the left: Arabic, Hebrew
	digits  // to the right, without turning what is around them
)

type glyph struct {
	text string
	dir  int
}

func direction(s string) int {
	for len(s) > 0 {
		p, n := bidi.LookupString(s)
		if n == 0 {
			break
		}
		switch p.Class() {
		case bidi.L:
			return left
		case bidi.R, bidi.AL:
			return right
		case bidi.EN, bidi.AN:
			return digits
		}
		s = s[n:]
	}
	return neutral
}

// logical turns the glyphs of a line from the order in which they stand, left to
// right, into the one in which they are read. It undoes UAX #9 as far as lines of
// real documents need that: runs within a line of the other direction, and numbers.
func logical(line []glyph) []glyph {
	rights, lefts := 0, 0
	for _, g := range line {
		switch g.dir {
		case right:
			rights++
		case left:
			lefts++
		}
	}
	switch {
	case rights == 0:
	case rights >= lefts:
		turn(line)
	default: // from the left, with words from the right in it
		for i := 0; i < len(line); i++ {
			if line[i].dir != right {
				continue
			}
			end := i
			for j := i; j < len(line) && line[j].dir != left; j++ {
				if line[j].dir == right {
					end = j
				}
			}
			turn(line[i : end+1])
			i = end
		}
	}
	return line
}

// turn reverses a stretch that runs from the right, but not the numbers and words
// in it that run from the left.
func turn(line []glyph) {
	slices.Reverse(line)
	for i := 0; i < len(line); i++ {
		if line[i].dir != left && line[i].dir != digits {
			continue
		}
		end := i
		for j := i; j < len(line) && line[j].dir != right; j++ {
			if line[j].dir == left || line[j].dir == digits {
				end = j
			}
		}
		slices.Reverse(line[i : end+1])
		i = end
	}
}

func decodeUnits(units []uint16) string {
	return strings.Map(func(r rune) rune {
		if r == 0 {
			return -1
		}
		return r
	}, string(utf16.Decode(units)))
}
