package auth

import (
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"throughline/store"
	"throughline/store/storetest"
)

// The audit log keeps what is young enough, however much there is of the rest.
func TestAuditIsTrimmed(t *testing.T) {
	const day = 24 * time.Hour
	for _, tc := range []struct {
		keep time.Duration
		want int
	}{{0, expirePage*2 + 13}, {3 * day, 10}, {2*day + time.Second, 10}, {2 * day, 10}, {2*day - time.Second, 3}, {time.Second, 0}} {
		c := &clock{t: time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)}
		a := New(storetest.OpenOptions(t, filepath.Join(t.TempDir(), "store.db"), store.Options{Now: c.now, NoSync: true}),
			Options{Now: c.now, cost: cheap, AuditKeep: tc.keep})
		note := func(n int, kind string) {
			t.Helper()
			if err := a.s.Update(t.Context(), func(tx *store.Tx) error {
				for i := range n {
					if err := a.Record(tx, kind, cli, fmt.Sprint(i)); err != nil {
						return err
					}
				}
				return nil
			}); err != nil {
				t.Fatal(err)
			}
		}
		note(expirePage*2+3, "old")
		c.add(10 * day)
		note(7, "young")
		c.add(day)
		note(3, "younger")
		c.add(day)
		if err := a.expire(t.Context()); err != nil {
			t.Fatal(err)
		}
		page, kept, before := []Entry(nil), 0, uint64(0)
		for more := true; more; more = before != 0 {
			var err error
			if page, before, err = a.AuditLog(before, AuditPage); err != nil {
				t.Fatal(err)
			}
			kept += len(page)
		}
		if kept != tc.want {
			t.Errorf("kept for %v: %d entries, want %d", tc.keep, kept, tc.want)
		}
	}
}
