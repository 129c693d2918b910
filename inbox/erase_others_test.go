package inbox

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"throughline/message"
	"throughline/store"
)

// forward is an answer that passes a conversation on.
func forward(conversation uint64, to ...message.Person) Outgoing {
	return Outgoing{Agent: 7, Conversation: conversation, Mode: ModeForward, Account: "support", To: to, HTML: "<p>look</p>", SeenSeq: 1 << 40}
}

func (w *world) eraseWhole(customer uint64) {
	w.t.Helper()
	if _, err := w.Erase(w.t.Context(), 1, customer, func(*store.Tx, uint64) bool { return false }); err != nil {
		w.t.Fatal(err)
	}
}

// TestEraseAmongOthers: nothing leads to who is erased from the conversations, drafts and
// addresses of others, and those keep what is theirs.
func TestEraseAmongOthers(t *testing.T) {
	w := newWorld(t)
	quartz := message.Person{Name: "Ann Quartz", Handle: "mailto:ann@example.org"}
	w.accept(mail("ann@example.org", "m0", "I am Ann"))
	ann := w.ownerOf(quartz.Handle)
	bobs := w.accept(mail("bob@example.org", "m1", "hello"))[0]
	carls := mail("carl@example.org", "m2", "hello from Carl")
	carls.Cc = []message.Person{quartz}
	carl := w.accept(carls)[0]
	w.reply(forward(bobs, quartz))
	<-w.sent
	dora := message.Person{Name: "Dora", Handle: "mailto:dora@example.org"}
	if _, err := w.SaveDraft(t.Context(), 7, bobs, &Draft{Mode: ModeForward, To: []message.Person{quartz, dora}, HTML: "<p>still</p>"}); err != nil {
		t.Fatal(err)
	}
	// The family's address: Bob wrote first, then Ann, and both as "The Bergs".
	for n, name := range []string{"Bob Berg", "Ann Quartz", "The Bergs", "The Bergs"} {
		m := mail("family@example.org", fmt.Sprintf("f%d", n), "one of us")
		m.From.Name = name
		w.accept(m)
		if n == 1 || n == 2 {
			if err := w.Refile(t.Context(), 7, w.idOf(m), ann); err != nil {
				t.Fatal(err)
			}
		}
	}
	w.caught()
	w.eraseWhole(ann)

	w.view(func(tx *store.Tx) error {
		left := map[string]any{}
		for _, id := range []uint64{bobs, carl} {
			c, err := w.Conversation(tx, id)
			if err != nil {
				return err
			}
			left[fmt.Sprint("conversation ", id)] = c
			if len(c.Participants) == 0 {
				t.Errorf("conversation %d has lost its own people", id)
			}
		}
		d, err := w.Draft(tx, 7, bobs)
		if err != nil {
			return err
		}
		left["draft"] = d
		if len(d.To) != 1 || d.To[0].Name != "Dora" || d.HTML != "<p>still</p>" {
			t.Errorf("the draft is %+v", d)
		}
		hd, _ := w.Identity.Find(tx, "mailto:family@example.org")
		left["handle"], left["person"] = hd, w.Identity.Person(tx, hd.Customer)
		if hd.Name != "Bob Berg" || !slices.Equal(hd.Names, []string{"The Bergs"}) {
			t.Errorf("the family's address is used by %q and %q", hd.Name, hd.Names)
		}
		for what, v := range left {
			b, err := json.Marshal(v)
			if err != nil {
				return err
			}
			if s := strings.ToLower(string(b)); strings.Contains(s, "quartz") || strings.Contains(s, "ann@") {
				t.Errorf("%s: %s", what, b)
			}
		}
		return nil
	})
}

// TestEraseRecipient: a message of another's conversation that waits is not sent if the
// one who is erased was its only recipient, and without him if not.
func TestEraseRecipient(t *testing.T) {
	w := newWorld(t)
	w.accept(mail("ann@example.org", "m0", "I am Ann"))
	c := w.accept(mail("bob@example.org", "m1", "hello"))[0]
	to := func(list ...message.Person) uint64 {
		o := forward(c, list...)
		o.SendAt = time.Now().Add(time.Hour)
		return w.reply(o).ID
	}
	quartz, dora := message.Person{Handle: "mailto:ann@example.org"}, message.Person{Handle: "mailto:dora@example.org"}
	alone, both := to(quartz), to(quartz, dora)
	w.eraseWhole(w.ownerOf(quartz.Handle))
	w.view(func(tx *store.Tx) error {
		for id, want := range map[uint64]message.Status{alone: message.Cancelled, both: message.Queued} {
			d, err := w.Delivery(tx, id)
			if err != nil {
				return err
			}
			if d.Status != want {
				t.Errorf("message %d is %s, not %s", id, d.Status, want)
			}
		}
		return nil
	})
	w.due(both)
	if m := <-w.sent; len(m.To) != 1 || m.To[0].Handle != dora.Handle {
		t.Errorf("sent to %+v", m.To)
	}
}
