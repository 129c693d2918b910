package slack

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"throughline/connectors"
	"throughline/connectors/slack/slacktest"
	"throughline/message"
)

func TestSend(t *testing.T) {
	srv := startSlack(t, slacktest.Options{})
	ann := srv.User(slacktest.Person{RealName: "Ann Example"})
	bob := srv.User(slacktest.Person{RealName: "Bob Example"})
	room := srv.Channel(slacktest.Room{Name: "help", Members: []*slacktest.User{ann, bob}})
	dm := ann.DM()
	root := say(t, ann, room, "question")
	reply := say(t, bob, room, "me too", slacktest.Say{Thread: root})
	direct := say(t, ann, dm, "hello")
	c := connect(t, srv, srv.URL, nil)
	team := srv.TeamID()
	in := func(ch *slacktest.Channel, ts string) string { return keyOf(team, ch.ID, ts) }
	mark := in(room, root) + threadMark
	for _, tt := range []struct {
		name            string
		m               message.Message
		channel, thread string
	}{
		{"to somebody new", out(bob, "hi"), bob.DM().ID, ""},
		{"a direct message", out(ann, "hi", in(dm, direct)), dm.ID, ""},
		{"a direct message that answers ours", out(ann, "hi", in(dm, direct), in(dm, "1700000000.000100")), dm.ID, ""},
		{"a thread of a direct message", out(ann, "hi", in(dm, direct)+threadMark, in(dm, direct), in(dm, direct)), dm.ID, direct},
		{"the root of a thread", out(ann, "hi", mark, in(room, root)), room.ID, root},
		{"an answer in a thread", out(bob, "hi", mark, in(room, root), in(room, reply)), room.ID, root},
		{"what was not sent yet", out(bob, "hi", mark, in(room, root), message.OwnRef(3, "x")), room.ID, root},
		{"another workspace's name", out(ann, "hi", "slack:TOTHER/C1/1700000000.000100"), dm.ID, ""},
		{"a direct message with somebody else", out(bob, "secret", in(dm, direct)), bob.DM().ID, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			before := len(srv.Posted())
			r, err := c.Send(t.Context(), tt.m)
			if err != nil {
				t.Fatal(err)
			}
			posts := srv.Posted()
			p := posts[len(posts)-1]
			if len(posts) != before+1 || p.Channel != tt.channel || p.ThreadTS != tt.thread || p.Text != tt.m.Text {
				t.Errorf("posted %+v, want in %s, thread %q", p, tt.channel, tt.thread)
			}
			if want := keyOf(team, tt.channel, p.TS); r.Ref != want {
				t.Errorf("ref %q, want %q", r.Ref, want)
			}
		})
	}
	noViolations(t, srv)
}

