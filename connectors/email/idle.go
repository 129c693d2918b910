package email

import (
	"errors"
	"time"

	"github.com/emersion/go-imap/v2"

	"throughline/connectors"
)

// watch waits for new mail in the first folder that can be opened and looks at
// the others every poll interval, for as long as the connection holds.
func (r *receiver) watch() error {
	every := r.c.limits.heartbeat
	if len(r.c.set.folders) > 1 || !r.canIdle() {
		every = min(every, r.c.set.poll)
	}
	due := time.Now().Add(every)
	for {
		if err := r.goHome(); err != nil {
			return err
		}
		r.g.show(connectors.State{Phase: connectors.Live, Detail: joinWords(r.brokenWords(), r.c.tokens.keep(r.ctx))})
		woken, err := r.wait(time.Until(due))
		if err != nil {
			return r.lost(err)
		}
		if woken {
			// The flag is taken before the fetch: whatever comes later sets it again.
			if err := r.catchUp(r.s.folder); err != nil {
				return err
			}
			if time.Now().Before(due) {
				continue
			}
		}
		due = time.Now().Add(every)
		if err := r.patrol(); err != nil {
			return err
		}
	}
}

func joinWords(a, b string) string {
	if a != "" && b != "" {
		return a + "; " + b
	}
	return a + b
}

func (r *receiver) canIdle() bool {
	return !r.c.pollOnly && (r.s.caps.Has(imap.CapIdle) || r.s.caps.Has(imap.CapIMAP4rev2))
}

// home is the folder to wait in.
func (r *receiver) home() string {
	for _, f := range r.c.set.folders {
		if _, broken := r.broken[f]; !broken {
			return f
		}
	}
	return r.c.set.folders[0]
}

// goHome opens the folder to wait in, if another one is open.
func (r *receiver) goHome() error {
	for r.s.folder != r.home() {
		if len(r.broken) == len(r.c.set.folders) {
			return &connectors.SendError{Class: connectors.Retry, Reason: r.brokenWords()}
		}
		if err := r.visit(r.home()); err != nil {
			return err
		}
	}
	return nil
}

// patrol asks for a sign of life and looks at every folder: whether it grew,
// and whether it was deleted and made anew behind our back, which a server does
// not tell those who have it open.
func (r *receiver) patrol() error {
	for _, f := range r.c.set.folders {
		d, err := r.s.status(f)
		var no *imap.Error
		if _, wait := throttled(err); !wait && errors.As(err, &no) {
			// NO: perhaps it is gone. Opening it tells.
			if err := r.visit(f); err != nil {
				return err
			}
			continue
		}
		if err != nil {
			return r.lost(err)
		}
		if p, known := r.g.place(f); known && d.UIDValidity == p.Validity && d.UIDNext != 0 && d.UIDNext <= p.Last+1 && r.broken[f] == "" {
			continue
		}
		if err := r.visit(f); err != nil {
			return err
		}
	}
	return nil
}

// wait returns at the latest after d, and sooner, with woken set, when the
// open folder may have grown.
func (r *receiver) wait(d time.Duration) (woken bool, err error) {
	timer := time.NewTimer(max(d, 0))
	defer timer.Stop()
	if !r.canIdle() {
		select {
		case <-r.s.wake:
			return true, nil
		case <-timer.C:
			return false, nil
		case <-r.s.c.Closed():
			return false, errClosed
		case <-r.ctx.Done():
			return false, r.ctx.Err()
		}
	}
	var leave func() error
	began := time.Now()
	r.s.idle.watch(true)
	if err := r.s.ask(func() error {
		idle, err := r.s.c.Idle()
		if err == nil {
			leave = func() error { return errors.Join(idle.Close(), idle.Wait()) }
		}
		return err
	}); err != nil {
		r.s.idle.watch(false)
		return false, err
	}
	select {
	case <-r.s.wake:
		woken = true
	case <-timer.C:
	case <-r.s.idle.ended:
		// The server has ended it by itself, and takes our DONE for nonsense.
		r.s.conn.Conn.Close()
		err = errIdleEnded
		if time.Since(began) < idleShort {
			r.c.log.Warn("the server ends IDLE by itself; new mail is asked for every poll interval instead")
			r.c.pollOnly = true
		}
	case <-r.s.c.Closed():
		err = errClosed
	case <-r.ctx.Done():
		r.s.conn.Conn.Close() // so that leaving does not wait for an answer
		err = r.ctx.Err()
	}
	r.s.idle.watch(false)
	left := r.s.ask(leave)
	if err != nil {
		return false, err // leaving a closed connection has nothing to add
	}
	return woken, left
}

var errIdleEnded = errors.New("the server ended IDLE")

var errClosed = errors.New("the server closed the connection")
