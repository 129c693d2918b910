package inbox

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"throughline/connectors"
	"throughline/identity"
	"throughline/message"
	"throughline/store"
)

// person makes a customer with values of fields, by their names on the card.
func (w *world) person(name string, fields map[string]string) (id uint64) {
	w.t.Helper()
	id, err := w.CreateCustomer(w.t.Context(), 1, name, nil)
	if err != nil {
		w.t.Fatal(err)
	}
	var edits []identity.Edit
	for f, v := range fields {
		edits = append(edits, identity.Edit{Field: f, Value: v})
	}
	if len(edits) > 0 {
		if err := w.EditCard(w.t.Context(), 1, id, edits); err != nil {
			w.t.Fatal(err)
		}
	}
	return id
}

// field adds a custom field of customers.
func (w *world) field(name, kind, tells string) string {
	w.t.Helper()
	d, err := w.PutField(w.t.Context(), 1, 0, func(d *identity.FieldDef) {
		d.Name, d.Kind, d.Of, d.Tells = name, kind, identity.OfCustomer, tells
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return identity.CustomFieldName(d.ID)
}

// facts are the sentences of the only open suggestion.
func (w *world) facts() (texts []string) {
	w.t.Helper()
	list := w.suggestions(identity.SuggestionOpen)
	if len(list) != 1 {
		w.t.Fatalf("%d suggestions, want 1: %+v", len(list), list)
	}
	for _, e := range list[0].Evidence {
		texts = append(texts, e.Text())
	}
	return texts
}

func (w *world) looked() {
	w.t.Helper()
	w.until("the look ends", func(tx *store.Tx) bool { l := w.LastLook(tx); return l == nil || !l.Finished.IsZero() })
}

// TestTellingFields: what an administrator says of a field is compared: before it is
// said, nothing is known; afterwards the date of birth, the address and a number that
// only one person has are evidence, in words.
func TestTellingFields(t *testing.T) {
	w := newWorld(t)
	born, street := w.field("Birthday", identity.KindDate, ""), w.field("Street", identity.KindText, "")
	contract, town := w.field("Contract", identity.KindText, ""), w.field("Town", identity.KindText, "")
	w.person("Ann Lee", map[string]string{born: "1987-03-09", street: "12 Mill Lane", contract: "HX-44871", town: "Ashbrook"})
	w.person("Anne Lee", map[string]string{born: "1987-03-09", street: "Mill Lane 12", contract: "hx 44871", town: "Ashbrook"})
	w.person("Tom Moss", map[string]string{born: "1951-11-30", street: "3 Quay Street", contract: "HX-10002", town: "Ashbrook"})
	w.caught()
	for _, g := range w.suggestions(identity.SuggestionOpen) {
		for _, e := range g.Evidence {
			if e.Field == "born" || e.Field == "address" || strings.HasPrefix(e.Code, "attribute") {
				t.Errorf("nobody said that this tells anything: %s", e.Text())
			}
		}
	}
	for field, what := range map[string]string{born: identity.TellsBorn, street: identity.TellsAddress, contract: identity.TellsOwn, town: identity.TellsCity} {
		id := uint64(0)
		w.view(func(tx *store.Tx) error {
			defs, err := w.Identity.FieldDefs(tx)
			for _, d := range defs {
				if identity.CustomFieldName(d.ID) == field {
					id = d.ID
				}
			}
			return err
		})
		if _, err := w.PutField(t.Context(), 1, id, func(d *identity.FieldDef) { d.Tells = what }); err != nil {
			t.Fatal(err)
		}
	}
	w.looked()
	w.caught()
	facts := w.facts()
	for _, want := range []string{"same Contract (HX-44871, hx 44871)", "same born (1987-03-09)", "same city (Ashbrook)"} {
		if !slices.Contains(facts, want) {
			t.Errorf("%q is not in %q", want, facts)
		}
	}
	if !slices.ContainsFunc(facts, func(s string) bool { return strings.Contains(s, "Mill Lane") }) {
		t.Errorf("nothing of the address in %q", facts)
	}
	var wrong *InvalidError
	if _, err := w.PutField(t.Context(), 1, 0, func(d *identity.FieldDef) {
		*d = identity.FieldDef{Name: "Vip", Kind: identity.KindYesNo, Of: identity.OfCustomer, Tells: identity.TellsOwn}
	}); !errors.As(err, &wrong) || wrong.Field != "tells" {
		t.Errorf("yes or no tells who somebody is: %v", err)
	}
}

// TestNationalFooter: a number without a country code in a footer is read with the
// country of the writer's own number, else with that of our numbers.
func TestNationalFooter(t *testing.T) {
	w := newWorld(t)
	phone := w.texter("mobile", "+447700900001", nil)
	w.texted(phone, textFrom(annPhone, "hi"))
	m := mail("ann.lee@example.org", "first", "hello")
	m.From.Name, m.Signature, m.Vouch = "Ann Lee", "Ann Lee\nTel. 07700 900123", message.VouchPassed
	w.accept(m)
	w.caught()
	if facts := w.facts(); !slices.Contains(facts, "same phone (+447700900123)") {
		t.Errorf("evidence %q", facts)
	}
	// Somebody with a number of the United States.
	if err := w.Link(t.Context(), 1, w.ownerOf("mailto:ann.lee@example.org"), "tel:+12025550123", ""); err != nil {
		t.Fatal(err)
	}
	m = mail("ann.lee@example.org", "second", "hello again")
	m.From.Name, m.Signature, m.Vouch = "Ann Lee", "phone (202) 555-0188", message.VouchPassed
	w.accept(m)
	w.view(func(tx *store.Tx) error {
		h, _ := w.Identity.Find(tx, "mailto:ann.lee@example.org")
		if !slices.ContainsFunc(h.Hints, func(x identity.Hint) bool { return x.Handle == "tel:+12025550188" }) {
			t.Errorf("hints %+v", h.Hints)
		}
		return nil
	})
}

// TestCompanyTells: two who were put down for one company share it, whatever is written
// in their cards, and under its new name too.
func TestCompanyTells(t *testing.T) {
	w := newWorld(t)
	a, b := w.person("Maryam Ahmadi", nil), w.person("مریم احمدی", nil)
	firm, err := w.PutCompany(t.Context(), 1, 0, 0, func(c *identity.Company) { c.Name = "Bluebird" })
	if err != nil {
		t.Fatal(err)
	}
	for _, id := range []uint64{a, b} {
		if err := w.Join(t.Context(), 1, id, firm.ID, ""); err != nil {
			t.Fatal(err)
		}
	}
	w.caught()
	if facts := w.facts(); !slices.Contains(facts, "same company (Bluebird)") {
		t.Errorf("evidence %q", facts)
	}
	if _, err := w.PutCompany(t.Context(), 1, firm.ID, 0, func(c *identity.Company) { c.Name = "Kingfisher" }); err != nil {
		t.Fatal(err)
	}
	w.caught()
	if facts := w.facts(); !slices.Contains(facts, "same company (Kingfisher)") {
		t.Errorf("evidence %q", facts)
	}
}

// TestNoticedAndKilled: who was noticed is compared also if the program ended before
// that.
func TestNoticedAndKilled(t *testing.T) {
	dir := t.TempDir()
	w := newWorldAt(t, dir, 0)
	w.caught()
	w.stop()
	// The transaction of the follower, and not what follows it.
	a, b := w.person("Maryam Ahmadi", map[string]string{"company": "Bluebird"}), w.person("مریم احمدی", map[string]string{"company": "Bluebird"})
	var last uint64
	w.view(func(tx *store.Tx) error { last = w.Timeline.Last(tx); return nil })
	if err := w.notice(context.Background(), []uint64{a, b}, last); err != nil {
		t.Fatal(err)
	}
	if n := len(w.suggestions(identity.SuggestionOpen)); n != 0 {
		t.Fatalf("%d suggestions before anything was compared", n)
	}
	w.close()

	w = newWorldAt(t, dir, 0)
	w.caught()
	if n := len(w.suggestions(identity.SuggestionOpen)); n != 1 {
		t.Errorf("%d suggestions after the restart, want 1", n)
	}
}

// TestNoticedAgain: who is noticed while he is compared is compared once more.
func TestNoticedAgain(t *testing.T) {
	w := newWorld(t)
	w.caught()
	w.stop()
	a, b := w.person("Ann Lee", nil), w.person("Tom Moss", nil)
	var ids []uint64
	var numbers []string
	w.update(func(tx *store.Tx) error {
		if err := errors.Join(w.putNoticed(tx, a), w.putNoticed(tx, b)); err != nil {
			return err
		}
		ids, numbers = w.noticed(tx)
		return nil
	})
	if !slices.Equal(ids, []uint64{a, b}) {
		t.Fatalf("noticed are %v", ids)
	}
	w.update(func(tx *store.Tx) error { return w.putNoticed(tx, b) })
	w.update(func(tx *store.Tx) error { return w.crossOff(tx, ids, numbers) })
	w.view(func(tx *store.Tx) error {
		if left, _ := w.noticed(tx); !slices.Equal(left, []uint64{b}) {
			t.Errorf("still noticed are %v, want %v", left, []uint64{b})
		}
		return nil
	})
}

// TestUndoTo: what became of a pair can be changed to anything else, a merge too.
func TestUndoTo(t *testing.T) {
	w := newWorld(t)
	w.annWrites()
	w.caught()
	g := w.suggestions(identity.SuggestionOpen)[0]
	byMail, byText := w.ownerOf("mailto:ann.lee@example.org"), w.ownerOf(annPhone)
	for i, to := range []string{identity.SuggestionLater, identity.SuggestionSame, identity.SuggestionLater, identity.SuggestionSame,
		identity.SuggestionNotSame, identity.SuggestionSame, identity.SuggestionOpen, identity.SuggestionSame} {
		if err := w.Decide(t.Context(), 1, g.ID, Verdict{State: to}); err != nil {
			t.Fatalf("step %d, to %s: %v", i, to, err)
		}
		one := w.ownerOf("mailto:ann.lee@example.org") == w.ownerOf(annPhone)
		if one != (to == identity.SuggestionSame) {
			t.Errorf("step %d, to %s: one customer is %v", i, to, one)
		}
		if list := w.suggestions(to); len(list) != 1 || list[0].ID != g.ID || list[0].By != "agent:1" {
			t.Errorf("step %d: %s is %+v", i, to, list)
		}
		w.caught()
	}
	if err := w.Decide(t.Context(), 1, g.ID, Verdict{State: identity.SuggestionOpen}); err != nil {
		t.Fatal(err)
	}
	if w.ownerOf("mailto:ann.lee@example.org") != byMail || w.ownerOf(annPhone) != byText {
		t.Error("the addresses are not where they were")
	}
}

// TestRuleAndWord: no rule puts together what somebody called two people, parted, or
// put off, through merges with a third too; nor what he merged without any evidence
// and parted.
func TestRuleAndWord(t *testing.T) {
	for name, word := range map[string]func(w *world, a, b uint64){
		"not the same": func(w *world, a, b uint64) { w.word(a, b, identity.SuggestionNotSame) },
		"later":        func(w *world, a, b uint64) { w.word(a, b, identity.SuggestionLater) },
		"through a third": func(w *world, a, b uint64) {
			third := w.person("A. L.", nil)
			if err := w.Merge(w.t.Context(), 1, third, a, nil, false, ""); err != nil {
				w.t.Fatal(err)
			}
			w.word(third, b, identity.SuggestionNotSame)
			w.part(a)
			if err := w.Merge(w.t.Context(), 1, b, third, nil, true, "yes they are"); err != nil {
				w.t.Fatal(err)
			}
			w.part(third)
			w.word(a, b, identity.SuggestionNotSame)
		},
		"parted": func(w *world, a, b uint64) {
			if err := w.Merge(w.t.Context(), 1, a, b, nil, false, ""); err != nil {
				w.t.Fatal(err)
			}
			w.part(b)
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			contract := w.field("Contract", identity.KindText, identity.TellsOwn)
			born := w.field("Birthday", identity.KindDate, identity.TellsBorn)
			w.looked()
			r := identity.DefaultRules()
			r.Link = identity.LeastLink
			a, b := w.person("Ann Lee", nil), w.person("Ann Lee", nil)
			w.caught()
			word(w, a, b)
			if err := w.SetRules(t.Context(), 1, r); err != nil {
				t.Fatal(err)
			}
			for _, id := range []uint64{a, b} {
				if err := w.EditCard(t.Context(), 1, id, []identity.Edit{{Field: contract, Value: "HX-44871"}, {Field: born, Value: "1987-03-09"}, {Field: "company", Value: "Bluebird"}}); err != nil {
					t.Fatal(err)
				}
			}
			w.caught()
			if err := w.StartLook(t.Context(), 1); err != nil {
				t.Fatal(err)
			}
			w.looked()
			w.caught()
			w.view(func(tx *store.Tx) error {
				x, err := w.Identity.Root(tx, a)
				if err != nil {
					return err
				}
				y, err := w.Identity.Root(tx, b)
				if err == nil && x.ID == y.ID {
					t.Error("the rule put them together")
				}
				return err
			})
		})
	}
	// The same two without a word: the rule does what it says.
	w := newWorld(t)
	contract, born := w.field("Contract", identity.KindText, identity.TellsOwn), w.field("Birthday", identity.KindDate, identity.TellsBorn)
	w.looked()
	r := identity.DefaultRules()
	r.Link = identity.LeastLink
	if err := w.SetRules(t.Context(), 1, r); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		w.person("Ann Lee", map[string]string{contract: "HX-44871", born: "1987-03-09", "company": "Bluebird"})
	}
	w.caught()
	if list := w.suggestions(identity.SuggestionSame); len(list) != 1 || list[0].By != identity.RuleByWeight || list[0].Confidence < identity.LeastLink {
		t.Errorf("linked %+v", list)
	}
}

