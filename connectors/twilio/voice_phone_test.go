package twilio

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
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

// board is a desk of agents over what the hub of these tests was given: who picks up
// first has the call. It outlives the lines that it is lent to.
type board struct {
	hub   *hub
	mu    sync.Mutex
	ready bool
	legs  map[string]map[string]message.CallLeg // what the hub wrote down itself, by call
	holds map[string][]message.CallSpan
	own   map[string]message.Message // calls of ours
}

func (b *board) Staffed() (bool, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.ready, nil
}

func (b *board) Knows(name string) (bool, error) { return strings.HasSuffix(name, "@example.com"), nil }

// Call puts together what is known of a call.
func (b *board) Call(_ context.Context, of string) (message.Message, error) {
	m, ok := b.own[of]
	for _, o := range b.hub.messages() {
		if o.Key == of {
			m, ok = o, true
		}
	}
	if !ok {
		return m, errors.New("no such call")
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	c := message.Call{Holds: b.holds[of]}
	for _, l := range b.legs[of] {
		c = c.Merge(message.Call{Legs: []message.CallLeg{l}})
	}
	c = c.Merge(*m.Call)
	for _, ch := range b.hub.changes() {
		if ch.Of == of && ch.Call != nil {
			c = c.Merge(*ch.Call)
		}
	}
	m.Call = &c
	return m, nil
}

func (b *board) Take(ctx context.Context, of, leg string) (message.Message, bool, error) {
	m, err := b.Call(ctx, of)
	if err != nil {
		return m, false, err
	}
	l := m.Call.Leg(leg)
	switch {
	case l == nil || !l.Ended.IsZero() || m.Call.Over() || l.Answered.IsZero() && m.Call.Speaker() != nil && l.Role != message.ConsultLeg:
		return m, false, nil
	case !l.Answered.IsZero():
		return m, true, nil
	}
	now := time.Now().UTC()
	l.Answered = now
	if l.Role == message.AgentLeg && m.Direction != message.Out {
		l.Spoke = now
	}
	b.mu.Lock()
	b.legs[of][leg] = *l
	if m.Direction == message.Out {
		b.legs[of][customerLeg] = message.CallLeg{ID: customerLeg, Role: message.CustomerLeg, Began: now}
	}
	b.mu.Unlock()
	b.hub.mu.Lock()
	b.hub.touch() // the state of the call is another: whoever waits for it looks again
	b.hub.mu.Unlock()
	m, err = b.Call(ctx, of)
	return m, true, err
}

// leg writes a leg down.
func (b *board) leg(of string, l message.CallLeg) message.CallLeg {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.legs[of] == nil {
		b.legs[of] = map[string]message.CallLeg{}
	}
	l.Began = time.Now().UTC()
	b.legs[of][l.ID] = l
	return l
}

// phoneRig is a line with agents.
type phoneRig struct {
	*lineRig
	board *board
}

func newPhoneRig(t *testing.T, set map[string]any) *phoneRig {
	t.Helper()
	all := map[string]any{"api_key": apiKey, "api_secret": apiSecret, "queue_prompt": "Hold on", "busy_prompt": "Nobody is free", "screen_prompt": "Press a key"}
	for k, v := range set {
		all[k] = v
	}
	r := &phoneRig{lineRig: newLineRig(t, all)}
	r.board = &board{hub: r.hub, ready: true, legs: map[string]map[string]message.CallLeg{}, holds: map[string][]message.CallSpan{}, own: map[string]message.Message{}}
	r.host.Desk = r.board
	r.restart(t)
	return r
}

// waiting lets a caller come as far as the queue.
func (r *phoneRig) waiting(t *testing.T) (*twiliotest.Call, string) {
	t.Helper()
	c := r.call(t)
	if _, err := c.WaitState(short(t), func(s twiliotest.State) bool { return s.Conference != "" && slices.Contains(s.Heard, "Hold on") }); err != nil {
		t.Fatal(err)
	}
	return c, keyPrefix + c.SID()
}

func (r *phoneRig) known(t *testing.T, of string) message.Message {
	t.Helper()
	m, err := r.board.Call(t.Context(), of)
	must(t, err)
	return m
}

// rings lets a leg ring, and returns what rings there.
func (r *phoneRig) rings(t *testing.T, of string, l message.CallLeg) (*twiliotest.Call, message.CallLeg) {
	t.Helper()
	l = r.board.leg(of, l)
	ref, err := r.l.Ring(t.Context(), r.known(t, of), l)
	must(t, err)
	l.Ref = ref
	r.board.leg(of, l)
	c, err := r.NextRinging(short(t), r.l.target(l))
	must(t, err)
	return c, l
}

func (r *phoneRig) state(t *testing.T, of string, want message.CallState) message.Call {
	t.Helper()
	r.hub.wait(t, "the call "+string(want), func() bool { return r.known(t, of).Call.State == want })
	return *r.known(t, of).Call
}

func (r *phoneRig) clean(t *testing.T) {
	t.Helper()
	if a := r.Alerts(); len(a) > 0 {
		t.Errorf("Twilio complains: %+v", a)
	}
	if n := r.Notes(); len(n) > 0 {
		t.Errorf("Twilio wonders: %q", n)
	}
}

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
	both := func(n int) twiliotest.ConferenceState {
		t.Helper()
		must(t, r.Wait(short(t), func() bool { list := r.Conferences(); return len(list) == 1 && len(list[0].Participants) == n }))
		return r.Conferences()[0]
	}
	if room := both(2); room.Status != "in-progress" {
		t.Errorf("%+v", room)
	}
	for _, do := range []connectors.Act{connectors.Hold, connectors.Hold, connectors.Resume, connectors.Resume, connectors.Hold} {
		r.restart(t)
		must(t, r.l.Steer(t.Context(), r.known(t, of), do, l))
		if p := both(2).Participants[0]; p.Hold != (do == connectors.Hold) || p.CallSID != c.SID() {
			t.Errorf("%s: %+v", do, p)
		}
	}
	asked := bensLeg
	asked.Role = message.ConsultLeg
	ben, l2 := r.rings(t, of, asked)
	r.restart(t)
	must(t, ben.Answer())
	both(3)
	l2 = *r.known(t, of).Call.Leg(l2.ID)
	l2.Spoke = time.Now().UTC()
	r.board.leg(of, l2)
	r.restart(t)
	for range 2 { // the second time it is done already
		must(t, r.l.Steer(t.Context(), r.known(t, of), connectors.HandOver, l2))
	}
	if room := both(2); room.Participants[0].Hold || room.Participants[1].CallSID != ben.SID() {
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

// out is a call of ours as the hub hands it over.
func (r *phoneRig) out(t *testing.T, leg message.CallLeg) message.Message {
	t.Helper()
	m := outgoing(77, "")
	m.Channel, m.Account, m.Time = ChannelVoice, "line", r.l.now()
	of := message.OwnRef(m.ID, m.Token)
	leg = r.board.leg(of, leg)
	m.Call = &message.Call{Legs: []message.CallLeg{leg}}
	r.board.own[of] = m
	return m
}

// What comes of calls of ours.
func TestCallsOut(t *testing.T) {
	for _, tt := range []struct {
		name     string
		customer func(*twiliotest.Call)
		want     message.Outcome
	}{
		{"answered", func(c *twiliotest.Call) { _ = c.Answer() }, message.CallAnswered},
		{"busy", (*twiliotest.Call).Decline, message.CallBusy},
		{"unreachable", (*twiliotest.Call).Unreachable, message.CallFailed},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := newPhoneRig(t, map[string]any{"record_calls": true, "recording_announcement": "This is recorded"})
			m := r.out(t, annsLeg)
			of := message.OwnRef(m.ID, m.Token)
			receipt, err := r.l.Send(t.Context(), m)
			must(t, err)
			leg, err := r.NextRinging(short(t), r.l.target(annsLeg))
			must(t, err)
			if leg.SID() != receipt.Ref || leg.From() != ourLine {
				t.Errorf("%+v rings", leg)
			}
			r.restart(t)
			must(t, leg.Answer())
			c, err := r.NextRinging(short(t), ann)
			must(t, err)
			if c.From() != ourLine {
				t.Errorf("the customer sees %s", c.From())
			}
			r.restart(t)
			tt.customer(c)
			if tt.want == message.CallAnswered {
				r.state(t, of, message.CallTalking)
				must(t, r.Wait(short(t), func() bool { return leg.State().TalkingTo == c.SID() }))
				if h := c.State().Heard; !slices.Equal(h, []string{"This is recorded"}) {
					t.Errorf("the customer heard %q", h)
				}
				must(t, c.Speak(5*time.Second))
				leg.HangUp()
			}
			if call := r.state(t, of, message.CallEnded); call.Outcome != tt.want || call.Agent != 7 {
				t.Errorf("%+v", call)
			}
			again, err := r.l.Send(t.Context(), r.known(t, of))
			if connectors.ClassOf(err) != connectors.Reject {
				t.Errorf("sent again: %+v %v", again, err)
			}
			if tt.want == message.CallAnswered {
				r.hub.wait(t, "the recording", func() bool {
					for _, ch := range r.hub.changes() {
						if ch.Of == of && ch.Edit != nil && len(ch.Edit.Parts) == 1 && strings.HasPrefix(ch.Edit.Parts[0].Name, "call-") {
							return true
						}
					}
					return false
				})
			}
			r.clean(t)
		})
	}
}

