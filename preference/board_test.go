package preference

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"testing"
	"time"

	"throughline/identity"
	"throughline/message"
	"throughline/store"
	"throughline/timeline"
)

// TestBoard: every number of the board is the length of the list behind it, and what
// a person would count.
func TestBoard(t *testing.T) {
	o := newOffice(t)
	h, _ := o.person(t, "mailto:ann@example.org")
	c := o.matter(t, h)
	o.matters[c].Purpose = "invoice"
	at := o.now
	say := func(after time.Duration, f Fact) {
		at = at.Add(after)
		f.Conversation, f.Handle, f.Time = c, h, at
		o.say(t, f, "")
	}
	say(0, Fact{Channel: "email"})
	say(time.Minute, Fact{Channel: "email"})
	say(9*time.Minute, Fact{Channel: "sms", Out: true, Agent: 7, Advised: "email", By: Stated})
	say(time.Hour, Fact{Channel: "email"})
	say(time.Minute, Fact{Channel: "email", Out: true, Agent: 7, Advised: "email", By: Stated})
	o.matters[c].Resolved = at.Add(time.Hour)
	o.catchUp(t)
	q := BoardQuery{From: "2026-03-01", To: "2026-03-03"}
	if err := o.s.View(func(tx *store.Tx) error {
		b, err := o.p.Board(tx, q)
		if err != nil {
			return err
		}
		got := b.Total
		// The customer waited ten minutes from his first word, and one minute; we an hour.
		want := BoardCell{In: 3, Out: 2, Asked: 2, Answered: 2, Reached: 1, Replied: 1, Opened: 1, Resolved: 1}
		within := func(name string, got int64, want float64) {
			if float64(got) < want*0.85 || float64(got) > want*1.15 {
				t.Errorf("%s: %d s, want about %.0f", name, got, want)
			}
		}
		within("they", got.Theirs, 3600)
		within("resolution", got.Resolution, 2*3600+11*60)
		got.Ours, got.Theirs, got.Resolution = 0, 0, 0
		if got != want {
			t.Errorf("total %+v, want %+v", got, want)
		}
		if f := b.Follow[0]; f.Deviated != 1 || f.DeviatedReached != 1 || f.DeviatedReplied != 1 || f.Followed != 1 || f.FollowedReached != 0 {
			t.Errorf("stated: %+v", f)
		}
		if len(b.Switches) != 2 || b.Switches[0].In+b.Switches[1].In != 1 || b.Switches[0].Out+b.Switches[1].Out != 1 {
			t.Errorf("switches %+v", b.Switches)
		}
		for name, n := range map[string]int64{"in": want.In, "out": want.Out, "asked": 2, "answered": 2, "unanswered": 0, "reached": 1, "replied": 1,
			"silent": 0, "opened": 1, "resolved": 1, "failed": 0, "deviated": 1, "stated_deviated": 1, "followed": 1, "followed_reached": 0, "switched": 2} {
			list, _, err := o.p.List(tx, Behind{BoardQuery: q, Number: name, Hour: -1, Weekday: -1, Limit: 100})
			if err != nil || int64(len(list)) != n {
				t.Errorf("%s: %d behind it, want %d, %v", name, len(list), n, err)
			}
		}
		who, err := o.p.Unheeded(tx, q, 10)
		if err != nil || len(who) != 1 || who[0].Count != 1 {
			t.Errorf("unheeded %+v, %v", who, err)
		}
		none, err := o.p.Board(tx, BoardQuery{From: "2026-03-01", To: "2026-03-03", Agent: 99})
		if err != nil || none.Total.In != 0 || none.Total.Ours != -1 {
			t.Errorf("of nobody: %+v, %v", none.Total, err)
		}
		for _, bad := range []BoardQuery{{}, {From: "2026-03-02", To: "2026-03-01"}, {From: "2020-01-01", To: "2026-03-01"}, {From: "x", To: "y"}} {
			if _, err := o.p.Board(tx, bad); err == nil {
				t.Errorf("%+v is taken", bad)
			}
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
}

// FuzzReadDay: what is no day of the board is an error and no panic.
func FuzzReadDay(f *testing.F) {
	d := day{}
	d.add(cell{Purpose: "invoice", Channel: "email", Agent: 7}, mIn, 3)
	d.add(cell{Channel: "sms", Over: "email"}, mSwitchIn, 1)
	f.Add(d.encode())
	f.Add([]byte{1, 200})
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) > 1<<12 {
			return
		}
		_ = readDay(b, func(cell, metric, int64) {})
	})
}

