package slack

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	slackgo "github.com/slack-go/slack"

	"throughline/message"
)

// What events did not bring: the histories of the channels and their threads.

const (
	pageSize = 200
	maxPages = 500 // of one piece of a channel or thread
	// window is how much of a history is read at once, so that a long one does
	// not have to fit into memory.
	window = 90 * 24 * time.Hour
	// chunk is how many messages of a history are given to the hub at once.
	chunk = 50
	// maxReactors is how many people's reactions of one message are taken over
	// from a history.
	maxReactors = 50
)

// list names the channels the app is in, and the time of Slack's clock.
func (c *Connector) list(ctx context.Context) (all []room, at time.Time, err error) {
	types := c.types()
	if len(types) == 0 {
		return nil, at, &apiError{method: "users.conversations", code: "missing_scope", needed: "im:history"}
	}
	ask := &slackgo.GetConversationsForUserParameters{Types: types, ExcludeArchived: true, Limit: pageSize}
	for range maxPages {
		x, err := c.api.read(ctx, "users.conversations", func(ctx context.Context) error {
			_, _, err := c.api.GetConversationsForUserContext(ctx, ask)
			return err
		})
		if err != nil {
			return nil, at, err
		}
		if at.IsZero() {
			at = x.at()
		}
		for _, b := range x.body.list("channels") {
			if r := readRoom(b); r.ID != "" {
				c.rooms.put(r)
				if c.set.takes(r) {
					all = append(all, r)
				}
			}
		}
		if ask.Cursor = x.body.sub("response_metadata").str("next_cursor"); ask.Cursor == "" {
			return all, at, nil
		}
	}
	return all, at, nil
}

// scopes of the kinds of channel, as conversations methods call the kinds.
var roomKinds = []struct{ kind, scope string }{
	{"public_channel", "channels"}, {"private_channel", "groups"}, {"im", "im"}, {"mpim", "mpim"},
}

// types are the kinds of channel that the app may list and read.
func (c *Connector) types() (out []string) {
	granted := c.api.granted()
	for _, k := range roomKinds {
		if c.set.take == takeDirect && k.scope != "im" && k.scope != "mpim" {
			continue
		}
		if granted == nil || slices.Contains(granted, k.scope+":read") && slices.Contains(granted, k.scope+":history") {
			out = append(out, k.kind)
		}
	}
	return out
}

// catchUp reads all histories from where they were read before. full looks at
// threads that began earlier too.
func (r *run) catchUp(ctx context.Context, full bool) error {
	list, at, err := r.list(ctx)
	if err != nil {
		return err
	}
	r.mu.Lock()
	r.merge()
	// Where most happened lately, most is missing.
	last := func(k room) string {
		p := r.cur.Rooms[k.ID]
		switch {
		case p == nil:
			return "9"
		case len(p.Seen) > 0:
			return p.Seen[len(p.Seen)-1]
		}
		return p.Checked
	}
	slices.SortStableFunc(list, func(a, b room) int { return strings.Compare(last(b), last(a)) })
	r.count = len(list)
	r.mu.Unlock()
	for _, k := range list {
		err := r.catchUpRoom(ctx, k, full)
		if is(err, "channel_not_found", "not_in_channel", "is_archived", "missing_scope", "thread_not_found") {
			r.log.Warn("a channel cannot be read", "channel", k.ID, "error", err)
			continue
		}
		if err != nil {
			return err
		}
	}
	return r.accept(ctx, outcome{}, func(c *cursor) {
		if !at.IsZero() {
			c.Listed = max(c.Listed, stampOf(at.Add(-r.limits.overlap)), c.Begin)
		}
		for id := range c.Rooms {
			if !slices.ContainsFunc(list, func(k room) bool { return k.ID == id }) {
				delete(c.Rooms, id)
			}
		}
	})
}

