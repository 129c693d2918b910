package twiliotest

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"sync"
	"testing"
	"time"
)

func TestDeliveryByHand(t *testing.T) {
	srv, app := start(t, Options{HoldDelivery: true, FailTo: map[string]int{agent: 30005}})
	send := func(to string) string {
		code, v := raw(t, srv, "POST", srv.path("Messages"), url.Values{"To": {to}, "From": {ours}, "Body": {"a"},
			"StatusCallback": {app.url + "/status"}})
		if code != 201 {
			t.Fatal(v)
		}
		return v["sid"].(string)
	}
	of := func(sid, status string) func(hit) bool {
		return func(h hit) bool { return h.form["MessageSid"] == sid && h.form["MessageStatus"] == status }
	}
	one, two, three := send(customer), send(customer), send(agent)
	app.wait("/status", of(one, "sent"))
	app.wait("/status", of(two, "sent"))
	if m, _ := srv.Message(one); m.Status != "sent" {
		t.Errorf("held message is %s", m.Status)
	}
	if err := srv.Deliver(one); err != nil {
		t.Error(err)
	}
	if err := srv.FailMessage(two, 30007); err != nil {
		t.Error(err)
	}
	app.wait("/status", of(one, "delivered"))
	if h := app.wait("/status", of(two, "undelivered")); h.form["ErrorCode"] != "30007" {
		t.Errorf("failed by hand: %v", h.form)
	}
	if h := app.wait("/status", of(three, "undelivered")); h.form["ErrorCode"] != "30005" {
		t.Errorf("failed by address: %v", h.form)
	}
	if err := srv.Deliver(two); err == nil {
		t.Error("an undelivered message was delivered")
	}
	if err := srv.ReadMessage(one); err == nil {
		t.Error("an SMS was read")
	}
	_, v := raw(t, srv, "GET", srv.path("Messages", three), nil)
	if v["error_code"] != 30005.0 || v["error_message"] == nil {
		t.Errorf("resource: %v", v)
	}
}

func TestNumbersAreSetByTheAPI(t *testing.T) {
	srv, app := start(t, Options{})
	sid := srv.PutNumber(Number{PhoneNumber: "+15550155", SMS: true, Voice: true})
	code, v := raw(t, srv, "POST", srv.path("IncomingPhoneNumbers", sid), url.Values{"SmsUrl": {app.url + "/new"}})
	if code != 200 || v["sms_url"] != app.url+"/new" || v["phone_number"] != "+15550155" {
		t.Fatalf("%d %v", code, v)
	}
	if a, err := srv.Receive(customer, "+15550155", "a"); err != nil || !a.Answered || len(app.hits("/new")) != 1 {
		t.Errorf("%+v %v", a, err)
	}
	if _, err := srv.Receive(customer, "+15550156", "a"); err == nil {
		t.Error("a message to a foreign number arrived")
	}
}

func TestConcurrencyLimit(t *testing.T) {
	srv, _ := start(t, Options{MaxConcurrent: 1})
	srv.Inject(Fault{Path: "/Calls.json", Delay: time.Hour})
	slow, giveUp := context.WithCancel(t.Context())
	defer giveUp()
	var wg sync.WaitGroup
	wg.Go(func() {
		req, _ := http.NewRequestWithContext(slow, "GET", srv.URL()+srv.path("Calls"), nil)
		if resp, err := http.DefaultClient.Do(req); err == nil {
			resp.Body.Close()
			t.Error("the slow request was answered")
		}
	})
	becomes := func(want int) {
		if err := srv.Wait(ctx(t), func() bool { code, _ := raw(t, srv, "GET", srv.path(), nil); return code == want }); err != nil {
			t.Errorf("never %d: %v", want, err)
		}
	}
	becomes(http.StatusTooManyRequests)
	giveUp()
	wg.Wait()
	becomes(http.StatusOK)
}

func TestVoiceFallback(t *testing.T) {
	srv, app := start(t, Options{Frozen: true})
	srv.PutNumber(Number{PhoneNumber: ours, Voice: true, VoiceURL: app.url + "/voice", VoiceFallbackURL: app.url + "/sorry"})
	app.handle("/voice", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(500) })
	app.on("/sorry", "<Say>Please call later</Say>")
	call, err := srv.Call(customer, ours)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := call.WaitEnd(ctx(t)); err != nil || !slices.Equal(call.State().Heard, []string{"Please call later"}) {
		t.Errorf("%+v %v", call.State(), err)
	}
	if h := app.wait("/sorry", nil); h.form["ErrorCode"] != "11200" || h.form["CallSid"] != call.SID() {
		t.Errorf("fallback: %v", h.form)
	}
}

