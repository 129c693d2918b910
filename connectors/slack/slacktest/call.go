package slacktest

import (
	"encoding/json"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// maxBody is the largest request of the Web API that is read.
const maxBody = 4 << 20

// failure is an answer with "ok": false.
type failure struct {
	code string
	more obj
}

func (f *failure) Error() string { return f.code }

func fail(code string) error { return &failure{code: code} }

// missing is the answer when an argument is not there or not usable.
func missing(messages ...string) error {
	return &failure{code: "invalid_arguments", more: obj{"response_metadata": obj{"messages": messages}}}
}

// call is one call of a method, its arguments read.
type call struct {
	s        *Server
	method   string
	args     map[string]any // strings from a form, any JSON from a body
	token    string
	warnings []string
}

// text of an argument; "" when it is not there. Numbers and booleans of JSON
// read as in a form.
func (c *call) text(name string) string {
	switch v := c.args[name].(type) {
	case string:
		return v
	case json.Number:
		return v.String()
	case bool:
		return strconv.FormatBool(v)
	}
	return ""
}

// need gives an argument that has to be there.
func (c *call) need(name string) (string, error) {
	if v := c.text(name); v != "" {
		return v, nil
	}
	return "", missing("[ERROR] missing required field: " + name)
}

func (c *call) flag(name string) bool {
	v := c.text(name)
	return v == "true" || v == "1"
}

// structure decodes an argument that is JSON: itself in a JSON body, as a string
// in a form. It reports whether it was there.
func (c *call) structure(name string, into any) (bool, error) {
	v, ok := c.args[name]
	if !ok || v == nil || v == "" {
		return false, nil
	}
	b, isText := v.(string)
	if !isText {
		raw, err := json.Marshal(v)
		if err != nil {
			return true, err
		}
		b = string(raw)
	}
	return true, json.Unmarshal([]byte(b), into)
}

// limit reads the size of a page.
func (c *call) limit(standard, most int) (int, error) {
	v := c.text("limit")
	if v == "" || v == "0" {
		return standard, nil
	}
	n, err := strconv.Atoi(v)
	if err != nil || n < 1 || n > most {
		return 0, fail("invalid_limit")
	}
	return n, nil
}

// warn adds to the warnings of the answer.
func (c *call) warn(code string) {
	if !slices.Contains(c.warnings, code) {
		c.warnings = append(c.warnings, code)
	}
}

// arguments reads a request as Slack does: the query, then a form or, where the
// method takes it, JSON. A token counts in the header and in a body only.
func (s *Server) arguments(r *http.Request, m method, c *call) error {
	for k, v := range r.URL.Query() {
		if k == "token" {
			s.violation("%s: the token was sent in the query, where logs keep it", c.method)
			continue
		}
		c.args[k] = v[0]
	}
	c.token = strings.TrimSpace(strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer "))
	if r.Method != http.MethodPost {
		return nil
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, maxBody+1))
	switch {
	case err != nil:
		return fail("request_timeout")
	case len(body) > maxBody:
		return fail("invalid_form_data")
	case len(body) == 0:
		return nil
	}
	kind, params, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if r.Header.Get("Content-Type") == "" {
		return fail("missing_post_type")
	}
	if err != nil {
		return fail("invalid_post_type")
	}
	if cs := strings.ToLower(params["charset"]); cs != "" && cs != "utf-8" && cs != "iso-8859-1" {
		return fail("invalid_charset")
	}
	switch kind {
	case "application/json":
		if params["charset"] == "" {
			c.warn("missing_charset")
		}
		if !m.json {
			s.violation("%s: takes a form, not JSON", c.method)
			return nil // Slack does not look into it
		}
		d := json.NewDecoder(strings.NewReader(string(body)))
		d.UseNumber()
		var v any
		if err := d.Decode(&v); err != nil {
			return fail("invalid_json")
		}
		object, ok := v.(map[string]any)
		if !ok {
			return fail("json_not_object")
		}
		for k, v := range object {
			if k != "token" { // counts in the header only
				c.args[k] = v
			}
		}
		return nil
	case "application/x-www-form-urlencoded":
		if params["charset"] != "" {
			c.warn("superfluous_charset")
		}
		form, err := url.ParseQuery(string(body))
		if err != nil {
			return fail("invalid_form_data")
		}
		return c.form(form)
	case "multipart/form-data":
		r.Body = io.NopCloser(strings.NewReader(string(body)))
		if err := r.ParseMultipartForm(maxBody); err != nil {
			return fail("invalid_form_data")
		}
		return c.form(r.MultipartForm.Value)
	}
	return fail("invalid_post_type")
}

func (c *call) form(form url.Values) error {
	for k, v := range form {
		if strings.HasSuffix(k, "[]") || len(v) > 1 {
			return fail("invalid_array_arg")
		}
		if k == "token" {
			if c.token == "" {
				c.token = v[0]
			}
			continue
		}
		c.args[k] = v[0]
	}
	return nil
}

// Call is one call of the Web API, as it was answered.
type Call struct {
	Method string
	Args   map[string]string // without the token; JSON as it was
	Error  string            // "", or the code of the answer, or "HTTP 429"
	At     time.Time
}

// Calls are the calls of a method so far, or of all methods for "". The bytes of
// files go by the names "upload" and "download", without arguments.
func (s *Server) Calls(method string) []Call {
	s.mu.Lock()
	defer s.mu.Unlock()
	var list []Call
	for _, c := range s.api.calls {
		if method == "" || c.Method == method {
			list = append(list, c)
		}
	}
	return list
}

func (s *Server) note(c *call, result string) {
	args := map[string]string{}
	for k, v := range c.args {
		if t, ok := v.(string); ok {
			args[k] = t
		} else if b, err := json.Marshal(v); err == nil {
			args[k] = string(b)
		} else {
			args[k] = fmt.Sprint(v)
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.api.calls = append(s.api.calls, Call{Method: c.method, Args: args, Error: result, At: s.opt.Now()})
	s.touch()
}
