package twilio

import (
	"context"
	"encoding/base64"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"throughline/connectors"
	"throughline/connectors/connectortest"
	"throughline/connectors/twilio/twiliotest"
)

// post makes a request as Twilio would, signed for the public address.
func (r *rig) post(route string, form url.Values, change func(*http.Request)) *httptest.ResponseRecorder {
	req := httptest.NewRequest(http.MethodPost, route, strings.NewReader(form.Encode()))
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("X-Twilio-Signature", base64.StdEncoding.EncodeToString(signature(twiliotest.DefaultAuthToken, public+route, form)))
	if change != nil {
		change(req)
	}
	w := httptest.NewRecorder()
	r.c.Webhook(r.hub).ServeHTTP(w, req)
	return w
}

func aText(n string) url.Values {
	return url.Values{"MessageSid": {"SM0000000000000000000000000000000" + n}, "From": {ann}, "To": {ourNumber}, "Body": {"Hello"}, "SmsStatus": {"received"},
		"AccountSid": {twiliotest.DefaultAccountSID}}
}

// BenchmarkWebhook is our share of a request, without the hub's.
func BenchmarkWebhook(b *testing.B) {
	c := reader(b, sms())
	c.host.PublicURL, c.set.token = public, twiliotest.DefaultAuthToken
	form := aText("1")
	for _, k := range []string{"ToCity", "ToZip", "FromCity", "FromZip", "ToState", "FromState", "ApiVersion", "AccountSid", "SmsSid", "NumSegments"} {
		form.Set(k, "some value")
	}
	body := form.Encode()
	sig := base64.StdEncoding.EncodeToString(signature(twiliotest.DefaultAuthToken, public+routeMessage, form))
	h := c.Webhook(connectortest.NewRecord())
	b.ReportAllocs()
	for b.Loop() {
		req := httptest.NewRequest(http.MethodPost, routeMessage, strings.NewReader(body))
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		req.Header.Set("X-Twilio-Signature", sig)
		w := httptest.NewRecorder()
		h.ServeHTTP(w, req)
		if w.Code != http.StatusOK {
			b.Fatal(w.Code, w.Body)
		}
	}
}

func TestWhatIsTurnedAway(t *testing.T) {
	large := url.Values{"Body": {strings.Repeat("x", maxForm)}}
	many := url.Values{}
	for i := range maxFields + 1 {
		many.Add("F", strings.Repeat("x", i%3))
	}
	for _, tt := range []struct {
		name   string
		route  string
		form   url.Values
		change func(*http.Request)
		status int
		says   string
	}{
		{"nothing wrong", routeMessage, aText("1"), nil, 200, "<Response/>"},
		{"no signature", routeMessage, aText("1"), func(r *http.Request) { r.Header.Del("X-Twilio-Signature") }, 403, public + routeMessage},
		{"signature of another address", routeMessage, aText("1"), func(r *http.Request) { r.URL.Path = routeStatus }, 403, public + routeStatus},
		{"a field more in the address", routeMessage, aText("1"), func(r *http.Request) { r.URL.RawQuery = "x=1" }, 403, "auth token"},
		{"GET", routeMessage, aText("1"), func(r *http.Request) { r.Method = http.MethodGet }, 405, "HTTP POST"},
		{"another path", "/other", aText("1"), nil, 404, routeMessage},
		{"too large", routeMessage, large, nil, 413, "larger"},
		{"too many fields", routeMessage, many, nil, 400, "fields"},
		{"not a form", routeMessage, aText("1"), func(r *http.Request) { r.Body = http.NoBody; r.Header.Set("Content-Type", "application/json") }, 403, "signature"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := newRig(t, sms(), nil)
			w := r.post(tt.route, tt.form, tt.change)
			if w.Code != tt.status || !strings.Contains(w.Body.String(), tt.says) || strings.Contains(w.Body.String(), twiliotest.DefaultAuthToken) {
				t.Errorf("%d %s", w.Code, w.Body)
			}
			if (len(r.hub.Messages()) == 1) != (tt.status == 200) {
				t.Errorf("%d messages", len(r.hub.Messages()))
			}
		})
	}
}

// The vendor's other webhooks are JSON with a digest in the address. Here they are
// no messages.
func TestJSONIsNoMessage(t *testing.T) {
	r := newRig(t, sms(), nil)
	if err := r.SendJSON(public+routeMessage, []byte(`{"a":1}`)); err == nil {
		t.Error("taken")
	}
	d := r.Deliveries()
	if len(d) == 0 || d[len(d)-1].Status != http.StatusUnsupportedMediaType {
		t.Errorf("%+v", d)
	}
}

func TestTheSecondRouteTakesMessagesToo(t *testing.T) {
	r := newRig(t, sms(), nil)
	if w := r.post(routeStatus, aText("1"), nil); w.Code != 200 || len(r.hub.Messages()) != 1 {
		t.Errorf("%d, %d messages", w.Code, len(r.hub.Messages()))
	}
	state := url.Values{"MessageSid": {"SM00000000000000000000000000000002"}, "MessageStatus": {"delivered"}, "To": {ann}}
	if w := r.post(routeMessage, state, nil); w.Code != 200 || len(r.hub.Reports()) != 1 || len(r.hub.Messages()) != 1 {
		t.Errorf("%d, %d reports", w.Code, len(r.hub.Reports()))
	}
	if rep := r.hub.Reports()[0]; rep.Ref != "SM00000000000000000000000000000002" {
		t.Errorf("%+v", rep)
	}
}

