package demo

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"throughline/inbox"
)

// How much there is of the past, and how a working desk looks.
const (
	pastThreads = 300
	openThreads = 19 // waiting for an answer, or for the customer
	snoozed     = 5
	visitorHas  = 4 // of the open ones
	nobodyHas   = 7
	pastDays    = 90
)

// delivered is a mail in a mailbox.
type delivered struct {
	box    int
	at     time.Time
	raw    []byte
	poison bool // the server breaks off when it is fetched
}

// past makes up everything that was written before the visitor came, in the
// order of time. now is the end of the past.
func (c *cast) past(now time.Time) []delivered {
	var out []delivered
	put := func(box int, l *letter) {
		out = append(out, delivered{box: box, at: l.date, raw: l.wire()})
		for _, p := range append([]person{l.from}, l.to...) {
			if c.lastMail[p.address].Before(l.date) {
				c.lastMail[p.address] = l.date
			}
		}
	}
	for i := range pastThreads {
		lang := c.speaker(i)
		recent := pastThreads - 1 - i // 0 is the youngest
		if recent == openThreads-1 {
			clear(c.deck) // on the desk no two should be alike
		}
		t := c.open(lang, c.customer(lang), c.concern(lang))
		switch {
		case recent < openThreads:
			c.recent(t, recent, now, put)
		case recent < openThreads+snoozed:
			c.asleep(t, recent-openThreads, now, put)
		default:
			c.settled(t, i, now, put)
		}
	}
	out = append(out, c.oddities(now)...)
	slices.SortStableFunc(out, func(a, b delivered) int { return cmp.Compare(a.at.Unix(), b.at.Unix()) })
	return out
}

// agentFor is who answers a language: the index in colleagues.
func (c *cast) agentFor(l *language) int {
	switch l.code {
	case "fa":
		return 3
	case "th":
		return 4
	}
	return c.rng.IntN(3)
}

// settled is a matter that went its whole way long ago.
func (c *cast) settled(t *thread, i int, now time.Time, put func(int, *letter)) {
	agent := c.agentFor(t.lang)
	settledThreads := pastThreads - openThreads - snoozed
	span := (pastDays*24 - 60) * time.Hour
	at := now.Add(-60*time.Hour - span + span/time.Duration(settledThreads)*time.Duration(i)).Add(c.between(0, 5*time.Hour))
	latest := now.Add(-40 * time.Hour)
	put(t.box, c.fromCustomer(t, pick(c, t.matter.asks), at))
	for n, words := range t.matter.turns {
		at = at.Add(c.between(25*time.Minute, 14*time.Hour))
		if at.After(latest) && n > 0 {
			break
		}
		switch {
		case n%2 == 0:
			at = office(at)
			put(t.box, c.fromUs(t, words, colleagues[agent].name, at, n == 0 && t.matter.answerPDF != ""))
		case len(t.cc) > 0:
			put(t.box, c.fromPartner(t, words, at))
		default:
			put(t.box, c.fromCustomer(t, words, at))
		}
		t.turn = n + 1
		if n == 0 && i%60 == 25 {
			at = at.Add(time.Minute)
			put(t.box, c.absent(t, at))
		}
	}
	t.plan = plan{status: inbox.Resolved, agent: agent}
	if i%9 == 0 && i > pastThreads/2 {
		t.plan.agent = visitor
	}
}

// office moves a time into working hours: eight to six, every day.
func office(at time.Time) time.Time {
	at = at.UTC()
	switch h := at.Hour(); {
	case h < 8:
		return at.Add(time.Duration(8-h) * time.Hour)
	case h >= 18:
		return at.Add(time.Duration(32-h) * time.Hour)
	}
	return at
}

// recent is a matter on the desk; the youngest is some minutes old.
func (c *cast) recent(t *thread, n int, now time.Time, put func(int, *letter)) {
	// Denser towards now: 4 minutes, … , two days.
	age := time.Duration(4+n*n*8) * time.Minute
	answers := 0
	switch n % 5 {
	case 2:
		answers = 1
	case 3, 4:
		answers = 2
	}
	agent := c.agentFor(t.lang)
	t.plan = plan{status: inbox.Open, agent: agent, priority: t.matter.priority}
	switch {
	case n < nobodyHas-1: // one of the oddities is nobody's too
		t.plan.agent, answers = nobody, 0
	case n < nobodyHas-1+visitorHas:
		t.plan.agent = visitor
	case n%4 == 0:
		t.plan.note = t.matter.note
	}
	at := now.Add(-age - time.Duration(answers)*3*time.Hour)
	put(t.box, c.fromCustomer(t, pick(c, t.matter.asks), at))
	for k := range min(answers, len(t.matter.turns)) {
		at = at.Add(c.between(40*time.Minute, 2*time.Hour))
		if k%2 == 0 {
			put(t.box, c.fromUs(t, t.matter.turns[k], colleagues[agent].name, at, t.matter.answerPDF != ""))
		} else {
			put(t.box, c.fromCustomer(t, t.matter.turns[k], at))
		}
		t.turn = k + 1
	}
}

