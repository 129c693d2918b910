package email

import (
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-imap/v2"

	"throughline/connectors"
	"throughline/connectors/email/mailtest"
)

func TestSeveralFolders(t *testing.T) {
	srv := fill(t, 2)
	const odd = "Sub;100% ödd/한"
	if err := srv.Create(odd); err != nil {
		t.Fatal(err)
	}
	srv.Append(odd, letter(10), time.Time{})
	c := newConnector(t, plain(srv.Port, 1, map[string]any{"folders": []string{"INBOX", odd, "Missing"}}))
	c.set.poll = 20 * time.Millisecond
	h := newHub()
	start(t, c, h)
	h.waitMails(t, 3)
	h.waitLive(t)
	h.mu.Lock()
	if last := h.states[len(h.states)-1]; !strings.Contains(last.Detail, "Missing") {
		t.Errorf("state %+v", last)
	}
	src := h.msgs[2].Source
	h.mu.Unlock()
	if folder, validity, uid, err := parseSource(c.box, src); folder != odd || validity == 0 || uid != 1 || err != nil {
		t.Errorf("%q is %q %d %d %v", src, folder, validity, uid, err)
	}
	srv.Append(odd, letter(11), time.Time{})
	h.waitMails(t, 4)
	srv.Append("INBOX", letter(12), time.Time{})
	h.waitMails(t, 5)
	if err := srv.Create("Missing"); err != nil {
		t.Fatal(err)
	}
	srv.Append("Missing", letter(13), time.Time{})
	h.waitMails(t, 6)
	checkOnce(t, h, 6)
	h.wait(t, "state without complaint", func() bool {
		last := h.states[len(h.states)-1]
		return last.Phase == connectors.Live && last.Detail == ""
	})
}

func TestNoFolderAtAll(t *testing.T) {
	srv := fill(t, 0)
	err := newConnector(t, plain(srv.Port, 1, map[string]any{"folders": "Nope"})).Run(t.Context(), newHub())
	if se := sendErr(t, err, connectors.Retry); !strings.Contains(se.Reason, `"Nope"`) {
		t.Errorf("%v", se)
	}
}

func TestStartNow(t *testing.T) {
	srv := imapServer(t)
	old := time.Now().Add(-48 * time.Hour)
	for i := range 3 {
		srv.Append("INBOX", letter(i), old)
	}
	c, h := newConnector(t, plain(srv.Port, 1, map[string]any{"start": "now"})), newHub()
	c.limits.heartbeat = 20 * time.Millisecond
	start(t, c, h)
	h.waitLive(t)
	srv.Append("INBOX", letter(3), time.Time{})
	h.waitMails(t, 1)
	// Renumbered: the past must not come in after all.
	if err := srv.Recreate("INBOX"); err != nil {
		t.Fatal(err)
	}
	for i := range 3 {
		srv.Append("INBOX", letter(i), old)
	}
	srv.Append("INBOX", letter(4), time.Time{})
	h.waitMails(t, 2)
	h.waitLive(t)
	if got := h.subjects(); got["letter 3"] != 1 || got["letter 4"] != 1 || len(got) != 2 {
		t.Errorf("%v", got)
	}
}

