package e2e

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"net/http"
	"net/url"
	"path/filepath"
	"strings"
	"testing"

	"github.com/emersion/go-msgauth/dkim"

	"throughline/api"
	"throughline/connectors/email/mailtest"
)

// TestUnsubscribe: an offer carries a link that works with one click, both header
// fields are under the signature (RFC 8058, section 4), the copy in the sent folder is
// what went out, and after the click the next offer does not leave.
func TestUnsubscribe(t *testing.T) {
	t.Parallel()
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	d := mailtest.Peer(t)
	f := &office{hub: newHub(t, hubOptions{public: true}), dovecot: d, smtp: startSMTP(t, mailtest.SMTPOptions{}), user: "support"}
	f.start()
	f.admin = f.setup()
	s := settings(d, f.user, f.smtp.Port)
	s["dkim_domain"], s["dkim_selector"] = "example.com", "tl"
	s["dkim_key"] = string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
	s["sent_folder"] = "Sent"
	if err := d.WriteMaildir(f.user, "Sent"); err != nil {
		t.Fatal(err)
	}
	f.admin.addAccount(t, "support", s)
	f.admin.untilPhase(t, "support", "live")
	f.deliver(letter{id: "first@example.org", subject: "prices", text: "What do you offer?"})
	row := f.admin.untilRow(t, "prices")
	about := "offer"
	if err := f.admin.call(http.MethodPatch, fmt.Sprintf("/api/conversations/%d", row.ID), api.ConversationChange{Purpose: &about}, nil); err != nil {
		t.Fatal(err)
	}
	sent := must[api.Entry](t)(f.admin.reply(row.ID, "reply", "<p>Ten per cent off.</p>", nil))
	f.admin.untilDelivery(t, sent.Message.ID, "sent")
	raw := awaitMails(t, f.smtp, 1)[0].Data

	v, err := dkim.VerifyWithOptions(bytes.NewReader(raw), &dkim.VerifyOptions{LookupTXT: func(string) ([]string, error) {
		return []string{"v=DKIM1; k=ed25519; p=" + base64.StdEncoding.EncodeToString(public)}, nil
	}})
	if err != nil || len(v) != 1 || v[0].Err != nil {
		t.Fatalf("the signature: %v %+v", err, v)
	}
	covered := strings.ToLower(strings.Join(v[0].HeaderKeys, " ") + " ")
	for _, field := range []string{"list-unsubscribe ", "list-unsubscribe-post "} {
		if !strings.Contains(covered, field) {
			t.Errorf("%sis not under the signature: %s", field, covered)
		}
	}
	m := readMail(t, raw)
	link := strings.Trim(m.Get("List-Unsubscribe"), "<>")
	if m.Get("List-Unsubscribe-Post") != "List-Unsubscribe=One-Click" || !strings.HasPrefix(link, f.url()+"/choices/") {
		t.Fatalf("List-Unsubscribe: %s, List-Unsubscribe-Post: %s", link, m.Get("List-Unsubscribe-Post"))
	}
	if !strings.Contains(m.parts["text/plain"], link) {
		t.Error("the link is not in the text")
	}

	until(t, "the copy in the sent folder", func() error {
		copies, err := filepath.Glob(filepath.Join(d.Dir, "mail", f.user, "Maildir", ".Sent", "*", "*,S=*"))
		if err != nil || len(copies) != 1 {
			return fmt.Errorf("%d copies, %v", len(copies), err)
		}
		// A Maildir has the machine's line ends.
		kept := readMail(t, bytes.ReplaceAll(readFile(t, copies[0]), []byte("\n"), []byte("\r\n")))
		if kept.Get("List-Unsubscribe") != m.Get("List-Unsubscribe") || kept.Get("List-Unsubscribe-Post") != m.Get("List-Unsubscribe-Post") || kept.Get("DKIM-Signature") == "" {
			return fmt.Errorf("the copy says %q", kept.Get("List-Unsubscribe"))
		}
		return nil
	})

	// One click, as a mail provider does it: no cookie, no page before.
	resp, err := http.PostForm(link, url.Values{"List-Unsubscribe": {"One-Click"}})
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		t.Fatalf("one click is answered with %s", resp.Status)
	}
	if _, err := f.admin.reply(row.ID, "reply", "<p>Twenty per cent off.</p>", nil); status(err) != http.StatusConflict {
		t.Errorf("the next offer: %v, want a refusal", err)
	}
	about = "support"
	if err := f.admin.call(http.MethodPatch, fmt.Sprintf("/api/conversations/%d", row.ID), api.ConversationChange{Purpose: &about}, nil); err != nil {
		t.Fatal(err)
	}
	answer := must[api.Entry](t)(f.admin.reply(row.ID, "reply", "<p>Your bicycle is ready.</p>", nil))
	f.admin.untilDelivery(t, answer.Message.ID, "sent")
	if last := readMail(t, awaitMails(t, f.smtp, 2)[1].Data); last.Get("List-Unsubscribe")+last.Get("List-Unsubscribe-Post") != "" {
		t.Error("what is no offer carries the header too")
	}
	f.check()
}
