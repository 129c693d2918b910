package e2e

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"throughline/api"
	"throughline/connectors/email/mailtest"
)

// upload puts a file into the hub for a message.
func (c *client) upload(t testing.TB, name, contentType string, content []byte) api.Attachment {
	t.Helper()
	var a api.Attachment
	_, b, err := c.send("POST", "/api/uploads?name="+strings.ReplaceAll(name, " ", "%20"), contentType, bytes.NewReader(content))
	if err == nil {
		err = json.Unmarshal(b, &a)
	}
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// untilDelivery waits until a message of ours is in a state.
func (c *client) untilDelivery(t testing.TB, id uint64, status string) *api.Delivery {
	t.Helper()
	var m api.Message
	until(t, fmt.Sprintf("message %d %s", id, status), func() (err error) {
		if m, err = get[api.Message](c, fmt.Sprintf("/api/messages/%d", id)); err != nil {
			return err
		}
		if m.Delivery == nil || m.Delivery.Status != status {
			return fmt.Errorf("it is %+v", m.Delivery)
		}
		return nil
	})
	return m.Delivery
}

// TestFilesOut sends files with names of all kinds, a picture in the text, and
// to people whose names are not ASCII.
func TestFilesOut(t *testing.T) {
	t.Parallel()
	f := openOffice(t, hubOptions{})
	f.deliver(letter{subject: "files", id: "files@example.org", from: "=?utf-8?B?2YXYsduM2YU=?= <maryam@example.org>", cc: "Carl <carl@example.net>, support@example.com"})
	row := f.admin.untilRow(t, "files")
	picture := []byte("\x89PNG\r\n\x1a\n not quite a picture")
	report := bytes.Repeat([]byte("0123456789abcdef\n"), 20000)
	a := f.admin.upload(t, "گزارش سفارش.pdf", "application/pdf", report)
	b := f.admin.upload(t, `quote "and" semicolon; a very long name that has to be folded over several lines `+strings.Repeat("x", 60)+`.txt`, "text/plain", []byte("short"))
	p := f.admin.upload(t, "logo.png", "image/png", picture)
	p.Inline, p.ContentID = true, "logo-1"
	must[api.Entry](t)(f.admin.reply(row.ID, "reply_all", `<p>See <img src="cid:logo-1" alt="our logo"></p>`, func(r *api.ReplyRequest) {
		r.Attachments = []api.Attachment{a, b, p}
		r.Bcc = []api.Person{{Handle: "audit@example.net"}}
	}))
	got := awaitMails(t, f.smtp, 1)[0]
	if to := strings.Join(got.To, " "); to != "maryam@example.org carl@example.net audit@example.net" {
		t.Errorf("the envelope has %s", to)
	}
	if bytes.Contains(bytes.ToLower(got.Data), []byte("audit@example.net")) {
		t.Error("the Bcc can be read")
	}
	m := readMail(t, got.Data)
	if !strings.Contains(m.tree, "multipart/related(") || !strings.Contains(m.tree, "image/png") || !strings.HasPrefix(m.tree, "multipart/mixed(") {
		t.Errorf("MIME structure: %s", m.tree)
	}
	for name, want := range map[string]string{a.Name: string(report), b.Name: "short", "logo.png": string(picture)} {
		if m.files[name] != want {
			t.Errorf("%q has %d bytes of %d", name, len(m.files[name]), len(want))
		}
	}
	if !strings.Contains(m.parts["text/html"], "cid:logo-1") || !bytes.Contains(got.Data, []byte("<logo-1>")) {
		t.Error("the picture is not in the text")
	}
	if to, err := m.AddressList("To"); err != nil || to[0].Name != "مریم" {
		t.Errorf("To: %v %v", to, err)
	}
	for i, line := range bytes.Split(got.Data, []byte("\r\n")) {
		if len(line) > 998 {
			t.Errorf("line %d has %d bytes", i+1, len(line))
		}
	}

	// Forwarded with its files to somebody else: a thread of its own for them.
	must[api.Entry](t)(f.admin.reply(row.ID, "forward", "<p>FYI</p>", func(r *api.ReplyRequest) {
		r.To, r.Attachments = []api.Person{{Handle: "colleague@example.net"}}, []api.Attachment{a}
	}))
	fw := readMail(t, awaitMails(t, f.smtp, 2)[1].Data)
	if s, _ := decodeWord(fw.Get("Subject")); !strings.HasPrefix(s, "Fwd: ") || fw.files[a.Name] != string(report) {
		t.Errorf("forwarded as %q with %d files", s, len(fw.files))
	}
	f.check()
}

// TestRefusals has the SMTP server refuse: for a while, for good, and afterwards
// by a bounce. Each is shown with the server's words and can be tried again.
func TestRefusals(t *testing.T) {
	t.Parallel()
	f := openOffice(t, hubOptions{})
	f.deliver(letter{subject: "refusals", id: "refusals@example.org"})
	row := f.admin.untilRow(t, "refusals")
	send := func(text string) uint64 {
		t.Helper()
		return must[api.Entry](t)(f.admin.reply(row.ID, "reply", "<p>"+text+"</p>", nil)).Message.ID
	}

	// For a while.
	f.smtp.Script(mailtest.Script{OnMail: func(string) error { return mailtest.Temporary("greylisted, come back") }})
	id := send("one")
	until(t, "the first attempt", func() error {
		m, err := get[api.Message](f.admin, fmt.Sprintf("/api/messages/%d", id))
		if err == nil && (len(m.Delivery.Attempts) == 0 || m.Delivery.Attempts[0].Result != "retry") {
			err = fmt.Errorf("%+v", m.Delivery)
		}
		return err
	})
	d := f.admin.untilDelivery(t, id, "queued")
	if !strings.Contains(d.Reason, "greylisted") || d.Due.Before(time.Now()) {
		t.Errorf("put off: %+v", d)
	}
	f.smtp.Script(mailtest.Script{})
	if err := f.admin.call("POST", "/api/accounts/support/kick", nil, nil); err != nil {
		t.Fatal(err)
	}
	if d := f.admin.untilDelivery(t, id, "sent"); len(d.Attempts) != 2 {
		t.Errorf("%d attempts", len(d.Attempts))
	}

	// For good.
	f.smtp.Script(mailtest.Script{OnRcpt: func(string) error { return mailtest.Permanent("no such mailbox here") }})
	id = send("two")
	d = f.admin.untilDelivery(t, id, "failed")
	if !strings.Contains(d.Reason, "no such mailbox here") || !strings.Contains(d.Code, "550") || !d.CanRetry {
		t.Errorf("refused: %+v", d)
	}
	if rows := must[[]api.Row](t)(f.admin.rows("failed")); len(rows) != 1 || rows[0].Undelivered != 1 {
		t.Errorf("the list of failures has %+v", rows)
	}
	f.smtp.Script(mailtest.Script{})
	if err := f.admin.call("POST", fmt.Sprintf("/api/messages/%d/retry", id), nil, nil); err != nil {
		t.Fatal(err)
	}
	f.admin.untilDelivery(t, id, "sent")
	if rows := must[[]api.Row](t)(f.admin.rows("failed")); len(rows) != 0 {
		t.Errorf("the list of failures still has %+v", rows)
	}

	// Afterwards, by a bounce; it is not a conversation of its own.
	mails := awaitMails(t, f.smtp, 2)
	ours := readMail(t, mails[1].Data).Get("Message-Id")
	f.deliver(letter{
		from: "Mail Delivery System <mailer-daemon@example.org>", subject: "Undelivered Mail Returned to Sender", id: "bounce@example.org",
		head: "Auto-Submitted: auto-replied\r\nMIME-Version: 1.0\r\nContent-Type: multipart/report; report-type=delivery-status; boundary=r\r\n",
		text: "--r\nContent-Type: text/plain\n\nYour mail could not be delivered.\n--r\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; mx.example.org\n\nFinal-Recipient: rfc822; ann@example.org\nAction: failed\nStatus: 5.2.2\nDiagnostic-Code: smtp; 552 5.2.2 mailbox is full of letters\n\n--r\nContent-Type: text/rfc822-headers\n\nMessage-ID: " + ours + "\nSubject: Re: refusals\n\n--r--",
	})
	d = f.admin.untilDelivery(t, id, "failed")
	if !strings.Contains(d.Reason, "mailbox is full of letters") && (len(d.Rejected) == 0 || !strings.Contains(d.Rejected[0].Reason, "mailbox is full of letters")) {
		t.Errorf("bounced: %+v", d)
	}
	// An absence note joins, and is answered by nobody.
	f.deliver(replyTo(t, mails[0].Data, "I am away.").sentBy("ann@example.org").with("Auto-Submitted: auto-replied\r\n"))
	until(t, "the absence note", func() error {
		all, err := f.admin.entries(row.ID)
		if err != nil {
			return err
		}
		for _, m := range messages(all) {
			if m.Kind == "auto_reply" {
				return nil
			}
		}
		return errors.New("it is not in the conversation")
	})
	if n := len(f.smtp.Mails()); n != 2 {
		t.Errorf("%d mails went out, not 2", n)
	}
	if rows := must[[]api.Row](t)(f.admin.rows("all")); len(rows) != 1 {
		t.Errorf("there are %d conversations, not 1", len(rows))
	}
	f.check()
}

// with adds header lines to a letter.
func (l letter) with(head string) letter {
	l.head += head
	return l
}

// TestRenumbered gives the mailbox another UIDVALIDITY, as a server does that
// was restored: everything is looked at again, and nothing comes twice.
func TestRenumbered(t *testing.T) {
	t.Parallel()
	box, err := mailtest.StartIMAP(mailtest.IMAPOptions{User: "box", Password: password})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { box.Close() })
	if err := box.Create("Other"); err != nil {
		t.Fatal(err)
	}
	var raws [][]byte
	var want []string
	add := func(n int) {
		t.Helper()
		for range n {
			l := letter{subject: fmt.Sprintf("box %02d", len(want)), id: fmt.Sprintf("box-%d@example.org", len(want))}
			if len(want)%5 == 0 {
				l.id = "-" // without a name of its own
			}
			want = append(want, l.subject)
			raws = append(raws, l.raw())
			if _, err := box.Append("INBOX", raws[len(raws)-1], time.Now()); err != nil {
				t.Fatal(err)
			}
		}
	}
	add(30)
	h := newHub(t, hubOptions{})
	h.start()
	admin := h.setup()
	admin.addAccount(t, "box", map[string]any{
		"address": "box@example.com", "imap_host": "127.0.0.1", "imap_port": box.Port, "imap_security": "none", "imap_user": "box", "imap_password": password,
		"smtp_host": "127.0.0.1", "smtp_port": 1, "smtp_security": "none", "smtp_auth": "none",
		"folders": []string{"INBOX", "Other"}, "poll_interval": "1s",
	})
	admin.untilSubjects(t, want)
	if err := box.Recreate("INBOX"); err != nil {
		t.Fatal(err)
	}
	for i := range raws { // in another order
		if _, err := box.Append("INBOX", raws[len(raws)-1-i], time.Now()); err != nil {
			t.Fatal(err)
		}
	}
	add(3)
	admin.untilSubjects(t, want)
	until(t, "everything looked at again", func() error {
		a, err := admin.account("box")
		if err == nil && (a.Health.Stored != 33 || a.Health.Duplicate != 30) {
			err = fmt.Errorf("%+v", a.Health)
		}
		return err
	})
	admin.untilSubjects(t, want)
	h.check()
}

