package inbox

import (
	"slices"
	"testing"

	"throughline/message"
	"throughline/store"
	"throughline/timeline"
)

// refiledWorld is a family's address with two messages in one conversation, and the
// daughter as a customer of her own without an address.
func refiledWorld(t *testing.T) (w *world, first, second message.Message, family, daughter uint64) {
	w = newWorld(t)
	first = mail("family@example.org", "first", "about the bike")
	first.From.Name = "Ida Berg"
	w.accept(first)
	second = mail("family@example.org", "second", "and my school bag", "first")
	w.accept(second)
	return w, first, second, w.ownerOf("mailto:family@example.org"), w.person("Mia Berg", nil)
}

func (w *world) idOf(m message.Message) (id uint64) {
	w.t.Helper()
	w.view(func(tx *store.Tx) error {
		_, id, _ = w.outcome(tx, "support", m.Source)
		return nil
	})
	return id
}

// said are the texts of the messages on a customer's timeline, and the numbers of his
// conversations.
func (w *world) said(customer uint64) (texts []string, conversations []uint64) {
	w.t.Helper()
	w.view(func(tx *store.Tx) error {
		ids, err := w.Identity.Subjects(tx, customer)
		if err != nil {
			return err
		}
		p, err := w.Timeline.Subjects(tx, ids, timeline.Span{Limit: 100})
		if err != nil {
			return err
		}
		for _, e := range p.Events {
			if e.Message != 0 {
				r, err := w.Message(tx, e.Message)
				if err != nil {
					return err
				}
				texts = append(texts, r.Text)
			}
		}
		list, _, err := w.List(tx, ListQuery{Subjects: ids, Limit: 100})
		for _, c := range list {
			conversations = append(conversations, c.ID)
		}
		return err
	})
	slices.Sort(conversations)
	return texts, conversations
}

// TestRefiledTeachesWhoWrote: what a daughter writes from the family's address, and our
// answer to it, show how she is reached, and say nothing of the family.
func TestRefiledTeachesWhoWrote(t *testing.T) {
	w, first, second, family, daughter := refiledWorld(t)
	contacts := func(when string, customer uint64, want ...uint64) {
		t.Helper()
		if err := w.Preference.CatchUp(t.Context()); err != nil {
			t.Fatal(err)
		}
		var got []uint64
		w.view(func(tx *store.Tx) error {
			list, err := w.Preference.Contacts(tx, customer, 10)
			for _, c := range list {
				got = append(got, c.ID)
			}
			return err
		})
		if slices.Sort(got); !slices.Equal(got, want) {
			t.Errorf("%s: customer %d has %v, want %v", when, customer, got, want)
		}
	}
	refile := func(m message.Message, customer uint64) {
		t.Helper()
		if err := w.Refile(t.Context(), 1, w.idOf(m), customer); err != nil {
			t.Fatal(err)
		}
	}
	one, two := w.idOf(first), w.idOf(second)
	contacts("before", family, one, two)
	refile(second, daughter)
	contacts("hers", family, one)
	contacts("hers", daughter, two)
	back := reply(w.where(second), "your bag is here")
	back.To = []message.Person{{Handle: "mailto:family@example.org"}}
	seq, err := w.Reply(t.Context(), back)
	if err != nil {
		t.Fatal(err)
	}
	answer := w.messageOf(seq).ID
	contacts("answered", family, one)
	contacts("answered", daughter, two, answer)
	refile(second, 0)
	contacts("given back", family, one, two)
	if err := w.Preference.Reset(t.Context()); err != nil {
		t.Fatal(err)
	}
	contacts("rebuilt", family, one, two)
	contacts("rebuilt", daughter, answer)
}

// TestRefileMoves: a message of somebody else moves into a conversation of his, what
// answers it and what answers our answer follow, and undoing puts it back.
func TestRefileMoves(t *testing.T) {
	w, first, second, family, daughter := refiledWorld(t)
	was := w.where(first)
	if w.where(second) != was {
		t.Fatal("they are in two conversations")
	}
	if err := w.Refile(t.Context(), 1, w.idOf(second), daughter); err != nil {
		t.Fatal(err)
	}
	hers := w.where(second)
	if hers == was || w.where(first) != was {
		t.Fatalf("the first is in %d, the second in %d; they were in %d", w.where(first), hers, was)
	}
	texts, own := w.said(daughter)
	if !slices.Equal(texts, []string{second.Text}) || !slices.Equal(own, []uint64{hers}) {
		t.Errorf("hers: %q in %v, want the second in %d", texts, own, hers)
	}
	if texts, own = w.said(family); !slices.Equal(texts, []string{first.Text}) || !slices.Equal(own, []uint64{was}) {
		t.Errorf("theirs: %q in %v", texts, own)
	}
	// Our answer, and hers to it, by the same address.
	back := reply(hers, "your bag is here")
	back.To = []message.Person{{Handle: "mailto:family@example.org"}}
	seq, err := w.Reply(t.Context(), back)
	if err != nil {
		t.Fatal(err)
	}
	sent := w.messageOf(seq)
	w.delivery(sent.ID, is(message.Sent))
	<-w.sent
	w.view(func(tx *store.Tx) (err error) { sent, err = w.Message(tx, sent.ID); return err })
	thanks := mail("family@example.org", "thanks", "thank you", sent.Ref)
	w.accept(thanks)
	if w.where(thanks) != hers {
		t.Errorf("the answer is in %d, want %d", w.where(thanks), hers)
	}
	if texts, _ = w.said(daughter); !slices.Equal(texts, []string{second.Text, sent.Text, "thank you"}) {
		t.Errorf("hers: %q", texts)
	}
	if texts, _ = w.said(family); !slices.Equal(texts, []string{first.Text}) {
		t.Errorf("theirs: %q", texts)
	}
	// What refers to the first is theirs.
	w.accept(mail("family@example.org", "third", "the bike again", "first"))
	if texts, _ = w.said(family); !slices.Equal(texts, []string{first.Text, "the bike again"}) {
		t.Errorf("theirs: %q", texts)
	}
	// Undone: the second goes back; what was said since stays hers until somebody says
	// otherwise of it too.
	for _, m := range []message.Message{second, thanks} {
		if err := w.Refile(t.Context(), 1, w.idOf(m), 0); err != nil {
			t.Fatal(err)
		}
	}
	if w.where(second) != was || w.where(thanks) == hers {
		t.Errorf("the second is in %d, the thanks in %d", w.where(second), w.where(thanks))
	}
	if texts, _ = w.said(daughter); !slices.Equal(texts, []string{sent.Text}) {
		t.Errorf("hers: %q", texts)
	}
}

