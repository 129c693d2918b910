package auth

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/mail"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"throughline/store"
)

// Role is what an agent may do; each role may all that the ones below may.
type Role string

// The roles, from least to most.
const (
	RoleAgent   Role = "agent"
	RoleManager Role = "manager"
	RoleAdmin   Role = "admin"
)

func (r Role) rank() int {
	switch r {
	case RoleAgent:
		return 1
	case RoleManager:
		return 2
	case RoleAdmin:
		return 3
	}
	return 0
}

// AtLeast reports whether r may do what needs min. A role that does not exist
// may nothing, and nothing is enough for one.
func (r Role) AtLeast(min Role) bool { return min.rank() > 0 && r.rank() >= min.rank() }

// Limits of an agent's fields.
const (
	MaxName      = 200  // bytes
	MaxEmail     = 254  // bytes, RFC 5321 section 4.5.3.1.3 without the brackets
	MaxSignature = 4000 // characters
)

// Agent is a person who works in the hub.
type Agent struct {
	ID          uint64      `json:"id"`
	Name        string      `json:"name"`
	Email       string      `json:"email"` // as typed; unique without regard to case
	Role        Role        `json:"role"`
	Disabled    bool        `json:"disabled,omitempty"`
	Invited     bool        `json:"invited,omitempty"` // has not yet set a password
	Created     time.Time   `json:"created"`
	LastSeen    time.Time   `json:"last_seen,omitzero"` // up to two minutes late
	Preferences Preferences `json:"preferences,omitzero"`
}

// activeAdmin: somebody who can sign in and administer the hub.
func (a *Agent) activeAdmin() bool { return a.Role == RoleAdmin && !a.Disabled && !a.Invited }

// Preferences are an agent's own settings. Empty is the default of each.
type Preferences struct {
	Language     string `json:"language,omitempty"`      // en, fa, th
	Theme        string `json:"theme,omitempty"`         // light, dark
	Density      string `json:"density,omitempty"`       // comfortable, compact
	AfterResolve string `json:"after_resolve,omitempty"` // next, stay, list
	Signature    string `json:"signature,omitempty"`     // plain text
	Availability string `json:"availability,omitempty"`  // online, busy, away
}

func (p Preferences) check() error {
	for _, f := range []struct {
		name, value string
		allowed     []string
	}{
		{"language", p.Language, []string{"en", "fa", "th"}},
		{"theme", p.Theme, []string{"light", "dark"}},
		{"density", p.Density, []string{"comfortable", "compact"}},
		{"after_resolve", p.AfterResolve, []string{"next", "stay", "list"}},
		{"availability", p.Availability, []string{"online", "busy", "away"}},
	} {
		if f.value != "" && !slices.Contains(f.allowed, f.value) {
			return &FieldError{f.name, "use one of " + strings.Join(f.allowed, ", ") + ", or nothing"}
		}
	}
	if !utf8.ValidString(p.Signature) || strings.ContainsFunc(p.Signature, notText) || utf8.RuneCountInString(p.Signature) > MaxSignature {
		return &FieldError{"signature", fmt.Sprintf("use at most %d characters of plain text", MaxSignature)}
	}
	return nil
}

// record is an agent as stored. The hash never leaves the package.
type record struct {
	Agent
	Password string `json:"password,omitempty"` // PHC string, empty while invited
}

// Actor is who makes a change and from where, for the audit log. Agent 0 is the
// command line.
type Actor struct {
	Agent   uint64
	Address string
}

// NewAgent describes an agent to be created.
type NewAgent struct {
	Name, Email string
	Role        Role
	Password    string // may be empty: then only a link lets the agent in
}

// CreateAgent adds an agent. Errors: *FieldError, *WeakPasswordError, ErrEmailTaken.
func (a *Auth) CreateAgent(ctx context.Context, by Actor, n NewAgent) (Agent, error) {
	r, err := newRecord(n.Name, n.Email, n.Role)
	if err == nil && n.Password != "" {
		err = a.setHash(ctx, &r, n.Password)
	}
	if err != nil {
		return Agent{}, err
	}
	err = a.s.Update(ctx, func(tx *store.Tx) error {
		if err := a.insert(tx, &r); err != nil {
			return err
		}
		return a.Record(tx, "agent.created", by, r.describe()+", "+string(r.Role))
	})
	return r.Agent, err
}

// newRecord checks the fields of an agent without a password.
func newRecord(name, email string, role Role) (record, error) {
	r := record{Agent: Agent{Role: role, Invited: true}}
	var err error
	if r.Name, err = cleanName(name); err != nil {
		return r, err
	}
	if r.Email, err = cleanEmail(email); err != nil {
		return r, err
	}
	return r, role.check()
}

