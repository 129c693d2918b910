package slacktest

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// apiState is what the Web API keeps besides the workspace; under the lock.
type apiState struct {
	limits    map[string]*bucket
	faults    []*injected
	calls     []Call
	uploads   map[string]*File // by the key of the address to send to
	responses []*responseURL
	revoked   bool // tokens
	removed   bool // the whole app
}

// tier is the rate limit of a method, in calls a minute (Slack's tiers promise
// "at least" so many).
type tier int

const (
	tier1   tier = 1
	tier2   tier = 20
	tier3   tier = 50
	tier4   tier = 100
	special tier = 600 // "hundreds a minute"
	posting tier = 0   // one a second and channel, with short bursts
)

// postBurst is how many messages a channel takes at once before it is one a second.
const postBurst = 5

// method is how one method of the Web API is called.
type method struct {
	run   func(*call) (obj, error)
	tier  tier
	scope string // needed always; what depends on the channel is asked later
	json  bool   // takes JSON as well
	post  bool   // is documented with POST only
	app   bool   // needs an app-level token
}

func methods() map[string]method {
	return map[string]method{
		"apps.connections.open":        {run: openConnection, tier: tier3, post: true, app: true, json: true},
		"auth.test":                    {run: authTest, tier: special, json: true},
		"bots.info":                    {run: botsInfo, tier: tier3, scope: "users:read"},
		"chat.delete":                  {run: chatDelete, tier: tier3, scope: "chat:write", json: true, post: true},
		"chat.getPermalink":            {run: chatPermalink, tier: special},
		"chat.postEphemeral":           {run: chatEphemeral, tier: tier4, scope: "chat:write", json: true, post: true},
		"chat.postMessage":             {run: chatPost, tier: posting, scope: "chat:write", json: true, post: true},
		"chat.update":                  {run: chatUpdate, tier: tier3, scope: "chat:write", json: true, post: true},
		"conversations.history":        {run: history, tier: tier3},
		"conversations.info":           {run: conversationsInfo, tier: tier3},
		"conversations.join":           {run: conversationsJoin, tier: tier3, scope: "channels:join", json: true, post: true},
		"conversations.list":           {run: conversationsList, tier: tier2},
		"conversations.mark":           {run: conversationsMark, tier: tier3, json: true, post: true},
		"conversations.members":        {run: conversationsMembers, tier: tier4},
		"conversations.open":           {run: conversationsOpen, tier: tier3, json: true, post: true},
		"conversations.replies":        {run: replies, tier: tier3, json: true},
		"emoji.list":                   {run: emojiList, tier: tier2, scope: "emoji:read"},
		"files.completeUploadExternal": {run: completeUpload, tier: tier4, scope: "files:write", json: true, post: true},
		"files.getUploadURLExternal":   {run: uploadURL, tier: tier4, scope: "files:write"},
		"files.info":                   {run: filesInfo, tier: tier4, scope: "files:read"},
		"reactions.add":                {run: reactionsAdd, tier: tier3, scope: "reactions:write", json: true, post: true},
		"reactions.get":                {run: reactionsGet, tier: tier3, scope: "reactions:read"},
		"reactions.remove":             {run: reactionsRemove, tier: tier2, scope: "reactions:write", json: true, post: true},
		"team.info":                    {run: teamInfo, tier: tier3, scope: "team:read"},
		"users.conversations":          {run: usersConversations, tier: tier3},
		"users.info":                   {run: usersInfo, tier: tier4, scope: "users:read"},
		"users.list":                   {run: usersList, tier: tier2, scope: "users:read"},
		"users.lookupByEmail":          {run: usersLookup, tier: tier3, scope: "users:read.email"},
	}
}

