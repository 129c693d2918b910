package slack

import (
	"context"
	"errors"
	"fmt"
	"time"

	"throughline/connectors"
)

// auditBack is how far an inventory reaches back when it is not known where
// reading began.
const auditBack = 30 * 24 * time.Hour

// Inventory lists the messages that people wrote where the app is, from where
// reading began, with those in threads.
func (c *Connector) Inventory(ctx context.Context, yield func(connectors.Item) error) error {
	team, user, bot, err := c.introduce(ctx)
	if err != nil {
		return fault(err)
	}
	us := self{team, user, bot}
	c.mu.Lock()
	from := c.first
	c.mu.Unlock()
	if from.IsZero() {
		from = time.Now().Add(-max(auditBack, c.set.history))
	}
	list, _, err := c.list(ctx)
	if err != nil {
		return fault(err)
	}
	for _, k := range list {
		if err := c.inventory(ctx, us, k, stampOf(from), yield); err != nil {
			return err
		}
	}
	return nil
}

func (c *Connector) inventory(ctx context.Context, us self, k room, from string, yield func(connectors.Item) error) error {
	list, err := c.entire(ctx, k.ID, "", from, "")
	if is(err, "channel_not_found", "not_in_channel", "is_archived", "missing_scope") {
		return nil
	}
	if err != nil {
		return fault(err)
	}
	show := func(e *entry) error {
		if ignored(us, e) || e.ts < from {
			return nil
		}
		if skip, err := c.internal(ctx, us, e); skip || err != nil {
			return err
		}
		at, _ := stamp(e.ts)
		label := "direct message"
		if k.Name != "" {
			label = "#" + k.Name
		}
		return yield(connectors.Item{Source: keyOf(us.team, k.ID, e.ts), Label: label, Size: int64(len(e.raw)), Time: at})
	}
	done := map[string]bool{}
	for _, e := range list {
		if !done[e.ts] {
			done[e.ts] = true
			if err := show(&e); err != nil {
				return err
			}
		}
		if e.latest == "" {
			continue
		}
		answers, err := c.entire(ctx, k.ID, e.ts, from, "")
		if is(err, "thread_not_found") {
			continue
		}
		if err != nil {
			return fault(err)
		}
		for _, a := range answers {
			if !done[a.ts] {
				done[a.ts] = true
				if err := show(&a); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// internal tells whether a message would be passed over for who wrote it.
func (c *Connector) internal(ctx context.Context, us self, e *entry) (bool, error) {
	if e.user == "" {
		return false, nil // held, and so listed
	}
	rec := record{Team: us.team}
	return c.complete(ctx, us, &rec, e, c.limits.api)
}

// Refetch fetches messages again with their files and offers them; those that are
// gone are skipped.
func (c *Connector) Refetch(ctx context.Context, in connectors.Sink, sources []string) error {
	team, user, bot, err := c.identity(ctx)
	if err != nil {
		return fault(err)
	}
	us := self{team, user, bot}
	for _, source := range sources {
		at, ok := parseKey(source)
		if !ok || at.team != team {
			return fmt.Errorf("%q does not name a message of this workspace", oneLine(source))
		}
		if err := c.refetch(ctx, us, in, at); err != nil {
			return err
		}
	}
	return nil
}

func (c *Connector) refetch(ctx context.Context, us self, in connectors.Sink, at place) error {
	e, ok, err := c.one(ctx, at.channel, at.ts, "")
	if err == nil && !ok {
		// An answer in a thread: Slack finds those by any message of the thread.
		e, ok, err = c.one(ctx, at.channel, at.ts, at.ts)
	}
	if err != nil {
		return fault(err)
	}
	if !ok {
		return nil
	}
	o, err := c.entry(ctx, us, c.room(ctx, at.channel, ""), e.raw, c.limits.file, c.limits.api)
	if err != nil {
		return err
	}
	defer o.drop()
	o.complete(&e, time.Time{})
	if err := in.Accept(ctx, o.Batch); err != nil {
		return errors.Join(errors.New("the hub did not take a message"), err)
	}
	if len(o.late) > 0 {
		c.leave(outcome{late: o.late})
	}
	return nil
}
