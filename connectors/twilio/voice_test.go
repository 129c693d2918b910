package twilio

import (
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"throughline/connectors"
	"throughline/connectors/connectortest"
	"throughline/connectors/twilio/twiliotest"
	"throughline/message"
)

const ourLine = "+12025550122"

func TestRingsThenMissed(t *testing.T) {
	r := newLineRig(t, nil)
	c := r.call(t)
	must(t, c.WaitVerb(short(t), "Record"))
	if m := r.entry(); m.Call == nil || m.Call.Outcome != "" || m.Text != "" {
		t.Errorf("while it goes on: %+v", m)
	}
	r.Advance(3 * time.Second)
	c.HangUp()
	r.become(t, message.Call{Outcome: message.CallMissed, Talk: 3})
	if got := c.State().Heard; !slices.Equal(got, []string{"Hello", "Speak now"}) {
		t.Errorf("heard %q", got)
	}
}

func TestVoicemail(t *testing.T) {
	r := newLineRig(t, map[string]any{"transcribe": true, "recording_announcement": "This is recorded"})
	c := r.call(t)
	must(t, c.Speak(7*time.Second, "please call back"), c.Press("#"))
	r.become(t, message.Call{Outcome: message.CallVoicemail, Talk: 7, Spoken: 7})
	r.hub.Wait(t, "recording and transcript", func() bool { m := r.entry(); return len(m.Parts) == 1 && m.Text == "please call back" })
	if p := r.entry().Parts[0]; p.ContentType != "audio/mpeg" || p.Size == 0 || !strings.HasPrefix(p.Name, "voicemail-") {
		t.Errorf("%+v", p)
	}
	if got := c.State().Heard; !slices.Equal(got, []string{"Hello", "This is recorded", "Speak now", "Goodbye"}) {
		t.Errorf("heard %q", got)
	}
	if rec := r.Recordings(); rec[0].Status != "completed" {
		t.Errorf("the recording is %s at Twilio", rec[0].Status)
	}
}

func TestVoicemailTooShort(t *testing.T) {
	r := newLineRig(t, nil)
	c := r.call(t)
	must(t, c.Speak(time.Second), c.Press("#"))
	r.become(t, message.Call{Outcome: message.CallMissed, Talk: 1})
	if m := r.entry(); len(m.Parts) != 0 {
		t.Errorf("%+v", m.Parts)
	}
}

func TestVoicemailEmpty(t *testing.T) {
	r := newLineRig(t, nil)
	c := r.call(t)
	must(t, c.WaitVerb(short(t), "Record"))
	r.Advance(6 * time.Second)
	r.become(t, message.Call{Outcome: message.CallMissed, Talk: 6})
}

func TestNoVoicemail(t *testing.T) {
	r := newLineRig(t, map[string]any{"voicemail": false})
	r.call(t)
	r.become(t, message.Call{Outcome: message.CallMissed})
	if n := len(r.Recordings()); n != 0 {
		t.Errorf("%d recordings", n)
	}
}

var twoKeys = map[string]any{"menu": []string{"1 Orders", "2 Repairs"}, "menu_prompt": "One or two"}

func TestMenu(t *testing.T) {
	r := newLineRig(t, twoKeys)
	c := r.call(t)
	must(t, c.Press("7"), c.Press("2"), c.Speak(4*time.Second), c.Press("#"))
	r.become(t, message.Call{Outcome: message.CallVoicemail, Talk: 4, Spoken: 4, Choice: "Repairs"})
	if got := c.State().Heard; !slices.Equal(got, []string{"Hello", "One or two", "No", "One or two", "Speak now", "Goodbye"}) {
		t.Errorf("heard %q", got)
	}
}

func TestMenuEnds(t *testing.T) {
	r := newLineRig(t, twoKeys)
	c := r.call(t)
	must(t, c.Press("7"), c.Press("8"), c.Press("9"), c.WaitVerb(short(t), "Record"))
	c.HangUp()
	r.become(t, message.Call{Outcome: message.CallMissed})
}

