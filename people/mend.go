package people

import (
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"throughline/identity"
	"throughline/inbox"
	"throughline/store"
)

// WriteErrors writes the rows that could not be imported as a table in UTF-8 with
// the reasons in a first column of their own, to be mended and imported again.
func (p *People) WriteErrors(ctx context.Context, id uint64, w io.Writer) error {
	i, err := p.Import(id)
	if err != nil {
		return err
	}
	if i.Blob == "" {
		return &inbox.ConflictError{Text: "the file of this import is gone"}
	}
	reasons := map[int]string{}
	var after store.Key
	for {
		list, next, err := p.Rows(id, Bad, after, 1000)
		if err != nil {
			return err
		}
		for _, r := range list {
			reasons[r.Row] = r.Reason
		}
		if after = next; next == nil {
			break
		}
	}
	if _, err := io.WriteString(w, "\ufeff"); err != nil {
		return err
	}
	out := csv.NewWriter(w)
	if i.Kind == Cards {
		return errors.Join(p.cardErrors(ctx, i, reasons, out), out.Error())
	}
	t, err := openTable(p.opener(i.Blob), i.Format)
	if err != nil {
		return err
	}
	defer t.Close()
	if err := out.Write(append([]string{reasonColumn}, plainCells(t.header)...)); err != nil {
		return err
	}
	for n := 1; ctx.Err() == nil; n++ {
		row, err := t.read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
		reason, ok := reasons[n]
		if !ok {
			continue
		}
		lines := [][]string{row}
		if t.stray != nil { // each line as the row it was meant to be
			lines = t.loose()
		}
		for _, line := range lines {
			if err := out.Write(append([]string{plainCell(reason)}, plainCells(line)...)); err != nil {
				return err
			}
		}
	}
	out.Flush()
	return errors.Join(out.Error(), ctx.Err())
}

// reasonColumn is the name of the column with the reasons; imported again it is
// nothing.
const reasonColumn = "what is wrong"

// cardErrors writes the cards that could not be imported as rows.
func (p *People) cardErrors(ctx context.Context, i *Import, reasons map[int]string, out *csv.Writer) error {
	c, err := openCards(p.opener(i.Blob))
	if err != nil {
		return err
	}
	defer c.Close()
	columns := []string{"id", "name", "first name", "last name", "email", "phone", "company", "note", "tags"}
	targets := []string{ToID, identity.FieldName, ToFirst, ToLast, ToEmail, ToPhone, identity.FieldCompany, identity.FieldNote, identity.FieldTags}
	if err := out.Write(append([]string{reasonColumn, "line"}, columns...)); err != nil {
		return err
	}
	for n := 1; ctx.Err() == nil; n++ {
		row, err := c.read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
		reason, ok := reasons[n]
		if !ok {
			continue
		}
		line := []string{plainCell(reason), fmt.Sprint(row.Line)}
		for _, t := range targets {
			var all []byte
			for _, cell := range row.cells {
				if cell.target == t {
					if len(all) > 0 {
						all = append(all, ';')
					}
					all = append(all, cell.value...)
				}
			}
			line = append(line, plainCell(string(all)))
		}
		if err := out.Write(line); err != nil {
			return err
		}
	}
	out.Flush()
	return ctx.Err()
}

func plainCells(cells []string) []string {
	out := slices.Clone(cells)
	for i := range out {
		out[i] = plainCell(out[i])
	}
	return out
}

// plainCell keeps spreadsheets from taking a text for a formula. A number with a
// plus stays as it is: it is no formula by itself.
func plainCell(s string) string {
	if s == "" {
		return s
	}
	switch s[0] {
	case '=', '@', '\t', '\r':
		return "'" + s
	case '+', '-':
		for _, c := range s[1:] {
			if (c < '0' || c > '9') && c != ' ' && c != '-' && c != '(' && c != ')' && c != '.' && c != '/' {
				return "'" + s
			}
		}
	}
	return s
}

// bareCell takes away the sign that plainCell put before a text.
func bareCell(s string) string {
	if bare, ok := strings.CutPrefix(s, "'"); ok && plainCell(bare) == s {
		return bare
	}
	return s
}
