package mailtest

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"log"
	"net"
	"sync"
	"time"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"
)

// Mail is what an SMTP server got.
type Mail struct {
	From string
	To   []string
	Data []byte // as after the removal of doubled dots; nil with Discard
	Size int64
	UTF8 bool
	Auth string // the user that had logged in, "" for nobody
}

// SMTP is an SMTP server in the process that keeps what it gets. The hooks may
// be set before the first mail or through Script; an error of type
// *smtp.SMTPError is sent as it is.
type SMTP struct {
	Port int

	o    SMTPOptions
	srv  *smtp.Server
	ln   net.Listener
	done chan struct{}

	mu     sync.Mutex
	cond   *sync.Cond
	script Script
	mails  []Mail
	conns  int
	tokens map[string]bool
}

// Script is how an SMTP server behaves; the zero value takes everything.
type Script struct {
	OnMail func(from string) error
	OnRcpt func(to string) error
	OnData func(m Mail) error // after the final dot; an error rejects the mail, but see ErrDrop
	// DropAfterData breaks the connection after the final dot instead of
	// answering; the mail is kept.
	DropAfterData bool
}

// ErrDrop is for OnData: it does for one mail what DropAfterData does for all.
var ErrDrop = errors.New("break the connection")

// SMTPOptions are the choices for StartSMTP.
type SMTPOptions struct {
	User, Password string      // "" offers no login
	Addr           string      // "" means a free port of 127.0.0.1
	TLS            *tls.Config // offers STARTTLS
	Implicit       bool        // TLS from the first byte
	MaxSize        int64       // SIZE, 0 for no limit
	UTF8           bool        // offers SMTPUTF8
	Discard        bool        // do not keep the data
	OnMessage      func(Mail)  // called for each mail taken, one at a time
}

// StartSMTP starts a server.
func StartSMTP(o SMTPOptions) (*SMTP, error) {
	s := &SMTP{o: o, done: make(chan struct{}), tokens: map[string]bool{}}
	s.cond = sync.NewCond(&s.mu)
	s.srv = smtp.NewServer(smtp.BackendFunc(func(c *smtp.Conn) (smtp.Session, error) {
		s.mu.Lock()
		s.conns++
		s.mu.Unlock()
		sess := &smtpSession{s: s, c: c}
		if o.User == "" {
			return sess, nil
		}
		return &smtpAuthSession{sess}, nil
	}))
	s.srv.Domain, s.srv.AllowInsecureAuth, s.srv.TLSConfig = "localhost", true, o.TLS
	s.srv.MaxMessageBytes, s.srv.EnableSMTPUTF8 = o.MaxSize, o.UTF8
	s.srv.ErrorLog = log.New(io.Discard, "", 0)
	ln, port, err := listen(o.Addr, o.TLS, o.Implicit)
	if err != nil {
		return nil, err
	}
	s.Port, s.ln = port, ln
	go func() {
		defer close(s.done)
		_ = s.srv.Serve(ln) // ends with Close
	}()
	return s, nil
}

// Close ends the server and its connections.
func (s *SMTP) Close() error {
	err := s.srv.Close()
	_ = s.ln.Close() // Close does not know of it before Serve has begun
	<-s.done
	return err
}

// Script changes how the server behaves from now on.
func (s *SMTP) Script(sc Script) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.script = sc
}

func (s *SMTP) current() Script {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.script
}

// AcceptToken makes the server take a bearer token, or no longer.
func (s *SMTP) AcceptToken(token string, on bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tokens[token] = on
}

// Mails returns what was taken so far, in order.
func (s *SMTP) Mails() []Mail {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Mail(nil), s.mails...)
}

// Conns counts the connections made so far.
func (s *SMTP) Conns() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.conns
}

