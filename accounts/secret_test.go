package accounts

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

	"throughline/config"
	"throughline/connectors"
	"throughline/store"
	"throughline/store/storetest"
)

func writeFile(t *testing.T, path, content string, mode os.FileMode) {
	t.Helper()
	if err := os.WriteFile(path, []byte(content), mode); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, mode); err != nil {
		t.Fatal(err)
	}
}

func TestLoadKey(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "data", "secret.key")
	made, err := LoadKey(path)
	if err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	again, err := LoadKey(path)
	if err != nil || again.ID() != made.ID() {
		t.Errorf("loaded again: %v, %v; made %v", again, err, made)
	}
	if text, err := again.open("a", "s", made.seal("a", "s", "x")); err != nil || text != "x" {
		t.Errorf("opened %q, %v", text, err)
	}
	entries, err := os.ReadDir(filepath.Dir(path))
	if err != nil || len(entries) != 1 {
		t.Errorf("left behind: %v, %v", entries, err)
	}
	other, err := LoadKey(filepath.Join(dir, "other.key"))
	if err != nil || other.ID() == made.ID() {
		t.Errorf("another key: %v, %v", other, err)
	}

	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	digits := strings.TrimSpace(string(content[bytes.LastIndexByte(bytes.TrimSpace(content), '\n'):]))
	for _, tc := range []struct {
		name, content string
		mode          os.FileMode
		want          string
	}{
		{"group", string(content), 0o640, "run: chmod 600"},
		{"world", string(content), 0o604, "run: chmod 600"},
		{"writable", string(content), 0o602, "run: chmod 600"},
		{"empty", "", 0o600, "damaged"},
		{"short", digits[2:], 0o600, "damaged"},
		{"not hex", "x" + digits[1:], 0o600, "damaged"},
		{"two", digits + "\n" + digits, 0o600, "damaged"},
		{"large", string(content) + strings.Repeat("#", maxKeyFile), 0o600, "is not a key file"},
		{"plain", digits, 0o600, ""},
		{"read-only", string(content), 0o400, ""},
	} {
		p := filepath.Join(dir, tc.name)
		writeFile(t, p, tc.content, tc.mode)
		k, err := LoadKey(p)
		switch {
		case tc.want == "":
			if err != nil || k.ID() != made.ID() {
				t.Errorf("%s: %v, %v", tc.name, k, err)
			}
		case err == nil || !strings.Contains(err.Error(), tc.want) || !strings.Contains(err.Error(), p):
			t.Errorf("%s: error %v, want %q", tc.name, err, tc.want)
		case strings.Contains(err.Error(), digits[4:20]):
			t.Errorf("%s: the key is in the error", tc.name)
		}
		if after, err := os.ReadFile(p); err != nil || string(after) != tc.content {
			t.Errorf("%s: the file was changed", tc.name)
		}
	}
	if _, err := LoadKey(dir); err == nil || !strings.Contains(err.Error(), "is not a key file") {
		t.Errorf("a folder: %v", err)
	}
}

func TestSealIsBoundToItsPlace(t *testing.T) {
	k := NewKey()
	sealed := k.seal("a", "password", "hunter2")
	if bytes.Equal(sealed, k.seal("a", "password", "hunter2")) {
		t.Error("equal texts are sealed alike")
	}
	for _, tc := range []struct {
		key              Key
		account, setting string
		sealed           []byte
		ok               bool
	}{
		{k, "a", "password", sealed, true},
		{k, "b", "password", sealed, false},
		{k, "a", "token", sealed, false},
		{NewKey(), "a", "password", sealed, false},
		{k, "a", "password", append(bytes.Clone(sealed[:len(sealed)-1]), sealed[len(sealed)-1]^1), false},
		{k, "a", "password", sealed[:5], false},
		{k, "a", "password", nil, false},
	} {
		text, err := tc.key.open(tc.account, tc.setting, tc.sealed)
		if tc.ok != (err == nil) || tc.ok && text != "hunter2" || !tc.ok && text != "" {
			t.Errorf("%s %s: %q, %v", tc.account, tc.setting, text, err)
		}
	}
}

