package api

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"slices"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"throughline/identity"
	"throughline/people"
	"throughline/wording"
)

// Import is a file of people on its way in.
type Import struct {
	ID         uint64              `json:"id"`
	Name       string              `json:"name"`
	Kind       string              `json:"kind" enum:"table,vcard"`
	Size       int64               `json:"size"`
	Encoding   string              `json:"encoding,omitempty" doc:"Of a table."`
	Delimiter  string              `json:"delimiter,omitempty" doc:"Of a table."`
	Columns    []ImportColumn      `json:"columns,omitempty" doc:"Of a table."`
	Country    string              `json:"country,omitempty" doc:"Of numbers without a country code, two letters."`
	Overwrite  bool                `json:"overwrite,omitempty" doc:"Values of the file go before those there are; else only what is empty is filled."`
	Agent      uint64              `json:"agent,omitempty"`
	Created    time.Time           `json:"created"`
	Finished   time.Time           `json:"finished,omitzero"`
	State      string              `json:"state" enum:"mapping,checking,checked,running,stopped,done,failed"`
	Begun      bool                `json:"begun,omitempty" doc:"People have been written: it can only go on."`
	Error      string              `json:"error,omitempty"`
	Total      int                 `json:"total,omitempty" doc:"Rows, once it has been checked."`
	Row        int                 `json:"row" doc:"How many have been gone through."`
	Counts     people.ImportCounts `json:"counts"`
	FileGone   bool                `json:"file_gone,omitempty" doc:"Nothing was left to mend, or somebody in it was erased."`
	Encodings  []string            `json:"encodings,omitempty" doc:"To choose from."`
	Countries  []string            `json:"countries,omitempty" doc:"To choose from."`
	Targets    []string            `json:"targets,omitempty" doc:"What a column can be; custom fields are field:ID."`
	Delimiters []string            `json:"delimiters,omitempty" doc:"To choose from."`
}

// ImportColumn is a column of a table.
type ImportColumn struct {
	Header  string   `json:"header"`
	Target  string   `json:"target" doc:"What it is; empty for nothing."`
	Samples []string `json:"samples"`
}

// Imports are the imports there were, newest first.
type Imports struct {
	Imports []Import `json:"imports"`
}

// ImportChange says how a file is to be read; absent fields stay.
type ImportChange struct {
	Mapping   *[]string `json:"mapping,omitempty" maxItems:"200" doc:"For each column what it is."`
	Encoding  *string   `json:"encoding,omitempty" maxLength:"40"`
	Delimiter *string   `json:"delimiter,omitempty" maxLength:"4"`
	Country   *string   `json:"country,omitempty" maxLength:"2"`
	Overwrite *bool     `json:"overwrite,omitempty"`
}

// ImportRow is what becomes, or became, of a row.
type ImportRow struct {
	Row      int            `json:"row" doc:"Counted from 1, without the header."`
	Line     int            `json:"line" doc:"In the file."`
	Outcome  string         `json:"outcome" enum:"new,updated,same,error"`
	Customer *CustomerBrief `json:"customer,omitempty"`
	Who      string         `json:"who,omitempty" doc:"Name or address in the file, where there is no customer to show."`
	Fields   []string       `json:"fields,omitempty" doc:"What changes; handles are addresses."`
	Of       int            `json:"of,omitempty" doc:"An earlier row about the same person."`
	Reason   string         `json:"reason,omitempty"`
	Words    *Words         `json:"words,omitempty" doc:"Of the reason."`
}

// ImportRows is a page of rows.
type ImportRows struct {
	Rows []ImportRow `json:"rows"`
	Next string      `json:"next,omitempty"`
}

type importRowsIn struct {
	ID      uint64 `path:"id"`
	Outcome string `query:"outcome" enum:"new,updated,same,error," doc:"Absent: all."`
	Paging
}

