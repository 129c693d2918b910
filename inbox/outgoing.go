package inbox

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
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
	maxSendLater   = 30 * 24 * time.Hour
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
	SendAt         time.Time // when it is to go out; zero or past is now
	Purpose        string    // of a new conversation; "" leaves it open
	// Key, if not "", is the agent's own name for this message: asked for again
	// under the same one within KeyLifetime, Reply writes nothing and returns
	// the first result, also if that was taken back since.
	Key string
	// Template sends approved words instead of HTML; Account is needed then.
	Template *message.TemplateUse
	filled   string   // how it reads
	notices  []string // of what was changed before it was written
}

// Reply writes a message into the outbox: message, delivery and event in one
// transaction. If the conversation has something its writer has not seen, nothing
// is written and a *NewerError tells what. A message that was written before, by
// its Key, is not written again.
func (h *Hub) Reply(ctx context.Context, o Outgoing) (seq uint64, err error) {
	if err := h.fillTemplate(ctx, &o); err != nil {
		if seq := h.templateSent(&o); seq != 0 {
			return seq, nil // that the provider does not list it now changes nothing any more
		}
		return 0, err
	}
	body, err := h.checkOutgoing(&o)
	if err != nil {
		return 0, err
	}
	digest := o.digest(body)
	quote := h.quoteAhead(&o)
	err = h.Store.Update(ctx, func(tx *store.Tx) error {
		o := o // enqueue fills it in, and may run again
		if seq, err = h.sentBefore(tx, o.Agent, o.Key, digest); err != nil || seq != 0 {
			return err
		}
		var c *Conversation
		if o.Conversation != 0 {
			if c, err = h.Conversation(tx, o.Conversation); err != nil {
				return err
			}
			o.Conversation = c.ID
			if seq, err = h.nothingNewer(tx, c, &o, body); err != nil || seq != 0 {
				return err
			}
		}
		if seq, err = h.enqueue(tx, c, &o, body, quote); err != nil {
			return err
		}
		return h.rememberSent(tx, o.Agent, o.Key, digest, seq)
	})
	if err != nil {
		return 0, err
	}
	return seq, nil
}

