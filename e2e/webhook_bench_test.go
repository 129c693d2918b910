package e2e

import (
	"bufio"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"go.etcd.io/bbolt"

	"throughline/api"
	"throughline/connectors/slack/slacktest"
	"throughline/connectors/twilio/twiliotest"
)

// webhookRate is how many webhooks a second BenchmarkWebhook brings, whether those
// before have been answered or not.
const webhookRate = 200

// BenchmarkWebhook measures from the beginning of Twilio's POST to the frame at an
// agent's websocket: hub is the real program, which checks the signature, commits,
// places the text and tells of it; bare is the least that this can be, a handler
// that puts the body into a bbolt bucket, commits and sends it on, in the process
// of the benchmark. One operation is one webhook.
//
// One in ten texts comes from somebody new, and all that follows the log works:
// duplicates, preferences, notices (of a rule that no conversation fits, since Slack
// takes one post a second). It tells how long they were behind when the last webhook
// was seen, and what is left of goroutines and heap: with -benchtime 6000x after half
// a minute.
func BenchmarkWebhook(b *testing.B) {
	b.Run("bare", func(b *testing.B) {
		db, err := bbolt.Open(filepath.Join(b.TempDir(), "bare.db"), 0o600, nil)
		if err != nil {
			b.Fatal(err)
		}
		defer db.Close()
		var mu sync.Mutex
		var conn *websocket.Conn
		seq := uint64(0)
		mux := http.NewServeMux()
		up := websocket.Upgrader{}
		mux.HandleFunc("/live", func(w http.ResponseWriter, r *http.Request) {
			c, err := up.Upgrade(w, r, nil)
			if err != nil {
				b.Error(err)
				return
			}
			mu.Lock()
			defer mu.Unlock()
			conn = c
		})
		mux.HandleFunc("/hook", func(w http.ResponseWriter, r *http.Request) {
			body, err := io.ReadAll(r.Body)
			if err != nil {
				b.Error(err)
				return
			}
			mu.Lock()
			defer mu.Unlock()
			seq++
			if err := db.Update(func(tx *bbolt.Tx) error {
				bk, err := tx.CreateBucketIfNotExists([]byte("hooks"))
				if err != nil {
					return err
				}
				return bk.Put(fmt.Appendf(nil, "%016x", seq), body)
			}); err != nil {
				b.Error(err)
			}
			if err := conn.WriteMessage(websocket.TextMessage, body); err != nil {
				b.Error(err)
			}
		})
		web := httptest.NewServer(mux)
		defer web.Close()
		live, _, err := websocket.DefaultDialer.Dial("ws"+strings.TrimPrefix(web.URL, "http")+"/live", nil)
		if err != nil {
			b.Fatal(err)
		}
		defer live.Close()
		bringWebhooks(b, web.URL+"/hook", live)
	})
	b.Run("hub", func(b *testing.B) {
		p := openPhones(b, hubOptions{}, twiliotest.Options{})
		live, err := p.admin.dial(0)
		if err != nil {
			b.Fatal(err)
		}
		defer live.Close()
		b.StopTimer()
		p.addQuietNotices(b)
		before := p.figures(b)
		b.StartTimer()
		bringWebhooks(b, p.url()+"/hooks/sms/message", live)
		b.StopTimer()
		caught := time.Now()
		until(b, "the followers of the log caught up", func() error {
			// The other one notes its place only now and then.
			if n := p.figures(b)[`throughline_follower_behind_events{follower="preference"}`]; n > 0 {
				return fmt.Errorf("%.0f events", n)
			}
			return nil
		})
		b.ReportMetric(time.Since(caught).Seconds(), "s-behind")
		after := p.figures(b)
		b.ReportMetric(after["go_goroutines"]-before["go_goroutines"], "more-goroutines")
		b.ReportMetric((after["go_memstats_heap_inuse_bytes"]-before["go_memstats_heap_inuse_bytes"])/(1<<20), "more-heap-MB")
		peak := p.memory("VmHWM")
		if _, err := p.terminate(); err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(float64((p.cmd.ProcessState.UserTime()+p.cmd.ProcessState.SystemTime()).Microseconds())/float64(b.N), "cpu-µs/hook")
		b.ReportMetric(float64(peak)/(1<<20), "peak-MB")
	})
}

