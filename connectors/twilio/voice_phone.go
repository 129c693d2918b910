package twilio

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/twilio/twilio-go/client/jwt"
	openapi "github.com/twilio/twilio-go/rest/api/v2010"

	"throughline/connectors"
	"throughline/message"
)

const (
	// clientPrefix is that of the address of a browser.
	clientPrefix = "client:"
	// tokenLife is how long a browser stays signed in with one token; Twilio allows
	// a day.
	tokenLife = time.Hour
	// meeting is how long the two of a call of ours may take to meet in its
	// conference, meetingPause how often that is looked at.
	meeting, meetingPause = 8 * time.Second, 100 * time.Millisecond
)

// Device signs an agent's browser in with an access token that lets it be rung and
// nothing else: the hub makes the calls, so that a token that got into wrong hands
// calls nobody.
func (l *Line) Device(agent uint64) (connectors.Device, error) {
	set := &l.core.set
	if !keyForm.MatchString(set.user) {
		return connectors.Device{}, connectors.ErrNoDevice
	}
	expires := time.Now().Add(tokenLife)
	d := connectors.Device{Kind: "twilio", Identity: l.identity(agent), Expires: expires.UTC().Truncate(time.Second)}
	params := jwt.AccessTokenParams{AccountSid: set.account, SigningKeySid: set.user, Secret: set.password, Identity: d.Identity,
		Region: region(set.api), ValidUntil: float64(d.Expires.Unix()), Grants: []jwt.BaseGrant{&jwt.VoiceGrant{Incoming: jwt.Incoming{Allow: true}}}}
	token := jwt.CreateAccessToken(params)
	var err error
	if d.Token, err = token.ToJwt(); err != nil {
		return connectors.Device{}, errors.New("the access token cannot be made: " + l.core.safe(err.Error()))
	}
	if set.insecure {
		d.Address = set.api + "/device"
	}
	return d, nil
}

// identity is an agent's name at Twilio, of letters, digits and underscores as it
// wants. Each line of each hub has its own.
func (l *Line) identity(agent uint64) string {
	sum := sha256.Sum256([]byte(l.core.host.PublicURL))
	return "agent_" + strconv.FormatUint(agent, 10) + "_" + hex.EncodeToString(sum[:4])
}

// region is that of an API address such as api.dublin.ie1.twilio.com, "" for the
// usual one.
func region(api string) string {
	u, err := url.Parse(api)
	if err != nil {
		return ""
	}
	if p := strings.Split(u.Hostname(), "."); len(p) == 5 && p[0] == "api" {
		return p[2]
	}
	return ""
}

// Sources are Twilio's hosts, or the stand-in's.
func (l *Line) Sources() []string {
	if l.core.set.insecure {
		return []string{l.core.set.api}
	}
	return []string{"https://*.twilio.com", "wss://*.twilio.com"}
}

// target is where a leg rings.
func (l *Line) target(leg message.CallLeg) string {
	if leg.Number != "" {
		return leg.Number
	}
	return clientPrefix + l.identity(leg.Agent)
}

// create makes a leg ring. The error is that of the API.
func (l *Line) create(ctx context.Context, m *message.Message, leg message.CallLeg) (sid string, err error) {
	of, seconds := ofCall(m), ringBrowser
	if leg.Number != "" {
		seconds = ringPhone
	}
	p := &openapi.CreateCallParams{}
	p.SetTo(l.target(leg)).SetFrom(l.core.set.from).SetTimeout(seconds)
	answer := l.about(routeAnswer, of, legParam, leg.ID)
	p.SetUrl(answer).SetMethod(http.MethodPost).SetFallbackUrl(answer).SetFallbackMethod(http.MethodPost)
	p.SetStatusCallback(l.about(routeLeg, of, legParam, leg.ID)).SetStatusCallbackMethod(http.MethodPost).SetStatusCallbackEvent([]string{"completed"})
	made, err := l.core.rest(ctx).CreateCall(p)
	if err != nil {
		return "", err
	}
	if sid = text(made.Sid); !callForm.MatchString(sid) {
		return "", errors.New("the answer of Twilio does not name the call")
	}
	return sid, nil
}

// CallBack counts the time for calling back in business hours.
func (l *Line) CallBack(called time.Time) time.Time {
	if l.set.callBack == 0 {
		return time.Time{}
	}
	return l.set.hours.later(called, l.set.callBack)
}

// Ring lets a leg ring for a call that goes on.
func (l *Line) Ring(ctx context.Context, m message.Message, leg message.CallLeg) (string, error) {
	switch {
	case l.core.host.PublicURL == "":
		return "", errors.New("the hub has no public address, so that Twilio cannot ask what is to happen: set public_url")
	case leg.Number == "" && !keyForm.MatchString(l.core.set.user):
		return "", connectors.ErrNoDevice
	}
	sid, err := l.create(ctx, &m, leg)
	return sid, l.plain(err)
}

// Drop ends a leg.
func (l *Line) Drop(ctx context.Context, _ message.Message, leg message.CallLeg) error {
	if leg.Ref == "" {
		return nil // it never rang, or will be turned away when it is picked up
	}
	return l.finish(ctx, leg.Ref)
}

// finish ends one leg at Twilio, unless it is over.
func (l *Line) finish(ctx context.Context, sid string) error {
	p := &openapi.UpdateCallParams{}
	p.SetStatus("completed")
	_, err := l.core.rest(ctx).UpdateCall(sid, p)
	if isOver(err) {
		return nil
	}
	return l.plain(err)
}

// isOver tells that what was to be changed has ended: error 21220, or it is gone.
func isOver(err error) bool {
	var e *apiError
	return errors.As(err, &e) && (e.code == 21220 || e.status == http.StatusNotFound)
}

