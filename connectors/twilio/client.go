package twilio

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/twilio/twilio-go/client"
	openapi "github.com/twilio/twilio-go/rest/api/v2010"

	"throughline/connectors"
)

// limits are the bounds on waiting; tests shorten them.
type limits struct {
	api       time.Duration   // one request of the API
	webhook   time.Duration   // all of a webhook; Twilio gives up after 15 s
	media     time.Duration   // the files of a message inside a webhook
	file      time.Duration   // one file outside of a webhook
	again     []time.Duration // pauses before a missing file is tried again; after the last it is given up
	soon      time.Duration   // until a look after the hub refused something
	overlap   time.Duration   // how far each look reaches back behind the last one
	states    time.Duration   // how far a look for delivery states reaches back
	rateLimit time.Duration   // pause after 429 without Retry-After
	after     time.Duration   // between two looks at the calls that go on
}

func defaultLimits() limits {
	return limits{
		api: 20 * time.Second, webhook: 12 * time.Second, media: 5 * time.Second, file: 2 * time.Minute,
		again: []time.Duration{5 * time.Second, 15 * time.Second, time.Minute, 5 * time.Minute, 15 * time.Minute,
			time.Hour, 2 * time.Hour, 4 * time.Hour, 8 * time.Hour},
		soon:    10 * time.Second,
		overlap: 15 * time.Minute, states: 6 * time.Hour, rateLimit: time.Second, after: time.Minute,
	}
}

const (
	// maxAnswer is the largest answer of the API that is read: a page of a
	// thousand messages stays well below it.
	maxAnswer = 32 << 20
	// maxRetryAfter bounds a wish of the provider that makes no sense.
	maxRetryAfter = time.Hour
)

// newClient makes the transport of one account. HTTP/1.1 only: there it is known
// whether a request was written.
func newClient() *http.Client {
	t := &http.Transport{
		Proxy:                 http.ProxyFromEnvironment,
		DialContext:           (&net.Dialer{Timeout: 10 * time.Second, KeepAlive: 30 * time.Second}).DialContext,
		TLSHandshakeTimeout:   10 * time.Second,
		ResponseHeaderTimeout: 60 * time.Second,
		// Well before the other side closes a connection that rests: one that it
		// closes while we write to it would leave a message in doubt.
		IdleConnTimeout:     10 * time.Second,
		MaxIdleConnsPerHost: 8,
		Protocols:           new(http.Protocols),
	}
	t.Protocols.SetHTTP1(true)
	return &http.Client{Transport: t, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

// apiError is a request that the API refused or that got no answer.
type apiError struct {
	status  int // of HTTP, 0 without an answer
	code    int // the vendor's, 0 if none
	message string
	after   time.Duration // Retry-After, 0 if none
	written bool          // the request was, at least in part
	err     error         // why there was no answer
}

func (e *apiError) Error() string {
	switch {
	case e.err != nil:
		return "Twilio cannot be reached: " + plainCause(e.err)
	case e.message != "":
		return "Twilio says: " + e.message
	}
	return "Twilio answers " + strconv.Itoa(e.status) + " " + http.StatusText(e.status)
}

func (e *apiError) Unwrap() error { return e.err }

// plainCause takes the address off an error of net/http: it says nothing to
// people and may hold what is nobody's business.
func plainCause(err error) string {
	var ue *url.Error
	if errors.As(err, &ue) {
		err = ue.Err
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return "no answer in time"
	}
	return err.Error()
}

// caller carries one call of the hub through the vendor's generated code, which
// knows no context: it is that code's client.BaseClient.
type caller struct {
	ctx context.Context
	c   *Connector
}

// rest is the vendor's API for the length of ctx.
func (c *Connector) rest(ctx context.Context) *openapi.ApiService {
	// Not NewRequestHandler: that takes settings from the environment.
	return openapi.NewApiService(&client.RequestHandler{Client: &caller{ctx, c}})
}

func (k *caller) AccountSid() string       { return k.c.set.account }
func (k *caller) SetTimeout(time.Duration) {}
func (k *caller) SetOauth(client.OAuth)    {}
func (k *caller) OAuth() client.OAuth      { return nil }

// SendRequest makes one request. Answers other than 2xx are an *apiError.
func (k *caller) SendRequest(method, rawURL string, data url.Values, headers map[string]any, body ...byte) (*http.Response, error) {
	u, err := url.Parse(rawURL)
	if err != nil {
		return nil, err
	}
	var payload io.Reader
	if method == http.MethodPost {
		payload = strings.NewReader(data.Encode())
	} else if len(data) > 0 {
		u.RawQuery = data.Encode()
	}
	h := http.Header{"Accept": {"application/json"}}
	for name, v := range headers {
		h.Set(name, fmt.Sprint(v))
	}
	if payload == nil {
		h.Del("Content-Type")
	}
	b, err := k.c.request(k.ctx, method, k.c.set.api+u.RequestURI(), payload, h)
	if err != nil {
		return nil, err
	}
	return &http.Response{StatusCode: http.StatusOK, Body: io.NopCloser(bytes.NewReader(b))}, nil
}

// request makes one request with the account's credentials and reads the answer.
// Every error is an *apiError.
func (c *Connector) request(ctx context.Context, method, address string, payload io.Reader, h http.Header) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, c.limits.api)
	defer cancel()
	var written atomic.Bool
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		// The transport goes to a new connection only when it knows that the
		// old one took nothing.
		GetConn:      func(string) { written.Store(false) },
		WroteHeaders: func() { written.Store(true) },
	})
	req, err := http.NewRequestWithContext(ctx, method, address, payload)
	if err != nil {
		return nil, &apiError{err: err}
	}
	for name, v := range h {
		req.Header[name] = v
	}
	req.Header.Set("User-Agent", "throughline")
	req.SetBasicAuth(c.set.user, c.set.password)
	resp, err := c.client.Do(req)
	if err != nil {
		return nil, &apiError{err: err, written: written.Load()}
	}
	defer resp.Body.Close()
	if t, err := http.ParseTime(resp.Header.Get("Date")); err == nil {
		c.ahead.Store(int64(time.Until(t)))
	}
	b, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
	if err == nil && len(b) > maxAnswer {
		err = errors.New("the answer is too long")
	}
	if resp.StatusCode >= 200 && resp.StatusCode < 300 {
		if err != nil {
			return nil, &apiError{err: err, written: true}
		}
		return b, nil
	}
	e := &apiError{status: resp.StatusCode, written: true, after: retryAfter(resp.Header.Get("Retry-After"))}
	var said struct {
		Code    int    `json:"code"`
		Message string `json:"message"`
	}
	if json.Unmarshal(b, &said) == nil {
		e.code, e.message = said.Code, oneLine(said.Message)
	}
	return nil, e
}

