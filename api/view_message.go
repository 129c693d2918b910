package api

import (
	"errors"
	"net/url"
	"strings"
	"unicode/utf8"

	"throughline/inbox"
	"throughline/message"
	"throughline/safehtml"
	"throughline/store"
	"throughline/timeline"
	"throughline/wording"
)

// entry is an event with what it tells of, the texts cut to limit bytes. What has
// been erased since is left out.
func (v *view) entry(e *timeline.Event, limit int) (Entry, error) {
	out := Entry{Seq: e.Seq, Time: e.Time, Kind: e.Kind, Conversation: e.Conversation, Customer: e.Customer, Actor: e.Actor, Data: e.Data}
	if out.Actor == "" {
		out.Actor = "system"
	}
	if e.Kind == timeline.CustomerChanged {
		var err error
		if out.Data, err = v.changedData(e); err != nil {
			return Entry{}, err
		}
	}
	if e.Message != 0 {
		m, err := v.message(e.Message, limit)
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			return Entry{}, err
		}
		out.Message = m
	}
	if e.Note != 0 {
		n, err := v.s.hub.Note(v.tx, e.Note)
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			return Entry{}, err
		}
		if n != nil {
			out.Note = &Note{ID: n.ID, Agent: n.Agent, Text: n.Text}
		}
	}
	if strings.HasPrefix(e.Kind, "document.") {
		d, err := v.entryDocument(e)
		if err != nil {
			return Entry{}, err
		}
		out.Document = d
	}
	if e.Task != 0 {
		out.TaskID = e.Task
		t, err := v.task(e.Task)
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			return Entry{}, err
		}
		out.Task = t
	}
	return out, nil
}

// message reads a message, its texts cut to limit bytes; wholeText cuts nothing.
func (v *view) message(id uint64, limit int) (*Message, error) {
	r, err := v.s.hub.Message(v.tx, id)
	if err != nil {
		return nil, err
	}
	m := &Message{
		ID: r.ID, Channel: r.Channel, Account: r.Account, Direction: string(r.Direction), Time: r.Time,
		From: v.person(r.From), To: v.persons(r.To), Subject: r.Subject, Reply: r.Reply, Quoted: r.Quoted, Signature: r.Signature,
		HasQuoted: r.Quoted != "", HasHTML: r.HTML != "", Kind: string(r.Kind), List: r.List, Bulk: r.Bulk, Vouch: string(r.Vouch),
		Warnings: r.Warnings, WarningWords: wordsOf(r.Warnings), Agent: r.Agent, Attachments: v.scanned(attachments(r.Parts)),
		RemoteImages: r.Direction == message.In && safehtml.HasRemote(r.HTML),
	}
	v.more(m, r, limit)
	if len(r.ReplyTo) > 0 {
		m.ReplyTo = v.persons(r.ReplyTo)
	}
	if len(r.Cc) > 0 {
		m.Cc = v.persons(r.Cc)
	}
	if len(r.Bcc) > 0 {
		m.Bcc = v.persons(r.Bcc)
	}
	if limit != wholeText {
		m.Reply, m.Signature, m.Subject = cut(r.Reply, limit), cut(r.Signature, extraText), cut(r.Subject, extraText)
		m.Truncated = len(m.Reply) < len(r.Reply) || len(m.Signature) < len(r.Signature) || len(m.Subject) < len(r.Subject) || r.Quoted != ""
		m.Quoted = ""
	}
	if r.Direction == message.Out {
		d, err := v.s.hub.Delivery(v.tx, id)
		switch {
		case err == nil:
			m.Delivery = v.delivery(d)
		case !errors.Is(err, store.ErrNotFound): // a colleague's own program wrote it
			return nil, err
		}
	}
	return m, nil
}

func (v *view) delivery(d *inbox.Delivery) *Delivery {
	out := &Delivery{
		Status: string(d.Status), Reason: d.Reason, Code: d.Code, Due: d.Due, CanUndo: d.CanUndo(v.tx.Now()), CanRetry: d.CanRetry(),
		Attempts: make([]Attempt, 0, len(d.Attempts)), Words: wording.Of(d.Reason), Dismissed: d.Dismissed,
		Checking: d.Checking != nil,
	}
	for _, a := range d.Attempts {
		out.Attempts = append(out.Attempts, Attempt{Time: a.Time, Result: a.Result, Code: a.Code, Detail: a.Detail, Words: wording.Of(a.Detail)})
	}
	for _, r := range d.Rejected {
		out.Rejected = append(out.Rejected, Refusal{Report: r, Words: wording.Of(r.Reason)})
	}
	return out
}

func attachments(parts []message.Part) []Attachment {
	if len(parts) == 0 {
		return nil
	}
	out := make([]Attachment, 0, len(parts))
	for _, p := range parts {
		out = append(out, attachment(p))
	}
	return out
}

func attachment(p message.Part) Attachment {
	return Attachment{Name: p.Name, ContentType: p.ContentType, Size: p.Size, Inline: p.Inline, ContentID: p.ContentID, Blob: p.Blob, URL: blobURL(p)}
}

// blobURL is where a part is fetched from. The name at the end is what a
// browser saves it as.
func blobURL(p message.Part) string {
	name := fileName(p.Name)
	if name == "" {
		name = "file"
	}
	return "/api/blobs/" + p.Blob + "/" + url.PathEscape(name) + "?type=" + url.QueryEscape(p.ContentType)
}

// cut shortens a text to at most n bytes, between characters.
func cut(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}

func (v *view) draft(d *inbox.Draft) *Draft {
	return &Draft{
		Mode: d.Mode, Account: d.Account, To: v.persons(d.To), Cc: v.persons(d.Cc), Bcc: v.persons(d.Bcc), Subject: d.Subject,
		HTML: d.HTML, Attachments: attachments(d.Attachments), InReplyTo: d.InReplyTo, Template: templateUse(d.Template), Saved: d.Saved,
	}
}

// maxPeople bounds the participants shown of a conversation.
const maxPeople = 100
