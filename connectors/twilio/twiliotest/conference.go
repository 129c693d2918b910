package twiliotest

import (
	"errors"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// conference is a room in which legs hear each other; guarded by Server.mu.
type conference struct {
	sid, name        string
	status           string // init, in-progress, completed
	created, updated time.Time
	parts            []*participant
	callback         callbackTo // of the first participant that has one
	recordOn         bool
	recordTo         callbackTo
	recording        *Recording
	sequence         int
	reason, endedBy  string
}

// participant is a leg in a conference.
type participant struct {
	c                 *Call
	label             string
	joined            time.Time
	inside            bool
	muted, hold       bool
	startOn, endOn    bool
	coaching, removed bool
	coach             string
}

// conferenceLocked finds a running conference by name or any by SID; the caller holds mu.
func (s *Server) conferenceLocked(name string) *conference {
	for _, f := range slices.Backward(s.conferences) {
		if f.sid == name || f.name == name && f.status != "completed" {
			return f
		}
	}
	return nil
}

func (s *Server) makeConference(name string) *conference {
	now := s.opt.Now()
	f := &conference{sid: newSID("CF"), name: name, status: "init", created: now, updated: now}
	s.conferences = append(s.conferences, f)
	return f
}

// dialConference does Dial with a Conference noun: it joins and stays until it leaves or the conference ends.
func (c *Call) dialConference(d *document, v, noun *element) (*document, error) {
	p := &participant{c: c, label: noun.get("participantLabel", ""), muted: noun.get("muted", "false") == "true",
		startOn: noun.get("startConferenceOnEnter", "true") == "true",
		endOn:   noun.get("endConferenceOnExit", "false") == "true", coach: noun.get("coach", "")}
	p.coaching = p.coach != ""
	cb := callbackOf(d, noun, "statusCallback")
	var wait *source
	if u := noun.get("waitUrl", ""); u != "" {
		wait = &source{url: resolve(d.base, u), method: noun.get("waitMethod", "POST")}
	}
	start := c.s.clk.now()
	err := c.confer(noun.text, p, cb, wait, conferenceRecording(d, noun))
	extra := url.Values{"DialCallStatus": {"answered"}, "DialCallDuration": {strconv.Itoa(seconds(c.s.clk.now() - start))}}
	if err != nil {
		if errors.Is(err, errGone) {
			c.tell(d, v, extra)
		}
		return nil, err
	}
	return c.action(d, v, extra)
}

// conferenceRecording is the callback of a recording, and whether there is to be one.
func conferenceRecording(d *document, noun *element) *callbackTo {
	if m := noun.get("record", "do-not-record"); m == "do-not-record" || m == "false" {
		return nil
	}
	cb := callbackOf(d, noun, "recordingStatusCallback")
	return &cb
}

// confer is a participant's stay: nil when the conference ended or the participant was removed.
func (c *Call) confer(name string, p *participant, cb callbackTo, wait *source, rec *callbackTo) error {
	s := c.s
	s.mu.Lock()
	f := s.conferenceLocked(name)
	if f == nil {
		f = s.makeConference(name)
	}
	if f.callback.url == "" {
		f.callback = cb
	}
	if rec != nil {
		f.recordOn, f.recordTo = true, *rec
	}
	if !slices.Contains(f.parts, p) {
		f.parts = append(f.parts, p)
	}
	p.inside, p.joined = true, s.opt.Now()
	c.confName = f.name
	f.updated = p.joined
	begins := f.status == "init" && f.ready()
	var r *Recording
	if begins { // with the one who comes in, so that who sees both inside finds it running, and its end the recording
		r = s.openLocked(f)
	}
	s.touch()
	s.mu.Unlock()
	s.conferenceEvent(f, p, "participant-join", nil)
	if begins {
		s.conferenceEvent(f, nil, "conference-start", nil)
	}
	if r != nil {
		s.recordingEvent(r)
	}
	err := c.stay(f, wait)
	s.leaveConference(f, p)
	return err
}

// ready reports whether two are there, one of whom starts the conference; the caller holds mu.
func (f *conference) ready() bool {
	n, start := 0, false
	for _, p := range f.parts {
		if p.inside {
			n++
			start = start || p.startOn
		}
	}
	return n >= 2 && start
}

// openLocked lets a conference begin, with its recording if it has one; the caller holds mu, and tells of both.
func (s *Server) openLocked(f *conference) (r *Recording) {
	f.status = "in-progress"
	if f.recordOn {
		r = &Recording{ConferenceSID: f.sid, Source: "Conference", Channels: 1, callback: f.recordTo}
		s.startRecordingLocked(r)
		f.recording = r
	}
	for _, p := range f.parts {
		if p.inside {
			p.c.interruptLocked(&interrupt{kind: "begin"})
		}
	}
	return r
}

// stay keeps a leg in the conference; before it begins, the wait document plays over and over.
func (c *Call) stay(f *conference, wait *source) error {
	var i *interrupt
	for wait != nil {
		c.s.mu.Lock()
		running := f.status != "init"
		c.s.mu.Unlock()
		if running {
			break
		}
		doc, err := c.load(*wait)
		if err == nil {
			err = c.nested(doc, conferenceVerbs)
		}
		if err == nil {
			err = c.pause(time.Second)
		}
		switch {
		case errors.As(err, &i) && i.kind == "begin":
		case errors.As(err, &i) && i.kind == "kick":
			return nil
		case err != nil:
			return err
		}
	}
	for {
		_, in, err := c.wait(-1, nil, true)
		switch {
		case errors.As(err, &i) && i.kind == "begin":
		case errors.As(err, &i) && i.kind == "kick":
			return nil
		case err != nil:
			return err
		case in.speech > 0:
			c.overheard(f, in.words)
			err = c.speech(in.speech)
			close(in.taken)
			if errors.As(err, &i) && (i.kind == "kick" || i.kind == "begin") {
				if i.kind == "kick" {
					return nil
				}
				err = nil
			}
			if err != nil {
				return err
			}
		default:
			close(in.taken)
		}
	}
}

// overheard lets the others in a conference hear what a leg says.
func (c *Call) overheard(f *conference, words string) {
	if words == "" {
		return
	}
	c.set(func() {
		if slices.ContainsFunc(f.parts, func(p *participant) bool { return p.c == c && (p.muted || p.hold) }) {
			return
		}
		for _, p := range f.parts {
			if p.c != c && p.inside && !p.hold {
				p.c.heard = append(p.c.heard, words)
			}
		}
	})
}

// leaveConference takes a participant out, and ends the conference when that was the last or the leading one.
func (s *Server) leaveConference(f *conference, p *participant) {
	s.mu.Lock()
	if !p.inside {
		s.mu.Unlock()
		return
	}
	p.inside = false
	p.c.confName = ""
	f.parts = slices.DeleteFunc(f.parts, func(o *participant) bool { return o == p })
	f.updated = s.opt.Now()
	left := 0
	for _, o := range f.parts {
		if o.inside {
			left++
		}
	}
	reason := ""
	switch {
	case f.status == "completed":
	case p.endOn && p.removed:
		reason = "participant-with-end-conference-on-exit-kicked"
	case p.endOn:
		reason = "participant-with-end-conference-on-exit-left"
	case left == 0 && p.removed:
		reason = "last-participant-kicked"
	case left == 0:
		reason = "last-participant-left"
	}
	s.touch()
	s.mu.Unlock()
	why := "participant_updated_via_api"
	if !p.removed {
		why = "participant_hung_up"
	}
	s.conferenceEvent(f, p, "participant-leave", url.Values{"ReasonParticipantLeft": {why}})
	if reason != "" {
		s.endConference(f, reason, p.c.sid)
	}
}

// endConference sends everybody out.
func (s *Server) endConference(f *conference, reason, by string) {
	s.mu.Lock()
	if f.status == "completed" {
		s.mu.Unlock()
		return
	}
	f.status, f.reason, f.endedBy, f.updated = "completed", reason, by, s.opt.Now()
	for _, p := range f.parts {
		if p.inside {
			p.c.interruptLocked(&interrupt{kind: "kick"})
		} else {
			s.spawnLocked(func() { p.c.end("canceled") })
		}
	}
	r := f.recording
	s.touch()
	s.mu.Unlock()
	if r != nil {
		s.stopRecording(r)
	}
	extra := url.Values{"ReasonConferenceEnded": {strings.ReplaceAll(reason, "-", "_")}}
	if by != "" {
		extra.Set("CallSidEndingConference", by)
	}
	s.conferenceEvent(f, nil, "conference-end", extra)
}

// conferenceEvents maps an event to the word that subscribes to it.
var conferenceEvents = map[string]string{"conference-start": "start", "conference-end": "end", "participant-join": "join",
	"participant-leave": "leave", "participant-mute": "mute", "participant-unmute": "mute", "participant-hold": "hold",
	"participant-unhold": "hold", "participant-modify": "modify", "announcement-end": "announcement"}

// conferenceEvent sends a conference status callback, when one is wanted for the event.
func (s *Server) conferenceEvent(f *conference, p *participant, event string, extra url.Values) {
	s.mu.Lock()
	cb := f.callback
	form := url.Values{"AccountSid": {s.opt.AccountSID}, "ConferenceSid": {f.sid}, "FriendlyName": {f.name},
		"StatusCallbackEvent": {event}, "Timestamp": {rfc2822(s.opt.Now())}, "SequenceNumber": {strconv.Itoa(f.sequence + 1)}}
	if p != nil {
		for k, v := range map[string]bool{"Muted": p.muted, "Hold": p.hold, "Coaching": p.coaching,
			"StartConferenceOnEnter": p.startOn, "EndConferenceOnExit": p.endOn} {
			form.Set(k, strconv.FormatBool(v))
		}
		form.Set("CallSid", p.c.sid)
		if p.label != "" {
			form.Set("ParticipantLabel", p.label)
		}
	}
	wanted := cb.url != "" && slices.Contains(cb.events, conferenceEvents[event])
	if wanted {
		f.sequence++
	}
	s.mu.Unlock()
	if !wanted {
		return
	}
	for k, v := range extra {
		form[k] = v
	}
	_, _ = s.post(hook{url: cb.url, method: cb.method, resource: f.sid, form: form})
}
