package api

import (
	"context"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"throughline/identity"
	"throughline/inbox"
)

// Card is the part of a customer that all teams keep together.
type Card struct {
	Goals     string                   `json:"goals,omitempty"`
	Interests string                   `json:"interests,omitempty"`
	Dos       string                   `json:"dos,omitempty" doc:"What to do with this person."`
	Donts     string                   `json:"donts,omitempty" doc:"What to leave."`
	NextStep  string                   `json:"next_step,omitempty"`
	NextDate  string                   `json:"next_date,omitempty" doc:"Like 2027-03-09."`
	Owner     uint64                   `json:"owner,omitempty" doc:"The agent who looks after this customer."`
	Tags      []string                 `json:"tags,omitempty"`
	Fields    map[string]string        `json:"fields,omitempty" doc:"Custom fields by their ID; see GET /api/fields."`
	Changed   map[string]FieldStamp    `json:"changed" doc:"Who last set a field, by name; a custom field is field:ID."`
	Other     map[string][]MemberValue `json:"other,omitempty" doc:"What records merged into this one say in a field, where it differs."`
}

// FieldStamp tells who gave a field its value.
type FieldStamp struct {
	Rev  uint64    `json:"rev" doc:"Send it in base with a change of this field."`
	By   string    `json:"by" doc:"agent:ID, import:ID or system."`
	Time time.Time `json:"time"`
}

// MemberValue is what a merged record says in a field.
type MemberValue struct {
	Member uint64 `json:"member"`
	Value  string `json:"value"`
}

// CustomerChange changes a customer; absent fields stay.
type CustomerChange struct {
	Name      *string           `json:"name,omitempty" maxLength:"2000"`
	Company   *string           `json:"company,omitempty" maxLength:"2000"`
	Note      *string           `json:"note,omitempty" maxLength:"100000"`
	Language  *string           `json:"language,omitempty" maxLength:"35"`
	TimeZone  *string           `json:"time_zone,omitempty" maxLength:"100"`
	Goals     *string           `json:"goals,omitempty" maxLength:"20000"`
	Interests *string           `json:"interests,omitempty" maxLength:"20000"`
	Dos       *string           `json:"dos,omitempty" maxLength:"20000"`
	Donts     *string           `json:"donts,omitempty" maxLength:"20000"`
	NextStep  *string           `json:"next_step,omitempty" maxLength:"2000"`
	NextDate  *string           `json:"next_date,omitempty" maxLength:"10" doc:"Like 2027-03-09, empty for none."`
	Owner     *uint64           `json:"owner,omitempty" doc:"An agent; 0 for nobody."`
	Tags      *[]string         `json:"tags,omitempty" maxItems:"100" doc:"All tags from now on."`
	Fields    map[string]string `json:"fields,omitempty" doc:"Custom fields by their ID; an empty value empties one."`
	Base      map[string]uint64 `json:"base,omitempty" doc:"The rev that the writer had before them, by name of the field; 0 for one that nobody had set. Where another one holds by now nothing is written and the answer is a Clashes."`
}

// Clash is one field that somebody else changed meanwhile.
type Clash struct {
	Field   string     `json:"field"`
	Value   string     `json:"value" doc:"As it is now; tags one in a line."`
	Changed FieldStamp `json:"changed"`
}

// Clashes is the problem of a change to fields that somebody else changed
// meanwhile. Nothing was written.
type Clashes struct {
	Type      string  `json:"type"`
	Title     string  `json:"title"`
	Status    int     `json:"status"`
	Detail    string  `json:"detail"`
	Conflicts []Clash `json:"conflicts"`
}

// typeClash is the type of that problem.
const typeClash = "https://throughline.example/problems/clash"

// clashProblem is Clashes as an error that huma can answer with.
type clashProblem struct{ Clashes }

func (p *clashProblem) Error() string             { return p.Detail }
func (p *clashProblem) GetStatus() int            { return p.Status }
func (p *clashProblem) ContentType(string) string { return "application/problem+json" }

func clashes(e *identity.EditError) []Clash {
	list := make([]Clash, 0, len(e.Conflicts))
	for _, c := range e.Conflicts {
		list = append(list, Clash{c.Field, c.Value, fieldStamp(c.Set)})
	}
	return list
}

func fieldStamp(s identity.Stamp) FieldStamp {
	if s.By == "" {
		s.By = "system"
	}
	return FieldStamp{Rev: s.Rev, By: s.By, Time: s.Time}
}

// FieldVersion is what a field held before a change.
type FieldVersion struct {
	Value  string    `json:"value"`
	By     string    `json:"by" doc:"Who had written it; empty if that is not known."`
	Time   time.Time `json:"time,omitzero" doc:"When."`
	Until  time.Time `json:"until" doc:"When it was replaced."`
	Next   string    `json:"next" doc:"Who replaced it."`
	Member uint64    `json:"member" doc:"The customer record it was written at."`
}

// FieldHistory are the former values of a field, newest first.
type FieldHistory struct {
	Versions []FieldVersion `json:"versions"`
}

