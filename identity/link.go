package identity

import (
	"fmt"

	"throughline/message"
	"throughline/store"
)

// ConflictError tells that a link or merge makes no sense as things stand.
type ConflictError struct{ Text string }

func (e *ConflictError) Error() string { return e.Text }

// Link gives a handle to a customer, from whoever had it; a handle nobody used
// yet is made. Past and future messages of the handle follow it. before is the
// former owner, 0 if the handle is new.
func (i *Identity) Link(tx *store.Tx, customer uint64, h message.Handle, d Decision) (handle *Handle, before uint64, err error) {
	id, canonical, err := i.lookup(tx, h)
	if err != nil {
		return nil, 0, err
	}
	root, err := i.Living(tx, customer)
	if err != nil {
		return nil, 0, err
	}
	if id == 0 {
		handle = &Handle{ID: tx.NextID(), Handle: canonical, Customer: root.ID, Link: d}
		return handle, 0, i.insert(tx, handle)
	}
	if handle, err = i.Handle(tx, id); err != nil {
		return nil, 0, err
	}
	owner, err := i.Root(tx, handle.Customer)
	if err != nil {
		return nil, 0, err
	}
	if owner.ID == root.ID {
		return nil, 0, &ConflictError{Text: fmt.Sprintf("%s already belongs to this customer", canonical.Address())}
	}
	before, handle.Customer, handle.Link = handle.Customer, root.ID, d
	return handle, before, i.handles.Put(tx, id, handle)
}

// Unlink takes a handle from its customer and gives it a new customer of its own,
// with all of the handle's messages. The only handle of a customer stays where
// it is.
func (i *Identity) Unlink(tx *store.Tx, id uint64, d Decision) (split *Customer, before uint64, err error) {
	h, err := i.Handle(tx, id)
	if err != nil {
		return nil, 0, err
	}
	root, err := i.Root(tx, h.Customer)
	if err != nil {
		return nil, 0, err
	}
	all, err := i.Handles(tx, root.ID)
	if err != nil {
		return nil, 0, err
	}
	if len(all) < 2 {
		return nil, 0, &ConflictError{Text: "this is the customer's only address; link another one first"}
	}
	split = &Customer{ID: tx.NextID(), Name: h.Name, Created: tx.Now()}
	if err := i.customers.Insert(tx, split.ID, split); err != nil {
		return nil, 0, err
	}
	before, h.Customer, h.Link = h.Customer, split.ID, d
	return split, before, i.handles.Put(tx, id, h)
}

// Merge lets the record of into stand for other's too. Nothing moves: other gets
// a pointer, and Unmerge takes it away again. Of the fields named in take, root's
// value becomes that of other; nil leaves root as it is. merged is the record that
// now points to root.
func (i *Identity) Merge(tx *store.Tx, into, other uint64, take []string, d Decision) (root, merged *Customer, err error) {
	if root, err = i.Living(tx, into); err != nil {
		return nil, nil, err
	}
	if merged, err = i.Living(tx, other); err != nil {
		return nil, nil, err
	}
	if root.ID == merged.ID {
		return nil, nil, &ConflictError{Text: "these are already the same customer"}
	}
	merged.MergedInto, merged.Merge, merged.Gave = root.ID, &d, nil
	if err := i.customers.Put(tx, merged.ID, merged); err != nil || len(take) == 0 {
		return root, merged, err
	}
	if root, err = i.Take(tx, merged.ID, d.By, take); err != nil {
		return nil, nil, err
	}
	merged, err = i.Customer(tx, merged.ID)
	return root, merged, err
}

// Unmerge takes back the merge of member into another record: the exact inverse
// of Merge, at any later time. What was merged into member before stays with it; a
// value that anybody above took over from them goes back, unless somebody has changed
// it since.
func (i *Identity) Unmerge(tx *store.Tx, member uint64) (split *Customer, from uint64, err error) {
	c, err := i.Customer(tx, member)
	if err != nil {
		return nil, 0, err
	}
	if c.MergedInto == 0 {
		return nil, 0, &ConflictError{Text: "this customer is not merged into another"}
	}
	from = c.MergedInto
	if err := i.giveBack(tx, member); err != nil {
		return nil, 0, err
	}
	if c, err = i.Customer(tx, member); err != nil {
		return nil, 0, err
	}
	c.MergedInto, c.Merge, c.Gave = 0, nil, nil
	return c, from, i.customers.Put(tx, member, c)
}
