package inbox

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"html"
	"regexp"
	"slices"
	"strings"
	"time"

	"throughline/identity"
	"throughline/message"
	"throughline/safehtml"
	"throughline/store"
	"throughline/timeline"
)

// The modes of writing.
const (
	ModeReply    = "reply"
	ModeReplyAll = "reply_all"
	ModeForward  = "forward"
	ModeNew      = "new"
)

// Limits of what an agent can send.
const (
	maxRecipients  = 100
	maxOutgoing    = 2 << 20 // bytes of HTML
	maxAttachments = 50
)

// Outgoing is what an agent wants to send.
type Outgoing struct {
	Agent          uint64
	Conversation   uint64 // 0 opens a new one
	Mode           string
	Account        string // "" takes the conversation's
	To, Cc, Bcc    []message.Person
	Subject        string
	HTML           string // as the editor made it; sanitised here
	AgentSignature string // plain text
	Attachments    []message.Part
	InReplyTo      uint64 // the message answered; 0 takes the newest
	SeenSeq        uint64 // the newest event its writer had seen
	Anyway         bool   // send even if there is something newer
	Then           string // "", "resolve" or "snooze"
	SnoozedUntil   time.Time
}

// Recipients is what a composer starts with.
type Recipients struct {
	Account     string
	To, Cc      []message.Person
	Subject     string
	InReplyTo   uint64
	QuoteHTML   string // goes below the text
	Attachments []message.Part
	Warning     string
}

// Recipients proposes whom an answer goes to. An answer to all keeps everybody; an
// answer to a third party goes to that party.
func (h *Hub) Recipients(tx *store.Tx, conversation uint64, mode string, id uint64) (*Recipients, error) {
	c, err := h.Conversation(tx, conversation)
	if err != nil {
		return nil, err
	}
	base, err := h.answered(tx, c, id)
	if err != nil {
		return nil, err
	}
	out := &Recipients{Account: h.sendAccount(c, base), Subject: c.Subject}
	if base == nil {
		// Nothing but notes so far: write to whose matter it is.
		hd, err := h.Identity.Handle(tx, c.Handle)
		if err != nil {
			return nil, err
		}
		out.To = []message.Person{{Name: hd.Name, Handle: hd.Handle}}
		return out, nil
	}
	out.InReplyTo = base.ID
	out.QuoteHTML = quoteHTML(base, mode == ModeForward)
	switch mode {
	case ModeForward:
		out.Subject = "Fwd: " + bareSubject(base.Subject)
		out.Attachments = base.Parts
		return out, nil
	case ModeReply, ModeReplyAll:
	default:
		return nil, &InvalidError{"mode", fmt.Sprintf("%q is not one of reply, reply_all and forward", mode)}
	}
	out.Subject = "Re: " + bareSubject(base.Subject)
	if base.Direction == message.Out {
		out.To = base.To
	} else if len(base.ReplyTo) > 0 {
		out.To = base.ReplyTo
	} else {
		out.To = []message.Person{base.From}
	}
	if mode == ModeReplyAll {
		var rest []message.Person
		if base.Direction == message.In {
			rest = base.To
		}
		out.Cc = h.others(slices.Concat(rest, base.Cc), out.To)
	}
	out.To = h.withoutUnknown(out.To)
	switch {
	case len(out.To) == 0:
		out.Warning = "The sender's address could not be read: add one."
	case base.Kind == message.Bounce:
		out.Warning = "This is a delivery report from a mail server; nobody reads an answer to it."
	case base.Kind == message.AutoReply:
		out.Warning = "This is an automatic reply."
	case base.List != "" && mode == ModeReplyAll:
		out.Warning = "This came over a mailing list: an answer to all goes to everybody on it."
	case base.Vouch == message.VouchFailed:
		out.Warning = "The sender is not verified: this may come from somebody else."
	}
	return out, nil
}

// answered is the message an answer refers to: the one asked for, else the newest
// of a person, else the newest; nil if there is none.
func (h *Hub) answered(tx *store.Tx, c *Conversation, id uint64) (*Record, error) {
	if id != 0 {
		r, err := h.Message(tx, id)
		if err != nil {
			return nil, err
		}
		if r.Conversation != c.ID {
			return nil, &InvalidError{"in_reply_to", "this message is in another conversation"}
		}
		return r, nil
	}
	seq, err := h.Timeline.Newest(tx, c.ID, 200, func(e *timeline.Event) bool { return e.Kind == timeline.MessageReceived })
	if err == nil && seq == 0 {
		seq, err = h.Timeline.Newest(tx, c.ID, 200, func(e *timeline.Event) bool { return e.Kind == timeline.MessageQueued })
	}
	if err != nil || seq == 0 {
		return nil, err
	}
	e, err := h.Timeline.Get(tx, seq)
	if err != nil {
		return nil, err
	}
	return h.Message(tx, e.Message)
}

