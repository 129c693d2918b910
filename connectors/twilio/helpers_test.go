package twilio

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"throughline/connectors"
	"throughline/connectors/connectortest"
	"throughline/connectors/twilio/twiliotest"
	"throughline/message"
)

const (
	ourNumber   = "+12025550100"
	ourWhatsApp = "+12025550111"
	ann         = "+12025550143"
	public      = "https://hub.example.com/hooks/texts"
)

// stored is the content of a file that came in.
func stored(r *rig, name string) string { s, _ := r.hub.File(name); return s }

// rig is the double, a connector and the server that its webhooks reach.
type rig struct {
	*twiliotest.Server
	hub  *connectortest.Record
	c    *Connector
	host connectors.Host
	set  map[string]any
	f    flavour
}

// newRig starts everything; options and settings may be changed before.
func newRig(t *testing.T, f flavour, change func(*twiliotest.Options, map[string]any, *connectors.Host)) *rig {
	t.Helper()
	opt := twiliotest.Options{Speed: 1000, Numbers: []twiliotest.Number{
		{PhoneNumber: ourNumber, SMS: true, MMS: true, SMSURL: public + routeMessage},
		{PhoneNumber: "whatsapp:" + ourWhatsApp, SMSURL: public + routeMessage},
	}}
	r := &rig{hub: connectortest.NewRecord(), f: f}
	r.set = map[string]any{"account_sid": twiliotest.DefaultAccountSID, "auth_token": twiliotest.DefaultAuthToken, "from": ourNumber, "rate": 1000}
	if f.channel == ChannelWhatsApp {
		r.set["from"] = ourWhatsApp
	}
	r.host = connectors.Host{Log: slog.New(slog.DiscardHandler), TempDir: t.TempDir(), PublicURL: public}
	if change != nil {
		change(&opt, r.set, &r.host)
	}
	srv, err := twiliotest.Start(opt)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(srv.Close)
	r.Server = srv
	r.set["base_url"] = srv.URL()
	r.restart(t)
	return r
}

// restart makes the connector anew, as after a restart of the program.
func (r *rig) restart(t *testing.T) {
	t.Helper()
	raw, err := json.Marshal(r.set)
	if err != nil {
		t.Fatal(err)
	}
	c, err := newConnector(r.f, connectors.Account{ID: "texts", Channel: r.f.channel, Settings: raw}, r.host)
	if err != nil {
		t.Fatal(err)
	}
	r.c = c
	t.Cleanup(c.client.CloseIdleConnections)
	reach(t, r.Server, c, r.hub)
}

// run runs the connector until the test or stop ends it.
func (r *rig) run(t *testing.T) (stop func()) { t.Helper(); return keepRunning(t, r.c, r.hub) }

// keepRunning runs a connector until the test or stop ends it; it returns once that is live.
func keepRunning(t *testing.T, c connectors.Connector, in *connectortest.Record) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	before := in.Lives()
	go func() { ended <- c.Run(ctx, in) }()
	stop = sync.OnceFunc(func() {
		cancel()
		select {
		case err := <-ended:
			if !errors.Is(err, context.Canceled) {
				t.Errorf("Run = %v", err)
			}
		case <-time.After(connectortest.Patience):
			t.Error("Run did not end")
		}
	})
	t.Cleanup(stop)
	in.Wait(t, "live", func() bool { return in.Lives() > before })
	return stop
}

// reach lets the webhooks of the double reach a connector.
func reach(t *testing.T, srv *twiliotest.Server, c connectors.Webhooker, in connectors.Sink) {
	t.Helper()
	web := httptest.NewServer(c.Webhook(in))
	t.Cleanup(web.Close)
	srv.Route(public, web.URL)
}

// outgoing is a message of ours.
func outgoing(id uint64, text string) message.Message {
	return message.Message{ID: id, Token: "tokentokentoken1", Channel: ChannelSMS, Account: "texts", Direction: message.Out, Chat: true,
		To: []message.Person{{Handle: "tel:" + ann}}, Text: text, Time: time.Now()}
}
