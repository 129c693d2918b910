package notify

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"throughline/inbox"
	"throughline/message"
	"throughline/store"
	"throughline/timeline"
)

const (
	// page is how many events are looked at in one transaction.
	page = 256
	// saveAfter is how many events that are no matter of notices are looked at again
	// after a restart at most.
	saveAfter = 2000
	// maxWaiting bounds one look for who waits too long.
	maxWaiting = 5000
)

// look makes notices of what happened.
func (n *Notify) look(ctx context.Context) (time.Duration, error) {
	for {
		more, err := n.readOn(ctx)
		if err != nil {
			return 0, err
		}
		if !more {
			return n.limits.look, nil
		}
	}
}

// readOn looks at the next events. It writes only if one of them is a matter of
// notices.
func (n *Notify) readOn(ctx context.Context) (more bool, err error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	var events []timeline.Event
	var write bool
	err = n.hub.Store.View(func(tx *store.Tx) error {
		rules, err := n.active(tx)
		if err != nil {
			return err
		}
		saved := n.cursor(tx)
		n.read = max(n.read, saved)
		if len(rules) == 0 && !n.anyOpen(tx) {
			return nil
		}
		if events, err = n.hub.Timeline.After(tx, n.read, page); err != nil || len(events) == 0 {
			return err
		}
		last := events[len(events)-1].Seq
		write = last-saved > saveAfter
		for i := range events {
			write = write || events[i].Conversation != 0 && (n.openFor(tx, events[i].Conversation) || n.interesting(&events[i]))
		}
		return nil
	})
	if err != nil || len(events) == 0 {
		return false, err
	}
	last := events[len(events)-1].Seq
	if write {
		err = n.hub.Store.Update(ctx, func(tx *store.Tx) error {
			rules, err := n.active(tx)
			if err != nil {
				return err
			}
			for i := range events {
				if err := n.event(tx, rules, &events[i]); err != nil {
					return err
				}
			}
			return n.setCursor(tx, last)
		})
	}
	if err == nil {
		n.read = last
	}
	return len(events) == page, err
}

func (n *Notify) anyOpen(tx *store.Tx) bool {
	for range n.notices.Scan(tx, store.Range{Index: "open"}) {
		return true
	}
	return false
}

func (n *Notify) openFor(tx *store.Tx, conversation uint64) bool {
	for range n.notices.Scan(tx, store.Range{Index: "open", Prefix: store.K().Uint(conversation)}) {
		return true
	}
	return false
}

// interesting tells whether a rule could be about an event.
func (n *Notify) interesting(e *timeline.Event) bool {
	switch e.Kind {
	case timeline.MessageReceived, timeline.MessageCall, timeline.MessageDelivery, timeline.NoteAdded:
		return true
	}
	return false
}

