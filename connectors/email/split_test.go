package email

import (
	"bufio"
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"mime/quotedprintable"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"throughline/message"
)

// TestLargeParts: large attachments of every transfer encoding go to files and
// come out byte for byte; small parts around them stay as they are.
func TestLargeParts(t *testing.T) {
	data := make([]byte, 700<<10)
	if _, err := rand.Read(data); err != nil {
		t.Fatal(err)
	}
	text := bytes.ReplaceAll(bytes.ReplaceAll(data, []byte("\r"), nil), []byte("\n"), nil)
	var qp bytes.Buffer
	w := quotedprintable.NewWriter(&qp)
	w.Binary = true
	w.Write(data)
	w.Close()
	for _, tt := range []struct {
		encoding string
		body     []byte
		want     []byte
	}{
		{"base64", wrapBase64(data), data},
		{"BASE64", []byte(base64.StdEncoding.EncodeToString(data)), data}, // one long line
		{"quoted-printable", qp.Bytes(), data},
		{"binary", text, text},
	} {
		raw := "From: ann@example.org\r\nContent-Type: multipart/mixed; boundary=\"b\"\r\n\r\npreamble\r\n--b\r\n\r\nThe text\r\n--b\r\nContent-Type: application/zip; name=big.zip\r\nContent-Disposition: attachment;\r\n filename*=utf-8''gro%C3%9F.zip\r\nContent-Transfer-Encoding: " + tt.encoding + "\r\n\r\n" +
			string(tt.body) + "\r\n--b\r\nContent-Type: image/png\r\nContent-ID: <p@example.org>\r\n\r\nsmall\r\n--b--\r\nepilogue\r\n"
		dir := t.TempDir()
		m, err := Parse(message.Bytes(raw), Options{TempDir: dir})
		if err != nil {
			t.Fatal(err)
		}
		if m.Text != "The text" || len(m.Parts) != 2 || m.Parts[0].Name != "groß.zip" || m.Parts[1].ContentID != "p@example.org" || partText(t, m.Parts[1]) != "small" {
			t.Fatalf("%s: text %q, parts %+v", tt.encoding, m.Text, m.Parts)
		}
		if _, ok := m.Parts[0].Content.(*File); !ok {
			t.Errorf("%s: the large part is in memory", tt.encoding)
		}
		if got := partText(t, m.Parts[0]); got != string(tt.want) || m.Parts[0].Size != int64(len(tt.want)) {
			t.Errorf("%s: %d bytes came out changed, want %d", tt.encoding, len(got), len(tt.want))
		}
		Cleanup(&m)
		Cleanup(&m) // twice does no harm
		if left, _ := os.ReadDir(dir); len(left) > 0 {
			t.Errorf("%s: %d temporary files left", tt.encoding, len(left))
		}
	}
}

func wrapBase64(b []byte) []byte {
	s := base64.StdEncoding.EncodeToString(b)
	var out bytes.Buffer
	for len(s) > 76 {
		out.WriteString(s[:76] + "\r\n")
		s = s[76:]
	}
	out.WriteString(s)
	return out.Bytes()
}

// TestUnusedFiles: what is read but not kept leaves no file, nor does a failure.
func TestUnusedFiles(t *testing.T) {
	big := string(wrapBase64(bytes.Repeat([]byte("<p>amp "), 200<<10)))
	dir := t.TempDir()
	m, err := Parse(message.Bytes("From: ann@example.org\r\nContent-Type: multipart/alternative; boundary=b\r\n\r\n--b\r\n\r\nhi\r\n--b\r\nContent-Type: text/x-amp-html\r\nContent-Transfer-Encoding: base64\r\n\r\n"+big+"\r\n--b--\r\n"), Options{TempDir: dir})
	if err != nil || m.Text != "hi" || len(m.Parts) != 0 {
		t.Fatalf("%v, text %q, parts %+v", err, m.Text, m.Parts)
	}
	if left, _ := os.ReadDir(dir); len(left) > 0 {
		t.Errorf("%d temporary files left", len(left))
	}
	var held *HeldError
	_, err = Parse(message.Bytes("From: ann@example.org\r\nContent-Type: application/zip\r\nContent-Transfer-Encoding: base64\r\n\r\n"+big), Options{TempDir: filepath.Join(dir, "missing")})
	if err == nil || errors.As(err, &held) {
		t.Errorf("%v: a missing folder says nothing against the mail", err)
	}
}

// TestLargeSinglePart: a mail that is nothing but a large file.
func TestLargeSinglePart(t *testing.T) {
	data := bytes.Repeat([]byte("%PDF-1.7 "), 100<<10)
	m := parseString(t, "From: ann@example.org\r\nContent-Type: application/pdf; name=a.pdf\r\nContent-Transfer-Encoding: base64\r\n\r\n"+string(wrapBase64(data)), Options{})
	if len(m.Parts) != 1 || partText(t, m.Parts[0]) != string(data) {
		t.Errorf("parts %+v", m.Parts)
	}
}

// TestSameKeyHoweverSplit: whether a part went through a file does not show in
// the key.
func TestSameKeyHoweverSplit(t *testing.T) {
	data := bytes.Repeat([]byte("0123456789"), 30<<10)
	mail := func(encoding string, body []byte) string {
		return "From: ann@example.org\r\nMessage-ID: <k@example.org>\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nhi\r\n--b\r\nContent-Type: application/zip\r\nContent-Transfer-Encoding: " + encoding + "\r\n\r\n" + string(body) + "\r\n--b--\r\n"
	}
	a := parseString(t, mail("base64", wrapBase64(data)), Options{}) // large enough for the splitter
	b := parseString(t, mail("7bit", bytes.TrimSpace(data)), Options{})
	if a.Key != b.Key {
		t.Errorf("keys %s and %s", a.Key, b.Key)
	}
}

