package inbox

import (
	"context"
	"testing"
	"time"

	"throughline/connectors"
	"throughline/message"
	"throughline/store"
)

// TestFinishAfterRestart: what is left of a message that is out survives the end of
// the program, is tried until it is done, and then not again.
func TestFinishAfterRestart(t *testing.T) {
	defer func(was []time.Duration) { finishAfter = was }(finishAfter)
	finishAfter = []time.Duration{0, 0}
	w := newWorld(t)
	tried := make(chan message.Message, 10)
	answers := make(chan error)
	w.ch.finish = func(ctx context.Context, m message.Message) error {
		tried <- m
		select {
		case err := <-answers:
			return err
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	w.ch.send = func(_ context.Context, m message.Message) (connectors.Receipt, error) {
		return connectors.Receipt{Detail: "250 ok", Pending: true}, nil
	}
	id := w.accept(mail("ann@example.org", "q", "question"))[0]
	r := w.reply(reply(id, "answer"))
	owed := func(d *Delivery) bool { return !d.Owed.IsZero() }
	if d := w.delivery(r.ID, owed); d.Status != message.Sent {
		t.Errorf("delivery %+v", d)
	}
	if m := <-tried; m.ID != r.ID || m.Token != r.Token {
		t.Errorf("finish %+v", m)
	}
	w.stop() // the program ends meanwhile
	if d := w.delivery(r.ID, owed); d.Owed.IsZero() {
		t.Error("forgotten by the end of the program")
	}
	w.start()
	<-tried
	answers <- &connectors.SendError{Class: connectors.Retry, Reason: "later"}
	<-tried
	answers <- nil
	w.delivery(r.ID, func(d *Delivery) bool { return d.Owed.IsZero() })
	w.view(func(tx *store.Tx) error {
		if n := w.deliveries.Count(tx, "due", store.K().Str("support")); n != 0 {
			t.Errorf("%d wait", n)
		}
		return nil
	})
	if len(tried) != 0 {
		t.Error("done once more")
	}
}
