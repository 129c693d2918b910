package identity

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"throughline/store"
)

// Relation says what one person is to another: From is the Kind of To.
type Relation struct {
	ID   uint64    `json:"-"`
	From uint64    `json:"from"` // the records it was written at
	To   uint64    `json:"to"`
	Kind string    `json:"kind"`
	By   string    `json:"by"`
	Time time.Time `json:"time"`
}

// relationKinds are what people can be to each other, with the other direction.
var relationKinds = map[string]string{
	"spouse": "spouse", "partner": "partner", "parent": "child", "child": "parent", "sibling": "sibling", "relative": "relative",
	"friend": "friend", "neighbour": "neighbour", "colleague": "colleague", "manager": "report", "report": "manager",
	"assistant": "principal", "principal": "assistant", "guardian": "ward", "ward": "guardian",
}

// RelationKinds are all kinds in the order of the alphabet.
func RelationKinds() []string {
	list := make([]string, 0, len(relationKinds))
	for k := range relationKinds {
		list = append(list, k)
	}
	slices.Sort(list)
	return list
}

// Inverse is what To is to From if From is kind of To.
func Inverse(kind string) string { return relationKinds[kind] }

// Relate says that from is kind of to. Said again of the same two it replaces what
// was said before, of whichever of their records.
func (i *Identity) Relate(tx *store.Tx, by string, from, to uint64, kind string) (*Relation, error) {
	if _, ok := relationKinds[kind]; !ok {
		return nil, &InvalidError{"kind", "choose one of " + strings.Join(RelationKinds(), ", ")}
	}
	a, err := i.Living(tx, from)
	if err != nil {
		return nil, err
	}
	b, err := i.Living(tx, to)
	if err != nil {
		return nil, err
	}
	if a.ID == b.ID {
		return nil, &ConflictError{"these are the same customer"}
	}
	members, err := i.Members(tx, a.ID)
	if err != nil {
		return nil, err
	}
	known, err := i.RelationsOf(tx, members)
	if err != nil {
		return nil, err
	}
	r := &Relation{From: a.ID, To: b.ID}
	for _, o := range known {
		between, turned, err := i.between(tx, o, a.ID, b.ID)
		switch {
		case err != nil:
			return nil, err
		case !between:
		case r.ID != 0: // another record of one of them had said it too
			if err := i.firms.relations.Delete(tx, o.ID); err != nil {
				return nil, err
			}
		case turned:
			r.ID, r.From, r.To = o.ID, o.To, o.From
		default:
			r.ID, r.From, r.To = o.ID, o.From, o.To
		}
	}
	if r.ID == 0 {
		if len(known) >= maxRelations {
			return nil, &ConflictError{fmt.Sprintf("a person has at most %d relations", maxRelations)}
		}
		r.ID = tx.NextID()
	}
	r.Kind, r.By, r.Time = kind, by, tx.Now()
	return r, i.firms.relations.Put(tx, r.ID, r)
}

// between tells whether a relation is one of the customers a and b, and whether it says
// what b is to a.
func (i *Identity) between(tx *store.Tx, r *Relation, a, b uint64) (is, turned bool, err error) {
	from, err := i.Root(tx, r.From)
	if err != nil {
		return false, false, err
	}
	to, err := i.Root(tx, r.To)
	if err != nil {
		return false, false, err
	}
	turned = from.ID == b && to.ID == a
	return turned || from.ID == a && to.ID == b, turned, nil
}

// Relation returns one; store.ErrNotFound if there is none.
func (i *Identity) Relation(tx *store.Tx, id uint64) (*Relation, error) {
	r, err := i.firms.relations.Get(tx, id)
	if err == nil {
		r.ID = id
	}
	return r, err
}

// RelationsOf are the relations of all records of a customer.
func (i *Identity) RelationsOf(tx *store.Tx, members []*Customer) (list []*Relation, err error) {
	for _, c := range members {
		for e := range i.firms.relations.Scan(tx, store.Range{Index: "person", Prefix: store.K().Uint(c.ID)}) {
			if slices.ContainsFunc(list, func(o *Relation) bool { return o.ID == e.ID }) {
				continue
			}
			r, err := i.Relation(tx, e.ID)
			if err != nil {
				return nil, err
			}
			list = append(list, r)
		}
	}
	slices.SortFunc(list, func(a, b *Relation) int { return cmp.Compare(a.ID, b.ID) })
	return list, nil
}

// Unrelate takes a relation away.
func (i *Identity) Unrelate(tx *store.Tx, id uint64) error { return i.firms.relations.Delete(tx, id) }
