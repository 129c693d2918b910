package auth

import (
	"context"
	"errors"
	"time"

	"throughline/store"
)

// Lifetime of links.
const (
	InvitationLife    = 7 * 24 * time.Hour
	EnterLife         = 10 * time.Minute    // of a one-time sign-in link
	ReusableEnterLife = 30 * 24 * time.Hour // of one that may be used again and again
)

// The kinds of links.
const (
	linkSetup  = "setup"  // makes the first admin; lasts until used or made anew
	linkInvite = "invite" // lets an agent choose a password, the first or a new one
	linkEnter  = "enter"  // signs an agent in
)

// link is a secret that was handed out to be used as part of an address.
type link struct {
	ID       uint64    `json:"id"`
	Kind     string    `json:"kind"`
	Agent    uint64    `json:"agent"` // 0 for setup
	Created  time.Time `json:"created"`
	Expires  time.Time `json:"expires,omitzero"` // zero is never
	Reusable bool      `json:"reusable,omitempty"`
	Hash     []byte    `json:"hash"` // SHA-256 of the token
}

func (l *link) expired(now time.Time) bool { return !l.Expires.IsZero() && !now.Before(l.Expires) }

// addLink stores a link for a token made before the transaction. Older links of
// the same kind for the same agent end, except sign-in links.
func (a *Auth) addLink(tx *store.Tx, token string, l link, life time.Duration) error {
	if l.Kind != linkEnter {
		for old, err := range a.links.All(tx, store.Range{Index: "agent", Prefix: store.K().Uint(l.Agent)}) {
			if err == nil && old.Kind == l.Kind {
				err = a.links.Delete(tx, old.ID)
			}
			if err != nil {
				return err
			}
		}
	}
	l.Hash, _ = tokenHash(token)
	l.ID, l.Created = tx.NextID(), tx.Now()
	if life > 0 {
		l.Expires = l.Created.Add(life)
	}
	return a.links.Insert(tx, l.ID, &l)
}

// findLink returns a link that may be used now, or ErrExpiredLink.
func (a *Auth) findLink(tx *store.Tx, kind, token string) (*link, error) {
	hash, ok := tokenHash(token)
	if !ok {
		return nil, ErrExpiredLink
	}
	id, ok := a.links.Lookup(tx, "token", hash)
	if !ok {
		return nil, ErrExpiredLink
	}
	l, err := a.links.Get(tx, id)
	if err != nil {
		return nil, err
	}
	if l.Kind != kind || l.expired(tx.Now()) {
		return nil, ErrExpiredLink
	}
	return l, nil
}

// findAgentLink returns a usable link and its agent, who is not disabled.
func (a *Auth) findAgentLink(tx *store.Tx, kind, token string) (*link, *record, error) {
	l, err := a.findLink(tx, kind, token)
	if err != nil {
		return nil, nil, err
	}
	r, err := a.agents.Get(tx, l.Agent)
	if err != nil {
		return nil, nil, err
	}
	if r.Disabled {
		return nil, nil, ErrExpiredLink
	}
	return l, r, nil
}

// SetupNeeded reports whether nobody can administer the hub yet.
func (a *Auth) SetupNeeded() (needed bool, err error) {
	err = a.s.View(func(tx *store.Tx) error {
		needed, err = a.setupNeeded(tx)
		return err
	})
	return needed, err
}

func (a *Auth) setupNeeded(tx *store.Tx) (bool, error) {
	err := a.otherAdmin(tx, 0)
	if errors.Is(err, ErrLastAdmin) {
		return true, nil
	}
	return false, err
}

// SetupToken returns a fresh token for Setup and ends the one before, of which
// only a hash was kept. It returns ErrSetupDone once there is an admin.
func (a *Auth) SetupToken(ctx context.Context) (string, error) {
	token := newToken()
	err := a.s.Update(ctx, func(tx *store.Tx) error {
		if needed, err := a.setupNeeded(tx); err != nil {
			return err
		} else if !needed {
			return ErrSetupDone
		}
		return a.addLink(tx, token, link{Kind: linkSetup}, 0)
	})
	if err != nil {
		return "", err
	}
	return token, nil
}

// Setup creates the first admin and signs him in. Of visitors who race for it
// one wins. Errors: ErrSetupDone, ErrExpiredLink, *FieldError,
// *WeakPasswordError, ErrEmailTaken.
func (a *Auth) Setup(ctx context.Context, token, name, email, password string, c Client) (SignedIn, error) {
	check := func(tx *store.Tx) (*link, error) {
		if needed, err := a.setupNeeded(tx); err != nil {
			return nil, err
		} else if !needed {
			return nil, ErrSetupDone
		}
		return a.findLink(tx, linkSetup, token)
	}
	// Strangers get no further than this: no hashing for them.
	if err := a.s.View(func(tx *store.Tx) error { _, err := check(tx); return err }); err != nil {
		return SignedIn{}, err
	}
	fresh, err := newRecord(name, email, RoleAdmin)
	if err == nil {
		err = a.setHash(ctx, &fresh, password)
	}
	if err != nil {
		return SignedIn{}, err
	}
	session := newToken()
	var in SignedIn
	err = a.s.Update(ctx, func(tx *store.Tx) error {
		l, err := check(tx)
		if err != nil {
			return err
		}
		r := fresh
		if err := a.insert(tx, &r); err != nil {
			return err
		}
		if err := a.links.Delete(tx, l.ID); err != nil {
			return err
		}
		in, err = a.signIn(tx, &r, session, c, "setup.done", r.describe())
		return err
	})
	return in, err
}

