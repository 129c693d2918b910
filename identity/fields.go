package identity

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"throughline/store"
)

// The kinds of custom field.
const (
	KindText   = "text"
	KindNumber = "number" // decimal, with a point
	KindDate   = "date"   // 2006-01-02
	KindChoice = "choice" // one of Choices
	KindYesNo  = "yes_no" // "yes" or "no"
	KindLink   = "link"   // https, http or mailto
)

var fieldKinds = []string{KindText, KindNumber, KindDate, KindChoice, KindYesNo, KindLink}

// What a custom field belongs to.
const (
	OfCustomer = "customer"
	OfCompany  = "company"
)

// FieldDef is a field that administrators have added to the cards of customers or
// companies. It is never removed: an archived one keeps its values and is not
// offered any more.
type FieldDef struct {
	ID       uint64   `json:"-"`
	Name     string   `json:"name"`
	Kind     string   `json:"kind"`
	Of       string   `json:"of"`
	Choices  []string `json:"choices,omitempty"`
	Order    int      `json:"order"`
	Archived bool     `json:"archived,omitempty"`
	// Tells says what of a person the field holds, so that it helps to tell who he is;
	// "" if it does not.
	Tells string `json:"tells,omitempty"`
}

// What a custom field of customers may tell of a person.
const (
	TellsBorn     = "born" // the date of birth
	TellsAddress  = "address"
	TellsPostcode = "postcode"
	TellsCity     = "city"
	TellsState    = "state"
	TellsEmail    = "email"
	TellsPhone    = "phone"
	TellsUsername = "username"
	TellsOwn      = "own" // what only this person has, such as the number of a contract
)

var tells = []string{TellsBorn, TellsAddress, TellsPostcode, TellsCity, TellsState, TellsEmail, TellsPhone, TellsUsername, TellsOwn}

// mayTell tells whether fields of a kind can hold such a thing.
func mayTell(kind, what string) bool {
	switch kind {
	case KindText:
		return true
	case KindNumber:
		return what == TellsOwn || what == TellsPostcode
	case KindDate:
		return what == TellsBorn || what == TellsOwn
	case KindChoice:
		return what == TellsCity || what == TellsState
	case KindLink:
		return what == TellsUsername || what == TellsOwn
	}
	return false
}

// Limits of custom fields.
const (
	MaxFields     = 200 // archived ones included
	maxFieldName  = 60  // runes
	maxChoices    = 100
	maxFieldValue = 2000 // runes
)

var (
	decimal = regexp.MustCompile(`^-?[0-9]{1,30}(\.[0-9]{1,15})?$`)
	grouped = regexp.MustCompile(`^-?[0-9]{1,3}(,[0-9]{3})+(\.[0-9]+)?$`)
)

// Parse brings a value into the form in which it is kept; "" stays.
func (d *FieldDef) Parse(value string) (string, error) {
	value = strings.TrimSpace(value)
	if value == "" {
		return "", nil
	}
	if utf8.RuneCountInString(value) > maxFieldValue {
		return "", fmt.Errorf("this has at most %d characters", maxFieldValue)
	}
	switch d.Kind {
	case KindNumber:
		return parseNumber(value)
	case KindDate:
		if !isDate(value) {
			return "", errors.New("write a date like 2027-03-09")
		}
	case KindChoice:
		at := slices.IndexFunc(d.Choices, func(c string) bool { return fold(c) == fold(value) })
		if at < 0 {
			return "", fmt.Errorf("choose one of: %s", strings.Join(d.Choices, ", "))
		}
		return d.Choices[at], nil
	case KindYesNo:
		switch fold(value) {
		case "yes", "y", "true", "1", "x", "بله", "آری", "ใช่":
			return "yes", nil
		case "no", "n", "false", "0", "-", "خیر", "نه", "ไม่", "ไม่ใช่":
			return "no", nil
		}
		return "", errors.New("write yes or no")
	case KindLink:
		return webLink(value)
	}
	return value, nil
}

// parseNumber reads a decimal number in any digits. A comma is accepted where it
// can only group thousands.
func parseNumber(value string) (string, error) {
	s := strings.NewReplacer("٫", ".", "٬", ",", "−", "-", " ", "", "\u00a0", "").Replace(value)
	s = strings.Map(func(r rune) rune {
		if d := digitValue(r); d >= 0 {
			return rune('0' + d)
		}
		return r
	}, s)
	if grouped.MatchString(s) {
		s = strings.ReplaceAll(s, ",", "")
	}
	if !decimal.MatchString(s) {
		return "", errors.New("write a number like 1234.5")
	}
	neg := strings.HasPrefix(s, "-")
	whole, part, _ := strings.Cut(strings.TrimPrefix(s, "-"), ".")
	whole = strings.TrimLeft(whole, "0")
	part = strings.TrimRight(part, "0")
	if whole == "" {
		whole = "0"
	}
	if part != "" {
		whole += "." + part
	}
	if neg && whole != "0" {
		whole = "-" + whole
	}
	return whole, nil
}

