package twiliotest

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
)

func FuzzTwiML(f *testing.F) {
	for _, s := range []string{"", "<Response/>", "<Response><Say loop='2'>a</Say></Response>", "<!DOCTYPE a><Response/>",
		"<Response><Dial><Number>1</Number></Dial></Response>", "<Response><Message><Body>a</Body></Message></Response>",
		"<Response>" + strings.Repeat("<Say>", 20), "<?xml version='1.0' encoding='latin1'?><Response/>", "<a><b></a></b>"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		for _, g := range []map[string]shape{voiceShapes, messageShapes} {
			doc, err := parseTwiML([]byte(s), g)
			if (doc == nil) == (err == nil) && err == nil {
				t.Fatal("neither a document nor an error")
			}
			if err == nil && doc.name != "Response" {
				t.Fatalf("root %s", doc.name)
			}
			if err != nil && err.code != 12100 && err.code != 12200 {
				t.Fatalf("code %d", err.code)
			}
		}
	})
}

func FuzzOverrides(f *testing.F) {
	for _, s := range []string{"http://a/b", "http://a/b#rc=2&rp=4xx,5xx&ct=100&rt=1000&tt=2000", "#", "x#rc=-1&rt=99999", "a#rp=#b"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		bare, o := parseOverrides(s)
		if strings.Contains(bare, "#") || !strings.HasPrefix(s, bare) {
			t.Fatalf("bare %q of %q", bare, s)
		}
		if o.retries < 0 || o.retries > maxHookRetries || o.read > readTimeout || o.total > totalTimeout || len(o.policy) == 0 {
			t.Fatalf("%+v", o)
		}
	})
}

func FuzzAPI(f *testing.F) {
	srv, err := Start(Options{Frozen: true, Numbers: []Number{{PhoneNumber: ours, SMS: true, Voice: true}}})
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(srv.Close)
	if _, err := srv.Receive(customer, ours, "a", Media{ContentType: "image/png"}); err != nil {
		f.Fatal(err)
	}
	for _, p := range []string{"Messages.json", "Messages/x/Media/y", "Calls.json", "Queues/x/Members/Front.json",
		"Conferences/Room/Participants.json", "Recordings/x.wav", "IncomingPhoneNumbers/x.json", "..", ""} {
		f.Add("POST", p, "To=%2B15550123&From=%2B15550100&Body=a&FriendlyName=q&Status=completed&Twiml=%3CResponse/%3E")
		f.Add("GET", p, "PageSize=1&Page=1&PageToken=PAx&DateSent%3E=2020-01-01")
		f.Add("DELETE", p, "")
	}
	f.Fuzz(func(t *testing.T, method, path, params string) {
		u := &url.URL{Scheme: "http", Host: "api", Path: srv.uri(path)}
		body := ""
		if method == http.MethodPost {
			body = params
		} else {
			u.RawQuery = params
		}
		req, err := http.NewRequest(method, u.String(), strings.NewReader(body))
		if err != nil {
			return // no request that could be sent
		}
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		req.SetBasicAuth(srv.AccountSID(), srv.AuthToken())
		w := httptest.NewRecorder()
		srv.ServeHTTP(w, req)
		if w.Code >= 500 {
			t.Fatalf("%s %s: %d %s", method, u, w.Code, w.Body)
		}
	})
}

func FuzzDevice(f *testing.F) {
	srv, err := Start(Options{Frozen: true, APIKeys: map[string]string{"SKx": "secret"}})
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(srv.Close)
	for _, s := range []string{"", "..", "e30.e30.", "eyJ0eXAiOiJKV1QiLCJhbGciOiJIUzI1NiIsImN0eSI6InR3aWxpby1mcGE7dj0xIn0.eyJpc3MiOiJTS3gifQ.AA"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, token string) {
		if d, err := srv.Device(token); err == nil {
			t.Fatalf("%q signs %s in", token, d.Identity)
		}
	})
}
