package twiliotest

import (
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"time"
)

// Latencies of a message on its way, on the clock of lengths, counted from when it was made.
const (
	toQueued    = 20 * time.Millisecond
	toSending   = 50 * time.Millisecond
	toSent      = 200 * time.Millisecond
	toDelivered = time.Second
)

// messageEvent is what a test says about a message that HoldDelivery keeps, or about a WhatsApp message later.
type messageEvent struct {
	status string
	code   int
}

// Deliver reports a sent message as delivered; needed only with Options.HoldDelivery.
func (s *Server) Deliver(sid string) error { return s.report(sid, messageEvent{"delivered", 0}) }

// FailMessage reports a sent message as undelivered or failed, whichever the code stands for.
func (s *Server) FailMessage(sid string, code int) error {
	status, _ := deliveryError(code)
	return s.report(sid, messageEvent{status, code})
}

// ReadMessage reports that a delivered WhatsApp message was read.
func (s *Server) ReadMessage(sid string) error { return s.report(sid, messageEvent{"read", 0}) }

func (s *Server) report(sid string, ev messageEvent) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	m := s.messageByID[sid]
	switch {
	case m == nil:
		return fmt.Errorf("twiliotest: no message %s", sid)
	case m.Direction == "inbound":
		return fmt.Errorf("twiliotest: message %s is inbound and has no delivery state", sid)
	case ev.status == "read" && !isWhatsApp(m.To):
		return fmt.Errorf("twiliotest: message %s is not a WhatsApp message: only those are reported read", sid)
	case m.Status == "failed" || m.Status == "undelivered" || m.Status == "read":
		return fmt.Errorf("twiliotest: message %s is already %s", sid, m.Status)
	}
	select {
	case m.events <- ev:
		return nil
	default:
		return fmt.Errorf("twiliotest: message %s has too many reports waiting", sid)
	}
}

// FailTo lets messages to an address fail with an error code after they were accepted; code 0 ends that.
func (s *Server) FailTo(to string, code int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	m := map[string]int{}
	for k, v := range s.opt.FailTo {
		m[k] = v
	}
	m[to] = code
	s.opt.FailTo = m
}

// until waits for a moment of the clock of lengths; false when the server closes first.
func (s *Server) until(at time.Duration) bool {
	c, stop := s.clk.at(at)
	defer stop()
	select {
	case <-c:
		return true
	case <-s.ctx.Done():
		return false
	}
}

// carry takes a message from acceptance to its end, one state and one callback after the other.
func (s *Server) carry(m *Message, media []string, start time.Duration) {
	cb := &callbackLine{s: s, m: m}
	s.mu.Lock()
	accepted := m.Status == "accepted"
	s.mu.Unlock()
	if accepted {
		if !s.until(start + toQueued) {
			return
		}
		if s.refusedByOptOut(m) {
			cb.set("failed", 21610)
			cb.flush()
			return
		}
		cb.set("queued", 0)
	}
	if !s.until(start + toSending) {
		return
	}
	if code := s.fetchMedia(m, media); code != 0 {
		cb.set("failed", code)
		cb.flush()
		return
	}
	cb.set("sending", 0)
	code := s.failure(m)
	status, _ := deliveryError(code)
	if code != 0 && status == "failed" {
		cb.set(status, code)
		cb.flush()
		return
	}
	if !s.until(start + toSent) {
		return
	}
	cb.set("sent", 0)
	var due <-chan struct{}
	if code != 0 || !s.opt.HoldDelivery {
		c, stop := s.clk.at(start + toDelivered)
		defer stop()
		due = c
	}
	ev := messageEvent{"delivered", 0}
	select {
	case <-due:
		if code != 0 {
			ev = messageEvent{status, code}
		}
	case ev = <-m.events:
	case <-s.ctx.Done():
		return
	}
	cb.set(ev.status, ev.code)
	cb.flush()
	for ev.status == "delivered" && isWhatsApp(m.To) {
		select {
		case ev = <-m.events:
			cb.set(ev.status, ev.code)
			cb.flush()
		case <-s.ctx.Done():
			return
		}
	}
}

