package twiliotest

import (
	"bytes"
	"encoding/binary"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	api "github.com/twilio/twilio-go/rest/api/v2010"
)

func TestMenuAndVoicemail(t *testing.T) {
	srv, app := start(t, Options{Frozen: true})
	app.on("/voice", `<Say language="en-GB">Welcome</Say><Gather numDigits="1" action="/menu" timeout="5"><Say>Press one</Say></Gather><Hangup/>`)
	app.on("/menu", `<Say>Leave a message</Say><Record maxLength="60" action="/left" recordingStatusCallback="/rec" transcribeCallback="/text" finishOnKey="#"/>`)
	app.on("/left", `<Say>Thanks</Say>`)
	call, err := srv.Call(customer, ours)
	if err != nil {
		t.Fatal(err)
	}
	if err := call.Press("1"); err != nil {
		t.Fatal(err)
	}
	if err := call.Speak(7*time.Second, "please call back"); err != nil {
		t.Fatal(err)
	}
	if err := call.Press("#"); err != nil {
		t.Fatal(err)
	}
	if status, err := call.WaitEnd(ctx(t)); err != nil || status != "completed" {
		t.Fatalf("%s %v", status, err)
	}
	first := app.wait("/voice", nil)
	for k, want := range map[string]string{"CallSid": call.SID(), "CallStatus": "ringing", "Direction": "inbound",
		"From": customer, "To": ours, "Caller": customer, "Called": ours, "AccountSid": srv.AccountSID()} {
		if first.form[k] != want {
			t.Errorf("%s = %q, want %q", k, first.form[k], want)
		}
	}
	if h := app.wait("/menu", nil); h.form["Digits"] != "1" || h.form["CallStatus"] != "in-progress" {
		t.Errorf("menu: %v", h.form)
	}
	left := app.wait("/left", nil)
	if left.form["RecordingDuration"] != "7" || left.form["Digits"] != "#" || !strings.HasPrefix(left.form["RecordingSid"], "RE") {
		t.Errorf("left: %v", left.form)
	}
	sid := left.form["RecordingSid"]
	if h := app.wait("/rec", nil); h.form["RecordingStatus"] != "completed" || h.form["RecordingSid"] != sid {
		t.Errorf("recording callback: %v", h.form)
	}
	if h := app.wait("/text", nil); h.form["TranscriptionText"] != "please call back" {
		t.Errorf("transcription: %v", h.form)
	}
	if h := app.wait("/ended", nil); h.form["CallStatus"] != "completed" || h.form["CallDuration"] != "7" {
		t.Errorf("ended: %v", h.form)
	}
	if want := []string{"Welcome", "Press one", "Leave a message", "Thanks"}; !slices.Equal(call.State().Heard, want) {
		t.Errorf("heard %q, want %q", call.State().Heard, want)
	}
	c := vendor(t, srv)
	list, err := c.ListRecording(&api.ListRecordingParams{})
	if err != nil || len(list) != 1 || *list[0].Duration != "7" || *list[0].Source != "RecordVerb" {
		t.Errorf("recordings: %v %v", list, err)
	}
	for ext, want := range map[string]string{".wav": "RIFF", "": "RIFF", ".mp3": "\xff\xf3"} {
		req, _ := http.NewRequest("GET", left.form["RecordingUrl"]+ext, nil)
		req.SetBasicAuth(srv.AccountSID(), srv.AuthToken())
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(resp.Body)
		resp.Body.Close()
		if resp.StatusCode != 200 || !bytes.HasPrefix(body, []byte(want)) {
			t.Errorf("%q: %d %.8q", ext, resp.StatusCode, body)
		}
		if ext == ".wav" && binary.LittleEndian.Uint32(body[40:]) != 7*16000 {
			t.Errorf("wav has %d bytes of sound", binary.LittleEndian.Uint32(body[40:]))
		}
	}
	if err := c.DeleteRecording(sid, &api.DeleteRecordingParams{}); err != nil {
		t.Error(err)
	}
	if list, err = c.ListRecording(&api.ListRecordingParams{}); err != nil || len(list) != 0 {
		t.Errorf("recordings after delete: %v %v", list, err)
	}
	if l := srv.Alerts(); len(l) > 0 {
		t.Errorf("alerts: %v", l)
	}
}

