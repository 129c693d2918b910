package slack

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"throughline/connectors"
	"throughline/message"
)

// run is one call of Run.
type run struct {
	*Connector
	in connectors.Sink
	us self

	mu    sync.Mutex // one call of in at a time, and what follows
	cur   *cursor
	dirty bool // cur has news that the hub does not have
	// refused is why the hub did not take something in: nothing is offered any more
	// until the next Run.
	refused error
	again   bool // Slack asked to connect again: it keeps what it could not deliver
	shown   connectors.State
	full    time.Time // of the last look at old threads
	count   int       // of channels that are read
}

// Run receives by Socket Mode if there is an app token, and looks through the
// histories for what events did not bring.
func (c *Connector) Run(ctx context.Context, in connectors.Sink) error {
	defer c.api.net.CloseIdleConnections()
	r := &run{Connector: c, in: in}
	r.state(connectors.Connecting, "")
	told := r.waiting
	c.api.waits.Store(&told)
	defer c.api.waits.Store(nil)
	err := r.begin(ctx)
	for again := false; err == nil; again = true {
		r.again = again
		if c.set.app != "" {
			err = r.session(ctx)
		} else {
			err = r.watch(ctx, nil)
		}
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return fault(err)
}

// begin finds out who we are and how far we were.
func (r *run) begin(ctx context.Context) error {
	r.mu.Lock()
	stored, err := r.in.Cursor(ctx)
	r.mu.Unlock()
	if err != nil {
		return err
	}
	if r.cur, err = readCursor(stored); err != nil {
		return err
	}
	team, user, bot, err := r.introduce(ctx)
	if err != nil {
		return err
	}
	r.us = self{team, user, bot}
	if r.cur != nil && r.cur.Team != team {
		return &connectors.SendError{Class: connectors.AccountFault,
			Reason: "the bot token is of another workspace than before; make a new account for that workspace, or enter a token of the former one"}
	}
	if r.cur == nil {
		begin := time.Now().Add(-r.set.history)
		if r.set.history == 0 {
			begin = begin.Add(-r.limits.settle) // the clocks may differ a little
		}
		r.cur = &cursor{Version: cursorVersion, Team: team, Begin: stampOf(begin), Rooms: map[string]*progress{}, Threads: map[string]string{}}
		r.dirty = true
	}
	first, _ := stamp(r.cur.Begin)
	r.Connector.mu.Lock()
	r.first = first
	r.Connector.mu.Unlock()
	return nil
}

// state shows a state if it is another one.
func (r *run) state(phase connectors.Phase, detail string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	s := connectors.State{Phase: phase, Detail: detail}
	if s != r.shown {
		r.shown = s
		r.in.State(s)
	}
}

// noticeable is a wait that people are told of.
const noticeable = 3 * time.Second

// waiting shows that Slack asked to wait.
func (r *run) waiting(d time.Duration) {
	if d < noticeable {
		return
	}
	r.mu.Lock()
	phase := r.shown.Phase
	r.mu.Unlock()
	r.state(phase, fmt.Sprintf("Slack asks to read more slowly: it goes on in %v", d.Round(time.Second)))
}

// live is the state while all is well, with the trouble of webhooks if there is any.
func (r *run) live() {
	r.Connector.mu.Lock()
	trouble := r.trouble
	r.Connector.mu.Unlock()
	if trouble == "" && r.set.app == "" && r.host.PublicURL == "" {
		trouble = "the hub has no public address (public_url), so that Slack cannot bring messages; they are looked for from time to time instead"
	}
	r.state(connectors.Live, trouble)
}

// accept gives the hub an outcome, with the cursor as it is then.
func (r *run) accept(ctx context.Context, o outcome, then func(*cursor)) error {
	defer o.drop()
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.refused != nil {
		return r.refused
	}
	r.merge()
	saved, err := json.Marshal(r.cur)
	if err != nil {
		return err
	}
	r.unseen(&o)
	since := r.since()
	for _, m := range o.marks {
		r.cur.note(m, since, r.set.threads)
	}
	for _, l := range o.late {
		l.Next = time.Now().UTC().Add(r.limits.again[0])
		r.cur.addLate(l)
	}
	if then != nil {
		then(r.cur)
	}
	if o.Cursor, err = json.Marshal(r.cur); err != nil {
		return err
	}
	if err := r.in.Accept(ctx, o.Batch); err != nil {
		// The hub has nothing of it.
		if was, err := readCursor(saved); err == nil {
			r.cur = was
		}
		r.refused = fmt.Errorf("the hub did not take it in: %w", err)
		return r.refused
	}
	r.dirty = false
	return nil
}

// unseen takes out what the hub has, and what is there twice; the lock is held.
func (r *run) unseen(o *outcome) {
	offered := map[string]bool{}
	has := func(key string) bool {
		at, ok := parseKey(key)
		if !ok {
			return false
		}
		p := r.cur.Rooms[at.channel]
		again := offered[key] || p != nil && p.saw(at.ts)
		offered[key] = true
		return again
	}
	drop := func(m message.Message) bool {
		if !has(m.Key) {
			return false
		}
		// A change that brings the same files needs them still.
		if !slices.ContainsFunc(o.Changes, func(c message.Change) bool { return c.Of == m.Key && c.Edit != nil }) {
			connectors.Drop(m.Parts)
		}
		return true
	}
	// New slices: what is dropped later is still named by the old ones.
	o.Messages = slices.DeleteFunc(slices.Clone(o.Messages), drop)
	o.Held = slices.DeleteFunc(slices.Clone(o.Held), func(h message.Held) bool { return has(h.Key) })
}

// since is from where a channel is read that the cursor does not know.
func (r *run) since() string {
	if r.cur.Listed != "" {
		return r.cur.Listed
	}
	return r.cur.Begin
}

// merge takes over what webhooks brought; the lock is held.
func (r *run) merge() {
	r.Connector.mu.Lock()
	brought, late := r.brought, r.late
	r.brought, r.late = nil, nil
	r.Connector.mu.Unlock()
	since := r.since()
	for _, m := range brought {
		r.cur.note(m, since, r.set.threads)
		r.dirty = true
	}
	for _, l := range late {
		l.Next = time.Now().UTC().Add(r.limits.again[0])
		r.cur.addLate(l)
		r.dirty = true
	}
}

// save stores the cursor if it has news.
func (r *run) save(ctx context.Context) error {
	r.mu.Lock()
	r.merge()
	dirty := r.dirty
	r.mu.Unlock()
	if !dirty {
		return nil
	}
	return r.accept(ctx, outcome{}, nil)
}

// watch looks through the histories: at once, from time to time and when asked.
// It ends with the first error of it or of ended.
func (r *run) watch(ctx context.Context, ended <-chan error) error {
	if !r.again {
		r.state(connectors.CatchingUp, "")
		if err := r.guard(ctx, ended, func(ctx context.Context) error { return r.catchUp(ctx, true) }); err != nil {
			return err
		}
		r.full = time.Now()
	}
	r.live()
	poll := newAlarm(r.pollEvery())
	defer poll.Stop()
	for {
		late := time.NewTimer(r.nextLate())
		var err error
		select {
		case <-ctx.Done():
			err = ctx.Err()
		case err = <-ended:
			if err == nil {
				err = errAgain
			}
		case <-poll.C:
			err = r.guard(ctx, ended, func(ctx context.Context) error {
				old := time.Since(r.full) >= r.limits.full
				err := r.catchUp(ctx, old)
				if old && err == nil {
					r.full = time.Now()
				}
				return err
			})
			poll.set(r.pollEvery())
			if r.many() {
				poll.hasten(r.limits.soon)
			}
		case <-late.C:
			err = r.guard(ctx, ended, r.bringLate)
		case <-r.wake:
			err = r.woken(ctx, poll)
		}
		late.Stop()
		if err != nil {
			return err
		}
		r.live()
	}
}

// pollEvery is the pause between two looks: one call a channel has to leave room
// for others.
func (r *run) pollEvery() time.Duration {
	return max(r.set.poll, min(time.Duration(r.count)*r.limits.eachRoom, maxPoll))
}

// many tells that the cursor names so many messages that a look through the
// histories is due.
func (r *run) many() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.cur.seen() > maxSeen
}

