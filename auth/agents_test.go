package auth

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

func (h *hub) actor(a Agent) Actor { return Actor{Agent: a.ID, Address: laptop.Address} }

func TestRoleAtLeast(t *testing.T) {
	order := []Role{RoleAgent, RoleManager, RoleAdmin}
	for i, r := range order {
		for j, min := range order {
			if got := r.AtLeast(min); got != (i >= j) {
				t.Errorf("%s.AtLeast(%s) = %v", r, min, got)
			}
		}
		for _, none := range []Role{"", "root", "Admin"} {
			if r.AtLeast(none) || none.AtLeast(r) || none.AtLeast(none) {
				t.Errorf("%q counts for something beside %s", none, r)
			}
		}
	}
}

func TestCreateAgent(t *testing.T) {
	h := empty(t)
	for _, tc := range []struct {
		n     NewAgent
		field string // of the *FieldError, "" if it is fine
	}{
		{NewAgent{"Ann", "ann@example.com", RoleAgent, goodPassword}, ""},
		{NewAgent{"  علی\u200cرضا  ", "ali@example.com", RoleManager, ""}, ""},
		{NewAgent{"Bücher", "info@bücher.example", RoleAdmin, ""}, ""},
		{NewAgent{strings.Repeat("n", MaxName), strings.Repeat("e", 60) + "@example.com", RoleAgent, ""}, ""},
		{NewAgent{"", "x@example.com", RoleAgent, ""}, "name"},
		{NewAgent{"two\nlines", "x@example.com", RoleAgent, ""}, "name"},
		{NewAgent{"\xff", "x@example.com", RoleAgent, ""}, "name"},
		{NewAgent{strings.Repeat("n", MaxName+1), "x@example.com", RoleAgent, ""}, "name"},
		{NewAgent{"Ann", "", RoleAgent, ""}, "email"},
		{NewAgent{"Ann", "ann", RoleAgent, ""}, "email"},
		{NewAgent{"Ann", "Ann <x@example.com>", RoleAgent, ""}, "email"},
		{NewAgent{"Ann", "x@example.com, y@example.com", RoleAgent, ""}, "email"},
		{NewAgent{"Ann", "x@exam\x00ple.com", RoleAgent, ""}, "email"},
		{NewAgent{"Ann", strings.Repeat("e", MaxEmail) + "@example.com", RoleAgent, ""}, "email"},
		{NewAgent{"Ann", "x@example.com", "", ""}, "role"},
		{NewAgent{"Ann", "x@example.com", "owner", ""}, "role"},
	} {
		a, err := h.CreateAgent(t.Context(), cli, tc.n)
		var field *FieldError
		switch {
		case tc.field == "" && err != nil:
			t.Errorf("CreateAgent(%+v) = %v", tc.n, err)
		case tc.field != "" && (!errors.As(err, &field) || field.Field != tc.field):
			t.Errorf("CreateAgent(%.40q) = %v, want an error of %s", tc.n, err, tc.field)
		}
		if err == nil {
			if got, err := h.AgentByEmail(strings.ToUpper(tc.n.Email)); err != nil || got != a || a.Invited != (tc.n.Password == "") {
				t.Errorf("AgentByEmail = %+v, %v; created %+v", got, err, a)
			}
		}
	}
	_, err := h.CreateAgent(t.Context(), cli, NewAgent{"Other Ann", "ANN@example.com", RoleAgent, ""})
	want(t, "same address", err, ErrEmailTaken)
	var weak *WeakPasswordError
	if _, err := h.CreateAgent(t.Context(), cli, NewAgent{"Weak", "weak@example.com", RoleAgent, "12345"}); !errors.As(err, &weak) {
		t.Errorf("weak password: %v", err)
	}
	list, err := h.Agents()
	var names []string
	for _, a := range list {
		names = append(names, a.Name)
	}
	if want := []string{"Ann", "Bücher", strings.Repeat("n", MaxName), "علی\u200cرضا"}; err != nil || !slices.Equal(names, want) {
		t.Errorf("Agents = %q, %v", names, err)
	}
	_, err = h.Agent(9999)
	want(t, "Agent", err, ErrNotFound)
	_, err = h.AgentByEmail("nobody@example.com")
	want(t, "AgentByEmail", err, ErrNotFound)
}

