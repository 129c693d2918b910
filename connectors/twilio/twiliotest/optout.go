package twiliotest

import "strings"

// optOut is one refusal: a customer's address, and the sender or the messaging service they refused.
type optOut struct{ address, from string }

// The words that the vendor handles by default on numbers of its own: the whole text, in any case.
var optOutWords = map[string]string{
	"STOP": "STOP", "STOPALL": "STOP", "UNSUBSCRIBE": "STOP", "CANCEL": "STOP", "END": "STOP", "QUIT": "STOP",
	"OPTOUT": "STOP", "REVOKE": "STOP",
	"START": "START", "YES": "START", "UNSTOP": "START",
	"HELP": "HELP", "INFO": "HELP",
}

// What the double answers on behalf of the vendor.
var optOutReplies = map[string]string{
	"STOP":  "You will get no more messages from this number. Reply START to change that.",
	"START": "You will get messages from this number again. Reply STOP to end them.",
	"HELP":  "Reply STOP to get no more messages. Message and data rates may apply.",
}

// optOutLocked acts on an opt-out word in an SMS and returns its kind and the reply to send; the caller holds mu. START
// from somebody who never opted out is an ordinary text.
func (s *Server) optOutLocked(m *Message) (kind, reply string) {
	if isWhatsApp(m.To) {
		return "", ""
	}
	kind = optOutWords[strings.ToUpper(strings.TrimSpace(m.Body))]
	if kind == "" {
		return "", ""
	}
	keys := []optOut{{m.From, m.To}}
	if m.ServiceSID != "" {
		keys = append(keys, optOut{m.From, m.ServiceSID})
	}
	was := s.optedOut[keys[0]]
	if kind == "START" && !was {
		return "START", ""
	}
	for _, k := range keys {
		switch kind {
		case "STOP":
			s.optedOut[k] = true
		case "START":
			delete(s.optedOut, k)
		}
	}
	if kind == "STOP" && was {
		return kind, "" // said once is enough
	}
	return kind, optOutReplies[kind]
}

// OptedOut reports whether an address has opted out of a sender or a messaging service.
func (s *Server) OptedOut(address, from string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.optedOut[optOut{address, from}]
}
