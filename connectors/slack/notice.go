package slack

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	slackgo "github.com/slack-go/slack"

	"throughline/connectors"
)

// Notices to colleagues: posts of the app in channels that are not read.

const (
	// noticeType names what notices carry in their metadata.
	noticeType = "throughline_notice"
	// How much of a notice is shown, in characters. With every one escaped it is less
	// than the 3,000 that Slack takes in a block, and the 75 on a button.
	maxTitle  = 150
	maxNotice = 400
	maxButton = 70
)

// NoticePlaces lists the channels of the setting notice_channels.
func (c *Connector) NoticePlaces(ctx context.Context) (list []connectors.Place, err error) {
	for _, id := range c.set.notices {
		k, err := c.askRoom(ctx, id)
		if err != nil {
			return nil, fmt.Errorf("the channel %s: %w", id, err)
		}
		list = append(list, connectors.Place{ID: id, Name: "#" + k.Name})
	}
	return list, nil
}

// PostNotice posts a notice, unless an attempt of before has done so.
func (c *Connector) PostNotice(ctx context.Context, place string, n connectors.Notice, tried time.Time) (ref string, err error) {
	team, user, _, err := c.identity(ctx)
	if err != nil {
		return "", sendError(err, false)
	}
	if !slices.Contains(c.set.notices, place) {
		return "", &connectors.SendError{Class: connectors.Reject, Reason: "the channel " + oneLine(place) +
			" is not one for notices any more; name it in the settings of the account, or choose another one"}
	}
	if !tried.IsZero() {
		list, _, err := c.history(ctx, place, "", c.postedAfter(tried), "")
		if err != nil {
			return "", sendError(err, false)
		}
		for _, e := range list {
			if e.user == user && e.meta.str("event_type") == noticeType && e.meta.sub("event_payload").str("key") == n.Key {
				return keyOf(team, place, e.ts), nil
			}
		}
	}
	if err := c.api.free("chat.postMessage"); err != nil {
		return "", sendError(err, false)
	}
	options := append(noticeOptions(n), slackgo.MsgOptionDisableLinkUnfurl(), slackgo.MsgOptionDisableMediaUnfurl())
	x, err := c.api.call(ctx, "chat.postMessage", func(ctx context.Context) error {
		_, _, err := c.api.PostMessageContext(ctx, place, options...)
		return err
	})
	if err != nil {
		return "", sendError(err, true)
	}
	return keyOf(team, place, x.body.str("ts")), nil
}

// UpdateNotice changes a notice.
func (c *Connector) UpdateNotice(ctx context.Context, ref string, n connectors.Notice) error {
	at, ok := parseKey(ref)
	if !ok {
		return &connectors.SendError{Class: connectors.Reject, Reason: fmt.Sprintf("%q does not name a message of Slack", oneLine(ref))}
	}
	if err := c.api.free("chat.update"); err != nil {
		return sendError(err, false)
	}
	_, err := c.api.call(ctx, "chat.update", func(ctx context.Context) error {
		_, _, _, err := c.api.UpdateMessageContext(ctx, at.channel, at.ts, noticeOptions(n)...)
		return err
	})
	if err != nil {
		return sendError(err, false)
	}
	return nil
}

// noticeOptions lay a notice out. The button only opens an address: a press of it is
// acknowledged and says nothing to us.
func noticeOptions(n connectors.Notice) []slackgo.MsgOption {
	words := func(s string) *slackgo.TextBlockObject {
		return slackgo.NewTextBlockObject(slackgo.MarkdownType, escaper.Replace(s), false, true)
	}
	title, text, state := shorten(oneLine(n.Title), maxTitle), shorten(n.Text, maxNotice), shorten(n.State, maxNotice)
	body := "*" + title + "*"
	if text != "" {
		body += "\n" + text
	}
	blocks := []slackgo.Block{slackgo.NewSectionBlock(words(body), nil, nil)}
	if state != "" {
		blocks = append(blocks, slackgo.NewContextBlock("", words(state)))
	}
	if n.Link != "" {
		button := slackgo.NewButtonBlockElement("open", "", slackgo.NewTextBlockObject(slackgo.PlainTextType, shorten(oneLine(n.Button), maxButton), false, false))
		button.URL = n.Link
		blocks = append(blocks, slackgo.NewActionBlock("", button))
	}
	plain := strings.Join(slices.DeleteFunc([]string{title, state, text}, func(s string) bool { return s == "" }), "\n")
	return []slackgo.MsgOption{
		slackgo.MsgOptionText(plain, true), slackgo.MsgOptionBlocks(blocks...),
		slackgo.MsgOptionMetadata(slackgo.SlackMetadata{EventType: noticeType, EventPayload: map[string]any{"key": n.Key}}),
	}
}

var _ connectors.Notifier = (*Connector)(nil)
