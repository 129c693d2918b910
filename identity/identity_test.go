package identity

import (
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"throughline/message"
	"throughline/store"
	"throughline/store/storetest"
)

func TestCanonical(t *testing.T) {
	for in, want := range map[message.Handle]message.Handle{
		"mailto:Ann@Example.ORG":       "mailto:ann@example.org",
		"MAILTO: <ann@example.org> ":   "mailto:ann@example.org",
		"mailto:ann@example.org.":      "mailto:ann@example.org",
		"mailto:ann@bücher.example":    "mailto:ann@xn--bcher-kva.example",
		"mailto:\"a b\"@example.org":   "mailto:\"a b\"@example.org",
		"tel:+44 7700 900123":          "tel:+447700900123",
		"tel:+۴۴ ۷۷۰۰ ۹۰۰۱۲۳":          "tel:+447700900123",
		"tel:12345":                    "short:12345",
		"short:๑๒๓๔":                   "short:1234",
		"slack:t1/u2":                  "slack:T1/U2",
		"slack:T1":                     "",
		"slack:T1/U2/U3":               "",
		"slack:T1/ü":                   "",
		"alpha:MyBank 24":              "alpha:MyBank 24",
		"alpha:MyBank24Long":           "",
		"alpha:12345":                  "",
		"mailto:":                      "",
		"mailto:nobody":                "",
		"mailto:@example.org":          "",
		"mailto:a@b c":                 "",
		"mailto:a\x00b@example.org":    "",
		"tel:call me":                  "",
		"tel:07700900123":              "", // no country: cannot be told apart
		"no scheme":                    "",
		"mailto:a@example.org\r\nBcc:": "",
	} {
		got, err := Canonical(in)
		if got != want || (err == nil) != (want != "") {
			t.Errorf("Canonical(%q) = %q, %v, want %q", in, got, err, want)
		}
		if err == nil {
			if again, err := Canonical(got); again != got {
				t.Errorf("Canonical(%q) = %q, %v: not stable", got, again, err)
			}
		}
	}
}

func TestParse(t *testing.T) {
	for in, want := range map[string]message.Handle{
		" Ann@example.org ": "mailto:ann@example.org",
		"+1 555 0100":       "tel:+15550100",
		"+44 7700 900123":   "tel:+447700900123",
		"tel:+447700900123": "tel:+447700900123",
		"ann":               "",
	} {
		if got, err := Parse(in); got != want || (err == nil) != (want != "") {
			t.Errorf("Parse(%q) = %q, %v, want %q", in, got, err, want)
		}
	}
}

func FuzzCanonical(f *testing.F) {
	f.Add("mailto:ann@example.org")
	f.Add("tel:+447700900123")
	f.Add("mailto:a@ÜÜ..ü")
	f.Fuzz(func(t *testing.T, s string) {
		got, err := Canonical(message.Handle(s))
		if err != nil {
			return
		}
		again, err := Canonical(got)
		if err != nil || again != got {
			t.Errorf("Canonical(%q) = %q, and of that %q, %v", s, got, again, err)
		}
	})
}

func TestSearch(t *testing.T) {
	s := storetest.Open(t)
	i := New(s)
	update(t, s, func(tx *store.Tx) error {
		for _, p := range []message.Person{
			{Name: "Ann O'Hara", Handle: "mailto:ann.ohara@example.org"},
			{Name: "آنا کریمی", Handle: "mailto:karimi@example.net"},
			{Name: "สมชาย ใจดี", Handle: "mailto:somchai@example.com"},
			{Name: "Élodie Annan", Handle: "tel:+447700900123"},
		} {
			if _, _, err := i.Resolve(tx, p, false); err != nil {
				return err
			}
		}
		return nil
	})
	for q, want := range map[string]int{
		"ann": 2, "ann o": 1, "elodie": 1, "ELODIE ann": 1, "كريمى": 1, "สมชาย": 1, "ใจ": 1, "ohara": 1,
		"ann.ohara@exam": 1, "example.net": 1, "900123": 1, "5555": 0, "zzz": 0, "": 4,
	} {
		view(t, s, func(tx *store.Tx) error {
			found, _, err := i.Search(tx, q, nil, 10)
			if len(found) != want {
				t.Errorf("search %q found %d, want %d", q, len(found), want)
			}
			return err
		})
	}
	// Paging sees everybody once.
	for _, q := range []string{"", "example"} {
		var seen []uint64
		var after store.Key
		for range 10 {
			view(t, s, func(tx *store.Tx) error {
				found, next, err := i.Search(tx, q, after, 1)
				for _, c := range found {
					seen = append(seen, c.ID)
				}
				after = next
				return err
			})
			if after == nil {
				break
			}
		}
		slices.Sort(seen)
		if n := len(seen); n != len(slices.Compact(seen)) || q == "" && n != 4 {
			t.Errorf("paging %q saw %v", q, seen)
		}
	}
}

