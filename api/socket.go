package api

import (
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
	c.SetPongHandler(func(string) error { return c.SetReadDeadline(time.Now().Add(socketRead)) })
	return &gorillaSocket{c: c}, nil
}

type gorillaSocket struct {
	c   *websocket.Conn
	set time.Time // when the write deadline was set
}

func (g *gorillaSocket) Read() ([]byte, error) {
	for {
		kind, data, err := g.c.ReadMessage()
		if err != nil {
			return nil, err
		}
		if err := g.c.SetReadDeadline(time.Now().Add(socketRead)); err != nil {
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
