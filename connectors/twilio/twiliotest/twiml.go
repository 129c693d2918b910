package twiliotest

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// maxTwiMLDepth is how deep elements may be nested; the vendor's deepest form has four levels.
const maxTwiMLDepth = 8

// element is one element of TwiML.
type element struct {
	name string
	attr map[string]string
	text string // own text, trimmed
	kids []*element
}

// get returns an attribute, or a default when it is absent.
func (e *element) get(name, def string) string {
	if v, ok := e.attr[name]; ok {
		return v
	}
	return def
}

// seconds returns an attribute as a length of time; parsing checked that it is a number.
func (e *element) seconds(name string, def int) time.Duration {
	n, err := strconv.Atoi(e.get(name, strconv.Itoa(def)))
	if err != nil {
		n = def
	}
	return time.Duration(n) * time.Second
}

// twimlError is why a document was refused.
type twimlError struct {
	code int
	text string
}

func (e *twimlError) Error() string { return e.text }

func invalid(format string, args ...any) *twimlError {
	return &twimlError{12200, fmt.Sprintf(format, args...)}
}

// shape says which attributes and children an element may have.
type shape struct {
	attrs    string // names, separated by spaces; "!" in front of a name: a whole number of seconds or digits
	kids     string
	text     bool // may have text of its own
	needText bool
}

const callbackAttrs = " statusCallback statusCallbackMethod statusCallbackEvent "

var ssml = "break emphasis lang p phoneme prosody s say-as sub w "

// voiceShapes is the part of the voice grammar that the double can run; anything else ends the call.
var voiceShapes = map[string]shape{
	"Response": {kids: "Say Play Pause Gather Dial Enqueue Record Redirect Hangup Reject Leave"},
	"Say":      {attrs: "voice language !loop", text: true, needText: true, kids: ssml},
	"Play":     {attrs: "!loop digits", text: true},
	"Pause":    {attrs: "!length"},
	"Gather": {attrs: "action method timeout finishOnKey !numDigits input language hints partialResultCallback " +
		"partialResultCallbackMethod profanityFilter speechTimeout speechModel enhanced bargeIn actionOnEmptyResult debug",
		kids: "Say Play Pause"},
	"Dial": {attrs: "action method !timeout !timeLimit hangupOnStar callerId record trim answerOnBridge ringTone " +
		"recordingStatusCallback recordingStatusCallbackMethod recordingStatusCallbackEvent recordingTrack sequential " +
		"callReason referUrl referMethod", kids: "Number Client Conference Queue", text: true},
	"Number": {attrs: "url method sendDigits byoc machineDetection" + callbackAttrs, text: true, needText: true},
	"Client": {attrs: "url method" + callbackAttrs, text: true, kids: "Identity Parameter"},
	"Conference": {attrs: "muted beep startConferenceOnEnter endConferenceOnExit waitUrl waitMethod !maxParticipants record " +
		"region trim coach participantLabel jitterBufferSize eventCallbackUrl recordingStatusCallback " +
		"recordingStatusCallbackMethod recordingStatusCallbackEvent" + callbackAttrs, text: true, needText: true},
	"Queue":     {attrs: "url method reservationSid postWorkActivitySid", text: true, needText: true},
	"Identity":  {text: true, needText: true},
	"Parameter": {attrs: "name value"},
	"Enqueue":   {attrs: "action method waitUrl waitUrlMethod", text: true},
	"Record": {attrs: "action method !timeout finishOnKey !maxLength playBeep trim transcribe transcribeCallback " +
		"recordingStatusCallback recordingStatusCallbackMethod recordingStatusCallbackEvent"},
	"Redirect": {attrs: "method", text: true, needText: true},
	"Hangup":   {}, "Leave": {}, "Reject": {attrs: "reason"},
}

// messageShapes is the messaging grammar.
var messageShapes = map[string]shape{
	"Response": {kids: "Message Redirect"},
	"Message":  {attrs: "to from action method statusCallback", kids: "Body Media", text: true},
	"Body":     {text: true}, "Media": {text: true, needText: true},
	"Redirect": {attrs: "method", text: true, needText: true},
}

