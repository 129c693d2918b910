package twiliotest

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Recording is recorded audio as the API shows it. The bytes are made when they are asked for: a soft tone of the right
// length.
type Recording struct {
	SID           string // RE…
	CallSID       string
	ConferenceSID string
	Source        string // RecordVerb, DialVerb, Conference, OutboundAPI, StartCallRecordingAPI
	Status        string // in-progress, paused, processing, completed, absent, deleted
	Channels      int
	Started       time.Time
	Duration      time.Duration

	callback callbackTo
	owner    *Call         // the leg that lists it as live; nil for a conference
	startAt  time.Duration // on the clock of lengths
	held     time.Duration // recorded before the last pause
	written  *transcript
}

// transcript is what was said in a recording.
type transcript struct {
	sid, words string
	made       time.Time
}

// Recordings returns all recordings, the deleted ones too, oldest first.
func (s *Server) Recordings() []Recording {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := make([]Recording, 0, len(s.recordings))
	for _, r := range s.recordings {
		out = append(out, *r)
	}
	return out
}

// recordingURL is the RecordingUrl of webhooks: the resource without an extension.
func (s *Server) recordingURL(sid string) string { return s.base + s.uri("Recordings", sid) }

// startRecording begins a recording.
func (s *Server) startRecording(r *Recording) *Recording {
	s.update(func() { s.startRecordingLocked(r) })
	s.recordingEvent(r)
	return r
}

// startRecordingLocked is startRecording without telling the application; the caller holds mu.
func (s *Server) startRecordingLocked(r *Recording) {
	r.SID, r.Status, r.Started, r.startAt = newSID("RE"), "in-progress", s.opt.Now(), s.clk.now()
	s.recordings = append(s.recordings, r)
	if r.owner != nil {
		r.owner.live = append(r.owner.live, r)
	}
}

// pauseRecording stops or resumes the clock of a recording.
func (s *Server) pauseRecording(r *Recording, pause bool) {
	s.update(func() {
		switch {
		case pause && r.Status == "in-progress":
			r.held += s.clk.now() - r.startAt
			r.Status = "paused"
		case !pause && r.Status == "paused":
			r.startAt = s.clk.now()
			r.Status = "in-progress"
		}
	})
}

// stopRecording ends a recording that has run since its start.
func (s *Server) stopRecording(r *Recording) {
	s.mu.Lock()
	length := r.held
	if r.Status == "in-progress" {
		length += s.clk.now() - r.startAt
	}
	live := r.Status == "in-progress" || r.Status == "paused"
	s.mu.Unlock()
	if live {
		s.completeRecording(r, length)
	}
}

func (s *Server) completeRecording(r *Recording, length time.Duration) {
	s.mu.Lock()
	status := "completed"
	if s.mixing {
		status = "processing"
	}
	s.mu.Unlock()
	s.closeRecording(r, status, length)
}

// MixRecordings keeps recordings that end in the state "processing", in which Twilio makes their sound: nobody can fetch
// it yet and no callback tells of it. Switched off it completes those that wait.
func (s *Server) MixRecordings(on bool) {
	var made []*Recording
	s.update(func() {
		s.mixing = on
		for _, r := range s.recordings {
			if !on && r.Status == "processing" {
				made = append(made, r)
			}
		}
	})
	for _, r := range made {
		s.closeRecording(r, "completed", r.Duration)
	}
}

// absent ends a recording in which nobody spoke.
func (s *Server) absent(r *Recording) { s.closeRecording(r, "absent", 0) }

func (s *Server) closeRecording(r *Recording, status string, length time.Duration) {
	s.update(func() {
		r.Status, r.Duration = status, length
		if r.owner != nil {
			r.owner.live = slices.DeleteFunc(r.owner.live, func(o *Recording) bool { return o == r })
		}
	})
	s.recordingEvent(r)
}

// recordingEvent sends the recording status callback, when one is wanted for the status.
func (s *Server) recordingEvent(r *Recording) {
	events := r.callback.events
	if len(events) == 0 {
		events = []string{"completed"}
	}
	s.mu.Lock()
	status := r.Status
	f := url.Values{"AccountSid": {s.opt.AccountSID}, "RecordingSid": {r.SID}, "RecordingUrl": {s.recordingURL(r.SID)},
		"RecordingStatus": {status}, "RecordingDuration": {strconv.Itoa(seconds(r.Duration))},
		"RecordingChannels": {strconv.Itoa(r.Channels)}, "RecordingStartTime": {rfc2822(r.Started)},
		"RecordingSource": {r.Source}, "RecordingTrack": {"both"}, "ErrorCode": {"0"}}
	if r.CallSID != "" {
		f.Set("CallSid", r.CallSID)
	}
	if r.ConferenceSID != "" {
		f.Set("ConferenceSid", r.ConferenceSID)
	}
	s.mu.Unlock()
	if r.callback.url == "" || !slices.Contains(events, status) {
		return
	}
	s.spawn(func() { _, _ = s.post(hook{url: r.callback.url, method: r.callback.method, resource: r.SID, form: f}) })
}

