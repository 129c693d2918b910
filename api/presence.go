package api

import (
	"context"
	"errors"
	"time"

	"throughline/store"
)

const (
	// readyGrace is how long an agent stays ready for calls without a live stream:
	// pages are loaded anew, and the hub starts again.
	readyGrace = 15 * time.Second
	// readyPause is between two looks at who is still there.
	readyPause = 3 * time.Second
)

// streams counts an agent's live streams.
func (l *lives) streams(agent uint64) (n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for c := range l.conns {
		if c.agent == agent {
			n++
		}
	}
	return n
}

// keepReady ends the readiness of agents who have had no live stream for
// readyGrace, until ctx ends.
func (l *lives) keepReady(ctx context.Context) {
	tick := time.NewTicker(readyPause)
	defer tick.Stop()
	gone := map[uint64]time.Time{} // since when
	for {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
		if err := l.endReady(ctx, gone, time.Now()); err != nil && ctx.Err() == nil && !errors.Is(err, store.ErrClosed) {
			l.s.log.Error("live: who is ready for calls", "error", err)
		}
	}
}

// endReady looks once.
func (l *lives) endReady(ctx context.Context, gone map[uint64]time.Time, now time.Time) error {
	ready, err := l.readyAgents()
	if err != nil {
		return err
	}
	still := map[uint64]bool{}
	for _, agent := range ready {
		if l.streams(agent) > 0 {
			continue
		}
		still[agent] = true
		since, known := gone[agent]
		switch {
		case !known:
			gone[agent] = now
		case now.Sub(since) >= readyGrace:
			if err := l.s.hub.NotReady(ctx, agent); err != nil {
				return err
			}
			l.stirUp()
		}
	}
	for agent := range gone {
		if !still[agent] {
			delete(gone, agent)
		}
	}
	return nil
}

func (l *lives) readyAgents() (agents []uint64, err error) {
	err = l.s.hub.Store.View(func(tx *store.Tx) (err error) {
		agents, err = l.s.hub.ReadyAgents(tx)
		return err
	})
	return agents, err
}
