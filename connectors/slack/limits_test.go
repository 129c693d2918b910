package slack

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"throughline/connectors"
	"throughline/connectors/slack/slacktest"
	"throughline/message"
)

// TestRateLimits reads many channels and old threads of a Slack that keeps to its
// limits, with minutes of a second.
func TestRateLimits(t *testing.T) {
	srv, err := slacktest.Start(slacktest.Options{Minute: 300 * time.Millisecond, RetryDelays: []time.Duration{}, HistoryFromOldest: true})
	ok(t, err)
	t.Cleanup(srv.Close)
	ann := srv.User(slacktest.Person{RealName: "Ann Example"})
	var want []string
	for i := range 70 {
		room := srv.Channel(slacktest.Room{Name: fmt.Sprintf("room-%d", i), Members: []*slacktest.User{ann}})
		want = append(want, fmt.Sprintf("message %d", i))
		say(t, ann, room, want[i])
	}
	ok(t, srv.WaitDelivered(t.Context())) // to nobody
	h := newHub()
	c := connect(t, srv, srv.URL, nil)
	srv.Inject("conversations.history", 1, slacktest.Fault{RetryAfter: noticeable})
	start(t, c, h)
	h.awaitTexts(t, want...)
	h.awaitLive(t)
	h.exactly(t, want...)
	if !slices.ContainsFunc(h.States(), func(s connectors.State) bool {
		return s.Phase == connectors.CatchingUp && strings.Contains(s.Detail, "slowly")
	}) {
		t.Errorf("nobody was told of the wait: %+v", h.States())
	}
	var refused, next time.Time
	for _, call := range srv.Calls("conversations.history") {
		switch {
		case refused.IsZero() && call.Error == "HTTP 429":
			refused = call.At
		case !refused.IsZero() && next.IsZero():
			next = call.At
		}
	}
	if next.Sub(refused) < noticeable {
		t.Errorf("asked again after %v", next.Sub(refused))
	}
	noViolations(t, srv)
}

// TestLongHistory reads more than one page, however Slack orders them.
func TestLongHistory(t *testing.T) {
	for _, oldest := range []bool{false, true} {
		srv := startSlack(t, slacktest.Options{HistoryFromOldest: oldest, RetryDelays: []time.Duration{}})
		ann := srv.User(slacktest.Person{RealName: "Ann Example"})
		room := srv.Channel(slacktest.Room{Name: "help", Members: []*slacktest.User{ann}})
		root := say(t, ann, room, "0")
		want := []string{"0"}
		for i := 1; i < 3*pageSize; i++ {
			s := fmt.Sprint(i)
			want = append(want, s)
			if i%2 == 0 {
				say(t, ann, room, s, slacktest.Say{Thread: root})
			} else {
				say(t, ann, room, s)
			}
		}
		ok(t, srv.WaitDelivered(t.Context())) // to nobody
		h := newHub()
		_, stop := start(t, connect(t, srv, srv.URL, nil), h)
		h.awaitTexts(t, want...)
		h.awaitLive(t)
		stop()
		if got := h.Texts(); !slices.Equal(got, want) {
			t.Errorf("came in another order: %q", got)
		}
		h.exactly(t, want...)
		_, stop = start(t, connect(t, srv, srv.URL, nil), h)
		h.awaitLive(t)
		stop()
		h.exactly(t, want...)
	}
}

// TestCutHistory: a history and a thread that are longer than one look reads are read in
// smaller pieces, to the oldest message.
func TestCutHistory(t *testing.T) {
	for _, oldest := range []bool{false, true} {
		var back time.Duration
		srv := startSlack(t, slacktest.Options{HistoryFromOldest: oldest, RetryDelays: []time.Duration{}, Now: func() time.Time { return time.Now().Add(-back) }})
		ann := srv.User(slacktest.Person{RealName: "Ann Example"})
		room := srv.Channel(slacktest.Room{Name: "help", Members: []*slacktest.User{ann}})
		var want []string
		var root, key string
		for i := range 70 {
			back = time.Duration(9*24-3*i) * time.Hour
			s := fmt.Sprint(i)
			want = append(want, s)
			if i%2 == 1 {
				say(t, ann, room, s, slacktest.Say{Thread: root})
			} else if ts := say(t, ann, room, s); root == "" {
				root, key = ts, keyOf(srv.TeamID(), room.ID, ts)
			}
		}
		back = 0
		ok(t, srv.WaitDelivered(t.Context())) // to nobody
		h := newHub()
		c := connect(t, srv, srv.URL, map[string]any{"history_days": 30})
		c.limits.page, c.limits.pages = 10, 2
		_, stop := start(t, c, h)
		h.awaitTexts(t, want...)
		h.awaitLive(t)
		var all []string
		ok(t, c.Inventory(t.Context(), func(i connectors.Item) error { all = append(all, i.Source); return nil }))
		stop()
		slices.Sort(all)
		if n := len(slices.Compact(all)); n != len(want) || len(all) != n || !slices.Contains(all, key) {
			t.Errorf("an audit lists %d of %d", n, len(want))
		}
		h.exactly(t, want...)
		if len(h.Changes()) != 0 {
			t.Errorf("%+v", h.Changes())
		}
		noViolations(t, srv)
	}
}

