package people

import (
	"bufio"
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime/quotedprintable"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/emersion/go-vcard"
	"golang.org/x/text/encoding/htmlindex"

	"throughline/identity"
)

// maxCard bounds one card, so that a photo in it does not matter and a file that
// is no list of cards is not read into memory.
const maxCard = 4 << 20

// cardReader reads the cards of a file one by one: vCard 2.1, 3.0 (RFC 2426) and
// 4.0 (RFC 6350), also mixed.
type cardReader struct {
	lines    *bufio.Reader
	close    io.Closer
	encoding string      // of lines that do not say theirs and are not UTF-8
	n        int         // line
	open     []*openCard // the one being read last, within its owner's

	fields []*identity.FieldDef // into which what a card tells besides can go
}

func openCards(open func() (io.ReadCloser, error)) (*cardReader, error) {
	file, err := open()
	if err != nil {
		return nil, err
	}
	lines := bufio.NewReaderSize(io.LimitReader(file, MaxBytes), 64<<10)
	head, _ := lines.Peek(64 << 10)
	if bytes.HasPrefix(head, []byte("\xef\xbb\xbf")) {
		_, _ = lines.Discard(3)
	}
	return &cardReader{lines: lines, close: file, encoding: eightBit(head)}, nil
}

func (c *cardReader) Close() error { return c.close.Close() }

// openCard is a card whose end has not come yet.
type openCard struct {
	text  strings.Builder
	begin int  // line
	large bool // it is not kept
	agent bool // the next card is its agent's, within it (vCard 2.1, 2.4.3)
}

// raw is a card as it is in the file, with its quoted-printable parts undone.
type raw struct {
	text    string
	begin   int
	problem string
}

const noEnd = "the card has no END:VCARD"

// raw returns the next card; io.EOF at the end. One that begins within another
// without being its agent's shows that the other has no end.
func (c *cardReader) raw() (raw, error) {
	for {
		line, err := c.line()
		if errors.Is(err, io.EOF) && len(c.open) > 0 {
			return c.done(noEnd), nil
		}
		if err != nil {
			return raw{}, err
		}
		switch upper := strings.ToUpper(strings.TrimSpace(line)); {
		case upper == "BEGIN:VCARD":
			card, begun := &openCard{begin: c.n}, raw{}
			card.add("BEGIN:VCARD")
			top := c.top()
			if top != nil && !top.agent {
				begun = c.done(noEnd)
			} else if top != nil {
				top.agent = false
			}
			if c.open = append(c.open, card); begun.problem != "" {
				return begun, nil
			}
			continue
		case c.top() == nil:
			continue
		case upper == "END:VCARD":
			c.top().add(line)
			return c.done(""), nil
		}
		top := c.top()
		head, value, _ := strings.Cut(line, ":")
		if name, _, _ := strings.Cut(strings.ToUpper(head), ";"); name == "AGENT" {
			switch strings.ToUpper(strings.TrimSpace(value)) {
			case "":
				top.agent = true
				continue
			case "BEGIN:VCARD":
				card := &openCard{begin: c.n}
				card.add("BEGIN:VCARD")
				c.open = append(c.open, card)
				continue
			}
		}
		if strings.TrimSpace(line) != "" {
			top.agent = false
		}
		if isQuoted(line) {
			// 2.1 goes on in the next line after a soft line break.
			for strings.HasSuffix(line, "=") && err == nil && len(line) < maxCard {
				var more string
				more, err = c.line()
				line = strings.TrimSuffix(line, "=") + strings.TrimLeft(more, " \t")
			}
			line = unquote(line, c.encoding)
		}
		top.add(nameTypes(line))
	}
}

// top is the card being read, nil between cards.
func (c *cardReader) top() *openCard {
	if len(c.open) == 0 {
		return nil
	}
	return c.open[len(c.open)-1]
}

func (o *openCard) add(line string) {
	if o.large = o.large || o.text.Len()+len(line) > maxCard; o.large {
		return
	}
	o.text.WriteString(line)
	o.text.WriteString("\r\n")
}

// done closes the card being read.
func (c *cardReader) done(problem string) raw {
	top := c.top()
	c.open = c.open[:len(c.open)-1]
	if top.large {
		return raw{begin: top.begin, problem: fmt.Sprintf("the card is larger than %d MiB", maxCard>>20)}
	}
	if problem != "" {
		top.add("END:VCARD") // so that what there is can be read
	}
	text, unknown := c.decode(top.text.String())
	return raw{text, top.begin, cmp.Or(problem, unknown)}
}

