package slacktest

import (
	"encoding/base64"
	"slices"
	"strings"
)

// span reads oldest, latest and inclusive.
func (c *call) span() (in func(ts string) bool, err error) {
	low, high := int64(0), int64(1)<<62
	if v := c.text("oldest"); v != "" {
		if low, err = micros(v); err != nil {
			return nil, fail("invalid_ts_oldest")
		}
	}
	// Clients send "now" or 0 for "no end".
	if v := c.text("latest"); v != "" && v != "now" && v != "0" {
		if high, err = micros(v); err != nil {
			return nil, fail("invalid_ts_latest")
		}
	}
	inclusive := c.flag("inclusive")
	return func(ts string) bool {
		n, _ := micros(ts)
		return n > low && n < high || inclusive && (n == low || n == high)
	}, nil
}

// history answers with the messages of a channel, newest first, without the
// replies of threads unless they were also sent to the channel.
func history(c *call) (obj, error) {
	ch, err := c.target("history")
	if err != nil {
		return nil, err
	}
	if !ch.has(c.s.app) {
		return nil, fail("not_in_channel")
	}
	limit, err := c.limit(100, 999)
	if err != nil {
		return nil, err
	}
	in, err := c.span()
	if err != nil {
		return nil, err
	}
	var list []*message
	for _, m := range ch.messages {
		if (!m.isReply() || m.subtype == "thread_broadcast") && in(m.ts) {
			list = append(list, m)
		}
	}
	forward := c.s.opt.HistoryFromOldest && c.text("oldest") != "" && c.text("latest") == ""
	// A cursor names the message where the last page ended, so that what comes
	// meanwhile does not shift the pages.
	if cur := c.text("cursor"); cur != "" {
		b, err := base64.StdEncoding.DecodeString(cur)
		ts, ok := strings.CutPrefix(string(b), "next_ts:")
		if err != nil || !ok {
			return nil, fail("invalid_cursor")
		}
		list = slices.DeleteFunc(list, func(m *message) bool { return forward && m.ts <= ts || !forward && m.ts >= ts })
	}
	if !forward {
		slices.Reverse(list)
	}
	more := len(list) > limit
	list = list[:min(limit, len(list))]
	r := obj{"has_more": more, "pin_count": 0, "channel_actions_ts": nil, "channel_actions_count": 0}
	if more {
		r["response_metadata"] = cursor(base64.StdEncoding.EncodeToString([]byte("next_ts:" + list[len(list)-1].ts)))
	}
	if forward {
		slices.Reverse(list) // each page is newest first
	}
	if v := c.text("latest"); v != "" {
		r["latest"] = v
	}
	r["messages"] = c.views(list)
	return r, nil
}

// replies answers with a thread, oldest first. Its parent comes first on every
// page.
func replies(c *call) (obj, error) {
	ch, err := c.target("history")
	if err != nil {
		return nil, err
	}
	if !ch.has(c.s.app) {
		return nil, fail("not_in_channel")
	}
	ts, err := c.need("ts")
	if err != nil {
		return nil, err
	}
	limit, err := c.limit(1000, 1000)
	if err != nil {
		return nil, err
	}
	in, err := c.span()
	if err != nil {
		return nil, err
	}
	parent := ch.find(ts)
	if parent == nil {
		return nil, fail("thread_not_found")
	}
	list := slices.DeleteFunc(ch.replies(ts), func(m *message) bool { return !in(m.ts) })
	part, next, err := page(c, list, max(1, limit-1))
	if err != nil {
		return nil, err
	}
	r := obj{"messages": c.views(append([]*message{parent}, part...)), "has_more": next != ""}
	if next != "" {
		r["response_metadata"] = cursor(next)
	}
	return r, nil
}

func (c *call) views(list []*message) []any {
	views := []any{}
	for _, m := range list {
		views = append(views, c.s.messageView(m, c.flag("include_all_metadata")))
	}
	return views
}
