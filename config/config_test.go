package config

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"throughline/connectors"
)

// pigeon is a channel with a Field of every type.
var pigeon = connectors.Kind{Channel: "pigeon", Scheme: "pigeon", Fields: []connectors.Field{
	{Key: "loft", Type: "string", Label: "Name of the loft", Required: true},
	{Key: "name", Type: "string"},
	{Key: "whistle", Type: "secret"},
	{Key: "birds", Type: "int", Default: 3},
	{Key: "night", Type: "bool"},
	{Key: "rest", Type: "duration"},
	{Key: "routes", Type: "list"},
	{Key: "breed", Type: "choice", Choices: []string{"homer", "tippler"}},
	{Key: "motto", Type: "text"},
}}

var kinds = []connectors.Kind{pigeon, {Channel: "drum", Scheme: "drum"}}

func env(pairs ...string) func(string) (string, bool) {
	return func(name string) (string, bool) {
		for i := 0; i < len(pairs); i += 2 {
			if pairs[i] == name {
				return pairs[i+1], true
			}
		}
		return "", false
	}
}

func write(t testing.TB, path, content string) string {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func load(t *testing.T, content string, pairs ...string) (*Config, string, error) {
	t.Helper()
	path := write(t, filepath.Join(t.TempDir(), "hub.yaml"), content)
	c, err := Load(path, kinds, env(pairs...))
	return c, path, err
}

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

// Each case is a file and the problems that it has, all of them, in order.
func TestProblems(t *testing.T) {
	account := "accounts:\n  - id: a\n    channel: pigeon\n    loft: x\n"
	tests := []struct {
		name, file string
		want       []string // line: key: a part of the text
	}{
		{"all at once", "lisen: x\nlog: {level: loud}\nundo: 10\naccounts:\n  - channel: pigeon\n    breed: eagle\n", []string{
			`1: lisen: did you mean "listen"?`,
			`2: log.level: "loud" is not a level; known are debug`,
			`3: undo: "10" has to be a duration`,
			`5: accounts[0].id: is missing`,
			`5: accounts[0].loft: is missing; write a text (Name of the loft)`,
			`6: accounts[0].breed: is not one of the choices; known are homer, tippler`,
		}},
		{"unknown in a section", "tls:\n  certificate: x\n", []string{`2: tls.certificate: is not a setting; known here are cert, key`}},
		{"unknown, other spelling", "publicURL: x\n", []string{`1: publicURL: is not a setting; did you mean "public_url"?`}},
		{"unknown at an account", account + "    wistle: s3cret\n", []string{`5: accounts.a.wistle: is not a setting; did you mean "whistle"?`}},
		{"twice", "undo: 1s\ndata: x\nundo: 2s\n", []string{`3: undo: is set twice, first on line 1`}},
		{"section is a value", "log: debug\n", []string{`1: log: has to hold settings`}},
		{"value is a section", "undo:\n  seconds: 3\n", []string{`2: undo: is a group of settings`}},
		{"value is a list", "undo: [1s]\n", []string{`1: undo: is a list; write a single value`}},
		{"file is a list", "- undo\n", []string{`1: has to hold settings`}},
		{"file is a word", "undo\n", []string{`1: has to hold settings`}},
		{"empty value", "data: \"\"\n", []string{`1: data: is empty`}},
		{"listen", "listen: 8080\n", []string{`1: listen: "8080" has to be host:port`}},
		{"port", "listen: localhost:99999\n", []string{`1: listen: "localhost:99999" has to be host:port`}},
		{"public_url", "public_url: hub.example.com\n", []string{`1: public_url: "hub.example.com" is not a web address`}},
		{"public_url path", "public_url: https://example.com/hub\n", []string{`1: public_url: "https://example.com/hub" has to end after the host`}},
		{"proxies", "trusted_proxies:\n  - 10.0.0.0/8\n  - proxy.example.com\n  - 10.0.0.0/40\n", []string{
			`3: trusted_proxies[1]: "proxy.example.com" is neither an address nor a network`,
			`4: trusted_proxies[2]: "10.0.0.0/40" is neither`,
		}},
		{"half of tls", "tls:\n  cert: c.pem\n", []string{`2: tls.key: is missing`}},
		{"other half", "tls:\n  key: k.pem\n", []string{`2: tls.cert: is missing`}},
		{"no such certificate", "tls:\n  cert: c.pem\n  key: k.pem\n", []string{`2: tls: the certificate and its key cannot be used`}},
		{"undo", "undo: 11m\n", []string{`1: undo: "11m" has to be a duration from 0s to 10m`}},
		{"time_zone", "time_zone: Local\n", []string{`1: time_zone: "Local" is not a time zone; write its name`}},
		{"time_zone unknown", "time_zone: Europe/Nowhere\n", []string{`1: time_zone: "Europe/Nowhere" is not a time zone`}},
		{"chat_hours", "chat_hours: 1d\n", []string{`1: chat_hours: "1d" has to be a number of hours from 0 to 8784`}},
		{"chat_hours above", "chat_hours: 8785\n", []string{`1: chat_hours: "8785" has to be`}},
		{"audit_days", "audit_days: 30d\n", []string{`1: audit_days: "30d" has to be a number of days from 0 (for ever) to 36500`}},
		{"audit_days below", "audit_days: -1\n", []string{`1: audit_days: "-1" has to be`}},
		{"audit_days above", "audit_days: 36501\n", []string{`1: audit_days: "36501" has to be`}},
		{"charset", "default_charset: klingon\n", []string{`1: default_charset: "klingon" is not a charset`}},
		{"small size", "limits: {upload_bytes: 1 KiB}\n", []string{`1: limits.upload_bytes: "1 KiB" has to be a size from 64 KiB to 1 GiB`}},
		{"large size", "limits: {upload_bytes: 2 TiB}\n", []string{`1: limits.upload_bytes: "2 TiB" has to be a size`}},
		{"metrics", "metrics: {public: yes}\n", []string{`1: metrics.public: "yes" is neither true nor false`}},
		{"token", "metrics:\n  token: s3cret\n", []string{`2: metrics.token: is too short`}},
		{"token and public", "metrics:\n  public: true\n  token: ${TOKEN}\n", []string{`3: metrics.token: has no effect`}},
		{"key in the clear", "secret_key: s3cret\n", []string{`1: secret_key: has to name a file`}},
		{"key without a path", "secret_key: 'file:'\n", []string{`1: secret_key: file: needs a path`}},
		{"no such variable", "metrics:\n  token: ${NO_TOKEN}\n", []string{`2: metrics.token: the environment variable NO_TOKEN is not set`}},
		{"half a variable", "data: /x/${HOME\n", []string{`1: data: after ${ has to come`}},
		{"shell default", "data: ${X:-y}\n", []string{`1: data: after ${ has to come`}},
		{"expanded values are not shown", "listen: ${WHISTLE}\n", []string{`1: listen: "${WHISTLE}" has to be host:port`}},
		{"no such file", account + "    whistle: file:none\n", []string{`5: accounts.a.whistle: the file none does not exist`}},
		{"a folder", account + "    whistle: file:.\n", []string{`5: accounts.a.whistle: the file . is not a regular file`}},
		{"accounts is no list", "accounts:\n  id: a\n", []string{`2: accounts: has to be a list`}},
		{"account is a word", "accounts: [a]\n", []string{`1: accounts[0]: has to be an account`}},
		{"ids", account + "  - {id: a, channel: pigeon, loft: y}\n  - {id: A b, channel: drum}\n", []string{
			`5: accounts.a.id: "a" is also the id of the account on line 2`,
			`6: accounts[2].id: has to be 1 to 40 characters`,
		}},
		{"channels", "accounts:\n  - {id: a, channel: pidgeon, anything: 1}\n  - {id: b}\n", []string{
			`2: accounts.a.anything: is not a setting`,
			`2: accounts.a.channel: is not a channel of this program; did you mean "pigeon"?`,
			`2: accounts.a.loft: is missing`,
			`3: accounts.b.channel: is missing; write one of pigeon, drum`,
		}},
		{"types", account + "    birds: many\n    night: maybe\n    rest: 10\n    routes: {a: b}\n    breed: [homer]\n    disabled: 1\n", []string{
			`5: accounts.a.birds: is not a whole number`,
			`6: accounts.a.night: is neither true nor false`,
			`7: accounts.a.rest: is not a duration`,
			`8: accounts.a.routes: is a group of settings`,
			`9: accounts.a.breed: is a list`,
			`10: accounts.a.disabled: is neither true nor false`,
		}},
		{"control characters", account + "    name: \"a\\nb\"\n", []string{
			`5: accounts.a.name: has to be one line`, `5: accounts.a.name: has to be a single line`}},
		{"no space after the colon", "accounts:\n  - {id: a, channel: pigeon, loft: x, whistle:s3cret}\n", []string{`2: accounts.a.whistle: write a space after the colon`}},
		{"a key that is none", "\"s3cret key!\": x\n", []string{`1: a key that is no plain word`}},
		{"alias", account + "    whistle: *s3cret\n", []string{`5: a value starts with *`}},
		{"anchor", account + "    whistle: &s3cret\n", []string{`5: accounts.a.whistle: anchors`}},
		{"tag", account + "    whistle: !s3cret x\n", []string{`5: accounts.a.whistle: tags`}},
		{"merge", "<<: {undo: 1s}\n", []string{`1: a key has to be a plain word`}},
		{"at sign", account + "    whistle: @s3cret\n", []string{`5: a value starts with a sign`}},
		{"colon", account + "    whistle: a: b\n", []string{`5: a colon where none can be`}},
		{"tab", "log:\n\tlevel: info\n", []string{`2: a value starts with a sign`}},
		{"quote", "data: \"x\n", []string{`2: is not valid YAML`}},
		{"NUL", "data: x\nundo: \x00\n", []string{`2: holds a NUL byte`}},
		{"two documents", "undo: 1s\n---\nundo: 2s\n", []string{`2: a second document`}},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			_, path, err := load(t, tc.file, "TOKEN", "0123456789abcdef-s3cret", "WHISTLE", "s3cret")
			errs, ok := errors.AsType[Errors](err)
			if !ok {
				t.Fatalf("error %v", err)
			}
			if strings.Contains(err.Error(), "s3cret") {
				t.Errorf("the secret is in: %v", err)
			}
			for i, p := range errs {
				got := strings.TrimPrefix(p.String(), path+":")
				if i >= len(tc.want) {
					t.Errorf("too much: %s", got)
					continue
				}
				at, text, _ := strings.Cut(tc.want[i], " ")
				if !strings.HasPrefix(got, at) || !strings.Contains(got, text) && !containsParts(got, text) {
					t.Errorf("got  %s\nwant %s", got, tc.want[i])
				}
			}
			if len(errs) < len(tc.want) {
				t.Errorf("missing: %q", tc.want[len(errs):])
			}
		})
	}
}

