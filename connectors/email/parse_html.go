package email

import (
	"strings"

	"github.com/inbucket/html2text"
	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// htmlText turns HTML to text. Quoted messages that mail programs mark by class
// or id only become block quotes, so that SplitReply sees them.
func htmlText(s string) string {
	doc, err := html.Parse(strings.NewReader(s))
	if err != nil { // e.g. more than 512 open elements
		return tagless(s)
	}
	markQuotes(doc)
	text, err := html2text.FromHTMLNode(doc)
	if err != nil {
		return tagless(s)
	}
	return text
}

// markQuotes turns the containers of quoted mail into block quotes. Forwarded
// mail stays as it is.
func markQuotes(doc *html.Node) {
	for n := range doc.Descendants() {
		if n.Type != html.ElementNode || n.DataAtom != atom.Div || !isQuoteContainer(n) {
			continue
		}
		if strings.Contains(innerText(n, 300), "orward") {
			continue
		}
		n.DataAtom, n.Data = atom.Blockquote, "blockquote"
	}
}

func isQuoteContainer(n *html.Node) bool {
	for _, a := range n.Attr {
		switch a.Key {
		case "class":
			for _, c := range strings.Fields(a.Val) {
				switch c {
				case "gmail_quote", "yahoo_quoted", "gmail_quote_container", "protonmail_quote", "zmail_extra":
					return true
				}
			}
		case "id":
			if a.Val == "OLK_SRC_BODY_SECTION" {
				return true
			}
		}
	}
	return false
}

// innerText returns about the first n bytes of the text in a node.
func innerText(n *html.Node, limit int) string {
	var b strings.Builder
	for d := range n.Descendants() {
		if d.Type == html.TextNode {
			b.WriteString(d.Data)
			if b.Len() > limit {
				break
			}
		}
	}
	return b.String()
}

// tagless drops everything between < and >.
func tagless(s string) string {
	var b strings.Builder
	for s != "" {
		i := strings.IndexByte(s, '<')
		if i < 0 {
			b.WriteString(s)
			break
		}
		b.WriteString(s[:i])
		j := strings.IndexByte(s[i:], '>')
		if j < 0 {
			break
		}
		b.WriteByte(' ')
		s = s[i+j+1:]
	}
	return strings.TrimSpace(html.UnescapeString(b.String()))
}