// asleep is a matter that comes back some day: it was answered, and somebody
// wants to look again.
func (c *cast) asleep(t *thread, n int, now time.Time, put func(int, *letter)) {
	agent := c.agentFor(t.lang)
	at := now.Add(-time.Duration(30+26*n) * time.Hour)
	put(t.box, c.fromCustomer(t, pick(c, t.matter.asks), at))
	at = at.Add(c.between(time.Hour, 5*time.Hour))
	put(t.box, c.fromUs(t, t.matter.turns[0], colleagues[agent].name, at, t.matter.answerPDF != ""))
	t.turn = 1
	t.plan = plan{status: inbox.Snoozed, agent: agent, priority: t.matter.priority, snooze: time.Duration(3+n*17) * time.Hour}
	if n < 2 {
		t.plan.agent = visitor
	}
}

// absent is the automatic answer of somebody on holiday.
func (c *cast) absent(t *thread, at time.Time) *letter {
	subject := t.say(t.lang.auto.subject)
	l := &letter{
		id: c.id(t.who), from: t.who, to: []person{our(t.box, "")}, date: at.In(t.zone), refs: t.refs, auth: "pass",
		subject: strings.ReplaceAll(subject, "{subject}", answerTo(t.subject)), text: t.say(t.lang.auto.text),
		header: []string{"Auto-Submitted: auto-replied", "X-Auto-Response-Suppress: All"},
	}
	c.threads[l.id] = t // no change of what a later answer quotes
	return l
}

// twoAddresses is one person whom the hub cannot know to be one: the agents
// have merged the two.
var twoAddresses = [2]person{
	{"Ingrid Falk", "ingrid.falk@example.org", ""},
	{"Ingrid Falk", "ingrid@falk-ceramics.example.com", "Falk Ceramics"},
}

