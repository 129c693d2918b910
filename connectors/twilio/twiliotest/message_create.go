package twiliotest

import (
	"encoding/json"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// Limits of the API for one message.
const (
	maxBody       = 1600 // characters
	maxMedia      = 10
	maxMediaBytes = 5 << 20 // of all attachments together
)

// whatsAppWindow is how long after their last word a free text may be sent to somebody on WhatsApp.
const whatsAppWindow = 24 * time.Hour

// The vendor's magic numbers for test credentials work here too; see "Test Credentials" in its documentation.
const (
	magicInvalid   = "+15005550001"
	magicNoRoute   = "+15005550002"
	magicNoGeo     = "+15005550003"
	magicOptedOut  = "+15005550004"
	magicNoSMS     = "+15005550007" // as a sender
	magicQueueFull = "+15005550008" // as a sender
	magicNotMobile = "+15005550009"
)

func (s *Server) createMessage(rq *apiRequest) (answer, *apiError) {
	s.allow(rq, "To", "From", "MessagingServiceSid", "Body", "MediaUrl", "StatusCallback", "ApplicationSid", "MaxPrice",
		"ProvideFeedback", "Attempt", "ValidityPeriod", "ForceDelivery", "ContentRetention", "AddressRetention",
		"SmartEncoded", "PersistentAction", "TrafficType", "ShortenUrls", "SendAsMms", "ContentVariables", "RiskCheck",
		"FallbackFrom", "ContentSid")
	f := rq.form
	m := &Message{To: f.Get("To"), From: f.Get("From"), Body: f.Get("Body"), ServiceSID: f.Get("MessagingServiceSid"),
		ContentSID: f.Get("ContentSid"), Callback: f.Get("StatusCallback"), Direction: "outbound-api", Status: "queued"}
	if f.Has("SendAt") || f.Has("ScheduleType") {
		return answer{}, fail(20001, "This double does not schedule messages")
	}
	if e := s.checkCallback(m, f.Get("ApplicationSid")); e != nil {
		return answer{}, e
	}
	if e := checkTo(m.To, s.geoBlocked(strings.TrimPrefix(m.To, whatsapp))); e != nil {
		return answer{}, e
	}
	if e := s.checkContent(m, f); e != nil {
		return answer{}, e
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if e := s.checkFrom(m); e != nil {
		return answer{}, e
	}
	if m.ServiceSID == "" && s.optedOut[optOut{m.To, m.From}] || m.To == magicOptedOut {
		return answer{}, fail(21610, "Attempt to send to unsubscribed recipient")
	}
	if m.From == magicQueueFull || s.queueFullLocked(m.From) {
		return answer{}, fail(21611, "The 'From' number %s has exceeded the maximum number of queued messages", m.From)
	}
	media := f["MediaUrl"]
	m.Media = make([]Media, len(media))
	for i := range m.Media {
		m.Media[i].pending = true
	}
	s.addMessage(m)
	j := s.messageJSON(m)
	s.startLocked(m, media)
	return answer{status: http.StatusCreated, json: j}, nil
}

// startLocked lets a message go its way; the caller holds mu.
func (s *Server) startLocked(m *Message, media []string) {
	start := s.slot(m)
	s.spawnLocked(func() { s.carry(m, media, start) })
}

func (s *Server) checkCallback(m *Message, appSID string) *apiError {
	if appSID != "" {
		app, ok := s.application(appSID)
		if !ok {
			return fail(21421, "ApplicationSid %s is invalid", appSID)
		}
		m.Callback = app.SMSStatusCallback
	}
	if m.Callback != "" && !absoluteURL(m.Callback) {
		return fail(21609, "The 'StatusCallback' URL %s is not a valid URL", m.Callback)
	}
	return nil
}

// absoluteURL reports whether s is an http or https URL with a host the vendor accepts: underscores are not allowed.
func absoluteURL(s string) bool {
	u, err := url.Parse(s)
	return err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Hostname() != "" && !strings.Contains(u.Hostname(), "_")
}

func checkTo(to string, blocked bool) *apiError {
	number := strings.TrimPrefix(to, whatsapp)
	switch {
	case to == "":
		return fail(21604, "A 'To' phone number is required")
	case number == magicInvalid, !e164Form.MatchString(number):
		return fail(21211, "Invalid 'To' Phone Number: %s", to)
	case number == magicNoRoute:
		return fail(21612, "The message cannot be routed to %s", to)
	case number == magicNoGeo, blocked:
		return fail(21408, "Permission to send an SMS has not been enabled for the region of %s", to)
	case number == magicNotMobile:
		return fail(21614, "'To' number %s is not a valid mobile number", to)
	}
	return nil
}

// checkContent checks text, media and template, and puts the text of a template into the body.
func (s *Server) checkContent(m *Message, f url.Values) *apiError {
	media := f["MediaUrl"]
	switch {
	case m.ContentSID != "":
		s.mu.Lock()
		t, ok := s.templates[m.ContentSID]
		s.mu.Unlock()
		if !ok {
			return fail(21655, "The ContentSid %s is invalid", m.ContentSID)
		}
		body, ok := fillTemplate(t.Body, f.Get("ContentVariables"))
		if !ok {
			return fail(21656, "The ContentVariables parameter is invalid")
		}
		m.Body = body
	case f.Has("ContentVariables"):
		return fail(21656, "ContentVariables needs a ContentSid")
	case m.Body == "" && len(media) == 0:
		return fail(21602, "Message body is required")
	case utf8.RuneCountInString(m.Body) > maxBody:
		return fail(21617, "The concatenated message body exceeds the %d character limit", maxBody)
	case len(media) > maxMedia:
		return fail(21623, "Number of media files exceeds the limit of %d", maxMedia)
	}
	if i := slices.IndexFunc(media, func(u string) bool { return !absoluteURL(u) }); i >= 0 {
		return fail(21620, "Invalid media URL: %s", media[i])
	}
	return nil
}

var placeholder = regexp.MustCompile(`\{\{\s*([A-Za-z0-9_]+)\s*\}\}`)

// fillTemplate puts the variables, a JSON object of strings, into the placeholders; every placeholder needs its value.
func fillTemplate(body, variables string) (string, bool) {
	values := map[string]string{}
	if variables != "" && json.Unmarshal([]byte(variables), &values) != nil {
		return "", false
	}
	ok := true
	out := placeholder.ReplaceAllStringFunc(body, func(p string) string {
		v, has := values[placeholder.FindStringSubmatch(p)[1]]
		ok = ok && has && v != ""
		return v
	})
	return out, ok
}

// checkFrom checks the sender, or the service and lets it choose one; the caller holds mu.
func (s *Server) checkFrom(m *Message) *apiError {
	if m.ServiceSID != "" {
		v, ok := s.serviceLocked(m.ServiceSID)
		if !ok {
			return fail(21701, "The Messaging Service %s does not exist", m.ServiceSID)
		}
		if m.Callback == "" {
			m.Callback = v.StatusCallback
		}
		if m.From != "" && !slices.Contains(v.Senders, m.From) {
			return fail(21712, "The sender %s is not in the Messaging Service", m.From)
		}
		m.Status, m.noCount = "accepted", true
		if m.From == "" {
			m.From = s.chooseSender(v, m.To)
		}
		if m.From == "" {
			return fail(21703, "The Messaging Service has no sender that can reach %s", m.To)
		}
		return nil
	}
	n, owned := s.numberLocked(m.From)
	switch {
	case m.From == "":
		return fail(21603, "A 'From' phone number is required")
	case isWhatsApp(m.From) && !owned:
		return fail(63007, "Twilio could not find a Channel with the specified From address")
	case isWhatsApp(m.From) != isWhatsApp(m.To):
		return fail(21910, "'From' and 'To' are of different channels")
	case isWhatsApp(m.From):
		return nil
	case m.From == magicInvalid, !e164Form.MatchString(m.From) && !shortForm.MatchString(m.From) &&
		!(alphaForm.MatchString(m.From) && letter.MatchString(m.From)):
		return fail(21212, "The 'From' number %s is not a valid phone number, shortcode, or alphanumeric sender ID", m.From)
	case m.From == m.To:
		return fail(21266, "'To' and 'From' cannot be the same: %s", m.To)
	case m.From == magicNoSMS, m.From != magicQueueFull && !(owned && n.SMS):
		return fail(21606, "The 'From' phone number %s is not an SMS-capable number of your account", m.From)
	case letter.MatchString(m.From) && strings.HasPrefix(m.To, "+1"):
		return fail(21612, "An alphanumeric sender cannot reach %s", m.To)
	}
	return nil
}

// chooseSender picks the sender of a service: the one that talked with this number last (sticky), else the first that
// fits the channel; the caller holds mu.
func (s *Server) chooseSender(v Service, to string) string {
	for _, m := range slices.Backward(s.messages) {
		if m.To == to && slices.Contains(v.Senders, m.From) {
			return m.From
		}
		if m.From == to && slices.Contains(v.Senders, m.To) {
			return m.To
		}
	}
	for _, a := range v.Senders {
		n, ok := s.numberLocked(a)
		if ok && isWhatsApp(a) == isWhatsApp(to) && (n.SMS || isWhatsApp(a)) {
			return a
		}
	}
	return ""
}

// queueFullLocked reports whether the sender's queue is at its limit; the caller holds mu.
func (s *Server) queueFullLocked(from string) bool {
	n, ok := s.numberLocked(from)
	if !ok || n.QueueLimit == 0 {
		return false
	}
	waiting := 0
	for _, m := range s.messages {
		if m.From == from && (m.Status == "queued" || m.Status == "accepted") {
			waiting++
		}
	}
	return waiting >= n.QueueLimit
}
