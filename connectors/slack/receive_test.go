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

func TestDirectMessage(t *testing.T) {
	srv := startSlack(t, slacktest.Options{})
	ann := srv.User(slacktest.Person{RealName: "Ann Example", Email: "ann@example.com"})
	h := newHub()
	c := connect(t, srv, srv.URL, nil)
	start(t, c, h)
	h.awaitLive(t)
	dm := ann.DM()
	first := say(t, ann, dm, "hello")
	say(t, ann, dm, "in a thread", slacktest.Say{Thread: first})
	h.awaitTexts(t, "hello", "in a thread")
	m := h.byText(t, "hello")
	key := "slack:" + srv.TeamID() + "/" + dm.ID + "/" + first
	if m.Key != key || m.Ref != key || m.Source != key || !m.Chat || !m.Member || len(m.Refs) != 0 || m.Direction != message.In || m.Subject != "" {
		t.Errorf("%+v", m)
	}
	if m.From.Name != "Ann Example" || string(m.From.Handle) != "slack:"+srv.TeamID()+"/"+ann.ID || !slices.Equal(m.From.Hints, []message.Handle{"mailto:ann@example.com"}) {
		t.Errorf("from %+v", m.From)
	}
	if !m.Time.Equal(slacktest.Time(first).UTC()) {
		t.Errorf("time %v, want %v", m.Time, slacktest.Time(first))
	}
	r := h.byText(t, "in a thread")
	if !slices.Equal(r.Refs, []string{key, key + threadMark}) || !r.Chat {
		t.Errorf("the answer refers to %q", r.Refs)
	}
	noViolations(t, srv)
}

func TestChannelThread(t *testing.T) {
	srv := startSlack(t, slacktest.Options{})
	other := srv.Team("Customer", "customer")
	ann := srv.User(slacktest.Person{RealName: "Ann Example", Team: other, Email: "ann@example.net"})
	bob := srv.User(slacktest.Person{RealName: "Bob Example"})
	room := srv.Channel(slacktest.Room{Name: "help", Members: []*slacktest.User{ann, bob}, Shared: []*slacktest.Team{other}})
	h := newHub()
	start(t, connect(t, srv, srv.URL, nil), h)
	h.awaitLive(t)
	root := say(t, ann, room, "it is broken, <@"+bob.ID+">")
	say(t, bob, room, "mine too", slacktest.Say{Thread: root})
	h.awaitTexts(t, "it is broken, @Bob Example", "mine too")
	m := h.byText(t, "it is broken, @Bob Example")
	if m.Chat || !m.Member || m.Subject != "#help" || !slices.Equal(m.Refs, []string{m.Key + threadMark}) {
		t.Errorf("%+v", m)
	}
	if want := "slack:" + ann.TeamID() + "/" + ann.ID; string(m.From.Handle) != want || m.From.Name != "Ann Example" || len(m.From.Hints) != 0 {
		t.Errorf("from %+v, want %s", m.From, want)
	}
	if r := h.byText(t, "mine too"); !slices.Equal(r.Refs, []string{m.Key, m.Key + threadMark}) || r.Chat {
		t.Errorf("%+v", r)
	}
	noViolations(t, srv)
}

