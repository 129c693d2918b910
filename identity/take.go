package identity

import (
	"maps"
	"slices"
	"strconv"
	"strings"

	"throughline/store"
)

// Given is what a field of a customer held before the value of a merged record took
// its place, and the Rev of that change: Unmerge puts it back. All that was taken over
// into one field lies on top of each other: the Rev of one is that of Set in the next.
type Given struct {
	Value string `json:"value,omitempty"`
	Set   Stamp  `json:"set,omitzero"`
	Rev   uint64 `json:"rev"`
}

// gaveKey is that of Gave for a field of the record to.
func (c *Customer) gaveKey(field string, to uint64) string {
	if to == c.MergedInto {
		return field
	}
	return field + "@" + strconv.FormatUint(to, 10)
}

// gaveTo reads a key of Gave.
func (c *Customer) gaveTo(key string) (field string, to uint64) {
	field, number, above := strings.Cut(key, "@")
	if !above {
		return field, c.MergedInto
	}
	to, _ = strconv.ParseUint(number, 10, 64)
	return field, to
}

// family is a customer's records while values move between them.
type family struct {
	all     []*Customer // root first
	changed map[uint64]bool
}

func (i *Identity) family(tx *store.Tx, root uint64) (*family, error) {
	all, err := i.Members(tx, root)
	if err != nil {
		return nil, err
	}
	for _, c := range all {
		c.Set, c.Gave = maps.Clone(c.Set), maps.Clone(c.Gave)
	}
	return &family{all, map[uint64]bool{}}, nil
}

func (f *family) record(id uint64) *Customer {
	at := slices.IndexFunc(f.all, func(c *Customer) bool { return c.ID == id })
	if at < 0 {
		return nil
	}
	return f.all[at]
}

// origin is the record whose own value a field of c holds: c itself, or one that gave
// it to c.
func (f *family) origin(c *Customer, field string) *Customer {
	for _, m := range f.all {
		if g, ok := m.Gave[m.gaveKey(field, c.ID)]; ok && m.ID != c.ID && g.Rev == c.Set[field].Rev {
			return f.origin(m, field)
		}
	}
	return c
}

// withdraw takes back what a record gave to another. Where something else has taken
// its place since, that one gives back what was there before.
func (f *family) withdraw(from *Customer, key string) {
	g := from.Gave[key]
	field, id := from.gaveTo(key)
	delete(from.Gave, key)
	f.changed[from.ID] = true
	to := f.record(id)
	if to == nil {
		return
	}
	if to.Set[field].Rev == g.Rev {
		to.put(field, g.Value)
		if to.Set[field] = g.Set; g.Set.Rev == 0 {
			delete(to.Set, field)
		}
		f.changed[to.ID] = true
		return
	}
	for _, m := range f.all {
		key := m.gaveKey(field, to.ID)
		if next, ok := m.Gave[key]; ok && m.ID != to.ID && next.Set.Rev == g.Rev {
			m.Gave[key] = Given{Value: g.Value, Set: g.Set, Rev: next.Rev}
			f.changed[m.ID] = true
		}
	}
}

// keep writes what changed.
func (f *family) keep(tx *store.Tx, i *Identity) error {
	for _, c := range f.all {
		if !f.changed[c.ID] {
			continue
		}
		if len(c.Set) == 0 {
			c.Set = nil
		}
		if len(c.Gave) == 0 {
			c.Gave = nil
		}
		if err := i.customers.Put(tx, c.ID, c); err != nil {
			return err
		}
	}
	return nil
}

// Take lets the record that stands for member take over values of his, by the names of
// their fields. Both keep what they had: Unmerge puts it back, also that of a record by
// way of which they are one.
func (i *Identity) Take(tx *store.Tx, member uint64, by string, names []string) (root *Customer, err error) {
	m, err := i.Customer(tx, member)
	if err != nil {
		return nil, err
	}
	if m.MergedInto == 0 {
		return nil, &ConflictError{Text: "this customer is not merged into another"}
	}
	if root, err = i.Root(tx, member); err != nil {
		return nil, err
	}
	f, err := i.family(tx, root.ID)
	if err != nil {
		return nil, err
	}
	root, m = f.all[0], f.record(member)
	for _, name := range names {
		value, err := i.CheckField(tx, name, m.Field(name))
		if err != nil {
			return nil, err
		}
		if root.Field(name) == value {
			continue
		}
		giver := f.origin(m, name)
		key := giver.gaveKey(name, root.ID)
		if _, ok := giver.Gave[key]; ok { // something else has taken its place since
			f.withdraw(giver, key)
		}
		stamp := Stamp{Rev: tx.NextID(), By: by, Time: tx.Now()}
		if giver.Gave == nil {
			giver.Gave = map[string]Given{}
		}
		giver.Gave[key] = Given{Value: root.Field(name), Set: root.Set[name], Rev: stamp.Rev}
		if root.Set == nil {
			root.Set = map[string]Stamp{}
		}
		root.put(name, value)
		root.Set[name] = stamp
		f.changed[giver.ID], f.changed[root.ID] = true, true
	}
	return root, f.keep(tx, i)
}

// giveBack puts back what records above c took over from c and those merged into it.
func (i *Identity) giveBack(tx *store.Tx, c uint64) error {
	root, err := i.Root(tx, c)
	if err != nil {
		return err
	}
	f, err := i.family(tx, root.ID)
	if err != nil {
		return err
	}
	leaving, err := i.Members(tx, c)
	if err != nil {
		return err
	}
	stays := func(id uint64) bool {
		return !slices.ContainsFunc(leaving, func(m *Customer) bool { return m.ID == id })
	}
	for _, m := range leaving {
		from := f.record(m.ID)
		for _, key := range slices.Sorted(maps.Keys(from.Gave)) {
			if _, to := from.gaveTo(key); stays(to) {
				f.withdraw(from, key)
			}
		}
	}
	return f.keep(tx, i)
}
