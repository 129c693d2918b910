package slack

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"time"

	"github.com/gorilla/websocket"

	"throughline/connectors"
)

const (
	// maxFrame is the largest event that is taken; a message of 40,000 characters
	// with its blocks stays far below it.
	maxFrame = 8 << 20
	// queue is how many events may wait for the hub.
	queue = 256
	// together is how many waiting events are given to the hub at once.
	together = 64
	// patience is how long events that came are collected; Slack waits for 3 s.
	patience = time.Second
	// handshake is how long a socket may take to say hello.
	handshake   = 15 * time.Second
	writeWithin = 5 * time.Second
	// shortSession is how long a session has to last for the next one to begin at
	// once.
	shortSession = 2 * time.Second
)

// frame is one envelope of Socket Mode.
type frame struct {
	id      string // to be acknowledged
	kind    string
	payload []byte
	retry   int64
}

// socket is a connection of Socket Mode. Reading and writing have a goroutine
// each at most.
type socket struct {
	ws      *websocket.Conn
	silence time.Duration
	writing sync.Mutex
}

// session is one connection. It is ours and not slack-go's, which loses a frame that
// is not JSON together with its name, so that it is never acknowledged and comes
// for ever; understands an event before it hands it over, and those it does not
// know are errors; keeps the reason of a disconnect to itself, so that a Socket
// Mode that was switched off looks like a wanted reconnect; and connects again by
// itself, while the histories are to be looked through after each connect.
//
// Events are read, given to the hub and acknowledged
// while the histories are looked through. nil asks for the next one.
func (r *run) session(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	began := time.Now()
	s, err := r.connect(ctx)
	if err != nil {
		return err
	}
	var work sync.WaitGroup
	defer work.Wait()
	defer s.ws.Close()
	defer cancel()
	// A close of the connection ends what waits for it.
	stop := context.AfterFunc(ctx, func() { s.ws.Close() })
	defer stop()

	ended := make(chan error, 2)
	events := make(chan frame, queue)
	work.Go(func() {
		ended <- s.read(ctx, events)
		close(events)
	})
	work.Go(func() {
		if err := r.take(ctx, s, events); err != nil {
			ended <- err
		}
	})
	work.Go(func() { s.keep(ctx, r.limits.ping) })
	err = r.watch(ctx, ended)
	if errors.Is(err, errAgain) {
		if time.Since(began) < shortSession {
			return sleep(ctx, shortSession/2)
		}
		return nil
	}
	return err
}

// openSocket asks for an address of Socket Mode.
func (c *Connector) openSocket(ctx context.Context) (at string, err error) {
	_, err = c.api.read(ctx, connectionsOpen, func(ctx context.Context) (err error) {
		_, at, err = c.api.StartSocketModeContext(ctx)
		return err
	})
	return at, err
}

// connect opens a connection and waits for its hello.
func (r *run) connect(ctx context.Context) (*socket, error) {
	named, err := r.openSocket(ctx)
	if err != nil {
		return nil, err
	}
	at, err := url.Parse(named)
	if err != nil || at.Scheme != "wss" && !(r.set.insecure && at.Scheme == "ws") || at.User != nil {
		return nil, errors.New("no address that could be trusted was named by Slack for Socket Mode")
	}
	ctx, cancel := context.WithTimeout(ctx, handshake)
	defer cancel()
	d := websocket.Dialer{Proxy: http.ProxyFromEnvironment, HandshakeTimeout: handshake}
	ws, resp, err := d.DialContext(ctx, at.String(), http.Header{"User-Agent": {"throughline"}})
	if err != nil {
		status := 0
		if resp != nil {
			status = resp.StatusCode
		}
		if status != 0 {
			return nil, &apiError{method: "Socket Mode", status: status}
		}
		return nil, &apiError{method: "Socket Mode", err: err}
	}
	s := &socket{ws: ws, silence: r.limits.silence}
	ws.SetReadLimit(maxFrame)
	stop := context.AfterFunc(ctx, func() { ws.Close() })
	defer stop()
	_, b, err := ws.ReadMessage()
	if err != nil {
		ws.Close()
		return nil, &apiError{method: "Socket Mode", err: err}
	}
	hello, _ := readBag(b)
	switch hello.str("type") {
	case "hello":
		return s, nil
	case "disconnect":
		ws.Close()
		return nil, goodbye(hello.str("reason"))
	}
	ws.Close()
	return nil, errors.New("no hello came over the socket of Slack")
}

// goodbye is why Slack ends a connection; errAgain if only another one is wanted.
func goodbye(reason string) error {
	switch reason {
	case "link_disabled":
		return &apiError{method: "Socket Mode", code: "link_disabled"}
	case "too_many_websockets":
		return &connectors.SendError{Class: connectors.Retry, After: time.Minute,
			Reason: "the app has too many connections of Socket Mode; ten are allowed, of all programs together"}
	}
	return errAgain
}

