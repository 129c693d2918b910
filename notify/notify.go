// Package notify tells colleagues outside of the hub what happens in it: a notice
// with a link for each conversation that a rule chooses, posted where an account
// has a place for it (a channel of a chat), and changed when the conversation is
// assigned, answered or resolved.
//
// On disk it keeps the tables "notice_rules" and "notices" and, as a plain value, how
// far the log was read. A notice is written before it is posted, one for each cause
// and rule, and an attempt before it is made; what came of an attempt that broke off
// is asked for before another one. So a restart neither forgets nor repeats one.
//
// It follows the log of package timeline, knows no channel by name (see
// connectors.Notifier), changes no conversation, and never keeps the words of
// a customer: they are read from the message each time.
package notify

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"throughline/connectors"
	"throughline/inbox"
	"throughline/store"
)

// The events that a rule can choose.
const (
	OnNew     = "new"         // a person opened a conversation
	OnWaiting = "waiting"     // a customer waits longer than Rule.After
	OnMention = "mention"     // a note names an agent: @Name
	OnMissed  = "missed_call" // a call was missed, or ended in a voicemail
	OnFailed  = "failed"      // an outgoing message did not arrive, or may not have
)

// Hub is what notify reads of the inbox.
type Hub = inbox.Hub

// Options are what notices are made from.
type Options struct {
	Hub *Hub
	// Agents names everybody who works here, by ID.
	Agents func(tx *store.Tx) (map[uint64]string, error)
	// URL tells where people reach the web app, without a slash at the end.
	URL func() string
	Log *slog.Logger
}

// Notify posts notices.
type Notify struct {
	hub     *Hub
	agents  func(tx *store.Tx) (map[uint64]string, error)
	url     func() string
	log     *slog.Logger
	rules   *store.Table[Rule]
	notices *store.Table[Notice]
	limits  limits

	// read is how far this run has looked; on disk is how far it has found something.
	mu   sync.Mutex
	read uint64
}

// limits are the bounds on waiting; tests shorten them.
type limits struct {
	settle time.Duration // after a change, until the notice is changed: several come together
	look   time.Duration // between two looks for who waits too long
	again  time.Duration // after an attempt of unclear outcome: the provider lists it then
	retry  time.Duration // after the first failure; doubled up to a quarter of an hour
}

const (
	retryMost = 15 * time.Minute
	giveUp    = 24 * time.Hour      // a notice that could not be posted for so long is stale
	follow    = 7 * 24 * time.Hour  // so long a notice is changed with its conversation
	keep      = 30 * 24 * time.Hour // so long a closed one is remembered
	fresh     = 24 * time.Hour      // what is older when it comes in, an old mailbox say, is no news
)

