package api

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"throughline/documents"
	"throughline/identity"
	"throughline/inbox"
	"throughline/store"
)

// Company is a firm or an organisation that people belong to.
type Company struct {
	ID      uint64            `json:"id"`
	Name    string            `json:"name"`
	Domains []string          `json:"domains"`
	Note    string            `json:"note,omitempty"`
	Fields  map[string]string `json:"fields,omitempty" doc:"Custom fields by their ID."`
	Created time.Time         `json:"created"`
	Changed FieldStamp        `json:"changed" doc:"The last change; send its rev with the next."`
	People  []CompanyPerson   `json:"people" doc:"At most 500."`
	// Changes are by field.
	Changes map[string]FieldStamp `json:"changes" doc:"Who gave each field its value: name, domains, note, field:ID; absent where nobody changed it since that is kept."`
}

// CompanyPerson is somebody who belongs to a company.
type CompanyPerson struct {
	CustomerBrief
	Role string `json:"role,omitempty"`
}

// CompanyBrief is a company in a list.
type CompanyBrief struct {
	ID      uint64   `json:"id"`
	Name    string   `json:"name"`
	Domains []string `json:"domains"`
	People  int      `json:"people"`
}

// Companies is a page of companies.
type Companies struct {
	Companies []CompanyBrief `json:"companies"`
	Next      string         `json:"next,omitempty"`
}

// CompanyRequest adds a company.
type CompanyRequest struct {
	Name    string   `json:"name" minLength:"1" maxLength:"2000"`
	Domains []string `json:"domains,omitempty" maxItems:"100" doc:"Of its mail addresses; no free-mail services."`
}

// CompanyChange changes a company; absent fields stay.
type CompanyChange struct {
	Name    *string           `json:"name,omitempty" maxLength:"2000"`
	Domains *[]string         `json:"domains,omitempty" maxItems:"100"`
	Note    *string           `json:"note,omitempty" maxLength:"100000"`
	Fields  map[string]string `json:"fields,omitempty" doc:"An empty value empties one."`
	Rev     uint64            `json:"rev,omitempty" doc:"Of the company the writer had before them: if another one holds by now nothing is written."`
}

// Belonging is a company on the card of a customer.
type Belonging struct {
	ID   uint64 `json:"id"`
	Name string `json:"name"`
	Role string `json:"role,omitempty"`
}

// SuggestedCompany is a company that a mail address speaks for.
type SuggestedCompany struct {
	ID     uint64 `json:"id,omitempty" doc:"Absent: there is no company with this domain yet."`
	Name   string `json:"name,omitempty"`
	Domain string `json:"domain,omitempty"`
}

// Related is somebody related to a customer.
type Related struct {
	ID       uint64        `json:"id" doc:"Of the relation."`
	Customer CustomerBrief `json:"customer"`
	Kind     string        `json:"kind" doc:"What they are to this customer: spouse, parent, assistant and so on."`
}

// Ties are what a customer has to do with companies and with others.
type Ties struct {
	Companies []Belonging        `json:"companies"`
	Suggested []SuggestedCompany `json:"suggested" doc:"Companies that mail addresses speak for."`
	Relations []Related          `json:"relations"`
	Kinds     []string           `json:"kinds" doc:"What people can be to each other."`
}

// RoleRequest says what somebody does in a company.
type RoleRequest struct {
	Role string `json:"role,omitempty" maxLength:"2000"`
}

// RelationRequest relates two customers.
type RelationRequest struct {
	Other uint64 `json:"other"`
	Kind  string `json:"kind" maxLength:"100" doc:"What the other one is to this customer."`
}

type companiesIn struct {
	Q string `query:"q" maxLength:"200" doc:"Start of a word of the name, or of a domain."`
	Paging
}

type belongIn struct {
	ID      uint64 `path:"id"`
	Company uint64 `path:"company"`
}

type belongBody struct {
	ID      uint64 `path:"id"`
	Company uint64 `path:"company"`
	Body    RoleRequest
}

