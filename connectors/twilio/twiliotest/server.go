package twiliotest

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"
)

// Credentials used when Options leaves them empty. They have the vendor's form and open nothing.
const (
	DefaultAccountSID = "AC00000000000000000000000000000001"
	DefaultAuthToken  = "0123456789abcdef0123456789abcdef"
)

// apiVersion is the only version of the REST API that is spoken.
const apiVersion = "2010-04-01"

// maxLog bounds every record the double keeps for the test to look at; the oldest entries go first.
const maxLog = 20000

// Options configure the double. The zero value is an account without numbers.
type Options struct {
	AccountSID string // DefaultAccountSID when empty
	AuthToken  string // signs webhooks and opens the API; DefaultAuthToken when empty
	// APIKeys maps the SID of an API key (SK…) to its secret; such a pair opens the API too, but signs nothing.
	APIKeys map[string]string

	Numbers      []Number
	Services     []Service
	Applications []Application
	Templates    []Template

	// Routes says where a public URL really is: "https://hub.example.org" → "http://127.0.0.1:4000". A webhook is signed
	// over the public URL and carries its Host, and is sent to the local one. URLs without a route are used as they are.
	Routes map[string]string

	// OpenMedia serves media and recordings without authentication, as an account does that has not switched on
	// "HTTP basic authentication for media access".
	OpenMedia bool
	// GeoBlocked lists the prefixes of numbers ("+7") to which messages (21408) and calls (21215) are not permitted.
	GeoBlocked []string
	// FailTo maps a destination to the error code with which messages to it fail after they were accepted, e.g. 30003.
	FailTo map[string]int
	// HoldDelivery leaves messages at "sent" until Deliver or FailMessage is called.
	HoldDelivery bool
	// MaxConcurrent, when above 0, is how many API requests may be under way at once; more are answered 429 (20429).
	MaxConcurrent int

	Now    func() time.Time // for date stamps; time.Now when nil
	Speed  float64          // how many seconds pass in one real second; 1 when 0
	Frozen bool             // lengths of time pass by Advance and Speak only; see the package comment
}

// Server is a running double. All methods may be called from any goroutine.
type Server struct {
	opt  Options
	base string
	cdn  string // the same listener under another host name, so that clients do not pass their credentials on
	http *http.Server
	out  *http.Client
	clk  *clock

	ctx  context.Context // ends with Close
	stop context.CancelFunc
	wg   sync.WaitGroup

	mu      sync.Mutex
	changed chan struct{} // closed and replaced at every change: what Wait sleeps on
	closed  bool

	numbers   []*Number
	services  []*Service
	apps      []*Application
	templates map[string]Template
	routes    map[string]string

	messages    []*Message // oldest first
	messageByID map[string]*Message
	optedOut    map[optOut]bool
	windows     map[[2]string]time.Time // WhatsApp: our sender, their number → last word from them
	sendFree    map[string]time.Duration

	calls       []*Call
	callByID    map[string]*Call
	queues      []*queue
	conferences []*conference
	recordings  []*Recording
	mixing      bool // recordings that end stay "processing"
	onRing      map[string]func(*Call)

	faults    []*Fault
	callbacks CallbackFaults
	blackout  bool
	inFlight  int

	alerts   []Alert
	notes    []string
	requests []Request
	hooks    []Delivery
}

