package slack

import (
	"context"
	"slices"
	"time"

	"throughline/connectors"
	"throughline/message"
)

// Messages that want another look, because their files did not come in time.

// one fetches one message again; ok is false if it is gone.
func (c *Connector) one(ctx context.Context, channel, ts, root string) (e entry, ok bool, err error) {
	list, _, err := c.history(ctx, channel, root, ts, ts)
	if is(err, "channel_not_found", "not_in_channel", "thread_not_found", "is_archived") {
		return e, false, nil
	}
	if err != nil {
		return e, false, err
	}
	for _, e := range list {
		if e.ts == ts && e.subtype != "tombstone" {
			return e, true, nil
		}
	}
	return e, false, nil
}

// wording is how a message reads that was edited, nothing for others.
func wording(m message.Message, e *entry) []message.Change {
	t, ok := stamp(e.edited)
	if !ok {
		return nil
	}
	return []message.Change{{Of: m.Key, Time: t, Edit: &m}}
}

// filesAt is what came of a message's files when it was asked for at a time of Slack's
// clock. The hub adds them to what it has, so that one look may bring fewer than another.
func filesAt(at time.Time, m message.Message, e *entry) message.Change {
	t, _ := stamp(max(e.ts, e.edited))
	if at.After(t) {
		t = at
	}
	return message.Change{Of: m.Key, Time: t, Files: true, Edit: &m}
}

// complete adds both for a message that was asked for: the hub may have it as it was, or
// without its files, and nobody noted that it does.
func (o *outcome) complete(e *entry, at time.Time) {
	if len(o.Messages) != 1 {
		return
	}
	m := o.Messages[0]
	o.Changes = append(o.Changes, wording(m, e)...)
	if len(o.late) == 0 && len(m.Parts) > 0 {
		o.Changes = append(o.Changes, filesAt(at, m, e))
	}
}

// nextLate is how long until a message is looked at again.
func (r *run) nextLate() time.Duration {
	r.mu.Lock()
	defer r.mu.Unlock()
	wait := 24 * time.Hour
	for _, l := range r.cur.Late {
		wait = min(wait, max(0, time.Until(l.Next)))
	}
	return wait
}

// bringLate looks again at the messages that are due.
func (r *run) bringLate(ctx context.Context) error {
	r.mu.Lock()
	r.merge()
	now := time.Now()
	due := slices.DeleteFunc(slices.Clone(r.cur.Late), func(l lateItem) bool { return l.Next.After(now) })
	r.mu.Unlock()
	for _, l := range due {
		if err := r.bring(ctx, l); err != nil {
			return err
		}
	}
	return nil
}

// bring looks again at one message, and tells the hub what files came. When nothing more
// is tried it says of the others why they did not.
func (r *run) bring(ctx context.Context, l lateItem) error {
	at := time.Now().Add(time.Duration(r.api.ahead.Load())).UTC()
	e, ok, err := r.one(ctx, l.Room, l.TS, l.Root)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if connectors.ClassOf(fault(err)) == connectors.AccountFault {
		return err
	}
	var o outcome
	if err == nil && ok {
		k := r.room(ctx, l.Room, "")
		if o, err = r.entry(ctx, r.us, k, e.raw, r.limits.file, r.limits.api); ctx.Err() != nil {
			o.drop()
			return ctx.Err()
		}
	}
	done := err == nil && len(o.late) == 0
	if !done && l.Tries+1 >= len(r.limits.again) {
		done = true
		r.log.Warn("the files of a message are given up", "channel", l.Room, "message", l.TS, "tries", l.Tries+1)
	}
	var news outcome
	switch {
	case len(o.Messages) > 0:
		m := o.Messages[0]
		if done && len(o.lost) > 0 {
			m.Warnings = append(slices.DeleteFunc(m.Warnings, func(w string) bool { return w == waiting }), o.lost...)
		}
		if done || len(m.Parts) > 0 {
			news.Changes = append(wording(m, &e), filesAt(at, m, &e))
		}
	case done:
		why := "the message is not there any more"
		if err != nil {
			why = err.Error()
		}
		news.Changes = []message.Change{filesAt(at, message.Message{Key: keyOf(r.us.team, l.Room, l.TS),
			Warnings: []string{"files of it could not be fetched from Slack: " + why}}, &entry{ts: l.TS})}
	}
	return r.accept(ctx, news, func(c *cursor) { c.tried(l, done, r.limits.again) })
}
