package identity

import (
	"errors"
	"math"
	"slices"
	"strings"
	"time"

	"throughline/identity/match"
	"throughline/store"
)

// Suggestion is a pair of customer records that may be one person, and what became
// of it. A is the older record. What was decided stays with the two records for ever,
// also when they are merged into others or parted again; open ones are derived.
type Suggestion struct {
	ID         uint64           `json:"-"`
	A          uint64           `json:"a"`
	B          uint64           `json:"b"`
	State      string           `json:"state"`
	Confidence float64          `json:"confidence"`
	Weight     float64          `json:"weight"` // bits
	Evidence   []match.Evidence `json:"evidence"`
	Created    time.Time        `json:"created"`
	// By, Time and Reason are those of the newest decision: "agent:ID" or
	// "rule:NAME".
	By     string    `json:"by,omitempty"`
	Time   time.Time `json:"time,omitzero"`
	Reason string    `json:"reason,omitempty"`
	// Merged is the record that was merged into the other's customer, of those that
	// are the same.
	Merged uint64 `json:"merged,omitempty"`
}

// The states of a suggestion.
const (
	SuggestionOpen    = "open"
	SuggestionLater   = "later"    // somebody put it off
	SuggestionSame    = "same"     // they were merged
	SuggestionNotSame = "not_same" // for ever, whatever they are merged into
)

// Rules by which customers are put together, as they stand in Decision.By.
const (
	RuleByDirectory = "rule:directory"
	RuleBySignature = "rule:signature"
	RuleByWeight    = "rule:confidence"
)

func newSuggestions(s *store.Store) *store.Table[Suggestion] {
	return store.NewTable(s, "suggestions", store.TableOptions[Suggestion]{
		Indexes: []store.Index[Suggestion]{
			{Name: "pair", Unique: true, Keys: func(g *Suggestion) []store.Key {
				return []store.Key{store.K().Uint(g.A).Uint(g.B)}
			}},
			{Name: "waiting", Count: true, Keys: func(g *Suggestion) []store.Key {
				if g.State == SuggestionOpen && len(g.Evidence) == 0 {
					return nil // nothing speaks for it
				}
				return []store.Key{store.K().Str(g.State).UintDesc(uint64(g.Confidence * math.MaxUint32))}
			}},
			{Name: "record", Keys: func(g *Suggestion) []store.Key {
				return []store.Key{store.K().Uint(g.A), store.K().Uint(g.B)}
			}},
		},
	})
}

// Suggestion returns a suggestion; store.ErrNotFound if there is none.
func (i *Identity) Suggestion(tx *store.Tx, id uint64) (*Suggestion, error) {
	g, err := i.suggestions.Get(tx, id)
	if err != nil {
		return nil, err
	}
	g.ID = id
	return g, nil
}

// Suggestions returns those of a state, the surest first.
func (i *Identity) Suggestions(tx *store.Tx, state string, after store.Key, limit int) (list []*Suggestion, next store.Key, err error) {
	for e := range i.suggestions.Scan(tx, store.Range{Index: "waiting", Prefix: store.K().Str(state), After: after}) {
		if len(list) == limit {
			return list, next, nil
		}
		g, err := i.Suggestion(tx, e.ID)
		if err != nil {
			return nil, nil, err
		}
		list, next = append(list, g), e.Pos
	}
	return list, nil, nil
}

// CountSuggestions is how many there are of a state.
func (i *Identity) CountSuggestions(tx *store.Tx, state string) int {
	return i.suggestions.Count(tx, "waiting", store.K().Str(state))
}

// SuggestionsOf returns those about any of a customer's records, the newest first.
func (i *Identity) SuggestionsOf(tx *store.Tx, root uint64) ([]*Suggestion, error) {
	members, err := i.Members(tx, root)
	if err != nil {
		return nil, err
	}
	var list []*Suggestion
	for _, m := range members {
		for e := range i.suggestions.Scan(tx, store.Range{Index: "record", Prefix: store.K().Uint(m.ID)}) {
			g, err := i.Suggestion(tx, e.ID)
			if err != nil {
				return nil, err
			}
			if !slices.ContainsFunc(list, func(o *Suggestion) bool { return o.ID == g.ID }) {
				list = append(list, g)
			}
		}
	}
	slices.SortFunc(list, func(a, b *Suggestion) int { return int(b.ID) - int(a.ID) })
	return list, nil
}

// decided returns what was decided of two customers, about any of their records: a
// "not the same" before everything else. nil if nothing was.
func (i *Identity) decided(tx *store.Tx, a, b uint64) (*Suggestion, error) {
	list, err := i.SuggestionsOf(tx, a)
	if err != nil {
		return nil, err
	}
	var found *Suggestion
	for _, g := range list {
		if g.State == SuggestionOpen && g.By == "" { // with By, somebody took a decision back: no rule decides again
			continue
		}
		x, errX := i.Root(tx, g.A)
		y, errY := i.Root(tx, g.B)
		if err := errors.Join(errX, errY); err != nil {
			return nil, err
		}
		if (x.ID != a || y.ID != b) && (x.ID != b || y.ID != a) {
			continue
		}
		if g.State == SuggestionNotSame {
			return g, nil
		}
		if found == nil {
			found = g
		}
	}
	return found, nil
}

