package inbox

import (
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strconv"
	"strings"
	"testing"
	"time"
)

// body tells whether anybody has read of it.
type body struct {
	io.Reader
	read bool
}

func (b *body) Read(p []byte) (int, error) { b.read = true; return b.Reader.Read(p) }

// gate is a guard before a provider whose genuine requests say "signed".
type gate struct {
	*guard
	t     *testing.T
	clock time.Time
}

func newGate(t *testing.T) *gate {
	g := &gate{t: t, clock: time.Unix(1_800_000_000, 0)}
	g.guard = &guard{log: slog.New(slog.DiscardHandler), now: func() time.Time { return g.clock }, callers: map[netip.Prefix]*caller{},
		next: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			b, err := io.ReadAll(r.Body)
			switch {
			case err != nil:
				http.Error(w, "no", http.StatusBadRequest)
			case string(b) == "later":
				http.Error(w, "later", http.StatusServiceUnavailable)
			case string(b) != "signed" && r.Method == http.MethodPost:
				http.Error(w, "no", http.StatusForbidden)
			}
		})}
	return g
}

// ask sends a request and returns the answer's status.
func (g *gate) ask(method, from, text string) (status int, b *body, h http.Header) {
	g.t.Helper()
	b = &body{Reader: strings.NewReader(text)}
	r := httptest.NewRequest(method, "/", b)
	r.RemoteAddr = from
	w := httptest.NewRecorder()
	g.ServeHTTP(w, r)
	return w.Code, b, w.Result().Header
}

func (g *gate) want(status int, from, text string) {
	g.t.Helper()
	if got, _, _ := g.ask(http.MethodPost, from, text); got != status {
		g.t.Errorf("%q from %s: %d, want %d", text, from, got, status)
	}
}

// knock fails as often as is looked at in a row.
func (g *gate) knock(from string) {
	g.t.Helper()
	for range guardFree {
		g.want(http.StatusForbidden, from, "forged")
	}
}

// TestGuard: strangers are turned away unread, for a while, and nobody else.
func TestGuard(t *testing.T) {
	g := newGate(t)
	const stranger = "203.0.113.7"
	g.knock(stranger)
	status, b, h := g.ask(http.MethodPost, stranger, "forged")
	if wait, err := strconv.Atoi(h.Get("Retry-After")); status != http.StatusTooManyRequests || b.read || err != nil || wait < 1 || wait > 2 {
		t.Errorf("%d, read %v, to come again in %d: %v", status, b.read, wait, err)
	}
	g.want(http.StatusOK, "203.0.113.8", "signed")
	g.want(http.StatusForbidden, "203.0.113.8", "forged")
	// One is looked at now and then; all that was is forgotten in time.
	g.clock = g.clock.Add(guardEvery)
	g.want(http.StatusForbidden, stranger, "forged")
	g.want(http.StatusTooManyRequests, stranger, "signed")
	g.clock = g.clock.Add(guardFree * guardEvery)
	g.knock(stranger)
	g.want(http.StatusTooManyRequests, stranger, "forged")
	// One network of IPv6 is one caller.
	for i := range guardFree {
		g.want(http.StatusForbidden, fmt.Sprintf("[2001:db8::%x]:443", i+1), "forged")
	}
	g.want(http.StatusTooManyRequests, "2001:db8::ffff", "forged")
	g.want(http.StatusForbidden, "2001:db8:0:1::1", "forged")
}

// TestGuardProvider: where the provider came from nothing is turned away, whoever
// else is there; what the hub cannot take at the moment is no sign of a stranger.
func TestGuardProvider(t *testing.T) {
	g := newGate(t)
	const both = "198.51.100.4"
	g.knock(both)
	g.clock = g.clock.Add(guardEvery)
	g.want(http.StatusOK, both, "signed") // one of those that are looked at
	g.knock(both)
	g.want(http.StatusForbidden, both, "forged")
	g.want(http.StatusOK, both, "signed")
	g.clock = g.clock.Add(guardTrust)
	g.knock(both)
	g.want(http.StatusTooManyRequests, both, "forged")

	for range 2 * guardFree {
		g.want(http.StatusServiceUnavailable, "198.51.100.5", "later")
	}
	g.want(http.StatusOK, "198.51.100.5", "signed")
	// What anybody may fetch makes nobody the provider.
	if status, _, _ := g.ask(http.MethodGet, "198.51.100.6", ""); status != http.StatusOK {
		t.Errorf("%d", status)
	}
	g.knock("198.51.100.6")
	g.want(http.StatusTooManyRequests, "198.51.100.6", "forged")
	for _, proxy := range []string{"127.0.0.1", "10.0.0.2", "192.168.1.1:4711", "[::1]:80", "fd00::1", "::ffff:10.0.0.3", "@"} {
		g.knock(proxy)
		g.want(http.StatusOK, proxy, "signed")
	}
}

// TestGuardForgets: many addresses do not fill the memory, nor have the provider's
// forgotten.
func TestGuardForgets(t *testing.T) {
	g := newGate(t)
	g.want(http.StatusOK, "198.51.100.4", "signed")
	for i := range guardSize + 100 {
		g.want(http.StatusForbidden, netip.AddrFrom4([4]byte{203, 0, byte(i >> 8), byte(i)}).String(), "forged")
	}
	if len(g.callers) > guardSize {
		t.Errorf("%d addresses", len(g.callers))
	}
	g.knock("198.51.100.4")
	g.want(http.StatusOK, "198.51.100.4", "signed")
}