// sendAccount chooses the account an answer goes out over: the one the message
// came over, so that the customer sees the address he wrote to.
func (h *Hub) sendAccount(c *Conversation, base *Record) string {
	candidates := slices.Concat(c.Accounts, []string{c.Account})
	if base != nil {
		candidates = slices.Concat([]string{base.Account}, base.Also, candidates)
	}
	for _, a := range candidates {
		if h.usable(a) {
			return a
		}
	}
	return c.Account
}

func (h *Hub) withoutUnknown(list []message.Person) []message.Person {
	return slices.DeleteFunc(slices.Clone(list), func(p message.Person) bool { return p.Handle.Scheme() == identity.Unknown })
}

// others leaves out our own addresses and those of not.
func (h *Hub) others(list, not []message.Person) (out []message.Person) {
	for _, p := range list {
		same := func(o message.Person) bool { return o.Handle == p.Handle }
		if _, ours := h.Own(p.Handle); ours || slices.ContainsFunc(not, same) || slices.ContainsFunc(out, same) {
			continue
		}
		out = append(out, p)
	}
	return out
}

// subjectPrefix are the marks of answers and forwards in the languages met most.
var subjectPrefix = regexp.MustCompile(`(?i)^\s*(?:(?:re|aw|antw|sv|vs|odp|rif|ynt|fwd?|wg|tr|rv|i|پاسخ|ارسال|ตอบกลับ|ส่งต่อ)\s*(?:\[\d+\])?\s*[:：]\s*)+`)

func bareSubject(s string) string { return strings.TrimSpace(subjectPrefix.ReplaceAllString(s, "")) }

// quoteHTML is the answered message as it stands below an answer. The line above
// it uses no words, so that it reads in any language.
func quoteHTML(r *Record, forward bool) string {
	body := safehtml.FromText(r.Text)
	if r.HTML != "" {
		body = safehtml.Message(r.HTML, safehtml.Options{Images: true})
	}
	who := html.EscapeString(strings.TrimSpace(r.From.Name + " <" + r.From.Handle.Address() + ">"))
	date := r.Time.UTC().Format("2006-01-02 15:04 MST")
	if !forward {
		return fmt.Sprintf(`<p>%s, %s:</p><blockquote type="cite">%s</blockquote>`, date, who, body)
	}
	line := func(list []message.Person) string {
		var s []string
		for _, p := range list {
			s = append(s, strings.TrimSpace(p.Name+" <"+p.Handle.Address()+">"))
		}
		return html.EscapeString(strings.Join(s, ", "))
	}
	head := fmt.Sprintf("From: %s<br>Date: %s<br>To: %s<br>", who, date, line(r.To))
	if len(r.Cc) > 0 {
		head += "Cc: " + line(r.Cc) + "<br>"
	}
	return fmt.Sprintf(`<p>---------- Forwarded message ----------<br>%sSubject: %s</p>%s`, head, html.EscapeString(r.Subject), body)
}

// Reply writes a message into the outbox: message, delivery and event in one
// transaction. If the conversation has something its writer has not seen, nothing
// is written and a *NewerError tells what.
func (h *Hub) Reply(ctx context.Context, o Outgoing) (seq uint64, err error) {
	body, err := h.checkOutgoing(&o)
	if err != nil {
		return 0, err
	}
	err = h.Store.Update(ctx, func(tx *store.Tx) error {
		var c *Conversation
		if o.Conversation != 0 {
			if c, err = h.Conversation(tx, o.Conversation); err != nil {
				return err
			}
			if err := h.nothingNewer(tx, c, &o); err != nil {
				return err
			}
		}
		seq, err = h.enqueue(tx, c, &o, body)
		return err
	})
	return seq, err
}

