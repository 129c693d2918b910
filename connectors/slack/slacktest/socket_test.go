package slacktest_test

import (
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"github.com/slack-go/slack"

	"throughline/connectors/slack/slacktest"
)

// wire is a socket without a client.
type wire struct {
	t *testing.T
	*websocket.Conn
}

// frame is what Slack sends over a socket.
type frame struct {
	Type           string
	Reason         string
	NumConnections int                    `json:"num_connections"`
	ConnectionInfo map[string]string      `json:"connection_info"`
	EnvelopeID     string                 `json:"envelope_id"`
	Accepts        bool                   `json:"accepts_response_payload"`
	RetryAttempt   int                    `json:"retry_attempt"`
	RetryReason    string                 `json:"retry_reason"`
	Payload        map[string]interface{} `json:"payload"`
}

func (f frame) text() string {
	event, _ := f.Payload["event"].(map[string]any)
	s, _ := event["text"].(string)
	return s
}

func address(t *testing.T, s *slacktest.Server) string {
	t.Helper()
	_, u, err := slack.New("", slack.OptionAPIURL(s.API()), slack.OptionAppLevelToken(s.AppToken)).StartSocketModeContext(ctx(t))
	if err != nil {
		t.Fatal(err)
	}
	return u
}

func dial(t *testing.T, s *slacktest.Server) wire {
	t.Helper()
	c, _, err := websocket.DefaultDialer.DialContext(ctx(t), address(t, s), http.Header{"Origin": {"https://api.slack.com"}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	c.SetReadDeadline(time.Now().Add(20 * time.Second))
	return wire{t, c}
}

func (w wire) next() (f frame) {
	w.t.Helper()
	if err := w.ReadJSON(&f); err != nil {
		w.t.Fatal(err)
	}
	return f
}

func (w wire) ack(id string) {
	w.t.Helper()
	if err := w.WriteJSON(map[string]string{"envelope_id": id}); err != nil {
		w.t.Fatal(err)
	}
}

func opened(t *testing.T, s *slacktest.Server, n int) {
	t.Helper()
	if err := s.WaitFor(ctx(t), func() bool { return s.Sockets() == n }); err != nil {
		t.Fatalf("%d sockets, want %d", s.Sockets(), n)
	}
}

func TestTicketsWorkOnce(t *testing.T) {
	now := time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)
	o := fast()
	o.Now = func() time.Time { return now }
	s := start(t, o)
	u, late := address(t, s), address(t, s)
	c, _, err := websocket.DefaultDialer.Dial(u, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	var hello frame
	if err := c.ReadJSON(&hello); err != nil || hello.Type != "hello" || hello.NumConnections != 1 || hello.ConnectionInfo["app_id"] != s.AppID() {
		t.Errorf("%+v %v", hello, err)
	}
	now = now.Add(time.Hour)
	for _, again := range []string{u, late} {
		if _, res, err := websocket.DefaultDialer.Dial(again, nil); err == nil || res.StatusCode != http.StatusForbidden {
			t.Errorf("a used or old ticket: %v %v", res, err)
		}
	}
}

func TestWithoutAnswerThereIsARetry(t *testing.T) {
	o := fast()
	o.AckTimeout = 30 * time.Millisecond
	s := start(t, o)
	ana := s.User(slacktest.Person{RealName: "Ana Example"})
	c := s.Channel(slacktest.Room{Name: "support", Members: []*slacktest.User{ana}})
	w := dial(t, s)
	w.next()
	opened(t, s, 1)
	must(ana.Say(c, "one"))
	var id any
	for attempt := range 4 {
		f := w.next()
		if f.Type != "events_api" || f.RetryAttempt != attempt || f.Accepts || (f.RetryReason == "timeout") != (attempt > 0) {
			t.Errorf("attempt %d: %+v", attempt, f)
		}
		if id != nil && id != f.Payload["event_id"] {
			t.Errorf("a retry has another event_id")
		}
		id = f.Payload["event_id"]
	}
	if err := s.WaitDelivered(ctx(t)); err != nil {
		t.Fatal(err)
	}
	d := s.Deliveries()
	if len(d) != 4 || d[3].Attempt != 3 || d[3].Error == "" || !d[3].Socket {
		t.Errorf("given up after three retries: %+v", d)
	}
}

func TestEachEventGoesToOneConnection(t *testing.T) {
	s := start(t, fast())
	ana := s.User(slacktest.Person{RealName: "Ana Example"})
	c := s.Channel(slacktest.Room{Name: "support", Members: []*slacktest.User{ana}})
	got := make(chan string, 100)
	for n := range 2 {
		w := dial(t, s)
		if hello := w.next(); hello.NumConnections != n+1 {
			t.Errorf("hello: %+v", hello)
		}
		opened(t, s, n+1)
		go func() {
			for {
				var f frame
				if w.ReadJSON(&f) != nil {
					return
				}
				got <- f.text()
				w.WriteJSON(map[string]string{"envelope_id": f.EnvelopeID})
			}
		}()
	}
	seen := map[string]int{}
	for range 10 {
		must(ana.Say(c, "x"))
		seen[<-got]++
	}
	if err := s.WaitDelivered(ctx(t)); err != nil {
		t.Fatal(err)
	}
	if n := len(s.Deliveries()); n != 10 || len(got) != 0 || seen["x"] != 10 {
		t.Errorf("%d deliveries, %v", n, seen)
	}
}

func TestReasonsToDisconnect(t *testing.T) {
	for _, reason := range []string{"warning", "refresh_requested", "link_disabled"} {
		t.Run(reason, func(t *testing.T) {
			s := start(t, fast())
			w := dial(t, s)
			w.next()
			opened(t, s, 1)
			s.Disconnect(reason)
			if f := w.next(); f.Type != "disconnect" || f.Reason != reason {
				t.Errorf("%+v", f)
			}
			if err := w.ReadJSON(new(frame)); err == nil {
				t.Error("the connection stays")
			}
			opened(t, s, 0)
			_, _, err := client(s).StartSocketModeContext(ctx(t))
			if off := reason == "link_disabled"; off != (err != nil) || off && err.Error() != "socket_mode_not_enabled" {
				t.Error(err)
			}
			s.EnableSocketMode()
			address(t, s)
		})
	}
	t.Run("age", func(t *testing.T) {
		o := fast()
		o.ConnectionAge = time.Millisecond
		s := start(t, o)
		w := dial(t, s)
		w.next()
		if f := w.next(); f.Reason != "refresh_requested" {
			t.Errorf("%+v", f)
		}
	})
	t.Run("too many", func(t *testing.T) {
		s := start(t, fast())
		for n := range 10 {
			dial(t, s).next()
			opened(t, s, n+1)
		}
		if f := dial(t, s).next(); f.Type != "disconnect" || f.Reason != "too_many_websockets" {
			t.Errorf("%+v", f)
		}
	})
}

func TestPings(t *testing.T) {
	o := fast()
	o.PingInterval = 5 * time.Millisecond
	s := start(t, o)
	w := dial(t, s)
	pings, pongs := make(chan string, 1000), make(chan string, 1)
	w.SetPingHandler(func(data string) error { pings <- data; return nil })
	w.SetPongHandler(func(data string) error { pongs <- data; return nil })
	w.next()
	done := make(chan error, 1)
	go func() { done <- w.ReadJSON(new(frame)) }()
	<-pings
	if err := w.WriteControl(websocket.PingMessage, []byte("anyone?"), time.Now().Add(time.Second)); err != nil {
		t.Fatal(err)
	}
	if got := <-pongs; got != "anyone?" {
		t.Error(got)
	}
	s.CutSockets()
	if err := <-done; err == nil {
		t.Error("no end")
	}
}

func TestStalledSockets(t *testing.T) {
	o := fast()
	o.AckTimeout, o.PingInterval = 10*time.Millisecond, time.Millisecond
	s := start(t, o)
	ana := s.User(slacktest.Person{RealName: "Ana Example"})
	c := s.Channel(slacktest.Room{Name: "support", Members: []*slacktest.User{ana}})
	w := dial(t, s)
	w.next()
	opened(t, s, 1)
	s.StallSockets(true)
	must(ana.Say(c, "unheard"))
	if err := s.WaitDelivered(ctx(t)); err != nil {
		t.Fatal(err)
	}
	w.SetReadDeadline(time.Now().Add(time.Millisecond))
	var timeout net.Error
	if err := w.ReadJSON(new(frame)); !errors.As(err, &timeout) || !timeout.Timeout() {
		t.Errorf("not silent, or not open: %v", err)
	}
	s.StallSockets(false)
	v := dial(t, s)
	v.next()
	opened(t, s, 2)
	s.CutSockets()
	opened(t, s, 0)
	if n := s.SocketsOpened(); n != 2 {
		t.Errorf("%d sockets were opened", n)
	}
}

func TestWrongAnswersAreNoted(t *testing.T) {
	s := lenient(t, fast())
	w := dial(t, s)
	w.next()
	w.ack("never-sent")
	if err := w.WriteMessage(websocket.TextMessage, []byte("{")); err != nil {
		t.Fatal(err)
	}
	large, _ := json.Marshal(map[string]any{"envelope_id": "e", "payload": make([]byte, 30<<10)})
	if err := w.WriteMessage(websocket.TextMessage, large); err != nil {
		t.Fatal(err)
	}
	if err := s.WaitFor(ctx(t), func() bool { return len(s.Violations()) == 3 }); err != nil {
		t.Errorf("%q", s.Violations())
	}
}

// TestGaps: what is lost on the way stays in the history.
func TestGaps(t *testing.T) {
	s := start(t, fast())
	ana := s.User(slacktest.Person{RealName: "Ana Example"})
	c := s.Channel(slacktest.Room{Name: "support", Members: []*slacktest.User{ana}})
	l := listen(t, s)
	s.DropNext(2)
	for _, text := range []string{"lost", "lost too", "heard"} {
		must(ana.Say(c, text))
	}
	if m := <-l.messages; m.Text != "heard" {
		t.Error(m.Text)
	}
	s.DuplicateNext(1)
	must(ana.Say(c, "twice"))
	if a, b := <-l.messages, <-l.messages; a.Text != "twice" || b.Text != "twice" || a.TimeStamp != b.TimeStamp {
		t.Error(a, b)
	}
	s.Hold()
	must(ana.Say(c, "a"))
	must(ana.Say(c, "b"))
	s.Release(true)
	if a, b := <-l.messages, <-l.messages; a.Text != "b" || b.Text != "a" {
		t.Error(a.Text, b.Text)
	}
	h, err := client(s).GetConversationHistoryContext(ctx(t), &slack.GetConversationHistoryParameters{ChannelID: c.ID})
	if err != nil || len(h.Messages) != 6 {
		t.Error(h, err)
	}
}

// TestUnknownEvents: slack-go does not know the type, so it does not answer, and
// Slack sends it again.
func TestUnknownEvents(t *testing.T) {
	o := fast()
	o.AckTimeout = 30 * time.Millisecond
	s := start(t, o)
	c := s.Channel(slacktest.Room{Name: "support"})
	l := listen(t, s)
	s.Emit(c.ID, map[string]any{"type": "something_new", "channel": c.ID})
	for range 4 {
		<-l.bad
	}
	if err := s.WaitDelivered(ctx(t)); err != nil {
		t.Fatal(err)
	}
	if d := s.Deliveries(); len(d) != 4 || d[0].Type != "something_new" {
		t.Errorf("%+v", d)
	}
}

func TestClicksOverASocket(t *testing.T) {
	s := start(t, fast())
	ana := s.User(slacktest.Person{RealName: "Ana Example"})
	c := s.Channel(slacktest.Room{Name: "agents", Members: []*slacktest.User{ana}})
	ts := withButton(t, s, c)
	if err := ana.Click(ctx(t), c, ts, "open"); err == nil {
		t.Error("a click was acknowledged with nobody there")
	}
	l := listen(t, s)
	if err := ana.Click(ctx(t), c, ts, "open"); err != nil {
		t.Fatal(err)
	}
	click := <-l.clicks
	if click.User.ID != ana.ID || click.Container.MessageTs != ts || click.ActionCallback.BlockActions[0].Value != "7" {
		t.Errorf("%+v", click)
	}
	if err := ana.Click(ctx(t), c, ts, "close"); err == nil {
		t.Error("a button that is not there was clicked")
	}
	for i, how := range []slack.WebhookMessage{
		{Text: "just for you"}, {Text: "for all", ResponseType: slack.ResponseTypeInChannel}, {Text: "instead", ReplaceOriginal: true}, {DeleteOriginal: true},
	} {
		if err := slack.PostWebhookContext(ctx(t), click.ResponseURL, &how); err != nil {
			t.Errorf("answer %d: %v", i, err)
		}
	}
	p := s.Posted()
	if e := s.Ephemeral(); len(e) != 1 || e[0].To != ana.ID || len(p) != 2 || p[1].Text != "for all" || p[0].Text != "instead" || !p[0].Deleted {
		t.Errorf("%+v %+v", e, p)
	}
	http.DefaultClient.CloseIdleConnections()
}

func withButton(t *testing.T, s *slacktest.Server, c *slacktest.Channel) string {
	t.Helper()
	button := slack.NewButtonBlockElement("open", "7", slack.NewTextBlockObject(slack.PlainTextType, "Open", false, false))
	button.URL = "https://hub.example.com/c/7"
	_, ts, err := client(s).PostMessageContext(ctx(t), c.ID, slack.MsgOptionBlocks(slack.NewActionBlock("", button)))
	if err != nil {
		t.Fatal(err)
	}
	if err := s.WaitDelivered(ctx(t)); err != nil {
		t.Fatal(err)
	}
	return ts
}
