package identity

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"throughline/store"
	"throughline/store/storetest"
)

// desk is an Identity with a way to run steps that must not fail.
type desk struct {
	*Identity
	t *testing.T
	s *store.Store
}

func newDesk(t *testing.T) *desk {
	s := storetest.Open(t)
	return &desk{New(s), t, s}
}

func (d *desk) do(fn func(tx *store.Tx) error) {
	d.t.Helper()
	if err := d.s.Update(d.t.Context(), fn); err != nil {
		d.t.Fatal(err)
	}
}

func (d *desk) create(name string) (id uint64) {
	d.t.Helper()
	d.do(func(tx *store.Tx) error {
		c, err := d.Create(tx, name)
		if err == nil {
			id = c.ID
		}
		return err
	})
	return id
}

func (d *desk) set(id uint64, field, value string) {
	d.t.Helper()
	d.do(func(tx *store.Tx) error {
		_, err := d.EditCard(tx, id, "agent:1", []Edit{{Field: field, Value: value}})
		return err
	})
}

func (d *desk) shows(id uint64, field string) (s Shown) {
	d.t.Helper()
	d.do(func(tx *store.Tx) error {
		members, err := d.Members(tx, id)
		if err == nil {
			s = Shows(members, field)
		}
		return err
	})
	return s
}

func TestTwoEditorsOfOneField(t *testing.T) {
	d := newDesk(t)
	ann := d.create("Ann")
	edit := func(by string, base uint64, value string) (err error) {
		return d.s.Update(t.Context(), func(tx *store.Tx) error {
			_, err := d.EditCard(tx, ann, by, []Edit{{Field: FieldGoals, Value: value, Base: &base}})
			return err
		})
	}
	if err := edit("agent:1", 0, "a bigger shop"); err != nil {
		t.Fatal(err)
	}
	first := d.shows(ann, FieldGoals).Set.Rev
	var clash *EditError
	if err := edit("agent:2", 0, "a smaller shop"); !errors.As(err, &clash) {
		t.Fatalf("the second editor had seen nothing and got %v", err)
	}
	if c := clash.Conflicts[0]; c.Field != FieldGoals || c.Value != "a bigger shop" || c.Set.By != "agent:1" || c.Set.Rev != first {
		t.Errorf("the conflict tells %+v", c)
	}
	if got := d.shows(ann, FieldGoals).Value; got != "a bigger shop" {
		t.Errorf("the goals are %q after a refused edit", got)
	}
	if err := edit("agent:2", 0, "a bigger shop"); err != nil {
		t.Errorf("the same text is no conflict, got %v", err)
	}
	if err := edit("agent:2", first, "a shop by the sea"); err != nil {
		t.Errorf("with the newest revision: %v", err)
	}
	d.do(func(tx *store.Tx) error {
		list, err := d.History(tx, ann, FieldGoals, 10)
		if err != nil {
			return err
		}
		if len(list) != 1 || list[0].Value != "a bigger shop" || list[0].Set.By != "agent:1" || list[0].By != "agent:2" {
			t.Errorf("history: %+v", list)
		}
		return nil
	})
	// One conflict among several fields writes none of them.
	err := d.s.Update(t.Context(), func(tx *store.Tx) error {
		_, err := d.EditCard(tx, ann, "agent:3", []Edit{{Field: FieldDos, Value: "call first"}, {Field: FieldGoals, Value: "x", Base: &first}})
		return err
	})
	if !errors.As(err, &clash) || d.shows(ann, FieldDos).Value != "" {
		t.Errorf("half of an edit was written: %v", err)
	}
}

