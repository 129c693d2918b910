package slacktest_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/slack-go/slack"

	"throughline/connectors/slack/slacktest"
)

// answer is what every answer of the Web API may have.
type answer struct {
	OK               bool
	Error            string
	Warning          string
	Needed, Provided string
	Meta             struct {
		Cursor   string `json:"next_cursor"`
		Messages []string
		Warnings []string
	} `json:"response_metadata"`
	status int
	header http.Header
	raw    []byte
}

// ask makes a call with a token in the header and a form.
func ask(t *testing.T, s *slacktest.Server, method, token string, form url.Values) answer {
	t.Helper()
	return request(t, s, method, token, "application/x-www-form-urlencoded", form.Encode())
}

func request(t *testing.T, s *slacktest.Server, method, token, kind, body string) answer {
	t.Helper()
	r := must(http.NewRequestWithContext(ctx(t), http.MethodPost, s.API()+method, strings.NewReader(body)))
	if kind != "" {
		r.Header.Set("Content-Type", kind)
	}
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	a := answer{status: res.StatusCode, header: res.Header, raw: must(io.ReadAll(res.Body))}
	if err := json.Unmarshal(a.raw, &a); err != nil {
		t.Fatalf("%v in %q", err, a.raw)
	}
	http.DefaultClient.CloseIdleConnections()
	return a
}

