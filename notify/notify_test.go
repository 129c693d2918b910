package notify

import (
	"context"
	"encoding/json"
	"errors"
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

func TestNotice(t *testing.T) {
	w := newWorld(t)
	w.say("before the rule")
	w.rule(nil)
	w.must(w.hub.Change(t.Context(), 1, []uint64{w.conversation("before the rule")}, inbox.Change{Tags: &[]string{"x"}}))
	m := message.Message{Channel: "line", Account: "line", Direction: message.In, Kind: message.Human, Key: "k1", Source: "k1", Text: "Is <b> & *c* there?",
		Reply: "Is <b> & *c* there?", Time: time.Now(), From: message.Person{Name: "Bo <Example>", Handle: "tel:+447700900001"}}
	w.line.in <- connectors.Batch{Messages: []message.Message{m}}
	p := w.reads([]string{"New conversation: Bo &lt;Example&gt;", "Is &lt;b&gt; &amp; *c* there?", "Line"})[0]
	id := w.conversation("Is <b> & *c* there?")
	if link := "https://hub.example.com/#/inbox/all/"; !strings.Contains(blocksOf(p), link) {
		t.Errorf("no link in %s", blocksOf(p))
	}
	// The link is opened by the browser; that it was pressed is acknowledged.
	w.must(w.lena.Click(t.Context(), w.desk, p.TS, "open"))
	// What colleagues say there is no matter of customers.
	_, err := w.lena.Say(w.desk, "I take it", slacktest.Say{Thread: p.TS})
	w.must(err)
	_, err = w.lena.Say(w.desk, "who is on duty?")
	w.must(err)
	w.must(w.slack.WaitDelivered(t.Context()))

	marco := uint64(2)
	w.must(w.hub.Change(t.Context(), 2, []uint64{id}, inbox.Change{Assignee: &marco}))
	w.reads([]string{"New conversation", "Assigned to Marco Bellini"})
	_, err = w.hub.AddNote(t.Context(), 2, id, "@lena can you look? @Marco too")
	w.must(err)
	w.reads([]string{"Assigned to Marco"}, []string{"Lena Hofer is mentioned", "can you look"})
	resolved := inbox.Resolved
	w.must(w.hub.Change(t.Context(), 2, []uint64{id}, inbox.Change{Status: &resolved}))
	w.reads([]string{"Resolved"}, []string{"Resolved"})
	w.idle()
	// It is closed: what comes later changes nothing.
	open := inbox.Open
	w.must(w.hub.Change(t.Context(), 2, []uint64{id}, inbox.Change{Status: &open}))
	w.say("another matter?")
	w.idle()
	w.reads([]string{"Resolved"}, []string{"Resolved"})
	w.must(w.st.View(func(tx *store.Tx) error {
		if n := w.hub.Health(tx, "slack").Stored; n != 2 {
			t.Errorf("%d items came in from Slack, want what Ann wrote", n)
		}
		return nil
	}))
}

func TestAnswered(t *testing.T) {
	w := newWorld(t)
	w.rule(func(r *Rule) { r.Preview, r.Language = false, "th" })
	id := w.say("secret words")
	if p := w.reads([]string{"การสนทนาใหม่: Ann Example"})[0]; strings.Contains(blocksOf(p)+p.Text, "secret") {
		t.Errorf("the words are shown: %+v", p)
	}
	w.reply(id)
	w.reads([]string{"ตอบแล้ว"})
}

// TestMissedAndFailed: a call that nobody took, and an answer that did not arrive.
func TestMissedAndFailed(t *testing.T) {
	w := newWorld(t)
	w.rule(nil)
	call := message.Message{Channel: "line", Account: "line", Direction: message.In, Kind: message.Human, Key: "c1", Source: "c1", Call: &message.Call{},
		Time: time.Now(), From: message.Person{Name: "Bo Example", Handle: "tel:+447700900001"}}
	w.line.in <- connectors.Batch{Messages: []message.Message{call}}
	for range 2 {
		w.line.in <- connectors.Batch{Changes: []message.Change{{Of: "c1", Time: time.Now(), Call: &message.Call{Outcome: message.CallMissed}}}}
	}
	w.reads([]string{"Missed call: Bo Example"})
	var id uint64
	w.must(w.st.View(func(tx *store.Tx) error {
		list, _, err := w.hub.List(tx, inbox.ListQuery{View: inbox.ViewAll, Limit: 1})
		id = list[0].ID
		return err
	}))
	w.reply(id)
	w.reads([]string{"Missed call"}, []string{"A message to Bo Example did not arrive", "no such number"})
}

// TestOnce: whatever happens on the way, a notice is posted once.
func TestOnce(t *testing.T) {
	for _, tt := range []struct {
		name  string
		fault slacktest.Fault
		times int
	}{
		{"the answer is lost", slacktest.Fault{CutAfter: true}, 1},
		{"an error after it was taken", slacktest.Fault{StatusLate: 500}, 1},
		{"it does not arrive", slacktest.Fault{CutBefore: true}, 2},
		{"Slack is down", slacktest.Fault{Status: 503}, 3},
		{"Slack asks to wait", slacktest.Fault{RetryAfter: time.Second}, 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.rule(nil)
			w.slack.Inject("chat.postMessage", tt.times, tt.fault)
			w.say("hello")
			w.reads([]string{"New conversation: Ann Example"})
			w.idle()
			w.reads([]string{"New conversation: Ann Example"})
		})
	}
}

