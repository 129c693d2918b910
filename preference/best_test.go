package preference

import (
	"slices"
	"testing"
	"time"

	"throughline/store"
)

// TestWhoseWordDecides: what the customer said decides before what an agent set, also
// of one purpose; of one side the word about the purpose goes before that about all.
func TestWhoseWordDecides(t *testing.T) {
	never := Statement{Channel: "voice", Wish: Never, Source: Stated}
	prefer := func(s Statement) Statement { s.Wish = Prefer; return s }
	of := func(s Statement, purpose string) Statement { s.Purpose = purpose; return s }
	set := func(s Statement) Statement { s.Source = Set; return s }
	at := time.Now()
	for name, tt := range map[string]struct {
		said  []Statement // the word that decides first
		about string
	}{
		"never by phone, and calls set for one purpose": {[]Statement{never, of(set(prefer(never)), "appointment")}, "appointment"},
		"never by phone, except about this":             {[]Statement{of(prefer(never), "appointment"), never}, "appointment"},
		"set of this before set of all":                 {[]Statement{of(set(never), "appointment"), set(prefer(never))}, "appointment"},
		"another purpose is another matter":             {[]Statement{set(never), of(prefer(never), "offer")}, "appointment"},
	} {
		for _, turned := range []bool{false, true} {
			var said []*Statement
			for i := range tt.said {
				s := tt.said[i]
				s.Time = at.Add(time.Duration(i) * time.Minute)
				said = append(said, &s)
			}
			want := said[0]
			if turned {
				slices.Reverse(said)
			}
			if got := Deciding(said, tt.about, "voice"); got != want {
				t.Errorf("%s: %+v decides", name, got)
			}
		}
	}
}

// TestNeverIsNotOverruled: who said never is advised against, whatever an agent set.
func TestNeverIsNotOverruled(t *testing.T) {
	o := newOffice(t)
	_, c := o.person(t, "tel:+447700900123")
	for _, s := range []Statement{
		{Channel: "voice", Wish: Never, Source: Stated, Proof: Proof{Heard: 7, Note: "never call me"}},
		{Channel: "email", Wish: Prefer, Source: Set},
		{Purpose: "appointment", Channel: "voice", Wish: Prefer, Source: Set, Proof: Proof{Note: "is quicker"}},
	} {
		s.Customer, s.By = c, "agent:7"
		if _, err := o.p.State(t.Context(), s); err != nil {
			t.Fatal(err)
		}
	}
	o.view(t, func(tx *store.Tx) error {
		a, err := o.p.Advise(tx, c, "appointment", []Reach{{Channel: "voice"}, {Channel: "email"}})
		if err == nil && (a.Best == nil || a.Best.Channel != "email" || a.Ways[1].Wish != Never) {
			t.Errorf("best %+v of %+v", a.Best, a.Ways)
		}
		return err
	})
}
