package api

import (
	"cmp"
	"context"
	"errors"
	"time"

	"throughline/auth"
	"throughline/identity"
	"throughline/inbox"
	"throughline/message"
	"throughline/store"
	"throughline/wording"
)

// Task is something to be done by a time.
type Task struct {
	ID           uint64         `json:"id"`
	Text         string         `json:"text"`
	Due          time.Time      `json:"due,omitzero" doc:"Absent: some day."`
	Assignee     uint64         `json:"assignee,omitempty"`
	Customer     *CustomerBrief `json:"customer,omitempty"`
	Conversation uint64         `json:"conversation,omitempty"`
	Subject      string         `json:"subject,omitempty" doc:"Of the conversation."`
	Creator      uint64         `json:"creator,omitempty" doc:"Absent: the hub itself."`
	Created      time.Time      `json:"created"`
	Done         time.Time      `json:"done,omitzero"`
	DoneBy       uint64         `json:"done_by,omitempty"`
	Rev          uint64         `json:"rev"`
	Reminder     *TaskReminder  `json:"reminder,omitempty" doc:"A document expires; text says so in English. Gone once somebody has written a text."`

	Words *wording.Words `json:"words,omitempty" doc:"Of the text, while it is the hub's own."`
	Call  *MissedCall    `json:"call,omitempty" doc:"Of a task that the hub made of missed calls: it is done by itself once somebody speaks with the customer or has written to them."`
}

// MissedCall is what a task about missed calls is about.
type MissedCall struct {
	Message uint64          `json:"message" doc:"The last of the calls."`
	Handle  message.Handle  `json:"handle,omitempty" doc:"Who called; absent if the number was not shown."`
	Account string          `json:"account" doc:"The line."`
	Time    time.Time       `json:"time" doc:"When it came."`
	Outcome message.Outcome `json:"outcome"`
	Spoken  int             `json:"spoken,omitempty" doc:"Seconds of the message that was left."`
	Times   int             `json:"times" doc:"How many calls were missed since nobody called back."`
}

// TaskReminder is a document that a task reminds of.
type TaskReminder struct {
	Document uint64 `json:"document"`
	Title    string `json:"title,omitempty" doc:"Absent if not everybody may see it, or if it is gone."`
	Expires  string `json:"expires" doc:"The last day on which it holds, YYYY-MM-DD."`
}

// Tasks is a page of tasks.
type Tasks struct {
	Tasks []Task `json:"tasks" doc:"Soonest first, those of some day last; done ones newest first."`
	Next  string `json:"next,omitempty" doc:"Ask with cursor=this for more; absent at the end."`
	Seq   uint64 `json:"seq" doc:"Follow the live stream from here."`
}

// TaskRequest adds a task.
type TaskRequest struct {
	Text         string    `json:"text" minLength:"1" maxLength:"4000"`
	Due          time.Time `json:"due,omitzero"`
	Assignee     *uint64   `json:"assignee,omitempty" doc:"Absent: oneself; 0: nobody yet."`
	Customer     uint64    `json:"customer,omitempty"`
	Conversation uint64    `json:"conversation,omitempty" doc:"Its customer is then the task's, if none is given."`
}

// TaskChange changes a task; absent fields stay.
type TaskChange struct {
	Text     *string    `json:"text,omitempty" maxLength:"4000"`
	Due      *time.Time `json:"due,omitempty"`
	SomeDay  bool       `json:"some_day,omitempty" doc:"Takes the time away."`
	Assignee *uint64    `json:"assignee,omitempty" doc:"0: nobody."`
	Done     *bool      `json:"done,omitempty"`
	Rev      uint64     `json:"rev,omitempty" doc:"Of the task the writer had before them: if another one holds by now nothing is written."`
}

type tasksIn struct {
	View         string `query:"view" enum:"mine,unassigned,all,done" default:"mine"`
	Customer     uint64 `query:"customer" doc:"All tasks of this customer, done ones last."`
	Conversation uint64 `query:"conversation" doc:"All tasks of this conversation, done ones last."`
	Paging
}

func (s *Server) taskRoutes() {
	const g = "Tasks"
	add(s, route{id: "listTasks", method: "GET", path: "/api/tasks", role: agent, group: g, summary: "A list of tasks"}, s.listTasks)
	add(s, route{id: "addTask", method: "POST", path: "/api/tasks", role: agent, group: g, summary: "Add a task", status: 201}, s.addTask)
	add(s, route{id: "changeTask", method: "PATCH", path: "/api/tasks/{id}", role: agent, group: g, summary: "Change a task, or mark it as done"}, s.changeTask)
	add(s, route{id: "removeTask", method: "DELETE", path: "/api/tasks/{id}", role: agent, group: g, summary: "Take a task away", status: 204}, s.removeTask)
}

func (v *view) task(id uint64) (*Task, error) {
	t, err := v.s.hub.Task(v.tx, id)
	if err != nil {
		return nil, err
	}
	return v.taskShape(t)
}