// containsParts looks for "key: part" where got has words between the two.
func containsParts(got, text string) bool {
	key, part, ok := strings.Cut(text, ": ")
	return ok && strings.Contains(got, key+": ") && strings.Contains(got, part)
}

func TestMaxAccounts(t *testing.T) {
	var b strings.Builder
	b.WriteString("accounts:\n")
	for i := range MaxAccounts {
		fmt.Fprintf(&b, "  - {id: a%d, channel: drum}\n", i)
	}
	c, _, err := load(t, b.String())
	if err != nil || len(c.Accounts) != MaxAccounts {
		t.Fatalf("at the limit: %v", err)
	}
	b.WriteString("  - {id: one-more, channel: drum}\n")
	if _, _, err := load(t, b.String()); err == nil || !strings.Contains(err.Error(), ":1: accounts: has too many entries; at most 1000 are allowed") {
		t.Errorf("beyond the limit: %v", err)
	}
}

func TestNoFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "none.yaml")
	_, err := Load(path, nil, env())
	if err == nil || err.Error() != path+": there is no such file; create it or correct the path" {
		t.Errorf("error %v", err)
	}
	_, err = Load(t.TempDir(), nil, env())
	if err == nil || !strings.Contains(err.Error(), "not a regular file") {
		t.Errorf("error %v", err)
	}
	_, err = Load(write(t, path, strings.Repeat("# much\n", MaxFileBytes/7+1)), nil, env())
	if err == nil || !strings.Contains(err.Error(), "larger than 1 MiB") {
		t.Errorf("error %v", err)
	}
}

