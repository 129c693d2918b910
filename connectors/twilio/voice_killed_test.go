package twilio

import (
	"slices"
	"strings"
	"testing"
	"time"

	"throughline/connectors/twilio/twiliotest"
	"throughline/message"
)

// songs is music that plays for longer than anybody waits: while it does Twilio asks
// for nothing.
var songs = map[string]any{"queue_seconds": 20, "hold_music": "https://www.example.com/music.mp3"}

// givenUp lets a caller wait until an agent's leg cannot have him any more, and kills
// the process before Twilio is told.
func givenUp(t *testing.T) (r *phoneRig, c *twiliotest.Call, of string) {
	r = newPhoneRig(t, songs)
	at := time.Date(2026, 11, 18, 10, 0, 0, 0, time.UTC)
	r.clock(at)
	c = r.call(t)
	if _, err := c.WaitState(short(t), func(s twiliotest.State) bool { return s.Conference != "" && slices.Contains(s.Heard, "Hold on") }); err != nil {
		t.Fatal(err)
	}
	of = keyPrefix + c.SID()
	r.clock(at.Add(21 * time.Second))
	if left, err := r.board.Leave(t.Context(), of); !left || err != nil {
		t.Fatal(left, err)
	}
	r.restart(t)
	return r, c, of
}

// A kill between giving up waiting and leading the caller on: the next process does so
// at once, and not when the music is over.
func TestKilledBeforeLeadingOn(t *testing.T) {
	r, c, of := givenUp(t)
	// It is not known whether he is with the machine: nothing is done until Twilio says.
	r.Inject(twiliotest.Fault{Method: "GET", Path: "/Conferences.json", Status: 503})
	r.run(t)
	r.hub.Wait(t, "the question", func() bool { return r.l.nextEnd() == leadPause })
	if c.State().Conference == "" {
		t.Error("he was led on without knowing where he is")
	}
	r.clock(r.now().Add(leadPause))
	r.l.endWaits(t.Context())
	must(t, c.WaitVerb(short(t), "Record"))
	must(t, c.Speak(4*time.Second), c.Press("#"))
	if call := r.state(t, of, message.CallEnded); call.Outcome != message.CallVoicemail || call.Wait != 21 {
		t.Errorf("%+v", call)
	}
	r.clean(t)
}

// A kill after it: whoever leaves a message is not interrupted.
func TestKilledAfterLeadingOn(t *testing.T) {
	r, c, of := givenUp(t)
	r.l.leadOn(t.Context(), c.SID(), strings.TrimPrefix(of, keyPrefix))
	must(t, c.WaitVerb(short(t), "Record"))
	r.restart(t)
	stop := r.run(t)
	r.hub.Wait(t, "he is known to be led on", func() bool { r.l.mu.Lock(); defer r.l.mu.Unlock(); return r.l.led[c.SID()] && len(r.l.ends) == 0 })
	stop()
	must(t, c.Speak(4*time.Second), c.Press("#"))
	call := r.state(t, of, message.CallEnded)
	if n := strings.Count(strings.Join(c.State().Heard, "\n"), "Nobody is free"); n != 1 || call.Outcome != message.CallVoicemail {
		t.Errorf("%+v, heard %q", call, c.State().Heard)
	}
	r.clean(t)
}

// What Twilio does not confirm is asked for again, if the caller still hears music.
func TestLeadingOnUnclear(t *testing.T) {
	for name, f := range map[string]twiliotest.Fault{"done": {Cut: twiliotest.CutAfter}, "not done": {Status: 503}} {
		t.Run(name, func(t *testing.T) {
			r, c, of := givenUp(t)
			f.Method, f.Path = "POST", "/Calls/"
			r.Inject(f)
			r.l.leadOn(t.Context(), c.SID(), strings.TrimPrefix(of, keyPrefix))
			if f.Cut == twiliotest.CutAfter {
				must(t, c.WaitVerb(short(t), "Record"))
			}
			if next := r.l.nextEnd(); next != leadPause {
				t.Fatalf("next in %v", next)
			}
			r.clock(r.now().Add(leadPause))
			r.l.endWaits(t.Context())
			must(t, c.WaitVerb(short(t), "Record"))
			if n := strings.Count(strings.Join(c.State().Heard, "\n"), "Nobody is free"); n != 1 {
				t.Errorf("heard %q", c.State().Heard)
			}
			r.clean(t)
		})
	}
}
