package match

import (
	"os"
	"runtime"
	"strconv"
	"testing"
)

// BenchmarkFind finds the people of 50,000 records, those of BENCH_RECORDS if set.
func BenchmarkFind(b *testing.B) {
	w := newWorld(11, records(b, 50_000)*60/100)
	b.ResetTimer()
	for b.Loop() {
		r := Find(w.records, Options{Country: "GB"})
		precision, recall, _ := quality(w.person, r.Clusters)
		b.ReportMetric(precision, "precision")
		b.ReportMetric(recall, "recall")
		b.ReportMetric(float64(r.Compared), "pairs")
		b.ReportMetric(float64(len(w.records)), "records")
	}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	b.ReportMetric(float64(m.Sys)/1e6, "MB")
}

// BenchmarkBlock finds the pairs worth comparing among 1,000,000 records.
func BenchmarkBlock(b *testing.B) {
	w := newWorld(12, records(b, 1_000_000)*60/100)
	profiles := make([]*Profile, len(w.records))
	for i := range w.records {
		profiles[i] = Normalize(&w.records[i], "GB")
	}
	first := map[int]int32{} // the first record of each person
	b.ResetTimer()
	for b.Loop() {
		blocks := Block(profiles)
		pairs, found, all := 0, 0, 0
		var room []int32
		clear(first)
		size := map[int]int{}
		for i := range profiles {
			room = blocks.After(int32(i), room[:0])
			pairs += len(room)
			for _, j := range room {
				if w.person[i] == w.person[j] {
					found++
				}
			}
			all += size[w.person[i]]
			size[w.person[i]]++
		}
		b.ReportMetric(float64(pairs)/float64(len(profiles)), "pairs/record")
		b.ReportMetric(float64(found)/float64(all), "recall")
		b.ReportMetric(float64(blocks.Stats.Oversized), "oversized")
	}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	b.ReportMetric(float64(m.Sys)/1e6, "MB")
}

func records(b *testing.B, n int) int {
	if s := os.Getenv("BENCH_RECORDS"); s != "" {
		var err error
		if n, err = strconv.Atoi(s); err != nil {
			b.Fatal(err)
		}
	}
	return n
}