// event makes what rules want of an event, and lets the notices of its conversation
// be looked at again.
func (n *Notify) event(tx *store.Tx, rules []Rule, e *timeline.Event) error {
	if e.Conversation == 0 {
		return nil
	}
	if err := n.touch(tx, e.Conversation); err != nil || !n.interesting(e) {
		return err
	}
	c, err := n.hub.Conversation(tx, e.Conversation)
	if errors.Is(err, inbox.ErrNotFound) {
		return nil // erased since
	}
	if err != nil {
		return err
	}
	list, err := n.causes(tx, c, e)
	if err != nil {
		return err
	}
	for _, t := range list {
		for i := range rules {
			r := &rules[i]
			if slices.Contains(r.Events, t.Event) && !e.Time.Before(r.Since) && r.chooses(c) {
				if err := n.make(tx, r, c, t); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// touch lets the notices of a conversation be changed soon.
func (n *Notify) touch(tx *store.Tx, conversation uint64) error {
	for e := range n.notices.Scan(tx, store.Range{Index: "open", Prefix: store.K().Uint(conversation)}) {
		t, err := n.notices.Get(tx, e.ID)
		if err != nil {
			return err
		}
		if t.Due.IsZero() {
			t.Due = tx.Now().Add(n.limits.settle)
			if err := n.notices.Put(tx, e.ID, t); err != nil {
				return err
			}
		}
	}
	return nil
}

// make writes a notice, unless the rule has it already.
func (n *Notify) make(tx *store.Tx, r *Rule, c *inbox.Conversation, t Notice) error {
	if n.has(tx, r.ID, t.Cause) {
		return nil
	}
	t.Rule, t.Conversation, t.Account, t.Place = r.ID, c.ID, r.Account, r.Place
	t.Created, t.Due = tx.Now(), tx.Now()
	return n.notices.Insert(tx, tx.NextID(), &t)
}

// causes are the notices that an event gives reason for.
func (n *Notify) causes(tx *store.Tx, c *inbox.Conversation, e *timeline.Event) (list []Notice, err error) {
	if e.Kind == timeline.NoteAdded {
		return n.mentions(tx, e)
	}
	m, err := n.hub.Message(tx, e.Message)
	if errors.Is(err, inbox.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if e.Kind == timeline.MessageDelivery {
		d, err := n.hub.Delivery(tx, m.ID)
		if err != nil && !errors.Is(err, inbox.ErrNotFound) {
			return nil, err
		}
		if err == nil && !d.Dismissed && (d.Status == message.Failed || d.Status == message.Unsure) {
			list = append(list, Notice{Event: OnFailed, Cause: fmt.Sprintf("%s:%d:%d", OnFailed, m.ID, len(d.Attempts)), Message: m.ID})
		}
		return list, nil
	}
	if m.Direction != message.In || m.Kind != message.Human || m.Bulk || m.List != "" || tx.Now().Sub(e.Time) > fresh {
		return nil, nil
	}
	if m.Call != nil {
		if o := m.Call.Outcome; o == message.CallMissed || o == message.CallVoicemail {
			list = append(list, Notice{Event: OnMissed, Cause: fmt.Sprintf("%s:%d", OnMissed, m.ID), Message: m.ID})
		}
		return list, nil
	}
	var data struct {
		New bool `json:"new_conversation"`
	}
	if len(e.Data) > 0 && json.Unmarshal(e.Data, &data) == nil && data.New {
		list = append(list, Notice{Event: OnNew, Cause: fmt.Sprintf("%s:%d", OnNew, m.ID), Message: m.ID})
	}
	return list, nil
}

// mentions are the agents that a note names.
func (n *Notify) mentions(tx *store.Tx, e *timeline.Event) (list []Notice, err error) {
	note, err := n.hub.Note(tx, e.Note)
	if errors.Is(err, inbox.ErrNotFound) {
		return nil, nil
	}
	if err != nil || !strings.Contains(note.Text, "@") {
		return nil, err
	}
	agents, err := n.agents(tx)
	if err != nil {
		return nil, err
	}
	for id, name := range agents {
		if id != note.Agent && mentioned(note.Text, name) {
			list = append(list, Notice{Event: OnMention, Cause: fmt.Sprintf("%s:%d:%d", OnMention, e.Note, id), Note: e.Note, Agent: id})
		}
	}
	return list, nil
}

// mentioned tells whether a text has "@" and the name, or the first part of it.
func mentioned(text, name string) bool {
	text, name = strings.ToLower(text), strings.ToLower(strings.Join(strings.Fields(name), " "))
	first, _, _ := strings.Cut(name, " ")
	for _, s := range []string{name, first} {
		for rest := text; s != ""; {
			i := strings.Index(rest, "@"+s)
			if i < 0 {
				break
			}
			rest = rest[i+1+len(s):]
			if r, _ := utf8.DecodeRuneInString(rest); !unicode.IsLetter(r) && !unicode.IsDigit(r) {
				return true
			}
		}
	}
	return false
}

// lookForWaiting makes notices of those who wait longer than a rule allows, and
// forgets old notices. It tells when to look again.
func (n *Notify) lookForWaiting(ctx context.Context) (time.Duration, error) {
	var found []Notice
	var old []uint64
	err := n.hub.Store.View(func(tx *store.Tx) error {
		for e := range n.notices.Scan(tx, store.Range{Index: "closed"}) {
			t, err := n.notices.Get(tx, e.ID)
			if err != nil {
				return err
			}
			if tx.Now().Sub(t.Closed) < keep || len(old) == page {
				break
			}
			old = append(old, e.ID)
		}
		rules, err := n.active(tx)
		rules = slices.DeleteFunc(rules, func(r Rule) bool { return !slices.Contains(r.Events, OnWaiting) })
		if err != nil || len(rules) == 0 {
			return err
		}
		found, err = n.waiting(tx, rules)
		return err
	})
	if err != nil || len(found)+len(old) == 0 {
		return n.limits.look, err
	}
	return n.limits.look, n.hub.Store.Update(ctx, func(tx *store.Tx) error {
		for _, id := range old {
			if err := n.notices.Delete(tx, id); err != nil && !errors.Is(err, store.ErrNotFound) {
				return err
			}
		}
		for _, t := range found {
			r, err := n.rules.Get(tx, t.Rule)
			if errors.Is(err, store.ErrNotFound) {
				continue
			}
			if err != nil {
				return err
			}
			r.ID = t.Rule
			c, err := n.hub.Conversation(tx, t.Conversation)
			if err != nil {
				return err
			}
			if !c.Waiting.IsZero() {
				if err := n.make(tx, r, c, t); err != nil {
					return err
				}
			}
		}
		return nil
	})
}

// waiting finds who waits too long and was not told of.
func (n *Notify) waiting(tx *store.Tx, rules []Rule) (found []Notice, err error) {
	shortest := rules[0].After
	for _, r := range rules {
		shortest = min(shortest, r.After)
	}
	q := inbox.ListQuery{View: inbox.ViewAll, Sort: "waiting", Limit: 100}
	for seen := 0; seen < maxWaiting; {
		list, next, err := n.hub.List(tx, q)
		if err != nil {
			return nil, err
		}
		for _, c := range list {
			seen++
			if c.Waiting.IsZero() || tx.Now().Sub(c.Waiting) < shortest {
				return found, nil
			}
			cause := fmt.Sprintf("%s:%d:%d", OnWaiting, c.ID, c.Waiting.UnixNano())
			for i := range rules {
				r := &rules[i]
				at := c.Waiting.Add(r.After)
				if at.After(tx.Now()) || at.Before(r.Since) || !r.chooses(c) || n.has(tx, r.ID, cause) {
					continue
				}
				t := Notice{Rule: r.ID, Event: OnWaiting, Cause: cause, Conversation: c.ID}
				if t.Message, err = n.lastWords(tx, c.ID); err != nil {
					return nil, err
				}
				found = append(found, t)
			}
		}
		if q.After = next; next == nil {
			break
		}
	}
	return found, nil
}

// lastWords is the customer's newest message, 0 if it is not near the end.
func (n *Notify) lastWords(tx *store.Tx, conversation uint64) (uint64, error) {
	seq, err := n.hub.Timeline.Newest(tx, conversation, 50, func(e *timeline.Event) bool { return e.Kind == timeline.MessageReceived })
	if err != nil || seq == 0 {
		return 0, err
	}
	e, err := n.hub.Timeline.Get(tx, seq)
	if err != nil {
		return 0, err
	}
	return e.Message, nil
}

func (n *Notify) has(tx *store.Tx, rule uint64, cause string) bool {
	for range n.notices.Scan(tx, store.Range{Index: "cause", Prefix: causeKey(rule, cause)}) {
		return true
	}
	return false
}
