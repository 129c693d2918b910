package twiliotest

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	api "github.com/twilio/twilio-go/rest/api/v2010"
)

func TestReceive(t *testing.T) {
	srv, app := start(t, Options{})
	app.on("/sms", "<Message>Thanks!<Media>"+app.url+"/logo.png</Media></Message><Message><Body>Bye &amp; co</Body></Message>")
	app.handle("/logo.png", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "image/png")
		_, _ = io.WriteString(w, "png")
	})
	a, err := srv.Receive(customer, ours, "Hello", Media{ContentType: "image/jpeg", Data: []byte("jpeg")})
	if err != nil {
		t.Fatal(err)
	}
	if !a.Answered || len(a.Replies) != 2 || a.Replies[1].Body != "Bye & co" || a.Replies[0].Direction != "outbound-reply" {
		t.Errorf("arrival: %+v", a)
	}
	h := app.wait("/sms", nil)
	sid := a.Message.SID
	for k, want := range map[string]string{"MessageSid": sid, "SmsSid": sid, "SmsMessageSid": sid, "AccountSid": srv.AccountSID(),
		"From": customer, "To": ours, "Body": "Hello", "NumMedia": "1", "NumSegments": "1", "MediaContentType0": "image/jpeg",
		"SmsStatus": "received", "ApiVersion": "2010-04-01", "FromCountry": "US"} {
		if h.form[k] != want {
			t.Errorf("%s = %q, want %q", k, h.form[k], want)
		}
	}
	if !strings.HasPrefix(sid, "MM") {
		t.Errorf("SID %s of a message with media", sid)
	}
	c := vendor(t, srv)
	p := &api.ListMessageParams{}
	p.SetFrom(customer)
	list, err := c.ListMessage(p)
	if err != nil || len(list) != 1 || *list[0].Sid != sid || *list[0].NumMedia != "1" {
		t.Errorf("list: %v %v", list, err)
	}
	media, err := c.ListMedia(sid, &api.ListMediaParams{})
	if err != nil || len(media) != 1 || *media[0].ContentType != "image/jpeg" {
		t.Fatalf("media: %v %v", media, err)
	}
	// The bytes are behind the same credentials, and then on another host which must not get them.
	for _, auth := range []bool{false, true} {
		req, _ := http.NewRequest("GET", h.form["MediaUrl0"], nil)
		if auth {
			req.SetBasicAuth(srv.AccountSID(), srv.AuthToken())
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(resp.Body)
		resp.Body.Close()
		if auth && (resp.StatusCode != 200 || string(body) != "jpeg" || resp.Header.Get("Content-Type") != "image/jpeg") {
			t.Errorf("media: %d %q", resp.StatusCode, body)
		}
		if !auth && resp.StatusCode != 401 {
			t.Errorf("media without credentials: %d", resp.StatusCode)
		}
	}
	if err := c.DeleteMedia(sid, *media[0].Sid, &api.DeleteMediaParams{}); err != nil {
		t.Error(err)
	}
	if media, err = c.ListMedia(sid, &api.ListMediaParams{}); err != nil || len(media) != 0 {
		t.Errorf("media after delete: %v %v", media, err)
	}
	m, err := srv.WaitMessage(ctx(t), func(m Message) bool { return m.SID == a.Replies[0].SID && m.Status == "delivered" })
	if err != nil || len(m.Media) != 1 || string(m.Media[0].Data) != "png" {
		t.Errorf("reply: %+v %v", m, err)
	}
	if l := srv.Alerts(); len(l) > 0 {
		t.Errorf("alerts: %v", l)
	}
}

