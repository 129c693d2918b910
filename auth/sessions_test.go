package auth

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"throughline/store"
	"throughline/store/storetest"
)

func TestSessionExpiry(t *testing.T) {
	h := newHub(t)
	idle, used := h.login(t, "ann@example.com", goodPassword, laptop), h.login(t, "ann@example.com", goodPassword, phone)
	const day = 24 * time.Hour
	for d := range 89 {
		h.clock.add(day)
		h.signedIn(t, used.Token, true)
		if err := h.writeSeen(t.Context()); err != nil {
			t.Fatal(err)
		}
		// Looking must not keep it alive: look once before the end and once at it.
		if d+1 == 14 {
			h.signedIn(t, idle.Token, false)
		}
	}
	h.clock.add(day - time.Second)
	h.signedIn(t, used.Token, true)
	h.clock.add(time.Second)
	h.signedIn(t, used.Token, false)
	list, err := h.Sessions(h.ann.ID)
	if err != nil || len(list) != 0 {
		t.Errorf("Sessions = %v, %v", list, err)
	}
}

func TestSessionIdleLimit(t *testing.T) {
	h := newHub(t)
	in := h.login(t, "ann@example.com", goodPassword, laptop)
	h.clock.add(SessionIdle - time.Second)
	if list, err := h.Sessions(h.ann.ID); err != nil || len(list) != 1 {
		t.Errorf("a second before the end: %v, %v", list, err)
	}
	h.clock.add(time.Second)
	h.signedIn(t, in.Token, false)
}

func TestSessionsListAndEnd(t *testing.T) {
	h := newHub(t)
	first := h.login(t, "ann@example.com", goodPassword, laptop)
	h.clock.add(time.Hour)
	second := h.login(t, "ann@example.com", goodPassword, Client{Address: phone.Address, UserAgent: strings.Repeat("ü", 1000)})
	other := h.login(t, "mo@example.com", goodPassword, laptop)

	list, err := h.Sessions(h.ann.ID)
	if err != nil || len(list) != 2 || list[0].ID != second.Identity.Session.ID || list[1].ID != first.Identity.Session.ID {
		t.Fatalf("Sessions = %+v, %v", list, err)
	}
	if n := len(list[0].UserAgent); n != maxUserAgent {
		t.Errorf("user agent of %d bytes stored", n)
	}
	ann := first.Identity.Actor(laptop.Address)
	want(t, "somebody else's", h.EndSession(t.Context(), ann, other.Identity.Session.ID), ErrNotFound)
	want(t, "no such", h.EndSession(t.Context(), ann, 9999), ErrNotFound)
	h.signedIn(t, other.Token, true)
	want(t, "the other one", h.EndSession(t.Context(), ann, second.Identity.Session.ID), nil)
	h.signedIn(t, second.Token, false)
	h.signedIn(t, first.Token, true)
	want(t, "again", h.EndSession(t.Context(), ann, second.Identity.Session.ID), ErrNotFound)
	want(t, "signing out", h.EndSession(t.Context(), ann, first.Identity.Session.ID), nil)
	h.signedIn(t, first.Token, false)
	if k := h.kinds(t); k[0] != "session.ended" {
		t.Errorf("audit: %v", k[:2])
	}
}

func TestSessionsAreBounded(t *testing.T) {
	h := newHub(t)
	first := h.login(t, "ann@example.com", goodPassword, laptop)
	for range MaxSessions - 1 {
		h.clock.add(time.Second)
		h.login(t, "ann@example.com", goodPassword, phone)
	}
	h.signedIn(t, first.Token, true)
	h.login(t, "ann@example.com", goodPassword, phone)
	h.signedIn(t, first.Token, false)
	if list, err := h.Sessions(h.ann.ID); err != nil || len(list) != MaxSessions {
		t.Errorf("%d sessions, %v", len(list), err)
	}
}

