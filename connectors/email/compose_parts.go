package email

import (
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"mime/quotedprintable"
	"path"
	"regexp"
	"strings"
	"unicode/utf8"

	"throughline/message"
)

// entity is a node of the MIME tree: its fields and a way to write its body.
type entity struct {
	fields []field
	body   func(w io.Writer) error
}

// tree arranges a message as mixed(related(alternative(text, html), pictures),
// attachments), leaving out every level that has only one child.
func tree(m message.Message) *entity {
	var inline, attached []*entity
	for _, p := range m.Parts {
		if p.Inline && p.ContentID != "" && m.HTML != "" {
			inline = append(inline, attachment(p, "inline"))
		} else {
			attached = append(attached, attachment(p, "attachment"))
		}
	}
	var e *entity
	switch {
	case m.HTML == "":
		e = textEntity("plain", m.Text)
	case m.Text == "":
		e = textEntity("html", m.HTML)
	default:
		e = multipart("alternative", boundary(m, "alternative"), textEntity("plain", m.Text), textEntity("html", m.HTML))
	}
	if len(inline) > 0 {
		e = multipart("related", boundary(m, "related"), append([]*entity{e}, inline...)...)
	}
	if len(attached) > 0 {
		e = multipart("mixed", boundary(m, "mixed"), append([]*entity{e}, attached...)...)
	}
	return e
}

func multipart(kind, boundary string, children ...*entity) *entity {
	return &entity{
		fields: []field{{"Content-Type", fmt.Sprintf(`multipart/%s; boundary="%s"`, kind, boundary)}},
		body: func(w io.Writer) error {
			for _, child := range children {
				var h headerWriter
				h.WriteString("--" + boundary + "\r\n")
				h.entity(child)
				h.WriteString("\r\n")
				if _, err := w.Write(h.Bytes()); err != nil {
					return err
				}
				if err := child.body(w); err != nil {
					return err
				}
				if _, err := io.WriteString(w, "\r\n"); err != nil {
					return err
				}
			}
			_, err := io.WriteString(w, "--"+boundary+"--\r\n")
			return err
		},
	}
}

// textEntity sends short ASCII lines as they are, other mostly ASCII text as
// quoted-printable and the rest in base64, whichever is smaller.
func textEntity(subtype, text string) *entity {
	text = strings.ToValidUTF8(text, "\uFFFD")
	text = strings.ReplaceAll(strings.NewReplacer("\r\n", "\n", "\r", "\n", "\x00", "").Replace(text), "\n", "\r\n")
	if text != "" && !strings.HasSuffix(text, "\r\n") {
		text += "\r\n"
	}
	high, plain := 0, true
	for line := range strings.SplitSeq(text, "\r\n") {
		plain = plain && len(line) <= maxLine && !strings.HasPrefix(line, "--=_") && !strings.HasPrefix(line, "From ")
		for i := range len(line) {
			if c := line[i]; c >= 0x80 || c < ' ' && c != '\t' {
				high++
			}
		}
	}
	encoding := "quoted-printable"
	switch {
	case high == 0 && plain:
		encoding = "7bit"
	case high > len(text)/6:
		encoding = "base64"
	}
	return &entity{
		fields: []field{{"Content-Type", "text/" + subtype + "; charset=utf-8"}, {"Content-Transfer-Encoding", encoding}},
		body: func(w io.Writer) error {
			switch encoding {
			case "7bit":
				_, err := io.WriteString(w, text)
				return err
			case "base64":
				return writeBase64(w, strings.NewReader(text))
			}
			q := quotedprintable.NewWriter(w)
			if _, err := io.WriteString(q, text); err != nil {
				return err
			}
			return q.Close()
		},
	}
}

var mediaTypeForm = regexp.MustCompile(`^[a-z0-9][a-z0-9!#$&^_.+-]{0,100}/[a-z0-9][a-z0-9!#$&^_.+-]{0,100}$`)

// attachment sends a part in base64, read from its Content while writing.
func attachment(p message.Part, disposition string) *entity {
	kind := strings.ToLower(p.ContentType)
	if !mediaTypeForm.MatchString(kind) || strings.HasPrefix(kind, "message/") || strings.HasPrefix(kind, "multipart/") {
		// RFC 2046 forbids base64 for the last two; the bytes have to stay.
		kind = "application/octet-stream"
	}
	contentType := kind
	if strings.HasPrefix(kind, "text/") && textIsUTF8(p.Content) {
		contentType += "; charset=utf-8" // RFC 2046 4.1.2: without it readers take it for ASCII
	}
	e := &entity{fields: []field{{"Content-Type", contentType}, {"Content-Transfer-Encoding", "base64"},
		{"Content-Disposition", disposition + nameParams(p.Name)}}}
	if id := strings.Trim(p.ContentID, "<> "); id != "" && isASCII(id) && !strings.ContainsAny(id, "<> \r\n\t\x00") && len(id) < maxReferenceBytes {
		e.fields = append(e.fields, field{"Content-ID", "<" + id + ">"})
	}
	e.body = func(w io.Writer) error {
		if p.Content == nil {
			return &contentError{fmt.Errorf("the attachment %q has no content", oneLine(p.Name))}
		}
		r, err := p.Content.Open()
		if err != nil {
			return &contentError{fmt.Errorf("the attachment %q cannot be opened: %w", oneLine(p.Name), err)}
		}
		defer r.Close()
		return writeBase64(w, contentReader{r})
	}
	return e
}

