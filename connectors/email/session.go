package email

import (
	"context"
	"errors"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapclient"
	"github.com/emersion/go-sasl"

	"throughline/connectors"
)

// session is one logged-in IMAP connection. It is used by one goroutine; a
// cancelled ctx closes the connection under it.
type session struct {
	c      *imapclient.Client
	conn   *watchConn
	limit  time.Duration
	caps   imap.CapSet
	wake   chan struct{} // holds a token when the selected folder may have grown
	idle   *idleEnd
	unhook func() bool
	dead   bool

	bodyFirst bool // the server sends bodies before UIDs

	folder   string // selected one, "" for none
	validity uint32
	next     imap.UID // UIDNEXT at the last look, 0 unknown
	count    uint32
}

// openSession connects and logs in. It reports each step to done.
func (c *Connector) openSession(ctx context.Context, done step) (*session, error) {
	conn, watch, err := c.dial(ctx, "imap", c.set.imap, done)
	if err != nil {
		return nil, err
	}
	conn = &lineGuard{Conn: conn}
	s := &session{conn: watch, limit: c.limits.silence, wake: make(chan struct{}, 1), idle: &idleEnd{ended: make(chan struct{}, 1)}}
	s.unhook = context.AfterFunc(ctx, func() { watch.Conn.Close() })
	options := &imapclient.Options{
		TLSConfig:   c.set.tlsConfig(c.set.imap.host),
		DebugWriter: s.idle, // sees what goes over the line; keeps nothing
		UnilateralDataHandler: &imapclient.UnilateralDataHandler{
			Mailbox: func(d *imapclient.UnilateralDataMailbox) {
				if d.NumMessages != nil {
					select {
					case s.wake <- struct{}{}:
					default:
					}
				}
			},
		},
	}
	watch.arm(c.limits.silence)
	defer watch.disarm()
	if c.set.imap.security == securityStartTLS {
		s.c, err = imapclient.NewStartTLS(conn, options)
		done("imap: tls", err)
		if err != nil {
			s.unhook()
			var no *imap.Error
			if errors.As(err, &no) {
				return nil, &connectors.SendError{Class: connectors.AccountFault, Reason: "the server refuses STARTTLS; choose tls, or another port", Err: err}
			}
			return nil, c.lost(ctx, watch, tlsError(c.set.imap.host, err))
		}
	} else {
		s.c = imapclient.New(conn, options)
	}
	if err = s.c.WaitGreeting(); err == nil {
		err = c.logIn(ctx, s)
	}
	if err == nil {
		// Asked for again after the login: what is offered before and after
		// differs, and the answer to LOGIN need not tell.
		s.caps, err = s.c.Capability().Wait()
	}
	if err != nil {
		err = c.lost(ctx, watch, err)
	}
	done("imap: log in", err)
	if err != nil {
		s.close()
		return nil, err
	}
	return s, nil
}

// logIn authenticates. A cached access token that is refused is replaced once.
func (c *Connector) logIn(ctx context.Context, s *session) error {
	if s.c.State() != imap.ConnStateNotAuthenticated {
		return nil // PREAUTH
	}
	set, caps := c.set.imap, s.c.Caps()
	var err error
	switch set.auth {
	case authPassword, authLogin:
		if set.auth == authPassword && caps.Has(imap.AuthCap("PLAIN")) {
			err = s.c.Authenticate(sasl.NewPlainClient("", set.user, set.password))
		} else if caps.Has(imap.CapLoginDisabled) {
			return &connectors.SendError{Class: connectors.AccountFault, Reason: "the server takes no password on this connection; choose tls or starttls, or another login"}
		} else {
			err = s.c.Login(set.user, set.password).Wait()
		}
	case authPlain:
		err = s.c.Authenticate(sasl.NewPlainClient("", set.user, set.password))
	default:
		var token string
		if token, err = c.tokens.get(ctx, false); err != nil {
			return err
		}
		err = s.c.Authenticate(bearer{mech: set.auth, user: set.user, token: token, host: set.host, port: set.port})
		var refused *errTokenRefused
		if errors.As(err, &refused) || isAuthFailure(err) {
			c.tokens.forget(token)
		}
		if errors.As(err, &refused) {
			return &connectors.SendError{Class: c.tokenClass(), Reason: "log in: " + refused.Error(), Err: err}
		}
	}
	if err == nil {
		c.refusedTokens.Store(0)
		return nil
	}
	if isAuthFailure(err) {
		if isOAuth(set.auth) {
			return &connectors.SendError{Class: c.tokenClass(), Reason: "the server refuses the access token: " + c.words(err), Err: err}
		}
		return &connectors.SendError{Class: connectors.AccountFault, Reason: "the server refuses user name or password: " + c.words(err), Err: err}
	}
	return err
}

// tokenClass lets the first refused token be retried, since a token can die
// before its time; the second, which was fresh, needs a person.
func (c *Connector) tokenClass() connectors.Class {
	if c.refusedTokens.Add(1) <= 1 {
		return connectors.Retry
	}
	return connectors.AccountFault
}

// transient matches refusals that are about the moment and not about the
// password.
var transient = regexp.MustCompile(`(?i)temporar|try again|unavailable|throttl|too many|later|timeout|timed out|internal|overload|busy|maintenance|not connected`)

