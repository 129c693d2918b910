package email

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/emersion/go-msgauth/dkim"

	"throughline/connectors"
	"throughline/connectors/email/mailtest"
	"throughline/message"
)

func person(name, addr string) message.Person {
	return message.Person{Name: name, Handle: message.NewHandle(Scheme, addr)}
}

func outMail(id uint64) message.Message {
	return message.Message{
		ID: id, Token: "abcdefghijklmnop", Channel: Channel, Account: "support", Direction: message.Out,
		From: person("Example Support", "support@example.com"), To: []message.Person{person("Ann Example", "ann@example.org")},
		Subject: "Your order", Text: "It is on its way.\n", Time: time.Date(2026, 11, 2, 10, 0, 0, 0, time.UTC),
	}
}

// rig is a connector with its SMTP server.
func rig(t testing.TB, o mailtest.SMTPOptions, more map[string]any) (*Connector, *mailtest.SMTP) {
	t.Helper()
	srv := smtpServer(t, o)
	c := newConnector(t, plain(1, srv.Port, more))
	t.Cleanup(c.out.release)
	return c, srv
}

func sendErr(t *testing.T, err error, class connectors.Class) *connectors.SendError {
	t.Helper()
	var se *connectors.SendError
	if !errors.As(err, &se) {
		t.Fatalf("error is %v, want a SendError", err)
	}
	if se.Class != class {
		t.Fatalf("class %d (%v), want %d", se.Class, se, class)
	}
	return se
}

func TestSend(t *testing.T) {
	c, srv := rig(t, mailtest.SMTPOptions{}, nil)
	m := outMail(7)
	m.Cc, m.Bcc = []message.Person{person("", "bob@example.org")}, []message.Person{person("", "eve@example.org"), person("", "ANN@example.org")}
	r, err := c.Send(t.Context(), m)
	if err != nil {
		t.Fatal(err)
	}
	if r.Ref != "tl.7.abcdefghijklmnop@example.com" || !strings.HasPrefix(r.Detail, "250 ") || len(r.Rejected) != 0 {
		t.Errorf("receipt = %+v", r)
	}
	got := srv.Mails()[0]
	if got.From != "support@example.com" || strings.Join(got.To, " ") != "ann@example.org bob@example.org eve@example.org" || got.Auth != "support" {
		t.Errorf("envelope = %+v", got)
	}
	if bytes.Contains(got.Data, []byte("eve@")) {
		t.Error("the mail names a Bcc recipient")
	}
	in, err := Parse(message.Bytes(got.Data), Options{})
	if err != nil {
		t.Fatal(err)
	}
	if in.Subject != "Your order" || strings.TrimSpace(in.Text) != "It is on its way." || in.Ref != message.OwnRef(7, m.Token) || !in.Time.Equal(m.Time) {
		t.Errorf("read back: %+v", in)
	}

	// The next goes over the same connection, as the same bytes.
	if _, err := c.Send(t.Context(), m); err != nil {
		t.Fatal(err)
	}
	if srv.Conns() != 1 {
		t.Errorf("%d connections", srv.Conns())
	}
	if again := srv.Mails()[1]; !bytes.Equal(again.Data, got.Data) {
		t.Errorf("the second attempt differs:\n%s\n%s", got.Data, again.Data)
	}
}

func TestSendFailures(t *testing.T) {
	only := func(to string, err error) func(string) error {
		return func(got string) error {
			if got == to {
				return err
			}
			return nil
		}
	}
	for _, tt := range []struct {
		name   string
		script mailtest.Script
		class  connectors.Class
		code   string
		reason string
		mails  int
	}{
		{"sender refused for now", mailtest.Script{OnMail: only("support@example.com", mailtest.Temporary("busy"))}, connectors.Retry, "451 4.3.0", "busy", 0},
		{"recipient unknown", mailtest.Script{OnRcpt: only("ann@example.org", mailtest.Permanent("no such user"))}, connectors.Reject, "550 5.1.1", "no such user", 0},
		{"recipient greylisted", mailtest.Script{OnRcpt: only("ann@example.org", mailtest.Temporary("greylisted"))}, connectors.Retry, "451 4.3.0", "greylisted", 0},
		{"content refused", mailtest.Script{OnData: func(mailtest.Mail) error { return mailtest.Permanent("looks like spam") }}, connectors.Reject, "550 5.1.1", "looks like spam", 0},
		{"content refused for now", mailtest.Script{OnData: func(mailtest.Mail) error { return mailtest.Temporary("disk full") }}, connectors.Retry, "451 4.3.0", "disk full", 0},
		{"no answer after the mail", mailtest.Script{DropAfterData: true}, connectors.Unsure, "", "before the SMTP server confirmed", 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c, srv := rig(t, mailtest.SMTPOptions{}, nil)
			srv.Script(tt.script)
			_, err := c.Send(t.Context(), outMail(1))
			se := sendErr(t, err, tt.class)
			if se.Code != tt.code || !strings.Contains(se.Reason, tt.reason) {
				t.Errorf("%q %q", se.Code, se.Reason)
			}
			if n := len(srv.Mails()); n != tt.mails {
				t.Errorf("%d mails", n)
			}
			srv.Script(mailtest.Script{})
			if _, err := c.Send(t.Context(), outMail(1)); err != nil {
				t.Errorf("next attempt: %v", err)
			}
		})
	}
}

