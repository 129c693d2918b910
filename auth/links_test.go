package auth

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"throughline/store"
)

func TestSetup(t *testing.T) {
	h := empty(t)
	if needed, err := h.SetupNeeded(); !needed || err != nil {
		t.Fatalf("SetupNeeded = %v, %v", needed, err)
	}
	old, err := h.SetupToken(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	token, err := h.SetupToken(t.Context()) // the next start
	if err != nil || token == old {
		t.Fatal(token, err)
	}
	h.clock.add(1000 * time.Hour) // nobody came for a while
	setup := func(token, name, email, password string) (SignedIn, error) {
		return h.Setup(t.Context(), token, name, email, password, laptop)
	}
	var field *FieldError
	var weak *WeakPasswordError
	for _, tc := range []struct {
		token, name, email, password string
		ok                           func(error) bool
	}{
		{"", "Ada", "ada@example.com", goodPassword, func(err error) bool { return errors.Is(err, ErrExpiredLink) }},
		{newToken(), "Ada", "ada@example.com", goodPassword, func(err error) bool { return errors.Is(err, ErrExpiredLink) }},
		{old, "Ada", "ada@example.com", goodPassword, func(err error) bool { return errors.Is(err, ErrExpiredLink) }},
		{token, " ", "ada@example.com", goodPassword, func(err error) bool { return errors.As(err, &field) && field.Field == "name" }},
		{token, "Ada", "ada", goodPassword, func(err error) bool { return errors.As(err, &field) && field.Field == "email" }},
		{token, "Ada", "ada@example.com", "password123", func(err error) bool { return errors.As(err, &weak) }},
	} {
		if in, err := setup(tc.token, tc.name, tc.email, tc.password); !tc.ok(err) || in.Token != "" {
			t.Errorf("Setup(%+v) = %v", tc, err)
		}
	}
	in, err := setup(token, "Ada Admin", "ada@example.com", goodPassword)
	if err != nil {
		t.Fatal(err)
	}
	if a := in.Identity.Agent; a.Role != RoleAdmin || a.Invited || a.Name != "Ada Admin" {
		t.Errorf("agent = %+v", a)
	}
	err = h.s.View(func(tx *store.Tx) error {
		if n := h.links.Len(tx); n != 0 {
			t.Errorf("%d links left", n)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	h.signedIn(t, in.Token, true)
	h.login(t, "ada@example.com", goodPassword, laptop)
	_, err = setup(token, "Eve", "eve@example.com", goodPassword)
	want(t, "second Setup", err, ErrSetupDone)
	_, err = h.SetupToken(t.Context())
	want(t, "SetupToken", err, ErrSetupDone)
	if needed, err := h.SetupNeeded(); needed || err != nil {
		t.Errorf("SetupNeeded = %v, %v", needed, err)
	}
	if k := h.kinds(t); k[len(k)-1] != "setup.done" {
		t.Errorf("audit: %v", k)
	}
}

func TestSetupRace(t *testing.T) {
	h := empty(t)
	token, err := h.SetupToken(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	const visitors = 8
	errs := make([]error, visitors)
	var wg sync.WaitGroup
	for i := range visitors {
		wg.Go(func() {
			_, errs[i] = h.Setup(t.Context(), token, "Visitor", fmt.Sprintf("v%d@example.com", i), goodPassword, laptop)
		})
	}
	wg.Wait()
	won := 0
	for _, err := range errs {
		if err == nil {
			won++
		} else if !errors.Is(err, ErrSetupDone) {
			t.Errorf("a loser got %v", err)
		}
	}
	list, err := h.Agents()
	if won != 1 || len(list) != 1 || err != nil {
		t.Errorf("%d winners, agents %v, %v", won, list, err)
	}
}

// An admin made on the command line ends the setup, whoever still has its link.
func TestSetupEndsWithAnyAdmin(t *testing.T) {
	h := empty(t)
	token, err := h.SetupToken(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	h.create(t, "Ann", "ann@example.com", RoleAgent)
	if _, _, err := h.Invite(t.Context(), cli, "Later", "later@example.com", RoleAdmin); err != nil {
		t.Fatal(err)
	}
	if needed, _ := h.SetupNeeded(); !needed {
		t.Error("setup is over although nobody can administer")
	}
	_, err = h.Setup(t.Context(), token, "Ann", "ANN@example.com", goodPassword, laptop)
	want(t, "an agent's address", err, ErrEmailTaken)
	h.create(t, "Ada", "ada@example.com", RoleAdmin)
	_, err = h.Setup(t.Context(), token, "Eve", "eve@example.com", goodPassword, laptop)
	want(t, "Setup", err, ErrSetupDone)
}

func TestInvitation(t *testing.T) {
	h := newHub(t)
	agent, token, err := h.Invite(t.Context(), h.actor(h.admin), "New Person", "new@example.com", RoleManager)
	if err != nil || !agent.Invited || agent.Role != RoleManager {
		t.Fatal(agent, err)
	}
	_, _, err = h.Invite(t.Context(), h.actor(h.admin), "Again", "NEW@example.com", RoleAgent)
	want(t, "a second invitation for the same address", err, ErrEmailTaken)

	if got, err := h.Invitation(token); err != nil || got.Name != "New Person" || got.Email != "new@example.com" {
		t.Errorf("Invitation = %+v, %v", got, err)
	}
	h.clock.add(InvitationLife - time.Second)
	var weak *WeakPasswordError
	if _, err := h.AcceptInvitation(t.Context(), token, "", "too short", laptop); !errors.As(err, &weak) {
		t.Errorf("weak password: %v", err)
	}
	in, err := h.AcceptInvitation(t.Context(), token, "Newly Named", goodPassword, laptop)
	if err != nil {
		t.Fatal(err)
	}
	if a := in.Identity.Agent; a.ID != agent.ID || a.Name != "Newly Named" || a.Invited || a.Role != RoleManager {
		t.Errorf("agent = %+v", a)
	}
	h.signedIn(t, in.Token, true)
	h.login(t, "new@example.com", goodPassword, phone)
	_, err = h.AcceptInvitation(t.Context(), token, "", nextPassword, laptop)
	want(t, "used again", err, ErrExpiredLink)
}

func TestInvitationEnds(t *testing.T) {
	h := newHub(t)
	yes, no := true, false
	for name, end := range map[string]func(agent Agent) error{
		"time":    func(Agent) error { h.clock.add(InvitationLife); return nil },
		"renewed": func(a Agent) error { _, err := h.NewInvitation(t.Context(), cli, a.ID); return err },
		"disabled": func(a Agent) error {
			_, err := h.UpdateAgent(t.Context(), cli, a.ID, Change{Disabled: &yes})
			return err
		},
		"enabled again": func(a Agent) error {
			_, err1 := h.UpdateAgent(t.Context(), cli, a.ID, Change{Disabled: &yes})
			_, err2 := h.UpdateAgent(t.Context(), cli, a.ID, Change{Disabled: &no})
			return errors.Join(err1, err2)
		},
		"password set": func(a Agent) error { return h.SetPassword(t.Context(), cli, a.ID, nextPassword) },
	} {
		t.Run(name, func(t *testing.T) {
			agent, token, err := h.Invite(t.Context(), cli, "Person", fmt.Sprintf("p%d@example.com", len(name)), RoleAgent)
			if err != nil {
				t.Fatal(err)
			}
			if err := end(agent); err != nil {
				t.Fatal(err)
			}
			_, err = h.Invitation(token)
			want(t, "Invitation", err, ErrExpiredLink)
			_, err = h.AcceptInvitation(t.Context(), token, "", goodPassword, laptop)
			want(t, "AcceptInvitation", err, ErrExpiredLink)
		})
	}
}

func TestInvitationAsReset(t *testing.T) {
	h := newHub(t)
	old := h.login(t, "ann@example.com", goodPassword, phone)
	token, err := h.NewInvitation(t.Context(), h.actor(h.admin), h.ann.ID)
	if err != nil {
		t.Fatal(err)
	}
	h.login(t, "ann@example.com", goodPassword, laptop) // the old one is good until then
	in, err := h.AcceptInvitation(t.Context(), token, "", nextPassword, laptop)
	if err != nil || in.Identity.Agent.Name != h.ann.Name {
		t.Fatal(in, err)
	}
	h.signedIn(t, old.Token, false)
	h.signedIn(t, in.Token, true)
	_, err = h.Login(t.Context(), "ann@example.com", goodPassword, laptop)
	want(t, "the old password", err, ErrWrongPassword)

	_, err = h.NewInvitation(t.Context(), cli, 9999)
	want(t, "nobody", err, ErrNotFound)
}

func TestAcceptRace(t *testing.T) {
	h := newHub(t)
	token, err := h.NewInvitation(t.Context(), cli, h.ann.ID)
	if err != nil {
		t.Fatal(err)
	}
	var won, lost int
	var mu sync.Mutex
	var wg sync.WaitGroup
	for range 6 {
		wg.Go(func() {
			_, err := h.AcceptInvitation(t.Context(), token, "", nextPassword, laptop)
			mu.Lock()
			defer mu.Unlock()
			if err == nil {
				won++
			} else if errors.Is(err, ErrExpiredLink) {
				lost++
			}
		})
	}
	wg.Wait()
	if won != 1 || lost != 5 {
		t.Errorf("%d won, %d lost", won, lost)
	}
}

func TestEnter(t *testing.T) {
	h := newHub(t)
	token := func(o EnterOptions) string {
		t.Helper()
		s, err := h.EnterToken(t.Context(), cli, h.ann.ID, o)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	enter := func(s string) error { _, err := h.Enter(t.Context(), s, laptop); return err }

	once := token(EnterOptions{})
	in, err := h.Enter(t.Context(), once, laptop)
	if err != nil || in.Identity.Agent.ID != h.ann.ID {
		t.Fatal(in, err)
	}
	h.signedIn(t, in.Token, true)
	want(t, "used again", enter(once), ErrExpiredLink)

	late := token(EnterOptions{})
	h.clock.add(EnterLife)
	want(t, "too late", enter(late), ErrExpiredLink)

	many := token(EnterOptions{Reusable: true})
	for range 3 {
		h.clock.add(24 * time.Hour)
		want(t, "reusable", enter(many), nil)
	}
	h.clock.add(ReusableEnterLife - 72*time.Hour)
	want(t, "at its end", enter(many), ErrExpiredLink)

	short := token(EnterOptions{Reusable: true, Life: time.Minute})
	want(t, "short", enter(short), nil)
	h.clock.add(time.Minute)
	want(t, "short, later", enter(short), ErrExpiredLink)

	many = token(EnterOptions{Reusable: true})
	yes := true
	if _, err := h.UpdateAgent(t.Context(), cli, h.ann.ID, Change{Disabled: &yes}); err != nil {
		t.Fatal(err)
	}
	want(t, "disabled", enter(many), ErrExpiredLink)
	_, err = h.EnterToken(t.Context(), cli, h.ann.ID, EnterOptions{})
	want(t, "a link for a disabled agent", err, ErrDisabled)
}

// A link of one kind is nothing for the doors of the others.
func TestLinkKinds(t *testing.T) {
	h := newHub(t)
	enter, err := h.EnterToken(t.Context(), cli, h.ann.ID, EnterOptions{})
	if err != nil {
		t.Fatal(err)
	}
	invite, err := h.NewInvitation(t.Context(), cli, h.ann.ID)
	if err != nil {
		t.Fatal(err)
	}
	_, err = h.Invitation(enter)
	want(t, "Invitation of a sign-in link", err, ErrExpiredLink)
	_, err = h.AcceptInvitation(t.Context(), enter, "", nextPassword, laptop)
	want(t, "AcceptInvitation of a sign-in link", err, ErrExpiredLink)
	_, err = h.Enter(t.Context(), invite, laptop)
	want(t, "Enter by an invitation", err, ErrExpiredLink)
	_, err = h.Enter(t.Context(), enter, laptop)
	want(t, "Enter", err, nil)
}