// Wait returns once n mails were taken, or with the error of ctx.
func (s *SMTP) Wait(ctx context.Context, n int) ([]Mail, error) {
	defer context.AfterFunc(ctx, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.cond.Broadcast()
	})()
	s.mu.Lock()
	defer s.mu.Unlock()
	for len(s.mails) < n {
		if err := ctx.Err(); err != nil {
			return append([]Mail(nil), s.mails...), err
		}
		s.cond.Wait()
	}
	return append([]Mail(nil), s.mails...), nil
}

// smtpSession is one connection.
type smtpSession struct {
	s    *SMTP
	c    *smtp.Conn
	mail Mail
	user string
}

func (t *smtpSession) Reset()        { t.mail = Mail{} }
func (t *smtpSession) Logout() error { return nil }

func (t *smtpSession) Mail(from string, o *smtp.MailOptions) error {
	if t.s.o.User != "" && t.user == "" {
		return smtp.ErrAuthRequired
	}
	if f := t.s.current().OnMail; f != nil {
		if err := f(from); err != nil {
			return err
		}
	}
	t.mail = Mail{From: from, UTF8: o != nil && o.UTF8, Auth: t.user}
	return nil
}

func (t *smtpSession) Rcpt(to string, _ *smtp.RcptOptions) error {
	if f := t.s.current().OnRcpt; f != nil {
		if err := f(to); err != nil {
			return err
		}
	}
	t.mail.To = append(t.mail.To, to)
	return nil
}

func (t *smtpSession) Data(r io.Reader) error {
	var buf bytes.Buffer
	var w io.Writer = &buf
	if t.s.o.Discard {
		w = io.Discard
	}
	n, err := io.Copy(w, r)
	if err != nil {
		return err
	}
	m := t.mail
	m.Size = n
	if !t.s.o.Discard {
		m.Data = buf.Bytes()
	}
	sc := t.s.current()
	drop := sc.DropAfterData
	if sc.OnData != nil {
		err := sc.OnData(m)
		if drop = drop || errors.Is(err, ErrDrop); err != nil && !errors.Is(err, ErrDrop) {
			return err
		}
	}
	t.s.mu.Lock()
	t.s.mails = append(t.s.mails, m)
	t.s.cond.Broadcast()
	if t.s.o.OnMessage != nil {
		t.s.o.OnMessage(m)
	}
	t.s.mu.Unlock()
	if drop {
		t.c.Conn().Close()
	}
	return nil
}

// smtpAuthSession is a connection that has to log in.
type smtpAuthSession struct{ *smtpSession }

func (t *smtpAuthSession) AuthMechanisms() []string {
	return []string{"PLAIN", "LOGIN", "XOAUTH2", "OAUTHBEARER"}
}

func (t *smtpAuthSession) Auth(mech string) (sasl.Server, error) {
	password := func(user, password string) error {
		if user != t.s.o.User || password != t.s.o.Password {
			return smtp.ErrAuthFailed
		}
		t.user = user
		return nil
	}
	switch mech {
	case "PLAIN":
		return sasl.NewPlainServer(func(_, user, pw string) error { return password(user, pw) }), nil
	case "LOGIN":
		return &loginServer{check: password}, nil
	case "XOAUTH2", "OAUTHBEARER":
		return &bearerServer{mech: mech, check: func(user, token string) error {
			t.s.mu.Lock()
			defer t.s.mu.Unlock()
			if !t.s.tokens[token] {
				return smtp.ErrAuthFailed
			}
			t.user = user
			return nil
		}}, nil
	}
	return nil, errors.New("no such mechanism")
}

// Temporary and Permanent are answers for scripts.
func Temporary(text string) error {
	return &smtp.SMTPError{Code: 451, EnhancedCode: smtp.EnhancedCode{4, 3, 0}, Message: text}
}

// Permanent is a final refusal, "550 5.1.1".
func Permanent(text string) error {
	return &smtp.SMTPError{Code: 550, EnhancedCode: smtp.EnhancedCode{5, 1, 1}, Message: text}
}

// Patience is how long tests wait at most for something that has to happen.
const Patience = 20 * time.Second
