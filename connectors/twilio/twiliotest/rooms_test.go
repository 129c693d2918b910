package twiliotest

import (
	"net/url"
	"slices"
	"testing"
	"time"

	api "github.com/twilio/twilio-go/rest/api/v2010"
)

func TestQueue(t *testing.T) {
	srv, app := start(t, Options{Frozen: true})
	app.on("/voice", `<Enqueue waitUrl="/music" action="/out">support</Enqueue>`)
	app.on("/music", `<Play>/moonlight.mp3</Play>`)
	app.on("/out", `<Say>Bye</Say>`)
	app.on("/agent", `<Dial action="/done"><Queue url="/tell">support</Queue></Dial>`)
	app.on("/tell", `<Say>You will now be connected</Say>`)
	call, err := srv.Call(customer, ours)
	if err != nil {
		t.Fatal(err)
	}
	if h := app.wait("/music", nil); h.form["QueuePosition"] != "1" || h.form["CurrentQueueSize"] != "1" {
		t.Errorf("wait: %v", h.form)
	}
	if _, err := call.WaitState(ctx(t), func(st State) bool { return st.Queue == "support" }); err != nil {
		t.Fatal(err)
	}
	c := vendor(t, srv)
	queues, err := c.ListQueue(&api.ListQueueParams{})
	if err != nil || len(queues) != 1 || queues[0].CurrentSize != 1 {
		t.Fatalf("queues: %v %v", queues, err)
	}
	members, err := c.ListMember(*queues[0].Sid, &api.ListMemberParams{})
	if err != nil || len(members) != 1 || *members[0].CallSid != call.SID() {
		t.Errorf("members: %v %v", members, err)
	}
	srv.OnRing(agent, func(c *Call) { _ = c.Answer() })
	p := &api.CreateCallParams{}
	p.SetTo(agent).SetFrom(ours).SetMachineDetection("Enable").SetUrl(app.url + "/agent").SetStatusCallback(app.url + "/ended").
		SetStatusCallbackEvent([]string{"initiated", "ringing", "answered", "completed"})
	made, err := c.CreateCall(p)
	if err != nil || *made.Status != "queued" || *made.Direction != "outbound-api" {
		t.Fatalf("%+v %v", made, err)
	}
	st, err := call.WaitState(ctx(t), func(st State) bool { return st.TalkingTo == *made.Sid })
	if err != nil || !slices.Contains(st.Heard, "You will now be connected") {
		t.Fatalf("%+v %v", st, err)
	}
	if h := app.wait("/agent", nil); h.form["CallStatus"] != "in-progress" || h.form["Direction"] != "outbound-api" ||
		h.form["AnsweredBy"] != "human" {
		t.Errorf("agent: %v", h.form)
	}
	u := &api.UpdateCallParams{}
	u.SetStatus("completed")
	if up, err := c.UpdateCall(*made.Sid, u); err != nil || *up.Status != "completed" {
		t.Errorf("%+v %v", up, err)
	}
	if h := app.wait("/out", nil); h.form["QueueResult"] != "bridged" || h.form["QueueSid"] != *queues[0].Sid {
		t.Errorf("out: %v", h.form)
	}
	app.wait("/ended", func(h hit) bool { return h.form["CallSid"] == *made.Sid && h.form["CallStatus"] == "completed" })
	if _, err := call.WaitEnd(ctx(t)); err != nil {
		t.Error(err)
	}
	// Hanging up in the queue, and being taken out by the API.
	for _, c := range []struct {
		leave  func(*Call)
		result string
	}{
		{(*Call).HangUp, "hangup"},
		{func(*Call) {
			raw(t, srv, "POST", srv.path("Queues", *queues[0].Sid, "Members", "Front"), url.Values{"Url": {app.url + "/else"}})
		}, "redirected"},
		{func(c *Call) {
			raw(t, srv, "POST", srv.path("Calls", c.SID()), url.Values{"Twiml": {"<Response><Say>Moved</Say></Response>"}})
		}, "redirected"},
		{func(*Call) { app.on("/music", "<Leave/>"); srv.Advance(time.Second) }, "leave"},
	} {
		call, err := srv.Call(customer, ours)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := call.WaitState(ctx(t), func(st State) bool { return st.Queue == "support" && len(st.Heard) > 0 }); err != nil {
			t.Fatal(err)
		}
		c.leave(call)
		app.wait("/out", func(h hit) bool { return h.form["CallSid"] == call.SID() && h.form["QueueResult"] == c.result })
		if _, err := call.WaitEnd(ctx(t)); err != nil {
			t.Error(err)
		}
	}
}

