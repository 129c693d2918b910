package slacktest_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/slack-go/slack"

	"throughline/connectors/slack/slacktest"
)

// hook is an app's address for events: it verifies, keeps and answers.
type hook struct {
	*httptest.Server
	mu       sync.Mutex
	requests []delivered
	reply    func(w http.ResponseWriter, n int) // n counts from 0; nil: 200
}

type delivered struct {
	header  http.Header
	body    []byte
	payload struct {
		Type    string
		EventID string `json:"event_id"`
		Event   struct{ Type, Text string }
		AppID   string `json:"api_app_id"`
		Auth    []struct {
			TeamID string `json:"team_id"`
			UserID string `json:"user_id"`
		} `json:"authorizations"`
	}
}

func newHook(t *testing.T, secret string) *hook {
	h := &hook{}
	h.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		v, err := slack.NewSecretsVerifier(r.Header, secret)
		d := delivered{header: r.Header, body: must(io.ReadAll(r.Body))}
		v.Write(d.body)
		if err != nil || v.Ensure() != nil {
			t.Errorf("signature: %v %v", err, v.Ensure())
		}
		if r.URL.Path == "/actions" {
			return
		}
		if err := json.Unmarshal(d.body, &d.payload); err != nil {
			t.Error(err)
		}
		if d.payload.Type == "url_verification" {
			var c struct{ Challenge string }
			json.Unmarshal(d.body, &c)
			switch r.URL.Path {
			case "/text":
				fmt.Fprint(w, c.Challenge)
			case "/form":
				fmt.Fprint(w, "challenge="+c.Challenge)
			case "/json":
				fmt.Fprintf(w, `{"challenge":%q}`, c.Challenge)
			}
			return
		}
		h.mu.Lock()
		n := len(h.requests)
		h.requests = append(h.requests, d)
		reply := h.reply
		h.mu.Unlock()
		if reply != nil {
			reply(w, n)
		}
	}))
	t.Cleanup(h.Close)
	return h
}

func (h *hook) all() []delivered {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.requests)
}

func TestChallenge(t *testing.T) {
	s := start(t, fast())
	h := newHook(t, s.SigningSecret)
	for path, ok := range map[string]bool{"/text": true, "/form": true, "/json": true, "/nothing": false} {
		if err := s.SubscribeURL(ctx(t), h.URL+path); (err == nil) != ok {
			t.Errorf("%s: %v", path, err)
		}
	}
}

func TestEventsOverHTTP(t *testing.T) {
	for _, x := range []struct {
		name     string
		reply    func(w http.ResponseWriter, n int)
		attempts int
		reason   string
	}{
		{"answered", nil, 1, ""},
		{"answered the third time", func(w http.ResponseWriter, n int) {
			if n < 2 {
				w.WriteHeader(500)
			}
		}, 3, "http_error"},
		{"never answered well", func(w http.ResponseWriter, _ int) { w.WriteHeader(404) }, 4, "http_error"},
		{"no retry wanted", func(w http.ResponseWriter, _ int) {
			w.Header().Set("X-Slack-No-Retry", "1")
			w.WriteHeader(500)
		}, 1, ""},
		{"cut", func(http.ResponseWriter, int) { panic(http.ErrAbortHandler) }, 4, "connection_failed"},
		{"sent in a circle", func(w http.ResponseWriter, _ int) {
			w.Header().Set("Location", "/text")
			w.WriteHeader(http.StatusTemporaryRedirect)
		}, 12, "too_many_redirects"},
	} {
		t.Run(x.name, func(t *testing.T) {
			s := start(t, fast())
			h := newHook(t, s.SigningSecret)
			h.reply = x.reply
			ana := s.User(slacktest.Person{RealName: "Ana Example"})
			c := s.Channel(slacktest.Room{Name: "support", Members: []*slacktest.User{ana}})
			if err := s.SubscribeURL(ctx(t), h.URL+"/text"); err != nil {
				t.Fatal(err)
			}
			must(ana.Say(c, "hello"))
			if err := s.WaitDelivered(ctx(t)); err != nil {
				t.Fatal(err)
			}
			got := h.all()
			if len(got) != x.attempts {
				t.Fatalf("%d attempts, want %d", len(got), x.attempts)
			}
			first := got[0]
			if p := first.payload; p.Type != "event_callback" || p.Event.Text != "hello" || p.AppID != s.AppID() || p.Auth[0].TeamID != s.TeamID() ||
				p.Auth[0].UserID != s.App().ID {
				t.Errorf("payload: %s", first.body)
			}
			if n := first.header.Get("X-Slack-Retry-Num"); n != "" {
				t.Errorf("the first attempt is retry %s", n)
			}
			if last := got[len(got)-1]; x.reason != "" && last.header.Get("X-Slack-Retry-Reason") != x.reason ||
				last.payload.EventID != first.payload.EventID {
				t.Errorf("retry: %v", last.header)
			}
		})
	}
}

