package twilio

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"throughline/connectors"
	"throughline/connectors/twilio/twiliotest"
	"throughline/message"
)

const (
	apiKey    = "SK00000000000000000000000000000001"
	apiSecret = "secret-of-the-key"
	benPhone  = "+12025550177"
)

var annsLeg, bensLeg = message.CallLeg{ID: "leg-ann", Agent: 7, Role: message.AgentLeg}, message.CallLeg{ID: "leg-ben", Agent: 8, Role: message.AgentLeg}

// Every step is answered by another instance: menu, queue, ringing, taking, hold,
// asking a colleague, handing over.
func TestRestartWithAgents(t *testing.T) {
	r := newPhoneRig(t, map[string]any{"menu": twoKeys["menu"], "menu_prompt": "One or two"})
	c := r.call(t)
	must(t, c.WaitVerb(short(t), "Gather"))
	r.restart(t)
	must(t, c.Press("2"))
	if _, err := c.WaitState(short(t), func(s twiliotest.State) bool { return s.Conference != "" && slices.Contains(s.Heard, "Hold on") }); err != nil {
		t.Fatal(err)
	}
	of := keyPrefix + c.SID()
	r.state(t, of, message.CallWaiting)
	r.restart(t)
	ann, l := r.rings(t, of, annsLeg)
	r.restart(t)
	must(t, ann.Answer())
	r.state(t, of, message.CallTalking)
	r.meet(t, 2)
	for _, do := range []connectors.Act{connectors.Hold, connectors.Hold, connectors.Resume, connectors.Resume, connectors.Hold} {
		r.restart(t)
		must(t, r.l.Steer(t.Context(), r.known(t, of), do, l))
		if p := r.meet(t, 2).Participants[0]; p.Hold != (do == connectors.Hold) || p.CallSID != c.SID() {
			t.Errorf("%s: %+v", do, p)
		}
	}
	asked := bensLeg
	asked.Role = message.ConsultLeg
	ben, l2 := r.rings(t, of, asked)
	r.restart(t)
	must(t, ben.Answer())
	r.meet(t, 3)
	l2 = *r.known(t, of).Call.Leg(l2.ID)
	l2.Spoke = time.Now().UTC()
	r.board.leg(of, l2)
	r.restart(t)
	for range 2 { // the second time it is done already
		must(t, r.l.Steer(t.Context(), r.known(t, of), connectors.HandOver, l2))
	}
	if room := r.meet(t, 2); room.Participants[0].Hold || room.Participants[1].CallSID != ben.SID() {
		t.Errorf("%+v", room)
	}
	if st, err := ann.WaitEnd(short(t)); err != nil || st != "completed" {
		t.Errorf("%s %v", st, err)
	}
	r.restart(t)
	must(t, r.l.Steer(t.Context(), r.known(t, of), connectors.HangUp, l2))
	if call := r.state(t, of, message.CallEnded); call.Outcome != message.CallAnswered || call.Choice != "Repairs" || call.Agent != 8 {
		t.Errorf("%+v", call)
	}
	r.clean(t)
}

// The caller hangs up in the moment in which an agent picks up: the agent does not
// wait alone.
func TestLeavesAsAgentPicksUp(t *testing.T) {
	r := newPhoneRig(t, nil)
	c, of := r.waiting(t)
	leg, _ := r.rings(t, of, annsLeg)
	must(t, leg.Answer())
	r.state(t, of, message.CallTalking)
	c.HangUp()
	if _, err := leg.WaitEnd(short(t)); err != nil {
		t.Error(err)
	}
	r.state(t, of, message.CallEnded)
}

// The caller leaves while waiting: missed, and whoever picks up later is alone.
func TestLeavesQueue(t *testing.T) {
	r := newPhoneRig(t, nil)
	c, of := r.waiting(t)
	ann, _ := r.rings(t, of, annsLeg)
	c.HangUp()
	if call := r.state(t, of, message.CallEnded); call.Outcome != message.CallMissed || call.Left != (time.Time{}) {
		t.Errorf("%+v", call)
	}
	must(t, ann.Answer())
	if _, err := ann.WaitEnd(short(t)); err != nil {
		t.Error(err)
	}
	r.clean(t)
}

