package auth

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"

	"throughline/store"
)

// Lifetime of sessions.
const (
	SessionIdle = 14 * 24 * time.Hour // ends when unused for so long
	SessionLife = 90 * 24 * time.Hour // ends whatever happens
	MaxSessions = 100                 // of one agent; the one unused for longest makes room
	seenEvery   = time.Minute         // precision of "last seen"
	expireEvery = time.Hour           // between two rounds of tidying up
	expirePage  = 500                 // records looked at in one transaction
)

// Session is one signed-in browser.
type Session struct {
	ID        uint64    `json:"id"`
	Agent     uint64    `json:"agent"`
	Created   time.Time `json:"created"`
	LastSeen  time.Time `json:"last_seen"` // up to two minutes late
	Address   string    `json:"address,omitempty"`
	UserAgent string    `json:"user_agent,omitempty"`
}

type session struct {
	Session
	Hash []byte `json:"hash"` // SHA-256 of the token
}

func (s *Session) expired(now time.Time) bool {
	return now.Sub(s.LastSeen) >= SessionIdle || now.Sub(s.Created) >= SessionLife
}

// openSession stores a new session for a token made before the transaction.
func (a *Auth) openSession(tx *store.Tx, agent Agent, token string, c Client) (SignedIn, error) {
	hash, _ := tokenHash(token)
	if err := a.makeRoom(tx, agent.ID); err != nil {
		return SignedIn{}, err
	}
	s := session{Hash: hash, Session: Session{
		ID: tx.NextID(), Agent: agent.ID, Created: tx.Now(), LastSeen: tx.Now(),
		Address: cut(c.Address, maxAddress), UserAgent: cut(c.UserAgent, maxUserAgent),
	}}
	if err := a.sessions.Insert(tx, s.ID, &s); err != nil {
		return SignedIn{}, err
	}
	return SignedIn{token, Identity{Agent: agent, Session: s.Session, CSRF: csrf(token)}}, nil
}

func (a *Auth) makeRoom(tx *store.Tx, agent uint64) error {
	list, err := a.sessionsTx(tx, agent)
	if err != nil || len(list) < MaxSessions {
		return err
	}
	for _, s := range list[MaxSessions-1:] {
		if err := a.sessions.Delete(tx, s.ID); err != nil {
			return err
		}
	}
	return nil
}

// Authenticate finds who a session token belongs to, or returns ErrSignedOut.
func (a *Auth) Authenticate(_ context.Context, token string) (Identity, error) {
	hash, ok := tokenHash(token)
	if !ok {
		return Identity{}, ErrSignedOut
	}
	var id Identity
	err := a.s.View(func(tx *store.Tx) error {
		sid, ok := a.sessions.Lookup(tx, "token", hash)
		if !ok {
			return ErrSignedOut
		}
		s, err := a.sessions.Get(tx, sid)
		if err != nil {
			return err
		}
		r, err := a.agents.Get(tx, s.Agent)
		if err != nil {
			return err
		}
		if s.expired(tx.Now()) || r.Disabled {
			return ErrSignedOut
		}
		id = Identity{Agent: r.Agent, Session: s.Session, CSRF: csrf(token)}
		a.saw(seenID{session: sid}, s.LastSeen, tx.Now())
		return nil
	})
	if err != nil {
		return Identity{}, err
	}
	return id, nil
}

// Sessions lists an agent's sessions, the last used first.
func (a *Auth) Sessions(agent uint64) (list []Session, err error) {
	err = a.s.View(func(tx *store.Tx) error {
		list, err = a.sessionsTx(tx, agent)
		now := tx.Now()
		list = slices.DeleteFunc(list, func(s Session) bool { return s.expired(now) })
		return err
	})
	return list, err
}

func (a *Auth) sessionsTx(tx *store.Tx, agent uint64) ([]Session, error) {
	var list []Session
	for s, err := range a.sessions.All(tx, store.Range{Index: "agent", Prefix: store.K().Uint(agent)}) {
		if err != nil {
			return nil, err
		}
		list = append(list, s.Session)
	}
	slices.SortFunc(list, func(x, y Session) int { return cmp.Or(y.LastSeen.Compare(x.LastSeen), cmp.Compare(y.ID, x.ID)) })
	return list, nil
}

// EndSession ends one of the agent's own sessions: the current one is signing
// out. ErrNotFound also stands for somebody else's session.
func (a *Auth) EndSession(ctx context.Context, by Actor, session uint64) error {
	return a.s.Update(ctx, func(tx *store.Tx) error {
		s, err := a.sessions.Get(tx, session)
		if err != nil {
			return found(err)
		}
		if s.Agent != by.Agent {
			return ErrNotFound
		}
		if err := a.sessions.Delete(tx, session); err != nil {
			return err
		}
		return a.Record(tx, "session.ended", by, "signed in at "+s.Created.Format(time.RFC3339))
	})
}

