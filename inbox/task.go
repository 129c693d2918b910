package inbox

import (
	"context"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"throughline/store"
	"throughline/timeline"
)

// Task is something to be done by a time, about a customer or a conversation or
// neither.
type Task struct {
	ID           uint64    `json:"-"`
	Text         string    `json:"text"`
	Due          time.Time `json:"due,omitzero"` // zero: some day
	Assignee     uint64    `json:"assignee,omitempty"`
	Customer     uint64    `json:"customer,omitempty"` // the record it was written at, merged or not
	Conversation uint64    `json:"conversation,omitempty"`
	Creator      uint64    `json:"creator,omitempty"` // an agent; 0 is the hub
	Created      time.Time `json:"created"`
	Fired        bool      `json:"fired,omitempty"` // its time has come and was told
	Done         time.Time `json:"done,omitzero"`
	DoneBy       uint64    `json:"done_by,omitempty"`
	Rev          uint64    `json:"rev"` // sequence number of the event of its last change

	// Document is what the hub reminds of and Expires the last day on which it holds.
	// Text is empty then, until somebody writes one: the words are made where the task
	// is shown, in the reader's language, and not everybody may know the title.
	Document uint64    `json:"document,omitempty"`
	Expires  time.Time `json:"expires,omitzero"`

	// Of a task that the hub made of missed calls: the last of them, when that was
	// over, and how many there were.
	Call   uint64    `json:"call,omitempty"`
	Called time.Time `json:"called,omitzero"`
	Calls  int       `json:"calls,omitempty"`
}

// Limits of tasks.
const (
	maxTaskText = 1000 // runes
	// countedTasks bounds what is counted of one agent's tasks that are due.
	countedTasks = 999
)

func newTasks(s *store.Store) *store.Table[Task] {
	return store.NewTable(s, "tasks", store.TableOptions[Task]{
		Indexes: []store.Index[Task]{
			{Name: "list", Count: true, Keys: func(t *Task) []store.Key {
				if !t.Done.IsZero() {
					return []store.Key{store.K().Str(TasksDone).TimeDesc(t.Done)}
				}
				return []store.Key{store.K().Str(TasksAll).Time(t.when()), store.K().Str(mineOr(t.Assignee)).Time(t.when())}
			}},
			{Name: "due", Keys: func(t *Task) []store.Key {
				if !t.Done.IsZero() || t.Fired || t.Due.IsZero() {
					return nil
				}
				return []store.Key{store.K().Time(t.Due)}
			}},
			{Name: "customer", Keys: func(t *Task) []store.Key {
				if t.Customer == 0 {
					return nil
				}
				return []store.Key{store.K().Uint(t.Customer)}
			}},
			{Name: callBackIndex, Keys: (*Task).callBackKeys},
			{Name: "conversation", Keys: func(t *Task) []store.Key {
				if t.Conversation == 0 {
					return nil
				}
				return []store.Key{store.K().Uint(t.Conversation)}
			}},
		},
	})
}

// TaskChange changes a task; nil fields stay. Rev, if not 0, is that of the task
// its writer had before him.
type TaskChange struct {
	Text     *string
	Due      *time.Time // zero: some day
	Assignee *uint64
	Done     *bool
	Rev      uint64
}

// TaskConflict tells that a task was changed meanwhile.
type TaskConflict struct{ Task *Task }

func (e *TaskConflict) Error() string {
	return "somebody else changed this task meanwhile: look at it and save again"
}

// Task returns a task; ErrNotFound if there is none.
func (h *Hub) Task(tx *store.Tx, id uint64) (*Task, error) {
	t, err := h.tasks.Get(tx, id)
	if err != nil {
		return nil, err
	}
	t.ID = id
	return t, nil
}

func checkTask(text string) (string, error) {
	text = strings.TrimSpace(text)
	if n := utf8.RuneCountInString(text); n == 0 || n > maxTaskText {
		return "", &InvalidError{"text", fmt.Sprintf("say in 1 to %d characters what is to be done", maxTaskText)}
	}
	return text, nil
}

// AddTask adds a task. One about a conversation is about its customer too.
func (h *Hub) AddTask(ctx context.Context, agent uint64, t Task) (id uint64, err error) {
	if t.Text, err = checkTask(t.Text); err != nil {
		return 0, err
	}
	t.Due, t.Creator = t.Due.UTC(), agent
	err = h.Store.Update(ctx, func(tx *store.Tx) error {
		id, err = h.addTask(tx, t)
		return err
	})
	return id, err
}

