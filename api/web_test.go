package api

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"

	"throughline/auth"
	"throughline/connectors"
	"throughline/message"
)

func jsonInto(data []byte, v any) error { return json.Unmarshal(data, v) }

func TestApp(t *testing.T) {
	w := newWorld(t, worldOptions{})
	c := &client{w: w}
	for _, tt := range []struct {
		path, accept     string
		status           int
		body, kind, keep string
	}{
		{"/", "", 200, "<!doctype html>app", "text/html; charset=utf-8", "no-cache"},
		{"/inbox/7", "", 200, "<!doctype html>app", "text/html; charset=utf-8", "no-cache"},
		{"/assets/app-1.js", "identity", 200, "let a=1", "text/javascript; charset=utf-8", "immutable"},
		{"/assets/app-1.js", "gzip, br", 200, "brotli", "text/javascript; charset=utf-8", "immutable"},
		{"/assets/app-1.js", "gzip, br;q=0", 200, "gzip", "text/javascript; charset=utf-8", "immutable"},
		{"/assets/app-0.js", "", 404, "", "", ""},
		{"/../index.html", "", 200, "<!doctype html>app", "text/html; charset=utf-8", "no-cache"},
	} {
		c.header = http.Header{"Accept-Encoding": {tt.accept}}
		resp, body := c.do("GET", tt.path, nil)
		if resp.StatusCode != tt.status || tt.body != "" && string(body) != tt.body || !strings.Contains(resp.Header.Get("Cache-Control"), tt.keep) || tt.kind != "" && resp.Header.Get("Content-Type") != tt.kind {
			t.Errorf("%s (%s): %d %q %v", tt.path, tt.accept, resp.StatusCode, body, resp.Header)
		}
		if resp.Header.Get("Content-Security-Policy") != appCSP || resp.Header.Get("X-Content-Type-Options") != "nosniff" || resp.Header.Get("Referrer-Policy") != "no-referrer" {
			t.Errorf("%s: headers %v", tt.path, resp.Header)
		}
	}
	c.header = nil
	for path, want := range map[string]string{"/healthz": "ok\n", "/readyz": "ok\n"} {
		if resp, body := c.do("GET", path, nil); resp.StatusCode != 200 || string(body) != want {
			t.Errorf("%s: %d %s", path, resp.StatusCode, body)
		}
	}
	c.refused(404, "GET", "/api/nonsense", nil)
	resp, _ := c.do("DELETE", "/api/counts", nil)
	if resp.StatusCode != 405 || resp.Header.Get("Allow") != "GET" {
		t.Errorf("%d, Allow %q", resp.StatusCode, resp.Header.Get("Allow"))
	}
	var doc struct {
		OpenAPI string
		Paths   map[string]any
	}
	_, body := c.do("GET", "/openapi.json", nil)
	must(t, json.Unmarshal(body, &doc))
	if doc.OpenAPI != "3.1.0" || len(doc.Paths) < 50 {
		t.Errorf("%s with %d paths", doc.OpenAPI, len(doc.Paths))
	}
}

func TestMetrics(t *testing.T) {
	w := newWorld(t, worldOptions{api: func(o *Options) { o.Metrics.Token = "observer" }})
	w.accept(mail("carla@example.org", "a", "hello"))
	c := &client{w: w}
	c.refused(403, "GET", "/metrics", nil)
	c.key = "observer"
	resp, body := c.do("GET", "/metrics", nil)
	if resp.StatusCode != 200 {
		t.Fatalf("%d %s", resp.StatusCode, body)
	}
	for _, want := range []string{
		`throughline_items_total{account="support",outcome="stored"} 1`, `throughline_live_connections 0`, `throughline_follower_behind_events{follower="preference"}`, `throughline_follower_behind_events{follower="duplicates"}`, `throughline_outbox_messages{account="support"} 0`,
		`throughline_http_request_seconds_count{operation="GET /metrics",status="4xx"} 1`, "go_goroutines", "throughline_store_commits_total", `phase="live"`,
	} {
		if !strings.Contains(string(body), want) {
			t.Errorf("no %s", want)
		}
	}
	closed := newWorld(t, worldOptions{})
	(&client{w: closed}).refused(403, "GET", "/metrics", nil)
	(&client{w: closed, key: ""}).refused(403, "GET", "/metrics", nil)
}

