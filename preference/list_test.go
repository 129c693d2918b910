package preference

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"
	_ "time/tzdata" // as the program has it: no machine is without

	"throughline/identity"
	"throughline/message"
	"throughline/store"
	"throughline/timeline"
)

// TestEveryNumberOpensItsList: whatever is filtered, and in whatever time zone, each
// number that the board shows is the length of the list it opens.
func TestEveryNumberOpensItsList(t *testing.T) {
	for i, name := range []string{"UTC", "Asia/Tehran", "America/New_York", "Pacific/Auckland"} {
		t.Run(name, func(t *testing.T) {
			zone, err := time.LoadLocation(name)
			if err != nil {
				t.Fatal(err)
			}
			o := newOfficeIn(t, zone)
			customers := o.busy(t, rand.New(rand.NewPCG(7, uint64(i))))
			must := func(err error) {
				t.Helper()
				if err != nil {
					t.Fatal(err)
				}
			}
			must(o.s.View(func(tx *store.Tx) error {
				seen := int64(0)
				for n, q := range []BoardQuery{
					{From: "2026-03-01", To: "2026-04-30"}, {From: "2026-03-07", To: "2026-03-08"}, {From: "2026-03-29", To: "2026-04-05"},
					{From: "2026-03-01", To: "2026-04-30", Agent: 2}, {From: "2026-03-01", To: "2026-04-30", Team: 1}, {From: "2026-03-01", To: "2026-04-30", Tag: "vip"},
					{From: "2026-03-01", To: "2026-04-30", Language: "fa"}, {From: "2026-03-05", To: "2026-03-20", Team: 2, Tag: "vip", Language: "en"},
				} {
					seen += o.compare(t, tx, q, n == 2)
				}
				if seen == 0 {
					t.Error("nothing was compared")
				}
				q := BoardQuery{From: "2026-03-01", To: "2026-04-30"}
				whole, err := o.p.Unheeded(tx, q, 100)
				if err != nil || len(whole) == 0 {
					t.Errorf("unheeded: %v, %v", whole, err)
				}
				for _, u := range whole {
					if n := o.behind(t, tx, Behind{BoardQuery: q, Number: "stated_deviated", Customer: u.Customer, Hour: -1, Weekday: -1}); n != int64(u.Count) {
						t.Errorf("customer %d: %d behind %d", u.Customer, n, u.Count)
					}
				}
				all := int64(0)
				for _, c := range customers {
					all += o.behind(t, tx, Behind{BoardQuery: q, Number: "messages", Customer: c, Hour: -1, Weekday: -1})
				}
				if n := o.behind(t, tx, Behind{BoardQuery: q, Number: "messages", Hour: -1, Weekday: -1}); n != all {
					t.Errorf("%d messages, and %d of all people", n, all)
				}
				return nil
			}))
		})
	}
}

// busy is two months of an office: days end at all hours, clocks change, people are
// merged. It returns the customers.
func (o *office) busy(t *testing.T, rng *rand.Rand) (customers []uint64) {
	o.now = time.Date(2026, 2, 26, 9, 0, 0, 0, time.UTC)
	channels, purposes := []string{"email", "sms", "slack"}, []string{"", "support", "invoice"}
	pick := func(list []string) string { return list[rng.IntN(len(list))] }
	var handles, matters []uint64
	for i := range 6 {
		h, c := o.person(t, message.Handle(fmt.Sprintf("mailto:p%d@example.org", i)))
		handles, customers = append(handles, h), append(customers, c)
		o.update(t, func(tx *store.Tx) error {
			_, err := o.id.Change(tx, c, func(c *identity.Customer) { c.Language = []string{"", "en", "fa"}[i%3] })
			return err
		})
	}
	for i := range 40 {
		m := o.matter(t, handles[i%6])
		*o.matters[m] = Matter{ID: m, Handle: handles[i%6], Purpose: pick(purposes), Assignee: uint64(rng.IntN(3)), Team: uint64(rng.IntN(3)), Tags: [][]string{nil, {"vip"}, {"new", "vip"}}[rng.IntN(3)]}
		matters = append(matters, m)
	}
	for range 500 {
		o.now = o.now.Add(time.Duration(rng.ExpFloat64() * 3 * float64(time.Hour)))
		i := rng.IntN(40)
		f := Fact{Conversation: matters[i], Out: rng.IntN(2) == 0, Channel: pick(channels), Handle: handles[i%6]}
		if f.Out {
			f.Agent, f.Failed = uint64(1+rng.IntN(2)), rng.IntN(9) == 0
			f.Advised, f.By = pick(append(channels, "")), pick([]string{Stated, Set, Learned})
		}
		o.say(t, f, "")
		if rng.IntN(8) == 0 {
			o.resolve(t, matters[i])
		}
	}
	o.update(t, func(tx *store.Tx) error {
		_, _, err := o.id.Merge(tx, customers[0], customers[1], nil, identity.Decision{By: "agent:7", Time: o.now, Confidence: 1})
		return err
	})
	o.tell(t, timeline.Event{Kind: timeline.CustomerMerged, Customer: customers[0], Subjects: []uint64{customers[1]}})
	o.catchUp(t)
	return append(customers[:1:1], customers[2:]...)
}

