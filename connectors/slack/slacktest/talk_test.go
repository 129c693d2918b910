package slacktest_test

import (
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/slack-go/slack"

	"throughline/connectors/slack/slacktest"
)

func TestHistoryPages(t *testing.T) {
	for _, forward := range []bool{false, true} {
		t.Run(fmt.Sprintf("from oldest %v", forward), func(t *testing.T) {
			o := fast()
			o.HistoryFromOldest = forward
			s := start(t, o)
			api := client(s)
			ana := s.User(slacktest.Person{RealName: "Ana Example"})
			c := s.Channel(slacktest.Room{Name: "support", Members: []*slacktest.User{ana}})
			var stamps []string
			for i := range 7 {
				stamps = append(stamps, must(ana.Say(c, strconv.Itoa(i))))
			}
			must(ana.Say(c, "a reply", slacktest.Say{Thread: stamps[3]}))
			shown := must(ana.Say(c, "a reply for all", slacktest.Say{Thread: stamps[3], Broadcast: true}))
			all := append(slices.Clone(stamps), shown)

			read := func(p slack.GetConversationHistoryParameters) (list []string, pages int) {
				p.ChannelID = c.ID
				for {
					h, err := api.GetConversationHistoryContext(ctx(t), &p)
					if err != nil {
						t.Fatal(err)
					}
					pages++
					for i, m := range h.Messages {
						if i > 0 && m.Timestamp > h.Messages[i-1].Timestamp {
							t.Errorf("a page is not newest first")
						}
						list = append(list, m.Timestamp)
					}
					if p.Cursor = h.ResponseMetaData.NextCursor; h.HasMore != (p.Cursor != "") {
						t.Errorf("has_more %v with cursor %q", h.HasMore, p.Cursor)
					}
					if p.Cursor == "" {
						slices.Sort(list)
						return list, pages
					}
				}
			}
			if got, pages := read(slack.GetConversationHistoryParameters{Limit: 3}); !slices.Equal(got, all) || pages != 3 {
				t.Errorf("all: %q in %d pages", got, pages)
			}
			if got, _ := read(slack.GetConversationHistoryParameters{Oldest: stamps[2], Limit: 2}); !slices.Equal(got, all[3:]) {
				t.Errorf("after the third: %q", got)
			}
			if got, _ := read(slack.GetConversationHistoryParameters{Oldest: stamps[2], Latest: stamps[5]}); !slices.Equal(got, stamps[3:5]) {
				t.Errorf("between: %q", got)
			}
			if got, _ := read(slack.GetConversationHistoryParameters{Oldest: stamps[2], Latest: stamps[5], Inclusive: true}); !slices.Equal(got, stamps[2:6]) {
				t.Errorf("between, inclusive: %q", got)
			}
			h, err := api.GetConversationHistoryContext(ctx(t), &slack.GetConversationHistoryParameters{ChannelID: c.ID, Oldest: stamps[0], Limit: 1})
			want := shown
			if forward {
				want = stamps[1]
			}
			if err != nil || h.Messages[0].Timestamp != want {
				t.Errorf("the first page begins with %s, want %s (%v)", h.Messages[0].Timestamp, want, err)
			}

			thread, more, next, err := api.GetConversationRepliesContext(ctx(t), &slack.GetConversationRepliesParameters{ChannelID: c.ID, Timestamp: stamps[3], Limit: 2})
			if err != nil || !more || len(thread) != 2 || thread[0].Timestamp != stamps[3] || thread[0].ReplyCount != 2 || thread[0].LatestReply != shown {
				t.Errorf("first page of the thread: %+v %v %v", thread, more, err)
			}
			thread, more, _, err = api.GetConversationRepliesContext(ctx(t),
				&slack.GetConversationRepliesParameters{ChannelID: c.ID, Timestamp: stamps[3], Limit: 2, Cursor: next})
			if err != nil || more || len(thread) != 2 || thread[0].Timestamp != stamps[3] || thread[1].Timestamp != shown || thread[1].ParentUserId != ana.ID {
				t.Errorf("second page of the thread: %+v %v %v", thread, more, err)
			}
		})
	}
}

