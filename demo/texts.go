package demo

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"throughline/inbox"
)

// The numbers of Larkspur Cycles, reserved for drama like all numbers here. The
// customers' end in 0 to 199.
const (
	textNumber     = "+447700900900"
	whatsAppNumber = "+447700900901"
)

// The senders as accounts of the hub.
const (
	texts = iota
	whatsApp
	phones
)

var (
	phoneIDs      = [phones]string{"texts", "whatsapp"}
	phoneChannels = [phones]string{"sms", "whatsapp"}
	phoneNames    = [phones]string{"Larkspur Texts", "Larkspur WhatsApp"}
	phoneNumbers  = [phones]string{textNumber, whatsAppNumber}
	phonePrefix   = [phones]string{"", "whatsapp:"}
)

// How many texts of the past there are, and how those on the desk are shared out.
const (
	openTexts    = 6
	visitorTexts = 2
	nobodyTexts  = 2
)

// short is one thing that customers text about. The texts have the placeholders
// of a matter.
type short struct {
	tag      string
	ask      []string // one text after the other
	turns    []string // what follows: we, the customer, we, …
	then     string   // the customer's answer to whatever the visitor writes
	photo    bool     // comes with the first text
	priority string
}

// texting is what is texted in one language.
type texting struct {
	phone    int // texts or whatsApp
	matters  []short
	closings []string // texts of the past that ask for nothing
	thanks   []string
	nudges   []string
	ours     []string // colleagues' answers that fit most texts
}

// chat is one matter with a number.
type chat struct {
	lang    *language
	matter  *short
	who     person
	number  string
	phone   int
	fill    *strings.Replacer
	turn    int
	thanked int
	asked   bool
	script  bool
	plan    plan
}

// wire is the customer's address at the provider.
func (t *chat) wire() string { return phonePrefix[t.phone] + t.number }

// say fills in a text of the customer.
func (t *chat) say(text string) string {
	text = t.fill.Replace(text)
	if t.lang.voice != nil {
		text = t.lang.voice(text, slices.Contains(t.lang.women, t.who.name))
	}
	return text
}

// number is the telephone of somebody: half of the English ones are in Britain,
// half in America.
func (c *cast) number(l *language, i int) string {
	switch {
	case l.code == "fa":
		return fmt.Sprintf("+4477009001%02d", 60+i)
	case l.code == "th":
		return fmt.Sprintf("+120255501%02d", 60+i)
	case i%2 == 0:
		return fmt.Sprintf("+4477009001%02d", i)
	}
	return fmt.Sprintf("+120255501%02d", i)
}

// isKnown tells whether the agents know somebody's number.
func isKnown(i int) bool { return i%3 == 0 }

// converse begins a matter by text; nothing is written yet.
func (c *cast) converse(l *language, i int, m *short) *chat {
	who := l.people[i]
	t := &chat{lang: l, matter: m, who: who, number: c.number(l, i), phone: l.texting.phone}
	if l.texting.phone == texts && i%5 == 1 {
		t.phone = whatsApp
	}
	t.fill = c.filler(l, who)
	c.chats[t.number] = t
	return t
}

// texter is the next one of a language to text: the matters and the people take
// turns.
func (c *cast) texter(l *language) *chat {
	n := c.nextText[l]
	c.nextText[l]++
	i := (n*7 + 5) % len(l.people)
	return c.converse(l, i, &l.texting.matters[n%len(l.texting.matters)])
}

// postcard is a text of the past.
type postcard struct {
	chat *chat
	body string
	at   time.Time
	with bool // a picture
}

