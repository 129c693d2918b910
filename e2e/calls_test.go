package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"throughline/api"
	"throughline/connectors/twilio/twiliotest"
	"throughline/message"
)

// desk is a hub with a line, and agents who are ready at their browsers.
type desk struct {
	*hub
	twilio *twiliotest.Server
	admin  *client
	more   map[string]any // settings of the line
}

const (
	lineKey    = "SK00000000000000000000000000000001"
	lineSecret = "secret-of-the-key"
)

func startDesk(t *testing.T, more map[string]any) *desk {
	t.Helper()
	d := &desk{hub: newHub(t, hubOptions{public: true})}
	var err error
	d.twilio, err = twiliotest.Start(twiliotest.Options{Speed: 4, APIKeys: map[string]string{lineKey: lineSecret}, Numbers: []twiliotest.Number{{PhoneNumber: ourLine, Voice: true,
		VoiceURL: d.url() + "/hooks/voice/call", StatusCallback: d.url() + "/hooks/voice/ended"}}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(d.twilio.Close)
	d.start()
	d.admin = d.setup()
	d.more = more
	return d
}

// openDesk starts a hub with a line.
func openDesk(t *testing.T, more map[string]any) *desk {
	t.Helper()
	d := startDesk(t, more)
	if err := d.addLine(); err != nil {
		t.Fatal(err)
	}
	return d
}

// addLine adds the line and waits until it is there.
func (d *desk) addLine() error {
	if err := d.admin.call(http.MethodPost, "/api/accounts", api.AccountRequest{ID: "voice", Channel: "voice", Name: "Larkspur line", Settings: d.settings()}, nil); err != nil {
		return err
	}
	d.admin.untilPhase(d.t, "voice", "live")
	return nil
}

// settings are those of the line.
func (d *desk) settings() map[string]any {
	set := map[string]any{"account_sid": d.twilio.AccountSID(), "auth_token": d.twilio.AuthToken(), "from": ourLine, "base_url": d.twilio.URL(), "poll_interval": "10s",
		"api_key": lineKey, "api_secret": lineSecret, "greeting": "Hello", "queue_prompt": "Hold on", "queue_seconds": 60}
	maps.Copy(set, d.more)
	return set
}

// A line that is not stored yet is tried with the addresses that it will have.
func TestNewLineIsTried(t *testing.T) {
	t.Parallel()
	d := startDesk(t, nil)
	for id, want := range map[string]bool{"voice": true, "other": false} {
		var tried api.TestSteps
		if err := d.admin.call(http.MethodPost, "/api/accounts/test", api.AccountTest{NewID: id, Channel: "voice", Settings: d.settings()}, &tried); err != nil {
			t.Fatal(err)
		}
		i := slices.IndexFunc(tried.Steps, func(s api.Step) bool { return s.Name == "twilio: address for incoming calls" })
		if i < 0 || tried.Steps[i].OK != want || !want && !strings.Contains(tried.Steps[i].Error, "/hooks/other/call") {
			t.Errorf("%s: %+v", id, tried.Steps)
		}
	}
}

// ready makes an agent ready at a browser that is signed in.
func (d *desk) ready(c *client) *twiliotest.Device {
	d.t.Helper()
	stop := c.stays(d.t)
	d.t.Cleanup(stop)
	if err := c.call(http.MethodPut, "/api/phone", api.PhoneChange{Ready: true}, nil); err != nil {
		d.t.Fatal(err)
	}
	var token api.PhoneToken
	if err := c.call(http.MethodPost, "/api/phone/token", api.PhoneTokenRequest{Account: "voice"}, &token); err != nil {
		d.t.Fatal(err)
	}
	dev, err := d.twilio.Device(token.Token)
	if err != nil {
		d.t.Fatal(err)
	}
	if token.Kind != "twilio" || token.Identity != dev.Identity || token.Address == "" || !dev.Incoming || dev.ApplicationSID != "" {
		d.t.Errorf("token %+v, device %+v", token, dev)
	}
	return dev
}

// stays keeps a live stream of an agent open over restarts of the hub.
func (c *client) stays(t testing.TB) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		for ctx.Err() == nil {
			conn, err := c.dial(0)
			if err != nil {
				select {
				case <-time.After(50 * time.Millisecond):
				case <-ctx.Done():
				}
				continue
			}
			stop := context.AfterFunc(ctx, func() { conn.Close() })
			for err == nil {
				_, _, err = conn.ReadMessage()
			}
			stop()
			conn.Close()
		}
	}()
	return func() { cancel(); <-done }
}

