package inbox

import "throughline/connectors"

// Info describes an account as its connector sees itself, switched on or not; ok
// is false while its settings make no connector.
func (h *Hub) Info(account string) (info connectors.Info, ok bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	info, ok = h.infos[account]
	return info, ok
}