func TestConferenceTransfer(t *testing.T) {
	srv, app := start(t, Options{Frozen: true})
	app.on("/voice", `<Dial action="/left"><Conference startConferenceOnEnter="true" endConferenceOnExit="true" waitUrl="" `+
		`record="record-from-start" recordingStatusCallback="/rec" statusCallback="/conf" `+
		`statusCallbackEvent="start end join leave mute hold">Room 7</Conference></Dial>`)
	app.on("/left", "")
	app.on("/hold", "<Play>/hold.mp3</Play>")
	call, err := srv.Call(customer, ours)
	if err != nil {
		t.Fatal(err)
	}
	app.wait("/conf", func(h hit) bool { return h.form["StatusCallbackEvent"] == "participant-join" })
	srv.OnRing("*", func(c *Call) { _ = c.Answer() })
	c := vendor(t, srv)
	confs, err := c.ListConference(&api.ListConferenceParams{})
	if err != nil || len(confs) != 1 || *confs[0].Status != "init" || *confs[0].FriendlyName != "Room 7" {
		t.Fatalf("%v %v", confs, err)
	}
	room := *confs[0].Sid
	add := func(to string) string {
		p := &api.CreateParticipantParams{}
		p.SetFrom(ours).SetTo(to).SetLabel(to[len(to)-3:])
		made, err := c.CreateParticipant(room, p)
		if err != nil {
			t.Fatal(err)
		}
		if err := srv.Wait(ctx(t), func() bool {
			return slices.ContainsFunc(srv.Conferences()[0].Participants, func(p ParticipantState) bool {
				return p.CallSID == *made.CallSid && p.Inside
			})
		}); err != nil {
			t.Fatal(err)
		}
		return *made.CallSid
	}
	first := add("client:ann")
	app.wait("/conf", func(h hit) bool { return h.form["StatusCallbackEvent"] == "conference-start" })
	hold := &api.UpdateParticipantParams{}
	hold.SetHold(true).SetHoldUrl(app.url + "/hold")
	if p, err := c.UpdateParticipant(room, call.SID(), hold); err != nil || !*p.Hold {
		t.Errorf("%+v %v", p, err)
	}
	if _, err := call.WaitState(ctx(t), func(st State) bool { return slices.Contains(st.Heard, app.url+"/hold.mp3") }); err != nil {
		t.Error(err)
	}
	add(agent)
	if err := c.DeleteParticipant(room, first, &api.DeleteParticipantParams{}); err != nil {
		t.Error(err)
	}
	app.wait("/conf", func(h hit) bool {
		return h.form["StatusCallbackEvent"] == "participant-leave" && h.form["CallSid"] == first
	})
	list, err := c.ListParticipant(room, &api.ListParticipantParams{})
	if err != nil || len(list) != 2 {
		t.Errorf("participants: %v %v", list, err)
	}
	call.HangUp()
	end := app.wait("/conf", func(h hit) bool { return h.form["StatusCallbackEvent"] == "conference-end" })
	if end.form["CallSidEndingConference"] != call.SID() {
		t.Errorf("end: %v", end.form)
	}
	app.wait("/rec", func(h hit) bool { return h.form["ConferenceSid"] == room && h.form["RecordingStatus"] == "completed" })
	for _, leg := range srv.Calls() {
		if _, err := leg.WaitEnd(ctx(t)); err != nil {
			t.Error(err)
		}
	}
	if f, err := c.FetchConference(room, &api.FetchConferenceParams{}); err != nil || *f.Status != "completed" {
		t.Errorf("%+v %v", f, err)
	}
}
