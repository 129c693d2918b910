// Package inbox is the hub itself: it takes in what the connectors deliver, finds
// the customer and the conversation it belongs to, does what agents ask
// (answer, note, assign, snooze, resolve, move, merge) and sends what they wrote.
//
// On disk it keeps, through package store, the tables "conversations",
// "messages", "deliveries", "notes", "tasks", "held", "consents", "suspensions" and "early" (news
// that came before what it is about), the raw items ("raw", or a blob when large), and as
// plain values the connectors' cursors, the ledger (what
// became of every item a provider ever delivered: stored, duplicate or held),
// when each account was made, drafts, read marks, which agents are ready for calls, and for a week the keys under which clients asked for a
// message, so that none is written twice. Every change and the timeline event that tells of it are
// one transaction.
//
// It knows no channel by name, never acknowledges an item before its commit, and
// never dials out before the attempt is on disk.
package inbox

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"throughline/accounts"
	"throughline/blob"
	"throughline/connectors"
	"throughline/identity"
	"throughline/message"
	"throughline/preference"
	"throughline/store"
	"throughline/timeline"
)

// ErrNotFound is wrapped by errors about IDs that lead nowhere.
var ErrNotFound = store.ErrNotFound

// InvalidError blames one field of a request.
type InvalidError struct{ Field, Text string }

func (e *InvalidError) Error() string { return e.Field + ": " + e.Text }

// ConflictError tells that something cannot be done as things stand now.
type ConflictError struct{ Text string }

func (e *ConflictError) Error() string { return e.Text }

// NewerError holds a reply back: its writer had not seen these events.
type NewerError struct{ Events []timeline.Event }

func (e *NewerError) Error() string {
	return "the conversation went on while this was written: read what is new, then send again"
}

// The defaults of Options.
const (
	DefaultUndo      = 10 * time.Second
	DefaultChatPause = 24 * time.Hour
)

// Options are what a hub is made of.
type Options struct {
	Store    *store.Store
	Blobs    *blob.Store
	Accounts *accounts.Accounts
	Kinds    []connectors.Kind
	Undo     time.Duration // undo window of outgoing messages; 0 sends at once
	TempDir  string        // for large items in flight
	// PublicURL is where providers and customers reach the hub, without a slash at
	// the end; "" if they cannot.
	PublicURL string
	// ChatPause is how long after its last message a resolved chat is still taken
	// up again by the next one.
	ChatPause time.Duration
	// Country is where people's telephone numbers are from that have no country code
	// (ISO 3166); "" for that of our own numbers, if all are of one.
	Country string
	// Files is called in each transaction that files a message, or changes one, with its
	// files; nil does nothing.
	Files func(tx *store.Tx, message uint64, parts []message.Part) error
	// Agent finds the agent of an e-mail address; nil knows nobody. Menus of phone
	// lines name agents so.
	Agent func(tx *store.Tx, address string) (id uint64, ok bool, err error)
	// Zone is that of the board's days and hours, nil the machine's.
	Zone *time.Location
	Log  *slog.Logger
}

// Hub is the inbox of one data folder.
type Hub struct {
	Store    *store.Store
	Blobs    *blob.Store
	Accounts *accounts.Accounts
	Timeline *timeline.Timeline
	Identity *identity.Identity
	// Preference knows purposes and channels; it follows the log while the hub runs.
	Preference *preference.Preferences

	kinds   map[string]connectors.Kind
	undo    time.Duration
	pause   time.Duration // Options.ChatPause
	country string        // Options.Country
	public  string
	tempDir string
	filesOf func(tx *store.Tx, message uint64, parts []message.Part) error
	agentOf func(tx *store.Tx, address string) (uint64, bool, error) // Options.Agent
	log     *slog.Logger
	began   time.Time // what is older was written by an earlier process

	conversations *store.Table[Conversation]
	messages      *store.Table[Record]
	deliveries    *store.Table[Delivery]
	notes         *store.Table[Note]
	held          *store.Table[HeldItem]
	consents      *store.Table[Consent]
	suspensions   *store.Table[Suspension]
	early         *store.Table[early]
	tasks         *store.Table[Task]

	// What runs now; nothing here outlives the process or is missed by it.
	mu      sync.Mutex
	life    context.Context // of Run, nil while it does not run
	ready   chan struct{}   // closed once the accounts have been started
	readied sync.Once
	running map[string]*runner
	own     map[message.Handle]string  // canonical own handles → account
	infos   map[string]connectors.Info // of all accounts, switched-off ones too
	audits  map[string]*Audit
	auditWG sync.WaitGroup
	states  watchers
	looking chan struct{} // wakes lookThrough
}

