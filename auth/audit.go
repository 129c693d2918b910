package auth

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"throughline/store"
)

const (
	maxDetail    = 1000 // bytes
	maxAddress   = 64   // bytes
	maxUserAgent = 300  // bytes
	// AuditPage is the largest page of the audit log.
	AuditPage = 500
)

// Entry is one security event: who did what, from where. Entries are only ever
// added, and removed when they are older than Options.AuditKeep.
type Entry struct {
	Seq     uint64    `json:"seq"`
	Time    time.Time `json:"time"`
	Kind    string    `json:"kind"`            // "login.failed", "agent.changed", …
	Agent   uint64    `json:"agent,omitempty"` // who acted; 0 is the command line or nobody known
	Address string    `json:"address,omitempty"`
	Detail  string    `json:"detail,omitempty"` // plain English, never a secret
}

// Record adds an entry in the transaction of the change it tells of. Other
// packages use it for what an administrator should be able to trace, such as
// "account.changed" or "held.deleted".
func (a *Auth) Record(tx *store.Tx, kind string, by Actor, detail string) error {
	e := &Entry{
		Seq: tx.NextID(), Time: tx.Now(), Kind: kind, Agent: by.Agent,
		Address: cut(by.Address, maxAddress), Detail: cut(detail, maxDetail),
	}
	return a.audit.Insert(tx, e.Seq, e)
}

// AuditLog returns up to limit entries, newest first, older than before (0 is
// from the newest on). next is the before of the next page, 0 if there is none.
func (a *Auth) AuditLog(before uint64, limit int) (page []Entry, next uint64, err error) {
	limit = max(1, min(limit, AuditPage))
	r := store.Range{Reverse: true}
	if before > 0 {
		r.After = store.K().Uint(before)
	}
	err = a.s.View(func(tx *store.Tx) error {
		for e, err := range a.audit.All(tx, r) {
			if err != nil {
				return err
			}
			if len(page) == limit {
				next = page[limit-1].Seq
				return nil
			}
			page = append(page, *e)
		}
		return nil
	})
	return page, next, err
}

// trimAudit removes the entries that are older than Options.AuditKeep, in short
// transactions from the oldest on.
func (a *Auth) trimAudit(ctx context.Context) error {
	if a.keep <= 0 {
		return nil
	}
	removed := 0
	for more := true; more; {
		// Most rounds find nothing to do: they write nothing.
		if err := a.s.View(func(tx *store.Tx) error {
			more = len(a.oldEntries(tx, 1)) > 0
			return nil
		}); err != nil {
			return err
		}
		if !more {
			break
		}
		n := 0
		if err := a.s.Update(ctx, func(tx *store.Tx) error {
			old := a.oldEntries(tx, expirePage)
			n = len(old)
			for _, seq := range old {
				if err := a.audit.Delete(tx, seq); err != nil {
					return err
				}
			}
			return nil
		}); err != nil {
			return err
		}
		removed += n
	}
	if removed > 0 {
		a.log.Info("old entries of the audit log removed", "entries", removed, "older_than", a.keep)
	}
	return nil
}

// oldEntries are up to limit entries that have been kept for long enough. They
// are in the order of their times; one that cannot be read ends the search, and
// check tells of it.
func (a *Auth) oldEntries(tx *store.Tx, limit int) []uint64 {
	var out []uint64
	before := tx.Now().Add(-a.keep)
	for e, err := range a.audit.All(tx, store.Range{}) {
		if err != nil || len(out) == limit || !e.Time.Before(before) {
			break
		}
		out = append(out, e.Seq)
	}
	return out
}

// recordFailure notes a failed attempt to sign in, as far as the gate lets it.
// Failing to note it must not turn a refusal into anything else.
func (a *Auth) recordFailure(ctx context.Context, by Actor, detail string) {
	missed, ok := a.gate.pass()
	if !ok {
		return
	}
	if missed > 0 {
		detail += fmt.Sprintf(" (and %d more failed attempts that were not noted one by one)", missed)
	}
	err := a.s.Update(ctx, func(tx *store.Tx) error { return a.Record(tx, "login.failed", by, detail) })
	if err != nil {
		a.log.Error("failed sign-in not recorded", "error", err)
	}
}

// The gate lets through gateBurst failures at once and one per gateEvery after
// that: some 3,000 entries a day, whatever an attacker does.
const (
	gateBurst = 20
	gateEvery = 30 * time.Second
)

// gate is a token bucket that counts what it turned away.
type gate struct {
	now func() time.Time

	mu     sync.Mutex
	free   int
	filled time.Time
	missed int
}

func newGate(now func() time.Time) *gate { return &gate{now: now, free: gateBurst, filled: now()} }

// pass reports whether one more may pass and how many were turned away since
// the last that did.
func (g *gate) pass() (missed int, ok bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if n := g.now().Sub(g.filled) / gateEvery; n > 0 {
		g.free = min(gateBurst, g.free+int(min(n, gateBurst)))
		g.filled = g.filled.Add(n * gateEvery)
	}
	if g.free == 0 {
		g.missed++
		return 0, false
	}
	g.free--
	missed, g.missed = g.missed, 0
	return missed, true
}

// cut makes outside text fit a record: valid UTF-8 and at most n bytes.
func cut(s string, n int) string {
	if len(s) > n {
		s = s[:n]
	}
	return strings.ToValidUTF8(s, "")
}
