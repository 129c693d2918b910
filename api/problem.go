package api

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"throughline/accounts"
	"throughline/auth"
	"throughline/blob"
	"throughline/documents"
	"throughline/identity"
	"throughline/inbox"
	"throughline/people"
	"throughline/preference"
	"throughline/store"
	"throughline/wording"
)

// problemError is an error with its HTTP status and what to do about it.
type problemError struct {
	status  int
	detail  string
	errors  []*huma.ErrorDetail
	headers map[string]string
	newer   []Entry // of a reply held back
	clash   []Clash // of a card that somebody else changed meanwhile
}

func (e *problemError) Error() string { return e.detail }

// typeBase begins the type of a problem whose text has a name (RFC 9457 section 3.1.1).
const typeBase = "https://throughline.example/problems/"

// typeNewer is the type of the problem of a reply held back.
const typeNewer = typeBase + "newer"

// Problem is an error as RFC 9457 writes it.
type Problem struct {
	Type   string         `json:"type,omitempty" format:"uri" default:"about:blank" doc:"The kind of problem, where it has a name."`
	Title  string         `json:"title,omitempty" doc:"The HTTP status in words."`
	Status int            `json:"status,omitempty"`
	Detail string         `json:"detail,omitempty" doc:"What is wrong and what to do about it, in English."`
	Words  *Words         `json:"words,omitempty" doc:"Of the detail."`
	Errors []ProblemField `json:"errors,omitempty" doc:"What of the request is to blame."`
}

// ProblemField blames a part of a request.
type ProblemField struct {
	Location string `json:"location,omitempty" doc:"Where it stands, for example body.settings.host."`
	Message  string `json:"message,omitempty"`
	Words    *Words `json:"words,omitempty" doc:"Of the message."`
}

func (p *Problem) Error() string             { return p.Detail }
func (p *Problem) GetStatus() int            { return p.Status }
func (p *Problem) ContentType(string) string { return "application/problem+json" }

// newProblem names the texts of a problem. A fault of one field has its location
// before its text.
func newProblem(status int, detail string, fields []*huma.ErrorDetail) *Problem {
	p := &Problem{Title: http.StatusText(status), Status: status, Detail: detail}
	for _, f := range fields {
		p.Errors = append(p.Errors, ProblemField{Location: f.Location, Message: f.Message, Words: wording.Of(f.Message)})
	}
	if p.Words = wording.Of(detail); p.Words == nil && len(p.Errors) == 1 && strings.HasSuffix(detail, p.Errors[0].Message) {
		p.Words = p.Errors[0].Words
	}
	if p.Words != nil {
		p.Type = typeBase + strings.TrimPrefix(p.Words.Code, "problem.")
	}
	return p
}

// wordsOf names several texts, nil if none has a name.
func wordsOf(texts []string) (list []*Words) {
	named := false
	for _, t := range texts {
		w := wording.Of(t)
		list, named = append(list, w), named || w != nil
	}
	if !named {
		return nil
	}
	return list
}

// problem turns the error of an operation into its answer.
func (s *Server) problem(ctx context.Context, err error) error {
	p := s.toProblem(ctx, err)
	var out error = newProblem(p.status, p.detail, p.errors)
	if p.newer != nil {
		out = &newerProblem{Newer{Type: typeNewer, Title: "Held back", Status: p.status, Detail: p.detail, Words: wording.Of(p.detail), Newer: p.newer}}
	}
	if p.clash != nil {
		out = &clashProblem{Clashes{Type: typeClash, Title: "Changed meanwhile", Status: p.status, Detail: p.detail, Conflicts: p.clash}}
	}
	if len(p.headers) > 0 {
		h := http.Header{}
		for k, v := range p.headers {
			h.Set(k, v)
		}
		out = huma.ErrorWithHeaders(out, h)
	}
	return out
}

// newerProblem is Newer as an error that huma can answer with.
type newerProblem struct{ Newer }