func TestWhatPeopleDo(t *testing.T) {
	s := start(t, fast())
	acme := s.Team("Acme", "acme")
	ana := s.User(slacktest.Person{RealName: "Ana Example"})
	ben := s.User(slacktest.Person{RealName: "Ben Partner", Team: acme})
	bot := s.User(slacktest.Person{RealName: "Builds", Bot: true})
	c := s.Channel(slacktest.Room{Name: "support", Members: []*slacktest.User{ana, ben, bot}, Shared: []*slacktest.Team{acme}})
	l := listen(t, s)

	ts := must(ana.Say(c, "frist"))
	<-l.messages
	if err := ana.Edit(c, ts, "first"); err != nil {
		t.Fatal(err)
	}
	m := <-l.messages
	if m.SubType != "message_changed" || m.Message.Text != "first" || m.Message.Edited == nil || m.PreviousMessage.Text != "frist" || m.Message.Timestamp != ts {
		t.Errorf("edit: %+v", m)
	}
	if err := s.Unfurl(c, ts, "A page", "https://example.com/"); err != nil {
		t.Fatal(err)
	}
	if m := <-l.messages; m.SubType != "message_changed" || m.Message.Text != m.PreviousMessage.Text || len(m.Message.Attachments) != 1 {
		t.Errorf("unfurl: %+v", m)
	}
	if err := ben.Edit(c, ts, "mine"); err == nil {
		t.Error("someone else edited the message")
	}
	must(ben.Say(c, "a reply", slacktest.Say{Thread: ts}))
	if m := <-l.messages; m.ThreadTimeStamp != ts || m.UserTeam != acme.ID || m.SourceTeam != acme.ID || m.User != ben.ID {
		t.Errorf("message of another workspace: %+v", m)
	}
	if err := ben.React(c, ts, "thumbsup"); err != nil {
		t.Fatal(err)
	}
	if err := ben.Unreact(c, ts, "thumbsup"); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"reaction_added", "reaction_removed"} {
		if e := <-l.others; e.InnerEvent.Type != want {
			t.Errorf("%s, want %s", e.InnerEvent.Type, want)
		}
	}
	if err := ana.Delete(c, ts); err != nil {
		t.Fatal(err)
	}
	if m := <-l.messages; m.SubType != "message_deleted" || m.DeletedTimeStamp != ts || m.PreviousMessage.Text != "first" {
		t.Errorf("deletion: %+v", m)
	}
	h, err := client(s).GetConversationHistoryContext(ctx(t), &slack.GetConversationHistoryParameters{ChannelID: c.ID})
	if err != nil || len(h.Messages) != 1 || h.Messages[0].SubType != "tombstone" {
		t.Errorf("the parent of a thread leaves a tombstone: %+v %v", h, err)
	}
	must(bot.Say(c, "build 7 failed"))
	if m := <-l.messages; m.BotID != bot.BotID || m.User != bot.ID || m.SubType != "" {
		t.Errorf("bot: %+v", m)
	}
	must(bot.Say(c, "build 8 failed", slacktest.Say{Subtype: "bot_message"}))
	if m := <-l.messages; m.BotID != bot.BotID || m.User != "" || m.Username != "Builds" {
		t.Errorf("bot_message: %+v", m)
	}
	cem := s.Enrol(slacktest.Person{RealName: "Cem Example"})
	c.Add(cem)
	cem.Change(func(p *slacktest.Person) { p.DisplayName = "cem" })
	c.Rename("help")
	if c.Remove(cem); c.Name() != "help" {
		t.Error(c.Name())
	}
	var got []string
	for range 5 {
		got = append(got, (<-l.others).InnerEvent.Type)
	}
	slices.Sort(got) // events about no channel are not in order with others
	if want := []string{"channel_rename", "member_joined_channel", "member_left_channel", "team_join", "user_change"}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	for _, want := range []string{"channel_join", "channel_name"} {
		if m := <-l.messages; m.SubType != want {
			t.Errorf("%s, want %s", m.SubType, want)
		}
	}
	dm := ana.DM()
	must(ana.Say(dm, "privately"))
	if m := <-l.messages; m.ChannelType != "im" || !strings.HasPrefix(m.Channel, "D") {
		t.Errorf("direct message: %+v", m)
	}
	if ch, _, known, err := client(s).OpenConversationContext(ctx(t), &slack.OpenConversationParameters{Users: []string{ana.ID}}); err != nil || !known || ch.ID != dm.ID {
		t.Error(ch, known, err)
	}
	group := ana.DM(ben)
	must(ben.Say(group, "the three of us"))
	if m := <-l.messages; m.ChannelType != "mpim" {
		t.Errorf("group message: %+v", m)
	}
	s.Uninstall()
	for _, want := range []string{"tokens_revoked", "app_uninstalled"} {
		if e := <-l.others; e.InnerEvent.Type != want {
			t.Errorf("%s, want %s", e.InnerEvent.Type, want)
		}
	}
	if _, err := client(s).AuthTestContext(ctx(t)); err == nil || err.Error() != "account_inactive" {
		t.Error(err)
	}
	s.Reinstall()
	if _, err := client(s).AuthTestContext(ctx(t)); err != nil {
		t.Error(err)
	}
}

