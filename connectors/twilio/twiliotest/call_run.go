package twiliotest

import (
	"net/url"
	"strconv"
	"strings"
	"time"
)

// runDocument runs the verbs of a document. It returns the document that follows, nil at the end, or why the leg stops.
func (c *Call) runDocument(d *document) (*document, error) {
	for i, v := range d.root.kids {
		if v.name == "Reject" && i == 0 {
			return nil, c.reject(v)
		}
		next, err := c.runVerb(d, v)
		if next != nil || err != nil {
			return next, err
		}
	}
	return nil, nil
}

func (c *Call) runVerb(d *document, v *element) (*document, error) {
	if c.verbs != "" && !strings.Contains(c.verbs, " "+v.name+" ") {
		code := 12200
		if v.name == "Dial" {
			code = 13201
		}
		c.s.alert(code, c.sid, d.base, "%s is not allowed in this document", v.name)
		return nil, c.apologise()
	}
	if v.name != "Pause" { // a Pause in front lets the phone ring on
		c.pickUp()
	}
	c.verbAt = c.s.clk.now()
	defer c.setVerb(v.name)()
	switch v.name {
	case "Say", "Play", "Pause":
		_, err := c.sound(d, v, false)
		return nil, err
	case "Gather":
		return c.gather(d, v)
	case "Record":
		return c.recordVerb(d, v)
	case "Dial":
		return c.dial(d, v)
	case "Enqueue":
		return c.enqueue(d, v)
	case "Redirect":
		return c.load(source{url: resolve(d.base, v.text), method: v.get("method", "POST")})
	case "Leave":
		return nil, errLeave
	}
	return nil, errEnd // Hangup; a Reject after the call was picked up
}

// reject refuses the call before it is picked up, so that it costs nothing.
func (c *Call) reject(v *element) error {
	status := "no-answer"
	if v.get("reason", "rejected") == "busy" {
		status = "busy"
	}
	if c.State().Status == "in-progress" {
		status = "completed"
	}
	c.end(status)
	return errGone
}

// action is the document that a verb's action gives, with parameters of the verb; nil when it has no action.
func (c *Call) action(d *document, v *element, extra url.Values) (*document, error) {
	a, ok := v.attr["action"]
	if !ok {
		return nil, nil
	}
	return c.load(source{url: resolve(d.base, a), method: v.get("method", "POST"), extra: extra})
}

// tell sends a verb's action to the application without doing what it answers: the leg has already gone elsewhere.
func (c *Call) tell(d *document, v *element, extra url.Values) {
	a, ok := v.attr["action"]
	if !ok {
		return
	}
	f := c.form()
	for k, x := range extra {
		f[k] = x
	}
	select {
	case <-c.gone:
		c.s.mu.Lock()
		f.Set("CallStatus", c.endStatus)
		c.s.mu.Unlock()
	default:
	}
	_, _ = c.s.post(hook{url: resolve(d.base, a), method: v.get("method", "POST"), resource: c.sid, form: f})
}

// sound does Say, Play and Pause. With listen, what the far end does stops it and is returned.
func (c *Call) sound(d *document, v *element, listen bool) (*input, error) {
	var length time.Duration
	var heard string
	switch v.name {
	case "Say":
		heard = spoken(v)
		length = time.Duration(len([]rune(heard))) * sayPerRune
	case "Play":
		length = playLength
		if heard = v.get("digits", ""); heard == "" {
			heard = resolve(d.base, v.text)
		}
	case "Pause":
		length = v.seconds("length", 1)
	}
	loops, _ := strconv.Atoi(v.get("loop", "1"))
	start := c.since()
	for i := 0; i < loops || loops == 0; i++ {
		if heard != "" {
			c.set(func() { c.heard = append(c.heard, heard) })
		}
		length := c.soundLength(length, v.name, loops)
		start += length
		_, in, err := c.wait(start, nil, listen)
		if in != nil || err != nil {
			return in, err
		}
	}
	return nil, nil
}

// soundLength is how long a sound takes: no time when the clock is frozen, so that a test need not move it for every
// sentence. A Pause, and what is repeated without end, takes its time all the same.
func (c *Call) soundLength(d time.Duration, verb string, loops int) time.Duration {
	if !c.s.opt.Frozen || verb == "Pause" || loops == 0 {
		return max(d, time.Millisecond)
	}
	return 0
}

// speech lets the far end speak: on a frozen clock that moves it, at once.
func (c *Call) speech(d time.Duration) error {
	if c.s.opt.Frozen {
		c.s.clk.advance(d)
		d = 0
	}
	return c.pause(d)
}

// since is the moment from which the verb under way counts its waiting: now, after what was played; on a frozen clock the
// start of the verb, so that a test that has seen the verb can move the clock without knowing how far its prompt is.
func (c *Call) since() time.Duration {
	if c.s.opt.Frozen {
		return c.verbAt
	}
	return c.s.clk.now()
}

// spoken is the text of a Say with that of its SSML.
func spoken(v *element) string {
	parts := []string{v.text}
	for _, k := range v.kids {
		parts = append(parts, spoken(k))
	}
	return strings.TrimSpace(strings.Join(parts, " "))
}

// defaultGatherTimeout is how long Gather waits for the first and for each further key.
const defaultGatherTimeout = 5

