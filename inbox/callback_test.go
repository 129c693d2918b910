package inbox

import (
	"slices"
	"testing"
	"time"

	"throughline/connectors"
	"throughline/message"
	"throughline/store"
	"throughline/timeline"
)

func (l *line) CallBack(called time.Time) time.Time {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.back == 0 {
		return time.Time{}
	}
	return called.Add(l.back)
}

// calledBackWithin opens the line of a world whose missed calls become tasks.
func (w *world) calledBackWithin(d time.Duration) {
	w.t.Helper()
	w.openLine()
	w.line.mu.Lock()
	w.line.back = d
	w.line.mu.Unlock()
}

// misses lets a customer hang up while nobody has taken his call.
func (w *world) misses(of string) *Record {
	w.t.Helper()
	w.tells(of, message.Call{Outcome: message.CallMissed, Ended: time.Now().UTC()})
	return w.callIs(of, "missed", func(c *message.Call) bool { return c.Outcome == message.CallMissed })
}

// allTasks lists all tasks there are.
func (w *world) allTasks() (list []*Task) {
	w.t.Helper()
	w.view(func(tx *store.Tx) error {
		for _, view := range []string{TasksAll, TasksDone} {
			some, _, err := w.Tasks(tx, TaskQuery{View: view, Limit: 100})
			if err != nil {
				return err
			}
			list = append(list, some...)
		}
		return nil
	})
	return list
}

// onlyTask is the only task there is.
func (w *world) onlyTask() *Task {
	w.t.Helper()
	list := w.allTasks()
	if len(list) != 1 {
		w.t.Fatalf("%d tasks, want one", len(list))
	}
	return list[0]
}

// A missed call is one task, whatever else is told of it, by whichever process; two of
// a customer are one, and a voicemail says so.
func TestCallBack(t *testing.T) {
	w := newWorld(t)
	w.calledBackWithin(time.Hour)
	of := w.rings("1")
	if list := w.allTasks(); len(list) != 0 {
		t.Fatalf("while it rings: %+v", list[0])
	}
	r := w.misses(of)
	x := w.onlyTask()
	if x.Text != "Missed call from +12025550141" || x.Assignee != 0 || x.Creator != 0 || x.Conversation != r.Conversation || x.Customer == 0 ||
		!x.Due.Equal(r.Time.Add(time.Hour)) || x.Call != r.ID || x.Calls != 1 || r.Task != x.ID {
		t.Errorf("%+v", x)
	}
	left := message.Call{Outcome: message.CallVoicemail, Spoken: 9}
	w.tells(of, left)
	for range 2 {
		w.tells(of, message.Call{Outcome: message.CallMissed})
		w.tells(of, left)
		w.stop()
		w.start()
		w.line.in = (<-w.line.Sinks).(*sink)
	}
	x = w.onlyTask()
	if got := w.taskEvents(x.ID); x.Text != "Voicemail from +12025550141" || x.Calls != 1 || !slices.Equal(got, []string{timeline.TaskAdded, timeline.TaskChanged}) {
		t.Errorf("%+v, %v", x, got)
	}
	due := x.Due
	second := w.misses(w.rings("1b"))
	if x = w.onlyTask(); x.Calls != 2 || x.Call != second.ID || !x.Due.Equal(due) || x.Text != "Missed call from +12025550141" || second.Task != x.ID {
		t.Errorf("called again: %+v", x)
	}
	// What an agent wrote stays.
	text := "call the bakery"
	if err := w.ChangeTask(t.Context(), 7, x.ID, TaskChange{Text: &text}); err != nil {
		t.Fatal(err)
	}
	w.tells("call-1b", left)
	third := w.misses(w.rings("1c"))
	if x = w.onlyTask(); x.Text != text || x.Calls != 3 || x.Call != third.ID {
		t.Errorf("reworded: %+v", x)
	}
	other := w.misses(w.rings("2"))
	if list := w.allTasks(); len(list) != 2 || other.Task == x.ID {
		t.Errorf("another customer: %+v", list)
	}
	// Taken away, it does not come again for the same call.
	if err := w.RemoveTask(t.Context(), 7, x.ID); err != nil {
		t.Fatal(err)
	}
	w.tells("call-1c", left)
	if y := w.onlyTask(); y.ID != other.Task {
		t.Errorf("it came again: %+v", y)
	}
}

// calls is a call of agent 7 to somebody who has not picked up yet.
func (w *world) calls(to message.Handle) (of string) {
	w.t.Helper()
	seq, err := w.Dial(w.t.Context(), CallOut{Agent: 7, Account: "line", To: to})
	if err != nil {
		w.t.Fatal(err)
	}
	out := w.messageOf(seq)
	of = message.OwnRef(out.ID, out.Token)
	w.delivery(out.ID, func(d *Delivery) bool { return d.Status == message.Sent })
	if !w.takes(of, w.messageOf(seq).Call.Legs[0]) {
		w.t.Fatal("the call is not taken")
	}
	return of
}

