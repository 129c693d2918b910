package twilio

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/mail"
	"net/url"
	"strconv"
	"strings"
	"time"

	openapi "github.com/twilio/twilio-go/rest/api/v2010"

	"throughline/connectors"
	"throughline/message"
)

// The limits of reading.
const (
	// maxForm is the largest body of a webhook that is read. A text has at most
	// 1600 characters and a message ten files, so that a real one is far smaller.
	maxForm = 256 << 10
	// maxFields is how many fields of a form are read.
	maxFields = 1000
	// maxTextBytes is how much of a text is kept.
	maxTextBytes = 64 << 10
	// maxNameRunes is how long a name may be before it is shortened.
	maxNameRunes = 200
	// maxMedia is how many files of one message are fetched.
	maxMedia = 30
)

// keyPrefix makes a SID a key: SIDs are unique over all of Twilio.
const keyPrefix = "twilio:"

// file is a file of an incoming message that waits at Twilio.
type file struct {
	path        string // on the API's host
	contentType string // as announced
	recording   bool   // an answer of another type, or an empty one, is none: it may come later
}

// errNotMessage is an item that cannot be understood as a message.
type errNotMessage struct{ text string }

func (e *errNotMessage) Error() string { return e.text }

// parseForm reads the body of a webhook.
func parseForm(body []byte) (url.Values, error) {
	if bytes.Count(body, []byte("&")) >= maxFields {
		return nil, fmt.Errorf("the form has more than %d fields", maxFields)
	}
	return url.ParseQuery(string(body))
}

// readForm makes a message of the form of an incoming-message webhook. at is when
// it came: the form has no time of its own. When it cannot be understood, the
// error is an *errNotMessage.
func (c *Connector) readForm(form url.Values, at time.Time) (message.Message, []file, error) {
	m := c.base()
	sid := form.Get("MessageSid")
	if sid == "" {
		sid = form.Get("SmsSid")
	}
	if err := c.identify(&m, sid, form.Get("From"), form.Get("To")); err != nil {
		return m, nil, err
	}
	m.From.Name = shorten(cleanLine(form.Get("ProfileName")), maxNameRunes)
	m.Time, m.Received = at, at
	c.setText(&m, form.Get("Body"), extras(form)...)
	if replied := form.Get("OriginalRepliedMessageSid"); messageForm.MatchString(replied) {
		m.Refs = []string{replied}
	}
	m.Consent = c.set.consent(form.Get("OptOutType"), form.Get("Body"))
	m.Answered = m.Consent != "" && form.Get("OptOutType") != ""
	n, _ := strconv.Atoi(form.Get("NumMedia"))
	var files []file
	for i := 0; i < n && i < maxMedia; i++ {
		u, err := url.Parse(form.Get("MediaUrl" + strconv.Itoa(i)))
		if err != nil || !c.ownMedia(u.Path, sid) {
			warn(&m, fmt.Sprintf("file %d has an address that is not one of Twilio's media and was left out", i+1))
			continue
		}
		files = append(files, file{path: u.Path, contentType: mediaType(form.Get("MediaContentType" + strconv.Itoa(i)))})
	}
	if n > maxMedia {
		warn(&m, fmt.Sprintf("of %d files the first %d were taken", n, maxMedia))
	}
	c.noteEmpty(&m, n)
	return m, files, nil
}

// readResource makes a message of an entry of Twilio's list of messages. The
// number of its files is told beside; where they are is not in it.
func (c *Connector) readResource(raw []byte) (m message.Message, files int, err error) {
	m = c.base()
	var r openapi.ApiV2010Message
	if err := json.Unmarshal(raw, &r); err != nil {
		return m, 0, &errNotMessage{"Twilio's entry of the message cannot be read: " + oneLine(err.Error())}
	}
	if err := c.identify(&m, text(r.Sid), text(r.From), text(r.To)); err != nil {
		return m, 0, err
	}
	at, ok := resourceTime(&r)
	if !ok {
		return m, 0, &errNotMessage{"Twilio's entry of the message has no readable date"}
	}
	m.Time, m.Received = at, at
	c.setText(&m, text(r.Body))
	m.Consent = c.set.consent("", text(r.Body))
	files, _ = strconv.Atoi(text(r.NumMedia))
	c.noteEmpty(&m, files)
	return m, files, nil
}

