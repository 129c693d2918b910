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
	if t, ok := plainDate(s); ok {
		return t, true
	}
	t, err := mail.ParseDate(s)
	if name, offset := t.Zone(); err == nil && offset == 0 && name != "" && name != "UTC" {
		if z, ok := zoneOf(name); ok { // net/mail takes named zones as UTC
			t = time.Date(t.Year(), t.Month(), t.Day(), t.Hour(), t.Minute(), t.Second(), 0, z)
		}
	}
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

// plainDate reads the form that nearly all mails have, "Mon, 2 Nov 2026 10:00:00
// +0000" with or without the weekday and a comment at the end: net/mail takes
// ten times as long, for it tries many layouts.
func plainDate(s string) (time.Time, bool) {
	if i := strings.IndexByte(s[:min(len(s), 5)], ','); i == 3 {
		s = strings.TrimLeft(s[4:], " ")
	}
	day, s, ok := number(s, 2, ' ')
	if !ok || len(s) < 4 || s[3] != ' ' || day < 1 {
		return time.Time{}, false
	}
	month := monthOf(s[:3])
	year, s, ok := number(s[4:], 4, ' ')
	if !ok || month == 0 || year < 1900 {
		return time.Time{}, false
	}
	hour, s, ok1 := number(s, 2, ':')
	minute, s, ok2 := number(s, 2, ':')
	second, s, ok3 := number(s, 2, ' ')
	if !ok1 || !ok2 || !ok3 || hour > 23 || minute > 59 || second > 60 || day > 31 || len(s) < 5 || len(s) > 5 && s[5] != ' ' {
		return time.Time{}, false
	}
	zone, _, ok := number(s[1:5]+" ", 4, ' ')
	if !ok || s[0] != '+' && s[0] != '-' || zone > 2359 {
		return time.Time{}, false
	}
	offset := zone/100*3600 + zone%100*60
	if s[0] == '-' {
		offset = -offset
	}
	loc := time.UTC
	if offset != 0 {
		loc = time.FixedZone("", offset)
	}
	return time.Date(year, month, day, hour, minute, second, 0, loc), true
}

// number reads up to width digits and the byte after them.
func number(s string, width int, end byte) (n int, rest string, ok bool) {
	i := 0
	for i < len(s) && i < width && isDigit(s[i]) {
		n = n*10 + int(s[i]-'0')
		i++
	}
	if i == 0 || i >= len(s) || s[i] != end {
		return 0, "", false
	}
	return n, s[i+1:], true
}

// looseDate takes the words of a date in whatever order they stand.
func looseDate(s string) (time.Time, bool) {
	s = stripComments(s)
	for _, gap := range [...]string{" :", ": "} { // "10 : 52"
		for strings.Contains(s, gap) {
			s = strings.ReplaceAll(s, gap, ":")
		}
	}
	for _, layout := range []string{time.RFC3339, "2006-01-02T15:04:05", "2006-01-02 15:04:05 -0700", "2006-01-02 15:04:05", "2006-01-02"} {
		if t, err := time.Parse(layout, strings.TrimSpace(s)); err == nil {
			return t, true
		}
	}
	day, year, month := 0, -1, time.Month(0)
	hour, minute, second := -1, 0, 0
	zone := time.UTC
	pm := 0
	for _, w := range strings.FieldsFunc(s, func(r rune) bool { return r == ' ' || r == '\t' || r == ',' }) {
		switch {
		case hour >= 0 && (w[0] == '+' || w[0] == '-') && strings.Count(w, ":") == 1: // +03:30
			if z, ok := zoneOf(w); ok {
				zone = z
			}
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

var zoneHours = map[string]int{
	"UT": 0, "GMT": 0, "UTC": 0, "Z": 0, "EST": -5, "EDT": -4, "CST": -6, "CDT": -5, "MST": -7, "MDT": -6, "PST": -8, "PDT": -7,
	"CET": 1, "CEST": 2, "MET": 1, "MEST": 2, "EET": 2, "EEST": 3, "BST": 1, "MSK": 3, "JST": 9,
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
	if i := strings.IndexAny(w, "0123456789"); i > 2 && isWordByte(w[0]) {
		w = w[:i] // EST5EDT
	}
	if h, ok := zoneHours[w]; ok {
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
