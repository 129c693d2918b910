// Package accounts holds the configured accounts of the hub: those of the
// configuration file, which are read-only here, and those that an admin adds in
// the browser.
//
// On disk, in the store:
//
//	table accounts       the added accounts; their secrets only sealed
//	values accounts      "key": the ID of the key that sealed them
//	values accounts.saved "ACCOUNT/SETTING": what a connector saved over a
//	                     setting of the file (a rotated refresh token), sealed
//
// Secrets are sealed with AES-256-GCM under the key file (LoadKey), bound to
// their account and setting. They leave the package only through Get and
// Prepare, which a connector needs; no error, log line or printed value holds
// one. Reads always go to the store: nothing but the file's accounts is kept in
// memory. The package knows no channel by name and runs no connector.
package accounts

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"throughline/config"
	"throughline/connectors"
	"throughline/store"
)

// Errors to test for with errors.Is; their texts are for people. *Invalid is
// the error for wrong settings.
var (
	ErrNotFound = fmt.Errorf("account %w", store.ErrNotFound)
	ErrExists   = errors.New("there is already an account with this id; choose another one")
	ErrFromFile = errors.New("this account is set in the configuration file; change it there and restart")
	// ErrStale is returned by Save when an admin has set the same setting anew
	// since the connector was started.
	ErrStale = errors.New("the setting was changed meanwhile; the newer value stays")
	// ErrBusy is returned by Update when others kept changing the account.
	ErrBusy = errors.New("the account is being changed by others; try again")
)

const (
	valuesBucket = "accounts"
	keyIDValue   = "key"
	savedBucket  = "accounts.saved"
	indexID      = "id"
	// fileRevision is the Revision of accounts of the file, which never change
	// while the program runs.
	fileRevision = 1
	updateTries  = 10
)

// Account is an account as it may be shown. It holds no secret.
type Account struct {
	ID       string
	Channel  string
	Name     string
	FromFile bool // read-only: it stands in the configuration file
	Disabled bool // its connector is not to run
	// Revision changes whenever a connector of the account has to be made anew.
	Revision uint64
	// Settings are those that are set, secrets as true.
	Settings map[string]any
	Created  time.Time // zero for accounts of the file
	Changed  time.Time // by an admin; zero for accounts of the file
}

// NewAccount is an account to be created. Settings is as Change.Settings.
type NewAccount struct {
	ID       string
	Channel  string
	Name     string // "" means the ID
	Disabled bool
	Settings map[string]any
}

// Change is what is to change of an account; nil fields stay.
type Change struct {
	Name     *string
	Disabled *bool
	// Settings in the types of encoding/json. Absent keys keep their value, and
	// so does a secret given as true (which is how it is shown); null and ""
	// clear it.
	Settings map[string]any
}

// Invalid lists everything that is wrong with an account; the texts say what to
// write instead and never repeat a secret.
type Invalid struct {
	Fields   []*connectors.SettingsError // of the account: id, channel, name
	Settings []*connectors.SettingsError // of its settings; Key "" blames them as a whole
}

func (e *Invalid) Error() string {
	var lines []string
	for _, f := range e.Fields {
		lines = append(lines, f.Error())
	}
	for _, s := range e.Settings {
		if s.Key == "" {
			lines = append(lines, s.Text)
		} else {
			lines = append(lines, "settings."+s.Error())
		}
	}
	return strings.Join(lines, "; ")
}

func (e *Invalid) orNil() error {
	if len(e.Fields)+len(e.Settings) == 0 {
		return nil
	}
	return e
}

// record is an account in the store.
type record struct {
	Account  string            `json:"account"`
	Channel  string            `json:"channel"`
	Name     string            `json:"name"`
	Disabled bool              `json:"disabled,omitempty"`
	Settings map[string]any    `json:"settings,omitempty"`
	Sealed   map[string][]byte `json:"sealed,omitempty"`
	Revision uint64            `json:"revision"`
	// Set has the revision at which an admin last set or cleared a secret or a
	// saved setting.
	Set     map[string]uint64 `json:"set,omitempty"`
	Created time.Time         `json:"created"`
	Changed time.Time         `json:"changed"`
}

// Accounts are the accounts of one hub. Its methods may be used by several
// goroutines once Start has returned.
type Accounts struct {
	store    *store.Store
	table    *store.Table[record]
	key      Key
	kinds    []connectors.Kind
	file     map[string]config.Account
	defaults map[string]any

	mu       sync.Mutex
	watchers map[chan struct{}]struct{}
}

