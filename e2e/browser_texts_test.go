package e2e

import (
	"bytes"
	"context"
	"image"
	"image/png"
	"net/http"
	"strings"
	"testing"

	"throughline/connectors/twilio/twiliotest"
)

// TestBrowserTexts is the story of texts and WhatsApp on the screen, with a double
// of the provider behind the hub.
func TestBrowserTexts(t *testing.T) {
	t.Parallel()
	node, chromium := browserTools(t)
	p := openPhones(t, hubOptions{undo: "6s"}, twiliotest.Options{Templates: []twiliotest.Template{
		{SID: template, Name: "ready", Body: "Hello {{1}}, your bicycle is ready."},
	}})
	p.twilio.FailTo(benNumber, 30003)
	browse(t, node, chromium, "texts", p.hub, p.around())
	p.check()
}

// around answers the scenarios.
func (p *phones) around() http.Handler {
	mux := surroundings{http.NewServeMux()}
	var square bytes.Buffer
	if err := png.Encode(&square, image.NewGray(image.Rect(0, 0, 40, 40))); err != nil {
		p.t.Fatal(err)
	}
	// text brings a text of a customer, with a picture if asked for.
	mux.handle("text", func(in map[string]any) (any, error) {
		m := twiliotest.Inbound{From: textOf(in, "from"), To: ourNumber, Body: textOf(in, "body"), ProfileName: textOf(in, "name")}
		if strings.HasPrefix(m.From, "whatsapp:") {
			m.To = "whatsapp:" + ourWhatsApp
		}
		if in["picture"] == true {
			m.Media = []twiliotest.Media{{ContentType: "image/png", Data: square.Bytes()}}
		}
		_, err := p.twilio.ReceiveMessage(m)
		return true, err
	})
	// outbox waits for n messages of ours and returns all.
	mux.handle("outbox", func(in map[string]any) (any, error) {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		err := p.twilio.Wait(ctx, func() bool { return len(p.twilio.Outbox()) >= numberOf(in, "n") })
		list := []map[string]string{}
		for _, m := range p.twilio.Outbox() {
			list = append(list, map[string]string{"from": m.From, "to": m.To, "body": m.Body})
		}
		return list, err
	})
	return mux
}
