package twiliotest

import (
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// Inbound describes a message that a customer sends.
type Inbound struct {
	From, To string // To is one of the account's senders; both with "whatsapp:" on that channel
	Body     string
	Media    []Media
	At       time.Time // date stamp; now when zero
	NoHook   bool      // make the message without telling the application: found by the list API only

	// WhatsApp only.
	ProfileName   string
	ButtonText    string // of a quick reply that was tapped
	ButtonPayload string
	RepliedTo     string // SID of our message that is quoted
	Latitude      string
	Longitude     string

	// Extra parameters of the webhook; a repeated one stays repeated.
	Extra url.Values
}

// Arrival is what came of an inbound message.
type Arrival struct {
	Message  Message
	Answered bool      // the webhook, or its fallback, was answered with 2xx
	Replies  []Message // texts the application's TwiML sent
}

// Receive lets a text arrive, with media if any; see ReceiveMessage.
func (s *Server) Receive(from, to, body string, media ...Media) (Arrival, error) {
	return s.ReceiveMessage(Inbound{From: from, To: to, Body: body, Media: media})
}

// ReceiveMessage lets a message arrive: it becomes a resource of the API, opt-out words act, and the application is told
// by a signed webhook. It returns when the application has answered; that it did not, or answered wrongly, is no error
// here but seen in Arrival and Alerts. The error is for a sender that the account does not have.
func (s *Server) ReceiveMessage(in Inbound) (Arrival, error) {
	m := &Message{From: in.From, To: in.To, Body: in.Body, Direction: "inbound", Status: "received", Media: in.Media}
	s.mu.Lock()
	n, ok := s.numberLocked(in.To)
	if !ok || s.closed {
		s.mu.Unlock()
		return Arrival{}, fmt.Errorf("twiliotest: %q is not a sender of the account: add it to Options.Numbers", in.To)
	}
	service, inService := s.serviceOfLocked(in.To)
	m.ServiceSID = service.SID
	m.Media = append([]Media(nil), in.Media...)
	s.addMessage(m)
	if !in.At.IsZero() {
		m.Created, m.Updated = in.At, in.At
	}
	m.Sent = m.Created
	if isWhatsApp(in.To) {
		s.windows[[2]string{in.To, in.From}] = m.Created
	}
	word, reply := s.optOutLocked(m)
	form := s.inboundForm(m, n, in)
	if word != "" && service.AdvancedOptOut {
		form.Set("OptOutType", word)
	}
	got := m.clone()
	s.mu.Unlock()
	if reply != "" {
		s.reply(m, m.From, reply, "", nil)
	}
	out := Arrival{Message: got}
	h := hook{url: n.SMSURL, method: n.SMSMethod, fallback: n.SMSFallbackURL, resource: m.SID, form: form, check: checkMessageAnswer}
	if inService && !service.UseNumberURL {
		h.url, h.method, h.fallback = service.InboundURL, http.MethodPost, service.FallbackURL
	}
	h.token = newSID("")
	s.update(func() { m.hook = h })
	if h.url == "" || in.NoHook {
		return out, nil
	}
	a, herr := s.post(h)
	if herr != nil {
		return out, nil
	}
	out.Answered = true
	out.Replies = s.messageTwiML(m, a)
	return out, nil
}

// Redeliver sends the webhook of an inbound message once more, with the same idempotency token, as the vendor does when
// it did not get the first answer. What the answer says is not done. The error is for a message without a webhook, or
// for an answer that was not 2xx.
func (s *Server) Redeliver(sid string) error {
	s.mu.Lock()
	var h hook
	if m := s.messageByID[sid]; m != nil {
		h = m.hook
	}
	s.mu.Unlock()
	if h.url == "" {
		return fmt.Errorf("twiliotest: message %q is not inbound, or its number has no webhook", sid)
	}
	if _, err := s.post(h); err != nil {
		return err
	}
	return nil
}

// inboundForm is the parameters of the webhook of an incoming message; the caller holds mu.
func (s *Server) inboundForm(m *Message, n Number, in Inbound) url.Values {
	f := url.Values{"MessageSid": {m.SID}, "SmsSid": {m.SID}, "SmsMessageSid": {m.SID}, "AccountSid": {s.opt.AccountSID},
		"From": {m.From}, "To": {m.To}, "Body": {m.Body}, "NumMedia": {strconv.Itoa(len(m.Media))},
		"NumSegments": {strconv.Itoa(m.Segments)}, "SmsStatus": {"received"}, "ApiVersion": {apiVersion}}
	set := func(k, v string) {
		if v != "" {
			f.Set(k, v)
		}
	}
	set("MessagingServiceSid", m.ServiceSID)
	for i, x := range m.Media {
		k := strconv.Itoa(i)
		f.Set("MediaUrl"+k, s.base+s.uri("Messages", m.SID, "Media", x.SID))
		f.Set("MediaContentType"+k, x.ContentType)
	}
	if isWhatsApp(m.From) {
		f.Set("WaId", strings.TrimPrefix(strings.TrimPrefix(m.From, whatsapp), "+"))
		f.Set("ProfileName", in.ProfileName)
		f.Set("ReferralNumMedia", "0")
		f.Set("MessageType", whatsAppType(in))
		set("ButtonText", in.ButtonText)
		set("ButtonPayload", in.ButtonPayload)
		set("Latitude", in.Latitude)
		set("Longitude", in.Longitude)
		if in.RepliedTo != "" {
			f.Set("OriginalRepliedMessageSid", in.RepliedTo)
			f.Set("OriginalRepliedMessageSender", m.To)
		}
	} else {
		geo(f, "From", m.From, Number{})
		geo(f, "To", m.To, n)
	}
	for k, v := range in.Extra {
		f[k] = v
	}
	return f
}

func whatsAppType(in Inbound) string {
	switch {
	case in.ButtonText != "" || in.ButtonPayload != "":
		return "button"
	case in.Latitude != "":
		return "location"
	case len(in.Media) > 0:
		kind, _, _ := strings.Cut(in.Media[0].ContentType, "/")
		if kind == "application" || kind == "text" {
			kind = "document"
		}
		return kind
	}
	return "text"
}

// geo sets City, State, Zip and Country of a number: of our own as configured, of others by their prefix.
func geo(f url.Values, prefix, address string, n Number) {
	if n.AreaCountry == "" {
		n.AreaCountry = country(address)
	}
	f.Set(prefix+"City", n.AreaCity)
	f.Set(prefix+"State", n.AreaState)
	f.Set(prefix+"Zip", n.AreaZip)
	f.Set(prefix+"Country", n.AreaCountry)
}

// country guesses the country of a number; "" when it is not one of a few.
func country(address string) string {
	for _, c := range [...][2]string{{"+1", "US"}, {"+44", "GB"}, {"+49", "DE"}, {"+33", "FR"}, {"+39", "IT"}, {"+34", "ES"},
		{"+31", "NL"}, {"+61", "AU"}, {"+66", "TH"}, {"+81", "JP"}, {"+91", "IN"}, {"+98", "IR"}, {"+971", "AE"}} {
		if strings.HasPrefix(address, c[0]) {
			return c[1]
		}
	}
	return ""
}
