package preference

import (
	"slices"
	"testing"

	"throughline/identity"
	"throughline/store"
)

// TestStatementsOfMergedRecords: of two records that were merged the later word holds,
// whoever's it is, and parted each has its own again.
func TestStatementsOfMergedRecords(t *testing.T) {
	o := newOffice(t)
	_, ann := o.person(t, "mailto:ann@example.org")
	_, ben := o.person(t, "tel:+12025550143")
	says := func(customer uint64, wish, channel string) uint64 {
		t.Helper()
		id, err := o.p.State(t.Context(), Statement{Customer: customer, Purpose: "support", Wish: wish, Channel: channel, Source: Stated, By: "customer:1", Proof: Proof{Form: "page"}})
		if err != nil {
			t.Fatal(err)
		}
		return id
	}
	said := func(root uint64, list func(*store.Tx, uint64) ([]*Statement, error)) (words []string) {
		o.view(t, func(tx *store.Tx) error {
			all, err := list(tx, root)
			for _, s := range all {
				words = append(words, s.Wish+" "+s.Channel)
			}
			return err
		})
		return words
	}
	holds := func(when string, root uint64, want ...string) {
		t.Helper()
		if got := said(root, o.p.Statements); !slices.Equal(got, want) {
			t.Errorf("%s: %q, want %q", when, got, want)
		}
	}
	best := func(when string, root uint64, want string) {
		t.Helper()
		o.view(t, func(tx *store.Tx) error {
			a, err := o.p.Advise(tx, root, "support", []Reach{{Channel: "email"}, {Channel: "sms"}})
			if err == nil && (a.Best == nil || a.Best.Channel != want) {
				t.Errorf("%s: %+v, want %s", when, a.Best, want)
			}
			return err
		})
	}
	merge := func() {
		t.Helper()
		o.update(t, func(tx *store.Tx) error {
			_, _, err := o.id.Merge(tx, ann, ben, nil, identity.Decision{By: "agent:7", Time: o.now})
			return err
		})
	}
	part := func() {
		t.Helper()
		o.update(t, func(tx *store.Tx) error {
			_, _, err := o.id.Unmerge(tx, ben)
			return err
		})
	}

	says(ann, Prefer, "sms")
	says(ben, Prefer, "email")
	merge()
	holds("the later word was before the merge", ann, "prefer email")
	best("the later word was before the merge", ann, "email")
	if former := said(ann, o.p.Former); !slices.Equal(former, []string{"prefer sms"}) {
		t.Errorf("former: %q", former)
	}
	says(ann, Prefer, "sms") // once more
	holds("said again", ann, "prefer sms")
	best("said again", ann, "sms")
	says(ben, Prefer, "sms") // what the other says already
	holds("both say so", ann, "prefer sms")
	part()
	holds("parted", ann, "prefer sms")
	holds("parted", ben, "prefer sms")

	merge()
	id := says(ben, Never, "sms")
	holds("the opposite", ann, "never sms")
	part()
	holds("parted after the opposite", ann, "prefer sms")
	holds("parted after the opposite", ben, "never sms")

	merge()
	if err := o.p.TakeBack(t.Context(), "agent:7", ann, id); err != nil {
		t.Fatal(err)
	}
	holds("taken back, the earlier word stands again", ann, "prefer sms")
	if err := o.s.Update(t.Context(), func(tx *store.Tx) error {
		return o.p.EndTx(tx, "customer:1", ben, func(*Statement) bool { return true })
	}); err != nil {
		t.Fatal(err)
	}
	holds("all ended", ann)
}
