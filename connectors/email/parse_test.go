package email

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"throughline/message"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// TestGolden compares how every mail in testdata/mail is understood with
// testdata/golden.jsonl. Run with -update after a wanted change, and read the
// difference.
func TestGolden(t *testing.T) {
	var out bytes.Buffer
	if err := Inspect(&out, []string{filepath.Join("testdata", "mail")}, nil, true); err != nil {
		t.Fatal(err)
	}
	golden := filepath.Join("testdata", "golden.jsonl")
	if *update {
		if err := os.WriteFile(golden, out.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	got, exp := strings.Split(out.String(), "\n"), strings.Split(string(want), "\n")
	if len(got) != len(exp) {
		t.Errorf("%d objects, want %d", len(got), len(exp))
	}
	for i := range min(len(got), len(exp)) {
		if got[i] != exp[i] {
			t.Errorf("got  %s\nwant %s", got[i], exp[i])
		}
	}
}

func parseString(t *testing.T, s string, o Options) message.Message {
	t.Helper()
	if o.TempDir == "" {
		o.TempDir = t.TempDir()
	}
	m, err := Parse(message.Bytes(s), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { Cleanup(&m) })
	return m
}

func hasWarning(m message.Message, words string) bool {
	for _, w := range m.Warnings {
		if strings.Contains(w, words) {
			return true
		}
	}
	return false
}

// TestHeld: what is no mail waits for a person, with a reason.
func TestHeld(t *testing.T) {
	for name, raw := range map[string]message.Content{
		"nothing":  nil,
		"empty":    message.Bytes(""),
		"newlines": message.Bytes("\r\n\r\n\r\n"),
		"picture":  message.Bytes("\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x00\x01"),
		"prose":    message.Bytes("Dear Sir or Madam\n\nthis is a letter.\n"),
		"nul":      message.Bytes(strings.Repeat("\x00", 5000)),
		"huge":     hugeContent{},
	} {
		_, err := Parse(raw, Options{TempDir: t.TempDir()})
		var held *HeldError
		if !errors.As(err, &held) || held.Reason == "" {
			t.Errorf("%s: %v, want a HeldError with a reason", name, err)
		}
	}
}

// hugeContent is a byte too large and must not even be opened.
type hugeContent struct{}

func (hugeContent) Open() (io.ReadCloser, error) { return nil, errors.New("opened") }
func (hugeContent) Size() int64                  { return MaxSize + 1 }

func TestReadErrorIsNotHeld(t *testing.T) {
	_, err := Parse(brokenContent{}, Options{})
	var held *HeldError
	if err == nil || errors.As(err, &held) {
		t.Errorf("%v: a failing disk says nothing about the mail", err)
	}
}

type brokenContent struct{}

func (brokenContent) Open() (io.ReadCloser, error) { return nil, errors.New("disk failed") }
func (brokenContent) Size() int64                  { return 100 }

func TestFields(t *testing.T) {
	received := time.Date(2026, 11, 2, 10, 0, 5, 0, time.UTC)
	m := parseString(t, "From: Ann <Ann@Example.org>\r\nTo: help@example.com\r\nMessage-ID: <tl.7.abcdefghijklmnop@example.com>\r\nList-Id: Garden <garden.example.net>\r\n\r\nHi\r\n",
		Options{Source: "INBOX/1/2", Account: "help", Received: received, Own: "mailto:ann@example.org"})
	if m.Channel != "email" || m.Account != "help" || m.Source != "INBOX/1/2" {
		t.Errorf("channel %q account %q source %q", m.Channel, m.Account, m.Source)
	}
	if m.From.Handle != "mailto:Ann@Example.org" {
		t.Errorf("the address has to stay as on the wire: %q", m.From.Handle)
	}
	if m.Direction != message.Out {
		t.Errorf("direction %q of a mail from our own address", m.Direction)
	}
	if want := message.OwnRef(7, "abcdefghijklmnop"); m.Ref != want || m.Echo != want {
		t.Errorf("ref %q echo %q, want %q", m.Ref, m.Echo, want)
	}
	if !m.Time.Equal(received) || !m.Received.Equal(received) {
		t.Errorf("time %v received %v, want %v without a Date", m.Time, m.Received, received)
	}
	if m.List != "garden.example.net" || !m.Bulk || m.Kind != message.Human {
		t.Errorf("list %q bulk %v kind %q", m.List, m.Bulk, m.Kind)
	}
	if m.Raw == nil {
		t.Error("the raw mail is not there")
	}
}

func TestLimits(t *testing.T) {
	t.Run("header of 200 KB", func(t *testing.T) {
		m := parseString(t, "From: ann@example.org\r\nX-Long: "+strings.Repeat("word ", 40000)+"\r\n "+strings.Repeat("y", 1000)+"\r\nSubject: after it\r\n\r\nbody\r\n", Options{})
		if m.Subject != "after it" || m.Text != "body" || len(m.Warnings) != 1 {
			t.Errorf("subject %q text %q warnings %q", m.Subject, m.Text, m.Warnings)
		}
	})
	t.Run("header of 3 MB", func(t *testing.T) {
		m := parseString(t, "From: ann@example.org\r\n"+strings.Repeat("X-Long: "+strings.Repeat("y", 990)+"\r\n", 3000)+"Subject: lost\r\n\r\nbody\r\n", Options{})
		if m.Text != "body" || m.From.Handle == "" || !hasWarning(m, "1 MiB") {
			t.Errorf("text %q from %q warnings %q", m.Text, m.From.Handle, m.Warnings)
		}
	})
	t.Run("header fields", func(t *testing.T) {
		m := parseString(t, "From: ann@example.org\r\n"+strings.Repeat("X: y\r\n", MaxHeaderFields+10)+"\r\nbody\r\n", Options{})
		if m.Text != "body" || !hasWarning(m, "4,000 fields") {
			t.Errorf("text %q warnings %q", m.Text, m.Warnings)
		}
	})
	t.Run("name of 2,000 characters", func(t *testing.T) {
		m := parseString(t, "From: "+strings.Repeat("ก", 2000)+" <ann@example.org>\r\nMessage-ID: <a@b>\r\n\r\nbody\r\n", Options{})
		if n := len([]rune(m.From.Name)); n != MaxNameRunes || m.From.Handle != "mailto:ann@example.org" || !hasWarning(m, "long name") {
			t.Errorf("%d runes, %q, warnings %q", n, m.From.Handle, m.Warnings)
		}
	})
	t.Run("addresses", func(t *testing.T) {
		m := parseString(t, "From: ann@example.org\r\nTo: "+strings.Repeat("x@example.com, ", MaxAddresses+5)+"y@example.com\r\n\r\nbody\r\n", Options{})
		if len(m.To) != MaxAddresses || !hasWarning(m, "1,000 addresses") {
			t.Errorf("%d addresses, warnings %q", len(m.To), m.Warnings)
		}
	})
	t.Run("references", func(t *testing.T) {
		var refs strings.Builder
		for i := range 400 {
			fmt.Fprintf(&refs, " <%d@example.org>\r\n", i)
		}
		m := parseString(t, "From: ann@example.org\r\nReferences:"+refs.String()+"In-Reply-To: <x@example.org>\r\n\r\nbody\r\n", Options{})
		if len(m.Refs) != MaxRefs || m.Refs[0] != "x@example.org" || m.Refs[1] != "399@example.org" {
			t.Errorf("%d refs, %q", len(m.Refs), m.Refs[:2])
		}
	})
	t.Run("subject", func(t *testing.T) {
		m := parseString(t, "From: ann@example.org\r\nSubject: "+strings.Repeat("word ", 1000)+"\r\n\r\nbody\r\n", Options{})
		if n := len([]rune(m.Subject)); n != MaxSubjectRunes {
			t.Errorf("%d runes", n)
		}
	})
	t.Run("parts", func(t *testing.T) {
		m := parseString(t, "From: ann@example.org\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n"+strings.Repeat("--b\r\nContent-Type: image/png\r\n\r\nx\r\n", MaxParts+50)+"--b--\r\n", Options{})
		if len(m.Parts) != MaxParts || !hasWarning(m, "1,000 parts") {
			t.Errorf("%d parts, warnings %q", len(m.Parts), m.Warnings)
		}
	})
	for _, depth := range []int{99, 200, 5000} {
		t.Run(fmt.Sprintf("%d levels", depth), func(t *testing.T) {
			m := parseString(t, nested(depth), Options{})
			if got := m.Text == "deep"; got != (depth < MaxDepth) {
				t.Errorf("text %q", m.Text)
			}
			if depth >= MaxDepth && (!hasWarning(m, "100 levels") || len(m.Parts) != 1 || !strings.Contains(partText(t, m.Parts[0]), "deep")) {
				t.Errorf("%d parts, warnings %q: the deep part has to be kept raw", len(m.Parts), m.Warnings)
			}
		})
	}
	t.Run("text", func(t *testing.T) {
		long := strings.Repeat("ก", MaxText)
		m := parseString(t, "From: ann@example.org\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n"+long+"\r\n", Options{})
		if len(m.Text) > MaxText || !strings.HasPrefix(long, m.Text) || !hasWarning(m, "very long text") {
			t.Errorf("%d bytes of text, warnings %q", len(m.Text), m.Warnings)
		}
		if len(m.Parts) != 1 || !strings.HasPrefix(partText(t, m.Parts[0]), long) {
			t.Error("the whole text is not attached")
		}
	})
}

// nested is a mail of depth multiparts in one another.
func nested(depth int) string {
	var b strings.Builder
	b.WriteString("From: ann@example.org\r\nSubject: levels\r\n")
	for i := range depth {
		fmt.Fprintf(&b, "Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n", i, i)
	}
	b.WriteString("Content-Type: text/plain\r\n\r\ndeep\r\n")
	for i := depth - 1; i >= 0; i-- {
		fmt.Fprintf(&b, "--b%d--\r\n", i)
	}
	return b.String()
}

func partText(t *testing.T, p message.Part) string {
	t.Helper()
	r, err := p.Content.Open()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	b, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// TestKey: the same mail has one key whatever way it came; anything that makes
// it another mail gives another.
func TestKey(t *testing.T) {
	const fields = "From: ann@example.org\r\nTo: help@example.com\r\nSubject: S\r\nDate: Mon, 2 Nov 2026 10:00:00 +0000\r\n"
	const id = "Message-ID: <a@example.org>\r\n"
	key := func(s string) string { return parseString(t, s, Options{}).Key }
	base := key(fields + id + "\r\nGrüße   \r\nbye\r\n")
	if len(base) != 32 {
		t.Fatalf("key %q", base)
	}
	for name, s := range map[string]string{
		"trace fields":      "Received: by b.example.com; Mon, 2 Nov 2026 10:00:09 +0000\r\nReturn-Path: <x@example.org>\r\n" + fields + id + "\r\nGrüße   \r\nbye\r\n",
		"transfer encoding": fields + id + "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\nGr=C3=BC=C3=9Fe\r\nbye\r\n",
		"line ends":         strings.ReplaceAll(fields+id+"\r\nGrüße\r\nbye\r\n\r\n", "\r\n", "\n"),
		"time zone":         strings.ReplaceAll(fields, "10:00:00 +0000", "11:00:00 +0100") + id + "\r\nGrüße\r\nbye\r\n",
	} {
		if got := key(s); got != base {
			t.Errorf("%s: key %s, want %s", name, got, base)
		}
	}
	for name, s := range map[string]string{
		"another body under the same Message-ID": fields + id + "\r\nGrüße\r\ngood bye\r\n",
		"no Message-ID":                          fields + "\r\nGrüße\r\nbye\r\n",
		"another sender":                         strings.Replace(fields, "ann@", "eve@", 1) + id + "\r\nGrüße\r\nbye\r\n",
		"another date":                           strings.Replace(fields, "10:00:00", "10:00:01", 1) + id + "\r\nGrüße\r\nbye\r\n",
	} {
		if got := key(s); got == base {
			t.Errorf("%s: the same key", name)
		}
	}
}

func TestVouch(t *testing.T) {
	const mail = "From: Ann <ann@shop.example.org>\r\n\r\nx\r\n"
	for _, tt := range []struct {
		name, headers string
		want          message.Vouch
	}{
		{"nothing", "", message.VouchUnknown},
		{"dmarc", "Authentication-Results: mx.example.com; dmarc=pass header.from=shop.example.org\r\n", message.VouchPassed},
		{"dmarc with a comment", "Authentication-Results: mx.example.com 1; spf=pass (sender; is fine) smtp.mailfrom=x@other.example; dmarc=pass (p=none) header.from=example.org\r\n", message.VouchPassed},
		{"failed", "Authentication-Results: mx.example.com; dmarc=fail header.from=shop.example.org\r\n", message.VouchFailed},
		{"aligned dkim", "Authentication-Results: mx.example.com; dkim=pass header.d=example.org\r\n", message.VouchPassed},
		{"foreign dkim", "Authentication-Results: mx.example.com; dkim=pass header.d=example.net\r\n", message.VouchUnknown},
		{"aligned spf", "Authentication-Results: mx.example.com; spf=pass smtp.mailfrom=bounce@example.org\r\n", message.VouchPassed},
		{"written by the sender", "Authentication-Results: evil.example; dmarc=pass header.from=shop.example.org\r\n", message.VouchUnknown},
		{"only the topmost counts", "Authentication-Results: mx.example.com; dmarc=fail\r\nAuthentication-Results: mx.example.com; dmarc=pass\r\n", message.VouchFailed},
	} {
		if got := parseString(t, tt.headers+mail, Options{AuthServID: []string{"MX.example.com"}}).Vouch; got != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
	}
	if got := parseString(t, "Authentication-Results: mx.example.com; dmarc=pass\r\n"+mail, Options{}).Vouch; got != message.VouchUnknown {
		t.Errorf("%q without a server of our own", got)
	}
}