// TestRestart: what happens while nothing runs is told afterwards, once.
func TestRestart(t *testing.T) {
	w := newWorld(t)
	w.rule(nil)
	first := w.say("one")
	w.reads([]string{"New conversation"})
	w.idle()
	w.halt()
	marco := uint64(2)
	w.must(w.hub.Change(t.Context(), 2, []uint64{first}, inbox.Change{Assignee: &marco}))
	_, err := w.hub.AddNote(t.Context(), 2, first, "@Lena please")
	w.must(err)
	// An attempt of which nobody knows what became, as after a crash.
	w.must(w.st.Update(t.Context(), func(tx *store.Tx) error {
		for e := range w.n.notices.Scan(tx, store.Range{}) {
			n, err := w.n.notices.Get(tx, e.ID)
			if err != nil {
				return err
			}
			n.Ref, n.Shown, n.Tried, n.Due = "", "", n.Created, tx.Now()
			if err := w.n.notices.Put(tx, e.ID, n); err != nil {
				return err
			}
		}
		return nil
	}))
	w.n.read = 0 // as a new process
	w.run()
	w.reads([]string{"New conversation", "Assigned to Marco"}, []string{"Lena Hofer is mentioned"})
	w.idle()
	w.reads([]string{"New conversation", "Assigned to Marco"}, []string{"Lena Hofer is mentioned"})
}

func TestWaiting(t *testing.T) {
	w := newWorld(t)
	r := w.rule(func(r *Rule) { r.Events, r.After = []string{OnWaiting}, time.Minute })
	w.must(w.st.Update(t.Context(), func(tx *store.Tx) error {
		r.After = 100 * time.Millisecond // less than people may choose
		return w.n.rules.Put(tx, r.ID, r)
	}))
	id := w.say("anybody there?")
	w.reads([]string{"Ann Example has waited for", "anybody there?"})
	w.reply(id)
	w.reads([]string{"Answered"})
	w.say("thanks, but…")
	w.reads([]string{"Answered"}, []string{"has waited for"})
}

// TestNarrow: rules choose by channel, account and tag.
func TestNarrow(t *testing.T) {
	tagged := &inbox.Conversation{Channel: "slack", Account: "slack", Accounts: []string{"line"}, Tags: []string{"vip"}}
	for _, tt := range []struct {
		r    Rule
		want bool
	}{
		{Rule{}, true},
		{Rule{Channels: []string{"slack", "x"}}, true}, {Rule{Channels: []string{"email"}}, false},
		{Rule{Accounts: []string{"line"}}, true}, {Rule{Accounts: []string{"slack"}}, true}, {Rule{Accounts: []string{"other"}}, false},
		{Rule{Tags: []string{"vip"}}, true}, {Rule{Tags: []string{"late"}}, false},
		{Rule{Channels: []string{"slack"}, Tags: []string{"late"}}, false},
	} {
		if got := tt.r.chooses(tagged); got != tt.want {
			t.Errorf("%+v: %v", tt.r, got)
		}
	}
}