func TestVoicemailHungUp(t *testing.T) {
	srv, app := start(t, Options{Frozen: true})
	app.on("/voice", `<Record action="/left"/>`)
	call, err := srv.Call(customer, ours)
	if err != nil {
		t.Fatal(err)
	}
	if err := call.Speak(3 * time.Second); err != nil {
		t.Fatal(err)
	}
	call.HangUp()
	if h := app.wait("/left", nil); h.form["Digits"] != "hangup" || h.form["RecordingDuration"] != "3" || h.form["CallStatus"] != "completed" {
		t.Errorf("left: %v", h.form)
	}
}

func TestDial(t *testing.T) {
	srv, app := start(t, Options{Frozen: true})
	app.on("/voice", `<Dial timeout="20" action="/dialled" record="record-from-answer-dual" recordingStatusCallback="/rec">`+
		`<Client statusCallback="/leg" statusCallbackEvent="initiated ringing answered completed"><Identity>ann</Identity>`+
		`<Parameter name="customer" value="C1"/></Client><Number>`+agent+`</Number></Dial>`)
	app.on("/dialled", `<Say>Goodbye</Say>`)
	call, err := srv.Call(customer, ours)
	if err != nil {
		t.Fatal(err)
	}
	leg, err := srv.NextRinging(ctx(t), "client:ann")
	if err != nil {
		t.Fatal(err)
	}
	other, err := srv.NextRinging(ctx(t), agent)
	if err != nil {
		t.Fatal(err)
	}
	if leg.Params().Get("customer") != "C1" || leg.From() != customer || leg.Direction() != "outbound-dial" {
		t.Errorf("leg: %v %s %s", leg.Params(), leg.From(), leg.Direction())
	}
	if err := leg.Answer(); err != nil {
		t.Fatal(err)
	}
	if _, err := call.WaitState(ctx(t), func(st State) bool { return st.TalkingTo == leg.SID() && st.Recording }); err != nil {
		t.Fatal(err)
	}
	if status, err := other.WaitEnd(ctx(t)); err != nil || status != "canceled" {
		t.Errorf("the other phone: %s %v", status, err)
	}
	if err := leg.Speak(10 * time.Second); err != nil {
		t.Fatal(err)
	}
	leg.HangUp()
	h := app.wait("/dialled", nil)
	if h.form["DialCallStatus"] != "completed" || h.form["DialCallSid"] != leg.SID() || h.form["DialBridged"] != "true" ||
		h.form["DialCallDuration"] != "10" || h.form["RecordingUrl"] == "" {
		t.Errorf("dialled: %v", h.form)
	}
	app.wait("/rec", nil)
	if _, err := call.WaitEnd(ctx(t)); err != nil {
		t.Error(err)
	}
	var events []string
	app.wait("/leg", func(h hit) bool { return h.form["CallStatus"] == "completed" })
	for _, h := range app.hits("/leg") {
		events = append(events, h.form["CallStatus"])
		if h.form["ParentCallSid"] != call.SID() || h.form["CallSid"] != leg.SID() {
			t.Errorf("leg callback: %v", h.form)
		}
	}
	if want := []string{"initiated", "ringing", "in-progress", "completed"}; !slices.Equal(events, want) {
		t.Errorf("leg: %v, want %v", events, want)
	}
	p := &api.ListCallParams{}
	p.SetParentCallSid(call.SID())
	list, err := vendor(t, srv).ListCall(p)
	if err != nil || len(list) != 2 {
		t.Errorf("legs in the API: %v %v", list, err)
	}
}

