package inbox

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"throughline/message"
	"throughline/preference"
	"throughline/store"
	"throughline/timeline"
)

// Advised is what was proposed when a message was written: the board compares it
// with what was done.
type Advised struct {
	Channel string `json:"channel"`
	Source  string `json:"source"` // preference.Stated, Set or Learned
}

// setPurpose says what c is about, and who says so; "" takes it away. The caller
// stores c.
func (h *Hub) setPurpose(tx *store.Tx, c *Conversation, purpose, by string) error {
	if c.Purpose == purpose && c.PurposeBy == by {
		return nil
	}
	if purpose != "" {
		p, ok, err := h.Preference.Purpose(tx, purpose)
		if err != nil {
			return err
		}
		if !ok || p.Archived && purpose != c.Purpose {
			return &InvalidError{"purpose", fmt.Sprintf("there is no purpose %q any more: choose another", purpose)}
		}
	}
	from := c.Purpose
	c.Purpose, c.PurposeBy = purpose, by
	e := timeline.Event{Kind: timeline.ConversationPurpose, Conversation: c.ID, Subjects: []uint64{c.subject()},
		Data: eventData("from", from, "to", purpose, "by", by)}
	if by != preference.ByRule && by != preference.ByGuess {
		e.Actor = by
	}
	_, err := h.Timeline.Append(tx, e)
	return err
}

// findPurpose gives a conversation that has none the purpose that a rule says, or
// that the classifier is sure enough of where an administrator allows it. r is the
// message that began it, nil if something else is the occasion. The caller stores c.
func (h *Hub) findPurpose(tx *store.Tx, c *Conversation, r *Record) error {
	if c.Purpose != "" {
		return nil
	}
	policy, err := h.Preference.Policy(tx)
	if err != nil {
		return err
	}
	clue, err := h.clue(tx, &policy, c, r)
	if err != nil {
		return err
	}
	if to, _ := policy.ByRules(clue); to != "" {
		return h.setPurpose(tx, c, to, preference.ByRule)
	}
	if policy.Threshold == 0 || r == nil || r.Direction != message.In || !asksForAnswer(r) {
		return nil
	}
	g, err := h.Preference.Guess(tx, guessText(r))
	if err != nil || g == nil || g.Confidence < policy.Threshold {
		return err
	}
	return h.setPurpose(tx, c, g.Purpose, preference.ByGuess)
}

// clue is what the rules look at of c. r is its first message, nil if that has to be
// looked for.
func (h *Hub) clue(tx *store.Tx, policy *preference.Policy, c *Conversation, r *Record) (preference.Clue, error) {
	out := preference.Clue{Account: c.Account, Subject: c.Subject, Tags: c.Tags}
	text, address := policy.Reads()
	if address {
		hd, err := h.Identity.Handle(tx, c.Handle)
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			return out, err
		}
		if err == nil {
			out.Address = hd.Handle.Address()
		}
	}
	if !text {
		return out, nil
	}
	if r == nil {
		var err error
		if r, err = h.opening(tx, c.ID); err != nil {
			return out, err
		}
	}
	if r != nil && r.Direction == message.In {
		out.Text = ownWords(r)
	}
	return out, nil
}

// guessBytes bounds what of a text is read for its words.
const guessBytes = 8000

func guessText(r *Record) string { return r.Subject + "\n" + ownWords(r) }

// ownWords are what its sender wrote, without what he quotes.
func ownWords(r *Record) string {
	text := r.Reply
	if text == "" {
		text = r.Text
	}
	return text[:min(len(text), guessBytes)]
}

// Guess proposes what a conversation is about, nil if it has a purpose or nothing
// can be told.
func (h *Hub) Guess(tx *store.Tx, id uint64) (*preference.Guess, error) {
	c, err := h.Conversation(tx, id)
	if err != nil || c.Purpose != "" {
		return nil, err
	}
	r, err := h.opening(tx, c.ID)
	if err != nil || r == nil {
		return nil, err
	}
	return h.Preference.Guess(tx, guessText(r))
}

// opening is the first message of the customer's among the oldest entries of a
// conversation, nil if there is none.
func (h *Hub) opening(tx *store.Tx, conversation uint64) (*Record, error) {
	page, err := h.Timeline.Conversation(tx, conversation, timeline.Span{After: 1, Limit: 20})
	if err != nil {
		return nil, err
	}
	for _, e := range page.Events {
		if e.Kind != timeline.MessageReceived {
			continue
		}
		r, err := h.Message(tx, e.Message)
		if err != nil {
			return nil, err
		}
		if r.Direction == message.In && asksForAnswer(r) {
			return r, nil
		}
	}
	return nil, nil
}

// PurposeTrial is a message that is tried on rules and the classifier.
type PurposeTrial struct {
	Account, Address, Subject, Text string
	Tags                            []string
}

// PurposeTried is what became of it: the purpose its conversation would get by itself
// ("" for none), what gives it (preference.ByRule or ByGuess), the index of the rule,
// -1 for none, and what the classifier proposes in any case, nil for nothing.
type PurposeTried struct {
	Purpose, By string
	Rule        int
	Guess       *preference.Guess
}

// TryPurpose tells what a message would be about under a policy; it changes nothing.
func (h *Hub) TryPurpose(tx *store.Tx, policy *preference.Policy, t PurposeTrial) (out PurposeTried, err error) {
	text := t.Text[:min(len(t.Text), guessBytes)]
	if out.Guess, err = h.Preference.GuessUnder(tx, policy, t.Subject+"\n"+text); err != nil {
		return out, err
	}
	out.Purpose, out.Rule = policy.ByRules(preference.Clue{Account: t.Account, Tags: t.Tags, Subject: t.Subject, Text: text, Address: t.Address})
	switch {
	case out.Purpose != "":
		out.By = preference.ByRule
	case policy.Threshold != 0 && out.Guess != nil && out.Guess.Confidence >= policy.Threshold:
		out.Purpose, out.By = out.Guess.Purpose, preference.ByGuess
	}
	return out, nil
}

