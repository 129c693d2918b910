package safehtml

import (
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

func testOptions(images, hide bool) Options {
	return Options{
		Images: images, HideQuotes: hide,
		Link: func(cid string) (string, bool) {
			if cid == "logo@example.org" {
				return "/api/blobs/abc/logo.png", true
			}
			return "", false
		},
		Proxy: func(remote string) string { return "/api/image?url=" + html.EscapeString(remote) },
	}
}

func TestMessage(t *testing.T) {
	tests := []struct{ name, in, want string }{
		{"formatting stays", `<p style="color:#333">Hi <b>Ann</b></p>`, `<p style="color: #333">Hi <b>Ann</b></p>`},
		{"direction stays", `<div dir="rtl" lang="fa">سلام</div>`, `<div dir="rtl" lang="fa">سلام</div>`},
		{"table stays", `<table width="600" cellpadding=0><tr><td align=center bgcolor="#fff">x</td></tr></table>`, `<table width="600" cellpadding="0"><tr><td align="center" bgcolor="#fff">x</td></tr></table>`},
		{"script goes with its text", `a<script>alert(1)</script>b`, `ab`},
		{"style sheet goes with its text", `a<style>p{background:url(http://e)}</style>b`, `ab`},
		{"handler goes", `<p onclick="x()" onmouseover=y>t</p>`, `<p>t</p>`},
		{"javascript link", `<a href="javascript:alert(1)">t</a>`, `<a>t</a>`},
		{"javascript link, spelled out", "<a href=\"java\tscript&colon;alert(1)\">t</a>", `<a>t</a>`},
		{"data link", `<a href="data:image/png;base64,AAAA">t</a>`, `<a>t</a>`},
		{"relative link would lead into the hub", `<a href="/api/session">t</a>`, `<a>t</a>`},
		{"web link", `<a href="https://example.org/a?b=c&amp;d=e">t</a>`, `<a href="https://example.org/a?b=c&amp;d=e" target="_blank" rel="noopener noreferrer nofollow">t</a>`},
		{"mail link", `<a href="mailto:ann@example.org">t</a>`, `<a href="mailto:ann@example.org" target="_blank" rel="noopener noreferrer nofollow">t</a>`},
		{"form goes, text stays", `<form action="https://e.example/"><input name=p><button>Go</button>x</form>`, `Gox`},
		{"frame goes", `<iframe src="https://e.example/">x</iframe>y`, `y`},
		{"object goes", `<object data="x.swf">x</object>y`, `y`},
		{"svg goes", `<svg onload=x><script>1</script></svg>y`, `y`},
		{"math goes", `<math><mtext><table><mglyph><style><img src=x onerror=alert(1)></style></mglyph></table></mtext></math>y`, `y`},
		{"meta and base go", `<base href="https://e.example/"><meta http-equiv=refresh content="0;url=//e">y`, `y`},
		{"positioned element", `<div style="position:fixed;top:0;left:0;color:red">t</div>`, `<div style="color: red">t</div>`},
		{"url in a style", `<div style="background:url(https://e.example/p.gif);color:red">t</div>`, `<div style="color: red">t</div>`},
		{"url in a style, escaped", `<div style="background:u\72l(https://e.example/p.gif)">t</div>`, `<div>t</div>`},
		{"expression in a style", `<div style="width:expression(alert(1))">t</div>`, `<div>t</div>`},
		{"colour call in a style", `<div style="color:rgb(1, 2, 3)">t</div>`, `<div style="color: rgb(1, 2, 3)">t</div>`},
		{"background attribute", `<td background="https://e.example/p.gif">t</td>`, `<td>t</td>`},
		{"own picture", `<img src="cid:logo@example.org" alt="Logo">`, `<img alt="Logo" src="/api/blobs/abc/logo.png" loading="lazy">`},
		{"own picture, encoded", `<img src="cid:logo%40example.org">`, `<img src="/api/blobs/abc/logo.png" loading="lazy">`},
		{"unknown own picture", `a<img src="cid:nope">b`, `ab`},
		{"data picture", `<img src="data:image/png;base64,iVBORw0K">`, `<img src="data:image/png;base64,iVBORw0K" loading="lazy">`},
		{"data document as picture", `a<img src="data:text/html;base64,PHNjcmlwdD4=">b`, `ab`},
		{"svg as data picture", `a<img src="data:image/svg+xml;base64,PHN2Zz4=">b`, `ab`},
		{"remote picture", `a<img src="https://e.example/p.gif" width=1 height=1>b`, `ab`},
		{"remote picture with words", `<img src="https://e.example/p.gif" alt="Offer">`, `<img alt="Offer">`},
		{"picture of the hub", `a<img src="/api/session">b`, `ab`},
		{"srcset", `<img alt=x srcset="https://e.example/2x.gif 2x">`, `<img alt="x">`},
		{"comment", `a<!-- b --><!--[if mso]><p>c</p><![endif]-->d`, `ad`},
		{"open elements are closed", `<div><b>x`, `<div><b>x</b></div>`},
		{"stray ends go", `x</div></b></table>`, `x`},
		{"wrong nesting is mended", `<b><i>x</b>y</i>`, `<b><i>x</i></b>y`},
		{"marks go", `<div class="gmail_quote" id="divRplyFwdMsg">x</div>`, `<div>x</div>`},
		{"text is escaped", `a &lt;script&gt; &amp; b`, `a &lt;script&gt; &amp; b`},
		{"nothing", ``, ``},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := Message(tt.in, testOptions(false, false))
			if got != tt.want {
				t.Errorf("Message(%q)\n got %s\nwant %s", tt.in, got, tt.want)
			}
			check(t, got)
			if again := Message(got, testOptions(false, false)); len(again) > len(got)+1 && !strings.Contains(got, "<img") {
				t.Errorf("not stable: %s", again)
			}
		})
	}
}

