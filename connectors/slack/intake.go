package slack

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"runtime/debug"
	"time"

	"throughline/connectors"
	"throughline/message"
)

// From an event or an entry of a history to what the hub takes in.

// outcome is what an item comes to.
type outcome struct {
	connectors.Batch
	marks   []mark     // what the hub then knows
	late    []lateItem // what has to be looked at again
	lost    []string   // of one message: why its files did not come, see filesOf
	goodbye bool       // the app is no longer welcome
}

func (o *outcome) add(p outcome) {
	o.Messages = append(o.Messages, p.Messages...)
	o.Changes = append(o.Changes, p.Changes...)
	o.Held = append(o.Held, p.Held...)
	o.People = append(o.People, p.People...)
	o.marks = append(o.marks, p.marks...)
	o.late = append(o.late, p.late...)
	o.goodbye = o.goodbye || p.goodbye
}

func (o *outcome) empty() bool {
	return len(o.Messages)+len(o.Changes)+len(o.Held)+len(o.People)+len(o.marks)+len(o.late) == 0
}

// drop removes temporary files of what the hub has or will not get.
func (o *outcome) drop() {
	for _, m := range o.Messages {
		connectors.Drop(m.Parts)
	}
	for _, c := range o.Changes {
		if c.Edit != nil {
			connectors.Drop(c.Edit.Parts)
		}
	}
}

// mark is a message that the hub has.
type mark struct{ room, ts, root string }

