package e2e

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io"
	"math/rand/v2"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-imap/v2"

	"throughline/api"
	"throughline/connectors/email/mailtest"
)

// poison is mail that breaks programs. A subject in it can be found again,
// unless it says otherwise.
func poison() map[string][]byte {
	plain := "MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n"
	list := map[string][]byte{}
	add := func(name, head, body string) {
		list[name] = []byte("Subject: poison " + name + "\r\nTo: support@example.com\r\nDate: Mon, 02 Nov 2026 10:00:00 +0000\r\n" + head + "\r\n" + body)
	}
	from := "From: Ann Example <ann@example.org>\r\n"
	id := func(s string) string { return "Message-ID: <poison-" + s + "@example.org>\r\n" }

	add("no boundary", from+id("nb")+"MIME-Version: 1.0\r\nContent-Type: multipart/mixed\r\n", "--x\r\nContent-Type: text/plain\r\n\r\nHello\r\n--x--\r\n")
	add("wrong boundary", from+id("wb")+"MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=y\r\n", "--x\r\nContent-Type: text/plain\r\n\r\nHello\r\n")
	add("no From", id("nf")+plain, "Who wrote this?\r\n")
	add("empty From", "From: <>\r\n"+id("ef")+plain, "Nobody wrote this.\r\n")
	add("long name", "From: \""+strings.Repeat("Long Name ", 200)+"\" <long@example.org>\r\n"+id("ln")+plain, "My name is long.\r\n")
	add("no Message-ID", from+plain, "I have no name.\r\n")
	add("no Message-ID either", from+plain, "I have no name either.\r\n")
	add("Message-ID", from+id("same")+plain, "The first with this name.\r\n")
	add("Message-ID again", from+id("same")+plain, "The second with this name.\r\n")
	add("charset", from+id("cs")+"MIME-Version: 1.0\r\nContent-Type: text/plain; charset=x-klingon-8\r\n", "Gr\xfc\xdfe aus dem All\r\n")
	add("200 KB header", from+id("hd")+plain+"X-Filler: "+strings.Repeat(strings.Repeat("x", 70)+"\r\n ", 200<<10/73)+"x\r\n", "Below a long header.\r\n")
	var deep strings.Builder
	for i := range 200 {
		fmt.Fprintf(&deep, "Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n", i, i)
	}
	deep.WriteString("Content-Type: text/plain\r\n\r\nDeep down.\r\n")
	for i := 199; i >= 0; i-- {
		fmt.Fprintf(&deep, "--b%d--\r\n", i)
	}
	add("200 levels", from+id("lv")+"MIME-Version: 1.0\r\n"+strings.SplitN(deep.String(), "\r\n\r\n", 2)[0]+"\r\n", strings.SplitN(deep.String(), "\r\n\r\n", 2)[1])
	add("NUL", from+id("nul")+plain, "A\x00B\x00\x00C\r\n")
	add("NUL in the header", from+id("nulh")+"X-Nul: a\x00b\r\n"+plain, "Hello\r\n")
	add("many parts", from+id("mp")+"MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=m\r\n", strings.Repeat("--m\r\nContent-Type: text/plain\r\n\r\nx\r\n", 3000)+"--m--\r\n")
	add("many addresses", from+id("ma")+"Cc: "+strings.Repeat("Some Body <some@example.net>,\r\n ", 5000)+"last@example.net\r\n"+plain, "Hello all\r\n")
	add("bad base64", from+id("b64")+"MIME-Version: 1.0\r\nContent-Type: text/plain\r\nContent-Transfer-Encoding: base64\r\n", "SGVsbG8=====!!!!\x80\x81\r\n")
	add("bad date", from+id("bd")+"Date: the day after tomorrow\r\n"+plain, "When?\r\n")
	return list
}

// unreadable is no mail at all: it is held, with the reason.
func unreadable() [][]byte { return [][]byte{[]byte("\x01\x02\x03 nothing of a mail\x00\n")} }

