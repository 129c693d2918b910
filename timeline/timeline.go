// Package timeline is what happened, in order: an append-only log of events with
// one sequence number for the whole hub, read by conversation, by customer, or
// followed from any sequence.
//
// On disk it keeps one table, "events", keyed by sequence number, with two narrow
// indexes (conversation and subject). Events hold no message bodies, only the
// IDs of what they tell of, so erasing a person leaves sequence and statistics
// whole. State changes and the event that tells of them are written in the same
// transaction, which makes the order of commits the order of the sequence.
//
// It never calls anybody: followers hold a sequence number and are woken after a
// commit to look again.
package timeline

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"slices"
	"time"

	"throughline/store"
)

// The kinds of event. An event of a kind not listed in quiet is a line of the
// conversation it belongs to.
const (
	MessageReceived  = "message.received"
	MessageQueued    = "message.queued"    // an agent wrote it; it waits in the outbox
	MessageDelivery  = "message.delivery"  // its delivery changed state
	MessageCancelled = "message.cancelled" // taken back in the undo window
	MessageMoved     = "message.moved"     // re-filed to another conversation
	MessageRefiled   = "message.refiled"   // a person said that it is from another customer
	MessageScanned   = "message.scanned"   // the virus scanner said something of a file of it
	MessageEdited    = "message.edited"    // by its author, at the provider
	MessageDeleted   = "message.deleted"   // by its author, at the provider
	MessageCall      = "message.call"      // a call went on, or its recording came
	MessageReaction  = "message.reaction"  // somebody set a sign on it, or took it away
	NoteAdded        = "note.added"

	ConversationStatus   = "conversation.status"
	ConversationAssigned = "conversation.assigned"
	ConversationPriority = "conversation.priority"
	ConversationTags     = "conversation.tags"
	ConversationRead     = "conversation.read"
	ConversationMerged   = "conversation.merged"
	ConversationPurpose  = "conversation.purpose" // what it is about, for the choice of a channel

	CustomerCreated  = "customer.created"
	CustomerChanged  = "customer.changed"
	CustomerMerged   = "customer.merged"
	CustomerUnmerged = "customer.unmerged"
	CustomerErased   = "customer.erased"
	HandleLinked     = "handle.linked"
	HandleSuspended  = "handle.suspended" // or no longer: bounces say that it does not work
	HandleUnlinked   = "handle.unlinked"
	ConsentChanged   = "consent.changed" // whether a handle may be written to on a channel

	ConsentHelp       = "consent.help"       // somebody asked who writes and how that ends
	PreferenceChanged = "preference.changed" // what a customer or an agent says about channels
	PurposesChanged   = "purposes.changed"   // by an administrator
	TeamsChanged      = "teams.changed"      // by an administrator

	SuggestionChanged = "suggestion.changed" // who may be the same person, or what was decided of it

	DraftChanged = "draft.changed"

	DocumentAdded    = "document.added"
	DocumentVersion  = "document.version" // a new file, or an earlier one again
	DocumentChanged  = "document.changed" // its card, or what is known of its file
	DocumentMoved    = "document.moved"   // to another customer or company
	DocumentDeleted  = "document.deleted"
	DocumentRestored = "document.restored" // out of the bin
	DocumentPurged   = "document.purged"
	DocumentShared   = "document.shared"  // a link for an outsider was made
	DocumentRevoked  = "document.revoked" // and taken back
	DocumentOpened   = "document.opened"  // by an outsider
	DocumentExpiring = "document.expiring"

	TaskAdded   = "task.added"
	TaskChanged = "task.changed"
	TaskDue     = "task.due" // its time has come
	TaskDone    = "task.done"
	TaskRemoved = "task.removed"

	FieldsChanged  = "fields.changed"  // which custom fields there are
	CompanyChanged = "company.changed" // or added, or removed
	ImportChanged  = "import.changed"  // an import of people went on
)

// Event is one thing that happened.
type Event struct {
	Seq          uint64          `json:"-"` // given by Append; the key on disk
	Time         time.Time       `json:"t"`
	Kind         string          `json:"k"`
	Actor        string          `json:"a,omitempty"` // "agent:ID", "customer:ID"; "" is the hub itself
	Conversation uint64          `json:"c,omitempty"`
	Message      uint64          `json:"m,omitempty"`
	Note         uint64          `json:"n,omitempty"`
	Task         uint64          `json:"w,omitempty"`
	Customer     uint64          `json:"u,omitempty"`
	Data         json.RawMessage `json:"d,omitempty"` // depends on the kind

	// Quiet events are in the log for followers and on no page: they change
	// something that a page shows anyway in its present state.
	Quiet bool `json:"q,omitempty"`

	// Subjects are the handles and customers on whose timeline the event
	// stands. A customer's timeline is the union over his records and handles,
	// so that links and merges are undone without moving an event.
	Subjects []uint64 `json:"s,omitempty"`
}

