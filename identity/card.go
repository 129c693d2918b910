package identity

import (
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"throughline/store"
)

// Card is what all teams keep about a customer: the aims of the relationship and
// how to treat this person. Set says, for these and for the older fields of a
// Customer, who gave each its value; a field nobody set since cards were kept is
// not in it.
type Card struct {
	Goals     string            `json:"goals,omitempty"`
	Interests string            `json:"interests,omitempty"`
	Dos       string            `json:"dos,omitempty"`
	Donts     string            `json:"donts,omitempty"`
	NextStep  string            `json:"next_step,omitempty"`
	NextDate  string            `json:"next_date,omitempty"` // 2006-01-02
	Owner     uint64            `json:"owner,omitempty"`     // an agent
	Tags      []string          `json:"tags,omitempty"`
	Fields    map[string]string `json:"fields,omitempty"` // by ID of the custom field
	Set       map[string]Stamp  `json:"set,omitempty"`    // by name of the field
}

// Stamp says who gave a field its value. Rev is the number of that change: no
// other change of any field of any customer has it.
type Stamp struct {
	Rev  uint64    `json:"rev"`
	By   string    `json:"by"` // "agent:ID", "import:ID", or "" for the hub
	Time time.Time `json:"time"`
}

// The names of the fields of a card; a custom field is customField and its ID.
// Values are text: tags one in a line, the owner as a number.
const (
	FieldName     = "name"
	FieldCompany  = "company"
	FieldNote     = "note"
	FieldLanguage = "language"
	FieldTimeZone = "time_zone"
	FieldGoals    = "goals"
	FieldInterest = "interests"
	FieldDos      = "dos"
	FieldDonts    = "donts"
	FieldNextStep = "next_step"
	FieldNextDate = "next_date"
	FieldOwner    = "owner"
	FieldTags     = "tags"

	customField = "field:"
)

// CardFields are the names of the fields every card has, in the order of reading.
var CardFields = []string{FieldName, FieldCompany, FieldGoals, FieldInterest, FieldDos, FieldDonts, FieldNextStep, FieldNextDate,
	FieldOwner, FieldLanguage, FieldTimeZone, FieldTags, FieldNote}

// CustomFieldName is the name on a card of the custom field with this ID.
func CustomFieldName(id uint64) string { return customField + strconv.FormatUint(id, 10) }

// Limits of a card.
const (
	maxCardLine  = 200    // runes of name, company and the like
	maxCardText  = 4000   // runes of goals, interests, do's and don'ts
	maxCardNote  = 20_000 // bytes
	maxCardTags  = 50     //
	maxTagRunes  = 50     //
	maxVersions  = 500    // of one field of one record; the oldest go
	dateLayout   = "2006-01-02"
	earliestYear = 1800
)

// slot points to the text of a field; nil for one that is not text.
func (c *Customer) slot(field string) *string {
	switch field {
	case FieldName:
		return &c.Name
	case FieldCompany:
		return &c.Company
	case FieldNote:
		return &c.Note
	case FieldLanguage:
		return &c.Language
	case FieldTimeZone:
		return &c.TimeZone
	case FieldGoals:
		return &c.Goals
	case FieldInterest:
		return &c.Interests
	case FieldDos:
		return &c.Dos
	case FieldDonts:
		return &c.Donts
	case FieldNextStep:
		return &c.NextStep
	case FieldNextDate:
		return &c.NextDate
	}
	return nil
}

// Field reads a field of this record as text.
func (c *Customer) Field(field string) string {
	if s := c.slot(field); s != nil {
		return *s
	}
	switch field {
	case FieldOwner:
		if c.Owner != 0 {
			return strconv.FormatUint(c.Owner, 10)
		}
	case FieldTags:
		return strings.Join(c.Tags, "\n")
	default:
		return c.Fields[strings.TrimPrefix(field, customField)]
	}
	return ""
}

// put writes a field; value has been checked.
func (c *Customer) put(field, value string) {
	if s := c.slot(field); s != nil {
		*s = value
		return
	}
	switch field {
	case FieldOwner:
		c.Owner, _ = strconv.ParseUint(value, 10, 64)
	case FieldTags:
		c.Tags = nil
		if value != "" {
			c.Tags = strings.Split(value, "\n")
		}
	default:
		id := strings.TrimPrefix(field, customField)
		fields := maps.Clone(c.Fields)
		if value == "" {
			delete(fields, id)
		} else {
			if fields == nil {
				fields = map[string]string{}
			}
			fields[id] = value
		}
		c.Fields = fields
	}
}

// ShownField is what the card of a customer shows in a field: what acts on a field
// reads it so, since the value may be that of a record merged into him.
func (i *Identity) ShownField(tx *store.Tx, root uint64, field string) (string, error) {
	members, err := i.Members(tx, root)
	if err != nil {
		return "", err
	}
	return Shows(members, field).Value, nil
}

// Shown is a value as a card shows it: that of root itself or, where root has
// none, of a record merged into it. From is the record it is of. Other holds what
// further records say, which is not shown in its place.
type Shown struct {
	Value string
	Set   Stamp
	From  uint64
	Other []Told
}

// Told is what one record says in a field.
type Told struct {
	Customer uint64
	Value    string
}

// Shows returns the value of a field over all members of a customer, root first.
// A value that root was given (or emptied of) after a merge counts alone; before
// that root's own goes first, and tags are those of all.
func Shows(members []*Customer, field string) Shown {
	root := members[0]
	s := Shown{Value: root.Field(field), Set: root.Set[field], From: root.ID}
	for _, m := range members[1:] {
		value := m.Field(field)
		if value == "" || value == s.Value || m.Merge != nil && s.From == root.ID && s.Set.Time.After(m.Merge.Time) {
			continue
		}
		switch {
		case s.Value == "":
			s.Value, s.Set, s.From = value, m.Set[field], m.ID
		case field == FieldTags:
			tags := slices.Compact(slices.Sorted(slices.Values(append(strings.Split(s.Value, "\n"), m.Tags...))))
			s.Value = strings.Join(tags, "\n")
			if m.Set[field].Rev > s.Set.Rev {
				s.Set = m.Set[field]
			}
		default:
			s.Other = append(s.Other, Told{m.ID, value})
		}
	}
	return s
}
