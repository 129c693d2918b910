package match

import (
	"cmp"
	"slices"
)

// Cluster are records of one person.
type Cluster struct {
	Records []int // indexes, ascending
	// Joins are the pairs that brought them together, the surest first: one fewer
	// than there are records.
	Joins []Join
}

// Join is a pair that brought two parts of a cluster together.
type Join struct {
	A, B       int
	Confidence float64
	Evidence   []Evidence
}

type scoredPair struct {
	a, b       int32
	confidence float64
}

// crossPairs bounds how many pairs between two parts are looked at.
const crossPairs = 64

// cluster puts records together, the surest pairs first. Two parts are joined only
// if they fit as a whole: no pair between them speaks clearly of two people, and on
// the average they match. So one doubtful record makes no chain of two people.
func cluster(profiles []*Profile, base *base, m *Model, pairs []scoredPair, threshold float64) []Cluster {
	slices.SortFunc(pairs, func(x, y scoredPair) int {
		return cmp.Or(cmp.Compare(y.confidence, x.confidence), cmp.Compare(x.a, y.a), cmp.Compare(x.b, y.b))
	})
	part := make([]int32, len(profiles)) // of each record
	members := map[int32][]int32{}
	joins := map[int32][]Join{}
	for i := range part {
		part[i] = int32(i)
	}
	of := func(p int32) []int32 {
		if list, ok := members[p]; ok {
			return list
		}
		return []int32{p}
	}
	for _, p := range pairs {
		x, y := part[p.a], part[p.b]
		if x == y || !fits(profiles, base, m, of(x), of(y)) {
			continue
		}
		if x > y {
			x, y = y, x
		}
		list := slices.Concat(of(x), of(y))
		for _, id := range of(y) {
			part[id] = x
		}
		members[x] = list
		delete(members, y)
		weight, evidence := m.explain(&base.comparer, profiles[p.a], profiles[p.b])
		joins[x] = append(append(joins[x], joins[y]...), Join{A: int(p.a), B: int(p.b), Confidence: m.Confidence(weight), Evidence: evidence})
		delete(joins, y)
	}
	var out []Cluster
	for i := range part {
		if part[i] != int32(i) {
			continue
		}
		c := Cluster{Joins: joins[int32(i)]}
		for _, id := range of(int32(i)) {
			c.Records = append(c.Records, int(id))
		}
		slices.Sort(c.Records)
		slices.SortStableFunc(c.Joins, func(a, b Join) int { return cmp.Compare(b.Confidence, a.Confidence) })
		out = append(out, c)
	}
	return out
}

// maxCross bounds what one pair says of two parts, in bits.
const maxCross = 20

// fits tells whether two parts may be one person: the mean weight of the pairs
// between them has to speak for it, and not more than a quarter clearly of two people.
func fits(profiles []*Profile, base *base, m *Model, xs, ys []int32) bool {
	if len(xs)*len(ys) == 1 {
		return true
	}
	step := max(1, len(xs)*len(ys)/crossPairs)
	sum, n, refused := 0.0, 0, 0
	for k := 0; k < len(xs)*len(ys); k += step {
		a, b := profiles[xs[k/len(ys)]], profiles[ys[k%len(ys)]]
		l := base.compare(a, b, nil)
		w := m.score(base, a, b, l)
		if l[Given] == nameOther && (l[Born] >= bornOther || l[Family] == nameOther) || l[Born] == bornApart && l[Email] != same {
			refused++
		}
		sum += max(-maxCross, min(maxCross, w-m.weightFor(0.5)))
		n++
	}
	return refused*4 <= n && sum/float64(n) >= 0
}