// 2xx only after the hub has it: until then Twilio tries the fallback address and
// writes an error, and we find it in the list.
func TestARefusalIsNotAcknowledged(t *testing.T) {
	r := newRig(t, sms(), func(_ *twiliotest.Options, set map[string]any, _ *connectors.Host) { set["poll_interval"] = "24h" })
	r.c.limits.soon = 0
	sup := connectors.NewSupervisor(r.c, r.hub, r.host.Log)
	ended := make(chan struct{})
	ctx, cancel := context.WithCancel(t.Context())
	go func() { defer close(ended); sup.Run(ctx) }()
	defer func() { cancel(); <-ended }()
	r.hub.Wait(t, "live", func() bool { return r.hub.Lives() > 0 })
	r.hub.Refuse(errors.New("the disk is full"))
	a, err := r.Receive(ann, ourNumber, "Hello")
	if err != nil || a.Answered || len(r.Alerts()) == 0 {
		t.Fatalf("answered %v, %v", a.Answered, err)
	}
	if d := r.Deliveries(); d[0].Status != http.StatusServiceUnavailable {
		t.Errorf("%+v", d)
	}
	r.hub.Refuse(nil)
	// The look that follows a refusal either comes now or was refused too.
	sup.Kick()
	r.hub.Wait(t, "the message", func() bool { return len(r.hub.Messages()) == 1 })
}

func TestRepeatsAddNothing(t *testing.T) {
	r := newRig(t, sms(), nil)
	for range 3 {
		if w := r.post(routeMessage, aText("1"), nil); w.Code != 200 {
			t.Fatal(w.Code)
		}
	}
	if got := r.hub.Messages(); len(got) != 1 {
		t.Errorf("%d messages with keys of their own", len(got))
	}
}

func TestWhatCannotBeReadIsHeld(t *testing.T) {
	r := newRig(t, sms(), nil)
	odd := aText("1")
	odd.Set("From", "")
	nameless := aText("1")
	nameless.Set("MessageSid", "hello")
	for _, f := range []url.Values{odd, nameless, nameless} {
		if w := r.post(routeMessage, f, nil); w.Code != 200 {
			t.Errorf("%d", w.Code)
		}
	}
	held := r.hub.Held()
	if len(held) != 3 || len(r.hub.Messages()) != 0 {
		t.Fatalf("%+v", held)
	}
	if held[0].Key != "twilio:SM00000000000000000000000000000001" || held[0].Source != held[0].Key || held[1].Source == "" || held[1].Source != held[2].Source {
		t.Errorf("%+v", held)
	}
	for _, h := range held {
		if connectortest.Text(t, h.Raw) == "" || h.Reason == "" {
			t.Errorf("%+v", h)
		}
	}
}

func TestWithoutAPublicAddress(t *testing.T) {
	r := newRig(t, sms(), func(_ *twiliotest.Options, set map[string]any, h *connectors.Host) {
		h.PublicURL = ""
		h.Share = nil
	})
	if w := r.post(routeMessage, aText("1"), nil); w.Code != http.StatusServiceUnavailable || !strings.Contains(w.Body.String(), "public address") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	info := r.c.Info()
	if info.Writing.Files != 0 {
		t.Errorf("%+v", info.Writing)
	}
	m := outgoing(1, "See this")
	m.Parts = aFile("a.jpg")
	_, err := r.c.Send(t.Context(), m)
	if se := sendErr(t, err); se.Class != connectors.Reject || !strings.Contains(se.Reason, "public address") {
		t.Errorf("%+v", se)
	}
	// Texts go out all the same, and their states are looked up.
	receipt, err := r.c.Send(t.Context(), outgoing(2, "Hello"))
	if err != nil {
		t.Fatal(err)
	}
	if sent, _ := r.Message(receipt.Ref); sent.Callback != "" {
		t.Errorf("callback %q", sent.Callback)
	}
	if _, err := r.WaitMessage(t.Context(), func(m twiliotest.Message) bool { return m.SID == receipt.Ref && m.Status == "delivered" }); err != nil {
		t.Fatal(err)
	}
	r.run(t)
	r.hub.Wait(t, "the state", func() bool { return len(r.hub.Reports()) == 1 })
	if rep := r.hub.Reports()[0]; rep.Ref != receipt.Ref || rep.Status != "delivered" {
		t.Errorf("%+v", rep)
	}
	if s := r.hub.Last(); !strings.Contains(s.Detail, "no public address") {
		t.Errorf("%+v", s)
	}
	if _, err := r.Receive(ann, ourNumber, "Are you there?"); err != nil {
		t.Fatal(err)
	}
	if r.c.pause() != noWebhookPoll {
		t.Errorf("looks every %v", r.c.pause())
	}
}

// People see what is wrong with the address at Twilio, until a request passes.
func TestAWrongSignatureIsShown(t *testing.T) {
	r := newRig(t, sms(), nil)
	r.run(t)
	wrong := func(r *http.Request) { r.Header.Set("X-Twilio-Signature", "AAAA") }
	r.post(routeMessage, url.Values{"From": {"a stranger"}}, wrong)
	if r.c.trouble != "" {
		t.Error("a stranger makes trouble")
	}
	r.post(routeMessage, aText("1"), wrong)
	r.hub.Wait(t, "the trouble", func() bool { return strings.Contains(r.hub.Last().Detail, public+routeMessage) })
	r.post(routeMessage, aText("1"), nil)
	r.hub.Wait(t, "its end", func() bool { return r.hub.Last().Detail == "" })
}
