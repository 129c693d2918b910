package match

import (
	"slices"
	"strings"
	"unicode"

	"github.com/nyaruka/phonenumbers"
)

// maxValues bounds how many values of one field are compared.
const maxValues = 12

// Profile is a record in the form in which it is compared.
type Profile struct {
	names     []name
	emails    []email
	phones    []phone
	born      []date
	addresses []address
	postcodes []value
	cities    []value
	states    []value
	companies []value
	usernames []value
	attrs     map[string][]value
}

// value is a text as written and in the form in which it is compared.
type value struct{ text, folded string }

type email struct {
	text, local, domain string
	plain               string // the local part without what follows a plus, and at some providers without dots
	role                bool   // info@, sales@: several people read it
}

func (e email) full() string { return e.plain + "@" + e.domain }

type phone struct {
	text   string
	digits string // E.164 without the plus, or what there is
	whole  bool   // digits begin with the country code
}

// tailDigits is how many digits at the end of two numbers have to be the same if
// one of them has no country code.
const tailDigits = 8

func (p phone) tail() string { return p.digits[max(0, len(p.digits)-tailDigits):] }

type date struct {
	text             string
	year, month, day int
}

type address struct {
	value
	numbers, words []string
}

// E164, instead of a country, tells Normalize that a number of a plus and nothing but
// digits is E.164 already, as those of handles are: reading a number is half the work
// of a comparison.
const E164 = "E.164"

// Normalize brings a record to the form in which it is compared. country is that
// of phone numbers without a country code, "" if unknown, or E164.
func Normalize(r *Record, country string) *Profile {
	p := &Profile{names: namesOf(r)}
	for _, s := range r.Emails {
		if e, ok := readEmail(s); ok && len(p.emails) < maxValues && !slices.ContainsFunc(p.emails, func(o email) bool { return o.full() == e.full() }) {
			p.emails = append(p.emails, e)
		}
	}
	for _, s := range r.Phones {
		if n, ok := readPhone(s, country); ok && len(p.phones) < maxValues && !slices.ContainsFunc(p.phones, func(o phone) bool { return o.digits == n.digits }) {
			p.phones = append(p.phones, n)
		}
	}
	for _, s := range r.Born {
		if d, ok := readDate(s); ok && len(p.born) < maxValues {
			p.born = append(p.born, d)
		}
	}
	for _, s := range r.Addresses {
		if a, ok := readAddress(s); ok && len(p.addresses) < maxValues {
			p.addresses = append(p.addresses, a)
		}
	}
	p.postcodes = values(r.Postcodes, func(s string) string { return strings.Join(words(Fold(s)), "") })
	p.cities = values(r.Cities, func(s string) string { return strings.Join(words(Fold(s)), " ") })
	p.states = values(r.States, func(s string) string { return strings.Join(words(Fold(s)), " ") })
	p.companies = values(r.Companies, foldCompany)
	p.usernames = values(r.Usernames, func(s string) string { return strings.TrimLeft(strings.TrimSpace(Fold(s)), "@") })
	for k, vs := range r.Attributes {
		folded := values(vs, func(s string) string { return strings.Join(words(Fold(s)), " ") })
		if len(folded) > 0 && k != "" {
			if p.attrs == nil {
				p.attrs = map[string][]value{}
			}
			p.attrs[k] = folded
		}
	}
	return p
}

func values(texts []string, fold func(string) string) []value {
	var out []value
	for _, s := range texts {
		f := fold(s)
		if f != "" && len(out) < maxValues && !slices.ContainsFunc(out, func(o value) bool { return o.folded == f }) {
			out = append(out, value{s, f})
		}
	}
	return out
}

func readEmail(s string) (email, bool) {
	s = strings.TrimSpace(s)
	e := email{text: s}
	f := strings.TrimPrefix(Fold(s), "mailto:")
	at := strings.LastIndexByte(f, '@')
	if at < 1 || at == len(f)-1 || len(f) > 320 {
		return e, false
	}
	e.local, e.domain = f[:at], strings.TrimSuffix(f[at+1:], ".")
	e.plain, _, _ = strings.Cut(e.local, "+")
	if e.domain == "googlemail.com" {
		e.domain = "gmail.com"
	}
	if e.domain == "gmail.com" { // there dots mean nothing
		e.plain = strings.ReplaceAll(e.plain, ".", "")
	}
	e.role = roleNames[e.plain]
	return e, e.plain != ""
}