// recordingsResource routes Recordings and Recordings/{Sid}, with and without the audio.
func (s *Server) recordingsResource(rq *apiRequest) (answer, *apiError) {
	if len(rq.parts) == 1 && rq.Method == http.MethodGet {
		return s.listRecordings(rq, rq.query.Get("CallSid"), rq.query.Get("ConferenceSid"))
	}
	if len(rq.parts) == 3 && rq.parts[2] == "Transcriptions" && rq.Method == http.MethodGet {
		return s.listTranscriptions(rq, rq.parts[1])
	}
	if len(rq.parts) != 2 {
		return answer{}, notFound(rq.URL.Path)
	}
	return s.oneRecording(rq, rq.parts[1])
}

// listTranscriptions lists what was said in a recording.
func (s *Server) listTranscriptions(rq *apiRequest, sid string) (answer, *apiError) {
	s.allow(rq, "PageSize", "Page", "PageToken")
	s.mu.Lock()
	defer s.mu.Unlock()
	i := slices.IndexFunc(s.recordings, func(r *Recording) bool { return r.SID == sid && r.Status != "deleted" })
	if i < 0 {
		return answer{}, notFound(rq.URL.Path)
	}
	var items []item
	if r := s.recordings[i]; r.written != nil {
		w := r.written
		items = append(items, item{w.sid, func() any {
			return map[string]any{"account_sid": s.opt.AccountSID, "api_version": apiVersion, "date_created": rfc2822(w.made), "date_updated": rfc2822(w.made),
				"duration": strconv.Itoa(seconds(r.Duration)), "price": "-0.05000", "price_unit": "USD", "recording_sid": r.SID, "sid": w.sid, "status": "completed",
				"transcription_text": w.words, "type": "fast", "uri": s.uri("Transcriptions", w.sid) + ".json"}
		}})
	}
	return s.page(rq, "transcriptions", items)
}

