package e2e

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"throughline/api"
	"throughline/connectors/email/mailtest"
)

// TestShutdown ends the program in the middle of traffic, several times, and
// lets it go on.
func TestShutdown(t *testing.T) {
	t.Parallel()
	f := openOffice(t, hubOptions{})
	var want []string
	send := func(n int) {
		for range n {
			l := letter{subject: fmt.Sprintf("stop %03d", len(want)), id: fmt.Sprintf("stop-%d@example.org", len(want))}
			want = append(want, l.subject)
			if err := f.dovecot.WriteMaildir(f.user, "", l.raw()); err != nil {
				t.Fatal(err)
			}
		}
	}
	send(1)
	row := f.admin.untilRow(t, want[0])
	replies := 0
	for range 3 {
		screen := f.admin.live(t, 0) // an open stream must not hold the program up
		send(40)
		must[api.Entry](t)(f.admin.reply(row.ID, "reply", "<p>A moment, please.</p>", nil))
		replies++
		screen.entry(t, "message.received", nil)
		took, err := f.terminate()
		if err != nil || took > 15*time.Second {
			t.Fatalf("SIGTERM: %v after %v\n%s", err, took, f.log.tail(20))
		}
		f.hub.check()
		send(10) // while it is away
		f.start()
	}
	f.admin.untilSubjects(t, want)
	awaitMails(t, f.smtp, replies)
	f.admin.untilPhase(t, "support", "live")

	// The second signal ends it at once.
	if err := f.cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	if _, err := f.terminate(); err != nil && !strings.Contains(err.Error(), "signal") {
		t.Errorf("two signals: %v", err)
	}
	f.start()
	f.admin.untilPhase(t, "support", "live")
	if n := len(f.smtp.Mails()); n != replies {
		t.Errorf("%d replies went out %d times", replies, n)
	}
	a := f.admin.audit(t, "support")
	if a.Server != len(want) || a.Stored != len(want) || a.MissingN != 0 {
		t.Errorf("the audit says %+v", a)
	}
}

// audit compares the mailbox with the hub.
func (c *client) audit(t testing.TB, account string) api.Audit {
	t.Helper()
	if err := c.call("POST", "/api/accounts/"+account+"/audit", nil, nil); err != nil {
		t.Fatal(err)
	}
	var a api.Audit
	until(t, "the audit", func() (err error) {
		if a, err = get[api.Audit](c, "/api/accounts/"+account+"/audit"); err == nil && a.Running {
			err = errors.New("it runs")
		}
		return err
	})
	if a.Error != "" {
		t.Fatalf("the audit failed: %s", a.Error)
	}
	return a
}

// TestAudit finds mail that the hub was told to leave out, and imports it.
func TestAudit(t *testing.T) {
	t.Parallel()
	d := mailtest.Peer(t)
	h := newHub(t, hubOptions{})
	h.start()
	admin := h.setup()
	for i := range 5 {
		if err := d.Deliver("audit", letter{subject: fmt.Sprintf("old %d", i), id: fmt.Sprintf("old-%d@example.org", i)}.raw()); err != nil {
			t.Fatal(err)
		}
	}
	s := settings(d, "audit", 1)
	s["start"] = "now"
	admin.addAccount(t, "audit", s)
	admin.untilPhase(t, "audit", "live")
	if err := d.Deliver("audit", letter{subject: "new", id: "new@example.org"}.raw()); err != nil {
		t.Fatal(err)
	}
	admin.untilSubjects(t, []string{"new"})
	a := admin.audit(t, "audit")
	if a.Server != 6 || a.Stored != 1 || a.MissingN != 5 || len(a.Missing) != 5 {
		t.Fatalf("the audit says %+v", a)
	}
	importMissing := func(sources []string) {
		t.Helper()
		// Refused while the one before ends, which it does a moment after its mail
		// is there.
		until(t, "import", func() error {
			return admin.call("POST", "/api/accounts/audit/audit/import", api.ImportRequest{Sources: sources}, nil)
		})
	}
	importMissing([]string{a.Missing[0].Source})
	until(t, "one imported", func() error {
		if n := len(admin.subjects(t)); n != 2 {
			return fmt.Errorf("%d conversations", n)
		}
		return nil
	})
	importMissing(nil)
	admin.untilSubjects(t, []string{"new", "old 0", "old 1", "old 2", "old 3", "old 4"})
	until(t, "0 missing", func() error {
		if a := admin.audit(t, "audit"); a.MissingN != 0 || a.Stored != 6 {
			return fmt.Errorf("the audit says %+v", a)
		}
		return nil
	})
	h.check()
}