// enumerated attributes and their values.
var attrValues = map[string][]string{
	"method": {"GET", "POST"}, "waitUrlMethod": {"GET", "POST"}, "waitMethod": {"GET", "POST"},
	"input":   {"dtmf", "speech", "dtmf speech", "speech dtmf"},
	"reason":  {"rejected", "busy"},
	"trim":    {"trim-silence", "do-not-trim"},
	"bargeIn": {"true", "false"}, "actionOnEmptyResult": {"true", "false"}, "hangupOnStar": {"true", "false"},
	"answerOnBridge": {"true", "false"}, "muted": {"true", "false"}, "startConferenceOnEnter": {"true", "false"},
	"endConferenceOnExit": {"true", "false"}, "playBeep": {"true", "false"}, "transcribe": {"true", "false"},
}

// parseTwiML reads a document: well-formed XML with one Response that has the shape of the grammar.
func parseTwiML(body []byte, grammar map[string]shape) (*element, *twimlError) {
	dec := xml.NewDecoder(bytes.NewReader(body))
	var stack []*element
	var root *element
	for {
		tok, err := dec.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, &twimlError{12100, "Document parse failure: " + err.Error()}
		}
		switch t := tok.(type) {
		case xml.StartElement:
			if root != nil && len(stack) == 0 || len(stack) == maxTwiMLDepth {
				return nil, &twimlError{12100, "Document parse failure: elements outside Response, or too deep"}
			}
			e := &element{name: t.Name.Local, attr: map[string]string{}}
			for _, a := range t.Attr {
				if a.Name.Space == "" && a.Name.Local != "xmlns" {
					e.attr[a.Name.Local] = a.Value
				}
			}
			if len(stack) == 0 {
				root = e
			} else {
				stack[len(stack)-1].kids = append(stack[len(stack)-1].kids, e)
			}
			stack = append(stack, e)
		case xml.EndElement:
			e := stack[len(stack)-1]
			e.text = strings.TrimSpace(e.text)
			stack = stack[:len(stack)-1]
		case xml.CharData:
			if len(stack) > 0 {
				stack[len(stack)-1].text += string(t)
			}
		case xml.Directive:
			return nil, &twimlError{12100, "Document parse failure: directives are not allowed"}
		}
	}
	if root == nil || root.name != "Response" {
		return nil, &twimlError{12100, "Document parse failure: the root element must be Response"}
	}
	return root, check(root, grammar)
}

// check compares an element and all below it with the grammar.
func check(e *element, grammar map[string]shape) *twimlError {
	s, known := grammar[e.name]
	if !known {
		if strings.Contains(ssml, e.name+" ") {
			return nil
		}
		return invalid("Element %s is not known", e.name)
	}
	names := " " + s.attrs + " "
	for k, v := range e.attr {
		number := strings.Contains(names, " !"+k+" ")
		if !number && !strings.Contains(names, " "+k+" ") {
			return invalid("Attribute %s is not allowed in %s", k, e.name)
		}
		if n, err := strconv.Atoi(v); number && (err != nil || n < 0) {
			return invalid("Attribute %s of %s must be a whole number, not %q", k, e.name, v)
		}
		if allowed := attrValues[k]; allowed != nil && !slices.Contains(allowed, v) {
			return invalid("Attribute %s of %s cannot be %q", k, e.name, v)
		}
	}
	if e.text != "" && !s.text {
		return invalid("Text is not allowed in %s", e.name)
	}
	if e.text == "" && s.needText && len(e.kids) == 0 {
		return invalid("%s needs text", e.name)
	}
	for _, k := range e.kids {
		if !strings.Contains(" "+s.kids+" ", " "+k.name+" ") {
			return invalid("Element %s is not allowed in %s", k.name, e.name)
		}
		if err := check(k, grammar); err != nil {
			return err
		}
	}
	return nil
}

// isXML reports whether a content type is one the vendor reads TwiML from.
func isXML(contentType string) bool {
	ct, _, _ := strings.Cut(contentType, ";")
	switch strings.ToLower(strings.TrimSpace(ct)) {
	case "text/xml", "application/xml", "text/html":
		return true
	}
	return false
}

// isPlain reports whether the answer is text to be sent or spoken as it is.
func isPlain(contentType string) bool {
	ct, _, _ := strings.Cut(contentType, ";")
	return strings.EqualFold(strings.TrimSpace(ct), "text/plain")
}

// resolve makes a URL of TwiML absolute.
func resolve(base, ref string) string {
	b, err := url.Parse(base)
	if err != nil {
		return ref
	}
	bare, fragment, _ := strings.Cut(ref, "#")
	u, err := b.Parse(bare)
	if err != nil {
		return ref
	}
	u.Fragment = ""
	if fragment != "" {
		return u.String() + "#" + fragment // connection overrides
	}
	return u.String()
}