// pastTexts makes up the texts that came before the visitor, in order of time. Of
// somebody who has mailed too they are later than his mails.
func (c *cast) pastTexts(now time.Time) (out []postcard) {
	used := map[string]bool{}
	// next finds somebody whose last mail is older than at least.
	next := func(l *language, linked bool, least time.Duration) int {
		for n := range l.people {
			i := (n*5 + 3) % len(l.people)
			address := l.people[i].address
			last := c.lastMail[address]
			if address == fleetOwner || address == tourGuide {
				continue // they use Slack
			}
			if isRegular(slices.Index(c.langs, l), i) {
				continue // told with his habits
			}
			if isKnown(i) == linked && !used[c.number(l, i)] && now.Sub(last) > least {
				used[c.number(l, i)] = true
				return i
			}
		}
		return -1
	}
	for _, l := range c.langs {
		for n, words := range l.texting.closings {
			linked := n%4 != 3
			i := next(l, linked, 4*24*time.Hour)
			if i < 0 {
				continue
			}
			t := c.converse(l, i, &short{tag: "feedback", then: l.texting.thanks[0]})
			t.plan = plan{status: inbox.Resolved, agent: c.agentFor(l)}
			at := now.Add(-time.Duration(70+90*n) * time.Hour)
			if last := c.lastMail[t.who.address]; linked && last.After(at) {
				at = last.Add(c.between(20*time.Hour, 30*time.Hour))
			}
			out = append(out, postcard{chat: t, body: t.say(words), at: at, with: n == 0})
		}
	}
	en, fa, th := c.langs[0], c.langs[1], c.langs[2]
	for _, d := range [openTexts]struct {
		lang   *language
		linked bool
		matter int
		phone  int
		age    time.Duration
		agent  int
	}{
		{en, true, 0, whatsApp, 27 * time.Hour, visitor}, // too long ago for own words
		{en, false, 1, texts, 3 * time.Hour, 0},
		{th, true, 0, whatsApp, 95 * time.Minute, 4},
		{en, true, 2, texts, 47 * time.Minute, visitor},
		{fa, false, 0, whatsApp, 21 * time.Minute, nobody},
		{en, true, 3, texts, 9 * time.Minute, nobody},
	} {
		i := next(d.lang, d.linked, d.age+time.Hour)
		if i < 0 {
			i = next(d.lang, !d.linked, d.age+time.Hour)
		}
		t := c.converse(d.lang, i, &d.lang.texting.matters[d.matter])
		t.phone, t.plan = d.phone, plan{status: inbox.Open, agent: d.agent, priority: t.matter.priority}
		for n, words := range t.matter.ask {
			out = append(out, postcard{chat: t, body: t.say(words), at: now.Add(-d.age + time.Duration(n)*20*time.Second), with: t.matter.photo && n == 0})
		}
	}
	// The telephone of a family, without a name.
	who := person{name: familyNumber, address: familyNumber}
	family := &chat{lang: en, matter: &short{tag: "pickup", then: "👍"}, who: who, number: strings.ReplaceAll(familyNumber, " ", ""), phone: texts,
		fill: c.filler(en, who), plan: plan{status: inbox.Resolved, agent: 1}}
	out = append(out, postcard{chat: family, body: "This is Grace, I am with you in ten minutes. Is the bell ready?", at: now.Add(-50 * time.Hour)})
	// One name, and nothing else that two customers have in common.
	emily := en.people[slices.IndexFunc(en.people, func(p person) bool { return p.name == "Emily Stone" })]
	moved := &chat{lang: en, matter: &short{tag: "feedback", then: "Thanks!"}, who: emily, number: newNumber, phone: whatsApp,
		fill: c.filler(en, emily), plan: plan{status: inbox.Resolved, agent: 2}}
	out = append(out, postcard{chat: moved, body: "New telephone, same bike. Please write to this number from now on.", at: now.Add(-75 * time.Hour)})
	for l := range c.nextText {
		delete(c.nextText, l)
	}
	slices.SortStableFunc(out, func(a, b postcard) int { return a.at.Compare(b.at) })
	return out
}

// reactionByText is what a customer texts back, "" for nothing: see reaction.
func (c *cast) reactionByText(t *chat, byVisitor bool) string {
	switch {
	case !byVisitor && t.script:
		t.script = false
		if t.turn++; t.turn >= len(t.matter.turns) {
			return ""
		}
		t.turn++
		return t.matter.turns[t.turn-1]
	case !byVisitor && c.rng.IntN(5) > 1:
		return ""
	case byVisitor && t.matter.then != "" && t.turn < 2 && !t.asked:
		t.asked, t.turn = true, len(t.matter.turns)
		return t.matter.then
	}
	t.thanked++
	return t.lang.texting.thanks[(len(t.who.address)+t.thanked)%len(t.lang.texting.thanks)]
}

// called finds the chat with a number. Anybody else to whom the visitor texts
// becomes one: perhaps the customer of a mail.
func (c *cast) called(number string, phone int, text string) *chat {
	if t := c.chats[number]; t != nil {
		t.phone = phone
		return t
	}
	l, who := c.languageOf(text), person{name: number, address: number}
	for _, lang := range c.langs {
		for i, p := range lang.people {
			if c.number(lang, i) == number {
				l, who = lang, p
			}
		}
	}
	t := &chat{lang: l, matter: &short{}, who: who, number: number, phone: phone, fill: c.filler(l, who)}
	c.chats[number] = t
	return t
}
