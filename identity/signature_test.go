package identity

import (
	"slices"
	"strings"
	"testing"

	"throughline/message"
)

func TestSignatureHandles(t *testing.T) {
	for _, c := range []struct {
		text, country string
		want          []message.Handle
	}{
		{"Ann Lee\nBluebird Ltd\nTel. +44 7700 900123\nann.lee@example.org", "", []message.Handle{"tel:+447700900123", "mailto:ann.lee@example.org"}},
		{"m: +44 (0)7700 900123 | f: 1234", "", []message.Handle{"tel:+447700900123"}},
		{"Fax +44 7700 900124\nVAT GB 123456789\nIBAN DE02 1203 0000 0000 2020 51", "DE", nil},
		{"مریم احمدی\nتلفن: ۰۰۴۴۷۷۰۰۹۰۰۱۲۳", "", []message.Handle{"tel:+447700900123"}},
		{"โทร +44 7700 900123 , +44 7700 900123", "", []message.Handle{"tel:+447700900123"}},
		{"07700 900123", "GB", []message.Handle{"tel:+447700900123"}},
		{"07700 900123", "", nil},
		{"https://example.org/447700900123", "", nil},
		{"sent on 2026-11-22 10:15", "", nil},
		{"<Ann@Example.org>.", "", []message.Handle{"mailto:ann@example.org"}},
		{strings.Repeat("a@example.org b@example.org c@example.org d@example.org e@example.org\n", 3), "", []message.Handle{"mailto:a@example.org", "mailto:b@example.org", "mailto:c@example.org", "mailto:d@example.org"}},
		{"", "", nil},
	} {
		if got := SignatureHandles(c.text, c.country); !slices.Equal(got, c.want) {
			t.Errorf("SignatureHandles(%q, %q) = %v, want %v", c.text, c.country, got, c.want)
		}
	}
}

// FuzzSignatureHandles: whatever stands below a mail, what is found is canonical and
// little.
func FuzzSignatureHandles(f *testing.F) {
	f.Add("Ann Lee\nTel. +44 (0)7700 900123\nann@example.org", "GB")
	f.Add("＋44 ๗๗๐๐", "")
	f.Fuzz(func(t *testing.T, text, country string) {
		found := SignatureHandles(text, country)
		if len(found) > maxSignatureFind {
			t.Errorf("%d found", len(found))
		}
		for _, h := range found {
			if c, err := Canonical(h); err != nil || c != h {
				t.Errorf("%q is not canonical: %q, %v", h, c, err)
			}
		}
	})
}
