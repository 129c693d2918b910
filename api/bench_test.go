package api

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"throughline/message"
	"throughline/timeline"
)

// benchConversations is how many conversations the list is benchmarked with;
// LIST_CONVERSATIONS sets another number.
func benchConversations() int {
	if n, err := strconv.Atoi(os.Getenv("LIST_CONVERSATIONS")); err == nil {
		return n
	}
	return 100_000
}

// seed takes in n conversations of one message each.
func (w *world) seed(n int) {
	w.t.Helper()
	for at := 0; at < n; at += 500 {
		ms := make([]message.Message, 0, 500)
		for i := at; i < min(at+500, n); i++ {
			m := mail(fmt.Sprintf("customer%d@example.org", i), fmt.Sprintf("m%d", i), "Hello, my order of last week has not arrived. Could you look where it is? Many thanks, a customer")
			ms = append(ms, m)
		}
		w.accept(ms...)
	}
}

// hammer calls one address from 8 clients at once and reports calls a second and
// bytes of an answer.
func hammer(b *testing.B, c *client, path string) {
	tr := &http.Transport{MaxIdleConnsPerHost: 8}
	defer tr.CloseIdleConnections()
	size := 0
	{
		resp, body := c.do("GET", path, nil)
		if resp.StatusCode != 200 {
			b.Fatalf("%d %s", resp.StatusCode, body)
		}
		size = len(body)
	}
	cpu := cpuTime(b)
	b.SetParallelism(max(1, 8/runtime.GOMAXPROCS(0)))
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			resp, err := tr.RoundTrip(c.request("GET", path, nil))
			if err != nil {
				b.Error(err)
				return
			}
			_, _ = io.Copy(io.Discard, resp.Body)
			resp.Body.Close()
			if resp.StatusCode != 200 {
				b.Error(resp.Status)
				return
			}
		}
	})
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "calls/s")
	b.ReportMetric(float64(size), "B/answer")
	// What other work on the machine does not change much: both ends together.
	b.ReportMetric(float64((cpuTime(b)-cpu).Microseconds())/float64(b.N), "cpu-µs/call")
}

func cpuTime(b *testing.B) time.Duration {
	var r syscall.Rusage
	must(b, syscall.Getrusage(syscall.RUSAGE_SELF, &r))
	return time.Duration(r.Utime.Nano() + r.Stime.Nano())
}

func BenchmarkList(b *testing.B) {
	w := newWorld(b, worldOptions{})
	w.seed(benchConversations())
	session, key := w.browser(w.admin), w.program(w.admin)
	b.Run("25newest/session", func(b *testing.B) { hammer(b, session, "/api/conversations?view=all") })
	b.Run("25newest/key", func(b *testing.B) { hammer(b, key, "/api/conversations?view=all") })
	b.Run("who/session", func(b *testing.B) { hammer(b, session, "/api/session") })
	b.Run("who/key", func(b *testing.B) { hammer(b, key, "/api/session") })
	b.Run("bare", func(b *testing.B) {
		// The limit of the same run: an answer of that size over the same HTTP.
		_, body := session.do("GET", "/api/conversations?view=all", nil)
		srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(body) }))
		defer srv.Close()
		hammer(b, &client{w: &world{t: b, http: srv}}, "/")
	})
}

func BenchmarkConversation(b *testing.B) {
	w := newWorld(b, worldOptions{})
	text := strings.Repeat("We have looked into it and it will be with you soon. ", 30)
	var id uint64
	for i := range 50 {
		m := mail("carla@example.org", fmt.Sprintf("m%d", i), text, "m0")
		if i == 0 {
			m.Refs = nil
		}
		m.HTML = "<p>" + text + "</p>"
		m.Cc = []message.Person{{Name: "Dan", Handle: "mailto:dan@example.org"}}
		id, _ = w.arrive(m)
	}
	c := w.browser(w.admin)
	var conv Conversation
	c.call(200, "GET", "/api/conversations/"+utoa(id), nil, &conv)
	if len(conv.Timeline.Entries) != 50 {
		b.Fatalf("%d entries", len(conv.Timeline.Entries))
	}
	hammer(b, c, "/api/conversations/"+utoa(id))
}

// raiseFiles lets the process open what n sockets with both their ends need.
func raiseFiles(b *testing.B, n int) {
	var r syscall.Rlimit
	must(b, syscall.Getrlimit(syscall.RLIMIT_NOFILE, &r))
	if want := uint64(2*n + 500); r.Cur < want {
		r.Cur = min(want, r.Max)
		if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &r); err != nil || r.Cur < want {
			b.Skipf("%d sockets need %d open files; the limit is %d", n, want, r.Max)
		}
	}
}

// crowd is n clients that count the frames they get.
type crowd struct {
	conns []*websocket.Conn
	got   chan struct{}
	wg    sync.WaitGroup
}