func TestSendPartialRefusal(t *testing.T) {
	c, srv := rig(t, mailtest.SMTPOptions{}, nil)
	srv.Script(mailtest.Script{OnRcpt: func(to string) error {
		switch to {
		case "bob@example.org":
			return mailtest.Permanent("no such user")
		case "eve@example.org":
			return mailtest.Temporary("mailbox full")
		}
		return nil
	}})
	m := outMail(1)
	m.Cc = []message.Person{person("", "bob@example.org"), person("", "eve@example.org")}
	r, err := c.Send(t.Context(), m)
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Rejected) != 2 || r.Rejected[0].Handle != "mailto:bob@example.org" || !r.Rejected[0].Permanent ||
		r.Rejected[0].Code != "550 5.1.1" || r.Rejected[1].Permanent || r.Rejected[1].Reason != "mailbox full" {
		t.Errorf("rejected = %+v", r.Rejected)
	}
	if got := srv.Mails()[0].To; len(got) != 1 {
		t.Errorf("to = %v", got)
	}
	// Another attempt for one of them: the same mail with a smaller envelope.
	srv.Script(mailtest.Script{})
	m.Only = []message.Handle{r.Rejected[1].Handle}
	if _, err := c.Send(t.Context(), m); err != nil {
		t.Fatal(err)
	}
	mails := srv.Mails()
	if got := mails[1].To; len(got) != 1 || got[0] != "eve@example.org" {
		t.Errorf("again to %v", got)
	}
	header := func(b []byte) string { h, _, _ := strings.Cut(string(b), "\r\nContent-Type"); return h }
	if first, second := header(mails[0].Data), header(mails[1].Data); first != second || !strings.Contains(second, "bob@example.org") {
		t.Errorf("the header was\n%s\nand then\n%s", first, second)
	}
}

// TestSendStaleConnection: the server hung up while the connection was kept.
func TestSendStaleConnection(t *testing.T) {
	srv := smtpServer(t, mailtest.SMTPOptions{})
	proxy, err := mailtest.StartProxy(fmt.Sprintf("127.0.0.1:%d", srv.Port))
	if err != nil {
		t.Fatal(err)
	}
	defer proxy.Close()
	c := newConnector(t, plain(1, proxy.Port, nil))
	defer c.out.release()
	for range 3 {
		if _, err := c.Send(t.Context(), outMail(1)); err != nil {
			t.Fatal(err)
		}
		proxy.Cut()
	}
	if len(srv.Mails()) != 3 || proxy.Conns() != 3 {
		t.Errorf("%d mails over %d connections", len(srv.Mails()), proxy.Conns())
	}
}

func TestSendSilentServer(t *testing.T) {
	srv := smtpServer(t, mailtest.SMTPOptions{})
	proxy, err := mailtest.StartProxy(fmt.Sprintf("127.0.0.1:%d", srv.Port))
	if err != nil {
		t.Fatal(err)
	}
	defer proxy.Close()
	c := newConnector(t, plain(1, proxy.Port, nil))
	c.limits.silence = 50 * time.Millisecond
	proxy.Silence(true)
	_, err = c.Send(t.Context(), outMail(1))
	if se := sendErr(t, err, connectors.Retry); !strings.Contains(se.Reason, "silent") {
		t.Errorf("%v", se)
	}
}

func TestSendWrongPassword(t *testing.T) {
	for _, auth := range []string{"password", "plain", "login"} {
		c, _ := rig(t, mailtest.SMTPOptions{}, map[string]any{"smtp_password": "wrong-secret", "smtp_auth": auth})
		_, err := c.Send(t.Context(), outMail(1))
		if se := sendErr(t, err, connectors.AccountFault); strings.Contains(fmt.Sprintf("%v %v", se, se.Err), "wrong-secret") {
			t.Errorf("%s: the error holds the password: %v", auth, se)
		}
	}
	c, srv := rig(t, mailtest.SMTPOptions{}, map[string]any{"smtp_auth": "login"})
	if _, err := c.Send(t.Context(), outMail(1)); err != nil || srv.Mails()[0].Auth != "support" {
		t.Errorf("AUTH LOGIN: %v", err)
	}
}

func TestSendTooLarge(t *testing.T) {
	c, _ := rig(t, mailtest.SMTPOptions{MaxSize: 10_000}, nil)
	m := outMail(1)
	m.Parts = []message.Part{{Name: "a.bin", ContentType: "application/octet-stream", Content: message.Bytes(make([]byte, 9000))}}
	_, err := c.Send(t.Context(), m)
	if se := sendErr(t, err, connectors.Reject); !strings.Contains(se.Reason, "at most 9 KiB") {
		t.Errorf("%v", se)
	}
}

