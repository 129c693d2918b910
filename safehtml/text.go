package safehtml

import (
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/net/html"
)

// Text turns HTML into plain text for reading and searching: paragraphs and
// table rows become lines, quotes begin with "> ", list items with "- ", links
// keep their address where it differs from their text, pictures their
// alternative text.
func Text(body string) string {
	var w textWriter
	z := html.NewTokenizer(strings.NewReader(cut(body)))
	for {
		switch z.Next() {
		case html.ErrorToken:
			return w.finish()
		case html.TextToken:
			if w.skip == "" {
				w.text(z.Token().Data)
			}
		case html.StartTagToken:
			w.start(z.Token())
		case html.SelfClosingTagToken:
			t := z.Token()
			if !unread[t.Data] {
				w.start(t)
			}
		case html.EndTagToken:
			w.end(z.Token().Data)
		}
	}
}

type textWriter struct {
	b      strings.Builder
	skip   string // inside of this element, whose content is not for reading
	quotes int    // open quotes
	last   int    // and at the last text
	pre    int
	lines  int  // line ends asked for before the next text
	space  bool // white space asked for before the next text
	begun  bool
	cells  int // of the current table row
	href   string
	link   strings.Builder // text of the open link
}

// maxQuotes is how many ">" a line can begin with.
const maxQuotes = 20

// unread elements hold no text for readers.
var unread = set("head", "title", "style", "script", "template", "svg", "math", "noscript", "object", "iframe", "select", "audio", "video", "canvas")

// Block elements stand on lines of their own, paragraphs apart from others.
var (
	blocks     = set("address", "article", "aside", "blockquote", "center", "dd", "div", "dl", "dt", "fieldset", "figcaption", "figure", "footer", "form", "header", "hr", "li", "main", "nav", "ol", "pre", "section", "table", "tr", "ul", "caption")
	paragraphs = set("p", "h1", "h2", "h3", "h4", "h5", "h6")
)

func (w *textWriter) start(t html.Token) {
	name := t.Data
	if w.skip != "" {
		if name == "body" && w.skip == "head" {
			w.skip = "" // a head that was never closed
		}
		return
	}
	switch {
	case unread[name]:
		w.skip = name
		return
	case paragraphs[name]:
		w.newline(2)
	case blocks[name]:
		w.newline(1)
	}
	switch name {
	case "br":
		w.lines++
		w.space = false
	case "blockquote":
		if w.quotes++; w.quotes == 1 {
			w.newline(2)
		}
	case "pre":
		w.pre++
	case "li":
		w.text("- ")
	case "tr":
		w.cells = 0
	case "td", "th":
		if w.cells++; w.cells > 1 {
			w.space = true
		}
	case "a":
		w.endLink()
		w.href, _ = attr(&t, "href")
	case "img":
		if alt, _ := attr(&t, "alt"); strings.TrimSpace(alt) != "" {
			w.text(alt)
		}
	}
}

func (w *textWriter) end(name string) {
	if w.skip != "" {
		if name == w.skip {
			w.skip = ""
		}
		return
	}
	if name == "a" {
		w.endLink()
	}
	switch {
	case paragraphs[name]:
		w.newline(2)
	case blocks[name]:
		w.newline(1)
	}
	switch name {
	case "blockquote":
		w.quotes = max(w.quotes-1, 0)
		if w.quotes == 0 {
			w.newline(2)
		}
	case "pre":
		w.pre = max(w.pre-1, 0)
	}
}

// endLink adds the address of a link behind its text.
func (w *textWriter) endLink() {
	href, text := w.href, strings.TrimSpace(w.link.String())
	w.href = ""
	w.link.Reset()
	if scheme, _, _ := strings.Cut(strings.ToLower(href), ":"); scheme != "http" && scheme != "https" {
		return
	}
	if text == "" || strings.Contains(href, strings.TrimSuffix(text, "/")) {
		return
	}
	w.text(" <" + href + ">")
}

// newline asks for n line ends before the next text.
func (w *textWriter) newline(n int) {
	w.lines = max(w.lines, n)
	w.space = false
}