func TestMenuNothingPressed(t *testing.T) {
	r := newLineRig(t, twoKeys)
	c := r.call(t)
	must(t, c.WaitVerb(short(t), "Gather"))
	r.Advance(6 * time.Second)
	must(t, c.WaitVerb(short(t), "Record"))
	c.HangUp()
	r.become(t, message.Call{Outcome: message.CallMissed, Talk: 6})
}

// Every step is answered by another instance.
func TestRestartInMidCall(t *testing.T) {
	r := newLineRig(t, map[string]any{"menu": twoKeys["menu"], "menu_prompt": "One or two",
		"hours": []string{"mon-fri 09:00-17:00"}, "time_zone": "Europe/London"})
	r.clock(time.Date(2026, 11, 18, 10, 0, 0, 0, time.UTC))
	c := r.call(t)
	must(t, c.WaitVerb(short(t), "Gather"))
	r.restart(t)
	must(t, c.Press("7"), c.WaitVerb(short(t), "Gather"))
	r.restart(t)
	must(t, c.Press("1"))
	must(t, c.WaitVerb(short(t), "Record"))
	r.restart(t)
	must(t, c.Speak(5*time.Second), c.Press("#"))
	r.become(t, message.Call{Outcome: message.CallVoicemail, Talk: 5, Spoken: 5, Choice: "Orders"})
	r.hub.Wait(t, "the recording", func() bool { return len(r.entry().Parts) == 1 })
}

// A call that came in when it was closed stays one, however long it takes.
func TestClosedWhileItGoesOn(t *testing.T) {
	r := newLineRig(t, map[string]any{"hours": []string{"mon-fri 09:00-17:00"}, "time_zone": "Europe/London"})
	r.clock(time.Date(2026, 11, 18, 8, 59, 59, 0, time.UTC))
	c := r.call(t)
	must(t, c.WaitVerb(short(t), "Record"))
	r.restart(t)
	r.clock(time.Date(2026, 11, 18, 9, 0, 30, 0, time.UTC))
	must(t, c.Speak(5*time.Second), c.Press("#"))
	r.become(t, message.Call{Outcome: message.CallVoicemail, Talk: 5, Spoken: 5, Closed: true})
	if got := c.State().Heard; got[0] != "We are closed" {
		t.Errorf("heard %q", got)
	}
}

func TestAnonymous(t *testing.T) {
	r := newLineRig(t, map[string]any{"voicemail": false})
	for _, from := range []string{"anonymous", "+266696687", "+266696687"} {
		if _, err := r.Call(from, ourLine); err != nil {
			t.Fatal(err)
		}
	}
	r.hub.Wait(t, "three calls", func() bool { return len(r.hub.Messages()) == 3 })
	seen := map[message.Handle]bool{}
	for _, m := range r.hub.Messages() {
		if m.From.Handle.Scheme() != "unknown" || m.From.Name != "" || seen[m.From.Handle] {
			t.Errorf("from %+v, before %v", m.From, seen)
		}
		seen[m.From.Handle] = true
	}
}

func TestRecordingDeletedAtTwilio(t *testing.T) {
	for _, transcribe := range []bool{false, true} {
		r := newLineRig(t, map[string]any{"delete_recording_at_twilio": true, "transcribe": transcribe})
		stop := r.run(t)
		c := r.call(t)
		must(t, c.Speak(7*time.Second, "hello there"), c.Press("#"))
		must(t, r.Wait(short(t), func() bool { l := r.Recordings(); return len(l) == 1 && l[0].Status == "deleted" }))
		r.become(t, message.Call{Outcome: message.CallVoicemail, Talk: 7, Spoken: 7})
		if m := r.entry(); len(m.Parts) != 1 || transcribe != (m.Text != "") {
			t.Errorf("transcribe %v: %+v", transcribe, m)
		}
		stop()
	}
}

