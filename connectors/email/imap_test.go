package email

import (
	"errors"
	"strings"
	"testing"
	"time"

	"throughline/connectors"
	"throughline/connectors/email/mailtest"
)

// TestReceive: what lies there and what comes later is delivered once each, and
// not again after a restart.
func TestReceive(t *testing.T) {
	srv := imapServer(t)
	for i := range 5 {
		srv.Append("INBOX", letter(i), time.Time{})
	}
	c, h := newConnector(t, plain(srv.Port, 1, nil)), newHub()
	stop := start(t, c, h)
	h.waitMails(t, 5)
	h.waitLive(t)
	srv.Append("INBOX", letter(5), time.Time{})
	h.waitMails(t, 6)
	stop()
	srv.Append("INBOX", letter(6), time.Time{})
	start(t, c, h)
	h.waitMails(t, 7)
	h.waitLive(t)
	checkOnce(t, h, 7)
	if got := h.raw[source("INBOX;1;1")]; got != string(letter(0)) {
		t.Errorf("raw = %q", got)
	}
}

func checkOnce(t *testing.T, h *hub, n int) {
	t.Helper()
	got := h.subjects()
	for s, k := range got {
		if k != 1 {
			t.Errorf("%q came %d times", s, k)
		}
	}
	if len(got) != n {
		t.Errorf("%d different mails, want %d", len(got), n)
	}
}

func TestReceiveDovecot(t *testing.T) {
	d := mailtest.Peer(t)
	for i := range 3 {
		if err := d.WriteMaildir("support", "", letter(i)); err != nil {
			t.Fatal(err)
		}
	}
	c, h := newConnector(t, plain(d.IMAP, 1, nil)), newHub()
	supervised(t, c, h)
	h.waitMails(t, 3)
	h.waitLive(t)
	if err := d.Deliver("support", letter(3)); err != nil {
		t.Fatal(err)
	}
	h.waitMails(t, 4)
	if err := d.Kick("support"); err != nil {
		t.Fatal(err)
	}
	h.wait(t, "what people are told", func() bool {
		for _, s := range h.states {
			if s.Phase == connectors.Retrying {
				if !strings.HasPrefix(s.Detail, "the connection broke: the server closed it") {
					t.Errorf("state %+v", s)
				}
				return true
			}
		}
		return false
	})
	checkOnce(t, h, 4)
}

func TestAcceptFails(t *testing.T) {
	srv := imapServer(t)
	srv.Append("INBOX", letter(0), time.Time{})
	c, h := newConnector(t, plain(srv.Port, 1, nil)), newHub()
	boom := errors.New("the disk is full")
	h.fail = boom
	if err := c.Run(t.Context(), h); !errors.Is(err, boom) {
		t.Fatalf("Run = %v", err)
	}
	if h.cursor != nil {
		t.Fatalf("cursor = %s", h.cursor)
	}
	start(t, c, h)
	h.waitMails(t, 1)
}
