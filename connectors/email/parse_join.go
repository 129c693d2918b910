package email

import (
	"html"
	"strings"
)

// joinUnits makes Text and HTML of the units.
func (p *parser) joinUnits() {
	us := p.body.units
	if len(us) == 0 {
		return
	}
	p.m.Text = joinPlain(us)
	for _, u := range us {
		if u.html != "" {
			p.m.HTML = joinHTML(us)
			break
		}
	}
}

// joinPlain joins the plain forms; HTML without one is turned to text.
func joinPlain(us []unit) string {
	if len(us) == 1 && strings.TrimSpace(us[0].plain) != "" {
		return trimLines(us[0].plain)
	}
	var b strings.Builder
	for _, u := range us {
		t := u.plain
		if strings.TrimSpace(t) == "" && u.html != "" {
			t = htmlText(u.html)
		}
		if t = trimLines(t); t == "" {
			continue
		}
		if b.Len() > 0 {
			b.WriteString("\n\n")
		}
		b.WriteString(t)
	}
	return b.String()
}

// trimLines drops the empty lines before a text and the white space after it.
func trimLines(s string) string {
	s = strings.TrimRight(s, " \t\n")
	for {
		line, rest, found := strings.Cut(s, "\n")
		if !found || strings.TrimSpace(line) != "" {
			return s
		}
		s = rest
	}
}

// joinHTML joins the HTML forms; plain text between them is escaped.
func joinHTML(us []unit) string {
	if len(us) == 1 {
		return us[0].html
	}
	var b strings.Builder
	for _, u := range us {
		switch {
		case u.html != "":
			b.WriteString(u.html)
		case strings.TrimSpace(u.plain) != "":
			b.WriteString("<div style=\"white-space:pre-wrap\">" + html.EscapeString(u.plain) + "</div>")
		}
		b.WriteByte('\n')
	}
	return b.String()
}

// normalNewlines makes every line end in "\n" and drops NUL bytes.
func normalNewlines(s string) string {
	if strings.IndexByte(s, 0) >= 0 {
		s = strings.ReplaceAll(s, "\x00", "")
	}
	if strings.IndexByte(s, '\r') < 0 {
		return s
	}
	s = strings.ReplaceAll(s, "\r\n", "\n")
	return strings.ReplaceAll(s, "\r", "\n")
}

// unflow joins the lines of format=flowed (RFC 3676): one that ends in a space
// goes on in the next of the same quote depth. "-- " stands alone.
func unflow(s string, delsp bool) string {
	var b strings.Builder
	b.Grow(len(s))
	depth, flowing := 0, false
	for s != "" {
		line, rest, found := strings.Cut(s, "\n")
		s = rest
		q := 0
		for q < len(line) && line[q] == '>' {
			q++
		}
		text := strings.TrimPrefix(line[q:], " ") // space-stuffing
		fixed := text == "-- " || !strings.HasSuffix(text, " ")
		if flowing && (q != depth || text == "-- ") {
			b.WriteByte('\n')
			flowing = false
		}
		if !flowing && q > 0 {
			b.WriteString(strings.Repeat(">", q) + " ")
		}
		depth = q
		if !fixed && delsp {
			text = text[:len(text)-1]
		}
		b.WriteString(text)
		flowing = !fixed
		if fixed && found {
			b.WriteByte('\n')
		}
	}
	return b.String()
}
