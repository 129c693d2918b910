// Package mailtest holds mail servers to try the email connector on: an IMAP
// server in the process, an SMTP server that keeps what it gets, a real Dovecot
// and a proxy that breaks connections.
//
// The in-process servers are also the other side of the demo, so nothing here
// imports package testing. They keep everything in memory and listen on
// loopback only. Dovecot keeps its mail in a temporary folder.
package mailtest

import (
	"bytes"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log"
	"sync"
	"time"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapclient"
	"github.com/emersion/go-imap/v2/imapserver"
	"github.com/emersion/go-imap/v2/imapserver/imapmemserver"
	"github.com/emersion/go-sasl"
)

// IMAP is an IMAP server in the process with one user.
type IMAP struct {
	Port           int
	User, Password string

	user *imapmemserver.User
	srv  *imapserver.Server
	done chan struct{}

	mu     sync.Mutex
	conns  map[*imapserver.Conn]*imapSession
	poison map[imap.UID]bool // UIDs whose body breaks the connection
	tokens map[string]bool   // accepted bearer tokens
	logins int
	opened int
}

// IMAPOptions are the choices for StartIMAP.
type IMAPOptions struct {
	User, Password string
	Addr           string      // "" means a free port of 127.0.0.1
	TLS            *tls.Config // offers STARTTLS
	Implicit       bool        // TLS from the first byte
	Plain          bool        // only the commands of IMAP4rev1 without extensions
}

// StartIMAP starts a server with an empty INBOX.
func StartIMAP(o IMAPOptions) (*IMAP, error) {
	s := &IMAP{User: o.User, Password: o.Password, done: make(chan struct{}), conns: map[*imapserver.Conn]*imapSession{},
		poison: map[imap.UID]bool{}, tokens: map[string]bool{}}
	s.user = imapmemserver.NewUser(o.User, o.Password)
	if err := s.user.Create("INBOX", nil); err != nil {
		return nil, err
	}
	caps := imap.CapSet{imap.CapIMAP4rev1: {}}
	if !o.Plain {
		for _, c := range []imap.Cap{imap.CapUIDPlus, imap.CapMove, imap.CapESearch, imap.CapNamespace} {
			caps[c] = struct{}{}
		}
	}
	s.srv = imapserver.New(&imapserver.Options{
		NewSession: func(c *imapserver.Conn) (imapserver.Session, *imapserver.GreetingData, error) {
			sess := &imapSession{UserSession: imapmemserver.NewUserSession(s.user), s: s, conn: c, news: make(chan struct{}, 1)}
			s.mu.Lock()
			s.conns[c] = sess
			s.mu.Unlock()
			return sess, nil, nil
		},
		Caps: caps, InsecureAuth: true, TLSConfig: o.TLS, Logger: log.New(io.Discard, "", 0),
	})
	ln, port, err := listen(o.Addr, o.TLS, o.Implicit)
	if err != nil {
		return nil, err
	}
	s.Port = port
	go func() {
		defer close(s.done)
		_ = s.srv.Serve(ln) // ends with Close
	}()
	return s, nil
}

// Close ends the server and its connections.
func (s *IMAP) Close() error {
	err := s.srv.Close()
	<-s.done
	return err
}

// Append delivers a mail and returns its UID. A zero time means now.
func (s *IMAP) Append(folder string, raw []byte, at time.Time) (imap.UID, error) {
	d, err := s.user.Append(folder, bytes.NewReader(raw), &imap.AppendOptions{Time: at})
	if err != nil {
		return 0, err
	}
	s.tell()
	return d.UID, nil
}

// tell wakes the sessions in IDLE.
func (s *IMAP) tell() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, sess := range s.conns {
		select {
		case sess.news <- struct{}{}:
		default:
		}
	}
}

// Create makes a folder.
func (s *IMAP) Create(folder string) error { return s.user.Create(folder, nil) }

// Recreate deletes a folder with all that is in it and makes it again, with
// another UIDVALIDITY.
func (s *IMAP) Recreate(folder string) error {
	if err := s.user.Delete(folder); err != nil {
		return err
	}
	return s.user.Create(folder, nil)
}

// Status counts the mails of a folder: all, and those not marked as seen.
func (s *IMAP) Status(folder string) (all, unseen uint32, err error) {
	d, err := s.user.Status(folder, &imap.StatusOptions{NumMessages: true, NumUnseen: true})
	if err != nil {
		return 0, 0, err
	}
	return *d.NumMessages, *d.NumUnseen, nil
}

// Poison makes the fetching of a mail's body break the connection.
func (s *IMAP) Poison(uid imap.UID, on bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.poison[uid] = on
}

