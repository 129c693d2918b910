package slacktest

import (
	"cmp"
	"context"
	"errors"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
)

// Options say how Slack is to be. The zero value is a workspace "Example" with
// an app that has every scope and hears every event by Socket Mode, with Slack's
// own times.
type Options struct {
	TeamName, TeamDomain string // of the workspace the app is installed in
	AppName              string // name of the app and of its bot user

	BotToken, AppToken, SigningSecret string // made up when empty

	Scopes []string // of the bot token; nil: [AllScopes]
	Events []string // subscribed event types ("message.im", "team_join"); nil: all that are known

	Now func() time.Time // nil: time.Now

	AckTimeout    time.Duration   // for the answer to an event; 0: 3 s
	RetryDelays   []time.Duration // before the 1st, 2nd and 3rd retry; nil: at once, 1 min, 5 min
	PingInterval  time.Duration   // of a socket; 0: 10 s
	CloseGrace    time.Duration   // between a socket's "disconnect" and its end; 0: 10 s
	ConnectionAge time.Duration   // after which a socket is told to reconnect; 0: never
	DisableAfter  int             // deliveries an hour from which failing switches HTTP events off; 0: 1000

	Minute    time.Duration // length of the minute of the rate limits; 0: a minute
	Unlimited bool          // no rate limits but those a test asks for

	// HistoryFromOldest makes conversations.history start with the page nearest to
	// oldest when latest is not given. Slack has documented and done both, so a
	// client has to be right with either.
	HistoryFromOldest bool
}

// Server is a running Slack.
type Server struct {
	URL string // "http://127.0.0.1:port"; a client's API address is URL + "/api/"

	BotToken, AppToken, SigningSecret string
	VerificationToken                 string // the "token" of every delivered payload

	opt     Options
	methods map[string]method
	http    *http.Server
	client  *http.Client
	ctx     context.Context
	stop    context.CancelFunc
	work    sync.WaitGroup

	mu sync.Mutex // everything below
	*workspace
	api     apiState
	out     delivery
	sockets socketState
	changed chan struct{} // closed and replaced whenever something a test may wait for happens
	odd     []string      // violations
}

// AllScopes are the scopes of a bot token that this double knows.
func AllScopes() []string {
	return []string{
		"app_mentions:read", "channels:history", "channels:join", "channels:manage", "channels:read", "chat:write",
		"chat:write.customize", "chat:write.public", "emoji:read", "files:read", "files:write", "groups:history", "groups:read",
		"groups:write", "im:history", "im:read", "im:write", "mpim:history", "mpim:read", "mpim:write", "reactions:read",
		"reactions:write", "team:read", "users:read", "users:read.email",
	}
}

// Start begins to listen on a free port of 127.0.0.1.
func Start(o Options) (*Server, error) {
	o.TeamName, o.TeamDomain = cmp.Or(o.TeamName, "Example"), cmp.Or(o.TeamDomain, "example")
	o.AppName = cmp.Or(o.AppName, "throughline")
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Scopes == nil {
		o.Scopes = AllScopes()
	}
	if o.RetryDelays == nil {
		o.RetryDelays = []time.Duration{0, time.Minute, 5 * time.Minute}
	}
	o.AckTimeout, o.PingInterval = cmp.Or(o.AckTimeout, ackTimeout), cmp.Or(o.PingInterval, 10*time.Second)
	o.CloseGrace, o.Minute = cmp.Or(o.CloseGrace, 10*time.Second), cmp.Or(o.Minute, time.Minute)
	o.DisableAfter = cmp.Or(o.DisableAfter, 1000)

	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	s := &Server{
		URL: "http://" + l.Addr().String(), opt: o, methods: methods(), changed: make(chan struct{}),
		BotToken:          cmp.Or(o.BotToken, "xoxb-100000000001-200000000002-"+secret(24)),
		AppToken:          cmp.Or(o.AppToken, "xapp-1-A0000000001-300000000003-"+secret(64)),
		SigningSecret:     cmp.Or(o.SigningSecret, secret(32)),
		VerificationToken: secret(24),
	}
	s.ctx, s.stop = context.WithCancel(context.Background())
	s.client = deliverer()
	s.workspace = newWorkspace(s.URL, o)
	for _, u := range s.users {
		u.srv = s
	}
	s.api = apiState{limits: map[string]*bucket{}, uploads: map[string]*File{}}
	s.out = delivery{queues: map[string][]*outgoing{}}
	s.sockets = socketState{tickets: map[string]time.Time{}}
	s.http = &http.Server{Handler: s.routes(), ReadHeaderTimeout: 10 * time.Second}
	s.work.Go(func() {
		if err := s.http.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			s.violation("the listener ended: %v", err)
		}
	})
	return s, nil
}

// Close ends every connection and every delivery that still waits.
func (s *Server) Close() {
	s.mu.Lock() // nothing new begins after this
	s.stop()
	s.mu.Unlock()
	s.http.Close() // a second close of the listener has nothing to say
	s.CutSockets()
	s.work.Wait()
	s.client.CloseIdleConnections()
}

// API is the address that clients call the Web API of: slack.OptionAPIURL of
// slack-go, slackApiUrl of the npm clients.
func (s *Server) API() string { return s.URL + "/api/" }

func (s *Server) routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("/api/{method}", s.serveAPI)
	mux.HandleFunc("GET /link/", s.serveSocket)
	mux.HandleFunc("POST /upload/v1/{key}", s.serveUpload)
	mux.HandleFunc("GET /files-pri/{key}/{name}", s.serveFile)
	mux.HandleFunc("GET /files-pri/{key}/download/{name}", s.serveFile)
	mux.HandleFunc("POST /actions/{key}", s.serveResponseURL)
	mux.HandleFunc("GET /avatars/{name}", s.serveAvatar)
	mux.HandleFunc("GET /archives/{channel}/{message}", s.serveArchive)
	mux.HandleFunc("GET /archives/{channel}", s.servePage)
	mux.HandleFunc("GET /{$}", serveLogin)
	return mux
}

// Changed returns a channel that is closed when something happens that can be
// read here: a call, a post, a delivery, a socket that opens or closes. Take it
// first, look, then wait for it.
func (s *Server) Changed() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.changed
}

// WaitFor waits until ok reports true, looking again after every change.
func (s *Server) WaitFor(ctx context.Context, ok func() bool) error {
	for {
		changed := s.Changed()
		if ok() {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// touch tells those who wait; the lock is held.
func (s *Server) touch() {
	close(s.changed)
	s.changed = make(chan struct{})
}

// Violations are what a client did that Slack lets pass but should not happen.
func (s *Server) Violations() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.odd)
}

// scopes of the bot token, as in the headers and errors of Slack.
func (s *Server) provided() string { return strings.Join(s.opt.Scopes, ",") }

func (s *Server) hasScope(scope string) bool { return slices.Contains(s.opt.Scopes, scope) }

// SetScopes replaces the scopes of the bot token, as a new installation does.
func (s *Server) SetScopes(scopes ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.opt.Scopes = slices.Clone(scopes)
}
