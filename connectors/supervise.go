package connectors

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"runtime/debug"
	"time"
)

// The pauses between two runs of a connector.
const (
	FirstPause = time.Second
	LongPause  = 5 * time.Minute
	// GoodStretch is how long a run has to last for its end to count as the
	// first failure again.
	GoodStretch = time.Minute
	// LongestWish bounds what a provider may ask for (SendError.After).
	LongestWish = 6 * time.Hour
)

// Supervisor runs one connector for as long as the account exists: again after
// every failure, with growing pauses, and with a halt when only a person can
// help.
type Supervisor struct {
	c    Connector
	in   Sink
	log  *slog.Logger
	kick chan struct{}
}

// NewSupervisor prepares to run c. Its State also tells of the pauses.
func NewSupervisor(c Connector, in Sink, log *slog.Logger) *Supervisor {
	return &Supervisor{c: c, in: in, log: log, kick: make(chan struct{}, 1)}
}

// Kick ends a pause or a halt: somebody changed what was wrong, or pressed "try
// now". While the connector runs it does nothing. It never blocks.
func (s *Supervisor) Kick() {
	select {
	case s.kick <- struct{}{}:
	default:
	}
}

// Run runs the connector until ctx ends, and returns after it has stopped.
//
// A run that failed is followed by a pause that doubles from FirstPause to
// LongPause, give or take a quarter, so that the accounts of one provider do
// not come back all at once; a longer wish of the provider is obeyed. After an
// AccountFault it waits for Kick.
func (s *Supervisor) Run(ctx context.Context) {
	pause := FirstPause
	for {
		began := time.Now()
		err := s.once(ctx)
		select {
		case <-s.kick: // it came during the run
		default:
		}
		if ctx.Err() != nil {
			s.in.State(State{Phase: Stopped})
			return
		}
		if time.Since(began) >= GoodStretch {
			pause = FirstPause
		}
		reason := reasonOf(err)
		if ClassOf(err) == AccountFault {
			s.log.Error("the account needs attention", "reason", reason)
			s.in.State(State{Phase: Blocked, Detail: reason})
			select {
			case <-ctx.Done():
			case <-s.kick:
				pause = FirstPause
			}
			continue
		}
		wait := jitter(pause)
		var se *SendError
		if errors.As(err, &se) {
			wait = max(wait, min(se.After, LongestWish))
		}
		pause = min(2*pause, LongPause)
		s.log.Warn("the connection failed and is tried again", "reason", reason, "wait", wait.Round(time.Millisecond))
		s.in.State(State{Phase: Retrying, Detail: reason, Retry: time.Now().Add(wait)})
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
		case <-s.kick:
			pause = FirstPause
		case <-timer.C:
		}
		timer.Stop()
	}
}

// Supervise runs c until ctx ends, for those who never need to Kick.
func Supervise(ctx context.Context, c Connector, in Sink, log *slog.Logger) {
	NewSupervisor(c, in, log).Run(ctx)
}

// once makes one run; a panic is an error of that run.
func (s *Supervisor) once(ctx context.Context) (err error) {
	if err := ctx.Err(); err != nil {
		return err
	}
	defer func() {
		if v := recover(); v != nil {
			s.log.Error("the connector failed", "panic", fmt.Sprint(v), "stack", string(debug.Stack()))
			err = errors.New("the connector failed with a programming error; the log has the details")
		}
	}()
	return s.c.Run(ctx, s.in)
}

// reasonOf is what people are told.
func reasonOf(err error) string {
	if err == nil {
		return "the connection ended"
	}
	return err.Error()
}

// jitter spreads d by a quarter to both sides.
func jitter(d time.Duration) time.Duration {
	return d - d/4 + rand.N(d/2)
}