func TestWrongKey(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "hub.db")
	s := storetest.OpenPath(t, path)
	load := func(name string) Key {
		k, err := LoadKey(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		return k
	}
	begin := func(k Key, yaml string) *Accounts {
		t.Helper()
		s = reopen(t, s, path)
		return start(t, s, k, fromFile(t, yaml)...)
	}
	first, second := load("first"), load("second")
	refused := func(k Key, yaml string) {
		t.Helper()
		s = reopen(t, s, path)
		err := New(s, k, kinds()).Start(t.Context(), Options{File: fromFile(t, yaml)})
		if ke, ok := errors.AsType[*KeyError](err); !ok || ke.Path != filepath.Join(dir, "second") ||
			!strings.Contains(err.Error(), "the key file does not match") || !strings.Contains(err.Error(), "restore "+ke.Path+" from the copy you kept") {
			t.Errorf("error %v", err)
		}
	}
	const yaml = "accounts:\n  - {id: filed, channel: pigeon, loft: f}\n"
	create(t, begin(first, ""), "open", m{"loft": "x"})
	begin(second, "") // nothing is sealed: any key will do
	create(t, begin(first, ""), "a", m{"loft": "x", "whistle": "w"})
	refused(second, "")
	if err := begin(first, "").Delete(t.Context(), "a"); err != nil {
		t.Fatal(err)
	}
	begin(second, "")
	if err := begin(first, yaml).Save(t.Context(), "filed", 1, "token", "t"); err != nil {
		t.Fatal(err)
	}
	refused(second, yaml)

	// Whoever has lost the first key can go on without its secrets.
	create(t, begin(first, ""), "b", m{"loft": "x", "whistle": "w"})
	refused(second, yaml)
	s = reopen(t, s, path)
	forgetful := New(s, second, kinds())
	if err := forgetful.Start(t.Context(), Options{File: fromFile(t, yaml), Forget: true}); err != nil {
		t.Fatal(err)
	}
	shown, err := forgetful.Show("b")
	if err != nil || shown.Settings["loft"] != "x" || shown.Settings["whistle"] != nil {
		t.Errorf("after forgetting: %v, %v", shown.Settings, err)
	}
	begin(second, yaml)
}

// A damaged secret is an error of its account alone, and can be set anew.
func TestDamagedSecret(t *testing.T) {
	s := storetest.Open(t)
	a := start(t, s, NewKey())
	create(t, a, "a", m{"loft": "x", "whistle": "w"})
	create(t, a, "b", m{"loft": "x", "whistle": "w"})
	err := s.Update(t.Context(), func(tx *store.Tx) error {
		row, r, err := a.read(tx, "a")
		if err != nil {
			return err
		}
		r.Sealed["whistle"][20] ^= 1
		return a.table.Put(tx, row, r)
	})
	if err != nil {
		t.Fatal(err)
	}
	if list, err := a.List(); err != nil || len(list) != 2 {
		t.Errorf("List: %v, %v", list, err)
	}
	if _, err := a.Get("a"); err == nil || !strings.Contains(err.Error(), "whistle of account a cannot be decrypted") {
		t.Errorf("Get: %v", err)
	}
	expect(t, "the other account", settings(t, a, "b")["whistle"], "w")
}

// Whatever is done with an account, its secrets are in no output, in no error
// and not in the file of the database.
func TestSecretsStayInside(t *testing.T) {
	path := filepath.Join(t.TempDir(), "hub.db")
	s := storetest.OpenPath(t, path)
	key := NewKey()
	const yaml = "accounts:\n  - {id: filed, channel: pigeon, loft: f, token: hunter2-file}\n"
	a := start(t, s, key, fromFile(t, yaml)...)
	ctx := t.Context()
	var out bytes.Buffer
	show := func(values ...any) {
		for _, v := range values {
			fmt.Fprintf(&out, "%v %+v %#v %s %q %x %d\n", v, v, v, v, v, v, v)
			if b, err := json.Marshal(v); err == nil {
				out.Write(b)
			}
			slog.New(slog.NewTextHandler(&out, nil)).Info("x", "v", v)
			slog.New(slog.NewJSONHandler(&out, nil)).Info("x", "v", v)
		}
	}
	acc := create(t, a, "a", m{"loft": "x", "whistle": "hunter2-created", "token": "hunter2-first"})
	show(acc, key, &key, struct{ k Key }{key})
	for _, c := range []Change{
		{Settings: m{"whistle": "hunter2-updated", "birds": 1}},
		{Settings: m{"whistle": "hunter2-wrong", "birds": "hunter2-int", "night": "hunter2-bool", "breed": "hunter2-choice", "routes": m{"hunter2-x": 1}, "hunter2-key!": 1}},
		{Settings: m{"loft": "haunted", "whistle": "hunter2-ghost"}},
		{Settings: m{"whistle": strings.Repeat("hunter2-", 10000)}},
		{Settings: m{"whistle": "hunter2-nul\x00"}},
		{Settings: m{"whistle": []any{"hunter2-list"}}},
	} {
		acc, err := a.Update(ctx, "a", c)
		show(acc, err)
	}
	show(a.Save(ctx, "a", acc.Revision, "token", "hunter2-saved"), a.Save(ctx, "filed", 1, "token", "hunter2-over"),
		a.Save(ctx, "filed", 1, "birds", "hunter2-birds"), a.Save(ctx, "a", 0, "token", "hunter2-stale"))
	for _, id := range []string{"a", "filed"} {
		got, err := a.Get(id)
		if err != nil || !strings.Contains(string(got.Settings), "hunter2-") {
			t.Fatalf("Get: %v, %v", got, err)
		}
		shown, err := a.Show(id)
		show(got, &got, shown, err)
	}
	prepared, err := a.Prepare("a", "", m{"whistle": "hunter2-prepared"})
	show(prepared, err, a.Validate("pigeon", m{"loft": "haunted", "whistle": "hunter2-validated"}))
	list, err := a.List()
	show(list, err)
	if i := strings.Index(out.String(), "hunter2"); i >= 0 {
		t.Errorf("a secret is in the output: …%s", out.String()[max(0, i-200):i+20])
	}
	for _, enc := range []string{fmt.Sprintf("%x", "hunter2"), fmt.Sprintf("%X", "hunter2"), strings.Trim(fmt.Sprint([]byte("hunter2")), "[]")} {
		if strings.Contains(out.String(), enc) {
			t.Errorf("a secret is in the output as %s", enc)
		}
	}

	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	raw, err := os.ReadFile(path)
	if err != nil || len(raw) == 0 {
		t.Fatal(err)
	}
	if !bytes.Contains(raw, []byte("whistle")) {
		t.Error("the record is not in the file in the clear: the test would find nothing")
	}
	for _, secret := range []string{"hunter2", "aHVudGVyMi", "h1bnRlcjIt", "odW50ZXIyL"} { // also as base64, at any offset
		if bytes.Contains(raw, []byte(secret)) {
			t.Errorf("%q is in the database file", secret)
		}
	}
}

