package main

import (
	"archive/tar"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"throughline/auth"
	"throughline/config"
)

func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == textCommand { // the library's child
		os.Exit(documentText(context.Background(), os.Args[2:]))
	}
	goleak.VerifyTestMain(m, goleak.IgnoreTopFunction("net/http.(*persistConn).readLoop"), goleak.IgnoreTopFunction("net/http.(*persistConn).writeLoop"))
}

// call runs a subcommand and returns its exit code and what it said on stderr.
func call(t *testing.T, args ...string) (code int, said string) {
	t.Helper()
	var b bytes.Buffer
	code = run(t.Context(), args, &b)
	return code, b.String()
}

func TestExitCodes(t *testing.T) {
	nowhere := filepath.Join(t.TempDir(), "nowhere")
	for _, tt := range []struct {
		args string
		code int
		says string
	}{
		{"", 2, "throughline serve"},
		{"help", 0, "throughline serve"},
		{"--help", 0, "throughline serve"},
		{"dance", 2, `there is no command "dance"`},
		{"version", 0, ""},
		{"serve -colour red", 2, "-colour"},
		{"serve now", 2, `there is no argument "now"`},
		{"serve -config /nowhere/config.yaml", 1, "/nowhere/config.yaml"},
		{"check -h", 0, ""},
		{"check -data " + nowhere, 1, "name yours with -data"},
		{"user -data " + nowhere + " list", 1, "name yours with -data"},
		{"backup -data " + nowhere, 2, "name the file to write"},
		{"backup -data " + nowhere + " " + nowhere + ".tar", 1, "name yours with -data"},
		{"restore -data " + nowhere, 2, "name the backup"},
		{"restore -data " + nowhere + " /nowhere.tar", 1, "/nowhere.tar"},
		{"compact -data " + nowhere, 1, "not a data folder"},
		{"compact -data " + nowhere + " now", 2, `there is no argument "now"`},
		{"inspect cat", 2, "mail"},
		{"inspect mail", 2, "name a file"},
	} {
		code, said := call(t, strings.Fields(tt.args)...)
		if code != tt.code || !strings.Contains(said, tt.says) {
			t.Errorf("throughline %s: %d, %q, want %d and %q", tt.args, code, said, tt.code, tt.says)
		}
		if n := strings.Count(said, "-colour"); n > 1 {
			t.Errorf("throughline %s says it %d times: %q", tt.args, n, said)
		}
	}
	if _, err := os.Stat(nowhere); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a failed command made %s", nowhere)
	}
}

// TestInterrupted: a tool that was broken off has not done its work.
func TestInterrupted(t *testing.T) {
	dir := newFolder(t, nil)
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(errors.New("interrupt signal received"))
	file := filepath.Join(t.TempDir(), "b.tar")
	for _, args := range [][]string{{"backup", "-data", dir, file}, {"check", "-data", dir}} {
		var b bytes.Buffer
		if code := run(ctx, args, &b); code != 1 {
			t.Errorf("%v, interrupted: %d, %q", args, code, b.String())
		}
	}
	if _, err := os.Stat(file); !errors.Is(err, fs.ErrNotExist) {
		t.Error("a broken-off backup looks like a whole one")
	}
}

