package twilio

import (
	"encoding/json"
	"flag"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"throughline/connectors"
	"throughline/message"
)

var update = flag.Bool("update", false, "write the golden files anew")

// reader is a connector for reading only.
func reader(t testing.TB, f flavour) *Connector {
	t.Helper()
	from := ourNumber
	if f.channel == ChannelWhatsApp {
		from = ourWhatsApp
	}
	raw, _ := json.Marshal(map[string]any{"account_sid": "AC00000000000000000000000000000001", "auth_token": "x", "from": from})
	c, err := newConnector(f, connectors.Account{ID: "texts", Channel: f.channel, Settings: raw}, connectors.Host{})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// TestGolden reads testdata/in/*: NAME.form is the body of a webhook, NAME.json
// an entry of the list; a name that starts with wa- is WhatsApp's.
func TestGolden(t *testing.T) {
	names, err := filepath.Glob(filepath.Join("testdata", "in", "*"))
	if err != nil || len(names) < 10 {
		t.Fatalf("%d files, %v", len(names), err)
	}
	at := time.Date(2026, 11, 2, 10, 0, 0, 0, time.UTC)
	for _, name := range names {
		f := sms()
		if strings.HasPrefix(filepath.Base(name), "wa-") {
			f = whatsapp()
		}
		c := reader(t, f)
		raw, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		var got struct {
			Message *message.Message `json:"message,omitempty"`
			Files   any              `json:"files,omitempty"`
			Held    string           `json:"held,omitempty"`
		}
		var m message.Message
		if strings.HasSuffix(name, ".form") {
			form, ferr := parseForm([]byte(strings.TrimSpace(string(raw))))
			if ferr != nil {
				t.Fatalf("%s: %v", name, ferr)
			}
			var files []file
			m, files, err = c.readForm(form, at)
			var list []string
			for _, f := range files {
				list = append(list, f.contentType+" "+f.path)
			}
			if list != nil {
				got.Files = list
			}
		} else {
			var n int
			m, n, err = c.readResource(raw)
			if n > 0 {
				got.Files = n
			}
		}
		if err != nil {
			got.Held = err.Error()
		} else {
			got.Message = &m
		}
		b, err := json.MarshalIndent(got, "", "  ")
		if err != nil {
			t.Fatal(err)
		}
		golden := filepath.Join("testdata", "golden", filepath.Base(name)+".golden")
		if *update {
			if err := os.WriteFile(golden, append(b, '\n'), 0o644); err != nil {
				t.Fatal(err)
			}
			continue
		}
		want, err := os.ReadFile(golden)
		if err != nil {
			t.Fatal(err)
		}
		if strings.TrimSpace(string(want)) != string(b) {
			t.Errorf("%s:\n%s\nwant\n%s", name, b, want)
		}
	}
}

func TestHandlesAndBack(t *testing.T) {
	for _, tt := range []struct {
		f            flavour
		wire, handle string
	}{
		{sms(), "+12025550143", "tel:+12025550143"},
		{sms(), "72345", "short:72345"},
		{sms(), "123456", "short:123456"},
		{whatsapp(), "whatsapp:+12025550143", "tel:+12025550143"},
		{whatsapp(), "whatsapp:US.13491208655302741918", "whatsapp:US.13491208655302741918"},
	} {
		h := handleOf(tt.wire)
		if string(h) != tt.handle {
			t.Errorf("%q is %q, want %q", tt.wire, h, tt.handle)
		}
		if back := tt.f.wireOf(h); back != tt.wire {
			t.Errorf("%q goes to %q, want %q", h, back, tt.wire)
		}
	}
	for wire, handle := range map[string]string{"SHOP": "alpha:SHOP", "12025550143": "tel:+12025550143", "": "", "whatsapp:": "", "  ": "",
		"messenger:1234567": "tel:+1234567", strings.Repeat("A", 300): ""} {
		if h := handleOf(wire); string(h) != handle {
			t.Errorf("%q is %q, want %q", wire, h, handle)
		}
	}
	for h, f := range map[message.Handle]flavour{"alpha:SHOP": sms(), "short:72345": whatsapp(), "mailto:a@example.org": sms(), "tel:": sms(), "": sms()} {
		if w := f.wireOf(h); w != "" {
			t.Errorf("%q goes to %q", h, w)
		}
	}
}

func TestReadAgain(t *testing.T) {
	c := reader(t, sms())
	form := url.Values{"MessageSid": {"SM00000000000000000000000000000001"}, "From": {ann}, "To": {ourNumber}, "Body": {"Hello"}}
	m, err := c.Read(message.Bytes(form.Encode()), "")
	if err != nil || m.Key != "twilio:SM00000000000000000000000000000001" || m.Text != "Hello" || m.Raw == nil {
		t.Errorf("%+v, %v", m, err)
	}
	for _, raw := range []string{"", "{", "{}", "a=b", strings.Repeat("a", maxForm+1), strings.Repeat("a&", maxFields+1)} {
		if m, err := c.Read(message.Bytes(raw), ""); err == nil {
			t.Errorf("%.20q became %+v", raw, m)
		}
	}
}

func FuzzForm(f *testing.F) {
	names, _ := filepath.Glob(filepath.Join("testdata", "in", "*"))
	for _, name := range names {
		b, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	texts, chats := reader(f, sms()), reader(f, whatsapp())
	f.Fuzz(func(t *testing.T, raw []byte) {
		for _, c := range []*Connector{texts, chats} {
			m, err := c.Read(message.Bytes(raw), "")
			if err != nil {
				continue
			}
			if m.Key == "" || m.Source == "" || m.From.Handle == "" || !m.Chat || m.Direction != message.In || len(m.Text) > 2*maxTextBytes {
				t.Errorf("%+v", m)
			}
			for _, s := range []string{m.Text, m.From.Name, string(m.From.Handle)} {
				if strings.ToValidUTF8(s, "") != s || strings.ContainsRune(s, 0) {
					t.Errorf("not clean: %q", s)
				}
			}
		}
		form, err := parseForm(raw)
		if err != nil {
			return
		}
		if r, ok := readStatus(form, form.Get(ownParam), time.Now()); ok && (r.Ref == "" || r.Status == message.Failed && r.Reason == "") {
			t.Errorf("%+v", r)
		}
	})
}

func TestGoldenFilesAreAllUsed(t *testing.T) {
	err := filepath.WalkDir(filepath.Join("testdata", "golden"), func(p string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		_, err = os.Stat(filepath.Join("testdata", "in", strings.TrimSuffix(d.Name(), ".golden")))
		return err
	})
	if err != nil {
		t.Error(err)
	}
}
