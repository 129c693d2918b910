package twilio

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"

	openapi "github.com/twilio/twilio-go/rest/api/v2010"

	"throughline/connectors"
	"throughline/message"
)

// What is to be done about calls though nobody asks: to end waiting in time, and to
// notice what no request told.

// end is when waiting for an agent is over.
type end struct {
	of    string
	at    time.Time
	again bool // he may have been led on before: Twilio is asked whether he still waits
}

// expect remembers when a customer's waiting ends: music may play longer than that,
// and Twilio asks what comes next only after it.
func (l *Line) expect(sid string, e end) {
	if !callForm.MatchString(sid) {
		return
	}
	l.mu.Lock()
	old, known := l.ends[sid]
	// Passed on, a caller waits a second time, and longer.
	news := known && e.at.After(old.at) || !known && len(l.ends) < maxTaken
	if news {
		l.ends[sid] = e
	}
	l.mu.Unlock()
	if news {
		l.core.nudge()
	}
}

// nextEnd is how long until the first waiting is over.
func (l *Line) nextEnd() time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	wait := 24 * time.Hour
	for _, e := range l.ends {
		wait = min(wait, max(0, e.at.Sub(l.now())))
	}
	return wait
}

// endWaits leads on those who have waited long enough, unless they were served or
// left meanwhile.
func (l *Line) endWaits(ctx context.Context) {
	l.mu.Lock()
	due := map[string]end{}
	for sid, e := range l.ends {
		if !e.at.After(l.now()) {
			due[sid] = e
			delete(l.ends, sid)
		}
	}
	l.mu.Unlock()
	for sid, e := range due {
		if e.again {
			l.leadAgain(ctx, sid, e.of)
		} else {
			l.leadOn(ctx, sid, e.of)
		}
	}
}

// leadAgain leads on a customer of whom nobody knows whether he was already: a process
// was killed before Twilio was asked, or its answer did not come. Who is with the machine
// must not be interrupted there.
func (l *Line) leadAgain(ctx context.Context, sid, of string) {
	waits, err := l.inRoom(ctx, sid, of)
	switch {
	case err != nil:
		l.core.log.Warn("whether a caller who waited long enough still waits could not be found out", "error", l.core.safe(err.Error()))
		l.expect(sid, end{of, l.now().Add(leadPause), true})
	case waits:
		l.leadOn(ctx, sid, of)
	default:
		l.isLed(sid)
	}
}

// inRoom asks Twilio whether a customer is in the conference of a call.
func (l *Line) inRoom(ctx context.Context, sid, of string) (bool, error) {
	p := &openapi.ListConferenceParams{}
	p.SetFriendlyName(room(of)).SetPageSize(20) // each time that he was passed on has one
	page, err := l.core.rest(ctx).PageConference(p, "", "")
	if err != nil {
		return false, l.plain(err)
	}
	for _, c := range page.Conferences {
		if text(c.Status) == "completed" {
			continue
		}
		_, err := l.core.rest(ctx).FetchParticipant(text(c.Sid), sid, &openapi.FetchParticipantParams{})
		if err == nil {
			return true, nil
		}
		if !isOver(err) {
			return false, l.plain(err)
		}
	}
	return false, nil
}

// isLed remembers that a customer was led on.
func (l *Line) isLed(sid string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.led[sid] = true
}

// leadPause is after how long a customer is led on again whom Twilio refused to.
const leadPause = 5 * time.Second

// leadOn takes a customer out of the queue, unless somebody has the call: from then on
// nobody gets it any more, so that no agent's leg ends with the conference.
func (l *Line) leadOn(ctx context.Context, sid, of string) {
	name, ok := callName(of)
	if !ok {
		return
	}
	l.isLed(sid) // whatever comes of it: this process sees to it
	left, err := l.core.host.Desk.Leave(ctx, name)
	if err == nil && !left {
		return
	}
	if err == nil {
		err = l.redirect(ctx, sid, l.about(routeGiveUp, of))
	}
	if err == nil {
		return
	}
	l.core.log.Warn("a caller who waited long enough could not be led on", "error", l.core.safe(err.Error()))
	l.expect(sid, end{of, l.now().Add(leadPause), connectors.ClassOf(err) == connectors.Unsure})
}

// clear ends the legs that are still there when the customer is not: who picks up in
// the moment in which the caller hangs up would wait alone in a conference.
func (l *Line) clear(ctx context.Context, name string) {
	if l.core.host.Desk == nil {
		return
	}
	m, err := l.core.host.Desk.Call(ctx, name)
	if err != nil || m.Call == nil {
		return
	}
	for _, leg := range m.Call.Legs {
		if leg.Role == message.CustomerLeg || leg.Ref == "" || leg.Answered.IsZero() {
			continue
		}
		if err := l.finish(ctx, leg.Ref); err != nil {
			l.core.log.Warn("a leg of a call that is over could not be ended", "error", l.core.safe(err.Error()))
		}
	}
}

