package twilio

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"throughline/connectors/twilio/twiliotest"
)

// Where the keys of the menu lead: to agents who are rung first, or, outside the hours
// of a key, to the machine.
func TestMenuLeads(t *testing.T) {
	monday := time.Date(2026, 11, 16, 10, 0, 0, 0, time.UTC)
	set := map[string]any{"menu": twoKeys["menu"], "menu_prompt": "One or two", "menu_to_seconds": 30,
		"menu_to": []string{"2 ann@example.com, ben@example.com"}, "menu_hours": []string{"2 mon-fri 09:00-12:00", "2 sat 10:00-11:00"}}
	for _, tt := range []struct {
		name   string
		at     time.Time
		key    string
		asked  []string
		closed bool
	}{
		{"everybody", monday, "1", nil, false},
		{"two agents", monday, "2", []string{"ann@example.com", "ben@example.com"}, false},
		{"two agents on Saturday", monday.AddDate(0, 0, 5), "2", []string{"ann@example.com", "ben@example.com"}, false},
		{"closed", monday.Add(3 * time.Hour), "2", nil, true},
		{"the other one is open", monday.Add(3 * time.Hour), "1", nil, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := newPhoneRig(t, set)
			r.clock(tt.at)
			c := r.call(t)
			must(t, c.WaitVerb(short(t), "Gather"))
			r.restart(t)
			must(t, c.Press(tt.key))
			of := keyPrefix + c.SID()
			if tt.closed {
				must(t, c.WaitVerb(short(t), "Record"))
			} else if _, err := c.WaitState(short(t), func(s twiliotest.State) bool { return s.Conference != "" }); err != nil {
				t.Fatal(err)
			}
			call := r.known(t, of).Call
			if !slices.Equal(call.Asked, tt.asked) || call.Closed != tt.closed || call.Queued.IsZero() != tt.closed || call.Choice == "" ||
				len(tt.asked) > 0 && !call.Alone.Equal(call.Queued.Add(30*time.Second)) {
				t.Errorf("%+v", call)
			}
			if tt.closed != slices.Contains(c.State().Heard, "We are closed") {
				t.Errorf("heard %q", c.State().Heard)
			}
			c.HangUp()
			r.clean(t)
		})
	}
}

func TestCheckMenu(t *testing.T) {
	r := newPhoneRig(t, map[string]any{"menu": twoKeys["menu"], "menu_prompt": "One or two", "menu_to": []string{"1 ann@example.com", "2 the workshop"}})
	steps := r.l.Test(short(t))
	if last := steps[len(steps)-1]; last.OK || !strings.Contains(last.Error, `"the workshop"`) {
		t.Errorf("%+v", steps)
	}
}

// A recording of a call of ours that cannot be fetched at first, or of which no request
// tells, comes all the same.
func TestLateRecordingOfOurs(t *testing.T) {
	for name, tt := range map[string]struct {
		fault  twiliotest.Fault
		unsaid bool // no request tells of it
		later  bool // when it is looked for, the customer's leg is not over yet
		told   bool // only of the end of the agent's leg a request tells
		gone   bool // it is deleted at Twilio afterwards
	}{
		"not there yet":   {fault: twiliotest.Fault{Path: ".mp3", Status: 404, Count: 3}},
		"a failure":       {fault: twiliotest.Fault{Path: ".mp3", Status: 503, Count: 3}},
		"cut":             {fault: twiliotest.Fault{Path: ".mp3", Cut: twiliotest.CutBefore, Count: 3}},
		"nobody tells":    {unsaid: true},
		"one leg is left": {unsaid: true, later: true},
		"one leg is told": {unsaid: true, told: true},
		"and is deleted":  {fault: twiliotest.Fault{Path: ".mp3", Status: 500, Count: 2}, gone: true},
		"a page instead":  {fault: twiliotest.Fault{Path: ".mp3", ContentType: "text/html", Body: "<html>One moment"}, gone: true},
		"nothing in it":   {fault: twiliotest.Fault{Path: ".mp3", ContentType: "audio/mpeg"}, gone: true},
		"cannot be taken": {fault: twiliotest.Fault{Method: "DELETE", Path: "/Recordings/", Status: 500, Count: 2}, gone: true},
	} {
		t.Run(name, func(t *testing.T) {
			r := newPhoneRig(t, map[string]any{"record_calls": true, "delete_recording_at_twilio": tt.gone})
			of, leg, c := r.talks(t)
			if tt.fault.Path != "" {
				r.Inject(tt.fault)
			}
			if tt.unsaid {
				r.PauseWebhooks()
			} else {
				r.run(t)
			}
			must(t, c.Speak(5*time.Second))
			leg.HangUp()
			if _, err := leg.WaitEnd(short(t)); err != nil {
				t.Fatal(err)
			}
			if tt.unsaid {
				if _, err := c.WaitEnd(short(t)); err != nil {
					t.Fatal(err)
				}
				must(t, r.Wait(short(t), func() bool { l := r.Recordings(); return len(l) == 1 && l[0].Status == "completed" }))
				if tt.later {
					r.Inject(twiliotest.Fault{Path: "/Calls/" + c.SID() + ".json", ContentType: "application/json", Body: `{"status": "in-progress"}`})
				}
				r.restart(t)
				r.ResumeWebhooks()
				if tt.told {
					route := routeLeg + "?" + url.Values{ofParam: {ownValue(r.known(t, of))}, legParam: {annsLeg.ID}}.Encode()
					if w := r.post(t, route, stepForm(leg.SID(), "completed"), r.AuthToken()); w.Code != http.StatusOK {
						t.Fatal(w.Code, w.Body)
					}
				}
				r.run(t)
			}
			r.hub.Wait(t, "the recording", func() bool {
				for _, ch := range r.hub.Changes() {
					if ch.Of == of && ch.Edit != nil && len(ch.Edit.Parts) == 1 && strings.HasPrefix(ch.Edit.Parts[0].Name, "call-") {
						return true
					}
				}
				return false
			})
			if tt.gone {
				must(t, r.Wait(short(t), func() bool { l := r.Recordings(); return len(l) == 0 || l[0].Status == "deleted" }))
			}
		})
	}
}
