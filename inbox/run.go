package inbox

import (
	"cmp"
	"context"
	"fmt"
	"sync"

	"throughline/accounts"
	"throughline/connectors"
	"throughline/identity"
	"throughline/message"
	"throughline/store"
)

// Ready is closed once Run has started the accounts: before, nothing can be sent.
func (h *Hub) Ready() <-chan struct{} { return h.ready }

// Run connects all accounts and sends what is due until ctx ends. It follows the
// accounts: one that is added, changed or removed is started or stopped.
func (h *Hub) Run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	h.mu.Lock()
	h.life = ctx
	h.mu.Unlock()
	defer h.auditWG.Wait()
	defer func() {
		// No audit begins any more once the wait for them has.
		h.mu.Lock()
		h.life = nil
		h.mu.Unlock()
		cancel()
	}()
	if err := h.makeShareKey(ctx); err != nil {
		return err
	}
	if err := h.beginMatching(ctx); err != nil {
		return err
	}
	wake, stop := h.Accounts.Watch()
	defer stop()
	var timers sync.WaitGroup
	timers.Go(func() { h.snoozed().follow(ctx, h) })
	timers.Go(func() { h.fetchPictures(ctx) })
	timers.Go(func() { h.dueTasks().follow(ctx, h) })
	timers.Go(func() { h.followPreferences(ctx) })
	timers.Go(func() { h.followPeople(ctx) })
	timers.Go(func() { h.lookThrough(ctx) })
	defer timers.Wait()
	defer h.stopAll()
	for first := true; ; first = false {
		if err := h.follow(ctx); err != nil {
			return err
		}
		if first {
			h.readied.Do(func() { close(h.ready) })
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
	own, err := h.keptOwn()
	if err != nil {
		return err
	}
	var start []*runner
	infos := make(map[string]connectors.Info, len(list))
	for _, a := range list {
		wanted[a.ID] = a
		h.mu.Lock()
		r := h.running[a.ID]
		h.mu.Unlock()
		if r == nil || r.revision != a.Revision || a.Disabled {
			if r != nil {
				h.stop(r)
			}
			if err := h.begin(ctx, a); err != nil {
				return err
			}
			r = h.newRunner(a)
			if !a.Disabled {
				start = append(start, r)
			}
		}
		if r.conn != nil {
			infos[a.ID] = r.info
		}
		if c, err := identity.Canonical(r.info.Own.Handle); err == nil {
			own[c] = a.ID
		}
	}
	// Whose addresses are ours must be known before the first item comes in.
	h.mu.Lock()
	h.own, h.infos = own, infos
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
	active := func(id string) bool { a, ok := wanted[id]; return ok && !a.Disabled }
	if err := h.strand(ctx, active); err != nil && ctx.Err() == nil {
		// The disk may be full; the next change or start does it.
		h.log.Error("outbox of removed accounts", "error", err)
	}
	for _, r := range start {
		h.start(ctx, r)
	}
	h.states.wake()
	return nil
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

// usable tells whether something can be written over an account.
func (h *Hub) usable(account string) bool {
	info, ok := h.accountInfo(account)
	return ok && !info.Writing.None
}

// TestAccount tries settings without storing them: of the account id, or of one that is
// to be called newID.
func (h *Hub) TestAccount(ctx context.Context, id, newID, channel string, settings map[string]any) ([]connectors.Step, error) {
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
	conn, err := kind.New(acc, h.host(cmp.Or(id, newID), channel, save))
	if err != nil {
		return nil, err
	}
	t, ok := conn.(connectors.Tester)
	if !ok {
		return nil, &ConflictError{"this channel has no test"}
	}
	return t.Test(ctx), nil
}

// Addresses that mail has gone out from stay ours when their account is removed or
// cannot be made: old copies of our own mail are no customer's.
const ownBucket = "own"

// keptOwn reads those addresses, with the account of each.
func (h *Hub) keptOwn() (map[message.Handle]string, error) {
	own := make(map[message.Handle]string)
	err := h.Store.View(func(tx *store.Tx) error {
		for handle, account := range tx.Values(ownBucket) {
			own[message.Handle(handle)] = string(account)
		}
		return nil
	})
	return own, err
}

// keepOwn notes that mail has gone out from an address of ours.
func (h *Hub) keepOwn(tx *store.Tx, handle message.Handle, account string) error {
	c, err := identity.Canonical(handle)
	if err != nil || string(tx.GetValue(ownBucket, string(c))) == account {
		return nil // an account without an address, or known already
	}
	return tx.PutValue(ownBucket, string(c), []byte(account))
}
