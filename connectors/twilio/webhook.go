package twilio

import (
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"github.com/twilio/twilio-go/twiml"

	"throughline/connectors"
	"throughline/message"
)

// Our routes below Host.PublicURL.
const (
	routeMessage = "/message" // incoming messages, also as the fallback address
	routeStatus  = "/status"  // delivery states
)

// Webhook serves Twilio's requests. The two routes understand both kinds of
// request, so that a wrong one in Twilio's settings loses nothing.
func (c *Connector) Webhook(in connectors.Sink) http.Handler {
	nothing, err := twiml.Messages(nil)
	if err != nil {
		nothing = "<Response/>" // the vendor's builder never fails on nothing
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), c.limits.webhook)
		defer cancel()
		status, reason := c.answer(ctx, in, r.WithContext(ctx))
		w.Header().Set("Cache-Control", "no-store")
		if status == http.StatusOK {
			w.Header().Set("Content-Type", "text/xml; charset=utf-8")
			_, _ = io.WriteString(w, nothing)
			return
		}
		if status == http.StatusMethodNotAllowed {
			w.Header().Set("Allow", http.MethodPost)
		}
		if status == http.StatusServiceUnavailable {
			w.Header().Set("Retry-After", "5")
		}
		http.Error(w, reason, status)
	})
}

// answer takes one request in. The reason is for people who look at Twilio's
// error log.
func (c *Connector) answer(ctx context.Context, in connectors.Sink, r *http.Request) (status int, reason string) {
	if r.URL.Path != routeMessage && r.URL.Path != routeStatus {
		return http.StatusNotFound, "Twilio's addresses here end in " + routeMessage + " and " + routeStatus
	}
	values, body, status, reason := c.admit(r)
	if status != http.StatusOK {
		return status, reason
	}
	if err := c.take(ctx, in, values, r.URL.Query().Get(ownParam), body); err != nil {
		c.log.Error("a webhook was not taken in", "error", c.safe(err.Error()))
		return http.StatusServiceUnavailable, "the hub cannot store it now"
	}
	return http.StatusOK, ""
}

// admit reads a request and checks that Twilio sent it; then the status is 200.
func (c *Connector) admit(r *http.Request) (values url.Values, body []byte, status int, reason string) {
	refuse := func(status int, reason string) (url.Values, []byte, int, string) { return nil, nil, status, reason }
	if r.Method != http.MethodPost {
		return refuse(http.StatusMethodNotAllowed, "set the method of this address to HTTP POST in the Twilio Console")
	}
	if c.host.PublicURL == "" {
		return refuse(http.StatusServiceUnavailable, "the hub has no public address configured, so that the signature cannot be checked")
	}
	body, err := io.ReadAll(http.MaxBytesReader(nil, r.Body, maxForm))
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large):
		return refuse(http.StatusRequestEntityTooLarge, "the request is larger than any message")
	case err != nil:
		return refuse(http.StatusBadRequest, "the request did not come whole")
	}
	if kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type")); kind != "application/json" {
		if values, err = parseForm(body); err != nil {
			return refuse(http.StatusBadRequest, "the form cannot be read: "+oneLine(err.Error()))
		}
	}
	address := c.url(r.URL.EscapedPath())
	if r.URL.RawQuery != "" {
		address += "?" + r.URL.RawQuery
	}
	if !signed(c.set.token, r.Header.Get("X-Twilio-Signature"), address, values, body) {
		c.turnedAway(r.URL.Path, values.Get("AccountSid"))
		return refuse(http.StatusForbidden, "the signature is not that of "+c.url(r.URL.Path)+
			" with the auth token of this account; enter exactly this address at Twilio, and check the token")
	}
	if values == nil {
		return refuse(http.StatusUnsupportedMediaType, "messages come as forms, not as JSON")
	}
	c.welcome()
	return values, body, http.StatusOK, ""
}

// turnedAway remembers for people that a request failed its check, if it names our
// account: strangers knock at every address.
func (c *Connector) turnedAway(route, account string) {
	if account != c.set.account {
		return
	}
	c.mu.Lock()
	had := c.trouble != ""
	c.trouble = "a request with a wrong signature was turned away; at Twilio the address has to be exactly " + c.url(route) + ", and the auth token here the current one"
	c.mu.Unlock()
	if had {
		return
	}
	c.log.Warn("a webhook with a wrong signature was turned away", "route", route)
	c.nudge()
}

// welcome forgets the trouble: a request passed.
func (c *Connector) welcome() {
	c.mu.Lock()
	had := c.trouble != ""
	c.trouble = ""
	c.mu.Unlock()
	if had {
		c.nudge()
	}
}

