package identity

import (
	"bytes"
	"slices"
	"strings"

	"throughline/store"
)

// The field "company" of a card and the companies somebody belongs to are one
// thing: the field is the name of the first of them. What is written into the field
// is a company of that name, which is made if there is none; who joins the first
// company or leaves the one in the field has the field changed.

func companyKey(name string) store.Key { return store.K().Str(strings.Join(words(name), " ")) }

// CompanyNamed returns the company of a name; case and signs between words do not
// count.
func (i *Identity) CompanyNamed(tx *store.Tx, name string) (*Company, bool) {
	if len(words(name)) == 0 {
		return nil, false
	}
	for e := range i.firms.companies.Scan(tx, store.Range{Index: "name", Prefix: companyKey(name)}) {
		c, err := i.Company(tx, e.ID)
		return c, err == nil
	}
	return nil, false
}

// companyCalled is a name as the company that has it writes it.
func (i *Identity) companyCalled(tx *store.Tx, name string) string {
	name = strings.Join(strings.Fields(name), " ")
	if c, ok := i.CompanyNamed(tx, name); ok {
		return c.Name
	}
	return name
}

// belong moves a record from one company to another, by their names; "" is none.
func (i *Identity) belong(tx *store.Tx, c *Customer, by, from, to string) error {
	list, err := i.membershipsBy(tx, "customer", c.ID)
	if err != nil {
		return err
	}
	if o, ok := i.CompanyNamed(tx, from); ok {
		for _, m := range list {
			if m.Company == o.ID {
				if err := i.firms.memberships.Delete(tx, m.ID); err != nil {
					return err
				}
			}
		}
	}
	if len(words(to)) == 0 {
		return nil
	}
	o, ok := i.CompanyNamed(tx, to)
	if !ok {
		if o, err = i.PutCompany(tx, by, Company{Name: to}, 0); err != nil {
			return err
		}
	}
	if len(list) >= maxMemberships || slices.ContainsFunc(list, func(m *Membership) bool { return m.Company == o.ID }) {
		return nil
	}
	return i.firms.memberships.Insert(tx, tx.NextID(), &Membership{Customer: c.ID, Company: o.ID, By: by, Time: tx.Now()})
}

// nameCompany writes a name into the field of a customer.
func (i *Identity) nameCompany(tx *store.Tx, root *Customer, by, name string) error {
	c := root.clone()
	if err := i.write(tx, c, by, FieldCompany, name); err != nil {
		return err
	}
	return i.customers.Put(tx, c.ID, c)
}

// unnamed puts another of the companies of a customer into the field, or none, if it
// names the one that is left; on the cards of his merged records one of their own.
func (i *Identity) unnamed(tx *store.Tx, customer uint64, by, left string) error {
	root, list, err := i.belongs(tx, customer)
	if err != nil {
		return err
	}
	members, err := i.Members(tx, root.ID)
	if err != nil {
		return err
	}
	shown := Shows(members, FieldCompany).Value
	for n, c := range members {
		value, companies := c.Company, list
		if n == 0 {
			value = shown
		} else if companies, err = i.membershipsBy(tx, "customer", c.ID); err != nil {
			return err
		}
		if !bytes.Equal(companyKey(value), companyKey(left)) {
			continue
		}
		next, err := i.otherThan(tx, companies, left)
		if err != nil {
			return err
		}
		if err := i.nameCompany(tx, c, by, next); err != nil {
			return err
		}
	}
	return nil
}

// otherThan is the name of the first of these companies that is called otherwise, "" if
// there is none.
func (i *Identity) otherThan(tx *store.Tx, list []*Membership, left string) (string, error) {
	for _, m := range list {
		o, err := i.Company(tx, m.Company)
		if err != nil {
			return "", err
		}
		if o.Name != left {
			return o.Name, nil
		}
	}
	return "", nil
}

// renamed carries the new name of a company into the fields that name it.
func (i *Identity) renamed(tx *store.Tx, was, now *Company) error {
	if was.ID == 0 || was.Name == now.Name {
		return nil
	}
	people, err := i.PeopleOf(tx, now.ID)
	if err != nil {
		return err
	}
	for _, m := range people {
		root, err := i.Root(tx, m.Customer)
		if err != nil {
			return err
		}
		f, err := i.family(tx, root.ID)
		if err != nil {
			return err
		}
		if err := i.renameIn(tx, f, was, now); err != nil {
			return err
		}
	}
	return nil
}

// renameIn carries the new name of a company into the records of one customer. What was
// taken over from one into another stays known as such, so that Unmerge gives it back.
func (i *Identity) renameIn(tx *store.Tx, f *family, was, now *Company) error {
	for _, c := range f.all {
		for key, g := range c.Gave {
			if field, _ := c.gaveTo(key); field == FieldCompany && g.Value == was.Name {
				g.Value = now.Name
				c.Gave[key] = g
				f.changed[c.ID] = true
			}
		}
	}
	for _, c := range f.all {
		if c.Company != was.Name {
			continue
		}
		f.changed[c.ID] = true
		// Before the Rev of what it was taken from changes.
		if f.origin(c, FieldCompany) != c {
			c.put(FieldCompany, now.Name)
			continue
		}
		if c.Set == nil {
			c.Set = map[string]Stamp{}
		}
		if err := i.write(tx, c, now.Set.By, FieldCompany, now.Name); err != nil {
			return err
		}
	}
	return f.keep(tx, i)
}

// FieldDomains is a company's list of mail domains in its history.
const FieldDomains = "domains"

// CompanyFields are the names of the fields every company has.
var CompanyFields = []string{FieldName, FieldDomains, FieldNote}

// field reads a field of a company as text: domains one in a line.
func (c *Company) field(name string) string {
	switch name {
	case FieldName:
		return c.Name
	case FieldDomains:
		return strings.Join(c.Domains, "\n")
	case FieldNote:
		return c.Note
	}
	return c.Fields[strings.TrimPrefix(name, customField)]
}

// keepCompany notes the former values of what changes, and who changes it.
func (i *Identity) keepCompany(tx *store.Tx, was, now *Company) error {
	now.Sets = make(map[string]Stamp, len(was.Sets))
	names := slices.Clone(CompanyFields)
	for _, fields := range []map[string]string{was.Fields, now.Fields} {
		for id := range fields {
			if name := customField + id; !slices.Contains(names, name) {
				names = append(names, name)
			}
		}
	}
	slices.Sort(names[len(CompanyFields):])
	for _, name := range names {
		set, known := was.Sets[name]
		old := was.field(name)
		if old == now.field(name) {
			if known {
				now.Sets[name] = set
			}
			continue
		}
		if old != "" || known {
			if !known && was.ID != 0 {
				set = Stamp{} // it is older than the histories
			}
			if err := i.keep(tx, &Version{ID: tx.NextID(), Customer: now.ID, Field: name, Value: old, Set: set, By: now.Set.By, Time: now.Set.Time}); err != nil {
				return err
			}
		}
		now.Sets[name] = now.Set
	}
	return nil
}
