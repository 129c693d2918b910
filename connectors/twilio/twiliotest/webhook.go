package twiliotest

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// How the double sends a webhook unless the fragment of its URL says otherwise ("connection overrides").
const (
	connectTimeout = 5 * time.Second
	readTimeout    = 15 * time.Second
	totalTimeout   = 15 * time.Second
	hookRetries    = 1
	maxHookRetries = 5
	maxRedirects   = 10
	maxTwiML       = 64 << 10 // bytes of an answer
)

// hook is a webhook to send.
type hook struct {
	url, method string // POST when empty
	fallback    string // URL asked when the first one fails
	resource    string // SID for the error log
	form        url.Values
	json        []byte                      // instead of the form
	token       string                      // of the event; made when empty
	check       func(hookAnswer) *hookError // of what was answered; a failure asks the fallback too
}

// hookAnswer is a 2xx answer.
type hookAnswer struct {
	url         string // the public URL that answered: what relative URLs in its TwiML are relative to
	contentType string
	body        []byte
}

// hookError is why a webhook failed: the alert's code, and the kind the retry policy names.
type hookError struct {
	code int
	kind string // ct, rt, 4xx, 5xx
	text string
}

func (e *hookError) Error() string { return e.text }

// overrides are the connection settings in the fragment of a webhook's URL.
type overrides struct {
	connect, read, total time.Duration
	retries              int
	policy               []string
}

// parseOverrides splits the URL from its overrides. Values out of range are ignored, as the vendor does.
func parseOverrides(raw string) (string, overrides) {
	o := overrides{connectTimeout, readTimeout, totalTimeout, hookRetries, []string{"ct"}}
	bare, fragment, ok := strings.Cut(raw, "#")
	if !ok {
		return raw, o
	}
	for pair := range strings.SplitSeq(fragment, "&") {
		k, v, _ := strings.Cut(pair, "=")
		n, err := strconv.Atoi(v)
		ms := time.Duration(n) * time.Millisecond
		switch {
		case k == "rp" && v != "":
			o.policy = strings.Split(v, ",")
		case err != nil:
		case k == "rc" && n >= 0 && n <= maxHookRetries:
			o.retries = n
		case k == "ct" && n >= 100 && n <= 10000:
			o.connect = ms
		case k == "rt" && n >= 100 && n <= 15000:
			o.read = ms
		case k == "tt" && n >= 100 && n <= 15000:
			o.total = ms
		}
	}
	return bare, o
}

// post sends a webhook with its retries and its fallback; failures are alerts. The error is the last one.
func (s *Server) post(h hook) (hookAnswer, *hookError) {
	token := h.token
	if token == "" {
		token = newSID("")
	}
	a, err := s.tryURL(h, h.url, token)
	if err == nil && h.check != nil {
		err = h.check(a)
	}
	if err == nil {
		return a, nil
	}
	s.alert(err.code, h.resource, h.url, "%s", err.text)
	if h.fallback == "" || s.ctx.Err() != nil {
		return a, err
	}
	form := url.Values{}
	for k, v := range h.form {
		form[k] = v
	}
	form.Set("ErrorCode", strconv.Itoa(err.code))
	form.Set("ErrorUrl", h.url)
	h.form = form
	if a, err = s.tryURL(h, h.fallback, token); err == nil && h.check != nil {
		err = h.check(a)
	}
	if err != nil {
		s.alert(err.code, h.resource, h.fallback, "%s", err.text)
	}
	return a, err
}

// tryURL sends to one URL, as often as its retry policy allows.
func (s *Server) tryURL(h hook, raw, token string) (hookAnswer, *hookError) {
	bare, o := parseOverrides(raw)
	ctx, cancel := context.WithTimeout(s.ctx, o.total)
	defer cancel()
	for attempt := 1; ; attempt++ {
		a, err := s.attempt(ctx, h, bare, o, token, attempt)
		if err == nil || attempt > o.retries || ctx.Err() != nil {
			return a, err
		}
		if !slices.Contains(o.policy, err.kind) && !slices.Contains(o.policy, "all") {
			return a, err
		}
	}
}

