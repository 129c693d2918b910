package auth

import (
	"container/list"
	"net/netip"
	"strings"
	"sync"
	"time"
)

// Limits of signing in.
const (
	emailFailures   = 5  // free attempts for one email address
	addressFailures = 20 // and from one client: an office shares an address
	firstWait       = 10 * time.Second
	longestWait     = 15 * time.Minute
	failuresForgot  = time.Hour // after the last one
	limiterSize     = 10_000    // keys remembered
)

// limiter slows down guessing: after a number of failures each further attempt
// has to wait, twice as long each time, up to longestWait and never for good.
//
// It lives in memory and is lossy on purpose: a restart forgets, and so does a
// full table, beginning with the keys untouched for longest. What it must not be
// is a way to fill the disk or to lock somebody out: a stranger who never stops
// can make an agent wait, but not where the agent is signed in already
// (loginLimits), and an admin's link works at all times.
type limiter struct {
	now func() time.Time

	mu    sync.Mutex
	keys  map[string]*list.Element
	order *list.List // of *failures, the last touched in front
}

type failures struct {
	key  string
	n    int
	last time.Time
}

// limitKey is a key and the number of failures that are free for it.
type limitKey struct {
	key  string
	free int
}

func newLimiter(now func() time.Time) *limiter {
	return &limiter{now: now, keys: map[string]*list.Element{}, order: list.New()}
}

// take asks for an attempt and counts it as failed at once, so that a thousand
// attempts in parallel are no way around. If one of the keys has to wait nothing
// is counted and take returns how long.
func (l *limiter) take(keys ...limitKey) time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.now()
	var wait time.Duration
	for _, k := range keys {
		if e := l.keys[k.key]; e != nil {
			f := e.Value.(*failures)
			if now.Sub(f.last) >= failuresForgot {
				f.n = 0
			}
			wait = max(wait, f.last.Add(backoff(f.n, k.free)).Sub(now))
		}
	}
	if wait > 0 {
		return wait
	}
	for _, k := range keys {
		e := l.keys[k.key]
		if e == nil {
			e = l.order.PushFront(&failures{key: k.key})
			l.keys[k.key] = e
		}
		l.order.MoveToFront(e)
		f := e.Value.(*failures)
		f.n++
		f.last = now
	}
	for l.order.Len() > limiterSize {
		delete(l.keys, l.order.Remove(l.order.Back()).(*failures).key)
	}
	return 0
}

// giveBack takes back what one take counted: the attempt came to no verdict, or
// succeeded and must not pay off the failures of others behind the same address.
func (l *limiter) giveBack(keys ...limitKey) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, k := range keys {
		if e := l.keys[k.key]; e != nil {
			if f := e.Value.(*failures); f.n > 0 {
				f.n--
			}
		}
	}
}

// forget clears a key after a success.
func (l *limiter) forget(k limitKey) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if e := l.keys[k.key]; e != nil {
		l.order.Remove(e)
		delete(l.keys, k.key)
	}
}

// backoff is the wait after the n-th failure.
func backoff(n, free int) time.Duration {
	if n < free {
		return 0
	}
	wait := firstWait
	for range n - free {
		if wait *= 2; wait >= longestWait {
			return longestWait
		}
	}
	return wait
}

func emailKey(email string) limitKey { return limitKey{"e:" + email, emailFailures} }

func addressKey(address string) limitKey {
	return limitKey{"a:" + network(address), addressFailures}
}

// network is what one client can change at will counted as one: the address
// without its port, and of IPv6 the /64.
func network(address string) string {
	a, ok := ipOf(address)
	if !ok {
		return address
	}
	if a.Is6() {
		if p, err := a.Prefix(64); err == nil {
			return p.String()
		}
	}
	return a.String()
}

// loopback tells addresses that say nothing about a client: a proxy on this
// machine that does not pass the real one on must not make everybody wait for
// everybody.
func loopback(address string) bool {
	a, ok := ipOf(address)
	return address == "" || ok && a.IsLoopback()
}

// ipOf reads an IP address with or without a port.
func ipOf(address string) (netip.Addr, bool) {
	if ap, err := netip.ParseAddrPort(address); err == nil {
		return ap.Addr().Unmap().WithZone(""), true
	}
	a, err := netip.ParseAddr(strings.Trim(address, "[]"))
	return a.Unmap().WithZone(""), err == nil
}
