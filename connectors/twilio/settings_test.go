package twilio

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"strings"
	"testing"
	"time"

	"throughline/connectors"
	"throughline/connectors/twilio/twiliotest"
)

// blamed are the keys that an error of settings is about.
func blamed(err error) (keys []string) {
	if err == nil {
		return nil
	}
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		for _, e := range joined.Unwrap() {
			keys = append(keys, blamed(e)...)
		}
		return keys
	}
	var se *connectors.SettingsError
	if errors.As(err, &se) {
		return []string{se.Key}
	}
	return []string{err.Error()}
}

func TestSettings(t *testing.T) {
	good := map[string]any{"account_sid": "AC00000000000000000000000000000001", "auth_token": "tok-en", "from": ourNumber}
	for _, tt := range []struct {
		name   string
		f      flavour
		change map[string]any
		blames string
	}{
		{"as they should be", sms(), nil, ""},
		{"number with spaces", sms(), map[string]any{"from": "+1 (202) 555-0100"}, ""},
		{"short code", sms(), map[string]any{"from": "72345"}, ""},
		{"letters", sms(), map[string]any{"from": "SHOP 24"}, ""},
		{"only a service", sms(), map[string]any{"from": "", "messaging_service": "MG00000000000000000000000000000001"}, ""},
		{"key", sms(), map[string]any{"api_key": "SK00000000000000000000000000000001", "api_secret": "s"}, ""},
		{"region", sms(), map[string]any{"base_url": "https://api.dublin.ie1.twilio.com/"}, ""},
		{"numbers as text", sms(), map[string]any{"rate": "5", "history_days": json.Number("3")}, ""},
		{"lists as text", sms(), map[string]any{"stop_words": "BASTA, ALTO", "file_types": "image/*\napplication/pdf"}, ""},
		{"no words", sms(), map[string]any{"stop_words": []any{}, "start_words": []any{}}, ""},
		{"whatsapp", whatsapp(), nil, ""},
		{"whatsapp prefix", whatsapp(), map[string]any{"from": "whatsapp:" + ourWhatsApp}, ""},
		{"templates", whatsapp(), map[string]any{"templates": []any{approved}}, ""},

		{"nothing", sms(), map[string]any{"account_sid": nil, "auth_token": nil, "from": nil}, "account_sid auth_token from"},
		{"account", sms(), map[string]any{"account_sid": "AC1"}, "account_sid"},
		{"key without secret", sms(), map[string]any{"api_key": "SK00000000000000000000000000000001"}, "api_secret"},
		{"secret without key", sms(), map[string]any{"api_secret": "x"}, "api_key"},
		{"key form", sms(), map[string]any{"api_key": "key", "api_secret": "x"}, "api_key"},
		{"number without plus", sms(), map[string]any{"from": "12025550100"}, "from"},
		{"too long letters", sms(), map[string]any{"from": "EXAMPLE COMPANY"}, "from"},
		{"whatsapp short code", whatsapp(), map[string]any{"from": "72345"}, "from"},
		{"whatsapp without number", whatsapp(), map[string]any{"from": "", "messaging_service": "MG00000000000000000000000000000001"}, "from"},
		{"service form", sms(), map[string]any{"messaging_service": "MG1"}, "messaging_service"},
		{"rate", sms(), map[string]any{"rate": 0}, "rate"},
		{"rate text", sms(), map[string]any{"rate": "fast"}, "rate"},
		{"poll", sms(), map[string]any{"poll_interval": "1s"}, "poll_interval"},
		{"history", sms(), map[string]any{"history_days": 1000}, "history_days"},
		{"size", sms(), map[string]any{"file_mib": 1000}, "file_mib"},
		{"types", sms(), map[string]any{"file_types": []any{"pictures"}}, "file_types"},
		{"a word is both", sms(), map[string]any{"stop_words": []any{"end"}, "start_words": []any{"END "}}, "start_words"},
		{"list of numbers", sms(), map[string]any{"stop_words": []any{1}}, "stop_words"},
		{"address with password", sms(), map[string]any{"base_url": "https://a:b@api.twilio.com"}, "base_url"},
		{"address without https", sms(), map[string]any{"base_url": "http://api.twilio.com"}, "base_url"},
		{"address", sms(), map[string]any{"base_url": "api.twilio.com"}, "base_url"},
		{"templates of a text", sms(), map[string]any{"templates": []any{approved}}, "templates"},
		{"template form", whatsapp(), map[string]any{"templates": []any{"order"}}, "templates"},
		{"unknown", sms(), map[string]any{"from_number": "x"}, "from_number"},
		{"two lines", sms(), map[string]any{"name": "a\nb"}, "name"},
		{"number as name", sms(), map[string]any{"name": 5}, "name"},
	} {
		values := maps.Clone(good)
		for k, v := range tt.change {
			values[k] = v
		}
		raw, err := json.Marshal(values)
		if err != nil {
			t.Fatal(err)
		}
		s, err := readSettings(tt.f, raw)
		if got := strings.Join(blamed(err), " "); got != tt.blames {
			t.Errorf("%s: blames %q, want %q (%v)", tt.name, got, tt.blames, err)
		}
		if err != nil && strings.Contains(err.Error(), "tok-en") {
			t.Errorf("%s: shows the token", tt.name)
		}
		if err == nil && (s.api == "" || s.content == "" || s.rate < 1 || s.poll < minPoll || strings.HasSuffix(s.api, "/")) {
			t.Errorf("%s: %+v", tt.name, s)
		}
	}
	if _, err := readSettings(sms(), json.RawMessage(`[]`)); err == nil {
		t.Error("a list is taken")
	}
	values := maps.Clone(good)
	values["base_url"] = "https://api.dublin.ie1.twilio.com"
	raw, _ := json.Marshal(values)
	if s, err := readSettings(sms(), raw); err != nil || s.content != "https://content.dublin.ie1.twilio.com" {
		t.Errorf("templates are looked for at %s, %v", s.content, err)
	}
}