func (p *newerProblem) Error() string             { return p.Detail }
func (p *newerProblem) GetStatus() int            { return p.Status }
func (p *newerProblem) ContentType(string) string { return "application/problem+json" }

// toProblem is the one place that knows which status an error of the domain has.
// What it does not know is logged under a number and told to nobody.
func (s *Server) toProblem(ctx context.Context, err error) *problemError {
	var (
		own      *problemError
		invalid  *inbox.InvalidError
		unclear  *preference.InvalidError
		conflict *inbox.ConflictError
		notSame  *inbox.NotSameError
		unwanted *inbox.UnwantedError
		idClash  *identity.ConflictError
		idField  *identity.InvalidError
		clash    *identity.EditError
		task     *inbox.TaskConflict
		list     *people.InvalidError
		busy     *people.ConflictError
		field    *auth.FieldError
		weak     *auth.WeakPasswordError
		limited  *auth.RateLimitedError
		settings *accounts.Invalid
		tooBig   *http.MaxBytesError

		invalidDoc  *documents.InvalidError
		conflictDoc *documents.ConflictError
		largeDoc    *documents.TooLargeError
		infected    *documents.InfectedError
	)
	bad := func(location, text string) *problemError {
		return &problemError{status: 422, detail: location + ": " + text, errors: []*huma.ErrorDetail{{Location: "body." + location, Message: text}}}
	}
	taken := func(location string) *problemError {
		return &problemError{status: 409, detail: err.Error(), errors: []*huma.ErrorDetail{{Location: "body." + location, Message: err.Error()}}}
	}
	simple := func(status int) *problemError { return &problemError{status: status, detail: err.Error()} }
	switch {
	case errors.As(err, &own):
		return own
	case errors.As(err, &invalid):
		return bad(invalid.Field, invalid.Text)
	case errors.As(err, &idField):
		return bad(idField.Field, idField.Text)
	case errors.As(err, &list):
		return bad(list.Field, list.Text)
	case errors.As(err, &clash):
		return &problemError{status: 409, detail: err.Error(), clash: clashes(clash)}
	case errors.As(err, &task), errors.As(err, &busy):
		return simple(409)
	case errors.As(err, &unclear):
		return bad(unclear.Field, unclear.Text)
	case errors.As(err, &field):
		return bad(field.Field, field.Reason)
	case errors.As(err, &settings):
		return settingsProblem(settings)
	case errors.As(err, &weak):
		return bad("password", err.Error())
	case errors.As(err, &limited):
		seconds := max(1, int(limited.RetryAfter.Seconds()+0.999))
		return &problemError{status: 429, detail: err.Error(), headers: map[string]string{"Retry-After": strconv.Itoa(seconds)}}
	case errors.As(err, &notSame), errors.As(err, &unwanted):
		return &problemError{status: 409, detail: err.Error(), errors: []*huma.ErrorDetail{{Location: "body.anyway", Message: err.Error()}}}
	case errors.As(err, &conflict), errors.As(err, &idClash):
		return simple(409)
	case errors.As(err, &invalidDoc):
		return bad(invalidDoc.Field, invalidDoc.Text)
	case errors.As(err, &conflictDoc), errors.As(err, &infected):
		return simple(409)
	case errors.Is(err, documents.ErrUnscanned):
		return &problemError{status: 503, detail: err.Error(), headers: map[string]string{"Retry-After": "15"}}
	case errors.As(err, &largeDoc):
		return simple(413)
	case errors.As(err, &tooBig):
		return &problemError{status: 413, detail: fmt.Sprintf("this is larger than %d MiB: send a link to it instead", tooBig.Limit>>20)}
	case isSignedOut(err), errors.Is(err, auth.ErrWrongPassword):
		return &problemError{status: 401, detail: err.Error(), headers: map[string]string{"WWW-Authenticate": `Bearer realm="throughline"`}}
	case errors.Is(err, auth.ErrOldPassword):
		return bad("old", err.Error())
	case errors.Is(err, auth.ErrExpiredLink):
		return simple(410)
	case errors.Is(err, auth.ErrDisabled), errors.Is(err, documents.ErrRole):
		return simple(403)
	case errors.Is(err, auth.ErrEmailTaken):
		return taken("email")
	case errors.Is(err, accounts.ErrExists):
		return taken("id")
	case errors.Is(err, auth.ErrSetupDone), errors.Is(err, auth.ErrLastAdmin), errors.Is(err, auth.ErrTooManyKeys),
		errors.Is(err, accounts.ErrFromFile), errors.Is(err, accounts.ErrStale):
		return simple(409)
	case errors.Is(err, auth.ErrBusy), errors.Is(err, accounts.ErrBusy):
		return &problemError{status: 503, detail: err.Error(), headers: map[string]string{"Retry-After": "2"}}
	case errors.Is(err, auth.ErrNotFound), errors.Is(err, blob.ErrNotFound), errors.Is(err, blob.ErrBadName), errors.Is(err, store.ErrNotFound):
		return &problemError{status: 404, detail: "there is nothing of this ID: it may be gone; reload the list"}
	case errors.Is(err, store.ErrClosed):
		return &problemError{status: 503, detail: "the hub is shutting down: try again in a moment", headers: map[string]string{"Retry-After": "5"}}
	case ctx.Err() != nil:
		return &problemError{status: 499, detail: "the request was given up"}
	}
	ref := strings.ToLower(rand.Text()[:8])
	s.log.Error("request failed", "ref", ref, "error", err)
	return &problemError{status: 500, detail: "something went wrong inside the hub: try again, and if it stays give reference " + ref + " to whoever runs it"}
}

