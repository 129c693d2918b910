package demo

import (
	"context"
	"errors"
	"strings"
	"time"

	"throughline/accounts"
	"throughline/connectors/twilio/twiliotest"
	"throughline/inbox"
)

// The line of Larkspur Cycles, reserved for drama like all numbers here.
const (
	lineID      = "line"
	lineChannel = "voice"
	lineName    = "Larkspur Line"
	lineNumber  = "+447700900902"
	// What browsers are signed in with: the double knows it, nobody else needs to.
	lineKey    = "SK0000000000000000000000000000000a"
	lineSecret = "larkspur"
)

const (
	// maxCalls is how many customers call before they fall silent.
	maxCalls = maxLive / 10
	// callerPatience is how long a caller waits for anything on the line, and
	// chat how long he talks to an agent at most.
	callerPatience = 3 * time.Minute
	chatLength     = 2 * time.Minute
	// pickUpAfter is how long it rings at a customer whom an agent calls.
	pickUpAfter = 3 * time.Second
	// breath is between two sentences.
	breath = 4 * time.Second
)

// caller is somebody who is about to call.
type caller struct {
	number  string
	key     string   // of the menu
	says    []string // to an agent, one sentence after the other
	message string   // to the machine
}

// openLine starts the double for the line. Calls need webhooks: without a public
// address there is none.
func (w *World) openLine(public string) (err error) {
	if public == "" {
		return nil
	}
	hooks := public + inbox.HookPath + lineID
	w.line, err = twiliotest.Start(twiliotest.Options{
		APIKeys: map[string]string{lineKey: lineSecret},
		Numbers: []twiliotest.Number{{PhoneNumber: lineNumber, Voice: true, AreaCountry: "GB", VoiceURL: hooks + "/call", StatusCallback: hooks + "/ended", VoiceFallbackURL: "https://example.com/sorry.xml"}},
	})
	if err == nil {
		w.line.OnRing("*", w.pickUp)
	}
	return err
}

// addLine adds its account.
func (w *World) addLine(ctx context.Context) error {
	if w.line == nil {
		return nil
	}
	_, err := w.accounts.Create(ctx, accounts.NewAccount{ID: lineID, Channel: lineChannel, Name: lineName, Settings: map[string]any{
		"account_sid": w.line.AccountSID(), "auth_token": w.line.AuthToken(), "api_key": lineKey, "api_secret": lineSecret,
		"from": lineNumber, "name": lineName, "base_url": w.line.URL(), "poll_interval": "1m", "language": "en-GB",
		"greeting": "Larkspur Cycles, hello.", "menu": []any{"1 Orders and deliveries", "2 Workshop"},
		"menu_prompt":  "For orders and deliveries, press 1. For the workshop, press 2.",
		"queue_prompt": "We are fetching somebody.", "queue_seconds": float64(30), "busy_prompt": "All hands are on handlebars just now.",
		"recording_announcement": "Calls are recorded.", "record_calls": true, "transcribe": true,
	}})
	return err
}

// Ring lets a customer call as soon as the line is free. It returns at once.
func (w *World) Ring() {
	select {
	case w.ring <- struct{}{}:
	default: // one is about to
	}
}

// customerCalls lets somebody call, and puts the next time on the agenda.
func (w *World) customerCalls(context.Context) error {
	if w.line == nil || w.calls >= maxCalls {
		return nil
	}
	w.after(w.cast.between(w.pace.MailMin, w.pace.MailMax)*6, w.customerCalls)
	w.Ring()
	return nil
}

// someCalls lets the next one in turn call.
func (w *World) someCalls(dial chan<- caller) {
	if w.line == nil || w.calls >= maxCalls {
		return
	}
	select {
	case dial <- w.cast.callsNext(w.calls):
		w.calls++
	default: // one calls, and the next is about to
	}
}

