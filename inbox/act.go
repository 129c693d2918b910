package inbox

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

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

// Change is what an agent changes of a conversation; nil fields stay.
type Change struct {
	Status       *string
	SnoozedUntil *time.Time // for Snoozed
	Assignee     *uint64    // 0 is nobody
	Team         *uint64    // 0 is none; without an Assignee it is the team's until one of them takes it
	Priority     *string
	Tags         *[]string
	Purpose      *string // "" takes it away
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
			Kind: kind, Actor: actorOrHub(agent), Conversation: c.ID, Subjects: []uint64{c.subject()}, Data: eventData(pairs...),
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
				c.Waiting, c.Unread, c.Closed = time.Time{}, 0, tx.Now()
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
	if ch.Team != nil {
		from, to := c.Assignee, uint64(0)
		if ch.Assignee != nil {
			to = *ch.Assignee
		}
		if err := h.knownTeam(tx, *ch.Team, ch.Assignee != nil); err != nil {
			return err
		}
		if to != c.Assignee || *ch.Team != c.Team {
			c.Assignee, c.Team = to, *ch.Team
			if err := tell(timeline.ConversationAssigned, "from", from, "to", to, "team", c.Team); err != nil {
				return err
			}
		}
	} else if ch.Assignee != nil && *ch.Assignee != c.Assignee {
		from := c.Assignee
		if err := h.assign(tx, c, *ch.Assignee); err != nil {
			return err
		}
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
			if err := h.findPurpose(tx, c, nil); err != nil {
				return err
			}
		}
	}
	if ch.Purpose != nil {
		return h.setPurpose(tx, c, *ch.Purpose, actorOrHub(agent))
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
			Kind: timeline.NoteAdded, Actor: agentActor(agent), Conversation: c.ID, Note: n.ID, Subjects: []uint64{c.subject()},
		}); err != nil {
			return err
		}
		c.Last, c.LastSeq, c.Preview, c.Direction, c.Call = tx.Now(), seq, preview(text), "note", nil
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
