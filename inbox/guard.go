package inbox

import (
	"log/slog"
	"math"
	"net/http"
	"net/netip"
	"slices"
	"strconv"
	"sync"
	"time"
)

// Limits of requests to a webhook that do not come from its provider, for each address
// they come from.
const (
	guardFree  = 30              // that are looked at in a row
	guardEvery = 2 * time.Second // and one each so often after that
	guardTrust = 24 * time.Hour  // nobody is turned away where the provider came from
	guardSize  = 10_000          // addresses remembered
)

// guard stands before the webhook of an account. Whether a request comes from the
// provider shows only when all of it has been read; an address from which too many came
// that do not is answered 429 before that. No contact may be lost by it: an address
// from which the provider came is not limited, nor one that may be a proxy's of which
// the hub was not told, since behind it is everybody; and some are looked at always. New
// settings begin with a new guard. It lives in memory: a restart forgets.
type guard struct {
	next http.Handler
	log  *slog.Logger
	now  func() time.Time

	mu      sync.Mutex
	callers map[netip.Prefix]*caller
}

// caller is an address.
type caller struct {
	failed  float64   // that count still, at the time of last
	last    time.Time // request that failed
	genuine time.Time // request of the provider, zero if none
	told    bool      // that it is limited
}

// left are the failures that count still: one is forgotten each guardEvery.
func (c *caller) left(now time.Time) float64 {
	return max(0, c.failed-float64(now.Sub(c.last))/float64(guardEvery))
}

func (c *caller) trusted(now time.Time) bool {
	return !c.genuine.IsZero() && now.Sub(c.genuine) < guardTrust
}

// notProvider are the answers to requests that do not show that they are the
// provider's.
var notProvider = []int{http.StatusBadRequest, http.StatusUnauthorized, http.StatusForbidden, http.StatusRequestEntityTooLarge}

func (g *guard) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	from, ok := callerOf(r.RemoteAddr)
	if !ok {
		g.next.ServeHTTP(w, r)
		return
	}
	if wait := g.wait(from); wait > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(int(math.Ceil(wait.Seconds()))))
		http.Error(w, "too many requests came from this address that are not the provider's", http.StatusTooManyRequests)
		return
	}
	a := &answered{ResponseWriter: w, status: http.StatusOK}
	g.next.ServeHTTP(a, r)
	g.count(from, a.status, r.Method == http.MethodPost) // others are not signed
}

// callerOf is whom an address stands for: one machine, or the network of one in IPv6.
// ok is false for addresses that are not limited.
func callerOf(remote string) (p netip.Prefix, ok bool) {
	ip, err := netip.ParseAddr(remote)
	if err != nil {
		ap, err := netip.ParseAddrPort(remote)
		if err != nil {
			return p, false
		}
		ip = ap.Addr()
	}
	ip = ip.Unmap().WithZone("")
	if ip.IsLoopback() || ip.IsPrivate() || ip.IsLinkLocalUnicast() {
		return p, false
	}
	bits := 64
	if ip.Is4() {
		bits = 32
	}
	p, err = ip.Prefix(bits)
	return p, err == nil
}

// wait is how long an address has to wait, 0 if its requests are looked at.
func (g *guard) wait(from netip.Prefix) time.Duration {
	g.mu.Lock()
	defer g.mu.Unlock()
	c, now := g.callers[from], g.now()
	if c == nil || c.trusted(now) {
		return 0
	}
	over := c.left(now) - guardFree + 1
	if over <= 0 {
		c.told = false
		return 0
	}
	if !c.told {
		c.told = true
		g.log.Warn("many requests to the webhook do not come from the provider; some are turned away unread", "address", from.String())
	}
	return time.Duration(over * float64(guardEvery))
}

// count remembers how a request was answered.
func (g *guard) count(from netip.Prefix, status int, signed bool) {
	failed, genuine := slices.Contains(notProvider, status), signed && status/100 == 2
	if !failed && !genuine {
		return
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	now := g.now()
	c := g.callers[from]
	if c == nil {
		g.makeRoom(now)
		c = &caller{}
		g.callers[from] = c
	}
	if genuine {
		c.genuine = now
	} else {
		c.failed, c.last = min(c.left(now)+1, guardFree), now
	}
}

// makeRoom forgets an address if there are too many: first those of which nothing is
// to be remembered, then any that is not the provider's.
func (g *guard) makeRoom(now time.Time) {
	if len(g.callers) < guardSize {
		return
	}
	for from, c := range g.callers {
		if !c.trusted(now) && c.left(now) == 0 {
			delete(g.callers, from)
		}
	}
	for from, c := range g.callers {
		if len(g.callers) < guardSize {
			return
		}
		if !c.trusted(now) {
			delete(g.callers, from)
		}
	}
}

// answered keeps the status of an answer.
type answered struct {
	http.ResponseWriter
	status int
	begun  bool
}

func (a *answered) WriteHeader(status int) {
	if !a.begun && status >= 200 {
		a.status, a.begun = status, true
	}
	a.ResponseWriter.WriteHeader(status)
}

func (a *answered) Write(b []byte) (int, error) {
	a.begun = true
	return a.ResponseWriter.Write(b)
}

func (a *answered) Unwrap() http.ResponseWriter { return a.ResponseWriter }