func TestMedian(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for _, n := range []int{1, 2, 5, 100, 5000} {
		var h histogram
		var all []int64
		for range n {
			s := int64(rng.ExpFloat64() * 4000)
			all = append(all, s)
			h[bucket(s)]++
		}
		slices.Sort(all)
		exact := float64(all[(n-1)/2])
		if got := float64(h.median()); n > 2 && (got < exact*0.8 || got > exact*1.25+2) {
			t.Errorf("of %d: median %.0f, exact %.0f", n, got, exact)
		}
	}
	if (&histogram{}).median() != -1 {
		t.Error("the median of nothing")
	}
}

// TestHabits: recent behaviour counts more.
func TestHabits(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	ours := func(channel string, ago time.Duration, after int64) Contact {
		c := Contact{Channel: channel, Out: true, Waits: true, Time: now.Add(-ago)}
		if after >= 0 {
			c.Answer, c.After = 1, after
		}
		return c
	}
	const day = 24 * time.Hour
	var list []Contact
	for i := range 8 {
		list = append(list, ours("email", time.Duration(400+i)*day, 600), ours("sms", time.Duration(400+i)*day, -1)) // long ago mail was answered
		list = append(list, ours("email", time.Duration(5+i)*day, -1), ours("sms", time.Duration(5+i)*day, 300))     // lately texts are
	}
	slices.SortFunc(list, func(a, b Contact) int { return cmp.Compare(b.Time.Unix(), a.Time.Unix()) })
	got := habits(list, "", now, time.UTC)
	if got[0].Channel != "sms" || !got[0].Proposed() || got[0].Median != 300 {
		t.Errorf("habits %+v", got)
	}
	if w := weigh(now, now.Add(-HalfLife)); w != 0.5 {
		t.Errorf("after a half-life a contact counts %v", w)
	}
	if len(habits(nil, "", now, time.UTC)) != 0 {
		t.Error("habits of nobody")
	}
}

