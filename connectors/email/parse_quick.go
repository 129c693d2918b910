package email

import (
	"bytes"
	"strings"
)

// quickDepth is how deep a well-formed mail nests.
const quickDepth = 5

// quickTree takes a multipart apart that is well-formed by RFC 2046, as most
// are, in a fraction of enmime's time. Whatever is unusual (a delimiter that is
// missing or looks like another, a part without an empty line, a header or a
// transfer encoding with a fault) is left to enmime: ok is false.
func quickTree(ct mediaType, body []byte, depth int) (root *node, ok bool) {
	boundary := ct.param("boundary", "")
	if boundary == "" || len(boundary) > 70 || depth > quickDepth {
		return nil, false
	}
	delim := []byte("--" + boundary)
	root = &node{kind: ct}
	rest := bytes.Count(body, delim)
	at, closed := findDelimiter(body, delim, 0)
	for ; rest > 1 && at.ok && !closed; rest-- {
		next, last := findDelimiter(body, delim, at.end)
		if !next.ok || next.start < at.end {
			return nil, false
		}
		kid, ok := quickPart(body[at.end:next.start], ct.kind, depth)
		if !ok {
			return nil, false
		}
		root.kids = append(root.kids, kid)
		at, closed = next, last
	}
	return root, closed && rest == 1 && len(root.kids) > 0
}

// span is a delimiter line with the line break before it.
type span struct {
	start, end int
	ok         bool
}

// findDelimiter finds the next delimiter from i on; closing tells that it ends
// the multipart. The first thing that looks like one has to be one.
func findDelimiter(body, delim []byte, i int) (s span, closing bool) {
	j := bytes.Index(body[i:], delim)
	if j < 0 {
		return s, false
	}
	j += i
	s.start, s.end = j, j+len(delim)
	if j > 0 {
		if body[j-1] != '\n' {
			return s, false
		}
		if s.start--; s.start > i && body[s.start-1] == '\r' {
			s.start--
		}
	}
	s.start = max(s.start, i)
	if bytes.HasPrefix(body[s.end:], []byte("--")) {
		closing = true
		s.end += 2
	}
	for s.end < len(body) && (body[s.end] == ' ' || body[s.end] == '\t' || body[s.end] == '\r') {
		s.end++
	}
	if s.end < len(body) && body[s.end] == '\n' {
		s.end++
		s.ok = true
	} else {
		s.ok = closing && s.end == len(body)
	}
	return s, closing
}

// quickPart reads one part with its header.
func quickPart(b []byte, parent string, depth int) (*node, bool) {
	end, start := headerEnd(b)
	if end == start || end > partHeaderMax {
		return nil, false
	}
	h, start, warnings := readHeader(b)
	if len(warnings) > 0 {
		return nil, false
	}
	n := newNode(h.get)
	if n.kind.kind == "" && parent == "multipart/digest" {
		n.kind.kind = "message/rfc822" // RFC 2046 section 5.1.5
	}
	body := b[start:]
	if strings.HasPrefix(n.kind.kind, "multipart/") {
		tree, ok := quickTree(n.kind, body, depth+1)
		if !ok {
			return nil, false
		}
		n.kids = tree.kids
		return n, true
	}
	switch encoding := transferName(h.get("Content-Transfer-Encoding")); encoding {
	case "", "7bit", "8bit", "binary":
		n.content = body
	case "base64", "quoted-printable":
		n.content = decodeTransfer(encoding, body)
	default:
		return nil, false
	}
	return n, true
}
