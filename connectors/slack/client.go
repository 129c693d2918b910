package slack

import (
	"context"
	"encoding/json"
	"errors"
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
)

// limits are the bounds on waiting; tests shorten them.
type limits struct {
	api       time.Duration   // one call of the Web API
	webhook   time.Duration   // all of a webhook; Slack gives up after 3 s
	names     time.Duration   // to ask who somebody is, while Slack waits
	live      time.Duration   // the files of a message, while Slack waits
	file      time.Duration   // the files of a message otherwise
	again     []time.Duration // pauses before a missing file is tried again; after the last it is given up
	soon      time.Duration   // until a look after the hub refused something
	overlap   time.Duration   // how far each look reaches back behind the last one
	settle    time.Duration   // how old a message has to be for Slack's history to have it for certain
	full      time.Duration   // between two looks at old threads
	ping      time.Duration   // between two pings of ours
	silence   time.Duration   // of a socket, after which it counts as dead
	appear    []time.Duration // pauses before it is asked which message came of an upload
	eachRoom  time.Duration   // that a look at one channel may take, of the 50 calls a minute that Slack allows
	rateLimit time.Duration   // pause after 429 without Retry-After
}

func defaultLimits() limits {
	return limits{
		api: 20 * time.Second, webhook: 2800 * time.Millisecond, names: 1200 * time.Millisecond, live: 800 * time.Millisecond, file: 2 * time.Minute,
		again: []time.Duration{time.Second, 10 * time.Second, time.Minute, 5 * time.Minute, 15 * time.Minute, time.Hour, 4 * time.Hour, 12 * time.Hour},
		soon:  10 * time.Second, overlap: time.Minute, settle: 5 * time.Second, full: 6 * time.Hour,
		ping: 20 * time.Second, silence: time.Minute,
		appear:   []time.Duration{0, 300 * time.Millisecond, time.Second, 2 * time.Second, 4 * time.Second},
		eachRoom: 3 * time.Second, rateLimit: 5 * time.Second,
	}
}

const (
	// maxAnswer is the largest answer of the API that is read: a page of 200
	// messages of 40,000 characters with their blocks stays below it.
	maxAnswer = 64 << 20
	// maxRetryAfter bounds a wish of the provider that makes no sense.
	maxRetryAfter = 10 * time.Minute
	// maxTries is how often a call that only reads is made while Slack asks to wait.
	maxTries = 20
)

// client calls the Web API. Every call goes through it, so that one place knows
// whether a request was written and which methods have to wait.
type client struct {
	base     string
	bot, app string
	http     *http.Client
	pause    time.Duration
	timeout  time.Duration

	scopes atomic.Pointer[string] // granted to the bot token, as the last answer told

	// waits, if set, is told of a wish of Slack's to wait.
	waits atomic.Pointer[func(d time.Duration)]

	mu    sync.Mutex
	until map[string]time.Time // by method: Slack's wish to be left alone
}

// newClient makes the client of one account. HTTP/1.1 only: there it is known
// whether a request was written.
func newClient(s settings) *client {
	t := &http.Transport{
		Proxy:                 http.ProxyFromEnvironment,
		DialContext:           (&net.Dialer{Timeout: 10 * time.Second, KeepAlive: 30 * time.Second}).DialContext,
		TLSHandshakeTimeout:   10 * time.Second,
		ResponseHeaderTimeout: 60 * time.Second,
		IdleConnTimeout:       60 * time.Second,
		MaxIdleConnsPerHost:   4,
		Protocols:             new(http.Protocols),
	}
	t.Protocols.SetHTTP1(true)
	l := defaultLimits()
	return &client{
		base: s.base, bot: s.bot, app: s.app, pause: l.rateLimit, timeout: l.api, until: map[string]time.Time{},
		http: &http.Client{Transport: t, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }},
	}
}

// apiError is a call that Slack refused or that got no answer.
type apiError struct {
	method  string
	status  int           // of HTTP, 0 without an answer
	code    string        // Slack's, "" if none
	needed  string        // the scope that is missing
	after   time.Duration // Retry-After, 0 if none
	written bool          // the request was, at least in part
	err     error         // why there was no answer
}

func (e *apiError) Error() string {
	switch {
	case e.err != nil:
		return "Slack cannot be reached (" + e.method + "): " + plainCause(e.err)
	case e.code != "":
		return explain(e.code, e.needed)
	}
	return "Slack answers " + strconv.Itoa(e.status) + " " + http.StatusText(e.status) + " (" + e.method + ")"
}

func (e *apiError) Unwrap() error { return e.err }

// is tells whether err is a refusal with one of these codes.
func is(err error, codes ...string) bool {
	var e *apiError
	if !errors.As(err, &e) {
		return false
	}
	for _, c := range codes {
		if e.code == c {
			return true
		}
	}
	return false
}

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

