package twiliotest

import (
	"context"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Message is one text, in or out, as the API shows it.
type Message struct {
	SID        string // SM…, or MM… when it has media
	From, To   string
	Body       string
	Status     string // accepted, queued, sending, sent, delivered, undelivered, failed, read; received
	Direction  string // inbound, outbound-api, outbound-reply
	ErrorCode  int
	ServiceSID string
	ContentSID string
	Segments   int
	Media      []Media
	Callback   string // status callback URL
	Created    time.Time
	Updated    time.Time
	Sent       time.Time
	History    []string // every state so far, oldest first

	deleted bool
	noCount bool // num_segments is shown as 0: the API does so right after a send through a service
	events  chan messageEvent
	hook    hook // that told of it, when it is inbound
}

// Media is one attachment.
type Media struct {
	SID         string // ME…; made when empty
	ContentType string
	Data        []byte

	created time.Time
	deleted bool
	pending bool // outgoing and not fetched from its URL yet
}

// clone copies what a caller may look at.
func (m *Message) clone() Message {
	c := *m
	c.Media = slices.Clone(m.Media)
	c.History = slices.Clone(m.History)
	c.events, c.hook = nil, hook{}
	return c
}

// Messages returns all messages that were not deleted, oldest first.
func (s *Server) Messages() []Message {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := make([]Message, 0, len(s.messages))
	for _, m := range s.messages {
		if !m.deleted {
			out = append(out, m.clone())
		}
	}
	return out
}

// Message returns one message by its SID.
func (s *Server) Message(sid string) (Message, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	m := s.messageByID[sid]
	if m == nil || m.deleted {
		return Message{}, false
	}
	return m.clone(), true
}

// Outbox returns the messages the application sent by the API, oldest first.
func (s *Server) Outbox() []Message {
	return slices.DeleteFunc(s.Messages(), func(m Message) bool { return m.Direction != "outbound-api" })
}

// WaitMessage waits for a message for which match is true and returns it as it then is.
func (s *Server) WaitMessage(ctx context.Context, match func(Message) bool) (Message, error) {
	var found Message
	err := s.Wait(ctx, func() bool {
		list := s.Messages()
		i := slices.IndexFunc(list, match)
		if i >= 0 {
			found = list[i]
		}
		return i >= 0
	})
	return found, err
}

// messagesResource routes Messages, Messages/{Sid} and Messages/{Sid}/Media.
func (s *Server) messagesResource(rq *apiRequest) (answer, *apiError) {
	p := rq.parts
	if len(p) == 1 {
		switch rq.Method {
		case http.MethodGet:
			return s.listMessages(rq)
		case http.MethodPost:
			return s.createMessage(rq)
		}
		return answer{}, notAllowed(rq)
	}
	s.mu.Lock()
	m := s.messageByID[p[1]]
	gone := m == nil || m.deleted
	s.mu.Unlock()
	if gone {
		return answer{}, notFound(rq.URL.Path)
	}
	switch {
	case len(p) >= 3 && p[2] == "Media" && len(p) <= 4:
		return s.mediaResource(rq, m)
	case len(p) == 3 && p[2] == "Feedback" && rq.Method == http.MethodPost:
		now := rfc2822(s.opt.Now())
		return answer{status: 201, json: map[string]any{"account_sid": s.opt.AccountSID, "message_sid": m.SID,
			"outcome": "confirmed", "date_created": now, "date_updated": now, "uri": rq.URL.Path}}, nil
	case len(p) > 2:
		return answer{}, notFound(rq.URL.Path)
	}
	switch rq.Method {
	case http.MethodGet:
		s.mu.Lock()
		defer s.mu.Unlock()
		return answer{status: 200, json: s.messageJSON(m)}, nil
	case http.MethodPost:
		return s.updateMessage(rq, m)
	case http.MethodDelete:
		return s.deleteMessage(m)
	}
	return answer{}, notAllowed(rq)
}

func (s *Server) listMessages(rq *apiRequest) (answer, *apiError) {
	s.allow(rq, "To", "From", "DateSent", "DateSent<", "DateSent>", "PageSize", "Page", "PageToken")
	within, e := dateFilter(rq.query, "DateSent")
	if e != nil {
		return answer{}, e
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	var found []*Message
	for _, m := range slices.Backward(s.messages) {
		if m.deleted || !within(m.date()) || !matches(rq, "To", m.To) || !matches(rq, "From", m.From) {
			continue
		}
		found = append(found, m)
	}
	slices.SortStableFunc(found, func(a, b *Message) int { return b.date().Compare(a.date()) })
	items := make([]item, 0, len(found))
	for _, m := range found {
		items = append(items, item{m.SID, func() any { return s.messageJSON(m) }})
	}
	return s.page(rq, "messages", items)
}

// date is what lists are ordered and filtered by: when it was sent or, before that, made.
func (m *Message) date() time.Time {
	if m.Sent.IsZero() {
		return m.Created
	}
	return m.Sent
}

// matches reports whether a list parameter is absent or equal to v.
func matches(rq *apiRequest, name, v string) bool {
	return rq.query.Get(name) == "" || rq.query.Get(name) == v
}

func (s *Server) updateMessage(rq *apiRequest, m *Message) (answer, *apiError) {
	s.allow(rq, "Body", "Status")
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case rq.form.Has("Status"):
		return answer{}, fail(30409, "Message %s is not scheduled and cannot be canceled", m.SID)
	case !rq.form.Has("Body"):
	case rq.form.Get("Body") != "":
		return answer{}, fail(20001, "Body can only be updated to the empty string")
	case !final(m.Status):
		return answer{}, &apiError{status: http.StatusConflict, code: 20009, message: "Message " + m.SID + " is not finished"}
	default:
		m.Body = ""
		m.Updated = s.opt.Now()
		s.touch()
	}
	return answer{status: 200, json: s.messageJSON(m)}, nil
}

func (s *Server) deleteMessage(m *Message) (answer, *apiError) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !final(m.Status) {
		return answer{}, &apiError{status: http.StatusConflict, code: 20009, message: "Message " + m.SID + " is not finished"}
	}
	m.deleted = true
	s.touch()
	return answer{status: http.StatusNoContent}, nil
}

