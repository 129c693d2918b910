package demo

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"hash/fnv"
	"html"
	"mime"
	"mime/quotedprintable"
	"net/mail"
	"strings"
	"time"
)

// authServ is the name under which the invented receiving server writes down
// what it found out about the sender (RFC 8601).
const authServ = "mx.larkspur.example.com"

// letter is a mail before it takes its form on the wire.
type letter struct {
	id      string // Message-ID without its angle brackets
	from    person
	to, cc  []person
	subject string
	text    string
	html    string // "" for plain text only
	date    time.Time
	refs    []string // oldest first; the last is what is answered
	files   []file
	auth    string // what authServ says of it: "pass", "fail", "" for mail of ours
	header  []string
}

// file is an attachment, or with a cid a picture within the text.
type file struct {
	name, kind, cid string
	data            []byte
}

// wire is the mail as its server keeps it.
func (l *letter) wire() []byte {
	var b bytes.Buffer
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\r\n", args...) }
	if l.auth != "" {
		line("Return-Path: <%s>", l.from.address)
		line("Received: from %s by %s with ESMTPS; %s", l.from.domain(), authServ, l.date.Format(time.RFC1123Z))
		line("Authentication-Results: %s; dmarc=%s header.from=%s", authServ, l.auth, l.from.domain())
	}
	line("Date: %s", l.date.Format(time.RFC1123Z))
	line("From: %s", mailboxes(l.from))
	line("To: %s", mailboxes(l.to...))
	if len(l.cc) > 0 {
		line("Cc: %s", mailboxes(l.cc...))
	}
	line("Subject: %s", words(l.subject))
	line("Message-ID: <%s>", l.id)
	if n := len(l.refs); n > 0 {
		line("In-Reply-To: <%s>", l.refs[n-1])
		line("References: <%s>", strings.Join(l.refs, ">\r\n <"))
	}
	for _, h := range l.header {
		line("%s", h)
	}
	line("MIME-Version: 1.0")
	e := l.entity()
	b.WriteString(e.head)
	b.WriteString("\r\n")
	b.Write(e.body)
	return b.Bytes()
}

func mailboxes(people ...person) string {
	var list []string
	for _, p := range people {
		list = append(list, (&mail.Address{Name: p.name, Address: p.address}).String())
	}
	return strings.Join(list, ",\r\n ")
}

// words encodes header text (RFC 2047), foreign scripts in base64.
func words(s string) string {
	enc := mime.QEncoding
	if !latin(s) {
		enc = mime.BEncoding
	}
	return strings.ReplaceAll(enc.Encode("utf-8", s), "?= =?", "?=\r\n =?")
}

func latin(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r > 0x24f && (r < 0x2000 || r > 0x206f) })
}

// entity is a MIME part: header lines and body.
type entity struct {
	head string
	body []byte
}

// entity builds the tree: mixed(related(alternative(text, html), pictures), files).
func (l *letter) entity() entity {
	e := textPart("plain", l.text)
	if l.html != "" {
		e = l.multi("alternative", e, textPart("html", l.html))
	}
	var within, beside []entity
	for _, f := range l.files {
		p := entity{head: fmt.Sprintf("Content-Type: %s; name=%q\r\nContent-Transfer-Encoding: base64\r\n", f.kind, f.name), body: base64Lines(f.data)}
		if f.cid != "" {
			p.head += fmt.Sprintf("Content-Disposition: inline; filename=%q\r\nContent-ID: <%s>\r\n", f.name, f.cid)
			within = append(within, p)
		} else {
			p.head += fmt.Sprintf("Content-Disposition: attachment; filename=%q\r\n", f.name)
			beside = append(beside, p)
		}
	}
	if len(within) > 0 {
		e = l.multi("related", append([]entity{e}, within...)...)
	}
	if len(beside) > 0 {
		e = l.multi("mixed", append([]entity{e}, beside...)...)
	}
	return e
}

