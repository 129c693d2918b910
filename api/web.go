package api

import (
	"bufio"
	"crypto/rand"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"path"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"throughline/inbox"
	"throughline/store"
)

// appCSP is the policy of the web app itself.
const appCSP = "default-src 'self'; img-src 'self' data: blob:; style-src 'self' 'unsafe-inline'; frame-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'; object-src 'none'"

// phoneCSP is appCSP where agents speak in the browser: the page also talks to the
// hosts of the lines' providers and plays their sound.
func phoneCSP(sources []string) string {
	if len(sources) == 0 {
		return appCSP
	}
	list := strings.Join(sources, " ")
	return appCSP + "; connect-src 'self' " + list + "; media-src 'self' blob: mediastream: " + list
}

// microphone is who may listen: the page, where agents speak in the browser.
func microphone(sources []string) string {
	if len(sources) == 0 {
		return "()"
	}
	return "(self)"
}

// answerWait is the most time from a request to the end of its answer: that of a
// large file over a slow line. Live streams have limits of their own.
const answerWait = 10 * time.Minute

// plainRoutes are those outside of the OpenAPI document.
func (s *Server) plainRoutes(mux *http.ServeMux) error {
	mux.HandleFunc("GET /openapi.json", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/openapi+json")
		_, _ = w.Write(s.openapi)
	})
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, r *http.Request) { answerText(w, http.StatusOK, "ok") })
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, r *http.Request) {
		if err := s.hub.Store.View(func(*store.Tx) error { return nil }); err != nil {
			answerText(w, http.StatusServiceUnavailable, "the store cannot be read")
			return
		}
		answerText(w, http.StatusOK, "ok")
	})
	mux.Handle("GET /metrics", s.metricsHandler())
	mux.HandleFunc(inbox.HookPath+"{account}/{rest...}", s.hook)
	mux.HandleFunc(inbox.HookPath+"{account}", s.hook)
	mux.HandleFunc("GET "+linkPath+"{token}", s.visitLink)
	mux.HandleFunc("POST "+linkPath+"{token}", s.takeLink)
	mux.HandleFunc("GET "+inbox.SharePath+"{token}/{name}", s.shared)
	s.choicesRoutes(mux)
	app := http.Handler(http.NotFoundHandler())
	if s.o.UI != nil {
		if _, err := fs.Stat(s.o.UI, "index.html"); err != nil {
			return fmt.Errorf("api: the web app has no index.html: build it with npm run build in ui: %w", err)
		}
		app = spa{s.o.UI}
	}
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/api" || strings.HasPrefix(r.URL.Path, "/api/") {
			s.noOperation(mux, w, r)
			return
		}
		app.ServeHTTP(w, r)
	})
	return nil
}

func answerText(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = w.Write([]byte(text + "\n"))
}

// noOperation answers what is not an operation: 405 if another method is one.
func (s *Server) noOperation(mux *http.ServeMux, w http.ResponseWriter, r *http.Request) {
	p := &problemError{status: http.StatusNotFound, detail: "there is no such operation: /openapi.json lists them all"}
	var allow []string
	for _, m := range []string{"GET", "POST", "PUT", "PATCH", "DELETE"} {
		other := r.Clone(r.Context())
		other.Method = m
		if _, pattern := mux.Handler(other); pattern != "/" && pattern != "" {
			allow = append(allow, m)
		}
	}
	if len(allow) > 0 {
		w.Header().Set("Allow", strings.Join(allow, ", "))
		p = &problemError{status: http.StatusMethodNotAllowed, detail: "this address takes " + strings.Join(allow, ", ")}
	}
	writeProblem(w, p)
}

// writeProblem answers outside of an operation.
func writeProblem(w http.ResponseWriter, p *problemError) {
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(p.status)
	_ = json.NewEncoder(w).Encode(newProblem(p.status, p.detail, p.errors))
}

