package main

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"throughline/identity/match"
)

// Limits of a list of people.
const (
	maxRecordLine   = 1 << 20 // bytes
	maxRecordErrors = 20      // told before reading is given up
)

// recordFields are the columns of a list, by every name they go under.
var recordFields = map[string]func(*match.Record) *[]string{
	"first":     func(r *match.Record) *[]string { return &r.First },
	"last":      func(r *match.Record) *[]string { return &r.Last },
	"full_name": func(r *match.Record) *[]string { return &r.Names },
	"emails":    func(r *match.Record) *[]string { return &r.Emails },
	"phones":    func(r *match.Record) *[]string { return &r.Phones },
	"address":   func(r *match.Record) *[]string { return &r.Addresses },
	"city":      func(r *match.Record) *[]string { return &r.Cities },
	"state":     func(r *match.Record) *[]string { return &r.States },
	"postcode":  func(r *match.Record) *[]string { return &r.Postcodes },
	"dob":       func(r *match.Record) *[]string { return &r.Born },
	"company":   func(r *match.Record) *[]string { return &r.Companies },
	"usernames": func(r *match.Record) *[]string { return &r.Usernames },
}

// recordAliases are other names of columns.
var recordAliases = map[string]string{
	"email": "emails", "phone": "phones", "username": "usernames", "name": "full_name", "names": "full_name", "first_name": "first", "last_name": "last",
	"addresses": "address", "zip": "postcode", "birthday": "dob", "date_of_birth": "dob", "companies": "company",
}

// attribute begins the name of a column that is an attribute of its own.
const attribute = "other."

// readRecords reads people from a CSV file with a header or from JSON lines, which
// of both the first character tells. ignored are columns that are not compared.
// All errors name their line.
func readRecords(r io.Reader) (records []match.Record, ignored []string, err error) {
	in := bufio.NewReaderSize(r, 64<<10)
	if b, err := in.Peek(3); err == nil && bytes.Equal(b, []byte("\xef\xbb\xbf")) {
		in.Discard(3)
	}
	first, err := firstByte(in)
	if err != nil {
		return nil, nil, errors.New("the file is empty: give a CSV file with a header, or JSON lines")
	}
	l := &recordList{lines: map[string]int{}, ignored: map[string]bool{}}
	if first == '{' {
		err = l.readJSON(in)
	} else {
		err = l.readCSV(in)
	}
	if err == nil {
		err = errors.Join(l.errs...)
	}
	return l.records, slices.Sorted(maps.Keys(l.ignored)), err
}

func firstByte(in *bufio.Reader) (byte, error) {
	for {
		b, err := in.Peek(1)
		if err != nil {
			return 0, err
		}
		if !bytes.ContainsAny(b, " \t\r\n") {
			return b[0], nil
		}
		in.Discard(1)
	}
}

// recordList collects records and what is wrong with them.
type recordList struct {
	records []match.Record
	lines   map[string]int // of each id
	ignored map[string]bool
	errs    []error
}

// errTooMany ends reading: a file with that many errors is another kind of file.
var errTooMany = fmt.Errorf("there are more errors than %d", maxRecordErrors)

func (l *recordList) bad(line int, format string, args ...any) error {
	if len(l.errs) == maxRecordErrors {
		return errors.Join(append(l.errs, errTooMany)...)
	}
	l.errs = append(l.errs, fmt.Errorf("line %d: "+format, append([]any{line}, args...)...))
	return nil
}

func (l *recordList) add(line int, r match.Record) error {
	switch first, again := l.lines[r.ID]; {
	case r.ID == "":
		return l.bad(line, "there is no id")
	case again:
		return l.bad(line, "the id %q was used in line %d", r.ID, first)
	}
	l.lines[r.ID] = line
	l.records = append(l.records, r)
	return nil
}

func (l *recordList) readJSON(in io.Reader) error {
	lines := bufio.NewScanner(in)
	lines.Buffer(make([]byte, 64<<10), maxRecordLine)
	n := 0
	for lines.Scan() {
		n++
		if len(bytes.TrimSpace(lines.Bytes())) == 0 {
			continue
		}
		var fields map[string]any
		d := json.NewDecoder(bytes.NewReader(lines.Bytes()))
		d.UseNumber()
		err := d.Decode(&fields)
		if err == nil && d.More() {
			err = errors.New("there is more than one object in the line")
		}
		if err == nil && fields == nil {
			err = errors.New("this is no object")
		}
		if err != nil {
			if err := l.bad(n, "%v", err); err != nil {
				return err
			}
			continue
		}
		r, err := l.recordOf(fields)
		if err != nil {
			err = l.bad(n, "%v", err)
		} else {
			err = l.add(n, r)
		}
		if err != nil {
			return err
		}
	}
	if errors.Is(lines.Err(), bufio.ErrTooLong) {
		return fmt.Errorf("line %d is longer than %d bytes", n+1, maxRecordLine)
	}
	return lines.Err()
}

