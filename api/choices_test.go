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

// choosing is the preference page of somebody who wrote, as a mail program and a
// browser without a session see it.
type choosing struct {
	w        *world
	c        *client // of a manager, who sees what became of it
	customer string
	path     string
}

func newChoosing(t *testing.T) *choosing {
	t.Helper()
	w := newWorld(t, worldOptions{})
	conversation, _ := w.arrive(mail("ann@example.org", "Ann", "hello"))
	p := &choosing{w: w, c: w.browser(w.agent("Max", auth.RoleManager))}
	var open Conversation
	p.c.call(200, "GET", fmt.Sprintf("/api/conversations/%d", conversation), nil, &open)
	p.customer = fmt.Sprintf("/api/customers/%d", open.Customer.ID)
	var link ChoicesLink
	p.c.call(200, "GET", p.customer+"/handles/mailto:ann@example.org/choices", nil, &link)
	p.path = link.Path
	return p
}

// ask sends a body of some kind, "" for none, from a foreign site.
func (p *choosing) ask(method, path, kind, body string) (status int, text string, head http.Header) {
	p.w.t.Helper()
	req, err := http.NewRequestWithContext(p.w.t.Context(), method, p.w.http.URL+path, strings.NewReader(body))
	must(p.w.t, err)
	if kind != "" {
		req.Header.Set("Content-Type", kind)
	}
	req.Header.Set("Origin", "https://mail.example.net")
	resp, err := p.w.http.Client().Do(req)
	must(p.w.t, err)
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	must(p.w.t, err)
	return resp.StatusCode, string(data), resp.Header
}

// look fetches a page, post sends a form.
func (p *choosing) look(path string) (int, string, http.Header) { return p.ask("GET", path, "", "") }
func (p *choosing) post(path string, form url.Values) (int, string, http.Header) {
	return p.ask("POST", path, "application/x-www-form-urlencoded", form.Encode())
}

// consents are what the first address is said to want, as "channel purpose state".
func (p *choosing) consents() (list []string) {
	var now Customer
	p.c.call(200, "GET", p.customer, nil, &now)
	for _, con := range now.Handles[0].Consents {
		list = append(list, con.Channel+" "+con.Purpose+" "+string(con.State))
	}
	return list
}

// TestChoicesPage: a look changes nothing, a click unsubscribes, a form chooses; all
// without a session or a cookie.
func TestChoicesPage(t *testing.T) {
	p := newChoosing(t)
	status, body, head := p.look(p.path + "?purpose=offer")
	if status != 200 || !strings.Contains(body, "ann@example.org") || !strings.Contains(body, `name="unsubscribe"`) || strings.Contains(body, "<script") {
		t.Errorf("%d %s", status, body)
	}
	if head.Get("Set-Cookie") != "" || !strings.Contains(head.Get("Content-Security-Policy"), "default-src 'none'") || head.Get("Cache-Control") != "no-store" {
		t.Errorf("headers %v", head)
	}
	if list := p.consents(); len(list) != 0 {
		t.Errorf("a look unsubscribes: %v", list)
	}
	// RFC 8058 section 3.2.
	if status, _, head := p.post(p.path+"?purpose=offer", url.Values{"List-Unsubscribe": {"One-Click"}}); status != 200 || head.Get("Set-Cookie") != "" {
		t.Errorf("one click: %d %v", status, head)
	}
	if list := p.consents(); len(list) != 1 || list[0] != "test offer opt_out" {
		t.Errorf("unsubscribed: %v", list)
	}
	p.post(p.path, url.Values{"save": {"1"}, "channel.appointment": {"test"}, "channel.offer": {""}, "stop.offer": {"on"}, "quiet": {"on"}, "from": {"22:00"}, "to": {"07:30"}})
	var now CustomerPreferences
	p.c.call(200, "GET", p.customer+"/preferences", nil, &now)
	if len(now.Statements) != 2 || now.Quiet == nil || now.Quiet.From != 22*60 || now.Quiet.To != 7*60+30 {
		t.Errorf("preferences %+v", now)
	}
	for _, s := range now.Statements {
		if s.Source != "stated" || s.Proof.Form == "" || !strings.HasPrefix(s.By, "customer:") {
			t.Errorf("statement %+v", s)
		}
	}
	if list := p.consents(); len(list) != 1 {
		t.Errorf("the form changed %v", list)
	}
	for lang, want := range map[string]string{"fa": `dir="rtl"`, "th": `lang="th"`, "xx": `lang="en"`} {
		if _, body, _ := p.look(p.path + "?lang=" + lang); !strings.Contains(body, want) {
			t.Errorf("%s: %s", lang, body[:200])
		}
	}
	for _, path := range []string{p.path + "x", "/choices/AAAA", "/choices/" + strings.Repeat("A", 32)} {
		if status, body, _ := p.look(path); status != 404 || strings.Contains(body, "ann@") {
			t.Errorf("%s: %d", path, status)
		}
		if status, _, _ := p.post(path, url.Values{"List-Unsubscribe": {"One-Click"}}); status != 404 {
			t.Errorf("%s: %d", path, status)
		}
	}
}

// One click may come as either kind of form (RFC 8058, 3.1); what is neither that
// nor our page changes nothing.
func TestOneClickForms(t *testing.T) {
	p := newChoosing(t)
	for _, kind := range []string{"application/x-www-form-urlencoded", "multipart/form-data; boundary=b", "text/plain"} {
		if status, _, _ := p.ask("POST", p.path+"?purpose=offer", kind, ""); status != 400 {
			t.Errorf("nothing at all as %s: %d", kind, status)
		}
	}
	if list := p.consents(); len(list) != 0 {
		t.Fatalf("nothing at all says %v", list)
	}
	form := "--b\r\nContent-Disposition: form-data; name=\"List-Unsubscribe\"\r\n\r\nOne-Click\r\n--b--\r\n"
	if status, _, _ := p.ask("POST", p.path+"?purpose=offer", "multipart/form-data; boundary=b", form); status != 200 {
		t.Errorf("one click as multipart: %d", status)
	}
	if list := p.consents(); len(list) != 1 || list[0] != "test offer opt_out" {
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

// TestWhoFetchesTheLink: what is chosen on the page is the person's own word, so no
// agent gets its address, and the security log says which manager did.
func TestWhoFetchesTheLink(t *testing.T) {
	p := newChoosing(t)
	link := p.customer + "/handles/mailto:ann@example.org/choices"
	p.w.browser(p.w.agent("Eve", auth.RoleAgent)).refused(403, "GET", link, nil)
	var log AuditLog
	p.w.browser(p.w.admin).call(200, "GET", "/api/audit?limit=50", nil, &log)
	var by []string
	for _, e := range log.Entries {
		if e.Kind == "choices.link" {
			by = append(by, e.Name+": "+e.Detail)
		}
	}
	customer := strings.TrimPrefix(p.customer, "/api/customers/")
	if len(by) != 1 || !strings.HasPrefix(by[0], "Max: customer "+customer+",") || strings.Contains(by[0], "ann@") {
		t.Errorf("the log says %q", by)
	}
}
