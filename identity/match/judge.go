package match

import (
	"encoding/json"
	"errors"
)

// Judgement is what is to be said of a pair.
type Judgement struct {
	Confidence float64 // that they are one person
	Weight     float64 // the sum of the evidence, in bits
	Evidence   []Evidence
	// Against tells that something speaks clearly of two people, so that no rule
	// may put them together: different given names, or born at different times.
	Against bool
}

// Judge compares two profiles of a base with known frequencies. It returns nil for
// a pair whose confidence is below least.
func (m *Model) Judge(freq Frequencies, a, b *Profile, least float64) *Judgement {
	c := comparer{attrs: m.Attrs, freq: freq}
	var d details
	l := c.compare(a, b, &d)
	// Before frequencies are looked up, which takes reading.
	if m.Confidence(m.sum(l, m.plain(l)).total+maxAdjustment) < least {
		return nil
	}
	weight, why := m.explain(&c, a, b)
	j := &Judgement{Confidence: m.Confidence(weight), Weight: round(weight), Evidence: why, Against: l[Given] == nameOther || l[Born] >= bornOther}
	if j.Confidence < least {
		return nil
	}
	return j
}

// Learn returns the model of a base of which records are a sample. attrs are the
// attributes to compare, at most MaxAttrs of them.
func Learn(records []Record, attrs []string) *Model {
	profiles := make([]*Profile, len(records))
	inParallel(len(records), func(from, to int) {
		for i := from; i < to; i++ {
			profiles[i] = Normalize(&records[i], "")
		}
	})
	b := newBase(profiles, attrs)
	return learn(b, comparePairs(profiles, b, Block(profiles), func(string, float64) {}))
}

// ReadModel reads what json.Marshal made of a Model.
func ReadModel(data []byte) (*Model, error) {
	m := new(Model)
	if err := json.Unmarshal(data, m); err != nil {
		return nil, err
	}
	for f := range numFields {
		if n := len(prior(Field(f)).levels); len(m.M[f]) != n || len(m.U[f]) != n {
			return nil, errors.New("match: this model was learned for other fields")
		}
		for n := range m.M[f] {
			if m.M[f][n] <= 0 || m.U[f][n] <= 0 {
				return nil, errors.New("match: this model has weights that nothing can have")
			}
		}
	}
	if m.Match <= 0 || m.Match >= 1 {
		return nil, errors.New("match: this model has no sense of how many match")
	}
	m.weigh()
	return m, nil
}

// Values are the keys under which the frequencies of a profile's values are
// counted, and those of its addresses and numbers, for Frequencies.
func (p *Profile) Values() []string { return append(p.valueKeys(), p.handleKeys()...) }

// AddressKey is the key for Frequencies.Shared of a mail address, "" if it is none.
func AddressKey(address string) string {
	if e, ok := readEmail(address); ok {
		return emailKey(e)
	}
	return ""
}

// PhoneKey is the key for Frequencies.Shared of a number in international form, "" if
// it is none.
func PhoneKey(number string) string {
	if p, ok := readPhone(number, ""); ok {
		return phoneKey(p)
	}
	return ""
}

// IsRole tells that a mail address is one which several people read, like info@.
func IsRole(address string) bool {
	e, ok := readEmail(address)
	return ok && e.role
}
