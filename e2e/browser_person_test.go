package e2e

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"throughline/api"
	"throughline/connectors/email/mailtest"
	"throughline/connectors/slack/slacktest"
	"throughline/connectors/twilio/twiliotest"
)

// TestBrowserPerson is one person on four channels: a mail, a text and a message in
// Slack from three handles are suggested to be hers with evidence, merged and parted;
// what she states on her preference page steers the composer and the phone, her STOP
// blocks a text that waits, and the board shows what became of her wishes.
func TestBrowserPerson(t *testing.T) {
	t.Parallel()
	node, chromium := browserTools(t)
	dovecot := mailtest.Peer(t)
	h := newHub(t, hubOptions{undo: "8s", public: true})
	twilio := startTwilio(t, h, twiliotest.Options{APIKeys: map[string]string{lineKey: lineSecret}, Numbers: []twiliotest.Number{
		{PhoneNumber: ourLine, Voice: true, VoiceURL: h.url() + "/hooks/voice/call", StatusCallback: h.url() + "/hooks/voice/ended"}}})
	slack, err := slacktest.Start(slacktest.Options{Unlimited: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(slack.Close)
	partner := slack.Team("Partner", "partner")
	ann := slack.User(slacktest.Person{RealName: "Ann Example", Email: "ann@example.org", ShareEmail: true, Team: partner})
	room := slack.Channel(slacktest.Room{Name: "larkspur", Members: []*slacktest.User{ann}, Shared: []*slacktest.Team{partner}})

	smtp := startSMTP(t, mailtest.SMTPOptions{})
	p := &phones{hub: h, twilio: twilio}
	p.start()
	p.admin = p.setup()
	p.admin.addAccount(t, "support", settings(dovecot, "support", smtp.Port))
	p.admin.addPhone(t, twilio, "sms", ourNumber, nil)
	for _, a := range []api.AccountRequest{
		{ID: "voice", Channel: "voice", Name: "Larkspur line", Settings: map[string]any{"account_sid": twilio.AccountSID(), "auth_token": twilio.AuthToken(),
			"from": ourLine, "base_url": twilio.URL(), "poll_interval": "10s", "api_key": lineKey, "api_secret": lineSecret}},
		{ID: "slack", Channel: "slack", Name: "Larkspur Slack", Settings: map[string]any{"bot_token": slack.BotToken, "app_token": slack.AppToken,
			"base_url": slack.URL + "/api", "poll_interval": "10s"}},
	} {
		if err := p.admin.call(http.MethodPost, "/api/accounts", a, nil); err != nil {
			t.Fatal(err)
		}
	}
	for _, account := range []string{"support", "sms", "voice", "slack"} {
		p.admin.untilPhase(t, account, "live")
	}

	mux := surroundings{http.NewServeMux()}
	mux.handle("deliver", func(in map[string]any) (any, error) {
		l := letter{from: textOf(in, "from"), subject: textOf(in, "subject"), text: textOf(in, "text"), id: fmt.Sprintf("person-%d@example.org", time.Now().UnixNano())}
		return true, dovecot.Deliver("support", l.raw())
	})
	mux.handle("text", func(in map[string]any) (any, error) {
		_, err := twilio.ReceiveMessage(twiliotest.Inbound{From: textOf(in, "from"), To: ourNumber, Body: textOf(in, "body")})
		return true, err
	})
	mux.handle("say", func(in map[string]any) (any, error) { return ann.Say(room, textOf(in, "text"), slacktest.Say{}) })
	// answer is her answer to the nth mail of ours, from 0, once it is there.
	mux.handle("answer", func(in map[string]any) (any, error) {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		n := numberOf(in, "n")
		mails, err := smtp.Wait(ctx, n+1)
		if err != nil {
			return nil, err
		}
		return true, dovecot.Deliver("support", replyTo(t, mails[n].Data, textOf(in, "text")).sentBy(strings.Join(mails[n].To, ", ")).raw())
	})
	// texts are the texts of ours that Twilio has, once they are n.
	mux.handle("texts", func(in map[string]any) (any, error) {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		err := twilio.Wait(ctx, func() bool { return len(twilio.Outbox()) >= numberOf(in, "n") })
		list := []string{}
		for _, m := range twilio.Outbox() {
			list = append(list, m.To+" "+m.Body)
		}
		return list, err
	})
	browse(t, node, chromium, "person", p.hub, mux)
	if v := slack.Violations(); len(v) > 0 {
		t.Errorf("Slack would shrug at %q", v)
	}
	p.check()
}