func TestUpdateAgent(t *testing.T) {
	h := newHub(t)
	admin := h.actor(h.admin)
	name, role, bad := "Ann Other", RoleManager, Role("owner")
	in := h.login(t, "ann@example.com", goodPassword, laptop)
	got, err := h.UpdateAgent(t.Context(), admin, h.ann.ID, Change{Name: &name, Role: &role})
	if err != nil || got.Name != name || got.Role != role {
		t.Fatalf("UpdateAgent = %+v, %v", got, err)
	}
	// The new role counts at once, in sessions that are open.
	if id, err := h.Authenticate(t.Context(), in.Token); err != nil || id.Agent.Role != role || id.Agent.Name != name {
		t.Errorf("Authenticate = %+v, %v", id.Agent, err)
	}
	page, _, _ := h.AuditLog(0, 1)
	if e := page[0]; e.Kind != "agent.changed" || e.Agent != h.admin.ID || e.Address != laptop.Address ||
		!strings.Contains(e.Detail, "agent → manager") || !strings.Contains(e.Detail, "ann@example.com") {
		t.Errorf("audit: %+v", e)
	}
	before := len(h.kinds(t))
	if _, err := h.UpdateAgent(t.Context(), admin, h.ann.ID, Change{Name: &name, Role: &role}); err != nil || len(h.kinds(t)) != before {
		t.Errorf("no change: %v, %d entries more", err, len(h.kinds(t))-before)
	}
	var field *FieldError
	if _, err := h.UpdateAgent(t.Context(), admin, h.ann.ID, Change{Role: &bad}); !errors.As(err, &field) || field.Field != "role" {
		t.Errorf("bad role: %v", err)
	}
	empty := ""
	if _, err := h.UpdateAgent(t.Context(), admin, h.ann.ID, Change{Name: &empty}); !errors.As(err, &field) || field.Field != "name" {
		t.Errorf("no name: %v", err)
	}
	_, err = h.UpdateAgent(t.Context(), admin, 9999, Change{Name: &name})
	want(t, "nobody", err, ErrNotFound)
}

func TestDisable(t *testing.T) {
	h := newHub(t)
	in := h.login(t, "ann@example.com", goodPassword, laptop)
	_, secret, err := h.CreateKey(t.Context(), in.Identity.Actor(""), "script")
	if err != nil {
		t.Fatal(err)
	}
	other := h.login(t, "mo@example.com", goodPassword, laptop)
	set := func(disabled bool) {
		t.Helper()
		if _, err := h.UpdateAgent(t.Context(), h.actor(h.admin), h.ann.ID, Change{Disabled: &disabled}); err != nil {
			t.Fatal(err)
		}
	}
	for range 2 { // also when enabled again: what was open stays closed
		set(true)
		_, err = h.createKey(t, h.actor(h.ann))
		want(t, "a key for a disabled agent", err, ErrDisabled)
		h.signedIn(t, in.Token, false)
		_, err = h.AuthenticateKey(t.Context(), secret)
		want(t, "his key", err, ErrBadKey)
		set(false)
		h.signedIn(t, in.Token, false)
		_, err = h.AuthenticateKey(t.Context(), secret)
		want(t, "his key", err, ErrBadKey)
	}
	h.signedIn(t, other.Token, true)
	h.login(t, "ann@example.com", goodPassword, laptop)
}

// createKey is CreateKey without the secret.
func (h *hub) createKey(t *testing.T, by Actor) (Key, error) {
	k, _, err := h.CreateKey(t.Context(), by, "script")
	return k, err
}

