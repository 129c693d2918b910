package slack

import (
	"net/http/httptest"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"throughline/connectors/slack/slacktest"
)

// TestBlackOut: what was deleted and edited while nobody told us is found when the
// history is read again, in threads too, and once.
func TestBlackOut(t *testing.T) {
	var back time.Duration
	srv := startSlack(t, slacktest.Options{RetryDelays: []time.Duration{}, Now: func() time.Time { return time.Now().Add(-back) }})
	ann := srv.User(slacktest.Person{RealName: "Ann Example"})
	room := srv.Channel(slacktest.Room{Name: "help", Members: []*slacktest.User{ann}})
	dm := ann.DM()
	h := newHub()
	set := map[string]any{"history_days": 30}
	back = 5 * 24 * time.Hour
	old := say(t, ann, room, "old")
	oldRoot := say(t, ann, room, "old root")
	back = 0
	_, stop := start(t, connect(t, srv, srv.URL, set), h)
	h.awaitLive(t)
	kept := say(t, ann, room, "kept")
	gone := say(t, ann, room, "gone")
	root := say(t, ann, room, "root, gone with answers left")
	answer := say(t, ann, room, "answer", slacktest.Say{Thread: root})
	lastAnswer := say(t, ann, room, "last answer", slacktest.Say{Thread: root})
	lone := say(t, ann, room, "lone answer", slacktest.Say{Thread: oldRoot})
	direct := say(t, ann, dm, "direct")
	mended := say(t, ann, dm, "to be mended")
	all := []string{"old", "old root", "kept", "gone", "root, gone with answers left", "answer", "last answer", "lone answer", "direct", "to be mended"}
	h.awaitTexts(t, all...)
	ok(t, srv.WaitDelivered(t.Context()))
	stop()
	before := len(h.Changes())

	ok(t, ann.Delete(room, gone))
	ok(t, ann.Delete(room, root))
	ok(t, ann.Delete(room, lastAnswer))
	ok(t, ann.Delete(room, lone))
	ok(t, ann.Delete(dm, direct))
	ok(t, ann.Edit(room, answer, "answer, mended"))
	ok(t, ann.Edit(dm, mended, "mended"))
	ok(t, ann.Edit(room, old, "old, mended"))
	_, stop = start(t, connect(t, srv, srv.URL, set), h)
	h.awaitLive(t)
	stop()
	var deleted, edited []string
	for _, c := range h.Changes()[before:] {
		at, good := parseKey(c.Of)
		switch {
		case !good || c.Time.IsZero():
			t.Errorf("%+v", c)
		case c.Deleted:
			deleted = append(deleted, at.ts)
		case c.Edit != nil:
			edited = append(edited, c.Edit.Text)
		}
	}
	slices.Sort(deleted)
	slices.Sort(edited)
	if want := []string{gone, root, lastAnswer, lone, direct}; !slices.Equal(slices.Compact(deleted), slices.Sorted(slices.Values(want))) {
		t.Errorf("deleted %q, want %q", deleted, want)
	}
	if want := []string{"answer, mended", "mended", "old, mended"}; !slices.Equal(slices.Compact(edited), want) {
		t.Errorf("edited %q, want %q", edited, want)
	}
	if slices.Contains(deleted, kept) {
		t.Error("what is there counts as deleted")
	}
	// Nothing of it is asked for again, and nothing came twice.
	asked := len(srv.Calls("conversations.replies"))
	_, stop = start(t, connect(t, srv, srv.URL, set), h)
	h.awaitLive(t)
	stop()
	if n := len(srv.Calls("conversations.replies")) - asked; n > 3 {
		t.Errorf("%d threads were asked for again", n)
	}
	h.exactly(t, all...)
	noViolations(t, srv)
}

// TestLostEdits: edits that no event told are found by the next full look, however often
// new messages were looked for since, each once.
func TestLostEdits(t *testing.T) {
	var back time.Duration
	srv := startSlack(t, slacktest.Options{RetryDelays: []time.Duration{}, Now: func() time.Time { return time.Now().Add(-back) }})
	ann := srv.User(slacktest.Person{RealName: "Ann Example"})
	room, dm := srv.Channel(slacktest.Room{Name: "help", Members: []*slacktest.User{ann}}), ann.DM()
	h := newHub()
	r := &run{Connector: connect(t, srv, srv.URL, nil), in: h}
	ok(t, r.begin(t.Context()))
	back = 4 * time.Hour
	old := say(t, ann, dm, "deliver on Monday")
	back = 3 * time.Hour
	ok(t, r.catchUp(t.Context(), true))
	back = 150 * time.Minute
	root := say(t, ann, room, "ten, please")
	answer := say(t, ann, room, "or twelve", slacktest.Say{Thread: root})
	for _, back = range []time.Duration{2 * time.Hour, time.Hour} {
		ok(t, r.catchUp(t.Context(), false))
	}
	back = 30 * time.Minute
	ok(t, ann.Edit(dm, old, "deliver on Tuesday"))
	ok(t, ann.Edit(room, root, "a hundred, please"))
	ok(t, ann.Edit(room, answer, "or two hundred"))
	back = 0
	ok(t, r.catchUp(t.Context(), false))
	h.exactly(t, "deliver on Monday", "ten, please", "or twelve")
	if len(h.Changes()) > 0 {
		t.Fatalf("the scene is not set: %+v", h.Changes())
	}
	for range 2 {
		ok(t, r.catchUp(t.Context(), true))
	}
	var edited []string
	for _, c := range h.Changes() {
		edited = append(edited, c.Edit.Text)
	}
	slices.Sort(edited)
	if want := []string{"a hundred, please", "deliver on Tuesday", "or two hundred"}; !slices.Equal(edited, want) {
		t.Errorf("edited %q, want %q", edited, want)
	}
	noViolations(t, srv)
}

// TestEventsLeftOut: where Slack says that it left events out, old messages are looked
// through at once.
func TestEventsLeftOut(t *testing.T) {
	var back atomic.Int64
	srv := startSlack(t, slacktest.Options{Now: func() time.Time { return time.Now().Add(-time.Duration(back.Load())) }})
	ann := srv.User(slacktest.Person{RealName: "Ann Example"})
	dm := ann.DM()
	back.Store(int64(time.Hour))
	ts := say(t, ann, dm, "deliver on Monday")
	back.Store(0)
	h := newHub()
	c := connect(t, srv, srv.URL, map[string]any{"app_token": ""})
	start(t, c, h)
	h.awaitTexts(t, "deliver on Monday")
	h.awaitLive(t)
	web := httptest.NewServer(c.Webhook(h))
	t.Cleanup(web.Close)
	ok(t, srv.SubscribeURL(t.Context(), web.URL+routeEvents))
	srv.DropNext(1)
	ok(t, ann.Edit(dm, ts, "deliver on Tuesday"))
	srv.RateLimitEvents()
	h.Wait(t, "the edit", func() bool { return len(h.Changes()) > 0 })
	if ch := h.Changes()[0]; ch.Edit == nil || ch.Edit.Text != "deliver on Tuesday" {
		t.Errorf("%+v", ch)
	}
}
