package inbox

import (
	"slices"

	"throughline/connectors"
)

// Notifier is the connector of an account that is switched on, if it can tell
// colleagues what happens.
func (h *Hub) Notifier(account string) (n connectors.Notifier, ok bool) {
	r := h.runner(account)
	if r == nil || r.conn == nil {
		return nil, false
	}
	n, ok = r.conn.(connectors.Notifier)
	return n, ok
}

// Notifiers lists the accounts that Notifier knows, in order.
func (h *Hub) Notifiers() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	var list []string
	for id, r := range h.running {
		if _, ok := r.conn.(connectors.Notifier); ok {
			list = append(list, id)
		}
	}
	slices.Sort(list)
	return list
}
