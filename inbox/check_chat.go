package inbox

import (
	"context"

	"throughline/message"
	"throughline/store"
)

// checkTalk follows the pointers of consents, and looks for deliveries that are
// asked for and should not be. Indexes are recomputed with all others.
func (h *Hub) checkTalk(ctx context.Context, bad func(string, ...any)) error {
	if err := pages(ctx, h.Store, h.consents, func(tx *store.Tx, id uint64, c *Consent) error {
		if _, err := h.Identity.Handle(tx, c.Handle); err != nil {
			bad("consent %d is of handle %d, which does not exist", id, c.Handle)
		}
		if c.State != message.OptIn && c.State != message.OptOut || c.Channel == "" {
			bad("consent %d says %q of channel %q", id, c.State, c.Channel)
		}
		return nil
	}); err != nil {
		return err
	}
	return pages(ctx, h.Store, h.deliveries, func(_ *store.Tx, id uint64, d *Delivery) error {
		if d.Checking != nil && (d.Status != message.Sending || d.Due.IsZero() || len(d.Attempts) == 0) {
			bad("delivery %d is asked for and %s", id, d.Status)
		}
		return nil
	})
}