// checkOutgoing refuses what cannot be sent, outside the transaction, and returns
// the sanitised body.
func (h *Hub) checkOutgoing(o *Outgoing) (body string, err error) {
	if len(o.HTML) > maxOutgoing {
		return "", &InvalidError{"html", fmt.Sprintf("the text is longer than %d bytes; attach it as a file", maxOutgoing)}
	}
	if len(o.Attachments) > maxAttachments {
		return "", &InvalidError{"attachments", fmt.Sprintf("at most %d files fit into one message", maxAttachments)}
	}
	for _, list := range []struct {
		field  string
		people []message.Person
	}{{"to", o.To}, {"cc", o.Cc}, {"bcc", o.Bcc}} {
		for i, p := range list.people {
			c, err := identity.Canonical(p.Handle)
			if err != nil {
				return "", &InvalidError{fmt.Sprintf("%s[%d]", list.field, i), err.Error()}
			}
			list.people[i].Handle = c
		}
	}
	if n := len(o.To) + len(o.Cc) + len(o.Bcc); n == 0 {
		return "", &InvalidError{"to", "add somebody to send this to"}
	} else if n > maxRecipients {
		return "", &InvalidError{"to", fmt.Sprintf("at most %d recipients; use a mailing list for more", maxRecipients)}
	}
	if len(o.Subject) > 2000 || strings.ContainsAny(o.Subject, "\r\n\x00") {
		return "", &InvalidError{"subject", "a subject is one line of at most 2,000 bytes"}
	}
	for i, p := range o.Attachments {
		ref, err := h.Blobs.Stat(p.Blob)
		if err != nil {
			return "", &InvalidError{fmt.Sprintf("attachments[%d]", i), "this file is not on the server; attach it again"}
		}
		o.Attachments[i].Size = ref.Size
	}
	body = safehtml.Editor(o.HTML)
	if strings.TrimSpace(safehtml.Text(body)) == "" && len(o.Attachments) == 0 && !strings.Contains(body, "<img") && o.Mode != ModeForward {
		return "", &InvalidError{"html", "write something first"}
	}
	return body, nil
}

// nothingNewer holds an answer back if its writer has not seen all messages.
func (h *Hub) nothingNewer(tx *store.Tx, c *Conversation, o *Outgoing) error {
	if o.Anyway || c.LastSeq <= o.SeenSeq {
		return nil
	}
	page, err := h.Timeline.Conversation(tx, c.ID, timeline.Span{Limit: 50})
	if err != nil {
		return err
	}
	newer := slices.DeleteFunc(page.Events, func(e timeline.Event) bool {
		switch {
		case e.Seq <= o.SeenSeq, e.Actor == agentActor(o.Agent):
			return true
		case e.Kind == timeline.MessageQueued:
			return e.Actor == "" // an automatic one says nothing new
		}
		return e.Kind != timeline.MessageReceived
	})
	if len(newer) == 0 {
		return nil
	}
	return &NewerError{Events: newer}
}

// enqueue writes the message, its delivery and the event.
func (h *Hub) enqueue(tx *store.Tx, c *Conversation, o *Outgoing, body string) (uint64, error) {
	var base *Record
	var err error
	if c != nil && o.Mode != ModeNew {
		if base, err = h.answered(tx, c, o.InReplyTo); err != nil {
			return 0, err
		}
	}
	if c == nil {
		whose, _, err := h.Identity.Resolve(tx, slices.Concat(o.To, o.Cc, o.Bcc)[0], false)
		if err != nil {
			return 0, err
		}
		if o.Account == "" {
			return 0, &InvalidError{"account", "choose the account to send from"}
		}
		c = h.open(tx, &message.Message{Account: o.Account, Subject: o.Subject, Kind: message.Human}, whose)
		c.Assignee = o.Agent
	}
	if o.Account == "" {
		o.Account = h.sendAccount(c, base)
	}
	info, ok := h.accountInfo(o.Account)
	if !ok {
		return 0, &InvalidError{"account", fmt.Sprintf("%q is not an account that can send now", o.Account)}
	}
	c.Channel = info.Channel
	r := &Record{Message: message.Message{
		ID: tx.NextID(), Token: newToken(), Channel: info.Channel, Account: o.Account, Direction: message.Out,
		From: info.Own, To: o.To, Cc: o.Cc, Bcc: o.Bcc, Subject: o.Subject, Parts: o.Attachments,
		Time: tx.Now().UTC().Truncate(time.Second), Kind: message.Human,
	}, Conversation: c.ID, Agent: o.Agent}
	r.Ref = message.OwnRef(r.ID, r.Token)
	if r.Subject == "" && base != nil {
		r.Subject = "Re: " + bareSubject(base.Subject)
	}
	compose(r, base, body, signature(o.AgentSignature, info.Signature), o.Mode)
	delivery := &Delivery{Account: o.Account, Status: message.Queued, Due: tx.Now().Add(h.undo), Created: tx.Now(),
		Draft: &Draft{Mode: o.Mode, Account: o.Account, To: o.To, Cc: o.Cc, Bcc: o.Bcc, Subject: o.Subject,
			HTML: body, Attachments: o.Attachments, InReplyTo: o.InReplyTo, Saved: tx.Now()}}
	if r.Seq, err = h.Timeline.Append(tx, timeline.Event{
		Kind: timeline.MessageQueued, Actor: agentActor(o.Agent), Conversation: c.ID, Message: r.ID, Subjects: []uint64{c.Handle},
	}); err != nil {
		return 0, err
	}
	if err := h.messages.Insert(tx, r.ID, r); err != nil {
		return 0, err
	}
	if err := h.deliveries.Insert(tx, r.ID, delivery); err != nil {
		return 0, err
	}
	c.Messages++
	c.Last, c.LastSeq, c.Preview, c.Direction = tx.Now(), r.Seq, preview(r.Reply), string(message.Out)
	c.Unread, c.Waiting = 0, time.Time{}
	c.addAccount(o.Account)
	c.admit(h.others(slices.Concat(o.To, o.Cc, o.Bcc), nil)...)
	if c.Draft == o.Agent {
		c.Draft = 0
	}
	if err := tx.PutValue(draftBucket, draftKey(o.Agent, o.Conversation), nil); err != nil {
		return 0, err
	}
	change := Change{}
	switch o.Then {
	case "":
	case "resolve":
		change.Status = ptr(Resolved)
	case "snooze":
		change.Status, change.SnoozedUntil = ptr(Snoozed), &o.SnoozedUntil
	default:
		return 0, &InvalidError{"then", `write "resolve", "snooze" or nothing`}
	}
	// An answer takes up a matter that nobody had, and reopens a closed one.
	if o.Then == "" && c.Status != Open {
		change.Status = ptr(Open)
	}
	if o.Agent != 0 && c.Assignee == 0 {
		change.Assignee = &o.Agent
	}
	if err := h.change(tx, c, o.Agent, change); err != nil {
		return 0, err
	}
	return r.Seq, h.conversations.Put(tx, c.ID, c)
}

