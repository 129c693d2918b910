package twilio

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"throughline/connectors"
	"throughline/connectors/twilio/twiliotest"
	"throughline/message"
)

// aFile is a part of a message of ours.
func aFile(name string) []message.Part {
	return []message.Part{{Name: name, ContentType: "image/jpeg", Size: 100, Blob: strings.Repeat("ab", 32)}}
}

// quick makes the looks of a connector frequent.
func quick(r *rig) { r.c.set.poll, r.c.set.pollSet = 10*time.Millisecond, true }

func TestABlackOutIsMadeUpFor(t *testing.T) {
	r := newRig(t, sms(), nil)
	stop := r.run(t)
	if a, err := r.Receive(ann, ourNumber, "before"); err != nil || !a.Answered {
		t.Fatal(err)
	}
	stop()
	r.PauseWebhooks()
	for _, text := range []string{"one", "two", "three"} {
		if a, err := r.Receive(ann, ourNumber, text); err != nil || a.Answered {
			t.Fatalf("answered %v, %v", a.Answered, err)
		}
	}
	r.ResumeWebhooks()
	r.restart(t)
	stop = r.run(t)
	r.hub.Wait(t, "all messages", func() bool { return len(r.hub.Messages()) == 4 })
	if _, err := r.Receive(ann, ourNumber, "after"); err != nil {
		t.Fatal(err)
	}
	stop() // a look in the moment of a webhook would offer what that one brings, too
	quick(r)
	r.run(t)
	// Several looks later nothing was offered twice but what an earlier run left
	// unsaid.
	looks := len(r.Requests())
	if err := r.Wait(t.Context(), func() bool { return len(r.Requests()) > looks+6 }); err != nil {
		t.Fatal(err)
	}
	var texts []string
	for _, m := range r.hub.Messages() {
		texts = append(texts, m.Text)
	}
	if strings.Join(texts, " ") != "before one two three after" {
		t.Errorf("%q", texts)
	}
	if n := r.hub.Offered(); n > 6 {
		t.Errorf("%d messages were offered", n)
	}
}

// The first start begins with the next message, or so many days back.
func TestWhereReadingBegins(t *testing.T) {
	for days, want := range map[int]int{0: 0, 3: 2, 30: 3} {
		now := time.Now()
		r := newRig(t, sms(), func(o *twiliotest.Options, set map[string]any, _ *connectors.Host) { set["history_days"] = days })
		for _, age := range []time.Duration{20 * day, 2 * day, time.Hour} {
			if _, err := r.ReceiveMessage(twiliotest.Inbound{From: ann, To: ourNumber, Body: age.String(), At: now.Add(-age), NoHook: true}); err != nil {
				t.Fatal(err)
			}
		}
		r.run(t)
		got := r.hub.Messages()
		if len(got) != want {
			t.Errorf("%d days back: %d messages, want %d", days, len(got), want)
		}
		for i := 1; i < len(got); i++ {
			if got[i].Time.Before(got[i-1].Time) {
				t.Error("the newest first")
			}
		}
		if r.hub.Stored() == nil {
			t.Error("the position is not stored")
		}
	}
}

// What came before the first start and while nothing ran, both are told apart by
// the stored position.
func TestThePositionIsKept(t *testing.T) {
	r := newRig(t, sms(), nil)
	r.run(t)()
	if _, err := r.ReceiveMessage(twiliotest.Inbound{From: ann, To: ourNumber, Body: "between", NoHook: true}); err != nil {
		t.Fatal(err)
	}
	r.restart(t)
	r.run(t)
	if got := r.hub.Messages(); len(got) != 1 || got[0].Text != "between" {
		t.Errorf("%+v", got)
	}
	r.hub.SetCursor([]byte("{"))
	r.restart(t)
	if err := r.c.Run(t.Context(), r.hub); err == nil || !strings.Contains(err.Error(), "position") {
		t.Errorf("%v", err)
	}
}

