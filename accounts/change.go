package accounts

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"maps"
	"slices"
	"strings"

	"throughline/config"
	"throughline/connectors"
	"throughline/store"
)

// all goes through the stored accounts in the order of their IDs.
func (a *Accounts) all(tx *store.Tx) iter.Seq2[*record, error] {
	return a.table.All(tx, store.Range{Index: indexID})
}

// Validate checks the settings of an account that is to be: types, what is
// required, choices, and when these are right whatever the Kind itself demands.
// Everything wrong is returned at once; nil means that Kind.New takes them.
func (a *Accounts) Validate(channel string, settings map[string]any) []*connectors.SettingsError {
	_, err := a.Prepare("", channel, settings)
	if inv, ok := errors.AsType[*Invalid](err); ok {
		return append(inv.Fields, inv.Settings...)
	}
	if err != nil {
		return []*connectors.SettingsError{{Text: err.Error()}}
	}
	return nil
}

// Prepare returns an account with settings that are not (yet) stored, for
// trying them: what Create, or Update where id is known, would make of them.
// The error is *Invalid if they are wrong.
func (a *Accounts) Prepare(id, channel string, settings map[string]any) (connectors.Account, error) {
	acc, values := Account{ID: id, Channel: channel, Name: id}, map[string]any{}
	if id != "" {
		err := a.store.View(func(tx *store.Tx) error {
			known, old, err := a.open(tx, id)
			if errors.Is(err, ErrNotFound) {
				return nil
			}
			if err == nil {
				acc, values = known, old
			}
			return err
		})
		if err != nil {
			return connectors.Account{}, err
		}
	}
	if channel != "" && channel != acc.Channel {
		return connectors.Account{}, &Invalid{Fields: []*connectors.SettingsError{{Key: "channel", Text: "of an account cannot change; add a new account"}}}
	}
	out, _, invalid := a.check(acc, values, settings)
	return out, invalid.orNil()
}

// check applies changed settings to the old values and has them checked. It
// returns the account for a connector and its own normalised values.
func (a *Accounts) check(acc Account, old, changed map[string]any) (connectors.Account, map[string]any, *Invalid) {
	invalid := &Invalid{}
	kind, wrong := config.FindKind(a.kinds, acc.Channel)
	if wrong != "" {
		invalid.Fields = append(invalid.Fields, &connectors.SettingsError{Key: "channel", Text: wrong})
		return connectors.Account{}, nil, invalid
	}
	merged := maps.Clone(old)
	for key, v := range changed {
		if v == true && isSecret(kind, key) {
			continue // as it was shown: keep it
		}
		merged[key] = v
	}
	values, errs := config.CheckSettings(kind.Fields, merged)
	invalid.Settings = append(errs, unsent(kind, old, changed, values)...)
	// The Kind sees the wrong values too, so that what it says of the other
	// settings is right.
	blamed := map[string]bool{}
	all := maps.Clone(values)
	for _, e := range invalid.Settings {
		blamed[e.Key] = true
		if v := merged[e.Key]; v != nil {
			all[e.Key] = v
		}
	}
	out, err := a.finish(acc, all)
	if err != nil {
		invalid.Settings = append(invalid.Settings, &connectors.SettingsError{Text: err.Error()})
		return out, values, invalid
	}
	for _, e := range config.TryKind(kind, out, all) {
		if !blamed[e.Key] && (e.Key != "" || len(blamed) == 0) {
			invalid.Settings = append(invalid.Settings, e)
		}
	}
	return out, values, invalid
}

func isSecret(kind connectors.Kind, key string) bool {
	for _, f := range kind.Fields {
		if f.Key == key {
			return f.Type == "secret"
		}
	}
	return false
}

// unsent blames the secrets that are kept while a setting changes that decides
// where they are sent. A wrong setting counts as changed.
func unsent(kind connectors.Kind, old, changed, values map[string]any) []*connectors.SettingsError {
	var out []*connectors.SettingsError
	for _, f := range kind.Fields {
		given, anew := changed[f.Key]
		if f.Type != "secret" || old[f.Key] == nil || anew && given != true {
			continue
		}
		for _, to := range kind.Fields {
			if slices.Contains(f.SentTo, to.Key) && place(to, old[to.Key]) != place(to, values[to.Key]) {
				out = append(out, &connectors.SettingsError{Key: f.Key, Text: fmt.Sprintf(
					"has to be typed in again, because %s changes: a stored secret is not sent anywhere but where it was meant for", cmp.Or(to.Label, to.Key))})
				break
			}
		}
	}
	return out
}

// place is a destination in the form in which two are compared: hosts by lower
// case, anything with a path as it is.
func place(f connectors.Field, v any) string {
	if v == nil {
		v = f.Default
	}
	s, ok := v.(string)
	if !ok {
		b, _ := json.Marshal(v) // a number is not the same type on both sides
		return string(b)
	}
	if s = strings.TrimSpace(s); !strings.Contains(s, "/") {
		s = strings.ToLower(s)
	}
	return s
}