func TestAccounts(t *testing.T) {
	w := newWorld(t, worldOptions{})
	boss, ann := w.browser(w.admin), w.browser(w.agent("Ann", auth.RoleAgent))
	secret := "correct horse battery"
	p := boss.refused(422, "POST", "/api/accounts", AccountRequest{ID: "Sales!", Channel: "test", Settings: map[string]any{"password": secret, "hots": "x"}})
	places := map[string]bool{}
	for _, e := range p.Errors {
		places[e.Location] = true
	}
	if !places["body.id"] || !places["body.settings.host"] || !places["body.settings.hots"] {
		t.Errorf("%+v", p)
	}
	var a Account
	boss.call(201, "POST", "/api/accounts", AccountRequest{ID: "sales", Channel: "test", Name: "Sales", Settings: map[string]any{"host": "mail.example.com", "password": secret}}, &a)
	if a.Settings["password"] != true || a.Settings["host"] != "mail.example.com" || a.FromFile {
		t.Errorf("%+v", a)
	}
	p = boss.refused(409, "POST", "/api/accounts", AccountRequest{ID: "sales", Channel: "test", Settings: map[string]any{"host": "x"}})
	if len(p.Errors) != 1 || p.Errors[0].Location != "body.id" {
		t.Errorf("%+v", p)
	}
	var list Accounts
	_, data := ann.do("GET", "/api/accounts", nil)
	must(t, jsonInto(data, &list))
	if len(list.Accounts) != 2 || list.Accounts[0].Settings != nil || strings.Contains(string(data), "hunter2") {
		t.Errorf("%s", data)
	}
	_, data = boss.do("GET", "/api/accounts", nil)
	if strings.Contains(string(data), "hunter2") || strings.Contains(string(data), secret) || !strings.Contains(string(data), "mail.example.com") {
		t.Errorf("%s", data)
	}
	must(t, jsonInto(data, &list))
	if s := list.Accounts[1]; s.ID != "support" || s.Address != "support@example.com" || !s.FromFile || s.Health.State.Phase != connectors.Live {
		t.Errorf("%+v", s)
	}
	name := "Sales team"
	// A stored password does not go to another server, not even to try it.
	elsewhere := map[string]any{"password": true, "host": "evil.example.net"}
	for _, p := range []problem{
		boss.refused(422, "PATCH", "/api/accounts/sales", AccountChange{Name: &name, Settings: elsewhere}),
		boss.refused(422, "POST", "/api/accounts/test", AccountTest{Channel: "test", ID: "sales", Settings: elsewhere}),
		boss.refused(422, "POST", "/api/accounts/test", AccountTest{Channel: "test", ID: "support", Settings: elsewhere}),
	} {
		if len(p.Errors) != 1 || p.Errors[0].Location != "body.settings.password" || !strings.Contains(p.Errors[0].Message, "typed in again, because Host changes") {
			t.Errorf("%+v", p)
		}
	}
	boss.call(200, "PATCH", "/api/accounts/sales", AccountChange{Name: &name, Settings: map[string]any{"password": secret + " staple", "host": "imap.example.com"}}, &a)
	if a.Name != name || a.Settings["host"] != "imap.example.com" {
		t.Errorf("%+v", a)
	}
	// A form sends all it has; the log tells of what is different.
	boss.call(200, "PATCH", "/api/accounts/sales", AccountChange{Name: &name, Settings: map[string]any{"password": true, "host": "imap.example.com"}}, &a)
	renamed := "Sales and service"
	boss.call(200, "PATCH", "/api/accounts/sales", AccountChange{Name: &renamed, Settings: map[string]any{"password": true, "host": "imap.example.com"}}, &a)
	boss.refused(409, "PATCH", "/api/accounts/support", AccountChange{Name: &name})
	boss.refused(404, "PATCH", "/api/accounts/nope", AccountChange{Name: &name})
	var steps TestSteps
	boss.call(200, "POST", "/api/accounts/test", AccountTest{Channel: "test", ID: "support", Settings: map[string]any{}}, &steps)
	if len(steps.Steps) != 2 || steps.Steps[1].Error != "wrong password" {
		t.Errorf("%+v", steps)
	}
	var ch Channels
	ann.call(200, "GET", "/api/channels", nil, &ch)
	if len(ch.Channels) != 1 || ch.Channels[0].Fields[0].Key != "host" {
		t.Errorf("%+v", ch)
	}
	ann.call(204, "POST", "/api/accounts/support/kick", nil, nil)
	ann.refused(404, "POST", "/api/accounts/nope/kick", nil)
	// Switched off it is still somebody, and no trouble.
	off := true
	boss.call(200, "PATCH", "/api/accounts/sales", AccountChange{Disabled: &off}, &a)
	for {
		var now Accounts
		boss.call(200, "GET", "/api/accounts", nil, &now)
		if a = now.Accounts[0]; a.Health.State.Phase == connectors.Stopped {
			break
		}
	}
	if !a.Disabled || a.Address != "sales@example.com" {
		t.Errorf("%+v", a)
	}
	boss.call(204, "DELETE", "/api/accounts/sales", nil, nil)
	var log AuditLog
	boss.call(200, "GET", "/api/audit", nil, &log)
	text, _ := json.Marshal(log)
	var changes []string
	for _, e := range log.Entries {
		if e.Kind == "account.changed" {
			changes = append(changes, e.Detail)
		}
	}
	if want := []string{"sales (switched off)", "sales (renamed)", "sales host password (renamed)"}; !slices.Equal(changes, want) {
		t.Errorf("the changes of the account are %q in the audit log, want %q", changes, want)
	}
	for _, want := range []string{"account.created", "account.changed", "account.deleted", "sales host password"} {
		if !strings.Contains(string(text), want) {
			t.Errorf("the audit log lacks %q", want)
		}
	}
	if strings.Contains(string(text), secret) {
		t.Error("the audit log holds a secret")
	}
}

