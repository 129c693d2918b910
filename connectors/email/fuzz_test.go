package email

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"throughline/message"
)

// FuzzParse: whatever the bytes, Parse ends with a message that can be stored or
// with a HeldError that is no panic, the same every time, and leaves no files.
func FuzzParse(f *testing.F) {
	files, err := filepath.Glob(filepath.Join("testdata", "mail", "*.eml"))
	if err != nil || len(files) == 0 {
		f.Fatal("no mails in testdata", err)
	}
	for _, name := range files {
		b, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Add([]byte(tnefMail(sampleTNEF(), "")))
	f.Add([]byte(nested(120)))
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, b []byte) {
		o := Options{TempDir: dir, AuthServID: []string{"mx.example.com"}}
		m, err := Parse(message.Bytes(b), o)
		var held *HeldError
		if errors.As(err, &held) {
			if strings.Contains(held.Reason, "parser fail") {
				t.Fatal(held.Reason)
			}
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		again, err := Parse(message.Bytes(b), o)
		if err != nil || again.Key != m.Key || len(m.Key) != 32 {
			t.Fatalf("keys %q and %q (%v)", m.Key, again.Key, err)
		}
		for what, s := range map[string]string{"subject": m.Subject, "text": m.Text, "html": m.HTML, "name": m.From.Name, "handle": string(m.From.Handle), "ref": m.Ref, "list": m.List} {
			if !utf8.ValidString(s) {
				t.Fatalf("%s %q is not valid UTF-8", what, s)
			}
		}
		if m.Kind == "" || m.Channel == "" || strings.TrimSpace(m.Text) != "" && strings.TrimSpace(m.Reply) == "" {
			t.Fatalf("%+v", m)
		}
		if _, err := json.Marshal(m); err != nil {
			t.Fatal(err)
		}
		for _, p := range m.Parts {
			if strings.ContainsAny(p.Name, "/\\\x00\n") || !utf8.ValidString(p.Name) || p.Content.Size() != p.Size {
				t.Fatalf("part %+v", p)
			}
		}
		Cleanup(&m)
		Cleanup(&again)
		if left, _ := os.ReadDir(dir); len(left) > 0 {
			t.Fatalf("%d files left", len(left))
		}
	})
}

// FuzzHeader: every reader of header text takes anything and gives valid UTF-8.
func FuzzHeader(f *testing.F) {
	for _, s := range []string{"Ann <a@example.org>, \"B, C\" (x) <b@example.org>;", "=?utf-8?q?=C3?= =?utf-8?q?=BC?=", "text/plain; charset=\"utf-8\"; name*0*=utf-8''%41; name*1=b", "Mon, 2 Nov 2026 10:00:00 +0000 (x)", "<a@b> <c", "A: b\r\n c\r\nD\r\n\r\nbody", "(((((", "\"\\\"", "=?a?b?"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		people, _ := parseAddresses(s, "")
		for _, p := range people {
			if !utf8.ValidString(p.Name) || !utf8.ValidString(string(p.Handle)) || p.Name == "" && p.Handle == "" || utf8.RuneCountInString(p.Name) > MaxNameRunes {
				t.Fatalf("%q: %+v", s, p)
			}
		}
		if w := decodeWords(s, "tis-620"); !utf8.ValidString(w) {
			t.Fatalf("%q: %q", s, w)
		}
		m := parseMediaType(s)
		for _, p := range m.params {
			if v := m.param(p.key, ""); !utf8.ValidString(v) {
				t.Fatalf("%q: %q", s, v)
			}
		}
		if d, ok := parseDate(s); ok {
			if _, err := d.MarshalJSON(); err != nil {
				t.Fatalf("%q: %v", s, err)
			}
		}
		for _, id := range messageIDs(s, 5) {
			if id == "" || len(id) > 3*MaxRefBytes || !utf8.ValidString(id) {
				t.Fatalf("%q: %q", s, id)
			}
		}
		h, body, _ := readHeader([]byte(s))
		if body < 0 || body > len(s) {
			t.Fatalf("%q: body at %d", s, body)
		}
		for _, fd := range h {
			if fd.key == "" || strings.ContainsAny(fd.value, "\n") {
				t.Fatalf("%q: %+v", s, fd)
			}
		}
		reports, _ := deliveryStatus([]byte(s))
		_ = append(reports, freeForm(s, s, func(string) bool { return false })...)
		stripComments(s)
	})
}