// behind is how long the list is, page by page.
func (o *office) behind(t *testing.T, tx *store.Tx, q Behind) (n int64) {
	t.Helper()
	for q.Limit = 7; ; {
		list, next, err := o.p.List(tx, q)
		if err != nil {
			t.Fatal(err)
		}
		n += int64(len(list))
		if q.After = next; next == nil {
			return n
		}
	}
}

// compare opens every number of a board, those of hours and days only where it is
// told to, and returns how many messages the board has.
func (o *office) compare(t *testing.T, tx *store.Tx, q BoardQuery, hours bool) int64 {
	t.Helper()
	b, err := o.p.Board(tx, q)
	if err != nil {
		t.Fatal(err)
	}
	check := func(what string, want int64, x Behind) {
		t.Helper()
		if x.From == "" {
			x.BoardQuery = q
		}
		if n := o.behind(t, tx, x); n != want {
			t.Errorf("%+v: %s is %d, and %d are behind it", q, what, want, n)
		}
	}
	every := func(what string, c *BoardCell, x Behind) {
		x.Hour, x.Weekday = -1, -1
		for number, want := range map[string]int64{"messages": c.In + c.Out, "in": c.In, "out": c.Out, "asked": c.Asked, "answered": c.Answered, "unanswered": c.Asked - c.Answered,
			"reached": c.Reached, "replied": c.Replied, "silent": c.Reached - c.Replied, "opened": c.Opened, "resolved": c.Resolved, "failed": c.Failed} {
			x.Number = number
			check(what+" "+number, want, x)
		}
	}
	every("total", &b.Total, Behind{})
	for i := range b.Cells {
		c := &b.Cells[i]
		every(c.Purpose+"/"+c.Channel, c, Behind{Purpose: &c.Purpose, Channel: c.Channel})
	}
	var followed, deviated, yes, no, asked, off int64
	for _, f := range b.Follow {
		check(f.Source+" followed", f.Followed, Behind{Number: f.Source + "_followed", Hour: -1, Weekday: -1})
		check(f.Source+" deviated", f.Deviated, Behind{Number: f.Source + "_deviated", Hour: -1, Weekday: -1})
		followed, deviated, yes, no = followed+f.Followed, deviated+f.Deviated, yes+f.FollowedReplied, no+f.DeviatedReplied
		asked, off = asked+f.FollowedReached, off+f.DeviatedReached
	}
	for number, want := range map[string]int64{"followed": followed, "deviated": deviated, "followed_reached": asked, "deviated_reached": off, "followed_replied": yes, "deviated_replied": no} {
		check(number, want, Behind{Number: number, Hour: -1, Weekday: -1})
	}
	for _, s := range b.Switches {
		for number, want := range map[string]int64{"switched": s.In + s.Out, "switched_in": s.In, "switched_out": s.Out} {
			check(s.From+" to "+s.To+" "+number, want, Behind{Number: number, Over: s.From, Channel: s.To, Hour: -1, Weekday: -1})
		}
	}
	if !hours {
		return b.Total.In + b.Total.Out
	}
	for _, w := range b.Weeks {
		for d := range 7 {
			for h := range 24 {
				if w.In[d][h]+w.Out[d][h] > 0 {
					check(fmt.Sprint(w.Channel, " in on ", d, " at ", h), w.In[d][h], Behind{Number: "in", Channel: w.Channel, Weekday: d, Hour: h})
					check(fmt.Sprint(w.Channel, " out on ", d, " at ", h), w.Out[d][h], Behind{Number: "out", Channel: w.Channel, Weekday: d, Hour: h})
				}
			}
		}
	}
	for _, day := range b.Days {
		one := q
		one.From, one.To = day.Date, day.Date
		for channel, n := range day.Count {
			check(day.Date+" "+channel, n, Behind{BoardQuery: one, Number: "messages", Channel: channel, Hour: -1, Weekday: -1})
		}
	}
	return b.Total.In + b.Total.Out
}
