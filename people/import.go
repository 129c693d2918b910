package people

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"throughline/identity"
	"throughline/store"
)

// The kinds of file.
const (
	Table = "table"
	Cards = "vcard"
)

// The states of an import.
const (
	Mapping  = "mapping"  // it waits for somebody to say what its columns are
	Checking = "checking" // it is read without writing anything
	Checked  = "checked"
	Running  = "running"
	Stopped  = "stopped" // by an agent, half way; it can go on
	Done     = "done"
	Failed   = "failed" // it could not go on; Error says why
)

// The outcomes of a row.
const (
	Added   = "new"
	Updated = "updated"
	Same    = "same" // there is nothing to change
	Bad     = "error"
)

// Import is one file on its way in.
type Import struct {
	ID        uint64       `json:"-"`
	Name      string       `json:"name"` // of the file
	Kind      string       `json:"kind"`
	Blob      string       `json:"blob,omitempty"` // "" when the file is gone again
	Past      string       `json:"past,omitempty"` // the file that is gone from here, until the sweep takes it
	Size      int64        `json:"size"`
	Format    Format       `json:"format"` // of a table
	Header    []string     `json:"header,omitempty"`
	Mapping   []string     `json:"mapping,omitempty"` // what each column is
	Country   string       `json:"country,omitempty"` // of numbers without a country code
	Overwrite bool         `json:"overwrite,omitempty"`
	Agent     uint64       `json:"agent,omitempty"`
	Created   time.Time    `json:"created"`
	Finished  time.Time    `json:"finished,omitzero"`
	State     string       `json:"state"`
	Begun     bool         `json:"begun,omitempty"` // people have been written: it can only go on
	Error     string       `json:"error,omitempty"`
	Total     int          `json:"total,omitempty"` // rows, once it has been checked
	Row       int          `json:"row,omitempty"`   // how many have been gone through
	Counts    ImportCounts `json:"counts"`
}

// ImportCounts says what became of the rows, or would.
type ImportCounts struct {
	New     int `json:"new"`
	Updated int `json:"updated"`
	Same    int `json:"same"`
	Bad     int `json:"error"`
}

func (i *Import) working() bool { return i.State == Checking || i.State == Running }

// RowResult is what becomes of one row.
type RowResult struct {
	ID       uint64   `json:"-"`
	Import   uint64   `json:"import"`
	Row      int      `json:"row"`  // counted from 1, without the header
	Line     int      `json:"line"` // in the file
	Outcome  string   `json:"outcome"`
	Customer uint64   `json:"customer,omitempty"`
	Fields   []string `json:"fields,omitempty"` // what changes
	Of       int      `json:"of,omitempty"`     // an earlier row about the same person
	Reason   string   `json:"reason,omitempty"` // of an error
	Who      string   `json:"who,omitempty"`    // a name or an address of the row, where there is no customer
}

// sampleRows is how many rows are shown beside the names of the columns.
const sampleRows = 5

// mappingBucket holds the columns chosen last for a header.
const mappingBucket = "import_mappings"

// Add takes a file in and proposes what its columns are. name tells a vCard from a
// table if the content does not.
func (p *People) Add(ctx context.Context, agent uint64, name string, r io.Reader) (*Import, error) {
	ref, err := p.blobs.Put(ctx, io.LimitReader(r, MaxBytes+1))
	if err != nil {
		return nil, err
	}
	if ref.Size > MaxBytes {
		return nil, &InvalidError{"file", fmt.Sprintf("this file is larger than %d MiB: divide it", MaxBytes>>20)}
	}
	if ref.Size == 0 {
		return nil, &InvalidError{"file", "this file is empty: choose another one"}
	}
	i := &Import{Name: name, Blob: ref.SHA256, Size: ref.Size, Agent: agent, State: Mapping, Kind: Table}
	if i.Kind, err = kindOf(p.opener(i.Blob)); err != nil {
		return nil, err
	}
	if i.Kind == Table {
		if i.Format, err = sniff(p.opener(i.Blob)); err != nil {
			return nil, err
		}
		if err := p.look(i); err != nil {
			return nil, err
		}
	}
	return i, p.store.Update(ctx, func(tx *store.Tx) error {
		i.ID, i.Created = tx.NextID(), tx.Now()
		return p.imports.Insert(tx, i.ID, i)
	})
}

func kindOf(open func() (io.ReadCloser, error)) (string, error) {
	f, err := open()
	if err != nil {
		return "", err
	}
	defer f.Close()
	head := make([]byte, 4096)
	n, err := io.ReadFull(f, head)
	if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) {
		return "", err
	}
	head = bytes.TrimSpace(bytes.TrimPrefix(head[:n], []byte("\xef\xbb\xbf")))
	switch upper := bytes.ToUpper(head); {
	case bytes.HasPrefix(upper, []byte("BEGIN:VCARD")):
		return Cards, nil
	case bytes.HasPrefix(head, []byte("PK\x03\x04")), bytes.HasPrefix(head, []byte("\xd0\xcf\x11\xe0")):
		return "", &InvalidError{"file", "this is a workbook of a spreadsheet program: save it there as CSV (UTF-8) and import that"}
	}
	return Table, nil
}

