package inbox

import (
	"slices"
	"strings"
	"testing"
	"time"

	"throughline/connectors"
	"throughline/message"
	"throughline/store"
)

// TestCopyOptedOut: who wants nothing more is left out of the copies, with a notice;
// the letter goes to those it is for.
func TestCopyOptedOut(t *testing.T) {
	w := newWorld(t)
	id := w.accept(mail("ann@example.org", "q", "question"))[0]
	// So far he only stood among the copies.
	if err := w.SetConsent(t.Context(), 1, "mailto:Ben@example.org", "test", "", message.OptOut, "wrote a letter"); err != nil {
		t.Fatal(err)
	}
	o := reply(id, "answer")
	o.Cc = []message.Person{{Handle: "mailto:ben@example.org"}, {Handle: "mailto:cora@example.org"}}
	r := w.reply(o)
	if m := <-w.sent; len(m.Cc) != 1 || m.Cc[0].Handle != "mailto:cora@example.org" || m.Only != nil {
		t.Errorf("copies to %+v, only %v", m.Cc, m.Only)
	}
	if len(r.Warnings) != 1 || !strings.Contains(r.Warnings[0], "ben@example.org") {
		t.Errorf("nobody is told: %q", r.Warnings)
	}
	o.To, o.Cc = o.Cc[:1], nil
	if _, err := w.Reply(t.Context(), o); err == nil {
		t.Error("a letter for him alone goes out")
	}
}

// TestCopyOptsOutWhileItWaits: the same in the undo window.
func TestCopyOptsOutWhileItWaits(t *testing.T) {
	w := newWorldAt(t, t.TempDir(), time.Hour)
	id := w.accept(mail("ann@example.org", "q", "question"))[0]
	o := reply(id, "answer")
	o.Cc = []message.Person{{Handle: "mailto:ben@example.org"}}
	r := w.reply(o)
	if err := w.SetConsent(t.Context(), 1, "mailto:ben@example.org", "test", "", message.OptOut, "wrote a letter"); err != nil {
		t.Fatal(err)
	}
	w.due(r.ID)
	d := w.delivery(r.ID, is(message.Sent))
	if m := <-w.sent; !slices.Equal(m.Only, []message.Handle{"mailto:ann@example.org"}) {
		t.Errorf("sent to %v", m.Only)
	}
	if len(d.Rejected) != 1 || d.Rejected[0].Handle != "mailto:ben@example.org" || d.Rejected[0].Code != codeOptOut {
		t.Errorf("refused %+v", d.Rejected)
	}
}

// TestWindowEndsWhileItWaits: the time for own words is looked at when the attempt
// begins, too.
func TestWindowEndsWhileItWaits(t *testing.T) {
	w := newWorldAt(t, t.TempDir(), time.Hour)
	c := w.texter("mobile", "+447700900001", func(c *texter) { c.About.Writing.Window = 24 * time.Hour })
	m := c.message(annsNumber, "hello")
	id := w.texted(c, m)
	r := w.reply(textReply(id, "mobile", "hi"))
	if err := w.Store.Update(t.Context(), func(tx *store.Tx) error {
		heard := w.recordOf(tx, m.Key)
		heard.Received = tx.Now().Add(-25 * time.Hour)
		return w.messages.Put(tx, heard.ID, heard)
	}); err != nil {
		t.Fatal(err)
	}
	w.due(r.ID)
	if d := w.delivery(r.ID, is(message.Failed)); d.Code != codeWindow || d.Reason == "" || len(d.Attempts) != 0 || len(w.sent) != 0 {
		t.Errorf("delivery %+v, %d sent", d, len(w.sent))
	}
}

func (w *world) recordOf(tx *store.Tx, key string) *Record {
	w.t.Helper()
	id, _ := w.messages.Lookup(tx, "key", store.K().Str(key))
	r, err := w.Message(tx, id)
	if err != nil {
		w.t.Fatal(err)
	}
	return r
}

// TestTextFromOurNumber: a text that claims to come from a number of ours is nobody's
// answer, and is not shown as one.
func TestTextFromOurNumber(t *testing.T) {
	w := newWorld(t)
	c := w.texter("mobile", "+447700900001", nil)
	m := c.message("+447700900001", "send the money there")
	w.texted(c, m)
	if r := w.byKey(m.Key); r.Direction != message.In || r.Vouch != message.VouchFailed {
		t.Errorf("filed as %s, vouched for: %q", r.Direction, r.Vouch)
	}
}

// TestLateFilesAndFormerOnes: files that come late complete their item, and its
// warning goes; those of a former version are kept.
func TestLateFilesAndFormerOnes(t *testing.T) {
	w := newWorld(t)
	c := w.texter("mobile", "+447700900001", nil)
	m := c.message(annsNumber, "look")
	m.Warnings = []string{"files of it are still being fetched"}
	w.texted(c, m)
	file := func(name string) message.Part {
		return message.Part{Name: name, ContentType: "text/plain", Content: message.Bytes(name)}
	}
	edit := func(files bool, text string, parts ...message.Part) {
		w.take(c, connectors.Batch{Changes: []message.Change{{Of: m.Key, Time: time.Now(), Files: files, Edit: &message.Message{Text: text, Reply: text, Parts: parts}}}})
	}
	edit(true, "", file("a.txt"))
	if r := w.byKey(m.Key); len(r.Parts) != 1 || len(r.Warnings) != 0 || len(r.Former) != 0 || !r.Edited.IsZero() {
		t.Errorf("completed: %+v", r)
	}
	edit(false, "look here", file("b.txt"))
	r := w.byKey(m.Key)
	if len(r.Former) != 1 || len(r.Former[0].Parts) != 1 || r.Former[0].Parts[0].Name != "a.txt" || r.Edited.IsZero() {
		t.Fatalf("edited: %+v", r)
	}
	if _, err := w.Sweep(t.Context(), 0); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Blobs.Stat(r.Former[0].Parts[0].Blob); err != nil {
		t.Errorf("the former file: %v", err)
	}
}

// TestTemplateRepeated: asked again for a template that was sent, under the same key,
// nothing is sent, whether or not the provider still lists it.
func TestTemplateRepeated(t *testing.T) {
	w := newWorld(t)
	c := w.texter("mobile", "+447700900001", func(c *texter) {
		c.templates = []message.Template{{ID: "HX1", Name: "greeting", Text: "Hello {{1}}", Gaps: []string{"1"}}}
	})
	id := w.texted(c, c.message(annsNumber, "hello"))
	o := textReply(id, "mobile", "")
	o.Key, o.Template = "once", &message.TemplateUse{ID: "HX1", Values: map[string]string{"1": "Ann"}}
	first, err := w.Reply(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	c.templates = nil
	if again, err := w.Reply(t.Context(), o); err != nil || again != first {
		t.Errorf("asked again: %d, %v, first %d", again, err, first)
	}
	o.Template = &message.TemplateUse{ID: "HX1", Values: map[string]string{"1": "Ben"}}
	if _, err := w.Reply(t.Context(), o); err == nil {
		t.Error("another message under the same key is taken for the first")
	}
}
