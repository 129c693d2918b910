package api

import (
	"context"
	"html"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"throughline/inbox"
	"throughline/safehtml"
)

type htmlIn struct {
	ID     uint64 `path:"id"`
	Images int    `query:"images" minimum:"0" maximum:"1" doc:"1 loads remote pictures, through the hub."`
	Quoted int    `query:"quoted" minimum:"0" maximum:"1" default:"1" doc:"0 leaves the quoted message out."`
	Theme  string `query:"theme" enum:"light,dark" default:"light"`
	origin string
}

// Resolve notes where the hub is for this browser: a sandboxed frame has no
// origin of its own that 'self' could mean.
func (i *htmlIn) Resolve(ctx huma.Context) []error {
	r, _ := humago.Unwrap(ctx)
	scheme := "http"
	if r.TLS != nil {
		scheme = "https"
	}
	i.origin = scheme + "://" + r.Host
	return nil
}

// getMessageHTML serves the body of a message as a document of its own, for a
// frame with sandbox="allow-popups allow-popups-to-escape-sandbox".
func (s *Server) getMessageHTML(ctx context.Context, i *htmlIn) (*huma.StreamResponse, error) {
	var r *inbox.Record
	if err := s.view(func(v *view) (err error) {
		r, err = s.hub.Message(v.tx, i.ID)
		return err
	}); err != nil {
		return nil, err
	}
	body := s.messageBody(r, i)
	origin := i.origin
	if s.public != nil {
		origin = s.public.Scheme + "://" + s.public.Host
	}
	csp := messageCSP(origin)
	page := messagePage(body, csp, i.Theme)
	return &huma.StreamResponse{Body: func(ctx huma.Context) {
		_, w := humago.Unwrap(ctx)
		h := w.Header()
		h.Set("Content-Type", "text/html; charset=utf-8")
		h.Set("Cache-Control", "private, no-cache")
		protect(h, csp+"; frame-ancestors 'self'; sandbox allow-popups allow-popups-to-escape-sandbox")
		_, _ = w.Write([]byte(page)) // the client has gone
	}}, nil
}

func (s *Server) messageBody(r *inbox.Record, i *htmlIn) string {
	if r.HTML == "" {
		text := r.Text
		if i.Quoted == 0 && r.Reply != "" {
			text = r.Reply
		}
		return safehtml.Message(safehtml.FromText(text), safehtml.Options{})
	}
	return safehtml.Message(r.HTML, safehtml.Options{
		Images: i.Images == 1, HideQuotes: i.Quoted == 0, Proxy: s.imageURL,
		Link: func(cid string) (string, bool) {
			for _, p := range r.Parts {
				if p.ContentID != "" && p.ContentID == cid && p.Blob != "" && inlineTypes[p.ContentType] {
					return s.signer.sign(blobURL(p) + "&inline=1"), true
				}
			}
			return "", false
		},
	})
}

// messageCSP lets a message load nothing but the hub's own files and what its
// image proxy fetched, and run nothing. The paths matter: with the whole hub
// allowed, a mail could make the browser ask for any address of it.
func messageCSP(origin string) string {
	return "default-src 'none'; style-src 'unsafe-inline'; img-src data: " + origin + "/api/blobs/ " + origin + "/api/image; base-uri 'none'; form-action 'none'"
}

// messagePage wraps a sanitised body. In the dark theme a message that brings
// colours of its own stays on white paper, because they were chosen for it.
func messagePage(body, csp, theme string) string {
	scheme := "light"
	if theme == "dark" && !ownColors(body) {
		scheme = "dark"
	}
	var b strings.Builder
	b.WriteString(`<!doctype html><html><head><meta charset="utf-8"><meta http-equiv="Content-Security-Policy" content="`)
	b.WriteString(html.EscapeString(csp))
	b.WriteString(`"><meta name="referrer" content="no-referrer"><meta name="viewport" content="width=device-width"><meta name="color-scheme" content="` + scheme + `"><title>Message</title><style>` + messageStyle + `</style></head><body class="` + scheme + `" dir="auto">`)
	b.WriteString(body)
	b.WriteString(`</body></html>`)
	return b.String()
}

func ownColors(body string) bool {
	return strings.Contains(body, "bgcolor=") || strings.Contains(body, "background")
}

const messageStyle = `body{margin:0;padding:8px;font:15px/1.5 system-ui,"Vazirmatn","Noto Sans Thai",sans-serif;overflow-wrap:anywhere}
body.light{background:#fff;color:#1c1c1f}body.dark{background:#18181b;color:#e6e6ea}
body.dark a{color:#8ab4ff}body.dark *{border-color:#52525b}
img{max-width:100%;height:auto}table{max-width:100%}pre{white-space:pre-wrap}p{margin:0 0 .7em}
blockquote{margin:.5em 0;padding-inline-start:.8em;border-inline-start:3px solid #a1a1aa}`
