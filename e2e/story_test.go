package e2e

import (
	"fmt"
	"net/mail"
	"regexp"
	"strings"
	"testing"
	"time"

	"throughline/api"
	"throughline/connectors/email/mailtest"
)

// office is a hub with an account at a Dovecot and an SMTP server, live.
type office struct {
	*hub
	dovecot *mailtest.Dovecot
	smtp    *mailtest.SMTP
	admin   *client
	user    string // mailbox
}

// openOffice starts all of it and waits until the account is live.
func openOffice(t *testing.T, o hubOptions) *office {
	t.Helper()
	d := mailtest.Peer(t)
	f := &office{hub: newHub(t, o), dovecot: d, smtp: startSMTP(t, mailtest.SMTPOptions{}), user: "support"}
	f.start()
	f.admin = f.setup()
	f.admin.addAccount(t, "support", settings(d, f.user, f.smtp.Port))
	f.admin.untilPhase(t, "support", "live")
	return f
}

func (f *office) deliver(l letter) {
	f.t.Helper()
	if err := f.dovecot.Deliver(f.user, l.raw()); err != nil {
		f.t.Fatal(err)
	}
}

var ourID = regexp.MustCompile(`^<tl\.[0-9]+\.[a-z0-9]{16}@example\.com>$`)

// TestStory is the main job: a mail is on the screen, is answered, and the
// customer's answer joins.
func TestStory(t *testing.T) {
	t.Parallel()
	f := openOffice(t, hubOptions{})
	omar := f.admin.invite(t, "Omar Agent", "omar@example.com", "agent")
	screen := omar.live(t, 0)
	screen.await(t, "the stream's start", func(fr api.LiveFrame) bool { return fr.Type == "live" })

	f.deliver(letter{id: "first@example.org", subject: "Where is my order – ۱۲۳?", text: "Hello,\nit has not come.\n\nAnn", cc: "Carl Example <carl@example.net>"})
	frame := screen.entry(t, "message.received", nil)
	if frame.Row == nil || frame.Row.Subject != "Where is my order – ۱۲۳?" || frame.Row.Customer.Name != "Ann Example" || frame.Row.Unread != 1 {
		t.Fatalf("the frame's row is %+v", frame.Row)
	}
	conversation := frame.Entry.Conversation
	rows := must[[]api.Row](t)(omar.rows("unassigned"))
	if len(rows) != 1 || rows[0].ID != conversation {
		t.Fatalf("the list has %+v", rows)
	}

	answer := must[api.Entry](t)(omar.reply(conversation, "reply_all", "<p>It is on its way: <b>۱۲۳</b> &amp; more.</p>", nil))
	if answer.Message == nil || answer.Message.Delivery == nil {
		t.Fatalf("the reply is %+v", answer)
	}
	got := awaitMails(t, f.smtp, 1)[0]
	if got.From != "support@example.com" || strings.Join(got.To, " ") != "ann@example.org carl@example.net" {
		t.Errorf("envelope: from %s to %v", got.From, got.To)
	}
	m := readMail(t, got.Data)
	for name, want := range map[string]string{
		"In-Reply-To": "<first@example.org>", "References": "<first@example.org>", "Auto-Submitted": "", "Precedence": "",
		"Bcc": "", "Mime-Version": "1.0",
	} {
		if v := m.Get(name); v != want {
			t.Errorf("%s: %q, want %q", name, v, want)
		}
	}
	if !ourID.MatchString(m.Get("Message-Id")) {
		t.Errorf("Message-ID: %q", m.Get("Message-Id"))
	}
	if d, err := m.Date(); err != nil || time.Since(d).Abs() > time.Hour {
		t.Errorf("Date: %v %v", d, err)
	}
	if from, err := m.AddressList("From"); err != nil || len(from) != 1 || from[0].Address != "support@example.com" || from[0].Name == "" {
		t.Errorf("From: %v %v", from, err)
	}
	if s, err := decodeWord(m.Get("Subject")); err != nil || s != "Re: Where is my order – ۱۲۳?" {
		t.Errorf("Subject: %q %v", s, err)
	}
	if m.tree != "multipart/alternative(text/plain text/html)" {
		t.Errorf("MIME structure: %s", m.tree)
	}
	if !strings.Contains(m.parts["text/plain"], "It is on its way: ۱۲۳ & more.") || !strings.Contains(m.parts["text/plain"], "> it has not come.") {
		t.Errorf("text:\n%s", m.parts["text/plain"])
	}
	if !strings.Contains(m.parts["text/html"], "<b>۱۲۳</b>") {
		t.Errorf("html:\n%s", m.parts["text/html"])
	}

	screen.entry(t, "message.delivery", func(e api.Entry) bool {
		return e.Message != nil && e.Message.ID == answer.Message.ID && e.Message.Delivery.Status == "sent"
	})

	// The customer answers, and so does the one in Cc: both join.
	f.deliver(replyTo(t, got.Data, "Thank you!\n\n> It is on its way").sentBy("ann@example.org"))
	f.deliver(replyTo(t, got.Data, "I saw it too.").sentBy("carl@example.net"))
	for range 2 {
		if fr := screen.entry(t, "message.received", nil); fr.Entry.Conversation != conversation {
			t.Errorf("an answer went to conversation %d, not %d", fr.Entry.Conversation, conversation)
		}
	}
	// A stranger who knows the Message-ID does not get in.
	f.deliver(replyTo(t, got.Data, "Let me in.").sentBy("mallory@example.net"))
	if fr := screen.entry(t, "message.received", nil); fr.Entry.Conversation == conversation {
		t.Error("a stranger joined by a copied Message-ID")
	}

	all := messages(must[[]api.Entry](t)(omar.entries(conversation)))
	if len(all) != 4 {
		t.Fatalf("the conversation has %d messages, not 4", len(all))
	}
	if all[2].Reply == "" || strings.Contains(all[2].Reply, ">") || !all[2].HasQuoted {
		t.Errorf("the quote is not folded: %+v", all[2])
	}
	if rows := must[[]api.Row](t)(omar.rows("all")); len(rows) != 2 {
		t.Errorf("there are %d conversations, not 2", len(rows))
	}
	// Our second answer refers to the whole thread.
	must[api.Entry](t)(omar.reply(conversation, "reply", "<p>You are welcome.</p>", nil))
	second := readMail(t, awaitMails(t, f.smtp, 2)[1].Data)
	if refs := second.Get("References"); !strings.Contains(refs, "<first@example.org>") || !strings.Contains(refs, m.Get("Message-Id")) || !strings.HasSuffix(refs, second.Get("In-Reply-To")) {
		t.Errorf("References %q, In-Reply-To %q", refs, second.Get("In-Reply-To"))
	}
	f.check()
}

