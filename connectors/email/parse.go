package email

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"throughline/message"
)

// Options say where a mail came from and how to read what it leaves open.
type Options struct {
	Source  string         // as in message.Message.Source
	Account string         // ID of the account
	Own     message.Handle // the account's own address; mail from it is Out
	// DefaultCharset is what text without a (right) charset is read as, e.g.
	// "windows-1256"; "" means windows-1252.
	DefaultCharset string
	// Received is when the provider took the mail; zero if unknown.
	Received time.Time
	// TempDir takes large attachments; "" means the system's.
	TempDir string
	// AuthServID are the names under which our own receiving servers write
	// Authentication-Results (RFC 8601 section 2.5); results of others are not
	// believed.
	AuthServID []string
}

// HeldError means that a mail could not be understood and has to wait for a
// person or a newer version.
type HeldError struct{ Reason string }

func (e *HeldError) Error() string { return e.Reason }

// Parse understands a mail (RFC 5322, MIME). Nothing that is wrong with the mail
// makes it panic: what could be read is returned, with a warning for every
// repair, and only what is no mail at all, or too large, gives a *HeldError.
// Any other error is about reading raw or writing to TempDir and worth another
// try. Large attachments are in temporary files until Cleanup.
//
// The time and memory it takes are bounded by the size of raw; a large
// attachment costs no memory.
func Parse(raw message.Content, o Options) (message.Message, error) {
	m, _, err := parseMail(raw, o)
	return m, err
}

// parseMail is Parse that hands out the header as well.
func parseMail(raw message.Content, o Options) (m message.Message, h header, err error) {
	p := &parser{o: o, m: &m}
	defer func() {
		if r := recover(); r != nil {
			p.dropFiles(nil)
			m, err = message.Message{}, &HeldError{Reason: fmt.Sprintf("this mail made the parser fail (%v); please report it", r)}
		}
	}()
	if raw == nil || raw.Size() == 0 {
		return m, nil, &HeldError{Reason: "the mail is empty"}
	}
	if raw.Size() > MaxSize {
		return m, nil, &HeldError{Reason: fmt.Sprintf("the mail is larger than %d MiB", MaxSize>>20)}
	}
	m.Raw = raw
	err = p.parse(raw)
	return m, p.h, err
}

// parser holds what one Parse knows so far.
type parser struct {
	o            Options
	m            *message.Message
	h            header
	body         body
	files        []*File // made so far
	charset      string  // of headerCharset, once charsetKnown
	charsetKnown bool
	date         string // the Date field, as a number of seconds if it could be read
}

func (p *parser) warn(text string) {
	if text == "" || len(p.m.Warnings) >= MaxWarnings {
		return
	}
	for _, w := range p.m.Warnings {
		if w == text {
			return
		}
	}
	p.m.Warnings = append(p.m.Warnings, text)
}

func (p *parser) parse(raw message.Content) error {
	head, err := readHead(raw)
	if err != nil {
		return err
	}
	clean, warning, ok := repair(head)
	if !ok {
		return &HeldError{Reason: "no mail header was found: this is not a mail"}
	}
	p.warn(warning)
	h, start, warnings := readHeader(clean)
	for _, w := range warnings {
		p.warn(w)
	}
	p.h = h
	p.readFields()

	whole := raw.Size() <= smallBytes
	var rest []byte
	if whole {
		rest = clean[start:]
	}
	open := func() (io.ReadCloser, error) {
		return openBody(raw, int64(len(head)-len(clean)), start < len(clean) || whole, int64(start))
	}
	if err := p.readBody(rest, whole, open); err != nil {
		return err
	}
	p.classify()
	p.m.Key = p.key()
	return nil
}

// readHead reads the start of raw: all of a small mail, enough for the header
// of a large one.
func readHead(raw message.Content) ([]byte, error) {
	limit := raw.Size()
	if limit > smallBytes {
		limit = min(limit, smallBytes+MaxHeaderBytes)
	}
	if b, ok := raw.(message.Bytes); ok {
		return b[:limit:limit], nil
	}
	r, err := raw.Open()
	if err != nil {
		return nil, err
	}
	defer r.Close()
	head := make([]byte, limit)
	n, err := io.ReadFull(r, head)
	if err == io.ErrUnexpectedEOF || err == io.EOF {
		err = nil // shorter than it said
	}
	return head[:n], err
}

