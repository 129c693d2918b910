package slack

import (
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"

	"throughline/message"
)

// From our text to Slack's markup.

var escaper = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;")

// markup is a message as Slack wants it written.
func markup(m message.Message) string {
	if strings.TrimSpace(m.HTML) == "" {
		return escaper.Replace(strings.TrimSpace(strings.ReplaceAll(m.Text, "\r\n", "\n")))
	}
	// The parser takes anything, and html.Parse fails only on its reader.
	doc, err := html.Parse(strings.NewReader(m.HTML))
	if err != nil {
		return escaper.Replace(strings.TrimSpace(m.Text))
	}
	w := &marker{}
	w.node(doc, 0)
	return strings.TrimSpace(strings.Join(w.lines(), "\n"))
}

// maxNested is how deep elements are followed.
const maxNested = 100

// marker writes markup, line by line.
type marker struct {
	out   []string // finished lines
	line  strings.Builder
	quote int
	lists []int // of each open list the number of the next item, -1 without numbers
	pre   bool
	blank bool // an empty line is due before the next text
}

func (w *marker) lines() []string {
	w.newline(false)
	return w.out
}

// newline ends a line, also an empty one if it is wanted.
func (w *marker) newline(empty bool) {
	s := strings.TrimRight(w.line.String(), " ")
	w.line.Reset()
	if s == "" && !empty {
		return
	}
	if w.blank && len(w.out) > 0 {
		w.out = append(w.out, "")
	}
	w.blank = false
	if w.quote > 0 {
		s = strings.TrimRight("> "+s, " ")
	}
	w.out = append(w.out, s)
}

func (w *marker) children(n *html.Node, depth int) {
	for c := n.FirstChild; c != nil; c = c.NextSibling {
		w.node(c, depth+1)
	}
}

func (w *marker) node(n *html.Node, depth int) {
	if depth > maxNested {
		return
	}
	switch {
	case n.Type == html.TextNode:
		w.text(n.Data)
		return
	case n.Type != html.ElementNode:
		w.children(n, depth)
		return
	}
	switch n.DataAtom {
	case atom.Head, atom.Script, atom.Style, atom.Template, atom.Title:
	case atom.Br:
		w.newline(true)
	case atom.B, atom.Strong:
		w.mark("*", n, depth)
	case atom.I, atom.Em:
		w.mark("_", n, depth)
	case atom.S, atom.Strike, atom.Del:
		w.mark("~", n, depth)
	case atom.Code, atom.Kbd, atom.Samp:
		if w.pre {
			w.children(n, depth)
		} else {
			w.mark("`", n, depth)
		}
	case atom.A:
		w.link(n, depth)
	case atom.Span:
		if _, user, ok := memberOf(message.Handle(attribute(n, "data-mention"))); ok {
			w.line.WriteString("<@" + user + ">")
			return
		}
		w.children(n, depth)
	case atom.Img:
		w.text(attribute(n, "alt"))
	case atom.Pre:
		w.newline(false)
		w.out = append(w.out, "```")
		was := w.pre
		w.pre = true
		w.children(n, depth)
		w.pre = was
		w.newline(false)
		w.out = append(w.out, "```")
	case atom.Blockquote:
		w.newline(false)
		w.quote++
		w.children(n, depth)
		w.newline(false)
		w.quote--
	case atom.Ul, atom.Ol:
		w.newline(false)
		start := -1
		if n.DataAtom == atom.Ol {
			start = 1
			if s, err := strconv.Atoi(attribute(n, "start")); err == nil {
				start = s
			}
		}
		w.lists = append(w.lists, start)
		w.children(n, depth)
		w.newline(false)
		w.lists = w.lists[:len(w.lists)-1]
	case atom.Li:
		w.newline(false)
		w.item()
		w.children(n, depth)
		w.newline(false)
	case atom.P, atom.H1, atom.H2, atom.H3, atom.H4, atom.H5, atom.H6:
		if len(w.lists) > 0 {
			w.children(n, depth)
			return
		}
		w.newline(false)
		w.blank = w.blank || len(w.out) > 0 && n.DataAtom == atom.P && n.FirstChild != nil && w.quote == 0 && precededByParagraph(n)
		if n.DataAtom == atom.P {
			w.children(n, depth)
		} else {
			w.mark("*", n, depth)
		}
		w.newline(n.FirstChild == nil)
	case atom.Div, atom.Tr, atom.Table, atom.Section, atom.Article:
		w.newline(false)
		w.children(n, depth)
		w.newline(false)
	case atom.Td, atom.Th:
		w.children(n, depth)
		w.line.WriteByte(' ')
	default:
		w.children(n, depth)
	}
}

