package twilio

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"runtime/debug"
	"time"

	"github.com/twilio/twilio-go/twiml"

	"throughline/connectors"
	"throughline/message"
)

// Webhook serves Twilio's requests: the steps of a call, which are answered with
// what callers hear next, and news of calls and recordings.
func (l *Line) Webhook(in connectors.Sink) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == routeTune {
			l.serveTune(w, r)
			return
		}
		ctx, cancel := context.WithTimeout(r.Context(), l.core.limits.webhook)
		defer cancel()
		next, status, reason := l.answer(ctx, in, r.WithContext(ctx))
		var doc string
		if status == http.StatusOK {
			var err error
			if doc, err = twiml.Voice(next); err != nil {
				l.core.log.Error("a step of a call cannot be written", "error", err)
				status, reason = http.StatusInternalServerError, "the next step cannot be written"
			}
		}
		w.Header().Set("Cache-Control", "no-store")
		switch status {
		case http.StatusOK:
			w.Header().Set("Content-Type", "text/xml; charset=utf-8")
			_, _ = io.WriteString(w, doc)
			return
		case http.StatusMethodNotAllowed:
			w.Header().Set("Allow", http.MethodPost)
		case http.StatusServiceUnavailable:
			w.Header().Set("Retry-After", "5")
		}
		http.Error(w, reason, status)
	})
}

// answer takes one request in, and tells what comes next.
func (l *Line) answer(ctx context.Context, in connectors.Sink, r *http.Request) (next []twiml.Element, status int, reason string) {
	take := l.route(r.URL.Path)
	if take == nil {
		return nil, http.StatusNotFound, "Twilio's addresses here end in " + routeCall + " for calls that come in and " + routeEnded + " for changes of their status"
	}
	form, body, status, reason := l.core.admit(r)
	if status != http.StatusOK {
		return nil, status, reason
	}
	q := &request{form: form, query: r.URL.Query(), raw: body, step: readStep(r.URL.Query()), at: l.now().UTC()}
	next, err := l.safely(ctx, in, q, take)
	var unread *errNotMessage
	switch {
	case errors.Is(err, errOtherCall):
		return nil, http.StatusOK, ""
	case errors.As(err, &unread):
		err = l.core.accept(ctx, in, connectors.Batch{Held: []message.Held{heldCall(body, form.Get("CallSid"), unread.text)}})
	}
	if err != nil {
		l.core.log.Error("a step of a call was not taken in", "error", l.core.safe(err.Error()))
		return nil, http.StatusServiceUnavailable, "the hub cannot store it now"
	}
	return next, http.StatusOK, ""
}

// handler takes one request in and tells what comes next.
type handler = func(context.Context, connectors.Sink, *request) ([]twiml.Element, error)

// route is what serves an address, nil for a wrong one.
func (l *Line) route(path string) handler {
	switch path {
	case routeCall:
		return l.comesIn
	case routeMenu:
		return l.chooses
	case routeLeft:
		return l.leaves
	case routeRecording:
		return l.recorded
	case routeTranscript:
		return l.transcribed
	case routeEnded:
		return l.ended
	case routeAnswer:
		return l.picksUp
	case routeLeg:
		return l.legEnds
	}
	if l.core.host.Desk == nil {
		return nil
	}
	switch path {
	case routeQueue:
		return l.queues
	case routeWait:
		return l.waits
	case routeGiveUp:
		return l.givesUp
	case routeAfter:
		return l.comesOut
	case routeEnter:
		return l.enters
	case routeMusic:
		return l.onHold
	case routeDialled:
		return l.dialled
	case routeCustomer:
		return l.rung
	case routeAnnounce:
		return l.announced
	}
	return nil
}

// request is one request of Twilio.
type request struct {
	form  url.Values
	query url.Values
	raw   []byte
	step  step
	at    time.Time
}

