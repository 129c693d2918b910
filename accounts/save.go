package accounts

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"

	"throughline/config"
	"throughline/connectors"
	"throughline/store"
)

// same compares two values of a setting, one of which may have been through
// JSON.
func same(x, y any) bool {
	if x == nil || y == nil {
		return x == y
	}
	a, errA := json.Marshal(x)
	b, errB := json.Marshal(y)
	return errA == nil && errB == nil && bytes.Equal(a, b)
}

// saved is what a connector put over a setting of the file. It is stored
// sealed, whatever the type of the setting.
type saved struct {
	Value string `json:"value"`
	// Was is the value in the file at that time: when somebody changes it
	// there, the file counts again.
	Was any `json:"was"`
}

// Saver returns the Host.Save for a connector made of an account at a revision.
func (a *Accounts) Saver(id string, revision uint64) func(ctx context.Context, key, value string) error {
	return func(ctx context.Context, key, value string) error { return a.Save(ctx, id, revision, key, value) }
}

// Save stores a setting that the provider changed, such as a rotated refresh
// token. revision is that of the account when its connector was made: if an
// admin has set the same setting since, that one stays and the error is
// ErrStale. Saving wakes nobody and leaves the Revision, because the connector
// that saves already uses the value.
//
// For an account of the file the value is kept beside it and counts for as long
// as the file's own value is the same.
func (a *Accounts) Save(ctx context.Context, id string, revision uint64, key, value string) error {
	if f, ok := a.file[id]; ok {
		return a.saveFile(ctx, f, key, value)
	}
	return a.store.Update(ctx, func(tx *store.Tx) error {
		row, r, err := a.read(tx, id)
		if err != nil {
			return err
		}
		v, err := a.checkSaved(id, r.Channel, key, value)
		if err != nil {
			return err
		}
		if r.Set[key] > revision {
			return ErrStale
		}
		a.set(r, key, v)
		return a.table.Put(tx, row, r)
	})
}

// checkSaved brings one setting to its form. The error does not repeat it.
func (a *Accounts) checkSaved(id, channel, key, value string) (any, error) {
	kind, wrong := config.FindKind(a.kinds, channel)
	if wrong != "" {
		return nil, fmt.Errorf("accounts: save %s of %s: channel %q %s", key, id, channel, wrong)
	}
	for _, f := range kind.Fields {
		if f.Key != key {
			continue
		}
		out, errs := config.CheckSettings([]connectors.Field{f}, map[string]any{key: value})
		if len(errs) > 0 {
			return nil, fmt.Errorf("accounts: save a setting of %s: %w", id, errs[0])
		}
		return out[key], nil
	}
	return nil, fmt.Errorf("accounts: save a setting of %s: channel %s has none that is called %q", id, channel, key)
}

func (a *Accounts) saveFile(ctx context.Context, f config.Account, key, value string) error {
	if _, err := a.checkSaved(f.ID, f.Channel, key, value); err != nil {
		return err
	}
	b, err := json.Marshal(saved{Value: value, Was: fileValues(f)[key]})
	if err != nil {
		return fmt.Errorf("accounts: save %s of %s: it is not plain UTF-8 text", key, f.ID)
	}
	sealed := a.key.seal(f.ID, key, string(b))
	return a.store.Update(ctx, func(tx *store.Tx) error {
		return tx.PutValue(savedBucket, f.ID+"/"+key, sealed)
	})
}

// openFile returns the settings of an account of the file, with what its
// connector saved over them.
func (a *Accounts) openFile(tx *store.Tx, f config.Account) (map[string]any, error) {
	values := fileValues(f)
	kind, _ := config.FindKind(a.kinds, f.Channel)
	for _, field := range kind.Fields {
		sealed := tx.GetValue(savedBucket, f.ID+"/"+field.Key)
		if sealed == nil {
			continue
		}
		text, err := a.key.open(f.ID, field.Key, sealed)
		if err != nil {
			return nil, err
		}
		var s saved
		if err := json.Unmarshal([]byte(text), &s); err != nil {
			return nil, fmt.Errorf("accounts: what was saved of %s of %s cannot be read; restore a backup", field.Key, f.ID)
		}
		if !same(s.Was, values[field.Key]) {
			continue // changed in the file since
		}
		if v, err := a.checkSaved(f.ID, f.Channel, field.Key, s.Value); err == nil {
			values[field.Key] = v
		}
	}
	return values, nil
}
