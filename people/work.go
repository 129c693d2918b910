package people

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"throughline/identity"
	"throughline/store"
)

// batchRows bounds one transaction of an import, so that mail and agents get
// their turn in between.
const batchRows = 200

// source reads the rows of an import.
type source interface {
	next() (Row, error) // io.EOF at the end
	io.Closer
}

func (p *People) source(i *Import) (source, error) {
	if i.Kind == Cards {
		c, err := openCards(p.opener(i.Blob))
		if err != nil {
			return nil, err
		}
		if err := p.store.View(func(tx *store.Tx) (err error) {
			c.fields, err = p.hub.Identity.FieldDefs(tx)
			return err
		}); err != nil {
			return nil, errors.Join(err, c.Close())
		}
		return cardSource{c}, nil
	}
	t, err := openTable(p.opener(i.Blob), i.Format)
	if err != nil {
		return nil, err
	}
	return tableSource{t, i.Mapping}, nil
}

type cardSource struct{ *cardReader }

func (s cardSource) next() (Row, error) { return s.read() }

type tableSource struct {
	*tableReader
	mapping []string
}

func (s tableSource) next() (Row, error) {
	cells, err := s.read()
	if err != nil {
		return Row{}, err
	}
	row := Row{Line: s.line()}
	for c, value := range cells {
		if c < len(s.mapping) {
			row.put(s.mapping[c], value)
			if slices.Contains(oneLine, s.mapping[c]) && strings.ContainsAny(value, "\r\n") {
				row.Problem = fmt.Sprintf("%s holds a line break: is a quotation mark missing, or one too many?", s.header[c])
			}
		} else if value != "" {
			row.Problem = fmt.Sprintf("this row has %d cells, the header names %d columns", len(cells), len(s.mapping))
		}
	}
	if s.stray != nil {
		row.Problem = fmt.Sprintf("a quotation mark in this row is alone, so %d lines were read as one row: mend it there", bytes.Count(s.stray, []byte{'\n'})+1)
	}
	return row, nil
}

// oneLine are the targets that are never written in several lines.
var oneLine = []string{ToID, ToFirst, ToLast, identity.FieldName, identity.FieldCompany}

// work goes on with an import until it is done, stopped or fails.
func (p *People) work(ctx context.Context, id uint64) error {
	i, err := p.Import(id)
	if err != nil {
		return err
	}
	if i.Row == 0 {
		if err := p.dropRows(ctx, id); err != nil {
			return err
		}
	}
	src, err := p.source(i)
	if err != nil {
		return err
	}
	defer src.Close()
	seen := newSeen()
	for n := 0; n < i.Row; n++ { // gone through before
		row, err := src.next()
		if err != nil {
			return fmt.Errorf("the file ends before row %d: %w", i.Row, err)
		}
		if i.State == Checking { // what it told of the rows to come
			if err := p.store.View(func(tx *store.Tx) error {
				_, err := p.row(tx, i, seen, row, n+1)
				return err
			}); err != nil {
				return err
			}
		}
	}
	for state := i.State; ; {
		var batch []Row
		var end bool
		for len(batch) < batchRows {
			row, err := src.next()
			if errors.Is(err, io.EOF) {
				end = true
				break
			}
			if err != nil {
				return err
			}
			batch = append(batch, row)
		}
		if i.Row+len(batch) > MaxRows {
			return &InvalidError{"file", fmt.Sprintf("this file has more than %d rows: divide it", MaxRows)}
		}
		goOn := false
		if err := p.update(ctx, id, func(tx *store.Tx, now *Import) error {
			goOn = false
			if now.State != state || now.Row != i.Row {
				return nil // stopped or changed meanwhile
			}
			for n, row := range batch {
				res, err := p.row(tx, now, seen, row, now.Row+n+1)
				if err != nil {
					return err
				}
				now.Counts.add(res.Outcome)
				res.ID = tx.NextID()
				if err := p.rows.Insert(tx, res.ID, res); err != nil {
					return err
				}
			}
			now.Row += len(batch)
			if goOn = !end; end {
				now.Total = now.Row
				if state == Checking {
					now.State = Checked
				} else {
					now.State, now.Finished = Done, tx.Now()
					if now.Counts.Bad == 0 {
						now.Blob, now.Past = "", now.Blob // nothing is left to mend
					}
				}
			}
			*i = *now
			return nil
		}); err != nil {
			return err
		}
		if !goOn {
			return nil
		}
	}
}

func (c *ImportCounts) add(outcome string) {
	switch outcome {
	case Added:
		c.New++
	case Updated:
		c.Updated++
	case Same:
		c.Same++
	default:
		c.Bad++
	}
}
