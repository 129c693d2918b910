package inbox

import (
	"fmt"
	"maps"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"throughline/identity"
	"throughline/message"
	"throughline/preference"
	"throughline/store"
	"throughline/timeline"
)

// TestPartedWithEverything: three records of mails, texts and Slack with calls, notes,
// tasks, cards, preferences and consents are put together in any way. What came while
// they were one stands with the record whose handle it came from, or at which it was
// written; parted, everybody has what he had and what came meanwhile, and every
// message stands on exactly one timeline. Values that one took over from another go back
// with whoever parts, over any number of levels, and no rule puts an address back that
// was unlinked.
func TestPartedWithEverything(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		w := newWorld(t)
		defer w.close()
		w.openLine()
		phone := w.texter("mobile", "+447700900001", nil)
		handles := []message.Handle{"mailto:ann@example.org", "tel:+12025550141", "slack:T1/U1"}
		n, calls := 0, 0
		whose := map[string]int{} // the key of a message → the index of its handle
		gone := map[string]bool{} // the keys of erased messages
		// come lets a message come from one of the handles, for whose user a directory
		// names others.
		come := func(i int, hints ...message.Handle) {
			n++
			text := fmt.Sprintf("words %d", n)
			switch i {
			case 0:
				m := mail("ann@example.org", text, text)
				m.From.Hints = hints
				w.accept(m)
				whose[m.Key] = i
			case 1:
				m := textFrom(handles[1], text)
				m.From.Hints = hints
				w.texted(phone, m)
				whose[m.Key] = i
			case 2:
				m := mail("ann@example.org", text, text)
				m.Channel, m.From = "slack", message.Person{Handle: handles[2], Hints: hints}
				w.accept(m)
				whose[m.Key] = i
			}
		}
		for i := range handles {
			come(i)
		}
		record := func(id uint64) (c *identity.Customer) {
			w.view(func(tx *store.Tx) (err error) { c, err = w.Identity.Customer(tx, id); return err })
			return c
		}
		// own is what every record says of itself in the fields that are taken over.
		own := map[uint64]map[string]string{}
		taken := []string{identity.FieldName, identity.FieldGoals}
		newRecord := func(id uint64) uint64 {
			own[id] = map[string]string{}
			for _, f := range taken {
				own[id][f] = record(id).Field(f)
			}
			return id
		}
		var records []uint64 // to which the handles belong while nothing is merged
		for _, h := range handles {
			records = append(records, newRecord(w.ownerOf(h)))
		}
		root := func(i int) (id uint64) {
			w.view(func(tx *store.Tx) error {
				c, err := w.Identity.Root(tx, records[i])
				id = c.ID
				return err
			})
			return id
		}
		has := w.all
		must := func(err error) {
			if err != nil && !conflict(err) {
				rt.Fatal(err)
			}
		}
		who := rapid.IntRange(0, len(handles)-1)
		channels := []string{"email", "sms", "voice"}
		rt.Repeat(map[string]func(*rapid.T){
			"message": func(rt *rapid.T) { come(who.Draw(rt, "from")) },
			"call": func(*rapid.T) {
				calls++
				key := fmt.Sprintf("1%d", calls) // of handle 1, whose number ends so
				m := message.Message{Channel: "voice", Account: "line", Key: "call-" + key, Source: "call-" + key, From: message.Person{Handle: handles[1]},
					To: []message.Person{{Handle: "tel:" + ourLine}}, Kind: message.Human, Chat: true, Call: &message.Call{}}
				w.tells("call-"+key, message.Call{}, m)
				whose[m.Key] = 1
			},
			"note": func(rt *rapid.T) {
				n++
				for _, r := range w.conversationsOf(handles[who.Draw(rt, "whose")]) {
					_, err := w.AddNote(rt.Context(), 1, r, fmt.Sprintf("note %d", n))
					must(err)
					return
				}
			},
			"task": func(rt *rapid.T) {
				n++
				_, err := w.AddTask(rt.Context(), 1, Task{Text: fmt.Sprintf("task %d", n), Customer: records[who.Draw(rt, "at")]})
				must(err)
			},
			"card": func(rt *rapid.T) {
				n++
				field := rapid.SampledFrom([]string{identity.FieldName, identity.FieldCompany, identity.FieldGoals, identity.FieldNextStep}).Draw(rt, "field")
				at, value := root(who.Draw(rt, "at")), fmt.Sprintf("value %d", n)
				must(w.EditCard(rt.Context(), 1, at, []identity.Edit{{Field: field, Value: value}}))
				if slices.Contains(taken, field) {
					own[at][field] = value
				}
			},
			"preference": func(rt *rapid.T) {
				_, err := w.Preference.State(rt.Context(), preference.Statement{Customer: records[who.Draw(rt, "of")], Purpose: rapid.SampledFrom([]string{"", "invoice"}).Draw(rt, "purpose"),
					Channel: rapid.SampledFrom(channels).Draw(rt, "channel"), Wish: rapid.SampledFrom([]string{preference.Prefer, preference.Never}).Draw(rt, "wish"),
					Source: preference.Set, By: "agent:1"})
				must(err)
			},
			"consent": func(rt *rapid.T) {
				must(w.SetConsent(rt.Context(), 1, handles[1], "text", "", rapid.SampledFrom([]message.Consent{message.OptIn, message.OptOut}).Draw(rt, "state"), "told us"))
			},
			"merge": func(rt *rapid.T) {
				a, b := root(who.Draw(rt, "into")), root(who.Draw(rt, "other"))
				if a != b {
					must(w.Merge(rt.Context(), 1, a, b, taken[:rapid.IntRange(0, len(taken)).Draw(rt, "taken")], true, ""))
				}
			},
			"choose": func(rt *rapid.T) {
				c := record(rapid.SampledFrom(slices.Sorted(maps.Keys(own))).Draw(rt, "whose"))
				if c.MergedInto == 0 {
					return
				}
				must(w.Choose(rt.Context(), 1, c.ID, taken))
				w.view(func(tx *store.Tx) error {
					top, err := w.Identity.Root(tx, c.ID)
					if err != nil {
						return err
					}
					for _, f := range taken {
						if top.Field(f) != c.Field(f) {
							rt.Fatalf("%s of %d stands for all, and %d shows %q", f, c.ID, top.ID, top.Field(f))
						}
					}
					return nil
				})
			},
			"unlink under rules": func(rt *rapid.T) {
				i := who.Draw(rt, "unlinked")
				old := root(i)
				rules := identity.DefaultRules()
				rules.Directory, rules.Link = identity.RuleLink, identity.LeastLink
				must(w.SetRules(rt.Context(), 1, rules))
				split, err := w.Unlink(rt.Context(), 1, old, handles[i], "")
				if must(err); err == nil {
					records[i] = newRecord(split)
					var others []message.Handle
					for j := range handles {
						if j != i && w.ownerOf(handles[j]) == old {
							others = append(others, handles[j])
						}
					}
					come(i, others...)
					w.caught()
					for _, o := range others {
						if w.ownerOf(o) == w.ownerOf(handles[i]) {
							rt.Fatalf("a rule has put %s and %s together, which were unlinked", handles[i], o)
						}
					}
				}
				must(w.SetRules(rt.Context(), 1, identity.DefaultRules()))
			},
			"erase": func(rt *rapid.T) {
				id := root(who.Draw(rt, "erased"))
				var his []int
				for i := range records {
					if root(i) == id {
						his = append(his, i)
					}
				}
				if _, err := w.Erase(rt.Context(), 1, id, func(*store.Tx, uint64) bool { return false }); err != nil {
					rt.Fatal(err)
				}
				maps.DeleteFunc(own, func(id uint64, _ map[string]string) bool { return !record(id).Erased.IsZero() })
				// They write again, as people nobody has heard of.
				for _, i := range his {
					for key, of := range whose {
						if of == i {
							gone[key] = true
						}
					}
					maps.DeleteFunc(whose, func(_ string, of int) bool { return of == i })
					come(i)
					old := records[i]
					if records[i] = newRecord(w.ownerOf(handles[i])); records[i] == old {
						rt.Fatalf("handle %d is of the erased customer %d", i, old)
					}
				}
			},
			"unmerge": func(rt *rapid.T) { _, _ = w.Unmerge(rt.Context(), 1, records[who.Draw(rt, "member")], "") },
			"merge and part": func(rt *rapid.T) {
				a, b := root(who.Draw(rt, "into")), root(who.Draw(rt, "other"))
				if a == b {
					return
				}
				was := [2]string{has(a), has(b)}
				must(w.Merge(rt.Context(), 1, a, b, nil, true, ""))
				if _, err := w.Unmerge(rt.Context(), 1, b, ""); err != nil {
					rt.Fatal(err)
				}
				if is := [2]string{has(a), has(b)}; is != was {
					rt.Fatalf("they had\n%s\n%s\nand have\n%s\n%s", was[0], was[1], is[0], is[1])
				}
			},
			"": func(*rapid.T) {
				// Each message is on one timeline, that of whose handle it came from.
				seen := map[string][]uint64{}
				roots := map[uint64]bool{}
				for i := range records {
					roots[root(i)] = true
				}
				w.view(func(tx *store.Tx) error {
					for id := range maps.Keys(roots) {
						ids, err := w.Identity.Subjects(tx, id)
						if err != nil {
							return err
						}
						page, err := w.Timeline.Subjects(tx, ids, timeline.Span{Limit: 1000})
						if err != nil {
							return err
						}
						for _, e := range page.Events {
							if e.Kind != timeline.MessageReceived {
								continue
							}
							r, err := w.Message(tx, e.Message)
							if err != nil {
								return err
							}
							seen[r.Key] = append(seen[r.Key], id)
						}
					}
					return nil
				})
				for key := range gone {
					if len(seen[key]) > 0 {
						rt.Fatalf("the erased %s stands with %v", key, seen[key])
					}
				}
				for key, i := range whose {
					if want := w.ownerOf(handles[i]); !slices.Equal(seen[key], []uint64{want}) {
						rt.Fatalf("%s of handle %d stands with %v, its customer is %d", key, i, seen[key], want)
					}
				}
			},
		})
		// Parted at last, everybody has his own handle and no other's, and says what he
		// said himself.
		all := slices.Sorted(maps.Keys(own))
		for _, id := range all {
			_, _ = w.Unmerge(t.Context(), 1, id, "")
		}
		for _, id := range all {
			for _, f := range taken {
				if is := record(id).Field(f); is != own[id][f] {
					rt.Fatalf("%s of %d is %q, of itself it said %q", f, id, is, own[id][f])
				}
			}
		}
		for i, r := range records {
			if w.ownerOf(handles[i]) != r || root(i) != r {
				rt.Fatalf("handle %d is of %d, at first it was of %d", i, w.ownerOf(handles[i]), r)
			}
		}
	})
}

// conversationsOf lists those in which a handle speaks, newest first.
func (w *world) conversationsOf(h message.Handle) (ids []uint64) {
	w.t.Helper()
	w.view(func(tx *store.Tx) error {
		hd, ok := w.Identity.Find(tx, h)
		if !ok {
			return ErrNotFound
		}
		list, _, err := w.List(tx, ListQuery{View: ViewAll, Subjects: []uint64{hd.ID}, Limit: 10})
		for _, c := range list {
			ids = append(ids, c.ID)
		}
		return err
	})
	return ids
}