// Only messages to this account count: of many numbers, of the other channel, and
// those of ours.
func TestOnlyOwnMessagesAreListed(t *testing.T) {
	r := newRig(t, sms(), func(o *twiliotest.Options, set map[string]any, _ *connectors.Host) {
		o.Numbers = append(o.Numbers, twiliotest.Number{PhoneNumber: "+12025550122", SMS: true}, twiliotest.Number{PhoneNumber: "+12025550133", SMS: true})
		o.Services = []twiliotest.Service{{SID: "MG00000000000000000000000000000001", Senders: []string{"+12025550122"}}}
		set["messaging_service"], set["history_days"] = o.Services[0].SID, 1
		delete(set, "from")
	})
	for _, to := range []string{ourNumber, "+12025550122", "+12025550133", "whatsapp:" + ourWhatsApp} {
		from := ann
		if strings.HasPrefix(to, "whatsapp:") {
			from = "whatsapp:" + ann
		}
		if _, err := r.ReceiveMessage(twiliotest.Inbound{From: from, To: to, Body: to, NoHook: true}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := r.c.Send(t.Context(), outgoing(1, "from us")); err != nil {
		t.Fatal(err)
	}
	r.run(t)
	if got := r.hub.Messages(); len(got) != 1 || got[0].Text != "+12025550122" {
		t.Errorf("%+v", got)
	}
}

// States whose callbacks were lost are found, once.
func TestLostReportsAreFound(t *testing.T) {
	r := newRig(t, sms(), nil)
	r.SetCallbackFaults(twiliotest.CallbackFaults{Drop: func(string) bool { return true }})
	r.FailTo("+12025550177", 30005)
	first, err := r.c.Send(t.Context(), outgoing(1, "Hello"))
	if err != nil {
		t.Fatal(err)
	}
	m := outgoing(2, "Hello")
	m.To[0].Handle = "tel:+12025550177"
	second, err := r.c.Send(t.Context(), m)
	if err != nil {
		t.Fatal(err)
	}
	for _, sid := range []string{first.Ref, second.Ref} {
		if _, err := r.WaitMessage(t.Context(), func(m twiliotest.Message) bool {
			return m.SID == sid && (m.Status == "delivered" || m.Status == "undelivered")
		}); err != nil {
			t.Fatal(err)
		}
	}
	quick(r)
	r.run(t)
	looks := len(r.Requests())
	if err := r.Wait(t.Context(), func() bool { return len(r.Requests()) > looks+6 }); err != nil {
		t.Fatal(err)
	}
	got := map[string]message.Report{}
	for _, rep := range r.hub.Reports() {
		got[rep.Ref] = rep
	}
	if len(r.hub.Reports()) != 2 || got[first.Ref].Status != message.Delivered || got[second.Ref].Status != message.Failed || got[second.Ref].Code != "30005" {
		t.Errorf("%+v", r.hub.Reports())
	}
}

// TestLostReportsOfALongAbsence: the look for states goes back to the one before, however
// long ago that was, and though the list of messages was looked through since.
func TestLostReportsOfALongAbsence(t *testing.T) {
	const gone = 10 * time.Hour
	at := func(ago time.Duration) time.Time { return time.Now().Add(-ago).UTC().Truncate(time.Second) }
	for name, cur := range map[string]cursor{
		"absent":  {Since: at(gone + time.Minute), First: at(gone + time.Minute)},
		"cut off": {Since: at(0), First: at(gone + time.Minute), States: at(gone + time.Minute)},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, sms(), func(o *twiliotest.Options, _ map[string]any, _ *connectors.Host) {
				o.Now = func() time.Time { return time.Now().Add(-gone) }
			})
			r.SetCallbackFaults(twiliotest.CallbackFaults{Drop: func(string) bool { return true }})
			sent, err := r.c.Send(t.Context(), outgoing(1, "Hello"))
			if err != nil {
				t.Fatal(err)
			}
			if _, err := r.WaitMessage(t.Context(), func(m twiliotest.Message) bool { return m.SID == sent.Ref && m.Status == "delivered" }); err != nil {
				t.Fatal(err)
			}
			b, err := json.Marshal(cur)
			if err != nil {
				t.Fatal(err)
			}
			r.hub.SetCursor(b)
			r.run(t)
			r.hub.Wait(t, "the report", func() bool { l := r.hub.Reports(); return len(l) == 1 && l[0].Status == message.Delivered })
		})
	}
}

