package email

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"

	"throughline/connectors"
	"throughline/message"
)

// quotaPause is how long to wait when a provider's daily sending limit is
// reached and it does not say for how long.
const quotaPause = time.Hour

// outgoing keeps one SMTP connection open for a while after a mail.
type outgoing struct {
	mu    sync.Mutex
	link  *link
	timer *time.Timer
}

// link is a logged-in SMTP connection.
type link struct {
	c     *smtp.Client
	watch *watchConn
}

func (l *link) close() {
	l.watch.disarm()
	l.watch.Conn.Close()
	l.c.Close()
}

// take returns the open connection, if there is one.
func (o *outgoing) take() *link {
	o.mu.Lock()
	defer o.mu.Unlock()
	l := o.link
	o.link = nil
	if o.timer != nil {
		o.timer.Stop()
	}
	return l
}

// keep puts a connection back for the time of idle.
func (o *outgoing) keep(l *link, idle time.Duration) {
	o.release()
	o.mu.Lock()
	defer o.mu.Unlock()
	o.link = l
	o.timer = time.AfterFunc(idle, o.release)
}

// release closes the open connection.
func (o *outgoing) release() {
	if l := o.take(); l != nil {
		l.close()
	}
}

// Send composes m and hands it to the SMTP server. The mail is the same at
// every attempt, with the same Message-ID.
func (c *Connector) Send(ctx context.Context, m message.Message) (connectors.Receipt, error) {
	mail, size, err := c.written(m)
	if err != nil {
		return connectors.Receipt{}, err
	}
	receipt, err := c.transmit(ctx, mail, size)
	if err != nil {
		return connectors.Receipt{}, err
	}
	receipt.Ref = cmp.Or(renamed(c.set.smtp.host, receipt.Detail), strings.Trim(mail.id, "<>"))
	if c.set.sent != "" && len(m.Only) == 0 { // else the first attempt has left one
		var note string
		note, receipt.Pending = c.fileSent(ctx, mail, size, m.Time)
		receipt.Detail += note
	}
	return receipt, nil
}

// written composes m and signs it; the error is a *SendError.
func (c *Connector) written(m message.Message) (*composed, int64, error) {
	mail, err := compose(m, c.set.address)
	if err != nil {
		return nil, 0, &connectors.SendError{Class: connectors.Reject, Reason: "the mail cannot be composed: " + err.Error(), Err: err}
	}
	if c.set.dkim != nil {
		if mail.prefix, err = c.set.dkim.sign(mail.write); err != nil {
			return nil, 0, &connectors.SendError{Class: connectors.Retry, Reason: "the mail cannot be signed: " + err.Error(), Err: err}
		}
	}
	var size counter
	if err := mail.write(&size); err != nil {
		return nil, 0, &connectors.SendError{Class: connectors.Retry, Reason: err.Error(), Err: err}
	}
	return mail, int64(size), nil
}

type counter int64

func (n *counter) Write(b []byte) (int, error) { *n += counter(len(b)); return len(b), nil }

// transmit sends over the open connection or a new one. An open connection that
// turns out to be dead before the mail has begun is replaced once.
func (c *Connector) transmit(ctx context.Context, mail *composed, size int64) (connectors.Receipt, error) {
	l := c.out.take()
	if l != nil {
		r, begun, err := c.pass(ctx, l, mail, size)
		if err == nil || begun || ctx.Err() != nil || !stale(err) {
			return r, err
		}
	}
	l, err := c.openLink(ctx, noStep)
	if err != nil {
		return connectors.Receipt{}, err
	}
	r, _, err := c.pass(ctx, l, mail, size)
	return r, err
}

// stale reports that a connection, not the mail, failed.
func stale(err error) bool {
	var e *smtp.SMTPError
	return !errors.As(err, &e) || e.Code == 421
}