func TestSecretFiles(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "secrets", "mine"), "tweet \r\n")
	open := write(t, filepath.Join(dir, "open"), "tweet\n\n")
	if err := os.Chmod(open, 0o644); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "long"), strings.Repeat("x", MaxSecretFileBytes+1))
	file := func(value string) string {
		return write(t, filepath.Join(dir, "hub.yaml"), "accounts:\n  - {id: a, channel: pigeon, loft: x, whistle: '"+value+"'}\n")
	}
	for _, tc := range []struct{ value, want, warning string }{
		{"file:secrets/mine", "tweet ", ""},
		{"file:${DIR}/mine", "tweet ", ""},
		{"file:" + filepath.Join(dir, "secrets/mine"), "tweet ", ""},
		{"file:open", "tweet\n", "everybody on this machine can read the file open; run chmod 600"},
		{"${FILE}", "file:secrets/mine", ""}, // a variable's content is taken as it is
		{"clear", "clear", "is in the clear"},
		{"a $${b} ${ONE}c", "a ${b} 1c", ""},
	} {
		c, err := Load(file(tc.value), kinds, env("DIR", "secrets", "FILE", "file:secrets/mine", "ONE", "1"))
		if err != nil {
			t.Errorf("%s: %v", tc.value, err)
			continue
		}
		var s struct{ Whistle string }
		if err := json.Unmarshal(c.Accounts[0].Settings, &s); err != nil || s.Whistle != tc.want {
			t.Errorf("%s: %q, want %q", tc.value, s.Whistle, tc.want)
		}
		var warnings []string
		for _, w := range c.Warnings {
			warnings = append(warnings, fmt.Sprint(w.Line, w.Key, " ", w.Text))
		}
		if got := strings.Join(warnings, "\n"); (got == "") != (tc.warning == "") || !strings.Contains(got, tc.warning) {
			t.Errorf("%s: warnings %q, want %q", tc.value, got, tc.warning)
		} else if got != "" && !strings.HasPrefix(got, "2accounts.a.whistle ") {
			t.Errorf("%s: warning is at %s", tc.value, got)
		}
	}
	_, err := Load(file("file:long"), kinds, env())
	if err == nil || !strings.Contains(err.Error(), "the file long is larger than 64 KiB") {
		t.Errorf("error %v", err)
	}
}

