package blob

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/iotest"
	"time"
)

func open(t testing.TB) *Store {
	t.Helper()
	s, err := Open(filepath.Join(t.TempDir(), "blobs"))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func put(t testing.TB, s *Store, content string) Ref {
	t.Helper()
	ref, err := s.Put(t.Context(), strings.NewReader(content))
	if err != nil {
		t.Fatal(err)
	}
	return ref
}

func sum(b []byte) string { h := sha256.Sum256(b); return hex.EncodeToString(h[:]) }

// files lists all that is on disk, unfinished files too.
func files(t testing.TB, s *Store) []string {
	t.Helper()
	var out []string
	err := filepath.WalkDir(s.dir, func(p string, d os.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			rel, _ := filepath.Rel(s.dir, p)
			out = append(out, rel)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestPutOpen(t *testing.T) {
	s := open(t)
	big := make([]byte, 3*copyBuffer+17)
	rng := rand.NewChaCha8([32]byte{1})
	rng.Read(big)
	for _, tc := range []struct {
		name    string
		content []byte
		reader  func(io.Reader) io.Reader
	}{
		{"empty", nil, nil},
		{"short", []byte("hello"), nil},
		{"one byte a read", []byte("byte by byte"), iotest.OneByteReader},
		{"error with data", []byte("data and EOF together"), iotest.DataErrReader},
		{"several buffers", big, nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var r io.Reader = bytes.NewReader(tc.content)
			if tc.reader != nil {
				r = tc.reader(r)
			}
			ref, err := s.Put(t.Context(), r)
			if err != nil {
				t.Fatal(err)
			}
			if want := (Ref{sum(tc.content), int64(len(tc.content))}); ref != want {
				t.Fatalf("Put = %v, want %v", ref, want)
			}
			if got, err := s.Stat(ref.SHA256); got != ref || err != nil {
				t.Fatalf("Stat = %v, %v", got, err)
			}
			f, size, err := s.Open(ref.SHA256)
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			got, err := io.ReadAll(f)
			if err != nil || !bytes.Equal(got, tc.content) || size != int64(len(got)) {
				t.Fatalf("read %d bytes (size %d), %v; want %d", len(got), size, err, len(tc.content))
			}
			if _, err := f.Seek(0, io.SeekStart); err != nil {
				t.Fatal(err)
			}
		})
	}
}

func TestLayout(t *testing.T) {
	s := open(t)
	ref := put(t, s, "hello")
	want := filepath.Join(ref.SHA256[:2], ref.SHA256[2:4], ref.SHA256)
	if got := files(t, s); len(got) != 1 || got[0] != want {
		t.Fatalf("files = %v, want only %s", got, want)
	}
	fi, err := os.Stat(filepath.Join(s.dir, want))
	if err != nil {
		t.Fatal(err)
	}
	if fi.Mode().Perm()&0o077 != 0 {
		t.Errorf("mode %v: others on the machine can read customers' files", fi.Mode())
	}
}

func TestPutTwiceWritesOnce(t *testing.T) {
	s := open(t)
	ref := put(t, s, "same")
	before, err := os.Stat(s.path(ref.SHA256))
	if err != nil {
		t.Fatal(err)
	}
	if again := put(t, s, "same"); again != ref {
		t.Fatalf("second Put = %v, want %v", again, ref)
	}
	after, err := os.Stat(s.path(ref.SHA256))
	if err != nil {
		t.Fatal(err)
	}
	if !os.SameFile(before, after) {
		t.Error("the content was written again")
	}
	if got := files(t, s); len(got) != 1 {
		t.Errorf("files = %v, want one", got)
	}
}

func TestPutReplacesCutFile(t *testing.T) {
	s := open(t)
	ref := put(t, s, "whole content")
	if err := os.Truncate(s.path(ref.SHA256), 3); err != nil {
		t.Fatal(err)
	}
	put(t, s, "whole content")
	if got, err := s.Stat(ref.SHA256); got != ref || err != nil {
		t.Fatalf("Stat = %v, %v; want the whole file back", got, err)
	}
}

func TestBadNames(t *testing.T) {
	s := open(t)
	good := sum([]byte("x"))
	outside := filepath.Join(filepath.Dir(s.dir), "secret")
	if err := os.WriteFile(outside, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{
		"", "ab", good[:63], good + "0", strings.ToUpper(good), "../secret", "/etc/passwd",
		strings.Repeat("../", 21) + "a", strings.Repeat(".", 64), good[:62] + "/.", good[:63] + "\x00", good[:62] + "é",
	} {
		if _, _, err := s.Open(name); !errors.Is(err, ErrBadName) {
			t.Errorf("Open(%q) = %v", name, err)
		}
		if _, err := s.Stat(name); !errors.Is(err, ErrBadName) {
			t.Errorf("Stat(%q) = %v", name, err)
		}
		if err := s.Delete(name); !errors.Is(err, ErrBadName) {
			t.Errorf("Delete(%q) = %v", name, err)
		}
	}
	if _, err := os.Stat(outside); err != nil {
		t.Error(err)
	}
}

func TestMissing(t *testing.T) {
	s := open(t)
	sha := sum([]byte("nobody put me"))
	if _, _, err := s.Open(sha); !errors.Is(err, ErrNotFound) {
		t.Errorf("Open = %v", err)
	}
	if _, err := s.Stat(sha); !errors.Is(err, ErrNotFound) {
		t.Errorf("Stat = %v", err)
	}
	if err := s.Delete(sha); err != nil {
		t.Errorf("Delete = %v", err)
	}
}

func TestPutFailureLeavesNothing(t *testing.T) {
	s := open(t)
	broken := errors.New("connection reset")
	r := io.MultiReader(strings.NewReader(strings.Repeat("x", 2*copyBuffer)), iotest.ErrReader(broken))
	if _, err := s.Put(t.Context(), r); !errors.Is(err, broken) {
		t.Errorf("Put = %v, want the reader's error", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	r = io.MultiReader(strings.NewReader("a"), readerFunc(func(p []byte) (int, error) { cancel(); return copy(p, "b"), nil }))
	if _, err := s.Put(ctx, r); !errors.Is(err, context.Canceled) {
		t.Errorf("Put = %v, want the context's error", err)
	}
	if got := files(t, s); len(got) != 0 {
		t.Errorf("left behind: %v", got)
	}
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

func TestOpenRemovesUnfinished(t *testing.T) {
	s := open(t)
	ref := put(t, s, "finished")
	if err := os.WriteFile(filepath.Join(s.dir, tmpDir, "put-123"), []byte("half"), 0o600); err != nil {
		t.Fatal(err)
	}
	again, err := Open(s.dir)
	if err != nil {
		t.Fatal(err)
	}
	if got := files(t, again); len(got) != 1 || filepath.Base(got[0]) != ref.SHA256 {
		t.Errorf("files = %v, want only the finished one", got)
	}
}

func TestAll(t *testing.T) {
	s := open(t)
	want := map[Ref]bool{}
	for i := range 50 {
		want[put(t, s, strings.Repeat("z", i))] = true
	}
	last := ""
	for ref, err := range s.All() {
		if err != nil {
			t.Fatal(err)
		}
		if !want[ref] {
			t.Errorf("unexpected %v", ref)
		}
		if ref.SHA256 <= last {
			t.Errorf("%s after %s", ref.SHA256, last)
		}
		last = ref.SHA256
		delete(want, ref)
	}
	if len(want) != 0 {
		t.Errorf("not seen: %v", want)
	}
	for range s.All() {
		break // must not panic
	}
}

// age makes a blob look as if it had been put an hour ago.
func age(t *testing.T, s *Store, sha string) {
	t.Helper()
	old := time.Now().Add(-time.Hour)
	if err := os.Chtimes(s.path(sha), old, old); err != nil {
		t.Fatal(err)
	}
}

func TestSweep(t *testing.T) {
	s := open(t)
	used, unused, young, renewed := put(t, s, "used"), put(t, s, "unused"), put(t, s, "young"), put(t, s, "renewed")
	for _, r := range []Ref{used, unused, renewed} {
		age(t, s, r.SHA256)
	}
	asked := 0
	keep := func(sha string) bool {
		asked++
		if sha == renewed.SHA256 {
			put(t, s, "renewed") // arrives again just after it was found unused
		}
		return sha == used.SHA256
	}
	got, err := s.Sweep(t.Context(), keep, time.Minute)
	if want := (Swept{Kept: 3, Removed: 1, Bytes: unused.Size}); got != want || err != nil || asked != 4 {
		t.Fatalf("Sweep = %+v, %v after %d questions; want %+v", got, err, asked, want)
	}
	if _, err := s.Stat(unused.SHA256); !errors.Is(err, ErrNotFound) {
		t.Errorf("the unused blob: %v", err)
	}
	for _, r := range []Ref{used, young, renewed} {
		if _, err := s.Stat(r.SHA256); err != nil {
			t.Errorf("%v: %v", r, err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.Sweep(ctx, keep, 0); !errors.Is(err, context.Canceled) {
		t.Errorf("Sweep = %v, want the context's error", err)
	}
}

func TestVerify(t *testing.T) {
	s := open(t)
	good, bad := put(t, s, "good content"), put(t, s, "bad content!")
	if r, err := s.Verify(t.Context()); err != nil || r.Blobs != 2 || r.Bytes != good.Size+bad.Size || len(r.Damaged) != 0 {
		t.Fatalf("Verify = %+v, %v", r, err)
	}
	if err := os.WriteFile(s.path(bad.SHA256), []byte("bad contenT!"), 0o600); err != nil {
		t.Fatal(err)
	}
	stranger := filepath.Join("ab", "note.txt")
	wrongPlace := filepath.Join("00", "00", good.SHA256)
	for _, p := range []string{stranger, wrongPlace} {
		os.MkdirAll(filepath.Dir(filepath.Join(s.dir, p)), 0o700)
		if err := os.WriteFile(filepath.Join(s.dir, p), []byte("good content"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	r, err := s.Verify(t.Context())
	if err != nil || r.Blobs != 2 {
		t.Fatalf("Verify = %+v, %v", r, err)
	}
	got := map[string]string{}
	for _, d := range r.Damaged {
		got[d.Path] = d.Reason
	}
	badPath, _ := filepath.Rel(s.dir, s.path(bad.SHA256))
	if len(got) != 3 || !strings.Contains(got[badPath], "changed") || got[stranger] == "" || got[wrongPlace] == "" {
		t.Errorf("Damaged = %v", got)
	}
	for ref, err := range s.All() {
		if err != nil || ref.SHA256 != good.SHA256 && ref.SHA256 != bad.SHA256 {
			t.Errorf("All yields %v, %v", ref, err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.Verify(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("Verify = %v, want the context's error", err)
	}
}

// Writers against a sweep that takes all it may: what Put returned must be
// there, whether all write the same content or each lets its own one age first.
func TestConcurrent(t *testing.T) {
	s := open(t)
	done := make(chan struct{})
	removed := 0
	var sweeper, writers sync.WaitGroup
	sweeper.Go(func() {
		for {
			select {
			case <-done:
				return
			default:
			}
			got, err := s.Sweep(t.Context(), func(string) bool { return false }, time.Minute)
			if err != nil {
				t.Error(err)
				return
			}
			removed += got.Removed
		}
	})
	for w := range 4 {
		writers.Go(func() {
			own := strings.Repeat("o", w+1)
			for i := range 40 {
				for _, content := range []string{own, strings.Repeat("shared", i/4)} {
					ref, err := s.Put(t.Context(), strings.NewReader(content))
					if err != nil {
						t.Error(err)
						return
					}
					if got, err := s.Stat(ref.SHA256); got != ref || err != nil {
						t.Errorf("Stat after Put = %v, %v", got, err)
					}
				}
				old := time.Now().Add(-time.Hour)
				if err := os.Chtimes(s.path(sum([]byte(own))), old, old); err != nil {
					t.Error(err)
				}
			}
		})
	}
	writers.Wait()
	close(done)
	sweeper.Wait()
	if removed == 0 {
		t.Log("the sweep never met an old blob in this run")
	}
	if r, err := s.Verify(t.Context()); err != nil || len(r.Damaged) != 0 {
		t.Errorf("Verify = %+v, %v", r, err)
	}
}

func FuzzValidName(f *testing.F) {
	f.Add("")
	f.Add(sum(nil))
	f.Add(strings.Repeat("../", 21) + "a")
	s, err := Open(f.TempDir())
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, name string) {
		if !validName(name) {
			return
		}
		if raw, err := hex.DecodeString(name); err != nil || hex.EncodeToString(raw) != name {
			t.Fatalf("%q is no canonical hash", name)
		}
		if rel, err := filepath.Rel(s.dir, s.path(name)); err != nil || !filepath.IsLocal(rel) {
			t.Fatalf("%q leads to %q", name, rel)
		}
	})
}

func BenchmarkPut(b *testing.B) {
	s := open(b)
	content := make([]byte, 256<<10)
	b.SetBytes(int64(len(content)))
	rng := rand.NewChaCha8([32]byte{2})
	for b.Loop() {
		rng.Read(content[:16])
		if _, err := s.Put(b.Context(), bytes.NewReader(content)); err != nil {
			b.Fatal(err)
		}
	}
}