// Of two words one may be very common: the rare one finds its customers all the
// same, on whichever record and in whichever order the words are.
func TestSearchBesideACommonWord(t *testing.T) {
	s := storetest.Open(t)
	i := New(s)
	var merged uint64
	update(t, s, func(tx *store.Tx) error {
		for n := range searchScan + 50 {
			p := message.Person{Name: "Maria Muster", Handle: message.Handle(fmt.Sprintf("mailto:m%d@example.org", n))}
			if n > searchScan {
				p.Name = "Maria Zett"
			}
			h, _, err := i.Resolve(tx, p, true)
			if err != nil {
				return err
			}
			merged = h.Customer
		}
		c, err := i.Create(tx, "Quentin Zett")
		if err != nil {
			return err
		}
		_, _, err = i.Merge(tx, c.ID, merged, nil, Decision{By: "agent:1"})
		return err
	})
	for q, want := range map[string]int{"maria zett": 49, "zett maria": 49, "maria quentin": 1, "example.org quentin maria": 1, "quentin muster": 0, "maria nobody": 0} {
		view(t, s, func(tx *store.Tx) error {
			found, _, err := i.Search(tx, q, nil, 100)
			if len(found) != want {
				t.Errorf("search %q found %d, want %d", q, len(found), want)
			}
			return err
		})
	}
}

// TestPointers does any sequence of links, unlinks, merges and unmerges. Every
// handle always belongs to exactly one standing customer, and an unmerge right
// after its merge restores everything.
func TestPointers(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		s := storetest.Open(t)
		i := New(s)
		var customers []uint64
		handle := func(n int) message.Handle { return message.Handle(fmt.Sprintf("mailto:h%d@example.org", n)) }
		const handles = 6
		update(t, s, func(tx *store.Tx) error {
			for n := range handles {
				h, _, err := i.Resolve(tx, message.Person{Handle: handle(n)}, false)
				if err != nil {
					return err
				}
				customers = append(customers, h.Customer)
			}
			return nil
		})
		roots := func(tx *store.Tx) (out []uint64) {
			for n := range handles {
				h, ok := i.Find(tx, handle(n))
				if !ok {
					rt.Fatalf("handle %d is lost", n)
				}
				root, err := i.Root(tx, h.Customer)
				if err != nil {
					rt.Fatal(err)
				}
				out = append(out, root.ID)
				all, err := i.Handles(tx, root.ID)
				if err != nil {
					rt.Fatal(err)
				}
				if !slices.ContainsFunc(all, func(o *Handle) bool { return o.ID == h.ID }) {
					rt.Fatalf("handle %d is not among its customer's", n)
				}
				subjects, err := i.Subjects(tx, root.ID)
				if err != nil || !slices.Contains(subjects, h.ID) {
					rt.Fatalf("handle %d is on nobody's timeline: %v", n, err)
				}
			}
			return out
		}
		anyone := rapid.SampledFrom(customers)
		rt.Repeat(map[string]func(*rapid.T){
			"merge and unmerge": func(rt *rapid.T) {
				into, other := anyone.Draw(rt, "into"), anyone.Draw(rt, "other")
				update(t, s, func(tx *store.Tx) error {
					before := roots(tx)
					_, merged, err := i.Merge(tx, into, other, nil, Decision{By: "agent:1"})
					if err != nil {
						return nil // the same already
					}
					if _, _, err := i.Unmerge(tx, merged.ID); err != nil {
						return err
					}
					if after := roots(tx); !slices.Equal(before, after) {
						rt.Fatalf("unmerge did not undo the merge: %v, then %v", before, after)
					}
					return nil
				})
			},
			"merge": func(rt *rapid.T) {
				into, other := anyone.Draw(rt, "into"), anyone.Draw(rt, "other")
				update(t, s, func(tx *store.Tx) error { _, _, _ = i.Merge(tx, into, other, nil, Decision{By: "agent:1"}); return nil })
			},
			"unmerge": func(rt *rapid.T) {
				c := anyone.Draw(rt, "customer")
				update(t, s, func(tx *store.Tx) error { _, _, _ = i.Unmerge(tx, c); return nil })
			},
			"link": func(rt *rapid.T) {
				c, n := anyone.Draw(rt, "customer"), rapid.IntRange(0, handles-1).Draw(rt, "handle")
				update(t, s, func(tx *store.Tx) error { _, _, _ = i.Link(tx, c, handle(n), Decision{By: "agent:1"}); return nil })
			},
			"unlink": func(rt *rapid.T) {
				n := rapid.IntRange(0, handles-1).Draw(rt, "handle")
				update(t, s, func(tx *store.Tx) error {
					h, _ := i.Find(tx, handle(n))
					_, _, _ = i.Unlink(tx, h.ID, Decision{By: "agent:1"})
					return nil
				})
			},
			"": func(rt *rapid.T) {
				view(t, s, func(tx *store.Tx) error {
					roots(tx)
					return i.Check(tx, func(format string, args ...any) { rt.Fatalf(format, args...) })
				})
			},
		})
	})
}

func update(t testing.TB, s *store.Store, fn func(tx *store.Tx) error) {
	t.Helper()
	if err := s.Update(t.Context(), fn); err != nil {
		t.Fatal(err)
	}
}

func view(t testing.TB, s *store.Store, fn func(tx *store.Tx) error) {
	t.Helper()
	if err := s.View(fn); err != nil {
		t.Fatal(err)
	}
}
