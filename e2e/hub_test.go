package e2e

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"throughline/connectors/email/mailtest"
)

// hub is one data folder and the process that serves it.
type hub struct {
	t       testing.TB
	program string // the binary
	dir     string // the data folder
	config  string
	addr    string // of the first start, kept for the next ones
	log     *logBook

	cmd    *exec.Cmd
	exited chan struct{}
	exit   error
}

// hubOptions are the settings tests choose.
type hubOptions struct {
	undo   string // "0s" unless set
	dir    string // a temporary folder unless set
	public bool   // it has a public address, its own, so that providers reach it
}

// newHub prepares a hub; start starts it.
func newHub(t testing.TB, o hubOptions) *hub {
	t.Helper()
	if o.undo == "" {
		o.undo = "0s"
	}
	if o.dir == "" {
		o.dir = tempDir(t)
	}
	h := &hub{t: t, program: binary, dir: filepath.Join(o.dir, "data"), config: filepath.Join(o.dir, "config.yaml"), addr: freeAddr(t), log: newLogBook()}
	conf := "undo: " + o.undo + "\nmetrics:\n  public: true\n"
	if o.public {
		conf += "public_url: " + h.url() + "\n"
	}
	if err := os.WriteFile(h.config, []byte(conf), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if t.Failed() && h.running() {
			// What hangs is seen in the stacks.
			_ = h.cmd.Process.Signal(syscall.SIGQUIT)
			select {
			case <-h.exited:
				t.Logf("the hub's goroutines:\n%s", h.log.after("SIGQUIT", 400))
			case <-time.After(10 * time.Second):
			}
		}
		h.kill()
		if bad := h.log.find("DATA RACE"); bad != "" {
			t.Errorf("data race in the program:\n%s", h.log.after("DATA RACE", 60))
		}
		if bad := h.log.find("panic"); bad != "" {
			t.Errorf("panic in the program:\n%s", h.log.after("panic", 40))
		}
		if t.Failed() {
			t.Logf("the hub's log:\n%s", h.log.before("SIGQUIT", 40))
		}
	})
	return h
}

// freeAddr is an address of this machine that stays free while the hub is down.
func freeAddr(t testing.TB) string {
	t.Helper()
	port, err := mailtest.FreePort()
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("127.0.0.1:%d", port)
}

// tempDir is a temporary folder with a short path: sockets in it may have 107
// bytes.
func tempDir(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "tl")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

// launch starts the process and does not wait for it.
func (h *hub) launch() {
	h.t.Helper()
	h.log.begin()
	h.cmd = exec.Command(h.program, "serve", "-config", h.config, "-data", h.dir, "-listen", h.addr)
	h.cmd.Stderr = h.log
	h.exited = make(chan struct{})
	if err := h.cmd.Start(); err != nil {
		h.t.Fatal(err)
	}
	cmd, exited := h.cmd, h.exited
	go func() {
		err := cmd.Wait()
		h.exit = err
		close(exited)
	}()
}

// start starts the hub and waits until it serves.
func (h *hub) start() {
	h.t.Helper()
	h.launch()
	if !h.serving() {
		h.t.Fatalf("the hub ended at once: %v\n%s", h.exit, h.log.tail(40))
	}
}

// serving waits until the hub has printed its address, false if it ended first.
func (h *hub) serving() bool {
	select {
	case addr := <-h.log.addr:
		if addr != h.addr { // clients read it while later starts go on
			h.addr = addr
		}
		return true
	case <-h.exited:
		return false
	case <-time.After(patience):
		h.t.Fatalf("the hub does not print its address:\n%s", h.log.tail(40))
		return false
	}
}

func (h *hub) url() string { return "http://" + h.addr }

func (h *hub) running() bool {
	if h.cmd == nil {
		return false
	}
	select {
	case <-h.exited:
		return false
	default:
		return true
	}
}

// kill is kill -9.
func (h *hub) kill() {
	if h.cmd == nil {
		return
	}
	_ = h.cmd.Process.Kill() // it may have ended
	<-h.exited
}

// terminate sends SIGTERM and waits for the end; it returns how long that took.
func (h *hub) terminate() (time.Duration, error) {
	h.t.Helper()
	began := time.Now()
	if err := h.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		return 0, err
	}
	select {
	case <-h.exited:
		return time.Since(began), h.exit
	case <-time.After(patience):
		h.t.Fatalf("the hub does not end on SIGTERM:\n%s", h.log.tail(40))
		return 0, nil
	}
}

