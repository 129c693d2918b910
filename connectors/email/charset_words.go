package email

import (
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// decodeWords decodes a header value: RFC 2047 encoded words, also where they
// may not stand, and raw bytes of some charset. Control characters become
// spaces.
func decodeWords(s, fallback string) string {
	if plainASCII(s) && !strings.Contains(s, "=?") {
		return s
	}
	if !strings.Contains(s, "=?") {
		return cleanControls(decodeRaw(s, fallback))
	}
	var out strings.Builder
	var pending []byte // decoded bytes of adjacent words of one charset
	pendingSet := ""
	flush := func() {
		if pending != nil {
			t, _ := decodeText(pending, pendingSet, fallback)
			out.WriteString(t)
			pending = nil
		}
	}
	for s != "" {
		i := strings.Index(s, "=?")
		if i < 0 {
			flush()
			out.WriteString(decodeRaw(s, fallback))
			break
		}
		set, data, n := encodedWord(s[i:])
		if n == 0 {
			flush()
			out.WriteString(decodeRaw(s[:i+2], fallback))
			s = s[i+2:]
			continue
		}
		if gap := s[:i]; pending == nil || strings.TrimSpace(gap) != "" {
			flush() // white space between two encoded words is not shown
			out.WriteString(decodeRaw(gap, fallback))
		}
		// One character may be split over two words: decode them together.
		// Stateful charsets start again in each word.
		if pending != nil && (set != pendingSet || strings.HasPrefix(set, "iso-2022")) {
			flush()
		}
		pendingSet = set
		pending = append(pending, data...)
		if pending == nil {
			pending = []byte{}
		}
		s = s[i+n:]
	}
	flush()
	return cleanControls(out.String())
}

// maxWord is how long an encoded word may be: RFC 2047 allows 75, but some
// senders put a whole subject into one.
const maxWord = 8 << 10

// encodedWord reads one encoded word at the start of s; n is its length, 0 if
// there is none.
func encodedWord(s string) (set string, data []byte, n int) {
	q1 := strings.IndexByte(s[2:], '?')
	if q1 <= 0 || q1 > 60 {
		return "", nil, 0
	}
	set, _, _ = strings.Cut(s[2:2+q1], "*") // RFC 2231 section 5: a language
	rest := s[2+q1+1:]
	if len(rest) < 2 || rest[1] != '?' {
		return "", nil, 0
	}
	kind := rest[0] | 0x20
	if kind != 'q' && kind != 'b' {
		return "", nil, 0
	}
	text := rest[2:min(len(rest), 2+maxWord)]
	end := strings.Index(text, "?=")
	if end < 0 {
		return "", nil, 0
	}
	// A question mark may stand unescaped in Q text; "?=" right after the
	// second "?" may also begin an "=XX" escape.
	if end == 0 && kind == 'q' && len(text) > 2 && isHex(text[2]) {
		if e := strings.Index(text[2:], "?="); e >= 0 {
			end = e + 2
		}
	}
	body := text[:end]
	if strings.Contains(body, "=?") {
		return "", nil, 0
	}
	n = 2 + q1 + 1 + 2 + end + 2
	if kind == 'b' {
		return charsetLabel(set), decodeBase64(body), n
	}
	return charsetLabel(set), decodeQ(body), n
}

func isHex(c byte) bool { return hexValue(c) < 16 }

// decodeQ decodes the Q encoding of RFC 2047 section 4.2.
func decodeQ(s string) []byte {
	out := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == '_':
			out = append(out, ' ')
		case s[i] == '=' && i+2 < len(s) && isHex(s[i+1]) && isHex(s[i+2]):
			out = append(out, hexValue(s[i+1])<<4|hexValue(s[i+2]))
			i += 2
		default:
			out = append(out, s[i])
		}
	}
	return out
}

// decodeRaw turns raw header bytes to UTF-8.
func decodeRaw(s, fallback string) string {
	if plainASCII(s) || utf8.ValidString(s) {
		return s
	}
	t, _ := decodeText([]byte(s), "", fallback)
	return t
}

// plainASCII reports whether s holds printable ASCII only.
func plainASCII(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] < ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}

// cleanControls turns controls into spaces and drops the marks that make text
// run backwards past its own end.
func cleanControls(s string) string {
	if plainASCII(s) {
		return s
	}
	return strings.Map(func(r rune) rune {
		switch {
		case r >= 0x202A && r <= 0x202E, r >= 0x2066 && r <= 0x2069:
			return -1
		case unicode.IsControl(r):
			return ' '
		}
		return r
	}, s)
}

// joinContinuations puts together the pieces name*0*=, name*1= … and name*= of
// RFC 2231.
func joinContinuations(params []field, name, fallback string) string {
	type piece struct {
		n       int
		encoded bool
		value   string
	}
	var pieces []piece
	for _, p := range params {
		rest, ok := strings.CutPrefix(p.key, name)
		if !ok || rest == "" || rest[0] != '*' {
			continue
		}
		rest = rest[1:]
		pc := piece{value: p.value}
		if rest == "" {
			pc.encoded = true
		} else {
			rest, pc.encoded = strings.CutSuffix(rest, "*")
			n, err := strconv.Atoi(rest)
			if err != nil || n < 0 {
				continue
			}
			pc.n = n
		}
		pieces = append(pieces, pc)
	}
	if len(pieces) == 0 {
		return ""
	}
	// parseMediaType takes at most 100 parameters: an insertion sort will do.
	for i := range pieces {
		for j := i; j > 0 && pieces[j].n < pieces[j-1].n; j-- {
			pieces[j], pieces[j-1] = pieces[j-1], pieces[j]
		}
	}
	set := ""
	var data []byte
	for i, pc := range pieces {
		v := pc.value
		if i == 0 && pc.encoded {
			if a := strings.SplitN(v, "'", 3); len(a) == 3 {
				set, v = a[0], a[2]
			}
		}
		if pc.encoded {
			data = append(data, percentDecode(v)...)
		} else {
			data = append(data, v...)
		}
	}
	if set == "" && strings.Contains(string(data), "=?") {
		return decodeWords(string(data), fallback)
	}
	t, _ := decodeText(data, set, fallback)
	return cleanControls(t)
}

// percentDecode decodes %XX.
func percentDecode(s string) []byte {
	out := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		if s[i] == '%' && i+2 < len(s) && isHex(s[i+1]) && isHex(s[i+2]) {
			out = append(out, hexValue(s[i+1])<<4|hexValue(s[i+2]))
			i += 2
			continue
		}
		out = append(out, s[i])
	}
	return out
}
