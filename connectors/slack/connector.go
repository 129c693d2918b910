// Package slack connects a Slack workspace as a channel of customers: direct
// messages, channels and Slack Connect channels that the app is in. One account
// is one installation of an app in one workspace.
//
// Events come by Socket Mode or, signed, over HTTP; either way they are
// acknowledged only when the hub has them. Whatever events did not bring, because
// we were away or one was lost, Run finds in the history of the channels: after
// every connect and from time to time. What Slack sends is first kept and only
// then understood; what cannot be understood is held, never refused, because
// Slack would bring it again.
//
// In a channel a thread is a conversation. A direct message without a thread is
// a chat. Posting is not idempotent: an attempt of which nobody knows what became
// is class Unsure, and Find looks for it by the name that each post carries in
// its metadata.
//
// slack-go (github.com/slack-go/slack) calls the Web API and checks signatures. What
// Slack sends is read by us, value by value, because slack-go refuses the whole for
// one value of another type; for the same reason the loop of Socket Mode is ours.
//
// Nothing is kept on disk but temporary files in flight; the cursor lives with
// the hub. The connector changes nothing at Slack besides posting.
package slack

import (
	"log/slog"
	"sync"
	"time"

	"throughline/connectors"
	"throughline/message"
)

// Channel is the name of the channel, and Scheme that of its handles, which read
// "slack:WORKSPACE/MEMBER". A member of another workspace (Slack Connect) bears
// the ID of his own.
const (
	Channel = "slack"
	Scheme  = "slack"
)

const (
	// maxText is the longest text of an answer, in characters: what Slack calls
	// good practice. It cuts at ten times as many.
	maxText = 4000
	// maxFiles is how many files fit into one message.
	maxFiles = 10
)

// Kind is the channel.
func Kind() connectors.Kind {
	return connectors.Kind{Channel: Channel, Scheme: Scheme, Fields: fields(),
		New: func(a connectors.Account, h connectors.Host) (connectors.Connector, error) { return newConnector(a, h) }}
}

// Connector is one app in one workspace.
type Connector struct {
	account string
	set     settings
	host    connectors.Host
	log     *slog.Logger
	limits  limits
	api     *client
	who     whoami
	people  people
	rooms   rooms
	opened  directs
	odd     oddities

	wake chan struct{} // tells Run to look at what follows

	mu      sync.Mutex
	brought []mark     // by webhooks: what the cursor does not know yet
	late    []lateItem // by webhooks: items that want another look
	missed  bool       // the hub refused something, or Slack left it out: look for it soon
	recheck bool       // an event said that the app is no longer welcome
	trouble string     // the last webhook that was turned away, for people
	first   time.Time  // where the hub's knowledge of this account begins, if known
}

func newConnector(a connectors.Account, h connectors.Host) (*Connector, error) {
	set, err := readSettings(a.Settings)
	if err != nil {
		return nil, err
	}
	if h.Log == nil {
		h.Log = slog.New(slog.DiscardHandler)
	}
	c := &Connector{account: a.ID, set: set, host: h, log: h.Log, limits: defaultLimits(), wake: make(chan struct{}, 1)}
	c.api = newClient(set)
	c.people.known = map[string]knownPerson{}
	c.rooms.known = map[string]knownRoom{}
	c.opened.known = map[string]string{}
	c.odd.count = map[string]int{}
	return c, nil
}

// Info describes the account. It writes as the app's bot user, whose ID is known
// to Slack only.
func (c *Connector) Info() connectors.Info {
	info := connectors.Info{
		Account: c.account, Channel: Channel, Own: message.Person{Name: c.set.name},
		Writing: connectors.Writing{
			Rich: true, Mentions: true, Text: maxText, Files: maxFiles, FileBytes: c.set.fileBytes * maxFiles,
			// Of an answer in a channel the thread decides; see message.Message.Chat.
			Chat: true,
		},
		Acknowledge: c.set.acknowledge,
	}
	if c.set.app == "" {
		info.Hooks = []connectors.Hook{{Path: routeEvents, Use: "events", Label: "Event Subscriptions, Request URL"}}
	}
	return info
}

// nudge makes Run look at what changed. It never blocks.
func (c *Connector) nudge() {
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

var (
	_ connectors.Connector = (*Connector)(nil)
	_ connectors.Webhooker = (*Connector)(nil)
	_ connectors.Finder    = (*Connector)(nil)
	_ connectors.Auditor   = (*Connector)(nil)
	_ connectors.Reader    = (*Connector)(nil)
	_ connectors.Tester    = (*Connector)(nil)
)
