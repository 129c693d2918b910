package email

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/emersion/go-imap/v2"

	"throughline/connectors"
	"throughline/message"
)

// errAgain ends a session that broke over certain mails: connect again at once
// and try them in smaller pieces.
var errAgain = errors.New("fetch again in smaller pieces")

// nowSlack is how much older than the account's start a mail may be and still
// count as new: clocks differ.
const nowSlack = time.Hour

func noStep(string, error) {}

// Run receives until ctx ends. It connects again by itself only to find out
// which mail breaks the connection; any other trouble it returns.
func (c *Connector) Run(ctx context.Context, in connectors.Sink) error {
	defer c.out.release()
	for {
		err := c.runSession(ctx, in)
		if ctx.Err() != nil {
			c.copies.finish(copyGrace)
			return ctx.Err()
		}
		if !errors.Is(err, errAgain) {
			return err
		}
	}
}

func (c *Connector) runSession(ctx context.Context, in connectors.Sink) error {
	stored, err := in.Cursor(ctx)
	if err != nil {
		return fmt.Errorf("the hub did not give the cursor: %w", err)
	}
	cur, err := readCursor(stored)
	if err != nil {
		c.log.Warn("the stored cursor cannot be read; everything is offered again", "error", err)
	}
	g := newIngest(ctx, c, in, cur.of(c.box))
	defer g.stop()
	g.show(connectors.State{Phase: connectors.Connecting})
	s, err := c.openSession(g.ctx, noStep)
	if err != nil {
		return err
	}
	defer s.close()
	r := &receiver{c: c, s: s, g: g, ctx: g.ctx, broken: map[string]string{}, tidied: map[string]bool{}}
	err = r.run()
	if cause := context.Cause(g.ctx); cause != nil {
		return cause // the connection was closed because of it
	}
	return err
}

// receiver reads the folders of one session.
type receiver struct {
	c      *Connector
	s      *session
	g      *ingest
	ctx    context.Context
	broken map[string]string // folders that cannot be opened, and why
	tidied map[string]bool   // folders whose Todo is done
}

// run takes in what is there and then what comes, until something breaks.
func (r *receiver) run() error {
	if err := r.merge(); err != nil {
		return err
	}
	for _, f := range r.c.set.folders {
		if err := r.visit(f); err != nil {
			return err
		}
	}
	if len(r.broken) == len(r.c.set.folders) {
		return &connectors.SendError{Class: connectors.Retry, Reason: r.brokenWords()}
	}
	return r.watch()
}

func (r *receiver) brokenWords() string {
	var out []string
	for _, f := range r.c.set.folders {
		if why, ok := r.broken[f]; ok {
			out = append(out, fmt.Sprintf("the folder %q cannot be opened: %s", oneLine(f), why))
		}
	}
	return strings.Join(out, "; ")
}

// visit opens a folder and takes in what is new there. A folder that cannot be
// opened does not stop the others.
func (r *receiver) visit(folder string) error {
	if ok, err := r.enter(folder); !ok || err != nil {
		return err
	}
	return r.catchUp(folder)
}

// enter opens a folder, or takes note that the server does not let us. BAD is
// what some servers say to names that they do not understand.
func (r *receiver) enter(folder string) (ok bool, err error) {
	if err := r.s.open(folder, r.c.set.after == afterLeave); err != nil {
		var no *imap.Error
		if _, wait := throttled(err); wait || !errors.As(err, &no) || no.Type != imap.StatusResponseTypeNo && no.Type != imap.StatusResponseTypeBad {
			return false, r.lost(err)
		}
		why := r.c.words(err)
		if r.broken[folder] != why {
			r.c.log.Warn("a folder cannot be opened", "folder", folder, "answer", why)
		}
		r.broken[folder] = why
		return false, nil
	}
	delete(r.broken, folder)
	return true, nil
}

func (r *receiver) lost(err error) error { return r.c.lost(r.ctx, r.s.conn, err) }

// catchUp takes in everything behind the cursor in the open folder.
func (r *receiver) catchUp(folder string) error {
	p, t, err := r.begin(folder)
	if err != nil {
		return err
	}
	if err := r.walk(p, t); err != nil {
		ferr := r.g.flush()
		if now, _ := r.g.place(folder); ferr == nil {
			t.from = now.Last
		} else {
			t.groups = nil
		}
		return err
	}
	delete(r.c.trouble, folder)
	return r.g.flush()
}

