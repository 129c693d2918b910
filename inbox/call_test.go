package inbox

import (
	"slices"
	"testing"
	"time"

	"throughline/connectors"
	"throughline/message"
	"throughline/timeline"
)

// A call is one entry that changes: it rings, ends, and its recording comes.
func TestCall(t *testing.T) {
	ended := func(o message.Outcome) message.Change {
		return message.Change{Call: &message.Call{Outcome: o, Talk: 12}}
	}
	recorded := message.Change{Call: &message.Call{Outcome: message.CallVoicemail, Spoken: 9},
		Edit: &message.Message{Parts: []message.Part{{Name: "voicemail-1.mp3", ContentType: "audio/mpeg", Content: message.Bytes("sound")}}}}
	written := message.Change{Call: &message.Call{}, Edit: &message.Message{Text: "please call", Reply: "please call"}}
	left := message.Change{Call: &message.Call{}, Edit: &message.Message{Warnings: []string{"the recording is elsewhere"}}}
	for _, tt := range []struct {
		name    string
		before  []message.Change
		changes []message.Change
		want    message.Call
		preview string
		parts   int
		events  int
	}{
		{"rings", nil, nil, message.Call{}, "", 0, 0},
		{"missed, told twice", nil, []message.Change{ended(message.CallMissed), ended(message.CallMissed)}, message.Call{Outcome: message.CallMissed, Talk: 12}, "", 0, 1},
		{"voicemail", nil, []message.Change{ended(message.CallMissed), recorded, written, recorded, written},
			message.Call{Outcome: message.CallVoicemail, Talk: 12, Spoken: 9}, "please call", 1, 3},
		{"in another order", nil, []message.Change{written, recorded, ended(message.CallMissed)},
			message.Call{Outcome: message.CallVoicemail, Talk: 12, Spoken: 9}, "please call", 1, 3},
		{"a recording is left", []message.Change{left}, []message.Change{ended(message.CallMissed), left, written, left},
			message.Call{Outcome: message.CallMissed, Talk: 12}, "please call", 0, 3},
		{"before the call", []message.Change{recorded, ended(message.CallMissed)}, []message.Change{written},
			message.Call{Outcome: message.CallVoicemail, Talk: 12, Spoken: 9}, "please call", 1, 3},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t)
			c := w.texter("line", "+447700900001", func(c *texter) { c.About.Writing.None = true })
			m := c.message(annsNumber, "")
			m.Call = &message.Call{}
			of := func(list []message.Change) (out []message.Change) {
				for _, ch := range list {
					ch.Of, ch.Time = m.Key, time.Now()
					out = append(out, ch)
				}
				return out
			}
			w.take(c, connectors.Batch{Changes: of(tt.before)})
			since := w.last()
			w.take(c, connectors.Batch{Messages: []message.Message{m}})
			id := w.byKey(m.Key).Conversation
			for _, ch := range of(tt.changes) {
				w.take(c, connectors.Batch{Changes: []message.Change{ch}})
			}
			r, conv := w.byKey(m.Key), w.conversation(id)
			if !r.Call.Equal(tt.want.Settled()) || len(r.Parts) != tt.parts || len(r.Former) != 0 || !r.Edited.IsZero() {
				t.Errorf("%+v, parts %v, former %v, edited %v", *r.Call, r.Parts, r.Former, r.Edited)
			}
			if tt.name == "a recording is left" && !slices.Equal(r.Warnings, left.Edit.Warnings) {
				t.Errorf("warnings %q", r.Warnings)
			}
			if conv.Preview != tt.preview || conv.Call == nil || !conv.Call.Equal(tt.want.Settled()) || conv.Status != Open || conv.Unread != 1 || conv.Waiting.IsZero() {
				t.Errorf("conversation %+v, call %+v", conv, conv.Call)
			}
			n := 0
			for _, kind := range kindsOf(w, since, id) {
				switch kind {
				case timeline.MessageCall:
					n++
				case timeline.MessageEdited:
					t.Error("a call is not edited")
				}
			}
			if n != tt.events {
				t.Errorf("%d events", n)
			}
			if problems, err := w.Check(t.Context()); err != nil || len(problems) > 0 {
				t.Errorf("check: %v %v", problems, err)
			}
		})
	}
}

// Somebody closed the matter while it rang; the message that was left opens it again.
func TestCallOpensAgain(t *testing.T) {
	w := newWorld(t)
	c := w.texter("line", "+447700900001", nil)
	m := c.message(annsNumber, "")
	m.Call = &message.Call{}
	w.take(c, connectors.Batch{Messages: []message.Message{m}})
	id := w.byKey(m.Key).Conversation
	w.status(id, Resolved)
	if conv := w.conversation(id); conv.Status != Resolved || !conv.Waiting.IsZero() {
		t.Fatalf("%+v", conv)
	}
	w.take(c, connectors.Batch{Changes: []message.Change{{Of: m.Key, Time: time.Now(), Call: &message.Call{Outcome: message.CallVoicemail}}}})
	if conv := w.conversation(id); conv.Status != Open || conv.Waiting.IsZero() || conv.Unread == 0 {
		t.Errorf("%+v", conv)
	}
}
