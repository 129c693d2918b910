package preference

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"slices"
	"time"

	"throughline/store"
)

// BoardQuery asks for the board of some days. From and To are dates ("2026-03-01"),
// both included; the rest narrows down, "" and 0 are everything.
type BoardQuery struct {
	From, To string
	Agent    uint64
	Team     uint64
	Language string
	Tag      string
}

// MaxBoardDays is the longest stretch of days at once.
const MaxBoardDays = 731

// BoardCell tells of one purpose and channel. Times are medians in seconds, to about
// a tenth; -1 where nothing was counted.
type BoardCell struct {
	Purpose, Channel string
	In, Out          int64 // messages of customers, and of ours
	Asked, Answered  int64 // turns of customers that wanted an answer, and got one
	Reached, Replied int64 // turns of ours that wanted an answer, and got one
	Opened, Resolved int64 // conversations
	Failed           int64 // messages of ours that did not arrive
	Ours, Theirs     int64 // time until we answered, and until they did
	Resolution       int64
	Before           int64 // In and Out in the days before, as many
}

// Follow tells whether our messages followed the proposals of one source. Of those
// that did and of those that did not, Reached wanted an answer and Replied got one.
type Follow struct {
	Source                                     string
	Followed, FollowedReached, FollowedReplied int64
	Deviated, DeviatedReached, DeviatedReplied int64
	FollowedTime, DeviatedTime                 int64 // medians of all sources together
}

// Switch is how often somebody went over from one channel to another in a
// conversation.
type Switch struct {
	From, To string
	In, Out  int64 // by the customer, by us
}

// Week is the use of a channel by hour and weekday, Sunday first.
type Week struct {
	Channel string
	In      [7][24]int64
	Out     [7][24]int64
}

// DayUse is the use of channels on a day.
type DayUse struct {
	Date  string
	Count map[string]int64
}

// Board is what the managers see.
type Board struct {
	BoardQuery
	Zone     string
	Cells    []BoardCell // by purpose and channel
	Total    BoardCell
	Follow   []Follow
	Switches []Switch
	Weeks    []Week
	Days     []DayUse
	Agents   []uint64
	Teams    []uint64
	Spoken   []string // languages that occur
}

type histogram [buckets]int64

// median of a histogram, -1 for an empty one: within its bucket the place is
// estimated on the scale of logarithms.
func (h *histogram) median() int64 {
	var total, sum int64
	for _, n := range h {
		total += n
	}
	if total == 0 {
		return -1
	}
	half := float64(total) / 2
	for b, n := range h {
		if n > 0 && float64(sum+n) >= half {
			if b == 0 {
				return 0
			}
			part := (half - float64(sum)) / float64(n)
			return int64(math.Round(bucketEnd(b-1) * math.Pow(bucketEnd(b)/bucketEnd(b-1), part)))
		}
		sum += n
	}
	return -1
}

// sums are what a purpose and channel add up to.
type sums struct {
	BoardCell
	ours, theirs, resolved histogram
}

func (s *sums) add(m metric, n int64) {
	switch {
	case m >= hOurs && m < hOurs+buckets:
		s.ours[m-hOurs] += n
	case m >= hTheirs && m < hTheirs+buckets:
		s.theirs[m-hTheirs] += n
	case m >= hResolved && m < hResolved+buckets:
		s.resolved[m-hResolved] += n
	}
	switch m {
	case mIn:
		s.In += n
	case mOut:
		s.Out += n
	case mAsked:
		s.Asked += n
	case mAnswered:
		s.Answered += n
	case mReached:
		s.Reached += n
	case mReplied:
		s.Replied += n
	case mOpened:
		s.Opened += n
	case mResolved:
		s.Resolved += n
	case mFailed:
		s.Failed += n
	}
}

func (s *sums) done() BoardCell {
	s.Ours, s.Theirs, s.Resolution = s.ours.median(), s.theirs.median(), s.resolved.median()
	return s.BoardCell
}

type place struct{ purpose, channel string }

// tallying adds up the counters of many days.
type tallying struct {
	q                  BoardQuery
	cells              map[place]*sums
	total              sums
	follow             [3]Follow
	followed, deviated histogram
	switches           map[[2]string]*Switch
	weeks              map[string]*Week
	agents             map[uint64]bool
	teams              map[uint64]bool
	spoken             map[string]bool
}