func (l *recordList) recordOf(fields map[string]any) (r match.Record, err error) {
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		v := fields[name]
		if other, ok := v.(map[string]any); ok && name == "other" {
			for k, v := range other {
				if err := l.set(&r, attribute+k, v); err != nil {
					return r, err
				}
			}
			continue
		}
		if err := l.set(&r, name, v); err != nil {
			return r, err
		}
	}
	return r, nil
}

// set puts a value of JSON, or a list of them, into its field.
func (l *recordList) set(r *match.Record, name string, v any) error {
	values, ok := v.([]any)
	if !ok {
		values = []any{v}
	}
	var texts []string
	for _, v := range values {
		switch v := v.(type) {
		case nil:
		case string:
			texts = append(texts, v)
		case json.Number:
			texts = append(texts, v.String())
		default:
			if l.knows(name) {
				return fmt.Errorf("%s is neither a text nor a list of texts", name)
			}
		}
	}
	l.put(r, name, texts)
	return nil
}

func (l *recordList) knows(name string) bool {
	name = columnName(name)
	return name == "id" || name == "source" || recordFields[name] != nil || strings.HasPrefix(name, attribute)
}

func columnName(name string) string {
	name = strings.ToLower(strings.TrimSpace(name))
	if !strings.HasPrefix(name, attribute) {
		name = strings.NewReplacer(" ", "_", "-", "_").Replace(name)
	}
	if a, ok := recordAliases[name]; ok {
		return a
	}
	return name
}

func (l *recordList) put(r *match.Record, name string, texts []string) {
	texts = slices.DeleteFunc(texts, func(s string) bool { return strings.TrimSpace(s) == "" })
	field := columnName(name)
	switch key, isAttr := strings.CutPrefix(field, attribute); {
	case field == "id":
		r.ID = strings.TrimSpace(strings.Join(texts, " "))
	case field == "source":
		r.Source = strings.Join(texts, " ")
	case isAttr && key != "":
		if len(texts) == 0 {
			return
		}
		if r.Attributes == nil {
			r.Attributes = map[string][]string{}
		}
		r.Attributes[key] = append(r.Attributes[key], texts...)
	case recordFields[field] != nil:
		to := recordFields[field](r)
		*to = append(*to, texts...)
	default:
		l.ignored[name] = true
	}
}

func (l *recordList) readCSV(in *bufio.Reader) error {
	c := csv.NewReader(in)
	c.Comma = delimiter(in)
	c.FieldsPerRecord = -1
	c.LazyQuotes = false
	header, err := c.Read()
	if err != nil {
		return csvError(err)
	}
	header = slices.Clone(header)
	hasID := false
	for _, h := range header {
		hasID = hasID || columnName(h) == "id"
	}
	if !hasID {
		return fmt.Errorf("line 1: no column is named id; the columns are %s", strings.Join(header, ", "))
	}
	parts := func(s string) []string {
		return strings.FieldsFunc(s, func(r rune) bool { return r == '|' || r == ';' })
	}
	for {
		row, err := c.Read()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return errors.Join(append(l.errs, csvError(err))...)
		}
		line, _ := c.FieldPos(0)
		if len(row) != len(header) {
			if err := l.bad(line, "there are %d columns, the header has %d", len(row), len(header)); err != nil {
				return err
			}
			continue
		}
		var r match.Record
		for i, v := range row {
			texts := []string{v}
			if name := columnName(header[i]); name != "id" && name != "source" {
				texts = parts(v)
			}
			l.put(&r, header[i], texts)
		}
		if err := l.add(line, r); err != nil {
			return err
		}
	}
}

// delimiter is what the header of a CSV file is divided by.
func delimiter(in *bufio.Reader) rune {
	b, _ := in.Peek(4096)
	header, _, _ := bytes.Cut(b, []byte("\n"))
	best, most := ',', bytes.Count(header, []byte(","))
	for _, d := range ";\t" {
		if n := bytes.Count(header, []byte(string(d))); n > most {
			best, most = d, n
		}
	}
	return best
}

func csvError(err error) error {
	var p *csv.ParseError
	if errors.As(err, &p) {
		return fmt.Errorf("line %d: %v", p.Line, p.Err)
	}
	return err
}