// Invite adds an agent without a password and returns the token of the link that
// lets him choose one within InvitationLife. Errors: *FieldError, ErrEmailTaken.
func (a *Auth) Invite(ctx context.Context, by Actor, name, email string, role Role) (Agent, string, error) {
	fresh, err := newRecord(name, email, role)
	if err != nil {
		return Agent{}, "", err
	}
	token := newToken()
	var out Agent
	err = a.s.Update(ctx, func(tx *store.Tx) error {
		r := fresh
		if err := a.insert(tx, &r); err != nil {
			return err
		}
		if err := a.addLink(tx, token, link{Kind: linkInvite, Agent: r.ID}, InvitationLife); err != nil {
			return err
		}
		out = r.Agent
		return a.Record(tx, "agent.invited", by, r.describe()+", "+string(role))
	})
	if err != nil {
		return Agent{}, "", err
	}
	return out, token, nil
}

// NewInvitation returns the token of a new link to choose a password; the one
// before it ends. It serves those who have forgotten theirs, which stays valid
// until the link is used. Errors: ErrNotFound, ErrDisabled.
func (a *Auth) NewInvitation(ctx context.Context, by Actor, id uint64) (string, error) {
	token := newToken()
	err := a.s.Update(ctx, func(tx *store.Tx) error {
		r, err := a.agents.Get(tx, id)
		if err != nil {
			return found(err)
		}
		if r.Disabled {
			return ErrDisabled
		}
		if err := a.addLink(tx, token, link{Kind: linkInvite, Agent: id}, InvitationLife); err != nil {
			return err
		}
		return a.Record(tx, "agent.link", by, "link to choose a password for "+r.describe())
	})
	if err != nil {
		return "", err
	}
	return token, nil
}

// Invitation returns whom an invitation is for, or ErrExpiredLink.
func (a *Auth) Invitation(token string) (agent Agent, err error) {
	err = a.s.View(func(tx *store.Tx) error {
		_, r, err := a.findAgentLink(tx, linkInvite, token)
		if err == nil {
			agent = r.Agent
		}
		return err
	})
	return agent, err
}

// AcceptInvitation uses an invitation: it sets the password, and the name unless
// that is empty, ends older sessions and signs in. Errors: ErrExpiredLink,
// *FieldError, *WeakPasswordError.
func (a *Auth) AcceptInvitation(ctx context.Context, token, name, password string, c Client) (SignedIn, error) {
	agent, err := a.Invitation(token)
	if err != nil {
		return SignedIn{}, err
	}
	fresh := record{Agent: agent}
	if name != "" {
		if fresh.Name, err = cleanName(name); err != nil {
			return SignedIn{}, err
		}
	}
	if err := a.setHash(ctx, &fresh, password); err != nil {
		return SignedIn{}, err
	}
	session := newToken()
	var in SignedIn
	err = a.s.Update(ctx, func(tx *store.Tx) error {
		_, r, err := a.findAgentLink(tx, linkInvite, token)
		if err != nil {
			return err
		}
		if name != "" {
			r.Name = fresh.Name
		}
		if err := a.replacePassword(tx, r, fresh.Password, 0); err != nil {
			return err
		}
		in, err = a.signIn(tx, r, session, c, "agent.accepted", "chose a password by link")
		return err
	})
	return in, err
}

// EnterOptions of a sign-in link. The zero value is a link that works once
// within EnterLife.
type EnterOptions struct {
	Life     time.Duration // 0 is EnterLife, or ReusableEnterLife
	Reusable bool          // works until it expires: for throw-away data
}

// EnterToken returns the token of a link that signs an agent in. Errors:
// ErrNotFound, ErrDisabled.
func (a *Auth) EnterToken(ctx context.Context, by Actor, id uint64, o EnterOptions) (string, error) {
	switch {
	case o.Life > 0:
	case o.Reusable:
		o.Life = ReusableEnterLife
	default:
		o.Life = EnterLife
	}
	token := newToken()
	err := a.s.Update(ctx, func(tx *store.Tx) error {
		r, err := a.agents.Get(tx, id)
		if err != nil {
			return found(err)
		}
		if r.Disabled {
			return ErrDisabled
		}
		if err := a.addLink(tx, token, link{Kind: linkEnter, Agent: id, Reusable: o.Reusable}, o.Life); err != nil {
			return err
		}
		return a.Record(tx, "agent.link", by, "sign-in link for "+r.describe())
	})
	if err != nil {
		return "", err
	}
	return token, nil
}

// Enter signs in by a sign-in link, or returns ErrExpiredLink.
func (a *Auth) Enter(ctx context.Context, token string, c Client) (SignedIn, error) {
	// Strangers do not make the writer work.
	err := a.s.View(func(tx *store.Tx) error { _, err := a.findLink(tx, linkEnter, token); return err })
	if err != nil {
		return SignedIn{}, err
	}
	session := newToken()
	var in SignedIn
	err = a.s.Update(ctx, func(tx *store.Tx) error {
		l, r, err := a.findAgentLink(tx, linkEnter, token)
		if err != nil {
			return err
		}
		if !l.Reusable {
			if err := a.links.Delete(tx, l.ID); err != nil {
				return err
			}
		}
		in, err = a.signIn(tx, r, session, c, "login.link", "")
		return err
	})
	return in, err
}
