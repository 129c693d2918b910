package slacktest

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// obj is a JSON object on its way out.
type obj = map[string]any

// secret is n characters nobody can guess, or nearly.
func secret(n int) string {
	b := make([]byte, (n+1)/2)
	rand.Read(b) // never fails
	return hex.EncodeToString(b)[:n]
}

// violation notes what a client should not have done.
func (s *Server) violation(format string, args ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.odd = append(s.odd, fmt.Sprintf(format, args...))
	s.touch()
}

// id gives names like Slack's: a letter for the kind and ten of the alphabet.
func (w *workspace) id(kind string) string {
	w.lastID++
	return kind + "0" + fmt.Sprintf("%09s", strings.ToUpper(strconv.FormatInt(36*36*36*36*36+w.lastID*7, 36)))
}

// stamp gives the next "seconds.micros": the time, but always later than the
// last one, because it names a message in its channel.
func (w *workspace) stamp() string {
	now := w.now().UnixMicro()
	if now <= w.lastStamp {
		now = w.lastStamp + 1
	}
	w.lastStamp = now
	return fmt.Sprintf("%d.%06d", now/1e6, now%1e6)
}

var errStamp = errors.New("not a timestamp")

// micros reads what clients give as a timestamp: "1512085950.000216", or whole
// or broken seconds.
func micros(ts string) (int64, error) {
	sec, frac, _ := strings.Cut(ts, ".")
	if len(frac) > 6 {
		frac = frac[:6]
	}
	n, err := strconv.ParseUint(sec, 10, 40)
	if err != nil {
		return 0, errStamp
	}
	m, err := strconv.ParseUint(frac+strings.Repeat("0", 6-len(frac)), 10, 20)
	if err != nil {
		return 0, errStamp
	}
	return int64(n)*1e6 + int64(m), nil
}

func seconds(t time.Time) int64 { return t.Unix() }
