package e2e

import (
	"bufio"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// TestJSONLog: with log.format json every line is one object, the address and the
// link for the first visitor too.
func TestJSONLog(t *testing.T) {
	t.Parallel()
	dir := tempDir(t)
	config := filepath.Join(dir, "config.yaml")
	if err := os.WriteFile(config, []byte("log:\n  format: json\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(binary, "serve", "-config", config, "-data", filepath.Join(dir, "data"), "-listen", "127.0.0.1:0")
	out, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var url, link string
	for lines := bufio.NewScanner(out); lines.Scan(); {
		var l struct{ Msg, Version, URL, Link string }
		if err := json.Unmarshal(lines.Bytes(), &l); err != nil || l.Msg == "" {
			t.Errorf("no line of a JSON log: %q (%v)", lines.Text(), err)
		}
		if l.Version != "" {
			url = l.URL
		}
		if l.Link != "" {
			link = l.Link
			if err := cmd.Process.Signal(syscall.SIGTERM); err != nil { // it says no more than that before visitors come
				t.Fatal(err)
			}
		}
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("a clean stop ends with %v", err)
	}
	if !strings.HasPrefix(url, "http://127.0.0.1:") || !strings.HasPrefix(link, url+"/#/setup/") {
		t.Errorf("address %q, link %q", url, link)
	}
}