// precededByParagraph tells whether an empty line sets a paragraph off from the
// one before.
func precededByParagraph(n *html.Node) bool {
	for p := n.PrevSibling; p != nil; p = p.PrevSibling {
		if p.Type == html.ElementNode {
			return p.DataAtom == atom.P && p.FirstChild != nil
		}
	}
	return false
}

// item begins an item of a list.
func (w *marker) item() {
	if len(w.lists) == 0 {
		return
	}
	last := &w.lists[len(w.lists)-1]
	w.line.WriteString(strings.Repeat("    ", len(w.lists)-1))
	if *last < 0 {
		w.line.WriteString("• ")
		return
	}
	w.line.WriteString(strconv.Itoa(*last) + ". ")
	*last++
}

func (w *marker) text(s string) {
	if w.pre {
		for i, line := range strings.Split(strings.ReplaceAll(s, "\r\n", "\n"), "\n") {
			if i > 0 {
				w.newline(true)
			}
			w.line.WriteString(escaper.Replace(line))
		}
		return
	}
	// White space folds; a space at the border of an element stays one.
	fields := strings.FieldsFunc(s, foldable)
	if len(fields) == 0 {
		if s != "" {
			w.space()
		}
		return
	}
	if first, _ := utf8.DecodeRuneInString(s); foldable(first) {
		w.space()
	}
	w.line.WriteString(escaper.Replace(strings.Join(fields, " ")))
	if last, _ := utf8.DecodeLastRuneInString(s); foldable(last) {
		w.space()
	}
}

// foldable is white space that HTML folds; a non-breaking space is none.
func foldable(r rune) bool { return r == ' ' || r == '\n' || r == '\t' || r == '\r' || r == '\f' }

func (w *marker) space() {
	if s := w.line.String(); s != "" && !strings.HasSuffix(s, " ") {
		w.line.WriteByte(' ')
	}
}

// mark writes an element between two marks, each line of it for itself. Marks
// count only at the border of a word; elsewhere they would show.
func (w *marker) mark(mark string, n *html.Node, depth int) {
	before := w.line.String()
	w.line.Reset()
	done := len(w.out)
	blank := w.blank
	w.blank = false
	// The element is written aside, then marked.
	quote := w.quote
	w.quote = 0
	w.children(n, depth)
	w.quote = quote
	inner := append([]string{}, w.out[done:]...)
	inner = append(inner, w.line.String())
	w.out = w.out[:done]
	w.line.Reset()
	w.blank = blank
	w.line.WriteString(before)
	for i, s := range inner {
		if i > 0 {
			w.newline(true)
		}
		core := strings.TrimSpace(s)
		lead := s[:len(s)-len(strings.TrimLeft(s, " "))]
		last, _ := utf8.DecodeLastRuneInString(w.line.String() + lead)
		switch {
		case core == "":
			w.line.WriteString(s)
			continue
		case strings.Contains(core, mark), unicode.IsLetter(last), unicode.IsDigit(last), followedByWord(n) && i == len(inner)-1 && !strings.HasSuffix(s, " "):
			w.line.WriteString(s)
			continue
		}
		w.line.WriteString(lead + mark + core + mark + s[len(lead)+len(core):])
	}
}

// followedByWord tells whether a word goes on behind an element.
func followedByWord(n *html.Node) bool {
	next := n.NextSibling
	if next == nil || next.Type != html.TextNode {
		return false
	}
	r, _ := utf8.DecodeRuneInString(next.Data)
	return unicode.IsLetter(r) || unicode.IsDigit(r)
}

// link writes an address with what stands for it.
func (w *marker) link(n *html.Node, depth int) {
	href := strings.TrimSpace(attribute(n, "href"))
	lower := strings.ToLower(href)
	ok := false
	for _, scheme := range []string{"https://", "http://", "mailto:", "tel:"} {
		ok = ok || strings.HasPrefix(lower, scheme)
	}
	if !ok || strings.ContainsAny(href, "|<> \n\r\t") {
		w.children(n, depth)
		return
	}
	aside := &marker{}
	aside.children(n, depth)
	label := strings.TrimSpace(strings.Join(aside.lines(), " "))
	label = strings.NewReplacer("|", "¦", "\n", " ").Replace(label)
	if strings.Contains(label, "<") { // an address inside of an address
		w.children(n, depth)
		return
	}
	target := strings.ReplaceAll(href, "&", "&amp;")
	if label == "" || label == target {
		w.line.WriteString("<" + target + ">")
		return
	}
	w.line.WriteString("<" + target + "|" + label + ">")
}

func attribute(n *html.Node, name string) string {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}
