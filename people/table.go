package people

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/transform"
)

// The encodings that a table may have.
const (
	UTF8    = "utf-8"
	UTF16LE = "utf-16le"
	UTF16BE = "utf-16be"
	Western = "windows-1252"
	Arabic  = "windows-1256"
	Thai    = "windows-874"
)

// Encodings are all of them, in the order in which they are offered.
var Encodings = []string{UTF8, UTF16LE, UTF16BE, Western, Arabic, Thai}

func encodingOf(name string) encoding.Encoding {
	switch name {
	case UTF16LE:
		return unicode.UTF16(unicode.LittleEndian, unicode.UseBOM)
	case UTF16BE:
		return unicode.UTF16(unicode.BigEndian, unicode.UseBOM)
	case Western:
		return charmap.Windows1252
	case Arabic:
		return charmap.Windows1256
	case Thai:
		return charmap.Windows874
	}
	return unicode.UTF8BOM
}

// Delimiters are what can part the columns of a table.
const Delimiters = ",;\t|"

// Format is how a table is written.
type Format struct {
	Encoding  string `json:"encoding"`
	Delimiter string `json:"delimiter"`
}

// Limits of what is imported.
const (
	MaxBytes   = 64 << 20
	MaxRows    = 500_000
	MaxColumns = 200
	maxCell    = 30_000 // bytes; notes are the longest
	sniffBytes = 256 << 10
)

// sniff finds out how a table is written. A byte order mark tells; else bytes that
// are UTF-8 throughout are; else the letters that the bytes would be in each of the
// eight-bit encodings speak for one of them.
func sniff(open func() (io.ReadCloser, error)) (Format, error) {
	r, err := open()
	if err != nil {
		return Format{}, err
	}
	defer r.Close()
	head, err := io.ReadAll(io.LimitReader(r, sniffBytes))
	if err != nil {
		return Format{}, err
	}
	f := Format{Encoding: sniffEncoding(head)}
	if f.Encoding == UTF8 && !bytes.HasPrefix(head, []byte("\xef\xbb\xbf")) {
		// What comes later may show that it is not, after all.
		valid, err := restIsUTF8(io.MultiReader(bytes.NewReader(head), r))
		if err != nil {
			return f, err
		}
		if !valid {
			f.Encoding = eightBit(head)
		}
	}
	text, _, err := transform.Bytes(encodingOf(f.Encoding).NewDecoder(), head)
	if err != nil && len(text) == 0 {
		return f, err
	}
	f.Delimiter = sniffDelimiter(text)
	return f, nil
}

func sniffEncoding(head []byte) string {
	switch {
	case bytes.HasPrefix(head, []byte("\xef\xbb\xbf")):
		return UTF8
	case bytes.HasPrefix(head, []byte("\xff\xfe")):
		return UTF16LE
	case bytes.HasPrefix(head, []byte("\xfe\xff")):
		return UTF16BE
	}
	// Without a mark: text in Latin letters has a zero in every other byte.
	var zero [2]int
	for i, c := range head {
		if c == 0 {
			zero[i%2]++
		}
	}
	switch n := len(head) / 8; {
	case n > 0 && zero[1] > n && zero[0] < zero[1]/4:
		return UTF16LE
	case n > 0 && zero[0] > n && zero[1] < zero[0]/4:
		return UTF16BE
	case utf8.Valid(cutRune(head)):
		return UTF8
	}
	return eightBit(head)
}

// cutRune leaves out a character that the end of b cuts in two.
func cutRune(b []byte) []byte {
	for i := 1; i <= utf8.UTFMax && i <= len(b); i++ {
		if c := b[len(b)-i]; utf8.RuneStart(c) {
			if !utf8.FullRune(b[len(b)-i:]) {
				return b[:len(b)-i]
			}
			break
		}
	}
	return b
}

func restIsUTF8(r io.Reader) (bool, error) {
	buf := make([]byte, 0, 64<<10)
	for {
		n, err := r.Read(buf[len(buf):cap(buf)])
		buf = buf[:len(buf)+n]
		whole := cutRune(buf)
		if errors.Is(err, io.EOF) {
			whole = buf
		}
		if !utf8.Valid(whole) {
			return false, nil
		}
		buf = append(buf[:0], buf[len(whole):]...)
		if errors.Is(err, io.EOF) {
			return true, nil
		}
		if err != nil {
			return false, err
		}
	}
}

// eightBit tells the eight-bit encodings apart by what the bytes above ASCII would
// be. Words of Thai and of Arabic script are runs of such bytes; in Western text
// they stand between ASCII letters. A2 to C0 are a third of Thai text, and signs
// that are rare in Arabic and Persian.
func eightBit(b []byte) string {
	high, inRuns, thai, run := 0, 0, 0, 0
	for _, c := range b {
		if c < 0x80 {
			run = 0
			continue
		}
		high++
		if run++; run >= 2 {
			inRuns++
		}
		if c >= 0xa2 && c <= 0xc0 {
			thai++
		}
	}
	switch {
	case high == 0 || inRuns*3 < high:
		return Western
	case thai*6 > high:
		return Thai
	}
	return Arabic
}