// TestGap: what was written while we were away comes exactly once, threads of
// before included.
func TestGap(t *testing.T) {
	srv := startSlack(t, slacktest.Options{RetryDelays: []time.Duration{}})
	ann := srv.User(slacktest.Person{RealName: "Ann Example"})
	room := srv.Channel(slacktest.Room{Name: "help", Members: []*slacktest.User{ann}})
	dm := ann.DM()
	h := newHub()
	_, stop := start(t, connect(t, srv, srv.URL, nil), h)
	h.awaitLive(t)
	root := say(t, ann, room, "one")
	say(t, ann, dm, "two")
	h.awaitTexts(t, "one", "two")
	stop()

	later := say(t, ann, room, "three")
	say(t, ann, room, "four, in the old thread", slacktest.Say{Thread: root})
	say(t, ann, room, "five, for all", slacktest.Say{Thread: root, Broadcast: true})
	say(t, ann, room, "six, in the new thread", slacktest.Say{Thread: later})
	say(t, ann, dm, "seven")
	ok(t, ann.React(room, later, "tada"))
	ok(t, ann.Edit(room, root, "one, mended"))
	late := srv.User(slacktest.Person{RealName: "Late Example"})
	say(t, late, late.DM(), "eight, in a new direct message")

	want := []string{"one", "two", "three", "four, in the old thread", "five, for all", "six, in the new thread", "seven", "eight, in a new direct message"}
	_, stop = start(t, connect(t, srv, srv.URL, nil), h)
	h.awaitTexts(t, want...)
	h.awaitLive(t)
	stop()
	_, stop = start(t, connect(t, srv, srv.URL, nil), h)
	h.awaitLive(t)
	stop()
	h.exactly(t, want...)
	var edited, reacted bool
	for _, ch := range h.Changes() {
		edited = edited || ch.Edit != nil && ch.Edit.Text == "one, mended"
		reacted = reacted || ch.Reaction != nil && ch.Reaction.Emoji == "🎉" && strings.HasSuffix(ch.Of, later)
	}
	if !edited || !reacted {
		t.Errorf("edited %v, reacted %v: %+v", edited, reacted, h.Changes())
	}
}

// TestLostEvents: events that Slack gives up are found without a restart.
func TestLostEvents(t *testing.T) {
	srv := startSlack(t, slacktest.Options{})
	ann := srv.User(slacktest.Person{RealName: "Ann Example"})
	dm := ann.DM()
	h := newHub()
	c := connect(t, srv, srv.URL, nil)
	c.set.poll = 20 * time.Millisecond
	start(t, c, h)
	h.awaitLive(t)
	srv.DropNext(2)
	say(t, ann, dm, "lost")
	say(t, ann, dm, "lost too")
	say(t, ann, dm, "came")
	h.awaitTexts(t, "lost", "lost too", "came")
	h.exactly(t, "lost", "lost too", "came")
}

func TestDuplicatesAndOrder(t *testing.T) {
	srv := startSlack(t, slacktest.Options{})
	ann := srv.User(slacktest.Person{RealName: "Ann Example"})
	dm := ann.DM()
	h := newHub()
	start(t, connect(t, srv, srv.URL, nil), h)
	h.awaitLive(t)
	srv.DuplicateNext(2)
	say(t, ann, dm, "twice")
	say(t, ann, dm, "twice too")
	srv.Hold()
	ts := say(t, ann, dm, "first")
	ok(t, ann.Edit(dm, ts, "first, mended"))
	ok(t, ann.React(dm, ts, "+1"))
	ok(t, ann.Unreact(dm, ts, "+1"))
	say(t, ann, dm, "second")
	srv.Release(true)
	ok(t, srv.WaitDelivered(t.Context()))
	h.awaitTexts(t, "twice", "twice too", "second")
	if h.Offered() != 4 {
		t.Errorf("%d offers, want 4", h.Offered())
	}
	// The event of the edited message has the words it was written with.
	h.awaitTexts(t, "first")
	var kinds []string
	for _, ch := range h.Changes() {
		switch {
		case ch.Edit != nil && ch.Edit.Text == "first, mended":
			kinds = append(kinds, "edit")
		case ch.Reaction != nil && ch.Reaction.Gone:
			kinds = append(kinds, "gone")
		case ch.Reaction != nil:
			kinds = append(kinds, "👍"+string(ch.Reaction.By.Handle))
		}
		if !strings.HasSuffix(ch.Of, ts) || ch.Time.IsZero() {
			t.Errorf("%+v", ch)
		}
	}
	if want := []string{"gone", "👍slack:" + srv.TeamID() + "/" + ann.ID, "edit"}; !slices.Equal(kinds, want) {
		t.Errorf("changes %q, want %q", kinds, want)
	}
}

