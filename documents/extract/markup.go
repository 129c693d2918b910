package extract

import (
	"archive/zip"
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"golang.org/x/net/html"
)

// maxDepth bounds how deep elements may be nested.
const maxDepth = 1000

// readArchive tells the kinds of document that are ZIP archives apart by what is
// in them.
func readArchive(f File, w *writer) error {
	z, err := zip.NewReader(f.ReaderAt, f.Size)
	if err != nil {
		return fmt.Errorf("the archive is damaged: %s", shorten(err.Error()))
	}
	has := func(name string) *zip.File {
		i := slices.IndexFunc(z.File, func(f *zip.File) bool { return f.Name == name })
		if i < 0 {
			return nil
		}
		return z.File[i]
	}
	switch {
	case has("word/document.xml") != nil:
		// The body first, then what stands around it.
		for _, part := range docxParts(z.File) {
			if err := readXML(part, w, docx); err != nil {
				return err
			}
			w.line()
			w.line()
		}
		return nil
	case has("content.xml") != nil && has("mimetype") != nil:
		return readXML(has("content.xml"), w, odf)
	}
	return ErrNoText
}

// maxParts bounds the headers and footers of one document.
const maxParts = 50

func docxParts(files []*zip.File) (parts []*zip.File) {
	for _, prefix := range []string{"word/document.xml", "word/header", "word/footer", "word/footnotes", "word/endnotes", "word/comments"} {
		for _, f := range files {
			if strings.HasPrefix(f.Name, prefix) && strings.HasSuffix(f.Name, ".xml") && len(parts) < maxParts {
				parts = append(parts, f)
			}
		}
	}
	return parts
}

// dialect says what elements of a document mean, by their local names.
type dialect struct {
	text  map[string]bool // only what is inside of these is text; none: everything is
	line  map[string]bool // they end a line
	space map[string]bool // they are a space
	skip  map[string]bool // nothing in them is read
}

func set(names ...string) map[string]bool {
	m := make(map[string]bool, len(names))
	for _, n := range names {
		m[n] = true
	}
	return m
}

// The names are those of ECMA-376 (WordprocessingML) and of ODF 1.3.
var (
	docx = dialect{text: set("t"), line: set("p", "br", "cr", "tr"), space: set("tab", "tc"), skip: set("instrText", "delText", "Fallback")}
	odf  = dialect{line: set("p", "h", "line-break", "table-row"), space: set("s", "tab", "table-cell"), skip: set("automatic-styles", "scripts", "font-face-decls", "tracked-changes", "binary-data")}
)

// readXML goes through one part of an archive.
func readXML(part *zip.File, w *writer, d dialect) error {
	r, err := part.Open()
	if err != nil {
		return fmt.Errorf("the archive is damaged: %s", shorten(err.Error()))
	}
	defer r.Close()
	bounded := &bounded{r: r, left: MaxUnpacked}
	dec := xml.NewDecoder(bounded)
	dec.Strict = false
	dec.Entity = map[string]string{} // none of its own: no expansion
	depth, skipping, inText := 0, 0, 0
	for {
		tok, err := dec.RawToken()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("the document is damaged: %s", shorten(err.Error()))
		}
		switch t := tok.(type) {
		case xml.StartElement:
			name := t.Name.Local
			if depth++; depth > maxDepth {
				return errors.New("the document is nested too deep")
			}
			switch {
			case skipping > 0 || d.skip[name]:
				skipping++
			case d.text[name]:
				inText++
			case d.space[name]:
				w.space = true
			}
		case xml.EndElement:
			name := t.Name.Local
			depth--
			switch {
			case skipping > 0:
				skipping--
			case d.text[name]:
				inText--
			case d.line[name]:
				w.line()
			}
		case xml.CharData:
			if skipping == 0 && (len(d.text) == 0 || inText > 0) {
				if err := w.text(string(t)); err != nil {
					return err
				}
			}
		}
	}
}

// bounded ends with an error where an archive unpacks to more than it should.
type bounded struct {
	r    io.Reader
	left int64
}

func (b *bounded) Read(p []byte) (int, error) {
	n, err := b.r.Read(p)
	if b.left -= int64(n); b.left < 0 {
		return 0, fmt.Errorf("it unpacks to more than %d MiB", MaxUnpacked>>20)
	}
	return n, err
}

// The elements of HTML that end a line, and those without text for readers.
var (
	htmlLines = set("p", "div", "br", "li", "tr", "h1", "h2", "h3", "h4", "h5", "h6", "section", "article", "header", "footer", "table", "ul", "ol", "blockquote", "pre", "title", "dt", "dd", "hr", "option")
	htmlSkip  = set("script", "style", "template", "noscript", "svg", "math", "iframe", "object")
)

func readHTML(f File, w *writer) error {
	r, err := source(f)
	if err != nil {
		return err
	}
	z := html.NewTokenizer(r)
	z.SetMaxBuf(4 << 20)
	skipping := ""
	for {
		switch z.Next() {
		case html.ErrorToken:
			if err := z.Err(); !errors.Is(err, io.EOF) {
				return fmt.Errorf("the page is damaged: %s", shorten(err.Error()))
			}
			return nil
		case html.StartTagToken:
			name, _ := z.TagName()
			tag := string(bytes.ToLower(name))
			if skipping == "" && htmlSkip[tag] {
				skipping = tag
			}
			if htmlLines[tag] {
				w.line()
			} else if tag == "td" || tag == "th" {
				w.space = true
			}
		case html.SelfClosingTagToken:
			if name, _ := z.TagName(); htmlLines[string(name)] {
				w.line()
			}
		case html.EndTagToken:
			name, _ := z.TagName()
			tag := string(bytes.ToLower(name))
			if skipping == tag {
				skipping = ""
			}
			if htmlLines[tag] {
				w.line()
			}
		case html.TextToken:
			if skipping == "" {
				if err := w.text(string(z.Text())); err != nil {
					return err
				}
			}
		}
	}
}