// Timeline reads and appends events.
type Timeline struct {
	store  *store.Store
	events *store.Table[Event]
}

// New declares the timeline's table in s.
func New(s *store.Store) *Timeline {
	return &Timeline{store: s, events: store.NewTable(s, "events", store.TableOptions[Event]{
		Append: true,
		Indexes: []store.Index[Event]{
			// The sequence is the entry's ID and follows the key, so both
			// indexes are in order of time.
			{Name: "conversation", Keys: func(e *Event) []store.Key {
				if e.Quiet || e.Conversation == 0 {
					return nil
				}
				return []store.Key{store.K().Uint(e.Conversation)}
			}},
			{Name: "subject", Keys: func(e *Event) []store.Key {
				if e.Quiet {
					return nil
				}
				keys := make([]store.Key, 0, len(e.Subjects))
				for i, s := range e.Subjects {
					if s != 0 && !slices.Contains(e.Subjects[:i], s) {
						keys = append(keys, store.K().Uint(s))
					}
				}
				return keys
			}},
		},
	})}
}

// Append writes e with the next sequence number and the transaction's time,
// unless e has a time of its own.
func (t *Timeline) Append(tx *store.Tx, e Event) (uint64, error) {
	e.Seq = t.Last(tx) + 1
	if e.Time.IsZero() {
		e.Time = tx.Now()
	}
	if err := t.events.Insert(tx, e.Seq, &e); err != nil {
		return 0, err
	}
	return e.Seq, nil
}

// Last is the newest sequence number, 0 in an empty log.
func (t *Timeline) Last(tx *store.Tx) uint64 {
	for e := range t.events.Scan(tx, store.Range{Reverse: true}) {
		return e.ID
	}
	return 0
}

// Get returns one event; store.ErrNotFound if there is none of that sequence.
func (t *Timeline) Get(tx *store.Tx, seq uint64) (*Event, error) {
	e, err := t.events.Get(tx, seq)
	if err != nil {
		return nil, err
	}
	e.Seq = seq
	return e, nil
}

// After returns at most limit events that follow seq, in order.
func (t *Timeline) After(tx *store.Tx, seq uint64, limit int) ([]Event, error) {
	var events []Event
	for en := range t.events.Scan(tx, store.Range{After: store.K().Uint(seq)}) {
		if len(events) == limit {
			break
		}
		e, err := t.Get(tx, en.ID)
		if err != nil {
			return nil, err
		}
		events = append(events, *e)
	}
	return events, nil
}

// Span says which stretch of a timeline is wanted: what comes before a sequence,
// what comes after one, or, with neither, the newest.
type Span struct {
	Before, After uint64
	Limit         int
}

// Page is a stretch of a timeline, oldest first. Before and After are set when
// there is more in that direction: ask again with them.
type Page struct {
	Events        []Event
	Before, After uint64
}

// Conversation returns a page of one conversation.
func (t *Timeline) Conversation(tx *store.Tx, id uint64, s Span) (Page, error) {
	return t.page(tx, "conversation", []uint64{id}, s)
}

// Subjects returns a page of the merged timelines of several subjects; an event
// that stands on more than one of them appears once.
func (t *Timeline) Subjects(tx *store.Tx, ids []uint64, s Span) (Page, error) {
	return t.page(tx, "subject", ids, s)
}

func (t *Timeline) page(tx *store.Tx, index string, ids []uint64, s Span) (Page, error) {
	if s.Limit <= 0 {
		return Page{}, fmt.Errorf("timeline: a page needs a limit")
	}
	forward := s.After != 0
	// Each stream gives at most one more than the page holds; the merge of the
	// heads is then exact. Subjects of one customer are few.
	var seqs []uint64
	for _, id := range ids {
		prefix := store.K().Uint(id)
		r := store.Range{Index: index, Prefix: prefix, Reverse: !forward}
		switch {
		case forward:
			r.After = store.K().Uint(id).Uint(s.After)
		case s.Before != 0:
			r.After = store.K().Uint(id).Uint(s.Before)
		}
		n := 0
		for e := range t.events.Scan(tx, r) {
			seqs = append(seqs, e.ID)
			if n++; n > s.Limit {
				break
			}
		}
	}
	slices.Sort(seqs)
	seqs = slices.Compact(seqs)
	more := len(seqs) > s.Limit
	if more && forward {
		seqs = seqs[:s.Limit]
	} else if more {
		seqs = seqs[len(seqs)-s.Limit:]
	}
	p := Page{Events: make([]Event, 0, len(seqs))}
	for _, seq := range seqs {
		e, err := t.Get(tx, seq)
		if err != nil {
			return Page{}, err
		}
		p.Events = append(p.Events, *e)
	}
	if len(seqs) == 0 {
		return p, nil
	}
	if forward {
		p.Before = seqs[0]
		if more {
			p.After = seqs[len(seqs)-1]
		}
		return p, nil
	}
	if more {
		p.Before = seqs[0]
	}
	if s.Before != 0 {
		p.After = seqs[len(seqs)-1]
	}
	return p, nil
}

