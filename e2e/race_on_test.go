//go:build race

package e2e

// raceEnabled tells that the tests run under the race detector; then so does the
// program.
const raceEnabled = true
