package api

import (
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"throughline/auth"
	"throughline/documents"
)

// outsider asks for a link's page or file, without any session.
func (w *world) outsider(method, path, language string, form url.Values) (*http.Response, string) {
	w.t.Helper()
	req, err := http.NewRequestWithContext(w.t.Context(), method, w.http.URL+path, strings.NewReader(form.Encode()))
	must(w.t, err)
	if form != nil {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	req.Header.Set("Accept-Language", language)
	resp, err := w.http.Client().Do(req)
	must(w.t, err)
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	must(w.t, err)
	return resp, string(body)
}

// link is a document of a new customer, and a link to it as ask says.
func (w *world) link(c *client, name, typ, content, query string, ask map[string]any) (d LibraryDocument, made NewDocumentLink) {
	w.t.Helper()
	var customer Customer
	c.call(201, "POST", "/api/customers", map[string]any{"name": "Zoe", "handles": []string{"zoe@example.org"}}, &customer)
	d = putDocument(w.t, c, customer.ID, name, typ, content, query)
	c.call(201, "POST", "/api/documents/"+itoa(int(d.ID))+"/links", ask, &made)
	return d, made
}

func TestSharedDocument(t *testing.T) {
	w := newWorld(t, worldOptions{})
	c := w.browser(w.agent("Ann", auth.RoleAgent))
	d, made := w.link(c, "a.html", "text/html", "<script>alert(1)</script>", "&title=%3Cb%3EOffer", map[string]any{"days": 7, "password": "open sesame", "note": "for Zoe"})
	at := "/api/documents/" + itoa(int(d.ID))
	c.refused(422, "POST", at+"/links", map[string]any{"days": 0})
	if !strings.HasPrefix(made.Path, linkPath) || !made.Link.Password || !made.Link.Active {
		t.Fatalf("%+v", made)
	}

	for lang, want := range map[string]string{"en": "Download", "fa-IR,en;q=0.5": "دریافت", "th": "ดาวน์โหลด", "de": "Download"} {
		resp, page := w.outsider("GET", made.Path, lang, nil)
		h := resp.Header
		if resp.StatusCode != 200 || !strings.Contains(page, want) || strings.Contains(page, "Offer") || strings.Contains(page, "alert(1)") || strings.Contains(page, " B<") {
			t.Errorf("%s: %d %s", lang, resp.StatusCode, page)
		}
		if h.Get("Set-Cookie") != "" || !strings.Contains(h.Get("Content-Security-Policy"), "default-src 'none'") || h.Get("Cache-Control") != "no-store" ||
			h.Get("X-Robots-Tag") != noRobots || h.Get("Referrer-Policy") != "no-referrer" || h.Get("X-Frame-Options") != "DENY" {
			t.Errorf("%s: %v", lang, h)
		}
	}
	// Nothing without the password, and nothing for looking.
	if resp, page := w.outsider("POST", made.Path, "en", url.Values{"password": {"wrong"}}); resp.StatusCode != 403 || !strings.Contains(page, "password is wrong") {
		t.Errorf("%d %s", resp.StatusCode, page)
	}
	resp, body := w.outsider("POST", made.Path, "en", url.Values{"password": {"open sesame"}})
	h := resp.Header
	if resp.StatusCode != 200 || body != "<script>alert(1)</script>" || h.Get("Content-Type") != anyType || !strings.HasPrefix(h.Get("Content-Disposition"), "attachment") ||
		!strings.HasPrefix(h.Get("Content-Security-Policy"), "sandbox") || h.Get("Set-Cookie") != "" {
		t.Errorf("%d %q %v", resp.StatusCode, body, h)
	}

	// Agents see the use of it, managers who it was.
	var links DocumentLinks
	c.call(200, "GET", at+"/links", nil, &links)
	if len(links.Links) != 1 || links.Links[0].Downloads != 1 || links.Links[0].Visits != 1 || links.Links[0].Note != "for Zoe" {
		t.Errorf("%+v", links)
	}
	boss := w.browser(w.agent("Max", auth.RoleManager))
	var opened DocumentOpenings
	boss.call(200, "GET", at+"/openings", nil, &opened)
	if len(opened.Openings) != 2 || opened.Openings[0].How != "linkfile" || opened.Openings[0].Address == "" {
		t.Errorf("%+v", opened)
	}

	c.call(204, "DELETE", at+"/links/"+itoa(int(made.Link.ID)), nil, nil)
	for _, method := range []string{"GET", "POST"} {
		if resp, page := w.outsider(method, made.Path, "en", url.Values{"password": {"open sesame"}}); resp.StatusCode != 410 || strings.Contains(page, "Offer") || !strings.Contains(page, "taken it back") {
			t.Errorf("%s after it was taken back: %d %s", method, resp.StatusCode, page)
		}
	}
	if resp, page := w.outsider("GET", linkPath+"NONSENSE", "fa", nil); resp.StatusCode != 404 || !strings.Contains(page, `dir="rtl"`) {
		t.Errorf("%d %s", resp.StatusCode, page)
	}
}

func TestSharedDocumentIsUsedUp(t *testing.T) {
	w := newWorld(t, worldOptions{})
	_, made := w.link(w.browser(w.admin), "a.txt", "text/plain", "hello", "", map[string]any{"days": 1, "max": 1})
	if resp, _ := w.outsider("POST", made.Path, "en", url.Values{}); resp.StatusCode != 200 {
		t.Fatal(resp.StatusCode)
	}
	if resp, page := w.outsider("POST", made.Path, "en", url.Values{}); resp.StatusCode != 410 || !strings.Contains(page, "as often as") {
		t.Errorf("%d %s", resp.StatusCode, page)
	}
	// A link is no way in for anything else.
	if resp, _ := w.outsider("PUT", made.Path, "en", nil); resp.StatusCode == 200 {
		t.Errorf("PUT: %d", resp.StatusCode)
	}
}

// A link without a password tells what it leads to, in a page that the title cannot
// break out of.
func TestPageOfALink(t *testing.T) {
	w := newWorld(t, worldOptions{})
	_, made := w.link(w.browser(w.admin), "a.txt", "text/plain", "hello", "&title=%3Cb%3EOffer", map[string]any{"days": 1})
	if resp, page := w.outsider("GET", made.Path, "en", nil); resp.StatusCode != 200 || !strings.Contains(page, "Offer") || !strings.Contains(page, "5 B") || strings.Contains(page, "<b>") {
		t.Errorf("%d %s", resp.StatusCode, page)
	}
}

// Whoever has a link cannot keep the hub busy with it, nor guess its password quickly.
func TestPaceOfLinks(t *testing.T) {
	w := newWorld(t, worldOptions{})
	_, made := w.link(w.browser(w.admin), "a.txt", "text/plain", "hello", "", map[string]any{"days": 1, "password": "open sesame"})
	for range documents.WrongPasswords {
		if resp, _ := w.outsider("POST", made.Path, "en", url.Values{"password": {"wrong"}}); resp.StatusCode != 403 {
			t.Fatal(resp.StatusCode)
		}
	}
	if resp, page := w.outsider("POST", made.Path, "en", url.Values{"password": {"open sesame"}}); resp.StatusCode != 429 || !strings.Contains(page, "too many wrong passwords") {
		t.Errorf("%d %s", resp.StatusCode, page)
	}
	for range linkPerAddress {
		w.outsider("GET", made.Path, "en", nil)
	}
	resp, page := w.outsider("GET", made.Path, "en", nil)
	if resp.StatusCode != 429 || !strings.Contains(page, "very often") || resp.Header.Get("Retry-After") == "" {
		t.Errorf("%d %s", resp.StatusCode, page)
	}
}

func TestLinkPace(t *testing.T) {
	now := time.Unix(1e9, 0)
	p := &linkPace{now: func() time.Time { return now }}
	often := func(token, address string) (n int) {
		for n < 1000 && p.take(token, address) {
			n++
		}
		return n
	}
	for _, x := range []struct {
		token, address string
		want           int
	}{
		{"a", "203.0.113.1", linkPerAddress},
		{"a", "203.0.113.2", linkPerAddress},
		{"b", "203.0.113.1", linkPerAddress},
		{"c", "203.0.113.1", addressLinks - 2*linkPerAddress - 2}, // two were refused, and count
		{"a", "2001:db8::1", linkPerAddress},
		{"a", "2001:db8::2", 0},
	} {
		if got := often(x.token, x.address); got != x.want {
			t.Errorf("%s from %s: %d, want %d", x.token, x.address, got, x.want)
		}
	}
	now = now.Add(linkWindow)
	if got := often("a", "203.0.113.1"); got != linkPerAddress {
		t.Errorf("a minute later: %d", got)
	}
	for i := range linkPaceKeys {
		p.take(itoa(i), "203.0.113.9")
	}
	if got := often("a", "203.0.113.10"); got != linkPerAddress {
		t.Errorf("beside one who tries many links: %d", got)
	}
	for i := range linkPaceKeys { // from everywhere
		p.take("a", fmt.Sprintf("2001:db8:%x:%x::1", i>>16, i&0xffff))
	}
	if len(p.count) > linkPaceKeys+1 {
		t.Errorf("%d keys are kept", len(p.count))
	}
}
