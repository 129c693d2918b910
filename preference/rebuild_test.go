package preference

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"throughline/identity"
	"throughline/message"
	"throughline/store"
	"throughline/store/storetest"
	"throughline/timeline"
)

// office is an inbox in miniature: what a Source tells of, as it is now.
type office struct {
	p        *Preferences
	s        *store.Store
	tl       *timeline.Timeline
	id       *identity.Identity
	messages map[uint64]*said
	matters  map[uint64]*Matter
	merged   map[uint64]uint64
	now      time.Time
}

type said struct {
	Fact
	text string
	gone bool
}

func newOffice(t testing.TB) *office { return newOfficeIn(t, time.UTC) }

// newOfficeIn counts days and hours in a zone.
func newOfficeIn(t testing.TB, zone *time.Location) *office {
	s := storetest.Open(t)
	o := &office{s: s, tl: timeline.New(s), id: identity.New(s), messages: map[uint64]*said{}, matters: map[uint64]*Matter{}, merged: map[uint64]uint64{},
		now: time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)}
	o.p = New(Options{Store: s, Timeline: o.tl, Identity: o.id, Source: o, Zone: zone})
	return o
}

func (o *office) root(c uint64) uint64 {
	for o.merged[c] != 0 {
		c = o.merged[c]
	}
	return c
}

func (o *office) Contact(_ *store.Tx, id uint64) (Fact, bool, error) {
	m := o.messages[id]
	if m == nil {
		return Fact{}, false, store.ErrNotFound
	}
	return m.Fact, !m.gone, nil
}

func (o *office) Matter(_ *store.Tx, id uint64) (Matter, error) {
	m := *o.matters[o.root(id)]
	m.ID = o.root(id)
	return m, nil
}

func (o *office) Words(_ *store.Tx, id uint64) (string, error) { return o.messages[id].text, nil }

type failer interface {
	Helper()
	Fatal(args ...any)
}

func (o *office) update(t failer, fn func(tx *store.Tx) error) {
	t.Helper()
	if err := o.s.Update(context.Background(), fn); err != nil {
		t.Fatal(err)
	}
}

func (o *office) view(t failer, fn func(tx *store.Tx) error) {
	t.Helper()
	if err := o.s.View(fn); err != nil {
		t.Fatal(err)
	}
}

// bothWays looks at what was followed, and at the same counted anew.
func (o *office) bothWays(t failer, look func(when string)) {
	t.Helper()
	o.catchUp(t)
	look("followed")
	if err := o.p.Reset(context.Background()); err != nil {
		t.Fatal(err)
	}
	o.catchUp(t)
	look("rebuilt")
}

// taught has conversations of agents about two purposes, each with words of its own.
func (o *office) taught(t failer, n int, support, offer string) {
	t.Helper()
	h, _ := o.person(t, "mailto:ann@example.org")
	for i := range n {
		c := o.matter(t, h)
		text, purpose := support, "support"
		if i%2 == 0 {
			text, purpose = offer, "offer"
		}
		o.say(t, Fact{Conversation: c, Channel: "email", Handle: h}, text)
		o.matters[c].Purpose, o.matters[c].By = purpose, "agent:7"
		o.tell(t, timeline.Event{Kind: timeline.ConversationPurpose, Conversation: c})
	}
	o.catchUp(t)
}

// resolve ends a conversation.
func (o *office) resolve(t failer, c uint64) {
	o.matters[c].Resolved = o.now
	o.tell(t, timeline.Event{Kind: timeline.ConversationStatus, Conversation: c})
}

func (o *office) tell(t failer, e timeline.Event) {
	t.Helper()
	o.update(t, func(tx *store.Tx) error {
		e.Time = o.now
		_, err := o.tl.Append(tx, e)
		return err
	})
}

// person makes a customer with a handle.
func (o *office) person(t failer, h message.Handle) (handle, customer uint64) {
	o.update(t, func(tx *store.Tx) error {
		hd, _, err := o.id.Resolve(tx, message.Person{Handle: h}, false)
		if err == nil {
			handle, customer = hd.ID, hd.Customer
		}
		return err
	})
	return handle, customer
}

func (o *office) nextID(t failer) (id uint64) {
	o.update(t, func(tx *store.Tx) error { id = tx.NextID(); return nil })
	return id
}

