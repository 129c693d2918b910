package identity

import (
	"cmp"
	"slices"

	"throughline/identity/match"
	"throughline/message"
	"throughline/store"
)

// Bounds of what one customer is compared with.
const (
	maxAlone      = 40   // customers of one key, for the key alone to be enough
	maxTogether   = 1000 // of one key that counts together with others
	maxCandidates = 200
	maxCounted    = 5000 // how far the frequency of a value is counted
)

// Found is a customer who may be the same person as another.
type Found struct {
	Other uint64
	*match.Judgement
	// Rule is by which the two are put together without asking, "" if by none.
	Rule   string
	Reason string
}

// Candidates returns the customers worth comparing with one: those that share a key
// which few have, or two that more have. Of too many those with a rare key come first,
// then those who share the most.
func (i *Identity) Candidates(tx *store.Tx, id uint64) []uint64 {
	p := i.Person(tx, id)
	if p == nil {
		return nil
	}
	type sharing struct {
		rare, all int  // keys
		name      bool // those of the name alone are one of them
	}
	shared := map[uint64]sharing{}
	for _, k := range match.Normalize(&p.Record, match.E164).Keys() {
		var ids []uint64
		for e := range i.people.Scan(tx, store.Range{Index: "keys", Prefix: matchKey(k)}) {
			if e.ID == id {
				continue
			}
			if ids = append(ids, e.ID); len(ids) == maxTogether {
				break
			}
		}
		for _, other := range ids {
			s := shared[other]
			if len(ids) <= maxAlone {
				s.rare++
			}
			if !match.OfName(k) {
				s.all++
			} else if !s.name {
				s.name = true
				s.all++
			}
			shared[other] = s
		}
	}
	var list []uint64
	for other, s := range shared {
		if s.rare > 0 || s.all > 1 {
			list = append(list, other)
		}
	}
	slices.SortFunc(list, func(x, y uint64) int {
		a, b := shared[x], shared[y]
		return cmp.Or(cmp.Compare(min(b.rare, 1), min(a.rare, 1)), cmp.Compare(b.all, a.all), cmp.Compare(x, y))
	})
	return list[:min(len(list), maxCandidates)]
}

// Judge finds the customers who may be the same person as id, with what speaks for
// and against it. It reads only.
func (i *Identity) Judge(tx *store.Tx, id uint64, m *match.Model, rules Rules) ([]Found, error) {
	p := i.Person(tx, id)
	if p == nil {
		return nil, nil
	}
	own := match.Normalize(&p.Record, match.E164)
	freq := &frequencies{i: i, tx: tx, shared: map[string]bool{}, counts: map[string]int{}}
	var found []Found
	for _, other := range i.Candidates(tx, id) {
		q := i.Person(tx, other)
		if q == nil {
			continue
		}
		j := m.Judge(freq, own, match.Normalize(&q.Record, match.E164), rules.Suggest)
		if j == nil {
			continue
		}
		f := Found{Other: other, Judgement: j}
		if err := i.applyRules(tx, id, rules, &f); err != nil {
			return nil, err
		}
		found = append(found, f)
	}
	return found, nil
}

// JudgePair is Judge of two customers as things stand now, with the rule by which they
// are put together; nil if they are no suggestion.
func (i *Identity) JudgePair(tx *store.Tx, id, other uint64, m *match.Model, rules Rules) (*Found, error) {
	p, q := i.Person(tx, id), i.Person(tx, other)
	if p == nil || q == nil {
		return nil, nil
	}
	freq := &frequencies{i: i, tx: tx, shared: map[string]bool{}, counts: map[string]int{}}
	j := m.Judge(freq, match.Normalize(&p.Record, match.E164), match.Normalize(&q.Record, match.E164), rules.Suggest)
	if j == nil {
		return nil, nil
	}
	f := &Found{Other: other, Judgement: j}
	return f, i.applyRules(tx, id, rules, f)
}

