package api

import (
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"throughline/auth"
)

// TestChoicesPage: a look changes nothing, a click unsubscribes, a form chooses; all
// without a session or a cookie.
func TestChoicesPage(t *testing.T) {
	w := newWorld(t, worldOptions{})
	conversation, _ := w.arrive(mail("ann@example.org", "Ann", "hello"))
	c := w.browser(w.agent("Max", auth.RoleManager))
	var open Conversation
	c.call(200, "GET", fmt.Sprintf("/api/conversations/%d", conversation), nil, &open)
	customer := fmt.Sprintf("/api/customers/%d", open.Customer.ID)
	var link ChoicesLink
	c.call(200, "GET", customer+"/handles/mailto:ann@example.org/choices", nil, &link)

	ask := func(method, path string, form url.Values) (int, string, http.Header) {
		t.Helper()
		req, err := http.NewRequestWithContext(t.Context(), method, w.http.URL+path, strings.NewReader(form.Encode()))
		must(t, err)
		if method == "POST" {
			req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		}
		req.Header.Set("Origin", "https://mail.example.net")
		resp, err := w.http.Client().Do(req)
		must(t, err)
		defer resp.Body.Close()
		body, err := io.ReadAll(resp.Body)
		must(t, err)
		return resp.StatusCode, string(body), resp.Header
	}
	optedOut := func() (list []string) {
		var now Customer
		c.call(200, "GET", customer, nil, &now)
		for _, con := range now.Handles[0].Consents {
			if con.State == "opt_out" {
				list = append(list, con.Channel+" "+con.Purpose)
			}
		}
		return list
	}
	status, body, head := ask("GET", link.Path+"?purpose=offer", nil)
	if status != 200 || !strings.Contains(body, "ann@example.org") || !strings.Contains(body, `name="unsubscribe"`) || strings.Contains(body, "<script") {
		t.Errorf("%d %s", status, body)
	}
	if head.Get("Set-Cookie") != "" || !strings.Contains(head.Get("Content-Security-Policy"), "default-src 'none'") || head.Get("Cache-Control") != "no-store" {
		t.Errorf("headers %v", head)
	}
	if list := optedOut(); len(list) != 0 {
		t.Errorf("a look unsubscribes: %v", list)
	}
	// RFC 8058 section 3.2.
	if status, _, head := ask("POST", link.Path+"?purpose=offer", url.Values{"List-Unsubscribe": {"One-Click"}}); status != 200 || head.Get("Set-Cookie") != "" {
		t.Errorf("one click: %d %v", status, head)
	}
	if list := optedOut(); len(list) != 1 || list[0] != "test offer" {
		t.Errorf("unsubscribed: %v", list)
	}
	ask("POST", link.Path, url.Values{"save": {"1"}, "channel.appointment": {"test"}, "channel.offer": {""}, "stop.offer": {"on"}, "quiet": {"on"}, "from": {"22:00"}, "to": {"07:30"}})
	var p CustomerPreferences
	c.call(200, "GET", customer+"/preferences", nil, &p)
	if len(p.Statements) != 2 || p.Quiet == nil || p.Quiet.From != 22*60 || p.Quiet.To != 7*60+30 {
		t.Errorf("preferences %+v", p)
	}
	for _, s := range p.Statements {
		if s.Source != "stated" || s.Proof.Form == "" || !strings.HasPrefix(s.By, "customer:") {
			t.Errorf("statement %+v", s)
		}
	}
	if list := optedOut(); len(list) != 1 {
		t.Errorf("the form changed %v", list)
	}
	for lang, want := range map[string]string{"fa": `dir="rtl"`, "th": `lang="th"`, "xx": `lang="en"`} {
		if _, body, _ := ask("GET", link.Path+"?lang="+lang, nil); !strings.Contains(body, want) {
			t.Errorf("%s: %s", lang, body[:200])
		}
	}
	for _, path := range []string{link.Path + "x", "/choices/AAAA", "/choices/" + strings.Repeat("A", 32)} {
		if status, body, _ := ask("GET", path, nil); status != 404 || strings.Contains(body, "ann@") {
			t.Errorf("%s: %d", path, status)
		}
		if status, _, _ := ask("POST", path, url.Values{"List-Unsubscribe": {"One-Click"}}); status != 404 {
			t.Errorf("%s: %d", path, status)
		}
	}
}

// One click may come as either kind of form (RFC 8058, 3.1); what is neither that
// nor our page changes nothing.
func TestOneClickForms(t *testing.T) {
	w := newWorld(t, worldOptions{})
	conversation, _ := w.arrive(mail("ann@example.org", "Ann", "hello"))
	c := w.browser(w.agent("Max", auth.RoleManager))
	var open Conversation
	c.call(200, "GET", fmt.Sprintf("/api/conversations/%d", conversation), nil, &open)
	customer := fmt.Sprintf("/api/customers/%d", open.Customer.ID)
	var link ChoicesLink
	c.call(200, "GET", customer+"/handles/mailto:ann@example.org/choices", nil, &link)
	post := func(kind, body string) int {
		t.Helper()
		resp, err := w.http.Client().Post(w.http.URL+link.Path+"?purpose=offer", kind, strings.NewReader(body))
		must(t, err)
		must(t, resp.Body.Close())
		return resp.StatusCode
	}
	said := func() (states []string) {
		var now Customer
		c.call(200, "GET", customer, nil, &now)
		for _, con := range now.Handles[0].Consents {
			states = append(states, con.Purpose+" "+string(con.State))
		}
		return states
	}
	for _, kind := range []string{"application/x-www-form-urlencoded", "multipart/form-data; boundary=b", "text/plain"} {
		if status := post(kind, ""); status != 400 {
			t.Errorf("nothing at all as %s: %d", kind, status)
		}
	}
	if list := said(); len(list) != 0 {
		t.Fatalf("nothing at all says %v", list)
	}
	form := "--b\r\nContent-Disposition: form-data; name=\"List-Unsubscribe\"\r\n\r\nOne-Click\r\n--b--\r\n"
	if status := post("multipart/form-data; boundary=b", form); status != 200 {
		t.Errorf("one click as multipart: %d", status)
	}
	if list := said(); len(list) != 1 || list[0] != "offer opt_out" {
		t.Errorf("unsubscribed: %v", list)
	}
}