// alarm is a timer that can be brought forward.
type alarm struct {
	*time.Timer
	due time.Time
}

func newAlarm(d time.Duration) *alarm { return &alarm{time.NewTimer(d), time.Now().Add(d)} }

func (a *alarm) set(d time.Duration) {
	a.Reset(d)
	a.due = time.Now().Add(d)
}

// hasten lets it ring after d, unless it rings earlier anyway.
func (a *alarm) hasten(d time.Duration) {
	if time.Until(a.due) > d {
		a.set(d)
	}
}

// errAgain is the end of a session after which the next one begins at once.
var errAgain = errors.New("asked by Slack to connect again")

// guard does something that is given up when the session ends.
func (r *run) guard(ctx context.Context, ended <-chan error, do func(context.Context) error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	done := make(chan error, 1)
	go func() { done <- do(ctx) }()
	select {
	case err := <-done:
		return err
	case err := <-ended:
		cancel()
		<-done
		if err == nil {
			err = errAgain
		}
		return err
	}
}

// woken does what webhooks and events asked for.
func (r *run) woken(ctx context.Context, poll *alarm) error {
	r.Connector.mu.Lock()
	missed, recheck := r.missed, r.recheck
	r.missed, r.recheck = false, false
	r.Connector.mu.Unlock()
	if recheck {
		if _, _, _, err := r.introduce(ctx); err != nil {
			return err
		}
	}
	if missed {
		r.full = time.Time{} // of what was missed, edits of old messages are found by a full look only
		poll.hasten(r.limits.soon)
	}
	r.mu.Lock()
	r.merge()
	late := len(r.cur.Late) > 0
	r.mu.Unlock()
	if r.many() {
		poll.hasten(r.limits.soon)
	}
	if late {
		return r.save(ctx)
	}
	return nil
}
