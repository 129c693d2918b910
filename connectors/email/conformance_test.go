package email

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"net/mail"
	"strings"
	"testing"
	"time"

	"throughline/connectors"
	"throughline/connectors/connectortest"
	"throughline/connectors/email/mailtest"
)

// harness fills in what is the same over every IMAP server.
func harness(t *testing.T, imapPort int, out *mailtest.SMTP) connectortest.Harness {
	password := "correct-horse"
	dir := t.TempDir()
	return connectortest.Harness{
		New: func() connectors.Connector {
			raw, err := json.Marshal(plain(imapPort, out.Port, map[string]any{"imap_password": password}))
			if err != nil {
				t.Fatal(err)
			}
			c, err := New(connectors.Account{ID: "support", Channel: Channel, Settings: raw},
				connectors.Host{Log: slog.New(slog.DiscardHandler), TempDir: dir})
			if err != nil {
				t.Fatal(err)
			}
			return c
		},
		Outgoing: outMail,
		Sent: func() []string {
			var ids []string
			for _, m := range out.Mails() {
				h, err := mail.ReadMessage(strings.NewReader(string(m.Data)))
				if err != nil {
					t.Fatal(err)
				}
				ids = append(ids, h.Header.Get("Message-Id"))
			}
			return ids
		},
		Lock:    func() error { password = "wrong-horse"; return nil },
		Secrets: []string{"correct-horse", "wrong-horse"},
	}
}

// simple is a small mail with this text.
func simple(text string) []byte {
	return fmt.Appendf(nil, "From: ann@example.org\r\nTo: support@example.com\r\nSubject: %s\r\nDate: Mon, 02 Nov 2026 10:00:00 +0000\r\n\r\n%s\r\n", text, text)
}

func TestConformance(t *testing.T) {
	connectortest.Run(t, func(t *testing.T) connectortest.Harness {
		in, out := imapServer(t), smtpServer(t, mailtest.SMTPOptions{})
		h := harness(t, in.Port, out)
		h.Deliver = func(text string) error { _, err := in.Append("INBOX", simple(text), time.Time{}); return err }
		h.Poison = func(text string) error {
			uid, err := in.Append("INBOX", simple(text), time.Time{})
			in.Poison(uid, true)
			return err
		}
		h.Cut = func() error { in.Kick(); return nil }
		return h
	})
}

func TestConformanceDovecot(t *testing.T) {
	d := mailtest.Peer(t)
	n := 0
	connectortest.Run(t, func(t *testing.T) connectortest.Harness {
		n++
		user := fmt.Sprintf("user%d", n)
		out := smtpServer(t, mailtest.SMTPOptions{})
		h := harness(t, d.IMAP, out)
		old := h.New
		h.New = func() connectors.Connector {
			c := old().(*Connector)
			c.set.imap.user, c.set.smtp.user = user, "support"
			return c
		}
		h.Deliver = func(text string) error { return d.Deliver(user, simple(text)) }
		h.Cut = func() error { return d.Kick(user) }
		return h
	})
}
