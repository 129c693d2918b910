package twiliotest

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"time"
)

// Alert is an entry of the account's error log: a webhook that failed, TwiML that could not be understood, a message
// that was not delivered.
type Alert struct {
	Code     int // Twilio's error code, e.g. 11200
	Text     string
	Resource string // SID of the message or call
	URL      string // of the application, when one was involved
}

// Request is an API request that reached the double.
type Request struct {
	Method, Path string
	Query, Form  url.Values
	Status       int // of the answer; 0 when the connection was cut
	Username     string
}

// Delivery is one attempt to send a webhook.
type Delivery struct {
	URL      string // the public URL, as signed
	Method   string
	Form     url.Values  // parameters, in the body of a POST or the query of a GET
	Header   http.Header // as sent, the signature included
	Attempt  int         // from 1; a fallback URL starts again at 1
	Status   int         // 0 when there was no answer
	Err      string
	Body     string // of the answer
	Duration time.Duration
}

// Alerts returns the error log, oldest first.
func (s *Server) Alerts() []Alert { s.mu.Lock(); defer s.mu.Unlock(); return slices.Clone(s.alerts) }

// Notes returns what was odd about the client's requests without being an error at Twilio, such as a parameter that
// the API does not know.
func (s *Server) Notes() []string { s.mu.Lock(); defer s.mu.Unlock(); return slices.Clone(s.notes) }

// Requests returns the API requests so far, oldest first.
func (s *Server) Requests() []Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.requests)
}

// Deliveries returns the attempts to send webhooks, oldest first.
func (s *Server) Deliveries() []Delivery {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.hooks)
}

func (s *Server) alert(code int, resource, where, format string, args ...any) {
	s.update(func() {
		s.alerts = keep(s.alerts, Alert{Code: code, Text: fmt.Sprintf(format, args...), Resource: resource, URL: where})
	})
}

func (s *Server) note(format string, args ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.notes = keep(s.notes, fmt.Sprintf(format, args...))
}
