package inbox

import (
	"context"
	"encoding/json"
	"errors"
	"math"
	"slices"
	"time"

	"throughline/message"
	"throughline/store"
	"throughline/timeline"
)

// absorb makes everything of from part of into; from remains as a pointer. actor
// is "" when the hub found out by itself. Of two states the one that presses more
// counts.
func (h *Hub) absorb(tx *store.Tx, from, into *Conversation, actor string) error {
	if err := h.joinReads(tx, from, into); err != nil {
		return err
	}
	for {
		// In pages: re-filing changes the index that is walked.
		page, err := h.Timeline.Conversation(tx, from.ID, timeline.Span{Limit: 200})
		if err != nil {
			return err
		}
		if len(page.Events) == 0 {
			break
		}
		for _, e := range page.Events {
			if err := errors.Join(h.resubject(tx, &e, from, into), h.refile(tx, &e, into.ID)); err != nil {
				return err
			}
		}
	}
	into.admit(from.Participants...)
	for _, a := range from.Accounts {
		into.addAccount(a)
	}
	for _, t := range from.Tags {
		if !slices.Contains(into.Tags, t) {
			into.Tags = append(into.Tags, t)
		}
	}
	if into.Assignee == 0 && from.Assignee != 0 {
		into.Assignee, into.Team = from.Assignee, from.Team
	}
	if slices.Index(priorities, from.Priority) > slices.Index(priorities, into.Priority) {
		into.Priority = from.Priority
	}
	switch {
	case from.Status == Open, from.Status == Snoozed && into.Status == Resolved,
		from.Status == Snoozed && into.Status == Snoozed && from.SnoozedUntil.Before(into.SnoozedUntil):
		into.Status, into.SnoozedUntil = from.Status, from.SnoozedUntil
	}
	if into.Subject == "" {
		into.Subject = from.Subject
	}
	if err := errors.Join(h.takePurpose(tx, from, into, actor), h.moveDrafts(tx, from, into), h.moveTasks(tx, from, into)); err != nil {
		return err
	}
	into.Split = into.Split || from.Split
	into.Messages += from.Messages
	into.Undelivered += from.Undelivered
	into.Unread += from.Unread
	into.Withdrawn = into.Messages == 0
	if from.Answered.After(into.Answered) {
		into.Answered = from.Answered
	}
	waiting, last := earlier(into.Waiting, from.Waiting), into.Last
	if from.Last.After(last) {
		last = from.Last
	}
	// A matter that was closed says nothing about the other one.
	if err := h.refresh(tx, into, 0); err != nil {
		return err
	}
	into.Last = last
	if waiting.IsZero() {
		into.Waiting = waiting
	} else if waiting.After(into.Waiting) && !into.Waiting.IsZero() {
		into.Waiting = waiting // what came before was closed without an answer
	}
	from.MergedInto = into.ID
	if err := h.conversations.Put(tx, from.ID, from); err != nil {
		return err
	}
	if err := h.conversations.Put(tx, into.ID, into); err != nil {
		return err
	}
	_, err := h.Timeline.Append(tx, timeline.Event{
		Kind: timeline.ConversationMerged, Actor: actor, Conversation: into.ID,
		Data: eventData("from", from.ID, "into", into.ID), Subjects: []uint64{into.subject()},
	})
	return err
}