// TestTrouble: the count is right at once, before any screen has been told.
func TestTrouble(t *testing.T) {
	w := newWorld(t, worldOptions{})
	boss := w.browser(w.admin)
	var n Counts
	w.sink.State(connectors.State{Phase: connectors.Blocked, Detail: "wrong password"})
	if boss.call(200, "GET", "/api/counts", nil, &n); n.Trouble != 1 {
		t.Errorf("%+v", n)
	}
	w.sink.State(connectors.State{Phase: connectors.Live})
	if boss.call(200, "GET", "/api/counts", nil, &n); n.Trouble != 0 {
		t.Errorf("%+v", n)
	}
	// An account whose settings make no connector is trouble until it is
	// switched off.
	off, on := true, false
	boss.call(201, "POST", "/api/accounts", AccountRequest{ID: "broken", Channel: "test", Settings: map[string]any{"host": "unusable"}}, nil)
	for n.Trouble != 1 {
		boss.call(200, "GET", "/api/counts", nil, &n)
	}
	boss.call(200, "PATCH", "/api/accounts/broken", AccountChange{Disabled: &off}, nil)
	if boss.call(200, "GET", "/api/counts", nil, &n); n.Trouble != 0 {
		t.Errorf("%+v", n)
	}
	boss.call(200, "PATCH", "/api/accounts/broken", AccountChange{Disabled: &on}, nil)
	for n.Trouble != 1 {
		boss.call(200, "GET", "/api/counts", nil, &n)
	}
}