func TestRunTellsWhatIsWrong(t *testing.T) {
	for _, tt := range []struct {
		name  string
		set   func(map[string]any)
		fault twiliotest.Fault
		class connectors.Class
		after time.Duration
	}{
		{name: "wrong token", set: func(s map[string]any) { s["auth_token"] = "wrong-token" }, class: connectors.AccountFault},
		{name: "wrong account", set: func(s map[string]any) { s["account_sid"] = "AC00000000000000000000000000000009" }, class: connectors.AccountFault},
		{name: "wrong key", set: func(s map[string]any) {
			s["api_key"], s["api_secret"] = "SK00000000000000000000000000000001", "wrong"
		}, class: connectors.AccountFault},
		{name: "throttled", fault: twiliotest.Fault{Status: 429, RetryAfter: 9 * time.Second}, class: connectors.Retry, after: 9 * time.Second},
		{name: "unavailable", fault: twiliotest.Fault{Status: 503}, class: connectors.Retry},
		{name: "cut", fault: twiliotest.Fault{Cut: twiliotest.CutAfter, Count: -1}, class: connectors.Retry},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := newRig(t, sms(), func(_ *twiliotest.Options, set map[string]any, _ *connectors.Host) {
				if tt.set != nil {
					tt.set(set)
				}
			})
			if tt.fault != (twiliotest.Fault{}) {
				r.Inject(tt.fault)
			}
			err := r.c.Run(t.Context(), r.hub)
			if se := sendErr(t, err); se.Class != tt.class || se.After != tt.after {
				t.Errorf("%+v", se)
			}
			if tt.class == connectors.AccountFault {
				if _, err := r.c.Send(t.Context(), outgoing(1, "Hello")); sendErr(t, err).Class != connectors.AccountFault {
					t.Errorf("Send: %v", err)
				}
			}
		})
	}
}

func TestAnAPIKeyOpensAndTheTokenChecks(t *testing.T) {
	r := newRig(t, sms(), func(o *twiliotest.Options, set map[string]any, _ *connectors.Host) {
		o.APIKeys = map[string]string{"SK00000000000000000000000000000001": "key-secret"}
		set["api_key"], set["api_secret"] = "SK00000000000000000000000000000001", "key-secret"
	})
	r.run(t)
	if a, err := r.Receive(ann, ourNumber, "Hello"); err != nil || !a.Answered {
		t.Fatal(err)
	}
	if _, err := r.c.Send(t.Context(), outgoing(1, "Hello")); err != nil {
		t.Fatal(err)
	}
	for _, q := range r.Requests() {
		if q.Username != "SK00000000000000000000000000000001" {
			t.Errorf("%s %s as %q", q.Method, q.Path, q.Username)
		}
	}
}

func TestAudit(t *testing.T) {
	r := newRig(t, sms(), nil)
	r.run(t)
	var sources []string
	for _, text := range []string{"one", "two"} {
		a, err := r.Receive(ann, ourNumber, text)
		if err != nil {
			t.Fatal(err)
		}
		sources = append(sources, keyPrefix+a.Message.SID)
	}
	if _, err := r.ReceiveMessage(twiliotest.Inbound{From: ann, To: ourNumber, Body: "long ago", At: time.Now().Add(-90 * day), NoHook: true}); err != nil {
		t.Fatal(err)
	}
	var items []connectors.Item
	if err := r.c.Inventory(t.Context(), func(i connectors.Item) error { items = append(items, i); return nil }); err != nil {
		t.Fatal(err)
	}
	if len(items) != 2 || items[0].Source != sources[1] || items[1].Source != sources[0] || items[0].Label != "from "+ann || items[0].Time.IsZero() {
		t.Errorf("%+v", items)
	}
	offered := r.hub.Offered()
	if err := r.c.Refetch(t.Context(), r.hub, []string{sources[0], "twilio:SM00000000000000000000000000000000"}); err != nil {
		t.Fatal(err)
	}
	if r.hub.Offered() != offered+1 || len(r.hub.Messages()) != 2 {
		t.Errorf("%d offered", r.hub.Offered()-offered)
	}
	if err := r.c.Refetch(t.Context(), r.hub, []string{"imap:1"}); err == nil {
		t.Error("a foreign source is fetched")
	}
	r.hub.Refuse(errors.New("the disk is full"))
	if err := r.c.Refetch(t.Context(), r.hub, sources); err == nil {
		t.Error("a refusal is nothing")
	}
}

func TestTheCursorStaysSmall(t *testing.T) {
	r := newRig(t, sms(), nil)
	run := &run{Connector: r.c, in: r.hub, seen: map[string]time.Time{}}
	if err := run.load(t.Context()); err != nil {
		t.Fatal(err)
	}
	for i := range 3 * maxSeen {
		run.seen[strings.Repeat("x", i%7)+time.Duration(i).String()] = run.cur.Since
	}
	run.seen["old"] = run.cur.Since.Add(-24 * time.Hour)
	if err := run.save(t.Context(), connectors.Batch{}); err != nil {
		t.Fatal(err)
	}
	var c cursor
	if err := json.Unmarshal(r.hub.Stored(), &c); err != nil || len(c.Seen) > maxSeen {
		t.Errorf("%d, %v", len(c.Seen), err)
	}
}