// TestOldHistory reads a year in several pieces, with answers that came much later.
func TestOldHistory(t *testing.T) {
	const day = 24 * time.Hour
	var back time.Duration
	srv := startSlack(t, slacktest.Options{RetryDelays: []time.Duration{}, Now: func() time.Time { return time.Now().Add(-back) }})
	ann := srv.User(slacktest.Person{RealName: "Ann Example"})
	room := srv.Channel(slacktest.Room{Name: "help", Members: []*slacktest.User{ann}})
	var root string
	var want []string
	for i, days := range []time.Duration{400, 300, 200, 110, 100, 3, 1} {
		back = days * day
		text := fmt.Sprint(i)
		if ts := say(t, ann, room, text); i == 1 {
			root = ts
		}
		if days < 365 {
			want = append(want, text)
		}
	}
	back = 50 * day
	say(t, ann, room, "late answer", slacktest.Say{Thread: root})
	back = 0
	want = append(want, "late answer")
	ok(t, srv.WaitDelivered(t.Context()))
	h := newHub()
	set := map[string]any{"history_days": 365}
	_, stop := start(t, connect(t, srv, srv.URL, set), h)
	h.awaitTexts(t, want...)
	h.awaitLive(t)
	stop()
	_, stop = start(t, connect(t, srv, srv.URL, set), h)
	h.awaitLive(t)
	stop()
	h.exactly(t, want...)
	if n := len(srv.Calls("conversations.history")); n < 5 {
		t.Errorf("a year was read in %d pieces", n)
	}
}

// TestManySeen: the cursor does not grow with what comes.
func TestManySeen(t *testing.T) {
	srv := startSlack(t, slacktest.Options{})
	ann := srv.User(slacktest.Person{RealName: "Ann Example"})
	dm := ann.DM()
	h := newHub()
	c := connect(t, srv, srv.URL, nil)
	c.limits.overlap = 0
	start(t, c, h)
	h.awaitLive(t)
	for i := range 2 * maxSeen {
		say(t, ann, dm, fmt.Sprint(i))
	}
	h.Wait(t, "all", func() bool { return len(h.Texts()) == 2*maxSeen })
	h.Wait(t, "a small cursor", func() bool {
		b, err := h.Cursor(t.Context())
		return err == nil && len(b) < 25*maxSeen
	})
}

func TestCursor(t *testing.T) {
	if c, err := readCursor(nil); c != nil || err != nil {
		t.Errorf("%+v, %v", c, err)
	}
	for _, bad := range []string{"{", "[]", `{"v":2}`, `{}`} {
		if _, err := readCursor([]byte(bad)); err == nil {
			t.Errorf("%s was read", bad)
		}
	}
	c, err := readCursor([]byte(`{"v":1,"team":"T1","begin":"1700000000.000000"}`))
	ok(t, err)
	old := "1600000000.000100"
	for i := range maxThreads + 5 {
		c.note(mark{"C1", fmt.Sprintf("17000%05d.000100", i), fmt.Sprintf("16000%05d.000100", i)}, c.Begin, time.Hour)
	}
	if len(c.Threads) != maxThreads || c.Threads["C1/"+old] != "" {
		t.Errorf("%d threads", len(c.Threads))
	}
	for i := range maxLate + 5 {
		c.addLate(lateItem{Room: "C1", TS: fmt.Sprint(i)})
		c.addLate(lateItem{Room: "C1", TS: fmt.Sprint(i)})
	}
	if len(c.Late) != maxLate {
		t.Errorf("%d late", len(c.Late))
	}
	p := &progress{Checked: "1700000000.000000"}
	for _, ts := range []string{"1700000100.000000", "1700000050.000000", "1700000050.000000", "1699999990.000000"} {
		p.see(ts)
	}
	p.advance("1700000100.000000", time.Minute)
	if !slices.Equal(p.Seen, []string{"1700000050.000000", "1700000100.000000"}) || !p.saw("1700000050.000000") || p.saw("1700000051.000000") {
		t.Errorf("%+v", p)
	}
	p.advance("1600000000.000000", time.Minute)
	if p.Checked != "1700000100.000000" {
		t.Error("went back")
	}
}