// serveAPI answers a call of the Web API: always 200 with "ok", but for rate
// limits and injected faults.
func (s *Server) serveAPI(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Date", s.opt.Now().UTC().Format(http.TimeFormat)) // one clock for it and the stamps
	c := &call{s: s, method: r.PathValue("method"), args: map[string]any{}}
	m, known := s.methods[c.method]
	if !known {
		s.violation("unknown method %q", c.method)
		s.answer(w, c, nil, fail("unknown_method"))
		return
	}
	err := s.arguments(r, m, c)
	f := s.fault(c.method)
	note := func(result string) { s.note(c, result) }
	if f.before(w, r, note) {
		return
	}
	if err == nil {
		err = s.authorise(c, m)
	}
	if err == nil && m.post && r.Method != http.MethodPost {
		err = fail("insecure_request")
	}
	if err == nil && f != nil && f.Error != "" {
		err = fail(f.Error)
	}
	if err == nil {
		if wait := s.take(c, m); wait > 0 {
			s.note(c, "HTTP 429")
			tooMany(w, wait)
			return
		}
	}
	var result obj
	if err == nil {
		s.mu.Lock()
		result, err = m.run(c)
		s.touch()
		s.mu.Unlock()
	}
	if f.after(w, note) {
		return
	}
	s.answer(w, c, result, err)
}

// authorise checks the token and the scope that a method always needs.
func (s *Server) authorise(c *call, m method) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	right, other := s.BotToken, s.AppToken
	if m.app {
		right, other = other, right
	}
	switch {
	case c.token == "":
		return fail("not_authed")
	case c.token == other:
		return fail("not_allowed_token_type")
	case c.token != right:
		return fail("invalid_auth")
	case s.api.removed:
		return fail("account_inactive")
	case s.api.revoked && !m.app:
		return fail("token_revoked")
	case m.scope != "" && !s.hasScope(m.scope):
		return s.needs(m.scope)
	}
	return nil
}

// needs is the answer to a call that the token's scopes do not allow.
func (s *Server) needs(scopes ...string) error {
	return &failure{code: "missing_scope", more: obj{"needed": strings.Join(scopes, ","), "provided": s.provided()}}
}

func (s *Server) answer(w http.ResponseWriter, c *call, result obj, err error) {
	body := obj{"ok": err == nil}
	for k, v := range result {
		body[k] = v
	}
	code := ""
	if err != nil {
		var f *failure
		if !errors.As(err, &f) {
			f = &failure{code: "internal_error"}
			s.violation("%s: %v", c.method, err)
		}
		code = f.code
		body["error"] = code
		for k, v := range f.more {
			body[k] = v
		}
	}
	if len(c.warnings) > 0 {
		body["warning"] = strings.Join(c.warnings, ",")
		meta, ok := body["response_metadata"].(obj)
		if !ok {
			meta = obj{}
		}
		meta["warnings"] = c.warnings
		body["response_metadata"] = meta
	}
	s.note(c, code)
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.Header().Set("X-Slack-Req-Id", secret(32))
	s.mu.Lock()
	if code != "not_authed" && code != "invalid_auth" {
		w.Header().Set("X-OAuth-Scopes", s.provided())
	}
	s.mu.Unlock()
	if m := s.methods[c.method]; m.scope != "" {
		w.Header().Set("X-Accepted-OAuth-Scopes", m.scope)
	}
	json.NewEncoder(w).Encode(body) // a client that went away is its own matter
}

// tooMany is the answer to a call too many.
func tooMany(w http.ResponseWriter, wait time.Duration) {
	w.Header().Set("Retry-After", strconv.Itoa(max(1, int(math.Ceil(wait.Seconds())))))
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(http.StatusTooManyRequests)
	fmt.Fprint(w, `{"ok":false,"error":"ratelimited"}`)
}

// bucket is a rate limit: it holds at most size calls and gains one every each.
type bucket struct {
	size, left float64
	each       time.Duration
	last       time.Time
}

// take counts a call against its limit, and says how long to wait when there is
// nothing left.
func (s *Server) take(c *call, m method) time.Duration {
	if s.opt.Unlimited {
		return 0
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	key, size, each := c.method, float64(m.tier), s.opt.Minute
	if m.tier == posting {
		key, size, each = c.method+" "+c.text("channel"), postBurst, s.opt.Minute/60
	} else {
		each /= time.Duration(m.tier)
	}
	now := s.opt.Now()
	b := s.api.limits[key]
	if b == nil {
		b = &bucket{size: size, left: size, each: each, last: now}
		s.api.limits[key] = b
	}
	b.left = min(b.size, b.left+float64(now.Sub(b.last))/float64(b.each))
	b.last = now
	if b.left < 1 {
		return time.Duration((1 - b.left) * float64(b.each))
	}
	b.left--
	return 0
}
