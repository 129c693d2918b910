package preference

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"throughline/store"
	"throughline/timeline"
)

// What a statement wishes.
const (
	Prefer = "prefer" // this channel for this purpose
	Never  = "never"  // not over this channel
	Quiet  = "quiet"  // nothing between From and To
)

// Whence a preference comes.
const (
	Stated  = "stated"  // the customer said so
	Set     = "set"     // an agent decided
	Learned = "learned" // behaviour shows it
)

// Proof is how we know what a customer stated.
type Proof struct {
	Message uint64 `json:"message,omitempty"` // in which it was written
	Form    string `json:"form,omitempty"`    // on which it was chosen, e.g. "preference page"
	Heard   uint64 `json:"heard,omitempty"`   // the agent who was told
	Note    string `json:"note,omitempty"`    // the customer's words, or the agent's reason
}

// Statement is one preference that somebody stated or set for a customer record.
type Statement struct {
	ID       uint64    `json:"-"`
	Customer uint64    `json:"customer"`
	Purpose  string    `json:"purpose,omitempty"` // "" is every purpose
	Channel  string    `json:"channel,omitempty"` // "" is every channel (Quiet)
	Wish     string    `json:"wish"`
	From     int       `json:"from,omitempty"` // minutes after midnight: the hours of a Prefer, if From ≠ To, or of Quiet
	To       int       `json:"to,omitempty"`
	Source   string    `json:"source"` // Stated or Set
	By       string    `json:"by"`     // "agent:ID" who recorded it, "customer:ID" who chose himself
	Proof    Proof     `json:"proof"`
	Time     time.Time `json:"time"`
	Ended    time.Time `json:"ended,omitzero"` // a later one replaced it, or it was taken back
	EndedBy  string    `json:"ended_by,omitempty"`
}

const (
	maxProofNote  = 500 // characters
	maxStatements = 500 // of one customer record, former ones included
)

func (s *Statement) check() error {
	switch s.Wish {
	case Prefer, Never:
		if s.Channel == "" {
			return &InvalidError{"channel", "choose a channel"}
		}
	case Quiet:
		if s.From == s.To {
			return &InvalidError{"from", "quiet hours need a beginning and another end"}
		}
	default:
		return &InvalidError{"wish", `write "prefer", "never" or "quiet"`}
	}
	const day = 24 * 60
	if s.From < 0 || s.From >= day || s.To < 0 || s.To >= day {
		return &InvalidError{"from", "hours are minutes after midnight, 0 to 1439"}
	}
	if utf8.RuneCountInString(s.Proof.Note) > maxProofNote || len(s.Proof.Form) > 100 {
		return &InvalidError{"proof", fmt.Sprintf("at most %d characters", maxProofNote)}
	}
	switch s.Source {
	case Set:
	case Stated:
		if s.Proof == (Proof{}) {
			return &InvalidError{"proof", "say how the customer told it: the message, the form, or who heard it"}
		}
	default:
		return &InvalidError{"source", `write "stated" or "set"`}
	}
	return nil
}

// replaces tells whether s takes the place of o.
func (s *Statement) replaces(o *Statement) bool {
	if s.Source != o.Source || s.Purpose != o.Purpose || (s.Wish == Quiet) != (o.Wish == Quiet) {
		return false
	}
	return s.Channel == o.Channel || s.Wish == Prefer && o.Wish == Prefer
}

// State records s and ends what it replaces. The channel has to be one that exists;
// the caller knows them.
func (p *Preferences) State(ctx context.Context, s Statement) (id uint64, err error) {
	err = p.store.Update(ctx, func(tx *store.Tx) error {
		id, err = p.StateTx(tx, s)
		return err
	})
	return id, err
}

// StateTx is State within a transaction.
func (p *Preferences) StateTx(tx *store.Tx, s Statement) (id uint64, err error) {
	s.Proof.Note = strings.TrimSpace(s.Proof.Note)
	if err := s.check(); err != nil {
		return 0, err
	}
	if s.Purpose != "" {
		if _, ok, err := p.Purpose(tx, s.Purpose); err != nil {
			return 0, err
		} else if !ok {
			return 0, &InvalidError{"purpose", fmt.Sprintf("there is no purpose %q", s.Purpose)}
		}
	}
	root, err := p.identity.Root(tx, s.Customer)
	if err != nil {
		return 0, err
	}
	now, err := p.Statements(tx, root.ID)
	if err != nil {
		return 0, err
	}
	// It stays with the record it was said of, and ends none of another, so that an
	// unmerge gives each its own.
	s.Time, s.Ended, s.EndedBy = tx.Now(), time.Time{}, ""
	own, err := p.ofRecord(tx, s.Customer)
	if err != nil {
		return 0, err
	}
	for _, o := range own {
		if !o.Ended.IsZero() || !s.replaces(o) {
			continue
		}
		holds := slices.ContainsFunc(now, func(n *Statement) bool { return n.ID == o.ID })
		if holds && o.Wish == s.Wish && o.Channel == s.Channel && o.From == s.From && o.To == s.To && o.Proof == s.Proof {
			return o.ID, nil // said already
		}
		o.Ended, o.EndedBy = tx.Now(), s.By
		if err := p.statements.Put(tx, o.ID, o); err != nil {
			return 0, err
		}
	}
	if err := p.forget(tx, s.Customer); err != nil {
		return 0, err
	}
	s.ID = tx.NextID()
	if err := p.statements.Insert(tx, s.ID, &s); err != nil {
		return 0, err
	}
	return s.ID, p.tell(tx, &s, s.By, false)
}