// Advise answers how the customer of a conversation is reached best for its purpose,
// among the ways that there are.
func (h *Hub) Advise(tx *store.Tx, conversation uint64) (*preference.Advice, error) {
	c, err := h.Conversation(tx, conversation)
	if err != nil {
		return nil, err
	}
	owner, err := h.Owner(tx, c)
	if err != nil {
		return nil, err
	}
	return h.AdviseCustomer(tx, owner, c.Purpose)
}

// AdviseCustomer answers how a customer is reached best for a purpose, "" for any.
func (h *Hub) AdviseCustomer(tx *store.Tx, customer uint64, purpose string) (*preference.Advice, error) {
	ways, err := h.waysTo(tx, customer, purpose, nil)
	if err != nil {
		return nil, err
	}
	return h.Preference.Advise(tx, customer, purpose, reaches(ways, tx))
}

// reaches are the ways as addresses.
func reaches(ways []Way, tx *store.Tx) []preference.Reach {
	var list []preference.Reach
	for i := range ways {
		w := &ways[i]
		if w.Info.Writing.None {
			continue
		}
		for j := range w.Handles {
			wh := &w.Handles[j]
			r := preference.Reach{Channel: w.Info.Channel, Account: w.Account, Handle: wh.Handle}
			switch {
			case wh.OptedBy != "":
				r.Blocked = wh.OptedBy
			case w.WindowOver(wh, tx.Now()) && !w.Templates:
				r.Blocked = "the time for own words is over"
			}
			list = append(list, r)
		}
	}
	return list
}

// advised is what was proposed for a message that an agent writes in c, nil if
// nothing was.
func (h *Hub) advised(tx *store.Tx, c *Conversation) (*Advised, error) {
	owner, err := h.Owner(tx, c)
	if err != nil {
		return nil, err
	}
	a, err := h.AdviseCustomer(tx, owner, c.Purpose)
	if err != nil || a.Best == nil {
		return nil, err
	}
	return &Advised{Channel: a.Best.Channel, Source: a.Best.Source}, nil
}

// facts tell package preference of messages and conversations.
type facts struct{ *Hub }

var _ preference.Source = facts{}

// Contact implements preference.Source.
func (h facts) Contact(tx *store.Tx, id uint64) (f preference.Fact, ok bool, err error) {
	r, err := h.Message(tx, id)
	if err != nil {
		return f, false, err
	}
	e, err := h.Timeline.Get(tx, r.Seq)
	if err != nil {
		return f, false, err
	}
	f = preference.Fact{Conversation: r.Conversation, Time: e.Time, Out: r.Direction == message.Out, Channel: r.Channel, Agent: r.Agent}
	if r.Direction == message.In {
		f.Handle = r.Sender
		if r.Refiled != nil {
			f.Whose = r.Refiled.Customer
		}
		f.Settled = r.Call != nil && r.Call.Talk > 0 && r.Call.Outcome == ""
		// STOP, START and HELP are words to the machine: they answer nobody, and
		// who writes one did not choose the channel.
		return f, (r.Kind == message.Human || r.Kind == "") && !r.Bulk && r.Consent == "", nil
	}
	if r.Automatic || r.Cancelled {
		return f, false, nil
	}
	if r.SendAt.After(f.Time) {
		f.Time = r.SendAt
	}
	f.Handle = h.whom(tx, r)
	c, err := h.Conversation(tx, r.Conversation)
	if err != nil {
		return f, false, err
	}
	f.Whose = c.Whose
	if r.Advised != nil {
		f.Advised, f.By = r.Advised.Channel, r.Advised.Source
	}
	if d, err := h.Delivery(tx, id); err == nil {
		f.Failed = d.Status == message.Failed
	} else if !errors.Is(err, ErrNotFound) {
		return f, false, err
	}
	return f, true, nil
}

// Matter implements preference.Source.
func (h facts) Matter(tx *store.Tx, id uint64) (preference.Matter, error) {
	c, err := h.Conversation(tx, id)
	if err != nil {
		return preference.Matter{}, err
	}
	m := preference.Matter{ID: c.ID, Purpose: c.Purpose, By: c.PurposeBy, Tags: c.Tags, Assignee: c.Assignee, Team: c.Team, Handle: c.Handle}
	if c.Status == Resolved {
		m.Resolved = c.Closed
	}
	return m, nil
}

// Words implements preference.Source.
func (h facts) Words(tx *store.Tx, id uint64) (string, error) {
	r, err := h.Message(tx, id)
	if errors.Is(err, ErrNotFound) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	return guessText(r), nil
}

// Channels are the kinds of channel there are, in order of their names.
func (h *Hub) Channels() []string { return slices.Sorted(maps.Keys(h.kinds)) }

// Scheme is that of the handles a channel leads to, "" for no channel of ours.
func (h *Hub) Scheme(channel string) string { return h.kinds[channel].Scheme }

// followPreferences keeps what is learned and counted up to date until ctx ends.
func (h *Hub) followPreferences(ctx context.Context) {
	const pause = 30 * time.Second
	for ctx.Err() == nil {
		err := h.Preference.Follow(ctx)
		if ctx.Err() != nil {
			return
		}
		// The disk may be full; nothing is lost, it goes on where it stopped.
		h.log.Error("preferences are not kept up to date", "error", err)
		select {
		case <-time.After(pause):
		case <-ctx.Done():
		}
	}
}