// openBody opens raw at the start of its body: skip bytes of junk, then size
// bytes of header; found tells whether the header's end is known, otherwise
// lines are skipped up to the first empty one.
func openBody(raw message.Content, skip int64, found bool, size int64) (io.ReadCloser, error) {
	r, err := raw.Open()
	if err != nil {
		return nil, err
	}
	br := bufio.NewReaderSize(r, 64<<10)
	if found {
		skip += size
	}
	if _, err := io.CopyN(io.Discard, br, skip); err != nil && err != io.EOF {
		r.Close()
		return nil, err
	}
	for middle := false; !found; {
		line, err := br.ReadSlice('\n')
		if err != nil && err != bufio.ErrBufferFull {
			break
		}
		found = !middle && len(bytes.TrimRight(line, "\r\n")) == 0
		middle = err == bufio.ErrBufferFull
	}
	return struct {
		io.Reader
		io.Closer
	}{br, r}, nil
}

// readFields fills in what the header says.
func (p *parser) readFields() {
	m, h, cs := p.m, p.h, p.headerCharset()
	m.Channel, m.Account, m.Source, m.Direction = Channel, p.o.Account, p.o.Source, message.In

	m.From = p.sender()
	if p.o.Own != "" && strings.EqualFold(string(m.From.Handle), string(p.o.Own)) {
		m.Direction = message.Out
	}
	m.ReplyTo = p.people("Reply-To")
	m.To = p.people("To")
	m.Cc = p.people("Cc")
	m.Bcc = p.people("Bcc")

	m.Subject = strings.TrimSpace(decodeWords(h.get("Subject"), cs))
	if utf8.RuneCountInString(m.Subject) > MaxSubjectRunes {
		m.Subject = shorten(m.Subject, MaxSubjectRunes)
		p.warn("a very long subject was shortened")
	}

	p.date = h.get("Date")
	t, ok := parseDate(p.date)
	if ok {
		p.date = strconv.FormatInt(t.Unix(), 10)
	} else if p.date != "" {
		p.warn("the date could not be read")
	}
	m.Received = p.o.Received
	if !ok || m.Received.IsZero() {
		if r, found := receivedDate(h.get("Received")); found {
			if m.Received.IsZero() {
				m.Received = r
			}
			if !ok {
				t, ok = r, true
			}
		}
	}
	if !ok {
		t = m.Received
	}
	m.Time = t

	if ids := messageIDs(h.get("Message-ID"), 1); len(ids) > 0 {
		m.Ref = wireRef(ids[0])
		if _, _, own := message.ParseOwnRef(m.Ref); own {
			m.Echo = m.Ref
		}
	} else {
		p.warn("it has no Message-ID")
	}
	m.Refs = references(h)
	m.Vouch = vouch(h, p.o.AuthServID, m.From.Handle.Address())
}

// headerCharset is what bytes beyond ASCII in header fields are read as: the
// body's charset, for whoever writes such fields writes both with one program.
func (p *parser) headerCharset() string {
	if !p.charsetKnown {
		p.charsetKnown, p.charset = true, p.o.DefaultCharset
		if cs := charsetLabel(parseMediaType(p.h.get("Content-Type")).param("charset", "")); cs != "us-ascii" && !isUTF8(cs) && !isLatin1(cs) && lookupCharset(cs) != nil {
			p.charset = cs
		}
	}
	return p.charset
}

// people reads an address field, which may wrongly occur more than once.
func (p *parser) people(key string) []message.Person {
	var out []message.Person
	for i := range p.h {
		if len(p.h[i].key) != len(key) || !strings.EqualFold(p.h[i].key, key) {
			continue
		}
		list, warning := parseAddresses(p.h[i].value, p.headerCharset())
		p.warn(warning)
		out = append(out, list...)
	}
	if len(out) > MaxAddresses {
		out = out[:MaxAddresses]
	}
	return out
}

// sender tells who wrote the mail: From, or what else names somebody.
func (p *parser) sender() message.Person {
	var named message.Person
	for _, key := range [...]string{"From", "Sender", "Reply-To", "Return-Path", "Errors-To"} {
		for _, who := range p.people(key) {
			if who.Handle != "" {
				if key != "From" {
					p.warn("no sender's address in From; taken from " + key)
					if named.Name != "" {
						who.Name = named.Name
					}
				}
				return who
			}
			if named.Name == "" {
				named = who
			}
		}
	}
	p.warn("no sender's address was found")
	return named
}

// receivedDate reads the date at the end of a Received field.
func receivedDate(s string) (time.Time, bool) {
	i := strings.LastIndexByte(s, ';')
	if i < 0 {
		return time.Time{}, false
	}
	return parseDate(s[i+1:])
}