// identify fills in who wrote to whom, and the names of the item.
func (c *Connector) identify(m *message.Message, sid, from, to string) error {
	if !messageForm.MatchString(sid) {
		return &errNotMessage{"the item names no message: its SID is not SM or MM and 32 characters"}
	}
	m.Key, m.Source, m.Ref = keyPrefix+sid, keyPrefix+sid, sid
	m.From.Handle = handleOf(from)
	if m.From.Handle == "" {
		return &errNotMessage{"the message has no sender that can be read"}
	}
	if h := handleOf(to); h != "" {
		m.To = []message.Person{{Handle: h}}
		if c.set.from != "" && c.set.service == "" && h != handleOf(c.set.from) {
			warn(m, "it was sent to "+h.Address()+", which is not the number of this account")
		}
	}
	return nil
}

// setText sets what was written and what came beside it, each on lines of its own.
func (c *Connector) setText(m *message.Message, body string, beside ...string) {
	body = clean(body)
	if len(body) > maxTextBytes {
		body = strings.ToValidUTF8(body[:maxTextBytes], "")
		warn(m, "the text was shortened")
	}
	lines := make([]string, 0, 1+len(beside))
	for _, s := range append([]string{body}, beside...) {
		if s != "" {
			lines = append(lines, s)
		}
	}
	m.Text = strings.Join(lines, "\n")
	m.Reply = m.Text
}

// extras are what WhatsApp messages have besides a body: a place, the button
// that was pressed.
func extras(form url.Values) (out []string) {
	if b := cleanLine(form.Get("ButtonText")); b != "" && b != cleanLine(form.Get("Body")) {
		out = append(out, b)
	}
	lat, err1 := strconv.ParseFloat(form.Get("Latitude"), 64)
	lon, err2 := strconv.ParseFloat(form.Get("Longitude"), 64)
	if err1 == nil && err2 == nil && lat >= -90 && lat <= 90 && lon >= -180 && lon <= 180 {
		place := "Location:"
		for _, key := range []string{"Label", "Address"} {
			if s := shorten(cleanLine(form.Get(key)), maxNameRunes); s != "" {
				place += " " + s + ","
			}
		}
		out = append(out, fmt.Sprintf("%s %s, %s", place,
			strconv.FormatFloat(lat, 'f', -1, 64), strconv.FormatFloat(lon, 'f', -1, 64)))
	}
	return out
}

func (c *Connector) noteEmpty(m *message.Message, files int) {
	if m.Text == "" && files == 0 {
		warn(m, "the message has neither text nor a file: it is of a kind that Twilio does not pass on")
	}
}

// ownMedia tells that a path is of media of this message. Only such paths are
// fetched with our credentials, whatever host an address named.
func (c *Connector) ownMedia(path, sid string) bool {
	m := mediaForm.FindStringSubmatch(path)
	return m != nil && m[2] == sid
}

// readRaw reads a raw item: a form or an entry of Twilio's list.
func readRaw(raw message.Content) ([]byte, error) {
	r, err := raw.Open()
	if err != nil {
		return nil, err
	}
	defer r.Close()
	b, err := io.ReadAll(io.LimitReader(r, maxForm+1))
	if err == nil && len(b) > maxForm {
		err = errors.New("the item is larger than anything of Twilio's")
	}
	return b, err
}