func newFieldDefs(s *store.Store) *store.Table[FieldDef] {
	return store.NewTable(s, "custom_fields", store.TableOptions[FieldDef]{
		Indexes: []store.Index[FieldDef]{{Name: "name", Unique: true, Keys: func(d *FieldDef) []store.Key {
			return []store.Key{store.K().Str(d.Of).Str(strings.Join(words(d.Name), " "))}
		}}},
	})
}

// FieldDef returns a custom field; store.ErrNotFound if there is none.
func (i *Identity) FieldDef(tx *store.Tx, id uint64) (*FieldDef, error) {
	d, err := i.fields.Get(tx, id)
	if err != nil {
		return nil, err
	}
	d.ID = id
	return d, nil
}

// FieldDefs returns all custom fields in their order, archived ones too.
func (i *Identity) FieldDefs(tx *store.Tx) ([]*FieldDef, error) {
	var list []*FieldDef
	for e := range i.fields.Scan(tx, store.Range{}) {
		d, err := i.FieldDef(tx, e.ID)
		if err != nil {
			return nil, err
		}
		list = append(list, d)
	}
	slices.SortStableFunc(list, func(a, b *FieldDef) int {
		if a.Order != b.Order {
			return a.Order - b.Order
		}
		return int(int64(a.ID) - int64(b.ID))
	})
	return list, nil
}

// telling are the fields that help to tell who somebody is, archived ones not.
func (i *Identity) telling(tx *store.Tx) (list []*FieldDef) {
	for e := range i.fields.Scan(tx, store.Range{}) {
		if d, err := i.fields.Peek(tx, e.ID); err == nil && d.Tells != "" && !d.Archived {
			d.ID = e.ID
			list = append(list, d)
		}
	}
	return list
}

// Attributes are the names of the custom fields that hold what only one person has.
func (i *Identity) Attributes(tx *store.Tx) []string {
	names := []string{}
	for _, d := range i.telling(tx) {
		if d.Tells == TellsOwn {
			names = append(names, d.Name)
		}
	}
	return names
}

// PutFieldDef adds a custom field (ID 0) or changes one. The kind of one that
// exists stays: its values would mean something else.
func (i *Identity) PutFieldDef(tx *store.Tx, d FieldDef) (*FieldDef, error) {
	d.Name = strings.Join(strings.Fields(d.Name), " ")
	if n := utf8.RuneCountInString(d.Name); n == 0 || n > maxFieldName || len(words(d.Name)) == 0 {
		return nil, &InvalidError{"name", fmt.Sprintf("give the field a name of at most %d characters", maxFieldName)}
	}
	if d.ID != 0 {
		was, err := i.FieldDef(tx, d.ID)
		if err != nil {
			return nil, err
		}
		if d.Kind != was.Kind || d.Of != was.Of {
			return nil, &InvalidError{"kind", "the kind of a field stays: archive it and add another"}
		}
	}
	if !slices.Contains(fieldKinds, d.Kind) {
		return nil, &InvalidError{"kind", "choose one of " + strings.Join(fieldKinds, ", ")}
	}
	if d.Of != OfCustomer && d.Of != OfCompany {
		return nil, &InvalidError{"of", "choose customer or company"}
	}
	if d.Tells != "" {
		switch {
		case !slices.Contains(tells, d.Tells):
			return nil, &InvalidError{"tells", "choose one of " + strings.Join(tells, ", ")}
		case d.Of != OfCustomer:
			return nil, &InvalidError{"tells", "only a field of customers tells who somebody is"}
		case !mayTell(d.Kind, d.Tells):
			return nil, &InvalidError{"tells", "a field of this kind does not hold that: choose another meaning, or none"}
		}
	}
	var choices []string
	for _, c := range d.Choices {
		c = strings.Join(strings.Fields(c), " ")
		if c != "" && !slices.ContainsFunc(choices, func(o string) bool { return fold(o) == fold(c) }) {
			choices = append(choices, c)
		}
	}
	switch {
	case d.Kind != KindChoice:
		choices = nil
	case len(choices) == 0 || len(choices) > maxChoices:
		return nil, &InvalidError{"choices", "give 1 to " + strconv.Itoa(maxChoices) + " choices"}
	}
	d.Choices = choices
	if d.ID == 0 {
		if i.fields.Len(tx) >= MaxFields {
			return nil, &ConflictError{fmt.Sprintf("there are %d custom fields already: use an archived one again", MaxFields)}
		}
		d.ID = tx.NextID()
	}
	err := i.fields.Put(tx, d.ID, &d)
	if taken := (*store.DuplicateError)(nil); errors.As(err, &taken) {
		return nil, &InvalidError{"name", "there is a field of this name already"}
	}
	return &d, err
}
