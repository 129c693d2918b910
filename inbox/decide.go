package inbox

import (
	"context"
	"slices"

	"throughline/identity"
	"throughline/store"
	"throughline/timeline"
)

// Verdict is what somebody decides of a suggestion.
type Verdict struct {
	State  string   // one of identity's states; open takes the decision back
	Into   uint64   // of the two customers, the one who stays; 0 for the older
	Take   []string // fields of the other whose value is to stand
	Reason string
	Anyway bool // of DecidePair
}

// Decide records what somebody decides of a suggestion, and does it.
func (h *Hub) Decide(ctx context.Context, agent, id uint64, v Verdict) error {
	return h.Store.Update(ctx, func(tx *store.Tx) error { return h.decide(tx, agent, id, v) })
}

// DecidePair is Decide of two customers whom nothing need have suggested; it keeps what
// speaks for and against them. What was decided not to be the same is merged only with
// v.Anyway.
func (h *Hub) DecidePair(ctx context.Context, agent, one, other uint64, v Verdict) (id uint64, err error) {
	err = h.Store.Update(ctx, func(tx *store.Tx) error {
		a, err := h.Identity.Living(tx, one)
		if err != nil {
			return err
		}
		b, err := h.Identity.Living(tx, other)
		if err != nil {
			return err
		}
		if a.ID == b.ID {
			return &ConflictError{"these are the same customer already"}
		}
		g, err := h.Identity.Pair(tx, a.ID, b.ID)
		switch {
		case err != nil:
			return err
		case g != nil && g.State == identity.SuggestionNotSame && v.State == identity.SuggestionSame && !v.Anyway:
			return &NotSameError{By: g.By, Time: g.Time}
		case g == nil:
			if j := h.Identity.Compare(tx, a.ID, b.ID); j != nil {
				g, _, err = h.Identity.Suggest(tx, a.ID, b.ID, j)
			} else {
				g, err = h.Identity.Decide(tx, a.ID, b.ID, identity.SuggestionOpen, 0, h.decision(tx, agent, ""))
			}
			if err != nil {
				return err
			}
		}
		id = g.ID
		return h.decide(tx, agent, id, v)
	})
	return id, err
}

func (h *Hub) decide(tx *store.Tx, agent, id uint64, v Verdict) error {
	g, err := h.Identity.Suggestion(tx, id)
	if err != nil {
		return err
	}
	a, err := h.Identity.Root(tx, g.A)
	if err != nil {
		return err
	}
	b, err := h.Identity.Root(tx, g.B)
	if err != nil {
		return err
	}
	d := h.decision(tx, agent, v.Reason)
	switch v.State {
	case identity.SuggestionSame:
		if a.ID == b.ID {
			return &ConflictError{"these are the same customer already"}
		}
		into, other := min(a.ID, b.ID), max(a.ID, b.ID)
		if v.Into != 0 {
			if v.Into != a.ID && v.Into != b.ID {
				return &InvalidError{"into", "choose one of the two customers"}
			}
			into, other = v.Into, a.ID+b.ID-v.Into
		}
		d.Confidence = g.Confidence
		if err := h.merge(tx, agent, into, other, v.Take, d); err != nil {
			return err
		}
		if (g.A != a.ID || g.B != b.ID) && g.State != identity.SuggestionSame {
			// One of them was merged meanwhile: this pair is the same too.
			if _, err := h.Identity.Decide(tx, g.A, g.B, identity.SuggestionSame, other, d); err != nil {
				return err
			}
		}
	case identity.SuggestionNotSame, identity.SuggestionLater:
		if err := h.partPair(tx, agent, g, v.Reason); err != nil {
			return err
		}
		if _, err := h.Identity.Decide(tx, g.A, g.B, v.State, 0, d); err != nil {
			return err
		}
	case identity.SuggestionOpen:
		if err := h.partPair(tx, agent, g, v.Reason); err != nil {
			return err
		}
		if _, err := h.Identity.Decide(tx, g.A, g.B, v.State, 0, d); err != nil {
			return err
		}
	default:
		return &InvalidError{"state", "choose same, not_same, later or open"}
	}
	_, err = h.Timeline.Append(tx, timeline.Event{Kind: timeline.SuggestionChanged, Actor: agentActor(agent), Quiet: true,
		Data:     eventData("id", g.ID, "state", v.State, "open", h.Identity.CountSuggestions(tx, identity.SuggestionOpen)),
		Subjects: slices.Compact([]uint64{g.A, g.B})})
	return err
}

// partPair takes the merge of a pair back, if it was merged.
func (h *Hub) partPair(tx *store.Tx, agent uint64, g *identity.Suggestion, reason string) error {
	if g.State == identity.SuggestionSame && g.Merged != 0 {
		m, err := h.Identity.Customer(tx, g.Merged)
		if err != nil {
			return err
		}
		if m.MergedInto != 0 {
			if _, err := h.unmerge(tx, agent, g.Merged, reason); err != nil {
				return err
			}
		}
	}
	a, err := h.Identity.Root(tx, g.A)
	if err != nil {
		return err
	}
	b, err := h.Identity.Root(tx, g.B)
	if err == nil && a.ID == b.ID {
		err = &ConflictError{"these became one customer by another merge: undo that one on the customer's page first"}
	}
	return err
}

// SetRules changes what becomes of pairs that may be one person.
func (h *Hub) SetRules(ctx context.Context, agent uint64, r identity.Rules) error {
	if field, text := r.Check(); field != "" {
		return &InvalidError{field, text}
	}
	return h.Store.Update(ctx, func(tx *store.Tx) error {
		if err := h.Identity.SetRules(tx, r); err != nil {
			return err
		}
		_, err := h.Timeline.Append(tx, timeline.Event{Kind: timeline.SuggestionChanged, Actor: agentActor(agent), Quiet: true, Data: eventData("rules", r)})
		return err
	})
}
