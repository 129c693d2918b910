package twilio

import (
	"testing"

	"throughline/message"
)

func TestWords(t *testing.T) {
	texts, chats := &reader(t, sms()).set, &reader(t, whatsapp()).set
	for _, tt := range []struct {
		set      *settings
		verdict  string // the provider's
		text     string
		expected message.Consent
	}{
		{texts, "", "STOP", message.OptOut},
		{texts, "", " stop. ", message.OptOut},
		{texts, "", "Stop!\n", message.OptOut},
		{texts, "", "ＳＴＯＰ", message.OptOut},
		{texts, "", "please stop", ""},
		{texts, "", "STOP it, the parcel is here", ""},
		{texts, "", "stopping", ""},
		{texts, "", "Cancel", message.OptOut},
		{chats, "", "Cancel", ""},
		{chats, "", "Stop", message.OptOut},
		{texts, "", "YES", ""},
		{texts, "", "start", message.OptIn},
		{texts, "", "UNSTOP", message.OptIn},
		{texts, "", "HELP", message.Help},
		{texts, "", "Help!", message.Help},
		{texts, "", "info", message.Help},
		{texts, "", "help me please", ""},
		{chats, "", "info", ""},
		{texts, "", "راهنما", message.Help},
		{texts, "", "كمك", message.Help}, // with the Arabic letters
		{texts, "", "ช่วยเหลือ", message.Help},
		{texts, "", "", ""},
		{texts, "", "!!!", ""},
		{texts, "", "لغو", message.OptOut},
		{texts, "", "لَغو", message.OptOut},
		{texts, "", "لغو  عضویت", message.OptOut},
		{texts, "", "لغو عضويت", message.OptOut}, // with the Arabic letter
		{texts, "", "شروع", message.OptIn},
		{texts, "", "หยุด", message.OptOut},
		{texts, "", "หยุด\u200b", message.OptOut},
		{texts, "", "เริ่ม", message.OptIn},
		{texts, "", "เรม", ""}, // Thai vowels and tones are letters
		// The provider's own verdict counts more than our words.
		{texts, "STOP", "basta", message.OptOut},
		{texts, "START", "STOP", message.OptIn},
		{texts, "HELP", "STOP", message.Help},
		{texts, "stop", "x", message.OptOut},
	} {
		if got := tt.set.consent(tt.verdict, tt.text); got != tt.expected {
			t.Errorf("%q (%q) is %q, want %q", tt.text, tt.verdict, got, tt.expected)
		}
	}
}