// New declares the tables. Call Start before anything else.
func New(s *store.Store, key Key, kinds []connectors.Kind) *Accounts {
	return &Accounts{
		store: s,
		table: store.NewTable(s, "accounts", store.TableOptions[record]{
			Indexes: []store.Index[record]{{
				Name:   indexID,
				Unique: true,
				Keys:   func(r *record) []store.Key { return []store.Key{store.K().Str(r.Account)} },
			}},
		}),
		key:      key,
		kinds:    kinds,
		file:     map[string]config.Account{},
		watchers: map[chan struct{}]struct{}{},
	}
}

// Options for Start.
type Options struct {
	// File are the accounts of the configuration file, checked by config.Load.
	File []config.Account
	// Defaults are settings of the whole hub that accounts fall back on where
	// their Kind has a Field of that key and they have no value of their own,
	// for example default_charset.
	Defaults map[string]any
	// Forget drops stored secrets that another key sealed, instead of failing:
	// they have to be typed in again.
	Forget bool
}

// Start takes over the accounts of the file. It fails with all accounts whose
// ID is both in the file and in the store, and when the key is not the one that
// sealed the stored secrets.
func (a *Accounts) Start(ctx context.Context, o Options) error {
	var clash []string
	err := a.store.Update(ctx, func(tx *store.Tx) error {
		clash = nil
		for _, f := range o.File {
			if _, ok := a.table.Lookup(tx, indexID, store.K().Str(f.ID)); ok {
				clash = append(clash, f.ID)
			}
		}
		return a.checkKey(tx, o.Forget)
	})
	if err != nil {
		return err
	}
	if len(clash) > 0 {
		return fmt.Errorf("accounts: also added in the browser: %s; give them another id in the configuration file, or delete them in the browser (start once without them in the file)",
			strings.Join(clash, ", "))
	}
	for _, f := range o.File {
		a.file[f.ID] = f
	}
	a.defaults = maps.Clone(o.Defaults)
	return nil
}

// checkKey compares the key with the one that sealed what is stored. A store
// without sealed secrets takes any key.
func (a *Accounts) checkKey(tx *store.Tx, forget bool) error {
	was := string(tx.GetValue(valuesBucket, keyIDValue))
	if was == a.key.ID() {
		return nil
	}
	if was != "" {
		sealed := false
		for range tx.Values(savedBucket) {
			sealed = true
		}
		for r, err := range a.all(tx) {
			if err != nil {
				return err
			}
			sealed = sealed || len(r.Sealed) > 0
		}
		if sealed && forget {
			if err := a.forget(tx); err != nil {
				return err
			}
		} else if sealed {
			return &KeyError{Path: a.key.k.path, Have: a.key.ID(), Want: was}
		}
	}
	return tx.PutValue(valuesBucket, keyIDValue, []byte(a.key.ID()))
}

// forget drops all sealed values.
func (a *Accounts) forget(tx *store.Tx) error {
	var records []*record
	for r, err := range a.all(tx) {
		if err != nil {
			return err
		}
		records = append(records, r)
	}
	for _, r := range records {
		id, _ := a.table.Lookup(tx, indexID, store.K().Str(r.Account))
		r.Sealed = nil
		r.Revision++
		if err := a.table.Put(tx, id, r); err != nil {
			return err
		}
	}
	var saved []string
	for key := range tx.Values(savedBucket) {
		saved = append(saved, key)
	}
	for _, key := range saved {
		if err := tx.PutValue(savedBucket, key, nil); err != nil {
			return err
		}
	}
	return nil
}

// KeyError tells that the stored secrets were sealed with another key.
type KeyError struct {
	Path       string // of the key file
	Have, Want string // IDs of keys
}

func (e *KeyError) Error() string {
	return fmt.Sprintf("accounts: the key file does not match: %s holds key %s, the secrets in the data folder need key %s; restore %s from the copy you kept, or start once with -forget-secrets and type the passwords in again",
		e.Path, e.Have, e.Want, e.Path)
}

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

// Watch returns a channel that receives after every change that List shows. It
// holds one signal, which means "look again": compare Revision and Disabled of
// each account. What connectors Save is no such change. stop ends the watch;
// the channel is never closed.
func (a *Accounts) Watch() (wake <-chan struct{}, stop func()) {
	ch := make(chan struct{}, 1)
	a.mu.Lock()
	a.watchers[ch] = struct{}{}
	a.mu.Unlock()
	return ch, func() {
		a.mu.Lock()
		delete(a.watchers, ch)
		a.mu.Unlock()
	}
}

func (a *Accounts) wake() {
	a.mu.Lock()
	defer a.mu.Unlock()
	for ch := range a.watchers {
		select {
		case ch <- struct{}{}:
		default: // it has yet to look
		}
	}
}
