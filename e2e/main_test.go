// Package e2e drives the real binary from outside: over HTTP and the websocket
// as agents do, against a real Dovecot and an SMTP server as a mail provider
// does, with signals and kill -9 as an operator and a power cut do, and with a
// real browser.
//
// It keeps everything in temporary folders and listens on loopback only. It
// never looks into the data folder of a hub except through the program's own
// commands.
package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// binary is the program under test, built once for the run.
var binary string

// patience is how long the tests wait at most for what has to happen.
const patience = 90 * time.Second

func TestMain(m *testing.M) { os.Exit(buildAndRun(m)) }

func buildAndRun(m *testing.M) int {
	// A program that was built before: two versions can be measured in turns.
	if binary = os.Getenv("E2E_PROGRAM"); binary != "" {
		return m.Run()
	}
	dir, err := os.MkdirTemp("", "tl-e2e-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	binary = filepath.Join(dir, "throughline")
	args := []string{"build", "-o", binary}
	if raceEnabled {
		args = append(args, "-race")
	}
	build := exec.Command("go", append(args, "throughline/cmd/throughline")...)
	if out, err := build.CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "build the program: %v\n%s", err, out)
		return 1
	}
	return m.Run()
}

// until calls ok until it returns nil, and ends the test with its last error
// after patience.
func until(t testing.TB, what string, ok func() error) {
	t.Helper()
	if err := eventually(what, ok); err != nil {
		t.Fatal(err)
	}
}

// eventually calls ok until it returns nil; after patience it returns its last
// error.
func eventually(what string, ok func() error) error {
	deadline := time.Now().Add(patience)
	for wait := 5 * time.Millisecond; ; wait = min(2*wait, 200*time.Millisecond) {
		err := ok()
		if err == nil {
			return nil
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("%s: still not after %v: %w", what, patience, err)
		}
		time.Sleep(wait)
	}
}
