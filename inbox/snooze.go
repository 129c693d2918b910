package inbox

import (
	"time"

	"throughline/store"
)

// snoozed brings snoozed conversations back when their time comes.
func (h *Hub) snoozed() alarm[Conversation] {
	return alarm[Conversation]{
		what: "wake snoozed conversations", table: h.conversations, index: "snoozed",
		at: func(c *Conversation) time.Time { return c.SnoozedUntil },
		ring: func(tx *store.Tx, id uint64) error {
			c, err := h.Conversation(tx, id)
			if err != nil || c.Status != Snoozed || c.SnoozedUntil.After(tx.Now()) {
				return err
			}
			if err := h.change(tx, c, 0, Change{Status: ptr(Open)}); err != nil {
				return err
			}
			return h.conversations.Put(tx, c.ID, c)
		},
	}
}