// get fetches JSON below one of the base addresses into v.
func (c *Connector) get(ctx context.Context, address string, v any) error {
	b, err := c.request(ctx, http.MethodGet, address, nil, http.Header{"Accept": {"application/json"}})
	if err != nil {
		return err
	}
	if err := json.Unmarshal(b, v); err != nil {
		return &apiError{err: fmt.Errorf("the answer is not what the API should say: %w", err)}
	}
	return nil
}

// theirNow is the time by Twilio's clock, as far as its last answer told it: what
// is listed carries its stamps, and ours may be wrong by more than a look overlaps.
func (c *Connector) theirNow() time.Time { return now().Add(time.Duration(c.ahead.Load())) }

// path is the address of a resource of the account.
func (c *Connector) path(parts string) string {
	return c.set.api + "/2010-04-01/Accounts/" + c.set.account + parts
}

// retryAfter reads a Retry-After header (RFC 9110 section 10.2.3).
func retryAfter(h string) time.Duration {
	var d time.Duration
	if n, err := strconv.Atoi(strings.TrimSpace(h)); err == nil {
		d = time.Duration(min(n, int(maxRetryAfter/time.Second))) * time.Second
	} else if t, err := http.ParseTime(h); err == nil {
		d = time.Until(t)
	}
	return min(max(d, 0), maxRetryAfter)
}

// fault turns an error of the API into what the hub does about it when it was
// only asked for something: nothing was sent.
func (c *Connector) fault(err error) error {
	var e *apiError
	if !errors.As(err, &e) {
		return err
	}
	se := &connectors.SendError{Class: connectors.Retry, Reason: c.safe(e.Error()), Code: codeText(e.code), After: e.after, Err: errors.New(c.safe(e.Error()))}
	known := codes[e.code]
	switch {
	case e.err != nil, e.status >= 500:
	case e.status == http.StatusTooManyRequests:
		se.After = max(e.after, c.limits.rateLimit)
	case e.status == http.StatusUnauthorized, e.status == http.StatusForbidden, e.status == http.StatusNotFound, known.class == connectors.AccountFault:
		se.Class = connectors.AccountFault
		if e.status == http.StatusUnauthorized && known.words == "" {
			known = codes[20003]
		}
	}
	if known.words != "" {
		se.Reason = known.words
	}
	return se
}

// safe keeps secrets out of a text, whoever wrote it.
func (c *Connector) safe(s string) string {
	for _, secret := range []string{c.set.token, c.set.password} {
		if secret != "" {
			s = strings.ReplaceAll(s, secret, "…")
		}
	}
	return s
}

// oneLine makes a text of the provider fit to be shown.
func oneLine(s string) string {
	s = strings.Join(strings.Fields(strings.ToValidUTF8(s, "\ufffd")), " ")
	if r := []rune(s); len(r) > 500 {
		s = string(r[:500]) + "…"
	}
	return s
}

// pace keeps a minimum distance between messages.
type pace struct {
	every time.Duration
	mu    sync.Mutex
	next  time.Time
}

// pause is how long the next message has to wait.
func (p *pace) pause() time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	return max(0, time.Until(p.next))
}

// took notes that a message goes out now.
func (p *pace) took() { p.hold(p.every) }

// hold lets nothing through for d: the provider asked for a pause.
func (p *pace) hold(d time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if at := time.Now().Add(d); at.After(p.next) {
		p.next = at
	}
}
