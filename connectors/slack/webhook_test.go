package slack

import (
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"throughline/connectors"
	"throughline/connectors/slack/slacktest"
)

// TestEventsOverHTTP drives the webhook with the double's own deliveries.
func TestEventsOverHTTP(t *testing.T) {
	srv := startSlack(t, slacktest.Options{})
	ann := srv.User(slacktest.Person{RealName: "Ann Example"})
	dm := ann.DM()
	h := newHub()
	c := connect(t, srv, srv.URL, map[string]any{"app_token": ""})
	web := httptest.NewServer(c.Webhook(h))
	t.Cleanup(web.Close)
	start(t, c, h)
	h.awaitLive(t)
	ok(t, srv.SubscribeURL(t.Context(), web.URL+routeEvents))

	srv.DuplicateNext(1)
	ts := say(t, ann, dm, "hello")
	h.awaitTexts(t, "hello")
	h.Refuse(errors.New("the disk is full"))
	say(t, ann, dm, "while the disk is full")
	ok(t, srv.WaitFor(t.Context(), func() bool {
		for _, d := range srv.Deliveries() {
			if d.Error == "http_error" {
				return true
			}
		}
		return false
	}))
	h.Refuse(nil)
	h.awaitTexts(t, "while the disk is full")
	ok(t, ann.Edit(dm, ts, "hello!"))
	srv.Emit(dm.ID, map[string]any{"type": "hologram_shared"})
	h.Wait(t, "the edit and the odd event", func() bool { return len(h.Changes()) > 0 && len(h.Held()) == 1 }) // a look may tell of the edit too
	ok(t, srv.WaitDelivered(t.Context()))

	srv.Uninstall()
	h.Wait(t, "the block", func() bool { return h.Last().Phase == connectors.Blocked })
	if got := h.Texts(); len(got) != 2 {
		t.Errorf("%q", got)
	}
}

// TestRunKnowsWhatWebhooksBrought: a restart does not offer it again.
func TestRunKnowsWhatWebhooksBrought(t *testing.T) {
	srv := startSlack(t, slacktest.Options{})
	ann := srv.User(slacktest.Person{RealName: "Ann Example"})
	dm := ann.DM()
	h := newHub()
	c := connect(t, srv, srv.URL, map[string]any{"app_token": ""})
	web := httptest.NewServer(c.Webhook(h))
	t.Cleanup(web.Close)
	_, stop := start(t, c, h)
	h.awaitLive(t)
	ok(t, srv.SubscribeURL(t.Context(), web.URL+routeEvents))
	say(t, ann, dm, "hello")
	h.awaitTexts(t, "hello")
	ok(t, srv.WaitDelivered(t.Context()))
	// A message that the history alone brings makes Run save what it knows.
	c.wants(func() { c.missed = true })
	srv.DropNext(1)
	say(t, ann, dm, "lost")
	h.awaitTexts(t, "lost")
	stop()
	_, stop = start(t, connect(t, srv, srv.URL, map[string]any{"app_token": ""}), h)
	h.awaitLive(t)
	stop()
	h.exactly(t, "hello", "lost")
}

// TestNotesAreBounded: while Run is halted, what requests leave for it does not grow for ever.
func TestNotesAreBounded(t *testing.T) {
	srv := startSlack(t, slacktest.Options{})
	c := connect(t, srv, srv.URL, nil)
	for i := range 2*maxBrought + 3 {
		ts := strconv.Itoa(i)
		for range 2 {
			c.leave(outcome{marks: []mark{{"C1", ts, ""}}, late: []lateItem{{Room: "C1", TS: ts}}})
		}
		if len(c.brought) > maxBrought || len(c.late) > maxLate {
			t.Fatalf("%d notes, %d late", len(c.brought), len(c.late))
		}
	}
	if last := c.late[len(c.late)-1].TS; !c.missed || last != strconv.Itoa(2*maxBrought+2) || c.late[len(c.late)-2].TS == last {
		t.Errorf("missed %v, the last is %s", c.missed, last)
	}
}

