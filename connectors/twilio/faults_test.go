package twilio

import (
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"throughline/connectors"
	"throughline/connectors/twilio/twiliotest"
	"throughline/message"
)

func never(string) bool { return false }

func sendErr(t *testing.T, err error) *connectors.SendError {
	t.Helper()
	var se *connectors.SendError
	if !errors.As(err, &se) {
		t.Fatalf("%v is not a SendError", err)
	}
	if se.Reason == "" || strings.Contains(se.Error(), twiliotest.DefaultAuthToken) {
		t.Errorf("reason %q", se.Error())
	}
	return se
}

func TestARefusedSendIsClassed(t *testing.T) {
	for _, tt := range []struct {
		name  string
		fault twiliotest.Fault
		to    string
		class connectors.Class
		code  string
		after time.Duration
	}{
		{name: "throttled", fault: twiliotest.Fault{Status: 429, RetryAfter: 7 * time.Second}, class: connectors.Retry, code: "20429", after: 7 * time.Second},
		{name: "throttled without a time", fault: twiliotest.Fault{Status: 429}, class: connectors.Retry, code: "20429", after: time.Second},
		{name: "internal error", fault: twiliotest.Fault{Status: 500}, class: connectors.Unsure, code: "20500"},
		{name: "bad gateway", fault: twiliotest.Fault{Status: 502}, class: connectors.Unsure, code: "20500"},
		{name: "unavailable", fault: twiliotest.Fault{Status: 503}, class: connectors.Unsure, code: "20503"},
		{name: "cut before it was done", fault: twiliotest.Fault{Cut: twiliotest.CutBefore}, class: connectors.Unsure},
		{name: "cut after it was done", fault: twiliotest.Fault{Cut: twiliotest.CutAfter}, class: connectors.Unsure},
		{name: "not a number", to: "tel:+15005550001", class: connectors.Reject, code: "21211"},
		{name: "no route", to: "tel:+15005550002", class: connectors.Reject, code: "21612"},
		{name: "country not allowed", to: "tel:+15005550003", class: connectors.Reject, code: "21408"},
		{name: "opted out", to: "tel:+15005550004", class: connectors.OptOut, code: "21610"},
		{name: "not a mobile", to: "tel:+15005550009", class: connectors.Reject, code: "21614"},
		{name: "not ours to reach", to: "mailto:ann@example.org", class: connectors.Reject},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := newRig(t, sms(), nil)
			if tt.fault != (twiliotest.Fault{}) {
				tt.fault.Method, tt.fault.Path = http.MethodPost, "/Messages.json"
				r.Inject(tt.fault)
			}
			m := outgoing(1, "Hello")
			if tt.to != "" {
				m.To[0].Handle = message.Handle(tt.to)
			}
			_, err := r.c.Send(t.Context(), m)
			if se := sendErr(t, err); se.Class != tt.class || se.Code != tt.code || se.After != tt.after {
				t.Errorf("class %d code %q after %v: %s", se.Class, se.Code, se.After, se.Reason)
			}
		})
	}
}

func TestNothingWasWritten(t *testing.T) {
	r := newRig(t, sms(), nil)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	nobody := "http://" + l.Addr().String()
	l.Close()
	r.c.set.api = nobody
	_, err = r.c.Send(t.Context(), outgoing(1, "Hello"))
	if se := sendErr(t, err); se.Class != connectors.Retry {
		t.Errorf("%+v", se)
	}
}

func TestAnUnreadableYesIsUnsure(t *testing.T) {
	for name, answer := range map[string]string{"not json": "yes", "no sid": `{"sid":null}`, "short": `{"sid":`} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, sms(), nil)
			web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.WriteHeader(http.StatusCreated)
				_, _ = w.Write([]byte(answer))
			}))
			defer web.Close()
			r.c.set.api = web.URL
			_, err := r.c.Send(t.Context(), outgoing(1, "Hello"))
			if se := sendErr(t, err); se.Class != connectors.Unsure {
				t.Errorf("%+v", se)
			}
		})
	}
}

