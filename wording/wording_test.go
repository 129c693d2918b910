package wording

import (
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
)

func TestOf(t *testing.T) {
	for _, tt := range []struct {
		text string
		want *Words
	}{
		{"", nil},
		{"something nobody has named", nil},
		{"write something first", &Words{Code: "problem.empty"}},
		{"write something first!", nil},
		{"at most 10 files fit into one message", &Words{Code: "problem.files", With: map[string]string{"n": "10"}}},
		{"at most 10 files fit into one message of this channel", &Words{Code: "problem.channel_files", With: map[string]string{"n": "10"}}},
		{`"sales" is not an account that can send now`, &Words{Code: "problem.cannot_send", With: map[string]string{"account": "sales"}}},
		{"the phone cannot be reached: switched off, out of coverage, or no longer in use", &Words{Code: "twilio.30003"}},
		{"given up after three days; the last answer was: Twilio cannot be reached: no answer in time", &Words{
			Code: "delivery.gave_up", With: map[string]string{"reason": "Twilio cannot be reached: no answer in time"},
			Parts: map[string]Words{"reason": {Code: "twilio.unreachable", With: map[string]string{"cause": "no answer in time"},
				Parts: map[string]Words{"cause": {Code: "cause.silent"}}}},
		}},
		{`a@example.org does not want messages about "offers" on this channel since 2027-01-02 03:04 UTC, in their own words: STOP`, &Words{
			Code:  "delivery.opted_out_self",
			With:  map[string]string{"address": "a@example.org", "what": `messages about "offers" on this channel`, "since": "2027-01-02 03:04 UTC", "said": "STOP"},
			Parts: map[string]Words{"what": {Code: "delivery.what_about", With: map[string]string{"purpose": "offers"}}},
		}},
		{strings.Repeat("x", maxText+1), nil},
	} {
		if got := Of(tt.text); !reflect.DeepEqual(got, tt.want) {
			t.Errorf("%q is %+v, want %+v", tt.text, got, tt.want)
		}
	}
}

// TestCatalogueIsSaid: every text of the catalogue stands in the sources, so that a
// reworded one is not forgotten here.
func TestCatalogueIsSaid(t *testing.T) {
	var said []string
	if err := filepath.WalkDir("..", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if name := d.Name(); d.IsDir() && (name == "node_modules" || name == "ui" || name == "wording" || len(name) > 2 && strings.HasPrefix(name, ".")) {
			return filepath.SkipDir
		}
		if !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return nil
		}
		f, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		ast.Inspect(f, func(n ast.Node) bool {
			if l, ok := n.(*ast.BasicLit); ok && l.Kind == token.STRING {
				if s, err := strconv.Unquote(l.Value); err == nil {
					said = append(said, s)
				}
			}
			return true
		})
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	all := strings.Join(said, "\n")
	seen := map[string]bool{}
	for _, e := range Catalogue() {
		if seen[e.Code] {
			t.Errorf("%s stands twice", e.Code)
		}
		seen[e.Code] = true
		for _, piece := range gap.Split(e.Text, -1) {
			if len(piece) > 3 && !strings.Contains(all, strings.Trim(piece, " :")) {
				t.Errorf("%s: nobody says %q any more", e.Code, piece)
			}
		}
	}
}

// TestTranslations: every language has every text, with gaps of the catalogue.
func TestTranslations(t *testing.T) {
	texts := map[string]string{}
	for _, e := range Catalogue() {
		texts[e.Code] = e.Text
	}
	for _, language := range []string{"fa", "th"} {
		b, err := os.ReadFile(filepath.Join("..", "ui", "src", "lib", "i18n", "said."+language+".json"))
		if err != nil {
			t.Fatal(err)
		}
		var said map[string]string
		if err := json.Unmarshal(b, &said); err != nil {
			t.Fatal(err)
		}
		if got, want := slices.Sorted(maps.Keys(said)), slices.Sorted(maps.Keys(texts)); !slices.Equal(got, want) {
			t.Errorf("%s: the names differ from those of the catalogue", language)
		}
		for code, text := range said {
			for _, g := range gap.FindAllString(text, -1) {
				if !strings.Contains(texts[code], g) {
					t.Errorf("%s %s: there is no gap %s", language, code, g)
				}
			}
		}
	}
}

func BenchmarkOf(b *testing.B) {
	for b.Loop() {
		Of("550 5.1.1 no such user here, says a server of which nobody knows the words")
	}
}

// TestProviderCodes: what a provider's error code comes to is named, whatever the code.
func TestProviderCodes(t *testing.T) {
	for _, file := range []string{"connectors/slack/errors.go", "connectors/twilio/errors.go"} {
		f, err := parser.ParseFile(token.NewFileSet(), filepath.Join("..", file), nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		n := 0
		ast.Inspect(f, func(node ast.Node) bool {
			spec, ok := node.(*ast.ValueSpec)
			if !ok || spec.Names[0].Name != "codes" {
				return true
			}
			for _, e := range spec.Values[0].(*ast.CompositeLit).Elts {
				words := ""
				ast.Inspect(e.(*ast.KeyValueExpr).Value, func(node ast.Node) bool {
					if l, ok := node.(*ast.BasicLit); ok && l.Kind == token.STRING {
						words, _ = strconv.Unquote(l.Value)
					}
					return true
				})
				if n++; Of(words) == nil {
					t.Errorf("%s: %q has no name in english.txt", file, words)
				}
			}
			return false
		})
		if n < 50 {
			t.Errorf("%s: only %d codes were found", file, n)
		}
	}
}