// earlier is the earlier of two times of which the zero one is none.
func earlier(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

// moveDrafts takes the drafts of from to into.
func (h *Hub) moveDrafts(tx *store.Tx, from, into *Conversation) error {
	for _, agent := range from.Drafters {
		d, err := h.Draft(tx, agent, from.ID)
		if err != nil {
			return err
		}
		there, err := h.Draft(tx, agent, into.ID)
		switch {
		case err == nil && there.Saved.After(d.Saved):
			d = joinDrafts(there, d)
		case err == nil:
			d = joinDrafts(d, there)
		case !errors.Is(err, ErrNotFound):
			return err
		}
		v, err := json.Marshal(d)
		if err != nil {
			return err
		}
		if err := errors.Join(tx.PutValue(draftBucket, draftKey(agent, into.ID), v), tx.PutValue(draftBucket, draftKey(agent, from.ID), nil)); err != nil {
			return err
		}
		into.setDrafter(agent, true)
	}
	from.Drafters, from.Draft = nil, 0
	return nil
}

// resubject puts what was done about one conversation, notes and the like, on the
// timeline of the customer whose the other is. Messages stay with whom they came from
// or went to.
func (h *Hub) resubject(tx *store.Tx, e *timeline.Event, from, into *Conversation) error {
	at := slices.Index(e.Subjects, from.subject())
	if e.Message != 0 || at < 0 || slices.Contains(e.Subjects, into.subject()) {
		return nil
	}
	subjects := slices.Clone(e.Subjects)
	subjects[at] = into.subject()
	return h.Timeline.Resubject(tx, e.Seq, subjects)
}

// refile puts an event and what it tells of on another conversation.
func (h *Hub) refile(tx *store.Tx, e *timeline.Event, to uint64) error {
	if e.Message != 0 {
		r, err := h.Message(tx, e.Message)
		if err != nil {
			return err
		}
		r.Conversation = to
		if err := h.messages.Put(tx, r.ID, r); err != nil {
			return err
		}
	}
	if e.Note != 0 {
		n, err := h.Note(tx, e.Note)
		if err != nil {
			return err
		}
		n.Conversation = to
		if err := h.notes.Put(tx, n.ID, n); err != nil {
			return err
		}
	}
	return h.Timeline.Refile(tx, e.Seq, to)
}

// recent is what the newest entries of a conversation say, back to its last answer.
type recent struct {
	newest  *timeline.Event // message of a person or note
	unread  int             // incoming messages since the last answer
	waiting time.Time       // the first of them that asks for an answer
	cut     bool            // there is more than maxRecent: unread is too few
}

// maxRecent bounds how far back recent looks, since writers wait for it: who has
// written that often without an answer waits since about then.
const maxRecent = 200

// recent walks back over a conversation. Where it was closed, nobody waited any
// more; only closings before the sequence closed count.
func (h *Hub) recent(tx *store.Tx, id, closed uint64) (r recent, err error) {
	var failed error
	n := 0
	_, err = h.Timeline.Newest(tx, id, maxRecent, func(e *timeline.Event) (stop bool) {
		n++
		stop, failed = r.add(h, tx, e, closed)
		r.cut = !stop && n == maxRecent
		return stop || failed != nil
	})
	return r, errors.Join(err, failed)
}

// add looks at the next older entry; stop tells that all is known.
func (r *recent) add(h *Hub, tx *store.Tx, e *timeline.Event, closed uint64) (stop bool, err error) {
	switch e.Kind {
	case timeline.ConversationStatus:
		var data struct {
			To string `json:"to"`
		}
		if err := json.Unmarshal(e.Data, &data); err != nil {
			return false, err
		}
		if data.To == Resolved && e.Seq < closed {
			if r.newest != nil {
				return true, nil
			}
			// Only the newest entry is still to be found.
			e, err := h.lastEntry(tx, e.Conversation, e.Seq)
			r.newest = e
			return true, err
		}
	case timeline.NoteAdded:
		if r.newest == nil {
			r.newest = e
		}
	case timeline.MessageReceived, timeline.MessageQueued:
		m, err := h.Message(tx, e.Message)
		if err != nil || m.Automatic {
			return false, err // the customer still waits, and it is no news
		}
		if r.newest == nil {
			r.newest = e
		}
		if m.Direction == message.Out {
			return answers(m), nil
		}
		r.unread++
		if asksForAnswer(m) {
			r.waiting = e.Time
		}
	}
	return false, nil
}

// lastEntry is the newest message of a person or note before seq, nil if there is
// none.
func (h *Hub) lastEntry(tx *store.Tx, conversation, seq uint64) (found *timeline.Event, err error) {
	var failed error
	_, err = h.Timeline.Newest(tx, conversation, math.MaxInt, func(e *timeline.Event) bool {
		if e.Seq >= seq {
			return false
		}
		switch e.Kind {
		case timeline.NoteAdded:
			found = e
		case timeline.MessageReceived, timeline.MessageQueued:
			m, err := h.Message(tx, e.Message)
			if failed = err; err == nil && !m.Automatic {
				found = e
			}
		}
		return found != nil || failed != nil
	})
	return found, errors.Join(err, failed)
}

// refresh sets what the newest entries of c decide anew, after something was moved
// or taken back. Its counts must be right already, Unread at least as large as it
// can be.
func (h *Hub) refresh(tx *store.Tx, c *Conversation, closed uint64) error {
	d, err := h.recent(tx, c.ID, closed)
	if err != nil {
		return err
	}
	if !d.cut {
		c.Unread = min(c.Unread, d.unread)
	}
	c.Waiting = d.waiting
	if c.Status == Resolved {
		c.Waiting = time.Time{}
	}
	if d.newest == nil {
		return nil
	}
	c.Last, c.LastSeq = d.newest.Time, d.newest.Seq
	if d.newest.Note != 0 {
		n, err := h.Note(tx, d.newest.Note)
		if err != nil {
			return err
		}
		c.Preview, c.Direction, c.Call = preview(n.Text), "note", nil
		return nil
	}
	r, err := h.Message(tx, d.newest.Message)
	if err != nil {
		return err
	}
	c.shows(r)
	return nil
}

// Move re-files one message: to another conversation, or, with to 0, to a new one
// of its sender. A conversation that is left without messages goes into the other;
// otherwise the two stay apart, whatever later messages refer to.
func (h *Hub) Move(ctx context.Context, agent, id, to uint64) (conversation uint64, err error) {
	err = h.Store.Update(ctx, func(tx *store.Tx) error {
		conversation, err = h.move(tx, agent, id, to)
		return err
	})
	return conversation, err
}

func (h *Hub) move(tx *store.Tx, agent, id, to uint64) (uint64, error) {
	r, err := h.Message(tx, id)
	if err != nil {
		return 0, err
	}
	if r.Cancelled {
		return 0, &ConflictError{"this message was taken back: there is nothing to move"}
	}
	from, err := h.Conversation(tx, r.Conversation)
	if err != nil {
		return 0, err
	}
	var target *Conversation
	if to == 0 {
		if from.Messages < 2 {
			return 0, &ConflictError{"this message is alone in its conversation already"}
		}
		whose := from.Handle
		if r.Sender != 0 && r.Direction == message.In {
			whose = r.Sender
		}
		hd, err := h.Identity.Handle(tx, whose)
		if err != nil {
			return 0, err
		}
		if target, err = h.open(tx, &r.Message, hd); err != nil {
			return 0, err
		}
		if err := h.partPurpose(tx, agent, r, from, target); err != nil {
			return 0, err
		}
	} else if target, err = h.Conversation(tx, to); err != nil {
		return 0, err
	}
	if target.ID == from.ID {
		return 0, &ConflictError{"this message is in that conversation already"}
	}
	return h.moveTo(tx, agent, r, from, target)
}

// moveTo re-files a message from its conversation to another.
func (h *Hub) moveTo(tx *store.Tx, agent uint64, r *Record, from, target *Conversation) (uint64, error) {
	id := r.ID
	e, err := h.Timeline.Get(tx, r.Seq)
	if err != nil {
		return 0, err
	}
	if err := h.refile(tx, e, target.ID); err != nil {
		return 0, err
	}
	target.admit(h.others(slices.Concat([]message.Person{r.From}, r.ReplyTo, r.To, r.Cc), nil)...)
	target.addAccount(r.Account)
	from.Messages--
	target.Messages++
	target.Withdrawn = false
	if d, err := h.Delivery(tx, id); err == nil && d.troubled() {
		from.Undelivered--
		target.Undelivered++
	} else if err != nil && !errors.Is(err, ErrNotFound) {
		return 0, err
	}
	if err := h.refresh(tx, target, math.MaxUint64); err != nil {
		return 0, err
	}
	if from.Messages == 0 {
		from.Unread, from.Waiting = 0, time.Time{}
		return target.ID, h.absorb(tx, from, target, agentActor(agent))
	}
	if err := h.refresh(tx, from, math.MaxUint64); err != nil {
		return 0, err
	}
	from.Split, target.Split = true, true
	if err := errors.Join(h.conversations.Put(tx, from.ID, from), h.conversations.Put(tx, target.ID, target)); err != nil {
		return 0, err
	}
	_, err = h.Timeline.Append(tx, timeline.Event{
		Kind: timeline.MessageMoved, Actor: agentActor(agent), Conversation: target.ID, Message: id,
		Data: eventData("from", from.ID, "to", target.ID), Quiet: true,
	})
	return target.ID, err
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