// TestPoison delivers all of it: each ends stored or held, once, and the account
// stays live.
func TestPoison(t *testing.T) {
	t.Parallel()
	f := openOffice(t, hubOptions{})
	all := poison()
	for name, raw := range all {
		if err := f.dovecot.WriteMaildir(f.user, "", raw); err != nil {
			t.Fatal(name, err)
		}
	}
	if err := f.dovecot.WriteMaildir(f.user, "", unreadable()...); err != nil {
		t.Fatal(err)
	}
	// The same mail again is a duplicate, also where it has no name.
	for _, again := range []string{"no Message-ID", "Message-ID", "200 KB header"} {
		if err := f.dovecot.WriteMaildir(f.user, "", all[again]); err != nil {
			t.Fatal(err)
		}
	}
	total := len(all) + len(unreadable()) + 3
	settled := func() api.Account {
		t.Helper()
		var a api.Account
		until(t, "everything taken in", func() (err error) {
			if a, err = f.admin.account("support"); err != nil {
				return err
			}
			if n := a.Health.Stored + a.Health.Duplicate + a.Health.Held; n < total {
				return fmt.Errorf("%d of %d: %+v", n, total, a.Health)
			}
			return nil
		})
		return a
	}
	if h := settled().Health; h.Stored != len(all) || h.Duplicate != 3 || h.Held != len(unreadable()) {
		t.Errorf("%d stored, %d duplicate, %d held; want %d, 3, %d", h.Stored, h.Duplicate, h.Held, len(all), len(unreadable()))
	}
	f.deliver(letter{subject: "a healthy one", id: "healthy@example.org"})
	total++
	f.admin.untilRow(t, "a healthy one")
	if line := f.log.find("tried again"); line != "" {
		t.Errorf("the connector was restarted: %s", line)
	}

	// Whatever came out of it can be shown.
	seen := map[string]int{}
	for _, r := range must[[]api.Row](t)(f.admin.rows("all")) {
		for _, m := range messages(must[[]api.Entry](t)(f.admin.entries(r.ID))) {
			seen[m.Subject]++
			for _, path := range []string{"", "/html", "/raw"} {
				if _, _, err := f.admin.send("GET", fmt.Sprintf("/api/messages/%d%s", m.ID, path), "", nil); err != nil {
					t.Errorf("%s%s: %v", m.Subject, path, err)
				}
			}
			for _, file := range m.Attachments {
				if _, b, err := f.admin.send("GET", file.URL, "", nil); err != nil || int64(len(b)) != file.Size {
					t.Errorf("%s: file %q has %d bytes of %d: %v", m.Subject, file.Name, len(b), file.Size, err)
				}
			}
		}
	}
	for name := range all {
		if n := seen["poison "+name]; n != 1 {
			t.Errorf("%q is there %d times", name, n)
		}
	}
	held := must[api.HeldItems](t)(get[api.HeldItems](f.admin, "/api/held?account=support"))
	for _, it := range held.Items {
		if it.Reason == "" || !it.HasRaw {
			t.Errorf("held without reason or content: %+v", it)
		}
		var out api.HeldOutcome
		if err := f.admin.call("POST", fmt.Sprintf("/api/held/%d/retry", it.ID), nil, &out); err != nil || out.Outcome != "held" || out.Reason == "" {
			t.Errorf("trying again says %+v, %v", out, err)
		}
		if _, b, err := f.admin.send("GET", fmt.Sprintf("/api/held/%d/raw", it.ID), "", nil); err != nil || len(b) == 0 {
			t.Errorf("the raw view: %d bytes, %v", len(b), err)
		}
	}
	a := f.admin.audit(t, "support")
	if a.Server != total || a.MissingN != 0 || a.Stored+a.Duplicate+a.Held != total {
		t.Errorf("the audit says %+v, want %d", a, total)
	}
	// Nothing of it comes again with a restart.
	if _, err := f.terminate(); err != nil {
		t.Error(err)
	}
	f.check()
	f.start()
	f.admin.untilPhase(t, "support", "live")
	if h := settled().Health; h.Stored+h.Duplicate+h.Held != total {
		t.Errorf("after a restart: %+v", h)
	}
}

// TestHeldUntilItCanBeFetched holds a mail that the server cannot hand over, and
// takes it in when it can.
func TestHeldUntilItCanBeFetched(t *testing.T) {
	t.Parallel()
	box, err := mailtest.StartIMAP(mailtest.IMAPOptions{User: "box", Password: password})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { box.Close() })
	var ids []string
	var sick imap.UID
	for i := range 9 {
		l := letter{subject: fmt.Sprintf("box %d", i), id: fmt.Sprintf("box-%d@example.org", i)}
		uid, err := box.Append("INBOX", l.raw(), time.Now())
		if err != nil {
			t.Fatal(err)
		}
		if i == 4 {
			box.Poison(uid, true)
			sick = uid
			continue
		}
		ids = append(ids, l.subject)
	}
	h := newHub(t, hubOptions{})
	h.start()
	admin := h.setup()
	admin.addAccount(t, "box", map[string]any{
		"address": "box@example.com", "imap_host": "127.0.0.1", "imap_port": box.Port, "imap_security": "none", "imap_user": "box", "imap_password": password,
		"smtp_host": "127.0.0.1", "smtp_port": 1, "smtp_security": "none", "smtp_auth": "none",
	})
	until(t, "the mails around it", func() error {
		// Do not wait for the pauses between tries.
		if err := admin.call("POST", "/api/accounts/box/kick", nil, nil); err != nil {
			return err
		}
		a, err := admin.account("box")
		if err == nil && (a.Health.Stored != 8 || a.Health.Held != 1) {
			err = fmt.Errorf("%+v", a.Health)
		}
		return err
	})
	held := must[api.HeldItems](t)(get[api.HeldItems](admin, "/api/held"))
	if len(held.Items) != 1 {
		t.Fatalf("held: %+v", held)
	}
	retry := func() (out api.HeldOutcome, err error) {
		return out, admin.call("POST", fmt.Sprintf("/api/held/%d/retry", held.Items[0].ID), nil, &out)
	}
	if out, err := retry(); err == nil && out.Outcome != "held" {
		t.Errorf("what cannot be fetched came to %+v", out)
	}
	box.Poison(sick, false)
	if out, err := retry(); err != nil || out.Outcome != "stored" || out.Conversation == 0 {
		t.Errorf("trying again says %+v, %v", out, err)
	}
	admin.untilSubjects(t, append(ids, "box 4"))
	if a := must[api.Account](t)(admin.account("box")); a.Health.Held != 0 {
		t.Errorf("still held: %+v", a.Health)
	}
	h.check()
}