// plain makes an error of the API one for people.
func (l *Line) plain(err error) error {
	if err == nil {
		return nil
	}
	return errors.New(l.core.safe(l.core.fault(err).Error()))
}

// unsure makes an error of the API one for people which says that something may have
// been done.
func (l *Line) unsure(err error) error {
	return &connectors.SendError{Class: connectors.Unsure, Reason: l.plain(err).Error()}
}

// changed makes an error of a request that changes something one for people, of class
// Unsure if it may have been done.
func (l *Line) changed(err error) error {
	var e *apiError
	switch {
	case err == nil:
		return nil
	case !errors.As(err, &e), e.err != nil && e.written, e.status >= 500, e.status == http.StatusRequestTimeout:
		return l.unsure(err)
	}
	return l.plain(err)
}

// customerSID is the customer's leg.
func customerSID(m *message.Message) string {
	if m.Direction != message.Out {
		return m.Ref
	}
	if c := m.Call.Customer(); c != nil {
		return c.Ref
	}
	return ""
}

// Steer does something with a call that goes on.
func (l *Line) Steer(ctx context.Context, m message.Message, do connectors.Act, leg message.CallLeg) error {
	customer := customerSID(&m)
	if customer == "" && do == connectors.HangUp {
		return l.finish(ctx, leg.Ref)
	}
	if customer == "" {
		return errors.New("the customer has not picked up yet")
	}
	switch do {
	case connectors.HangUp:
		return l.finish(ctx, customer)
	case connectors.Pass:
		return l.redirect(ctx, customer, l.about(routeQueue, ofCall(&m)))
	case connectors.Hold, connectors.Resume:
		conference, err := l.conference(ctx, &m, customer, leg.Ref)
		if err != nil {
			return err
		}
		return l.hold(ctx, conference, customer, ofCall(&m), do == connectors.Hold)
	case connectors.HandOver:
		return l.handOver(ctx, &m, customer, leg)
	}
	return fmt.Errorf("a call cannot be told to %s", do)
}

func (l *Line) hold(ctx context.Context, conference, customer, of string, on bool) error {
	p := &openapi.UpdateParticipantParams{}
	p.SetHold(on)
	if on {
		p.SetHoldUrl(l.about(routeMusic, of)).SetHoldMethod(http.MethodPost)
	}
	_, err := l.core.rest(ctx).UpdateParticipant(conference, customer, p)
	return l.changed(err)
}

// conference finds the conference of a call. A plain call of ours is moved into one:
// the customer first, the agent's leg follows, since it asks what comes next.
func (l *Line) conference(ctx context.Context, m *message.Message, customer, agent string) (string, error) {
	sid, err := l.running(ctx, ofCall(m))
	if err != nil || sid != "" {
		return sid, err
	}
	if m.Direction != message.Out {
		return "", errors.New("the conference of this call is over")
	}
	if err := l.redirect(ctx, customer, l.about(routeEnter, ofCall(m))); err != nil {
		return "", err
	}
	ctx, cancel := context.WithTimeout(ctx, meeting)
	defer cancel()
	for {
		if sid, err = l.running(ctx, ofCall(m)); err != nil {
			return "", err
		}
		if sid != "" {
			_, errC := l.core.rest(ctx).FetchParticipant(sid, customer, &openapi.FetchParticipantParams{})
			_, errA := l.core.rest(ctx).FetchParticipant(sid, agent, &openapi.FetchParticipantParams{})
			if errC == nil && errA == nil {
				return sid, nil
			}
		}
		select {
		case <-time.After(meetingPause):
		case <-ctx.Done():
			return "", errors.New("the call could not be moved into a conference at Twilio in time; try again")
		}
	}
}

// running finds the conference of a call by its name, "" if there is none now.
func (l *Line) running(ctx context.Context, of string) (string, error) {
	p := &openapi.ListConferenceParams{}
	p.SetFriendlyName(room(of)).SetStatus("in-progress").SetPageSize(1)
	page, err := l.core.rest(ctx).PageConference(p, "", "")
	if err != nil {
		return "", l.plain(err)
	}
	for _, c := range page.Conferences {
		return text(c.Sid), nil
	}
	return "", nil
}

// handOver leaves the customer to the leg that was asked: from now on that one takes
// the call along when it leaves, and who spoke before leaves.
func (l *Line) handOver(ctx context.Context, m *message.Message, customer string, to message.CallLeg) error {
	sid, err := l.running(ctx, ofCall(m))
	if err != nil {
		return err
	}
	if sid == "" {
		return errors.New("the conference of this call is over")
	}
	api := l.core.rest(ctx)
	stays := func(ref string, ends bool) error {
		p := &openapi.UpdateParticipantParams{}
		p.SetEndConferenceOnExit(ends)
		_, err := api.UpdateParticipant(sid, ref, p)
		return err
	}
	if err := stays(to.Ref, true); err != nil {
		return l.changed(err)
	}
	// The customer first: broken off later, nobody is left with music.
	if err := l.hold(ctx, sid, customer, ofCall(m), false); err != nil {
		return err
	}
	for _, old := range m.Call.Legs {
		if old.ID == to.ID || old.Role == message.CustomerLeg || !old.Speaks() {
			continue
		}
		if err := stays(old.Ref, false); err != nil && !isOver(err) {
			return l.unsure(err)
		}
		if err := api.DeleteParticipant(sid, old.Ref, &openapi.DeleteParticipantParams{}); err != nil && !isOver(err) {
			return l.unsure(err)
		}
	}
	return nil
}

var (
	_ connectors.Phone  = (*Line)(nil)
	_ connectors.Finder = (*Line)(nil)
)