// CustomField is a field that administrators have added to cards.
type CustomField struct {
	ID       uint64   `json:"id" readOnly:"true"`
	Name     string   `json:"name" minLength:"1" maxLength:"200"`
	Kind     string   `json:"kind" enum:"text,number,date,choice,yes_no,link"`
	Of       string   `json:"of" enum:"customer,company"`
	Choices  []string `json:"choices,omitempty" maxItems:"200" doc:"Of a choice."`
	Order    int      `json:"order,omitempty" doc:"Smaller ones come first."`
	Archived bool     `json:"archived,omitempty" doc:"Keeps its values and is not offered any more."`
	Tells    string   `json:"tells,omitempty" enum:"born,address,postcode,city,state,email,phone,username,own" doc:"What of a person it holds, for finding duplicates; own is what only this person has. Only of customers; absent: nothing."`
}

// CustomFieldChange changes a custom field; absent properties stay.
type CustomFieldChange struct {
	Name     *string   `json:"name,omitempty" maxLength:"200"`
	Choices  *[]string `json:"choices,omitempty" maxItems:"200"`
	Order    *int      `json:"order,omitempty"`
	Archived *bool     `json:"archived,omitempty"`
	Tells    *string   `json:"tells,omitempty" maxLength:"20" doc:"As in CustomField; empty: nothing."`
}

// CustomFields are all custom fields in their order.
type CustomFields struct {
	Fields []CustomField `json:"fields"`
}

func (s *Server) cardRoutes() {
	const g = "Customers"
	add(s, route{id: "changeCustomer", method: "PATCH", path: "/api/customers/{id}", role: agent, group: g, summary: "Change what is known of a customer", doc: map[string]*huma.Response{
		"409":     s.problemDoc("Somebody else changed one of the fields since base: nothing was written.", reflect.TypeFor[Clashes]()),
		"default": s.problemDoc("Error", reflect.TypeFor[huma.ErrorModel]()),
	}}, s.changeCustomer)
	add(s, route{id: "listCardHistory", method: "GET", path: "/api/customers/{id}/history", role: agent, group: g, summary: "What a field of a customer's card held before"}, s.listCardHistory)
	add(s, route{id: "listFields", method: "GET", path: "/api/fields", role: agent, group: g, summary: "Custom fields, archived ones too"}, s.listFields)
	add(s, route{id: "createField", method: "POST", path: "/api/fields", role: admin, group: g, summary: "Add a custom field", status: 201}, s.createField)
	add(s, route{id: "changeField", method: "PATCH", path: "/api/fields/{id}", role: admin, group: g, summary: "Rename, order or archive a custom field"}, s.changeField)
	s.taskRoutes()
	s.importRoutes()
	s.companyRoutes()
	s.exportRoutes()
}

// card fills in what a customer's records say, merged ones too.
func (v *view) card(c *Customer, members []*identity.Customer) {
	fields := slices.Clone(identity.CardFields)
	custom := map[string]bool{}
	for _, m := range members {
		for id := range m.Fields {
			custom[id] = true
		}
	}
	for _, id := range slices.Sorted(maps.Keys(custom)) {
		fields = append(fields, "field:"+id)
	}
	texts := map[string]*string{
		identity.FieldCompany: &c.Company, identity.FieldNote: &c.Note, identity.FieldLanguage: &c.Language, identity.FieldTimeZone: &c.TimeZone,
		identity.FieldGoals: &c.Goals, identity.FieldInterest: &c.Interests, identity.FieldDos: &c.Dos, identity.FieldDonts: &c.Donts,
		identity.FieldNextStep: &c.NextStep, identity.FieldNextDate: &c.NextDate,
	}
	c.Changed = map[string]FieldStamp{}
	for _, f := range fields {
		shown := identity.Shows(members, f)
		if shown.Set.Rev != 0 {
			c.Changed[f] = fieldStamp(shown.Set)
		}
		for _, o := range shown.Other {
			if f == identity.FieldName {
				continue // the list of merged records tells
			}
			if c.Other == nil {
				c.Other = map[string][]MemberValue{}
			}
			c.Other[f] = append(c.Other[f], MemberValue{o.Customer, o.Value})
		}
		switch id, isCustom := strings.CutPrefix(f, "field:"); {
		case texts[f] != nil:
			*texts[f] = shown.Value
		case f == identity.FieldOwner:
			c.Owner, _ = strconv.ParseUint(shown.Value, 10, 64)
		case f == identity.FieldTags && shown.Value != "":
			c.Tags = strings.Split(shown.Value, "\n")
		case isCustom && shown.Value != "":
			if c.Fields == nil {
				c.Fields = map[string]string{}
			}
			c.Fields[id] = shown.Value
		}
	}
}

