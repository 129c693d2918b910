package auth

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"throughline/store"
)

func TestLogin(t *testing.T) {
	h := newHub(t)
	if _, _, err := h.Invite(t.Context(), cli, "New", "new@example.com", RoleAgent); err != nil {
		t.Fatal(err)
	}
	gone := h.create(t, "Gone", "gone@example.com", RoleAgent)
	yes := true
	if _, err := h.UpdateAgent(t.Context(), cli, gone.ID, Change{Disabled: &yes}); err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		email, password string
		want            error
	}{
		{"ann@example.com", goodPassword, nil},
		{" Ann@Example.COM ", goodPassword, nil},
		{"ann@example.com", goodPassword + " ", ErrWrongPassword},
		{"ann@example.com", strings.ToUpper(goodPassword), ErrWrongPassword},
		{"ann@example.com", "", ErrWrongPassword},
		{"ann@example.com", strings.Repeat("x", MaxPassword+1), ErrWrongPassword},
		{"nobody@example.com", goodPassword, ErrWrongPassword},
		{"", "", ErrWrongPassword},
		{strings.Repeat("x", 1<<16), goodPassword, ErrWrongPassword},
		{"ann@example.com\x00", goodPassword, ErrWrongPassword},
		{"new@example.com", "", ErrWrongPassword}, // no password yet
		{"new@example.com", goodPassword, ErrWrongPassword},
		{"gone@example.com", goodPassword, ErrDisabled},
		{"gone@example.com", "wrong password", ErrWrongPassword}, // says nothing of the state
	} {
		in, err := h.Login(t.Context(), tc.email, tc.password, laptop)
		want(t, fmt.Sprintf("Login(%.30q, %.30q)", tc.email, tc.password), err, tc.want)
		h.signedIn(t, in.Token, tc.want == nil)
		if tc.want == nil {
			id, _ := h.Authenticate(t.Context(), in.Token)
			if id != in.Identity || id.Agent.ID != h.ann.ID || id.Session.Address != laptop.Address || id.Session.UserAgent != laptop.UserAgent {
				t.Errorf("identity = %+v, login said %+v", id, in.Identity)
			}
		}
	}
}

func TestLoginUpgradesHash(t *testing.T) {
	h := newHub(t)
	h.hasher.cost.time++
	stored := func() string {
		var p string
		if err := h.s.View(func(tx *store.Tx) error {
			r, err := h.agents.Get(tx, h.ann.ID)
			p = r.Password
			return err
		}); err != nil {
			t.Fatal(err)
		}
		return p
	}
	old := stored()
	if _, err := h.Login(t.Context(), "ann@example.com", "wrong password", laptop); !errors.Is(err, ErrWrongPassword) || stored() != old {
		t.Errorf("a wrong password: %v, hash changed %v", err, stored() != old)
	}
	h.login(t, "ann@example.com", goodPassword, laptop)
	upgraded := stored()
	if p, err := parsePHC(upgraded); err != nil || p.cost != h.hasher.cost {
		t.Errorf("stored %s, %v", upgraded, err)
	}
	h.login(t, "ann@example.com", goodPassword, laptop)
	if stored() != upgraded {
		t.Error("upgraded again")
	}
}

func TestLoginLimit(t *testing.T) {
	h := newHub(t)
	home := h.login(t, "ann@example.com", goodPassword, laptop) // Ann is signed in here
	try := func(c Client, password string) error {
		_, err := h.Login(t.Context(), "ann@example.com", password, c)
		return err
	}
	for range emailFailures {
		want(t, "guess", try(phone, "guessed wrong"), ErrWrongPassword)
	}
	var limited *RateLimitedError
	if err := try(phone, goodPassword); !errors.As(err, &limited) || limited.RetryAfter != firstWait {
		t.Fatalf("sixth attempt: %v", err)
	}
	if err := try(Client{Address: "192.0.2.99"}, goodPassword); !errors.As(err, &limited) {
		t.Errorf("from another address: %v", err)
	}
	want(t, "Ann at home", try(laptop, goodPassword), nil)
	want(t, "a colleague", func() error {
		_, err := h.Login(t.Context(), "mo@example.com", goodPassword, phone)
		return err
	}(), nil)
	h.clock.add(firstWait)
	want(t, "after the wait", try(phone, goodPassword), nil)
	for range 3 { // a success forgets the typos before it
		for range emailFailures - 1 {
			want(t, "a typo", try(Client{Address: "127.0.0.1"}, "guessed wrong"), ErrWrongPassword)
		}
		want(t, "and right again", try(Client{Address: "127.0.0.1"}, goodPassword), nil)
	}
	h.signedIn(t, home.Token, true)
}

