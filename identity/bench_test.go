package identity

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"testing"
	"time"

	"throughline/message"
	"throughline/store"
)

// BenchmarkJudge finds who one customer may be among 100,000, or BENCH_CUSTOMERS: it
// is what is done of every customer of whom something new is known. One in ten is
// there twice, with another address; a third has a phone number too.
func BenchmarkJudge(b *testing.B) {
	size := 100_000
	if v := os.Getenv("BENCH_CUSTOMERS"); v != "" {
		var err error
		if size, err = strconv.Atoi(v); err != nil || size < 1000 {
			b.Fatalf("BENCH_CUSTOMERS: %q: give a number from 1000 on", v)
		}
	}
	s, err := store.Open(filepath.Join(b.TempDir(), "judge.db"), store.Options{NoSync: true})
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	i := New(s)
	rng := rand.New(rand.NewPCG(7, uint64(size)))
	syllables := []string{"ash", "bro", "car", "dun", "el", "fa", "glen", "har", "kir", "la", "mor", "nel", "oak", "pem", "rad", "sten", "tho", "wal", "yor", "zin"}
	word := func() string { return syllables[rng.IntN(20)] + syllables[rng.IntN(20)] }
	given := make([]string, 300)
	for n := range given {
		given[n] = word()
	}
	family := make([]string, max(1000, size/50))
	for n := range family {
		family[n] = word() + syllables[rng.IntN(20)]
	}
	var ids []uint64
	add := func(tx *store.Tx, name string, handles ...string) error {
		c, err := i.Create(tx, name)
		if err != nil {
			return err
		}
		for _, h := range handles {
			if _, _, err := i.Link(tx, c.ID, message.Handle(h), Decision{By: Exact, Confidence: 1}); err != nil {
				return err
			}
		}
		ids = append(ids, c.ID)
		_, err = i.Refresh(tx, c.ID)
		return err
	}
	for n := 0; n < size; {
		if err := s.Update(b.Context(), func(tx *store.Tx) error {
			for range 2000 {
				g, f := given[rng.IntN(len(given))], family[rng.IntN(len(family))]
				n++
				handles := []string{fmt.Sprintf("mailto:%s.%s%d@example.com", g, f, n)}
				if k := n / 3; n%3 == 0 && k < 80_000 { // as many numbers are reserved for fiction
					handles = append(handles, fmt.Sprintf("tel:+1%d55501%02d", 200+k/100, k%100))
				}
				if err := add(tx, g+" "+f, handles...); err != nil {
					return err
				}
				if n%10 != 0 {
					continue
				}
				n++
				if err := add(tx, f+", "+g, fmt.Sprintf("mailto:%c%s%d@example.org", g[0], f, n)); err != nil {
					return err
				}
			}
			return nil
		}); err != nil {
			b.Fatal(err)
		}
	}
	var took []time.Duration
	found := 0
	b.ResetTimer()
	for b.Loop() {
		id := ids[rng.IntN(len(ids))]
		start := time.Now()
		if err := s.View(func(tx *store.Tx) error {
			list, err := i.Judging(tx).Judge(id, nil)
			found += len(list)
			return err
		}); err != nil {
			b.Fatal(err)
		}
		took = append(took, time.Since(start))
	}
	slices.Sort(took)
	at := func(p int) float64 { return float64(took[min(len(took)*p/100, len(took)-1)].Microseconds()) / 1000 }
	b.ReportMetric(at(50), "ms-p50")
	b.ReportMetric(at(99), "ms-p99")
	b.ReportMetric(float64(found)/float64(len(took)), "found")
	b.ReportMetric(float64(len(ids)), "customers")
}