// final reports whether nothing but a read receipt can follow the state.
func final(status string) bool {
	switch status {
	case "delivered", "undelivered", "failed", "received", "read", "sent":
		return true
	}
	return false
}

// messageJSON is the resource as the API shows it; the caller holds mu.
func (s *Server) messageJSON(m *Message) map[string]any {
	uri := s.uri("Messages", m.SID)
	count := strconv.Itoa(m.Segments)
	if m.noCount && (m.Status == "accepted" || m.Status == "queued") {
		count = "0"
	}
	var code, text, price, unit any
	if m.ErrorCode != 0 {
		_, t := deliveryError(m.ErrorCode)
		code, text = m.ErrorCode, t
	}
	if final(m.Status) && m.Status != "failed" {
		price, unit = "-0.00790", "USD"
	}
	from := any(m.From)
	if m.From == "" {
		from = nil // the service has not chosen a sender yet
	}
	media := 0
	for _, x := range m.Media {
		if !x.deleted {
			media++
		}
	}
	return map[string]any{
		"account_sid": s.opt.AccountSID, "api_version": apiVersion, "body": m.Body, "date_created": rfc2822(m.Created),
		"date_sent": stamp(m.Sent), "date_updated": rfc2822(m.Updated), "direction": m.Direction, "error_code": code,
		"error_message": text, "from": from, "messaging_service_sid": orNil(m.ServiceSID),
		"num_media": strconv.Itoa(media), "num_segments": count, "price": price, "price_unit": unit, "sid": m.SID,
		"status": m.Status, "to": m.To, "uri": uri + ".json",
		"subresource_uris": map[string]string{"media": uri + "/Media.json", "feedback": uri + "/Feedback.json"},
	}
}

// addMessage files a new message under a fresh SID; the caller holds mu.
func (s *Server) addMessage(m *Message) {
	m.SID = newSID("SM")
	if len(m.Media) > 0 {
		m.SID = newSID("MM")
	}
	m.Created = s.opt.Now()
	m.Updated = m.Created
	m.History = []string{m.Status}
	m.Segments = max(segments(strings.TrimSpace(m.Body)), 1)
	m.events = make(chan messageEvent, 8)
	for i := range m.Media {
		if m.Media[i].SID == "" {
			m.Media[i].SID = newSID("ME")
		}
		m.Media[i].created = m.Created
	}
	s.messages = append(s.messages, m)
	s.messageByID[m.SID] = m
	s.touch()
}