func TestSendErrors(t *testing.T) {
	srv := startSlack(t, slacktest.Options{})
	ann := srv.User(slacktest.Person{RealName: "Ann Example"})
	dm := ann.DM()
	room := srv.Channel(slacktest.Room{Name: "shut", Members: []*slacktest.User{ann}})
	asked := say(t, ann, room, "question")
	room.Archive()
	key := keyOf(srv.TeamID(), dm.ID, say(t, ann, dm, "hello"))
	one := out(ann, "hi", key)
	copies := one
	copies.Cc = copies.To
	mail := one
	mail.To = []message.Person{{Handle: "mailto:ann@example.com"}}
	empty := one
	empty.Text = "  "
	long := one
	long.Text = strings.Repeat("x", maxMarkup+1)
	for _, tt := range []struct {
		name  string
		m     message.Message
		fault *slacktest.Fault
		class connectors.Class
		says  string
	}{
		{"copies", copies, nil, connectors.Reject, "one person"},
		{"a mail address", mail, nil, connectors.Reject, "not an address"},
		{"nothing", empty, nil, connectors.Reject, "neither text nor a file"},
		{"too much", long, nil, connectors.Reject, "at most"},
		{"archived", out(ann, "hi", keyOf(srv.TeamID(), room.ID, asked)), nil, connectors.Reject, "archived"},
		{"msg_too_long", one, &slacktest.Fault{Error: "msg_too_long"}, connectors.Reject, "shorten"},
		{"restricted", one, &slacktest.Fault{Error: "restricted_action"}, connectors.Reject, "administrators"},
		{"an unknown code", one, &slacktest.Fault{Error: "the_moon_is_full"}, connectors.Reject, "the_moon_is_full"},
		{"invalid_auth", one, &slacktest.Fault{Error: "invalid_auth"}, connectors.AccountFault, "token"},
		{"missing_scope", one, &slacktest.Fault{Error: "missing_scope"}, connectors.AccountFault, "scope"},
		{"Slack's own trouble", one, &slacktest.Fault{Error: "internal_error"}, connectors.Unsure, "error of its own"},
		{"503", one, &slacktest.Fault{Status: 503}, connectors.Unsure, "not certain"},
		{"cut after", one, &slacktest.Fault{CutAfter: true}, connectors.Unsure, "not certain"},
		{"500 after", one, &slacktest.Fault{StatusLate: 500}, connectors.Unsure, "not certain"},
		{"429", one, &slacktest.Fault{RetryAfter: 17 * time.Second}, connectors.Retry, "slowly"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := connect(t, srv, srv.URL, nil)
			if tt.fault != nil {
				srv.Inject("chat.postMessage", 1, *tt.fault)
			}
			_, err := c.Send(t.Context(), tt.m)
			var se *connectors.SendError
			if !errors.As(err, &se) || se.Class != tt.class || !strings.Contains(se.Reason, tt.says) {
				t.Fatalf("%#v (%v), want class %d saying %q", err, err, tt.class, tt.says)
			}
			if tt.fault != nil && tt.fault.RetryAfter > 0 {
				if se.After != tt.fault.RetryAfter {
					t.Errorf("after %v", se.After)
				}
				n := len(srv.Calls("chat.postMessage"))
				if _, err := c.Send(t.Context(), tt.m); connectors.ClassOf(err) != connectors.Retry || len(srv.Calls("chat.postMessage")) != n {
					t.Errorf("Slack asked to wait, and was asked again: %v", err)
				}
			}
			for _, s := range []string{srv.BotToken, srv.AppToken} {
				if strings.Contains(err.Error()+se.Reason, s) {
					t.Error("a secret is shown")
				}
			}
		})
	}
	// What fails before anything is posted may be tried again.
	c := connect(t, srv, srv.URL, nil)
	srv.Inject("conversations.open", 1, slacktest.Fault{CutAfter: true})
	if _, err := c.Send(t.Context(), out(ann, "hi")); connectors.ClassOf(err) != connectors.Retry {
		t.Errorf("a direct message that could not be opened: %v", err)
	}
}

// TestSendLimits: what Slack wants left alone for a while is not asked for by the messages
// that follow, nor anything that would be of no use without it.
func TestSendLimits(t *testing.T) {
	for _, method := range []string{"conversations.open", "chat.postMessage", "files.getUploadURLExternal", "upload", "files.completeUploadExternal"} {
		t.Run(method, func(t *testing.T) {
			srv := startSlack(t, slacktest.Options{})
			ann, bob := srv.User(slacktest.Person{RealName: "Ann Example"}), srv.User(slacktest.Person{RealName: "Bob Example"})
			c := connect(t, srv, srv.URL, nil)
			write := func(to *slacktest.User) error {
				m := out(to, "hi")
				if method == "upload" || strings.HasPrefix(method, "files") {
					m.Parts = []message.Part{{Name: "a.txt", ContentType: "text/plain", Size: 3, Content: message.Bytes("abc")}}
				}
				_, err := c.Send(t.Context(), m)
				return err
			}
			srv.Inject(method, 1, slacktest.Fault{RetryAfter: 30 * time.Second})
			var se *connectors.SendError
			if err := write(ann); !errors.As(err, &se) || se.Class != connectors.Retry || se.After != 30*time.Second || !strings.Contains(se.Reason, "slowly") {
				t.Fatalf("%#v (%v)", err, err)
			}
			asked := len(srv.Calls(""))
			if err := write(bob); !errors.As(err, &se) || se.Class != connectors.Retry || se.After <= 0 || se.After > 30*time.Second || !strings.Contains(se.Reason, "slowly") {
				t.Errorf("the next one: %#v (%v)", err, err)
			}
			if calls := srv.Calls("")[asked:]; len(calls) > 0 {
				t.Errorf("Slack asked to wait, and was asked %+v", calls)
			}
			clear(c.api.until) // the time is over
			ok(t, write(ann))
			ok(t, write(bob))
			if n := len(srv.Posted()); n != 2 {
				t.Errorf("%d posts", n)
			}
			noViolations(t, srv)
		})
	}
}

