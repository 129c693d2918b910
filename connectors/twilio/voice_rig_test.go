package twilio

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"throughline/connectors"
	"throughline/connectors/connectortest"
	"throughline/connectors/twilio/twiliotest"
	"throughline/message"
)

// lineRig is the double, a line and the server that its webhooks reach.
type lineRig struct {
	*twiliotest.Server
	hub  *connectortest.Record
	l    *Line
	host connectors.Host
	set  map[string]any
	mu   sync.Mutex
	at   time.Time // of our clock, if set
}

func newLineRig(t *testing.T, set map[string]any) *lineRig {
	t.Helper()
	srv, err := twiliotest.Start(twiliotest.Options{Frozen: true, APIKeys: map[string]string{apiKey: apiSecret}, Numbers: []twiliotest.Number{
		{PhoneNumber: ourLine, Voice: true, VoiceURL: public + routeCall, StatusCallback: public + routeEnded}}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(srv.Close)
	r := &lineRig{Server: srv, hub: connectortest.NewRecord(), set: map[string]any{"account_sid": srv.AccountSID(), "auth_token": srv.AuthToken(),
		"from": ourLine, "base_url": srv.URL(), "greeting": "Hello", "closed_greeting": "We are closed", "voicemail_prompt": "Speak now",
		"voicemail_thanks": "Goodbye", "menu_invalid": "No"}}
	for k, v := range set {
		r.set[k] = v
	}
	r.host = connectors.Host{Log: slog.New(slog.DiscardHandler), TempDir: t.TempDir(), PublicURL: public}
	r.restart(t)
	return r
}

// restart makes the line anew, as after a restart of the program.
func (r *lineRig) restart(t *testing.T) {
	t.Helper()
	raw, err := json.Marshal(r.set)
	if err != nil {
		t.Fatal(err)
	}
	l, err := newLine(connectors.Account{ID: "line", Channel: ChannelVoice, Settings: raw}, r.host)
	if err != nil {
		t.Fatal(err)
	}
	l.now = r.now
	for i := range l.core.limits.again {
		l.core.limits.again[i] = 10 * time.Millisecond
	}
	r.l = l
	t.Cleanup(l.core.client.CloseIdleConnections)
	reach(t, r.Server, l, r.hub)
}

func (r *lineRig) now() time.Time {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.at.IsZero() {
		return time.Now()
	}
	return r.at
}

func (r *lineRig) clock(at time.Time) { r.mu.Lock(); r.at = at; r.mu.Unlock() }

// run runs the line until the test or stop ends it.
func (r *lineRig) run(t *testing.T) (stop func()) { t.Helper(); return keepRunning(t, r.l, r.hub) }

// entry is the one call on the timeline, as a hub that applies the news has it.
func (r *lineRig) entry() (m message.Message) {
	list := r.hub.Messages()
	if len(list) == 0 {
		return m
	}
	m = list[0]
	for _, c := range r.hub.Changes() {
		if c.Of != m.Key || c.Call == nil {
			continue
		}
		call := m.Call.Merge(*c.Call)
		m.Call = &call
		if c.Edit != nil {
			m.Text += c.Edit.Text
			for _, w := range c.Edit.Warnings {
				if !slices.Contains(m.Warnings, w) {
					m.Warnings = append(m.Warnings, w)
				}
			}
			for _, p := range c.Edit.Parts {
				if !slices.ContainsFunc(m.Parts, func(o message.Part) bool { return o.Name == p.Name }) {
					m.Parts = append(m.Parts, p)
				}
			}
		}
	}
	return m
}

func (r *lineRig) call(t *testing.T) *twiliotest.Call {
	t.Helper()
	c, err := r.Call(ann, ourLine)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// short ends with the connectortest.Patience of a test.
func short(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), connectortest.Patience)
	t.Cleanup(cancel)
	return ctx
}

func must(t *testing.T, errs ...error) {
	t.Helper()
	for _, err := range errs {
		if err != nil {
			t.Fatal(err)
		}
	}
}

// sameButEnd compares a call with what is wanted of it, but for when it ended.
func sameButEnd(c *message.Call, want message.Call) bool {
	got := *c
	got.Ended, got.Since = time.Time{}, time.Time{}
	return got.Equal(want.Settled())
}

func (r *lineRig) become(t *testing.T, want message.Call) {
	t.Helper()
	r.hub.Wait(t, "the call as wanted", func() bool {
		m := r.entry()
		return m.Call != nil && sameButEnd(m.Call, want)
	})
	if n := len(r.hub.Messages()); n != 1 {
		t.Errorf("%d entries", n)
	}
	if m := r.entry(); m.From.Handle != "tel:"+ann || m.Key != m.Source || !strings.HasPrefix(m.Key, "twilio:CA") {
		t.Errorf("entry %+v", m)
	}
	if a := r.Alerts(); len(a) > 0 {
		t.Errorf("Twilio complains: %+v", a)
	}
}

// post sends a signed request to the webhook.
func (r *lineRig) post(t *testing.T, route string, form url.Values, token string) *httptest.ResponseRecorder {
	t.Helper()
	req := httptest.NewRequest(http.MethodPost, route, strings.NewReader(form.Encode()))
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("X-Twilio-Signature", base64.StdEncoding.EncodeToString(signature(token, public+route, form)))
	w := httptest.NewRecorder()
	r.l.Webhook(r.hub).ServeHTTP(w, req)
	return w
}

func stepForm(sid, status string, more ...string) url.Values {
	f := url.Values{"CallSid": {sid}, "From": {ann}, "To": {ourLine}, "CallStatus": {status}, "Direction": {"inbound"}}
	for i := 0; i < len(more); i += 2 {
		f.Set(more[i], more[i+1])
	}
	return f
}
