package api

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"

	"github.com/danielgtaylor/huma/v2"

	"throughline/auth"
	"throughline/inbox"
	"throughline/store"
	"throughline/timeline"
)

type listIn struct {
	View     string `query:"view" enum:"mine,unassigned,all,snoozed,resolved,failed" doc:"Absent: all open ones, or with customer those of every status."`
	Sort     string `query:"sort" enum:"newest,waiting" default:"newest" doc:"waiting: who has waited longest first."`
	Tag      string `query:"tag" maxLength:"100"`
	Channel  string `query:"channel" maxLength:"100" doc:"One over which something of the conversation came or went."`
	Team     uint64 `query:"team" doc:"That it is with."`
	Customer uint64 `query:"customer"`
	Paging
}

type openIn struct {
	ID    uint64 `path:"id"`
	Limit int    `query:"limit" minimum:"1" maximum:"200" default:"50" doc:"Entries of the timeline."`
}

// errCursor is the problem of a cursor that was not made here.
var errCursor = &problemError{status: 422, detail: "query.cursor: use next of the page before, or leave it out to begin anew"}

// cursor makes the position in a list into text; nil is the end.
func cursor(k store.Key) string {
	return base64.RawURLEncoding.EncodeToString(k)
}

// key undoes cursor.
func (i Paging) key() (store.Key, error) {
	if i.Cursor == "" {
		return nil, nil
	}
	b, err := base64.RawURLEncoding.DecodeString(i.Cursor)
	if err != nil {
		return nil, errCursor
	}
	return b, nil
}

func (s *Server) getCounts(ctx context.Context, _ *none) (*out[Counts], error) {
	o := new(out[Counts])
	return o, s.view(func(v *view) (err error) {
		o.Body, err = v.counts(who(ctx).id())
		return err
	})
}

func (v *view) counts(agent uint64) (Counts, error) {
	trouble, err := v.trouble()
	if err != nil {
		return Counts{}, err
	}
	n, tasks := v.s.hub.Counts(v.tx, agent), v.s.hub.TaskCounts(v.tx, agent)
	return Counts{
		Mine: n.Mine, Unassigned: n.Unassigned, All: n.All, Snoozed: n.Snoozed, Resolved: n.Resolved, Failed: n.Failed,
		Held: n.Held, Duplicates: n.Duplicates, Trouble: trouble, Tasks: tasks.Due, Overdue: tasks.Overdue, AllTasks: tasks.All, FreeTasks: tasks.Free,
	}, nil
}

func (s *Server) listConversations(ctx context.Context, i *listIn) (*out[Rows], error) {
	q := inbox.ListQuery{View: i.View, Agent: who(ctx).id(), Sort: i.Sort, Tag: i.Tag, Channel: i.Channel, Team: i.Team, Limit: i.Limit}
	var err error
	if q.After, err = i.key(); err != nil {
		return nil, err
	}
	if q.View == "" && i.Customer == 0 {
		q.View = inbox.ViewAll
	}
	return s.rows(q, i.Customer)
}

// rows reads a list, of one customer unless that is 0, with its place in the
// live stream.
func (s *Server) rows(q inbox.ListQuery, customer uint64) (*out[Rows], error) {
	o := new(out[Rows])
	return o, s.view(func(v *view) error {
		o.Body = Rows{Rows: []Row{}, Seq: v.seq()}
		if customer != 0 {
			root, err := s.hub.Identity.Root(v.tx, customer)
			if err != nil {
				return err
			}
			if q.Subjects, err = s.hub.Identity.Subjects(v.tx, root.ID); err != nil {
				return err
			}
		}
		return v.list(&o.Body, q)
	})
}

func (s *Server) getConversation(ctx context.Context, i *openIn) (*out[Conversation], error) {
	return s.open(ctx, i.ID, i.Limit)
}

// defaultEntries is how much of a timeline an opened conversation shows.
const defaultEntries = 50

func (s *Server) open(ctx context.Context, id uint64, limit int) (*out[Conversation], error) {
	o := new(out[Conversation])
	return o, s.view(func(v *view) error {
		c, err := s.hub.Conversation(v.tx, id)
		if err != nil {
			return err
		}
		full, err := v.conversation(c, who(ctx).id(), limit)
		if err == nil {
			o.Body = *full
		}
		return err
	})
}

func (s *Server) getTimeline(ctx context.Context, i *spanIn) (*out[Page], error) {
	return s.timeline(i, func(v *view, span timeline.Span) (timeline.Page, error) {
		c, err := s.hub.Conversation(v.tx, i.ID)
		if err != nil {
			return timeline.Page{}, err
		}
		return s.hub.Timeline.Conversation(v.tx, c.ID, span)
	})
}

func (s *Server) timeline(i *spanIn, read func(*view, timeline.Span) (timeline.Page, error)) (*out[Page], error) {
	if i.Before != 0 && i.After != 0 {
		return nil, &problemError{status: 422, detail: "query.before, query.after: use one of them"}
	}
	o := new(out[Page])
	return o, s.view(func(v *view) error {
		p, err := read(v, timeline.Span{Before: i.Before, After: i.After, Limit: i.Limit})
		if err != nil {
			return err
		}
		o.Body, err = v.page(p)
		return err
	})
}

