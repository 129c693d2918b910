package inbox

import (
	"errors"
	"testing"
	"time"

	"throughline/connectors"
	"throughline/message"
	"throughline/store"
)

func (w *world) heldItems() (items []*HeldItem) {
	w.t.Helper()
	w.view(func(tx *store.Tx) (err error) { items, _, err = w.HeldItems(tx, "", nil, 10); return err })
	return items
}

// TestHeldChange: news that could not be applied is kept whole, its files too, and
// applied at the next try.
func TestHeldChange(t *testing.T) {
	w := newWorld(t)
	c := w.texter("mobile", "+447700900001", nil)
	m := c.message(annsNumber, "one")
	id := w.texted(c, m)
	// Its conversation is out of reach for a while.
	var away *Conversation
	update := func(fn func(tx *store.Tx) error) {
		t.Helper()
		if err := w.Store.Update(t.Context(), fn); err != nil {
			t.Fatal(err)
		}
	}
	update(func(tx *store.Tx) (err error) {
		if away, err = w.Conversation(tx, id); err != nil {
			return err
		}
		return w.conversations.Delete(tx, id)
	})
	w.take(c, connectors.Batch{Changes: []message.Change{{Of: m.Key, Time: time.Now(), Edit: &message.Message{Text: "two", Reply: "two",
		Parts: []message.Part{{Name: "a.txt", ContentType: "text/plain", Content: message.Bytes("file")}}}}}})
	items := w.heldItems()
	if len(items) != 1 || items[0].Reason == "" {
		t.Fatalf("held %+v", items)
	}
	if _, err := w.Sweep(t.Context(), 0); err != nil {
		t.Fatal(err)
	}
	if out, err := w.RetryHeld(t.Context(), items[0].ID); err != nil || out.Outcome != HeldBack || out.Reason == "" {
		t.Errorf("a try that fails again: %+v, %v", out, err)
	}
	update(func(tx *store.Tx) error { return w.conversations.Put(tx, id, away) })
	out, err := w.RetryHeld(t.Context(), items[0].ID)
	if err != nil || out.Outcome != Stored || out.Conversation != id {
		t.Fatalf("%+v, %v", out, err)
	}
	r := w.byKey(m.Key)
	if r.Text != "two" || len(r.Parts) != 1 || r.Parts[0].Size != 4 {
		t.Errorf("message %+v", r)
	}
	if _, err := w.Blobs.Stat(r.Parts[0].Blob); err != nil {
		t.Errorf("the file of the edit: %v", err)
	}
	if len(w.heldItems()) != 0 {
		t.Error("it is still held")
	}
}

// TestHeldWithFiles: an item whose files are not in its raw form is fetched again
// from the provider; where that has it no more, what is here is taken in.
func TestHeldWithFiles(t *testing.T) {
	for name, tt := range map[string]struct {
		refetch func(in connectors.Sink, m message.Message) error
		parts   int
		held    bool
	}{
		"the provider has it": {func(in connectors.Sink, m message.Message) error {
			m.Parts = []message.Part{{Name: "a.txt", ContentType: "text/plain", Content: message.Bytes("file")}}
			return in.Accept(t.Context(), connectors.Batch{Messages: []message.Message{m}})
		}, 1, false},
		"it is gone there":               {func(connectors.Sink, message.Message) error { return nil }, 0, false},
		"the provider cannot be reached": {func(connectors.Sink, message.Message) error { return errors.New("no line") }, 0, true},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			m := mail("ann@example.org", "q", "with a file")
			if err := w.sink.Accept(t.Context(), connectors.Batch{Held: []message.Held{{Source: m.Source, Key: m.Key, Reason: "no room", Raw: m.Raw}}}); err != nil {
				t.Fatal(err)
			}
			was := w.heldItems()[0]
			w.ch.read = func(message.Content, string) (message.Message, error) {
				m := m
				m.Received = time.Now().Add(time.Minute) // the raw form has no time of its own
				return m, connectors.ErrPartial
			}
			w.ch.refetch = func(in connectors.Sink, _ []string) error { return tt.refetch(in, m) }
			out, err := w.RetryHeld(t.Context(), was.ID)
			if tt.held {
				if err == nil || len(w.heldItems()) != 1 {
					t.Errorf("%+v, %v", out, err)
				}
				return
			}
			if err != nil || out.Outcome != Stored {
				t.Fatalf("%+v, %v", out, err)
			}
			r := w.byKey(m.Key)
			if len(r.Parts) != tt.parts || r.Received.After(was.Time) {
				t.Errorf("%d files, received %v, held %v", len(r.Parts), r.Received, was.Time)
			}
		})
	}
}
