package match

import (
	"slices"
	"strings"
)

// Keys under which the frequency of values is counted.
func givenKey(s string) string       { return "g:" + s }
func familyKey(s string) string      { return "f:" + s }
func emailKey(e email) string        { return "e:" + e.full() }
func phoneKey(p phone) string        { return "p:" + p.tail() }
func bornKey(d date) string          { return "b:" + d.iso() }
func valueKey(name, s string) string { return "v:" + name + ":" + s }

func (d date) iso() string {
	return string([]byte{
		byte('0' + d.year/1000%10), byte('0' + d.year/100%10), byte('0' + d.year/10%10), byte('0' + d.year%10),
		byte('0' + d.month/10), byte('0' + d.month%10), byte('0' + d.day/10), byte('0' + d.day%10)})
}

func (c *comparer) compareEmails(a, b *Profile, nm nameMatch, d *details) uint8 {
	best := uint8(0)
	for i := range a.emails {
		for j := range b.emails {
			x, y := &a.emails[i], &b.emails[j]
			l := c.compareEmail(x, y, nm)
			if l != 0 && (best == 0 || l < best) {
				best = l
				if d != nil {
					d[Email] = agreement{x.text, y.text, ""}
				}
			}
		}
	}
	return best
}

func (c *comparer) compareEmail(x, y *email, nm nameMatch) uint8 {
	if x.plain == y.plain && x.domain == y.domain {
		if x.role || c.freq.Shared(emailKey(*x)) {
			return emailShared
		}
		return same
	}
	sameDomain := x.domain == y.domain
	stemX, stemY := strings.Trim(x.plain, "0123456789"), strings.Trim(y.plain, "0123456789")
	switch {
	case x.role || y.role:
		return 0 // that somebody also has an address of his own says nothing
	case sameDomain && stemX == stemY && len(stemX) > 1:
		return emailDigits
	case x.plain == y.plain && slipped(x.plain, x.domain, y.domain):
		return emailNear
	case x.plain == y.plain && len(x.plain) >= 5:
		if madeOfName(x.plain, nm.a) || madeOfName(x.plain, nm.b) {
			return emailNamed
		}
		return emailLocal
	case sameDomain && len(x.plain) >= 5 && len(y.plain) >= 5 && (oneEdit(x.plain, y.plain) || similarity(x.plain, y.plain) >= 0.95):
		if !strings.ContainsAny(x.plain+y.plain, "0123456789") && madeOfName(x.plain, nm.a) && madeOfName(y.plain, nm.b) {
			return emailNamed // each made of its own name: the addresses are as near as the names are
		}
		return emailNear
	case x.plain == y.plain && oneEdit(x.domain, y.domain):
		return emailNear
	}
	if sameDomain && !freeMail[x.domain] {
		return emailDomain
	}
	return emailOther
}

// slipped tells that two domains are one with some slips of the pen: behind a local part
// with figures, which hardly anybody else has, they need not be as alike.
func slipped(local, x, y string) bool {
	if freeMail[x] && freeMail[y] {
		return false
	}
	return len(local) >= 5 && strings.ContainsAny(local, "0123456789") && similarity(x, y) >= 0.9
}

// madeOfName tells that a local part says no more than the name does.
func madeOfName(local string, n *name) bool {
	if n == nil || n.given == "" || n.family == "" {
		return false
	}
	if foreign(n.given) || foreign(n.family) {
		return !strings.ContainsAny(local, "0123456789")
	}
	letters := strings.Map(func(r rune) rune {
		if strings.ContainsRune("._-0123456789", r) {
			return -1
		}
		return r
	}, local)
	g, f := strings.ReplaceAll(n.given, " ", ""), strings.ReplaceAll(n.family, " ", "")
	return slices.Contains([]string{g + f, f + g, start(g, 1) + f, f + start(g, 1), g + start(f, 1), g, f}, letters)
}

