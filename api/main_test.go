package api

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"testing/fstest"
	"time"

	"go.uber.org/goleak"

	"throughline/accounts"
	"throughline/auth"
	"throughline/blob"
	"throughline/config"
	"throughline/connectors"
	"throughline/connectors/connectortest"
	"throughline/documents"
	"throughline/inbox"
	"throughline/message"
	"throughline/notify"
	"throughline/people"
	"throughline/store"
	"throughline/store/storetest"
	"throughline/timeline"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// publicURL is where providers would find the hub.
const publicURL = "https://hub.example.com"

// letters is what mail can have.
var letters = connectors.Writing{Letter: true, Rich: true, Files: 50}

// channel is a connector whose provider is the test.
type channel struct {
	connectortest.Idle
	sent chan message.Message
	fail atomic.Pointer[connectors.SendError]
	hold chan struct{} // if set, Refetch waits for it
}

func (c *channel) Send(_ context.Context, m message.Message) (connectors.Receipt, error) {
	if err := c.fail.Load(); err != nil {
		return connectors.Receipt{}, err
	}
	select {
	case c.sent <- m:
	default:
	}
	return connectors.Receipt{Detail: "250 ok"}, nil
}

func (c *channel) Test(context.Context) []connectors.Step {
	return []connectors.Step{{Name: "connect", OK: true}, {Name: "log in", Error: "wrong password"}}
}

func (c *channel) Inventory(_ context.Context, yield func(connectors.Item) error) error {
	return yield(connectors.Item{Source: "elsewhere;1", Label: "lost"})
}