// attempt makes one request, following redirects.
func (s *Server) attempt(ctx context.Context, h hook, raw string, o overrides, token string, n int) (hookAnswer, *hookError) {
	method := h.method
	if method == "" {
		method = http.MethodPost
	}
	for range maxRedirects {
		d := Delivery{URL: raw, Method: method, Form: h.form, Attempt: n}
		start := time.Now()
		resp, body, err := s.roundTrip(ctx, h, &d, o, token)
		d.Duration = time.Since(start)
		if err != nil {
			d.Err = err.text
		} else {
			d.Status, d.Body = resp.StatusCode, string(body)
		}
		s.update(func() { s.hooks = keep(s.hooks, d) })
		if err != nil {
			return hookAnswer{}, err
		}
		switch code := resp.StatusCode; {
		case code >= 200 && code < 300:
			if len(body) > maxTwiML {
				return hookAnswer{}, &hookError{11750, "", "The answer is larger than 64 kB"}
			}
			return hookAnswer{url: d.URL, contentType: resp.Header.Get("Content-Type"), body: body}, nil
		case code >= 300 && code < 400 && resp.Header.Get("Location") != "":
			next, perr := url.Parse(raw)
			if perr == nil {
				next, perr = next.Parse(resp.Header.Get("Location"))
			}
			if perr != nil {
				return hookAnswer{}, &hookError{11100, "", "Invalid URL in a redirect"}
			}
			raw = next.String()
			if code != http.StatusTemporaryRedirect && code != http.StatusPermanentRedirect {
				method = http.MethodGet
			}
		default:
			kind := "5xx"
			if code < 500 {
				kind = "4xx"
			}
			return hookAnswer{}, &hookError{11200, kind, "The application answered with status " + strconv.Itoa(code)}
		}
	}
	return hookAnswer{}, &hookError{11215, "", "Too many redirects"}
}

// roundTrip signs and sends one request, and reads its answer. It fills in what was sent.
func (s *Server) roundTrip(ctx context.Context, h hook, d *Delivery, o overrides, token string) (*http.Response, []byte, *hookError) {
	var body io.Reader
	signed := d.Form
	switch {
	case h.json != nil:
		d.URL = addQuery(d.URL, "bodySHA256="+BodyHash(h.json))
		d.Form, signed = nil, nil
		body = bytes.NewReader(h.json)
	case d.Method == http.MethodGet:
		d.URL = addQuery(d.URL, d.Form.Encode())
		signed = nil
	default:
		body = strings.NewReader(d.Form.Encode())
	}
	s.mu.Lock()
	target, dark := s.localURL(d.URL), s.blackout
	s.mu.Unlock()
	if dark {
		return nil, nil, &hookError{11205, "ct", "HTTP connection failure: black-out"}
	}
	ctx, cancel := context.WithTimeout(ctx, o.connect+o.read)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, d.Method, target, body)
	if err != nil {
		return nil, nil, &hookError{11100, "", "Invalid URL: " + d.URL}
	}
	if u, err := url.Parse(d.URL); err == nil {
		req.Host = u.Host
		req.Header.Set("X-Forwarded-Proto", u.Scheme)
	}
	req.Header.Set("User-Agent", "TwilioProxy/1.1")
	req.Header.Set("Accept", "*/*")
	req.Header.Set("X-Home-Region", "us1")
	req.Header.Set("I-Twilio-Idempotency-Token", token)
	req.Header.Set("X-Twilio-Signature", Sign(s.opt.AuthToken, d.URL, signed))
	if h.json != nil {
		req.Header.Set("Content-Type", "application/json")
	} else if body != nil {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded; charset=UTF-8")
	}
	d.Header = req.Header.Clone()
	resp, err := s.out.Do(req)
	if err != nil {
		return nil, nil, sendError(err)
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(io.LimitReader(resp.Body, maxTwiML+1))
	if err != nil {
		return nil, nil, sendError(err)
	}
	return resp, data, nil
}

// sendError tells a connection that could not be made from an answer that did not come.
func sendError(err error) *hookError {
	var op *net.OpError
	if errors.As(err, &op) && op.Op == "dial" {
		return &hookError{11205, "ct", "HTTP connection failure"}
	}
	return &hookError{11200, "rt", "HTTP retrieval failure: no answer in time, or the connection was cut"}
}

// addQuery appends an encoded query to a URL.
func addQuery(raw, query string) string {
	if query == "" {
		return raw
	}
	if strings.Contains(raw, "?") {
		return raw + "&" + query
	}
	return raw + "?" + query
}

// localURL is where a public URL really is; the caller holds mu.
func (s *Server) localURL(public string) string {
	best := ""
	for p := range s.routes {
		if len(p) > len(best) && strings.HasPrefix(public, p) && strings.ContainsAny(public[len(p):]+"/", "/?") &&
			(len(public) == len(p) || public[len(p)] == '/' || public[len(p)] == '?') {
			best = p
		}
	}
	if best == "" {
		return public
	}
	return s.routes[best] + public[len(best):]
}

// SendJSON posts a signed webhook with a JSON body, as several of the vendor's products do: the URL gets a bodySHA256
// parameter and the signature covers the URL only. It returns an error unless the answer was 2xx.
func (s *Server) SendJSON(rawURL string, body []byte) error {
	if _, err := s.post(hook{url: rawURL, json: body}); err != nil {
		return err
	}
	return nil
}

// SendForm posts a signed webhook with any parameters: for a test of parameters the double itself never sends, such as
// repeated ones.
func (s *Server) SendForm(rawURL string, form url.Values) error {
	if _, err := s.post(hook{url: rawURL, form: form}); err != nil {
		return err
	}
	return nil
}
