package identity

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"throughline/store"
)

// Company is a firm or an organisation that people belong to.
type Company struct {
	ID      uint64            `json:"-"`
	Name    string            `json:"name"`
	Domains []string          `json:"domains,omitempty"` // of its mail addresses, in ASCII
	Note    string            `json:"note,omitempty"`
	Fields  map[string]string `json:"fields,omitempty"` // custom fields by ID
	Created time.Time         `json:"created"`
	Set     Stamp             `json:"set"` // the last change
	// Sets are who gave each field its value; one nobody changed since histories are
	// kept is not in it.
	Sets map[string]Stamp `json:"sets,omitempty"`
}

// Limits of companies and relations.
const (
	maxDomains     = 50
	maxMemberships = 50  // of one person
	maxRelations   = 100 // of one person
)

// firms keeps companies and what people are to them and to each other.
type firms struct {
	companies   *store.Table[Company]
	memberships *store.Table[Membership]
	relations   *store.Table[Relation]
}

func newFirms(s *store.Store) firms {
	return firms{
		companies: store.NewTable(s, "companies", store.TableOptions[Company]{Indexes: []store.Index[Company]{
			{Name: "words", Keys: func(c *Company) []store.Key { return wordKeys(append(words(c.Name), c.Domains...)) }},
			{Name: "name", Keys: func(c *Company) []store.Key { return []store.Key{companyKey(c.Name)} }},
			{Name: "domain", Unique: true, Keys: func(c *Company) []store.Key {
				var keys []store.Key
				for _, d := range c.Domains {
					keys = append(keys, store.K().Str(d))
				}
				return keys
			}},
		}}),
		memberships: store.NewTable(s, "memberships", store.TableOptions[Membership]{Indexes: []store.Index[Membership]{
			{Name: "customer", Keys: func(m *Membership) []store.Key { return []store.Key{store.K().Uint(m.Customer)} }},
			{Name: "company", Keys: func(m *Membership) []store.Key { return []store.Key{store.K().Uint(m.Company)} }},
		}}),
		relations: store.NewTable(s, "relations", store.TableOptions[Relation]{Indexes: []store.Index[Relation]{
			{Name: "person", Keys: func(r *Relation) []store.Key {
				return []store.Key{store.K().Uint(r.From), store.K().Uint(r.To)}
			}},
		}}),
	}
}

// Company returns a company; store.ErrNotFound if there is none.
func (i *Identity) Company(tx *store.Tx, id uint64) (*Company, error) {
	c, err := i.firms.companies.Get(tx, id)
	if err == nil {
		c.ID = id
	}
	return c, err
}

// Companies finds companies by the beginning of words of their name or domain,
// newest first; without words it lists all.
func (i *Identity) Companies(tx *store.Tx, q string, after store.Key, limit int) (list []*Company, next store.Key, err error) {
	parts := words(q)
	if strings.Contains(q, ".") {
		parts = []string{strings.ToLower(strings.TrimSpace(q))}
	}
	if len(parts) == 0 {
		for e := range i.firms.companies.Scan(tx, store.Range{Reverse: true, After: after}) {
			if len(list) == limit {
				return list, next, nil
			}
			c, err := i.Company(tx, e.ID)
			if err != nil {
				return nil, nil, err
			}
			list, next = append(list, c), e.Pos
		}
		return list, nil, nil
	}
	seen := map[uint64]bool{}
	n := 0
	for e := range i.firms.companies.Scan(tx, store.Range{Index: "words", Prefix: store.Key(parts[0])}) {
		if n++; n > searchScan || len(list) == limit {
			break
		}
		c, err := i.Company(tx, e.ID)
		if err != nil {
			return nil, nil, err
		}
		own := append(words(c.Name), c.Domains...)
		if !seen[e.ID] && !slices.ContainsFunc(parts, func(p string) bool {
			return !slices.ContainsFunc(own, func(w string) bool { return strings.HasPrefix(w, p) })
		}) {
			seen[e.ID] = true
			list = append(list, c)
		}
	}
	return list, nil, nil
}

// PutCompany adds a company (ID 0) or changes one. base is the Rev that the editor
// had before him, 0 if it does not matter.
func (i *Identity) PutCompany(tx *store.Tx, by string, c Company, base uint64) (*Company, error) {
	c.Name = strings.Join(strings.Fields(c.Name), " ")
	if n := utf8.RuneCountInString(c.Name); n == 0 || n > maxCardLine || len(words(c.Name)) == 0 {
		return nil, &InvalidError{"name", fmt.Sprintf("give the company a name of at most %d characters", maxCardLine)}
	}
	if len(c.Note) > maxCardNote {
		return nil, &InvalidError{"note", "this note is too long"}
	}
	var domains []string
	for _, d := range c.Domains {
		if strings.TrimSpace(d) == "" {
			continue
		}
		d, err := canonicalDomain(d)
		if err != nil {
			return nil, err
		}
		if !slices.Contains(domains, d) {
			domains = append(domains, d)
		}
	}
	if len(domains) > maxDomains {
		return nil, &InvalidError{"domains", fmt.Sprintf("at most %d domains", maxDomains)}
	}
	c.Domains = domains
	for id, v := range c.Fields {
		value, err := i.CheckField(tx, customField+id, v)
		if err != nil {
			return nil, err
		}
		if c.Fields[id] = value; value == "" {
			delete(c.Fields, id)
		}
	}
	if o, ok := i.CompanyNamed(tx, c.Name); ok && o.ID != c.ID {
		return nil, &InvalidError{"name", "there is a company of this name already: " + o.Name}
	}
	was := new(Company)
	c.Set = Stamp{Rev: tx.NextID(), By: by, Time: tx.Now()}
	if c.ID == 0 {
		c.ID, c.Created = tx.NextID(), tx.Now()
	} else {
		var err error
		if was, err = i.Company(tx, c.ID); err != nil {
			return nil, err
		}
		if base != 0 && base != was.Set.Rev {
			return nil, &ConflictError{"somebody else changed this company meanwhile: look at it and save again"}
		}
		c.Created = was.Created
	}
	if err := i.keepCompany(tx, was, &c); err != nil {
		return nil, err
	}
	err := i.firms.companies.Put(tx, c.ID, &c)
	if taken := (*store.DuplicateError)(nil); errors.As(err, &taken) {
		other, err := i.Company(tx, taken.ID)
		if err != nil {
			return nil, err
		}
		return nil, &InvalidError{"domains", "one of these domains belongs to " + other.Name}
	}
	if err != nil {
		return nil, err
	}
	return &c, i.renamed(tx, was, &c)
}

// RemoveCompany takes a company away; its people stay.
func (i *Identity) RemoveCompany(tx *store.Tx, by string, id uint64) error {
	c, err := i.Company(tx, id)
	if err != nil {
		return err
	}
	people, err := i.PeopleOf(tx, id)
	if err != nil {
		return err
	}
	for _, m := range people {
		if err := i.firms.memberships.Delete(tx, m.ID); err != nil {
			return err
		}
		if err := i.unnamed(tx, m.Customer, by, c.Name); err != nil {
			return err
		}
	}
	for v := range i.versions.Scan(tx, store.Range{Index: "field", Prefix: store.K().Uint(id)}) {
		if err := i.versions.Delete(tx, v.ID); err != nil {
			return err
		}
	}
	return i.firms.companies.Delete(tx, id)
}
