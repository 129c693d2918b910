package email

import (
	"bytes"
	"regexp"
	"sync"
	"time"
)

// idleShort is how soon a server that ends IDLE is not asked for it again.
const idleShort = 10 * time.Second

// idleEnd finds out that a server ends IDLE by itself, which the client library
// does not tell: it would look like a long silence. It is shown all that goes over
// the line, both ways, and keeps no more than the beginning of one line.
type idleEnd struct {
	ended chan struct{} // holds a token when IDLE was answered without DONE

	mu   sync.Mutex
	on   bool
	line []byte // the beginning of the present one
}

// tagged matches the answer to a command as this client library tags them.
var tagged = regexp.MustCompile(`^T[0-9]+ (?i:OK|NO|BAD)[ \r\n]`)

// tagBytes is as much of a line as it takes to know.
const tagBytes = 32

// watch begins and ends looking. It begins before IDLE is sent and ends before
// DONE is.
func (e *idleEnd) watch(on bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.on, e.line = on, e.line[:0]
	select {
	case <-e.ended:
	default:
	}
}

// Write is shown a piece of the traffic.
func (e *idleEnd) Write(b []byte) (int, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if !e.on {
		return len(b), nil
	}
	for rest := b; len(rest) > 0; {
		line, after, whole := bytes.Cut(rest, []byte("\n"))
		e.line = append(e.line, line[:min(len(line), tagBytes-min(len(e.line), tagBytes))]...)
		rest = after
		if !whole {
			break
		}
		if tagged.Match(append(e.line, '\n')) {
			select {
			case e.ended <- struct{}{}:
			default:
			}
		}
		e.line = e.line[:0]
	}
	return len(b), nil
}
