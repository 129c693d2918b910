package slacktest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"sync"
	"time"

	"github.com/gorilla/websocket"
)

const (
	maxSockets  = 10               // of one app at a time
	ticketLife  = 30 * time.Second // of an address for a socket
	maxAnswer   = 20 << 10         // a larger answer to an envelope is ignored
	writeWithin = 5 * time.Second
)

// socketState is the state of Socket Mode; under the lock.
type socketState struct {
	tickets map[string]time.Time
	list    []*socket
	next    int // whose turn it is
	off     bool
	stalled bool
	opened  int
}

// socket is one connection of the app.
type socket struct {
	ws      *websocket.Conn
	writing sync.Mutex
	closing bool                   // no new events; under the server's lock
	waiting map[string]chan answer // by envelope_id, nil when it is too late; under the server's lock
	done    chan struct{}
}

// answer is what came back for an envelope; reason says why nothing did.
type answer struct {
	payload json.RawMessage
	reason  string
}

// envelope is what is sent over a socket.
type envelope struct {
	kind    string
	payload []byte
	attempt int
	reason  string
}

// openConnection gives the address of a socket. It works once, and not for long.
func openConnection(c *call) (obj, error) {
	s := c.s
	if s.sockets.off {
		return nil, fail("socket_mode_not_enabled")
	}
	ticket := secret(32)
	s.sockets.tickets[ticket] = s.opt.Now()
	q := url.Values{"ticket": {ticket}, "app_id": {s.appID}}
	return obj{"url": "ws" + s.URL[len("http"):] + "/link/?" + q.Encode()}, nil
}

func (s *Server) serveSocket(w http.ResponseWriter, r *http.Request) {
	ticket := r.URL.Query().Get("ticket")
	s.mu.Lock()
	since, ok := s.sockets.tickets[ticket]
	delete(s.sockets.tickets, ticket)
	ok = ok && s.opt.Now().Sub(since) <= ticketLife && !s.sockets.off
	s.mu.Unlock()
	if !ok {
		http.Error(w, "unknown, used or old ticket", http.StatusForbidden)
		return
	}
	up := websocket.Upgrader{CheckOrigin: func(*http.Request) bool { return true }} // clients name Slack's own origin, or none
	ws, err := up.Upgrade(w, r, nil)
	if err != nil {
		return // answered by the upgrader
	}
	c := &socket{ws: ws, waiting: map[string]chan answer{}, done: make(chan struct{})}
	s.mu.Lock()
	if s.ctx.Err() != nil {
		s.mu.Unlock()
		ws.Close()
		return
	}
	s.work.Add(1) // under the lock, as Close is
	defer s.work.Done()
	n := len(s.sockets.list) + 1
	s.mu.Unlock()
	if n > maxSockets {
		c.write(obj{"type": "disconnect", "reason": "too_many_websockets", "debug_info": obj{"host": "applink-1"}})
		ws.Close()
		return
	}
	hello := marshal(obj{
		"type": "hello", "num_connections": n, "connection_info": obj{"app_id": s.AppID()},
		"debug_info": obj{"host": "applink-1", "build_number": 1, "approximate_connection_time": 18060},
	})
	// Whoever has heard hello gets events, and nothing comes before it.
	c.writing.Lock()
	s.mu.Lock()
	s.sockets.list = append(s.sockets.list, c)
	s.sockets.opened++
	closed := s.ctx.Err() != nil
	s.touch()
	s.mu.Unlock()
	c.put(hello)
	c.writing.Unlock()
	if closed {
		ws.Close()
	}
	s.work.Go(func() { s.keep(c) })
	s.read(c)
}

// write sends one message.
func (c *socket) write(v any) { c.send(marshal(v)) }

// send writes a message; an error shows itself to the reader.
func (c *socket) send(b []byte) {
	c.writing.Lock()
	defer c.writing.Unlock()
	c.put(b)
}

// put is send, with the lock held.
func (c *socket) put(b []byte) {
	c.ws.SetWriteDeadline(time.Now().Add(writeWithin))
	c.ws.WriteMessage(websocket.TextMessage, b)
}

// read takes the answers of the app until the connection ends.
func (s *Server) read(c *socket) {
	defer s.forget(c)
	c.ws.SetPingHandler(func(data string) error {
		if s.stalled() {
			return nil
		}
		c.ws.WriteControl(websocket.PongMessage, []byte(data), time.Now().Add(writeWithin))
		return nil
	})
	for {
		_, b, err := c.ws.ReadMessage()
		if err != nil {
			return
		}
		if s.stalled() {
			continue
		}
		var m struct {
			EnvelopeID string          `json:"envelope_id"`
			Payload    json.RawMessage `json:"payload"`
		}
		switch err := json.Unmarshal(b, &m); {
		case err != nil:
			s.violation("socket: not JSON: %v", err)
		case len(b) >= maxAnswer:
			s.violation("socket: an answer of %d bytes is ignored", len(b))
		default:
			s.mu.Lock()
			ch, known := c.waiting[m.EnvelopeID]
			if ch != nil {
				ch <- answer{payload: m.Payload}
			}
			delete(c.waiting, m.EnvelopeID)
			s.mu.Unlock()
			if !known {
				s.violation("socket: answer to an unknown or answered envelope %q", m.EnvelopeID)
			}
		}
	}
}