func (s *Server) companyRoutes() {
	const g = "Companies and relations"
	add(s, route{id: "listCompanies", method: "GET", path: "/api/companies", role: agent, group: g, summary: "Find companies"}, s.listCompanies)
	add(s, route{id: "createCompany", method: "POST", path: "/api/companies", role: agent, group: g, summary: "Add a company", status: 201}, s.createCompany)
	add(s, route{id: "getCompany", method: "GET", path: "/api/companies/{id}", role: agent, group: g, summary: "A company with its people"}, s.getCompany)
	add(s, route{id: "changeCompany", method: "PATCH", path: "/api/companies/{id}", role: agent, group: g, summary: "Change a company"}, s.changeCompany)
	add(s, route{id: "listCompanyHistory", method: "GET", path: "/api/companies/{id}/history", role: agent, group: g, summary: "What a field of a company held before: name, domains, note or field:ID"}, s.listCompanyHistory)
	add(s, route{id: "deleteCompany", method: "DELETE", path: "/api/companies/{id}", role: manager, group: g, summary: "Take a company away; its people stay", status: 204}, s.deleteCompany)
	add(s, route{id: "listCompanyConversations", method: "GET", path: "/api/companies/{id}/conversations", role: agent, group: g, summary: "The conversations of a company's people, newest first"}, s.listCompanyConversations)
	add(s, route{id: "getTies", method: "GET", path: "/api/customers/{id}/ties", role: agent, group: g, summary: "What a customer has to do with companies and with others"}, s.getTies)
	add(s, route{id: "joinCompany", method: "PUT", path: "/api/customers/{id}/companies/{company}", role: agent, group: g, summary: "Say that a customer belongs to a company, and as what"}, s.joinCompany)
	add(s, route{id: "leaveCompany", method: "DELETE", path: "/api/customers/{id}/companies/{company}", role: agent, group: g, summary: "Say that a customer does not belong to a company"}, s.leaveCompany)
	add(s, route{id: "relateCustomers", method: "POST", path: "/api/customers/{id}/relations", role: agent, group: g, summary: "Say what another customer is to this one"}, s.relateCustomers)
	add(s, route{id: "unrelateCustomers", method: "DELETE", path: "/api/relations/{id}", role: agent, group: g, summary: "Take a relation away", status: 204}, s.unrelateCustomers)
}

func (s *Server) listCompanies(_ context.Context, i *companiesIn) (*out[Companies], error) {
	after, err := i.key()
	if err != nil {
		return nil, err
	}
	o := &out[Companies]{Companies{Companies: []CompanyBrief{}}}
	return o, s.view(func(v *view) error {
		list, next, err := s.hub.Identity.Companies(v.tx, i.Q, after, i.Limit)
		if err != nil {
			return err
		}
		o.Body.Next = cursor(next)
		for _, c := range list {
			people, err := s.hub.Identity.PeopleOf(v.tx, c.ID)
			if err != nil {
				return err
			}
			o.Body.Companies = append(o.Body.Companies, CompanyBrief{ID: c.ID, Name: c.Name, Domains: some(c.Domains), People: len(people)})
		}
		return nil
	})
}

// some is a list that is there even when empty.
func some(list []string) []string {
	if list == nil {
		return []string{}
	}
	return list
}

// shownPeople bounds the people shown of a company.
const shownPeople = 500

func (s *Server) showCompany(id uint64) (*out[Company], error) {
	o := new(out[Company])
	return o, s.view(func(v *view) error {
		c, err := s.hub.Identity.Company(v.tx, id)
		if err != nil {
			return err
		}
		o.Body = Company{ID: c.ID, Name: c.Name, Domains: some(c.Domains), Note: c.Note, Fields: c.Fields, Created: c.Created, Changed: fieldStamp(c.Set), People: []CompanyPerson{}, Changes: map[string]FieldStamp{}}
		for field, set := range c.Sets {
			o.Body.Changes[field] = fieldStamp(set)
		}
		people, err := s.hub.Identity.PeopleOf(v.tx, id)
		if err != nil {
			return err
		}
		seen := map[uint64]bool{}
		for _, m := range people[:min(len(people), shownPeople)] {
			b, err := v.briefOf(m.Customer)
			if err != nil {
				return err
			}
			if !seen[b.ID] {
				seen[b.ID] = true
				o.Body.People = append(o.Body.People, CompanyPerson{b, m.Role})
			}
		}
		return nil
	})
}

