package api

import (
	"encoding/json"
	"fmt"
	"net/http"
	"testing"
	"time"

	"throughline/auth"
)

// customer makes a customer with one address.
func (c *client) customer(name, address string) Customer {
	c.w.t.Helper()
	var made Customer
	c.call(201, "POST", "/api/customers", CustomerRequest{Name: name, Handles: []string{address}}, &made)
	return made
}

func TestTwoAgentsEditOneCard(t *testing.T) {
	w := newWorld(t, worldOptions{})
	ann, max := w.browser(w.agent("Ann", auth.RoleAgent)), w.browser(w.agent("Max", auth.RoleAgent))
	c := ann.customer("Cleo", "cleo@example.org")
	path := fmt.Sprintf("/api/customers/%d", c.ID)
	var saved Customer
	ann.call(200, "PATCH", path, map[string]any{"goals": "a bigger shop", "tags": []string{"vip", "new"}, "base": map[string]int{"goals": 0}}, &saved)
	if saved.Goals != "a bigger shop" || len(saved.Tags) != 2 || saved.Changed["goals"].Rev == 0 || saved.Changed["goals"].By == "" {
		t.Fatalf("saved: %+v", saved.Card)
	}
	// Max had the card before him as it was before.
	resp, body := max.do("PATCH", path, map[string]any{"goals": "a smaller shop", "base": map[string]int{"goals": 0}})
	var clash Clashes
	if err := json.Unmarshal(body, &clash); err != nil || resp.StatusCode != http.StatusConflict {
		t.Fatalf("%d %s", resp.StatusCode, body)
	}
	if len(clash.Conflicts) != 1 || clash.Conflicts[0].Field != "goals" || clash.Conflicts[0].Value != "a bigger shop" || clash.Conflicts[0].Changed != saved.Changed["goals"] {
		t.Errorf("clash: %+v", clash)
	}
	// He decides for his own, over the version he has seen now.
	max.call(200, "PATCH", path, map[string]any{"goals": "a smaller shop", "base": map[string]uint64{"goals": clash.Conflicts[0].Changed.Rev}}, &saved)
	var past FieldHistory
	ann.call(200, "GET", path+"/history?field=goals", nil, &past)
	if len(past.Versions) != 1 || past.Versions[0].Value != "a bigger shop" || past.Versions[0].Next != saved.Changed["goals"].By {
		t.Errorf("history: %+v", past)
	}
	ann.refused(422, "PATCH", path, map[string]any{"owner": 424242})
	ann.refused(422, "PATCH", path, map[string]any{"next_date": "tomorrow"})
	ann.refused(404, "PATCH", path, map[string]any{"fields": map[string]string{"424242": "x"}})
	ann.refused(422, "PATCH", path, map[string]any{"fields": map[string]string{"nonsense": "x"}})
}

func TestCustomFieldsOverTheAPI(t *testing.T) {
	w := newWorld(t, worldOptions{})
	admin := w.browser(w.admin)
	var f CustomField
	admin.call(201, "POST", "/api/fields", map[string]any{"name": "Tier", "kind": "choice", "of": "customer", "choices": []string{"Gold", "Silver"}}, &f)
	admin.refused(422, "POST", "/api/fields", map[string]any{"name": "tier ", "kind": "text", "of": "customer"})
	c := admin.customer("Cleo", "cleo@example.org")
	path, id := fmt.Sprintf("/api/customers/%d", c.ID), fmt.Sprint(f.ID)
	var saved Customer
	admin.call(200, "PATCH", path, map[string]any{"fields": map[string]string{id: "gold"}}, &saved)
	if saved.Fields[id] != "Gold" {
		t.Errorf("fields: %v", saved.Fields)
	}
	admin.refused(422, "PATCH", path, map[string]any{"fields": map[string]string{id: "bronze"}})
	admin.call(200, "PATCH", "/api/fields/"+id, map[string]any{"archived": true, "name": "Old tier"}, &f)
	admin.call(200, "GET", path, nil, &saved)
	if !f.Archived || f.Name != "Old tier" || len(f.Choices) != 2 || saved.Fields[id] != "Gold" {
		t.Errorf("archived: %+v, the card has %v", f, saved.Fields)
	}
}