func (s *Server) changeConversation(ctx context.Context, i *idBody[ConversationChange]) (*out[Row], error) {
	if err := s.change(ctx, []uint64{i.ID}, i.Body); err != nil {
		return nil, err
	}
	o := new(out[Row])
	return o, s.view(func(v *view) error {
		c, err := s.hub.Conversation(v.tx, i.ID)
		if err != nil {
			return err
		}
		o.Body, err = v.row(c)
		return err
	})
}

func (s *Server) changeConversations(ctx context.Context, i *in[BatchChange]) (*out[Rows], error) {
	if err := s.change(ctx, i.Body.IDs, i.Body.ConversationChange); err != nil {
		return nil, err
	}
	o := new(out[Rows])
	return o, s.view(func(v *view) error {
		o.Body = Rows{Rows: make([]Row, 0, len(i.Body.IDs)), Seq: v.seq()}
		for _, id := range i.Body.IDs {
			c, err := s.hub.Conversation(v.tx, id)
			if err != nil {
				return err
			}
			r, err := v.row(c)
			if err != nil {
				return err
			}
			o.Body.Rows = append(o.Body.Rows, r)
		}
		return nil
	})
}

func (s *Server) change(ctx context.Context, ids []uint64, c ConversationChange) error {
	me := who(ctx).id()
	if c.Assignee != nil && *c.Assignee != 0 {
		a, err := s.auth.Agent(*c.Assignee)
		if errors.Is(err, auth.ErrNotFound) || err == nil && a.Disabled {
			return &inbox.InvalidError{Field: "assignee", Text: "there is no such agent any more: choose somebody else"}
		}
		if err != nil {
			return err
		}
	}
	if c.SnoozedUntil != nil {
		if err := s.checkSnooze(*c.SnoozedUntil); err != nil {
			return err
		}
	}
	if c.Tags != nil {
		tags := make([]string, 0, len(*c.Tags))
		for _, t := range *c.Tags {
			tags = append(tags, straight(t))
		}
		c.Tags = &tags
	}
	change := inbox.Change{Status: c.Status, SnoozedUntil: c.SnoozedUntil, Assignee: c.Assignee, Team: c.Team, Priority: c.Priority, Tags: c.Tags, Purpose: c.Purpose}
	if change != (inbox.Change{}) {
		if err := s.hub.Change(ctx, me, ids, change); err != nil {
			return err
		}
	}
	if c.SeenSeq != 0 {
		for _, id := range ids {
			if err := s.read(ctx, id, c.SeenSeq); err != nil {
				return err
			}
		}
	}
	return nil
}

func (s *Server) readConversation(ctx context.Context, i *idBody[ReadRequest]) (*none, error) {
	return &none{}, s.read(ctx, i.ID, i.Body.Seq)
}

// read remembers up to where the caller has read. Nobody has read what is yet to
// come.
func (s *Server) read(ctx context.Context, conversation, seq uint64) error {
	last, err := s.lives.last()
	if err != nil {
		return err
	}
	return s.hub.Read(ctx, who(ctx).id(), conversation, min(seq, last))
}

func (s *Server) addNote(ctx context.Context, i *idBody[NoteRequest]) (*out[Entry], error) {
	seq, err := s.hub.AddNote(ctx, who(ctx).id(), i.ID, plain(i.Body.Text))
	if err != nil {
		return nil, err
	}
	return s.entryAt(seq)
}

// entryAt reads the event that a change has just written.
func (s *Server) entryAt(seq uint64) (*out[Entry], error) {
	o := new(out[Entry])
	return o, s.view(func(v *view) error {
		e, err := s.hub.Timeline.Get(v.tx, seq)
		if err != nil {
			return err
		}
		o.Body, err = v.entry(e, mostText)
		return err
	})
}

// Once is how a client asks for a message once, however often it asks.
type Once struct {
	Key string `header:"Idempotency-Key" maxLength:"200" doc:"A name of the client's for this message, new for each: asked for again under the same one, within a week, nothing is sent twice and the answer is that of the first time."`
}

type (
	replyIn struct {
		ID uint64 `path:"id"`
		Once
		Body ReplyRequest
	}
	composeIn struct {
		Once
		Body ComposeRequest
	}
)

func (s *Server) reply(ctx context.Context, i *replyIn) (*out[Entry], error) {
	b := i.Body
	seq, err := s.send(ctx, inbox.Outgoing{
		Conversation: i.ID, Mode: b.Mode, Account: b.Account, Subject: b.Subject, HTML: b.HTML,
		InReplyTo: b.InReplyTo, SeenSeq: b.SeenSeq, Anyway: b.Anyway, Then: b.Then, SnoozedUntil: b.SnoozedUntil,
		Key: i.Key, Template: b.Template.use(), SendAt: b.SendAt,
	}, Draft{To: b.To, Cc: b.Cc, Bcc: b.Bcc, Attachments: b.Attachments})
	if newer := (*inbox.NewerError)(nil); errors.As(err, &newer) {
		return nil, s.heldBack(newer)
	}
	if err != nil {
		return nil, err
	}
	return s.entryAt(seq)
}

