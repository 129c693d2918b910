package demo

import (
	"slices"
	"testing"
	"time"

	"throughline/identity"
	"throughline/message"
	"throughline/preference"
	"throughline/store"
)

// TestTour: what the README sends a visitor to is there.
func TestTour(t *testing.T) {
	s := run(t, quiet)
	s.settled()
	t.Run("duplicates", s.duplicatesWait)
	t.Run("preferences", s.preferencesAreKnown)
	t.Run("board", s.boardHasMonths)
}

// duplicatesWait: pairs wait on the desk with strong evidence and with weak, in several
// scripts; what was merged can be parted.
func (s *stage) duplicatesWait(t *testing.T) {
	var list []*identity.Suggestion
	names := func(tx *store.Tx, g *identity.Suggestion) (pair [2]string) {
		for i, id := range []uint64{g.A, g.B} {
			if c, err := s.hub.Identity.Root(tx, id); err == nil {
				pair[i] = c.Name
			}
		}
		slices.Sort(pair[:])
		return pair
	}
	wanted := [][2]string{{"Sepideh Kiani", "سپیده کیانی"}, {"Thanawat Srisuk", "ธนวัฒน์ ศรีสุข"}, {"Zuzana Kucerova", "Zuzana Kučerová"}}
	s.until("the duplicates on the desk, sure and less sure", func(tx *store.Tx) (bool, error) {
		var err error
		if list, _, err = s.hub.Identity.Suggestions(tx, identity.SuggestionOpen, nil, 100); err != nil {
			return false, err
		}
		for _, w := range wanted {
			if !slices.ContainsFunc(list, func(g *identity.Suggestion) bool { return names(tx, g) == w }) {
				return false, nil
			}
		}
		weak := slices.ContainsFunc(list, func(g *identity.Suggestion) bool { return g.Confidence < 0.95 })
		return weak && len(list) >= 6, nil
	})
	if err := s.hub.Store.View(func(tx *store.Tx) error {
		for _, g := range list {
			if len(g.Evidence) == 0 {
				t.Errorf("%q are suggested without evidence", names(tx, g))
			}
			t.Logf("%.3f %q", g.Confidence, names(tx, g))
		}
		h, _ := s.hub.Identity.Find(tx, message.NewHandle("mailto", twoAddresses[0].address))
		root, err := s.hub.Identity.Root(tx, h.Customer)
		if err != nil {
			return err
		}
		members, err := s.hub.Identity.Members(tx, root.ID)
		if len(members) < 2 {
			t.Errorf("%s is one record", twoAddresses[0].name)
		}
		return err
	}); err != nil {
		t.Fatal(err)
	}
}

// preferencesAreKnown: each kind is there, with its proof, and leads to advice.
func (s *stage) preferencesAreKnown(t *testing.T) {
	if err := s.hub.Preference.CatchUp(t.Context()); err != nil {
		t.Fatal(err)
	}
	sources, best, quietOnes, stopped := map[string]int{}, map[string]int{}, 0, 0
	if err := s.hub.Store.View(func(tx *store.Tx) error {
		for _, r := range regulars() {
			who := s.cast.langs[r.lang].people[r.person]
			h, ok := s.hub.Identity.Find(tx, message.NewHandle("mailto", who.address))
			if !ok {
				t.Errorf("%s is not known", who.name)
				continue
			}
			said, err := s.hub.Preference.Statements(tx, h.Customer)
			if err != nil {
				return err
			}
			for _, x := range said {
				sources[x.Source]++
				if x.Proof == (preference.Proof{}) || time.Since(x.Time) < 24*time.Hour {
					t.Errorf("what %s said on %s has no proof, or is of today: %+v", who.name, x.Time, x.Proof)
				}
			}
			for _, purpose := range []string{forSupport, forInvoice, forAppointment, forDelivery, forOffer} {
				a, err := s.hub.AdviseCustomer(tx, h.Customer, purpose)
				if err != nil {
					return err
				}
				if a.Best != nil {
					best[a.Best.Source]++
				}
				if a.Quiet != nil && purpose == forSupport {
					quietOnes++
				}
			}
			handles, err := s.hub.Identity.Handles(tx, h.Customer)
			if err != nil {
				return err
			}
			for _, hd := range handles {
				list, err := s.hub.Consents(tx, hd.ID)
				if err != nil {
					return err
				}
				for _, c := range list {
					if c.State == message.OptOut {
						stopped++
					}
				}
			}
		}
		h, ok := s.hub.Identity.Find(tx, message.NewHandle("mailto", lost.address))
		if !ok {
			t.Fatalf("%s is not known", lost.name)
		}
		list, err := s.hub.Suspensions(tx, h.ID)
		if len(list) == 0 {
			t.Errorf("%s can still be written to", lost.address)
		}
		return err
	}); err != nil {
		t.Fatal(err)
	}
	if sources[preference.Stated] < 8 || sources[preference.Set] < 4 || quietOnes < 2 || stopped < 2 {
		t.Errorf("said %v, %d with quiet hours, %d opted out", sources, quietOnes, stopped)
	}
	if best[preference.Stated] < 3 || best[preference.Set] < 3 || best[preference.Learned] < 10 {
		t.Errorf("advised %v", best)
	}
	t.Log(sources, best)
}

// boardHasMonths: three months with all purposes, channels, speeds and ways to follow
// what is wanted or not.
func (s *stage) boardHasMonths(t *testing.T) {
	if err := s.hub.Store.View(func(tx *store.Tx) error {
		now := time.Now()
		q := preference.BoardQuery{From: now.AddDate(0, 0, -pastDays).Format(time.DateOnly), To: now.Format(time.DateOnly)}
		b, err := s.hub.Preference.Board(tx, q)
		if err != nil {
			return err
		}
		weeks, purposes, channels, without := map[int]int64{}, map[string]bool{}, map[string]bool{}, int64(0)
		for i, d := range b.Days {
			for _, n := range d.Count {
				weeks[i/7] += n
			}
		}
		for _, c := range b.Cells {
			if c.Purpose == "" {
				without += c.In + c.Out
				continue
			}
			purposes[c.Purpose], channels[c.Channel] = true, true
		}
		for w := range pastDays / 7 {
			if weeks[w] < 20 {
				t.Errorf("in week %d there were %d messages", w, weeks[w])
			}
		}
		if len(purposes) < 5 || len(channels) < 4 || without*4 > b.Total.In+b.Total.Out {
			t.Errorf("purposes %v, channels %v, %d messages of %d without a purpose", purposes, channels, without, b.Total.In+b.Total.Out)
		}
		for _, f := range b.Follow {
			if f.Followed == 0 || f.Deviated == 0 {
				t.Errorf("%s: followed %d times, not followed %d times", f.Source, f.Followed, f.Deviated)
			}
		}
		if len(b.Switches) == 0 || b.Total.Failed == 0 || b.Total.Resolution < 3600 || b.Total.Resolution > 7*24*3600 || len(b.Spoken) < 3 {
			t.Errorf("%d switches, %d failed, resolved in %d s, in %v", len(b.Switches), b.Total.Failed, b.Total.Resolution, b.Spoken)
		}
		unheeded, err := s.hub.Preference.Unheeded(tx, q, 100)
		if len(unheeded) < 3 {
			t.Errorf("the wishes of %d customers were not heeded", len(unheeded))
		}
		return err
	}); err != nil {
		t.Fatal(err)
	}
}
