package email

import (
	"bufio"
	"bytes"
	"fmt"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-imap/v2"

	"throughline/connectors"
	"throughline/connectors/email/mailtest"
)

// fill appends n letters and returns the server.
func fill(t testing.TB, n int) *mailtest.IMAP {
	t.Helper()
	srv := imapServer(t)
	for i := range n {
		if _, err := srv.Append("INBOX", letter(i), time.Time{}); err != nil {
			t.Fatal(err)
		}
	}
	return srv
}

func viaProxy(t testing.TB, port int) *mailtest.Proxy {
	t.Helper()
	p, err := mailtest.StartProxy(fmt.Sprintf("127.0.0.1:%d", port))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Close() })
	return p
}

// supervised runs c under a supervisor until the test ends.
func supervised(t testing.TB, c *Connector, h connectors.Sink) {
	t.Helper()
	done := make(chan struct{})
	ctx := t.Context()
	go func() {
		defer close(done)
		connectors.Supervise(ctx, c, h, c.log)
	}()
	t.Cleanup(func() { <-done }) // t.Context has ended by then
}

// TestCutInMidLiteral: wherever the connection breaks, each mail arrives once.
func TestCutInMidLiteral(t *testing.T) {
	const n = 30
	srv := fill(t, n)
	proxy := viaProxy(t, srv.Port)
	for _, at := range []int64{300, 1500, 2500, 4000, 6000, 9000} {
		c, h := newConnector(t, plain(proxy.Port, 1, nil)), newHub()
		proxy.CutAfter(at)
		supervised(t, c, h)
		h.waitMails(t, n)
		h.waitLive(t)
		checkOnce(t, h, n)
		if len(h.held) > 0 {
			t.Errorf("cut at %d: held %+v", at, h.held)
		}
	}
}

// slowButThere is a time in which a server of a test answers also on a busy machine.
const slowButThere = 3 * time.Second

// TestSilentServer: a connection on which nothing comes any more is given up,
// in IDLE and in the middle of a command.
func TestSilentServer(t *testing.T) {
	srv := fill(t, 1)
	proxy := viaProxy(t, srv.Port)
	c, h := newConnector(t, plain(proxy.Port, 1, nil)), newHub()
	usual := c.limits.silence
	c.limits.silence, c.limits.heartbeat = slowButThere, 50*time.Millisecond
	ended := make(chan error, 1)
	go func() { ended <- c.Run(t.Context(), h) }()
	h.waitLive(t)
	proxy.Silence(true)
	srv.Append("INBOX", letter(1), time.Time{})
	if err := <-ended; !strings.Contains(err.Error(), "silent") {
		t.Errorf("in IDLE: %v", err)
	}
	if err := c.Run(t.Context(), h); !strings.Contains(err.Error(), "silent") { // not even a greeting
		t.Errorf("at the start: %v", err)
	}
	proxy.Silence(false)
	c.limits.silence = usual
	start(t, c, h)
	h.waitMails(t, 2)
	checkOnce(t, h, 2)
}

// TestHalfDeafServer: a server that does not hear the end of IDLE and goes on
// telling that it is there is given up too.
func TestHalfDeafServer(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	var wg sync.WaitGroup
	defer wg.Wait()
	wg.Go(func() {
		nc, err := ln.Accept()
		if err != nil {
			return
		}
		defer nc.Close()
		say := func(lines string) bool {
			_, err := nc.Write([]byte(lines))
			return err == nil
		}
		say("* OK [CAPABILITY IMAP4rev1 IDLE] ready\r\n")
		for lines := bufio.NewScanner(nc); lines.Scan(); {
			tag, command, _ := strings.Cut(lines.Text(), " ")
			switch {
			case tag == "DONE":
				for say("* OK still here\r\n") {
					time.Sleep(5 * time.Millisecond)
				}
				return
			case command == "IDLE":
				say("+ idling\r\n")
			case command == "CAPABILITY":
				say("* CAPABILITY IMAP4rev1 IDLE\r\n" + tag + " OK .\r\n")
			case strings.HasPrefix(command, "EXAMINE"):
				say("* 0 EXISTS\r\n* OK [UIDVALIDITY 9] .\r\n* OK [UIDNEXT 1] .\r\n" + tag + " OK .\r\n")
			default:
				say(tag + " OK .\r\n")
			}
		}
	})
	c, h := newConnector(t, plain(ln.Addr().(*net.TCPAddr).Port, 1, nil)), newHub()
	c.limits.silence, c.limits.heartbeat = 100*time.Millisecond, 50*time.Millisecond
	if err := c.Run(t.Context(), h); err == nil || !strings.Contains(err.Error(), "silent") {
		t.Errorf("ended with %v", err)
	}
}