func TestOwnMessages(t *testing.T) {
	s := start(t, fast())
	api := client(s)
	ana := s.User(slacktest.Person{RealName: "Ana Example"})
	c := s.Channel(slacktest.Room{Name: "support", Members: []*slacktest.User{ana}})
	block := slack.NewSectionBlock(slack.NewTextBlockObject(slack.MarkdownType, "*b*", false, false), nil, nil)
	_, ts, err := api.PostMessageContext(ctx(t), c.ID, slack.MsgOptionText("one", false), slack.MsgOptionBlocks(block),
		slack.MsgOptionMetadata(slack.SlackMetadata{EventType: "sent", EventPayload: map[string]any{"key": "k1"}}))
	if err != nil {
		t.Fatal(err)
	}
	if _, _, _, err := api.UpdateMessageContext(ctx(t), c.ID, ts, slack.MsgOptionText("two", false)); err != nil {
		t.Fatal(err)
	}
	posted, err := s.WaitPosted(ctx(t), 1)
	if err != nil {
		t.Fatal(err)
	}
	p := posted[0]
	if b, _ := p.Blocks[0].(map[string]any); p.Text != "two" || !p.Edited || b["type"] != "section" {
		t.Errorf("an update without blocks keeps them: %+v", p)
	}
	for _, all := range []bool{false, true} {
		h, err := api.GetConversationHistoryContext(ctx(t), &slack.GetConversationHistoryParameters{ChannelID: c.ID, IncludeAllMetadata: all})
		if err != nil || (h.Messages[0].Metadata.EventType == "sent") != all {
			t.Errorf("metadata %v: %+v %v", all, h, err)
		}
	}
	if _, _, _, err := api.UpdateMessageContext(ctx(t), c.ID, ts, slack.MsgOptionText(strings.Repeat("x", slacktest.MaxUpdate+1), false)); err == nil ||
		err.Error() != "msg_too_long" {
		t.Error(err)
	}
	theirs := must(ana.Say(c, "mine"))
	if _, _, _, err := api.UpdateMessageContext(ctx(t), c.ID, theirs, slack.MsgOptionText("x", false)); err == nil || err.Error() != "cant_update_message" {
		t.Error(err)
	}
	if _, _, err := api.DeleteMessageContext(ctx(t), c.ID, theirs); err == nil || err.Error() != "cant_delete_message" {
		t.Error(err)
	}
	if _, _, err := api.DeleteMessageContext(ctx(t), c.ID, ts); err != nil || !s.Posted()[0].Deleted {
		t.Error(err)
	}
	if _, err := api.PostEphemeralContext(ctx(t), c.ID, ana.ID, slack.MsgOptionText("only you", false)); err != nil {
		t.Error(err)
	}
	if e := s.Ephemeral(); len(e) != 1 || e[0].To != ana.ID {
		t.Errorf("%+v", e)
	}
	if _, _, err := api.PostMessageContext(ctx(t), ana.ID, slack.MsgOptionText("to a person", false)); err != nil || s.Posted()[1].Channel != ana.DM().ID {
		t.Error(err)
	}
	item := slack.NewRefToMessage(c.ID, theirs)
	if err := api.AddReactionContext(ctx(t), "eyes", item); err != nil {
		t.Error(err)
	}
	if r := s.Reactions(c, theirs); !slices.Equal(r["eyes"], []string{s.App().ID}) {
		t.Errorf("%v", r)
	}
	if err := api.AddReactionContext(ctx(t), "eyes", item); err == nil || err.Error() != "already_reacted" {
		t.Error(err)
	}
	reacted, err := api.GetReactionsContext(ctx(t), item, slack.NewGetReactionsParameters())
	if err != nil || len(reacted.Reactions) != 1 || reacted.Reactions[0].Name != "eyes" {
		t.Errorf("%+v %v", reacted, err)
	}
	if err := api.RemoveReactionContext(ctx(t), "eyes", item); err != nil {
		t.Error(err)
	}
	if err := api.RemoveReactionContext(ctx(t), "eyes", item); err == nil || err.Error() != "no_reaction" {
		t.Error(err)
	}
	link, err := api.GetPermalinkContext(ctx(t), &slack.PermalinkParameters{Channel: c.ID, Ts: theirs})
	if err != nil || !strings.HasSuffix(link, "/p"+strings.ReplaceAll(theirs, ".", "")) {
		t.Error(link, err)
	}
	res, err := http.Get(link)
	if err != nil {
		t.Fatal(err)
	}
	if page, err := io.ReadAll(res.Body); err != nil || string(page) != "mine\n" {
		t.Errorf("%q %v", page, err)
	}
	res.Body.Close()
	http.DefaultClient.CloseIdleConnections()
	if at := slacktest.Time("1512085950.000216"); !at.Equal(time.UnixMicro(1512085950000216)) {
		t.Error(at)
	}
	auth, err := api.AuthTestContext(ctx(t))
	if err != nil || auth.UserID != s.App().ID || auth.TeamID != s.TeamID() || auth.BotID != s.App().BotID {
		t.Error(auth, err)
	}
	if b, err := api.GetBotInfoContext(ctx(t), slack.GetBotInfoParameters{Bot: auth.BotID}); err != nil || b.AppID != s.AppID() {
		t.Error(b, err)
	}
	if team, err := api.GetTeamInfoContext(ctx(t)); err != nil || team.Name != "Example" {
		t.Error(team, err)
	}
	s.SetEmoji("party", "https://example.com/party.gif")
	if e, err := api.GetEmojiContext(ctx(t)); err != nil || e["party"] == "" {
		t.Error(e, err)
	}
	if odd := s.Violations(); len(odd) != 0 {
		t.Error(odd)
	}
}

