package inbox

import (
	"context"
	"fmt"
	"math"
	"slices"
	"time"

	"throughline/identity"
	"throughline/message"
	"throughline/store"
	"throughline/timeline"
)

// What becomes of an item after it was delivered: edits, deletions, reactions, the
// steps of a call.

// Limits of what is kept of one item.
const (
	maxFormer    = 20      // the first and the newest former versions
	formerBytes  = 4 << 20 // of all of them together
	maxReactions = 200
	maxEmoji     = 100 // bytes
)

// prepareChange does what needs no database.
func (h *Hub) prepareChange(ctx context.Context, account string, c message.Change) (message.Change, error) {
	c.Time = calendar(c.Time)
	if c.Edit != nil {
		a, err := h.prepare(ctx, account, message.Message{Text: c.Edit.Text, Reply: c.Edit.Reply, HTML: c.Edit.HTML, Parts: c.Edit.Parts, From: message.Person{Handle: message.NewHandle(identity.Unknown, account)}})
		if err != nil {
			return c, err
		}
		author, _ := identity.Canonical(c.Edit.From.Handle) // who may be erased before its item comes
		c.Edit = &message.Message{From: message.Person{Handle: author}, Text: a.m.Text, Reply: a.m.Reply, HTML: a.m.HTML, Parts: a.m.Parts, Warnings: c.Edit.Warnings}
	}
	if c.Call != nil {
		call := *c.Call
		call.Choice = identity.CutName(call.Choice)
		c.Call = &call
	}
	if c.Reaction != nil {
		re := *c.Reaction
		if handle, err := identity.Canonical(re.By.Handle); err == nil {
			re.By.Handle = handle
		}
		re.By.Name, re.By.Hints = identity.CutName(re.By.Name), nil
		re.Time = c.Time
		c.Reaction = &re
	}
	return c, nil
}

// heldChange makes a held item of a change that cannot be applied: refused, it would
// come again for ever and keep all others from coming in.
func heldChange(c *message.Change, why error) message.Held {
	return message.Held{Source: fmt.Sprintf("change;%s;%d", c.Of, c.Time.UnixNano()), Key: c.Of,
		Reason: "an edit, a deletion, a reaction or a step of a call came and cannot be applied: " + why.Error()}
}

// item finds what a connector calls name: an item it delivered, by key, or one
// that it sent, by its wire name. nil if there is none on this account.
func (h *Hub) item(tx *store.Tx, account, name string) (*Record, error) {
	if name == "" {
		return nil, nil
	}
	if id, ok := h.messages.Lookup(tx, "key", store.K().Str(name)); ok {
		r, err := h.Message(tx, id)
		if err != nil || r.onAccount(account) {
			return r, err
		}
	}
	if id, token, ok := message.ParseOwnRef(name); ok {
		r, err := h.Message(tx, id)
		if err == nil && r.Token == token && r.onAccount(account) {
			return r, nil
		}
		return nil, nil // a name from another installation, or from before a restore
	}
	return h.sentAs(tx, account, name)
}

// takeChange takes in news about an item; what comes before its item waits for it.
func (h *Hub) takeChange(tx *store.Tx, account string, c message.Change) error {
	r, err := h.item(tx, account, c.Of)
	if err != nil {
		return err
	}
	if c.Time.IsZero() {
		c.Time = tx.Now()
		if c.Reaction != nil {
			re := *c.Reaction
			re.Time, c.Reaction = c.Time, &re
		}
	}
	if r == nil {
		return h.keepEarly(tx, &early{Account: account, Of: c.Of, Change: &c})
	}
	return h.applyChange(tx, r, &c)
}

