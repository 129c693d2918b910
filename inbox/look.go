package inbox

import (
	"context"
	"encoding/json"
	"errors"
	"math/rand/v2"
	"time"

	"throughline/identity"
	"throughline/identity/match"
	"throughline/store"
	"throughline/timeline"
)

// Look is one look through all customers for duplicates, in the background. It is kept
// in the store, so that it goes on after a restart.
type Look struct {
	Started  time.Time `json:"started"`
	Finished time.Time `json:"finished,omitzero"`
	By       string    `json:"by,omitempty"` // "agent:ID"; "" for the hub itself
	Phase    string    `json:"phase"`        // index, learn or compare
	After    uint64    `json:"after"`        // the last customer looked at in this phase
	Done     int       `json:"done"`         // customers of this phase
	Total    int       `json:"total"`
	Found    int       `json:"found"` // new suggestions
	// Began is when the phase began, and Stopped tells that somebody ended the look.
	Began   time.Time `json:"began,omitzero"`
	Stopped bool      `json:"stopped,omitempty"`
}

// leastRate is how many customers have to be done before the rest can be estimated.
const leastRate = 200

// Left is how long the phase takes still at its rate so far, 0 if that is unknown.
func (l *Look) Left(now time.Time) time.Duration {
	if !l.Finished.IsZero() || l.Began.IsZero() || l.Done < leastRate || l.Total <= l.Done {
		return 0
	}
	return time.Duration(float64(now.Sub(l.Began)) / float64(l.Done) * float64(l.Total-l.Done))
}

// StopLook ends the look under way. What it has found stays.
func (h *Hub) StopLook(ctx context.Context, agent uint64) error {
	return h.Store.Update(ctx, func(tx *store.Tx) error {
		l := h.LastLook(tx)
		if l == nil || !l.Finished.IsZero() {
			return &ConflictError{"no look is going on"}
		}
		l.Finished, l.Stopped, l.By = tx.Now(), true, actorOrHub(agent)
		if err := h.putLook(tx, l); err != nil {
			return err
		}
		_, err := h.Timeline.Append(tx, timeline.Event{Kind: timeline.SuggestionChanged, Actor: actorOrHub(agent), Quiet: true,
			Data: eventData("open", h.Identity.CountSuggestions(tx, identity.SuggestionOpen), "look", "stopped")})
		return err
	})
}

// The phases of a Look: gather what is known, learn the weights, compare.
const (
	lookIndex   = "index"
	lookLearn   = "learn"
	lookCompare = "compare"
)

// Bounds of one transaction of a Look.
const (
	lookRead   = 50     // customers that are compared in one
	lookWrite  = 100    // customers whose data is gathered in one
	lookSample = 20_000 // customers from whom the weights are learned
)

// LastLook is the newest look through all customers, nil if there was none.
func (h *Hub) LastLook(tx *store.Tx) *Look {
	v := tx.GetValue(matchBucket, lookKey)
	l := new(Look)
	if v == nil || json.Unmarshal(v, l) != nil {
		return nil
	}
	return l
}

func (h *Hub) putLook(tx *store.Tx, l *Look) error {
	v, err := json.Marshal(l)
	if err != nil {
		return err
	}
	return tx.PutValue(matchBucket, lookKey, v)
}

// StartLook looks through all customers. It returns at once.
func (h *Hub) StartLook(ctx context.Context, agent uint64) error {
	err := h.Store.Update(ctx, func(tx *store.Tx) error {
		if l := h.LastLook(tx); l != nil && l.Finished.IsZero() {
			return &ConflictError{"all customers are being looked through just now"}
		}
		return h.beginLook(tx, actorOrHub(agent))
	})
	if err == nil {
		h.wakeLook()
	}
	return err
}

// beginLook begins a look from the start, also where one is under way.
func (h *Hub) beginLook(tx *store.Tx, by string) error {
	return h.putLook(tx, &Look{Started: tx.Now(), Began: tx.Now(), By: by, Phase: lookIndex, Total: h.Identity.Len(tx)})
}

// errOtherLook ends a step of a look that was stopped or begun anew meanwhile.
var errOtherLook = errors.New("this look is not going on any more")

// goesOn tells that a look is still the one under way.
func (h *Hub) goesOn(tx *store.Tx, l *Look) error {
	if now := h.LastLook(tx); now == nil || !now.Started.Equal(l.Started) || !now.Finished.IsZero() {
		return errOtherLook
	}
	return nil
}

func (h *Hub) wakeLook() {
	select {
	case h.looking <- struct{}{}:
	default:
	}
}

