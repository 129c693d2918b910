package twiliotest

import (
	"bytes"
	"io"
	"net/http"
	"net/url"
	"slices"
	"testing"
	"time"

	api "github.com/twilio/twilio-go/rest/api/v2010"
)

func TestFaultsOfTheAPI(t *testing.T) {
	srv, _ := start(t, Options{})
	c := vendor(t, srv)
	send := func() error {
		p := &api.CreateMessageParams{}
		p.SetTo(customer).SetFrom(ours).SetBody("a")
		_, err := c.CreateMessage(p)
		return err
	}
	srv.Inject(Fault{Method: "POST", Path: "/Messages.json", Status: 429, RetryAfter: 3 * time.Second, Count: 2})
	for range 2 {
		if err := send(); err == nil {
			t.Error("throttled request went through")
		}
	}
	if err := send(); err != nil {
		t.Error(err)
	}
	srv.Inject(Fault{Status: 503})
	if err := send(); err == nil {
		t.Error("503 went through")
	}
	srv.Inject(Fault{Cut: CutBefore})
	if err := send(); err == nil || len(srv.Outbox()) != 1 {
		t.Errorf("cut before: %v, %d messages", err, len(srv.Outbox()))
	}
	srv.Inject(Fault{Cut: CutAfter})
	if err := send(); err == nil || len(srv.Outbox()) != 2 {
		t.Errorf("cut after: %v, %d messages", err, len(srv.Outbox()))
	}
	req, _ := http.NewRequest("GET", srv.URL()+srv.path("Messages"), nil)
	srv.Inject(Fault{Status: 429, RetryAfter: 3 * time.Second})
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	body, _ := io.ReadAll(resp.Body)
	resp.Body.Close()
	if resp.Header.Get("Retry-After") != "3" || !bytes.Contains(body, []byte("20429")) {
		t.Errorf("429: %v %s", resp.Header, body)
	}
}

func TestFaultsOfCallbacks(t *testing.T) {
	srv, app := start(t, Options{})
	srv.SetCallbackFaults(CallbackFaults{Reverse: true, Repeat: 1, Drop: func(s string) bool { return s == "sending" }})
	form := url.Values{"To": {customer}, "From": {ours}, "Body": {"a"}, "StatusCallback": {app.url + "/status"}}
	if code, v := raw(t, srv, "POST", srv.path("Messages"), form); code != 201 {
		t.Fatal(v)
	}
	err := srv.Wait(ctx(t), func() bool { return len(app.hits("/status")) == 4 })
	var got []string
	for _, h := range app.hits("/status") {
		got = append(got, h.form["MessageStatus"])
	}
	if want := []string{"delivered", "delivered", "sent", "sent"}; err != nil || !slices.Equal(got, want) {
		t.Errorf("callbacks %v, want %v (%v)", got, want, err)
	}
}

func TestRedeliver(t *testing.T) {
	srv, app := start(t, Options{})
	a, err := srv.Receive(customer, ours, "once")
	if err != nil {
		t.Fatal(err)
	}
	if err := srv.Redeliver(a.Message.SID); err != nil {
		t.Fatal(err)
	}
	h := app.hits("/sms")
	if len(h) != 2 || h[0].form["MessageSid"] != h[1].form["MessageSid"] ||
		h[0].header.Get("I-Twilio-Idempotency-Token") != h[1].header.Get("I-Twilio-Idempotency-Token") {
		t.Errorf("%v", h)
	}
	if err := srv.Redeliver("SMx"); err == nil {
		t.Error("an unknown message was delivered")
	}
}

func TestBlackOut(t *testing.T) {
	srv, app := start(t, Options{})
	srv.PauseWebhooks()
	if a, err := srv.Receive(customer, ours, "lost"); err != nil || a.Answered {
		t.Errorf("%+v %v", a, err)
	}
	srv.ResumeWebhooks()
	if a, err := srv.Receive(customer, ours, "found"); err != nil || !a.Answered {
		t.Errorf("%+v %v", a, err)
	}
	if n := len(app.hits("/sms")); n != 1 || !hasAlert(srv, 11205) {
		t.Errorf("%d webhooks, alerts %v", n, srv.Alerts())
	}
	if _, v := raw(t, srv, "GET", srv.path("Messages"), nil); len(v["messages"].([]any)) != 2 {
		t.Errorf("list: %v", v)
	}
}

func TestMediaOut(t *testing.T) {
	srv, app := start(t, Options{})
	serve := func(ct string, status, size int) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", ct)
			w.WriteHeader(status)
			_, _ = w.Write(make([]byte, size))
		}
	}
	app.handle("/m", nil)
	for _, c := range []struct {
		name    string
		handler http.HandlerFunc
		code    int
	}{
		{"fine", serve("image/png; x=y", 200, 100), 0}, {"missing", serve("image/png", 404, 0), 11200},
		{"type", serve("application/x-shockwave-flash", 200, 9), 12300}, {"size", serve("video/mp4", 200, maxMediaBytes+1), 11751},
	} {
		m := http.NewServeMux()
		m.Handle("/", c.handler)
		web := newServer(t, m)
		form := url.Values{"To": {customer}, "From": {ours}, "Body": {c.name}, "MediaUrl": {web}}
		_, v := raw(t, srv, "POST", srv.path("Messages"), form)
		if v["num_media"] != "1" {
			t.Errorf("%s: num_media %v", c.name, v["num_media"])
		}
		got, err := srv.WaitMessage(ctx(t), func(m Message) bool {
			return m.SID == v["sid"] && (m.Status == "failed" || m.Status == "delivered")
		})
		if err != nil || got.ErrorCode != c.code {
			t.Errorf("%s: %v %v", c.name, got, err)
		}
	}
}

func TestRatePerSender(t *testing.T) {
	srv, _ := start(t, Options{Frozen: true, Numbers: []Number{{PhoneNumber: ours, SMS: true, Rate: 1, QueueLimit: 3}}})
	for i := range 5 {
		code, v := raw(t, srv, "POST", srv.path("Messages"), url.Values{"To": {customer}, "From": {ours}, "Body": {"a"}})
		if want := i < 3; (code == 201) != want {
			t.Errorf("message %d: %d %v", i, code, v)
		}
	}
	sent := func(n int) func() bool {
		return func() bool {
			list := slices.DeleteFunc(srv.Outbox(), func(m Message) bool { return m.Sent.IsZero() })
			return len(list) == n
		}
	}
	for i := range 3 {
		srv.Advance(500 * time.Millisecond)
		if err := srv.Wait(ctx(t), sent(i+1)); err != nil {
			t.Fatalf("after %d seconds: %v", i, srv.Outbox())
		}
		srv.Advance(500 * time.Millisecond)
	}
}
