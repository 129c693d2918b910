package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"throughline/api"
	"throughline/connectors/email/mailtest"
)

// client calls the API as one agent, with a key or a browser's cookie.
type client struct {
	base  func() string
	agent uint64

	key          string
	cookie, csrf string
}

// problem is an answer that says no.
type problem struct {
	Status int
	Title  string
	Detail string
	Type   string
	Newer  []api.Entry
	Errors []struct{ Location, Message string }
	body   string
}

func (p *problem) Error() string { return fmt.Sprintf("%d: %s", p.Status, p.body) }

// status is the HTTP status of an error, 0 if there was no answer.
func status(err error) int {
	var p *problem
	if errors.As(err, &p) {
		return p.Status
	}
	return 0
}

var httpClient = &http.Client{
	Timeout:   60 * time.Second,
	Transport: &http.Transport{DisableCompression: true, MaxIdleConnsPerHost: 16},
}

// send makes a request and returns the whole answer.
func (c *client) send(method, path, contentType string, body io.Reader) (*http.Response, []byte, error) {
	req, err := http.NewRequest(method, c.base()+path, body)
	if err != nil {
		return nil, nil, err
	}
	if contentType != "" {
		req.Header.Set("Content-Type", contentType)
	}
	switch {
	case c.key != "":
		req.Header.Set("Authorization", "Bearer "+c.key)
	case c.cookie != "":
		req.Header.Set("Cookie", c.cookie)
		if method != http.MethodGet {
			req.Header.Set("X-CSRF-Token", c.csrf)
		}
	}
	resp, err := httpClient.Do(req)
	if err != nil {
		return nil, nil, err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		return nil, nil, err
	}
	if resp.StatusCode >= 400 {
		p := &problem{Status: resp.StatusCode, body: string(b)}
		_ = json.Unmarshal(b, p) // an answer of another kind stays as text
		p.Status = resp.StatusCode
		return resp, b, p
	}
	return resp, b, nil
}

// call sends in as JSON and reads the answer into out; both may be nil.
func (c *client) call(method, path string, in, out any) error {
	var body io.Reader
	kind := ""
	if in != nil {
		b, err := json.Marshal(in)
		if err != nil {
			return err
		}
		body, kind = bytes.NewReader(b), "application/json"
	}
	_, b, err := c.send(method, path, kind, body)
	if err == nil && out != nil {
		err = json.Unmarshal(b, out)
	}
	if err != nil {
		return fmt.Errorf("%s %s: %w", method, path, err)
	}
	return nil
}

func get[T any](c *client, path string) (T, error) {
	var out T
	err := c.call(http.MethodGet, path, nil, &out)
	return out, err
}

