package inbox

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"throughline/connectors"
	"throughline/message"
	"throughline/store"
)

// tends is the desk of one line at work.
type tends struct {
	hub   *Hub
	run   *runner
	phone connectors.Phone

	asked map[string]time.Time // when this process last asked for wishes again, by leg and act

	mu   sync.Mutex
	busy map[string]bool // legs about which the provider is being asked
	free chan struct{}   // size 1: one is not any more
	work sync.WaitGroup
}

// tend follows the calls of a line until ctx ends.
func (h *Hub) tend(ctx context.Context, r *runner, p connectors.Phone) error {
	t := &tends{hub: h, run: r, phone: p, busy: map[string]bool{}, free: make(chan struct{}, 1)}
	defer t.work.Wait()
	wake, stop := h.Store.Watch()
	defer stop()
	if err := t.takeOver(ctx); err != nil {
		return err
	}
	timer := time.NewTimer(0)
	defer timer.Stop()
	for ctx.Err() == nil {
		next, err := t.look(ctx)
		if err != nil {
			return err
		}
		timer.Reset(next)
		select {
		case <-wake:
		case <-t.free:
		case <-timer.C:
		case <-ctx.Done():
		}
	}
	return ctx.Err()
}

// look does what is to be done now and tells when to look again at the latest.
func (t *tends) look(ctx context.Context) (next time.Duration, err error) {
	next = time.Hour
	var calls []*Record
	var now time.Time
	waits := false
	var drop []job
	err = t.hub.Store.View(func(tx *store.Tx) error {
		var err error
		now = tx.Now()
		if calls, err = t.hub.calling(tx, t.run.account); err != nil {
			return err
		}
		for _, r := range calls {
			if alone := r.Call.Alone.Sub(tx.Now()); alone > 0 && len(r.Call.Asked) > 0 {
				next = min(next, alone)
			}
			waits = waits || r.Call.State == message.CallWaiting || r.Call.State == message.CallRinging && !r.Call.Queued.IsZero()
			for _, l := range r.Call.Legs {
				if l.Drop {
					late := l.Began.Add(nameTime).Sub(tx.Now())
					if l.Ref != "" || late <= 0 {
						drop = append(drop, job{r.Message, l})
					} else {
						next = min(next, late)
					}
				}
				if l.Role == message.CustomerLeg || !l.Rings() {
					continue
				}
				next = min(next, max(time.Second, l.Began.Add(longestRing).Sub(tx.Now())))
				if superfluous(r.Call, &l) || tx.Now().Sub(l.Began) >= longestRing {
					drop = append(drop, job{r.Message, l})
				}
			}
		}
		return nil
	})
	if err != nil {
		return next, err
	}
	for _, j := range drop {
		t.start(ctx, j, t.drop)
	}
	next = min(next, t.wishAgain(ctx, calls, now))
	if !waits {
		return next, nil
	}
	ring, err := t.choose(ctx)
	if err != nil {
		return next, err // nothing of it is written down
	}
	for _, j := range ring {
		t.start(ctx, j, t.ring)
	}
	return next, nil
}

// superfluous tells whether a leg that rings need not do so any more.
func superfluous(c *message.Call, l *message.CallLeg) bool {
	if c.Over() || !c.Left.IsZero() {
		return true
	}
	if t := c.Pending(); t != nil && t.Leg == l.ID {
		return false
	}
	return l.Role == message.ConsultLeg || c.Speaker() != nil
}

// job is something to be asked of the provider about a leg.
type job struct {
	m   message.Message
	leg message.CallLeg
}

// start does a job unless one about the same leg is under way.
func (t *tends) start(ctx context.Context, j job, do func(context.Context, job)) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.busy[j.leg.ID] {
		return
	}
	t.busy[j.leg.ID] = true
	t.work.Go(func() {
		// Broken off, nobody would know what became of it.
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), phoneTimeout)
		defer cancel()
		defer func() {
			t.mu.Lock()
			delete(t.busy, j.leg.ID)
			t.mu.Unlock()
			select {
			case t.free <- struct{}{}:
			default:
			}
		}()
		do(ctx, j)
	})
}

// choose writes down where the calls that wait are to ring now.
func (t *tends) choose(ctx context.Context) (ring []job, err error) {
	h := t.hub
	err = h.Store.Update(ctx, func(tx *store.Tx) error {
		ring = nil
		all, err := h.calling(tx, "")
		if err != nil {
			return err
		}
		taken := busy(all)
		ready, err := h.ReadyAgents(tx)
		if err != nil {
			return err
		}
		slices.SortStableFunc(all, func(a, b *Record) int { return a.Call.Since.Compare(b.Call.Since) })
		for _, r := range all {
			if r.Account != t.run.account || r.Call.State != message.CallWaiting && (r.Call.State != message.CallRinging || r.Call.Queued.IsZero()) {
				continue
			}
			legs, err := h.legsFor(tx, r, ready, taken)
			if err != nil {
				return err
			}
			if len(legs) == 0 { // nobody is free for this one; others may be for the next
				continue
			}
			c := r.Call.Settled()
			for _, l := range legs {
				if p := c.Pending(); p != nil {
					p.Leg = l.ID
				}
				c.Legs = append(c.Legs, l)
				ring = append(ring, job{r.Message, l})
			}
			if err := h.saveCall(tx, r, c, 0); err != nil {
				return err
			}
		}
		return nil
	})
	return ring, err
}

