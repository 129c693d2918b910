package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"time"

	"throughline/api"
	"throughline/auth"
	"throughline/config"
	"throughline/ui"
)

// serve runs the hub until ctx ends.
func serve(ctx context.Context, c *command, args []string) error {
	fs := c.flags()
	file := fs.String("config", "", "configuration `file`; without it the hub keeps to this machine and asks for the rest in the browser")
	listen := fs.String("listen", "", "`address` to listen on, instead of the configured one")
	data := fs.String("data", "", "data `folder`, instead of the configured one")
	forget := fs.Bool("forget-secrets", false, "the key file is lost: start with a new one and forget the passwords of accounts")
	if err := c.parse(fs, args); err != nil {
		return err
	}
	if fs.NArg() > 0 {
		return &usageError{fmt.Sprintf("there is no argument %q", fs.Arg(0))}
	}
	channels := kinds()
	cfg := config.Default()
	if *file != "" {
		var err error
		if cfg, err = config.Load(*file, channels, os.LookupEnv); err != nil {
			return err
		}
	}
	if *listen != "" {
		cfg.Listen = *listen
	}
	if *data != "" {
		cfg.Data = *data
	}
	log := newLog(os.Stderr, cfg.Log)
	for _, w := range cfg.Warnings {
		log.Warn("configuration", "problem", w.String())
	}
	f, err := openFolder(ctx, folderOptions{config: cfg, kinds: channels, log: log, public: cfg.PublicURL, forget: *forget})
	if err != nil {
		return err
	}
	s, err := newServer(f, cfg, log, false)
	if err != nil {
		return errors.Join(err, f.close())
	}
	ln, err := net.Listen("tcp", cfg.Listen)
	if err != nil {
		return errors.Join(fmt.Errorf("listen: %w; choose another address with -listen", err), f.close())
	}
	if cfg.PublicURL == "" {
		cfg.Listen = ln.Addr().String()
	}
	tell := func(_, text string, _ ...any) { fmt.Fprintln(os.Stderr, text) }
	if cfg.Log.Format == "json" { // whoever collects the log wants every line in its form
		tell = func(short, _ string, facts ...any) { log.Info(short, facts...) }
	}
	tell("serving", fmt.Sprintf("Throughline %s is at %s", version(), cfg.URL()), "version", version(), "url", cfg.URL())
	if err := tellSetup(ctx, f.auth, cfg.URL(), tell); err != nil {
		return errors.Join(err, ln.Close(), f.close())
	}
	return s.run(ctx, ln)
}

// tellSetup tells the link for the first visitor while nobody can sign in.
func tellSetup(ctx context.Context, a *auth.Auth, url string, tell func(short, text string, facts ...any)) error {
	needed, err := a.SetupNeeded()
	if err != nil || !needed {
		return err
	}
	token, err := a.SetupToken(ctx)
	if err != nil {
		return err
	}
	link := url + "/#/setup/" + token
	tell("nobody can sign in yet: open the link to become the administrator",
		"\nNobody can sign in yet. Open this link to become the administrator:\n\n    "+link+"\n", "link", link)
	return nil
}

func newLog(w io.Writer, c config.Log) *slog.Logger {
	o := &slog.HandlerOptions{Level: c.Level}
	if c.Format == "json" {
		return slog.New(slog.NewJSONHandler(w, o))
	}
	return slog.New(slog.NewTextHandler(w, o))
}

// server is a data folder being served.
type server struct {
	*folder
	cfg *config.Config
	log *slog.Logger
	api *api.Server
}