// TestForgedToken: no mail can name a temporary file itself.
func TestForgedToken(t *testing.T) {
	big := string(wrapBase64(bytes.Repeat([]byte("x"), 600<<10)))
	m := parseString(t, "From: ann@example.org\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: application/zip\r\nContent-Transfer-Encoding: base64\r\n\r\n"+big+"\r\n--b\r\nContent-Type: application/x-forged\r\n\r\n\x00spilled-00000000000000000000000000000000-0\r\n--b--\r\n", Options{})
	if len(m.Parts) != 2 || !strings.Contains(partText(t, m.Parts[1]), "spilled-") {
		t.Errorf("parts %+v", m.Parts)
	}
}

// TestDamagedTransfer: what can be decoded is.
func TestDamagedTransfer(t *testing.T) {
	for _, tt := range []struct{ encoding, body, want string }{
		{"base64", "SGVsbG8", "Hello"},                     // no padding
		{"base64", "SGVs\r\n!!bG8=\r\n", "Hello"},          // foreign bytes
		{"base64", "SGVsbG8=SGVsbG8=", "HelloHello"},       // two in one
		{"quoted-printable", "a=3Db=\r\nc =\r\n", "a=bc "}, // soft breaks
		{"quoted-printable", "50=% =zz", "50=% =zz"},       // no escapes
		{"quoted-printable", "x  \r\ny", "x\r\ny"},         // trailing space
		{"x-unknown", "as it is", "as it is"},
	} {
		if got := string(decodeTransfer(tt.encoding, []byte(tt.body))); got != tt.want {
			t.Errorf("%s %q: %q, want %q", tt.encoding, tt.body, got, tt.want)
		}
		// The same in one-byte writes.
		var b bytes.Buffer
		w := transferDecoder(tt.encoding, &b)
		for i := range len(tt.body) {
			if _, err := w.Write([]byte(tt.body[i : i+1])); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.Close(); err != nil || b.String() != tt.want {
			t.Errorf("%s %q byte by byte: %q %v, want %q", tt.encoding, tt.body, b.String(), err, tt.want)
		}
	}
}

const memoryMail = "THROUGHLINE_TEST_MEMORY_MAIL"

// TestMemory parses a mail with an attachment of 30 MB in a process of its own,
// from a file and from memory, and asks the system for the most memory the
// process ever had: at most 64 MB more than before.
func TestMemory(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("reads /proc/self/status")
	}
	if path := os.Getenv(memoryMail); path != "" {
		measureMemory(t, path, os.Getenv(memoryMail+"_BYTES") != "")
		return
	}
	if testing.Short() || raceDetector {
		t.Skip("writes 40 MB; the race detector takes memory of its own")
	}
	path := filepath.Join(t.TempDir(), "big.eml")
	writeBigMail(t, path, 30<<20)
	for _, inMemory := range []string{"", "1"} {
		cmd := exec.Command(os.Args[0], "-test.run=^TestMemory$", "-test.v")
		cmd.Env = append(os.Environ(), memoryMail+"="+path, memoryMail+"_BYTES="+inMemory)
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Errorf("raw in memory %q: %v\n%s", inMemory, err, out)
		}
		t.Logf("raw in memory %q: %s", inMemory, bytes.TrimSpace(out))
	}
}

func measureMemory(t *testing.T, path string, inMemory bool) {
	small := message.Bytes(alternativeMail())
	if _, err := Parse(small, Options{}); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	before := peakMemory(t)
	var raw message.Content = &File{path: path, size: info.Size()}
	if inMemory {
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		raw = message.Bytes(b)
	}
	m, err := Parse(raw, Options{TempDir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	defer Cleanup(&m)
	if len(m.Parts) != 1 || m.Parts[0].Size != 30<<20 {
		t.Fatalf("parts %+v", m.Parts)
	}
	more := peakMemory(t) - before
	fmt.Printf("%d MiB more\n", more>>20)
	if more > 64<<20 {
		t.Errorf("%d MiB more memory, at most 64 are allowed", more>>20)
	}
	runtime.KeepAlive(raw)
}

// peakMemory is VmHWM, the largest resident set the process ever had.
func peakMemory(t *testing.T) int64 {
	b, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, ok := bytes.Cut(b, []byte("VmHWM:"))
	if !ok {
		t.Skip("no VmHWM in /proc/self/status")
	}
	kb, err := strconv.ParseInt(string(bytes.Fields(rest)[0]), 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return kb << 10
}

func writeBigMail(t *testing.T, path string, size int) {
	t.Helper()
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	w := bufio.NewWriter(f)
	io.WriteString(w, "From: ann@example.org\r\nMessage-ID: <big@example.org>\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: text/plain\r\n\r\nSee the film.\r\n--b\r\nContent-Type: video/mp4; name=film.mp4\r\nContent-Transfer-Encoding: base64\r\n\r\n")
	chunk := make([]byte, 57)
	for n := 0; n < size; n += len(chunk) {
		chunk = chunk[:min(57, size-n)]
		for i := range chunk {
			chunk[i] = byte(n + i*7)
		}
		io.WriteString(w, base64.StdEncoding.EncodeToString(chunk)+"\r\n")
	}
	io.WriteString(w, "--b--\r\n")
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
}