func (w *textWriter) text(s string) {
	if w.pre > 0 {
		for i, line := range strings.Split(strings.ReplaceAll(s, "\r\n", "\n"), "\n") {
			if i > 0 {
				w.lines++
			}
			if line != "" {
				w.write(line)
			}
		}
		return
	}
	for s != "" {
		i := strings.IndexFunc(s, blank)
		if i != 0 {
			if i < 0 {
				i = len(s)
			}
			w.write(s[:i])
		} else {
			_, i = utf8.DecodeRuneInString(s)
			w.space = true
		}
		s = s[i:]
	}
}

// blank is white space that HTML folds, and the fillers of newsletters.
func blank(r rune) bool {
	switch r {
	case ' ', '\t', '\n', '\r', '\f', '\u00a0', '\u034f', '\u00ad', '\ufeff':
		return true
	}
	return false
}

// write puts down what was asked for and then text without line ends.
func (w *textWriter) write(s string) {
	if w.begun && w.lines > 0 {
		if w.lines > 1 {
			// The empty line belongs to what both sides have in common.
			w.b.WriteByte('\n')
			w.mark(min(w.quotes, w.last))
		}
		w.b.WriteByte('\n')
		w.mark(w.quotes)
	} else if w.begun && w.space {
		w.b.WriteByte(' ')
	} else if !w.begun {
		w.mark(w.quotes)
	}
	w.last = w.quotes
	if w.href != "" {
		if w.space {
			w.link.WriteByte(' ')
		}
		w.link.WriteString(s)
	}
	w.lines, w.space, w.begun = 0, false, true
	w.b.WriteString(s)
}

// mark begins a line of a quote.
func (w *textWriter) mark(quotes int) {
	if quotes > 0 {
		w.b.WriteString(strings.Repeat(">", min(quotes, maxQuotes)) + " ")
	}
}

func (w *textWriter) finish() string {
	w.endLink()
	lines := strings.Split(w.b.String(), "\n")
	for i, l := range lines {
		lines[i] = strings.TrimRightFunc(l, unicode.IsSpace)
	}
	return strings.TrimSpace(strings.Join(lines, "\n"))
}

// FromText turns plain text into HTML: paragraphs, line breaks, and links where
// there are addresses of pages. Everything else is escaped.
func FromText(text string) string {
	text = strings.ReplaceAll(strings.ReplaceAll(text, "\r\n", "\n"), "\r", "\n")
	var b strings.Builder
	for _, par := range gaps.Split(strings.Trim(text, "\n"), -1) {
		if strings.TrimSpace(par) == "" {
			continue
		}
		b.WriteString(`<p dir="auto">`)
		for i, line := range strings.Split(par, "\n") {
			if i > 0 {
				b.WriteString("<br>")
			}
			linkify(&b, line)
		}
		b.WriteString("</p>")
	}
	return b.String()
}

var (
	gaps    = regexp.MustCompile(`\n[ \t]*\n+`)
	address = regexp.MustCompile(`(?i)\b(?:https?://|www\.)[^\s<>"]+`)
)

// linkify writes a line, escaped, with its links made.
func linkify(b *strings.Builder, line string) {
	at := 0
	for _, m := range address.FindAllStringIndex(line, -1) {
		link := trimLink(line[m[0]:m[1]])
		href := link
		if strings.HasPrefix(strings.ToLower(href), "www.") {
			href = "https://" + href
		}
		b.WriteString(html.EscapeString(line[at:m[0]]))
		b.WriteString(`<a href="` + html.EscapeString(href) + `">` + html.EscapeString(link) + `</a>`)
		at = m[0] + len(link)
	}
	b.WriteString(html.EscapeString(line[at:]))
}

// trimLink takes off the punctuation of the sentence that a link stands in.
func trimLink(s string) string {
	extra := strings.Count(s, ")") - strings.Count(s, "(")
	bracket := strings.Contains(s, "[")
	for s != "" {
		r, n := utf8.DecodeLastRuneInString(s)
		switch r {
		case '.', ',', ';', ':', '!', '?', '\'', '*', '_', '»', '”', '’', '،', '؛', '؟':
		case ')':
			if extra <= 0 {
				return s
			}
			extra--
		case ']':
			if bracket {
				return s
			}
		default:
			return s
		}
		s = s[:len(s)-n]
	}
	return s
}