var unfold = strings.NewReplacer("\r\n ", "", "\r\n\t", "")

// decode makes a card UTF-8: what says its CHARSET, as vCard 2.1 does, is that, and
// what is not UTF-8 else is in the encoding of the file. Lines are unfolded first,
// for a character may be parted by a fold.
func (c *cardReader) decode(text string) (out, problem string) {
	text = unfold.Replace(text)
	if ascii(text) {
		return text, ""
	}
	lines := strings.Split(text, "\r\n")
	for n, line := range lines {
		if ascii(line) {
			continue
		}
		head, _, _ := strings.Cut(line, ":")
		charset := ""
		for _, p := range strings.Split(head, ";") {
			if key, val, _ := strings.Cut(p, "="); strings.EqualFold(key, "CHARSET") {
				charset = strings.Trim(val, `"`)
			}
		}
		enc := encodingOf(c.encoding)
		switch {
		case utf8.ValidString(line) && (charset == "" || strings.EqualFold(charset, "utf-8")):
			continue
		case charset != "" && !strings.EqualFold(charset, "utf-8"):
			var err error
			if enc, err = htmlindex.Get(charset); err != nil {
				return text, fmt.Sprintf("the card is in %q, which is not known here: save it in UTF-8", cut(charset))
			}
		}
		if whole, err := enc.NewDecoder().String(line); err == nil {
			lines[n] = whole
		}
	}
	return strings.Join(lines, "\r\n"), ""
}

func ascii(s string) bool {
	return strings.IndexFunc(s, func(r rune) bool { return r >= utf8.RuneSelf }) < 0
}

// line reads one line without its end.
func (c *cardReader) line() (string, error) {
	var line []byte
	for {
		part, more, err := c.lines.ReadLine()
		if err != nil {
			return "", err
		}
		if len(line) < maxCard {
			line = append(line, part...)
		}
		if !more {
			c.n++
			return string(line), nil
		}
	}
}

func isQuoted(line string) bool {
	name, _, ok := strings.Cut(line, ":")
	return ok && strings.Contains(strings.ToUpper(name), "QUOTED-PRINTABLE")
}

// nameTypes writes the types of vCard 2.1 (TEL;CELL:) as those of 3.0 are written.
func nameTypes(line string) string {
	head, value, ok := strings.Cut(line, ":")
	if !ok || !strings.Contains(head, ";") || strings.ContainsAny(head, "\" \t") {
		return line
	}
	params := strings.Split(head, ";")
	for i, p := range params[1:] {
		if p != "" && !strings.Contains(p, "=") {
			params[i+1] = "TYPE=" + p
		}
	}
	return strings.Join(params, ";") + ":" + value
}

