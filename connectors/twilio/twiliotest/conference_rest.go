package twiliotest

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// conferencesResource routes Conferences, Conferences/{Sid} and their Participants and Recordings.
func (s *Server) conferencesResource(rq *apiRequest) (answer, *apiError) {
	p := rq.parts
	if len(p) == 1 {
		return s.listConferences(rq)
	}
	participants := len(p) > 2 && p[2] == "Participants" && len(p) <= 4
	s.mu.Lock()
	f := s.conferenceLocked(p[1])
	if f == nil && participants && len(p) == 3 && rq.Method == http.MethodPost && !sidForm(p[1], "CF") {
		name, err := url.PathUnescape(p[1])
		if err != nil {
			name = p[1]
		}
		f = s.makeConference(name) // adding a participant to a name makes the conference
	}
	s.mu.Unlock()
	switch {
	case f == nil || len(p) > 2 && !participants:
		return answer{}, notFound(rq.URL.Path)
	case len(p) == 3 && rq.Method == http.MethodPost:
		return s.addParticipant(rq, f)
	case len(p) == 3:
		return s.listParticipants(rq, f)
	case len(p) == 4:
		return s.oneParticipant(rq, f)
	}
	if rq.Method == http.MethodPost {
		s.allow(rq, "Status", "AnnounceUrl", "AnnounceMethod")
		if v := rq.form.Get("Status"); v == "completed" {
			s.endConference(f, "conference-ended-via-api", "")
		} else if v != "" {
			return answer{}, fail(20001, "Invalid Status %q", v)
		}
		if u := rq.form.Get("AnnounceUrl"); u != "" {
			s.announce(f, nil, u, rq.form.Get("AnnounceMethod"))
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return answer{status: 200, json: s.conferenceJSON(f)}, nil
}

func (s *Server) listConferences(rq *apiRequest) (answer, *apiError) {
	s.allow(rq, "DateCreated", "DateCreated<", "DateCreated>", "DateUpdated", "DateUpdated<", "DateUpdated>", "FriendlyName",
		"Status", "PageSize", "Page", "PageToken")
	created, e := dateFilter(rq.query, "DateCreated")
	if e != nil {
		return answer{}, e
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	var items []item
	for _, f := range slices.Backward(s.conferences) {
		if created(f.created) && matches(rq, "FriendlyName", f.name) && matches(rq, "Status", f.status) {
			items = append(items, item{f.sid, func() any { return s.conferenceJSON(f) }})
		}
	}
	return s.page(rq, "conferences", items)
}

func (s *Server) listParticipants(rq *apiRequest, f *conference) (answer, *apiError) {
	s.allow(rq, "Muted", "Hold", "Coaching", "PageSize", "Page", "PageToken")
	s.mu.Lock()
	defer s.mu.Unlock()
	var items []item
	for _, p := range f.parts {
		if matches(rq, "Muted", strconv.FormatBool(p.muted)) && matches(rq, "Hold", strconv.FormatBool(p.hold)) &&
			matches(rq, "Coaching", strconv.FormatBool(p.coaching)) {
			items = append(items, item{p.c.sid, func() any { return s.participantJSON(f, p) }})
		}
	}
	return s.page(rq, "participants", items)
}

// addParticipant calls somebody who joins the conference when answering.
func (s *Server) addParticipant(rq *apiRequest, f *conference) (answer, *apiError) {
	s.allow(rq, "From", "To", "StatusCallback", "StatusCallbackMethod", "StatusCallbackEvent", "Label", "Timeout", "Record",
		"Muted", "Beep", "StartConferenceOnEnter", "EndConferenceOnExit", "WaitUrl", "WaitMethod", "EarlyMedia",
		"MaxParticipants", "ConferenceRecord", "ConferenceTrim", "ConferenceStatusCallback", "ConferenceStatusCallbackMethod",
		"ConferenceStatusCallbackEvent", "RecordingChannels", "RecordingStatusCallback", "RecordingStatusCallbackMethod",
		"RecordingStatusCallbackEvent", "ConferenceRecordingStatusCallback", "ConferenceRecordingStatusCallbackMethod",
		"ConferenceRecordingStatusCallbackEvent", "Coaching", "CallSidToCoach", "CallerId", "CallReason", "TimeLimit",
		"JitterBufferSize", "ClientNotificationUrl")
	q := rq.form
	timeout, e := s.checkParties(q)
	if e != nil {
		return answer{}, e
	}
	c := s.newCall(q.Get("From"), q.Get("To"), "outbound-api", nil)
	if id := q.Get("CallerId"); id != "" {
		c.from = id
	}
	if e := c.readCallback(q); e != nil {
		return answer{}, e
	}
	p := &participant{c: c, label: q.Get("Label"), muted: q.Get("Muted") == "true", startOn: q.Get("StartConferenceOnEnter") != "false",
		endOn: q.Get("EndConferenceOnExit") == "true", coaching: q.Get("Coaching") == "true", coach: q.Get("CallSidToCoach")}
	s.mu.Lock()
	if f.status == "completed" {
		s.mu.Unlock()
		return answer{}, fail(20001, "Conference %s has ended", f.sid)
	}
	f.parts = append(f.parts, p)
	s.mu.Unlock()
	cb := callbackTo{q.Get("ConferenceStatusCallback"), q.Get("ConferenceStatusCallbackMethod"),
		strings.Fields(strings.Join(q["ConferenceStatusCallbackEvent"], " "))}
	var wait *source
	if u := q.Get("WaitUrl"); u != "" {
		wait = &source{url: u, method: q.Get("WaitMethod")}
	}
	var rec *callbackTo
	if v := q.Get("ConferenceRecord"); v == "true" || v == "record-from-start" {
		rec = &callbackTo{q.Get("ConferenceRecordingStatusCallback"), q.Get("ConferenceRecordingStatusCallbackMethod"),
			strings.Fields(strings.Join(q["ConferenceRecordingStatusCallbackEvent"], " "))}
	}
	_ = s.begin(c, "queued", func() error {
		if err := c.ring(timeout); err != nil {
			s.update(func() {
				f.parts = slices.DeleteFunc(f.parts, func(o *participant) bool { return o == p })
			})
			return err
		}
		if q.Get("Record") == "true" {
			s.startRecording(&Recording{CallSID: c.sid, Source: "OutboundAPI", Channels: channels(q.Get("RecordingChannels")),
				callback: recordingCallback(q), owner: c})
		}
		return c.follow(c.confer(f.sid, p, cb, wait, rec))
	})
	s.mu.Lock()
	defer s.mu.Unlock()
	j := s.participantJSON(f, p)
	j["status"] = "queued"
	return answer{status: http.StatusCreated, json: j}, nil
}

// oneParticipant fetches, updates or removes a participant, named by call SID or label.
func (s *Server) oneParticipant(rq *apiRequest, f *conference) (answer, *apiError) {
	s.mu.Lock()
	i := slices.IndexFunc(f.parts, func(p *participant) bool {
		return p.c.sid == rq.parts[3] || p.label != "" && p.label == rq.parts[3]
	})
	if i < 0 {
		s.mu.Unlock()
		return answer{}, notFound(rq.URL.Path)
	}
	p := f.parts[i]
	s.mu.Unlock()
	switch rq.Method {
	case http.MethodDelete:
		s.mu.Lock()
		p.removed = true
		inside := p.inside
		if inside {
			p.c.interruptLocked(&interrupt{kind: "kick"})
		}
		s.mu.Unlock()
		if !inside {
			p.c.end("canceled")
		}
		return answer{status: http.StatusNoContent}, nil
	case http.MethodPost:
		s.updateParticipant(rq, f, p)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return answer{status: 200, json: s.participantJSON(f, p)}, nil
}

func (s *Server) updateParticipant(rq *apiRequest, f *conference, p *participant) {
	s.allow(rq, "Muted", "Hold", "HoldUrl", "HoldMethod", "AnnounceUrl", "AnnounceMethod", "WaitUrl", "WaitMethod",
		"BeepOnExit", "EndConferenceOnExit", "Coaching", "CallSidToCoach")
	q := rq.form
	var events []string
	change := func(name string, field *bool, on, off string) {
		if !q.Has(name) || *field == (q.Get(name) == "true") {
			return
		}
		*field = !*field
		event := off
		if *field {
			event = on
		}
		if event != "" {
			events = append(events, event)
		}
	}
	s.update(func() {
		change("Muted", &p.muted, "participant-mute", "participant-unmute")
		change("Hold", &p.hold, "participant-hold", "participant-unhold")
		change("EndConferenceOnExit", &p.endOn, "participant-modify", "participant-modify")
		change("Coaching", &p.coaching, "participant-modify", "participant-modify")
		if q.Has("CallSidToCoach") {
			p.coach = q.Get("CallSidToCoach")
		}
	})
	for _, e := range events {
		s.spawn(func() { s.conferenceEvent(f, p, e, nil) })
	}
	if u := q.Get("HoldUrl"); u != "" && q.Get("Hold") == "true" {
		s.announce(f, p, u, q.Get("HoldMethod"))
	}
	if u := q.Get("AnnounceUrl"); u != "" {
		s.announce(f, p, u, q.Get("AnnounceMethod"))
	}
}

// announce gets a document and plays its Say and Play to one participant, or to all.
func (s *Server) announce(f *conference, to *participant, u, method string) {
	s.mu.Lock()
	var legs []*Call
	for _, p := range f.parts {
		if p.inside && (to == nil || to == p) {
			legs = append(legs, p.c)
		}
	}
	s.mu.Unlock()
	form := url.Values{"ConferenceSid": {f.sid}, "AccountSid": {s.opt.AccountSID}, "ApiVersion": {apiVersion}}
	if len(legs) == 1 {
		form = legs[0].form()
		form.Set("ConferenceSid", f.sid)
	}
	s.spawn(func() {
		var doc *element
		a, err := s.post(hook{url: u, method: method, resource: f.sid, form: form, check: func(a hookAnswer) (e *hookError) {
			doc, e = voiceDocument(a)
			return e
		}})
		if err != nil {
			return
		}
		s.update(func() {
			for _, c := range legs {
				for _, v := range doc.kids {
					switch v.name {
					case "Say":
						c.heard = append(c.heard, spoken(v))
					case "Play":
						c.heard = append(c.heard, resolve(a.url, v.text))
					}
				}
			}
		})
	})
}

// conferenceJSON is the resource as the API shows it; the caller holds mu.
func (s *Server) conferenceJSON(f *conference) map[string]any {
	uri := s.uri("Conferences", f.sid)
	return map[string]any{"account_sid": s.opt.AccountSID, "date_created": rfc2822(f.created),
		"date_updated": rfc2822(f.updated), "api_version": apiVersion, "friendly_name": f.name, "region": "us1", "sid": f.sid,
		"status": f.status, "uri": uri + ".json", "reason_conference_ended": orNil(f.reason),
		"call_sid_ending_conference": orNil(f.endedBy),
		"subresource_uris":           map[string]string{"participants": uri + "/Participants.json", "recordings": uri + "/Recordings.json"}}
}

// participantJSON is the resource as the API shows it; the caller holds mu.
func (s *Server) participantJSON(f *conference, p *participant) map[string]any {
	status := "connected"
	switch {
	case p.inside:
	case over(p.c.status):
		status = "complete"
	case p.c.status == "in-progress":
		status = "connecting"
	default:
		status = p.c.status
	}
	at := p.joined
	if at.IsZero() {
		at = p.c.created
	}
	return map[string]any{"account_sid": s.opt.AccountSID, "call_sid": p.c.sid, "label": orNil(p.label),
		"call_sid_to_coach": orNil(p.coach), "coaching": p.coaching, "conference_sid": f.sid, "date_created": rfc2822(at),
		"date_updated": rfc2822(at), "end_conference_on_exit": p.endOn, "muted": p.muted, "hold": p.hold,
		"start_conference_on_enter": p.startOn, "status": status, "queue_time": "0",
		"uri": s.uri("Conferences", f.sid, "Participants", p.c.sid) + ".json"}
}

// ConferenceState is a conference as a test looks at it.
type ConferenceState struct {
	SID, Name, Status string
	Created           time.Time
	Participants      []ParticipantState
}

// ParticipantState is one leg of it.
type ParticipantState struct {
	CallSID, Label string
	Inside         bool // false while it still rings
	Muted, Hold    bool
}

// Conferences returns all conferences, the ended ones too, oldest first.
func (s *Server) Conferences() []ConferenceState {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []ConferenceState
	for _, f := range s.conferences {
		st := ConferenceState{SID: f.sid, Name: f.name, Status: f.status, Created: f.created}
		for _, p := range f.parts {
			st.Participants = append(st.Participants, ParticipantState{p.c.sid, p.label, p.inside, p.muted, p.hold})
		}
		out = append(out, st)
	}
	return out
}
