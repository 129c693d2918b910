package twilio

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	openapi "github.com/twilio/twilio-go/rest/api/v2010"
	"github.com/twilio/twilio-go/twiml"

	"throughline/connectors"
	"throughline/message"
)

// Callers and agents meet in a conference, one for each call: a caller waits in it
// until an agent comes in, and whoever is asked or takes over comes in too. A call of
// ours is a plain one at first, and moves into its conference when it is to be held
// or handed over.

// The routes of calls that agents take part in.
const (
	routeQueue    = "/queue"    // the customer begins to wait
	routeWait     = "/wait"     // what is heard meanwhile; asked for again and again
	routeGiveUp   = "/giveup"   // nobody came
	routeAfter    = "/after"    // the customer's stay in the conference is over
	routeEnter    = "/enter"    // the customer of a call of ours moves into it
	routeMusic    = "/music"    // on hold
	routeAnswer   = "/answer"   // an agent's leg is picked up
	routeLeg      = "/leg"      // it is over
	routeDialled  = "/dialled"  // a call of ours is no plain one any more, or over
	routeCustomer = "/customer" // how the customer's leg of a call of ours is
	routeAnnounce = "/announce" // what the customer of a call of ours hears first
)

const (
	ofParam    = "of"    // the call: its SID, or ID and token of a message of ours
	legParam   = "leg"   // message.CallLeg.ID
	untilParam = "until" // Unix time at which waiting is given up
	okParam    = "ok"    // who picked a phone up has pressed a key
	talkParam  = "talk"  // the recording is one of a conversation

	// waitPause and playPause are how long callers hear nothing, in seconds, after the
	// words and after the music, which may not come.
	waitPause, playPause = 12, 2
	// keyWait is how long whoever picks up a phone has to press a key, in seconds.
	keyWait = "8"
	// ringPhone and ringBrowser are how long agents are rung at most, in seconds.
	ringPhone, ringBrowser = 30, 90
	// dialTime is how long it rings at the customer of a call of ours, in seconds.
	dialTime = "45"
)

// callName is what the hub calls a call that stands in an address.
func callName(of string) (name string, ok bool) {
	if callForm.MatchString(of) {
		return keyPrefix + of, true
	}
	return ownRef(of)
}

// ofCall is how a call stands in an address.
func ofCall(m *message.Message) string {
	if m.Direction == message.Out {
		return ownValue(*m)
	}
	return m.Ref
}

// room names the conference of a call.
func room(of string) string { return "call-" + strings.ReplaceAll(of, ".", "-") }

// about is the address of a route about a call.
func (l *Line) about(route, of string, more ...string) string {
	q := url.Values{ofParam: {of}}
	for i := 0; i+1 < len(more); i += 2 {
		q.Set(more[i], more[i+1])
	}
	return l.core.url(route) + "?" + q.Encode()
}

// onward is what follows greeting and menu: waiting for an agent, or the machine.
func (l *Line) onward(s step) []twiml.Element {
	if l.set.queue == 0 || l.core.host.Desk == nil {
		return l.takeMessage(s)
	}
	return []twiml.Element{&twiml.VoiceRedirect{Url: l.at(routeQueue, s), Method: http.MethodPost}}
}

// queues lets a customer wait, if there is anybody to wait for.
func (l *Line) queues(ctx context.Context, in connectors.Sink, q *request) ([]twiml.Element, error) {
	of := q.query.Get(ofParam)
	if of == "" { // a caller; else he was passed on, by Steer
		of = q.form.Get("CallSid")
		staffed, err := l.core.host.Desk.Staffed()
		if err != nil {
			return nil, err
		}
		c := told(q.form, q.step)
		if staffed {
			c.Queued = q.at
			if c.Asked = l.set.menuTo[q.step.key]; len(c.Asked) > 0 {
				c.Alone = q.at.Add(l.set.menuAlone)
			}
		}
		if err := l.store(ctx, in, q, c); err != nil {
			return nil, err
		}
		if !staffed {
			return l.takeMessage(q.step), nil
		}
	}
	until := strconv.FormatInt(q.at.Add(l.set.queue).Unix(), 10)
	stay := &twiml.VoiceConference{Name: room(of), StartConferenceOnEnter: "false", EndConferenceOnExit: "true", Beep: "false",
		WaitUrl: l.about(routeWait, of, untilParam, until), WaitMethod: http.MethodPost}
	return append(l.announces(), l.stays(of, stay)...), nil
}