// briefOf is a customer in a list, by any of its records.
func (v *view) briefOf(id uint64) (CustomerBrief, error) {
	root, err := v.s.hub.Identity.Root(v.tx, id)
	if err != nil {
		return CustomerBrief{}, err
	}
	handles, err := v.s.hub.Identity.Handles(v.tx, root.ID)
	if err != nil {
		return CustomerBrief{}, err
	}
	b := CustomerBrief{ID: root.ID, Name: v.s.hub.Identity.DisplayName(v.tx, root), Company: root.Company, Handles: []string{}, Picture: firstPicture(handles)}
	for _, h := range handles[:min(len(handles), briefHandles)] {
		b.Handles = append(b.Handles, string(h.Handle))
	}
	return b, nil
}

func (s *Server) createCompany(ctx context.Context, i *in[CompanyRequest]) (*out[Company], error) {
	c, err := s.hub.PutCompany(ctx, who(ctx).id(), 0, 0, func(c *identity.Company) {
		c.Name, c.Domains = straight(i.Body.Name), i.Body.Domains
	})
	if err != nil {
		return nil, err
	}
	return s.showCompany(c.ID)
}

func (s *Server) getCompany(_ context.Context, i *idIn) (*out[Company], error) {
	return s.showCompany(i.ID)
}

func (s *Server) changeCompany(ctx context.Context, i *idBody[CompanyChange]) (*out[Company], error) {
	b := i.Body
	if _, err := s.hub.PutCompany(ctx, who(ctx).id(), i.ID, b.Rev, func(c *identity.Company) {
		if b.Name != nil {
			c.Name = straight(*b.Name)
		}
		if b.Domains != nil {
			c.Domains = *b.Domains
		}
		if b.Note != nil {
			c.Note = strings.TrimSpace(plain(*b.Note))
		}
		if b.Fields != nil {
			if c.Fields = maps.Clone(c.Fields); c.Fields == nil {
				c.Fields = map[string]string{}
			}
			for id, value := range b.Fields {
				c.Fields[id] = plain(value)
			}
		}
	}); err != nil {
		return nil, err
	}
	return s.showCompany(i.ID)
}

func (s *Server) deleteCompany(ctx context.Context, i *idIn) (*none, error) {
	return &none{}, s.hub.RemoveCompany(ctx, who(ctx).id(), i.ID, func(tx *store.Tx) error {
		if n := s.docs.OfCompany(tx, i.ID); n > 0 {
			return &documents.ConflictError{Text: fmt.Sprintf("this company has %d documents: give them to somebody else, or delete them for good, first", n)}
		}
		return nil
	})
}

func (s *Server) listCompanyConversations(ctx context.Context, i *customerListIn) (*out[Rows], error) {
	after, err := i.key()
	if err != nil {
		return nil, err
	}
	o := new(out[Rows])
	return o, s.view(func(v *view) error {
		o.Body = Rows{Rows: []Row{}, Seq: v.seq()}
		people, err := s.hub.Identity.PeopleOf(v.tx, i.ID)
		if err != nil {
			return err
		}
		q := inbox.ListQuery{Agent: who(ctx).id(), After: after, Limit: i.Limit}
		for _, m := range people[:min(len(people), shownPeople)] {
			root, err := s.hub.Identity.Root(v.tx, m.Customer)
			if err != nil {
				return err
			}
			subjects, err := s.hub.Identity.Subjects(v.tx, root.ID)
			if err != nil {
				return err
			}
			for _, id := range subjects {
				if !slices.Contains(q.Subjects, id) {
					q.Subjects = append(q.Subjects, id)
				}
			}
		}
		if len(q.Subjects) == 0 {
			return nil
		}
		return v.list(&o.Body, q)
	})
}

func (s *Server) getTies(_ context.Context, i *idIn) (*out[Ties], error) {
	o := new(out[Ties])
	return o, s.view(func(v *view) (err error) {
		o.Body, err = v.ties(i.ID)
		return err
	})
}

