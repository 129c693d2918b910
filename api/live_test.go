package api

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gorilla/websocket"

	"throughline/auth"
	"throughline/connectors"
	"throughline/message"
	"throughline/store"
	"throughline/timeline"
)

// stream is the client's end of a live stream.
type stream struct {
	t    testing.TB
	conn *websocket.Conn
}

func (c *client) dial(since string) (*stream, *http.Response, error) {
	c.w.t.Helper()
	h := http.Header{}
	if c.session != "" {
		h.Set("Cookie", cookieName+"="+c.session)
	}
	if c.key != "" {
		h.Set("Authorization", "Bearer "+c.key)
	}
	for k, v := range c.header {
		h[k] = v
	}
	conn, resp, err := websocket.DefaultDialer.Dial("ws"+strings.TrimPrefix(c.w.http.URL, "http")+"/api/live"+since, h)
	if err != nil {
		return nil, resp, err
	}
	return &stream{t: c.w.t, conn: conn}, resp, nil
}

func (c *client) live(since string) *stream {
	c.w.t.Helper()
	s, _, err := c.dial(since)
	must(c.w.t, err)
	c.w.t.Cleanup(func() { s.conn.Close() })
	return s
}

func sinceSeq(n uint64) string { return fmt.Sprintf("?since=%d", n) }

// next reads a frame, within a time that only a broken server needs.
func (s *stream) next() (f LiveFrame) {
	s.t.Helper()
	must(s.t, s.conn.SetReadDeadline(time.Now().Add(20*time.Second)))
	_, data, err := s.conn.ReadMessage()
	must(s.t, err)
	must(s.t, json.Unmarshal(data, &f))
	return f
}

// until reads frames until one of a type that also satisfies ok.
func (s *stream) until(kind string, ok func(LiveFrame) bool) LiveFrame {
	s.t.Helper()
	for {
		if f := s.next(); f.Type == kind && (ok == nil || ok(f)) {
			return f
		}
	}
}

// entries reads n entries, which must follow seq without a gap.
func (s *stream) entries(seq uint64, n int) (last uint64) {
	s.t.Helper()
	for range n {
		f := s.until("entry", nil)
		if f.Seq != seq+1 || f.Entry == nil || f.Entry.Seq != f.Seq {
			s.t.Fatalf("entry %d after %d", f.Seq, seq)
		}
		seq = f.Seq
	}
	return seq
}

func (s *stream) send(v any) {
	s.t.Helper()
	must(s.t, s.conn.WriteJSON(v))
}

func TestLive(t *testing.T) {
	w := newWorld(t, worldOptions{})
	s := w.browser(w.admin).live("")
	if f := s.next(); f.Type != "hello" || f.Agent != w.admin.ID || f.Seq != w.seq() {
		t.Fatalf("%+v", f)
	}
	if f := s.until("live", nil); f.Seq != w.seq() {
		t.Fatalf("%+v", f)
	}
	seq := w.seq()
	w.accept(mail("carla@example.org", "a", "hello"))
	f := s.until("entry", func(f LiveFrame) bool { return f.Entry.Kind == "message.received" })
	if f.Entry.Message.Reply != "hello" || f.Row == nil || f.Row.Preview != "hello" || f.Row.Customer.Name != "Carla" || f.Seq <= seq {
		t.Errorf("%+v", f)
	}
	if f := s.until("counts", func(f LiveFrame) bool { return f.Counts.All == 1 }); f.Counts.Unassigned != 1 {
		t.Errorf("%+v", f.Counts)
	}
	s.send(LiveRequest{Type: "ping"})
	s.until("pong", nil)
}

