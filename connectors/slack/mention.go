package slack

import (
	"context"
	"slices"
	"strings"

	slackgo "github.com/slack-go/slack"

	"throughline/connectors"
	"throughline/message"
)

// Mentionable lists the members of the channel that a thread is in, but for bots, by
// name. In a direct message there is nobody to name.
func (c *Connector) Mentionable(ctx context.Context, thread []string) ([]message.Person, error) {
	team, user, _, err := c.identity(ctx)
	if err != nil {
		return nil, fault(err)
	}
	channel := ""
	for _, ref := range slices.Backward(thread) {
		if p, ok := parseKey(strings.TrimSuffix(ref, threadMark)); ok && p.team == team {
			channel = p.channel
			break
		}
	}
	if channel == "" || strings.HasPrefix(channel, "D") {
		return nil, nil
	}
	x, err := c.api.read(ctx, "conversations.members", func(ctx context.Context) error {
		_, _, err := c.api.GetUsersInConversationContext(ctx, &slackgo.GetUsersInConversationParameters{ChannelID: channel, Limit: connectors.MaxMentions + 1})
		return err
	})
	if err != nil {
		return nil, fault(err)
	}
	var list []message.Person
	for _, id := range x.body.texts("members") {
		if id == user || !memberForm(id) || len(list) == connectors.MaxMentions {
			continue
		}
		// Whose name cannot be told now is not offered.
		if p, ok := c.person(ctx, id); ok && !p.Bot {
			of := p.Team
			if of == "" {
				of = team
			}
			list = append(list, message.Person{Handle: handleOf(of, id), Name: p.Name})
		}
	}
	slices.SortFunc(list, func(a, b message.Person) int {
		return strings.Compare(strings.ToLower(a.Name), strings.ToLower(b.Name))
	})
	return list, ctx.Err()
}

var _ connectors.Mentioner = (*Connector)(nil)