func TestNewUIDValidity(t *testing.T) {
	srv := fill(t, 3)
	c, h := newConnector(t, plain(srv.Port, 1, nil)), newHub()
	c.limits.heartbeat = 20 * time.Millisecond
	start(t, c, h)
	h.waitMails(t, 3)
	h.waitLive(t)
	// Behind the back of a session that has the folder open.
	if err := srv.Recreate("INBOX"); err != nil {
		t.Fatal(err)
	}
	for i := range 4 {
		srv.Append("INBOX", letter(i), time.Time{})
	}
	h.waitMails(t, 7) // the hub recognises three of them
	h.mu.Lock()
	defer h.mu.Unlock()
	if got := h.msgs[3].Source; got != source("INBOX;2;1") {
		t.Errorf("source %s", got)
	}
}

// TestPoison: mails that break the connection are held, and only those.
func TestPoison(t *testing.T) {
	const n = 40
	for _, bad := range [][]imap.UID{{1}, {n}, {17}, {5, 6, 7}, {3, 20, 39}} {
		srv := fill(t, n)
		for _, u := range bad {
			srv.Poison(u, true)
		}
		c, h := newConnector(t, plain(srv.Port, 1, nil)), newHub()
		start(t, c, h)
		h.waitMails(t, n-len(bad))
		h.waitLive(t)
		checkOnce(t, h, n-len(bad))
		h.mu.Lock()
		if len(h.held) != len(bad) {
			t.Errorf("%v: held %+v", bad, h.held)
		}
		for i, held := range h.held {
			if want := formatSource(c.box, "INBOX", 1, bad[i]); held.Source != want || held.Raw != nil || !strings.Contains(held.Reason, "3 tries") {
				t.Errorf("held %+v, want %s", held, want)
			}
		}
		h.mu.Unlock()
		if k := srv.Logins(); k > 1+9*len(bad) { // three tries each, and six halvings of 40
			t.Errorf("%v: %d logins", bad, k)
		}
		// "Try again" once the server is well.
		for _, u := range bad {
			srv.Poison(u, false)
		}
		if err := c.Refetch(t.Context(), h, []string{h.held[0].Source, source("INBOX;1;9999"), source("INBOX;77;1"), source("Gone;1;1")}); err != nil {
			t.Error(err)
		}
		checkOnce(t, h, n-len(bad)+1)
	}
}

// TestSickServer: when every fetch breaks the connection, it is not the mails.
func TestSickServer(t *testing.T) {
	const n = 60
	srv := fill(t, n)
	for u := range imap.UID(n) {
		srv.Poison(u+1, true)
	}
	c, h := newConnector(t, plain(srv.Port, 1, nil)), newHub()
	err := c.Run(t.Context(), h)
	sendErr(t, err, connectors.Retry)
	if len(h.held) != maxHoles {
		t.Errorf("%d held", len(h.held))
	}
	for u := range imap.UID(n) {
		srv.Poison(u+1, false)
	}
	start(t, c, h)
	h.waitMails(t, n-maxHoles)
}

// script is an IMAP server that answers by a table; the parts after "|" are
// sent for the second, third, … such command.
func script(t *testing.T, answers map[string]string) (port int, commands func() []string) {
	t.Helper()
	s, err := mailtest.StartScript(answers)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s.Port, s.Commands
}

var letterLiteral = fmt.Sprintf("{%d}\r\n%s", len(letter(1)), letter(1))

