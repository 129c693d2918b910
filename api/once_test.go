package api

import (
	"encoding/json"
	"fmt"
	"io"
	"testing"
	"time"

	"throughline/auth"
)

// once asks for something under an idempotency key.
func (c *client) once(status int, key, path string, body, out any) {
	c.w.t.Helper()
	req := c.request("POST", path, body)
	req.Header.Set("Idempotency-Key", key)
	resp, err := c.w.http.Client().Do(req)
	must(c.w.t, err)
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	must(c.w.t, err)
	if resp.StatusCode != status {
		c.w.t.Fatalf("%s under %q: %d, want %d: %s", path, key, resp.StatusCode, status, data)
	}
	must(c.w.t, json.Unmarshal(data, out))
}

// A message asked for again under its key is not sent again: a new conversation
// stays one, a reply too.
func TestMessagesAreSentOncePerKey(t *testing.T) {
	w := newWorld(t, worldOptions{undo: time.Hour})
	ann, ben := w.browser(w.agent("Ann", auth.RoleAgent)), w.browser(w.agent("Ben", auth.RoleAgent))
	news := ComposeRequest{Account: "support", To: []Person{{Handle: "zoe@example.org"}}, Subject: "News", HTML: "<p>Hello</p>"}
	var first, again, other, bens Conversation
	ann.once(201, "k1", "/api/conversations", news, &first)
	ann.once(201, "k1", "/api/conversations", news, &again)
	ann.once(201, "k2", "/api/conversations", news, &other)
	ben.once(201, "k1", "/api/conversations", news, &bens)
	if again.ID != first.ID || again.Messages != 1 || other.ID == first.ID || bens.ID == first.ID {
		t.Errorf("conversations %d, %d, %d, %d", first.ID, again.ID, other.ID, bens.ID)
	}
	var p problem
	news.HTML = "<p>Goodbye</p>"
	ann.once(422, "k1", "/api/conversations", news, &p)
	if len(p.Errors) != 1 || p.Errors[0].Location != "header.Idempotency-Key" {
		t.Errorf("%+v", p)
	}
	path := fmt.Sprintf("/api/conversations/%d/replies", first.ID)
	reply := ReplyRequest{Mode: "reply", To: news.To, HTML: "<p>One more thing</p>", SeenSeq: first.LastSeq, Anyway: true}
	var one, two Entry
	ann.once(201, "r1", path, reply, &one)
	reply.SeenSeq = one.Seq
	ann.once(201, "r1", path, reply, &two)
	if one.Seq != two.Seq {
		t.Errorf("replies %d and %d", one.Seq, two.Seq)
	}
}
