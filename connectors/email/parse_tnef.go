package email

import (
	"encoding/binary"
	"errors"
	"io"
	"strings"

	"throughline/message"
)

// TNEF is the form in which Outlook packs attachments, and sometimes the body,
// into one part named winmail.dat ([MS-OXTNEF]). The limits of reading it:
const (
	tnefMaxBytes      = 16 << 20 // larger ones stay packed
	tnefMaxAttributes = 10000
	tnefMaxProperties = 10000
)

const tnefSignature = 0x223E9F78

// The attributes that are read, by their numbers.
const (
	tnefBody       = 0x800C
	tnefTitle      = 0x8010
	tnefData       = 0x800F
	tnefRendData   = 0x9002 // begins an attachment
	tnefProps      = 0x9003
	tnefAttachment = 0x9005 // properties of an attachment
	tnefCodepage   = 0x9007
)

// The MAPI properties that are read ([MS-OXPROPS]).
const (
	propBody         = 0x1000
	propHTML         = 0x1013
	propAttachData   = 0x3701
	propFileName     = 0x3704
	propLongFileName = 0x3707
	propMIMEType     = 0x370E
	propContentID    = 0x3712
)

var errTNEF = errors.New("damaged winmail.dat")

// tnef is what a winmail.dat holds.
type tnef struct {
	codepage string
	text     string
	html     []byte
	parts    []tnefPart
}

type tnefPart struct {
	name, kind, id string
	data           []byte
}

// unpackTNEF puts what winmail.dat parts hold in their place. One that cannot be
// read stays as it is.
func (p *parser) unpackTNEF() {
	for i := 0; i < len(p.body.parts); i++ {
		pt := p.body.parts[i]
		if pt.ContentType != "application/ms-tnef" && pt.ContentType != "application/vnd.ms-tnef" && !strings.EqualFold(pt.Name, "winmail.dat") || pt.Size > tnefMaxBytes {
			continue
		}
		b, err := contentBytes(pt.Content)
		if err != nil {
			continue
		}
		t, err := readTNEF(b)
		if err != nil {
			p.warn("an Outlook attachment (winmail.dat) could not be unpacked")
			continue
		}
		if len(t.parts) == 0 && t.text == "" && len(t.html) == 0 {
			continue
		}
		p.warn("an Outlook attachment (winmail.dat) was unpacked")
		if blank(p.body.units) && (t.text != "" || len(t.html) > 0) {
			html, _ := decodeText(t.html, htmlCharset(t.html), t.codepage)
			p.body.units = []unit{{plain: normalNewlines(t.text), html: normalNewlines(html)}}
		}
		var inside []part
		for _, a := range t.parts {
			kind := strings.ToLower(a.kind)
			if !strings.Contains(kind, "/") || !plainASCII(kind) {
				kind = "application/octet-stream"
			}
			inside = append(inside, part{node: &node{content: a.data}, Part: message.Part{
				Name: fileName(a.name), ContentType: kind, Size: int64(len(a.data)), ContentID: contentID(a.id), Inline: a.id != "", Content: message.Bytes(a.data)}})
		}
		if f, ok := pt.Content.(*File); ok {
			_ = f.Remove() // unpacked now; the raw mail has it still
		}
		rest := append(inside, p.body.parts[i+1:]...)
		p.body.parts = append(p.body.parts[:i:i], rest...)
		i += len(inside) - 1
	}
}

func contentBytes(c message.Content) ([]byte, error) {
	if b, ok := c.(message.Bytes); ok {
		return b, nil
	}
	r, err := c.Open()
	if err != nil {
		return nil, err
	}
	defer r.Close()
	return io.ReadAll(io.LimitReader(r, tnefMaxBytes))
}

// readTNEF reads the attributes of a TNEF stream. Slices of b are kept.
func readTNEF(b []byte) (*tnef, error) {
	if len(b) < 6 || binary.LittleEndian.Uint32(b) != tnefSignature {
		return nil, errTNEF
	}
	t := &tnef{}
	b = b[6:]
	for n := 0; len(b) >= 11 && n < tnefMaxAttributes; n++ {
		level, id, size := b[0], binary.LittleEndian.Uint16(b[1:]), binary.LittleEndian.Uint32(b[5:])
		if level != 1 && level != 2 || uint64(size) > uint64(len(b)-11) {
			if n == 0 {
				return nil, errTNEF
			}
			return t, nil // what stands before the damage can be used
		}
		t.attribute(id, b[9:9+size])
		b = b[11+size:]
	}
	return t, nil
}

