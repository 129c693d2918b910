package people

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/unicode"

	"throughline/identity"
)

func opens(b []byte) func() (io.ReadCloser, error) {
	return func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(b)), nil }
}

func TestSniff(t *testing.T) {
	const (
		persian = "نام,ایمیل,شرکت\nسینا گلستانی,sina@example.org,کتابخانه پارسه\nنگار ریاحی,negar@example.org,چاپخانه\n"
		thai    = "ชื่อ;อีเมล;บริษัท\nอรทัย มณีวงศ์;orathai@example.org;ร้านดอกไม้\nสมชาย ใจดี;somchai@example.org;อู่รถ\n"
		western = "Name\tMail\nRenée Müller\trenee@example.org\nJosé Peña\tjose@example.org\n"
		plain   = "name|mail\nAnn|ann@example.org\n"
	)
	for _, c := range []struct {
		name, text string
		enc        encoding.Encoding
		want       Format
	}{
		{"utf-8", persian, unicode.UTF8, Format{UTF8, ","}},
		{"utf-8 with a mark", thai, unicode.UTF8BOM, Format{UTF8, ";"}},
		{"utf-16 little", persian, unicode.UTF16(unicode.LittleEndian, unicode.UseBOM), Format{UTF16LE, ","}},
		{"utf-16 big", thai, unicode.UTF16(unicode.BigEndian, unicode.UseBOM), Format{UTF16BE, ";"}},
		{"utf-16 without a mark", plain, unicode.UTF16(unicode.LittleEndian, unicode.IgnoreBOM), Format{UTF16LE, "|"}},
		{"1256", strings.ReplaceAll(persian, "ی", "ي"), charmap.Windows1256, Format{Arabic, ","}},
		{"874", thai, charmap.Windows874, Format{Thai, ";"}},
		{"1252", western, charmap.Windows1252, Format{Western, "\t"}},
		{"ascii", plain, unicode.UTF8, Format{UTF8, "|"}},
	} {
		b, err := encoding.ReplaceUnsupported(c.enc.NewEncoder()).Bytes([]byte(c.text))
		if err != nil {
			t.Fatal(err)
		}
		got, err := sniff(opens(b))
		if err != nil || got != c.want {
			t.Errorf("%s: %+v %v, want %+v", c.name, got, err, c.want)
			continue
		}
		r, err := openTable(opens(b), got)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		header := slices.Clone(r.header)
		row, err := r.read()
		if err != nil || len(row) != len(header) || !strings.Contains(c.text, row[0]) {
			t.Errorf("%s: %q, then %q %v", c.name, header, row, err)
		}
	}
	// The first piece is ASCII, what is not UTF-8 comes later.
	late := []byte("name,mail\n" + strings.Repeat("Ann,ann@example.org\n", sniffBytes/20+1) + "Ren\xe9e,renee@example.org\n")
	if got, err := sniff(opens(late)); err != nil || got.Encoding != Western {
		t.Errorf("late: %+v %v", got, err)
	}
}

func TestPropose(t *testing.T) {
	fields := []*identity.FieldDef{{ID: 7, Name: "Loyalty tier", Of: identity.OfCustomer}, {ID: 8, Name: "Fax", Of: identity.OfCustomer, Archived: true}}
	for header, want := range map[string]string{
		"Name,E-mail,Phone": "name,email,phone",
		"First Name,Last Name,E-mail 1 - Value,E-mail 2 - Value,E-mail 1 - Type,Phone 1 - Value,Organization 1 - Name,Notes": "first,last,email,email,,phone,,note",
		"نام,نام خانوادگی,ایمیل,تلفن همراه,شرکت,یادداشت":                                                                     "first,last,email,phone,company,note",
		"نام كامل,رايانامه": "name,email",
		"ชื่อ,นามสกุล,อีเมล,เบอร์โทร,บริษัท,หมายเหตุ": "first,last,email,phone,company,note",
		"loyalty  TIER,fax,Name,name":                        "field:7,,name,",
		"customer_id,FULL_NAME,mobile-number,next step date": "id,name,phone,next_date",
		"what is wrong,name":                                 ",name",
	} {
		got := strings.Join(propose(strings.Split(header, ","), nil, fields), ",")
		if got != want {
			t.Errorf("%s:\n got %s\nwant %s", header, got, want)
		}
	}
	if got := propose([]string{"reach them at", "x"}, [][]string{{"a@example.org", "1"}, {"b@example.org", ""}}, nil); got[0] != ToEmail || got[1] != ToNothing {
		t.Errorf("by the values: %q", got)
	}
}