// unquote makes a line of vCard 2.1 with ENCODING=QUOTED-PRINTABLE a plain one of
// 3.0: the value decoded, in UTF-8, with its line breaks escaped. Semicolons part
// the components of N before decoding, so those that come out of it are text. other is
// the encoding of what does not say its own and is not UTF-8.
func unquote(line, other string) string {
	head, value, _ := strings.Cut(line, ":")
	var params []string
	charset := ""
	for i, p := range strings.Split(head, ";") {
		key, val, _ := strings.Cut(strings.ToUpper(p), "=")
		switch {
		case i > 0 && key == "CHARSET":
			charset = strings.ToLower(val)
		case i > 0 && (key == "ENCODING" || p == "QUOTED-PRINTABLE" || key == "QUOTED-PRINTABLE"):
		default:
			params = append(params, p)
		}
	}
	parts := strings.Split(value, ";")
	for i, part := range parts {
		b, err := io.ReadAll(quotedprintable.NewReader(strings.NewReader(part)))
		if err != nil {
			b = []byte(part)
		}
		text := string(b)
		if charset != "" && charset != "utf-8" || !utf8.ValidString(text) {
			if charset == "" || charset == "utf-8" {
				charset = other
			}
			if enc, err := htmlindex.Get(charset); err == nil {
				if out, err := enc.NewDecoder().String(text); err == nil {
					text = out
				}
			}
		}
		parts[i] = strings.NewReplacer(`\`, `\\`, "\r\n", `\n`, "\n", `\n`, "\r", `\n`, ",", `\,`, ";", `\;`).Replace(strings.ToValidUTF8(text, "\uFFFD"))
	}
	return strings.Join(params, ";") + ":" + strings.Join(parts, ";")
}

// read returns the next card as a row. A card that cannot be read is an error of
// that card alone.
func (c *cardReader) read() (Row, error) {
	r, err := c.raw()
	row := Row{Line: r.begin, Problem: r.problem}
	if err != nil {
		return row, err
	}
	if r.text == "" {
		return row, nil
	}
	card, err := vcard.NewDecoder(strings.NewReader(strings.ToValidUTF8(r.text, "\uFFFD"))).Decode()
	if err != nil {
		if row.Problem == "" {
			row.Problem = "the card cannot be read: " + err.Error()
		}
		return row, nil
	}
	row.put(identity.FieldName, first(card.Values(vcard.FieldFormattedName)))
	if n := card.Name(); n != nil {
		row.put(ToFirst, strings.TrimSpace(n.GivenName+" "+n.AdditionalName))
		row.put(ToLast, n.FamilyName)
	}
	for _, v := range card.Values(vcard.FieldEmail) {
		row.put(ToEmail, v)
	}
	for _, v := range card.Values(vcard.FieldTelephone) {
		number, _, _ := strings.Cut(strings.TrimPrefix(strings.TrimPrefix(v, "tel:"), "TEL:"), ";ext=")
		row.put(ToPhone, number)
	}
	company, _, _ := strings.Cut(first(card.Values(vcard.FieldOrganization)), ";")
	row.put(identity.FieldCompany, company)
	row.put(identity.FieldNote, strings.Join(card.Values(vcard.FieldNote), "\n"))
	row.put(identity.FieldLanguage, first(card.Values(vcard.FieldLanguage)))
	if tz := first(card.Values(vcard.FieldTimezone)); strings.Contains(tz, "/") {
		row.put(identity.FieldTimeZone, tz)
	}
	row.put(identity.FieldTags, strings.Join(card.Values(vcard.FieldCategories), ","))
	row.put(ToID, first(card.Values(vcard.FieldUID)))
	c.extra(&row, card)
	return row, nil
}

// Properties of our own, since vCard has none for them: the other fields of a card
// by name, and custom fields, each as a JSON list of its name and its value.
const (
	ownProperty   = "X-THROUGHLINE-"
	fieldProperty = ownProperty + "FIELD"
)

// ownFields are the fields of a card that vCard has no property for.
var ownFields = []string{identity.FieldGoals, identity.FieldInterest, identity.FieldDos, identity.FieldDonts, identity.FieldNextStep, identity.FieldNextDate}

func propertyOf(field string) string {
	return ownProperty + strings.ToUpper(strings.ReplaceAll(field, "_", "-"))
}

// extra reads our own properties, and what a custom field is there for: the date of
// birth, the address. Fields that are not there are passed over.
func (c *cardReader) extra(row *Row, card vcard.Card) {
	for _, field := range ownFields {
		row.put(field, first(card.Values(propertyOf(field))))
	}
	named, tells := map[string]string{}, map[string]string{}
	for _, d := range c.fields {
		if d.Of != identity.OfCustomer || d.Archived {
			continue
		}
		named[plainHeader(d.Name)] = identity.CustomFieldName(d.ID)
		if tells[d.Tells] == "" {
			tells[d.Tells] = identity.CustomFieldName(d.ID)
		}
	}
	had := map[string]bool{}
	put := func(target, value string) {
		if value = strings.TrimSpace(value); target != "" && value != "" && !had[target] {
			had[target] = true
			row.put(target, value)
		}
	}
	for _, v := range card.Values(fieldProperty) {
		var pair []string
		if json.Unmarshal([]byte(v), &pair) == nil && len(pair) == 2 {
			put(named[plainHeader(pair[0])], pair[1])
		}
	}
	if day, ok := birthday(first(card.Values(vcard.FieldBirthday))); ok {
		put(tells[identity.TellsBorn], day)
	}
	if a := card.Address(); a != nil {
		put(tells[identity.TellsAddress], a.StreetAddress)
		put(tells[identity.TellsCity], a.Locality)
		put(tells[identity.TellsState], a.Region)
		put(tells[identity.TellsPostcode], a.PostalCode)
	}
}

// birthday reads a whole date of RFC 6350 4.3.1 or RFC 2426, with a time or without;
// one without a year is none.
func birthday(s string) (string, bool) {
	s, _, _ = strings.Cut(s, "T")
	for _, form := range []string{time.DateOnly, "20060102"} {
		if day, err := time.Parse(form, s); err == nil {
			return day.Format(time.DateOnly), true
		}
	}
	return "", false
}

func first(list []string) string {
	for _, s := range list {
		if s = strings.TrimSpace(s); s != "" {
			return s
		}
	}
	return ""
}