// Create adds an account. Errors are *Invalid and ErrExists.
func (a *Accounts) Create(ctx context.Context, n NewAccount) (Account, error) {
	if n.Name = strings.TrimSpace(n.Name); n.Name == "" {
		n.Name = n.ID
	}
	_, values, invalid := a.check(Account{ID: n.ID, Channel: n.Channel, Name: n.Name}, map[string]any{}, n.Settings)
	if wrong := config.CheckID(n.ID); wrong != "" {
		invalid.Fields = append(invalid.Fields, &connectors.SettingsError{Key: "id", Text: wrong})
	}
	if wrong := config.CheckName(n.Name); wrong != "" {
		invalid.Fields = append(invalid.Fields, &connectors.SettingsError{Key: "name", Text: wrong})
	}
	if err := invalid.orNil(); err != nil {
		return Account{}, err
	}
	if _, ok := a.file[n.ID]; ok {
		return Account{}, ErrExists
	}
	r := &record{Account: n.ID, Channel: n.Channel, Name: n.Name, Disabled: n.Disabled}
	for key, v := range values {
		a.set(r, key, v)
	}
	err := a.store.Update(ctx, func(tx *store.Tx) error {
		r.Revision = tx.NextID()
		r.Created, r.Changed = tx.Now(), tx.Now()
		r.Set = map[string]uint64{}
		for key := range values {
			r.Set[key] = r.Revision
		}
		tx.OnCommit(a.wake)
		return a.table.Insert(tx, r.Revision, r)
	})
	if _, ok := errors.AsType[*store.DuplicateError](err); ok {
		return Account{}, ErrExists
	}
	if err != nil {
		return Account{}, err
	}
	return a.show(r), nil
}

// set puts a value where it belongs; nil clears it.
func (a *Accounts) set(r *record, key string, v any) {
	kind, _ := config.FindKind(a.kinds, r.Channel)
	delete(r.Settings, key)
	delete(r.Sealed, key)
	switch {
	case v == nil:
	case isSecret(kind, key):
		if r.Sealed == nil {
			r.Sealed = map[string][]byte{}
		}
		s, _ := v.(string) // CheckSettings made it
		r.Sealed[key] = a.key.seal(r.Account, key, s)
	default:
		if r.Settings == nil {
			r.Settings = map[string]any{}
		}
		r.Settings[key] = v
	}
}

// Update changes an account. Errors are *Invalid, ErrNotFound, ErrFromFile and
// ErrBusy. If nothing is different afterwards the Revision stays.
func (a *Accounts) Update(ctx context.Context, id string, c Change) (Account, error) {
	if _, ok := a.file[id]; ok {
		return Account{}, ErrFromFile
	}
	// The settings are checked outside of the write transaction, because a Kind
	// may take its time, and checked again if the account has changed since.
	for range updateTries {
		out, done, err := a.tryUpdate(ctx, id, c)
		if done || err != nil {
			return out, err
		}
	}
	return Account{}, ErrBusy
}

func (a *Accounts) tryUpdate(ctx context.Context, id string, c Change) (out Account, done bool, err error) {
	var acc Account
	var old map[string]any
	if err := a.store.View(func(tx *store.Tx) (err error) {
		acc, old, err = a.open(tx, id)
		return err
	}); err != nil {
		return Account{}, false, err
	}
	invalid := &Invalid{}
	var values map[string]any
	if c.Settings != nil {
		_, values, invalid = a.check(acc, old, c.Settings)
	}
	name := acc.Name
	if c.Name != nil {
		if name = strings.TrimSpace(*c.Name); name == "" {
			name = id
		}
		if wrong := config.CheckName(name); wrong != "" {
			invalid.Fields = append(invalid.Fields, &connectors.SettingsError{Key: "name", Text: wrong})
		}
	}
	if err := invalid.orNil(); err != nil {
		return Account{}, false, err
	}

	err = a.store.Update(ctx, func(tx *store.Tx) error {
		out, done = Account{}, false
		row, r, err := a.read(tx, id)
		if err != nil {
			return err
		}
		if r.Revision != acc.Revision {
			return nil
		}
		done = true
		var keys []string
		for key := range c.Settings {
			if !same(old[key], values[key]) {
				keys = append(keys, key)
			}
		}
		disabled := r.Disabled
		if c.Disabled != nil {
			disabled = *c.Disabled
		}
		slices.Sort(keys)
		d := Difference{Settings: keys, Name: name != r.Name, Disabled: disabled != r.Disabled}
		if len(keys) == 0 && !d.Name && !d.Disabled {
			out = a.show(r)
			return nil
		}
		if c.Tell != nil {
			if err := c.Tell(tx, d); err != nil {
				return err
			}
		}
		r.Name, r.Disabled = name, disabled
		r.Revision, r.Changed = tx.NextID(), tx.Now()
		for _, key := range keys {
			a.set(r, key, values[key])
			if r.Set == nil {
				r.Set = map[string]uint64{}
			}
			r.Set[key] = r.Revision
		}
		out = a.show(r)
		tx.OnCommit(a.wake)
		return a.table.Put(tx, row, r)
	})
	return out, done, err
}

// Delete removes an account with its secrets. What it brought in stays. Errors
// are ErrNotFound and ErrFromFile.
func (a *Accounts) Delete(ctx context.Context, id string) error {
	if _, ok := a.file[id]; ok {
		return ErrFromFile
	}
	return a.store.Update(ctx, func(tx *store.Tx) error {
		row, _, err := a.read(tx, id)
		if err != nil {
			return err
		}
		tx.OnCommit(a.wake)
		return a.table.Delete(tx, row)
	})
}