func (s *Server) importRoutes() {
	const g = "Import and export"
	add(s, route{id: "listImports", method: "GET", path: "/api/imports", role: manager, group: g, summary: "Imports of people"}, s.listImports)
	add(s, route{id: "addImport", method: "POST", path: "/api/imports", role: manager, group: g, summary: "Upload a table (CSV) or vCards of people", status: 201, upload: true, wait: uploadWait}, s.addImport)
	add(s, route{id: "getImport", method: "GET", path: "/api/imports/{id}", role: manager, group: g, summary: "An import, with what its columns can be"}, s.getImport)
	add(s, route{id: "changeImport", method: "PATCH", path: "/api/imports/{id}", role: manager, group: g, summary: "Say how the file is to be read"}, s.changeImport)
	add(s, route{id: "checkImport", method: "POST", path: "/api/imports/{id}/check", role: manager, group: g, summary: "Read the file through without writing anything"}, s.checkImport)
	add(s, route{id: "startImport", method: "POST", path: "/api/imports/{id}/start", role: manager, group: g, summary: "Write the people, or go on with it"}, s.startImport)
	add(s, route{id: "stopImport", method: "POST", path: "/api/imports/{id}/stop", role: manager, group: g, summary: "Stop half way"}, s.stopImport)
	add(s, route{id: "listImportRows", method: "GET", path: "/api/imports/{id}/rows", role: manager, group: g, summary: "What becomes of the rows"}, s.listImportRows)
	add(s, route{id: "getImportErrors", method: "GET", path: "/api/imports/{id}/errors", role: manager, group: g, summary: "The rows with errors as a table to mend and import again", raw: "text/csv"}, s.getImportErrors)
	add(s, route{id: "deleteImport", method: "DELETE", path: "/api/imports/{id}", role: manager, group: g, summary: "Forget an import with its file; the people stay", status: 204}, s.deleteImport)
}

func toImport(i *people.Import) Import {
	return Import{ID: i.ID, Name: i.Name, Kind: i.Kind, Size: i.Size, Encoding: i.Format.Encoding, Delimiter: i.Format.Delimiter, Country: i.Country,
		Overwrite: i.Overwrite, Agent: i.Agent, Created: i.Created, Finished: i.Finished, State: i.State, Begun: i.Begun, Error: i.Error, Total: i.Total, Row: i.Row,
		Counts: i.Counts, FileGone: i.Blob == ""}
}

// maxImports is how many imports are listed.
const maxImports = 50

func (s *Server) listImports(context.Context, *none) (*out[Imports], error) {
	list, err := s.people.Imports(maxImports)
	o := &out[Imports]{Imports{Imports: []Import{}}}
	for _, i := range list {
		o.Body.Imports = append(o.Body.Imports, toImport(i))
	}
	return o, err
}

func (s *Server) addImport(ctx context.Context, u *uploadIn) (*out[Import], error) {
	name := fileName(u.Name)
	if name == "" {
		return nil, &problemError{status: 422, detail: "query.name: give the file a name"}
	}
	i, err := s.people.Add(ctx, who(ctx).id(), name, http.MaxBytesReader(nil, io.NopCloser(u.body), people.MaxBytes))
	if err != nil {
		return nil, err
	}
	return s.showImport(i.ID)
}

func (s *Server) showImport(id uint64) (*out[Import], error) {
	i, err := s.people.Import(id)
	if err != nil {
		return nil, err
	}
	o := &out[Import]{toImport(i)}
	samples, err := s.people.Samples(i)
	if err != nil {
		return nil, err
	}
	for c, h := range i.Header {
		col := ImportColumn{Header: h, Target: i.Mapping[c], Samples: []string{}}
		for _, row := range samples {
			if c < len(row) {
				col.Samples = append(col.Samples, row[c])
			}
		}
		o.Body.Columns = append(o.Body.Columns, col)
	}
	o.Body.Encodings, o.Body.Countries, o.Body.Targets = people.Encodings, identity.Regions(), slices.Clone(people.Targets)
	for _, d := range people.Delimiters {
		o.Body.Delimiters = append(o.Body.Delimiters, string(d))
	}
	return o, s.view(func(v *view) error {
		fields, err := s.hub.Identity.FieldDefs(v.tx)
		for _, f := range fields {
			if f.Of == identity.OfCustomer && !f.Archived {
				o.Body.Targets = append(o.Body.Targets, identity.CustomFieldName(f.ID))
			}
		}
		return err
	})
}

func (s *Server) getImport(_ context.Context, i *idIn) (*out[Import], error) {
	return s.showImport(i.ID)
}

