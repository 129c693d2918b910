package email

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/mail"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"golang.org/x/net/idna"

	"throughline/message"
)

const (
	// maxLine is the line length that composed text keeps to (RFC 5322
	// section 2.1.1); longer text is encoded.
	maxLine = 76
	// maxReferences is how many ancestors a References field names: the first,
	// which is the root of the conversation, and the last ones.
	maxReferences = 21
	// maxReferenceBytes is the longest Message-ID that is repeated: it has to
	// fit on one line.
	maxReferenceBytes = 900
)

// composed is a mail ready to be written, as often as wanted: each time the
// same bytes. Attachments are read from their Content while writing.
type composed struct {
	id     string // Message-ID with its angle brackets
	head   []byte // the header, with the empty line after it
	body   func(w io.Writer) error
	from   string           // envelope
	to     []string         // envelope, each once
	who    []message.Handle // the same as the message has them
	utf8   bool             // an address needs SMTPUTF8
	prefix string           // a DKIM-Signature field
}

func (c *composed) write(w io.Writer) error {
	if _, err := io.WriteString(w, c.prefix); err != nil {
		return err
	}
	if _, err := w.Write(c.head); err != nil {
		return err
	}
	return c.body(w)
}

// compose builds the mail for m from the mailbox address. Its errors are for
// people: they say what of the message cannot be sent.
func compose(m message.Message, address string) (*composed, error) {
	own, needs, err := wireAddress(address)
	if err != nil {
		return nil, err
	}
	c := &composed{from: own, utf8: needs}
	from := m.From
	if from.Handle.Scheme() != Scheme {
		from.Handle = message.NewHandle(Scheme, address)
	}
	// The message's own sender and not the account's, which may change between
	// two attempts: both have to carry one name.
	named, _, err := wireAddress(from.Handle.Address())
	if err != nil {
		return nil, err
	}
	domain := named[strings.LastIndexByte(named, '@')+1:]
	c.id = MessageID(m, domain)

	var h headerWriter
	date := m.Time
	if date.IsZero() {
		date = time.Now()
	}
	h.raw("Date", date.Format(time.RFC1123Z))
	for _, f := range []struct {
		name   string
		people []message.Person
		rcpt   bool
	}{{"From", []message.Person{from}, false}, {"Reply-To", m.ReplyTo, false}, {"To", m.To, true}, {"Cc", m.Cc, true}, {"", m.Bcc, true}} {
		if err := c.people(&h, f.name, f.people, f.rcpt); err != nil {
			return nil, err
		}
		if f.name == "Cc" && len(m.To)+len(m.Cc) == 0 {
			h.raw("To", "undisclosed-recipients:;")
		}
	}
	if len(m.Only) > 0 {
		c.narrow(m.Only)
	}
	if len(c.to) == 0 {
		return nil, errors.New("the message has no recipient")
	}
	h.text("Subject", m.Subject)
	h.raw("Message-ID", c.id)
	if refs := ancestors(m.Thread, domain); len(refs) > 0 {
		h.raw("In-Reply-To", refs[len(refs)-1])
		h.raw("References", strings.Join(refs, " "))
	}
	if m.Unsubscribe != "" { // RFC 2369 section 3.2, RFC 8058 section 3.1; both are signed
		h.raw("List-Unsubscribe", "<"+m.Unsubscribe+">")
		h.raw("List-Unsubscribe-Post", "List-Unsubscribe=One-Click")
	}
	if m.Automatic {
		kind := "auto-generated" // RFC 3834 section 5
		if len(m.Thread) > 0 {
			kind = "auto-replied"
		}
		h.raw("Auto-Submitted", kind)
		h.raw("X-Auto-Response-Suppress", "All") // the same for Exchange
	}
	h.raw("MIME-Version", "1.0")
	e := tree(m)
	h.entity(e)
	h.WriteString("\r\n")
	c.head, c.body = h.Bytes(), e.body
	return c, nil
}

// narrow takes all others off the envelope.
func (c *composed) narrow(only []message.Handle) {
	var to []string
	var who []message.Handle
	for i, h := range c.who {
		if slices.Contains(only, h) {
			to, who = append(to, c.to[i]), append(who, h)
		}
	}
	c.to, c.who = to, who
}

// people writes an address field and gathers its recipients.
func (c *composed) people(h *headerWriter, name string, people []message.Person, rcpt bool) error {
	var list []string
	for _, p := range people {
		if p.Handle.Scheme() != Scheme {
			return fmt.Errorf("%q is not an email address", oneLine(string(p.Handle)))
		}
		addr, needs, err := wireAddress(p.Handle.Address())
		if err != nil {
			return err
		}
		c.utf8 = c.utf8 || needs
		if rcpt && !slices.ContainsFunc(c.to, func(s string) bool { return strings.EqualFold(s, addr) }) {
			c.to, c.who = append(c.to, addr), append(c.who, p.Handle)
		}
		if n := phrase(p.Name); n != "" {
			list = append(list, n+" <"+addr+">")
		} else {
			list = append(list, addr)
		}
	}
	if name != "" && len(list) > 0 {
		h.raw(name, strings.Join(list, ", "))
	}
	return nil
}