func TestSilenceIsUnsure(t *testing.T) {
	r := newRig(t, sms(), nil)
	r.c.limits.api = 2 * time.Second // enough to connect and to ask, also on a busy machine
	r.Inject(twiliotest.Fault{Method: http.MethodPost, Delay: time.Minute})
	_, err := r.c.Send(t.Context(), outgoing(1, "Hello"))
	if se := sendErr(t, err); se.Class != connectors.Unsure {
		t.Errorf("%+v", se)
	}
}

// The answer to a request that was carried out is lost: the message is found, and
// only that one.
func TestALostAnswerIsFound(t *testing.T) {
	for _, service := range []bool{false, true} {
		r := newRig(t, sms(), func(o *twiliotest.Options, set map[string]any, _ *connectors.Host) {
			if service {
				o.Services = []twiliotest.Service{{SID: "MG00000000000000000000000000000001", Senders: []string{ourNumber}}}
				set["messaging_service"] = o.Services[0].SID
				delete(set, "from")
			}
		})
		// The same words went out before, and others to the same number.
		before, err := r.c.Send(t.Context(), outgoing(1, "Hello"))
		if err != nil {
			t.Fatal(err)
		}
		since := time.Now()
		r.Inject(twiliotest.Fault{Method: http.MethodPost, Path: "/Messages.json", Cut: twiliotest.CutAfter})
		m := outgoing(2, "Hello\r\n")
		if _, err = r.c.Send(t.Context(), m); sendErr(t, err).Class != connectors.Unsure {
			t.Fatal(err)
		}
		if _, err := r.c.Send(t.Context(), outgoing(3, "Hello again")); err != nil {
			t.Fatal(err)
		}
		taken := func(ref string) bool { return ref == before.Ref }
		receipt, err := r.c.Find(t.Context(), m, since, taken)
		if err != nil {
			t.Fatal(err)
		}
		if got, ok := r.Message(receipt.Ref); !ok || got.Body != "Hello" || receipt.Ref == before.Ref {
			t.Errorf("found %+v", got)
		}
		if n := len(r.Outbox()); n != 3 {
			t.Errorf("%d messages went out", n)
		}
		// What is known of another message is not found again.
		if _, err := r.c.Find(t.Context(), m, since, func(ref string) bool { return true }); !errors.Is(err, connectors.ErrNotFound) {
			t.Errorf("found although taken: %v", err)
		}
		m.Text = "Something else"
		if _, err := r.c.Find(t.Context(), m, since, never); !errors.Is(err, connectors.ErrNotFound) {
			t.Errorf("found other words: %v", err)
		}
		m.Text, m.To[0].Handle = "Hello", "tel:+12025550177"
		if _, err := r.c.Find(t.Context(), m, since, never); !errors.Is(err, connectors.ErrNotFound) {
			t.Errorf("found for somebody else: %v", err)
		}
		if _, err := r.c.Find(t.Context(), outgoing(2, "Hello"), since.Add(time.Hour), never); !errors.Is(err, connectors.ErrNotFound) {
			t.Errorf("found an old one: %v", err)
		}
		r.Inject(twiliotest.Fault{Status: 503})
		if _, err := r.c.Find(t.Context(), outgoing(2, "Hello"), since, never); err == nil || errors.Is(err, connectors.ErrNotFound) {
			t.Errorf("an unanswered search is %v", err)
		}
	}
}

// A request of which nothing was carried out leaves nothing to find.
func TestACutBeforeIsNotFound(t *testing.T) {
	r := newRig(t, sms(), nil)
	since := time.Now()
	r.Inject(twiliotest.Fault{Method: http.MethodPost, Path: "/Messages.json", Cut: twiliotest.CutBefore})
	m := outgoing(1, "Hello")
	if _, err := r.c.Send(t.Context(), m); sendErr(t, err).Class != connectors.Unsure {
		t.Fatal(err)
	}
	if _, err := r.c.Find(t.Context(), m, since, never); !errors.Is(err, connectors.ErrNotFound) {
		t.Errorf("%v", err)
	}
	if n := len(r.Outbox()); n != 0 {
		t.Errorf("%d messages went out", n)
	}
}