// sniffDelimiter takes the sign that parts the first lines into the same number of
// columns; a header counts most.
func sniffDelimiter(text []byte) string {
	best, most := ",", 0
	for _, d := range Delimiters {
		r := newCSV(bytes.NewReader(text), string(d))
		columns, same := 0, 0
		for range 20 {
			row, err := r.Read()
			if err != nil {
				break
			}
			if columns == 0 {
				columns = len(row)
			}
			if len(row) == columns {
				same++
			}
		}
		if score := columns * same; columns > 1 && score > most {
			best, most = string(d), score
		}
	}
	return best
}

func newCSV(r io.Reader, delimiter string) *csv.Reader {
	c := csv.NewReader(r)
	c.Comma, _ = utf8.DecodeRuneInString(delimiter)
	c.FieldsPerRecord = -1
	c.LazyQuotes = true
	c.ReuseRecord = true
	return c
}

// check refuses a format that nobody could read with.
func (f Format) check() error {
	if !slices.Contains(Encodings, f.Encoding) {
		return &InvalidError{"encoding", "choose one of " + strings.Join(Encodings, ", ")}
	}
	if len(f.Delimiter) != 1 || !strings.Contains(Delimiters, f.Delimiter) {
		return &InvalidError{"delimiter", "choose a comma, a semicolon, a tab or |"}
	}
	return nil
}

// tableReader reads the rows of a table.
type tableReader struct {
	csv       *csv.Reader
	tape      *tape
	close     io.Closer
	header    []string
	delimiter string
	// stray are the lines of the row just read if a quotation mark in it has no
	// counterpart: what follows it was taken for one cell. nil for a sound row.
	stray []byte
}

// tape keeps what is read until it is cut off.
type tape struct {
	r    io.Reader
	kept []byte
	from int64 // where kept begins
}

func (t *tape) Read(p []byte) (int, error) {
	n, err := t.r.Read(p)
	t.kept = append(t.kept, p[:n]...)
	return n, err
}

func (t *tape) cut(to int64) []byte {
	n := to - t.from
	b := t.kept[:n:n]
	t.kept, t.from = t.kept[n:], to
	return b
}

// isStray tells that a row of several lines is not written as RFC 4180, 2.6 and 2.7,
// have it: a cell begins with a quotation mark, and a later one stands alone within
// it, or none ends it.
func isStray(raw []byte, delimiter string) bool {
	if raw = bytes.Trim(raw, "\r\n"); bytes.IndexByte(raw, '\n') < 0 {
		return false
	}
	strict := newCSV(bytes.NewReader(raw), delimiter)
	strict.LazyQuotes = false
	_, err := strict.Read()
	return errors.Is(err, csv.ErrQuote)
}

// loose are the rows that the lines of a stray row would be, each read alone.
func (t *tableReader) loose() (rows [][]string) {
	for line := range bytes.Lines(t.stray) {
		row, err := newCSV(bytes.NewReader(line), t.delimiter).Read()
		if err == nil {
			rows = append(rows, cleanCells(row))
		}
	}
	return rows
}

func openTable(open func() (io.ReadCloser, error), f Format) (*tableReader, error) {
	file, err := open()
	if err != nil {
		return nil, err
	}
	t := &tableReader{close: file, delimiter: f.Delimiter}
	t.tape = &tape{r: transform.NewReader(io.LimitReader(file, MaxBytes), encodingOf(f.Encoding).NewDecoder())}
	t.csv = newCSV(t.tape, f.Delimiter)
	row, err := t.read()
	if err == nil && len(row) > MaxColumns {
		err = &InvalidError{"file", fmt.Sprintf("this table has more than %d columns", MaxColumns)}
	}
	if errors.Is(err, io.EOF) {
		err = &InvalidError{"file", "this file has no rows: the first row is to name the columns"}
	}
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	t.header = slices.Clone(row)
	return t, nil
}

// read returns the next row that is not empty, valid until the next read; io.EOF
// at the end.
func (t *tableReader) read() ([]string, error) {
	for {
		row, err := t.csv.Read()
		if err != nil {
			var bad *csv.ParseError
			if errors.As(err, &bad) {
				return nil, &InvalidError{"file", fmt.Sprintf("line %d cannot be read: %v", bad.Line, bad.Err)}
			}
			return nil, err
		}
		t.stray = nil
		if raw := t.tape.cut(t.csv.InputOffset()); isStray(raw, t.delimiter) {
			t.stray = bytes.Trim(raw, "\r\n")
		}
		cleanCells(row)
		if slices.ContainsFunc(row, func(c string) bool { return c != "" }) {
			return row, nil
		}
	}
}

func cleanCells(row []string) []string {
	for i, cell := range row {
		row[i] = bareCell(strings.TrimSpace(strings.ToValidUTF8(strings.ReplaceAll(cell, "\x00", ""), "\uFFFD")))
	}
	return row
}

// line is where the row just read begins in the file.
func (t *tableReader) line() int {
	line, _ := t.csv.FieldPos(0)
	return line
}

func (t *tableReader) Close() error { return t.close.Close() }
