package people

import (
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"slices"

	"throughline/identity"
	"throughline/inbox"
	"throughline/message"
	"throughline/store"
	"throughline/timeline"
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
		} else if value != "" {
			row.Problem = fmt.Sprintf("this row has %d cells, the header names %d columns", len(cells), len(s.mapping))
		}
	}
	return row, nil
}

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
		if i.State == Checking {
			if person, err := row.person(i.Country); err == nil {
				seen.note(person, n+1)
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
						now.Blob = "" // nothing is left to mend
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

// seen are the people of the rows so far, which a check needs since it makes
// nobody. It holds hashes: two names with the same one would show in the check, and
// change nothing of what is written.
type seen struct{ rows map[uint64]int32 }

func newSeen() *seen { return &seen{map[uint64]int32{}} }

func (p *person) hashes() []uint64 {
	list := make([]uint64, 0, len(p.handles)+1)
	for _, s := range append([]string{p.key}, p.addresses()...) {
		f := fnv.New64a()
		io.WriteString(f, s)
		list = append(list, f.Sum64())
	}
	return list
}

func (p *person) addresses() []string {
	list := make([]string, len(p.handles))
	for i, h := range p.handles {
		list[i] = string(h)
	}
	return list
}

func (s *seen) note(p *person, row int) {
	for _, h := range p.hashes() {
		if _, ok := s.rows[h]; !ok {
			s.rows[h] = int32(row)
		}
	}
}

// find returns the row before row about the same person, 0 if there is none.
func (s *seen) find(p *person, row int) int {
	for _, h := range p.hashes() {
		if n := int(s.rows[h]); n != 0 && n < row {
			return n
		}
	}
	return 0
}

// row does what is to be done with one row, or in a check says what that would be.
func (p *People) row(tx *store.Tx, i *Import, seen *seen, row Row, n int) (*RowResult, error) {
	res := &RowResult{Import: i.ID, Row: n, Line: row.Line}
	person, err := row.person(i.Country)
	if err == nil {
		err = p.place(tx, i, seen, person, res)
	}
	var bad *RowError
	var field *identity.InvalidError
	switch {
	case errors.As(err, &bad):
		res.Outcome, res.Reason = Bad, bad.Text
	case errors.As(err, &field):
		res.Outcome, res.Reason = Bad, field.Error()
	case errors.Is(err, store.ErrNotFound):
		res.Outcome, res.Reason = Bad, err.Error()
	case err != nil:
		return nil, err
	}
	if res.Outcome == Bad {
		res.Customer, res.Fields, res.Of = 0, nil, 0
	}
	return res, nil
}

// place finds or makes the customer of a person.
func (p *People) place(tx *store.Tx, i *Import, seen *seen, who *person, res *RowResult) error {
	ids := p.hub.Identity
	for n, e := range who.edits {
		value, err := ids.CheckField(tx, e.Field, e.Value)
		if err != nil {
			return err
		}
		who.edits[n].Value = value
	}
	root, fresh, err := p.find(tx, who)
	if err != nil {
		return err
	}
	if i.State == Checking {
		if res.Of = seen.find(who, res.Row); res.Of != 0 && root == nil {
			res.Outcome = Updated
			seen.note(who, res.Of)
			return nil
		}
		seen.note(who, res.Row)
	}
	if root == nil {
		res.Outcome = Added
		if i.State == Checking {
			return nil
		}
		return p.create(tx, i, who, res)
	}
	res.Customer = root.ID
	edits, err := p.changes(tx, i, root, who)
	if err != nil {
		return err
	}
	for _, e := range edits {
		res.Fields = append(res.Fields, e.Field)
	}
	if len(fresh) > 0 {
		res.Fields = append(res.Fields, "handles")
	}
	if res.Outcome = Updated; res.Fields == nil {
		res.Outcome = Same
	}
	if i.State == Checking {
		return nil
	}
	if err := p.remember(tx, who, root.ID); err != nil || res.Outcome == Same {
		return err
	}
	changed, err := ids.EditCard(tx, root.ID, importBy(i), edits)
	if err != nil {
		return err
	}
	if err := p.link(tx, i, root.ID, fresh); err != nil {
		return err
	}
	if len(changed) == 0 {
		return nil
	}
	pairs := make([]any, 0, 2*len(changed))
	for _, f := range changed {
		pairs = append(pairs, f, true)
	}
	return p.hub.TellCustomer(tx, timeline.CustomerChanged, i.Agent, root.ID, nil, pairs...)
}

// find looks for the customer of a person by all his addresses and by the name
// under which the row was imported before. fresh are the addresses nobody has.
// An address that several people share says nothing of who this is.
func (p *People) find(tx *store.Tx, who *person) (root *identity.Customer, fresh []message.Handle, err error) {
	ids := p.hub.Identity
	by := ""
	meet := func(id uint64, what string) error {
		c, err := ids.Root(tx, id)
		if err != nil {
			return err
		}
		if root != nil && root.ID != c.ID {
			return &RowError{fmt.Sprintf("%s belongs to %s, but %s to %s: merge the two, or leave one out", by, ids.DisplayName(tx, root), what, ids.DisplayName(tx, c))}
		}
		root, by = c, what
		return nil
	}
	for _, h := range who.handles {
		if _, ours := p.hub.Own(h); ours {
			return nil, nil, &RowError{h.Address() + " is an address of our own"}
		}
		known, ok := ids.Find(tx, h)
		switch {
		case !ok:
			fresh = append(fresh, h)
		case known.Shared:
		default:
			if err := meet(known.Customer, h.Address()); err != nil {
				return nil, nil, err
			}
		}
	}
	if root == nil {
		if id, ok := p.keys.Lookup(tx, "key", store.K().Str(who.key)); ok {
			k, err := p.keys.Get(tx, id)
			if err != nil {
				return nil, nil, err
			}
			if root, err = ids.Living(tx, k.Customer); errors.Is(err, store.ErrNotFound) {
				root, err = nil, nil
			} else if err != nil {
				return nil, nil, err
			}
		}
	}
	return root, fresh, nil
}

// changes are the fields that the row knows better: empty ones, and with Overwrite
// all.
func (p *People) changes(tx *store.Tx, i *Import, root *identity.Customer, who *person) ([]identity.Edit, error) {
	members, err := p.hub.Identity.Members(tx, root.ID)
	if err != nil {
		return nil, err
	}
	var edits []identity.Edit
	for _, e := range who.edits {
		now := identity.Shows(members, e.Field).Value
		switch {
		case now == e.Value:
			continue
		case e.Field == identity.FieldTags: // tags are added to those there are
			all, err := p.hub.Identity.CheckField(tx, e.Field, now+"\n"+e.Value)
			if err != nil {
				return nil, err
			}
			if all == now {
				continue
			}
			e.Value = all
		case now != "" && !i.Overwrite:
			continue
		}
		edits = append(edits, e)
	}
	return edits, nil
}

// create makes a customer.
func (p *People) create(tx *store.Tx, i *Import, who *person, res *RowResult) error {
	c, err := p.hub.Identity.Create(tx, "")
	if err != nil {
		return err
	}
	if _, err := p.hub.Identity.EditCard(tx, c.ID, importBy(i), who.edits); err != nil {
		return err
	}
	if err := p.link(tx, i, c.ID, who.handles); err != nil {
		return err
	}
	res.Customer = c.ID
	if err := p.remember(tx, who, c.ID); err != nil {
		return err
	}
	return p.hub.TellCustomer(tx, timeline.CustomerCreated, i.Agent, c.ID, nil, "import", i.ID)
}

// link gives a customer the addresses that nobody has.
func (p *People) link(tx *store.Tx, i *Import, customer uint64, handles []message.Handle) error {
	d := identity.Decision{By: importBy(i), Time: tx.Now(), Reason: i.Name, Confidence: 1}
	for _, h := range handles {
		if known, ok := p.hub.Identity.Find(tx, h); ok && known.Shared {
			continue
		}
		hd, _, err := p.hub.Identity.Link(tx, customer, h, d)
		var clash *identity.ConflictError
		if errors.As(err, &clash) {
			continue
		}
		if err != nil {
			return err
		}
		if err := p.hub.TellCustomer(tx, timeline.HandleLinked, i.Agent, customer, []uint64{hd.ID}, "handle", hd.Handle, "import", i.ID); err != nil {
			return err
		}
	}
	return nil
}

// remember notes under which name the row is known again.
func (p *People) remember(tx *store.Tx, who *person, customer uint64) error {
	if id, ok := p.keys.Lookup(tx, "key", store.K().Str(who.key)); ok {
		return p.keys.Put(tx, id, &rowKey{who.key, customer})
	}
	return p.keys.Insert(tx, tx.NextID(), &rowKey{who.key, customer})
}

func importBy(i *Import) string { return fmt.Sprintf("import:%d", i.ID) }

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
		if reason, ok := reasons[n]; ok {
			if err := out.Write(append([]string{plainCell(reason)}, plainCells(row)...)); err != nil {
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
