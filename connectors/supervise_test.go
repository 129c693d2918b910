package connectors

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"throughline/message"
)

// scripted is a connector whose runs follow a script; the last one repeats.
type scripted struct {
	runs  []func(ctx context.Context) error
	times []time.Time
}

func (s *scripted) Info() Info { return Info{} }

func (s *scripted) Send(context.Context, message.Message) (Receipt, error) { return Receipt{}, nil }

func (s *scripted) Run(ctx context.Context, _ Sink) error {
	i := min(len(s.times), len(s.runs)-1)
	s.times = append(s.times, time.Now())
	return s.runs[i](ctx)
}

type stateSink struct{ states []State }

func (s *stateSink) Cursor(context.Context) ([]byte, error) { return nil, nil }
func (s *stateSink) Accept(context.Context, Batch) error    { return nil }
func (s *stateSink) State(st State)                         { s.states = append(s.states, st) }

func fail(err error) func(context.Context) error {
	return func(context.Context) error { return err }
}

func untilEnd(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }

func lasting(d time.Duration, err error) func(context.Context) error {
	return func(ctx context.Context) error { time.Sleep(d); return err }
}

// supervise runs c in a bubble until end has passed and returns what was shown.
func supervise(t *testing.T, c *scripted, end time.Duration, during func(*Supervisor)) []State {
	t.Helper()
	sink := &stateSink{}
	ctx, cancel := context.WithTimeout(t.Context(), end)
	defer cancel()
	s := NewSupervisor(c, sink, slog.New(slog.DiscardHandler))
	if during != nil {
		go during(s)
	}
	s.Run(ctx)
	if last := sink.states[len(sink.states)-1]; last.Phase != Stopped {
		t.Errorf("last state is %+v", last)
	}
	return sink.states
}

func TestPausesGrowToALimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &scripted{runs: []func(context.Context) error{fail(errors.New("no route"))}}
		states := supervise(t, c, time.Hour, nil)
		want := FirstPause
		for i := 1; i < len(c.times); i++ {
			got := c.times[i].Sub(c.times[i-1])
			if got < want*3/4 || got > want*5/4 {
				t.Errorf("pause %d is %v, want about %v", i, got, want)
			}
			want = min(2*want, LongPause)
		}
		if len(c.times) < 15 || len(c.times) > 25 {
			t.Errorf("%d runs in an hour", len(c.times))
		}
		if s := states[0]; s.Phase != Retrying || s.Detail != "no route" || !s.Retry.Equal(c.times[1]) {
			t.Errorf("state = %+v, next run %v", s, c.times[1])
		}
	})
}

func TestGoodStretchResetsPause(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		down := fail(errors.New("down"))
		c := &scripted{runs: []func(context.Context) error{down, down, down, down, down, lasting(GoodStretch, errors.New("cut")), untilEnd}}
		supervise(t, c, time.Hour, nil)
		if got := c.times[6].Sub(c.times[5]) - GoodStretch; got > FirstPause*5/4 {
			t.Errorf("pause after a good stretch is %v", got)
		}
	})
}

func TestProvidersWishIsObeyed(t *testing.T) {
	for _, tt := range []struct{ wish, want time.Duration }{{40 * time.Minute, 40 * time.Minute}, {100 * time.Hour, LongestWish}} {
		synctest.Test(t, func(t *testing.T) {
			c := &scripted{runs: []func(context.Context) error{fail(&SendError{Class: Retry, Reason: "throttled", After: tt.wish}), untilEnd}}
			supervise(t, c, 10*time.Hour, nil)
			if got := c.times[1].Sub(c.times[0]); got != tt.want {
				t.Errorf("waited %v, want %v", got, tt.want)
			}
		})
	}
}

func TestAccountFaultWaitsForKick(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &scripted{runs: []func(context.Context) error{fail(&SendError{Class: AccountFault, Reason: "wrong password"}), untilEnd}}
		states := supervise(t, c, 48*time.Hour, func(s *Supervisor) {
			time.Sleep(24 * time.Hour)
			s.Kick()
		})
		if got := c.times[1].Sub(c.times[0]); len(c.times) != 2 || got != 24*time.Hour {
			t.Errorf("%d runs, the second after %v", len(c.times), got)
		}
		if states[0].Phase != Blocked || states[0].Detail != "wrong password" {
			t.Errorf("state = %+v", states[0])
		}
	})
}

func TestKickEndsPause(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &scripted{runs: []func(context.Context) error{lasting(time.Minute, &SendError{Class: Retry, Reason: "later", After: time.Hour}), untilEnd}}
		supervise(t, c, 2*time.Hour, func(s *Supervisor) {
			time.Sleep(30 * time.Second)
			s.Kick() // during the run: must not shorten the pause
			time.Sleep(90 * time.Second)
			s.Kick()
		})
		if got := c.times[1].Sub(c.times[0]); got != 2*time.Minute {
			t.Errorf("waited %v", got)
		}
	})
}

func TestPanicIsAFailureOfOneRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &scripted{runs: []func(context.Context) error{func(context.Context) error { panic("secret detail") }, untilEnd}}
		states := supervise(t, c, time.Minute, nil)
		if len(c.times) != 2 {
			t.Errorf("%d runs", len(c.times))
		}
		if states[0].Phase != Retrying || strings.Contains(states[0].Detail, "secret") {
			t.Errorf("state = %+v", states[0])
		}
	})
}

func TestEndDuringPause(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &scripted{runs: []func(context.Context) error{fail(&SendError{Class: Retry, Reason: "later", After: time.Hour})}}
		supervise(t, c, time.Minute, nil)
		if len(c.times) != 1 {
			t.Errorf("%d runs", len(c.times))
		}
	})
}