// TestLiveResume disconnects and resumes again and again while events come: no
// event is missed or comes twice.
func TestLiveResume(t *testing.T) {
	w := newWorld(t, worldOptions{})
	c := w.browser(w.admin)
	const mails = 300
	first := w.seq()
	go func() {
		for i := range mails {
			w.accept(mail(fmt.Sprintf("c%d@example.org", i%7), fmt.Sprintf("m%d", i), "hello"))
		}
	}()
	seq, received := first, 0
	for received < mails {
		s := c.live(sinceSeq(seq))
		for range 17 {
			f := s.until("entry", nil)
			if f.Seq != seq+1 {
				t.Fatalf("entry %d after %d", f.Seq, seq)
			}
			seq = f.Seq
			if f.Entry.Kind == "message.received" {
				if received++; received == mails {
					break
				}
			}
		}
		s.conn.Close()
	}
}

func TestLiveCatchUp(t *testing.T) {
	w := newWorld(t, worldOptions{})
	c := w.browser(w.admin)
	// Nobody listens: the ring stays empty, and the log has it all.
	for i := range 200 {
		w.accept(mail("carla@example.org", fmt.Sprintf("m%d", i), "hello"))
	}
	last := w.seq()
	s := c.live(sinceSeq(0))
	if f := s.next(); f.Type != "hello" || f.Seq != last {
		t.Fatalf("%+v", f)
	}
	s.entries(0, int(last))
	if f := s.until("live", nil); f.Seq != last {
		t.Errorf("%+v", f)
	}
}

func TestLiveReset(t *testing.T) {
	w := newWorld(t, worldOptions{})
	c := w.browser(w.admin)
	id, _ := w.arrive(mail("carla@example.org", "a", "hello"))
	// A client that knows more than the log: its hub was restored from a backup.
	s := c.live(sinceSeq(w.seq() + 1000))
	if f := s.until("reset", nil); f.Seq != w.seq() {
		t.Errorf("%+v", f)
	}
	seq := w.seq()
	w.browser(w.admin).call(201, "POST", "/api/conversations/"+utoa(id)+"/notes", NoteRequest{Text: "hm"}, nil)
	s.entries(seq, 1)

	// One that is far behind.
	must(t, w.hub.Store.Update(t.Context(), func(tx *store.Tx) error {
		for range maxBehind {
			if _, err := w.hub.Timeline.Append(tx, timeline.Event{Kind: timeline.ConversationRead, Conversation: id, Quiet: true}); err != nil {
				return err
			}
		}
		return nil
	}))
	// Once all of that was sent to one who is there, the newest is all that the
	// ring holds.
	for s.next().Seq < w.seq() {
	}
	s = c.live(sinceSeq(0))
	if f := s.until("reset", nil); f.Seq != w.seq() {
		t.Errorf("reset at %d of %d", f.Seq, w.seq())
	}
	seq = w.seq()
	w.accept(mail("carla@example.org", "b", "more", "a"))
	s.entries(seq, 1)
}

// TestLiveSlow has a client that does not read: it costs the others nothing. It
// is closed some time, resumes where it was, and misses nothing.
func TestLiveSlow(t *testing.T) {
	w := newWorld(t, worldOptions{})
	c, quick := w.browser(w.admin), w.browser(w.admin).live("")
	quick.until("live", nil)
	seq := w.seq()
	slow := c.live(sinceSeq(seq))
	slow.until("live", nil)
	const n = 2000 // more than the sockets' buffers hold
	text := strings.Repeat("x", frameText)
	go func() {
		for range n / 100 {
			ms := make([]message.Message, 0, 100)
			for i := range 100 {
				ms = append(ms, mail(fmt.Sprintf("c%d@example.org", i), fmt.Sprintf("m%d", mails.Load()), text))
			}
			w.accept(ms...)
		}
	}()
	received, last := 0, seq
	for received < n {
		f := quick.until("entry", nil)
		if f.Seq != last+1 {
			t.Fatalf("entry %d after %d", f.Seq, last)
		}
		if last = f.Seq; f.Entry.Kind == "message.received" {
			received++
		}
	}
	for at := seq; at < last; {
		must(t, slow.conn.SetReadDeadline(time.Now().Add(20*time.Second)))
		var f LiveFrame
		if err := slow.conn.ReadJSON(&f); err != nil {
			slow = c.live(sinceSeq(at))
			continue
		}
		if f.Type != "entry" {
			continue
		}
		if f.Seq != at+1 {
			t.Fatalf("entry %d after %d", f.Seq, at)
		}
		at = f.Seq
	}
}