func TestWarnings(t *testing.T) {
	for _, tc := range []struct{ file, want string }{
		{"listen: :80\n", "public_url is not set"},
		{"listen: 192.0.2.1:80\npublic_url: http://192.0.2.1\n", "not https"},
		{"listen: 192.0.2.1:80\npublic_url: https://hub.example.com\n", ""},
		{"listen: localhost:80\n", ""},
		{"listen: '[::1]:80'\n", ""},
	} {
		c, _, err := load(t, tc.file)
		if err != nil {
			t.Fatal(err)
		}
		if tc.want == "" && len(c.Warnings) > 0 || tc.want != "" && (len(c.Warnings) != 1 || !strings.Contains(c.Warnings[0].Text, tc.want)) {
			t.Errorf("%s: warnings %v, want %q", tc.file, c.Warnings, tc.want)
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

// compare checks that an error has these problems, of which want gives the
// beginnings. Those of one line may come in any order.
func compare(t *testing.T, name, path string, err error, want string) {
	t.Helper()
	var got []string
	if err != nil {
		got = strings.Split(strings.ReplaceAll(err.Error(), path+":", ""), "\n")
	}
	slices.Sort(got)
	wants := strings.Split(want, "\n")
	if len(got) != len(wants) {
		t.Errorf("%s: got\n%s\nwant\n%s", name, strings.Join(got, "\n"), want)
		return
	}
	for i, w := range wants {
		if !strings.HasPrefix(got[i], w) {
			t.Errorf("%s: got %q, want %q", name, got[i], w)
		}
	}
}

// No way of printing a configuration shows a secret of it.
func TestNothingPrintsSecrets(t *testing.T) {
	const secret = "hunter2-hunter2-hunter2"
	c, _, err := load(t, "metrics: {token: "+secret+"}\naccounts:\n  - {id: a, channel: pigeon, loft: 'x ${X}', whistle: "+secret+"}\n", "X", secret)
	if err != nil {
		t.Fatal(err)
	}
	if c.Metrics.Token.Reveal() != secret || !strings.Contains(string(c.Accounts[0].Settings), secret) {
		t.Fatal("the secret was not read")
	}
	type holder struct {
		c *Config
		t Secret
		A Account
		C Config
	}
	h := holder{c, c.Metrics.Token, c.Accounts[0], *c}
	var out bytes.Buffer
	// A verb that does not fit makes fmt forget the methods of what is inside.
	fmt.Fprintf(&out, "%v %+v %#v %v %+v", h, h, h, &h, []any{h})
	for _, v := range []any{c, *c, c.Accounts, c.Accounts[0], &c.Accounts[0], c.Metrics, c.Metrics.Token, &c.Metrics.Token, c.Warnings, []any{c, *c}} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
			fmt.Fprintf(&out, verb+"\n", v)
		}
		if b, err := json.Marshal(v); err == nil {
			out.Write(b)
		}
		slog.New(slog.NewTextHandler(&out, nil)).Info("x", "v", v)
		slog.New(slog.NewJSONHandler(&out, nil)).Info("x", "v", v)
	}
	out.WriteString(c.Redacted())
	hex := fmt.Sprintf("%x", secret)
	decimal := strings.Trim(fmt.Sprint([]byte(secret)), "[]")
	for _, bad := range []string{secret, hex, strings.ToUpper(hex), decimal} {
		if strings.Contains(out.String(), bad) {
			i := strings.Index(out.String(), bad)
			t.Errorf("the secret is in the output: …%s", out.String()[max(0, i-200):i+len(bad)])
		}
	}
	for _, want := range []string{`"whistle": "***"`, `"token": "***"`, `"loft": "x ${X}"`} {
		if !strings.Contains(c.Redacted(), want) {
			t.Errorf("%s is missing in %s", want, c.Redacted())
		}
	}
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

func TestCheckSettingsLimits(t *testing.T) {
	fields := []connectors.Field{{Key: "s", Type: "text"}, {Key: "l", Type: "list"}}
	check := func(s string, l []any) int {
		_, errs := CheckSettings(fields, map[string]any{"s": s, "l": l})
		return len(errs)
	}
	long := strings.Repeat("x", MaxSettingBytes)
	many := make([]any, MaxListEntries)
	for i := range many {
		many[i] = "x"
	}
	if n := check(long, append(many[1:], long)); n != 0 {
		t.Errorf("%d problems at the limits", n)
	}
	if n := check(long+"x", append(many, "x")); n != 2 {
		t.Errorf("%d problems beyond the limits, want 2", n)
	}
	if n := check("", []any{long + "x"}); n != 1 {
		t.Errorf("%d problems with a long entry, want 1", n)
	}
	if n := check("", []any{map[string]any{}}); n != 1 {
		t.Errorf("%d problems with an entry that is no text, want 1", n)
	}
}
