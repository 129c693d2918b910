package slacktest

import (
	"context"
	"fmt"
	"net/http"
	"time"
)

// Fault is what goes wrong with a call. The first that is set, from the top,
// wins; Delay goes with any of them or alone.
type Fault struct {
	CutBefore  bool          // the connection ends before the call is carried out
	RetryAfter time.Duration // 429 with this in Retry-After (whole seconds, at least 1)
	Status     int           // answered with this status, not carried out
	Error      string        // "ok": false with this code, not carried out
	StatusLate int           // carried out, then answered with this status
	CutAfter   bool          // carried out, then the connection ends without an answer
	Delay      time.Duration // before anything else
}

type injected struct {
	method string
	left   int
	Fault
}

// String is how the fault appears in [Call.Error].
func (f *injected) String() string {
	switch {
	case f == nil:
		return ""
	case f.CutBefore:
		return "cut before"
	case f.RetryAfter > 0:
		return "HTTP 429"
	case f.Status != 0:
		return fmt.Sprintf("HTTP %d", f.Status)
	case f.Error != "":
		return f.Error
	case f.StatusLate != 0:
		return fmt.Sprintf("HTTP %d after", f.StatusLate)
	case f.CutAfter:
		return "cut after"
	}
	return ""
}

// Inject makes the next n calls of a method fail. method is a name of the Web
// API, "upload" or "download" for the bytes of files, or "" for all; n below 0
// means until [Server.ClearFaults]. Several are used up in the order given.
func (s *Server) Inject(method string, n int, f Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.api.faults = append(s.api.faults, &injected{method: method, left: n, Fault: f})
}

// ClearFaults takes back what [Server.Inject] gave and is not used up.
func (s *Server) ClearFaults() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.api.faults = nil
}

// fault takes the fault of the next call of a method, nil when all is well.
func (s *Server) fault(method string) *injected {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, f := range s.api.faults {
		if f.method != "" && f.method != method {
			continue
		}
		if f.left > 0 {
			if f.left--; f.left == 0 {
				s.api.faults = append(s.api.faults[:i:i], s.api.faults[i+1:]...)
			}
		}
		return f
	}
	return nil
}

// before does what goes wrong before a call, and reports whether that was all.
// What happened is noted first, so that it can be read once the client knows.
func (f *injected) before(w http.ResponseWriter, r *http.Request, note func(string)) bool {
	if f == nil {
		return false
	}
	if f.Delay > 0 {
		sleep(r.Context(), f.Delay)
	}
	if !f.CutBefore && f.RetryAfter == 0 && f.Status == 0 {
		return false
	}
	note(f.String())
	switch {
	case f.CutBefore:
		cut(w)
	case f.RetryAfter > 0:
		tooMany(w, f.RetryAfter)
	default:
		http.Error(w, http.StatusText(f.Status), f.Status)
	}
	return true
}

// after does what goes wrong after a call was carried out.
func (f *injected) after(w http.ResponseWriter, note func(string)) bool {
	if f == nil || f.Error != "" || f.StatusLate == 0 && !f.CutAfter {
		return false
	}
	note(f.String())
	if f.StatusLate != 0 {
		http.Error(w, http.StatusText(f.StatusLate), f.StatusLate)
	} else {
		cut(w)
	}
	return true
}

// cut ends the connection of a request without an answer.
func cut(w http.ResponseWriter) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(http.ErrAbortHandler) // the server's own way to do it
	}
	conn.Close()
}

// sleep waits, but not longer than anyone is interested.
func sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}