func (l letter) sentBy(address string) letter {
	l.from = (&mail.Address{Address: address}).String()
	return l
}

// TestSecuredConnections takes mail in and sends over both kinds of TLS, with a
// password, and says what is wrong when it is wrong.
func TestSecuredConnections(t *testing.T) {
	t.Parallel()
	d := mailtest.Peer(t)
	cert, certPEM, _, err := mailtest.Certificate()
	if err != nil {
		t.Fatal(err)
	}
	h := newHub(t, hubOptions{})
	h.start()
	admin := h.setup()
	ca := writeFile(t, h.dir+".pem", append(certPEM, readFile(t, d.CAFile)...))
	for _, security := range []string{"tls", "starttls"} {
		t.Run(security, func(t *testing.T) {
			smtp := startSMTP(t, mailtest.SMTPOptions{User: security, Password: "s3cret-smtp", TLS: mailtest.ServerTLS(cert), Implicit: security == "tls"})
			s := settings(d, security, smtp.Port)
			s["imap_security"], s["smtp_security"], s["smtp_auth"] = security, security, "password"
			s["smtp_user"], s["smtp_password"], s["ca_file"] = security, "s3cret-smtp", ca
			if security == "tls" {
				s["imap_port"] = d.IMAPS
			}
			steps := func(change func(map[string]any)) []string {
				t.Helper()
				copied := map[string]any{}
				for k, v := range s {
					copied[k] = v
				}
				change(copied)
				var got api.TestSteps
				if err := admin.call("POST", "/api/accounts/test", api.AccountTest{Channel: "email", Settings: copied}, &got); err != nil {
					t.Fatal(err)
				}
				var out []string
				for _, st := range got.Steps {
					if strings.Contains(st.Error, "s3cret") || strings.Contains(st.Error, d.Password) {
						t.Errorf("a secret is in the text %q", st.Error)
					}
					out = append(out, fmt.Sprintf("%s %v %s", st.Name, st.OK, st.Error))
				}
				return out
			}
			last := func(change func(map[string]any)) string { l := steps(change); return l[len(l)-1] }
			for _, st := range steps(func(map[string]any) {}) {
				if !strings.Contains(st, " true ") {
					t.Errorf("a good account fails its test: %s", st)
				}
			}
			for what, c := range map[string]struct {
				change func(map[string]any)
				want   string
			}{
				"wrong IMAP password":        {func(s map[string]any) { s["imap_password"] = "s3cret-wrong" }, "imap: log in false"},
				"wrong SMTP password":        {func(s map[string]any) { s["smtp_password"] = "s3cret-wrong" }, "smtp: log in false"},
				"nobody listens":             {func(s map[string]any) { s["imap_port"] = 1 }, "imap: connect false"},
				"unknown certificate":        {func(s map[string]any) { delete(s, "ca_file") }, "false"},
				"a folder that is not there": {func(s map[string]any) { s["folders"] = []string{"INBOX", "Nowhere"} }, "Nowhere"},
			} {
				if got := last(c.change); !strings.Contains(got, c.want) {
					t.Errorf("%s: the last step is %q, want %q in it", what, got, c.want)
				}
			}

			admin.addAccount(t, "box-"+security, s)
			admin.untilPhase(t, "box-"+security, "live")
			if err := d.Deliver(security, letter{id: security + "@example.org", subject: "over " + security, to: security + "@example.com"}.raw()); err != nil {
				t.Fatal(err)
			}
			row := admin.untilRow(t, "over "+security)
			must[api.Entry](t)(admin.reply(row.ID, "reply", "<p>Yes.</p>", nil))
			if m := awaitMails(t, smtp, 1)[0]; m.Auth != security {
				t.Errorf("the SMTP server saw the login %q", m.Auth)
			}

			// The password is changed at the provider.
			if err := admin.call("PATCH", "/api/accounts/box-"+security, api.AccountChange{Settings: map[string]any{"imap_password": "s3cret-old"}}, nil); err != nil {
				t.Fatal(err)
			}
			a := admin.untilPhase(t, "box-"+security, "blocked")
			if text := a.Health.State.Detail; strings.Contains(text, "s3cret") || !strings.Contains(strings.ToLower(text), "password") {
				t.Errorf("the account is blocked with %q", text)
			}
			if err := admin.call("PATCH", "/api/accounts/box-"+security, api.AccountChange{Settings: map[string]any{"imap_password": d.Password}}, nil); err != nil {
				t.Fatal(err)
			}
			admin.untilPhase(t, "box-"+security, "live")
		})
	}
	for _, secret := range []string{"s3cret", d.Password, password} {
		if line := h.log.find(secret); line != "" {
			t.Errorf("a secret is in the log: %s", line)
		}
	}
	h.check()
}

// untilRow waits for the conversation with a subject.
func (c *client) untilRow(t testing.TB, subject string) api.Row {
	t.Helper()
	var row api.Row
	until(t, "the conversation "+subject, func() error {
		rows, err := c.rows("all")
		for _, r := range rows {
			if r.Subject == subject {
				row = r
				return nil
			}
		}
		if err == nil {
			err = fmt.Errorf("it is not among %d", len(rows))
		}
		return err
	})
	return row
}
