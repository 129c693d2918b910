package inbox

import (
	"encoding/json"
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"throughline/message"
	"throughline/store"
	"throughline/timeline"
)

// TestEverythingIsSomebodys: whatever is linked, unlinked, merged, parted and said to be
// somebody else's, every message, note and task of a conversation stands with exactly
// one customer, the one whose the conversation is, and a merge that is undone leaves
// everything as it was.
func TestEverythingIsSomebodys(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		w := newWorld(t)
		defer w.close()
		phone := w.texter("mobile", "+447700900001", nil)
		handles := []message.Handle{"mailto:family@example.org", annPhone, "slack:T1/U1"}
		var keys []string // of messages
		said := map[string]uint64{}
		names := map[int][]string{} // by which messages of a handle can be referred to
		n := 0
		come := func(i int, refs ...string) {
			n++
			name := fmt.Sprintf("m%d", n)
			if i == 1 {
				m := textFrom(handles[1], name)
				w.texted(phone, m)
				keys = append(keys, m.Key)
				return
			}
			m := mail("family@example.org", name, "words of "+name, refs...)
			if i == 2 {
				m.Channel, m.From = "slack", message.Person{Handle: handles[2]}
			}
			w.accept(m)
			keys, names[i] = append(keys, m.Key), append(names[i], name)
		}
		customers := []uint64{w.person("Mia Berg", nil)}
		for i := range handles {
			come(i)
			customers = append(customers, w.ownerOf(handles[i]))
		}
		record := func(tx *store.Tx, key string) (*Record, error) {
			for e := range w.messages.Scan(tx, store.Range{}) {
				if r, err := w.Message(tx, e.ID); err != nil || r.Key == key {
					return r, err
				}
			}
			return nil, ErrNotFound
		}
		of := func(key string) (r *Record) {
			w.view(func(tx *store.Tx) (err error) { r, err = record(tx, key); return err })
			return r
		}
		root := func(tx *store.Tx, id uint64) uint64 {
			c, err := w.Identity.Root(tx, id)
			if err != nil {
				rt.Fatal(err)
			}
			return c.ID
		}
		rooted := func(id uint64) (r uint64) {
			w.view(func(tx *store.Tx) error { r = root(tx, id); return nil })
			return r
		}
		must := func(err error) {
			if err != nil && !conflict(err) {
				rt.Fatal(err)
			}
		}
		handle := rapid.SampledFrom(handles)
		customer := rapid.Custom(func(rt *rapid.T) uint64 { return rapid.SampledFrom(customers).Draw(rt, "customer") })
		anyKey := rapid.Custom(func(rt *rapid.T) string { return rapid.SampledFrom(keys).Draw(rt, "message") })
		rt.Repeat(map[string]func(*rapid.T){
			"message": func(rt *rapid.T) { come(rapid.IntRange(0, 2).Draw(rt, "from")) },
			"answer": func(rt *rapid.T) {
				i := rapid.SampledFrom([]int{0, 2}).Draw(rt, "from")
				come(i, rapid.SampledFrom(names[i]).Draw(rt, "to"))
			},
			"somebody else": func(rt *rapid.T) {
				r, to := of(anyKey.Draw(rt, "what")), customer.Draw(rt, "to")
				var owner uint64
				w.view(func(tx *store.Tx) error {
					hd, err := w.Identity.Handle(tx, r.Sender)
					owner = root(tx, hd.Customer)
					return err
				})
				must(w.Refile(rt.Context(), 1, r.ID, to))
				if said[r.Key] = rooted(to); said[r.Key] == owner {
					said[r.Key] = 0 // of the owner of its address
				} else if is := of(r.Key).Refiled; is == nil || rooted(is.Customer) != said[r.Key] {
					rt.Fatalf("%s was said to be of %d, and is %+v", r.Key, said[r.Key], is)
				} else {
					said[r.Key] = is.Customer // one of his records
				}
			},
			"not somebody else": func(rt *rapid.T) {
				r := of(anyKey.Draw(rt, "what"))
				must(w.Refile(rt.Context(), 1, r.ID, 0))
				said[r.Key] = 0
			},
			"note": func(rt *rapid.T) {
				_, err := w.AddNote(rt.Context(), 1, of(anyKey.Draw(rt, "at")).Conversation, "a note")
				must(err)
			},
			"task": func(rt *rapid.T) {
				_, err := w.AddTask(rt.Context(), 1, Task{Text: "a task", Conversation: of(anyKey.Draw(rt, "at")).Conversation})
				must(err)
			},
			"move": func(rt *rapid.T) {
				// Only within what is one customer's.
				a, b := of(anyKey.Draw(rt, "what")), of(anyKey.Draw(rt, "to"))
				if a.Sender != b.Sender || a.Refiled != nil || b.Refiled != nil {
					return
				}
				_, err := w.Move(rt.Context(), 1, a.ID, b.Conversation)
				must(err)
			},
			"link": func(rt *rapid.T) {
				must(w.Link(rt.Context(), 1, rooted(customer.Draw(rt, "to")), handle.Draw(rt, "what"), ""))
			},
			"unlink": func(rt *rapid.T) {
				h := handle.Draw(rt, "what")
				if split, err := w.Unlink(rt.Context(), 1, rooted(w.ownerOf(h)), h, ""); err != nil {
					must(err)
				} else {
					customers = append(customers, split)
				}
			},
			"merge": func(rt *rapid.T) {
				if a, b := rooted(customer.Draw(rt, "into")), rooted(customer.Draw(rt, "other")); a != b {
					must(w.Merge(rt.Context(), 1, a, b, nil, true, ""))
				}
			},
			"unmerge": func(rt *rapid.T) { _, _ = w.Unmerge(rt.Context(), 1, customer.Draw(rt, "member"), "") },
			"merge and part": func(rt *rapid.T) {
				a, b := rooted(customer.Draw(rt, "into")), rooted(customer.Draw(rt, "other"))
				if a == b {
					return
				}
				was := [2]string{w.all(a), w.all(b)}
				must(w.Merge(rt.Context(), 1, a, b, nil, true, ""))
				if _, err := w.Unmerge(rt.Context(), 1, b, ""); err != nil {
					rt.Fatal(err)
				}
				if is := [2]string{w.all(a), w.all(b)}; is != was {
					rt.Fatalf("they had\n%s\n%s\nand have\n%s\n%s", was[0], was[1], is[0], is[1])
				}
			},
			"": func(*rapid.T) {
				w.view(func(tx *store.Tx) error {
					messages, notes, tasks := map[uint64][]uint64{}, map[uint64][]uint64{}, map[uint64][]uint64{}
					for _, id := range w.Identity.Records(tx, 0, 1000) {
						c, err := w.Identity.Customer(tx, id)
						if err != nil || c.MergedInto != 0 {
							continue
						}
						ids, err := w.Identity.Subjects(tx, id)
						if err != nil {
							return err
						}
						page, err := w.Timeline.Subjects(tx, ids, timeline.Span{Limit: 1000})
						if err != nil {
							return err
						}
						for _, e := range page.Events {
							switch e.Kind {
							case timeline.MessageReceived:
								messages[e.Message] = append(messages[e.Message], id)
							case timeline.NoteAdded:
								notes[e.Note] = append(notes[e.Note], id)
							}
						}
						list, _, err := w.Tasks(tx, TaskQuery{Customers: ids, Limit: 1000})
						if err != nil {
							return err
						}
						for _, t := range list {
							tasks[t.ID] = append(tasks[t.ID], id)
						}
					}
					whose := func(what string, conversation uint64, stands []uint64) {
						c, err := w.Conversation(tx, conversation)
						if err != nil {
							rt.Fatal(err)
						}
						owner, err := w.Owner(tx, c)
						if err != nil {
							rt.Fatal(err)
						}
						if c.ID != conversation {
							rt.Fatalf("%s is in conversation %d, which was merged into %d", what, conversation, c.ID)
						}
						if want := []uint64{root(tx, owner)}; !slices.Equal(stands, want) {
							rt.Fatalf("%s stands with %v, conversation %d is of %v", what, stands, c.ID, want)
						}
					}
					for _, key := range keys {
						r, err := record(tx, key)
						if err != nil {
							return err
						}
						hd, err := w.Identity.Handle(tx, r.Sender)
						if err != nil {
							return err
						}
						owner := hd.Customer
						if r.Refiled != nil {
							owner = r.Refiled.Customer
						}
						if to, ok := said[key]; ok && (to == 0) != (r.Refiled == nil) || to != 0 && root(tx, to) != root(tx, owner) {
							rt.Fatalf("%s was said to be of %d, and is %+v", key, to, r.Refiled)
						}
						if !slices.Equal(messages[r.ID], []uint64{root(tx, owner)}) {
							rt.Fatalf("%s stands with %v, it is of %d", key, messages[r.ID], root(tx, owner))
						}
						whose(key, r.Conversation, messages[r.ID])
					}
					for e := range w.notes.Scan(tx, store.Range{}) {
						x, err := w.Note(tx, e.ID)
						if err != nil {
							return err
						}
						whose(fmt.Sprint("note ", e.ID), x.Conversation, notes[e.ID])
					}
					for e := range w.tasks.Scan(tx, store.Range{}) {
						x, err := w.Task(tx, e.ID)
						if err != nil {
							return err
						}
						whose(fmt.Sprint("task ", e.ID), x.Conversation, tasks[e.ID])
					}
					return nil
				})
			},
		})
	})
}

