// Package people brings lists of people in and takes them out: import of tables
// and vCards with a check before anything is written, export of one person with
// everything or of all, and the erasing of a person for good.
//
// On disk it keeps, through package store, the tables "imports" (a file that was
// handed over, what its columns are, how far it has come), "import_rows" (what
// becomes or became of each row) and "import_keys" (under which a row is known
// again, so that the same file twice makes nobody twice), and as plain values the
// columns chosen last for a header. The files themselves are blobs until their
// import is over.
//
// It never writes a row without its place in the file in the same transaction, so
// an import goes on after a crash where it was; it never takes an address from one
// person to give it to another; and it keeps nothing of the rows but the file, and
// of rows without a customer a name to know them by, until somebody is erased.
package people

import (
	"cmp"
	"context"
	"errors"
	"io"
	"log/slog"
	"maps"
	"slices"
	"time"

	"throughline/blob"
	"throughline/inbox"
	"throughline/store"
)

// InvalidError blames one field of a request.
type InvalidError struct{ Field, Text string }

func (e *InvalidError) Error() string { return e.Field + ": " + e.Text }

// ConflictError tells that something cannot be done as things stand now.
type ConflictError struct{ Text string }

func (e *ConflictError) Error() string { return e.Text }

// Options are what People works on.
type Options struct {
	Hub     *inbox.Hub
	Keepers []Keeper // what else is kept about customers
	Log     *slog.Logger
}

// People imports, exports and erases.
type People struct {
	hub   *inbox.Hub
	store *store.Store
	blobs *blob.Store
	log   *slog.Logger

	imports *store.Table[Import]
	rows    *store.Table[RowResult]
	keys    *store.Table[rowKey]
	keepers []Keeper
	kick    chan struct{} // size 1: there may be something to do
}

// New declares the tables. Run does the work.
func New(o Options) *People {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	p := &People{hub: o.Hub, store: o.Hub.Store, blobs: o.Hub.Blobs, log: o.Log, keepers: o.Keepers, kick: make(chan struct{}, 1)}
	p.imports = store.NewTable(p.store, "imports", store.TableOptions[Import]{
		Indexes: []store.Index[Import]{{Name: "work", Keys: func(i *Import) []store.Key {
			if !i.working() {
				return nil
			}
			return []store.Key{store.K().Str("")}
		}}},
	})
	p.rows = store.NewTable(p.store, "import_rows", store.TableOptions[RowResult]{
		Append: true,
		Indexes: []store.Index[RowResult]{{Name: "outcome", Keys: func(r *RowResult) []store.Key {
			return []store.Key{store.K().Uint(r.Import).Str(r.Outcome).Uint(uint64(r.Row)), store.K().Uint(r.Import).Str("").Uint(uint64(r.Row))}
		}}},
	})
	p.keys = store.NewTable(p.store, "import_keys", store.TableOptions[rowKey]{
		Indexes: []store.Index[rowKey]{
			{Name: "key", Unique: true, Keys: func(k *rowKey) []store.Key { return []store.Key{store.K().Str(k.Key)} }},
			{Name: "customer", Keys: func(k *rowKey) []store.Key { return []store.Key{store.K().Uint(k.Customer)} }},
		},
	})
	return p
}

// rowKey is the name under which a row is known again, and whom it made.
type rowKey struct {
	Key      string `json:"key"`
	Customer uint64 `json:"customer"`
}

// retryPause is how long a failure is left alone that could not even be written down.
const retryPause = time.Minute

// Run works on imports until ctx ends, one at a time; what an earlier process left
// half done goes on.
func (p *People) Run(ctx context.Context) error {
	for ctx.Err() == nil {
		id, err := p.next()
		if err == nil && id != 0 {
			if err = p.work(ctx, id); err == nil {
				continue
			}
		}
		if err != nil && ctx.Err() == nil {
			if errors.Is(err, store.ErrClosed) {
				return err
			}
			p.log.Error("import of people", "import", id, "error", err)
			if id != 0 {
				ferr := p.fail(ctx, id, err)
				if ferr == nil || errors.Is(ferr, store.ErrNotFound) { // removed meanwhile
					continue
				}
				if errors.Is(ferr, store.ErrClosed) {
					return ferr
				}
			}
		}
		// One import's trouble, a full disk say, is no reason for the hub to stop.
		select {
		case <-p.kick:
		case <-time.After(retryPause):
		case <-ctx.Done():
		}
	}
	return ctx.Err()
}

// Work does what there is to do of one import, for a tool beside which nothing
// runs.
func (p *People) Work(ctx context.Context, id uint64) error {
	err := p.work(ctx, id)
	if err != nil && ctx.Err() == nil {
		return errors.Join(err, p.fail(ctx, id, err))
	}
	return err
}

func (p *People) rouse() {
	select {
	case p.kick <- struct{}{}:
	default:
	}
}

// next is the oldest import that has work left, 0 if there is none.
func (p *People) next() (id uint64, err error) {
	err = p.store.View(func(tx *store.Tx) error {
		for e := range p.imports.Scan(tx, store.Range{Index: "work"}) {
			id = e.ID
			break
		}
		return nil
	})
	return id, err
}

// Blobs names the files of imports that are not over, for the sweep of blobs.
func (p *People) Blobs(_ context.Context, use func(sha string)) error {
	return p.store.View(func(tx *store.Tx) error {
		for i, err := range p.imports.All(tx, store.Range{}) {
			if err != nil {
				return err
			}
			if i.Blob != "" {
				use(i.Blob)
			}
		}
		return nil
	})
}

// opener opens the file of an import again and again.
func (p *People) opener(sha string) func() (io.ReadCloser, error) {
	return func() (io.ReadCloser, error) {
		f, _, err := p.blobs.Open(sha)
		return f, err
	}
}

func sortedKeys[V any](m map[string]V) []string {
	return slices.SortedFunc(maps.Keys(m), cmp.Compare[string])
}
