package api

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"
)

// hookRate is how many webhooks a second the benchmark brings.
const hookRate = 200

// BenchmarkHook measures from the beginning of a provider's POST to the frame at a
// client, at hookRate requests a second; durable means that the answer came after
// the commit, on the disk that the temporary folder is on.
func BenchmarkHook(b *testing.B) {
	w, _ := newTextWorld(b, worldOptions{}, nil)
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
	slices.Sort(took)
	ms := func(p float64) float64 { return float64(took[int(p*float64(len(took)-1))].Microseconds()) / 1000 }
	b.ReportMetric(ms(0.5), "p50-ms")
	b.ReportMetric(ms(0.99), "p99-ms")
	b.ReportMetric(float64((cpuTime(b)-cpu).Microseconds())/float64(b.N), "cpu-µs/hook")
}
