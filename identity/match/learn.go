package match

import (
	"cmp"
	"maps"
	"math"
	"math/rand/v2"
	"slices"
)

// base are the frequencies of a set of records.
type base struct {
	comparer
	n      int
	counts map[string]int32
	shared map[string]bool
	// random are the levels of pairs taken at random, with how often each occurs:
	// what two people have in common by chance.
	random map[Levels]int
}

func (b *base) Len() int             { return b.n }
func (b *base) Count(key string) int { return int(b.counts[key]) }
func (b *base) Shared(k string) bool { return b.shared[k] }

// minAttr is the part of the records that must have an attribute for it to be
// compared.
const minAttr = 0.02

// randomPairs is how many pairs are taken at random.
const randomPairs = 200_000

// newBase counts what profiles have. attrs are the attributes to compare; nil for those
// that enough of them have.
func newBase(profiles []*Profile, attrs []string) *base {
	b := &base{n: len(profiles), counts: map[string]int32{}, shared: map[string]bool{}, random: map[Levels]int{}}
	b.freq = b
	having := map[string]int{}
	users := map[string][]int32{} // of each address and number
	for i, p := range profiles {
		for _, k := range p.valueKeys() {
			b.counts[k]++
		}
		for k := range p.attrs {
			having[k]++
		}
		for _, k := range p.handleKeys() {
			users[k] = append(users[k], int32(i))
		}
	}
	if attrs != nil {
		b.attrs, having = attrs[:min(len(attrs), MaxAttrs)], nil
	}
	for _, k := range slices.SortedFunc(maps.Keys(having), func(x, y string) int { return cmp.Or(cmp.Compare(having[y], having[x]), cmp.Compare(x, y)) }) {
		if len(b.attrs) < MaxAttrs && float64(having[k]) >= minAttr*float64(len(profiles)) {
			b.attrs = append(b.attrs, k)
		}
	}
	for k, ids := range users {
		if len(ids) < sharedBy {
			continue
		}
		some := make([]*Profile, 0, 32)
		for _, id := range ids[:min(len(ids), 32)] {
			some = append(some, profiles[id])
		}
		if SharedByNames(some) {
			b.shared[k] = true
		}
	}
	b.sample(profiles)
	return b
}

// sharedBy is how many different people make an address a shared one.
const sharedBy = 3

// SharedByNames tells that those who use one address are several people: at least
// three of them have given names that are not the same one.
func SharedByNames(users []*Profile) bool {
	var people []*Profile
	for _, p := range users {
		if len(p.names) == 0 || p.names[0].weak {
			continue
		}
		if !slices.ContainsFunc(people, func(o *Profile) bool {
			m := compareNames(o.names, p.names)
			return m.given != nameOther
		}) {
			people = append(people, p)
		}
	}
	return len(people) >= sharedBy
}

// Unlike tells that two names are of two people: their given names are not the same one
// in any form or order.
func Unlike(a, b string) bool {
	x, y := Normalize(&Record{Names: []string{a}}, ""), Normalize(&Record{Names: []string{b}}, "")
	return len(x.names) > 0 && len(y.names) > 0 && compareNames(x.names, y.names).given == nameOther
}

// valueKeys are the keys under which a profile's values are counted.
func (p *Profile) valueKeys() []string {
	var keys []string
	for _, n := range p.names {
		if n.given != "" {
			keys = append(keys, givenKey(n.given))
		}
		if n.family != "" {
			keys = append(keys, familyKey(n.family))
		}
	}
	for _, d := range p.born {
		keys = append(keys, bornKey(d))
	}
	for _, a := range p.addresses {
		keys = append(keys, valueKey(fieldNames[Address], a.folded))
	}
	add := func(name string, vs []value) {
		for _, v := range vs {
			keys = append(keys, valueKey(name, v.folded))
		}
	}
	add(fieldNames[Postcode], p.postcodes)
	add(fieldNames[City], p.cities)
	add(fieldNames[State], p.states)
	add(fieldNames[Company], p.companies)
	for k, vs := range p.attrs {
		add(k, vs)
	}
	slices.Sort(keys)
	return slices.Compact(keys)
}

// handleKeys are the keys of addresses and numbers.
func (p *Profile) handleKeys() []string {
	var keys []string
	for _, e := range p.emails {
		keys = append(keys, emailKey(e))
	}
	for _, n := range p.phones {
		keys = append(keys, phoneKey(n))
	}
	slices.Sort(keys)
	return slices.Compact(keys)
}

// sample compares pairs taken at random, all of them in a small base. The same
// records give the same sample.
func (b *base) sample(profiles []*Profile) {
	n := len(profiles)
	if n*(n-1)/2 <= randomPairs {
		for i := range profiles {
			for j := range profiles[:i] {
				b.random[b.compare(profiles[i], profiles[j], nil)]++
			}
		}
		return
	}
	random := rand.New(rand.NewPCG(uint64(n), 1))
	for range randomPairs {
		i, j := random.IntN(n), random.IntN(n)
		if i != j {
			b.random[b.compare(profiles[i], profiles[j], nil)]++
		}
	}
}

// What is assumed before counts like so many pairs.
const (
	assumedMatches = 60
	assumedOthers  = 3000
)

// rounds of learning; it has long come to rest then.
const rounds = 30

// learn finds the weights that fit the pairs best, by expectation maximisation:
// weigh the pairs with the weights so far, count how often each level occurs among
// those that are probably one person, begin again.
func learn(b *base, pairs []pair) *Model {
	m := NewModel(b.n, b.attrs)
	patterns := map[Levels]int{}
	for _, p := range pairs {
		patterns[p.levels]++
	}
	// In a fixed order, so that sums are the same each time.
	seen := slices.SortedFunc(maps.Keys(patterns), compareLevels)
	random := slices.SortedFunc(maps.Keys(b.random), compareLevels)
	possible := max(1, float64(b.n)*float64(b.n-1)/2)
	for range rounds {
		var ms, us [numFields][]float64
		for f := range numFields {
			for _, l := range prior(Field(f)).levels {
				ms[f], us[f] = append(ms[f], l.m*assumedMatches), append(us[f], l.u*assumedOthers)
			}
		}
		matches := 0.0
		for _, l := range seen {
			c := m.Confidence(m.sum(l, m.plain(l)).total) * float64(patterns[l])
			matches += c
			count(&ms, l, c)
		}
		for _, l := range random {
			c := m.Confidence(m.sum(l, m.plain(l)).total)
			count(&us, l, (1-c)*float64(b.random[l]))
		}
		before := m.Match
		for f := range numFields {
			m.M[f], m.U[f] = parts(ms[f]), parts(us[f])
		}
		m.Match = min(mostMatch, (matches+startMatch(b.n)*possible*0.1)/possible)
		m.weigh()
		if math.Abs(m.Match-before) < 1e-4*before {
			break
		}
	}
	return m
}

func count(sums *[numFields][]float64, l Levels, c float64) {
	for f, n := range l {
		if n != 0 {
			sums[f][n-1] += c
		}
	}
}

// parts divides counts by their sum; nothing is impossible.
func parts(counts []float64) []float64 {
	sum := 0.0
	for _, c := range counts {
		sum += c
	}
	out := make([]float64, len(counts))
	for i, c := range counts {
		out[i] = max(c/sum, 1e-7)
	}
	return out
}

func compareLevels(a, b Levels) int { return slices.Compare(a[:], b[:]) }
