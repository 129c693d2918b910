// Package peertest says what a test does that needs a program of somebody else (Dovecot,
// Chromium, clamd, Node) where it is not installed. It keeps nothing on disk, and never
// installs or starts anything.
package peertest

import "os"

// TB is what is needed of a testing.TB; a program that is no test can be one too.
type TB interface {
	Helper()
	Skip(args ...any)
	Fatal(args ...any)
}

// Missing skips a test, or fails it where the environment says REQUIRE_PEERS=1. why
// names the peer, and how it is installed.
func Missing(t TB, why string) {
	t.Helper()
	if Required() {
		t.Fatal("REQUIRE_PEERS=1, and", why)
	}
	t.Skip("skipped:", why)
}

// Required tells whether a missing peer is a failure.
func Required() bool { return os.Getenv("REQUIRE_PEERS") == "1" }
