package preference

import (
	"cmp"
	"slices"
	"time"

	"throughline/identity"
	"throughline/store"
)

// Verdict is what is to be said of one way to reach a customer.
type Verdict struct {
	Reach
	// Source says why it stands where it does: Stated, Set or Learned; "" if
	// nothing speaks for or against it.
	Source     string
	Wish       string // Prefer or Never, "" for a way that only behaviour speaks for
	Confidence float64
	Statement  *Statement
	Habit      *Habit
}

// Advice answers: for this purpose, when and how do I reach this person best?
type Advice struct {
	Customer uint64
	Purpose  string
	// Ways are in order, best first; those nobody wants or that are blocked come last.
	Ways []Verdict
	// Best is the channel to use, nil if nothing speaks for one.
	Best     *Verdict
	Language string
	Zone     string
	Quiet    *QuietHours
}

// QuietHours are when a customer wants nothing.
type QuietHours struct {
	Statement *Statement
	Now       bool
	Until     time.Time // when they end next, if it is now
}

// Advise answers for the ways there are to a customer.
func (p *Preferences) Advise(tx *store.Tx, customer uint64, purpose string, ways []Reach) (*Advice, error) {
	root, err := p.identity.Root(tx, customer)
	if err != nil {
		return nil, err
	}
	said, err := p.Statements(tx, root.ID)
	if err != nil {
		return nil, err
	}
	habits, err := p.Habits(tx, root.ID, purpose)
	if err != nil {
		return nil, err
	}
	zone, err := p.zoneOf(tx, root.ID)
	if err != nil {
		return nil, err
	}
	a := &Advice{Customer: root.ID, Purpose: purpose}
	if a.Language, err = p.identity.ShownField(tx, root.ID, identity.FieldLanguage); err != nil {
		return nil, err
	}
	if a.Zone, err = p.identity.ShownField(tx, root.ID, identity.FieldTimeZone); err != nil {
		return nil, err
	}
	for _, w := range ways {
		v := Verdict{Reach: w}
		if i := slices.IndexFunc(habits, func(h Habit) bool { return h.Channel == w.Channel }); i >= 0 {
			h := habits[i]
			v.Habit = &h
			// Only the best by behaviour is proposed for it.
			if i == 0 && h.Proposed() {
				v.Source, v.Confidence = Learned, h.Confidence
			}
		}
		if s := Deciding(said, purpose, w.Channel); s != nil {
			v.Source, v.Wish, v.Statement, v.Confidence = s.Source, s.Wish, s, 1
		}
		a.Ways = append(a.Ways, v)
	}
	slices.SortStableFunc(a.Ways, func(x, y Verdict) int { return cmp.Compare(x.rank(), y.rank()) })
	if len(a.Ways) > 0 && a.Ways[0].rank() < rankNothing {
		a.Best = &a.Ways[0]
	}
	a.Quiet = quiet(said, tx.Now().In(zone))
	return a, nil
}

// The order of ways.
const (
	rankNothing = 30
	rankNever   = 80
	rankBlocked = 90
)

func (v *Verdict) rank() int {
	switch {
	case v.Blocked != "":
		return rankBlocked
	case v.Wish == Never:
		return rankNever
	case v.Wish == Prefer:
		r := 10
		if v.Source == Stated {
			r = 0
		}
		if v.Statement.Purpose == "" { // what was said of this purpose goes first
			r += 5
		}
		return r
	case v.Source == Learned:
		return 20
	}
	return rankNothing
}

// Deciding is the statement that decides about a channel for a purpose, nil if none
// does: the customer's word before ours, of this purpose before of all, the newest.
func Deciding(said []*Statement, purpose, channel string) *Statement {
	var best *Statement
	order := func(s *Statement) int {
		n := 0
		if s.Source == Set {
			n += 2
		}
		if s.Purpose == "" {
			n++
		}
		return n
	}
	for _, s := range said {
		if s.Wish == Quiet || s.Channel != channel || s.Purpose != "" && s.Purpose != purpose {
			continue
		}
		if best == nil || order(s) < order(best) || order(s) == order(best) && s.Time.After(best.Time) {
			best = s
		}
	}
	return best
}

// quiet are the newest quiet hours, the customer's word before ours; nil if there are
// none.
func quiet(said []*Statement, now time.Time) *QuietHours {
	var s *Statement
	for _, o := range said {
		if o.Wish == Quiet && (s == nil || o.Source == Stated || s.Source != Stated) {
			s = o
		}
	}
	if s == nil {
		return nil
	}
	q := &QuietHours{Statement: s}
	at := now.Hour()*60 + now.Minute()
	if s.From < s.To {
		q.Now = at >= s.From && at < s.To
	} else {
		q.Now = at >= s.From || at < s.To
	}
	if q.Now {
		end := time.Date(now.Year(), now.Month(), now.Day(), s.To/60, s.To%60, 0, 0, now.Location())
		if !end.After(now) {
			end = time.Date(now.Year(), now.Month(), now.Day()+1, s.To/60, s.To%60, 0, 0, now.Location())
		}
		q.Until = end.UTC()
	}
	return q
}