func TestLoginLimitPerAddress(t *testing.T) {
	h := newHub(t)
	try := func(i int, c Client) error {
		_, err := h.Login(t.Context(), fmt.Sprintf("guess%d@example.com", i), goodPassword, c)
		return err
	}
	var limited *RateLimitedError
	for i := range addressFailures {
		want(t, "guess", try(i, Client{Address: fmt.Sprintf("[2001:db8::%x]:443", i+1)}), ErrWrongPassword)
	}
	if err := try(99, Client{Address: "2001:db8::ffff"}); !errors.As(err, &limited) {
		t.Errorf("same network: %v", err)
	}
	for i := range addressFailures + 1 {
		want(t, "through a proxy that hides the address", try(100+i, Client{Address: "127.0.0.1:5000"}), ErrWrongPassword)
	}
}

func TestFailedLoginsAreRecordedSparingly(t *testing.T) {
	h := newHub(t)
	before := len(h.kinds(t))
	for i := range 3 * gateBurst {
		h.Login(t.Context(), fmt.Sprintf("guess%d@example.com", i), "hunter2hunter2", Client{Address: "127.0.0.1"})
	}
	if got := len(h.kinds(t)) - before; got != gateBurst {
		t.Fatalf("%d entries for %d failures, want %d", got, 3*gateBurst, gateBurst)
	}
	h.clock.add(gateEvery)
	h.Login(t.Context(), "ann@example.com", "hunter2hunter2", phone)
	page, _, err := h.AuditLog(0, 1)
	if err != nil || len(page) != 1 {
		t.Fatal(page, err)
	}
	e := page[0]
	if e.Kind != "login.failed" || e.Agent != h.ann.ID || e.Address != phone.Address || !strings.Contains(e.Detail, "40 more") {
		t.Errorf("entry = %+v", e)
	}
	all, _, _ := h.AuditLog(0, AuditPage)
	for _, e := range all {
		if strings.Contains(e.Detail, "hunter2") || strings.Contains(e.Detail, "guess1") {
			t.Errorf("the log repeats what was typed: %+v", e)
		}
	}
}

func TestChangePassword(t *testing.T) {
	h := newHub(t)
	here, there := h.login(t, "ann@example.com", goodPassword, laptop), h.login(t, "ann@example.com", goodPassword, phone)
	other := h.login(t, "mo@example.com", goodPassword, phone)
	link, err := h.NewInvitation(t.Context(), cli, h.ann.ID)
	if err != nil {
		t.Fatal(err)
	}
	_, secret, err := h.CreateKey(t.Context(), here.Identity.Actor(""), "script")
	if err != nil {
		t.Fatal(err)
	}
	change := func(old, new string) error {
		return h.ChangePassword(t.Context(), here.Identity, laptop.Address, old, new)
	}
	want(t, "wrong old password", change("not the old one", nextPassword), ErrOldPassword)
	var weak *WeakPasswordError
	if err := change(goodPassword, "ann@example.com"); !errors.As(err, &weak) {
		t.Errorf("weak new password: %v", err)
	}
	h.signedIn(t, there.Token, true) // nothing has changed so far
	want(t, "change", change(goodPassword, nextPassword), nil)
	h.signedIn(t, here.Token, true)
	h.signedIn(t, there.Token, false)
	h.signedIn(t, other.Token, true)
	if _, err := h.Invitation(link); !errors.Is(err, ErrExpiredLink) {
		t.Errorf("a link from before: %v", err)
	}
	if _, err := h.AuthenticateKey(t.Context(), secret); err != nil {
		t.Errorf("an API key: %v", err)
	}
	_, err = h.Login(t.Context(), "ann@example.com", goodPassword, laptop)
	want(t, "the old password", err, ErrWrongPassword)
	h.login(t, "ann@example.com", nextPassword, laptop)

	var limited *RateLimitedError
	for range emailFailures {
		want(t, "guess", change("guessing on", nextPassword), ErrOldPassword)
	}
	if err := change(nextPassword, goodPassword); !errors.As(err, &limited) {
		t.Errorf("guessing in a stolen session: %v", err)
	}
}

