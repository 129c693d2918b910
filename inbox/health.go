package inbox

import (
	"encoding/json"
	"sync"
	"time"

	"throughline/connectors"
	"throughline/store"
)

// Health is how an account is doing.
type Health struct {
	State      connectors.State
	Since      time.Time // when the phase began
	Last       time.Time // last success
	Stored     int
	Duplicate  int
	Held       int
	Today      int // stored since midnight UTC
	Queued     int
	SendPaused string // why nothing goes out, if so
}

const tallyBucket = "tallies"

// tally counts what an account brought in. It is derived from the ledger, but
// for the day.
type tally struct {
	Stored    int       `json:"stored"`
	Duplicate int       `json:"duplicate"`
	Day       string    `json:"day,omitempty"`
	Today     int       `json:"today,omitempty"`
	Last      time.Time `json:"last,omitzero"`
}

func (t *tally) add(outcome string) {
	switch outcome {
	case Stored:
		t.Stored++
	case Duplicate:
		t.Duplicate++
	}
}

func (h *Hub) tally(tx *store.Tx, account string) (t tally) {
	if v := tx.GetValue(tallyBucket, account); v != nil {
		_ = json.Unmarshal(v, &t) // our own writing; Check recomputes it
	}
	return t
}

// count adds n to an account's tally.
func (h *Hub) count(tx *store.Tx, account string, n tally) error {
	if n.Stored == 0 && n.Duplicate == 0 {
		return nil
	}
	t := h.tally(tx, account)
	if day := tx.Now().UTC().Format(time.DateOnly); day != t.Day {
		t.Day, t.Today = day, 0
	}
	t.Stored, t.Duplicate, t.Today, t.Last = t.Stored+n.Stored, t.Duplicate+n.Duplicate, t.Today+n.Stored, tx.Now()
	v, err := json.Marshal(t)
	if err != nil {
		return err
	}
	return tx.PutValue(tallyBucket, account, v)
}

// Health reads an account's counts and the state of its connection.
func (h *Hub) Health(tx *store.Tx, account string) Health {
	t := h.tally(tx, account)
	out := Health{
		State:  connectors.State{Phase: connectors.Stopped},
		Stored: t.Stored, Duplicate: t.Duplicate, Last: t.Last,
		Held:   h.held.Count(tx, "account", store.K().Str(account)),
		Queued: h.deliveries.Count(tx, "due", store.K().Str(account)),
	}
	if t.Day == tx.Now().UTC().Format(time.DateOnly) {
		out.Today = t.Today
	}
	h.mu.Lock()
	r := h.running[account]
	h.mu.Unlock()
	if r != nil {
		state, since, live, paused := r.status()
		out.State, out.Since, out.SendPaused = state, since, paused
		if live.After(out.Last) {
			out.Last = live
		}
	}
	return out
}

// watchers are woken when the state of a connection changes.
type watchers struct {
	mu  sync.Mutex
	set map[chan struct{}]struct{}
}

// WatchStates is woken when a connection's state changes: look at Health again.
func (h *Hub) WatchStates() (wake <-chan struct{}, stop func()) {
	c := make(chan struct{}, 1)
	w := &h.states
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.set == nil {
		w.set = make(map[chan struct{}]struct{})
	}
	w.set[c] = struct{}{}
	return c, func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		delete(w.set, c)
	}
}

func (w *watchers) wake() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for c := range w.set {
		select {
		case c <- struct{}{}:
		default:
		}
	}
}
