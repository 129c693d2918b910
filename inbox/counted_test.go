package inbox

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"throughline/identity"
	"throughline/message"
	"throughline/preference"
	"throughline/store"
)

// counts are what the board says of a language, and the contacts of a customer.
func (w *world) counts(language string, customer uint64) string {
	w.t.Helper()
	if err := w.Preference.CatchUp(w.t.Context()); err != nil {
		w.t.Fatal(err)
	}
	var said string
	w.view(func(tx *store.Tx) error {
		today := tx.Now().In(time.Local)
		b, err := w.Preference.Board(tx, preference.BoardQuery{From: today.AddDate(0, 0, -1).Format(time.DateOnly), To: today.AddDate(0, 0, 1).Format(time.DateOnly), Language: language})
		if err != nil {
			return err
		}
		said = fmt.Sprintf("%+v", b.Total)
		if customer == 0 {
			return nil
		}
		list, err := w.Preference.Contacts(tx, customer, 100)
		for _, c := range list {
			said += fmt.Sprintf("\n%d %t %s", c.ID, c.Out, c.Language)
		}
		return err
	})
	return said
}

// anew counts everything again; the hub stands still from then on.
func (w *world) anew() {
	w.t.Helper()
	w.stop()
	if err := w.Preference.Reset(w.t.Context()); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) speaks(customer uint64, language string) {
	w.t.Helper()
	if err := w.EditCard(w.t.Context(), 7, customer, []identity.Edit{{Field: identity.FieldLanguage, Value: language}}); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) forward(conversation uint64, to message.Handle) {
	w.t.Helper()
	w.reply(Outgoing{Agent: 7, Conversation: conversation, Mode: ModeForward, Account: "support", To: []message.Person{{Handle: to}}, HTML: "<p>look</p>", SeenSeq: 1 << 40})
	<-w.sent
}

// TestKnownLater: who becomes known after something was forwarded to him was not
// written to by it, neither as it is followed nor as it is counted anew.
func TestKnownLater(t *testing.T) {
	w := newWorld(t)
	c := w.accept(mail("bob@example.org", "m1", "hello"))[0]
	w.forward(c, "mailto:ann@example.org")
	w.counts("fa", 0)
	w.accept(mail("ann@example.org", "m2", "I got it"))
	ann := w.ownerOf("mailto:ann@example.org")
	w.speaks(ann, "fa")
	w.forward(c, "mailto:ann@example.org")
	followed := w.counts("fa", ann)
	w.anew()
	if rebuilt := w.counts("fa", ann); rebuilt != followed {
		t.Errorf("followed %s\nrebuilt %s", followed, rebuilt)
	}
}

// TestErasedElsewhereStaysCounted: what was written to somebody in another's
// conversation stays in the counts when he is erased, also after more is said there.
func TestErasedElsewhereStaysCounted(t *testing.T) {
	w := newWorld(t)
	w.accept(mail("ann@example.org", "m0", "I am Ann"))
	ann := w.ownerOf("mailto:ann@example.org")
	w.speaks(ann, "fa")
	c := w.accept(mail("bob@example.org", "m1", "hello"))[0]
	w.forward(c, "mailto:ann@example.org")
	before := w.counts("fa", 0)
	if _, err := w.Erase(t.Context(), 1, ann, func(*store.Tx, uint64) bool { return false }); err != nil {
		t.Fatal(err)
	}
	erased := w.counts("fa", 0)
	w.about(c, "support") // derives all of it anew
	later := w.counts("fa", 0)
	w.anew()
	if all := []string{erased, later, w.counts("fa", 0)}; slices.ContainsFunc(all, func(s string) bool { return s != before }) {
		t.Errorf("before %s\nerased, later and rebuilt %q", before, all)
	}
}

// TestErasedBeforeItIsCounted: an erasure waits for the counts, and is refused while all
// of them are made anew, so that no answer is lost to them.
func TestErasedBeforeItIsCounted(t *testing.T) {
	w := newWorld(t)
	mobile := w.texter("mobile", "+447700900001", nil)
	hello := w.texted(mobile, mobile.message(annsNumber, "hello"))
	ann := w.ownerOf("tel:" + annsNumber)
	w.reply(textReply(hello, "mobile", "what is it?"))
	<-w.sent
	again := mobile.message(annsNumber, "it is back")
	again.Received = time.Now().Add(time.Minute)
	w.texted(mobile, again)
	before := w.counts("", 0)
	w.anew()
	shape := func(to []byte) (was []byte) {
		t.Helper()
		if err := w.Store.Update(t.Context(), func(tx *store.Tx) error {
			was = slices.Clone(tx.GetValue("preference.follow", "shape"))
			return tx.PutValue("preference.follow", "shape", to)
		}); err != nil {
			t.Fatal(err)
		}
		return was
	}
	erase := func() error {
		_, err := w.Erase(t.Context(), 1, ann, func(*store.Tx, uint64) bool { return false })
		return err
	}
	is := shape([]byte("resetting"))
	if err := erase(); !conflict(err) {
		t.Errorf("erased while everything is counted anew: %v", err)
	}
	shape(is)
	if err := erase(); err != nil {
		t.Fatal(err)
	}
	if after := w.counts("", 0); after != before {
		t.Errorf("before %s\nafter %s", before, after)
	}
}