// oddities are the mails that every mailbox has.
func (c *cast) oddities(now time.Time) []delivered {
	var out []delivered
	hours := func(h float64) time.Time { return now.Add(-time.Duration(h * float64(time.Hour))) }
	put := func(l *letter, inBoxes ...int) {
		for _, b := range inBoxes {
			out = append(out, delivered{box: b, at: l.date, raw: l.wire()})
		}
	}
	// single files a letter in a conversation of its own.
	single := func(l *letter, tag string, p plan, turns ...string) *letter {
		t := &thread{lang: c.langs[0], matter: &matter{tag: tag, turns: turns, then: c.langs[0].thanks[0]}, who: l.from, zone: l.date.Location(), subject: l.subject, plan: p}
		t.fill = c.open(c.langs[0], l.from, &c.langs[0].matters[0]).fill
		c.remember(t, l)
		return l
	}

	// The same person from another address, in a matter of her shop.
	en := c.langs[0]
	for i, p := range twoAddresses {
		t := c.open(en, p, &en.matters[6+i])
		t.style, t.plan = gmail, plan{status: inbox.Resolved, agent: 1}
		at := hours(float64(210 - 90*i))
		put(c.fromCustomer(t, t.matter.asks[0], at), t.box)
		put(c.fromUs(t, t.matter.turns[0], colleagues[1].name, at.Add(2*time.Hour), true), t.box)
		t.turn = 1
	}

	c.lookAlikes(now, put, single)

	// Mail to many.
	for i, issue := range [...]string{"September: belts and braces", "October: winter tyres compared", "November: trade fair special"} {
		p := plan{status: inbox.Resolved, agent: nobody}
		l := &letter{from: person{"Spoke & Chain Weekly", "news@spokeandchain.example.net", ""}, to: []person{our(sales, "")},
			subject: issue, date: hours(float64(24*(60-28*i) + 5)), auth: "pass",
			text:   "Hello readers,\n\nthis month: what the big makers showed, what the small ones really sell, and a test of eleven tyres that claim to be unpuncturable.\n\nRead on at https://spokeandchain.example.net/\n\nYou get this mail because you subscribed. Unsubscribe: https://spokeandchain.example.net/off",
			html:   "<table width=\"600\" align=\"center\"><tr><td style=\"background:#22313f;color:#fff;padding:18px;font:bold 22px sans-serif\">Spoke &amp; Chain Weekly</td></tr><tr><td style=\"padding:18px;font:15px sans-serif\"><p>Hello readers,</p><p>this month: what the big makers showed, what the small ones really sell, and a test of <b>eleven tyres</b> that claim to be unpuncturable.</p><p><img src=\"https://spokeandchain.example.net/tyres.jpg\" width=\"560\" alt=\"Eleven tyres\"></p><p><a href=\"https://spokeandchain.example.net/\">Read on</a></p></td></tr><tr><td style=\"font:11px sans-serif;color:#888;padding:18px\">You get this mail because you subscribed. <a href=\"https://spokeandchain.example.net/off\">Unsubscribe</a></td></tr></table>",
			header: []string{"List-Id: Spoke & Chain Weekly <weekly.spokeandchain.example.net>", "List-Unsubscribe: <https://spokeandchain.example.net/off>", "Precedence: bulk"}}
		l.id = c.id(l.from)
		put(single(l, "newsletter", p), sales)
	}

	// Written to both addresses: two copies, one message.
	for i, who := range [...]person{{"Margit Olsen", "margit.olsen@example.org", ""}, {"Paul Renner", "paul.renner@example.net", ""}} {
		l := &letter{from: who, to: []person{our(support, ""), our(sales, "")}, date: hours(31 + 60*float64(i)), auth: "pass",
			subject: [...]string{"Who is responsible for school groups?", "Opening hours in the holidays"}[i],
			text:    [...]string{"Hello,\n\nI was not sure which address is right, so I write to both. Can a class of 24 come and see how a bicycle is made? They are nine years old and full of questions.\n\nMargit Olsen", "Hi both,\n\nare you open between the holidays? I would come from {city} with two bikes for service.\n\nPaul"}[i]}
		l.text = c.open(en, who, &en.matters[0]).say(l.text)
		l.id = c.id(l.from)
		p := plan{status: inbox.Open, agent: 2}
		if i == 1 {
			p = plan{status: inbox.Resolved, agent: 0}
		}
		put(single(l, "visit", p, "You have come to the right place. Nine-year-olds are our favourite guests: Tuesdays at ten, and everybody takes a bell home. Which Tuesday suits you?",
			"What about the second one of next month? They already talk of nothing else."), support, sales)
	}

	// Somebody who is not who he says he is.
	l := &letter{from: person{"Ann Keller", "ann.keller@example.org", ""}, to: []person{our(sales, "")}, auth: "fail", date: hours(7),
		subject: "Please send my refund to a new account",
		text:    "Hello,\n\nmy bank details have changed. Please send the refund for my last order to the account in my next mail, and do it today as I am travelling and cannot be reached by phone.\n\nAnn Keller"}
	l.id = c.id(l.from)
	put(single(l, "suspicious", plan{status: inbox.Open, agent: nobody}), sales)

	// A mail of ours that could not be delivered.
	out = append(out, delivered{box: support, at: hours(75), raw: c.bounce(hours(75))})

	// What cannot be taken in: one that the server cannot hand over, and one
	// that is no mail.
	broken := &letter{id: c.id(our(support, "")), from: person{"Scan Station", "scanner@example.net", ""}, to: []person{our(support, "")},
		subject: "Scan 0041", date: hours(100), auth: "pass", text: "The scan is attached."}
	out = append(out, delivered{box: support, at: broken.date, raw: broken.wire(), poison: true},
		delivered{box: sales, at: hours(55), raw: []byte("\r\nline dropped, no pages received\r\n")})
	return out
}

// bounce is a delivery report (RFC 3464) about a mail that left before there was
// a hub.
func (c *cast) bounce(at time.Time) []byte {
	daemon := person{"Mail Delivery System", "mailer-daemon@" + authServ, ""}
	l := &letter{id: c.id(daemon), from: daemon, to: []person{our(support, "")}, subject: "Undelivered Mail Returned to Sender", date: at}
	const failed = "old.address@example.net"
	report := l.multi("report",
		textPart("plain", "This is the mail system at "+authServ+".\n\nYour message could not be delivered to one or more recipients.\n\n<"+failed+">: host mx.example.net said: 550 5.1.1 User unknown\n"),
		entity{"Content-Type: message/delivery-status\r\n", []byte("Reporting-MTA: dns; " + authServ + "\r\n\r\nFinal-Recipient: rfc822; " + failed +
			"\r\nAction: failed\r\nStatus: 5.1.1\r\nDiagnostic-Code: smtp; 550 5.1.1 User unknown\r\n")},
		entity{"Content-Type: text/rfc822-headers\r\n", []byte(fmt.Sprintf("From: %s\r\nTo: %s\r\nSubject: Your service appointment\r\nMessage-ID: <%s>\r\n",
			addresses[support], failed, c.id(our(support, ""))))})
	head := strings.ReplaceAll(report.head, "multipart/report;", "multipart/report; report-type=delivery-status;")
	return fmt.Appendf(nil, "Return-Path: <>\r\nDate: %s\r\nFrom: %s\r\nTo: %s\r\nSubject: %s\r\nMessage-ID: <%s>\r\nAuto-Submitted: auto-replied\r\nMIME-Version: 1.0\r\n%s\r\n%s",
		at.Format(time.RFC1123Z), mailboxes(daemon), mailboxes(l.to...), l.subject, l.id, head, report.body)
}
