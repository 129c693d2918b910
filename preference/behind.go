package preference

import (
	"slices"
	"strings"
	"time"

	"throughline/store"
)

// Behind asks for the contacts that a number of the board counts. Fields that are
// empty, or -1, do not narrow down.
type Behind struct {
	BoardQuery
	Number  string  // one of Numbers
	Purpose *string // nil is any, "" is none
	Channel string
	Over    string // the channel before, of switches
	// Customer is one person, under any record; 0 is everybody.
	Customer uint64
	Hour     int
	Weekday  int       // Sunday is 0
	After    store.Key // from the last answer
	Limit    int
}

// Numbers of the board whose contacts can be listed. "messages" are in and out
// together; followed and deviated are of any source, or of the one they begin with.
var Numbers = []string{"messages", "in", "out", "asked", "answered", "unanswered", "reached", "replied", "silent", "opened", "resolved", "failed",
	"followed", "deviated", "followed_reached", "deviated_reached", "followed_replied", "deviated_replied", "stated_followed", "stated_deviated", "set_followed", "set_deviated",
	"learned_followed", "learned_deviated", "switched", "switched_in", "switched_out"}

// behindScan bounds what one list looks at.
const behindScan = 20000

// List returns the contacts behind a number, newest first, and where to go on; next
// is nil at the end. A page may be short, or empty, and still go on.
func (p *Preferences) List(tx *store.Tx, q Behind) (list []Contact, next store.Key, err error) {
	if !slices.Contains(Numbers, q.Number) {
		return nil, nil, &InvalidError{"number", "there is no such number on the board"}
	}
	from, to, err := q.local(p.zone)
	if err != nil {
		return nil, nil, err
	}
	r := store.Range{Index: "time", After: q.After}
	start := store.K()
	switch {
	case q.Purpose != nil && q.Channel != "":
		r.Index, r.Prefix = "cell", store.K().Str(*q.Purpose).Str(q.Channel)
		start = r.Prefix
	case q.Number == "stated_deviated":
		r.Index = "unheeded"
	}
	if r.After == nil {
		// Newest first: what is later than the last day comes before this key.
		r.After = start.TimeDesc(to)
	}
	var whose map[uint64]bool
	if q.Customer != 0 {
		if whose, err = p.subjectsOf(tx, q.Customer); err != nil {
			return nil, nil, err
		}
	}
	seen := 0
	for e := range p.contacts.Scan(tx, r) {
		if len(list) == q.Limit || seen == behindScan {
			return list, next, nil
		}
		seen++
		c, err := p.contacts.Get(tx, e.ID)
		if err != nil {
			return nil, nil, err
		}
		next = e.Pos
		if c.Time.Before(from) {
			break
		}
		if c.ID = e.ID; q.has(c, p.zone) && (whose == nil || whose[c.Subject()]) {
			list = append(list, *c)
		}
	}
	return list, nil, nil
}

// subjectsOf are the records and handles of a customer.
func (p *Preferences) subjectsOf(tx *store.Tx, customer uint64) (map[uint64]bool, error) {
	root, err := p.identity.Root(tx, customer)
	if err != nil {
		return nil, err
	}
	subjects, err := p.identity.Subjects(tx, root.ID)
	if err != nil {
		return nil, err
	}
	out := map[uint64]bool{}
	for _, id := range subjects {
		out[id] = true
	}
	return out, nil
}

// local are the first instant of the first day and the first after the last.
func (q *BoardQuery) local(zone *time.Location) (from, to time.Time, err error) {
	if from, to, err = q.span(); err != nil {
		return from, to, err
	}
	day := func(t time.Time, n int) time.Time {
		return time.Date(t.Year(), t.Month(), t.Day()+n, 0, 0, 0, 0, zone)
	}
	return day(from, 0), day(to, 1), nil
}

// has tells whether a contact stands in the number: by the same function that counts.
func (q *Behind) has(c *Contact, zone *time.Location) bool {
	at := c.Time.In(zone)
	switch {
	case q.Purpose != nil && c.Purpose != *q.Purpose, q.Channel != "" && c.Channel != q.Channel, q.Over != "" && c.Over != q.Over,
		q.Agent != 0 && c.Agent != q.Agent, q.Team != 0 && c.Team != q.Team, q.Language != "" && c.Language != q.Language, q.Tag != "" && !slices.Contains(c.Tags, q.Tag),
		q.Hour >= 0 && at.Hour() != q.Hour, q.Weekday >= 0 && int(at.Weekday()) != q.Weekday:
		return false
	}
	counted := map[metric]bool{}
	c.counts(zone, func(_ cell, m metric) { counted[m] = true })
	any := func(from metric) bool { return counted[from] || counted[from+1] || counted[from+2] }
	switch q.Number {
	case "messages":
		return true
	case "in":
		return counted[mIn]
	case "out":
		return counted[mOut]
	case "asked":
		return counted[mAsked]
	case "answered":
		return counted[mAnswered]
	case "unanswered":
		return counted[mAsked] && !counted[mAnswered]
	case "reached":
		return counted[mReached]
	case "replied":
		return counted[mReplied]
	case "silent":
		return counted[mReached] && !counted[mReplied]
	case "opened":
		return counted[mOpened]
	case "resolved":
		return counted[mResolved]
	case "failed":
		return counted[mFailed]
	case "followed":
		return any(mFollowed)
	case "deviated":
		return any(mDeviated)
	case "followed_reached":
		return any(mFollowedReached)
	case "deviated_reached":
		return any(mDeviatedReached)
	case "followed_replied":
		return any(mFollowedReplied)
	case "deviated_replied":
		return any(mDeviatedReplied)
	case "stated_followed", "set_followed", "learned_followed":
		source, _, _ := strings.Cut(q.Number, "_")
		return counted[mFollowed+sourceOrder(source)]
	case "stated_deviated", "set_deviated", "learned_deviated":
		source, _, _ := strings.Cut(q.Number, "_")
		return counted[mDeviated+sourceOrder(source)]
	case "switched_in":
		return counted[mSwitchIn]
	case "switched_out":
		return counted[mSwitchOut]
	}
	return counted[mSwitchIn] || counted[mSwitchOut]
}

// Unheeded is a customer whose stated preference was not followed.
type Unheeded struct {
	Customer uint64
	Count    int
	Last     Contact // the newest
}

// Unheeded are the customers whose stated preference was not followed in some days,
// most often first; of very many contacts only the newest are looked at.
func (p *Preferences) Unheeded(tx *store.Tx, q BoardQuery, limit int) ([]Unheeded, error) {
	list, _, err := p.List(tx, Behind{BoardQuery: q, Number: "stated_deviated", Hour: -1, Weekday: -1, Limit: behindScan})
	if err != nil {
		return nil, err
	}
	at := map[uint64]int{}
	var out []Unheeded
	for _, c := range list {
		customer := c.Whose
		if customer == 0 {
			h, err := p.identity.Handle(tx, c.Handle)
			if err != nil {
				continue // erased
			}
			customer = h.Customer
		}
		root, err := p.identity.Root(tx, customer)
		if err != nil {
			return nil, err
		}
		i, known := at[root.ID]
		if !known {
			i = len(out)
			at[root.ID] = i
			out = append(out, Unheeded{Customer: root.ID, Last: c})
		}
		out[i].Count++
	}
	slices.SortStableFunc(out, func(a, b Unheeded) int { return b.Count - a.Count })
	return out[:min(len(out), limit)], nil
}