// checkOutgoing refuses what cannot be sent, outside the transaction, and returns
// the sanitised body.
func (h *Hub) checkOutgoing(o *Outgoing) (body string, err error) {
	if time.Until(o.SendAt) > maxSendLater {
		return "", &InvalidError{"send_at", "choose a time within the next 30 days"}
	}
	if len(o.HTML) > maxOutgoing {
		return "", &InvalidError{"html", fmt.Sprintf("the text is longer than %d bytes; attach it as a file", maxOutgoing)}
	}
	if len(o.Key) > MaxKey {
		return "", &InvalidError{"key", fmt.Sprintf("an idempotency key has at most %d bytes", MaxKey)}
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

// maxNewer bounds what a NewerError shows.
const maxNewer = 50

// nothingNewer holds an answer back if its writer has not seen all messages. If
// this very answer is among what he has not seen, it returns the event of that.
func (h *Hub) nothingNewer(tx *store.Tx, c *Conversation, o *Outgoing, body string) (same uint64, err error) {
	var newer []timeline.Event
	for after := o.SeenSeq; ; {
		page, err := h.Timeline.Conversation(tx, c.ID, timeline.Span{After: after, Limit: 200})
		if err != nil {
			return 0, err
		}
		for _, e := range page.Events {
			mine := e.Actor == agentActor(o.Agent)
			switch e.Kind {
			case timeline.MessageQueued:
				if mine && o.SeenSeq != 0 {
					if again, err := h.repeats(tx, e.Message, o, body); err != nil || again {
						return e.Seq, err
					}
				}
				if mine || e.Actor == "" { // an automatic one says nothing new
					continue
				}
			case timeline.ConversationMerged:
				if mine {
					continue
				}
			case timeline.MessageReceived:
			default:
				continue
			}
			newer = append(newer, e)
		}
		if after = page.After; after == 0 {
			break
		}
	}
	if o.Anyway || len(newer) == 0 {
		return 0, nil
	}
	return 0, &NewerError{Events: newer[max(0, len(newer)-maxNewer):]}
}

// repeats tells whether message id is what o asks to write.
func (h *Hub) repeats(tx *store.Tx, id uint64, o *Outgoing, body string) (bool, error) {
	r, err := h.Message(tx, id)
	if err != nil {
		return false, err
	}
	people := func(a, b message.Person) bool { return a.Handle == b.Handle }
	return r.Agent == o.Agent && (o.Account == "" || r.Account == o.Account) && (r.HTML == "" || strings.HasPrefix(r.HTML, body)) && r.Reply == strings.TrimSpace(safehtml.Text(body)) &&
		(o.Subject == "" || r.Subject == o.Subject) &&
		slices.EqualFunc(r.To, o.To, people) && slices.EqualFunc(r.Cc, o.Cc, people) && slices.EqualFunc(r.Bcc, o.Bcc, people) &&
		slices.EqualFunc(r.Parts, o.Attachments, func(a, b message.Part) bool { return a.Blob == b.Blob && a.Name == b.Name }), nil
}

// quoteAhead makes the quote of what o will answer, as things stand: to sanitise a
// long mail takes longer than others should wait for the transaction. The result
// serves for any message.
func (h *Hub) quoteAhead(o *Outgoing) func(base *Record) string {
	forward := o.Mode == ModeForward
	var id uint64
	var edited time.Time
	var ahead string
	if o.Conversation != 0 && o.Mode != ModeNew {
		var base *Record
		// An error shows again in the transaction, which tells it.
		_ = h.Store.View(func(tx *store.Tx) error {
			c, err := h.Conversation(tx, o.Conversation)
			if err == nil {
				base, err = h.answered(tx, c, o.InReplyTo)
			}
			return err
		})
		if base != nil {
			id, edited, ahead = base.ID, base.Edited, quoteHTML(base, forward)
		}
	}
	return func(base *Record) string {
		if base.ID == id && base.Edited.Equal(edited) && base.Deleted.IsZero() {
			return ahead
		}
		return quoteHTML(base, forward)
	}
}

// enqueue writes the message, its delivery and the event.
func (h *Hub) enqueue(tx *store.Tx, c *Conversation, o *Outgoing, body string, quote func(*Record) string) (uint64, error) {
	var base *Record
	var err error
	if c != nil && o.Mode != ModeNew {
		if base, err = h.answered(tx, c, o.InReplyTo); err != nil {
			return 0, err
		}
	}
	var news json.RawMessage
	if c == nil {
		whose, created, err := h.Identity.Resolve(tx, slices.Concat(o.To, o.Cc, o.Bcc)[0], false)
		if err != nil {
			return 0, err
		}
		if whose.News && !created { // by what we call him
			news = arrivalData{News: true}.json()
		}
		if o.Account == "" {
			return 0, &InvalidError{"account", "choose the account to send from"}
		}
		if c, err = h.open(tx, &message.Message{Account: o.Account, Subject: o.Subject, Kind: message.Human}, whose); err != nil {
			return 0, err
		}
		if err := h.assign(tx, c, o.Agent); err != nil {
			return 0, err
		}
		if o.Purpose != "" {
			if err := h.setPurpose(tx, c, o.Purpose, actorOrHub(o.Agent)); err != nil {
				return 0, err
			}
		}
	}
	if o.Account == "" {
		o.Account = h.sendAccount(c, base)
	}
	info, ok := h.accountInfo(o.Account)
	if !ok {
		return 0, &InvalidError{"account", fmt.Sprintf("%q is not an account that can send now", o.Account)}
	}
	if err := h.fit(tx, o, c.Purpose, info); err != nil {
		return 0, err
	}
	c.Channel = info.Channel
	r := &Record{Message: message.Message{
		ID: tx.NextID(), Token: newToken(), Channel: info.Channel, Account: o.Account, Direction: message.Out,
		From: info.Own, To: o.To, Cc: o.Cc, Bcc: o.Bcc, Subject: o.Subject, Parts: o.Attachments, Warnings: o.notices,
		Time: tx.Now().UTC().Truncate(time.Second), Kind: message.Human,
	}, Conversation: c.ID, Agent: o.Agent, Purpose: c.Purpose}
	r.Ref = message.OwnRef(r.ID, r.Token)
	if r.Advised, err = h.advised(tx, c); err != nil {
		return 0, err
	}
	if r.Subject == "" && base != nil && info.Writing.Letter {
		if s := bareSubject(cmp.Or(base.Subject, c.Subject)); s != "" {
			r.Subject = "Re: " + s
		}
	}
	if err := write(r, base, o, body, info, quote); err != nil {
		return 0, err
	}
	if base != nil && o.Mode != ModeForward {
		to, err := h.antecedent(tx, c, r, base)
		if err != nil {
			return 0, err
		}
		if to != nil {
			refer(r, to)
			// An answer in a thread is no part of the stream beside it.
			r.Chat = r.Chat && to.Chat
		}
	}
	delivery := &Delivery{Account: o.Account, Status: message.Queued, Due: tx.Now().Add(h.undo), Created: tx.Now(),
		Draft: &Draft{Mode: o.Mode, Account: o.Account, To: o.To, Cc: o.Cc, Bcc: o.Bcc, Subject: o.Subject,
			HTML: body, Attachments: o.Attachments, InReplyTo: o.InReplyTo, Template: o.Template, Saved: tx.Now()}}
	if o.SendAt.After(delivery.Due) {
		// Its time to give up begins when it is to go out.
		r.SendAt, delivery.Due, delivery.Created = o.SendAt.UTC(), o.SendAt.UTC(), o.SendAt.UTC()
	}
	if r.Seq, err = h.Timeline.Append(tx, timeline.Event{
		Kind: timeline.MessageQueued, Actor: agentActor(o.Agent), Conversation: c.ID, Message: r.ID, Subjects: []uint64{c.subject()},
		Data: news,
	}); err != nil {
		return 0, err
	}
	r.Whom = ptr(h.whom(tx, r))
	if err := h.messages.Insert(tx, r.ID, r); err != nil {
		return 0, err
	}
	if err := h.tellFiles(tx, r); err != nil {
		return 0, err
	}
	if err := h.deliveries.Insert(tx, r.ID, delivery); err != nil {
		return 0, err
	}
	c.Messages++
	c.Last, c.LastSeq, c.Preview, c.Direction, c.Call = tx.Now(), r.Seq, preview(r.Reply), string(message.Out), nil
	c.Unread, c.Waiting, c.Answered = 0, time.Time{}, tx.Now()
	c.addAccount(o.Account)
	c.admit(h.others(slices.Concat(o.To, o.Cc, o.Bcc), nil)...)
	c.Withdrawn = false
	c.setDrafter(o.Agent, false)
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