// TestOddServers: answers that real servers have been seen to give.
func TestOddServers(t *testing.T) {
	const selected = "* 3 EXISTS\r\n* OK [UIDVALIDITY 9] .\r\n* OK [UIDNEXT 4] .\r\n$TAG OK [READ-ONLY] .\r\n"
	meta := func(seq, uid int) string {
		return fmt.Sprintf("* %d FETCH (UID %d RFC822.SIZE 100 INTERNALDATE \"01-Nov-2026 10:00:00 +0000\")\r\n", seq, uid)
	}
	body := func(seq, uid int) string {
		return fmt.Sprintf("* %d FETCH (UID %d BODY[] %s)\r\n", seq, uid, letterLiteral)
	}
	bodyFirst := func(seq, uid int) string {
		return fmt.Sprintf("* %d FETCH (BODY[] %s UID %d)\r\n", seq, letterLiteral, uid)
	}
	const ok = "$TAG OK .\r\n"
	for _, tt := range []struct {
		name    string
		answers map[string]string
		mails   int
		held    int
		sources []string
	}{
		{"expunged between listing and fetch", map[string]string{
			"UID FETCH 1:* ": meta(1, 1) + meta(2, 2) + meta(3, 3) + ok,
			"UID FETCH 1:3 ": body(1, 1) + "* 2 EXPUNGE\r\n" + body(2, 3) + ok,
			"UID SEARCH":     "* SEARCH\r\n" + ok,
		}, 2, 0, []string{source("INBOX;9;1"), source("INBOX;9;3")}},
		{"BODY[] NIL for a mail that is gone", map[string]string{
			"UID FETCH 1:* ": meta(1, 1) + meta(2, 2) + meta(3, 3) + ok,
			"UID FETCH 1:3 ": body(1, 1) + "* 2 FETCH (UID 2 BODY[] NIL)\r\n" + body(3, 3) + ok,
			"UID SEARCH":     "* SEARCH\r\n" + ok,
		}, 2, 0, []string{source("INBOX;9;1"), source("INBOX;9;3")}},
		{"BODY[] NIL for a mail that is there", map[string]string{
			"UID FETCH 1:* ": meta(1, 1) + meta(2, 2) + meta(3, 3) + ok,
			"UID FETCH 1:3 ": body(1, 1) + "* 2 FETCH (UID 2 BODY[] NIL)\r\n" + body(3, 3) + ok,
			"UID FETCH 2 ":   "* 2 FETCH (UID 2 BODY[] NIL)\r\n" + ok,
			"UID FETCH 3 ":   body(3, 3) + ok,
			"UID SEARCH":     "* SEARCH 2\r\n" + ok,
		}, 2, 1, []string{source("INBOX;9;1"), source("INBOX;9;3")}},
		{"BYE in the middle", map[string]string{
			"UID FETCH 1:* ": meta(1, 1) + meta(2, 2) + meta(3, 3) + ok,
			"UID FETCH 4:* ": meta(3, 3) + ok,
			"UID FETCH 1:3 ": body(1, 1) + "* BYE shutting down\r\n" + "$CLOSE",
			"UID FETCH 2 ":   body(2, 2) + ok,
			"UID FETCH 3 ":   body(3, 3) + ok,
		}, 3, 0, nil},
		{"success without the mails", map[string]string{
			"UID FETCH 1:* ": meta(1, 1) + meta(2, 2) + meta(3, 3) + ok,
			"UID FETCH 1:3 ": ok,
			"UID FETCH 1 ":   body(1, 1) + ok,
			"UID FETCH 2:3 ": body(2, 2) + body(3, 3) + ok,
			"UID SEARCH":     "* SEARCH 1 2 3\r\n" + ok,
		}, 3, 0, nil},
		{"a date nobody can read", map[string]string{
			"UID FETCH 1:* ": meta(1, 1) + "* 2 FETCH (UID 2 RFC822.SIZE 100 INTERNALDATE \"yesterday\")\r\n" + ok,
			"UID SEARCH":     "* SEARCH 1 2 3\r\n" + ok,
			"UID FETCH 1:3 ": body(1, 1) + body(2, 2) + body(3, 3) + ok,
		}, 3, 0, nil},
		{"a listing with a hole", map[string]string{
			"UID FETCH 1:* ": meta(1, 1) + meta(3, 3) + ok,
			"UID SEARCH":     "* SEARCH 1 2 3\r\n" + ok,
			"UID FETCH 1:3 ": body(1, 1) + body(2, 2) + body(3, 3) + ok,
		}, 3, 0, nil},
		{"more than was asked for", map[string]string{
			"UID FETCH 1:* ": meta(1, 1) + "* 7 FETCH (FLAGS (\\Seen))\r\n" + meta(2, 2) + meta(3, 3) + "* 4 EXISTS\r\n" + ok,
			"UID FETCH 1:3 ": body(3, 3) + "* 1 FETCH (UID 1 FLAGS () BODY[] " + letterLiteral + ")\r\n" + body(2, 2) + body(2, 2) + ok,
			"UID FETCH 4:* ": meta(3, 3) + ok,
		}, 3, 0, []string{source("INBOX;9;1"), source("INBOX;9;2"), source("INBOX;9;3")}},
		{"bodies before UIDs", map[string]string{
			"UID FETCH 1:* ": meta(1, 1) + meta(2, 2) + meta(3, 3) + ok,
			"UID FETCH 1:3 ": bodyFirst(1, 1) + bodyFirst(2, 2) + bodyFirst(3, 3) + ok,
			"SEARCH UID 1:3": "* SEARCH 1 2 3\r\n" + ok,
			"FETCH 1:3 ":     bodyFirst(1, 1) + bodyFirst(2, 2) + bodyFirst(3, 3) + ok,
		}, 3, 0, []string{source("INBOX;9;1"), source("INBOX;9;2"), source("INBOX;9;3")}},
		{"a literal without end", map[string]string{
			"UID FETCH 1:* ": meta(1, 1) + meta(2, 2) + meta(3, 3) + ok,
			"UID FETCH 1:3 ": body(1, 1) + "* 2 FETCH (UID 2 BODY[] {99999999999}\r\nFrom: x\r\n",
			"UID FETCH 2 ":   "* 2 FETCH (UID 2 BODY[] {99999999999}\r\nFrom: x\r\n",
			"UID FETCH 4:* ": ok,
			"UID FETCH 3 ":   body(3, 3) + ok,
		}, 2, 1, []string{source("INBOX;9;1"), source("INBOX;9;3")}},
		{"an answer about other mails", map[string]string{
			"UID FETCH 1:* ": meta(1, 1) + meta(2, 2) + meta(3, 3) + ok,
			"UID FETCH 1:3 ": body(1, 1) + body(9, 900) + body(2, 2) + body(1, 1) + body(3, 3) + ok,
		}, 3, 0, []string{source("INBOX;9;1"), source("INBOX;9;2"), source("INBOX;9;3")}},
		{"a mail above the limit", map[string]string{
			"UID FETCH 1:* ":    meta(1, 1) + "* 2 FETCH (UID 2 RFC822.SIZE 99000000 INTERNALDATE \"01-Nov-2026 10:00:00 +0000\")\r\n" + meta(3, 3) + ok,
			"UID FETCH 1 ":      body(1, 1) + ok,
			"UID FETCH 3 ":      body(3, 3) + ok,
			"UID FETCH 1,3 ":    body(1, 1) + body(3, 3) + ok,
			"UID FETCH 4294967": ok,
		}, 2, 1, []string{source("INBOX;9;1"), source("INBOX;9;3")}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			answers := map[string]string{"CAPABILITY": "* CAPABILITY IMAP4rev1 IDLE\r\n" + ok, "LOGIN": ok, "EXAMINE": selected, "IDLE": "+ idling\r\n", "DONE": "$IDLETAG OK .\r\n"}
			for k, v := range tt.answers {
				answers[k] = v
			}
			port, _ := script(t, answers)
			c, h := newConnector(t, plain(port, 1, nil)), newHub()
			start(t, c, h)
			h.waitLive(t)
			h.mu.Lock()
			defer h.mu.Unlock()
			if len(h.msgs) != tt.mails || len(h.held) != tt.held {
				t.Errorf("%d mails, held %+v", len(h.msgs), h.held)
			}
			var got []string
			for _, m := range h.msgs {
				got = append(got, m.Source)
			}
			if tt.sources != nil && !slices.Equal(got, tt.sources) {
				t.Errorf("sources %v", got)
			}
			if !strings.Contains(string(h.cursor), `"last":3`) {
				t.Errorf("cursor %s", h.cursor)
			}
		})
	}
}