// legsFor makes the legs that are to ring for a call that waits: that of its
// transfer, or those of the agents who are ready and free and have not been rung
// for it since it waits.
func (h *Hub) legsFor(tx *store.Tx, r *Record, ready []uint64, taken map[uint64]bool) (legs []message.CallLeg, err error) {
	c := r.Call
	if p := c.Pending(); p != nil {
		if p.Leg != "" {
			return nil, nil
		}
		l, err := h.newLeg(tx, p.Agent, p.Number, message.AgentLeg)
		return []message.CallLeg{l}, err
	}
	if ready, err = h.atFirst(tx, c, ready); err != nil {
		return nil, err
	}
	since := c.Queued
	if n := len(c.Transfers); n > 0 {
		since = c.Transfers[n-1].Time
	}
	rings := 0
	rung := map[uint64]bool{}
	for _, l := range c.Legs {
		if l.Rings() {
			rings++
		}
		rung[l.Agent] = rung[l.Agent] || !l.Began.Before(since)
	}
	for _, agent := range ready {
		if taken[agent] || rung[agent] || rings >= maxRinging {
			continue
		}
		l, err := h.newLeg(tx, agent, "", message.AgentLeg)
		if err != nil {
			return nil, err
		}
		legs = append(legs, l)
		taken[agent] = true
		rings++
	}
	return legs, nil
}

// newLeg makes a leg for an agent, at the phone that he has his calls ring at if
// any, or for a number.
func (h *Hub) newLeg(tx *store.Tx, agent uint64, number string, role message.Role) (message.CallLeg, error) {
	l := message.CallLeg{ID: newToken(), Agent: agent, Number: number, Role: role, Began: tx.Now().UTC()}
	if agent != 0 {
		p, err := h.Readiness(tx, agent)
		if err != nil {
			return l, err
		}
		l.Number = p.Number
	}
	return l, nil
}

// ring lets a leg ring and writes down what came of asking for it.
func (t *tends) ring(ctx context.Context, j job) {
	ref, err := t.ask(func() (string, error) { return t.phone.Ring(ctx, j.m, j.leg) })
	if err != nil {
		t.hub.log.Warn("a leg of a call could not ring", "account", t.run.account, "message", j.m.ID, "agent", j.leg.Agent, "error", err)
	}
	t.learn(ctx, j, func(l *message.CallLeg, now time.Time) {
		l.Ref = cmp.Or(ref, l.Ref)
		if err != nil && l.Ended.IsZero() {
			l.Ended, l.Result = now, message.LegFailed
		}
	})
}

// drop ends a leg that rings in vain.
func (t *tends) drop(ctx context.Context, j job) {
	if _, err := t.ask(func() (string, error) { return "", t.phone.Drop(ctx, j.m, j.leg) }); err != nil {
		t.hub.log.Warn("a leg of a call could not be dropped", "account", t.run.account, "message", j.m.ID, "error", err)
	}
	t.learn(ctx, j, func(l *message.CallLeg, now time.Time) {
		if l.Rings() && (j.leg.Ref != "" || l.Ref == "") { // else its name came meanwhile: it is dropped by that
			giveUp(l, now)
		} else if l.Drop && (j.leg.Ref != "" || l.Ref == "") {
			l.Drop = false
		}
	})
}

// giveUp ends a leg from our side.
func giveUp(l *message.CallLeg, now time.Time) {
	l.Ended = now
	if l.Answered.IsZero() {
		l.Result, l.Drop = message.LegDropped, l.Ref == ""
	}
}

// nameTime is how long the provider's name for a leg may take to come.
const nameTime = phoneTimeout + 5*time.Second

// ask lets the connector do something; a panic in it is a failure.
func (t *tends) ask(do func() (string, error)) (ref string, err error) {
	defer func() {
		if p := recover(); p != nil {
			t.hub.log.Error("the connector failed", "account", t.run.account, "panic", fmt.Sprint(p))
			err = &connectors.SendError{Class: connectors.Unsure, Reason: fmt.Sprintf("the connector failed: %v", p)}
		}
	}()
	return do()
}

// learn writes down something of a leg.
func (t *tends) learn(ctx context.Context, j job, what func(l *message.CallLeg, now time.Time)) {
	err := t.hub.Store.Update(context.WithoutCancel(ctx), func(tx *store.Tx) error {
		r, err := t.hub.Message(tx, j.m.ID)
		if err != nil {
			return err
		}
		c := r.Call.Settled()
		l := c.Leg(j.leg.ID)
		if l == nil {
			return nil
		}
		what(l, tx.Now().UTC())
		return t.hub.saveCall(tx, r, c, 0)
	})
	if err != nil {
		t.hub.log.Error("a leg of a call", "account", t.run.account, "message", j.m.ID, "error", err)
	}
}
