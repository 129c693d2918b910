package blob

import (
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// A write that the kernel refuses, as on a full disk. The limit holds for the
// whole process, so the test runs itself again as a child.
func TestDiskRefusesWrite(t *testing.T) {
	const limit = 128 << 10
	if dir := os.Getenv("BLOB_TEST_DIR"); dir != "" {
		signal.Ignore(syscall.SIGXFSZ) // then the write returns EFBIG
		if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &syscall.Rlimit{Cur: limit, Max: limit}); err != nil {
			t.Fatal(err)
		}
		s, err := Open(dir)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.Put(t.Context(), strings.NewReader(strings.Repeat("x", limit+1))); err == nil {
			t.Error("Put beyond the limit succeeded")
		}
		put(t, s, strings.Repeat("y", limit))
		return
	}
	dir := filepath.Join(t.TempDir(), "blobs")
	cmd := exec.Command(os.Args[0], "-test.run=^TestDiskRefusesWrite$", "-test.v")
	cmd.Env = append(os.Environ(), "BLOB_TEST_DIR="+dir)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	// Looked at as it lies, before a new Open tidies up.
	s := &Store{dir: dir}
	got := files(t, s)
	want := sum([]byte(strings.Repeat("y", limit)))
	if len(got) != 1 || filepath.Base(got[0]) != want {
		t.Errorf("files = %v, want only %s", got, want)
	}
}
