package twilio

import (
	"errors"
	"slices"
	"strings"
	"time"
	_ "time/tzdata" // the machine may have no table of zones
)

// hours tells when somebody is there. The zero table is always open.
type hours struct {
	zone     *time.Location
	open     []span
	holidays map[string]bool // "2006-01-02", or "01-02" for every year
}

// span is one stretch of some days of the week, in minutes since midnight as a
// clock on the wall shows them; until is not in it.
type span struct {
	days        [7]bool // by time.Weekday
	from, until int
}

var weekdays = []string{"sun", "mon", "tue", "wed", "thu", "fri", "sat"}

// add reads a line such as "mon-fri 09:00-17:00" or "sat,sun 10:00-12:00".
func (h *hours) add(line string) error {
	days, times, ok := strings.Cut(strings.ToLower(strings.TrimSpace(line)), " ")
	if !ok {
		return errors.New("it needs days and times")
	}
	var s span
	for part := range strings.SplitSeq(days, ",") {
		first, last, ranged := strings.Cut(part, "-")
		if !ranged {
			last = first
		}
		a, b := slices.Index(weekdays, first), slices.Index(weekdays, last)
		if a < 0 || b < 0 {
			return errors.New("days are mon, tue, wed, thu, fri, sat, sun")
		}
		for d := a; ; d = (d + 1) % 7 { // sat-mon goes over the end of the week
			s.days[d] = true
			if d == b {
				break
			}
		}
	}
	from, until, ok := strings.Cut(strings.ReplaceAll(times, " ", ""), "-")
	if !ok {
		return errors.New("times are a beginning and an end")
	}
	var err error
	if s.from, err = minutes(from); err != nil {
		return err
	}
	if s.until, err = minutes(until); err != nil {
		return err
	}
	if s.from >= s.until {
		return errors.New("the end is not after the beginning; hours over midnight are two lines, the first until 24:00")
	}
	h.open = append(h.open, s)
	return nil
}

// minutes reads a time of day; 24:00 is the end of a day.
func minutes(s string) (int, error) {
	if s == "24:00" {
		return 24 * 60, nil
	}
	t, err := time.Parse("15:04", s)
	if err != nil {
		return 0, errors.New("times are written 09:00")
	}
	return t.Hour()*60 + t.Minute(), nil
}

// close adds a holiday.
func (h *hours) close(date string) error {
	date = strings.TrimSpace(date)
	_, once := time.Parse(time.DateOnly, date)
	_, yearly := time.Parse(time.DateOnly, "2024-"+date) // a leap year
	if once != nil && yearly != nil {
		return once
	}
	if h.holidays == nil {
		h.holidays = map[string]bool{}
	}
	h.holidays[date] = true
	return nil
}

// maxAhead bounds how far into the calendar opening times are looked for.
const maxAhead = 60 * 24 * time.Hour

// later is when somebody has been there for d since t.
func (h *hours) later(t time.Time, d time.Duration) time.Time {
	if len(h.open) == 0 && len(h.holidays) == 0 {
		return t.Add(d)
	}
	for at := t; at.Sub(t) < maxAhead; {
		next := at.Truncate(time.Minute).Add(time.Minute)
		if h.closedAt(at) {
			at = next
			continue
		}
		if d <= next.Sub(at) {
			return at.Add(d)
		}
		d, at = d-next.Sub(at), next
	}
	return t.Add(d) // a table that is never open
}

// closedAt tells whether nobody is there.
func (h *hours) closedAt(t time.Time) bool {
	t = t.In(h.zone)
	if h.holidays[t.Format(time.DateOnly)] || h.holidays[t.Format("01-02")] {
		return true
	}
	minute := t.Hour()*60 + t.Minute()
	return len(h.open) > 0 && !slices.ContainsFunc(h.open, func(s span) bool {
		return s.days[t.Weekday()] && minute >= s.from && minute < s.until
	})
}
