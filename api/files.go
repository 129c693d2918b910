package api

import (
	"context"
	"io"
	"mime"
	"net/http"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"throughline/documents"
	"throughline/message"
)

// fileCSP is the policy of everything that strangers sent: nothing in it may run
// or load, even when it is opened as a page of its own.
const fileCSP = "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src 'self' data:; media-src 'self'; frame-ancestors 'self'"

// inlineTypes may be shown in the browser; all else is downloaded. An SVG is a
// document with scripts and not among them.
var inlineTypes = map[string]bool{
	"image/png": true, "image/jpeg": true, "image/gif": true, "image/webp": true, "image/avif": true,
	"application/pdf": true, "text/plain": true,
}

type uploadIn struct {
	Name        string `query:"name" maxLength:"1000" required:"true" doc:"File name."`
	ContentType string `header:"Content-Type"`
	body        io.Reader
}

// Resolve keeps hold of the body, which is read as it comes and never in memory
// as a whole.
func (u *uploadIn) Resolve(ctx huma.Context) []error {
	r, w := humago.Unwrap(ctx)
	deadline := time.Now().Add(uploadWait)
	_ = http.NewResponseController(w).SetReadDeadline(deadline) // not every listener can
	u.body = r.Body
	return nil
}

// upload keeps a file. Whoever is signed in may fetch any blob whose SHA-256 he
// knows, but for those of documents: an upload gives nothing away that its owner did not
// have.
func (s *Server) upload(ctx context.Context, i *uploadIn) (*out[Attachment], error) {
	name := fileName(i.Name)
	if name == "" {
		return nil, &problemError{status: 422, detail: "query.name: give the file a name"}
	}
	limit := s.o.UploadBytes
	ref, err := s.hub.Blobs.Put(ctx, http.MaxBytesReader(nil, io.NopCloser(i.body), limit))
	if err != nil {
		return nil, err
	}
	if ref.Size == 0 {
		return nil, &problemError{status: 422, detail: "this file is empty: choose another one"}
	}
	// Now, not when the message is sent: whoever writes it can choose another one.
	if err := s.docs.Vet(ctx, who(ctx).id(), ref); err != nil {
		return nil, err
	}
	return &out[Attachment]{attachment(message.Part{Name: name, ContentType: mediaType(i.ContentType), Size: ref.Size, Blob: ref.SHA256})}, nil
}

type blobIn struct {
	SHA256 string `path:"sha256" pattern:"^[0-9a-f]{64}$"`
	Name   string `path:"name" maxLength:"1000"`
	Type   string `query:"type" maxLength:"200"`
	Inline int    `query:"inline" minimum:"0" maximum:"1" doc:"1 shows pictures, PDF and plain text in the browser; all else is a download."`
	SignedAddress
}

// getBlob serves a file. The content never changes, so it can be kept for ever
// by the browser, and parts of it can be asked for. Only a document's that no message
// has is asked for anew each time, by the rules of documents.
func (s *Server) getBlob(ctx context.Context, i *blobIn) (*huma.StreamResponse, error) {
	kind := mediaType(i.Type)
	shown := i.Inline == 1 && inlineTypes[kind]
	if err := s.opens(i.SHA256, shown && strings.HasPrefix(kind, "image/")); err != nil {
		return nil, err
	}
	cache := "private, max-age=31536000, immutable"
	if i.Sig == "" { // a signed address is of a message
		how := documents.ByDownload
		if shown {
			how = documents.ByPreview
		}
		if document, err := s.reach(ctx, i.SHA256, how); err != nil {
			return nil, err
		} else if document {
			cache = "private, no-store"
		}
	}
	f, _, err := s.hub.Blobs.Open(i.SHA256)
	if err != nil {
		return nil, err
	}
	return &huma.StreamResponse{Body: func(ctx huma.Context) {
		defer f.Close()
		r, w := humago.Unwrap(ctx)
		h := w.Header()
		if kind == "text/plain" {
			kind += "; charset=utf-8"
		} else {
			kind = safeType(kind)
		}
		h.Set("Content-Type", kind)
		h.Set("Content-Disposition", disposition(shown, i.Name))
		h.Set("Cache-Control", cache)
		h.Set("ETag", `"`+i.SHA256+`"`)
		protect(h, fileCSP)
		if i.Sig != "" {
			h.Set("Cross-Origin-Resource-Policy", "cross-origin") // see sign.go
		}
		http.ServeContent(w, r, "", time.Time{}, f)
	}}, nil
}

// safeType is the type under which a file of this one is served: those that a
// browser might read as a page, or guess about, are only bytes.
func safeType(kind string) string {
	if strings.HasPrefix(kind, "text/") || strings.HasPrefix(kind, "multipart/") || strings.HasPrefix(kind, "message/") || strings.Contains(kind, "script") || strings.Contains(kind, "xml") || strings.Contains(kind, "html") {
		return anyType
	}
	return kind
}

// disposition names a file for saving (RFC 6266).
func disposition(inline bool, name string) string {
	kind := "attachment"
	if inline {
		kind = "inline"
	}
	if d := mime.FormatMediaType(kind, map[string]string{"filename": fileName(name)}); d != "" {
		return d
	}
	return kind
}

// protect sets what keeps a document of a stranger in its place.
func protect(h http.Header, csp string) {
	h.Set("Content-Security-Policy", csp)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("X-Frame-Options", "SAMEORIGIN")
}

// rawResponse serves an item as it was delivered, as a text to save.
func rawResponse(raw message.Content, name string) *huma.StreamResponse {
	return &huma.StreamResponse{Body: func(ctx huma.Context) {
		_, w := humago.Unwrap(ctx)
		f, err := raw.Open()
		if err != nil {
			http.Error(w, "the source cannot be read: its file is missing", http.StatusInternalServerError)
			return
		}
		defer f.Close()
		h := w.Header()
		h.Set("Content-Type", "text/plain; charset=utf-8")
		h.Set("Content-Disposition", disposition(false, name))
		h.Set("Cache-Control", "private, no-store")
		protect(h, fileCSP)
		_, _ = io.Copy(w, f) // the client has gone
	}}
}
