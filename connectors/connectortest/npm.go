package connectortest

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"throughline/peertest"
)

// NPM installs what the folder from locks, in a temporary copy of its package files and
// its peer.mjs, and returns that: a vendor's own client for Node, to drive a double with.
func NPM(t *testing.T, from string) (dir string) {
	t.Helper()
	for _, tool := range []string{"node", "npm"} {
		if _, err := exec.LookPath(tool); err != nil {
			peertest.Missing(t, tool+" is not installed: the vendor's client for Node cannot be run")
		}
	}
	dir = t.TempDir()
	for _, name := range []string{".npmrc", "package.json", "package-lock.json", "peer.mjs"} {
		b, err := os.ReadFile(filepath.Join(from, name))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	ci := exec.CommandContext(t.Context(), "npm", "ci", "--prefer-offline", "--ignore-scripts")
	ci.Dir = dir
	if out, err := ci.CombinedOutput(); err != nil {
		peertest.Missing(t, "the vendor's client for Node cannot be installed: npm ci: "+err.Error()+"\n"+string(out))
	}
	return dir
}
