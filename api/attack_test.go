package api

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"throughline/auth"
)

// TestStrictBodies: a body means one thing, to the check of it as to its use.
func TestStrictBodies(t *testing.T) {
	w := newWorld(t, worldOptions{})
	c := w.browser(w.admin)
	id, _ := w.arrive(mail("carla@example.org", "a", "hello"))
	path := "/api/conversations/" + utoa(id)
	for name, body := range map[string]string{
		"a name twice":            `{"status":"resolved","status":"open"}`,
		"twice in two cases":      `{"priority":"low","PRIORITY":"nonsense"}`,
		"another case":            `{"Priority":"low"}`,
		"twice, deep down":        `{"tags":[{"a":1,"a":2}]}`,
		"unknown":                 `{"prio":"low"}`,
		"something behind it":     `{"priority":"low"} {}`,
		"deeper than any request": `{"tags":` + strings.Repeat("[", 20_000) + strings.Repeat("]", 20_000) + `}`,
		"no number":               `{"assignee":1e400}`,
		"negative":                `{"assignee":-1}`,
		"beyond 64 bits":          `{"assignee":18446744073709551616}`,
		"null":                    `null`,
	} {
		if resp, data := c.do("PATCH", path, body); resp.StatusCode != 400 && resp.StatusCode != 422 {
			t.Errorf("%s: %d %s", name, resp.StatusCode, data)
		}
	}
	var row Row
	c.call(200, "PATCH", path, `{}`, &row)
	if row.Status != "open" || row.Priority != "normal" {
		t.Errorf("%+v", row)
	}
	// What is too large says how much fits.
	if p := c.refused(413, "PATCH", path, `{"tags":["`+strings.Repeat("x", defaultBody)+`"]}`); !strings.Contains(p.Detail, "256 KiB") {
		t.Error(p.Detail)
	}
	c.refused(400, "PATCH", path, "")
}

// TestExtremeTimes: years that RFC 3339 cannot write are the caller's mistake.
func TestExtremeTimes(t *testing.T) {
	w := newWorld(t, worldOptions{})
	c := w.browser(w.admin)
	id, _ := w.arrive(mail("carla@example.org", "a", "hello"))
	path := "/api/conversations/" + utoa(id)
	for _, at := range []string{"9999-12-31T23:59:59-10:00", "9999-01-01T00:00:00Z", "0000-01-01T00:00:00+10:00"} {
		p := c.refused(422, "PATCH", path, `{"status":"snoozed","snoozed_until":"`+at+`"}`)
		if len(p.Errors) != 1 || p.Errors[0].Location != "body.snoozed_until" {
			t.Errorf("%s: %+v", at, p)
		}
		c.refused(422, "POST", path+"/replies", `{"mode":"reply","to":[{"handle":"carla@example.org","address":""}],"html":"x","seen_seq":`+utoa(w.seq())+
			`,"then":"snooze","snoozed_until":"`+at+`"}`)
	}
}

// TestReadAhead: nobody has read what is yet to come.
func TestReadAhead(t *testing.T) {
	w := newWorld(t, worldOptions{})
	c := w.browser(w.admin)
	id, _ := w.arrive(mail("carla@example.org", "a", "hello"))
	path := "/api/conversations/" + utoa(id)
	c.call(204, "POST", path+"/read", `{"seq":18446744073709551615}`, nil)
	c.call(200, "PATCH", path, `{"seen_seq":18446744073709551615}`, nil)
	var conv Conversation
	c.call(200, "GET", path, nil, &conv)
	if conv.ReadSeq > w.seq() || conv.Unread != 0 {
		t.Errorf("read up to %d of %d, %d unread", conv.ReadSeq, w.seq(), conv.Unread)
	}
}

