package slacktest

import (
	"encoding/base64"
	"slices"
	"strconv"
	"strings"
)

// scopeOf names the scope that something needs for a kind of channel, such as
// "history": "channels:history", "groups:history" and so on.
func scopeOf(k Kind, what string) string {
	switch k {
	case Private:
		return "groups:" + what
	case IM:
		return "im:" + what
	case MPIM:
		return "mpim:" + what
	}
	if what == "write" {
		return "channels:manage"
	}
	return "channels:" + what
}

// target is the channel a call is about, if the app may know of it and has the
// scope for its kind; what is "read", "history", "write" or "".
func (c *call) target(what string) (*Channel, error) {
	id, err := c.need("channel")
	if err != nil {
		return nil, err
	}
	ch := c.s.channel(id)
	if ch == nil || !c.s.visible(ch) {
		return nil, fail("channel_not_found")
	}
	if what != "" && !c.s.hasScope(scopeOf(ch.Kind, what)) {
		return nil, c.s.needs(scopeOf(ch.Kind, what))
	}
	return ch, nil
}

// page cuts one page of a list out and adds the cursor of the next.
func page[T any](c *call, list []T, limit int) ([]T, string, error) {
	from := 0
	if cur := c.text("cursor"); cur != "" {
		b, err := base64.StdEncoding.DecodeString(cur)
		n, ok := strings.CutPrefix(string(b), c.method+":")
		if from, _ = strconv.Atoi(n); err != nil || !ok || from < 1 {
			return nil, "", fail("invalid_cursor")
		}
	}
	from = min(from, len(list))
	to := min(from+limit, len(list))
	next := ""
	if to < len(list) {
		next = base64.StdEncoding.EncodeToString([]byte(c.method + ":" + strconv.Itoa(to)))
	}
	return list[from:to], next, nil
}

func cursor(next string) obj { return obj{"next_cursor": next} }

// kinds reads the argument "types" and checks the scope of each.
func (c *call) kinds() ([]Kind, error) {
	text := c.text("types")
	if text == "" {
		text = string(Public)
	}
	var list []Kind
	for t := range strings.SplitSeq(text, ",") {
		k := Kind(strings.TrimSpace(t))
		if !slices.Contains([]Kind{Public, Private, IM, MPIM}, k) {
			return nil, fail("invalid_types")
		}
		if !c.s.hasScope(scopeOf(k, "read")) {
			return nil, c.s.needs(scopeOf(k, "read"))
		}
		list = append(list, k)
	}
	return list, nil
}

func conversationsList(c *call) (obj, error)  { return c.list(false) }
func usersConversations(c *call) (obj, error) { return c.list(true) }

// list answers conversations.list, or users.conversations with those only that
// the app (or a named user) is in.
func (c *call) list(joined bool) (obj, error) {
	kinds, err := c.kinds()
	if err != nil {
		return nil, err
	}
	limit, err := c.limit(100, 1000)
	if err != nil {
		return nil, err
	}
	who := c.s.app
	if id := c.text("user"); joined && id != "" {
		if who = c.s.user(id); who == nil {
			return nil, fail("user_not_found")
		}
	}
	var all []*Channel
	for _, ch := range c.s.channels {
		if slices.Contains(kinds, ch.Kind) && c.s.visible(ch) && (!joined || ch.has(who)) && (!ch.archived || !c.flag("exclude_archived")) {
			all = append(all, ch)
		}
	}
	part, next, err := page(c, all, limit)
	if err != nil {
		return nil, err
	}
	views := []any{}
	for _, ch := range part {
		v := c.s.channelView(ch)
		if !joined && ch.Kind != IM {
			v["num_members"] = len(ch.members)
		}
		views = append(views, v)
	}
	return obj{"channels": views, "response_metadata": cursor(next)}, nil
}

func conversationsInfo(c *call) (obj, error) {
	ch, err := c.target("read")
	if err != nil {
		return nil, err
	}
	v := c.s.channelView(ch)
	if c.flag("include_num_members") {
		v["num_members"] = len(ch.members)
	}
	if c.flag("include_locale") {
		v["locale"] = "en-US"
	}
	return obj{"channel": v}, nil
}

func conversationsMembers(c *call) (obj, error) {
	ch, err := c.target("read")
	if err != nil {
		return nil, err
	}
	limit, err := c.limit(100, 1000)
	if err != nil {
		return nil, err
	}
	part, next, err := page(c, ch.members, limit)
	if err != nil {
		return nil, err
	}
	ids := []string{}
	for _, u := range part {
		ids = append(ids, u.ID)
	}
	return obj{"members": ids, "response_metadata": cursor(next)}, nil
}

// maxOpen is how many people conversations.open takes besides the caller.
const maxOpen = 8

func conversationsOpen(c *call) (obj, error) {
	w := c.s.workspace
	if c.text("channel") != "" {
		ch, err := c.target("write")
		if err != nil {
			return nil, err
		}
		if ch.Kind != IM && ch.Kind != MPIM {
			return nil, fail("method_not_supported_for_channel_type")
		}
		return c.opened(ch, true), nil
	}
	text := c.text("users")
	if list, ok := c.args["users"].([]any); ok { // JSON may give a list
		var ids []string
		for _, v := range list {
			if id, ok := v.(string); ok {
				ids = append(ids, id)
			}
		}
		text = strings.Join(ids, ",")
	}
	if text == "" {
		return nil, fail("users_list_not_supplied")
	}
	members := []*User{w.app}
	for id := range strings.SplitSeq(text, ",") {
		u := w.user(strings.TrimSpace(id))
		switch {
		case u == nil:
			return nil, fail("user_not_found")
		case u.deleted:
			return nil, fail("user_disabled")
		case u == w.app, u.BotID != "":
			return nil, fail("cannot_dm_bot")
		case w.stranger(u):
			return nil, fail("user_not_visible")
		}
		if !slices.Contains(members, u) {
			members = append(members, u)
		}
	}
	if len(members) > maxOpen+1 {
		return nil, fail("too_many_users")
	}
	kind := IM
	if len(members) > 2 {
		kind = MPIM
	}
	if !c.s.hasScope(scopeOf(kind, "write")) {
		return nil, c.s.needs(scopeOf(kind, "write"))
	}
	ch, found := w.direct(c.s, members...)
	return c.opened(ch, found), nil
}

func (c *call) opened(ch *Channel, found bool) obj {
	v := obj{"id": ch.ID}
	if c.flag("return_im") {
		v = c.s.channelView(ch)
	}
	r := obj{"channel": v}
	if found {
		r["no_op"], r["already_open"] = true, true
	}
	return r
}

func conversationsJoin(c *call) (obj, error) {
	ch, err := c.target("")
	switch {
	case err != nil:
		return nil, err
	case ch.Kind != Public:
		return nil, fail("method_not_supported_for_channel_type")
	case ch.archived:
		return nil, fail("is_archived")
	case ch.has(c.s.app):
		c.warn("already_in_channel")
	default:
		c.s.join(ch, c.s.app, nil)
	}
	return obj{"channel": c.s.channelView(ch)}, nil
}

func conversationsMark(c *call) (obj, error) {
	ch, err := c.target("write")
	if err != nil {
		return nil, err
	}
	ts, err := c.need("ts")
	if err != nil {
		return nil, err
	}
	if _, err := micros(ts); err != nil {
		return nil, fail("invalid_timestamp")
	}
	if !ch.has(c.s.app) {
		return nil, fail("not_in_channel")
	}
	ch.lastRead = ts
	return nil, nil
}
