// Package safehtml makes HTML written by strangers safe to show, HTML written by
// agents safe to send, and turns HTML into plain text and back.
//
// It is pure: no I/O, nothing on disk, no state. Sanitising is one of several
// walls: what Message returns is still meant for a sandboxed frame under its own
// Content-Security-Policy. All functions take linear time, whatever the nesting
// of their input, and their output is well nested.
package safehtml

import (
	"net/url"
	"regexp"
	"strings"

	"github.com/microcosm-cc/bluemonday"
	"golang.org/x/net/html"
)

const (
	// MaxInput is how much of a body is looked at, in bytes; the rest is cut.
	MaxInput = 4 << 20
	// maxDepth is how deep elements may nest; the tags of deeper ones are left
	// out, their content stays.
	maxDepth = 200
	// maxData is the longest picture inside the HTML itself, in bytes of URL.
	maxData = 2 << 20
)

// Options for Message.
type Options struct {
	// Images keeps pictures that lie elsewhere, by way of Proxy. Without it, or
	// without Proxy, only their alt texts stay.
	Images bool
	Proxy  func(remote string) string
	// Link gives the address of the part with this Content-ID. Pictures that it
	// does not know are left out.
	Link func(cid string) (url string, ok bool)
	// HideQuotes leaves out the quoted earlier message, unless the mail is
	// nothing else.
	HideQuotes bool
}

// Message sanitises the HTML body of a received message: no scripts, forms,
// frames, style sheets, event handlers or positioned elements survive; links
// open in a new window and tell nobody where they were followed from.
func Message(body string, o Options) string {
	clean := messagePolicy.Sanitize(cut(body))
	if o.HideQuotes {
		if shown := rewrite(clean, o.messageTag, true); strings.TrimSpace(Text(shown)) != "" {
			return shown
		}
	}
	return rewrite(clean, o.messageTag, false)
}

// HasRemote reports whether body has pictures that Message would show only with
// Options.Images.
func HasRemote(body string) bool { return remoteImage.MatchString(cut(body)) }

var remoteImage = regexp.MustCompile(`(?i)<img\b[^>]*\bsrc\s*=\s*["']?\s*https?:`)

// Editor sanitises what an agent wrote: text with simple formatting, lists,
// quotes, links, pictures that are attached (src="cid:…"), and people who are named
// (see Unmention).
func Editor(body string) string {
	return rewrite(editorPolicy.Sanitize(cut(body)), editorTag, false)
}

var mention = regexp.MustCompile(`<span data-mention="[^"]*"`)

// Unmention leaves of the people that Editor's HTML names, <span data-mention="HANDLE">,
// only the words.
func Unmention(body string) string { return mention.ReplaceAllString(body, "<span") }

func cut(s string) string {
	if len(s) > MaxInput {
		return s[:MaxInput]
	}
	return s
}

// messageTag finishes a start tag that the policy let through; false leaves it
// out.
func (o Options) messageTag(t *html.Token) bool {
	switch t.Data {
	case "a":
		href, ok := attr(t, "href")
		if !ok {
			return true
		}
		if !linkScheme(href) {
			drop(t, "href")
			return true
		}
		t.Attr = append(t.Attr, html.Attribute{Key: "target", Val: "_blank"}, html.Attribute{Key: "rel", Val: "noopener noreferrer nofollow"})
	case "img":
		src, ok := attr(t, "src")
		if ok {
			src, ok = o.image(src)
		}
		drop(t, "src")
		if ok {
			t.Attr = append(t.Attr, html.Attribute{Key: "src", Val: src}, html.Attribute{Key: "loading", Val: "lazy"})
		} else if alt, _ := attr(t, "alt"); strings.TrimSpace(alt) == "" {
			return false // nothing to show
		}
	}
	return true
}

// image says where a picture is fetched from, if at all.
func (o Options) image(src string) (string, bool) {
	scheme, rest, _ := strings.Cut(src, ":")
	switch strings.ToLower(scheme) {
	case "data":
		return src, len(src) <= maxData
	case "cid":
		if o.Link == nil {
			return "", false
		}
		if id, err := url.PathUnescape(rest); err == nil {
			rest = id
		}
		return o.Link(strings.Trim(rest, "<>"))
	case "http", "https":
		if !o.Images || o.Proxy == nil {
			return "", false
		}
		return o.Proxy(src), true
	}
	return "", false
}

// editorTag finishes a start tag of an agent's text.
func editorTag(t *html.Token) bool {
	switch t.Data {
	case "a":
		if href, ok := attr(t, "href"); ok && !linkScheme(href) {
			drop(t, "href")
		}
	case "img":
		src, _ := attr(t, "src")
		return strings.HasPrefix(strings.ToLower(src), "cid:")
	}
	return true
}

// linkScheme reports whether a link may stay. What has no scheme would lead
// into the hub.
func linkScheme(href string) bool {
	scheme, _, ok := strings.Cut(href, ":")
	if !ok {
		return false
	}
	switch strings.ToLower(scheme) {
	case "http", "https", "mailto", "tel", "sms":
		return true
	}
	return false
}

func attr(t *html.Token, key string) (string, bool) {
	for _, a := range t.Attr {
		if a.Key == key {
			return a.Val, true
		}
	}
	return "", false
}

