package twiliotest

import (
	"errors"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"
)

// maxDialled is how many parties one Dial may ring at once.
const maxDialled = 10

// defaultTimeLimit ends every bridge.
const defaultTimeLimit = 14400 // seconds

// bridge is two legs that hear each other.
type bridge struct {
	ready     chan struct{} // closed when both are there
	done      chan struct{} // closed when one has left
	readyOnce sync.Once
	doneOnce  sync.Once
	s         *Server
	a, b      *Call

	// Guarded by Server.mu.
	start, length time.Duration
}

func (s *Server) newBridge() *bridge {
	return &bridge{ready: make(chan struct{}), done: make(chan struct{}), s: s}
}

func (b *bridge) open() {
	b.readyOnce.Do(func() {
		b.s.update(func() { b.start = b.s.clk.now() })
		close(b.ready)
	})
}

func (b *bridge) close() {
	b.doneOnce.Do(func() {
		b.s.update(func() {
			if b.opened() {
				b.length = b.s.clk.now() - b.start
			}
		})
		close(b.done)
	})
}

// opened reports whether the two ever heard each other.
func (b *bridge) opened() bool {
	select {
	case <-b.ready:
		return true
	default:
		return false
	}
}

// meet waits until the other leg is there too; false when it left before.
func (c *Call) meet(b *bridge) (bool, error) {
	both := make(chan struct{})
	stop := make(chan struct{})
	defer close(stop)
	c.s.spawn(func() {
		select {
		case <-b.ready:
			close(both)
		case <-b.done:
			close(both)
		case <-stop:
		}
	})
	if _, _, err := c.wait(-1, both, false); err != nil {
		b.close()
		return false, err
	}
	return b.opened(), nil
}

// talk stays in a bridge until either leg leaves it, and closes it.
func (c *Call) talk(b *bridge, limit time.Duration, star bool) error {
	defer b.close()
	other := b.a
	if other == c {
		other = b.b
	}
	c.set(func() { c.peer = other })
	defer c.set(func() { c.peer = nil })
	end := c.s.clk.now() + limit
	for {
		up, in, err := c.wait(end, b.done, true)
		if err != nil || up || in == nil {
			return err
		}
		if in.speech > 0 {
			if in.words != "" {
				c.set(func() { other.heard = append(other.heard, in.words) })
			}
			err = c.speech(in.speech)
		}
		close(in.taken)
		if err != nil {
			return err
		}
		if star && strings.Contains(in.digits, "*") {
			return nil
		}
	}
}

// dialling is a Dial that rings its parties.
type dialling struct {
	done     chan struct{} // closed when one has answered, or none will
	winner   *Call
	pending  int
	statuses []string
}

// won reports whether c is the first to answer.
func (dl *dialling) won(c *Call) (first bool) {
	c.s.update(func() {
		if dl.winner == nil {
			dl.winner, first = c, true
			close(dl.done)
		}
	})
	return first
}

// lost counts a party that did not answer.
func (dl *dialling) lost(c *Call) {
	c.s.update(func() {
		dl.statuses = append(dl.statuses, c.endStatus)
		if dl.pending--; dl.pending == 0 && dl.winner == nil {
			close(dl.done)
		}
	})
}

// dial does the Dial verb.
func (c *Call) dial(d *document, v *element) (*document, error) {
	nouns := v.kids
	if len(nouns) == 0 {
		nouns = []*element{{name: "Number", text: v.text, attr: map[string]string{}}}
	}
	switch nouns[0].name {
	case "Queue":
		return c.dialQueue(d, v, nouns[0])
	case "Conference":
		return c.dialConference(d, v, nouns[0])
	}
	return c.dialParties(d, v, nouns)
}

// callerID is the From of the legs a Dial makes, or the error code with which the vendor refuses it.
func (c *Call) callerID(v, noun *element) (string, int) {
	id := v.get("callerId", c.from)
	c.s.mu.Lock()
	n, owned := c.s.numberLocked(id)
	c.s.mu.Unlock()
	switch {
	case noun.name == "Client":
		return id, 0
	case isClient(id), !(owned && n.Voice) && id != c.from && id != c.to:
		return "", 13214
	}
	return id, 0
}

// target is the address of a Number or Client noun, and the parameters for a browser.
func target(noun *element) (string, url.Values) {
	if noun.name == "Number" {
		return noun.text, nil
	}
	name, params := noun.text, url.Values{}
	for _, k := range noun.kids {
		switch k.name {
		case "Identity":
			name = k.text
		case "Parameter":
			params.Add(k.get("name", ""), k.get("value", ""))
		}
	}
	return "client:" + strings.TrimPrefix(name, "client:"), params
}

