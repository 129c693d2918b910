package identity

import "throughline/store"

// Check follows every pointer between handles and customers and calls bad for
// each that leads nowhere.
func (i *Identity) Check(tx *store.Tx, bad func(format string, args ...any)) error {
	for e := range i.handles.Scan(tx, store.Range{}) {
		h, err := i.Handle(tx, e.ID)
		if err != nil {
			return err
		}
		if _, err := i.Root(tx, h.Customer); err != nil {
			bad("handle %d belongs to customer %d: %v", h.ID, h.Customer, err)
		}
		if c, err := Canonical(h.Handle); err != nil || c != h.Handle {
			bad("handle %d is not in canonical form", h.ID)
		}
	}
	for e := range i.customers.Scan(tx, store.Range{}) {
		if _, err := i.Root(tx, e.ID); err != nil {
			bad("customer %d: %v", e.ID, err)
		}
	}
	return nil
}
