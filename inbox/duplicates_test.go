package inbox

import (
	"errors"
	"slices"
	"testing"
	"time"

	"throughline/connectors"
	"throughline/identity"
	"throughline/message"
	"throughline/store"
)

// caught waits until the follower has looked at everything there is.
func (w *world) caught() {
	w.t.Helper()
	w.until("the follower catches up", func(tx *store.Tx) bool {
		at := w.upTo(tx)
		var about []uint64
		for {
			events, err := w.Timeline.After(tx, at, 500)
			if err != nil {
				w.t.Fatal(err)
			}
			if len(events) == 0 {
				ids, _ := w.noticed(tx)
				return len(about) == 0 && len(ids) == 0
			}
			ids, err := w.aboutPeople(tx, events)
			if err != nil {
				w.t.Fatal(err)
			}
			about, at = append(about, ids...), events[len(events)-1].Seq
		}
	})
}

// until waits for something that the store says.
func (w *world) until(what string, ok func(tx *store.Tx) bool) {
	w.t.Helper()
	wake, stop := w.Store.Watch()
	defer stop()
	deadline := time.After(20 * time.Second)
	for {
		done := false
		w.view(func(tx *store.Tx) error { done = ok(tx); return nil })
		if done {
			return
		}
		select {
		case <-wake:
		case <-deadline:
			w.t.Fatalf("%s: that did not happen", what)
		}
	}
}

func (w *world) suggestions(state string) (list []*identity.Suggestion) {
	w.t.Helper()
	w.view(func(tx *store.Tx) (err error) {
		list, _, err = w.Identity.Suggestions(tx, state, nil, 100)
		return err
	})
	return list
}

// ownerOf is the customer to whom a handle leads.
func (w *world) ownerOf(h message.Handle) (id uint64) {
	w.t.Helper()
	w.view(func(tx *store.Tx) error {
		hd, ok := w.Identity.Find(tx, h)
		if !ok {
			return ErrNotFound
		}
		root, err := w.Identity.Root(tx, hd.Customer)
		if err == nil {
			id = root.ID
		}
		return err
	})
	return id
}

const annPhone = "tel:+447700900123"

// annWrites makes two customers of one person: a mail whose footer has her number,
// and a text from that number.
func (w *world) annWrites() (phone *texter) {
	w.t.Helper()
	m := mail("ann.lee@example.org", "first", "hello")
	m.From.Name, m.Signature, m.Vouch = "Ann Lee", "Ann Lee\nTel. +44 7700 900123", message.VouchPassed
	w.accept(m)
	phone = w.texter("mobile", "+447700900001", nil)
	w.texted(phone, textFrom(annPhone, "and by text"))
	return phone
}

func textFrom(from message.Handle, text string) message.Message {
	sourceN++
	return message.Message{Channel: "text", Source: text, Key: text, From: message.Person{Handle: from}, To: []message.Person{{Handle: "tel:+447700900001"}},
		Text: text, Reply: text, Kind: message.Human, Time: time.Now(), Chat: true, Raw: message.Bytes(text)}
}