func TestDialOutcomes(t *testing.T) {
	srv, app := start(t, Options{Frozen: true})
	app.on("/dialled", `<Hangup/>`)
	for _, c := range []struct {
		name, dial string
		ring       func(*Call)
		want       string
	}{
		{"busy", `<Number>` + agent + `</Number>`, (*Call).Decline, "busy"},
		{"failed", `<Number>` + agent + `</Number>`, (*Call).Unreachable, "failed"},
		{"no answer", `<Number>` + agent + `</Number>`, nil, "no-answer"},
		{"bad number", `<Number>12</Number>`, nil, "failed"},
		{"plain", agent, (*Call).Decline, "busy"},
	} {
		app.on("/voice", `<Dial timeout="5" action="/dialled?`+url.QueryEscape(c.name)+`">`+c.dial+`</Dial>`)
		srv.OnRing(agent, c.ring)
		before := len(app.hits("/dialled"))
		call, err := srv.Call(customer, ours)
		if err != nil {
			t.Fatal(err)
		}
		if c.want == "no-answer" {
			if _, err := srv.NextRinging(ctx(t), agent); err != nil {
				t.Fatal(err)
			}
			srv.Advance(5 * time.Second)
		}
		if _, err := call.WaitEnd(ctx(t)); err != nil {
			t.Fatal(err)
		}
		if h := app.hits("/dialled"); len(h) != before+1 || h[before].form["DialCallStatus"] != c.want {
			t.Errorf("%s: %v", c.name, h[before:])
		}
	}
	// A caller who gives up while it rings.
	app.on("/voice", `<Dial action="/dialled">`+agent+`</Dial>`)
	srv.OnRing(agent, nil)
	call, err := srv.Call(customer, ours)
	if err != nil {
		t.Fatal(err)
	}
	leg, err := srv.NextRinging(ctx(t), agent)
	if err != nil {
		t.Fatal(err)
	}
	call.HangUp()
	if st, err := leg.WaitEnd(ctx(t)); err != nil || st != "canceled" {
		t.Errorf("leg: %s %v", st, err)
	}
	app.wait("/dialled", func(h hit) bool { return h.form["DialCallStatus"] == "canceled" && h.form["CallStatus"] == "completed" })
}

// A leg that was answered or declined is not what rings next, also while the double is still busy with its end.
func TestNextRingingIsOneThatStillRings(t *testing.T) {
	srv, app := start(t, Options{Frozen: true})
	held := make(chan struct{})
	defer close(held)
	app.handle("/leg", func(http.ResponseWriter, *http.Request) { <-held })
	ring := func() string {
		code, v := raw(t, srv, "POST", srv.path("Calls"), url.Values{"To": {agent}, "From": {ours}, "Twiml": {"<Response/>"},
			"StatusCallback": {app.url + "/leg"}, "StatusCallbackEvent": {"ringing"}})
		if code != 201 {
			t.Fatalf("%d %v", code, v)
		}
		return v["sid"].(string)
	}
	for _, end := range []func(*Call){(*Call).Decline, func(c *Call) {
		if err := c.Answer(); err != nil {
			t.Error(err)
		}
	}, (*Call).HangUp} {
		sid := ring()
		leg, err := srv.NextRinging(ctx(t), agent)
		if err != nil || leg.SID() != sid {
			t.Fatalf("%v %v, want %s", leg, err, sid)
		}
		end(leg)
	}
}

func TestBadTwiMLEndsTheCall(t *testing.T) {
	srv, app := start(t, Options{Frozen: true})
	for body, code := range map[string]int{
		"<Response><Say>a</Response>": 12100, "<Say>a</Say>": 12100, "": 12100, "<Response><Fax/></Response>": 12200,
		`<Response><Say colour="red">a</Say></Response>`: 12200, `<Response><Dial timeout="x">1</Dial></Response>`: 12200,
		"<Response><Gather><Dial>1</Dial></Gather></Response>": 12200, "<Response><Redirect/></Response>": 12200,
	} {
		app.handle("/voice", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/xml")
			_, _ = io.WriteString(w, body)
		})
		before := len(srv.Alerts())
		call, err := srv.Call(customer, ours)
		if err != nil {
			t.Fatal(err)
		}
		if st, err := call.WaitEnd(ctx(t)); err != nil || st != "completed" {
			t.Fatalf("%q: %s %v", body, st, err)
		}
		a := srv.Alerts()[before:]
		if len(a) != 1 || a[0].Code != code || !slices.Contains(call.State().Heard, applicationError) {
			t.Errorf("%q: alerts %v, heard %q, want %d", body, a, call.State().Heard, code)
		}
	}
}