// settingsProblem blames each wrong setting at its place.
func settingsProblem(e *accounts.Invalid) *problemError {
	p := &problemError{status: 422, detail: "the account was not saved: correct what is marked"}
	for _, f := range e.Fields {
		p.errors = append(p.errors, &huma.ErrorDetail{Location: "body." + f.Key, Message: f.Text})
	}
	for _, f := range e.Settings {
		loc := "body.settings"
		if f.Key != "" {
			loc += "." + f.Key
		}
		p.errors = append(p.errors, &huma.ErrorDetail{Location: loc, Message: f.Text})
	}
	return p
}

// adviseOnValidation turns "validation failed" into something to act on.
func adviseOnValidation(ctx huma.Context, status string, v any) (any, error) {
	m, ok := v.(*huma.ErrorModel)
	if !ok {
		return v, nil
	}
	switch {
	case m.Status == http.StatusRequestEntityTooLarge && strings.HasPrefix(m.Detail, "request body is too large"):
		m.Detail = fmt.Sprintf("the request is larger than %d KiB: send less at once, and files as uploads", ctx.Operation().MaxBodyBytes>>10)
	case m.Status == http.StatusRequestTimeout:
		m.Detail = fmt.Sprintf("the request did not arrive within %s: try again over a better line", ctx.Operation().BodyReadTimeout)
	case m.Detail == "request body is required":
		m.Detail = "the request has no body: send JSON as /openapi.json describes it"
	}
	if len(m.Errors) == 0 || m.Detail != "validation failed" {
		return newProblem(m.Status, m.Detail, m.Errors), nil
	}
	for _, e := range m.Errors {
		e.Value = nil // never repeat what was sent: it may be a password
	}
	first := m.Errors[0]
	m.Detail = fmt.Sprintf("the request does not fit: %s: %s", first.Location, first.Message)
	if n := len(m.Errors) - 1; n > 0 {
		m.Detail += fmt.Sprintf(" (and %d more, see errors)", n)
	}
	m.Detail += "; /openapi.json describes what fits"
	return newProblem(m.Status, m.Detail, m.Errors), nil
}