// wireAddress brings an address into the form that goes over the wire: the
// domain in ASCII (RFC 5891), the local part quoted if it has to be. It tells
// whether the local part needs SMTPUTF8.
func wireAddress(s string) (addr string, needsUTF8 bool, err error) {
	bad := fmt.Errorf("%q is not a valid email address", oneLine(s))
	at := strings.LastIndexByte(s, '@')
	if at < 1 || !utf8.ValidString(s) || strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r == 0x7f }) {
		return "", false, bad
	}
	domain := s[at+1:]
	if !strings.HasPrefix(domain, "[") {
		if domain, err = idna.Lookup.ToASCII(domain); err != nil {
			// Underscores and the like: against the rules, but in use.
			if domain = s[at+1:]; !isASCII(domain) {
				return "", false, bad
			}
		}
	}
	a, err := mail.ParseAddress("<" + s[:at] + "@" + domain + ">")
	if err != nil || a.Name != "" {
		return "", false, bad
	}
	addr = strings.Trim((&mail.Address{Address: a.Address}).String(), "<>")
	if strings.ContainsAny(addr, "\r\n") {
		return "", false, bad
	}
	return addr, !isASCII(addr), nil
}

func isASCII(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r >= utf8.RuneSelf })
}

// ancestors renders the thread for In-Reply-To and References, oldest first.
// Names that no header can carry are left out.
func ancestors(thread []string, domain string) []string {
	var out []string
	for _, ref := range thread {
		name := ref
		if id, token, ok := message.ParseOwnRef(ref); ok {
			name = MessageID(message.Message{ID: id, Token: token}, domain)
		}
		name = strings.TrimSuffix(strings.TrimPrefix(strings.TrimSpace(name), "<"), ">")
		if name == "" || len(name) > maxReferenceBytes || strings.ContainsFunc(name, func(r rune) bool { return r <= ' ' || r >= 0x7f || r == '<' || r == '>' }) {
			continue
		}
		name = "<" + name + ">"
		out = slices.DeleteFunc(out, func(s string) bool { return s == name })
		out = append(out, name)
	}
	if len(out) > maxReferences {
		out = append(out[:1:1], out[len(out)-maxReferences+1:]...)
	}
	return out
}

// headerWriter gathers header fields. No value can begin a new line by itself.
type headerWriter struct{ bytes.Buffer }

// raw writes a field whose value is ASCII with spaces where it may be folded.
func (h *headerWriter) raw(name, value string) {
	value = noControls(value)
	h.WriteString(name + ":")
	col := len(name) + 1
	for word := range strings.SplitSeq(value, " ") {
		if col > len(name)+1 && col+1+len(word) > maxLine && word != "" {
			h.WriteString("\r\n")
			col = 0
		}
		h.WriteString(" " + word)
		col += 1 + len(word)
	}
	h.WriteString("\r\n")
}

// text writes a field of free text, in encoded words where necessary.
func (h *headerWriter) text(name, value string) { h.raw(name, encodeText(value, false)) }

// entity writes the MIME fields of e.
func (h *headerWriter) entity(e *entity) {
	for _, f := range e.fields {
		h.raw(f.key, f.value)
	}
}

func noControls(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r == '\u2028' || r == '\u2029' {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(s, "\uFFFD"))
}

// encodeText leaves plain text as it is and turns other into encoded words (RFC
// 2047) of whole characters: text beyond ASCII, text that looks encoded, and
// words too long to fold. In a phrase the Q encoding would clash with names'
// special characters, so all of it is B.
func encodeText(s string, force bool) string {
	s = strings.TrimSpace(noControls(s))
	long := slices.ContainsFunc(strings.Fields(s), func(w string) bool { return len(w) > maxLine-12 })
	if !force && !long && isASCII(s) && !strings.Contains(s, "=?") {
		return s
	}
	const chunk = 42 // bytes; 56 after base64, 68 with its frame
	var words []string
	for len(s) > 0 {
		n := min(chunk, len(s))
		for n < len(s) && !utf8.RuneStart(s[n]) {
			n--
		}
		words = append(words, "=?utf-8?B?"+base64.StdEncoding.EncodeToString([]byte(s[:n]))+"?=")
		s = s[n:]
	}
	return strings.Join(words, " ")
}

// phrase is a display name as it stands before an address.
func phrase(name string) string {
	name = strings.Join(strings.Fields(noControls(name)), " ")
	const atoms = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789!#$%&'*+-/=?^_`{|}~ "
	switch {
	case name == "":
		return ""
	case !isASCII(name) || strings.Contains(name, "=?") || len(name) > maxLine-12:
		return encodeText(name, true)
	case strings.Trim(name, atoms) == "":
		return name
	}
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(name) + `"`
}

// boundary derives a delimiter from the message's name. It holds "=_", which
// neither base64 nor quoted-printable can produce.
func boundary(m message.Message, level string) string {
	sum := sha256.Sum256([]byte(strconv.FormatUint(m.ID, 10) + "." + m.Token + "." + level))
	return "=_tl" + hex.EncodeToString(sum[:12])
}
