package demo

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// our is the person that a mailbox writes as; agent may be "".
func our(box int, agent string) person {
	name := teams[box]
	if agent != "" {
		name = agent + " (" + name + ")"
	}
	return person{name: name, address: addresses[box]}
}

// fromCustomer writes a mail of the thread's customer: greeting, words, farewell,
// perhaps a picture, and what it answers below.
func (c *cast) fromCustomer(t *thread, words string, at time.Time) *letter {
	first := t.last == nil
	l := &letter{
		id: c.id(t.who), from: t.who, to: []person{our(t.box, "")}, cc: t.cc, subject: t.subject,
		date: at.In(t.zone).Truncate(time.Second), refs: t.refs, auth: "pass",
	}
	var parts []string
	if g := pick(c, t.lang.greet); g != "" && (first || c.rng.IntN(2) == 0) {
		parts = append(parts, t.say(g))
	}
	parts = append(parts, t.say(words))
	if first || c.rng.IntN(3) > 0 {
		parts = append(parts, t.say(pick(c, t.lang.close)))
	}
	footer := ""
	switch {
	case t.who.company != "":
		footer = "\n\n-- \n" + t.who.name + "\n" + t.who.company + "\n+44 20 7946 0" + fmt.Sprint(100+len(t.who.name)*7)
	case t.style == apple && c.rng.IntN(2) == 0:
		footer = "\n\n" + pick(c, t.lang.phone)
	}
	l.text = strings.Join(parts, "\n\n") + footer
	if first {
		c.enclose(t, l)
	}
	if t.style != plain || t.matter.html || len(l.files) > 0 && l.files[0].cid != "" {
		l.html = c.markup(t.lang, l)
	}
	c.finish(t, l)
	return l
}

// fromPartner lets the person in copy answer instead of the customer.
func (c *cast) fromPartner(t *thread, words string, at time.Time) *letter {
	other := *t
	other.who, other.cc = t.cc[0], []person{t.who}
	l := c.fromCustomer(&other, words, at)
	t.refs, t.last, c.threads[l.id] = other.refs, other.last, t
	return l
}

// enclose adds the pictures of a matter.
func (c *cast) enclose(t *thread, l *letter) {
	n := c.rng.IntN(photoCount)
	switch t.matter.attach {
	case photos:
		l.files = append(l.files, file{name: fmt.Sprintf("IMG_%04d.png", 1200+n), kind: "image/png", data: c.photos[n]},
			file{name: fmt.Sprintf("IMG_%04d.png", 1201+n), kind: "image/png", data: c.photos[(n+1)%photoCount]})
	case inline:
		l.files = append(l.files, file{name: "bike.png", kind: "image/png", cid: "picture." + l.id, data: c.photos[n]})
	}
}

// markup is the HTML form of a letter's text.
func (c *cast) markup(lang *language, l *letter) string {
	body := paragraphs(l.text)
	for _, f := range l.files {
		if f.cid != "" {
			body += `<p><img src="cid:` + f.cid + `" width="320" alt=""></p>` + "\n"
		}
	}
	if lang.rtl {
		return `<div dir="rtl" style="font-family:Tahoma,sans-serif">` + "\n" + body + "</div>\n"
	}
	return `<div style="font-family:Helvetica,Arial,sans-serif">` + "\n" + body + "</div>\n"
}

// fromUs writes an answer as an agent did before there was a hub.
func (c *cast) fromUs(t *thread, words, agent string, at time.Time, pdf bool) *letter {
	l := &letter{
		id: c.id(our(t.box, "")), from: our(t.box, agent), to: []person{t.who}, cc: t.cc, subject: answerTo(t.subject),
		date: at.In(time.UTC).Truncate(time.Second), refs: t.refs,
	}
	l.text = c.ours(t, words, agent) + "\n\n-- \n" + signature(t.box)
	if pdf {
		name := t.matter.answerPDF
		l.files = []file{{name: name + ".pdf", kind: "application/pdf", data: document(name, "", t.fill.Replace("Order {order}: one {model}"), at.Format("2 January 2006"))}}
	}
	if t.last != nil && t.last.html != "" {
		l.html = c.markup(t.lang, l)
	}
	c.finishAs(t, l, plain)
	return l
}

// ours is the text of an answer of ours without signature and quote.
func (c *cast) ours(t *thread, words, agent string) string {
	end := strings.ReplaceAll(t.lang.ourClose, "{agent}", agent)
	return t.fill.Replace(t.lang.our) + "\n\n" + t.fill.Replace(words) + "\n\n" + end
}

func signature(box int) string {
	return "Larkspur Cycles, 7 Harbour Row\n" + addresses[box] + " · +44 20 7946 0321"
}

func (c *cast) finish(t *thread, l *letter) { c.finishAs(t, l, t.style) }

// finishAs puts what is answered below a letter and files it in its thread.
func (c *cast) finishAs(t *thread, l *letter, style int) {
	if t.last != nil {
		l.subject = answerTo(t.subject)
		text, markup := quote(t.lang, style, t.last)
		l.text += "\n\n" + text + "\n"
		if l.html != "" {
			l.html += markup
		}
	}
	c.remember(t, l)
}

// maxRefs is how many Message-IDs an answer names.
const maxRefs = 20

// remember makes a letter the newest of its thread.
func (c *cast) remember(t *thread, l *letter) {
	t.last = l
	t.refs = append(slices.Clone(t.refs), l.id)
	if n := len(t.refs); n > maxRefs {
		t.refs = append(t.refs[:1], t.refs[n-maxRefs+1:]...)
	}
	c.threads[l.id] = t
}

func answerTo(subject string) string {
	if strings.HasPrefix(subject, "Re: ") {
		return subject
	}
	return "Re: " + subject
}