// keep sends pings, and tells the app to reconnect when the connection is old.
func (s *Server) keep(c *socket) {
	ping := time.NewTicker(s.opt.PingInterval)
	defer ping.Stop()
	var old <-chan time.Time
	if s.opt.ConnectionAge > 0 {
		t := time.NewTimer(s.opt.ConnectionAge)
		defer t.Stop()
		old = t.C
	}
	for {
		select {
		case <-ping.C:
			if !s.stalled() {
				c.ws.WriteControl(websocket.PingMessage, []byte("Ping from applink-1"), time.Now().Add(writeWithin))
			}
		case <-old:
			s.retire(c, "refresh_requested")
		case <-c.done:
			return
		}
	}
}

// forget takes an ended connection out. What it had not answered failed.
func (s *Server) forget(c *socket) {
	c.ws.Close()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sockets.list = slices.DeleteFunc(s.sockets.list, func(o *socket) bool { return o == c })
	for id, ch := range c.waiting {
		if ch != nil {
			ch <- answer{reason: reasonSocket}
		}
		delete(c.waiting, id)
	}
	close(c.done)
	s.touch()
}

func (s *Server) stalled() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.sockets.stalled
}

// push sends an envelope over one of the connections and waits for the answer.
// sent is called once, when it is written or cannot be.
func (s *Server) push(e envelope, sent func()) answer {
	id := secret(8) + "-" + secret(4) + "-" + secret(4) + "-" + secret(4) + "-" + secret(12)
	back := make(chan answer, 1)
	s.mu.Lock()
	var c *socket
	for range s.sockets.list {
		s.sockets.next++
		if o := s.sockets.list[s.sockets.next%len(s.sockets.list)]; !o.closing {
			c = o
			c.waiting[id] = back
			break
		}
	}
	stalled := s.sockets.stalled
	s.mu.Unlock()
	if c == nil {
		sent()
		return answer{reason: reasonSocket}
	}
	if !stalled {
		// Put together by hand, as a test may send a payload that is not JSON.
		c.send(fmt.Appendf(nil, `{"envelope_id":%q,"type":%q,"accepts_response_payload":%v,"retry_attempt":%d,"retry_reason":%q,"payload":%s}`,
			id, e.kind, e.kind != "events_api", e.attempt, e.reason, e.payload))
	}
	sent()
	t := time.NewTimer(s.opt.AckTimeout)
	defer t.Stop()
	select {
	case a := <-back:
		return a
	case <-t.C:
	case <-s.ctx.Done():
	}
	s.mu.Lock()
	if _, still := c.waiting[id]; still {
		c.waiting[id] = nil // an answer that is late is no answer, but no mistake
	}
	s.mu.Unlock()
	return answer{reason: reasonSocket}
}

// Sockets is how many connections of Socket Mode are open.
func (s *Server) Sockets() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.sockets.list)
}

// SocketsOpened is how many there have been, with those that ended.
func (s *Server) SocketsOpened() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.sockets.opened
}

// retire tells one connection to go, and ends it some time later.
func (s *Server) retire(c *socket, reason string) {
	s.mu.Lock()
	c.closing = true
	s.mu.Unlock()
	c.write(obj{"type": "disconnect", "reason": reason, "debug_info": obj{"host": "applink-1"}})
	s.work.Go(func() {
		t := time.NewTimer(s.opt.CloseGrace)
		defer t.Stop()
		select {
		case <-t.C:
			c.ws.Close()
		case <-c.done:
		}
	})
}

// Disconnect tells every connection to go: "warning" and "refresh_requested" ask
// for a new one, "link_disabled" means that Socket Mode was switched off, until
// [Server.EnableSocketMode].
func (s *Server) Disconnect(reason string) {
	s.mu.Lock()
	list := slices.Clone(s.sockets.list)
	if reason == "link_disabled" {
		s.sockets.off = true
	}
	s.mu.Unlock()
	for _, c := range list {
		s.retire(c, reason)
	}
}

// EnableSocketMode undoes "link_disabled".
func (s *Server) EnableSocketMode() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sockets.off = false
}

// CutSockets ends every connection without a word.
func (s *Server) CutSockets() {
	s.mu.Lock()
	list := slices.Clone(s.sockets.list)
	s.mu.Unlock()
	for _, c := range list {
		c.ws.NetConn().Close()
	}
}

// StallSockets makes every connection silent, open as it is: no events, no
// pings, no answers to pings, and what the app sends is not heard.
func (s *Server) StallSockets(stalled bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sockets.stalled = stalled
}
