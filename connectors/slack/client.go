package slack

import (
	"bytes"
	"cmp"
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

	slackgo "github.com/slack-go/slack"
)

// limits are the bounds on waiting; tests shorten them.
type limits struct {
	api      time.Duration   // one call of the Web API
	webhook  time.Duration   // all of a webhook; Slack gives up after 3 s
	names    time.Duration   // to ask who somebody is, while Slack waits
	live     time.Duration   // the files of a message, while Slack waits
	file     time.Duration   // the files of a message otherwise
	again    []time.Duration // pauses before a missing file is tried again; after the last it is given up
	soon     time.Duration   // until a look after the hub refused something
	overlap  time.Duration   // how far each look reaches back behind the last one
	settle   time.Duration   // how old a message has to be for Slack's history to have it for certain
	full     time.Duration   // between two looks at old threads
	ping     time.Duration   // between two pings of ours
	silence  time.Duration   // of a socket, after which it counts as dead
	appear   []time.Duration // pauses before it is asked which message came of an upload
	eachRoom time.Duration   // that a look at one channel may take, of the 50 calls a minute that Slack allows
	page     int             // messages of a history that are asked for at once
	pages    int             // of one piece of a channel's history or of a thread
}

func defaultLimits() limits {
	return limits{
		api: 20 * time.Second, webhook: 2800 * time.Millisecond, names: 1200 * time.Millisecond, live: 800 * time.Millisecond, file: 2 * time.Minute,
		again: []time.Duration{time.Second, 10 * time.Second, time.Minute, 5 * time.Minute, 15 * time.Minute, time.Hour, 4 * time.Hour, 12 * time.Hour},
		soon:  10 * time.Second, overlap: time.Minute, settle: 5 * time.Second, full: 6 * time.Hour,
		ping: 20 * time.Second, silence: time.Minute,
		appear:   []time.Duration{0, 300 * time.Millisecond, time.Second, 2 * time.Second, 4 * time.Second},
		eachRoom: 3 * time.Second, page: pageSize, pages: maxPages,
	}
}

const (
	// maxAnswer is the largest answer of the API that is read: a page of 200
	// messages of 40,000 characters with their blocks stays below it.
	maxAnswer = 64 << 20
	// maxRetryAfter bounds a wish of the provider that makes no sense.
	maxRetryAfter = 10 * time.Minute
	// connectionsOpen is the one method that takes the app token.
	connectionsOpen = "apps.connections.open"
	// maxTries is how often a call that only reads is made while Slack asks to wait.
	maxTries = 20
)

// client calls the Web API by slack-go, which knows its methods and their
// arguments. What slack-go does not tell, its transport does: see RoundTrip.
type client struct {
	*slackgo.Client
	net     *http.Transport
	files   *http.Client  // for the bytes of files
	pause   time.Duration // after 429 without Retry-After
	timeout time.Duration

	scopes atomic.Pointer[string] // granted to the bot token, as the last answer told
	ahead  atomic.Int64           // of Slack's clock before ours, as the last answer told; a time.Duration

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
	c := &client{net: t, pause: 5 * time.Second, timeout: l.api, until: map[string]time.Time{}}
	c.files = &http.Client{Transport: c, CheckRedirect: s.follow}
	c.Client = slackgo.New(s.bot, slackgo.OptionAPIURL(s.base+"/"), slackgo.OptionAppLevelToken(s.app), slackgo.OptionHTTPClient(
		&http.Client{Transport: c, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}))
	return c
}

// exchange is a request and its answer, as the transport saw them.
type exchange struct {
	written atomic.Bool // the request was, at least in part
	status  int         // of HTTP, 0 without an answer
	header  http.Header
	plain   bool // the answer is none of the API
	body    bag
}

type exchangeKey struct{}

