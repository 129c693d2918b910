package twilio

import (
	"context"
	"encoding/json"
	"errors"
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

// Calls of ours: the agent's leg is made over the API, once; when it is picked up,
// the document it is given calls the customer. No request of ours does that, so none
// can be repeated by mistake, and the hub gives that document to one leg only.

// stale is how old a call of ours may be when it is made: later its agent does not
// expect it any more.
const stale = time.Minute

// dateSkew is how far Twilio's clock and ours may be apart where an answer told its
// time: in whole seconds, and some time ago.
const dateSkew = 2 * time.Second

// Send makes a call. Nothing else goes out over a line.
func (l *Line) Send(ctx context.Context, m message.Message) (connectors.Receipt, error) {
	no := func(reason string) (connectors.Receipt, error) {
		return connectors.Receipt{}, &connectors.SendError{Class: connectors.Reject, Reason: reason}
	}
	switch {
	case m.Call == nil || len(m.Call.Legs) == 0:
		return no("nothing can be written over a line for calls: choose another account")
	case len(m.To) != 1 || !numberForm.MatchString(m.To[0].Handle.Address()):
		return no("a call goes to exactly one number")
	case l.core.host.PublicURL == "":
		return no("the hub has no public address, so that Twilio cannot ask whom to call: set public_url")
	case m.Call.Customer() != nil || m.Call.Over():
		return no("this call was made already: make a new one")
	case l.now().Sub(m.Time) > stale:
		return no("the call could not be made in time: make a new one")
	}
	sid, err := l.create(ctx, &m, m.Call.Legs[0])
	if err == nil {
		return connectors.Receipt{Ref: sid, Detail: "Twilio rings as " + sid}, nil
	}
	var se *connectors.SendError
	if sent := l.core.sendError(err); errors.As(sent, &se) && se.Class != connectors.Unsure {
		se.Class = connectors.Reject // nobody is called later by surprise
	}
	return connectors.Receipt{}, se
}

// Find looks for the agent's leg of a call of ours that an attempt of unclear outcome
// left behind.
func (l *Line) Find(ctx context.Context, m message.Message, since time.Time, taken func(ref string) bool) (connectors.Receipt, error) {
	if m.Call == nil || len(m.Call.Legs) == 0 {
		return connectors.Receipt{}, connectors.ErrNotFound
	}
	// The legs that rang there before for other calls look the same.
	ahead, skew := time.Duration(l.core.ahead.Load()), clockSkew
	if ahead != 0 {
		skew = dateSkew
	}
	from := since.Add(ahead - skew).Truncate(time.Second)
	q := url.Values{"PageSize": {strconv.Itoa(findPage)}, "From": {l.core.set.from}, "To": {l.target(m.Call.Legs[0])}}
	found, pages := "", 0
	err := l.core.list(ctx, "/Calls.json?"+q.Encode(), func(raws []json.RawMessage) (bool, error) {
		pages++
		newer := false
		for _, raw := range raws {
			var r openapi.ApiV2010Call
			if json.Unmarshal(raw, &r) != nil {
				continue
			}
			if at, ok := parseDate(text(r.DateCreated)); !ok || at.Before(from) {
				continue
			}
			newer = true
			owner := l.core.ownerOf(text(r.Sid))
			if text(r.Direction) == "outbound-api" && !taken(text(r.Sid)) && (owner == "" || owner == message.OwnRef(m.ID, m.Token)) {
				found = text(r.Sid) // the oldest comes last
			}
		}
		return newer && pages < findPages, nil
	})
	if err != nil {
		return connectors.Receipt{}, l.core.fault(err)
	}
	if found == "" {
		return connectors.Receipt{}, connectors.ErrNotFound
	}
	return connectors.Receipt{Ref: found, Detail: "Twilio has it as " + found}, nil
}

// dials is the document of an agent's leg that calls the customer.
func (l *Line) dials(m *message.Message, leg string) []twiml.Element {
	if len(m.To) == 0 { // erased since
		return []twiml.Element{&twiml.VoiceHangup{}}
	}
	of := ofCall(m)
	number := &twiml.VoiceNumber{PhoneNumber: m.To[0].Handle.Address(), StatusCallback: l.about(routeCustomer, of), StatusCallbackMethod: http.MethodPost,
		StatusCallbackEvent: "answered completed"}
	dial := &twiml.VoiceDial{CallerId: l.core.set.from, Timeout: dialTime, Action: l.about(routeDialled, of, legParam, leg), Method: http.MethodPost,
		InnerElements: []twiml.Element{number}}
	if l.set.recordCalls {
		dial.Record, dial.RecordingStatusCallback, dial.RecordingStatusCallbackMethod = "record-from-answer", l.about(routeRecording, of, talkParam, "1"), http.MethodPost
		if l.set.announcement != "" {
			number.Url, number.Method = l.about(routeAnnounce, of), http.MethodPost
		}
	}
	return []twiml.Element{dial, &twiml.VoiceHangup{}}
}

// announced is what the customer of a call of ours hears before the agent does.
func (l *Line) announced(context.Context, connectors.Sink, *request) ([]twiml.Element, error) {
	return l.announces(), nil
}

// customerLeg is how the hub calls that leg.
const customerLeg = "customer"

// rung takes how the customer's leg is.
func (l *Line) rung(ctx context.Context, in connectors.Sink, q *request) ([]twiml.Element, error) {
	leg := message.CallLeg{ID: customerLeg, Ref: q.form.Get("CallSid"), Role: message.CustomerLeg, Began: q.at}
	b := connectors.Batch{}
	switch status := strings.ToLower(q.form.Get("CallStatus")); status {
	case "in-progress":
		leg.Answered = q.at
		if name, ok := callName(q.query.Get(ofParam)); ok {
			b.Reports = []message.Report{{Ref: name, Status: message.Delivered, Time: q.at}}
		}
	case "completed", "busy", "no-answer", "canceled", "failed":
		leg.Ended, leg.Result = q.at, legResult(status)
	}
	if err := l.tell(ctx, in, q, message.Call{Legs: []message.CallLeg{leg}}); err != nil {
		return nil, err
	}
	if name, ok := callName(q.query.Get(ofParam)); ok && !leg.Ended.IsZero() {
		l.clear(ctx, name)
		l.expectTalks(q.query.Get(ofParam))
	}
	if b.Reports == nil {
		return nil, nil
	}
	return nil, l.core.accept(ctx, in, b)
}

// dialled is what an agent's leg does when the plain call is over: it follows the
// customer into the conference, if that is why.
func (l *Line) dialled(ctx context.Context, in connectors.Sink, q *request) ([]twiml.Element, error) {
	of := q.query.Get(ofParam)
	name, ok := callName(of)
	if !ok || l.core.host.Desk == nil {
		return nil, &errNotMessage{"the address names no call"}
	}
	status := strings.ToLower(q.form.Get("DialCallStatus"))
	if result := legResult(status); result != "" {
		leg := message.CallLeg{ID: customerLeg, Ref: q.form.Get("DialCallSid"), Role: message.CustomerLeg, Began: q.at, Ended: q.at, Result: result}
		return []twiml.Element{&twiml.VoiceHangup{}}, l.tell(ctx, in, q, message.Call{Legs: []message.CallLeg{leg}})
	}
	m, err := l.core.host.Desk.Call(ctx, name)
	if err != nil {
		return nil, err
	}
	if c := m.Call; c != nil && !c.Over() {
		if c.Held() {
			return l.joins(of, "true"), nil
		}
		if t := c.Pending(); t != nil && !t.Warm {
			return []twiml.Element{&twiml.VoiceHangup{}}, nil // the customer was passed on: only the agent's leg is over
		}
	}
	leg := message.CallLeg{ID: customerLeg, Ref: q.form.Get("DialCallSid"), Role: message.CustomerLeg, Began: q.at, Ended: q.at}
	if spoke := seconds(q.form.Get("DialCallDuration")); status == "completed" && spoke > 0 {
		leg.Answered = q.at.Add(-time.Duration(spoke) * time.Second) // that it was picked up may have been lost
	}
	return []twiml.Element{&twiml.VoiceHangup{}}, l.tell(ctx, in, q, message.Call{Legs: []message.CallLeg{leg}})
}