// lenient is a server whose clients may do what they should not.
func lenient(t *testing.T, o slacktest.Options) *slacktest.Server {
	t.Helper()
	s, err := slacktest.Start(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

func TestRequestsThatSlackRefuses(t *testing.T) {
	s := lenient(t, fast())
	c := s.Channel(slacktest.Room{Name: "support"})
	form, plain := "application/x-www-form-urlencoded", "token="+url.QueryEscape(s.BotToken)
	for _, x := range []struct {
		name, method, token, kind, body, want string
	}{
		{"no token", "auth.test", "", form, "", "not_authed"},
		{"a token in the query", "auth.test?token=" + s.BotToken, "", form, "", "not_authed"},
		{"a token in the form", "auth.test", "", form, plain, ""},
		{"a wrong token", "auth.test", "xoxb-1", form, "", "invalid_auth"},
		{"a token of the wrong kind", "auth.test", s.AppToken, form, "", "not_allowed_token_type"},
		{"a bot token for a socket", "apps.connections.open", s.BotToken, form, "", "not_allowed_token_type"},
		{"a token in JSON", "auth.test", "", "application/json; charset=utf-8", `{"token":"` + s.BotToken + `"}`, "not_authed"},
		{"an unknown method", "chat.shout", s.BotToken, form, "", "unknown_method"},
		{"no kind of content", "auth.test", s.BotToken, "", "a=b", "missing_post_type"},
		{"another kind of content", "auth.test", s.BotToken, "text/csv", "a=b", "invalid_post_type"},
		{"another character set", "auth.test", s.BotToken, form + "; charset=koi8-r", "a=b", "invalid_charset"},
		{"broken JSON", "auth.test", s.BotToken, "application/json", "{", "invalid_json"},
		{"JSON that is no object", "auth.test", s.BotToken, "application/json", "[]", "json_not_object"},
		{"a repeated argument", "auth.test", s.BotToken, form, "a=b&a=c", "invalid_array_arg"},
		{"a broken form", "auth.test", s.BotToken, form, "a=%zz", "invalid_form_data"},
		{"JSON where only forms are read", "conversations.info", s.BotToken, "application/json; charset=utf-8", `{"channel":"` + c.ID + `"}`, "invalid_arguments"},
		{"a missing argument", "conversations.info", s.BotToken, form, "", "invalid_arguments"},
		{"a form", "conversations.info", s.BotToken, form, "channel=" + c.ID, ""},
		{"JSON", "chat.postMessage", s.BotToken, "application/json; charset=utf-8", `{"channel":"` + c.ID + `","text":"x"}`, ""},
		{"an unknown channel", "conversations.info", s.BotToken, form, "channel=C000", "channel_not_found"},
		{"a page too large", "conversations.list", s.BotToken, form, "limit=5000", "invalid_limit"},
		{"a page too small", "conversations.list", s.BotToken, form, "limit=-1", "invalid_limit"},
		{"a wrong cursor", "conversations.list", s.BotToken, form, "cursor=abc", "invalid_cursor"},
		{"a wrong kind of channel", "conversations.list", s.BotToken, form, "types=secret", "invalid_types"},
		{"a wrong start", "conversations.history", s.BotToken, form, "channel=" + c.ID + "&oldest=yesterday", "invalid_ts_oldest"},
		{"a wrong end", "conversations.history", s.BotToken, form, "channel=" + c.ID + "&latest=-", "invalid_ts_latest"},
		{"an unknown thread", "conversations.replies", s.BotToken, form, "channel=" + c.ID + "&ts=1.000001", "thread_not_found"},
		{"an unknown person", "users.info", s.BotToken, form, "user=U000", "user_not_found"},
		{"an unknown address", "users.lookupByEmail", s.BotToken, form, "email=nobody@example.com", "users_not_found"},
		{"an unknown bot", "bots.info", s.BotToken, form, "bot=B000", "bot_not_found"},
		{"an unknown workspace", "team.info", s.BotToken, form, "team=T000", "team_not_found"},
		{"an unknown file", "files.info", s.BotToken, form, "file=F000", "file_not_found"},
		{"no text", "chat.postMessage", s.BotToken, form, "channel=" + c.ID, "no_text"},
		{"a text too long", "chat.postMessage", s.BotToken, form, "channel=" + c.ID + "&text=" + strings.Repeat("ä", slacktest.MaxText+1), "msg_too_long"},
		{"the longest text", "chat.postMessage", s.BotToken, form, "channel=" + c.ID + "&text=" + strings.Repeat("ä", slacktest.MaxText), ""},
		{"blocks that are none", "chat.postMessage", s.BotToken, form, "channel=" + c.ID + "&blocks=x", "invalid_blocks_format"},
		{"a block without a type", "chat.postMessage", s.BotToken, form, "channel=" + c.ID + "&blocks=[{}]", "invalid_blocks"},
		{"metadata without a type", "chat.postMessage", s.BotToken, form, `channel=` + c.ID + `&text=x&metadata={"a":1}`, "invalid_metadata_format"},
		{"a thread that is none", "chat.postMessage", s.BotToken, form, "channel=" + c.ID + "&text=x&thread_ts=later", "invalid_thread_ts"},
		{"nobody to talk to", "conversations.open", s.BotToken, form, "", "users_list_not_supplied"},
		{"a talk with oneself", "conversations.open", s.BotToken, form, "users=" + s.App().ID, "cannot_dm_bot"},
		{"an upload of nothing", "files.getUploadURLExternal", s.BotToken, form, "filename=a&length=0", "invalid_arguments"},
		{"a reaction that is no name", "reactions.add", s.BotToken, form, "channel=" + c.ID + "&name=A%20B&timestamp=1.000001", "invalid_name"},
		{"a reaction to nothing", "reactions.add", s.BotToken, form, "channel=" + c.ID + "&name=eyes&timestamp=1.000001", "message_not_found"},
		{"a change of nothing", "chat.update", s.BotToken, form, "channel=" + c.ID + "&text=x&ts=1.000001", "message_not_found"},
	} {
		t.Run(x.name, func(t *testing.T) {
			a := request(t, s, x.method, x.token, x.kind, x.body)
			if a.status != 200 || a.OK != (x.want == "") || a.Error != x.want {
				t.Errorf("%d %s, want %q", a.status, a.raw, x.want)
			}
		})
	}
	if a := request(t, s, "chat.postMessage", s.BotToken, "application/json", `{"channel":"`+c.ID+`","text":"x"}`); a.Warning != "missing_charset" ||
		!slices.Equal(a.Meta.Warnings, []string{"missing_charset"}) {
		t.Errorf("JSON without a character set: %s", a.raw)
	}
	if odd := s.Violations(); len(odd) != 3 {
		t.Errorf("violations: %q", odd)
	}
}

func TestScopes(t *testing.T) {
	s := start(t, fast())
	ana := s.User(slacktest.Person{RealName: "Ana Example", Email: "ana@example.com"})
	open := s.Channel(slacktest.Room{Name: "open", Members: []*slacktest.User{ana}})
	closed := s.Channel(slacktest.Room{Name: "closed", Private: true, Members: []*slacktest.User{ana}})
	dm := ana.DM()
	for _, x := range []struct {
		method, args, needed string
	}{
		{"chat.postMessage", "channel=" + open.ID + "&text=x", "chat:write"},
		{"chat.postMessage", "channel=" + open.ID + "&text=x&username=Ben", "chat:write.customize"},
		{"conversations.history", "channel=" + open.ID, "channels:history"},
		{"conversations.history", "channel=" + closed.ID, "groups:history"},
		{"conversations.history", "channel=" + dm.ID, "im:history"},
		{"conversations.info", "channel=" + closed.ID, "groups:read"},
		{"conversations.list", "types=public_channel,im", "im:read"},
		{"conversations.open", "users=" + ana.ID, "im:write"},
		{"conversations.mark", "ts=1.0&channel=" + open.ID, "channels:manage"},
		{"users.info", "user=" + ana.ID, "users:read"},
		{"users.lookupByEmail", "email=ana@example.com", "users:read.email"},
		{"files.info", "file=F1", "files:read"},
		{"files.getUploadURLExternal", "filename=a&length=1", "files:write"},
		{"emoji.list", "", "emoji:read"},
		{"team.info", "", "team:read"},
	} {
		t.Run(x.method+" "+x.needed, func(t *testing.T) {
			s.SetScopes(slices.DeleteFunc(slacktest.AllScopes(), func(o string) bool { return o == x.needed })...)
			form := must(url.ParseQuery(x.args))
			a := ask(t, s, x.method, s.BotToken, form)
			if a.Error != "missing_scope" || a.Needed != x.needed || !strings.Contains(a.Provided, "chat:write.public") {
				t.Errorf("without: %s", a.raw)
			}
			s.SetScopes(slacktest.AllScopes()...)
			if a := ask(t, s, x.method, s.BotToken, form); a.Error == "missing_scope" {
				t.Errorf("with: %s", a.raw)
			}
		})
	}
}

func TestEmailsAndStrangers(t *testing.T) {
	s := start(t, fast())
	api := client(s)
	acme := s.Team("Acme", "acme")
	ana := s.User(slacktest.Person{RealName: "Ana Example", Email: "ana@example.com", TZ: "Europe/Berlin"})
	guest := s.User(slacktest.Person{RealName: "Ben Partner", Email: "ben@example.org", Team: acme})
	open := s.User(slacktest.Person{RealName: "Cem Partner", Email: "cem@example.org", ShareEmail: true, Team: acme})
	stranger := s.User(slacktest.Person{RealName: "Dan Stranger", Email: "dan@example.org", ShareEmail: true, Team: acme})
	s.Channel(slacktest.Room{Name: "acme", Private: true, Members: []*slacktest.User{ana, guest, open}, Shared: []*slacktest.Team{acme}})
	for u, want := range map[*slacktest.User]struct {
		email    string
		stranger bool
		team     string
	}{
		ana: {"ana@example.com", false, s.TeamID()}, guest: {"", false, acme.ID}, open: {"cem@example.org", false, acme.ID}, stranger: {"", true, acme.ID},
	} {
		got, err := api.GetUserInfoContext(ctx(t), u.ID)
		if err != nil {
			t.Fatal(err)
		}
		if got.Profile.Email != want.email || got.IsStranger != want.stranger || got.TeamID != want.team {
			t.Errorf("%v: %q %v %s", u, got.Profile.Email, got.IsStranger, got.TeamID)
		}
	}
	list, err := api.GetUsersContext(ctx(t))
	if err != nil || len(list) != 5 { // Slackbot, the app, and three
		t.Errorf("%d users, %v", len(list), err)
	}
	if u, err := api.GetUserByEmailContext(ctx(t), "ANA@example.com"); err != nil || u.ID != ana.ID || u.TZ != "Europe/Berlin" {
		t.Errorf("%+v %v", u, err)
	}
	if _, err := api.GetUserByEmailContext(ctx(t), "cem@example.org"); err == nil {
		t.Error("a person of another workspace was found by email")
	}
	s.SetScopes("users:read")
	if u, err := api.GetUserInfoContext(ctx(t), ana.ID); err != nil || u.Profile.Email != "" || u.RealName != "Ana Example" {
		t.Errorf("without users:read.email: %+v %v", u, err)
	}
	res, err := http.Get(list[2].Profile.Image72)
	if err != nil || res.Header.Get("Content-Type") != "image/png" {
		t.Errorf("picture: %v %v", res, err)
	}
	res.Body.Close()
	http.DefaultClient.CloseIdleConnections()
}

func TestMembershipDecides(t *testing.T) {
	s := start(t, fast())
	api := client(s)
	ana := s.User(slacktest.Person{RealName: "Ana Example"})
	out := s.Channel(slacktest.Room{Name: "elsewhere", Members: []*slacktest.User{ana}, WithoutApp: true})
	secret := s.Channel(slacktest.Room{Name: "secret", Private: true, Members: []*slacktest.User{ana}, WithoutApp: true})
	old := s.Channel(slacktest.Room{Name: "old"})
	old.Archive()
	must(ana.Say(out, "not for the app"))
	must(ana.Say(secret, "not either"))
	if err := s.WaitDelivered(ctx(t)); err != nil {
		t.Fatal(err)
	}
	for _, d := range s.Deliveries() {
		if d.Type != "channel_archive" {
			t.Errorf("an event of a channel the app is not in: %+v", d)
		}
	}
	s.SetScopes(slices.DeleteFunc(slacktest.AllScopes(), func(o string) bool { return o == "chat:write.public" })...)
	post := func(c *slacktest.Channel) string {
		_, _, err := api.PostMessageContext(ctx(t), c.ID, slack.MsgOptionText("x", false))
		return fmt.Sprint(err)
	}
	for c, want := range map[*slacktest.Channel]string{out: "not_in_channel", secret: "channel_not_found", old: "is_archived"} {
		if got := post(c); got != want {
			t.Errorf("%s: %s, want %s", c.Name(), got, want)
		}
	}
	if _, err := api.GetConversationHistoryContext(ctx(t), &slack.GetConversationHistoryParameters{ChannelID: out.ID}); err == nil || err.Error() != "not_in_channel" {
		t.Error(err)
	}
	_, warning, _, err := api.JoinConversationContext(ctx(t), out.ID)
	if err != nil || warning != "" {
		t.Error(warning, err)
	}
	if got := post(out); got != "<nil>" {
		t.Errorf("after joining: %s", got)
	}
	if _, _, warnings, err := api.JoinConversationContext(ctx(t), out.ID); err != nil || !slices.Contains(warnings, "already_in_channel") {
		t.Error(warnings, err)
	}
	members, _, err := api.GetUsersInConversationContext(ctx(t), &slack.GetUsersInConversationParameters{ChannelID: out.ID})
	if err != nil || !slices.Equal(members, []string{ana.ID, s.App().ID}) {
		t.Error(members, err)
	}
	mine, _, err := api.GetConversationsForUserContext(ctx(t), &slack.GetConversationsForUserParameters{ExcludeArchived: true})
	if err != nil || len(mine) != 1 || mine[0].ID != out.ID || !mine[0].IsMember {
		t.Error(mine, err)
	}
}

func TestRateLimits(t *testing.T) {
	now := time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)
	o := fast()
	o.Unlimited, o.Now = false, func() time.Time { return now }
	s := start(t, o)
	a, b := s.Channel(slacktest.Room{Name: "a"}), s.Channel(slacktest.Room{Name: "b"})
	post := func(c *slacktest.Channel) answer {
		return ask(t, s, "chat.postMessage", s.BotToken, url.Values{"channel": {c.ID}, "text": {"x"}})
	}
	for range 5 {
		if r := post(a); !r.OK {
			t.Fatalf("within a burst: %s", r.raw)
		}
	}
	if r := post(a); r.status != 429 || r.header.Get("Retry-After") != "1" || r.Error != "ratelimited" {
		t.Errorf("after the burst: %d %v %s", r.status, r.header, r.raw)
	}
	if r := post(b); !r.OK {
		t.Errorf("another channel: %s", r.raw)
	}
	now = now.Add(time.Second)
	if r := post(a); !r.OK {
		t.Errorf("a second later: %s", r.raw)
	}
	for range 20 {
		ask(t, s, "conversations.list", s.BotToken, nil)
	}
	if r := ask(t, s, "conversations.list", s.BotToken, nil); r.status != 429 || r.header.Get("Retry-After") != "3" {
		t.Errorf("tier 2: %d %v", r.status, r.header)
	}
	if n := len(s.Posted()); n != 7 {
		t.Errorf("%d posts", n)
	}
	now = now.Add(3 * time.Second)
	_, _, err := client(s).GetConversationsContext(ctx(t), &slack.GetConversationsParameters{})
	if err != nil {
		t.Error(err)
	}
	var limited *slack.RateLimitedError
	s.Inject("conversations.list", 1, slacktest.Fault{RetryAfter: 30 * time.Second})
	if _, _, err := client(s).GetConversationsContext(ctx(t), &slack.GetConversationsParameters{}); !errors.As(err, &limited) || limited.RetryAfter != 30*time.Second {
		t.Error(err)
	}
}