// event takes in the payload of an event: the JSON object with "event" in it.
// files bounds the time for the files of a message. The only errors are those of
// asking Slack who we are, and the end of ctx.
func (c *Connector) event(ctx context.Context, payload []byte, files time.Duration) (o outcome, err error) {
	defer func() {
		if p := recover(); p != nil {
			c.log.Error("an event could not be read", "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
			o, err = outcome{}, nil
			o.Held = []message.Held{c.oddEvent(payload, "", "the program failed while reading it; the log has the details")}
		}
	}()
	outer, ok := readBag(payload)
	if !ok {
		if c.odd.keep("not JSON") {
			o.Held = []message.Held{c.oddEvent(payload, "", "it is not JSON")}
		}
		return o, nil
	}
	id := outer.str("event_id")
	ev, ok := readBag(outer["event"])
	if outer.str("type") == "app_rate_limited" {
		c.wants(func() { c.missed = true }) // Slack has left events out
		return o, nil
	}
	if !ok {
		if kind := outer.str("type"); c.odd.keep("outer " + kind) {
			o.Held = []message.Held{c.oddEvent(payload, id, fmt.Sprintf("it has no event in it; its type is %q", oneLine(kind)))}
		}
		return o, nil
	}
	team, user, bot, err := c.identity(ctx)
	if err != nil {
		return o, err
	}
	us := self{team, user, bot}
	switch kind := ev.str("type"); kind {
	case "message":
		return c.messageEvent(ctx, us, ev, outer, payload, files)
	case "reaction_added", "reaction_removed":
		return c.reactionEvent(ctx, us, ev, kind == "reaction_added"), ctx.Err()
	case "tokens_revoked", "app_uninstalled":
		return outcome{goodbye: true}, nil
	case "user_change", "team_join":
		if u := ev.sub("user"); u.str("id") != "" {
			p := readPerson(u)
			c.people.put(u.str("id"), p, knownFor)
			if !p.Bot && memberForm(u.str("id")) {
				rec := record{Team: us.team, People: map[string]person{u.str("id"): p}}
				o.People = []message.Person{rec.person(u.str("id"), &entry{})}
			}
		}
		return o, nil
	case "channel_rename", "group_rename":
		c.rooms.forget(ev.sub("channel").str("id"))
		return o, nil
	case "app_mention":
		return o, nil // comes as a message as well
	default:
		if known(kind) || !c.odd.keep(kind) {
			return o, nil
		}
		c.log.Info("an event of an unknown type is kept", "type", oneLine(kind))
		o.Held = []message.Held{c.oddEvent(payload, id, fmt.Sprintf("an event of the type %q, which this version does not know; it may be dismissed", oneLine(kind)))}
		return o, nil
	}
}

// self is who we are at Slack.
type self struct{ team, user, bot string }

// messageEvent is for everything that happens to messages.
func (c *Connector) messageEvent(ctx context.Context, us self, ev, outer bag, payload []byte, files time.Duration) (o outcome, err error) {
	id := ev.str("channel")
	if id == "" {
		if c.odd.keep("message without a channel") {
			o.Held = []message.Held{c.oddEvent(payload, outer.str("event_id"), "a message that does not tell its channel")}
		}
		return o, nil
	}
	asking, cancel := context.WithTimeout(ctx, c.limits.names)
	where := c.room(asking, id, ev.str("channel_type"))
	cancel()
	if ctx.Err() != nil {
		return o, ctx.Err()
	}
	if !c.set.takes(where) {
		return o, nil
	}
	at := eventTime(ev)
	switch ev.str("subtype") {
	case "message_changed":
		inner := ev["message"]
		if b, ok := readBag(inner); ok {
			if b.str("subtype") == "tombstone" {
				return deletion(us, id, b.str("ts"), at), nil
			}
			return c.edited(ctx, us, where, inner, ev.sub("previous_message"), at, files)
		}
		return o, nil
	case "message_deleted":
		return deletion(us, id, ev.str("deleted_ts"), at), nil
	case "message_replied":
		return o, nil // the answer comes by itself
	}
	return c.entry(ctx, us, where, outer["event"], files, c.limits.names)
}

func eventTime(ev bag) time.Time {
	for _, key := range []string{"event_ts", "ts"} {
		if t, ok := stamp(ev.str(key)); ok {
			return t
		}
	}
	return time.Now().UTC()
}

func deletion(us self, room, ts string, at time.Time) (o outcome) {
	if _, ok := stamp(ts); ok {
		o.Changes = []message.Change{{Of: keyOf(us.team, room, ts), Time: at, Deleted: true}}
	}
	return o
}

// ignored tells whether a message is none that a person wrote for others: by a
// bot, by us, or a note of Slack's own.
func ignored(us self, e *entry) bool {
	if e.bot != "" || e.user == us.user || e.user == "USLACKBOT" {
		return true
	}
	switch e.subtype {
	case "", "file_share", "thread_broadcast", "me_message":
		return false
	case "tombstone", "bot_message":
		return true
	}
	return e.client == "" // what somebody typed has one; joins, topics and pins do not
}

// entry takes in a message of an event or of a history.
func (c *Connector) entry(ctx context.Context, us self, where room, raw json.RawMessage, files, naming time.Duration) (o outcome, err error) {
	rec := record{Item: raw, Team: us.team, Room: where}
	e, err := readEntry(raw)
	if err != nil {
		return c.poison(&rec, &e, err.Error())
	}
	if ignored(us, &e) {
		return o, nil
	}
	if skip, err := c.complete(ctx, us, &rec, &e, naming); skip || err != nil || ctx.Err() != nil {
		return o, errors.Join(err, ctx.Err())
	}
	m, list, kept, err := c.understand(&rec)
	if err != nil {
		return c.poison(&rec, &e, err.Error())
	}
	m.Raw = message.Bytes(kept)
	o.marks = []mark{{where.ID, e.ts, e.root()}}
	if len(list) > 0 {
		if m.Parts, o.lost = c.filesOf(ctx, list, files, &m); len(o.lost) > 0 {
			o.late = []lateItem{{Room: where.ID, TS: e.ts, Root: e.root()}}
		}
		if ctx.Err() != nil {
			connectors.Drop(m.Parts)
			return outcome{}, ctx.Err()
		}
	}
	o.Messages = []message.Message{m}
	return o, nil
}

// understand is readRecord for which a failure of ours is the item's.
func (c *Connector) understand(rec *record) (m message.Message, files []file, kept []byte, err error) {
	defer func() {
		if p := recover(); p != nil {
			c.log.Error("a message could not be read", "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
			err = errors.New("the program failed while reading it; the log has the details")
		}
	}()
	if kept, err = json.Marshal(rec); err != nil {
		return m, nil, nil, err
	}
	m, files, err = readRecord(kept, "")
	m.Account = c.account
	return m, files, kept, err
}

// poison holds a message that cannot be understood.
func (c *Connector) poison(rec *record, e *entry, reason string) (o outcome, err error) {
	kept, err := json.Marshal(rec)
	if err != nil {
		kept = rec.Item
	}
	if _, ok := stamp(e.ts); !ok {
		if c.odd.keep("message without a time") {
			o.Held = []message.Held{c.oddEvent(kept, "", "a message of Slack that cannot be read: "+reason)}
		}
		return o, nil
	}
	key := keyOf(rec.Team, rec.Room.ID, e.ts)
	o.Held = []message.Held{heldItem(key, key, "a message of Slack that cannot be read: "+reason, kept)}
	o.marks = []mark{{rec.Room.ID, e.ts, e.root()}}
	return o, nil
}

// complete asks for the names that a message needs, within a time. skip tells that
// it is no matter of customers; an error that this cannot be told now.
func (c *Connector) complete(ctx context.Context, us self, rec *record, e *entry, naming time.Duration) (skip bool, err error) {
	asking, cancel := context.WithTimeout(ctx, naming)
	defer cancel()
	rec.People, rec.Rooms = map[string]person{}, map[string]string{}
	learn := func(id string) person {
		p, ok := c.person(asking, id)
		if ok {
			rec.People[id] = p
		}
		return p
	}
	author := learn(e.user)
	if author.Bot {
		return true, nil
	}
	if c.set.customers == external {
		skip, err := c.colleague(ctx, us, rec, e)
		if skip || err != nil {
			return skip, err
		}
	}
	members, channels := mentioned(e.text, maxNames)
	for _, id := range members {
		learn(id)
	}
	for _, id := range channels {
		if r := c.room(asking, id, ""); r.Name != "" {
			rec.Rooms[id] = r.Name
		}
	}
	return false, nil
}

// colleague finds out whether one of our own wrote a message: then it matters only
// as an answer to a customer. This cannot be guessed, so it is asked for again if
// it was not known in time.
func (c *Connector) colleague(ctx context.Context, us self, rec *record, e *entry) (skip bool, err error) {
	author, err := c.certain(ctx, rec, e.user, e.team, us)
	if err != nil || outside(us, author, e.team) {
		return false, err
	}
	if e.parent == "" || e.parent == us.user {
		return true, nil
	}
	parent, err := c.certain(ctx, rec, e.parent, "", us)
	if err != nil {
		return false, err
	}
	if !outside(us, parent, "") {
		return true, nil
	}
	rec.Ours, rec.To = true, e.parent
	return false, nil
}

// certain is somebody as Slack knows him. Whoever it does not know is no member of
// ours.
func (c *Connector) certain(ctx context.Context, rec *record, id, team string, us self) (person, error) {
	if p, ok := rec.People[id]; ok {
		return p, nil
	}
	if team != "" && team != us.team {
		return person{Team: team}, nil
	}
	p, err := c.lookUp(ctx, id)
	if is(err, "user_not_found", "user_not_visible") {
		return person{Guest: true}, nil
	}
	if err == nil && p.Name != "" {
		rec.People[id] = p
	}
	return p, err
}

// outside tells whether somebody is a customer while only external people are.
func outside(us self, p person, team string) bool {
	if p.Team != "" {
		team = p.Team
	}
	return p.Guest || team != "" && team != us.team
}

// edited is a message that is not as it was.
func (c *Connector) edited(ctx context.Context, us self, where room, raw json.RawMessage, before bag, at time.Time, files time.Duration) (o outcome, err error) {
	e, err := readEntry(raw)
	if err != nil || ignored(us, &e) {
		return o, nil
	}
	if t, ok := stamp(e.edited); ok {
		at = t
	} else if before.str("text") == e.text && len(before.list("files")) == len(e.files) {
		return o, nil // a preview that Slack adds, or the count of answers
	}
	out, err := c.entry(ctx, us, where, raw, files, c.limits.names)
	if err != nil || len(out.Messages) == 0 {
		return o, err
	}
	m := out.Messages[0]
	o.late = out.late // the words do not wait for files; the former version keeps those that were there
	o.Changes = []message.Change{{Of: m.Key, Time: at, Edit: &m}}
	return o, nil
}

// reactionEvent is a reaction that somebody set or took away.
func (c *Connector) reactionEvent(ctx context.Context, us self, ev bag, added bool) (o outcome) {
	item, user, name := ev.sub("item"), ev.str("user"), ev.str("reaction")
	if item.str("type") != "message" || !memberForm(user) || user == us.user || name == "" || len(name) > maxName {
		return o
	}
	if _, ok := stamp(item.str("ts")); !ok || item.str("channel") == "" {
		return o
	}
	asking, cancel := context.WithTimeout(ctx, c.limits.names)
	defer cancel()
	if where := c.room(asking, item.str("channel"), ""); !c.set.takes(where) {
		return o
	}
	rec := record{Team: us.team, People: map[string]person{}}
	if p, ok := c.person(asking, user); ok {
		rec.People[user] = p
	}
	at := eventTime(ev)
	o.Changes = []message.Change{{Of: keyOf(us.team, item.str("channel"), item.str("ts")), Time: at,
		Reaction: &message.Reaction{Emoji: emoji(name), By: rec.person(user, &entry{team: ev.str("user_team")}), Time: at, Gone: !added}}}
	return o
}