// begin finds out where to go on in the open folder, and what trouble there was
// with it.
func (r *receiver) begin(folder string) (place, *trouble, error) {
	p, known := r.g.place(folder)
	t := r.c.trouble[folder]
	switch {
	case !known && r.c.set.start == startNow:
		last, err := r.newest()
		if err != nil {
			return p, nil, r.lost(err)
		}
		p = place{Validity: r.s.validity, Last: last, Since: time.Now().Unix()}
		if err := r.g.setPlace(folder, p); err != nil {
			return p, nil, err
		}
	case p.Validity != r.s.validity:
		if known {
			r.c.log.Info("the server has renumbered a folder; it is read again from the start", "folder", folder)
		}
		p = place{Validity: r.s.validity, Since: p.Since}
	case p.Todo != "" && !r.tidied[folder]:
		// The last run may have ended before it came to this.
		if err := r.finish(p.Todo); err != nil {
			return p, nil, r.lost(err)
		}
	}
	r.tidied[folder] = true
	if t == nil || t.validity != r.s.validity {
		t = &trouble{validity: r.s.validity, fails: map[imap.UID]int{}}
		r.c.trouble[folder] = t
	}
	if t.from != p.Last {
		t.groups = nil // the cursor was moved by somebody else
	}
	return p, t, nil
}

// newest is the last UID given out in the open folder.
func (r *receiver) newest() (imap.UID, error) {
	if r.s.next > 0 {
		return r.s.next - 1, nil
	}
	entries, err := r.s.list(1, 0, true)
	if err != nil || len(entries) == 0 {
		return 0, err
	}
	return entries[len(entries)-1].uid, nil
}

// walk lists the open folder window by window and fetches each.
func (r *receiver) walk(p place, t *trouble) error {
	last := p.Last
	lag := r.lag(p)
	take := func(l *load) error {
		p = p.reach(l.last)
		lag = max(0, lag-len(l.arrivals))
		l.lag = lag
		return r.deliver(l, p)
	}
	if len(t.groups) > 0 {
		tail := t.groups[len(t.groups)-1]
		last = tail[len(tail)-1].uid
		if err := r.fetchAll(t, take); err != nil {
			return err
		}
	}
	list := lister{lo: last + 1, next: r.s.next, mails: windowMails}
	for !list.end {
		entries, err := r.list(&list, p, t)
		if err != nil {
			return err
		}
		taken := p.taken()
		t.groups = split(slices.DeleteFunc(entries, func(e entry) bool { return taken(e.uid) }))
		if err := r.fetchAll(t, take); err != nil {
			return err
		}
	}
	return nil
}

// lister goes through a folder window by window.
type lister struct {
	lo    imap.UID // where the next window begins
	next  imap.UID // the folder's UIDNEXT, 0 unknown
	mails int      // how many a window is to hold
	width imap.UID // of the next window
	end   bool     // the last window was listed
}

// list lists the next window of the open folder, without what is too old.
func (r *receiver) list(w *lister, p place, t *trouble) ([]entry, error) {
	if w.width == 0 {
		w.width = imap.UID(w.mails)
	}
	hi := imap.UID(0)
	if w.next > 0 && uint64(w.lo)+uint64(w.width) < uint64(w.next) {
		hi = w.lo + w.width - 1
	}
	entries, err := r.s.list(w.lo, hi, t.careful)
	if err != nil {
		if r.ctx.Err() == nil && !r.s.alive() && !t.careful {
			t.careful = true
			return nil, errAgain
		}
		return nil, r.lost(err)
	}
	w.lo, w.end = hi+1, hi == 0
	if len(entries) < w.mails/4 && w.width < 1<<30 {
		w.width *= 2 // most UIDs of this range are gone
	} else if len(entries) > 2*w.mails {
		w.width = imap.UID(w.mails)
	}
	if p.Since > 0 {
		entries = slices.DeleteFunc(entries, func(e entry) bool {
			return !e.received.IsZero() && e.received.Before(time.Unix(p.Since, 0).Add(-nowSlack))
		})
	}
	return entries, nil
}

