package twiliotest

import (
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twilio/twilio-go/client"
	api "github.com/twilio/twilio-go/rest/api/v2010"
)

func TestSendByTheVendorsClient(t *testing.T) {
	srv, app := start(t, Options{})
	c := vendor(t, srv)
	p := &api.CreateMessageParams{}
	p.SetTo(customer).SetFrom(ours).SetBody("Hello").SetStatusCallback(app.url + "/status")
	m, err := c.CreateMessage(p)
	if err != nil {
		t.Fatal(err)
	}
	if *m.Status != "queued" || *m.NumSegments != "1" || *m.Direction != "outbound-api" || m.DateSent != nil {
		t.Errorf("created: %+v", m)
	}
	h := app.wait("/status", status("delivered"))
	if h.form["MessageSid"] != *m.Sid || h.form["RawDlrDoneDate"] == "" || h.header.Get("I-Twilio-Idempotency-Token") == "" ||
		h.header.Get("User-Agent") != "TwilioProxy/1.1" {
		t.Errorf("callback: %v %v", h.form, h.header)
	}
	var states []string
	for _, h := range app.hits("/status") {
		states = append(states, h.form["MessageStatus"])
	}
	if want := []string{"sending", "sent", "delivered"}; !slices.Equal(states, want) {
		t.Errorf("callbacks %v, want %v", states, want)
	}
	f, err := c.FetchMessage(*m.Sid, &api.FetchMessageParams{})
	if err != nil || *f.Status != "delivered" || f.DateSent == nil {
		t.Errorf("fetched: %+v, %v", f, err)
	}
	u := &api.UpdateMessageParams{}
	u.SetBody("")
	if f, err = c.UpdateMessage(*m.Sid, u); err != nil || *f.Body != "" {
		t.Errorf("redacted: %+v, %v", f, err)
	}
	if err := c.DeleteMessage(*m.Sid, &api.DeleteMessageParams{}); err != nil {
		t.Error(err)
	}
	_, err = c.FetchMessage(*m.Sid, &api.FetchMessageParams{})
	var te *client.TwilioRestError
	if !errors.As(err, &te) || te.Code != 20404 || te.Status != 404 {
		t.Errorf("fetch after delete: %v", err)
	}
	if n := srv.Notes(); len(n) > 0 {
		t.Errorf("notes: %v", n)
	}
}

func TestRefusals(t *testing.T) {
	srv, _ := start(t, Options{GeoBlocked: []string{"+7"}})
	if _, err := srv.Receive(customer, ours, "Stop"); err != nil {
		t.Fatal(err)
	}
	long := strings.Repeat("x", maxBody+1)
	eleven := slices.Repeat([]string{"https://example.org/a.png"}, maxMedia+1)
	for _, c := range []struct {
		name string
		form url.Values
		code int
	}{
		{"no recipient", url.Values{"From": {ours}, "Body": {"a"}}, 21604},
		{"no sender", url.Values{"To": {agent}, "Body": {"a"}}, 21603},
		{"bad recipient", url.Values{"To": {"12"}, "From": {ours}, "Body": {"a"}}, 21211},
		{"no body", url.Values{"To": {agent}, "From": {ours}}, 21602},
		{"long body", url.Values{"To": {agent}, "From": {ours}, "Body": {long}}, 21617},
		{"eleven media", url.Values{"To": {agent}, "From": {ours}, "MediaUrl": eleven}, 21623},
		{"bad media URL", url.Values{"To": {agent}, "From": {ours}, "MediaUrl": {"ftp://example.org/a"}}, 21620},
		{"bad callback", url.Values{"To": {agent}, "From": {ours}, "Body": {"a"}, "StatusCallback": {"/x"}}, 21609},
		{"malformed sender", url.Values{"To": {agent}, "From": {"+"}, "Body": {"a"}}, 21212},
		{"foreign sender", url.Values{"To": {agent}, "From": {"+15550109"}, "Body": {"a"}}, 21606},
		{"same number", url.Values{"To": {ours}, "From": {ours}, "Body": {"a"}}, 21266},
		{"region", url.Values{"To": {"+79995550100"}, "From": {ours}, "Body": {"a"}}, 21408},
		{"landline", url.Values{"To": {magicNotMobile}, "From": {ours}, "Body": {"a"}}, 21614},
		{"opted out", url.Values{"To": {customer}, "From": {ours}, "Body": {"a"}}, 21610},
		{"foreign WhatsApp sender", url.Values{"To": {waThem}, "From": {"whatsapp:+15550109"}, "Body": {"a"}}, 63007},
		{"mixed channels", url.Values{"To": {customer}, "From": {waOurs}, "Body": {"a"}}, 21910},
		{"unknown service", url.Values{"To": {agent}, "MessagingServiceSid": {"MGx"}, "Body": {"a"}}, 21701},
		{"unknown template", url.Values{"To": {waThem}, "From": {waOurs}, "ContentSid": {"HXx"}}, 21655},
		{"missing variable", url.Values{"To": {waThem}, "From": {waOurs}, "ContentSid": {template},
			"ContentVariables": {`{"1":"Ann"}`}}, 21656},
	} {
		code, v := raw(t, srv, "POST", srv.path("Messages"), c.form)
		if code != 400 || v["code"] != float64(c.code) || v["status"] != 400.0 || v["message"] == "" || v["more_info"] == "" {
			t.Errorf("%s: %d %v, want code %d", c.name, code, v, c.code)
		}
	}
	if n := len(srv.Outbox()); n != 0 {
		t.Errorf("%d messages were made by refused requests", n)
	}
}

