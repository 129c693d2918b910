package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"throughline/config"
)

// A running hub holds its database alone. Tools that need it ask the hub over a
// socket in the data folder, which only the folder's owner can open; without a
// running hub they open the folder themselves. Either way the same function
// does the work.

// adminFunc is a tool that works on an open data folder. It writes what people
// read, or a backup's bytes, to out.
type adminFunc func(ctx context.Context, f *folder, args []string, in string, out io.Writer) error

// adminFuncs are the tools that the socket offers.
func adminFuncs() map[string]adminFunc {
	return map[string]adminFunc{"check": checkCmd, "user": userCmd, "backup": writeBackup, "import": importPeople}
}

// adminRequest asks for a tool over the socket.
type adminRequest struct {
	Command string   `json:"command"`
	Args    []string `json:"args"`
	In      string   `json:"in,omitempty"` // a password, read from the caller's terminal
}

// resultTrailer carries the error of a tool behind its output.
const resultTrailer = "Throughline-Error"

// listenAdmin opens the socket and returns what serves it.
func (s *server) listenAdmin(ctx context.Context) (func(context.Context) error, error) {
	path := filepath.Join(s.dir, adminSock)
	// The folder is ours alone (the database is locked), so a socket that is
	// there was left by a crash.
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	ln, err := net.Listen("unix", path)
	if err != nil {
		// A path too long for a socket is no reason not to serve.
		s.log.Warn("no admin socket: stop the hub before using backup, check or user", "error", err)
		return func(ctx context.Context) error { <-ctx.Done(); return nil }, nil
	}
	if err := os.Chmod(path, 0o600); err != nil {
		return nil, errors.Join(err, ln.Close())
	}
	hs := &http.Server{Handler: http.HandlerFunc(s.answerAdmin), ReadHeaderTimeout: headerTimeout,
		BaseContext: func(net.Listener) context.Context { return ctx }}
	return func(ctx context.Context) error {
		stop := context.AfterFunc(ctx, func() { _ = hs.Close() })
		defer stop()
		return hs.Serve(ln)
	}, nil
}

func (s *server) answerAdmin(w http.ResponseWriter, r *http.Request) {
	// Half a request holds nobody up; the answer may take as long as it does.
	rc := http.NewResponseController(w)
	if err := rc.SetReadDeadline(time.Now().Add(headerTimeout)); err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	var req adminRequest
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 1<<20)).Decode(&req); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	if err := rc.SetReadDeadline(time.Time{}); err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	fn, ok := adminFuncs()[req.Command]
	if !ok {
		http.Error(w, "no such command", http.StatusNotFound)
		return
	}
	w.Header().Set("Trailer", resultTrailer)
	w.WriteHeader(http.StatusOK)
	result := ""
	if err := fn(r.Context(), s.folder, req.Args, req.In, w); err != nil {
		b, _ := json.Marshal(err.Error()) // a string always marshals
		result = string(b)
	}
	w.Header().Set(resultTrailer, result)
}

// runAdmin runs a tool on the data folder, in the running hub or here.
func runAdmin(ctx context.Context, dir, name string, args []string, in string, out io.Writer) error {
	done, err := askHub(ctx, dir, adminRequest{name, args, in}, out)
	if done || err != nil {
		return err
	}
	cfg := config.Default()
	cfg.Data = dir
	f, err := openFolder(ctx, folderOptions{config: cfg, kinds: kinds(), existing: true, log: slog.New(slog.DiscardHandler)})
	if err != nil {
		return err
	}
	return errors.Join(adminFuncs()[name](ctx, f, args, in, out), f.close())
}

// askHub asks a running hub; done is false if there is none.
func askHub(ctx context.Context, dir string, req adminRequest, out io.Writer) (done bool, err error) {
	path := filepath.Join(dir, adminSock)
	conn, err := net.DialTimeout("unix", path, time.Second)
	if err != nil {
		return false, nil
	}
	client := &http.Client{Transport: &http.Transport{DialContext: func(context.Context, string, string) (net.Conn, error) { return conn, nil }}}
	defer client.CloseIdleConnections()
	body, err := json.Marshal(req)
	if err != nil {
		return true, err
	}
	hr, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://hub/", bytes.NewReader(body))
	if err != nil {
		return true, err
	}
	resp, err := client.Do(hr)
	if err != nil {
		return true, fmt.Errorf("ask the running hub: %w", err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		text, _ := io.ReadAll(io.LimitReader(resp.Body, 1<<10))
		return true, fmt.Errorf("the running hub answers %s: %s", resp.Status, text)
	}
	if _, err := io.Copy(out, resp.Body); err != nil {
		return true, fmt.Errorf("the running hub broke off: %w", err)
	}
	result, ok := resp.Trailer[resultTrailer]
	if !ok {
		return true, errors.New("the running hub broke off before the end")
	}
	if result[0] != "" {
		var text string
		if err := json.Unmarshal([]byte(result[0]), &text); err != nil {
			return true, err
		}
		return true, errors.New(text)
	}
	return true, nil
}

// adminCommand is the subcommand of the tool of the same name.
func adminCommand(ctx context.Context, c *command, args []string) error {
	fs := c.flags()
	data := dataFlag(fs)
	if err := c.parse(fs, args); err != nil {
		return err
	}
	in, err := readSecret(c.name, fs.Args())
	if err != nil {
		return err
	}
	return runAdmin(ctx, *data, c.name, fs.Args(), in, os.Stdout)
}

func dataFlag(fs *flag.FlagSet) *string {
	return fs.String("data", config.Default().Data, "data `folder`")
}

// checkCmd is throughline check.
func checkCmd(ctx context.Context, f *folder, args []string, _ string, out io.Writer) error {
	if len(args) > 0 {
		return fmt.Errorf("there is no argument %q", args[0])
	}
	problems, err := f.hub.Check(ctx)
	if err != nil {
		return err
	}
	more, err := f.docs.Check(ctx)
	if err != nil {
		return err
	}
	problems = append(problems, more...)
	for _, p := range problems {
		fmt.Fprintln(out, p)
	}
	if len(problems) > 0 {
		return fmt.Errorf("%d problems found", len(problems))
	}
	fmt.Fprintln(out, "no problems found")
	return nil
}
