package inbox

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"throughline/blob"
	"throughline/connectors"
	"throughline/message"
	"throughline/store"
)

// TestReopen ends the program after every step of a conversation's life and goes
// on in a new one, as after a crash between two commits.
func TestReopen(t *testing.T) {
	dir := t.TempDir()
	q := mail("ann@example.org", "q", "question")
	thanks := mail("ann@example.org", "thanks", "thank you")
	var id uint64
	var sent *Record
	for i, step := range []func(w *world){
		func(w *world) { id = w.accept(q)[0] },
		func(w *world) { w.accept(q) }, // not acknowledged in time: offered again
		func(w *world) {
			if _, err := w.SaveDraft(t.Context(), 1, id, &Draft{Mode: ModeReply, HTML: "<p>answer</p>"}); err != nil {
				t.Fatal(err)
			}
		},
		func(w *world) {
			w.stop() // written, and nothing dialled yet
			seq, err := w.replyStopped(reply(id, "answer"))
			if err != nil {
				t.Fatal(err)
			}
			sent = w.messageOf(seq)
		},
		func(w *world) {
			w.delivery(sent.ID, is(message.Sent))
			if m := <-w.sent; m.Token != sent.Token {
				t.Errorf("sent as %s, want %s", m.Token, sent.Token)
			}
			w.stop()
			// The attempt is written, then the program ends before the outcome.
			if err := w.Store.Update(t.Context(), func(tx *store.Tx) error {
				d, err := w.Delivery(tx, sent.ID)
				if err != nil {
					return err
				}
				d.Status, d.Due, d.Attempts[0].Result = message.Sending, tx.Now().Add(attemptLease), ""
				return w.deliveries.Put(tx, sent.ID, d)
			}); err != nil {
				t.Fatal(err)
			}
		},
		func(w *world) {
			d := w.delivery(sent.ID, is(message.Sent))
			if m := <-w.sent; m.Token != sent.Token || len(d.Attempts) != 2 {
				t.Errorf("sent again as %s in attempt %d, want %s", m.Token, len(d.Attempts), sent.Token)
			}
		},
		func(w *world) {
			thanks.Refs = []string{sent.Ref}
			if got := w.accept(thanks)[0]; got != id {
				t.Errorf("the answer went to %d, want %d", got, id)
			}
		},
	} {
		w := newWorldAt(t, dir, 0)
		step(w)
		w.close()
		if t.Failed() {
			t.Fatalf("after step %d", i)
		}
	}
	w := newWorldAt(t, dir, 0)
	if c := w.conversation(id); c.Messages != 3 || c.Draft != 0 || c.Unread != 1 {
		t.Errorf("in the end: %+v", c)
	}
}

// TestManyHands lets agents answer, take back, merge, move and note while mail
// arrives, is offered again and bounces. The books are right afterwards: each mail
// stored once, each answer sent once or taken back.
func TestManyHands(t *testing.T) {
	w := newWorldAt(t, t.TempDir(), time.Millisecond)
	var mu sync.Mutex
	sent := map[uint64]int{}
	w.ch.send = func(_ context.Context, m message.Message) (connectors.Receipt, error) {
		mu.Lock()
		defer mu.Unlock()
		sent[m.ID]++
		if sent[m.ID] == 1 && m.ID%5 == 0 {
			return connectors.Receipt{}, &connectors.SendError{Class: connectors.Reject, Reason: "no"}
		}
		return connectors.Receipt{}, nil
	}
	const mails, agents, steps = 200, 4, 40
	all := make([]message.Message, mails)
	for i := range all {
		var refs []string
		if i%3 != 0 {
			refs = []string{all[i-1].Ref}
		}
		all[i] = mail(fmt.Sprintf("c%d@example.org", i/3%7), fmt.Sprintf("h%d", i), "text", refs...)
	}
	w.accept(all[:20]...)
	var ids []uint64
	for _, m := range all[:20] {
		ids = append(ids, w.where(m))
	}
	fine := func(err error) {
		var conflict *ConflictError
		var newer *NewerError
		if err != nil && !errors.As(err, &conflict) && !errors.As(err, &newer) {
			t.Error(err)
		}
	}
	ctx := t.Context()
	var work sync.WaitGroup
	work.Go(func() {
		for chunk := range slices.Chunk(all[20:], 7) {
			for range 2 { // each batch comes again
				fine(w.sink.Accept(ctx, connectors.Batch{Messages: chunk}))
			}
		}
	})
	var replies []uint64
	for agent := range uint64(agents) {
		work.Go(func() {
			rnd := rand.New(rand.NewPCG(7, agent))
			for i := range steps {
				id, other := ids[rnd.IntN(len(ids))], ids[rnd.IntN(len(ids))]
				switch rnd.IntN(6) {
				case 0, 1:
					o := reply(id, fmt.Sprintf("answer %d of %d", i, agent))
					o.Agent = agent + 1
					seq, err := w.Reply(ctx, o)
					fine(err)
					if err != nil {
						continue
					}
					var mid uint64
					fine(w.Store.View(func(tx *store.Tx) error {
						e, err := w.Timeline.Get(tx, seq)
						mid = e.Message
						return err
					}))
					mu.Lock()
					replies = append(replies, mid)
					mu.Unlock()
					if rnd.IntN(2) == 0 {
						_, err := w.Undo(ctx, agent+1, mid)
						fine(err)
					}
				case 2:
					fine(w.MergeConversations(ctx, agent+1, id, other))
				case 3:
					_, err := w.AddNote(ctx, agent+1, id, "note")
					fine(err)
				case 4:
					_, err := w.SaveDraft(ctx, agent+1, id, &Draft{HTML: "<p>draft</p>"})
					fine(err)
				case 5:
					var mid uint64
					fine(w.Store.View(func(tx *store.Tx) error {
						c, err := w.Conversation(tx, id)
						if err != nil {
							return err
						}
						r, err := w.answered(tx, c, 0)
						if r != nil {
							mid = r.ID
						}
						return err
					}))
					_, err := w.Move(ctx, agent+1, mid, 0)
					fine(err)
				}
			}
		})
	}
	work.Wait()
	for _, id := range replies {
		d := w.delivery(id, func(d *Delivery) bool { return !d.waiting() })
		mu.Lock()
		n := sent[id]
		mu.Unlock()
		if want := d.Status != message.Cancelled; want != (n == 1) || n > 1 {
			t.Errorf("message %d is %s and went out %d times", id, d.Status, n)
		}
	}
	w.view(func(tx *store.Tx) error {
		if h := w.Health(tx, "support"); h.Stored != mails || h.Duplicate != 0 {
			t.Errorf("%d stored and %d duplicates, want %d and 0", h.Stored, h.Duplicate, mails)
		}
		return nil
	})
}