// announces says that the conversation is recorded, if it is.
func (l *Line) announces() []twiml.Element {
	if !l.set.recordCalls {
		return nil
	}
	return l.says(l.set.announcement)
}

// stays lets the customer be in the conference of a call.
func (l *Line) stays(of string, c *twiml.VoiceConference) []twiml.Element {
	if l.set.recordCalls {
		c.Record, c.RecordingStatusCallback, c.RecordingStatusCallbackMethod = "record-from-start", l.about(routeRecording, of, talkParam, "1"), http.MethodPost
	}
	return []twiml.Element{&twiml.VoiceDial{Action: l.about(routeAfter, of), Method: http.MethodPost, InnerElements: []twiml.Element{c}}}
}

// waits is what a customer hears until an agent comes in. Twilio asks for it again
// and again, so that the end of the time is noticed also by another process than the
// one that was asked first.
func (l *Line) waits(ctx context.Context, _ connectors.Sink, q *request) ([]twiml.Element, error) {
	until, _ := strconv.ParseInt(q.query.Get(untilParam), 10, 64)
	of, left := q.query.Get(ofParam), time.Unix(until, 0).Sub(q.at)
	if left <= 0 {
		l.leadOn(ctx, q.form.Get("CallSid"), of)
		left = 5 * time.Second // by then it has worked, or is tried again
	} else {
		l.expect(q.form.Get("CallSid"), end{of: of, at: time.Unix(until, 0)})
	}
	list, pause := l.says(l.set.queuePrompt), waitPause
	if left > waitPause*time.Second && l.music() != "" {
		list, pause = append(list, l.played("")...), playPause
	}
	pause = min(pause, max(1, int((left+time.Second-1)/time.Second)))
	return append(list, &twiml.VoicePause{Length: strconv.Itoa(pause)}, &twiml.VoiceRedirect{Url: l.core.url(routeWait) + "?" + q.query.Encode(), Method: http.MethodPost}), nil
}

// redirect sends a leg to another document.
func (l *Line) redirect(ctx context.Context, sid, address string) error {
	p := &openapi.UpdateCallParams{}
	p.SetUrl(address).SetMethod(http.MethodPost)
	_, err := l.core.rest(ctx).UpdateCall(sid, p)
	return l.changed(err)
}

// givesUp is the end of waiting: the machine, or for a call of ours good-bye.
func (l *Line) givesUp(ctx context.Context, in connectors.Sink, q *request) ([]twiml.Element, error) {
	of := q.query.Get(ofParam)
	l.isLed(q.form.Get("CallSid"))
	if callForm.MatchString(of) {
		c := told(q.form, q.step)
		c.Left = q.at
		if err := l.store(ctx, in, q, c); err != nil {
			return nil, err
		}
		return append(l.says(l.set.busyPrompt), l.takeMessage(q.step)...), nil
	}
	return append(l.says(l.set.busyPrompt), &twiml.VoiceHangup{}), l.tell(ctx, in, q, message.Call{Left: q.at})
}

// tell gives the hub a fact about a call that stands in the address.
func (l *Line) tell(ctx context.Context, in connectors.Sink, q *request, c message.Call) error {
	name, ok := callName(q.query.Get(ofParam))
	if !ok {
		return &errNotMessage{"the address names no call"}
	}
	return l.core.accept(ctx, in, connectors.Batch{Changes: []message.Change{{Of: name, Time: q.at, Call: &c}}})
}

// comesOut is the end of a customer's stay in the conference: the agent has left,
// or the customer.
func (l *Line) comesOut(ctx context.Context, in connectors.Sink, q *request) ([]twiml.Element, error) {
	of := q.query.Get(ofParam)
	name, ok := callName(of)
	if !ok {
		return nil, &errNotMessage{"the address names no call"}
	}
	if callForm.MatchString(of) {
		if err := l.store(ctx, in, q, told(q.form, q.step)); err != nil {
			return nil, err
		}
		m, err := l.core.host.Desk.Call(ctx, name)
		if err != nil {
			return nil, err
		}
		// The conference was ended from outside before anybody came.
		if m.Call != nil && m.Call.Wait == 0 && m.Call.Agent == 0 && m.Call.State == message.CallWaiting {
			return l.takeMessage(q.step), nil
		}
	}
	return []twiml.Element{&twiml.VoiceHangup{}}, nil
}