// TestRefileAlone: one that is alone takes its conversation along, with its notes, and
// back; a merge of the customer takes it along too.
func TestRefileAlone(t *testing.T) {
	w := newWorld(t)
	m := mail("family@example.org", "first", "about the bike")
	id := w.accept(m)[0]
	family, daughter := w.ownerOf("mailto:family@example.org"), w.person("Mia Berg", nil)
	if _, err := w.AddNote(t.Context(), 1, id, "called her"); err != nil {
		t.Fatal(err)
	}
	notes := func(customer uint64) (n int) {
		w.view(func(tx *store.Tx) error {
			ids, err := w.Identity.Subjects(tx, customer)
			if err != nil {
				return err
			}
			p, err := w.Timeline.Subjects(tx, ids, timeline.Span{Limit: 100})
			for _, e := range p.Events {
				if e.Kind == timeline.NoteAdded {
					n++
				}
			}
			return err
		})
		return n
	}
	if err := w.Refile(t.Context(), 1, w.idOf(m), daughter); err != nil {
		t.Fatal(err)
	}
	if w.where(m) != id || notes(daughter) != 1 || notes(family) != 0 {
		t.Errorf("in %d, her notes %d, theirs %d", w.where(m), notes(daughter), notes(family))
	}
	other := w.person("Mia B.", nil)
	if err := w.Merge(t.Context(), 1, other, daughter, nil, false, ""); err != nil {
		t.Fatal(err)
	}
	if texts, own := w.said(other); len(texts) != 1 || !slices.Equal(own, []uint64{id}) {
		t.Errorf("of the merged: %q in %v", texts, own)
	}
	w.part(daughter)
	if err := w.Refile(t.Context(), 1, w.idOf(m), 0); err != nil {
		t.Fatal(err)
	}
	if texts, own := w.said(family); len(texts) != 1 || !slices.Equal(own, []uint64{id}) || notes(family) != 1 || notes(daughter) != 0 {
		t.Errorf("back: %q in %v, their notes %d, hers %d", texts, own, notes(family), notes(daughter))
	}
	if c := w.conversation(id); c.Whose != 0 {
		t.Errorf("the conversation is still of %d", c.Whose)
	}
}

// TestRefiledText: what somebody else wrote from a shared number does not draw the next
// text after it; our answer does.
func TestRefiledText(t *testing.T) {
	w := newWorld(t)
	phone := w.texter("mobile", "+447700900001", nil)
	first, second := textFrom(annPhone, "from the mother"), textFrom(annPhone, "from the daughter")
	w.texted(phone, first)
	w.texted(phone, second)
	daughter := w.person("Mia Berg", nil)
	of := func(m message.Message) (r *Record) {
		w.view(func(tx *store.Tx) error {
			_, id, _ := w.outcome(tx, "mobile", m.Source)
			var err error
			r, err = w.Message(tx, id)
			return err
		})
		return r
	}
	if err := w.Refile(t.Context(), 1, of(second).ID, daughter); err != nil {
		t.Fatal(err)
	}
	theirs, hers := of(first).Conversation, of(second).Conversation
	if theirs == hers {
		t.Fatal("they are in one conversation")
	}
	third := textFrom(annPhone, "from the mother again")
	w.texted(phone, third)
	if of(third).Conversation != theirs {
		t.Errorf("the third is in %d, want %d", of(third).Conversation, theirs)
	}
	o := reply(hers, "to the daughter")
	o.Account, o.To = "mobile", []message.Person{{Handle: annPhone}}
	seq, err := w.Reply(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	w.delivery(w.messageOf(seq).ID, is(message.Sent))
	<-w.sent
	fourth := textFrom(annPhone, "from the daughter again")
	w.texted(phone, fourth)
	if r := of(fourth); r.Conversation != hers || r.Refiled == nil || r.Refiled.By != byThread {
		t.Errorf("the answer is in %d, want %d: %+v", r.Conversation, hers, r.Refiled)
	}
}
