package twiliotest

import (
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"
)

// Sizes of queues.
const (
	defaultQueueSize = 100
	maxQueueSize     = 5000
)

// queue is a line of waiting callers; guarded by Server.mu.
type queue struct {
	sid, name        string
	max              int
	created, updated time.Time
	members          []*queued
	served           int
	waited           time.Duration // by those who were served
}

// queued is a waiting caller.
type queued struct {
	c     *Call
	since time.Duration
	date  time.Time
	taken bool // by a dequeuer or the API: an interrupt is on its way
}

// queueLocked finds a queue by name or SID; the caller holds mu.
func (s *Server) queueLocked(name string) *queue {
	for _, q := range s.queues {
		if q.name == name || q.sid == name {
			return q
		}
	}
	return nil
}

func (s *Server) makeQueue(name string, size int) *queue {
	now := s.opt.Now()
	q := &queue{sid: newSID("QU"), name: name, max: size, created: now, updated: now}
	s.queues = append(s.queues, q)
	return q
}

// take removes a member from the line; the caller holds mu.
func (q *queue) take(s *Server, m *queued) {
	q.members = slices.DeleteFunc(q.members, func(o *queued) bool { return o == m })
	q.served++
	q.waited += s.clk.now() - m.since
	q.updated = s.opt.Now()
	m.taken = true
}

// enqueue does the Enqueue verb: it waits in the queue and, when it is taken out, talks to who took it.
func (c *Call) enqueue(d *document, v *element) (*document, error) {
	s := c.s
	m := &queued{c: c, since: s.clk.now(), date: s.opt.Now()}
	s.mu.Lock()
	q := s.queueLocked(v.text)
	if q == nil {
		q = s.makeQueue(v.text, defaultQueueSize)
	}
	full := len(q.members) >= q.max
	if !full {
		q.members = append(q.members, m)
		c.queueName = q.name
	}
	s.touch()
	s.mu.Unlock()
	if full {
		return c.action(d, v, url.Values{"QueueResult": {"queue-full"}})
	}
	err := c.waitInQueue(d, v, q, m)
	var i *interrupt
	if s.isTaken(m) && !(errors.As(err, &i) && i.kind == "dequeue") && !errors.Is(err, errGone) {
		// Taken at the very moment it wanted to go elsewhere: being taken wins.
		_, _, err = c.wait(-1, nil, false)
	}
	wait := s.clk.now() - m.since
	s.update(func() {
		q.members = slices.DeleteFunc(q.members, func(o *queued) bool { return o == m })
		c.queueName = ""
	})
	result := "system-error"
	switch {
	case errors.As(err, &i) && i.kind == "dequeue":
		result, err = c.dequeued(i)
	case errors.As(err, &i):
		result = "redirected"
	case errors.Is(err, errLeave):
		result, err = "leave", nil
	case errors.Is(err, errGone), errors.Is(err, errEnd):
		result = "hangup"
	}
	extra := url.Values{"QueueResult": {result}, "QueueSid": {q.sid}, "QueueTime": {strconv.Itoa(seconds(wait))}}
	if err != nil {
		c.tell(d, v, extra)
		return nil, err
	}
	return c.action(d, v, extra)
}

func (s *Server) isTaken(m *queued) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return m.taken
}

// waitInQueue plays the wait document over and over until something takes the caller out.
func (c *Call) waitInQueue(d *document, v *element, q *queue, m *queued) error {
	u := v.get("waitUrl", "")
	if u == "" {
		_, _, err := c.wait(-1, nil, false)
		return err
	}
	for {
		c.s.mu.Lock()
		avg := time.Duration(0)
		if q.served > 0 {
			avg = q.waited / time.Duration(q.served)
		}
		extra := url.Values{"QueueSid": {q.sid}, "QueueTime": {strconv.Itoa(seconds(c.s.clk.now() - m.since))},
			"QueuePosition":    {strconv.Itoa(slices.Index(q.members, m) + 1)},
			"CurrentQueueSize": {strconv.Itoa(len(q.members))}, "AvgQueueTime": {strconv.Itoa(seconds(avg))}}
		c.s.mu.Unlock()
		start := c.s.clk.now()
		doc, err := c.load(source{url: resolve(d.base, u), method: v.get("waitUrlMethod", "POST"), extra: extra})
		if err == nil {
			err = c.nested(doc, queueVerbs)
		}
		if err == nil && c.s.clk.now()-start < time.Second {
			err = c.pauseUntil(start + time.Second) // an empty document must not become a storm of requests
		}
		if err != nil {
			return err
		}
	}
}

// dequeued talks to the leg that took this one out of its queue.
func (c *Call) dequeued(i *interrupt) (result string, err error) {
	if i.bridge == nil { // taken by the API, to another document
		return "redirected", &interrupt{kind: "redirect", to: i.to}
	}
	defer i.bridge.close()
	if i.to.url != "" {
		if err := c.whisper(i.to); err != nil {
			return "bridged", err
		}
	}
	i.bridge.open()
	err = c.talk(i.bridge, defaultTimeLimit*time.Second, false)
	var r *interrupt
	if errors.As(err, &r) {
		return "redirected-from-bridged", err
	}
	return "bridged", err
}

