package twilio

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"throughline/connectors"
	"throughline/connectors/twilio/twiliotest"
	"throughline/message"
)

// out is a call of ours as the hub hands it over.
func (r *phoneRig) out(t *testing.T, leg message.CallLeg) message.Message {
	t.Helper()
	m := outgoing(77, "")
	m.Channel, m.Account, m.Time = ChannelVoice, "line", r.l.now()
	of := message.OwnRef(m.ID, m.Token)
	leg = r.board.leg(of, leg)
	m.Call = &message.Call{Legs: []message.CallLeg{leg}}
	r.board.mu.Lock()
	r.board.own[of] = m
	r.board.mu.Unlock()
	return m
}

// talks is a call of Ann's that the customer has taken: its name, her leg and theirs.
func (r *phoneRig) talks(t *testing.T) (of string, leg, customer *twiliotest.Call) {
	t.Helper()
	m := r.out(t, annsLeg)
	of = message.OwnRef(m.ID, m.Token)
	_, err := r.l.Send(t.Context(), m)
	must(t, err)
	leg, err = r.NextRinging(short(t), r.l.target(annsLeg))
	must(t, err)
	must(t, leg.Answer())
	customer, err = r.NextRinging(short(t), ann)
	must(t, err)
	must(t, customer.Answer())
	r.state(t, of, message.CallTalking)
	must(t, r.Wait(short(t), func() bool { return leg.State().TalkingTo == customer.SID() }))
	return of, leg, customer
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
				r.hub.Wait(t, "the recording", func() bool {
					for _, ch := range r.hub.Changes() {
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
	t.Run("an earlier leg of that agent", func(t *testing.T) {
		r := newPhoneRig(t, nil)
		_, of := r.waiting(t)
		r.rings(t, of, annsLeg)
		m := r.out(t, annsLeg)
		if _, err := r.l.Find(t.Context(), m, time.Now().Add(30*time.Second), func(string) bool { return false }); !errors.Is(err, connectors.ErrNotFound) {
			t.Errorf("half a minute before the attempt: %v", err)
		}
		since := time.Now()
		receipt, err := r.l.Send(t.Context(), m)
		must(t, err)
		if found, err := r.l.Find(t.Context(), m, since, func(ref string) bool { return ref != receipt.Ref }); err != nil || found.Ref != receipt.Ref {
			t.Errorf("%+v %v", found, err)
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
