// Package preference knows how people want to be reached: the purposes a
// conversation can have, what customers stated and agents set about channels, what
// their behaviour teaches, and how channels do for the whole house (the board).
//
// On disk it keeps the table "preferences" (what was stated and set, with its
// proof; a former one stays with the time it ended) and the policy (purposes, rules,
// threshold). Everything else is derived and follows the log with a cursor:
// "contacts" (one small record for each message between a person and us), the
// board's counters (one value a day, and one a day and tag), and what the classifier
// has learned ("lessons" and its words). Rebuild throws all of that away and reads
// the log again.
//
// It never sees a message's text except to learn words from it, never decides who a
// customer is, and never sends.
package preference

import (
	"log/slog"
	"time"

	"throughline/identity"
	"throughline/message"
	"throughline/store"
	"throughline/timeline"
)

// InvalidError blames one field of a request.
type InvalidError struct{ Field, Text string }

func (e *InvalidError) Error() string { return e.Field + ": " + e.Text }

// Fact is what counts of a message.
type Fact struct {
	Conversation uint64
	Time         time.Time
	Out          bool
	Channel      string
	Handle       uint64 // of whom it is from, or of the first whom it is to
	Whose        uint64 // the customer record whose it is, if it is not the owner's of Handle
	Agent        uint64 // who wrote it, 0 for incoming
	Failed       bool   // it did not reach the person
	Settled      bool   // nothing is left to answer: a call that was talked through
	// Advised is the channel that was proposed when it was written, By whence that
	// came (Stated, Set or Learned); "" where nothing was.
	Advised string
	By      string
}

// Matter is what counts of a conversation.
type Matter struct {
	ID       uint64 // of the one it was merged into, if it was
	Purpose  string
	By       string // who set the purpose: "agent:ID", ByRule, ByGuess
	Tags     []string
	Assignee uint64
	Team     uint64
	Handle   uint64
	Resolved time.Time // zero while it is open
}

// Who sets a purpose besides agents.
const (
	ByRule  = "rule"
	ByGuess = "classifier"
)

// Source tells of messages and conversations as they are now.
type Source interface {
	// Contact tells of a message; ok is false for what is no contact between a
	// person and us: taken back, automatic, sent to many, a word like STOP that is
	// meant for the machine.
	Contact(tx *store.Tx, message uint64) (f Fact, ok bool, err error)
	Matter(tx *store.Tx, conversation uint64) (Matter, error)
	// Words are the subject and the text of a message, "" once it is erased.
	Words(tx *store.Tx, message uint64) (string, error)
}

// Options are what Preferences are made of.
type Options struct {
	Store    *store.Store
	Timeline *timeline.Timeline
	Identity *identity.Identity
	Source   Source
	Zone     *time.Location // of the board's days and hours; nil is the machine's
	Log      *slog.Logger   // nil discards
}

// Preferences are those of one data folder.
type Preferences struct {
	store    *store.Store
	timeline *timeline.Timeline
	identity *identity.Identity
	source   Source
	zone     *time.Location
	log      *slog.Logger

	statements *store.Table[Statement]
	contacts   *store.Table[Contact]
	lessons    *store.Table[lesson]
}

// New declares the tables in o.Store. Follow keeps what is derived up to date.
func New(o Options) *Preferences {
	if o.Zone == nil {
		o.Zone = time.Local
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return &Preferences{
		store: o.Store, timeline: o.Timeline, identity: o.Identity, source: o.Source, zone: o.Zone, log: o.Log,
		statements: store.NewTable(o.Store, "preferences", store.TableOptions[Statement]{
			Indexes: []store.Index[Statement]{{Name: "customer", Keys: func(s *Statement) []store.Key {
				return []store.Key{store.K().Uint(s.Customer)}
			}}},
		}),
		contacts: store.NewTable(o.Store, "contacts", store.TableOptions[Contact]{
			Indexes: []store.Index[Contact]{
				{Name: "conversation", Keys: func(c *Contact) []store.Key {
					return []store.Key{store.K().Uint(c.Conversation).Time(c.Time)}
				}},
				{Name: "handle", Keys: func(c *Contact) []store.Key { // or customer record
					return []store.Key{store.K().Uint(c.Subject()).TimeDesc(c.Time)}
				}},
				{Name: "time", Keys: func(c *Contact) []store.Key {
					return []store.Key{store.K().TimeDesc(c.Time)}
				}},
				{Name: "unheeded", Keys: func(c *Contact) []store.Key {
					if !c.Out || c.By != Stated || c.Advised == "" || c.Advised == c.Channel {
						return nil
					}
					return []store.Key{store.K().TimeDesc(c.Time)}
				}},
				{Name: "cell", Keys: func(c *Contact) []store.Key {
					return []store.Key{store.K().Str(c.Purpose).Str(c.Channel).TimeDesc(c.Time)}
				}},
			},
		}),
		lessons: store.NewTable(o.Store, "lessons", store.TableOptions[lesson]{}),
	}
}

// Reach is one way to a customer: an account of ours and an address it leads to.
type Reach struct {
	Channel string
	Account string
	Handle  message.Handle
	Blocked string // why nothing can be sent there now, if so
}
