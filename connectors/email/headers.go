package email

import (
	"bytes"
	"strings"
)

// field is one header field: its name and its unfolded value as on the wire,
// not yet decoded (RFC 5322 section 2.2).
type field struct{ key, value string }

// header is a header block in its order.
type header []field

// get returns the value of the first field of that name, "" if there is none.
func (h header) get(key string) string {
	for i := range h {
		if len(h[i].key) == len(key) && strings.EqualFold(h[i].key, key) {
			return h[i].value
		}
	}
	return ""
}

// all returns the values of all fields of that name.
func (h header) all(key string) []string {
	var out []string
	for i := range h {
		if len(h[i].key) == len(key) && strings.EqualFold(h[i].key, key) {
			out = append(out, h[i].value)
		}
	}
	return out
}

// has reports whether there is a field of that name.
func (h header) has(key string) bool {
	for i := range h {
		if len(h[i].key) == len(key) && strings.EqualFold(h[i].key, key) {
			return true
		}
	}
	return false
}

// readHeader reads the header block at the start of b and tells where the body
// starts. It mends what senders get wrong: a line without a colon continues the
// field before it, a space before the colon is dropped, a line of only spaces
// between fields does not end the block. Linear in the size of the block.
func readHeader(b []byte) (h header, body int, warnings []string) {
	end, body := headerEnd(b)
	if end > MaxHeaderBytes {
		cut := bytes.LastIndexByte(b[:MaxHeaderBytes], '\n') + 1
		if cut == 0 {
			cut = MaxHeaderBytes
		}
		end = cut
		warnings = append(warnings, "the header was longer than 1 MiB and was read in part")
	}
	block := string(b[:end])
	h = make(header, 0, strings.Count(block, "\n")+1)
	var fold strings.Builder
	folding := false
	flush := func() {
		if folding {
			h[len(h)-1].value = strings.TrimSpace(fold.String())
			fold.Reset()
			folding = false
		}
	}
	more := func(line string) { // line continues the last field
		if !folding {
			folding = true
			fold.WriteString(h[len(h)-1].value)
		}
		fold.WriteByte(' ')
		fold.WriteString(strings.TrimLeft(line, " \t"))
	}
	stray := false
	for block != "" {
		line, rest, _ := strings.Cut(block, "\n")
		block = rest
		line = strings.TrimRight(line, "\r")
		if line == "" {
			continue
		}
		if line[0] == ' ' || line[0] == '\t' {
			if len(h) > 0 {
				more(line)
			}
			continue
		}
		key, value, ok := splitField(line)
		if !ok {
			stray = true
			if len(h) > 0 {
				more(line)
			}
			continue
		}
		flush()
		if len(h) == MaxHeaderFields {
			warnings = append(warnings, "the header had more than 4,000 fields and was read in part")
			return h, body, warnings
		}
		h = append(h, field{key, value})
	}
	flush()
	if stray {
		warnings = append(warnings, "a header line without a field name was joined to the line before it")
	}
	return h, body, warnings
}

// splitField divides "Key: value"; ok is false if line does not start with a
// field name.
func splitField(line string) (key, value string, ok bool) {
	i := strings.IndexByte(line, ':')
	if i <= 0 {
		return "", "", false
	}
	key = strings.TrimRight(line[:i], " \t")
	if !isFieldName(key) {
		return "", "", false
	}
	return key, strings.Trim(line[i+1:], " \t\r"), true
}

// isFieldName checks the characters of a field name (RFC 5322 section 3.6.8).
func isFieldName(s string) bool {
	if s == "" || len(s) > 200 {
		return false
	}
	for i := 0; i < len(s); i++ {
		if s[i] <= ' ' || s[i] >= 0x7f {
			return false
		}
	}
	return true
}

// headerEnd finds the empty line that ends the header block: the block is
// b[:end], the body b[body:]. Without one all of b is header.
func headerEnd(b []byte) (end, body int) {
	for i := 0; i < len(b); {
		j := bytes.IndexByte(b[i:], '\n')
		if j < 0 {
			return len(b), len(b)
		}
		line := b[i : i+j]
		if len(line) == 0 || len(line) == 1 && line[0] == '\r' {
			return i, i + j + 1
		}
		i += j + 1
	}
	return len(b), len(b)
}

// repair removes what some transports put before a mail: a byte order mark,
// empty lines, mbox "From " lines, and junk lines before the first field. ok is
// false if no line of b looks like a header field.
func repair(b []byte) (out []byte, warning string, ok bool) {
	s := bytes.TrimPrefix(b, []byte("\xef\xbb\xbf"))
	s = bytes.TrimLeft(s, "\r\n")
	for isFromLine(s) || isFromLine(bytes.TrimPrefix(s, []byte(">"))) {
		i := bytes.IndexByte(s, '\n')
		if i < 0 {
			return nil, "", false
		}
		s = bytes.TrimLeft(s[i+1:], "\r\n")
	}
	if startsField(s) {
		return s, "", true
	}
	// Only look near the start: further down a colon is no sign of a header.
	limit := min(len(s), 64<<10)
	for i, n := 0, 0; i < limit && n < 200; n++ {
		j := bytes.IndexByte(s[i:limit], '\n')
		if j < 0 {
			break
		}
		i += j + 1
		if knownField(s[i:]) {
			return s[i:], "junk before the header was skipped", true
		}
	}
	return s, "", false
}