// Who is spoken to, or gets an answer, is not waited for any more.
func TestCalledBack(t *testing.T) {
	for name, serve := range map[string]func(w *world, r *Record){
		"calls again": func(w *world, r *Record) {
			w.ready(7)
			of := w.rings("1b")
			if !w.takes(of, w.rung(1)[7]) {
				w.t.Fatal("the call is not taken")
			}
		},
		"is called": func(w *world, r *Record) {
			of := w.calls(r.From.Handle)
			if x := w.onlyTask(); !x.Done.IsZero() {
				w.t.Error("done before the customer picks up")
			}
			w.tells(of, message.Call{Legs: []message.CallLeg{{ID: customerLeg, Role: message.CustomerLeg, Answered: time.Now().UTC()}}})
			w.callIs(of, "talking", in(message.CallTalking))
		},
		"is called while the hub is down": func(w *world, r *Record) {
			of := w.calls(r.From.Handle)
			at := time.Now().UTC()
			w.tells(of, message.Call{Ended: at.Add(time.Second), Legs: []message.CallLeg{{ID: customerLeg, Role: message.CustomerLeg, Answered: at, Ended: at.Add(time.Second)}}})
			w.callIs(of, "over", func(c *message.Call) bool { return c.Outcome == message.CallAnswered })
		},
		"is written to": func(w *world, r *Record) {
			w.texter("texts", "+12025550100", nil)
			o := textReply(r.Conversation, "texts", "we call you at five")
			o.Agent, o.To = 7, []message.Person{{Handle: r.From.Handle}}
			w.reply(o)
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.calledBackWithin(time.Hour)
			other := w.misses(w.rings("2")).Task
			r := w.misses(w.rings("1"))
			if x := w.task(r.Task); !x.Done.IsZero() {
				t.Fatal("done already")
			}
			if err := w.RemoveTask(t.Context(), 7, other); err != nil {
				t.Fatal(err)
			}
			serve(w, r)
			w.until("the task is done", func(tx *store.Tx) bool {
				x, err := w.Task(tx, r.Task)
				return err == nil && !x.Done.IsZero() && x.DoneBy == 7
			})
			if got := w.taskEvents(r.Task); !slices.Equal(got, []string{timeline.TaskAdded, timeline.TaskDone}) {
				t.Errorf("%v", got)
			}
			// The next missed call is a new matter.
			if name == "is written to" {
				if again := w.misses(w.rings("1d")); again.Task == 0 || again.Task == r.Task {
					t.Errorf("%+v", again)
				}
			}
		})
	}
}

func (w *world) task(id uint64) (x *Task) {
	w.t.Helper()
	w.view(func(tx *store.Tx) (err error) { x, err = w.Task(tx, id); return err })
	return x
}

// Nobody is to be called back who was served, who called long ago, or where the line
// makes no tasks.
func TestNoCallBack(t *testing.T) {
	now := time.Now().UTC()
	call := func(key string, at time.Time, c message.Call) message.Message {
		return message.Message{Channel: "voice", Account: "line", Key: key, Source: key, From: message.Person{Handle: "tel:+12025550141"},
			To: []message.Person{{Handle: "tel:" + ourLine}}, Kind: message.Human, Chat: true, Time: at, Received: at, Call: &c}
	}
	missed := message.Call{Outcome: message.CallMissed, Ended: now}
	for name, tt := range map[string]struct {
		within time.Duration
		calls  []message.Message
		tasks  int
	}{
		"missed":             {time.Hour, []message.Message{call("a", now, missed)}, 1},
		"switched off":       {0, []message.Message{call("a", now, missed)}, 0},
		"goes on":            {time.Hour, []message.Message{call("a", now, message.Call{Queued: now})}, 0},
		"long ago":           {time.Hour, []message.Message{call("a", now.Add(-callBackAge-time.Hour), missed)}, 0},
		"answered elsewhere": {time.Hour, []message.Message{call("a", now, message.Call{Outcome: message.CallAnswered, Ended: now})}, 0},
		"two, of a list":     {time.Hour, []message.Message{call("a", now, missed), call("b", now, missed)}, 1},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.calledBackWithin(tt.within)
			for range 2 {
				if err := w.line.in.Accept(t.Context(), connectors.Batch{Messages: tt.calls}); err != nil {
					t.Fatal(err)
				}
			}
			if list := w.allTasks(); len(list) != tt.tasks {
				t.Errorf("%d tasks", len(list))
			}
		})
	}
}

// A caller who was handed over to nobody is to be called back though somebody spoke
// with him, and nothing of one who was erased is.
func TestCallBackOfPassedOn(t *testing.T) {
	w := newWorld(t)
	of, id := w.taken()
	w.line.mu.Lock()
	w.line.back = time.Hour
	w.line.mu.Unlock()
	if err := w.TransferCall(t.Context(), 7, id, Transfer{Number: "+12025550177"}); err != nil {
		t.Fatal(err)
	}
	w.legEnds(of, w.callIs(of, "passed", func(*message.Call) bool { return true }).Call.Legs[0].ID, "")
	leg := w.rung(1)[0]
	w.legEnds(of, leg.ID, message.LegNoAnswer)
	w.rung(1) // at who is ready, who passed it on
	now := time.Now().UTC()
	w.tells(of, message.Call{Left: now, Ended: now, Outcome: message.CallMissed})
	r := w.callIs(of, "missed", func(c *message.Call) bool { return c.Outcome == message.CallMissed })
	if x := w.onlyTask(); x.Call != r.ID || !x.Done.IsZero() {
		t.Errorf("%+v", x)
	}
	whose := w.onlyTask().Customer
	if _, err := w.Erase(t.Context(), 1, whose, func(*store.Tx, uint64) bool { return false }); err != nil {
		t.Fatal(err)
	}
	w.tells(of, message.Call{Outcome: message.CallVoicemail, Spoken: 12})
	if list := w.allTasks(); len(list) != 0 {
		t.Errorf("%+v", list[0])
	}
}
