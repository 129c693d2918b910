package api

import (
	"errors"
	"net/http"
	"sync"
	"time"

	"github.com/gorilla/websocket"
)

// Limits of a websocket.
const (
	socketWrite = 10 * time.Second // for one frame; then the socket is closed and the client resumes
	socketRead  = 60 * time.Second // without a word from the other side, pongs included
	socketPing  = 25 * time.Second
	socketFrame = 4 << 10 // longest frame from a client

	// How many frames a client may send a second, over a short while.
	maxChatter   = 20
	chatterBurst = 40
)

// Reasons for closing (RFC 6455 section 7.4; 4000 and up are ours).
const (
	closeGoingAway = websocket.CloseGoingAway
	closePolicy    = websocket.ClosePolicyViolation
	closeSignedOut = 4001
)

// socket is one connection that carries text frames. Write and Ping are called
// by one goroutine, Read by one other, Close by anybody.
type socket interface {
	Read() ([]byte, error)
	Write(f *frame) error
	Ping() error
	Close(code int, reason string)
}

// frame is an encoded text frame. It can be written to many sockets.
type frame struct {
	seq  uint64 // of its event, 0 for others
	size int
	msg  *websocket.PreparedMessage
}

func newFrame(seq uint64, data []byte) (*frame, error) {
	msg, err := websocket.NewPreparedMessage(websocket.TextMessage, data)
	if err != nil {
		return nil, err
	}
	return &frame{seq: seq, size: len(data), msg: msg}, nil
}

// upgrader makes sockets. Idle ones hold no write buffer: it comes from a pool
// for the time of a write.
type upgrader struct{ u websocket.Upgrader }

func newUpgrader(own func(*http.Request) bool) *upgrader {
	return &upgrader{websocket.Upgrader{
		HandshakeTimeout: socketWrite,
		ReadBufferSize:   512, WriteBufferSize: 4 << 10, WriteBufferPool: new(sync.Pool),
		CheckOrigin: own,
		Error: func(w http.ResponseWriter, _ *http.Request, status int, reason error) {
			if status == http.StatusForbidden {
				writeProblem(w, errForeign)
				return
			}
			writeProblem(w, &problemError{status: status, detail: "this address is a websocket (RFC 6455): " + reason.Error()})
		},
	}}
}

// upgrade answers the request itself when it fails.
func (u *upgrader) upgrade(w http.ResponseWriter, r *http.Request) (socket, error) {
	c, err := u.u.Upgrade(w, r, nil)
	if err != nil {
		return nil, err
	}
	c.SetReadLimit(socketFrame)
	if err := c.SetReadDeadline(time.Now().Add(socketRead)); err != nil {
		c.Close()
		return nil, err
	}
	g := &gorillaSocket{c: c, tokens: chatterBurst, counted: time.Now()}
	pong := c.PingHandler()
	c.SetPingHandler(func(data string) error {
		if err := g.heard(); err != nil {
			return err
		}
		return pong(data)
	})
	c.SetPongHandler(func(string) error {
		if err := g.heard(); err != nil {
			return err
		}
		return c.SetReadDeadline(time.Now().Add(socketRead))
	})
	return g, nil
}

type gorillaSocket struct {
	c   *websocket.Conn
	set time.Time // when the write deadline was set

	// Only Read uses these.
	tokens  float64 // frames that may come at once
	counted time.Time
}

// errChatter ends a socket that sends too much. Control frames count like
// others: they cost the same.
var errChatter = errors.New("too many frames: send view only when it changes")

// heard counts a frame from the client.
func (g *gorillaSocket) heard() error {
	now := time.Now()
	g.tokens = min(chatterBurst, g.tokens+now.Sub(g.counted).Seconds()*maxChatter) - 1
	if g.counted = now; g.tokens < 0 {
		return errChatter
	}
	return nil
}

func (g *gorillaSocket) Read() ([]byte, error) {
	for {
		kind, data, err := g.c.ReadMessage()
		if err == nil {
			err = g.heard()
		}
		if err == nil {
			err = g.c.SetReadDeadline(time.Now().Add(socketRead))
		}
		if err != nil {
			return nil, err
		}
		if kind == websocket.TextMessage {
			return data, nil
		}
	}
}

func (g *gorillaSocket) Write(f *frame) error {
	// Once a second is often enough, and costs a tenth of a write less.
	if now := time.Now(); now.Sub(g.set) > time.Second {
		if err := g.c.SetWriteDeadline(now.Add(socketWrite)); err != nil {
			return err
		}
		g.set = now
	}
	return g.c.WritePreparedMessage(f.msg)
}

func (g *gorillaSocket) Ping() error {
	return g.c.WriteControl(websocket.PingMessage, nil, time.Now().Add(socketWrite))
}

func (g *gorillaSocket) Close(code int, reason string) {
	if code != 0 {
		// It may not fit any more: the other side finds out anyway.
		_ = g.c.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(code, reason), time.Now().Add(100*time.Millisecond))
	}
	_ = g.c.Close()
}