// Board reads the counters. It takes milliseconds for any number of contacts.
func (p *Preferences) Board(tx *store.Tx, q BoardQuery) (*Board, error) {
	from, to, err := q.span()
	if err != nil {
		return nil, err
	}
	t := &tallying{q: q, cells: map[place]*sums{}, switches: map[[2]string]*Switch{}, weeks: map[string]*Week{}, agents: map[uint64]bool{}, teams: map[uint64]bool{}, spoken: map[string]bool{}}
	b := &Board{BoardQuery: q, Zone: p.zone.String(), Agents: []uint64{}, Teams: []uint64{}, Spoken: []string{}, Days: []DayUse{}, Cells: []BoardCell{}, Switches: []Switch{}, Weeks: []Week{}}
	days := int(to.Sub(from)/(24*time.Hour)) + 1
	for n := -days; n < days; n++ {
		date := from.AddDate(0, 0, n)
		key := date.Format(time.DateOnly)
		value := tx.GetValue(boardBucket, dayKey(key, q.Tag))
		if n < 0 {
			err = t.before(value)
		} else {
			use := DayUse{Date: key, Count: map[string]int64{}}
			err = t.day(value, date.Weekday(), use.Count)
			b.Days = append(b.Days, use)
		}
		if err != nil {
			return nil, err
		}
	}
	for _, k := range slices.SortedFunc(maps.Keys(t.cells), func(a, b place) int {
		return cmp.Or(cmp.Compare(a.purpose, b.purpose), cmp.Compare(a.channel, b.channel))
	}) {
		b.Cells = append(b.Cells, t.cells[k].done())
	}
	b.Total = t.total.done()
	for i, source := range []string{Stated, Set, Learned} {
		f := t.follow[i]
		f.Source, f.FollowedTime, f.DeviatedTime = source, t.followed.median(), t.deviated.median()
		b.Follow = append(b.Follow, f)
	}
	for _, s := range t.switches {
		b.Switches = append(b.Switches, *s)
	}
	slices.SortFunc(b.Switches, func(x, y Switch) int {
		return cmp.Or(cmp.Compare(y.In+y.Out, x.In+x.Out), cmp.Compare(x.From, y.From), cmp.Compare(x.To, y.To))
	})
	for _, c := range slices.Sorted(maps.Keys(t.weeks)) {
		b.Weeks = append(b.Weeks, *t.weeks[c])
	}
	b.Agents = append(b.Agents, slices.Sorted(maps.Keys(t.agents))...)
	b.Teams = append(b.Teams, slices.Sorted(maps.Keys(t.teams))...)
	b.Spoken = append(b.Spoken, slices.Sorted(maps.Keys(t.spoken))...)
	return b, nil
}

// span reads the dates.
func (q *BoardQuery) span() (from, to time.Time, err error) {
	if from, err = time.Parse(time.DateOnly, q.From); err != nil {
		return from, to, &InvalidError{"from", `write a date like "2026-03-01"`}
	}
	if to, err = time.Parse(time.DateOnly, q.To); err != nil {
		return from, to, &InvalidError{"to", `write a date like "2026-03-31"`}
	}
	if to.Before(from) || to.Sub(from) > MaxBoardDays*24*time.Hour {
		return from, to, &InvalidError{"to", fmt.Sprintf("write a day from the first one on, at most %d days later", MaxBoardDays)}
	}
	return from, to, nil
}

func (t *tallying) wants(k cell) bool {
	return (t.q.Agent == 0 || k.Agent == t.q.Agent) && (t.q.Team == 0 || k.Team == t.q.Team) && (t.q.Language == "" || k.Language == t.q.Language)
}

func (t *tallying) at(k cell) *sums {
	at := place{k.Purpose, k.Channel}
	s := t.cells[at]
	if s == nil {
		s = &sums{BoardCell: BoardCell{Purpose: k.Purpose, Channel: k.Channel}}
		t.cells[at] = s
	}
	return s
}

// before counts a day before the span, for the trend.
func (t *tallying) before(value []byte) error {
	return readDay(value, func(k cell, m metric, n int64) {
		if (m == mIn || m == mOut) && t.wants(k) {
			t.at(k).Before += n
			t.total.Before += n
		}
	})
}

func (t *tallying) day(value []byte, weekday time.Weekday, use map[string]int64) error {
	var last cell
	var s *sums
	var w *Week
	wanted := false
	return readDay(value, func(k cell, m metric, n int64) {
		if s == nil || k != last {
			last = k
			if k.Agent != 0 {
				t.agents[k.Agent] = true
			}
			if k.Team != 0 {
				t.teams[k.Team] = true
			}
			if k.Language != "" {
				t.spoken[k.Language] = true
			}
			wanted = t.wants(k)
			s = t.at(k)
			if w = t.weeks[k.Channel]; w == nil {
				w = &Week{Channel: k.Channel}
				t.weeks[k.Channel] = w
			}
		}
		if !wanted {
			return
		}
		if k.Over != "" {
			t.over(k, m, n)
			return
		}
		s.add(m, n)
		t.total.add(m, n)
		t.more(m, n)
		switch {
		case m == mIn || m == mOut:
			use[k.Channel] += n
		case m >= mHourIn && m < mHourIn+24:
			w.In[weekday][m-mHourIn] += n
		case m >= mHourOut && m < mHourOut+24:
			w.Out[weekday][m-mHourOut] += n
		}
	})
}

func (t *tallying) over(k cell, m metric, n int64) {
	s := t.switches[[2]string{k.Over, k.Channel}]
	if s == nil {
		s = &Switch{From: k.Over, To: k.Channel}
		t.switches[[2]string{k.Over, k.Channel}] = s
	}
	if m == mSwitchIn {
		s.In += n
	} else {
		s.Out += n
	}
}

// more counts how proposals were followed.
func (t *tallying) more(m metric, n int64) {
	switch {
	case m >= mFollowed && m < mFollowed+3:
		t.follow[m-mFollowed].Followed += n
	case m >= mFollowedReached && m < mFollowedReached+3:
		t.follow[m-mFollowedReached].FollowedReached += n
	case m >= mFollowedReplied && m < mFollowedReplied+3:
		t.follow[m-mFollowedReplied].FollowedReplied += n
	case m >= mDeviated && m < mDeviated+3:
		t.follow[m-mDeviated].Deviated += n
	case m >= mDeviatedReached && m < mDeviatedReached+3:
		t.follow[m-mDeviatedReached].DeviatedReached += n
	case m >= mDeviatedReplied && m < mDeviatedReplied+3:
		t.follow[m-mDeviatedReplied].DeviatedReplied += n
	case m >= hFollowed && m < hFollowed+buckets:
		t.followed[m-hFollowed] += n
	case m >= hDeviated && m < hDeviated+buckets:
		t.deviated[m-hDeviated] += n
	}
}