// Nobody comes within the time: the caller leaves a message.
func TestNobodyComes(t *testing.T) {
	r := newPhoneRig(t, map[string]any{"queue_seconds": 20})
	at := time.Date(2026, 11, 18, 10, 0, 0, 0, time.UTC)
	r.clock(at)
	c, of := r.waiting(t)
	r.restart(t)
	r.clock(at.Add(21 * time.Second))
	r.Advance(waitPause * time.Second)
	must(t, c.WaitVerb(short(t), "Record"))
	must(t, c.Speak(4*time.Second), c.Press("#"))
	call := r.state(t, of, message.CallEnded)
	if call.Outcome != message.CallVoicemail || call.Wait != 21 || call.Left.IsZero() || !slices.Contains(c.State().Heard, "Nobody is free") {
		t.Errorf("%+v, heard %q", call, c.State().Heard)
	}
	r.clean(t)
}

// An agent picks up in the moment in which waiting ends: one of both has the caller.
func TestPicksUpAsWaitingEnds(t *testing.T) {
	r := newPhoneRig(t, map[string]any{"queue_seconds": 20})
	at := time.Date(2026, 11, 18, 10, 0, 0, 0, time.UTC)
	r.clock(at)
	c, of := r.waiting(t)
	leg, l := r.rings(t, of, annsLeg)
	r.clock(at.Add(21 * time.Second))
	r.board.mu.Lock()
	r.board.then = func() {
		must(t, leg.Answer())
		_, err := leg.WaitState(short(t), func(s twiliotest.State) bool { return s.Conference != "" || s.Status == "completed" })
		must(t, err)
	}
	r.board.mu.Unlock()
	r.l.endWaits(t.Context())
	must(t, c.WaitVerb(short(t), "Record"))
	if call := r.known(t, of).Call; !call.Leg(l.ID).Spoke.IsZero() || call.Left.IsZero() {
		t.Errorf("who picked up has the call, and the caller is led away: %+v", call)
	}
	r.clean(t)
}

// An agent has the caller before waiting ends: he is not led away.
func TestPickedUpBeforeWaitingEnds(t *testing.T) {
	r := newPhoneRig(t, map[string]any{"queue_seconds": 20})
	at := time.Date(2026, 11, 18, 10, 0, 0, 0, time.UTC)
	r.clock(at)
	c, of := r.waiting(t)
	leg, _ := r.rings(t, of, annsLeg)
	must(t, leg.Answer())
	r.state(t, of, message.CallTalking)
	r.clock(at.Add(21 * time.Second))
	r.l.endWaits(t.Context())
	r.l.leadOn(t.Context(), c.SID(), strings.TrimPrefix(of, keyPrefix))
	if call := r.known(t, of).Call; call.State != message.CallTalking || !call.Left.IsZero() || c.State().Conference == "" {
		t.Errorf("%+v, %+v", call, c.State())
	}
}

// Twilio refuses to lead a caller on: it is asked again, for nobody can take the call
// any more.
func TestLedOnLater(t *testing.T) {
	r := newPhoneRig(t, map[string]any{"queue_seconds": 20})
	at := time.Date(2026, 11, 18, 10, 0, 0, 0, time.UTC)
	r.clock(at)
	c, _ := r.waiting(t)
	r.clock(at.Add(21 * time.Second))
	r.Inject(twiliotest.Fault{Method: "POST", Path: "/Calls/", Status: 429})
	r.l.endWaits(t.Context())
	if next := r.l.nextEnd(); next != leadPause {
		t.Fatalf("next in %v", next)
	}
	r.clock(at.Add(21*time.Second + leadPause))
	r.l.endWaits(t.Context())
	must(t, c.WaitVerb(short(t), "Record"))
}