// compose fills in the texts of an outgoing message: what is new, the signature,
// and what it answers below.
func compose(r, base *Record, body, sig, mode string) {
	r.Reply = strings.TrimSpace(safehtml.Text(body))
	r.HTML, r.Text, r.Signature = body, r.Reply, sig
	if sig != "" {
		r.HTML += "<p>-- <br>" + strings.ReplaceAll(html.EscapeString(sig), "\n", "<br>") + "</p>"
		r.Text += "\n\n-- \n" + sig
	}
	if base == nil {
		return
	}
	if mode != ModeForward {
		// RFC 5322 3.6.4: the parent's references and then the parent itself.
		r.Refs = append([]string{base.Ref}, slices.DeleteFunc(slices.Clone(base.Refs), func(s string) bool { return s == base.Ref })...)
		r.Refs = slices.DeleteFunc(r.Refs, func(s string) bool { return s == "" })
		r.Thread = slices.Clone(r.Refs)
		slices.Reverse(r.Thread)
	}
	r.HTML += quoteHTML(base, mode == ModeForward)
	if mode == ModeForward {
		r.Quoted = strings.TrimSpace(safehtml.Text(quoteHTML(base, true)))
		r.Text += "\n\n" + r.Quoted
		return
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s, %s <%s>:\n", base.Time.UTC().Format("2006-01-02 15:04 MST"), base.From.Name, base.From.Handle.Address())
	for line := range strings.Lines(base.Text) {
		b.WriteString("> ")
		b.WriteString(strings.TrimRight(line, "\r\n"))
		b.WriteByte('\n')
	}
	r.Quoted = b.String()
	r.Text += "\n\n" + r.Quoted
}

func signature(agent, account string) string {
	return strings.TrimSpace(strings.TrimSpace(agent) + "\n" + strings.TrimSpace(account))
}

const tokenLetters = "abcdefghijklmnopqrstuvwxyz234567"

// newToken makes the random part of a message's name.
func newToken() string {
	b := make([]byte, 16)
	rand.Read(b) // never fails since Go 1.24
	for i := range b {
		b[i] = tokenLetters[b[i]&31]
	}
	return string(b)
}

func ptr[T any](v T) *T { return &v }

// eventData makes the Data of an event from names and values.
func eventData(pairs ...any) json.RawMessage {
	m := make(map[string]any, len(pairs)/2)
	for i := 0; i+1 < len(pairs); i += 2 {
		m[pairs[i].(string)] = pairs[i+1]
	}
	b, err := json.Marshal(m)
	if err != nil {
		panic(errors.Join(errors.New("inbox: event data does not marshal"), err)) // a programmer's error
	}
	return b
}