func (c *Call) dialParties(d *document, v *element, nouns []*element) (*document, error) {
	b := c.s.newBridge()
	b.a = c
	dl := &dialling{done: make(chan struct{}), pending: len(nouns)}
	var legs []*Call
	for _, noun := range nouns {
		to, params := target(noun)
		from, code := c.callerID(v, noun)
		switch {
		case len(nouns) > maxDialled:
			code = 12200
		case noun.name == "Number" && !e164Form.MatchString(to):
			code = 13223
		case noun.name == "Number" && c.s.geoBlocked(to):
			code = 13227
		}
		if code != 0 {
			c.s.alert(code, c.sid, d.base, "Dial: %q cannot be called as %q", to, v.get("callerId", c.from))
			return c.action(d, v, url.Values{"DialCallStatus": {"failed"}, "DialBridged": {"false"}})
		}
		leg := c.s.newCall(from, to, "outbound-dial", c)
		leg.params = params
		cb := callbackOf(d, noun, "statusCallback")
		leg.callback, leg.callbackMethod, leg.callbackEvents = cb.url, cb.method, cb.events
		if len(cb.events) == 0 {
			leg.callbackEvents = []string{"completed"}
		}
		legs = append(legs, leg)
	}
	timeout := v.seconds("timeout", int(dialTimeout/time.Second))
	for i, leg := range legs {
		_ = c.s.begin(leg, "queued", func() error { return leg.answerDial(dl, b, timeout, d, nouns[i]) })
	}
	_, _, err := c.wait(-1, dl.done, false)
	c.s.mu.Lock()
	winner := dl.winner
	c.s.mu.Unlock()
	for _, leg := range legs {
		if leg != winner {
			leg.end("canceled")
		}
	}
	if err == nil && winner != nil {
		err = c.bridged(d, v, b)
	}
	b.close()
	extra := c.dialResult(dl, b)
	if errors.Is(err, errGone) {
		if winner == nil {
			extra.Set("DialCallStatus", "canceled")
		}
		c.tell(d, v, extra)
	}
	if err != nil {
		return nil, err
	}
	return c.action(d, v, extra)
}

// bridged talks until one leaves, recording when the Dial says so.
func (c *Call) bridged(d *document, v *element, b *bridge) error {
	ok, err := c.meet(b)
	if !ok || err != nil {
		return err
	}
	if mode := v.get("record", "do-not-record"); mode != "do-not-record" && mode != "false" {
		n := 1
		if strings.HasSuffix(mode, "-dual") {
			n = 2
		}
		r := c.s.startRecording(&Recording{CallSID: c.sid, Source: "DialVerb", Channels: n,
			callback: callbackOf(d, v, "recordingStatusCallback"), owner: c})
		defer c.s.stopRecording(r)
	}
	return c.talk(b, v.seconds("timeLimit", defaultTimeLimit), v.get("hangupOnStar", "false") == "true")
}

// dialResult is the parameters of a Dial's action.
func (c *Call) dialResult(dl *dialling, b *bridge) url.Values {
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	f := url.Values{"DialBridged": {strconv.FormatBool(b.opened())}, "DialCallStatus": {"no-answer"}}
	if dl.winner == nil {
		for _, st := range dl.statuses {
			if st == "busy" || st == "failed" && f.Get("DialCallStatus") != "busy" {
				f.Set("DialCallStatus", st)
			}
		}
		return f
	}
	f.Set("DialCallStatus", "completed")
	f.Set("DialCallSid", dl.winner.sid)
	f.Set("DialCallDuration", strconv.Itoa(seconds(b.length)))
	for _, r := range c.s.recordings {
		if r.CallSID == c.sid && r.Source == "DialVerb" && r.Status == "completed" {
			f.Set("RecordingSid", r.SID)
			f.Set("RecordingUrl", c.s.recordingURL(r.SID))
			f.Set("RecordingDuration", strconv.Itoa(seconds(r.Duration)))
		}
	}
	return f
}

// answerDial is the life of a leg that a Dial made.
func (c *Call) answerDial(dl *dialling, b *bridge, timeout time.Duration, d *document, noun *element) error {
	if err := c.ring(timeout); err != nil {
		dl.lost(c)
		return err
	}
	if !dl.won(c) {
		c.end("canceled")
		return errGone
	}
	c.s.update(func() { b.b = c })
	defer b.close()
	if u := noun.get("url", ""); u != "" {
		if err := c.whisper(source{url: resolve(d.base, u), method: noun.get("method", "POST")}); err != nil {
			b.close()
			return c.follow(err)
		}
	}
	b.open()
	return c.follow(c.talk(b, defaultTimeLimit*time.Second, false))
}

// whisper runs a document that only this leg hears, before it is bridged.
func (c *Call) whisper(src source) error {
	doc, err := c.load(src)
	if err != nil {
		return err
	}
	return c.nested(doc, whisperVerbs)
}

// What documents may do that run while the leg waits, or before it is bridged.
const (
	whisperVerbs    = " Say Play Pause Gather Redirect Hangup Record "
	queueVerbs      = " Say Play Pause Gather Redirect Hangup Leave "
	conferenceVerbs = " Say Play Pause Redirect "
)

// nested runs a document and those it redirects to, and comes back at its end. Other verbs than the given end the call.
func (c *Call) nested(doc *document, verbs string) error {
	old := c.verbs
	c.verbs = verbs
	defer func() { c.verbs = old }()
	var err error
	for doc != nil && err == nil {
		doc, err = c.runDocument(doc)
	}
	return err
}

// follow goes where a redirect interrupted the leg to; every other error ends it.
func (c *Call) follow(err error) error {
	var i *interrupt
	if errors.As(err, &i) && i.kind == "redirect" {
		return c.runSource(i.to)
	}
	return err
}