func TestThrottled(t *testing.T) {
	const ok = "$TAG OK .\r\n"
	port, _ := script(t, map[string]string{
		"CAPABILITY": "* CAPABILITY IMAP4rev1 IDLE\r\n" + ok, "LOGIN": ok,
		"EXAMINE":       "* 1 EXISTS\r\n* OK [UIDVALIDITY 9] .\r\n* OK [UIDNEXT 2] .\r\n$TAG OK .\r\n",
		"UID FETCH 1:*": "* 1 FETCH (UID 1 RFC822.SIZE 100)\r\n" + ok,
		"UID FETCH 1 ":  "$TAG NO Request is throttled. Suggested Backoff Time: 297000 milliseconds\r\n",
	})
	c, h := newConnector(t, plain(port, 1, nil)), newHub()
	err := c.Run(t.Context(), h)
	if se := sendErr(t, err, connectors.Retry); se.After != 297*time.Second {
		t.Errorf("%+v", se)
	}
	if len(h.held) != 0 {
		t.Errorf("held %+v", h.held)
	}
}

func TestLoginRefused(t *testing.T) {
	const caps = "* CAPABILITY IMAP4rev1\r\n$TAG OK .\r\n"
	for _, tt := range []struct {
		answer string
		class  connectors.Class
	}{
		{"$TAG NO [AUTHENTICATIONFAILED] Authentication failed.\r\n", connectors.AccountFault},
		{"$TAG NO LOGIN failed.\r\n", connectors.AccountFault},
		{"$TAG NO [UNAVAILABLE] Try again.\r\n", connectors.Retry},
		{"$TAG NO Temporary authentication failure.\r\n", connectors.Retry},
		{"$TAG BAD User is authenticated but not connected.\r\n", connectors.Retry},
		{"* BYE too many connections\r\n$CLOSE", connectors.Retry},
		{"$TAG NO [AUTHENTICATIONFAILED] wrong password correct-horse for support\r\n", connectors.AccountFault},
	} {
		port, _ := script(t, map[string]string{"CAPABILITY": caps, "LOGIN": tt.answer})
		c, h := newConnector(t, plain(port, 1, nil)), newHub()
		err := c.Run(t.Context(), h)
		if se := sendErr(t, err, tt.class); strings.Contains(se.Error(), "correct-horse") {
			t.Errorf("%v holds the password", se)
		}
	}
	port, _ := script(t, map[string]string{"CAPABILITY": "* CAPABILITY IMAP4rev1 LOGINDISABLED\r\n$TAG OK .\r\n"})
	err := newConnector(t, plain(port, 1, nil)).Run(t.Context(), newHub())
	if se := sendErr(t, err, connectors.AccountFault); !strings.Contains(se.Reason, "tls") {
		t.Errorf("%v", se)
	}
}

