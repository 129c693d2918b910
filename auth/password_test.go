package auth

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
)

func TestDefaultCost(t *testing.T) {
	h := newHasher(defaultCost)
	stored, err := h.hash(t.Context(), goodPassword)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(stored, "$argon2id$v=19$m=19456,t=2,p=1$") {
		t.Errorf("stored as %s", stored)
	}
	for password, want := range map[string]bool{goodPassword: true, goodPassword + "x": false, "": false} {
		if ok, stale, err := h.verify(t.Context(), stored, password); ok != want || stale || err != nil {
			t.Errorf("verify(%q) = %v, %v, %v", password, ok, stale, err)
		}
	}
}

// The hash of another program's argon2 for the same input: a change of library
// or parameters that locks everybody out shows here.
func TestKnownHash(t *testing.T) {
	// From the argon2 reference implementation:
	// echo -n password | argon2 somesalt -id -t 2 -k 65536 -p 1 -l 32
	const stored = "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc"
	ok, stale, err := newHasher(defaultCost).verify(t.Context(), stored, "password")
	if !ok || !stale || err != nil {
		t.Errorf("verify = %v, stale %v, %v", ok, stale, err)
	}
}

func TestUnicodeForms(t *testing.T) {
	h := newHasher(cheap)
	composed, decomposed := "caf\u00e9 am Fluss 12", "cafe\u0301 am Fluss 12"
	stored, err := h.hash(t.Context(), composed)
	if err != nil {
		t.Fatal(err)
	}
	if ok, _, err := h.verify(t.Context(), stored, decomposed); !ok || err != nil {
		t.Errorf("the same text from another keyboard: %v, %v", ok, err)
	}
}

func TestVerifyNobody(t *testing.T) {
	h := newHasher(cheap)
	if ok, stale, err := h.verify(t.Context(), "", ""); ok || stale || err != nil {
		t.Errorf("verify = %v, %v, %v", ok, stale, err)
	}
}

