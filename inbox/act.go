package inbox

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"throughline/message"
	"throughline/store"
	"throughline/timeline"
)

// Note is a private remark among agents.
type Note struct {
	ID           uint64    `json:"-"`
	Conversation uint64    `json:"conversation"`
	Agent        uint64    `json:"agent"`
	Text         string    `json:"text"`
	Time         time.Time `json:"time"`
}

// Draft is an unsent answer, one per agent and conversation.
type Draft struct {
	Mode        string           `json:"mode"`
	Account     string           `json:"account,omitempty"`
	To          []message.Person `json:"to,omitempty"`
	Cc          []message.Person `json:"cc,omitempty"`
	Bcc         []message.Person `json:"bcc,omitempty"`
	Subject     string           `json:"subject,omitempty"`
	HTML        string           `json:"html"`
	Attachments []message.Part   `json:"attachments,omitempty"`
	InReplyTo   uint64           `json:"in_reply_to,omitempty"`
	Saved       time.Time        `json:"saved"`
}

// Change is what an agent changes of a conversation; nil fields stay.
type Change struct {
	Status       *string
	SnoozedUntil *time.Time // for Snoozed
	Assignee     *uint64    // 0 is nobody
	Priority     *string
	Tags         *[]string
}

const (
	maxTags      = 20
	maxTagRunes  = 40
	maxNoteBytes = 64 << 10
	maxBatch     = 500
)

// Change applies c to conversations, all or none.
func (h *Hub) Change(ctx context.Context, agent uint64, ids []uint64, c Change) error {
	if len(ids) > maxBatch {
		return &InvalidError{"ids", fmt.Sprintf("at most %d conversations at once", maxBatch)}
	}
	return h.Store.Update(ctx, func(tx *store.Tx) error {
		for _, id := range ids {
			conv, err := h.Conversation(tx, id)
			if err != nil {
				return err
			}
			if err := h.change(tx, conv, agent, c); err != nil {
				return err
			}
			if err := h.conversations.Put(tx, conv.ID, conv); err != nil {
				return err
			}
		}
		return nil
	})
}

// change applies ch to c and tells of what really changed; the caller stores c.
func (h *Hub) change(tx *store.Tx, c *Conversation, agent uint64, ch Change) error {
	tell := func(kind string, pairs ...any) error {
		_, err := h.Timeline.Append(tx, timeline.Event{
			Kind: kind, Actor: actorOrHub(agent), Conversation: c.ID, Subjects: []uint64{c.Handle}, Data: eventData(pairs...),
		})
		return err
	}
	if ch.Status != nil {
		until := time.Time{}
		switch *ch.Status {
		case Open, Resolved:
		case Snoozed:
			if ch.SnoozedUntil == nil || !ch.SnoozedUntil.After(tx.Now()) {
				return &InvalidError{"snoozed_until", "give a time in the future"}
			}
			until = ch.SnoozedUntil.UTC()
		default:
			return &InvalidError{"status", `write "open", "snoozed" or "resolved"`}
		}
		if *ch.Status != c.Status || !until.Equal(c.SnoozedUntil) {
			from := c.Status
			c.Status, c.SnoozedUntil = *ch.Status, until
			if c.Status == Resolved {
				c.Waiting, c.Unread = time.Time{}, 0
			}
			pairs := []any{"from", from, "to", c.Status}
			if !until.IsZero() {
				pairs = append(pairs, "until", until)
			}
			if err := tell(timeline.ConversationStatus, pairs...); err != nil {
				return err
			}
		}
	}
	if ch.Assignee != nil && *ch.Assignee != c.Assignee {
		from := c.Assignee
		c.Assignee = *ch.Assignee
		if err := tell(timeline.ConversationAssigned, "from", from, "to", c.Assignee); err != nil {
			return err
		}
	}
	if ch.Priority != nil && *ch.Priority != c.Priority {
		if !slices.Contains(priorities, *ch.Priority) {
			return &InvalidError{"priority", "write one of " + strings.Join(priorities, ", ")}
		}
		from := c.Priority
		c.Priority = *ch.Priority
		if err := tell(timeline.ConversationPriority, "from", from, "to", c.Priority); err != nil {
			return err
		}
	}
	if ch.Tags != nil {
		tags, err := cleanTags(*ch.Tags)
		if err != nil {
			return err
		}
		if !slices.Equal(tags, c.Tags) {
			from := c.Tags
			c.Tags = tags
			if err := tell(timeline.ConversationTags, "from", from, "to", tags); err != nil {
				return err
			}
		}
	}
	return nil
}

func actorOrHub(agent uint64) string {
	if agent == 0 {
		return ""
	}
	return agentActor(agent)
}