// minPhone is the shortest number that tells anything: short codes do not.
const minPhone = 7

func readPhone(s, country string) (phone, bool) {
	s = strings.TrimSpace(s)
	if len(s) > 60 {
		return phone{}, false
	}
	region := country
	switch {
	case country == E164 && isE164(s):
		return phone{text: s, digits: s[1:], whole: true}, true
	case country == "", country == E164:
		region = "ZZ"
	}
	if n, err := phonenumbers.Parse(s, region); err == nil && phonenumbers.IsPossibleNumber(n) {
		return phone{text: s, digits: strings.TrimPrefix(phonenumbers.Format(n, phonenumbers.E164), "+"), whole: true}, true
	}
	d := onlyDigits(s)
	if t, ok := strings.CutPrefix(d, "00"); ok {
		d = t
	}
	d = strings.TrimLeft(d, "0")
	return phone{text: s, digits: d}, len(d) >= minPhone && len(d) <= 15
}

// isE164 tells whether s has the form of ITU-T E.164, 6.2.1: at most 15 digits after the plus.
func isE164(s string) bool {
	return len(s) > minPhone && len(s) <= 16 && s[0] == '+' && s[1] != '0' && onlyDigits(s) == s[1:]
}

// readDate reads a date of birth. Of two numbers that may both be a month, the
// first is the day.
func readDate(s string) (date, bool) {
	d := date{text: strings.TrimSpace(s)}
	f := Fold(d.text)
	if t, _, ok := strings.Cut(f, "t"); ok && strings.Count(t, "-") == 2 {
		f = t // RFC 3339
	}
	parts := strings.FieldsFunc(f, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
	if len(parts) == 1 && len(parts[0]) == 8 {
		parts = []string{parts[0][:4], parts[0][4:6], parts[0][6:]}
	}
	if len(parts) != 3 {
		return d, false
	}
	var n [3]int
	month := -1
	for i, p := range parts {
		for m, name := range months {
			if len(p) >= 3 && strings.HasPrefix(name, p) {
				month, n[i] = i, m+1
			}
		}
		if month == i {
			continue
		}
		p = strings.TrimRight(p, "sthnrd")
		if p == "" || len(p) > 4 || onlyDigits(p) != p {
			return d, false
		}
		for _, c := range p {
			n[i] = n[i]*10 + int(c-'0')
		}
	}
	switch {
	case month == 0:
		d.month, d.day, d.year = n[0], n[1], n[2]
	case n[0] > 31:
		d.year, d.month, d.day = n[0], n[1], n[2]
	default:
		d.day, d.month, d.year = n[0], n[1], n[2]
	}
	if d.month > 12 && d.day <= 12 {
		d.month, d.day = d.day, d.month
	}
	if d.year > 2400 && d.year < 2700 {
		d.year -= 543 // the Buddhist era of Thailand
	}
	ok := d.month >= 1 && d.month <= 12 && d.day >= 1 && d.day <= 31 && d.year > 1200 && d.year <= 2200
	return d, ok
}

var months = [...]string{"january", "february", "march", "april", "may", "june", "july", "august", "september", "october", "november", "december"}

// streetWords are written in many ways and tell little.
var streetWords = set(`street st str strasse road rd avenue ave av lane ln drive dr court ct place pl close cl crescent cres circuit cct way terrace tce
parade pde boulevard blvd square sq highway hwy flat unit apartment apt suite no nr number house floor straat rue via calle
خیابان کوچه پلاک واحد طبقه بلوار ถนน ซอย หมู่ เลขที่`)

func readAddress(s string) (address, bool) {
	a := address{value: value{text: strings.TrimSpace(s)}}
	for _, w := range words(Fold(s)) {
		if len(a.words)+len(a.numbers) == 16 {
			break
		}
		switch {
		case w[0] >= '0' && w[0] <= '9':
			a.numbers = append(a.numbers, w)
		case !streetWords[w]:
			a.words = append(a.words, w)
		}
	}
	a.folded = strings.Join(append(slices.Clone(a.numbers), a.words...), " ")
	return a, a.folded != ""
}

// foldCompany leaves what distinguishes a company: "Acme Ltd." and "ACME" are one.
func foldCompany(s string) string {
	all := words(Fold(s))
	ws := slices.DeleteFunc(slices.Clone(all), func(w string) bool { return legalForms[w] })
	if len(ws) == 0 {
		ws = all
	}
	return strings.Join(ws, " ")
}