func TestGather(t *testing.T) {
	srv, app := start(t, Options{Frozen: true})
	app.on("/next", "<Hangup/>")
	for _, c := range []struct {
		name, attrs string
		act         func(*Call) error
		want        map[string]string // nil: the Gather falls through
	}{
		{"count", `numDigits="3"`, func(c *Call) error { return c.Press("12345") }, map[string]string{"Digits": "123"}},
		{"hash", ``, func(c *Call) error { return c.Press("12#") }, map[string]string{"Digits": "12", "FinishedOnKey": "#"}},
		{"star", `finishOnKey="*"`, func(c *Call) error { return c.Press("1#2*") }, map[string]string{"Digits": "1#2"}},
		{"speech", `input="speech"`, func(c *Call) error { return c.Speak(time.Second, "sales please") },
			map[string]string{"SpeechResult": "sales please", "Digits": ""}},
		{"nothing", ``, func(*Call) error { return nil }, nil},
		{"nothing, told", `actionOnEmptyResult="true"`, func(*Call) error { return nil }, map[string]string{"Digits": ""}},
		{"one by one", `numDigits="2"`, func(c *Call) error { _ = c.Press("4"); return c.Press("2") }, map[string]string{"Digits": "42"}},
		{"then silence", ``, func(c *Call) error { return c.Press("4") }, map[string]string{"Digits": "4"}},
	} {
		app.on("/voice", `<Gather action="/next" timeout="5" `+c.attrs+`><Say>Press</Say></Gather><Say>Nothing came</Say>`)
		call, err := srv.Call(customer, ours)
		if err != nil {
			t.Fatal(err)
		}
		if err := call.WaitVerb(ctx(t), "Gather"); err != nil {
			t.Fatal(err)
		}
		if err := c.act(call); err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
		srv.Advance(6 * time.Second) // silence, where it has not ended already
		if _, err := call.WaitEnd(ctx(t)); err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		fell := slices.Contains(call.State().Heard, "Nothing came")
		if (c.want == nil) != fell {
			t.Errorf("%s: fell through: %v", c.name, fell)
		}
		if c.want == nil {
			continue
		}
		h := app.wait("/next", func(h hit) bool { return h.form["CallSid"] == call.SID() })
		for k, want := range c.want {
			if h.form[k] != want {
				t.Errorf("%s: %s = %q, want %q", c.name, k, h.form[k], want)
			}
		}
	}
}

func TestNestedDocumentsAreLimited(t *testing.T) {
	srv, app := start(t, Options{Frozen: true})
	srv.OnRing(agent, func(c *Call) { _ = c.Answer() })
	for _, c := range []struct {
		voice, nested string
		code          int
	}{
		{`<Dial><Number url="/nested">` + agent + `</Number></Dial>`, `<Dial>` + agent + `</Dial>`, 13201},
		{`<Enqueue waitUrl="/nested">q</Enqueue>`, `<Record/>`, 12200},
		{`<Dial><Conference waitUrl="/nested">r</Conference></Dial>`, `<Gather/>`, 12200},
	} {
		app.on("/voice", c.voice)
		app.on("/nested", c.nested)
		call, err := srv.Call(customer, ours)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := call.WaitEnd(ctx(t)); err != nil || !hasAlert(srv, c.code) {
			t.Errorf("%s: %v, alerts %v", c.voice, err, srv.Alerts())
		}
	}
}

func TestMediaAccess(t *testing.T) {
	for _, open := range []bool{false, true} {
		srv, _ := start(t, Options{OpenMedia: open})
		a, err := srv.Receive(customer, ours, "", Media{ContentType: "audio/amr", Data: []byte("amr")})
		if err != nil {
			t.Fatal(err)
		}
		u := srv.URL() + srv.uri("Messages", a.Message.SID, "Media", a.Message.Media[0].SID)
		get := func(u string, auth bool) *http.Response {
			req, _ := http.NewRequest("GET", u, nil)
			if auth {
				req.SetBasicAuth(srv.AccountSID(), srv.AuthToken())
			}
			resp, err := http.DefaultTransport.RoundTrip(req) // does not follow redirects
			if err != nil {
				t.Fatal(err)
			}
			resp.Body.Close()
			return resp
		}
		want := http.StatusUnauthorized
		if open {
			want = http.StatusTemporaryRedirect
		}
		if resp := get(u, false); resp.StatusCode != want {
			t.Errorf("open %v: %d, want %d", open, resp.StatusCode, want)
		}
		if resp := get(u+".json", false); resp.StatusCode != http.StatusUnauthorized {
			t.Errorf("the description is open: %d", resp.StatusCode)
		}
		cdn := get(u, true).Header.Get("Location")
		if resp := get(cdn, false); resp.StatusCode != 200 || resp.Header.Get("Content-Type") != "audio/amr" {
			t.Errorf("%s: %d %v", cdn, resp.StatusCode, resp.Header)
		}
		if resp := get(cdn, true); resp.StatusCode != http.StatusBadRequest {
			t.Errorf("credentials at the CDN: %d", resp.StatusCode)
		}
		if resp := get(cdn+"0", false); resp.StatusCode != http.StatusForbidden {
			t.Errorf("wrong signature at the CDN: %d", resp.StatusCode)
		}
	}
}

func TestBlackOutInACall(t *testing.T) {
	srv, app := start(t, Options{Frozen: true})
	app.on("/voice", `<Gather action="/next" numDigits="1"/>`)
	call, err := srv.Call(customer, ours)
	if err != nil {
		t.Fatal(err)
	}
	if err := call.WaitVerb(ctx(t), "Gather"); err != nil {
		t.Fatal(err)
	}
	srv.PauseWebhooks()
	if err := call.Press("1"); err != nil {
		t.Fatal(err)
	}
	if _, err := call.WaitEnd(ctx(t)); err != nil || !slices.Contains(call.State().Heard, applicationError) || !hasAlert(srv, 11205) {
		t.Errorf("%+v %v %v", call.State(), srv.Alerts(), err)
	}
	if err := call.Press("1"); err == nil {
		t.Error("a call that is over listens")
	}
}

func BenchmarkReceive(b *testing.B) {
	web := http.NewServeMux()
	web.HandleFunc("/sms", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) })
	url := newServer(b, web)
	srv, err := Start(Options{Numbers: []Number{{PhoneNumber: ours, SMS: true, SMSURL: url + "/sms"}}})
	if err != nil {
		b.Fatal(err)
	}
	defer srv.Close()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if a, err := srv.Receive(customer, ours, "Hello"); err != nil || !a.Answered {
				b.Fatal(a, err)
			}
		}
	})
}