// TestGuess: it learns from what agents say, and shows the words.
func TestGuess(t *testing.T) {
	o := newOffice(t)
	o.taught(t, 8, "the derailleur squeaks terribly", "please post the catalogue to Bergen")
	if err := o.s.View(func(tx *store.Tx) error {
		for text, want := range map[string]string{"my derailleur squeaks": "support", "the catalogue for Bergen": "offer", "ขอใบแจ้งหนี้ ชำระเงิน": "invoice", "zzz qqq": ""} {
			g, err := o.p.Guess(tx, text)
			if err != nil {
				return err
			}
			if (g == nil) != (want == "") || g != nil && (g.Purpose != want || len(g.Words) == 0) {
				t.Errorf("%q: %+v, want %q", text, g, want)
			}
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
}

// TestLanguage: a change of the card touches a customer's contacts only if it is his
// language that changed.
func TestLanguage(t *testing.T) {
	o := newOffice(t)
	h, who := o.person(t, "mailto:ann@example.org")
	o.say(t, Fact{Conversation: o.matter(t, h), Channel: "email", Handle: h}, "hello")
	o.catchUp(t)
	o.update(t, func(tx *store.Tx) error {
		_, err := o.id.Change(tx, who, func(c *identity.Customer) { c.Language = "fa" })
		return err
	})
	for _, tt := range []struct{ data, want string }{
		{`{"note":true}`, ""}, {`{"companies":true}`, ""}, {`{}`, ""}, {`{"name":true,"language":true}`, "fa"},
	} {
		o.tell(t, timeline.Event{Kind: timeline.CustomerChanged, Customer: who, Subjects: []uint64{who}, Data: []byte(tt.data)})
		o.catchUp(t)
		if err := o.s.View(func(tx *store.Tx) error {
			for c, err := range o.p.contacts.All(tx, store.Range{}) {
				if err != nil {
					return err
				}
				if c.Language != tt.want {
					t.Errorf("after %q the contact is in %q, want %q", tt.data, c.Language, tt.want)
				}
			}
			return nil
		}); err != nil {
			t.Fatal(err)
		}
	}
}

// TestFieldsOfMergedRecords: zone and language of a record that was merged hold where
// the one that stands for it has none, as on the card.
func TestFieldsOfMergedRecords(t *testing.T) {
	o := newOffice(t)
	h, ann := o.person(t, "mailto:ann@example.org")
	_, ben := o.person(t, "tel:+12025550143")
	o.say(t, Fact{Conversation: o.matter(t, h), Channel: "email", Handle: h}, "hello")
	o.update(t, func(tx *store.Tx) error {
		if _, err := o.id.Change(tx, ben, func(c *identity.Customer) { c.Language, c.TimeZone = "th", "Asia/Bangkok" }); err != nil {
			return err
		}
		_, _, err := o.id.Merge(tx, ann, ben, nil, identity.Decision{By: "agent:7", Time: o.now})
		return err
	})
	o.tell(t, timeline.Event{Kind: timeline.CustomerMerged, Customer: ann, Subjects: []uint64{ben}})
	o.catchUp(t)
	o.view(t, func(tx *store.Tx) error {
		a, err := o.p.Advise(tx, ann, "support", []Reach{{Channel: "email"}})
		if err != nil || a.Language != "th" || a.Zone != "Asia/Bangkok" {
			t.Errorf("advice %+v, %v", a, err)
		}
		zone, err := o.p.zoneOf(tx, ann)
		if err != nil || zone.String() != "Asia/Bangkok" {
			t.Errorf("zone %v, %v", zone, err)
		}
		contacts, err := o.p.Contacts(tx, ann, 10)
		if err != nil || len(contacts) != 1 || contacts[0].Language != "th" {
			t.Errorf("contacts %+v, %v", contacts, err)
		}
		return err
	})
}

// BenchmarkBoard reads ninety days; BOARD_SIZE is how many contacts there are in a
// year (10,000 if unset).
func BenchmarkBoard(b *testing.B) {
	size, _ := strconv.Atoi(os.Getenv("BOARD_SIZE"))
	if size == 0 {
		size = 10_000
	}
	o := newOffice(b)
	h, _ := o.person(b, message.Handle("mailto:ann@example.org"))
	rng := rand.New(rand.NewPCG(1, 2))
	purposes, channels, languages := []string{"", "support", "invoice", "appointment", "delivery", "offer"}, []string{"email", "sms", "whatsapp", "slack", "voice"}, []string{"en", "fa", "th"}
	start := time.Date(2025, 4, 1, 0, 0, 0, 0, time.UTC)
	for done := 0; done < size; {
		o.update(b, func(tx *store.Tx) error {
			batch := o.p.batch(tx)
			for range 5000 {
				at := start.Add(time.Duration(float64(done) / float64(size) * float64(365*24*time.Hour)))
				c := &Contact{ID: tx.NextID(), Conversation: tx.NextID(), Handle: h, Time: at, Turn: at, Out: rng.IntN(2) == 0, Channel: channels[rng.IntN(5)],
					Purpose: purposes[rng.IntN(6)], Language: languages[rng.IntN(3)], Agent: uint64(rng.IntN(10)), Waits: true, Answer: 1, After: int64(rng.ExpFloat64() * 9000), First: true}
				if err := batch.put(nil, c); err != nil {
					return err
				}
				if done++; done == size {
					break
				}
			}
			return batch.flush()
		})
	}
	b.ResetTimer()
	for b.Loop() {
		if err := o.s.View(func(tx *store.Tx) error {
			got, err := o.p.Board(tx, BoardQuery{From: "2025-12-01", To: "2026-02-28"})
			if err == nil && got.Total.In == 0 {
				err = fmt.Errorf("an empty board")
			}
			return err
		}); err != nil {
			b.Fatal(err)
		}
	}
}
