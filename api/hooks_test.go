package api

import (
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"throughline/accounts"
	"throughline/inbox"
	"throughline/message"
)

func (w *world) post(path, body string) *http.Response {
	w.t.Helper()
	resp, err := w.http.Client().Post(w.http.URL+path, "text/plain", strings.NewReader(body))
	must(w.t, err)
	_, err = io.Copy(io.Discard, resp.Body)
	must(w.t, err)
	must(w.t, resp.Body.Close())
	return resp
}

// TestHooks brings an item over HTTP and sees it on a screen.
func TestHooks(t *testing.T) {
	w, c := newTextWorld(t, worldOptions{}, nil)
	live := w.browser(w.admin).live("")
	if resp := w.post("/hooks/mobile/in/sms?id=SM1&from=123&x=a%2Fb", "hello"); resp.StatusCode != http.StatusOK || resp.Header.Get("Set-Cookie") != "" {
		t.Errorf("%d %v", resp.StatusCode, resp.Header)
	}
	live.until("entry", func(f LiveFrame) bool {
		return f.Entry != nil && f.Entry.Message != nil && f.Entry.Message.Reply == "hello"
	})
	if r := c.seen[0]; r.URL.Path != "/in/sms" || r.URL.Query().Get("x") != "a/b" {
		t.Errorf("the connector sees %s", r.URL)
	}
	if c.host.PublicURL != publicURL+"/hooks/mobile" {
		t.Errorf("the provider is told %q", c.host.PublicURL)
	}
	w.post("/hooks/mobile?id=SM2&from=123", "again")
	if r := c.seen[1]; r.URL.Path != "/" {
		t.Errorf("the connector sees %s", r.URL)
	}
	for path, want := range map[string]int{"/hooks/nobody/x": 404, "/hooks/support/x": 404, "/hooks/": 405, "/hooks": 405} {
		if resp := w.post(path, "x"); resp.StatusCode != want {
			t.Errorf("%s: %d, want %d", path, resp.StatusCode, want)
		}
	}
	if resp := w.post("/hooks/mobile/x?id=SM3", strings.Repeat("x", hookBody+1)); resp.StatusCode != http.StatusRequestEntityTooLarge {
		t.Errorf("a body without end: %d", resp.StatusCode)
	}
	if resp := w.post("/hooks/mobile/x", "panic"); resp.StatusCode != http.StatusInternalServerError {
		t.Errorf("a panic: %d", resp.StatusCode)
	}
	off := true
	_, err := w.hub.Accounts.Update(t.Context(), "mobile", accounts.Change{Disabled: &off})
	must(t, err)
	// The hub follows by itself.
	states, stop := w.hub.WatchStates()
	defer stop()
	for {
		resp := w.post("/hooks/mobile/x?id=SM4", "hello")
		if resp.StatusCode == http.StatusServiceUnavailable {
			if resp.Header.Get("Retry-After") == "" {
				t.Error("no word of when to come again")
			}
			break
		}
		select {
		case <-states:
		case <-time.After(20 * time.Second):
			t.Fatalf("an account that is switched off answers %d", resp.StatusCode)
		}
	}
}

// TestHooksAtOnce: many requests at once, each twice, become as many items.
func TestHooksAtOnce(t *testing.T) {
	w, _ := newTextWorld(t, worldOptions{}, nil)
	const items = 60
	var wg sync.WaitGroup
	for n := range 2 * items {
		wg.Go(func() {
			resp := w.post(fmt.Sprintf("/hooks/mobile/x?id=SM%d&from=%d", n%items, 100+n%items/3), fmt.Sprintf("text %d", n%items))
			if resp.StatusCode != http.StatusOK {
				t.Errorf("%d: %d", n, resp.StatusCode)
			}
		})
	}
	wg.Wait()
	var list Accounts
	w.browser(w.admin).call(200, "GET", "/api/accounts", nil, &list)
	for _, a := range list.Accounts {
		if a.ID == "mobile" && (a.Health.Stored != items || a.Health.Duplicate != 0) {
			t.Errorf("%d stored, %d duplicates", a.Health.Stored, a.Health.Duplicate)
		}
	}
	var rows Rows
	w.browser(w.admin).call(200, "GET", "/api/conversations?limit=100", nil, &rows)
	if len(rows.Rows) != items/3 {
		t.Errorf("%d conversations, want %d", len(rows.Rows), items/3)
	}
}