func TestAuthenticateRefuses(t *testing.T) {
	h := newHub(t)
	in := h.login(t, "ann@example.com", goodPassword, laptop)
	_, secret, err := h.CreateKey(t.Context(), in.Identity.Actor(""), "script")
	if err != nil {
		t.Fatal(err)
	}
	link, err := h.EnterToken(t.Context(), cli, h.ann.ID, EnterOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for _, token := range []string{
		"", "x", in.Token[:42], in.Token + "A", strings.ToUpper(in.Token), newToken(), secret, link, strings.Repeat("\x00", tokenSize),
	} {
		h.signedIn(t, token, false)
	}
	for _, bearer := range []string{
		"", "tl_", secret[:len(secret)-1], secret + "a", strings.ToUpper(secret), newKey(), in.Token, " " + secret, "Bearer " + secret,
	} {
		_, err := h.AuthenticateKey(t.Context(), bearer)
		want(t, fmt.Sprintf("AuthenticateKey(%q)", bearer), err, ErrBadKey)
	}
}

func TestCSRF(t *testing.T) {
	h := newHub(t)
	one, two := h.login(t, "ann@example.com", goodPassword, laptop), h.login(t, "ann@example.com", goodPassword, laptop)
	id, err := h.Authenticate(t.Context(), one.Token)
	if err != nil || id.CSRF != one.Identity.CSRF {
		t.Fatalf("CSRF %q, at login %q, %v", id.CSRF, one.Identity.CSRF, err)
	}
	for sent, want := range map[string]bool{
		id.CSRF: true, "": false, "x": false, two.Identity.CSRF: false, one.Token: false, id.CSRF + "x": false,
	} {
		if got := id.CheckCSRF(sent); got != want {
			t.Errorf("CheckCSRF(%q) = %v", sent, got)
		}
	}
	if (Identity{}).CheckCSRF("") {
		t.Error("nobody at all passes")
	}
	if !(Identity{Key: Key{ID: 1}}).CheckCSRF("") {
		t.Error("an API key needs a CSRF token")
	}
}

func TestNoSecretsInStore(t *testing.T) {
	h := newHub(t)
	in := h.login(t, "ann@example.com", goodPassword, laptop)
	_, secret, err := h.CreateKey(t.Context(), in.Identity.Actor(""), "script")
	if err != nil {
		t.Fatal(err)
	}
	link, err := h.NewInvitation(t.Context(), cli, h.ann.ID)
	if err != nil {
		t.Fatal(err)
	}
	var all strings.Builder
	err = h.s.View(func(tx *store.Tx) error {
		for v := range h.agents.All(tx, store.Range{}) {
			fmt.Fprintf(&all, "%+v\n", *v)
		}
		for v := range h.sessions.All(tx, store.Range{}) {
			fmt.Fprintf(&all, "%+v\n", *v)
		}
		for v := range h.keys.All(tx, store.Range{}) {
			fmt.Fprintf(&all, "%+v\n", *v)
		}
		for v := range h.links.All(tx, store.Range{}) {
			fmt.Fprintf(&all, "%+v\n", *v)
		}
		for v := range h.audit.All(tx, store.Range{}) {
			fmt.Fprintf(&all, "%+v\n", *v)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for name, s := range map[string]string{
		"password": goodPassword, "session token": in.Token, "CSRF token": in.Identity.CSRF, "API key": secret[keyPrefix:], "link": link,
	} {
		if strings.Contains(all.String(), s) {
			t.Errorf("the %s is in the store", name)
		}
	}
}

// Reads write nothing; Run writes once a minute.
func TestLastSeen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := storetest.OpenPath(t, filepath.Join(t.TempDir(), "store.db"))
		h := &hub{Auth: New(s, Options{cost: cheap})}
		ann := h.create(t, "Ann", "ann@example.com", RoleAdmin)
		in := h.login(t, "ann@example.com", goodPassword, laptop)
		_, secret, err := h.CreateKey(t.Context(), in.Identity.Actor(""), "script")
		if err != nil {
			t.Fatal(err)
		}
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- h.Run(ctx) }()
		time.Sleep(30 * time.Second)

		writes, unwatch := s.Watch()
		defer unwatch()
		h.signedIn(t, in.Token, true) // 30 s after the login: not worth a write
		time.Sleep(seenEvery)
		select {
		case <-writes:
			t.Error("something was written")
		default:
		}
		read := func() {
			h.signedIn(t, in.Token, true)
			if _, err := h.AuthenticateKey(t.Context(), secret); err != nil {
				t.Fatal(err)
			}
		}
		for range 1000 {
			read()
		}
		used := time.Now()
		select {
		case <-writes:
			t.Error("a read has written")
		default:
		}
		time.Sleep(seenEvery)
		<-writes
		check := func() {
			t.Helper()
			list, _ := h.Sessions(ann.ID)
			keys, _ := h.Keys(ann.ID)
			agent, _ := h.Agent(ann.ID)
			if len(list) != 1 || len(keys) != 1 || !list[0].LastSeen.Equal(used) || !keys[0].LastUsed.Equal(used) || !agent.LastSeen.Equal(used) {
				t.Errorf("used %v; sessions %+v, keys %+v, agent %+v", used, list, keys, agent)
			}
		}
		check()
		// What was used shortly before the end is written at the end.
		time.Sleep(5 * time.Second)
		read()
		check() // less than a minute later: nothing new
		time.Sleep(seenEvery)
		read()
		used = time.Now()
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
		check()
	})
}