// TestOtherWorkspace: a token of another workspace does not read on.
func TestOtherWorkspace(t *testing.T) {
	srv := startSlack(t, slacktest.Options{})
	h := newHub()
	h.SetCursor([]byte(`{"v":1,"team":"TELSEWHERE","begin":"1700000000.000000"}`))
	start(t, connect(t, srv, srv.URL, nil), h)
	h.Wait(t, "the block", func() bool { return h.Last().Phase == connectors.Blocked })
	if d := h.Last().Detail; !strings.Contains(d, "another workspace") {
		t.Error(d)
	}
}

// TestTake: which rooms, and who is a customer.
func TestTake(t *testing.T) {
	srv := startSlack(t, slacktest.Options{RetryDelays: []time.Duration{}})
	other := srv.Team("Customer", "customer")
	ann := srv.User(slacktest.Person{RealName: "Ann Example", Team: other})
	bob := srv.User(slacktest.Person{RealName: "Bob Example"})
	gus := srv.User(slacktest.Person{RealName: "Gus Example", Guest: true})
	help := srv.Channel(slacktest.Room{Name: "help", Members: []*slacktest.User{ann, bob, gus}, Shared: []*slacktest.Team{other}})
	chat := srv.Channel(slacktest.Room{Name: "chat", Private: true, Members: []*slacktest.User{bob}})
	fill := func() {
		root := say(t, ann, help, "ann asks")
		say(t, bob, help, "bob answers", slacktest.Say{Thread: root})
		own := say(t, bob, help, "bob talks")
		say(t, bob, help, "bob goes on", slacktest.Say{Thread: own})
		say(t, gus, help, "gus asks")
		say(t, bob, chat, "bob chats")
		say(t, bob, bob.DM(), "bob writes")
	}
	for _, tt := range []struct {
		set  map[string]any
		want []string
	}{
		{nil, []string{"ann asks", "bob answers", "bob talks", "bob goes on", "gus asks", "bob chats", "bob writes"}},
		{map[string]any{"take": "direct"}, []string{"bob writes"}},
		{map[string]any{"take": "listed", "channels": []string{"#chat"}}, []string{"bob chats", "bob writes"}},
		{map[string]any{"take": "listed", "channels": []string{help.ID}}, []string{"ann asks", "bob answers", "bob talks", "bob goes on", "gus asks", "bob writes"}},
		{map[string]any{"customers": "external"}, []string{"ann asks", "bob answers", "gus asks"}},
	} {
		check := func(h *hub, how string) {
			got := h.Texts()
			want := slices.Clone(tt.want)
			slices.Sort(got)
			slices.Sort(want)
			if !slices.Equal(slices.Compact(got), want) {
				t.Errorf("%v, %s: %q, want %q", tt.set, how, got, want)
			}
			for _, m := range h.Messages() {
				answered := tt.set["customers"] == "external" && m.Text == "bob answers"
				if (m.Direction == message.Out) != answered || answered && (len(m.To) != 1 || m.To[0].Handle != handleOf(ann.TeamID(), ann.ID)) {
					t.Errorf("%v, %s: %+v", tt.set, how, m)
				}
			}
		}
		h := newHub()
		_, stop := start(t, connect(t, srv, srv.URL, tt.set), h)
		h.awaitLive(t)
		fill()
		ok(t, srv.WaitDelivered(t.Context()))
		stop()
		check(h, "live")
		h = newHub()
		_, stop = start(t, connect(t, srv, srv.URL, tt.set), h)
		h.awaitLive(t)
		stop()
		check(h, "from the history")
	}
}

// TestGuestNotLost: while it cannot be told whether somebody is a customer, what he
// wrote is not passed over.
func TestGuestNotLost(t *testing.T) {
	srv := startSlack(t, slacktest.Options{})
	gus := srv.User(slacktest.Person{RealName: "Gus Example", Guest: true})
	room := srv.Channel(slacktest.Room{Name: "help", Members: []*slacktest.User{gus}})
	h := newHub()
	sup, _ := start(t, connect(t, srv, srv.URL, map[string]any{"customers": "external"}), h)
	h.awaitLive(t)
	srv.Inject("users.info", -1, slacktest.Fault{Status: 503})
	say(t, gus, room, "hello?")
	h.Wait(t, "the retry", func() bool { return h.Last().Phase == connectors.Retrying })
	srv.ClearFaults()
	sup.Kick()
	h.awaitTexts(t, "hello?")
}
