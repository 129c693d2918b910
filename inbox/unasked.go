package inbox

import (
	"context"
	"time"

	"throughline/connectors"
	"throughline/message"
	"throughline/store"
)

// What is on disk of a call before the provider is asked for it: a process that was
// killed in between, or that got no clear answer, leaves it to be asked for again.

// takeOver lets legs ring of which an earlier process wrote down that they should,
// and not that they do. Each gets another one in its place: if it rings all the same,
// it is turned away when it is picked up, and never are there two legs of one name.
func (t *tends) takeOver(ctx context.Context) error {
	h := t.hub
	var ring []job
	err := h.Store.Update(ctx, func(tx *store.Tx) error {
		ring = nil
		calls, err := h.calling(tx, t.run.account)
		if err != nil {
			return err
		}
		for _, r := range calls {
			c := r.Call.Settled()
			for i, lost := range r.Call.Legs {
				ours := i == 0 && r.Direction == message.Out // Send makes it, and looks for it
				if ours || lost.Role == message.CustomerLeg || !lost.Rings() || lost.Ref != "" || !lost.Began.Before(h.began) || superfluous(&c, &lost) {
					continue
				}
				l, err := h.newLeg(tx, lost.Agent, lost.Number, lost.Role)
				if err != nil {
					return err
				}
				giveUp(c.Leg(lost.ID), tx.Now().UTC())
				if p := c.Pending(); p != nil && p.Leg == lost.ID {
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
	if err != nil {
		return err
	}
	for _, j := range ring {
		t.start(ctx, j, t.ring)
	}
	return nil
}

// wish is something that an agent wants done with a call and of which nothing shows
// yet that it was.
type wish struct {
	job   // the leg as Phone.Steer takes it
	do    connectors.Act
	since time.Time
}

// wished is what is to be asked for again of a call, if anything. All of it may be
// asked for twice, and as long as the facts do not show that it is done.
func wished(m message.Message) (w wish, ok bool) {
	c := m.Call
	s := c.Speaker()
	if s == nil || c.Over() {
		return w, false
	}
	w = wish{job: job{m, *s}}
	if n := len(c.Transfers); n > 0 {
		t := &c.Transfers[n-1]
		w.since = t.Time
		if !t.Warm && t.Result == "" && s.Spoke.Before(t.Time) {
			w.do = connectors.Pass
			return w, true
		}
		for i := range c.Legs {
			if l := &c.Legs[i]; t.Warm && t.Leg == s.ID && l.ID != s.ID && l.Role != message.CustomerLeg && l.Speaks() {
				w.do, w.since = connectors.HandOver, s.Spoke
				return w, true
			}
		}
	}
	if c.Held() {
		w.do, w.since = connectors.Hold, c.Holds[len(c.Holds)-1].From
		return w, true
	}
	return w, false
}

// due is how long until a wish is asked for again: at once if only an earlier process
// can have asked, else when the answer to this one must have come.
func (t *tends) due(key string, since, now time.Time) time.Duration {
	last, asked := t.asked[key]
	switch {
	case asked:
	case since.Before(t.hub.began):
		return 0
	default:
		last = since
	}
	return last.Add(nameTime).Sub(now)
}

// wishAgain asks for the wishes of calls that are due, and tells when the next one is.
func (t *tends) wishAgain(ctx context.Context, calls []*Record, now time.Time) (next time.Duration) {
	next = time.Hour
	open := map[string]time.Time{}
	for _, r := range calls {
		w, ok := wished(r.Message)
		if !ok {
			continue
		}
		key := w.leg.ID + " " + string(w.do)
		last, asked := t.asked[key]
		if asked {
			open[key] = last
		}
		// Whether a hold came about the agent hears, and can ask for it again.
		if w.do == connectors.Hold && (asked || !w.since.Before(t.hub.began)) {
			continue
		}
		wait := t.due(key, w.since, now)
		if wait <= 0 {
			open[key], wait = now, nameTime
			t.start(ctx, w.job, func(ctx context.Context, j job) { t.steer(ctx, j, w.do) })
		}
		next = min(next, wait)
	}
	t.asked = open
	return next
}

// steer asks for a wish again. A refusal says nothing of what became of it the first
// time: the wish stays until the facts or an agent end it.
func (t *tends) steer(ctx context.Context, j job, do connectors.Act) {
	if _, err := t.ask(func() (string, error) { return "", t.phone.Steer(ctx, j.m, do, j.leg) }); err != nil {
		t.hub.log.Warn("a call could not be steered", "account", t.run.account, "message", j.m.ID, "act", string(do), "error", err)
	}
}