func TestWebhookFailures(t *testing.T) {
	srv, app := start(t, Options{})
	text := func(ct, body string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", ct)
			_, _ = io.WriteString(w, body)
		}
	}
	for _, c := range []struct {
		name   string
		answer http.HandlerFunc
		code   int
	}{
		{"server error", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(503) }, 11200},
		{"not XML", text("text/xml", "Thanks"), 12100},
		{"empty XML", text("text/xml", ""), 12100},
		{"unknown verb", text("text/xml", "<Response><Sms>a</Sms></Response>"), 12200},
		{"voice verb", text("text/xml", "<Response><Say>a</Say></Response>"), 12200},
		{"JSON", text("application/json", "{}"), 12300},
		{"too large", text("text/xml", "<Response><!--"+strings.Repeat("x", maxTwiML)+"--></Response>"), 11750},
		{"redirect loop", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/sms", http.StatusFound) }, 11215},
	} {
		app.handle("/sms", c.answer)
		before := len(srv.Alerts())
		a, err := srv.Receive(customer, ours, c.name)
		if err != nil {
			t.Fatal(err)
		}
		alerts := srv.Alerts()[before:]
		if len(alerts) != 1 || alerts[0].Code != c.code || alerts[0].Resource != a.Message.SID {
			t.Errorf("%s: alerts %v, want one of code %d", c.name, alerts, c.code)
		}
	}
	f := app.hits("/fallback")
	if len(f) != 8 || f[0].form["ErrorCode"] != "11200" || f[0].form["ErrorUrl"] != app.url+"/sms" {
		t.Errorf("fallback: %v", f)
	}
	app.handle("/sms", text("text/plain", "OK"))
	if a, err := srv.Receive(customer, ours, "plain"); err != nil || len(a.Replies) != 1 || a.Replies[0].Body != "OK" {
		t.Errorf("a plain text answer is sent to the customer: %+v %v", a, err)
	}
}

func TestRetryPolicy(t *testing.T) {
	srv, app := start(t, Options{})
	const dead = "http://127.0.0.1:1" // a port that is given to nobody: one that was closed may be somebody's again
	for _, c := range []struct {
		url   string
		tries int
	}{
		{app.url + "/bad", 1}, {app.url + "/bad#rc=2", 1}, {app.url + "/bad#rc=2&rp=5xx", 3}, {app.url + "/bad#rc=3&rp=4xx", 1},
		{app.url + "/bad#rc=5&rp=all", 6}, {app.url + "/bad#rc=9&rp=all", 2}, {dead, 2}, {dead + "#rc=0", 1},
		{app.url + "/slow#rt=100&tt=100", 1},
	} {
		app.handle("/bad", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(500) })
		app.handle("/slow", func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
		before := len(srv.Deliveries())
		if err := srv.SendForm(strings.Replace(c.url, "#", "?x=1#", 1), url.Values{"a": {"b"}}); err == nil {
			t.Errorf("%s: no error", c.url)
		}
		d := srv.Deliveries()[before:]
		if len(d) != c.tries {
			t.Errorf("%s: %d tries, want %d", c.url, len(d), c.tries)
		}
		token := d[0].Header.Get("I-Twilio-Idempotency-Token")
		if slices.ContainsFunc(d, func(x Delivery) bool { return x.Header.Get("I-Twilio-Idempotency-Token") != token }) {
			t.Errorf("%s: the token changes between tries", c.url)
		}
	}
}

func TestRouteSignsThePublicURL(t *testing.T) {
	var sig, host string
	local := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_ = r.ParseForm()
		sig, host = r.Header.Get("X-Twilio-Signature"), r.Host
		if want := Sign(DefaultAuthToken, "https://hub.example.org/hooks/sms?a=b", r.PostForm); sig != want {
			t.Errorf("signature %s, want %s", sig, want)
		}
	}))
	defer local.Close()
	srv, _ := start(t, Options{Numbers: []Number{{PhoneNumber: ours, SMS: true, SMSURL: "https://hub.example.org/hooks/sms?a=b"}},
		Routes: map[string]string{"https://hub.example.org": local.URL}})
	a, err := srv.ReceiveMessage(Inbound{From: customer, To: ours, Body: "a", Extra: url.Values{"Media": {"b", "a", "b"}}})
	if err != nil || !a.Answered || host != "hub.example.org" {
		t.Errorf("%+v %v %s", a, err, host)
	}
}

