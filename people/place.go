package people

import (
	"errors"
	"fmt"
	"slices"

	"throughline/identity"
	"throughline/message"
	"throughline/store"
	"throughline/timeline"
)

// row does what is to be done with one row, or in a check says what that would be.
func (p *People) row(tx *store.Tx, i *Import, seen *seen, row Row, n int) (*RowResult, error) {
	res := &RowResult{Import: i.ID, Row: n, Line: row.Line}
	person, err := row.person(i.Country)
	if err == nil {
		err = p.place(tx, i, seen, person, res)
	}
	var bad *RowError
	var field *identity.InvalidError
	switch {
	case errors.As(err, &bad):
		res.Outcome, res.Reason = Bad, bad.Text
	case errors.As(err, &field):
		name, err := p.columnName(tx, i, field.Field)
		if err != nil {
			return nil, err
		}
		res.Outcome, res.Reason = Bad, name+": "+field.Text
	case errors.Is(err, store.ErrNotFound):
		res.Outcome, res.Reason = Bad, err.Error()
	case err != nil:
		return nil, err
	}
	if res.Outcome == Bad {
		res.Customer, res.Fields, res.Of = 0, nil, 0
	}
	if res.Customer == 0 {
		res.Who = row.who()
	}
	return res, nil
}

// columnName is how somebody who has the file before him calls a field: by the header
// of its column, else by the name of the custom field.
func (p *People) columnName(tx *store.Tx, i *Import, field string) (string, error) {
	if at := slices.Index(i.Mapping, field); at >= 0 && at < len(i.Header) && i.Header[at] != "" {
		return i.Header[at], nil
	}
	defs, err := p.hub.Identity.FieldDefs(tx)
	if err != nil {
		return "", err
	}
	for _, d := range defs {
		if identity.CustomFieldName(d.ID) == field {
			return d.Name, nil
		}
	}
	return field, nil
}

// place finds or makes the customer of a person.
func (p *People) place(tx *store.Tx, i *Import, seen *seen, who *person, res *RowResult) error {
	ids := p.hub.Identity
	for n, e := range who.edits {
		value, err := ids.CheckField(tx, e.Field, e.Value)
		if err != nil {
			return err
		}
		who.edits[n].Value = value
	}
	root, fresh, byKey, err := p.find(tx, who)
	if err != nil {
		return err
	}
	if i.State == Checking {
		telling := p.telling(tx, who)
		if row, h := seen.unlike(who, fresh, res.Row); row != 0 {
			return &RowError{fmt.Sprintf("row %d has %s too, with another name: leave it out of one of them", row, h.Address())}
		}
		known := uint64(0)
		if root != nil {
			known = root.ID
		}
		var byAddress bool
		if res.Of, byAddress, err = seen.find(telling, res.Row, known, byKey); err != nil {
			return err
		}
		if res.Of != 0 && (root == nil || byKey && byAddress) {
			res.Outcome = Updated
			seen.note(telling, res.Of, 0)
			return nil
		}
		seen.note(telling, res.Row, known)
	}
	if root == nil {
		res.Outcome = Added
		if i.State == Checking {
			return nil
		}
		return p.create(tx, i, who, res)
	}
	res.Customer = root.ID
	edits, err := p.changes(tx, i, root, who)
	if err != nil {
		return err
	}
	for _, e := range edits {
		res.Fields = append(res.Fields, e.Field)
	}
	if len(fresh) > 0 {
		res.Fields = append(res.Fields, "handles")
	}
	if res.Outcome = Updated; res.Fields == nil {
		res.Outcome = Same
	}
	if i.State == Checking {
		return nil
	}
	if err := p.remember(tx, who, root.ID); err != nil || res.Outcome == Same {
		return err
	}
	changed, err := ids.EditCard(tx, root.ID, importBy(i), edits)
	if err != nil {
		return err
	}
	if err := p.link(tx, i, root.ID, fresh); err != nil {
		return err
	}
	if len(changed) == 0 {
		return nil
	}
	pairs := make([]any, 0, 2*len(changed))
	for _, f := range changed {
		pairs = append(pairs, f, true)
	}
	return p.hub.TellCustomer(tx, timeline.CustomerChanged, i.Agent, root.ID, nil, pairs...)
}

// telling is a person without the addresses that several people use: by them no two
// rows are of one.
func (p *People) telling(tx *store.Tx, who *person) *person {
	t := *who
	t.handles = slices.DeleteFunc(slices.Clone(who.handles), func(h message.Handle) bool {
		known, ok := p.hub.Identity.Find(tx, h)
		return ok && known.UsedByMany()
	})
	return &t
}

// find looks for the customer of a person by all his addresses, else, which byKey
// tells, by the name under which the row was imported before. fresh are the addresses
// nobody has.
// An address that several people share says nothing of who this is; one of somebody
// of another name is an error: families and firms have one, and lists slip by a row.
func (p *People) find(tx *store.Tx, who *person) (root *identity.Customer, fresh []message.Handle, byKey bool, err error) {
	ids := p.hub.Identity
	keyed, err := p.keyed(tx, who)
	if err != nil {
		return nil, nil, false, err
	}
	by := ""
	for _, h := range numbersLast(who.handles) {
		if _, ours := p.hub.Own(h); ours {
			return nil, nil, false, &RowError{h.Address() + " is an address of our own"}
		}
		known, ok := ids.Find(tx, h)
		if !ok {
			fresh = append(fresh, h)
			continue
		}
		if known.UsedByMany() {
			continue
		}
		c, err := ids.Living(tx, known.Customer)
		if err != nil {
			return nil, nil, false, err
		}
		if (root == nil || root.ID != c.ID) && (keyed == nil || keyed.ID != c.ID) {
			if unlike, err := ids.Unlike(tx, c, who.name()); err != nil {
				return nil, nil, false, err
			} else if unlike {
				return nil, nil, false, &RowError{fmt.Sprintf("%s belongs to %s: leave it out here; if both use it, mark it as shared there; if it is the same person, give them this name there", h.Address(), ids.DisplayName(tx, c))}
			}
		}
		if root != nil && root.ID != c.ID {
			return nil, nil, false, &RowError{fmt.Sprintf("%s belongs to %s, but %s to %s: merge the two, or leave one out", by, ids.DisplayName(tx, root), h.Address(), ids.DisplayName(tx, c))}
		}
		root, by = c, h.Address()
	}
	if root == nil && keyed != nil {
		root, byKey = keyed, true
	}
	if root == nil && len(fresh) == 0 && len(who.handles) > 0 && who.name() == "" {
		return nil, nil, false, &RowError{who.handles[0].Address() + " is used by several people: give a name, or another address"}
	}
	return root, fresh, byKey, nil
}

