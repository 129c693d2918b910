package email

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"sync"
	"testing"
	"time"

	"throughline/connectors"
	"throughline/connectors/email/mailtest"
	"throughline/message"
)

// hub is a Sink that keeps everything, as the real one does after a commit.
type hub struct {
	mu     sync.Mutex
	change chan struct{} // closed and replaced at every change
	cursor []byte
	msgs   []message.Message
	raw    map[string]string // Source -> the mail as delivered
	held   []message.Held
	states []connectors.State
	fail   error // of the next Accept
	times  int   // calls of Accept
}

func newHub() *hub { return &hub{change: make(chan struct{}), raw: map[string]string{}} }

func (h *hub) Cursor(context.Context) ([]byte, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.cursor, nil
}

func (h *hub) Accept(_ context.Context, b connectors.Batch) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.times++
	if err := h.fail; err != nil {
		h.fail = nil
		return err
	}
	for _, m := range b.Messages {
		if m.Raw != nil && m.Raw.Size() <= 1<<20 {
			r, err := m.Raw.Open()
			if err != nil {
				return err
			}
			raw, err := io.ReadAll(r)
			r.Close()
			if err != nil {
				return err
			}
			h.raw[m.Source] = string(raw)
		}
		m.Raw, m.Parts = nil, nil
		h.msgs = append(h.msgs, m)
	}
	h.held = append(h.held, b.Held...)
	if b.Cursor != nil {
		h.cursor = b.Cursor
	}
	close(h.change)
	h.change = make(chan struct{})
	return nil
}

func (h *hub) State(s connectors.State) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.states = append(h.states, s)
	close(h.change)
	h.change = make(chan struct{})
}

// wait returns when ok does, which is called with the lock held.
func (h *hub) wait(t testing.TB, what string, ok func() bool) {
	t.Helper()
	timeout := time.After(mailtest.Patience)
	for {
		h.mu.Lock()
		done, change := ok(), h.change
		h.mu.Unlock()
		if done {
			return
		}
		select {
		case <-change:
		case <-timeout:
			h.mu.Lock()
			defer h.mu.Unlock()
			t.Fatalf("no %s: %d messages, %d held, cursor %s, states %+v", what, len(h.msgs), len(h.held), h.cursor, h.states)
		}
	}
}

func (h *hub) waitMails(t testing.TB, n int) {
	t.Helper()
	h.wait(t, fmt.Sprintf("%d mails", n), func() bool { return len(h.msgs) >= n })
}

func (h *hub) waitLive(t testing.TB) {
	t.Helper()
	h.wait(t, "live state", func() bool {
		return len(h.states) > 0 && h.states[len(h.states)-1].Phase == connectors.Live
	})
}

func (h *hub) subjects() map[string]int {
	h.mu.Lock()
	defer h.mu.Unlock()
	out := map[string]int{}
	for _, m := range h.msgs {
		out[m.Subject]++
	}
	return out
}

// plain are the settings for servers without TLS on these ports.
func plain(imapPort, smtpPort int, more map[string]any) map[string]any {
	set := map[string]any{
		"address": "support@example.com", "name": "Example Support",
		"imap_host": "127.0.0.1", "imap_port": imapPort, "imap_security": "none", "imap_user": "support", "imap_password": "correct-horse",
		"smtp_host": "127.0.0.1", "smtp_port": smtpPort, "smtp_security": "none",
	}
	maps.Copy(set, more)
	return set
}

func newConnector(t testing.TB, set map[string]any) *Connector {
	t.Helper()
	raw, err := json.Marshal(set)
	if err != nil {
		t.Fatal(err)
	}
	c, err := New(connectors.Account{ID: "support", Channel: Channel, Settings: raw},
		connectors.Host{Log: slog.New(slog.DiscardHandler), TempDir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	c.limits.silence = 5 * time.Second
	return c
}

// start runs c until the test ends or stop is called, which returns Run's error.
func start(t testing.TB, c *Connector, h connectors.Sink) (stop func() error) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	var err error
	go func() {
		defer close(ended)
		if err = c.Run(ctx, h); ctx.Err() == nil {
			t.Errorf("Run ended: %v", err)
		}
	}()
	stop = func() error {
		cancel()
		<-ended
		return err
	}
	t.Cleanup(func() { stop() })
	return stop
}

func imapServer(t testing.TB) *mailtest.IMAP {
	t.Helper()
	s, err := mailtest.StartIMAP(mailtest.IMAPOptions{User: "support", Password: "correct-horse"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func smtpServer(t testing.TB, o mailtest.SMTPOptions) *mailtest.SMTP {
	t.Helper()
	if o.User == "" {
		o.User, o.Password = "support", "correct-horse"
	}
	s, err := mailtest.StartSMTP(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// letter is the n-th of a series of small mails.
func letter(n int) []byte {
	return fmt.Appendf(nil, "From: Ann Example <ann%d@example.org>\r\nTo: support@example.com\r\nSubject: letter %d\r\n"+
		"Date: Mon, 02 Nov 2026 10:00:00 +0000\r\nMessage-ID: <letter.%d@example.org>\r\n\r\nHello, this is letter %d.\r\n", n, n, n, n)
}

// source is the source of a mail in the mailbox of plain.
func source(s string) string { return s + ";" + mailboxKey("127.0.0.1", "support") }