// rings waits until a browser rings.
func (d *desk) rings(dev *twiliotest.Device) *twiliotest.Call {
	d.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	leg, err := dev.Ringing(ctx)
	if err != nil {
		d.t.Fatalf("%v; alerts %+v", err, d.twilio.Alerts())
	}
	return leg
}

// answers lets a browser that rings pick up.
func (d *desk) answers(dev *twiliotest.Device) *twiliotest.Call {
	d.t.Helper()
	leg := d.rings(dev)
	if err := leg.Answer(); err != nil {
		d.t.Fatal(err)
	}
	return leg
}

// call waits until the only call is as wanted.
func (d *desk) becomes(what string, ok func(c *message.Call) bool) (id uint64, m api.Message) {
	d.t.Helper()
	until(d.t, what, func() error {
		rows, err := d.admin.rows("all")
		if err != nil {
			return err
		}
		if len(rows) != 1 {
			return fmt.Errorf("%d conversations", len(rows))
		}
		list, err := d.admin.entries(rows[0].ID)
		if err != nil {
			return err
		}
		calls := messages(list)
		if len(calls) != 1 || calls[0].Call == nil || !ok(calls[0].Call) {
			return fmt.Errorf("%d entries, %+v; Twilio %+v", len(calls), calls[0].Call, d.twilio.Alerts())
		}
		m = calls[0]
		return nil
	})
	return m.ID, m
}

func is(state message.CallState) func(*message.Call) bool {
	return func(c *message.Call) bool { return c.State == state }
}

// do steers a call.
func (d *desk) do(c *client, id uint64, what string, body any) api.Message {
	d.t.Helper()
	var m api.Message
	if err := c.call(http.MethodPost, fmt.Sprintf("/api/calls/%d/%s", id, what), body, &m); err != nil {
		d.t.Fatalf("%v\nalerts %+v", err, d.twilio.Alerts())
	}
	return m
}

// inRoom waits until so many legs are in the conference.
func (d *desk) inRoom(n int) twiliotest.ConferenceState {
	d.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	var room twiliotest.ConferenceState
	if err := d.twilio.Wait(ctx, func() bool {
		for _, r := range d.twilio.Conferences() {
			if r.Status != "completed" && len(r.Participants) == n {
				room = r
				return true
			}
		}
		return false
	}); err != nil {
		d.t.Fatalf("%d in a conference: %v: %+v", n, err, d.twilio.Conferences())
	}
	return room
}

