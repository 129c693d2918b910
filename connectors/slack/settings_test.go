package slack

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"throughline/connectors"
)

func TestSettings(t *testing.T) {
	s, err := readSettings(json.RawMessage(`{"bot_token":" xoxb-1-2-abcdef ","app_token":"xapp-1-abcdef","take":"listed","channels":["#help","C0123"],"poll_interval":"1m","history_days":"3"}`))
	ok(t, err)
	if s.bot != "xoxb-1-2-abcdef" || s.base != defaultBase || s.host != "slack.com" || s.insecure || s.poll != time.Minute ||
		s.history != 72*time.Hour || s.threads != 7*24*time.Hour || s.fileBytes != 20<<20 || s.customers != everybody || s.listed[0] != "help" {
		t.Errorf("%+v", s)
	}
	for _, tt := range []struct{ raw, key, says string }{
		{`{}`, "bot_token", "xoxb"},
		{`{"bot_token":"xoxb-secret-1"}`, "app_token", "Socket Mode"},
		{`{"bot_token":"xapp-secret-1"}`, "bot_token", "xoxb"},
		{`{"bot_token":"xoxp-secret-1"}`, "bot_token", "xoxb"},
		{`{"bot_token":"xoxb secret"}`, "bot_token", "xoxb"},
		{`{"app_token":"xoxb-secret-1"}`, "app_token", "xapp"},
		{`{"signing_secret":"xoxb-secret-1"}`, "signing_secret", "signing secret"},
		{`{"bot_token":5}`, "bot_token", "text"},
		{`{"take":"some"}`, "take", "one of"},
		{`{"take":"listed"}`, "channels", "empty"},
		{`{"channels":["help"]}`, "channels", "listed"},
		{`{"take":"listed","channels":["a b"]}`, "channels", "#support"},
		{`{"take":"listed","channels":[5]}`, "channels", "list of texts"},
		{`{"customers":"nobody"}`, "customers", "one of"},
		{`{"history_days":-1}`, "history_days", "whole number"},
		{`{"thread_days":366}`, "thread_days", "whole number"},
		{`{"file_mib":"big"}`, "file_mib", "whole number"},
		{`{"poll_interval":"1s"}`, "poll_interval", "10s"},
		{`{"base_url":"http://slack.com/api"}`, "base_url", "https"},
		{`{"base_url":"https://u:p@slack.com/api"}`, "base_url", "https"},
		{`{"base_url":"https://slack.com/api?x"}`, "base_url", "query"},
		{`{"colour":"red"}`, "colour", "not a setting"},
		{`{"name":"a\nb"}`, "name", "one line"},
	} {
		_, err := readSettings(json.RawMessage(tt.raw))
		found := false
		for _, e := range unjoin(err) {
			var se *connectors.SettingsError
			if errors.As(e, &se) && se.Key == tt.key && strings.Contains(se.Text, tt.says) {
				found = true
			}
		}
		if !found {
			t.Errorf("%s: %v", tt.raw, err)
		}
		if err != nil && strings.Contains(err.Error(), "secret-1") {
			t.Errorf("a secret is shown: %v", err)
		}
	}
	if _, err := readSettings(json.RawMessage(`[]`)); err == nil {
		t.Error("a list was read")
	}
}

func unjoin(err error) []error {
	if j, ok := err.(interface{ Unwrap() []error }); ok {
		return j.Unwrap()
	}
	return []error{err}
}

// TestFields: secrets that go to the API name its address.
func TestFields(t *testing.T) {
	for _, f := range Kind().Fields {
		if f.Label == "" || f.Type == "secret" && f.Key != "signing_secret" && len(f.SentTo) == 0 {
			t.Errorf("%+v", f)
		}
	}
}