// isFromLine reports whether b begins with an mbox line "From sender date" and
// not with a field that has a space before its colon, "From : Ann".
func isFromLine(b []byte) bool {
	rest, ok := bytes.CutPrefix(b[:min(len(b), 100)], []byte("From "))
	return ok && !bytes.HasPrefix(bytes.TrimLeft(rest, " \t"), []byte(":"))
}

// startsField reports whether b begins with "Name:".
func startsField(b []byte) bool {
	i := bytes.IndexByte(b[:min(len(b), 200)], ':')
	return i > 0 && isFieldName(string(bytes.TrimRight(b[:i], " \t")))
}

// knownField reports whether b begins with a field that every mail has one of.
func knownField(b []byte) bool {
	i := bytes.IndexByte(b[:min(len(b), 40)], ':')
	if i <= 0 {
		return false
	}
	switch strings.ToLower(string(b[:i])) {
	case "from", "to", "subject", "date", "message-id", "received", "return-path",
		"mime-version", "content-type", "delivered-to", "sender", "reply-to":
		return true
	}
	return false
}

// mediaType is a Content-Type or Content-Disposition taken apart (RFC 2045
// section 5.1, RFC 2183).
type mediaType struct {
	kind   string // lower case: "text/plain", "attachment"
	params []field
}

// param returns a parameter, decoded by RFC 2231 or, as many senders do against
// RFC 2045, RFC 2047. The RFC 2231 form wins: the other one beside it is a
// fallback in ASCII.
func (m mediaType) param(name, defaultCharset string) string {
	if v := joinContinuations(m.params, name, defaultCharset); v != "" {
		return v
	}
	for _, p := range m.params {
		if p.key == name {
			return decodeWords(p.value, defaultCharset)
		}
	}
	return ""
}

// parseMediaType reads a media type with its parameters. It never fails: junk is
// skipped, and what is no type at all has the kind "".
func parseMediaType(s string) mediaType {
	var m mediaType
	i := strings.IndexByte(s, ';')
	if i < 0 {
		i = len(s)
	}
	kind := strings.ToLower(strings.Trim(stripComments(s[:i]), " \t\r\n\"'<>,"))
	if j := strings.IndexAny(kind, " \t="); j >= 0 {
		// A missing semicolon: `text/plain charset=utf-8`.
		if strings.IndexByte(kind[j:], '=') >= 0 {
			i = j
		}
		kind = kind[:j]
	}
	m.kind = kind
	rest := s[min(i, len(s)):]
	for rest != "" && len(m.params) < 100 {
		rest = strings.TrimLeft(rest, " \t\r\n;,")
		eq := strings.IndexAny(rest, "=;")
		if eq < 0 {
			break
		}
		if rest[eq] == ';' {
			rest = rest[eq+1:]
			continue
		}
		key := strings.ToLower(strings.TrimSpace(stripComments(rest[:eq])))
		var value string
		value, rest = paramValue(strings.TrimLeft(rest[eq+1:], " \t\r\n"))
		if key != "" {
			m.params = append(m.params, field{key, value})
		}
	}
	return m
}

// paramValue reads a quoted string or everything up to the next semicolon, for
// unquoted file names with spaces are common.
func paramValue(s string) (value, rest string) {
	if s != "" && s[0] == '"' {
		var b strings.Builder
		for i := 1; i < len(s); i++ {
			switch {
			case s[i] == '\\' && i+1 < len(s) && (s[i+1] == '"' || s[i+1] == '\\'):
				i++
				b.WriteByte(s[i])
			case s[i] == '"':
				// The end of the string, unless it is a quote inside an unescaped
				// name; a missing semicolon is forgiven.
				after := strings.TrimLeft(s[i+1:], " \t\r\n")
				if after == "" || after[0] == ';' || after[0] == '(' || after[0] == ',' || strings.IndexByte(after[:min(len(after), 80)], '=') > 0 {
					return b.String(), s[i+1:]
				}
				b.WriteByte('"')
			default:
				b.WriteByte(s[i])
			}
		}
		return b.String(), ""
	}
	i := strings.IndexByte(s, ';')
	if i < 0 {
		i = len(s)
	}
	return strings.TrimSpace(s[:i]), s[i:]
}

// stripComments removes RFC 5322 comments, "(nested (or) not)", outside of
// quoted strings.
func stripComments(s string) string {
	if strings.IndexByte(s, '(') < 0 {
		return s
	}
	var b strings.Builder
	depth, quoted := 0, false
	for i := 0; i < len(s); i++ {
		c := s[i]
		switch {
		case c == '\\' && i+1 < len(s):
			if depth == 0 {
				b.WriteByte(c)
				b.WriteByte(s[i+1])
			}
			i++
		case quoted:
			quoted = c != '"'
			b.WriteByte(c)
		case c == '"' && depth == 0:
			quoted = true
			b.WriteByte(c)
		case c == '(':
			depth++
		case c == ')' && depth > 0:
			depth--
		case depth == 0:
			b.WriteByte(c)
		}
	}
	return b.String()
}
