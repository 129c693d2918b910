package twilio

import (
	"context"
	"encoding/base64"
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

	"throughline/connectors"
	"throughline/connectors/connectortest"
	"throughline/connectors/twilio/twiliotest"
	"throughline/message"
)

func TestConformance(t *testing.T) {
	t.Run("sms", func(t *testing.T) { conform(t, SMS(), ourNumber, ann) })
	t.Run("whatsapp", func(t *testing.T) { conform(t, WhatsApp(), "whatsapp:"+ourWhatsApp, "whatsapp:"+ann) })
}

func conform(t *testing.T, kind connectors.Kind, ours, theirs string) {
	connectortest.Run(t, func(t *testing.T) connectortest.Harness {
		srv, err := twiliotest.Start(twiliotest.Options{Speed: 1000, Numbers: []twiliotest.Number{{PhoneNumber: ours, SMS: true}}})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(srv.Close)
		front := &poisoner{to: srv.URL()}
		web := httptest.NewServer(front)
		t.Cleanup(web.Close)
		srv.Route(public, web.URL+"/nowhere") // nobody waits for reports here
		token := srv.AuthToken()
		var mu sync.Mutex
		known := map[string]string{}
		// arrive puts an item at Twilio, once for each text.
		arrive := func(text string) (sid string, err error) {
			mu.Lock()
			defer mu.Unlock()
			if known[text] == "" {
				a, err := srv.ReceiveMessage(twiliotest.Inbound{From: theirs, To: ours, Body: text, NoHook: true})
				if err != nil {
					return "", err
				}
				known[text] = a.Message.SID
			}
			return known[text], nil
		}
		return connectortest.Harness{
			New: func() connectors.Connector {
				raw, err := json.Marshal(map[string]any{"account_sid": srv.AccountSID(), "auth_token": token, "base_url": web.URL,
					"from": strings.TrimPrefix(ours, "whatsapp:"), "history_days": 1, "poll_interval": "10s"})
				if err != nil {
					t.Fatal(err)
				}
				c, err := kind.New(connectors.Account{ID: "texts", Channel: kind.Channel, Settings: raw},
					connectors.Host{Log: slog.New(slog.DiscardHandler), TempDir: t.TempDir(), PublicURL: public})
				if err != nil {
					t.Fatal(err)
				}
				inner(c).set.poll /= 1000
				return c
			},
			Deliver: func(text string) error { _, err := arrive(text); return err },
			Hook: func(handler http.Handler, text string) (int, error) {
				sid, err := arrive(text)
				if err != nil {
					return 0, err
				}
				form := url.Values{"MessageSid": {sid}, "SmsSid": {sid}, "AccountSid": {srv.AccountSID()}, "From": {theirs}, "To": {ours},
					"Body": {text}, "NumMedia": {"0"}, "SmsStatus": {"received"}}
				req := httptest.NewRequest(http.MethodPost, routeMessage, strings.NewReader(form.Encode()))
				req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
				req.Header.Set("X-Twilio-Signature", base64.StdEncoding.EncodeToString(signature(token, public+routeMessage, form)))
				w := httptest.NewRecorder()
				handler.ServeHTTP(w, req)
				return w.Code, nil
			},
			Outgoing: func(id uint64) message.Message {
				m := outgoing(id, fmt.Sprintf("answer %d", id))
				m.Channel = kind.Channel
				return m
			},
			Sent: func() (names []string) {
				for _, m := range srv.Outbox() {
					u, _ := url.Parse(m.Callback)
					names = append(names, u.Query().Get(ownParam))
				}
				return names
			},
			Swallow: func() error {
				srv.Inject(twiliotest.Fault{Method: http.MethodPost, Path: "/Messages.json", Cut: twiliotest.CutAfter})
				return nil
			},
			Taken: func() int { return len(srv.Outbox()) },
			Poison: func(text string) error {
				a, err := srv.ReceiveMessage(twiliotest.Inbound{From: theirs, To: ours, Body: text, NoHook: true})
				front.spoil(a.Message.SID)
				return err
			},
			Lock:    func() error { token = "wrong-token-wrong-token"; return nil },
			Secrets: []string{srv.AuthToken(), "wrong-token-wrong-token"},
		}
	})
}

func inner(c connectors.Connector) *Connector {
	if t, ok := c.(*templated); ok {
		return t.Connector
	}
	return c.(*Connector)
}

// poisoner stands before the double and breaks single entries of its answers.
type poisoner struct {
	to  string
	mu  sync.Mutex
	bad map[string]bool
}

func (p *poisoner) spoil(sid string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.bad == nil {
		p.bad = map[string]bool{}
	}
	p.bad[sid] = true
}

