package email

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/emersion/go-imap/v2"

	"throughline/connectors"
)

const (
	// copyPatience is how long Send waits for the copy in the sent folder; then
	// the mail counts as sent and its copy follows.
	copyPatience = time.Second
	// copyGrace is how long the end of an account waits for its last copies.
	copyGrace = 3 * time.Second
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
	done chan error // of capacity one
}

// copies puts copies of what was sent into the sent folder, one after the other
// over one connection that is kept for a while. The mails are out already, so
// nothing here makes a Send fail; a copy that is given up is logged.
type copies struct {
	mu      sync.Mutex
	waiting []*sentCopy
	ended   chan struct{} // of the goroutine that works, nil when none does
	ctx     context.Context
	cancel  context.CancelFunc
	session *session
	idle    *time.Timer
}

// fileSent queues a copy and waits for it, but not long. The text tells people
// what became of it if it is not there yet.
func (c *Connector) fileSent(ctx context.Context, mail *composed, size int64, at time.Time) (note string) {
	cp := &sentCopy{mail: mail, size: size, at: at, done: make(chan error, 1)}
	if !c.copies.add(cp, c.fileCopies) {
		c.log.Warn("no copy was put into the sent folder", "error", "too many copies wait")
		return "; no copy in the sent folder: too many copies wait"
	}
	timer := time.NewTimer(c.limits.copy)
	defer timer.Stop()
	select {
	case err := <-cp.done:
		if err != nil {
			return "; no copy in the sent folder: " + err.Error()
		}
		return ""
	case <-timer.C:
	case <-ctx.Done():
	}
	return "; the copy for the sent folder follows as soon as the server takes it"
}

// add queues cp and sees to it that work runs.
func (q *copies) add(cp *sentCopy, work func(context.Context)) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.waiting) >= maxCopies {
		return false
	}
	q.waiting = append(q.waiting, cp)
	if q.ended != nil {
		return true
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
	return true
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
		cp.done <- err
	}
}

// fileCopy tries until the server has taken or refused the copy.
func (c *Connector) fileCopy(ctx context.Context, cp *sentCopy) error {
	for try := 0; ; try++ {
		if ctx.Err() != nil {
			return errCopyStopped
		}
		kept := c.copies.session != nil
		err := c.appendCopy(ctx, cp, try > 0)
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
