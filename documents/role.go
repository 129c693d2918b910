package documents

import (
	"errors"
	"slices"

	"throughline/store"
)

// ErrRole refuses an act for which the rules ask for more than a role.
var ErrRole = errors.New("your role does not allow this: ask an admin")

// As is the library for one act of somebody of a role. What the rules hide from him
// is not there, and what they do not let him do is refused with ErrRole, both asked in
// the transaction that does it: a change of rules or of a type holds at once. Without
// As nobody is asked.
func (l *Library) As(role, act string) *Library {
	as := *l
	as.role, as.act = role, act
	return &as
}

// may refuses what the role of As does not see or may not do.
func (l *Library) may(tx *store.Tx, d *Document) error {
	if l.role == "" {
		return nil
	}
	rules, err := l.Rules(tx)
	switch {
	case err != nil:
		return err
	case slices.Index(roleOrder, l.role) < slices.Index(roleOrder, rules.Least(l.act)):
		return ErrRole
	case d != nil && !rules.Sees(l.role, d.Type):
		return ErrNotFound
	}
	return nil
}

// mayGive refuses a type that the role of As would not see.
func (l *Library) mayGive(tx *store.Tx, typ string) error {
	if l.role == "" {
		return nil
	}
	rules, err := l.Rules(tx)
	if err == nil && !rules.Sees(l.role, typ) {
		err = &InvalidError{"type", "only managers see documents of this type: choose another one"}
	}
	return err
}