func (p *poisoner) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	to, _ := url.Parse(p.to)
	rec := httptest.NewRecorder()
	transport := &http.Transport{DisableKeepAlives: true}
	(&httputil.ReverseProxy{ErrorLog: log.New(io.Discard, "", 0), Rewrite: func(pr *httputil.ProxyRequest) { pr.SetURL(to) }, Transport: transport}).ServeHTTP(rec, r)
	var answer map[string]any
	if json.Unmarshal(rec.Body.Bytes(), &answer) != nil {
		w.WriteHeader(rec.Code)
		_, _ = w.Write(rec.Body.Bytes())
		return
	}
	p.mu.Lock()
	if list, ok := answer["messages"].([]any); ok {
		for _, e := range list {
			if m := e.(map[string]any); p.bad[m["sid"].(string)] {
				m["from"], m["body"] = nil, 5
			}
		}
	}
	if list, ok := answer["calls"].([]any); ok {
		for _, e := range list {
			if m := e.(map[string]any); p.bad[m["sid"].(string)] {
				m["from"], m["status"] = 5, 5
			}
		}
	}
	p.mu.Unlock()
	w.WriteHeader(rec.Code)
	_ = json.NewEncoder(w).Encode(answer)
}

func TestLineConformance(t *testing.T) {
	connectortest.Run(t, func(t *testing.T) connectortest.Harness {
		srv, err := twiliotest.Start(twiliotest.Options{Frozen: true, Numbers: []twiliotest.Number{{PhoneNumber: ourLine, Voice: true}}})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(srv.Close)
		front := &poisoner{to: srv.URL()}
		web := httptest.NewServer(front)
		t.Cleanup(web.Close)
		token := srv.AuthToken()
		var mu sync.Mutex
		known, words := map[string]string{}, map[string]string{}
		// arrive lets the line ring, once for each text: a call has no words of its own.
		arrive := func(text string) (sid string, err error) {
			mu.Lock()
			defer mu.Unlock()
			if known[text] == "" {
				c, err := srv.Call(ann, ourLine)
				if err != nil {
					return "", err
				}
				if _, err := c.WaitEnd(t.Context()); err != nil {
					return "", err
				}
				known[text], words[keyPrefix+c.SID()] = c.SID(), text
			}
			return known[text], nil
		}
		label := func(m *message.Message) {
			mu.Lock()
			defer mu.Unlock()
			m.Text = words[m.Key]
		}
		return connectortest.Harness{
			New: func() connectors.Connector {
				raw, err := json.Marshal(map[string]any{"account_sid": srv.AccountSID(), "auth_token": token, "base_url": web.URL,
					"from": ourLine, "history_days": 1, "poll_interval": "10s"})
				if err != nil {
					t.Fatal(err)
				}
				l, err := newLine(connectors.Account{ID: "line", Channel: ChannelVoice, Settings: raw},
					connectors.Host{Log: slog.New(slog.DiscardHandler), TempDir: t.TempDir(), PublicURL: public})
				if err != nil {
					t.Fatal(err)
				}
				l.core.set.poll /= 1000
				return &labelled{l, label}
			},
			Deliver: func(text string) error { _, err := arrive(text); return err },
			Hook: func(handler http.Handler, text string) (int, error) {
				sid, err := arrive(text)
				if err != nil {
					return 0, err
				}
				form := stepForm(sid, "ringing")
				req := httptest.NewRequest(http.MethodPost, routeCall, strings.NewReader(form.Encode()))
				req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
				req.Header.Set("X-Twilio-Signature", base64.StdEncoding.EncodeToString(signature(token, public+routeCall, form)))
				w := httptest.NewRecorder()
				handler.ServeHTTP(w, req)
				return w.Code, nil
			},
			Poison: func(string) error {
				c, err := srv.Call(ann, ourLine)
				if err != nil {
					return err
				}
				front.spoil(c.SID())
				_, err = c.WaitEnd(t.Context())
				return err
			},
			Lock:    func() error { token = "wrong-token-wrong-token"; return nil },
			Secrets: []string{srv.AuthToken(), "wrong-token-wrong-token"},
		}
	})
}

// labelled gives calls the words by which the suite knows its items.
type labelled struct {
	*Line
	label func(*message.Message)
}

func (l *labelled) Run(ctx context.Context, in connectors.Sink) error {
	return l.Line.Run(ctx, &labelling{in, l.label})
}

func (l *labelled) Webhook(in connectors.Sink) http.Handler {
	return l.Line.Webhook(&labelling{in, l.label})
}

func (l *labelled) Refetch(ctx context.Context, in connectors.Sink, sources []string) error {
	return l.Line.Refetch(ctx, &labelling{in, l.label}, sources)
}

func (l *labelled) Read(raw message.Content, source string) (message.Message, error) {
	m, err := l.Line.Read(raw, source)
	l.label(&m)
	return m, err
}

type labelling struct {
	connectors.Sink
	label func(*message.Message)
}

func (s *labelling) Accept(ctx context.Context, b connectors.Batch) error {
	for i := range b.Messages {
		s.label(&b.Messages[i])
	}
	return s.Sink.Accept(ctx, b)
}
