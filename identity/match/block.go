package match

import (
	"cmp"
	"fmt"
	"hash/maphash"
	"slices"
	"strings"
)

// maxBlock is how many records may share a key before the key alone no longer makes
// them worth comparing.
const maxBlock = 40

// window is how many neighbours each record of a block is compared with that no
// combination of keys makes small enough.
const window = 10

// Blocks says which pairs are worth comparing.
type Blocks struct {
	Stats BlockStats
	of    [][]int32 // for each record its blocks
	ids   [][]int32 // for each block its records, ascending
}

// BlockStats tells what blocking did. Nothing is left out without being counted
// here.
type BlockStats struct {
	Records, Blocks int
	// Oversized keys were combined with others.
	Oversized int
	// Skipped is how many pairs were at most left out: those that share oversized
	// keys, or two together, and are no neighbours, counted for each key.
	Skipped int
}

func (s BlockStats) String() string {
	return fmt.Sprintf("%d records in %d blocks; %d keys were too common alone, %d pairs at most that share nothing rarer were left out", s.Records, s.Blocks, s.Oversized, s.Skipped)
}

// Keys are what a record is found by: two records that share none are not compared.
func (p *Profile) Keys() []string {
	keys := make([]string, 0, 16)
	add := func(parts ...string) { keys = append(keys, strings.Join(parts, "\x00")) }
	for _, e := range p.emails {
		if !e.role {
			add("e", e.full())
			if len(e.plain) >= 5 {
				add("l", e.plain)
			}
		}
	}
	for _, n := range p.phones {
		add("p", n.tail())
	}
	for _, d := range p.born {
		add("b", d.iso())
	}
	for _, u := range p.usernames {
		add("u", u.folded)
	}
	for k, vs := range p.attrs {
		for _, v := range vs {
			if len(v.folded) >= 4 {
				add("a", k, v.folded)
			}
		}
	}
	for i := range p.names {
		p.nameKeys(&p.names[i], add)
	}
	for _, a := range p.addresses {
		if len(a.numbers) > 0 && len(a.words) > 0 {
			add("s", a.numbers[len(a.numbers)-1], start(a.words[0], 5))
		}
	}
	slices.Sort(keys)
	return slices.Compact(keys)
}

// OfName tells that a key is made of a name alone. Such keys say the same thing in
// several ways: two of them are no more in common than one.
func OfName(key string) bool {
	switch key[:1] {
	case "n", "m", "k", "o":
		return true
	}
	return false
}

// nameKeys are keys of a name alone, and of parts of it with what else is known.
func (p *Profile) nameKeys(n *name, add func(...string)) {
	parts := [2]string{n.given, n.family}
	var bones [2]string
	for i, s := range parts {
		w, _, _ := strings.Cut(s, " ")
		if particles[w] {
			w = s[strings.LastIndexByte(s, ' ')+1:]
		}
		parts[i], bones[i] = w, skeleton(w)
	}
	if parts[0] != "" && parts[1] != "" {
		x, y := bones[0], bones[1]
		add("n", min(x, y), max(x, y))
		// In both orders: one record may have them the other way round.
		add("m", start(parts[0], 4), start(parts[1], 1))
		add("m", start(parts[1], 4), start(parts[0], 1))
		if len(nicknames[parts[0]]) > 0 {
			for _, g := range nicknames[parts[0]] {
				add("k", fmt.Sprint(g), bones[1])
			}
		}
		if x, y = sounds(parts[0]), sounds(parts[1]); len(x)+len(y) >= 3 {
			add("o", min(x, y), max(x, y))
		}
	}
	for i, b := range bones {
		if b == "" {
			continue
		}
		b = start(b, 3)
		for _, c := range p.postcodes {
			add("c", b, c.folded)
		}
		for _, d := range p.born {
			iso := d.iso()
			add("y", b, iso[:4])
			add("d", b, iso[4:])
		}
		for _, c := range p.companies {
			add("w", b, c.folded)
		}
		for _, c := range p.cities {
			add("t", start(parts[i], 5), c.folded)
		}
		for _, e := range p.emails {
			if !freeMail[e.domain] {
				add("h", b, e.domain)
			}
		}
	}
	if parts[1] == "" && len(parts[0]) > 2 || parts[0] == "" && len(parts[1]) > 2 {
		add("1", parts[0]+parts[1])
	}
}