func (o *office) matter(t failer, handle uint64) uint64 {
	id := o.nextID(t)
	o.matters[id] = &Matter{ID: id, Handle: handle}
	return id
}

// say adds a message to a conversation and tells of it.
func (o *office) say(t failer, f Fact, text string) uint64 { return o.put(t, f, text, false) }

// word adds a STOP: a message that is no contact.
func (o *office) word(t failer, f Fact) uint64 { return o.put(t, f, "stop", true) }

func (o *office) put(t failer, f Fact, text string, gone bool) uint64 {
	id := o.nextID(t)
	if f.Time.IsZero() {
		f.Time = o.now
	}
	o.messages[id] = &said{Fact: f, text: text, gone: gone}
	kind := timeline.MessageReceived
	if f.Out {
		kind = timeline.MessageQueued
	}
	if c := o.matters[o.root(f.Conversation)]; !f.Out && !c.Resolved.IsZero() {
		c.Resolved = time.Time{} // it comes back, without an event of its own
	}
	o.tell(t, timeline.Event{Kind: kind, Conversation: f.Conversation, Message: id})
	return id
}

// dump shows all that is derived.
func (o *office) dump(t failer) string {
	var b strings.Builder
	if err := o.s.View(func(tx *store.Tx) error {
		for e := range o.p.contacts.Scan(tx, store.Range{}) {
			c, err := o.p.contacts.Get(tx, e.ID)
			if err != nil {
				return err
			}
			data, _ := json.Marshal(c)
			fmt.Fprintf(&b, "contact %d %s\n", e.ID, data)
		}
		for e := range o.p.lessons.Scan(tx, store.Range{}) {
			l, err := o.p.lessons.Get(tx, e.ID)
			if err != nil {
				return err
			}
			data, _ := json.Marshal(l)
			fmt.Fprintf(&b, "lesson %d %s\n", e.ID, data)
		}
		for k, v := range tx.Values(wordBucket) {
			fmt.Fprintf(&b, "word %q %s\n", k, v)
		}
		for k, v := range tx.Values(boardBucket) {
			fmt.Fprintf(&b, "day %q %s\n", k, dayText(v))
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func dayText(v []byte) string {
	var lines []string
	_ = readDay(v, func(k cell, m metric, n int64) { lines = append(lines, fmt.Sprintf("%v/%d=%d", k, m, n)) })
	slices.Sort(lines)
	return strings.Join(lines, " ")
}

// plain counts the board from the contacts, without any increment.
func (o *office) plain(t failer) string {
	days := map[string]day{}
	if err := o.s.View(func(tx *store.Tx) error {
		for e := range o.p.contacts.Scan(tx, store.Range{}) {
			c, err := o.p.contacts.Get(tx, e.ID)
			if err != nil {
				return err
			}
			for _, tag := range append([]string{""}, c.Tags...) {
				key := dayKey(c.Time.In(time.UTC).Format(time.DateOnly), tag)
				if days[key] == nil {
					days[key] = day{}
				}
				c.counts(time.UTC, func(k cell, m metric) { days[key].add(k, m, 1) })
			}
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	for _, k := range slices.Sorted(maps.Keys(days)) {
		if text := dayText(days[k].encode()); text != "" {
			fmt.Fprintf(&b, "day %q %s\n", k, text)
		}
	}
	return b.String()
}

func (o *office) catchUp(t failer) {
	t.Helper()
	if err := o.p.CatchUp(context.Background()); err != nil {
		t.Fatal(err)
	}
}

// rejoin links, unlinks, merges or unmerges, as far as identity allows it, and tells
// of it as the inbox does. It returns the customer records, with one more where a
// handle was split off.
func (o *office) rejoin(rt *rapid.T, op int, handles, customers []uint64) []uint64 {
	handle, one, two := rapid.SampledFrom(handles).Draw(rt, "handle"), rapid.SampledFrom(customers).Draw(rt, "one"), rapid.SampledFrom(customers).Draw(rt, "two")
	d := identity.Decision{By: "agent:7", Time: o.now, Confidence: 1}
	e := timeline.Event{Time: o.now}
	err := o.s.Update(context.Background(), func(tx *store.Tx) error {
		switch op {
		case 14:
			h, err := o.id.Handle(tx, handle)
			if err != nil {
				return err
			}
			_, before, err := o.id.Link(tx, one, h.Handle, d)
			if err != nil {
				return err
			}
			e.Kind, e.Customer, e.Subjects = timeline.HandleLinked, one, []uint64{handle, before}
		case 15:
			split, before, err := o.id.Unlink(tx, handle, d)
			if err != nil {
				return err
			}
			customers = append(slices.Clone(customers), split.ID)
			e.Kind, e.Customer, e.Subjects = timeline.HandleUnlinked, before, []uint64{handle, split.ID}
		case 16:
			root, merged, err := o.id.Merge(tx, one, two, nil, d)
			if err != nil {
				return err
			}
			e.Kind, e.Customer, e.Subjects = timeline.CustomerMerged, root.ID, []uint64{merged.ID}
		default:
			split, from, err := o.id.Unmerge(tx, one)
			if err != nil {
				return err
			}
			e.Kind, e.Customer, e.Subjects = timeline.CustomerUnmerged, from, []uint64{split.ID}
		}
		_, err := o.tl.Append(tx, e)
		return err
	})
	var refused *identity.ConflictError
	if err != nil && !errors.As(err, &refused) {
		rt.Fatal(err)
	}
	return customers
}

// TestRebuiltEqualsFollowed: whatever happens, in whatever order, what was counted
// while it happened is what is counted from the log afterwards, and what a plain
// count finds.
func TestRebuiltEqualsFollowed(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		o := newOffice(t)
		var handles, customers, matters, messages []uint64
		for i := range 3 {
			h, c := o.person(rt, message.Handle(fmt.Sprintf("mailto:p%d@example.org", i)))
			handles, customers = append(handles, h), append(customers, c)
		}
		for i := range 3 {
			matters = append(matters, o.matter(rt, handles[i]))
		}
		live := func(id uint64) bool { return o.merged[id] == 0 }
		channels, purposes := []string{"email", "sms"}, []string{"", "support", "invoice"}
		texts := []string{"my invoice is wrong", "the brake is broken", "ใบแจ้งหนี้ ผิด", ""}
		erased := false
		steps := rapid.IntRange(5, 40).Draw(rt, "steps")
		for range steps {
			o.now = o.now.Add(time.Duration(rapid.IntRange(0, 40).Draw(rt, "hours")) * time.Hour)
			c := rapid.SampledFrom(matters).Draw(rt, "matter")
			m := o.matters[c]
			switch op := rapid.IntRange(0, 20).Draw(rt, "op"); op {
			case 0, 1, 2, 3, 4:
				if !live(c) {
					continue
				}
				i := rapid.IntRange(0, 2).Draw(rt, "who")
				f := Fact{Conversation: c, Out: op%2 == 1, Channel: rapid.SampledFrom(channels).Draw(rt, "channel"), Handle: handles[i]}
				if f.Out {
					f.Agent = 7
					f.Advised, f.By = rapid.SampledFrom([]string{"", "sms", "email"}).Draw(rt, "advised"), Stated
				}
				if rapid.IntRange(0, 4).Draw(rt, "whose") == 0 {
					f.Whose = rapid.SampledFrom(customers).Draw(rt, "of")
				}
				if rapid.IntRange(0, 3).Draw(rt, "old") == 0 {
					f.Time = o.now.Add(-time.Duration(rapid.IntRange(0, 90).Draw(rt, "ago")) * time.Hour)
				}
				messages = append(messages, o.say(rt, f, rapid.SampledFrom(texts).Draw(rt, "text")))
			case 5:
				if !live(c) {
					continue
				}
				o.resolve(rt, c)
			case 6:
				if !live(c) {
					continue
				}
				m.Purpose, m.By = rapid.SampledFrom(purposes).Draw(rt, "purpose"), rapid.SampledFrom([]string{"agent:7", ByRule}).Draw(rt, "by")
				o.tell(rt, timeline.Event{Kind: timeline.ConversationPurpose, Conversation: c})
			case 7:
				if !live(c) {
					continue
				}
				m.Tags = rapid.SampledFrom([][]string{nil, {"vip"}, {"a", "vip"}}).Draw(rt, "tags")
				o.tell(rt, timeline.Event{Kind: timeline.ConversationTags, Conversation: c})
			case 8:
				if !live(c) {
					continue
				}
				m.Assignee, m.Team = uint64(rapid.IntRange(0, 2).Draw(rt, "agent")), uint64(rapid.IntRange(0, 2).Draw(rt, "team"))
				o.tell(rt, timeline.Event{Kind: timeline.ConversationAssigned, Conversation: c})
			case 9, 10:
				if len(messages) == 0 {
					continue
				}
				id := rapid.SampledFrom(messages).Draw(rt, "message")
				x := o.messages[id]
				if op == 9 && x.Out {
					x.Failed = true
					o.tell(rt, timeline.Event{Kind: timeline.MessageDelivery, Message: id, Conversation: x.Conversation})
				} else if x.Out {
					x.gone = true
					o.tell(rt, timeline.Event{Kind: timeline.MessageCancelled, Message: id, Conversation: x.Conversation})
				} else {
					x.text = rapid.SampledFrom(texts).Draw(rt, "edit")
					o.tell(rt, timeline.Event{Kind: timeline.MessageEdited, Message: id, Conversation: x.Conversation})
				}
			case 11:
				if len(messages) == 0 || !live(c) {
					continue
				}
				id := rapid.SampledFrom(messages).Draw(rt, "moved")
				o.messages[id].Conversation = c
				o.tell(rt, timeline.Event{Kind: timeline.MessageMoved, Message: id, Conversation: c})
			case 12:
				into := rapid.SampledFrom(matters).Draw(rt, "into")
				if into == c || !live(c) || !live(into) {
					continue
				}
				o.merged[c] = into
				for _, x := range o.messages {
					if x.Conversation == c {
						x.Conversation = into
					}
				}
				data, _ := json.Marshal(map[string]uint64{"from": c, "into": into})
				o.tell(rt, timeline.Event{Kind: timeline.ConversationMerged, Conversation: into, Data: data})
			case 13:
				who := rapid.SampledFrom(customers).Draw(rt, "customer")
				o.update(rt, func(tx *store.Tx) error {
					_, err := o.id.Change(tx, who, func(c *identity.Customer) {
						c.Language = rapid.SampledFrom([]string{"", "en", "fa"}).Draw(rt, "language")
					})
					return err
				})
				o.tell(rt, timeline.Event{Kind: timeline.CustomerChanged, Customer: who, Subjects: []uint64{who}, Data: []byte(`{"language":true}`)})
			case 20: // somebody says whose it is
				if len(messages) == 0 {
					continue
				}
				id := rapid.SampledFrom(messages).Draw(rt, "refiled")
				x := o.messages[id]
				x.Whose = rapid.SampledFrom(append([]uint64{0}, customers...)).Draw(rt, "to")
				o.tell(rt, timeline.Event{Kind: timeline.MessageRefiled, Message: id, Conversation: o.root(x.Conversation)})
			case 18:
				if live(c) {
					messages = append(messages, o.word(rt, Fact{Conversation: c, Channel: rapid.SampledFrom(channels).Draw(rt, "channel"), Handle: handles[0]}))
				}
			case 19: // whose it was is erased: nothing is left to count it from
				if len(messages) == 0 {
					continue
				}
				id := rapid.SampledFrom(messages).Draw(rt, "erased")
				x := o.messages[id]
				o.update(rt, func(tx *store.Tx) error { return o.p.KeepTx(tx, id) })
				if !x.gone {
					x.text, x.Handle, x.Advised, x.By, x.Failed = "", 0, "", "", false
					erased = true
				}
			case 14, 15, 16, 17:
				customers = o.rejoin(rt, op, handles, customers)
			}
			if rapid.Bool().Draw(rt, "look") {
				o.catchUp(rt)
			}
		}
		o.catchUp(rt)
		followed := o.dump(rt)
		if err := o.p.Reset(context.Background()); err != nil {
			rt.Fatal(err)
		}
		if left := o.dump(rt); left != "" && !erased {
			rt.Fatalf("a reset leaves\n%s", left)
		}
		o.catchUp(rt)
		rebuilt := o.dump(rt)
		if followed != rebuilt {
			rt.Fatalf("followed:\n%s\nrebuilt:\n%s", followed, rebuilt)
		}
		_, board, _ := strings.Cut("\n"+rebuilt, "\nday ")
		if plain := o.plain(rt); plain != "" && !erased && "day "+board != plain {
			rt.Fatalf("board:\nday %s\nplain count:\n%s", board, plain)
		}
	})
}
