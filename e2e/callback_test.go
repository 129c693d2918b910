package e2e

import (
	"context"
	"fmt"
	"net/http"
	"testing"

	"throughline/api"
	"throughline/message"
)

// tasks are those of a list, as the API shows them.
func (c *client) tasks(view string) (list []api.Task, err error) {
	var o api.Tasks
	err = c.call(http.MethodGet, "/api/tasks?view="+view, nil, &o)
	return o.Tasks, err
}

// Nobody takes a call, the hub is killed the moment the caller hangs up, and there is
// one task to call back; the next missed call joins it, and calling back closes it.
func TestCallBack(t *testing.T) {
	t.Parallel()
	d := openDesk(t, nil)
	var task api.Task
	waits := func(what string, ok func(x *api.Task) bool) {
		t.Helper()
		until(t, what, func() error {
			list, err := d.admin.tasks("unassigned")
			if err != nil || len(list) != 1 || list[0].Call == nil || !ok(&list[0]) {
				return fmt.Errorf("%v %+v", err, list)
			}
			task = list[0]
			return nil
		})
	}
	missed := func() {
		call, err := d.twilio.Call(annNumber, ourLine)
		if err != nil {
			t.Fatal(err)
		}
		until(t, "the call is there", func() error {
			rows, err := d.admin.rows("all")
			if err != nil || len(rows) != 1 || rows[0].Unread == 0 {
				return fmt.Errorf("%v %+v", err, rows)
			}
			return nil
		})
		call.HangUp()
	}
	missed()
	d.kill()
	d.start()
	d.admin.untilPhase(t, "voice", "live")
	waits("a task", func(x *api.Task) bool { return x.Call.Times == 1 })
	if x := task; x.Text != "Missed call from "+annNumber || x.Words == nil || x.Words.Code != "task.missed_call" || x.Words.With["who"] != annNumber ||
		x.Assignee != 0 || x.Customer == nil || x.Conversation == 0 || x.Due.Sub(x.Call.Time).Hours() != 1 ||
		x.Call.Handle != "tel:"+annNumber || x.Call.Account != "voice" || x.Call.Outcome != message.CallMissed {
		t.Errorf("%+v %+v", x, x.Call)
	}
	missed()
	waits("called again", func(x *api.Task) bool { return x.ID == task.ID && x.Call.Times == 2 })

	dev := d.ready(d.admin)
	if err := d.admin.call(http.MethodPost, "/api/calls", api.CallRequest{Account: "voice", To: annNumber}, nil); err != nil {
		t.Fatal(err)
	}
	leg := d.answers(dev)
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	customer, err := d.twilio.NextRinging(ctx, annNumber)
	if err != nil {
		t.Fatalf("%v %+v", err, d.twilio.Alerts())
	}
	if err := customer.Answer(); err != nil {
		t.Fatal(err)
	}
	until(t, "the task is done", func() error {
		list, err := d.admin.tasks("done")
		if err != nil || len(list) != 1 || list[0].ID != task.ID || list[0].DoneBy != d.admin.agent {
			return fmt.Errorf("%v %+v", err, list)
		}
		return nil
	})
	leg.HangUp()
}