// look reads the header of a table and proposes what its columns are: what was
// chosen last for the same header, else by their names.
func (p *People) look(i *Import) error {
	t, err := openTable(p.opener(i.Blob), i.Format)
	if err != nil {
		return err
	}
	defer t.Close()
	var samples [][]string
	for len(samples) < 50 {
		row, err := t.read()
		if err != nil {
			break
		}
		samples = append(samples, slices.Clone(row))
	}
	i.Header = t.header
	return p.store.View(func(tx *store.Tx) error {
		fields, err := p.hub.Identity.FieldDefs(tx)
		if err != nil {
			return err
		}
		i.Mapping = propose(i.Header, samples, fields)
		own := bareHeader(i.Header)
		var remembered []string
		if v := tx.GetValue(mappingBucket, headerKey(own)); v != nil && json.Unmarshal(v, &remembered) == nil &&
			len(remembered) == len(own) && checkMapping(remembered, fields) == nil {
			copy(i.Mapping[len(i.Header)-len(own):], remembered)
		}
		return nil
	})
}

// bareHeader is a header without the column that WriteErrors puts before it: a file
// that was mended has the columns of the one it came from.
func bareHeader(header []string) []string {
	if len(header) > 1 && header[0] == reasonColumn {
		return header[1:]
	}
	return header
}

func headerKey(header []string) string {
	p := person{}
	for _, h := range header {
		p.edits = append(p.edits, identity.Edit{Field: plainHeader(h), Value: h})
	}
	return p.fingerprint("")
}

func checkMapping(mapping []string, fields []*identity.FieldDef) error {
	for _, m := range mapping {
		if slices.Contains(Targets, m) || slices.ContainsFunc(fields, func(f *identity.FieldDef) bool {
			return f.Of == identity.OfCustomer && identity.CustomFieldName(f.ID) == m
		}) {
			continue
		}
		return &InvalidError{"mapping", fmt.Sprintf("there is no field %q", m)}
	}
	if !slices.ContainsFunc(mapping, func(m string) bool {
		return m == ToEmail || m == ToPhone || m == identity.FieldName || m == ToFirst || m == ToLast
	}) {
		return &InvalidError{"mapping", "say which column holds a name, an email address or a number"}
	}
	return nil
}

// Import returns one import; store.ErrNotFound if there is none.
func (p *People) Import(id uint64) (i *Import, err error) {
	err = p.store.View(func(tx *store.Tx) error {
		i, err = p.imports.Get(tx, id)
		return err
	})
	if err == nil {
		i.ID = id
	}
	return i, err
}

// Imports returns the imports, newest first, at most limit.
func (p *People) Imports(limit int) (list []*Import, err error) {
	err = p.store.View(func(tx *store.Tx) error {
		for e := range p.imports.Scan(tx, store.Range{Reverse: true}) {
			if len(list) == limit {
				break
			}
			i, err := p.imports.Get(tx, e.ID)
			if err != nil {
				return err
			}
			i.ID = e.ID
			list = append(list, i)
		}
		return nil
	})
	return list, err
}

// Rows returns what becomes of the rows of an import, those of one outcome or with
// "" all, and where to go on; next is nil at the end.
func (p *People) Rows(id uint64, outcome string, after store.Key, limit int) (list []*RowResult, next store.Key, err error) {
	err = p.store.View(func(tx *store.Tx) error {
		for e := range p.rows.Scan(tx, store.Range{Index: "outcome", Prefix: store.K().Uint(id).Str(outcome), After: after}) {
			if len(list) == limit {
				return nil
			}
			r, err := p.rows.Get(tx, e.ID)
			if err != nil {
				return err
			}
			r.ID = e.ID
			list, next = append(list, r), e.Pos
		}
		next = nil
		return nil
	})
	return list, next, err
}

// Samples returns the first rows of a table.
func (p *People) Samples(i *Import) ([][]string, error) {
	if i.Kind != Table || i.Blob == "" {
		return nil, nil
	}
	t, err := openTable(p.opener(i.Blob), i.Format)
	if err != nil {
		return nil, err
	}
	defer t.Close()
	var rows [][]string
	for len(rows) < sampleRows {
		row, err := t.read()
		if err != nil {
			break
		}
		for c := range row {
			row[c] = cut(row[c])
		}
		rows = append(rows, slices.Clone(row))
	}
	return rows, nil
}
