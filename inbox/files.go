package inbox

import (
	"errors"

	"throughline/store"
	"throughline/timeline"
)

// tellFiles makes the files of a message known to whoever looks at files.
func (h *Hub) tellFiles(tx *store.Tx, r *Record) error {
	if h.filesOf == nil || len(r.Parts) == 0 {
		return nil
	}
	return h.filesOf(tx, r.ID, r.Parts)
}

// TellScanned lets screens look at a message again: something is known of a file of
// it now. One that has been erased is left alone.
func (h *Hub) TellScanned(tx *store.Tx, id uint64) error {
	r, err := h.Message(tx, id)
	if errors.Is(err, ErrNotFound) {
		return nil
	}
	if err == nil {
		_, err = h.Timeline.Append(tx, timeline.Event{Kind: timeline.MessageScanned, Conversation: r.Conversation, Message: id, Quiet: true})
	}
	return err
}
