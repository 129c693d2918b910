package identity

import (
	"fmt"
	"maps"

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
		return handle, 0, i.handles.Insert(tx, handle.ID, handle)
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
	if merged, err = i.Take(tx, merged.ID, d.By, take); err != nil {
		return nil, nil, err
	}
	root, err = i.Customer(tx, root.ID)
	return root, merged, err
}

// Given is what a field of a customer held before the value of a merged record took
// its place, and the Rev of that change: Unmerge puts it back.
type Given struct {
	Value string `json:"value,omitempty"`
	Set   Stamp  `json:"set,omitzero"`
	Rev   uint64 `json:"rev"`
}

// Take lets the record that member was merged into take over values of his, by the
// names of their fields. Both keep what they had: Unmerge puts it back.
func (i *Identity) Take(tx *store.Tx, member uint64, by string, names []string) (*Customer, error) {
	m, err := i.Customer(tx, member)
	if err != nil {
		return nil, err
	}
	if m.MergedInto == 0 {
		return nil, &ConflictError{Text: "this customer is not merged into another"}
	}
	root, err := i.Customer(tx, m.MergedInto)
	if err != nil {
		return nil, err
	}
	root.Set, m.Gave = maps.Clone(root.Set), maps.Clone(m.Gave)
	if root.Set == nil {
		root.Set = map[string]Stamp{}
	}
	for _, name := range names {
		value, err := i.CheckField(tx, name, m.Field(name))
		if err != nil {
			return nil, err
		}
		if root.Field(name) == value {
			continue
		}
		stamp := Stamp{Rev: tx.NextID(), By: by, Time: tx.Now()}
		given := Given{Value: root.Field(name), Set: root.Set[name], Rev: stamp.Rev}
		if before, ok := m.Gave[name]; ok {
			// It gave this before, and something else has taken its place since:
			// what was there at the merge is what comes back.
			given.Value, given.Set = before.Value, before.Set
		}
		if m.Gave == nil {
			m.Gave = map[string]Given{}
		}
		m.Gave[name] = given
		root.put(name, value)
		root.Set[name] = stamp
	}
	if err := i.customers.Put(tx, root.ID, root); err != nil {
		return nil, err
	}
	return m, i.customers.Put(tx, m.ID, m)
}

// Unmerge takes back the merge of member into another record: the exact inverse
// of Merge, at any later time. What was merged into member before stays with it; a
// value that the other took over goes back, unless somebody has changed it since.
func (i *Identity) Unmerge(tx *store.Tx, member uint64) (split *Customer, from uint64, err error) {
	c, err := i.Customer(tx, member)
	if err != nil {
		return nil, 0, err
	}
	if c.MergedInto == 0 {
		return nil, 0, &ConflictError{Text: "this customer is not merged into another"}
	}
	from = c.MergedInto
	if err := i.giveBack(tx, c); err != nil {
		return nil, 0, err
	}
	c.MergedInto, c.Merge, c.Gave = 0, nil, nil
	return c, from, i.customers.Put(tx, member, c)
}

// giveBack puts back what a record took over from c.
func (i *Identity) giveBack(tx *store.Tx, c *Customer) error {
	if len(c.Gave) == 0 {
		return nil
	}
	root, err := i.Customer(tx, c.MergedInto)
	if err != nil {
		return err
	}
	members, err := i.Members(tx, root.ID)
	if err != nil {
		return err
	}
	root.Set = maps.Clone(root.Set)
	for name, former := range c.Gave {
		if root.Set[name].Rev == former.Rev {
			root.put(name, former.Value)
			if root.Set[name] = former.Set; former.Set.Rev == 0 {
				delete(root.Set, name)
			}
			continue
		}
		// Somebody has changed it since, or another's value has taken its place: then
		// that one gives back what was there before c.
		for _, m := range members[1:] {
			if was, ok := m.Gave[name]; ok && m.ID != c.ID && m.MergedInto == root.ID && was.Set.Rev == former.Rev {
				m.Gave = maps.Clone(m.Gave)
				m.Gave[name] = Given{Value: former.Value, Set: former.Set, Rev: was.Rev}
				if err := i.customers.Put(tx, m.ID, m); err != nil {
					return err
				}
			}
		}
	}
	if len(root.Set) == 0 {
		root.Set = nil
	}
	return i.customers.Put(tx, root.ID, root)
}
