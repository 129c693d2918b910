package api

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"throughline/store"
)

// hookRate is how many webhooks a second the benchmark brings.
const hookRate = 200

// BenchmarkHook measures from the beginning of a provider's POST to the frame at a
// client, at hookRate requests a second, beside the disk alone in the same run: what
// is not on it is neither answered nor shown.
func BenchmarkHook(b *testing.B) {
	b.Run("hub", func(b *testing.B) {
		st, err := store.Open(filepath.Join(b.TempDir(), "hub.db"), store.Options{})
		must(b, err)
		b.Cleanup(func() { must(b, st.Close()) })
		benchHooks(b, worldOptions{store: st})
	})
	b.Run("hub without waiting for the disk", func(b *testing.B) { benchHooks(b, worldOptions{}) })
	b.Run("disk", func(b *testing.B) {
		f, err := os.Create(filepath.Join(b.TempDir(), "disk"))
		must(b, err)
		defer f.Close()
		page := make([]byte, 16<<10) // about what a small commit writes, twice
		var took []time.Duration
		start := time.Now()
		for n := range b.N {
			// As the requests come: one that is late makes the next ones late.
			at := start.Add(time.Duration(n) * time.Second / hookRate)
			time.Sleep(time.Until(at))
			for i := range 2 {
				_, err := f.WriteAt(page, int64(2*n+i)*int64(len(page)))
				must(b, err)
				must(b, f.Sync())
			}
			took = append(took, time.Since(at))
		}
		percentiles(b, took)
	})
}

func percentiles(b *testing.B, took []time.Duration) {
	slices.Sort(took)
	ms := func(p float64) float64 { return float64(took[int(p*float64(len(took)-1))].Microseconds()) / 1000 }
	b.ReportMetric(ms(0.5), "p50-ms")
	b.ReportMetric(ms(0.99), "p99-ms")
}

func benchHooks(b *testing.B, o worldOptions) {
	w, _ := newTextWorld(b, o, nil)
	live := w.browser(w.admin).live("")
	w.http.Client().Transport = &http.Transport{MaxIdleConnsPerHost: 64}
	var mu sync.Mutex
	began := make(map[string]time.Time)
	took := make([]time.Duration, 0, b.N)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for len(took) < b.N {
			_, data, err := live.conn.ReadMessage()
			at := time.Now()
			if err != nil {
				b.Error(err)
				return
			}
			var f LiveFrame
			if json.Unmarshal(data, &f) != nil || f.Entry == nil || f.Entry.Message == nil {
				continue
			}
			mu.Lock()
			took = append(took, at.Sub(began[f.Entry.Message.Reply]))
			mu.Unlock()
		}
	}()
	cpu := cpuTime(b)
	b.ResetTimer()
	tick := time.NewTicker(time.Second / hookRate)
	defer tick.Stop()
	var wg sync.WaitGroup
	for n := range b.N {
		<-tick.C
		wg.Go(func() {
			text := fmt.Sprintf("text %d", n)
			mu.Lock()
			began[text] = time.Now()
			mu.Unlock()
			if resp := w.post(fmt.Sprintf("/hooks/mobile/x?id=SM%d&from=%03d", n, n%1000), text); resp.StatusCode != 200 {
				b.Error(resp.Status)
			}
		})
	}
	wg.Wait()
	<-done
	b.StopTimer()
	percentiles(b, took)
	b.ReportMetric(float64((cpuTime(b)-cpu).Microseconds())/float64(b.N), "cpu-µs/hook")
}
