package email

import (
	"encoding/base64"
	"encoding/binary"
	"strings"
	"testing"
	"unicode/utf16"
)

// tnefBuilder writes TNEF streams as [MS-OXTNEF] describes them.
type tnefBuilder struct{ b []byte }

func newTNEF() *tnefBuilder {
	return &tnefBuilder{b: binary.LittleEndian.AppendUint16(binary.LittleEndian.AppendUint32(nil, tnefSignature), 1)}
}

func (t *tnefBuilder) attr(level byte, id uint32, data []byte) *tnefBuilder {
	t.b = append(t.b, level)
	t.b = binary.LittleEndian.AppendUint32(t.b, id)
	t.b = binary.LittleEndian.AppendUint32(t.b, uint32(len(data)))
	t.b = append(t.b, data...)
	sum := uint16(0)
	for _, c := range data {
		sum += uint16(c)
	}
	t.b = binary.LittleEndian.AppendUint16(t.b, sum)
	return t
}

// prop encodes a property of variable length.
func prop(kind, id uint16, value []byte) []byte {
	b := binary.LittleEndian.AppendUint16(nil, kind)
	b = binary.LittleEndian.AppendUint16(b, id)
	b = binary.LittleEndian.AppendUint32(b, 1)
	b = binary.LittleEndian.AppendUint32(b, uint32(len(value)))
	b = append(b, value...)
	for len(b)%4 != 0 {
		b = append(b, 0)
	}
	return b
}

func props(list ...[]byte) []byte {
	b := binary.LittleEndian.AppendUint32(nil, uint32(len(list)))
	for _, p := range list {
		b = append(b, p...)
	}
	return b
}

func wide(s string) []byte {
	var b []byte
	for _, u := range utf16.Encode([]rune(s + "\x00")) {
		b = binary.LittleEndian.AppendUint16(b, u)
	}
	return b
}

func sampleTNEF() []byte {
	number := binary.LittleEndian.AppendUint32([]byte{3, 0, 0x17, 0}, 1)                    // a 32-bit property
	named := append([]byte{3, 0, 1, 0x80}, make([]byte, 16)...)                             // a named one
	named = binary.LittleEndian.AppendUint32(binary.LittleEndian.AppendUint32(named, 0), 7) // by number
	named = binary.LittleEndian.AppendUint32(named, 99)                                     // its value
	return newTNEF().
		attr(1, 0x00069007, []byte{0xe6, 0x04, 0, 0, 0, 0, 0, 0}). // code page 1254
		attr(1, 0x00069003, props(number, named, prop(0x001F, propBody, wide("The body\r\nof Outlook")), prop(0x0102, propHTML, []byte("<p>The body</p>")))).
		attr(2, 0x00069002, make([]byte, 14)).
		attr(2, 0x00018010, []byte("SHORT~1.TXT\x00")).
		attr(2, 0x0006800F, []byte("first file")).
		attr(2, 0x00069005, props(prop(0x001F, propLongFileName, wide("größe 1.txt")), prop(0x001E, propMIMEType, []byte("text/plain\x00")))).
		attr(2, 0x00069002, make([]byte, 14)).
		attr(2, 0x00018010, []byte("\xdeirket.bin\x00")). // in the code page
		attr(2, 0x00069005, props(prop(0x0102, propAttachData, []byte{1, 2, 3}), prop(0x001E, propContentID, []byte("img1@example.org\x00")))).b
}

func tnefMail(b []byte, text string) string {
	return "From: ann@example.org\r\nMessage-ID: <t@example.org>\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: text/plain\r\n\r\n" + text + "\r\n--b\r\nContent-Type: application/ms-tnef; name=winmail.dat\r\nContent-Transfer-Encoding: base64\r\n\r\n" +
		base64.StdEncoding.EncodeToString(b) + "\r\n--b\r\nContent-Type: text/csv; name=after.csv\r\n\r\na\r\n--b--\r\n"
}

func TestTNEF(t *testing.T) {
	m := parseString(t, tnefMail(sampleTNEF(), ""), Options{})
	if m.Text != "The body\nof Outlook" || m.HTML != "<p>The body</p>" {
		t.Errorf("text %q html %q", m.Text, m.HTML)
	}
	var got []string
	for _, p := range m.Parts {
		got = append(got, p.Name+" "+p.ContentType+" "+p.ContentID+" "+partText(t, p))
	}
	want := "größe 1.txt text/plain  first file|Şirket.bin application/octet-stream img1@example.org \x01\x02\x03|after.csv text/csv  a"
	if strings.Join(got, "|") != want {
		t.Errorf("%q, want %q", got, want)
	}
	if m := parseString(t, tnefMail(sampleTNEF(), "The text beside it"), Options{}); m.Text != "The text beside it" {
		t.Errorf("text %q: the mail's own text comes first", m.Text)
	}
}

// TestTNEFDamaged: a winmail.dat that is no TNEF stays as it is; a cut one gives
// what stands before the cut.
func TestTNEFDamaged(t *testing.T) {
	m := parseString(t, tnefMail([]byte("this is no TNEF at all"), "text"), Options{})
	if len(m.Parts) != 2 || m.Parts[0].Name != "winmail.dat" || !hasWarning(m, "could not be unpacked") {
		t.Errorf("parts %+v warnings %q", m.Parts, m.Warnings)
	}
	whole := sampleTNEF()
	for n := range len(whole) {
		if _, err := readTNEF(whole[:n]); err != nil && n > 200 {
			t.Errorf("cut at %d: %v", n, err)
		}
	}
	for i := range whole { // any byte may be wrong
		b := append([]byte(nil), whole...)
		b[i] ^= 0xff
		_, _ = readTNEF(b)
	}
}