func (t *tnef) attribute(id uint16, data []byte) {
	var last *tnefPart
	if len(t.parts) > 0 {
		last = &t.parts[len(t.parts)-1]
	}
	switch id {
	case tnefCodepage:
		if len(data) >= 4 {
			t.codepage = codepageName(binary.LittleEndian.Uint32(data))
		}
	case tnefBody:
		t.text = t.string8(data)
	case tnefProps:
		readProperties(data, func(prop, kind uint16, value []byte) {
			switch prop {
			case propBody:
				t.text = t.stringOf(kind, value)
			case propHTML:
				t.html = value
			}
		})
	case tnefRendData:
		if len(t.parts) < MaxParts {
			t.parts = append(t.parts, tnefPart{})
		}
	case tnefTitle:
		if last != nil && last.name == "" {
			last.name = t.string8(data)
		}
	case tnefData:
		if last != nil {
			last.data = data
		}
	case tnefAttachment:
		if last == nil {
			return
		}
		readProperties(data, func(prop, kind uint16, value []byte) {
			switch prop {
			case propLongFileName:
				last.name = t.stringOf(kind, value)
			case propFileName:
				if last.name == "" {
					last.name = t.stringOf(kind, value)
				}
			case propMIMEType:
				last.kind = t.stringOf(kind, value)
			case propContentID:
				last.id = t.stringOf(kind, value)
			case propAttachData:
				if last.data == nil && kind == 0x0102 {
					last.data = value
				}
			}
		})
	}
}

// string8 decodes a string in the sender's code page.
func (t *tnef) string8(b []byte) string {
	s, _ := decodeText(b, t.codepage, "")
	return strings.TrimRight(s, "\x00")
}

func (t *tnef) stringOf(kind uint16, b []byte) string {
	if kind == 0x001F {
		s, _ := decodeText(b, "utf-16le", "")
		return strings.TrimRight(s, "\x00")
	}
	return t.string8(b)
}

func codepageName(n uint32) string {
	switch n {
	case 874:
		return "windows-874"
	case 932:
		return "shift_jis"
	case 936:
		return "gbk"
	case 949:
		return "euc-kr"
	case 950:
		return "big5"
	case 65001:
		return "utf-8"
	}
	if n >= 1250 && n <= 1258 {
		return "windows-125" + string(rune('0'+n-1250))
	}
	return ""
}

// readProperties calls f for the single-valued properties of variable length in
// a MAPI property list and stops at the first that makes no sense.
func readProperties(b []byte, f func(prop, kind uint16, value []byte)) {
	ok := true
	take := func(n uint64) []byte {
		if !ok || n > uint64(len(b)) {
			ok = false
			return make([]byte, 16)
		}
		v := b[:n]
		b = b[n:]
		return v
	}
	u32 := func() uint64 { return uint64(binary.LittleEndian.Uint32(take(4))) }
	padded := func(n uint64) []byte {
		v := take(n)
		if pad := (4 - n%4) % 4; ok && pad <= uint64(len(b)) {
			b = b[pad:]
		}
		return v
	}
	count := u32()
	for i := uint64(0); ok && i < count && i < tnefMaxProperties; i++ {
		kind := binary.LittleEndian.Uint16(take(2))
		prop := binary.LittleEndian.Uint16(take(2))
		if prop >= 0x8000 { // named: a GUID and a number or a string
			take(16)
			if u32() == 0 {
				take(4)
			} else {
				padded(u32())
			}
		}
		values := uint64(1)
		multi := kind&0x1000 != 0
		switch kind &^ 0x1000 {
		case 0x001E, 0x001F, 0x0102, 0x000D:
			values = u32()
			for v := uint64(0); ok && v < values && v < tnefMaxProperties; v++ {
				value := padded(u32())
				if ok && !multi && v == 0 {
					f(prop, kind, value)
				}
			}
			continue
		}
		if multi {
			values = u32()
		}
		width := uint64(4)
		switch kind &^ 0x1000 {
		case 0x0005, 0x0006, 0x0007, 0x0014, 0x0040:
			width = 8
		case 0x0048:
			width = 16
		case 0x0002, 0x0003, 0x0004, 0x000A, 0x000B, 0x0001:
		default:
			return
		}
		if values > uint64(len(b)) {
			return
		}
		take(values * width)
	}
}
