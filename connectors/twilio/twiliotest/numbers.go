package twiliotest

import (
	"net/http"
	"regexp"
	"slices"
	"strings"
)

// Number is a sender of the account: a phone number, a short code ("72345"), an alphanumeric sender ("SHOP") or, with
// the prefix "whatsapp:", a WhatsApp sender.
type Number struct {
	SID          string // PN…; made when empty
	PhoneNumber  string
	FriendlyName string

	SMS, MMS, Voice bool // what it can do; a WhatsApp sender needs none of them

	SMSURL, SMSMethod                 string // incoming messages; POST when the method is empty
	SMSFallbackURL, SMSFallbackMethod string
	VoiceURL, VoiceMethod             string // incoming calls
	VoiceFallbackURL                  string
	StatusCallback                    string // end of incoming calls

	// Rate is how many message segments a second leave this sender, on the clock of lengths; 0 means no limit.
	Rate float64
	// QueueLimit is how many messages may wait for their turn; more are refused with 21611. 0 means no limit.
	QueueLimit int
	// AreaCity, AreaState, AreaZip and AreaCountry fill FromCity, ToCity and so on in webhooks.
	AreaCity, AreaState, AreaZip, AreaCountry string
}

// Service is a messaging service: several senders under one SID.
type Service struct {
	SID     string   // MG…
	Senders []string // addresses of Numbers
	// InboundURL receives the messages of all senders, unless UseNumberURL leaves that to the webhook of each number.
	InboundURL, FallbackURL string
	UseNumberURL            bool
	StatusCallback          string
	// AdvancedOptOut adds OptOutType to the webhook of STOP, START and HELP.
	AdvancedOptOut bool
}

// Application is a TwiML application, which the browser's calls name.
type Application struct {
	SID                      string // AP…
	VoiceURL, StatusCallback string
	SMSStatusCallback        string
}

// Template is approved WhatsApp content; placeholders are {{1}}, {{2}} or {{name}}.
type Template struct {
	SID  string // HX…
	Body string

	Name, Language string // of the list; the SID and "en" when empty
}

// PutNumber adds a number, or replaces the one with the same address, and returns its SID.
func (s *Server) PutNumber(n Number) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, old := range s.numbers {
		if old.PhoneNumber == n.PhoneNumber {
			n.SID = old.SID
			s.numbers[i] = &n
			return n.SID
		}
	}
	if n.SID == "" {
		n.SID = newSID("PN")
	}
	s.numbers = append(s.numbers, &n)
	return n.SID
}

// PutService adds a messaging service, or replaces the one with the same SID, and returns its SID.
func (s *Server) PutService(v Service) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if v.SID == "" {
		v.SID = newSID("MG")
	}
	s.services = slices.DeleteFunc(s.services, func(o *Service) bool { return o.SID == v.SID })
	s.services = append(s.services, &v)
	return v.SID
}

// PutApplication adds a TwiML application, or replaces the one with the same SID, and returns its SID.
func (s *Server) PutApplication(a Application) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if a.SID == "" {
		a.SID = newSID("AP")
	}
	s.apps = slices.DeleteFunc(s.apps, func(o *Application) bool { return o.SID == a.SID })
	s.apps = append(s.apps, &a)
	return a.SID
}

// The lookups return copies, because PutNumber replaces what they found; the caller holds mu.

func (s *Server) numberLocked(address string) (Number, bool) {
	for _, n := range s.numbers {
		if n.PhoneNumber == address {
			return *n, true
		}
	}
	return Number{}, false
}

func (s *Server) serviceLocked(sid string) (Service, bool) {
	for _, v := range s.services {
		if v.SID == sid {
			return *v, true
		}
	}
	return Service{}, false
}

func (s *Server) serviceOfLocked(sender string) (Service, bool) {
	for _, v := range s.services {
		if slices.Contains(v.Senders, sender) {
			return *v, true
		}
	}
	return Service{}, false
}

func (s *Server) application(sid string) (Application, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, a := range s.apps {
		if a.SID == sid {
			return *a, true
		}
	}
	return Application{}, false
}

var (
	e164Form  = regexp.MustCompile(`^\+[1-9][0-9]{6,14}$`)
	shortForm = regexp.MustCompile(`^[0-9]{3,8}$`)
	alphaForm = regexp.MustCompile(`^[A-Za-z0-9 +_&-]{1,11}$`)
	letter    = regexp.MustCompile(`[A-Za-z]`)
)

