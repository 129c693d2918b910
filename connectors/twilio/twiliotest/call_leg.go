package twiliotest

import (
	"errors"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Lengths of what nobody speaks.
const (
	sayPerRune  = time.Second / 15
	playLength  = 3 * time.Second
	ringTimeout = 60 * time.Second // of calls made by the API
	dialTimeout = 30 * time.Second // of Dial
)

// wait is the only place where a leg sleeps. It returns when the clock shows end (negative: never), when other is closed,
// when the far end does something and listen is set, or with an error when the leg is over or interrupted.
func (c *Call) wait(end time.Duration, other <-chan struct{}, listen bool) (timeUp bool, in *input, err error) {
	var due <-chan struct{}
	if end >= 0 {
		ch, stop := c.s.clk.at(end)
		defer stop()
		due = ch
	}
	var ears chan input
	if listen {
		ears = c.in
	}
	select {
	case <-c.gone: // first: a leg that is over does nothing more
		return false, nil, errGone
	default:
	}
	for {
		select {
		case <-c.gone:
			return false, nil, errGone
		case <-c.s.ctx.Done():
			return false, nil, errGone
		case <-c.intr:
			if i := c.takeInterrupt(); i != nil {
				return false, nil, i
			}
		case <-other:
			return false, nil, nil
		case i := <-ears:
			return false, &i, nil
		case <-due:
			return true, nil, nil
		}
	}
}

// takeInterrupt takes the next interrupt that still concerns the leg: those of a conference it has left do not.
func (c *Call) takeInterrupt() *interrupt {
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	for len(c.pending) > 0 {
		i := c.pending[0]
		c.pending = c.pending[1:]
		if c.confName == "" && (i.kind == "begin" || i.kind == "kick") {
			continue
		}
		if len(c.pending) > 0 {
			select {
			case c.intr <- struct{}{}:
			default:
			}
		}
		return i
	}
	return nil
}

// pause lets d pass; what the far end does meanwhile is not heard.
func (c *Call) pause(d time.Duration) error {
	return c.pauseUntil(c.s.clk.now() + d)
}

func (c *Call) pauseUntil(end time.Duration) error {
	_, _, err := c.wait(end, nil, false)
	return err
}

// interruptLocked takes the leg out of what it does; the caller holds mu.
func (c *Call) interruptLocked(i *interrupt) {
	c.pending = append(c.pending, i)
	select {
	case c.intr <- struct{}{}:
	default:
	}
}

// set changes fields of the leg under the lock and wakes those who wait for its state.
func (c *Call) set(f func()) { c.s.update(f) }

// setVerb says what the leg does; the function it returns restores what it did before.
func (c *Call) setVerb(v string) func() {
	var old string
	c.set(func() { old, c.verb = c.verb, v })
	return func() { c.set(func() { c.verb = old }) }
}

// pickUp connects the leg.
func (c *Call) pickUp() {
	c.s.mu.Lock()
	first := c.status != "in-progress" && !over(c.status)
	if first {
		c.status, c.start, c.startAt = "in-progress", c.s.opt.Now(), c.s.clk.now()
		c.s.touch()
	}
	c.s.mu.Unlock()
	if first {
		c.progress("answered")
	}
}

// finish ends the leg in every respect: status, bridges, recordings, callback.
func (c *Call) finish(err error) {
	c.end("completed")
	_ = err
	c.s.mu.Lock()
	c.status, c.verb = c.endStatus, ""
	if !c.start.IsZero() {
		c.length = c.s.clk.now() - c.startAt
	}
	live := slices.Clone(c.live)
	c.s.touch()
	c.s.mu.Unlock()
	for _, r := range live {
		c.s.stopRecording(r)
	}
	c.progress("completed")
}

// ring runs an outgoing leg up to its answer. It returns errGone when it was not answered, its status then set.
func (c *Call) ring(timeout time.Duration) error {
	c.progress("initiated")
	var end time.Duration
	c.set(func() { c.status, end = "ringing", c.s.clk.now()+timeout })
	c.progress("ringing")
	c.s.mu.Lock()
	f, ok := c.s.onRing[c.to]
	if !ok {
		f = c.s.onRing["*"]
	}
	c.s.mu.Unlock()
	if f != nil {
		c.s.spawn(func() { f(c) })
	}
	up, _, err := c.wait(end, c.answered, false)
	var i *interrupt
	switch {
	case errors.As(err, &i):
		c.end("canceled")
		return errGone
	case err != nil:
		return err
	case up:
		c.end("no-answer")
		return errGone
	}
	c.pickUp()
	return nil
}

// progress sends a call progress callback, if the leg has one for this event.
func (c *Call) progress(event string) {
	if c.callback == "" || !slices.Contains(c.callbackEvents, event) {
		return
	}
	f := c.form()
	c.s.mu.Lock()
	seq := c.sequence
	c.sequence++
	if event == "initiated" {
		f.Set("CallStatus", "initiated")
	}
	if event == "completed" {
		f.Set("CallDuration", strconv.Itoa(seconds(c.length)))
		f.Set("Duration", strconv.Itoa((seconds(c.length)+59)/60))
		f.Set("SipResponseCode", sipCode(c.status))
		for _, r := range c.s.recordings {
			if r.CallSID == c.sid && r.Source == "OutboundAPI" {
				f.Set("RecordingSid", r.SID)
				f.Set("RecordingUrl", c.s.recordingURL(r.SID))
				f.Set("RecordingDuration", strconv.Itoa(seconds(r.Duration)))
			}
		}
	}
	f.Set("Timestamp", rfc2822(c.s.opt.Now()))
	faults := c.s.callbacks
	c.s.mu.Unlock()
	f.Set("SequenceNumber", strconv.Itoa(seq))
	f.Set("CallbackSource", "call-progress-events")
	c.s.sendCallback(hook{url: c.callback, method: c.callbackMethod, resource: c.sid, form: f}, f.Get("CallStatus"), faults)
}

func sipCode(status string) string {
	switch status {
	case "busy":
		return "486"
	case "no-answer", "canceled":
		return "487"
	case "failed":
		return "404"
	}
	return "200"
}

// seconds rounds as the vendor bills and reports: a part of a second is the next whole one.
func seconds(d time.Duration) int { return int((d + time.Second - 1) / time.Second) }

// form is the parameters that every request about the leg carries.
func (c *Call) form() url.Values {
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	f := url.Values{"CallSid": {c.sid}, "AccountSid": {c.s.opt.AccountSID}, "ApiVersion": {apiVersion}, "From": {c.from},
		"To": {c.to}, "Caller": {c.from}, "Called": {c.to}, "CallStatus": {c.status}, "Direction": {c.direction}}
	for k, v := range c.params {
		if !f.Has(k) {
			f[k] = v
		}
	}
	for prefix, address := range map[string]string{"From": c.from, "Caller": c.from, "To": c.to, "Called": c.to} {
		if e164Form.MatchString(address) {
			n, _ := c.s.numberLocked(address)
			geo(f, prefix, address, n)
		}
	}
	if c.parent != nil {
		f.Set("ParentCallSid", c.parent.sid)
	}
	if c.answeredBy != "" && c.detect {
		f.Set("AnsweredBy", c.answeredBy)
	}
	return f
}

// source is where a document comes from: a URL, or TwiML given with the request.
type source struct {
	url, method string
	twiml       string
	extra       url.Values
}

// document is TwiML with the URL that relative URLs in it are relative to.
type document struct {
	root *element
	base string
}

// maxDocuments ends a call whose documents go in circles.
const maxDocuments = 2000

// load gets and checks a document. A failure has been logged and told to the caller when it returns errEnd.
func (c *Call) load(src source) (*document, error) {
	c.s.mu.Lock()
	c.documents++
	many := c.documents > maxDocuments
	c.s.mu.Unlock()
	if many {
		c.s.alert(11215, c.sid, src.url, "The call asked for too many documents")
		return nil, c.apologise()
	}
	if src.twiml != "" {
		root, err := parseTwiML([]byte(src.twiml), voiceShapes)
		if err != nil {
			c.s.alert(err.code, c.sid, "", "%s", err.text)
			return nil, c.apologise()
		}
		return &document{root: root}, nil
	}
	if src.url == "" {
		c.s.alert(11100, c.sid, "", "No voice URL is configured")
		return nil, c.apologise()
	}
	form := c.form()
	for k, v := range src.extra {
		form[k] = v
	}
	var doc *document
	h := hook{url: src.url, method: src.method, fallback: c.fallback, resource: c.sid, form: form,
		check: func(a hookAnswer) *hookError {
			root, err := voiceDocument(a)
			doc = &document{root, a.url}
			return err
		}}
	if _, err := c.s.post(h); err != nil {
		return nil, c.apologise()
	}
	return doc, nil
}

// voiceDocument reads an answer: TwiML, plain text to be spoken, or audio to be played.
func voiceDocument(a hookAnswer) (*element, *hookError) {
	switch {
	case isPlain(a.contentType):
		return &element{kids: []*element{{name: "Say", text: string(a.body)}}}, nil
	case strings.HasPrefix(a.contentType, "audio/"):
		return &element{kids: []*element{{name: "Play", text: a.url}}}, nil
	case !isXML(a.contentType):
		return nil, &hookError{12300, "", "Invalid content type " + strconv.Quote(a.contentType)}
	}
	root, err := parseTwiML(a.body, voiceShapes)
	if err != nil {
		return nil, &hookError{err.code, "", err.text}
	}
	return root, nil
}

// applicationError is what the far end hears when the application fails.
const applicationError = "An application error has occurred."

// apologise tells the far end that the application failed, and ends the call.
func (c *Call) apologise() error {
	select {
	case <-c.gone:
		return errGone
	default:
	}
	c.pickUp()
	c.set(func() { c.heard = append(c.heard, applicationError) })
	if err := c.pause(c.soundLength(time.Duration(len(applicationError))*sayPerRune, "Say", 1)); err != nil {
		return errGone
	}
	return errEnd
}

// runSource runs a document and all that follow from it, until the call is over.
func (c *Call) runSource(src source) error {
	doc, err := c.load(src)
	for doc != nil || err != nil {
		if err == nil {
			doc, err = c.runDocument(doc)
		}
		var i *interrupt
		if errors.As(err, &i) && i.kind == "redirect" {
			doc, err = c.load(i.to)
			continue
		}
		if err != nil {
			return err
		}
	}
	return nil
}