// A caller waits, it rings at an agent who takes the call, holds it, asks a colleague,
// hands it over, and notes what it was about: one entry, over restarts of the hub.
func TestCallTaken(t *testing.T) {
	t.Parallel()
	d := openDesk(t, nil)
	ben := d.admin.invite(t, "Ben Agent", "ben@example.com", "agent")
	dev := d.ready(d.admin)
	call, err := d.twilio.Call(annNumber, ourLine)
	if err != nil {
		t.Fatal(err)
	}
	leg := d.rings(dev)
	id, m := d.becomes("it rings", func(c *message.Call) bool {
		return c.State == message.CallRinging && slices.Equal(c.Ringing, []uint64{d.admin.agent})
	})
	if m.Direction != "in" || m.From.Handle != "tel:"+annNumber || m.Call.Queued.IsZero() {
		t.Errorf("%+v", m)
	}
	if err := leg.Answer(); err != nil {
		t.Fatal(err)
	}
	d.becomes("they speak", func(c *message.Call) bool { return c.State == message.CallTalking && c.Agent == d.admin.agent })
	d.inRoom(2)
	rows, err := d.admin.rows("mine")
	if err != nil || len(rows) != 1 || rows[0].Unread != 0 || !rows[0].Waiting.IsZero() {
		t.Errorf("%+v %v", rows, err)
	}

	d.do(d.admin, id, "hold", nil)
	d.becomes("hold", is(message.CallHeld))
	if room := d.inRoom(2); !slices.ContainsFunc(room.Participants, func(p twiliotest.ParticipantState) bool { return p.CallSID == call.SID() && p.Hold }) {
		t.Errorf("%+v", room)
	}
	d.kill()
	d.start()
	d.admin.untilPhase(t, "voice", "live")
	d.do(d.admin, id, "resume", nil)
	d.becomes("off hold", is(message.CallTalking))

	bens := d.ready(ben)
	d.do(d.admin, id, "transfer", api.CallTransferRequest{Agent: ben.agent, Warm: true})
	d.answers(bens)
	d.becomes("Ben is asked", func(c *message.Call) bool {
		p := c.Pending()
		return c.State == message.CallHeld && p != nil && !c.Leg(p.Leg).Answered.IsZero()
	})
	d.inRoom(3)
	d.do(d.admin, id, "complete", nil)
	d.becomes("Ben speaks", func(c *message.Call) bool { return c.State == message.CallTalking && c.Agent == ben.agent })
	d.inRoom(2)
	if st, err := leg.WaitEnd(t.Context()); err != nil || st != "completed" {
		t.Errorf("the first agent's leg: %s %v", st, err)
	}
	if call.State().Conference == "" {
		t.Errorf("the customer left: %+v", call.State())
	}
	d.do(ben, id, "hangup", nil)
	_, m = d.becomes("the end", is(message.CallEnded))
	if c := m.Call; c.Outcome != message.CallAnswered || c.Agent != ben.agent || len(c.Transfers) != 1 || c.Transfers[0].Result != message.TransferDone || len(c.Holds) != 2 {
		t.Errorf("%+v", c)
	}
	var noted api.Message
	if err := ben.call(http.MethodPut, fmt.Sprintf("/api/calls/%d/wrapup", id), api.WrapUpRequest{Reason: "Order", Note: "wants it in blue"}, &noted); err != nil {
		t.Fatal(err)
	}
	if w := noted.Call.WrapUp; w == nil || w.Agent != ben.agent || w.Note != "wants it in blue" {
		t.Errorf("%+v", noted.Call)
	}
	if a := d.twilio.Alerts(); len(a) > 0 {
		t.Errorf("Twilio complains: %+v", a)
	}
}

// An agent calls a customer: it rings at the agent first, and the customer is called
// once, though the hub is killed in mid-call and the call is asked for twice.
func TestCallOut(t *testing.T) {
	t.Parallel()
	d := openDesk(t, nil)
	dev := d.ready(d.admin)
	body, err := json.Marshal(api.CallRequest{Account: "voice", To: annNumber})
	if err != nil {
		t.Fatal(err)
	}
	for range 2 { // the second time under the same key is no second call
		if err := d.admin.once("/api/calls", "a-call", body); err != nil {
			t.Fatal(err)
		}
	}
	leg := d.answers(dev)
	id, m := d.becomes("ours", func(c *message.Call) bool { return c.Agent == d.admin.agent })
	if m.Direction != "out" || len(m.To) != 1 || m.To[0].Handle != "tel:"+annNumber || m.Agent != d.admin.agent {
		t.Errorf("%+v", m)
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	customer, err := d.twilio.NextRinging(ctx, annNumber)
	if err != nil {
		t.Fatalf("%v %+v", err, d.twilio.Alerts())
	}
	d.becomes("the customer rings", is(message.CallDialling))
	d.kill()
	d.start()
	d.admin.untilPhase(t, "voice", "live")
	if err := customer.Answer(); err != nil || customer.From() != ourLine {
		t.Fatal(err, customer.From())
	}
	d.becomes("they speak", is(message.CallTalking))
	d.do(d.admin, id, "hold", nil)
	d.becomes("hold", is(message.CallHeld))
	d.inRoom(2)
	d.do(d.admin, id, "resume", nil)
	leg.HangUp()
	_, end := d.becomes("the end", is(message.CallEnded))
	if c := end.Call; c.Outcome != message.CallAnswered || c.Agent != d.admin.agent || end.Delivery == nil || end.Delivery.Status != "delivered" {
		t.Errorf("%+v %+v", c, end.Delivery)
	}
	n := 0
	for _, c := range d.twilio.Calls() {
		if c.To() == annNumber {
			n++
		}
	}
	if a := d.twilio.Alerts(); n != 1 || len(a) > 0 {
		t.Errorf("the customer was called %d times; Twilio complains: %+v", n, a)
	}
}
