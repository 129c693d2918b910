package email

import (
	"net/mail"
	"strconv"
	"strings"
	"time"
)

// parseDate reads a Date header (RFC 5322 section 3.3) and the forms that other
// programs write: missing weekday or seconds, two-digit years, zone names,
// comments, asctime, ISO 8601. ok is false if there is no date in s, or one
// before 1970 or after 2200, which no clock has shown.
func parseDate(s string) (t time.Time, ok bool) {
	s = strings.TrimSpace(s)
	if s == "" || len(s) > 200 {
		return time.Time{}, false
	}
	t, err := mail.ParseDate(s)
	if err != nil {
		t, ok = looseDate(s)
		if !ok {
			return time.Time{}, false
		}
	}
	if y := t.Year(); y < 1900 || y > 2200 {
		return time.Time{}, false
	}
	return t, true
}

// looseDate takes the words of a date in whatever order they stand.
func looseDate(s string) (time.Time, bool) {
	s = stripComments(s)
	for _, layout := range []string{time.RFC3339, "2006-01-02T15:04:05", "2006-01-02 15:04:05 -0700", "2006-01-02 15:04:05", "2006-01-02"} {
		if t, err := time.Parse(layout, strings.TrimSpace(s)); err == nil {
			return t, true
		}
	}
	day, year, month := 0, -1, time.Month(0)
	hour, minute, second := -1, 0, 0
	zone := time.UTC
	pm := 0
	for _, w := range strings.FieldsFunc(s, func(r rune) bool { return r == ' ' || r == '\t' || r == ',' || r == '-' && false }) {
		switch {
		case strings.Count(w, ":") >= 1 || strings.Count(w, ".") == 2 && hour < 0:
			clock, off, has := splitZone(w)
			if !parseClock(clock, &hour, &minute, &second) {
				return time.Time{}, false
			}
			if has {
				if z, ok := zoneOf(off); ok {
					zone = z
				}
			}
		case strings.Count(w, "-") == 2 && w[0] != '-': // 1-Jul-2003
			for _, x := range strings.Split(w, "-") {
				if m := monthOf(x); m != 0 {
					month = m
				} else if n, err := strconv.Atoi(x); err == nil {
					if day == 0 {
						day = n
					} else {
						year = fullYear(n, len(x))
					}
				}
			}
		case monthOf(w) != 0 && month == 0:
			month = monthOf(w)
		case strings.EqualFold(w, "pm"):
			pm = 12
		case strings.EqualFold(w, "am"):
			pm = -12
		default:
			if n, err := strconv.Atoi(w); err == nil && w[0] != '+' && w[0] != '-' {
				if day == 0 && n <= 31 {
					day = n
				} else if year < 0 {
					year = fullYear(n, len(w))
				}
				continue
			}
			if z, ok := zoneOf(w); ok {
				zone = z
			}
		}
	}
	if day < 1 || day > 31 || month == 0 || year < 0 {
		return time.Time{}, false
	}
	if hour < 0 {
		hour = 0
	}
	if pm == 12 && hour < 12 {
		hour += 12
	} else if pm == -12 && hour == 12 {
		hour = 0
	}
	return time.Date(year, month, day, hour, minute, second, 0, zone), true
}

func splitZone(w string) (clock, zone string, ok bool) {
	if i := strings.LastIndexAny(w, "+-"); i > 0 {
		return w[:i], w[i:], true
	}
	return w, "", false
}

func parseClock(w string, hour, minute, second *int) bool {
	parts := strings.FieldsFunc(w, func(r rune) bool { return r == ':' || r == '.' })
	if len(parts) < 2 {
		return false
	}
	for i, dst := range []*int{hour, minute, second} {
		if i >= len(parts) {
			break
		}
		n, err := strconv.Atoi(parts[i])
		if err != nil || n < 0 || n > 60 {
			return false
		}
		*dst = n
	}
	return *hour < 25 && *minute < 60
}

// fullYear completes a year of two or three digits (RFC 5322 section 4.3).
func fullYear(n, digits int) int {
	switch {
	case digits <= 2 && n < 50:
		return 2000 + n
	case digits <= 3:
		return 1900 + n
	}
	return n
}

var months = [...]string{"jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"}

func monthOf(w string) time.Month {
	if len(w) < 3 {
		return 0
	}
	w = strings.ToLower(w[:3])
	for i, m := range months {
		if w == m {
			return time.Month(i + 1)
		}
	}
	return 0
}

// zoneOf reads "+0330", "+03:30", "GMT+3" and the names of RFC 5322 section 4.3;
// other names mean UTC.
func zoneOf(w string) (*time.Location, bool) {
	w = strings.ToUpper(strings.Trim(w, "\"'"))
	for _, p := range []string{"GMT", "UTC"} {
		if rest := strings.TrimPrefix(w, p); rest != w && rest != "" {
			w = rest
		}
	}
	hours := map[string]int{"EST": -5, "EDT": -4, "CST": -6, "CDT": -5, "MST": -7, "MDT": -6, "PST": -8, "PDT": -7, "CET": 1, "CEST": 2, "MET": 1, "MEST": 2, "EET": 2, "EEST": 3, "BST": 1, "MSK": 3, "JST": 9, "IST": 0}
	if h, ok := hours[w]; ok {
		return time.FixedZone(w, h*3600), true
	}
	if len(w) < 2 || w[0] != '+' && w[0] != '-' {
		return nil, false
	}
	digits := strings.ReplaceAll(w[1:], ":", "")
	n, err := strconv.Atoi(digits)
	if err != nil || n < 0 {
		return nil, false
	}
	if len(digits) <= 2 {
		n *= 100
	}
	secs := (n/100)*3600 + (n%100)*60
	if secs > 24*3600 {
		return nil, false
	}
	if w[0] == '-' {
		secs = -secs
	}
	return time.FixedZone("", secs), true
}
