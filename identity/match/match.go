// Package match tells which records speak of the same person.
//
// It works in four steps, all of them pure functions of the records: bring every
// value to a form that can be compared (Normalize), find the pairs worth comparing
// (Blocks), weigh what speaks for and against each pair (Model, after Fellegi and
// Sunter, "A Theory for Record Linkage", JASA 64, 1969, with weights learned from
// the records themselves by expectation maximisation), and put together only what
// fits as a whole (Cluster).
//
// It keeps nothing on disk and does no I/O. It never decides by a value that
// several different people use, and it would rather leave two records of one
// person apart than put two people together.
package match

import (
	"cmp"
	"runtime"
	"slices"
	"sync"
)

// Record is what one source says of somebody. Every field may hold several values
// and may be empty; values are as people wrote them.
type Record struct {
	ID     string
	Source string
	// First and Last are the parts of one name: the first of each belong together,
	// and so on. Names are whole names in any order, with titles or without.
	First, Last, Names []string
	Emails, Phones     []string
	Addresses          []string // street and house number
	Cities, States     []string
	Postcodes          []string
	Born               []string // dates of birth, day before month where that is open
	Companies          []string
	Usernames          []string
	// Attributes are further facts by name: a customer number, a tax number.
	Attributes map[string][]string
}

// Options of Find.
type Options struct {
	// Country whose phone numbers are written without a country code, ISO 3166 in
	// upper case; "" if that is unknown.
	Country string
	// Threshold is the confidence from which two records are put together; 0 means
	// DefaultThreshold.
	Threshold float64
	// Progress, if set, hears of the steps and how much of each is done, 0 to 1. It
	// is called from several goroutines.
	Progress func(step string, done float64)
}

// DefaultThreshold is the confidence from which Find puts records together.
const DefaultThreshold = 0.9

// Result is what Find found.
type Result struct {
	// Clusters are the indexes of records that belong together, each record in
	// exactly one, in the order of their first records.
	Clusters []Cluster
	Model    *Model
	Blocking BlockStats
	Compared int // pairs
}

// Find puts the records together that speak of the same person.
func Find(records []Record, o Options) *Result {
	if o.Threshold == 0 {
		o.Threshold = DefaultThreshold
	}
	tell := o.Progress
	if tell == nil {
		tell = func(string, float64) {}
	}
	profiles := make([]*Profile, len(records))
	inParallel(len(records), func(from, to int) {
		for i := from; i < to; i++ {
			profiles[i] = Normalize(&records[i], o.Country)
		}
	})
	tell("normalize", 1)
	base := newBase(profiles, nil)
	blocks := Block(profiles)
	tell("block", 1)

	pairs := comparePairs(profiles, base, blocks, tell)
	m := learn(base, pairs)
	tell("learn", 1)
	scored := make([]scoredPair, 0, len(pairs)/4)
	for _, p := range pairs {
		c := m.Confidence(m.score(base, profiles[p.a], profiles[p.b], p.levels))
		if c >= o.Threshold {
			scored = append(scored, scoredPair{a: p.a, b: p.b, confidence: c})
		}
	}
	r := &Result{Model: m, Blocking: blocks.Stats, Compared: len(pairs)}
	r.Clusters = cluster(profiles, base, m, scored, o.Threshold)
	tell("cluster", 1)
	return r
}

// pair is two records and how their fields compare.
type pair struct {
	a, b   int32
	levels Levels
}

func comparePairs(profiles []*Profile, base *base, blocks *Blocks, tell func(string, float64)) []pair {
	var mu sync.Mutex
	var all []pair
	done := 0
	inParallel(len(profiles), func(from, to int) {
		var own []pair
		var near []int32
		for i := from; i < to; i++ {
			near = blocks.After(int32(i), near[:0])
			for _, j := range near {
				own = append(own, pair{int32(i), j, base.compare(profiles[i], profiles[j], nil)})
			}
		}
		mu.Lock()
		defer mu.Unlock()
		all = append(all, own...)
		done += to - from
		tell("compare", float64(done)/float64(len(profiles)))
	})
	slices.SortFunc(all, func(x, y pair) int { return cmp.Or(cmp.Compare(x.a, y.a), cmp.Compare(x.b, y.b)) })
	return all
}

// inParallel calls fn for stretches of 0 to n on all processors.
func inParallel(n int, fn func(from, to int)) {
	const stretch = 1000
	next := make(chan int)
	var wg sync.WaitGroup
	for range min(runtime.GOMAXPROCS(0), n/stretch+1) {
		wg.Go(func() {
			for from := range next {
				fn(from, min(from+stretch, n))
			}
		})
	}
	for from := 0; from < n; from += stretch {
		next <- from
	}
	close(next)
	wg.Wait()
}