func TestLiveOrigin(t *testing.T) {
	w := newWorld(t, worldOptions{api: func(o *Options) { o.PublicURL = "https://hub.example.org" }})
	for origin, want := range map[string]bool{
		"":                                     true, // a program
		"https://hub.example.org":              true,
		"https://HUB.example.org":              true,
		"http://hub.example.org":               false,
		"https://hub.example.org.evil.example": false,
		"https://evil.example":                 false,
		"null":                                 false,
		"HOST":                                 true,
	} {
		c := w.browser(w.admin)
		if origin != "" {
			if origin == "HOST" {
				origin = w.http.URL
			}
			c.header = http.Header{"Origin": {origin}}
		}
		s, resp, err := c.dial("")
		if (err == nil) != want {
			t.Errorf("origin %q: %v", origin, err)
		}
		if err == nil {
			s.conn.Close()
		} else if resp == nil || resp.StatusCode != 403 {
			t.Errorf("origin %q: %+v", origin, resp)
		}
	}
	stranger := &client{w: w}
	if _, resp, err := stranger.dial(""); err == nil || resp.StatusCode != 401 {
		t.Errorf("a stranger: %v", err)
	}
	w.program(w.admin).live("").until("live", nil)
}

func TestLivePresence(t *testing.T) {
	w := newWorld(t, worldOptions{})
	ann, bob := w.agent("Ann", auth.RoleAgent), w.agent("Bob", auth.RoleAgent)
	a, b := w.browser(ann).live(""), w.browser(bob).live("")
	a.until("presence", func(f LiveFrame) bool { return len(f.Online) == 2 })
	b.send(LiveRequest{Type: "view", Conversation: 7, Typing: true})
	f := a.until("presence", func(f LiveFrame) bool { return len(f.Viewers) == 1 })
	if f.Viewers[0] != (Viewer{Agent: bob.ID, Conversation: 7, Typing: true}) {
		t.Errorf("%+v", f.Viewers)
	}
	// He stops without saying so: it ends by itself.
	a.until("presence", func(f LiveFrame) bool { return len(f.Viewers) == 1 && !f.Viewers[0].Typing })
	b.conn.Close()
	a.until("presence", func(f LiveFrame) bool { return len(f.Online) == 1 && len(f.Viewers) == 0 })
}

func TestLiveAccounts(t *testing.T) {
	w := newWorld(t, worldOptions{})
	s := w.browser(w.admin).live("")
	s.until("account", func(f LiveFrame) bool { return f.ID == "support" && f.Health.State.Phase == "live" })
	w.sink.State(connectors.State{Phase: connectors.Retrying, Detail: "connection refused"})
	retrying, trouble := false, false
	for !retrying || !trouble {
		f := s.next()
		retrying = retrying || f.Type == "account" && f.Health.State.Phase == "retrying" && f.Health.State.Detail == "connection refused"
		trouble = trouble || f.Type == "counts" && f.Counts.Trouble == 1
	}
}

// TestLiveAccountsFresh: a screen that comes later is told the counts of now, not
// those at the last change of state.
func TestLiveAccountsFresh(t *testing.T) {
	w := newWorld(t, worldOptions{})
	c := w.browser(w.admin)
	c.live("").until("account", nil) // the board has been put up
	for i := range 3 {
		w.arrive(mail("carla@example.org", fmt.Sprintf("m%d", i), "hello"))
	}
	if f := c.live("").until("account", nil); f.Health.Stored != 3 {
		t.Errorf("%+v", f.Health)
	}
}