func (v *view) ties(id uint64) (Ties, error) {
	ids := v.s.hub.Identity
	t := Ties{Companies: []Belonging{}, Suggested: []SuggestedCompany{}, Relations: []Related{}, Kinds: identity.RelationKinds()}
	root, err := ids.Root(v.tx, id)
	if err != nil {
		return t, err
	}
	members, err := ids.Members(v.tx, root.ID)
	if err != nil {
		return t, err
	}
	belongs, err := ids.MembershipsOf(v.tx, members)
	if err != nil {
		return t, err
	}
	for _, m := range belongs {
		c, err := ids.Company(v.tx, m.Company)
		if err != nil {
			return t, err
		}
		t.Companies = append(t.Companies, Belonging{c.ID, c.Name, m.Role})
	}
	// From before fields named companies: a text that is none yet.
	if name := identity.Shows(members, identity.FieldCompany).Value; name != "" {
		c, ok := ids.CompanyNamed(v.tx, name)
		if !ok {
			t.Suggested = append(t.Suggested, SuggestedCompany{Name: name})
		} else if !slices.ContainsFunc(t.Companies, func(b Belonging) bool { return b.ID == c.ID }) {
			t.Suggested = append(t.Suggested, SuggestedCompany{ID: c.ID, Name: c.Name})
		}
	}
	handles, err := ids.Handles(v.tx, root.ID)
	if err != nil {
		return t, err
	}
	for _, h := range handles {
		_, domain, ok := strings.Cut(h.Handle.Address(), "@")
		if h.Handle.Scheme() != identity.Mailto || !ok || identity.IsFreeMail(domain) {
			continue
		}
		sug := SuggestedCompany{Domain: domain}
		if c, ok := ids.CompanyByMail(v.tx, domain); ok {
			if slices.ContainsFunc(t.Companies, func(b Belonging) bool { return b.ID == c.ID }) {
				continue
			}
			sug.ID, sug.Name = c.ID, c.Name
		}
		if !slices.ContainsFunc(t.Suggested, func(o SuggestedCompany) bool {
			return domain != "" && o.Domain == domain || o.ID != 0 && o.ID == sug.ID
		}) {
			t.Suggested = append(t.Suggested, sug)
		}
	}
	relations, err := ids.RelationsOf(v.tx, members)
	if err != nil {
		return t, err
	}
	for _, r := range relations {
		other, kind := r.From, r.Kind
		if slices.ContainsFunc(members, func(m *identity.Customer) bool { return m.ID == r.From }) {
			other, kind = r.To, identity.Inverse(r.Kind)
		}
		b, err := v.briefOf(other)
		if errors.Is(err, store.ErrNotFound) || err == nil && b.ID == root.ID {
			continue // both are one by now
		}
		if err != nil {
			return t, err
		}
		t.Relations = append(t.Relations, Related{r.ID, b, kind})
	}
	return t, nil
}

func (s *Server) joinCompany(ctx context.Context, i *belongBody) (*out[Ties], error) {
	if err := s.hub.Join(ctx, who(ctx).id(), i.ID, i.Company, straight(i.Body.Role)); err != nil {
		return nil, err
	}
	return s.getTies(ctx, &idIn{i.ID})
}

func (s *Server) leaveCompany(ctx context.Context, i *belongIn) (*out[Ties], error) {
	if err := s.hub.Leave(ctx, who(ctx).id(), i.ID, i.Company); err != nil {
		return nil, err
	}
	return s.getTies(ctx, &idIn{i.ID})
}

func (s *Server) relateCustomers(ctx context.Context, i *idBody[RelationRequest]) (*out[Ties], error) {
	if err := s.hub.Relate(ctx, who(ctx).id(), i.Body.Other, i.ID, i.Body.Kind); err != nil {
		return nil, err
	}
	return s.getTies(ctx, &idIn{i.ID})
}

func (s *Server) unrelateCustomers(ctx context.Context, i *idIn) (*none, error) {
	return &none{}, s.hub.Unrelate(ctx, who(ctx).id(), i.ID)
}

func (s *Server) listCompanyHistory(_ context.Context, i *historyIn) (*out[FieldHistory], error) {
	o := &out[FieldHistory]{FieldHistory{Versions: []FieldVersion{}}}
	return o, s.view(func(v *view) error {
		list, err := s.hub.Identity.CompanyHistory(v.tx, i.ID, i.Field, i.Limit)
		for _, x := range list {
			o.Body.Versions = append(o.Body.Versions, FieldVersion{Value: x.Value, By: x.Set.By, Time: x.Set.Time, Until: x.Time, Next: x.By, Member: x.Customer})
		}
		return err
	})
}
