package api

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"throughline/auth"
	"throughline/documents"
	"throughline/inbox"
	"throughline/store"
	"throughline/timeline"
)

// documentCalls is a request to every operation on one document.
func documentCalls(id, link, message uint64, sha string) map[string]struct {
	method, path string
	body         any
} {
	at := "/api/documents/" + itoa(int(id))
	type call = struct {
		method, path string
		body         any
	}
	return map[string]call{
		"getDocument":            {"GET", at, nil},
		"changeDocument":         {"PATCH", at, map[string]any{"title": "mine"}},
		"moveDocument":           {"POST", at + "/move", map[string]any{"customer": 1}},
		"deleteDocument":         {"DELETE", at, nil},
		"undeleteDocument":       {"POST", at + "/undelete", nil},
		"purgeDocument":          {"POST", at + "/purge", nil},
		"addDocumentVersion":     {"POST", at + "/versions?name=x.txt", "x"},
		"restoreDocumentVersion": {"POST", at + "/restore", map[string]any{"version": 1}},
		"getDocumentFile":        {"GET", at + "/file", nil},
		"attachDocument":         {"POST", at + "/attach", map[string]any{}},
		"listDocumentLinks":      {"GET", at + "/links", nil},
		"shareDocument":          {"POST", at + "/links", map[string]any{"days": 1}},
		"revokeDocumentLink":     {"DELETE", at + "/links/" + itoa(int(link)), nil},
		"listDocumentOpenings":   {"GET", at + "/openings", nil},
		"fileDocument":           {"POST", "/api/documents/from-message", map[string]any{"message": message, "blob": sha, "document": id}},
	}
}

// Whoever may not see a document may do nothing with it, whatever else the rules
// grant; and no operation on a document is missing here.
func TestNobodyActsOnWhatTheyMayNotSee(t *testing.T) {
	w := newWorld(t, worldOptions{})
	root, boss, c := w.browser(w.admin), w.browser(w.agent("Max", auth.RoleManager)), w.browser(w.agent("Ann", auth.RoleAgent))
	var customer Customer
	c.call(201, "POST", "/api/customers", map[string]any{"name": "Zoe", "handles": []string{"zoe@example.org"}}, &customer)
	message, sha := mailWithFile(t, w, "kim@example.org", "contract.pdf", "%PDF-1.4 signed")
	make := func(typ string) (d LibraryDocument, link NewDocumentLink) {
		d = putDocument(t, boss, customer.ID, "passport.txt", "text/plain", "secret "+typ, "&type="+typ)
		boss.call(201, "POST", "/api/documents/"+itoa(int(d.ID))+"/links", map[string]any{"days": 1}, &link)
		return d, link
	}
	restricted, link := make("identity")
	calls := documentCalls(restricted.ID, link.Link.ID, message, sha)
	for _, r := range w.s.routes {
		if _, ok := calls[r.id]; r.act != "" && !ok && !slices.Contains([]string{"listDocuments", "addDocument"}, r.id) {
			t.Errorf("%s is not tried", r.id)
		}
	}
	managers := []string{"purgeDocument", "listDocumentOpenings"}
	for name, x := range calls {
		want := http.StatusNotFound
		if slices.Contains(managers, name) {
			want = http.StatusForbidden // by its role
		}
		if resp, body := c.do(x.method, x.path, x.body); resp.StatusCode != want {
			t.Errorf("%s of a restricted one: %d %s", name, resp.StatusCode, body)
		}
	}

	// Seeing is for managers now, everything else for all.
	plain, link := make("contract")
	var rules DocumentRules
	root.call(200, "GET", "/api/documents/rules", nil, &rules)
	rules.Roles = DocumentRoles{See: "manager", Add: "agent", Delete: "agent", Share: "agent"}
	root.call(200, "PUT", "/api/documents/rules", map[string]any{"types": rules.Types, "roles": rules.Roles}, nil)
	calls = documentCalls(plain.ID, link.Link.ID, message, sha)
	calls["listDocuments"] = struct {
		method, path string
		body         any
	}{"GET", "/api/documents?q=passport", nil}
	calls["addDocument"] = struct {
		method, path string
		body         any
	}{"POST", "/api/documents?name=x.txt&customer=" + itoa(int(customer.ID)), "x"}
	for name, x := range calls {
		if resp, body := c.do(x.method, x.path, x.body); resp.StatusCode != http.StatusForbidden {
			t.Errorf("%s by who may not see: %d %s", name, resp.StatusCode, body)
		}
	}
	boss.call(200, "GET", "/api/documents/"+itoa(int(plain.ID)), nil, nil)
}