// enters lets the customer of a call of ours into its conference.
func (l *Line) enters(_ context.Context, _ connectors.Sink, q *request) ([]twiml.Element, error) {
	return l.stays(q.query.Get(ofParam), &twiml.VoiceConference{Name: room(q.query.Get(ofParam)), StartConferenceOnEnter: "true", EndConferenceOnExit: "true",
		Beep: "false"}), nil
}

// onHold is what a customer on hold hears.
func (l *Line) onHold(_ context.Context, _ connectors.Sink, q *request) ([]twiml.Element, error) {
	if l.music() != "" {
		return l.played(playOn), nil
	}
	return append(l.says(l.set.queuePrompt), &twiml.VoicePause{Length: strconv.Itoa(waitPause)},
		&twiml.VoiceRedirect{Url: l.core.url(routeMusic) + "?" + q.query.Encode(), Method: http.MethodPost}), nil
}

// picksUp gives the call to an agent's leg if it is the first.
func (l *Line) picksUp(ctx context.Context, in connectors.Sink, q *request) ([]twiml.Element, error) {
	of, leg := q.query.Get(ofParam), q.query.Get(legParam)
	name, ok := callName(of)
	if !ok || leg == "" || l.core.host.Desk == nil {
		return nil, &errNotMessage{"the address names no leg of a call"}
	}
	if !strings.HasPrefix(q.form.Get("To"), clientPrefix) && q.query.Get(okParam) == "" {
		// A phone's own voicemail picks up too, and presses nothing.
		return []twiml.Element{&twiml.VoiceGather{Input: "dtmf", NumDigits: "1", Timeout: keyWait, Method: http.MethodPost,
			Action: l.about(routeAnswer, of, legParam, leg, okParam, "1"), InnerElements: l.says(l.set.screenPrompt)}, &twiml.VoiceHangup{}}, nil
	}
	sid := q.form.Get("CallSid")
	b := connectors.Batch{Changes: []message.Change{{Of: name, Time: q.at, Call: &message.Call{Legs: []message.CallLeg{{ID: leg, Ref: sid}}}}}}
	if !callForm.MatchString(of) {
		b.Reports = []message.Report{{Ref: name, Wire: sid, Status: message.Sent, Time: q.at}}
	}
	if err := l.core.accept(ctx, in, b); err != nil {
		return nil, err
	}
	m, taken, err := l.core.host.Desk.Take(ctx, name, leg)
	if err != nil {
		return nil, err
	}
	if !taken {
		return []twiml.Element{&twiml.VoiceHangup{}}, nil
	}
	if m.Direction == message.Out && len(m.Call.Legs) > 0 && m.Call.Legs[0].ID == leg {
		l.expectTalks(of)
		return l.dials(&m, leg), nil
	}
	end := "true"
	if mine := m.Call.Leg(leg); mine.Role == message.ConsultLeg && mine.Spoke.IsZero() {
		end = "false"
	}
	return l.joins(of, end), nil
}

// joins lets an agent into the conference of a call; with end the call is over when
// the agent leaves.
func (l *Line) joins(of, end string) []twiml.Element {
	return []twiml.Element{&twiml.VoiceDial{InnerElements: []twiml.Element{&twiml.VoiceConference{Name: room(of), StartConferenceOnEnter: "true", EndConferenceOnExit: end,
		Beep: "false"}}}, &twiml.VoiceHangup{}}
}

// legEnds takes the end of an agent's leg.
func (l *Line) legEnds(ctx context.Context, in connectors.Sink, q *request) ([]twiml.Element, error) {
	leg := message.CallLeg{ID: q.query.Get(legParam), Ref: q.form.Get("CallSid"), Ended: q.at, Result: legResult(q.form.Get("CallStatus"))}
	if err := l.tell(ctx, in, q, message.Call{Legs: []message.CallLeg{leg}}); err != nil || l.core.host.Desk == nil {
		return nil, err
	}
	// The call may be over with it, whether or not a request tells of the customer's leg.
	of := q.query.Get(ofParam)
	if name, ok := callName(of); ok {
		if m, err := l.core.host.Desk.Call(ctx, name); err == nil && m.Call != nil && m.Call.Over() {
			l.expectTalks(of)
		}
	}
	return nil, nil
}

// legResult tells why a leg was not picked up.
func legResult(status string) string {
	switch strings.ToLower(status) {
	case "busy":
		return message.LegBusy
	case "no-answer":
		return message.LegNoAnswer
	case "canceled":
		return message.LegDropped
	case "failed":
		return message.LegFailed
	}
	return ""
}