// entry is one record under one key.
type entry struct {
	key uint64
	id  int32
}

// Block finds the pairs worth comparing: those that share a key which few records
// have. A key that many have counts only together with a second or third such key;
// of what is still too much, each record is compared with those next to it in the
// order of names.
func Block(profiles []*Profile) *Blocks {
	b := &Blocks{of: make([][]int32, len(profiles))}
	b.Stats.Records = len(profiles)
	seed := maphash.MakeSeed()
	entries := make([][]entry, len(profiles)/1000+1)
	inParallel(len(profiles), func(from, to int) {
		var own []entry
		for i := from; i < to; i++ {
			for _, k := range profiles[i].Keys() {
				own = append(own, entry{maphash.String(seed, k), int32(i)})
			}
		}
		entries[from/1000] = own
	})
	all := slices.Concat(entries...)
	entries = nil
	common := map[int32][]uint64{} // the oversized keys of each record
	b.take(all, func(big []entry) {
		b.neighbours(big, profiles, window/2)
		for _, e := range big {
			common[e.id] = append(common[e.id], e.key)
		}
	})
	all = all[:0]
	for id, keys := range common {
		for i, k := range keys {
			for _, l := range keys[i+1:] {
				all = append(all, entry{min(k, l)*0x9E3779B97F4A7C15 ^ max(k, l), id})
			}
		}
	}
	b.take(all, func(big []entry) { b.neighbours(big, profiles, window) })
	return b
}

// take makes blocks of all entries; those that are too large go to oversized.
func (b *Blocks) take(all []entry, oversized func([]entry)) {
	slices.SortFunc(all, func(x, y entry) int { return cmp.Or(cmp.Compare(x.key, y.key), cmp.Compare(x.id, y.id)) })
	for from := 0; from < len(all); {
		to := from + 1
		for to < len(all) && all[to].key == all[from].key {
			to++
		}
		switch n := to - from; {
		case n > maxBlock:
			b.Stats.Oversized++
			oversized(all[from:to])
		case n > 1:
			ids := make([]int32, 0, n)
			for _, e := range all[from:to] {
				if len(ids) == 0 || ids[len(ids)-1] != e.id {
					ids = append(ids, e.id)
				}
			}
			b.add(ids)
		}
		from = to
	}
}

func (b *Blocks) add(ids []int32) {
	if len(ids) < 2 {
		return
	}
	n := int32(len(b.ids))
	b.ids = append(b.ids, ids)
	b.Stats.Blocks++
	for _, id := range ids {
		b.of[id] = append(b.of[id], n)
	}
}

// neighbours compares each record of a block with the next ones in the order of
// names and dates.
func (b *Blocks) neighbours(big []entry, profiles []*Profile, window int) {
	order := make([]int32, len(big))
	for i, e := range big {
		order[i] = e.id
	}
	slices.SortFunc(order, func(x, y int32) int {
		return cmp.Or(strings.Compare(profiles[x].order(), profiles[y].order()), cmp.Compare(x, y))
	})
	for i := 0; i < len(order); i += window / 2 {
		ids := slices.Clone(order[i:min(i+window, len(order))])
		slices.Sort(ids)
		b.add(slices.Compact(ids))
	}
	n := len(order)
	b.Stats.Skipped += max(0, n*(n-1)/2-n*window*3/4)
}

// order is what neighbours are sorted by.
func (p *Profile) order() string {
	var s string
	if len(p.names) > 0 {
		s = p.names[0].family + " " + p.names[0].given
	}
	if len(p.born) > 0 {
		s += " " + p.born[0].iso()
	}
	return s
}

// After appends the records behind i that are worth comparing with it, each once.
func (b *Blocks) After(i int32, room []int32) []int32 {
	for _, n := range b.of[i] {
		ids := b.ids[n]
		at, _ := slices.BinarySearch(ids, i+1)
		room = append(room, ids[at:]...)
	}
	slices.Sort(room)
	return slices.Compact(room)
}
