package api

import (
	"context"
	"fmt"
	"html"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"throughline/message"
	"throughline/peertest"
)

// browserPath finds Chromium, or skips the test; with REQUIRE_PEERS=1 it fails.
func browserPath(t *testing.T) string {
	t.Helper()
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	peertest.Missing(t, "Chromium is not installed: what a browser does with a message document is not tested")
	return ""
}

// TestFrameInBrowser shows a hostile message in a sandboxed frame of a real
// browser, by address and as srcdoc: its own pictures appear although the frame
// sends no cookie, and nothing else of the hub is ever asked for.
func TestFrameInBrowser(t *testing.T) {
	chromium := browserPath(t)
	w := newWorld(t, worldOptions{})
	m := mail("eve@example.net", "n", "x")
	m.HTML = `<p>Hi</p><img src="cid:logo"><script>fetch("/evil-script")</script><img src="/evil-img"><img src=x onerror="fetch('/evil-onerror')">
		<div style="background:url(/evil-style)">x</div><form action="/evil-form"><button>x</button></form><iframe src="/evil-frame"></iframe><link rel=stylesheet href="/evil-link"><meta http-equiv=refresh content="0;url=/evil-refresh">`
	m.Parts = []message.Part{{Name: "logo.png", ContentType: "image/png", ContentID: "logo", Inline: true, Size: 3, Content: message.Bytes("PNG")}}
	_, id := w.arrive(m)
	c := w.browser(w.admin)
	path := "/api/messages/" + utoa(id) + "/html"
	_, doc := c.do("GET", path, nil)

	var mu sync.Mutex
	seen := map[string]int{}
	pictures := make(chan int, 10)
	srv := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/by-address", "/by-srcdoc":
			http.SetCookie(rw, &http.Cookie{Name: cookieName, Value: c.session, Path: "/", HttpOnly: true, SameSite: http.SameSiteLaxMode})
			rw.Header().Set("Content-Type", "text/html")
			frame := `src="` + path + `"`
			if r.URL.Path == "/by-srcdoc" {
				// As a page of the hub would fetch it: the policy in it names this host.
				own := strings.ReplaceAll(string(doc), w.http.URL, "http://"+r.Host)
				frame = `srcdoc="` + html.EscapeString(own) + `"`
			}
			fmt.Fprintf(rw, `<!doctype html><iframe sandbox="allow-popups allow-popups-to-escape-sandbox" %s></iframe>`, frame)
			return
		}
		rec := &recorder{ResponseWriter: rw}
		w.s.Handler().ServeHTTP(rec, r)
		mu.Lock()
		seen[r.URL.Path]++
		mu.Unlock()
		if strings.HasPrefix(r.URL.Path, "/api/blobs/") {
			pictures <- rec.status
		}
	}))
	defer srv.Close()
	for _, page := range []string{"/by-address", "/by-srcdoc"} {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		cmd := exec.CommandContext(ctx, chromium, "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
			"--disable-component-update", "--disable-sync", "--disable-dev-shm-usage", "--user-data-dir="+t.TempDir(), "--virtual-time-budget=3000", "--dump-dom", srv.URL+page)
		out, err := cmd.CombinedOutput()
		cancel()
		if err != nil {
			t.Fatalf("chromium: %v\n%s", err, out)
		}
		select {
		case status := <-pictures:
			if status != 200 {
				t.Errorf("%s: the message's own picture is answered %d", page, status)
			}
		default:
			t.Errorf("%s: the message's own picture was not asked for", page)
		}
	}
	mu.Lock()
	defer mu.Unlock()
	for p := range seen {
		if strings.Contains(p, "evil") {
			t.Errorf("the message made the browser ask for %s", p)
		}
	}
	if seen[path] == 0 {
		t.Error("the document was not asked for")
	}
}