// The agent does not pick up: the customer is not called.
func TestCallOutNotPickedUp(t *testing.T) {
	r := newPhoneRig(t, nil)
	m := r.out(t, annsLeg)
	_, err := r.l.Send(t.Context(), m)
	must(t, err)
	leg, err := r.NextRinging(short(t), r.l.target(annsLeg))
	must(t, err)
	leg.Decline()
	if call := r.state(t, message.OwnRef(m.ID, m.Token), message.CallEnded); call.Outcome != message.CallCancelled {
		t.Errorf("%+v", call)
	}
	if n := len(r.Calls()); n != 1 {
		t.Errorf("%d legs", n)
	}
}

// What becomes of the one request that makes a call of ours.
func TestCallOutInDoubt(t *testing.T) {
	t.Run("the answer is lost", func(t *testing.T) {
		r := newPhoneRig(t, nil)
		r.Inject(twiliotest.Fault{Path: "/Calls.json", Method: "POST", Cut: twiliotest.CutAfter, Count: 1})
		m := r.out(t, annsLeg)
		since := time.Now()
		if _, err := r.l.Send(t.Context(), m); connectors.ClassOf(err) != connectors.Unsure {
			t.Fatalf("%v", err)
		}
		r.restart(t)
		found, err := r.l.Find(t.Context(), m, since, func(string) bool { return false })
		if err != nil || found.Ref != r.Calls()[0].SID() {
			t.Errorf("%+v %v", found, err)
		}
		if _, err := r.l.Find(t.Context(), m, since, func(string) bool { return true }); !errors.Is(err, connectors.ErrNotFound) {
			t.Errorf("another one's: %v", err)
		}
	})
	for name, tt := range map[string]struct {
		fault twiliotest.Fault
		class connectors.Class
	}{
		"cut before":    {twiliotest.Fault{Cut: twiliotest.CutBefore}, connectors.Unsure},
		"server error":  {twiliotest.Fault{Status: 500}, connectors.Unsure},
		"too many":      {twiliotest.Fault{Status: 429}, connectors.Reject},
		"no such thing": {twiliotest.Fault{Status: 404}, connectors.Reject},
	} {
		t.Run(name, func(t *testing.T) {
			r := newPhoneRig(t, nil)
			tt.fault.Path, tt.fault.Method, tt.fault.Count = "/Calls.json", "POST", 1
			r.Inject(tt.fault)
			_, err := r.l.Send(t.Context(), r.out(t, annsLeg))
			if connectors.ClassOf(err) != tt.class || strings.Contains(fmt.Sprint(err), apiSecret) {
				t.Errorf("%v", err)
			}
		})
	}
	t.Run("too late", func(t *testing.T) {
		r := newPhoneRig(t, nil)
		m := r.out(t, annsLeg)
		m.Time = m.Time.Add(-2 * stale)
		if _, err := r.l.Send(t.Context(), m); connectors.ClassOf(err) != connectors.Reject || len(r.Calls()) != 0 {
			t.Errorf("%v", err)
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

func (b *board) Calls(context.Context) (list []message.Message, err error) {
	names := map[string]bool{}
	for of := range b.own {
		names[of] = true
	}
	for _, m := range b.hub.messages() {
		names[m.Key] = true
	}
	for of := range names {
		if m, err := b.Call(context.Background(), of); err == nil && m.Call.State != "" && m.Call.State != message.CallEnded {
			list = append(list, m)
		}
	}
	return list, nil
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

// The recording of a conversation whose request never came is looked for.
func TestLateConversation(t *testing.T) {
	r := newPhoneRig(t, map[string]any{"record_calls": true})
	c, of := r.waiting(t)
	leg, _ := r.rings(t, of, annsLeg)
	must(t, leg.Answer())
	must(t, r.Wait(short(t), func() bool { return leg.State().Conference != "" }))
	must(t, c.Speak(5*time.Second))
	r.PauseWebhooks()
	c.HangUp()
	if _, err := leg.WaitEnd(short(t)); err != nil {
		t.Fatal(err)
	}
	must(t, r.Wait(short(t), func() bool { l := r.Recordings(); return len(l) == 1 && l[0].Status == "completed" }))
	r.restart(t)
	r.ResumeWebhooks()
	r.run(t)
	r.hub.wait(t, "the recording", func() bool {
		parts := r.hub.entry().Parts
		return len(parts) == 1 && strings.HasPrefix(parts[0].Name, "call-")
	})
	if call := r.state(t, of, message.CallEnded); call.Outcome != message.CallAnswered {
		t.Errorf("%+v", call)
	}
}
