package email

import (
	"bytes"
	"strings"
	"unicode/utf8"

	"github.com/wlynxg/chardet"
	"golang.org/x/net/html/charset"
	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/ianaindex"
	"golang.org/x/text/encoding/japanese"
	"golang.org/x/text/encoding/korean"
	"golang.org/x/text/encoding/simplifiedchinese"
	"golang.org/x/text/encoding/unicode"
)

// guessConfidence is what a guess at the charset must reach to be believed:
// below it the detector calls Persian "MacCyrillic".
const guessConfidence = 0.8

// decodeText turns the bytes of a text to UTF-8. declared is the charset that
// the mail names, fallback the one that the mailbox's owner expects where it
// names none. The warning is "" unless something had to be guessed.
func decodeText(b []byte, declared, fallback string) (text, warning string) {
	declared = charsetLabel(declared)
	switch {
	case isUTF7(declared):
		return decodeUTF7(b), ""
	case strings.HasPrefix(declared, "iso-2022-"), strings.HasPrefix(declared, "utf-16"),
		strings.HasPrefix(declared, "utf-32"), declared == "hz-gb-2312":
		// Seven-bit and wide charsets look like other ones: believe the label.
		if enc := lookupCharset(declared); enc != nil {
			return decodeWith(enc, b), ""
		}
	}
	weak := declared == "" || isLatin1(declared) || isUTF8(declared) || declared == "us-ascii"
	var enc encoding.Encoding
	if !weak {
		enc = lookupCharset(declared)
		weak = enc == nil
	}
	if weak && utf8.Valid(b) {
		if bytes.Contains(b, []byte("\x1b$")) && (declared == "" || declared == "us-ascii") {
			return decodeWith(japanese.ISO2022JP, b), "no charset was named; read as ISO-2022-JP"
		}
		return string(bytes.TrimPrefix(b, []byte("\xef\xbb\xbf"))), ""
	}
	if !weak {
		return decodeWith(enc, b), ""
	}
	foreign := notWestern(b)
	if isLatin1(declared) && !foreign {
		return decodeWith(charmap.Windows1252, b), ""
	}
	if foreign && looksArabic(b) {
		return decodeWith(charmap.Windows1256, b), "the charset was guessed: windows-1256"
	}
	if mostlyUTF8(b) {
		return strings.ToValidUTF8(string(b), "\uFFFD"), "some bytes were not valid UTF-8"
	}
	if len(b) >= 8 {
		if r := chardet.Detect(b[:min(len(b), 16<<10)]); r.Confidence >= guessConfidence && !isUTF8(strings.ToLower(r.Encoding)) {
			if enc := lookupCharset(charsetLabel(r.Encoding)); enc != nil {
				return decodeWith(enc, b), "the charset was guessed: " + strings.ToLower(r.Encoding)
			}
		}
	}
	if isLatin1(declared) {
		return decodeWith(charmap.Windows1252, b), ""
	}
	if enc := lookupCharset(charsetLabel(fallback)); enc != nil && !isUTF8(charsetLabel(fallback)) {
		return decodeWith(enc, b), "the charset was not named rightly; read as " + fallback
	}
	return decodeWith(charmap.Windows1252, b), "the charset was not named rightly; read as windows-1252"
}

// decodeWith never fails: what does not fit becomes U+FFFD.
func decodeWith(enc encoding.Encoding, b []byte) string {
	out, err := enc.NewDecoder().Bytes(b)
	if err != nil && len(out) == 0 {
		return strings.ToValidUTF8(string(b), "\uFFFD")
	}
	return string(out)
}

// charsetLabel brings a charset name to the form of the tables.
func charsetLabel(s string) string {
	s = strings.ToLower(strings.Trim(s, " \t\r\n\"';,"))
	s = strings.TrimPrefix(s, "charset=")
	return strings.Trim(s, " \"'")
}

func isUTF8(s string) bool {
	return s == "utf-8" || s == "utf8" || s == "utf_8" || s == "unicode-1-1-utf-8" || s == "utf8mb4"
}

func isLatin1(s string) bool {
	switch s {
	case "iso-8859-1", "iso8859-1", "latin1", "iso_8859-1", "windows-1252", "cp1252", "iso-8859-15", "8859-1":
		return true
	}
	return false
}

func isUTF7(s string) bool { return s == "utf-7" || s == "utf7" || s == "unicode-1-1-utf-7" }