// TestFind: an attempt whose answer was lost is found and not taken for another.
func TestFind(t *testing.T) {
	srv := startSlack(t, slacktest.Options{})
	ann := srv.User(slacktest.Person{RealName: "Ann Example"})
	room := srv.Channel(slacktest.Room{Name: "help", Members: []*slacktest.User{ann}})
	root := say(t, ann, room, "question")
	mark := keyOf(srv.TeamID(), room.ID, root) + threadMark
	nothing := func(string) bool { return false }
	files := []message.Part{{Name: "a.txt", ContentType: "text/plain", Size: 3, Content: message.Bytes("abc")}}
	for _, tt := range []struct {
		name string
		m    message.Message
		call string
	}{
		{"direct", out(ann, "ok"), "chat.postMessage"},
		{"in a thread", out(ann, "ok", mark, strings.TrimSuffix(mark, threadMark)), "chat.postMessage"},
		{"with a file", out(ann, "look", mark, strings.TrimSuffix(mark, threadMark)), "files.completeUploadExternal"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := connect(t, srv, srv.URL, nil)
			if strings.HasPrefix(tt.call, "files") {
				tt.m.Parts, tt.m.ID = files, 70
			}
			since := time.Now()
			other := tt.m
			other.ID++ // the same words in another message
			if len(other.Parts) > 0 {
				other.Text = "look here"
			}
			if _, err := c.Send(t.Context(), other); err != nil {
				t.Fatal(err)
			}
			if _, err := c.Find(t.Context(), tt.m, since, nothing); !errors.Is(err, connectors.ErrNotFound) {
				t.Errorf("found another message: %v", err)
			}
			srv.Inject(tt.call, 1, slacktest.Fault{CutAfter: true})
			if _, err := c.Send(t.Context(), tt.m); connectors.ClassOf(err) != connectors.Unsure {
				t.Fatalf("a lost answer: %v", err)
			}
			posts := srv.Posted()
			p := posts[len(posts)-1]
			r, err := c.Find(t.Context(), tt.m, since, nothing)
			if want := keyOf(srv.TeamID(), p.Channel, p.TS); err != nil || r.Ref != want {
				t.Errorf("found %+v, %v; want %s", r, err, want)
			}
			if _, err := c.Find(t.Context(), tt.m, since, func(string) bool { return true }); !errors.Is(err, connectors.ErrNotFound) {
				t.Errorf("found what is taken: %v", err)
			}
		})
	}
	noViolations(t, srv)
}

// TestFindByAnotherClock: a post whose answer was lost is found though our clock is far
// ahead of Slack's, or was when it was made, and a notice is not posted again.
func TestFindByAnotherClock(t *testing.T) {
	for _, tt := range []struct {
		name        string
		ahead, then time.Duration // of our clock before Slack's: all the time, or only when it was posted
	}{{"wrong", 3 * time.Hour, 0}, {"set right meanwhile", 0, 10 * time.Minute}} {
		t.Run(tt.name, func(t *testing.T) {
			srv := startSlack(t, slacktest.Options{Now: func() time.Time { return time.Now().Add(-tt.ahead) }})
			ann := srv.User(slacktest.Person{RealName: "Ann Example"})
			room := srv.Channel(slacktest.Room{Name: "ours"})
			c := connect(t, srv, srv.URL, map[string]any{"notice_channels": []string{room.ID}})
			since, m := time.Now().Add(tt.then), out(ann, "hi")
			srv.Inject("chat.postMessage", 2, slacktest.Fault{CutAfter: true})
			if _, err := c.Send(t.Context(), m); connectors.ClassOf(err) != connectors.Unsure {
				t.Fatalf("a lost answer: %v", err)
			}
			p := srv.Posted()[0]
			r, err := c.Find(t.Context(), m, since, func(string) bool { return false })
			if want := keyOf(srv.TeamID(), p.Channel, p.TS); err != nil || r.Ref != want {
				t.Errorf("found %+v, %v; want %s", r, err, want)
			}
			n := connectors.Notice{Key: "k", Title: "Somebody waits"}
			if _, err := c.PostNotice(t.Context(), room.ID, n, time.Time{}); connectors.ClassOf(err) != connectors.Unsure {
				t.Fatalf("a lost answer: %v", err)
			}
			p = srv.Posted()[1]
			ref, err := c.PostNotice(t.Context(), room.ID, n, since)
			if want := keyOf(srv.TeamID(), room.ID, p.TS); err != nil || ref != want || len(srv.Posted()) != 2 {
				t.Errorf("the notice is %q, %v, want %s; %d posts", ref, err, want, len(srv.Posted()))
			}
			noViolations(t, srv)
		})
	}
}

