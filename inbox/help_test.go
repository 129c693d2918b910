package inbox

import (
	"slices"
	"testing"
	"time"

	"throughline/message"
	"throughline/timeline"
)

// TestHelp: HELP is told, changes no consent, waits for an agent, and is answered
// automatically once a day where the account says so.
func TestHelp(t *testing.T) {
	w := newWorld(t)
	c := w.texter("mobile", "+447700900001", func(c *texter) { c.About.Help = "Example Shop. Reply STOP to end this." })
	help := func() message.Message {
		m := c.message(annsNumber, "HELP")
		m.Consent = message.Help
		return m
	}
	id := w.texted(c, help())
	if m := <-w.sent; m.Text != "Example Shop. Reply STOP to end this." || !m.Automatic || m.Kind != message.AutoReply {
		t.Errorf("answered with %+v", m)
	}
	if got := w.conversation(id); got.Waiting.IsZero() || got.Messages != 2 {
		t.Errorf("nobody sees it: %+v", got)
	}
	if !slices.Contains(w.events(id), timeline.ConsentHelp) {
		t.Errorf("events %q", w.events(id))
	}
	if got := w.consentOf(annsPhone[0].Handle, "text"); got != nil {
		t.Errorf("HELP is consent %+v", got)
	}
	w.texted(c, help())
	if got := w.conversation(id); got.Messages != 3 {
		t.Errorf("%d messages: answered twice a day", got.Messages)
	}
	// Another number is another person.
	other := c.message("+447700900555", "HELP")
	other.Consent = message.Help
	if got := w.conversation(w.texted(c, other)); got.Messages != 2 {
		t.Errorf("%d messages for the second person", got.Messages)
	}
}

// TestHelpUnanswered: who is not a person, wants nothing, asked long ago or was
// answered by the provider gets no automatic answer.
func TestHelpUnanswered(t *testing.T) {
	w := newWorld(t)
	for name, change := range map[string]func(m *message.Message){
		"a machine":              func(m *message.Message) { m.Kind = message.AutoReply },
		"the provider was quick": func(m *message.Message) { m.Answered = true },
		"long ago":               func(m *message.Message) { m.Received = time.Now().Add(-2 * time.Hour) },
	} {
		t.Run(name, func(t *testing.T) {
			id := "n" + string(rune('a'+len(w.text)))
			c := w.texter(id, "+4477009000"+string(rune('1'+len(w.text)))+"0", func(c *texter) {
				c.About.Help, c.About.Acknowledge = "Example Shop.", "We got it."
			})
			m := c.message(annsNumber, "HELP")
			m.Consent = message.Help
			change(&m)
			if got := w.conversation(w.texted(c, m)); got.Messages != 1 {
				t.Errorf("%d messages", got.Messages)
			}
		})
	}
	c := w.texter("last", "+447700900009", func(c *texter) { c.About.Help = "Example Shop." })
	stop := c.message("+447700900321", "STOP")
	stop.Consent = message.OptOut
	w.texted(c, stop)
	m := c.message("+447700900321", "HELP")
	m.Consent = message.Help
	if got := w.conversation(w.texted(c, m)); got.Messages != 2 {
		t.Errorf("%d messages to somebody who said STOP", got.Messages)
	}
}
