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
	"net/http"

	"github.com/danielgtaylor/huma/v2"
)

// Options for New.
type Options struct {
	Version string
}

// Server answers HTTP requests.
type Server struct {
	o       Options
	mux     *http.ServeMux
	huma    huma.API
	routes  []route
	openapi []byte
}

// New makes a server.
func New(o Options) *Server {
	s := &Server{o: o, mux: http.NewServeMux()}
	s.huma = newHuma(s.mux, o.Version)
	s.register()
	s.openapi = s.document()
	return s
}
