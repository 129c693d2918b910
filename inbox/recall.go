package inbox

import (
	"context"
	"strings"

	"throughline/connectors"
	"throughline/store"
)

// Recall lists what the ledger holds as stored, without what was deleted since.
func (s *sink) Recall(_ context.Context, prefix, after string, limit int) (sources []string, err error) {
	err = s.hub.Store.View(func(tx *store.Tx) error {
		for key := range tx.ValuesAfter(ledgerBucket, ledgerKey(s.account, max(prefix, after))) {
			source, ok := strings.CutPrefix(key, ledgerKey(s.account, ""))
			if !ok || !strings.HasPrefix(source, prefix) || len(sources) == limit {
				return nil
			}
			what, id, ok := s.hub.outcome(tx, s.account, source)
			if !ok || what != Stored {
				continue
			}
			if m, err := s.hub.Message(tx, id); err == nil && m.Deleted.IsZero() {
				sources = append(sources, source)
			}
		}
		return nil
	})
	return sources, err
}

var _ connectors.Recaller = (*sink)(nil)
