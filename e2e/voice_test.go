package e2e

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"throughline/api"
	"throughline/connectors/twilio/twiliotest"
	"throughline/message"
)

const ourLine = "+12025550122"

// A customer rings, chooses from the menu, and leaves a message, with a restart of
// the hub in mid-call: one entry, with the recording to play.
func TestVoicemail(t *testing.T) {
	t.Parallel()
	h := newHub(t, hubOptions{public: true})
	s, err := twiliotest.Start(twiliotest.Options{Frozen: true, Numbers: []twiliotest.Number{{PhoneNumber: ourLine, Voice: true,
		VoiceURL: h.url() + "/hooks/voice/call", StatusCallback: h.url() + "/hooks/voice/ended"}}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	h.start()
	admin := h.setup()
	if err := admin.call(http.MethodPost, "/api/accounts", api.AccountRequest{ID: "voice", Channel: "voice", Name: "Larkspur line", Settings: map[string]any{
		"account_sid": s.AccountSID(), "auth_token": s.AuthToken(), "from": ourLine, "base_url": s.URL(), "poll_interval": "10s",
		"menu": []string{"1 Orders"}, "menu_prompt": "For orders, press 1", "transcribe": true}}, nil); err != nil {
		t.Fatal(err)
	}
	admin.untilPhase(t, "voice", "live")
	call, err := s.Call(annNumber, ourLine)
	if err != nil {
		t.Fatal(err)
	}
	row := func(ok func(api.Row) bool) (r api.Row) {
		until(t, "the call in the list", func() error {
			rows, err := admin.rows("all")
			if err != nil {
				return err
			}
			if len(rows) != 1 || !ok(rows[0]) {
				return fmt.Errorf("%+v", rows)
			}
			r = rows[0]
			return nil
		})
		return r
	}
	row(func(r api.Row) bool {
		return r.Call != nil && r.Call.Outcome == "" && r.Unread == 1 && !r.Waiting.IsZero()
	})
	if err := call.WaitVerb(t.Context(), "Gather"); err != nil {
		t.Fatal(err)
	}
	h.kill()
	h.start()
	admin.untilPhase(t, "voice", "live")
	for _, err := range []error{call.Press("1"), call.Speak(7*time.Second, "please call me back"), call.Press("#")} {
		if err != nil {
			t.Fatal(err)
		}
	}
	r := row(func(r api.Row) bool {
		return r.Call != nil && r.Call.Outcome == message.CallVoicemail && r.Call.State == message.CallEnded && r.Call.Talk == 7 && r.Call.Spoken == 7 && r.Call.Choice == "Orders" &&
			r.Preview == "please call me back"
	})
	if r.Status != "open" || r.Unread != 1 || r.Messages != 1 || r.Waiting.IsZero() {
		t.Errorf("%+v", r)
	}
	until(t, "the recording", func() error {
		list, err := admin.entries(r.ID)
		if err != nil {
			return err
		}
		calls := messages(list)
		if len(calls) != 1 || len(calls[0].Attachments) != 1 || calls[0].Attachments[0].ContentType != "audio/mpeg" || !strings.Contains(calls[0].Reply, "call me back") {
			return fmt.Errorf("%+v", calls)
		}
		return nil
	})
}