// New declares the tables in the hub's store. Run posts.
func New(o Options) (*Notify, error) {
	if o.Hub == nil || o.Agents == nil || o.URL == nil {
		return nil, errors.New("notify: a hub, its agents and its address are needed")
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	n := &Notify{hub: o.Hub, agents: o.Agents, url: o.URL, log: o.Log,
		limits: limits{settle: 2 * time.Second, look: 15 * time.Second, again: 20 * time.Second, retry: 5 * time.Second}}
	n.rules = store.NewTable(o.Hub.Store, "notice_rules", store.TableOptions[Rule]{})
	n.notices = store.NewTable(o.Hub.Store, "notices", store.TableOptions[Notice]{
		Indexes: []store.Index[Notice]{
			{Name: "cause", Unique: true, Keys: func(t *Notice) []store.Key { return []store.Key{causeKey(t.Rule, t.Cause)} }},
			{Name: "due", Keys: func(t *Notice) []store.Key {
				if t.Due.IsZero() {
					return nil
				}
				return []store.Key{store.K().Time(t.Due)}
			}},
			{Name: "open", Keys: func(t *Notice) []store.Key {
				if !t.Closed.IsZero() {
					return nil
				}
				return []store.Key{store.K().Uint(t.Conversation)}
			}},
			{Name: "closed", Keys: func(t *Notice) []store.Key {
				if t.Closed.IsZero() {
					return nil
				}
				return []store.Key{store.K().Time(t.Closed)}
			}},
		},
	})
	return n, nil
}

// Notice is one that was, or is to be, posted.
type Notice struct {
	ID           uint64    `json:"-"`
	Rule         uint64    `json:"rule"`
	Event        string    `json:"event"`
	Cause        string    `json:"cause"` // what it tells of; once for each rule
	Conversation uint64    `json:"conversation"`
	Message      uint64    `json:"message,omitempty"`
	Note         uint64    `json:"note,omitempty"`
	Agent        uint64    `json:"agent,omitempty"` // who is mentioned
	Account      string    `json:"account"`
	Place        string    `json:"place"`
	Created      time.Time `json:"created"`

	Ref    string    `json:"ref,omitempty"`    // its name at the provider, once posted
	Shown  string    `json:"shown,omitempty"`  // a digest of what stands there
	Due    time.Time `json:"due,omitzero"`     // of the next attempt; zero while there is nothing to do
	Tried  time.Time `json:"tried,omitzero"`   // of an attempt to post it whose outcome is not known
	Tries  int       `json:"tries,omitempty"`  // that failed in a row
	Error  string    `json:"error,omitempty"`  // why the last attempt failed, for people
	Closed time.Time `json:"closed,omitzero"`  // since then nothing of it changes
	Erased bool      `json:"erased,omitempty"` // its customer was: it says nothing any more
}

// key finds a notice again at the provider.
func (t *Notice) key() string { return fmt.Sprintf("%d:%s", t.Rule, t.Cause) }

func causeKey(rule uint64, cause string) store.Key { return store.K().Uint(rule).Str(cause) }

// The value that tells how far the log was read.
const (
	stateBucket = "notify"
	cursorKey   = "cursor"
)

func (n *Notify) cursor(tx *store.Tx) uint64 {
	if v := tx.GetValue(stateBucket, cursorKey); len(v) == 8 {
		return binary.BigEndian.Uint64(v)
	}
	return 0
}

func (n *Notify) setCursor(tx *store.Tx, seq uint64) error {
	return tx.PutValue(stateBucket, cursorKey, binary.BigEndian.AppendUint64(nil, seq))
}

// Run follows the log and posts until ctx ends.
func (n *Notify) Run(ctx context.Context) error {
	var work sync.WaitGroup
	defer work.Wait()
	work.Go(func() { n.loop(ctx, "post notices", n.notices.Watch, n.postDue) })
	// Not at every commit: with thousands who wait too long it is much to look at.
	work.Go(func() { n.loop(ctx, "look for who waits", n.rules.Watch, n.lookForWaiting) })
	n.loop(ctx, "look for what to tell", n.hub.Timeline.Watch, n.look)
	return ctx.Err()
}

// loop does something when it is woken, and after as long as it says. Trouble, a full
// disk say, ends nothing.
func (n *Notify) loop(ctx context.Context, what string, watch func() (<-chan struct{}, func()), do func(context.Context) (time.Duration, error)) {
	wake, stop := watch()
	defer stop()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for ctx.Err() == nil {
		wait, err := do(ctx)
		if err != nil && ctx.Err() == nil {
			n.log.Error(what, "error", err)
			wait = 30 * time.Second
		}
		timer.Reset(wait)
		select {
		case <-wake:
		case <-timer.C:
		case <-ctx.Done():
		}
	}
}

// Test posts a notice that tells of nothing.
func (n *Notify) Test(ctx context.Context, id uint64) error {
	var r *Rule
	err := n.hub.Store.View(func(tx *store.Tx) (err error) {
		r, err = n.rules.Get(tx, id)
		return err
	})
	if err != nil {
		return err
	}
	to, ok := n.hub.Notifier(r.Account)
	if !ok {
		return &inbox.ConflictError{Text: errOff}
	}
	w := r.words()
	_, err = to.PostNotice(ctx, r.Place, connectors.Notice{Key: "test", Title: w.test, Text: r.Name, Link: n.url() + "/#/inbox", Button: w.open}, time.Time{})
	var se *connectors.SendError
	if errors.As(err, &se) {
		return &inbox.ConflictError{Text: se.Error()}
	}
	return err
}
