package people

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"

	"throughline/identity"
	"throughline/message"
)

// Row is what one row of a table, or one card, says of a person.
type Row struct {
	Line    int
	Problem string // why it cannot be read at all
	cells   []cell
}

type cell struct{ target, value string }

func (r *Row) put(target, value string) {
	if value = strings.TrimSpace(value); value != "" && target != ToNothing {
		r.cells = append(r.cells, cell{target, value})
	}
}

// who is what a reader knows the row by: its name, else its first address.
func (r *Row) who() string {
	said := map[string]string{}
	for _, c := range r.cells {
		if said[c.target] == "" {
			said[c.target] = c.value
		}
	}
	for _, s := range []string{said[identity.FieldName], strings.TrimSpace(said[ToFirst] + " " + said[ToLast]), said[ToEmail], said[ToPhone], said[ToID]} {
		if s != "" {
			return cut(s)
		}
	}
	return ""
}

// person is what is to become of a row.
type person struct {
	key     string // by which the same row is known again
	exact   string // likewise, with its name: lists of two systems may have the same numbers
	handles []message.Handle
	edits   []identity.Edit
}

// RowError tells what is wrong with a row, in words for the one who mends it.
type RowError struct{ Text string }

func (e *RowError) Error() string { return e.Text }

// person brings a row into order. region is the country (ISO 3166) of numbers
// that have no country code, "" refuses them.
func (r *Row) person(region string) (*person, error) {
	if r.Problem != "" {
		return nil, &RowError{r.Problem}
	}
	p := new(person)
	values := map[string]string{}
	var firstName, lastName, id string
	for _, c := range r.cells {
		if len(c.value) > maxCell {
			return nil, &RowError{fmt.Sprintf("%s: this has more than %d bytes", c.target, maxCell)}
		}
		switch c.target {
		case ToFirst:
			firstName = c.value
		case ToLast:
			lastName = c.value
		case ToID:
			id = c.value
		case ToEmail, ToPhone:
			if err := p.address(c, region); err != nil {
				return nil, err
			}
		case identity.FieldTags:
			tags := strings.FieldsFunc(c.value, func(r rune) bool { return strings.ContainsRune(",;|\n،؛", r) || r == '：' })
			values[c.target] = strings.TrimSpace(values[c.target] + "\n" + strings.Join(tags, "\n"))
		default:
			if old := values[c.target]; old != "" && old != c.value {
				return nil, &RowError{fmt.Sprintf("%s: two columns say different things: %q and %q", c.target, cut(old), cut(c.value))}
			}
			values[c.target] = c.value
		}
	}
	if values[identity.FieldName] == "" {
		if name := strings.TrimSpace(firstName + " " + lastName); name != "" {
			values[identity.FieldName] = name
		}
	}
	if values[identity.FieldName] == "" && len(p.handles) == 0 {
		return nil, &RowError{"this row has no name, no email address and no number"}
	}
	// In a fixed order: the fields of a card, then the custom ones.
	for _, field := range identity.CardFields {
		if v := values[field]; v != "" {
			p.edits = append(p.edits, identity.Edit{Field: field, Value: v})
		}
		delete(values, field)
	}
	for _, field := range sortedKeys(values) {
		p.edits = append(p.edits, identity.Edit{Field: field, Value: values[field]})
	}
	p.key = p.fingerprint(id)
	if p.exact = p.key; id != "" {
		p.exact = p.fingerprint(id + "\x00" + p.name())
	}
	return p, nil
}

// address adds the addresses of a cell.
func (p *person) address(c cell, region string) error {
	part := func(r rune) bool { return strings.ContainsRune(";\n|؛", r) || (r == ',' || r == '،') }
	for _, text := range strings.FieldsFunc(strings.ReplaceAll(c.value, ":::", ";"), part) {
		text = strings.TrimSpace(text)
		if text == "" {
			continue
		}
		var h message.Handle
		var err error
		if c.target == ToEmail {
			if _, address, ok := strings.Cut(text, "<"); ok {
				text = strings.TrimSuffix(address, ">")
			}
			text = strings.TrimPrefix(text, "mailto:")
			h, err = identity.Canonical(message.NewHandle(identity.Mailto, text))
			if err == nil && !strings.Contains(h.Address()[strings.LastIndexByte(h.Address(), '@'):], ".") {
				err = fmt.Errorf("%q is not an email address: its domain has no dot", cut(text))
			}
			if err == nil && strings.ContainsAny(h.Address(), " \t") {
				err = fmt.Errorf("%q is not an email address: it has a space", cut(text))
			}
		} else {
			h, err = identity.PhoneIn(text, region)
		}
		if err != nil {
			return &RowError{err.Error()}
		}
		if !slices.Contains(p.handles, h) {
			p.handles = append(p.handles, h)
		}
	}
	return nil
}

// fingerprint is the name under which the same row is known again: that of the
// other system if it has one, else what it says in all.
func (p *person) fingerprint(id string) string {
	h := sha256.New()
	if id != "" {
		fmt.Fprintf(h, "id\x00%s", id)
	} else {
		for _, a := range slices.Sorted(slices.Values(p.handles)) {
			fmt.Fprintf(h, "%s\x00", a)
		}
		for _, e := range p.edits {
			fmt.Fprintf(h, "%s\x00%s\x00", e.Field, e.Value)
		}
	}
	return hex.EncodeToString(h.Sum(nil)[:16])
}

// cut shortens a value for an error.
func cut(s string) string {
	const most = 60
	n := 0
	for i := range s {
		if n++; n > most {
			return s[:i] + "…"
		}
	}
	return s
}