func TestMessageImages(t *testing.T) {
	got := Message(`<img src="https://e.example/p.gif?a=1&amp;b=2">`, testOptions(true, false))
	want := `<img src="/api/image?url=https://e.example/p.gif?a=1&amp;amp;b=2" loading="lazy">`
	if got != want {
		t.Errorf("got %s", got)
	}
	o := testOptions(true, false)
	o.Proxy = nil
	if got := Message(`a<img src="https://e.example/p.gif">`, o); got != "a" {
		t.Errorf("without a proxy: got %s", got)
	}
}

func TestHasRemote(t *testing.T) {
	for in, want := range map[string]bool{
		`<IMG alt=x SRC = 'HTTPS://e.example/p.gif'>`: true,
		`<img src="cid:x">`:                           false,
		`<a href="https://example.org">img</a>`:       false,
	} {
		if got := HasRemote(in); got != want {
			t.Errorf("HasRemote(%q) = %v", in, got)
		}
	}
}

func TestHideQuotes(t *testing.T) {
	tests := []struct{ name, in, want string }{
		{"gmail", `<div>Yes.</div><div class="gmail_quote"><div class="gmail_attr">On Monday Bob wrote:</div><blockquote class="gmail_quote">Coming?</blockquote></div>`, `<div>Yes.</div>`},
		{"thunderbird", `<div class="moz-cite-prefix">On Monday:</div><blockquote type="cite"><p>Coming?</p></blockquote><p>Yes.</p>`, `<p>Yes.</p>`},
		{"outlook", `<p>Yes.</p><div id="appendonsend"></div><hr><div id="divRplyFwdMsg">From: Bob</div><p>Coming?</p>`, `<p>Yes.</p>`},
		{"forwarded", `<p>FYI</p><div class="gmail_quote"><div class="gmail_attr">---------- Forwarded message ---------</div>News</div>`, `<p>FYI</p><div><div>---------- Forwarded message ---------</div>News</div>`},
		{"nothing but a quote", `<blockquote type="cite">Coming?</blockquote>`, `<blockquote>Coming?</blockquote>`},
		{"plain quotation", `<blockquote>To be</blockquote><p>or not</p>`, `<blockquote>To be</blockquote><p>or not</p>`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := Message(tt.in, testOptions(false, true))
			if got != tt.want {
				t.Errorf("\n got %s\nwant %s", got, tt.want)
			}
			check(t, got)
		})
	}
}