// seenID is a session or a key whose last use is to be written.
type seenID struct{ session, key uint64 }

// saw remembers a use for Run to write, at most once a minute, so that reading
// costs no fsync.
func (a *Auth) saw(id seenID, last, now time.Time) {
	if now.Sub(last) < seenEvery {
		return
	}
	a.mu.Lock()
	a.seen[id] = now
	a.mu.Unlock()
}

// Run writes "last seen" times every minute and removes what has expired every
// hour, until ctx ends; then it writes a last time and returns nil. Trouble with
// the store is logged and tried again.
func (a *Auth) Run(ctx context.Context) error {
	tick := time.NewTicker(seenEvery)
	defer tick.Stop()
	expired := time.Time{}
	for {
		if a.now().Sub(expired) >= expireEvery {
			if err := a.expire(ctx); err != nil && ctx.Err() == nil {
				a.log.Error("what has expired was not removed", "error", err)
			}
			expired = a.now()
		}
		select {
		case <-ctx.Done():
			if err := a.writeSeen(context.WithoutCancel(ctx)); err != nil && !errors.Is(err, store.ErrClosed) {
				a.log.Error("last seen times not written", "error", err)
			}
			return nil
		case <-tick.C:
		}
		if err := a.writeSeen(ctx); err != nil && ctx.Err() == nil {
			a.log.Error("last seen times not written", "error", err)
		}
	}
}

// writeSeen writes the remembered uses in one transaction. What ended in the
// meantime stays ended.
func (a *Auth) writeSeen(ctx context.Context) error {
	a.mu.Lock()
	seen := a.seen
	a.seen = map[seenID]time.Time{}
	a.mu.Unlock()
	if len(seen) == 0 {
		return nil
	}
	err := a.s.Update(ctx, func(tx *store.Tx) error {
		agents := map[uint64]time.Time{}
		for id, t := range seen {
			agent, err := a.touch(tx, id, t)
			if err != nil {
				return err
			}
			if agents[agent].Before(t) {
				agents[agent] = t
			}
		}
		delete(agents, 0)
		for id, t := range agents {
			r, err := a.agents.Get(tx, id)
			if err != nil {
				return err
			}
			if r.LastSeen.Before(t) {
				r.LastSeen = t
				if err := a.agents.Put(tx, id, r); err != nil {
					return err
				}
			}
		}
		return nil
	})
	if err != nil {
		a.mu.Lock()
		for id, t := range seen {
			if a.seen[id].Before(t) {
				a.seen[id] = t
			}
		}
		a.mu.Unlock()
	}
	return err
}

// touch writes one use and returns whose it was, 0 if it has ended.
func (a *Auth) touch(tx *store.Tx, id seenID, t time.Time) (agent uint64, err error) {
	if id.session != 0 {
		s, err := a.sessions.Get(tx, id.session)
		if errors.Is(err, store.ErrNotFound) {
			return 0, nil
		}
		if err != nil {
			return 0, err
		}
		if s.LastSeen.Before(t) {
			s.LastSeen = t
			err = a.sessions.Put(tx, s.ID, s)
		}
		return s.Agent, err
	}
	k, err := a.keys.Get(tx, id.key)
	if errors.Is(err, store.ErrNotFound) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	if k.LastUsed.Before(t) {
		k.LastUsed = t
		err = a.keys.Put(tx, k.ID, k)
	}
	return k.Agent, err
}

// expire removes sessions and links whose time is over.
func (a *Auth) expire(ctx context.Context) error {
	return errors.Join(
		expireTable(ctx, a.s, a.sessions, func(s *session, now time.Time) bool { return s.expired(now) }),
		expireTable(ctx, a.s, a.links, func(l *link, now time.Time) bool { return l.expired(now) }),
		a.trimAudit(ctx),
	)
}

// expireTable goes through a table in short transactions.
func expireTable[V any](ctx context.Context, s *store.Store, t *store.Table[V], over func(*V, time.Time) bool) error {
	var after store.Key
	for more := true; more; {
		var gone []uint64
		err := s.View(func(tx *store.Tx) error {
			n := 0
			for e := range t.Scan(tx, store.Range{After: after}) {
				if n++; n > expirePage {
					return nil
				}
				after = e.Pos
				v, err := t.Get(tx, e.ID)
				if err != nil {
					return err
				}
				if over(v, tx.Now()) {
					gone = append(gone, e.ID)
				}
			}
			more = false
			return nil
		})
		if err != nil {
			return err
		}
		if len(gone) == 0 {
			continue
		}
		err = s.Update(ctx, func(tx *store.Tx) error {
			for _, id := range gone {
				v, err := t.Get(tx, id)
				if errors.Is(err, store.ErrNotFound) {
					continue
				}
				// Looked at again: it may have been used in between.
				if err == nil && over(v, tx.Now()) {
					err = t.Delete(tx, id)
				}
				if err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}
