package slacktest

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"time"
)

// responseUses and responseLife are how often and how long a response_url works.
const (
	responseUses = 5
	responseLife = 30 * time.Minute
)

// responseURL is where an app may answer a click without a token.
type responseURL struct {
	key     string
	left    int
	since   time.Time
	message *message
	user    *User
}

// Click presses the button with an action_id in a message, and waits for the
// acknowledgement: without one within three seconds, a person sees a warning. A
// button with a URL is sent too, after the browser has opened it.
func (u *User) Click(ctx context.Context, c *Channel, ts, actionID string) error {
	s := u.srv
	s.mu.Lock()
	m := c.find(ts)
	if m == nil || !c.has(u) {
		s.mu.Unlock()
		return fmt.Errorf("%s in %s: %w", ts, c.ID, ErrNoMessage)
	}
	block, button := findAction(m.blocks, actionID)
	if button == nil {
		s.mu.Unlock()
		return fmt.Errorf("the message %s has no element with the action_id %q", ts, actionID)
	}
	action := obj{"action_id": actionID, "block_id": block["block_id"], "type": button["type"], "action_ts": s.stamp()}
	for _, k := range []string{"text", "value", "url", "style"} {
		if v, ok := button[k]; ok {
			action[k] = v
		}
	}
	back := &responseURL{key: secret(24), left: responseUses, since: s.opt.Now(), message: m, user: u}
	s.api.responses = append(s.api.responses, back)
	container := obj{"type": "message", "message_ts": ts, "channel_id": c.ID, "is_ephemeral": false}
	if m.threadTS != "" {
		container["thread_ts"] = m.threadTS
	}
	name := c.name
	if c.Kind == IM {
		name = "directmessage"
	}
	payload := marshal(obj{
		"type": "block_actions", "api_app_id": s.appID, "token": s.VerificationToken, "container": container,
		"user":       obj{"id": u.ID, "username": u.person.Name, "name": u.person.Name, "team_id": u.team.ID},
		"trigger_id": secret(12) + "." + secret(12) + "." + secret(32), "team": obj{"id": s.team.ID, "domain": s.team.Domain},
		"enterprise": nil, "is_enterprise_install": false, "channel": obj{"id": c.ID, "name": name}, "message": s.messageView(m, false),
		"state": obj{"values": obj{}}, "response_url": s.base + "/actions/" + back.key, "actions": []any{action},
	})
	address := s.out.actionsURL
	s.mu.Unlock()

	if address == "" {
		if a := s.push(envelope{kind: "interactive", payload: payload}, func() {}); a.reason != "" {
			return fmt.Errorf("the click was not acknowledged: %s", a.reason)
		}
		return nil
	}
	r, err := s.Request(ctx, address, "application/x-www-form-urlencoded", []byte(url.Values{"payload": {string(payload)}}.Encode()))
	if err != nil {
		return err
	}
	res, _, err := s.exchange(r)
	if err != nil {
		return fmt.Errorf("the click was not acknowledged: %w", err)
	}
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("the click was answered with %s", res.Status)
	}
	return nil
}

// findAction looks for an element with an action_id in "elements" and
// "accessory" of blocks.
func findAction(blocks []any, id string) (block, element obj) {
	for _, b := range blocks {
		block, _ := b.(obj)
		list, _ := block["elements"].([]any)
		for _, e := range append(append([]any{}, list...), block["accessory"]) {
			if element, _ := e.(obj); element != nil && element["action_id"] == id {
				return block, element
			}
		}
	}
	return nil, nil
}

// serveResponseURL takes an app's answer to a click: another message, or one
// instead of the clicked one.
func (s *Server) serveResponseURL(w http.ResponseWriter, r *http.Request) {
	var v struct {
		Text            string `json:"text"`
		Blocks          []any  `json:"blocks"`
		ResponseType    string `json:"response_type"`
		ReplaceOriginal bool   `json:"replace_original"`
		DeleteOriginal  bool   `json:"delete_original"`
		ThreadTS        string `json:"thread_ts"`
	}
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxBody)).Decode(&v); err != nil {
		http.Error(w, "invalid_payload", http.StatusBadRequest)
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	var back *responseURL
	for _, o := range s.api.responses {
		if o.key == r.PathValue("key") {
			back = o
		}
	}
	switch {
	case back == nil || back.left == 0:
		http.Error(w, "used_url", http.StatusNotFound)
		return
	case s.opt.Now().Sub(back.since) > responseLife:
		http.Error(w, "expired_url", http.StatusNotFound)
		return
	case v.Text == "" && v.Blocks == nil && !v.DeleteOriginal:
		http.Error(w, "no_text", http.StatusBadRequest)
		return
	}
	back.left--
	m := back.message
	switch before := s.messageView(m, false); {
	case v.DeleteOriginal && !m.deleted:
		s.remove(m)
		s.emitDeleted(m, before)
	case v.ReplaceOriginal && !m.deleted:
		m.text, m.blocks = kept(v.Text, true), v.Blocks
		s.emitChanged(m, before)
	case v.ResponseType == "in_channel":
		n := &message{channel: m.channel, user: s.app, text: kept(v.Text, true), blocks: v.Blocks, threadTS: v.ThreadTS, byApp: true}
		s.add(n)
		s.emitMessage(n)
	default:
		s.ephem = append(s.ephem, Post{Channel: m.channel.ID, TS: s.stamp(), Text: kept(v.Text, true), Blocks: v.Blocks, To: back.user.ID})
	}
	s.touch()
	fmt.Fprint(w, "ok")
}
