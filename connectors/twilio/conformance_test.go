package twilio

import (
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
	p.mu.Unlock()
	w.WriteHeader(rec.Code)
	_ = json.NewEncoder(w).Encode(answer)
}
