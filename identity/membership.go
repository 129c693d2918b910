package identity

import (
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"throughline/store"
)

// Membership says that a person belongs to a company.
type Membership struct {
	ID       uint64    `json:"-"`
	Customer uint64    `json:"customer"` // the record it was written at
	Company  uint64    `json:"company"`
	Role     string    `json:"role,omitempty"`
	By       string    `json:"by"`
	Time     time.Time `json:"time"`
}

// PeopleOf are the memberships of a company, in the order they came.
func (i *Identity) PeopleOf(tx *store.Tx, company uint64) ([]*Membership, error) {
	return i.membershipsBy(tx, "company", company)
}

// MembershipsOf are those of all records of a customer, one of each company.
func (i *Identity) MembershipsOf(tx *store.Tx, members []*Customer) (list []*Membership, err error) {
	all, err := i.allMemberships(tx, members)
	for _, m := range all {
		if !slices.ContainsFunc(list, func(o *Membership) bool { return o.Company == m.Company }) {
			list = append(list, m)
		}
	}
	return list, err
}

// allMemberships are those of all records of a customer: of records that were merged,
// two may be of one company.
func (i *Identity) allMemberships(tx *store.Tx, members []*Customer) (list []*Membership, err error) {
	for _, c := range members {
		part, err := i.membershipsBy(tx, "customer", c.ID)
		if err != nil {
			return nil, err
		}
		list = append(list, part...)
	}
	return list, nil
}

func (i *Identity) membershipsBy(tx *store.Tx, index string, id uint64) (list []*Membership, err error) {
	for e := range i.firms.memberships.Scan(tx, store.Range{Index: index, Prefix: store.K().Uint(id)}) {
		m, err := i.firms.memberships.Get(tx, e.ID)
		if err != nil {
			return nil, err
		}
		m.ID = e.ID
		list = append(list, m)
	}
	return list, nil
}

// Join says that a customer belongs to a company, or changes the role.
func (i *Identity) Join(tx *store.Tx, by string, customer, company uint64, role string) error {
	role = strings.Join(strings.Fields(role), " ")
	if utf8.RuneCountInString(role) > maxCardLine {
		return &InvalidError{"role", fmt.Sprintf("a role has at most %d characters", maxCardLine)}
	}
	firm, err := i.Company(tx, company)
	if err != nil {
		return err
	}
	root, list, err := i.belongs(tx, customer)
	if err != nil {
		return err
	}
	m := &Membership{Customer: root.ID, Company: company}
	if at := slices.IndexFunc(list, func(o *Membership) bool { return o.Company == company }); at >= 0 {
		m = list[at]
	} else if len(list) >= maxMemberships {
		return &ConflictError{fmt.Sprintf("a person belongs to at most %d companies", maxMemberships)}
	} else {
		m.ID = tx.NextID()
	}
	m.Role, m.By, m.Time = role, by, tx.Now()
	if err := i.firms.memberships.Put(tx, m.ID, m); err != nil {
		return err
	}
	members, err := i.Members(tx, root.ID)
	if err != nil || Shows(members, FieldCompany).Value != "" {
		return err
	}
	return i.nameCompany(tx, root, by, firm.Name)
}

// Leave says that a customer does not belong to a company any more, none of his
// records.
func (i *Identity) Leave(tx *store.Tx, by string, customer, company uint64) error {
	root, err := i.Living(tx, customer)
	if err != nil {
		return err
	}
	members, err := i.Members(tx, root.ID)
	if err != nil {
		return err
	}
	list, err := i.allMemberships(tx, members)
	if err != nil {
		return err
	}
	left := false
	for _, m := range list {
		if m.Company != company {
			continue
		}
		if err := i.firms.memberships.Delete(tx, m.ID); err != nil {
			return err
		}
		left = true
	}
	if !left {
		return fmt.Errorf("membership: %w", store.ErrNotFound)
	}
	firm, err := i.Company(tx, company)
	if err != nil {
		return err
	}
	return i.unnamed(tx, customer, by, firm.Name)
}

func (i *Identity) belongs(tx *store.Tx, customer uint64) (*Customer, []*Membership, error) {
	root, err := i.Living(tx, customer)
	if err != nil {
		return nil, nil, err
	}
	members, err := i.Members(tx, root.ID)
	if err != nil {
		return nil, nil, err
	}
	list, err := i.MembershipsOf(tx, members)
	return root, list, err
}
