package slack

import (
	"context"
	"slices"
	"strings"
	"time"

	slackgo "github.com/slack-go/slack"

	"throughline/connectors"
	"throughline/message"
)

// What became of messages while nobody told us: what the hub has of the last days
// is compared with what is still there.

const (
	// lookBack is how far before the point up to which a channel was read messages are
	// compared: what was deleted, and answers in threads that were edited, since.
	lookBack = 48 * time.Hour
	// maxMissing is how many messages of one channel are asked for one by one.
	maxMissing = 200
	maxRecall  = 5000
)

// deleted are the messages of a channel after from that the hub has and Slack has no
// more. seen are those that a look has just found.
func (r *run) deleted(ctx context.Context, k room, from string, seen map[string]bool, at time.Time) (o outcome, err error) {
	hub, ok := r.in.(connectors.Recaller)
	if !ok {
		return o, nil
	}
	r.mu.Lock()
	sources, err := hub.Recall(ctx, keyOf(r.us.team, k.ID, ""), keyOf(r.us.team, k.ID, from), maxRecall)
	r.mu.Unlock()
	if err != nil {
		return o, err
	}
	missing := slices.DeleteFunc(sources, func(source string) bool {
		p, ok := parseKey(source)
		return !ok || seen[p.ts]
	})
	if len(missing) > maxMissing {
		r.log.Warn("not all messages that the history lacks are asked for", "channel", k.ID, "missing", len(missing), "asked", maxMissing)
		missing = missing[len(missing)-maxMissing:]
	}
	for _, source := range missing {
		ts := source[strings.LastIndexByte(source, '/')+1:]
		gone, err := r.gone(ctx, k.ID, ts)
		if err != nil {
			return o, err
		}
		if gone {
			o.Changes = append(o.Changes, message.Change{Of: source, Time: cmpTime(at), Deleted: true})
		}
	}
	return o, nil
}

// gone asks for one message, which conversations.replies finds wherever it is.
func (c *Connector) gone(ctx context.Context, channel, ts string) (bool, error) {
	found := false
	x, err := c.api.read(ctx, "conversations.replies", func(ctx context.Context) error {
		_, _, _, err := c.api.GetConversationRepliesContext(ctx, &slackgo.GetConversationRepliesParameters{ChannelID: channel, Timestamp: ts,
			Oldest: ts, Latest: ts, Inclusive: true, Limit: pageSize})
		return err
	})
	if is(err, "thread_not_found", "message_not_found") {
		return true, nil
	}
	if err != nil {
		return false, err
	}
	for _, m := range x.body.list("messages") {
		found = found || m.str("ts") == ts && m.str("subtype") != "tombstone"
	}
	return !found, nil
}
