package notify

import (
	"context"
	"encoding/json"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"throughline/accounts"
	"throughline/blob"
	"throughline/connectors"
	"throughline/connectors/connectortest"
	"throughline/connectors/slack"
	"throughline/connectors/slack/slacktest"
	"throughline/inbox"
	"throughline/message"
	"throughline/store"
	"throughline/store/storetest"
)

// waitMost is how long a test waits at most for what has to happen.
const waitMost = 20 * time.Second

// line is a channel whose messages the test brings.
type line struct {
	connectortest.Idle
	in   chan connectors.Batch
	fail error
}

func (l *line) Run(ctx context.Context, in connectors.Sink) error {
	in.State(connectors.State{Phase: connectors.Live})
	for {
		select {
		case b := <-l.in:
			if err := in.Accept(ctx, b); err != nil {
				return err
			}
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (l *line) Send(context.Context, message.Message) (connectors.Receipt, error) {
	return connectors.Receipt{}, l.fail
}

// world is a hub with a Slack account and a line, and a desk in Slack.
type world struct {
	*testing.T
	st     *store.Store
	hub    *inbox.Hub
	n      *Notify
	slack  *slacktest.Server
	desk   *slacktest.Channel
	ann    *slacktest.User // a customer
	lena   *slacktest.User // a colleague
	line   *line
	agents map[uint64]string
	halt   func() // ends what runs
}

func newWorld(t *testing.T) *world {
	w := &world{T: t, line: &line{Idle: connectortest.NewIdle(connectors.Info{Account: "line", Channel: "line", Own: message.Person{Handle: "tel:+442079460000"}}),
		in: make(chan connectors.Batch), fail: &connectors.SendError{Class: connectors.Reject, Reason: "no such number"}},
		agents: map[uint64]string{1: "Lena Hofer", 2: "Marco Bellini"}}
	var err error
	w.slack, err = slacktest.Start(slacktest.Options{Unlimited: true})
	w.must(err)
	t.Cleanup(func() {
		w.slack.Close()
		if v := w.slack.Violations(); len(v) > 0 {
			t.Errorf("improper: %q", v)
		}
	})
	w.ann = w.slack.User(slacktest.Person{RealName: "Ann Example"})
	w.lena = w.slack.User(slacktest.Person{RealName: "Lena Hofer"})
	w.desk = w.slack.Channel(slacktest.Room{Name: "desk", Private: true, Members: []*slacktest.User{w.lena}})
	dir := t.TempDir()
	w.st = storetest.Open(t)
	blobs, err := blob.Open(filepath.Join(dir, "blobs"))
	w.must(err)
	kinds := []connectors.Kind{slack.Kind(), {Channel: "line", Scheme: "tel",
		New: func(connectors.Account, connectors.Host) (connectors.Connector, error) { return w.line, nil }}}
	acc := accounts.New(w.st, accounts.NewKey(), kinds)
	w.hub, err = inbox.New(inbox.Options{Store: w.st, Blobs: blobs, Accounts: acc, Kinds: kinds, TempDir: t.TempDir(), ChatPause: inbox.DefaultChatPause})
	w.must(err)
	w.n, err = New(Options{Hub: w.hub, Agents: func(*store.Tx) (map[uint64]string, error) { return w.agents, nil }, URL: func() string { return "https://hub.example.com" }})
	w.must(err)
	w.n.limits = limits{settle: time.Millisecond, look: 20 * time.Millisecond, again: 10 * time.Millisecond, retry: 10 * time.Millisecond}
	w.must(acc.Start(t.Context(), accounts.Options{}))
	_, err = acc.Create(t.Context(), accounts.NewAccount{ID: "slack", Channel: "slack", Name: "Desk Slack", Settings: map[string]any{
		"bot_token": w.slack.BotToken, "app_token": w.slack.AppToken, "base_url": w.slack.URL + "/api", "notice_channels": []any{w.desk.ID}}})
	w.must(err)
	_, err = acc.Create(t.Context(), accounts.NewAccount{ID: "line", Channel: "line", Name: "Line", Settings: map[string]any{}})
	w.must(err)
	w.run()
	return w
}

// run starts hub and notices.
func (w *world) run() {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{}, 2)
	go func() { _ = w.hub.Run(ctx); done <- struct{}{} }()
	go func() { _ = w.n.Run(ctx); done <- struct{}{} }()
	stopped := false
	w.halt = func() {
		if !stopped {
			stopped = true
			cancel()
			<-done
			<-done
		}
	}
	w.Cleanup(w.halt)
	w.until("both accounts are live", func(tx *store.Tx) bool {
		return w.hub.Health(tx, "slack").State.Phase == connectors.Live && w.hub.Health(tx, "line").State.Phase == connectors.Live
	})
}

func (w *world) must(err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
}

// until waits for a state of the store, or of what runs.
func (w *world) until(what string, ok func(tx *store.Tx) bool) {
	w.Helper()
	commits, stop := w.st.Watch()
	defer stop()
	states, stopStates := w.hub.WatchStates()
	defer stopStates()
	timeout := time.After(waitMost)
	for {
		good := false
		w.must(w.st.View(func(tx *store.Tx) error { good = ok(tx); return nil }))
		if good {
			return
		}
		select {
		case <-commits:
		case <-states:
		case <-timeout:
			w.Fatalf("not in time: %s; posted %+v, notices %s", what, w.slack.Posted(), w.dump())
		}
	}
}

func (w *world) dump() string {
	var list []Notice
	_ = w.st.View(func(tx *store.Tx) error {
		for e := range w.n.notices.Scan(tx, store.Range{}) {
			t, err := w.n.notices.Get(tx, e.ID)
			if err != nil {
				return err
			}
			list = append(list, *t)
		}
		return nil
	})
	b, _ := json.MarshalIndent(list, "", " ")
	return string(b)
}

// reads waits until the desk's posts, and no others of the app, have these texts in
// their order.
func (w *world) reads(want ...[]string) []slacktest.Post {
	w.Helper()
	ctx, cancel := context.WithTimeout(w.Context(), waitMost)
	defer cancel()
	var list []slacktest.Post
	if w.slack.WaitFor(ctx, func() bool {
		list = list[:0]
		for _, p := range w.slack.Posted() {
			if p.Channel == w.desk.ID {
				list = append(list, p)
			}
		}
		if len(list) < len(want) {
			return false
		}
		for i, parts := range want {
			for _, s := range parts {
				if !strings.Contains(blocksOf(list[i]), s) {
					return false
				}
			}
		}
		return true
	}) != nil {
		w.Fatalf("the desk reads %+v, want %q; notices %s", list, want, w.dump())
	}
	if len(list) != len(want) {
		w.Fatalf("%d posts, want %d: %+v", len(list), len(want), list)
	}
	return list
}

func blocksOf(p slacktest.Post) string {
	b, _ := json.Marshal(p.Blocks)
	return strings.ReplaceAll(string(b), `\u0026`, "&")
}

func (w *world) rule(change func(*Rule)) *Rule {
	w.Helper()
	r := Rule{Name: "Desk", Account: "slack", Place: w.desk.ID, Events: []string{OnNew, OnMention, OnMissed, OnFailed}, Preview: true}
	if change != nil {
		change(&r)
	}
	saved, err := w.n.Save(w.Context(), r)
	w.must(err)
	return saved
}

// idle waits until nothing is due.
func (w *world) idle() {
	w.Helper()
	w.until("nothing is due", func(tx *store.Tx) bool {
		for range w.n.notices.Scan(tx, store.Range{Index: "due"}) {
			return false
		}
		return true
	})
}

func (w *world) say(text string) uint64 {
	w.Helper()
	_, err := w.ann.Say(w.ann.DM(), text)
	w.must(err)
	return w.conversation(text)
}

func (w *world) conversation(preview string) (id uint64) {
	w.Helper()
	w.until("the conversation "+preview, func(tx *store.Tx) bool {
		list, _, err := w.hub.List(tx, inbox.ListQuery{View: inbox.ViewAll, Limit: 50})
		for _, c := range list {
			if c.Preview == preview {
				id = c.ID
			}
		}
		return err == nil && id != 0
	})
	return id
}

// reply answers a conversation.
func (w *world) reply(id uint64) {
	w.Helper()
	o := inbox.Outgoing{Agent: 1, Conversation: id, Mode: inbox.ModeReply, HTML: "<p>hello</p>", Anyway: true}
	w.must(w.st.View(func(tx *store.Tx) error {
		c, err := w.hub.Conversation(tx, id)
		if err == nil {
			o.To = slices.Clone(c.Participants[:1])
		}
		return err
	}))
	_, err := w.hub.Reply(w.Context(), o)
	w.must(err)
}