const cards = "BEGIN:VCARD\r\nVERSION:2.1\r\nN;CHARSET=UTF-8;ENCODING=QUOTED-PRINTABLE:=DA=AF=D9=84=D8=B3=D8=AA=D8=A7=D9=86=DB=8C;=D8=B3=DB=8C=D9=86=\r\n=D8=A7;;;\r\n" +
	"FN;CHARSET=UTF-8;ENCODING=QUOTED-PRINTABLE:=D8=B3=DB=8C=D9=86=D8=A7 =DA=AF=D9=84=D8=B3=D8=AA=D8=A7=D9=86=DB=8C\r\nTEL;CELL:+44 7700 900201\r\nEMAIL;INTERNET:sina@example.org\r\n" +
	"NOTE;ENCODING=QUOTED-PRINTABLE:one=0D=0Atwo; three, four\r\nEND:VCARD\r\n" +
	"begin:vcard\nversion:3.0\nFN:Ann Lee\nN:Lee;Ann;;;\nEMAIL;TYPE=work:ann@example.org\nEMAIL:ann@example.net\nTEL;TYPE=cell:+1 202 555 0142\nORG:Example\\, Ltd;Sales\nNOTE:a long\n  line\\nand another\nCATEGORIES:vip,press\nend:vcard\n" +
	"BEGIN:VCARD\nVERSION:4.0\nUID:urn:uuid:1\nFN:Max\nTEL;VALUE=uri:tel:+44-7700-900202;ext=5\nEND:VCARD\n" +
	"BEGIN:VCARD\nVERSION:3.0\nFN:no end\n"

// readCards are the rows of a file of cards.
func readCards(t *testing.T, file string) (rows []Row) {
	t.Helper()
	r, err := openCards(opens([]byte(file)))
	if err != nil {
		t.Fatal(err)
	}
	for {
		row, err := r.read()
		if errors.Is(err, io.EOF) {
			return rows
		}
		if err != nil {
			t.Fatal(err)
		}
		rows = append(rows, row)
	}
}

func TestCards(t *testing.T) {
	var got []string
	for _, row := range readCards(t, cards) {
		if row.Problem != "" {
			got = append(got, row.Problem)
			continue
		}
		p, err := row.person("")
		if err != nil {
			t.Fatal(err)
		}
		var line []string
		for _, h := range p.handles {
			line = append(line, string(h))
		}
		for _, e := range p.edits {
			line = append(line, e.Field+"="+e.Value)
		}
		got = append(got, strings.Join(line, " "))
	}
	want := []string{
		"mailto:sina@example.org tel:+447700900201 name=سینا گلستانی note=one\ntwo; three, four",
		"mailto:ann@example.org mailto:ann@example.net tel:+12025550142 name=Ann Lee company=Example, Ltd tags=vip\npress note=a long line\nand another",
		"tel:+447700900202 name=Max",
		"the card has no END:VCARD",
	}
	for i := range max(len(got), len(want)) {
		if i >= len(got) || i >= len(want) || got[i] != want[i] {
			t.Errorf("card %d:\n got %q\nwant %q", i+1, append(got, "none")[min(i, len(got))], append(want, "none")[min(i, len(want))])
		}
	}
}