func (s *Server) listRecordings(rq *apiRequest, call, conference string) (answer, *apiError) {
	s.allow(rq, "DateCreated", "DateCreated<", "DateCreated>", "CallSid", "ConferenceSid", "IncludeSoftDeleted", "PageSize",
		"Page", "PageToken")
	within, e := dateFilter(rq.query, "DateCreated")
	if e != nil {
		return answer{}, e
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	var items []item
	for _, r := range slices.Backward(s.recordings) {
		if r.Status == "deleted" || !within(r.Started) || call != "" && call != r.CallSID ||
			conference != "" && conference != r.ConferenceSID {
			continue
		}
		items = append(items, item{r.SID, func() any { return s.recordingShape(rq, r) }})
	}
	return s.page(rq, "recordings", items)
}

func (s *Server) oneRecording(rq *apiRequest, sid string) (answer, *apiError) {
	s.mu.Lock()
	i := slices.IndexFunc(s.recordings, func(r *Recording) bool { return r.SID == sid && r.Status != "deleted" })
	if i < 0 {
		s.mu.Unlock()
		return answer{}, notFound(rq.URL.Path)
	}
	r := s.recordings[i]
	snapshot, j := *r, s.recordingShape(rq, r)
	s.mu.Unlock()
	switch {
	case rq.Method == http.MethodDelete:
		s.update(func() { r.Status = "deleted" })
		return answer{status: http.StatusNoContent}, nil
	case rq.Method == http.MethodPost && len(rq.parts) > 2 && rq.parts[0] == "Calls":
		return s.updateRecording(rq, r)
	case rq.Method != http.MethodGet && rq.Method != http.MethodHead:
		return answer{}, notAllowed(rq)
	case rq.ext == "json":
		return answer{status: 200, json: j}, nil
	case snapshot.Status != "completed":
		return answer{}, notFound(rq.URL.Path)
	case rq.ext == "mp3":
		return answer{status: 200, contentType: "audio/mpeg", raw: mp3(snapshot.Duration)}, nil
	case rq.ext == "wav" || rq.ext == "":
		channels := snapshot.Channels
		if rq.query.Get("RequestedChannels") == "1" {
			channels = 1
		}
		return answer{status: 200, contentType: "audio/x-wav", raw: wav(snapshot.Duration, channels)}, nil
	}
	return answer{}, notFound(rq.URL.Path)
}

// updateRecording pauses, resumes and stops the recording of a call under way.
func (s *Server) updateRecording(rq *apiRequest, r *Recording) (answer, *apiError) {
	s.allow(rq, "Status", "PauseBehavior")
	s.mu.Lock()
	live := r.Status == "in-progress" || r.Status == "paused"
	s.mu.Unlock()
	if !live {
		return answer{}, fail(21220, "Recording %s is not in progress", r.SID)
	}
	switch rq.form.Get("Status") {
	case "paused", "in-progress":
		s.pauseRecording(r, rq.form.Get("Status") == "paused")
	case "stopped":
		s.stopRecording(r)
	default:
		return answer{}, fail(20001, "Invalid Status %q", rq.form.Get("Status"))
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return answer{status: 200, json: s.callRecordingJSON(r)}, nil
}

// recordingShape is the resource as the path of the request shows it; the caller holds mu.
func (s *Server) recordingShape(rq *apiRequest, r *Recording) map[string]any {
	if rq.parts[0] == "Calls" {
		return s.callRecordingJSON(r)
	}
	return s.recordingJSON(r)
}

// recordingJSON is the resource below the account; the caller holds mu.
func (s *Server) recordingJSON(r *Recording) map[string]any {
	j := s.recordingCommon(r)
	uri := s.uri("Recordings", r.SID)
	j["uri"] = uri + ".json"
	j["media_url"] = s.recordingURL(r.SID)
	j["subresource_uris"] = map[string]string{"add_on_results": uri + "/AddOnResults.json", "transcriptions": uri + "/Transcriptions.json"}
	return j
}

// callRecordingJSON is the resource below its call; the caller holds mu.
func (s *Server) callRecordingJSON(r *Recording) map[string]any {
	j := s.recordingCommon(r)
	j["uri"] = s.uri("Calls", r.CallSID, "Recordings", r.SID) + ".json"
	j["track"] = "both"
	return j
}

func (s *Server) recordingCommon(r *Recording) map[string]any {
	duration := "-1" // while it runs
	var price, unit any
	if r.Status == "completed" {
		duration, price, unit = strconv.Itoa(seconds(r.Duration)), "-0.00250", "USD"
	}
	return map[string]any{"account_sid": s.opt.AccountSID, "api_version": apiVersion, "call_sid": orNil(r.CallSID),
		"conference_sid": orNil(r.ConferenceSID), "date_created": rfc2822(r.Started), "date_updated": rfc2822(r.Started),
		"start_time": rfc2822(r.Started), "duration": duration, "sid": r.SID, "price": price, "price_unit": unit,
		"status": r.Status, "channels": r.Channels, "source": r.Source, "error_code": nil, "encryption_details": nil}
}

// callRecordings routes Calls/{Sid}/Recordings and below.
func (s *Server) callRecordings(rq *apiRequest, c *Call) (answer, *apiError) {
	if len(rq.parts) == 4 {
		return s.oneRecording(rq, rq.parts[3])
	}
	if rq.Method == http.MethodGet {
		return s.listRecordings(rq, c.sid, "")
	}
	if rq.Method != http.MethodPost {
		return answer{}, notAllowed(rq)
	}
	s.allow(rq, "RecordingStatusCallbackEvent", "RecordingStatusCallback", "RecordingStatusCallbackMethod", "Trim",
		"RecordingChannels", "RecordingTrack")
	if c.State().Status != "in-progress" {
		return answer{}, fail(21220, "Call %s is not in progress and cannot be recorded", c.sid)
	}
	r := s.startRecording(&Recording{CallSID: c.sid, Source: "StartCallRecordingAPI", Channels: channels(rq.form.Get("RecordingChannels")),
		callback: recordingCallback(rq.form), owner: c})
	s.mu.Lock()
	defer s.mu.Unlock()
	return answer{status: http.StatusCreated, json: s.callRecordingJSON(r)}, nil
}

func channels(v string) int {
	if v == "dual" {
		return 2
	}
	return 1
}

// recordingCallback reads the parameters of a recording status callback; the events may be repeated or spaced.
func recordingCallback(f url.Values) callbackTo {
	return callbackTo{f.Get("RecordingStatusCallback"), f.Get("RecordingStatusCallbackMethod"),
		strings.Fields(strings.Join(f["RecordingStatusCallbackEvent"], " "))}
}