// Start listens on a free port of 127.0.0.1 and serves until Close.
func Start(o Options) (*Server, error) {
	if o.AccountSID == "" {
		o.AccountSID = DefaultAccountSID
	}
	if o.AuthToken == "" {
		o.AuthToken = DefaultAuthToken
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Speed == 0 {
		o.Speed = 1
	}
	if !sidForm(o.AccountSID, "AC") {
		return nil, errors.New("twiliotest: AccountSID must be AC and 32 hexadecimal digits")
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("twiliotest: listen: %w", err)
	}
	ctx, stop := context.WithCancel(context.Background())
	s := &Server{
		opt: o, base: "http://" + ln.Addr().String(), ctx: ctx, stop: stop, changed: make(chan struct{}),
		templates: map[string]Template{}, routes: map[string]string{}, messageByID: map[string]*Message{},
		optedOut: map[optOut]bool{}, windows: map[[2]string]time.Time{}, sendFree: map[string]time.Duration{},
		callByID: map[string]*Call{}, onRing: map[string]func(*Call){},
	}
	_, port, _ := net.SplitHostPort(ln.Addr().String())
	s.cdn = "http://localhost:" + port
	s.clk = newClock(o.Speed, o.Frozen)
	s.out = &http.Client{
		Transport:     &http.Transport{DialContext: (&net.Dialer{}).DialContext, MaxIdleConnsPerHost: 64},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	for k, v := range o.Routes {
		s.routes[strings.TrimSuffix(k, "/")] = strings.TrimSuffix(v, "/")
	}
	for _, n := range o.Numbers {
		s.PutNumber(n)
	}
	for _, v := range o.Services {
		s.PutService(v)
	}
	for _, a := range o.Applications {
		s.PutApplication(a)
	}
	for _, t := range o.Templates {
		s.templates[t.SID] = t
	}
	s.http = &http.Server{Handler: s, ReadHeaderTimeout: 10 * time.Second}
	s.wg.Add(1)
	go func() { defer s.wg.Done(); _ = s.http.Serve(ln) }()
	return s, nil
}

// Close hangs up every call, stops every delivery and the listener, and returns when no goroutine of the double is left.
func (s *Server) Close() {
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	s.stop()
	_ = s.http.Close()
	s.clk.close()
	s.wg.Wait()
	s.out.CloseIdleConnections()
}

// URL returns the base URL of the API, scheme and host without a path: what replaces https://api.twilio.com.
func (s *Server) URL() string { return s.base }

// AccountSID returns the SID of the one account of the double.
func (s *Server) AccountSID() string { return s.opt.AccountSID }

// AuthToken returns the token that opens the API and signs the webhooks.
func (s *Server) AuthToken() string { return s.opt.AuthToken }

// Advance lets d pass at once on the clock of lengths: deliveries, ringing, pauses. It does not touch date stamps.
func (s *Server) Advance(d time.Duration) { s.clk.advance(d) }

// Route says at run time where a public URL prefix really is; see Options.Routes.
func (s *Server) Route(public, local string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.routes[strings.TrimSuffix(public, "/")] = strings.TrimSuffix(local, "/")
}

// Wait returns nil as soon as cond holds, looking again after every change, or the context's error. cond is called
// without a lock held and may use every method of the server.
func (s *Server) Wait(ctx context.Context, cond func() bool) error {
	for {
		s.mu.Lock()
		ch := s.changed
		s.mu.Unlock()
		if cond() {
			return nil
		}
		select {
		case <-ch:
		case <-ctx.Done():
			return ctx.Err()
		case <-s.ctx.Done():
			return errors.New("twiliotest: the server is closed")
		}
	}
}

// touch wakes everybody who waits; the caller holds mu.
func (s *Server) touch() {
	close(s.changed)
	s.changed = make(chan struct{})
}

// update runs f under the lock and wakes everybody who waits.
func (s *Server) update(f func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f()
	s.touch()
}

// spawn runs f in a goroutine that Close waits for; after Close it does nothing.
func (s *Server) spawn(f func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.spawnLocked(f)
}

// newSID makes an identifier of the vendor's form: two letters and 32 hexadecimal digits.
func newSID(prefix string) string {
	var b [16]byte
	_, _ = rand.Read(b[:])
	return prefix + hex.EncodeToString(b[:])
}

func sidForm(s string, prefixes ...string) bool {
	if len(s) != 34 {
		return false
	}
	if _, err := hex.DecodeString(strings.ToLower(s[2:])); err != nil {
		return false
	}
	for _, p := range prefixes {
		if s[:2] == p {
			return true
		}
	}
	return false
}

// keep appends to a bounded record.
func keep[T any](list []T, v T) []T {
	if len(list) >= maxLog {
		list = append(list[:0:0], list[len(list)-maxLog/2:]...)
	}
	return append(list, v)
}

// spawnLocked is spawn for a caller that holds mu.
func (s *Server) spawnLocked(f func()) {
	if s.closed {
		return
	}
	s.wg.Add(1)
	go func() { defer s.wg.Done(); f() }()
}