// openLink connects and logs in, reporting each step.
func (c *Connector) openLink(ctx context.Context, done step) (*link, error) {
	s := c.set.smtp
	conn, watch, err := c.dial(ctx, "smtp", s, done)
	if err != nil {
		return nil, err
	}
	defer context.AfterFunc(ctx, func() { watch.Conn.Close() })()
	watch.arm(c.limits.silence)
	defer watch.disarm()
	fail := func(stage string, err error) (*link, error) {
		err = c.sendError(ctx, watch, "", err)
		var se *connectors.SendError
		if errors.As(err, &se) && se.Class == connectors.Reject {
			// It is this machine or this moment that is refused, not the mail.
			err = &connectors.SendError{Class: connectors.Retry, Code: se.Code, Reason: "the SMTP server refuses the connection: " + se.Reason, Err: err}
		}
		done(stage, err)
		watch.Conn.Close()
		return nil, err
	}
	var client *smtp.Client
	if s.security == securityStartTLS {
		client, err = smtp.NewClientStartTLS(conn, c.set.tlsConfig(s.host))
		if err != nil {
			var e *smtp.SMTPError
			if !errors.As(err, &e) && strings.Contains(err.Error(), "STARTTLS") {
				err = &connectors.SendError{Class: connectors.AccountFault, Reason: "the SMTP server does not offer STARTTLS; choose tls, or another port", Err: err}
			}
			return fail("smtp: tls", err)
		}
	} else {
		client = smtp.NewClient(conn)
	}
	if err := client.Hello(helloName(watch.Conn)); err != nil {
		return fail("smtp: greet", err)
	}
	if s.security == securityStartTLS {
		done("smtp: tls", nil)
	}
	if s.auth != authNone {
		if err := c.authenticate(ctx, client); err != nil {
			return fail("smtp: log in", err)
		}
		done("smtp: log in", nil)
	}
	return &link{c: client, watch: watch}, nil
}

// helloName is our address as an address literal (RFC 5321 section 4.1.3): the
// name of this machine is nobody's business and rarely a real one.
func helloName(conn net.Conn) string {
	a, ok := conn.LocalAddr().(*net.TCPAddr)
	switch {
	case !ok:
		return "localhost"
	case a.IP.To4() != nil:
		return "[" + a.IP.String() + "]"
	}
	return "[IPv6:" + a.IP.String() + "]"
}

func (c *Connector) authenticate(ctx context.Context, client *smtp.Client) error {
	s := c.set.smtp
	if !slices.ContainsFunc([]string{"AUTH", "AUTH=LOGIN", "AUTH=PLAIN"}, func(name string) bool { ok, _ := client.Extension(name); return ok }) {
		return &connectors.SendError{Class: connectors.AccountFault, Reason: "the SMTP server offers no log in on this connection; choose starttls or tls, another port, or no log in"}
	}
	var mech sasl.Client
	switch s.auth {
	case authXOAuth2, authOAuthBearer:
		token, err := c.tokens.get(ctx, false)
		if err != nil {
			return err
		}
		err = client.Auth(bearer{mech: s.auth, user: s.user, token: token, host: s.host, port: s.port})
		var refused *errTokenRefused
		var answer *smtp.SMTPError
		if errors.As(err, &refused) || errors.As(err, &answer) && !answer.Temporary() {
			c.tokens.forget(token)
			return &connectors.SendError{Class: c.tokenClass(), Reason: "the SMTP server refuses the access token: " + c.safe(err.Error()), Err: err}
		}
		if err == nil {
			c.refusedTokens.Store(0)
		}
		return err
	case authLogin:
		mech = &loginSASL{user: s.user, password: s.password}
	case authPassword:
		if !client.SupportsAuth("PLAIN") && client.SupportsAuth("LOGIN") {
			mech = &loginSASL{user: s.user, password: s.password}
			break
		}
		fallthrough
	default:
		mech = sasl.NewPlainClient("", s.user, s.password)
	}
	err := client.Auth(mech)
	var answer *smtp.SMTPError
	if errors.As(err, &answer) && !answer.Temporary() {
		return &connectors.SendError{Class: connectors.AccountFault, Code: smtpCode(answer),
			Reason: "the SMTP server refuses user name or password: " + c.safe(answer.Message), Err: err}
	}
	return err
}