// lag estimates how many mails wait in the open folder.
func (r *receiver) lag(p place) int {
	if r.s.next == 0 || p.Last == 0 {
		return int(r.s.count)
	}
	if r.s.next <= p.Last+1 {
		return 0
	}
	return int(min(uint32(r.s.next-1-p.Last), r.s.count))
}

// fetchAll works off the groups of t and gives what came of each to take.
func (r *receiver) fetchAll(t *trouble, take func(*load) error) error {
	for len(t.groups) > 0 {
		group := t.groups[0]
		t.groups = t.groups[1:]
		got, rest, err := r.fetch(group, t)
		if len(got.arrivals) > 0 || got.last > 0 {
			if serr := take(got); serr != nil {
				return serr
			}
		}
		if err != nil {
			return err
		}
		if len(rest) > 0 {
			t.failed(rest, len(got.arrivals) > 0)
			if !r.s.alive() {
				return errAgain
			}
		}
	}
	return nil
}

// fetch gets one group. It returns what can be delivered, in order and without
// a gap, and the rest that did not arrive though it exists.
func (r *receiver) fetch(group []entry, t *trouble) (*load, []entry, error) {
	l, from := &load{}, origin{r.s.folder, r.s.validity}
	want := slices.DeleteFunc(slices.Clone(group), func(e entry) bool { return e.size > MaxSize })
	if len(group) == 1 && t.fails[group[0].uid] >= poisonTries {
		return r.giveUp(group[0], t)
	}
	var got map[imap.UID]message.Content
	var err error
	if len(want) > 0 {
		got, err = r.s.bodies(want, r.c.host.TempDir)
	}
	var local *localError
	gone := map[imap.UID]bool{}
	missing := slices.DeleteFunc(slices.Clone(want), func(e entry) bool { return got[e.uid] != nil })
	if len(missing) > 0 {
		_, wait := throttled(err)
		if errors.As(err, &local) || r.ctx.Err() != nil || wait {
			dropContents(got)
			if local != nil {
				return l, nil, local
			}
			return l, nil, r.lost(err)
		}
		if r.s.alive() {
			gone = r.vanished(missing)
		}
	}
	for i, e := range group {
		raw := got[e.uid]
		delete(got, e.uid)
		switch {
		case e.size > MaxSize:
			l.arrivals = append(l.arrivals, arrival{in: from, uid: e.uid, reason: tooLarge(e.size)})
		case raw != nil && raw.Size() > MaxSize:
			dropContents(map[imap.UID]message.Content{e.uid: raw})
			l.arrivals = append(l.arrivals, arrival{in: from, uid: e.uid, reason: tooLarge(raw.Size())})
		case raw != nil:
			l.arrivals = append(l.arrivals, arrival{in: from, uid: e.uid, raw: raw, received: e.received})
			r.c.holes = 0
		case !gone[e.uid]:
			dropContents(got)
			rest := slices.DeleteFunc(slices.Clone(group[i:]), func(e entry) bool { return gone[e.uid] })
			return l, rest, nil
		}
		l.last = e.uid
	}
	return l, nil, nil
}

// vanished tells which mails do not exist any more.
func (r *receiver) vanished(missing []entry) map[imap.UID]bool {
	var set imap.UIDSet
	for _, e := range missing {
		set.AddNum(e.uid)
	}
	there, err := r.s.search(set)
	gone := map[imap.UID]bool{}
	if err != nil {
		return gone
	}
	for _, e := range missing {
		if _, found := slices.BinarySearch(there, e.uid); !found {
			gone[e.uid] = true
		}
	}
	return gone
}

// giveUp holds a mail that the server cannot hand over. When it happens to many
// in a row, the fault is the server's, and no mail is given up for that.
func (r *receiver) giveUp(e entry, t *trouble) (*load, []entry, error) {
	if r.c.holes >= maxHoles {
		clear(t.fails)
		t.groups = slices.Insert(t.groups, 0, []entry{e})
		return &load{}, nil, &connectors.SendError{Class: connectors.Retry, Reason: "the server breaks off whenever a mail is fetched"}
	}
	r.c.holes++
	delete(t.fails, e.uid)
	reason := fmt.Sprintf("the mail server could not hand this mail over in %d tries", poisonTries)
	return &load{arrivals: []arrival{{in: origin{r.s.folder, r.s.validity}, uid: e.uid, reason: reason}}, last: e.uid}, nil, nil
}
