package clamd

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"throughline/peertest"
)

// realDaemon starts the clamd of this machine with one signature, EICAR's, and 1 MB
// for StreamMaxLength. Where there is none it skips the test, or fails it if the
// environment says REQUIRE_PEERS=1.
func realDaemon(t *testing.T) *Daemon {
	t.Helper()
	program, err := exec.LookPath("clamd")
	if err != nil { // Debian keeps it where an ordinary user's PATH does not look
		program, err = exec.LookPath("/usr/sbin/clamd")
	}
	if err != nil {
		peertest.Missing(t, "clamd is not installed: only the double is tried (Debian: apt install clamav-daemon)")
	}
	dir := t.TempDir()
	socket := filepath.Join(dir, "clamd.ctl")
	for name, text := range map[string]string{
		"test.hdb": "44d88612fea8a8f36de82e1278abb02f:68:Eicar-Test-Signature\n", // MD5, size and name
		"clamd.conf": "DatabaseDirectory " + dir + "\nLocalSocket " + socket + "\nForeground yes\nStreamMaxLength 1M\n" +
			"TemporaryDirectory " + dir + "\nCommandReadTimeout 2\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	cmd := exec.CommandContext(ctx, program, "-c", filepath.Join(dir, "clamd.conf"))
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	t.Cleanup(func() {
		cancel()
		<-ended
	})
	d, err := New("unix://" + socket)
	if err != nil {
		t.Fatal(err)
	}
	for { // it listens once its signatures are loaded
		if _, err := d.Scan(t.Context(), strings.NewReader("x")); err == nil {
			return d
		}
		select {
		case err := <-ended:
			ended <- err
			t.Fatalf("clamd does not start: %v\n%s", err, &out)
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// TestRealDaemon asks the real clamd what the double is asked.
func TestRealDaemon(t *testing.T) {
	d := realDaemon(t)
	if found, err := d.Scan(t.Context(), strings.NewReader(eicar)); found != "Eicar-Test-Signature" && !strings.HasPrefix(found, "Eicar") || err != nil {
		t.Errorf("EICAR: %q, %v", found, err)
	}
	for name, content := range map[string]string{"nothing": "", "a text": "hello", "several chunks": strings.Repeat("0123456789", 30_000), "just below the limit": strings.Repeat("x", 1<<20)} {
		if found, err := d.Scan(t.Context(), strings.NewReader(content)); found != "" || err != nil {
			t.Errorf("%s: %q, %v", name, found, err)
		}
	}
	// Beyond the limit it hangs up while we are sending: said so each time.
	for _, size := range []int{1<<20 + 1, 8 << 20, 32 << 20} {
		if found, err := d.Scan(t.Context(), bytes.NewReader(make([]byte, size))); err == nil || !strings.Contains(err.Error(), "StreamMaxLength") {
			t.Errorf("%d bytes: %q, %v", size, found, err)
		}
	}
}
