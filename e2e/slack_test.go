package e2e

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"throughline/api"
	"throughline/connectors/slack/slacktest"
)

// chat is a hub with an app in a double of Slack.
type chat struct {
	*hub
	slack *slacktest.Server
	admin *client
}

// openChat starts both and waits until the account is live.
func openChat(t testing.TB, o slacktest.Options, more map[string]any) *chat {
	t.Helper()
	o.Unlimited = true
	s, err := slacktest.Start(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return openChatAt(t, s, more)
}

// openChatAt starts a hub for a double that is there.
func openChatAt(t testing.TB, s *slacktest.Server, more map[string]any) *chat {
	t.Helper()
	c := &chat{hub: newHub(t, hubOptions{public: true}), slack: s}
	c.start()
	c.admin = c.setup()
	c.admin.addSlack(t, s, more)
	return c
}

// addSlack adds the account "slack" and waits until it is live.
func (c *client) addSlack(t testing.TB, s *slacktest.Server, more map[string]any) {
	t.Helper()
	set := map[string]any{"bot_token": s.BotToken, "app_token": s.AppToken, "signing_secret": s.SigningSecret, "base_url": s.URL + "/api", "poll_interval": "10s"}
	for k, v := range more {
		set[k] = v
	}
	if err := c.call(http.MethodPost, "/api/accounts", api.AccountRequest{ID: "slack", Channel: "slack", Name: "Larkspur Slack", Settings: set}, nil); err != nil {
		t.Fatal(err)
	}
	c.untilPhase(t, "slack", "live")
}

func (c *chat) say(u *slacktest.User, room *slacktest.Channel, text string, how ...slacktest.Say) string {
	c.t.Helper()
	ts, err := u.Say(room, text, how...)
	if err != nil {
		c.t.Fatal(err)
	}
	return ts
}

// posted waits until the app has posted n messages.
func (c *chat) posted(n int) []slacktest.Post {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	list, err := c.slack.WaitPosted(ctx, n)
	if err != nil || len(list) != n {
		c.t.Fatalf("%d posts, want %d: %v", len(list), n, err)
	}
	return list
}

// TestSlack is the main job with Slack, by both ways that events come: a thread is a
// conversation and answered there, a direct message goes on, and what happens to a
// message later is shown.
func TestSlack(t *testing.T) {
	t.Parallel()
	t.Run("socket mode", func(t *testing.T) { t.Parallel(); slackStory(t, true) })
	t.Run("http", func(t *testing.T) { t.Parallel(); slackStory(t, false) })
}

func slackStory(t *testing.T, socket bool) {
	var more map[string]any
	if !socket {
		more = map[string]any{"app_token": ""}
	}
	c := openChat(t, slacktest.Options{}, more)
	if !socket {
		if err := c.slack.SubscribeURL(t.Context(), c.url()+"/hooks/slack/events"); err != nil {
			t.Fatal(err)
		}
	}
	partner := c.slack.Team("Partner", "partner")
	ann := c.slack.User(slacktest.Person{RealName: "Ann Example", Team: partner})
	ben := c.slack.User(slacktest.Person{RealName: "Ben Example", Email: "ben@example.com"})
	room := c.slack.Channel(slacktest.Room{Name: "larkspur", Members: []*slacktest.User{ann, ben}, Shared: []*slacktest.Team{partner}})
	screen := c.admin.live(t, 0)
	screen.await(t, "the stream's start", func(f api.LiveFrame) bool { return f.Type == "live" })

	root := c.say(ann, room, "Is *my* Heron ready? سلام")
	frame := screen.entry(t, "message.received", nil)
	thread := frame.Entry.Conversation
	if m := frame.Entry.Message; frame.Row == nil || frame.Row.Channel != "slack" || frame.Row.Subject != "#larkspur" ||
		m.Reply != "Is my Heron ready? سلام" || m.From.Name != "Ann Example" || m.From.Handle != "slack:"+ann.TeamID()+"/"+ann.ID {
		t.Fatalf("the frame is %+v with %+v", frame.Row, frame.Entry.Message)
	}
	// Somebody else in the thread, and another root.
	c.say(ben, room, "Mine too?", slacktest.Say{Thread: root})
	if f := screen.entry(t, "message.received", nil); f.Entry.Conversation != thread {
		t.Errorf("the thread goes on in %d", f.Entry.Conversation)
	}
	c.say(ben, room, "Something else")
	if f := screen.entry(t, "message.received", nil); f.Entry.Conversation == thread {
		t.Error("another message of the channel joined the thread's conversation")
	}
	must[api.Entry](t)(c.admin.reply(thread, "reply", "<p>It is, until <strong>six</strong> &amp; not &lt;!channel&gt;.</p>", nil))
	if p := c.posted(1)[0]; p.Channel != room.ID || p.ThreadTS != root || p.Text != "It is, until *six* &amp; not &lt;!channel&gt;." {
		t.Errorf("posted %+v", p)
	}
	c.say(ann, room, "On my way", slacktest.Say{Thread: root, Files: []slacktest.Upload{{Name: "rack.png", MIMEType: "image/png", Content: picture}}})
	f := screen.entry(t, "message.received", nil)
	if f.Entry.Conversation != thread || len(f.Entry.Message.Attachments) != 1 {
		t.Fatalf("the answer lies in %d: %+v", f.Entry.Conversation, f.Entry.Message)
	}
	if _, b, err := c.admin.send(http.MethodGet, f.Entry.Message.Attachments[0].URL, "", nil); err != nil || string(b) != string(picture) {
		t.Errorf("the picture reads %q: %v", b, err)
	}

	// A direct message is another matter, and no answer of it gets into the thread.
	dm := ben.DM()
	c.say(ben, dm, "And now in private")
	f = screen.entry(t, "message.received", nil)
	private := f.Entry.Conversation
	if private == thread {
		t.Error("a direct message joined the thread")
	}
	must[api.Entry](t)(c.admin.reply(private, "reply", "<p>Just us.</p>", func(r *api.ReplyRequest) { r.Attachments = f.Entry.Message.Attachments }))
	if p := c.posted(2)[1]; p.Channel != dm.ID || p.ThreadTS != "" {
		t.Errorf("posted %+v", p)
	}
	c.say(ben, dm, "Good")
	if f := screen.entry(t, "message.received", nil); f.Entry.Conversation != private {
		t.Errorf("the chat goes on in %d", f.Entry.Conversation)
	}

	// What becomes of messages later, ours among them.
	if err := ann.Edit(room, root, "Is my Heron ready today?"); err != nil {
		t.Fatal(err)
	}
	screen.entry(t, "message.edited", nil)
	if err := ann.React(room, c.posted(2)[0].TS, "tada"); err != nil {
		t.Fatal(err)
	}
	screen.entry(t, "message.reaction", nil)
	all := messages(must[[]api.Entry](t)(c.admin.entries(thread)))
	if len(all) != 4 || all[0].Reply != "Is my Heron ready today?" || !slices.ContainsFunc(all, func(m api.Message) bool {
		return m.Direction == "out" && len(m.Reactions) == 1 && m.Reactions[0].Emoji == "🎉"
	}) {
		t.Errorf("the thread is %+v", all)
	}
	if v := c.slack.Violations(); len(v) > 0 {
		t.Errorf("Slack would shrug at %q", v)
	}
	c.admin.untilMessages(t, 8)
	c.check()
}

// TestSlackBlackout kills the hub while people write, loses answers of Slack's, and
// counts: nothing is lost, nothing is there twice, nothing is posted twice.
func TestSlackBlackout(t *testing.T) {
	t.Parallel()
	c := openChat(t, slacktest.Options{RetryDelays: []time.Duration{0, 300 * time.Millisecond}}, nil)
	ann := c.slack.User(slacktest.Person{RealName: "Ann Example"})
	room := c.slack.Channel(slacktest.Room{Name: "larkspur", Members: []*slacktest.User{ann}})
	dm := ann.DM()
	root := c.say(ann, room, "item 0.")
	n := 1
	for range 3 {
		for range 8 {
			if n%3 == 0 {
				c.slack.DuplicateNext(1)
			}
			switch n % 4 {
			case 0:
				c.say(ann, room, fmt.Sprintf("item %d.", n))
			case 1:
				c.say(ann, room, fmt.Sprintf("item %d.", n), slacktest.Say{Thread: root})
			default:
				c.say(ann, dm, fmt.Sprintf("item %d.", n))
			}
			if n++; n%8 == 5 {
				c.kill()
				c.slack.DropNext(2)
			}
		}
		c.start()
	}
	all := c.admin.untilMessages(t, n)
	seen := map[string]int{}
	for _, m := range all {
		seen[strings.TrimSpace(m.Reply)]++
	}
	for i := range n {
		if s := fmt.Sprintf("item %d.", i); seen[s] != 1 {
			t.Errorf("%s is there %d times", s, seen[s])
		}
	}
	// An answer of which nobody knows what became is found, not repeated.
	conversation := must[[]api.Row](t)(c.admin.rows("all"))[0].ID
	c.slack.Inject("chat.postMessage", 1, slacktest.Fault{CutAfter: true})
	entry := must[api.Entry](t)(c.admin.reply(conversation, "reply", "<p>Once.</p>", nil))
	until(t, "the lost answer found", func() error {
		m, err := get[api.Message](c.admin, fmt.Sprintf("/api/messages/%d", entry.Message.ID))
		if err == nil && m.Delivery.Status != "sent" {
			err = fmt.Errorf("it is %s", m.Delivery.Status)
		}
		return err
	})
	if n := len(c.slack.Posted()); n != 1 {
		t.Errorf("posted %d times", n)
	}
	c.check()
}