func cleanTags(tags []string) ([]string, error) {
	var out []string
	for _, t := range tags {
		t = strings.Join(strings.Fields(t), " ")
		if t == "" || slices.Contains(out, t) {
			continue
		}
		if utf8.RuneCountInString(t) > maxTagRunes || strings.ContainsFunc(t, unicode.IsControl) || !utf8.ValidString(t) {
			return nil, &InvalidError{"tags", fmt.Sprintf("a tag is at most %d characters on one line", maxTagRunes)}
		}
		out = append(out, t)
	}
	if len(out) > maxTags {
		return nil, &InvalidError{"tags", fmt.Sprintf("at most %d tags", maxTags)}
	}
	slices.Sort(out)
	return out, nil
}

// AddNote adds a private note.
func (h *Hub) AddNote(ctx context.Context, agent, conversation uint64, text string) (seq uint64, err error) {
	text = strings.TrimSpace(text)
	if text == "" || len(text) > maxNoteBytes {
		return 0, &InvalidError{"text", fmt.Sprintf("a note has 1 to %d bytes", maxNoteBytes)}
	}
	err = h.Store.Update(ctx, func(tx *store.Tx) error {
		c, err := h.Conversation(tx, conversation)
		if err != nil {
			return err
		}
		n := &Note{ID: tx.NextID(), Conversation: c.ID, Agent: agent, Text: text, Time: tx.Now()}
		if err := h.notes.Insert(tx, n.ID, n); err != nil {
			return err
		}
		if seq, err = h.Timeline.Append(tx, timeline.Event{
			Kind: timeline.NoteAdded, Actor: agentActor(agent), Conversation: c.ID, Note: n.ID, Subjects: []uint64{c.Handle},
		}); err != nil {
			return err
		}
		c.Last, c.LastSeq, c.Preview, c.Direction = tx.Now(), seq, preview(text), "note"
		return h.conversations.Put(tx, c.ID, c)
	})
	return seq, err
}

// Note returns a note; ErrNotFound if there is none.
func (h *Hub) Note(tx *store.Tx, id uint64) (*Note, error) {
	n, err := h.notes.Get(tx, id)
	if err != nil {
		return nil, err
	}
	n.ID = id
	return n, nil
}

// Read marks and drafts are values by agent and conversation.
const (
	readBucket  = "read"
	draftBucket = "drafts"
)

func readKey(agent, conversation uint64) string {
	return string(store.K().Uint(agent).Uint(conversation))
}

func draftKey(agent, conversation uint64) string { return readKey(agent, conversation) }

// Read marks a conversation as read by an agent up to seq.
func (h *Hub) Read(ctx context.Context, agent, conversation, seq uint64) error {
	return h.Store.Update(ctx, func(tx *store.Tx) error {
		c, err := h.Conversation(tx, conversation)
		if err != nil {
			return err
		}
		if h.ReadSeq(tx, agent, c.ID) < seq {
			if err := tx.PutValue(readBucket, readKey(agent, c.ID), binary.BigEndian.AppendUint64(nil, seq)); err != nil {
				return err
			}
		}
		if c.Unread == 0 || seq < c.LastSeq {
			return nil
		}
		c.Unread = 0
		if err := h.conversations.Put(tx, c.ID, c); err != nil {
			return err
		}
		_, err = h.Timeline.Append(tx, timeline.Event{
			Kind: timeline.ConversationRead, Actor: agentActor(agent), Conversation: c.ID, Quiet: true,
		})
		return err
	})
}

// ReadSeq is up to where an agent has read a conversation.
func (h *Hub) ReadSeq(tx *store.Tx, agent, conversation uint64) uint64 {
	v := tx.GetValue(readBucket, readKey(agent, conversation))
	if len(v) != 8 {
		return 0
	}
	return binary.BigEndian.Uint64(v)
}

// Draft returns an agent's draft; ErrNotFound if there is none. Conversation 0
// is the draft of a new one.
func (h *Hub) Draft(tx *store.Tx, agent, conversation uint64) (*Draft, error) {
	v := tx.GetValue(draftBucket, draftKey(agent, conversation))
	if v == nil {
		return nil, fmt.Errorf("draft: %w", ErrNotFound)
	}
	d := new(Draft)
	return d, json.Unmarshal(v, d)
}

