package inbox

import (
	"testing"
	"time"

	"throughline/message"
	"throughline/preference"
	"throughline/store"
)

// TestWhatIsNoAnswer: a word to the machine, a machine's word, and what went to many
// are no contact with a person: they answer nothing and teach no channel.
func TestWhatIsNoAnswer(t *testing.T) {
	w := newWorld(t)
	c := w.texter("mobile", "+447700900001", nil)
	for i, x := range []struct {
		name   string
		change func(m *message.Message)
		want   bool
	}{
		{"a person's words", func(m *message.Message) {}, true},
		{"STOP", func(m *message.Message) { m.Consent = message.OptOut }, false},
		{"START", func(m *message.Message) { m.Consent = message.OptIn }, false},
		{"HELP", func(m *message.Message) { m.Consent = message.Help }, false},
		{"I am away", func(m *message.Message) { m.Kind = message.AutoReply }, false},
		{"it did not arrive", func(m *message.Message) { m.Kind = message.Bounce }, false},
		{"they complain", func(m *message.Message) { m.Kind = message.Complaint }, false},
		{"news", func(m *message.Message) { m.Bulk = true }, false},
	} {
		t.Run(x.name, func(t *testing.T) {
			m := c.message(annsNumber, x.name)
			m.Received = time.Now().Add(time.Duration(i-60) * time.Minute)
			x.change(&m)
			id := w.texted(c, m)
			w.view(func(tx *store.Tx) error {
				f, ok, err := facts{w.Hub}.Contact(tx, w.newestMessage(id))
				if err != nil || ok != x.want {
					t.Errorf("a contact: %v, want %v; %+v, %v", ok, x.want, f, err)
				}
				return nil
			})
		})
	}
}

// TestStopAnswersNothing: an offer to which somebody says STOP was not answered, and
// the channel is not one that they chose.
func TestStopAnswersNothing(t *testing.T) {
	w := newWorld(t)
	c := w.texter("mobile", "+447700900001", nil)
	id := w.texted(c, c.message(annsNumber, "hello"))
	w.reply(textReply(id, "mobile", "we have an offer"))
	<-w.sent
	stop := c.message(annsNumber, "STOP")
	stop.Consent = message.OptOut
	stop.Received = time.Now().Add(time.Minute)
	w.texted(c, stop)
	if err := w.Preference.CatchUp(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.view(func(tx *store.Tx) error {
		today := tx.Now().In(time.Local)
		b, err := w.Preference.Board(tx, preference.BoardQuery{From: today.AddDate(0, 0, -1).Format(time.DateOnly), To: today.AddDate(0, 0, 1).Format(time.DateOnly)})
		if err != nil {
			return err
		}
		if x := b.Total; x.In != 1 || x.Out != 1 || x.Reached != 1 || x.Replied != 0 || x.Asked != 1 {
			t.Errorf("counted %+v", x)
		}
		return nil
	})
}