// New declares the hub's tables in o.Store. Run starts it.
func New(o Options) (*Hub, error) {
	if o.Store == nil || o.Blobs == nil || o.Accounts == nil {
		return nil, errors.New("inbox: a hub needs a store, blobs and accounts")
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Agent == nil {
		o.Agent = func(*store.Tx, string) (uint64, bool, error) { return 0, false, nil }
	}
	h := &Hub{
		Store: o.Store, Blobs: o.Blobs, Accounts: o.Accounts,
		Timeline: timeline.New(o.Store),
		Identity: identity.New(o.Store),
		kinds:    make(map[string]connectors.Kind, len(o.Kinds)),
		ready:    make(chan struct{}),
		undo:     o.Undo, pause: o.ChatPause, country: o.Country, public: o.PublicURL, tempDir: o.TempDir, filesOf: o.Files, log: o.Log,
		agentOf: o.Agent,
		began:   time.Now(),
		running: make(map[string]*runner),
		own:     make(map[message.Handle]string),
		audits:  make(map[string]*Audit),
		looking: make(chan struct{}, 1),
	}
	for _, k := range o.Kinds {
		h.kinds[k.Channel] = k
	}
	h.conversations = store.NewTable(o.Store, "conversations", store.TableOptions[Conversation]{
		Indexes: []store.Index[Conversation]{
			{Name: "list", Count: true, Keys: func(c *Conversation) []store.Key {
				return c.listKeys(func(k store.Key) store.Key { return k.TimeDesc(c.Last) })
			}},
			{Name: "waiting", Keys: func(c *Conversation) []store.Key {
				return c.listKeys(func(k store.Key) store.Key {
					if c.Waiting.IsZero() {
						return k.Time(never)
					}
					return k.Time(c.Waiting)
				})
			}},
			{Name: "whose", Keys: func(c *Conversation) []store.Key {
				if c.hidden() {
					return nil
				}
				return []store.Key{store.K().Uint(c.subject()).TimeDesc(c.Last)}
			}},
			{Name: "snoozed", Keys: func(c *Conversation) []store.Key {
				if c.Status != Snoozed || c.hidden() {
					return nil
				}
				return []store.Key{store.K().Time(c.SnoozedUntil)}
			}},
			{Name: "tag", Count: true, Keys: func(c *Conversation) []store.Key {
				if c.hidden() {
					return nil
				}
				keys := make([]store.Key, len(c.Tags))
				for i, t := range c.Tags {
					keys[i] = store.K().Str(t).TimeDesc(c.Last)
				}
				return keys
			}},
		},
	})
	h.messages = store.NewTable(o.Store, "messages", store.TableOptions[Record]{
		Compress: true, Append: true,
		Indexes: []store.Index[Record]{
			{Name: "key", Unique: true, Keys: func(r *Record) []store.Key {
				if r.Key == "" {
					return nil
				}
				return []store.Key{store.K().Str(r.Key)}
			}},
			{Name: "thread", Keys: (*Record).threadKeys},
			{Name: "chat", Keys: (*Record).chatKeys},
			{Name: callingIndex, Keys: (*Record).callingKeys},
			{Name: legIndex, Keys: (*Record).legKeys},
			{Name: undoneIndex, Keys: (*Record).undoneKeys},
			{Name: fileIndex, Keys: (*Record).fileKeys},
		},
	})
	h.deliveries = store.NewTable(o.Store, "deliveries", store.TableOptions[Delivery]{
		Indexes: []store.Index[Delivery]{
			{Name: "due", Count: true, Keys: func(d *Delivery) []store.Key {
				if !d.waiting() {
					return nil
				}
				return []store.Key{store.K().Str(d.Account).Time(d.Due)}
			}},
			{Name: "owed", Keys: func(d *Delivery) []store.Key {
				if d.Owed.IsZero() {
					return nil
				}
				return []store.Key{store.K().Str(d.Account).Time(d.Owed)}
			}},
			{Name: "ref", Keys: func(d *Delivery) []store.Key {
				var keys []store.Key
				for _, ref := range append(d.Past[:len(d.Past):len(d.Past)], d.Ref) {
					if ref != "" {
						keys = append(keys, refKey(ref))
					}
				}
				return keys
			}},
		},
	})
	h.notes = store.NewTable(o.Store, "notes", store.TableOptions[Note]{})
	h.held = store.NewTable(o.Store, "held", store.TableOptions[HeldItem]{
		Indexes: []store.Index[HeldItem]{
			{Name: "source", Unique: true, Keys: func(i *HeldItem) []store.Key {
				return []store.Key{store.K().Str(i.Account).Str(i.Source)}
			}},
			{Name: "account", Count: true, Keys: func(i *HeldItem) []store.Key {
				return []store.Key{store.K().Str(i.Account)}
			}},
		},
	})
	h.consents = newConsents(o.Store)
	h.Identity.OnMade(h.handleMade)
	h.suspensions = newSuspensions(o.Store)
	h.Preference = preference.New(preference.Options{Store: o.Store, Timeline: h.Timeline, Identity: h.Identity, Source: facts{h}, Zone: o.Zone, Log: o.Log})
	h.early = newEarly(o.Store)
	h.tasks = newTasks(o.Store)
	return h, nil
}

// never sorts after every time.
var never = time.Date(2200, 1, 1, 0, 0, 0, 0, time.UTC)

// agentActor names an agent in an event.
func agentActor(id uint64) string { return fmt.Sprintf("agent:%d", id) }

// Own tells whether a canonical handle is one of our accounts, and which.
func (h *Hub) Own(handle message.Handle) (account string, ok bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	account, ok = h.own[handle]
	return account, ok
}
