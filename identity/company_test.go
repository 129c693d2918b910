package identity

import (
	"errors"
	"slices"
	"testing"

	"throughline/store"
)

// firmsOf are the names of the companies somebody belongs to.
func (d *desk) firmsOf(id uint64) (names []string) {
	d.t.Helper()
	d.do(func(tx *store.Tx) error {
		names = nil
		root, err := d.Root(tx, id)
		if err != nil {
			return err
		}
		members, err := d.Members(tx, root.ID)
		if err != nil {
			return err
		}
		list, err := d.MembershipsOf(tx, members)
		for _, m := range list {
			c, err := d.Company(tx, m.Company)
			if err != nil {
				return err
			}
			names = append(names, c.Name)
		}
		return err
	})
	return names
}

func (d *desk) firm(c Company) (id uint64) {
	d.t.Helper()
	d.do(func(tx *store.Tx) error {
		p, err := d.PutCompany(tx, "agent:1", c, 0)
		if err == nil {
			id = p.ID
		}
		return err
	})
	return id
}

// TestCompanyIsOneThing: the field of the card and the companies somebody belongs to
// always say the same.
func TestCompanyIsOneThing(t *testing.T) {
	d := newDesk(t)
	ann, bob := d.create("Ann"), d.create("Bob")
	is := func(id uint64, field string, firms ...string) {
		t.Helper()
		if got := d.shows(id, FieldCompany).Value; got != field {
			t.Errorf("the field says %q, not %q", got, field)
		}
		if got := d.firmsOf(id); !slices.Equal(got, firms) {
			t.Errorf("belongs to %q, not %q", got, firms)
		}
	}
	d.set(ann, FieldCompany, "Whitby  Books")
	is(ann, "Whitby Books", "Whitby Books")
	d.set(bob, FieldCompany, "whitby books") // one that exists, in its own spelling
	is(bob, "Whitby Books", "Whitby Books")
	d.set(bob, FieldCompany, "Dune Press")
	is(bob, "Dune Press", "Dune Press")

	other := d.firm(Company{Name: "Larch Ltd"})
	d.do(func(tx *store.Tx) error { return d.Join(tx, "agent:1", ann, other, "Adviser") })
	is(ann, "Whitby Books", "Whitby Books", "Larch Ltd")
	var whitby uint64
	d.do(func(tx *store.Tx) error {
		c, ok := d.CompanyNamed(tx, "WHITBY BOOKS")
		if !ok {
			t.Fatal("there is no such company")
		}
		whitby = c.ID
		return nil
	})
	d.do(func(tx *store.Tx) error { return d.Leave(tx, "agent:1", ann, whitby) })
	is(ann, "Larch Ltd", "Larch Ltd")

	d.firm(Company{ID: other, Name: "Larch & Sons"})
	is(ann, "Larch & Sons", "Larch & Sons")
	d.do(func(tx *store.Tx) error { return d.RemoveCompany(tx, "agent:1", other) })
	is(ann, "")
	d.do(func(tx *store.Tx) error { return d.Join(tx, "agent:1", ann, whitby, "") })
	is(ann, "Whitby Books", "Whitby Books")
	d.set(ann, FieldCompany, "")
	is(ann, "")
	d.set(ann, FieldCompany, "—") // no name of a company: it only stands there
	is(ann, "—")

	if err := d.s.Update(t.Context(), func(tx *store.Tx) error {
		_, err := d.PutCompany(tx, "agent:1", Company{Name: "dune press"}, 0)
		return err
	}); err == nil {
		t.Error("two companies of one name")
	}

	// Merged, both belong; parted again each has its own.
	d.set(ann, FieldCompany, "Whitby Books")
	d.do(func(tx *store.Tx) error { _, _, err := d.Merge(tx, ann, bob, nil, Decision{By: "agent:1"}); return err })
	is(ann, "Whitby Books", "Whitby Books", "Dune Press")
	d.do(func(tx *store.Tx) error { _, _, err := d.Unmerge(tx, bob); return err })
	is(ann, "Whitby Books", "Whitby Books")
	is(bob, "Dune Press", "Dune Press")
}

// TestCompanyOfMerged: of two records of one company that were merged, both leave, and a
// company that is renamed is renamed on the card of the joint one, that took it over, and
// on each after they are parted.
func TestCompanyOfMerged(t *testing.T) {
	d := newDesk(t)
	ann, bob := d.create("Ann"), d.create("Bob")
	larch := d.firm(Company{Name: "Larch"})
	merge := func(take ...string) {
		d.do(func(tx *store.Tx) error {
			_, _, err := d.Merge(tx, ann, bob, take, Decision{By: "agent:1"})
			return err
		})
	}
	part := func() { d.do(func(tx *store.Tx) error { _, _, err := d.Unmerge(tx, bob); return err }) }
	for _, id := range []uint64{ann, bob} {
		d.do(func(tx *store.Tx) error { return d.Join(tx, "agent:1", id, larch, "Head") })
	}
	merge()
	d.do(func(tx *store.Tx) error { return d.Leave(tx, "agent:1", bob, larch) })
	if got := d.firmsOf(ann); len(got) > 0 || d.shows(ann, FieldCompany).Value != "" {
		t.Errorf("left, and belongs to %q, %q on the card", got, d.shows(ann, FieldCompany).Value)
	}
	if err := d.s.Update(t.Context(), func(tx *store.Tx) error { return d.Leave(tx, "agent:1", bob, larch) }); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("left twice: %v", err)
	}
	part()
	for _, id := range []uint64{ann, bob} {
		if got := d.firmsOf(id); len(got) > 0 || d.shows(id, FieldCompany).Value != "" {
			t.Errorf("parted: belongs to %q, %q on the card", got, d.shows(id, FieldCompany).Value)
		}
	}

	// Taken over from Bob, above a company of Ann's own that is renamed too.
	d.set(ann, FieldCompany, "Dune Press")
	d.set(bob, FieldCompany, "Larch")
	merge(FieldCompany)
	var dune uint64
	d.do(func(tx *store.Tx) error {
		c, _ := d.CompanyNamed(tx, "Dune Press")
		dune = c.ID
		return nil
	})
	d.firm(Company{ID: larch, Name: "Oak and Sons"})
	d.firm(Company{ID: dune, Name: "Dune House"})
	if got := d.shows(ann, FieldCompany).Value; got != "Oak and Sons" {
		t.Errorf("the joint card says %q", got)
	}
	part()
	for id, want := range map[uint64]string{ann: "Dune House", bob: "Oak and Sons"} {
		if got := d.shows(id, FieldCompany).Value; got != want || !slices.Contains(d.firmsOf(id), want) {
			t.Errorf("parted: %q and belongs to %q, not %q", got, d.firmsOf(id), want)
		}
	}
}

