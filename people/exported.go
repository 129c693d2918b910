package people

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/emersion/go-vcard"

	"throughline/identity"
	"throughline/store"
)

// Exported is a person as exports write him: docs/people.md describes each field.
type Exported struct {
	ID        uint64            `json:"id"`
	Name      string            `json:"name,omitempty"`
	Emails    []string          `json:"emails,omitempty"`
	Phones    []string          `json:"phones,omitempty"`
	Handles   []string          `json:"handles,omitempty"` // of other channels, canonical
	Company   string            `json:"company,omitempty"`
	Companies []ExportedCompany `json:"companies,omitempty"`
	Relations []ExportedTie     `json:"relations,omitempty"`
	Card      map[string]string `json:"card,omitempty"`   // the other fields of the card by name
	Fields    map[string]string `json:"fields,omitempty"` // custom fields by their name
	Created   time.Time         `json:"created"`
	Merged    []uint64          `json:"merged,omitempty"` // records merged into this one
}

// ExportedCompany is a company somebody belongs to.
type ExportedCompany struct {
	Name string `json:"name"`
	Role string `json:"role,omitempty"`
}

// ExportedTie is somebody related.
type ExportedTie struct {
	ID   uint64 `json:"id"`
	Kind string `json:"kind"` // what they are to this person
}

func (p *People) exported(tx *store.Tx, root *identity.Customer, defs []*identity.FieldDef) (*Exported, error) {
	ids := p.hub.Identity
	members, err := ids.Members(tx, root.ID)
	if err != nil {
		return nil, err
	}
	handles, err := ids.Handles(tx, root.ID)
	if err != nil {
		return nil, err
	}
	out := &Exported{ID: root.ID, Created: root.Created}
	for _, h := range handles {
		switch h.Handle.Scheme() {
		case identity.Mailto:
			out.Emails = append(out.Emails, h.Handle.Address())
		case identity.Tel:
			out.Phones = append(out.Phones, h.Handle.Address())
		default:
			out.Handles = append(out.Handles, string(h.Handle))
		}
	}
	for _, m := range members[1:] {
		out.Merged = append(out.Merged, m.ID)
	}
	for _, f := range identity.CardFields {
		v := identity.Shows(members, f).Value
		switch {
		case v == "":
		case f == identity.FieldName:
			out.Name = v
		case f == identity.FieldCompany:
			out.Company = v
		default:
			if out.Card == nil {
				out.Card = map[string]string{}
			}
			out.Card[f] = v
		}
	}
	if out.Name == "" {
		out.Name = ids.DisplayName(tx, root)
	}
	for _, d := range defs {
		if v := identity.Shows(members, identity.CustomFieldName(d.ID)).Value; v != "" && d.Of == identity.OfCustomer {
			if out.Fields == nil {
				out.Fields = map[string]string{}
			}
			out.Fields[d.Name] = v
		}
	}
	belongs, err := ids.MembershipsOf(tx, members)
	if err != nil {
		return nil, err
	}
	for _, m := range belongs {
		c, err := ids.Company(tx, m.Company)
		if err != nil {
			return nil, err
		}
		out.Companies = append(out.Companies, ExportedCompany{c.Name, m.Role})
	}
	relations, err := ids.RelationsOf(tx, members)
	if err != nil {
		return nil, err
	}
	for _, r := range relations {
		other, kind := r.From, r.Kind
		for _, m := range members {
			if m.ID == r.From {
				other, kind = r.To, identity.Inverse(r.Kind)
			}
		}
		out.Relations = append(out.Relations, ExportedTie{other, kind})
	}
	return out, nil
}

// card is a person as vCard 4.0 (RFC 6350).
func (e *Exported) card() vcard.Card {
	c := vcard.Card{}
	c.SetValue(vcard.FieldVersion, "4.0")
	c.SetValue(vcard.FieldUID, fmt.Sprintf("throughline:%d", e.ID))
	name := e.Name
	if name == "" {
		name = fmt.Sprint(e.ID)
	}
	c.SetValue(vcard.FieldFormattedName, name)
	for _, a := range e.Emails {
		c.AddValue(vcard.FieldEmail, a)
	}
	for _, a := range e.Phones {
		c.AddValue(vcard.FieldTelephone, a)
	}
	for field, value := range map[string]string{vcard.FieldOrganization: e.Company, vcard.FieldNote: e.Card[identity.FieldNote],
		vcard.FieldLanguage: e.Card[identity.FieldLanguage], vcard.FieldTimezone: e.Card[identity.FieldTimeZone],
		vcard.FieldCategories: strings.ReplaceAll(e.Card[identity.FieldTags], "\n", ",")} {
		if value != "" {
			c.SetValue(field, value)
		}
	}
	for _, field := range ownFields {
		if value := e.Card[field]; value != "" {
			c.SetValue(propertyOf(field), value)
		}
	}
	for _, name := range sortedKeys(e.Fields) {
		pair, _ := json.Marshal([]string{name, e.Fields[name]}) // strings always marshal
		c.AddValue(fieldProperty, string(pair))
	}
	return c
}
