package identity

import (
	"maps"

	"throughline/store"
)

// Edit gives a field a value; "" empties it. Base is the Rev of the value that the
// editor had before him, nil if it does not matter.
type Edit struct {
	Field, Value string
	Base         *uint64
}

// InvalidError blames one field.
type InvalidError struct{ Field, Text string }

func (e *InvalidError) Error() string { return e.Field + ": " + e.Text }

// EditConflict is one field that somebody else changed meanwhile.
type EditConflict struct {
	Field, Value string // as it is now
	Set          Stamp
}

// EditError tells that fields were changed meanwhile: nothing was written.
type EditError struct{ Conflicts []EditConflict }

func (e *EditError) Error() string {
	return "somebody else changed this meanwhile: look at both versions and save again"
}

// EditCard changes fields of the card of a customer, which by is told to have
// done. It returns the names of what really changed; with an *EditError or an
// *InvalidError nothing is written.
func (i *Identity) EditCard(tx *store.Tx, id uint64, by string, edits []Edit) (changed []string, err error) {
	root, err := i.Living(tx, id)
	if err != nil {
		return nil, err
	}
	members, err := i.Members(tx, root.ID)
	if err != nil {
		return nil, err
	}
	var clash []EditConflict
	var todo []Edit
	for _, e := range edits {
		if e.Value, err = i.CheckField(tx, e.Field, e.Value); err != nil {
			return nil, err
		}
		if e.Field == FieldCompany {
			e.Value = i.companyCalled(tx, e.Value)
		}
		now := Shows(members, e.Field)
		if now.Value == e.Value {
			continue
		}
		if e.Base != nil && *e.Base != now.Set.Rev {
			clash = append(clash, EditConflict{e.Field, now.Value, now.Set})
			continue
		}
		todo = append(todo, e)
	}
	if clash != nil {
		return nil, &EditError{clash}
	}
	if todo == nil {
		return nil, nil
	}
	c := root.clone()
	for _, e := range todo {
		if e.Field == FieldCompany {
			if err := i.belong(tx, c, by, c.Company, e.Value); err != nil {
				return nil, err
			}
		}
		if err := i.write(tx, c, by, e.Field, e.Value); err != nil {
			return nil, err
		}
		changed = append(changed, e.Field)
	}
	return changed, i.customers.Put(tx, c.ID, c)
}

// clone is a copy whose card can be written without the original changing.
func (c *Customer) clone() *Customer {
	d := *c
	if d.Set = maps.Clone(c.Set); d.Set == nil {
		d.Set = map[string]Stamp{}
	}
	return &d
}

// write gives a field of a clone a value and keeps what it held. The caller puts
// the record.
func (i *Identity) write(tx *store.Tx, c *Customer, by, field, value string) error {
	old, set := c.Field(field), c.Set[field]
	c.put(field, value)
	c.Set[field] = Stamp{Rev: tx.NextID(), By: by, Time: tx.Now()}
	if old == "" && set.Rev == 0 { // that there was nothing needs no entry
		return nil
	}
	return i.keep(tx, &Version{ID: c.Set[field].Rev, Customer: c.ID, Field: field, Value: old, Set: set, By: by, Time: tx.Now()})
}
