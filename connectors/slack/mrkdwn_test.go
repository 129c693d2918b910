package slack

import (
	"strings"
	"testing"
	"unicode/utf8"

	"golang.org/x/net/html"

	"throughline/message"
)

var someNames = names{
	person:  func(id string) string { return map[string]string{"U1": "Ann <b>", "U2": "ایمان"}[id] },
	channel: func(id string) string { return map[string]string{"C1": "help"}[id] },
}

func TestRender(t *testing.T) {
	for _, tt := range []struct{ in, text, html string }{
		{"plain", "plain", ""},
		{"سلام، حال شما چطور است؟", "سلام، حال شما چطور است؟", ""},
		{"نیم\u200cفاصله *مهم*", "نیم\u200cفاصله مهم", "نیم\u200cفاصله <strong>مهم</strong>"},
		{"สวัสดี _ครับ_", "สวัสดี ครับ", "สวัสดี <em>ครับ</em>"},
		{"a &lt;b&gt; &amp;amp; c", "a <b> &amp; c", ""},
		{"two\nlines", "two\nlines", ""},
		{"*bold* _italic_ ~gone~ `code`", "bold italic gone code", "<strong>bold</strong> <em>italic</em> <s>gone</s> <code>code</code>"},
		{"*_both_*", "both", "<strong><em>both</em></strong>"},
		{"2*3*4 and snake_case_name ~/bin", "2*3*4 and snake_case_name ~/bin", ""},
		{"* not bold * and ** nor this", "* not bold * and ** nor this", ""},
		{"*open", "*open", ""},
		{"`*not bold* &amp; <https://example.com/|x>`", "*not bold* & x", "<code>*not bold* &amp; x</code>"},
		{"see <https://example.com/a?b=1&amp;c=2>", "see https://example.com/a?b=1&c=2", `see <a href="https://example.com/a?b=1&amp;c=2">https://example.com/a?b=1&amp;c=2</a>`},
		{"<https://example.com/|the page>", "the page (https://example.com/)", `<a href="https://example.com/">the page</a>`},
		{"<http://example.com|example.com>", "example.com", `<a href="http://example.com">example.com</a>`},
		{"<mailto:ann@example.com|ann@example.com>", "ann@example.com", `<a href="mailto:ann@example.com">ann@example.com</a>`},
		{"<tel:+15555550100>", "+15555550100", `<a href="tel:+15555550100">+15555550100</a>`},
		{"<javascript:alert(1)|click>", "click", ""},
		{"<@U1> and <@U2|x> and <@U9|zoe> and <@U8>", "@Ann <b> and @ایمان and @zoe and @U8", ""},
		{"<#C1> <#C2|other> <#C3|>", "#help #other #C3", ""},
		{"<!here> <!channel|@channel> <!subteam^S1|@team> <!subteam^S2>", "@here @channel @team @S2", ""},
		{"<!date^1392734382^{date}|Feb 18>", "Feb 18", ""},
		{"<!date^1392734382^{date}>", "?", ""},
		{"done :+1: :wave::skin-tone-3: :our_own:", "done 👍 👋🏼 :our_own:", ""},
		{"at 12:100:30", "at 12:100:30", ""},
		{"&gt; quoted\n&gt; more\nmine", "> quoted\n> more\nmine", "<blockquote>quoted<br>more</blockquote>mine"},
		{"• one\n• two\nend", "• one\n• two\nend", "<ul><li>one</li><li>two</li></ul>end"},
		{"see\n```x &lt; 1\n  y *no*```\nend", "see\nx < 1\n  y *no*\nend", "see<pre>x &lt; 1\n  y *no*</pre>end"},
		{"```open", "```open", ""},
		{"a < b", "a < b", ""},
		{"<", "<", ""},
		{"<>", "<>", ""},
		{"<|x> <@> <#|> <!>", "x @ # @", ""},
		{"*<https://example.com/x_y|a_b>*", "a_b (https://example.com/x_y)", `<strong><a href="https://example.com/x_y">a_b</a></strong>`},
		{"broken \xff utf8", "broken \ufffd utf8", ""},
	} {
		got := render(tt.in, someNames)
		if !got.rich {
			got.html = ""
		}
		if got.text != tt.text || got.html != tt.html {
			t.Errorf("%q:\n text %q, want %q\n html %q, want %q", tt.in, got.text, tt.text, got.html, tt.html)
		}
	}
}