// TestPathologicalMail: mails made to stand still. Each has about a megabyte;
// work that grew with its square would not end within the time of the test.
func TestPathologicalMail(t *testing.T) {
	n := 100000
	if raceDetector {
		n /= 20
	}
	const head = "From: ann@example.org\r\nContent-Type: "
	for name, s := range map[string]string{
		"encoded words without end": "Subject: " + strings.Repeat("=?utf-8?q?", n) + "\r\n\r\nx",
		"quotes in an address":      "From: " + strings.Repeat("\"a ", n) + "\r\n\r\nx",
		"comments":                  "From: " + strings.Repeat("(", 8*n) + "\r\n\r\nx",
		"brackets":                  "From: " + strings.Repeat("<a", 4*n) + "\r\n\r\nx",
		"commas":                    "To: " + strings.Repeat("a, ", n) + "\r\n\r\nx",
		"references":                "References: " + strings.Repeat("<a@b>", n) + "\r\n\r\nx",
		"quotes in a parameter":     head + "text/plain; name=" + strings.Repeat("\"\"x ", n) + "\r\n\r\nx",
		"parameters":                head + "text/plain" + strings.Repeat("; a=b", n) + "\r\n\r\nx",
		"folds":                     "Subject: a" + strings.Repeat("\r\n b", n) + "\r\n\r\nx",
		"boundary lines":            head + "multipart/mixed; boundary=b\r\n\r\n" + strings.Repeat("--b\r\n", n),
		"almost boundary lines":     head + "multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\n" + strings.Repeat("--bb\r\n", n),
		"one boundary in another":   head + "multipart/mixed; boundary=b\r\n\r\n" + strings.Repeat("--b\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n", n/10),
		"carriage returns":          head + "multipart/mixed; boundary=b\r\n\r\n" + strings.Repeat("\r\r--b\r", n),
		"tags":                      head + "text/html\r\n\r\n" + strings.Repeat("<b><i><blockquote><div class=gmail_quote>", n/4),
		"headings":                  head + "text/html\r\n\r\n" + strings.Repeat("<h1><div>", 200) + strings.Repeat("word ", n),
		"block quotes":              head + "text/html\r\n\r\n" + strings.Repeat("<blockquote>", 400) + strings.Repeat("a<br>", n),
		"soft breaks":               head + "text/plain\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n" + strings.Repeat("=\r\n", 3*n),
		"equal signs":               head + "text/plain\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n" + strings.Repeat("=", 8*n),
		"padding":                   head + "text/plain\r\nContent-Transfer-Encoding: base64\r\n\r\n" + strings.Repeat("QQ=", 3*n),
		"utf-7":                     head + "text/plain; charset=utf-7\r\n\r\n" + strings.Repeat("+", 8*n),
		"flowed":                    head + "text/plain; format=flowed\r\n\r\n" + strings.Repeat("a \r\n", 2*n) + strings.Repeat(">", 2*n),
		"bounce":                    "From: MAILER-DAEMON@x\r\nSubject: Undelivered\r\n\r\n" + strings.Repeat("<a@example.org>:\r\n550 5.1.1\r\n", n/2),
		"open formatting":           head + "text/html\r\n\r\n" + strings.Repeat("<p><b><i><u><em>x", n/4),
		"open anchors":              head + "text/html\r\n\r\n" + strings.Repeat("<a><p>", n),
		"attributes":                head + "text/html\r\n\r\n<a " + strings.Repeat("x=y ", 2*n) + ">",
		"signatures":                head + "text/plain\r\n\r\n" + strings.Repeat("-- \r\n", 2*n),
		"attributions":              head + "text/plain\r\n\r\n" + strings.Repeat("On Mon, Ann wrote:\r\n", n/2),
		"files that do not end":     head + "text/plain\r\n\r\n" + strings.Repeat("begin 644 x\r\n", n),
		"continued parameters":      head + "text/plain" + strings.Repeat("; name*1*=%41", n/2) + "\r\n\r\nx",
		"many bounced":              "From: MAILER-DAEMON@x\r\nX-Failed-Recipients: " + strings.Repeat("a@example.org,", n/2) + "\r\n\r\nx",
	} {
		dir := t.TempDir()
		m, err := Parse(message.Bytes(s), Options{TempDir: dir})
		var held *HeldError
		if err != nil && (!errors.As(err, &held) || strings.Contains(held.Reason, "parser fail")) {
			t.Errorf("%s: %v", name, err)
		}
		if len(m.Text) > 8*len(s) {
			t.Errorf("%s: %d bytes became %d", name, len(s), len(m.Text))
		}
		Cleanup(&m)
	}
}
