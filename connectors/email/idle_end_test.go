package email

import (
	"slices"
	"strings"
	"testing"
	"time"

	"throughline/connectors"
)

// TestIdleEndedByServer: that a server ends IDLE by itself is noticed at once, and
// one that does so at once is asked every poll interval instead.
func TestIdleEndedByServer(t *testing.T) {
	const ok = "$TAG OK .\r\n"
	for name, answer := range map[string]string{
		"at once":        "+ idling\r\n$TAG OK IDLE terminated\r\n",
		"after news":     "+ idling\r\n* OK Still here\r\n$TAG OK IDLE terminated\r\n",
		"as a complaint": "+ idling\r\n$TAG BAD no\r\n",
	} {
		port, commands := script(t, map[string]string{
			"CAPABILITY": "* CAPABILITY IMAP4rev1 IDLE\r\n" + ok, "LOGIN": ok, "IDLE": answer, "DONE": "T0 BAD what\r\n",
			"EXAMINE": "* 0 EXISTS\r\n* OK [UIDVALIDITY 9] .\r\n* OK [UIDNEXT 1] .\r\n" + ok, "UID FETCH": ok,
			"STATUS": "* STATUS INBOX (MESSAGES 0 UIDNEXT 1 UIDVALIDITY 9)\r\n" + ok,
		})
		c, h := newConnector(t, plain(port, 1, nil)), newHub()
		c.limits.silence, c.limits.heartbeat = time.Hour, time.Hour // only noticing helps
		if se := sendErr(t, c.Run(t.Context(), h), connectors.Retry); !strings.Contains(se.Reason, "ended IDLE") {
			t.Errorf("%s: %v", name, se)
		}
		stop := start(t, c, h)
		h.wait(t, "the second run", func() bool {
			return h.states[len(h.states)-1].Phase == connectors.Live && len(commands()) > 8
		})
		stop()
		if n := len(slices.DeleteFunc(commands(), func(s string) bool { return s != "IDLE" })); n != 1 {
			t.Errorf("%s: IDLE was sent %d times", name, n)
		}
	}
}

func TestIdleEndLines(t *testing.T) {
	for _, tt := range []struct {
		pieces []string
		ended  bool
	}{
		{[]string{"T3 IDLE\r\n", "+ idling\r\n", "* 4 EXISTS\r\n"}, false},
		{[]string{"T3 IDLE\r\n", "+ idling\r\nT3 OK done\r\n"}, true},
		{[]string{"+ idling\r\n", "T", "3 ", "O", "K", "\r", "\n"}, true},
		{[]string{"* OK Still here T3 OK\r\n", "* BYE T3 OK\r\n"}, false},
		{[]string{"* 1 FETCH ", strings.Repeat("x", 100), "T3 OK\r\n"}, false},
		{[]string{"T3 OKAY\r\n"}, false},
		{[]string{"T3 NO\r\n"}, true},
		{[]string{"\n\n\n"}, false},
	} {
		e := &idleEnd{ended: make(chan struct{}, 1)}
		e.watch(true)
		for _, p := range tt.pieces {
			if n, err := e.Write([]byte(p)); n != len(p) || err != nil {
				t.Fatal(n, err)
			}
		}
		if got := len(e.ended) == 1; got != tt.ended {
			t.Errorf("%q: %v", tt.pieces, got)
		}
		if e.watch(false); len(e.ended) != 0 {
			t.Error("the token stays")
		}
		e.Write([]byte("T3 OK\r\n"))
		if len(e.ended) != 0 {
			t.Error("it looks though it was told not to")
		}
	}
}

// TestFolderNotUnderstood: BAD to one folder does not stop the others.
func TestFolderNotUnderstood(t *testing.T) {
	const ok = "$TAG OK .\r\n"
	port, _ := script(t, map[string]string{
		"CAPABILITY": "* CAPABILITY IMAP4rev1 IDLE\r\n" + ok, "LOGIN": ok, "IDLE": "+ idling\r\n", "DONE": "$IDLETAG OK .\r\n",
		"EXAMINE":        "* 1 EXISTS\r\n* OK [UIDVALIDITY 9] .\r\n* OK [UIDNEXT 2] .\r\n" + ok,
		`EXAMINE "Odd"`:  "$TAG BAD cannot parse that name\r\n",
		"UID FETCH 1:* ": "* 1 FETCH (UID 1 RFC822.SIZE 100)\r\n" + ok,
		"UID FETCH 1 ":   "* 1 FETCH (UID 1 BODY[] " + letterLiteral + ")\r\n" + ok,
		"UID FETCH 2:* ": ok,
	})
	c, h := newConnector(t, plain(port, 1, map[string]any{"folders": []string{"Odd", "INBOX"}})), newHub()
	start(t, c, h)
	h.waitMails(t, 1)
	h.waitLive(t)
	h.mu.Lock()
	defer h.mu.Unlock()
	if last := h.states[len(h.states)-1]; !strings.Contains(last.Detail, "Odd") {
		t.Errorf("state %+v", last)
	}
}