func TestKeys(t *testing.T) {
	h := newHub(t)
	ann, mo := h.actor(h.ann), h.actor(h.mgr)
	k, secret, err := h.CreateKey(t.Context(), ann, " nightly report ")
	if err != nil || k.Name != "nightly report" || !strings.HasPrefix(secret, k.Prefix) || len(k.Prefix) != keyPrefix || len(secret) != keySize {
		t.Fatalf("CreateKey = %+v, %d characters, %v", k, len(secret), err)
	}
	id, err := h.AuthenticateKey(t.Context(), secret)
	if err != nil || id.Agent.ID != h.ann.ID || id.Key.ID != k.ID || id.Session.ID != 0 || id.CSRF != "" {
		t.Fatalf("AuthenticateKey = %+v, %v", id, err)
	}
	role := RoleManager
	if _, err := h.UpdateAgent(t.Context(), cli, h.ann.ID, Change{Role: &role}); err != nil {
		t.Fatal(err)
	}
	if id, err := h.AuthenticateKey(t.Context(), secret); err != nil || id.Agent.Role != RoleManager {
		t.Errorf("the owner's new role: %+v, %v", id.Agent, err)
	}
	var field *FieldError
	if _, _, err := h.CreateKey(t.Context(), ann, ""); !errors.As(err, &field) {
		t.Errorf("no name: %v", err)
	}
	want(t, "somebody else's", h.DeleteKey(t.Context(), mo, k.ID), ErrNotFound)
	want(t, "no such", h.DeleteKey(t.Context(), ann, 9999), ErrNotFound)
	if list, err := h.Keys(h.ann.ID); err != nil || len(list) != 1 || list[0] != k {
		t.Errorf("Keys = %+v, %v", list, err)
	}
	want(t, "delete", h.DeleteKey(t.Context(), ann, k.ID), nil)
	_, err = h.AuthenticateKey(t.Context(), secret)
	want(t, "deleted", err, ErrBadKey)
	for range MaxKeys {
		if _, err := h.createKey(t, ann); err != nil {
			t.Fatal(err)
		}
	}
	_, err = h.createKey(t, ann)
	want(t, "one too many", err, ErrTooManyKeys)
	_, err = h.createKey(t, mo)
	want(t, "somebody else's first", err, nil)
}

func TestPreferences(t *testing.T) {
	h := newHub(t)
	in := h.login(t, "ann@example.com", goodPassword, laptop)
	good := Preferences{"fa", "dark", "compact", "next", "Ann\nExample Ltd", "busy"}
	if a, err := h.SetPreferences(t.Context(), h.ann.ID, good); err != nil || a.Preferences != good {
		t.Fatal(a, err)
	}
	if id, err := h.Authenticate(t.Context(), in.Token); err != nil || id.Agent.Preferences != good {
		t.Errorf("%+v, %v", id.Agent.Preferences, err)
	}
	for field, p := range map[string]Preferences{
		"language":      {Language: "de"},
		"theme":         {Theme: "blue"},
		"density":       {Density: "x"},
		"after_resolve": {AfterResolve: "x"},
		"availability":  {Availability: "asleep"},
		"signature":     {Signature: strings.Repeat("ü", MaxSignature+1)},
	} {
		var fe *FieldError
		if _, err := h.SetPreferences(t.Context(), h.ann.ID, p); !errors.As(err, &fe) || fe.Field != field {
			t.Errorf("%s: %v", field, err)
		}
	}
	if _, err := h.SetPreferences(t.Context(), h.ann.ID, Preferences{Signature: strings.Repeat("ü", MaxSignature)}); err != nil {
		t.Error(err)
	}
	if a, err := h.SetPreferences(t.Context(), h.ann.ID, Preferences{}); err != nil || a.Preferences != (Preferences{}) {
		t.Error(a, err)
	}
	_, err := h.SetPreferences(t.Context(), 9999, good)
	want(t, "nobody", err, ErrNotFound)
}