func (s *Server) changeImport(ctx context.Context, i *idBody[ImportChange]) (*out[Import], error) {
	b := i.Body
	ch := people.Change{Mapping: b.Mapping, Country: b.Country, Overwrite: b.Overwrite}
	if b.Encoding != nil || b.Delimiter != nil {
		now, err := s.people.Import(i.ID)
		if err != nil {
			return nil, err
		}
		f := now.Format
		if b.Encoding != nil {
			f.Encoding = *b.Encoding
		}
		if b.Delimiter != nil {
			f.Delimiter = *b.Delimiter
		}
		ch.Format = &f
	}
	if _, err := s.people.Change(ctx, i.ID, ch); err != nil {
		return nil, err
	}
	return s.showImport(i.ID)
}

func (s *Server) checkImport(ctx context.Context, i *idIn) (*out[Import], error) {
	if err := s.people.Check(ctx, i.ID); err != nil {
		return nil, err
	}
	return s.showImport(i.ID)
}

func (s *Server) startImport(ctx context.Context, i *idIn) (*out[Import], error) {
	if err := s.people.Start(ctx, i.ID, who(ctx).id()); err != nil {
		return nil, err
	}
	imp, err := s.people.Import(i.ID)
	if err != nil {
		return nil, err
	}
	if err := s.note(ctx, "people.imported", fmt.Sprintf("%s, %d rows", imp.Name, imp.Total)); err != nil {
		return nil, err
	}
	return s.showImport(i.ID)
}

func (s *Server) stopImport(ctx context.Context, i *idIn) (*out[Import], error) {
	if err := s.people.Stop(ctx, i.ID); err != nil {
		return nil, err
	}
	return s.showImport(i.ID)
}

func (s *Server) deleteImport(ctx context.Context, i *idIn) (*none, error) {
	return &none{}, s.people.Remove(ctx, i.ID)
}

func (s *Server) listImportRows(_ context.Context, i *importRowsIn) (*out[ImportRows], error) {
	after, err := i.key()
	if err != nil {
		return nil, err
	}
	list, next, err := s.people.Rows(i.ID, i.Outcome, after, i.Limit)
	if err != nil {
		return nil, err
	}
	o := &out[ImportRows]{ImportRows{Rows: []ImportRow{}, Next: cursor(next)}}
	return o, s.view(func(v *view) error {
		for _, r := range list {
			row := ImportRow{Row: r.Row, Line: r.Line, Outcome: r.Outcome, Fields: r.Fields, Of: r.Of, Reason: r.Reason, Words: wording.Of(r.Reason), Who: r.Who}
			if r.Customer != 0 {
				if root, err := s.hub.Identity.Root(v.tx, r.Customer); err == nil {
					row.Customer = &CustomerBrief{ID: root.ID, Name: s.hub.Identity.DisplayName(v.tx, root), Company: root.Company, Handles: []string{}}
				}
			}
			o.Body.Rows = append(o.Body.Rows, row)
		}
		return nil
	})
}

func (s *Server) getImportErrors(ctx context.Context, i *idIn) (*huma.StreamResponse, error) {
	imp, err := s.people.Import(i.ID)
	if err != nil {
		return nil, err
	}
	if imp.Blob == "" {
		return nil, &problemError{status: 409, detail: "the file of this import is gone: nothing was left to mend in it"}
	}
	return &huma.StreamResponse{Body: func(hc huma.Context) {
		_, w := humago.Unwrap(hc)
		h := w.Header()
		h.Set("Content-Type", "text/csv; charset=utf-8")
		h.Set("Content-Disposition", disposition(false, "errors.csv"))
		h.Set("Cache-Control", "private, no-store")
		protect(h, fileCSP)
		// The first bytes decide over the status, so an error comes before them.
		var first bytes.Buffer
		if err := s.people.WriteErrors(ctx, i.ID, &first); err != nil {
			s.log.Error("errors of an import", "import", i.ID, "error", err)
			http.Error(w, "the file of this import cannot be read", http.StatusInternalServerError)
			return
		}
		_, _ = w.Write(first.Bytes()) // the client has gone
	}}, nil
}
