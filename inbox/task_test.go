package inbox

import (
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"throughline/store"
	"throughline/timeline"
)

// kinds are the kinds of all events about a task so far.
func (w *world) taskEvents(id uint64) (kinds []string) {
	w.view(func(tx *store.Tx) error {
		events, err := w.Timeline.After(tx, 0, 10_000)
		for _, e := range events {
			if e.Task == id {
				kinds = append(kinds, e.Kind)
			}
		}
		return err
	})
	return kinds
}

func (w *world) addTask(t Task) uint64 {
	w.t.Helper()
	id, err := w.AddTask(w.t.Context(), 1, t)
	if err != nil {
		w.t.Fatal(err)
	}
	return id
}

func TestTasksFireOnTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		far := w.addTask(Task{Text: "send the offer", Due: time.Now().Add(48 * time.Hour)})
		near := w.addTask(Task{Text: "call back", Due: time.Now().Add(90 * time.Minute)})
		w.addTask(Task{Text: "some day"})
		time.Sleep(90*time.Minute - time.Second)
		synctest.Wait()
		if got := w.taskEvents(near); len(got) != 1 {
			t.Errorf("before its time: %v", got)
		}
		// Another one that comes first must shorten the wait.
		soon := w.addTask(Task{Text: "sooner", Due: time.Now().Add(time.Millisecond)})
		time.Sleep(time.Second)
		synctest.Wait()
		for _, id := range []uint64{near, soon} {
			if got := w.taskEvents(id); len(got) != 2 || got[1] != timeline.TaskDue {
				t.Errorf("at its time: %v", got)
			}
		}
		later := time.Now().Add(72 * time.Hour)
		if err := w.ChangeTask(t.Context(), 1, far, TaskChange{Due: &later}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(60 * time.Hour)
		synctest.Wait()
		if got := w.taskEvents(far); len(got) != 2 || got[1] != timeline.TaskChanged {
			t.Errorf("put off, and yet: %v", got)
		}
		// A hub that was stopped tells on its next start, once.
		w.stop()
		time.Sleep(100 * time.Hour)
		w.start()
		time.Sleep(time.Hour)
		synctest.Wait()
		if got := w.taskEvents(far); len(got) != 3 || got[2] != timeline.TaskDue {
			t.Errorf("after a restart: %v", got)
		}
	})
}

func TestTasksOfCustomersAndConversations(t *testing.T) {
	w := newWorld(t)
	conv := w.accept(mail("ann@example.org", "m1", "hello"))[0]
	id := w.addTask(Task{Text: "answer", Conversation: conv, Assignee: 7, Due: time.Now().Add(time.Minute)})
	other := w.addTask(Task{Text: "think", Assignee: 7})
	var task *Task
	list := func(q TaskQuery) (ids []uint64) {
		q.Limit = 100
		w.view(func(tx *store.Tx) error {
			tasks, _, err := w.Tasks(tx, q)
			for _, x := range tasks {
				ids = append(ids, x.ID)
				if x.ID == id {
					task = x
				}
			}
			return err
		})
		return ids
	}
	same := func(what string, got []uint64, want ...uint64) {
		t.Helper()
		if len(got) != len(want) {
			t.Errorf("%s: %v, want %v", what, got, want)
			return
		}
		for i := range got {
			if got[i] != want[i] {
				t.Errorf("%s: %v, want %v", what, got, want)
			}
		}
	}
	same("mine", list(TaskQuery{View: TasksMine, Agent: 7}), id, other)
	same("of nobody", list(TaskQuery{View: TasksUnassigned}))
	same("of the conversation", list(TaskQuery{Conversation: conv}), id)
	if task.Customer == 0 {
		t.Fatal("the task of a conversation has no customer")
	}
	same("of the customer", list(TaskQuery{Customers: []uint64{task.Customer}}), id)

	done := true
	if err := w.ChangeTask(t.Context(), 8, id, TaskChange{Done: &done}); err != nil {
		t.Fatal(err)
	}
	text := "too late"
	var conflict *TaskConflict
	if err := w.ChangeTask(t.Context(), 9, id, TaskChange{Text: &text, Rev: task.Rev}); !errors.As(err, &conflict) || conflict.Task.DoneBy != 8 {
		t.Errorf("a second agent with an old task before him: %v", err)
	}
	same("mine, one done", list(TaskQuery{View: TasksMine, Agent: 7}), other)
	same("done", list(TaskQuery{View: TasksDone}), id)
	w.view(func(tx *store.Tx) error {
		if n := w.TaskCounts(tx, 7); n != (TaskCounts{Due: 0, Mine: 1, All: 1}) {
			t.Errorf("counts: %+v", n)
		}
		return nil
	})
	if err := w.RemoveTask(t.Context(), 1, other); err != nil {
		t.Fatal(err)
	}
	same("all", list(TaskQuery{View: TasksAll}))
	if got := w.taskEvents(other); got[len(got)-1] != timeline.TaskRemoved {
		t.Errorf("removed: %v", got)
	}
	for _, bad := range []Task{{Text: " "}, {Text: "x", Customer: 999_999}, {Text: "x", Conversation: 999_999}} {
		if _, err := w.AddTask(t.Context(), 1, bad); err == nil {
			t.Errorf("accepted %+v", bad)
		}
	}
}

// TestTasksFollow: tasks of a conversation that is merged into another are found there,
// and those of one that becomes another customer's are his.
func TestTasksFollow(t *testing.T) {
	w := newWorld(t)
	a := w.accept(mail("ann@example.org", "m1", "hello"))[0]
	b := w.accept(mail("ann@example.org", "m2", "hello again"))[0]
	id := w.addTask(Task{Text: "answer", Conversation: a})
	if err := w.MergeConversations(t.Context(), 1, a, b); err != nil {
		t.Fatal(err)
	}
	of := func(q TaskQuery) (ids []uint64) {
		q.Limit = 10
		w.view(func(tx *store.Tx) error {
			list, _, err := w.Tasks(tx, q)
			for _, x := range list {
				ids = append(ids, x.ID)
			}
			return err
		})
		return ids
	}
	if got := of(TaskQuery{Conversation: b}); !slices.Equal(got, []uint64{id}) {
		t.Errorf("the conversation has the tasks %v, want %d", got, id)
	}
	m := mail("family@example.org", "m3", "about the bike")
	c := w.accept(m)[0]
	id = w.addTask(Task{Text: "call her", Conversation: c})
	family, daughter := w.ownerOf("mailto:family@example.org"), w.person("Mia Berg", nil)
	for _, to := range []uint64{daughter, 0} {
		if err := w.Refile(t.Context(), 1, w.idOf(m), to); err != nil {
			t.Fatal(err)
		}
		has, not := family, daughter
		if to == daughter {
			has, not = daughter, family
		}
		if got := of(TaskQuery{Customers: []uint64{has}}); !slices.Equal(got, []uint64{id}) || len(of(TaskQuery{Customers: []uint64{not}})) != 0 {
			t.Errorf("given to %d, the tasks %v are of %d", to, got, has)
		}
	}
	// The address gets another owner, and its conversation with it.
	tom := w.person("Tom Moss", nil)
	if err := w.Link(t.Context(), 1, tom, "mailto:family@example.org", ""); err != nil {
		t.Fatal(err)
	}
	if got := of(TaskQuery{Customers: []uint64{tom}}); !slices.Equal(got, []uint64{id}) {
		t.Errorf("linked, he has the tasks %v, want %d", got, id)
	}
}
