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

// fileIndex leads from a content to the messages that have it, or had it before an edit.
const fileIndex = "file"

func (r *Record) fileKeys() (keys []store.Key) {
	blobs := map[string]bool{}
	markParts(blobs, r.Parts)
	for _, v := range r.Former {
		markParts(blobs, v.Parts)
	}
	for sha := range blobs {
		keys = append(keys, store.K().Str(sha))
	}
	return keys
}

// HasFile tells whether a content is a file of a message.
func (h *Hub) HasFile(tx *store.Tx, sha string) bool {
	for range h.messages.Scan(tx, store.Range{Index: fileIndex, Prefix: store.K().Str(sha)}) {
		return true
	}
	return false
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