// catchUpRoom reads the history of one channel.
func (r *run) catchUpRoom(ctx context.Context, k room, full bool) error {
	r.mu.Lock()
	p := r.cur.room(k.ID, r.since())
	checked, answered, begin, roots := p.Checked, p.Threads, r.cur.Begin, r.cur.roots(k.ID)
	r.mu.Unlock()
	from := max(before(checked, r.limits.overlap), before(begin, time.Microsecond))
	threadsFrom, edits := from, checked
	low, back := from, ""
	if full {
		threadsFrom = max(before(answered, r.limits.overlap), before(begin, time.Microsecond))
		// The looks since the last full one saw no edits of what was old by then.
		edits = before(answered, r.limits.overlap)
		back = max(before(min(checked, answered), lookBack), begin)
		low = min(low, stampOf(time.Now().Add(-r.set.threads)), back)
	} else {
		roots = nil
	}
	var began time.Time // by Slack's clock: what was answered or edited later may be missing
	for step := window; ; {
		high := ""
		if t, ok := stamp(low); ok && time.Since(t) > step+step/2 {
			high = stampOf(t.Add(step))
		}
		if step < window && back != "" {
			back = max(back, low) // to look for each message that stood before would take days
		}
		at, err := r.catchUpSpan(ctx, k, span{low, high, from, threadsFrom, edits, begin, back, roots})
		if errors.Is(err, errCut) {
			if step = length(low, high) / 2; step >= minPiece {
				continue
			}
		}
		if err != nil {
			return err
		}
		roots = nil
		if began.IsZero() {
			began = at
		}
		if high != "" {
			low = high
			continue
		}
		// Stored with the next batch, or when all channels were read.
		r.mu.Lock()
		defer r.mu.Unlock()
		p := r.cur.room(k.ID, r.since())
		if !at.IsZero() {
			p.advance(stampOf(at.Add(-r.limits.settle)), r.limits.overlap)
		}
		if full && !began.IsZero() {
			p.Threads = max(p.Threads, stampOf(began.Add(-r.limits.settle)))
		}
		r.dirty = true
		return nil
	}
}

// span says what of a history is read, and what of that is new.
type span struct {
	low, high     string // what is read; high "" is now
	from          string // messages after this are offered
	threadsFrom   string // and answers in threads after this
	edits         string // edits after this
	begin         string // nothing before this is the hub's
	back          string // from here on what the hub has is compared; "" compares nothing
	rememberRoots []string
}

func (r *run) catchUpSpan(ctx context.Context, k room, s span) (at time.Time, err error) {
	list, at, err := r.history(ctx, k.ID, "", s.low, s.high)
	if err != nil {
		return at, err
	}
	offer := list[:0:0]
	roots, seen := map[string]bool{}, map[string]bool{}
	answersFrom := s.threadsFrom
	if s.back != "" {
		answersFrom = min(answersFrom, s.back)
	}
	for _, e := range list {
		if e.latest > answersFrom {
			roots[e.ts] = true
		}
		seen[e.ts] = e.subtype != "tombstone"
		if e.ts > s.from || e.edited > s.edits && e.ts >= s.begin || e.subtype == "tombstone" && e.ts >= s.begin {
			offer = append(offer, e)
		}
	}
	for _, root := range s.rememberRoots {
		roots[root] = true
	}
	for root := range roots {
		answers, err := r.entire(ctx, k.ID, root, answersFrom, "")
		if is(err, "thread_not_found") {
			continue
		}
		if err != nil {
			return at, err
		}
		for _, e := range answers {
			seen[e.ts] = true
			if e.ts != root && (e.ts > s.threadsFrom || e.edited > s.edits && e.ts >= s.begin) {
				offer = append(offer, e)
			}
		}
	}
	slices.SortFunc(offer, func(a, b entry) int { return strings.Compare(a.ts, b.ts) })
	offer = slices.CompactFunc(offer, func(a, b entry) bool { return a.ts == b.ts }) // answers shown in the channel too
	if err := r.offer(ctx, k, offer, s, at); err != nil || s.back == "" || s.high != "" {
		return at, err
	}
	o, err := r.deleted(ctx, k, s.back, seen, at)
	if err == nil && !o.empty() {
		err = r.accept(ctx, o, nil)
	}
	return at, err
}