// TestTexts takes out what is not text and turns the words of others around.
func TestTexts(t *testing.T) {
	w := newWorld(t, worldOptions{})
	c := w.browser(w.admin)
	id, _ := w.arrive(mail("carla@example.org", "a", "hello"))
	path := "/api/conversations/" + utoa(id)
	var e Entry
	c.call(201, "POST", path+"/notes", NoteRequest{Text: "one\x00\x1b[2J\ntwo\u200cthree"}, &e)
	if e.Note.Text != "one[2J\ntwo\u200cthree" {
		t.Errorf("%q", e.Note.Text)
	}
	var row Row
	c.call(200, "PATCH", path, `{"tags":["\u202efdp\u0000"]}`, &row)
	if len(row.Tags) != 1 || row.Tags[0] != "fdp" {
		t.Errorf("%q", row.Tags)
	}
	for _, name := range []string{"Ann\u202e", "\u2066Ann", "a\x00", "a\r\nb"} {
		c.refused(422, "PATCH", "/api/me", MeChange{Name: &name})
		c.refused(422, "POST", "/api/keys", APIKeyRequest{Name: name})
	}
	for _, name := range []string{"مریم\u200cسادات", "ธนพล", "Zoë"} {
		c.call(200, "PATCH", "/api/me", MeChange{Name: &name}, nil)
	}
	c.refused(422, "PATCH", "/api/me", MeChange{Preferences: &Preferences{Signature: "Ann\x00"}})
	// A blob is named by what an upload was answered with, never by a path.
	for _, blob := range []string{"", "../../agents", strings.Repeat("A", 64), strings.Repeat("a", 63)} {
		p := c.refused(422, "PUT", path+"/draft", Draft{Mode: "reply", Attachments: []Attachment{{Name: "x", Blob: blob}}})
		if len(p.Errors) != 1 || p.Errors[0].Location != "body.attachments[0].blob" {
			t.Errorf("%+v", p)
		}
	}
}

// timed notes the deadlines for reading that a request is given.
type timed struct {
	*httptest.ResponseRecorder
	reads []time.Time
}

func (w *timed) SetReadDeadline(t time.Time) error  { w.reads = append(w.reads, t); return nil }
func (w *timed) SetWriteDeadline(t time.Time) error { return nil }

// TestSlowBodies: whatever is sent slowly to nobody is not waited for.
func TestSlowBodies(t *testing.T) {
	w := newWorld(t, worldOptions{})
	for _, to := range []string{"POST /api/keys", "POST /api/uploads?name=x", "GET /api/counts", "POST /nowhere", "POST /api/nowhere", "POST /", "GET /healthz"} {
		method, path, _ := strings.Cut(to, " ")
		for _, body := range []string{"a body", ""} {
			rec := &timed{ResponseRecorder: httptest.NewRecorder()}
			w.s.Handler().ServeHTTP(rec, httptest.NewRequest(method, path, strings.NewReader(body)))
			if got := len(rec.reads) > 0; got != (body != "") {
				t.Errorf("%s with %q: deadlines %v", to, body, rec.reads)
			} else if got && time.Until(rec.reads[len(rec.reads)-1]) > defaultWait {
				t.Errorf("%s: %s to arrive", to, time.Until(rec.reads[0]))
			}
		}
	}
}

// TestLongWork: the time for a body to arrive is not the time for the work on it.
func TestLongWork(t *testing.T) {
	w := newWorld(t, worldOptions{})
	const wait = 100 * time.Millisecond
	add(w.s, route{id: "work", method: "POST", path: "/api/work", role: agent, wait: wait}, func(ctx context.Context, _ *in[SetupState]) (*none, error) {
		select {
		case <-ctx.Done():
			return nil, errors.New("the work was broken off")
		case <-time.After(4 * wait): // long enough that it would be
			return &none{}, nil
		}
	})
	w.browser(w.admin).call(204, "POST", "/api/work", SetupState{}, nil)
}

// TestLiveFlood ends sockets that send more than a screen would, of any kind.
func TestLiveFlood(t *testing.T) {
	w := newWorld(t, worldOptions{})
	c := w.browser(w.admin)
	for name, kind := range map[string]int{"text": websocket.TextMessage, "binary": websocket.BinaryMessage, "ping": websocket.PingMessage, "pong": websocket.PongMessage} {
		s := c.live("")
		go func() {
			for s.conn.WriteMessage(kind, []byte(`{"type":"ping"}`)) == nil {
			}
		}()
		err := error(nil)
		for err == nil {
			must(t, s.conn.SetReadDeadline(time.Now().Add(20*time.Second)))
			_, _, err = s.conn.ReadMessage()
		}
		if websocket.IsCloseError(err, closePolicy) {
			continue
		}
		// The reset of a connection that goes on sending can overtake the reason.
		if strings.Contains(err.Error(), "timeout") {
			t.Errorf("%s: the socket stays", name)
		}
	}
	// Who comes without a websocket is told so.
	if p := c.refused(400, "GET", "/api/live", nil); !strings.Contains(p.Detail, "websocket") {
		t.Error(p.Detail)
	}
	c.header = http.Header{"Origin": {"https://evil.example"}, "Connection": {"Upgrade"}, "Upgrade": {"websocket"}, "Sec-Websocket-Version": {"13"}, "Sec-Websocket-Key": {"dGhlIHNhbXBsZSBub25jZQ=="}}
	c.refused(403, "GET", "/api/live", nil)
}