// sampleBytes is how much of a text file is looked at to name its charset.
const sampleBytes = 256 << 10

// textIsUTF8 tells whether the beginning of a file is UTF-8; plain ASCII is.
func textIsUTF8(c message.Content) bool {
	if c == nil {
		return false
	}
	r, err := c.Open()
	if err != nil {
		return false
	}
	defer r.Close()
	sample, err := io.ReadAll(io.LimitReader(r, sampleBytes))
	if err != nil {
		return false
	}
	if len(sample) == sampleBytes { // the last character may be cut
		for i := 1; i < utf8.UTFMax && !utf8.Valid(sample); i++ {
			sample = sample[:len(sample)-1]
		}
	}
	return utf8.Valid(sample)
}

// contentError is a failure to read an attachment, not to send it.
type contentError struct{ err error }

func (e *contentError) Error() string { return e.err.Error() }
func (e *contentError) Unwrap() error { return e.err }

type contentReader struct{ r io.Reader }

func (c contentReader) Read(b []byte) (int, error) {
	n, err := c.r.Read(b)
	if err != nil && !errors.Is(err, io.EOF) {
		err = &contentError{err}
	}
	return n, err
}

// nameParams renders the filename parameter: in ASCII for old readers and, where
// that loses something, in full by RFC 2231, in pieces that fit on a line.
func nameParams(name string) string {
	name = path.Base(strings.ReplaceAll(strings.TrimSpace(noControls(name)), `\`, "/"))
	if name == "." || name == "/" || name == "" {
		return ""
	}
	if r := []rune(name); len(r) > MaxNameRunes {
		ext := []rune(path.Ext(name))
		if len(ext) > 20 {
			ext = nil
		}
		name = string(r[:MaxNameRunes-len(ext)]) + string(ext)
	}
	ascii := strings.Map(func(r rune) rune {
		if r >= 0x7f || r == '"' || r == '\\' {
			return '_'
		}
		return r
	}, name)
	if len(ascii) > 60 {
		ext := path.Ext(ascii)
		if len(ext) > 20 {
			ext = ""
		}
		ascii = strings.TrimRight(ascii[:60-len(ext)], " ") + ext
	}
	// A fold inside a quoted string may swallow spaces, hence no spaces there.
	out := `; filename="` + strings.ReplaceAll(ascii, " ", "_") + `"`
	if ascii == name && !strings.Contains(name, " ") {
		return out
	}
	const attrChars = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789!#$&+-.^_`{|}~"
	var pieces []string
	var b strings.Builder
	for i := range len(name) {
		if b.Len() > 50 {
			pieces = append(pieces, b.String())
			b.Reset()
		}
		if strings.IndexByte(attrChars, name[i]) >= 0 {
			b.WriteByte(name[i])
		} else {
			fmt.Fprintf(&b, "%%%02X", name[i])
		}
	}
	pieces = append(pieces, b.String())
	if len(pieces) == 1 {
		return out + "; filename*=UTF-8''" + pieces[0]
	}
	for i, p := range pieces {
		if i == 0 {
			p = "UTF-8''" + p
		}
		out += fmt.Sprintf("; filename*%d*=%s", i, p)
	}
	return out
}

// writeBase64 encodes r in lines of 76 characters.
func writeBase64(w io.Writer, r io.Reader) error {
	const lines = 512
	in := make([]byte, 57*lines)
	out := make([]byte, 0, 78*lines)
	for {
		n, err := io.ReadFull(r, in)
		out = out[:0]
		for rest := in[:n]; len(rest) > 0; {
			k := min(57, len(rest))
			out = base64.StdEncoding.AppendEncode(out, rest[:k])
			out = append(out, '\r', '\n')
			rest = rest[k:]
		}
		if len(out) > 0 {
			if _, werr := w.Write(out); werr != nil {
				return werr
			}
		}
		switch {
		case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
			return nil
		case err != nil:
			return err
		}
	}
}
