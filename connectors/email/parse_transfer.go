package email

import (
	"bytes"
	"encoding/base64"
	"io"
	"strings"
)

// base64Value is the value of a base64 digit, 255 for any other byte.
func base64Value(c byte) byte {
	switch {
	case c >= 'A' && c <= 'Z':
		return c - 'A'
	case c >= 'a' && c <= 'z':
		return c - 'a' + 26
	case c >= '0' && c <= '9':
		return c - '0' + 52
	case c == '+':
		return 62
	case c == '/':
		return 63
	}
	return 255
}

func hexValue(c byte) byte {
	switch {
	case c >= '0' && c <= '9':
		return c - '0'
	case c >= 'A' && c <= 'F':
		return c - 'A' + 10
	case c >= 'a' && c <= 'f':
		return c - 'a' + 10
	}
	return 255
}

// decodeBase64 decodes what can be decoded: foreign bytes are skipped, padding
// may be missing or stand in the middle.
func decodeBase64(s string) []byte {
	out, err := base64.StdEncoding.DecodeString(s)
	if err == nil {
		return out
	}
	if isProse(s) {
		return []byte(s)
	}
	var b bytes.Buffer
	w := &base64Writer{w: &b}
	_, _ = w.Write([]byte(s)) // a bytes.Buffer does not fail
	_ = w.Close()
	return b.Bytes()
}

// isProse recognises text that is called base64 and is none: words between
// spaces.
func isProse(s string) bool {
	spaces, size := 0, 0
	for line := range strings.Lines(s[:min(len(s), 4096)]) {
		line = strings.TrimSpace(line)
		spaces += strings.Count(line, " ")
		size += len(line)
	}
	return spaces >= 3 && spaces*20 >= size
}

// base64Writer decodes the base64 written to it, skipping what is none.
type base64Writer struct {
	w    io.Writer
	in   [4096]byte
	n    int
	bad  bool // foreign bytes were skipped
	out  [4096]byte
	fail error
}

func (d *base64Writer) Write(p []byte) (int, error) {
	for _, c := range p {
		switch {
		case base64Value(c) < 64:
			d.in[d.n] = c
			d.n++
			if d.n == len(d.in) {
				d.flush(d.n)
			}
		case c == '=':
			d.flush(d.n) // the end of one run; a second may follow
		case c != '\r' && c != '\n' && c != ' ' && c != '\t':
			d.bad = true
		}
	}
	return len(p), d.fail
}

// flush decodes the first n collected digits.
func (d *base64Writer) flush(n int) {
	if n%4 == 1 {
		n--
		d.bad = true
	}
	m, _ := base64.RawStdEncoding.Decode(d.out[:], d.in[:n])
	if m > 0 && d.fail == nil {
		_, d.fail = d.w.Write(d.out[:m])
	}
	d.n = 0
}

// Close decodes what is left.
func (d *base64Writer) Close() error {
	d.flush(d.n)
	return d.fail
}

// qpWriter decodes quoted-printable (RFC 2045 section 6.7). A malformed escape
// is kept as it is.
type qpWriter struct {
	w    io.Writer
	buf  []byte // a line not yet ended
	fail error
}

// qpLine is how much of one line is held back: a soft break needs its end.
const qpLine = 4096

func (d *qpWriter) Write(p []byte) (int, error) {
	n := len(p)
	for len(p) > 0 {
		i := bytes.IndexByte(p, '\n')
		if i < 0 {
			d.buf = append(d.buf, p...)
			if len(d.buf) > qpLine {
				d.part()
			}
			break
		}
		d.buf = append(d.buf, p[:i+1]...)
		p = p[i+1:]
		d.line()
	}
	return n, d.fail
}

// line decodes one whole line with its end.
func (d *qpWriter) line() {
	end := len(d.buf)
	eol := "\n"
	if end > 1 && d.buf[end-2] == '\r' {
		eol = "\r\n"
	}
	body := bytes.TrimRight(d.buf[:end-1], " \t\r")
	if n := len(body); n > 0 && body[n-1] == '=' {
		body, eol = body[:n-1], ""
	}
	d.emit(append(qpDecode(body), eol...))
	d.buf = d.buf[:0]
}

// part decodes the start of a very long line, keeping back what may belong to
// an escape or to trailing space.
func (d *qpWriter) part() {
	keep := len(d.buf)
	for keep > 0 && len(d.buf)-keep < 3 && !(d.buf[keep-1] > ' ' && d.buf[keep-1] != '=' && len(d.buf)-keep >= 2) {
		keep--
	}
	if i := bytes.LastIndexByte(d.buf[:keep], '='); i >= 0 && keep-i < 3 {
		keep = i
	}
	rest := append([]byte(nil), d.buf[keep:]...)
	d.emit(qpDecode(d.buf[:keep]))
	d.buf = append(d.buf[:0], rest...)
}

func (d *qpWriter) emit(p []byte) {
	if d.fail == nil && len(p) > 0 {
		_, d.fail = d.w.Write(p)
	}
}

// Close decodes what is left.
func (d *qpWriter) Close() error {
	d.emit(qpDecode(bytes.TrimSuffix(d.buf, []byte("="))))
	d.buf = nil
	return d.fail
}

// qpDecode decodes the escapes of one line in place.
func qpDecode(s []byte) []byte {
	i := bytes.IndexByte(s, '=')
	if i < 0 {
		return s
	}
	out := s[:i]
	for ; i < len(s); i++ {
		if s[i] == '=' && i+2 < len(s) && isHex(s[i+1]) && isHex(s[i+2]) {
			out = append(out, hexValue(s[i+1])<<4|hexValue(s[i+2]))
			i += 2
			continue
		}
		out = append(out, s[i])
	}
	return out
}

// plainWriter hands on what is written to it.
type plainWriter struct{ io.Writer }

// Close does nothing.
func (plainWriter) Close() error { return nil }

// transferDecoder returns a writer that decodes encoding (the value of a
// Content-Transfer-Encoding field) into w. Unknown encodings are not decoded.
func transferDecoder(encoding string, w io.Writer) io.WriteCloser {
	switch transferName(encoding) {
	case "base64":
		return &base64Writer{w: w}
	case "quoted-printable":
		return &qpWriter{w: w}
	}
	return plainWriter{w}
}

// transferName normalises a Content-Transfer-Encoding.
func transferName(s string) string {
	s = strings.ToLower(strings.Trim(stripComments(s), " \t\"';"))
	switch s {
	case "quotedprintable", "quoted_printable", "qp":
		return "quoted-printable"
	case "base-64", "b64":
		return "base64"
	case "x-uuencode", "uuencode", "x-uue", "uue":
		return "uuencode"
	}
	return s
}

// decodeTransfer decodes the body of one part in memory.
func decodeTransfer(encoding string, body []byte) []byte {
	switch name := transferName(encoding); name {
	case "base64", "quoted-printable":
		if name == "base64" {
			return decodeBase64(string(body))
		}
		var b bytes.Buffer
		b.Grow(len(body))
		w := transferDecoder(encoding, &b)
		_, _ = w.Write(body) // a bytes.Buffer does not fail
		_ = w.Close()
		return b.Bytes()
	case "uuencode":
		return decodeUU(body)
	}
	return body
}
