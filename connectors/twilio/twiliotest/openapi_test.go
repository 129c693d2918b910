package twiliotest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/mail"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
)

// openAPI is the vendor's description of the API, when it is there.
var openAPI = sync.OnceValue(func() map[string]any {
	name := os.Getenv("THROUGHLINE_TWILIO_OPENAPI")
	if name == "" {
		dir, _ := os.Getwd()
		for dir != filepath.Dir(dir) {
			if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
				break
			}
			dir = filepath.Dir(dir)
		}
		name = filepath.Join(filepath.Dir(dir), "shared", "cases", "twilio", "twilio_api_v2010.json")
	}
	data, err := os.ReadFile(name)
	if err != nil {
		return nil
	}
	var doc map[string]any
	if json.Unmarshal(data, &doc) != nil {
		return nil
	}
	return doc
})

var compared sync.Map // "GET /path": true, for the test that says what was compared

// compareOpenAPI compares an answer with the vendor's description: the path, the status, every property there and none
// more, types, patterns, enumerations, date formats. Without the file it does nothing.
func compareOpenAPI(t *testing.T, r *http.Request, status int, body []byte) {
	t.Helper()
	doc := openAPI()
	if doc == nil || status >= 400 {
		return
	}
	for path, v := range doc["paths"].(map[string]any) {
		pattern := regexp.MustCompile(`\\\{\w+\\\}`).ReplaceAllString(regexp.QuoteMeta(path), `[^/]+`)
		if !regexp.MustCompile("^"+pattern+"$").MatchString(r.URL.Path) || strings.Contains(path, "/Local.json") {
			continue
		}
		op, ok := v.(map[string]any)[strings.ToLower(r.Method)].(map[string]any)
		if !ok {
			continue
		}
		resp, ok := op["responses"].(map[string]any)[fmt.Sprint(status)].(map[string]any)
		if !ok {
			t.Errorf("%s %s: status %d is not in the vendor's description", r.Method, path, status)
			return
		}
		compared.Store(r.Method+" "+path, true)
		content, ok := resp["content"].(map[string]any)
		if !ok {
			return
		}
		var got any
		if err := json.Unmarshal(body, &got); err != nil {
			t.Errorf("%s %s: %v", r.Method, path, err)
			return
		}
		schema := content["application/json"].(map[string]any)["schema"].(map[string]any)
		compare(t, r.Method+" "+path, schema, got)
		return
	}
	t.Errorf("%s %s is not in the vendor's description", r.Method, r.URL.Path)
}

func compare(t *testing.T, at string, schema map[string]any, got any) {
	t.Helper()
	if ref, ok := schema["$ref"].(string); ok {
		schema = openAPI()["components"].(map[string]any)["schemas"].(map[string]any)[filepath.Base(ref)].(map[string]any)
	}
	if got == nil {
		about, _ := schema["description"].(string) // of an enumeration that says so in words only
		if n, _ := schema["nullable"].(bool); !n && !strings.Contains(about, "will be `null`") {
			t.Errorf("%s is null", at)
		}
		return
	}
	kind, _ := schema["type"].(string)
	switch v := got.(type) {
	case string:
		if kind != "string" && kind != "" {
			t.Errorf("%s is a string, want %s", at, kind)
		}
		if p, ok := schema["pattern"].(string); ok && !regexp.MustCompile(p).MatchString(v) {
			t.Errorf("%s = %q does not match %s", at, v, p)
		}
		if e, ok := schema["enum"].([]any); ok && !slices.Contains(e, got) {
			t.Errorf("%s = %q, want one of %v", at, v, e)
		}
		if schema["format"] == "date-time-rfc-2822" {
			if _, err := mail.ParseDate(v); err != nil {
				t.Errorf("%s = %q: %v", at, v, err)
			}
		}
	case bool:
		if kind != "boolean" {
			t.Errorf("%s is a boolean, want %s", at, kind)
		}
	case float64:
		if kind != "integer" && kind != "number" {
			t.Errorf("%s is a number, want %s", at, kind)
		}
	case []any:
		items, _ := schema["items"].(map[string]any)
		for i, x := range v {
			compare(t, fmt.Sprintf("%s[%d]", at, i), items, x)
		}
	case map[string]any:
		props, _ := schema["properties"].(map[string]any)
		if props == nil {
			return
		}
		for k, x := range v {
			p, ok := props[k].(map[string]any)
			if !ok {
				t.Errorf("%s.%s is not in the vendor's description", at, k)
				continue
			}
			compare(t, at+"."+k, p, x)
		}
		for k := range props {
			if _, ok := v[k]; !ok {
				t.Errorf("%s.%s is missing", at, k)
			}
		}
	}
}

// TestOpenAPI asks for every list, and says plainly whether answers are compared
// with the vendor's description, which is no part of the project.
func TestOpenAPI(t *testing.T) {
	if openAPI() == nil {
		t.Log("the vendor's OpenAPI file is not here (set THROUGHLINE_TWILIO_OPENAPI): answers are not compared with it")
	}
	srv, _ := start(t, Options{})
	for _, p := range []string{"Messages", "Calls", "Recordings", "Queues", "Conferences", "IncomingPhoneNumbers"} {
		if code, v := raw(t, srv, "GET", srv.path(p), nil); code != 200 {
			t.Errorf("GET %s: %d %v", p, code, v)
		}
	}
	if code, v := raw(t, srv, "GET", srv.path(), nil); code != 200 {
		t.Errorf("GET account: %d %v", code, v)
	}
}
