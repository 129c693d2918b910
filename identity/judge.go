package identity

import (
	"cmp"
	"math"
	"slices"

	"throughline/identity/match"
	"throughline/message"
	"throughline/store"
)

// Bounds of what one customer is compared with.
const (
	maxAlone      = 40   // customers of one key, for the key alone to be enough
	maxTogether   = 1000 // of one key that counts together with others
	maxCandidates = 60
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

// Judging compares customers with those who may be them, in one transaction. What it
// reads for one it knows for the next. It reads only.
type Judging struct {
	i        *Identity
	tx       *store.Tx
	model    *match.Model
	rules    Rules
	freq     *frequencies
	profiles map[uint64]*known
	keys     map[string][]uint64 // who has a key, maxTogether of them
	shared   map[uint64]sharing  // room of Candidates
}

// sharing is what a customer has in common with the one that is judged.
type sharing struct {
	keys   int     // how many; those of the name alone are one
	alone  bool    // one of them few have
	rarity float64 // the sum of what they tell: the rarer a key the more bits
	name   float64 // what the rarest of those of the name alone tells, part of rarity
}

func (s sharing) with(key string, few bool, rarity float64) sharing {
	s.alone = s.alone || few
	switch {
	case !match.OfName(key):
		s.keys++
		s.rarity += rarity
	case s.name == 0:
		s.keys++
		s.rarity, s.name = s.rarity+rarity, rarity
	case rarity > s.name:
		s.rarity, s.name = s.rarity+rarity-s.name, rarity
	}
	return s
}

// known is what is known of one customer, in the form in which it is compared.
type known struct {
	*match.Profile
	shared []string // as Person.Shared
}

// Judging returns a Judging with the model and the rules in force.
func (i *Identity) Judging(tx *store.Tx) *Judging {
	g := &Judging{i: i, tx: tx, model: i.Model(tx), rules: i.Rules(tx), profiles: map[uint64]*known{}, keys: map[string][]uint64{}, shared: map[uint64]sharing{}}
	g.freq = &frequencies{g: g, shared: map[string]bool{}, counts: map[string]int{}}
	return g
}

// known is nil for whom there is nothing to match.
func (g *Judging) known(id uint64) *known {
	k, ok := g.profiles[id]
	if !ok {
		if p := g.i.Person(g.tx, id); p != nil {
			k = &known{match.Normalize(&p.Record, match.E164), p.Shared}
		}
		g.profiles[id] = k
	}
	return k
}

// having are the customers that have a key, maxTogether of them at most.
func (g *Judging) having(key string) []uint64 {
	ids, ok := g.keys[key]
	if !ok {
		for e := range g.i.people.Scan(g.tx, store.Range{Index: "keys", Prefix: matchKey(key)}) {
			if ids = append(ids, e.ID); len(ids) == maxTogether {
				break
			}
		}
		g.keys[key] = ids
	}
	return ids
}

// Candidates returns the customers worth comparing with one: those that share a key
// which few have, or two that more have. Of too many those with a key that few have
// come first, then those who share the most and the rarest. Those for whom skip is true
// are left out.
func (g *Judging) Candidates(id uint64, skip func(other uint64) bool) []uint64 {
	p := g.known(id)
	if p == nil {
		return nil
	}
	clear(g.shared)
	for _, k := range p.Keys() {
		ids := g.having(k)
		few := len(ids) <= maxAlone+1 // with himself
		rarity := math.Log2(2 * maxTogether / float64(len(ids)+1))
		for _, other := range ids {
			g.shared[other] = g.shared[other].with(k, few, rarity)
		}
	}
	var list []uint64
	for other, s := range g.shared {
		if (s.alone || s.keys > 1) && other != id && (skip == nil || !skip(other)) {
			list = append(list, other)
		}
	}
	if len(list) > maxCandidates {
		slices.SortFunc(list, func(x, y uint64) int {
			a, b := g.shared[x], g.shared[y]
			if a.alone != b.alone {
				if a.alone {
					return -1
				}
				return 1
			}
			return cmp.Or(cmp.Compare(b.rarity, a.rarity), cmp.Compare(x, y))
		})
		list = list[:maxCandidates]
	}
	slices.Sort(list)
	return list
}

// Judge finds the customers who may be the same person as id, with what speaks for
// and against it. Those for whom skip is true are left out.
func (g *Judging) Judge(id uint64, skip func(other uint64) bool) ([]Found, error) {
	var found []Found
	for _, other := range g.Candidates(id, skip) {
		f, err := g.JudgePair(id, other)
		if err != nil {
			return nil, err
		}
		if f != nil {
			found = append(found, *f)
		}
	}
	return found, nil
}

// JudgePair is Judge of two customers, with the rule by which they are put together;
// nil if they are no suggestion.
func (g *Judging) JudgePair(id, other uint64) (*Found, error) {
	p, q := g.known(id), g.known(other)
	if p == nil || q == nil {
		return nil, nil
	}
	j := g.model.Judge(g.freq, p.Profile, q.Profile, g.rules.Suggest)
	if j == nil {
		return nil, nil
	}
	f := &Found{Other: other, Judgement: j}
	return f, g.applyRules(id, f)
}

// Compare weighs two customers, however unlikely they are one person; nil if nothing
// is known of one of them.
func (i *Identity) Compare(tx *store.Tx, a, b uint64) *match.Judgement {
	return i.Judging(tx).compare(a, b)
}

func (g *Judging) compare(a, b uint64) *match.Judgement {
	p, q := g.known(a), g.known(b)
	if p == nil || q == nil {
		return nil
	}
	return g.model.Judge(g.freq, p.Profile, q.Profile, 0)
}

// applyRules finds the rule by which two customers are put together, if there is one.
// Nothing that speaks against it may stand.
func (g *Judging) applyRules(id uint64, f *Found) error {
	i, tx, rules := g.i, g.tx, g.rules
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
				if !ok || named.UsedByMany() || g.sharedAddress(hint.Handle) {
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
func (g *Judging) sharedAddress(h message.Handle) bool {
	key := match.AddressKey(h.Address())
	if h.Scheme() == Tel {
		key = match.PhoneKey(h.Address())
	}
	return match.IsRole(h.Address()) || key != "" && g.freq.Shared(key)
}

// frequencies are those of the base in the store.
type frequencies struct {
	g      *Judging
	shared map[string]bool
	counts map[string]int
}

func (f *frequencies) Len() int { return f.g.i.people.Len(f.g.tx) }

func (f *frequencies) Count(key string) int {
	n, ok := f.counts[key]
	if ok {
		return n
	}
	for range f.g.i.people.Scan(f.g.tx, store.Range{Index: "keys", Prefix: matchKey(key)}) {
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
	for e := range f.g.i.people.Scan(f.g.tx, store.Range{Index: "keys", Prefix: matchKey(key)}) {
		user := f.g.known(e.ID)
		if user == nil {
			continue
		}
		if slices.Contains(user.shared, key) {
			shared = true
			break
		}
		if users = append(users, user.Profile); len(users) == sharedSample {
			break
		}
	}
	shared = shared || match.SharedByNames(users)
	f.shared[key] = shared
	return shared
}
