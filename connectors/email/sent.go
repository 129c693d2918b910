package email

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/emersion/go-imap/v2"

	"throughline/connectors"
	"throughline/message"
)

const (
	// copyPatience is how long Send waits for the copy in the sent folder; then
	// the mail counts as sent and its copy follows.
	copyPatience = time.Second
	// copyGrace is how long the end of an account waits for its last copies.
	copyGrace = 3 * time.Second
	// freshMail is how old a mail is at most that cannot have gone out before: of an
	// older one an interrupted attempt may have left a copy.
	freshMail = 15 * time.Second
	// maxCopies is how many copies may wait for a server that cannot be reached.
	maxCopies = 200
)

// copyPauses are the waits before a copy is tried again; after the last it is
// given up.
var copyPauses = [...]time.Duration{time.Second, 10 * time.Second, time.Minute, 5 * time.Minute, 15 * time.Minute, 30 * time.Minute}

var errCopyStopped = errors.New("the account was stopped")

// sentCopy is a mail on its way to the sent folder.
type sentCopy struct {
	mail *composed
	size int64
	at   time.Time
	look bool          // whether it is there already
	done chan struct{} // closed when err holds
	err  error
}

// copies puts copies of what was sent into the sent folder, one after the other
// over one connection that is kept for a while. The mails are out already, so
// nothing here makes a Send fail; a copy that is given up is logged. What an end of
// the program leaves behind, Finish does in the next one.
type copies struct {
	mu      sync.Mutex
	waiting []*sentCopy
	open    map[string]*sentCopy // those waiting and the one under way, by Message-ID
	ended   chan struct{}        // of the goroutine that works, nil when none does
	ctx     context.Context
	cancel  context.CancelFunc
	session *session
	idle    *time.Timer
}

// fileSent queues a copy and waits for it, but not long. The text tells people
// what became of it if it is not there yet, and pending that it follows.
func (c *Connector) fileSent(ctx context.Context, mail *composed, size int64, at time.Time) (note string, pending bool) {
	cp := c.copies.add(&sentCopy{mail: mail, size: size, at: at, look: time.Since(at) > freshMail, done: make(chan struct{})}, c.fileCopies)
	if cp == nil {
		return "; the copy for the sent folder follows: many wait", true
	}
	timer := time.NewTimer(c.limits.copy)
	defer timer.Stop()
	select {
	case <-cp.done:
		if cp.err != nil {
			return "; no copy in the sent folder: " + cp.err.Error(), errors.Is(cp.err, errCopyStopped)
		}
		return "", false
	case <-timer.C:
	case <-ctx.Done():
	}
	return "; the copy for the sent folder follows as soon as the server takes it", true
}

// Finish puts the copy of a mail that is out into the sent folder, unless it is there.
func (c *Connector) Finish(ctx context.Context, m message.Message) error {
	if c.set.sent == "" {
		return nil // not wanted any more
	}
	mail, size, err := c.written(m)
	if err != nil {
		return err
	}
	cp := c.copies.add(&sentCopy{mail: mail, size: size, at: m.Time, look: true, done: make(chan struct{})}, c.fileCopies)
	if cp == nil {
		return &connectors.SendError{Class: connectors.Retry, Reason: "many copies wait for the sent folder"}
	}
	select {
	case <-cp.done:
	case <-ctx.Done():
		return &connectors.SendError{Class: connectors.Retry, Reason: "the sent folder takes its time", Err: ctx.Err()}
	}
	switch {
	case cp.err == nil:
		return nil
	case errors.Is(cp.err, errCopyStopped):
		return &connectors.SendError{Class: connectors.Retry, Reason: cp.err.Error(), Err: cp.err}
	}
	return &connectors.SendError{Class: connectors.Reject, Reason: "no copy in the sent folder: " + cp.err.Error(), Err: cp.err}
}

// add queues cp and sees to it that work runs. It returns the copy to wait for, which
// is another one if the same mail is on its way already; nil if there is no room.
func (q *copies) add(cp *sentCopy, work func(context.Context)) *sentCopy {
	q.mu.Lock()
	defer q.mu.Unlock()
	if same := q.open[cp.mail.id]; same != nil {
		return same
	}
	if len(q.waiting) >= maxCopies {
		return nil
	}
	if q.open == nil {
		q.open = map[string]*sentCopy{}
	}
	q.open[cp.mail.id] = cp
	q.waiting = append(q.waiting, cp)
	if q.ended != nil {
		return cp
	}
	if q.idle != nil {
		q.idle.Stop()
	}
	if q.ctx == nil {
		q.ctx, q.cancel = context.WithCancel(context.Background())
	}
	ctx, ended := q.ctx, make(chan struct{})
	q.ended = ended
	go func() {
		defer close(ended)
		work(ctx)
	}()
	return cp
}