// NotSame tells whether it was decided that two customers are not one person.
func (i *Identity) NotSame(tx *store.Tx, a, b uint64) (*Suggestion, error) {
	g, err := i.decided(tx, a, b)
	if err != nil || g == nil || g.State != SuggestionNotSame {
		return nil, err
	}
	return g, nil
}

// Suggest keeps what was found of two customers, unless something was decided of
// them. j speaks of a first. It reports whether an open suggestion is new.
func (i *Identity) Suggest(tx *store.Tx, a, b uint64, j *match.Judgement) (g *Suggestion, isNew bool, err error) {
	evidence := j.Evidence
	if a > b {
		a, b = b, a
		evidence = slices.Clone(evidence)
		for n := range evidence {
			evidence[n].A, evidence[n].B = evidence[n].B, evidence[n].A
		}
	}
	was, err := i.decided(tx, a, b)
	if err != nil || was != nil && was.State != SuggestionSame && was.State != SuggestionOpen {
		return nil, false, err
	}
	if id, ok := i.suggestions.Lookup(tx, "pair", store.K().Uint(a).Uint(b)); ok {
		if g, err = i.Suggestion(tx, id); err != nil {
			return nil, false, err
		}
	} else {
		g, isNew = &Suggestion{ID: tx.NextID(), A: a, B: b, Created: tx.Now()}, true
	}
	isNew = isNew || g.State != SuggestionOpen
	g.State, g.Confidence, g.Weight, g.Evidence = SuggestionOpen, j.Confidence, j.Weight, evidence
	return g, isNew, i.suggestions.Put(tx, g.ID, g)
}

// Pair is what there is about two customers: what was decided of them before what was
// found; nil if there is nothing.
func (i *Identity) Pair(tx *store.Tx, a, b uint64) (*Suggestion, error) {
	if g, err := i.decided(tx, a, b); err != nil || g != nil {
		return g, err
	}
	id, ok := i.suggestions.Lookup(tx, "pair", store.K().Uint(min(a, b)).Uint(max(a, b)))
	if !ok {
		return nil, nil
	}
	return i.Suggestion(tx, id)
}

// Decide records what somebody decided of a pair of records, which may have no
// suggestion yet. merged is the one that was merged, if they are the same.
func (i *Identity) Decide(tx *store.Tx, a, b uint64, state string, merged uint64, d Decision) (*Suggestion, error) {
	if a > b {
		a, b = b, a
	}
	var g *Suggestion
	if id, ok := i.suggestions.Lookup(tx, "pair", store.K().Uint(a).Uint(b)); ok {
		var err error
		if g, err = i.Suggestion(tx, id); err != nil {
			return nil, err
		}
	} else {
		g = &Suggestion{ID: tx.NextID(), A: a, B: b, Created: tx.Now()}
	}
	g.State, g.Merged, g.By, g.Time, g.Reason = state, merged, d.By, d.Time, d.Reason
	return g, i.suggestions.Put(tx, g.ID, g)
}

// Forget removes the open suggestions about a record that are not among keep, by
// the other record: they no longer hold.
func (i *Identity) Forget(tx *store.Tx, record uint64, keep func(other uint64) bool) (n int, err error) {
	for e := range i.suggestions.Scan(tx, store.Range{Index: "record", Prefix: store.K().Uint(record)}) {
		g, err := i.Suggestion(tx, e.ID)
		if err != nil {
			return n, err
		}
		other := g.A
		if other == record {
			other = g.B
		}
		if g.State != SuggestionOpen || keep != nil && keep(other) || g.By != "" && len(g.Evidence) == 0 {
			continue
		}
		if g.By != "" { // somebody parted them or took a decision back: no rule forgets that
			g.Confidence, g.Weight, g.Evidence = 0, 0, nil
			err = i.suggestions.Put(tx, g.ID, g)
		} else {
			err = i.suggestions.Delete(tx, g.ID)
		}
		if err != nil {
			return n, err
		}
		n++
	}
	return n, nil
}

// Parted notes that a merge of a record was taken back: what a rule had put together
// is not the same from now on; what a person had is open again, without evidence too:
// no rule puts them together any more.
func (i *Identity) Parted(tx *store.Tx, record uint64, d Decision) error {
	for e := range i.suggestions.Scan(tx, store.Range{Index: "record", Prefix: store.K().Uint(record)}) {
		g, err := i.Suggestion(tx, e.ID)
		if err != nil {
			return err
		}
		if g.State != SuggestionSame || g.Merged != record {
			continue
		}
		if g.State = SuggestionOpen; strings.HasPrefix(g.By, "rule:") {
			g.State = SuggestionNotSame
		}
		g.Merged, g.By, g.Time, g.Reason = 0, d.By, d.Time, d.Reason
		if err := i.suggestions.Put(tx, g.ID, g); err != nil {
			return err
		}
	}
	return nil
}

// OpenSuggestions is how many open suggestions with evidence there are about a record.
func (i *Identity) OpenSuggestions(tx *store.Tx, record uint64) (n int) {
	for e := range i.suggestions.Scan(tx, store.Range{Index: "record", Prefix: store.K().Uint(record)}) {
		if g, err := i.Suggestion(tx, e.ID); err == nil && g.State == SuggestionOpen && len(g.Evidence) > 0 {
			n++
		}
	}
	return n
}
