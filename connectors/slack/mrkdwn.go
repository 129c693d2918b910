package slack

import (
	"html"
	"net/url"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Slack's own markup ("mrkdwn"), as messages come with it: turned into plain text
// and into HTML. See docs.slack.dev/messaging/formatting-message-text.

const (
	// maxDepth is how deep marks may lie in each other; deeper ones stay as typed.
	maxDepth = 8
	// maxSpan is how far the end of a mark is looked for, in bytes.
	maxSpan = 4 << 10
)

// names tells how people and channels are called; "" if it does not know.
type names struct{ person, channel func(id string) string }

// rendered is a text in the two forms.
type rendered struct {
	text, html string
	rich       bool // the HTML says more than the text
}

type renderer struct {
	names
	text, html strings.Builder
	rich       bool
}

// render turns markup into plain text and HTML.
func render(markup string, n names) rendered {
	r := &renderer{names: n}
	markup = strings.ReplaceAll(strings.ToValidUTF8(markup, "\ufffd"), "\r\n", "\n")
	markup = strings.ReplaceAll(markup, "\x00", "\ufffd")
	r.blocks(markup)
	return rendered{text: strings.TrimRight(r.text.String(), " \n"), html: r.html.String(), rich: r.rich}
}

// blocks takes out preformatted text, and the lines between.
func (r *renderer) blocks(s string) {
	for s != "" {
		before, rest, ok := strings.Cut(s, "```")
		code, after, closed := "", "", false
		if ok {
			code, after, closed = strings.Cut(rest, "```")
		}
		if !closed || code == "" {
			r.lines(s)
			return
		}
		r.lines(strings.TrimSuffix(before, "\n"))
		if before != "" && r.text.Len() > 0 && !strings.HasSuffix(r.text.String(), "\n") {
			r.text.WriteByte('\n')
		}
		code = r.plain(strings.Trim(code, "\n"))
		r.rich = true
		r.text.WriteString(code + "\n")
		r.html.WriteString("<pre>" + html.EscapeString(code) + "</pre>")
		s = strings.TrimPrefix(after, "\n")
	}
}

// bullets are what Slack and people write before the items of a list.
var bullets = []string{"• ", "◦ ", "▪︎ ", "- "}

// lines writes quotes, lists and plain lines.
func (r *renderer) lines(s string) {
	if s == "" {
		return
	}
	open := "" // the HTML element that is open
	to := func(tag string) {
		if open == tag {
			return
		}
		if open != "" {
			r.html.WriteString("</" + open + ">")
		}
		if open = tag; tag != "" {
			r.rich = true
			r.html.WriteString("<" + tag + ">")
		}
	}
	fresh := true // nothing stands in the open element yet
	for line := range strings.SplitSeq(s, "\n") {
		was := open
		switch quote, item := quoteLine(line), bulletLine(line); {
		case quote >= 0:
			to("blockquote")
			if was == open {
				r.html.WriteString("<br>")
			}
			r.text.WriteString("> ")
			r.inline(line[quote:], 0)
		case item >= 0:
			to("ul")
			r.text.WriteString(line[:item])
			r.html.WriteString("<li>")
			r.inline(line[item:], 0)
			r.html.WriteString("</li>")
		default:
			to("")
			if was == "" && !fresh {
				r.html.WriteString("<br>")
			}
			r.inline(line, 0)
		}
		fresh = false
		r.text.WriteByte('\n')
	}
	to("")
}

// quoteLine is where a quoted line begins behind its mark, -1 if it is none.
func quoteLine(line string) int {
	for _, mark := range []string{"&gt; ", "&gt;", "> "} {
		if strings.HasPrefix(line, mark) {
			return len(mark)
		}
	}
	return -1
}

func bulletLine(line string) int {
	indent := len(line) - len(strings.TrimLeft(line, " "))
	for _, b := range bullets {
		if strings.HasPrefix(line[indent:], b) {
			return indent + len(b)
		}
	}
	return -1
}

// marks are Slack's, with the HTML element of each.
var marks = map[byte]string{'*': "strong", '_': "em", '~': "s", '`': "code"}

// inline writes one line.
func (r *renderer) inline(s string, depth int) {
	start := 0 // of what is not written yet
	flush := func(to int) {
		r.say(s[start:to])
		start = to
	}
	for i := 0; i < len(s); {
		switch ch := s[i]; ch {
		case '<':
			end := strings.IndexByte(s[i:min(len(s), i+maxSpan)], '>')
			if end < 2 {
				i++
				continue
			}
			flush(i)
			r.reference(s[i+1 : i+end])
			i += end + 1
			start = i
		case '*', '_', '~', '`':
			end := closing(s, i)
			if end < 0 || depth >= maxDepth {
				i++
				continue
			}
			flush(i)
			tag := marks[ch]
			r.rich = true
			r.html.WriteString("<" + tag + ">")
			if ch == '`' {
				code := r.plain(s[i+1 : end])
				r.text.WriteString(code)
				r.html.WriteString(html.EscapeString(code))
			} else {
				r.inline(s[i+1:end], depth+1)
			}
			r.html.WriteString("</" + tag + ">")
			i = end + 1
			start = i
		default:
			i++
		}
	}
	flush(len(s))
}

// closing is where the mark at i ends, -1 if it is no mark: it stands at the
// border of a word on both sides, and encloses something.
func closing(s string, i int) int {
	ch := s[i]
	before, _ := utf8.DecodeLastRuneInString(s[:i])
	if i > 0 && (wordy(before) || before == rune(ch)) {
		return -1
	}
	for j := i + 1; j < len(s) && j < i+maxSpan; j++ {
		if s[j] == '<' && ch != '`' { // marks inside of references are none
			if end := strings.IndexByte(s[j:min(len(s), j+maxSpan)], '>'); end > 0 {
				j += end
				continue
			}
		}
		if s[j] != ch {
			continue
		}
		inner := s[i+1 : j]
		first, _ := utf8.DecodeRuneInString(inner)
		last, _ := utf8.DecodeLastRuneInString(inner)
		after, _ := utf8.DecodeRuneInString(s[j+1:])
		if inner == "" || ch != '`' && (unicode.IsSpace(first) || unicode.IsSpace(last)) || j+1 < len(s) && (wordy(after) || after == rune(ch)) {
			if inner == "" {
				return -1
			}
			continue
		}
		return j
	}
	return -1
}

func wordy(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) }