// TestNoRoomForLargeMail: a full disk here is no fault of the mail.
func TestNoRoomForLargeMail(t *testing.T) {
	srv := fill(t, 1)
	big := append(letter(1), bytes.Repeat([]byte("0123456789abcde\n"), 2*spoolBytes/16)...)
	srv.Append("INBOX", big, time.Time{})
	c, h := newConnector(t, plain(srv.Port, 1, nil)), newHub()
	dir := c.host.TempDir
	c.host.TempDir = dir + "/missing"
	for range poisonTries + 1 {
		if err := c.Run(t.Context(), h); err == nil || !strings.Contains(err.Error(), "stored on the way") {
			t.Fatalf("Run = %v", err)
		}
	}
	if len(h.held) != 0 || len(h.msgs) != 1 {
		t.Fatalf("%d mails, held %+v", len(h.msgs), h.held)
	}
	c.host.TempDir = dir
	start(t, c, h)
	h.waitMails(t, 2)
}

// TestEndlessLine: a server that never ends a line costs no memory for long.
func TestEndlessLine(t *testing.T) {
	port, _ := script(t, map[string]string{"CAPABILITY": "* CAPABILITY IMAP4rev1 " + strings.Repeat("a", maxAnswerLine+1<<20)})
	c := newConnector(t, plain(port, 1, nil))
	sendErr(t, c.Run(t.Context(), newHub()), connectors.Retry)
}

// TestSparseFolder: two mails with four thousand million UIDs between them.
func TestSparseFolder(t *testing.T) {
	const ok = "$TAG OK .\r\n"
	const one, two = "* 1 FETCH (UID 1 RFC822.SIZE 100)\r\n", "* 2 FETCH (UID 4000000000 RFC822.SIZE 100)\r\n"
	port, commands := script(t, map[string]string{
		"CAPABILITY": "* CAPABILITY IMAP4rev1 IDLE\r\n" + ok, "LOGIN": ok, "IDLE": "+ idling\r\n", "DONE": "$IDLETAG OK .\r\n",
		"EXAMINE":              "* 2 EXISTS\r\n* OK [UIDVALIDITY 9] .\r\n* OK [UIDNEXT 4000000001] .\r\n" + ok,
		"UID FETCH":            ok,
		"UID FETCH 1:2000 (":   one + ok,
		"UID FETCH 1 (":        "* 1 FETCH (UID 1 BODY[] " + letterLiteral + ")\r\n" + ok,
		"UID FETCH 2097150001": two + ok, // the last range
		"UID FETCH 4000000000": "* 2 FETCH (UID 4000000000 BODY[] " + letterLiteral + ")\r\n" + ok,
	})
	c, h := newConnector(t, plain(port, 1, nil)), newHub()
	start(t, c, h)
	h.waitLive(t)
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.msgs) != 2 || len(h.held) != 0 {
		t.Errorf("%d mails, held %+v, after %q", len(h.msgs), h.held, commands())
	}
	if n := len(commands()); n > 60 {
		t.Errorf("%d commands for two mails", n)
	}
}
