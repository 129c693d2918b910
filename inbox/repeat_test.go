package inbox

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"throughline/message"
	"throughline/store"
)

func (w *world) values(bucket string) (n int) {
	w.view(func(tx *store.Tx) error {
		for range tx.Values(bucket) {
			n++
		}
		return nil
	})
	return n
}

func keyed(key, text string) Outgoing {
	return Outgoing{Agent: 7, Mode: ModeNew, Account: "support", Subject: "hello", HTML: "<p>" + text + "</p>", Key: key,
		To: []message.Person{{Handle: "mailto:ann@example.org"}}}
}

// However often and from however many tabs a message is asked for under one key,
// it is written once.
func TestReplyOncePerKey(t *testing.T) {
	w := newWorldAt(t, t.TempDir(), time.Hour)
	ctx := t.Context()
	var wg sync.WaitGroup
	seqs := make([]uint64, 10)
	for i := range seqs {
		wg.Go(func() {
			var err error
			if seqs[i], err = w.Reply(ctx, keyed("one", "hello")); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	for _, s := range seqs {
		if s == 0 || s != seqs[0] {
			t.Fatalf("events %v", seqs)
		}
	}
	first := w.messageOf(seqs[0])

	// The same text under another key, of another agent and without one is
	// another message.
	other := keyed("one", "hello")
	other.Agent = 8
	for _, o := range []Outgoing{keyed("two", "hello"), keyed("", "hello"), keyed("", "hello"), other} {
		seq, err := w.Reply(ctx, o)
		if err != nil || w.messageOf(seq).Conversation == first.Conversation {
			t.Errorf("%q of %d: %v", o.Key, o.Agent, err)
		}
	}
	// Another text under the same key is a mistake of the client.
	for _, change := range []func(*Outgoing){
		func(o *Outgoing) { o.HTML = "<p>bye</p>" },
		func(o *Outgoing) { o.Subject = "bye" },
		func(o *Outgoing) { o.To[0].Handle = "mailto:ben@example.org" },
		func(o *Outgoing) { o.Conversation, o.Mode = first.Conversation, ModeReply },
	} {
		o := keyed("one", "hello")
		change(&o)
		var invalid *InvalidError
		if _, err := w.Reply(ctx, o); !errors.As(err, &invalid) || invalid.Field != "key" {
			t.Errorf("%+v: %v", o, err)
		}
	}
	if _, err := w.Reply(ctx, keyed(strings.Repeat("k", MaxKey+1), "hello")); err == nil {
		t.Error("a key that is too long was taken")
	}
	// A message that was taken back is not sent by a late repeat.
	if _, err := w.Undo(ctx, 7, first.ID); err != nil {
		t.Fatal(err)
	}
	if seq, err := w.Reply(ctx, keyed("one", "hello")); err != nil || seq != seqs[0] {
		t.Errorf("after it was taken back: %d, %v", seq, err)
	}
}

// A reply that was held back is not remembered: sent anyway, it goes out, once.
func TestKeyOfAReplyThatWasHeldBack(t *testing.T) {
	w := newWorldAt(t, t.TempDir(), time.Hour)
	in := mail("ann@example.org", "m1", "help")
	conv := w.accept(in)[0]
	w.accept(mail("ann@example.org", "m2", "are you there?", "m1"))
	o := keyed("k", "yes")
	o.Conversation, o.Mode, o.SeenSeq = conv, ModeReply, 1
	var newer *NewerError
	if _, err := w.Reply(t.Context(), o); !errors.As(err, &newer) || w.values(sentBucket) != 0 {
		t.Fatalf("held back: %v, %d keys", err, w.values(sentBucket))
	}
	o.Anyway = true
	first, err := w.Reply(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	// The answer got lost, the customer wrote again: it was sent all the same.
	w.accept(mail("ann@example.org", "m3", "hello?", "m2"))
	o.Anyway = false
	if again, err := w.Reply(t.Context(), o); err != nil || again != first {
		t.Errorf("again: %d, %v, want %d", again, err, first)
	}
}

// Keys are forgotten after their lifetime, and what is kept of them stays bounded.
func TestKeysAreForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorldAt(t, t.TempDir(), time.Hour)
		send := func(key string) uint64 {
			t.Helper()
			seq, err := w.Reply(context.Background(), keyed(key, "hello"))
			if err != nil {
				t.Fatal(err)
			}
			return seq
		}
		for i := range 10 {
			send(fmt.Sprint("old-", i))
		}
		first := send("kept")
		time.Sleep(KeyLifetime)
		if send("kept") != first {
			t.Error("forgotten before its time")
		}
		time.Sleep(time.Second)
		second := send("kept") // used anew: its old entry must not end it
		if second == first {
			t.Error("remembered after its time")
		}
		for i := range 4 {
			send(fmt.Sprint("new-", i))
		}
		if n, order := w.values(sentBucket), w.values(sentOrderBucket); n != 5 || order != 5 {
			t.Errorf("%d keys and %d in order, want 5", n, order)
		}
		if send("kept") != second {
			t.Error("its old entry ended it")
		}
	})
}

// TestTemplateOncePerKey: the provider words its template anew between two asks for
// the same message.
func TestTemplateOncePerKey(t *testing.T) {
	w := newWorld(t)
	c := w.texter("mobile", "+447700900001", func(c *texter) {
		c.templates = []message.Template{{ID: "late", Text: "Hello {{1}}.", Gaps: []string{"1"}}}
	})
	id := w.texted(c, c.message(annsNumber, "hello"))
	ask := func(gap string) (uint64, error) {
		o := textReply(id, "mobile", "")
		o.HTML, o.Key, o.Template = "", "k1", &message.TemplateUse{ID: "late", Values: map[string]string{"1": gap}}
		return w.Reply(t.Context(), o)
	}
	first, err := ask("Ann")
	if err != nil {
		t.Fatal(err)
	}
	<-w.sent
	c.templates = []message.Template{{ID: "late", Text: "Good day, {{1}}.", Gaps: []string{"1"}}}
	if again, err := ask("Ann"); err != nil || again != first {
		t.Errorf("asked again: %d, %v; first %d", again, err, first)
	}
	if _, err := ask("Bob"); err == nil {
		t.Error("another message under the same key")
	}
}
