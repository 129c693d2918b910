package inbox

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"throughline/identity"
	"throughline/message"
	"throughline/preference"
	"throughline/store"
)

// TestChoices: what a person chooses on the page is stated, with the page as proof,
// and stays until chosen otherwise.
func TestChoices(t *testing.T) {
	w := newWorld(t)
	c := w.texter("mobile", "+447700900001", nil)
	id := w.texted(c, c.message(annsNumber, "hello"))
	if err := w.makeShareKey(t.Context()); err != nil {
		t.Fatal(err)
	}
	var token string
	var customer uint64
	w.view(func(tx *store.Tx) error {
		hd, _ := w.Identity.Find(tx, annsPhone[0].Handle)
		customer = hd.Customer
		path, err := w.ChoicesPage(tx, hd.ID)
		token = strings.TrimPrefix(path, ChoicesPath)
		return err
	})
	read := func() (got *Choices) {
		t.Helper()
		w.view(func(tx *store.Tx) (err error) {
			got, err = w.Choices(tx, token)
			return err
		})
		return got
	}
	first := read()
	if first.StopAll || len(first.Purposes) == 0 || first.Handle != annsPhone[0].Handle {
		t.Fatalf("choices %+v", first)
	}
	next := Choices{Never: []string{"test"}, From: 22 * 60, To: 8 * 60, Choices: []Choice{{Purpose: "appointment", Channel: "text"}, {Purpose: "offer", Stop: true}}}
	for range 2 { // the same form twice changes nothing
		if err := w.SaveChoices(t.Context(), token, next); err != nil {
			t.Fatal(err)
		}
	}
	got := read()
	chose := map[string]Choice{}
	for _, c := range got.Choices {
		chose[c.Purpose] = c
	}
	if chose["appointment"].Channel != "text" || !chose["offer"].Stop || chose["support"].Stop || got.From != 22*60 || got.To != 8*60 || len(got.Never) != 1 {
		t.Errorf("choices %+v", got)
	}
	w.view(func(tx *store.Tx) error {
		list, err := w.Preference.Statements(tx, customer)
		if err != nil || len(list) != 3 {
			t.Errorf("%d statements, %v", len(list), err)
		}
		for _, s := range list {
			if s.Source != preference.Stated || s.Proof.Form != formChoices || s.By != customerActor(customer) {
				t.Errorf("statement %+v", s)
			}
		}
		return nil
	})
	offer := "offer"
	if err := w.Change(t.Context(), 1, []uint64{id}, Change{Purpose: &offer}); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Reply(t.Context(), textReply(id, "mobile", "20 % off")); err == nil || !strings.Contains(err.Error(), "offer") {
		t.Errorf("an offer to somebody who wants none: %v", err)
	}
	if err := w.SaveChoices(t.Context(), token, Choices{}); err != nil {
		t.Fatal(err)
	}
	if got := read(); len(got.Never) != 0 || got.From != got.To {
		t.Errorf("taken back: %+v", got)
	}
	if err := w.Unsubscribe(t.Context(), token, ""); err != nil {
		t.Fatal(err)
	}
	if got := read(); !got.StopAll {
		t.Error("not unsubscribed")
	}
	for _, bad := range []string{"", "x", token + "A", strings.ToUpper(token), token[:len(token)-1] + "_"} {
		if err := w.Unsubscribe(t.Context(), bad, ""); bad != token && !errors.Is(err, ErrNotFound) {
			t.Errorf("token %q: %v", bad, err)
		}
	}
}