// edits are the fields of a change.
func (c *CustomerChange) edits() []identity.Edit {
	var list []identity.Edit
	put := func(field, value string) {
		e := identity.Edit{Field: field, Value: value}
		if rev, ok := c.Base[field]; ok {
			e.Base = &rev
		}
		list = append(list, e)
	}
	for _, f := range []struct {
		name  string
		value *string
		clean func(string) string
	}{
		{identity.FieldName, c.Name, oneLine}, {identity.FieldCompany, c.Company, oneLine}, {identity.FieldNote, c.Note, plain},
		{identity.FieldLanguage, c.Language, oneLine}, {identity.FieldTimeZone, c.TimeZone, oneLine}, {identity.FieldGoals, c.Goals, plain},
		{identity.FieldInterest, c.Interests, plain}, {identity.FieldDos, c.Dos, plain}, {identity.FieldDonts, c.Donts, plain},
		{identity.FieldNextStep, c.NextStep, oneLine}, {identity.FieldNextDate, c.NextDate, oneLine},
	} {
		if f.value != nil {
			put(f.name, f.clean(*f.value))
		}
	}
	if c.Owner != nil {
		put(identity.FieldOwner, strconv.FormatUint(*c.Owner, 10))
	}
	if c.Tags != nil {
		tags := make([]string, len(*c.Tags))
		for i, t := range *c.Tags {
			tags[i] = straight(t)
		}
		put(identity.FieldTags, strings.Join(tags, "\n"))
	}
	for _, id := range slices.Sorted(maps.Keys(c.Fields)) {
		put("field:"+id, plain(c.Fields[id]))
	}
	return list
}

func (s *Server) changeCustomer(ctx context.Context, i *idBody[CustomerChange]) (*out[Customer], error) {
	if i.Body.Owner != nil {
		if err := s.checkAgent("owner", *i.Body.Owner); err != nil {
			return nil, err
		}
	}
	if err := s.hub.EditCard(ctx, who(ctx).id(), i.ID, i.Body.edits()); err != nil {
		return nil, err
	}
	return s.showCustomer(i.ID)
}

// checkAgent refuses to give something to somebody who does not work here (any
// more); 0 is nobody.
func (s *Server) checkAgent(field string, id uint64) error {
	if id == 0 {
		return nil
	}
	a, err := s.auth.Agent(id)
	if isGone(err) || err == nil && a.Disabled {
		return &inbox.InvalidError{Field: field, Text: "there is no such agent any more: choose somebody else"}
	}
	return err
}

type historyIn struct {
	ID    uint64 `path:"id"`
	Field string `query:"field" required:"true" maxLength:"100" doc:"For example goals, note or field:12."`
	Limit int    `query:"limit" minimum:"1" maximum:"200" default:"50"`
}

func (s *Server) listCardHistory(ctx context.Context, i *historyIn) (*out[FieldHistory], error) {
	o := &out[FieldHistory]{FieldHistory{Versions: []FieldVersion{}}}
	return o, s.view(func(v *view) error {
		list, err := s.hub.Identity.History(v.tx, i.ID, i.Field, i.Limit)
		for _, x := range list {
			o.Body.Versions = append(o.Body.Versions, FieldVersion{Value: x.Value, By: x.Set.By, Time: x.Set.Time, Until: x.Time, Next: x.By, Member: x.Customer})
		}
		return err
	})
}

func toCustomField(d *identity.FieldDef) CustomField {
	return CustomField{ID: d.ID, Name: d.Name, Kind: d.Kind, Of: d.Of, Choices: d.Choices, Order: d.Order, Archived: d.Archived, Tells: d.Tells}
}

func (s *Server) listFields(ctx context.Context, _ *none) (*out[CustomFields], error) {
	o := &out[CustomFields]{CustomFields{Fields: []CustomField{}}}
	return o, s.view(func(v *view) error {
		list, err := s.hub.Identity.FieldDefs(v.tx)
		for _, d := range list {
			o.Body.Fields = append(o.Body.Fields, toCustomField(d))
		}
		return err
	})
}

func (s *Server) createField(ctx context.Context, i *in[CustomField]) (*out[CustomField], error) {
	b := i.Body
	for n := range b.Choices {
		b.Choices[n] = straight(b.Choices[n])
	}
	return s.putField(ctx, 0, func(d *identity.FieldDef) {
		*d = identity.FieldDef{Name: straight(b.Name), Kind: b.Kind, Of: b.Of, Choices: b.Choices, Order: b.Order, Archived: b.Archived, Tells: b.Tells}
	})
}

func (s *Server) changeField(ctx context.Context, i *idBody[CustomFieldChange]) (*out[CustomField], error) {
	b := i.Body
	return s.putField(ctx, i.ID, func(d *identity.FieldDef) {
		if b.Name != nil {
			d.Name = straight(*b.Name)
		}
		if b.Choices != nil {
			d.Choices = nil
			for _, c := range *b.Choices {
				d.Choices = append(d.Choices, straight(c))
			}
		}
		if b.Order != nil {
			d.Order = *b.Order
		}
		if b.Archived != nil {
			d.Archived = *b.Archived
		}
		if b.Tells != nil {
			d.Tells = *b.Tells
		}
	})
}

func (s *Server) putField(ctx context.Context, id uint64, change func(*identity.FieldDef)) (*out[CustomField], error) {
	d, err := s.hub.PutField(ctx, who(ctx).id(), id, change)
	if err != nil {
		return nil, err
	}
	return &out[CustomField]{toCustomField(d)}, nil
}
