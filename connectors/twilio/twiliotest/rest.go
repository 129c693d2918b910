package twiliotest

import (
	"bytes"
	"crypto/subtle"
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// maxRequestBody is the largest form the API reads.
const maxRequestBody = 1 << 20

// call of the API, its parameters read.
type apiRequest struct {
	*http.Request
	query, form url.Values
	parts       []string // path below the account, without extension: ["Messages", "SM…"]
	ext         string   // "json", "wav", "mp3" or ""
}

// answer is what a handler gives back: JSON, or raw content.
type answer struct {
	status      int
	json        any
	contentType string
	raw         []byte
	location    string
}

// recorder collects an answer, so that a cut connection can lose it as a whole.
type recorder struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (r *recorder) Header() http.Header         { return r.header }
func (r *recorder) WriteHeader(status int)      { r.status = status }
func (r *recorder) Write(p []byte) (int, error) { return r.body.Write(p) }

// ServeHTTP speaks the API. It is exported for a test that wants to put the double behind a server of its own.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if strings.HasPrefix(r.URL.Path, devicePath) {
		s.serveDevice(w, r)
		return
	}
	s.mu.Lock()
	s.inFlight++
	busy := s.opt.MaxConcurrent > 0 && s.inFlight > s.opt.MaxConcurrent
	s.mu.Unlock()
	defer func() { s.mu.Lock(); s.inFlight--; s.mu.Unlock() }()

	f := s.takeFault(r)
	if f != nil && f.Delay > 0 {
		select {
		case <-time.After(f.Delay):
		case <-s.ctx.Done():
			return
		case <-r.Context().Done(): // the client gave up: nothing is done
			s.log(r, nil, 0)
			return
		}
	}
	if f != nil && f.Cut == CutBefore {
		s.log(r, nil, 0)
		panic(http.ErrAbortHandler)
	}
	rec := &recorder{header: http.Header{}, status: http.StatusOK}
	rq := &apiRequest{Request: r, query: r.URL.Query()}
	var a answer
	var e *apiError
	switch {
	case f != nil && f.Status == http.StatusTooManyRequests, busy:
		e = &apiError{status: http.StatusTooManyRequests, code: 20429, message: "Too Many Requests"}
	case f != nil && f.Status != 0:
		e = &apiError{status: f.Status, code: 20500, message: "Internal Server Error"}
		if f.Status == http.StatusServiceUnavailable {
			e.code, e.message = 20503, "Service is unavailable"
		}
	case f != nil && f.ContentType != "":
		a = answer{status: http.StatusOK, contentType: f.ContentType, raw: []byte(f.Body)}
	default:
		a, e = s.serve(rq)
	}
	if f != nil && f.RetryAfter > 0 {
		rec.header.Set("Retry-After", strconv.Itoa(int(f.RetryAfter/time.Second)))
	}
	writeAnswer(rec, a, e)
	if f != nil && f.Cut == CutAfter {
		s.log(r, rq.form, 0)
		panic(http.ErrAbortHandler)
	}
	s.log(r, rq.form, rec.status)
	for k, v := range rec.header {
		w.Header()[k] = v
	}
	w.WriteHeader(rec.status)
	_, _ = w.Write(rec.body.Bytes())
}

func writeAnswer(rec *recorder, a answer, e *apiError) {
	rec.header.Set("X-Api-Domain", "api.twilio.com")
	rec.header.Set("Twilio-Request-Id", newSID("RQ"))
	if e != nil {
		for k, v := range e.header {
			rec.header[k] = v
		}
		a = answer{status: e.status, json: e.body()}
	}
	if a.location != "" {
		rec.header.Set("Location", a.location)
	}
	if a.json != nil {
		rec.header.Set("Content-Type", "application/json;charset=utf-8")
		enc := json.NewEncoder(&rec.body)
		enc.SetEscapeHTML(false)
		_ = enc.Encode(a.json)
	} else if a.contentType != "" {
		rec.header.Set("Content-Type", a.contentType)
		rec.body.Write(a.raw)
	}
	rec.status = a.status
}

func (s *Server) log(r *http.Request, form url.Values, status int) {
	user, _, _ := r.BasicAuth()
	s.update(func() {
		s.requests = keep(s.requests, Request{Method: r.Method, Path: r.URL.Path, Query: r.URL.Query(), Form: form,
			Status: status, Username: user})
	})
}

// authorised reports whether the request carries the account's credentials or those of an API key.
func (s *Server) authorised(r *http.Request) bool {
	user, pass, ok := r.BasicAuth()
	if !ok {
		return false
	}
	want := s.opt.AuthToken
	if user != s.opt.AccountSID {
		if want, ok = s.opt.APIKeys[user]; !ok {
			return false
		}
	}
	return subtle.ConstantTimeCompare([]byte(pass), []byte(want)) == 1
}

