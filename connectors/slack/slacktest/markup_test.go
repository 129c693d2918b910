package slacktest

import (
	"strings"
	"testing"
)

// FuzzKept: what Slack keeps has nothing left to change, and nothing but
// references between "<" and ">".
func FuzzKept(f *testing.F) {
	for _, s := range []string{"", "a & b", "&amp;amp;", "<@U1>", "<<@U1>>", "https://example.com/<x>", "<https://a|b>c", "<!here> & <#C1|x>", "a<", ">b"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		once := kept(s, true)
		if again := kept(once, true); again != once {
			t.Errorf("%q became %q, then %q", s, once, again)
		}
		if rest := reference.ReplaceAllString(once, ""); strings.ContainsAny(rest, "<>") {
			t.Errorf("%q became %q", s, once)
		}
	})
}

func FuzzMicros(f *testing.F) {
	for _, s := range []string{"", "0", "1512085950.000216", "1512085950", "1.5", "-1", "1.-5", "99999999999999999999.1", "1.0000009"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if n, err := micros(s); err == nil && n < 0 {
			t.Errorf("%q is %d", s, n)
		}
	})
}
