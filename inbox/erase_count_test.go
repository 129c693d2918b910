package inbox

import (
	"reflect"
	"testing"
	"time"

	"throughline/identity"
	"throughline/preference"
	"throughline/store"
)

// TestErasedStaysCounted: what somebody wrote, and how he was answered, stays in the
// counts when he is erased; also when everything is counted anew.
func TestErasedStaysCounted(t *testing.T) {
	w := newWorld(t)
	mobile := w.texter("mobile", "+447700900001", nil)
	hello := w.texted(mobile, mobile.message(annsNumber, "hello"))
	ann := w.ownerOf("tel:" + annsNumber)
	if err := w.EditCard(t.Context(), 7, ann, []identity.Edit{{Field: identity.FieldLanguage, Value: "fa"}}); err != nil {
		t.Fatal(err)
	}
	w.reply(textReply(hello, "mobile", "what is it?"))
	<-w.sent
	resolved, tags, support := Resolved, []string{"vip"}, "support"
	if err := w.Change(t.Context(), 7, []uint64{hello}, Change{Tags: &tags, Purpose: &support}); err != nil {
		t.Fatal(err)
	}
	if err := w.Change(t.Context(), 7, []uint64{hello}, Change{Status: &resolved}); err != nil {
		t.Fatal(err)
	}
	again := mobile.message(annsNumber, "it is back") // opens it again
	again.Received = time.Now().Add(time.Minute)
	w.texted(mobile, again)

	board := func() (b *preference.Board) {
		t.Helper()
		if err := w.Preference.CatchUp(t.Context()); err != nil {
			t.Fatal(err)
		}
		w.view(func(tx *store.Tx) (err error) {
			today := tx.Now().In(time.Local)
			b, err = w.Preference.Board(tx, preference.BoardQuery{From: today.AddDate(0, 0, -1).Format(time.DateOnly), To: today.AddDate(0, 0, 1).Format(time.DateOnly), Language: "fa", Tag: "vip"})
			return err
		})
		return b
	}
	before := board()
	if before.Total.In != 2 || before.Total.Out != 1 {
		t.Fatalf("counted %+v", before.Total)
	}
	if _, err := w.Erase(t.Context(), 1, ann, func(*store.Tx, uint64) bool { return false }); err != nil {
		t.Fatal(err)
	}
	if after := board(); !reflect.DeepEqual(before, after) {
		t.Errorf("erasing changes the counts:\n%+v\n%+v", before, after)
	}
	w.stop() // nothing may count beside it
	if err := w.Preference.Reset(t.Context()); err != nil {
		t.Fatal(err)
	}
	if after := board(); !reflect.DeepEqual(before, after) {
		t.Errorf("counted anew:\n%+v\n%+v", before, after)
	}
}
