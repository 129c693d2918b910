package config

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"throughline/connectors"
)

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