// TestSuggestion: a mail and a text of one person are suggested with evidence, become
// one, and part again with what came meanwhile on the right side.
func TestSuggestion(t *testing.T) {
	w := newWorld(t)
	phone := w.annWrites()
	w.caught()
	list := w.suggestions(identity.SuggestionOpen)
	if len(list) != 1 || list[0].Confidence < 0.9 || len(list[0].Evidence) == 0 || list[0].Evidence[0].Code != "phone.same" {
		t.Fatalf("suggestions %+v", list)
	}
	g := list[0]
	byMail, byText := w.ownerOf("mailto:ann.lee@example.org"), w.ownerOf(annPhone)
	if byMail == byText {
		t.Fatal("they were put together without asking")
	}
	if err := w.Decide(t.Context(), 1, g.ID, Verdict{State: identity.SuggestionSame}); err != nil {
		t.Fatal(err)
	}
	if a, b := w.ownerOf("mailto:ann.lee@example.org"), w.ownerOf(annPhone); a != b || a != byMail {
		t.Fatalf("merged into %d and %d, the older is %d", a, b, byMail)
	}
	w.texted(phone, textFrom(annPhone, "after the merge"))
	w.caught()
	if n := len(w.suggestions(identity.SuggestionOpen)); n != 0 {
		t.Errorf("%d suggestions are open after the merge", n)
	}
	if err := w.Decide(t.Context(), 1, g.ID, Verdict{State: identity.SuggestionOpen}); err != nil {
		t.Fatal(err)
	}
	if w.ownerOf(annPhone) != byText {
		t.Error("the number did not go back to its customer")
	}
	w.caught()
	if err := w.Decide(t.Context(), 1, g.ID, Verdict{State: identity.SuggestionNotSame}); err != nil {
		t.Fatal(err)
	}
	// It is remembered, through a merge of one of the two into a third as well.
	third, err := w.CreateCustomer(t.Context(), 1, "Ann Lee", nil)
	if err != nil {
		t.Fatal(err)
	}
	w.caught() // for a moment she is suggested
	if err := w.Merge(t.Context(), 1, third, byText, nil, false, ""); err != nil {
		t.Fatal(err)
	}
	w.caught()
	for _, g := range w.suggestions(identity.SuggestionOpen) {
		if g.A == byMail && g.B == third {
			t.Errorf("what is not the same is suggested again: %+v", g)
		}
	}
	var no *NotSameError
	if err := w.Merge(t.Context(), 1, byMail, third, nil, false, ""); !errors.As(err, &no) || no.By != "agent:1" {
		t.Errorf("merging what is not the same: %v", err)
	}
	if err := w.Merge(t.Context(), 1, byMail, third, nil, true, "it was wrong"); err != nil {
		t.Error(err)
	}
}

