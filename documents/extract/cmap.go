package extract

import (
	"encoding/hex"
	"io"
	"strings"

	"github.com/ledongthuc/pdf"
)

// maxCMap bounds a ToUnicode map, in bytes.
const maxCMap = 4 << 20

// readCMap reads the bfchar and bfrange sections of a ToUnicode map (Adobe
// Technical Note 5411): which text each code stands for. The rest of the PostScript
// around them says nothing more.
func readCMap(stream pdf.Value) map[uint32]string {
	r := stream.Reader()
	defer r.Close()
	data, err := io.ReadAll(io.LimitReader(r, maxCMap))
	if err != nil && len(data) == 0 {
		return nil
	}
	m := map[uint32]string{}
	var args []string // hexadecimal strings, "[" and "]"
	for tok := range cmapTokens(string(data)) {
		switch tok {
		case "beginbfchar", "beginbfrange":
			args = args[:0]
		case "endbfchar":
			for i := 0; i+1 < len(args) && len(m) < maxGlyphs; i += 2 {
				m[cmapCode(args[i])] = cmapText(args[i+1], 0)
			}
		case "endbfrange":
			bfRanges(args, m)
		default:
			if len(args) < maxGlyphs && (tok[0] == '<' || tok == "[" || tok == "]") {
				args = append(args, tok)
			}
		}
	}
	return m
}

// bfRanges reads first last text, or first last [text …].
func bfRanges(args []string, m map[uint32]string) {
	for i := 0; i+2 < len(args); i++ {
		lo, hi := cmapCode(args[i]), cmapCode(args[i+1])
		i += 2
		if args[i] != "[" {
			for c := lo; c <= hi && c-lo < maxGlyphs && len(m) < maxGlyphs; c++ {
				m[c] = cmapText(args[i], uint16(c-lo))
			}
			continue
		}
		for c := lo; i+1 < len(args) && len(m) < maxGlyphs; c++ {
			if i++; args[i] == "]" {
				break
			}
			m[c] = cmapText(args[i], 0)
		}
	}
}

// cmapTokens yields hexadecimal strings with their first angle bracket, square
// brackets, and words.
func cmapTokens(s string) func(yield func(string) bool) {
	return func(yield func(string) bool) {
		for len(s) > 0 {
			n := 1
			switch c := s[0]; {
			case c == '<' && strings.HasPrefix(s, "<<"), c == '>' && strings.HasPrefix(s, ">>"):
				n = 2
			case c == '<':
				if n = strings.IndexByte(s, '>') + 1; n == 0 {
					return
				}
				if !yield(s[:n-1]) {
					return
				}
			case c == '[' || c == ']':
				if !yield(s[:1]) {
					return
				}
			case c == '%':
				if n = strings.IndexAny(s, "\r\n"); n < 0 {
					return
				}
			case c > ' ' && c != '/' && c != '(' && c != ')' && c != '>':
				if n = strings.IndexAny(s, " \t\r\n<>[]/()%"); n < 0 {
					n = len(s)
				}
				if !yield(s[:n]) {
					return
				}
			}
			s = s[n:]
		}
	}
}

func cmapBytes(tok string) []byte {
	digits := strings.Map(func(r rune) rune {
		if r <= ' ' || r == '<' {
			return -1
		}
		return r
	}, tok)
	if len(digits)%2 == 1 {
		digits += "0"
	}
	b, err := hex.DecodeString(digits[:min(len(digits), 128)])
	if err != nil {
		return nil
	}
	return b
}

func cmapCode(tok string) (code uint32) {
	for _, b := range cmapBytes(tok) {
		code = code<<8 | uint32(b)
	}
	return code
}

// cmapText reads UTF-16BE, its last unit raised by add.
func cmapText(tok string, add uint16) string {
	b := cmapBytes(tok)
	if len(b) == 1 {
		b = []byte{0, b[0]}
	}
	var units []uint16
	for i := 0; i+1 < len(b); i += 2 {
		units = append(units, uint16(b[i])<<8|uint16(b[i+1]))
	}
	if n := len(units); n > 0 {
		units[n-1] += add
	}
	return decodeUnits(units)
}