func (l *letter) multi(kind string, parts ...entity) entity {
	sum := fnv.New64a()
	sum.Write([]byte(kind + l.id))
	boundary := fmt.Sprintf("=_%x", sum.Sum64())
	var b bytes.Buffer
	for _, p := range parts {
		fmt.Fprintf(&b, "--%s\r\n%s\r\n%s\r\n", boundary, p.head, p.body)
	}
	fmt.Fprintf(&b, "--%s--\r\n", boundary)
	return entity{head: fmt.Sprintf("Content-Type: multipart/%s; boundary=%q\r\n", kind, boundary), body: b.Bytes()}
}

func textPart(kind, s string) entity {
	head := "Content-Type: text/" + kind + "; charset=utf-8\r\nContent-Transfer-Encoding: "
	s = strings.ReplaceAll(s, "\n", "\r\n")
	if !latin(s) {
		return entity{head + "base64\r\n", base64Lines([]byte(s))}
	}
	var b bytes.Buffer
	w := quotedprintable.NewWriter(&b)
	_, _ = w.Write([]byte(s)) // into memory: cannot fail
	_ = w.Close()
	return entity{head + "quoted-printable\r\n", b.Bytes()}
}

func base64Lines(data []byte) []byte {
	var b bytes.Buffer
	for s := base64.StdEncoding.EncodeToString(data); s != ""; {
		n := min(76, len(s))
		b.WriteString(s[:n])
		b.WriteString("\r\n")
		s = s[n:]
	}
	return b.Bytes()
}

// paragraphs turns plain text into HTML.
func paragraphs(text string) string {
	var b strings.Builder
	for p := range strings.SplitSeq(strings.Trim(text, "\n"), "\n\n") {
		b.WriteString("<p>" + strings.ReplaceAll(html.EscapeString(p), "\n", "<br>\n") + "</p>\n")
	}
	return b.String()
}

// maxQuote is how much of earlier mail is repeated, in bytes of plain text.
const maxQuote = 4000

// quote repeats a mail below its answer, the way a mail program does it.
func quote(l *language, style int, prev *letter) (text, markup string) {
	old := prev.text
	if len(old) > maxQuote {
		old = strings.ToValidUTF8(old[:maxQuote], "")
	}
	inner := prev.html
	if inner == "" {
		inner = paragraphs(prev.text)
	}
	attribution := l.wrote(style, prev.date, prev.from)
	lines := func(s string) string {
		return strings.ReplaceAll("> "+strings.ReplaceAll(strings.TrimRight(s, "\n"), "\n", "\n> "), "> >", ">>")
	}
	switch style {
	case outlook:
		head := [4][2]string{
			{l.outlook[0], prev.from.name + " <" + prev.from.address + ">"}, {l.outlook[1], prev.date.Format("2006-01-02 15:04")},
			{l.outlook[2], prev.to[0].name + " <" + prev.to[0].address + ">"}, {l.outlook[3], prev.subject},
		}
		text = "________________________________\n"
		markup = `<div style="border-top:solid #e1e1e1 1.0pt;padding:3.0pt 0cm 0cm 0cm"><p>`
		for _, h := range head {
			text += h[0] + ": " + h[1] + "\n"
			markup += "<b>" + h[0] + ":</b> " + html.EscapeString(h[1]) + "<br>\n"
		}
		return text + "\n" + old, markup + "</p></div>\n" + inner
	case gmail:
		return attribution + "\n\n" + lines(old),
			`<div class="gmail_quote"><div dir="ltr" class="gmail_attr">` + html.EscapeString(attribution) +
				`<br></div><blockquote class="gmail_quote" style="margin:0px 0px 0px 0.8ex;border-left:1px solid rgb(204,204,204);padding-left:1ex">` + inner + "</blockquote></div>"
	case apple:
		return "> " + attribution + "\n> \n" + lines(old),
			`<div><br><blockquote type="cite"><div>` + html.EscapeString(attribution) + `</div><br>` + inner + "</blockquote></div>"
	}
	return attribution + "\n" + lines(old), "<p>" + html.EscapeString(attribution) + `</p><blockquote type="cite">` + inner + "</blockquote>"
}
