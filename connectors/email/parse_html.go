package email

import (
	"strings"

	"github.com/inbucket/html2text"
	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// maxQuoteDepth is how deep quotes nest in text made of HTML; each level costs
// a character on every line.
const maxQuoteDepth = 10

// htmlText turns HTML to text. Quoted messages that mail programs mark by class
// or id only become block quotes, so that SplitReply sees them. Headings and
// bold text lose their form: as text they would be framed in stars and dashes.
func htmlText(s string) string {
	doc, err := html.Parse(strings.NewReader(s))
	if err != nil { // e.g. more than 512 open elements
		return tagless(s)
	}
	simplify(doc, 0)
	text, err := html2text.FromHTMLNode(doc)
	if err != nil {
		return tagless(s)
	}
	return text
}

// simplify changes the elements that are shown otherwise than html2text would.
// Forwarded mail is no quote. The parser bounds how deep elements nest.
func simplify(n *html.Node, quotes int) {
	if n.Type == html.ElementNode {
		switch n.DataAtom {
		case atom.Tr:
			n.DataAtom, n.Data = atom.Div, "div" // a row is a line
		case atom.H1, atom.H2, atom.H3:
			n.DataAtom, n.Data = atom.P, "p"
		case atom.A:
			dropDeadLink(n)
		case atom.Div:
			if isQuoteContainer(n) && !strings.Contains(innerText(n, 300), "orward") {
				n.DataAtom, n.Data = atom.Blockquote, "blockquote"
			}
		}
		if n.DataAtom == atom.Blockquote {
			if quotes++; quotes > maxQuoteDepth {
				n.DataAtom, n.Data = atom.Div, "div"
			}
		}
	}
	for kid := n.FirstChild; kid != nil; kid = kid.NextSibling {
		simplify(kid, quotes)
	}
	if !isLook(n) { // then its parent does it
		joinText(n)
	}
}

// joinText makes one text of the pieces that a node's text is in for its look:
// html2text puts a space between any two, in the middle of a word too.
func joinText(n *html.Node) {
	var kids []*html.Node
	for within := n; ; {
		kid := within.FirstChild
		if kid == nil {
			if within == n {
				break
			}
			within = within.Parent
			within.RemoveChild(within.FirstChild)
			continue
		}
		if isLook(kid) {
			within = kid
			continue
		}
		within.RemoveChild(kid)
		if kid.Type != html.CommentNode && kid.DataAtom != atom.Wbr {
			kids = append(kids, kid)
		}
	}
	for len(kids) > 0 {
		first, pieces := kids[0], 1
		if first.Type == html.TextNode {
			var text strings.Builder
			text.WriteString(first.Data)
			for ; pieces < len(kids) && kids[pieces].Type == html.TextNode; pieces++ {
				text.WriteString(kids[pieces].Data)
			}
			first.Data = text.String()
		}
		n.AppendChild(first)
		kids = kids[pieces:]
	}
}

// isLook tells whether an element changes only how its text looks.
func isLook(n *html.Node) bool {
	switch n.DataAtom {
	case atom.Span, atom.Font, atom.B, atom.Strong, atom.I, atom.Em, atom.U, atom.S, atom.Strike, atom.Small, atom.Big,
		atom.Mark, atom.Ins, atom.Bdi, atom.Bdo, atom.Abbr, atom.Cite, atom.Code, atom.Tt, atom.Sub, atom.Sup:
		return n.Type == html.ElementNode
	}
	return false
}

// dropDeadLink leaves only the words of a link that leads nowhere from a text:
// to a place in its own page, or to a script.
func dropDeadLink(n *html.Node) {
	for _, a := range n.Attr {
		if a.Key != "href" {
			continue
		}
		scheme, _, _ := strings.Cut(strings.ToLower(strings.TrimSpace(a.Val)), ":")
		switch scheme {
		case "http", "https", "mailto", "tel", "sms", "ftp":
		default:
			n.DataAtom, n.Data, n.Attr = atom.Span, "span", nil
			return
		}
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