// TestFindAmongFiles: a post that another message has by its file is not taken for one with
// the same words and files.
func TestFindAmongFiles(t *testing.T) {
	srv := startSlack(t, slacktest.Options{})
	ann := srv.User(slacktest.Person{RealName: "Ann Example"})
	c := connect(t, srv, srv.URL, nil)
	c.limits.appear = nil // Slack does not tell in time which message it became
	m := out(ann, "look")
	m.Parts = []message.Part{{Name: "a.txt", ContentType: "text/plain", Size: 3, Content: message.Bytes("abc")}}
	first, err := c.Send(t.Context(), m)
	ok(t, err)
	m.ID++
	srv.Inject("files.completeUploadExternal", 1, slacktest.Fault{CutBefore: true})
	if _, err := c.Send(t.Context(), m); connectors.ClassOf(err) != connectors.Unsure {
		t.Fatalf("a lost answer: %v", err)
	}
	taken := func(ref string) bool { return ref == first.Ref }
	if r, err := c.Find(t.Context(), m, time.Now(), taken); !errors.Is(err, connectors.ErrNotFound) {
		t.Errorf("found %+v, %v, which is the first one", r, err)
	}
}

func TestSendFiles(t *testing.T) {
	srv := startSlack(t, slacktest.Options{})
	ann := srv.User(slacktest.Person{RealName: "Ann Example"})
	c := connect(t, srv, srv.URL, nil)
	big := strings.Repeat("0123456789", 100_000)
	m := out(ann, "two files & a word")
	m.Parts = []message.Part{
		{Name: "../../note.txt", ContentType: "text/plain", Size: 5, Content: message.Bytes("hello")},
		{Name: "big.bin", ContentType: "application/octet-stream", Size: int64(len(big)), Content: message.Bytes(big)},
	}
	r, err := c.Send(t.Context(), m)
	ok(t, err)
	p := srv.Posted()[0]
	if len(p.Files) != 2 || p.Files[0].Name != "note.txt" || string(p.Files[0].Content) != "hello" || string(p.Files[1].Content) != big {
		t.Errorf("%+v", p)
	}
	if p.Text != "two files &amp; a word" || r.Ref != keyOf(srv.TeamID(), p.Channel, p.TS) {
		t.Errorf("%q, %+v", p.Text, r)
	}
	m.Parts = []message.Part{{Name: "empty.txt", ContentType: "text/plain", Content: message.Bytes("")}}
	if _, err := c.Send(t.Context(), m); connectors.ClassOf(err) != connectors.Reject {
		t.Errorf("an empty file: %v", err)
	}
	srv.Inject("upload", 1, slacktest.Fault{CutBefore: true})
	m.Parts = []message.Part{{Name: "a.txt", ContentType: "text/plain", Size: 1, Content: message.Bytes("a")}}
	if _, err := c.Send(t.Context(), m); connectors.ClassOf(err) != connectors.Retry {
		t.Errorf("bytes that did not arrive: %v", err)
	}
	if n := len(srv.Posted()); n != 1 {
		t.Errorf("%d posts", n)
	}
	noViolations(t, srv)
}

func TestInfo(t *testing.T) {
	srv := startSlack(t, slacktest.Options{})
	info := connect(t, srv, srv.URL, map[string]any{"name": "Help", "acknowledge": "Thanks."}).Info()
	if info.Channel != Channel || info.Account != "chat" || info.Own.Name != "Help" || info.Idempotent || !info.Writing.Rich ||
		!info.Writing.Chat || info.Writing.Letter || info.Writing.Text != maxText || info.Acknowledge != "Thanks." {
		t.Errorf("%+v", info)
	}
}

func TestTest(t *testing.T) {
	srv := startSlack(t, slacktest.Options{})
	room := srv.Channel(slacktest.Room{Name: "help"})
	good := connect(t, srv, srv.URL, map[string]any{"take": "listed", "channels": []string{"#help", room.ID}})
	steps := good.Test(t.Context())
	if slices.ContainsFunc(steps, func(s connectors.Step) bool { return !s.OK }) || len(steps) != 4 {
		t.Errorf("%+v", steps)
	}
	for _, tt := range []struct {
		name string
		set  map[string]any
		do   func()
		says string
	}{
		{"a channel we are not in", map[string]any{"take": "listed", "channels": "other"}, func() {}, "other"},
		{"a wrong app token", map[string]any{"app_token": "xapp-wrong-token"}, func() {}, "token"},
		{"a wrong bot token", map[string]any{"bot_token": "xoxb-wrong-token"}, func() {}, "token"},
		{"socket mode off", nil, func() { srv.Disconnect("link_disabled") }, "Socket Mode"},
		{"too few scopes", nil, func() { srv.SetScopes("chat:write", "users:read") }, "im:history"},
		{"gone", nil, func() { srv.Uninstall() }, "install"},
	} {
		tt.do()
		steps := connect(t, srv, srv.URL, tt.set).Test(t.Context())
		if last := steps[len(steps)-1]; last.OK || !strings.Contains(last.Error, tt.says) {
			t.Errorf("%s: %+v", tt.name, steps)
		}
	}
}
