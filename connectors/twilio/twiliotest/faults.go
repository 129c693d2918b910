package twiliotest

import (
	"net/http"
	"strings"
	"time"
)

// Cut says at which point the connection of an API request is broken without an answer.
type Cut int

// The moments at which a connection can be cut.
const (
	NoCut     Cut = iota
	CutBefore     // nothing was done
	CutAfter      // everything was done, only the answer is lost: the ambiguous case
)

// Fault is a misbehaviour of the API, for the next requests that match.
type Fault struct {
	Method string // "POST"; empty for every method
	Path   string // part of the path, e.g. "/Messages.json"; empty for every path
	Count  int    // how many requests; 0 means one, negative every one until ClearFaults

	Status     int           // answer with this status instead of doing anything: 429, 500, 503
	RetryAfter time.Duration // sent as a Retry-After header in whole seconds when above 0
	Cut        Cut           // break the connection
	Delay      time.Duration // real time to wait before anything else

	// ContentType, if not empty, has the request answered with 200 and Body of this type instead of doing anything: what a
	// gateway on the way puts in place of an answer. Status has to be 0.
	ContentType string
	Body        string
}

// Inject adds a fault. Faults are tried in the order in which they were added; each request meets at most one.
func (s *Server) Inject(f Fault) {
	if f.Count == 0 {
		f.Count = 1
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = append(s.faults, &f)
}

// ClearFaults removes all faults that Inject added and those of callbacks.
func (s *Server) ClearFaults() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = nil
	s.callbacks = CallbackFaults{}
}

// takeFault finds the fault this request meets and counts it down.
func (s *Server) takeFault(r *http.Request) *Fault {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, f := range s.faults {
		if f.Method != "" && f.Method != r.Method || !strings.Contains(r.URL.Path, f.Path) {
			continue
		}
		if f.Count > 0 {
			if f.Count--; f.Count == 0 {
				s.faults = append(s.faults[:i:i], s.faults[i+1:]...)
			}
		}
		return f
	}
	return nil
}

// CallbackFaults are misbehaviours of the status callbacks of messages and, but for Reverse, of calls.
type CallbackFaults struct {
	Repeat  int                      // every callback is sent this many times more
	Reverse bool                     // a message's callbacks are kept back until its last one and come in reverse order
	Delay   time.Duration            // on the clock of lengths, before each callback
	Drop    func(status string) bool // callbacks of these states are never sent
}

// sendCallback sends a status callback of a state with its faults.
func (s *Server) sendCallback(h hook, status string, f CallbackFaults) {
	if f.Drop != nil && f.Drop(status) || f.Delay > 0 && !s.until(s.clk.now()+f.Delay) {
		return
	}
	for range f.Repeat + 1 {
		_, _ = s.post(h)
	}
}

// SetCallbackFaults replaces the faults of status callbacks; the zero value ends them.
func (s *Server) SetCallbackFaults(f CallbackFaults) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.callbacks = f
}

// PauseWebhooks begins a black-out: every request the double would send to the application fails as if nobody listened
// (alert 11205). Messages are still made and carried, so only the list API tells of them.
func (s *Server) PauseWebhooks() { s.update(func() { s.blackout = true }) }

// ResumeWebhooks ends the black-out. What was not delivered meanwhile is not sent again, as at Twilio.
func (s *Server) ResumeWebhooks() { s.update(func() { s.blackout = false }) }