// outer is around everything: headers, metrics, and what is left of a panic.
func (s *Server) outer(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("X-Frame-Options", "DENY")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		sources := s.hub.PhoneSources()
		h.Set("Permissions-Policy", "camera=(), geolocation=(), microphone="+microphone(sources)+", payment=(), usb=()")
		if strings.HasPrefix(r.URL.Path, "/api/") {
			h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
			h.Set("Cache-Control", "no-store")
		} else {
			h.Set("Content-Security-Policy", phoneCSP(sources))
		}
		if s.secure() {
			h.Set("Strict-Transport-Security", "max-age=31536000")
		}
		// A client that does not read its answer is not waited for much longer.
		_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(answerWait)) // not every listener can
		if r.ContentLength != 0 {
			// Bodies that nobody wants are read too, to use the connection again.
			_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(defaultWait))
		}
		rec := &recorder{ResponseWriter: w}
		start := time.Now()
		defer func() {
			if p := recover(); p != nil {
				if err, ok := p.(error); ok && errors.Is(err, http.ErrAbortHandler) {
					panic(p)
				}
				ref := strings.ToLower(rand.Text()[:8])
				s.log.Error("request panicked", "ref", ref, "panic", p, "stack", string(debug.Stack()))
				if rec.status == 0 {
					writeProblem(rec, &problemError{status: http.StatusInternalServerError, detail: "something went wrong inside the hub: try again, and if it stays give reference " + ref + " to whoever runs it"})
				}
			}
			s.metrics.observe(r, rec.status, time.Since(start))
		}()
		next.ServeHTTP(rec, r)
	})
}

// recorder remembers the status. Unwrap lets http.ResponseController and the
// websocket reach what is below.
type recorder struct {
	http.ResponseWriter
	status int
}

func (r *recorder) WriteHeader(status int) {
	if r.status == 0 {
		r.status = status
	}
	r.ResponseWriter.WriteHeader(status)
}

func (r *recorder) Write(b []byte) (int, error) {
	if r.status == 0 {
		r.status = http.StatusOK
	}
	return r.ResponseWriter.Write(b)
}

func (r *recorder) Unwrap() http.ResponseWriter { return r.ResponseWriter }

// Hijack is for the websocket, which does not look below.
func (r *recorder) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	r.status = http.StatusSwitchingProtocols
	return http.NewResponseController(r.ResponseWriter).Hijack()
}

// spa serves the files of the web app. Paths that are no file are pages of the
// app, which its own router knows.
type spa struct{ files fs.FS }

func (a spa) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		writeProblem(w, &problemError{status: http.StatusMethodNotAllowed, detail: "this address takes GET"})
		return
	}
	name := strings.TrimPrefix(path.Clean("/"+r.URL.Path), "/")
	info, err := fs.Stat(a.files, name)
	if name == "" || err != nil || info.IsDir() || !fs.ValidPath(name) {
		if strings.HasPrefix(name, "assets/") {
			// A page of an older version asks for what is gone: the app itself
			// in its place would only confuse the browser.
			http.NotFound(w, r)
			return
		}
		name = "index.html"
	}
	h := w.Header()
	if strings.HasPrefix(name, "assets/") {
		h.Set("Cache-Control", "public, max-age=31536000, immutable") // named by their content
	} else {
		h.Set("Cache-Control", "no-cache")
	}
	h.Set("Content-Type", typeByName(name))
	h.Add("Vary", "Accept-Encoding")
	for _, enc := range []struct{ name, ext string }{{"br", ".br"}, {"gzip", ".gz"}} {
		if !accepts(r, enc.name) {
			continue
		}
		if data, err := fs.ReadFile(a.files, name+enc.ext); err == nil {
			h.Set("Content-Encoding", enc.name)
			h.Set("Content-Length", itoa(len(data)))
			if r.Method == http.MethodGet {
				_, _ = w.Write(data)
			}
			return
		}
	}
	http.ServeFileFS(w, r, a.files, name)
}

// typeByName knows the types of the app's files, whatever the machine's own
// table says of them.
func typeByName(name string) string {
	switch path.Ext(name) {
	case ".html":
		return "text/html; charset=utf-8"
	case ".js":
		return "text/javascript; charset=utf-8"
	case ".css":
		return "text/css; charset=utf-8"
	case ".json", ".webmanifest":
		return "application/json"
	case ".svg":
		return "image/svg+xml"
	case ".png":
		return "image/png"
	case ".ico":
		return "image/x-icon"
	case ".woff2":
		return "font/woff2"
	case ".txt":
		return "text/plain; charset=utf-8"
	}
	return anyType
}

func accepts(r *http.Request, encoding string) bool {
	for part := range strings.SplitSeq(r.Header.Get("Accept-Encoding"), ",") {
		name, params, _ := strings.Cut(strings.TrimSpace(part), ";")
		if strings.EqualFold(name, encoding) && !slices.Contains([]string{"q=0", "q=0.0"}, strings.TrimSpace(params)) {
			return true
		}
	}
	return false
}

func sameToken(got, want string) bool {
	return want != "" && subtle.ConstantTimeCompare([]byte(got), []byte(want)) == 1
}
