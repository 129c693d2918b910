package inbox

import (
	"errors"
	"strings"
	"testing"

	"throughline/message"
	"throughline/store"
)

// TestErasedSaidNo: who said STOP and is erased gets nothing when his number comes back,
// and a link of his to unsubscribe no longer says that it did.
func TestErasedSaidNo(t *testing.T) {
	w := newWorld(t)
	mobile := w.texter("mobile", "+447700900001", nil)
	if err := w.makeShareKey(t.Context()); err != nil {
		t.Fatal(err)
	}
	stop := mobile.message(annsNumber, "STOP")
	stop.Consent = message.OptOut
	w.texted(mobile, stop)
	ann := w.ownerOf("tel:" + annsNumber)
	var token string
	w.view(func(tx *store.Tx) error {
		hd, _ := w.Identity.Find(tx, "tel:"+annsNumber)
		page, err := w.ChoicesPage(tx, hd.ID)
		token = strings.TrimPrefix(page, ChoicesPath)
		return err
	})
	erase := func(id uint64) {
		t.Helper()
		if _, err := w.Erase(t.Context(), 1, id, func(*store.Tx, uint64) bool { return false }); err != nil {
			t.Fatal(err)
		}
	}
	erase(ann)
	if err := w.Unsubscribe(t.Context(), token, ""); !errors.Is(err, ErrNotFound) {
		t.Errorf("unsubscribing somebody who was erased: %v", err)
	}
	w.view(func(tx *store.Tx) error {
		if _, err := w.Choices(tx, token); !errors.Is(err, ErrNotFound) {
			t.Errorf("the page of somebody who was erased: %v", err)
		}
		for key, v := range tx.Values(optedOutBucket) {
			if strings.Contains(key+string(v), annsNumber[1:]) {
				t.Errorf("%s %s shows the number", key, v)
			}
		}
		return nil
	})

	refused := func(when string, want bool) {
		t.Helper()
		w.view(func(tx *store.Tx) error {
			hd, _ := w.Identity.Find(tx, "tel:"+annsNumber)
			no, err := w.refuses(tx, hd.ID, "text", "")
			if (no != nil) != want {
				t.Errorf("%s: refused %v, want %v", when, no != nil, want)
			}
			return err
		})
	}
	// Twice: she is imported, erased again, and writes.
	var back uint64
	if err := w.Store.Update(t.Context(), func(tx *store.Tx) error {
		c, err := w.Identity.Create(tx, "Ann")
		back = c.ID
		return err
	}); err != nil {
		t.Fatal(err)
	}
	if err := w.Link(t.Context(), 7, back, "tel:"+annsNumber, ""); err != nil {
		t.Fatal(err)
	}
	refused("imported", true)
	erase(back)
	w.texted(mobile, mobile.message(annsNumber, "hello again"))
	refused("she writes", true)
	start := mobile.message(annsNumber, "START")
	start.Consent = message.OptIn
	w.texted(mobile, start)
	refused("she says START", false)
	erase(w.ownerOf("tel:" + annsNumber))
	w.texted(mobile, mobile.message(annsNumber, "once more"))
	refused("erased after START", false)
}