func TestSendUTF8Address(t *testing.T) {
	m := outMail(1)
	m.To = []message.Person{person("آنا", "آنا@example.org")}
	c, _ := rig(t, mailtest.SMTPOptions{}, nil)
	_, err := c.Send(t.Context(), m)
	if se := sendErr(t, err, connectors.Reject); !strings.Contains(se.Reason, "beyond ASCII") {
		t.Errorf("%v", se)
	}
	c, srv := rig(t, mailtest.SMTPOptions{UTF8: true}, nil)
	if _, err := c.Send(t.Context(), m); err != nil {
		t.Fatal(err)
	}
	if got := srv.Mails()[0]; !got.UTF8 || got.To[0] != "آنا@example.org" {
		t.Errorf("%+v", got)
	}
}

func TestSendUnreadableAttachment(t *testing.T) {
	c, srv := rig(t, mailtest.SMTPOptions{}, nil)
	m := outMail(1)
	m.Parts = []message.Part{{Name: "gone.pdf", ContentType: "application/pdf", Content: &File{path: t.TempDir() + "/gone"}}}
	_, err := c.Send(t.Context(), m)
	if se := sendErr(t, err, connectors.Retry); !strings.Contains(se.Reason, "gone.pdf") {
		t.Errorf("%v", se)
	}
	if len(srv.Mails()) != 0 {
		t.Error("half a mail was sent")
	}
}

// TestSendLargeAttachment: 30 MB pass through without being held in memory.
func TestSendLargeAttachment(t *testing.T) {
	c, srv := rig(t, mailtest.SMTPOptions{Discard: true}, nil)
	m := outMail(1)
	big := &zeros{size: 30 << 20}
	runtime.GC()
	var before runtime.MemStats
	runtime.ReadMemStats(&before)
	m.Parts = []message.Part{{Name: "big.bin", ContentType: "application/octet-stream", Content: big}}
	if _, err := c.Send(t.Context(), m); err != nil {
		t.Fatal(err)
	}
	if got := srv.Mails()[0].Size; got < 40<<20 {
		t.Errorf("%d bytes arrived", got)
	}
	if grown := int64(big.peak.Load()) - int64(before.HeapAlloc); grown > 16<<20 {
		t.Errorf("the heap grew by %d MiB", grown>>20)
	}
}

// zeros is Content of a size, which looks at the heap while it is read.
type zeros struct {
	size int64
	peak atomic.Uint64
}

func (z *zeros) Size() int64 { return z.size }

func (z *zeros) Open() (io.ReadCloser, error) {
	return io.NopCloser(io.LimitReader(readerFunc(func(b []byte) (int, error) {
		clear(b)
		if z.peak.Load() == 0 || len(b) > 20_000 {
			var s runtime.MemStats
			runtime.ReadMemStats(&s)
			z.peak.Store(max(z.peak.Load(), s.HeapAlloc))
		}
		return len(b), nil
	}), z.size)), nil
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(b []byte) (int, error) { return f(b) }

func TestSendSigned(t *testing.T) {
	for name, k := range testKeys(t) {
		c, srv := rig(t, mailtest.SMTPOptions{}, map[string]any{"dkim_domain": "example.com", "dkim_selector": "tl", "dkim_key": k.pem})
		m := outMail(3)
		m.HTML, m.Subject = "<p>It is on its way.</p>", "سفارش شما در راه است"
		if _, err := c.Send(t.Context(), m); err != nil {
			t.Fatal(err)
		}
		v, err := dkim.VerifyWithOptions(bytes.NewReader(srv.Mails()[0].Data), &dkim.VerifyOptions{
			LookupTXT: func(string) ([]string, error) { return []string{k.record}, nil }})
		if err != nil || len(v) != 1 || v[0].Err != nil {
			t.Errorf("%s: %v %+v", name, err, v)
		}
	}
}

func TestSentFolder(t *testing.T) {
	imapSrv, smtpSrv := imapServer(t), smtpServer(t, mailtest.SMTPOptions{})
	c := newConnector(t, plain(imapSrv.Port, smtpSrv.Port, map[string]any{"sent_folder": "Sent"}))
	defer c.out.release()
	r, err := c.Send(t.Context(), outMail(1))
	if err != nil || !strings.Contains(r.Detail, "no copy in the sent folder") {
		t.Fatalf("without the folder: %+v %v", r, err)
	}
	if err := imapSrv.Create("Sent"); err != nil {
		t.Fatal(err)
	}
	r, err = c.Send(t.Context(), outMail(2))
	if err != nil || strings.Contains(r.Detail, "no copy") {
		t.Fatalf("%+v %v", r, err)
	}
	if all, unseen, err := imapSrv.Status("Sent"); all != 1 || unseen != 0 || err != nil {
		t.Errorf("%d mails, %d unseen, %v", all, unseen, err)
	}
}

func TestSendStops(t *testing.T) {
	c, srv := rig(t, mailtest.SMTPOptions{}, nil)
	ctx, cancel := context.WithCancel(t.Context())
	release := make(chan struct{})
	defer close(release)
	srv.Script(mailtest.Script{OnRcpt: func(string) error { cancel(); <-release; return nil }})
	_, err := c.Send(ctx, outMail(1))
	sendErr(t, err, connectors.Retry)
}
