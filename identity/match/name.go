package match

import (
	"slices"
	"strings"
	"unicode/utf8"
)

// name is a name in parts. Where the order is not known Family is a guess, which
// compareNames does not rely on.
type name struct {
	text          string // as written
	given, family string // folded words with a space between; "" if unknown
	weak          bool   // made of a mail address
}

// maxNameWords bounds what is read of a name: senders may write anything there.
const maxNameWords = 8

// nameWords are the folded words of a name without titles.
func nameWords(text string) []string {
	var out []string
	for _, w := range words(Fold(text)) {
		if len(out) == maxNameWords {
			break
		}
		for _, t := range thaiTitles {
			if rest, ok := strings.CutPrefix(w, t); ok && utf8.RuneCountInString(rest) >= 3 {
				w = rest
				break
			}
		}
		if !titles[w] {
			out = append(out, w)
		}
	}
	return out
}

// wholeName reads a name of unknown order: "Ann Lee", "Lee, Ann", "Dr. A. van der
// Lee".
func wholeName(text string) (name, bool) {
	if last, first, ok := strings.Cut(text, ","); ok && !strings.Contains(first, ",") {
		if l, f := nameWords(last), nameWords(first); len(l) > 0 && len(f) > 0 {
			return name{text: text, given: strings.Join(f, " "), family: strings.Join(l, " ")}, true
		}
	}
	ws := nameWords(text)
	switch len(ws) {
	case 0:
		return name{}, false
	case 1:
		return name{text: text, given: ws[0]}, true
	}
	cut := len(ws) - 1
	for cut > 1 && particles[ws[cut-1]] {
		cut--
	}
	return name{text: text, given: strings.Join(ws[:cut], " "), family: strings.Join(ws[cut:], " ")}, true
}

// namesOf are the names of a record; of one without any, those that its addresses
// suggest.
func namesOf(r *Record) []name {
	var out []name
	add := func(n name) {
		if !slices.ContainsFunc(out, func(o name) bool { return o.given == n.given && o.family == n.family }) && len(out) < maxValues {
			out = append(out, n)
		}
	}
	for i := range max(len(r.First), len(r.Last)) {
		var n name
		if i < len(r.First) {
			n.text, n.given = r.First[i], strings.Join(nameWords(r.First[i]), " ")
		}
		if i < len(r.Last) {
			n.text, n.family = strings.TrimSpace(n.text+" "+r.Last[i]), strings.Join(nameWords(r.Last[i]), " ")
		}
		if n.given != "" || n.family != "" {
			add(n)
		}
	}
	for _, text := range r.Names {
		if strings.Contains(text, "@") {
			continue
		}
		if n, ok := wholeName(text); ok {
			add(n)
		}
	}
	if len(out) > 0 {
		return out
	}
	for _, e := range r.Emails {
		local, _, _ := strings.Cut(Fold(e), "@")
		local, _, _ = strings.Cut(local, "+")
		parts := strings.FieldsFunc(local, func(r rune) bool { return r == '.' || r == '_' || r == '-' })
		if len(parts) == 2 && len(strings.Trim(parts[0]+parts[1], "0123456789")) == len(parts[0]+parts[1]) && min(len(parts[0]), len(parts[1])) > 1 &&
			!roleNames[parts[0]] && !roleNames[parts[1]] {
			add(name{text: local, given: parts[0], family: parts[1], weak: true})
		}
	}
	return out
}

// Levels of a part of a name, the best first.
const (
	nameSame    = iota + 1
	nameVariant // a nickname, another script, other spaces
	nameNear    // a slip of the pen
	nameSimilar
	nameInitial
	nameOther
)

// compareWords compares two parts of names: given with given, family with family.
func compareWords(a, b string) uint8 {
	if a == "" || b == "" {
		return 0
	}
	if a == b {
		return nameSame
	}
	best := compareOne(a, b)
	if best <= nameVariant || !strings.Contains(a, " ") && !strings.Contains(b, " ") {
		return best
	}
	// Two given names of which one is used, a double family name.
	if strings.ReplaceAll(a, " ", "") == strings.ReplaceAll(b, " ", "") {
		return nameVariant
	}
	as, bs := strings.Fields(a), strings.Fields(b)
	for i, x := range as {
		for j, y := range bs {
			if particles[x] || particles[y] {
				continue
			}
			l := compareOne(x, y)
			if l == nameOther || l == nameInitial && i+j > 0 {
				continue
			}
			if i == 0 && j == 0 && l <= nameVariant {
				l = nameVariant // the same but for a further name
			} else {
				l = max(l, nameNear)
			}
			best = min(best, l)
		}
	}
	return best
}

func compareOne(a, b string) uint8 {
	if a == b {
		return nameSame
	}
	la, lb := utf8.RuneCountInString(a), utf8.RuneCountInString(b)
	if la == 1 || lb == 1 {
		if start(a, 1) == start(b, 1) {
			return nameInitial
		}
		return nameOther
	}
	fa, fb := foreign(a), foreign(b)
	if fa != fb {
		if fa && spelledAs(a, b) || fb && spelledAs(b, a) {
			return nameVariant
		}
		return nameOther
	}
	for _, g := range nicknames[a] {
		if slices.Contains(nicknames[b], g) {
			return nameVariant
		}
	}
	s := similarity(a, b)
	// Of short names one letter makes another name: Jan and Jon, Lee and Leo.
	switch short := min(la, lb) <= 3; {
	case s >= 0.92 && !short, oneEdit(a, b) && min(la, lb) >= 5:
		return nameNear
	case s >= 0.85 && !short, short && oneEdit(a, b), !short && anagram(a, b):
		return nameSimilar
	}
	return nameOther
}

// nameMatch is how two names compare.
type nameMatch struct {
	given, family uint8
	a, b          *name
	swapped       bool // given name and family name stand the other way round
}

// worth orders name matches: what is unlike costs.
func (m nameMatch) worth() int {
	points := [...]int{0, 9, 7, 6, 3, 1, -6}
	w := points[m.given] + points[m.family]
	if m.swapped {
		w--
	}
	return w
}

func compareNames(a, b []name) (best nameMatch) {
	worth := -100
	for i := range a {
		for j := range b {
			m := compareName(&a[i], &b[j])
			if w := m.worth(); w > worth {
				best, worth = m, w
			}
		}
	}
	return best
}

func compareName(a, b *name) nameMatch {
	m := nameMatch{given: compareWords(a.given, b.given), family: compareWords(a.family, b.family), a: a, b: b}
	if m.given != 0 && m.given <= nameNear && (m.family == 0 || m.family <= nameNear) {
		return m
	}
	x := nameMatch{given: compareWords(a.given, b.family), family: compareWords(a.family, b.given), a: a, b: b, swapped: true}
	// A lone word that is like both parts, or like none, tells nothing of an order.
	if x.worth() > m.worth() && (x.given != 0 && x.given <= nameNear || x.family != 0 && x.family <= nameNear) {
		return x
	}
	return m
}
