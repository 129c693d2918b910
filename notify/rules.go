package notify

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"throughline/connectors"
	"throughline/inbox"
	"throughline/store"
)

const (
	maxRules = 50
	maxName  = 80
	maxList  = 50
	minAfter = time.Minute
	maxAfter = 7 * 24 * time.Hour
)

// Rule says of what colleagues are told, and where. Empty lists choose everything.
type Rule struct {
	ID       uint64        `json:"-"`
	Name     string        `json:"name"`
	Disabled bool          `json:"disabled,omitempty"`
	Account  string        `json:"account"` // over which notices go
	Place    string        `json:"place"`   // see connectors.Notifier
	Events   []string      `json:"events"`
	After    time.Duration `json:"after,omitempty"` // for OnWaiting
	// Channels, Accounts and Tags narrow the conversations down: by the channel and
	// the account of ours they came over, and to those with one of the tags.
	Channels []string `json:"channels,omitempty"`
	Accounts []string `json:"accounts,omitempty"`
	Tags     []string `json:"tags,omitempty"`
	Preview  bool     `json:"preview,omitempty"` // show the beginning of the message
	Language string   `json:"language,omitempty"`
	// Since is when it began to hold: what was before is no news.
	Since time.Time `json:"since"`
}

// chooses tells whether a rule is about a conversation.
func (r *Rule) chooses(c *inbox.Conversation) bool {
	return (len(r.Channels) == 0 || slices.Contains(r.Channels, c.Channel)) &&
		(len(r.Accounts) == 0 || slices.Contains(r.Accounts, c.Account) || slices.ContainsFunc(c.Accounts, func(a string) bool { return slices.Contains(r.Accounts, a) })) &&
		(len(r.Tags) == 0 || slices.ContainsFunc(c.Tags, func(t string) bool { return slices.Contains(r.Tags, t) }))
}

// Rules lists all rules in the order in which they were made.
func (n *Notify) Rules(tx *store.Tx) (list []Rule, err error) {
	for e := range n.rules.Scan(tx, store.Range{}) {
		r, err := n.rules.Get(tx, e.ID)
		if err != nil {
			return nil, err
		}
		r.ID = e.ID
		list = append(list, *r)
	}
	return list, nil
}

// active are the rules that hold.
func (n *Notify) active(tx *store.Tx) ([]Rule, error) {
	list, err := n.Rules(tx)
	return slices.DeleteFunc(list, func(r Rule) bool { return r.Disabled }), err
}

// Save makes a rule, or with an ID changes it. Errors are *inbox.InvalidError where a
// field is to blame.
func (n *Notify) Save(ctx context.Context, r Rule) (*Rule, error) {
	if err := n.check(&r); err != nil {
		return nil, err
	}
	return &r, n.hub.Store.Update(ctx, func(tx *store.Tx) error {
		list, err := n.active(tx)
		if err != nil {
			return err
		}
		if len(list) == 0 {
			// Nobody has followed the log meanwhile.
			if err := n.setCursor(tx, n.hub.Timeline.Last(tx)); err != nil {
				return err
			}
		}
		r.Since = tx.Now()
		if r.ID == 0 {
			if n.rules.Len(tx) >= maxRules {
				return &inbox.ConflictError{Text: fmt.Sprintf("there are %d rules already: change one of them, or remove one", maxRules)}
			}
			r.ID = tx.NextID()
			return n.rules.Insert(tx, r.ID, &r)
		}
		old, err := n.rules.Get(tx, r.ID)
		if err != nil {
			return err
		}
		if !old.Disabled {
			r.Since = old.Since
		}
		return n.rules.Put(tx, r.ID, &r)
	})
}

func (n *Notify) check(r *Rule) error {
	bad := func(field, format string, args ...any) error {
		return &inbox.InvalidError{Field: field, Text: fmt.Sprintf(format, args...)}
	}
	r.Name = strings.Join(strings.Fields(r.Name), " ")
	r.Events = slices.Compact(slices.Sorted(slices.Values(r.Events)))
	switch {
	case r.Name == "" || utf8.RuneCountInString(r.Name) > maxName:
		return bad("name", "give it a name of at most %d characters", maxName)
	case len(r.Events) == 0:
		return bad("events", "choose at least one event")
	case !slices.Contains(languages, r.Language) && r.Language != "":
		return bad("language", "write one of %s", strings.Join(languages, ", "))
	}
	for _, e := range r.Events {
		if !slices.Contains([]string{OnNew, OnWaiting, OnMention, OnMissed, OnFailed}, e) {
			return bad("events", "there is no event %q", e)
		}
	}
	if !slices.Contains(r.Events, OnWaiting) {
		r.After = 0
	} else if r.After < minAfter || r.After > maxAfter {
		return bad("after", "write between one minute and a week")
	}
	for field, list := range map[string][]string{"channels": r.Channels, "accounts": r.Accounts, "tags": r.Tags} {
		if len(list) > maxList || slices.ContainsFunc(list, func(s string) bool { return s == "" || len(s) > 200 }) {
			return bad(field, "at most %d, none of them empty", maxList)
		}
	}
	if _, ok := n.hub.Notifier(r.Account); !ok && !r.Disabled {
		return bad("account", "%s", errOff)
	}
	if r.Place == "" || len(r.Place) > 200 {
		return bad("place", "choose where notices are posted")
	}
	return nil
}

const errOff = "this account is not connected or has no place for notices: see Channels"

// Remove takes a rule away; what it has posted stays as it is.
func (n *Notify) Remove(ctx context.Context, id uint64) error {
	return n.hub.Store.Update(ctx, func(tx *store.Tx) error { return n.rules.Delete(tx, id) })
}

// Places lists where an account can post.
func (n *Notify) Places(ctx context.Context, account string) ([]connectors.Place, error) {
	to, ok := n.hub.Notifier(account)
	if !ok {
		return nil, &inbox.ConflictError{Text: errOff}
	}
	return to.NoticePlaces(ctx)
}

// Trouble is why the newest notice of a rule is not where it should be, "" if it is.
func (n *Notify) Trouble(tx *store.Tx, rule uint64) (string, error) {
	left := 200
	for e := range n.notices.Scan(tx, store.Range{Reverse: true}) {
		t, err := n.notices.Get(tx, e.ID)
		if err != nil {
			return "", err
		}
		if t.Rule == rule {
			return t.Error, nil
		}
		if left--; left == 0 {
			break
		}
	}
	return "", nil
}
