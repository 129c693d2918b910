package api

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"throughline/documents"
	"throughline/people"
)

// EraseRequest confirms that a customer is to be erased for good.
type EraseRequest struct {
	Confirm string `json:"confirm" minLength:"1" maxLength:"2000" doc:"The customer's name as it is shown, or if there is none an address, or if there is neither the customer's number."`
}

// EraseResult is what an erasure has taken away.
type EraseResult struct {
	Messages int `json:"messages"`
}

type exportIn struct {
	Form string `query:"form" enum:"csv,vcard,jsonl" default:"csv"`
}

func (s *Server) exportRoutes() {
	const g = "Import and export"
	add(s, route{id: "exportPeople", method: "GET", path: "/api/export/people", role: manager, group: g, summary: "All people as a table, as vCards or as JSON lines", raw: "application/octet-stream"}, s.exportPeople)
	add(s, route{id: "exportCustomer", method: "GET", path: "/api/customers/{id}/export", role: manager, group: g, summary: "Everything about one customer as a ZIP file", raw: "application/zip"}, s.exportCustomer)
	add(s, route{id: "eraseCustomer", method: "POST", path: "/api/customers/{id}/erase", role: manager, group: g, summary: "Erase a customer for good; counts stay"}, s.eraseCustomer)
}

// download answers with a file that is written as it goes out.
func (s *Server) download(name, kind string, write func(ctx context.Context, w io.Writer) error) *huma.StreamResponse {
	return &huma.StreamResponse{Body: func(hc huma.Context) {
		r, w := humago.Unwrap(hc)
		h := w.Header()
		h.Set("Content-Type", kind)
		h.Set("Content-Disposition", disposition(false, name))
		h.Set("Cache-Control", "private, no-store")
		protect(h, fileCSP)
		if err := write(r.Context(), w); err != nil && r.Context().Err() == nil {
			s.log.Error("export", "file", name, "error", err)
			panic(http.ErrAbortHandler) // the client must not take half a file for a whole one
		}
	}}
}

func (s *Server) exportPeople(ctx context.Context, i *exportIn) (*huma.StreamResponse, error) {
	if err := s.note(ctx, "people.exported", i.Form); err != nil {
		return nil, err
	}
	kind := map[string]string{people.CSV: "text/csv; charset=utf-8", people.VCard: "text/vcard; charset=utf-8", people.JSONLines: "application/jsonl"}[i.Form]
	ending := map[string]string{people.CSV: "csv", people.VCard: "vcf", people.JSONLines: "jsonl"}[i.Form]
	return s.download("people."+ending, kind, func(ctx context.Context, w io.Writer) error {
		_, err := s.people.WriteAll(ctx, w, i.Form)
		return err
	}), nil
}

func (s *Server) exportCustomer(ctx context.Context, i *idIn) (*huma.StreamResponse, error) {
	if err := s.view(func(v *view) error {
		root, err := s.hub.Identity.Root(v.tx, i.ID)
		if err != nil {
			return err
		}
		if !root.Erased.IsZero() {
			return errErased
		}
		return v.mayAll(ctx, root.ID, documents.ActSee)
	}); err != nil {
		return nil, err
	}
	if err := s.note(ctx, "customer.exported", fmt.Sprintf("customer %d", i.ID)); err != nil {
		return nil, err
	}
	by := asker(ctx)
	return s.download(fmt.Sprintf("customer-%d.zip", i.ID), "application/zip", func(ctx context.Context, w io.Writer) error {
		return s.people.WriteOne(ctx, w, by, i.ID)
	}), nil
}

func asker(ctx context.Context) people.Asker {
	return people.Asker{Agent: who(ctx).id(), Role: who(ctx).role()}
}

var errErased = &problemError{status: 410, detail: "this customer was erased"}

func (s *Server) eraseCustomer(ctx context.Context, i *idBody[EraseRequest]) (*out[EraseResult], error) {
	if err := s.view(func(v *view) error {
		root, err := s.hub.Identity.Root(v.tx, i.ID)
		if err != nil {
			return err
		}
		if !root.Erased.IsZero() {
			return errErased
		}
		if err := v.mayAll(ctx, root.ID, documents.ActDelete); err != nil {
			return err
		}
		name := s.hub.Identity.DisplayName(v.tx, root)
		if name == "" {
			name = utoa(root.ID)
		}
		if !strings.EqualFold(strings.TrimSpace(i.Body.Confirm), strings.TrimSpace(name)) {
			return &problemError{status: 422, detail: "confirm: write the name as it is shown to erase this customer for good",
				errors: []*huma.ErrorDetail{{Location: "body.confirm", Message: "this is not the name"}}}
		}
		return nil
	}); err != nil {
		return nil, err
	}
	gone, err := s.people.Erase(ctx, asker(ctx), i.ID)
	if err != nil {
		return nil, err
	}
	// Who was erased is not said: that is the point.
	if err := s.note(ctx, "customer.erased", fmt.Sprintf("customer %d, %d messages", i.ID, gone.Messages)); err != nil {
		return nil, err
	}
	return &out[EraseResult]{EraseResult{Messages: gone.Messages}}, nil
}
