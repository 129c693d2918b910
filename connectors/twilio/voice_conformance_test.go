package twilio

import (
	"context"
	"encoding/json"
	"net/http/httptest"
	"testing"

	"throughline/connectors"
	"throughline/connectors/connectortest"
	"throughline/connectors/twilio/twiliotest"
	"throughline/message"
)

// party is a leg at the double as the suite handles it.
type party struct{ *twiliotest.Call }

func (p party) Talks(ctx context.Context) error {
	_, err := p.WaitState(ctx, func(s twiliotest.State) bool { return s.Conference != "" || s.TalkingTo != "" })
	return err
}

func (p party) Ended(ctx context.Context) error {
	_, err := p.WaitEnd(ctx)
	return err
}

func TestPhoneConformance(t *testing.T) {
	connectortest.RunPhone(t, func(t *testing.T) connectortest.Line {
		r := newLineRig(t, map[string]any{"api_key": apiKey, "api_secret": apiSecret})
		one := func(c *twiliotest.Call, err error) (connectortest.Party, error) { return party{c}, err }
		return connectortest.Line{
			New: func(desk connectors.Desk, in connectors.Sink) connectors.Connector {
				raw, err := json.Marshal(r.set)
				must(t, err)
				host := r.host
				host.Desk = desk
				l, err := newLine(connectors.Account{ID: "line", Channel: ChannelVoice, Settings: raw}, host)
				must(t, err)
				t.Cleanup(l.core.client.CloseIdleConnections)
				web := httptest.NewServer(l.Webhook(in))
				t.Cleanup(web.Close)
				r.Route(public, web.URL)
				return l
			},
			Call: func() (connectortest.Party, error) { return one(r.Server.Call(ann, ourLine)) },
			Rings: func(ctx context.Context, c connectors.Connector, leg message.CallLeg) (connectortest.Party, error) {
				return one(r.NextRinging(ctx, c.(*Line).target(leg)))
			},
			Customer: func(ctx context.Context) (connectortest.Party, error) { return one(r.NextRinging(ctx, ann)) },
			Number:   handleOf(ann),
			Secrets:  []string{apiSecret, r.AuthToken()},
		}
	})
}
