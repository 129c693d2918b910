package store

import (
	"bytes"
	"cmp"
	"math"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// pair draws two values, often equal or close.
func pair[T any](r *rapid.T, g *rapid.Generator[T], near func(T) T) (a, b T) {
	a = g.Draw(r, "a")
	switch rapid.IntRange(0, 3).Draw(r, "how") {
	case 0:
		return a, a
	case 1:
		return a, near(a)
	}
	return a, g.Draw(r, "b")
}

// Keys sort as their components do, one after the other.
func TestKeyOrder(t *testing.T) {
	str := rapid.StringOf(rapid.SampledFrom([]rune{0, 1, 2, 'a', 'b', 0xff, 'آ', 'ก', 0x10ffff}))
	tm := rapid.Custom(func(r *rapid.T) time.Time {
		return time.Unix(rapid.Int64Range(-1<<35, 1<<35).Draw(r, "s"), rapid.Int64Range(0, 999_999_999).Draw(r, "ns"))
	})
	rapid.Check(t, func(r *rapid.T) {
		s1, s2 := pair(r, str, func(s string) string { return s + rapid.SampledFrom([]string{"\x00", "\x01", "a"}).Draw(r, "more") })
		n1, n2 := pair(r, rapid.Uint64(), func(n uint64) uint64 { return n + 1 })
		t1, t2 := pair(r, tm, func(t time.Time) time.Time { return t.Add(1) })
		min, max := time.Unix(0, math.MinInt64), time.Unix(0, math.MaxInt64)
		clamp := func(t time.Time) time.Time {
			if t.Before(min) {
				return min
			}
			if t.After(max) {
				return max
			}
			return t
		}
		byStr, byNum, byTime := strings.Compare(s1, s2), cmp.Compare(n1, n2), clamp(t1).Compare(clamp(t2))
		for _, c := range []struct {
			name string
			a, b Key
			want int
		}{
			{"Str", K().Str(s1), K().Str(s2), byStr},
			{"Uint", K().Uint(n1), K().Uint(n2), byNum},
			{"UintDesc", K().UintDesc(n1), K().UintDesc(n2), -byNum},
			{"Time", K().Time(t1), K().Time(t2), byTime},
			{"TimeDesc", K().TimeDesc(t1), K().TimeDesc(t2), -byTime},
			{"Str Uint", K().Str(s1).Uint(n1), K().Str(s2).Uint(n2), cmp.Or(byStr, byNum)},
			{"Uint Str", K().Uint(n1).Str(s1), K().Uint(n2).Str(s2), cmp.Or(byNum, byStr)},
			{"Str TimeDesc Str", K().Str(s1).TimeDesc(t1).Str(s2), K().Str(s2).TimeDesc(t2).Str(s1), cmp.Or(byStr, -byTime, -byStr)},
		} {
			if got := bytes.Compare(c.a, c.b); got != c.want {
				r.Errorf("%s: %x and %x compare %d, want %d", c.name, c.a, c.b, got, c.want)
			}
		}
		// A prefix finds exactly the keys that begin with its components.
		if got := bytes.HasPrefix(K().Str(s2).Uint(n2), K().Str(s1)); got != (s1 == s2) {
			r.Errorf("%q is a prefix of %q: %v", s1, s2, got)
		}
		if k := K().Str(s1).Uint(n1); !bytes.Equal(k.first(), K().Str(s1)) {
			r.Errorf("first component of %x is %x", k, k.first())
		}
	})
}

func TestKeyBytes(t *testing.T) {
	for _, c := range []struct {
		got  Key
		want string
	}{
		{K(), ""},
		{K().Str(""), "\x00"},
		{K().Str("ab"), "ab\x00"},
		{K().Str("a\x00\x01\x02"), "a\x01\x01\x01\x02\x02\x00"},
		{K().Uint(258), "\x00\x00\x00\x00\x00\x00\x01\x02"},
		{K().UintDesc(0), "\xff\xff\xff\xff\xff\xff\xff\xff"},
		{K().Time(time.Unix(0, 0)), "\x80\x00\x00\x00\x00\x00\x00\x00"},
		{K().Time(time.Unix(0, -1)), "\x7f\xff\xff\xff\xff\xff\xff\xff"},
		{K().Time(time.Time{}), "\x00\x00\x00\x00\x00\x00\x00\x00"},
		{K().Time(time.Unix(1<<40, 0)), "\xff\xff\xff\xff\xff\xff\xff\xff"},
		{K().TimeDesc(time.Time{}), "\xff\xff\xff\xff\xff\xff\xff\xff"},
	} {
		if string(c.got) != c.want {
			t.Errorf("%x, want %x", c.got, c.want)
		}
	}
}

// Keys built on a common prefix do not overwrite each other.
func TestKeysShareNothing(t *testing.T) {
	base := append(make(Key, 0, 64), "base"...)
	for _, pair := range [][2]Key{
		{base.Uint(1), base.Uint(2)},
		{base.Str("1"), base.Str("2")},
		{base.Time(time.Unix(1, 0)), base.Time(time.Unix(2, 0))},
	} {
		if bytes.Equal(pair[0], pair[1]) {
			t.Errorf("%x was overwritten", pair[0])
		}
	}
}

func TestPrefixEnd(t *testing.T) {
	for p, want := range map[string]string{"a": "b", "a\xff": "b", "\xff\xff": "", "": "", "a\x00": "a\x01"} {
		if got := prefixEnd([]byte(p)); string(got) != want {
			t.Errorf("%q: %q, want %q", p, got, want)
		}
	}
}