// isAuthFailure reports that a server named the credentials as the reason.
// Servers without response codes (RFC 5530) are judged by their words.
func isAuthFailure(err error) bool {
	var e *imap.Error
	if !errors.As(err, &e) {
		return false
	}
	switch e.Code {
	case imap.ResponseCodeAuthenticationFailed, imap.ResponseCodeAuthorizationFailed, imap.ResponseCodeExpired, imap.ResponseCodePrivacyRequired:
		return true
	case "":
		return e.Type == imap.StatusResponseTypeNo && !transient.MatchString(e.Text)
	}
	return false
}

// words are a server's words without secrets, for people.
func (c *Connector) words(err error) string {
	text := err.Error()
	var e *imap.Error
	if errors.As(err, &e) {
		text = e.Text
		if text == "" {
			text = string(e.Type)
		}
		if e.Code != "" {
			text += " [" + string(e.Code) + "]"
		}
	}
	return c.safe(text)
}

func (c *Connector) safe(s string) string {
	return oneLine(redact(s, slices.Concat(c.set.secrets(), c.tokens.current())...))
}

var backoffHint = regexp.MustCompile(`(?i)backoff time: *(\d+) *milliseconds`)

// throttled returns the pause that a server asks for (Microsoft's wording).
func throttled(err error) (time.Duration, bool) {
	if err == nil {
		return 0, false
	}
	m := backoffHint.FindStringSubmatch(err.Error())
	if m == nil {
		return 0, false
	}
	ms, err := strconv.ParseInt(m[1], 10, 64)
	if err != nil || ms > int64(time.Hour/time.Millisecond) {
		return time.Hour, true
	}
	return time.Duration(ms) * time.Millisecond, true
}

// lost turns an error of an IMAP connection into what the supervisor needs: the
// server's words, a wish to wait, or that it fell silent.
func (c *Connector) lost(ctx context.Context, w *watchConn, err error) error {
	var se *connectors.SendError
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return ctx.Err()
	case w.cut.Load():
		return &connectors.SendError{Class: connectors.Retry, Reason: "the server has gone silent", Err: err}
	case errors.As(err, &se):
		return err
	}
	if after, ok := throttled(err); ok {
		return &connectors.SendError{Class: connectors.Retry, Reason: "the server asks to wait: " + c.words(err), After: after, Err: err}
	}
	var e *imap.Error
	if errors.As(err, &e) {
		return &connectors.SendError{Class: connectors.Retry, Reason: "the server answers: " + c.words(err), Code: string(e.Type), Err: err}
	}
	return &connectors.SendError{Class: connectors.Retry, Reason: "the connection broke: " + c.safe(plainCause(err)), Err: err}
}

// do watches over one transfer: as long as bytes move it may take its time. Any
// failure that is not an answer ends the session.
func (s *session) do(exchange func() error) error {
	s.conn.arm(s.limit)
	return s.settle(exchange())
}

// ask watches over a command with a short answer. Other news do not prolong it:
// a server that is in IDLE and did not hear DONE goes on saying "still here".
func (s *session) ask(exchange func() error) error {
	s.conn.armStrict(s.limit)
	return s.settle(exchange())
}

func (s *session) settle(err error) error {
	s.conn.disarm()
	var answer *imap.Error
	if err != nil && !errors.As(err, &answer) {
		s.dead = true
	}
	return err
}

// alive tells whether the session can go on. The client library notices a
// broken connection a moment later than the command that it broke.
func (s *session) alive() bool {
	select {
	case <-s.c.Closed():
		return false
	default:
		return !s.dead
	}
}

// open selects a folder; read-only where nothing is to change on the server.
func (s *session) open(folder string, readOnly bool) error {
	s.drainWake()
	var d *imap.SelectData
	err := s.do(func() (err error) {
		d, err = s.c.Select(folder, &imap.SelectOptions{ReadOnly: readOnly}).Wait()
		return err
	})
	if err != nil {
		s.folder = ""
		return err
	}
	s.folder, s.validity, s.next, s.count = folder, d.UIDValidity, d.UIDNext, d.NumMessages
	return nil
}

func (s *session) drainWake() {
	select {
	case <-s.wake:
	default:
	}
}

func (s *session) status(folder string) (*imap.StatusData, error) {
	var d *imap.StatusData
	err := s.ask(func() (err error) {
		d, err = s.c.Status(folder, &imap.StatusOptions{UIDNext: true, UIDValidity: true, NumMessages: true}).Wait()
		return err
	})
	return d, err
}

// search lists which of uids still exist, ascending.
func (s *session) search(uids imap.UIDSet) ([]imap.UID, error) {
	var found []imap.UID
	err := s.do(func() error {
		d, err := s.c.UIDSearch(&imap.SearchCriteria{UID: []imap.UIDSet{uids}}, nil).Wait()
		if err == nil {
			found = d.AllUIDs()
		}
		return err
	})
	slices.Sort(found)
	return found, err
}

// close ends the connection without ceremony; a polite LOGOUT could hang.
func (s *session) close() {
	s.unhook()
	s.conn.disarm()
	s.conn.Conn.Close()
	s.c.Close()
}

// missing reports that a server says a folder does not exist.
func missing(err error) bool {
	var e *imap.Error
	return errors.As(err, &e) && e.Type == imap.StatusResponseTypeNo &&
		(e.Code == imap.ResponseCodeNonExistent || e.Code == "" && strings.Contains(strings.ToLower(e.Text), "exist"))
}
