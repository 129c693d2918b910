package inbox

import (
	"context"
	"fmt"
	"strings"
	"unicode/utf8"

	"throughline/message"
	"throughline/store"
)

// Limits of what is noted of a call, in characters.
const (
	maxReason   = 100
	maxCallNote = 4000
)

// WrapUpCall notes what a call was about.
func (h *Hub) WrapUpCall(ctx context.Context, agent, id uint64, reason, note string) error {
	reason, note = strings.Join(strings.Fields(reason), " "), strings.TrimSpace(note)
	if utf8.RuneCountInString(reason) > maxReason {
		return &InvalidError{"reason", fmt.Sprintf("a reason has at most %d characters", maxReason)}
	}
	if utf8.RuneCountInString(note) > maxCallNote {
		return &InvalidError{"note", fmt.Sprintf("a note has at most %d characters", maxCallNote)}
	}
	_, err := h.callDo(ctx, agent, id, func(tx *store.Tx, c *message.Call) error {
		c.WrapUp = &message.CallWrapUp{Agent: agent, Time: tx.Now().UTC(), Reason: reason, Note: note}
		return nil
	})
	return err
}