// gather collects keys or speech.
func (c *Call) gather(d *document, v *element) (*document, error) {
	kind := v.get("input", "dtmf")
	g := gathering{keys: strings.Contains(kind, "dtmf"), speech: strings.Contains(kind, "speech"), finish: v.get("finishOnKey", "#")}
	g.want, _ = strconv.Atoi(v.get("numDigits", "0"))
	for _, k := range v.kids {
		in, err := c.sound(d, k, true)
		if err != nil {
			return nil, err
		}
		if in != nil {
			if g.take(in) {
				return c.gathered(d, v, g)
			}
			break // barged in: the rest of the prompt is not heard
		}
	}
	timeout := v.seconds("timeout", defaultGatherTimeout)
	end := c.since() + timeout
	for {
		up, in, err := c.wait(end, nil, true)
		if err != nil {
			return nil, err
		}
		end = c.s.clk.now() + timeout // before the far end learns that it was heard
		if up || g.take(in) {
			return c.gathered(d, v, g)
		}
	}
}

// gathering is what a Gather wants and has.
type gathering struct {
	keys, speech bool
	finish       string
	want         int
	digits       string
	words        string
	key          string // that finished it
}

// take adds an input and reports whether the Gather is complete.
func (g *gathering) take(in *input) bool {
	defer close(in.taken)
	if in.digits == "" {
		if g.speech && in.words != "" {
			g.words = in.words
			return true
		}
		return false
	}
	for _, k := range in.digits {
		if !g.keys {
			return false
		}
		if strings.ContainsRune(g.finish, k) {
			g.key = string(k)
			return true
		}
		g.digits += string(k)
		if g.want > 0 && len(g.digits) == g.want {
			return true
		}
	}
	return false
}

// gathered goes on after a Gather: to its action, which is the current document when not given, or to the next verb
// when nothing came.
func (c *Call) gathered(d *document, v *element, g gathering) (*document, error) {
	extra := url.Values{}
	switch {
	case g.words != "":
		extra.Set("SpeechResult", g.words)
		extra.Set("Confidence", "0.95")
	case g.digits != "":
		extra.Set("Digits", g.digits)
		extra.Set("msg", "Gather End")
	case v.get("actionOnEmptyResult", "false") == "true" || g.key != "":
		extra.Set("Digits", "")
	default:
		return nil, nil
	}
	if g.key != "" {
		extra.Set("FinishedOnKey", g.key)
	}
	return c.load(source{url: resolve(d.base, v.get("action", d.base)), method: v.get("method", "POST"), extra: extra})
}

// Defaults of Record.
const (
	recordSilence = 5    // seconds
	recordMax     = 3600 // seconds
)

// recordVerb records the far end: voicemail.
func (c *Call) recordVerb(d *document, v *element) (*document, error) {
	finish := v.get("finishOnKey", "1234567890*#")
	limit := v.seconds("maxLength", recordMax)
	silence := v.seconds("timeout", recordSilence)
	r := c.s.startRecording(&Recording{CallSID: c.sid, Source: "RecordVerb", Channels: 1,
		callback: callbackOf(d, v, "recordingStatusCallback"), owner: c})
	var length time.Duration
	var words []string
	key, err := "", error(nil)
	end := c.since() + silence
	for key == "" && length < limit && err == nil {
		up, in, werr := c.wait(end, nil, true)
		if werr != nil {
			err = werr
			break
		}
		if up {
			break
		}
		if i := strings.IndexAny(in.digits, finish); i >= 0 {
			key = in.digits[i : i+1]
		}
		part := min(in.speech, limit-length)
		if in.words != "" {
			words = append(words, in.words)
		}
		length += part
		if part > 0 {
			err = c.speech(part)
		}
		end = c.s.clk.now() + silence // before the far end learns that it was heard
		close(in.taken)
	}
	if err == errGone {
		key = "hangup"
	}
	if length == 0 {
		c.s.absent(r)
		return nil, err
	}
	c.s.completeRecording(r, length)
	extra := url.Values{"RecordingUrl": {c.s.recordingURL(r.SID)}, "RecordingSid": {r.SID},
		"RecordingDuration": {strconv.Itoa(seconds(length))}, "Digits": {key}}
	if cb := v.get("transcribeCallback", ""); cb != "" || v.get("transcribe", "") == "true" {
		c.transcribe(r, resolve(d.base, cb), strings.Join(words, " "))
	}
	if _, ok := v.attr["action"]; !ok {
		v = &element{name: v.name, attr: map[string]string{"action": d.base, "method": v.get("method", "POST")}}
	}
	if err != nil {
		c.tell(d, v, extra)
		return nil, err
	}
	return c.action(d, v, extra)
}

// transcribe sends the transcription of a recording: the words the test spoke.
func (c *Call) transcribe(r *Recording, callback, words string) {
	if words == "" {
		words = "(inaudible)"
	}
	sid := newSID("TR")
	c.set(func() { r.written = &transcript{sid, words, c.s.opt.Now()} })
	f := c.form()
	for k, v := range map[string]string{"TranscriptionSid": sid, "TranscriptionText": words, "TranscriptionStatus": "completed",
		"TranscriptionType": "fast", "TranscriptionUrl": c.s.recordingURL(r.SID) + "/Transcriptions/" + sid,
		"RecordingSid": r.SID, "RecordingUrl": c.s.recordingURL(r.SID)} {
		f.Set(k, v)
	}
	c.s.spawn(func() { _, _ = c.s.post(hook{url: callback, resource: c.sid, form: f}) })
}

// callbackTo is where and about which events a callback is sent.
type callbackTo struct {
	url, method string
	events      []string
}

// callbackOf reads the three attributes of a callback: name, nameMethod and nameEvent.
func callbackOf(d *document, v *element, name string) callbackTo {
	u := v.get(name, "")
	if u == "" {
		return callbackTo{}
	}
	return callbackTo{resolve(d.base, u), v.get(name+"Method", "POST"), strings.Fields(v.get(name+"Event", ""))}
}