const whatsapp = "whatsapp:"

func isWhatsApp(address string) bool { return strings.HasPrefix(address, whatsapp) }

func (s *Server) geoBlocked(to string) bool {
	return slices.ContainsFunc(s.opt.GeoBlocked, func(p string) bool { return strings.HasPrefix(to, p) })
}

// numbersResource answers IncomingPhoneNumbers: list, fetch, and the update with which an application sets its webhooks.
func (s *Server) numbersResource(rq *apiRequest) (answer, *apiError) {
	s.mu.Lock()
	all := slices.Clone(s.numbers)
	s.mu.Unlock()
	all = slices.DeleteFunc(all, func(n *Number) bool { return !e164Form.MatchString(n.PhoneNumber) })
	switch {
	case len(rq.parts) == 1 && rq.Method == http.MethodGet:
		s.allow(rq, "Beta", "FriendlyName", "PhoneNumber", "Origin", "PageSize", "Page", "PageToken")
		var items []item
		for _, n := range all {
			if v := rq.query.Get("PhoneNumber"); v != "" && v != n.PhoneNumber {
				continue
			}
			if v := rq.query.Get("FriendlyName"); v != "" && v != n.FriendlyName {
				continue
			}
			items = append(items, item{n.SID, func() any { return s.numberJSON(*n) }})
		}
		return s.page(rq, "incoming_phone_numbers", items)
	case len(rq.parts) == 2:
		i := slices.IndexFunc(all, func(n *Number) bool { return n.SID == rq.parts[1] })
		if i < 0 {
			return answer{}, notFound(rq.URL.Path)
		}
		n := *all[i]
		switch rq.Method {
		case http.MethodGet:
			return answer{status: 200, json: s.numberJSON(n)}, nil
		case http.MethodPost:
			fields := map[string]*string{"FriendlyName": &n.FriendlyName, "SmsUrl": &n.SMSURL, "SmsMethod": &n.SMSMethod,
				"SmsFallbackUrl": &n.SMSFallbackURL, "SmsFallbackMethod": &n.SMSFallbackMethod, "VoiceUrl": &n.VoiceURL,
				"VoiceMethod": &n.VoiceMethod, "VoiceFallbackUrl": &n.VoiceFallbackURL, "StatusCallback": &n.StatusCallback}
			names := []string{"StatusCallbackMethod", "VoiceFallbackMethod", "VoiceApplicationSid", "SmsApplicationSid"}
			for k, p := range fields {
				names = append(names, k)
				if rq.form.Has(k) {
					*p = rq.form.Get(k)
				}
			}
			s.allow(rq, names...)
			s.PutNumber(n)
			return answer{status: 200, json: s.numberJSON(n)}, nil
		}
	}
	return answer{}, notAllowed(rq)
}

func (s *Server) numberJSON(n Number) map[string]any {
	method := func(m string) string {
		if m == "" {
			return http.MethodPost
		}
		return m
	}
	name := n.FriendlyName
	if name == "" {
		name = n.PhoneNumber
	}
	now := rfc2822(s.opt.Now())
	return map[string]any{
		"account_sid": s.opt.AccountSID, "address_sid": nil, "address_requirements": "none", "api_version": apiVersion,
		"beta": false, "capabilities": map[string]bool{"sms": n.SMS, "mms": n.MMS, "voice": n.Voice, "fax": false},
		"date_created": now, "date_updated": now, "friendly_name": name, "identity_sid": nil,
		"phone_number": n.PhoneNumber, "origin": "twilio", "sid": n.SID, "sms_application_sid": nil,
		"sms_fallback_method": method(n.SMSFallbackMethod), "sms_fallback_url": orNil(n.SMSFallbackURL),
		"sms_method": method(n.SMSMethod), "sms_url": orNil(n.SMSURL), "status_callback": orNil(n.StatusCallback),
		"status_callback_method": "POST", "trunk_sid": nil, "uri": s.uri("IncomingPhoneNumbers", n.SID) + ".json", "voice_receive_mode": "voice",
		"voice_application_sid": nil, "voice_caller_id_lookup": false, "voice_fallback_method": "POST",
		"voice_fallback_url": orNil(n.VoiceFallbackURL), "voice_method": method(n.VoiceMethod),
		"voice_url": orNil(n.VoiceURL), "emergency_status": "Active", "emergency_address_sid": nil,
		"emergency_address_status": "unregistered", "bundle_sid": nil, "status": "in-use", "type": "local",
	}
}