// TestShare: a file for whoever has its address, for a while, and nothing else.
func TestShare(t *testing.T) {
	var later atomic.Int64 // time.Duration
	w, c := newTextWorld(t, worldOptions{api: func(o *Options) { o.Now = func() time.Time { return time.Now().Add(time.Duration(later.Load())) } }}, nil)
	share := func(kind, name, content string) string {
		ref, err := w.hub.Blobs.Put(t.Context(), strings.NewReader(content))
		must(t, err)
		u := c.host.Share(message.Part{Name: name, ContentType: kind, Blob: ref.SHA256}, time.Hour)
		path, ok := strings.CutPrefix(u, publicURL)
		if !ok {
			t.Fatalf("shared at %q", u)
		}
		return path
	}
	get := func(path string) (int, string, http.Header) {
		resp, err := w.http.Client().Get(w.http.URL + path)
		must(t, err)
		defer resp.Body.Close()
		b, err := io.ReadAll(resp.Body)
		must(t, err)
		return resp.StatusCode, string(b), resp.Header
	}
	path := share("image/png", "a/ picture?.png", "png")
	status, body, h := get(path)
	if status != 200 || body != "png" || h.Get("Content-Type") != "image/png" || h.Get("X-Content-Type-Options") != "nosniff" || h.Get("Set-Cookie") != "" ||
		!strings.HasPrefix(h.Get("Content-Disposition"), "attachment") {
		t.Errorf("%d %q %v", status, body, h)
	}
	for _, kind := range []string{"text/html", "image/svg+xml", "application/xhtml+xml", "application/javascript", "audio/x; y", "nonsense"} {
		if _, _, h := get(share(kind, "x", "<script>")); h.Get("Content-Type") != anyType && kind != "audio/x; y" {
			t.Errorf("%s is served as %s", kind, h.Get("Content-Type"))
		}
	}
	token, name, _ := strings.Cut(strings.TrimPrefix(path, inbox.SharePath), "/")
	for what, bad := range map[string]string{
		"another name": inbox.SharePath + token + "/other.png",
		"no name":      inbox.SharePath + token + "/",
		"cut":          inbox.SharePath + token[:len(token)-4] + "/" + name,
		"empty":        inbox.SharePath + "x/" + name,
	} {
		if status, body, _ := get(bad); status == 200 && body == "png" {
			t.Errorf("%s: served", what)
		}
	}
	for i := range token {
		letter := byte('A')
		if token[i] == letter {
			letter = 'B'
		}
		if status, _, _ := get(inbox.SharePath + token[:i] + string(letter) + token[i+1:] + "/" + name); status != http.StatusNotFound {
			t.Errorf("changed at %d: %d", i, status)
		}
	}
	if c.host.Share(message.Part{Name: "x", Blob: "../x"}, time.Hour) != "" {
		t.Error("shared what is no blob")
	}
	later.Store(int64(2 * time.Hour))
	if status, _, _ := get(path); status != http.StatusGone {
		t.Errorf("after its time: %d", status)
	}
	if _, err := url.Parse(path); err != nil {
		t.Error(err)
	}
}

// TestHooksLimited: strangers are limited by the address they have beyond the proxy,
// and everybody else is served.
func TestHooksLimited(t *testing.T) {
	w, _ := newTextWorld(t, worldOptions{api: func(o *Options) { o.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")} }}, nil)
	n := 0
	post := func(from, body string) *http.Response {
		n++
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, fmt.Sprintf("%s/hooks/mobile/x?id=L%d&from=123", w.http.URL, n), strings.NewReader(body))
		must(t, err)
		req.Header.Set("X-Forwarded-For", from)
		resp, err := w.http.Client().Do(req)
		must(t, err)
		_, err = io.Copy(io.Discard, resp.Body)
		must(t, err)
		must(t, resp.Body.Close())
		return resp
	}
	limited := false
	for range 100 {
		resp := post("203.0.113.7", "forged")
		if limited = resp.StatusCode == http.StatusTooManyRequests; limited {
			if resp.Header.Get("Retry-After") == "" || resp.Header.Get("Content-Security-Policy") == "" {
				t.Errorf("%v", resp.Header)
			}
			break
		}
		if resp.StatusCode != http.StatusForbidden {
			t.Fatalf("a forged request: %d", resp.StatusCode)
		}
	}
	if !limited {
		t.Error("a stranger is never limited")
	}
	if resp := post("203.0.113.8", "hello"); resp.StatusCode != http.StatusOK {
		t.Errorf("another address: %d", resp.StatusCode)
	}
	for range 100 {
		post("203.0.113.8", "forged")
	}
	if resp := post("203.0.113.8", "hello"); resp.StatusCode != http.StatusOK {
		t.Errorf("where the provider came from: %d", resp.StatusCode)
	}
}
