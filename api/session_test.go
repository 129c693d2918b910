package api

import (
	"net/http"
	"net/netip"
	"strings"
	"testing"

	"throughline/auth"
)

const goodPassword = "seven green kettles"

func TestSetupAndLogin(t *testing.T) {
	w := newWorld(t, worldOptions{api: func(o *Options) { o.PublicURL = "https://hub.example.org" }})
	stranger := &client{w: w}

	var state SetupState
	stranger.call(200, "GET", "/api/setup", nil, &state)
	if !state.Needed {
		t.Fatal("a hub without an active admin needs setup") // Ada is only invited
	}
	stranger.refused(410, "POST", "/api/setup", SetupRequest{Token: "guessed", Name: "Eve", Email: "eve@example.net", Password: goodPassword})
	token, err := w.auth.SetupToken(t.Context())
	must(t, err)
	weak := stranger.refused(422, "POST", "/api/setup", SetupRequest{Token: token, Name: "Bea", Email: "bea@example.com", Password: "short"})
	if len(weak.Errors) != 1 || weak.Errors[0].Location != "body.password" {
		t.Errorf("a weak password is blamed on %+v", weak.Errors)
	}
	resp, data := stranger.do("POST", "/api/setup", SetupRequest{Token: token, Name: "Bea", Email: "bea@example.com", Password: goodPassword})
	if resp.StatusCode != 200 {
		t.Fatalf("setup: %d %s", resp.StatusCode, data)
	}
	cookie := resp.Header.Get("Set-Cookie")
	for _, want := range []string{cookieName + "=", "HttpOnly", "Secure", "SameSite=Lax", "Path=/", "Max-Age="} {
		if !strings.Contains(cookie, want) {
			t.Errorf("cookie %q lacks %s", cookie, want)
		}
	}
	stranger.refused(409, "POST", "/api/setup", SetupRequest{Token: token, Name: "Eve", Email: "eve@example.net", Password: goodPassword})

	if p := stranger.refused(401, "POST", "/api/session", LoginRequest{Email: "bea@example.com", Password: "wrong"}); !strings.Contains(p.Detail, "wrong") {
		t.Error(p.Detail)
	}
	var s Session
	stranger.call(200, "POST", "/api/session", LoginRequest{Email: "BEA@example.com", Password: goodPassword}, &s)
	if s.Agent.Name != "Bea" || s.Agent.Role != "admin" || s.CSRF == "" || s.Version != "test" {
		t.Errorf("session %+v", s)
	}
	// Guessing is slowed down, and the answer says for how long.
	limited := false
	for range 30 {
		resp, _ := stranger.do("POST", "/api/session", LoginRequest{Email: "bea@example.com", Password: "guess"})
		if limited = resp.StatusCode == 429; limited {
			if resp.Header.Get("Retry-After") == "" {
				t.Error("429 without Retry-After")
			}
			break
		}
	}
	if !limited {
		t.Error("30 wrong passwords in a row were all looked at")
	}
	stranger.refused(401, "GET", "/api/session", nil)
}

func TestSessions(t *testing.T) {
	w := newWorld(t, worldOptions{})
	a, b := w.browser(w.admin), w.browser(w.admin)
	var list LoginSessions
	a.call(200, "GET", "/api/sessions", nil, &list)
	if len(list.Sessions) != 2 {
		t.Fatalf("%d sessions", len(list.Sessions))
	}
	other := ""
	for _, s := range list.Sessions {
		if !s.Current {
			other = s.ID
		}
	}
	a.call(204, "DELETE", "/api/sessions/"+other, nil, nil)
	b.refused(401, "GET", "/api/session", nil)
	a.refused(404, "DELETE", "/api/sessions/"+other, nil)
	a.refused(404, "DELETE", "/api/sessions/nonsense", nil)
	resp, _ := a.do("DELETE", "/api/session", nil)
	if resp.StatusCode != 204 || !strings.Contains(resp.Header.Get("Set-Cookie"), "Max-Age=0") {
		t.Errorf("signing out: %d, cookie %q", resp.StatusCode, resp.Header.Get("Set-Cookie"))
	}
	a.refused(401, "GET", "/api/session", nil)
	w.program(w.admin).refused(409, "DELETE", "/api/session", nil)
}

