// Package api is the hub's HTTP interface: JSON operations described by an
// OpenAPI 3.1 document, the live stream over a websocket, files and message
// bodies, the web app's files, health and metrics. The web app is its first
// client and has no private door.
//
// The package keeps nothing on disk and no truth in memory: presence and typing
// are all it remembers, and they may be lost. It never decides what happens to a
// conversation, an account or a customer (packages inbox, accounts and identity
// do), it only decides who may ask.
package api

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/http"
	"net/netip"
	"net/url"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"throughline/auth"
	"throughline/connectors"
	"throughline/documents"
	"throughline/inbox"
	"throughline/notify"
	"throughline/people"
)

// DefaultUploadBytes is the largest file that can be uploaded unless set
// otherwise.
const DefaultUploadBytes = 25 << 20

// Options for New. Hub, Auth, Documents, Notify and People are needed; the zero value of the
// others is right for a hub on this machine.
type Options struct {
	Hub       *inbox.Hub
	Auth      *auth.Auth
	Documents *documents.Library
	Notify    *notify.Notify
	People    *people.People
	Kinds     []connectors.Kind // what accounts can be of
	UI        fs.FS             // the web app, with index.html at its top; nil serves none

	PublicURL      string         // scheme://host[:port] as browsers see the hub; "" takes each request's Host
	TrustedProxies []netip.Prefix // peers whose X-Forwarded-For is believed
	UploadBytes    int64          // largest uploaded file
	Undo           time.Duration  // how long a sent message can be taken back, for clients to show
	Metrics        Metrics
	Version        string
	Demo           bool
	Log            *slog.Logger
	Now            func() time.Time // nil means time.Now
}

// Metrics says who may read /metrics; with neither set it answers nobody.
type Metrics struct {
	Public bool
	Token  string // for "Authorization: Bearer TOKEN"
}

// Server answers HTTP requests.
type Server struct {
	o        Options
	log      *slog.Logger
	now      func() time.Time
	hub      *inbox.Hub
	auth     *auth.Auth
	docs     *documents.Library
	notify   *notify.Notify
	people   *people.People
	public   *url.URL // of PublicURL, nil if not set
	huma     huma.API
	routes   []route
	openapi  []byte
	handler  http.Handler
	images   *imageProxy
	signer   *signer
	linkPace *linkPace
	metrics  *metrics
	lives    *lives
}

// New makes a server. Run must be started too.
func New(o Options) (*Server, error) {
	if o.Hub == nil || o.Auth == nil || o.Documents == nil || o.Notify == nil || o.People == nil {
		return nil, errors.New("api: a server needs a hub, auth, documents, notices and people")
	}
	s, mux, err := build(o)
	if err != nil {
		return nil, err
	}
	if s.signer.secret, err = o.Auth.Secret(context.Background(), "signed addresses"); err != nil {
		return nil, fmt.Errorf("api: %w", err)
	}
	s.handler = s.outer(mux)
	return s, nil
}

// Document returns the OpenAPI 3.1 document of all operations, as /openapi.json
// serves it.
func Document(version string) ([]byte, error) {
	s, _, err := build(Options{Version: version})
	if err != nil {
		return nil, err
	}
	return s.openapi, nil
}

// build registers everything; it does without a hub, so that the document can be
// written without one.
func build(o Options) (*Server, *http.ServeMux, error) {
	s := &Server{o: o, log: o.Log, now: o.Now, hub: o.Hub, auth: o.Auth, docs: o.Documents, notify: o.Notify, people: o.People}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	if s.now == nil {
		s.now = time.Now
	}
	if s.o.UploadBytes == 0 {
		s.o.UploadBytes = DefaultUploadBytes
	}
	if o.PublicURL != "" {
		u, err := url.Parse(o.PublicURL)
		if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
			return nil, nil, fmt.Errorf("api: public URL %q: write it like https://hub.example.org", o.PublicURL)
		}
		s.public = u
	}
	s.images, s.signer = newImageProxy(), &signer{now: s.now}
	s.lives, s.linkPace = newLives(s), &linkPace{now: s.now}
	mux := http.NewServeMux()
	s.huma = newHuma(mux, o.Version)
	s.register()
	s.openapi = s.document()
	s.metrics = newMetrics(s)
	if err := s.plainRoutes(mux); err != nil {
		return nil, nil, err
	}
	return s, mux, nil
}

// Handler answers all requests.
func (s *Server) Handler() http.Handler { return s.handler }

// Run feeds the live streams until ctx ends, then closes them. Requests are
// answered without it, only nothing moves on the screens.
func (s *Server) Run(ctx context.Context) error { return s.lives.run(ctx) }