// open opens a data folder as serve does.
func open(t *testing.T, dir string) *folder {
	t.Helper()
	cfg := config.Default()
	cfg.Data = dir
	f, err := openFolder(t.Context(), folderOptions{config: cfg, kinds: kinds(), log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// newFolder makes a data folder with an agent, after what fill does with it.
func newFolder(t *testing.T, fill func(f *folder)) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "data")
	f := open(t, dir)
	if _, err := f.auth.CreateAgent(t.Context(), auth.Actor{Address: "test"}, auth.NewAgent{Email: "ann@example.com", Name: "Ann", Role: auth.RoleAdmin, Password: "correct horse battery"}); err != nil {
		t.Fatal(err)
	}
	if fill != nil {
		fill(f)
	}
	if err := f.close(); err != nil {
		t.Fatal(err)
	}
	return dir
}

// running serves a data folder until stop, which returns what run returned.
func running(t *testing.T, dir string) (f *folder, url string, stop func() error) {
	t.Helper()
	cfg := config.Default()
	cfg.Data = dir
	f = open(t, dir)
	log := slog.New(slog.DiscardHandler)
	s, err := newServer(f, cfg, log, false)
	if err != nil {
		t.Fatal(err)
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancelCause(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.run(ctx, ln) }()
	url = "http://" + ln.Addr().String()
	// The socket is there before the first answer.
	resp, err := http.Get(url + "/healthz")
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	http.DefaultClient.CloseIdleConnections()
	stopped := false
	stop = func() error {
		if stopped {
			return nil
		}
		stopped = true
		cancel(errors.New("terminated signal received")) // as signal.NotifyContext does
		return <-done
	}
	t.Cleanup(func() { _ = stop() })
	return f, url, stop
}

// TestStop: a signal is no failure.
func TestStop(t *testing.T) {
	dir := newFolder(t, nil)
	_, _, stop := running(t, dir)
	if err := stop(); err != nil {
		t.Errorf("a clean stop ends with %q", err)
	}
	if code, said := call(t, "check", "-data", dir); code != 0 {
		t.Errorf("check: %d, %s", code, said)
	}
}

// TestServeErrors: a start that fails says what to do and leaves nothing open.
func TestServeErrors(t *testing.T) {
	dir := newFolder(t, nil)
	busy, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer busy.Close()
	if code, said := call(t, "serve", "-data", dir, "-listen", busy.Addr().String()); code != 1 || !strings.Contains(said, "-listen") {
		t.Errorf("a taken address: %d, %q", code, said)
	}
	f := open(t, dir) // the lock was released
	if code, said := call(t, "serve", "-data", dir, "-listen", "127.0.0.1:0"); code != 1 || !strings.Contains(said, "stop it first") {
		t.Errorf("a taken folder: %d, %q", code, said)
	}
	if err := f.close(); err != nil {
		t.Error(err)
	}
}

// TestTools runs the tools on a hub at work and on a stopped one.
func TestTools(t *testing.T) {
	var sha string
	dir := newFolder(t, func(f *folder) {
		ref, err := f.blobs.Put(t.Context(), strings.NewReader(strings.Repeat("attachment ", 1000)))
		if err != nil {
			t.Fatal(err)
		}
		sha = ref.SHA256
	})
	tools := func(when string) {
		t.Helper()
		if code, said := call(t, "check", "-data", dir); code != 0 {
			t.Errorf("%s: check: %d, %s", when, code, said)
		}
		var out bytes.Buffer
		if err := runAdmin(t.Context(), dir, "user", []string{"list"}, "", &out); err != nil || !strings.Contains(out.String(), "ann@example.com") {
			t.Errorf("%s: user list: %q, %v", when, out.String(), err)
		}
		if err := runAdmin(t.Context(), dir, "user", []string{"role", "nobody@example.com", "agent"}, "", &out); err == nil || !strings.Contains(err.Error(), "nobody@example.com") {
			t.Errorf("%s: a user who is not there: %v", when, err)
		}
		file := filepath.Join(t.TempDir(), "b.tar")
		if code, said := call(t, "backup", "-data", dir, file); code != 0 {
			t.Fatalf("%s: backup: %d, %s", when, code, said)
		}
		to := filepath.Join(t.TempDir(), "restored")
		if code, said := call(t, "restore", "-data", to, file); code != 0 {
			t.Fatalf("%s: restore: %d, %s", when, code, said)
		}
		if code, said := call(t, "check", "-data", to); code != 0 {
			t.Errorf("%s: check of what was restored: %d, %s", when, code, said)
		}
		if _, err := os.Stat(filepath.Join(to, "secret.key")); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: a tool made a secret key, which is now the wrong one: %v", when, err)
		}
		f := open(t, to)
		if _, err := f.blobs.Stat(sha); err != nil {
			t.Errorf("%s: the blob: %v", when, err)
		}
		if err := f.close(); err != nil {
			t.Error(err)
		}
		if code, said := call(t, "restore", "-data", to, file); code != 1 || !strings.Contains(said, "already holds a hub") {
			t.Errorf("%s: restore over a hub: %d, %s", when, code, said)
		}
	}
	tools("stopped")
	if code, said := call(t, "compact", "-data", dir); code != 0 {
		t.Errorf("compact: %d, %s", code, said)
	}
	_, _, stop := running(t, dir)
	tools("running")
	if code, said := call(t, "compact", "-data", dir); code != 1 || !strings.Contains(said, "stop it first") || strings.Contains(said, "no such file") {
		t.Errorf("compact beside a running hub: %d, %q", code, said)
	}
	if err := stop(); err != nil {
		t.Error(err)
	}
	tools("after a stale socket was left")
}

// TestStaleSocket: what a killed hub leaves is no running hub.
func TestStaleSocket(t *testing.T) {
	dir := newFolder(t, nil)
	ln, err := net.ListenUnix("unix", &net.UnixAddr{Name: filepath.Join(dir, adminSock)})
	if err != nil {
		t.Fatal(err)
	}
	ln.SetUnlinkOnClose(false)
	ln.Close()
	if code, said := call(t, "check", "-data", dir); code != 0 {
		t.Errorf("check: %d, %s", code, said)
	}
	running(t, dir)
	if code, said := call(t, "check", "-data", dir); code != 0 {
		t.Errorf("check of a running hub: %d, %s", code, said)
	}
}

// TestHalfRequest: a client that stops in the middle holds up nobody.
func TestHalfRequest(t *testing.T) {
	dir := newFolder(t, nil)
	_, _, stop := running(t, dir)
	conn, err := net.Dial("unix", filepath.Join(dir, adminSock))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	fmt.Fprintf(conn, "POST / HTTP/1.1\r\nHost: hub\r\nContent-Length: 100\r\n\r\n{\"command\":")
	if code, said := call(t, "check", "-data", dir); code != 0 {
		t.Errorf("check: %d, %s", code, said)
	}
	for _, body := range []string{"", "{", `{"command":"rm"}`} {
		var out bytes.Buffer
		req := adminRequest{Command: "rm"}
		if done, err := askHub(t.Context(), dir, req, &out); !done || err == nil {
			t.Errorf("%q was done: %v", body, err)
		}
	}
	if err := stop(); err != nil {
		t.Error(err)
	}
}

// archive makes a tar file.
func archive(t *testing.T, entries ...[2]string) []byte {
	t.Helper()
	var b bytes.Buffer
	tw := tar.NewWriter(&b)
	for _, e := range entries {
		h := &tar.Header{Name: e[0], Mode: 0o600, Size: int64(len(e[1]))}
		if to, ok := strings.CutPrefix(e[1], "→"); ok {
			h.Typeflag, h.Linkname, h.Size = tar.TypeSymlink, to, 0
		}
		if err := tw.WriteHeader(h); err != nil {
			t.Fatal(err)
		}
		if h.Size > 0 {
			if _, err := io.WriteString(tw, e[1]); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := tw.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// TestHostileArchive: only what a backup holds is unpacked, and nothing is left of
// one that is refused.
func TestHostileArchive(t *testing.T) {
	sum := sha256.Sum256([]byte("content"))
	sha := hex.EncodeToString(sum[:])
	blob := "blobs/" + sha[:2] + "/" + sha[2:4] + "/" + sha
	db, end := [2]string{dbFile, "database"}, [2]string{endFile, "2\n"}
	for name, entries := range map[string][][2]string{
		"out of the folder":         {db, {"../x", "y"}, end},
		"out by way of blobs":       {db, {"blobs/../../x", "y"}, end},
		"over the key":              {db, {"blobs/../secret.key", "y"}, end},
		"absolute":                  {db, {"/tmp/x", "y"}, end},
		"a link":                    {db, {blob, "→/etc/passwd"}, end},
		"a stranger":                {db, {"blobs/readme", "y"}, end},
		"a blob in the wrong place": {db, {"blobs/aa/bb/" + sha, "content"}, end},
		"a blob that has changed":   {db, {blob, "other"}, end},
		"two databases":             {db, db, end},
		"no database":               {{blob, "content"}, {endFile, "1\n"}},
		"no end":                    {db, {blob, "content"}},
		"a missing file":            {db, {endFile, "2\n"}},
		"something behind the end":  {db, {endFile, "1\n"}, {blob, "content"}},
	} {
		parent := t.TempDir()
		dir := filepath.Join(parent, "data")
		if err := os.MkdirAll(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		writeTest(t, filepath.Join(dir, "secret.key"), "mine")
		file := filepath.Join(t.TempDir(), "b.tar")
		writeTest(t, file, string(archive(t, entries...)))
		if code, said := call(t, "restore", "-data", dir, file); code != 1 {
			t.Errorf("%s: %d, %s", name, code, said)
		}
		left := []string{}
		_ = filepath.WalkDir(parent, func(p string, d fs.DirEntry, err error) error {
			if err == nil && !d.IsDir() {
				left = append(left, filepath.Base(p))
			}
			return err
		})
		if len(left) != 1 || left[0] != "secret.key" {
			t.Errorf("%s: left %v", name, left)
		}
		if b, _ := os.ReadFile(filepath.Join(dir, "secret.key")); string(b) != "mine" {
			t.Errorf("%s: the key is %q", name, b)
		}
	}
}

// TestTornBackup: a backup that was cut anywhere, also between two files, is not
// restored.
func TestTornBackup(t *testing.T) {
	dir := newFolder(t, func(f *folder) {
		for i := range 3 {
			if _, err := f.blobs.Put(t.Context(), strings.NewReader(strings.Repeat("x", 600*(i+1)))); err != nil {
				t.Fatal(err)
			}
		}
	})
	file := filepath.Join(t.TempDir(), "b.tar")
	if code, said := call(t, "backup", "-data", dir, file); code != 0 {
		t.Fatalf("backup: %d, %s", code, said)
	}
	whole, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	// The last blocks one by one, and some of the database.
	cuts := []int{0, 1, 511, 512, 4096, len(whole) / 2}
	for n := len(whole) - 1024 - 512; n > len(whole)-12*512 && n > 0; n -= 512 {
		cuts = append(cuts, n)
	}
	for _, n := range cuts {
		to := filepath.Join(t.TempDir(), "to")
		torn := filepath.Join(t.TempDir(), "torn.tar")
		writeTest(t, torn, string(whole[:n]))
		if code, _ := call(t, "restore", "-data", to, torn); code != 1 {
			t.Errorf("a backup cut after %d of %d bytes was restored", n, len(whole))
		}
		if _, err := os.Stat(filepath.Join(to, dbFile)); err == nil {
			t.Errorf("cut after %d bytes: a database is left that serve would take for a hub", n)
		}
	}
}

// TestBackupAndSweep: nothing that a backup names is swept while it is written.
func TestBackupAndSweep(t *testing.T) {
	dir := newFolder(t, nil)
	f := open(t, dir)
	defer f.close()
	in, out := io.Pipe()
	done := make(chan error, 1)
	go func() {
		err := writeBackup(t.Context(), f, nil, "", out)
		done <- errors.Join(err, out.CloseWithError(err))
	}()
	if _, err := tar.NewReader(in).Next(); err != nil { // it is at work
		t.Fatal(err)
	}
	if swept, ok, err := f.sweepOnce(t.Context()); ok || err != nil {
		t.Errorf("swept %+v beside a backup: %v", swept, err)
	}
	if _, err := io.Copy(io.Discard, in); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if _, ok, err := f.sweepOnce(t.Context()); !ok || err != nil {
		t.Errorf("not swept after the backup: %v", err)
	}
}

func writeTest(t *testing.T, name, content string) {
	t.Helper()
	if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}
