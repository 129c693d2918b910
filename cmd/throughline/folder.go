package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"

	"throughline/accounts"
	"throughline/auth"
	"throughline/blob"
	"throughline/config"
	"throughline/connectors"
	"throughline/documents"
	"throughline/inbox"
	"throughline/message"
	"throughline/notify"
	"throughline/people"
	"throughline/store"
)

// The files of a data folder.
const (
	dbFile    = "throughline.db"
	blobDir   = "blobs"
	tempDir   = "tmp"
	adminSock = "admin.sock"
)

// folder is an open data folder with everything that works on it.
type folder struct {
	dir      string
	store    *store.Store
	blobs    *blob.Store
	accounts *accounts.Accounts
	auth     *auth.Auth
	hub      *inbox.Hub
	docs     *documents.Library
	notify   *notify.Notify
	people   *people.People
	idle     bool // nothing runs: a tool has opened it
	// backups are read-locked while one is written: what it names must not be
	// swept before it is in the archive.
	backups sync.RWMutex
}

// folderOptions are what differs between serve, demo and the tools.
type folderOptions struct {
	config   *config.Config
	kinds    []connectors.Kind
	log      *slog.Logger
	throw    bool   // throw-away data: written without fsync
	public   string // where providers reach the hub, "" if they cannot
	forget   bool   // drop secrets that another key sealed
	existing bool   // for a tool: refuse to make a new folder, and do without the secret key
}

// openFolder opens or makes the data folder of a configuration.
func openFolder(ctx context.Context, o folderOptions) (f *folder, err error) {
	dir := o.config.Data
	if o.existing {
		if _, err := os.Stat(filepath.Join(dir, dbFile)); err != nil {
			return nil, fmt.Errorf("%s is not a data folder of throughline: there is no %s in it; name yours with -data", dir, dbFile)
		}
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("data folder: %w", err)
	}
	// What lies in tmp belonged to items that were never accepted: the
	// providers still have them.
	temp := filepath.Join(dir, tempDir)
	f = &folder{dir: dir}
	if f.store, err = store.Open(filepath.Join(dir, dbFile), store.Options{NoSync: o.throw}); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, f.store.Close())
		}
	}()
	if err := os.RemoveAll(temp); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(temp, 0o700); err != nil {
		return nil, err
	}
	if f.blobs, err = blob.Open(filepath.Join(dir, blobDir)); err != nil {
		return nil, err
	}
	// A tool opens no secrets. It must not make a key either: on a restored
	// folder, to which the key is still to be copied, it would be the wrong one.
	var key accounts.Key
	if !o.existing {
		if key, err = accounts.LoadKey(o.config.KeyFile()); err != nil {
			return nil, err
		}
	}
	f.accounts = accounts.New(f.store, key, o.kinds)
	f.auth = auth.New(f.store, auth.Options{Log: o.log, AuditKeep: o.config.AuditKeep})
	zone := cmp.Or(o.config.TimeZone, config.MachineZone())
	if f.hub, err = inbox.New(inbox.Options{
		Store: f.store, Blobs: f.blobs, Accounts: f.accounts, Kinds: o.kinds,
		Agent: f.auth.IDByEmail,
		Undo:  o.config.Undo, ChatPause: o.config.ChatPause, Country: o.config.Country, Zone: zone, PublicURL: o.public, TempDir: temp, Log: o.log,
		Files: func(tx *store.Tx, id uint64, parts []message.Part) error { return f.docs.Arrived(tx, id, parts) },
	}); err != nil {
		return nil, err
	}
	scanner, err := virusScanner(o.config)
	if err != nil {
		return nil, err
	}
	if f.docs, err = documents.New(documents.Options{
		Store: f.store, Blobs: f.blobs, Identity: f.hub.Identity, Timeline: f.hub.Timeline,
		MaxBytes: o.config.Limits.DocumentBytes, KeepLog: o.config.AuditKeep, Extract: textExtractor(), Zone: zone, Scanner: scanner, OpenUnscanned: o.config.OpenUnscanned, Scanned: f.hub.TellScanned, Remind: remindByTask(f.hub), Log: o.log,
	}); err != nil {
		return nil, err
	}
	if f.notify, err = notify.New(notify.Options{Hub: f.hub, Agents: f.auth.Names, URL: o.config.URL, Log: o.log}); err != nil {
		return nil, err
	}
	f.people = people.New(people.Options{Hub: f.hub, Log: o.log, Keepers: f.keepers()})
	if f.idle = o.existing; f.idle {
		return f, ctx.Err()
	}
	err = f.accounts.Start(ctx, accounts.Options{
		File:     o.config.Accounts,
		Defaults: map[string]any{"default_charset": o.config.DefaultCharset},
		Forget:   o.forget,
	})
	return f, err
}

// keepers are what else is kept about customers.
func (f *folder) keepers() []people.Keeper {
	return []people.Keeper{
		{
			Erase: func(ctx context.Context, by people.Asker, records []uint64) ([]string, error) {
				return f.docs.As(by.Role, documents.ActDelete).Erase(ctx, by.Agent, records)
			},
			Export: func(ctx context.Context, by people.Asker, records []uint64, create func(name string) (io.Writer, error)) error {
				return f.docs.As(by.Role, documents.ActSee).Export(ctx, by.Agent, records, create)
			},
			Company: f.docs.OfCompany,
			Blobs:   f.docs.Blobs,
		},
		{Erase: func(ctx context.Context, _ people.Asker, records []uint64) ([]string, error) {
			return nil, f.notify.Erase(ctx, records) // notices have no files
		}},
	}
}

func (f *folder) close() error { return f.store.Close() }

// sweepOnce removes blobs that nothing names any more; done is false if a backup
// is being written.
func (f *folder) sweepOnce(ctx context.Context) (swept blob.Swept, done bool, err error) {
	if !f.backups.TryLock() {
		return swept, false, nil
	}
	defer f.backups.Unlock()
	swept, err = f.hub.Sweep(ctx, sweepAge, f.docs.Blobs, f.people.Blobs)
	return swept, true, err
}

// sweepFirst is how long after the start, and sweepEvery how often, blobs that
// nothing names any more are removed; sweepAge how old they must be, so that what
// is being taken in is safe.
const (
	sweepFirst = time.Hour
	sweepEvery = 24 * time.Hour
	sweepAge   = 48 * time.Hour
)