// TestTwoMailboxes delivers one mail to two mailboxes of ours: one message, that
// can be answered from either.
func TestTwoMailboxes(t *testing.T) {
	t.Parallel()
	f := openOffice(t, hubOptions{})
	f.admin.addAccount(t, "sales", settings(f.dovecot, "sales", f.smtp.Port))
	f.admin.untilPhase(t, "sales", "live")
	l := letter{subject: "to both", id: "both@example.org", to: "support@example.com, sales@example.com"}
	for _, user := range []string{"support", "sales"} {
		if err := f.dovecot.Deliver(user, l.raw()); err != nil {
			t.Fatal(err)
		}
	}
	until(t, "both copies", func() error {
		a, err1 := f.admin.account("support")
		b, err2 := f.admin.account("sales")
		if a.Health.Stored+b.Health.Stored != 1 || a.Health.Duplicate+b.Health.Duplicate != 1 {
			return errors.Join(err1, err2, fmt.Errorf("%+v %+v", a.Health, b.Health))
		}
		return nil
	})
	f.admin.untilSubjects(t, []string{"to both"})
	row := f.admin.untilRow(t, "to both")
	full := must[api.Conversation](t)(get[api.Conversation](f.admin, fmt.Sprintf("/api/conversations/%d", row.ID)))
	if len(full.ReplyFrom) != 2 {
		t.Errorf("it can be answered from %v", full.ReplyFrom)
	}
	must[api.Entry](t)(f.admin.reply(row.ID, "reply_all", "<p>Hello</p>", func(r *api.ReplyRequest) { r.Account = "sales" }))
	got := awaitMails(t, f.smtp, 1)[0]
	if got.From != "sales@example.com" || strings.Join(got.To, " ") != "ann@example.org" {
		t.Errorf("from %s to %v: we must not write to ourselves", got.From, got.To)
	}
	f.check()
}
