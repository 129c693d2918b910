package inbox

import "throughline/connectors"

// Info describes an account as its connector sees itself; ok is false while it
// is switched off or its settings make no connector.
func (h *Hub) Info(account string) (info connectors.Info, ok bool) { return h.accountInfo(account) }
