package match

import (
	"math"
	"strings"
)

// Model weighs agreements. Its numbers are learned from a base, or those assumed
// before (NewModel).
type Model struct {
	// M and U are how often each level of a field occurs among pairs of one person
	// and among pairs of two.
	M, U [numFields][]float64
	// Match is how likely two records of the base, taken at random, are of one person.
	Match float64
	// Attrs are the attributes that are compared.
	Attrs []string

	weights [numFields][]float64 // log2(M/U) within their bounds, by level-1
}

// mostMatch bounds Match: of a handful of records one would believe too much.
const mostMatch = 1.0 / 1000

// NewModel returns the model before anything is learned, for a base of n records.
func NewModel(n int, attrs []string) *Model {
	m := &Model{Attrs: attrs, Match: startMatch(n)}
	for f := range numFields {
		for _, l := range prior(Field(f)).levels {
			m.M[f], m.U[f] = append(m.M[f], l.m), append(m.U[f], l.u)
		}
	}
	m.weigh()
	return m
}

// startMatch assumes that one record in five has a second of the same person.
func startMatch(n int) float64 { return min(mostMatch, 0.2/float64(max(n, 2)-1)) }

// weigh makes the weights of M and U.
func (m *Model) weigh() {
	for f := range numFields {
		levels := prior(Field(f)).levels
		m.weights[f] = make([]float64, len(levels))
		for i, l := range levels {
			w := math.Log2(m.M[f][i] / m.U[f][i])
			if l.most != 0 {
				w = min(w, l.most)
			}
			// Whatever was learned, the same never speaks against a pair, nor
			// something else for it.
			switch {
			case i == 0:
				w = max(w, 0)
			case i == len(levels)-1:
				w = min(w, 0)
			}
			m.weights[f][i] = w
		}
	}
}

// Confidence turns a sum of weights into a probability.
func (m *Model) Confidence(weight float64) float64 {
	odds := weight + math.Log2(m.Match/(1-m.Match))
	return 1 / (1 + math.Exp2(-odds))
}

// weightFor undoes Confidence.
func (m *Model) weightFor(confidence float64) float64 {
	return math.Log2(confidence/(1-confidence)) - math.Log2(m.Match/(1-m.Match))
}

// Bounds on what some evidence may say, in bits.
const (
	// householdMost is what people of one household share: family name, address,
	// telephone, with twins the date of birth. With different given names it says
	// no more than this.
	householdMost = 4
	// unclearMost is the same where the given names are similar or only an initial.
	unclearMost = 8
	// generationMost is the same for father and son of one name, who were born at
	// different times.
	generationMost = 9
	// personalLeast is what an attribute or a username that only one person has says
	// at least: with the date of birth it makes up for a different given name.
	personalLeast = 8
	// softMost is the confidence of two records that share nothing but a name, a
	// company and a town: never enough to put them together.
	softMost = 0.8
)

// weights are the weight of each field and what the fields together take from it.
type weights struct {
	field [numFields]float64
	total float64

	place, household, generation, soft float64 // what was taken away, 0 or less
}

// sum weighs levels with the weights of the fields as given (they may have been
// adjusted to the frequency of the values).
func (m *Model) sum(l Levels, field [numFields]float64) (w weights) {
	w.field = field
	for _, x := range field {
		w.total += x
	}
	// Places depend on each other: the best says most, the others half.
	var best, others float64
	for f := Address; f <= State; f++ {
		if x := field[f]; x > best {
			best, others = x, others+best
		} else if x > 0 {
			others += x
		}
	}
	w.place = -others / 2
	w.total += w.place

	personal := field[Username]
	if personal < 0 {
		personal = 0
	}
	for f := int(AttrFirst); f < numFields; f++ {
		personal += max(0, field[f])
	}
	given, born := l[Given], l[Born]
	switch {
	case given == nameOther && personal >= personalLeast && born != 0 && born <= bornNear:
	case given == nameOther:
		shared := max(0, field[Family]) + max(0, field[Phone]) + best + others/2 + max(0, field[Company]) + max(0, field[Born])
		if born != same || l[Email] != same {
			shared += max(0, field[Email])
		}
		w.household = min(0, householdMost-shared)
	case given == nameSimilar || given == nameInitial:
		// Anna and Hanna, or A. of whom nobody knows whether it is Anna or Albert.
		w.household = min(0, unclearMost-max(0, field[Family])-max(0, field[Phone])-best-others/2-max(0, field[Company]))
	case born == bornApart && l[Email] != same && personal == 0:
		shared := max(0, field[Family]) + max(0, field[Given]) + max(0, field[Phone]) + best + others/2 + max(0, field[Email])
		w.generation = min(0, generationMost-shared)
	}
	w.total += w.household + w.generation

	hard := personal > 0 || l[Address] != 0 && l[Address] <= valueNear || l[Postcode] == same || l[Born] != 0 && l[Born] <= bornNear ||
		l[Phone] != 0 && l[Phone] <= phoneNear || l[Email] != 0 && l[Email] <= emailLocal
	if !hard {
		w.soft = min(0, m.weightFor(softMost)-w.total)
		w.total += w.soft
	}
	return w
}

// plain are the weights of levels whatever the values are.
func (m *Model) plain(l Levels) (field [numFields]float64) {
	for f, n := range l {
		if n != 0 {
			field[f] = m.weights[f][n-1]
		}
	}
	return field
}

// adjusted are the weights for the frequency of what two records have in common.
func (m *Model) adjusted(freq Frequencies, l Levels, d *details) (field [numFields]float64) {
	field = m.plain(l)
	for f, n := range l {
		if n != same || d[f].key == "" || !prior(Field(f)).common {
			continue
		}
		field[f] = max(0, math.Log2(m.M[f][0]/m.frequency(freq, Field(f), d[f].key)))
	}
	return field
}

// assumed is how many records stand for what is assumed of a value's frequency.
const assumed = 300

// frequency is how likely somebody else has a value too.
func (m *Model) frequency(freq Frequencies, f Field, key string) float64 {
	u := m.U[f][0]
	n := float64(freq.Len())
	return (float64(max(0, freq.Count(key)-1)) + assumed*u) / (n + assumed)
}

// score is the weight of a pair, for the frequency of its values.
func (m *Model) score(c *base, a, b *Profile, l Levels) float64 {
	// Frequencies add some bits to what the levels say: most pairs are far below.
	plain := m.sum(l, m.plain(l)).total
	if m.Confidence(plain+maxAdjustment) < 0.01 {
		return plain
	}
	var d details
	l = c.compare(a, b, &d)
	return m.sum(l, m.adjusted(c, l, &d)).total
}

// maxAdjustment is about what rare values add to a pair's weight at most.
const maxAdjustment = 12

// fieldName is the name of a field for people and programs.
func (m *Model) fieldName(f Field) string {
	if f < AttrFirst {
		return fieldNames[f]
	}
	if n := int(f - AttrFirst); n < len(m.Attrs) {
		return "attribute " + strings.TrimSpace(m.Attrs[n])
	}
	return "attribute"
}