// TestRelationOfMerged: what is said again of two replaces what any of their records said.
func TestRelationOfMerged(t *testing.T) {
	d := newDesk(t)
	ann, bob, twin := d.create("Ann"), d.create("Bob"), d.create("Bobby")
	relate := func(from, to uint64, kind string) {
		d.do(func(tx *store.Tx) error { _, err := d.Relate(tx, "agent:1", from, to, kind); return err })
	}
	said := func(of uint64) (list []string) {
		d.do(func(tx *store.Tx) error {
			list = nil
			root, err := d.Root(tx, of)
			if err != nil {
				return err
			}
			members, err := d.Members(tx, root.ID)
			if err != nil {
				return err
			}
			all, err := d.RelationsOf(tx, members)
			for _, r := range all {
				from, err := d.Root(tx, r.From)
				if err != nil {
					return err
				}
				kind := r.Kind
				if from.ID != root.ID {
					kind = Inverse(kind)
				}
				list = append(list, kind)
			}
			return err
		})
		return list
	}
	relate(bob, ann, "friend")
	relate(ann, twin, "parent")
	d.do(func(tx *store.Tx) error {
		_, _, err := d.Merge(tx, bob, twin, nil, Decision{By: "agent:1"})
		return err
	})
	if got := said(ann); len(got) != 2 {
		t.Fatalf("merged: %q", got)
	}
	for _, again := range []struct {
		from, to uint64
		kind     string
	}{{ann, bob, "manager"}, {twin, ann, "report"}, {ann, twin, "manager"}} {
		relate(again.from, again.to, again.kind)
		if got := said(ann); !slices.Equal(got, []string{"manager"}) {
			t.Errorf("Ann is %q", got)
		}
		if got := said(bob); !slices.Equal(got, []string{"report"}) {
			t.Errorf("Bob is %q", got)
		}
	}
}

// TestEraseOfMerged: nothing keeps the company that was only on the cards of one who is
// erased, twice of two records.
func TestEraseOfMerged(t *testing.T) {
	d := newDesk(t)
	ann, twin := d.create("Ann"), d.create("Anna")
	d.set(ann, FieldCompany, "Quartz and Daughters")
	d.set(twin, FieldCompany, "Quartz and Daughters")
	d.do(func(tx *store.Tx) error {
		_, _, err := d.Merge(tx, ann, twin, nil, Decision{By: "agent:1"})
		return err
	})
	d.do(func(tx *store.Tx) error {
		_, err := d.Erase(tx, []uint64{ann, twin}, nil, func(*store.Tx, uint64) bool { return false })
		return err
	})
	d.do(func(tx *store.Tx) error {
		if c, ok := d.CompanyNamed(tx, "Quartz and Daughters"); ok {
			people, err := d.PeopleOf(tx, c.ID)
			t.Errorf("the company stays, with %d people", len(people))
			return err
		}
		return nil
	})
}

func TestCompanyHistory(t *testing.T) {
	d := newDesk(t)
	id := d.firm(Company{Name: "Larch"})
	var field string
	d.do(func(tx *store.Tx) error {
		f, err := d.PutFieldDef(tx, FieldDef{Name: "VAT number", Kind: KindText, Of: OfCompany})
		if err == nil {
			field = CustomFieldName(f.ID)
		}
		return err
	})
	change := func(by string, fn func(*Company)) {
		d.do(func(tx *store.Tx) error {
			c, err := d.Company(tx, id)
			if err != nil {
				return err
			}
			fn(c)
			_, err = d.PutCompany(tx, by, *c, 0)
			return err
		})
	}
	change("agent:2", func(c *Company) { c.Note = "pays late" })
	change("agent:3", func(c *Company) { c.Note = "pays early"; c.Domains = []string{"larch.example"} })
	change("agent:4", func(c *Company) { c.Fields = map[string]string{field[len(customField):]: "GB 1"} })
	change("agent:5", func(c *Company) { c.Fields = map[string]string{field[len(customField):]: "GB 2"} })
	for _, c := range []struct {
		field string
		want  [][3]string // value, who had written it, who replaced it
	}{
		{FieldNote, [][3]string{{"pays late", "agent:2", "agent:3"}}},
		{field, [][3]string{{"GB 1", "agent:4", "agent:5"}}},
		{FieldName, nil}, {FieldDomains, nil},
	} {
		var got [][3]string
		d.do(func(tx *store.Tx) error {
			got = nil
			list, err := d.CompanyHistory(tx, id, c.field, 10)
			for _, v := range list {
				got = append(got, [3]string{v.Value, v.Set.By, v.By})
			}
			return err
		})
		if !slices.Equal(got, c.want) {
			t.Errorf("%s was %q", c.field, got)
		}
	}
}