// word decides of two customers.
func (w *world) word(a, b uint64, state string) {
	w.t.Helper()
	w.update(func(tx *store.Tx) error {
		_, err := w.Identity.Decide(tx, a, b, state, 0, w.decision(tx, 1, ""))
		return err
	})
}

func (w *world) part(member uint64) {
	w.t.Helper()
	if _, err := w.Unmerge(w.t.Context(), 1, member, ""); err != nil {
		w.t.Fatal(err)
	}
}

// TestProfileTells: a number in a provider's directory is evidence, without a country
// code too, also when the directory tells it later and of somebody who writes nothing.
func TestProfileTells(t *testing.T) {
	w := newWorld(t)
	phone := w.texter("mobile", "+447700900001", nil)
	w.texted(phone, textFrom(annPhone, "hi"))
	m := mail("ann.lee@example.org", "first", "hello")
	m.From.Name, m.From.Hints = "Ann Lee", []message.Handle{"tel:07700 900123", "tel:ask me"}
	w.accept(m)
	w.caught()
	if facts := w.facts(); !slices.Contains(facts, "same phone (+447700900123)") {
		t.Errorf("evidence %q", facts)
	}
	w.texted(phone, textFrom("tel:+447700900125", "hi too"))
	w.accept(mail("tom.moss@example.org", "second", "hello"))
	if err := w.sink.Accept(t.Context(), connectors.Batch{People: []message.Person{{Handle: "mailto:tom.moss@example.org", Hints: []message.Handle{"tel:+447700900125"}}}}); err != nil {
		t.Fatal(err)
	}
	w.accept(mail("ida.berg@example.org", "third", "hello")) // what wakes the follower
	w.caught()
	if list := w.suggestions(identity.SuggestionOpen); len(list) != 2 {
		t.Errorf("suggestions %+v", list)
	}
}

// TestErasedHint: an address that a directory named for somebody else is gone from what
// is known of him too, when its owner is erased.
func TestErasedHint(t *testing.T) {
	w := newWorld(t)
	w.accept(mail("ann@example.org", "first", "hello"))
	m := mail("bob@example.net", "second", "hello")
	m.From.Hints = []message.Handle{"mailto:ann@example.org"}
	w.accept(m)
	w.caught()
	emails := func() (list []string) {
		w.view(func(tx *store.Tx) error {
			list = w.Identity.Person(tx, w.ownerOf("mailto:bob@example.net")).Record.Emails
			return nil
		})
		return list
	}
	if len(emails()) != 2 {
		t.Fatalf("known of him: %v", emails())
	}
	if _, err := w.Erase(t.Context(), 1, w.ownerOf("mailto:ann@example.org"), func(*store.Tx, uint64) bool { return false }); err != nil {
		t.Fatal(err)
	}
	w.caught()
	if got := emails(); !slices.Equal(got, []string{"bob@example.net"}) {
		t.Errorf("known of him after the erasure: %v", got)
	}
}