// history reads the messages of a channel, or of the thread root in it, between two
// times, oldest first. What is too much for one look is errCut: it is to be read in
// shorter pieces.
func (c *Connector) history(ctx context.Context, channel, root, low, high string) (list []entry, at time.Time, err error) {
	next := ""
	for range c.limits.pages {
		method, ask := "conversations.history", func(ctx context.Context) error {
			_, err := c.api.GetConversationHistoryContext(ctx, &slackgo.GetConversationHistoryParameters{ChannelID: channel,
				Oldest: low, Latest: high, Cursor: next, Inclusive: true, Limit: c.limits.page, IncludeAllMetadata: true})
			return err
		}
		if root != "" {
			method, ask = "conversations.replies", func(ctx context.Context) error {
				_, _, _, err := c.api.GetConversationRepliesContext(ctx, &slackgo.GetConversationRepliesParameters{ChannelID: channel, Timestamp: root,
					Oldest: low, Latest: high, Cursor: next, Inclusive: true, Limit: c.limits.page, IncludeAllMetadata: true})
				return err
			}
		}
		x, err := c.api.read(ctx, method, ask)
		if err != nil {
			return nil, at, err
		}
		if at.IsZero() {
			at = x.at() // that of the first page: later messages may be missing
		}
		for _, raw := range x.body.items("messages") {
			e, err := readEntry(raw)
			if _, ok := stamp(e.ts); err != nil && !ok {
				continue // without its time it cannot be named
			}
			list = append(list, e)
		}
		if next = x.body.sub("response_metadata").str("next_cursor"); next == "" {
			slices.SortStableFunc(list, func(a, b entry) int { return cmp.Compare(a.ts, b.ts) })
			return list, at, nil
		}
	}
	return nil, at, errCut
}

// offer gives the hub what is new of a sorted list.
func (r *run) offer(ctx context.Context, k room, list []entry, s span, at time.Time) error {
	for part := range slices.Chunk(list, chunk) {
		var all outcome
		for _, e := range part {
			r.mu.Lock()
			p := r.cur.Rooms[k.ID]
			seen := p != nil && p.saw(e.ts) || e.root() == "" && e.ts <= s.from || e.root() != "" && e.ts <= s.threadsFrom
			r.mu.Unlock()
			o, err := r.old(ctx, k, e, seen, s, at)
			if err != nil {
				all.drop()
				return err
			}
			all.add(o)
		}
		// Not beyond what was read: answers in threads run ahead of the channel.
		upTo := part[len(part)-1].ts
		if s.high != "" {
			upTo = min(upTo, s.high)
		}
		if !at.IsZero() {
			upTo = min(upTo, stampOf(at.Add(-r.limits.settle)))
		}
		err := r.accept(ctx, all, func(c *cursor) {
			if p := c.room(k.ID, r.since()); upTo > p.Checked {
				p.advance(upTo, r.limits.overlap)
			}
		})
		if err != nil {
			return err
		}
		if len(all.late) > 0 {
			r.nudge()
		}
	}
	return nil
}

// old is what an entry of a history comes to.
func (r *run) old(ctx context.Context, k room, e entry, seen bool, s span, at time.Time) (o outcome, err error) {
	if e.subtype == "tombstone" {
		return deletion(r.us, k.ID, e.ts, cmpTime(at)), nil
	}
	if seen {
		if e.edited <= s.edits {
			return o, nil
		}
		return r.edited(ctx, r.us, k, e.raw, nil, cmpTime(at), r.limits.file)
	}
	if o, err = r.entry(ctx, r.us, k, e.raw, r.limits.file, r.limits.api); err != nil || len(o.Messages) == 0 {
		return o, err
	}
	o.complete(&e, cmpTime(at))
	rec := record{Team: r.us.team, People: map[string]person{}}
	n := 0
	for _, b := range e.reacts {
		for _, user := range b.texts("users") {
			if n++; n > maxReactors || !memberForm(user) || user == r.us.user {
				continue
			}
			if p, ok := r.person(ctx, user); ok {
				rec.People[user] = p
			}
			when, _ := stamp(e.ts)
			o.Changes = append(o.Changes, message.Change{Of: o.Messages[0].Key, Time: when.Add(time.Microsecond),
				Reaction: &message.Reaction{Emoji: emoji(b.str("name")), By: rec.person(user, &entry{}), Time: when.Add(time.Microsecond)}})
		}
	}
	return o, ctx.Err()
}

func cmpTime(at time.Time) time.Time {
	if at.IsZero() {
		return time.Now().UTC()
	}
	return at.UTC()
}