func TestDeleted(t *testing.T) {
	srv := startSlack(t, slacktest.Options{})
	ann := srv.User(slacktest.Person{RealName: "Ann Example"})
	room := srv.Channel(slacktest.Room{Name: "help", Members: []*slacktest.User{ann}})
	h := newHub()
	start(t, connect(t, srv, srv.URL, nil), h)
	h.awaitLive(t)
	ts := say(t, ann, room, "oops")
	ok(t, srv.Unfurl(room, ts, "A page", "https://www.example.com/"))
	ok(t, ann.Delete(room, ts))
	h.Wait(t, "the deletion", func() bool { return len(h.Changes()) > 0 })
	if ch := h.Changes(); len(ch) != 1 || !ch[0].Deleted || !strings.HasSuffix(ch[0].Of, ts) {
		t.Errorf("%+v", ch)
	}
}

// TestNotCustomers: bots, our own echo and Slack's notes are not taken in.
func TestNotCustomers(t *testing.T) {
	srv := startSlack(t, slacktest.Options{})
	ann := srv.User(slacktest.Person{RealName: "Ann Example"})
	bot := srv.User(slacktest.Person{RealName: "Robot", Bot: true})
	room := srv.Channel(slacktest.Room{Name: "help", Members: []*slacktest.User{ann, bot}})
	h := newHub()
	c := connect(t, srv, srv.URL, nil)
	_, stop := start(t, c, h)
	h.awaitLive(t)
	say(t, bot, room, "beep")
	say(t, bot, room, "boop", slacktest.Say{Subtype: "bot_message"})
	root := say(t, ann, room, "question")
	_, err := c.Send(t.Context(), out(ann, "answer", keyOf(srv.TeamID(), room.ID, root)+threadMark, keyOf(srv.TeamID(), room.ID, root)))
	ok(t, err)
	room.Add(srv.User(slacktest.Person{RealName: "Cid Example"}))
	room.Rename("support")
	say(t, ann, room, "shrug", slacktest.Say{Subtype: "me_message"})
	ok(t, srv.WaitDelivered(t.Context()))
	h.awaitTexts(t, "question", "shrug")
	stop()
	// Nor does a history bring them.
	other := newHub()
	_, stop = start(t, connect(t, srv, srv.URL, nil), other)
	other.awaitLive(t)
	stop()
	h.exactly(t, "question", "shrug")
	other.exactly(t, "question", "shrug")
	if len(h.Held())+len(other.Held()) > 0 {
		t.Errorf("held %+v %+v", h.Held(), other.Held())
	}
	if m := h.byText(t, "shrug"); m.Subject != "#support" {
		t.Errorf("subject %q after the renaming", m.Subject)
	}
}

// TestUnknownEvents: what nobody understands is kept, acknowledged and stops
// nothing.
func TestUnknownEvents(t *testing.T) {
	srv := startSlack(t, slacktest.Options{})
	ann := srv.User(slacktest.Person{RealName: "Ann Example"})
	dm := ann.DM()
	h := newHub()
	start(t, connect(t, srv, srv.URL, nil), h)
	h.awaitLive(t)
	srv.Emit(dm.ID, map[string]any{"type": "hologram_shared", "channel": dm.ID})
	srv.Emit(dm.ID, map[string]any{"type": "message", "channel": dm.ID, "user": ann.ID, "text": 5, "ts": "1700000000.000100"})
	srv.Emit("", map[string]any{"type": "message"})
	srv.Emit("", map[string]any{"type": "pin_added"})
	srv.EmitRaw([]byte(`{"type":"event_callback","event":7}`))
	srv.EmitRaw([]byte(`this is not JSON`))
	srv.EmitRaw([]byte(`[]`))
	say(t, ann, dm, "fine")
	h.awaitTexts(t, "fine")
	ok(t, srv.WaitDelivered(t.Context()))
	for _, d := range srv.Deliveries() {
		if d.Error != "" || d.Attempt > 0 {
			t.Errorf("not acknowledged at once: %+v", d)
		}
	}
	if n := len(h.Held()); n != 6 {
		t.Errorf("%d held items, want 6: %+v", n, h.Held())
	}
	for _, x := range h.Held() {
		if x.Source == "" || x.Reason == "" || x.Raw == nil {
			t.Errorf("%+v", x)
		}
		if b, _ := x.Raw.(message.Bytes); strings.Contains(string(b), srv.VerificationToken) {
			t.Errorf("a token is kept: %s", b)
		}
	}
	h.exactly(t, "fine")
	// A flood of them is not kept.
	for range 3 * maxOdd {
		srv.Emit("", map[string]any{"type": "hologram_shared"})
	}
	ok(t, srv.WaitDelivered(t.Context()))
	if n := len(h.Held()); n != 5+maxOdd {
		t.Errorf("%d held items after the flood", n)
	}
}