func TestMarkup(t *testing.T) {
	for _, tt := range []struct{ html, want string }{
		{"<p>plain &amp; simple &lt;!channel&gt;</p>", "plain &amp; simple &lt;!channel&gt;"},
		{"<p>one</p><p>two</p>", "one\n\ntwo"},
		{"<p>one<br>two</p><p></p><p>three</p>", "one\ntwo\n\nthree"},
		{"<p><strong>bold</strong> and <em>italic</em>, <s>gone</s> <code>x *y*</code></p>", "*bold* and _italic_, ~gone~ `x *y*`"},
		{"<p><strong> spaced </strong>out</p>", "*spaced* out"},
		{"<p>in<strong>side</strong> and <strong>out</strong>side</p>", "inside and outside"},
		{"<p><strong><em>both</em></strong></p>", "*_both_*"},
		{"<p><strong>two<br>lines</strong></p>", "*two*\n*lines*"},
		{`<p><a href="https://example.com/?a=1&amp;b=2">here</a></p>`, "<https://example.com/?a=1&amp;b=2|here>"},
		{`<p><a href="https://example.com/">https://example.com/</a></p>`, "<https://example.com/>"},
		{`<p><a href="javascript:alert(1)">here</a> <a href="https://example.com/|x">there</a></p>`, "here there"},
		{`<p><a href="https://example.com/">a|b</a></p>`, "<https://example.com/|a¦b>"},
		{"<ul><li>one</li><li><p>two</p><ul><li>deep</li></ul></li></ul><ol><li>first</li><li>second</li></ol>", "• one\n• two\n    • deep\n1. first\n2. second"},
		{"<blockquote><p>said</p><p>more</p></blockquote><p>answer</p>", "> said\n> more\nanswer"},
		{"<pre><code>if x &lt; 1 {\n  y()\n}</code></pre><p>end</p>", "```\nif x &lt; 1 {\n  y()\n}\n```\nend"},
		{"<h2>Title</h2><p>text</p>", "*Title*\ntext"},
		{"<p>سلام <strong>دنیا</strong></p>", "سلام *دنیا*"},
		{`<p>see <img src="cid:1" alt="a picture"></p><script>x</script>`, "see a picture"},
		{`<p>ask <span data-mention="slack:T1/U2">@Ann</span> please</p>`, "ask <@U2> please"},
		{`<p><span data-mention="slack:T1/U2><!channel>">@Ann</span></p>`, "@Ann"},
		{`<p><span data-mention="mailto:ann@example.org">@Ann</span></p>`, "@Ann"},
		{"  ", ""},
	} {
		if got := markup(message.Message{HTML: tt.html, Text: ""}); got != tt.want {
			t.Errorf("%s:\n got %q\nwant %q", tt.html, got, tt.want)
		}
	}
	if got := markup(message.Message{Text: " a < b & c\r\nd "}); got != "a &lt; b &amp; c\nd" {
		t.Errorf("plain text: %q", got)
	}
}