// TestRuleLinks: an administrator's rule puts them together, says so, and what an
// agent parts again stays parted.
func TestRuleLinks(t *testing.T) {
	w := newWorld(t)
	r := identity.DefaultRules()
	r.Signature = identity.RuleLink
	if err := w.SetRules(t.Context(), 1, r); err != nil {
		t.Fatal(err)
	}
	w.annWrites()
	w.caught()
	list := w.suggestions(identity.SuggestionSame)
	if len(list) != 1 || list[0].By != identity.RuleBySignature || list[0].Time.IsZero() || list[0].Reason == "" {
		t.Fatalf("linked %+v", list)
	}
	if w.ownerOf("mailto:ann.lee@example.org") != w.ownerOf(annPhone) {
		t.Fatal("they are two customers")
	}
	if _, err := w.Unmerge(t.Context(), 2, list[0].Merged, "her mother's number"); err != nil {
		t.Fatal(err)
	}
	if err := w.StartLook(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	w.until("the look ends", func(tx *store.Tx) bool { l := w.LastLook(tx); return l != nil && !l.Finished.IsZero() })
	w.caught()
	if w.ownerOf("mailto:ann.lee@example.org") == w.ownerOf(annPhone) {
		t.Error("the rule put together again what an agent parted")
	}
	if list := w.suggestions(identity.SuggestionNotSame); len(list) != 1 || list[0].By != "agent:2" {
		t.Errorf("not the same: %+v", list)
	}
}

// TestSharedNumber: a number that several people use, or that is marked so, links
// nothing, whatever the rules say.
func TestSharedNumber(t *testing.T) {
	w := newWorld(t)
	phone := w.texter("mobile", "+447700900001", nil)
	w.texted(phone, textFrom(annPhone, "hi"))
	if err := w.SetShared(t.Context(), 1, annPhone, true); err != nil {
		t.Fatal(err)
	}
	r := identity.DefaultRules()
	r.Signature, r.Link = identity.RuleLink, identity.LeastLink
	if err := w.SetRules(t.Context(), 1, r); err != nil {
		t.Fatal(err)
	}
	m := mail("ann.lee@example.org", "first", "hello")
	m.From.Name, m.Signature, m.Vouch = "Ann Lee", "Tel. +44 7700 900123", message.VouchPassed
	w.accept(m)
	w.caught()
	if w.ownerOf("mailto:ann.lee@example.org") == w.ownerOf(annPhone) {
		t.Error("a shared number linked")
	}
	if n := len(w.suggestions(identity.SuggestionSame)); n != 0 {
		t.Errorf("%d were linked", n)
	}
	// A number that people of three names use is shared without anybody's word.
	for _, n := range []string{"Ann Lee", "Tom Moss", "Ida Berg"} {
		w.take(phone, connectors.Batch{Messages: []message.Message{func() message.Message {
			m := textFrom("tel:+447700900124", "from "+n)
			m.From.Name = n
			return m
		}()}})
	}
	w.view(func(tx *store.Tx) error {
		h, ok := w.Identity.Find(tx, "tel:+447700900124")
		if !ok || !h.UsedByMany() {
			t.Errorf("handle %+v", h)
		}
		return nil
	})
	if err := w.SetShared(t.Context(), 1, "tel:+447700900124", false); err != nil {
		t.Fatal(err)
	}
	w.view(func(tx *store.Tx) error {
		if h, _ := w.Identity.Find(tx, "tel:+447700900124"); h.UsedByMany() {
			t.Error("an agent's word does not count")
		}
		return nil
	})
}

// TestLook gathers an old data folder, learns and compares in the background.
func TestLook(t *testing.T) {
	w := newWorld(t)
	for _, n := range []string{"مریم احمدی", "Maryam Ahmadi", "Tom Moss"} {
		id, err := w.CreateCustomer(t.Context(), 1, n, nil)
		if err != nil {
			t.Fatal(err)
		}
		w.update(func(tx *store.Tx) error {
			_, err := w.Identity.Change(tx, id, func(c *identity.Customer) { c.Company = "Bluebird" })
			return err
		})
	}
	w.caught()
	// As an earlier program left it.
	w.update(func(tx *store.Tx) error {
		for _, g := range w.suggestions(identity.SuggestionOpen) {
			if _, err := w.Identity.Forget(tx, g.A, nil); err != nil {
				return err
			}
		}
		return nil
	})
	if err := w.StartLook(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	w.until("the look ends", func(tx *store.Tx) bool { l := w.LastLook(tx); return l != nil && !l.Finished.IsZero() })
	list := w.suggestions(identity.SuggestionOpen)
	if len(list) != 1 || list[0].Evidence == nil {
		t.Fatalf("suggestions %+v", list)
	}
}

// TestRuleAgainst: a rule weighs a pair as it stands when it is merged. Two who fit a
// third each, and contradict each other, never become one by way of him; and what an
// administrator or an agent has said since the comparison counts.
func TestRuleAgainst(t *testing.T) {
	w := newWorld(t)
	born, phone := w.field("Birthday", identity.KindDate, identity.TellsBorn), w.field("Number", identity.KindText, identity.TellsPhone)
	w.looked()
	like := func(date string) uint64 {
		return w.person("Ann Ashbrookham", map[string]string{identity.FieldCompany: "Bluebird", phone: "+44 7700 900123", born: date})
	}
	a, b, c := like(""), like("1950-03-09"), like("1981-11-30")
	w.caught()
	judged := func(id uint64) (found []identity.Found) {
		w.view(func(tx *store.Tx) (err error) {
			found, err = w.Identity.Judging(tx).Judge(id, nil)
			return err
		})
		return found
	}
	r := identity.DefaultRules()
	r.Link = identity.LeastLink
	set := func(r identity.Rules) {
		if err := w.SetRules(t.Context(), 1, r); err != nil {
			t.Fatal(err)
		}
	}
	set(r)
	found := map[uint64][]identity.Found{}
	for _, id := range []uint64{a, b, c} {
		found[id] = judged(id)
	}
	against := false
	w.view(func(tx *store.Tx) error {
		j := w.Identity.Compare(tx, b, c)
		against = j != nil && j.Against
		return nil
	})
	if !against || !slices.ContainsFunc(found[c], func(f identity.Found) bool { return f.Other == a && f.Rule == identity.RuleByWeight }) {
		t.Fatalf("they do not stand to each other as this test wants: %+v", found)
	}
	keep := func(id uint64) {
		w.update(func(tx *store.Tx) error {
			_, _, err := w.keepFound(tx, id, found[id], func(*store.Tx, uint64, uint64) bool { return false })
			return err
		})
	}
	root := func(id uint64) (of uint64) {
		w.view(func(tx *store.Tx) error {
			c, err := w.Identity.Root(tx, id)
			of = c.ID
			return err
		})
		return of
	}
	set(identity.DefaultRules())
	keep(b)
	if root(b) != b {
		t.Fatal("a rule that was switched off since has put two together")
	}
	set(r)
	keep(b)
	if root(b) != a {
		t.Fatal("the rule did nothing")
	}
	keep(c)
	if root(c) != c {
		t.Error("people born in 1950 and in 1981 are one customer")
	}
	// The same in one look over all of them.
	if _, err := w.Unmerge(t.Context(), 1, b, ""); err != nil {
		t.Fatal(err)
	}
	w.caught()
	d, e, f := like(""), like("1950-03-09"), like("1981-11-30")
	if err := w.StartLook(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	w.looked()
	w.caught()
	born81 := root(f)
	if root(e) == born81 || root(c) != born81 && root(c) == root(e) || root(b) == born81 {
		t.Errorf("roots: 1950 %d %d, 1981 %d %d, unknown %d %d", root(b), root(e), root(c), root(f), root(a), root(d))
	}
}

// TestUnlinkUnderRules: what a person takes apart, or gives to somebody else, no rule
// puts together again, then or in a later look.
func TestUnlinkUnderRules(t *testing.T) {
	w := newWorld(t)
	r := identity.DefaultRules()
	r.Directory, r.Link = identity.RuleLink, identity.LeastLink
	if err := w.SetRules(t.Context(), 1, r); err != nil {
		t.Fatal(err)
	}
	const ann, other, bob = message.Handle("mailto:ann@example.org"), message.Handle("mailto:other@example.org"), message.Handle("mailto:bob@example.net")
	id, err := w.CreateCustomer(t.Context(), 1, "Ann Ashbrookham", []message.Handle{ann, other})
	if err != nil {
		t.Fatal(err)
	}
	m := mail("other@example.org", "first", "hello")
	m.From.Name, m.From.Hints = "Ann Ashbrookham", []message.Handle{ann}
	w.accept(m)
	w.caught()
	apart := func(what string, x, y message.Handle) {
		t.Helper()
		w.caught()
		if err := w.StartLook(t.Context(), 1); err != nil {
			t.Fatal(err)
		}
		w.looked()
		w.caught()
		if w.ownerOf(x) == w.ownerOf(y) {
			t.Errorf("%s: a rule put together what a person had parted", what)
		}
	}
	split, err := w.Unlink(t.Context(), 2, id, other, "her sister's")
	if err != nil {
		t.Fatal(err)
	}
	apart("unlinked", ann, other)
	if list := w.suggestions(identity.SuggestionNotSame); len(list) != 1 || list[0].A != id || list[0].B != split || list[0].By != "agent:2" || list[0].Reason != "her sister's" {
		t.Errorf("not the same: %+v", list)
	}
	if err := w.Link(t.Context(), 2, id, other, "it was hers"); err != nil {
		t.Fatal(err)
	}
	if w.ownerOf(other) != id {
		t.Error("linking it again does not undo this")
	}
	// Given to somebody else, who was no record of the former owner's.
	third, err := w.CreateCustomer(t.Context(), 1, "Bob Moss", []message.Handle{bob})
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Link(t.Context(), 2, third, other, ""); err != nil {
		t.Fatal(err)
	}
	apart("given away", ann, bob)
	if w.ownerOf(other) != third {
		t.Error("it is not with whom it was given to")
	}
	// From a record merged into another, which part later.
	top, err := w.CreateCustomer(t.Context(), 1, "Cleo Ashbrookham", []message.Handle{"mailto:cleo@example.net"})
	if err != nil {
		t.Fatal(err)
	}
	m = mail("cleo@example.net", "third", "hello")
	m.From.Name, m.From.Hints = "Cleo Ashbrookham", []message.Handle{bob}
	w.caught()
	if err := w.Merge(t.Context(), 1, top, third, nil, true, ""); err != nil {
		t.Fatal(err)
	}
	w.accept(m)
	w.caught()
	if _, err := w.Unlink(t.Context(), 2, top, bob, ""); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Unmerge(t.Context(), 2, third, ""); err != nil {
		t.Fatal(err)
	}
	apart("unlinked from a merged record", "mailto:cleo@example.net", bob)
	apart("unlinked from a merged record", other, bob)
}

// TestNameWeWriteIsNews: what we call somebody in the first message to an address that
// had no name is known of him when he is compared.
func TestNameWeWriteIsNews(t *testing.T) {
	w := newWorld(t)
	w.accept(mail("ann@example.org", "q", "question"))
	w.caught()
	o := reply(0, "news")
	o.Mode, o.Account, o.Subject = ModeNew, "support", "news"
	w.reply(o)
	w.caught()
	owner := w.ownerOf(ann[0].Handle)
	w.view(func(tx *store.Tx) error {
		p := w.Identity.Person(tx, owner)
		if p == nil || !slices.Equal(p.Record.Names, []string{ann[0].Name}) {
			t.Errorf("known of her: %+v", p)
		}
		return nil
	})
}
