package identity

import "throughline/store"

// Effects is what rules would do with the pairs that are open now.
type Effects struct {
	Pairs     int  // looked at
	More      bool // there are more
	Suggested int
	Weight    int // merged for their confidence
	Directory int // merged because a directory names an address
	Signature int // merged because a footer names one
	Against   int // sure enough, and left to a person nevertheless
}

// maxTried is how many pairs Try looks at, the surest first.
const maxTried = 2000

// Try tells what rules would do with the open suggestions, as they were weighed last.
// It changes nothing. Pairs below the confidence that is in force now are not among
// them.
func (i *Identity) Try(tx *store.Tx, rules Rules) (*Effects, error) {
	e := new(Effects)
	list, next, err := i.Suggestions(tx, SuggestionOpen, nil, maxTried)
	if err != nil {
		return nil, err
	}
	e.More = next != nil
	judging := i.Judging(tx)
	judging.rules = rules
	for _, g := range list {
		e.Pairs++
		if g.Confidence < rules.Suggest {
			continue
		}
		j := judging.compare(g.A, g.B)
		if j == nil {
			continue
		}
		f := Found{Other: g.B, Judgement: j}
		if err := judging.applyRules(g.A, &f); err != nil {
			return nil, err
		}
		switch {
		case f.Rule == RuleByDirectory:
			e.Directory++
		case f.Rule == RuleBySignature:
			e.Signature++
		case f.Rule == RuleByWeight:
			e.Weight++
		default:
			e.Suggested++
			if rules.Link != 0 && j.Confidence >= rules.Link {
				e.Against++
			}
		}
	}
	return e, nil
}