// Whoever may change an account, but does not know its secrets, cannot have
// them sent to a server of their own.
func TestSecretsAreNotSentElsewhere(t *testing.T) {
	ship := connectors.Kind{Channel: "ship", Fields: []connectors.Field{
		{Key: "host", Type: "string", Label: "Harbour", Required: true},
		{Key: "port", Type: "int", Default: 22},
		{Key: "url", Type: "string"},
		{Key: "flag", Type: "string"},
		{Key: "password", Type: "secret", SentTo: []string{"host", "port"}},
		{Key: "token", Type: "secret", SentTo: []string{"url", "host"}},
		{Key: "seal", Type: "secret"},
	}}
	dir := t.TempDir()
	path := filepath.Join(dir, "hub.yaml")
	writeFile(t, path, "accounts:\n  - {id: filed, channel: ship, host: quay.example.org, password: p, token: t, seal: s, url: https://example.org/Token}\n", 0o600)
	c, err := config.Load(path, []connectors.Kind{ship}, func(string) (string, bool) { return "", false })
	if err != nil {
		t.Fatal(err)
	}
	a := New(storetest.Open(t), NewKey(), []connectors.Kind{ship})
	if err := a.Start(t.Context(), Options{File: c.Accounts}); err != nil {
		t.Fatal(err)
	}
	const refused = "has to be typed in again, because "
	for i, tc := range []struct {
		change m
		want   []string // the secrets that are asked for
	}{
		{m{"host": "evil.example.net"}, []string{"password", "token"}},
		{m{"host": "evil.example.net", "password": true, "token": true, "seal": true}, []string{"password", "token"}},
		{m{"host": "evil.example.net", "password": "new"}, []string{"token"}},
		{m{"host": "evil.example.net", "password": "new", "token": ""}, nil},
		{m{"host": "evil.example.net", "password": nil, "token": "new", "seal": true}, nil},
		{m{"host": "quay.example.org.evil.example.net", "password": "p"}, []string{"token"}},
		{m{"port": 2222, "password": true}, []string{"password"}},
		{m{"port": 22, "password": true}, nil},
		{m{"url": "https://evil.example.net/Token", "token": true}, []string{"token"}},
		{m{"url": "https://example.org/token"}, []string{"token"}},
		{m{"url": nil}, []string{"token"}},
		{m{"host": " Quay.EXAMPLE.org ", "flag": "red", "password": true, "token": true, "seal": true}, nil},
		{m{"seal": "other", "flag": "white"}, nil},
	} {
		id := fmt.Sprint("ship-", i)
		if _, err := a.Create(t.Context(), NewAccount{ID: id, Channel: "ship", Settings: m{
			"host": "quay.example.org", "password": "p", "token": "t", "seal": "s", "url": "https://example.org/Token"}}); err != nil {
			t.Fatal(err)
		}
		_, updated := a.Update(t.Context(), id, Change{Settings: tc.change})
		_, tried := a.Prepare("filed", "", tc.change)
		for what, err := range map[string]error{"Update": updated, "Prepare": tried} {
			var got []string
			if inv, ok := errors.AsType[*Invalid](err); ok {
				for _, e := range inv.Settings {
					got = append(got, e.Key)
					if !strings.HasPrefix(e.Text, refused) {
						t.Errorf("%s %v: %v", what, tc.change, e)
					}
				}
			} else if err != nil {
				t.Errorf("%s %v: %v", what, tc.change, err)
			}
			if !slices.Equal(got, tc.want) {
				t.Errorf("%s %v: asks for %v, want %v", what, tc.change, got, tc.want)
			}
		}
		if tc.want != nil {
			expect(t, "after a refusal", settings(t, a, id)["host"], "quay.example.org")
		}
	}
}