func TestOptOutAndServices(t *testing.T) {
	srv, app := start(t, Options{})
	c := vendor(t, srv)
	p := &api.CreateMessageParams{}
	p.SetTo(customer).SetMessagingServiceSid(service).SetBody("One")
	m, err := c.CreateMessage(p)
	if err != nil || *m.Status != "accepted" || *m.NumSegments != "0" {
		t.Fatalf("%+v %v", m, err)
	}
	app.wait("/status", func(h hit) bool {
		return h.form["MessageStatus"] == "delivered" && h.form["MessagingServiceSid"] == service
	})
	if _, err := srv.Receive(customer, "+15550101", "stop"); err != nil {
		t.Fatal(err)
	}
	if h := app.wait("/service", nil); h.form["OptOutType"] != "STOP" || h.form["MessagingServiceSid"] != service {
		t.Errorf("webhook: %v", h.form)
	}
	if !srv.OptedOut(customer, service) {
		t.Error("not opted out of the service")
	}
	// Through a service the refusal comes later, as a state.
	if m, err = c.CreateMessage(p); err != nil {
		t.Fatal(err)
	}
	h := app.wait("/status", func(h hit) bool { return h.form["MessageSid"] == *m.Sid && h.form["MessageStatus"] == "failed" })
	if h.form["ErrorCode"] != "21610" {
		t.Errorf("callback: %v", h.form)
	}
	replies := slices.DeleteFunc(srv.Messages(), func(m Message) bool { return m.Direction != "outbound-reply" })
	if len(replies) != 1 {
		t.Errorf("replies of the vendor: %v", replies)
	}
	if _, err := srv.Receive(customer, "+15550101", " START "); err != nil || srv.OptedOut(customer, service) {
		t.Errorf("still opted out, %v", err)
	}
}

func TestWhatsApp(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	srv, app := start(t, Options{Now: func() time.Time { return now }})
	send := func(form url.Values) string {
		form.Set("To", waThem)
		form.Set("From", waOurs)
		form.Set("StatusCallback", app.url+"/status")
		code, v := raw(t, srv, "POST", srv.path("Messages"), form)
		if code != 201 {
			t.Fatalf("%d %v", code, v)
		}
		return v["sid"].(string)
	}
	of := func(sid, state string) func(hit) bool {
		return func(h hit) bool { return h.form["MessageSid"] == sid && h.form["MessageStatus"] == state }
	}
	sid := send(url.Values{"Body": {"free"}})
	if h := app.wait("/status", of(sid, "undelivered")); h.form["ErrorCode"] != "63016" || h.form["ChannelStatusMessage"] == "" {
		t.Errorf("outside the window: %v", h.form)
	}
	sid = send(url.Values{"ContentSid": {template}, "ContentVariables": {`{"1":"Ann","2":"17"}`}})
	app.wait("/status", of(sid, "delivered"))
	if m, _ := srv.Message(sid); m.Body != "Hello Ann, your order 17 is ready." {
		t.Errorf("template: %q", m.Body)
	}
	a, err := srv.ReceiveMessage(Inbound{From: waThem, To: waOurs, Body: "Yes", ProfileName: "Ann", ButtonText: "Yes",
		ButtonPayload: "yes", RepliedTo: sid})
	if err != nil || !a.Answered {
		t.Fatalf("%+v %v", a, err)
	}
	h := app.wait("/wa", nil)
	for k, want := range map[string]string{"WaId": "15550123", "ProfileName": "Ann", "ButtonPayload": "yes", "From": waThem,
		"OriginalRepliedMessageSid": sid, "MessageType": "button", "FromCountry": ""} {
		if h.form[k] != want {
			t.Errorf("%s = %q, want %q", k, h.form[k], want)
		}
	}
	sid = send(url.Values{"Body": {"free"}})
	app.wait("/status", of(sid, "delivered"))
	if err := srv.ReadMessage(sid); err != nil {
		t.Fatal(err)
	}
	app.wait("/status", of(sid, "read"))
	now = now.Add(25 * time.Hour)
	sid = send(url.Values{"Body": {"free"}})
	app.wait("/status", of(sid, "undelivered"))
}
