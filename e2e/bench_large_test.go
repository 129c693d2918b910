package e2e

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"throughline/api"
	"throughline/connectors/email/mailtest"
)

// benchSizes are the numbers of conversations that BenchmarkLarge goes through:
// BENCH_CONVERSATIONS, parted by commas. A million takes many minutes and
// 4 GB of disk.
func benchSizes(b *testing.B) []int {
	v := os.Getenv("BENCH_CONVERSATIONS")
	if v == "" {
		v = "10000,100000"
	}
	var sizes []int
	for f := range strings.SplitSeq(v, ",") {
		n, err := strconv.Atoi(strings.TrimSpace(f))
		if err != nil || n < 1000 {
			b.Fatalf("BENCH_CONVERSATIONS: %q: give numbers from 1000 on, parted by commas", v)
		}
		sizes = append(sizes, n)
	}
	return sizes
}

// BenchmarkLarge measures what depends on the number of conversations: lists at 8
// clients, a start, memory at rest.
func BenchmarkLarge(b *testing.B) {
	for _, n := range benchSizes(b) {
		b.Run(strconv.Itoa(n), func(b *testing.B) { benchLarge(b, n) })
	}
}

func benchLarge(b *testing.B, n int) {
	h := newHub(b, hubOptions{})
	long := fillFolder(b, h.dir, n)
	h.start()
	admin := h.setup()
	// An account at rest belongs to a hub at rest.
	box, err := mailtest.StartIMAP(mailtest.IMAPOptions{User: "support", Password: "benchmark"})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { box.Close() })
	smtp := startSMTP(b, mailtest.SMTPOptions{Discard: true})
	admin.addAccount(b, "support", settings(&mailtest.Dovecot{IMAP: box.Port, Password: "benchmark"}, "support", smtp.Port))
	admin.untilPhase(b, "support", "live")
	if counts, err := get[api.Counts](admin, "/api/counts"); err != nil || counts.All != n+1 {
		b.Fatalf("%d conversations in the list of all, not %d (%v)", counts.All, n+1, err)
	}
	b.Run("start", func(b *testing.B) {
		for b.Loop() {
			b.StopTimer()
			if _, err := h.terminate(); err != nil {
				b.Fatal(err)
			}
			b.StartTimer()
			h.start()
			if _, err := get[api.Counts](admin, "/api/counts"); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("idle", func(b *testing.B) {
		for b.Loop() {
			time.Sleep(5 * time.Second)
		}
		b.ReportMetric(float64(h.memory("VmRSS"))/(1<<20), "RSS-MB")
		b.ReportMetric(float64(h.memory("RssAnon"))/(1<<20), "anon-MB")
		b.ReportMetric(0, "ns/op")
	})
	session := &client{base: h.url, agent: admin.agent}
	session.signIn(b, "/api/session", api.LoginRequest{Email: "nora@example.com", Password: password})
	const list = "/api/conversations?view=all&limit=25"
	for _, c := range []struct {
		name  string
		paths []string
	}{
		{"health", []string{"/healthz"}}, // what HTTP itself costs here
		{"newest", []string{list}},
		{"anywhere", anywhere(b, session, list)}, // pages that nobody has looked at before
		{"conversation", []string{fmt.Sprintf("/api/conversations/%d?limit=50", long)}},
	} {
		b.Run(c.name, func(b *testing.B) {
			var l load
			l.add(b, h, session, c.paths, b.N)
			l.report(b, "")
		})
	}
	// In turns of a few hundred calls, so that whatever else the machine does
	// concerns both alike.
	b.Run("session and key", func(b *testing.B) {
		const turn = 400
		var bySession, byKey load
		for left := b.N; left > 0; left -= 2 * turn {
			bySession.add(b, h, session, []string{list}, turn)
			byKey.add(b, h, admin, []string{list}, turn)
		}
		bySession.report(b, "session-")
		byKey.report(b, "key-")
		b.ReportMetric((byKey.took.Seconds()/float64(byKey.calls)*float64(bySession.calls)/bySession.took.Seconds()-1)*100, "%-slower-by-key")
		b.ReportMetric(0, "ns/op")
	})
}

// anywhere is the first page of a list and every hundredth that follows it, up to
// 500 of them.
func anywhere(b *testing.B, c *client, list string) []string {
	b.Helper()
	paths := []string{list}
	cursor := ""
	for i := 0; len(paths) < 500; i++ {
		page, err := get[api.Rows](c, "/api/conversations?view=all&limit=100&cursor="+cursor)
		if err != nil {
			b.Fatal(err)
		}
		if cursor = page.Next; cursor == "" {
			break
		}
		if i%4 == 0 {
			paths = append(paths, list+"&cursor="+cursor)
		}
	}
	return paths
}

// load is what calls from 8 clients at once took.
type load struct {
	calls int
	took  time.Duration
	cpu   time.Duration // of the hub alone
	size  int64         // of the last answer
}

// report writes the figures of all calls since the beginning.
func (l *load) report(b *testing.B, prefix string) {
	b.ReportMetric(float64(l.calls)/l.took.Seconds(), prefix+"req/s")
	b.ReportMetric(float64(l.cpu.Microseconds())/float64(l.calls), prefix+"hub-µs/req")
	b.ReportMetric(float64(l.size)/1024, prefix+"KB")
}

// add makes n calls more.
func (l *load) add(b *testing.B, h *hub, c *client, paths []string, n int) {
	b.Helper()
	const clients = 8
	hc := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: clients}}
	defer hc.CloseIdleConnections()
	var next, size atomic.Int64
	var wg sync.WaitGroup
	cpu, began := h.cpu(), time.Now()
	for range clients {
		wg.Go(func() {
			var buf bytes.Buffer
			for {
				i := int(next.Add(1) - 1)
				if i >= n {
					return
				}
				req, err := http.NewRequestWithContext(context.Background(), http.MethodGet, c.base()+paths[i%len(paths)], nil)
				if err != nil {
					b.Error(err)
					return
				}
				if c.key != "" {
					req.Header.Set("Authorization", "Bearer "+c.key)
				} else {
					req.Header.Set("Cookie", c.cookie)
				}
				resp, err := hc.Do(req)
				if err != nil {
					b.Error(err)
					return
				}
				buf.Reset()
				_, err = buf.ReadFrom(resp.Body)
				resp.Body.Close()
				if err != nil || resp.StatusCode != http.StatusOK {
					b.Errorf("%s: %v", resp.Status, err)
					return
				}
				size.Store(int64(buf.Len()))
			}
		})
	}
	wg.Wait()
	l.took += time.Since(began)
	l.cpu += h.cpu() - cpu
	l.calls += n
	l.size = size.Load()
}

// cpu is the processor time that the hub has used so far.
func (h *hub) cpu() time.Duration {
	h.t.Helper()
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", h.cmd.Process.Pid))
	if err != nil {
		return 0 // not on this system
	}
	// The name, which may hold spaces, ends with the last parenthesis; utime and
	// stime are the fields 14 and 15, in hundredths of a second.
	fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
	var ticks int64
	for _, f := range fields[11:13] {
		n, err := strconv.ParseInt(f, 10, 64)
		if err != nil {
			h.t.Fatal(err)
		}
		ticks += n
	}
	return time.Duration(ticks) * 10 * time.Millisecond
}
