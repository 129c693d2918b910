package inbox

import (
	"testing"
	"time"

	"throughline/connectors"
	"throughline/message"
	"throughline/timeline"
)

// TestFilesFollow: files that were awaited come, or never will, and people are told
// which: of a message as it was written, or as it was edited meanwhile.
func TestFilesFollow(t *testing.T) {
	file := func(name string) message.Part {
		return message.Part{Name: name, ContentType: "text/plain", Content: message.Bytes(name)}
	}
	const waiting, left = "files are being fetched", "file 2 was left there: too large"
	start := time.Now().Add(-time.Hour)
	news := func(at int, e message.Message) message.Change {
		return message.Change{Time: start.Add(time.Duration(at) * time.Minute), Edit: &e, Files: true}
	}
	edited := func(at int, e message.Message) message.Change {
		c := news(at, e)
		c.Files = false
		return c
	}
	for name, tt := range map[string]struct {
		changes []message.Change
		text    string
		parts   int
		warning string // "" if there is none
		former  int
		told    int // events
	}{
		"none will come": {[]message.Change{news(1, message.Message{Warnings: []string{left}})}, "look", 1, left, 0, 1},
		"told again":     {[]message.Change{news(1, message.Message{Warnings: []string{left}}), news(2, message.Message{Warnings: []string{left}})}, "look", 1, left, 0, 1},
		"all came":       {[]message.Change{news(1, message.Message{Parts: []message.Part{file("a"), file("b")}})}, "look", 2, "", 0, 1},
		"one came":       {[]message.Change{news(1, message.Message{Parts: []message.Part{file("b")}, Warnings: []string{left}})}, "look", 2, left, 0, 1},
		"after an edit": {[]message.Change{edited(1, message.Message{Text: "see", Parts: []message.Part{file("a")}, Warnings: []string{waiting}}),
			news(2, message.Message{Parts: []message.Part{file("a"), file("b")}})}, "see", 2, "", 1, 2},
		"before an edit that took it away": {[]message.Change{edited(2, message.Message{Text: "see"}), news(1, message.Message{Parts: []message.Part{file("a"), file("b")}})},
			"see", 0, "", 1, 1},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			c := w.texter("mobile", "+447700900001", nil)
			m := c.message(annsNumber, "look")
			m.Parts, m.Warnings = []message.Part{file("a")}, []string{waiting}
			id := w.texted(c, m)
			for _, change := range tt.changes {
				change.Of = m.Key
				w.take(c, connectors.Batch{Changes: []message.Change{change}})
			}
			r := w.byKey(m.Key)
			warned := len(r.Warnings) == 0 && tt.warning == "" || len(r.Warnings) == 1 && r.Warnings[0] == tt.warning
			if r.Text != tt.text || len(r.Parts) != tt.parts || !warned || len(r.Former) != tt.former {
				t.Errorf("%q with %v, warnings %q, former %v", r.Text, r.Parts, r.Warnings, r.Former)
			}
			told := 0
			for _, kind := range kindsOf(w, 0, id) {
				if kind == timeline.MessageEdited {
					told++
				}
			}
			if told != tt.told {
				t.Errorf("told %d times, want %d", told, tt.told)
			}
		})
	}
}
