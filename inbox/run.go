package inbox

import (
	"context"
	"errors"
	"fmt"
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
	kick     chan struct{} // "try to send now"
	sup      *connectors.Supervisor
	cancel   context.CancelFunc
	done     sync.WaitGroup
	sending  sync.Mutex

	mu     sync.Mutex
	state  connectors.State
	since  time.Time // of the phase
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
	if s.Phase != r.state.Phase {
		r.since = now
	}
	r.state = s
	r.mu.Unlock()
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

// Run connects all accounts and sends what is due until ctx ends. It follows the
// accounts: one that is added, changed or removed is started or stopped.
func (h *Hub) Run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	h.mu.Lock()
	h.life = ctx
	h.mu.Unlock()
	defer h.auditWG.Wait()
	defer cancel()
	wake, stop := h.Accounts.Watch()
	defer stop()
	var timers sync.WaitGroup
	timers.Go(func() { h.wakeSnoozed(ctx) })
	defer timers.Wait()
	defer h.stopAll()
	for {
		if err := h.follow(ctx); err != nil {
			return err
		}
		select {
		case <-wake:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// follow brings what runs in line with what is configured.
func (h *Hub) follow(ctx context.Context) error {
	list, err := h.Accounts.List()
	if err != nil {
		return err
	}
	wanted := make(map[string]accounts.Account, len(list))
	own := make(map[message.Handle]string, len(list))
	var start []*runner
	for _, a := range list {
		wanted[a.ID] = a
		h.mu.Lock()
		r := h.running[a.ID]
		h.mu.Unlock()
		if r == nil || r.revision != a.Revision || a.Disabled {
			if r != nil {
				h.stop(r)
			}
			r = h.newRunner(a)
			if !a.Disabled {
				start = append(start, r)
			}
		}
		if c, err := identity.Canonical(r.info.Own.Handle); err == nil {
			own[c] = a.ID
		}
	}
	// Whose addresses are ours must be known before the first item comes in.
	h.mu.Lock()
	h.own = own
	var gone []*runner
	for id, r := range h.running {
		if _, ok := wanted[id]; !ok {
			gone = append(gone, r)
		}
	}
	for _, r := range start {
		h.running[r.account] = r
	}
	h.mu.Unlock()
	for _, r := range gone {
		h.stop(r)
	}
	for _, r := range start {
		h.start(ctx, r)
	}
	h.states.wake()
	return nil
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
	return kind.New(acc, connectors.Host{
		Log:     h.log.With("account", id, "channel", acc.Channel),
		TempDir: h.tempDir,
		Save:    h.Accounts.Saver(id, revision),
	})
}

func (h *Hub) start(ctx context.Context, r *runner) {
	if r.conn == nil {
		return
	}
	ctx, r.cancel = context.WithCancel(ctx)
	log := h.log.With("account", r.account)
	r.sup = connectors.NewSupervisor(r.conn, &sink{hub: h, account: r.account, run: r}, log)
	r.done.Go(func() { r.sup.Run(ctx) })
	r.done.Go(func() {
		// The lane only ends with ctx or when the store fails; then it is tried
		// again, because a full disk may have room later.
		for ctx.Err() == nil {
			if err := h.lane(ctx, r); err != nil && ctx.Err() == nil {
				log.Error("outbox", "error", err)
				select {
				case <-time.After(5 * time.Second):
				case <-ctx.Done():
				}
			}
		}
	})
}

func (h *Hub) stop(r *runner) {
	r.cancel()
	r.done.Wait()
	h.mu.Lock()
	if h.running[r.account] == r {
		delete(h.running, r.account)
	}
	h.mu.Unlock()
}

func (h *Hub) stopAll() {
	h.mu.Lock()
	all := make([]*runner, 0, len(h.running))
	for _, r := range h.running {
		r.cancel()
		all = append(all, r)
	}
	h.mu.Unlock()
	for _, r := range all {
		h.stop(r)
	}
}

func (h *Hub) runner(account string) *runner {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.running[account]
}

// connector returns the connector of an account, running or not.
func (h *Hub) connector(account string) (connectors.Connector, error) {
	if r := h.runner(account); r != nil && r.conn != nil {
		return r.conn, nil
	}
	a, err := h.Accounts.Show(account)
	if err != nil {
		return nil, err
	}
	return h.makeConnector(account, a.Revision)
}

// accountInfo describes an account that is running.
func (h *Hub) accountInfo(account string) (connectors.Info, bool) {
	r := h.runner(account)
	if r == nil || r.conn == nil {
		return connectors.Info{}, false
	}
	return r.info, true
}

func (h *Hub) usable(account string) bool {
	_, ok := h.accountInfo(account)
	return ok
}

// SendAccounts lists the accounts an answer in c can go out over; the one that
// Recipients proposes for its newest message comes first.
func (h *Hub) SendAccounts(tx *store.Tx, c *Conversation) ([]string, error) {
	base, err := h.answered(tx, c, 0)
	if err != nil {
		return nil, err
	}
	first := h.sendAccount(c, base)
	list := []string{first}
	all, err := h.Accounts.List()
	if err != nil {
		return nil, err
	}
	for _, a := range all {
		if a.ID != first && h.usable(a.ID) {
			list = append(list, a.ID)
		}
	}
	return list, nil
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

// TestAccount tries settings without storing them.
func (h *Hub) TestAccount(ctx context.Context, id, channel string, settings map[string]any) ([]connectors.Step, error) {
	acc, err := h.Accounts.Prepare(id, channel, settings)
	if err != nil {
		return nil, err
	}
	kind, ok := h.kinds[acc.Channel]
	if !ok {
		return nil, &InvalidError{"channel", fmt.Sprintf("there is no channel %q", acc.Channel)}
	}
	// A token that the provider changes during the test has to be kept, if there
	// is an account to keep it for.
	save := func(context.Context, string, string) error { return nil }
	if known, err := h.Accounts.Show(id); err == nil {
		save = h.Accounts.Saver(id, known.Revision)
	}
	conn, err := kind.New(acc, connectors.Host{Log: h.log.With("account", id), TempDir: h.tempDir, Save: save})
	if err != nil {
		return nil, err
	}
	t, ok := conn.(connectors.Tester)
	if !ok {
		return nil, &ConflictError{"this channel has no test"}
	}
	return t.Test(ctx), nil
}

// wakeSnoozed brings snoozed conversations back when their time comes.
func (h *Hub) wakeSnoozed(ctx context.Context) {
	wake, stop := h.Store.Watch()
	defer stop()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for ctx.Err() == nil {
		wait, err := h.wakeDue(ctx)
		if err != nil && !errors.Is(err, context.Canceled) {
			h.log.Error("wake snoozed conversations", "error", err)
			wait = 30 * time.Second
		}
		timer.Reset(wait)
		select {
		case <-wake:
		case <-timer.C:
		case <-ctx.Done():
		}
	}
}

// wakeDue opens what is due and tells how long nothing else is.
func (h *Hub) wakeDue(ctx context.Context) (wait time.Duration, err error) {
	const longest = time.Hour
	var due []uint64
	err = h.Store.View(func(tx *store.Tx) error {
		wait = longest
		for e := range h.conversations.Scan(tx, store.Range{Index: "snoozed"}) {
			c, err := h.Conversation(tx, e.ID)
			if err != nil {
				return err
			}
			if left := time.Until(c.SnoozedUntil); left > 0 {
				wait = min(left, longest)
				break
			}
			if due = append(due, c.ID); len(due) == maxBatch {
				wait = 0
				break
			}
		}
		return nil
	})
	if err != nil || len(due) == 0 {
		return wait, err
	}
	return wait, h.Store.Update(ctx, func(tx *store.Tx) error {
		for _, id := range due {
			c, err := h.Conversation(tx, id)
			if err != nil {
				return err
			}
			if c.Status != Snoozed || c.SnoozedUntil.After(tx.Now()) {
				continue // an agent was quicker
			}
			if err := h.change(tx, c, 0, Change{Status: ptr(Open)}); err != nil {
				return err
			}
			if err := h.conversations.Put(tx, c.ID, c); err != nil {
				return err
			}
		}
		return nil
	})
}