func newServer(f *folder, cfg *config.Config, log *slog.Logger, isDemo bool) (*server, error) {
	a, err := api.New(api.Options{
		Hub: f.hub, Auth: f.auth, Notify: f.notify, Documents: f.docs, People: f.people, Kinds: kinds(), UI: ui.FS(),
		PublicURL: cfg.PublicURL, TrustedProxies: cfg.TrustedProxies,
		UploadBytes: cfg.Limits.UploadBytes, Undo: cfg.Undo,
		Metrics: api.Metrics{Public: cfg.Metrics.Public, Token: cfg.Metrics.Token.Reveal()},
		Version: version(), Demo: isDemo, Log: log,
	})
	return &server{folder: f, cfg: cfg, log: log, api: a}, err
}

// Limits of the HTTP server. Uploads and downloads may take long; a header
// may not.
const (
	headerTimeout   = 10 * time.Second
	headerBytes     = 64 << 10
	idleTimeout     = 2 * time.Minute
	shutdownTimeout = 15 * time.Second
)

// partError tells which part of a running hub failed.
type partError struct {
	part string
	err  error
}

func (e *partError) Error() string { return e.part + ": " + e.err.Error() }
func (e *partError) Unwrap() error { return e.err }

// run serves on ln until ctx ends, then shuts down: no new requests, streams
// closed, attempts under way finished, the store closed. That ctx ended is no
// error; that a part failed is.
func (s *server) run(ctx context.Context, ln net.Listener) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	hs := &http.Server{
		Handler: s.api.Handler(), ReadHeaderTimeout: headerTimeout, MaxHeaderBytes: headerBytes, IdleTimeout: idleTimeout,
		ErrorLog: slog.NewLogLogger(s.log.Handler(), slog.LevelDebug),
	}
	admin, err := s.listenAdmin(ctx)
	if err != nil {
		return errors.Join(err, ln.Close(), s.close())
	}
	// Each part runs until ctx ends; the first one to fail ends the others.
	parts := []struct {
		name string
		run  func(context.Context) error
	}{
		{"hub", s.hub.Run},
		{"notices", s.notify.Run},
		{"live", s.api.Run},
		{"auth", s.auth.Run},
		{"people", s.people.Run},
		{"sweep", s.sweep},
		{"documents", s.docs.Run},
		{"admin", admin},
		{"http", func(ctx context.Context) error {
			select { // who comes at once waits a moment, and can send then
			case <-s.hub.Ready():
			case <-ctx.Done():
				return nil
			}
			if s.cfg.TLS.Cert != "" {
				hs.TLSConfig = &tls.Config{MinVersion: tls.VersionTLS12}
				return hs.ServeTLS(ln, s.cfg.TLS.Cert, s.cfg.TLS.Key)
			}
			return hs.Serve(ln)
		}},
	}
	ended := make(chan struct{}, len(parts))
	for _, p := range parts {
		go func() {
			defer func() { ended <- struct{}{} }()
			if err := p.run(ctx); err != nil && ctx.Err() == nil {
				cancel(&partError{p.name, err})
			}
		}()
	}
	<-ctx.Done()
	s.log.Info("stopping")
	stopCtx, stop := context.WithTimeout(context.WithoutCancel(ctx), shutdownTimeout)
	defer stop()
	if err := hs.Shutdown(stopCtx); err != nil {
		_ = hs.Close() // somebody holds a request open: cut it
	}
	for range parts {
		<-ended
	}
	err = s.close()
	if failed, ok := errors.AsType[*partError](context.Cause(ctx)); ok {
		err = errors.Join(failed, err)
	}
	return err
}

// sweep removes blobs that nothing names any more, soon after the start and then
// once a day.
func (s *server) sweep(ctx context.Context) error {
	timer := time.NewTimer(sweepFirst)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-timer.C:
		}
		timer.Reset(sweepEvery)
		swept, done, err := s.sweepOnce(ctx)
		switch {
		case err != nil:
			s.log.Error("sweep blobs", "error", err)
		case !done:
			timer.Reset(sweepFirst)
			s.log.Info("blobs are swept later: a backup is being written")
		default:
			s.log.Info("swept blobs", "kept", swept.Kept, "removed", swept.Removed, "bytes", swept.Bytes)
		}
	}
}
