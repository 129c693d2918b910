package twilio

import (
	"encoding/json"
	"net/url"
	"os"
	"path/filepath"
	"testing"
)

// vendorCase is a signature and the verdict of the vendor's own library on it.
type vendorCase struct {
	Name, URL, Signature string
	Form                 [][2]string
	Body                 string
	Valid                bool
}

// vendorCases were made with the npm package twilio 6.2.0.
func vendorCases(t testing.TB) (token string, cases []vendorCase) {
	b, err := os.ReadFile(filepath.Join("testdata", "signatures.json"))
	if err != nil {
		t.Fatal(err)
	}
	var all struct {
		Token string
		Cases []vendorCase
	}
	if err := json.Unmarshal(b, &all); err != nil {
		t.Fatal(err)
	}
	return all.Token, all.Cases
}

func (c *vendorCase) values() url.Values {
	if c.Form == nil {
		return nil
	}
	v := url.Values{}
	for _, p := range c.Form {
		v.Add(p[0], p[1])
	}
	return v
}

func TestSignaturesAsTheVendorChecksThem(t *testing.T) {
	token, cases := vendorCases(t)
	valid := 0
	for _, tt := range cases {
		if got := signed(token, tt.Signature, tt.URL, tt.values(), []byte(tt.Body)); got != tt.Valid {
			t.Errorf("%s: %v, the vendor says %v", tt.Name, got, tt.Valid)
		}
		if tt.Valid {
			valid++
		}
		if signed("", tt.Signature, tt.URL, tt.values(), []byte(tt.Body)) {
			t.Errorf("%s: passes without a token", tt.Name)
		}
	}
	if valid < 20 || len(cases)-valid < 8 {
		t.Errorf("%d valid of %d: is the file complete?", valid, len(cases))
	}
}

func FuzzSigned(f *testing.F) {
	token, cases := vendorCases(f)
	for _, c := range cases {
		f.Add(c.Signature, c.URL, c.values().Encode(), c.Body)
	}
	f.Fuzz(func(t *testing.T, header, address, form, body string) {
		values, err := parseForm([]byte(form))
		if err != nil {
			return
		}
		signed(token, header, address, nil, []byte(body))
		was := signed(token, header, address, values, nil)
		if was && signed("x"+token, header, address, values, nil) {
			t.Error("passes with two tokens")
		}
		// What passes does not pass with one field more, except that equal values
		// of one name count once.
		values.Add("Added", "field-that-was-not-signed")
		if was && signed(token, header, address, values, nil) && form != "" {
			known, _ := parseForm([]byte(form))
			if !known.Has("Added") {
				t.Errorf("%q passes with a field that was added", address)
			}
		}
	})
}