func TestAfter(t *testing.T) {
	for _, after := range []string{"leave", "mark_seen", "move"} {
		srv := fill(t, 4)
		srv.Create("Done")
		c, h := newConnector(t, plain(srv.Port, 1, map[string]any{"after": after, "move_to": "Done"})), newHub()
		stop := start(t, c, h)
		h.waitMails(t, 4)
		h.waitLive(t)
		srv.Append("INBOX", letter(4), time.Time{})
		h.waitMails(t, 5)
		h.waitLive(t)
		// One more round trip, so that the last tidying is done.
		srv.Append("INBOX", letter(5), time.Time{})
		h.waitMails(t, 6)
		stop()
		all, unseen, err := srv.Status("INBOX")
		done, _, derr := srv.Status("Done")
		if err != nil || derr != nil {
			t.Fatal(err, derr)
		}
		got := fmt.Sprintf("%d in INBOX, %d unseen, %d done", all, unseen, done)
		// The hub may have the sixth before it is tidied: then it is the first
		// thing of the next run.
		want := map[string]string{"leave": "6 in INBOX, 6 unseen, 0 done", "mark_seen": "6 in INBOX, 0 unseen, 0 done", "move": "0 in INBOX, 0 unseen, 6 done"}[after]
		if after != "leave" && got != want {
			start(t, c, h)
			h.waitLive(t)
			h.wait(t, "tidying", func() bool {
				all, unseen, _ := srv.Status("INBOX")
				done, _, _ := srv.Status("Done")
				got = fmt.Sprintf("%d in INBOX, %d unseen, %d done", all, unseen, done)
				return got == want
			})
		}
		if got != want {
			t.Errorf("%s: %s, want %s", after, got, want)
		}
		checkOnce(t, h, 6)
	}
}

// TestAfterFailedAccept: nothing is marked before the hub has it.
func TestAfterFailedAccept(t *testing.T) {
	srv := fill(t, 3)
	c, h := newConnector(t, plain(srv.Port, 1, map[string]any{"after": "mark_seen"})), newHub()
	h.fail = io.ErrShortWrite
	if err := c.Run(t.Context(), h); err == nil {
		t.Fatal("no error")
	}
	if _, unseen, _ := srv.Status("INBOX"); unseen != 3 {
		t.Errorf("%d unseen", unseen)
	}
}

// TestPolling: servers without IDLE.
func TestPolling(t *testing.T) {
	const ok = "$TAG OK .\r\n"
	body := fmt.Sprintf("* 1 FETCH (UID 1 BODY[] %s)\r\n", letterLiteral)
	port, commands := script(t, map[string]string{
		"CAPABILITY": "* CAPABILITY IMAP4rev1\r\n" + ok, "LOGIN": ok,
		"EXAMINE":         "* 0 EXISTS\r\n* OK [UIDVALIDITY 9] .\r\n* OK [UIDNEXT 1] .\r\n" + ok,
		"STATUS":          "* STATUS INBOX (MESSAGES 0 UIDNEXT 1 UIDVALIDITY 9)\r\n" + ok + "|* STATUS INBOX (MESSAGES 1 UIDNEXT 2 UIDVALIDITY 9)\r\n" + ok,
		"UID FETCH 1:* (": ok + "|" + "* 1 FETCH (UID 1 RFC822.SIZE 100)\r\n" + ok,
		"UID FETCH 1 (":   body + ok,
	})
	c, h := newConnector(t, plain(port, 1, nil)), newHub()
	c.set.poll = 10 * time.Millisecond
	start(t, c, h)
	h.waitMails(t, 1)
	for _, cmd := range commands() {
		if strings.HasPrefix(cmd, "IDLE") {
			t.Error("IDLE was sent")
		}
	}
}