// Newest returns the sequence of the newest event of a conversation that keep
// accepts, looking no further back than limit events; 0 if there is none.
func (t *Timeline) Newest(tx *store.Tx, conversation uint64, limit int, keep func(*Event) bool) (uint64, error) {
	r := store.Range{Index: "conversation", Prefix: store.K().Uint(conversation), Reverse: true}
	for en := range t.events.Scan(tx, r) {
		if limit--; limit < 0 {
			break
		}
		e, err := t.Get(tx, en.ID)
		if err != nil {
			return 0, err
		}
		if keep(e) {
			return e.Seq, nil
		}
	}
	return 0, nil
}

// Refile puts an event on another conversation: a person decided that it
// belongs there. Its sequence, time and subjects stay.
func (t *Timeline) Refile(tx *store.Tx, seq, conversation uint64) error {
	e, err := t.Get(tx, seq)
	if err != nil {
		return err
	}
	e.Conversation = conversation
	return t.events.Put(tx, seq, e)
}

// Resubject puts an event on other timelines: a person said that it is about somebody
// else. Its sequence, time and conversation stay.
func (t *Timeline) Resubject(tx *store.Tx, seq uint64, subjects []uint64) error {
	e, err := t.Get(tx, seq)
	if err != nil {
		return err
	}
	e.Subjects = subjects
	return t.events.Put(tx, seq, e)
}

// plainData are the kinds of event whose data names nobody.
var plainData = map[string]bool{ConversationStatus: true, ConversationAssigned: true, ConversationPriority: true}

// Strip takes out of an event what may name a person; that it happened stays.
func (t *Timeline) Strip(tx *store.Tx, seq uint64) error {
	e, err := t.Get(tx, seq)
	if err != nil || e.Data == nil || plainData[e.Kind] {
		return err
	}
	if e.Kind == MessageDelivery { // the state counts; the server's words once stood beside it
		var d struct {
			Status string `json:"status,omitempty"`
		}
		if err := json.Unmarshal(e.Data, &d); err != nil {
			return err
		}
		plain, err := json.Marshal(d)
		if err != nil || bytes.Equal(plain, e.Data) {
			return err
		}
		e.Data = plain
		return t.events.Put(tx, seq, e)
	}
	e.Data = nil
	return t.events.Put(tx, seq, e)
}

// Hide takes an event off every page; it stays in the log.
func (t *Timeline) Hide(tx *store.Tx, seq uint64) error {
	e, err := t.Get(tx, seq)
	if err != nil {
		return err
	}
	e.Quiet = true
	return t.events.Put(tx, seq, e)
}

// LastOf is the sequence of the newest event on a subject's timeline, 0 if there
// is none.
func (t *Timeline) LastOf(tx *store.Tx, subject uint64) uint64 {
	for e := range t.events.Scan(tx, store.Range{Index: "subject", Prefix: store.K().Uint(subject), Reverse: true}) {
		return e.ID
	}
	return 0
}

// Watch signals that there may be new events; see store.Table.Watch.
func (t *Timeline) Watch() (wake <-chan struct{}, stop func()) { return t.events.Watch() }

// tailBatch bounds one read transaction of a follower.
const tailBatch = 256

// Tail follows the log from the event after seq until ctx ends: first what is
// there, then what comes, through the same loop, in order and without gaps.
// Batches are never empty. A wake-up carries nothing but "look again", so a slow
// follower costs nobody anything.
func (t *Timeline) Tail(ctx context.Context, seq uint64) iter.Seq2[[]Event, error] {
	return func(yield func([]Event, error) bool) {
		// Watch before the first look, or a commit in between would be missed.
		wake, stop := t.Watch()
		defer stop()
		for ctx.Err() == nil {
			var events []Event
			err := t.store.View(func(tx *store.Tx) (err error) {
				events, err = t.After(tx, seq, tailBatch)
				return err
			})
			if err != nil {
				yield(nil, err)
				return
			}
			if len(events) > 0 {
				seq = events[len(events)-1].Seq
				if !yield(events, nil) {
					return
				}
				continue
			}
			select {
			case <-wake:
			case <-ctx.Done():
			}
		}
	}
}