// TestChoicesTexts: every language of the page has every text.
func TestChoicesTexts(t *testing.T) {
	for lang, texts := range choicesWords {
		for key := range choicesWords["en"] {
			if texts[key] == "" {
				t.Errorf("%s lacks %q", lang, key)
			}
		}
		if len(texts) != len(choicesWords["en"]) {
			t.Errorf("%s has %d texts", lang, len(texts))
		}
	}
}

// TestPreferencesOverTheAPI: stated goes before set and learned, with its proof.
func TestPreferencesOverTheAPI(t *testing.T) {
	w := newWorld(t, worldOptions{})
	conversation, message := w.arrive(mail("ann@example.org", "Ann", "my invoice: please by mail only"))
	c := w.browser(w.agent("Ann", auth.RoleAgent))
	var open Conversation
	c.call(200, "GET", fmt.Sprintf("/api/conversations/%d", conversation), nil, &open)
	customer := fmt.Sprintf("/api/customers/%d", open.Customer.ID)
	c.refused(422, "POST", customer+"/preferences", StatementRequest{Channel: "nothing", Wish: "prefer", Source: "set"})
	c.refused(422, "POST", customer+"/preferences", StatementRequest{Channel: "test", Purpose: "nothing", Wish: "prefer", Source: "set"})
	c.refused(422, "POST", customer+"/preferences", StatementRequest{Wish: "quiet", From: 5, To: 5, Source: "set"})
	var p CustomerPreferences
	c.call(201, "POST", customer+"/preferences", StatementRequest{Channel: "test", Purpose: "invoice", Wish: "prefer", Source: "stated", Proof: Proof{Message: message}}, &p)
	c.call(201, "POST", customer+"/preferences", StatementRequest{Channel: "test", Wish: "never", Source: "set"}, &p)
	if len(p.Statements) != 2 {
		t.Fatalf("preferences %+v", p)
	}
	purpose := "invoice"
	c.call(200, "PATCH", fmt.Sprintf("/api/conversations/%d", conversation), ConversationChange{Purpose: &purpose}, nil)
	var a Advice
	c.call(200, "GET", fmt.Sprintf("/api/conversations/%d/advice", conversation), nil, &a)
	if a.Best == nil || a.Best.Source != "stated" || !a.Steer || a.Best.Statement.Proof.Conversation != conversation {
		t.Errorf("advice %+v", a)
	}
	purpose = "support"
	c.call(200, "PATCH", fmt.Sprintf("/api/conversations/%d", conversation), ConversationChange{Purpose: &purpose}, nil)
	a = Advice{}
	c.call(200, "GET", fmt.Sprintf("/api/conversations/%d/advice", conversation), nil, &a)
	if a.Best != nil && a.Best.Channel == "test" {
		t.Errorf("advice against what was set: %+v", a.Best)
	}
	bad := "nothing"
	c.refused(422, "PATCH", fmt.Sprintf("/api/conversations/%d", conversation), ConversationChange{Purpose: &bad})
	for _, s := range p.Statements {
		c.call(200, "DELETE", fmt.Sprintf("%s/preferences/%d", customer, s.ID), nil, &p)
	}
	if len(p.Statements) != 0 || len(p.Former) != 2 {
		t.Errorf("taken back: %+v", p)
	}
	c.refused(404, "DELETE", customer+"/preferences/1", nil)
}

// TestPurposes: administrators change them, nobody removes one that was used.
func TestPurposes(t *testing.T) {
	w := newWorld(t, worldOptions{})
	c := w.browser(w.agent("Ada", auth.RoleAdmin))
	var p Purposes
	c.call(200, "GET", "/api/purposes", nil, &p)
	p.Purposes = append(p.Purposes, Purpose{Key: "repair", Names: map[string]string{"en": "Repair"}})
	p.Rules = append(p.Rules, PurposeRule{Purpose: "repair", Words: []string{"broken"}})
	c.call(200, "PUT", "/api/purposes", p, &p)
	msg := mail("ann@example.org", "Ann", "hello")
	msg.Subject = "My bike is BROKEN"
	conversation, _ := w.arrive(msg)
	var open Conversation
	c.call(200, "GET", fmt.Sprintf("/api/conversations/%d", conversation), nil, &open)
	if open.Purpose != "repair" || open.PurposeBy != "rule" {
		t.Errorf("purpose %q by %q", open.Purpose, open.PurposeBy)
	}
	old := p
	old.Version--
	c.refused(422, "PUT", "/api/purposes", old)
	fewer := p
	fewer.Purposes = p.Purposes[1:]
	c.refused(422, "PUT", "/api/purposes", fewer)
	p.Threshold = 0.2
	c.refused(422, "PUT", "/api/purposes", p)
}