func drop(t *html.Token, key string) {
	kept := t.Attr[:0]
	for _, a := range t.Attr {
		if a.Key != key {
			kept = append(kept, a)
		}
	}
	t.Attr = kept
}

var (
	messagePolicy = newMessagePolicy()
	editorPolicy  = newEditorPolicy()
)

// quoteMark is what tells a quoted message from other text; rewrite takes the
// marks out again.
var quoteMark = regexp.MustCompile(`^(gmail_quote.*|gmail_attr|moz-cite-prefix|yahoo_quoted|protonmail_quote|zmail_extra|cite|divRplyFwdMsg|appendonsend|OLK_SRC_BODY_SECTION)$`)

func newMessagePolicy() *bluemonday.Policy {
	p := bluemonday.NewPolicy()
	elements := []string{
		"a", "abbr", "acronym", "address", "article", "aside", "b", "bdi", "bdo", "big", "blockquote", "br",
		"caption", "center", "cite", "code", "col", "colgroup", "dd", "del", "details", "dfn", "div", "dl", "dt",
		"em", "figcaption", "figure", "font", "footer", "h1", "h2", "h3", "h4", "h5", "h6", "header", "hr", "i",
		"img", "ins", "kbd", "li", "main", "mark", "nav", "ol", "p", "pre", "q", "rp", "rt", "ruby", "s", "samp",
		"section", "small", "span", "strike", "strong", "sub", "summary", "sup", "table", "tbody", "td", "tfoot",
		"th", "thead", "time", "tr", "tt", "u", "ul", "var", "wbr",
	}
	p.AllowElements(elements...)
	p.AllowNoAttrs().OnElements(elements...)
	// Their content is not text for readers. (The policy skips style, script
	// and frames by itself.)
	p.SkipElementsContent("title", "svg", "math", "xmp", "template", "audio", "video", "canvas", "select")

	p.AllowAttrs("dir").Matching(regexp.MustCompile(`(?i)^(ltr|rtl|auto)$`)).Globally()
	p.AllowAttrs("lang").Matching(regexp.MustCompile(`^[A-Za-z0-9-]{1,35}$`)).Globally()
	p.AllowAttrs("title", "alt").Globally()
	p.AllowAttrs("class", "id", "type").Matching(quoteMark).OnElements("div", "blockquote", "span")
	p.AllowAttrs("align", "valign").Matching(word).Globally()
	p.AllowAttrs("bgcolor", "color").Matching(color).Globally()
	p.AllowAttrs("width", "height", "cellpadding", "cellspacing", "border", "size", "start", "colspan", "rowspan", "span").Matching(number).Globally()
	p.AllowAttrs("face").Matching(regexp.MustCompile(`^[\pL\pN ,'"_-]+$`)).OnElements("font")
	p.AllowAttrs("nowrap").Matching(regexp.MustCompile(`(?i)^(nowrap)?$`)).OnElements("td", "th")
	p.AllowAttrs("type").Matching(regexp.MustCompile(`^[1aAiI]$|^(disc|circle|square)$`)).OnElements("ol", "ul", "li")

	p.RequireParseableURLs(true)
	p.AllowURLSchemes("http", "https", "mailto", "tel", "sms", "cid")
	p.AllowAttrs("href").OnElements("a")
	p.AllowAttrs("src").OnElements("img")
	p.AllowURLSchemeWithCustomPolicy("data", func(u *url.URL) bool { return dataImage.MatchString(u.Opaque) })

	p.AllowStyles(styles...).MatchingHandler(safeValue).Globally()
	return p
}

func newEditorPolicy() *bluemonday.Policy {
	p := bluemonday.NewPolicy()
	elements := []string{"a", "b", "blockquote", "br", "code", "del", "div", "em", "i", "img", "li", "ol", "p", "pre", "s", "span", "strong", "u", "ul"}
	p.AllowAttrs("data-mention").Matching(regexp.MustCompile(`^[a-z]{1,20}:[A-Za-z0-9/._+@-]{1,200}$`)).OnElements("span")
	p.AllowElements(elements...)
	p.AllowNoAttrs().OnElements(elements...)
	p.SkipElementsContent("title", "svg", "math", "xmp", "template")
	p.AllowAttrs("dir").Matching(regexp.MustCompile(`^(ltr|rtl|auto)$`)).Globally()
	p.AllowAttrs("alt").OnElements("img")
	p.AllowAttrs("width", "height").Matching(number).OnElements("img")
	p.AllowAttrs("start").Matching(number).OnElements("ol")
	p.RequireParseableURLs(true)
	p.AllowURLSchemes("http", "https", "mailto", "tel", "sms", "cid")
	p.AllowAttrs("href").OnElements("a")
	p.AllowAttrs("src").OnElements("img")
	return p
}

var (
	word      = regexp.MustCompile(`^[A-Za-z]{1,20}$`)
	number    = regexp.MustCompile(`^[+-]?[0-9]{1,5}(\.[0-9]{1,4})?(px|%|em|pt)?$`)
	color     = regexp.MustCompile(`^(#?[0-9A-Fa-f]{3,8}|[A-Za-z]{1,30}|rgba?\([0-9., %]{1,40}\))$`)
	dataImage = regexp.MustCompile(`^image/(png|jpe?g|gif|webp|avif|bmp);base64,[A-Za-z0-9+/=%\s]*$`)
)
