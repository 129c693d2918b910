package inbox

import (
	"context"
	"fmt"
	"slices"
	"time"

	"throughline/connectors"
	"throughline/store"
)

// Audit compares what a provider holds with what the hub has: every item there
// must be in the ledger. It is kept in memory until the next one.
type Audit struct {
	Account           string
	Running           bool
	Started, Finished time.Time
	Error             string
	Server            int // items at the provider
	Stored, Duplicate int
	Held              int
	Missing           []connectors.Item // at most maxMissing
	MissingTotal      int
	Imported          int
}

const (
	maxMissing  = 1000
	auditPage   = 500 // ledger look-ups in one read transaction
	importBatch = 200
)

// StartAudit begins to compare in the background, for as long as the hub runs.
func (h *Hub) StartAudit(account string) error {
	conn, err := h.connector(account)
	if err != nil {
		return err
	}
	auditor, ok := conn.(connectors.Auditor)
	if !ok {
		return &ConflictError{"this channel cannot list what its provider holds"}
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if a := h.audits[account]; a != nil && a.Running {
		return &ConflictError{"an audit of this account is running: wait until it is done"}
	}
	life := h.life
	if life == nil || life.Err() != nil {
		return &ConflictError{"the hub is stopping: try again in a moment"}
	}
	h.audits[account] = &Audit{Account: account, Running: true, Started: time.Now().UTC()}
	h.auditWG.Go(func() { h.audit(life, account, auditor) })
	return nil
}

// Audit returns the newest audit of an account, nil if there was none.
func (h *Hub) Audit(account string) *Audit {
	h.mu.Lock()
	defer h.mu.Unlock()
	a := h.audits[account]
	if a == nil {
		return nil
	}
	c := *a
	c.Missing = slices.Clone(a.Missing)
	return &c
}

func (h *Hub) audit(ctx context.Context, account string, auditor connectors.Auditor) {
	page := make([]connectors.Item, 0, auditPage)
	flush := func() error {
		err := h.Store.View(func(tx *store.Tx) error {
			h.mu.Lock()
			defer h.mu.Unlock()
			a := h.audits[account]
			for _, it := range page {
				a.Server++
				switch was, _, ok := h.outcome(tx, account, it.Source); {
				case !ok:
					a.MissingTotal++
					if len(a.Missing) < maxMissing {
						a.Missing = append(a.Missing, it)
					}
				case was == Stored:
					a.Stored++
				case was == Duplicate:
					a.Duplicate++
				default:
					a.Held++
				}
			}
			return nil
		})
		page = page[:0]
		return err
	}
	err := inventory(ctx, auditor, func(it connectors.Item) error {
		page = append(page, it)
		if len(page) == auditPage {
			return flush()
		}
		return nil
	})
	if err == nil {
		err = flush()
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.endAudit(account, err)
}

// inventory lets the connector list; its failure ends the audit, not the program.
func inventory(ctx context.Context, a connectors.Auditor, yield func(connectors.Item) error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("the connector failed while listing: %v", p)
		}
	}()
	return a.Inventory(ctx, yield)
}

// StartImport begins to take in what the newest audit found missing: the given
// sources of it, or all (nil). It goes on in the background for as long as the
// hub runs; the audit is Running until it is done, and holds its Error.
func (h *Hub) StartImport(account string, sources []string) error {
	conn, err := h.connector(account)
	if err != nil {
		return err
	}
	auditor, ok := conn.(connectors.Auditor)
	if !ok {
		return &ConflictError{"this channel cannot fetch an item again"}
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	a, life := h.audits[account], h.life
	switch {
	case a == nil:
		return &ConflictError{"run an audit of this account first"}
	case a.Running:
		return &ConflictError{"an audit of this account is running: wait until it is done"}
	case life == nil || life.Err() != nil:
		return &ConflictError{"the hub is stopping: try again in a moment"}
	}
	var want []string
	for _, it := range a.Missing {
		if sources == nil || slices.Contains(sources, it.Source) {
			want = append(want, it.Source)
		}
	}
	a.Running, a.Error = true, ""
	h.auditWG.Go(func() {
		err := h.importSources(life, account, auditor, want)
		h.mu.Lock()
		defer h.mu.Unlock()
		h.endAudit(account, err)
	})
	return nil
}

func (h *Hub) importSources(ctx context.Context, account string, auditor connectors.Auditor, sources []string) error {
	in := &sink{hub: h, account: account}
	for chunk := range slices.Chunk(sources, importBatch) {
		if err := refetch(ctx, auditor, in, chunk); err != nil {
			return fmt.Errorf("import: %w", err)
		}
		if err := h.settleImport(account, chunk); err != nil {
			return err
		}
	}
	return nil
}

// endAudit marks the audit as done; h.mu is locked.
func (h *Hub) endAudit(account string, err error) {
	a := h.audits[account]
	a.Running, a.Finished = false, time.Now().UTC()
	if err != nil {
		a.Error = err.Error()
	}
}

// refetch lets the connector fetch; its failure ends the import, not the program.
func refetch(ctx context.Context, a connectors.Auditor, in connectors.Sink, sources []string) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("the connector failed while fetching: %v", p)
		}
	}()
	return a.Refetch(ctx, in, sources)
}

// settleImport moves what the ledger now knows out of the audit's missing list.
func (h *Hub) settleImport(account string, sources []string) error {
	return h.Store.View(func(tx *store.Tx) error {
		h.mu.Lock()
		defer h.mu.Unlock()
		a := h.audits[account]
		for _, s := range sources {
			was, _, ok := h.outcome(tx, account, s)
			if !ok {
				continue
			}
			i := slices.IndexFunc(a.Missing, func(it connectors.Item) bool { return it.Source == s })
			if i < 0 {
				continue
			}
			a.Missing = slices.Delete(a.Missing, i, i+1)
			a.MissingTotal--
			a.Imported++
			switch was {
			case Stored:
				a.Stored++
			case Duplicate:
				a.Duplicate++
			default:
				a.Held++
			}
		}
		return nil
	})
}
