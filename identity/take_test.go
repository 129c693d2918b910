package identity

import (
	"testing"

	"throughline/store"
	"throughline/store/storetest"
)

// TestTakeOnTwoLevels: values of records merged into merged ones can stand for all, and
// go back with whoever parts, in whatever order: what nobody gave stays.
func TestTakeOnTwoLevels(t *testing.T) {
	type step struct {
		do        string // merge, take (and merge), choose, edit or unmerge
		who, into string
		want      string // "record=name …" of all that stand for themselves
	}
	for name, steps := range map[string][]step{
		"a value of the lowest for all": {
			{do: "merge", who: "C", into: "B", want: "A=A B=B"},
			{do: "merge", who: "B", into: "A", want: "A=A"},
			{do: "choose", who: "C", want: "A=C"},
			{do: "unmerge", who: "B", want: "A=A B=B"},
			{do: "unmerge", who: "C", want: "A=A B=B C=C"},
		},
		"it parts from the middle": {
			{do: "merge", who: "C", into: "B", want: "A=A B=B"},
			{do: "merge", who: "B", into: "A", want: "A=A"},
			{do: "choose", who: "C", want: "A=C"},
			{do: "unmerge", who: "C", want: "A=A C=C"},
			{do: "unmerge", who: "B", want: "A=A B=B C=C"},
		},
		"taken twice, the lowest parts": {
			{do: "take", who: "C", into: "B", want: "A=A B=C"},
			{do: "take", who: "B", into: "A", want: "A=C"},
			{do: "unmerge", who: "C", want: "A=A C=C"},
			{do: "unmerge", who: "B", want: "A=A B=B C=C"},
		},
		"taken twice, the middle parts": {
			{do: "take", who: "C", into: "B", want: "A=A B=C"},
			{do: "take", who: "B", into: "A", want: "A=C"},
			{do: "unmerge", who: "B", want: "A=A B=C"},
			{do: "unmerge", who: "C", want: "A=A B=B C=C"},
		},
		"what was chosen before comes back": {
			{do: "merge", who: "C", into: "B", want: "A=A B=B"},
			{do: "take", who: "B", into: "A", want: "A=B"},
			{do: "choose", who: "C", want: "A=C"},
			{do: "unmerge", who: "C", want: "A=B C=C"},
			{do: "unmerge", who: "B", want: "A=A B=B C=C"},
		},
		"three that gave, the first parts": {
			{do: "take", who: "B", into: "A", want: "A=B C=C"},
			{do: "take", who: "C", into: "A", want: "A=C"},
			{do: "unmerge", who: "B", want: "A=C B=B"},
			{do: "unmerge", who: "C", want: "A=A B=B C=C"},
		},
		"given, replaced and given again": {
			{do: "take", who: "B", into: "A", want: "A=B C=C"},
			{do: "take", who: "C", into: "A", want: "A=C"},
			{do: "choose", who: "B", want: "A=B"},
			{do: "unmerge", who: "B", want: "A=C B=B"},
			{do: "unmerge", who: "C", want: "A=A B=B C=C"},
		},
		"written since": {
			{do: "merge", who: "C", into: "B", want: "A=A B=B"},
			{do: "take", who: "B", into: "A", want: "A=B"},
			{do: "choose", who: "C", want: "A=C"},
			{do: "edit", who: "A", want: "A=new"},
			{do: "unmerge", who: "B", want: "A=new B=B"},
			{do: "unmerge", who: "C", want: "A=new B=B C=C"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := storetest.Open(t)
			i := New(s)
			ids := map[string]uint64{}
			names := []string{"A", "B", "C"}
			update(t, s, func(tx *store.Tx) error {
				for _, n := range names {
					c, err := i.Create(tx, n)
					if err != nil {
						return err
					}
					ids[n] = c.ID
				}
				return nil
			})
			for at, st := range steps {
				update(t, s, func(tx *store.Tx) (err error) {
					d := Decision{By: "agent:1", Time: tx.Now()}
					switch st.do {
					case "merge":
						_, _, err = i.Merge(tx, ids[st.into], ids[st.who], nil, d)
					case "take":
						_, _, err = i.Merge(tx, ids[st.into], ids[st.who], []string{FieldName}, d)
					case "choose":
						_, err = i.Take(tx, ids[st.who], d.By, []string{FieldName})
					case "edit":
						_, err = i.EditCard(tx, ids[st.who], d.By, []Edit{{Field: FieldName, Value: "new"}})
					case "unmerge":
						_, _, err = i.Unmerge(tx, ids[st.who])
					}
					return err
				})
				got := ""
				view(t, s, func(tx *store.Tx) error {
					for _, n := range names {
						c, err := i.Customer(tx, ids[n])
						if err != nil {
							return err
						}
						if c.MergedInto == 0 {
							got += " " + n + "=" + c.Name
							if len(c.Gave) > 0 {
								t.Errorf("step %d: %s gave %v to nobody", at, c.Name, c.Gave)
							}
						}
					}
					return nil
				})
				if want := " " + st.want; got != want {
					t.Fatalf("step %d, %s %s: there are%s, want%s", at, st.do, st.who, got, want)
				}
			}
			view(t, s, func(tx *store.Tx) error {
				for n, id := range ids {
					c, err := i.Customer(tx, id)
					if err != nil {
						return err
					}
					if c.Name == n && c.Set != nil {
						t.Errorf("%s is as before, and says that somebody changed it: %v", n, c.Set)
					}
				}
				return nil
			})
		})
	}
}