// TestBackup copies a hub at work, and goes on from the copy as after a fire.
func TestBackup(t *testing.T) {
	t.Parallel()
	f := openOffice(t, hubOptions{})
	big := strings.Repeat("An attachment of some size.\n", 40000)
	f.deliver(letter{subject: "with a file", id: "file@example.org", head: "MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n",
		text: "--b\nContent-Type: text/plain\n\nSee the file.\n--b\nContent-Type: text/csv\nContent-Disposition: attachment; filename=big.csv\n\n" + big + "\n--b--"})
	f.admin.untilRow(t, "with a file")
	want := []string{"with a file"}
	var writing sync.WaitGroup
	for i := range 100 {
		want = append(want, fmt.Sprintf("backup %03d", i))
	}
	writing.Go(func() {
		for i, s := range want[1:] {
			if err := f.dovecot.WriteMaildir(f.user, "", letter{subject: s, id: fmt.Sprintf("backup-%d@example.org", i)}.raw()); err != nil {
				t.Error(err)
			}
		}
	})
	f.admin.untilRow(t, "backup 005")
	file := filepath.Join(tempDir(t), "hub.tar")
	if _, err := tool("", "backup", "-data", f.dir, file); err != nil {
		t.Fatal(err)
	}
	writing.Wait()
	f.admin.untilSubjects(t, want)
	f.kill()

	other := newHub(t, hubOptions{})
	if _, err := tool("", "restore", "-data", other.dir, file); err != nil {
		t.Fatal(err)
	}
	writeFile(t, filepath.Join(other.dir, "secret.key"), readFile(t, filepath.Join(f.dir, "secret.key")))
	other.check()
	if _, err := tool("", "restore", "-data", other.dir, file); err == nil {
		t.Error("restore writes over a hub")
	}
	other.start()
	again := &client{base: other.url, key: f.admin.key} // the same key
	again.untilPhase(t, "support", "live")
	again.untilSubjects(t, want) // also what came after the backup
	row := again.untilRow(t, "with a file")
	for _, m := range messages(must[[]api.Entry](t)(again.entries(row.ID))) {
		if len(m.Attachments) != 1 {
			t.Fatalf("the message has %d files", len(m.Attachments))
		}
		_, b, err := again.send("GET", m.Attachments[0].URL, "", nil)
		if err != nil || strings.TrimSpace(strings.ReplaceAll(string(b), "\r\n", "\n")) != strings.TrimSpace(big) {
			t.Errorf("the file has %d bytes: %v", len(b), err)
		}
	}
	other.check()

	// A torn backup is refused.
	whole := readFile(t, file)
	torn := writeFile(t, file+".torn", whole[:len(whole)/2])
	if out, err := tool("", "restore", "-data", filepath.Join(tempDir(t), "x"), torn); err == nil {
		t.Errorf("half a backup was restored: %s", out)
	}
}

// TestCommands runs the tools on a hub at work and on a stopped one.
func TestCommands(t *testing.T) {
	t.Parallel()
	h := newHub(t, hubOptions{})
	if out, err := tool("", "check", "-data", h.dir); err == nil || !strings.Contains(err.Error(), "not a data folder") {
		t.Errorf("check of nothing: %s %v", out, err)
	}
	h.start()
	h.setup()
	for _, state := range []string{"running", "stopped"} {
		user := func(stdin string, args ...string) string {
			t.Helper()
			return must[string](t)(tool(stdin, append([]string{"user", "-data", h.dir}, args...)...))
		}
		mail := state + "@example.com"
		user(password+"\n", "add", mail, "Pat "+state, "agent")
		if out := user("", "list"); !strings.Contains(out, mail) || !strings.Contains(out, "nora@example.com") {
			t.Errorf("%s: user list says\n%s", state, out)
		}
		user("", "role", mail, "manager")
		if out := user("", "disable", mail); !strings.Contains(out, "disabled") {
			t.Errorf("%s: user disable says\n%s", state, out)
		}
		user("", "enable", mail)
		user("quite another sentence here\n", "password", mail)
		if _, err := tool("short\n", "user", "-data", h.dir, "password", mail); err == nil {
			t.Errorf("%s: a short password was taken", state)
		}
		if _, err := tool("", "user", "-data", h.dir, "role", "nora@example.com", "agent"); err == nil {
			t.Errorf("%s: the last admin could be made an agent", state)
		}
		h.check()
		file := filepath.Join(tempDir(t), "x.tar")
		if _, err := tool("", "backup", "-data", h.dir, file); err != nil {
			t.Errorf("%s: %v", state, err)
		}
		_, err := tool("", "compact", "-data", h.dir)
		if running := state == "running"; running != (err != nil) {
			t.Errorf("%s: compact: %v", state, err)
		}
		h.check()
		if state == "running" {
			if _, err := h.terminate(); err != nil {
				t.Error(err)
			}
		}
	}
	h.start()
	for _, mail := range []string{"running@example.com", "stopped@example.com"} {
		c := &client{base: h.url}
		s := c.signIn(t, "/api/session", api.LoginRequest{Email: mail, Password: "quite another sentence here"})
		if s.Agent.Role != "manager" {
			t.Errorf("%s is %s", mail, s.Agent.Role)
		}
		err := c.call("POST", "/api/session", api.LoginRequest{Email: mail, Password: password}, nil)
		if status(err) != 401 {
			t.Errorf("the old password of %s: %v", mail, err)
		}
	}
	if out := must[string](t)(tool("", "version")); !strings.HasPrefix(out, "throughline ") {
		t.Errorf("version says %q", out)
	}
	_, b, err := (&client{base: h.url}).send("GET", "/metrics", "", nil)
	if err != nil || !strings.Contains(string(b), "throughline_") {
		t.Errorf("/metrics: %v", err)
	}
	for _, path := range []string{"/healthz", "/readyz", "/openapi.json", "/"} {
		if _, b, err := (&client{base: h.url}).send("GET", path, "", nil); err != nil || len(b) == 0 {
			t.Errorf("%s: %d bytes, %v", path, len(b), err)
		}
	}
	// A second hub on the same folder is refused.
	second := newHub(t, hubOptions{})
	second.dir = h.dir
	second.launch()
	if second.serving() {
		t.Error("two hubs serve one folder")
	}
}