// Nobody is ready, or the line rings at nobody: no queue at all.
func TestNoQueue(t *testing.T) {
	for name, set := range map[string]map[string]any{"nobody ready": nil, "none wanted": {"queue_seconds": 0}} {
		r := newPhoneRig(t, set)
		r.board.ready = set != nil
		c := r.call(t)
		must(t, c.WaitVerb(short(t), "Record"))
		if slices.Contains(c.State().Heard, "Hold on") || !r.known(t, keyPrefix+c.SID()).Call.Queued.IsZero() {
			t.Errorf("%s: %+v", name, c.State())
		}
		c.HangUp()
		r.clean(t)
	}
}

// Two pick up; the first one has the call, and the other leg ends.
func TestFirstTakes(t *testing.T) {
	r := newPhoneRig(t, nil)
	_, of := r.waiting(t)
	ann, _ := r.rings(t, of, annsLeg)
	ben, _ := r.rings(t, of, bensLeg)
	must(t, ben.Answer())
	r.state(t, of, message.CallTalking)
	must(t, ann.Answer())
	if _, err := ann.WaitEnd(short(t)); err != nil {
		t.Error(err)
	}
	if call := r.known(t, of).Call; call.Agent != 8 || call.Speaker().Ref != ben.SID() {
		t.Errorf("%+v", call)
	}
	r.clean(t)
}

// An agent's phone takes a call only with a key: its voicemail presses none.
func TestAgentsPhone(t *testing.T) {
	r := newPhoneRig(t, nil)
	_, of := r.waiting(t)
	phone := bensLeg
	phone.Number = benPhone
	c, _ := r.rings(t, of, phone)
	must(t, c.Answer(), c.WaitVerb(short(t), "Gather"))
	if call := r.known(t, of).Call; call.State != message.CallRinging {
		t.Errorf("a phone that only picked up has the call: %+v", call)
	}
	r.Advance(9 * time.Second)
	if _, err := c.WaitEnd(short(t)); err != nil {
		t.Fatal(err)
	}
	r.state(t, of, message.CallWaiting)
	phone.ID = "leg-ben-2"
	c, _ = r.rings(t, of, phone)
	must(t, c.Answer(), c.Press("5"))
	r.state(t, of, message.CallTalking)
	r.clean(t)
}

// Passed on, the customer waits in a new conference for somebody else.
func TestPass(t *testing.T) {
	r := newPhoneRig(t, nil)
	c, of := r.waiting(t)
	ann, l := r.rings(t, of, annsLeg)
	must(t, ann.Answer())
	r.state(t, of, message.CallTalking)
	must(t, r.Wait(short(t), func() bool { return ann.State().Conference != "" }))
	r.restart(t)
	must(t, r.l.Steer(t.Context(), r.known(t, of), connectors.Pass, l))
	if _, err := ann.WaitEnd(short(t)); err != nil {
		t.Fatal(err)
	}
	must(t, r.Wait(short(t), func() bool {
		return strings.Count(strings.Join(c.State().Heard, "\n"), "Hold on") >= 2 && c.State().Conference != ""
	}))
	c.HangUp()
	r.clean(t)
}