// TestJSONBodies: what is a string in a form is a structure in JSON.
func TestJSONBodies(t *testing.T) {
	s := start(t, fast())
	ana := s.User(slacktest.Person{RealName: "Ana Example"})
	ben := s.User(slacktest.Person{RealName: "Ben Example"})
	c := s.Channel(slacktest.Room{Name: "support", Members: []*slacktest.User{ana}})
	kind := "application/json; charset=utf-8"
	a := request(t, s, "chat.postMessage", s.BotToken, kind, `{"channel":"`+c.ID+`","text":"x","blocks":[{"type":"divider"}],"mrkdwn":true}`)
	if p := s.Posted(); !a.OK || len(p) != 1 || len(p[0].Blocks) != 1 {
		t.Errorf("%s %+v", a.raw, p)
	}
	a = request(t, s, "conversations.open", s.BotToken, kind, `{"users":["`+ana.ID+`","`+ben.ID+`"],"return_im":true}`)
	if !a.OK || !strings.Contains(string(a.raw), `"is_mpim":true`) {
		t.Errorf("%s", a.raw)
	}
	if a := request(t, s, "conversations.mark", s.BotToken, kind, `{"channel":"`+c.ID+`","ts":1512085950.000216}`); !a.OK {
		t.Errorf("%s", a.raw)
	}
	ana.Deactivate()
	for _, user := range []string{ana.ID, "U000"} {
		if a := request(t, s, "conversations.open", s.BotToken, kind, `{"users":"`+user+`"}`); a.OK {
			t.Errorf("%s", a.raw)
		}
	}
	u, err := client(s).GetUserInfoContext(ctx(t), ana.ID)
	if err != nil || !u.Deleted || u.TeamID != ana.TeamID() {
		t.Errorf("%+v %v", u, err)
	}
}

