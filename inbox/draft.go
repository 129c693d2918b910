package inbox

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"throughline/message"
	"throughline/safehtml"
	"throughline/store"
	"throughline/timeline"
)

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

	Template *message.TemplateUse `json:"template,omitempty"`

	Saved time.Time `json:"saved"`
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
	if !c.setDrafter(agent, d != nil) {
		return nil
	}
	if err := h.conversations.Put(tx, c.ID, c); err != nil || c.Draft == was {
		return err
	}
	_, err := h.Timeline.Append(tx, timeline.Event{
		Kind: timeline.DraftChanged, Actor: agentActor(agent), Conversation: c.ID, Quiet: true,
	})
	return err
}

// setDrafter notes whether an agent has a draft in c; false means that nothing
// changed.
func (c *Conversation) setDrafter(agent uint64, has bool) bool {
	if slices.Contains(c.Drafters, agent) == has {
		return false
	}
	if has {
		c.Drafters = append(c.Drafters, agent)
	} else {
		c.Drafters = slices.DeleteFunc(c.Drafters, func(a uint64) bool { return a == agent })
	}
	c.Draft = 0
	if len(c.Drafters) > 0 {
		c.Draft = c.Drafters[0]
	}
	return true
}

// joinDrafts makes one draft of two, so that nothing written is lost: the texts
// below each other, everything else as in the first.
func joinDrafts(first, second *Draft) *Draft {
	out := *first
	if second.HTML != first.HTML && strings.TrimSpace(safehtml.Text(second.HTML)) != "" {
		out.HTML = first.HTML + second.HTML
	}
	out.Attachments = slices.Clone(first.Attachments)
	for _, p := range second.Attachments {
		if !slices.ContainsFunc(out.Attachments, func(o message.Part) bool { return o.Blob == p.Blob && o.Name == p.Name }) {
			out.Attachments = append(out.Attachments, p)
		}
	}
	return &out
}
