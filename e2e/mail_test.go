package e2e

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net/mail"
	"os"
	"strings"
	"testing"
	"time"

	"throughline/connectors/email/mailtest"
)

// letter is a mail a customer writes.
type letter struct {
	from, to, cc  string // address fields as written; from and to have defaults
	subject, text string
	id            string // Message-ID without brackets; "-" leaves it out
	inReplyTo     string // with brackets
	references    string // with brackets
	head          string // more header lines, each with its line end
}

// raw is the letter as it goes over the wire.
func (l letter) raw() []byte {
	var b strings.Builder
	field := func(name, value, other string) {
		if value == "" {
			value = other
		}
		if value != "" && value != "-" {
			fmt.Fprintf(&b, "%s: %s\r\n", name, value)
		}
	}
	field("From", l.from, "Ann Example <ann@example.org>")
	field("To", l.to, "support@example.com")
	field("Cc", l.cc, "")
	field("Subject", mime.QEncoding.Encode("utf-8", l.subject), "")
	field("Date", time.Now().Format(time.RFC1123Z), "")
	if l.id != "-" {
		field("Message-ID", "<"+l.id+">", "")
	}
	field("In-Reply-To", l.inReplyTo, "")
	field("References", l.references, "")
	b.WriteString(l.head)
	if !strings.Contains(l.head, "Content-Type") {
		b.WriteString("MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n")
	}
	b.WriteString("\r\n")
	b.WriteString(strings.ReplaceAll(l.text, "\n", "\r\n"))
	b.WriteString("\r\n")
	return []byte(b.String())
}

// startSMTP starts an SMTP server for the test.
func startSMTP(t testing.TB, o mailtest.SMTPOptions) *mailtest.SMTP {
	t.Helper()
	s, err := mailtest.StartSMTP(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// awaitMails waits until the SMTP server has n mails.
func awaitMails(t testing.TB, s *mailtest.SMTP, n int) []mailtest.Mail {
	t.Helper()
	var mails []mailtest.Mail
	until(t, fmt.Sprintf("%d mails at the SMTP server", n), func() error {
		if mails = s.Mails(); len(mails) < n {
			return fmt.Errorf("%d are there", len(mails))
		}
		return nil
	})
	return mails
}

// received is a mail taken apart with the standard library, so that it is not
// our own parser that judges our own composer.
type received struct {
	mail.Header
	tree  string // e.g. "multipart/mixed(multipart/alternative(text/plain text/html) application/pdf)"
	parts map[string]string
	files map[string]string // by name
}

func readMail(t testing.TB, raw []byte) received {
	t.Helper()
	if i := bytes.Index(bytes.ReplaceAll(raw, []byte("\r\n"), nil), []byte("\n")); i >= 0 {
		t.Errorf("a bare line feed is on the wire")
	}
	m, err := mail.ReadMessage(bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	r := received{Header: m.Header, parts: map[string]string{}, files: map[string]string{}}
	r.tree = r.walk(t, m.Header.Get("Content-Type"), m.Header.Get("Content-Transfer-Encoding"), m.Header.Get("Content-Disposition"), m.Body)
	return r
}

func (r *received) walk(t testing.TB, contentType, encoding, disposition string, body io.Reader) string {
	t.Helper()
	kind, params, err := mime.ParseMediaType(contentType)
	if err != nil {
		t.Fatalf("Content-Type %q: %v", contentType, err)
	}
	if strings.HasPrefix(kind, "multipart/") {
		var inner []string
		mr := multipart.NewReader(body, params["boundary"])
		for {
			p, err := mr.NextRawPart()
			if err == io.EOF {
				return kind + "(" + strings.Join(inner, " ") + ")"
			}
			if err != nil {
				t.Fatal(err)
			}
			inner = append(inner, r.walk(t, p.Header.Get("Content-Type"), p.Header.Get("Content-Transfer-Encoding"), p.Header.Get("Content-Disposition"), p))
		}
	}
	var in io.Reader = body
	switch strings.ToLower(encoding) {
	case "quoted-printable":
		in = quotedprintable.NewReader(body)
	case "base64":
		in = base64.NewDecoder(base64.StdEncoding, body)
	}
	content, err := io.ReadAll(in)
	if err != nil {
		t.Fatalf("%s: %v", kind, err)
	}
	if _, params, err := mime.ParseMediaType(disposition); err == nil && params["filename"] != "" {
		name, err := new(mime.WordDecoder).DecodeHeader(params["filename"])
		if err != nil {
			t.Fatal(err)
		}
		r.files[name] = string(content)
	} else {
		r.parts[kind] = strings.ReplaceAll(string(content), "\r\n", "\n")
	}
	return kind
}

// replyTo writes the answer to a mail of ours, as a customer's program does.
func replyTo(t testing.TB, raw []byte, text string) letter {
	t.Helper()
	r := readMail(t, raw)
	id := r.Get("Message-Id")
	return letter{
		from: r.Get("To"), subject: "Re: " + strings.TrimPrefix(r.Get("Subject"), "Re: "), text: text,
		inReplyTo: id, references: strings.TrimSpace(r.Get("References") + " " + id),
		id: fmt.Sprintf("answer-%d@example.org", time.Now().UnixNano()),
	}
}

func decodeWord(s string) (string, error) { return new(mime.WordDecoder).DecodeHeader(s) }

func writeFile(t testing.TB, name string, b []byte) string {
	t.Helper()
	if err := os.WriteFile(name, b, 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

func readFile(t testing.TB, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return b
}
