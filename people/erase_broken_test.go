package people

import (
	"context"
	"errors"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"throughline/connectors"
	"throughline/identity"
	"throughline/inbox"
	"throughline/message"
	"throughline/store"
)

// stepping calls do when it is asked for the at-th time whether it is over, which
// all long work does between its transactions.
type stepping struct {
	context.Context
	n, at int32
	do    func()
	over  atomic.Bool
}

func (c *stepping) Err() error {
	if n := atomic.AddInt32(&c.n, 1); n == c.at {
		c.do()
	}
	if c.over.Load() {
		return context.Canceled
	}
	return c.Context.Err()
}

// plant is a customer with what an erasure has to find in several places, and words
// of his.
func plant(t *testing.T) (w *world, dir string, whose, at uint64, words []string) {
	dir = t.TempDir()
	w = newWorldAt(t, dir)
	z := message.Person{Name: "Zebulon Quartz", Handle: "mailto:zebulon@example.org"}
	first, harmless := mail("zebulon@example.org", "Zebulon Quartz", "k1", "xylophone"), mail("bystander@example.org", "Bystander", "k2", "harmless")
	harmless.Cc = []message.Person{z}
	into := mail("zebulon@example.org", "Zebulon Quartz", "k3", "marzipan") // he takes part in the bystander's matter
	into.Refs = []string{"k2@example.org"}
	quoting := mail("bystander@example.org", "Bystander", "k4", "well")
	quoting.Refs, quoting.Quoted, quoting.Subject = []string{"k3@example.org"}, "you said verdigris", "Re: about marzipan"
	must(t, w.sink.Accept(t.Context(), connectors.Batch{Messages: []message.Message{first, harmless, into, quoting}}))
	whose = w.customer("zebulon@example.org").ID
	at = w.conversation("mailto:zebulon@example.org")
	_, err := w.hub.AddNote(t.Context(), 1, at, "quicksilver")
	must(t, err)
	must(t, w.hub.EditCard(t.Context(), 1, whose, []identity.Edit{{Field: identity.FieldGoals, Value: "ultramarine"}}))
	tags := []string{"cormorant"}
	must(t, w.hub.Change(t.Context(), 1, []uint64{at}, inbox.Change{Tags: &tags}))
	_, err = w.hub.AddTask(t.Context(), 1, inbox.Task{Text: "send the gooseberry", Conversation: at})
	must(t, err)
	words = []string{"zebulon", "quartz", "xylophone", "marzipan", "verdigris", "quicksilver", "ultramarine", "gooseberry"}
	if found := grep(t, w, dir, words); len(found) < 7 { // some of what is compressed cannot be searched
		t.Fatalf("the search finds only %v before", found)
	}
	return w, dir, whose, at, words
}

// gone looks for words when files that nothing names have been removed.
func gone(t *testing.T, w *world, dir string, words []string, step int32) {
	t.Helper()
	_, err := w.hub.Sweep(t.Context(), 0, w.Blobs)
	must(t, err)
	if found := grep(t, w, dir, words); len(found) > 0 {
		t.Errorf("step %d: still there: %v", step, found)
	}
}

// TestEraseBrokenOff breaks an erasure off at each of its steps and asks again.
func TestEraseBrokenOff(t *testing.T) {
	for step, more := int32(1), true; more; step++ {
		w, dir, whose, _, words := plant(t)
		ctx := &stepping{Context: t.Context(), at: step}
		ctx.do = func() { ctx.over.Store(true) }
		_, err := w.Erase(ctx, Asker{Agent: 1}, whose)
		if more = ctx.n >= step; more && !errors.Is(err, context.Canceled) || !more && err != nil {
			t.Fatalf("step %d: %v", step, err)
		}
		if _, err := w.Erase(t.Context(), Asker{Agent: 1}, whose); err != nil && !errors.Is(err, store.ErrNotFound) {
			t.Fatalf("step %d, asked again: %v", step, err)
		}
		gone(t, w, dir, words, step)
		w.stop()
	}
}

// TestEraseWhileItGoesOn has him write, an agent write of him and link an address to
// him, and two conversations become one, before each step of an erasure.
func TestEraseWhileItGoesOn(t *testing.T) {
	for step, more := int32(1), true; more; step++ {
		w, dir, whose, at, words := plant(t)
		words = append(words, "persimmon", "tamarind", "elderflower", "mulberry")
		other := mail("other@example.org", "Other", "k7", "tamarind")
		must(t, w.sink.Accept(t.Context(), connectors.Batch{Messages: []message.Message{other}}))
		its := w.conversation("mailto:other@example.org")
		ctx := &stepping{Context: t.Context(), at: step}
		late := true
		ctx.do = func() {
			w.view(func(tx *store.Tx) error {
				c, err := w.hub.Identity.Root(tx, whose)
				late = err == nil && !c.Erased.IsZero()
				return err
			})
			if late {
				return
			}
			again := mail("zebulon@example.org", "Zebulon Quartz", "k8", "persimmon")
			again.Refs, again.Received = []string{"k1@example.org"}, time.Now()
			must(t, w.sink.Accept(t.Context(), connectors.Batch{Messages: []message.Message{again}}))
			_, err := w.hub.AddNote(t.Context(), 1, at, "elderflower")
			must(t, err)
			switch step % 2 {
			case 0:
				must(t, w.hub.Link(t.Context(), 1, whose, "mailto:other@example.org", "mulberry"))
			default: // what is left of the other conversation is the other's
				must(t, w.hub.MergeConversations(t.Context(), 1, its, at))
				words = slices.DeleteFunc(words, func(word string) bool { return word == "tamarind" })
			}
		}
		_, err := w.Erase(ctx, Asker{Agent: 1}, whose)
		must(t, err)
		if more = ctx.n >= step && !late; more {
			gone(t, w, dir, words, step)
		}
		w.stop()
	}
}

// conversation is the newest conversation of an address.
func (w *world) conversation(h message.Handle) (id uint64) {
	w.t.Helper()
	w.view(func(tx *store.Tx) error {
		hd, _ := w.hub.Identity.Find(tx, h)
		list, _, err := w.hub.List(tx, inbox.ListQuery{Subjects: []uint64{hd.ID}, Limit: 1})
		if err == nil {
			id = list[0].ID
		}
		return err
	})
	return id
}
