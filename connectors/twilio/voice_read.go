package twilio

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"

	openapi "github.com/twilio/twilio-go/rest/api/v2010"

	"throughline/message"
)

var (
	callForm      = regexp.MustCompile(`^CA[0-9a-fA-F]{32}$`)
	recordingForm = regexp.MustCompile(`^RE[0-9a-fA-F]{32}$`)
)

// withheld are what Twilio writes for a caller who shows no number: the words, and
// the same on the keys of a phone.
var withheld = map[string]bool{
	"": true, "anonymous": true, "restricted": true, "blocked": true, "unknown": true, "unavailable": true, "private": true,
	"+266696687": true, "+7378742833": true, "+2562533": true, "+8656696": true, "+86282452253": true,
}

// errOtherCall is a call that did not come in from outside, a leg of another one.
var errOtherCall = errors.New("not an incoming call")

// readForm makes an entry of the form of a step of a call. at is when it came.
func (l *Line) readForm(form url.Values, at time.Time) (message.Message, error) {
	if d := form.Get("Direction"); d != "" && d != "inbound" {
		return message.Message{}, errOtherCall
	}
	m, err := l.entry(form.Get("CallSid"), form.Get("From"), form.Get("To"), form.Get("CallerName"))
	if err != nil {
		return m, err
	}
	m.Time, m.Received = at, at
	return m, nil
}

// entry is what a call is on the timeline before anything is known of it.
func (l *Line) entry(sid, from, to, name string) (message.Message, error) {
	m := l.core.base()
	m.Call = &message.Call{}
	if !callForm.MatchString(sid) {
		return m, &errNotMessage{"the item names no call: its SID is not CA and 32 characters"}
	}
	m.Key, m.Source, m.Ref = keyPrefix+sid, keyPrefix+sid, sid
	m.From = message.Person{Handle: handleOf(from), Name: shorten(cleanLine(name), maxNameRunes)}
	if withheld[strings.ToLower(strings.TrimSpace(from))] {
		// By call: nobody knows whether two of them are one person.
		m.From = message.Person{Handle: message.NewHandle("unknown", sid)}
	}
	if m.From.Handle == "" {
		return m, &errNotMessage{"the call has no caller that can be read"}
	}
	if h := handleOf(to); h != "" {
		m.To = []message.Person{{Handle: h}}
		if h != handleOf(l.core.set.from) {
			warn(&m, "it came to "+h.Address()+", which is not the number of this account")
		}
	}
	return m, nil
}

// outcome is what Twilio's last state of a call means while no message was left;
// "" for one that goes on.
func outcome(status string) message.Outcome {
	switch strings.ToLower(status) {
	case "completed", "no-answer", "canceled":
		return message.CallMissed
	case "busy":
		return message.CallBusy
	case "failed":
		return message.CallFailed
	}
	return ""
}

func seconds(s string) int {
	n, err := strconv.Atoi(s)
	if err != nil || n < 0 {
		return 0
	}
	return n
}

// told is what every step of a call tells.
func told(form url.Values, s step) message.Call {
	return message.Call{Outcome: outcome(form.Get("CallStatus")), Talk: seconds(form.Get("CallDuration")), Closed: s.closed}
}

// left adds a message of a length to what is known, if it is long enough.
func left(c message.Call, length int) message.Call {
	if time.Duration(length)*time.Second < minSpoken {
		return c
	}
	return c.Merge(message.Call{Outcome: message.CallVoicemail, Spoken: length})
}

// readResource makes an entry of Twilio's list of calls; over tells that the call
// is.
func (l *Line) readResource(raw []byte) (m message.Message, over bool, err error) {
	var r openapi.ApiV2010Call
	if err := json.Unmarshal(raw, &r); err != nil {
		return m, false, &errNotMessage{"Twilio's entry of the call cannot be read: " + oneLine(err.Error())}
	}
	if m, err = l.entry(text(r.Sid), text(r.From), text(r.To), text(r.CallerName)); err != nil {
		return m, false, err
	}
	at, ok := parseDate(text(r.DateCreated))
	if !ok {
		if at, ok = parseDate(text(r.StartTime)); !ok {
			return m, false, &errNotMessage{"Twilio's entry of the call has no readable date"}
		}
	}
	m.Time, m.Received = at, at
	m.Call.Outcome, m.Call.Closed = outcome(text(r.Status)), l.set.hours.closedAt(at)
	m.Call.Talk = seconds(text(r.Duration))
	return m, m.Call.Outcome != "", nil
}

// Read understands an item again: the form of the first step of a call, or an
// entry of Twilio's list. Recordings are not part of it.
func (l *Line) Read(raw message.Content, source string) (message.Message, error) {
	b, err := readRaw(raw)
	if err != nil {
		return message.Message{}, err
	}
	var m message.Message
	if bytes.HasPrefix(bytes.TrimSpace(b), []byte("{")) {
		m, _, err = l.readResource(b)
	} else {
		var form url.Values
		if form, err = parseForm(b); err == nil {
			if m, err = l.readForm(form, l.now().UTC()); err == nil {
				call := told(form, step{})
				m.Call = &call
			}
		}
	}
	if err != nil {
		return message.Message{}, err
	}
	m.Raw = raw
	return m, nil
}

// heldCall makes a held item of raw, whatever it is.
func heldCall(raw []byte, sid, reason string) message.Held {
	h := held(raw, "", reason)
	if callForm.MatchString(sid) {
		h.Source, h.Key = keyPrefix+sid, keyPrefix+sid
	}
	return h
}
