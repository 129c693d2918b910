package api

import (
	"context"
	"encoding/json"
	"errors"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"
)

// conn is one live stream.
type conn struct {
	l      *lives
	sock   socket
	agent  uint64
	token  string // to ask again whether it may stay
	bearer bool

	wake  chan struct{} // size 1: look again
	gone  chan struct{} // closed when it is over
	over  sync.Once
	check atomic.Bool // whether it may stay is in doubt
	pongs atomic.Bool // the client asked for one

	// Only writes uses these.
	cursor   uint64 // the newest event sent
	reading  reading
	accounts uint64 // stamp of the board when the accounts were told afresh

	// Under l.told.mu: what the client has on its screen.
	conversation uint64
	typing       time.Time // until when
}

func (c *conn) rouse() {
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

// leave ends the stream. A second call does nothing.
func (c *conn) leave(code int, reason string) {
	c.over.Do(func() {
		close(c.gone)
		go c.sock.Close(code, reason) // may wait for a slow peer
	})
}

// reads takes what the client sends until the stream is over.
func (c *conn) reads() {
	defer c.l.wg.Done()
	defer c.leave(0, "")
	for {
		data, err := c.sock.Read()
		if err != nil {
			if errors.Is(err, errChatter) {
				c.leave(closePolicy, err.Error())
			}
			return
		}
		var req LiveRequest
		if err := json.Unmarshal(data, &req); err != nil {
			c.leave(closePolicy, "a frame is not JSON")
			return
		}
		switch req.Type {
		case "ping":
			c.pongs.Store(true)
			c.rouse()
		case "view":
			c.l.told.view(c, req.Conversation, req.Typing)
			c.l.stirUp()
		default:
			c.leave(closePolicy, "there are only frames of type view and ping")
			return
		}
	}
}

// writes sends everything there is to send until the stream is over.
func (c *conn) writes(last uint64) {
	defer c.l.wg.Done()
	defer c.l.part(c)
	defer c.leave(0, "")
	if c.say(liveMark{Type: "hello", Seq: last, Agent: c.agent}) != nil {
		return
	}
	c.l.stirUp() // the others see him come
	// Not all at the same moment after a restart.
	ping := time.NewTicker(socketPing - rand.N(socketPing/5))
	defer ping.Stop()
	live := false
	for {
		more, err := c.catchUp()
		if err != nil {
			return
		}
		if !more {
			if !live {
				live = true
				if c.say(liveMark{Type: "live", Seq: c.cursor}) != nil || c.l.greet(c) != nil {
					return
				}
			}
			if c.l.told.send(c) != nil {
				return
			}
		}
		if c.pongs.Swap(false) && c.say(liveMark{Type: "pong"}) != nil {
			return
		}
		if c.check.Swap(false) && !c.mayStay() {
			return
		}
		if more {
			select {
			case <-c.gone:
				return
			default:
				continue
			}
		}
		select {
		case <-c.wake:
		case <-ping.C:
			if !c.mayStay() || c.sock.Ping() != nil {
				return
			}
		case <-c.gone:
			return
		}
	}
}

// catchUp sends the next events, from the ring or from the log, and tells
// whether there may be more.
func (c *conn) catchUp() (more bool, err error) {
	var buf [logPage]*frame
	frames, ok := c.l.ring.after(c.cursor, buf[:0])
	if !ok {
		last, err := c.l.last()
		if err != nil {
			return false, err
		}
		// A client ahead of the log was connected to what a restored backup
		// does not know.
		if last > c.cursor+maxBehind || last < c.cursor {
			c.cursor = last
			return true, c.say(liveMark{Type: "reset", Seq: last})
		}
		if frames, err = c.l.fromLog(c.cursor); err != nil {
			return false, err
		}
	} else if len(frames) == 0 {
		return c.ahead()
	}
	for _, f := range frames {
		if err := c.sock.Write(f); err != nil {
			return false, err
		}
		c.cursor = f.seq
	}
	return len(frames) > 0, nil
}

// ahead resets a client that claims to have events that never were; once, before
// its first event.
func (c *conn) ahead() (more bool, err error) {
	if c.reading.begun {
		return false, nil
	}
	c.reading.begun = true
	last, err := c.l.last()
	if err != nil || last >= c.cursor {
		return false, err
	}
	c.cursor = last
	return true, c.say(liveMark{Type: "reset", Seq: last})
}

// mayStay asks whether the session or key still holds.
func (c *conn) mayStay() bool {
	err := c.l.s.renew(context.Background(), &caller{token: c.token, bearer: c.bearer})
	if isSignedOut(err) {
		c.leave(closeSignedOut, "signed out")
		return false
	}
	return true
}

// liveMark is a frame without content of its own; its sequence is never left out.
type liveMark struct {
	Type  string `json:"type"`
	Seq   uint64 `json:"seq"`
	Agent uint64 `json:"agent,omitempty"`
}

func (c *conn) say(m any) error {
	data, err := json.Marshal(m)
	if err != nil {
		return err
	}
	f, err := newFrame(0, data)
	if err != nil {
		return err
	}
	return c.sock.Write(f)
}
