package email

import (
	"bytes"
	"io"
	"strings"
	"unicode/utf8"

	"throughline/message"
)

// unit is one piece of the body in reading order: plain, HTML or both forms.
type unit struct{ plain, html string }

// body collects what the parts of a mail hold.
type body struct {
	units  []unit
	parts  []part
	report []*node // children of a multipart/report and the like, for classify
	kind   string  // media type of the root
}

// part is an attachment with what the key needs of it.
type part struct {
	message.Part
	node *node
}

// readBody reads the body and fills in text, HTML and attachments. rest is the
// body if it is in memory (whole), else open gives a reader of it.
func (p *parser) readBody(rest []byte, whole bool, open func() (io.ReadCloser, error)) (err error) {
	root, err := p.tree(rest, whole, open)
	if err != nil {
		return err
	}
	p.body.kind = root.kind.kind
	if strings.HasPrefix(root.kind.kind, "multipart/") {
		p.body.report = root.kids
	}
	p.body.units = p.walk(root, "")
	p.unpackTNEF()
	p.joinUnits()
	p.m.Reply, p.m.Quoted, p.m.Signature = SplitReply(p.m.Text)
	for i := range p.body.parts {
		p.m.Parts = append(p.m.Parts, p.body.parts[i].Part)
	}
	p.dropFiles(p.m.Parts)
	return nil
}

// dropFiles removes the temporary files that no part of used is in.
func (p *parser) dropFiles(used []message.Part) {
	keep := make(map[*File]bool, len(used))
	for i := range used {
		if f, ok := used[i].Content.(*File); ok {
			keep[f] = true
		}
	}
	for _, f := range p.files {
		if !keep[f] {
			_ = f.Remove() // the folder is emptied at start-up
		}
	}
}

// tree takes the body apart.
func (p *parser) tree(rest []byte, whole bool, open func() (io.ReadCloser, error)) (*node, error) {
	root := newNode(p.h.get)
	encoding := p.h.get("Content-Transfer-Encoding")
	if !strings.HasPrefix(root.kind.kind, "multipart/") {
		return root, p.single(root, encoding, rest, whole, open)
	}
	start := rest
	if !whole {
		r, err := open()
		if err != nil {
			return nil, err
		}
		start = make([]byte, spillBytes)
		n, err := io.ReadFull(r, start)
		r.Close()
		if err != nil && err != io.ErrUnexpectedEOF && err != io.EOF {
			return nil, err
		}
		start = start[:n]
	}
	declared := root.kind.param("boundary", "")
	boundary := findBoundary(start, declared)
	if boundary == "" {
		p.warn("a multipart without a boundary was read as text")
		root.kind = mediaType{kind: "text/plain"}
		return root, p.single(root, encoding, rest, whole, open)
	}
	contentType := p.h.get("Content-Type")
	if boundary != declared {
		p.warn("the boundary of the parts was wrong or missing and was guessed")
		contentType = root.kind.kind + "; boundary=\"" + boundary + "\""
	}
	if whole && delimiters(rest) < MaxDepth {
		if t, ok := quickTree(root.kind, rest, 0); ok {
			root.kids = t.kids
			return root, nil
		}
		t, err := readTree(contentType, bytes.NewReader(rest), nil)
		if err != nil {
			p.warn("the parts could not be told apart: the body is shown as it was sent")
			root.kind = mediaType{kind: "text/plain"}
			return root, p.single(root, "", rest, whole, open)
		}
		p.checkTree(t, rest)
		return t, nil
	}
	return p.splitTree(contentType, boundary, open)
}

// splitTree is tree for large and oddly nested mails.
func (p *parser) splitTree(contentType, boundary string, open func() (io.ReadCloser, error)) (*node, error) {
	r, err := open()
	if err != nil {
		return nil, err
	}
	defer r.Close()
	s, err := newSplitter(p.o.TempDir)
	if err != nil {
		return nil, err
	}
	if err := s.run(r, boundary); err != nil {
		return nil, err
	}
	for _, w := range s.warnings {
		p.warn(w)
	}
	p.files = s.files
	t, err := readTree(contentType, &s.slim, s)
	if err != nil {
		s.discard()
		return nil, &HeldError{Reason: "the parts of this mail could not be told apart"}
	}
	return t, nil
}

// single reads a body that is no multipart.
func (p *parser) single(n *node, encoding string, rest []byte, whole bool, open func() (io.ReadCloser, error)) error {
	if whole {
		n.content = decodeTransfer(encoding, rest)
		return nil
	}
	r, err := open()
	if err != nil {
		return err
	}
	defer r.Close()
	if n.file, err = spillAll(r, p.o.TempDir, encoding); err != nil {
		return err
	}
	p.files = append(p.files, n.file)
	return nil
}