func (c *comparer) comparePhones(a, b *Profile, d *details) uint8 {
	best := uint8(0)
	for i := range a.phones {
		for j := range b.phones {
			x, y := &a.phones[i], &b.phones[j]
			l := uint8(phoneOther)
			switch {
			case x.digits == y.digits, x.tail() == y.tail() && !(x.whole && y.whole) && min(len(x.digits), len(y.digits)) >= tailDigits:
				l = same
				if c.freq.Shared(phoneKey(*x)) {
					l = phoneShared
				}
			case oneEdit(x.digits, y.digits):
				l = phoneNear
			}
			if best == 0 || l < best {
				best = l
				if d != nil {
					d[Phone] = agreement{x.text, y.text, ""}
				}
			}
		}
	}
	return best
}

// generation is how many years parents are older than their children at least.
const generation = 15

func compareBorn(as, bs []date, d *details) uint8 {
	best := uint8(0)
	for _, a := range as {
		for _, b := range bs {
			l := uint8(bornOther)
			sy, sm, sd := a.year == b.year, a.month == b.month, a.day == b.day
			switch {
			case sy && sm && sd:
				l = same
			case sy && a.month == b.day && a.day == b.month, oneEdit(a.iso(), b.iso()):
				l = bornNear
			case sy && sm || sy && sd || sm && sd && max(a.year-b.year, b.year-a.year) < generation:
				l = bornPart
			case max(a.year-b.year, b.year-a.year) >= generation:
				l = bornApart
			}
			if best == 0 || l < best {
				best = l
				if d != nil {
					d[Born] = agreement{a.text, b.text, bornKey(a)}
				}
			}
		}
	}
	return best
}

func compareAddresses(as, bs []address, d *details) uint8 {
	best := uint8(0)
	for i := range as {
		for j := range bs {
			l := compareAddress(&as[i], &bs[j])
			if best == 0 || l < best {
				best = l
				if d != nil {
					d[Address] = agreement{as[i].text, bs[j].text, valueKey(fieldNames[Address], as[i].folded)}
				}
			}
		}
	}
	return best
}

func compareAddress(a, b *address) uint8 {
	if a.folded == b.folded {
		return same
	}
	// Words of the one that the other has too, slips of the pen counted.
	common := 0
	for _, w := range a.words {
		if slices.ContainsFunc(b.words, func(o string) bool { return o == w || len(w) >= 4 && similarity(o, w) >= 0.9 }) {
			common++
		}
	}
	most, least := max(len(a.words), len(b.words)), min(len(a.words), len(b.words))
	number := len(a.numbers) == 0 || len(b.numbers) == 0 || slices.ContainsFunc(a.numbers, func(n string) bool { return slices.Contains(b.numbers, n) })
	joined := similarity(strings.Join(a.words, ""), strings.Join(b.words, "")) >= 0.9
	switch {
	case number && least > 0 && (joined || common == least && 2*common >= most):
		return valueNear
	case joined, number && common > 0 && 2*common >= least, least > 0 && common == most:
		return placeLike
	}
	return placeOther
}

// compareValues compares plain texts of the field with a name, where near tells
// what is nearly the same.
func compareValues(as, bs []value, near func(a, b string) bool, f Field, name string, d *details) uint8 {
	best := uint8(0)
	for i := range as {
		for j := range bs {
			a, b := as[i].folded, bs[j].folded
			l := uint8(valueOther)
			switch {
			case a == b:
				l = same
			case near(a, b):
				l = valueNear
			}
			if best == 0 || l < best {
				best = l
				if d != nil {
					d[f] = agreement{as[i].text, bs[j].text, valueKey(name, a)}
				}
			}
		}
	}
	return best
}

func never(string, string) bool { return false }

func nearText(a, b string) bool {
	return min(len(a), len(b)) >= 4 && (similarity(a, b) >= 0.92 || strings.ReplaceAll(a, " ", "") == strings.ReplaceAll(b, " ", ""))
}

func nearCode(a, b string) bool { return len(a) >= 4 && len(b) >= 4 && oneEdit(a, b) }

func nearUser(a, b string) bool { return len(a) >= 6 && len(b) >= 6 && oneEdit(a, b) }