// take stores what a request brought; nil means durable.
func (c *Connector) take(ctx context.Context, in connectors.Sink, form url.Values, own string, raw []byte) error {
	now := time.Now().UTC()
	if isOutgoingState(statusOf(form)) {
		return c.takeStatus(ctx, in, form, own, now)
	}
	m, files, err := c.readSafely(form, now)
	var unread *errNotMessage
	if errors.As(err, &unread) {
		return c.accept(ctx, in, connectors.Batch{Held: []message.Held{held(raw, sidOf(form), unread.text)}})
	}
	if err != nil {
		return err
	}
	m.Raw = message.Bytes(raw)
	var missing []string
	if len(files) > 0 {
		if c.has(m.Ref) {
			return nil // a repeat of what is stored with its files
		}
		fetching, cancel := context.WithTimeout(ctx, c.limits.media)
		var warnings []string
		m.Parts, warnings, missing = c.fetchAll(fetching, files)
		cancel()
		defer func() { connectors.Drop(m.Parts) }()
		m.Warnings = append(m.Warnings, warnings...)
		if len(missing) > 0 {
			warn(&m, waiting)
		}
	}
	if err := c.accept(ctx, in, connectors.Batch{Messages: []message.Message{m}}); err != nil {
		return err
	}
	if len(missing) > 0 {
		c.comesLate(m.Ref)
	} else {
		c.holds(m.Ref, len(files) > 0)
	}
	return nil
}

// readSafely is readForm for which a failure of ours is the item's: it is held.
func (c *Connector) readSafely(form url.Values, at time.Time) (m message.Message, files []file, err error) {
	defer func() {
		if p := recover(); p != nil {
			c.log.Error("a webhook could not be read", "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
			err = &errNotMessage{"the program failed while reading it; the log has the details"}
		}
	}()
	return c.readForm(form, at)
}

// waiting is the warning of a message whose files did not come with it.
const waiting = "files of it were still being fetched from Twilio when it came; they are added as soon as they are here"

func (c *Connector) takeStatus(ctx context.Context, in connectors.Sink, form url.Values, own string, at time.Time) error {
	c.belongs(sidOf(form), own)
	r, ok := readStatus(form, own, at)
	if !ok {
		return nil
	}
	if err := c.accept(ctx, in, connectors.Batch{Reports: []message.Report{r}}); err != nil {
		return err
	}
	c.told(sidOf(form), r.Status)
	return nil
}

// accept offers a batch; when the hub refuses, Run looks soon for what is missing.
func (c *Connector) accept(ctx context.Context, in connectors.Sink, b connectors.Batch) error {
	err := in.Accept(ctx, b)
	if err != nil {
		c.mu.Lock()
		c.missed = true
		c.mu.Unlock()
		c.nudge()
	}
	return err
}

// maxTaken bounds what is remembered; what is forgotten is offered again and
// found to be there.
const maxTaken = 20000

// holds remembers that the hub has a message with all its files.
func (c *Connector) holds(sid string, files bool) {
	c.mu.Lock()
	if len(c.taken) >= maxTaken {
		clear(c.taken)
	}
	c.taken[sid] = true
	c.flush = c.flush || files
	c.mu.Unlock()
	if files {
		c.nudge()
	}
}

func (c *Connector) has(sid string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.taken[sid]
}

// comesLate asks Run to bring the files of a message.
func (c *Connector) comesLate(sid string) {
	c.mu.Lock()
	c.leave(sid)
	c.mu.Unlock()
	c.nudge()
}

// leave notes for Run what is late, the newest maxLate; the lock is held. For what is
// dropped a look at the list makes up.
func (c *Connector) leave(late ...string) {
	for _, sid := range late {
		if slices.Contains(c.late, sid) {
			continue
		}
		if len(c.late) >= maxLate {
			c.late, c.missed = slices.Delete(c.late, 0, 1), true
		}
		c.late = append(c.late, sid)
	}
}

// told remembers the state that the hub knows of a message of ours.
func (c *Connector) told(sid string, s message.Status) {
	if sid == "" {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.reported) >= maxTaken {
		clear(c.reported)
	}
	if known, ok := c.reported[sid]; !ok || known.Before(s) {
		c.reported[sid] = s
	}
}

// belongs remembers whose message a SID is, whatever became of the answer that
// should have told it.
func (c *Connector) belongs(sid, own string) {
	ref, ok := ownRef(own)
	if !ok || sid == "" {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.owners) >= maxTaken {
		clear(c.owners)
	}
	c.owners[sid] = ref
}

// ownerOf is the message.OwnRef that belongs to a SID, "" if that is not known.
func (c *Connector) ownerOf(sid string) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.owners[sid]
}

// trim is a text without the space around it, compared as Twilio stores it.
func trim(s string) string { return strings.TrimSpace(strings.ReplaceAll(s, "\r\n", "\n")) }
