package safehtml

import (
	"regexp"
	"strings"

	"golang.org/x/net/html"
)

// rewrite goes over sanitised HTML once: it finishes start tags, takes the
// quote marks out, and leaves well-nested HTML. With hide, the quoted message is
// left out.
//
// The input is tokenised, not parsed into a tree: the parser refuses deep
// nesting and needs quadratic time for some of it.
func rewrite(clean string, finish func(*html.Token) bool, hide bool) string {
	w := writer{hide: hide, open: map[string]int{}}
	w.b.Grow(len(clean) + len(clean)/8)
	z := html.NewTokenizer(strings.NewReader(clean))
	for at := 0; ; {
		kind := z.Next()
		at += len(z.Raw())
		switch kind {
		case html.ErrorToken:
			w.close(0)
			return w.b.String()
		case html.TextToken:
			t := z.Token()
			w.text(t.Data)
		case html.StartTagToken, html.SelfClosingTagToken:
			t := z.Token()
			t.Type = html.StartTagToken
			mark := noQuote
			if hide {
				if mark = quoteOf(&t); mark == inQuote && isForward(clean[at:]) {
					mark = noQuote
				}
			}
			unmark(&t)
			w.start(&t, mark, finish)
		case html.EndTagToken:
			t := z.Token()
			w.end(t.Data)
		}
	}
}

type writer struct {
	b     strings.Builder
	stack []element
	hide  bool
	open  map[string]int // how often each name is in stack
	quote int            // length of stack with the quote's element on it, 0 outside
	rest  bool           // everything from here on is quote
}

// element is an open element; shown tells whether its tags are written.
type element struct {
	name  string
	shown bool
}

// quoteKind is what a start tag says of quotes.
type quoteKind int

const (
	noQuote   quoteKind = iota
	inQuote             // the element is the quote
	restQuote           // the quote begins here and goes on to the end
)

// quoteOf recognises the marks of the mail programs.
func quoteOf(t *html.Token) quoteKind {
	for _, a := range t.Attr {
		switch a.Key {
		case "class":
			return inQuote
		case "type":
			if t.Data == "blockquote" {
				return inQuote
			}
		case "id":
			return restQuote
		}
	}
	return noQuote
}

func unmark(t *html.Token) {
	kept := t.Attr[:0]
	for _, a := range t.Attr {
		if a.Key == "class" || a.Key == "id" || a.Key == "type" && (t.Data == "blockquote" || t.Data == "div" || t.Data == "span") {
			continue
		}
		kept = append(kept, a)
	}
	t.Attr = kept
}

func (w *writer) hidden() bool { return w.hide && (w.rest || w.quote > 0) }

func (w *writer) text(s string) {
	if w.hidden() {
		return
	}
	w.b.WriteString(html.EscapeString(s))
}

func (w *writer) start(t *html.Token, mark quoteKind, finish func(*html.Token) bool) {
	if w.hide && !w.hidden() {
		switch mark {
		case inQuote:
			w.quote = len(w.stack) + 1
		case restQuote:
			w.rest = true
		}
	}
	shown := !w.hidden() && finish(t)
	if void[t.Data] || loose[t.Data] {
		if shown {
			w.b.WriteString(t.String())
		}
		return
	}
	if len(w.stack) >= maxDepth {
		shown = false
	}
	if len(w.stack) < hardDepth {
		w.stack = append(w.stack, element{t.Data, shown})
		w.open[t.Data]++
	}
	if shown {
		w.b.WriteString(t.String())
	}
}

// hardDepth bounds the memory for open elements that are not written.
const hardDepth = 4 * maxDepth

func (w *writer) end(name string) {
	if void[name] {
		return
	}
	if loose[name] {
		if !w.hidden() {
			w.b.WriteString("</" + name + ">")
		}
		return
	}
	for i := len(w.stack) - 1; i >= 0 && w.open[name] > 0; i-- {
		if w.stack[i].name == name {
			w.close(i)
			return
		}
	}
}

// close closes all elements from the n-th on.
func (w *writer) close(n int) {
	for i := len(w.stack) - 1; i >= n; i-- {
		if w.stack[i].shown {
			w.b.WriteString("</" + w.stack[i].name + ">")
		}
		w.open[w.stack[i].name]--
	}
	w.stack = w.stack[:n]
	if w.quote > n {
		w.quote = 0
	}
}

// void elements have no content; loose ones need no end tag, so that an open
// one says nothing of the nesting.
var (
	void  = set("br", "col", "hr", "img", "wbr")
	loose = set("colgroup", "dd", "dt", "li", "p", "rp", "rt", "tbody", "td", "tfoot", "th", "thead", "tr")
)

func set(names ...string) map[string]bool {
	m := make(map[string]bool, len(names))
	for _, n := range names {
		m[n] = true
	}
	return m
}

// isForward reports whether a quote is a forwarded message, which is what its
// mail is about: it begins with a line of dashes, in every language.
func isForward(rest string) bool {
	if len(rest) > forwardProbe {
		rest = rest[:forwardProbe]
	}
	return dashes.MatchString(rest)
}

const forwardProbe = 600 // bytes

var dashes = regexp.MustCompile(`^(\s|<[^>]*>)*-{4,}`)