// Two messages with the same words: the first has only its callbacks, the second
// never arrived. The first is not taken for the second.
func TestALikeMessageIsNotFound(t *testing.T) {
	r := newRig(t, sms(), nil)
	since := time.Now()
	r.Inject(twiliotest.Fault{Method: http.MethodPost, Path: "/Messages.json", Cut: twiliotest.CutAfter})
	if _, err := r.c.Send(t.Context(), outgoing(1, "ok")); sendErr(t, err).Class != connectors.Unsure {
		t.Fatal(err)
	}
	r.hub.Wait(t, "a report", func() bool { return len(r.hub.Reports()) > 0 })
	r.Inject(twiliotest.Fault{Method: http.MethodPost, Path: "/Messages.json", Cut: twiliotest.CutBefore})
	if _, err := r.c.Send(t.Context(), outgoing(2, "ok")); sendErr(t, err).Class != connectors.Unsure {
		t.Fatal(err)
	}
	if _, err := r.c.Find(t.Context(), outgoing(2, "ok"), since, never); !errors.Is(err, connectors.ErrNotFound) {
		t.Errorf("the second is %v", err)
	}
	if _, err := r.c.Find(t.Context(), outgoing(1, "ok"), since, never); err != nil {
		t.Errorf("the first is %v", err)
	}
}

// Reports that overtake the answer, or come without one, name the message by what
// we put into the address.
func TestReportsBeforeTheAnswer(t *testing.T) {
	r := newRig(t, sms(), nil)
	to, _ := url.Parse(r.URL())
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		rec := httptest.NewRecorder()
		(&httputil.ReverseProxy{Rewrite: func(pr *httputil.ProxyRequest) { pr.SetURL(to) }, Transport: &http.Transport{DisableKeepAlives: true}}).ServeHTTP(rec, req)
		r.hub.Wait(t, "the report", func() bool { return len(r.hub.Reports()) >= 2 })
		w.WriteHeader(rec.Code)
		_, _ = w.Write(rec.Body.Bytes())
	}))
	defer front.Close()
	r.c.set.api = front.URL
	if _, err := r.c.Send(t.Context(), outgoing(9, "Hello")); err != nil {
		t.Fatal(err)
	}
	for _, rep := range r.hub.Reports() {
		if rep.Ref != message.OwnRef(9, "tokentokentoken1") {
			t.Errorf("%+v", rep)
		}
	}
}

// Reports come in any order and more than once; all are passed on as they are.
func TestReportsRepeatedAndReordered(t *testing.T) {
	r := newRig(t, sms(), nil)
	r.SetCallbackFaults(twiliotest.CallbackFaults{Repeat: 1, Reverse: true})
	if _, err := r.c.Send(t.Context(), outgoing(9, "Hello")); err != nil {
		t.Fatal(err)
	}
	r.hub.Wait(t, "four reports", func() bool { return len(r.hub.Reports()) == 4 })
	got := r.hub.Reports()
	if got[0].Status != message.Delivered || got[3].Status != message.Sent {
		t.Errorf("%+v", got)
	}
}

func TestAFailureIsToldInWords(t *testing.T) {
	for code, permanent := range map[int]bool{30003: false, 30005: true, 30007: false, 21610: true, 39999: false} {
		r := newRig(t, sms(), func(o *twiliotest.Options, _ map[string]any, _ *connectors.Host) {
			o.FailTo = map[string]int{ann: code}
		})
		if _, err := r.c.Send(t.Context(), outgoing(9, "Hello")); err != nil {
			t.Fatal(err)
		}
		var failed message.Report
		r.hub.Wait(t, "failure", func() bool {
			for _, rep := range r.hub.Reports() {
				if rep.Status == message.Failed {
					failed = rep
				}
			}
			return failed.Status != ""
		})
		if failed.Code != codeText(code) || failed.Reason == "" || failed.Permanent != permanent || failed.OptOut != (code == 21610) || failed.Time.IsZero() {
			t.Errorf("%+v", failed)
		}
	}
}