// all is all that stands with a customer, by kind, as text.
func (w *world) all(id uint64) string {
	w.t.Helper()
	var all []string
	w.view(func(tx *store.Tx) error {
		c, err := w.Identity.Customer(tx, id)
		if err != nil {
			return err
		}
		put := func(kind string, v any) {
			b, err := json.Marshal(v)
			if err != nil {
				w.t.Error(err)
			}
			all = append(all, kind+" "+string(b))
		}
		put("card", c)
		hds, err := w.Identity.Handles(tx, id)
		if err != nil {
			return err
		}
		for _, hd := range hds {
			put("handle", hd)
			list, err := w.Consents(tx, hd.ID)
			if err != nil {
				return err
			}
			put("consents", list)
		}
		ids, err := w.Identity.Subjects(tx, id)
		if err != nil {
			return err
		}
		page, err := w.Timeline.Subjects(tx, ids, timeline.Span{Limit: 1000})
		if err != nil {
			return err
		}
		for _, e := range page.Events {
			switch e.Kind { // what tells of putting together and parting stays
			case timeline.CustomerMerged, timeline.CustomerUnmerged, timeline.SuggestionChanged:
			default:
				put("event", e)
			}
		}
		tasks, _, err := w.Tasks(tx, TaskQuery{View: TasksAll, Customers: []uint64{id}, Limit: 1000})
		if err != nil {
			return err
		}
		list, _, err := w.List(tx, ListQuery{Subjects: ids, Limit: 1000})
		if err != nil {
			return err
		}
		put("conversations", list)
		said, err := w.Preference.Statements(tx, id)
		put("tasks", tasks)
		put("said", said)
		return err
	})
	slices.Sort(all)
	return fmt.Sprint(all)
}