func TestSetPassword(t *testing.T) {
	h := newHub(t)
	in := h.login(t, "ann@example.com", goodPassword, laptop)
	want(t, "set", h.SetPassword(t.Context(), cli, h.ann.ID, nextPassword), nil)
	h.signedIn(t, in.Token, false)
	h.login(t, "ann@example.com", nextPassword, laptop)
	want(t, "nobody", h.SetPassword(t.Context(), cli, 9999, nextPassword), ErrNotFound)
	if got := h.kinds(t)[1]; got != "password.set" {
		t.Errorf("audit: %s", got)
	}
}

// The old password is being checked while the new one is stored: whoever comes
// in with the old one must not stay.
func TestLoginRacesWithNewPassword(t *testing.T) {
	h := newHub(t)
	for i := range 20 {
		old, new := goodPassword, nextPassword
		if i%2 == 1 {
			old, new = new, old
		}
		h.clock.add(failuresForgot)
		var in SignedIn
		var err error
		var wg sync.WaitGroup
		wg.Go(func() { in, err = h.Login(t.Context(), "ann@example.com", old, laptop) })
		wg.Go(func() {
			if err := h.SetPassword(t.Context(), cli, h.ann.ID, new); err != nil {
				t.Error(err)
			}
		})
		wg.Wait()
		if err == nil {
			h.signedIn(t, in.Token, false)
		} else if !errors.Is(err, ErrWrongPassword) {
			t.Error(err)
		}
	}
}

// Of changes that start from the same old password one is made.
func TestChangePasswordRace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHub(t)
		id := h.login(t, "ann@example.com", goodPassword, laptop).Identity
		for range maxHashes { // nobody gets to hash before all have begun
			h.hasher.slots <- struct{}{}
		}
		errs := make([]error, emailFailures-1)
		var wg sync.WaitGroup
		for i := range errs {
			wg.Go(func() {
				errs[i] = h.ChangePassword(t.Context(), id, laptop.Address, goodPassword, fmt.Sprint(nextPassword, i))
			})
		}
		synctest.Wait()
		for range maxHashes {
			<-h.hasher.slots
		}
		wg.Wait()
		won := 0
		for i, err := range errs {
			if err == nil {
				won++
				h.login(t, "ann@example.com", fmt.Sprint(nextPassword, i), laptop)
			} else {
				want(t, "a loser", err, ErrOldPassword)
			}
		}
		if won != 1 {
			t.Errorf("%d changes were made", won)
		}
	})
}

func TestAuditLogPages(t *testing.T) {
	h := empty(t)
	const n = 12
	for i := range n {
		h.clock.add(time.Minute)
		err := h.s.Update(t.Context(), func(tx *store.Tx) error {
			return h.Record(tx, "account.changed", Actor{Agent: 3, Address: "192.0.2.1"}, fmt.Sprint(i))
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, limit := range []int{-1, 1, 5, 11, 12, 13, 1 << 30} {
		var got []string
		var before uint64
		last := time.Time{}
		for pages := 0; ; pages++ {
			page, next, err := h.AuditLog(before, limit)
			if err != nil || len(page) > max(1, limit) || pages > n {
				t.Fatalf("limit %d, page %d: %d entries, %v", limit, pages, len(page), err)
			}
			for _, e := range page {
				if !last.IsZero() && !e.Time.Before(last) {
					t.Errorf("limit %d: %v after %v", limit, e.Time, last)
				}
				last = e.Time
				got = append(got, e.Detail)
			}
			if before = next; next == 0 {
				break
			}
		}
		if slices.Reverse(got); len(got) != n || got[0] != "0" || got[n-1] != fmt.Sprint(n-1) {
			t.Errorf("limit %d: %v", limit, got)
		}
	}
}

func TestRecordCutsOutsideText(t *testing.T) {
	h := empty(t)
	err := h.s.Update(t.Context(), func(tx *store.Tx) error {
		return h.Record(tx, "x", Actor{Address: strings.Repeat("é", 100)}, "\xff"+strings.Repeat("ü", 2000))
	})
	page, _, err2 := h.AuditLog(0, 1)
	if err != nil || err2 != nil || len(page) != 1 {
		t.Fatal(page, err, err2)
	}
	if e := page[0]; len(e.Address) != maxAddress || len(e.Detail) > maxDetail || !strings.HasPrefix(e.Detail, "ü") {
		t.Errorf("%d bytes of address, %d of detail", len(e.Address), len(e.Detail))
	}
}