func (h *Hub) addTask(tx *store.Tx, t Task) (id uint64, err error) {
	following := false // it stands at the record whose the conversation is
	if t.Conversation != 0 {
		c, err := h.Conversation(tx, t.Conversation)
		if err != nil {
			return 0, err
		}
		t.Conversation = c.ID
		owner, err := h.Owner(tx, c)
		if err != nil {
			return 0, err
		}
		of, err := h.Identity.Living(tx, owner)
		if err != nil {
			return 0, err
		}
		his, err := h.isRoot(tx, t.Customer, of.ID)
		if err != nil {
			return 0, err
		}
		if t.Customer == 0 || his {
			t.Customer, following = owner, true
		}
	}
	if t.Customer != 0 && !following {
		root, err := h.Identity.Living(tx, t.Customer)
		if err != nil {
			return 0, err
		}
		t.Customer = root.ID
	}
	t.ID, t.Created = tx.NextID(), tx.Now()
	t.Fired = !t.Due.IsZero() && !t.Due.After(tx.Now())
	if t.Rev, err = h.tellTask(tx, timeline.TaskAdded, t.Creator, &t, false); err != nil {
		return 0, err
	}
	return t.ID, h.tasks.Insert(tx, t.ID, &t)
}

// tellTask writes an event about a task. What the task says is not in it.
func (h *Hub) tellTask(tx *store.Tx, kind string, agent uint64, t *Task, quiet bool) (uint64, error) {
	e := timeline.Event{Kind: kind, Actor: actorOrHub(agent), Task: t.ID, Customer: t.Customer, Conversation: t.Conversation, Quiet: quiet}
	if t.Customer != 0 {
		e.Subjects = []uint64{t.Customer}
	}
	return h.Timeline.Append(tx, e)
}

// ChangeTask changes a task, or marks it as done.
func (h *Hub) ChangeTask(ctx context.Context, agent, id uint64, ch TaskChange) error {
	if ch.Text != nil {
		text, err := checkTask(*ch.Text)
		if err != nil {
			return err
		}
		ch.Text = &text
	}
	return h.Store.Update(ctx, func(tx *store.Tx) error {
		was, err := h.Task(tx, id)
		if err != nil {
			return err
		}
		t := *was
		if ch.Text != nil {
			t.Text = *ch.Text
		}
		if ch.Due != nil && !ch.Due.Equal(t.Due) {
			t.Due = ch.Due.UTC()
			t.Fired = !t.Due.IsZero() && !t.Due.After(tx.Now())
		}
		if ch.Assignee != nil {
			t.Assignee = *ch.Assignee
		}
		kind := timeline.TaskChanged
		if ch.Done != nil && *ch.Done == t.Done.IsZero() {
			t.Done, t.DoneBy = time.Time{}, 0
			if *ch.Done {
				t.Done, t.DoneBy, kind = tx.Now(), agent, timeline.TaskDone
			}
		}
		if t == *was {
			return nil
		}
		if ch.Rev != 0 && ch.Rev != was.Rev {
			return &TaskConflict{was}
		}
		if t.Rev, err = h.tellTask(tx, kind, agent, &t, kind == timeline.TaskChanged); err != nil {
			return err
		}
		return h.tasks.Put(tx, id, &t)
	})
}

// RemoveTask takes a task away for good.
func (h *Hub) RemoveTask(ctx context.Context, agent, id uint64) error {
	return h.Store.Update(ctx, func(tx *store.Tx) error {
		t, err := h.Task(tx, id)
		if err != nil {
			return err
		}
		if _, err := h.tellTask(tx, timeline.TaskRemoved, agent, t, true); err != nil {
			return err
		}
		return h.tasks.Delete(tx, id)
	})
}

// dueTasks tells of tasks when their time comes.
func (h *Hub) dueTasks() alarm[Task] {
	return alarm[Task]{
		what: "tell of tasks that are due", table: h.tasks, index: "due",
		at: func(t *Task) time.Time { return t.Due },
		ring: func(tx *store.Tx, id uint64) error {
			t, err := h.Task(tx, id)
			if err != nil || t.Fired || !t.Done.IsZero() || t.Due.After(tx.Now()) {
				return err
			}
			t.Fired = true
			if _, err := h.tellTask(tx, timeline.TaskDue, 0, t, true); err != nil {
				return err
			}
			return h.tasks.Put(tx, id, t)
		},
	}
}