// TestAnswerToADeletedMessage: Slack puts it into the channel, outside any thread,
// unless other replies keep the thread alive.
func TestAnswerToADeletedMessage(t *testing.T) {
	s := start(t, fast())
	ana := s.User(slacktest.Person{RealName: "Ana Example"})
	c := s.Channel(slacktest.Room{Name: "support", Members: []*slacktest.User{ana}})
	alone, kept := must(ana.Say(c, "alone")), must(ana.Say(c, "with a reply"))
	must(ana.Say(c, "the reply", slacktest.Say{Thread: kept}))
	for _, x := range []struct{ parent, thread string }{{alone, ""}, {kept, kept}} {
		if err := ana.Delete(c, x.parent); err != nil {
			t.Fatal(err)
		}
		if _, _, err := client(s).PostMessageContext(ctx(t), c.ID, slack.MsgOptionText("x", false), slack.MsgOptionTS(x.parent)); err != nil {
			t.Fatal(err)
		}
		posts := s.Posted()
		if got := posts[len(posts)-1].ThreadTS; got != x.thread {
			t.Errorf("posted in thread %q, want %q", got, x.thread)
		}
	}
}

// TestTextAsKept: what comes back is not always what was sent.
func TestTextAsKept(t *testing.T) {
	s := start(t, fast())
	c := s.Channel(slacktest.Room{Name: "support"})
	for sent, want := range map[string]string{
		"plain":                             "plain",
		"a & b < c > d":                     "a &amp; b &lt; c &gt; d",
		"a &amp; b &lt;c&gt;":               "a &amp; b &lt;c&gt;",
		"<@U0123> <#C0123|x> <!here>":       "<@U0123> <#C0123|x> <!here>",
		"<https://example.com/?a=1|a page>": "<https://example.com/?a=1|a page>",
		"see https://example.com/a?b=c&d.":  "see <https://example.com/a?b=c&amp;d>.",
		"<b>no</b>":                         "&lt;b&gt;no&lt;/b&gt;",
		slacktest.Escape("<@U1> & co"):      "&lt;@U1&gt; &amp; co",
	} {
		if _, _, err := client(s).PostMessageContext(ctx(t), c.ID, slack.MsgOptionText(sent, false)); err != nil {
			t.Fatal(err)
		}
		posts := s.Posted()
		if got := posts[len(posts)-1].Text; got != want {
			t.Errorf("%q became %q, want %q", sent, got, want)
		}
	}
}
