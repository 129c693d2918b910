package e2e

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"throughline/api"
	"throughline/connectors/twilio/twiliotest"
)

// The numbers of these tests, reserved for fiction.
const (
	ourNumber   = "+12025550100"
	ourWhatsApp = "+12025550111"
	annNumber   = "+12025550143"
	benNumber   = "+447700900123"
	template    = "HX00000000000000000000000000000001"
)

// phones is a hub with accounts of texts and WhatsApp at a double of Twilio.
type phones struct {
	*hub
	twilio *twiliotest.Server
	admin  *client
}

// startTwilio starts the double with our two senders, whose webhooks go to the hub,
// besides the numbers of o.
func startTwilio(t testing.TB, h *hub, o twiliotest.Options) *twiliotest.Server {
	t.Helper()
	o.Numbers = append(o.Numbers,
		twiliotest.Number{PhoneNumber: ourNumber, SMS: true, MMS: true, SMSURL: h.url() + "/hooks/sms/message"},
		twiliotest.Number{PhoneNumber: "whatsapp:" + ourWhatsApp, SMSURL: h.url() + "/hooks/whatsapp/message"},
	)
	if o.Speed == 0 {
		o.Speed = 100
	}
	s, err := twiliotest.Start(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

// openPhones starts all of it and waits until both accounts are live.
func openPhones(t testing.TB, o hubOptions, to twiliotest.Options) *phones {
	t.Helper()
	o.public = true
	p := &phones{hub: newHub(t, o)}
	p.twilio = startTwilio(t, p.hub, to)
	p.start()
	p.admin = p.setup()
	p.addPhones(t)
	return p
}

func (p *phones) addPhones(t testing.TB) {
	t.Helper()
	for channel, from := range map[string]string{"sms": ourNumber, "whatsapp": ourWhatsApp} {
		p.admin.addPhone(t, p.twilio, channel, from, nil)
	}
	for _, channel := range []string{"sms", "whatsapp"} {
		p.admin.untilPhase(t, channel, "live")
	}
}

// addPhone adds an account whose ID is its channel.
func (c *client) addPhone(t testing.TB, s *twiliotest.Server, channel, from string, more map[string]any) {
	t.Helper()
	set := map[string]any{"account_sid": s.AccountSID(), "auth_token": s.AuthToken(), "from": from, "base_url": s.URL(), "poll_interval": "10s", "rate": 1000}
	for k, v := range more {
		set[k] = v
	}
	if err := c.call(http.MethodPost, "/api/accounts", api.AccountRequest{ID: channel, Channel: channel, Name: "Larkspur " + channel, Settings: set}, nil); err != nil {
		t.Fatal(err)
	}
}

// text lets a customer text our number; the hub has to take it.
func (p *phones) text(from, body string, media ...twiliotest.Media) twiliotest.Message {
	p.t.Helper()
	to := ourNumber
	if strings.HasPrefix(from, "whatsapp:") {
		to = "whatsapp:" + ourWhatsApp
	}
	a, err := p.twilio.ReceiveMessage(twiliotest.Inbound{From: from, To: to, Body: body, Media: media, ProfileName: "Ann Example"})
	if err != nil {
		p.t.Fatal(err)
	}
	if !a.Answered || len(a.Replies) > 0 {
		p.t.Fatalf("the webhook was answered with %+v; alerts %+v", a, p.twilio.Alerts())
	}
	return a.Message
}

// state waits until a message of ours is in a state and returns it.
func (p *phones) state(entry api.Entry, want string) api.Message {
	p.t.Helper()
	var m api.Message
	until(p.t, fmt.Sprintf("message %d %s", entry.Message.ID, want), func() (err error) {
		if m, err = get[api.Message](p.admin, fmt.Sprintf("/api/messages/%d", entry.Message.ID)); err != nil {
			return err
		}
		if m.Delivery.Status != want {
			return fmt.Errorf("it is %s: %s %+v", m.Delivery.Status, m.Delivery.Reason, m.Delivery.Attempts)
		}
		return nil
	})
	return m
}

// carried waits until the double is done with n messages of ours.
func (p *phones) carried(n int, status string) []twiliotest.Message {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := p.twilio.Wait(ctx, func() bool {
		out := p.twilio.Outbox()
		return len(out) >= n && !slices.ContainsFunc(out, func(m twiliotest.Message) bool { return m.Status != status })
	}); err != nil {
		p.t.Fatalf("%d messages %s: %v: %+v", n, status, err, p.twilio.Outbox())
	}
	return p.twilio.Outbox()
}

// untilMessages waits until the hub has n messages, over all conversations, and
// returns them.
func (c *client) untilMessages(t testing.TB, n int) (all []api.Message) {
	t.Helper()
	until(t, fmt.Sprintf("%d messages", n), func() error {
		rows, err := c.rows("all")
		all = nil
		for _, r := range rows {
			entries, err := c.entries(r.ID)
			if err != nil {
				return err
			}
			all = append(all, messages(entries)...)
		}
		if err == nil && len(all) != n {
			err = fmt.Errorf("there are %d", len(all))
		}
		return err
	})
	return all
}

// by sends over another account to one handle.
func by(account, handle string) func(*api.ReplyRequest) {
	return func(r *api.ReplyRequest) {
		r.Account, r.To, r.Cc, r.Subject = account, []api.Person{{Handle: handle}}, nil, ""
	}
}