// Read understands an item again: the form of a webhook or an entry of Twilio's
// list. The files are not part of it: then the error is connectors.ErrPartial.
func (c *Connector) Read(raw message.Content, source string) (message.Message, error) {
	b, err := readRaw(raw)
	if err != nil {
		return message.Message{}, err
	}
	var m message.Message
	files := 0
	if bytes.HasPrefix(bytes.TrimSpace(b), []byte("{")) {
		m, files, err = c.readResource(b)
	} else {
		var form url.Values
		if form, err = parseForm(b); err == nil {
			var list []file
			m, list, err = c.readForm(form, time.Now())
			files = len(list)
		}
	}
	if err != nil {
		return message.Message{}, err
	}
	m.Raw = raw
	if files > 0 {
		warn(&m, noFiles)
		return m, connectors.ErrPartial
	}
	return m, nil
}

// held makes a held item of raw, whatever it is.
func held(raw []byte, sid, reason string) message.Held {
	h := message.Held{Reason: reason, Raw: message.Bytes(raw)}
	if messageForm.MatchString(sid) {
		h.Source, h.Key = keyPrefix+sid, keyPrefix+sid
		return h
	}
	sum := sha256.Sum256(raw)
	h.Source = keyPrefix + "item:" + hex.EncodeToString(sum[:16])
	return h
}

// handleOf makes a handle of an address of Twilio, "" if there is none.
func handleOf(wire string) message.Handle {
	wire = strings.TrimSpace(wire)
	channel, address, ok := strings.Cut(wire, ":")
	if !ok {
		channel, address = "", wire
	}
	address = cleanLine(address)
	digits := strings.TrimPrefix(address, "+")
	switch {
	case digits == "" || len(address) > 200:
		return ""
	case !onlyDigits(digits):
		if channel != "" {
			return message.NewHandle(channel, address) // an ID instead of a number
		}
		return message.NewHandle("alpha", address)
	case address[0] == '+' || len(digits) > 6:
		return message.NewHandle(Scheme, "+"+digits)
	}
	return message.NewHandle("short", digits)
}

// wireOf undoes handleOf, "" for a handle that this channel cannot write to.
func (f flavour) wireOf(h message.Handle) string {
	a := h.Address()
	switch {
	case a == "":
		return ""
	case h.Scheme() == Scheme:
		return f.prefix + a
	case h.Scheme() == "short" && f.prefix == "":
		return a
	case f.prefix != "" && h.Scheme()+":" == f.prefix:
		return f.prefix + a
	}
	return ""
}

func onlyDigits(s string) bool {
	for _, r := range s {
		if r < '0' || r > '9' {
			return false
		}
	}
	return s != ""
}

// clean makes text of the wire fit to be stored.
func clean(s string) string {
	s = strings.ToValidUTF8(strings.ReplaceAll(s, "\r\n", "\n"), "\ufffd")
	s = strings.Map(func(r rune) rune {
		switch {
		case r == '\r':
			return '\n'
		case r < ' ' && r != '\n' && r != '\t', r == 0x7f:
			return -1
		}
		return r
	}, s)
	return strings.TrimSpace(s)
}

func cleanLine(s string) string { return strings.Join(strings.Fields(clean(s)), " ") }

func shorten(s string, n int) string {
	if r := []rune(s); len(r) > n {
		return string(r[:n]) + "…"
	}
	return s
}

// noFiles is the warning of a message whose files nobody fetches any more.
const noFiles = "its files are not here: they were at Twilio and could not be fetched"

func warn(m *message.Message, text string) { m.Warnings = append(m.Warnings, text) }

func text(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

// resourceTime is when Twilio took a message.
func resourceTime(r *openapi.ApiV2010Message) (time.Time, bool) {
	for _, s := range []*string{r.DateCreated, r.DateSent} {
		if t, err := mail.ParseDate(text(s)); err == nil {
			return t.UTC(), true
		}
	}
	return time.Time{}, false
}

// mediaType is a media type without parameters, in lower case.
func mediaType(s string) string {
	s, _, _ = strings.Cut(s, ";")
	s = strings.ToLower(strings.TrimSpace(s))
	if !typeForm.MatchString(s) || strings.Contains(s, "*") {
		return "application/octet-stream"
	}
	return s
}