// serve checks who asks for what in which form, and hands the request to the resource.
func (s *Server) serve(rq *apiRequest) (answer, *apiError) {
	if strings.HasPrefix(rq.URL.Path, cdnPrefix) {
		return s.serveCDN(rq)
	}
	if rq.URL.Path == contentPath {
		return s.serveContent(rq)
	}
	rest, ok := strings.CutPrefix(rq.URL.Path, "/"+apiVersion+"/Accounts")
	if !ok {
		return answer{}, notFound(rq.URL.Path)
	}
	if i := strings.LastIndexByte(rest, '.'); i > strings.LastIndexByte(rest, '/') {
		rest, rq.ext = rest[:i], rest[i+1:]
	}
	rq.parts = strings.Split(strings.TrimPrefix(rest, "/"), "/")
	if !(s.authorised(rq.Request) || s.opt.OpenMedia && rq.isMedia()) {
		return answer{}, unauthorised()
	}
	if rq.parts[0] != s.opt.AccountSID {
		return answer{}, notFound(rq.URL.Path)
	}
	rq.parts = rq.parts[1:]
	if rq.ext != "json" && !rq.isMediaPath() {
		return answer{}, &apiError{status: http.StatusNotFound, code: 20404,
			message: "This double answers in JSON only: end the path in .json"}
	}
	if rq.Method == http.MethodPost {
		ct, _, _ := strings.Cut(rq.Header.Get("Content-Type"), ";")
		if ct != "application/x-www-form-urlencoded" && rq.ContentLength != 0 {
			return answer{}, &apiError{status: http.StatusUnsupportedMediaType, code: 20001,
				message: "Unsupported media type: send application/x-www-form-urlencoded"}
		}
		rq.Body = http.MaxBytesReader(nil, rq.Body, maxRequestBody)
		if err := rq.ParseForm(); err != nil {
			return answer{}, fail(20001, "The form could not be read: %v", err)
		}
		rq.form = rq.PostForm
	}
	return s.resource(rq)
}

// isMedia reports whether the path, with its account in front, is of media content.
func (rq *apiRequest) isMedia() bool {
	c := &apiRequest{parts: rq.parts[1:], ext: rq.ext}
	return c.isMediaPath()
}

// isMediaPath reports whether the path is of media content rather than of a description.
func (rq *apiRequest) isMediaPath() bool {
	p := rq.parts
	return rq.ext != "json" && (len(p) == 4 && p[0] == "Messages" && p[2] == "Media" || len(p) == 2 && p[0] == "Recordings")
}

func (s *Server) resource(rq *apiRequest) (answer, *apiError) {
	p := rq.parts
	if len(p) == 0 {
		return s.account(rq)
	}
	switch p[0] {
	case "Messages":
		return s.messagesResource(rq)
	case "IncomingPhoneNumbers":
		return s.numbersResource(rq)
	case "Calls":
		return s.callsResource(rq)
	case "Recordings":
		return s.recordingsResource(rq)
	case "Queues":
		return s.queuesResource(rq)
	case "Conferences":
		return s.conferencesResource(rq)
	}
	return answer{}, notFound(rq.URL.Path)
}

// account answers the fetch of the account itself, with which a client tests its credentials.
func (s *Server) account(rq *apiRequest) (answer, *apiError) {
	if rq.Method != http.MethodGet {
		return answer{}, notAllowed(rq)
	}
	uri := s.uri()
	sub := map[string]string{}
	for k, v := range map[string]string{"messages": "Messages", "calls": "Calls", "recordings": "Recordings",
		"conferences": "Conferences", "queues": "Queues", "incoming_phone_numbers": "IncomingPhoneNumbers"} {
		sub[k] = s.uri(v) + ".json"
	}
	return answer{status: 200, json: map[string]any{
		"sid": s.opt.AccountSID, "owner_account_sid": s.opt.AccountSID, "friendly_name": "Test account", "status": "active",
		"type": "Full", "auth_token": s.opt.AuthToken, "date_created": rfc2822(s.opt.Now()),
		"date_updated": rfc2822(s.opt.Now()), "uri": uri + ".json", "subresource_uris": sub,
	}}, nil
}

func notAllowed(rq *apiRequest) *apiError {
	return &apiError{status: http.StatusMethodNotAllowed, code: 20004, message: rq.Method + " is not allowed on this resource"}
}

// allow notes every parameter of the request that the resource does not know.
func (s *Server) allow(rq *apiRequest, names ...string) {
	known := map[string]bool{}
	for _, n := range names {
		known[n] = true
	}
	values := rq.query
	if rq.Method == http.MethodPost {
		values = rq.form
	}
	for k := range values {
		if !known[k] {
			s.note("%s %s: unknown parameter %s", rq.Method, rq.URL.Path, k)
		}
	}
}

// uri is the path of a resource of the account, without extension.
func (s *Server) uri(parts ...string) string {
	u := "/" + apiVersion + "/Accounts/" + s.opt.AccountSID
	for _, p := range parts {
		u += "/" + p
	}
	return u
}

// rfc2822 formats a date stamp as the API does.
func rfc2822(t time.Time) string { return t.UTC().Format("Mon, 02 Jan 2006 15:04:05 +0000") }

// stamp is rfc2822 or, for the zero time, null.
func stamp(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return rfc2822(t)
}

// orNil turns the empty string into null.
func orNil(s string) any {
	if s == "" {
		return nil
	}
	return s
}