// lookAfter asks Twilio for the legs of the calls that the hub believes to go on, and
// tells of those that have ended: while the hub was down nobody else did.
func (w *watching) lookAfter(ctx context.Context) error {
	desk := w.host.Desk
	if desk == nil {
		return nil
	}
	calls, err := desk.Calls(ctx)
	if err != nil {
		return err
	}
	for _, m := range calls {
		if err := w.lookAt(ctx, &m); err != nil {
			return err
		}
		w.line.expectAgain(&m)
	}
	w.line.mu.Lock()
	defer w.line.mu.Unlock()
	for sid := range w.line.led {
		if !slices.ContainsFunc(calls, func(m message.Message) bool { return customerSID(&m) == sid }) {
			delete(w.line.led, sid)
		}
	}
	return nil
}

// beingLed is how long somebody who should not wait any more may be on his way.
const beingLed = 5 * time.Second

// expectAgain reads from a call when its waiting ends: the process that gave the music
// may be another one, and Twilio asks for nothing while it plays.
//
// Of a call that nobody gets any more another process has written that down, and was
// perhaps killed before Twilio heard of it.
func (l *Line) expectAgain(m *message.Message) {
	sid, since := customerSID(m), m.Call.Queued
	if !m.Call.Left.IsZero() && !m.Call.Over() {
		l.mu.Lock()
		led := l.led[sid]
		l.mu.Unlock()
		if !led {
			l.expect(sid, end{ofCall(m), l.now(), true})
		}
		return
	}
	if m.Call.State != message.CallWaiting && m.Call.State != message.CallRinging {
		return
	}
	for _, t := range m.Call.Transfers {
		if t.Time.After(since) {
			since = t.Time
		}
	}
	if since.IsZero() {
		return
	}
	at := since.Add(l.set.queue)
	if now := l.now(); at.Before(now) {
		at = now.Add(beingLed)
	}
	l.expect(sid, end{of: ofCall(m), at: at})
}

func (w *watching) lookAt(ctx context.Context, m *message.Message) error {
	var news message.Call
	if m.Direction != message.Out {
		over, at, status, err := w.legAt(ctx, m.Ref)
		if err != nil {
			return err
		}
		if over {
			news.Outcome, news.Ended = outcome(status), at
		}
	}
	for _, l := range m.Call.Legs {
		if l.Ref == "" || !l.Ended.IsZero() {
			continue
		}
		over, at, status, err := w.legAt(ctx, l.Ref)
		if err != nil {
			return err
		}
		if over {
			news.Legs = append(news.Legs, message.CallLeg{ID: l.ID, Ref: l.Ref, Ended: at, Result: legResult(status)})
		}
	}
	name, _ := callName(ofCall(m))
	if news.Outcome == "" && len(news.Legs) == 0 || name == "" {
		return nil
	}
	if err := w.save(ctx, connectors.Batch{Changes: []message.Change{{Of: name, Time: now(), Call: &news}}}); err != nil {
		return err
	}
	if gone := m.Call.Customer(); news.Outcome != "" || gone != nil && slices.ContainsFunc(news.Legs, func(l message.CallLeg) bool { return l.ID == gone.ID }) {
		w.line.clear(ctx, name)
	}
	// The agent's leg may end the call, and nobody look for the customer's any more.
	if after := m.Call.Merge(news); after.Over() {
		w.line.expectTalks(ofCall(m))
	}
	return nil
}

// legAt asks whether a leg is over, and since when.
func (w *watching) legAt(ctx context.Context, sid string) (over bool, at time.Time, status string, err error) {
	var raw json.RawMessage
	err = w.get(ctx, w.path("/Calls/"+sid+".json"), &raw)
	var gone *apiError
	if errors.As(err, &gone) && gone.status == http.StatusNotFound {
		return true, now(), "", nil
	}
	if err != nil {
		return false, at, "", err
	}
	var r openapi.ApiV2010Call
	if err := json.Unmarshal(raw, &r); err != nil {
		return false, at, "", nil // the next look may understand it
	}
	switch status = strings.ToLower(text(r.Status)); status {
	case "completed", "busy", "no-answer", "canceled", "failed":
	default:
		return false, at, status, nil
	}
	ok := false
	if at, ok = parseDate(text(r.EndTime)); !ok {
		at = now()
	}
	return true, at, status, nil
}