// TestLargeAttachment takes in 30 MB and looks at the memory of the program,
// which the race detector would multiply: it uses a build without it.
func TestLargeAttachment(t *testing.T) {
	t.Parallel()
	const attachment, most = 30 << 20, 64 << 20
	h := newHub(t, hubOptions{})
	h.program = filepath.Join(tempDir(t), "throughline")
	if out, err := exec.Command("go", "build", "-o", h.program, "throughline/cmd/throughline").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	d := mailtest.Peer(t)
	smtp := startSMTP(t, mailtest.SMTPOptions{})
	h.start()
	admin := h.setup()
	admin.addAccount(t, "support", settings(d, "support", smtp.Port))
	admin.untilPhase(t, "support", "live")
	if err := d.Deliver("support", letter{subject: "small", id: "small@example.org"}.raw()); err != nil {
		t.Fatal(err)
	}
	admin.untilRow(t, "small")

	content := make([]byte, attachment)
	rnd := rand.NewChaCha8([32]byte{1})
	_, _ = io.ReadFull(rnd, content) // never fails
	var b bytes.Buffer
	b.WriteString("From: ann@example.org\r\nTo: support@example.com\r\nSubject: large\r\nMessage-ID: <large@example.org>\r\nDate: Mon, 02 Nov 2026 10:00:00 +0000\r\n" +
		"MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: text/plain\r\n\r\nSee the film.\r\n" +
		"--b\r\nContent-Type: video/mp4; name=film.mp4\r\nContent-Disposition: attachment; filename=film.mp4\r\nContent-Transfer-Encoding: base64\r\n\r\n")
	encoded := base64.StdEncoding.EncodeToString(content)
	for len(encoded) > 0 {
		n := min(76, len(encoded))
		b.WriteString(encoded[:n] + "\r\n")
		encoded = encoded[n:]
	}
	b.WriteString("--b--\r\n")

	before := h.memory("VmRSS")
	h.resetPeak()
	if err := d.WriteMaildir("support", "", b.Bytes()); err != nil {
		t.Fatal(err)
	}
	row := admin.untilRow(t, "large")
	peak := h.memory("VmHWM")
	t.Logf("%d MiB attachment: %.1f MiB before, peak %.1f MiB", attachment>>20, float64(before)/(1<<20), float64(peak)/(1<<20))
	if peak-before > most {
		t.Errorf("taking it in needs %d MiB more, at most %d are promised", (peak-before)>>20, most>>20)
	}
	m := messages(must[[]api.Entry](t)(admin.entries(row.ID)))[0]
	if len(m.Attachments) != 1 || m.Attachments[0].Size != attachment || m.Attachments[0].Name != "film.mp4" {
		t.Fatalf("the files are %+v", m.Attachments)
	}
	h.resetPeak()
	_, got, err := admin.send("GET", m.Attachments[0].URL, "", nil)
	sum, want := sha256.Sum256(got), sha256.Sum256(content)
	if err != nil || sum != want || m.Attachments[0].Blob != hex.EncodeToString(want[:]) {
		t.Errorf("the download has %d bytes: %v", len(got), err)
	}
	if _, raw, err := admin.send("GET", fmt.Sprintf("/api/messages/%d/raw", m.ID), "", nil); err != nil || !bytes.Equal(raw, b.Bytes()) {
		t.Errorf("the raw mail has %d bytes of %d: %v", len(raw), b.Len(), err)
	}
	if peak := h.memory("VmHWM"); peak-before > most {
		t.Errorf("handing it out needs %d MiB more, at most %d are promised", (peak-before)>>20, most>>20)
	}
}