func (c *channel) Refetch(ctx context.Context, in connectors.Sink, sources []string) error {
	if c.hold != nil {
		select {
		case <-c.hold:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	for _, s := range sources {
		m := mail("lost@example.org", "lost", "found again")
		m.Source = s
		if err := in.Accept(ctx, connectors.Batch{Messages: []message.Message{m}}); err != nil {
			return err
		}
	}
	return nil
}

// world is a hub with its server and one account, "support".
type world struct {
	t      testing.TB
	s      *Server
	hub    *inbox.Hub
	auth   *auth.Auth
	docs   *documents.Library
	people *people.People
	ch     *channel
	sink   connectors.Sink
	http   *httptest.Server
	admin  auth.Agent
	stop   func() // ends Run
}

type worldOptions struct {
	undo time.Duration
	api  func(*Options)
	dir  string
	kind connectors.Kind // another channel beside "test"

	scanner documents.Scanner // of viruses; the library runs then
	lenient bool              // files are open while it cannot be asked

	store *store.Store // closed by the test; nil opens one that does not wait for the disk
}

func newWorld(t testing.TB, o worldOptions) *world {
	t.Helper()
	w := &world{t: t, ch: &channel{
		Idle: connectortest.NewIdle(connectors.Info{Account: "support", Channel: "test", Idempotent: true, Writing: letters, Own: message.Person{Name: "Support", Handle: "mailto:support@example.com"}}),
		sent: make(chan message.Message, 1000),
	}}
	hubTemp := t.TempDir() // only the hub itself has it, not a check of settings
	kind := connectors.Kind{
		Channel: "test", Scheme: "mailto",
		Fields: []connectors.Field{{Key: "host", Type: "string", Label: "Host", Required: true}, {Key: "password", Type: "secret", Label: "Password", SentTo: []string{"host"}}},
		New: func(a connectors.Account, h connectors.Host) (connectors.Connector, error) {
			if a.ID == "broken" && h.TempDir == hubTemp {
				return nil, errors.New("the settings have become unusable")
			}
			if a.ID != "support" {
				return &channel{Idle: connectortest.NewIdle(connectors.Info{Account: a.ID, Channel: "test", Writing: letters, Own: message.Person{Handle: message.NewHandle("mailto", a.ID+"@example.com")}}), sent: make(chan message.Message, 1)}, nil
			}
			return w.ch, nil
		},
	}
	dir := o.dir
	if dir == "" {
		dir = t.TempDir()
	}
	st := o.store
	if st == nil {
		st = storetest.OpenPath(t, filepath.Join(dir, "hub.db"))
	}
	blobs, err := blob.Open(filepath.Join(dir, "blobs"))
	must(t, err)
	kinds := []connectors.Kind{kind}
	if o.kind.Channel != "" {
		kinds = append(kinds, o.kind)
	}
	acc := accounts.New(st, accounts.NewKey(), kinds)
	w.hub, err = inbox.New(inbox.Options{Store: st, Blobs: blobs, Accounts: acc, Kinds: kinds, Undo: o.undo, TempDir: hubTemp,
		ChatPause: inbox.DefaultChatPause, PublicURL: publicURL,
		Files: func(tx *store.Tx, id uint64, parts []message.Part) error { return w.docs.Arrived(tx, id, parts) }})
	must(t, err)
	w.auth = auth.New(st, auth.Options{})
	must(t, acc.Start(t.Context(), accounts.Options{File: []config.Account{{Account: connectors.Account{
		ID: "support", Channel: "test", Name: "Support", Settings: json.RawMessage(`{"host":"mail.example.com","password":"hunter2hunter2"}`)}}}}))
	w.docs, err = documents.New(documents.Options{Store: st, Blobs: blobs, Identity: w.hub.Identity, Timeline: w.hub.Timeline,
		Scanner: o.scanner, OpenUnscanned: o.lenient, Scanned: w.hub.TellScanned})
	must(t, err)
	w.people = people.New(people.Options{Hub: w.hub, Keepers: []people.Keeper{{
		Export: func(ctx context.Context, by people.Asker, records []uint64, create func(string) (io.Writer, error)) error {
			return w.docs.As(by.Role, documents.ActSee).Export(ctx, by.Agent, records, create)
		}}}})
	notices, err := notify.New(notify.Options{Hub: w.hub, Agents: w.auth.Names, URL: func() string { return publicURL }})
	must(t, err)
	options := Options{Hub: w.hub, Auth: w.auth, Documents: w.docs, People: w.people, Notify: notices, Kinds: kinds, Undo: o.undo, Version: "test", UI: fstest.MapFS{
		"index.html":         {Data: []byte("<!doctype html>app")},
		"assets/app-1.js":    {Data: []byte("let a=1")},
		"assets/app-1.js.br": {Data: []byte("brotli")},
		"assets/app-1.js.gz": {Data: []byte("gzip")},
	}}
	if o.api != nil {
		o.api(&options)
	}
	w.s, err = New(options)
	must(t, err)
	w.http = httptest.NewServer(w.s.Handler())
	ctx, cancel := context.WithCancel(context.Background())
	running := 4
	done := make(chan error, 5)
	go func() { done <- w.hub.Run(ctx) }()
	go func() { done <- w.s.Run(ctx) }()
	go func() { done <- w.auth.Run(ctx) }()
	go func() { done <- w.people.Run(ctx) }()
	if o.scanner != nil {
		running++
		go func() { done <- w.docs.Run(ctx) }()
	}
	var stopped bool
	w.stop = func() {
		if stopped {
			return
		}
		stopped = true
		cancel()
		for range running {
			if err := <-done; err != nil && ctx.Err() == nil {
				t.Errorf("run: %v", err)
			}
		}
	}
	t.Cleanup(func() {
		w.stop()
		w.http.Close()
	})
	w.sink = <-w.ch.Sinks
	w.admin = w.agent("Ada", auth.RoleAdmin)
	return w
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

var agents atomic.Int64

func (w *world) agent(name string, role auth.Role) auth.Agent {
	w.t.Helper()
	// Without a password there is no slow hash; sign-in is by link.
	a, _, err := w.auth.Invite(w.t.Context(), auth.Actor{}, name, fmt.Sprintf("%s%d@example.com", strings.ToLower(name), agents.Add(1)), role)
	must(w.t, err)
	return a
}

// client is a browser (with session) or a program (with key).
type client struct {
	w       *world
	agent   auth.Agent
	session string
	csrf    string
	key     string
	header  http.Header
}

func (w *world) browser(a auth.Agent) *client {
	w.t.Helper()
	token, err := w.auth.EnterToken(w.t.Context(), auth.Actor{}, a.ID, auth.EnterOptions{})
	must(w.t, err)
	in, err := w.auth.Enter(w.t.Context(), token, auth.Client{Address: "203.0.113.9", UserAgent: "test"})
	must(w.t, err)
	return &client{w: w, agent: a, session: in.Token, csrf: in.Identity.CSRF}
}

func (w *world) program(a auth.Agent) *client {
	w.t.Helper()
	_, key, err := w.auth.CreateKey(w.t.Context(), auth.Actor{Agent: a.ID}, "test")
	must(w.t, err)
	return &client{w: w, agent: a, key: key}
}

func (c *client) request(method, path string, body any) *http.Request {
	c.w.t.Helper()
	var r io.Reader
	switch b := body.(type) {
	case nil:
	case io.Reader:
		r = b
	case string:
		r = strings.NewReader(b)
	default:
		data, err := json.Marshal(b)
		must(c.w.t, err)
		r = bytes.NewReader(data)
	}
	req, err := http.NewRequestWithContext(context.Background(), method, c.w.http.URL+path, r)
	must(c.w.t, err)
	if r != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if c.session != "" {
		req.AddCookie(&http.Cookie{Name: cookieName, Value: c.session})
		req.Header.Set(csrfHeader, c.csrf)
	}
	if c.key != "" {
		req.Header.Set("Authorization", "Bearer "+c.key)
	}
	for k, v := range c.header {
		req.Header[k] = v
	}
	return req
}

func (c *client) do(method, path string, body any) (*http.Response, []byte) {
	c.w.t.Helper()
	resp, err := c.w.http.Client().Do(c.request(method, path, body))
	must(c.w.t, err)
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	must(c.w.t, err)
	return resp, data
}

// call expects a status and decodes the answer into out unless that is nil.
func (c *client) call(status int, method, path string, body, out any) {
	c.w.t.Helper()
	resp, data := c.do(method, path, body)
	if resp.StatusCode != status {
		c.w.t.Fatalf("%s %s: %d, want %d: %s", method, path, resp.StatusCode, status, data)
	}
	if out != nil {
		dec := json.NewDecoder(bytes.NewReader(data))
		dec.DisallowUnknownFields()
		if err := dec.Decode(out); err != nil {
			c.w.t.Fatalf("%s %s: %v in %s", method, path, err, data)
		}
	}
}

// problem is an error answer.
type problem struct {
	Type   string `json:"type"`
	Title  string `json:"title"`
	Status int    `json:"status"`
	Detail string `json:"detail"`
	Errors []struct {
		Location string `json:"location"`
		Message  string `json:"message"`
		Value    any    `json:"value"`
	} `json:"errors"`
	Newer []Entry `json:"newer"`
}

// refused expects a problem.
func (c *client) refused(status int, method, path string, body any) problem {
	c.w.t.Helper()
	resp, data := c.do(method, path, body)
	var p problem
	if err := json.Unmarshal(data, &p); err != nil {
		c.w.t.Fatalf("%s %s: %d with no problem: %s", method, path, resp.StatusCode, data)
	}
	if resp.StatusCode != status || p.Status != status {
		c.w.t.Fatalf("%s %s: %d, want %d: %s", method, path, resp.StatusCode, status, data)
	}
	if ct := resp.Header.Get("Content-Type"); ct != "application/problem+json" {
		c.w.t.Errorf("%s %s: problem of type %q", method, path, ct)
	}
	if p.Detail == "" {
		c.w.t.Errorf("%s %s: a problem that says nothing: %s", method, path, data)
	}
	return p
}

var mails atomic.Int64

// mail makes an incoming message; refs are the names it refers to, nearest first.
func mail(from, name, text string, refs ...string) message.Message {
	n := mails.Add(1)
	user, _, _ := strings.Cut(from, "@")
	return message.Message{
		Channel: "test", Source: fmt.Sprintf("INBOX;1;%d", n), Key: fmt.Sprintf("key-%d", n),
		From: message.Person{Name: strings.ToUpper(user[:1]) + user[1:], Handle: message.NewHandle("mailto", from)},
		To:   []message.Person{{Handle: "mailto:support@example.com"}},
		Ref:  name, Refs: refs, Text: text, Reply: text, Subject: "about " + name,
		Kind: message.Human, Time: time.Now(), Raw: message.Bytes("raw " + text),
	}
}

func (w *world) accept(ms ...message.Message) {
	w.t.Helper()
	must(w.t, w.sink.Accept(w.t.Context(), connectors.Batch{Messages: ms}))
}

// arrive takes a message in and returns its conversation and its own ID.
func (w *world) arrive(m message.Message) (conversation, id uint64) {
	w.t.Helper()
	w.accept(m)
	must(w.t, w.hub.Store.View(func(tx *store.Tx) error {
		list, _, err := w.hub.List(tx, inbox.ListQuery{View: inbox.ViewAll, Limit: 1})
		if err != nil {
			return err
		}
		conversation = list[0].ID
		e, err := w.hub.Timeline.Get(tx, list[0].LastSeq)
		if err == nil {
			id = e.Message
		}
		return err
	}))
	return conversation, id
}

func (w *world) seq() (seq uint64) {
	w.t.Helper()
	must(w.t, w.hub.Store.View(func(tx *store.Tx) error { seq = w.hub.Timeline.Last(tx); return nil }))
	return seq
}

// append writes an event of its own.
func (w *world) append(e timeline.Event) error {
	return w.hub.Store.Update(context.Background(), func(tx *store.Tx) error {
		_, err := w.hub.Timeline.Append(tx, e)
		return err
	})
}