func TestRejectAndRefusals(t *testing.T) {
	srv, app := start(t, Options{Frozen: true})
	app.on("/voice", `<Reject reason="busy"/>`)
	call, err := srv.Call(customer, ours)
	if err != nil {
		t.Fatal(err)
	}
	if st, err := call.WaitEnd(ctx(t)); err != nil || st != "busy" || call.Duration() != 0 {
		t.Errorf("%s %v %v", st, call.Duration(), err)
	}
	for _, c := range []struct {
		form url.Values
		code float64
	}{
		{url.Values{"To": {agent}, "From": {ours}}, 21205}, {url.Values{"From": {ours}, "Twiml": {"<Response/>"}}, 21201},
		{url.Values{"To": {agent}, "Twiml": {"<Response/>"}}, 21213}, {url.Values{"To": {"1"}, "From": {ours}, "Twiml": {"<Response/>"}}, 21211},
		{url.Values{"To": {agent}, "From": {"+15550199"}, "Twiml": {"<Response/>"}}, 21210},
		{url.Values{"To": {agent}, "From": {ours}, "Url": {"/x"}}, 21205},
		{url.Values{"To": {agent}, "From": {ours}, "Twiml": {"<Response/>"}, "StatusCallbackEvent": {"late"}}, 21626},
	} {
		if code, v := raw(t, srv, "POST", srv.path("Calls"), c.form); code != 400 || v["code"] != c.code {
			t.Errorf("%v: %d %v", c.form, code, v)
		}
	}
	if code, v := raw(t, srv, "POST", srv.path("Calls", call.SID()), url.Values{"Status": {"completed"}}); code != 400 || v["code"] != 21220.0 {
		t.Errorf("ending an ended call: %d %v", code, v)
	}
}

func TestBrowserCalls(t *testing.T) {
	srv, app := start(t, Options{Frozen: true})
	sid := srv.PutApplication(Application{VoiceURL: app.url + "/out"})
	app.on("/out", `<Dial callerId="`+ours+`" action="/done"><Number url="/whisper">`+customer+`</Number></Dial>`)
	app.on("/whisper", `<Say>A call from the shop</Say>`)
	app.on("/done", "")
	call, err := srv.Connect("ann", sid, url.Values{"To": {customer}, "Conversation": {"7"}})
	if err != nil {
		t.Fatal(err)
	}
	leg, err := srv.NextRinging(ctx(t), customer)
	if err != nil {
		t.Fatal(err)
	}
	if h := app.wait("/out", nil); h.form["From"] != "client:ann" || h.form["Conversation"] != "7" || leg.From() != ours {
		t.Errorf("%v, leg from %s", h.form, leg.From())
	}
	if err := leg.Answer(); err != nil {
		t.Fatal(err)
	}
	if st, err := leg.WaitState(ctx(t), func(st State) bool { return st.TalkingTo == call.SID() }); err != nil ||
		!slices.Contains(st.Heard, "A call from the shop") {
		t.Errorf("%+v %v", st, err)
	}
	// A cold transfer: the customer's leg is sent to another document, the agent's one ends.
	if code, v := raw(t, srv, "POST", srv.path("Calls", leg.SID()), url.Values{"Twiml": {"<Response><Pause length='600'/></Response>"}}); code != 200 {
		t.Fatal(v)
	}
	if _, err := call.WaitEnd(ctx(t)); err != nil {
		t.Error(err)
	}
	if st := leg.State(); st.Status != "in-progress" {
		t.Errorf("the transferred leg: %+v", st)
	}
	raw(t, srv, "POST", srv.path("Calls", leg.SID(), "Recordings"), url.Values{})
	srv.MixRecordings(true)
	leg.HangUp()
	if _, err := leg.WaitEnd(ctx(t)); err != nil {
		t.Error(err)
	}
	// The recording is finished a moment after the leg, as at Twilio, when its sound is made.
	if err := srv.Wait(ctx(t), func() bool { r := srv.Recordings(); return len(r) == 1 && r[0].Status == "processing" }); err != nil {
		t.Errorf("recordings: %+v %v", srv.Recordings(), err)
	}
	made := srv.Recordings()[0].SID
	if code, v := raw(t, srv, "GET", srv.path("Calls", leg.SID(), "Recordings", made), nil); code != 200 || v["status"] != "processing" || v["duration"] != "-1" {
		t.Errorf("%d %v", code, v)
	}
	srv.MixRecordings(false)
	if err := srv.Wait(ctx(t), func() bool { r := srv.Recordings(); return len(r) == 1 && r[0].Status == "completed" }); err != nil {
		t.Errorf("recordings: %+v %v", srv.Recordings(), err)
	}
}
