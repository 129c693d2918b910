package store

import (
	"bytes"
	"math/rand/v2"
	"strings"
	"testing"
)

func TestPack(t *testing.T) {
	noise := make([]byte, 4096)
	for i := range noise {
		noise[i] = byte(rand.Uint32())
	}
	text := []byte(`{"text":"` + strings.Repeat("again and again ", 50) + `"}`)
	for _, c := range []struct {
		name              string
		data              []byte
		isBytes, compress bool
		first             byte
		most              int // bytes stored
	}{
		{"json", text, false, false, '{', len(text)},
		{"json compressed", text, false, true, storedZstd, len(text) / 4},
		{"small json", []byte(`{"a":1}`), false, true, '{', 7},
		{"just too small", text[:minCompress-1], false, true, '{', minCompress - 1},
		{"just large enough", text[:minCompress], false, true, storedZstd, minCompress / 2},
		{"bytes", text, true, false, storedPlain, len(text) + 1},
		{"bytes compressed", text, true, true, storedZstd, len(text) / 4},
		{"noise", noise, true, true, storedPlain, len(noise) + 1},
		{"no bytes", nil, true, true, storedPlain, 1},
	} {
		var cd codec
		stored := cd.pack(c.data, c.isBytes, c.compress)
		if stored[0] != c.first || len(stored) > c.most {
			t.Errorf("%s: %d bytes beginning with %x", c.name, len(stored), stored[0])
		}
		back, err := cd.unpack(stored)
		if err != nil || !bytes.Equal(back, c.data) {
			t.Errorf("%s: unpacked to %d bytes, %v", c.name, len(back), err)
		}
		cd.close()
	}
}

// A damaged record is an error, never a crash or a flood of memory.
func FuzzUnpack(f *testing.F) {
	var cd codec
	f.Cleanup(cd.close)
	f.Add([]byte{})
	f.Add([]byte{storedPlain})
	f.Add([]byte{storedZstd})
	f.Add([]byte(`{"name":"x"}`))
	f.Add(cd.pack([]byte(`{"name":"`+strings.Repeat("x", 1000)+`"}`), false, true))
	f.Fuzz(func(t *testing.T, stored []byte) {
		data, err := cd.unpack(stored)
		if err == nil {
			_ = unmarshal(data, new(item))
		}
		if len(data) > maxRecord {
			t.Errorf("%d bytes", len(data))
		}
	})
}

// TestReadsApart: what was read stays as it was when the memory it came through
// is used again, and markup is stored as it is.
func TestReadsApart(t *testing.T) {
	var cd codec
	defer cd.close()
	type record struct{ Text string }
	var kept []*record
	for i := range 20 {
		want := &record{strings.Repeat(string(rune('a'+i)), 1000) + "<p>&</p>"}
		data, err := marshal(want)
		if err != nil || !strings.Contains(string(data), "<p>&</p>") {
			t.Fatalf("%s %v", data, err)
		}
		back, done, err := cd.borrow(cd.pack(data, false, true))
		if err != nil {
			t.Fatal(err)
		}
		r := new(record)
		if err := unmarshal(back, r); err != nil {
			t.Fatal(err)
		}
		done()
		kept = append(kept, r)
	}
	for i, r := range kept {
		if r.Text != strings.Repeat(string(rune('a'+i)), 1000)+"<p>&</p>" {
			t.Errorf("record %d has become %.20q…", i, r.Text)
		}
	}
}