// FuzzRender: any markup gives clean text and well-nested HTML of few elements.
func FuzzRender(f *testing.F) {
	for _, s := range []string{"*a _b_ ~c~ `d`*", "<https://example.com|x> <@U1> <#C1> <!here>", "&gt; q\n• i\n```p```", ":+1:", "<javascript:x|<b>>", "&lt;script&gt;"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		r := render(s, someNames)
		if !utf8.ValidString(r.text) || !utf8.ValidString(r.html) || strings.ContainsRune(r.text, 0) {
			t.Errorf("not clean: %q", r.text)
		}
		z := html.NewTokenizer(strings.NewReader(r.html))
		var open []string
		for {
			tt := z.Next()
			if tt == html.ErrorToken {
				break
			}
			tok := z.Token()
			switch tt {
			case html.StartTagToken:
				switch tok.Data {
				case "br":
					continue
				case "strong", "em", "s", "code", "pre", "blockquote", "ul", "li":
				case "a":
					if h := tok.Attr[0].Val; len(tok.Attr) != 1 || !strings.HasPrefix(h, "http") && !strings.HasPrefix(h, "mailto:") && !strings.HasPrefix(h, "tel:") &&
						!strings.HasPrefix(strings.ToLower(h), "http") && !strings.HasPrefix(strings.ToLower(h), "mailto:") && !strings.HasPrefix(strings.ToLower(h), "tel:") {
						t.Errorf("address %q", h)
					}
				default:
					t.Errorf("element %q in %q", tok.Data, r.html)
				}
				open = append(open, tok.Data)
			case html.EndTagToken:
				if len(open) == 0 || open[len(open)-1] != tok.Data {
					t.Fatalf("badly nested: %q", r.html)
				}
				open = open[:len(open)-1]
			case html.CommentToken, html.DoctypeToken:
				t.Errorf("%v in %q", tt, r.html)
			}
		}
		if len(open) > 0 {
			t.Errorf("left open: %q in %q", open, r.html)
		}
	})
}

// FuzzMarkup: what an agent writes cannot call everybody, and comes back as it was.
func FuzzMarkup(f *testing.F) {
	for _, s := range []string{"<p>hello <b>world</b></p>", "<p>&lt;!channel&gt; <@U1></p>", "<a href='https://example.com/'>x</a>", "<ul><li>a<ol><li>b</ol></ul>", "<pre>x"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		out := markup(message.Message{HTML: s, Text: s})
		for _, bad := range []string{"<!", "<@", "<#"} {
			if strings.Contains(out, bad) && !(bad == "<@" && strings.Contains(s, "data-mention")) {
				t.Errorf("%q became %q", s, out)
			}
		}
		render(out, someNames)
	})
}

func FuzzEvent(f *testing.F) {
	for _, s := range []string{
		`{"type":"event_callback","event_id":"Ev1","event":{"type":"message","channel":"D1","channel_type":"im","user":"U1","text":"hi","ts":"1700000000.000100"}}`,
		`{"event":{"type":"message","subtype":"message_changed","channel":"D1","message":{"user":"U1","text":"x","ts":"1700000000.000100","edited":{"ts":"1700000001.000100"}}}}`,
		`{"event":{"type":"reaction_added","user":"U1","reaction":"+1","item":{"type":"message","channel":"D1","ts":"1700000000.000100"},"event_ts":"1700000002.000100"}}`,
		`{"event":{"type":"user_change","user":{"id":"U1","profile":5}}}`, `{"event":{}}`, `[]`, `{"event":{"type":"message","channel":"D1","ts":5}}`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, payload []byte) {
		c := offline(t)
		o, err := c.event(t.Context(), payload, 1)
		if err != nil {
			t.Fatal(err)
		}
		o.drop()
		for _, m := range o.Messages {
			if m.Key == "" || m.Source == "" || m.From.Handle == "" || m.Raw == nil {
				t.Errorf("incomplete: %+v", m)
			}
			again, err := c.Read(m.Raw, m.Source)
			if err != nil || again.Key != m.Key || again.Text != m.Text {
				t.Errorf("read again: %+v, %v", again, err)
			}
		}
		for _, x := range o.Held {
			if x.Source == "" || x.Reason == "" {
				t.Errorf("%+v", x)
			}
		}
		readFrame(payload)
		_, _ = c.Read(message.Bytes(payload), "slack:T1/D1/1700000000.000100")
	})
}
