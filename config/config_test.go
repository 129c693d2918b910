package config

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"throughline/connectors"
)

func TestLoadEverything(t *testing.T) {
	c, path, err := load(t, `
listen: 0.0.0.0:9000
data: /srv/hub
public_url: https://Hub.Example.COM:443/
trusted_proxies: [127.0.0.1, 10.1.2.3/8, "::1"]
log: {level: debug, format: json}
undo: 1m30s
chat_hours: 12
country: gb
time_zone: Asia/Tehran
audit_days: 30
default_charset: Latin1
limits:
  upload_bytes: 5000000
metrics:
  token: ${TOKEN}
secret_key: file:${ETC}/secret.key
accounts:
  - id: loft-1
    channel: pigeon
    name: The ${TOWN} loft
    loft: 0123
    whistle: ${WHISTLE}
    birds: ${BIRDS}
    night: true
    rest: 1h30m
    routes: [north, "${TOWN}"]
    breed: tippler
    motto: |
      costs $${5}
      each
  - id: loft-2
    channel: pigeon
    disabled: true
    loft: second
    whistle:
    routes: single
`, "TOKEN", "0123456789abcdef", "ETC", "/etc/hub", "TOWN", "Thun", "WHISTLE", "tweet-tweet", "BIRDS", "12")
	if err != nil {
		t.Fatal(err)
	}
	eq := func(name string, got, want any) {
		t.Helper()
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("%s = %v, want %v", name, got, want)
		}
	}
	eq("File", c.File, path)
	eq("Listen", c.Listen, "0.0.0.0:9000")
	eq("Data", c.Data, "/srv/hub")
	eq("PublicURL", c.PublicURL, "https://hub.example.com")
	eq("Secure", c.Secure(), true)
	eq("TrustedProxies", c.TrustedProxies, "[127.0.0.1/32 10.0.0.0/8 ::1/128]")
	eq("Log.Level", c.Log.Level, slog.LevelDebug)
	eq("Log.Format", c.Log.Format, "json")
	eq("Undo", c.Undo, 90*time.Second)
	eq("ChatPause", c.ChatPause, 12*time.Hour)
	eq("TimeZone", c.TimeZone.String(), "Asia/Tehran")
	eq("AuditKeep", c.AuditKeep, 30*24*time.Hour)
	eq("DefaultCharset", c.DefaultCharset, "windows-1252")
	eq("UploadBytes", c.Limits.UploadBytes, 5000000)
	eq("Token", c.Metrics.Token.Reveal(), "0123456789abcdef")
	eq("KeyFile", c.KeyFile(), "/etc/hub/secret.key")
	if len(c.Accounts) != 2 {
		t.Fatalf("%d accounts, want 2", len(c.Accounts))
	}
	a, b := c.Accounts[0], c.Accounts[1]
	eq("id", a.ID, "loft-1")
	eq("name", a.Name, "The Thun loft")
	eq("disabled", fmt.Sprint(a.Disabled, b.Disabled), "false true")
	eq("settings", string(a.Settings), `{"birds":12,"breed":"tippler","loft":"0123","motto":"costs ${5}\neach\n","name":"The Thun loft","night":true,"rest":"1h30m","routes":["north","Thun"],"whistle":"tweet-tweet"}`)
	eq("second name", b.Name, "loft-2")
	eq("second settings", string(b.Settings), `{"loft":"second","routes":["single"]}`)
	eq("warnings", c.Warnings, "[]")
}

func TestLoadEmptyIsDefault(t *testing.T) {
	for _, content := range []string{"", "# nothing\n", "---\n", "listen:\nlog:\n"} {
		c, path, err := load(t, content)
		if err != nil {
			t.Fatalf("%q: %v", content, err)
		}
		d := Default()
		if c.Data != filepath.Join(filepath.Dir(path), "data") || c.KeyFile() != filepath.Join(c.Data, "secret.key") {
			t.Errorf("%q: data %s, key %s", content, c.Data, c.KeyFile())
		}
		c.File, c.Data = "", d.Data
		if c.String() != d.String() {
			t.Errorf("%q: %s, want %s", content, c, d)
		}
	}
}

func TestURL(t *testing.T) {
	for _, tc := range []struct{ listen, cert, want string }{
		{"127.0.0.1:8080", "", "http://127.0.0.1:8080"},
		{":8080", "", "http://localhost:8080"},
		{"0.0.0.0:80", "", "http://localhost:80"},
		{"[::]:443", "x", "https://localhost:443"},
		{"[2001:db8::1]:443", "x", "https://[2001:db8::1]:443"},
	} {
		c := &Config{Listen: tc.listen, TLS: TLS{Cert: tc.cert}}
		if got := c.URL(); got != tc.want {
			t.Errorf("%s: %s, want %s", tc.listen, got, tc.want)
		}
	}
}

