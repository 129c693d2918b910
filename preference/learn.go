package preference

import (
	"cmp"
	"math"
	"slices"
	"time"

	"throughline/identity"
	"throughline/store"
)

// What behaviour teaches about one customer is worked out when it is asked for, from
// his newest contacts. A contact counts the less the older it is: half after
// HalfLife, a quarter after twice that, and so on.

// HalfLife is the age at which a contact counts half.
const HalfLife = 90 * 24 * time.Hour

const (
	maxEvidence  = 400  // contacts that are looked at, the newest of all handles
	otherPurpose = 0.25 // how much a contact of another purpose counts
	enough       = 4.0  // weighted contacts at which confidence is half
	maxProof     = 6    // contacts that are shown as proof
	// SureEnough is the confidence from which what was learned is proposed.
	SureEnough = 0.35
	// goodEnough is the score from which a channel is proposed at all.
	goodEnough = 0.4
	// quick is the time to an answer that halves the bonus for quickness.
	quick = 6 * 3600.0
)

// Habit is what behaviour shows of one channel.
type Habit struct {
	Channel    string
	Reached    float64 // our turns that wanted an answer, weighted by age and purpose
	Replied    float64 // … that got one
	Median     int64   // seconds until these answers, weighted; -1 without any
	Chosen     float64 // times the customer began here or came over to it
	Failed     float64 // messages that did not arrive
	Score      float64
	Confidence float64
	Hours      [24]float64 // when the customer writes or answers here, his time
	Days       [7]float64  // Sunday first
	Proof      []Contact   // the contacts that weighed most, newest first
}

// weigh is how much a contact counts now.
func weigh(now, at time.Time) float64 {
	age := now.Sub(at)
	if age < 0 {
		age = 0
	}
	return math.Exp2(-age.Hours() / HalfLife.Hours())
}

// Habits are what the behaviour of a customer shows for a purpose ("" all alike),
// best channel first.
func (p *Preferences) Habits(tx *store.Tx, root uint64, purpose string) ([]Habit, error) {
	contacts, err := p.Contacts(tx, root, maxEvidence)
	if err != nil {
		return nil, err
	}
	zone, err := p.zoneOf(tx, root)
	if err != nil {
		return nil, err
	}
	return habits(contacts, purpose, tx.Now(), zone), nil
}

// Contacts are a customer's newest contacts, newest first.
func (p *Preferences) Contacts(tx *store.Tx, root uint64, limit int) ([]Contact, error) {
	subjects, err := p.identity.Subjects(tx, root)
	if err != nil {
		return nil, err
	}
	var list []Contact
	for _, id := range subjects {
		n := 0
		for e := range p.contacts.Scan(tx, store.Range{Index: "handle", Prefix: store.K().Uint(id)}) {
			if n == limit {
				break
			}
			n++
			c, err := p.contacts.Get(tx, e.ID)
			if err != nil {
				return nil, err
			}
			c.ID = e.ID
			list = append(list, *c)
		}
	}
	slices.SortFunc(list, func(a, b Contact) int { return cmp.Or(b.Time.Compare(a.Time), cmp.Compare(b.ID, a.ID)) })
	return list[:min(len(list), limit)], nil
}

// zoneOf is a customer's time zone, the board's where none is known.
func (p *Preferences) zoneOf(tx *store.Tx, root uint64) (*time.Location, error) {
	name, err := p.identity.ShownField(tx, root, identity.FieldTimeZone)
	if err != nil {
		return nil, err
	}
	if name != "" {
		if z, err := time.LoadLocation(name); err == nil {
			return z, nil
		}
	}
	return p.zone, nil
}

type timed struct {
	seconds int64
	weight  float64
}

// habits is a pure function: the same contacts teach the same.
func habits(contacts []Contact, purpose string, now time.Time, zone *time.Location) []Habit {
	by := map[string]*Habit{}
	times := map[string][]timed{}
	var chosen float64
	for _, c := range contacts {
		w := weigh(now, c.Time)
		if purpose != "" && c.Purpose != purpose {
			w *= otherPurpose
		}
		h := by[c.Channel]
		if h == nil {
			h = &Habit{Channel: c.Channel, Median: -1}
			by[c.Channel] = h
		}
		said := false
		switch {
		case c.Failed:
			h.Failed += w
			said = true
		case c.Out && c.Waits:
			h.Reached += w
			if c.Answer != 0 {
				h.Replied += w
				times[c.Channel] = append(times[c.Channel], timed{c.After, w})
			}
			said = true
		case !c.Out && (c.First || c.Over != ""):
			h.Chosen += w
			chosen += w
			said = true
		}
		if !c.Out {
			local := c.Time.In(zone)
			h.Hours[local.Hour()] += w
			h.Days[local.Weekday()] += w
		}
		if said && len(h.Proof) < maxProof {
			h.Proof = append(h.Proof, c)
		}
	}
	var list []Habit
	for _, h := range by {
		h.Median = weightedMedian(times[h.Channel])
		// Of two tries one counts as answered before anything is known.
		rate := (h.Replied + 1) / (h.Reached + 2)
		speed := 0.5
		if h.Median >= 0 {
			speed = 1 / (1 + float64(h.Median)/quick)
		}
		share := 0.0
		if chosen > 0 {
			share = h.Chosen / chosen
		}
		h.Score = max(0, 0.5*rate+0.2*speed+0.3*share-0.5*min(1, h.Failed))
		n := h.Reached + h.Chosen + h.Failed
		h.Confidence = n / (n + enough)
		list = append(list, *h)
	}
	slices.SortFunc(list, func(a, b Habit) int { return cmp.Or(cmp.Compare(b.Score, a.Score), cmp.Compare(a.Channel, b.Channel)) })
	// Two channels that do alike say little about which is better.
	if len(list) > 1 {
		margin := min(1, (list[0].Score-list[1].Score)/0.15)
		list[0].Confidence *= 0.5 + 0.5*margin
	}
	return list
}

func weightedMedian(list []timed) int64 {
	if len(list) == 0 {
		return -1
	}
	slices.SortFunc(list, func(a, b timed) int {
		return cmp.Or(cmp.Compare(a.seconds, b.seconds), cmp.Compare(a.weight, b.weight))
	})
	var total, sum float64
	for _, t := range list {
		total += t.weight
	}
	for _, t := range list {
		if sum += t.weight; sum >= total/2 {
			return t.seconds
		}
	}
	return list[len(list)-1].seconds
}

// Proposed tells whether enough is known of the best channel to propose it.
func (h *Habit) Proposed() bool { return h.Confidence >= SureEnough && h.Score > goodEnough }

// BestHours is the stretch of at most four hours in which most of h falls; ok is
// false where little is known.
func (h *Habit) BestHours() (from, to int, ok bool) {
	const long = 4
	var total, best float64
	for i := range h.Hours {
		total += h.Hours[i]
		var sum float64
		for j := range long {
			sum += h.Hours[(i+j)%24]
		}
		if sum > best+1e-9 {
			best, from = sum, i
		}
	}
	if total < 2 || best < total/2 {
		return 0, 0, false
	}
	return from, (from + long) % 24, true
}
