package email

import (
	"bytes"
	"io"
	"strings"

	"github.com/jhillyerd/enmime/v2"
)

// node is one MIME part with its transfer encoding undone.
type node struct {
	kind    mediaType // of Content-Type
	disp    mediaType // of Content-Disposition
	id      string    // Content-ID without brackets
	content []byte
	file    *File // instead of content when the part is large
	kids    []*node
}

// isBodyText reports whether a leaf is text to be read, not a file.
func isBodyText(ct, disp mediaType) bool {
	return (ct.kind == "" || ct.kind == "text/plain" || ct.kind == "text/html") && disp.kind != "attachment"
}

func newNode(get func(string) string) *node {
	n := &node{kind: parseMediaType(get("Content-Type")), id: contentID(get("Content-Id"))}
	if d := get("Content-Disposition"); d != "" {
		n.disp = parseMediaType(d)
	}
	return n
}

func contentID(s string) string {
	s = strings.TrimSpace(s)
	if i := strings.IndexByte(s, '<'); i >= 0 {
		s = s[i+1:]
		if j := strings.IndexByte(s, '>'); j >= 0 {
			s = s[:j]
		}
	}
	return shorten(cleanControls(strings.TrimSpace(s)), MaxNameRunes)
}

// readTree takes a multipart body apart. contentType is the Content-Type of the
// root, files the parts that a splitter left out (nil if it did not run).
func readTree(contentType string, body io.Reader, files *splitter) (*node, error) {
	multiparts := 0
	leaf := map[string]string(nil)
	// The hook sees every Content-Type and Content-Disposition. It never fails,
	// for enmime drops what it cannot name; it calls leaves by a type that is
	// no text, so that their bytes come undecoded; and it stops the recursion.
	hook := func(v string) (string, map[string]string, []string, error) {
		if v == "" {
			return "", leaf, nil, nil
		}
		if i := strings.IndexByte(v, '/'); i < 0 || !strings.EqualFold(strings.TrimLeft(v[:i], " \t\"'<"), "multipart") {
			return "application/x-leaf", leaf, nil, nil
		}
		ct := parseMediaType(v)
		b := ct.param("boundary", "")
		if b == "" || multiparts >= 2*MaxDepth {
			return "application/x-leaf", leaf, nil, nil
		}
		multiparts++
		return ct.kind, map[string]string{"boundary": b}, nil, nil
	}
	parser := enmime.NewParser(
		enmime.DisableCharacterDetection(true),
		enmime.MinCharsetDetectRunes(1<<30),
		enmime.SkipMalformedParts(true),
		enmime.MultipartWOBoundaryAsSinglePart(true),
		enmime.DisableTextConversion(true),
		enmime.MaxStoredPartErrors(10),
		enmime.SetReadPartErrorPolicy(func(*enmime.Part, error) bool { return true }), // half an attachment is better than none
		enmime.SetCustomParseMediaType(hook))
	top := "Content-Type: " + contentType + "\r\n\r\n"
	root, err := parser.ReadParts(io.MultiReader(strings.NewReader(top), body))
	if err != nil {
		return nil, err
	}
	return convert(root, files), nil
}

// convert turns enmime's tree into ours.
func convert(p *enmime.Part, files *splitter) *node {
	n := newNode(p.Header.Get)
	for kid := p.FirstChild; kid != nil; kid = kid.NextSibling {
		k := convert(kid, files)
		if k.kind.kind == "" && n.kind.kind == "multipart/digest" {
			k.kind.kind = "message/rfc822" // RFC 2046 section 5.1.5
		}
		n.kids = append(n.kids, k)
	}
	if len(n.kids) == 0 {
		n.content = p.Content
		if transferName(p.Header.Get("Content-Transfer-Encoding")) == "uuencode" {
			n.content = decodeUU(n.content)
		}
		if f := files.spilled(n.content); f != nil {
			n.file, n.content = f, nil
		}
	}
	return n
}

// findBoundary returns the boundary of a multipart whose own is missing or does
// not occur in start, the beginning of its body: the first line that begins
// with "--" and is followed by a Content- field. "" if there is none.
func findBoundary(start []byte, declared string) string {
	if declared != "" && bytes.Contains(start, []byte("--"+declared)) {
		return declared
	}
	for s := start; len(s) > 0; {
		line, rest, _ := bytes.Cut(s, []byte("\n"))
		s = rest
		line = bytes.TrimRight(line, " \t\r")
		if len(line) > 2 && len(line) < 200 && bytes.HasPrefix(line, []byte("--")) && len(rest) > 8 && bytes.EqualFold(rest[:8], []byte("content-")) {
			return string(line[2:])
		}
	}
	return declared
}