// What the Kind itself demands is told with everything else that is wrong.
func TestKindsOwnDemands(t *testing.T) {
	kind := pigeon
	kind.New = func(a connectors.Account, _ connectors.Host) (connectors.Connector, error) {
		var s struct{ Loft, Whistle, Breed string }
		if err := json.Unmarshal(a.Settings, &s); err != nil {
			return nil, err
		}
		var errs []error
		if s.Loft == "haunted" {
			errs = append(errs, fmt.Errorf("wrapped: %w", &connectors.SettingsError{Key: "loft", Text: "burnt down"}), errors.New("no wind for "+s.Whistle))
		}
		if s.Whistle == "" {
			errs = append(errs, &connectors.SettingsError{Key: "whistle", Text: "is missing"})
		}
		return nil, errors.Join(errs...)
	}
	for _, tc := range []struct{ name, file, want string }{
		{"right", "accounts:\n  - {id: a, channel: pigeon, loft: x, whistle: w}\n", ""},
		{"all of it", "undo: soon\naccounts:\n  - id: a\n    channel: pigeon\n    loft: haunted\n  - id: b\n    channel: pigeon\n    loft: x\n    wings: 2\n",
			"1: undo: \n3: accounts.a.whistle: is missing\n3: accounts.a: no wind for \n5: accounts.a.loft: burnt down\n6: accounts.b.whistle: is missing\n9: accounts.b.wings: "},
		{"beside a wrong one", "accounts:\n  - id: a\n    channel: pigeon\n    loft: haunted\n    whistle: ${UNSET}\n    birds: many\n",
			"4: accounts.a.loft: burnt down\n5: accounts.a.whistle: the environment variable UNSET is not set\n6: accounts.a.birds: is not a whole number"},
		{"without its secret", "accounts:\n  - {id: a, channel: pigeon, loft: haunted, whistle: tweet-tweet}\n",
			"2: accounts.a.loft: burnt down\n2: accounts.a: no wind for ***"},
		// The channel has a slip, and its settings are told of all the same.
		{"beside a wrong channel", "accounts:\n  - id: a\n    channel: pidgeon\n    whistle: ${UNSET}\n    brids: 2\n    birds: many\n",
			"2: accounts.a.loft: is missing\n3: accounts.a.channel: \n4: accounts.a.whistle: the environment variable UNSET\n5: accounts.a.brids: \n6: accounts.a.birds: is not a whole"},
		{"without a channel", "accounts:\n  - id: a\n    whistle: ${UNSET}\n", "2: accounts.a.channel: \n2: accounts.a.loft: is missing\n3: accounts.a.whistle: the environment"},
	} {
		path := write(t, filepath.Join(t.TempDir(), "hub.yaml"), tc.file)
		_, err := Load(path, []connectors.Kind{kind}, env())
		if tc.want == "" {
			if err != nil {
				t.Errorf("%s: %v", tc.name, err)
			}
			continue
		}
		compare(t, tc.name, path, err, tc.want)
	}
	// Where nobody knows which channel is meant, what is said from outside is
	// still looked for.
	path := write(t, filepath.Join(t.TempDir(), "hub.yaml"), "accounts:\n  - id: a\n    channel: telegraph\n    secret: ${UNSET}\n    list: [x, \"${UNSET}\"]\n    file: file:none\n    map: {a: b}\n    name: ${UNSET}\n")
	_, err := Load(path, append(kinds, kind), env())
	compare(t, "unknown", path, err, "3: accounts.a.channel: \n4: accounts.a.secret: the environment\n5: accounts.a.list[1]: the environment\n6: accounts.a.file: the file none does not exist\n8: accounts.a.name: the environment")
}

func TestSuggest(t *testing.T) {
	known := []string{"listen", "log", "public_url", "undo"}
	for wrong, want := range map[string]string{
		"lsiten": "listen", "Listen": "listen", "publicurl": "public_url", "public-url": "public_url", "udno": "undo", "logs": "log",
		"colour": "", "x": "", "": "", "listening-on": "",
	} {
		got := suggest(wrong, known)
		if want == "" && got != "" || want != "" && !strings.Contains(got, `"`+want+`"`) {
			t.Errorf("%s: %q, want %q", wrong, got, want)
		}
	}
}

func TestParseSize(t *testing.T) {
	for s, want := range map[string]int64{
		"65536": 65536, "64KiB": 65536, "64 k": 65536, "1 MiB": 1 << 20, "1MB": 1e6, "2G": 2 << 30,
		"": -1, "MiB": -1, "1.5 MiB": -1, "-1": -1, "1 XB": -1, "999999999999999 GiB": -1,
	} {
		n, ok := parseSize(s)
		if ok != (want >= 0) || ok && n != want {
			t.Errorf("%q: %d %v, want %d", s, n, ok, want)
		}
	}
}
