package slack

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"throughline/connectors"
	"throughline/connectors/connectortest"
	"throughline/connectors/slack/slacktest"
	"throughline/message"
)

// quick are limits for tests.
func quick(c *Connector) *Connector {
	c.limits.settle, c.limits.eachRoom = 0, 0
	c.limits.names, c.limits.live = 10*time.Second, 10*time.Second
	c.limits.webhook = 20 * time.Second
	c.limits.soon = 10 * time.Millisecond
	c.limits.again = []time.Duration{10 * time.Millisecond, 20 * time.Millisecond, 50 * time.Millisecond}
	c.limits.appear = []time.Duration{0, 10 * time.Millisecond}
	c.api.pause = 10 * time.Millisecond
	return c
}

func startSlack(t testing.TB, o slacktest.Options) *slacktest.Server {
	t.Helper()
	if o.RetryDelays == nil {
		o.RetryDelays = []time.Duration{0, 50 * time.Millisecond, 100 * time.Millisecond}
	}
	o.Unlimited = true
	srv, err := slacktest.Start(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(srv.Close)
	return srv
}

// make makes a connector for a double behind base, with other settings over the
// usual ones.
func connect(t testing.TB, srv *slacktest.Server, base string, over map[string]any) *Connector {
	t.Helper()
	set := map[string]any{"bot_token": srv.BotToken, "app_token": srv.AppToken, "signing_secret": srv.SigningSecret,
		"base_url": base + "/api", "history_days": 1, "poll_interval": "10s"}
	for k, v := range over {
		set[k] = v
	}
	raw, err := json.Marshal(set)
	if err != nil {
		t.Fatal(err)
	}
	c, err := newConnector(connectors.Account{ID: "chat", Channel: Channel, Settings: raw},
		connectors.Host{Log: slog.New(slog.DiscardHandler), TempDir: t.TempDir(), PublicURL: "https://hub.example.com/hooks/chat"})
	if err != nil {
		t.Fatal(err)
	}
	return quick(c)
}

func TestConformance(t *testing.T) {
	t.Run("socket mode", func(t *testing.T) { conform(t, true) })
	t.Run("http", func(t *testing.T) { conform(t, false) })
}

func conform(t *testing.T, socket bool) {
	connectortest.Run(t, func(t *testing.T) connectortest.Harness {
		srv := startSlack(t, slacktest.Options{})
		ann := srv.User(slacktest.Person{RealName: "Ann Example"})
		dm := ann.DM()
		front := &poisoner{to: srv.URL}
		web := httptest.NewServer(front)
		t.Cleanup(web.Close)
		said := &said{srv: srv, bodies: map[string][]byte{}}
		h := connectortest.Harness{
			New: func() connectors.Connector {
				if socket {
					return connect(t, srv, web.URL, nil)
				}
				c := connect(t, srv, web.URL, map[string]any{"app_token": ""})
				c.set.poll = 20 * time.Millisecond
				return c
			},
			Deliver: func(text string) error {
				_, err := said.say(ann, dm, text)
				return err
			},
			Poison: func(text string) error {
				srv.DropNext(1)
				ts, err := ann.Say(dm, text)
				front.spoil(ts)
				return err
			},
			Outgoing: func(id uint64) message.Message {
				m := out(ann, fmt.Sprintf("answer %d", id))
				m.ID = id
				return m
			},
			Sent: func() (names []string) {
				for _, call := range srv.Calls("chat.postMessage") {
					var meta struct {
						Payload struct{ ID string } `json:"event_payload"`
					}
					_ = json.Unmarshal([]byte(call.Args["metadata"]), &meta) // "" then
					names = append(names, meta.Payload.ID)
				}
				return names
			},
			Swallow: func() error { srv.Inject("chat.postMessage", 1, slacktest.Fault{CutAfter: true}); return nil },
			Taken:   func() int { return len(srv.Posted()) },
			Lock:    func() error { srv.RevokeTokens(); return nil },
			Secrets: []string{srv.BotToken, srv.AppToken, srv.SigningSecret},
		}
		if socket {
			h.Hookless = true
			opened := 0
			h.Cut = func() error {
				// The double lists a socket a moment after its hello.
				err := srv.WaitFor(t.Context(), func() bool { return srv.SocketsOpened() > opened })
				opened = srv.SocketsOpened()
				srv.CutSockets()
				return err
			}
			return h
		}
		h.Hook = func(handler http.Handler, text string) (int, error) {
			body, err := said.say(ann, dm, text)
			if err != nil {
				return 0, err
			}
			return bring(srv, handler, body)
		}
		return h
	})
}

// said are messages with the events that Slack makes of them.
type said struct {
	srv    *slacktest.Server
	mu     sync.Mutex
	bodies map[string][]byte
}

// say posts a text once, and returns its event.
func (s *said) say(u *slacktest.User, to *slacktest.Channel, text string) ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if body, ok := s.bodies[text]; ok {
		return body, nil
	}
	ts, err := u.Say(to, text)
	s.bodies[text] = fmt.Appendf(nil, `{"type":"event_callback","team_id":%q,"event_id":"Ev%s","event":{"type":"message","channel":%q,"channel_type":"im","user":%q,"text":%q,"ts":%q,"event_ts":%q}}`,
		s.srv.TeamID(), ts, to.ID, u.ID, text, ts, ts)
	return s.bodies[text], err
}

// bring hands a body to a handler as Slack does over HTTP.
func bring(srv *slacktest.Server, handler http.Handler, body []byte) (int, error) {
	r, err := srv.Request(context.Background(), "https://hub.example.com"+routeEvents, "application/json", body)
	if err != nil {
		return 0, err
	}
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, r)
	return w.Code, nil
}

// poisoner stands before the double and breaks single messages of its histories.
type poisoner struct {
	to  string
	mu  sync.Mutex
	bad map[string]bool
}

func (p *poisoner) spoil(ts string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.bad == nil {
		p.bad = map[string]bool{}
	}
	p.bad[ts] = true
}

func (p *poisoner) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	to, _ := url.Parse(p.to)
	transport := &http.Transport{DisableKeepAlives: true}
	proxy := &httputil.ReverseProxy{ErrorLog: log.New(io.Discard, "", 0), Rewrite: func(pr *httputil.ProxyRequest) { pr.SetURL(to) }, Transport: transport}
	if !strings.HasPrefix(r.URL.Path, "/api/conversations.history") {
		proxy.ServeHTTP(w, r)
		return
	}
	rec := httptest.NewRecorder()
	proxy.ServeHTTP(rec, r)
	var answer map[string]any
	if json.Unmarshal(rec.Body.Bytes(), &answer) != nil {
		w.WriteHeader(rec.Code)
		_, _ = w.Write(rec.Body.Bytes())
		return
	}
	p.mu.Lock()
	if list, ok := answer["messages"].([]any); ok {
		for _, e := range list {
			if m := e.(map[string]any); p.bad[m["ts"].(string)] {
				m["text"] = 5
			}
		}
	}
	p.mu.Unlock()
	w.Header().Set("Date", rec.Header().Get("Date"))
	_ = json.NewEncoder(w).Encode(answer)
}
