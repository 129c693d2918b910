package twilio

import (
	"slices"
	"strings"
	"testing"
	"time"

	"throughline/connectors/connectortest"
	"throughline/connectors/twilio/twiliotest"
	"throughline/message"
)

// A recording that is not taken in stays at Twilio, and people are told why.
func TestRecordingIsLeft(t *testing.T) {
	const want = " was left at Twilio: it is larger than the limit of 1 MiB"
	long := map[string]any{"file_mib": 1, "voicemail_seconds": 600, "delete_recording_at_twilio": true}
	left := func(t *testing.T, r *lineRig, warnings func() []string) {
		t.Helper()
		r.hub.Wait(t, "the warning", func() bool { return len(warnings()) > 0 })
		r.restart(t)
		r.run(t)() // a look at everything
		if rec := r.Recordings(); len(rec) != 1 || rec[0].Status != "completed" {
			t.Errorf("at Twilio: %+v", rec)
		} else if w := warnings(); !slices.Equal(w, []string{"the recording " + rec[0].SID + want}) {
			t.Errorf("people are told %q", w)
		}
	}
	t.Run("a message", func(t *testing.T) {
		for _, how := range []string{"told", "told and transcribed", "found"} {
			set := map[string]any{"transcribe": how == "told and transcribed", "history_days": 1}
			for k, v := range long {
				set[k] = v
			}
			r := newLineRig(t, set)
			c := r.call(t)
			must(t, c.Speak(5*time.Minute, "a long story"), c.Press("#"))
			if _, err := c.WaitEnd(short(t)); err != nil {
				t.Fatal(err)
			}
			if how == "found" {
				r.hub = connectortest.NewRecord() // that knows nothing
				r.restart(t)
				r.run(t)
			}
			left(t, r, func() []string { return r.entry().Warnings })
			r.become(t, message.Call{Outcome: message.CallVoicemail, Talk: 300, Spoken: 300})
			must(t, r.l.Refetch(t.Context(), r.hub, []string{r.entry().Source}))
			if m := r.entry(); len(m.Parts) != 0 || r.Recordings()[0].Status != "completed" {
				t.Errorf("%s: %+v", how, m.Parts)
			}
		}
	})
	t.Run("a conversation", func(t *testing.T) {
		for _, told := range []bool{true, false} {
			set := map[string]any{"record_calls": true}
			for k, v := range long {
				set[k] = v
			}
			r := newPhoneRig(t, set)
			of, leg, c := r.talks(t)
			must(t, c.Speak(5*time.Minute))
			if !told {
				r.PauseWebhooks()
			}
			leg.HangUp()
			if _, err := leg.WaitEnd(short(t)); err != nil {
				t.Fatal(err)
			}
			if !told {
				if _, err := c.WaitEnd(short(t)); err != nil {
					t.Fatal(err)
				}
				must(t, r.Wait(short(t), func() bool { l := r.Recordings(); return len(l) == 1 && l[0].Status == "completed" }))
				r.restart(t)
				r.ResumeWebhooks()
				r.run(t)
			}
			left(t, r.lineRig, func() (list []string) {
				for _, ch := range r.hub.Changes() {
					if ch.Of == of && ch.Edit != nil {
						list = append(list, ch.Edit.Warnings...)
					}
				}
				slices.Sort(list)
				return slices.Compact(list)
			})
		}
	})
}

// TestKilledAsTheCallEnds: of a call of ours nothing is in Twilio's list of calls to us. The
// program may end in the moment in which the call does, and miss what is told of the
// recording: that it is to be looked for was noted before.
func TestKilledAsTheCallEnds(t *testing.T) {
	r := newPhoneRig(t, map[string]any{"record_calls": true})
	stop := r.run(t)
	of, leg, c := r.talks(t)
	must(t, c.Speak(5*time.Second))
	r.hub.Wait(t, "the note", func() bool { return strings.Contains(string(r.hub.Stored()), `/","`) })
	stop() // from here on nothing is noted
	r.MixRecordings(true)
	leg.HangUp()
	r.state(t, of, message.CallEnded)
	must(t, r.Wait(short(t), func() bool { l := r.Recordings(); return len(l) == 1 && l[0].Status == "processing" }))
	r.PauseWebhooks()
	r.MixRecordings(false)
	r.restart(t)
	r.run(t)
	r.hub.Wait(t, "the recording", func() bool {
		return slices.ContainsFunc(r.hub.Changes(), func(c message.Change) bool { return c.Of == of && c.Edit != nil && len(c.Edit.Parts) == 1 })
	})
}

// Of a recording that never comes people are told at the end.
func TestRecordingGivenUp(t *testing.T) {
	r := newLineRig(t, map[string]any{"delete_recording_at_twilio": true})
	r.Inject(twiliotest.Fault{Path: ".mp3", ContentType: "text/html", Body: "<html>", Count: -1})
	r.run(t)
	c := r.call(t)
	must(t, c.Speak(7*time.Second), c.Press("#"))
	r.hub.Wait(t, "the warning", func() bool { return len(r.entry().Warnings) == 1 })
	if w := r.entry().Warnings[0]; !strings.HasSuffix(w, " was left at Twilio: it could not be fetched") {
		t.Errorf("people are told %q", w)
	}
	if rec := r.Recordings(); rec[0].Status != "completed" {
		t.Errorf("the recording is %s at Twilio", rec[0].Status)
	}
}
