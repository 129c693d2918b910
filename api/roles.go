package api

import (
	"context"
	"errors"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"throughline/auth"
	"throughline/store"
)

const (
	cookieName = "throughline"
	csrfHeader = "X-CSRF-Token"
)

// minRole is the least an operation asks of its caller.
type minRole int

// The roles, each including those before it. Public needs no session; signed
// needs an address that the hub has signed, or else a session.
const (
	public minRole = iota
	signed
	agent
	manager
	admin
)

func (r minRole) String() string {
	return [...]string{"public", "signed", "agent", "manager", "admin"}[r]
}

// caller is who makes a request.
type caller struct {
	auth.Identity
	client auth.Client
	token  string // session token or API key, to ask again whether it still holds
	bearer bool
	tls    bool                // the request came over TLS to this process
	w      http.ResponseWriter // nil if the request has no body
}

// arrived ends the time a request has to arrive in. Left alone it would end the
// work on it too: the server reads on to notice a client that goes away.
func (c *caller) arrived() {
	if c.w == nil {
		return
	}
	_ = http.NewResponseController(c.w).SetReadDeadline(time.Now().Add(answerWait)) // not every listener can
}

func (c *caller) actor() auth.Actor { return c.Identity.Actor(c.client.Address) }

// id is the agent's.
func (c *caller) id() uint64 { return c.Agent.ID }

type callerKey struct{}

// who returns the caller of a request that passed guard. On public operations
// only client is set.
func who(ctx context.Context) *caller {
	c, _ := ctx.Value(callerKey{}).(*caller)
	return c
}

// errNoCSRF and the others are problems of the door itself.
var (
	errNoCSRF    = &problemError{status: http.StatusForbidden, detail: "the request came without the right " + csrfHeader + ": send csrf from GET /api/session with it, or reload the page"}
	errForeign   = &problemError{status: http.StatusForbidden, detail: "the request comes from another site: use the hub from its own address"}
	errNotSigned = &problemError{status: http.StatusForbidden, detail: "this address was not made by the hub or has expired: open the message again"}
	errForbidden = &problemError{status: http.StatusForbidden, detail: "your role does not allow this: ask an admin"}
)

// guard lets pass who may use r. It is the only place that decides so.
func (s *Server) guard(r route) func(huma.Context, func(huma.Context)) {
	return func(ctx huma.Context, next func(huma.Context)) {
		req, w := humago.Unwrap(ctx)
		c := &caller{client: auth.Client{Address: s.clientAddress(req), UserAgent: req.UserAgent()}, tls: req.TLS != nil}
		if req.ContentLength != 0 {
			c.w = w
		}
		safe := req.Method == http.MethodGet || req.Method == http.MethodHead
		if !safe && !s.sameSite(req) {
			s.refuse(ctx, errForeign)
			return
		}
		switch query := req.URL.RawQuery; {
		case r.role == public:
		case r.role == signed && strings.Contains(query, "sig="):
			if !s.signer.holds(req) {
				s.refuse(ctx, errNotSigned)
				return
			}
		default:
			if err := s.authenticate(req, c); err != nil {
				s.refuse(ctx, err)
				return
			}
			if !safe && !c.bearer && !c.CheckCSRF(req.Header.Get(csrfHeader)) {
				s.refuse(ctx, errNoCSRF)
				return
			}
			if !c.Agent.Role.AtLeast(r.role.needs()) || !s.mayAct(c, r.act) {
				s.refuse(ctx, errForbidden)
				return
			}
		}
		next(huma.WithValue(ctx, callerKey{}, c))
	}
}

// mayAct asks the rules of the documents, which administrators edit, for the least
// role of an act, and never lets act who may not see. What cannot be read is refused.
func (s *Server) mayAct(c *caller, act string) bool {
	if act == "" {
		return true
	}
	may := false
	_ = s.hub.Store.View(func(tx *store.Tx) error {
		rules, err := s.docs.Rules(tx)
		if err == nil {
			may = c.Agent.Role.AtLeast(auth.Role(rules.Least(act)))
		}
		return err
	})
	return may
}

