package auth

import (
	"errors"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"throughline/store"
	"throughline/store/storetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// cheap makes hashing take no time; TestDefaultCost uses the real cost.
var cheap = cost{memory: 64, time: 1, threads: 1}

// clock is the time of a hub under test.
type clock struct {
	mu sync.Mutex
	t  time.Time
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.t
}

func (c *clock) add(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.t = c.t.Add(d)
}

// hub is an Auth with its clock and the three people most tests need.
type hub struct {
	*Auth
	clock           *clock
	admin, mgr, ann Agent
}

const (
	goodPassword = "seven green kettles"
	nextPassword = "eight amber lanterns"
)

var (
	cli    = Actor{Address: "command line"}
	laptop = Client{Address: "203.0.113.7", UserAgent: "Testing/1.0"}
	phone  = Client{Address: "198.51.100.20", UserAgent: "Testing/2.0"}
)

func empty(t testing.TB) *hub {
	t.Helper()
	c := &clock{t: time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)}
	s := storetest.OpenOptions(t, filepath.Join(t.TempDir(), "store.db"), store.Options{Now: c.now})
	return &hub{Auth: New(s, Options{Now: c.now, cost: cheap}), clock: c}
}

func newHub(t testing.TB) *hub {
	t.Helper()
	h := empty(t)
	h.admin = h.create(t, "Ada Admin", "ada@example.com", RoleAdmin)
	h.mgr = h.create(t, "Mo Manager", "mo@example.com", RoleManager)
	h.ann = h.create(t, "Ann Agent", "ann@example.com", RoleAgent)
	return h
}

func (h *hub) create(t testing.TB, name, email string, role Role) Agent {
	t.Helper()
	a, err := h.CreateAgent(t.Context(), cli, NewAgent{Name: name, Email: email, Role: role, Password: goodPassword})
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func (h *hub) login(t testing.TB, email, password string, c Client) SignedIn {
	t.Helper()
	in, err := h.Login(t.Context(), email, password, c)
	if err != nil {
		t.Fatalf("Login(%s) = %v", email, err)
	}
	return in
}

// signedIn checks that a session token is good, or that it is not.
func (h *hub) signedIn(t testing.TB, token string, want bool) {
	t.Helper()
	_, err := h.Authenticate(t.Context(), token)
	if want && err != nil || !want && !errors.Is(err, ErrSignedOut) {
		t.Errorf("Authenticate = %v, want signed in: %v", err, want)
	}
}

// kinds lists the audit log, newest first.
func (h *hub) kinds(t testing.TB) []string {
	t.Helper()
	page, _, err := h.AuditLog(0, AuditPage)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, e := range page {
		out = append(out, e.Kind)
	}
	return out
}

// want reports an error that is not the one expected.
func want(t testing.TB, what string, got, wanted error) {
	t.Helper()
	if !errors.Is(got, wanted) {
		t.Errorf("%s = %v, want %v", what, got, wanted)
	}
}
