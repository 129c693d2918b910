package inbox

import (
	"errors"
	"fmt"
	"time"

	"throughline/connectors"
	"throughline/identity"
	"throughline/message"
	"throughline/store"
	"throughline/timeline"
)

// Calls that nobody took become tasks, one for all that a customer made meanwhile. Who
// speaks with the customer, or answers in writing, closes it by that. Call and task
// know each other and change in the transaction of the fact, so that each missed call
// counts once however often and in whatever order its facts come.

// callBackAge is how long after a missed call it still becomes a task: what is read
// back from a provider's list when an account is new asks for nothing.
const callBackAge = 7 * 24 * time.Hour

// callBackIndex holds the open tasks about missed calls, by customer.
const callBackIndex = "callback"

func (t *Task) callBackKeys() []store.Key {
	if t.Call == 0 || t.Customer == 0 || !t.Done.IsZero() {
		return nil
	}
	return []store.Key{store.K().Uint(t.Customer)}
}

// served tells whether an agent spoke with the customer.
func served(c *message.Call) bool {
	return c.Outcome == message.CallAnswered || c.Outcome == "" && c.Speaker() != nil
}

// answers tells whether something of ours answers the customer: a call that nobody
// picked up does not.
func answers(r *Record) bool {
	return r.Direction == message.Out && (r.Call == nil || served(r.Call))
}

// servedAt is since when.
func servedAt(c *message.Call) (at time.Time) {
	for i := range c.Legs {
		if l := &c.Legs[i]; l.Role != message.CustomerLeg && l.Spoke.After(at) {
			at = l.Spoke
		}
	}
	if at.IsZero() {
		at = c.Ended
	}
	return at
}

// unserved tells whether a call came in and is over without anybody having spoken to
// the caller.
func unserved(r *Record, c *message.Call) bool {
	return r.Direction == message.In && c.Outcome != "" && c.Outcome != message.CallAnswered
}

// callBack brings the tasks about a customer's missed calls up to date with a call of
// which was is what was known before.
func (h *Hub) callBack(tx *store.Tx, c *Conversation, r *Record, was *message.Call) error {
	is := r.Call
	switch {
	case served(is) && !served(was):
		return h.calledBack(tx, c, r)
	case r.Erased || !unserved(r, is) || unserved(r, was) && is.Outcome == was.Outcome:
		return nil
	case r.Task != 0:
		return h.retellCall(tx, r, was)
	}
	p, ok := h.lineOf(r.Account)
	if !ok {
		return nil
	}
	ended := is.Ended
	if ended.IsZero() {
		ended = tx.Now().UTC()
	}
	due := p.CallBack(r.Time)
	if due.IsZero() || tx.Now().Sub(r.Time) > callBackAge || c.Answered.After(ended) {
		return nil
	}
	owner, err := h.Owner(tx, c)
	if err != nil {
		return err
	}
	if _, err := h.Identity.Living(tx, owner); errors.Is(err, ErrNotFound) {
		return nil // erased meanwhile: there is nobody to call
	}
	open, err := h.callTasks(tx, owner)
	if err != nil {
		return err
	}
	if len(open) == 0 {
		r.Task, err = h.addTask(tx, Task{Text: callText(r), Due: due.UTC(), Customer: owner, Conversation: c.ID, Call: r.ID, Calls: 1, Called: ended})
		if err != nil {
			return err
		}
		return h.messages.Put(tx, r.ID, r)
	}
	// The first one is waited with longest: its time stays.
	t := open[0]
	if !ended.Before(t.Called) {
		if last, err := h.Message(tx, t.Call); err == nil && t.Text == callText(last) {
			t.Text = callText(r)
		}
		t.Call, t.Called, t.Conversation = r.ID, ended, c.ID
	}
	t.Calls++
	r.Task = t.ID
	if err := h.messages.Put(tx, r.ID, r); err != nil {
		return err
	}
	return h.putTask(tx, timeline.TaskChanged, 0, t)
}