// The defaults that the form shows are those that hold.
func TestDefaultsAreShown(t *testing.T) {
	for _, f := range []flavour{sms(), whatsapp()} {
		values := map[string]any{}
		for _, d := range fields(f) {
			if d.Default != nil {
				values[d.Key] = d.Default
			}
			if d.Label == "" || d.Required && d.Advanced {
				t.Errorf("%s: %+v", f.channel, d)
			}
		}
		maps.Copy(values, map[string]any{"account_sid": "AC00000000000000000000000000000001", "auth_token": "x", "from": ourNumber})
		shown, _ := json.Marshal(values)
		a, err := readSettings(f, shown)
		if err != nil {
			t.Fatal(err)
		}
		plain, _ := json.Marshal(map[string]any{"account_sid": "AC00000000000000000000000000000001", "auth_token": "x", "from": ourNumber})
		b, err := readSettings(f, plain)
		if err != nil || fmt.Sprintf("%+v", a) != fmt.Sprintf("%+v", b) {
			t.Errorf("%s:\n%+v\n%+v, %v", f.channel, a, b, err)
		}
	}
}

func TestTestSaysWhatToDo(t *testing.T) {
	for _, tt := range []struct {
		name   string
		number twiliotest.Number
		set    map[string]any
		public string
		steps  int
		says   string
	}{
		{"all is well", twiliotest.Number{SMS: true, SMSURL: public + routeMessage}, nil, public, 3, ""},
		{"wrong token", twiliotest.Number{SMS: true}, map[string]any{"auth_token": "wrong-token-x"}, public, 1, "credentials"},
		{"not ours", twiliotest.Number{PhoneNumber: "+12025550188", SMS: true}, nil, public, 2, "no number " + ourNumber},
		{"no texts", twiliotest.Number{Voice: true}, nil, public, 2, "choose a number with SMS"},
		{"no address", twiliotest.Number{SMS: true}, nil, public, 3, "enter " + public + routeMessage},
		{"another address", twiliotest.Number{SMS: true, SMSURL: "https://old.example.com/"}, nil, public, 3, "enter " + public + routeMessage},
		{"another method", twiliotest.Number{SMS: true, SMSURL: public + routeMessage, SMSMethod: "GET"}, nil, public, 3, "HTTP POST"},
		{"no public address", twiliotest.Number{SMS: true}, nil, "", 3, "public_url"},
		{"short code", twiliotest.Number{SMS: true}, map[string]any{"from": "72345"}, public, 2, ""},
		{"letters, no public address", twiliotest.Number{SMS: true}, map[string]any{"from": "SHOP"}, "", 2, "public_url"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := newRig(t, sms(), func(o *twiliotest.Options, set map[string]any, h *connectors.Host) {
				if tt.number.PhoneNumber == "" {
					tt.number.PhoneNumber = ourNumber
				}
				o.Numbers = []twiliotest.Number{tt.number}
				maps.Copy(set, tt.set)
				h.PublicURL = tt.public
			})
			steps := r.c.Test(t.Context())
			if len(steps) != tt.steps {
				t.Fatalf("%+v", steps)
			}
			last := steps[len(steps)-1]
			if last.OK != (tt.says == "") || !strings.Contains(last.Error, tt.says) || strings.Contains(fmt.Sprint(steps), "wrong-token") {
				t.Errorf("%+v", steps)
			}
			for _, s := range steps[:len(steps)-1] {
				if !s.OK {
					t.Errorf("%+v", s)
				}
			}
			for _, q := range r.Requests() {
				if q.Method != "GET" {
					t.Errorf("%s %s", q.Method, q.Path)
				}
			}
		})
	}
}

func TestPause(t *testing.T) {
	c := newRig(t, sms(), func(_ *twiliotest.Options, set map[string]any, h *connectors.Host) {
		h.PublicURL, set["poll_interval"] = "", "1h"
	}).c
	if c.pause() != time.Hour {
		t.Errorf("a wish of %v is %v", time.Hour, c.pause())
	}
}