// pass makes one transaction over l and keeps or closes it. begun tells that
// the server had agreed to a sender, so that l was alive.
func (c *Connector) pass(ctx context.Context, l *link, mail *composed, size int64) (r connectors.Receipt, begun bool, err error) {
	unhook := context.AfterFunc(ctx, func() { l.watch.Conn.Close() })
	l.watch.arm(c.limits.silence)
	defer func() {
		l.watch.disarm()
		if unhook() && err == nil {
			c.out.keep(l, c.limits.idleSMTP)
		} else {
			l.close()
		}
	}()
	if limit, ok := l.c.MaxMessageSize(); ok && limit > 0 && size > int64(limit) {
		return r, true, &connectors.SendError{Class: connectors.Reject, Code: "552 5.3.4",
			Reason: fmt.Sprintf("the mail has %d KiB with its attachments; the SMTP server takes at most %d KiB", (size+1023)/1024, limit/1024)}
	}
	if ok, _ := l.c.Extension("SMTPUTF8"); mail.utf8 && !ok {
		return r, true, &connectors.SendError{Class: connectors.Reject, Code: "550 5.6.7",
			Reason: "an address has letters beyond ASCII before the @, and the SMTP server cannot pass such addresses on"}
	}
	if err := l.c.Mail(mail.from, &smtp.MailOptions{Size: size, UTF8: mail.utf8}); err != nil {
		return r, false, c.sendError(ctx, l.watch, "sender", err)
	}
	rejected, err := c.recipients(ctx, l, mail)
	if err != nil {
		return r, true, err
	}
	w, err := l.c.Data()
	if err != nil {
		return r, true, c.sendError(ctx, l.watch, "", err)
	}
	if err := mail.write(w); err != nil {
		// Without the final dot the server forgets it all.
		return r, true, c.sendError(ctx, l.watch, "", err)
	}
	l.watch.arm(c.limits.submit)
	answer, err := w.CloseWithResponse()
	if err != nil {
		var e *smtp.SMTPError
		if errors.As(err, &e) {
			return r, true, c.sendError(ctx, l.watch, "", err)
		}
		return r, true, &connectors.SendError{Class: connectors.Unsure, Reason: "the connection broke before the SMTP server confirmed the mail", Err: err}
	}
	return connectors.Receipt{Detail: "250 " + c.safe(answer.StatusText), Rejected: rejected}, true, nil
}

// recipients announces them all. It fails only when the server takes none.
func (c *Connector) recipients(ctx context.Context, l *link, mail *composed) (rejected []message.Report, err error) {
	var first, retry error
	for i, addr := range mail.to {
		err := l.c.Rcpt(addr, nil)
		var e *smtp.SMTPError
		switch {
		case err == nil:
			continue
		case !errors.As(err, &e) || e.Code == 421:
			return nil, c.sendError(ctx, l.watch, "", err)
		case e.Temporary() && retry == nil:
			retry = err
		case first == nil:
			first = err
		}
		rejected = append(rejected, message.Report{
			Handle: mail.who[i], Status: message.Failed, Code: smtpCode(e),
			Reason: c.safe(e.Message), Permanent: !e.Temporary(), Time: time.Now(),
		})
	}
	if len(rejected) < len(mail.to) {
		return rejected, nil
	}
	if retry != nil {
		first = retry
	}
	return nil, c.sendError(ctx, l.watch, "recipient", first)
}

// sendError classes a failure. stage is "sender" or "recipient" where the
// server's answer is about that.
func (c *Connector) sendError(ctx context.Context, w *watchConn, stage string, err error) error {
	var own *connectors.SendError
	var content *contentError
	var e *smtp.SMTPError
	switch {
	case errors.As(err, &own):
		return err
	case errors.As(err, &content):
		return &connectors.SendError{Class: connectors.Retry, Reason: content.Error(), Err: err}
	case errors.As(err, &e):
		class := connectors.Reject
		var after time.Duration
		text := strings.ToLower(e.Message)
		switch {
		case e.Temporary():
			class = connectors.Retry
			after, _ = throttled(e)
		case e.Code == 530, e.Code == 534, e.Code == 535, e.Code == 538:
			class = connectors.AccountFault
		case e.EnhancedCode == smtp.EnhancedCode{5, 4, 5} || strings.Contains(text, "quota") && strings.Contains(text, "sending"):
			class, after = connectors.Retry, quotaPause
		}
		reason := c.safe(e.Message)
		if stage != "" {
			reason = "the SMTP server refuses the " + stage + ": " + reason
		}
		return &connectors.SendError{Class: class, Reason: reason, Code: smtpCode(e), After: after, Err: err}
	case ctx.Err() != nil:
		return &connectors.SendError{Class: connectors.Retry, Reason: "sending was stopped", Err: ctx.Err()}
	case w.cut.Load():
		return &connectors.SendError{Class: connectors.Retry, Reason: "the SMTP server has gone silent", Err: err}
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return &connectors.SendError{Class: connectors.Retry, Reason: "the SMTP server closed the connection", Err: err}
	}
	return &connectors.SendError{Class: connectors.Retry, Reason: "the SMTP connection failed: " + c.safe(plainCause(err)), Err: err}
}

// smtpCode renders "550 5.1.1".
func smtpCode(e *smtp.SMTPError) string {
	if e.EnhancedCode == smtp.EnhancedCodeNotSet || e.EnhancedCode == smtp.NoEnhancedCode {
		return fmt.Sprint(e.Code)
	}
	return fmt.Sprintf("%d %d.%d.%d", e.Code, e.EnhancedCode[0], e.EnhancedCode[1], e.EnhancedCode[2])
}