func TestCredentials(t *testing.T) {
	srv, _ := start(t, Options{APIKeys: map[string]string{"SK00000000000000000000000000000001": "secret"}})
	for _, c := range []struct {
		user, pass string
		want       int
	}{
		{srv.AccountSID(), srv.AuthToken(), 200}, {"SK00000000000000000000000000000001", "secret", 200},
		{srv.AccountSID(), "wrong", 401}, {"SK00000000000000000000000000000002", "", 401}, {"", "", 401},
	} {
		req, _ := http.NewRequest("GET", srv.URL()+srv.path(), nil)
		if c.user != "" {
			req.SetBasicAuth(c.user, c.pass)
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != c.want {
			t.Errorf("%s: %d, want %d", c.user, resp.StatusCode, c.want)
		}
	}
	req, _ := http.NewRequest("POST", srv.URL()+srv.path("Messages"), strings.NewReader(`{"To":"+15550123"}`))
	req.SetBasicAuth(srv.AccountSID(), srv.AuthToken())
	req.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusUnsupportedMediaType {
		t.Errorf("JSON body: %d", resp.StatusCode)
	}
}

func TestListPages(t *testing.T) {
	srv, _ := start(t, Options{})
	for _, body := range []string{"1", "2", "3", "4", "5"} {
		if _, err := srv.ReceiveMessage(Inbound{From: customer, To: ours, Body: body, NoHook: true}); err != nil {
			t.Fatal(err)
		}
	}
	next := srv.path("Messages") + "?PageSize=2&To=" + url.QueryEscape(ours)
	var seen []string
	for pages := 0; next != ""; pages++ {
		code, v := raw(t, srv, "GET", next, nil)
		if code != 200 || pages > 5 {
			t.Fatalf("%d %v", code, v)
		}
		for _, m := range v["messages"].([]any) {
			seen = append(seen, m.(map[string]any)["body"].(string))
		}
		next, _ = v["next_page_uri"].(string)
		if pages == 0 { // what arrives meanwhile must not shift the rest
			if _, err := srv.ReceiveMessage(Inbound{From: customer, To: ours, Body: "6", NoHook: true}); err != nil {
				t.Fatal(err)
			}
		}
	}
	if want := []string{"5", "4", "3", "2", "1"}; !slices.Equal(seen, want) {
		t.Errorf("paged %v, want %v", seen, want)
	}
	if code, v := raw(t, srv, "GET", srv.path("Messages")+"?DateSent%3E=2000-01-01&DateSent%3C=2001-01-01", nil); code != 200 ||
		len(v["messages"].([]any)) != 0 {
		t.Errorf("date filter: %d %v", code, v)
	}
	if _, err := srv.ReceiveMessage(Inbound{From: customer, To: ours, Body: "old", At: time.Date(2000, 6, 1, 9, 0, 0, 0, time.UTC),
		NoHook: true}); err != nil {
		t.Fatal(err)
	}
	for filter, want := range map[string]int{"DateSent=2000-06-01": 1, "DateSent=2000-06-02": 0, "DateSent%3C=2000-06-01": 0,
		"DateSent%3C=2000-06-02": 1, "DateSent%3E=2000-06-01T09:00:00Z&DateSent%3C=2000-06-01T09:00:00Z": 1, "": 7} {
		code, v := raw(t, srv, "GET", srv.path("Messages")+"?"+filter, nil)
		list, _ := v["messages"].([]any)
		if code != 200 || len(list) != want || want > 0 && list[want-1].(map[string]any)["body"] != "old" {
			t.Errorf("%s: %d %v, want %d messages, the old one last", filter, code, v, want)
		}
	}
	if code, v := raw(t, srv, "GET", srv.path("Messages")+"?DateSent%3E=yesterday", nil); code != 400 {
		t.Errorf("bad date: %d %v", code, v)
	}
}

func TestSegments(t *testing.T) {
	for _, c := range []struct {
		text string
		want int
	}{
		{"", 1}, {strings.Repeat("a", 160), 1}, {strings.Repeat("a", 161), 2}, {strings.Repeat("a", 306), 2},
		{strings.Repeat("a", 307), 3}, {strings.Repeat("€", 80), 1}, {strings.Repeat("€", 81), 2},
		{strings.Repeat("س", 70), 1}, {strings.Repeat("س", 71), 2}, {strings.Repeat("س", 135), 3},
		{strings.Repeat("😀", 35), 1}, {strings.Repeat("😀", 36), 2}, {strings.Repeat("😀", 67), 3},
	} {
		if got := segments(c.text); got != c.want {
			t.Errorf("%d of %.3q: %d segments, want %d", len([]rune(c.text)), c.text, got, c.want)
		}
	}
}