// slot is the moment at which the sender's rate lets this message begin; the caller holds mu.
func (s *Server) slot(m *Message) time.Duration {
	now := s.clk.now()
	n, _ := s.numberLocked(m.From)
	if n.Rate <= 0 {
		return now
	}
	at := max(now, s.sendFree[m.From])
	s.sendFree[m.From] = at + time.Duration(float64(m.Segments)/n.Rate*float64(time.Second))
	return at
}

func (s *Server) refusedByOptOut(m *Message) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.optedOut[optOut{m.To, m.ServiceSID}] || s.optedOut[optOut{m.To, m.From}]
}

// failure is the code with which the message is going to fail, or 0.
func (s *Server) failure(m *Message) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	if code := s.opt.FailTo[m.To]; code != 0 {
		return code
	}
	if isWhatsApp(m.To) && m.ContentSID == "" {
		last, ok := s.windows[[2]string{m.From, m.To}]
		if !ok || s.opt.Now().Sub(last) > whatsAppWindow {
			return 63016
		}
	}
	return 0
}

// CloseWindow ends the 24-hour window in which a free text may be sent from a WhatsApp sender to a number; both with
// the prefix "whatsapp:". The next message of theirs opens it again.
func (s *Server) CloseWindow(sender, to string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.windows, [2]string{sender, to})
}

// callbackLine sends the status callbacks of one message, in order unless a fault says otherwise.
type callbackLine struct {
	s    *Server
	m    *Message
	held []url.Values
}

// set moves the message to a state and tells the application.
func (c *callbackLine) set(status string, code int) {
	s, m := c.s, c.m
	s.mu.Lock()
	m.Status, m.ErrorCode = status, code
	m.Updated = s.opt.Now()
	if status == "sent" {
		m.Sent = m.Updated
	}
	m.History = append(m.History, status)
	form := s.statusFormLocked(m)
	faults := s.callbacks
	s.touch()
	s.mu.Unlock()
	if code != 0 {
		_, text := deliveryError(code)
		s.alert(code, m.SID, "", "%s", text)
	}
	switch {
	case m.Callback == "":
	case faults.Reverse:
		c.held = append(c.held, form)
	default:
		c.send(form, faults)
	}
}

func (c *callbackLine) send(form url.Values, faults CallbackFaults) {
	c.s.sendCallback(hook{url: c.m.Callback, resource: c.m.SID, form: form}, form.Get("MessageStatus"), faults)
}

// flush sends what Reverse kept back.
func (c *callbackLine) flush() {
	c.s.mu.Lock()
	faults := c.s.callbacks
	c.s.mu.Unlock()
	for _, f := range slices.Backward(c.held) {
		c.send(f, faults)
	}
	c.held = nil
}

// statusFormLocked is the parameters of a status callback; the caller holds mu.
func (s *Server) statusFormLocked(m *Message) url.Values {
	f := url.Values{"MessageSid": {m.SID}, "SmsSid": {m.SID}, "MessageStatus": {m.Status}, "SmsStatus": {m.Status},
		"AccountSid": {s.opt.AccountSID}, "ApiVersion": {apiVersion}, "To": {m.To}, "From": {m.From}}
	if m.ServiceSID != "" {
		f.Set("MessagingServiceSid", m.ServiceSID)
	}
	if m.ErrorCode != 0 {
		_, text := deliveryError(m.ErrorCode)
		f.Set("ErrorCode", strconv.Itoa(m.ErrorCode))
		if isWhatsApp(m.To) {
			f.Set("ChannelStatusMessage", text)
		}
	}
	switch {
	case isWhatsApp(m.To):
		f.Set("ChannelPrefix", "whatsapp")
		f.Set("ChannelToAddress", m.To)
		if m.Status == "read" {
			f.Set("EventType", "READ")
		}
	case m.Status == "delivered" || m.Status == "undelivered":
		f.Set("RawDlrDoneDate", m.Updated.UTC().Format("0601021504"))
	}
	return f
}
