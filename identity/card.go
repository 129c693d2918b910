package identity

import (
	"errors"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

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

// Version is what a field held before a change.
type Version struct {
	ID       uint64    `json:"-"` // Stamp.Rev of the change that replaced it
	Customer uint64    `json:"customer"`
	Field    string    `json:"field"`
	Value    string    `json:"value"`
	Set      Stamp     `json:"set"` // who had written it; zero if that is not known
	By       string    `json:"by"`  // who replaced it
	Time     time.Time `json:"time"`
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

// Edit gives a field a value; "" empties it. Base is the Rev of the value that the
// editor had before him, nil if it does not matter.
type Edit struct {
	Field, Value string
	Base         *uint64
}

// InvalidError blames one field.
type InvalidError struct{ Field, Text string }

func (e *InvalidError) Error() string { return e.Field + ": " + e.Text }

// EditConflict is one field that somebody else changed meanwhile.
type EditConflict struct {
	Field, Value string // as it is now
	Set          Stamp
}

// EditError tells that fields were changed meanwhile: nothing was written.
type EditError struct{ Conflicts []EditConflict }

func (e *EditError) Error() string {
	return "somebody else changed this meanwhile: look at both versions and save again"
}

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

// CheckField brings a value of a field into the form in which it is kept.
func (i *Identity) CheckField(tx *store.Tx, field, value string) (string, error) {
	long := func(n int) error {
		return &InvalidError{field, fmt.Sprintf("this has at most %d characters", n)}
	}
	value = strings.TrimSpace(strings.ToValidUTF8(value, ""))
	switch field {
	case FieldNote:
		if len(value) > maxCardNote {
			return "", &InvalidError{field, "this note is too long: attach a file to a conversation instead"}
		}
	case FieldGoals, FieldInterest, FieldDos, FieldDonts:
		if utf8.RuneCountInString(value) > maxCardText {
			return "", long(maxCardText)
		}
	case FieldName, FieldCompany, FieldLanguage, FieldTimeZone, FieldNextStep:
		if utf8.RuneCountInString(value) > maxCardLine {
			return "", long(maxCardLine)
		}
	case FieldNextDate:
		if value != "" && !isDate(value) {
			return "", &InvalidError{field, "write a date like 2027-03-09"}
		}
	case FieldOwner:
		if value == "" || value == "0" {
			return "", nil
		}
		if _, err := strconv.ParseUint(value, 10, 64); err != nil {
			return "", &InvalidError{field, "give the number of an agent"}
		}
	case FieldTags:
		return checkTags(value)
	default:
		id, ok := strings.CutPrefix(field, customField)
		n, err := strconv.ParseUint(id, 10, 64)
		if !ok || err != nil {
			return "", &InvalidError{field, "a card has no such field"}
		}
		def, err := i.FieldDef(tx, n)
		if err != nil {
			return "", err
		}
		if value, err = def.Parse(value); err != nil {
			return "", &InvalidError{field, err.Error()}
		}
	}
	return value, nil
}

func checkTags(value string) (string, error) {
	var tags []string
	for line := range strings.Lines(value) {
		t := strings.Join(strings.Fields(line), " ")
		if t == "" || slices.Contains(tags, t) {
			continue
		}
		if utf8.RuneCountInString(t) > maxTagRunes || strings.ContainsFunc(t, unicode.IsControl) {
			return "", &InvalidError{FieldTags, fmt.Sprintf("a tag is at most %d characters on one line", maxTagRunes)}
		}
		tags = append(tags, t)
	}
	if len(tags) > maxCardTags {
		return "", &InvalidError{FieldTags, fmt.Sprintf("at most %d tags", maxCardTags)}
	}
	slices.Sort(tags)
	return strings.Join(tags, "\n"), nil
}

func isDate(s string) bool {
	t, err := time.Parse(dateLayout, s)
	return err == nil && t.Year() >= earliestYear
}

// webLink brings a link into order: only addresses that a browser may open.
func webLink(s string) (string, error) {
	if !strings.Contains(s, "://") && !strings.HasPrefix(strings.ToLower(s), "mailto:") {
		s = "https://" + s
	}
	u, err := url.Parse(s)
	if err != nil || strings.ContainsFunc(s, unicode.IsSpace) {
		return "", fmt.Errorf("write a link like https://example.com/page")
	}
	switch {
	case (u.Scheme == "https" || u.Scheme == "http") && strings.Contains(u.Host, "."):
	case u.Scheme == "mailto" && u.Opaque != "":
	default:
		return "", errors.New("a link begins with https://, http:// or mailto: and an address")
	}
	return u.String(), nil
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

// EditCard changes fields of the card of a customer, which by is told to have
// done. It returns the names of what really changed; with an *EditError or an
// *InvalidError nothing is written.
func (i *Identity) EditCard(tx *store.Tx, id uint64, by string, edits []Edit) (changed []string, err error) {
	root, err := i.Living(tx, id)
	if err != nil {
		return nil, err
	}
	members, err := i.Members(tx, root.ID)
	if err != nil {
		return nil, err
	}
	var clash []EditConflict
	var todo []Edit
	for _, e := range edits {
		if e.Value, err = i.CheckField(tx, e.Field, e.Value); err != nil {
			return nil, err
		}
		now := Shows(members, e.Field)
		if now.Value == e.Value {
			continue
		}
		if e.Base != nil && *e.Base != now.Set.Rev {
			clash = append(clash, EditConflict{e.Field, now.Value, now.Set})
			continue
		}
		todo = append(todo, e)
	}
	if clash != nil {
		return nil, &EditError{clash}
	}
	if todo == nil {
		return nil, nil
	}
	c := *root
	c.Set = maps.Clone(c.Set)
	if c.Set == nil {
		c.Set = map[string]Stamp{}
	}
	for _, e := range todo {
		stamp := Stamp{Rev: tx.NextID(), By: by, Time: tx.Now()}
		if old := c.Field(e.Field); old != "" || c.Set[e.Field].Rev != 0 { // that there was nothing needs no entry
			v := &Version{Customer: c.ID, Field: e.Field, Value: old, Set: c.Set[e.Field], By: by, Time: stamp.Time}
			if err := i.versions.Insert(tx, stamp.Rev, v); err != nil {
				return nil, err
			}
			if err := i.trimVersions(tx, c.ID, e.Field); err != nil {
				return nil, err
			}
		}
		c.put(e.Field, e.Value)
		c.Set[e.Field] = stamp
		changed = append(changed, e.Field)
	}
	return changed, i.customers.Put(tx, c.ID, &c)
}

func (i *Identity) trimVersions(tx *store.Tx, customer uint64, field string) error {
	n := 0
	for e := range i.versions.Scan(tx, store.Range{Index: "field", Prefix: store.K().Uint(customer).Str(field), Reverse: true}) {
		if n++; n > maxVersions {
			return i.versions.Delete(tx, e.ID)
		}
	}
	return nil
}

// History returns the former values of a field over all records of a customer,
// newest first, at most limit.
func (i *Identity) History(tx *store.Tx, id uint64, field string, limit int) ([]*Version, error) {
	root, err := i.Root(tx, id)
	if err != nil {
		return nil, err
	}
	members, err := i.Members(tx, root.ID)
	if err != nil {
		return nil, err
	}
	var all []*Version
	for _, m := range members {
		n := 0
		for e := range i.versions.Scan(tx, store.Range{Index: "field", Prefix: store.K().Uint(m.ID).Str(field), Reverse: true}) {
			v, err := i.versions.Get(tx, e.ID)
			if err != nil {
				return nil, err
			}
			v.ID = e.ID
			all = append(all, v)
			if n++; n == limit {
				break
			}
		}
	}
	slices.SortFunc(all, func(a, b *Version) int {
		return int(int64(b.ID) - int64(a.ID))
	})
	return all[:min(limit, len(all))], nil
}

func newVersions(s *store.Store) *store.Table[Version] {
	return store.NewTable(s, "card_versions", store.TableOptions[Version]{
		Compress: true, Append: true,
		Indexes: []store.Index[Version]{{Name: "field", Keys: func(v *Version) []store.Key {
			return []store.Key{store.K().Uint(v.Customer).Str(v.Field)}
		}}},
	})
}