// What a document is called stands in no frame, timeline or task of an agent who may
// not see it.
func TestTitlesStayWithThoseWhoSee(t *testing.T) {
	for _, x := range []struct{ name, typ, see string }{{"a restricted type", "identity", "agent"}, {"seeing is for managers", "contract", "manager"}} {
		t.Run(x.name, func(t *testing.T) {
			w := newWorld(t, worldOptions{})
			root, boss, c := w.browser(w.admin), w.browser(w.agent("Max", auth.RoleManager)), w.browser(w.agent("Ann", auth.RoleAgent))
			var rules DocumentRules
			root.call(200, "GET", "/api/documents/rules", nil, &rules)
			rules.Roles.See = x.see
			root.call(200, "PUT", "/api/documents/rules", map[string]any{"types": rules.Types, "roles": rules.Roles}, nil)
			var customer Customer
			c.call(201, "POST", "/api/customers", map[string]any{"name": "Zoe", "handles": []string{"zoe@example.org"}}, &customer)
			const secret = "Passport of the minister"
			stream := c.live("?since=0")
			d := putDocument(t, boss, customer.ID, secret+".txt", "text/plain", "secret", "&type="+x.typ)
			at := "/api/documents/" + itoa(int(d.ID))
			boss.send(200, "POST", at+"/versions?name=2.txt", "text/plain", strings.NewReader("two"), nil)
			boss.call(200, "PATCH", at, map[string]any{"expires": "2030-01-31"}, nil)
			var link NewDocumentLink
			boss.call(201, "POST", at+"/links", map[string]any{"days": 1}, &link)
			w.outsider("GET", link.Path, "en", nil)
			boss.call(204, "DELETE", at+"/links/"+itoa(int(link.Link.ID)), nil, nil)
			var task uint64
			must(t, w.hub.Store.Update(t.Context(), func(tx *store.Tx) (err error) {
				task, err = w.hub.AddTaskTx(tx, inbox.Task{Document: d.ID, Expires: time.Date(2030, 1, 31, 0, 0, 0, 0, time.UTC), Customer: customer.ID})
				return err
			}))
			boss.call(200, "DELETE", at, nil, nil)
			boss.call(200, "POST", at+"/undelete", nil, nil)
			boss.call(200, "DELETE", at, nil, nil)
			boss.call(204, "POST", at+"/purge", nil, nil)

			kinds := map[string]bool{}
			stream.until("entry", func(f LiveFrame) bool {
				data, err := json.Marshal(f)
				must(t, err)
				if kinds[f.Entry.Kind] = true; strings.Contains(string(data), secret) {
					t.Errorf("a frame: %s", data)
				}
				return f.Entry.Kind == timeline.DocumentPurged
			})
			for _, kind := range []string{timeline.DocumentAdded, timeline.DocumentVersion, timeline.DocumentChanged, timeline.DocumentShared,
				timeline.DocumentOpened, timeline.DocumentRevoked, timeline.DocumentDeleted, timeline.DocumentRestored, timeline.TaskAdded} {
				if !kinds[kind] {
					t.Errorf("no frame tells of %s", kind)
				}
			}
			for _, path := range []string{"/api/customers/" + itoa(int(customer.ID)) + "/timeline", "/api/tasks?view=all", "/api/customers/" + itoa(int(customer.ID))} {
				if _, body := c.do("GET", path, nil); strings.Contains(string(body), secret) {
					t.Errorf("%s: %s", path, body)
				}
			}
			// The words of the task are the screen's until somebody writes some.
			var tasks Tasks
			c.call(200, "GET", "/api/tasks?view=all", nil, &tasks)
			if len(tasks.Tasks) != 1 || tasks.Tasks[0].Reminder == nil || tasks.Tasks[0].Reminder.Expires != "2030-01-31" || tasks.Tasks[0].Text != "A document expires on 2030-01-31" {
				t.Errorf("%+v", tasks.Tasks)
			}
			var changed Task
			c.call(200, "PATCH", "/api/tasks/"+itoa(int(task)), map[string]any{"text": "Ask Zoe"}, &changed)
			if changed.Reminder != nil || changed.Text != "Ask Zoe" {
				t.Errorf("%+v", changed)
			}
		})
	}
}

// A reminder of what everybody may see names it.
func TestReminderNamesItsDocument(t *testing.T) {
	w := newWorld(t, worldOptions{})
	c := w.browser(w.agent("Ann", auth.RoleAgent))
	var customer Customer
	c.call(201, "POST", "/api/customers", map[string]any{"name": "Zoe", "handles": []string{"zoe@example.org"}}, &customer)
	d := putDocument(t, c, customer.ID, "Lease.txt", "text/plain", "rent", "")
	must(t, w.hub.Store.Update(t.Context(), func(tx *store.Tx) error {
		_, err := w.hub.AddTaskTx(tx, inbox.Task{Document: d.ID, Expires: time.Date(2030, 1, 31, 0, 0, 0, 0, time.UTC)})
		return err
	}))
	var tasks Tasks
	c.call(200, "GET", "/api/tasks?view=all", nil, &tasks)
	if r := tasks.Tasks[0].Reminder; r == nil || r.Title != "Lease" || r.Document != d.ID || tasks.Tasks[0].Text != "Lease expires on 2030-01-31" {
		t.Errorf("%+v", tasks.Tasks[0])
	}
}

// Rules that cannot be understood let nobody but administrators act.
func TestLeastRole(t *testing.T) {
	for _, x := range []struct{ see, add, want string }{
		{"agent", "agent", "agent"}, {"agent", "manager", "manager"}, {"manager", "agent", "manager"}, {"admin", "agent", "admin"},
		{"", "agent", "admin"}, {"agent", "root", "admin"},
	} {
		r := documents.Rules{Roles: map[string]string{documents.ActSee: x.see, documents.ActAdd: x.add}}
		if got := r.Least(documents.ActAdd); got != x.want {
			t.Errorf("see %q, add %q: %s", x.see, x.add, got)
		}
	}
}