// lineOf is the line of an account that runs.
func (h *Hub) lineOf(account string) (p connectors.Phone, ok bool) {
	if run := h.runner(account); run != nil {
		p, ok = run.conn.(connectors.Phone)
	}
	return p, ok
}

// retellCall says what a missed call turned out to be, unless an agent has put it in
// words of his own.
func (h *Hub) retellCall(tx *store.Tx, r *Record, was *message.Call) error {
	t, err := h.Task(tx, r.Task)
	if errors.Is(err, ErrNotFound) {
		return nil // an agent took it away
	}
	if err != nil || t.Call != r.ID || !t.Done.IsZero() {
		return err
	}
	before := *r
	before.Call = was
	if t.Text != callText(&before) {
		return nil
	}
	t.Text = callText(r)
	return h.putTask(tx, timeline.TaskChanged, 0, t)
}

// calledBack closes the tasks about the missed calls of a customer with whom somebody
// speaks, or spoke.
func (h *Hub) calledBack(tx *store.Tx, c *Conversation, r *Record) error {
	at, agent := servedAt(r.Call), r.Call.Agent
	return h.closeCalls(tx, c, agent, func(t *Task) bool { return t.Call == r.ID || !at.Before(t.Called) })
}

// wroteBack closes those of a conversation in which an answer of an agent has gone out.
func (h *Hub) wroteBack(tx *store.Tx, r *Record) error {
	for range h.tasks.Scan(tx, store.Range{Index: callBackIndex}) {
		c, err := h.Conversation(tx, r.Conversation)
		if err != nil {
			return err
		}
		written, err := h.Timeline.Get(tx, r.Seq)
		if err != nil {
			return err
		}
		return h.closeCalls(tx, c, r.Agent, func(t *Task) bool {
			about, err := h.Conversation(tx, t.Conversation)
			return err == nil && about.ID == c.ID && written.Time.After(t.Called)
		})
	}
	return nil
}

// closeCalls marks tasks about missed calls of a conversation's customer as done.
func (h *Hub) closeCalls(tx *store.Tx, c *Conversation, agent uint64, which func(*Task) bool) error {
	owner, err := h.Owner(tx, c)
	if err != nil {
		return err
	}
	open, err := h.callTasks(tx, owner)
	if err != nil {
		return err
	}
	for _, t := range open {
		if !which(t) {
			continue
		}
		t.Done, t.DoneBy = tx.Now(), agent
		if err := h.putTask(tx, timeline.TaskDone, agent, t); err != nil {
			return err
		}
	}
	return nil
}

// callTasks are the open tasks about a customer's missed calls, at whichever of his
// records they were written.
func (h *Hub) callTasks(tx *store.Tx, customer uint64) (list []*Task, err error) {
	root, err := h.Identity.Root(tx, customer)
	if err != nil {
		return nil, err
	}
	members, err := h.Identity.Members(tx, root.ID)
	if err != nil {
		return nil, err
	}
	for _, m := range members {
		for e := range h.tasks.Scan(tx, store.Range{Index: callBackIndex, Prefix: store.K().Uint(m.ID)}) {
			t, err := h.Task(tx, e.ID)
			if err != nil {
				return nil, err
			}
			list = append(list, t)
		}
	}
	return list, nil
}

// putTask stores a task anew and tells of it.
func (h *Hub) putTask(tx *store.Tx, kind string, agent uint64, t *Task) (err error) {
	if t.Rev, err = h.tellTask(tx, kind, agent, t, kind == timeline.TaskChanged); err != nil {
		return err
	}
	return h.tasks.Put(tx, t.ID, t)
}

// callText says what a task about a missed call is about.
func callText(r *Record) string {
	who := "a number that is not shown"
	if s := r.From.Handle.Scheme(); s != identity.Unknown {
		who = r.From.Handle.Address()
	}
	if r.Call.Outcome == message.CallVoicemail {
		return fmt.Sprintf("Voicemail from %s", who)
	}
	return fmt.Sprintf("Missed call from %s", who)
}
