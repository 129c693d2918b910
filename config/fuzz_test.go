package config

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
)

// Whatever is in the file: a configuration, or problems with a line. Nothing
// panics, and what loads can be shown.
func FuzzLoad(f *testing.F) {
	for _, seed := range []string{
		"", "listen: :80\n", "a: &a [*a]\n", "- - - -\n", "? {a: b}\n: c\n", "%YAML 1.1\n---\n...\n", "\ufeffundo: 1s\n",
		"accounts:\n  - {id: a, channel: pigeon, loft: x, routes: [~, !!binary aGk=, 1]}\n  - id: a\n    channel: drum\n",
		"tls: {cert: a, key: b}\nlimits: {upload_bytes: 1 GiB}\nmetrics: {token: ${TOKEN}}\n",
		"log: !!map {level: |-\n info}\n", "undo: \"\\x00\"\n", "data: '$${x} ${TOKEN}'\n", "\xff\xfe", "a: b: c\n", "<<: 1\n",
		"accounts: [{id: [1], channel: {a: b}}, {id: x, channel: pigeon, name: {}}]\n",
	} {
		f.Add([]byte(seed))
	}
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, b []byte) {
		path := filepath.Join(dir, "hub.yaml")
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
		c, err := Load(path, kinds, env("TOKEN", "0123456789abcdef"))
		if err == nil {
			if c.Redacted() == "" || c.URL() == "" {
				t.Error("the configuration cannot be shown")
			}
			return
		}
		errs, ok := errors.AsType[Errors](err)
		if !ok || len(errs) == 0 || c != nil {
			t.Fatalf("error %#v beside %v", err, c)
		}
		for i, p := range errs {
			if p.Text == "" || p.Line < 1 && len(b) <= MaxFileBytes {
				t.Errorf("problem without a line or a text: %v", p)
			}
			if i > 0 && p.Line < errs[i-1].Line {
				t.Errorf("not in order: %v", errs)
			}
		}
	})
}
