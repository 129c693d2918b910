package connectors_test

import (
	"encoding/json"
	"errors"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"throughline/connectors"
	"throughline/message"
)

var pets = []connectors.Field{
	{Key: "name", Type: "string"}, {Key: "size", Type: "int", Default: 3}, {Key: "tame", Type: "bool", Default: true},
	{Key: "kind", Type: "choice", Default: "cat", Choices: []string{"cat", "dog"}}, {Key: "toys", Type: "list"},
	{Key: "nap", Type: "duration"}, {Key: "door", Type: "int"},
}

// read reads a form as a channel does, and returns which settings are to blame.
func read(t *testing.T, raw string, defaults bool) (got map[string]any, blamed []string) {
	t.Helper()
	f, err := connectors.ReadForm(json.RawMessage(raw), "pets", pets)
	if err != nil {
		t.Fatal(err)
	}
	if defaults {
		f.TakeDefaults()
	}
	toys, given := f.List("toys")
	got = map[string]any{"name": f.Line("name"), "size": f.Number("size", 5, 1, 9), "tame": f.Flag("tame"), "kind": f.Choice("kind"),
		"toys": strings.Join(toys, "+"), "given": given, "nap": f.Duration("nap", time.Minute, time.Second, time.Hour), "door": f.Port("door", 80)}
	var errs interface{ Unwrap() []error }
	if errors.As(f.Err(), &errs) {
		for _, e := range errs.Unwrap() {
			var se *connectors.SettingsError
			if !errors.As(e, &se) {
				t.Fatalf("%T", e)
			}
			blamed = append(blamed, se.Key)
		}
	}
	return got, blamed
}

// TestForm: what files and the browser may send, and what is to blame.
func TestForm(t *testing.T) {
	usual := map[string]any{"name": "", "size": 5, "tame": false, "kind": "cat", "toys": "", "given": false, "nap": time.Minute, "door": 80}
	for _, tt := range []struct {
		raw      string
		defaults bool
		want     map[string]any // what differs from the usual
		blamed   []string
	}{
		{raw: `{}`},
		{raw: `null`},
		{raw: `{}`, defaults: true, want: map[string]any{"size": 3, "tame": true}},
		{raw: `{"tame":false,"size":9}`, defaults: true, want: map[string]any{"size": 9}},
		{raw: `{"name":" Tom ","size":"4","tame":"yes","kind":"dog","toys":"ball, \n,mouse","nap":"2m","door":"8080"}`,
			want: map[string]any{"name": "Tom", "size": 4, "tame": true, "kind": "dog", "toys": "ball+mouse", "given": true, "nap": 2 * time.Minute, "door": 8080}},
		{raw: `{"toys":[" ball ",""],"door":0}`, want: map[string]any{"toys": "ball", "given": true}},
		{raw: `{"size":"","door":"","nap":"","kind":"","toys":""}`, want: map[string]any{"given": true}},
		{raw: `{"toys":[1],"name":"a\nb","size":10,"tame":"perhaps","kind":"owl","nap":"2h","door":70000,"wings":2}`,
			want: map[string]any{"door": 70000}, blamed: []string{"door", "kind", "name", "nap", "size", "tame", "toys", "wings"}},
		{raw: `{"toys":{},"name":1,"size":1.5,"tame":1,"kind":[],"nap":"soon","door":true}`,
			blamed: []string{"door", "kind", "name", "nap", "size", "tame", "toys"}},
	} {
		got, blamed := read(t, tt.raw, tt.defaults)
		if !slices.Equal(blamed, tt.blamed) {
			t.Errorf("%s: %v to blame, want %v", tt.raw, blamed, tt.blamed)
		}
		for key, want := range usual {
			if other, ok := tt.want[key]; ok {
				want = other
			}
			if got[key] != want {
				t.Errorf("%s: %s is %v, want %v", tt.raw, key, got[key], want)
			}
		}
	}
	for _, raw := range []string{``, `[]`, `"x"`, `{`} {
		if _, err := connectors.ReadForm(json.RawMessage(raw), "pets", pets); err == nil {
			t.Errorf("%q was read", raw)
		}
	}
}

// TestSpool: content of every size comes back, on disk from a size on; too much is
// refused, and nothing stays.
func TestSpool(t *testing.T) {
	const limit = 1 << 20
	for _, size := range []int{0, 1, 256<<10 - 1, 256 << 10, limit} {
		dir := t.TempDir()
		c, err := connectors.Spool(dir, strings.NewReader(strings.Repeat("x", size)), limit)
		if err != nil || c.Size() != int64(size) {
			t.Fatalf("%d bytes: %v", size, err)
		}
		for range 2 {
			r, err := c.Open()
			if err != nil {
				t.Fatal(err)
			}
			n, err := r.Read(make([]byte, 1))
			if (n == 1) != (size > 0) || size > 0 && err != nil {
				t.Errorf("%d bytes: read %d, %v", size, n, err)
			}
			r.Close()
		}
		connectors.Drop([]message.Part{{Content: c}, {}})
		if left, _ := os.ReadDir(dir); len(left) > 0 {
			t.Errorf("%d bytes: %v stays", size, left)
		}
	}
	for _, limit := range []int64{10, 300 << 10} {
		dir := t.TempDir()
		if _, err := connectors.Spool(dir, strings.NewReader(strings.Repeat("x", int(limit)+1)), limit); !errors.Is(err, connectors.ErrTooLarge) {
			t.Errorf("above %d: %v", limit, err)
		}
		if left, _ := os.ReadDir(dir); len(left) > 0 {
			t.Errorf("above %d: %v stays", limit, left)
		}
	}
}

func TestBrief(t *testing.T) {
	for d, want := range map[time.Duration]string{0: "0s", time.Second: "1s", time.Minute: "1m", 90 * time.Second: "1m30s", time.Hour: "1h", 90 * time.Minute: "1h30m", time.Hour + time.Second: "1h0m1s", 10 * time.Second: "10s"} {
		if got := connectors.Brief(d); got != want {
			t.Errorf("%v: %q, want %q", d, got, want)
		}
	}
}
