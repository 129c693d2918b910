package twiliotest

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/twilio/twilio-go/client"
	api "github.com/twilio/twilio-go/rest/api/v2010"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	ours     = "+15550100"
	customer = "+15550123"
	agent    = "+15550177"
	waOurs   = "whatsapp:+15550100"
	waThem   = "whatsapp:+15550123"
	service  = "MG00000000000000000000000000000001"
	template = "HX00000000000000000000000000000001"
)

// app is the application's side: it checks every signature with the vendor's validator and answers from a table.
type app struct {
	t      *testing.T
	srv    *Server
	url    string
	mu     sync.Mutex
	answer map[string]http.HandlerFunc
	got    []hit
	more   chan struct{}
}

type hit struct {
	path   string
	form   map[string]string
	header http.Header
}

// start runs a double and an application next to each other.
func start(t *testing.T, o Options) (*Server, *app) {
	t.Helper()
	a := &app{t: t, answer: map[string]http.HandlerFunc{}, more: make(chan struct{}, 10000)}
	web := httptest.NewServer(a)
	t.Cleanup(web.Close)
	a.url = web.URL
	if o.Speed == 0 {
		o.Speed = 100
	}
	if o.Numbers == nil {
		o.Numbers = []Number{
			{PhoneNumber: ours, SMS: true, MMS: true, Voice: true, SMSURL: a.url + "/sms", SMSFallbackURL: a.url + "/fallback",
				VoiceURL: a.url + "/voice", StatusCallback: a.url + "/ended"},
			{PhoneNumber: waOurs, SMSURL: a.url + "/wa"},
			{PhoneNumber: "+15550101", SMS: true, SMSURL: a.url + "/sms"},
			{PhoneNumber: "SHOP", SMS: true},
		}
		o.Services = []Service{{SID: service, Senders: []string{"+15550101"}, InboundURL: a.url + "/service",
			StatusCallback: a.url + "/status", AdvancedOptOut: true}}
		o.Templates = []Template{{SID: template, Body: "Hello {{1}}, your order {{2}} is ready."}}
	}
	srv, err := Start(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(srv.Close)
	a.srv = srv
	return srv, a
}

func (a *app) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if err := r.ParseForm(); err != nil {
		a.t.Errorf("form of %s: %v", r.URL, err)
	}
	form := map[string]string{}
	for k := range r.PostForm {
		form[k] = r.PostForm.Get(k)
	}
	v := client.NewRequestValidator(a.srv.AuthToken())
	if r.URL.Path != "/logo.png" && !v.Validate("http://"+r.Host+r.URL.RequestURI(), form, r.Header.Get("X-Twilio-Signature")) {
		a.t.Errorf("the vendor's validator refuses the signature of %s %s", r.Method, r.URL)
	}
	if r.Method == http.MethodGet {
		for k := range r.Form {
			form[k] = r.Form.Get(k)
		}
	}
	a.mu.Lock()
	a.got = append(a.got, hit{r.URL.Path, form, r.Header})
	f := a.answer[r.URL.Path]
	a.mu.Unlock()
	a.more <- struct{}{}
	if f != nil {
		f(w, r)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

// on answers a path with TwiML.
func (a *app) on(path, twiml string) {
	a.handle(path, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/xml")
		_, _ = io.WriteString(w, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Response>"+twiml+"</Response>")
	})
}

func (a *app) handle(path string, f http.HandlerFunc) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.answer[path] = f
}

// hits returns the requests to a path so far.
func (a *app) hits(path string) []hit {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(a.got), func(h hit) bool { return h.path != path })
}

// wait waits for a request to a path for which match is true.
func (a *app) wait(path string, match func(hit) bool) hit {
	a.t.Helper()
	deadline := time.After(20 * time.Second)
	for {
		for _, h := range a.hits(path) {
			if match == nil || match(h) {
				return h
			}
		}
		select {
		case <-a.more:
		case <-deadline:
			a.t.Fatalf("no such request to %s; got %v; alerts %v", path, a.hits(path), a.srv.Alerts())
		}
	}
}

func status(want string) func(hit) bool {
	return func(h hit) bool { return h.form["MessageStatus"] == want }
}

// vendor returns the vendor's Go client, sent to the double.
func vendor(t *testing.T, s *Server) *api.ApiService {
	t.Helper()
	c := &client.Client{Credentials: client.NewCredentials(s.AccountSID(), s.AuthToken()),
		HTTPClient: &http.Client{Transport: rewrite{s.URL(), t}}}
	c.SetAccountSid(s.AccountSID())
	return api.NewApiService(client.NewRequestHandler(c))
}

// rewrite sends what is meant for the vendor to the double, and compares every answer with the OpenAPI file.
type rewrite struct {
	base string
	t    *testing.T
}

func (rw rewrite) RoundTrip(r *http.Request) (*http.Response, error) {
	to, _ := url.Parse(rw.base)
	r.URL.Scheme, r.URL.Host = to.Scheme, to.Host
	resp, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	body, err := io.ReadAll(resp.Body)
	resp.Body.Close()
	if err != nil {
		return nil, err
	}
	resp.Body = io.NopCloser(strings.NewReader(string(body)))
	compareOpenAPI(rw.t, r, resp.StatusCode, body)
	return resp, nil
}

// raw makes a request with the account's credentials and decodes the JSON answer.
func raw(t *testing.T, s *Server, method, path string, form url.Values) (int, map[string]any) {
	t.Helper()
	req, err := http.NewRequest(method, s.URL()+path, strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.SetBasicAuth(s.AccountSID(), s.AuthToken())
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	compareOpenAPI(t, req, resp.StatusCode, body)
	var v map[string]any
	if len(body) > 0 {
		if err := json.Unmarshal(body, &v); err != nil {
			t.Fatalf("%s %s: %v in %q", method, path, err, body)
		}
	}
	return resp.StatusCode, v
}

func (s *Server) path(parts ...string) string { return s.uri(parts...) + ".json" }

func ctx(t *testing.T) context.Context {
	c, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	t.Cleanup(cancel)
	return c
}

func hasAlert(s *Server, code int) bool {
	return slices.ContainsFunc(s.Alerts(), func(a Alert) bool { return a.Code == code })
}

func newServer(t testing.TB, h http.Handler) string {
	web := httptest.NewServer(h)
	t.Cleanup(web.Close)
	return web.URL
}
