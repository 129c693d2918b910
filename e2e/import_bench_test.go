package e2e

import (
	"encoding/csv"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// BenchmarkImport imports people from a table into the running program, twice: new
// people, and the same file again. Sizes: BENCH_ROWS (50,000). The first is checked
// and written while duplicates are looked for; it tells how long that takes beyond.
// One operation is one file.
func BenchmarkImport(b *testing.B) {
	rows := benchSize(b, "BENCH_ROWS", 50_000)
	file := filepath.Join(b.TempDir(), "people.csv")
	writePeople(b, file, rows)
	for b.Loop() {
		b.StopTimer()
		h := newHub(b, hubOptions{})
		h.start()
		h.setup()
		b.StartTimer()
		for _, what := range []string{"new", "again"} {
			start := time.Now()
			out, err := exec.Command(h.program, "import", "people", "-data", h.dir, file).CombinedOutput()
			if err != nil {
				b.Fatalf("%v: %s", err, out)
			}
			b.ReportMetric(float64(rows)/time.Since(start).Seconds(), what+"-rows/s")
			if what == "again" {
				continue
			}
			start = time.Now()
			for h.figures(b)[`throughline_follower_behind_events{follower="duplicates"}`] > 2000 { // it notes its place now and then
				if time.Since(start) > 10*time.Minute {
					b.Fatal("duplicates are looked for without end")
				}
				time.Sleep(100 * time.Millisecond)
			}
			b.ReportMetric(time.Since(start).Seconds(), "s-behind")
		}
		b.StopTimer()
		b.ReportMetric(float64(h.memory("VmHWM"))/(1<<20), "peak-MB")
		if _, err := h.terminate(); err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(float64((h.cmd.ProcessState.UserTime()+h.cmd.ProcessState.SystemTime()).Microseconds()/int64(rows)), "cpu-µs/row")
		b.StartTimer()
	}
	b.ReportMetric(0, "ns/op")
}

// writePeople writes a table of invented people, one row each.
func writePeople(b *testing.B, file string, rows int) {
	b.Helper()
	f, err := os.Create(file)
	if err != nil {
		b.Fatal(err)
	}
	defer f.Close()
	w := csv.NewWriter(f)
	rng := rand.New(rand.NewPCG(3, 4))
	all := [][]string{{"First name", "Last name", "Email", "Phone", "Company", "City"}}
	for n := range rows {
		first, last := benchWords[rng.IntN(len(benchWords))], benchWords[rng.IntN(len(benchWords))]+benchWords[rng.IntN(len(benchWords))]
		all = append(all, []string{first, last, fmt.Sprintf("%s.%d@example.org", last, n), fmt.Sprintf("+1 %d 555 01%02d", 200+n/100%800, n%100),
			fmt.Sprintf("Works %d", rng.IntN(rows/20+1)), benchWords[rng.IntN(len(benchWords))]})
	}
	if err := w.WriteAll(all); err != nil {
		b.Fatal(err)
	}
}
