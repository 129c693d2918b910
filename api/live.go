package api

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"throughline/store"
	"throughline/timeline"
)

const (
	// maxBehind is how many events a client is given to catch up with; one that
	// is further behind begins anew.
	maxBehind = 20_000
	// logPage is how many events a client behind the ring is sent at a time.
	logPage = 64
	// maxSockets bounds the memory for live streams.
	maxSockets = 20_000
	// tailPause is how long the shared loop waits after trouble with the store.
	tailPause = time.Second
)

// lives are all live streams. One loop follows the log and encodes each event
// once; every socket has a cursor of its own, a wake-up that carries nothing,
// and a goroutine that writes. Nothing is queued for a socket: one that is slow
// falls behind, reads the log itself, and in the end is closed and resumes.
type lives struct {
	s    *Server
	up   *upgrader
	ring ring
	told board

	mu      sync.Mutex
	conns   map[*conn]struct{}
	stopped bool
	wg      sync.WaitGroup

	stir  chan struct{} // size 1: there may be something for the board
	moved atomic.Bool   // there were events since the counts were told
}

func newLives(s *Server) *lives {
	return &lives{s: s, up: newUpgrader(s.ownOrigin), conns: map[*conn]struct{}{}, stir: make(chan struct{}, 1)}
}

func (l *lives) count() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.conns)
}

// run follows the log until ctx ends and then closes all sockets.
func (l *lives) run(ctx context.Context) error {
	var wg sync.WaitGroup
	wg.Go(func() { l.keepBoard(ctx) })
	wg.Go(func() { l.keepReady(ctx) })
	for ctx.Err() == nil {
		if err := l.follow(ctx); err != nil && ctx.Err() == nil {
			if errors.Is(err, store.ErrClosed) {
				break
			}
			l.s.log.Error("live: following the log", "error", err)
			select {
			case <-time.After(tailPause):
			case <-ctx.Done():
			}
		}
	}
	<-ctx.Done()
	l.mu.Lock()
	l.stopped = true
	for c := range l.conns {
		c.leave(closeGoingAway, "the hub is shutting down")
	}
	l.mu.Unlock()
	l.wg.Wait()
	wg.Wait()
	return nil
}

// follow fills the ring and wakes the sockets. While there are none it only
// keeps the place.
func (l *lives) follow(ctx context.Context) error {
	var from uint64
	if err := l.s.hub.Store.View(func(tx *store.Tx) error {
		from = l.s.hub.Timeline.Last(tx)
		return nil
	}); err != nil {
		return err
	}
	l.ring.begin(from)
	l.wakeAll()
	for batch, err := range l.s.hub.Timeline.Tail(ctx, from) {
		if err != nil {
			return err
		}
		l.moved.Store(true)
		if l.count() == 0 {
			l.ring.begin(batch[len(batch)-1].Seq)
		} else {
			frames, err := l.encode(batch)
			if err != nil {
				return err
			}
			l.ring.add(frames)
		}
		l.wakeAll()
		l.stirUp()
	}
	return ctx.Err()
}

// encode makes the frames of events: each with what it tells of and the
// conversation as it is now.
func (l *lives) encode(events []timeline.Event) ([]*frame, error) {
	frames := make([]*frame, 0, len(events))
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	err := l.s.view(func(v *view) error {
		for _, e := range events {
			entry, err := v.entry(&e, frameText)
			if err != nil {
				return err
			}
			f := LiveFrame{Type: "entry", Seq: e.Seq, Entry: &entry}
			if e.Conversation != 0 {
				c, err := l.s.hub.Conversation(v.tx, e.Conversation)
				if err == nil {
					var row Row
					if row, err = v.row(c); err == nil {
						f.Row = &row
					}
				}
				if err != nil && !errors.Is(err, store.ErrNotFound) {
					return err
				}
			}
			b.Reset()
			if err := enc.Encode(f); err != nil {
				return err
			}
			fr, err := newFrame(e.Seq, bytes.Clone(bytes.TrimSuffix(b.Bytes(), []byte("\n"))))
			if err != nil {
				return err
			}
			frames = append(frames, fr)
		}
		return nil
	})
	return frames, err
}

// fromLog reads the events that follow seq as frames, for one socket.
func (l *lives) fromLog(seq uint64) ([]*frame, error) {
	var events []timeline.Event
	if err := l.s.hub.Store.View(func(tx *store.Tx) (err error) {
		events, err = l.s.hub.Timeline.After(tx, seq, logPage)
		return err
	}); err != nil || len(events) == 0 {
		return nil, err
	}
	return l.encode(events)
}

// last is the newest sequence number of the log.
func (l *lives) last() (seq uint64, err error) {
	err = l.s.hub.Store.View(func(tx *store.Tx) error {
		seq = l.s.hub.Timeline.Last(tx)
		return nil
	})
	return seq, err
}

func (l *lives) wakeAll() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for c := range l.conns {
		c.rouse()
	}
}

// stirUp asks for another look at what the board tells.
func (l *lives) stirUp() {
	select {
	case l.stir <- struct{}{}:
	default:
	}
}

// recheck has an agent's sockets ask again whether they may stay.
func (l *lives) recheck(agent uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for c := range l.conns {
		if c.agent == agent {
			c.check.Store(true)
			c.rouse()
		}
	}
}

func (l *lives) join(c *conn) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.stopped || len(l.conns) >= maxSockets {
		return errFull
	}
	l.conns[c] = struct{}{}
	l.wg.Add(2)
	return nil
}

func (l *lives) part(c *conn) {
	l.mu.Lock()
	delete(l.conns, c)
	l.mu.Unlock()
	l.stirUp()
}

var errFull = &problemError{status: 503, detail: "the hub cannot take another live connection now: try again in a moment", headers: map[string]string{"Retry-After": "5"}}

type liveIn struct {
	Since uint64 `query:"since" doc:"The newest sequence number the client has; absent follows from now on."`
	given bool
}

// Resolve tells 0, the beginning of the log, from nothing.
func (i *liveIn) Resolve(ctx huma.Context) []error {
	i.given = ctx.Query("since") != ""
	return nil
}

func (s *Server) live(ctx context.Context, i *liveIn) (*huma.StreamResponse, error) {
	me := who(ctx)
	last, err := s.lives.last()
	if err != nil {
		return nil, err
	}
	return &huma.StreamResponse{Body: func(ctx huma.Context) {
		r, w := humago.Unwrap(ctx)
		if s.lives.count() >= maxSockets {
			s.refuse(ctx, errFull)
			return
		}
		sock, err := s.lives.up.upgrade(w, r)
		if err != nil {
			return // it has been answered
		}
		c := &conn{l: s.lives, sock: sock, agent: me.id(), token: me.token, bearer: me.bearer, cursor: last,
			wake: make(chan struct{}, 1), gone: make(chan struct{})}
		if i.given {
			c.cursor = i.Since
		}
		if err := s.lives.join(c); err != nil {
			sock.Close(closeGoingAway, "try again")
			return
		}
		// Who was switched off between the request's check and join was told
		// nothing: the writer asks once more.
		c.check.Store(true)
		// The request's goroutine ends here, with its buffers.
		go c.reads()
		go c.writes(last)
	}}, nil
}