// end tells those who wait what became of a copy.
func (q *copies) end(cp *sentCopy, err error) {
	q.mu.Lock()
	delete(q.open, cp.mail.id)
	q.mu.Unlock()
	cp.err = err
	close(cp.done)
}

// next takes the first copy off the queue. When there is none, the worker has
// to end, and its connection is kept for the time of idle.
func (q *copies) next(idle time.Duration) *sentCopy {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.waiting) > 0 {
		cp := q.waiting[0]
		q.waiting = q.waiting[1:]
		return cp
	}
	q.ended = nil
	if q.ctx.Err() != nil {
		q.shut()
	} else {
		q.idle = time.AfterFunc(idle, q.rest)
	}
	return nil
}

// rest closes the connection unless it is in use again.
func (q *copies) rest() {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.ended == nil {
		q.shut()
	}
}

// shut closes the connection; q.mu is held and no worker runs.
func (q *copies) shut() {
	if q.session != nil {
		q.session.close()
		q.session = nil
	}
	if q.cancel != nil {
		q.cancel()
		q.ctx, q.cancel = nil, nil
	}
}

// finish waits at most grace for the copies that are left and gives up the rest.
func (q *copies) finish(grace time.Duration) {
	q.mu.Lock()
	ended, cancel := q.ended, q.cancel
	q.mu.Unlock()
	if ended != nil {
		timer := time.NewTimer(grace)
		defer timer.Stop()
		select {
		case <-ended:
		case <-timer.C:
			cancel()
			<-ended
		}
	}
	q.rest()
}

// fileCopies works off the queue.
func (c *Connector) fileCopies(ctx context.Context) {
	for cp := c.copies.next(c.limits.idleSMTP); cp != nil; cp = c.copies.next(c.limits.idleSMTP) {
		err := c.fileCopy(ctx, cp)
		if err != nil {
			c.log.Warn("no copy was put into the sent folder", "message", cp.mail.id, "error", err.Error())
		}
		c.copies.end(cp, err)
	}
}

// fileCopy tries until the server has taken or refused the copy.
func (c *Connector) fileCopy(ctx context.Context, cp *sentCopy) error {
	for try := 0; ; try++ {
		if ctx.Err() != nil {
			return errCopyStopped
		}
		kept := c.copies.session != nil
		err := c.appendCopy(ctx, cp, cp.look || try > 0)
		var se *connectors.SendError
		var no *imap.Error
		switch {
		case err == nil:
			return nil
		case kept && try == 0 && !errors.As(err, &no):
			continue // the server had closed the connection that was kept
		case errors.As(err, &no) && no.Type == imap.StatusResponseTypeNo && !transient.MatchString(no.Text),
			errors.As(err, &se) && se.Class == connectors.AccountFault, try >= len(copyPauses):
			return err
		}
		wait := copyPauses[try]
		if errors.As(err, &se) {
			wait = max(wait, min(se.After, copyPauses[len(copyPauses)-1]))
		}
		timer := time.NewTimer(wait)
		select {
		case <-timer.C:
		case <-ctx.Done():
		}
		timer.Stop()
	}
}

// appendCopy makes one try. Only the worker touches the session while it runs.
// With look set it looks first whether an earlier try has left the copy there.
func (c *Connector) appendCopy(ctx context.Context, cp *sentCopy, look bool) (err error) {
	s := c.copies.session
	if s == nil {
		if s, err = c.openSession(ctx, noStep); err != nil {
			return err
		}
		c.copies.session = s
	}
	defer func() {
		if !s.alive() {
			s.close()
			c.copies.session = nil
		}
	}()
	if look {
		there, err := s.holds(c.set.sent, cp.mail.id)
		if err != nil || there {
			return c.lost(ctx, s.conn, err)
		}
	}
	return c.lost(ctx, s.conn, s.do(func() error {
		cmd := s.c.Append(c.set.sent, cp.size, &imap.AppendOptions{Flags: []imap.Flag{imap.FlagSeen}, Time: cp.at})
		werr := cp.mail.write(cmd)
		if werr != nil {
			s.conn.Conn.Close() // too few bytes were written; the server must not wait for more
		}
		cerr := cmd.Close()
		_, err := cmd.Wait()
		var no *imap.Error
		if errors.As(err, &no) {
			return err // the server's words say more than the broken write
		}
		return errors.Join(werr, cerr, err)
	}))
}

// holds tells whether a folder has a mail of that Message-ID.
func (s *session) holds(folder, id string) (bool, error) {
	if err := s.open(folder, true); err != nil {
		return false, err
	}
	found := false
	err := s.do(func() error {
		d, err := s.c.UIDSearch(&imap.SearchCriteria{Header: []imap.SearchCriteriaHeaderField{{Key: "Message-ID", Value: id}}}, nil).Wait()
		found = err == nil && len(d.AllUIDs()) > 0
		return err
	})
	return found, err
}
