package e2e

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"throughline/peertest"
)

// TestBrowser runs the scenarios in browser/ in a real Chromium. They ask this
// side over HTTP for what happens around the hub.
func TestBrowser(t *testing.T) {
	t.Parallel()
	node, chromium := browserTools(t)
	for _, scenario := range []string{"story", "access", "reconnect"} {
		t.Run(scenario, func(t *testing.T) {
			f := openOffice(t, hubOptions{undo: "6s"})
			f.admin.invite(t, "Omar Agent", "omar@example.com", "agent")
			browse(t, node, chromium, scenario, f.hub, f.around())
			if !f.running() {
				f.start()
			}
			f.check()
		})
	}
}

// browse runs one scenario, which asks around for what happens outside the hub.
func browse(t *testing.T, node, chromium, scenario string, h *hub, around http.Handler) {
	t.Helper()
	srv := httptest.NewServer(around)
	t.Cleanup(srv.Close)
	ctx, cancel := context.WithTimeout(context.Background(), 4*patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, node, scenario+".mjs")
	cmd.Dir = "browser"
	cmd.Env = append(os.Environ(), "HUB="+h.url(), "AROUND="+srv.URL, "CHROMIUM="+chromium, "PASSWORD="+password)
	cmd.WaitDelay = 10 * time.Second
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Errorf("%s: %v\n%s", scenario, err, out)
	} else {
		t.Logf("%s", out)
	}
}

// surroundings is a handler of POST /WHAT with a JSON object, answered by JSON.
type surroundings struct{ *http.ServeMux }

func (s surroundings) handle(what string, do func(in map[string]any) (any, error)) {
	s.HandleFunc("POST /"+what, func(w http.ResponseWriter, r *http.Request) {
		var in map[string]any
		err := json.NewDecoder(r.Body).Decode(&in)
		var out any
		if err == nil {
			out, err = do(in)
		}
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		_ = json.NewEncoder(w).Encode(out) // the scenario fails if it gets nothing
	})
}

func textOf(in map[string]any, key string) string { s, _ := in[key].(string); return s }

func numberOf(in map[string]any, key string) int { n, _ := in[key].(float64); return int(n) }

// browserTools finds what the browser tests need.
func browserTools(t *testing.T) (node, chromium string) {
	t.Helper()
	node, err := exec.LookPath("node")
	if err != nil {
		peertest.Missing(t, "Node is not installed, which drives the browser")
	}
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if chromium, err = exec.LookPath(name); err == nil {
			break
		}
	}
	if chromium == "" {
		peertest.Missing(t, "Chromium is not installed (Debian: apt install chromium)")
	}
	if _, err := os.Stat(filepath.Join("browser", "node_modules", "playwright-core")); err != nil {
		peertest.Missing(t, "the browser's driver is not installed: run make test, or npm ci in e2e/browser")
	}
	return node, chromium
}

// around answers the scenarios.
func (f *office) around() http.Handler {
	mux := surroundings{http.NewServeMux()}
	handle := mux.handle
	// deliver brings a mail of a customer.
	handle("deliver", func(in map[string]any) (any, error) {
		l := letter{from: textOf(in, "from"), subject: textOf(in, "subject"), text: textOf(in, "text"), id: fmt.Sprintf("browser-%d@example.org", time.Now().UnixNano())}
		if html := textOf(in, "html"); html != "" {
			l.head, l.text = "MIME-Version: 1.0\r\nContent-Type: text/html; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n", html
		}
		return true, f.dovecot.Deliver(f.user, l.raw())
	})
	// mail waits for the nth mail at the SMTP server, from 0.
	handle("mail", func(in map[string]any) (any, error) {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		n := numberOf(in, "n")
		mails, err := f.smtp.Wait(ctx, n+1)
		if err != nil {
			return nil, fmt.Errorf("only %d mails came to the SMTP server", len(mails))
		}
		m := readMail(f.t, mails[n].Data)
		subject, err := decodeWord(m.Get("Subject"))
		return map[string]any{
			"to": mails[n].To, "subject": subject, "text": m.parts["text/plain"], "html": m.parts["text/html"],
			"inReplyTo": m.Get("In-Reply-To"), "references": m.Get("References"), "id": m.Get("Message-Id"), "tree": m.tree,
		}, err
	})
	// mails counts what came to the SMTP server.
	handle("mails", func(map[string]any) (any, error) { return len(f.smtp.Mails()), nil })
	// answer is the customer's answer to the nth mail.
	handle("answer", func(in map[string]any) (any, error) {
		mails := f.smtp.Mails()
		n := numberOf(in, "n")
		if n >= len(mails) {
			return nil, errors.New("there is no such mail")
		}
		return true, f.dovecot.Deliver(f.user, replyTo(f.t, mails[n].Data, textOf(in, "text")).sentBy(strings.Join(mails[n].To, ", ")).raw())
	})
	// stop kills the hub, start starts it again at the same address.
	handle("stop", func(map[string]any) (any, error) { f.kill(); return true, nil })
	handle("start", func(map[string]any) (any, error) {
		f.launch()
		if !f.serving() {
			return nil, errors.New("the hub ended at once")
		}
		return true, nil
	})
	return mux
}