// role is that of the agent, as the rules of the documents name it.
func (c *caller) role() string { return string(c.Agent.Role) }

func (r minRole) needs() auth.Role {
	switch r {
	case signed, agent:
		return auth.RoleAgent
	case manager:
		return auth.RoleManager
	}
	return auth.RoleAdmin
}

// authenticate finds out who asks: an API key goes before the cookie.
func (s *Server) authenticate(req *http.Request, c *caller) error {
	if h := req.Header.Get("Authorization"); h != "" {
		scheme, key, ok := strings.Cut(h, " ")
		if !ok || !strings.EqualFold(scheme, "Bearer") {
			return auth.ErrBadKey
		}
		c.token, c.bearer = strings.TrimSpace(key), true
	} else if cookie, err := req.Cookie(cookieName); err == nil {
		c.token = cookie.Value
	} else {
		return auth.ErrSignedOut
	}
	return s.renew(req.Context(), c)
}

// renew asks auth anew whether c's token holds.
func (s *Server) renew(ctx context.Context, c *caller) (err error) {
	if c.bearer {
		c.Identity, err = s.auth.AuthenticateKey(ctx, c.token)
	} else {
		c.Identity, err = s.auth.Authenticate(ctx, c.token)
	}
	return err
}

// refuse answers a request that does not get to its operation.
func (s *Server) refuse(ctx huma.Context, err error) {
	p := s.toProblem(ctx.Context(), err)
	for k, v := range p.headers {
		ctx.SetHeader(k, v)
	}
	_ = huma.WriteErr(s.huma, ctx, p.status, p.detail)
}

// sameSite reports whether a request that changes something comes from the hub's
// own pages or from a program. Browsers say where a request comes from; the
// CSRF token and the cookie's SameSite stand behind this.
func (s *Server) sameSite(req *http.Request) bool {
	switch req.Header.Get("Sec-Fetch-Site") {
	case "same-origin", "none":
		return true
	}
	return s.ownOrigin(req)
}

// ownOrigin compares the Origin header, if any, with where the hub is.
func (s *Server) ownOrigin(req *http.Request) bool {
	origin := req.Header.Get("Origin")
	if origin == "" {
		return true
	}
	if s.public != nil && strings.EqualFold(origin, s.public.Scheme+"://"+s.public.Host) {
		return true
	}
	scheme, host, ok := strings.Cut(origin, "://")
	return ok && (scheme == "http" || scheme == "https") && strings.EqualFold(host, req.Host)
}

// secure reports whether browsers reach the hub over HTTPS, as far as it is
// configured.
func (s *Server) secure() bool { return s.public != nil && s.public.Scheme == "https" }

// clientAddress is the IP address a request comes from. X-Forwarded-For is read
// from its end, as far as the peers are trusted proxies.
func (s *Server) clientAddress(req *http.Request) string {
	addr, err := netip.ParseAddrPort(req.RemoteAddr)
	if err != nil {
		return req.RemoteAddr // not a TCP listener
	}
	ip := addr.Addr().Unmap()
	hops := strings.Split(strings.Join(req.Header.Values("X-Forwarded-For"), ","), ",")
	for i := len(hops) - 1; i >= 0 && s.trusted(ip); i-- {
		hop, err := netip.ParseAddr(strings.TrimSpace(hops[i]))
		if err != nil {
			break
		}
		ip = hop.Unmap()
	}
	return ip.String()
}

func (s *Server) trusted(ip netip.Addr) bool {
	for _, p := range s.o.TrustedProxies {
		if p.Contains(ip) {
			return true
		}
	}
	return false
}

// isSignedOut tells the errors of a token that does not hold any more.
func isSignedOut(err error) bool {
	return errors.Is(err, auth.ErrSignedOut) || errors.Is(err, auth.ErrBadKey)
}
