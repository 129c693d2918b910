package api

import "github.com/danielgtaylor/huma/v2"

// minRole is the least an operation asks of its caller.
type minRole int

// The roles, each including those before it. Public needs no session.
const (
	public minRole = iota
	agent
	manager
	admin
)

func (r minRole) String() string {
	return [...]string{"public", "agent", "manager", "admin"}[r]
}

func (s *Server) guard(r route) func(ctx huma.Context, next func(huma.Context)) {
	return func(ctx huma.Context, next func(huma.Context)) { next(ctx) }
}
