package api

import (
	"context"

	"throughline/identity"
	"throughline/inbox"
)

type compareIn struct {
	ID    uint64 `path:"id"`
	Other uint64 `path:"other"`
}

type pairVerdictIn struct {
	ID    uint64 `path:"id"`
	Other uint64 `path:"other"`
	Body  PairVerdict
}

// PairVerdict decides of two customers.
type PairVerdict struct {
	DuplicateVerdict
	Anyway bool `json:"anyway,omitempty" doc:"Merge also what was decided not to be the same person."`
}

func (s *Server) compareRoutes() {
	const g = "Duplicates"
	add(s, route{id: "compareCustomers", method: "GET", path: "/api/customers/{id}/compare/{other}", role: agent, group: g, summary: "Two customers side by side, with what speaks for and against one person"}, s.compareCustomers)
	add(s, route{id: "decidePair", method: "POST", path: "/api/customers/{id}/compare/{other}", role: agent, group: g, summary: "Decide of two customers whether anything suggests them or not"}, s.decidePair)
	add(s, route{id: "tryDuplicateRules", method: "POST", path: "/api/duplicate-rules/try", role: agent, group: g, summary: "What rules would do now; nothing is changed"}, s.tryDuplicateRules)
	add(s, route{id: "stopDuplicateLook", method: "DELETE", path: "/api/duplicate-look", role: manager, group: g, summary: "Stop looking through all customers"}, s.stopDuplicateLook)
}

// compareCustomers shows two records side by side: as they stand, or, where one was
// merged into the other, each by itself.
func (s *Server) compareCustomers(_ context.Context, i *compareIn) (*out[Duplicate], error) {
	o := new(out[Duplicate])
	return o, s.view(func(v *view) error {
		ident := s.hub.Identity
		a, err := ident.Living(v.tx, i.ID)
		if err != nil {
			return err
		}
		b, err := ident.Living(v.tx, i.Other)
		if err != nil {
			return err
		}
		if a.ID == b.ID { // merged: what each of them says
			o.Body = Duplicate{State: identity.SuggestionSame, Evidence: []MatchFact{}}
			if was, err := ident.Pair(v.tx, i.ID, i.Other); err != nil {
				return err
			} else if was != nil {
				o.Body.ID = was.ID // by which it can be undone
			}
			for id, to := range map[uint64]*DuplicateSide{i.ID: &o.Body.A, i.Other: &o.Body.B} {
				c, err := ident.Customer(v.tx, id)
				if err != nil {
					return err
				}
				if *to, err = v.recordSide(c); err != nil {
					return err
				}
				to.ID, to.Record = a.ID, id
			}
			return nil
		}
		g := &identity.Suggestion{A: a.ID, B: b.ID, State: identity.SuggestionOpen}
		was, err := ident.Pair(v.tx, a.ID, b.ID)
		if err != nil {
			return err
		}
		if was != nil {
			g.ID, g.State, g.By, g.Time, g.Reason, g.Created = was.ID, was.State, was.By, was.Time, was.Reason, was.Created
		}
		if j := ident.Compare(v.tx, a.ID, b.ID); j != nil {
			g.Confidence, g.Weight, g.Evidence = j.Confidence, j.Weight, j.Evidence
		}
		d, err := v.duplicate(g)
		if err == nil {
			o.Body = *d
		}
		return err
	})
}

// recordSide is a record without those that were merged into it.
func (v *view) recordSide(c *identity.Customer) (DuplicateSide, error) {
	d, err := v.duplicateSide(c)
	if err != nil {
		return d, err
	}
	own := map[string]string{}
	for f := range d.Fields {
		if value := c.Field(f); value != "" {
			own[f] = value
		}
	}
	d.Fields = own
	return d, nil
}

func (s *Server) decidePair(ctx context.Context, i *pairVerdictIn) (*out[Duplicate], error) {
	b := i.Body
	id, err := s.hub.DecidePair(ctx, who(ctx).id(), i.ID, i.Other, inbox.Verdict{State: b.State, Into: b.Into, Take: b.Take, Reason: b.Reason, Anyway: b.Anyway})
	if err != nil {
		return nil, err
	}
	return s.getDuplicate(ctx, &idIn{ID: id})
}

// RuleEffects is what rules would do with what waits now.
type RuleEffects struct {
	Pairs     int  `json:"pairs" doc:"Pairs that were looked at: the open suggestions, the surest first."`
	More      bool `json:"more,omitempty" doc:"There are more than could be looked at."`
	Suggested int  `json:"suggested" doc:"How many of them would be suggested."`
	Weight    int  `json:"weight" doc:"How many would be merged for their confidence."`
	Directory int  `json:"directory" doc:"How many because a directory names an address."`
	Signature int  `json:"signature" doc:"How many because a footer names one."`
	Against   int  `json:"against" doc:"How many are sure enough and stay for a person: names or birth dates differ, an address is shared, or somebody has decided."`
}

func (s *Server) tryDuplicateRules(_ context.Context, i *in[DuplicateRules]) (*out[RuleEffects], error) {
	o := new(out[RuleEffects])
	rules := identity.Rules(i.Body)
	if field, text := rules.Check(); field != "" {
		return nil, &inbox.InvalidError{Field: field, Text: text}
	}
	return o, s.view(func(v *view) error {
		e, err := s.hub.Identity.Try(v.tx, rules)
		if err == nil {
			o.Body = RuleEffects(*e)
		}
		return err
	})
}

func (s *Server) stopDuplicateLook(ctx context.Context, _ *none) (*out[DuplicateLook], error) {
	if err := s.hub.StopLook(ctx, who(ctx).id()); err != nil {
		return nil, err
	}
	return s.getDuplicateLook(ctx, nil)
}
