package twiliotest

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

// maxMessageRedirects bounds chains of Redirect in messaging TwiML.
const maxMessageRedirects = 10

// messageTwiML does what the answer to an incoming message says, and returns the texts it sent.
func (s *Server) messageTwiML(m *Message, a hookAnswer) []Message {
	var sent []Message
	for range maxMessageRedirects {
		doc, err := messageDocument(a)
		if err != nil {
			return sent // post has logged it
		}
		redirected := false
		for _, e := range doc.kids {
			if e.name == "Redirect" {
				s.mu.Lock()
				n, _ := s.numberLocked(m.To)
				form := s.inboundForm(m, n, Inbound{})
				s.mu.Unlock()
				var herr *hookError
				a, herr = s.post(hook{url: resolve(a.url, e.text), method: e.get("method", "POST"), resource: m.SID, form: form,
					check: checkMessageAnswer})
				if herr != nil {
					return sent
				}
				redirected = true
				break
			}
			if r, ok := s.replyVerb(m, a.url, e); ok {
				sent = append(sent, r)
			}
		}
		if !redirected {
			return sent
		}
	}
	s.alert(11215, m.SID, a.url, "Too many redirects")
	return sent
}

// messageDocument reads an answer: TwiML, plain text to be sent, or nothing.
func messageDocument(a hookAnswer) (*element, *hookError) {
	switch {
	case len(strings.TrimSpace(string(a.body))) == 0 && !isXML(a.contentType):
		return &element{}, nil
	case isPlain(a.contentType):
		// The vendor sends a plain text answer to the customer: "OK" becomes a text that says OK.
		return &element{kids: []*element{{name: "Message", text: string(a.body)}}}, nil
	case !isXML(a.contentType):
		return nil, &hookError{12300, "", "Invalid content type " + strconv.Quote(a.contentType)}
	}
	doc, err := parseTwiML(a.body, messageShapes)
	if err != nil {
		return nil, &hookError{err.code, "", err.text}
	}
	return doc, nil
}

func checkMessageAnswer(a hookAnswer) *hookError {
	_, err := messageDocument(a)
	return err
}

// replyVerb does one Message verb.
func (s *Server) replyVerb(m *Message, base string, e *element) (Message, bool) {
	text := e.text
	var media []string
	for _, k := range e.kids {
		switch k.name {
		case "Body":
			text += k.text
		case "Media":
			media = append(media, resolve(base, k.text))
		}
	}
	to := e.get("to", m.From)
	callback := e.get("statusCallback", e.get("action", ""))
	if callback != "" {
		callback = resolve(base, callback)
	}
	switch err := checkTo(to, s.geoBlocked(strings.TrimPrefix(to, whatsapp))); {
	case err != nil && err.code == 21211:
		s.alert(14101, m.SID, base, "Invalid 'to' attribute %q", to)
		return Message{}, false
	case text == "" && len(media) == 0:
		s.alert(14103, m.SID, base, "Invalid Body: the Message is empty")
		return Message{}, false
	case utf8.RuneCountInString(text) > maxBody:
		s.alert(21617, m.SID, base, "The message body exceeds the %d character limit", maxBody)
		return Message{}, false
	}
	s.mu.Lock()
	refused := s.optedOut[optOut{to, m.To}]
	s.mu.Unlock()
	if refused {
		s.alert(21610, m.SID, base, "Attempt to send to unsubscribed recipient")
		return Message{}, false
	}
	return s.reply(m, to, text, callback, media), true
}

// reply sends a text in answer to m, from the sender m came to.
func (s *Server) reply(m *Message, to, text, callback string, media []string) Message {
	r := &Message{From: m.To, To: to, Body: text, Status: "queued", Direction: "outbound-reply", ServiceSID: m.ServiceSID,
		Callback: callback, Media: make([]Media, len(media))}
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range r.Media {
		r.Media[i].pending = true
	}
	s.addMessage(r)
	s.startLocked(r, media)
	return r.clone()
}
