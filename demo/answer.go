package demo

import (
	"bytes"
	"context"
	"fmt"
	"net/mail"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/jhillyerd/enmime/v2"

	"throughline/connectors/email/mailtest"
	"throughline/inbox"
	"throughline/store"
)

// reply sends an agent's answer to the customer of a conversation.
func (w *World) reply(ctx context.Context, agent, conversation, seen uint64, body, then string) error {
	var to *inbox.Recipients
	mode := inbox.ModeReplyAll
	if err := w.hub.Store.View(func(tx *store.Tx) error {
		c, err := w.hub.Conversation(tx, conversation)
		if err != nil {
			return err
		}
		if c.Channel != "email" {
			mode = inbox.ModeReply // there are no copies
		}
		to, err = w.hub.Recipients(tx, conversation, mode, 0)
		return err
	}); err != nil {
		return err
	}
	_, err := w.hub.Reply(ctx, inbox.Outgoing{
		Agent: agent, Conversation: conversation, Mode: mode, Account: to.Account, To: to.To, Cc: to.Cc,
		Subject: to.Subject, HTML: body, InReplyTo: to.InReplyTo, SeenSeq: seen, Then: then,
	})
	return err
}

// delivered reads a mail that left the hub and lets its recipient answer.
func (w *World) delivered(m mailtest.Mail) error {
	l, err := readLetter(m.Data)
	if err != nil {
		return fmt.Errorf("a mail of the hub cannot be read: %w", err)
	}
	t := w.cast.recipient(l, m.To)
	if t == nil || w.isTold(l.id) || w.mails >= maxLive {
		return nil
	}
	byVisitor, err := w.byVisitor(l.id)
	if err != nil {
		return err
	}
	w.cast.remember(t, l)
	words := w.cast.reaction(t, byVisitor)
	if words == "" {
		return nil
	}
	w.after(w.cast.between(w.pace.ReplyMin, w.pace.ReplyMax), func(context.Context) error {
		return w.deliver(t, w.cast.fromCustomer(t, words, time.Now()))
	})
	return nil
}

// isTold tells whether a message of ours is of the past: what its customer said to it
// is told too.
func (w *World) isTold(id string) bool {
	var n uint64
	_, err := fmt.Sscanf(id, "tl.%d.", &n)
	return err == nil && n <= w.toldUpTo
}

// byVisitor tells whether the visitor wrote the mail of a Message-ID.
func (w *World) byVisitor(id string) (is bool, err error) {
	var n uint64
	if _, err := fmt.Sscanf(id, "tl.%d.", &n); err != nil {
		return false, nil // not one of the hub's names
	}
	err = w.hub.Store.View(func(tx *store.Tx) error {
		r, err := w.hub.Message(tx, n)
		is = err == nil && r.Agent == w.Visitor
		return err
	})
	return is, err
}

// readLetter reads a mail the way its recipient's program would.
func readLetter(raw []byte) (*letter, error) {
	env, err := enmime.ReadEnvelope(bytes.NewReader(raw))
	if err != nil {
		return nil, err
	}
	l := &letter{id: strings.Trim(env.GetHeader("Message-ID"), "<> "), subject: env.GetHeader("Subject"), text: env.Text, html: env.HTML}
	if from, err := mail.ParseAddress(env.GetHeader("From")); err == nil {
		l.from = person{name: from.Name, address: from.Address}
	}
	if l.to = people(env, "To"); len(l.to) == 0 {
		l.to = []person{{name: "undisclosed recipients"}}
	}
	l.cc = people(env, "Cc")
	for f := range strings.FieldsSeq(env.GetHeader("References")) {
		l.refs = append(l.refs, strings.Trim(f, "<>"))
	}
	if l.date, err = mail.ParseDate(env.GetHeader("Date")); err != nil {
		l.date = time.Now()
	}
	// Quoted below an answer, only what stands within the body makes sense.
	if _, body, ok := strings.Cut(l.html, "<body"); ok {
		_, body, _ = strings.Cut(body, ">")
		l.html, _, _ = strings.Cut(body, "</body>")
	}
	return l, nil
}

func people(env *enmime.Envelope, field string) (list []person) {
	addrs, err := env.AddressList(field)
	if err != nil {
		return nil // the field is missing
	}
	for _, a := range addrs {
		list = append(list, person{name: a.Name, address: a.Address})
	}
	return list
}

// recipient finds the thread that a mail of ours belongs to and whose customer
// got it. Anybody else to whom the visitor writes becomes a customer.
func (c *cast) recipient(l *letter, to []string) *thread {
	gets := func(address string) bool {
		return slices.ContainsFunc(to, func(a string) bool { return strings.EqualFold(a, address) })
	}
	for _, ref := range slices.Backward(l.refs) {
		if t := c.threads[ref]; t != nil && gets(t.who.address) {
			return t
		}
	}
	box := slices.IndexFunc(addresses[:], func(a string) bool { return strings.EqualFold(a, l.from.address) })
	for _, p := range l.to {
		if box < 0 || !gets(p.address) || slices.Contains(addresses[:], strings.ToLower(p.address)) {
			continue
		}
		if p.name == "" {
			p.name, _, _ = strings.Cut(p.address, "@")
		}
		lang := c.languageOf(l.text)
		t := c.open(lang, p, &matter{box: box, subjects: []string{"Re"}})
		t.subject, t.refs, t.style = l.subject, l.refs, gmail
		return t
	}
	return nil
}

// languageOf guesses by the script.
func (c *cast) languageOf(text string) *language {
	for _, r := range text {
		switch {
		case unicode.Is(unicode.Arabic, r):
			return c.langs[1]
		case unicode.Is(unicode.Thai, r):
			return c.langs[2]
		}
	}
	return c.langs[0]
}

// reaction is what a customer says to an answer, "" for nothing. The visitor
// always gets one; colleagues get what the story says, and now and then thanks.
func (c *cast) reaction(t *thread, byVisitor bool) string {
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
		t.asked, t.turn = true, len(t.matter.turns) // from here on the story is the visitor's
		return t.matter.then
	}
	t.thanked++
	return t.lang.thanks[(len(t.who.address)+t.thanked)%len(t.lang.thanks)]
}