// AcceptToken makes the server take a bearer token, or no longer.
func (s *IMAP) AcceptToken(token string, on bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tokens[token] = on
}

// Logins counts the successful ones.
func (s *IMAP) Logins() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.logins
}

// Selects counts how often a folder was opened.
func (s *IMAP) Selects() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.opened
}

// Kick breaks all connections.
func (s *IMAP) Kick() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.conns {
		c.NetConn().Close()
	}
}

// Expunge deletes mails.
func (s *IMAP) Expunge(folder string, uids ...imap.UID) error {
	c, err := imapclient.DialInsecure(fmt.Sprintf("127.0.0.1:%d", s.Port), nil)
	if err != nil {
		return err
	}
	defer c.Close()
	if err := c.Login(s.User, s.Password).Wait(); err != nil {
		return err
	}
	if _, err := c.Select(folder, nil).Wait(); err != nil {
		return err
	}
	set := imap.UIDSetNum(uids...)
	flags := &imap.StoreFlags{Op: imap.StoreFlagsAdd, Silent: true, Flags: []imap.Flag{imap.FlagDeleted}}
	return errors.Join(c.Store(set, flags, nil).Close(), c.Expunge().Close())
}

// imapSession adds faults and bearer tokens to the library's session.
type imapSession struct {
	*imapmemserver.UserSession
	s    *IMAP
	conn *imapserver.Conn
	news chan struct{}
}

// Idle announces what is new. The library's own misses what came between the
// last command and IDLE.
func (i *imapSession) Idle(w *imapserver.UpdateWriter, stop <-chan struct{}) error {
	for {
		if err := i.Poll(w, true); err != nil {
			return err
		}
		select {
		case <-i.news:
		case <-stop:
			return nil
		}
	}
}

func (i *imapSession) Select(folder string, o *imap.SelectOptions) (*imap.SelectData, error) {
	i.s.mu.Lock()
	i.s.opened++
	i.s.mu.Unlock()
	return i.UserSession.Select(folder, o)
}

// Append is a client's.
func (i *imapSession) Append(folder string, r imap.LiteralReader, o *imap.AppendOptions) (*imap.AppendData, error) {
	defer i.s.tell()
	return i.UserSession.Append(folder, r, o)
}

// Expunge is a client's.
func (i *imapSession) Expunge(w *imapserver.ExpungeWriter, uids *imap.UIDSet) error {
	defer i.s.tell()
	return i.UserSession.Expunge(w, uids)
}

func (i *imapSession) Close() error {
	i.s.mu.Lock()
	delete(i.s.conns, i.conn)
	i.s.mu.Unlock()
	return i.UserSession.Close()
}

func (i *imapSession) Login(user, password string) error {
	err := i.UserSession.Login(user, password)
	if err == nil {
		i.s.count()
	}
	return err
}

func (s *IMAP) count() {
	s.mu.Lock()
	s.logins++
	s.mu.Unlock()
}

func (i *imapSession) AuthenticateMechanisms() []string {
	return []string{"PLAIN", "LOGIN", "XOAUTH2", "OAUTHBEARER"}
}

func (i *imapSession) Authenticate(mech string) (sasl.Server, error) {
	switch mech {
	case "PLAIN":
		return sasl.NewPlainServer(func(_, user, password string) error { return i.Login(user, password) }), nil
	case "LOGIN":
		return &loginServer{check: i.Login}, nil
	case "XOAUTH2", "OAUTHBEARER":
		return &bearerServer{mech: mech, check: func(user, token string) error {
			i.s.mu.Lock()
			ok := i.s.tokens[token]
			i.s.mu.Unlock()
			if !ok {
				return imapserver.ErrAuthFailed
			}
			return i.Login(user, i.s.Password)
		}}, nil
	}
	return nil, errors.New("no such mechanism")
}

// Fetch breaks the connection at the first poisoned mail, after those before it.
func (i *imapSession) Fetch(w *imapserver.FetchWriter, set imap.NumSet, o *imap.FetchOptions) error {
	uids, ok := set.(imap.UIDSet)
	if ok && len(o.BodySection) > 0 {
		nums, finite := uids.Nums()
		i.s.mu.Lock()
		for k, u := range nums {
			if finite && i.s.poison[u] {
				i.s.mu.Unlock()
				if k > 0 {
					if err := i.UserSession.Fetch(w, imap.UIDSetNum(nums[:k]...), o); err != nil {
						return err
					}
				}
				i.conn.NetConn().Close()
				return errors.New("poison")
			}
		}
		i.s.mu.Unlock()
	}
	return i.UserSession.Fetch(w, set, o)
}

var _ imapserver.SessionSASL = (*imapSession)(nil)
