package inbox

import "throughline/store"

// Behind is how many events those who follow the log have yet to look at, by what
// they do. The search for duplicates notes its place only with news of people, or
// every matchedEvery events.
func (h *Hub) Behind(tx *store.Tx) map[string]uint64 {
	last := h.Timeline.Last(tx)
	return map[string]uint64{
		"duplicates": last - min(last, h.upTo(tx)),
		"preference": last - min(last, h.Preference.Counted(tx)),
	}
}