var unescape = strings.NewReplacer("&lt;", "<", "&gt;", ">", "&amp;", "&")

// say writes text without marks.
func (r *renderer) say(s string) {
	s = emojis(unescape.Replace(s))
	r.text.WriteString(s)
	r.html.WriteString(html.EscapeString(s))
}

// plain is the text of code: references in it are shown as what they name.
func (r *renderer) plain(s string) string {
	var b strings.Builder
	for {
		i := strings.IndexByte(s, '<')
		end := -1
		if i >= 0 {
			end = strings.IndexByte(s[i:], '>')
		}
		if i < 0 || end < 2 {
			b.WriteString(unescape.Replace(s))
			return b.String()
		}
		b.WriteString(unescape.Replace(s[:i]))
		shown, _, _ := r.resolve(s[i+1 : i+end])
		b.WriteString(shown)
		s = s[i+end+1:]
	}
}

// reference writes what stands between < and >.
func (r *renderer) reference(s string) {
	shown, href, kind := r.resolve(s)
	if kind == '@' || kind == '#' || kind == '!' {
		r.text.WriteString(shown)
		r.html.WriteString(html.EscapeString(shown))
		return
	}
	if href == "" {
		r.text.WriteString(shown)
		r.html.WriteString(html.EscapeString(shown))
		return
	}
	r.rich = true
	r.html.WriteString(`<a href="` + html.EscapeString(href) + `">` + html.EscapeString(shown) + "</a>")
	r.text.WriteString(shown)
	bare := strings.TrimPrefix(strings.TrimPrefix(href, "mailto:"), "tel:")
	if shown != bare && shown != href && strings.TrimSuffix(bare, "/") != "http://"+shown && strings.TrimSuffix(bare, "/") != "https://"+shown {
		r.text.WriteString(" (" + bare + ")")
	}
}

// resolve tells how a reference is shown and where it leads.
func (r *renderer) resolve(s string) (shown, href string, kind byte) {
	target, label, _ := strings.Cut(s, "|")
	label = emojis(unescape.Replace(label))
	or := func(list ...string) string {
		for _, v := range list {
			if v != "" {
				return v
			}
		}
		return ""
	}
	if target == "" {
		return or(label, "<"+s+">"), "", 0
	}
	switch kind = target[0]; kind {
	case '@':
		id := target[1:]
		name := ""
		if r.person != nil {
			name = r.person(id)
		}
		return "@" + or(name, strings.TrimPrefix(label, "@"), id), "", kind
	case '#':
		id := target[1:]
		name := ""
		if r.channel != nil {
			name = r.channel(id)
		}
		return "#" + or(strings.TrimPrefix(label, "#"), name, id), "", kind
	case '!':
		name, rest, _ := strings.Cut(target[1:], "^")
		switch name {
		case "date":
			_ = rest // the fallback says it in the sender's words
			return or(label, "?"), "", kind
		case "subteam":
			return "@" + or(strings.TrimPrefix(label, "@"), rest), "", kind
		}
		return "@" + or(strings.TrimPrefix(label, "@"), name), "", kind
	}
	to := unescape.Replace(target)
	u, err := url.Parse(to)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" && u.Scheme != "mailto" && u.Scheme != "tel" {
		return or(label, to), "", kind // not an address that we would open
	}
	return or(label, strings.TrimPrefix(strings.TrimPrefix(to, "mailto:"), "tel:")), to, kind
}

// mentioned are the IDs of people and channels that a text refers to.
func mentioned(markup string, limit int) (people, channels []string) {
	for len(people)+len(channels) < limit {
		i := strings.IndexByte(markup, '<')
		if i < 0 || i+1 >= len(markup) {
			return people, channels
		}
		markup = markup[i+1:]
		id, _, _ := strings.Cut(markup, ">")
		id, label, _ := strings.Cut(id, "|")
		switch {
		case strings.HasPrefix(id, "@") && memberForm(id[1:]):
			people = append(people, id[1:])
		case strings.HasPrefix(id, "#") && idForm.MatchString(id[1:]) && label == "":
			channels = append(channels, id[1:])
		}
	}
	return people, channels
}