// read passes events on until the connection ends.
func (s *socket) read(ctx context.Context, events chan<- frame) error {
	alive := func() error { return s.ws.SetReadDeadline(time.Now().Add(s.silence)) }
	s.ws.SetPingHandler(func(data string) error {
		// A failed write shows at the next read.
		_ = s.ws.WriteControl(websocket.PongMessage, []byte(data), time.Now().Add(writeWithin))
		return alive()
	})
	s.ws.SetPongHandler(func(string) error { return alive() })
	for {
		if err := alive(); err != nil {
			return &apiError{method: "Socket Mode", err: err}
		}
		_, b, err := s.ws.ReadMessage()
		if err != nil {
			return &apiError{method: "Socket Mode", err: err}
		}
		f, control, reason := readFrame(b)
		switch control {
		case "hello":
			continue
		case "disconnect":
			return goodbye(reason)
		}
		select {
		case events <- f:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// envelopeID finds the name of an envelope whose content is not JSON.
var envelopeID = regexp.MustCompile(`"envelope_id"\s*:\s*"([^"\\]{1,200})"`)

// readFrame reads an envelope. control is "hello" or "disconnect" for Slack's own.
func readFrame(b []byte) (f frame, control, reason string) {
	outer, ok := readBag(b)
	if !ok {
		f.payload = b
		if m := envelopeID.FindSubmatch(b); m != nil {
			f.id = string(m[1])
		}
		return f, "", ""
	}
	f = frame{id: outer.str("envelope_id"), kind: outer.str("type"), payload: outer["payload"], retry: outer.number("retry_attempt")}
	if f.id == "" && (f.kind == "hello" || f.kind == "disconnect") {
		return f, f.kind, outer.str("reason")
	}
	if len(f.payload) == 0 {
		f.payload = b
	}
	return f, "", ""
}

// take gives events to the hub and acknowledges what the hub has.
func (r *run) take(ctx context.Context, s *socket, events <-chan frame) error {
	for f := range events {
		var all outcome
		var batch []frame
		for began, more := time.Now(), true; more; {
			if f.kind == "events_api" || f.kind == "" { // not a button or a command: of no use here
				o, err := r.fresh(ctx, f)
				if err != nil {
					all.drop()
					return err
				}
				all.add(o)
			}
			batch = append(batch, f)
			more = false
			if len(batch) < together && time.Since(began) < patience {
				select {
				case f, more = <-events:
				default:
				}
			}
		}
		if err := r.give(ctx, s, &all, batch); err != nil {
			return err
		}
	}
	return nil
}

// fresh is what an event comes to, nothing if the hub has it.
func (r *run) fresh(ctx context.Context, f frame) (outcome, error) {
	if r.repeated(f.payload) {
		return outcome{}, nil
	}
	return r.event(ctx, f.payload, r.limits.live)
}

// repeated tells whether the hub has the message of an event.
func (r *run) repeated(payload []byte) bool {
	var p struct {
		Event struct {
			Type    string `json:"type"`
			Subtype string `json:"subtype"`
			Channel string `json:"channel"`
			TS      string `json:"ts"`
		} `json:"event"`
	}
	if json.Unmarshal(payload, &p) != nil || p.Event.Type != "message" || strings.HasPrefix(p.Event.Subtype, "message_") {
		return false
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	known := r.cur.Rooms[p.Event.Channel]
	return known != nil && known.saw(p.Event.TS)
}

// give offers what events came to, and acknowledges them.
func (r *run) give(ctx context.Context, s *socket, o *outcome, done []frame) error {
	if !o.empty() {
		if err := r.accept(ctx, *o, nil); err != nil {
			return err
		}
	}
	for _, f := range done {
		if f.id == "" {
			continue
		}
		if err := s.ack(f.id); err != nil {
			return &apiError{method: "Socket Mode", err: err}
		}
	}
	if len(o.late) > 0 || r.many() {
		r.nudge()
	}
	if o.goodbye {
		return &apiError{method: "Socket Mode", code: "app_uninstalled"}
	}
	return nil
}

func (s *socket) ack(id string) error {
	b, err := json.Marshal(map[string]string{"envelope_id": id})
	if err != nil {
		return err
	}
	s.writing.Lock()
	defer s.writing.Unlock()
	if err := s.ws.SetWriteDeadline(time.Now().Add(writeWithin)); err != nil {
		return err
	}
	return s.ws.WriteMessage(websocket.TextMessage, b)
}

// keep pings, so that a connection that is dead is noticed.
func (s *socket) keep(ctx context.Context, every time.Duration) {
	t := time.NewTicker(every)
	defer t.Stop()
	for {
		select {
		case <-t.C:
			// A failed write shows at the next read.
			_ = s.ws.WriteControl(websocket.PingMessage, nil, time.Now().Add(writeWithin))
		case <-ctx.Done():
			return
		}
	}
}