func (v *view) taskShape(t *inbox.Task) (*Task, error) {
	out := &Task{ID: t.ID, Text: t.Text, Due: t.Due, Assignee: t.Assignee, Conversation: t.Conversation, Creator: t.Creator,
		Created: t.Created, Done: t.Done, DoneBy: t.DoneBy, Rev: t.Rev}
	if t.Document != 0 && t.Text == "" {
		title, err := v.commonTitle(t.Document)
		if err != nil {
			return nil, err
		}
		out.Reminder = &TaskReminder{Document: t.Document, Title: title, Expires: t.Expires.Format(dateForm)}
		out.Text = cmp.Or(title, "A document") + " expires on " + out.Reminder.Expires
	}
	if t.Customer != 0 {
		root, err := v.s.hub.Identity.Root(v.tx, t.Customer)
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			return nil, err
		}
		if err == nil {
			out.Customer = &CustomerBrief{ID: root.ID, Name: v.s.hub.Identity.DisplayName(v.tx, root), Company: root.Company, Handles: []string{}}
		}
	}
	if t.Conversation != 0 {
		c, err := v.s.hub.Conversation(v.tx, t.Conversation)
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			return nil, err
		}
		if err == nil {
			out.Conversation, out.Subject = c.ID, cut(c.Subject, 200)
		}
	}
	if t.Call == 0 {
		return out, nil
	}
	out.Words = wording.Of(t.Text)
	r, err := v.s.hub.Message(v.tx, t.Call)
	if errors.Is(err, store.ErrNotFound) || err == nil && r.Call == nil {
		return out, nil
	}
	if err != nil {
		return nil, err
	}
	out.Call = &MissedCall{Message: r.ID, Account: r.Account, Time: r.Time, Outcome: r.Call.Outcome, Spoken: r.Call.Spoken, Times: t.Calls}
	if identity.Reachable(r.From.Handle) {
		out.Call.Handle = r.From.Handle
	}
	return out, nil
}

func (s *Server) listTasks(ctx context.Context, i *tasksIn) (*out[Tasks], error) {
	after, err := i.key()
	if err != nil {
		return nil, err
	}
	o := &out[Tasks]{Tasks{Tasks: []Task{}}}
	return o, s.view(func(v *view) error {
		o.Body.Seq = v.seq()
		q := inbox.TaskQuery{View: i.View, Agent: who(ctx).id(), Conversation: i.Conversation, After: after, Limit: i.Limit}
		if i.Customer != 0 {
			root, err := s.hub.Identity.Root(v.tx, i.Customer)
			if err != nil {
				return err
			}
			members, err := s.hub.Identity.Members(v.tx, root.ID)
			if err != nil {
				return err
			}
			for _, m := range members {
				q.Customers = append(q.Customers, m.ID)
			}
		}
		list, next, err := s.hub.Tasks(v.tx, q)
		if err != nil {
			return err
		}
		o.Body.Next = cursor(next)
		for _, t := range list {
			shape, err := v.taskShape(t)
			if err != nil {
				return err
			}
			o.Body.Tasks = append(o.Body.Tasks, *shape)
		}
		return nil
	})
}

func (s *Server) showTask(id uint64) (*out[Task], error) {
	o := new(out[Task])
	return o, s.view(func(v *view) error {
		t, err := v.task(id)
		if err == nil {
			o.Body = *t
		}
		return err
	})
}

func (s *Server) addTask(ctx context.Context, i *in[TaskRequest]) (*out[Task], error) {
	b := i.Body
	t := inbox.Task{Text: plain(b.Text), Due: b.Due, Assignee: who(ctx).id(), Customer: b.Customer, Conversation: b.Conversation}
	if b.Assignee != nil {
		if err := s.checkAgent("assignee", *b.Assignee); err != nil {
			return nil, err
		}
		t.Assignee = *b.Assignee
	}
	if err := s.checkDue(b.Due); err != nil {
		return nil, err
	}
	id, err := s.hub.AddTask(ctx, who(ctx).id(), t)
	if err != nil {
		return nil, err
	}
	return s.showTask(id)
}

func (s *Server) changeTask(ctx context.Context, i *idBody[TaskChange]) (*out[Task], error) {
	b := i.Body
	ch := inbox.TaskChange{Due: b.Due, Assignee: b.Assignee, Done: b.Done, Rev: b.Rev}
	if b.SomeDay {
		ch.Due = new(time.Time)
	} else if b.Due != nil {
		if err := s.checkDue(*b.Due); err != nil {
			return nil, err
		}
	}
	if b.Text != nil {
		text := plain(*b.Text)
		ch.Text = &text
	}
	if b.Assignee != nil {
		if err := s.checkAgent("assignee", *b.Assignee); err != nil {
			return nil, err
		}
	}
	if err := s.hub.ChangeTask(ctx, who(ctx).id(), i.ID, ch); err != nil {
		return nil, err
	}
	return s.showTask(i.ID)
}

func (s *Server) removeTask(ctx context.Context, i *idIn) (*none, error) {
	return &none{}, s.hub.RemoveTask(ctx, who(ctx).id(), i.ID)
}

// checkDue keeps the time of a task within what clocks and calendars show.
func (s *Server) checkDue(t time.Time) error {
	if !t.IsZero() && (t.Year() < 1970 || t.Year() > 2199) {
		return &inbox.InvalidError{Field: "due", Text: "give a time between 1970 and 2199"}
	}
	return nil
}

// isGone tells that there is no agent of an ID.
func isGone(err error) bool { return errors.Is(err, auth.ErrNotFound) }