// must ends the test on an error.
func must[T any](t testing.TB) func(v T, err error) T {
	t.Helper()
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// password of everybody in these tests.
const password = "a long enough sentence to sign in"

// setup makes the first administrator through the link that serve printed.
func (h *hub) setup() *client {
	h.t.Helper()
	var token string
	select {
	case token = <-h.log.setup:
	case <-time.After(patience):
		h.t.Fatalf("no setup link was printed:\n%s", h.log.tail(20))
	}
	c := &client{base: h.url}
	in := api.SetupRequest{Token: token, Name: "Nora Admin", Email: "nora@example.com", Password: password}
	c.signIn(h.t, "/api/setup", in)
	return c.withKey(h.t)
}

// signIn posts to one of the routes that open a session and keeps its cookie.
func (c *client) signIn(t testing.TB, path string, in any) api.Session {
	t.Helper()
	b, err := json.Marshal(in)
	if err != nil {
		t.Fatal(err)
	}
	resp, answer, err := c.send(http.MethodPost, path, "application/json", bytes.NewReader(b))
	if err != nil {
		t.Fatalf("POST %s: %v", path, err)
	}
	var s api.Session
	if err := json.Unmarshal(answer, &s); err != nil {
		t.Fatal(err)
	}
	for _, k := range resp.Cookies() {
		c.cookie = k.Name + "=" + k.Value
	}
	c.csrf, c.agent = s.CSRF, s.Agent.ID
	if c.cookie == "" || c.csrf == "" || c.agent == 0 {
		t.Fatalf("POST %s opened no whole session: %s", path, answer)
	}
	return s
}

// withKey makes an API key and returns a client that uses it.
func (c *client) withKey(t testing.TB) *client {
	t.Helper()
	var k api.NewAPIKey
	if err := c.call(http.MethodPost, "/api/keys", api.APIKeyRequest{Name: "e2e"}, &k); err != nil {
		t.Fatal(err)
	}
	return &client{base: c.base, agent: c.agent, key: k.Secret}
}

// invite makes another agent and signs in as them.
func (c *client) invite(t testing.TB, name, email, role string) *client {
	t.Helper()
	var in api.InvitedAgent
	if err := c.call(http.MethodPost, "/api/agents", api.AgentRequest{Name: name, Email: email, Role: role}, &in); err != nil {
		t.Fatal(err)
	}
	token := in.Invitation[strings.LastIndex(in.Invitation, "/")+1:]
	n := &client{base: c.base}
	n.signIn(t, "/api/invitations/"+token, api.InvitationAnswer{Password: password})
	return n.withKey(t)
}

// settings are those of an account without encryption at a Dovecot and an SMTP
// server of ours.
func settings(d *mailtest.Dovecot, user string, smtpPort int) map[string]any {
	return map[string]any{
		"address": user + "@example.com", "name": "Example Support",
		"imap_host": "127.0.0.1", "imap_port": d.IMAP, "imap_security": "none", "imap_user": user, "imap_password": d.Password,
		"smtp_host": "127.0.0.1", "smtp_port": smtpPort, "smtp_security": "none", "smtp_auth": "none",
		"poll_interval": "2s",
	}
}

func (c *client) addAccount(t testing.TB, id string, settings map[string]any) {
	t.Helper()
	in := api.AccountRequest{ID: id, Channel: "email", Name: "Support", Settings: settings}
	if err := c.call(http.MethodPost, "/api/accounts", in, nil); err != nil {
		t.Fatal(err)
	}
}

func (c *client) account(id string) (api.Account, error) {
	list, err := get[api.Accounts](c, "/api/accounts")
	for _, a := range list.Accounts {
		if a.ID == id {
			return a, nil
		}
	}
	return api.Account{}, errors.Join(err, fmt.Errorf("no account %s", id))
}

// untilPhase waits until an account is in a phase.
func (c *client) untilPhase(t testing.TB, id, phase string) api.Account {
	t.Helper()
	var a api.Account
	until(t, "account "+id+" "+phase, func() (err error) {
		if a, err = c.account(id); err != nil {
			return err
		}
		if string(a.Health.State.Phase) != phase {
			return fmt.Errorf("it is %s: %s", a.Health.State.Phase, a.Health.State.Detail)
		}
		return nil
	})
	return a
}

// rows reads a whole list, page after page.
func (c *client) rows(view string) ([]api.Row, error) {
	var all []api.Row
	for cursor := ""; ; {
		page, err := get[api.Rows](c, "/api/conversations?limit=100&view="+view+"&cursor="+url.QueryEscape(cursor))
		if err != nil {
			return nil, err
		}
		all = append(all, page.Rows...)
		if page.Next == "" {
			return all, nil
		}
		cursor = page.Next
	}
}

// entries reads a conversation from its first entry to its last.
func (c *client) entries(conversation uint64) ([]api.Entry, error) {
	var all []api.Entry
	for before := ""; ; {
		page, err := get[api.Page](c, fmt.Sprintf("/api/conversations/%d/timeline?limit=200%s", conversation, before))
		if err != nil {
			return nil, err
		}
		all = append(page.Entries, all...)
		if page.Before == 0 {
			return all, nil
		}
		before = fmt.Sprintf("&before=%d", page.Before)
	}
}

// messages picks the messages of entries, each once, in its newest state.
func messages(entries []api.Entry) []api.Message {
	at := map[uint64]int{}
	var all []api.Message
	for _, e := range entries {
		if e.Message == nil {
			continue
		}
		if i, ok := at[e.Message.ID]; ok {
			all[i] = *e.Message
			continue
		}
		at[e.Message.ID] = len(all)
		all = append(all, *e.Message)
	}
	return all
}

// reply answers the newest message of a conversation to all it proposes.
func (c *client) reply(conversation uint64, mode, html string, change func(*api.ReplyRequest)) (api.Entry, error) {
	full, err := get[api.Conversation](c, fmt.Sprintf("/api/conversations/%d", conversation))
	if err != nil {
		return api.Entry{}, err
	}
	r, err := get[api.Recipients](c, fmt.Sprintf("/api/conversations/%d/recipients?mode=%s", conversation, mode))
	if err != nil {
		return api.Entry{}, err
	}
	in := api.ReplyRequest{Mode: mode, Account: r.Account, To: r.To, Cc: r.Cc, Subject: r.Subject, HTML: html, InReplyTo: r.InReplyTo, SeenSeq: full.LastSeq}
	if n := len(full.Timeline.Entries); n > 0 {
		in.SeenSeq = max(in.SeenSeq, full.Timeline.Entries[n-1].Seq)
	}
	if change != nil {
		change(&in)
	}
	var e api.Entry
	return e, c.call(http.MethodPost, fmt.Sprintf("/api/conversations/%d/replies", conversation), in, &e)
}

// stream is an open websocket.
type stream struct {
	conn   *websocket.Conn
	frames chan api.LiveFrame
	err    error // why frames was closed
}

// dial opens the stream from a sequence number on.
func (c *client) dial(since uint64) (*websocket.Conn, error) {
	u := "ws" + strings.TrimPrefix(c.base(), "http") + fmt.Sprintf("/api/live?since=%d", since)
	head := http.Header{}
	if c.key != "" {
		head.Set("Authorization", "Bearer "+c.key)
	} else {
		head.Set("Cookie", c.cookie)
		head.Set("Origin", c.base())
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	conn, _, err := websocket.DefaultDialer.DialContext(ctx, u, head)
	return conn, err
}

// live opens the stream for tests that wait for frames.
func (c *client) live(t testing.TB, since uint64) *stream {
	t.Helper()
	conn, err := c.dial(since)
	if err != nil {
		t.Fatalf("open the live stream: %v", err)
	}
	s := &stream{conn: conn, frames: make(chan api.LiveFrame, 4096)}
	go func() {
		defer close(s.frames)
		for {
			var f api.LiveFrame
			if s.err = conn.ReadJSON(&f); s.err != nil {
				return
			}
			s.frames <- f
		}
	}()
	t.Cleanup(func() { conn.Close() })
	return s
}

// await reads frames until one fits.
func (s *stream) await(t testing.TB, what string, fits func(api.LiveFrame) bool) api.LiveFrame {
	t.Helper()
	timeout := time.After(patience)
	var seen []string
	for {
		select {
		case f, ok := <-s.frames:
			if !ok {
				t.Fatalf("waiting for %s: the stream ended: %v", what, s.err)
			}
			if fits(f) {
				return f
			}
			kind := f.Type
			if f.Entry != nil {
				kind += " " + f.Entry.Kind
			}
			seen = append(seen, kind)
		case <-timeout:
			t.Fatalf("waiting for %s: only %s came", what, strings.Join(seen, ", "))
		}
	}
}

// entry waits for an entry of a kind that fits.
func (s *stream) entry(t testing.TB, kind string, fits func(api.Entry) bool) api.LiveFrame {
	t.Helper()
	return s.await(t, kind, func(f api.LiveFrame) bool {
		return f.Type == "entry" && f.Entry != nil && f.Entry.Kind == kind && (fits == nil || fits(*f.Entry))
	})
}