// Of a change that Twilio made, or may have made, and did not confirm, the error says
// so; of one that it refused or never got, it does not.
func TestSteerUnclear(t *testing.T) {
	for name, tt := range map[string]struct {
		fault twiliotest.Fault
		want  connectors.Class
		done  bool
	}{
		"the answer is lost": {twiliotest.Fault{Cut: twiliotest.CutAfter}, connectors.Unsure, true},
		"cut before":         {twiliotest.Fault{Cut: twiliotest.CutBefore}, connectors.Unsure, false},
		"server error":       {twiliotest.Fault{Status: 500}, connectors.Unsure, false},
		"too many":           {twiliotest.Fault{Status: 429}, connectors.Retry, false},
	} {
		t.Run(name, func(t *testing.T) {
			r := newPhoneRig(t, nil)
			_, of := r.waiting(t)
			ann, l := r.rings(t, of, annsLeg)
			must(t, ann.Answer())
			r.state(t, of, message.CallTalking)
			must(t, r.Wait(short(t), func() bool { return ann.State().Conference != "" }))
			tt.fault.Method, tt.fault.Path = "POST", "/Calls/"
			r.Inject(tt.fault)
			if err := r.l.Steer(t.Context(), r.known(t, of), connectors.Pass, l); err == nil || connectors.ClassOf(err) != tt.want || strings.Contains(err.Error(), apiSecret) {
				t.Errorf("%v", err)
			}
			if tt.done {
				if _, err := ann.WaitEnd(short(t)); err != nil {
					t.Error(err)
				}
			}
		})
	}
	t.Run("the customer hears the other one, and who spoke has not left", func(t *testing.T) {
		r := newPhoneRig(t, nil)
		_, of := r.waiting(t)
		ann, l := r.rings(t, of, annsLeg)
		must(t, ann.Answer())
		r.state(t, of, message.CallTalking)
		r.meet(t, 2)
		must(t, r.l.Steer(t.Context(), r.known(t, of), connectors.Hold, l))
		asked := bensLeg
		asked.Role = message.ConsultLeg
		ben, l2 := r.rings(t, of, asked)
		must(t, ben.Answer())
		r.meet(t, 3)
		m := r.known(t, of)
		l2 = *m.Call.Leg(l2.ID)
		l2.Spoke = time.Now().UTC()
		r.board.leg(of, l2)
		// Of the requests of a handing over only the last one fails, and that for certain.
		r.Inject(twiliotest.Fault{Method: "DELETE", Status: 429})
		if err := r.l.Steer(t.Context(), r.known(t, of), connectors.HandOver, l2); connectors.ClassOf(err) != connectors.Unsure {
			t.Errorf("%v", err)
		}
		must(t, r.l.Steer(t.Context(), r.known(t, of), connectors.HandOver, l2))
		if p := r.meet(t, 2).Participants; p[0].Hold {
			t.Errorf("%+v", p)
		}
	})
}

// Without an API key no browser can be signed in; phones ring all the same.
func TestNoDevice(t *testing.T) {
	r := newLineRig(t, nil)
	if _, err := r.l.Device(7); !errors.Is(err, connectors.ErrNoDevice) {
		t.Errorf("%v", err)
	}
	if _, err := r.l.Ring(t.Context(), message.Message{Call: &message.Call{}}, annsLeg); !errors.Is(err, connectors.ErrNoDevice) {
		t.Errorf("%v", err)
	}
}

func TestRegion(t *testing.T) {
	for api, want := range map[string]string{defaultBase: "", "https://api.dublin.ie1.twilio.com": "ie1", "http://127.0.0.1:8080": ""} {
		if got := region(api); got != want {
			t.Errorf("%s: %q, want %q", api, got, want)
		}
	}
}

// The hub is away when calls end: a look afterwards finds that out.
func TestEndsUnseen(t *testing.T) {
	r := newPhoneRig(t, nil)
	c, of := r.waiting(t)
	ann7, _ := r.rings(t, of, annsLeg)
	must(t, ann7.Answer())
	r.state(t, of, message.CallTalking)
	m := r.out(t, bensLeg)
	ours := message.OwnRef(m.ID, m.Token)
	_, err := r.l.Send(t.Context(), m)
	must(t, err)
	ben8, err := r.NextRinging(short(t), r.l.target(bensLeg))
	must(t, err)
	must(t, ben8.Answer())
	customer, err := r.NextRinging(short(t), ann)
	must(t, err)
	must(t, customer.Answer())
	r.state(t, ours, message.CallTalking)
	must(t, r.Wait(short(t), func() bool { return ann7.State().Conference != "" && ben8.State().TalkingTo == customer.SID() }))
	r.PauseWebhooks()
	c.HangUp()
	customer.HangUp()
	for _, leg := range r.Server.Calls() {
		if _, err := leg.WaitEnd(short(t)); err != nil {
			t.Fatal(err)
		}
	}
	r.restart(t)
	r.ResumeWebhooks()
	r.run(t)
	for _, call := range []string{of, ours} {
		if got := r.state(t, call, message.CallEnded); got.Outcome != message.CallAnswered {
			t.Errorf("%+v", got)
		}
	}
}

