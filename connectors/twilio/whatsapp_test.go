package twilio

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"
	"time"

	"throughline/connectors"
	"throughline/connectors/twilio/twiliotest"
	"throughline/message"
)

const approved = "HX00000000000000000000000000000001"

func TestWhatsAppInAndOut(t *testing.T) {
	r := newRig(t, whatsapp(), nil)
	first, err := r.c.Send(t.Context(), outgoing(1, "Too early"))
	if err != nil {
		t.Fatal(err)
	}
	r.hub.Wait(t, "the refusal", func() bool {
		for _, rep := range r.hub.Reports() {
			if rep.Status == message.Failed {
				return rep.Code == "63016" && strings.Contains(rep.Reason, "24 hours")
			}
		}
		return false
	})
	a, err := r.ReceiveMessage(twiliotest.Inbound{From: "whatsapp:" + ann, To: "whatsapp:" + ourWhatsApp, Body: "Hello", ProfileName: "Ann Example", RepliedTo: first.Ref})
	if err != nil || !a.Answered {
		t.Fatal(err)
	}
	m := r.hub.Messages()[0]
	if m.From.Handle != "tel:"+ann || m.From.Name != "Ann Example" || m.To[0].Handle != "tel:"+ourWhatsApp || m.Channel != ChannelWhatsApp ||
		len(m.Refs) != 1 || m.Refs[0] != first.Ref || len(m.Warnings) > 0 {
		t.Errorf("%+v", m)
	}
	receipt, err := r.c.Send(t.Context(), outgoing(2, "Hello Ann"))
	if err != nil {
		t.Fatal(err)
	}
	sent, err := r.WaitMessage(t.Context(), func(m twiliotest.Message) bool { return m.SID == receipt.Ref && m.Status == "delivered" })
	if err != nil || sent.To != "whatsapp:"+ann || sent.From != "whatsapp:"+ourWhatsApp {
		t.Errorf("%+v, %v", sent, err)
	}
	if err := r.ReadMessage(receipt.Ref); err != nil {
		t.Fatal(err)
	}
	r.hub.Wait(t, "read", func() bool {
		for _, rep := range r.hub.Reports() {
			if rep.Status == message.Read && rep.Ref == message.OwnRef(2, "tokentokentoken1") && rep.Handle == "tel:"+ann {
				return true
			}
		}
		return false
	})
	if n := r.Notes(); len(n) > 0 {
		t.Errorf("notes: %q", n)
	}
}

func TestWhatsAppInfo(t *testing.T) {
	r := newRig(t, whatsapp(), func(_ *twiliotest.Options, _ map[string]any, h *connectors.Host) {
		h.Share = func(message.Part, time.Duration) string { return "https://hub.example.com/share/x" }
	})
	info := r.c.Info()
	want := connectors.Writing{Files: 1, FileBytes: 16 << 20, Text: 1600, Window: 24 * time.Hour, Chat: true}
	if info.Idempotent || info.Channel != ChannelWhatsApp || info.Own.Handle != "tel:"+ourWhatsApp || info.Writing != want {
		t.Errorf("%+v", info)
	}
	if w := newRig(t, sms(), nil).c.Info().Writing; !w.Segments || !w.Chat || w.Window != 0 || w.Letter || w.Rich {
		t.Errorf("%+v", w)
	}
}