func TestHasherLimits(t *testing.T) {
	h := newHasher(cheap)
	for range maxHashes {
		h.slots <- struct{}{}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := h.hash(ctx, "x"); !errors.Is(err, context.Canceled) {
		t.Errorf("no free slot and ctx over: %v", err)
	}
	for range cap(h.queue) {
		h.queue <- struct{}{}
	}
	if _, err := h.hash(t.Context(), "x"); !errors.Is(err, ErrBusy) {
		t.Errorf("queue full: %v", err)
	}
	for range cap(h.queue) {
		<-h.queue
	}
	for range maxHashes {
		<-h.slots
	}
	var wg sync.WaitGroup
	for range 3 * maxHashes {
		wg.Go(func() {
			if _, err := h.hash(t.Context(), "x"); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if len(h.slots) != 0 || len(h.queue) != 0 {
		t.Errorf("%d slots and %d places in the queue not given back", len(h.slots), len(h.queue))
	}
}

func TestCheckPassword(t *testing.T) {
	const email, name = "ann.smith@example.com", "Ann-Sofie Smithers"
	for _, tc := range []struct {
		password string
		weak     bool
	}{
		{goodPassword, false},
		{"kettles!42", false},
		{"سلام دنیای خوب", false},
		{"กาต้มน้ำสีเขียว", false},
		{"smithers kettle boat", false}, // the name is only a part
		{"sunshine over kettles", false},
		{strings.Repeat("ab b", 10), true}, // 3 different characters
		{"aaaabbbbcccc", true},
		{goodPassword + strings.Repeat(" kettles", 123)[:MaxPassword-len(goodPassword)], false},
		{goodPassword + strings.Repeat(" kettles", 123)[:MaxPassword-len(goodPassword)+1], true},
		{"", true},
		{"kettles!4", true}, // 9 characters
		{"สวัสดีคร", true},  // 8 characters, 24 bytes
		{"kettles\xff!42 and more", true},
		{"aaaaaaaaaaaa", true},
		{"1234567890", true},
		{"0987654321", true},
		{"abcdefghijkl", true},
		{"password123", true},
		{"Password2026!", true},
		{"!!!QWERTYuiop", true},
		{"1q2w3e4r5t", true},
		{"throughline1", true},
		{"ann.smith@example.com", true},
		{"Ann.Smith1", true},
		{"Ann-Sofie Smithers", true},
		{"smithers123", true},
		{"example.com99", true},
	} {
		err := checkPassword(tc.password, email, name)
		var weak *WeakPasswordError
		if (err != nil) != tc.weak || err != nil && !errors.As(err, &weak) {
			t.Errorf("checkPassword(%.40q) = %v, want weak %v", tc.password, err, tc.weak)
		}
		if err != nil && tc.password != "" && strings.Contains(err.Error(), tc.password) {
			t.Errorf("the error repeats the password: %v", err)
		}
	}
}

func TestParsePHCRefuses(t *testing.T) {
	const salt, sum = "c29tZXNhbHQ", "CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc"
	for _, s := range []string{
		"", "$", "plain text", "$2a$10$abcdefghijklmnopqrstuv",
		"$argon2i$v=19$m=65536,t=2,p=1$" + salt + "$" + sum,
		"$argon2id$v=16$m=65536,t=2,p=1$" + salt + "$" + sum,
		"$argon2id$v=19$m=65536,t=2$" + salt + "$" + sum,
		"$argon2id$v=19$t=2,m=65536,p=1$" + salt + "$" + sum,
		"$argon2id$v=19$m=065536,t=2,p=1$" + salt + "$" + sum,
		"$argon2id$v=19$m=+65536,t=2,p=1$" + salt + "$" + sum,
		"$argon2id$v=19$m=0,t=2,p=1$" + salt + "$" + sum,
		"$argon2id$v=19$m=65536,t=0,p=1$" + salt + "$" + sum,
		"$argon2id$v=19$m=65536,t=2,p=0$" + salt + "$" + sum,
		"$argon2id$v=19$m=65536,t=2,p=256$" + salt + "$" + sum,
		"$argon2id$v=19$m=262145,t=2,p=1$" + salt + "$" + sum,
		"$argon2id$v=19$m=65536,t=17,p=1$" + salt + "$" + sum,
		"$argon2id$v=19$m=65536,t=2,p=1$c2FsdA$" + sum,
		"$argon2id$v=19$m=65536,t=2,p=1$" + salt + "$c2FsdA",
		"$argon2id$v=19$m=65536,t=2,p=1$" + salt + "=$" + sum,
		"$argon2id$v=19$m=65536,t=2,p=1$" + salt + "$" + sum + "\n",
		"$argon2id$v=19$m=65536,t=2,p=1$" + salt + "$" + sum + "$",
	} {
		if p, err := parsePHC(s); err == nil {
			t.Errorf("parsePHC(%q) = %+v", s, p)
		} else if s != "" && s != "$" && strings.Contains(err.Error(), s) {
			t.Errorf("the error shows the hash: %v", err)
		}
	}
}

func FuzzParsePHC(f *testing.F) {
	f.Add("$argon2id$v=19$m=19456,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc")
	f.Add("$argon2id$v=19$m=65536,t=2,p=1$$")
	f.Add("$$$$$")
	f.Fuzz(func(t *testing.T, s string) {
		p, err := parsePHC(s)
		if err != nil {
			return
		}
		if p.String() != s {
			t.Errorf("%q reads back as %q", s, p)
		}
		if p.cost.memory > maxHashMemory || p.cost.time > maxHashTime {
			t.Errorf("%+v would take too much", p.cost)
		}
	})
}

func FuzzCheckPassword(f *testing.F) {
	f.Add(goodPassword, "ann@example.com", "Ann Agent")
	f.Add("", "", "")
	f.Add("\xff\xfe", "@", " ")
	f.Fuzz(func(t *testing.T, password, email, name string) {
		if checkPassword(password, email, name) == nil && (len(password) < MinPassword || len(password) > MaxPassword) {
			t.Errorf("accepted %d bytes", len(password))
		}
	})
}

func BenchmarkHash(b *testing.B) {
	h := newHasher(defaultCost)
	for b.Loop() {
		if _, err := h.hash(b.Context(), goodPassword); err != nil {
			b.Fatal(err)
		}
	}
}