// lookThrough does the looks until ctx ends: those that somebody asks for, those that
// were interrupted, and that of each night.
func (h *Hub) lookThrough(ctx context.Context) {
	for ctx.Err() == nil {
		if err := h.doLook(ctx); err != nil && ctx.Err() == nil {
			h.log.Error("look through all customers", "error", err)
		}
		timer := time.NewTimer(time.Until(time.Now().Truncate(time.Hour).Add(time.Hour)))
		select {
		case <-h.looking:
		case <-timer.C:
			if err := h.nightly(ctx); err != nil && ctx.Err() == nil {
				h.log.Error("nightly look through all customers", "error", err)
			}
		case <-ctx.Done():
		}
		timer.Stop()
	}
}

// nightly begins a look if this is its hour.
func (h *Hub) nightly(ctx context.Context) error {
	return h.Store.Update(ctx, func(tx *store.Tx) error {
		if h.Identity.Rules(tx).Nightly != tx.Now().Local().Hour() {
			return nil
		}
		if l := h.LastLook(tx); l != nil && l.Finished.IsZero() {
			return nil
		}
		return h.beginLook(tx, "")
	})
}

// doLook goes on with a look that is not finished.
func (h *Hub) doLook(ctx context.Context) error {
	for {
		var l *Look
		if err := h.Store.View(func(tx *store.Tx) error { l = h.LastLook(tx); return nil }); err != nil || l == nil || !l.Finished.IsZero() {
			return err
		}
		var err error
		switch l.Phase {
		case lookIndex:
			err = h.lookIndex(ctx, l)
		case lookLearn:
			err = h.lookLearn(ctx, l)
		default:
			err = h.lookCompare(ctx, l)
		}
		if err != nil && !errors.Is(err, errOtherLook) {
			return err
		}
	}
}

// lookIndex brings some customers' data up to date.
func (h *Hub) lookIndex(ctx context.Context, l *Look) error {
	return h.Store.Update(ctx, func(tx *store.Tx) error {
		if err := h.goesOn(tx, l); err != nil {
			return err
		}
		next := *l
		ids := h.Identity.Records(tx, l.After, lookWrite)
		next.Total = h.Identity.Len(tx)
		if len(ids) == 0 {
			next.Phase, next.After, next.Done = lookLearn, 0, 0
			return h.putLook(tx, &next)
		}
		for _, id := range ids {
			if _, err := h.Identity.Refresh(tx, id); err != nil {
				return err
			}
			next.After = id
			next.Done++
		}
		return h.putLook(tx, &next)
	})
}

// lookLearn learns the weights from all customers, or from some taken at random.
func (h *Hub) lookLearn(ctx context.Context, l *Look) error {
	var records []match.Record
	var attrs []string
	var after uint64
	random := rand.New(rand.NewPCG(uint64(l.Started.UnixNano()), 1))
	for {
		var ids []uint64
		if err := h.Store.View(func(tx *store.Tx) error {
			ids, attrs = h.Identity.People(tx, after, lookRead), h.Identity.Attributes(tx)
			share := float64(lookSample) / float64(max(1, h.Identity.Len(tx)))
			for _, id := range ids {
				if share < 1 && random.Float64() > share {
					continue
				}
				if p := h.Identity.Person(tx, id); p != nil {
					records = append(records, p.Record)
				}
			}
			return nil
		}); err != nil {
			return err
		}
		if len(ids) == 0 || ctx.Err() != nil {
			break
		}
		after = ids[len(ids)-1]
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	m := match.Learn(records, attrs)
	return h.Store.Update(ctx, func(tx *store.Tx) error {
		if err := h.goesOn(tx, l); err != nil {
			return err
		}
		if err := h.Identity.SetModel(tx, m); err != nil {
			return err
		}
		next := *l
		next.Phase, next.After, next.Done, next.Total, next.Began = lookCompare, 0, 0, h.Identity.PeopleLen(tx), tx.Now()
		return h.putLook(tx, &next)
	})
}

// lookCompare compares some customers.
func (h *Hub) lookCompare(ctx context.Context, l *Look) error {
	var ids []uint64
	if err := h.Store.View(func(tx *store.Tx) error {
		ids = h.Identity.People(tx, l.After, lookRead)
		return nil
	}); err != nil {
		return err
	}
	found, err := h.compare(ctx, ids, func(_ *store.Tx, id, other uint64) bool { return other > id }, nil)
	if err != nil {
		return err
	}
	return h.Store.Update(ctx, func(tx *store.Tx) error {
		if err := h.goesOn(tx, l); err != nil {
			return err
		}
		next := *l
		next.Found += found
		next.Done += len(ids)
		if len(ids) > 0 {
			next.After = ids[len(ids)-1]
			return h.putLook(tx, &next)
		}
		next.Finished = tx.Now()
		if err := h.putLook(tx, &next); err != nil {
			return err
		}
		_, err := h.Timeline.Append(tx, timeline.Event{Kind: timeline.SuggestionChanged, Quiet: true,
			Data: eventData("open", h.Identity.CountSuggestions(tx, identity.SuggestionOpen), "look", "finished")})
		return err
	})
}