// read calls a method that changes nothing, and waits where Slack asks for it.
func (c *client) read(ctx context.Context, method string, args url.Values, into any) error {
	for try := 1; ; try++ {
		if err := c.wait(ctx, method); err != nil {
			return &apiError{method: method, err: err}
		}
		err := c.call(ctx, method, args, into)
		var e *apiError
		if !errors.As(err, &e) || e.status != http.StatusTooManyRequests && e.code != "ratelimited" || try == maxTries {
			return err
		}
		c.hold(method, e.after)
		if tell := c.waits.Load(); tell != nil {
			(*tell)(e.after)
		}
	}
}

// hold leaves a method alone for a while.
func (c *client) hold(method string, d time.Duration) {
	if d <= 0 {
		d = c.pause
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.until[method] = time.Now().Add(d)
}

// held is how long a method has to be left alone yet.
func (c *client) held(method string) time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	return time.Until(c.until[method])
}

func (c *client) wait(ctx context.Context, method string) error {
	return sleep(ctx, c.held(method))
}

// sleep waits, or returns why not.
func sleep(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return ctx.Err()
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// call makes one call, at most once. into gets the whole answer, and may have an
// http.Header in it: see dated.
func (c *client) call(ctx context.Context, method string, args url.Values, into any) error {
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	fail := &apiError{method: method}
	var written atomic.Bool
	traced := httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		WroteHeaders: func() { written.Store(true) },
		WroteRequest: func(httptrace.WroteRequestInfo) { written.Store(true) },
	})
	req, err := http.NewRequestWithContext(traced, http.MethodPost, c.base+"/"+method, strings.NewReader(args.Encode()))
	if err != nil {
		fail.err = err
		return fail
	}
	token := c.bot
	if method == "apps.connections.open" {
		token = c.app
	}
	req.Header.Set("Authorization", "Bearer "+token)
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("User-Agent", "throughline")
	resp, err := c.http.Do(req)
	fail.written = written.Load()
	if err != nil {
		fail.err = err
		return fail
	}
	defer resp.Body.Close()
	fail.status = resp.StatusCode
	if s := resp.Header.Get("X-OAuth-Scopes"); s != "" && token == c.bot {
		c.scopes.Store(&s)
	}
	fail.after = retryAfter(resp.Header.Get("Retry-After"))
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
	switch {
	case err != nil:
		fail.err = err
		return fail
	case len(body) > maxAnswer:
		fail.err = errors.New("the answer is too large")
		return fail
	case resp.StatusCode != http.StatusOK:
		return fail
	}
	var head struct {
		OK     *bool           `json:"ok"`
		Error  json.RawMessage `json:"error"`
		Needed json.RawMessage `json:"needed"`
	}
	if err := json.Unmarshal(body, &head); err != nil || head.OK == nil {
		fail.err = errors.New("the answer is not one of Slack's")
		return fail
	}
	if !*head.OK {
		fail.code, fail.needed = oneLine(quoted(head.Error)), oneLine(quoted(head.Needed))
		if fail.code == "" {
			fail.code = "no reason"
		}
		return fail
	}
	if d, ok := into.(interface{ date(time.Time) }); ok {
		if t, err := http.ParseTime(resp.Header.Get("Date")); err == nil {
			d.date(t)
		}
	}
	if into == nil {
		return nil
	}
	if err := json.Unmarshal(body, into); err != nil {
		fail.err = errors.New("the answer cannot be understood")
		return fail
	}
	return nil
}

// granted are the scopes of the bot token, nil while they are not known.
func (c *client) granted() []string {
	s := c.scopes.Load()
	if s == nil {
		return nil
	}
	return strings.FieldsFunc(*s, func(r rune) bool { return r == ',' || r == ' ' })
}

// dated is embedded in answers that have to tell Slack's time.
type dated struct{ at time.Time }

func (d *dated) date(t time.Time) { d.at = t }

// retryAfter reads a header in seconds.
func retryAfter(s string) time.Duration {
	n, err := strconv.Atoi(strings.TrimSpace(s))
	if err != nil || n < 0 {
		return 0
	}
	return min(time.Duration(n)*time.Second, maxRetryAfter)
}

// quoted is a JSON string, "" for anything else.
func quoted(raw json.RawMessage) (s string) {
	if json.Unmarshal(raw, &s) != nil {
		return ""
	}
	return s
}

// oneLine makes foreign words fit for one line: printable and not long.
func oneLine(s string) string {
	s = strings.Join(strings.FieldsFunc(s, func(r rune) bool { return r < ' ' || r == 0x7f || r == '\u2028' || r == '\u2029' }), " ")
	return shorten(s, 200)
}

// shorten cuts after n characters.
func shorten(s string, n int) string {
	if len(s) <= n {
		return s
	}
	i := 0
	for at := range s {
		if i++; i > n {
			return s[:at] + "…"
		}
	}
	return s
}
