package config

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

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

// containsParts looks for "key: part" where got has words between the two.
func containsParts(got, text string) bool {
	key, part, ok := strings.Cut(text, ": ")
	return ok && strings.Contains(got, key+": ") && strings.Contains(got, part)
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
