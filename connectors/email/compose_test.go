package email

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"net/mail"
	"strings"
	"testing"

	"throughline/message"
)

func composeBytes(t testing.TB, m message.Message) []byte {
	t.Helper()
	c, err := compose(m, "support@example.com")
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := c.write(&b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// TestComposeReadsBack: what was put in is what our own reader gets out.
func TestComposeReadsBack(t *testing.T) {
	m := outMail(9)
	m.Subject = "پاسخ به: سفارش ۱۲۳ — " + strings.Repeat("ยาวมาก ", 40) + "end"
	m.To = []message.Person{person(`Doe, "Jo" (x) <a@b>`, "jo@example.org"), person("محمد رضایی", "m.rezaei@example.org"), person(strings.Repeat("long name ", 30)+"z", "long@example.org")}
	m.Text = "سلام\n\n" + strings.Repeat("line of text ", 100) + "\n.\n..two\nFrom here\n-- \nExample"
	m.HTML = `<p>سلام <img src="cid:logo@x"></p>`
	m.Parts = []message.Part{
		{Name: "logo.png", ContentType: "image/png", Inline: true, ContentID: "logo@x", Content: message.Bytes("PNG")},
		{Name: "گزارش سالانه.pdf", ContentType: "application/pdf", Content: message.Bytes(strings.Repeat("x", 1000))},
		{Name: strings.Repeat("รายงาน", 20) + ".txt", ContentType: "text/plain", Content: message.Bytes("t")},
		{Name: `a "quoted" name.eml`, ContentType: "message/rfc822", Content: message.Bytes("Subject: x\r\n\r\ny")},
		{Name: "", ContentType: "bogus", Content: message.Bytes("")},
	}
	raw := composeBytes(t, m)
	for i, line := range strings.Split(string(raw), "\r\n") {
		if len(line) > 78 {
			t.Errorf("line %d has %d bytes: %s", i, len(line), line)
		}
		if strings.ContainsAny(line, "\r\n") || !isASCII(line) {
			t.Errorf("line %d: %q", i, line)
		}
	}
	got, err := Parse(message.Bytes(raw), Options{TempDir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	if got.Subject != m.Subject {
		t.Errorf("subject %q", got.Subject)
	}
	if strings.TrimRight(strings.ReplaceAll(got.Text, "\r\n", "\n"), "\n") != m.Text {
		t.Errorf("text %q", got.Text)
	}
	if strings.TrimSpace(got.HTML) != m.HTML {
		t.Errorf("html %q", got.HTML)
	}
	if len(got.To) != 3 {
		t.Fatalf("to %+v", got.To)
	}
	for i, p := range got.To[:2] {
		if p.Name != m.To[i].Name || p.Handle != m.To[i].Handle {
			t.Errorf("to %+v, want %+v", p, m.To[i])
		}
	}
	if len(got.Parts) != 5 {
		t.Fatalf("%d parts: %+v", len(got.Parts), got.Parts)
	}
	for i, p := range m.Parts {
		g := got.Parts[i]
		if p.Name != "" && i != 3 && g.Name != p.Name {
			t.Errorf("part %d is called %q, want %q", i, g.Name, p.Name)
		}
		if g.Size != p.Content.Size() || g.Inline != p.Inline || g.ContentID != p.ContentID {
			t.Errorf("part %d: %+v", i, g)
		}
	}
}

func TestComposeThread(t *testing.T) {
	m := outMail(9)
	m.Thread = []string{"first@example.org", message.OwnRef(4, "ponmlkjihgfedcba"), "<with.brackets@example.org>", "bad id@x\r\nBcc: eve@example.org", "first@example.org", "last@example.org"}
	h, err := mail.ReadMessage(bytes.NewReader(composeBytes(t, m)))
	if err != nil {
		t.Fatal(err)
	}
	if got := h.Header.Get("References"); got != "<tl.4.ponmlkjihgfedcba@example.com> <with.brackets@example.org> <first@example.org> <last@example.org>" {
		t.Errorf("References: %s", got)
	}
	if got := h.Header.Get("In-Reply-To"); got != "<last@example.org>" {
		t.Errorf("In-Reply-To: %s", got)
	}
	m.Thread = nil
	for i := range 300 {
		m.Thread = append(m.Thread, fmt.Sprintf("id%d@example.org", i))
	}
	h, err = mail.ReadMessage(bytes.NewReader(composeBytes(t, m)))
	if err != nil {
		t.Fatal(err)
	}
	refs := strings.Fields(h.Header.Get("References"))
	if len(refs) != maxReferences || refs[0] != "<id0@example.org>" || refs[1] != "<id280@example.org>" || refs[20] != "<id299@example.org>" {
		t.Errorf("%d references: %v", len(refs), refs)
	}
}

func TestComposeAutomatic(t *testing.T) {
	m := outMail(1)
	m.Automatic = true
	if raw := composeBytes(t, m); !bytes.Contains(raw, []byte("\r\nAuto-Submitted: auto-generated\r\n")) {
		t.Errorf("%s", raw)
	}
	m.Thread = []string{"a@example.org"}
	if raw := composeBytes(t, m); !bytes.Contains(raw, []byte("\r\nAuto-Submitted: auto-replied\r\n")) {
		t.Errorf("%s", raw)
	}
}

// TestComposeInjection: no value can begin a header field of its own.
func TestComposeInjection(t *testing.T) {
	const evil = "x\r\nBcc: eve@example.net\r\n\r\nbody\nX-Evil: 1\rX-Evil: 2\u2028X"
	m := outMail(1)
	m.Subject, m.Text = evil, evil
	m.From.Name, m.To[0].Name = evil, evil
	m.ReplyTo = []message.Person{person(evil, "r@example.com")}
	m.Thread = []string{evil, "ok@example.org"}
	m.Parts = []message.Part{{Name: evil, ContentType: "text/plain" + evil, ContentID: evil, Content: message.Bytes("x")},
		{Name: evil, ContentType: "image/png", Inline: true, ContentID: evil, Content: message.Bytes("x")}}
	m.HTML = evil
	h, err := mail.ReadMessage(bytes.NewReader(composeBytes(t, m)))
	if err != nil {
		t.Fatal(err)
	}
	for k := range h.Header {
		if k == "Bcc" || strings.HasPrefix(k, "X-") {
			t.Errorf("injected %s", k)
		}
	}
	parsed, err := Parse(message.Bytes(composeBytes(t, m)), Options{TempDir: t.TempDir()})
	if err != nil || len(parsed.Bcc) > 0 {
		t.Errorf("%v %v", parsed.Bcc, err)
	}
	for _, addr := range []string{"a@b\r\nBcc: eve@example.net", "a\nb@example.org", "<a@example.org>, eve@example.net", "a@example.org>\r\n", "", "@", "a@", "a b@example.org", "x" + evil + "@example.org"} {
		m := outMail(1)
		m.To = []message.Person{person("", addr)}
		if c, err := compose(m, "support@example.com"); err == nil {
			t.Errorf("%q was taken as %q", addr, c.to)
		}
	}
}

func TestWireAddress(t *testing.T) {
	for _, tt := range []struct {
		in, want string
		utf8, ok bool
	}{
		{"ann@example.org", "ann@example.org", false, true},
		{"Ann.Lee+tag@EXAMPLE.org", "Ann.Lee+tag@example.org", false, true},
		{"info@مثال.example", "info@xn--mgbh0fb.example", false, true},
		{"آنا@example.org", "آنا@example.org", true, true},
		{`"odd local"@example.org`, `"odd local"@example.org`, false, true},
		{"a@my_host.example.org", "a@my_host.example.org", false, true},
		{"a@[192.0.2.1]", "a@[192.0.2.1]", false, true},
		{"a@exa mple.org", "", false, false},
		{"no-at", "", false, false},
	} {
		got, utf8, err := wireAddress(tt.in)
		if got != tt.want || utf8 != tt.utf8 || (err == nil) != tt.ok {
			t.Errorf("%q: %q %v %v", tt.in, got, utf8, err)
		}
	}
}

// FuzzCompose: whatever the strings, the header is well-formed and names only
// the fields that we write.
func FuzzCompose(f *testing.F) {
	f.Add("subject", "name", "file.txt", "text", "ref@example.org")
	f.Add("=?utf-8?Q?a?=", "a, b", "a\\b\"", ".\r\n.\n", "<a b>")
	f.Add(strings.Repeat("a", 500), strings.Repeat("ж", 90), strings.Repeat("\u202e", 300), "\x00\xff", "x\r\ny")
	known := map[string]bool{}
	for _, k := range []string{"Date", "From", "To", "Subject", "Message-Id", "In-Reply-To", "References", "Mime-Version", "Content-Type", "Content-Transfer-Encoding"} {
		known[k] = true
	}
	f.Fuzz(func(t *testing.T, subject, name, file, text, ref string) {
		m := outMail(1)
		m.Subject, m.To[0].Name, m.Text, m.Thread = subject, name, text, []string{ref}
		m.Parts = []message.Part{{Name: file, ContentType: file, Content: message.Bytes(text)}}
		raw := composeBytes(t, m)
		if !bytes.Equal(raw, composeBytes(t, m)) {
			t.Fatal("two attempts differ")
		}
		h, err := mail.ReadMessage(bytes.NewReader(raw))
		if err != nil {
			t.Fatalf("%v:\n%s", err, raw)
		}
		for k, v := range h.Header {
			if !known[k] || len(v) != 1 {
				t.Fatalf("%s: %q\n%s", k, v, raw)
			}
		}
		for line := range bytes.SplitSeq(raw, []byte("\r\n")) {
			if len(line) > 998 || bytes.ContainsAny(line, "\r\n\x00") {
				t.Fatalf("%q", line)
			}
		}
		got, err := Parse(message.Bytes(raw), Options{TempDir: t.TempDir()})
		if err != nil || len(got.To) != 1 || got.To[0].Handle != "mailto:ann@example.org" {
			t.Fatalf("%v %+v\n%s", err, got.To, raw)
		}
		Cleanup(&got)
	})
}

type testKey struct{ pem, record string }

func testKeys(t *testing.T) map[string]testKey {
	t.Helper()
	pub, ed, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	r, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	encode := func(key any) string {
		der, err := x509.MarshalPKCS8PrivateKey(key)
		if err != nil {
			t.Fatal(err)
		}
		return string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
	}
	der, err := x509.MarshalPKIXPublicKey(r.Public())
	if err != nil {
		t.Fatal(err)
	}
	return map[string]testKey{
		"ed25519": {encode(ed), "v=DKIM1; k=ed25519; p=" + base64.StdEncoding.EncodeToString(pub)},
		"rsa":     {encode(r), "v=DKIM1; k=rsa; p=" + base64.StdEncoding.EncodeToString(der)},
	}
}

// TestTextFileCharset: a text file says in which charset it is, if that is known.
func TestTextFileCharset(t *testing.T) {
	for _, tt := range []struct{ kind, content, want string }{
		{"text/plain", "سلام", "text/plain; charset=utf-8"},
		{"text/csv", strings.Repeat("a", sampleBytes-1) + "ش", "text/csv; charset=utf-8"}, // cut in the middle of the letter
		{"text/plain", "caf\xe9 au lait", "text/plain"},
		{"application/pdf", "%PDF", "application/pdf"},
	} {
		e := attachment(message.Part{Name: "a", ContentType: tt.kind, Content: message.Bytes(tt.content)}, "attachment")
		if got := e.fields[0]; got.key != "Content-Type" || got.value != tt.want {
			t.Errorf("%s of %.10q: %+v, want %q", tt.kind, tt.content, got, tt.want)
		}
	}
}