// SaveDraft keeps what an agent has written so far.
func (h *Hub) SaveDraft(ctx context.Context, agent, conversation uint64, d *Draft) (*Draft, error) {
	if len(d.HTML) > maxOutgoing {
		return nil, &InvalidError{"html", fmt.Sprintf("the text is longer than %d bytes", maxOutgoing)}
	}
	saved := *d
	err := h.Store.Update(ctx, func(tx *store.Tx) error {
		saved = *d
		saved.Saved = tx.Now()
		c := &Conversation{}
		if conversation != 0 {
			var err error
			if c, err = h.Conversation(tx, conversation); err != nil {
				return err
			}
		}
		return h.putDraft(tx, agent, c, &saved)
	})
	return &saved, err
}

// DeleteDraft drops an agent's draft; none is no error.
func (h *Hub) DeleteDraft(ctx context.Context, agent, conversation uint64) error {
	return h.Store.Update(ctx, func(tx *store.Tx) error {
		c := &Conversation{}
		if conversation != 0 {
			var err error
			if c, err = h.Conversation(tx, conversation); err != nil {
				return err
			}
		}
		return h.putDraft(tx, agent, c, nil)
	})
}

// putDraft stores or drops (nil) a draft. Others see only that there is one, and
// are told when that changes, not with every letter.
func (h *Hub) putDraft(tx *store.Tx, agent uint64, c *Conversation, d *Draft) error {
	var v []byte
	if d != nil {
		var err error
		if v, err = json.Marshal(d); err != nil {
			return err
		}
	}
	if err := tx.PutValue(draftBucket, draftKey(agent, c.ID), v); err != nil || c.ID == 0 {
		return err
	}
	was := c.Draft
	switch {
	case d != nil && c.Draft == 0:
		c.Draft = agent
	case d == nil && c.Draft == agent:
		c.Draft = 0
	}
	if c.Draft == was {
		return nil
	}
	if err := h.conversations.Put(tx, c.ID, c); err != nil {
		return err
	}
	_, err := h.Timeline.Append(tx, timeline.Event{
		Kind: timeline.DraftChanged, Actor: agentActor(agent), Conversation: c.ID, Quiet: true,
	})
	return err
}

// Move re-files one message: to another conversation, or, with to 0, to a new one
// of its sender. A conversation that is left without messages goes into the other.
func (h *Hub) Move(ctx context.Context, agent, id, to uint64) (conversation uint64, err error) {
	err = h.Store.Update(ctx, func(tx *store.Tx) error {
		r, err := h.Message(tx, id)
		if err != nil {
			return err
		}
		from, err := h.Conversation(tx, r.Conversation)
		if err != nil {
			return err
		}
		var target *Conversation
		if to == 0 {
			if from.Messages < 2 {
				return &ConflictError{"this message is alone in its conversation already"}
			}
			whose := from.Handle
			if r.Sender != 0 && r.Direction == message.In {
				whose = r.Sender
			}
			hd, err := h.Identity.Handle(tx, whose)
			if err != nil {
				return err
			}
			target = h.open(tx, &r.Message, hd)
		} else if target, err = h.Conversation(tx, to); err != nil {
			return err
		}
		if target.ID == from.ID {
			return &ConflictError{"this message is in that conversation already"}
		}
		conversation = target.ID
		e, err := h.Timeline.Get(tx, r.Seq)
		if err != nil {
			return err
		}
		if err := h.refile(tx, e, target.ID); err != nil {
			return err
		}
		target.admit(h.others(slices.Concat([]message.Person{r.From}, r.ReplyTo, r.To, r.Cc), nil)...)
		target.addAccount(r.Account)
		if err := h.recount(tx, from); err != nil {
			return err
		}
		if from.Messages == 0 {
			if err := h.conversations.Put(tx, target.ID, target); err != nil {
				return err
			}
			return h.absorb(tx, from, target, agentActor(agent))
		}
		if err := h.recount(tx, target); err != nil {
			return err
		}
		if err := h.conversations.Put(tx, from.ID, from); err != nil {
			return err
		}
		if err := h.conversations.Put(tx, target.ID, target); err != nil {
			return err
		}
		_, err = h.Timeline.Append(tx, timeline.Event{
			Kind: timeline.MessageMoved, Actor: agentActor(agent), Conversation: target.ID, Message: id,
			Data: eventData("from", from.ID, "to", target.ID), Quiet: true,
		})
		return err
	})
	return conversation, err
}

// MergeConversations makes one conversation part of another.
func (h *Hub) MergeConversations(ctx context.Context, agent, from, into uint64) error {
	return h.Store.Update(ctx, func(tx *store.Tx) error {
		f, err := h.Conversation(tx, from)
		if err != nil {
			return err
		}
		i, err := h.Conversation(tx, into)
		if err != nil {
			return err
		}
		if f.ID == i.ID {
			return &ConflictError{"these are the same conversation already"}
		}
		return h.absorb(tx, f, i, agentActor(agent))
	})
}
