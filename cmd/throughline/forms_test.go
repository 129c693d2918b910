package main

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestFormsInEveryLanguage: every setting of every channel has its words in every
// language of the screens, and where there is a choice, words for what is chosen.
func TestFormsInEveryLanguage(t *testing.T) {
	for _, language := range []string{"fa", "th"} {
		b, err := os.ReadFile(filepath.Join("..", "..", "ui", "src", "screens", "channels", "words."+language+".ts"))
		if err != nil {
			t.Fatal(err)
		}
		source := string(b)
		line := func(key string) string {
			return regexp.MustCompile(`(?m)^ +'?` + regexp.QuoteMeta(key) + `'?: \{ label: '.*$`).FindString(source)
		}
		for _, k := range kinds() {
			shared := strings.Contains(source, "...of('"+k.Channel+"')")
			for _, f := range k.Fields {
				said := line(k.Channel + "." + f.Key)
				if said == "" && shared {
					said = line(f.Key)
				}
				if said == "" {
					t.Errorf("%s: no words for %s.%s", language, k.Channel, f.Key)
				} else if len(f.Choices) > 0 && !strings.Contains(said, "choices:") {
					t.Errorf("%s: no words for the choices of %s.%s", language, k.Channel, f.Key)
				} else if slices.Contains(f.Choices, "") {
					t.Errorf("%s.%s has an empty choice", k.Channel, f.Key)
				}
			}
		}
	}
}