func TestPeople(t *testing.T) {
	w := newWorld(t, worldOptions{})
	boss, stranger := w.browser(w.admin), &client{w: w}

	var made InvitedAgent
	boss.call(200, "POST", "/api/agents", AgentRequest{Name: "Ann", Email: "ann@example.com", Role: "agent"}, &made)
	token, ok := strings.CutPrefix(made.Invitation, "/#/invite/")
	if !ok || !made.Agent.Invited {
		t.Fatalf("%+v", made)
	}
	if p := boss.refused(409, "POST", "/api/agents", AgentRequest{Name: "Ann", Email: "Ann@example.com", Role: "agent"}); len(p.Errors) != 1 || p.Errors[0].Location != "body.email" {
		t.Errorf("%+v", p)
	}
	if p := boss.refused(422, "POST", "/api/agents", AgentRequest{Name: "Bob", Email: "nonsense", Role: "agent"}); p.Errors[0].Location != "body.email" {
		t.Errorf("%+v", p)
	}
	var invited Invited
	stranger.call(200, "GET", "/api/invitations/"+token, nil, &invited)
	if invited.Email != "ann@example.com" {
		t.Errorf("%+v", invited)
	}
	stranger.refused(410, "GET", "/api/invitations/nonsense", nil)
	var s Session
	stranger.call(200, "POST", "/api/invitations/"+token, InvitationAnswer{Password: goodPassword}, &s)
	stranger.refused(410, "POST", "/api/invitations/"+token, InvitationAnswer{Password: goodPassword})

	ann := w.browser(auth.Agent{ID: made.Agent.ID})
	name, prefs := "Ann B.", Preferences{Language: "fa", Theme: "dark", Signature: "Ann"}
	ann.call(200, "PATCH", "/api/me", MeChange{Name: &name, Preferences: &prefs}, &s)
	if s.Agent.Name != name || s.Preferences != prefs {
		t.Errorf("%+v", s)
	}
	ann.refused(422, "PATCH", "/api/me", `{"preferences":{"language":"xx"}}`)
	ann.refused(422, "POST", "/api/me/password", PasswordChange{Old: "wrong", New: goodPassword + "!"})
	ann.call(204, "POST", "/api/me/password", PasswordChange{Old: goodPassword, New: "eight amber lanterns"}, nil)

	yes := true
	boss.call(200, "PATCH", "/api/agents/"+utoa(made.Agent.ID), AgentChange{Disabled: &yes}, nil)
	ann.refused(401, "GET", "/api/session", nil)
	var log AuditLog
	boss.call(200, "GET", "/api/audit?limit=3", nil, &log)
	if len(log.Entries) != 3 || log.Next == "" || log.Entries[0].Name != w.admin.Name {
		t.Errorf("%+v", log)
	}
	var more AuditLog
	boss.call(200, "GET", "/api/audit?limit=100&cursor="+log.Next, nil, &more)
	if len(more.Entries) == 0 || more.Entries[0].Seq >= log.Entries[2].Seq {
		t.Errorf("the second page begins with %+v", more.Entries)
	}
	boss.refused(422, "GET", "/api/audit?cursor=!", nil)
}

func TestKeys(t *testing.T) {
	w := newWorld(t, worldOptions{})
	c := w.browser(w.admin)
	var made NewAPIKey
	c.call(200, "POST", "/api/keys", APIKeyRequest{Name: "importer"}, &made)
	p := &client{w: w, key: made.Secret}
	var s Session
	p.call(200, "GET", "/api/session", nil, &s)
	if s.Agent.ID != w.admin.ID {
		t.Errorf("the key acts as %+v", s.Agent)
	}
	c.call(204, "DELETE", "/api/keys/"+utoa(made.Key.ID), nil, nil)
	p.refused(401, "GET", "/api/session", nil)
	c.refused(404, "DELETE", "/api/keys/"+utoa(made.Key.ID), nil)
}

func TestClientAddress(t *testing.T) {
	s := &Server{o: Options{TrustedProxies: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("::1/128")}}}
	for _, tt := range []struct{ remote, forwarded, want string }{
		{"203.0.113.5:1", "", "203.0.113.5"},
		{"203.0.113.5:1", "198.51.100.1", "203.0.113.5"}, // not a trusted proxy: anybody can write that
		{"10.1.1.1:1", "198.51.100.1", "198.51.100.1"},
		{"10.1.1.1:1", "192.0.2.66, 198.51.100.1", "198.51.100.1"},
		{"10.1.1.1:1", "198.51.100.1, 10.2.2.2", "198.51.100.1"},
		{"10.1.1.1:1", "nonsense", "10.1.1.1"},
		{"[::1]:1", "2001:db8::9", "2001:db8::9"},
		{"[::ffff:10.1.1.1]:1", "198.51.100.1", "198.51.100.1"},
	} {
		r := &http.Request{RemoteAddr: tt.remote, Header: http.Header{}}
		if tt.forwarded != "" {
			r.Header.Set("X-Forwarded-For", tt.forwarded)
		}
		if got := s.clientAddress(r); got != tt.want {
			t.Errorf("%s for %q: %s, want %s", tt.remote, tt.forwarded, got, tt.want)
		}
	}
}