func TestEditor(t *testing.T) {
	tests := []struct{ in, want string }{
		{`<p dir="auto">Hi <b>Ann</b>,<br>see <a href="https://example.org/">this</a></p>`, `<p dir="auto">Hi <b>Ann</b>,<br>see <a href="https://example.org/">this</a></p>`},
		{`<p style="color:red" class=x>a</p>`, `<p>a</p>`},
		{`<img src="cid:p1"><img src="https://e.example/p.gif"><img src="/api/blobs/x">`, `<img src="cid:p1">`},
		{`<h1>Big</h1><table><tr><td>c</td></tr></table>`, `Bigc`},
		{`<a href="javascript:x">a</a><script>b</script>`, `<a>a</a>`},
		{`<p>ask <span contenteditable="false" data-mention="slack:T1/U2">@Ann</span></p>`, `<p>ask <span data-mention="slack:T1/U2">@Ann</span></p>`},
		{`<span data-mention="slack:T1/U2&quot; onclick=x">@Ann</span>`, `<span>@Ann</span>`},
		{`<ul><li>a<li>b</ul><blockquote>q</blockquote><pre>x  y</pre><code>z</code>`, `<ul><li>a<li>b</ul><blockquote>q</blockquote><pre>x  y</pre><code>z</code>`},
	}
	for _, tt := range tests {
		got := Editor(tt.in)
		if got != tt.want {
			t.Errorf("Editor(%q)\n got %s\nwant %s", tt.in, got, tt.want)
		}
	}
}

func TestUnmention(t *testing.T) {
	in := Editor(`<p>ask <span contenteditable="false" data-mention="slack:T1/U2">@Ann</span>, <b>now</b></p>`)
	if got, want := Unmention(in), `<p>ask <span>@Ann</span>, <b>now</b></p>`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestText(t *testing.T) {
	tests := []struct{ name, in, want string }{
		{"paragraphs", `<p>One</p><p>Two<br>three</p>`, "One\n\nTwo\nthree"},
		{"divs are lines", `<div>One</div><div>Two</div><div><br></div><div>Three</div>`, "One\nTwo\n\nThree"},
		{"white space is folded", "a \n\t b&nbsp;&nbsp;c", "a b c"},
		{"words of inline elements join", `in<b>put</b>, ok`, "input, ok"},
		{"lists", `<ul><li>a</li><li>b</li></ul>`, "- a\n- b"},
		{"tables", `<table><tr><td>a</td><td>b</td></tr><tr><td>c</td></tr></table>`, "a b\nc"},
		{"quotes", `<p>Yes</p><blockquote>Who?<br>When?<blockquote>Old</blockquote></blockquote><p>End</p>`, "Yes\n\n> Who?\n> When?\n>> Old\n\nEnd"},
		{"links", `See <a href="https://example.org/x">the page</a> or <a href="https://example.org/">example.org</a>`, "See the page <https://example.org/x> or example.org"},
		{"pictures", `<img alt="Logo" src=x>text`, "Logotext"},
		{"unread parts", `<html><head><title>T</title><style>x{}</style></head><body>b<script>s</script></body>`, "b"},
		{"head without an end", `<head><title>T</title><body>b`, "b"},
		{"preformatted", "<pre>a  b\n  c</pre>d", "a  b\n  c\nd"},
		{"zero-width joiners stay", "می\u200cخواهم", "می\u200cخواهم"},
		{"Thai", `<p>สวัสดี<b>ครับ</b></p>`, "สวัสดีครับ"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := Text(tt.in); got != tt.want {
				t.Errorf("Text(%q)\n got %q\nwant %q", tt.in, got, tt.want)
			}
		})
	}
}

func TestFromText(t *testing.T) {
	tests := []struct{ in, want string }{
		{"One\nTwo\r\n\r\n\nThree <b>", `<p dir="auto">One<br>Two</p><p dir="auto">Three &lt;b&gt;</p>`},
		{"see https://example.org/a?b=c&d=e.", `<p dir="auto">see <a href="https://example.org/a?b=c&amp;d=e">https://example.org/a?b=c&amp;d=e</a>.</p>`},
		{"(www.example.org/a_(b))", `<p dir="auto">(<a href="https://www.example.org/a_(b)">www.example.org/a_(b)</a>)</p>`},
		{`https://e.example/"onmouseover="x`, `<p dir="auto"><a href="https://e.example/">https://e.example/</a>&#34;onmouseover=&#34;x</p>`},
		{"javascript:alert(1)", `<p dir="auto">javascript:alert(1)</p>`},
		{"", ""},
	}
	for _, tt := range tests {
		if got := FromText(tt.in); got != tt.want {
			t.Errorf("FromText(%q)\n got %s\nwant %s", tt.in, got, tt.want)
		}
	}
}