// Compare weighs two customers, however unlikely they are one person; nil if nothing
// is known of one of them.
func (i *Identity) Compare(tx *store.Tx, a, b uint64) *match.Judgement {
	p, q := i.Person(tx, a), i.Person(tx, b)
	if p == nil || q == nil {
		return nil
	}
	freq := &frequencies{i: i, tx: tx, shared: map[string]bool{}, counts: map[string]int{}}
	return i.Model(tx).Judge(freq, match.Normalize(&p.Record, match.E164), match.Normalize(&q.Record, match.E164), 0)
}

// applyRules finds the rule by which two customers are put together, if there is one.
// Nothing that speaks against it may stand.
func (i *Identity) applyRules(tx *store.Tx, id uint64, rules Rules, f *Found) error {
	if rules.Link == 0 && rules.Directory != RuleLink && rules.Signature != RuleLink || f.Against {
		return nil
	}
	if no, err := i.decided(tx, min(id, f.Other), max(id, f.Other)); err != nil || no != nil {
		return err // somebody has looked at it
	}
	for _, pair := range [][2]uint64{{id, f.Other}, {f.Other, id}} {
		handles, err := i.Handles(tx, pair[0])
		if err != nil {
			return err
		}
		for _, h := range handles {
			for _, hint := range h.Hints {
				rule, by := rules.Directory, RuleByDirectory
				if hint.Source == FromSignature {
					rule, by = rules.Signature, RuleBySignature
				}
				// Anybody can write a footer: mail authentication has to vouch for him.
				if rule != RuleLink || h.UsedByMany() || hint.Source == FromSignature && !h.Verified {
					continue
				}
				named, ok := i.Find(tx, hint.Handle)
				if !ok || named.UsedByMany() || i.sharedAddress(tx, hint.Handle) {
					continue
				}
				owner, err := i.Root(tx, named.Customer)
				if err != nil {
					return err
				}
				if owner.ID == pair[1] {
					f.Rule, f.Reason = by, h.Handle.Address()+" → "+hint.Handle.Address()
					return nil
				}
			}
		}
	}
	if rules.Link != 0 && f.Confidence >= rules.Link {
		f.Rule = RuleByWeight
	}
	return nil
}

// sharedAddress tells that different people use, or name, an address.
func (i *Identity) sharedAddress(tx *store.Tx, h message.Handle) bool {
	key := match.AddressKey(h.Address())
	if h.Scheme() == Tel {
		key = match.PhoneKey(h.Address())
	}
	freq := &frequencies{i: i, tx: tx, shared: map[string]bool{}}
	return match.IsRole(h.Address()) || key != "" && freq.Shared(key)
}

// frequencies are those of the base in the store.
type frequencies struct {
	i      *Identity
	tx     *store.Tx
	shared map[string]bool
	counts map[string]int
}

func (f *frequencies) Len() int { return f.i.people.Len(f.tx) }

func (f *frequencies) Count(key string) int {
	n, ok := f.counts[key]
	if ok {
		return n
	}
	for range f.i.people.Scan(f.tx, store.Range{Index: "keys", Prefix: matchKey(key)}) {
		if n++; n == maxCounted {
			break
		}
	}
	f.counts[key] = n
	return n
}

// sharedSample is how many users of an address are looked at.
const sharedSample = 16

func (f *frequencies) Shared(key string) bool {
	shared, ok := f.shared[key]
	if ok {
		return shared
	}
	var users []*match.Profile
	for e := range f.i.people.Scan(f.tx, store.Range{Index: "keys", Prefix: matchKey(key)}) {
		p := f.i.Person(f.tx, e.ID)
		if p == nil {
			continue
		}
		if slices.Contains(p.Shared, key) {
			shared = true
			break
		}
		if users = append(users, match.Normalize(&p.Record, match.E164)); len(users) == sharedSample {
			break
		}
	}
	shared = shared || match.SharedByNames(users)
	f.shared[key] = shared
	return shared
}
