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

// whole is a message as a change: what the hub has of it may lack its files.
func whole(m message.Message, e *entry) message.Change {
	when := m.Time
	if t, ok := stamp(e.edited); ok {
		when = t
	}
	return message.Change{Of: m.Key, Time: when.Add(time.Microsecond), Edit: &m}
}

// complete adds that change for a message that was asked for and came with its files or
// edited: the hub may have it without them, or as it was, and nobody noted that it does.
func (o *outcome) complete(e *entry) {
	if len(o.Messages) == 1 && len(o.late) == 0 && (len(o.Messages[0].Parts) > 0 || e.edited != "") {
		o.Changes = append(o.Changes, whole(o.Messages[0], e))
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

// bringLate looks again at the messages that are due, and brings them whole as a
// change: text and all files, because a change replaces what is there.
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

func (r *run) bring(ctx context.Context, l lateItem) error {
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
	if err == nil && (!ok || len(o.Messages) == 0) {
		return r.accept(ctx, outcome{}, func(c *cursor) { c.doneLate(l) })
	}
	if err == nil && len(o.late) == 0 {
		news := outcome{}
		news.Changes = []message.Change{whole(o.Messages[0], &e)}
		return r.accept(ctx, news, func(c *cursor) { c.doneLate(l) })
	}
	o.drop()
	return r.accept(ctx, outcome{}, func(c *cursor) {
		i := slices.IndexFunc(c.Late, func(o lateItem) bool { return o.Room == l.Room && o.TS == l.TS })
		if i < 0 {
			return
		}
		late := &c.Late[i]
		if late.Tries++; late.Tries >= len(r.limits.again) {
			r.log.Warn("the files of a message are given up", "channel", l.Room, "message", l.TS, "tries", late.Tries)
			c.doneLate(l)
			return
		}
		late.Next = time.Now().UTC().Add(r.limits.again[late.Tries])
	})
}