// safely takes a request for which a failure of ours is the item's: it is held.
func (l *Line) safely(ctx context.Context, in connectors.Sink, q *request, take handler) (next []twiml.Element, err error) {
	defer func() {
		if p := recover(); p != nil {
			l.core.log.Error("a step of a call could not be read", "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
			err = &errNotMessage{"the program failed while reading it; the log has the details"}
		}
	}()
	return take(ctx, in, q)
}

// store gives the hub the call of a request and what the request tells of it. The
// call itself comes with every step, because any may be the first that reaches us.
func (l *Line) store(ctx context.Context, in connectors.Sink, q *request, c message.Call) error {
	m, err := l.readForm(q.form, q.at)
	if err != nil {
		return err
	}
	m.Call, m.Raw = &c, message.Bytes(q.raw)
	if err := l.core.accept(ctx, in, connectors.Batch{Messages: []message.Message{m},
		Changes: []message.Change{{Of: m.Key, Time: q.at, Call: &c}}}); err != nil {
		return err
	}
	if c.Outcome == "" {
		l.core.comesLate(m.Ref) // its end, if nothing tells of it
	}
	return nil
}

// comesIn takes a new call.
func (l *Line) comesIn(ctx context.Context, in connectors.Sink, q *request) ([]twiml.Element, error) {
	q.step = step{closed: l.set.hours.closedAt(q.at)}
	if err := l.store(ctx, in, q, told(q.form, q.step)); err != nil {
		return nil, err
	}
	return l.welcome(q.step), nil
}

// chooses takes a key.
func (l *Line) chooses(ctx context.Context, in connectors.Sink, q *request) ([]twiml.Element, error) {
	key := q.form.Get("Digits")
	if h, ok := l.set.menuHours[key]; ok && h.closedAt(q.at) {
		q.step.closed = true
	}
	c := told(q.form, q.step)
	c.Choice = l.set.menu[key]
	if err := l.store(ctx, in, q, c); err != nil {
		return nil, err
	}
	if c.Choice == "" {
		return append(l.says(l.set.invalid), l.offer(q.step)...), nil
	}
	if q.step.key = key; q.step.closed {
		return append(l.says(l.set.closed), l.takeMessage(q.step)...), nil
	}
	return l.onward(q.step), nil
}

// leaves takes the end of a message; its recording may not be ready yet.
func (l *Line) leaves(ctx context.Context, in connectors.Sink, q *request) ([]twiml.Element, error) {
	if err := l.store(ctx, in, q, left(told(q.form, q.step), seconds(q.form.Get("RecordingDuration")))); err != nil {
		return nil, err
	}
	return l.farewell(), nil
}

// ended takes the last state of a call.
func (l *Line) ended(ctx context.Context, in connectors.Sink, q *request) ([]twiml.Element, error) {
	c := told(q.form, q.step)
	if c.Outcome != "" {
		c.Ended = q.at
	}
	if err := l.store(ctx, in, q, c); err != nil || c.Outcome == "" {
		return nil, err
	}
	l.clear(ctx, keyPrefix+q.form.Get("CallSid"))
	return nil, nil
}

// recorded takes a recording: of a message, or of a conversation.
func (l *Line) recorded(ctx context.Context, in connectors.Sink, q *request) ([]twiml.Element, error) {
	sid, of, talk := q.form.Get("RecordingSid"), q.form.Get("CallSid"), q.query.Get(talkParam) != ""
	if talk {
		of = q.query.Get(ofParam)
	}
	name, ok := callName(of)
	if !recordingForm.MatchString(sid) || !ok {
		return nil, &errNotMessage{"the item names no recording of a call"}
	}
	if q.form.Get("RecordingStatus") != "completed" {
		return nil, nil
	}
	rec := recording{sid: sid, call: of, length: seconds(q.form.Get("RecordingDuration")), talk: talk}
	var c message.Call
	if !talk {
		c = left(message.Call{Closed: q.step.closed}, rec.length)
	}
	change := message.Change{Of: name, Time: q.at, Call: &c}
	left, missing := "", false
	if (talk || c.Outcome == message.CallVoicemail) && !l.has(sid) {
		fetching, cancel := context.WithTimeout(ctx, l.core.limits.media)
		edit := &message.Message{}
		if edit.Parts, left, missing = l.fetch(fetching, rec); left != "" {
			edit.Warnings = []string{left}
		}
		cancel()
		defer func() { connectors.Drop(edit.Parts) }()
		change.Edit = edit
	}
	if err := l.core.accept(ctx, in, connectors.Batch{Changes: []message.Change{change}}); err != nil {
		return nil, err
	}
	if left != "" {
		return nil, nil // at Twilio only: it stays there
	}
	if !missing {
		l.holds(sid)
	}
	switch {
	case !missing && (!l.mayDelete(rec, q.at, q.at) || l.delete(ctx, sid)):
	case talk:
		l.core.comesLate(lateTalk(of, sid))
	default:
		l.core.comesLate(of)
	}
	return nil, nil
}

// transcribed takes a transcript.
func (l *Line) transcribed(ctx context.Context, in connectors.Sink, q *request) ([]twiml.Element, error) {
	of, words := q.form.Get("CallSid"), clean(q.form.Get("TranscriptionText"))
	if !callForm.MatchString(of) {
		return nil, &errNotMessage{"the item names no call: its SID is not CA and 32 characters"}
	}
	if len(words) > maxTextBytes {
		words = clean(words[:maxTextBytes])
	}
	if q.form.Get("TranscriptionStatus") == "completed" && words != "" {
		if err := l.core.accept(ctx, in, connectors.Batch{Changes: []message.Change{{Of: keyPrefix + of, Time: q.at,
			Call: &message.Call{}, Edit: &message.Message{Text: words, Reply: words}}}}); err != nil {
			return nil, err
		}
	}
	if sid := q.form.Get("RecordingSid"); recordingForm.MatchString(sid) {
		l.isWritten(sid)
		if l.set.deleteAtTwilio && (!l.has(sid) || !l.delete(ctx, sid)) {
			l.core.comesLate(of)
		}
	}
	return nil, nil
}