// Random changes of roles and states against a model of who is an active admin:
// a change is refused as the last admin's exactly when it would leave none.
func TestLastAdminProperty(t *testing.T) {
	roles := []Role{RoleAgent, RoleManager, RoleAdmin}
	for seed := range uint64(12) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			h := empty(t)
			rng := rand.New(rand.NewPCG(seed, 1))
			model := map[uint64]Agent{}
			admins := func() (n int) {
				for _, a := range model {
					if a.activeAdmin() {
						n++
					}
				}
				return n
			}
			first := h.create(t, "First", "first@example.com", RoleAdmin)
			model[first.ID] = first
			ids := []uint64{first.ID}
			for step := range 80 {
				id := ids[rng.IntN(len(ids))]
				switch op := rng.IntN(10); {
				case op == 0 && len(ids) < 5:
					n := NewAgent{Name: "Next", Email: fmt.Sprintf("p%d@example.com", step), Role: roles[rng.IntN(3)]}
					if rng.IntN(2) == 0 {
						n.Password = goodPassword
					}
					a, err := h.CreateAgent(t.Context(), cli, n)
					if err != nil {
						t.Fatal(err)
					}
					model[a.ID] = a
					ids = append(ids, a.ID)
				case op == 1:
					if err := h.SetPassword(t.Context(), cli, id, nextPassword); err != nil {
						t.Fatal(err)
					}
					a := model[id]
					a.Invited = false
					model[id] = a
				default:
					var c Change
					a := model[id]
					if rng.IntN(2) == 0 {
						a.Role = roles[rng.IntN(3)]
						c.Role = &a.Role
					}
					if rng.IntN(2) == 0 {
						a.Disabled = rng.IntN(2) == 0
						c.Disabled = &a.Disabled
					}
					old := model[id]
					model[id] = a
					var wanted error
					if admins() == 0 {
						model[id] = old
						wanted = ErrLastAdmin
					}
					if _, err := h.UpdateAgent(t.Context(), cli, id, c); !errors.Is(err, wanted) {
						t.Fatalf("step %d: %v, want %v", step, err, wanted)
					}
				}
				list, err := h.Agents()
				if err != nil || len(list) != len(model) {
					t.Fatal(list, err)
				}
				for _, a := range list {
					if m := model[a.ID]; a.Role != m.Role || a.Disabled != m.Disabled || a.Invited != m.Invited {
						t.Fatalf("step %d: %+v, model %+v", step, a, m)
					}
				}
			}
		})
	}
}

// Two admins demote or disable each other at the same moment.
func TestLastAdminRace(t *testing.T) {
	h := newHub(t)
	second := h.create(t, "Second", "second@example.com", RoleAdmin)
	agent, yes := RoleAgent, true
	for range 10 {
		var errs [2]error
		var wg sync.WaitGroup
		wg.Go(func() {
			_, errs[0] = h.UpdateAgent(t.Context(), h.actor(h.admin), second.ID, Change{Role: &agent})
		})
		wg.Go(func() {
			_, errs[1] = h.UpdateAgent(t.Context(), h.actor(second), h.admin.ID, Change{Disabled: &yes})
		})
		wg.Wait()
		if (errs[0] == nil) == (errs[1] == nil) || !errors.Is(errors.Join(errs[:]...), ErrLastAdmin) {
			t.Fatalf("both ways: %v", errs)
		}
		admin, no := RoleAdmin, false
		for _, id := range []uint64{h.admin.ID, second.ID} {
			if _, err := h.UpdateAgent(t.Context(), cli, id, Change{Role: &admin, Disabled: &no}); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// Everything an agent can do at once, while an admin disables him: afterwards
// nothing of it is left open.
func TestDisableRace(t *testing.T) {
	h := newHub(t)
	for range 5 {
		var tokens, secrets []string
		var mu sync.Mutex
		var wg sync.WaitGroup
		for range 4 {
			wg.Go(func() {
				in, err := h.Login(t.Context(), "ann@example.com", goodPassword, laptop)
				if err != nil {
					return
				}
				_, secret, _ := h.CreateKey(t.Context(), in.Identity.Actor(""), "script")
				h.Authenticate(t.Context(), in.Token)
				mu.Lock()
				defer mu.Unlock()
				tokens, secrets = append(tokens, in.Token), append(secrets, secret)
			})
		}
		wg.Go(func() {
			yes := true
			if _, err := h.UpdateAgent(t.Context(), cli, h.ann.ID, Change{Disabled: &yes}); err != nil {
				t.Error(err)
			}
		})
		wg.Wait()
		no := false
		if _, err := h.UpdateAgent(t.Context(), cli, h.ann.ID, Change{Disabled: &no}); err != nil {
			t.Fatal(err)
		}
		h.clock.add(time.Hour)
		for i := range tokens {
			h.signedIn(t, tokens[i], false)
			if _, err := h.AuthenticateKey(t.Context(), secrets[i]); !errors.Is(err, ErrBadKey) {
				t.Errorf("a key outlived its agent: %v", err)
			}
		}
	}
}