func (r Role) check() error {
	if r.rank() == 0 {
		return &FieldError{"role", "use agent, manager or admin"}
	}
	return nil
}

// setHash checks and hashes a new password: outside of any transaction, since it
// takes long.
func (a *Auth) setHash(ctx context.Context, r *record, password string) error {
	if err := checkPassword(password, r.Email, r.Name); err != nil {
		return err
	}
	h, err := a.hasher.hash(ctx, password)
	if err != nil {
		return err
	}
	r.Password, r.Invited = h, false
	return nil
}

// insert stores a new agent under a fresh id.
func (a *Auth) insert(tx *store.Tx, r *record) error {
	r.ID, r.Created = tx.NextID(), tx.Now()
	err := a.agents.Insert(tx, r.ID, r)
	if dup := (*store.DuplicateError)(nil); errors.As(err, &dup) {
		return ErrEmailTaken
	}
	return err
}

// describe names an agent in the audit log.
func (a *Agent) describe() string { return fmt.Sprintf("%s <%s>", a.Name, a.Email) }

// Change says what to change of an agent; nil leaves a field alone.
type Change struct {
	Name     *string
	Role     *Role
	Disabled *bool
}

// UpdateAgent changes an agent. Disabling ends his sessions and takes away his
// API keys and links for good. Errors: ErrNotFound, ErrLastAdmin, *FieldError.
func (a *Auth) UpdateAgent(ctx context.Context, by Actor, id uint64, c Change) (Agent, error) {
	if c.Name != nil {
		name, err := cleanName(*c.Name)
		if err != nil {
			return Agent{}, err
		}
		c.Name = &name
	}
	if c.Role != nil {
		if err := c.Role.check(); err != nil {
			return Agent{}, err
		}
	}
	var out Agent
	err := a.s.Update(ctx, func(tx *store.Tx) error {
		r, err := a.agents.Get(tx, id)
		if err != nil {
			return found(err)
		}
		was, changes := r.Agent, []string(nil)
		if c.Name != nil && *c.Name != r.Name {
			changes = append(changes, "name "+r.Name+" → "+*c.Name)
			r.Name = *c.Name
		}
		if c.Role != nil && *c.Role != r.Role {
			changes = append(changes, "role "+string(r.Role)+" → "+string(*c.Role))
			r.Role = *c.Role
		}
		if c.Disabled != nil && *c.Disabled != r.Disabled {
			r.Disabled = *c.Disabled
			if r.Disabled {
				changes = append(changes, "disabled")
			} else {
				changes = append(changes, "enabled")
			}
		}
		if out = r.Agent; len(changes) == 0 {
			return nil
		}
		if was.activeAdmin() && !r.activeAdmin() {
			if err := a.otherAdmin(tx, id); err != nil {
				return err
			}
		}
		if r.Disabled && !was.Disabled {
			if err := a.revoke(tx, id); err != nil {
				return err
			}
		}
		if err := a.agents.Put(tx, id, r); err != nil {
			return err
		}
		return a.Record(tx, "agent.changed", by, was.describe()+": "+strings.Join(changes, ", "))
	})
	return out, err
}

// otherAdmin returns ErrLastAdmin unless somebody besides id can administer.
func (a *Auth) otherAdmin(tx *store.Tx, id uint64) error {
	for r, err := range a.agents.All(tx, store.Range{}) {
		if err != nil {
			return err
		}
		if r.ID != id && r.activeAdmin() {
			return nil
		}
	}
	return ErrLastAdmin
}

// revoke takes away everything an agent could still come in with.
func (a *Auth) revoke(tx *store.Tx, id uint64) error {
	return errors.Join(
		deleteOf(tx, a.sessions, id, 0),
		deleteOf(tx, a.keys, id, 0),
		deleteOf(tx, a.links, id, 0),
	)
}

// deleteOf deletes an agent's records of a table except one.
func deleteOf[V any](tx *store.Tx, t *store.Table[V], agent, except uint64) error {
	for e := range t.Scan(tx, store.Range{Index: "agent", Prefix: store.K().Uint(agent)}) {
		if e.ID == except {
			continue
		}
		if err := t.Delete(tx, e.ID); err != nil {
			return err
		}
	}
	return nil
}

// SetPreferences replaces an agent's own settings. Errors: ErrNotFound, *FieldError.
func (a *Auth) SetPreferences(ctx context.Context, id uint64, p Preferences) (Agent, error) {
	if err := p.check(); err != nil {
		return Agent{}, err
	}
	var out Agent
	err := a.s.Update(ctx, func(tx *store.Tx) error {
		r, err := a.agents.Get(tx, id)
		if err != nil {
			return found(err)
		}
		r.Preferences = p
		out = r.Agent
		return a.agents.Put(tx, id, r)
	})
	return out, err
}

