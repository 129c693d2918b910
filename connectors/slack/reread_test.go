package slack

import (
	"slices"
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