func gather(b *testing.B, n int, url string, header http.Header, counts func([]byte) bool) *crowd {
	c := &crowd{got: make(chan struct{}, n)}
	d := websocket.Dialer{ReadBufferSize: 1 << 10, WriteBufferSize: 512, NetDial: net.Dial}
	for range n {
		conn, _, err := d.Dial(url, header)
		must(b, err)
		c.conns = append(c.conns, conn)
		c.wg.Go(func() {
			buf := make([]byte, 32)
			for {
				_, r, err := conn.NextReader()
				if err != nil {
					return
				}
				k, _ := io.ReadFull(r, buf)
				_, _ = io.Copy(io.Discard, r)
				if counts(buf[:k]) {
					c.got <- struct{}{}
				}
			}
		})
	}
	return c
}

func (c *crowd) wait() {
	for range c.conns {
		<-c.got
	}
}

func (c *crowd) leave() {
	for _, conn := range c.conns {
		conn.Close()
	}
	c.wg.Wait()
}

func isEntry(b []byte) bool { return strings.HasPrefix(string(b), `{"type":"entry"`) }

func heap() uint64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapInuse + m.StackInuse
}

// BenchmarkSocketMemory is what n open sockets cost the hub alone: the clients are
// bare connections that keep nothing but themselves.
func BenchmarkSocketMemory(b *testing.B) {
	for _, n := range []int{500, 5000} {
		b.Run(strconv.Itoa(n), func(b *testing.B) {
			raiseFiles(b, n)
			w := newWorld(b, worldOptions{})
			c := w.browser(w.admin)
			address := strings.TrimPrefix(w.http.URL, "http://")
			hello := "GET /api/live HTTP/1.1\r\nHost: " + address + "\r\nCookie: " + cookieName + "=" + c.session +
				"\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
			conns := make([]net.Conn, 0, n)
			before := heap()
			for range n {
				conn, err := net.Dial("tcp", address)
				must(b, err)
				_, err = io.WriteString(conn, hello)
				must(b, err)
				conns = append(conns, conn)
			}
			for w.s.lives.count() < n {
				time.Sleep(10 * time.Millisecond)
			}
			time.Sleep(time.Second) // presence and counts have gone round
			for b.Loop() {
				b.ReportMetric(float64(heap()-before)/float64(n)/1024, "KiB/socket")
			}
			for _, conn := range conns {
				conn.Close()
			}
		})
	}
}

// BenchmarkFanout is the time from a change to the last of n sockets, beside a
// loop that writes the same frame to n bare websockets. The clients run in the
// same process in both cases.
func BenchmarkFanout(b *testing.B) {
	for _, n := range []int{500, 5000} {
		b.Run(fmt.Sprintf("hub/%d", n), func(b *testing.B) {
			raiseFiles(b, n)
			w := newWorld(b, worldOptions{})
			id, _ := w.arrive(mail("carla@example.org", "a", "hello"))
			c := w.browser(w.admin)
			before := heap()
			h := http.Header{"Cookie": {cookieName + "=" + c.session}}
			all := gather(b, n, "ws"+strings.TrimPrefix(w.http.URL, "http")+"/api/live", h, isEntry)
			defer all.leave()
			for w.s.lives.count() < n {
				time.Sleep(10 * time.Millisecond)
			}
			time.Sleep(time.Second) // presence and counts have gone round
			size := float64(heap()-before) / float64(n) / 1024
			cpu := cpuTime(b)
			b.ResetTimer()
			for range b.N {
				must(b, w.append(timeline.Event{Kind: timeline.ConversationRead, Conversation: id, Quiet: true}))
				all.wait()
			}
			b.StopTimer()
			b.ReportMetric(size, "KiB/pair")
			b.ReportMetric(float64((cpuTime(b)-cpu).Nanoseconds())/float64(b.N*n)/1000, "cpu-µs/frame")
		})
		b.Run(fmt.Sprintf("bare/%d", n), func(b *testing.B) {
			raiseFiles(b, n)
			up := websocket.Upgrader{ReadBufferSize: 512, WriteBufferPool: new(sync.Pool)}
			var mu sync.Mutex
			var conns []*websocket.Conn
			srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				conn, err := up.Upgrade(w, r, nil)
				if err == nil {
					mu.Lock()
					conns = append(conns, conn)
					mu.Unlock()
				}
			}))
			defer srv.Close()
			before := heap()
			all := gather(b, n, "ws"+strings.TrimPrefix(srv.URL, "http"), nil, isEntry)
			defer all.leave()
			for {
				mu.Lock()
				k := len(conns)
				mu.Unlock()
				if k == n {
					break
				}
				time.Sleep(time.Millisecond)
			}
			size := float64(heap()-before) / float64(n) / 1024
			frame := []byte(`{"type":"entry","seq":1,"x":"` + strings.Repeat("x", 600) + `"}`)
			cpu := cpuTime(b)
			b.ResetTimer()
			for range b.N {
				msg, err := websocket.NewPreparedMessage(websocket.TextMessage, frame)
				must(b, err)
				for _, conn := range conns {
					must(b, conn.WritePreparedMessage(msg))
				}
				all.wait()
			}
			b.StopTimer()
			b.ReportMetric(size, "KiB/pair")
			b.ReportMetric(float64((cpuTime(b)-cpu).Nanoseconds())/float64(b.N*n)/1000, "cpu-µs/frame")
			for _, conn := range conns {
				conn.Close()
			}
		})
	}
}