func TestOptOutAndBack(t *testing.T) {
	r := newRig(t, sms(), nil)
	if _, err := r.Receive(ann, ourNumber, "Stop"); err != nil {
		t.Fatal(err)
	}
	_, err := r.c.Send(t.Context(), outgoing(1, "Hello"))
	if se := sendErr(t, err); se.Class != connectors.OptOut || se.Code != "21610" {
		t.Errorf("%+v", se)
	}
	if _, err := r.Receive(ann, ourNumber, "start"); err != nil {
		t.Fatal(err)
	}
	if _, err := r.c.Send(t.Context(), outgoing(1, "Hello")); err != nil {
		t.Fatal(err)
	}
	got := r.hub.Messages()
	if len(got) != 2 || got[0].Consent != message.OptOut || got[1].Consent != message.OptIn {
		t.Errorf("%+v", got)
	}
}

// With a service the provider's verdict comes in the request, whatever the word.
func TestAdvancedOptOut(t *testing.T) {
	r := newRig(t, sms(), func(o *twiliotest.Options, set map[string]any, _ *connectors.Host) {
		o.Services = []twiliotest.Service{{SID: "MG00000000000000000000000000000001", Senders: []string{ourNumber}, InboundURL: public + routeMessage, AdvancedOptOut: true}}
		set["messaging_service"] = o.Services[0].SID
	})
	for _, word := range []string{"stop", "start", "help"} {
		if _, err := r.Receive(ann, ourNumber, word); err != nil {
			t.Fatal(err)
		}
	}
	got := r.hub.Messages()
	if len(got) != 3 || got[0].Consent != message.OptOut || got[1].Consent != message.OptIn || got[2].Consent != message.Help || !got[2].Answered {
		t.Errorf("%+v", got)
	}
}

func TestPace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := pace{every: 100 * time.Millisecond}
		began := time.Now()
		for range 5 {
			time.Sleep(p.pause())
			p.took()
		}
		if d := time.Since(began); d != 400*time.Millisecond {
			t.Errorf("five messages took %v", d)
		}
		p.hold(time.Minute)
		p.took()
		if d := p.pause(); d != time.Minute {
			t.Errorf("told to wait a minute, it waits %v", d)
		}
		time.Sleep(time.Hour)
		if d := p.pause(); d != 0 {
			t.Errorf("a rested sender waits %v", d)
		}
	})
}

func TestRetryAfter(t *testing.T) {
	for h, want := range map[string]time.Duration{"": 0, "7": 7 * time.Second, "-3": 0, "x": 0, "99999999": maxRetryAfter,
		"Mon, 02 Nov 2020 10:00:00 GMT": 0} {
		if got := retryAfter(h); got != want {
			t.Errorf("%q is %v, want %v", h, got, want)
		}
	}
	if got := retryAfter(time.Now().Add(30 * time.Second).UTC().Format(http.TimeFormat)); got <= 0 || got > 30*time.Second {
		t.Errorf("a date is %v", got)
	}
}

func TestCodesAreSentences(t *testing.T) {
	if len(codes) < 90 {
		t.Errorf("%d codes", len(codes))
	}
	for code, m := range codes {
		if m.words == "" || strings.HasSuffix(m.words, ".") || m.class == connectors.Unsure {
			t.Errorf("%d: %+v", code, m)
		}
		if (m.class == connectors.Retry) != (m.after > 0) {
			t.Errorf("%d: retried after %v", code, m.after)
		}
	}
	for _, code := range []int{0, 1, 99999} {
		if explain(code, "") == "" || explain(code, "their words") != "their words" {
			t.Errorf("%d has no words", code)
		}
	}
}