func TestTasksOverTheAPI(t *testing.T) {
	w := newWorld(t, worldOptions{})
	ann, bob := w.agent("Ann", auth.RoleAgent), w.agent("Bob", auth.RoleAgent)
	a, b := w.browser(ann), w.browser(bob)
	c := a.customer("Cleo", "cleo@example.org")
	var task, later Task
	a.call(201, "POST", "/api/tasks", map[string]any{"text": "call Cleo", "customer": c.ID, "due": time.Now().Add(-time.Hour)}, &task)
	a.call(201, "POST", "/api/tasks", map[string]any{"text": "some day"}, &later)
	if task.Assignee != ann.ID || task.Customer == nil || task.Customer.Name != "Cleo" {
		t.Errorf("task: %+v", task)
	}
	var n Counts
	a.call(200, "GET", "/api/counts", nil, &n)
	if n.Tasks != 1 || n.Overdue != 1 || n.AllTasks != 2 {
		t.Errorf("counts: %+v", n)
	}
	var list Tasks
	a.call(200, "GET", "/api/tasks?limit=1", nil, &list)
	if len(list.Tasks) != 1 || list.Tasks[0].ID != task.ID || list.Next == "" {
		t.Errorf("first page: %+v", list)
	}
	a.call(200, "GET", "/api/tasks?limit=1&cursor="+list.Next, nil, &list)
	if len(list.Tasks) != 1 || list.Tasks[0].ID != later.ID {
		t.Errorf("second page: %+v", list)
	}
	path := fmt.Sprintf("/api/tasks/%d", task.ID)
	var changed Task
	b.call(200, "PATCH", path, map[string]any{"assignee": bob.ID, "rev": task.Rev}, &changed)
	a.refused(409, "PATCH", path, map[string]any{"text": "write to Cleo", "rev": task.Rev})
	b.call(200, "PATCH", path, map[string]any{"done": true}, &changed)
	if changed.Done.IsZero() || changed.DoneBy != bob.ID {
		t.Errorf("done: %+v", changed)
	}
	a.call(200, "GET", fmt.Sprintf("/api/tasks?customer=%d", c.ID), nil, &list)
	if len(list.Tasks) != 1 || list.Tasks[0].Done.IsZero() {
		t.Errorf("of the customer: %+v", list)
	}
	a.refused(404, "POST", "/api/tasks", map[string]any{"text": "x", "customer": 424242})
	a.refused(422, "POST", "/api/tasks", map[string]any{"text": " "})
	a.refused(422, "POST", "/api/tasks", map[string]any{"text": "x", "assignee": 424242})
	a.call(204, "DELETE", path, nil, nil)
	a.refused(404, "DELETE", path, nil)
}

// TestEraseTheNameless: who has neither a name nor an address is erased by his number.
func TestEraseTheNameless(t *testing.T) {
	w := newWorld(t, worldOptions{})
	boss := w.browser(w.admin)
	id, err := w.hub.CreateCustomer(t.Context(), 0, "Ann", nil) // as an import makes them
	must(t, err)
	var c Customer
	path := "/api/customers/" + utoa(id)
	boss.call(200, "PATCH", path, map[string]any{"name": ""}, &c)
	if c.Name != "" {
		t.Fatalf("her name is %q", c.Name)
	}
	boss.refused(422, "POST", path+"/erase", EraseRequest{Confirm: "Ann"})
	boss.call(200, "POST", path+"/erase", EraseRequest{Confirm: utoa(id)}, nil)
	boss.refused(410, "GET", path+"/export", nil)
}