// No webhook reaches us: Run finds the call with its recording, once.
func TestReconcileCall(t *testing.T) {
	r := newLineRig(t, map[string]any{"history_days": 1})
	c := r.call(t)
	must(t, c.Speak(7*time.Second), c.Press("#"))
	if _, err := c.WaitEnd(short(t)); err != nil {
		t.Fatal(err)
	}
	r.hub = connectortest.NewRecord() // that knows nothing
	r.restart(t)
	r.run(t)()
	r.become(t, message.Call{Outcome: message.CallVoicemail, Talk: 7, Spoken: 7})
	r.hub.Wait(t, "the recording", func() bool { return len(r.entry().Parts) == 1 })
	before := r.hub.Offered()
	r.restart(t)
	r.run(t)()
	if r.hub.Offered() != before {
		t.Error("it was offered again after a restart")
	}
}

// The end of a call and a recording that could not be fetched at first are looked for.
func TestLateRecording(t *testing.T) {
	r := newLineRig(t, nil)
	r.Inject(twiliotest.Fault{Method: http.MethodGet, Path: ".mp3", Status: http.StatusServiceUnavailable, Count: 2})
	r.run(t)
	c := r.call(t)
	must(t, c.Speak(7*time.Second), c.Press("#"))
	r.hub.Wait(t, "the recording", func() bool { return len(r.entry().Parts) == 1 })
	r.become(t, message.Call{Outcome: message.CallVoicemail, Talk: 7, Spoken: 7})
}

// A transcript whose request never came is asked for.
func TestLateTranscript(t *testing.T) {
	r := newLineRig(t, map[string]any{"transcribe": true})
	c := r.call(t)
	must(t, c.WaitVerb(short(t), "Record"))
	r.PauseWebhooks()
	must(t, c.Speak(7*time.Second, "please call back"), c.Press("#"))
	if _, err := c.WaitEnd(short(t)); err != nil {
		t.Fatal(err)
	}
	r.restart(t)
	r.ResumeWebhooks()
	r.run(t)
	// The words come by the webhook, the recording by the look: whichever is first.
	r.hub.Wait(t, "the transcript and the recording", func() bool {
		m := r.entry()
		return strings.Contains(m.Text, "please call back") && len(m.Parts) == 1
	})
	if m := r.entry(); !sameButEnd(m.Call, message.Call{Outcome: message.CallVoicemail, Talk: 7, Spoken: 7}) {
		t.Errorf("%+v", m)
	}
}

var anyCall = "CA" + strings.Repeat("5", 32)

// The same comes of all news of a call in whatever order, and said twice.
func TestNewsInAnyOrder(t *testing.T) {
	rec := "RE" + strings.Repeat("6", 32)
	steps := []struct {
		route string
		form  url.Values
	}{
		{routeCall, stepForm(anyCall, "ringing")},
		{routeMenu + "?tries=1", stepForm(anyCall, "in-progress", "Digits", "1")},
		{routeLeft, stepForm(anyCall, "completed", "RecordingSid", rec, "RecordingDuration", "9")},
		{routeEnded, stepForm(anyCall, "completed", "CallDuration", "30")},
		{routeTranscript, stepForm(anyCall, "completed", "RecordingSid", rec, "TranscriptionStatus", "completed", "TranscriptionText", "hi")},
	}
	want := message.Call{Outcome: message.CallVoicemail, Talk: 30, Spoken: 9, Choice: "Orders"}
	for _, order := range [][]int{{0, 1, 2, 3, 4}, {4, 3, 2, 1, 0}, {3, 0, 4, 1, 2}, {2, 2, 3, 3, 0, 1, 0, 4}} {
		r := newLineRig(t, twoKeys)
		for _, i := range order {
			if w := r.post(t, steps[i].route, steps[i].form, r.AuthToken()); w.Code != 200 {
				t.Fatalf("%s: %d %s", steps[i].route, w.Code, w.Body)
			}
		}
		if m := r.entry(); !sameButEnd(m.Call, want) || m.Text != "hi" || len(r.hub.Messages()) != 1 {
			t.Errorf("%v: %+v %q", order, *m.Call, m.Text)
		}
	}
}

