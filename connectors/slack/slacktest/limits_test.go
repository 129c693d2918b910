package slacktest_test

import (
	"bytes"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/slack-go/slack"

	"throughline/connectors/slack/slacktest"
)

func TestLimits(t *testing.T) {
	s := start(t, fast())
	ana := s.User(slacktest.Person{RealName: "Ana Example"})
	c := s.Channel(slacktest.Room{Name: "support", Members: []*slacktest.User{ana}})
	var people []string
	for range 9 {
		people = append(people, s.User(slacktest.Person{RealName: "Someone"}).ID)
	}
	list := func(n int, one string) string { return "[" + strings.TrimSuffix(strings.Repeat(one+",", n), ",") + "]" }
	block := `{"type":"divider"}`
	for _, x := range []struct {
		name, method string
		args         url.Values
		want         string
	}{
		{"50 blocks", "chat.postMessage", url.Values{"channel": {c.ID}, "blocks": {list(50, block)}}, ""},
		{"51 blocks", "chat.postMessage", url.Values{"channel": {c.ID}, "blocks": {list(51, block)}}, "invalid_blocks"},
		{"100 attachments", "chat.postMessage", url.Values{"channel": {c.ID}, "attachments": {list(100, `{"text":"a"}`)}}, ""},
		{"101 attachments", "chat.postMessage", url.Values{"channel": {c.ID}, "attachments": {list(101, `{"text":"a"}`)}}, "too_many_attachments"},
		{"8 people", "conversations.open", url.Values{"users": {strings.Join(people[:8], ",")}}, ""},
		{"9 people", "conversations.open", url.Values{"users": {strings.Join(people, ",")}}, "too_many_users"},
		{"a file too large", "files.getUploadURLExternal", url.Values{"filename": {"a"}, "length": {"99999999999"}}, "file_upload_size_restricted"},
		{"999 messages", "conversations.history", url.Values{"channel": {c.ID}, "limit": {"999"}}, ""},
		{"1000 messages", "conversations.history", url.Values{"channel": {c.ID}, "limit": {"1000"}}, "invalid_limit"},
	} {
		t.Run(x.name, func(t *testing.T) {
			if a := ask(t, s, x.method, s.BotToken, x.args); a.Error != x.want {
				t.Errorf("%s, want %q", a.raw, x.want)
			}
		})
	}
	ts := withButton(t, s, c)
	l := listen(t, s)
	if err := ana.Click(ctx(t), c, ts, "open"); err != nil {
		t.Fatal(err)
	}
	address := (<-l.clicks).ResponseURL
	for i := range 6 {
		err := slack.PostWebhookContext(ctx(t), address, &slack.WebhookMessage{Text: "again"})
		if (err != nil) != (i == 5) {
			t.Errorf("answer %d: %v", i+1, err)
		}
	}
	http.DefaultClient.CloseIdleConnections()
}

// TestPayloadsAsTheyAre: a test may send what no client expects.
func TestPayloadsAsTheyAre(t *testing.T) {
	s := start(t, fast())
	s.Channel(slacktest.Room{Name: "support"})
	w := dial(t, s)
	w.next()
	opened(t, s, 1)
	for _, payload := range []string{`{"type":"event_callback","event":{"type":"message","text":5}}`, `{"type":"event_callback"`} {
		s.EmitRaw([]byte(payload))
		_, got, err := w.ReadMessage()
		if err != nil || !bytes.Contains(got, []byte(`"payload":`+payload)) {
			t.Errorf("%s %v", got, err)
		}
		id, _, _ := strings.Cut(strings.TrimPrefix(string(got), `{"envelope_id":"`), `"`)
		w.ack(id)
	}
	if err := s.WaitDelivered(ctx(t)); err != nil {
		t.Fatal(err)
	}
}
