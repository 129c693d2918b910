package accounts

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"throughline/config"
	"throughline/connectors"
	"throughline/store"
)

// List returns all accounts in the order of their IDs, disabled ones too. Within
// a transaction use ListTx.
func (a *Accounts) List() (out []Account, err error) {
	err = a.store.View(func(tx *store.Tx) error {
		out, err = a.ListTx(tx)
		return err
	})
	return out, err
}

// ListTx is List within a transaction of the caller.
func (a *Accounts) ListTx(tx *store.Tx) ([]Account, error) {
	var out []Account
	for _, f := range a.file {
		out = append(out, a.showFile(f))
	}
	for r, err := range a.all(tx) {
		if err != nil {
			return nil, err
		}
		out = append(out, a.show(r))
	}
	slices.SortFunc(out, func(x, y Account) int { return strings.Compare(x.ID, y.ID) })
	return out, nil
}

// Face is what people know an account by.
type Face struct{ ID, Channel, Name string }

// Faces are those of all accounts, in no order. It is much quicker than ListTx: every
// frame of the live stream asks for them.
func (a *Accounts) Faces(tx *store.Tx) ([]Face, error) {
	out := make([]Face, 0, len(a.file))
	for _, f := range a.file {
		out = append(out, Face{f.ID, f.Channel, f.Name})
	}
	for e := range a.table.Scan(tx, store.Range{Index: indexID}) {
		r, err := a.table.Peek(tx, e.ID)
		if err != nil {
			return nil, err
		}
		out = append(out, Face{r.Account, r.Channel, r.Name})
	}
	return out, nil
}

// Show returns one account, without its secrets, or ErrNotFound.
func (a *Accounts) Show(id string) (Account, error) {
	if f, ok := a.file[id]; ok {
		return a.showFile(f), nil
	}
	var out Account
	err := a.store.View(func(tx *store.Tx) error {
		_, r, err := a.read(tx, id)
		if err == nil {
			out = a.show(r)
		}
		return err
	})
	return out, err
}

// Get returns an account as its connector needs it, with its secrets in the
// clear, or ErrNotFound.
func (a *Accounts) Get(id string) (connectors.Account, error) {
	var out connectors.Account
	err := a.store.View(func(tx *store.Tx) error {
		acc, values, err := a.open(tx, id)
		if err != nil {
			return err
		}
		out, err = a.finish(acc, values)
		return err
	})
	return out, err
}

// finish adds the defaults and makes the form for connectors.
func (a *Accounts) finish(acc Account, values map[string]any) (connectors.Account, error) {
	kind, _ := config.FindKind(a.kinds, acc.Channel)
	for _, f := range kind.Fields {
		if d, ok := a.defaults[f.Key]; ok && values[f.Key] == nil {
			values[f.Key] = d
		}
	}
	b, err := json.Marshal(values)
	if err != nil {
		return connectors.Account{}, fmt.Errorf("accounts: the settings of %s cannot be passed on", acc.ID)
	}
	return connectors.Account{ID: acc.ID, Channel: acc.Channel, Name: acc.Name, Settings: b}, nil
}

// open reads an account with its secrets in the clear. values is the caller's.
func (a *Accounts) open(tx *store.Tx, id string) (Account, map[string]any, error) {
	if f, ok := a.file[id]; ok {
		values, err := a.openFile(tx, f)
		return a.showFile(f), values, err
	}
	_, r, err := a.read(tx, id)
	if err != nil {
		return Account{}, nil, err
	}
	// Only what the Kind has a Field for: an older one may have had others.
	values := map[string]any{}
	kind, _ := config.FindKind(a.kinds, r.Channel)
	for _, f := range kind.Fields {
		if sealed, ok := r.Sealed[f.Key]; ok {
			if values[f.Key], err = a.key.open(id, f.Key, sealed); err != nil {
				return Account{}, nil, err
			}
		} else if v, ok := r.Settings[f.Key]; ok {
			values[f.Key] = v
		}
	}
	return a.show(r), values, nil
}

// read finds a stored account.
func (a *Accounts) read(tx *store.Tx, id string) (uint64, *record, error) {
	row, ok := a.table.Lookup(tx, indexID, store.K().Str(id))
	if !ok {
		return 0, nil, ErrNotFound
	}
	r, err := a.table.Get(tx, row)
	return row, r, err
}

// show redacts a record.
func (a *Accounts) show(r *record) Account {
	settings := maps.Clone(r.Settings)
	if settings == nil {
		settings = map[string]any{}
	}
	for key := range r.Sealed {
		settings[key] = true
	}
	a.redact(r.Channel, settings)
	return Account{ID: r.Account, Channel: r.Channel, Name: r.Name, Disabled: r.Disabled, Revision: r.Revision,
		Settings: settings, Created: r.Created, Changed: r.Changed}
}

func (a *Accounts) showFile(f config.Account) Account {
	settings := fileValues(f)
	a.redact(f.Channel, settings)
	return Account{ID: f.ID, Channel: f.Channel, Name: f.Name, FromFile: true, Disabled: f.Disabled,
		Revision: fileRevision, Settings: settings}
}

// redact replaces secrets by true, in place.
func (a *Accounts) redact(channel string, settings map[string]any) {
	kind, _ := config.FindKind(a.kinds, channel)
	for _, f := range kind.Fields {
		if f.Type == "secret" && settings[f.Key] != nil {
			settings[f.Key] = true
		}
	}
}

// fileValues are the settings of an account of the file.
func fileValues(f config.Account) map[string]any {
	values := map[string]any{}
	// config.Load made it: a JSON object.
	_ = json.Unmarshal(f.Settings, &values)
	return values
}