func TestCardOfMergedRecords(t *testing.T) {
	d := newDesk(t)
	a, b := d.create("A"), d.create("B")
	d.set(a, FieldGoals, "goal of a")
	d.set(b, FieldGoals, "goal of b")
	d.set(b, FieldDos, "write in the morning")
	d.set(a, FieldTags, "vip")
	d.set(b, FieldTags, "wholesale\nvip")
	before := map[uint64]*Customer{}
	read := func(id uint64) (c *Customer) {
		d.do(func(tx *store.Tx) (err error) { c, err = d.Customer(tx, id); return err })
		return c
	}
	before[a], before[b] = read(a), read(b)

	d.do(func(tx *store.Tx) error {
		_, _, err := d.Merge(tx, a, b, nil, Decision{By: "agent:1", Time: tx.Now()})
		return err
	})
	if s := d.shows(a, FieldGoals); s.Value != "goal of a" || len(s.Other) != 1 || s.Other[0] != (Told{b, "goal of b"}) {
		t.Errorf("goals: %+v", s)
	}
	if s := d.shows(a, FieldDos); s.Value != "write in the morning" || s.From != b {
		t.Errorf("do's: %+v", s)
	}
	if s := d.shows(a, FieldTags); s.Value != "vip\nwholesale" {
		t.Errorf("tags: %q", s.Value)
	}
	d.do(func(tx *store.Tx) error { _, _, err := d.Unmerge(tx, b); return err })
	for id, want := range before {
		if got := read(id); got.Field(FieldGoals) != want.Field(FieldGoals) || got.Field(FieldDos) != want.Field(FieldDos) || !slices.Equal(got.Tags, want.Tags) {
			t.Errorf("customer %d is %+v after unmerging, was %+v", id, got, want)
		}
	}

	// What is emptied after the merge stays empty, and the other record keeps its own.
	d.do(func(tx *store.Tx) error {
		_, _, err := d.Merge(tx, a, b, nil, Decision{By: "agent:1", Time: tx.Now()})
		return err
	})
	d.set(a, FieldDos, "")
	if s := d.shows(a, FieldDos); s.Value != "" {
		t.Errorf("do's: %+v", s)
	}
	d.do(func(tx *store.Tx) error { _, _, err := d.Unmerge(tx, b); return err })
	if got := read(b).Dos; got != "write in the morning" {
		t.Errorf("the other record says %q", got)
	}
}

func TestCustomFields(t *testing.T) {
	d := newDesk(t)
	ann := d.create("Ann")
	def := func(kind string, choices ...string) (id uint64, err error) {
		err = d.s.Update(t.Context(), func(tx *store.Tx) error {
			f, err := d.PutFieldDef(tx, FieldDef{Name: "A " + kind, Kind: kind, Of: OfCustomer, Choices: choices})
			if err == nil {
				id = f.ID
			}
			return err
		})
		return id, err
	}
	for kind, cases := range map[string]map[string]string{
		KindText:   {" hello ": "hello", strings.Repeat("x", maxFieldValue+1): "!"},
		KindNumber: {"12": "12", "-0.50": "-0.5", "1,234.5": "1234.5", "۱۲٫۵": "12.5", "1,5": "!", "twelve": "!", "0": "0", "-0": "0", "1e9": "!", "๔๒": "42"},
		KindDate:   {"2027-03-09": "2027-03-09", "2027-02-30": "!", "9.3.2027": "!", "0001-01-01": "!"},
		KindChoice: {"gold": "Gold", "SILVER": "Silver", "bronze": "!"},
		KindYesNo:  {"Yes": "yes", "ใช่": "yes", "خیر": "no", "0": "no", "maybe": "!"},
		KindLink:   {"example.com/a": "https://example.com/a", "javascript:alert(1)": "!", "https://example.org": "https://example.org", "mailto:a@example.org": "mailto:a@example.org", "https://": "!", "a b": "!"},
	} {
		var choices []string
		if kind == KindChoice {
			choices = []string{"Gold", "Silver", "gold "}
		}
		id, err := def(kind, choices...)
		if err != nil {
			t.Fatal(err)
		}
		for in, want := range cases {
			d.set(ann, CustomFieldName(id), "")
			err := d.s.Update(t.Context(), func(tx *store.Tx) error {
				_, err := d.EditCard(tx, ann, "", []Edit{{Field: CustomFieldName(id), Value: in}})
				return err
			})
			if (err != nil) != (want == "!") {
				t.Errorf("%s %.20q: %v", kind, in, err)
			}
			if got := d.shows(ann, CustomFieldName(id)).Value; err == nil && got != want {
				t.Errorf("%s %.20q became %q, want %q", kind, in, got, want)
			}
		}
		if _, err := def(kind, choices...); err == nil {
			t.Errorf("two fields may be called %q", "A "+kind)
		}
	}
	if _, err := def("colour"); err == nil {
		t.Error("a field of an unknown kind")
	}
	var invalid *InvalidError
	err := d.s.Update(t.Context(), func(tx *store.Tx) error {
		_, err := d.EditCard(tx, ann, "", []Edit{{Field: "shoe_size", Value: "42"}})
		return err
	})
	if !errors.As(err, &invalid) {
		t.Errorf("a field that no card has: %v", err)
	}
}