// TestSweepKeeps: what a draft, a held item, a message or one that was taken back
// names is kept; what nothing names goes.
func TestSweepKeeps(t *testing.T) {
	w := newWorldAt(t, t.TempDir(), time.Hour)
	put := func(text string) string {
		ref, err := w.putBlob(t.Context(), message.Bytes(text))
		if err != nil {
			t.Fatal(err)
		}
		return ref.SHA256
	}
	part := func(text string) []message.Part {
		return []message.Part{{Name: text, ContentType: "text/plain", Blob: put(text)}}
	}
	id := w.accept(mail("ann@example.org", "q", "question"))[0]
	other := w.accept(mail("ann@example.org", "q2", "question"))[0]
	if _, err := w.SaveDraft(t.Context(), 1, id, &Draft{HTML: "x", Attachments: part("in a draft")}); err != nil {
		t.Fatal(err)
	}
	o := reply(other, "answer")
	o.Attachments = part("in a message")
	w.reply(o)
	o = reply(other, "oops")
	o.Attachments = part("in one taken back")
	if _, err := w.Undo(t.Context(), 1, w.reply(o).ID); err != nil {
		t.Fatal(err)
	}
	if err := w.DeleteDraft(t.Context(), 1, other); err != nil {
		t.Fatal(err)
	}
	if err := w.sink.Accept(t.Context(), connectors.Batch{Held: []message.Held{{Source: "h", Reason: "no", Raw: message.Bytes("held")}}}); err != nil {
		t.Fatal(err)
	}
	gone := put("never named")
	swept, err := w.Sweep(t.Context(), -time.Hour) // everything is old enough
	if err != nil || swept.Removed != 1 || swept.Kept != 4 {
		t.Errorf("swept %+v, %v, want 1 removed and 4 kept", swept, err)
	}
	if _, err := w.Blobs.Stat(gone); !errors.Is(err, blob.ErrNotFound) {
		t.Errorf("what nothing names: %v", err)
	}
}

// BenchmarkUndo takes an answer back in a conversation of 5,000 messages.
func BenchmarkUndo(b *testing.B) {
	h, _ := benchHub(b)
	h.undo = time.Hour
	in := &sink{hub: h, account: "support"}
	h.running["support"] = &runner{hub: h, account: "support", conn: &channel{}, info: connectors.Info{Account: "support", Channel: "test", Writing: letters}, cancel: func() {}}
	var batch []message.Message
	for i := range 5000 {
		m := benchMail(i)
		m.From.Handle = "mailto:one@example.org"
		m.Refs = []string{"mail-0@example.org"}
		batch = append(batch, m)
	}
	for chunk := range slices.Chunk(batch, 200) {
		if err := in.Accept(b.Context(), connectors.Batch{Messages: chunk}); err != nil {
			b.Fatal(err)
		}
	}
	var id uint64
	if err := h.Store.View(func(tx *store.Tx) error {
		for e := range h.conversations.Scan(tx, store.Range{}) {
			id = e.ID
			break
		}
		return nil
	}); err != nil {
		b.Fatal(err)
	}
	for i := 0; b.Loop(); i++ {
		seq, err := h.Reply(b.Context(), reply(id, fmt.Sprint("answer ", i)))
		if err != nil {
			b.Fatal(err)
		}
		var mid uint64
		if err := h.Store.View(func(tx *store.Tx) error {
			e, err := h.Timeline.Get(tx, seq)
			mid = e.Message
			return err
		}); err != nil {
			b.Fatal(err)
		}
		if _, err := h.Undo(b.Context(), 1, mid); err != nil {
			b.Fatal(err)
		}
	}
}