func TestInventory(t *testing.T) {
	srv := fill(t, 3)
	srv.Create("Other")
	srv.Append("Other", letter(9), time.Time{})
	if err := srv.Expunge("INBOX", 2); err != nil {
		t.Fatal(err)
	}
	c := newConnector(t, plain(srv.Port, 1, map[string]any{"folders": "INBOX,Other"}))
	var got []string
	var sources []string
	if err := c.Inventory(t.Context(), func(i connectors.Item) error {
		got = append(got, fmt.Sprintf("%s %v %v", i.Label, i.Size > 100, time.Since(i.Time) < time.Hour))
		sources = append(sources, i.Source)
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if s := strings.Join(got, "; "); s != "INBOX true true; INBOX true true; Other true true" {
		t.Error(s)
	}
	h := newHub()
	if err := c.Refetch(t.Context(), h, sources); err != nil {
		t.Fatal(err)
	}
	checkOnce(t, h, 3)
	if h.cursor != nil {
		t.Errorf("Refetch moved the cursor: %s", h.cursor)
	}
	if err := c.Inventory(t.Context(), func(connectors.Item) error { return io.ErrClosedPipe }); err != io.ErrClosedPipe {
		t.Errorf("%v", err)
	}
	if err := c.Refetch(t.Context(), h, []string{"rubbish"}); err == nil {
		t.Error("rubbish was taken for a source")
	}
}

// TestLargeMail: 30 MB come in without being held in memory, and leave no file.
func TestLargeMail(t *testing.T) {
	d := mailtest.Peer(t)
	var b strings.Builder
	b.WriteString("From: ann@example.org\r\nTo: support@example.com\r\nSubject: large\r\nDate: Mon, 02 Nov 2026 10:00:00 +0000\r\nMIME-Version: 1.0\r\n" +
		"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: text/plain\r\n\r\nsee attachment\r\n--b\r\n" +
		"Content-Type: application/octet-stream; name=big.bin\r\nContent-Transfer-Encoding: base64\r\n\r\n")
	line := strings.Repeat("QUJD", 19) + "\r\n"
	for b.Len() < 41<<20 {
		b.WriteString(line)
	}
	b.WriteString("--b--\r\n")
	if err := d.WriteMaildir("support", "", letter(0), []byte(b.String()), letter(1)); err != nil {
		t.Fatal(err)
	}
	b.Reset()
	c, h := newConnector(t, plain(d.IMAP, 1, nil)), newHub()
	done := make(chan struct{})
	peak := make(chan uint64)
	runtime.GC()
	var before runtime.MemStats
	runtime.ReadMemStats(&before)
	go func() {
		var top uint64
		for {
			var s runtime.MemStats
			runtime.ReadMemStats(&s)
			top = max(top, s.HeapAlloc)
			select {
			case <-done:
				peak <- top
				return
			case <-time.After(2 * time.Millisecond):
			}
		}
	}()
	stop := start(t, c, h)
	h.waitMails(t, 3)
	close(done)
	if grown := <-peak - before.HeapAlloc; grown > 64<<20 {
		t.Errorf("the heap grew by %d MiB", grown>>20)
	}
	stop()
	left, err := os.ReadDir(c.host.TempDir)
	if err != nil || len(left) > 0 {
		t.Errorf("%d files left, %v", len(left), err)
	}
	checkOnce(t, h, 3)
}

func FuzzSource(f *testing.F) {
	f.Add("INBOX", uint32(1), uint32(2))
	f.Add("a;b;c", uint32(0), uint32(1))
	f.Fuzz(func(t *testing.T, folder string, validity, uid uint32) {
		if folder == "" || uid == 0 {
			return
		}
		gotFolder, gotValidity, gotUID, err := parseSource("box", formatSource("box", folder, validity, imap.UID(uid)))
		if err != nil || gotFolder != folder || gotValidity != validity || gotUID != imap.UID(uid) {
			t.Fatalf("%q %d %d became %q %d %d %v", folder, validity, uid, gotFolder, gotValidity, gotUID, err)
		}
		_, _, _, _ = parseSource("", folder) // must not panic
	})
}

// TestAnotherServer points an account at another server whose folder has the same
// numbers: its mails are others, and all of them come in.
func TestAnotherServer(t *testing.T) {
	h := newHub()
	for n, user := range []string{"support", "support-new"} {
		srv, err := mailtest.StartIMAP(mailtest.IMAPOptions{User: user, Password: "correct-horse"})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { srv.Close() })
		for i := range 3 {
			if _, err := srv.Append("INBOX", letter(10*n+i), time.Time{}); err != nil {
				t.Fatal(err)
			}
		}
		c := newConnector(t, plain(srv.Port, 1, map[string]any{"imap_user": user}))
		stop := start(t, c, h)
		h.waitMails(t, 3*(n+1))
		h.waitLive(t)
		stop()
	}
	checkOnce(t, h, 6)
}
