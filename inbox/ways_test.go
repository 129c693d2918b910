package inbox

import (
	"errors"
	"slices"
	"testing"

	"throughline/message"
	"throughline/store"
)

func (w *world) ways(conversation uint64) (names []string) {
	w.t.Helper()
	w.view(func(tx *store.Tx) error {
		list, err := w.Ways(tx, conversation)
		for _, way := range list {
			s := way.Account
			for _, h := range way.Handles {
				s += " " + h.Handle.Address()
			}
			names = append(names, s)
		}
		return err
	})
	return names
}

func (w *world) recipients(conversation uint64, mode string) (r *Recipients) {
	w.t.Helper()
	w.view(func(tx *store.Tx) (err error) { r, err = w.Recipients(tx, conversation, mode, 0); return err })
	return r
}

// TestWaysInOrder: what was used last is proposed, and nothing that cannot be
// written over.
func TestWaysInOrder(t *testing.T) {
	w := newWorld(t)
	c := w.texter("mobile", "+447700900001", nil)
	line := w.texter("line", "+447700900001", func(c *texter) { c.About.Writing.None = true })
	id := w.accept(mail("ann@example.org", "q", "question"))[0]
	if got := w.ways(id); !slices.Equal(got, []string{"support ann@example.org", "mobile"}) {
		t.Errorf("ways %q", got)
	}
	hd := w.byHandle("mailto:ann@example.org")
	if err := w.Link(t.Context(), 1, hd.Customer, annsPhone[0].Handle, "told me"); err != nil {
		t.Fatal(err)
	}
	if err := w.Link(t.Context(), 1, hd.Customer, "alpha:AnnsShop", "told me"); err != nil {
		t.Fatal(err)
	}
	w.reply(textReply(id, "mobile", "by text"))
	w.texted(c, c.message(annsNumber, "thanks"))
	if got := w.ways(id); !slices.Equal(got, []string{"mobile +447700900123", "support ann@example.org"}) {
		t.Errorf("ways %q", got)
	}
	r := w.recipients(id, ModeReplyAll)
	if r.Account != "mobile" || r.Subject != "" || r.QuoteHTML != "" || len(r.Cc) != 0 || len(r.To) != 1 || r.To[0].Handle != annsPhone[0].Handle {
		t.Errorf("recipients %+v", r)
	}
	// A call came last: the answer goes out over something else.
	m := line.message(annsNumber, "a call")
	m.Refs, m.Member, m.Chat = nil, false, false
	call := w.texted(line, m)
	if got := w.ways(call); !slices.Equal(got, []string{"mobile +447700900123", "support ann@example.org"}) {
		t.Errorf("ways after a call %q", got)
	}
	if r := w.recipients(call, ModeReply); r.Account != "mobile" || len(r.To) != 1 || r.To[0].Handle != annsPhone[0].Handle || r.Warning != "" {
		t.Errorf("an answer to a call starts with %+v", r)
	}
	if err := w.SetConsent(t.Context(), 7, annsPhone[0].Handle, "text", "", message.OptOut, "told us"); err != nil {
		t.Fatal(err)
	}
	if r := w.recipients(call, ModeReply); r.Account != "support" || len(r.To) != 1 || r.To[0].Handle != "mailto:ann@example.org" {
		t.Errorf("an answer to a call where texts are unwanted starts with %+v", r)
	}
	var invalid *InvalidError
	if _, err := w.Reply(t.Context(), textReply(call, "line", "hi")); !errors.As(err, &invalid) || invalid.Field != "account" {
		t.Errorf("written over a line: %v", err)
	}
}

// TestForeignAccountIsCompleted: the account of the newest message does not run, and
// another channel is proposed with an address that it reaches.
func TestForeignAccountIsCompleted(t *testing.T) {
	w := newWorld(t)
	w.texter("mobile", "+447700900001", nil)
	id := w.accept(mail("ann@example.org", "q", "question"))[0]
	w.reply(textReply(id, "mobile", "by text"))
	hd := w.byHandle("mailto:ann@example.org")
	w.mu.Lock()
	support := w.running["support"]
	delete(w.running, "support")
	w.mu.Unlock()
	r := w.recipients(id, ModeReply)
	if r.Account != "mobile" || len(r.To) != 0 || r.Warning == "" {
		t.Errorf("recipients %+v", r)
	}
	w.mu.Lock()
	w.running["support"] = support
	w.mu.Unlock()
	// The number is a customer of its own until somebody links it.
	if other := w.byHandle(annsPhone[0].Handle); other != nil && other.Customer == hd.Customer {
		t.Error("linked by itself")
	}
}

func (w *world) byHandle(h message.Handle) (hd *handleOf) {
	w.t.Helper()
	w.view(func(tx *store.Tx) error {
		if found, ok := w.Identity.Find(tx, h); ok {
			hd = &handleOf{ID: found.ID, Customer: found.Customer}
		}
		return nil
	})
	return hd
}

type handleOf struct{ ID, Customer uint64 }
