package slacktest_test

import (
	"bufio"
	"encoding/json"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/slack-go/slack"

	"throughline/connectors/connectortest"
	"throughline/connectors/slack/slacktest"
)

// peer is the running program of the vendor's clients.
type peer struct {
	t     *testing.T
	lines chan map[string]json.RawMessage
}

// next gives the next thing that happened, which has to be what.
func (p peer) next(what string, into any) {
	p.t.Helper()
	select {
	case v, ok := <-p.lines:
		var got string
		json.Unmarshal(v["what"], &got)
		if !ok || got != what {
			p.t.Fatalf("the client said %s %s, want %s", v["what"], v["value"], what)
		}
		if err := json.Unmarshal(v["value"], into); err != nil {
			p.t.Fatalf("%s: %v in %s", what, err, v["value"])
		}
	case <-time.After(30 * time.Second):
		p.t.Fatalf("the client said nothing, want %s", what)
	}
}

func TestVendorClients(t *testing.T) {
	dir := connectortest.NPM(t, "npm")
	o := fast()
	o.AckTimeout = 2 * time.Second
	s := start(t, o)
	ana := s.User(slacktest.Person{RealName: "Ana Example", DisplayName: "ana", Email: "ana@example.com", Locale: "de-DE", TZ: "Europe/Berlin"})
	support := s.Channel(slacktest.Room{Name: "support", Members: []*slacktest.User{ana}})
	for _, name := range []string{"sales", "news", "quiet"} {
		s.Channel(slacktest.Room{Name: name, Members: []*slacktest.User{ana}})
	}
	s.Inject("conversations.history", 1, slacktest.Fault{RetryAfter: time.Second})
	s.Inject("chat.update", 1, slacktest.Fault{Status: 503})

	// Each step has its own patience; together they may take longer than one.
	cmd := exec.CommandContext(t.Context(), "node", "peer.mjs")
	cmd.Dir = dir
	env, err := json.Marshal(map[string]string{
		"api": s.API(), "bot": s.BotToken, "app": s.AppToken, "channel": support.ID, "user": ana.ID,
	})
	if err != nil {
		t.Fatal(err)
	}
	cmd.Env = append(os.Environ(), "SLACK="+string(env))
	var problems strings.Builder
	cmd.Stderr = &problems
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	p := peer{t, make(chan map[string]json.RawMessage, 100)}
	go func() {
		defer close(p.lines)
		for scan := bufio.NewScanner(out); scan.Scan(); {
			var v map[string]json.RawMessage
			if json.Unmarshal(scan.Bytes(), &v) == nil {
				p.lines <- v
			}
		}
	}()
	defer func() {
		if t.Failed() {
			t.Log(problems.String())
		}
	}()

	var auth map[string]any
	p.next("auth", &auth)
	if auth["user_id"] != s.App().ID || auth["team_id"] != s.TeamID() {
		t.Errorf("auth: %v", auth)
	}
	var names []string
	p.next("channels", &names)
	if !slices.Equal(names, []string{"support", "sales", "news", "quiet"}) {
		t.Errorf("channels: %q", names)
	}
	var posted struct {
		TS      string
		Message struct{ Text string }
	}
	p.next("posted", &posted)
	if posted.Message.Text != "A question &amp; &lt;answers&gt;" {
		t.Errorf("posted: %+v", posted)
	}
	var list []struct {
		Text     string
		Metadata struct {
			EventType string `json:"event_type"`
		}
	}
	p.next("history", &list)
	if len(list) != 1 || list[0].Text != "changed" || list[0].Metadata.EventType != "sent" {
		t.Errorf("history: %+v", list)
	}
	p.next("replies", &list)
	if len(list) != 2 || list[1].Text != "in a thread" {
		t.Errorf("replies: %+v", list)
	}
	var user struct {
		Locale  string
		Profile struct{ Email string }
	}
	p.next("user", &user)
	if user.Profile.Email != "ana@example.com" || user.Locale != "de-DE" {
		t.Errorf("user: %+v", user)
	}
	var code string
	if p.next("again", &code); code != "already_reacted" {
		t.Errorf("a second reaction: %s", code)
	}
	var upload map[string]any
	p.next("upload", &upload)
	files := s.Files()
	if len(files) != 1 || string(files[0].Content) != "a,b\n1,2\n" || files[0].Title != "A table" {
		t.Errorf("files: %+v", files)
	}
	if p.next("nowhere", &code); code != "channel_not_found" {
		t.Errorf("an unknown channel: %s", code)
	}
	if p.next("unauthorised", &code); code != "invalid_auth" {
		t.Errorf("a wrong token: %s", code)
	}
	p.next("permalink", &code)

	var yes bool
	p.next("connected", &yes)
	var event struct {
		Type string
		Body struct {
			EventID string `json:"event_id"`
			Event   struct{ Text, User string }
			Actions []struct{ Value string }
		}
		RetryNum    int    `json:"retry_num"`
		RetryReason string `json:"retry_reason"`
	}
	// What the program did before it was connected was tried once at once and
	// then with the retries, so some of it may arrive here first.
	if err := s.WaitDelivered(ctx(t)); err != nil {
		t.Fatal(err)
	}
	must(ana.Say(support, "hello"))
	for event.Body.Event.Text != "hello" {
		p.next("event", &event)
	}
	if event.Body.Event.User != ana.ID || event.RetryNum != 0 {
		t.Errorf("event: %+v", event)
	}
	must(ana.Say(support, "withhold"))
	var num int
	p.next("withheld", &num)
	p.next("event", &event)
	if event.Body.Event.Text != "withhold" || event.RetryNum != 1 || event.RetryReason != "timeout" {
		t.Errorf("the retry: %+v", event)
	}

	s.Disconnect("refresh_requested")
	p.next("connected", &yes)
	must(ana.Say(support, "after the change"))
	if p.next("event", &event); event.Body.Event.Text != "after the change" {
		t.Errorf("event after a new connection: %+v", event)
	}
	// The update took the buttons away, so the click needs a message with one.
	button, _, err := client(s).PostMessageContext(ctx(t), support.ID, slack.MsgOptionBlocks(slack.NewActionBlock("",
		slack.NewButtonBlockElement("open", "7", slack.NewTextBlockObject(slack.PlainTextType, "Open", false, false)))))
	if err != nil {
		t.Fatal(err)
	}
	p.next("event", &event)
	posts := s.Posted()
	if err := ana.Click(ctx(t), support, posts[len(posts)-1].TS, "open"); err != nil {
		t.Error(button, err)
	}
	if p.next("event", &event); event.Type != "interactive" || len(event.Body.Actions) != 1 || event.Body.Actions[0].Value != "7" {
		t.Errorf("click: %+v", event)
	}
	in.Close()
	p.next("ended", &yes)
	if err := cmd.Wait(); err != nil {
		t.Errorf("%v: %s", err, problems.String())
	}
}
