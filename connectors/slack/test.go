package slack

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"throughline/connectors"
)

// scopes are those of the bot token, and what goes without each.
var scopes = []struct {
	name string
	kind string // of channel that cannot be read without it; "" for all
}{
	{"chat:write", ""}, {"users:read", ""}, {"im:history", "im"}, {"im:read", "im"}, {"im:write", "im"},
	{"channels:history", "channel"}, {"channels:read", "channel"}, {"files:read", ""}, {"files:write", ""}, {"reactions:read", ""},
}

// wanted are scopes that are of use, but not needed.
var wanted = []string{"groups:history", "groups:read", "mpim:history", "mpim:read", "users:read.email"}

// Test signs in with both tokens and compares the scopes. Nothing is posted and
// nothing is changed.
func (c *Connector) Test(ctx context.Context) []connectors.Step {
	var steps []connectors.Step
	done := func(name string, err error) bool {
		st := connectors.Step{Name: name, OK: err == nil}
		if err != nil {
			st.Error = err.Error()
		}
		steps = append(steps, st)
		return err == nil
	}
	if _, _, _, err := c.introduce(ctx); !done("slack: sign in", err) {
		return steps
	}
	if !done("slack: scopes", c.checkScopes()) {
		return steps
	}
	if lacking := c.lacking(wanted); len(lacking) > 0 {
		done("slack: works without the scopes "+strings.Join(lacking, ", "), nil)
	}
	list, _, err := c.list(ctx)
	if err == nil && c.set.take == takeListed {
		err = c.checkListed(list)
	}
	if !done("slack: channels", err) {
		return steps
	}
	if len(c.set.notices) > 0 {
		if _, err := c.NoticePlaces(ctx); !done("slack: channels for notices", err) {
			return steps
		}
	}
	if c.set.app != "" {
		if _, err := c.openSocket(ctx); !done("slack: socket mode", err) {
			return steps
		}
	}
	if c.set.app == "" {
		if c.host.PublicURL == "" {
			done("slack: address for events", errors.New("the hub has no public address (public_url), so that Slack cannot bring events; set it, or use Socket Mode with an app token"))
			return steps
		}
		done("slack: Request URL under Event Subscriptions of the app: "+c.host.PublicURL+routeEvents, nil)
	}
	return steps
}

func (c *Connector) lacking(names []string) (out []string) {
	granted := c.api.granted()
	if granted == nil {
		return nil
	}
	for _, n := range names {
		if !slices.Contains(granted, n) {
			out = append(out, n)
		}
	}
	return out
}

func (c *Connector) checkScopes() error {
	var need []string
	for _, s := range scopes {
		if s.kind != "channel" || c.set.take != takeDirect {
			need = append(need, s.name)
		}
	}
	if l := c.lacking(need); len(l) > 0 {
		return fmt.Errorf("the app lacks the scopes %s; add them under OAuth & Permissions and install the app again", strings.Join(l, ", "))
	}
	return nil
}

func (c *Connector) checkListed(list []room) error {
	for _, want := range c.set.listed {
		if !slices.ContainsFunc(list, func(k room) bool { return k.ID == want || k.Name == want }) {
			return fmt.Errorf("the app is not in the channel %s, or there is none of that name; invite the app there", want)
		}
	}
	return nil
}