// forget removes the oldest ended statements of a customer who has too many.
func (p *Preferences) forget(tx *store.Tx, customer uint64) error {
	var ended []uint64
	n := 0
	for e := range p.statements.Scan(tx, store.Range{Index: "customer", Prefix: store.K().Uint(customer)}) {
		s, err := p.statements.Get(tx, e.ID)
		if err != nil {
			return err
		}
		n++
		if !s.Ended.IsZero() {
			ended = append(ended, e.ID)
		}
	}
	for ; n >= maxStatements && len(ended) > 0; n, ended = n-1, ended[1:] {
		if err := p.statements.Delete(tx, ended[0]); err != nil {
			return err
		}
	}
	return nil
}

// TakeBack ends a statement of a customer.
func (p *Preferences) TakeBack(ctx context.Context, actor string, customer, id uint64) error {
	return p.store.Update(ctx, func(tx *store.Tx) error {
		root, err := p.identity.Root(tx, customer)
		if err != nil {
			return err
		}
		all, err := p.Statements(tx, root.ID)
		if err != nil {
			return err
		}
		for _, s := range all {
			if s.ID == id {
				return p.end(tx, s, actor)
			}
		}
		return fmt.Errorf("preference %d of customer %d: %w", id, root.ID, store.ErrNotFound)
	})
}

// EndTx ends the statements of a customer that match, within a transaction: of all
// records merged into it, also where a later word of another holds.
func (p *Preferences) EndTx(tx *store.Tx, actor string, customer uint64, match func(*Statement) bool) error {
	root, err := p.identity.Root(tx, customer)
	if err != nil {
		return err
	}
	all, err := p.allOf(tx, root.ID)
	if err != nil {
		return err
	}
	for _, s := range all {
		if s.Ended.IsZero() && match(s) {
			if err := p.end(tx, s, actor); err != nil {
				return err
			}
		}
	}
	return nil
}

func (p *Preferences) end(tx *store.Tx, s *Statement, actor string) error {
	s.Ended, s.EndedBy = tx.Now(), actor
	if err := p.statements.Put(tx, s.ID, s); err != nil {
		return err
	}
	return p.tell(tx, s, actor, true)
}

func (p *Preferences) tell(tx *store.Tx, s *Statement, actor string, gone bool) error {
	data, err := json.Marshal(map[string]any{"purpose": s.Purpose, "channel": s.Channel, "wish": s.Wish, "source": s.Source, "from": s.From, "to": s.To, "gone": gone})
	if err != nil {
		return err
	}
	_, err = p.timeline.Append(tx, timeline.Event{Kind: timeline.PreferenceChanged, Actor: actor, Customer: s.Customer,
		Message: 0, Data: data, Subjects: []uint64{s.Customer}})
	return err
}

// Statements are what holds for a customer, of all records merged into it, oldest
// first. Of two records that say different things the later word holds; the earlier
// one stands again when it is taken back, or the records are parted.
func (p *Preferences) Statements(tx *store.Tx, root uint64) (list []*Statement, err error) {
	all, err := p.allOf(tx, root)
	for _, s := range all {
		if s.Ended.IsZero() && later(all, s) == nil {
			list = append(list, s)
		}
	}
	return list, err
}

// Former are what held once, newest first. What a later word of another record takes
// the place of for now is among them, as if that had ended it.
func (p *Preferences) Former(tx *store.Tx, root uint64) (list []*Statement, err error) {
	all, err := p.allOf(tx, root)
	for _, s := range slices.Backward(all) {
		if o := later(all, s); s.Ended.IsZero() && o != nil {
			former := *s
			former.Ended, former.EndedBy = o.Time, o.By
			list = append(list, &former)
		} else if !s.Ended.IsZero() {
			list = append(list, s)
		}
	}
	return list, err
}

// later is a statement that holds and takes the place of s, an earlier one of another
// record; nil if there is none. all is sorted by time.
func later(all []*Statement, s *Statement) *Statement {
	for _, o := range slices.Backward(all) {
		if o == s {
			return nil
		}
		if o.Ended.IsZero() && o.replaces(s) {
			return o
		}
	}
	return nil
}

// allOf is all that was said of a customer, of all records merged into it, oldest
// first.
func (p *Preferences) allOf(tx *store.Tx, root uint64) (list []*Statement, err error) {
	members, err := p.identity.Members(tx, root)
	if err != nil {
		return nil, err
	}
	for _, m := range members {
		own, err := p.ofRecord(tx, m.ID)
		if err != nil {
			return nil, err
		}
		list = append(list, own...)
	}
	slices.SortStableFunc(list, func(a, b *Statement) int { return cmp.Or(a.Time.Compare(b.Time), cmp.Compare(a.ID, b.ID)) })
	return list, nil
}

// ofRecord is all that was said of one record.
func (p *Preferences) ofRecord(tx *store.Tx, id uint64) (list []*Statement, err error) {
	for e := range p.statements.Scan(tx, store.Range{Index: "customer", Prefix: store.K().Uint(id)}) {
		s, err := p.statements.Get(tx, e.ID)
		if err != nil {
			return nil, err
		}
		s.ID = e.ID
		list = append(list, s)
	}
	return list, nil
}
