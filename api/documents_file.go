package api

import (
	"context"
	"io"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"throughline/documents"
	"throughline/message"
	"throughline/store"
)

type documentFileIn struct {
	ID      uint64 `path:"id"`
	Version int    `query:"version" minimum:"0" doc:"0 is the current one."`
	Inline  int    `query:"inline" minimum:"0" maximum:"1" doc:"1 shows pictures, PDF and plain text in the browser; all else is a download."`
}

// documentCSP is fileCSP for a PDF, which browsers show in a viewer of their own:
// inside a sandbox they show nothing. Its type cannot be mistaken for a page (nosniff),
// and nothing of it may load anything.
const documentCSP = "default-src 'none'; style-src 'unsafe-inline'; object-src 'self'; frame-ancestors 'self'"

// getDocumentFile serves a version, after writing down who opens it.
func (s *Server) getDocumentFile(ctx context.Context, i *documentFileIn) (*huma.StreamResponse, error) {
	how := documents.ByDownload
	if i.Inline == 1 {
		how = documents.ByPreview
	}
	v, err := s.docsFor(ctx, documents.ActSee).Open(ctx, who(ctx).id(), i.ID, i.Version, how)
	if err != nil {
		return nil, err
	}
	f, _, err := s.hub.Blobs.Open(v.Blob)
	if err != nil {
		return nil, err
	}
	return &huma.StreamResponse{Body: func(ctx huma.Context) {
		defer f.Close()
		r, w := humago.Unwrap(ctx)
		serveVersion(w, r, v, f, i.Inline == 1)
	}}, nil
}

// serveVersion answers with a file of the documents.
func serveVersion(w http.ResponseWriter, r *http.Request, v documents.Version, f io.ReadSeeker, inline bool) {
	h := w.Header()
	kind, shown := v.ContentType, inline && inlineTypes[v.ContentType]
	csp := fileCSP
	switch {
	case kind == "text/csv" && inline, kind == "text/plain":
		kind, shown = "text/plain; charset=utf-8", inline
	case kind == "application/pdf":
		csp = documentCSP
	case !inlineTypes[kind]:
		kind = safeType(kind)
	}
	h.Set("Content-Type", kind)
	h.Set("Content-Disposition", disposition(shown, v.Name))
	h.Set("Cache-Control", "private, no-store") // each opening is written down
	h.Set("ETag", `"`+v.Blob+`"`)
	protect(h, csp)
	http.ServeContent(w, r, "", time.Time{}, f)
}

func (s *Server) attachDocument(ctx context.Context, i *idBody[VersionNumber]) (*out[Attachment], error) {
	v, err := s.docsFor(ctx, documents.ActSee).Open(ctx, who(ctx).id(), i.ID, i.Body.Version, documents.ByMessage)
	if err != nil {
		return nil, err
	}
	if err := s.hub.Blobs.Touch(v.Blob); err != nil { // a draft is about to name it
		return nil, err
	}
	return &out[Attachment]{attachment(message.Part{Name: v.Name, ContentType: v.ContentType, Size: v.Size, Blob: v.Blob})}, nil
}

type documentListIn struct {
	ID uint64 `path:"id"`
	Paging
}

func (s *Server) listDocumentOpenings(ctx context.Context, i *documentListIn) (*out[DocumentOpenings], error) {
	after, err := i.key()
	if err != nil {
		return nil, err
	}
	o := &out[DocumentOpenings]{DocumentOpenings{Openings: []DocumentOpening{}}}
	return o, s.hub.Store.View(func(tx *store.Tx) error {
		if _, err := s.seen(ctx, tx, i.ID); err != nil {
			return err
		}
		list, next, err := s.docs.Openings(tx, i.ID, after, i.Limit)
		o.Body.Next = cursor(next)
		for _, e := range list {
			o.Body.Openings = append(o.Body.Openings, DocumentOpening{Time: e.Time, How: e.How, Version: e.Version, Agent: e.Agent, Link: e.Link, Address: e.Address})
		}
		return err
	})
}
