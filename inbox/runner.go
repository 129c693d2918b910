package inbox

import (
	"context"
	"fmt"
	"net/http"
	"net/netip"
	"slices"
	"sync"
	"time"

	"throughline/accounts"
	"throughline/connectors"
	"throughline/identity"
	"throughline/message"
	"throughline/store"
)

// runner is one account at work: its connector receiving, its outbox lane
// sending.
type runner struct {
	hub      *Hub
	account  string
	revision uint64
	conn     connectors.Connector // nil if the settings are unusable
	info     connectors.Info
	hook     http.Handler           // nil if nothing is brought over HTTP
	kick     chan struct{}          // "try to send now"
	sup      *connectors.Supervisor // nil without a connector
	cancel   context.CancelFunc
	done     sync.WaitGroup
	sending  sync.Mutex

	mu     sync.Mutex
	state  connectors.State
	since  time.Time // of the phase
	up     bool      // it was live since it last connected
	live   time.Time // last time it was seen working
	paused string    // why nothing goes out
	until  time.Time
}

func (r *runner) setState(s connectors.State) {
	r.mu.Lock()
	now := time.Now()
	if r.state.Phase == connectors.Live || s.Phase == connectors.Live {
		r.live = now
	}
	begins := false
	switch s.Phase {
	case connectors.Live:
		begins, r.up = !r.up, true
	case connectors.CatchingUp: // on its way to live, or from it
	default:
		r.up = false
	}
	if s.Phase != r.state.Phase {
		r.since = now
	}
	r.state = s
	r.mu.Unlock()
	if begins { // that it ended, and why, is logged by its supervisor
		r.hub.log.Info("the account is live", "account", r.account)
	}
	r.hub.states.wake()
}

func (r *runner) status() (state connectors.State, since, live time.Time, paused string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	live = r.live
	if r.state.Phase == connectors.Live {
		live = time.Now()
	}
	return r.state, r.since, live, r.paused
}

func (r *runner) pause(reason string, until time.Time) {
	r.mu.Lock()
	changed := r.paused != reason
	r.paused, r.until = reason, until
	r.mu.Unlock()
	if changed {
		r.hub.states.wake()
	}
}

func (r *runner) pausedUntil() time.Time {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.until
}

// turn is how long until the provider takes the next message.
func (r *runner) turn() time.Duration {
	if p, ok := r.conn.(connectors.Pacer); ok {
		return p.Pause()
	}
	return 0
}

// send lets the connector send; a panic in it is a failed attempt.
func (r *runner) send(ctx context.Context, m message.Message) (receipt connectors.Receipt, err error) {
	r.sending.Lock()
	defer r.sending.Unlock()
	defer func() {
		if p := recover(); p != nil {
			err = &connectors.SendError{Class: connectors.Unsure, Reason: "the connector failed while sending", Err: fmt.Errorf("panic: %v", p)}
		}
	}()
	return r.conn.Send(ctx, m)
}

func (h *Hub) newRunner(a accounts.Account) *runner {
	r := &runner{hub: h, account: a.ID, revision: a.Revision, kick: make(chan struct{}, 1), cancel: func() {}}
	conn, err := h.makeConnector(a.ID, a.Revision)
	if err != nil {
		r.state = connectors.State{Phase: connectors.Blocked, Detail: err.Error()}
		r.since = time.Now()
		return r
	}
	r.conn, r.info = conn, conn.Info()
	if c, err := identity.Canonical(r.info.Own.Handle); err == nil {
		r.info.Own.Handle = c
	}
	// Made here, before anybody can find the runner: Kick needs it.
	in := &sink{hub: h, account: r.account, run: r}
	r.sup = connectors.NewSupervisor(r.conn, in, h.log.With("account", r.account))
	if w, ok := r.conn.(connectors.Webhooker); ok {
		r.hook = &guard{next: w.Webhook(in), log: h.log.With("account", r.account), now: time.Now, callers: map[netip.Prefix]*caller{}}
	}
	return r
}

func (h *Hub) makeConnector(id string, revision uint64) (connectors.Connector, error) {
	acc, err := h.Accounts.Get(id)
	if err != nil {
		return nil, err
	}
	kind, ok := h.kinds[acc.Channel]
	if !ok {
		return nil, fmt.Errorf("account %s: there is no channel %q", id, acc.Channel)
	}
	return kind.New(acc, h.host(id, acc.Channel, h.Accounts.Saver(id, revision)))
}

func (h *Hub) start(ctx context.Context, r *runner) {
	if r.conn == nil {
		return
	}
	ctx, r.cancel = context.WithCancel(ctx)
	r.done.Go(func() { r.sup.Run(ctx) })
	if f, ok := r.conn.(connectors.Finisher); ok {
		r.done.Go(func() { h.finishing(ctx, r, f) })
	}
	r.done.Go(func() { r.again(ctx, "outbox", func() error { return h.lane(ctx, r) }) })
	if p, ok := r.conn.(connectors.Phone); ok {
		r.done.Go(func() { r.again(ctx, "desk", func() error { return h.tend(ctx, r, p) }) })
	}
}

// again runs work until ctx ends. It only ends before when the store fails; then it
// is tried again, because a full disk may have room later.
func (r *runner) again(ctx context.Context, what string, work func() error) {
	for ctx.Err() == nil {
		if err := work(); err != nil && ctx.Err() == nil {
			r.hub.log.Error(what, "account", r.account, "error", err)
			select {
			case <-time.After(5 * time.Second):
			case <-ctx.Done():
			}
		}
	}
}

// SendAccounts lists the accounts an answer in c can go out over; the one that
// Recipients proposes for its newest message comes first.
func (h *Hub) SendAccounts(tx *store.Tx, c *Conversation) ([]string, error) {
	base, err := h.answered(tx, c, 0)
	if err != nil {
		return nil, err
	}
	first := h.sendAccount(c, base)
	return append([]string{first}, slices.DeleteFunc(h.sending(), func(a string) bool { return a == first })...), nil
}

// sending lists the accounts that can send, in order.
func (h *Hub) sending() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	var list []string
	for id, r := range h.running {
		if r.conn != nil && !r.info.Writing.None {
			list = append(list, id)
		}
	}
	slices.Sort(list)
	return list
}

// Kick makes an account try again now, receiving and sending.
func (h *Hub) Kick(ctx context.Context, account string) error {
	r := h.runner(account)
	if r == nil || r.conn == nil {
		return &ConflictError{"this account is not running: check its settings and switch it on"}
	}
	r.pause("", time.Time{})
	r.sup.Kick()
	// What was put off is due now; what may still be taken back is left alone.
	if err := h.Store.Update(ctx, func(tx *store.Tx) error {
		for _, id := range h.dueIDs(tx, account) {
			d, err := h.Delivery(tx, id)
			if err != nil {
				return err
			}
			if d.Status != message.Queued || len(d.Attempts) == 0 {
				continue
			}
			d.Due = tx.Now()
			if err := h.deliveries.Put(tx, id, d); err != nil {
				return err
			}
		}
		return nil
	}); err != nil {
		return err
	}
	select {
	case r.kick <- struct{}{}:
	default:
	}
	return nil
}