func TestOutcomes(t *testing.T) {
	for status, want := range map[string]message.Outcome{"completed": message.CallMissed, "no-answer": message.CallMissed, "canceled": message.CallMissed,
		"busy": message.CallBusy, "failed": message.CallFailed, "in-progress": ""} {
		r := newLineRig(t, nil)
		r.post(t, routeEnded, stepForm(anyCall, status), r.AuthToken())
		if m := r.entry(); m.Call == nil || m.Call.Outcome != want {
			t.Errorf("%s: %+v", status, m.Call)
		}
	}
}

func TestLineRefuses(t *testing.T) {
	r := newLineRig(t, nil)
	if w := r.post(t, routeCall, stepForm(anyCall, "ringing"), "another-token"); w.Code != http.StatusForbidden || len(r.hub.Messages()) != 0 {
		t.Errorf("wrong signature: %d", w.Code)
	}
	if w := r.post(t, routeMenu+"?tries=1", stepForm(anyCall, "ringing"), r.AuthToken()); w.Code != 200 {
		t.Errorf("signed step: %d", w.Code)
	}
	if w := r.post(t, "/elsewhere", stepForm(anyCall, "ringing"), r.AuthToken()); w.Code != http.StatusNotFound {
		t.Errorf("unknown route: %d", w.Code)
	}
	r.hub.Refuse(errors.New("the disk is full"))
	if w := r.post(t, routeCall, stepForm(anyCall, "ringing"), r.AuthToken()); w.Code != http.StatusServiceUnavailable {
		t.Errorf("refused by the hub: %d", w.Code)
	}
	r.hub.Refuse(nil)
	if w := r.post(t, routeCall, stepForm("CA1", "ringing"), r.AuthToken()); w.Code != 200 || len(r.hub.Held()) != 1 {
		t.Errorf("no call: %d, held %+v", w.Code, r.hub.Held())
	}
	n := len(r.hub.Messages())
	if w := r.post(t, routeEnded, stepForm("CA"+strings.Repeat("7", 32), "completed", "Direction", "outbound-dial"), r.AuthToken()); w.Code != 200 || len(r.hub.Messages()) != n {
		t.Errorf("a leg of another call: %d", w.Code)
	}
	if _, err := r.l.Send(short(t), message.Message{}); connectors.ClassOf(err) != connectors.Reject {
		t.Errorf("Send = %v", err)
	}
}

func TestLineTest(t *testing.T) {
	const bin = "https://handler.twilio.com/twiml/EH00000000000000000000000000000001"
	r := newLineRig(t, nil)
	for name, tt := range map[string]struct {
		n    twiliotest.Number
		last string // of the error of the last step, "" if all is well
	}{
		"all is well":        {twiliotest.Number{VoiceURL: public + routeCall, StatusCallback: public + routeEnded, VoiceFallbackURL: bin}, ""},
		"elsewhere":          {twiliotest.Number{VoiceURL: "https://elsewhere.example.com/"}, public + routeCall},
		"no end":             {twiliotest.Number{VoiceURL: public + routeCall}, public + routeEnded},
		"no fallback":        {twiliotest.Number{VoiceURL: public + routeCall, StatusCallback: public + routeEnded}, "TwiML Bin"},
		"the hub's fallback": {twiliotest.Number{VoiceURL: public + routeCall, StatusCallback: public + routeEnded, VoiceFallbackURL: public + routeCall}, "this hub itself"},
	} {
		tt.n.PhoneNumber, tt.n.Voice = ourLine, true
		r.PutNumber(tt.n)
		steps := r.l.Test(short(t))
		if last := steps[len(steps)-1]; last.OK != (tt.last == "") || !strings.Contains(last.Error, tt.last) {
			t.Errorf("%s: %+v", name, steps)
		}
	}
}