// RoundTrip makes a request, and keeps what came of it for the call whose context
// it has. Of an answer of the API slack-go gets only what is taken from its results:
// it would refuse a whole page for one odd value in one message, so that all else
// is read by us, one by one. Nor does it notice that a refusal without a reason is
// no success.
func (c *client) RoundTrip(req *http.Request) (*http.Response, error) {
	x, ok := req.Context().Value(exchangeKey{}).(*exchange)
	if !ok {
		x = &exchange{plain: true}
	}
	req = req.Clone(httptrace.WithClientTrace(req.Context(), &httptrace.ClientTrace{
		WroteHeaders: func() { x.written.Store(true) },
		WroteRequest: func(httptrace.WroteRequestInfo) { x.written.Store(true) },
	}))
	req.Header.Set("User-Agent", "throughline")
	resp, err := c.net.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	x.status, x.header = resp.StatusCode, resp.Header
	if at := x.at(); !at.IsZero() && !x.plain {
		c.ahead.Store(int64(time.Until(at)))
	}
	if x.plain || x.status != http.StatusOK {
		return resp, nil
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
	if err != nil {
		return nil, err
	}
	if len(body) > maxAnswer {
		return nil, errors.New("the answer is too large")
	}
	all, ok := readBag(body)
	if !ok || all["ok"] == nil {
		return nil, errNotSlacks
	}
	x.body = all
	top := map[string]any{"ok": all.flag("ok")}
	for _, k := range []string{"url", "upload_url", "file_id", "team_id", "user_id", "bot_id"} {
		top[k] = all.str(k)
	}
	short, err := json.Marshal(top)
	if err != nil {
		return nil, err
	}
	resp.Body, resp.ContentLength = io.NopCloser(bytes.NewReader(short)), int64(len(short))
	return resp, nil
}

var errNotSlacks = errors.New("the answer is not one of Slack's")

// at is the time of Slack's clock, zero if it was not told.
func (x *exchange) at() time.Time {
	t, err := http.ParseTime(x.header.Get("Date"))
	if err != nil {
		return time.Time{}
	}
	return t
}

// failure is what went wrong, nil if nothing did.
func (x *exchange) failure(method string, err error) error {
	if err == nil && (x.plain || x.body.flag("ok")) {
		return nil
	}
	e := &apiError{method: method, status: x.status, written: x.written.Load(), after: retryAfter(x.header.Get("Retry-After"))}
	switch {
	case x.body != nil && !x.body.flag("ok"):
		e.code, e.needed = cmp.Or(oneLine(x.body.str("error")), "no reason"), oneLine(x.body.str("needed"))
	case x.status == 0 || x.status == http.StatusOK:
		e.err = err
	}
	return e
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

// limited tells whether Slack asks to write or read more slowly.
func (e *apiError) limited() bool {
	return e.status == http.StatusTooManyRequests || e.code == "ratelimited" || e.code == "rate_limited"
}

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

// call makes one call, at most once. do is the call, without waiting and with the
// context it is given.
func (c *client) call(ctx context.Context, method string, do func(context.Context) error) (*exchange, error) {
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	x := &exchange{}
	err := c.heed(method, x.failure(method, do(context.WithValue(ctx, exchangeKey{}, x))))
	if s := x.header.Get("X-OAuth-Scopes"); s != "" && method != connectionsOpen {
		c.scopes.Store(&s)
	}
	return x, err
}

// read calls a method that changes nothing, and waits where Slack asks for it.
func (c *client) read(ctx context.Context, method string, do func(context.Context) error) (*exchange, error) {
	for try := 1; ; try++ {
		if err := sleep(ctx, c.held(method)); err != nil {
			return nil, &apiError{method: method, err: err}
		}
		x, err := c.call(ctx, method, do)
		var e *apiError
		if !errors.As(err, &e) || !e.limited() || try == maxTries {
			return x, err
		}
		if tell := c.waits.Load(); tell != nil {
			(*tell)(e.after)
		}
	}
}

// heed remembers the wish of a refusal, if it has one, to leave a method alone.
func (c *client) heed(method string, err error) error {
	var e *apiError
	if !errors.As(err, &e) || !e.limited() {
		return err
	}
	if e.after <= 0 {
		e.after = c.pause
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.until[method] = time.Now().Add(e.after)
	return err
}

// held is how long a method has to be left alone yet.
func (c *client) held(method string) time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	return time.Until(c.until[method])
}

// free is what Slack would answer if it wants one of several methods left alone: asked
// again before the time, it only wants it longer.
func (c *client) free(methods ...string) error {
	e := &apiError{status: http.StatusTooManyRequests}
	for _, method := range methods {
		if wait := c.held(method); wait > e.after {
			e.method, e.after = method, wait
		}
	}
	if e.after == 0 {
		return nil
	}
	return e
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

// granted are the scopes of the bot token, nil while they are not known.
func (c *client) granted() []string {
	s := c.scopes.Load()
	if s == nil {
		return nil
	}
	return strings.FieldsFunc(*s, func(r rune) bool { return r == ',' || r == ' ' })
}

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
