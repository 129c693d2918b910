package email

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
)

// sameTree compares two trees by their types and contents.
func sameTree(a, b *node) bool {
	if a.kind.kind != b.kind.kind || a.disp.kind != b.disp.kind || a.id != b.id || !bytes.Equal(a.content, b.content) || len(a.kids) != len(b.kids) {
		return false
	}
	for i := range a.kids {
		if !sameTree(a.kids[i], b.kids[i]) {
			return false
		}
	}
	return true
}

// TestQuickTree: where quickTree takes a mail, it finds what enmime finds; what
// is unusual it leaves to enmime.
func TestQuickTree(t *testing.T) {
	files, err := filepath.Glob(filepath.Join("testdata", "mail", "*.eml"))
	if err != nil {
		t.Fatal(err)
	}
	taken := 0
	for _, name := range files {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		b, _, _ = repair(b)
		h, start, _ := readHeader(b)
		ct := parseMediaType(h.get("Content-Type"))
		quick, ok := quickTree(ct, b[start:], 0)
		if !ok {
			continue
		}
		taken++
		slow, err := readTree(h.get("Content-Type"), bytes.NewReader(b[start:]), nil)
		if err != nil || len(quick.kids) != len(slow.kids) {
			t.Errorf("%s: %d parts, enmime has %d (%v)", name, len(quick.kids), len(slow.kids), err)
			continue
		}
		for i := range quick.kids {
			if !sameTree(quick.kids[i], slow.kids[i]) {
				t.Errorf("%s: part %d differs from enmime's", name, i)
			}
		}
	}
	if taken < 10 {
		t.Errorf("only %d mails were taken", taken)
	}
	ct := parseMediaType("multipart/mixed; boundary=b")
	for name, body := range map[string]string{
		"no close delimiter":       "--b\r\n\r\nx\r\n",
		"no delimiter":             "x",
		"a delimiter in a line":    "--b\r\n\r\nx --b\r\n--b--\r\n",
		"a longer delimiter":       "--b\r\n\r\nx\r\n--bb\r\n--b--\r\n",
		"something after the end":  "--b\r\n\r\nx\r\n--b--\r\n--b\r\n\r\ny\r\n",
		"no empty line":            "--b\r\nContent-Type: text/plain\r\n--b--\r\n",
		"a header without a colon": "--b\r\nContent-Type: text/plain\r\nstray\r\n\r\nx\r\n--b--\r\n",
		"an unknown encoding":      "--b\r\nContent-Transfer-Encoding: x-odd\r\n\r\nx\r\n--b--\r\n",
		"an inner one left open":   "--b\r\nContent-Type: multipart/mixed; boundary=c\r\n\r\n--c\r\n\r\nx\r\n--b--\r\n",
		"only the end":             "--b--\r\n",
	} {
		if _, ok := quickTree(ct, []byte(body), 0); ok {
			t.Errorf("%s: it was taken", name)
		}
	}
}