// tool runs a subcommand of the program and returns its standard output.
func tool(stdin string, args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, binary, args...)
	var out, errs bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(stdin), &out, &errs
	if err := cmd.Run(); err != nil {
		return out.String(), fmt.Errorf("throughline %s: %w: %s%s", strings.Join(args, " "), err, out.String(), errs.String())
	}
	return out.String(), nil
}

// check runs throughline check on the folder.
func (h *hub) check() {
	h.t.Helper()
	out, err := tool("", "check", "-data", h.dir)
	if err != nil {
		h.t.Fatal(err)
	}
	if !strings.Contains(out, "no problems found") {
		h.t.Fatalf("check says: %s", out)
	}
}

// memory reads a figure of the process from /proc in bytes, such as VmHWM.
func (h *hub) memory(field string) int64 {
	h.t.Helper()
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", h.cmd.Process.Pid))
	if errors.Is(err, os.ErrNotExist) {
		h.t.Skip("skipped: this system has no /proc/PID/status")
	}
	if err != nil {
		h.t.Fatal(err)
	}
	for line := range strings.Lines(string(b)) {
		if rest, ok := strings.CutPrefix(line, field+":"); ok {
			n, err := strconv.ParseInt(strings.Fields(rest)[0], 10, 64)
			if err != nil {
				h.t.Fatal(err)
			}
			return n << 10
		}
	}
	h.t.Fatalf("no %s in the process's status", field)
	return 0
}

// resetPeak lets VmHWM begin anew with what is in use now.
func (h *hub) resetPeak() {
	h.t.Helper()
	if err := os.WriteFile(fmt.Sprintf("/proc/%d/clear_refs", h.cmd.Process.Pid), []byte("5"), 0); err != nil {
		h.t.Skip("skipped: the peak of memory cannot be reset here:", err)
	}
}

// logBook keeps what the hub writes to standard error and picks from it what
// tests wait for.
type logBook struct {
	addr  chan string // host:port, once per start
	setup chan string // token of the setup link

	mu    sync.Mutex
	lines []string
	part  []byte
}

// maxLines bounds what is kept of a talkative hub.
const maxLines = 20000

func newLogBook() *logBook {
	l := &logBook{}
	l.begin()
	return l
}

func (l *logBook) begin() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.addr, l.setup, l.part = make(chan string, 1), make(chan string, 1), nil
}

var (
	atLine    = regexp.MustCompile(`^Throughline \S+ is at https?://(\S+)`)
	setupLine = regexp.MustCompile(`/#/setup/(\S+)`)
)

// Write takes a piece of the log.
func (l *logBook) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.part = append(l.part, p...)
	for {
		i := bytes.IndexByte(l.part, '\n')
		if i < 0 {
			return len(p), nil
		}
		line := string(l.part[:i])
		l.part = l.part[i+1:]
		l.lines = append(l.lines, line)
		if len(l.lines) > maxLines {
			l.lines = l.lines[len(l.lines)-maxLines/2:]
		}
		if m := atLine.FindStringSubmatch(line); m != nil {
			l.addr <- m[1]
		}
		if m := setupLine.FindStringSubmatch(line); m != nil {
			l.setup <- m[1]
		}
	}
}

// find returns the first line with text, "" if there is none.
func (l *logBook) find(text string) string {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, line := range l.lines {
		if strings.Contains(line, text) {
			return line
		}
	}
	return ""
}

// after returns n lines from the first one with text.
func (l *logBook) after(text string, n int) string {
	l.mu.Lock()
	defer l.mu.Unlock()
	for i, line := range l.lines {
		if strings.Contains(line, text) {
			return strings.Join(l.lines[i:min(i+n, len(l.lines))], "\n")
		}
	}
	return ""
}

// before returns the last n lines before the first one with text, or of all.
func (l *logBook) before(text string, n int) string {
	l.mu.Lock()
	defer l.mu.Unlock()
	end := len(l.lines)
	for i, line := range l.lines {
		if strings.Contains(line, text) {
			end = i
			break
		}
	}
	return strings.Join(l.lines[max(0, end-n):end], "\n")
}

// tail returns the last n lines.
func (l *logBook) tail(n int) string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Join(l.lines[max(0, len(l.lines)-n):], "\n")
}
