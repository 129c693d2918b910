package email

import (
	"bufio"
	"net"
	"strings"
	"testing"

	"throughline/connectors"
)

// dialogue is an SMTP server that gives the answer of the longest key that a
// command begins with; "" is the greeting. An answer ending in $CLOSE ends the
// connection.
func dialogue(t *testing.T, answers map[string]string) (port int) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			talk(c, answers)
		}
	}()
	t.Cleanup(func() { ln.Close(); <-done })
	return ln.Addr().(*net.TCPAddr).Port
}

func talk(c net.Conn, answers map[string]string) {
	defer c.Close()
	say := func(a string) bool {
		a, last := strings.CutSuffix(a, "$CLOSE")
		_, err := c.Write([]byte(a))
		return err == nil && !last
	}
	if !say(answers[""]) {
		return
	}
	data := false
	lines := bufio.NewScanner(c)
	for lines.Scan() {
		line := lines.Text()
		if data && line != "." {
			continue
		}
		best := ""
		for key := range answers {
			if strings.HasPrefix(line, key) && len(key) > len(best) {
				best = key
			}
		}
		answer := "502 5.5.1 not in the dialogue\r\n"
		if best != "" {
			answer = answers[best]
		}
		data = line == "DATA" && strings.HasPrefix(answer, "354")
		if !say(answer) {
			return
		}
	}
}

// TestSMTPDialogues: what a server may say at each stage, and what becomes of
// the mail.
func TestSMTPDialogues(t *testing.T) {
	const sent = connectors.Class(-1)
	for _, tt := range []struct {
		name    string
		answers map[string]string
		class   connectors.Class
		reason  string
	}{
		{"all well, in many lines", map[string]string{"": "220-welcome\r\n220-to this\r\n220 server\r\n", ".": "250-2.0.0 taken\r\n250 2.0.0 as 4F1A\r\n"}, sent, ""},
		{"only HELO", map[string]string{"EHLO": "502 5.5.1 what?\r\n", "HELO": "250 hello\r\n"}, connectors.AccountFault, "log in"},
		{"no login offered", map[string]string{"EHLO": "250-hello\r\n250 SIZE 1000000\r\n"}, connectors.AccountFault, "log in"},
		{"refused at the greeting for now", map[string]string{"": "421 4.3.2 too busy\r\n$CLOSE"}, connectors.Retry, "too busy"},
		{"refused at the greeting", map[string]string{"": "554 5.7.1 your network is not welcome\r\n$CLOSE"}, connectors.Retry, "not welcome"},
		{"refused at EHLO", map[string]string{"EHLO": "550 5.7.1 bad name\r\n", "HELO": "550 5.7.1 bad name\r\n"}, connectors.Retry, "bad name"},
		{"421 at the login", map[string]string{"AUTH": "421 4.7.0 try later\r\n$CLOSE"}, connectors.Retry, "try later"},
		{"421 at the sender", map[string]string{"MAIL": "421 4.7.0 try later\r\n$CLOSE"}, connectors.Retry, "try later"},
		{"421 at a recipient", map[string]string{"RCPT": "421 4.7.0 try later\r\n$CLOSE"}, connectors.Retry, "try later"},
		{"421 at the data", map[string]string{"DATA": "421 4.7.0 try later\r\n$CLOSE"}, connectors.Retry, "try later"},
		{"421 after the data", map[string]string{".": "421 4.7.0 try later\r\n$CLOSE"}, connectors.Retry, "try later"},
		{"refused after the data", map[string]string{".": "554 5.7.1 spam\r\n"}, connectors.Reject, "spam"},
		{"closed at the data", map[string]string{"DATA": "$CLOSE"}, connectors.Retry, "closed"},
		{"closed after the data", map[string]string{".": "$CLOSE"}, connectors.Unsure, "confirmed"},
		{"login wanted after all", map[string]string{"MAIL": "530 5.7.0 authentication required\r\n"}, connectors.AccountFault, "authentication required"},
		{"words instead of answers", map[string]string{"": "hello there\r\n"}, connectors.Retry, ""},
		{"a line without end", map[string]string{"": "220 " + strings.Repeat("a", 1<<20)}, connectors.Retry, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			answers := map[string]string{"": "220 ready\r\n", "EHLO": "250-hello\r\n250 AUTH PLAIN\r\n", "AUTH": "235 2.7.0 ok\r\n", "MAIL": "250 ok\r\n", "RCPT": "250 ok\r\n",
				"DATA": "354 go\r\n", ".": "250 2.0.0 taken\r\n"}
			for k, v := range tt.answers {
				answers[k] = v
			}
			c := newConnector(t, plain(1, dialogue(t, answers), nil))
			defer c.out.release()
			_, err := c.Send(t.Context(), outMail(1))
			if tt.class == sent {
				if err != nil {
					t.Error(err)
				}
				return
			}
			if se := sendErr(t, err, tt.class); !strings.Contains(se.Reason, tt.reason) {
				t.Errorf("%q does not say %q", se.Reason, tt.reason)
			}
		})
	}
}
