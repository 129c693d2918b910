package inbox

import (
	"errors"
	"maps"
	"strings"
	"testing"
	"time"

	"throughline/connectors"
	"throughline/message"
)

// TestWriting goes through what a channel cannot carry.
func TestWriting(t *testing.T) {
	w := newWorld(t)
	c := w.texter("mobile", "+447700900001", func(c *texter) { c.About.Writing.Text = 20 })
	id := w.texted(c, c.message(annsNumber, "hello"))
	part := func(name, content string) message.Part {
		ref, err := w.Blobs.Put(t.Context(), strings.NewReader(content))
		if err != nil {
			t.Fatal(err)
		}
		return message.Part{Name: name, ContentType: "text/plain", Blob: ref.SHA256}
	}
	bob := message.Person{Handle: "tel:+447700900124"}
	for _, tt := range []struct {
		name, field, says string
		change            func(*Outgoing)
	}{
		{"a mail address", "to[0]", "cannot be reached over this account", func(o *Outgoing) { o.To = ann }},
		{"a sender name", "to[0]", "cannot be reached", func(o *Outgoing) { o.To[0].Handle = "alpha:MyBank" }},
		{"a short code", "to[0]", "cannot be reached", func(o *Outgoing) { o.To[0].Handle = "short:12345" }},
		{"two recipients", "to", "exactly one", func(o *Outgoing) { o.To = append(o.To, bob) }},
		{"a copy", "cc", "no copies", func(o *Outgoing) { o.Cc = []message.Person{bob} }},
		{"a blind copy", "cc", "no copies", func(o *Outgoing) { o.Bcc = []message.Person{bob} }},
		{"a forward", "mode", "forwarded", func(o *Outgoing) { o.Mode = ModeForward }},
		{"too long", "html", "21 characters, and this channel takes 20", func(o *Outgoing) { o.HTML = strings.Repeat("é", 21) }},
		{"too many files", "attachments", "at most 2", func(o *Outgoing) {
			o.Attachments = []message.Part{part("a", "a"), part("b", "b"), part("c", "c")}
		}},
		{"too large files", "attachments", "this channel takes 100", func(o *Outgoing) {
			o.Attachments = []message.Part{part("a", strings.Repeat("a", 60)), part("b", strings.Repeat("b", 60))}
		}},
		{"an unknown template", "template.id", "choose another", func(o *Outgoing) { o.Template = &message.TemplateUse{ID: "none"} }},
	} {
		o := textReply(id, "mobile", "fine")
		tt.change(&o)
		_, err := w.Reply(t.Context(), o)
		var invalid *InvalidError
		if !errors.As(err, &invalid) || invalid.Field != tt.field || !strings.Contains(invalid.Text, tt.says) {
			t.Errorf("%s: %v", tt.name, err)
		}
	}
	o := textReply(id, "mobile", "fine")
	o.Subject, o.AgentSignature, o.Attachments = "About it", "Ben", []message.Part{part("a.txt", "a")}
	o.Attachments[0].Inline = true
	w.reply(o)
	m := <-w.sent
	if m.Text != "fine" || m.HTML != "" || m.Subject != "" || len(m.Parts) != 1 || m.Parts[0].Inline || m.Parts[0].Content == nil {
		t.Errorf("sent %+v", m)
	}
}

// TestRich: formatted text stays where the channel has it.
func TestRich(t *testing.T) {
	w := newWorld(t)
	c := w.texter("room", "+447700900001", func(c *texter) { c.About.Writing.Rich, c.About.Signature = true, "Example Ltd" })
	id := w.texted(c, c.message(annsNumber, "hello"))
	w.reply(textReply(id, "room", "a <b>bold</b> answer"))
	if m := <-w.sent; m.HTML != "<p>a <b>bold</b> answer</p>" || m.Text != "a bold answer" || m.Quoted != "" {
		t.Errorf("sent %+v", m)
	}
}

// TestWindowOfWhatWasMissed: what somebody wrote first may come last, after a time in
// which the hub was down; the window is open by what was written last.
func TestWindowOfWhatWasMissed(t *testing.T) {
	w := newWorld(t)
	c := w.texter("mobile", "+447700900001", func(c *texter) { c.About.Writing.Window = 24 * time.Hour })
	var id uint64
	for _, ago := range []time.Duration{time.Minute, 30 * time.Hour} {
		m := c.message(annsNumber, "hello")
		m.Received = time.Now().Add(-ago)
		id = w.texted(c, m)
	}
	w.reply(textReply(id, "mobile", "hi"))
}

// TestWindow: own words only soon after the person wrote, templates always.
func TestWindow(t *testing.T) {
	w := newWorld(t)
	c := w.texter("mobile", "+447700900001", func(c *texter) {
		c.About.Writing.Window = 24 * time.Hour
		c.templates = []message.Template{{ID: "late", Name: "Delay", Text: "Hello {{1}}, your order {{ 2 }} is late.", Gaps: []string{"1", "2"}}}
	})
	old := c.message(annsNumber, "hello")
	old.Received = time.Now().Add(-25 * time.Hour)
	id := w.texted(c, old)
	_, err := w.Reply(t.Context(), textReply(id, "mobile", "hi"))
	var invalid *InvalidError
	if !errors.As(err, &invalid) || invalid.Field != "html" || !strings.Contains(invalid.Text, "24 hours") || !strings.Contains(invalid.Text, "choose a template") {
		t.Fatalf("own words after the window: %v", err)
	}
	use := func(values map[string]string) Outgoing {
		o := textReply(id, "mobile", "")
		o.HTML, o.Template = "", &message.TemplateUse{ID: "late", Values: values}
		return o
	}
	full := map[string]string{"1": "Ann", "2": "<42>"}
	for name, change := range map[string]func(map[string]string){
		"a gap is empty":   func(v map[string]string) { v["1"] = " " },
		"a gap is missing": func(v map[string]string) { delete(v, "2") },
		"no such gap":      func(v map[string]string) { v["3"] = "x" },
	} {
		v := maps.Clone(full)
		change(v)
		if _, err := w.Reply(t.Context(), use(v)); !errors.As(err, &invalid) || !strings.HasPrefix(invalid.Field, "template.values") {
			t.Errorf("%s: %v", name, err)
		}
	}
	w.reply(use(full))
	m := <-w.sent
	if m.Text != "Hello Ann, your order <42> is late." || m.Template == nil || m.Template.ID != "late" || m.Template.Values["1"] != "Ann" {
		t.Errorf("sent %+v", m)
	}
	w.texted(c, c.message(annsNumber, "why?"))
	w.reply(textReply(id, "mobile", "the weather"))
	if m := <-w.sent; m.Text != "the weather" || m.Template != nil {
		t.Errorf("sent %+v", m)
	}
	// A number that never wrote gets a template too, and no own words.
	o := textReply(0, "mobile", "hello")
	o.Mode, o.To[0].Handle = ModeNew, "tel:+447700900199"
	if _, err := w.Reply(t.Context(), o); !errors.As(err, &invalid) || !strings.Contains(invalid.Text, "has not written yet") {
		t.Errorf("own words to a stranger: %v", err)
	}
}

var _ connectors.Templater = (*texter)(nil)