// Agents returns all agents, disabled ones too, by name.
func (a *Auth) Agents() (list []Agent, err error) {
	err = a.s.View(func(tx *store.Tx) error {
		list, err = a.AgentsTx(tx)
		return err
	})
	return list, err
}

// AgentsTx is Agents within a transaction of the caller.
func (a *Auth) AgentsTx(tx *store.Tx) ([]Agent, error) {
	var list []Agent
	for r, err := range a.agents.All(tx, store.Range{}) {
		if err != nil {
			return nil, err
		}
		list = append(list, r.Agent)
	}
	slices.SortFunc(list, func(x, y Agent) int {
		return cmp.Or(strings.Compare(strings.ToLower(x.Name), strings.ToLower(y.Name)), cmp.Compare(x.ID, y.ID))
	})
	return list, nil
}

// Names returns what each agent is called, disabled ones too, within a transaction of
// the caller.
func (a *Auth) Names(tx *store.Tx) (map[uint64]string, error) {
	list, err := a.AgentsTx(tx)
	names := make(map[uint64]string, len(list))
	for _, agent := range list {
		names[agent.ID] = agent.Name
	}
	return names, err
}

// Agent returns one agent, or ErrNotFound.
func (a *Auth) Agent(id uint64) (agent Agent, err error) {
	err = a.s.View(func(tx *store.Tx) error {
		agent, err = a.AgentTx(tx, id)
		return err
	})
	return agent, err
}

// AgentTx is Agent within a transaction of the caller.
func (a *Auth) AgentTx(tx *store.Tx, id uint64) (Agent, error) {
	r, err := a.agents.Get(tx, id)
	if err != nil {
		return Agent{}, found(err)
	}
	return r.Agent, nil
}

// AgentByEmail returns the agent with an email address, or ErrNotFound.
func (a *Auth) AgentByEmail(email string) (agent Agent, err error) {
	err = a.s.View(func(tx *store.Tx) error {
		r, err := a.byEmail(tx, email)
		if err != nil {
			return err
		}
		if r == nil {
			return ErrNotFound
		}
		agent = r.Agent
		return nil
	})
	return agent, err
}

// IDByEmail finds the agent with an email address who may sign in; ok is false if
// there is none.
func (a *Auth) IDByEmail(tx *store.Tx, email string) (id uint64, ok bool, err error) {
	r, err := a.byEmail(tx, email)
	if err != nil || r == nil || r.Disabled {
		return 0, false, err
	}
	return r.ID, true, nil
}

// byEmail returns nil if there is nobody.
func (a *Auth) byEmail(tx *store.Tx, email string) (*record, error) {
	k := emailIndex(email)
	if len(k) > MaxEmail+1 {
		return nil, nil
	}
	id, ok := a.agents.Lookup(tx, "email", k)
	if !ok {
		return nil, nil
	}
	return a.agents.Get(tx, id)
}

// foldEmail is what makes two spellings of an address the same.
func foldEmail(email string) string {
	return strings.ToLower(norm.NFC.String(strings.TrimSpace(email)))
}

func emailIndex(email string) store.Key { return store.K().Str(foldEmail(email)) }

// notText are control characters other than the ends of lines.
func notText(r rune) bool { return unicode.IsControl(r) && r != '\n' && r != '\r' && r != '\t' }

// turns are the characters that turn the direction of the text behind them: a
// name with one could pass for another.
func turns(r rune) bool { return r >= 0x202a && r <= 0x202e || r >= 0x2066 && r <= 0x2069 }

func cleanName(s string) (string, error) {
	s = strings.TrimSpace(s)
	if s == "" || len(s) > MaxName || !utf8.ValidString(s) || strings.ContainsFunc(s, unicode.IsControl) || strings.ContainsFunc(s, turns) {
		return "", &FieldError{"name", fmt.Sprintf("use 1 to %d bytes on one line, without characters that turn its direction", MaxName)}
	}
	return s, nil
}

func cleanEmail(s string) (string, error) {
	s = norm.NFC.String(strings.TrimSpace(s))
	p, err := mail.ParseAddress(s)
	if err != nil || p.Address != s || len(s) > MaxEmail || len(foldEmail(s)) > MaxEmail || strings.ContainsFunc(s, unicode.IsControl) {
		return "", &FieldError{"email", "use an address like ann@example.org"}
	}
	return s, nil
}

// found turns the store's word for a missing record into ours.
func found(err error) error {
	if errors.Is(err, store.ErrNotFound) {
		return ErrNotFound
	}
	return err
}