func TestHeldAndAudit(t *testing.T) {
	w := newWorld(t, worldOptions{})
	max := w.browser(w.agent("Max", auth.RoleManager))
	must(t, w.sink.Accept(t.Context(), connectors.Batch{Held: []message.Held{{Source: "elsewhere;9", Key: "k", Reason: "too many parts", Raw: message.Bytes("raw held")}}}))
	var list HeldItems
	max.call(200, "GET", "/api/held?account=support", nil, &list)
	if len(list.Items) != 1 || list.Items[0].Reason != "too many parts" || !list.Items[0].HasRaw {
		t.Fatalf("%+v", list)
	}
	path := "/api/held/" + utoa(list.Items[0].ID)
	if _, body := max.do("GET", path+"/raw", nil); string(body) != "raw held" {
		t.Errorf("%s", body)
	}
	var o HeldOutcome
	max.call(200, "POST", path+"/retry", nil, &o)
	if o.Outcome != "stored" || o.Conversation == 0 {
		t.Errorf("%+v", o)
	}
	max.refused(404, "DELETE", path, nil)

	var a Audit
	max.call(200, "GET", "/api/accounts/support/audit", nil, &a)
	if a.Running || a.Account != "support" {
		t.Errorf("%+v", a)
	}
	max.call(200, "POST", "/api/accounts/support/audit", nil, &a)
	for a.Running || a.Finished.IsZero() {
		max.call(200, "GET", "/api/accounts/support/audit", nil, &a)
	}
	if a.Server != 1 || a.MissingN != 1 || a.Missing[0].Label != "lost" {
		t.Errorf("%+v", a)
	}
	// The import goes on when its client has gone.
	w.ch.hold = make(chan struct{})
	max.call(200, "POST", "/api/accounts/support/audit/import", ImportRequest{}, &a)
	if !a.Running || a.Imported != 0 {
		t.Errorf("%+v", a)
	}
	max.refused(409, "POST", "/api/accounts/support/audit/import", ImportRequest{})
	max.refused(409, "POST", "/api/accounts/support/audit", nil)
	close(w.ch.hold)
	for a.Running {
		max.call(200, "GET", "/api/accounts/support/audit", nil, &a)
	}
	if a.MissingN != 0 || a.Imported != 1 {
		t.Errorf("%+v", a)
	}
}

// TestProblems checks that an answer to a mistake says what to do and never
// repeats what was sent.
func TestProblems(t *testing.T) {
	w := newWorld(t, worldOptions{})
	c := w.browser(w.admin)
	p := c.refused(422, "POST", "/api/me/password", `{"old":"hunter2hunter2","nwe":"x"}`)
	if data, _ := json.Marshal(p); strings.Contains(string(data), "hunter2") || !strings.Contains(p.Detail, "nwe") && !strings.Contains(p.Detail, "new") {
		t.Errorf("%s", data)
	}
	if p := c.refused(400, "POST", "/api/keys", `{"name":`); strings.Contains(p.Detail, "goroutine") {
		t.Errorf("%+v", p)
	}
	c.refused(422, "POST", "/api/keys", `[]`)
	c.refused(413, "POST", "/api/keys", `{"name":"`+strings.Repeat("x", defaultBody)+`"}`)
	c.refused(422, "GET", "/api/conversations/x", nil)
	c.header = http.Header{"Content-Type": {"application/x-www-form-urlencoded"}}
	c.refused(415, "POST", "/api/keys", `name=x`)
	c.header = nil

	// What nobody foresaw: a reference and nothing else.
	add(w.s, route{id: "boom", method: "GET", path: "/api/boom", role: agent}, func(context.Context, *none) (*none, error) {
		return nil, errors.New("secret internals")
	})
	add(w.s, route{id: "panic", method: "GET", path: "/api/panic", role: agent}, func(context.Context, *none) (*none, error) {
		panic("secret internals")
	})
	p = c.refused(500, "GET", "/api/panic", nil)
	if strings.Contains(p.Detail, "secret internals") || !strings.Contains(p.Detail, "reference ") {
		t.Errorf("%+v", p)
	}
	p = c.refused(500, "GET", "/api/boom", nil)
	if strings.Contains(p.Detail, "secret internals") || !strings.Contains(p.Detail, "reference ") {
		t.Errorf("%+v", p)
	}
}