func TestMentioned(t *testing.T) {
	for _, tt := range []struct {
		text, name string
		want       bool
	}{
		{"@Lena Hofer look", "Lena Hofer", true}, {"ask @lena.", "Lena Hofer", true}, {"@LENA", "Lena Hofer", true},
		{"@Lenard", "Lena Hofer", false}, {"Lena", "Lena Hofer", false}, {"mail lena@example.com", "Lena Hofer", false}, {"x@lenard @lena", "Lena", true},
		{"@نسرین لطفاً", "نسرین کاظمی", true}, {"@", "", false}, {"@ ", " ", false},
	} {
		if got := mentioned(tt.text, tt.name); got != tt.want {
			t.Errorf("%q, %q: %v", tt.text, tt.name, got)
		}
	}
}

func TestRules(t *testing.T) {
	w := newWorld(t)
	good := Rule{Name: " Desk \n 1 ", Account: "slack", Place: w.desk.ID, Events: []string{OnWaiting, OnNew, OnNew}, After: time.Hour}
	for field, change := range map[string]func(*Rule){
		"name":     func(r *Rule) { r.Name = " " },
		"events":   func(r *Rule) { r.Events = nil },
		"after":    func(r *Rule) { r.After = time.Second },
		"account":  func(r *Rule) { r.Account = "line" },
		"place":    func(r *Rule) { r.Place = "" },
		"language": func(r *Rule) { r.Language = "xx" },
		"tags":     func(r *Rule) { r.Tags = []string{""} },
	} {
		r := good
		change(&r)
		_, err := w.n.Save(t.Context(), r)
		if bad := (*inbox.InvalidError)(nil); !errors.As(err, &bad) || bad.Field != field {
			t.Errorf("%s: %v", field, err)
		}
	}
	saved, err := w.n.Save(t.Context(), good)
	w.must(err)
	if saved.Name != "Desk 1" || len(saved.Events) != 2 || saved.Since.IsZero() {
		t.Errorf("%+v", saved)
	}
	places, err := w.n.Places(t.Context(), "slack")
	if err != nil || len(places) != 1 || places[0] != (connectors.Place{ID: w.desk.ID, Name: "#desk"}) {
		t.Errorf("%+v, %v", places, err)
	}
	w.must(w.n.Test(t.Context(), saved.ID))
	w.reads([]string{"This is a test"})
	// Another channel of the app is none for notices.
	help := w.slack.Channel(slacktest.Room{Name: "help", Members: []*slacktest.User{w.ann}})
	other := *saved
	other.Place = help.ID
	_, err = w.n.Save(t.Context(), other)
	w.must(err)
	if err := w.n.Test(t.Context(), saved.ID); err == nil {
		t.Error("posted where customers read")
	}
	w.say("hello")
	w.until("the trouble is told", func(tx *store.Tx) bool {
		text, err := w.n.Trouble(tx, saved.ID)
		return err == nil && strings.Contains(text, "not one for notices")
	})
	w.must(w.n.Remove(t.Context(), saved.ID))
	if err := w.n.Remove(t.Context(), saved.ID); !errors.Is(err, inbox.ErrNotFound) {
		t.Errorf("removed twice: %v", err)
	}
	w.reads([]string{"This is a test"})
}

// TestWords: every language has every text, with the same gaps.
func TestWords(t *testing.T) {
	for _, l := range languages {
		w := (&Rule{Language: l}).words()
		for _, e := range []string{OnNew, OnWaiting, OnMention, OnMissed, OnFailed} {
			for _, gap := range []string{"{name}", "{agent}", "{time}"} {
				if strings.Contains(w.title[e], gap) != strings.Contains(catalogue["en"].title[e], gap) {
					t.Errorf("%s %s: %q", l, e, w.title[e])
				}
			}
		}
		for _, s := range []string{w.assigned, w.answered, w.resolved, w.sent, w.open, w.test, w.oneMinute, w.oneHour, w.oneDay} {
			if s == "" {
				t.Errorf("%s lacks a text: %+v", l, w)
			}
		}
	}
	w := catalogue["en"]
	for d, want := range map[time.Duration]string{time.Minute: "a minute", 30 * time.Minute: "30 minutes", time.Hour: "an hour", 90 * time.Minute: "90 minutes", 48 * time.Hour: "2 days"} {
		if got := w.span(d); got != want {
			t.Errorf("%v: %q", d, got)
		}
	}
}
