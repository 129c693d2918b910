package api

import (
	"bytes"
	"context"
	"encoding/json"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

const (
	boardPause  = 200 * time.Millisecond // between two looks at what to tell
	countsPause = 250 * time.Millisecond // between two looks at the counts
	typingLasts = 6 * time.Second        // unless the client says so again
)

// board is what is told to sockets beside the log: presence, counts and the
// states of accounts. It holds only the newest of each; a socket that was slow
// misses what was in between.
type board struct {
	mu       sync.Mutex
	presence notice
	counts   map[uint64]*notice // by agent
	accounts map[string]*notice
	stamp    atomic.Uint64 // of the newest notice of all; changed under mu
}

// notice is the newest frame of its kind with when it was put up.
type notice struct {
	data  []byte
	frame *frame
	stamp uint64
}

// reading is what of the board a socket has been sent: everything up to stamp.
type reading struct {
	stamp uint64
	begun bool
}

// view notes what a client looks at.
func (b *board) view(c *conn, conversation uint64, typing bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	c.conversation, c.typing = conversation, time.Time{}
	if typing && conversation != 0 {
		c.typing = c.l.s.now().Add(typingLasts)
	}
}

// put replaces a notice unless it says the same already.
func (b *board) put(n *notice, v any) (changed bool) {
	data, err := json.Marshal(v)
	if err != nil || bytes.Equal(data, n.data) {
		return false
	}
	f, err := newFrame(0, data)
	if err != nil {
		return false
	}
	n.data, n.frame, n.stamp = data, f, b.stamp.Add(1)
	return true
}

// send writes what a socket has not been told yet.
func (b *board) send(c *conn) error {
	if b.stamp.Load() == c.reading.stamp {
		return nil
	}
	var frames []*frame
	b.mu.Lock()
	if b.presence.stamp > c.reading.stamp {
		frames = append(frames, b.presence.frame)
	}
	if n := b.counts[c.agent]; n != nil && n.stamp > c.reading.stamp {
		frames = append(frames, n.frame)
	}
	for _, n := range b.accounts {
		if n.stamp > max(c.reading.stamp, c.accounts) {
			frames = append(frames, n.frame)
		}
	}
	c.reading.stamp = b.stamp.Load()
	b.mu.Unlock()
	for _, f := range frames {
		if err := c.sock.Write(f); err != nil {
			return err
		}
	}
	return nil
}

// keepBoard looks at what there is to tell, at most every boardPause.
func (l *lives) keepBoard(ctx context.Context) {
	states, stop := l.s.hub.WatchStates()
	defer stop()
	changes, stopChanges := l.s.hub.Accounts.Watch()
	defer stopChanges()
	expiry := time.NewTimer(0)
	defer expiry.Stop()
	var counted time.Time
	lookStates := true
	for {
		wait := time.Hour
		changed := false
		if lookStates {
			changed = l.tellAccounts()
			lookStates = false
			l.moved.Store(true) // trouble is among the counts
		}
		ready, err := l.readyAgents()
		if err != nil {
			l.s.log.Error("live: reading who is ready for calls", "error", err)
		}
		if told, next := l.tellPresence(ready); true {
			changed = told || changed
			wait = min(wait, next)
		}
		if rest := countsPause - time.Since(counted); rest > 0 {
			wait = min(wait, rest)
		} else if agents := l.uncounted(); len(agents) > 0 {
			counted = time.Now()
			changed = l.tellCounts(agents) || changed
		}
		if changed {
			l.wakeAll()
		}
		expiry.Reset(max(wait, boardPause))
		select {
		case <-states:
			lookStates = true
		case <-changes:
			lookStates = true
		case <-l.stir:
		case <-expiry.C:
		case <-ctx.Done():
			return
		}
		// Whatever comes in this moment is told together.
		select {
		case <-time.After(boardPause):
		case <-ctx.Done():
			return
		}
	}
}

// tellPresence puts up who is here and looks at what, and whom calls may ring; next is when somebody's
// typing ends by itself.
func (l *lives) tellPresence(ready []uint64) (changed bool, next time.Duration) {
	type place struct{ agent, conversation uint64 }
	now := l.s.now()
	next = time.Hour
	places := map[place]bool{}
	var online []uint64
	if ready == nil {
		ready = []uint64{}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.told.mu.Lock()
	defer l.told.mu.Unlock()
	seen := map[uint64]bool{}
	for c := range l.conns {
		if !seen[c.agent] {
			seen[c.agent] = true
			online = append(online, c.agent)
		}
		if c.conversation == 0 {
			continue
		}
		typing := now.Before(c.typing)
		if typing {
			next = min(next, c.typing.Sub(now))
		}
		p := place{c.agent, c.conversation}
		places[p] = places[p] || typing
	}
	slices.Sort(online)
	viewers := make([]Viewer, 0, len(places))
	for p, typing := range places {
		viewers = append(viewers, Viewer{Agent: p.agent, Conversation: p.conversation, Typing: typing})
	}
	slices.SortFunc(viewers, func(a, b Viewer) int {
		if a.Conversation != b.Conversation {
			return int(int64(a.Conversation) - int64(b.Conversation))
		}
		return int(int64(a.Agent) - int64(b.Agent))
	})
	if online == nil {
		online = []uint64{}
	}
	// The lists are there even when empty.
	return l.told.put(&l.told.presence, struct {
		Type    string   `json:"type"`
		Viewers []Viewer `json:"viewers"`
		Online  []uint64 `json:"online"`
		Ready   []uint64 `json:"ready"`
	}{"presence", viewers, online, ready}), next
}

// uncounted are the agents whose counts may have changed: all that are here
// after an event, else those who came since.
func (l *lives) uncounted() (agents []uint64) {
	moved := l.moved.Swap(false)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.told.mu.Lock()
	defer l.told.mu.Unlock()
	here := map[uint64]bool{}
	for c := range l.conns {
		if here[c.agent] {
			continue
		}
		here[c.agent] = true
		if moved || l.told.counts[c.agent] == nil {
			agents = append(agents, c.agent)
		}
	}
	for agent := range l.told.counts {
		if !here[agent] {
			delete(l.told.counts, agent)
		}
	}
	return agents
}

func (l *lives) tellCounts(agents []uint64) (changed bool) {
	counts := make(map[uint64]Counts, len(agents))
	if err := l.s.view(func(v *view) (err error) {
		for _, a := range agents {
			if counts[a], err = v.counts(a); err != nil {
				return err
			}
		}
		return nil
	}); err != nil {
		l.s.log.Error("live: reading the counts", "error", err)
		return false
	}
	l.told.mu.Lock()
	defer l.told.mu.Unlock()
	if l.told.counts == nil {
		l.told.counts = map[uint64]*notice{}
	}
	for a, n := range counts {
		if l.told.counts[a] == nil {
			l.told.counts[a] = &notice{}
		}
		changed = l.told.put(l.told.counts[a], LiveFrame{Type: "counts", Counts: &n}) || changed
	}
	return changed
}

// tellAccounts puts up the accounts whose connection changed its state.
func (l *lives) tellAccounts() (changed bool) {
	health, err := l.healths()
	if err != nil {
		l.s.log.Error("live: reading the health of accounts", "error", err)
		return false
	}
	l.told.mu.Lock()
	defer l.told.mu.Unlock()
	if l.told.accounts == nil {
		l.told.accounts = map[string]*notice{}
	}
	for id, h := range health {
		if l.told.accounts[id] == nil {
			l.told.accounts[id] = &notice{}
		}
		changed = l.told.put(l.told.accounts[id], LiveFrame{Type: "account", ID: id, Health: &h}) || changed
	}
	for id := range l.told.accounts {
		if _, ok := health[id]; !ok {
			delete(l.told.accounts, id)
		}
	}
	return changed
}

func (l *lives) healths() (map[string]Health, error) {
	health := map[string]Health{}
	err := l.s.view(func(v *view) error {
		list, err := l.s.hub.Accounts.ListTx(v.tx)
		for _, a := range list {
			health[a.ID] = v.health(a.ID)
		}
		return err
	})
	return health, err
}

// greet tells a new socket how all accounts are doing now: what the board says
// of them is as old as their last change of state, and the counts in it too.
func (l *lives) greet(c *conn) error {
	l.told.mu.Lock()
	c.accounts = l.told.stamp.Load() // whatever is put up later is sent as well
	l.told.mu.Unlock()
	health, err := l.healths()
	if err != nil {
		return err
	}
	for _, id := range slices.Sorted(maps.Keys(health)) {
		h := health[id]
		if err := c.say(LiveFrame{Type: "account", ID: id, Health: &h}); err != nil {
			return err
		}
	}
	return nil
}
