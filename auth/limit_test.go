package auth

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

func TestLimiterWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, k := newLimiter(time.Now), emailKey("ann@example.com")
		for i := range emailFailures {
			if w := l.take(k); w != 0 {
				t.Fatalf("attempt %d has to wait %s", i+1, w)
			}
		}
		total := time.Duration(0)
		for _, wantS := range []int{10, 20, 40, 80, 160, 320, 640, 900, 900, 900} {
			want := time.Duration(wantS) * time.Second
			if w := l.take(k); w != want {
				t.Fatalf("wait = %s, want %s", w, want)
			}
			time.Sleep(want - time.Second)
			if w := l.take(k); w != time.Second { // asking in between costs nothing
				t.Fatalf("wait = %s, want the last second", w)
			}
			time.Sleep(time.Second)
			if w := l.take(k); w != 0 {
				t.Fatalf("after %s: wait = %s", want, w)
			}
			total += want
		}
		time.Sleep(failuresForgot)
		for i := range emailFailures {
			if w := l.take(k); w != 0 {
				t.Fatalf("an hour later: attempt %d has to wait %s", i+1, w)
			}
		}
	})
}

func TestLimiterKeys(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLimiter(time.Now)
		ann, bob, home := emailKey("ann@example.com"), emailKey("bob@example.com"), addressKey("203.0.113.7")
		for range emailFailures {
			l.take(ann, home)
		}
		if l.take(ann, addressKey("198.51.100.1")) == 0 {
			t.Error("another address is a way around")
		}
		if w := l.take(bob, home); w != 0 {
			t.Errorf("a colleague at the same address waits %s", w)
		}
		l.forget(ann)
		if w := l.take(ann, home); w != 0 {
			t.Errorf("after a success: wait %s", w)
		}
		for range addressFailures {
			l.take(bob, home)
			l.forget(bob)
		}
		if l.take(bob, home) == 0 {
			t.Error("many addresses from one client are not limited")
		}
		l.giveBack(home)
		if w := l.take(bob, home); w != 0 {
			t.Errorf("after giving one back: wait %s", w)
		}
		l.giveBack(emailKey("nobody@example.com")) // unknown: nothing to give
	})
}

func TestLimiterInParallel(t *testing.T) {
	l, k := newLimiter(time.Now), emailKey("ann@example.com")
	var free atomic.Int32
	var wg sync.WaitGroup
	for range 100 {
		wg.Go(func() {
			if l.take(k) == 0 {
				free.Add(1)
			}
		})
	}
	wg.Wait()
	if free.Load() != emailFailures {
		t.Errorf("%d attempts at once, want %d", free.Load(), emailFailures)
	}
}

func TestLimiterIsBounded(t *testing.T) {
	l := newLimiter(time.Now)
	target := emailKey("ann@example.com")
	for range emailFailures {
		l.take(target)
	}
	for i := range limiterSize - 1 {
		l.take(emailKey(fmt.Sprint(i)))
	}
	if l.take(target) == 0 {
		t.Error("forgotten although there was room")
	}
	for i := range 2 * limiterSize {
		l.take(emailKey(fmt.Sprint("more", i)))
	}
	if len(l.keys) != limiterSize || l.order.Len() != limiterSize {
		t.Errorf("%d keys, %d in order; want %d", len(l.keys), l.order.Len(), limiterSize)
	}
}

func TestGate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGate(time.Now)
		for i := range gateBurst {
			if missed, ok := g.pass(); !ok || missed != 0 {
				t.Fatalf("failure %d: %d, %v", i+1, missed, ok)
			}
		}
		for range 7 {
			if _, ok := g.pass(); ok {
				t.Fatal("passed beyond the burst")
			}
		}
		time.Sleep(gateEvery)
		if missed, ok := g.pass(); !ok || missed != 7 {
			t.Errorf("pass = %d, %v; want 7 missed", missed, ok)
		}
		if _, ok := g.pass(); ok {
			t.Error("two in one interval")
		}
		time.Sleep(1000 * gateEvery)
		n := 0
		for ok := true; ok; n++ {
			_, ok = g.pass()
		}
		if n-1 != gateBurst {
			t.Errorf("%d at once after a long rest, want %d", n-1, gateBurst)
		}
	})
}

func TestNetwork(t *testing.T) {
	for address, want := range map[string]string{
		"203.0.113.7":               "203.0.113.7",
		"203.0.113.7:50000":         "203.0.113.7",
		"::ffff:203.0.113.7":        "203.0.113.7",
		"2001:db8:1:2:3:4:5:6":      "2001:db8:1:2::/64",
		"[2001:db8:1:2::9]:443":     "2001:db8:1:2::/64",
		"[2001:db8:1:2::9]":         "2001:db8:1:2::/64",
		"fe80::1%eth0":              "fe80::/64",
		"":                          "",
		"not an address":            "not an address",
		"203.0.113.7, 198.51.100.1": "203.0.113.7, 198.51.100.1",
	} {
		if got := network(address); got != want {
			t.Errorf("network(%q) = %q, want %q", address, got, want)
		}
	}
	for address, want := range map[string]bool{
		"127.0.0.1": true, "127.0.0.1:9": true, "[::1]:80": true, "::1": true, "": true,
		"203.0.113.7": false, "10.0.0.1": false, "2001:db8::1": false, "localhost": false,
	} {
		if got := loopback(address); got != want {
			t.Errorf("loopback(%q) = %v", address, got)
		}
	}
}