// callsNext is who calls next: customers whose number is known and one in four
// whom nobody knows.
func (c *cast) callsNext(n int) caller {
	en := c.langs[0]
	i := (n*9 + 6) % len(en.people)
	if n%4 == 3 {
		i = (i + 1) % len(en.people)
	}
	fill := c.filler(en, en.people[i])
	m := englishCalls()[n%len(englishCalls())]
	out := caller{number: c.number(en, i), key: m.key, message: fill.Replace(m.message)}
	for _, s := range m.says {
		out.says = append(out.says, fill.Replace(s))
	}
	return out
}

// takeCalls lets callers call, one at a time, until ctx ends.
func (w *World) takeCalls(ctx context.Context, dial <-chan caller) {
	for {
		select {
		case c := <-dial:
			if err := w.call(ctx, c); err != nil {
				w.complain(ctx, err)
			}
		case <-ctx.Done():
			return
		}
	}
}

// call is a customer's call from dialling to hanging up.
func (w *World) call(ctx context.Context, c caller) error {
	ctx, cancel := context.WithTimeout(ctx, callerPatience)
	defer cancel()
	leg, err := w.line.Call(c.number, lineNumber)
	if err != nil {
		return err
	}
	defer leg.HangUp()
	if err := leg.WaitVerb(ctx, "Gather"); err != nil {
		return err
	}
	if err := leg.Press(c.key); err != nil {
		return err
	}
	// Either somebody takes the call, or the machine.
	st, err := leg.WaitState(ctx, func(st twiliotest.State) bool {
		return over(st.Status) || st.Verb == "Record" || st.Conference != "" && w.inCompany(leg.SID())
	})
	switch {
	case err != nil:
		return err
	case over(st.Status):
		return nil
	case st.Verb == "Record":
		return leg.Speak(spoken(c.message), c.message)
	}
	return w.chats(ctx, leg, c.says)
}

// inCompany tells whether somebody is in the conference of a leg besides it.
func (w *World) inCompany(sid string) bool {
	for _, r := range w.line.Conferences() {
		there, others := false, 0
		for _, p := range r.Participants {
			switch {
			case p.CallSID == sid:
				there = true
			case p.Inside:
				others++
			}
		}
		if there {
			return others > 0
		}
	}
	return false
}

// chats says something now and then until the other side hangs up or all has been
// said for a while.
func (w *World) chats(ctx context.Context, leg *twiliotest.Call, says []string) error {
	ctx, cancel := context.WithTimeout(ctx, chatLength)
	defer cancel()
	for _, s := range says {
		if err := leg.Speak(spoken(s), s); err != nil {
			if over(leg.State().Status) {
				return nil
			}
			return err
		}
		pause, stop := context.WithTimeout(ctx, breath)
		_, err := leg.WaitEnd(pause)
		stop()
		if err == nil || ctx.Err() != nil {
			break
		}
	}
	if _, err := leg.WaitEnd(ctx); err != nil && !errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	return nil
}

// pickUp is what customers do when an agent calls them.
func (w *World) pickUp(leg *twiliotest.Call) {
	if strings.HasPrefix(leg.To(), "client:") {
		return // an agent's browser
	}
	if leg.To() == deadNumber {
		leg.Unreachable()
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), callerPatience)
	defer cancel()
	stop := context.AfterFunc(ctx, leg.HangUp)
	defer stop()
	select {
	case <-time.After(pickUpAfter):
	case <-w.closing:
		return
	}
	if err := leg.Answer(); err != nil {
		return // the agent has given up
	}
	for _, s := range []string{"Hello?", "Oh, thank you for calling back!", "That helps. Bye, and thanks again."} {
		if leg.Speak(spoken(s), s) != nil {
			return // the agent has hung up
		}
		select {
		case <-time.After(breath):
		case <-w.closing:
			return
		}
	}
	leg.HangUp()
}

// spoken is how long it takes to say something.
func spoken(words string) time.Duration {
	return max(2*time.Second, time.Duration(len(strings.Fields(words)))*350*time.Millisecond)
}

// over tells whether a call in this state has ended.
func over(status string) bool {
	switch status {
	case "completed", "busy", "failed", "no-answer", "canceled":
		return true
	}
	return false
}
