package auth

import (
	"context"
	"errors"
	"strconv"

	"throughline/store"
)

// Login signs in with email and password. It takes the same time for an address
// that nobody has as for a wrong password. Errors: ErrWrongPassword,
// *RateLimitedError, ErrDisabled (after the right password only), ErrBusy.
func (a *Auth) Login(ctx context.Context, email, password string, c Client) (SignedIn, error) {
	var r *record // nil if there is nobody
	known := false
	err := a.s.View(func(tx *store.Tx) (err error) {
		if r, err = a.byEmail(tx, email); err == nil && r != nil {
			known, err = a.knows(tx, r.ID, c)
		}
		return err
	})
	if err != nil {
		return SignedIn{}, err
	}
	limits := loginLimits(email, c, known)
	if wait := a.limiter.take(limits...); wait > 0 {
		return SignedIn{}, &RateLimitedError{wait}
	}
	stored := ""
	if r != nil {
		stored = r.Password
	}
	ok, stale := false, false
	if len(password) <= MaxPassword {
		ok, stale, err = a.hasher.verify(ctx, stored, password)
	}
	upgraded := ""
	if err == nil && stale && ok {
		upgraded, err = a.hasher.hash(ctx, password)
	}
	if err != nil {
		a.limiter.giveBack(limits...) // no verdict
		return SignedIn{}, err
	}
	if !ok {
		by, detail := Actor{Address: c.Address}, "unknown email address"
		if r != nil {
			by.Agent, detail = r.ID, "wrong password"
		}
		a.recordFailure(ctx, by, detail)
		return SignedIn{}, ErrWrongPassword
	}
	a.limiter.giveBack(limits...)
	a.limiter.forget(limits[0])

	token := newToken()
	var in SignedIn
	err = a.s.Update(ctx, func(tx *store.Tx) error {
		now, err := a.agents.Get(tx, r.ID)
		if err != nil {
			return err
		}
		if now.Password != stored {
			return ErrWrongPassword // changed while we were checking the old one
		}
		if now.Disabled {
			return ErrDisabled
		}
		if upgraded != "" {
			now.Password = upgraded
		}
		in, err = a.signIn(tx, now, token, c, "login.ok", "")
		return err
	})
	if errors.Is(err, ErrDisabled) {
		a.recordFailure(ctx, Actor{r.ID, c.Address}, "disabled agent")
	}
	return in, err
}

// signIn stores the agent, a new session and the audit entry of it.
func (a *Auth) signIn(tx *store.Tx, r *record, token string, c Client, kind, detail string) (SignedIn, error) {
	r.LastSeen = tx.Now()
	if err := a.agents.Put(tx, r.ID, r); err != nil {
		return SignedIn{}, err
	}
	in, err := a.openSession(tx, r.Agent, token, c)
	if err != nil {
		return SignedIn{}, err
	}
	return in, a.Record(tx, kind, Actor{r.ID, c.Address}, detail)
}

// loginLimits are the keys an attempt counts for, that of the agent first. From
// a place where the agent is signed in already his failures count apart: a
// stranger who guesses elsewhere cannot keep him out.
func loginLimits(email string, c Client, known bool) []limitKey {
	first := emailKey(cut(foldEmail(email), MaxEmail))
	if known {
		first.key += " " + network(c.Address)
	}
	if loopback(c.Address) {
		return []limitKey{first}
	}
	return []limitKey{first, addressKey(cut(c.Address, maxAddress))}
}

// knows reports whether the agent has a session from the client's network.
func (a *Auth) knows(tx *store.Tx, agent uint64, c Client) (bool, error) {
	if loopback(c.Address) {
		return false, nil
	}
	list, err := a.sessionsTx(tx, agent)
	for _, s := range list {
		if network(s.Address) == network(c.Address) && !s.expired(tx.Now()) {
			return true, err
		}
	}
	return false, err
}

// ChangePassword sets an agent's own new password, ends his other sessions and
// every link to his account. Errors: ErrOldPassword, *RateLimitedError,
// *WeakPasswordError, ErrBusy.
func (a *Auth) ChangePassword(ctx context.Context, id Identity, address, old, new string) error {
	var r *record
	err := a.s.View(func(tx *store.Tx) (err error) {
		r, err = a.agents.Get(tx, id.Agent.ID)
		return err
	})
	if err != nil {
		return found(err)
	}
	limit := limitKey{"p:" + strconv.FormatUint(r.ID, 10), emailFailures}
	if wait := a.limiter.take(limit); wait > 0 {
		return &RateLimitedError{wait}
	}
	ok := false
	if len(old) <= MaxPassword {
		ok, _, err = a.hasher.verify(ctx, r.Password, old)
	}
	if err != nil {
		a.limiter.giveBack(limit)
		return err
	}
	by := id.Actor(address)
	if !ok {
		a.recordFailure(ctx, by, "wrong old password when changing it")
		return ErrOldPassword
	}
	a.limiter.forget(limit)
	checked := r.Password
	if err := a.setHash(ctx, r, new); err != nil {
		return err
	}
	return a.s.Update(ctx, func(tx *store.Tx) error {
		now, err := a.agents.Get(tx, r.ID)
		if err != nil {
			return err
		}
		if now.Password != checked || now.Disabled {
			return ErrOldPassword
		}
		if err := a.replacePassword(tx, now, r.Password, id.Session.ID); err != nil {
			return err
		}
		return a.Record(tx, "password.changed", by, "")
	})
}

// SetPassword sets somebody's password without knowing the old one: for the
// command line. It ends all his sessions and links. Errors: ErrNotFound,
// *WeakPasswordError.
func (a *Auth) SetPassword(ctx context.Context, by Actor, id uint64, password string) error {
	agent, err := a.Agent(id)
	if err != nil {
		return err
	}
	fresh := record{Agent: agent}
	if err := a.setHash(ctx, &fresh, password); err != nil {
		return err
	}
	return a.s.Update(ctx, func(tx *store.Tx) error {
		r, err := a.agents.Get(tx, id)
		if err != nil {
			return found(err)
		}
		if err := a.replacePassword(tx, r, fresh.Password, 0); err != nil {
			return err
		}
		return a.Record(tx, "password.set", by, r.describe())
	})
}

// replacePassword stores a new hash and ends all that the old one had opened,
// except one session.
func (a *Auth) replacePassword(tx *store.Tx, r *record, hash string, except uint64) error {
	r.Password, r.Invited = hash, false
	return errors.Join(
		deleteOf(tx, a.sessions, r.ID, except),
		deleteOf(tx, a.links, r.ID, 0),
		a.agents.Put(tx, r.ID, r),
	)
}
