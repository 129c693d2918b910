package api

import (
	"bytes"
	"encoding/json"
	"testing"
	"time"
)

// TestAnswersAsBefore: answers are byte for byte those of encoding/json. (Only the
// replacement of broken UTF-8 is written as itself and not as \ufffd.)
func TestAnswersAsBefore(t *testing.T) {
	row := Row{ID: 1 << 60, Subject: "<b>\u2028\x00&\"\\", Tags: []string{}, Last: time.Date(2026, 1, 2, 3, 4, 5, 678, time.FixedZone("", 12600))}
	for _, v := range []any{
		Conversation{Row: row, Timeline: Page{Entries: []Entry{{Data: json.RawMessage(`{"from": "<a>", "n":1.0}`), Message: &Message{Reply: "<p>"}}, {Note: &Note{Text: "متن ไทย 🙂"}}}}},
		Rows{}, Account{Settings: map[string]any{"b": 1.5, "a": []any{nil, true, "x"}}}, Link{Confidence: 1e-9}, Counts{}, nil, Accounts{Accounts: []Account{}},
	} {
		var want, got bytes.Buffer
		enc := json.NewEncoder(&want)
		enc.SetEscapeHTML(false)
		must(t, enc.Encode(v))
		must(t, jsonFormat().Marshal(&got, v))
		if got.String() != want.String() {
			t.Errorf("\n%s, want\n%s", got.String(), want.String())
		}
	}
}