// applyChange changes a stored item and tells of it. What is older than what is
// known, or known already, changes nothing.
func (h *Hub) applyChange(tx *store.Tx, r *Record, c *message.Change) error {
	if r.Erased { // that its call ended, and nothing of what was said
		if c.Call == nil {
			return nil
		}
		call := *c.Call
		call.Choice, call.Asked = "", nil
		c = &message.Change{Of: c.Of, Time: c.Time, Call: &call}
	}
	var was message.Call
	if r.Call != nil {
		was = *r.Call
	}
	kinds, changed := alter(&r.Message, c)
	if !changed {
		return nil
	}
	if err := h.tellFiles(tx, r); err != nil {
		return err
	}
	if err := h.messages.Put(tx, r.ID, r); err != nil || len(kinds) == 0 {
		return err
	}
	for _, kind := range kinds {
		e := timeline.Event{Kind: kind, Conversation: r.Conversation, Message: r.ID, Quiet: true}
		author := r.From.Handle
		if kind == timeline.MessageReaction {
			author = c.Reaction.By.Handle
			e.Data = eventData("emoji", c.Reaction.Emoji, "gone", c.Reaction.Gone)
		}
		if hd, ok := h.Identity.Find(tx, author); ok {
			e.Actor = customerActor(hd.Customer)
		}
		if _, err := h.Timeline.Append(tx, e); err != nil {
			return err
		}
	}
	if kinds[0] == timeline.MessageReaction {
		return nil
	}
	if r.Call != nil {
		return h.callMoved(tx, r, &was)
	}
	return h.showsAnew(tx, r)
}

// showsAnew brings a conversation up to date with what an item of it says now.
func (h *Hub) showsAnew(tx *store.Tx, r *Record) error {
	c, err := h.Conversation(tx, r.Conversation)
	if err != nil {
		return err
	}
	return h.putShown(tx, c, r)
}

func (h *Hub) putShown(tx *store.Tx, c *Conversation, r *Record) error {
	newest, err := h.lastEntry(tx, c.ID, math.MaxUint64)
	if err != nil {
		return err
	}
	if newest != nil && newest.Message == r.ID {
		c.shows(r)
	}
	return h.conversations.Put(tx, c.ID, c)
}

// callMoved brings a conversation up to date with a call of it of which was is what
// was known before.
func (h *Hub) callMoved(tx *store.Tx, r *Record, was *message.Call) error {
	c, err := h.Conversation(tx, r.Conversation)
	if err != nil {
		return err
	}
	is := r.Call
	switch {
	case served(is) && !served(was):
		if err := h.taken(tx, c, r); err != nil {
			return err
		}
	case r.Direction == message.In && is.Outcome != was.Outcome && is.Outcome != message.CallAnswered:
		if err := h.rings(tx, c, r); err != nil {
			return err
		}
	}
	if err := h.callBack(tx, c, r, was); err != nil {
		return err
	}
	return h.putShown(tx, c, r)
}

// taken notes that an agent speaks with the customer, or did: nobody waits any more, and who
// took the call has the matter if nobody had it.
func (h *Hub) taken(tx *store.Tx, c *Conversation, r *Record) error {
	agent := r.Call.Agent
	c.Unread, c.Waiting, c.Answered = 0, time.Time{}, tx.Now()
	change := Change{}
	if c.Status != Open {
		change.Status = ptr(Open)
	}
	if agent != 0 && c.Assignee == 0 {
		change.Assignee = &agent
	}
	return h.change(tx, c, agent, change)
}

// rings brings a matter back of which a call has ended without anybody having
// spoken to the caller: somebody may have looked at it while it rang.
func (h *Hub) rings(tx *store.Tx, c *Conversation, r *Record) error {
	e, err := h.Timeline.Get(tx, r.Seq)
	if err != nil || !e.Time.After(c.Answered) && len(r.Call.Transfers) == 0 {
		return err // answered since, over this channel or another
	}
	c.Unread = max(c.Unread, 1)
	if c.Waiting.IsZero() {
		c.Waiting = e.Time
	}
	c.Status, c.SnoozedUntil = Open, time.Time{}
	return nil
}

// alter applies c to m and returns the kinds of event that tell of it. What changes
// without an event is only remembered, for news that come in another order.
func alter(m *message.Message, c *message.Change) (kinds []string, changed bool) {
	if c.Call != nil {
		if proceed(m, c) {
			kinds = append(kinds, timeline.MessageCall)
		}
	} else if c.Files {
		if c.Edit != nil && m.Deleted.IsZero() && !m.Edited.After(c.Time) && follow(m, c.Edit) {
			kinds = append(kinds, timeline.MessageEdited)
		}
	} else if e := c.Edit; e != nil && m.Deleted.IsZero() && c.Time.After(m.Edited) && differs(m, e) {
		keepFormer(m, c.Time)
		m.Text, m.Reply, m.HTML, m.Parts, m.Warnings, m.Edited = e.Text, e.Reply, e.HTML, e.Parts, e.Warnings, c.Time
		m.Quoted, m.Signature = "", ""
		kinds = append(kinds, timeline.MessageEdited)
	}
	if c.Deleted && m.Deleted.IsZero() {
		keepFormer(m, c.Time)
		m.Text, m.Reply, m.HTML, m.Quoted, m.Signature, m.Deleted = "", "", "", "", "", c.Time
		m.Parts = nil
		kinds = append(kinds, timeline.MessageDeleted)
	}
	changed = len(kinds) > 0
	if c.Reaction != nil {
		kept, shown := react(m, *c.Reaction)
		if shown {
			kinds = append(kinds, timeline.MessageReaction)
		}
		changed = changed || kept
	}
	return kinds, changed
}