func TestSeenAfterEnd(t *testing.T) {
	h := newHub(t)
	in := h.login(t, "ann@example.com", goodPassword, laptop)
	h.clock.add(time.Hour)
	h.signedIn(t, in.Token, true) // noted, not yet written
	want(t, "sign out", h.EndSession(t.Context(), in.Identity.Actor(""), in.Identity.Session.ID), nil)
	if err := h.writeSeen(t.Context()); err != nil {
		t.Fatal(err)
	}
	h.signedIn(t, in.Token, false)
}

func TestExpire(t *testing.T) {
	h := newHub(t)
	h.login(t, "ann@example.com", goodPassword, laptop)
	if _, err := h.NewInvitation(t.Context(), cli, h.ann.ID); err != nil {
		t.Fatal(err)
	}
	h.clock.add(SessionIdle - time.Hour)
	fresh := h.login(t, "mo@example.com", goodPassword, laptop)
	h.clock.add(time.Hour)
	if err := h.expire(t.Context()); err != nil {
		t.Fatal(err)
	}
	err := h.s.View(func(tx *store.Tx) error {
		if s, l := h.sessions.Len(tx), h.links.Len(tx); s != 1 || l != 0 {
			t.Errorf("%d sessions and %d links left", s, l)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	h.signedIn(t, fresh.Token, true)
}

// More than one page of expired and live sessions.
func TestExpirePages(t *testing.T) {
	h := newHub(t)
	const n = 2*expirePage + 10
	err := h.s.Update(t.Context(), func(tx *store.Tx) error {
		for i := range n {
			hash, _ := tokenHash(newToken())
			s := session{Hash: hash, Session: Session{ID: tx.NextID(), Agent: h.ann.ID, Created: tx.Now(), LastSeen: tx.Now()}}
			if i%3 == 0 {
				s.LastSeen = tx.Now().Add(-SessionIdle)
			}
			if err := h.sessions.Insert(tx, s.ID, &s); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := h.expire(t.Context()); err != nil {
		t.Fatal(err)
	}
	if list, err := h.Sessions(h.ann.ID); err != nil || len(list) != n-(n+2)/3 {
		t.Errorf("%d sessions, %v", len(list), err)
	}
	h.s.View(func(tx *store.Tx) error {
		if got := h.sessions.Len(tx); got != n-(n+2)/3 {
			t.Errorf("%d records", got)
		}
		return nil
	})
}

func TestSecret(t *testing.T) {
	path := filepath.Join(t.TempDir(), "store.db")
	s := storetest.OpenPath(t, path)
	a := New(s, Options{cost: cheap})
	one, err1 := a.Secret(t.Context(), "images")
	two, err2 := a.Secret(t.Context(), "downloads")
	if err1 != nil || err2 != nil || len(one) != 32 || string(one) == string(two) {
		t.Fatalf("%x, %x, %v, %v", one, two, err1, err2)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	again, err := New(storetest.OpenPath(t, path), Options{cost: cheap}).Secret(t.Context(), "images")
	if err != nil || string(again) != string(one) {
		t.Errorf("after a restart %x, before %x, %v", again, one, err)
	}
	other, err := empty(t).Secret(t.Context(), "images")
	if err != nil || string(other) == string(one) {
		t.Errorf("two stores share a secret, %v", err)
	}
}

func FuzzTokens(f *testing.F) {
	f.Add(newToken())
	f.Add(newKey())
	f.Add("")
	f.Add("tl_" + strings.Repeat("a", keySize-3))
	h := newHub(f)
	f.Fuzz(func(t *testing.T, s string) {
		h.signedIn(t, s, false)
		if _, err := h.AuthenticateKey(t.Context(), s); err != ErrBadKey {
			t.Errorf("AuthenticateKey(%q) = %v", s, err)
		}
		if _, err := h.Invitation(s); err != ErrExpiredLink {
			t.Errorf("Invitation(%q) = %v", s, err)
		}
		if _, err := h.Enter(t.Context(), s, laptop); err != ErrExpiredLink {
			t.Errorf("Enter(%q) = %v", s, err)
		}
	})
}

func BenchmarkAuthenticate(b *testing.B) {
	h := newHub(b)
	in := h.login(b, "ann@example.com", goodPassword, laptop)
	_, secret, err := h.CreateKey(b.Context(), in.Identity.Actor(""), "script")
	if err != nil {
		b.Fatal(err)
	}
	b.Run("session", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := h.Authenticate(b.Context(), in.Token); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("key", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := h.AuthenticateKey(b.Context(), secret); err != nil {
				b.Fatal(err)
			}
		}
	})
}