// TestOthers: what belongs to one agent is not there for another, whatever ID he
// gives and whatever his role.
func TestOthers(t *testing.T) {
	w := newWorld(t, worldOptions{})
	ann, boss := w.browser(w.agent("Ann", auth.RoleAgent)), w.browser(w.admin)
	id, _ := w.arrive(mail("carla@example.org", "a", "hello"))
	var key NewAPIKey
	ann.call(200, "POST", "/api/keys", APIKeyRequest{Name: "hers"}, &key)
	var sessions LoginSessions
	ann.call(200, "GET", "/api/sessions", nil, &sessions)
	ann.call(200, "PUT", "/api/conversations/"+utoa(id)+"/draft", Draft{Mode: "reply", HTML: "hers"}, nil)
	ann.call(200, "PUT", "/api/conversations/0/draft", Draft{Mode: "new", HTML: "hers"}, nil)

	boss.refused(404, "DELETE", "/api/keys/"+utoa(key.Key.ID), nil)
	boss.refused(404, "DELETE", "/api/sessions/"+sessions.Sessions[0].ID, nil)
	boss.refused(404, "GET", "/api/conversations/"+utoa(id)+"/draft", nil)
	if _, data := boss.do("GET", "/api/conversations/0/draft", nil); strings.Contains(string(data), "hers") {
		t.Errorf("%s", data)
	}
	boss.do("DELETE", "/api/conversations/"+utoa(id)+"/draft", nil)
	var d Draft
	ann.call(200, "GET", "/api/conversations/"+utoa(id)+"/draft", nil, &d)
	if d.HTML != "hers" {
		t.Errorf("%+v", d)
	}
	var conv Conversation
	boss.call(200, "GET", "/api/conversations/"+utoa(id), nil, &conv)
	if conv.DraftText != nil {
		t.Error("a colleague's draft is shown")
	}
	// Nobody raises himself, and no field of another route gets through.
	ann.refused(422, "PATCH", "/api/me", `{"role":"admin"}`)
	ann.refused(422, "PATCH", "/api/me", `{"Name":"x","agent":1}`)
	ann.refused(403, "PATCH", "/api/agents/"+utoa(ann.agent.ID), `{"role":"admin"}`)
	ann.refused(403, "POST", "/api/agents/"+utoa(boss.agent.ID)+"/invitation", nil)
	// HEAD is GET, and nothing but the listed methods gets anywhere.
	stranger := &client{w: w}
	for _, r := range w.s.routes {
		if r.method != "GET" || r.role == public {
			continue
		}
		path := strings.NewReplacer("{id}", utoa(id), "{sha256}", strings.Repeat("0", 64), "{name}", "x", "{handle}", "x").Replace(r.path)
		if resp, body := stranger.do("HEAD", path, nil); resp.StatusCode != 401 || len(body) > 0 {
			t.Errorf("HEAD %s: %d %s", path, resp.StatusCode, body)
		}
		for _, m := range []string{"OPTIONS", "TRACE", "PROPFIND"} {
			if resp, _ := stranger.do(m, path, nil); resp.StatusCode != 405 || resp.Header.Get("Access-Control-Allow-Origin") != "" {
				t.Errorf("%s %s: %d", m, path, resp.StatusCode)
			}
		}
	}
}

// TestLiveDisabled ends the sockets of who is switched off, those by key too.
func TestLiveDisabled(t *testing.T) {
	w := newWorld(t, worldOptions{})
	ann := w.agent("Ann", auth.RoleAgent)
	streams := []*stream{w.browser(ann).live(""), w.program(ann).live("")}
	yes := true
	w.browser(w.admin).call(200, "PATCH", "/api/agents/"+utoa(ann.ID), AgentChange{Disabled: &yes}, nil)
	for _, s := range streams {
		err := error(nil)
		for err == nil {
			must(t, s.conn.SetReadDeadline(time.Now().Add(20*time.Second)))
			_, _, err = s.conn.ReadMessage()
		}
		if !websocket.IsCloseError(err, closeSignedOut) {
			t.Error(err)
		}
	}
}
