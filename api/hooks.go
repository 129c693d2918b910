package api

import (
	"context"
	"crypto/rand"
	"errors"
	"net/http"
	"runtime/debug"
	"strings"
	"time"

	"throughline/blob"
	"throughline/inbox"
	"throughline/store"
)

// What is reached without a session: webhooks of providers and shared files. The
// connector checks that a request comes from its provider; an address of a shared
// file is its own permission.

// Limits of a request to a webhook. Providers give up after 3 to 15 seconds.
const (
	hookBody   = 4 << 20
	hookArrive = 10 * time.Second
	hookWait   = 15 * time.Second
)

// hook hands a request to the connector of an account, without the prefix.
func (s *Server) hook(w http.ResponseWriter, r *http.Request) {
	account := r.PathValue("account")
	handler, err := s.hub.Webhook(account)
	switch {
	case errors.Is(err, store.ErrNotFound):
		answerText(w, http.StatusNotFound, "there is no such webhook")
		return
	case err != nil:
		// The provider tries again, and what it brings is not lost.
		w.Header().Set("Retry-After", "30")
		answerText(w, http.StatusServiceUnavailable, "this account takes nothing at the moment: try again later")
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), hookWait)
	defer cancel()
	c := http.NewResponseController(w)
	_ = c.SetReadDeadline(time.Now().Add(hookArrive)) // not every listener can
	_ = c.SetWriteDeadline(time.Now().Add(hookWait + hookArrive))
	req := r.Clone(ctx)
	req.RemoteAddr = s.clientAddress(r) // by which strangers are limited
	prefix := strings.TrimSuffix(inbox.HookPath, "/") + "/" + account
	req.URL.Path = "/" + strings.TrimPrefix(strings.TrimPrefix(r.URL.Path, prefix), "/")
	if r.URL.RawPath != "" {
		req.URL.RawPath = "/" + strings.TrimPrefix(strings.TrimPrefix(r.URL.RawPath, prefix), "/")
	}
	req.Body = http.MaxBytesReader(w, r.Body, hookBody)
	h := w.Header()
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
	defer func() {
		p := recover()
		if p == nil {
			return
		}
		if err, ok := p.(error); ok && errors.Is(err, http.ErrAbortHandler) {
			panic(p)
		}
		ref := strings.ToLower(rand.Text()[:8])
		s.log.Error("webhook panicked", "ref", ref, "account", account, "panic", p, "stack", string(debug.Stack()))
		answerText(w, http.StatusInternalServerError, "something went wrong: reference "+ref)
	}()
	handler.ServeHTTP(w, req)
}

// sharedType is the type of a file that is served as what it is; all else is just
// bytes. Nothing among
// them can run, whatever a client takes it for.
func sharedType(t string) string {
	switch {
	case inlineTypes[t], t == "text/vcard", t == "text/csv", t == "text/calendar", t == "application/zip", t == "application/msword",
		t == "image/heic", t == "image/bmp", t == "image/tiff",
		strings.HasPrefix(t, "audio/"), strings.HasPrefix(t, "video/"),
		strings.HasPrefix(t, "application/vnd.openxmlformats-officedocument."), strings.HasPrefix(t, "application/vnd.ms-"):
		if strings.Contains(t, "xml") && !strings.HasPrefix(t, "application/vnd.openxmlformats-officedocument.") {
			return anyType
		}
		return t
	}
	return anyType
}

// shared serves a file to whoever has its signed address.
func (s *Server) shared(w http.ResponseWriter, r *http.Request) {
	f, err := s.hub.Shared(r.PathValue("token"), r.PathValue("name"), s.now())
	switch {
	case errors.Is(err, inbox.ErrExpired):
		answerText(w, http.StatusGone, "this address has expired")
		return
	case err != nil:
		answerText(w, http.StatusNotFound, "there is no such file")
		return
	}
	content, _, err := s.hub.Blobs.Open(f.Blob)
	if errors.Is(err, blob.ErrNotFound) || errors.Is(err, blob.ErrBadName) {
		answerText(w, http.StatusNotFound, "there is no such file")
		return
	}
	if err != nil {
		s.log.Error("shared file", "error", err)
		answerText(w, http.StatusInternalServerError, "this file cannot be read at the moment")
		return
	}
	defer content.Close()
	h := w.Header()
	h.Set("Content-Type", sharedType(mediaType(f.ContentType)))
	h.Set("Content-Disposition", disposition(false, f.Name))
	h.Set("Cache-Control", "private, no-store")
	h.Set("X-Robots-Tag", "noindex")
	protect(h, fileCSP)
	h.Set("Cross-Origin-Resource-Policy", "cross-origin")
	http.ServeContent(w, r, "", time.Time{}, content)
}
