package inbox

import (
	"testing"
	"time"

	"throughline/message"
)

// TestPacedBeforeTheAttempt: what waits for its turn at the provider has not begun. A
// program that ends in that wait leaves a queued message, which goes out, and none of
// which nobody knows.
func TestPacedBeforeTheAttempt(t *testing.T) {
	w := newWorld(t)
	asked := make(chan struct{}, 1)
	c := w.texter("mobile", "+447700900001", func(c *texter) { c.pause, c.asked = time.Hour, asked })
	id := w.texted(c, c.message(annsNumber, "hello"))
	r := w.reply(textReply(id, "mobile", "hi"))
	<-asked
	w.stop()
	if d := w.delivery(r.ID, is(message.Queued)); len(d.Attempts) != 0 || len(w.sent) != 0 {
		t.Errorf("delivery %+v, %d sent", d, len(w.sent))
	}
	c.mu.Lock()
	c.pause = 0
	c.mu.Unlock()
	w.start()
	if d := w.delivery(r.ID, is(message.Sent)); len(d.Attempts) != 1 {
		t.Errorf("delivery %+v", d)
	}
}
