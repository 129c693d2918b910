package api

import (
	"context"
	"errors"
	"net/http"
	"strconv"

	"throughline/auth"
)

type sessionOut struct {
	SetCookie string `header:"Set-Cookie"`
	Body      Session
}

type cookieOut struct {
	SetCookie string `header:"Set-Cookie"`
}

type tokenIn struct {
	Token string `path:"token" maxLength:"200"`
}

type tokenBody struct {
	Token string `path:"token" maxLength:"200"`
	Body  InvitationAnswer
}

func (s *Server) getSetup(ctx context.Context, _ *none) (*out[SetupState], error) {
	needed, err := s.auth.SetupNeeded()
	return &out[SetupState]{SetupState{Needed: needed}}, err
}

func (s *Server) setup(ctx context.Context, i *in[SetupRequest]) (*sessionOut, error) {
	in, err := s.auth.Setup(ctx, i.Body.Token, i.Body.Name, i.Body.Email, i.Body.Password, who(ctx).client)
	return s.signedIn(ctx, in, err)
}

func (s *Server) login(ctx context.Context, i *in[LoginRequest]) (*sessionOut, error) {
	in, err := s.auth.Login(ctx, i.Body.Email, i.Body.Password, who(ctx).client)
	return s.signedIn(ctx, in, err)
}

func (s *Server) loginByLink(ctx context.Context, i *in[TokenRequest]) (*sessionOut, error) {
	in, err := s.auth.Enter(ctx, i.Body.Token, who(ctx).client)
	return s.signedIn(ctx, in, err)
}

func (s *Server) getInvitation(ctx context.Context, i *tokenIn) (*out[Invited], error) {
	a, err := s.auth.Invitation(i.Token)
	return &out[Invited]{Invited{Name: a.Name, Email: a.Email}}, err
}

func (s *Server) acceptInvitation(ctx context.Context, i *tokenBody) (*sessionOut, error) {
	in, err := s.auth.AcceptInvitation(ctx, i.Token, i.Body.Name, i.Body.Password, who(ctx).client)
	if err == nil {
		s.lives.recheck(in.Identity.Agent.ID) // older sessions have ended
	}
	return s.signedIn(ctx, in, err)
}

// signedIn answers a successful sign-in with the cookie.
func (s *Server) signedIn(ctx context.Context, in auth.SignedIn, err error) (*sessionOut, error) {
	if err != nil {
		return nil, err
	}
	return &sessionOut{SetCookie: s.cookie(ctx, in.Token, int(auth.SessionLife.Seconds())), Body: s.session(in.Identity)}, nil
}

// cookie carries a session. A negative age takes it away.
func (s *Server) cookie(ctx context.Context, token string, age int) string {
	c := http.Cookie{Name: cookieName, Value: token, Path: "/", MaxAge: age, HttpOnly: true, Secure: s.secure() || who(ctx).tls, SameSite: http.SameSiteLaxMode}
	return c.String()
}

func (s *Server) session(id auth.Identity) Session {
	return Session{
		Agent: toAgent(id.Agent), Preferences: Preferences(id.Agent.Preferences), CSRF: id.CSRF,
		UndoSeconds: int(s.o.Undo.Seconds()), Version: s.o.Version, Demo: s.o.Demo,
	}
}

func (s *Server) getSession(ctx context.Context, _ *none) (*out[Session], error) {
	return &out[Session]{s.session(who(ctx).Identity)}, nil
}

func (s *Server) logout(ctx context.Context, _ *none) (*cookieOut, error) {
	c := who(ctx)
	if c.bearer {
		return nil, &problemError{status: 409, detail: "an API key has no session to end: revoke the key instead"}
	}
	if err := s.auth.EndSession(ctx, c.actor(), c.Session.ID); err != nil && !errors.Is(err, auth.ErrNotFound) {
		return nil, err
	}
	s.lives.recheck(c.id())
	return &cookieOut{SetCookie: s.cookie(ctx, "", -1)}, nil
}

func (s *Server) listSessions(ctx context.Context, _ *none) (*out[LoginSessions], error) {
	c := who(ctx)
	list, err := s.auth.Sessions(c.id())
	o := &out[LoginSessions]{LoginSessions{Sessions: make([]LoginSession, 0, len(list))}}
	for _, l := range list {
		o.Body.Sessions = append(o.Body.Sessions, LoginSession{
			ID: strconv.FormatUint(l.ID, 10), Current: l.ID == c.Session.ID,
			Created: l.Created, LastSeen: l.LastSeen, Address: l.Address, UserAgent: l.UserAgent,
		})
	}
	return o, err
}

func (s *Server) endSession(ctx context.Context, i *nameIn) (*none, error) {
	id, err := strconv.ParseUint(i.ID, 10, 64)
	if err != nil {
		return nil, auth.ErrNotFound
	}
	c := who(ctx)
	if err := s.auth.EndSession(ctx, c.actor(), id); err != nil {
		return nil, err
	}
	s.lives.recheck(c.id())
	return &none{}, nil
}

func (s *Server) changeMe(ctx context.Context, i *in[MeChange]) (*out[Session], error) {
	c := who(ctx)
	id := c.Identity
	if i.Body.Name != nil {
		a, err := s.auth.UpdateAgent(ctx, c.actor(), c.id(), auth.Change{Name: i.Body.Name})
		if err != nil {
			return nil, err
		}
		id.Agent = a
	}
	if i.Body.Preferences != nil {
		a, err := s.auth.SetPreferences(ctx, c.id(), auth.Preferences(*i.Body.Preferences))
		if err != nil {
			return nil, err
		}
		id.Agent = a
	}
	return &out[Session]{s.session(id)}, nil
}

func (s *Server) changePassword(ctx context.Context, i *in[PasswordChange]) (*none, error) {
	c := who(ctx)
	if err := s.auth.ChangePassword(ctx, c.Identity, c.client.Address, i.Body.Old, i.Body.New); err != nil {
		return nil, err
	}
	s.lives.recheck(c.id())
	return &none{}, nil
}