// TestLinear feeds inputs that cost quadratic time where a scanner looks back
// from every position. It only fails by the test's own time limit.
func TestLinear(t *testing.T) {
	n := MaxInput / 32
	for name, in := range map[string]string{
		"open elements":     strings.Repeat("<b>", n/3),
		"ends without open": strings.Repeat("<i>", 5000) + strings.Repeat("</b>", n/4),
		"pairs":             strings.Repeat("<b><i></b></i>", n/14),
		"paragraphs":        strings.Repeat("<p>", n/3),
		"quotes":            strings.Repeat("<blockquote type=cite>x", n/23),
		"half tags":         strings.Repeat("<a ", n/3),
		"attributes":        "<p " + strings.Repeat("a=b ", 20000) + ">",
		"comments":          strings.Repeat("<!--", n/4),
		"links":             "https://" + strings.Repeat("(", n/2) + strings.Repeat(")", n/2-8),
		"image half":        strings.Repeat("<img ", n/5),
	} {
		t.Run(name, func(t *testing.T) {
			start := time.Now()
			Message(in, testOptions(true, true))
			Editor(in)
			Text(in)
			FromText(in)
			HasRemote(in)
			t.Logf("%d bytes in %v", len(in), time.Since(start).Round(time.Millisecond))
		})
	}
}

// check parses HTML as a browser does and fails on anything that could act.
func check(t testing.TB, out string) {
	t.Helper()
	nodes, err := html.ParseFragment(strings.NewReader(out), &html.Node{Type: html.ElementNode, Data: "body", DataAtom: atom.Body})
	if err != nil {
		t.Fatalf("output does not parse: %v\n%s", err, out)
	}
	allowed := set(strings.Fields(`a abbr acronym address article aside b bdi bdo big blockquote br caption center
		cite code col colgroup dd del details dfn div dl dt em figcaption figure font footer h1 h2 h3 h4 h5 h6 header
		hr i img ins kbd li main mark nav ol p pre q rp rt ruby s samp section small span strike strong sub summary
		sup table tbody td tfoot th thead time tr tt u ul var wbr`)...)
	var walk func(n *html.Node)
	walk = func(n *html.Node) {
		if n.Type == html.ElementNode {
			if !allowed[n.Data] {
				t.Errorf("element %s survived in %s", n.Data, out)
			}
			for _, a := range n.Attr {
				val := strings.ToLower(strings.TrimSpace(a.Val))
				switch {
				case strings.HasPrefix(a.Key, "on"), a.Key == "srcset", a.Key == "background", a.Key == "action", a.Key == "formaction", a.Key == "srcdoc", a.Key == "class", a.Key == "id":
					t.Errorf("attribute %s survived in %s", a.Key, out)
				case a.Key == "href":
					if !linkScheme(val) {
						t.Errorf("link %q survived in %s", a.Val, out)
					}
				case a.Key == "src":
					if !strings.HasPrefix(val, "/api/blobs/") && !strings.HasPrefix(val, "/api/image?") && !strings.HasPrefix(val, "data:image/") {
						t.Errorf("picture %q survived in %s", a.Val, out)
					}
				case a.Key == "style":
					for _, bad := range []string{"url(", "expression(", "position:", "behavior", "import", "@", "\\", "/*"} {
						if strings.Contains(val, bad) {
							t.Errorf("style %q survived in %s", a.Val, out)
						}
					}
				}
			}
		}
		for c := n.FirstChild; c != nil; c = c.NextSibling {
			walk(c)
		}
	}
	for _, n := range nodes {
		walk(n)
	}
}

func FuzzMessage(f *testing.F) {
	for _, s := range []string{
		`<p style="color:red;background:url(x)" onclick=x>a<script>b</script></p>`,
		`<a href="javascript:1">x</a><img src=cid:logo@example.org><img src="http://e/x">`,
		`<div class="gmail_quote"><blockquote type=cite>q</div>`,
		`<svg><style><img src=x onerror=1>`, `<noscript><p title="</noscript><img src=x onerror=1>">`,
		`<table><tr><td>x<form>`, `<select><option><style></select><img src=x onerror=1>`,
		"<a href=\"\x01javascript:x\">", `<img src="data:image/png;base64,AA">`, `<![CDATA[<script>]]>`,
		`<p style="font-family:'a\&quot;;x">`, `<p style="a:b;;}{@import 'x'">`, `<textarea><img title="</textarea><script>">`,
	} {
		f.Add(s, true, false)
	}
	f.Fuzz(func(t *testing.T, in string, images, hide bool) {
		check(t, Message(in, testOptions(images, hide)))
		check(t, strings.ReplaceAll(Editor(in), `src="cid:`, `src="/api/blobs/`))
		check(t, FromText(in))
		Text(in)
	})
}