// Music that plays longer than callers wait does not keep them.
func TestLongMusic(t *testing.T) {
	r := newPhoneRig(t, map[string]any{"queue_seconds": 20, "hold_music": "https://www.example.com/long.mp3"})
	at := time.Date(2026, 11, 18, 10, 0, 0, 0, time.UTC)
	r.clock(at)
	r.run(t)
	c, _ := r.waiting(t)
	if !slices.Contains(c.State().Heard, "https://www.example.com/long.mp3") {
		t.Errorf("heard %q", c.State().Heard)
	}
	r.clock(at.Add(21 * time.Second))
	r.l.core.nudge()
	must(t, c.WaitVerb(short(t), "Record"))
	c.HangUp()
	r.clean(t)
}

// Nor does it when the program starts anew meanwhile, before the time is over or after it.
func TestLongMusicOverRestart(t *testing.T) {
	for name, away := range map[string]time.Duration{"before the end": 10 * time.Second, "after it": 25 * time.Second} {
		t.Run(name, func(t *testing.T) {
			r := newPhoneRig(t, map[string]any{"queue_seconds": 20, "hold_music": "https://www.example.com/long.mp3"})
			at := time.Date(2026, 11, 18, 10, 0, 0, 0, time.UTC)
			r.clock(at)
			stop := r.run(t)
			c, of := r.waiting(t)
			stop()
			r.clock(at.Add(away))
			r.restart(t)
			r.run(t)
			if s := r.known(t, of).Call.State; s != message.CallWaiting {
				t.Errorf("after the restart the call is %s", s)
			}
			r.clock(at.Add(31 * time.Second))
			r.l.core.nudge()
			must(t, c.WaitVerb(short(t), "Record"))
			c.HangUp()
			r.clean(t)
		})
	}
}

// The recording of a conversation whose request never came is looked for, also when
// Twilio is still making it at the first look.
func TestLateConversation(t *testing.T) {
	for name, making := range map[string]bool{"made": false, "in the making": true} {
		t.Run(name, func(t *testing.T) {
			r := newPhoneRig(t, map[string]any{"record_calls": true})
			stop := r.run(t) // looks begin where the first one did
			c, of := r.waiting(t)
			leg, _ := r.rings(t, of, annsLeg)
			must(t, leg.Answer())
			r.meet(t, 2)
			must(t, c.Speak(5*time.Second))
			r.PauseWebhooks()
			r.MixRecordings(making)
			c.HangUp()
			for _, l := range []*twiliotest.Call{c, leg} {
				if _, err := l.WaitEnd(short(t)); err != nil {
					t.Fatal(err)
				}
			}
			must(t, r.Wait(short(t), func() bool {
				l := r.Recordings()
				return len(l) == 1 && (l[0].Status == "completed") != making && l[0].Status != "in-progress"
			}))
			stop()
			r.restart(t)
			r.l.core.limits.again = slices.Repeat([]time.Duration{10 * time.Millisecond}, 5000) // it is not given up meanwhile
			asked := len(r.Requests())
			r.run(t)
			if making { // else it may have been fetched before
				must(t, r.Wait(short(t), func() bool {
					return slices.ContainsFunc(r.Requests()[asked:], func(q twiliotest.Request) bool {
						return q.Path == "/2010-04-01/Accounts/"+r.AccountSID()+"/Recordings.json"
					})
				}))
				r.MixRecordings(false) // no request tells of it: the look has to come again
			}
			r.hub.Wait(t, "the recording", func() bool {
				parts := r.entry().Parts
				return len(parts) == 1 && strings.HasPrefix(parts[0].Name, "call-")
			})
			if call := r.state(t, of, message.CallEnded); call.Outcome != message.CallAnswered {
				t.Errorf("%+v", call)
			}
		})
	}
}
