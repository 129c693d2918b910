package identity

import (
	"slices"
	"time"

	"throughline/message"
	"throughline/store"
)

// Hint is an address that a provider's directory, or the footer of a mail, names for
// the user of another.
type Hint struct {
	Handle message.Handle `json:"handle"`
	Time   time.Time      `json:"time"`             // when it was told first
	Source string         `json:"source,omitempty"` // "" for a directory, FromSignature
}

// FromSignature is the Source of hints that somebody wrote himself.
const FromSignature = "signature"

// hintIndex finds the handles of whose users a directory names an address.
const hintIndex = "hint"

func hintKeys(h *Handle) []store.Key {
	keys := make([]store.Key, len(h.Hints))
	for i, x := range h.Hints {
		keys[i] = store.K().Str(string(x.Handle))
	}
	return keys
}

// maxHints bounds the hints of one handle; the newest stay.
const maxHints = 10

// hint keeps what source says of h's user and reports whether that is news.
func (h *Handle) hint(source string, hints []message.Handle, now time.Time) (news bool) {
	for _, p := range hints {
		c, err := Canonical(p)
		if err != nil || c == h.Handle || slices.ContainsFunc(h.Hints, func(o Hint) bool { return o.Handle == c }) {
			continue
		}
		h.Hints, news = append(h.Hints, Hint{Handle: c, Time: now, Source: source}), true
	}
	h.Hints = h.Hints[max(0, len(h.Hints)-maxHints):]
	return news
}