func TestSlowAnswers(t *testing.T) {
	o := fast()
	o.AckTimeout = 400 * time.Millisecond // the challenge has to be answered in it too
	s := start(t, o)
	h := newHook(t, s.SigningSecret)
	release := make(chan struct{})
	ana := s.User(slacktest.Person{RealName: "Ana Example"})
	c := s.Channel(slacktest.Room{Name: "support", Members: []*slacktest.User{ana}})
	if err := s.SubscribeURL(ctx(t), h.URL+"/text"); err != nil {
		t.Fatal(err)
	}
	h.reply = func(http.ResponseWriter, int) { <-release }
	must(ana.Say(c, "hello"))
	if err := s.WaitDelivered(ctx(t)); err != nil {
		t.Fatal(err)
	}
	close(release)
	for _, d := range s.Deliveries() {
		if d.Error != "http_timeout" || d.Socket {
			t.Errorf("%+v", d)
		}
	}
	if n := len(s.Deliveries()); n != 4 {
		t.Errorf("%d attempts", n)
	}
}

func TestSubscriptionIsDisabled(t *testing.T) {
	o := fast()
	o.DisableAfter, o.RetryDelays = 10, []time.Duration{}
	s := start(t, o)
	h := newHook(t, s.SigningSecret)
	h.reply = func(w http.ResponseWriter, _ int) { w.WriteHeader(500) }
	ana := s.User(slacktest.Person{RealName: "Ana Example"})
	c := s.Channel(slacktest.Room{Name: "support", Members: []*slacktest.User{ana}})
	if err := s.SubscribeURL(ctx(t), h.URL+"/json"); err != nil {
		t.Fatal(err)
	}
	for i := range 12 {
		if want := i >= 10; s.EventsDisabled() != want {
			t.Errorf("after %d failures: %v", i, s.EventsDisabled())
		}
		must(ana.Say(c, "hello"))
		if err := s.WaitDelivered(ctx(t)); err != nil {
			t.Fatal(err)
		}
	}
	if n := len(h.all()); n != 10 {
		t.Errorf("%d deliveries", n)
	}
	if err := s.SubscribeURL(ctx(t), h.URL+"/json"); err != nil || s.EventsDisabled() {
		t.Error(err)
	}
	s.RateLimitEvents()
	if err := s.WaitDelivered(ctx(t)); err != nil {
		t.Fatal(err)
	}
	if got := h.all(); got[len(got)-1].payload.Type != "app_rate_limited" {
		t.Errorf("%s", got[len(got)-1].body)
	}
}

func TestClicksOverHTTP(t *testing.T) {
	s := start(t, fast())
	h := newHook(t, s.SigningSecret)
	ana := s.User(slacktest.Person{RealName: "Ana Example"})
	c := s.Channel(slacktest.Room{Name: "agents", Members: []*slacktest.User{ana}})
	if err := s.SubscribeURL(ctx(t), h.URL+"/json"); err != nil {
		t.Fatal(err)
	}
	ts := withButton(t, s, c)
	s.SetInteractivityURL(h.URL + "/actions")
	if err := ana.Click(ctx(t), c, ts, "open"); err != nil {
		t.Error(err)
	}
	h.Close()
	if err := ana.Click(ctx(t), c, ts, "open"); err == nil {
		t.Error("a click was acknowledged with nobody there")
	}
}

// TestSignature is the example of Slack's page on signatures, with other values.
func TestSignature(t *testing.T) {
	body := []byte("payload=1")
	sig := slacktest.Sign("secret", "1700000000", body)
	if !strings.HasPrefix(sig, "v0=") || len(sig) != 3+64 {
		t.Error(sig)
	}
	for _, other := range []string{slacktest.Sign("other", "1700000000", body), slacktest.Sign("secret", "1700000001", body), slacktest.Sign("secret", "1700000000", nil)} {
		if other == sig {
			t.Error("the signature does not depend on everything")
		}
	}
}
