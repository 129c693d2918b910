package match

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Evidence is one fact for or against a pair. Code names it for translators:
// FIELD.LEVEL such as "phone.same", or one of "place", "household", "generation"
// and "soft", which take back what facts that go together said too often. A and B
// are the values, as written where that is known.
type Evidence struct {
	Code   string  `json:"code"`
	Field  string  `json:"field,omitempty"`
	Level  string  `json:"level,omitempty"`
	A      string  `json:"a,omitempty"`
	B      string  `json:"b,omitempty"`
	Weight float64 `json:"weight"` // bits; against the pair if negative
}

// leastWeight is what is still worth telling.
const leastWeight = 0.05

// explain weighs a pair and tells why, what counts most first.
func (m *Model) explain(c *comparer, a, b *Profile) (weight float64, why []Evidence) {
	var d details
	l := c.compare(a, b, &d)
	w := m.sum(l, m.adjusted(c.freq, l, &d))
	for f, n := range l {
		if n == 0 {
			continue
		}
		e := Evidence{Field: m.fieldName(Field(f)), Level: prior(Field(f)).levels[n-1].code, A: d[f].a, B: d[f].b, Weight: round(w.field[f])}
		e.Code = e.Field + "." + e.Level
		if Field(f) >= AttrFirst {
			e.Code = "attribute." + e.Level
		}
		why = append(why, e)
	}
	for code, x := range map[string]float64{"place": w.place, "household": w.household, "generation": w.generation, "soft": w.soft} {
		if x < -leastWeight {
			why = append(why, Evidence{Code: code, Weight: round(x)})
		}
	}
	slices.SortFunc(why, func(x, y Evidence) int {
		return cmp.Or(cmp.Compare(y.Weight, x.Weight), cmp.Compare(x.Code, y.Code))
	})
	return w.total, why
}

func round(w float64) float64 {
	if w < 0 {
		return float64(int(w*100-0.5)) / 100
	}
	return float64(int(w*100+0.5)) / 100
}

// Text says a fact in a sentence.
func (e Evidence) Text() string {
	switch e.Code {
	case "place":
		return "parts of one address go together"
	case "household":
		return "given names differ, so what a household shares counts little"
	case "generation":
		return "same name but born at different times: perhaps parent and child"
	case "soft":
		return "nothing but name, company and town: not enough"
	}
	name := strings.ReplaceAll(strings.TrimPrefix(e.Field, "attribute "), "_", " ")
	switch {
	case e.Level == "same" && e.A == e.B:
		return fmt.Sprintf("same %s (%s)", name, e.A)
	case e.Level == "same":
		return fmt.Sprintf("same %s (%s, %s)", name, e.A, e.B)
	case e.Level == "shared":
		return fmt.Sprintf("same %s, which several people use (%s)", name, e.A)
	}
	how, ok := levelTexts[e.Level]
	if !ok {
		how = e.Level
	}
	return fmt.Sprintf("%s %s (%s, %s)", name, how, e.A, e.B)
}

var levelTexts = map[string]string{
	"variant": "in another form", "near": "almost the same", "similar": "similar", "initial": "has the same initial", "other": "differs",
	"local": "the same at another provider", "digits": "differs in figures only", "named": "made of the same name", "domain": "at the same company",
	"part": "partly the same", "apart": "a generation apart",
}