// checkTree warns of a tree that lost something on the way.
func (p *parser) checkTree(t *node, rest []byte) {
	if len(t.kids) == 0 && len(bytes.TrimSpace(rest)) > 0 {
		p.warn("no parts were found: the body is shown as it was sent")
		t.kind = mediaType{kind: "text/plain"}
		t.content = rest
	}
}

// delimiters counts what could be a boundary line: an upper limit for depth and
// number of parts.
func delimiters(b []byte) int {
	n := 0
	for i := 0; ; {
		j := bytes.Index(b[i:], []byte("--"))
		if j < 0 {
			return n
		}
		i += j
		if bytes.IndexByte(b[max(0, i-3):i], '\n') >= 0 || bytes.IndexByte(b[max(0, i-3):i], '\r') >= 0 || i < 3 {
			n++
		}
		for i < len(b) && b[i] == '-' {
			i++
		}
	}
}

// walk returns the text units of a part in reading order and puts its
// attachments into p.body.parts.
func (p *parser) walk(n *node, parent string) []unit {
	switch {
	case len(n.kids) > 0 && n.kind.kind == "multipart/alternative":
		return p.alternative(n)
	case len(n.kids) > 0:
		var units []unit
		for _, kid := range n.kids {
			units = append(units, p.walk(kid, n.kind.kind)...)
		}
		return units
	case isBodyText(n.kind, n.disp):
		return p.textUnit(n)
	}
	if strings.HasPrefix(n.kind.kind, "multipart/") && len(n.content) == 0 && n.file == nil {
		return nil
	}
	p.attach(n, parent)
	return nil
}

// alternative chooses between the forms of one text: the first plain one and
// the last HTML one.
func (p *parser) alternative(n *node) []unit {
	var plain, rich []unit
	for _, kid := range n.kids {
		if kid.kind.kind == "text/x-amp-html" || kid.kind.kind == "text/watch-html" {
			continue // a third form of the same text
		}
		units := p.walk(kid, n.kind.kind)
		hasHTML := false
		for _, u := range units {
			hasHTML = hasHTML || u.html != ""
		}
		switch {
		case hasHTML:
			rich = units
		case plain == nil && !blank(units):
			plain = units
		}
	}
	switch {
	case rich == nil:
		return plain
	case plain == nil:
		return rich
	}
	return []unit{{plain: joinPlain(plain), html: joinHTML(rich)}}
}

func blank(units []unit) bool {
	for _, u := range units {
		if strings.TrimSpace(u.plain) != "" || u.html != "" {
			return false
		}
	}
	return true
}

// textUnit decodes a text part. Of a text in a file only the start is read; the
// whole becomes an attachment.
func (p *parser) textUnit(n *node) []unit {
	b := n.content
	if n.file != nil {
		b = nil
		if r, err := n.file.Open(); err == nil {
			b, _ = io.ReadAll(io.LimitReader(r, MaxText)) // what could be read is shown
			r.Close()
		}
	}
	if len(b) > MaxText || n.file != nil {
		p.warn("a very long text is shown in part; the whole is attached")
		whole := *n
		whole.disp.kind = "attachment"
		p.attach(&whole, "")
		b = b[:min(len(b), MaxText)]
		for len(b) > 0 && !utf8.RuneStart(b[len(b)-1]) {
			b = b[:len(b)-1]
		}
		if len(b) > 0 && b[len(b)-1] >= utf8.RuneSelf {
			b = b[:len(b)-1]
		}
	}
	declared := n.kind.param("charset", "")
	isHTML := n.kind.kind == "text/html"
	if declared == "" && isHTML {
		declared = htmlCharset(b)
	}
	text, warning := decodeText(b, declared, p.o.DefaultCharset)
	p.warn(warning)
	text = normalNewlines(text)
	if isHTML {
		return []unit{{html: text}}
	}
	if strings.EqualFold(n.kind.param("format", ""), "flowed") {
		text = unflow(text, strings.EqualFold(n.kind.param("delsp", ""), "yes"))
	}
	text, files := splitUU(text)
	for _, f := range files {
		p.attach(&node{kind: mediaType{kind: "application/octet-stream"}, content: f.data,
			disp: mediaType{kind: "attachment", params: []field{{key: "filename", value: f.name}}}}, "")
	}
	return []unit{{plain: text}}
}
