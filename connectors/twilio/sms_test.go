package twilio

import (
	"testing"

	"throughline/connectors/connectortest"
	"throughline/message"
)

func TestATextComesIn(t *testing.T) {
	r := newRig(t, sms(), nil)
	a, err := r.Receive(ann, ourNumber, "Hello there")
	if err != nil || !a.Answered {
		t.Fatalf("answered %v, %v, alerts %+v", a.Answered, err, r.Alerts())
	}
	got := r.hub.Messages()
	if len(got) != 1 {
		t.Fatalf("%d messages", len(got))
	}
	m := got[0]
	if m.Key != "twilio:"+a.Message.SID || m.Source != m.Key || m.Ref != a.Message.SID || m.From.Handle != "tel:"+ann ||
		len(m.To) != 1 || m.To[0].Handle != "tel:"+ourNumber || m.Text != "Hello there" || m.Reply != m.Text || !m.Chat ||
		m.Kind != message.Human || m.Direction != message.In || m.Channel != ChannelSMS || m.Account != "texts" || m.Time.IsZero() {
		t.Errorf("%+v", m)
	}
	if connectortest.Text(t, m.Raw) == "" {
		t.Error("nothing raw")
	}
}

func TestATextGoesOut(t *testing.T) {
	r := newRig(t, sms(), nil)
	receipt, err := r.c.Send(t.Context(), outgoing(7, "Your order is ready"))
	if err != nil {
		t.Fatal(err)
	}
	own := message.OwnRef(7, "tokentokentoken1")
	r.hub.Wait(t, "delivery", func() bool {
		for _, rep := range r.hub.Reports() {
			if rep.Ref == own && rep.Status == message.Delivered && rep.Handle == "tel:"+ann && rep.Wire == receipt.Ref {
				return true
			}
		}
		return false
	})
	m, ok := r.Message(receipt.Ref)
	if !ok || m.Body != "Your order is ready" || m.To != ann || m.From != ourNumber {
		t.Errorf("%+v", m)
	}
	if n := r.Notes(); len(n) > 0 {
		t.Errorf("notes: %q", n)
	}
}
