package email

import (
	"io"
	"path"
	"strings"
	"unicode/utf8"

	"throughline/message"
)

// attach adds a leaf to the attachments.
func (p *parser) attach(n *node, parent string) {
	cs := p.o.DefaultCharset
	name := n.disp.param("filename", cs)
	if name == "" {
		name = n.kind.param("name", cs)
	}
	kind := n.kind.kind
	if i := strings.IndexByte(kind, '/'); i <= 0 || i == len(kind)-1 || !plainASCII(kind) || len(kind) > 127 {
		kind = "application/octet-stream"
	}
	pt := part{node: n, Part: message.Part{
		Name:        fileName(name),
		ContentType: kind,
		ContentID:   n.id,
		Inline:      n.disp.kind == "inline" || n.disp.kind == "" && n.id != "" && parent == "multipart/related",
	}}
	if n.file != nil {
		pt.Content, pt.Size = n.file, n.file.Size()
	} else {
		pt.Content, pt.Size = message.Bytes(n.content), int64(len(n.content))
	}
	if pt.Name == "" && kind == "message/rfc822" {
		pt.Name = nestedName(pt.Content, cs)
	}
	p.body.parts = append(p.body.parts, pt)
}

// nestedName names an attached mail after its subject.
func nestedName(c message.Content, charset string) string {
	r, err := c.Open()
	if err != nil {
		return "message.eml"
	}
	defer r.Close()
	b, _ := io.ReadAll(io.LimitReader(r, 64<<10)) // a subject that cannot be read is none
	h, _, _ := readHeader(b)
	subject := fileName(strings.NewReplacer("/", "-", "\\", "-").Replace(decodeWords(h.get("Subject"), charset)))
	if subject == "" {
		subject = "message"
	}
	return subject + ".eml"
}

// fileName makes a sent name safe to show and to save: no folders, no controls,
// no hidden files, at most MaxNameRunes.
func fileName(s string) string {
	s = strings.TrimSpace(cleanControls(s))
	if i := strings.LastIndexAny(s, "/\\"); i >= 0 {
		s = s[i+1:]
	}
	s = strings.TrimSpace(strings.TrimLeft(s, "."))
	if utf8.RuneCountInString(s) > MaxNameRunes {
		ext := path.Ext(s)
		if utf8.RuneCountInString(ext) > 20 {
			ext = ""
		}
		s = shorten(strings.TrimSuffix(s, ext), MaxNameRunes-utf8.RuneCountInString(ext)) + ext
	}
	return s
}
