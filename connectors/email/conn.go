package email

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"throughline/connectors"
)

// timeouts are the limits on waiting for a server; tests shorten them.
type timeouts struct {
	dial      time.Duration // until TCP and TLS stand
	silence   time.Duration // without one byte of a transfer, and until a short answer
	heartbeat time.Duration // longest stay in IDLE without asking for a sign of life
	submit    time.Duration // until a server answers to a whole mail (RFC 5321 section 4.5.3.2.6)
	idleSMTP  time.Duration // an open SMTP connection is kept for the next mail
	copy      time.Duration // that Send waits for the copy in the sent folder
}

func defaultTimeouts() timeouts {
	return timeouts{
		dial: 30 * time.Second,
		// Long enough for a server that opens a huge folder.
		silence: time.Minute,
		// Routers forget quiet connections after some minutes, and IDLE goes
		// deaf on some servers; RFC 2177 wants a renewal every 29 minutes.
		heartbeat: 3 * time.Minute,
		submit:    10 * time.Minute,
		idleSMTP:  30 * time.Second,
		copy:      copyPatience,
	}
}

// watchConn closes a connection on which nothing moved for too long while
// somebody waits. It replaces the deadlines of the client libraries, which
// have none at all in some places and too short ones in others.
type watchConn struct {
	net.Conn
	last atomic.Int64 // when a byte moved, in nanoseconds since epoch

	mu     sync.Mutex
	limit  time.Duration // 0: nobody waits
	began  time.Time     // of the wait
	strict bool          // bytes that move do not prolong it
	timer  *time.Timer
	cut    atomic.Bool // the watch closed it
}

// epoch makes instants that a step of the clock does not move.
var epoch = time.Now()

func (w *watchConn) moved() { w.last.Store(int64(time.Since(epoch))) }

func (w *watchConn) Read(b []byte) (int, error) {
	n, err := w.Conn.Read(b)
	if n > 0 {
		w.moved()
	}
	return n, err
}

func (w *watchConn) Write(b []byte) (int, error) {
	n, err := w.Conn.Write(b)
	if n > 0 {
		w.moved()
	}
	return n, err
}

func (w *watchConn) SetDeadline(time.Time) error      { return nil }
func (w *watchConn) SetReadDeadline(time.Time) error  { return nil }
func (w *watchConn) SetWriteDeadline(time.Time) error { return nil }

// arm begins to watch, with at most limit between two bytes.
func (w *watchConn) arm(limit time.Duration) { w.watch(limit, false) }

// armStrict allows limit altogether.
func (w *watchConn) armStrict(limit time.Duration) { w.watch(limit, true) }

func (w *watchConn) watch(limit time.Duration, strict bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.moved()
	w.limit, w.began, w.strict = limit, time.Now(), strict
	if w.timer == nil {
		w.timer = time.AfterFunc(limit, w.check)
		return
	}
	w.timer.Reset(limit)
}

func (w *watchConn) disarm() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.limit = 0
	if w.timer != nil {
		w.timer.Stop()
	}
}

func (w *watchConn) check() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.limit == 0 {
		return
	}
	waited := time.Since(w.began)
	if !w.strict {
		waited = time.Since(epoch) - time.Duration(w.last.Load())
	}
	if waited < w.limit {
		w.timer.Reset(w.limit - waited)
		return
	}
	w.cut.Store(true)
	w.Conn.Close()
}

// maxAnswerLine is how many bytes a server may send without the end of a line.
// Lines of mail have at most 998 (RFC 5322), and what is no mail goes to memory.
const maxAnswerLine = 16 << 20

var errEndlessLine = errors.New("the server sends a line without end")

// lineGuard ends a connection on which a line does not end.
type lineGuard struct {
	net.Conn
	run int // bytes since the last line end
}

func (g *lineGuard) Read(b []byte) (int, error) {
	if g.run > maxAnswerLine {
		return 0, errEndlessLine
	}
	n, err := g.Conn.Read(b)
	if i := bytes.LastIndexByte(b[:n], '\n'); i >= 0 {
		g.run = n - i - 1
	} else {
		g.run += n
	}
	return n, err
}

// step reports one stage of setting up a connection to a Test.
type step func(name string, err error)

// dial connects to s and secures the connection if it is to be so from the
// start. ctx bounds only the dialling. Errors are *connectors.SendError.
func (c *Connector) dial(ctx context.Context, proto string, s server, done step) (net.Conn, *watchConn, error) {
	addr := net.JoinHostPort(s.host, strconv.Itoa(s.port))
	ctx, cancel := context.WithTimeout(ctx, c.limits.dial)
	defer cancel()
	raw, err := (&net.Dialer{}).DialContext(ctx, "tcp", addr)
	done(proto+": connect", err)
	if err != nil {
		return nil, nil, &connectors.SendError{Class: connectors.Retry, Reason: fmt.Sprintf("%s cannot be reached: %s", addr, plainCause(err)), Err: err}
	}
	w := &watchConn{Conn: raw}
	if s.security != securityTLS {
		return w, w, nil
	}
	tc := tls.Client(w, c.set.tlsConfig(s.host))
	err = tc.HandshakeContext(ctx)
	done(proto+": tls", err)
	if err != nil {
		raw.Close()
		return nil, nil, tlsError(addr, err)
	}
	return tc, w, nil
}

func tlsError(addr string, err error) error {
	return &connectors.SendError{Class: connectors.Retry, Reason: fmt.Sprintf("no secure connection to %s: %s", addr, plainCause(err)), Err: err}
}

// plainCause says in a few words why a connection failed, and what to do where
// that is not obvious.
func plainCause(err error) string {
	var dns *net.DNSError
	var unknown x509.UnknownAuthorityError
	var name x509.HostnameError
	var expired x509.CertificateInvalidError
	var record tls.RecordHeaderError
	var op *net.OpError
	switch {
	case errors.As(err, &dns):
		if dns.IsNotFound {
			return "there is no server of that name; check the spelling"
		}
		return "the name cannot be looked up at the moment"
	case errors.As(err, &unknown):
		return "its certificate comes from an unknown authority; name it in ca_file if it is your own"
	case errors.As(err, &name):
		return "its certificate is for another name: " + oneLine(name.Error())
	case errors.As(err, &expired):
		return "its certificate is not valid: " + oneLine(expired.Error())
	case errors.As(err, &record):
		return "it does not speak TLS on that port; try starttls, or another port"
	case errors.Is(err, context.DeadlineExceeded):
		return "no answer in time"
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, net.ErrClosed), errors.Is(err, errClosed):
		return "the server closed it"
	case errors.As(err, &op):
		return oneLine(op.Err.Error())
	}
	return oneLine(err.Error())
}
