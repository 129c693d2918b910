package email

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func inspect(t *testing.T, stdin string, paths ...string) []inspected {
	t.Helper()
	var out bytes.Buffer
	if err := Inspect(&out, paths, strings.NewReader(stdin), true); err != nil {
		t.Fatal(err)
	}
	var list []inspected
	for _, line := range strings.Split(strings.TrimSuffix(out.String(), "\n"), "\n") {
		var fields map[string]json.RawMessage
		if err := json.Unmarshal([]byte(line), &fields); err != nil {
			t.Fatalf("%v in %s", err, line)
		}
		for _, key := range []string{"reply_to", "to", "cc", "attachments", "bounces", "references", "warnings"} {
			if v := string(fields[key]); !strings.HasPrefix(v, "[") {
				t.Errorf("%s is %q and no list in %s", key, v, line)
			}
		}
		var o inspected
		if err := json.Unmarshal([]byte(line), &o); err != nil {
			t.Fatal(err)
		}
		list = append(list, o)
	}
	return list
}

const smallMail = "From: Ann <ann@example.org>\nTo: help@example.com\nMessage-ID: <a@example.org>\nDate: Mon, 2 Nov 2026 10:00:00 +0000\nSubject: One\n\nfirst\n"

func TestInspectMbox(t *testing.T) {
	second := "From: help@example.com\nTo: ann@example.org\nMessage-ID: <b@example.com>\nIn-Reply-To: <a@example.org>\nSubject: Two\n\n>From here on\n>>From there\nFrom my desk\n\nFrom a sentence, after an empty line\n"
	mbox := "From ann@example.org Mon Nov  2 10:00:00 2026\n" + smallMail + "\nFrom help@example.com Mon Nov  2 11:00:00 2026\n" + second + "\nFrom x Mon Nov  2 12:00:00 2026\n\n"
	list := inspect(t, mbox, "-")
	if len(list) != 3 {
		t.Fatalf("%d objects: %+v", len(list), list)
	}
	if list[0].Subject != "One" || list[0].Text != "first" || list[0].File != "-" || list[0].Date == nil || *list[0].Date != "2026-11-02T10:00:00Z" {
		t.Errorf("%+v", list[0])
	}
	if want := "From here on\n>From there\nFrom my desk\n\nFrom a sentence, after an empty line"; list[1].Text != want {
		t.Errorf("text %q, want %q", list[1].Text, want)
	}
	if list[0].Thread == "" || list[0].Thread != list[1].Thread {
		t.Errorf("threads %q and %q", list[0].Thread, list[1].Thread)
	}
	if list[1].Date != nil {
		t.Errorf("date %q of a mail without one", *list[1].Date)
	}
	if list[2].Held == "" {
		t.Error("a mail of nothing is not held")
	}
}

// TestInspectLargeMbox: a large mail between small ones.
func TestInspectLargeMbox(t *testing.T) {
	big := strings.Replace(smallMail, "first\n", strings.Repeat("From afar it looks like a line of text\n", 40000), 1)
	list := inspect(t, "From a Mon Nov  2 10:00:00 2026\n"+big+"\nFrom b Mon Nov  2 10:00:00 2026\n"+smallMail, "-")
	if len(list) != 2 || list[1].Text != "first" || len(list[0].Attachments) != 1 {
		t.Fatalf("%d objects", len(list))
	}
}

func TestInspectFolder(t *testing.T) {
	dir := t.TempDir()
	for name, content := range map[string]string{"b.eml": smallMail, "a/x.eml": smallMail, "c.eml": "", "d.eml": "no mail\n"} {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink(filepath.Join(dir, "gone"), filepath.Join(dir, "e.eml")); err != nil {
		t.Fatal(err)
	}
	list := inspect(t, "", dir, filepath.Join(dir, "missing.eml"))
	var got []string
	for _, o := range list {
		rel, _ := filepath.Rel(dir, o.File)
		got = append(got, rel)
		if (o.Held != "") != strings.ContainsAny(rel[:1], "cdem") {
			t.Errorf("%s: held %q", rel, o.Held)
		}
	}
	if s := strings.Join(got, " "); s != "a/x.eml b.eml c.eml d.eml e.eml missing.eml" {
		t.Errorf("order %s", s)
	}
}

func TestInspectText(t *testing.T) {
	var out bytes.Buffer
	if err := Inspect(&out, []string{filepath.Join("testdata", "mail", "bounce-dsn.eml")}, nil, false); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"bounced:     nobody@example.org 5.1.1 for good", "kind:        bounce", "from:        Mail Delivery System <MAILER-DAEMON@mx.example.com>"} {
		if !strings.Contains(out.String(), want+"\n") {
			t.Errorf("%q is missing in\n%s", want, out.String())
		}
	}
}

// TestInspectInputFails: a failing input is told of in its object; the rest goes
// on.
func TestInspectInputFails(t *testing.T) {
	var out bytes.Buffer
	if err := Inspect(&out, []string{"-", filepath.Join("testdata", "mail", "flowed.eml")}, failingReader{}, true); err != nil {
		t.Fatal(err)
	}
	if s := out.String(); !strings.Contains(s, "the line was cut") || strings.Count(s, "\n") != 2 {
		t.Errorf("%s", s)
	}
	if err := Inspect(failingWriter{}, []string{"-"}, strings.NewReader(smallMail), true); err == nil {
		t.Error("no error from a failing output")
	}
}

type failingReader struct{}

func (failingReader) Read([]byte) (int, error) { return 0, errors.New("the line was cut") }

type failingWriter struct{}

func (failingWriter) Write([]byte) (int, error) { return 0, errors.New("disk full") }

func FuzzInspectMbox(f *testing.F) {
	f.Add([]byte("From a Mon Nov  2 10:00:00 2026\n" + smallMail + "\nFrom b Mon Nov  2 10:00:00 2026\n" + smallMail))
	f.Add([]byte("From a 1:2\n\n\n\nFrom b 1:2\n>From c\n"))
	f.Add([]byte(smallMail))
	f.Fuzz(func(t *testing.T, b []byte) {
		var out bytes.Buffer
		if err := Inspect(&out, []string{"-"}, bytes.NewReader(b), true); err != nil {
			t.Fatal(err)
		}
		dec := json.NewDecoder(&out)
		for dec.More() {
			var o inspected
			if err := dec.Decode(&o); err != nil {
				t.Fatal(err)
			}
			if o.Held == "" && (o.Thread == "" || o.Kind == "") {
				t.Fatalf("%+v", o)
			}
		}
	})
}

// TestMboxSender: a mail without From is its envelope sender's, so it can belong to
// a conversation.
func TestMboxSender(t *testing.T) {
	list := inspect(t, "From ann@example.org Mon Nov  2 10:00:00 2026\nMessage-ID: <1@x>\n\none\n\n"+
		"From ann@example.org Mon Nov  2 10:00:00 2026\nMessage-ID: <2@x>\nReferences: <1@x>\n\ntwo\n\n"+
		"From eve@example.net Mon Nov  2 10:00:00 2026\nReferences: <1@x>\n\nthree\n", "-")
	if len(list) != 3 || list[0].From.Address != "ann@example.org" || list[1].Thread != list[0].Thread || list[2].Thread == list[0].Thread {
		t.Errorf("%+v", list)
	}
}