// TestNoAckBeforeTheHub: an event that the hub refuses comes again.
func TestNoAckBeforeTheHub(t *testing.T) {
	srv := startSlack(t, slacktest.Options{})
	ann := srv.User(slacktest.Person{RealName: "Ann Example"})
	dm := ann.DM()
	h := newHub()
	sup, _ := start(t, connect(t, srv, srv.URL, nil), h)
	h.awaitLive(t)
	h.Refuse(errors.New("the disk is full"))
	say(t, ann, dm, "important")
	h.Wait(t, "the retry", func() bool { return h.Last().Phase == connectors.Retrying })
	for _, d := range srv.Deliveries() {
		if d.Error == "" && d.Type == "message" {
			t.Error("acknowledged though the hub refused it")
		}
	}
	h.Refuse(nil)
	sup.Kick()
	h.awaitTexts(t, "important")
	h.exactly(t, "important")
}

func TestDisconnect(t *testing.T) {
	srv := startSlack(t, slacktest.Options{CloseGrace: time.Millisecond})
	ann := srv.User(slacktest.Person{RealName: "Ann Example"})
	dm := ann.DM()
	h := newHub()
	start(t, connect(t, srv, srv.URL, nil), h)
	h.awaitLive(t)
	srv.Disconnect("refresh_requested")
	ok(t, srv.WaitFor(t.Context(), func() bool { return srv.SocketsOpened() >= 2 && srv.Sockets() == 1 }))
	say(t, ann, dm, "hello again")
	h.awaitTexts(t, "hello again")
	for _, s := range h.States() {
		if s.Phase == connectors.Retrying {
			t.Errorf("a wanted new connection is shown as trouble: %+v", s)
		}
	}
	srv.Disconnect("link_disabled")
	h.Wait(t, "the block", func() bool { return h.Last().Phase == connectors.Blocked })
	if d := h.Last().Detail; !strings.Contains(d, "Socket Mode") {
		t.Errorf("%q does not say what to do", d)
	}
}

func TestUninstalled(t *testing.T) {
	srv := startSlack(t, slacktest.Options{})
	h := newHub()
	start(t, connect(t, srv, srv.URL, nil), h)
	h.awaitLive(t)
	srv.Uninstall()
	h.Wait(t, "the block", func() bool { return h.Last().Phase == connectors.Blocked })
	if d := h.Last().Detail; !strings.Contains(d, "install") {
		t.Errorf("%q does not say what to do", d)
	}
}

// TestSilentSocket: a connection that is dead without a word is noticed.
func TestSilentSocket(t *testing.T) {
	srv := startSlack(t, slacktest.Options{PingInterval: 10 * time.Millisecond})
	ann := srv.User(slacktest.Person{RealName: "Ann Example"})
	dm := ann.DM()
	h := newHub()
	c := connect(t, srv, srv.URL, nil)
	c.limits.silence, c.limits.ping = 200*time.Millisecond, 20*time.Millisecond
	sup, _ := start(t, c, h)
	h.awaitLive(t)
	srv.StallSockets(true)
	say(t, ann, dm, "into the silence")
	h.Wait(t, "the retry", func() bool { return h.Last().Phase == connectors.Retrying })
	srv.StallSockets(false)
	sup.Kick()
	h.awaitTexts(t, "into the silence")
}