// lookupCharset finds the encoding of a label, nil if it is unknown or empty.
// Mail uses narrow labels for wide practice: GB 2312 for text with GBK
// characters, TIS-620 for Windows 874.
func lookupCharset(label string) encoding.Encoding {
	switch label {
	case "":
		return nil
	case "gb2312", "gb_2312-80", "gbk", "cp936", "x-gbk", "euc-cn", "gb18030":
		return simplifiedchinese.GB18030
	case "hz-gb-2312":
		return simplifiedchinese.HZGB2312
	case "tis-620", "tis620", "iso-8859-11", "cp874", "x-windows-874", "windows-874", "tis620.2533":
		return charmap.Windows874
	case "ks_c_5601-1987", "ks_c_5601", "ksc5601", "cp949", "uhc", "euc-kr", "euckr":
		return korean.EUCKR
	case "cp1250", "win-1250", "x-cp1250":
		return charmap.Windows1250
	case "cp1251", "win-1251", "win1251":
		return charmap.Windows1251
	case "cp1253":
		return charmap.Windows1253
	case "cp1254", "iso-8859-9":
		return charmap.Windows1254
	case "cp1255", "iso-8859-8-i", "iso-8859-8-e":
		return charmap.Windows1255
	case "cp1256", "win-1256", "x-cp1256":
		return charmap.Windows1256
	case "cp1257":
		return charmap.Windows1257
	case "cp1258":
		return charmap.Windows1258
	case "cp850", "cp-850", "ibm850":
		return charmap.CodePage850
	case "cp437", "ibm437":
		return charmap.CodePage437
	case "cp932", "ms932", "windows-31j":
		return japanese.ShiftJIS
	case "iso-2022-jp", "iso-2022-jp-1", "iso-2022-jp-2", "iso-2022-jp-ms", "cp50220", "cp50221":
		return japanese.ISO2022JP
	case "utf-16":
		return unicode.UTF16(unicode.BigEndian, unicode.UseBOM)
	case "utf-16le":
		return unicode.UTF16(unicode.LittleEndian, unicode.IgnoreBOM)
	case "utf-16be":
		return unicode.UTF16(unicode.BigEndian, unicode.IgnoreBOM)
	}
	if enc, _ := charset.Lookup(label); enc != nil && enc != encoding.Replacement {
		return enc
	}
	if enc, err := ianaindex.MIME.Encoding(label); err == nil && enc != nil {
		return enc
	}
	return nil
}

// mostlyUTF8 tells UTF-8 with a few broken bytes (a cut in mid-character) from
// text in another charset.
func mostlyUTF8(b []byte) bool {
	good, bad := 0, 0
	for i := 0; i < len(b); {
		if b[i] < utf8.RuneSelf {
			i++
			continue
		}
		r, n := utf8.DecodeRune(b[i:])
		if r == utf8.RuneError && n == 1 {
			bad++
		} else {
			good++
		}
		i += n
	}
	return good >= 4*bad
}

// decodeUTF7 decodes RFC 2152. Anything malformed is kept as it is.
func decodeUTF7(b []byte) string {
	var out strings.Builder
	for i := 0; i < len(b); i++ {
		if b[i] != '+' {
			if b[i] < utf8.RuneSelf {
				out.WriteByte(b[i])
			} else {
				out.WriteRune(utf8.RuneError)
			}
			continue
		}
		j := i + 1
		for j < len(b) && base64Value(b[j]) < 64 {
			j++
		}
		if j == i+1 { // "+-" is a plus
			out.WriteByte('+')
			if j < len(b) && b[j] == '-' {
				i = j
			}
			continue
		}
		writeUTF16(&out, b[i+1:j])
		if j < len(b) && b[j] == '-' {
			j++
		}
		i = j - 1
	}
	return out.String()
}

// writeUTF16 writes a run of modified base64 that holds UTF-16.
func writeUTF16(out *strings.Builder, run []byte) {
	var bits uint32
	var n int
	var units []byte
	for _, c := range run {
		bits = bits<<6 | uint32(base64Value(c))
		n += 6
		if n >= 8 {
			n -= 8
			units = append(units, byte(bits>>n))
		}
	}
	out.WriteString(decodeWith(unicode.UTF16(unicode.BigEndian, unicode.IgnoreBOM), units[:len(units)&^1]))
}

// htmlCharset finds the charset that an HTML document names in a meta element
// near its start, "" if it names none.
func htmlCharset(b []byte) string {
	head := bytes.ToLower(b[:min(len(b), 2048)])
	for {
		i := bytes.Index(head, []byte("<meta"))
		if i < 0 {
			return ""
		}
		head = head[i+5:]
		end := bytes.IndexByte(head, '>')
		if end < 0 {
			return ""
		}
		if j := bytes.Index(head[:end], []byte("charset")); j >= 0 {
			v := strings.TrimLeft(string(head[j+7:end]), " =\"'")
			if k := strings.IndexAny(v, " \"';/>"); k >= 0 {
				v = v[:k]
			}
			return v
		}
	}
}
