package inbox

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"throughline/identity"
	"throughline/message"
	"throughline/store"
	"throughline/timeline"
)

// TestWhoseTimeline: whatever is linked, unlinked, merged and parted, each message
// stands on the timeline of exactly the customers whose handle wrote it or whose
// conversation it is in, and on nobody else's; and what was done and undone leaves
// everything where it was.
func TestWhoseTimeline(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		w := newWorld(t)
		defer w.close()
		const people = 4
		address := func(n int) string { return fmt.Sprintf("p%d@example.org", n) }
		handle := func(n int) message.Handle { return message.NewHandle("mailto", address(n)) }
		about := map[uint64][2]int{}   // message → who wrote it, whose conversation
		theirs := map[uint64]uint64{}  // message → whose conversation, if a person said so
		refiled := map[uint64]uint64{} // message → the customer whose it is instead
		var mails []message.Message
		send := func(from, to int) {
			m := mail(address(from), fmt.Sprintf("t%d", len(mails)), "text")
			whose := from
			if to >= 0 && to < len(mails) {
				// A third party answers, whom the customer had addressed.
				m.Refs = []string{mails[to].Ref}
			}
			for n := range people {
				if n != from {
					m.Cc = append(m.Cc, message.Person{Handle: handle(n)})
				}
			}
			w.accept(m)
			mails = append(mails, m)
			w.view(func(tx *store.Tx) error {
				_, id, _ := w.outcome(tx, "support", m.Source)
				c, err := w.Conversation(tx, w.where(m))
				if err != nil {
					return err
				}
				hd, err := w.Identity.Handle(tx, c.Handle)
				if err != nil {
					return err
				}
				for n := range people {
					if hd.Handle == handle(n) {
						whose = n
					}
				}
				about[id], theirs[id] = [2]int{from, whose}, c.Whose
				r, err := w.Message(tx, id)
				if err == nil && r.Refiled != nil {
					refiled[id], theirs[id] = r.Refiled.Customer, 0
					about[id] = [2]int{from, from}
				}
				return err
			})
		}
		for n := range people {
			send(n, -1)
		}
		customers := func() (ids []uint64) {
			w.view(func(tx *store.Tx) error {
				found, _, err := w.Identity.Search(tx, "", nil, 1000)
				for _, c := range found {
					ids = append(ids, c.ID)
				}
				return err
			})
			return ids
		}
		owner := func(tx *store.Tx, n int) uint64 {
			hd, ok := w.Identity.Find(tx, handle(n))
			if !ok {
				rt.Fatalf("handle %d is lost", n)
			}
			root, err := w.Identity.Root(tx, hd.Customer)
			if err != nil {
				rt.Fatal(err)
			}
			return root.ID
		}
		timelines := func() map[uint64][]uint64 { // customer → messages
			out := map[uint64][]uint64{}
			for _, c := range customers() {
				w.view(func(tx *store.Tx) error {
					ids, err := w.Identity.Subjects(tx, c)
					if err != nil {
						return err
					}
					span := timeline.Span{Limit: 3}
					for {
						p, err := w.Timeline.Subjects(tx, ids, span)
						if err != nil {
							return err
						}
						var page []uint64
						for _, e := range p.Events {
							if e.Kind == timeline.MessageReceived {
								page = append(page, e.Message)
							}
						}
						out[c] = append(page, out[c]...)
						if span.Before = p.Before; p.Before == 0 {
							return nil
						}
					}
				})
			}
			return out
		}
		must := func(err error) {
			var conflict *ConflictError
			if err != nil && !errors.As(err, &conflict) && !errors.Is(err, ErrNotFound) {
				rt.Fatal(err)
			}
		}
		person := rapid.IntRange(0, people-1)
		anyone := func(name string) uint64 { return rapid.SampledFrom(customers()).Draw(rt, name) }
		rt.Repeat(map[string]func(*rapid.T){
			"mail":  func(rt *rapid.T) { send(person.Draw(rt, "from"), rapid.IntRange(-1, len(mails)-1).Draw(rt, "to")) },
			"merge": func(rt *rapid.T) { must(w.Merge(rt.Context(), 1, anyone("into"), anyone("other"), nil, true, "")) },
			"unmerge": func(rt *rapid.T) {
				_, err := w.Unmerge(rt.Context(), 1, uint64(rapid.IntRange(1, 60).Draw(rt, "member")), "")
				must(err)
			},
			"link": func(rt *rapid.T) {
				must(w.Link(rt.Context(), 1, anyone("customer"), handle(person.Draw(rt, "handle")), ""))
			},
			"unlink": func(rt *rapid.T) {
				_, err := w.Unlink(rt.Context(), 1, anyone("customer"), handle(person.Draw(rt, "handle")), "")
				must(err)
			},
			"from somebody else": func(rt *rapid.T) {
				id := rapid.SampledFrom(slices.Sorted(maps.Keys(about))).Draw(rt, "message")
				to := uint64(0)
				if rapid.Bool().Draw(rt, "elsewhere") {
					to = anyone("customer")
				}
				record := to
				w.view(func(tx *store.Tx) error {
					r, err := w.Message(tx, id)
					if err != nil {
						return err
					}
					c, err := w.Conversation(tx, r.Conversation)
					if err != nil || c.Whose == 0 {
						return err
					}
					if root, err := w.Identity.Root(tx, c.Whose); err == nil && root.ID == to {
						record = c.Whose // it stays with its conversation, also when the two are parted
					}
					return err
				})
				if err := w.Refile(rt.Context(), 1, id, to); err != nil {
					rt.Fatal(err)
				}
				w.view(func(tx *store.Tx) error {
					if owner(tx, about[id][0]) == to { // his own: it goes back
						record = 0
					}
					return nil
				})
				refiled[id] = record
			},
			"not the same": func(rt *rapid.T) {
				a, b := anyone("a"), anyone("b")
				if a == b {
					return
				}
				w.update(func(tx *store.Tx) error {
					_, err := w.Identity.Decide(tx, a, b, identity.SuggestionNotSame, 0, w.decision(tx, 1, ""))
					return err
				})
				var no *NotSameError
				if err := w.Merge(rt.Context(), 1, a, b, nil, false, ""); !errors.As(err, &no) {
					rt.Fatalf("%d and %d are merged although they are not the same: %v", a, b, err)
				}
			},
			"decide": func(rt *rapid.T) {
				var ids []uint64
				for _, state := range []string{identity.SuggestionOpen, identity.SuggestionLater, identity.SuggestionSame, identity.SuggestionNotSame} {
					for _, g := range w.suggestions(state) {
						ids = append(ids, g.ID)
					}
				}
				if len(ids) == 0 {
					return
				}
				to := rapid.SampledFrom([]string{identity.SuggestionOpen, identity.SuggestionLater, identity.SuggestionSame, identity.SuggestionNotSame}).Draw(rt, "verdict")
				must(w.Decide(rt.Context(), 1, rapid.SampledFrom(ids).Draw(rt, "suggestion"), Verdict{State: to}))
			},
			"merge and part": func(rt *rapid.T) {
				before := timelines()
				into, other := anyone("into"), anyone("other")
				if into == other {
					return
				}
				must(w.Merge(rt.Context(), 1, into, other, nil, true, ""))
				_, err := w.Unmerge(rt.Context(), 1, other, "")
				must(err)
				for c, after := range timelines() {
					if !slices.Equal(before[c], after) {
						rt.Fatalf("customer %d had %v and has %v", c, before[c], after)
					}
				}
			},
			"": func(rt *rapid.T) {
				got := timelines()
				w.view(func(tx *store.Tx) error {
					for id, who := range about {
						want := []uint64{owner(tx, who[0]), owner(tx, who[1])}
						if id := theirs[id]; id != 0 {
							root, err := w.Identity.Root(tx, id)
							if err != nil {
								return err
							}
							want[1] = root.ID
						}
						if to := refiled[id]; to != 0 {
							root, err := w.Identity.Root(tx, to)
							if err != nil {
								return err
							}
							want = []uint64{root.ID}
						}
						for c, ids := range got {
							n := 0
							for _, x := range ids {
								if x == id {
									n++
								}
							}
							if is := slices.Contains(want, c); is && n != 1 || !is && n != 0 {
								rt.Fatalf("message %d stands %d times on the timeline of customer %d; it is of %v", id, n, c, want)
							}
						}
					}
					return nil
				})
			},
		})
	})
}