func TestWebhookRequests(t *testing.T) {
	const secret = "8f742231b10e8888abcd99yyyzzz85a5"
	srv := startSlack(t, slacktest.Options{SigningSecret: secret})
	h := newHub()
	c := connect(t, srv, srv.URL, nil)
	handler := c.Webhook(h)
	now := time.Now()
	at := func(d time.Duration) string { return strconv.FormatInt(now.Add(d).Unix(), 10) }
	challenge := `{"type":"url_verification","challenge":"3eZbrw1aB1"}`
	for _, tt := range []struct {
		name, method, path, body, time, signature string
		status                                    int
		answer                                    string
	}{
		{"a challenge", "POST", "/events", challenge, at(0), slacktest.Sign(secret, at(0), []byte(challenge)), 200, "3eZbrw1aB1"},
		{"four minutes old", "POST", "/events", challenge, at(-4 * time.Minute), slacktest.Sign(secret, at(-4*time.Minute), []byte(challenge)), 200, ""},
		{"a replay", "POST", "/events", challenge, at(-6 * time.Minute), slacktest.Sign(secret, at(-6*time.Minute), []byte(challenge)), 403, "five minutes"},
		{"from the future", "POST", "/events", challenge, at(6 * time.Minute), slacktest.Sign(secret, at(6*time.Minute), []byte(challenge)), 403, "clock"},
		{"another secret", "POST", "/events", challenge, at(0), slacktest.Sign("wrong", at(0), []byte(challenge)), 403, "signing secret"},
		{"another body", "POST", "/events", challenge + " ", at(0), slacktest.Sign(secret, at(0), []byte(challenge)), 403, "signing secret"},
		{"another time", "POST", "/events", challenge, at(time.Second), slacktest.Sign(secret, at(0), []byte(challenge)), 403, "signing secret"},
		{"no signature", "POST", "/events", challenge, at(0), "", 403, "no signature"},
		{"no time", "POST", "/events", challenge, "soon", slacktest.Sign(secret, "soon", []byte(challenge)), 403, "no time"},
		{"an odd signature", "POST", "/events", challenge, at(0), "v0=xyz", 403, "no signature"},
		{"a look", "GET", "/events", "", "", "", 405, "POST"},
		{"another path", "POST", "/event", challenge, at(0), "", 404, "/events"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := httptest.NewRequest(tt.method, "https://hub.example.com"+tt.path, strings.NewReader(tt.body))
			r.Header.Set("Content-Type", "application/json")
			r.Header.Set("X-Slack-Request-Timestamp", tt.time)
			r.Header.Set("X-Slack-Signature", tt.signature)
			w := httptest.NewRecorder()
			handler.ServeHTTP(w, r)
			if w.Code != tt.status || !strings.Contains(w.Body.String(), tt.answer) {
				t.Errorf("%d %q", w.Code, w.Body)
			}
			if strings.Contains(w.Body.String(), secret) {
				t.Error("the secret is shown")
			}
		})
	}
	if c.trouble != "" {
		t.Errorf("strangers make the trouble %q", c.trouble)
	}
	_, _, _, err := c.introduce(t.Context())
	ok(t, err)
	var logged strings.Builder
	c.log = slog.New(slog.NewTextHandler(&logged, nil))
	for _, team := range []string{"T00000STRANGE", `"},{"` + srv.TeamID(), srv.TeamID(), srv.TeamID()} {
		body := `{"type":"event_callback","team_id":` + strconv.Quote(team) + `}`
		r := httptest.NewRequest("POST", "https://hub.example.com/events", strings.NewReader(body))
		r.Header.Set("X-Slack-Request-Timestamp", at(0))
		r.Header.Set("X-Slack-Signature", slacktest.Sign("wrong", at(0), []byte(body)))
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, r)
		if told := c.trouble != ""; w.Code != http.StatusForbidden || told != (team == srv.TeamID()) {
			t.Errorf("of %s: %d, trouble %q", team, w.Code, c.trouble)
		}
	}
	if n := strings.Count(logged.String(), "\n"); n != 1 || strings.Contains(c.trouble, secret) {
		t.Errorf("trouble %q, logged %q", c.trouble, logged.String())
	}
	if r, err := srv.Request(t.Context(), "https://hub.example.com/events", "application/json", []byte(challenge)); err != nil {
		t.Fatal(err)
	} else {
		handler.ServeHTTP(httptest.NewRecorder(), r)
	}
	if c.trouble != "" {
		t.Errorf("after a good request there is still %q", c.trouble)
	}
	large, err := http.NewRequest("POST", "https://hub.example.com/events", strings.NewReader(strings.Repeat("x", maxFrame+1)))
	ok(t, err)
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, large)
	if w.Code != http.StatusRequestEntityTooLarge {
		t.Errorf("a huge request: %d", w.Code)
	}
	bare := connect(t, srv, srv.URL, map[string]any{"signing_secret": ""})
	r, err := srv.Request(t.Context(), "https://hub.example.com/events", "application/json", []byte(challenge))
	ok(t, err)
	w = httptest.NewRecorder()
	bare.Webhook(h).ServeHTTP(w, r)
	if w.Code != http.StatusServiceUnavailable {
		t.Errorf("without a signing secret: %d", w.Code)
	}
}
