package preference

import (
	"slices"
	"strings"
	"testing"

	"throughline/store"
)

// TestFillers: words that stand in every letter are never the reason, however loud.
func TestFillers(t *testing.T) {
	o := newOffice(t)
	o.taught(t, 12, "Your derailleur and the brakes", "Prospekt für Bergen und Umgebung, برای کاتالوگ")
	o.view(t, func(tx *store.Tx) error {
		for text, want := range map[string]string{"the derailleur and your brakes": "brakes derailleur", "Prospekt für Bergen, und برای": "bergen prospekt"} {
			g, err := o.p.Guess(tx, text)
			if err != nil || g == nil {
				t.Fatalf("%q: %v, %v", text, g, err)
			}
			var got []string
			for _, w := range g.Words {
				got = append(got, w.Word)
			}
			slices.Sort(got)
			if strings.Join(got, " ") != want {
				t.Errorf("%q: because of %q, want %q", text, got, want)
			}
		}
		if g, err := o.p.Guess(tx, "the your and"); err != nil || g != nil {
			t.Errorf("of fillers alone: %+v, %v", g, err)
		}
		all, err := o.p.Characteristic(tx)
		for k, words := range all {
			for _, w := range words {
				if filler(w.Word) {
					t.Errorf("%s is told by %q", k, w.Word)
				}
			}
		}
		return err
	})
	for k, words := range seedFeatures {
		for _, w := range words {
			if filler(w) && !strings.HasPrefix(w, "~") { // which is part of many words
				t.Errorf("%q stands for %s and is a filler", w, k)
			}
		}
	}
}

// TestReadable: letters of a script without spaces are shown where a syllable can begin.
func TestReadable(t *testing.T) {
	for feature, want := range map[string]bool{"invoice": true, "ใบแ": true, "~ใบแ": true, "~จ้ง": true, "~่าย": false, "~าหร": false, "~abc": false, "~فاک": false, "~": false} {
		if got := readable(feature); got != want {
			t.Errorf("%q: %v", feature, got)
		}
	}
}
