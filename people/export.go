package people

import (
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/emersion/go-vcard"

	"throughline/identity"
	"throughline/store"
)

// The forms of an export of all people.
const (
	CSV       = "csv"
	VCard     = "vcard"
	JSONLines = "jsonl"
)

// exportPage is how many people one read transaction of an export looks at.
const exportPage = 200

// WriteAll writes all people, as they come, in one of the forms.
func (p *People) WriteAll(ctx context.Context, w io.Writer, form string) (n int, err error) {
	var defs []*identity.FieldDef
	if err := p.store.View(func(tx *store.Tx) (err error) {
		defs, err = p.hub.Identity.FieldDefs(tx)
		return err
	}); err != nil {
		return 0, err
	}
	var custom []*identity.FieldDef
	for _, d := range defs {
		if d.Of == identity.OfCustomer {
			custom = append(custom, d)
		}
	}
	var write func(*Exported) error
	end := func() error { return nil }
	switch form {
	case CSV:
		if _, err := io.WriteString(w, "\ufeff"); err != nil {
			return 0, err
		}
		out := csv.NewWriter(w)
		header := []string{"id", "name", "email", "phone", "company"}
		var fields []string
		for _, f := range identity.CardFields {
			if f != identity.FieldName && f != identity.FieldCompany && f != identity.FieldOwner {
				fields = append(fields, f)
			}
		}
		header = append(header, fields...)
		for _, d := range custom {
			header = append(header, d.Name)
		}
		if err := out.Write(plainCells(header)); err != nil {
			return 0, err
		}
		write = func(e *Exported) error {
			row := []string{fmt.Sprint(e.ID), e.Name, strings.Join(e.Emails, "; "), strings.Join(e.Phones, "; "), e.Company}
			for _, f := range fields {
				row = append(row, e.Card[f])
			}
			for _, d := range custom {
				row = append(row, e.Fields[d.Name])
			}
			return out.Write(plainCells(row))
		}
		end = func() error { out.Flush(); return out.Error() }
	case VCard:
		enc := vcard.NewEncoder(w)
		write = func(e *Exported) error { return enc.Encode(e.card()) }
	case JSONLines:
		enc := json.NewEncoder(w)
		write = func(e *Exported) error { return enc.Encode(e) }
	default:
		return 0, &InvalidError{"form", "choose csv, vcard or jsonl"}
	}
	var after store.Key
	for {
		var page []*Exported
		if err := p.store.View(func(tx *store.Tx) error {
			found, next, err := p.hub.Identity.Search(tx, "", after, exportPage)
			if err != nil {
				return err
			}
			after = next
			for _, c := range found {
				e, err := p.exported(tx, c, defs)
				if err != nil {
					return err
				}
				page = append(page, e)
			}
			return nil
		}); err != nil {
			return n, err
		}
		for _, e := range page {
			if err := write(e); err != nil {
				return n, err
			}
			n++
		}
		if after == nil || ctx.Err() != nil {
			return n, errors.Join(end(), ctx.Err())
		}
	}
}
