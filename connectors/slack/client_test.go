package slack

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"throughline/connectors"
	"throughline/connectors/slack/slacktest"
)

// TestOddAnswers: one odd value costs nothing but itself, and what is no answer of
// Slack's is no success.
func TestOddAnswers(t *testing.T) {
	srv := startSlack(t, slacktest.Options{})
	ann := srv.User(slacktest.Person{RealName: "Ann Example"})
	var answer string
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, answer) }))
	t.Cleanup(web.Close)
	c := connect(t, srv, web.URL, nil)
	answer = `{"ok":true,"has_more":"no","messages":[{"ts":"1700000000.000100","text":"one","user":"U1","blocks":5,"reactions":{}},7,null,
		{"ts":"1700000000.000200","text":5},{"ts":"1700000000.000300","text":"three","files":"none","attachments":[1]}],"response_metadata":{"next_cursor":null}}`
	list, _, err := c.history(t.Context(), "C1", "", "", "")
	if err != nil || len(list) != 3 || list[0].text != "one" || list[2].text != "three" {
		t.Errorf("a page came to %+v, %v", list, err)
	}
	answer = `{"ok":true,"user":{"id":"U1","team_id":5,"is_bot":"no","profile":{"real_name":"Ann","fields":"none","status_expiration":{}}}}`
	if p, err := c.lookUp(t.Context(), "U1"); err != nil || p.Name != "Ann" {
		t.Errorf("a person came to %+v, %v", p, err)
	}
	c.who.team, c.who.user = "T1", "U0"
	m := out(ann, "hello", keyOf("T1", "C1", "1700000000.000100"))
	for _, tt := range []struct {
		answer string
		class  connectors.Class
		says   string
	}{
		{`{"ok":false}`, connectors.Reject, "no reason"},
		{`{"ok":null}`, connectors.Reject, "no reason"},
		{`{"ok":false,"error":5}`, connectors.Reject, "no reason"},
		{`{}`, connectors.Unsure, "not one of Slack's"},
		{`[]`, connectors.Unsure, "not one of Slack's"},
		{`<html>`, connectors.Unsure, "not one of Slack's"},
		{``, connectors.Unsure, "not one of Slack's"},
		{`{"ok":true}`, connectors.Unsure, "does not name"},
		{`{"ok":true,"ts":5}`, connectors.Unsure, "does not name"},
	} {
		answer = tt.answer
		_, err := c.Send(t.Context(), m)
		var se *connectors.SendError
		if !errors.As(err, &se) || se.Class != tt.class || !strings.Contains(se.Reason, tt.says) {
			t.Errorf("%q: %v, want class %d saying %q", tt.answer, err, tt.class, tt.says)
		}
	}
	answer = `{"ok":true,"ts":"1700000000.000200","message":{"blocks":5},"channel":[]}`
	if r, err := c.Send(t.Context(), m); err != nil || r.Ref != keyOf("T1", "C1", "1700000000.000200") {
		t.Errorf("%+v, %v", r, err)
	}
}