func TestATemplateGoesOut(t *testing.T) {
	r := newRig(t, whatsapp(), func(o *twiliotest.Options, _ map[string]any, _ *connectors.Host) {
		o.Templates = []twiliotest.Template{{SID: approved, Body: "Your order {{1}} is on its way, {{name}}"}}
	})
	m := outgoing(1, "Your order 17 is on its way, Ann")
	m.Template = &message.TemplateUse{ID: approved, Values: map[string]string{"1": "17", "name": "Ann"}}
	since := time.Now()
	receipt, err := r.c.Send(t.Context(), m)
	if err != nil {
		t.Fatal(err)
	}
	sent, err := r.WaitMessage(t.Context(), func(m twiliotest.Message) bool { return m.SID == receipt.Ref && m.Status == "delivered" })
	if err != nil || sent.Body != m.Text || sent.ContentSID != approved {
		t.Errorf("%+v, %v", sent, err)
	}
	// It is found by its words, or as the only one of that time.
	for _, text := range []string{m.Text, "Your order 17\nis on its way, Ann"} {
		m.Text = text
		if found, err := r.c.Find(t.Context(), m, since, never); err != nil || found.Ref != receipt.Ref {
			t.Errorf("%q: %+v, %v", text, found, err)
		}
	}
	for name, use := range map[string]message.TemplateUse{
		"no such template": {ID: "HX00000000000000000000000000000009"}, "not an ID": {ID: "order"}, "a gap is empty": {ID: approved, Values: map[string]string{"1": "17"}},
	} {
		m.Template = &use
		_, err := r.c.Send(t.Context(), m)
		if se := sendErr(t, err); se.Class != connectors.Reject {
			t.Errorf("%s: %+v", name, se)
		}
	}
}

func TestTemplates(t *testing.T) {
	pages := map[string]string{
		"": `{"contents":[
			{"sid":"HX00000000000000000000000000000001","friendly_name":"order_sent","language":"en_US","types":{"twilio/text":{"body":"Order {{1}} is on its way, {{ name }}. {{1}}"}},"approval_requests":{"status":"approved","name":"x"}},
			{"sid":"HX00000000000000000000000000000002","friendly_name":"waiting","language":"en","types":{"twilio/text":{"body":"x"}},"approval_requests":{"status":"pending"}},
			{"sid":"HX00000000000000000000000000000003","friendly_name":"never asked","language":"en","types":{"twilio/text":{"body":"x"}}}],
			"meta":{"next_page_url":"https://content.twilio.com/v1/ContentAndApprovals?PageSize=100&Page=1&PageToken=x"}}`,
		"x": `{"contents":[
			{"sid":"HX00000000000000000000000000000004","friendly_name":"greeting","language":"fa","types":{"twilio/quick-reply":{"body":"سلام","actions":[]}},"approval_requests":{"status":"approved"}},
			{"sid":"HX00000000000000000000000000000005","friendly_name":"no words","language":"en","types":{"twilio/media":{"media":[]}},"approval_requests":{"status":"approved"}},
			{"sid":"odd","friendly_name":"odd","language":"en","types":{"twilio/text":{"body":"x"}},"approval_requests":{"status":"approved"}}],"meta":{"next_page_url":null}}`,
	}
	status := http.StatusOK
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, _, ok := r.BasicAuth(); !ok || r.URL.Path != "/v1/ContentAndApprovals" {
			t.Errorf("%s without credentials", r.URL)
		}
		w.WriteHeader(status)
		_, _ = w.Write([]byte(pages[r.URL.Query().Get("PageToken")]))
	}))
	defer web.Close()
	list := func(chosen ...string) ([]message.Template, error) {
		raw, _ := json.Marshal(map[string]any{"account_sid": twiliotest.DefaultAccountSID, "auth_token": "t", "from": ourWhatsApp, "base_url": web.URL, "templates": chosen})
		c, err := WhatsApp().New(connectors.Account{ID: "wa", Channel: ChannelWhatsApp, Settings: raw}, connectors.Host{})
		if err != nil {
			t.Fatal(err)
		}
		return c.(connectors.Templater).Templates(t.Context())
	}
	got, err := list()
	want := []message.Template{
		{ID: "HX00000000000000000000000000000004", Name: "greeting", Language: "fa", Text: "سلام"},
		{ID: approved, Name: "order_sent", Language: "en-US", Text: "Order {{1}} is on its way, {{ name }}. {{1}}", Gaps: []string{"1", "name"}},
	}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%+v, %v", got, err)
	}
	if got, err := list(approved, "HX00000000000000000000000000000002"); err != nil || len(got) != 1 || got[0].ID != approved {
		t.Errorf("%+v, %v", got, err)
	}
	status = http.StatusUnauthorized
	if _, err := list(); connectors.ClassOf(err) != connectors.AccountFault {
		t.Errorf("%v", err)
	}
	if raw, ok := any(newRig(t, sms(), nil).c).(connectors.Templater); ok {
		t.Errorf("%T has templates", raw)
	}
}