// numbersLast are addresses in the order in which they tell who somebody is: a number
// is more often shared than the others.
func numbersLast(handles []message.Handle) []message.Handle {
	return slices.SortedStableFunc(slices.Values(handles), func(a, b message.Handle) int {
		switch x, y := a.Scheme() == identity.Tel, b.Scheme() == identity.Tel; {
		case x == y:
			return 0
		case x:
			return 1
		}
		return -1
	})
}

// keyed is the customer who came of the same row before, nil if there is none. A
// number alone leads to nobody of another name: it may be that of another system.
func (p *People) keyed(tx *store.Tx, who *person) (*identity.Customer, error) {
	if c, err := p.keyedBy(tx, who.exact); c != nil || err != nil {
		return c, err
	}
	c, err := p.keyedBy(tx, who.key)
	if c == nil || err != nil {
		return nil, err
	}
	unlike, err := p.hub.Identity.Unlike(tx, c, who.name())
	if unlike || err != nil {
		return nil, err
	}
	return c, nil
}

func (p *People) keyedBy(tx *store.Tx, key string) (*identity.Customer, error) {
	id, ok := p.keys.Lookup(tx, "key", store.K().Str(key))
	if !ok {
		return nil, nil
	}
	k, err := p.keys.Get(tx, id)
	if err != nil {
		return nil, err
	}
	c, err := p.hub.Identity.Living(tx, k.Customer)
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil
	}
	return c, err
}

// changes are the fields that the row knows better: empty ones, and with Overwrite
// all.
func (p *People) changes(tx *store.Tx, i *Import, root *identity.Customer, who *person) ([]identity.Edit, error) {
	members, err := p.hub.Identity.Members(tx, root.ID)
	if err != nil {
		return nil, err
	}
	var edits []identity.Edit
	for _, e := range who.edits {
		now := identity.Shows(members, e.Field).Value
		if e.Field == identity.FieldCompany { // in its own spelling
			if c, ok := p.hub.Identity.CompanyNamed(tx, e.Value); ok {
				e.Value = c.Name
			}
		}
		switch {
		case now == e.Value:
			continue
		case e.Field == identity.FieldTags: // tags are added to those there are
			all, err := p.hub.Identity.CheckField(tx, e.Field, now+"\n"+e.Value)
			if err != nil {
				return nil, err
			}
			if all == now {
				continue
			}
			e.Value = all
		case now != "" && !i.Overwrite:
			continue
		}
		edits = append(edits, e)
	}
	return edits, nil
}

// create makes a customer.
func (p *People) create(tx *store.Tx, i *Import, who *person, res *RowResult) error {
	c, err := p.hub.Identity.Create(tx, "")
	if err != nil {
		return err
	}
	if _, err := p.hub.Identity.EditCard(tx, c.ID, importBy(i), who.edits); err != nil {
		return err
	}
	if err := p.link(tx, i, c.ID, who.handles); err != nil {
		return err
	}
	res.Customer = c.ID
	if err := p.remember(tx, who, c.ID); err != nil {
		return err
	}
	return p.hub.TellCustomer(tx, timeline.CustomerCreated, i.Agent, c.ID, nil, "import", i.ID)
}

// link gives a customer the addresses that nobody has.
func (p *People) link(tx *store.Tx, i *Import, customer uint64, handles []message.Handle) error {
	d := identity.Decision{By: importBy(i), Time: tx.Now(), Reason: i.Name, Confidence: 1}
	for _, h := range handles {
		if known, ok := p.hub.Identity.Find(tx, h); ok && known.UsedByMany() {
			continue
		}
		hd, _, err := p.hub.Identity.Link(tx, customer, h, d)
		var clash *identity.ConflictError
		if errors.As(err, &clash) {
			continue
		}
		if err != nil {
			return err
		}
		if err := p.hub.TellCustomer(tx, timeline.HandleLinked, i.Agent, customer, []uint64{hd.ID}, "handle", hd.Handle, "import", i.ID); err != nil {
			return err
		}
	}
	return nil
}

// remember notes under which names the row is known again.
func (p *People) remember(tx *store.Tx, who *person, customer uint64) error {
	for _, key := range slices.Compact([]string{who.key, who.exact}) {
		if id, ok := p.keys.Lookup(tx, "key", store.K().Str(key)); ok {
			if err := p.keys.Put(tx, id, &rowKey{key, customer}); err != nil {
				return err
			}
		} else if err := p.keys.Insert(tx, tx.NextID(), &rowKey{key, customer}); err != nil {
			return err
		}
	}
	return nil
}

func importBy(i *Import) string { return fmt.Sprintf("import:%d", i.ID) }
