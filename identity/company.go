package identity

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"golang.org/x/net/idna"

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
}

// Membership says that a person belongs to a company.
type Membership struct {
	ID       uint64    `json:"-"`
	Customer uint64    `json:"customer"` // the record it was written at
	Company  uint64    `json:"company"`
	Role     string    `json:"role,omitempty"`
	By       string    `json:"by"`
	Time     time.Time `json:"time"`
}

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

// Limits of companies and relations.
const (
	maxDomains     = 50
	maxMemberships = 50  // of one person
	maxRelations   = 100 // of one person
)

// freeMail are domains at which anybody can have an address: they say nothing of a
// company. The list is our own, of the services people write from in the languages
// of the screens and the large ones elsewhere; one that is missing only makes a
// suggestion that somebody declines. Regional endings (yahoo.co.uk) go by freeMailBrands.
var freeMail = strings.Fields(`gmail.com googlemail.com outlook.com hotmail.com live.com msn.com passport.com icloud.com me.com mac.com
	aol.com aim.com proton.me protonmail.com pm.me tutanota.com tuta.com tuta.io fastmail.com fastmail.fm hey.com zoho.com zohomail.com mail.com email.com
	gmx.com gmx.net gmx.de gmx.at gmx.ch web.de t-online.de freenet.de posteo.de mailbox.org
	mail.ru inbox.ru list.ru bk.ru yandex.ru yandex.com ya.ru rambler.ru ukr.net i.ua
	qq.com foxmail.com 163.com 126.com yeah.net sina.com sohu.com naver.com daum.net hanmail.net
	rediffmail.com libero.it virgilio.it alice.it tiscali.it orange.fr wanadoo.fr free.fr laposte.net sfr.fr
	seznam.cz centrum.cz wp.pl o2.pl onet.pl interia.pl abv.bg uol.com.br bol.com.br terra.com.br
	btinternet.com sky.com virginmedia.com talktalk.net comcast.net verizon.net att.net sbcglobal.net cox.net charter.net rogers.com shaw.ca bigpond.com
	chmail.ir vatanmail.ir mihanmail.ir mailfa.com thaimail.com`)

// freeMailBrands are free under every ending.
var freeMailBrands = []string{"yahoo", "ymail", "rocketmail", "hotmail", "outlook", "live", "yandex", "gmx"}

// IsFreeMail tells whether anybody can have an address at a domain.
func IsFreeMail(domain string) bool {
	if slices.Contains(freeMail, domain) {
		return true
	}
	brand, ending, _ := strings.Cut(domain, ".")
	return slices.Contains(freeMailBrands, brand) && len(ending) <= len("com.xx")
}

// canonicalDomain brings a mail domain to the form in which addresses have it.
func canonicalDomain(s string) (string, error) {
	s = strings.ToLower(strings.TrimSuffix(strings.TrimPrefix(strings.TrimSpace(s), "@"), "."))
	if !isASCII(s) {
		if ascii, err := idna.Lookup.ToASCII(s); err == nil {
			s = ascii
		}
	}
	if !strings.Contains(s, ".") || strings.ContainsAny(s, " /@:") || len(s) > 253 || strings.HasPrefix(s, ".") {
		return "", &InvalidError{"domains", fmt.Sprintf("%q is not a mail domain like example.org", s)}
	}
	if IsFreeMail(s) {
		return "", &InvalidError{"domains", fmt.Sprintf("anybody can have an address at %s: it says nothing of a company", s)}
	}
	return s, nil
}

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
	if c.ID == 0 {
		c.ID, c.Created = tx.NextID(), tx.Now()
	} else {
		was, err := i.Company(tx, c.ID)
		if err != nil {
			return nil, err
		}
		if base != 0 && base != was.Set.Rev {
			return nil, &ConflictError{"somebody else changed this company meanwhile: look at it and save again"}
		}
		c.Created = was.Created
	}
	c.Set = Stamp{Rev: tx.NextID(), By: by, Time: tx.Now()}
	err := i.firms.companies.Put(tx, c.ID, &c)
	if taken := (*store.DuplicateError)(nil); errors.As(err, &taken) {
		other, err := i.Company(tx, taken.ID)
		if err != nil {
			return nil, err
		}
		return nil, &InvalidError{"domains", "one of these domains belongs to " + other.Name}
	}
	return &c, err
}

// RemoveCompany takes a company away; its people stay.
func (i *Identity) RemoveCompany(tx *store.Tx, id uint64) error {
	people, err := i.PeopleOf(tx, id)
	if err != nil {
		return err
	}
	for _, m := range people {
		if err := i.firms.memberships.Delete(tx, m.ID); err != nil {
			return err
		}
	}
	return i.firms.companies.Delete(tx, id)
}

// PeopleOf are the memberships of a company, in the order they came.
func (i *Identity) PeopleOf(tx *store.Tx, company uint64) ([]*Membership, error) {
	return i.membershipsBy(tx, "company", company)
}

// MembershipsOf are those of all records of a customer.
func (i *Identity) MembershipsOf(tx *store.Tx, members []*Customer) (list []*Membership, err error) {
	for _, c := range members {
		part, err := i.membershipsBy(tx, "customer", c.ID)
		if err != nil {
			return nil, err
		}
		for _, m := range part {
			if !slices.ContainsFunc(list, func(o *Membership) bool { return o.Company == m.Company }) {
				list = append(list, m)
			}
		}
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
	if _, err := i.Company(tx, company); err != nil {
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
	return i.firms.memberships.Put(tx, m.ID, m)
}

// Leave says that a customer does not belong to a company any more.
func (i *Identity) Leave(tx *store.Tx, customer, company uint64) error {
	_, list, err := i.belongs(tx, customer)
	if err != nil {
		return err
	}
	for _, m := range list {
		if m.Company == company {
			return i.firms.memberships.Delete(tx, m.ID)
		}
	}
	return fmt.Errorf("membership: %w", store.ErrNotFound)
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

// CompanyByMail suggests the company of somebody with an address at a domain; the
// parent domains count too. ok is false where the domain says nothing.
func (i *Identity) CompanyByMail(tx *store.Tx, domain string) (c *Company, ok bool) {
	for !IsFreeMail(domain) && strings.Contains(domain, ".") {
		if id, ok := i.firms.companies.Lookup(tx, "domain", store.K().Str(domain)); ok {
			c, err := i.Company(tx, id)
			return c, err == nil
		}
		_, domain, _ = strings.Cut(domain, ".")
	}
	return nil, false
}

// Relate says that from is kind of to. Said again of the same two it replaces what
// was said before.
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
	r := &Relation{From: a.ID, To: b.ID}
	known, err := i.RelationsOf(tx, []*Customer{a})
	if err != nil {
		return nil, err
	}
	for _, o := range known {
		if o.From == b.ID && o.To == a.ID || o.From == a.ID && o.To == b.ID {
			r.ID = o.ID
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