// TestCardsWithoutAnEnd: a card that begins within another takes nothing away.
func TestCardsWithoutAnEnd(t *testing.T) {
	const file = "BEGIN:VCARD\nVERSION:2.1\nN:Boss;Big\nAGENT:\nBEGIN:VCARD\nVERSION:2.1\nN:Help;Little\nEND:VCARD\nEMAIL:boss@example.org\nEND:VCARD\n" +
		"BEGIN:VCARD\nVERSION:3.0\nFN:Cut Off\nEMAIL:cut@example.org\nBEGIN:VCARD\nVERSION:3.0\nFN:Next\nEMAIL:next@example.org\nEND:VCARD\n" +
		"BEGIN:VCARD\nVERSION:2.1\nN:Chief;Second\nAGENT:BEGIN:VCARD\nN:Never;Ending\n"
	var got []string
	for _, row := range readCards(t, file) {
		got = append(got, strings.TrimSpace(strconv.Itoa(row.Line)+" "+row.who()+" "+row.Problem))
	}
	want := []string{"5 Little Help", "1 Big Boss", "11 Cut Off " + noEnd, "15 Next", "23 Ending Never " + noEnd, "20 Second Chief " + noEnd}
	if !slices.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}

// TestStrayQuotes: a quotation mark too many swallows nobody.
func TestStrayQuotes(t *testing.T) {
	for _, c := range []struct {
		name, table string
		want        ImportCounts
		mended      ImportCounts
	}{
		{"two", "name,email\nTom,\"tom@example.org\nIda,ida@example.org\nMia,\"mia@example.org\"\nZoe,zoe@example.org\n", ImportCounts{New: 1, Bad: 1}, ImportCounts{New: 3}},
		{"to the end", "name,email\nTom,tom@example.org\nIda,\"ida@example.org\nMia,mia@example.org\n", ImportCounts{New: 1, Bad: 1}, ImportCounts{New: 2}},
		{"in a note", "name,email,note\nTom,tom@example.org,\"12\" wheels\nIda,ida@example.org,\"none\"\n", ImportCounts{Bad: 1}, ImportCounts{New: 2}},
		{"in a name", "name,email\n\"Tom,tom@example.org\nIda\",ida@example.org\n", ImportCounts{Bad: 1}, ImportCounts{}},
		{"none", "name,email,note\nTom,tom@example.org,\"two\nlines, \"\"quoted\"\"\"\nIda,\"ida@example.org\nida@example.net\",5\" nails\n", ImportCounts{New: 2}, ImportCounts{}},
	} {
		w := newWorld(t)
		i := w.bring("a.csv", c.table, Change{})
		if i.Counts != c.want {
			t.Errorf("%s: %+v, want %+v", c.name, i.Counts, c.want)
		}
		if c.mended == (ImportCounts{}) {
			continue
		}
		var out bytes.Buffer
		if err := w.WriteErrors(t.Context(), i.ID, &out); err != nil {
			t.Fatal(err)
		}
		if again := w.bring("b.csv", out.String(), Change{}); again.Counts != c.mended {
			t.Errorf("%s: mended %+v, want %+v\n%s", c.name, again.Counts, c.mended, out.String())
		}
	}
}

// FuzzTable reads whatever a file may hold: it ends, does not panic, and what it
// makes of a row it can be asked for again.
func FuzzTable(f *testing.F) {
	f.Add([]byte("name,email\nAnn,ann@example.org\n"))
	f.Add([]byte("\xff\xfen\x00a\x00m\x00e\x00\n\x00"))
	f.Add([]byte("a;b\n\"x;y\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		format, err := sniff(opens(b))
		if err != nil {
			return
		}
		if err := format.check(); err != nil {
			t.Fatalf("sniffed a format that cannot be: %+v", format)
		}
		r, err := openTable(opens(b), format)
		if err != nil {
			return
		}
		src := tableSource{r, propose(r.header, nil, nil)}
		for {
			row, err := src.next()
			if err != nil {
				return
			}
			if p, err := row.person("GB"); err == nil && p.key == "" {
				t.Fatal("a person without a key")
			}
		}
	})
}

// FuzzCards does the same with vCards.
func FuzzCards(f *testing.F) {
	f.Add([]byte(cards))
	f.Add([]byte("BEGIN:VCARD\nN;ENCODING=QUOTED-PRINTABLE:a=\n=\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := openCards(opens(b))
		if err != nil {
			t.Fatal(err)
		}
		for range 1000 {
			row, err := r.read()
			if err != nil {
				return
			}
			_, _ = row.person("TH")
		}
	})
}
