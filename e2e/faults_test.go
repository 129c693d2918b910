package e2e

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"throughline/api"
	"throughline/connectors/email/mailtest"
)

// noise is text that does not compress to nothing.
func noise(rnd *rand.Rand, lines int) string {
	var b strings.Builder
	for range lines {
		for range 8 {
			fmt.Fprintf(&b, "%08x", rnd.Uint64()>>32)
		}
		b.WriteByte('\n')
	}
	return b.String()
}

// subjects lists the subjects of all conversations, sorted.
func (c *client) subjects(t testing.TB) []string {
	t.Helper()
	var all []string
	for _, r := range must[[]api.Row](t)(c.rows("all")) {
		all = append(all, r.Subject)
	}
	slices.Sort(all)
	return all
}

// untilSubjects waits until there are exactly the conversations wanted, and
// tells what differs.
func (c *client) untilSubjects(t testing.TB, want []string) {
	t.Helper()
	want = slices.Sorted(slices.Values(want))
	until(t, fmt.Sprintf("%d conversations", len(want)), func() error {
		if got := c.subjects(t); len(got) < len(want) {
			return fmt.Errorf("there are %d", len(got))
		}
		return nil
	})
	if got := c.subjects(t); !slices.Equal(got, want) {
		t.Fatalf("the conversations are\n%s\nand should be\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// TestDiskFull fills the disk below a hub at work.
func TestDiskFull(t *testing.T) {
	t.Parallel()
	dir := tempDir(t)
	mountSmallDisk(t, dir, "24m")
	f := openOffice(t, hubOptions{dir: dir})
	rnd := rand.New(rand.NewPCG(7, 7))
	var want []string
	send := func(n, lines int) {
		for range n {
			l := letter{subject: fmt.Sprintf("disk %03d", len(want)), id: fmt.Sprintf("disk-%d@example.org", len(want)), text: noise(rnd, lines)}
			want = append(want, l.subject)
			f.deliver(l)
		}
	}
	send(3, 10)
	f.admin.untilSubjects(t, want)
	before := want

	ballast := filepath.Join(dir, "ballast")
	fillDisk(t, ballast)
	send(12, 4000)
	a := f.admin.untilPhase(t, "support", "retrying")
	if text := strings.ToLower(a.Health.State.Detail); !strings.Contains(text, "space") && !strings.Contains(text, "disk") {
		t.Errorf("the disk is full and the account says %q", a.Health.State.Detail)
	}
	// What is there can be read meanwhile.
	rows := must[[]api.Row](t)(f.admin.rows("all"))
	if len(rows) < len(before) {
		t.Errorf("only %d conversations can be read", len(rows))
	}
	for _, r := range rows {
		if n := len(messages(must[[]api.Entry](t)(f.admin.entries(r.ID)))); n != 1 {
			t.Errorf("conversation %d has %d messages", r.ID, n)
		}
	}
	// A reply is taken whole or not at all.
	fillDisk(t, ballast+"2")
	_, err := f.admin.reply(rows[0].ID, "reply", "<p>full "+noise(rnd, 3000)+"</p>", nil)
	if code := status(err); err != nil && code < 500 {
		t.Errorf("a reply on a full disk: %v", err)
	}
	took := err == nil

	for _, b := range []string{ballast, ballast + "2"} {
		if err := os.Remove(b); err != nil {
			t.Fatal(err)
		}
	}
	if err := f.admin.call("POST", "/api/accounts/support/kick", nil, nil); err != nil {
		t.Fatal(err)
	}
	f.admin.untilPhase(t, "support", "live")
	f.admin.untilSubjects(t, want)
	if !took {
		must[api.Entry](t)(f.admin.reply(rows[0].ID, "reply", "<p>full no more</p>", nil))
	}
	awaitMails(t, f.smtp, 1)
	out := 0
	for _, m := range messages(must[[]api.Entry](t)(f.admin.entries(rows[0].ID))) {
		if m.Direction == "out" {
			out++
		}
	}
	if n := len(f.smtp.Mails()); out != 1 || n != 1 {
		t.Errorf("there are %d replies, and %d went out", out, n)
	}
	f.check()
}

// TestCutConnections breaks the connection to the IMAP server at every place of
// a transfer, in the middle of literals too.
func TestCutConnections(t *testing.T) {
	t.Parallel()
	d := mailtest.Peer(t)
	p, err := mailtest.StartProxy(d.Addr())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Close() })
	h := newHub(t, hubOptions{})
	h.start()
	admin := h.setup()
	s := settings(d, "cut", 1)
	s["imap_port"] = p.Port
	rnd := rand.New(rand.NewPCG(3, 3))
	var want []string
	send := func() {
		var raws [][]byte
		for range 20 {
			l := letter{subject: fmt.Sprintf("cut %03d", len(want)), id: fmt.Sprintf("cut-%d@example.org", len(want)), text: noise(rnd, 1+rnd.IntN(400))}
			want = append(want, l.subject)
			raws = append(raws, l.raw())
		}
		if err := d.WriteMaildir("cut", "", raws...); err != nil {
			t.Fatal(err)
		}
	}
	send()
	p.CutAfter(60 << 10) // in the first catching up
	admin.addAccount(t, "cut", s)
	admin.untilSubjects(t, want)
	for _, after := range []int64{1, 700, 5000, 40 << 10, 90 << 10, 150 << 10} {
		p.CutAfter(after)
		send()
		until(t, "all mails", func() error {
			// Do not wait for the pauses between the tries.
			if err := admin.call("POST", "/api/accounts/cut/kick", nil, nil); err != nil {
				return err
			}
			if n := len(admin.subjects(t)); n < len(want) {
				return fmt.Errorf("%d of %d", n, len(want))
			}
			return nil
		})
	}
	if p.Conns() < 6 {
		t.Errorf("the connection was made only %d times: nothing was cut", p.Conns())
	}
	admin.untilSubjects(t, want)
	a := admin.untilPhase(t, "cut", "live")
	if a.Health.Stored != len(want) || a.Health.Held != 0 {
		t.Errorf("%d are stored and %d held of %d", a.Health.Stored, a.Health.Held, len(want))
	}
	h.check()
}

// TestSilentServer has the IMAP server fall silent while the connection stands.
// The hub finds out by itself, which takes it about a minute.
func TestSilentServer(t *testing.T) {
	t.Parallel()
	d := mailtest.Peer(t)
	p, err := mailtest.StartProxy(d.Addr())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Close() })
	h := newHub(t, hubOptions{})
	h.start()
	admin := h.setup()
	s := settings(d, "silent", 1)
	// With a second folder the hub asks at every poll.
	s["imap_port"], s["folders"], s["poll_interval"] = p.Port, []string{"INBOX", "Archive"}, "1s"
	admin.addAccount(t, "silent", s)
	admin.untilPhase(t, "silent", "live")
	want := []string{"before"}
	deliver := func(subject string) {
		if err := d.Deliver("silent", letter{subject: subject, id: subject + "@example.org"}.raw()); err != nil {
			t.Fatal(err)
		}
	}
	deliver("before")
	admin.untilSubjects(t, want)

	p.Silence(true)
	deliver("during")
	until(t, "silence", func() error {
		if p.Swallowed() == 0 {
			return errors.New("the server has not said anything yet")
		}
		return nil
	})
	p.Silence(false) // for new connections; the open one stays silent
	conns := p.Conns()
	until(t, "the mail of the silence", func() error {
		a, err := admin.account("silent")
		if err == nil && a.Health.Stored < 2 {
			err = fmt.Errorf("%+v", a.Health)
		}
		return err
	})
	admin.untilSubjects(t, append(want, "during"))
	if p.Conns() == conns {
		t.Error("no new connection was made: the proxy was not silent")
	}
	admin.untilPhase(t, "silent", "live")
	deliver("after")
	admin.untilSubjects(t, append(want, "during", "after"))
	h.check()
}

// TestKickedByTheServer has the server end connections, again and again.
func TestKickedByTheServer(t *testing.T) {
	t.Parallel()
	f := openOffice(t, hubOptions{})
	var want []string
	for i := range 5 {
		until(t, "kick", func() error {
			err := f.dovecot.Kick(f.user)
			if err != nil { // not connected: do not wait for the pause between tries
				err = errors.Join(err, f.admin.call("POST", "/api/accounts/support/kick", nil, nil))
			}
			return err
		})
		l := letter{subject: fmt.Sprintf("kick %d", i), id: fmt.Sprintf("kick-%d@example.org", i)}
		want = append(want, l.subject)
		f.deliver(l)
	}
	f.admin.untilSubjects(t, want)
	f.check()
}
