package slacktest

import (
	"context"
	"encoding/json"
	"maps"
	"slices"
	"sync"
	"time"
)

// ackTimeout is how long Slack waits for the answer to an event.
const ackTimeout = 3 * time.Second

// orderPatience is how long an event waits for the answer to the one before it
// in the same channel. Slack promises no order, but usually keeps it.
const orderPatience = 50 * time.Millisecond

// Reasons for a retry, as in X-Slack-Retry-Reason and retry_reason.
const (
	reasonTimeout   = "http_timeout"
	reasonStatus    = "http_error"
	reasonConnect   = "connection_failed"
	reasonRedirects = "too_many_redirects"
	reasonSocket    = "timeout"
)

// delivery is the state of what goes to the app; under the lock.
type delivery struct {
	queues  map[string][]*outgoing // by channel, in order; a key means that someone works on it
	pending int                    // events that are neither answered nor given up
	log     []Delivery

	drop, twice int
	holding     bool
	held        []*outgoing

	eventsURL, actionsURL string
	disabled              bool
	results               []result // of the last hour
	good                  int      // of those
}

type result struct {
	at time.Time
	ok bool
}

// outgoing is an event on its way.
type outgoing struct {
	key     string // what it is in order with
	id      string
	kind    string
	payload []byte
}

// Delivery is one attempt to deliver an event, ended.
type Delivery struct {
	EventID, Type string // Type of the inner event, "message.message_changed" with a subtype
	Attempt       int    // 0, then 1 to 3 for retries
	Socket        bool   // by Socket Mode, not HTTP
	Error         string // "" when it was acknowledged; else the reason for a retry
}

// send wraps an inner event and puts it in line; the lock is held.
func (s *Server) send(c *Channel, inner obj) {
	kind, _ := inner["type"].(string)
	if sub, _ := inner["subtype"].(string); sub != "" {
		kind += "." + sub
	}
	key := ""
	v := obj{
		"token": s.VerificationToken, "team_id": s.team.ID, "context_team_id": s.team.ID, "context_enterprise_id": nil, "api_app_id": s.appID,
		"event": inner, "type": "event_callback", "event_id": s.id("Ev"), "event_time": seconds(s.now()), "is_ext_shared_channel": false,
		"authorizations": []any{obj{
			"enterprise_id": nil, "team_id": s.team.ID, "user_id": s.app.ID, "is_bot": true, "is_enterprise_install": false,
		}},
		"event_context": "4-" + secret(24),
	}
	if c != nil {
		key, v["is_ext_shared_channel"] = c.ID, c.external()
	}
	s.line(&outgoing{key: key, id: v["event_id"].(string), kind: kind, payload: marshal(v)})
}

// line applies what a test wants to go wrong with events, and puts what is left
// into its queue.
func (s *Server) line(o *outgoing) {
	switch d := &s.out; {
	case d.drop > 0:
		d.drop--
	case d.holding:
		d.held = append(d.held, o)
	case d.twice > 0:
		d.twice--
		s.enqueue(o)
		s.enqueue(o)
	default:
		s.enqueue(o)
	}
}

func (s *Server) enqueue(o *outgoing) {
	if s.ctx.Err() != nil {
		return
	}
	s.out.pending++
	list, busy := s.out.queues[o.key]
	s.out.queues[o.key] = append(list, o)
	if !busy {
		s.work.Go(func() { s.drain(o.key) })
	}
}

// drain sends what is in one queue, in order.
func (s *Server) drain(key string) {
	for {
		s.mu.Lock()
		list := s.out.queues[key]
		if len(list) == 0 || s.ctx.Err() != nil {
			delete(s.out.queues, key)
			s.mu.Unlock()
			return
		}
		o := list[0]
		s.out.queues[key] = list[1:]
		s.mu.Unlock()

		sent := make(chan struct{})
		s.work.Go(func() { s.deliver(o, sync.OnceFunc(func() { close(sent) })) })
		t := time.NewTimer(orderPatience)
		select {
		case <-sent:
		case <-t.C:
		case <-s.ctx.Done():
		}
		t.Stop()
	}
}

// deliver tries an event until it is acknowledged or its retries are used up.
// sent is called when the first attempt is out.
func (s *Server) deliver(o *outgoing, sent func()) {
	reason := ""
	for attempt := 0; ; attempt++ {
		s.mu.Lock()
		url, off := s.out.eventsURL, s.out.disabled
		s.mu.Unlock()
		noRetry := false
		switch {
		case url != "" && off:
			noRetry, reason = true, "disabled"
		case url != "":
			reason, noRetry = s.post(url, o.payload, attempt, reason)
		default:
			reason = s.push(envelope{kind: "events_api", payload: o.payload, attempt: attempt, reason: reason}, sent).reason
		}
		sent()
		last := reason == "" || noRetry || attempt >= len(s.opt.RetryDelays)
		s.mu.Lock()
		s.out.log = append(s.out.log, Delivery{EventID: o.id, Type: o.kind, Attempt: attempt, Socket: url == "", Error: reason})
		if last {
			s.out.pending--
		}
		s.touch()
		s.mu.Unlock()
		if last || !sleep(s.ctx, s.opt.RetryDelays[attempt]) {
			return
		}
	}
}

// Deliveries are the attempts so far, in the order in which they ended.
func (s *Server) Deliveries() []Delivery {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.out.log)
}

// WaitDelivered waits until every event is acknowledged or given up. Events that
// are held do not count.
func (s *Server) WaitDelivered(ctx context.Context) error {
	return s.WaitFor(ctx, func() bool {
		s.mu.Lock()
		defer s.mu.Unlock()
		return s.out.pending == 0
	})
}

// DropNext loses the next n events, as Slack does when the app was away for
// longer than the retries last. They stay in the history.
func (s *Server) DropNext(n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.out.drop += n
}

// DuplicateNext delivers the next n events twice, with the same event_id.
func (s *Server) DuplicateNext(n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.out.twice += n
}

// Hold keeps events back until [Server.Release].
func (s *Server) Hold() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.out.holding = true
}

// Release sends what was held: in order, or the newest first.
func (s *Server) Release(reversed bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	held := s.out.held
	s.out.held, s.out.holding = nil, false
	if reversed {
		slices.Reverse(held)
	}
	for _, o := range held {
		s.line(o)
	}
}

// Emit sends an inner event of any type, known or not, whatever the app has
// subscribed. channel may be "". The event gets an event_ts when it has none.
func (s *Server) Emit(channel string, inner map[string]any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	inner = maps.Clone(inner)
	if inner["event_ts"] == nil {
		inner["event_ts"] = s.stamp()
	}
	s.send(s.channel(channel), inner)
}

// EmitRaw sends a whole payload as it is, right or wrong.
func (s *Server) EmitRaw(payload []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.line(&outgoing{id: "raw", kind: "raw", payload: slices.Clone(payload)})
}

// marshal encodes what we made ourselves.
func marshal(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		panic("slacktest: " + err.Error()) // only maps, lists, strings and numbers of our own
	}
	return b
}