// dialQueue takes the first caller out of a queue, waiting for one if there is none.
func (c *Call) dialQueue(d *document, v, noun *element) (*document, error) {
	s := c.s
	b := s.newBridge()
	b.b = c
	end := c.since() + v.seconds("timeout", int(dialTimeout/time.Second))
	for {
		s.mu.Lock()
		if q := s.queueLocked(noun.text); q != nil && len(q.members) > 0 {
			m := q.members[0]
			q.take(s, m)
			b.a = m.c
			i := &interrupt{kind: "dequeue", bridge: b}
			if u := noun.get("url", ""); u != "" {
				i.to = source{url: resolve(d.base, u), method: noun.get("method", "POST")}
			}
			m.c.interruptLocked(i)
			s.touch()
		}
		ch := s.changed
		s.mu.Unlock()
		if b.a != nil {
			break
		}
		up, _, err := c.wait(end, ch, false)
		if err != nil {
			return nil, err
		}
		if up {
			return c.action(d, v, url.Values{"DialCallStatus": {"no-answer"}, "DialBridged": {"false"}})
		}
	}
	// The caller may hang up between being taken and being there.
	s.spawn(func() {
		select {
		case <-b.a.gone:
			b.close()
		case <-b.done:
		}
	})
	err := c.bridged(d, v, b)
	b.close()
	extra := c.dialResult(&dialling{winner: b.a}, b)
	if err != nil {
		if errors.Is(err, errGone) {
			c.tell(d, v, extra)
		}
		return nil, err
	}
	return c.action(d, v, extra)
}

// queuesResource routes Queues, Queues/{Sid} and Queues/{Sid}/Members.
func (s *Server) queuesResource(rq *apiRequest) (answer, *apiError) {
	s.allow(rq, "FriendlyName", "MaxSize", "Url", "Method", "PageSize", "Page", "PageToken")
	s.mu.Lock()
	defer s.mu.Unlock()
	p := rq.parts
	if len(p) == 1 {
		if rq.Method == http.MethodPost {
			name := rq.form.Get("FriendlyName")
			size, e := queueSize(rq.form, defaultQueueSize)
			switch {
			case e != nil:
				return answer{}, e
			case name == "":
				return answer{}, fail(20001, "FriendlyName is required")
			case s.queueLocked(name) != nil:
				return answer{}, fail(22003, "A queue named %s exists already", name)
			}
			return answer{status: http.StatusCreated, json: s.queueJSON(s.makeQueue(name, size))}, nil
		}
		var items []item
		for _, q := range slices.Backward(s.queues) {
			items = append(items, item{q.sid, func() any { return s.queueJSON(q) }})
		}
		return s.page(rq, "queues", items)
	}
	q := s.queueLocked(p[1])
	if q == nil || q.sid != p[1] || len(p) > 4 || len(p) > 2 && p[2] != "Members" {
		return answer{}, notFound(rq.URL.Path)
	}
	if len(p) > 2 {
		return s.membersLocked(rq, q)
	}
	switch rq.Method {
	case http.MethodPost:
		size, e := queueSize(rq.form, q.max)
		if e != nil {
			return answer{}, e
		}
		q.max, q.updated = size, s.opt.Now()
		if n := rq.form.Get("FriendlyName"); n != "" {
			q.name = n
		}
	case http.MethodDelete:
		if len(q.members) > 0 {
			return answer{}, fail(22001, "Queue %s is not empty", q.sid)
		}
		s.queues = slices.DeleteFunc(s.queues, func(o *queue) bool { return o == q })
		return answer{status: http.StatusNoContent}, nil
	}
	return answer{status: 200, json: s.queueJSON(q)}, nil
}

func queueSize(f url.Values, def int) (int, *apiError) {
	v := f.Get("MaxSize")
	if v == "" {
		return def, nil
	}
	n, err := strconv.Atoi(v)
	if err != nil || n < 1 || n > maxQueueSize {
		return 0, fail(20001, "MaxSize must be from 1 to %d, not %q", maxQueueSize, v)
	}
	return n, nil
}

// membersLocked routes Queues/{Sid}/Members and Members/{CallSid}, where "Front" is the first; the caller holds mu.
func (s *Server) membersLocked(rq *apiRequest, q *queue) (answer, *apiError) {
	if len(rq.parts) == 3 {
		var items []item
		for _, m := range q.members {
			items = append(items, item{m.c.sid, func() any { return s.memberJSON(q, m) }})
		}
		return s.page(rq, "queue_members", items)
	}
	i := slices.IndexFunc(q.members, func(m *queued) bool { return m.c.sid == rq.parts[3] })
	if rq.parts[3] == "Front" && len(q.members) > 0 {
		i = 0
	}
	if i < 0 {
		return answer{}, notFound(rq.URL.Path)
	}
	m := q.members[i]
	j := s.memberJSON(q, m)
	if rq.Method == http.MethodPost {
		u := rq.form.Get("Url")
		if !absoluteURL(u) {
			return answer{}, fail(21205, "Url is not a valid URL: %s", u)
		}
		q.take(s, m)
		m.c.interruptLocked(&interrupt{kind: "dequeue", to: source{url: u, method: rq.form.Get("Method")}})
		s.touch()
	}
	return answer{status: 200, json: j}, nil
}

func (s *Server) queueJSON(q *queue) map[string]any {
	avg := 0
	if q.served > 0 {
		avg = seconds(q.waited / time.Duration(q.served))
	}
	uri := s.uri("Queues", q.sid)
	return map[string]any{"account_sid": s.opt.AccountSID, "sid": q.sid, "friendly_name": q.name, "max_size": q.max,
		"current_size": len(q.members), "average_wait_time": avg, "date_created": rfc2822(q.created),
		"date_updated": rfc2822(q.updated), "uri": uri + ".json"}
}

func (s *Server) memberJSON(q *queue, m *queued) map[string]any {
	return map[string]any{"call_sid": m.c.sid, "date_enqueued": rfc2822(m.date), "position": slices.Index(q.members, m) + 1,
		"wait_time": seconds(s.clk.now() - m.since), "queue_sid": q.sid,
		"uri": s.uri("Queues", q.sid, "Members", m.c.sid) + ".json"}
}