// TestUnsubscribable: a letter about a marketing purpose tells how to get no more of
// it, others do not.
func TestUnsubscribable(t *testing.T) {
	w := newWorld(t)
	w.public = "https://hub.example.com"
	if err := w.makeShareKey(t.Context()); err != nil {
		t.Fatal(err)
	}
	id := w.accept(mail("ann@example.org", "q", "question"))[0]
	w.reply(reply(id, "an answer"))
	if m := <-w.sent; m.Unsubscribe != "" || strings.Contains(m.Text, "unsubscribe") {
		t.Errorf("support carries %q", m.Unsubscribe)
	}
	offer := "offer"
	if err := w.Change(t.Context(), 1, []uint64{id}, Change{Purpose: &offer}); err != nil {
		t.Fatal(err)
	}
	answer := w.reply(reply(id, "an offer"))
	m := <-w.sent
	if !strings.HasPrefix(m.Unsubscribe, "https://hub.example.com"+ChoicesPath) || !strings.HasSuffix(m.Unsubscribe, "?purpose=offer") ||
		!strings.Contains(m.Text, m.Unsubscribe) || !strings.Contains(m.HTML, "unsubscribe") {
		t.Errorf("offer carries %q: %s", m.Unsubscribe, m.Text)
	}
	// The copy in the Sent folder has the link, and is no message of its own.
	echo := mail("support@example.com", "copy", m.Text)
	echo.Echo = answer.Ref
	w.accept(echo)
	w.view(func(tx *store.Tx) error {
		if got, dup, _ := w.outcome(tx, "support", echo.Source); got != Duplicate || dup != answer.ID {
			t.Errorf("the copy in Sent is %s of %d, want duplicate of %d", got, dup, answer.ID)
		}
		return nil
	})
	w.view(func(tx *store.Tx) error {
		rec, err := w.Message(tx, answer.ID)
		if err != nil {
			return err
		}
		if strings.Contains(rec.Text, ChoicesPath) {
			t.Error("the link is in what is kept")
		}
		d, err := w.Delivery(tx, answer.ID)
		if err == nil && d.Listed != "offer" {
			t.Errorf("the copy in the sent folder would carry a link about %q", d.Listed)
		}
		return err
	})
	// The language of a record that was merged is that of the letter.
	ann, other := w.ownerOf("mailto:ann@example.org"), w.person("Ann Lee", nil)
	if err := w.EditCard(t.Context(), 1, other, []identity.Edit{{Field: identity.FieldLanguage, Value: "th"}}); err != nil {
		t.Fatal(err)
	}
	if err := w.Merge(t.Context(), 1, ann, other, nil, false, ""); err != nil {
		t.Fatal(err)
	}
	w.reply(reply(id, "another offer"))
	if m := <-w.sent; !strings.Contains(m.Text, unsubscribeWords["th"]) {
		t.Errorf("the letter says %q", m.Text)
	}
}

// TestUnsubscribeSeveral: a letter to several people carries no link, which would be
// one person's in everybody's hands, and says so to whoever wrote it.
func TestUnsubscribeSeveral(t *testing.T) {
	w := newWorld(t)
	w.public = "https://hub.example.com"
	if err := w.makeShareKey(t.Context()); err != nil {
		t.Fatal(err)
	}
	id := w.accept(mail("ann@example.org", "q", "question"))[0]
	offer := "offer"
	if err := w.Change(t.Context(), 1, []uint64{id}, Change{Purpose: &offer}); err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(*Outgoing){
		"to":  func(o *Outgoing) { o.To = append(o.To, message.Person{Handle: "mailto:bob@example.org"}) },
		"cc":  func(o *Outgoing) { o.Cc = []message.Person{{Handle: "mailto:bob@example.org"}} },
		"bcc": func(o *Outgoing) { o.Bcc = []message.Person{{Handle: "mailto:bob@example.org"}} },
	} {
		o := reply(id, "an offer for "+name)
		change(&o)
		r := w.reply(o)
		if m := <-w.sent; m.Unsubscribe != "" || strings.Contains(m.Text+m.HTML, ChoicesPath) {
			t.Errorf("%s: carries %q", name, m.Unsubscribe)
		}
		if !slices.Contains(r.Warnings, noLink) {
			t.Errorf("%s: nobody is told: %q", name, r.Warnings)
		}
	}
}