// addQuietNotices adds a Slack and a rule that reads of every text and posts nothing.
func (p *phones) addQuietNotices(b *testing.B) {
	b.Helper()
	s, err := slacktest.Start(slacktest.Options{Unlimited: true})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(s.Close)
	room := s.Channel(slacktest.Room{Name: "desk"})
	p.admin.addSlack(b, s, nil)
	rule := api.NoticeRuleRequest{Name: "Desk", Account: "slack", Place: room.ID, Events: []string{"new", "waiting"}, Minutes: 1, Tags: []string{"none"}}
	if err := p.admin.call(http.MethodPost, "/api/notices", rule, nil); err != nil {
		b.Fatal(err)
	}
}

// figures are those of /metrics.
func (h *hub) figures(b *testing.B) map[string]float64 {
	b.Helper()
	resp, err := http.Get(h.url() + "/metrics")
	if err != nil {
		b.Fatal(err)
	}
	defer resp.Body.Close()
	all := map[string]float64{}
	for lines := bufio.NewScanner(resp.Body); lines.Scan(); {
		name, value, _ := strings.Cut(lines.Text(), " ")
		if n, err := strconv.ParseFloat(value, 64); err == nil {
			all[name] = n
		}
	}
	return all
}

// sender is one of a hundred who write again and again, or with every tenth text
// somebody new; the numbers are reserved for fiction.
func sender(n int) string {
	if n%10 == 9 {
		return fmt.Sprintf("+1%d55501%02d", 300+n/1000, n/10%100)
	}
	return fmt.Sprintf("+120255501%02d", 1+n%99)
}

var hookToken = regexp.MustCompile(`text-\d{6}`)

// bringWebhooks posts signed webhooks at webhookRate and reports when they were
// seen at a websocket.
func bringWebhooks(b *testing.B, address string, live *websocket.Conn) {
	b.Helper()
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64}, Timeout: patience}
	defer client.CloseIdleConnections()
	var mu sync.Mutex
	began, took := map[string]time.Time{}, []time.Duration{}
	changed := sync.NewCond(&mu)
	go func() {
		for {
			_, data, err := live.ReadMessage()
			at := time.Now()
			if err != nil {
				return
			}
			token := string(hookToken.Find(data))
			mu.Lock()
			if start, ok := began[token]; ok {
				took = append(took, at.Sub(start))
				delete(began, token) // later frames tell of the same text
				changed.Signal()
			}
			mu.Unlock()
		}
	}()
	tick := time.NewTicker(time.Second / webhookRate)
	defer tick.Stop()
	var wg sync.WaitGroup
	n := 0
	for b.Loop() {
		<-tick.C
		token := fmt.Sprintf("text-%06d", n)
		sid := fmt.Sprintf("SM%032x", n+1)
		form := url.Values{"MessageSid": {sid}, "SmsSid": {sid}, "SmsMessageSid": {sid}, "AccountSid": {twiliotest.DefaultAccountSID}, "ApiVersion": {"2010-04-01"},
			"From": {sender(n)}, "To": {ourNumber}, "Body": {token + " Is my bicycle ready? I could come at five."}, "NumMedia": {"0"},
			"NumSegments": {"1"}, "SmsStatus": {"received"}, "FromCountry": {"US"}, "ToCountry": {"US"}}
		req, err := http.NewRequest(http.MethodPost, address, strings.NewReader(form.Encode()))
		if err != nil {
			b.Fatal(err)
		}
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded; charset=UTF-8")
		req.Header.Set("X-Twilio-Signature", twiliotest.Sign(twiliotest.DefaultAuthToken, address, form))
		n++
		wg.Go(func() {
			mu.Lock()
			began[token] = time.Now()
			mu.Unlock()
			resp, err := client.Do(req)
			if err != nil {
				b.Error(err)
				return
			}
			_, _ = io.Copy(io.Discard, resp.Body)
			resp.Body.Close()
			if resp.StatusCode != http.StatusOK {
				b.Error(resp.Status)
			}
		})
	}
	wg.Wait()
	late := time.AfterFunc(patience, func() { b.Error("not every webhook was seen"); mu.Lock(); n = 0; mu.Unlock(); changed.Broadcast() })
	defer late.Stop()
	mu.Lock()
	for len(took) < n {
		changed.Wait()
	}
	all := took
	mu.Unlock()
	b.ReportMetric(ms(all, 50), "ms-p50")
	b.ReportMetric(ms(all, 99), "ms-p99")
	b.ReportMetric(0, "ns/op")
}