// proceed adds to a call what is newly known of it, and tells whether anything was.
func proceed(m *message.Message, c *message.Change) (changed bool) {
	var was message.Call
	if m.Call != nil {
		was = *m.Call
	}
	if is := was.Merge(*c.Call); m.Call == nil || !is.Equal(was) {
		m.Call, changed = &is, true
	}
	e := c.Edit
	if e == nil || !m.Deleted.IsZero() {
		return changed
	}
	if m.Text == "" && e.Text != "" {
		m.Text, m.Reply, changed = e.Text, e.Reply, true
	}
	for _, p := range e.Parts {
		if !slices.ContainsFunc(m.Parts, func(o message.Part) bool { return o.Name == p.Name || o.Blob == p.Blob }) {
			m.Parts, changed = append(slices.Clone(m.Parts), p), true
		}
	}
	for _, w := range e.Warnings {
		if !slices.Contains(m.Warnings, w) {
			m.Warnings, changed = append(slices.Clone(m.Warnings), w), true
		}
	}
	return changed
}

// follow adds the files of e to m, with what e says of those that will never come, and
// tells whether anything is new.
func follow(m, e *message.Message) bool {
	parts := slices.Clone(e.Parts)
	for _, p := range m.Parts {
		if !slices.ContainsFunc(e.Parts, func(o message.Part) bool { return o.Blob == p.Blob && o.Name == p.Name }) {
			parts = append(parts, p)
		}
	}
	if len(parts) == len(m.Parts) && slices.Equal(e.Warnings, m.Warnings) {
		return false
	}
	m.Parts, m.Warnings = parts, e.Warnings
	return true
}

// differs tells whether an edit changes anything: providers also tell of what they
// add themselves.
func differs(m, e *message.Message) bool {
	return m.Text != e.Text || m.HTML != e.HTML ||
		!slices.EqualFunc(m.Parts, e.Parts, func(a, b message.Part) bool { return a.Blob == b.Blob && a.Name == b.Name })
}

// keepFormer keeps what m says until a time.
func keepFormer(m *message.Message, until time.Time) {
	m.Former = append(m.Former, message.Version{Time: until, Text: m.Text, HTML: m.HTML, Parts: m.Parts})
	size := 0
	for _, v := range m.Former {
		size += len(v.Text) + len(v.HTML)
	}
	for len(m.Former) > maxFormer || size > formerBytes && len(m.Former) > 2 {
		size -= len(m.Former[1].Text) + len(m.Former[1].HTML)
		m.Former = slices.Delete(m.Former, 1, 2)
	}
}

// react sets or takes away a reaction; of two of one person the later one holds.
// shown tells whether anything looks different for it.
func react(m *message.Message, re message.Reaction) (kept, shown bool) {
	if re.Emoji == "" || len(re.Emoji) > maxEmoji {
		return false, false
	}
	for i := range m.Reactions {
		o := &m.Reactions[i]
		if o.Emoji != re.Emoji || o.By.Handle != re.By.Handle {
			continue
		}
		if !re.Time.After(o.Time) {
			return false, false
		}
		shown = o.Gone != re.Gone
		*o = re
		return true, shown
	}
	if len(m.Reactions) >= maxReactions {
		i := slices.IndexFunc(m.Reactions, func(o message.Reaction) bool { return o.Gone })
		if i < 0 {
			return false, false
		}
		m.Reactions = slices.Delete(m.Reactions, i, i+1)
	}
	m.Reactions = append(m.Reactions, re)
	return true, !re.Gone
}
