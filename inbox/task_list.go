package inbox

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"throughline/store"
)

// The lists of tasks.
const (
	TasksMine       = "mine"
	TasksUnassigned = "unassigned"
	TasksAll        = "all"
	TasksDone       = "done" // newest first
)

// when is the place of a task in a list.
func (t *Task) when() time.Time {
	if t.Due.IsZero() {
		return never
	}
	return t.Due
}

// TaskQuery asks for a stretch of a list of tasks, soonest first. With Customers
// or Conversation it is all tasks of these, done ones last, whatever View says.
type TaskQuery struct {
	View         string
	Agent        uint64 // who asks, for TasksMine
	Customers    []uint64
	Conversation uint64
	After        store.Key // from the last answer
	Limit        int
}

// Tasks returns tasks in order and where to go on; next is nil at the end.
func (h *Hub) Tasks(tx *store.Tx, q TaskQuery) (list []*Task, next store.Key, err error) {
	r := store.Range{Index: "list", After: q.After}
	switch {
	case len(q.Customers) > 0 || q.Conversation != 0:
		list, err = h.tasksOf(tx, q)
		return list, nil, err
	case q.View == TasksMine:
		r.Prefix = store.K().Str(mineOr(q.Agent))
	case q.View == TasksUnassigned:
		r.Prefix = store.K().Str(mineOr(0))
	case q.View == TasksAll, q.View == TasksDone:
		r.Prefix = store.K().Str(q.View)
	default:
		return nil, nil, &InvalidError{"view", fmt.Sprintf("there is no list %q", q.View)}
	}
	for e := range h.tasks.Scan(tx, r) {
		if len(list) == q.Limit {
			return list, next, nil
		}
		t, err := h.Task(tx, e.ID)
		if err != nil {
			return nil, nil, err
		}
		list, next = append(list, t), e.Pos
	}
	return list, nil, nil
}

// tasksOf lists the tasks of a customer's records or of a conversation.
func (h *Hub) tasksOf(tx *store.Tx, q TaskQuery) (list []*Task, err error) {
	var open, done []*Task
	take := func(r store.Range) error {
		for e := range h.tasks.Scan(tx, r) {
			t, err := h.Task(tx, e.ID)
			if err != nil {
				return err
			}
			if t.Done.IsZero() {
				open = append(open, t)
			} else {
				done = append(done, t)
			}
		}
		return nil
	}
	for _, id := range q.Customers {
		if err := take(store.Range{Index: "customer", Prefix: store.K().Uint(id)}); err != nil {
			return nil, err
		}
	}
	if q.Conversation != 0 {
		if err := take(store.Range{Index: "conversation", Prefix: store.K().Uint(q.Conversation)}); err != nil {
			return nil, err
		}
	}
	sortTasks(open, func(t *Task) time.Time { return t.when() }, 1)
	sortTasks(done, func(t *Task) time.Time { return t.Done }, -1)
	list = append(open, done...)
	return list[:min(len(list), q.Limit)], nil
}

// TaskCounts are the numbers beside the lists of tasks: Due are one agent's that
// are overdue or due before the end of the day, Overdue those of them whose time
// has passed, Mine all of his, Free those that nobody has and All everybody's.
type TaskCounts struct{ Due, Overdue, Mine, Free, All int }

// TaskCounts counts for one agent. The day ends at midnight where the hub runs.
func (h *Hub) TaskCounts(tx *store.Tx, agent uint64) TaskCounts {
	n := TaskCounts{
		Mine: h.tasks.Count(tx, "list", store.K().Str(mineOr(agent))),
		Free: h.tasks.Count(tx, "list", store.K().Str(mineOr(0))),
		All:  h.tasks.Count(tx, "list", store.K().Str(TasksAll)),
	}
	now := tx.Now()
	y, m, d := now.Local().Date()
	end := time.Date(y, m, d+1, 0, 0, 0, 0, time.Local)
	for e := range h.tasks.Scan(tx, store.Range{Index: "list", Prefix: store.K().Str(mineOr(agent))}) {
		t, err := h.tasks.Peek(tx, e.ID)
		if err != nil || !t.when().Before(end) || n.Due == countedTasks {
			break
		}
		n.Due++
		if t.Due.Before(now) {
			n.Overdue++
		}
	}
	return n
}

func sortTasks(list []*Task, by func(*Task) time.Time, sign int) {
	slices.SortFunc(list, func(a, b *Task) int {
		if n := by(a).Compare(by(b)); n != 0 {
			return sign * n
		}
		return cmp.Compare(a.ID, b.ID)
	})
}
