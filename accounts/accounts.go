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
	"errors"
	"fmt"
	"maps"
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
	// clear it. A secret is not kept when a setting changes that its Field is
	// SentTo: it has to be given again.
	Settings map[string]any
	// Tell, if set, is called in the transaction of the change when something is
	// different. It may be called again with another transaction.
	Tell func(tx *store.Tx, d Difference) error
}

// Difference is what a change made different, never to what.
type Difference struct {
	Settings       []string // their keys in order
	Name, Disabled bool
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