// TestLiveEnds closes the streams of sessions and agents that end.
func TestLiveEnds(t *testing.T) {
	w := newWorld(t, worldOptions{})
	closed := func(s *stream, code int) {
		t.Helper()
		must(t, s.conn.SetReadDeadline(time.Now().Add(20*time.Second)))
		for {
			if _, _, err := s.conn.ReadMessage(); err != nil {
				if !websocket.IsCloseError(err, code) {
					t.Errorf("closed with %v, want %d", err, code)
				}
				return
			}
		}
	}
	ann := w.agent("Ann", auth.RoleAgent)
	c := w.browser(ann)
	s, other := c.live(""), w.browser(ann).live("")
	s.until("live", nil)
	other.until("live", nil)
	c.call(204, "DELETE", "/api/session", nil, nil)
	closed(s, closeSignedOut)
	yes := true
	w.browser(w.admin).call(200, "PATCH", "/api/agents/"+utoa(ann.ID), AgentChange{Disabled: &yes}, nil)
	closed(other, closeSignedOut)

	bad := w.browser(w.admin).live("")
	bad.send(map[string]string{"type": "nonsense"})
	closed(bad, closePolicy)
	flood := w.browser(w.admin).live("")
	for range 10 * chatterBurst {
		if flood.conn.WriteJSON(LiveRequest{Type: "ping"}) != nil {
			break
		}
	}
	closed(flood, closePolicy)

	last := w.browser(w.admin).live("")
	last.until("live", nil)
	w.stop()
	closed(last, closeGoingAway)
}

// TestTypingEnds looks at the board alone, at a time of its own.
func TestTypingEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &lives{s: &Server{now: time.Now}, conns: map[*conn]struct{}{}, stir: make(chan struct{}, 1)}
		c := &conn{l: l, agent: 3}
		l.conns[c] = struct{}{}
		l.told.view(c, 9, true)
		if changed, next := l.tellPresence(nil); !changed || next != typingLasts {
			t.Errorf("changed %v, again in %v", changed, next)
		}
		time.Sleep(typingLasts - time.Millisecond)
		if changed, _ := l.tellPresence(nil); changed {
			t.Error("typing ended too soon")
		}
		time.Sleep(time.Millisecond)
		if changed, _ := l.tellPresence(nil); !changed {
			t.Error("typing goes on for ever")
		}
	})
}

func TestRing(t *testing.T) {
	var r ring
	buf := make([]*frame, 0, 10)
	if _, ok := r.after(0, buf); ok {
		t.Error("a ring that was never begun says that it has everything")
	}
	r.begin(100)
	add := func(from, to uint64, size int) {
		var fs []*frame
		for n := from; n <= to; n++ {
			fs = append(fs, &frame{seq: n, size: size})
		}
		r.add(fs)
	}
	add(101, 103, 10)
	for seq, want := range map[uint64]int{99: -1, 100: 3, 101: 2, 103: 0, 200: 0} {
		got, ok := r.after(seq, buf[:0])
		if ok != (want >= 0) || ok && len(got) != want || len(got) > 0 && got[0].seq != seq+1 {
			t.Errorf("after %d: %d frames, %v", seq, len(got), ok)
		}
	}
	add(104, 104+ringFrames, 10)
	last := uint64(104 + ringFrames)
	if _, ok := r.after(last-ringFrames-1, buf[:0]); ok {
		t.Error("the ring holds more than it has room for")
	}
	if got, ok := r.after(last-ringFrames, buf[:0]); !ok || len(got) != 10 || got[0].seq != last-ringFrames+1 {
		t.Errorf("%d frames, %v", len(got), ok)
	}
	add(last+1, last+4, ringBytes/3)
	if r.bytes > ringBytes {
		t.Errorf("the ring holds %d bytes", r.bytes)
	}
	if got, ok := r.after(last+3, buf[:0]); !ok || len(got) != 1 {
		t.Errorf("%d frames, %v", len(got), ok)
	}
}
