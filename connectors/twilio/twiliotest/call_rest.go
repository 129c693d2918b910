package twiliotest

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// maxTwimlParam is the longest Twiml parameter, in characters.
const maxTwimlParam = 4000

// callsResource routes Calls, Calls/{Sid} and Calls/{Sid}/Recordings.
func (s *Server) callsResource(rq *apiRequest) (answer, *apiError) {
	p := rq.parts
	if len(p) == 1 {
		switch rq.Method {
		case http.MethodGet:
			return s.listCalls(rq)
		case http.MethodPost:
			return s.createCall(rq)
		}
		return answer{}, notAllowed(rq)
	}
	s.mu.Lock()
	c := s.callByID[p[1]]
	gone := c == nil || c.deleted
	s.mu.Unlock()
	if gone || len(p) > 4 || len(p) > 2 && p[2] != "Recordings" {
		return answer{}, notFound(rq.URL.Path)
	}
	if len(p) > 2 {
		return s.callRecordings(rq, c)
	}
	switch rq.Method {
	case http.MethodGet:
	case http.MethodPost:
		if e := s.updateCall(rq, c); e != nil {
			return answer{}, e
		}
	case http.MethodDelete:
		s.mu.Lock()
		defer s.mu.Unlock()
		if !over(c.status) {
			return answer{}, &apiError{status: http.StatusConflict, code: 20009, message: "Call " + c.sid + " is not finished"}
		}
		c.deleted = true
		return answer{status: http.StatusNoContent}, nil
	default:
		return answer{}, notAllowed(rq)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return answer{status: 200, json: s.callJSON(c)}, nil
}

func (s *Server) listCalls(rq *apiRequest) (answer, *apiError) {
	s.allow(rq, "To", "From", "ParentCallSid", "Status", "StartTime", "StartTime<", "StartTime>", "EndTime", "EndTime<",
		"EndTime>", "PageSize", "Page", "PageToken")
	started, e := dateFilter(rq.query, "StartTime")
	if e != nil {
		return answer{}, e
	}
	ended, e := dateFilter(rq.query, "EndTime")
	if e != nil {
		return answer{}, e
	}
	byEnd := rq.query.Has("EndTime") || rq.query.Has("EndTime<") || rq.query.Has("EndTime>")
	s.mu.Lock()
	defer s.mu.Unlock()
	var items []item
	for _, c := range slices.Backward(s.calls) {
		parent := ""
		if c.parent != nil {
			parent = c.parent.sid
		}
		at := c.start
		if at.IsZero() {
			at = c.created
		}
		if c.deleted || !matches(rq, "To", c.to) || !matches(rq, "From", c.from) || !matches(rq, "Status", c.status) ||
			!matches(rq, "ParentCallSid", parent) || !started(at) || byEnd && (!over(c.status) || !ended(at.Add(c.length))) {
			continue
		}
		items = append(items, item{c.sid, func() any { return s.callJSON(c) }})
	}
	return s.page(rq, "calls", items)
}

func (s *Server) createCall(rq *apiRequest) (answer, *apiError) {
	s.allow(rq, "To", "From", "Method", "FallbackUrl", "FallbackMethod", "StatusCallback", "StatusCallbackEvent",
		"StatusCallbackMethod", "SendDigits", "Timeout", "Record", "RecordingChannels", "RecordingStatusCallback",
		"RecordingStatusCallbackMethod", "RecordingStatusCallbackEvent", "MachineDetection", "MachineDetectionTimeout", "Trim",
		"CallerId", "MachineDetectionSpeechThreshold", "MachineDetectionSpeechEndThreshold", "MachineDetectionSilenceTimeout",
		"AsyncAmd", "AsyncAmdStatusCallback", "AsyncAmdStatusCallbackMethod", "CallReason", "CallToken", "RecordingTrack",
		"TimeLimit", "Url", "Twiml", "ApplicationSid", "ClientNotificationUrl")
	f := rq.form
	src, e := s.callSource(f)
	if e != nil {
		return answer{}, e
	}
	timeout, e := s.checkParties(f)
	if e != nil {
		return answer{}, e
	}
	c := s.newCall(f.Get("From"), f.Get("To"), "outbound-api", nil)
	if id := f.Get("CallerId"); id != "" {
		c.from = id
	}
	c.fallback = f.Get("FallbackUrl")
	if e := c.readCallback(f); e != nil {
		return answer{}, e
	}
	if app, ok := s.application(f.Get("ApplicationSid")); ok && c.callback == "" {
		c.callback = app.StatusCallback
	}
	c.detect = f.Get("MachineDetection") != ""
	_ = s.begin(c, "queued", func() error {
		if err := c.ring(timeout); err != nil {
			return err
		}
		if f.Get("Record") == "true" {
			s.startRecording(&Recording{CallSID: c.sid, Source: "OutboundAPI", Channels: channels(f.Get("RecordingChannels")),
				callback: recordingCallback(f), owner: c})
		}
		return c.runSource(src)
	})
	s.mu.Lock()
	defer s.mu.Unlock()
	j := s.callJSON(c)
	j["status"] = "queued" // whatever has become of it meanwhile
	return answer{status: http.StatusCreated, json: j}, nil
}

// callSource reads what a call is to do: Twiml, else a URL, else an application.
func (s *Server) callSource(f url.Values) (source, *apiError) {
	switch {
	case f.Get("Twiml") != "":
		if len([]rune(f.Get("Twiml"))) > maxTwimlParam {
			return source{}, fail(21224, "The Twiml parameter is longer than %d characters", maxTwimlParam)
		}
		return source{twiml: f.Get("Twiml")}, nil
	case f.Get("Url") != "":
		if !absoluteURL(f.Get("Url")) {
			return source{}, fail(21205, "Url is not a valid URL: %s", f.Get("Url"))
		}
		return source{url: f.Get("Url"), method: f.Get("Method")}, nil
	case f.Get("ApplicationSid") != "":
		if app, ok := s.application(f.Get("ApplicationSid")); ok {
			return source{url: app.VoiceURL}, nil
		}
		return source{}, fail(21218, "Invalid ApplicationSid: %s", f.Get("ApplicationSid"))
	}
	return source{}, fail(21205, "Url parameter is required")
}

// checkParties checks who calls whom, and reads how long it may ring.
func (s *Server) checkParties(f url.Values) (time.Duration, *apiError) {
	from, to := f.Get("From"), f.Get("To")
	s.mu.Lock()
	n, owned := s.numberLocked(from)
	s.mu.Unlock()
	timeout := ringTimeout
	if v := f.Get("Timeout"); v != "" {
		sec, err := strconv.Atoi(v)
		if err != nil || sec < 1 || sec > 600 {
			return 0, fail(21216, "Timeout must be from 1 to 600 seconds, not %q", v)
		}
		timeout = time.Duration(sec) * time.Second
	}
	switch {
	case to == "":
		return 0, fail(21201, "No 'To' number is specified")
	case from == "":
		return 0, fail(21213, "No 'From' number is specified")
	case !isClient(to) && (!e164Form.MatchString(to) || to == magicInvalid):
		return 0, fail(21211, "Invalid 'To' Phone Number: %s", to)
	case !isClient(from) && !e164Form.MatchString(from):
		return 0, fail(21212, "Invalid 'From' Phone Number: %s", from)
	case !isClient(from) && !(owned && n.Voice):
		return 0, fail(21210, "'From' phone number not verified: %s", from)
	case isClient(from) && !isClient(to):
		return 0, fail(21210, "A call to a phone needs a phone number as 'From'")
	case s.geoBlocked(to):
		return 0, fail(21215, "Account not authorized to call %s", to)
	}
	return timeout, nil
}

func isClient(address string) bool {
	return strings.HasPrefix(address, "client:") && len(address) > len("client:")
}

// readCallback reads StatusCallback and its events, repeated or spaced.
func (c *Call) readCallback(f url.Values) *apiError {
	c.callback, c.callbackMethod = f.Get("StatusCallback"), f.Get("StatusCallbackMethod")
	if c.callback != "" && !absoluteURL(c.callback) {
		return fail(21609, "StatusCallback is not a valid URL: %s", c.callback)
	}
	c.callbackEvents = strings.Fields(strings.Join(f["StatusCallbackEvent"], " "))
	if len(c.callbackEvents) == 0 {
		c.callbackEvents = []string{"completed"}
	}
	for _, ev := range c.callbackEvents {
		if !slices.Contains([]string{"initiated", "ringing", "answered", "completed"}, ev) {
			return fail(21626, "Invalid StatusCallbackEvent %q", ev)
		}
	}
	return nil
}

// updateCall ends a call or sends it to another document.
func (s *Server) updateCall(rq *apiRequest, c *Call) *apiError {
	s.allow(rq, "Url", "Method", "Status", "FallbackUrl", "FallbackMethod", "StatusCallback", "StatusCallbackMethod", "Twiml",
		"TimeLimit")
	f := rq.form
	status := c.State().Status
	if over(status) {
		return fail(21220, "Call %s is not in progress", c.sid)
	}
	switch f.Get("Status") {
	case "":
	case "completed":
		if status == "in-progress" {
			c.end("completed")
		} else {
			c.end("canceled")
		}
		return nil
	case "canceled":
		if status == "in-progress" {
			return fail(21220, "Call %s is in progress: only a queued or ringing call can be canceled", c.sid)
		}
		c.end("canceled")
		return nil
	default:
		return fail(21218, "Invalid Status %q", f.Get("Status"))
	}
	if !f.Has("Url") && !f.Has("Twiml") {
		return nil
	}
	src, e := s.callSource(f)
	if e != nil {
		return e
	}
	if status != "in-progress" {
		return fail(21220, "Call %s is not in progress and cannot be redirected", c.sid)
	}
	s.update(func() { c.interruptLocked(&interrupt{kind: "redirect", to: src}) })
	return nil
}

// callJSON is the resource as the API shows it; the caller holds mu.
func (s *Server) callJSON(c *Call) map[string]any {
	uri := s.uri("Calls", c.sid)
	var parent, number, end, duration, price, unit, by any
	if c.detect {
		by = orNil(c.answeredBy)
	}
	if c.parent != nil {
		parent = c.parent.sid
	}
	if n, ok := s.numberLocked(c.to); ok && c.direction == "inbound" {
		number = n.SID
	} else if n, ok := s.numberLocked(c.from); ok {
		number = n.SID
	}
	status := c.status
	if c.endStatus != "" {
		status = c.endStatus // it is over, even if its last document is still being fetched
	}
	start := stamp(c.start)
	if over(status) {
		if c.start.IsZero() {
			start = rfc2822(c.created)
			end = start
		} else {
			end = rfc2822(c.start.Add(c.length))
		}
		duration, price, unit = strconv.Itoa(seconds(c.length)), "-0.01300", "USD"
	}
	sub := map[string]string{}
	for k, v := range map[string]string{"notifications": "Notifications", "recordings": "Recordings", "payments": "Payments",
		"events": "Events", "siprec": "Siprec", "streams": "Streams", "transcriptions": "Transcriptions",
		"user_defined_message_subscriptions": "UserDefinedMessageSubscriptions", "user_defined_messages": "UserDefinedMessages"} {
		sub[k] = uri + "/" + v + ".json"
	}
	return map[string]any{"sid": c.sid, "date_created": rfc2822(c.created), "date_updated": rfc2822(s.opt.Now()),
		"parent_call_sid": parent, "account_sid": s.opt.AccountSID, "to": c.to, "to_formatted": c.to, "from": c.from,
		"from_formatted": c.from, "phone_number_sid": number, "status": status, "start_time": start, "end_time": end,
		"duration": duration, "price": price, "price_unit": unit, "direction": c.direction, "answered_by": by,
		"api_version": apiVersion, "forwarded_from": nil, "group_sid": nil, "caller_name": nil, "queue_time": "0",
		"trunk_sid": nil, "uri": uri + ".json", "subresource_uris": sub}
}