// send puts what was written into the outbox.
func (s *Server) send(ctx context.Context, o inbox.Outgoing, d Draft) (seq uint64, err error) {
	me := who(ctx)
	o.Agent, o.AgentSignature = me.id(), me.Agent.Preferences.Signature
	if o.To, err = recipientsOf("to", d.To); err != nil {
		return 0, err
	}
	if o.Cc, err = recipientsOf("cc", d.Cc); err != nil {
		return 0, err
	}
	if o.Bcc, err = recipientsOf("bcc", d.Bcc); err != nil {
		return 0, err
	}
	if o.Attachments, err = parts(d.Attachments); err != nil {
		return 0, err
	}
	if err := s.checkFiles(ctx, o.Attachments); err != nil {
		return 0, err
	}
	if err := s.checkSnooze(o.SnoozedUntil); err != nil {
		return 0, err
	}
	seq, err = s.hub.Reply(ctx, o)
	if invalid, ok := errors.AsType[*inbox.InvalidError](err); ok && invalid.Field == "key" {
		return 0, &problemError{status: 422, detail: "Idempotency-Key: " + invalid.Text,
			errors: []*huma.ErrorDetail{{Location: "header.Idempotency-Key", Message: invalid.Text}}}
	}
	return seq, err
}

// heldBack shows the writer of a reply what he had not seen.
func (s *Server) heldBack(newer *inbox.NewerError) error {
	p := &problemError{status: 409, detail: "your reply was not sent: " + newer.Error(), newer: []Entry{}}
	err := s.view(func(v *view) error {
		for _, e := range newer.Events {
			entry, err := v.entry(&e, frameText)
			if err != nil {
				return err
			}
			p.newer = append(p.newer, entry)
		}
		return nil
	})
	if err != nil {
		return err
	}
	return p
}

func (s *Server) compose(ctx context.Context, i *composeIn) (*out[Conversation], error) {
	b := i.Body
	seq, err := s.send(ctx, inbox.Outgoing{Mode: inbox.ModeNew, Account: b.Account, Subject: b.Subject, HTML: b.HTML, Key: i.Key, Template: b.Template.use(),
		SendAt: b.SendAt, Purpose: b.Purpose},
		Draft{To: b.To, Cc: b.Cc, Bcc: b.Bcc, Attachments: b.Attachments})
	if err != nil {
		return nil, err
	}
	var id uint64
	if err := s.view(func(v *view) error {
		e, err := s.hub.Timeline.Get(v.tx, seq)
		if err == nil {
			id = e.Conversation
		}
		return err
	}); err != nil {
		return nil, err
	}
	return s.open(ctx, id, defaultEntries)
}

type recipientsIn struct {
	ID      uint64 `path:"id"`
	Mode    string `query:"mode" enum:"reply,reply_all,forward" default:"reply_all"`
	Message uint64 `query:"message" doc:"The message answered; absent means the newest."`
}

func (s *Server) getRecipients(ctx context.Context, i *recipientsIn) (*out[Recipients], error) {
	o := new(out[Recipients])
	return o, s.view(func(v *view) error {
		r, err := s.hub.Recipients(v.tx, i.ID, i.Mode, i.Message)
		if err != nil {
			return err
		}
		o.Body = Recipients{Account: r.Account, To: v.persons(r.To), Cc: v.persons(r.Cc), Subject: r.Subject, InReplyTo: r.InReplyTo,
			Quote: r.QuoteHTML, Warning: r.Warning, Attachments: v.scanned(attachments(r.Attachments))}
		return nil
	})
}

func (s *Server) moveMessage(ctx context.Context, i *idBody[MoveRequest]) (*out[Conversation], error) {
	if err := s.view(func(v *view) error {
		c, err := s.hub.Conversation(v.tx, i.ID)
		if err != nil {
			return err
		}
		m, err := s.hub.Message(v.tx, i.Body.Message)
		if err != nil {
			return err
		}
		if m.Conversation != c.ID {
			return &inbox.InvalidError{Field: "message", Text: fmt.Sprintf("message %d is not in this conversation: reload it", i.Body.Message)}
		}
		return nil
	}); err != nil {
		return nil, err
	}
	id, err := s.hub.Move(ctx, who(ctx).id(), i.Body.Message, i.Body.To)
	if err != nil {
		return nil, err
	}
	return s.open(ctx, id, defaultEntries)
}

func (s *Server) mergeConversation(ctx context.Context, i *idBody[MergeRequest]) (*out[Conversation], error) {
	if err := s.hub.MergeConversations(ctx, who(ctx).id(), i.ID, i.Body.Into); err != nil {
		return nil, err
	}
	return s.open(ctx, i.Body.Into, defaultEntries)
}

func (s *Server) listTags(ctx context.Context, _ *none) (*out[Tags], error) {
	o := &out[Tags]{Tags{Tags: []TagCount{}}}
	return o, s.view(func(v *view) error {
		for _, t := range s.hub.Tags(v.tx) {
			o.Body.Tags = append(o.Body.Tags, TagCount(t))
		}
		return nil
	})
}
